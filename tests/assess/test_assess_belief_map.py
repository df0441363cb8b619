"""Beliefs that are not what they say are mapped to what is so; counts add up; worlds are what is drawn again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from kpgeo.assess import (
    bootstrap_error,
    count_beliefs,
    fit_belief_map,
    mapped_reliability,
    pool_counts,
    reliability,
)
from kpgeo.kernels.calibrate import calibrate_prob, log_odds
from kpgeo.model.errors import BadInputError
from kpgeo.model.operating import BeliefMap


def drawn(seed, slope, shift, n=200_000):
    """Beliefs whose true log-odds are slope * believed + shift, and what came of them."""
    rng = np.random.default_rng(seed)
    believed = rng.normal(0.0, 2.5, n)
    true = 1.0 / (1.0 + np.exp(-(slope * believed + shift)))
    return (1.0 / (1.0 + np.exp(-believed))).astype(np.float32), rng.random(n) < true


@pytest.mark.parametrize(("slope", "shift"), [(0.5, -1.0), (1.0, 0.0), (1.3, 0.5)])
def test_a_straight_map_is_found_again(slope, shift):
    prob, is_so = drawn(1, slope, shift)
    found = fit_belief_map(count_beliefs(prob, is_so), (-3.0, 3.0))
    assert np.diff(found.true)[0] / 6.0 == pytest.approx(slope, abs=0.02)
    assert np.mean(found.true) == pytest.approx(shift, abs=0.03)


def test_one_segment_is_platts_fit():
    prob, is_so = drawn(2, 0.6, -0.7, n=4_000)
    odds = log_odds(prob)

    def loss(ab):
        mapped = ab[0] * odds + ab[1]
        return float(np.logaddexp(0.0, mapped).sum() - mapped[is_so].sum())

    theirs = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-6}).x
    found = fit_belief_map(count_beliefs(prob, is_so), (-1.0, 1.0), prior=0.0)
    ours = [(found.true[1] - found.true[0]) / 2.0, sum(found.true) / 2.0]
    assert ours == pytest.approx(theirs, abs=0.01)  # beliefs stand for the middle of bins of 0.1 nats


def test_a_map_makes_other_draws_calibrated():
    fitted = fit_belief_map(count_beliefs(*drawn(3, 0.5, -1.0)))
    others = count_beliefs(*drawn(4, 0.5, -1.0))
    assert mapped_reliability(others).ece > 0.1
    assert mapped_reliability(others, fitted).ece < 0.01
    assert mapped_reliability(others, fitted).brier < mapped_reliability(others).brier


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=2, max_size=60))
def test_every_map_rises_within_its_bounds(rows):
    prob, is_so = np.array([row[0] for row in rows], np.float32), np.array([row[1] for row in rows])
    counts = count_beliefs(prob, is_so)
    if is_so.all() or not is_so.any():
        with pytest.raises(BadInputError, match="what is so and of what is not"):
            fit_belief_map(counts)
        return
    found = fit_belief_map(counts)
    slopes = np.diff(found.true) / np.diff(found.believed)
    assert (slopes >= 0.1 - 1e-3).all()
    assert (slopes <= 2.0 + 1e-3).all()


def test_counts_and_pixels_draw_the_same_diagram():
    prob, is_so = drawn(5, 0.7, 0.2, n=20_000)
    one = mapped_reliability(
        pool_counts([count_beliefs(prob[:7_000], is_so[:7_000]), count_beliefs(prob[7_000:], is_so[7_000:])])
    )
    whole = reliability(prob, is_so)
    assert one.counts.sum() == len(prob)
    assert one.ece == pytest.approx(whole.ece, abs=0.005)
    assert one.brier == pytest.approx(whole.brier, abs=0.001)
    fitted = BeliefMap(believed=(-2.0, 2.0), true=(-1.0, 1.5))
    mapped = reliability(calibrate_prob(prob, fitted.knots), is_so)
    assert mapped_reliability(count_beliefs(prob, is_so), fitted).ece == pytest.approx(mapped.ece, abs=0.005)


def test_a_lower_end_leaves_out_what_is_hardly_believed():
    counts = count_beliefs(np.array([0.001] * 90 + [0.9] * 10, np.float32), np.array([False] * 90 + [True, False] * 5))
    assert mapped_reliability(counts, from_prob=0.05).counts.sum() == 10
    assert mapped_reliability(counts, from_prob=0.05).ece == pytest.approx(0.4, abs=0.01)
    with pytest.raises(BadInputError, match=r"as much as 0\.95"):
        mapped_reliability(counts, from_prob=0.95)


def test_worlds_that_differ_widen_the_interval_and_pixels_do_not_narrow_it():
    sure = count_beliefs(np.full(1000, 0.5, np.float32), np.ones(1000, np.bool_))
    fair = count_beliefs(np.full(1000, 0.5, np.float32), np.arange(1000) % 2 == 0)
    alike = bootstrap_error([fair] * 6)
    mixed = bootstrap_error([fair] * 3 + [sure] * 3)
    assert alike == pytest.approx((0.0, 0.0))
    assert mixed[1] - mixed[0] > 0.2
    assert mixed == bootstrap_error([fair] * 3 + [sure] * 3)


def test_beliefs_that_are_none_are_refused_and_nan_is_left_out():
    with pytest.raises(BadInputError, match="shape"):
        count_beliefs(np.zeros(3), np.zeros(2, np.bool_))
    with pytest.raises(BadInputError, match="from 0 to 1"):
        count_beliefs(np.array([1.1]), np.array([True]))
    assert count_beliefs(np.array([0.3, np.nan]), np.array([True, True])).counts.sum() == 1
