"""The pixels of a plain TIFF: only the tiles a window needs, decoded straight to where they belong.

Plain is: 8 or 16 bit whole numbers or 32 bit floats, uncompressed or as deflate, LZW or Zstandard, in this machine's
byte order, without a mask. The result equals GDAL's bit for bit, but for tiles that are not stored: GDAL reads them as
0 where the file names no nodata value; here they are "no data" whatever the file says.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from kpgeo.ingest.faults import FileError
from kpgeo.ingest.frames import Frame, Part, frame_along_axes
from kpgeo.ingest.tiff import Level, TiffIndex
from kpgeo.kernels import placing
from kpgeo.wire import ByteSource

_UNCOMPRESSED, _LZW = 1, 5
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
    if level.dtype not in _PLAIN_TYPES or level.compression not in {_UNCOMPRESSED, *_DECODERS}:
        return False
    is_whole = level.dtype.kind in "ui"
    return level.compression == _UNCOMPRESSED or level.predictor in ((1, _DELTA) if is_whole else (1, _FLOAT_DELTA))


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
        stored = [
            _Stored(level, row, col, (top, left, bottom, right), part)
            for row in tile_rows
            for col in tile_cols
            if level.sizes[0, row, col]
        ]
        is_whole = (bottom - top, right - left) == out.shape and len(stored) == len(tile_rows) * len(tile_cols)
        if not is_whole:
            out.fill(np.nan)
        self._fill(level, stored, out)
        return out

    def _fill(self, level: Level, stored: "Sequence[_Stored]", out: NDArray[np.float32]) -> None:
        """Decode tiles to where they belong, as they arrive. What is done for each tile is little: it adds up."""
        nodata = _as_float32(self._nodata, level)
        unpacker = _Unpacker(level)
        place = placing.place_sums if unpacker.leaves_differences else placing.place
        missing = len(stored)
        for number, content in self._stream.read_many([tile.span for tile in stored]):
            place(unpacker.tile(content, stored[number]), nodata, out, stored[number].at)
            missing -= 1
        if missing:
            raise FileError("truncated")

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


class _Stored:
    """One tile that is needed: its bytes in the file, its rows, and what of it goes where (`placing.place`)."""

    __slots__ = ("at", "rows", "span")

    def __init__(self, level: Level, row: int, col: int, within: tuple[int, int, int, int], part: Part) -> None:
        begin = int(level.offsets[0, row, col])
        self.span = (begin, begin + int(level.sizes[0, row, col]))
        top, left, bottom, right = within
        tile_top, tile_left = row * level.tile_height, col * level.tile_width
        self.rows = level.tile_height if level.has_whole_tiles else min(level.tile_height, level.height - tile_top)
        first_row, first_col = max(top, tile_top), max(left, tile_left)
        rows = min(bottom, tile_top + level.tile_height) - first_row
        cols = min(right, tile_left + level.tile_width) - first_col
        self.at = (first_row - tile_top, first_col - tile_left, first_row - part.top, first_col - part.left, rows, cols)


class _Unpacker:
    """Decodes the tiles of one image, one after another, into this thread's own buffer."""

    def __init__(self, level: Level) -> None:
        assert level.dtype is not None  # noqa: S101 - a plain level has a numpy type
        depth = 1 if level.is_planar else level.samples
        self._decode = _DECODERS.get(level.compression)
        self._is_lzw = level.compression == _LZW
        self._predictor = 1 if self._decode is None else level.predictor
        self._buffer = _buffer(level.tile_bytes)
        self._tile: NDArray[Any] = self._buffer.view(level.dtype).reshape(level.tile_height, level.tile_width, depth)
        self._row_bytes = level.tile_width * depth * level.dtype.itemsize
        self._depth = depth
        self.leaves_differences = self._predictor == _DELTA and depth == 1

    def tile(self, content: bytes, stored: _Stored) -> NDArray[Any]:
        """Return a tile (row, column), good until the next; if it `leaves_differences`, rows are still to be summed."""
        if len(content) != stored.span[1] - stored.span[0]:
            raise FileError("truncated")
        if self._unpack(content) < stored.rows * self._row_bytes:
            raise FileError("broken-tile")
        if self._depth == 1 and self._predictor != _FLOAT_DELTA:
            one_band: NDArray[Any] = self._tile[:, :, 0]
            return one_band
        tile = self._tile[: stored.rows]
        if self._predictor == _DELTA:
            tile = imagecodecs.delta_decode(tile, axis=1)
        elif self._predictor == _FLOAT_DELTA:
            tile = imagecodecs.floatpred_decode(tile, axis=-2)
        return np.ascontiguousarray(tile[:, :, 0])

    def _unpack(self, content: bytes) -> int:
        """Decompress and return how many bytes came; more than the buffer holds is an error, never an allocation."""
        if self._decode is None:
            size = min(len(content), self._buffer.size)
            self._buffer[:size] = np.frombuffer(content, np.uint8, count=size)
            return size
        if self._is_lzw and len(content) > 1 and content[0] == 0 and content[1] & 1:
            raise FileError("broken-tile")  # bits in the reverse order, as before TIFF 5.0
        try:
            return len(self._decode(content, out=self._buffer))
        except (RuntimeError, ValueError) as error:
            raise FileError("broken-tile") from error


def _buffer(size: int) -> NDArray[np.uint8]:
    """Return this thread's buffer, at least of a size."""
    buffer: NDArray[np.uint8] | None = getattr(_own, "buffer", None)
    if buffer is None or buffer.size < size:
        buffer = _own.buffer = np.empty(size, dtype=np.uint8)
    return buffer[:size]
