"""Catalogues: STAC APIs, static catalogues and folders of files in, scenes out."""

from kpgeo.catalog.search import Answer, Search, find_scenes

__all__ = ["Answer", "Search", "find_scenes"]
