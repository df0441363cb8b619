"""Belief to change objects, and change objects to sites with a life."""

from kpgeo.sites.growth import months_of
from kpgeo.sites.link import link_sites
from kpgeo.sites.outline import outline_changes
from kpgeo.sites.place import Place

__all__ = ["Place", "link_sites", "months_of", "outline_changes"]
