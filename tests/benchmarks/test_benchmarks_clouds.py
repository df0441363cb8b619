"""Counting what a screen of clouds finds; in a world, the season finds more and takes next to no mined ground."""

import numpy as np
import pytest

from benchmarks.clouds_sets import degraded
from benchmarks.clouds_tally import CLEAR_TRUTH, CLOUD_TRUTH, LEFT_OUT, SHADOW_TRUTH, Tally
from benchmarks.clouds_worlds import STAGES, measure_world
from benchmarks.measuring import Plan
from kpgeo.kernels.clouds import CLOUD, SHADOW


def test_a_tally_counted_by_hand():
    truth = np.array([[CLEAR_TRUTH] * 4 + [CLOUD_TRUTH] * 4 + [SHADOW_TRUTH, LEFT_OUT]], dtype=np.uint8)
    called = np.array([[0, 0, 0, CLOUD, CLOUD, CLOUD, CLOUD, 0, SHADOW, CLOUD]], dtype=np.uint8)
    tally = Tally()
    tally.add(truth, called)
    names = ("overall", "cloud found", "shadow found", "called cloud, not clear", "clear lost", "snow found")
    figures = [cell.split(" ")[0] for cell in tally.cells(names)]
    assert figures == ["77.8", "75.0", "100.0", "75.0", "25.0", "–"]
    split = Tally()
    split.add_tiles(truth, called, 3)
    assert len(split.blocks) == 4
    assert [cell.split(" ")[0] for cell in split.cells(names)] == figures


def test_intervals_widen_with_how_blocks_differ():
    alike, unlike = Tally(), Tally()
    truth = np.full((10, 10), CLOUD_TRUTH, dtype=np.uint8)
    half = np.where(np.arange(100).reshape(10, 10) % 2, CLOUD, 0).astype(np.uint8)
    for block in range(20):
        alike.add(truth, half)
        unlike.add(truth, np.full((10, 10), CLOUD if block % 2 else 0, dtype=np.uint8))
    assert alike.cells(["cloud found"]) == ["50.0 (50.0–50.0)"]
    low, high = (float(part) for part in unlike.cells(["cloud found"])[0][6:-1].split("–"))
    assert low < 40 < 60 < high


def test_a_provider_that_misses_in_patches():
    truth = np.where(np.arange(80 * 80).reshape(80, 80) % 80 < 40, CLOUD_TRUTH, SHADOW_TRUTH).astype(np.uint8)
    called = degraded(truth, 0.25, seed=1)
    assert (called == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert set(called[truth == CLOUD_TRUTH]) == {0, CLOUD}
    assert set(called[truth == SHADOW_TRUTH]) == {0, SHADOW}
    assert (called[:, 1:] == called[:, :-1]).mean() > 0.9


@pytest.mark.fault(25)
def test_in_a_world_the_season_finds_more_and_takes_next_to_no_mined_ground(tmp_path):
    plan = Plan(size_px=128, history_years=1.5, monitored_years=0.5)
    _, score = measure_world("standard", 21, plan, tmp_path)
    _, before, after = (np.sum(score.tallies[stage].blocks, axis=0) for stage in STAGES)
    for truth in (CLOUD_TRUTH, SHADOW_TRUTH):
        missed_before, missed_after = before[truth, 0] / before[truth].sum(), after[truth, 0] / after[truth].sum()
        assert missed_after < 0.6 * missed_before
    assert after[CLEAR_TRUTH, 1:].sum() - before[CLEAR_TRUTH, 1:].sum() < 0.02 * before[CLEAR_TRUTH].sum()
    looks, lost_before = score.mined[STAGES[1]]
    assert looks > 1000
    assert score.mined[STAGES[2]][1] - lost_before < 0.01 * looks
