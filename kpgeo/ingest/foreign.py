"""What the tile index cannot read, by GDAL: JPEG 2000, unusual TIFFs, and every other coordinate system.

GDAL is handed bytes, never an address: it touches no network, and no file but the one it is given. It opens GeoTIFF and
JPEG 2000 and nothing else.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.overlap import compute_reproject_roi
from odc.geo.roi import roi_is_empty
from pyproj.exceptions import ProjError
from rasterio._err import CPLE_BaseError
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from kpgeo.ingest.faults import FileError
from kpgeo.ingest.frames import Frame, Part, frame_along_axes
from kpgeo.ingest.tiff import TiffIndex
from kpgeo.wire import ByteSource, opener_of

# CPLE_BaseError is what escapes from rasterio unwrapped; ProjError comes of coordinate systems that make no sense.
GDAL_FAULTS = (RasterioError, CPLE_BaseError, ProjError, OSError, ValueError, MemoryError)
# GDAL interpolates positions along a row to within this error; its default of 0.125 would make a pixel depend on where
# the window it is read with begins.
_TOLERANCE_PX = 1e-6
# Pixels read around what a warped window needs: more than any kernel used reaches.
_MARGIN_PX = 4


class Pixels(Protocol):
    """The pixels of one band of a file."""

    system: str
    transform: Affine | None
    height: int
    width: int
    frame: Frame | None

    @property
    def overviews(self) -> tuple[tuple[int, int], ...]:
        """Return (height, width) of each overview."""

    def read(self, part: Part, overview: int = -1) -> NDArray[np.float32]:
        """Return a part of the file, or of an overview; NaN where it has no data and beyond it."""

    def sample(self, height: int, width: int) -> NDArray[np.float32]:
        """Return the whole file thinned to so many rows and columns; NaN where it has no data."""


class ForeignPixels:
    """The pixels of a file that GDAL reads, first band."""

    def __init__(self, dataset: rasterio.DatasetReader, index: TiffIndex | None, nodata: float) -> None:
        code = dataset.crs.to_epsg() if dataset.crs is not None else None
        self.system = f"EPSG:{code}" if code else dataset.crs.to_wkt() if dataset.crs is not None else ""
        self.transform: Affine | None = None if dataset.transform.is_identity else dataset.transform
        self.height, self.width = dataset.shape
        self.frame = frame_along_axes(self.system, dataset.transform, *dataset.shape)
        self.overviews: tuple[tuple[int, int], ...] = ()
        self._dataset = dataset
        self._index = index
        self._nodata = nodata

    def read(self, part: Part, overview: int = -1) -> NDArray[np.float32]:
        """Return a part of the file; NaN where it has no data and beyond it."""
        assert overview == -1  # noqa: S101 - there are none here
        top, bottom = max(part.top, 0), min(part.top + part.height, self.height)
        left, right = max(part.left, 0), min(part.left + part.width, self.width)
        out: NDArray[np.float32] = np.full((part.height, part.width), np.nan, dtype=np.float32)
        if top >= bottom or left >= right:
            return out
        window = Window(left, top, right - left, bottom - top)
        here = out[top - part.top : bottom - part.top, left - part.left : right - part.left]
        counts = self._dataset.read(1, window=window)
        here[:] = np.where(counts == self._nodata, np.nan, counts)
        if not {MaskFlags.nodata, MaskFlags.all_valid} & set(self._dataset.mask_flag_enums[0]):
            here[self._dataset.read_masks(1, window=window) == 0] = np.nan
        if self._index is not None and self._index.levels[0].is_sparse:
            self._blank_missing(Part(top=top, left=left, height=bottom - top, width=right - left), here)
        return out

    def sample(self, height: int, width: int) -> NDArray[np.float32]:
        """Return the whole file thinned to so many rows and columns; NaN where it has no data."""
        counts = self._dataset.read(1, out_shape=(height, width), resampling=Resampling.nearest)
        thin: NDArray[np.float32] = np.where(counts == self._nodata, np.nan, counts).astype(np.float32)
        return thin

    def _blank_missing(self, part: Part, values: NDArray[np.float32]) -> None:
        """Blank what is not stored, which GDAL reads as 0 where the file names no nodata value."""
        assert self._index is not None  # noqa: S101 - asked for only with an index
        level = self._index.levels[0]
        is_missing = level.sizes[0] == 0
        rows = (part.top + np.arange(part.height)) // level.tile_height
        cols = (part.left + np.arange(part.width)) // level.tile_width
        values[is_missing[rows[:, None], cols[None, :]]] = np.nan


@contextlib.contextmanager
def opened_by_gdal(stream: ByteSource, driver: str) -> Iterator[rasterio.DatasetReader]:
    """Open bytes as one format and no other.

    Raises
    ------
    FileError
        GDAL cannot.
    FetchError
        The bytes cannot be had.
    """
    opener = opener_of(stream, ".jp2" if driver == "JP2OpenJPEG" else ".tif")
    try:
        dataset = rasterio.open(opener.name, driver=driver, opener=opener)
    except GDAL_FAULTS as error:
        if opener.fault is not None:
            raise opener.fault from error
        raise FileError("open-failed") from error
    with dataset:
        try:
            yield dataset
        except GDAL_FAULTS as error:
            if opener.fault is not None:
                raise opener.fault from error
            raise FileError("read-failed") from error


def warped(pixels: Pixels, target: Frame, resampling: str) -> NDArray[np.float32]:
    """Warp the part of a file that a window needs onto the window.

    Parameters
    ----------
    pixels : Pixels
        The file.
    target : Frame
    resampling : str
        GDAL's name of it.

    Returns
    -------
    array of float32, (y, x)
        NaN where the file has no data or does not reach.
    """
    assert pixels.transform is not None  # noqa: S101 - a file without a place is refused when it is opened
    out = np.full((target.height, target.width), np.nan, dtype=np.float32)
    try:
        part = _needed(pixels, pixels.transform, target)
        if part is not None:
            a, b, x, d, e, y = pixels.transform[:6]
            left, top = x + a * part.left + b * part.top, y + d * part.left + e * part.top
            _warp(pixels.read(part), (Affine(a, b, left, d, e, top), pixels.system), target, resampling, out)
    except GDAL_FAULTS as error:
        raise FileError("read-failed") from error
    return out


def _needed(pixels: Pixels, transform: Affine, target: Frame) -> Part | None:
    """Return the part of a file that a window needs, with a margin, or None."""
    source = GeoBox((pixels.height, pixels.width), transform, pixels.system)
    box = GeoBox((target.height, target.width), target.transform, target.system)
    overlap = compute_reproject_roi(source, box, ttol=1e-3)
    if roi_is_empty(overlap.roi_dst) or roi_is_empty(overlap.roi_src):
        return None
    margin = _MARGIN_PX * (1 + math.ceil(abs(overlap.scale)))
    rows, cols = overlap.roi_src
    top, left = max(rows.start - margin, 0), max(cols.start - margin, 0)
    bottom, right = min(rows.stop + margin, pixels.height), min(cols.stop + margin, pixels.width)
    return Part(top=top, left=left, height=bottom - top, width=right - left)


def _warp(
    values: NDArray[np.float32], place: tuple[Affine, str], target: Frame, resampling: str, out: NDArray[np.float32]
) -> None:
    """Warp values onto a window."""
    with (
        MemoryFile() as memory,
        _dataset(memory, values, *place) as dataset,
        WarpedVRT(
            dataset,
            crs=target.system,
            transform=target.transform,
            height=target.height,
            width=target.width,
            resampling=Resampling[resampling],
            src_nodata=math.nan,
            nodata=math.nan,
            dtype="float32",
            tolerance=_TOLERANCE_PX,
        ) as vrt,
    ):
        vrt.read(1, out=out)


@contextlib.contextmanager
def _dataset(
    memory: MemoryFile, values: NDArray[np.float32], place: Affine, system: str
) -> Iterator[rasterio.DatasetReader]:
    """Return values as a dataset in memory."""
    height, width = values.shape
    with memory.open(
        driver="GTiff", height=height, width=width, count=1, dtype="float32", crs=system, transform=place
    ) as writer:
        writer.write(values, 1)
    with memory.open(driver="GTiff") as dataset:
        yield dataset
