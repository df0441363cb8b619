"""Estimators against published examples and independent oracles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from kpgeo.assess import estimate_area, poisson_interval, reliability, wilson_interval
from kpgeo.assess.lag import lag_of
from kpgeo.model.errors import BadInputError

# Olofsson et al. 2014, section 5: deforestation, forest gain, stable forest, stable non-forest; 10 million 30 m pixels.
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
WEIGHTS = np.array([0.020, 0.015, 0.320, 0.645])
TOTAL_HA = 900_000.0


def test_the_published_example_of_olofsson_2014():
    found = estimate_area(COUNTS, WEIGHTS)
    assert found.share[0] * TOTAL_HA == pytest.approx(21_158, abs=1)
    assert 1.96 * found.share_se[0] * TOTAL_HA == pytest.approx(6_158, abs=1)
    assert found.users == pytest.approx([0.88, 0.73, 0.93, 0.96], abs=0.005)
    assert 1.96 * found.users_se == pytest.approx([0.07, 0.10, 0.04, 0.02], abs=0.005)
    assert found.producers == pytest.approx([0.75, 0.85, 0.93, 0.96], abs=0.005)
    assert 1.96 * found.producers_se[[0, 2]] == pytest.approx([0.21, 0.03], abs=0.005)
    assert found.overall == pytest.approx(0.95, abs=0.005)
    assert 1.96 * found.overall_se == pytest.approx(0.02, abs=0.005)


def test_standard_errors_agree_with_drawing_samples():
    """Draw the sample again and again from known shares: the spread of the estimates is the standard error."""
    rng = np.random.default_rng(3)
    within = COUNTS / COUNTS.sum(axis=1, keepdims=True)
    drawn = [
        np.array([rng.multinomial(int(n), p) for n, p in zip(COUNTS.sum(axis=1), within, strict=True)])
        for _ in range(3000)
    ]
    estimates = [estimate_area(sample, WEIGHTS) for sample in drawn]
    plain = estimate_area(COUNTS, WEIGHTS)
    assert np.std([one.share for one in estimates], axis=0) == pytest.approx(plain.share_se, rel=0.06)
    assert np.std([one.producers for one in estimates], axis=0)[[0, 2, 3]] == pytest.approx(
        plain.producers_se[[0, 2, 3]], rel=0.15
    )
    assert np.std([one.overall for one in estimates]) == pytest.approx(plain.overall_se, rel=0.06)


def test_a_class_that_never_occurs_has_no_producers_accuracy():
    found = estimate_area(np.array([[10, 0], [10, 0]]), np.array([0.5, 0.5]))
    assert np.isnan(found.producers[1])
    assert found.share == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ([[5, 1], [1, 5]], [0.5, 0.6]),
        ([[5, 1], [1, 5]], [1.5, -0.5]),
        ([[5, 1], [1, 0]], [0.5, 0.5]),
        ([[5, 1, 1], [1, 5, 1]], [0.5, 0.5]),
        ([[5, -1], [1, 5]], [0.5, 0.5]),
    ],
)
def test_samples_that_cannot_be_estimated_from_are_refused(counts, weights):
    with pytest.raises(BadInputError):
        estimate_area(np.array(counts), np.array(weights))


@settings(max_examples=50, deadline=None)
@given(counts=hnp.arrays(np.int64, (3, 3), elements=st.integers(1, 60)))
def test_shares_sum_to_one_and_lie_between_the_strata(counts):
    found = estimate_area(counts, np.array([0.2, 0.3, 0.5]))
    assert found.share.sum() == pytest.approx(1.0)
    assert (found.share_se >= 0).all()
    within = counts / counts.sum(axis=1, keepdims=True)
    assert (found.share >= within.min(axis=0) - 1e-12).all()
    assert (found.share <= within.max(axis=0) + 1e-12).all()


@settings(max_examples=60)
@given(total=st.integers(1, 500), data=st.data())
def test_wilson_agrees_with_scipy(total, data):
    hits = data.draw(st.integers(0, total))
    oracle = stats.binomtest(hits, total).proportion_ci(method="wilson")
    assert wilson_interval(hits, total) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


def test_intervals_of_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)
    low, high = poisson_interval(0, 2.0)
    assert (low, high) == (0.0, pytest.approx(3.6889 / 2, rel=1e-4))


@pytest.mark.parametrize("count", [1, 4, 30])
def test_poisson_bounds_leave_their_tails(count):
    low, high = poisson_interval(count, 1.0)
    assert stats.poisson.sf(count - 1, low) == pytest.approx(0.025)
    assert stats.poisson.cdf(count, high) == pytest.approx(0.025)


def test_survival_agrees_with_scipy():
    rng = np.random.default_rng(5)
    days = rng.integers(5, 200, 80).astype(float)
    found = rng.random(80) < 0.6
    oracle = stats.ecdf(stats.CensoredData.right_censored(days, ~found)).sf
    lag = lag_of(list(days), list(found), 180)
    assert lag.share_30 == pytest.approx(1 - oracle.evaluate(30))
    assert lag.share_60 == pytest.approx(1 - oracle.evaluate(60))
    assert oracle.evaluate(lag.median_days) <= 0.5 < oracle.evaluate(lag.median_days - 1)
    grid = np.arange(0, 180, 0.01)
    assert lag.restricted_mean_days == pytest.approx(oracle.evaluate(grid).mean() * 180, rel=1e-3)


def test_missing_does_not_look_fast():
    fast = lag_of([10.0, 12.0], [True, True], 180)
    missing = lag_of([10.0, 12.0, 300.0, 300.0, 300.0], [True, True, False, False, False], 180)
    assert fast.median_days == 10
    assert np.isnan(missing.median_days)
    assert missing.restricted_mean_days > fast.restricted_mean_days
    assert (missing.found, missing.censored) == (2, 3)
    assert missing.to_dict()["median_days"] is None
    assert lag_of([-5.0], [True], 180).median_days == 0


def test_calibration_by_hand():
    prob = np.array([0.05, 0.05, 0.95, 0.95, 0.95, 0.95, np.nan], np.float32)
    mined = np.array([False, False, True, True, True, False, True])
    found = reliability(prob, mined)
    assert found.counts.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 4]
    assert found.mined_share[[0, 9]] == pytest.approx([0.0, 0.75])
    assert np.isnan(found.mean_prob[5])
    assert found.ece == pytest.approx((2 * 0.05 + 4 * 0.20) / 6)
    assert found.brier == pytest.approx((2 * 0.0025 + 3 * 0.0025 + 0.9025) / 6)
    ones = reliability(np.ones(3, np.float32), np.ones(3, bool))
    assert ones.counts[-1] == 3
    assert ones.ece == 0.0


def test_calibrated_beliefs_have_a_small_error():
    rng = np.random.default_rng(2)
    prob = rng.random(200_000).astype(np.float32)
    assert reliability(prob, rng.random(200_000) < prob).ece < 0.01
    assert reliability(prob, rng.random(200_000) < prob**2).ece == pytest.approx(1 / 2 - 1 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("prob", "mined"),
    [(np.ones(3), np.ones(4, bool)), (np.full(3, np.nan), np.ones(3, bool)), (np.full(3, 1.2), np.ones(3, bool))],
)
def test_what_cannot_be_calibrated_is_refused(prob, mined):
    with pytest.raises(BadInputError):
        reliability(prob.astype(np.float32), mined)
