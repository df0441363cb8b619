"""What the evaluation is made of: worlds put together, peers chosen, coarse images brought onto the grid."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.choosing import Point, best_of, frontier
from benchmarks.cubes import bilinear
from benchmarks.grounds import NO_DAY, PixelTruth
from benchmarks.peers import Config
from benchmarks.scoring import (
    PixelSet,
    Trace,
    grounds_of,
    pixel_set,
    pool_truths,
    resampled,
    score_alarms,
    score_events,
    thinned,
    threshold_for,
)
from benchmarks.settings import SCORING_SEEDS, SETTINGS, TUNING_SEEDS
from kpgeo.assess import NO_ALARM, PixelTruths


def _set(opened, never, *, end_day=1000, event=None, event_ha=(0.04, 0.3), monitor_day=500):
    count = len(opened)
    days = np.array([*opened, *([0] * never)], dtype=np.int32)
    return PixelSet(
        world="w",
        index=np.arange(count + never),
        truths=PixelTruths(
            first_day=days, opened_day=days, is_mined=np.arange(count + never) < count, end_day=end_day, years=1.0
        ),
        event=np.array(event if event is not None else [0] * count, dtype=np.int64),
        ground=np.zeros(never, dtype=np.uint8),
        event_opened_day=np.array([600] * len(event_ha), dtype=np.int32),
        event_ha=np.array(event_ha, dtype=np.float32),
        monitor_day=monitor_day,
    )


def _alarms(*days):
    return np.array([NO_ALARM if day is None else day for day in days], dtype=np.int32)


def test_worlds_that_end_on_different_days_are_put_together_by_their_ends():
    one, other = _set([600], 1), _set([1600], 1, end_day=2000)
    assert pool_truths([one, other]).opened_day[[0, 2]].tolist() == [-400, -400]
    score = score_alarms([one, other], [_alarms(620, None), _alarms(1640, 7)])
    assert score.found_frac == 1.0
    assert score.lag.restricted_mean_days == 30.0
    assert score.false_alarms == 1


def test_a_trace_gives_alarms_at_any_threshold():
    trace = Trace(
        pixels=_set([600], 2),
        days=np.array([499, 610, 630], dtype=np.int32),
        scores=np.array([[-5], [0.5], [3]], dtype=np.float32),
        peaks=np.array([-2, 1], dtype=np.float32),
    )
    assert trace.alarms(0.0).tolist() == [610, NO_ALARM, 0]
    assert trace.alarms(2.0).tolist() == [630, NO_ALARM, NO_ALARM]
    assert trace.alarms(threshold_for([trace], 0.5)).tolist()[1:] == [NO_ALARM, 0]


def test_workings_by_size_and_too_late_ones_left_out():
    pixels = _set([600, 600, 600, 600, 990], 0, event=[0, 0, 0, 0, 1])
    scored = score_events([pixels], [_alarms(650, None, None, None, None)])
    assert (scored["< 0.05"].found, scored["< 0.05"].total) == (1, 1)
    assert (scored["0.2-0.5"].found, scored["0.2-0.5"].total) == (0, 0)
    assert scored["all"].lag.censored == 1


def test_an_alarm_before_the_ground_was_broken_hits_no_working():
    scored = score_events([_set([600], 0)], [_alarms(599)])
    assert scored["all"].found == 0


def test_false_alarms_by_what_they_fall_on():
    pixels = replace(_set([600], 4), ground=np.array([0, 0, 2, 2], dtype=np.uint8))
    found = grounds_of([pixels], [_alarms(None, None, 0, 0, 0)])
    assert found == {"savanna": (1, 0.5), "new field": (2, 1.0)}


def test_a_thinned_set_keeps_mined_pixels_first():
    few = thinned(_set([600] * 10, 20, event=list(range(10)), event_ha=[1.0] * 10), 4, 5)
    assert few.truths.is_mined.tolist() == [True] * 4 + [False] * 5
    assert few.event.tolist() == few.index[:4].tolist()


def test_intervals_come_from_worlds_and_hold_the_whole():
    sets = [_set([600] * 10, 10, event=[0] * 10) for _ in range(6)]
    alarms = [_alarms(*([620] * number + [None] * (20 - number))) for number in (2, 4, 6, 8, 9, 10)]
    low, high = resampled(sets, alarms)["found_frac"]
    assert low < score_alarms(sets, alarms).found_frac < high
    assert resampled(sets[:1], alarms[:1]) == {}


def _peers(alarms_by_config, pixels):
    return SimpleNamespace(peer_sets={"nrt": pixels, "pyxccd": pixels}, peer_alarms=alarms_by_config)


def test_the_best_threshold_is_that_which_finds_most_within_the_rate():
    pixels = _set([600, 600, 600, 600], 1000)
    never = [None] * 1000
    some = [5] * 3 + [None] * 997
    loose, tight = Config(family="nrt IQR ndvi", threshold="loose"), Config(family="nrt IQR ndvi", threshold="tight")
    radar = Config(family="nrt IQR vh", threshold="any")
    cold = Config(family="pyxccd COLD", threshold="p")
    world = _peers(
        {
            loose: _alarms(610, 610, 610, 610, *some),
            tight: _alarms(650, 650, None, None, *never),
            radar: _alarms(None, 640, 640, None, *never),
            cold: _alarms(610, 610, 610, 610, *([5] * 50 + [None] * 950)),
        },
        pixels,
    )
    best = best_of([world], 1e-3)
    assert best["nrt IQR ndvi"].config == tight
    assert best["nrt IQR ndvi"].score.found_frac == 0.5
    assert best["nrt optical or radar"].score.found_frac == 0.75
    assert best["nrt optical or radar"].score.lag.restricted_mean_days == pytest.approx((50 + 40 + 40 + 180) / 4)
    assert not best["pyxccd COLD"].reaches


def test_the_frontier_leaves_out_what_is_beaten():
    config = Config(family="f", threshold="")
    points = [
        Point(config=config, false_rate=rate, pixel_years=100.0, found_frac=found, alarms=_alarms())
        for rate, found in ((0.1, 0.9), (0.01, 0.5), (0.05, 0.4))
    ]
    assert list(frontier(points)) == [(0.01, 0.5), (0.1, 0.9)]


def test_coarse_pixels_are_joined_by_straight_lines():
    fine = bilinear(np.array([[0.0, 4.0], [0.0, 4.0]], dtype=np.float32), 2, (0.0, 0.0), 4)
    assert fine[0].tolist() == [0.0, 1.0, 3.0, 4.0]
    shifted = bilinear(np.array([[0.0, 3.0]] * 2, dtype=np.float32), 3, (0.0, 1.5), 8)
    assert np.isnan(shifted[0, 0])
    assert shifted[0, 1:4].tolist() == [0.0, 0.0, 0.5]


def test_pixels_that_count():
    never = np.full((1, 5), NO_DAY, dtype=np.int32)
    first, opened = never.copy(), never.copy()
    first[0, :3], opened[0, :3] = (550, 450, 600), (580, 580, NO_DAY)
    truth = PixelTruth(
        first_day=first, opened_day=opened, event=np.array([[0, 0, 0, -1, -1]], dtype=np.int16),
        is_never=np.array([[False, False, False, False, True]]), ground=np.zeros((1, 5), dtype=np.uint8),
        mined_percent=np.zeros((1, 1, 5), dtype=np.uint8), event_opened_day=np.array([550], dtype=np.int32),
        event_ha=np.array([0.1], dtype=np.float32),
    )  # fmt: skip
    cube = SimpleNamespace(truth=truth, name="w", monitor_day=500, end_day=1000, years=1.4)
    pixels = pixel_set(cube)
    # broken before monitoring, broken too little, and next to a working: none of them counts
    assert pixels.index.tolist() == [0, 4]
    assert pixels.truths.is_mined.tolist() == [True, False]


def test_nobody_tunes_on_what_is_scored():
    assert not set(TUNING_SEEDS) & set(SCORING_SEEDS)
    assert not SETTINGS["standard"].is_shifted
    assert SETTINGS["few-looks"].is_shifted
