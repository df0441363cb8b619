"""Drainage, known workings and ground at risk: read with care, and drawn on the grid."""

import json
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kpgeo.model.aoi import Layer, LayerKind, RiskRule, RiskSource
from kpgeo.registry import (
    check_aoi,
    rasterize_drainage_distance,
    rasterize_inside,
    rasterize_strata,
    rasterize_watched,
    rasterize_workings,
    read_aoi,
)
from tests.registry.test_registry_raster import GRID, SOURCE, TO_DEGREES, aoi_with, box_on_grid

RIVER = {"type": "LineString", "coordinates": [[-6.68, 8.12], [-6.6, 8.2], [-6.52, 8.28]]}
PITS = {"type": "MultiPoint", "coordinates": [[-6.6, 8.21], [-6.59, 8.2]]}
TOLD = {"source": "made up for a test", "confidence": "low"}


def _feature(role, geometry, **properties):
    return {"type": "Feature", "properties": {"role": role, "source": TOLD, **properties}, "geometry": geometry}


def _layer_file(folder, *geometries, name="rivers.geojson", **extra):
    rows = [{"type": "Feature", "properties": {"any": "thing"}, "geometry": geometry} for geometry in geometries]
    path = folder / "layers" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows, **extra}), encoding="utf-8")
    return path


def _line(*corners):
    return shapely.GeometryCollection(
        [shapely.LineString([TO_DEGREES.transform(GRID.left_m + 10 * x, GRID.top_m - 10 * y) for x, y in corners])]
    )


def _with(*layers, risk=None, strata=()):
    aoi = aoi_with(box_on_grid(0, 0, 8, 6), *strata)
    return replace(aoi, layers=tuple(Layer(source=SOURCE, **layer) for layer in layers), risk=risk)


def test_layers_in_the_file_are_read(valid, write):
    valid["features"] += [_feature("drainage", RIVER), _feature("workings", PITS, radius_m=40)]
    aoi = read_aoi(write(valid))
    drainage, workings = aoi.layers
    assert (drainage.kind, workings.kind) == (LayerKind.DRAINAGE, LayerKind.WORKINGS)
    assert shapely.length(drainage.geometry) == pytest.approx(shapely.length(shapely.geometry.shape(RIVER)))
    assert len(shapely.get_parts(workings.geometry)) == 2
    assert workings.radius_m == 40.0
    assert [stratum.id for stratum in aoi.strata] == ["dyke", "flats"]
    assert not aoi.is_watched_in_part


def test_layers_may_stand_between_strata(valid, write):
    valid["features"].insert(1, _feature("drainage", RIVER))
    aoi = read_aoi(write(valid))
    assert [stratum.id for stratum in aoi.strata] == ["dyke", "flats"]
    assert len(aoi.layers) == 1


def test_a_layer_file_is_read_and_belongs_to_the_version(valid, write, tmp_path):
    _layer_file(tmp_path, RIVER)
    valid["features"].append(_feature("drainage", None, path="layers/rivers.geojson"))
    path = write(valid)
    first = read_aoi(path)
    assert len(first.layers_of(LayerKind.DRAINAGE)) == 1
    _layer_file(tmp_path, RIVER, {"type": "LineString", "coordinates": [[-6.6, 8.2], [-6.6, 8.25]]})
    assert read_aoi(path).version != first.version


def test_what_lies_far_from_the_boundary_is_cut_off(valid, write):
    valid["features"].append(_feature("drainage", {"type": "LineString", "coordinates": [[-20, 8.2], [10, 8.2]]}))
    west, _, east, _ = read_aoi(write(valid)).layers[0].geometry.bounds
    assert (west, east) == pytest.approx((-6.8, -6.4))


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"[]", "layer-geometry"),
        (b'{"type": "FeatureCollection"', "not-json"),
        (b"\xff\xfe{}", "not-utf8"),
        (b"[" * 100 + b"]" * 100, "nesting-too-deep"),
        (b'{"type": "FeatureCollection", "features": [{"geometry": {"type": "Point", "coordinates": [0, 0]}}]}',
         "layer-geometry"),
        (b'{"type": "FeatureCollection", "features": [1, null, {"geometry": 3}]}', "layer-geometry"),
        (b'{"type": "FeatureCollection", "crs": {"properties": {"name": "EPSG:32629"}}, "features": []}',
         "crs-member"),
        (b'{"type": "FeatureCollection", "features": [' + b",".join([b"0"] * 20_001) + b"]}", "features-too-many"),
        (b'{"type": "FeatureCollection", "features": [{"geometry": {"type": "LineString", "coordinates": ['
         + b",".join([b"[1,1]"] * 200_001) + b"]}}]}", "vertices-too-many"),
    ],
)  # fmt: skip
def test_a_hostile_layer_file_is_refused_by_name(valid, write, tmp_path, content, rule):
    path = _layer_file(tmp_path, RIVER)
    path.write_bytes(content)
    valid["features"].append(_feature("drainage", None, path="layers/rivers.geojson"))
    errors = check_aoi(write(valid))
    assert rule in {error.rule for error in errors}
    assert all(str(error).isprintable() for error in errors)


def test_a_layer_file_that_is_missing_or_leads_away_is_refused(valid, write, tmp_path):
    valid["features"].append(_feature("drainage", None, path="layers/rivers.geojson"))
    path = write(valid)
    assert {error.rule for error in check_aoi(path)} == {"file-unreadable"}
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "rivers.geojson").symlink_to("/etc/hosts")
    assert {error.rule for error in check_aoi(path)} == {"file-outside-folder"}


def test_a_rule_of_risk_is_read(valid, write):
    valid["features"][0]["properties"]["risk"] = {"within_m": 500, "of": ["strata"], "source": TOLD}
    aoi = read_aoi(write(valid))
    assert aoi.risk is not None
    assert (aoi.risk.within_m, aoi.risk.of) == (500.0, (RiskSource.STRATA,))
    assert aoi.is_watched_in_part


def test_distance_to_drainage_by_hand():
    """A line down the third column of pixels: 0 there, 10 m a column away from it, no more than the cap."""
    aoi = _with({"kind": LayerKind.DRAINAGE, "geometry": _line((2.5, -1), (2.5, 7))})
    distance = rasterize_drainage_distance(aoi, GRID, cap_m=40.0)
    assert distance.dtype == np.float32
    np.testing.assert_array_equal(distance, np.tile([20, 10, 0, 10, 20, 30, 40, 40], (6, 1)))


def test_drainage_beyond_the_grid_counts():
    aoi = _with({"kind": LayerKind.DRAINAGE, "geometry": _line((-1.5, -1), (-1.5, 7))})
    np.testing.assert_array_equal(rasterize_drainage_distance(aoi, GRID)[0, :3], [20, 30, 40])


def test_without_drainage_the_cap_stands_everywhere():
    assert (rasterize_drainage_distance(_with(), GRID, cap_m=700.0) == 700.0).all()


def test_workings_by_hand():
    square = {"kind": LayerKind.WORKINGS, "geometry": shapely.GeometryCollection([box_on_grid(0.2, 0.2, 1.8, 0.8)])}
    spot = shapely.Point(TO_DEGREES.transform(GRID.left_m + 55.0, GRID.top_m - 35.0))
    point = {"kind": LayerKind.WORKINGS, "geometry": shapely.GeometryCollection([spot]), "radius_m": 14.0}
    workings = rasterize_workings(_with(square, point), GRID)
    expected = np.zeros(GRID.shape, bool)
    expected[0, 0:2] = True
    expected[2:5, 4:7] = True
    np.testing.assert_array_equal(workings, expected)


def test_all_within_the_boundary_is_watched_unless_risk_says_otherwise():
    np.testing.assert_array_equal(rasterize_watched(_with(), GRID), rasterize_inside(_with(), GRID))


def test_risk_areas_and_rules_add_up():
    area = {"kind": LayerKind.RISK_AREA, "geometry": shapely.GeometryCollection([box_on_grid(0.1, 0.1, 1.9, 0.9)])}
    river = {"kind": LayerKind.DRAINAGE, "geometry": _line((7.5, -1), (7.5, 7))}
    rule = RiskRule(within_m=10.0, of=(RiskSource.DRAINAGE,), source=SOURCE)
    expected = np.zeros(GRID.shape, bool)
    expected[0, 0:2] = True
    np.testing.assert_array_equal(rasterize_watched(_with(area, river), GRID), expected)
    expected[:, 6:] = True
    np.testing.assert_array_equal(rasterize_watched(_with(area, river, risk=rule), GRID), expected)


def test_a_margin_around_strata_and_workings():
    strata = (box_on_grid(1, 1, 3, 3),)
    by_strata = RiskRule(within_m=10.0, of=(RiskSource.STRATA,), source=SOURCE)
    watched = rasterize_watched(_with(strata=strata, risk=by_strata), GRID)
    in_stratum = rasterize_strata(_with(strata=strata), GRID) > 0
    assert watched[in_stratum].all()
    assert watched.sum() == 4 * 4 + 4 * 0 - 4, "two by two, a pixel on each side, no corners"
    pit = {"kind": LayerKind.WORKINGS, "geometry": shapely.GeometryCollection([box_on_grid(5.1, 4.1, 5.9, 4.9)])}
    by_pits = RiskRule(within_m=0.0, of=(RiskSource.WORKINGS,), source=SOURCE)
    assert np.argwhere(rasterize_watched(_with(pit, risk=by_pits), GRID)).tolist() == [[4, 5]]


CORNERS = st.tuples(st.floats(-6, 14), st.floats(-6, 12))


@settings(max_examples=15, deadline=None)
@given(corners=st.lists(CORNERS, min_size=2, max_size=6, unique=True), tile_px=st.integers(2, 7))
def test_a_tile_is_the_window_of_the_whole(corners, tile_px):
    river = {"kind": LayerKind.DRAINAGE, "geometry": _line(*corners)}
    pit = {"kind": LayerKind.WORKINGS, "geometry": shapely.GeometryCollection([box_on_grid(2, 2, 3.5, 4)])}
    rule = RiskRule(within_m=20.0, of=(RiskSource.DRAINAGE, RiskSource.WORKINGS), source=SOURCE)
    aoi = _with(river, pit, risk=rule)
    cut, whole = replace(GRID, tile_px=tile_px), replace(GRID, tile_px=64)
    for draw in (rasterize_drainage_distance, rasterize_workings, rasterize_watched):
        reference = draw(aoi, whole)
        np.testing.assert_array_equal(draw(aoi, cut), reference)
        for tile in cut.tiles():
            np.testing.assert_array_equal(draw(aoi, cut, tile), reference[tile.window])
