"""The index of a TIFF: what its first bytes say of its size, its place, and where each of its tiles lies.

A strict reader of TIFF 6.0 and BigTIFF directories with the GeoTIFF 1.1 keys (OGC 19-008r4) and GDAL's nodata tag. It
follows offsets that a stranger wrote, so every number is held against the size of the file before it is used, and all
of them before any pixel is read. Strips are tiles as wide as the image.
"""

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from kpgeo.ingest.faults import FileError

_FIRST_BYTES = 32_768
_MORE_BYTES = 4_096
_MAX_READS = 64
_MAX_DIRECTORIES = 64
_MAX_ENTRIES = 512
_MAX_TILES = 4_000_000
_MAX_INDEX_BYTES = 16 * _MAX_TILES
# Bytes a tile may take beyond its decoded size: what an encoder adds to content that cannot be compressed.
_SLACK_BYTES = 65_536
_FARTHEST, _FINEST = 1e9, 1e-7

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _FILL_ORDER, _STRIP_OFFSETS = 256, 257, 258, 259, 266, 273
_SAMPLES, _STRIP_ROWS, _STRIP_BYTES, _PLANAR, _PREDICTOR = 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES, _FORMAT, _KIND = 322, 323, 324, 325, 339, 254
_SCALE, _TIE, _MATRIX, _KEYS, _NODATA = 33550, 33922, 34264, 34735, 42113
_WANTED = frozenset({
    _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _FILL_ORDER, _STRIP_OFFSETS, _SAMPLES, _STRIP_ROWS, _STRIP_BYTES, _PLANAR,
    _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES, _FORMAT, _KIND, _SCALE, _TIE, _MATRIX, _KEYS,
    _NODATA,
})  # fmt: skip
_IS_REDUCED, _IS_MASK = 1, 4
# TIFF field types: numpy code by number (SHORT, LONG, LONG8, DOUBLE, ...).
_TYPES = {1: "u1", 2: "S1", 3: "u2", 4: "u4", 5: "u8", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 10: "i8", 11: "f4", 12: "f8"}
_TYPES |= {13: "u4", 16: "u8", 17: "i8", 18: "u8"}
_KINDS = {1: "u", 2: "i", 3: "f"}
_METRE = 9001
_USER_DEFINED = 32767
Tags = Mapping[int, NDArray[Any]]
ReadBytes = Callable[[int, int], bytes]


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """The full image or one overview: how it is cut into tiles, and where they lie.

    Attributes
    ----------
    tile_width, tile_height : int
        Pixels; a strip is as wide as the image.
    offsets, sizes : array of int64, (plane, tile row, tile column)
        Bytes; both 0 where a tile is not stored.
    has_whole_tiles : bool
        Tiles at the edges are stored whole; the last strip is not.
    dtype : numpy dtype, or None
        None where it is none that numpy has.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    has_whole_tiles: bool
    dtype: np.dtype[Any] | None
    samples: int
    is_planar: bool
    compression: int
    predictor: int

    @property
    def tile_bytes(self) -> int:
        """Return the size of a decoded tile."""
        itemsize = 8 if self.dtype is None else self.dtype.itemsize
        return self.tile_width * self.tile_height * itemsize * (1 if self.is_planar else self.samples)

    @property
    def is_sparse(self) -> bool:
        """Say whether a tile is not stored."""
        return not self.sizes.all()


@dataclass(frozen=True, kw_only=True, eq=False)
class TiffIndex:
    """What a TIFF says of itself.

    Attributes
    ----------
    levels : tuple of Level
        The full image and its overviews, in the order of the file.
    transform : Affine or None
        Column and row of a pixel's upper left corner to x and y.
    epsg : int or None
        None where the coordinate system is not named by a code.
    has_crs : bool
        It states one, by code or in full.
    is_native : bool
        Written in this machine's byte order.
    has_mask : bool
        It holds a mask of valid pixels.
    """

    levels: tuple[Level, ...]
    nodata: float | None
    transform: Affine | None
    epsg: int | None
    has_crs: bool
    is_native: bool
    has_mask: bool

    @property
    def tiles(self) -> int:
        """Return the number of tiles of all levels."""
        return sum(level.offsets.size for level in self.levels)


def read_index(read: ReadBytes, size: int) -> TiffIndex:
    """Read the index of a TIFF.

    Parameters
    ----------
    read : callable
        Returns the bytes from begin to end.
    size : int
        Of the file, in bytes.

    Raises
    ------
    FileError
        It is no TIFF, its directories contradict themselves or the size of the file, or they go round in circles.
    """
    stream = _Bytes(read, size)
    try:
        return _index(stream)
    except (struct.error, ValueError, KeyError, IndexError, OverflowError, ZeroDivisionError, MemoryError) as error:
        raise FileError("broken-index") from error


class _Bytes:
    """The parts of a file that directories lie in: a bounded number of reads, none beyond its end."""

    def __init__(self, read: ReadBytes, size: int) -> None:
        self._read = read
        self._size = size
        self._parts = [(0, read(0, min(size, _FIRST_BYTES)))]
        self._left_bytes = _MAX_INDEX_BYTES
        self.order: Literal["<", ">"] = "<"
        self.is_big = False

    @property
    def size(self) -> int:
        """Return the size of the file."""
        return self._size

    def at(self, begin: int, length: int) -> bytes:
        """Return some bytes, read in pieces of some size, so that one directory takes one or two requests."""
        if begin + length > self._size:
            raise FileError("truncated")
        for first, part in self._parts:
            if first <= begin and begin + length <= first + len(part):
                return part[begin - first : begin - first + length]
        if len(self._parts) >= _MAX_READS or length > self._left_bytes:
            raise FileError("broken-index")
        self._left_bytes -= length
        self._parts.append((begin, self._read(begin, min(self._size, begin + max(length, _MORE_BYTES)))))
        return self._parts[-1][1][:length]

    def numbers(self, form: str, begin: int) -> tuple[Any, ...]:
        """Return numbers of a struct format at an offset."""
        form = self.order + form
        return struct.unpack(form, self.at(begin, struct.calcsize(form)))


def _index(stream: _Bytes) -> TiffIndex:
    """Read the header, the directories and what they say."""
    mark = stream.at(0, 4)
    if mark[:2] not in (b"II", b"MM"):
        raise FileError("unknown-format")
    stream.order = "<" if mark[:2] == b"II" else ">"
    (version,) = stream.numbers("H", 2)
    if version not in (42, 43):
        raise FileError("unknown-format")
    stream.is_big = version == 43
    first = stream.numbers("Q", 8)[0] if stream.is_big else stream.numbers("I", 4)[0]
    directories = list(_directories(stream, first))
    main = directories[0]
    kinds = [int(_one(tags, _KIND, 0)) for tags in directories]
    overviews = [
        _level(tags, stream.size)
        for tags, kind in zip(directories[1:], kinds[1:], strict=True)
        if kind & _IS_REDUCED and not kind & _IS_MASK
    ]
    epsg, has_crs, is_point = _system(main)
    return TiffIndex(
        levels=(_level(main, stream.size), *overviews),
        nodata=_nodata(main),
        transform=_transform(main, is_point=is_point),
        epsg=epsg,
        has_crs=has_crs,
        is_native=stream.order == "<",
        has_mask=any(kind & _IS_MASK for kind in kinds),
    )


def _directories(stream: _Bytes, offset: int) -> Iterator[Tags]:
    """Yield the tags of each directory; a chain that is too long or comes back to itself is refused."""
    seen: set[int] = set()
    while offset or not seen:
        if offset in seen or len(seen) >= _MAX_DIRECTORIES or offset < 8:
            raise FileError("broken-index")
        seen.add(offset)
        count = stream.numbers("Q" if stream.is_big else "H", offset)[0]
        if not 0 < count <= _MAX_ENTRIES:
            raise FileError("broken-index")
        begin, length = (offset + 8, 20) if stream.is_big else (offset + 2, 12)
        entries = stream.at(begin, length * count)
        yield dict(_entries(stream, entries, length))
        offset = stream.numbers("Q" if stream.is_big else "I", begin + length * count)[0]


def _entries(stream: _Bytes, entries: bytes, length: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield tag and values of each entry that is wanted."""
    form, room = (stream.order + "HHQ", 8) if stream.is_big else (stream.order + "HHI", 4)
    for begin in range(0, len(entries), length):
        tag, kind, count = struct.unpack_from(form, entries, begin)
        if tag not in _WANTED or kind not in _TYPES:
            continue
        dtype = np.dtype(_TYPES[kind]).newbyteorder(stream.order)
        if count > _MAX_TILES:
            raise FileError("too-large")
        place = begin + length - room
        if count * dtype.itemsize <= room:
            values = entries[place : place + count * dtype.itemsize]
        else:
            (offset,) = struct.unpack_from(stream.order + ("Q" if stream.is_big else "I"), entries, place)
            values = stream.at(offset, count * dtype.itemsize)
        yield tag, np.frombuffer(values, dtype=dtype)


def _one(tags: Tags, tag: int, default: int | None = None) -> int:
    """Return a tag of one number, or of one number repeated for each sample."""
    values = tags.get(tag)
    if values is None or not len(values):
        if default is None:
            raise FileError("broken-index")
        return default
    if (values != values[0]).any():
        raise FileError("broken-index")
    return int(values[0])


def _level(tags: Tags, size: int) -> Level:
    """Return one image of the file, its tiles held against the file's size."""
    width, height = _one(tags, _WIDTH), _one(tags, _HEIGHT)
    samples, is_planar = _one(tags, _SAMPLES, 1), _one(tags, _PLANAR, 1) == 2
    is_tiled = _TILE_OFFSETS in tags
    tile_width = _one(tags, _TILE_WIDTH) if is_tiled else width
    tile_height = _one(tags, _TILE_HEIGHT) if is_tiled else min(height, _one(tags, _STRIP_ROWS, height))
    if min(width, height, tile_width, tile_height, samples) < 1 or max(width, height, samples) >= 2**31:
        raise FileError("broken-index")
    shape = (samples if is_planar else 1, math.ceil(height / tile_height), math.ceil(width / tile_width))
    if math.prod(shape) > _MAX_TILES:
        raise FileError("too-large")
    level = Level(
        width=width,
        height=height,
        tile_width=tile_width,
        tile_height=tile_height,
        offsets=_places(tags, _TILE_OFFSETS if is_tiled else _STRIP_OFFSETS, shape),
        sizes=_places(tags, _TILE_BYTES if is_tiled else _STRIP_BYTES, shape),
        has_whole_tiles=is_tiled,
        dtype=_dtype(tags),
        samples=samples,
        is_planar=is_planar,
        compression=_one(tags, _COMPRESSION, 1),
        predictor=_one(tags, _PREDICTOR, 1) if _one(tags, _FILL_ORDER, 1) == 1 else -1,
    )
    level.sizes[level.offsets == 0] = 0  # not stored, whatever its size claims to be
    if level.sizes.max() > 2 * level.tile_bytes + _SLACK_BYTES:
        raise FileError("broken-index")
    if (level.offsets + level.sizes).max() > size:
        raise FileError("truncated")
    return level


def _places(tags: Tags, tag: int, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Return offsets or sizes of tiles."""
    values = tags[tag]
    if len(values) != math.prod(shape) or (values > 2**62).any():
        raise FileError("broken-index")
    return values.astype(np.int64).reshape(shape)


def _dtype(tags: Tags) -> np.dtype[Any] | None:
    bits, kind = _one(tags, _BITS, 1), _KINDS.get(_one(tags, _FORMAT, 1))
    is_known = kind is not None and (kind, bits) in {(k, b) for k in "uif" for b in (8, 16, 32, 64)} - {("f", 8)}
    return np.dtype(f"{kind}{bits // 8}") if is_known else None


def _nodata(tags: Tags) -> float | None:
    text = b"".join(tags.get(_NODATA, np.empty(0, "S1")).tolist()).strip(b"\0 ").decode("ascii", "replace")
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _transform(tags: Tags, *, is_point: bool) -> Affine | None:
    """Return the place of the pixels (GeoTIFF 1.1, 7.1); a tie point may name a pixel's centre."""
    transform: Affine | None = None
    if _MATRIX in tags and len(tags[_MATRIX]) == 16:
        m = [float(value) for value in tags[_MATRIX]]
        transform = Affine(m[0], m[1], m[3], m[4], m[5], m[7])
    elif _SCALE in tags and len(tags.get(_TIE, ())) == 6:
        dx, dy = (float(value) for value in tags[_SCALE][:2])
        col, row, _, x, y, _ = (float(value) for value in tags[_TIE])
        transform = Affine(dx, 0.0, x - col * dx, 0.0, -abs(dy), y + row * abs(dy))
    if transform is None or not _is_on_earth(transform):
        return None
    if not is_point:
        return transform
    a, b, left, d, e, top = transform[:6]
    return Affine(a, b, left - 0.5 * (a + b), d, e, top - 0.5 * (d + e))


def _is_on_earth(transform: Affine) -> bool:
    """Say whether positions and pixel sizes can be metres or degrees."""
    a, b, left, d, e, top = transform[:6]
    steps = (math.hypot(a, d), math.hypot(b, e))
    return abs(left) < _FARTHEST and abs(top) < _FARTHEST and all(_FINEST < step < _FARTHEST for step in steps)


def _system(tags: Tags) -> tuple[int | None, bool, bool]:
    """Return the code of the coordinate system, whether one is stated, and whether pixels are points."""
    keys = tags.get(_KEYS)
    if keys is None or len(keys) < 4:
        return None, False, False
    short = {int(key): int(value) for key, place, _, value in keys[4:].reshape(-1, 4) if place == 0}
    model, is_point = short.get(1024), short.get(1025) == 2
    code = {1: short.get(3072), 2: short.get(2048)}.get(model or 0)
    if code is None or not 0 < code < _USER_DEFINED or short.get(3076, _METRE) != _METRE:
        return None, model is not None, is_point
    return code, True, is_point
