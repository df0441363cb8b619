"""The belief kernels against Bayes' rule written out."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from kpgeo.kernels.belief import predict, transition, update_optical, update_radar

N_STATES = 7
R = np.array([[1.0, 0.8, 0.3, 0.4], [0.8, 1.0, 0.1, 0.5], [0.3, 0.1, 1.0, 0.0], [0.4, 0.5, 0.0, 1.0]])
MEAN = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0.05, 0.05, 0.07, 0.1],
    [0.15, 0.2, 0.3, 0.35],
    [0.2, 0.28, 0.36, 0.4],
    [0.1, 0.1, 0.05, 0.02],
    [0.1, 0.14, 0.24, 0.27],
]
WEIGHTS = np.zeros((3, N_STATES))
WEIGHTS[0, [0, 1]] = 1.0
WEIGHTS[1, [3, 4]] = 1.0
WEIGHTS[2, 5] = 1.0
TEMPLATES = (
    np.array([0, 0, 1, 4, 4, 5, 3]),  # state
    np.array([0, 0, 0, 1, 1, 2, 1]),  # kin
    np.array([0, 1, 0, 0, 0, 0, 0]),  # shift
    np.array([0.0, 0.0, 1.0, 0.5, 0.9, 0.8, 1.0], dtype=np.float32),
    np.array(MEAN, dtype=np.float32),
    np.full((7, 4), 0.03**2, dtype=np.float32),
    np.array([0.5, 0.5, 1.0, 0.5, 0.5, 1.0, 1.0], dtype=np.float32),
    WEIGHTS,
)
RADAR = (
    np.array([0, 4]),
    np.zeros(2, dtype=np.int64),
    np.zeros(2, dtype=np.int64),
    np.zeros(2, dtype=np.float32),
    np.array([[0, 0], [-1.0, -3.0]], dtype=np.float32),
    np.array([[0, 0], [4.0, 4.0]], dtype=np.float32),
    np.ones(2, dtype=np.float32),
    np.ones((1, N_STATES)),
)
BASE = np.array([[0.08, 0.09, 0.26, 0.18], [0.09, 0.11, 0.22, 0.22]])
SD = 0.015


def arrays(n, prior=None):
    belief = np.full((N_STATES, n), 1e-3, dtype=np.float32)
    belief[0] = 1 - 6e-3
    if prior is not None:
        belief[:] = np.asarray(prior, dtype=np.float32)[:, None]
    days = np.zeros(n, dtype=np.uint16)
    return belief, days, np.zeros(n, dtype=np.float32), np.zeros(n, dtype=np.uint8), days.copy()


def fold(look, *, cap=50.0, day=1000, state=None, memory=1e-6, identity=1.0):
    look = np.asarray(look, dtype=np.float32)[:, None]
    state = state or arrays(1)
    fitted = BASE.astype(np.float32)[:, :, None]
    sigma = np.full((4, 1), SD, dtype=np.float32)
    noise = (np.linalg.inv(R), 0.05, 33.0, cap, memory, identity)
    update_optical(*state, look, fitted, sigma, day, TEMPLATES, noise)
    return state


def kin_densities(look):
    """Densities (kin, state) of a look, written out with scipy."""
    found = np.zeros((3, N_STATES))
    for state, kin, shift, frac, mean, var, share, _ in zip(*TEMPLATES[:7], TEMPLATES[0], strict=True):
        scale = np.sqrt(SD**2 + frac**2 * var)
        expected = BASE[shift] + frac * (mean - BASE[shift])
        found[kin, state] += 0.95 * share * multivariate_normal(expected, np.outer(scale, scale) * R).pdf(look)
    return found


def test_transition_moves_and_conserves():
    rates = np.zeros((3, 3))
    rates[0, 1] = 0.01
    moved = transition(rates, 30.0)
    assert moved[0, 1] == pytest.approx(1 - np.exp(-0.3))
    np.testing.assert_allclose(moved.sum(axis=1), 1.0)
    np.testing.assert_allclose(transition(rates, 10.0) @ transition(rates, 20.0), moved)


def test_predict_is_the_matrix_product():
    rng = np.random.default_rng(1)
    belief = rng.dirichlet(np.ones(N_STATES), 5).T.astype(np.float32)
    matrices = rng.dirichlet(np.ones(N_STATES), (2, N_STATES)).astype(np.float32)
    classes = np.array([0, 1, 0, 1, 1], dtype=np.uint8)
    expected = np.stack([belief[:, i] @ matrices[c] for i, c in enumerate(classes)], axis=1)
    predict(belief, matrices, classes)
    np.testing.assert_allclose(belief, expected, rtol=1e-5)


LOOKS = [(0.08, 0.09, 0.26, 0.18), (0.12, 0.16, 0.29, 0.28), (0.06, 0.06, 0.09, 0.12), (0.09, 0.11, 0.22, 0.22)]


@pytest.mark.parametrize("look", LOOKS)
def test_update_is_bayes_rule(look):
    belief, *_ = arrays(1)
    likes = 0.05 * 33.0 + (WEIGHTS * kin_densities(look)).sum(axis=0)
    expected = belief[:, 0] * likes
    posterior, *_ = fold(look)
    np.testing.assert_allclose(posterior[:, 0], expected / expected.sum(), rtol=2e-3)


def test_kinds_of_bare_ground_are_told_apart_only_as_far_as_identity_says():
    look = (0.15, 0.2, 0.3, 0.35)
    bare = kin_densities(look)[1]
    posterior, *_ = fold(look, identity=0.2)
    likes = bare[[3, 4]].max() * (bare[[3, 4]] / bare[[3, 4]].max()) ** 0.2 + 0.05 * 33.0
    assert posterior[4, 0] / posterior[3, 0] == pytest.approx(likes[1] / likes[0], rel=2e-3)
    plain, *_ = fold(look)
    assert plain[4, 0] / plain[3, 0] > posterior[4, 0] / posterior[3, 0] > 1.0


def test_a_season_that_is_late_is_still_stable():
    posterior, *_ = fold(tuple(BASE[1]))
    assert posterior[0, 0] > 0.99


def test_evidence_is_bounded():
    posterior, *_ = fold((0.15, 0.2, 0.3, 0.35), cap=3.0)
    odds = (posterior[4, 0] / posterior[0, 0]) / (1e-3 / (1 - 6e-3))
    assert odds == pytest.approx(np.exp(3.0), rel=1e-3)


def test_a_look_the_same_day_adds_little():
    once = fold((0.15, 0.2, 0.3, 0.35), cap=2.0, memory=5.0)
    first = once[0][4, 0]
    again = fold((0.15, 0.2, 0.3, 0.35), cap=2.0, memory=5.0, state=once)
    fresh = fold((0.15, 0.2, 0.3, 0.35), cap=2.0, memory=5.0, day=1100, state=fold((0.15, 0.2, 0.3, 0.35), cap=2.0))
    assert first < again[0][4, 0] < fresh[0][4, 0]


def test_unseen_pixels_are_left_alone():
    before = arrays(1)
    after = fold((np.nan,) * 4, state=arrays(1))
    for ours, theirs in zip(before, after, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_onset_is_dated_between_the_looks_and_forgotten_when_it_was_nothing():
    state = fold((0.08, 0.09, 0.26, 0.18), day=1000, cap=1.0)
    state = fold((0.15, 0.2, 0.3, 0.35), day=1010, state=state)
    assert state[1][0] == 1005
    for day in range(1020, 1060, 10):
        state = fold((0.08, 0.09, 0.26, 0.18), day=day, state=state)
    assert state[1][0] == 0


def test_mined_share_is_a_by_product():
    prior = [0.3, 1e-3, 1e-3, 1e-3, 0.695, 1e-3, 1e-3]
    _, _, half, _, _ = fold((0.115, 0.145, 0.28, 0.265), state=arrays(1, prior))
    _, _, full, _, _ = fold((0.19, 0.26, 0.35, 0.38), state=arrays(1, prior))
    assert 0.4 < half[0] < 0.65
    assert full[0] > 0.8


def test_radar_drop_speaks_for_digging():
    belief, onset, frac, looks, last = arrays(2)
    residual = np.array([[-1.0, 0.1], [-3.0, 0.0]], dtype=np.float32)
    sigma = np.full((2, 2), 1.0, dtype=np.float32)
    noise = (np.linalg.inv(np.array([[1.0, 0.4], [0.4, 1.0]])), 0.05, 1 / 225, 2.0, 4.0, 1.0)
    update_radar(belief, onset, frac, looks, last, residual, sigma, 1000, RADAR, noise)
    assert belief[4, 0] > 3 * belief[4, 1]
    np.testing.assert_allclose(belief.sum(axis=0), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(looks, 1)
    np.testing.assert_array_equal(last, 1000)
