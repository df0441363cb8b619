"""Reads and checks areas of interest."""

from kpgeo.registry.places import aoi_folder
from kpgeo.registry.raster import grid_of, rasterize_inside, rasterize_strata
from kpgeo.registry.reading import check_aoi, list_aois, read_aoi

__all__ = [
    "aoi_folder",
    "check_aoi",
    "grid_of",
    "list_aois",
    "rasterize_inside",
    "rasterize_strata",
    "read_aoi",
]
