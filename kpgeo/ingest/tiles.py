"""The pixels of a plain TIFF: only the tiles a window needs, decoded straight to where they belong.

Plain is: 8 or 16 bit whole numbers or 32 bit floats, uncompressed or as deflate, LZW or Zstandard, in this machine's
byte order, without a mask. The result equals GDAL's bit for bit, but for tiles that are not stored: GDAL reads them as
0 where the file names no nodata value; here they are "no data" whatever the file says.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from kpgeo.ingest.faults import FileError
from kpgeo.ingest.frames import Frame, Part, frame_along_axes
from kpgeo.ingest.tiff import Level, TiffIndex
from kpgeo.kernels import placing
from kpgeo.wire import ByteSource

_STORED, _LZW = 1, 5
_DECODERS: Mapping[int, Callable[..., Any]] = {
    _LZW: imagecodecs.lzw_decode,
    8: imagecodecs.deflate_decode,
    32946: imagecodecs.deflate_decode,
    50000: imagecodecs.zstd_decode,
}
_DELTA, _FLOAT_DELTA = 2, 3
_PLAIN_TYPES = frozenset(np.dtype(name) for name in ("u1", "u2", "i2", "f4"))
# How much coarser than asked for an overview may be: GDAL's own measure for a thinned read.
_THINNER = 1.2
_own = threading.local()


def is_plain(index: TiffIndex) -> bool:
    """Say whether a file can be read here."""
    is_placed = index.epsg is not None and index.transform is not None
    return is_placed and index.is_native and not index.has_mask and all(map(_is_plain, index.levels))


def _is_plain(level: Level) -> bool:
    """Say whether one image of a file can be read here."""
    if level.dtype not in _PLAIN_TYPES or level.compression not in {_STORED, *_DECODERS}:
        return False
    is_whole = level.dtype.kind in "ui"
    return level.compression == _STORED or level.predictor in ((1, _DELTA) if is_whole else (1, _FLOAT_DELTA))


class TiledPixels:
    """The pixels of a plain TIFF, first band.

    Attributes
    ----------
    frame : Frame or None
        None where the file does not lie along the axes.
    """

    def __init__(self, stream: ByteSource, index: TiffIndex, nodata: float) -> None:
        level = index.levels[0]
        self.system = f"EPSG:{index.epsg}"
        self.transform = index.transform
        self.height, self.width = level.height, level.width
        self.frame: Frame | None = None
        if index.transform is not None:
            self.frame = frame_along_axes(self.system, index.transform, level.height, level.width)
        self._stream = stream
        self._levels = index.levels
        self._nodata = nodata

    @property
    def overviews(self) -> tuple[tuple[int, int], ...]:
        """Return (height, width) of each overview."""
        return tuple((level.height, level.width) for level in self._levels[1:])

    def read(self, part: Part, overview: int = -1) -> NDArray[np.float32]:
        """Return a part of the file, or of an overview; NaN where it has no data and beyond it.

        Raises
        ------
        FileError
            A tile is broken.
        FetchError
            Bytes cannot be had.
        """
        level = self._levels[overview + 1]
        top, bottom = max(part.top, 0), min(part.top + part.height, level.height)
        left, right = max(part.left, 0), min(part.left + part.width, level.width)
        out: NDArray[np.float32] = np.empty((part.height, part.width), dtype=np.float32)
        if top >= bottom or left >= right:
            out.fill(np.nan)
            return out
        tile_rows = range(top // level.tile_height, -(-bottom // level.tile_height))
        tile_cols = range(left // level.tile_width, -(-right // level.tile_width))
        places = [(row, col) for row in tile_rows for col in tile_cols if level.sizes[0, row, col]]
        is_whole = (bottom - top, right - left) == out.shape and len(places) == len(tile_rows) * len(tile_cols)
        if not is_whole:
            out.fill(np.nan)
        offsets = [int(level.offsets[0, row, col]) for row, col in places]
        spans = [
            (begin, begin + int(level.sizes[0, row, col])) for begin, (row, col) in zip(offsets, places, strict=True)
        ]
        nodata = _as_float32(self._nodata, level)
        for number, content in self._stream.read_many(spans):
            row, col = places[number]
            if len(content) != spans[number][1] - spans[number][0]:
                raise FileError("truncated")
            tile_top, tile_left = row * level.tile_height, col * level.tile_width
            first_row, first_col = max(top, tile_top), max(left, tile_left)
            rows = min(bottom, tile_top + level.tile_height) - first_row
            cols = min(right, tile_left + level.tile_width) - first_col
            tile, is_summed = _decoded(level, content, row)
            at = (first_row - tile_top, first_col - tile_left, first_row - part.top, first_col - part.left, rows, cols)
            (placing.place if is_summed else placing.place_sums)(tile, nodata, out, at)
        return out

    def sample(self, height: int, width: int) -> NDArray[np.float32]:
        """Return the whole file thinned to so many rows and columns, from the overview GDAL would take.

        Read a row of tiles at a time, so that a file without overviews does not have to fit into memory.
        """
        thinning = min(self.height / height, self.width / width)
        fitting = [
            number
            for number, level in enumerate(self._levels)
            if min(self.height / level.height, self.width / level.width) <= thinning * _THINNER
        ]
        number = min(fitting, key=lambda one: self._levels[one].height)
        level = self._levels[number]
        row_of = ((np.arange(height) + 0.5) * level.height / height).astype(np.int64)
        col_of = ((np.arange(width) + 0.5) * level.width / width).astype(np.int64)
        out = np.empty((height, width), dtype=np.float32)
        for tile_row in np.unique(row_of // level.tile_height):
            is_here = row_of // level.tile_height == tile_row
            top = int(tile_row) * level.tile_height
            rows = min(level.tile_height, level.height - top)
            band = self.read(Part(top=top, left=0, height=rows, width=level.width), number - 1)
            out[is_here] = band[np.ix_(row_of[is_here] - top, col_of)]
        return out


def _as_float32(nodata: float, level: Level) -> np.float32:
    """Return a nodata value to compare float32 numbers with; NaN where no stored number can equal it."""
    if level.dtype is not None and level.dtype.kind in "ui":
        info = np.iinfo(level.dtype)
        if not (info.min <= nodata <= info.max and nodata == int(nodata)):
            return np.float32(np.nan)
    with np.errstate(over="ignore"):
        return np.float32(nodata)


def _decoded(level: Level, content: bytes, tile_row: int) -> tuple[NDArray[Any], bool]:
    """Return a tile (row, column) in this thread's own buffer, and whether differences in it are summed up."""
    assert level.dtype is not None  # noqa: S101 - a plain level has a numpy type
    depth = 1 if level.is_planar else level.samples
    stored_rows = level.tile_height
    if not level.has_whole_tiles:
        stored_rows = min(stored_rows, level.height - tile_row * level.tile_height)
    buffer = _buffer(level.tile_bytes)
    needed_bytes = stored_rows * level.tile_width * depth * level.dtype.itemsize
    if _unpacked(level.compression, content, buffer) < needed_bytes:
        raise FileError("broken-tile")
    tile: NDArray[Any] = buffer[:needed_bytes].view(level.dtype).reshape(stored_rows, level.tile_width, depth)
    predictor = 1 if level.compression == _STORED else level.predictor
    if predictor == _DELTA and depth > 1:
        tile = imagecodecs.delta_decode(tile, axis=1)
    elif predictor == _FLOAT_DELTA:
        tile = imagecodecs.floatpred_decode(tile, axis=-2)
    return np.ascontiguousarray(tile[:, :, 0]), predictor != _DELTA or depth > 1


def _unpacked(compression: int, content: bytes, buffer: NDArray[np.uint8]) -> int:
    """Decompress into a buffer and return how many bytes came; more than it holds is an error, never an allocation."""
    if compression == _STORED:
        size = min(len(content), buffer.size)
        buffer[:size] = np.frombuffer(content, np.uint8, count=size)
        return size
    if compression == _LZW and len(content) > 1 and content[0] == 0 and content[1] & 1:
        raise FileError("broken-tile")  # bits in the reverse order, as before TIFF 5.0
    try:
        return len(_DECODERS[compression](content, out=buffer))
    except (RuntimeError, ValueError) as error:
        raise FileError("broken-tile") from error


def _buffer(size: int) -> NDArray[np.uint8]:
    """Return this thread's buffer, at least of a size."""
    buffer: NDArray[np.uint8] | None = getattr(_own, "buffer", None)
    if buffer is None or buffer.size < size:
        buffer = _own.buffer = np.empty(size, dtype=np.uint8)
    return buffer[:size]
