"""Reads and checks areas of interest."""

from kpgeo.registry.labels import Label, find_label_pixels, read_labels
from kpgeo.registry.places import aoi_folder
from kpgeo.registry.proximity import (
    measure_left_out,
    rasterize_drainage_distance,
    rasterize_watched,
    rasterize_workings,
)
from kpgeo.registry.raster import grid_of, rasterize_inside, rasterize_strata
from kpgeo.registry.reading import check_aoi, list_aois, read_aoi

__all__ = [
    "Label",
    "aoi_folder",
    "check_aoi",
    "find_label_pixels",
    "grid_of",
    "list_aois",
    "measure_left_out",
    "rasterize_drainage_distance",
    "rasterize_inside",
    "rasterize_strata",
    "rasterize_watched",
    "rasterize_workings",
    "read_aoi",
    "read_labels",
]
