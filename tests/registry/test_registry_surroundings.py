"""Roads, borders, settlements, permits and gold workings: read with care, and moving nothing that is found."""

import datetime as dt
import json

import pytest
import shapely

from kpgeo.model.aoi import Commodity, LayerKind
from kpgeo.model.calendar import day_of
from kpgeo.registry import check_aoi, read_aoi

TOLD = {"source": "made up for a test", "confidence": "low"}
PLOT = {"type": "Polygon", "coordinates": [[[-6.64, 8.16], [-6.6, 8.16], [-6.6, 8.2], [-6.64, 8.16]]]}
ROAD = {"type": "LineString", "coordinates": [[-6.68, 8.12], [-6.6, 8.2]]}
PLACES = {"type": "MultiPoint", "coordinates": [[-6.6, 8.21], [-6.59, 8.2]]}
PERMIT = {"id": "PE 12/7 (é)", "valid_from": "2020-01-01", "valid_until": "2025-01-01"}


def _feature(role, geometry, **properties):
    return {"type": "Feature", "properties": {"role": role, "source": TOLD, **properties}, "geometry": geometry}


def _file(folder, name, *rows):
    features = [{"type": "Feature", "properties": properties, "geometry": geometry} for properties, geometry in rows]
    path = folder / "layers" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


def test_a_permit_is_read_with_its_dates(valid, write):
    valid["features"].append(_feature("permits", PLOT, **PERMIT, holder="A co-operative", commodity="diamond"))
    (layer,) = read_aoi(write(valid)).layers
    (permit,) = layer.permits
    assert (permit.id, permit.holder, permit.commodity) == ("PE 12/7 (é)", "A co-operative", Commodity.DIAMOND)
    assert (permit.valid_from_day, permit.valid_until_day) == (day_of(dt.date(2020, 1, 1)), day_of(dt.date(2025, 1, 1)))
    assert permit.source.confidence == "low"
    assert shapely.equals(permit.geometry, shapely.geometry.shape(PLOT))


def test_open_dates_and_what_is_not_given(valid, write):
    valid["features"].append(_feature("permits", PLOT, id="1", valid_from=None, valid_until=None, holder=None))
    (permit,) = read_aoi(write(valid)).layers[0].permits
    assert (permit.holder, permit.commodity, permit.valid_from_day, permit.valid_until_day) == ("", None, None, None)
    assert permit.is_valid_on(0)


def test_a_renewal_bears_the_same_id(valid, write):
    renewed = {"id": PERMIT["id"], "valid_from": "2025-01-01", "valid_until": None}
    valid["features"] += [_feature("permits", PLOT, **PERMIT), _feature("permits", PLOT, **renewed)]
    assert check_aoi(write(valid)) == []


def test_a_register_file_is_read_by_feature_and_other_columns_are_passed_over(valid, write, tmp_path):
    far = {"type": "Polygon", "coordinates": [[[20.0, 8.0], [20.1, 8.0], [20.1, 8.1], [20.0, 8.0]]]}
    _file(tmp_path, "permits.geojson", ({**PERMIT, "any": ["thing"]}, PLOT), ({**PERMIT, "id": "far"}, far))
    valid["features"].append(_feature("permits", None, path="layers/permits.geojson"))
    (layer,) = read_aoi(write(valid)).layers
    assert [permit.id for permit in layer.permits] == [PERMIT["id"]]


def test_an_empty_register_is_a_layer(valid, write, tmp_path):
    _file(tmp_path, "permits.geojson")
    valid["features"].append(_feature("permits", None, path="layers/permits.geojson"))
    (layer,) = read_aoi(write(valid)).layers
    assert (layer.kind, layer.permits) == (LayerKind.PERMITS, ())


def test_an_empty_file_of_anything_else_is_refused(valid, write, tmp_path):
    _file(tmp_path, "roads.geojson")
    valid["features"].append(_feature("road", None, path="layers/roads.geojson"))
    assert {error.rule for error in check_aoi(write(valid))} == {"layer-elsewhere"}


@pytest.mark.parametrize(
    ("properties", "rule"),
    [
        ({**PERMIT, "id": "a\x1b[31m"}, "text-characters"),
        ({**PERMIT, "holder": "x" * 121}, "text-length"),
        ({**PERMIT, "valid_until": "soon"}, "permit-dates"),
        ({"id": "P"}, "field-missing"),
        (None, "field-missing"),
    ],
)
def test_a_hostile_register_file_is_refused_by_name(valid, write, tmp_path, properties, rule):
    _file(tmp_path, "permits.geojson", (properties, PLOT))
    valid["features"].append(_feature("permits", None, path="layers/permits.geojson"))
    errors = check_aoi(write(valid))
    assert rule in {error.rule for error in errors}
    assert all(str(error).isprintable() for error in errors)


def test_every_part_of_a_settlement_layer_has_its_name(valid, write, tmp_path):
    rows = ({"name": "Bobi"}, PLACES), ({"name": None}, PLOT), ({}, {"type": "Point", "coordinates": [-6.55, 8.25]})
    _file(tmp_path, "places.geojson", *rows)
    valid["features"] += [
        _feature("settlement", None, path="layers/places.geojson"),
        _feature("settlement", {"type": "Point", "coordinates": [-6.6, 8.2]}, name="Diarabana"),
    ]
    first, second = read_aoi(write(valid)).layers
    assert first.names == ("Bobi", "Bobi", "", "")
    assert second.names == ("Diarabana",)


def test_a_hostile_name_of_a_settlement_is_refused(valid, write, tmp_path):
    _file(tmp_path, "places.geojson", ({"name": "Bobi\u202egnp.exe"}, PLACES))
    valid["features"].append(_feature("settlement", None, path="layers/places.geojson"))
    assert {error.rule for error in check_aoi(write(valid))} == {"text-characters"}


def test_a_border_is_kept_farther_out_than_a_river_and_says_how_far(valid, write):
    line = {"type": "LineString", "coordinates": [[-20.0, 8.2], [10.0, 8.2]]}
    valid["features"] += [_feature("border", line), _feature("drainage", line)]
    border, drainage = read_aoi(write(valid)).layers
    assert border.geometry.bounds[0] == pytest.approx(-7.7, abs=0.02)
    assert drainage.geometry.bounds[0] == pytest.approx(-6.8)
    assert (border.reach_m, drainage.reach_m) == (110_000.0, 10_000.0)


def test_surroundings_move_the_version_and_not_what_is_found_by_it(valid, write, tmp_path):
    plain = read_aoi(write(valid))
    valid["features"] += [_feature("permits", PLOT, **PERMIT), _feature("road", ROAD)]
    more = read_aoi(write(valid))
    assert more.version != plain.version
    assert more.ground_version == plain.ground_version
    _file(tmp_path, "roads.geojson", ({}, ROAD))
    valid["features"].append(_feature("border", None, path="layers/roads.geojson"))
    assert read_aoi(write(valid)).ground_version == plain.ground_version


@pytest.mark.parametrize("role", ["drainage", "risk-area"])
def test_what_belief_follows_from_moves_the_version_of_the_ground(valid, write, tmp_path, role):
    plain = read_aoi(write(valid)).ground_version
    valid["features"].append(_feature(role, ROAD if role == "drainage" else PLOT))
    with_one = read_aoi(write(valid)).ground_version
    assert with_one != plain
    geometry = valid["features"][-1]["geometry"]
    _file(tmp_path, "more.geojson", ({}, geometry))
    valid["features"][-1] = _feature(role, None, path="layers/more.geojson")
    first = read_aoi(write(valid)).ground_version
    _file(tmp_path, "more.geojson", ({}, geometry), ({}, geometry))
    assert len({plain, with_one, first, read_aoi(write(valid)).ground_version}) == 4


def test_spaces_in_a_file_do_not_begin_a_new_history(valid, write):
    spaced = json.dumps(valid, indent=3).encode()
    tight = read_aoi(write(valid))
    assert read_aoi(write(spaced)).ground_version == tight.ground_version
    assert read_aoi(write(spaced)).version != tight.version
