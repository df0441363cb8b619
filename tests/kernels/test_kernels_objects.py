"""Kernels of objects against closed forms and a brute-force oracle."""

import numpy as np
import pytest
from scipy import stats

from kpgeo.kernels.objects import Pixels, area_moments, grow_objects, length_and_width, lognormal_interval


def _pixels(is_in):
    return Pixels(*np.nonzero(is_in))


def test_objects_come_in_raster_order_and_nan_belongs_to_none():
    prob = np.full((4, 6), np.nan, np.float32)
    prob[3, 0], prob[0, 5], prob[0, 4], prob[2, 3] = 0.95, 0.95, 0.5, 0.6
    found = grow_objects(prob, np.ones((4, 6), bool), seed_prob=0.9, grow_prob=0.5)
    assert [(one.rows.tolist(), one.cols.tolist()) for one in found] == [([0, 0], [4, 5]), ([3], [0])]


def test_an_empty_raster_has_no_objects():
    assert grow_objects(np.zeros((3, 3), np.float32), np.ones((3, 3), bool), seed_prob=0.9, grow_prob=0.5) == []


def test_area_moments_agree_with_drawing():
    """Independent pixels, drawn: mined or not, and a fraction around its estimate."""
    rng = np.random.default_rng(1)
    prob, frac = np.array([0.5, 0.8, 0.95, 1.0], np.float32), np.array([0.3, 0.5, 0.6, 0.4], np.float32)
    mean, variance = area_moments(prob, frac, frac_sd=0.1, correlation=0.0)
    drawn = ((rng.random((400_000, 4)) < prob) * (frac + 0.1 * rng.standard_normal((400_000, 4)))).sum(axis=1)
    assert mean == pytest.approx(drawn.mean(), rel=2e-3)
    assert variance == pytest.approx(drawn.var(), rel=1e-2)


def test_full_correlation_adds_standard_deviations():
    prob, frac = np.full(9, 0.9, np.float32), np.full(9, 0.5, np.float32)
    _, one = area_moments(prob[:1], frac[:1], frac_sd=0.1, correlation=1.0)
    _, nine = area_moments(prob, frac, frac_sd=0.1, correlation=1.0)
    assert np.sqrt(nine) == pytest.approx(9 * np.sqrt(one))


def test_the_interval_is_the_log_normal_one():
    spread = np.log1p(0.25 / 4.0)
    oracle = stats.lognorm(s=np.sqrt(spread), scale=2.0 * np.exp(-spread / 2))
    assert (oracle.mean(), oracle.var()) == pytest.approx((2.0, 0.25))
    assert lognormal_interval(2.0, 0.25, upper=10.0) == pytest.approx(oracle.ppf([0.05, 0.95]))
    assert lognormal_interval(2.0, 0.25, upper=2.1)[1] == 2.1
    assert lognormal_interval(0.0, 0.1, upper=3.0) == (0.0, 0.0)


def test_shapes_known_by_hand():
    bar = np.zeros((30, 30), bool)
    bar[4:6, 3:23] = True
    assert length_and_width(_pixels(bar)) == pytest.approx((20.0, 2.0))
    assert length_and_width(_pixels(np.ones((1, 1), bool))) == pytest.approx((1.0, 1.0))
    y, x = np.mgrid[-50:51, -50:51]
    length, width = length_and_width(_pixels(y**2 + x**2 <= 2400))
    assert length / width == pytest.approx(3 / np.pi, rel=1e-2)
    length, width = length_and_width(_pixels(np.eye(30, dtype=bool)))
    assert length == pytest.approx(30 * np.sqrt(2), rel=2e-3)
    assert length / width == pytest.approx(60.0, rel=5e-3)
