"""A file that gives a place away is found, in whatever way it does; one that does not is left alone."""

import gzip
import io
import random
import struct
import zipfile
import zlib

import numpy as np
import pyproj
import pytest

from kpgeo.alerts import Restricted, find_leaks

LON, LAT = -6.63172, 8.17246
PLACE = Restricted(lon_lat=np.array([[LON, LAT], [-6.7, 8.01]]), words=("site-0123456789ab", "0123456789ab"))
EAST, NORTH = pyproj.Transformer.from_crs(4326, 32629, always_xy=True).transform(LON, LAT)


def _dms(value: float) -> str:
    value = abs(value)
    return f"{int(value)}°{int(value * 60 % 60)}'{value * 3600 % 60:.1f}\""


def _exif(value: float) -> bytes:
    value = abs(value)
    parts = (int(value), 1, int(value * 60 % 60), 1, round(value * 3600 % 60 * 100), 100)
    return struct.pack(">6I", *parts)


def _png(text: bytes) -> bytes:
    """Return a PNG whose compressed text chunk holds a text; its pixels do not."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = struct.pack(">2I5B", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\x00\x00")
    said = b"Comment\x00\x00" + zlib.compress(text)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"zTXt", said)
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )


def _zip(name: str, content: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return memory.getvalue()


TEXT = f"lat {LAT:.3f}, lon {LON:.3f}".encode()
GIVEN_AWAY = {
    "degrees": TEXT,
    "the other order": f"[{LON:.4f}, {LAT:.4f}]".encode(),
    "two decimals": f"{LON:.2f} {LAT:.2f}".encode(),
    "decimal commas": f"{LAT:.4f}; {LON:.4f}".replace(".", ",").encode(),
    "west without a minus": f"{LAT:.4f} N {-LON:.4f} W".encode(),
    "a longitude alone": f"lon={LON:.5f}".encode(),
    "UTF-16": TEXT.decode().encode("utf-16-le"),
    "minutes and seconds": f"{_dms(LAT)}N {_dms(LON)}W".encode(),
    "UTM": f"29N {EAST:.0f} {NORTH:.0f}".encode(),
    "MGRS": b"29PQK 6093 0422",
    "an id": b"chips/site-0123456789ab.png",
    "doubles": struct.pack("<2d", LON, LAT),
    "doubles, big-endian, latitude first": struct.pack(">2d", LAT, LON),
    "floats": b"\x00" + struct.pack("<2f", LON, LAT),
    "well-known binary": b"\x01\x01\x00\x00\x00" + struct.pack("<2d", LON, LAT),
    "ten millionths": struct.pack("<2i", round(LON * 1e7), round(LAT * 1e7)),
    "UTM doubles": struct.pack("<2d", EAST, NORTH),
    "EXIF": _exif(LAT) + _exif(LON),
    "a packed text in a PNG": _png(TEXT),
    "a zip": _zip("a.csv", TEXT),
    "a zip in a zip": _zip("a.zip", _zip("b.txt", TEXT)),
    "gzip": gzip.compress(TEXT),
    "a stream in the middle": b"obj << /FlateDecode >> stream\n" + zlib.compress(TEXT * 3) + b"\nendstream",
    "a name in a zip": _zip(f"{LAT:.4f}_{LON:.4f}.txt", b""),
}


@pytest.mark.fault(45)
@pytest.mark.parametrize("how", GIVEN_AWAY)
def test_a_place_is_found(how: str) -> None:
    leaks = find_leaks("file", GIVEN_AWAY[how], PLACE)
    assert leaks, how
    assert all(leak.file.startswith("file") for leak in leaks)


@pytest.mark.fault(45)
@pytest.mark.parametrize("code", sorted(PLACE.codes))
def test_a_place_code_is_found(code: bytes) -> None:
    assert find_leaks("file", b"see " + code + b"2V", PLACE)
    assert find_leaks("file", b"see " + code.swapcase() + b"2v", PLACE)


def test_place_codes_are_those_others_make() -> None:
    """Examples of geohash.org and of the Open Location Code's own test data."""
    known = Restricted(lon_lat=np.array([[-5.6, 42.6]])).codes
    assert any(code.startswith(b"ezs42") for code in known)
    assert b"7FG49Q00+"[:6] in {code[:6] for code in Restricted(lon_lat=np.array([[2.775, 20.375]])).codes}


@pytest.mark.fault(45)
def test_a_file_name_gives_away_too() -> None:
    assert find_leaks(f"chip_{LAT:.4f}_{LON:.4f}.png", b"", PLACE)


@pytest.mark.parametrize(
    "harmless",
    [
        b"",
        b"2024H1, 12 cells, 37 % seen, 2026-01-01T00:00:00Z",
        b"west -6.65, south 8.15, size 0.05",  # corners of the fixed grid, near a place or not
        b"-6.60 8.20 -6.55 8.25 -6.65 8.15",
        f"{LAT + 0.2:.4f} {LON + 0.2:.4f}".encode(),
        struct.pack("<2d", LON + 0.05, LAT + 0.05),
        zlib.compress(b"nothing to see here " * 40),
    ],
)
def test_what_gives_nothing_away_is_left_alone(harmless: bytes) -> None:
    assert find_leaks("cells.csv", harmless, PLACE) == []


def test_noise_is_no_place() -> None:
    """Half a megabyte of dice holds numbers of every kind; that a pair of them is a place by chance is rare."""
    assert find_leaks("noise.bin", random.Random(7).randbytes(500_000), PLACE) == []


def test_nothing_restricted_nothing_found() -> None:
    nowhere = Restricted(lon_lat=np.zeros((0, 2)))
    assert [find_leaks("file", content, nowhere) for content in GIVEN_AWAY.values()].count([]) == len(GIVEN_AWAY)


FAR_LON, FAR_LAT = 20.41237, -4.31864
FAR_EAST, FAR_NORTH = pyproj.Transformer.from_crs(4326, 32734, always_xy=True).transform(FAR_LON, FAR_LAT)


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    "content",
    [
        f"{FAR_LON:.3f} {FAR_LAT:.3f}".encode(),
        f"4.319 S, {FAR_LON:.3f} E".encode(),
        f"34M {FAR_EAST:.0f} {FAR_NORTH:.0f}".encode(),
        struct.pack("<2f", FAR_LON, FAR_LAT),
        TEXT,
        f"29N {EAST:.0f} {NORTH:.0f}".encode(),
    ],
)
def test_places_in_several_parts_of_the_world_are_found_each(content: bytes) -> None:
    both = Restricted(lon_lat=np.array([[LON, LAT], [-6.7, 8.01], [FAR_LON, FAR_LAT]]))
    assert find_leaks("file", content, both)
    assert find_leaks("file", b"see the id", Restricted(lon_lat=both.lon_lat, words=("the id",)))
