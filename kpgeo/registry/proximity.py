"""How far pixels lie from drainage, which lie in known workings, and which are watched.

Distances are those to the nearest pixel that a line or polygon touches, from pixel centre to pixel centre, so they are
good to a pixel. Each tile is reckoned with a margin as wide as distances reach, and a grid tile by tile: it does not
matter how a grid is cut.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import distance_transform_edt
from shapely.geometry.base import BaseGeometry

from kpgeo.model.aoi import Aoi, Layer, LayerKind, LeftOut, RiskSource
from kpgeo.model.geometry import area_ha
from kpgeo.model.grid import Grid, Tile
from kpgeo.registry.raster import in_pixels, rasterize_inside


def rasterize_drainage_distance(
    aoi: Aoi, grid: Grid, tile: Tile | None = None, *, cap_m: float = 2_000.0
) -> NDArray[np.float32]:
    """Return the distance of pixels to the nearest drainage line: float32 (y, x) of the grid, or of a tile, in m.

    It ends at `cap_m`, which is also what stands everywhere where the AOI names no drainage.
    """
    geometries = [layer.geometry for layer in aoi.layers_of(LayerKind.DRAINAGE)]
    return _by_tile(grid, tile, np.float32, lambda one: _distance_m(geometries, grid, one, cap_m))


def rasterize_workings(aoi: Aoi, grid: Grid, tile: Tile | None = None) -> NDArray[np.bool_]:
    """Return which pixels known workings touch: bool (y, x) of the grid, or of a tile.

    A point stands for the ground within its layer's radius.
    """
    geometries = _workings_of(aoi, grid)
    return _by_tile(grid, tile, np.bool_, lambda one: _touched(geometries, one, 0))


def rasterize_watched(aoi: Aoi, grid: Grid, tile: Tile | None = None) -> NDArray[np.bool_]:
    """Return which pixels are watched: bool (y, x) of the grid, or of a tile.

    Without ground at risk these are all pixels inside the boundary. With it, those inside that a risk area touches, or
    that lie no farther from what the rule names than it says.
    """
    if not aoi.is_watched_in_part:
        return rasterize_inside(aoi, grid, tile)
    return _by_tile(grid, tile, np.bool_, lambda one: rasterize_inside(aoi, grid, one) & _at_risk(aoi, grid, one))


def measure_left_out(aoi: Aoi, grid: Grid) -> LeftOut | None:
    """Return what of an AOI is not watched, by choice; None where it is watched whole."""
    if not aoi.is_watched_in_part:
        return None
    inside, watched = rasterize_inside(aoi, grid), rasterize_watched(aoi, grid)
    n_inside = max(int(np.count_nonzero(inside)), 1)
    share = 1.0 - int(np.count_nonzero(watched)) / n_inside
    return LeftOut(area_ha=share * area_ha(aoi.geometry), share_frac=share, why=_why(aoi))


def _why(aoi: Aoi) -> str:
    """Say what is watched instead of the whole."""
    parts = ["ground at risk as drawn"] if aoi.layers_of(LayerKind.RISK_AREA) else []
    if aoi.risk is not None:
        parts.append(f"ground within {aoi.risk.within_m:g} m of {', '.join(aoi.risk.of)}")
    return f"only {' and '.join(parts)} is watched"


def _at_risk(aoi: Aoi, grid: Grid, tile: Tile) -> NDArray[np.bool_]:
    """Return which pixels of a tile are at risk, inside the boundary or not."""
    areas = [in_pixels(layer.geometry, grid) for layer in aoi.layers_of(LayerKind.RISK_AREA)]
    at_risk = _touched(areas, tile, 0)
    if aoi.risk is None:
        return at_risk
    named: list[BaseGeometry] = []
    if RiskSource.STRATA in aoi.risk.of:
        named += [in_pixels(stratum.geometry, grid) for stratum in aoi.strata]
    if RiskSource.DRAINAGE in aoi.risk.of:
        named += [in_pixels(layer.geometry, grid) for layer in aoi.layers_of(LayerKind.DRAINAGE)]
    if RiskSource.WORKINGS in aoi.risk.of:
        named += _workings_of(aoi, grid)
    reach_m = aoi.risk.within_m
    return at_risk | (_distance_of(named, grid, tile, reach_m + grid.res_m) <= reach_m)


def _by_tile(
    grid: Grid, tile: Tile | None, dtype: type[np.generic], draw: Callable[[Tile], NDArray[Any]]
) -> NDArray[Any]:
    """Return what is drawn of a tile, or of all tiles of a grid put together."""
    if tile is not None:
        return draw(tile)
    whole = np.zeros(grid.shape, dtype=dtype)
    for one in grid.tiles():
        whole[one.window] = draw(one)
    return whole


def _distance_m(geometries: list[BaseGeometry], grid: Grid, tile: Tile, cap_m: float) -> NDArray[np.float32]:
    return _distance_of([in_pixels(geometry, grid) for geometry in geometries], grid, tile, cap_m)


def _distance_of(outlines: list[BaseGeometry], grid: Grid, tile: Tile, cap_m: float) -> NDArray[np.float32]:
    """Return the distance (m) to the nearest pixel that outlines (in pixels of the grid) touch; at most `cap_m`."""
    margin = math.ceil(cap_m / grid.res_m) + 1
    is_touched = _touched(outlines, tile, margin)
    if not is_touched.any():
        return np.full((tile.height, tile.width), cap_m, dtype=np.float32)
    far_m = distance_transform_edt(~is_touched, sampling=grid.res_m)[margin:-margin, margin:-margin]
    return np.minimum(far_m, cap_m).astype(np.float32)


def _touched(outlines: list[BaseGeometry], tile: Tile, margin: int) -> NDArray[np.bool_]:
    """Return which pixels of a tile and its margin outlines, given in pixels of the grid, touch."""
    shape = (tile.height + 2 * margin, tile.width + 2 * margin)
    offset = (tile.x0 - margin, tile.y0 - margin)
    moved = [shapely.transform(outline, lambda xy: xy - offset) for outline in outlines]
    shapes = [(part, 1) for outline in moved for part in _parts(outline)]
    if not shapes:
        return np.zeros(shape, dtype=np.bool_)
    burnt: NDArray[np.bool_] = rasterize(shapes, out_shape=shape, fill=0, dtype="uint8", all_touched=True) == 1
    return burnt


def _parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    """Yield the parts of a collection that cover ground or lead along it."""
    for part in getattr(geometry, "geoms", [geometry]):
        if not part.is_empty:
            yield part


def _workings_of(aoi: Aoi, grid: Grid) -> list[BaseGeometry]:
    """Return known workings in pixels of the grid, points as discs."""
    return [
        _with_discs(in_pixels(layer.geometry, grid), layer, grid.res_m) for layer in aoi.layers_of(LayerKind.WORKINGS)
    ]


def _with_discs(geometry: BaseGeometry, layer: Layer, res_m: float) -> BaseGeometry:
    parts = [
        shapely.buffer(part, layer.radius_m / res_m) if part.geom_type in ("Point", "MultiPoint") else part
        for part in _parts(geometry)
    ]
    return shapely.GeometryCollection(parts)
