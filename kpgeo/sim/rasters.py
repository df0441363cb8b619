"""Writing rasters as cloud-optimised GeoTIFFs."""

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from kpgeo.sim.landscape import EPSG


def write_cog(
    path: Path, image: NDArray[np.generic], corner_m: tuple[float, float], res_m: float, nodata: float | None
) -> None:
    """Write one band as a COG: tiled, zstd, with overviews where it is wider than a tile.

    Parameters
    ----------
    path : Path
        The file; its folder exists.
    image : array (y, x)
        The band.
    corner_m : tuple of float
        Easting of the left edge and northing of the upper edge.
    res_m : float
        Pixel size.
    nodata : float or None
        Value of pixels that were not acquired.
    """
    is_float = image.dtype.kind == "f"
    with rasterio.open(
        path,
        "w",
        driver="COG",
        height=image.shape[0],
        width=image.shape[1],
        count=1,
        dtype=image.dtype,
        crs=f"EPSG:{EPSG}",
        transform=from_origin(*corner_m, res_m, res_m),
        nodata=nodata,
        blocksize=256,
        compress="zstd",
        level=1,
        predictor=3 if is_float else 2,
        overview_resampling="average" if is_float or image.dtype == np.uint16 else "nearest",
    ) as target:
        target.write(image, 1)
