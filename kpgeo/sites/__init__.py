"""Belief to change objects, and change objects to sites with a life."""

from kpgeo.sites.growth import months_of
from kpgeo.sites.link import link_sites
from kpgeo.sites.outline import outline_changes
from kpgeo.sites.place import Place
from kpgeo.sites.surroundings import Neighbourhood, describe_surroundings

__all__ = ["Neighbourhood", "Place", "describe_surroundings", "link_sites", "months_of", "outline_changes"]
