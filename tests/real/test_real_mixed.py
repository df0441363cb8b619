"""Pits mixed into series: what a look becomes."""

import numpy as np
import pytest

from benchmarks.pits import Digger, Pit, mix_optical, mix_radar, own_season

_DAYS = np.arange(0, 1460, 8)
_GROUND = np.array([0.10, 0.14, 0.20, 0.28, 0.40, 0.35])


def _series(rng):
    angle = 2 * np.pi * _DAYS / 365.25
    season = 0.1 + 0.03 * np.cos(angle)[:, None] * np.ones(6)
    return season, season + rng.normal(0.0, 0.004, season.shape)


def _pit(frac):
    return Pit(day=800, ramp_days=20.0, frac=frac, is_pond=False, ground=_GROUND, gamma0_db=np.array([-12.0, -20.0]))


@pytest.mark.parametrize("frac", [0.3, 0.6, 1.0])
def test_a_look_is_itself_before_the_pit_and_mixed_with_its_ground_after(frac):
    rng = np.random.default_rng(1)
    season, seen = _series(rng)
    seen[5] = np.nan
    mixed = mix_optical(seen, _DAYS, _pit(frac), rng)
    before, after = _DAYS <= 800, _DAYS >= 820
    np.testing.assert_array_equal(mixed[before], seen[before])
    expected = (1.0 - frac) * season[after] + frac * _GROUND
    assert np.abs((mixed[after] - expected).mean(axis=0)).max() < 0.006
    noise = (mixed - seen)[after] - (expected - season[after])
    assert noise.std() < 0.03, "the look keeps its own residual"


def test_the_season_of_a_series_is_not_that_of_its_outliers():
    season, seen = _series(np.random.default_rng(2))
    seen[::9] += 0.3
    assert np.abs(own_season(seen, _DAYS) - season).max() < 0.01


def test_radar_is_mixed_in_power():
    rng = np.random.default_rng(3)
    seen = np.full((4000, 2), -10.0)
    mixed = mix_radar(seen, np.full(4000, 900), _pit(0.5), rng)
    expected = 0.5 * 0.1 + 0.5 * 10.0 ** np.array([-1.2, -2.0])
    np.testing.assert_allclose((10.0 ** (mixed / 10.0)).mean(axis=0), expected, rtol=0.02)


def test_a_pit_opens_on_the_day_it_reaches_the_share_that_counts():
    digger = Digger(soils=_GROUND[None], rng=np.random.default_rng(4))
    for pit in (digger.dig((100, 400)) for _ in range(50)):
        days = np.array([pit.day - 1, pit.day, pit.opened_day - 1, pit.opened_day, pit.day + 60])
        share = pit.share(days)
        assert share[0] == share[1] == 0.0
        assert share[3] >= 0.3 - 1e-9
        assert share[2] < 0.3 or pit.opened_day == pit.day
        assert share[4] == pytest.approx(pit.frac)
        assert 0.0 < pit.ground.min() < pit.ground.max() < 1.1
