"""The analyst's page: what was decided, read-only, on this machine."""

from kpgeo.web.app import make_app

__all__ = ["make_app"]
