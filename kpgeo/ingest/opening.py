"""Opening a file that comes from outside: as GeoTIFF or JPEG 2000 and as nothing else, looked over before any pixel.

It must have a coordinate system, a place that agrees with its item's, and a size that is believable, and its tiles must
lie inside it.
"""

import contextlib
import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.warp import transform_bounds

from kpgeo.ingest.faults import FileError
from kpgeo.ingest.foreign import GDAL_FAULTS, ForeignPixels, Pixels, opened_by_gdal
from kpgeo.ingest.tiff import TiffIndex, read_index
from kpgeo.ingest.tiles import TiledPixels, is_plain
from kpgeo.options.ingest import IngestOptions
from kpgeo.wire import Access, ByteSource, FetchError, open_bytes

_MAX_OVERVIEWS = 32
_JP2_MARKS = (b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
_FINAL = frozenset({"no-crs", "too-large", "georeference-contradiction"})


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file and what its item says of it.

    Attributes
    ----------
    href : str
        Path or URL, signed where it needs to be.
    name : str
        The same, unsigned: what the file is remembered by.
    nodata : float or None
        Value that means "not acquired", where the file itself names none.
    bbox_4326 : sequence of float, or None
        West, south, east, north of the item.
    checksum : str
        Of the whole file, as the item states it (`file:checksum`, a multihash in hexadecimal); "" where it does not.
    is_class : bool
        A layer of classes or bits, never interpolated.
    is_again : bool
        Reading it failed before.
    """

    href: str
    name: str
    nodata: float | None
    bbox_4326: Sequence[float] | None
    checksum: str = ""
    is_class: bool = False
    is_again: bool = False


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What every file is read by."""

    access: Access
    options: IngestOptions


@contextlib.contextmanager
def opened(source: Source, setting: Setting) -> Iterator[Pixels]:
    """Open a file, whichever way it can be read, and look it over.

    Raises
    ------
    FileError
        It cannot be had, or is refused; also what goes wrong while it is read from.
    """
    is_remote = source.href.startswith(("http://", "https://"))
    try:
        stream = open_bytes(source.href, setting.access, is_again=source.is_again)
        try:
            if source.checksum and not stream.is_remote:
                _check_sum(stream, source)
            with _pixels(stream, source, setting.options) as pixels:
                _check_place(pixels, source)
                yield pixels
        finally:
            stream.close()
    except FetchError as error:
        raise FileError(error.fault, is_passing=error.is_passing) from error
    except FileError as error:
        error.is_passing = is_remote and error.fault not in _FINAL
        raise


@contextlib.contextmanager
def _pixels(stream: ByteSource, source: Source, options: IngestOptions) -> Iterator[Pixels]:
    """Return the pixels of a file: of a plain TIFF by its index, of another by GDAL."""
    index: TiffIndex | None = None
    driver = "GTiff"
    try:
        index = _index(stream, source)
    except FileError as error:
        if error.fault != "unknown-format" or not stream.read(0, 12).startswith(_JP2_MARKS):
            raise
        driver = "JP2OpenJPEG"
    if index is not None:
        _check_size(index, options)
        if not index.has_crs or index.transform is None:
            raise FileError("no-crs")
        if is_plain(index):
            yield TiledPixels(stream, index, _nodata(index.nodata, source))
            return
    with opened_by_gdal(stream, driver) as dataset:
        block_bytes = math.prod(dataset.block_shapes[0]) * np.dtype(dataset.dtypes[0]).itemsize
        if _is_too_large(math.prod(dataset.shape), block_bytes, len(dataset.overviews(1)), options):
            raise FileError("too-large")
        if dataset.crs is None or dataset.transform.is_identity:
            raise FileError("no-crs")
        yield ForeignPixels(dataset, index, _nodata(dataset.nodata, source))


class _Indices:
    """The indices of files read lately, at most so many tiles of them."""

    def __init__(self, max_tiles: int) -> None:
        self._kept: OrderedDict[tuple[str, int, str], TiffIndex] = OrderedDict()
        self._lock = threading.Lock()
        self._max_tiles = max_tiles
        self._tiles = 0

    def get(self, key: tuple[str, int, str]) -> TiffIndex | None:
        with self._lock:
            index = self._kept.get(key)
            if index is not None:
                self._kept.move_to_end(key)
            return index

    def put(self, key: tuple[str, int, str], index: TiffIndex) -> None:
        with self._lock:
            self._drop(key)
            self._kept[key] = index
            self._tiles += index.tiles
            while self._tiles > self._max_tiles:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, int, str]) -> None:
        gone = self._kept.pop(key, None)
        self._tiles -= 0 if gone is None else gone.tiles


_indices = _Indices(max_tiles=2_000_000)


def _index(stream: ByteSource, source: Source) -> TiffIndex:
    """Return the index of a TIFF, from memory if the file is as it was and reading it did not fail."""
    key = (source.name, stream.size, _version(stream, source))
    index = None if source.is_again else _indices.get(key)
    if index is None:
        index = read_index(stream.read, stream.size)
        _indices.put(key, index)
    return index


# Multihash codes: of what algorithm the digest that follows is.
_DIGESTS = {"1220": "sha256", "1114": "sha1", "1340": "sha512", "d50110": "md5"}
_SUM_BYTES = 8 * 2**20
_sums_held: set[tuple[str, int, str]] = set()


def _check_sum(stream: ByteSource, source: Source) -> None:
    """Refuse a file of this machine that is not what its item says it is; it is read whole for that, once a process.

    Of a file on another machine only parts are read: safe on the way by TLS, and in the cache by its own sums.
    """
    stated = source.checksum.lower()
    code = next((code for code in _DIGESTS if stated.startswith(code)), None)
    key = (source.name, stream.size, _version(stream, source))
    if code is None or key in _sums_held:
        return
    digest = hashlib.new(_DIGESTS[code], usedforsecurity=False)
    for begin in range(0, stream.size, _SUM_BYTES):
        digest.update(stream.read(begin, begin + _SUM_BYTES))
    if digest.hexdigest() != stated.removeprefix(code):
        raise FileError("wrong-checksum")
    _sums_held.add(key)


def _version(stream: ByteSource, source: Source) -> str:
    """Return what tells this version of a file from others."""
    version = str(getattr(stream, "version", ""))
    return version if version or stream.is_remote else str(Path(source.href).stat().st_mtime_ns)


def _check_size(index: TiffIndex, options: IngestOptions) -> None:
    """Refuse a file that claims an unbelievable size, or overviews larger than itself."""
    main, *overviews = index.levels
    for level in index.levels:
        pixels = level.width * level.height * level.samples
        if _is_too_large(pixels, level.tile_bytes, len(overviews), options):
            raise FileError("too-large")
    if any(level.width > main.width or level.height > main.height for level in overviews):
        raise FileError("broken-index")


def _is_too_large(pixels: int, block_bytes: int, overviews: int, options: IngestOptions) -> bool:
    return (
        pixels > options.max_file_pixels or block_bytes > options.max_block_mb * 1_000_000 or overviews > _MAX_OVERVIEWS
    )


def _check_place(pixels: Pixels, source: Source) -> None:
    """Refuse a file at another place than its item says."""
    if source.bbox_4326 is None or pixels.transform is None:
        return
    try:
        bounds = _degrees(pixels.system, pixels.transform, pixels.height, pixels.width)
    except GDAL_FAULTS as error:
        raise FileError("georeference-contradiction") from error
    if not _agree(bounds, source.bbox_4326):
        raise FileError("georeference-contradiction")


@lru_cache(maxsize=512)
def _degrees(system: str, transform: Affine, height: int, width: int) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a raster."""
    a, b, left, d, e, top = transform[:6]
    corners = [(col, row) for col in (0, width) for row in (0, height)]
    xs = [left + a * col + b * row for col, row in corners]
    ys = [top + d * col + e * row for col, row in corners]
    west, south, east, north = transform_bounds(system, "EPSG:4326", min(xs), min(ys), max(xs), max(ys))
    return float(west), float(south), float(east), float(north)


def _agree(one: Sequence[float], other: Sequence[float]) -> bool:
    """Say whether two boxes overlap by at least half of the smaller one."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width > 0 and height > 0 and width * height >= 0.5 * smaller


def _nodata(of_file: float | None, source: Source) -> float:
    given = of_file if of_file is not None else source.nodata
    return math.nan if given is None else float(given)
