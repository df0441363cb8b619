"""Pixel scores by hand."""

import numpy as np
import pytest

from kpgeo.assess import (
    NO_ALARM,
    PixelTruths,
    first_alarm,
    hit_days,
    pool_reliability,
    reliability,
    score_pixels,
    threshold_at_rate,
)
from kpgeo.model.errors import BadInputError


def _truths(first, opened, mined, end_day=400, years=1.0):
    return PixelTruths(
        first_day=np.array(first, dtype=np.int32),
        opened_day=np.array(opened, dtype=np.int32),
        is_mined=np.array(mined),
        end_day=end_day,
        years=years,
    )


def test_a_threshold_lets_just_so_many_through():
    peaks = np.arange(100, dtype=np.float32)
    level = threshold_at_rate(peaks, 100.0, 0.05)
    assert (peaks >= np.float32(level)).sum() == 5
    assert (peaks >= np.nextafter(np.float32(level), np.float32(-1))).sum() == 6


def test_equal_peaks_pass_together_or_not_at_all():
    peaks = np.array([1, 1, 1, 5], dtype=np.float32)
    assert (peaks >= np.float32(threshold_at_rate(peaks, 4.0, 0.5))).sum() == 1


@pytest.mark.parametrize(("rate", "alarmed"), [(0.0, 0), (1.0, 3)])
def test_rates_at_both_ends(rate, alarmed):
    peaks = np.array([0.5, 1.0, 2.0], dtype=np.float32)
    assert (peaks >= np.float32(threshold_at_rate(peaks, 3.0, rate))).sum() == alarmed


def test_the_first_look_at_or_above_the_threshold_counts():
    scores = np.array([[0, 3, np.nan], [2, 0, np.nan], [5, 3, np.nan]], dtype=np.float32)
    days = np.array([10, 20, 30], dtype=np.int32)
    assert first_alarm(days, scores, 2.0).tolist() == [20, 10, NO_ALARM]


def test_found_missed_early_and_false():
    # mined: found after 20 days, found before it counted (lag 0), too early (a miss), never; then two never-mined ones
    truths = _truths([100, 100, 100, 100, 0, 0], [110, 110, 110, 110, 0, 0], [True] * 4 + [False] * 2, years=2.0)
    alarms = np.array([130, 105, 99, NO_ALARM, 50, NO_ALARM], dtype=np.int32)
    score = score_pixels(alarms, truths)
    assert (score.found_frac, score.early, score.followed) == (0.5, 1, 4)
    assert (score.false_alarms, score.pixel_years, score.false_rate) == (1, 4.0, 0.25)
    assert (score.lag.found, score.lag.censored) == (2, 2)
    assert score.lag.restricted_mean_days == pytest.approx((0 + 20 + 180 + 180) / 4)


def test_what_opens_late_is_not_held_against_anyone():
    truths = _truths([300, 100], [300, 100], [True, True])
    score = score_pixels(np.array([NO_ALARM, 120], dtype=np.int32), truths, follow_days=180)
    assert (score.found_frac, score.followed) == (1.0, 1)
    assert score.lag.censored == 1


def test_an_alarm_after_the_end_finds_nothing():
    score = score_pixels(np.array([400], dtype=np.int32), _truths([100], [100], [True]))
    assert score.found_frac == 0.0


def test_a_score_without_pixels_is_plain_json():
    told = score_pixels(np.array([5], dtype=np.int32), _truths([0], [0], [False])).to_dict()
    assert told["found_frac"] is None
    assert told["false_rate"] == 1.0


def test_an_event_is_hit_when_a_quarter_of_it_is():
    alarms = np.array([30, 10, 20, NO_ALARM, NO_ALARM, NO_ALARM, 7], dtype=np.int32)
    event = np.array([0, 0, 0, 0, 1, 1, 1])
    assert hit_days(alarms, event, 3).tolist() == [10, 7, NO_ALARM]
    assert hit_days(alarms, event, 3, share=0.5).tolist() == [20, NO_ALARM, NO_ALARM]


def test_diagrams_of_parts_make_that_of_the_whole():
    rng = np.random.default_rng(2)
    prob = rng.random(500).astype(np.float32)
    mined = rng.random(500) < prob
    whole = reliability(prob, mined)
    pooled = pool_reliability([reliability(prob[:120], mined[:120]), reliability(prob[120:], mined[120:])])
    assert np.array_equal(pooled.counts, whole.counts)
    assert pooled.ece == pytest.approx(whole.ece)
    assert pooled.brier == pytest.approx(whole.brier)
    with pytest.raises(BadInputError):
        pool_reliability([])
