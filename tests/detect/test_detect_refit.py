"""The baseline learnt anew: drift is followed, a mine is not."""

import datetime as dt

import numpy as np
import xarray as xr

from kpgeo.detect import (
    HistoryStack,
    Look,
    Refit,
    RefitWindow,
    TileContext,
    decode_fields,
    fit_baseline,
    fold_dekad,
    refit_baseline,
    start_state,
)
from kpgeo.model.calendar import day_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.scene import Sensor
from kpgeo.model.state import DYNAMIC_LAYERS, MINED, N_STATES, LandState, TileState, decode_belief, encode_belief
from kpgeo.options.detect import DetectOptions

SHAPE = (12, 16)
BEGIN, MONITOR = day_of(dt.date(2021, 1, 1)), day_of(dt.date(2023, 1, 1))
FIRST = dekad_of(MONITOR)
WINDOW_DAYS = MONITOR - BEGIN
OPTIONS = DetectOptions()
CONTEXT = TileContext(in_stratum=(np.indices(SHAPE) < 5).all(axis=0))
MINE, ROAD = np.s_[:4, :4], np.s_[:4, 6:10]
MEAN, AMPLITUDE = np.array([0.08, 0.09, 0.26, 0.18]), np.array([-0.015, -0.03, 0.06, -0.05])
SPOIL, LATERITE = np.array([0.14, 0.22, 0.31, 0.35]), np.array([0.11, 0.19, 0.27, 0.33])
# Woodland that is cut for fuel year by year: more bare ground, less green.
THINNING_PER_YEAR = np.array([0.006, 0.009, -0.01, 0.014])


def look(day, *, dug_since=None, road_since=None, drift=0.0):
    """Return a look at savanna, that may thin, with a mine and a road opened on a day."""
    rng = np.random.default_rng(day)
    years = (day - BEGIN) / 365.25
    season = MEAN + AMPLITUDE * np.cos(2 * np.pi * (day - BEGIN - 220) / 365.25) + drift * years * THINNING_PER_YEAR
    pixels = np.repeat(season, np.prod(SHAPE)).reshape(4, *SHAPE)
    for place, since, ground in ((MINE, dug_since, SPOIL), (ROAD, road_since, LATERITE)):
        if since is not None and day >= since:
            pixels[:, *place] = 0.15 * pixels[:, *place] + 0.85 * ground[:, None, None]
    pixels += rng.normal(0, 0.01, pixels.shape)
    return Look(sensor=Sensor.SENTINEL2, day=day, scene_id=f"s2-{day}", pixels=pixels.astype(np.float32))


def dataset(looks):
    pixels = np.stack([one.pixels for one in looks])
    times = np.array([one.day for one in looks], dtype="datetime64[D]").astype("datetime64[ns]")
    return xr.Dataset(
        {band: (("time", "y", "x"), pixels[:, i]) for i, band in enumerate(("green", "red", "nir", "swir22"))},
        coords={"time": times, "scene_id": ("time", [one.scene_id for one in looks])},
    )


def stack(looks, learnable=lambda cube: cube):
    history = HistoryStack(shape=SHAPE)
    history.add(learnable(dataset(looks)), Sensor.SENTINEL2)
    return history


def watch(years, *, refit_years=1, options=OPTIONS, **land):
    """Fold years of looks in, with refits; return states by dekad, baselines by epoch, and what the refits did."""
    looks = {day: look(day, **land) for day in range(BEGIN, dekad_start(FIRST + 36 * years), 8)}
    history = stack([one for day, one in looks.items() if day < MONITOR])
    baselines, outcomes = [fit_baseline(history, options)], []
    states = {FIRST - 1: start_state(baselines[0], history, CONTEXT, FIRST, options)}
    for dekad in range(FIRST, FIRST + 36 * years):
        if refit_years and dekad > FIRST and (dekad - FIRST) % (36 * refit_years) == 0:
            since = dekad_start(dekad) - WINDOW_DAYS
            believed = range(max(dekad_of(since), FIRST), dekad)
            window = RefitWindow.read(((d, states[d]) for d in believed), is_all_monitored=since >= MONITOR)
            chosen = [one for day, one in looks.items() if since <= day < dekad_start(dekad)]
            baseline, counts = refit_baseline(stack(chosen, window.learnable), window, baselines[-1], options)
            baselines.append(baseline)
            outcomes.append(counts)
        now = [looks[day] for day in range(dekad_start(dekad), dekad_end(dekad)) if day in looks]
        states[dekad] = fold_dekad(states[dekad - 1], baselines[-1], now, dekad, CONTEXT, options)
    return states, baselines, outcomes


def belief_of(states, state, dekads):
    """Return the mean belief in a land state over dekads and pixels."""
    return np.mean([decode_belief(states[dekad].belief)[state].mean() for dekad in dekads])


def states_of(*beliefs):
    """Return (dekad, state) of successive dekads from the first, each given as {land state: belief} by column."""
    found = []
    for position, columns in enumerate(beliefs):
        belief = np.full((N_STATES, 1, len(columns)), 1e-6, dtype=np.float32)
        for x, column in enumerate(columns):
            for state, value in column.items():
                belief[state, 0, x] = value
        shape = belief.shape[1:]
        layers = {name: np.zeros((*layer.lead, *shape), layer.dtype) for name, layer in DYNAMIC_LAYERS.items()} | {
            "belief": encode_belief(belief, FIRST + position)
        }
        found.append((FIRST + position, TileState(**layers)))
    return found


def outcomes_of(*beliefs, is_all_monitored=True):
    return RefitWindow.read(states_of(*beliefs), is_all_monitored=is_all_monitored).outcome[0].tolist()


STABLE, CLEARED = {LandState.STABLE: 0.99}, {LandState.CLEARED: 0.99}
DUG, REGROWTH = {LandState.DUG: 0.6, LandState.POND: 0.39}, {LandState.REGROWTH: 0.99}
BURNT, SUSPECTED = {LandState.BURNT: 0.99}, {LandState.STABLE: 0.85, LandState.DUG: 0.15}


def test_what_is_learnt_follows_from_what_was_believed():
    first, then = [STABLE, DUG, SUSPECTED, STABLE, CLEARED], [STABLE, STABLE, STABLE, SUSPECTED, STABLE]
    assert outcomes_of(first, then) == [Refit.LEARNT, Refit.LEARNT, Refit.LEARNT, Refit.KEPT_MINED, Refit.LEARNT]
    assert outcomes_of([BURNT, CLEARED, REGROWTH]) == [Refit.LEARNT, Refit.LEARNT_CLEARED, Refit.KEPT_CHANGED]


def test_who_was_believed_mined_for_a_month_keeps_the_baseline():
    assert outcomes_of([DUG], [DUG], [STABLE]) == [Refit.LEARNT]
    assert outcomes_of([DUG], [DUG], [DUG], [STABLE]) == [Refit.KEPT_MINED]
    assert outcomes_of([DUG], [DUG], [DUG], [CLEARED]) == [Refit.KEPT_MINED]
    edge = [DUG, STABLE, STABLE]
    assert outcomes_of(edge, edge, edge) == [Refit.KEPT_MINED, Refit.KEPT_MINED, Refit.LEARNT], "a working grows"


def test_cleared_ground_is_learnt_only_where_it_was_cleared_all_along():
    doubted = {LandState.CLEARED: 0.85, LandState.STABLE: 0.15}
    assert outcomes_of([CLEARED], [CLEARED]) == [Refit.LEARNT_CLEARED]
    assert outcomes_of([CLEARED], [CLEARED], is_all_monitored=False) == [Refit.KEPT_CHANGED]
    assert outcomes_of([CLEARED], [doubted], [CLEARED]) == [Refit.KEPT_CHANGED]
    assert outcomes_of([doubted], [CLEARED]) == [Refit.KEPT_CHANGED]
    assert outcomes_of([CLEARED], [{LandState.CLEARED: 0.9, LandState.DUG: 0.1}]) == [Refit.KEPT_MINED]


def test_looks_at_what_was_not_stable_are_left_out_and_those_before_monitoring_count():
    window = RefitWindow.read(states_of([STABLE, BURNT, CLEARED], [STABLE, STABLE, CLEARED]), is_all_monitored=True)
    days = [MONITOR - 5, MONITOR + 1, dekad_start(FIRST + 1)]
    band = np.arange(9, dtype=np.float32).reshape(3, 1, 3)
    times = np.array(days, dtype="datetime64[D]").astype("datetime64[ns]")
    looks = xr.Dataset({"red": (("time", "y", "x"), band)}, coords={"time": times, "scene_id": ("time", list("abc"))})
    learnable = window.learnable(looks)
    np.testing.assert_array_equal(
        np.isfinite(learnable.red[:, 0]), [[True, True, True], [True, False, True], [True, True, True]]
    )
    assert learnable.red.dtype == np.float32
    assert list(learnable.scene_id.values) == list("abc")


def test_a_pixel_with_too_few_looks_keeps_its_baseline():
    history = stack([look(day) for day in range(BEGIN, MONITOR, 8)])
    previous = fit_baseline(history, OPTIONS)
    window = RefitWindow.read(
        [(FIRST, start_state(previous, history, CONTEXT, FIRST, OPTIONS))], is_all_monitored=False
    )
    later = [look(day, drift=1.0) for day in range(BEGIN, MONITOR, 8)]
    for one in later[10:]:
        one.pixels[:, 0, 0] = np.nan
    baseline, outcomes = refit_baseline(stack(later), window, previous, OPTIONS)
    assert outcomes == {**dict.fromkeys(Refit, 0), Refit.LEARNT: 191, Refit.KEPT_THIN: 1}
    for (name, new), (_, old) in zip(baseline.items(), previous.items(), strict=True):
        np.testing.assert_array_equal(new[..., 0, 0], old[..., 0, 0])
        if name in {"beta_radar", "sigma_radar"}:
            np.testing.assert_array_equal(new, old, "no radar look came, none is learnt")
        else:
            assert (new[..., 4:, :] != old[..., 4:, :]).any()


def test_a_refit_from_the_same_looks_is_the_same_baseline():
    history = stack([look(day) for day in range(BEGIN, MONITOR, 8)])
    previous = fit_baseline(history, OPTIONS)
    assert fit_baseline(history, OPTIONS, previous).equals(previous)


def test_land_that_changes_over_years_stays_stable_only_where_the_baseline_follows():
    states, _, _ = watch(3, refit_years=0, drift=1.0)
    refitted, _, outcomes = watch(3, drift=1.0)
    last_year = range(FIRST + 72, FIRST + 108)
    assert belief_of(states, LandState.STABLE, last_year) < 0.1
    assert belief_of(refitted, LandState.STABLE, last_year) > 0.9
    outside = [decode_belief(refitted[dekad].belief)[LandState.STABLE][~CONTEXT.in_stratum] for dekad in last_year]
    assert np.mean(outside) > 0.95
    everything = range(FIRST, FIRST + 108)
    mined = [sum(belief_of(one, state, everything) for state in MINED) for one in (states, refitted)]
    assert mined[1] < 0.2 * mined[0]
    assert outcomes[0][Refit.LEARNT] > 0.95 * np.prod(SHAPE)
    # in a stratum half the ground is suspected by the end of the second year, and keeps its baseline
    assert outcomes[1][Refit.LEARNT] > np.prod(SHAPE) - 2 * CONTEXT.in_stratum.sum()


def test_a_mine_is_never_learnt_and_a_road_is_not_taken_for_one():
    states, baselines, outcomes = watch(4, dug_since=MONITOR + 60, road_since=MONITOR + 30)
    roads = []
    for year in (1, 2, 3, 4):
        mined = decode_fields(0, states[FIRST + 36 * year - 1]).mined_prob
        assert mined[MINE].mean() > 0.8
        assert mined[ROAD].max() < 0.4
        roads.append(mined[ROAD].mean())
    assert roads == sorted(roads, reverse=True), "what stays bare and does not grow wet is ever less a mine"
    assert roads[-1] < 0.1
    for baseline in baselines[1:]:
        for place in (MINE, ROAD):
            np.testing.assert_array_equal(baseline.beta_optical[:, :, *place], baselines[0].beta_optical[:, :, *place])
            np.testing.assert_array_equal(baseline.sigma_optical[:, *place], baselines[0].sigma_optical[:, *place])
    assert all(counts[Refit.LEARNT] > 0.75 * np.prod(SHAPE) for counts in outcomes)


def test_a_road_is_learnt_once_it_lay_there_all_along_where_digging_is_rare():
    rare = DetectOptions(opening_per_year=1e-4)
    states, baselines, outcomes = watch(4, options=rare, dug_since=None, road_since=MONITOR + 30)
    n_road = baselines[0].sigma_optical[0][ROAD].size
    assert [counts[Refit.LEARNT_CLEARED] for counts in outcomes] == [0, 0, n_road]
    assert [counts[Refit.KEPT_CHANGED] for counts in outcomes[:2]] == [n_road, n_road]
    last = decode_belief(states[FIRST + 143].belief)
    assert last[LandState.CLEARED][ROAD].mean() < 0.1, "the road is what is normal there now"
    assert last[LandState.STABLE][ROAD].mean() > 0.9
