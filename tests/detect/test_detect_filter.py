"""The filter of a tile: replay, order, what it finds and what it does not."""

import datetime as dt

import numpy as np
import pytest
import xarray as xr

from kpgeo.detect import HistoryStack, Look, TileContext, decode_fields, fit_baseline, fold_dekad, start_state
from kpgeo.model.calendar import day_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.scene import Sensor
from kpgeo.model.state import LandState, decode_belief, encode_belief
from kpgeo.options.detect import DetectOptions

SHAPE = (12, 12)
BEGIN, MONITOR = day_of(dt.date(2022, 1, 1)), day_of(dt.date(2024, 1, 1))
LAST = dekad_of(MONITOR) + 17
MEAN, AMPLITUDE = np.array([0.08, 0.09, 0.26, 0.18]), np.array([-0.015, -0.03, 0.06, -0.05])
SPOIL = np.array([0.14, 0.22, 0.31, 0.35])
CONTEXT = TileContext(in_stratum=np.zeros(SHAPE, dtype=bool))
STRATUM = TileContext(in_stratum=np.ones(SHAPE, dtype=bool))


def optical(day, dug=0.0, shift=0.0):
    """A look at savanna, with `dug` of the 4 x 4 px upper left corner turned to spoil."""
    rng = np.random.default_rng(day)
    season = MEAN + AMPLITUDE * np.cos(2 * np.pi * (day - BEGIN - 220) / 365.25)
    pixels = season[:, None, None] + rng.normal(0, 0.01, (4, *SHAPE)) + shift
    pixels[:, :4, :4] = (1 - dug) * pixels[:, :4, :4] + dug * SPOIL[:, None, None]
    return Look(sensor=Sensor.SENTINEL2, day=day, scene_id=f"s2-{day}", pixels=pixels.astype(np.float32))


def radar(day, dug=0.0):
    rng = np.random.default_rng(day + 10**6)
    pixels = np.array([-10.0, -16.0])[:, None, None] + rng.normal(0, 0.8, (2, *SHAPE)) + rng.normal(0, 1.5)
    pixels[:, :4, :4] -= dug * np.array([1.0, 3.0])[:, None, None]
    return Look(sensor=Sensor.SENTINEL1, day=day, scene_id=f"s1-{day}", pixels=pixels.astype(np.float32))


def dataset(looks):
    bands = ("vv", "vh") if looks[0].sensor.is_radar else ("green", "red", "nir", "swir22")
    pixels = np.stack([look.pixels for look in looks])
    times = np.array([look.day for look in looks], dtype="datetime64[D]").astype("datetime64[ns]")
    return xr.Dataset(
        {band: (("time", "y", "x"), pixels[:, i]) for i, band in enumerate(bands)},
        coords={"time": times, "scene_id": ("time", [look.scene_id for look in looks])},
    )


@pytest.fixture(scope="module")
def learnt():
    history = HistoryStack(shape=SHAPE)
    history.add(dataset([optical(day) for day in range(BEGIN, MONITOR, 8)]), Sensor.SENTINEL2)
    history.add(dataset([radar(day) for day in range(BEGIN, MONITOR, 12)]), Sensor.SENTINEL1)
    baseline = fit_baseline(history, DetectOptions())
    return history, baseline, start_state(baseline, history, CONTEXT, dekad_of(MONITOR), DetectOptions())


def year(learnt, *, dug_after=60, options=None, sensors=(True, True), context=CONTEXT, dekads=18, **kwargs):
    """Fold half a year in and return the state of every dekad."""
    _, baseline, state = learnt
    states = []
    for dekad in range(dekad_of(MONITOR), dekad_of(MONITOR) + dekads):
        days = range(dekad_start(dekad), dekad_end(dekad))
        looks = [optical(d, 0.8 * (d >= MONITOR + dug_after), **kwargs) for d in days if d % 8 == 0 and sensors[0]]
        looks += [radar(d, 0.8 * (d >= MONITOR + dug_after)) for d in days if d % 12 == 5 and sensors[1]]
        state = fold_dekad(state, baseline, looks, dekad, context, options or DetectOptions())
        states.append(state)
    return states


def test_nothing_is_mined_at_the_start(learnt):
    fields = decode_fields(dekad_of(MONITOR) - 1, learnt[2])
    assert fields.mined_prob.max() < 0.05
    assert (fields.onset_day == 0).mean() > 0.95


def test_digging_is_found_dated_and_measured(learnt):
    """While fields lie bare a working may be one of them; once crops stand it may not."""
    states = year(learnt, context=STRATUM, dekads=27)
    june, september = (decode_fields(dekad_of(MONITOR) + at, states[at]) for at in (17, 26))
    for last in (june, september):
        assert last.mined_prob[:4, :4].min() > 20 * last.mined_prob[5:, 5:].max()
        assert last.mined_prob[5:, 5:].max() < 0.05
        assert np.abs(np.median(last.onset_day[:4, :4].astype(int)) - (MONITOR + 60)) <= 10
        assert last.mined_frac[:4, :4].mean() == pytest.approx(0.8, abs=0.25)
    assert june.mined_prob[:4, :4].mean() > 0.4
    assert september.mined_prob[:4, :4].min() > 0.8
    crops = [decode_belief(states[at].belief)[LandState.CROPPED, :4, :4].mean() for at in (17, 26)]
    assert crops[0] > 0.2 > 0.02 > crops[1]


def test_radar_alone_notices_a_change_but_may_not_name_it(learnt):
    """Spoil darkens radar much as burns and wet spells do: belief leaves `stable`, and mining rises only a little."""
    state = year(learnt, sensors=(False, True), context=STRATUM)[-1]
    belief, fields = decode_belief(state.belief), decode_fields(LAST, state)
    assert belief[LandState.STABLE, :4, :4].mean() < 0.5 < 0.85 < belief[LandState.STABLE, 5:, 5:].mean()
    assert fields.mined_prob[:4, :4].mean() > 1.5 * fields.mined_prob[5:, 5:].mean()
    assert fields.mined_prob.max() < 0.1
    assert (fields.last_radar_day > MONITOR).all()


@pytest.mark.parametrize("context", [CONTEXT, STRATUM], ids=["outside", "in a stratum"])
def test_radar_adds_to_what_optical_looks_say(learnt, context):
    def belief(sensors):
        last = year(learnt, sensors=sensors, context=context, dekads=27)[-1]
        return decode_fields(LAST, last).mined_prob[:4, :4].mean()

    assert belief((True, True)) > belief((True, False)) + 0.01


def test_a_quiet_year_stays_quiet(learnt):
    states = year(learnt, dug_after=10**6, context=STRATUM)
    assert max((decode_fields(LAST, state).mined_prob > 0.5).mean() for state in states) < 0.02


def test_order_of_looks_does_not_matter(learnt):
    _, baseline, state = learnt
    dekad = dekad_of(MONITOR)
    looks = [optical(MONITOR + 1), radar(MONITOR + 2), optical(MONITOR + 6)]
    forward = fold_dekad(state, baseline, looks, dekad, CONTEXT, DetectOptions())
    backward = fold_dekad(state, baseline, looks[::-1], dekad, CONTEXT, DetectOptions())
    assert forward.equals(backward)


def test_the_state_given_is_not_changed(learnt):
    _, baseline, state = learnt
    before = state.copy()
    fold_dekad(state, baseline, [optical(MONITOR)], dekad_of(MONITOR), CONTEXT, DetectOptions())
    assert state.equals(before)


def test_tiling_does_not_matter_for_optical_looks(learnt):
    _, baseline, state = learnt
    whole = fold_dekad(state, baseline, [optical(MONITOR, 0.5)], dekad_of(MONITOR), CONTEXT, DetectOptions())

    def cut(bundle):
        return type(bundle)(**{name: array[..., :5] for name, array in bundle.items()})

    look = optical(MONITOR, 0.5)
    part = Look(sensor=look.sensor, day=look.day, scene_id=look.scene_id, pixels=look.pixels[..., :5].copy())
    context = TileContext(in_stratum=CONTEXT.in_stratum[:, :5])
    ours = fold_dekad(cut(state), cut(baseline), [part], dekad_of(MONITOR), context, DetectOptions())
    assert ours.equals(cut(whole))


def test_a_dekad_nobody_saw_counts_no_looks_and_moves_belief_only_a_little(learnt):
    _, baseline, state = learnt
    after = fold_dekad(state, baseline, [], dekad_of(MONITOR), CONTEXT, DetectOptions())
    assert (after.looks == 0).all()
    assert np.abs(decode_fields(LAST, after).mined_prob - decode_fields(LAST, state).mined_prob).max() < 1e-2


def test_digging_opens_sooner_in_a_stratum(learnt):
    ours = decode_fields(LAST, year(learnt, context=STRATUM, dekads=7)[-1]).mined_prob[:4, :4].mean()
    theirs = decode_fields(LAST, year(learnt, dekads=7)[-1]).mined_prob[:4, :4].mean()
    assert ours > theirs


def test_colour_alone_does_not_make_a_clearing_a_mine(learnt):
    """Outside every stratum bare ground is likelier something else; inside one it is likelier a mine."""
    outside = decode_fields(LAST, year(learnt, sensors=(True, False))[-1])
    within = decode_fields(LAST, year(learnt, sensors=(True, False), context=STRATUM)[-1])
    assert outside.mined_prob[:4, :4].mean() < 0.2 < 0.5 < within.mined_prob[:4, :4].mean()
    belief = decode_belief(year(learnt, sensors=(True, False))[-1].belief)[:, :4, :4]
    assert belief[[LandState.CROPPED, LandState.CLEARED, LandState.DUG]].sum(axis=0).min() > 0.9


def test_outside_a_stratum_bare_ground_stays_in_doubt_after_the_harvest(learnt):
    """Once crops stood and the ground stayed bare it is a mine or a clearing, and which is not known."""
    belief = decode_belief(year(learnt, dekads=27)[-1].belief)[:, :4, :4].mean(axis=(1, 2))
    assert belief[LandState.CROPPED] < 0.05
    assert 0.2 < belief[LandState.CLEARED] < 0.8
    assert 0.2 < belief[LandState.DUG] < 0.8


def test_digging_opens_sooner_beside_a_working(learnt):
    _, baseline, state = learnt
    belief = decode_belief(state.belief)
    belief[:, 6, 6] = 1e-6
    belief[LandState.DUG, 6, 6] = 1.0
    layers = dict(state.items()) | {"belief": encode_belief(belief, dekad_of(MONITOR) - 1)}
    begun = type(state)(**layers)

    def mined(**options):
        after = fold_dekad(begun, baseline, [], dekad_of(MONITOR), CONTEXT, DetectOptions(**options))
        return decode_fields(LAST, after).mined_prob

    near, far = (6, 8), (6, 11)
    alike, plain, wide = mined(), mined(neighbour_boost=1.0), mined(neighbour_m=60.0)
    assert alike[near] > 10 * plain[near]
    assert mined(neighbour_boost=1000.0)[near] == pytest.approx(10 * alike[near], rel=0.3)
    assert alike[far] == plain[far]
    assert wide[far] > 10 * alike[far]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_looks_per_coef", 90.0),
        ("reweights", 1),
        ("bisquare_c", 2.0),
        ("sigma_floor", 0.05),
        ("sigma_floor_db", 3.0),
        ("landsat_sigma_factor", 4.0),
        ("tail_freedom", 50.0),
        ("junk_frac", 0.4),
        ("max_evidence_nats", 1.0),
        ("max_radar_nats", 0.5),
        ("max_radar_nats_for_stable", 0.2),
        ("decorrelation_days", 40.0),
        ("opening_per_year", 0.3),
        ("stratum_boost", 500.0),
        ("clearing_per_year", 0.4),
        ("burning_per_season", 0.9),
        ("cropping_per_year", 0.8),
        ("flooding_per_year", 0.8),
        ("ground_identity", 1.0),
        ("warmup_days", 40),
    ],
)
def test_every_option_changes_something(learnt, field, value):
    history, _, _ = learnt
    context = TileContext(in_stratum=np.ones(SHAPE, dtype=bool))
    noisy = HistoryStack(shape=SHAPE, optical=list(history.optical), radar=history.radar)
    noisy.add(dataset([optical(day, shift=0.1) for day in range(BEGIN + 3, MONITOR, 40)]), Sensor.LANDSAT)

    def run(options):
        baseline = fit_baseline(noisy, options)
        state = start_state(baseline, noisy, context, dekad_of(MONITOR), options)
        looks = [optical(MONITOR + 1, 0.8), radar(MONITOR + 2, 0.8), optical(MONITOR + 4, 0.8)]
        landsat = optical(MONITOR + 6, 0.4)
        landsat.sensor = Sensor.LANDSAT
        return baseline, fold_dekad(state, baseline, [*looks, landsat], dekad_of(MONITOR), context, options)

    defaults, changed = run(DetectOptions()), run(DetectOptions(**{field: value}))
    assert not (defaults[0].equals(changed[0]) and defaults[1].equals(changed[1]))
