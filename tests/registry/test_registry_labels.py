"""Labelled polygons: what is read, and what a stranger's file is refused for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kpgeo.model.errors import BadInputError
from kpgeo.model.grid import Grid
from kpgeo.model.state import LandState
from kpgeo.registry import find_label_pixels, read_labels
from kpgeo.registry.labels import MAX_LABELS

LON, LAT = -6.6, 8.2


def _square(size_deg: float = 0.001) -> dict[str, Any]:
    east, north = LON + size_deg, LAT + size_deg
    ring = [[LON, LAT], [east, LAT], [east, north], [LON, north], [LON, LAT]]
    return {"type": "Polygon", "coordinates": [ring]}


def _feature(**properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"state": "dug", **properties}, "geometry": _square()}


def _write(path: Path, *features: Any, **more: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features), **more}), encoding="utf-8")
    return path


def test_labels_are_read_with_their_days_and_names(tmp_path: Path) -> None:
    whole = _feature(name="Bobi 3", **{"class": "pale gravel", "from": "2024-01-05", "until": "2024-02-01"})
    path = _write(tmp_path / "l.geojson", whole, _feature(state="Pond", checked=True, colour="red"))
    first, second = read_labels(path)
    assert (first.id, first.state, first.class_name, first.is_checked) == (
        "Bobi 3",
        LandState.DUG,
        "pale gravel",
        False,
    )
    assert first.start_day is not None
    assert (first.holds(first.start_day - 1), first.holds(first.start_day), first.holds(first.start_day + 26)) == (
        False,
        True,
        True,
    )
    assert not first.holds(first.start_day + 27)
    assert (second.id, second.state, second.is_checked, second.holds(0)) == ("feature 2", LandState.POND, True, True)


def test_labels_of_one_name_are_told_apart(tmp_path: Path) -> None:
    path = _write(tmp_path / "l.geojson", _feature(name="pit"), _feature(name="pit"), _feature(name="pit"))
    assert [label.id for label in read_labels(path)] == ["pit", "pit (2)", "pit (3)"]


def test_an_outline_wound_the_wrong_way_is_turned(tmp_path: Path) -> None:
    feature = _feature()
    feature["geometry"]["coordinates"][0].reverse()
    (label,) = read_labels(_write(tmp_path / "l.geojson", feature))
    assert label.geometry.exterior.is_ccw


@pytest.mark.parametrize(
    ("properties", "place", "says"),
    [
        ({"state": "mine"}, "state", "burnt, cropped, cleared, dug, pond, regrowth"),
        ({"state": None}, "state", "not a land state"),
        ({"state": ["dug"]}, "state", "not a land state"),
        ({"state": "stable"}, "state", "own season"),
        ({"class": 3}, "class", "name of a class"),
        ({"class": "a\u0000b"}, "class", "name of a class"),
        ({"from": "5 January"}, "from", "ISO date"),
        ({"from": 20240105}, "from", "ISO date"),
        ({"from": "2024-02-30"}, "from", "calendar"),
        ({"from": "1066-10-14"}, "from", "Landsat"),
        ({"from": "2024-02-01", "until": "2024-02-01"}, "until", "after from"),
        ({"checked": "yes"}, "checked", "true or false"),
    ],
)
def test_a_bad_property_is_named_with_its_feature(
    properties: dict[str, Any], place: str, says: str, tmp_path: Path
) -> None:
    path = _write(tmp_path / "l.geojson", _feature(), _feature(**properties))
    with pytest.raises(BadInputError) as refusal:
        read_labels(path)
    assert f"features[1].properties.{place}" in str(refusal.value)
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not-json"),
        ("[" * 5000, "nesting"),
        ("{}", "FeatureCollection"),
        ('{"type": "FeatureCollection", "features": {}}', "FeatureCollection"),
        ('{"type": "FeatureCollection", "features": [1]}', "FeatureCollection"),
        ('{"type": "FeatureCollection", "features": []}', "no polygon"),
        ('{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": null}]}', "no properties"),
    ],
)
def test_what_is_not_a_collection_of_polygons_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "l.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=says):
        read_labels(path)


@pytest.mark.parametrize(
    ("geometry", "rule"),
    [
        (None, "geometry-empty"),
        ({"type": "Point", "coordinates": [LON, LAT]}, "geometry-not-polygon"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, "ring-too-short"),
        (
            {
                "type": "Polygon",
                "coordinates": [[[700000, 900000], [700100, 900000], [700000, 900100], [700000, 900000]]],
            },
            "coordinates-in-metres",
        ),
    ],
)
def test_a_bad_outline_breaks_a_named_rule(geometry: object, rule: str, tmp_path: Path) -> None:
    path = _write(tmp_path / "l.geojson", {**_feature(), "geometry": geometry})
    with pytest.raises(BadInputError, match=rule):
        read_labels(path)


def test_another_coordinate_system_too_many_labels_and_huge_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.geojson"
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32629"}}
    with pytest.raises(BadInputError, match="crs-member"):
        read_labels(_write(path, _feature(), crs=crs))
    with pytest.raises(BadInputError, match="features"):
        read_labels(_write(path, *[_feature()] * (MAX_LABELS + 1)))
    with pytest.raises(BadInputError, match="km²"):
        read_labels(_write(path, {**_feature(), "geometry": _square(0.1)}))
    with pytest.raises(BadInputError, match="cannot be read"):
        read_labels(tmp_path / "none.geojson")


def test_only_pixels_wholly_inside_are_taken(tmp_path: Path) -> None:
    grid = Grid(epsg=32629, left_m=764300.0, top_m=907300.0, width=100, height=100)
    (label,) = read_labels(_write(tmp_path / "l.geojson", _feature()))
    pixels = find_label_pixels(label, grid)
    # 0.001 degrees are 110 m: eleven pixels, of which at most ten lie wholly inside.
    assert 81 <= len(pixels) <= 121
    assert pixels.dtype == np.int64
    far = Grid(epsg=32629, left_m=0.0, top_m=100.0, width=10, height=10)
    assert len(find_label_pixels(label, far)) == 0
