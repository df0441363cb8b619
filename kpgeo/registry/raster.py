"""From an AOI to its grid, and from its outlines to rasters on that grid.

A pixel belongs to an outline when its centre does. Outlines are projected once, in pixels of the whole grid, snapped to
`_SNAP` parts of a pixel; moving to a tile then subtracts whole pixels, which floats do exactly. So a tile is bit for
bit the window of the whole raster, and it does not matter how a grid is cut.
"""

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geom import Geometry
from pyproj import Transformer
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from kpgeo.model.aoi import Aoi
from kpgeo.model.grid import Grid, Tile

# GeoJSON edges are straight in longitude and latitude. Split at this length, an edge strays from its true course by
# less than 0.2 m once it is straight in UTM.
_EDGE_DEG = 0.02
_SNAP = 1024.0


def grid_of(aoi: Aoi) -> Grid:
    """Return the grid of an AOI: its UTM zone, 10 m pixels, tiles of 512 × 512."""
    return Grid.covering(Geometry(_split(aoi.geometry), crs="EPSG:4326"), aoi.epsg)


def rasterize_inside(aoi: Aoi, grid: Grid, tile: Tile | None = None) -> NDArray[np.bool_]:
    """Return where pixel centres lie inside the boundary: bool (y, x) of the grid, or of one of its tiles."""
    inside: NDArray[np.bool_] = _burn([aoi.geometry], grid, tile).astype(np.bool_)
    return inside


def rasterize_strata(aoi: Aoi, grid: Grid, tile: Tile | None = None) -> NDArray[np.uint8]:
    """Return which stratum pixel centres lie in: uint8 (y, x) of the grid, or of one of its tiles.

    0 is outside every stratum or outside the boundary, i + 1 is `aoi.strata[i]`. Where strata overlap the first wins.
    """
    strata = _burn([stratum.geometry for stratum in aoi.strata], grid, tile)
    return np.where(rasterize_inside(aoi, grid, tile), strata, np.uint8(0)) if aoi.strata else strata


def _burn(geometries: list[BaseGeometry], grid: Grid, tile: Tile | None) -> NDArray[np.uint8]:
    """Burn i + 1 where geometry i lies; the first one is burnt last, so that it wins."""
    y0, x0 = (tile.y0, tile.x0) if tile else (0, 0)
    shape = (tile.height, tile.width) if tile else grid.shape
    outlines = [
        shapely.transform(in_pixels(_split(geometry), grid), lambda xy: xy - (x0, y0)) for geometry in geometries
    ]
    shapes = [(outline, index + 1) for index, outline in enumerate(outlines)]
    if not shapes:
        return np.zeros(shape, dtype=np.uint8)
    burnt: NDArray[np.uint8] = rasterize(shapes[::-1], out_shape=shape, fill=0, dtype="uint8", all_touched=False)
    return burnt


def _split(geometry: BaseGeometry) -> BaseGeometry:
    return shapely.segmentize(geometry, _EDGE_DEG)


def in_pixels(geometry: BaseGeometry, grid: Grid) -> BaseGeometry:
    """Return an EPSG:4326 geometry in pixels of the grid: x to the right, y down, (0, 0) at the upper left corner.

    Only its vertices are moved: edges stay straight.
    """
    to_grid = Transformer.from_crs("EPSG:4326", f"EPSG:{grid.epsg}", always_xy=True)

    def place(lon_lat: NDArray[np.float64]) -> NDArray[np.float64]:
        east_m, north_m = to_grid.transform(lon_lat[:, 0], lon_lat[:, 1])
        xy = np.stack([(east_m - grid.left_m) / grid.res_m, (grid.top_m - north_m) / grid.res_m], axis=1)
        return np.rint(xy * _SNAP) / _SNAP

    return shapely.transform(geometry, place)
