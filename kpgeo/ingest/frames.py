"""How the pixels of a file lie to those of a window: the geometry of reading, before anything is read.

Positions are taken from origins and pixel sizes in one step, never summed up, so that they come out the same however
the grid is cut into windows.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

# Pixels this near to each other (in pixels) are the same.
_SAME_PX = 1e-3
# GDAL adds this much before it takes the pixel that holds a position.
_TIE_PX = 1e-10


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some rows and columns of a raster; they may reach beyond it."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A raster along the axes of a coordinate system, north up.

    Attributes
    ----------
    system : str
        Its coordinate system, as `EPSG:<code>`, or in full where it has no code.
    left, top : float
        Outer corner, in the system's units.
    step_x, step_y : float
        Size of a pixel, both positive.
    """

    system: str
    left: float
    top: float
    step_x: float
    step_y: float
    height: int
    width: int

    @property
    def transform(self) -> Affine:
        """Return column and row to x and y."""
        return Affine(self.step_x, 0.0, self.left, 0.0, -self.step_y, self.top)

    def thinned(self, height: int, width: int) -> "Frame":
        """Return the frame of an overview of this raster."""
        steps = {"step_x": self.step_x * self.width / width, "step_y": self.step_y * self.height / height}
        return Frame(system=self.system, left=self.left, top=self.top, height=height, width=width, **steps)

    def part(self, part: Part) -> "Frame":
        """Return the frame of a part."""
        left, top = self.left + part.left * self.step_x, self.top - part.top * self.step_y
        steps = {"step_x": self.step_x, "step_y": self.step_y}
        return Frame(system=self.system, left=left, top=top, height=part.height, width=part.width, **steps)


def frame_along_axes(system: str, transform: Affine, height: int, width: int) -> Frame | None:
    """Return a raster's frame, or None if it is rotated, mirrored or upside down."""
    if transform.b != 0.0 or transform.d != 0.0 or transform.a <= 0.0 or transform.e >= 0.0:
        return None
    steps = {"step_x": float(transform.a), "step_y": -float(transform.e)}
    return Frame(system=system, left=float(transform.c), top=float(transform.f), height=height, width=width, **steps)


def frame_of(geobox: GeoBox) -> Frame:
    """Return a window's frame.

    Raises
    ------
    ValueError
        The window has no coordinate system, or does not lie along its axes.
    """
    if geobox.crs is None:
        raise ValueError("a window without a coordinate system")
    height, width = geobox.shape
    system = f"EPSG:{geobox.crs.epsg}" if geobox.crs.epsg else str(geobox.crs)
    frame = frame_along_axes(system, geobox.affine, int(height), int(width))
    if frame is None:
        raise ValueError("a window that is rotated or upside down")
    return frame


@dataclass(frozen=True, eq=False)
class Axis:
    """Where the pixels of one target row (or column) lie among the source's.

    Attributes
    ----------
    holder : array of int64
        The source pixel that holds the centre of each target pixel; -1 where none does.
    first : array of int64
        The first of the two source pixels its centre lies between.
    weight : array of float64
        The weight of that one; the next has the rest.
    shift : int or None
        Where source and target have the same pixels: the source pixel that is the first target pixel.
    ratio : int or None
        Where every target pixel covers exactly so many source pixels.
    start : int
        With `ratio`, the source pixel at which the first target pixel begins.
    """

    holder: NDArray[np.int64]
    first: NDArray[np.int64]
    weight: NDArray[np.float64]
    shift: int | None
    ratio: int | None
    start: int

    @property
    def needed(self) -> tuple[int, int] | None:
        """Return the source pixels that are needed (half-open), or None if there are none."""
        inside = self.holder >= 0
        if not inside.any():
            return None
        low = min(self.holder[inside].min(), self.first[inside].min())
        return int(low), int(max(self.holder[inside].max(), self.first[inside].max() + 1)) + 1


@dataclass(frozen=True, eq=False)
class Lie:
    """How a window lies to a file of the same coordinate system."""

    rows: Axis
    cols: Axis

    @property
    def is_same(self) -> bool:
        """Say whether both have the same pixels."""
        return self.rows.shift is not None and self.cols.shift is not None

    @property
    def ratio(self) -> int | None:
        """Return how many source pixels (along an edge) each target pixel covers exactly, if it does."""
        return self.rows.ratio if self.rows.ratio == self.cols.ratio else None

    @property
    def needed(self) -> Part | None:
        """Return the part of the source that is needed, or None."""
        rows, cols = self.rows.needed, self.cols.needed
        if rows is None or cols is None:
            return None
        return Part(top=rows[0], left=cols[0], height=rows[1] - rows[0], width=cols[1] - cols[0])


@lru_cache(maxsize=64)
def lie_of(source: Frame, target: Frame) -> Lie:
    """Return how a window lies to a file of the same coordinate system."""
    down = source.top - target.top
    across = target.left - source.left
    return Lie(
        rows=_axis(down, (source.step_y, source.height), (target.step_y, target.height)),
        cols=_axis(across, (source.step_x, source.width), (target.step_x, target.width)),
    )


def _axis(offset: float, source: tuple[float, int], target: tuple[float, int]) -> Axis:
    """Return one axis, from the distance of the origins and the (step, pixels) of both."""
    (step, size), (target_step, count) = source, target
    centre = (offset + (np.arange(count) + 0.5) * target_step) / step
    holder = np.floor(centre + _TIE_PX).astype(np.int64)
    first = np.floor(centre - 0.5).astype(np.int64)
    weight = 1.5 - (centre - first)
    is_before = first == -1  # GDAL takes the first pixel alone there
    begin, end = offset / step, (offset + count * target_step) / step
    is_whole = abs(begin - round(begin)) < _SAME_PX and abs(end - round(end)) < _SAME_PX
    ratio = (round(end) - round(begin)) // count if is_whole else 0
    covers = ratio >= 1 and round(end) - round(begin) == ratio * count
    return Axis(
        holder=np.where((centre >= 0.0) & (centre < size) & (holder < size), holder, -1),
        first=np.where(is_before, 0, first),
        weight=np.where(is_before, 1.0, weight),
        shift=round(begin) if covers and ratio == 1 else None,
        ratio=ratio if covers else None,
        start=round(begin),
    )
