"""The robust season fit against independent arithmetic."""

import numpy as np
import pytest

from kpgeo.kernels.season import INT16_NODATA, fit_season, harmonic_basis

STEP = 1e-4


def irls(y, basis, floor, c, reweights):
    """Plain float64 IRLS with the shared worst-band weight: y is (time, band)."""
    weights = np.ones(len(y))
    for _ in range(reweights + 1):
        gram = (basis * weights[:, None]).T @ basis
        gram[np.arange(1, basis.shape[1]), np.arange(1, basis.shape[1])] += 0.5
        beta = np.linalg.solve(gram, (basis * weights[:, None]).T @ y)
        residual = y - basis @ beta
        magnitude = np.sort(np.abs(residual), axis=0)[(len(y) + 1) // 2 - 1]
        sigma = np.maximum(1.4826 * magnitude, floor)
        u = (np.abs(residual) / sigma).max(axis=1) / c
        weights = np.where(u < 1, (1 - u**2) ** 2, 0.0)
    return beta, sigma


@pytest.fixture
def history():
    rng = np.random.default_rng(5)
    days = np.sort(rng.choice(np.arange(18_000, 18_730), 120, replace=False))
    basis = harmonic_basis(days, 5)
    beta = rng.normal(0, 0.04, (3, 5, 20))
    beta[:, 0] = 0.2
    series = np.einsum("tc,bcp->tbp", basis, beta) + rng.normal(0, 0.01, (120, 3, 20))
    series += np.where(rng.random((120, 1, 20)) < 0.08, 0.25, 0.0)
    stack = np.rint(series / STEP).astype(np.int16)
    return days, basis, beta, stack


def test_matches_plain_irls(history):
    _, basis, _, stack = history
    beta, sigma = fit_season(stack, basis, STEP, 0.004, 4.685, 5, 15)
    for pixel in range(stack.shape[2]):
        expected, scale = irls(stack[:, :, pixel] * STEP, basis.astype(np.float64), 0.004, 4.685, 5)
        np.testing.assert_allclose(beta[:, :, pixel].T, expected, atol=2e-3)
        np.testing.assert_allclose(sigma[:, pixel], scale * np.sqrt((120 + 5) / (120 - 5)), rtol=0.15)


def test_outliers_do_not_move_the_season(history):
    _, basis, truth, stack = history
    robust, _ = fit_season(stack, basis, STEP, 0.004, 4.685, 5, 15)
    plain, _ = fit_season(stack, basis, STEP, 0.004, 1e6, 1, 15)
    assert np.abs(robust - truth).mean() < 0.5 * np.abs(plain - truth).mean()


def test_clear_looks_alone_count(history):
    _, basis, _, stack = history
    gaps = stack.copy()
    gaps[::3] = INT16_NODATA
    with_gaps, _ = fit_season(gaps, basis, STEP, 0.004, 4.685, 5, 15)
    kept = np.arange(len(stack)) % 3 != 0
    without, _ = fit_season(stack[kept], basis[kept], STEP, 0.004, 4.685, 5, 15)
    np.testing.assert_array_equal(with_gaps, without)


def test_too_few_looks_are_left_open(history):
    _, basis, _, stack = history
    thin = stack.copy()
    thin[10:, :, 3] = INT16_NODATA
    beta, sigma = fit_season(thin, basis, STEP, 0.004, 4.685, 5, 15)
    assert np.isnan(beta[:, :, 3]).all()
    assert np.isnan(sigma[:, 3]).all()
    assert np.isfinite(np.delete(sigma, 3, axis=1)).all()


def test_basis_repeats_every_year():
    basis = harmonic_basis(np.array([100, 100 + 1461]), 5)
    np.testing.assert_allclose(basis[0], basis[1], atol=1e-5)
    assert basis.shape == (2, 5)
    np.testing.assert_array_equal(basis[:, 0], 1.0)
