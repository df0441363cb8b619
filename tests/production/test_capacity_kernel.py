"""The kernel against closed forms and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import betaincinv, ndtr, ndtri

from kpgeo.kernels.capacity import (
    Z90,
    area_at_scores,
    area_log_moments,
    correlated_scores,
    log_covariance,
    prior_log_moments,
    prior_log_quantile,
    prob_ratio_above,
    sobol_points,
    spread_shares,
)

FAMILIES = [
    ("uniform", 0.2, 1.0),
    ("uniform", 0.0, 1.0),
    ("loguniform", 0.3, 1.9),
    ("beta", 4, 4),
    ("lognormal", 2, 10),
]


@pytest.mark.parametrize(("family", "low", "high"), FAMILIES)
def test_quantiles_agree_with_scipy(family, low, high):
    u = np.linspace(0.01, 0.99, 25)
    oracle = {
        "uniform": stats.uniform(low, high - low),
        "loguniform": stats.loguniform(max(low, 0.01), high),
        "beta": stats.beta(low, high if family == "beta" else 1),
        "lognormal": stats.lognorm(
            s=math.log(high / max(low, 0.01)) / (2 * Z90), scale=math.sqrt(max(low, 0.01) * high)
        ),
    }[family]
    drawn = np.exp(prior_log_quantile(family, low, high, ndtri(u)))
    assert drawn == pytest.approx(oracle.ppf(u), rel=1e-4 if family == "beta" else 1e-9)


@pytest.mark.parametrize(("family", "low", "high"), FAMILIES)
def test_log_moments_agree_with_quadrature(family, low, high):
    u = (np.arange(400_000) + 0.5) / 400_000
    logs = prior_log_quantile(family, low, high, ndtri(u))
    mean, variance = prior_log_moments(family, low, high)
    assert mean == pytest.approx(logs.mean(), abs=2e-4)
    assert variance == pytest.approx(logs.var(), rel=2e-3)


@given(low=st.floats(0.0, 10.0), width=st.floats(0.0, 10.0))
def test_uniform_log_variance_is_never_negative(low, width):
    if low + width > 0:
        mean, variance = prior_log_moments("uniform", low, low + width)
        assert 0.0 <= variance <= 1.0 + 1e-9
        assert mean <= math.log(low + width) + 1e-9


def test_unknown_family_is_refused():
    with pytest.raises(ValueError, match="triangle"):
        prior_log_quantile("triangle", 0, 1, np.array([0.5]))
    with pytest.raises(ValueError, match="triangle"):
        prior_log_moments("triangle", 0, 1)


def test_area_keeps_median_and_both_ends_of_the_interval():
    quantiles = area_at_scores(20.0, 15.0, 40.0, ndtri([0.05, 0.5, 0.95]))
    assert quantiles == pytest.approx([15.0, 20.0, 40.0])


def test_area_not_seen_is_exponential_with_its_upper_end_kept():
    assert area_at_scores(0.0, 0.0, 3.0, ndtri([0.95])) == pytest.approx([3.0])
    assert not area_at_scores(0.0, 0.0, 0.0, ndtri([0.1, 0.9])).any()


@pytest.mark.parametrize("area", [(20.0, 15.0, 40.0), (5.0, 4.0, 6.0), (0.0, 0.0, 3.0)])
def test_area_log_moments_agree_with_quadrature(area):
    u = (np.arange(400_000) + 0.5) / 400_000
    logs = np.log(area_at_scores(*area, ndtri(u)))
    mean, variance = area_log_moments(*area)
    assert mean == pytest.approx(logs.mean(), abs=1e-3)
    assert variance == pytest.approx(logs.var(), rel=5e-3)


def test_sobol_points_fill_the_open_cube_evenly_and_repeat():
    points = sobol_points(5, 1024, 7)
    assert points.shape == (1024, 5)
    assert points.min() > 0.0
    assert points.max() < 1.0
    # every sixteenth of every axis holds exactly its share: no pseudo-random draw does that
    counts = np.stack([np.histogram(column, bins=16, range=(0, 1))[0] for column in points.T])
    assert (counts == 64).all()
    assert np.array_equal(points, sobol_points(5, 1024, 7))
    assert not np.array_equal(points, sobol_points(5, 1024, 8))


@pytest.mark.parametrize(("low", "high"), [(4, 4), (2, 8), (0.5, 0.7)])
def test_the_beta_between_its_nodes_is_the_exact_one(low, high):
    scores = np.random.default_rng(1).uniform(-4.5, 4.5, 20_000)
    exact = np.log(betaincinv(low, high, ndtr(scores)))
    assert np.abs(prior_log_quantile("beta", low, high, scores) - exact).max() < 1e-4


def test_shares_are_the_variances_of_independent_factors():
    rng = np.random.default_rng(2)
    logs = rng.standard_normal((3, 200_000)) * np.sqrt([[0.04], [0.1], [0.3]])
    assert spread_shares(log_covariance(logs, logs)) == pytest.approx(np.array([0.04, 0.1, 0.3]) / 0.44, abs=0.005)


def test_shares_of_factors_that_go_together_split_what_they_share():
    rng = np.random.default_rng(3)
    z = rng.standard_normal((2, 200_000))
    logs = correlated_scores(z.T, np.array([[1.0, 0.6], [0.6, 1.0]])).T * np.array([[0.5], [1.0]])
    total = 0.25 + 1.0 + 2 * 0.6 * 0.5
    assert spread_shares(log_covariance(logs, logs)) == pytest.approx(
        [(0.25 + 0.3) / total, (1.0 + 0.3) / total], abs=0.005
    )


def test_correlated_scores_correlate_as_asked_and_stay_normal():
    rng = np.random.default_rng(4)
    asked = np.array([[1.0, -0.4, 0.2], [-0.4, 1.0, 0.1], [0.2, 0.1, 1.0]])
    scores = correlated_scores(rng.standard_normal((200_000, 3)), asked)
    assert np.corrcoef(scores.T) == pytest.approx(asked, abs=0.01)
    assert scores.std(axis=0) == pytest.approx(np.ones(3), abs=0.01)
    with pytest.raises(np.linalg.LinAlgError):
        correlated_scores(scores, np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]))


def test_shares_of_nothing_that_varies_sum_to_one():
    assert spread_shares(np.zeros((5, 5))).tolist() == [1, 0, 0, 0, 0]


@given(median=st.floats(0.01, 100), sigma=st.floats(0.01, 2), factor=st.floats(0.1, 10))
def test_ratio_probability_is_the_lognormal_tail(median, sigma, factor):
    oracle = stats.lognorm(s=sigma, scale=median).sf(factor)
    assert prob_ratio_above(median, sigma, factor) == pytest.approx(oracle, abs=1e-9)


def test_ratio_probability_at_its_limits():
    assert prob_ratio_above(0.0, 0.3, 1.2) == 0.0
    assert prob_ratio_above(math.inf, 0.3, 1.2) == 1.0
    assert prob_ratio_above(2.0, 0.0, 1.2) == 1.0
    assert prob_ratio_above(1.0, 0.0, 1.2) == 0.0
