"""Where outlining and linking happen: one AOI on its grid."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio import features
from rasterio.transform import Affine
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry

from kpgeo.kernels.objects import Pixels
from kpgeo.model.errors import BadInputError
from kpgeo.model.grid import Grid
from kpgeo.model.state import NO_DAY, DekadFields

_DEGREE_DECIMALS = 8  # about a millimetre


@dataclass(frozen=True, kw_only=True)
class Place:
    """One AOI, for one detector lineage, on its grid.

    Attributes
    ----------
    strata_ids : tuple of str
        Ids of the strata, in the order of `stratum_index`.
    stratum_index : uint8 (y, x)
        0 outside every stratum, i + 1 in `strata_ids[i]`.
    inside : bool (y, x)
        Where the AOI lies.
    baseline_end_day : int
        First monitored day. What was dug by then was there before, and is not reported as opened.

    Raises
    ------
    BadInputError
        An array does not have the grid's shape.
    """

    aoi_id: str
    lineage: str
    grid: Grid
    strata_ids: tuple[str, ...]
    stratum_index: NDArray[np.uint8] = field(repr=False, compare=False)
    inside: NDArray[np.bool_] = field(repr=False, compare=False)
    baseline_end_day: int = NO_DAY

    def __post_init__(self) -> None:
        for name in ("stratum_index", "inside"):
            found = getattr(self, name).shape
            if found != self.grid.shape:
                raise BadInputError(
                    f"{name} has the shape {found}, its grid {self.grid.shape}.",
                    where=self.aoi_id,
                    remedy="Rasterise it on the grid of the AOI.",
                )

    def require_same_grid(self, fields: DekadFields) -> None:
        """Raise BadInputError where fields are not on this place's grid."""
        if fields.mined_prob.shape != self.grid.shape:
            raise BadInputError(
                f"The fields have the shape {fields.mined_prob.shape}, the grid {self.grid.shape}.",
                where=f"{self.aoi_id}, dekad {fields.dekad}",
                remedy="Decode the state of the whole AOI on its grid.",
            )

    @cached_property
    def transform(self) -> Affine:
        """Return the affine transform of the grid: (column, row) to metres."""
        grid = self.grid
        return Affine(grid.res_m, 0.0, grid.left_m, 0.0, -grid.res_m, grid.top_m)

    def stratum_of(self, pixels: Pixels) -> str:
        """Return the stratum that holds most of the pixels; "" outside every stratum."""
        votes = np.bincount(self.stratum_index[pixels.index], minlength=len(self.strata_ids) + 1)
        winner = int(np.argmax(votes))
        return self.strata_ids[winner - 1] if winner else ""

    def outline(self, pixels: Pixels) -> BaseGeometry:
        """Return the exact outline of pixels: Polygon or MultiPolygon, EPSG:4326, valid.

        Parts that touch in a corner stay parts, so that no ring touches itself.
        """
        y0, x0 = int(pixels.rows.min()), int(pixels.cols.min())
        window = np.zeros((int(pixels.rows.max()) - y0 + 1, int(pixels.cols.max()) - x0 + 1), dtype=np.uint8)
        window[pixels.rows - y0, pixels.cols - x0] = 1
        transform = self.transform * Affine.translation(x0, y0)
        rings = features.shapes(window, mask=window == 1, connectivity=4, transform=transform)
        return self.to_degrees(_one_or_many([part for ring, _ in rings for part in polygons_of(shape(ring))]))

    def pixels_of(self, geometry_4326: BaseGeometry) -> Pixels:
        """Return the pixels inside the AOI whose centre lies in a geometry: the inverse of `outline`."""
        metres = self.to_metres(geometry_4326)
        left, bottom, right, top = metres.bounds
        grid = self.grid
        x0, x1 = (int(np.clip(np.rint((x - grid.left_m) / grid.res_m), 0, grid.width)) for x in (left, right))
        y0, y1 = (int(np.clip(np.rint((grid.top_m - y) / grid.res_m), 0, grid.height)) for y in (top, bottom))
        if x0 >= x1 or y0 >= y1:
            return Pixels(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))
        transform = self.transform * Affine.translation(x0, y0)
        window = features.rasterize([metres], out_shape=(y1 - y0, x1 - x0), transform=transform, dtype="uint8")
        rows, cols = np.nonzero((window == 1) & self.inside[y0:y1, x0:x1])
        return Pixels(rows + y0, cols + x0)

    def to_degrees(self, geometry_m: BaseGeometry) -> BaseGeometry:
        """Return a geometry of the grid's zone in EPSG:4326."""
        return moved(geometry_m, self.grid.epsg, 4326)

    def to_metres(self, geometry_4326: BaseGeometry) -> BaseGeometry:
        """Return an EPSG:4326 geometry in the grid's zone."""
        return moved(geometry_4326, 4326, self.grid.epsg)

    def true_pixel_ha(self, pixels: Pixels) -> float:
        """Return the area a pixel has on the ellipsoid at the pixels' centre, in ha.

        UTM stretches areas by the square of its scale factor, 0.9992 on the central meridian and up to 1.0020 at a
        zone's edge (Snyder 1987, eq. 8-11; PROJ gives the factor).
        """
        col, row = float(pixels.cols.mean()) + 0.5, float(pixels.rows.mean()) + 0.5
        x, y = self.transform * (col, row)
        lon, lat = _transformer(self.grid.epsg, 4326).transform(x, y)
        return self.grid.pixel_ha / float(_projection(self.grid.epsg).get_factors(lon, lat).areal_scale)


@lru_cache(maxsize=8)
def _transformer(source: int, target: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=8)
def _projection(epsg: int) -> pyproj.Proj:
    return pyproj.Proj(epsg)


def lon_lats_of(xy_m: NDArray[np.float64], epsg: int) -> NDArray[np.float64]:
    """Return points (n, 2) of a zone as longitude and latitude, EPSG:4326."""
    return np.column_stack(_transformer(epsg, 4326).transform(xy_m[:, 0], xy_m[:, 1]))


def moved(geometry: BaseGeometry, source: int, target: int) -> BaseGeometry:
    """Return a geometry in another CRS; degrees are rounded to a millimetre, to be equal on every machine."""
    transformer = _transformer(source, target)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
        return np.round(moved, _DEGREE_DECIMALS) if target == 4326 else moved

    moved = shapely.transform(geometry, move)
    return moved if moved.is_valid else _one_or_many(polygons_of(shapely.make_valid(moved)))


def polygons_of(geometry: BaseGeometry) -> list[Polygon]:
    """Return the polygons of a geometry, without the lines and points that making it valid may leave."""
    parts = [inner for part in shapely.get_parts(geometry) for inner in shapely.get_parts(part)]
    return [part for part in parts if isinstance(part, Polygon)]


def _one_or_many(polygons: list[Polygon]) -> BaseGeometry:
    """Return a Polygon where there is one, else a MultiPolygon."""
    return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)
