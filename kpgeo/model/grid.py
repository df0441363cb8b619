"""The raster every sensor of an AOI is read onto, and its tiles."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import shapely
from odc.geo.geobox import GeoBox
from odc.geo.geom import BoundingBox, Geometry
from pyproj import Transformer

from kpgeo.model.errors import BadInputError

TILE_PX = 512
RES_M = 10.0


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A window of a grid. `y0`, `x0` are the pixel offsets of its upper left corner, `height`, `width` its size."""

    row: int
    col: int
    y0: int
    x0: int
    height: int
    width: int

    @property
    def name(self) -> str:
        """Return `r<row>c<col>`."""
        return f"r{self.row}c{self.col}"

    @property
    def window(self) -> tuple[slice, slice]:
        """Return the (y, x) slices of this tile in an array of the whole grid."""
        return slice(self.y0, self.y0 + self.height), slice(self.x0, self.x0 + self.width)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A north-up UTM raster of square pixels, aligned so that pixel edges fall on multiples of the resolution.

    Attributes
    ----------
    epsg : int
        A UTM zone of WGS 84 (326xx or 327xx).
    left_m, top_m : float
        Easting of the left edge and northing of the upper edge.
    width, height : int
        Size in pixels.
    res_m : float
        Pixel size; 10 m unless a test says otherwise.
    tile_px : int
        Edge of a tile. Tiles at the right and lower edge may be smaller.
    """

    epsg: int
    left_m: float
    top_m: float
    width: int
    height: int
    res_m: float = RES_M
    tile_px: int = TILE_PX

    def __post_init__(self) -> None:
        zone = self.epsg % 100
        if self.epsg // 100 not in (326, 327) or not 1 <= zone <= 60:
            raise BadInputError(f"EPSG:{self.epsg} is not a WGS 84 UTM zone.", where="grid")
        if self.width <= 0 or self.height <= 0:
            raise BadInputError("A grid needs at least one pixel.", where="grid")

    @classmethod
    def covering(cls, geometry: Geometry, epsg: int, *, res_m: float = RES_M, tile_px: int = TILE_PX) -> "Grid":
        """Return the smallest aligned grid of zone `epsg` with every pixel whose centre lies in a geometry's bounds.

        The bounds are those of the vertices (any CRS). Going by centres, an outline drawn along pixel edges gives back
        the grid it was drawn on, though its coordinates were rounded.
        """
        if geometry.crs is None:
            raise BadInputError("A geometry without a CRS has no place on a grid.", where="grid")
        to_zone = Transformer.from_crs(geometry.crs.proj, f"EPSG:{epsg}", always_xy=True)
        east_m, north_m = to_zone.transform(*shapely.get_coordinates(geometry.geom).T)
        left, bottom = (math.floor(v.min() / res_m + 0.5) * res_m for v in (east_m, north_m))
        right, top = (math.floor(v.max() / res_m + 0.5) * res_m for v in (east_m, north_m))
        return cls(
            epsg=epsg,
            left_m=left,
            top_m=top,
            width=round((right - left) / res_m),
            height=round((top - bottom) / res_m),
            res_m=res_m,
            tile_px=tile_px,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Return (height, width)."""
        return self.height, self.width

    @property
    def pixel_ha(self) -> float:
        """Return a pixel's area on the projection plane, in hectares."""
        return self.res_m * self.res_m / 10_000.0

    @property
    def geobox(self) -> GeoBox:
        """Return the grid as an odc-geo GeoBox."""
        right, bottom = self.left_m + self.width * self.res_m, self.top_m - self.height * self.res_m
        box = BoundingBox(self.left_m, bottom, right, self.top_m, crs=f"EPSG:{self.epsg}")
        return GeoBox.from_bbox(box, shape=self.shape, tight=True)

    def tile_geobox(self, tile: Tile, halo_px: int = 0) -> GeoBox:
        """Return the GeoBox of a tile, grown by `halo_px` pixels on every side (it may leave the grid)."""
        return self.geobox[tile.window].pad(halo_px) if halo_px else self.geobox[tile.window]

    def tiles(self) -> Iterator[Tile]:
        """Yield the tiles row by row."""
        for row, y0 in enumerate(range(0, self.height, self.tile_px)):
            for col, x0 in enumerate(range(0, self.width, self.tile_px)):
                yield Tile(
                    row=row,
                    col=col,
                    y0=y0,
                    x0=x0,
                    height=min(self.tile_px, self.height - y0),
                    width=min(self.tile_px, self.width - x0),
                )


def utm_epsg(lon: float, lat: float) -> int:
    """Return the EPSG code of the WGS 84 UTM zone of a point (degrees).

    >>> utm_epsg(-6.6, 8.2), utm_epsg(-5.7, 8.8), utm_epsg(32.35, -19.6)
    (32629, 32630, 32736)
    """
    zone = min(int((lon + 180.0) // 6.0) + 1, 60)
    return (32600 if lat >= 0 else 32700) + zone
