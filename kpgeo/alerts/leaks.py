"""Whether files give away a place: every number pair, text, binary number and compressed stream in them is looked at.

A place that must not be known may stand in a file as degrees, as degrees, minutes and seconds, as UTM metres, as a
geohash or an Open Location Code, as text in several encodings, as a binary number of any make, in the metadata of a
picture, or in what a container has packed. What is looked for is what lies within a distance of a restricted point.
"""

import gzip
import io
import itertools
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

_M_PER_DEG = 111_320.0
_MOST_BYTES = 256 * 1024 * 1024
_DEEPEST = 4
_NUMBER = re.compile(rb"[-+]?\d{1,9}(?:[.,]\d{1,18})?")
_SEXAGESIMAL = re.compile(
    rb"(\d{1,3})\s*(?:\xc2?\xb0|deg|&deg;|d)\s*(\d{1,2})\s*(?:'|\xe2\x80\xb2|m|&#39;|&#x27;)\s*(\d{1,2}(?:[.,]\d+)?)?"
)
_MGRS = re.compile(
    rb"(?<![0-9A-Za-z])([1-9]|[1-5]\d|60)\s?[C-HJ-NP-X]\s?[A-HJ-NP-Z]{2}\s?(\d{3,5})\s?(\d{3,5})(?![0-9])"
)
_GEOHASH = "0123456789bcdefghjkmnpqrstuvwxyz"
_OLC = "23456789CFGHJMPQRVWX"
_GEOHASH_LETTERS = 6
_NEAR_NUMBERS = 4
_PRINTED = 4
_REALS = tuple(f"{order}f{size}" for order in "<>" for size in (4, 8))
_INTEGERS = tuple(f"{order}i{size}" for order in "<>" for size in (4, 8))
_SCALES = (1.0, 1e5, 1e6, 1e7)


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Where a file gives a place away: what stands there, and how it was found."""

    file: str
    offset: int
    found: str
    how: str

    def __str__(self) -> str:
        return f"{self.file}, byte {self.offset}: {self.found} ({self.how})"


@dataclass(frozen=True, kw_only=True)
class Restricted:
    """What must not be known.

    Attributes
    ----------
    lon_lat : float64 (n, 2)
        Points, degrees.
    words : tuple of str
        Ids and names that lead to a place.
    within_m : float
        How near a found point may not come to a restricted one (m).
    node_deg : float
        Points on multiples of this are corners of a fixed grid, and give nothing away.
    """

    lon_lat: NDArray[np.float64]
    words: tuple[str, ...] = ()
    within_m: float = 1000.0
    node_deg: float = 0.05

    @cached_property
    def parts(self) -> tuple["Restricted", ...]:
        """Return it by UTM zone and hemisphere, so that signs and metres are those of each point; ids in the first."""
        lon, lat = self.lon_lat[:, 0], self.lon_lat[:, 1]
        zones = (np.floor((lon + 180.0) / 6.0) % 60 + 1.0) * np.where(lat >= 0.0, 1.0, -1.0)
        found = [self.lon_lat[zones == zone] for zone in np.unique(zones)] or [self.lon_lat]
        return tuple(
            replace(self, lon_lat=points, words=() if number else self.words) for number, points in enumerate(found)
        )

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Return the points in metres of their own UTM zone."""
        points: list[shapely.Point] = [shapely.Point(*place) for place in self.utm]
        return shapely.STRtree(points)

    @cached_property
    def utm(self) -> NDArray[np.float64]:
        """Return the points as easting and northing (m)."""
        return np.column_stack(self._to_utm.transform(self.lon_lat[:, 0], self.lon_lat[:, 1]))

    @cached_property
    def _to_utm(self) -> pyproj.Transformer:
        lon, lat = np.median(self.lon_lat, axis=0)
        epsg = (32600 if lat >= 0.0 else 32700) + int((lon + 180.0) // 6.0) % 60 + 1
        return pyproj.Transformer.from_crs(4326, epsg, always_xy=True)

    def is_near_utm(self, points_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say of points (n, 2), easting and northing in metres, which come too near."""
        near = np.zeros(len(points_m), dtype=np.bool_)
        if len(points_m) and len(self.lon_lat):
            near[self.tree.query(shapely.points(points_m), predicate="dwithin", distance=self.within_m)[0]] = True
        return near

    def is_near(self, lon_lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say of points (n, 2), longitude and latitude, which come too near and are no corner of the fixed grid."""
        if not len(lon_lat):
            return np.zeros(0, dtype=np.bool_)
        near = self.is_near_utm(np.column_stack(self._to_utm.transform(lon_lat[:, 0], lon_lat[:, 1])))
        steps = lon_lat / self.node_deg
        is_node = (np.abs(steps - np.rint(steps)) < 1e-6).all(axis=1)
        return near & ~is_node

    @cached_property
    def codes(self) -> frozenset[bytes]:
        """Return how place codes of the points begin: geohashes of a kilometre, Open Location Codes of 275 m."""
        found = {_geohash(lon, lat) for lon, lat in self.lon_lat} | {_open_code(lon, lat) for lon, lat in self.lon_lat}
        return frozenset(code.encode() for code in found)


def find_leaks(name: str, content: bytes, restricted: Restricted) -> list[Leak]:
    """Return what in a file gives a restricted place away, in its name too.

    Parameters
    ----------
    name : str
        Of the file; it is looked through as a text.
    content : bytes
        What is packed in it (zip, gzip, zlib streams of PNG and PDF) is looked through as well.
    """
    looked_through = [(f"{name} (its name)", name.encode("utf-8", "surrogateescape")), *_unpacked(name, content, 0)]
    return [
        leak
        for place, packed in looked_through
        for points in restricted.parts
        for leak in _of_bytes(place, packed, points)
    ]


def _of_bytes(place: str, content: bytes, restricted: Restricted) -> Iterator[Leak]:
    plain = content.replace(b"\x00", b"")
    texts = (content,) if plain == content else (content, plain)  # UTF-16 is text with zeros between
    for text in texts:
        yield from _words(place, text, restricted)
        yield from _number_pairs(place, text, restricted)
        yield from _sexagesimal(place, text, restricted)
        yield from _grid_references(place, text, restricted)
    yield from _binary_pairs(place, content, restricted)
    yield from _rationals(place, content, restricted)


def _unpacked(name: str, content: bytes, depth: int) -> Iterator[tuple[str, bytes]]:
    """Yield a file's bytes, and those of what is packed in it."""
    yield name, content
    if depth >= _DEEPEST:
        return
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                yield f"{name} > {entry.filename}", entry.filename.encode() + b" " + entry.comment
                with archive.open(entry) as stream:
                    yield from _unpacked(f"{name} > {entry.filename}", stream.read(_MOST_BYTES), depth + 1)
    elif content[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(content)) as stream:
            yield from _unpacked(f"{name} > gzip", stream.read(_MOST_BYTES), depth + 1)
    else:
        for offset, part in _streams(content):
            yield from _unpacked(f"{name} > stream at {offset}", part, depth + 1)


def _streams(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield what zlib streams hold, wherever they begin; those of a PNG lie in several chunks."""
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        content = _png_pixels(content)
    at = content.find(b"\x78")
    while at >= 0:
        if at + 1 < len(content) and (0x7800 | content[at + 1]) % 31 == 0:
            try:
                part = zlib.decompressobj().decompress(content[at:], _MOST_BYTES)
            except zlib.error:
                part = b""
            if len(part) >= _GEOHASH_LETTERS:
                yield at, part
        at = content.find(b"\x78", at + 1)


def _png_pixels(content: bytes) -> bytes:
    """Return the pixel stream of a PNG in one piece, its other compressed chunks behind it."""
    parts: dict[bytes, list[bytes]] = {}
    at = 8
    while at + 8 <= len(content):
        size, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        parts.setdefault(kind, []).append(content[at + 8 : at + 8 + size])
        at += 12 + size
    return b"".join(parts.pop(b"IDAT", [])) + b"".join(itertools.chain.from_iterable(parts.values()))


def _words(place: str, text: bytes, restricted: Restricted) -> Iterator[Leak]:
    for word in restricted.words:
        at = text.find(word.encode())
        if at >= 0:
            yield Leak(file=place, offset=at, found=word, how="an id or name")
    upper, lower = text.upper(), text.lower()
    for code in restricted.codes:
        haystack = upper if b"+" in code else lower
        at = haystack.find(code)
        while at >= 0:
            if not text[max(at - 1, 0) : at].isalnum():
                yield Leak(file=place, offset=at, found=code.decode(), how="a place code")
                break
            at = haystack.find(code, at + 1)


def _number_pairs(place: str, text: bytes, restricted: Restricted) -> Iterator[Leak]:
    """Look at numbers that stand near each other as degrees (either order, either sign) and as UTM metres."""
    found = [(match.start(), match.group().replace(b",", b".")) for match in _NUMBER.finditer(text)]
    if not found:
        return
    values = np.array([float(token) for _, token in found])
    offsets = np.array([offset for offset, _ in found])
    yield from _single(place, found, values, restricted)
    for step in range(1, _NEAR_NUMBERS + 1):
        pairs = np.column_stack((values[:-step], values[step:]))
        yield from _near(place, pairs, offsets[: len(pairs)], restricted, "numbers in a text")


def _single(
    place: str, found: Sequence[tuple[int, bytes]], values: NDArray[np.float64], restricted: Restricted
) -> Iterator[Leak]:
    """Look at single degrees that are printed so finely that they name a line of metres."""
    if not len(restricted.lon_lat):
        return
    known = np.sort(np.abs(restricted.lon_lat).ravel())
    after = np.clip(np.searchsorted(known, np.abs(values)), 1, len(known) - 1) if len(known) > 1 else np.zeros(1, int)
    gap = np.minimum(np.abs(known[after] - np.abs(values)), np.abs(known[after - 1] - np.abs(values)))
    for index in np.flatnonzero(gap < 0.5 * 10.0**-_PRINTED):
        offset, token = found[int(index)]
        if len(token.partition(b".")[2]) >= _PRINTED:
            yield Leak(file=place, offset=offset, found=token.decode(), how="a longitude or latitude in a text")


def _near(
    place: str, pairs: NDArray[np.float64], offsets: NDArray[np.int64], restricted: Restricted, how: str
) -> Iterator[Leak]:
    """Look at pairs of numbers (n, 2), in any order and of any sign."""
    if not len(restricted.lon_lat) or not len(pairs):
        return
    with np.errstate(invalid="ignore", over="ignore"):
        for lon_at, lat_at in ((0, 1), (1, 0)):
            yield from _near_degrees(place, pairs[:, [lon_at, lat_at]], offsets, restricted, how)
            metres = pairs[:, [lon_at, lat_at]]
            low, high = (
                restricted.utm.min(axis=0) - restricted.within_m,
                restricted.utm.max(axis=0) + restricted.within_m,
            )
            keep = ((metres >= low) & (metres <= high)).all(axis=1)
            for index in np.flatnonzero(keep)[restricted.is_near_utm(metres[keep])]:
                found = f"{metres[index, 0]:.10g}, {metres[index, 1]:.10g}"
                yield Leak(file=place, offset=int(offsets[index]), found=found, how=f"UTM metres, {how}")


def _near_degrees(
    place: str, pairs: NDArray[np.float64], offsets: NDArray[np.int64], restricted: Restricted, how: str
) -> Iterator[Leak]:
    margin = 1.5 * restricted.within_m / _M_PER_DEG
    low, high = restricted.lon_lat.min(axis=0) - margin, restricted.lon_lat.max(axis=0) + margin
    signs = np.sign(np.median(restricted.lon_lat, axis=0))
    signed = np.abs(pairs) * np.where(signs == 0.0, 1.0, signs)
    keep = ((signed >= low) & (signed <= high)).all(axis=1)
    for index in np.flatnonzero(keep)[restricted.is_near(signed[keep])]:
        found = f"{pairs[index, 0]:.10g}, {pairs[index, 1]:.10g}"
        yield Leak(file=place, offset=int(offsets[index]), found=found, how=f"degrees, {how}")


def _sexagesimal(place: str, text: bytes, restricted: Restricted) -> Iterator[Leak]:
    """Look at degrees, minutes and seconds."""
    found = [
        (
            match.start(),
            float(match[1]) + float(match[2]) / 60.0 + float((match[3] or b"0").replace(b",", b".")) / 3600.0,
        )
        for match in _SEXAGESIMAL.finditer(text)
    ]
    if len(found) > 1:
        values, offsets = np.array([value for _, value in found]), np.array([offset for offset, _ in found])
        pairs = np.column_stack((values[:-1], values[1:]))
        yield from _near(place, pairs, offsets[:-1], restricted, "degrees, minutes and seconds")


def _grid_references(place: str, text: bytes, restricted: Restricted) -> Iterator[Leak]:
    """Look at what reads as an MGRS reference of a hundred metres or finer; none has a place in a public file."""
    for match in _MGRS.finditer(text):
        if len(match[2]) == len(match[3]) and len(restricted.lon_lat):
            yield Leak(file=place, offset=match.start(), found=match.group().decode("ascii", "replace"), how="MGRS")


def _binary_pairs(place: str, content: bytes, restricted: Restricted) -> Iterator[Leak]:
    """Look at every eight and sixteen bytes as two numbers of any make."""
    if not len(restricted.lon_lat):
        return
    for dtype in (*_REALS, *_INTEGERS):
        size = int(dtype[2])
        for begin in range(size):
            count = (len(content) - begin) // size
            if count < 2:
                continue
            with np.errstate(invalid="ignore", over="ignore"):
                values = np.frombuffer(content, dtype, count, begin).astype(np.float64)
                offsets = begin + size * np.arange(count - 1)
                for scale in _SCALES if "i" in dtype else (1.0,):
                    pairs = np.column_stack((values[:-1], values[1:])) / scale
                    yield from _near(place, pairs, offsets, restricted, f"binary {dtype}")


def _rationals(place: str, content: bytes, restricted: Restricted) -> Iterator[Leak]:
    """Look at degrees, minutes and seconds as three fractions each, as a camera writes them (EXIF)."""
    if not len(restricted.lon_lat):
        return
    known = np.abs(restricted.lon_lat)
    margin = restricted.within_m / _M_PER_DEG
    low, high = known.min(axis=0) - margin, known.max(axis=0) + margin
    for order, begin in itertools.product("<>", range(4)):
        count = (len(content) - begin) // 4
        if count < 6:
            continue
        parts = np.frombuffer(content, f"{order}u4", count, begin).astype(np.float64)
        six = np.lib.stride_tricks.sliding_window_view(parts, 6)
        bottoms = six[:, 1::2]
        is_angle = ((bottoms >= 1.0) & (bottoms <= 1e7)).all(axis=1) & (six[:, 2] < 60.0 * six[:, 3])
        is_angle &= (six[:, 4] < 60.0 * six[:, 5]) & (six[:, 0] <= 180.0 * six[:, 1])
        where = np.flatnonzero(is_angle)
        angle = (six[where, ::2] / bottoms[where]) @ np.array([1.0, 1.0 / 60.0, 1.0 / 3600.0])
        hits = where[((angle >= low.min()) & (angle <= high.max()) & (angle != np.rint(angle)))]
        for index in hits[:-1][np.diff(hits) <= 12] if len(hits) > 1 else []:
            yield Leak(file=place, offset=begin + 4 * int(index), found="two angles as fractions", how="EXIF")


def _geohash(lon: float, lat: float) -> str:
    """Return a geohash of about a kilometre (Niemeyer 2008)."""
    spans = [[-180.0, 180.0], [-90.0, 90.0]]
    bits = 0
    for turn in range(5 * _GEOHASH_LETTERS):
        span, value = spans[turn % 2], (lon, lat)[turn % 2]
        middle = (span[0] + span[1]) / 2.0
        is_upper = value >= middle
        span[0 if is_upper else 1] = middle
        bits = bits << 1 | is_upper
    return "".join(_GEOHASH[bits >> 5 * place & 31] for place in range(_GEOHASH_LETTERS - 1, -1, -1))


def _open_code(lon: float, lat: float) -> str:
    """Return an Open Location Code of eight digits, 1/400 of a degree, as it is printed (Google 2014)."""
    east, north = int((lon + 180.0) * 400.0), int((lat + 90.0) * 400.0)
    digits = []
    for _ in range(4):
        east, low = divmod(east, 20)
        north, high = divmod(north, 20)
        digits.append(_OLC[high] + _OLC[low])
    return "".join(reversed(digits)) + "+"
