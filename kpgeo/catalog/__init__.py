"""Catalogues: STAC APIs and static catalogues in, scenes out."""

from kpgeo.catalog.search import Search, find_scenes

__all__ = ["Search", "find_scenes"]
