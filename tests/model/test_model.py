"""Nouns: codes, ids, days, errors across processes."""

import datetime as dt
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from kpgeo.model import state
from kpgeo.model.calendar import Period, date_of, day_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.errors import BadInputError, RuleError, SceneReadError
from kpgeo.model.geometry import area_ha, distance_m
from kpgeo.model.grid import Grid
from kpgeo.model.ids import make_id


@given(st.integers(min_value=0, max_value=65_000))
def test_every_day_lies_in_its_dekad(day):
    dekad = dekad_of(day)
    assert dekad_start(dekad) <= day < dekad_end(dekad)
    assert 8 <= dekad_end(dekad) - dekad_start(dekad) <= 11
    assert day_of(date_of(day)) == day


@given(st.sampled_from(["{}", "{}H1", "{}H2", "{}Q1", "{}Q4"]), st.integers(1970, 2140))
def test_periods_are_half_open_and_adjacent(shape, year):
    period = Period.parse(shape.format(year))
    assert period.contains(period.start_day)
    assert not period.contains(period.end_day)
    assert date_of(period.end_day).day == 1


@pytest.mark.parametrize("text", ["2024H3", "2024Q5", "24H1", "2024-01", "", "2024h1", "１９２４"])
def test_other_periods_are_refused(text):
    with pytest.raises(BadInputError):
        Period.parse(text)


def test_a_naive_datetime_is_refused():
    with pytest.raises(BadInputError, match="time zone"):
        day_of(dt.datetime(2024, 1, 1))  # noqa: DTZ001


def test_layers_fit_the_budget():
    dynamic = sum(layer.bytes_per_px for layer in state.DYNAMIC_LAYERS.values())
    static = sum(layer.bytes_per_px for layer in state.STATIC_LAYERS.values())
    assert dynamic - state.DYNAMIC_LAYERS["looks"].bytes_per_px == 12
    assert dynamic + static <= 80


@given(st.floats(min_value=1e-6, max_value=0.4), st.integers(0, 10_000))
def test_belief_code_keeps_a_sixteenth_of_a_nat(value, dekad):
    belief = np.array([1.0 - value, value], dtype=np.float32)
    decoded = state.decode_belief(state.encode_belief(belief, dekad))
    assert abs(np.log(decoded[1] / decoded[0]) - np.log(value / (1 - value))) <= 2 * state.BELIEF_STEP
    assert decoded.sum() == pytest.approx(1.0)


def test_a_change_too_slow_for_the_code_is_not_lost():
    belief = np.array([0.7, 0.3], dtype=np.float32)
    for dekad in range(2000, 2000 + 64):
        belief[1] *= np.exp(-0.01)  # a sixth of a count
        belief[0] = 1.0 - belief[1]
        belief = state.decode_belief(state.encode_belief(belief, dekad))
    assert np.log(0.3 / belief[1]) == pytest.approx(0.64, abs=0.1)


@given(st.integers(0, 254), st.integers(300, 30_000))
def test_ages_of_looks_come_back(age, end_day):
    coded = state.age_of_day(np.array([end_day - age, state.NO_DAY, end_day - 300], dtype=np.uint16), end_day)
    assert list(coded) == [age, state.NO_AGE, state.NO_AGE]
    assert list(state.day_of_age(coded, end_day)) == [end_day - age, state.NO_DAY, state.NO_DAY]


@given(st.floats(min_value=0.0011, max_value=0.58))
def test_sigma_code_keeps_two_percent(value):
    sigma = np.array([value], dtype=np.float32)
    assert state.decode_sigma(state.encode_sigma(sigma))[0] == pytest.approx(value, rel=0.02)


def test_errors_cross_processes_whole():
    for error in (RuleError("a", rule="r", where="w", remedy="m"), SceneReadError("a", where="w", remedy="m")):
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.exit_code, type(again)) == (str(error), error.exit_code, type(error))


def test_geodesic_area_subtracts_holes_and_knows_a_hectare():
    hectare = box(-6.6, 8.2, -6.6 + 100 / 110_138, 8.2 + 100 / 110_596)
    assert area_ha(hectare) == pytest.approx(1.0, rel=2e-3)
    ring = box(-6.7, 8.1, -6.5, 8.3).difference(box(-6.65, 8.15, -6.55, 8.25))
    assert area_ha(ring) == pytest.approx(area_ha(box(-6.7, 8.1, -6.5, 8.3)) - area_ha(box(-6.65, 8.15, -6.55, 8.25)))
    assert distance_m(0, 0, 0, 1) == pytest.approx(110_574, abs=2)


def test_tiles_cover_the_grid_once():
    grid = Grid(epsg=32629, left_m=740_000, top_m=910_000, width=1030, height=600)
    counted = np.zeros(grid.shape, dtype=int)
    for tile in grid.tiles():
        counted[tile.window] += 1
        assert grid.tile_geobox(tile).shape == (tile.height, tile.width)
        assert grid.tile_geobox(tile, 8).shape == (tile.height + 16, tile.width + 16)
    assert (counted == 1).all()


def test_ids_depend_on_every_part():
    assert make_id("site", 1, "a") == make_id("site", 1, "a")
    assert (
        len({make_id("site", 1, "a"), make_id("site", 2, "a"), make_id("site", 1, "b"), make_id("alert", 1, "a")}) == 4
    )
