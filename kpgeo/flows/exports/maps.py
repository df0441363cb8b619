"""Maps: what was found as cloud-optimised GeoTIFFs, one a layer, for a dekad of an AOI."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from kpgeo.model.grid import Grid
from kpgeo.model.state import NO_DAY, DekadFields

_BLOCK_PX = 512


@dataclass(frozen=True, kw_only=True)
class MapLayer:
    """One map of a dekad.

    Attributes
    ----------
    nodata : float or int
        What stands where nothing can be said: outside the watched ground, or where nobody ever looked. Never a value.
    unit : str
        "1" for shares, "day" for days since 1970-01-01, "look" for counts.
    resampling : str
        How overviews are made.
    """

    name: str
    title: str
    dtype: str
    nodata: float
    unit: str
    resampling: str
    values: Callable[[DekadFields], NDArray[Any]]


def _last_look(fields: DekadFields) -> NDArray[np.uint16]:
    return np.maximum(fields.last_optical_day, fields.last_radar_day)


LAYERS = (
    MapLayer(
        name="mined-probability",
        title="How surely the ground is being mined or was left mined, 0-1",
        dtype="float32",
        nodata=float("nan"),
        unit="1",
        resampling="average",
        values=lambda fields: fields.mined_prob,
    ),
    MapLayer(
        name="mined-share",
        title="Share of the pixel that is dug or pond, 0-1, as last seen mined",
        dtype="float32",
        nodata=float("nan"),
        unit="1",
        resampling="average",
        values=lambda fields: fields.mined_frac,
    ),
    MapLayer(
        name="onset-day",
        title="Day on which digging is expected to have begun, given that the ground is mined; days since 1970-01-01",
        dtype="uint16",
        nodata=NO_DAY,
        unit="day",
        resampling="nearest",
        values=lambda fields: fields.onset_day,
    ),
    MapLayer(
        name="last-look-day",
        title="Day of the last clear look of any sensor; days since 1970-01-01",
        dtype="uint16",
        nodata=NO_DAY,
        unit="day",
        resampling="nearest",
        values=_last_look,
    ),
    MapLayer(
        name="looks",
        title="Clear looks within the dekad; 0 is nobody could see",
        dtype="uint8",
        nodata=255,
        unit="look",
        resampling="nearest",
        values=lambda fields: np.minimum(fields.looks, 254),
    ),
)


def map_of(layer: MapLayer, fields: DekadFields, watched: NDArray[np.bool_]) -> NDArray[Any]:
    """Return a layer's pixels (y, x): `nodata` outside the watched ground, and of beliefs where nobody ever looked."""
    is_known = watched if layer.unit == "look" else watched & (_last_look(fields) != NO_DAY)
    return np.where(is_known, layer.values(fields), layer.nodata).astype(layer.dtype)


def write_cog(pixels: NDArray[Any], grid: Grid, layer: MapLayer, path: Path, tags: dict[str, str]) -> None:
    """Write a layer as a cloud-optimised GeoTIFF (deflate, tiles of 512 px, overviews)."""
    profile = {
        "driver": "COG",
        "width": grid.width,
        "height": grid.height,
        "count": 1,
        "dtype": layer.dtype,
        "crs": f"EPSG:{grid.epsg}",
        "transform": from_origin(grid.left_m, grid.top_m, grid.res_m, grid.res_m),
        "nodata": layer.nodata,
        "compress": "DEFLATE",
        "predictor": "YES",
        "blocksize": _BLOCK_PX,
        "overview_resampling": layer.resampling.upper(),
        "num_threads": 1,
    }
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(pixels, 1)
        raster.set_band_description(1, layer.name)
        raster.update_tags(TIFFTAG_SOFTWARE="kpgeo", TIFFTAG_IMAGEDESCRIPTION=layer.title, **tags)
