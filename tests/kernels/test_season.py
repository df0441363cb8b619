"""The robust season fit against independent arithmetic."""

import numpy as np
import pytest

from kpgeo.kernels.season import INT16_NODATA, LANES, FitRule, fit_season, harmonic_basis

STEP = 1e-4
RULE = FitRule(step=STEP, floor=0.004, bisquare_c=4.685, reweights=5, min_looks=15)


def solve_weighted(y, basis, weights):
    """Weighted least squares in float64 with the fit's ridge: y is (time, band)."""
    ridge = np.diag([1e-6] + [0.5] * (basis.shape[1] - 1))
    return np.linalg.solve((basis * weights[:, None]).T @ basis + ridge, (basis * weights[:, None]).T @ y)


def irls(y, basis, rule, reweights, base=1.0):
    """Plain float64 IRLS with the shared worst-band weight: y is (time, band), seen everywhere."""
    weights = np.ones(len(y)) * base
    for _ in range(reweights + 1):
        beta = solve_weighted(y, basis, weights)
        residual = np.abs(y - basis @ beta)
        magnitude = np.sort(residual, axis=0)[(len(y) + 1) // 2 - 1]
        sigma = np.maximum(1.4826 * magnitude, rule.floor)
        u = (residual / sigma).max(axis=1) / rule.bisquare_c
        weights = np.where(u < 1, (1 - u**2) ** 2, 0.0) * base
    return beta, sigma


def make_stack(seed=5, n_px=20, n_bands=3, n_coefs=5, n_time=120, junk_frac=0.08):
    rng = np.random.default_rng(seed)
    days = np.sort(rng.choice(np.arange(18_000, 18_730), n_time, replace=False))
    basis = harmonic_basis(days, n_coefs)
    beta = rng.normal(0, 0.04, (n_bands, n_coefs, n_px))
    beta[:, 0] = 0.2
    series = np.einsum("tc,bcp->tbp", basis, beta) + rng.normal(0, 0.01, (n_time, n_bands, n_px))
    series += np.where(rng.random((n_time, 1, n_px)) < junk_frac, 0.25, 0.0)
    return basis, beta, np.rint(series / STEP).astype(np.int16)


@pytest.fixture
def history():
    return make_stack()


@pytest.mark.parametrize(("n_bands", "n_coefs"), [(4, 5), (2, 3), (1, 1)])
def test_matches_plain_irls_step_for_step(n_bands, n_coefs):
    basis, _, stack = make_stack(n_bands=n_bands, n_coefs=n_coefs)
    beta, sigma = fit_season(stack, basis, RULE)
    inflation = np.sqrt((120 + n_coefs) / (120 - n_coefs))
    for pixel in range(stack.shape[2]):
        expected, scale = irls(stack[:, :, pixel] * STEP, basis.astype(np.float64), RULE, RULE.reweights)
        np.testing.assert_allclose(beta[:, :, pixel].T, expected, atol=2e-4)
        np.testing.assert_allclose(sigma[:, pixel], scale * inflation, atol=2 * STEP)


def test_is_near_the_converged_fit(history):
    basis, _, stack = history
    beta, _ = fit_season(stack, basis, RULE)
    plain, _ = fit_season(stack, basis, FitRule(**{**vars(RULE), "reweights": 0}))
    exact = basis.astype(np.float64)
    converged = np.stack([irls(stack[:, :, p] * STEP, exact, RULE, 60)[0].T for p in range(stack.shape[2])], axis=2)
    off = np.abs(np.einsum("tc,bcp->tbp", exact, beta - converged))
    off_plain = np.abs(np.einsum("tc,bcp->tbp", exact, plain - converged))
    assert np.quantile(off, 0.9) < 1e-3 < 1e-2 < np.median(off_plain)


def test_without_outliers_and_reweights_it_is_the_closed_form():
    basis, _, stack = make_stack(junk_frac=0.0)
    beta, sigma = fit_season(stack, basis, FitRule(**{**vars(RULE), "reweights": 0, "floor": 0.001}))
    for pixel in range(stack.shape[2]):
        y = stack[:, :, pixel] * STEP
        expected = solve_weighted(y, basis.astype(np.float64), np.ones(len(y)))
        np.testing.assert_allclose(beta[:, :, pixel].T, expected, atol=2e-6)
        magnitude = np.sort(np.abs(y - basis @ expected), axis=0)[59]
        np.testing.assert_allclose(sigma[:, pixel], 1.4826 * magnitude * np.sqrt(125 / 115), atol=1.5 * STEP)


def test_outliers_do_not_move_the_season(history):
    basis, truth, stack = history
    robust, _ = fit_season(stack, basis, RULE)
    plain, _ = fit_season(stack, basis, FitRule(**{**vars(RULE), "bisquare_c": 1e6}))
    assert np.abs(robust - truth).mean() < 0.5 * np.abs(plain - truth).mean()


def test_a_look_hazy_in_one_band_counts_in_none():
    basis, _, stack = make_stack(junk_frac=0.0)
    hazy = stack.copy()
    hazy[::9, 2] += 4000
    beta, _ = fit_season(hazy, basis, RULE)
    kept = np.arange(len(stack)) % 9 != 0
    without, _ = fit_season(stack[kept], basis[kept], RULE)
    np.testing.assert_allclose(beta[:2], without[:2], atol=1.5e-3)


def test_clear_looks_alone_count(history):
    basis, _, stack = history
    gaps = stack.copy()
    gaps[::3, 1] = INT16_NODATA
    kept = np.arange(len(stack)) % 3 != 0
    for fitted, without in zip(fit_season(gaps, basis, RULE), fit_season(stack[kept], basis[kept], RULE), strict=True):
        np.testing.assert_allclose(fitted, without, atol=2 * STEP)


def test_looks_of_base_weight_nothing_are_left_out(history):
    basis, _, stack = history
    base = np.full((len(stack), stack.shape[2]), 255, dtype=np.uint8)
    np.testing.assert_array_equal(fit_season(stack, basis, RULE, base)[0], fit_season(stack, basis, RULE)[0])
    base[70:, 4] = 0
    gone = stack.copy()
    gone[70:, :, 4] = INT16_NODATA
    for fitted, expected in zip(fit_season(stack, basis, RULE, base), fit_season(gone, basis, RULE), strict=True):
        np.testing.assert_array_equal(fitted, expected)


def test_a_mined_time_does_not_become_the_season(history):
    basis, truth, stack = history
    mined = stack.copy()
    mined[50:, :, 7] += 1500
    base = np.full((len(stack), stack.shape[2]), 255, dtype=np.uint8)
    base[50:, 7] = 0
    learnt, _ = fit_season(mined, basis, RULE)
    assert np.abs(learnt[:, 0, 7] - truth[:, 0, 7]).min() > 0.05
    spared, _ = fit_season(mined, basis, RULE, base)
    assert np.abs(spared[:, 0, 7] - truth[:, 0, 7]).max() < 0.02


def test_partial_base_weights_scale_the_weights(history):
    basis, _, stack = history
    base = np.full((len(stack), stack.shape[2]), 255, dtype=np.uint8)
    base[::2] = 51
    beta, sigma = fit_season(stack, basis, RULE, base)
    share = np.where(np.arange(len(stack)) % 2, 1.0, 0.2)
    for pixel in range(stack.shape[2]):
        expected, scale = irls(stack[:, :, pixel] * STEP, basis.astype(np.float64), RULE, RULE.reweights, share)
        np.testing.assert_allclose(beta[:, :, pixel].T, expected, atol=2e-4)
        np.testing.assert_allclose(sigma[:, pixel], scale * np.sqrt((72 + 5) / (72 - 5)), atol=2 * STEP)


def test_grouping_of_pixels_changes_nothing():
    basis, _, stack = make_stack(n_px=2 * LANES + 37, n_bands=2)
    stack[np.random.default_rng(1).random(stack.shape) < 0.2] = INT16_NODATA
    whole = fit_season(stack, basis, RULE)
    for cuts in ([1, 5, LANES], [LANES - 1, 2 * LANES + 1]):
        parts = [fit_season(np.ascontiguousarray(part), basis, RULE) for part in np.split(stack, cuts, axis=2)]
        for field in (0, 1):
            np.testing.assert_array_equal(np.concatenate([part[field] for part in parts], axis=-1), whole[field])


def test_min_looks_are_enough_and_fewer_are_left_open(history):
    basis, _, stack = history
    thin = stack.copy()
    thin[14:, :, 3] = INT16_NODATA
    thin[15:, :, 4] = INT16_NODATA
    thin[:, :, 5] = INT16_NODATA
    beta, sigma = fit_season(thin, basis, RULE)
    assert np.isnan(beta[:, :, [3, 5]]).all()
    assert np.isnan(sigma[:, [3, 5]]).all()
    assert np.isfinite(np.delete(sigma, [3, 5], axis=1)).all()
    assert np.isfinite(np.delete(beta, [3, 5], axis=2)).all()


def test_a_look_count_that_is_no_multiple_of_the_unrolling(history):
    basis, _, stack = history
    for n_time in (17, 23, 24, 119):
        beta, _ = fit_season(stack[:n_time], basis[:n_time], FitRule(**{**vars(RULE), "reweights": 0}))
        y = stack[:n_time, :, 0] * STEP
        expected = solve_weighted(y, basis[:n_time].astype(np.float64), np.ones(n_time))
        np.testing.assert_allclose(beta[:, :, 0].T, expected, atol=2e-4)


def test_no_looks_at_all_leave_all_open():
    beta, sigma = fit_season(np.empty((0, 2, 3), np.int16), np.empty((0, 3), np.float32), RULE)
    assert beta.shape == (2, 3, 3)
    assert np.isnan(beta).all()
    assert np.isnan(sigma).all()


def test_basis_repeats_every_year():
    basis = harmonic_basis(np.array([100, 100 + 1461]), 5)
    np.testing.assert_allclose(basis[0], basis[1], atol=1e-5)
    assert basis.shape == (2, 5)
    np.testing.assert_array_equal(basis[:, 0], 1.0)
