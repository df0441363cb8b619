"""Coordinates in four notations, held against independent answers."""

import csv
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.brief.places import decimal_text, dms_text, mgrs_text, utm_of, utm_text

lons = st.floats(-180.0, 179.999999)
lats = st.floats(-79.9, 83.9)


def test_mgrs_agrees_with_published_points():
    assert mgrs_text(-77.03524, 38.889484).startswith("18S UJ 234")
    assert mgrs_text(2.2945, 48.8582).replace(" ", "") == "31UDQ4825111932"
    assert mgrs_text(0.0, 0.0) == "31N AA 66021 00000"
    assert mgrs_text(10.0, 85.0) == ""


def test_mgrs_squares_agree_with_the_list_of_fields(shared):
    with (shared / "aoi_candidates.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    checked = 0
    for row in rows:
        squares = row["mgrs_100km_squares"].split()
        lon = (float(row["lon_min"]) + float(row["lon_max"])) / 2
        lat = (float(row["lat_min"]) + float(row["lat_max"])) / 2
        if squares and int(row["utm_epsg"]) == utm_of(lon, lat)[0]:
            assert mgrs_text(lon, lat).replace(" ", "")[:5] in squares, row["name"]
            checked += 1
    assert checked > 15


@given(lons, lats)
def test_mgrs_and_utm_are_the_same_place(lon, lat):
    easting, northing = utm_of(lon, lat)[1:]
    zone, square, east, north = mgrs_text(lon, lat).split()
    assert len(zone) == 3
    assert not set(square) & set("IO")
    assert int(east) == int(easting % 100_000)
    assert int(north) == int(northing % 100_000)
    assert utm_text(lon, lat).split()[1] == f"{easting:.0f}"


@given(lons, lats, st.integers(1, 7))
def test_degrees_minutes_seconds_read_back(lon, lat, decimals):
    parts = re.findall(r"(\d+)°(\d\d)′([\d.]+)″ ([NSEW])", dms_text(lon, lat, decimals))
    assert len(parts) == 2
    for (degrees, minutes, seconds, letter), angle in zip(parts, (lat, lon), strict=True):
        assert int(minutes) < 60
        assert float(seconds) < 60
        value = int(degrees) + int(minutes) / 60 + float(seconds) / 3600
        assert abs(value * (-1 if letter in "SW" else 1) - angle) <= 0.51 / 3600 / 10 ** max(decimals - 4, 0)


def test_letters_follow_the_language():
    assert dms_text(-6.58, 8.17, 4, "NSEO") == "8°10′12″ N, 6°34′48″ O"
    assert decimal_text(-6.58, 8.17, 3) == "8.170, -6.580"


@pytest.mark.parametrize(
    ("lon", "lat", "band"), [(3.0, -79.9, "C"), (3.0, 83.9, "X"), (3.0, 7.99, "N"), (3.0, 8.0, "P")]
)
def test_latitude_bands(lon, lat, band):
    assert mgrs_text(lon, lat)[2] == band
