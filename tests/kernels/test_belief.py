"""The belief kernels against Bayes' rule written out."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, multivariate_t

from kpgeo.kernels.belief import (
    BLOCK,
    Belief,
    Noise,
    OpticalTemplates,
    RadarTemplates,
    predict,
    transition,
    update_optical,
    update_radar,
)

N_STATES = 7
R = np.array([[1.0, 0.8, 0.3, 0.4], [0.8, 1.0, 0.1, 0.5], [0.3, 0.1, 1.0, 0.0], [0.4, 0.5, 0.0, 1.0]])
R_RADAR = np.array([[1.0, 0.4], [0.4, 1.0]])
BASE = np.array([[0.08, 0.09, 0.26, 0.18], [0.09, 0.11, 0.22, 0.22]])
SD = 0.015
WEIGHTS = np.zeros((3, N_STATES), dtype=np.float32)
WEIGHTS[0, [0, 1]] = 1.0
WEIGHTS[1, [3, 4]] = 1.0
WEIGHTS[2, 5] = 1.0
TEMPLATES = OpticalTemplates(
    state=np.array([1, 4, 4, 5, 3]),
    kin=np.array([0, 1, 1, 2, 1]),
    mean=np.array(
        [
            [0.05, 0.05, 0.07, 0.1],
            [0.15, 0.2, 0.3, 0.35],
            [0.2, 0.28, 0.36, 0.4],
            [0.1, 0.1, 0.05, 0.02],
            [0.1, 0.14, 0.24, 0.27],
        ],
        dtype=np.float32,
    ),
    var=np.full((5, 4), 0.02**2, dtype=np.float32),
    frac=np.array([1.0, 0.6, 0.7, 0.8, 1.0], dtype=np.float32),
    frac_var=np.array([0.02, 0.09, 0.06, 0.04, 0.02], dtype=np.float32),
    share=np.array([1.0, 0.5, 0.5, 1.0, 1.0], dtype=np.float32),
    season_share=np.array([0.6, 0.4], dtype=np.float32),
    weights=WEIGHTS,
)
RADAR = RadarTemplates(
    state=np.array([0, 4]),
    kin=np.zeros(2, dtype=np.int64),
    mean=np.array([[0, 0], [-1.0, -3.0]], dtype=np.float32),
    var=np.array([[0, 0], [4.0, 4.0]], dtype=np.float32),
    frac=np.array([0.0, 0.6], dtype=np.float32),
    share=np.ones(2, dtype=np.float32),
    weights=np.concatenate([np.ones((1, N_STATES)), np.zeros((2, N_STATES))]).astype(np.float32),
)


def factor(correlation):
    return np.linalg.cholesky(np.linalg.inv(correlation)).astype(np.float32)


def arrays(n, prior=None):
    belief = np.full((N_STATES, n), 1e-3, dtype=np.float32)
    belief[0] = 1 - 6e-3
    if prior is not None:
        belief[:] = np.asarray(prior, dtype=np.float32)[:, None]
    zeros = np.zeros(n, dtype=np.float32)
    return Belief(belief, zeros, zeros.copy(), np.zeros(n, dtype=np.uint8)), np.zeros(n, dtype=np.uint16)


def beta_of(seasons):
    """Coefficients and bases whose products are these seasons (shift, band): each basis picks one coefficient."""
    beta = np.zeros((4, 5, 1), dtype=np.int16)
    beta[:, : len(seasons), 0] = np.rint(np.asarray(seasons).T * 1e4)
    return beta, (np.eye(len(seasons), 5) * 1e-4).astype(np.float32)


def fold(look, *, cap=50.0, day=1000, state=None, memory=1e-6, identity=1.0):
    looks = np.asarray(look, dtype=np.float32).reshape(4, -1)
    kept, last = state or arrays(looks.shape[1])
    beta, bases = beta_of(BASE)
    noise = Noise(factor(R), np.full(256, SD**2, dtype=np.float32), 5.0, 0.05, 33.0, cap, cap, memory, identity)
    n = looks.shape[1]
    sigma = np.zeros((4, n), dtype=np.uint8)
    update_optical(kept, last, looks, sigma, np.repeat(beta, n, axis=2), bases, day, TEMPLATES, noise)
    return kept, last


def kin_densities(look):
    """Densities (kin, state) of a look, written out with scipy: the share integrated out by hand."""
    t = TEMPLATES
    found = np.zeros((3, N_STATES))
    for share, season in zip(t.season_share, BASE, strict=True):
        found[0, 0] += 0.95 * share * multivariate_t(season, SD**2 * R, df=5).pdf(look)
    for k in range(len(t.state)):
        scale = np.sqrt(SD**2 + t.var[k])
        towards = t.mean[k] - BASE[0]
        covariance = np.outer(scale, scale) * R + t.frac_var[k] * np.outer(towards, towards)
        density = multivariate_normal(BASE[0] + t.frac[k] * towards, covariance).pdf(look)
        found[t.kin[k], t.state[k]] += 0.95 * t.share[k] * density
    return found


def test_transition_moves_and_conserves():
    rates = np.zeros((3, 3))
    rates[0, 1] = 0.01
    moved = transition(rates, 30.0)
    assert moved[0, 1] == pytest.approx(1 - np.exp(-0.3))
    np.testing.assert_allclose(moved.sum(axis=1), 1.0)
    np.testing.assert_allclose(transition(rates, 10.0) @ transition(rates, 20.0), moved)


@pytest.mark.parametrize("n", [5, BLOCK, 2 * BLOCK + 3])
def test_predict_is_the_matrix_product_and_then_the_opening(n):
    rng = np.random.default_rng(1)
    belief = rng.dirichlet(np.ones(N_STATES), n).T.astype(np.float32)
    matrix = rng.dirichlet(np.ones(N_STATES), N_STATES).astype(np.float32)
    opening = rng.uniform(0.0, 0.1, n).astype(np.float32)
    expected = (belief.T @ matrix).T
    for s in set(range(N_STATES)) - {4, 5}:
        expected[4] += expected[s] * opening
        expected[s] *= 1 - opening
    predict(belief, np.zeros(n, dtype=np.float32), matrix, opening, 10.0)
    np.testing.assert_allclose(belief, expected, rtol=1e-5)


LOOKS = [(0.08, 0.09, 0.26, 0.18), (0.12, 0.16, 0.29, 0.28), (0.06, 0.06, 0.09, 0.12), (0.09, 0.11, 0.22, 0.22)]


@pytest.mark.parametrize("look", LOOKS)
def test_update_is_bayes_rule(look):
    before, _ = arrays(1)
    likes = 0.05 * 33.0 + (WEIGHTS * kin_densities(look)).sum(axis=0)
    expected = before.belief[:, 0] * likes
    posterior, _ = fold(look)
    np.testing.assert_allclose(posterior.belief[:, 0], np.maximum(expected / expected.sum(), 1e-7), rtol=2e-3)


def test_a_pixel_is_the_same_wherever_it_stands():
    rng = np.random.default_rng(4)
    looks = rng.uniform(0.03, 0.3, (4, 2 * BLOCK + 9)).astype(np.float32)
    together, _ = fold(looks)
    for at in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 8):
        alone, _ = fold(looks[:, at])
        np.testing.assert_array_equal(alone.belief[:, 0], together.belief[:, at])


def test_kinds_of_bare_ground_are_told_apart_only_as_far_as_identity_says():
    look = (0.15, 0.2, 0.3, 0.35)
    bare = kin_densities(look)[1]
    posterior, _ = fold(look, identity=0.2)
    likes = bare[[3, 4]].max() * (bare[[3, 4]] / bare[[3, 4]].max()) ** 0.2 + 0.05 * 33.0
    assert posterior.belief[4, 0] / posterior.belief[3, 0] == pytest.approx(likes[1] / likes[0], rel=2e-3)
    plain, _ = fold(look)
    assert plain.belief[4, 0] / plain.belief[3, 0] > posterior.belief[4, 0] / posterior.belief[3, 0] > 1.0


def test_a_season_that_is_late_is_still_stable():
    posterior, _ = fold(tuple(BASE[1]))
    assert posterior.belief[0, 0] > 0.98


def test_evidence_is_bounded():
    posterior, _ = fold((0.15, 0.2, 0.3, 0.35), cap=3.0)
    odds = (posterior.belief[4, 0] / posterior.belief[0, 0]) / (1e-3 / (1 - 6e-3))
    assert odds == pytest.approx(np.exp(3.0), rel=1e-3)


def test_a_look_the_same_day_adds_little():
    first = fold((0.15, 0.2, 0.3, 0.35), cap=2.0, memory=5.0)
    once = float(first[0].belief[4, 0])
    again = fold((0.15, 0.2, 0.3, 0.35), cap=2.0, memory=5.0, state=first)
    apart = fold((0.15, 0.2, 0.3, 0.35), cap=2.0, memory=5.0, day=1100, state=fold((0.15, 0.2, 0.3, 0.35), cap=2.0))
    assert once < again[0].belief[4, 0] < apart[0].belief[4, 0]


def test_unseen_pixels_are_left_alone_beside_seen_ones():
    looks = np.array([[np.nan] * 4, [0.15, 0.2, 0.3, 0.35]], dtype=np.float32).T
    before, last_before = arrays(2)
    after, last = fold(looks)
    np.testing.assert_array_equal(after.belief[:, 0], before.belief[:, 0])
    assert after.belief[4, 1] > 5 * before.belief[4, 1]
    assert list(last) == [last_before[0], 1000]
    assert list(after.looks) == [0, 1]
    assert after.mined_frac[0] == 0.0


def _walk(looks_by_day, last_day, opening_per_day=1e-4):
    """Fold looks in on their days, the land opening at a constant rate between them; returns the state."""
    state = arrays(1, [1 - 6e-7, *[1e-7] * 6])
    state[0].onset_day[:] = 0.0
    matrix = np.eye(N_STATES, dtype=np.float32)
    for day in range(1, last_day + 1):
        opening = np.full(1, opening_per_day, dtype=np.float32)
        predict(state[0].belief, state[0].onset_day, matrix, opening, day - 0.5)
        if day in looks_by_day:
            fold(looks_by_day[day], state=state, day=day)
    return state[0]


SAME, BARE = (0.08, 0.09, 0.26, 0.18), (0.15, 0.2, 0.3, 0.35)


def test_digging_is_dated_between_the_last_innocent_look_and_the_first_suspicious_one():
    seen = dict.fromkeys(range(10, 100, 10), SAME) | dict.fromkeys(range(130, 190, 10), BARE)
    kept = _walk(seen, 190)
    assert kept.belief[4, 0] > 0.9
    assert 100 <= kept.onset_day[0] <= 120  # nobody looked from day 90 to day 130


def test_a_gap_without_looks_does_not_move_the_date_of_what_opens_after_it():
    seen = {10: SAME, 300: SAME, 310: SAME} | dict.fromkeys(range(320, 380, 10), BARE)
    assert 305 <= _walk(seen, 380).onset_day[0] <= 320


def test_the_expected_day_of_opening_is_that_of_bayes_rule_over_all_days():
    seen = {40: SAME, 60: (0.1, 0.12, 0.27, 0.22), 80: BARE}
    kept = _walk(seen, 90)
    likes = {day: 0.05 * 33.0 + (WEIGHTS * kin_densities(look)).sum(axis=0) for day, look in seen.items()}
    mass = np.zeros(91)
    for opened in range(1, 91):
        stable = np.prod([likes[day][0] for day in seen if day < opened])
        dug = np.prod([likes[day][4] for day in seen if day >= opened])
        mass[opened] = (1 - 1e-4) ** (opened - 1) * 1e-4 * stable * dug
    expected = (mass * (np.arange(91) - 0.5)).sum() / mass.sum()
    assert kept.onset_day[0] == pytest.approx(expected, abs=0.1)


def test_mined_share_is_a_by_product():
    prior = [0.3, 1e-3, 1e-3, 1e-3, 0.695, 1e-3, 1e-3]
    half, _ = fold((0.115, 0.145, 0.28, 0.265), state=arrays(1, prior))
    full, _ = fold((0.2, 0.28, 0.36, 0.4), state=arrays(1, prior))
    assert 0.35 < half.mined_frac[0] < 0.65
    assert full.mined_frac[0] > 0.85


def test_radar_drop_speaks_for_digging():
    kept, last = arrays(2)
    residual = np.array([[-1.0, 0.1], [-3.0, 0.0]], dtype=np.float32)
    noise = Noise(factor(R_RADAR), np.ones(256, dtype=np.float32), 100.0, 0.05, 1 / 225, 2.0, 2.0, 4.0, 1.0)
    update_radar(kept, last, residual, np.zeros((2, 2), dtype=np.uint8), 1000, RADAR, noise)
    assert kept.belief[4, 0] > 3 * kept.belief[4, 1]
    np.testing.assert_allclose(kept.belief.sum(axis=0), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(kept.looks, 1)
    np.testing.assert_array_equal(last, 1000)


@pytest.mark.parametrize("residual", [(-1.0, -3.0), (0.5, 0.2), (-4.0, -2.0)])
def test_radar_update_is_bayes_rule(residual):
    kept, last = arrays(1)
    noise = Noise(factor(R_RADAR), np.full(256, 1.21, dtype=np.float32), 100.0, 0.05, 1 / 225, 50.0, 50.0, 1e-6, 1.0)
    likes = np.full(N_STATES, 0.05 / 225)
    for k in range(2):
        scale = np.sqrt(1.21 + RADAR.var[k])
        likes[RADAR.state[k]] += 0.95 * multivariate_normal(RADAR.mean[k], np.outer(scale, scale) * R_RADAR).pdf(
            residual
        )
    expected = kept.belief[:, 0] * likes
    look = np.array(residual, dtype=np.float32)[:, None]
    update_radar(kept, last, look, np.zeros((2, 1), dtype=np.uint8), 1000, RADAR, noise)
    np.testing.assert_allclose(kept.belief[:, 0], expected / expected.sum(), rtol=2e-3)
