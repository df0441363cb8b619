"""Traces: the fold they watch is the filter's own, and each look's own part in the belief is told from time's."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from kpgeo.detect import (
    HistoryStack,
    Look,
    PixelTracer,
    TileContext,
    decode_fields,
    distance,
    fit_baseline,
    fold_dekad,
    start_state,
)
from kpgeo.model.calendar import day_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.scene import Sensor
from kpgeo.model.state import MINED, LandState
from kpgeo.model.trace import PixelTrace, mined_log_odds, mined_prob
from kpgeo.options.detect import DetectOptions

SHAPE = (10, 12)
BEGIN, MONITOR = day_of(dt.date(2022, 1, 1)), day_of(dt.date(2024, 1, 1))
FIRST = dekad_of(MONITOR)
MEAN = np.array([0.08, 0.09, 0.26, 0.18])
SPOIL = np.array([0.14, 0.22, 0.31, 0.35])
DUG, QUIET, CLOUDED = (1, 1), (8, 9), (8, 0)
CONTEXT = TileContext(in_stratum=np.ones(SHAPE, dtype=bool))
OPTIONS = DetectOptions()


def optical(day, sensor=Sensor.SENTINEL2, dug=0.0):
    rng = np.random.default_rng(day)
    pixels = MEAN[:, None, None] + rng.normal(0, 0.01, (4, *SHAPE))
    pixels[:, :3, :3] = (1 - dug) * pixels[:, :3, :3] + dug * SPOIL[:, None, None]
    if day >= MONITOR:
        pixels[(slice(None), *CLOUDED)] = np.nan
    return Look(sensor=sensor, day=day, scene_id=f"{sensor}-{day}", pixels=pixels.astype(np.float32))


def radar(day, dug=0.0, wet_db=0.0):
    rng = np.random.default_rng(day + 10**6)
    pixels = np.array([-10.0, -16.0])[:, None, None] + rng.normal(0, 0.8, (2, *SHAPE)) + wet_db
    pixels[:, :3, :3] -= dug * np.array([1.0, 3.0])[:, None, None]
    return Look(sensor=Sensor.SENTINEL1, day=day, scene_id=f"s1-{day}", pixels=pixels.astype(np.float32))


def dataset(looks):
    bands = ("vv", "vh") if looks[0].sensor.is_radar else ("green", "red", "nir", "swir22")
    pixels = np.stack([look.pixels for look in looks])
    times = np.array([look.day for look in looks], dtype="datetime64[D]").astype("datetime64[ns]")
    return xr.Dataset(
        {band: (("time", "y", "x"), pixels[:, i]) for i, band in enumerate(bands)},
        coords={"time": times, "scene_id": ("time", [look.scene_id for look in looks])},
    )


def looks_of(dekad):
    """Return looks of every sensor, two of them on one day; digging begins a month after monitoring."""
    found = []
    for day in range(dekad_start(dekad), dekad_end(dekad)):
        dug = 0.9 if day >= MONITOR + 30 else 0.0
        if day % 5 == 0:
            found.append(optical(day, dug=dug))
        if day % 15 == 0:
            found.append(optical(day, Sensor.LANDSAT, dug=dug))
        if day % 6 == 0:
            found.append(radar(day, dug=dug, wet_db=2.0))
    return found


@pytest.fixture(scope="module")
def learnt():
    history = HistoryStack(shape=SHAPE)
    history.add(dataset([optical(day) for day in range(BEGIN, MONITOR, 8)]), Sensor.SENTINEL2)
    history.add(dataset([radar(day) for day in range(BEGIN, MONITOR, 12)]), Sensor.SENTINEL1)
    baseline = fit_baseline(history, OPTIONS)
    return baseline, start_state(baseline, history, CONTEXT, FIRST, OPTIONS)


@pytest.fixture(scope="module")
def traced(learnt):
    """Return the states of the fold that was watched, those of the one that was not, and the traces."""
    baseline, state = learnt
    tracer = PixelTracer(context=CONTEXT, options=OPTIONS, pixels=(DUG, QUIET, CLOUDED))
    watched, plain, rows = [], [], []
    seen = unseen = state
    for dekad in range(FIRST, FIRST + 12):
        seen, dekads = tracer.fold(seen, baseline, looks_of(dekad), dekad)
        unseen = fold_dekad(unseen, baseline, looks_of(dekad), dekad, CONTEXT, OPTIONS)
        watched.append(seen)
        plain.append(unseen)
        rows.append(dekads)
    traces = [
        PixelTrace(row=row, col=col, dekads=tuple(of_pixel))
        for (row, col), of_pixel in zip((DUG, QUIET, CLOUDED), zip(*rows, strict=True), strict=True)
    ]
    return watched, plain, traces


def test_the_fold_that_is_watched_is_the_filters_own(traced):
    watched, plain, _ = traced
    assert all(one.equals(other) for one, other in zip(watched, plain, strict=True))


def test_a_trace_ends_where_the_state_does(traced):
    watched, _, traces = traced
    for dekad, state, row in zip(range(FIRST, FIRST + 12), watched, traces[0].dekads, strict=True):
        fields = decode_fields(dekad, state)
        assert mined_prob(row.end) == pytest.approx(float(fields.mined_prob[DUG]), abs=1e-6)
        assert row.onset_day == fields.onset_day[DUG]
        assert row.mined_frac == pytest.approx(float(fields.mined_frac[DUG]))
        assert sum(look.is_clear for look in row.looks) == fields.looks[DUG]


def test_digging_shows_in_the_trace_and_its_looks_are_the_ones_that_moved_it(traced):
    dug, quiet, _ = traced[2]
    assert mined_prob(dug.dekads[-1].end) > 0.6
    assert mined_prob(quiet.dekads[-1].end) < 0.01
    turn = next(look for look in dug.looks if mined_prob(look.after) > 0.5)
    assert MONITOR + 30 <= turn.day <= MONITOR + 70
    top = dug.top_looks(4)
    assert [look.day for look in top] == sorted(look.day for look in top)
    assert any(look.day >= MONITOR + 30 and look.move_nats > 1.0 for look in top)
    swir22 = [look.departures[3] for look in dug.looks if not look.sensor.is_radar and look.day >= MONITOR + 30]
    assert min(swir22) > 4.0
    assert dug.top_looks(100, least_nats=1e9) == ()


def test_what_lies_between_before_and_after_is_the_looks_own(learnt):
    """Time alone brings the belief to `before`: what the fold comes to on that day without any clear look."""
    baseline, state = learnt
    tracer = PixelTracer(context=CONTEXT, options=OPTIONS, pixels=(DUG,))
    dekad = FIRST + 1
    day = dekad_start(dekad) + 6
    look = optical(day, dug=0.9)
    _, (row,) = tracer.fold(state, baseline, [look], dekad)
    seen = []
    blind = replace(look, pixels=np.full_like(look.pixels, np.nan))
    fold_dekad(
        state, baseline, [blind], dekad, CONTEXT, OPTIONS,
        on_look=lambda _, belief: seen.append(belief[(slice(None), *DUG)].tolist()),
    )  # fmt: skip
    (traced_look,) = row.looks
    assert list(traced_look.before) == seen[0]
    assert traced_look.after != traced_look.before
    assert traced_look.move_nats == pytest.approx(
        mined_log_odds(traced_look.after) - mined_log_odds(traced_look.before)
    )
    assert traced_look.gain_nats > 0.0


def test_a_clouded_look_moves_nothing(traced):
    *_, clouded = traced[2]
    optical_looks = [look for look in clouded.looks if not look.sensor.is_radar]
    assert optical_looks
    for look in optical_looks:
        assert not look.is_clear
        assert look.seen == look.departures == ()
        assert look.after == look.before
        assert look.move_nats == look.gain_nats == 0.0
    assert all(look.is_clear for look in clouded.looks if look.sensor.is_radar)


def test_looks_of_one_day_follow_each_other_without_time_between(traced):
    for trace in traced[2]:
        for dekad in trace.dekads:
            pairs = list(zip(dekad.looks, dekad.looks[1:], strict=False))
            assert all(one.after == other.before for one, other in pairs if one.day == other.day)
    assert any(one.day == other.day for one, other in zip(traced[2][0].looks, traced[2][0].looks[1:], strict=False))


def test_a_look_is_held_against_its_season_in_its_sensors_scatter(traced):
    quiet = traced[2][1]
    sentinel = next(look for look in quiet.looks if look.sensor is Sensor.SENTINEL2)
    landsat = next(look for look in quiet.looks if look.sensor is Sensor.LANDSAT)
    assert sentinel.expected == pytest.approx(MEAN, abs=0.02)
    ratio = np.array(landsat.scatter) / np.array(sentinel.scatter)
    assert ratio == pytest.approx(OPTIONS.landsat_sigma_factor, rel=1e-5)
    assert abs(np.median([value for look in quiet.looks for value in look.departures])) < 1.0
    wet = [look for look in quiet.looks if look.sensor.is_radar]
    assert np.mean([look.level_db for look in wet]) == pytest.approx(2.0, abs=0.5)
    assert np.mean([np.subtract(look.seen, look.expected) for look in wet]) == pytest.approx(0.0, abs=0.7)


def test_two_states_are_told_apart_by_pixel(traced):
    watched, plain, _ = traced
    assert distance(watched[-1], plain[-1], DUG) is None
    apart = distance(watched[-1], watched[0], DUG)
    assert apart is not None
    assert apart > 0.5


def test_log_odds_keep_their_digits_where_mining_is_all_but_certain():
    sure = [1e-9] * len(LandState)
    sure[LandState.DUG] = 1.0
    surer = [1e-11] * len(LandState)
    surer[LandState.DUG] = 1.0
    assert len(MINED) == 2
    assert mined_log_odds(tuple(surer)) - mined_log_odds(tuple(sure)) == pytest.approx(np.log(100.0), rel=1e-6)
