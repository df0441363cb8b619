"""Counts of rare things against scipy and by hand; maps of beliefs rise, and no map is the identity, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from kpgeo.kernels.calibrate import calibrate_prob, log_odds
from kpgeo.kernels.counts import fit_falling, poisson_interval, resolvable_rate

COUNTS = st.lists(st.integers(min_value=0, max_value=50), min_size=1, max_size=12)


@settings(deadline=None)
@given(count=st.integers(min_value=0, max_value=200), exposure=st.floats(0.1, 100.0))
def test_poisson_intervals_are_where_each_tail_holds_a_fortieth(count, exposure):
    low, high = (bound * exposure for bound in poisson_interval(count, exposure))
    assert stats.poisson.cdf(count, high) == pytest.approx(0.025, abs=1e-9)
    if count:
        assert stats.poisson.sf(count - 1, low) == pytest.approx(0.025, abs=1e-9)
    else:
        assert low == 0.0


@settings(deadline=None)
@given(exposure=st.floats(0.1, 1e6))
def test_the_rule_of_three_is_the_rate_that_leaves_nothing_once_in_twenty(exposure):
    assert stats.poisson.pmf(0, resolvable_rate(exposure) * exposure) == pytest.approx(0.05)
    assert resolvable_rate(exposure) * exposure == pytest.approx(3.0, rel=0.002)


@settings(deadline=None)
@given(values=COUNTS)
def test_a_falling_fit_never_rises_keeps_the_sum_and_is_the_closest_one(values):
    fitted = fit_falling(values)
    assert (np.diff(fitted) <= 1e-9).all()
    assert fitted.sum() == pytest.approx(sum(values))
    theirs = optimize.isotonic_regression(values, increasing=False).x
    assert fitted == pytest.approx(theirs, abs=1e-9)


def test_what_falls_already_is_left_alone():
    assert fit_falling([9, 4, 4, 0]).tolist() == [9.0, 4.0, 4.0, 0.0]


RISING = st.lists(st.floats(0.05, 3.0), min_size=2, max_size=6)


@settings(deadline=None)
@given(first=st.floats(-8.0, 0.0), steps=RISING, lift=st.floats(-4.0, 4.0), data=st.data())
def test_a_map_keeps_the_order_of_beliefs(first, steps, lift, data):
    believed = first + np.concatenate([[0.0], np.cumsum(steps)])
    rises = data.draw(st.lists(st.floats(0.1, 3.0), min_size=len(steps), max_size=len(steps)))
    true = lift + np.concatenate([[0.0], np.cumsum(rises)])
    prob = np.linspace(0.0, 1.0, 301, dtype=np.float32)
    mapped = calibrate_prob(prob, (believed.tolist(), true.tolist()))
    assert mapped.dtype == np.float32
    assert (np.diff(mapped) >= 0.0).all()
    assert ((mapped >= 0.0) & (mapped <= 1.0)).all()
    told = np.abs(believed) < 8.5  # float32 tells less of the surest ones
    at_knots = calibrate_prob((1.0 / (1.0 + np.exp(-believed[told]))).astype(np.float32), (believed, true))
    assert at_knots == pytest.approx(1.0 / (1.0 + np.exp(-true[told])), abs=0.01)


def test_no_knots_change_nothing_and_one_shifts():
    prob = np.array([[0.0, 0.2], [np.nan, 1.0]], dtype=np.float32)
    assert calibrate_prob(prob, ((), ())) is prob
    shifted = calibrate_prob(prob, ((0.0,), (np.log(2.0),)))
    assert shifted[0, 1] == pytest.approx(1.0 / 3.0)  # odds of 1 to 4 doubled
    assert np.isnan(shifted[1, 0])


def test_beyond_the_knots_the_outer_lines_go_on():
    half = ((-2.0, 2.0), (-1.0, 1.0))
    mapped = calibrate_prob(np.array([1.0 / (1.0 + np.exp(-6.0))], dtype=np.float32), half)
    assert log_odds(mapped) == pytest.approx([3.0], abs=1e-4)


def test_swapped_knots_undo_a_map():
    knots = ((-6.0, 0.0, 4.0), (-5.0, -1.5, 2.0))
    prob = np.linspace(0.01, 0.99, 99, dtype=np.float32)
    assert calibrate_prob(calibrate_prob(prob, knots), knots[::-1]) == pytest.approx(prob, abs=1e-4)
