"""Workings that were there before monitoring began."""

import datetime as dt

import numpy as np
import pytest
import xarray as xr

from kpgeo.detect import HistoryStack, TileContext, decode_fields, fit_baseline, fold_dekad, split_looks, start_tile
from kpgeo.model.calendar import date_of, day_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.scene import Sensor
from kpgeo.options.detect import DetectOptions

SHAPE = (16, 16)
BEGIN, MONITOR = day_of(dt.date(2022, 1, 1)), day_of(dt.date(2024, 1, 1))
MEAN, AMPLITUDE = np.array([0.07, 0.08, 0.28, 0.18]), np.array([-0.01, -0.03, 0.05, -0.05])
SPOIL = np.array([0.16, 0.22, 0.30, 0.37])
PIT, VILLAGE = (slice(2, 6), slice(2, 6)), (slice(10, 14), slice(10, 14))


def look_of(day, green_again=0.0):
    """Savanna that is green in September, a pit and a village that are always bare; the pit may grow over."""
    rng = np.random.default_rng(day)
    season = MEAN + AMPLITUDE * np.cos(2 * np.pi * (day - day_of(dt.date(2022, 9, 15))) / 365.25)
    pixels = np.broadcast_to(season[:, None, None], (4, *SHAPE)).copy()
    for place, green in ((PIT, green_again), (VILLAGE, 0.0)):
        pixels[:, place[0], place[1]] = ((1 - green) * SPOIL + green * season)[:, None, None]
    pixels += rng.normal(0, 0.008, pixels.shape)
    return xr.Dataset(
        {band: (("time", "y", "x"), pixels[i][None]) for i, band in enumerate(("green", "red", "nir", "swir22"))},
        coords={"time": [np.datetime64(date_of(day), "ns")], "scene_id": ("time", [f"s2-{day}"])},
    )


@pytest.fixture(scope="module")
def history():
    stack = HistoryStack(shape=SHAPE)
    for day in range(BEGIN, MONITOR, 10):
        stack.add(look_of(day), Sensor.SENTINEL2)
    return stack


def context(*, with_workings=True):
    is_working = np.zeros(SHAPE, dtype=bool)
    is_working[1:8, 1:8] = with_workings
    return TileContext(in_stratum=np.ones(SHAPE, dtype=bool), is_working=is_working)


def begin(history, **kwargs):
    options = DetectOptions()
    return start_tile(fit_baseline(history, options), history, context(**kwargs), dekad_of(MONITOR), options)


def year(history, green_again):
    baseline, state = begin(history)
    fields = []
    for dekad in range(dekad_of(MONITOR), dekad_of(MONITOR) + 36):
        days = [day for day in range(dekad_start(dekad), dekad_end(dekad)) if day % 10 == 0]
        looks = [one for day in days for one in split_looks(look_of(day, green_again), Sensor.SENTINEL2)]
        state = fold_dekad(state, baseline, looks, dekad, context(), DetectOptions())
        fields.append(decode_fields(dekad, state))
    return fields


def test_a_known_pit_is_known_from_the_start_and_dated_before_it(history):
    _, state = begin(history)
    fields = decode_fields(dekad_of(MONITOR) - 1, state)
    assert fields.mined_prob[PIT].min() > 0.5
    assert fields.onset_day[PIT].max() < MONITOR
    around = np.ones(SHAPE, dtype=bool)
    around[PIT] = False
    assert fields.mined_prob[around].max() < 0.3


def test_bare_ground_outside_known_workings_keeps_its_own_season(history):
    baseline, state = begin(history)
    own = fit_baseline(history, DetectOptions())
    np.testing.assert_array_equal(baseline.beta_optical[:, :, *VILLAGE], own.beta_optical[:, :, *VILLAGE])
    assert decode_fields(dekad_of(MONITOR) - 1, state).mined_prob[VILLAGE].max() < 0.05


def test_without_known_workings_nothing_changes(history):
    baseline, _ = begin(history, with_workings=False)
    assert baseline.equals(fit_baseline(history, DetectOptions()))


def test_a_known_pit_goes_on_being_mined_while_it_is_bare(history):
    last = year(history, green_again=0.0)[-1]
    assert last.mined_prob[PIT].min() > 0.5
    assert last.onset_day[PIT].max() < MONITOR


def test_a_known_pit_that_grows_over_is_mined_no_more(history):
    last = year(history, green_again=1.0)[-1]
    assert last.mined_prob[PIT].max() < 0.2


def test_its_options_change_something(history):
    options = DetectOptions()
    base = fit_baseline(history, options)
    bold = DetectOptions(standing_prob=0.99)
    shy = DetectOptions(standing_green_frac=0.01)
    args = (history, context(), dekad_of(MONITOR))
    plain = start_tile(base, *args, options)[1]
    assert not plain.equals(start_tile(base, *args, bold)[1])
    assert start_tile(base, *args, shy)[0].equals(base)
