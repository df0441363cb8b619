"""The season of a pixel: harmonic basis and robust fit.

A look on day t is modelled as x_b(t) = h(t) . beta_b + noise, h = (1, cos wt, sin wt, cos 2wt, sin 2wt),
w = 2 pi / 365.25 (Zhu & Woodcock 2014, eq. 1, without trend: a trend would learn a slowly growing mine as normal). The
fit is iteratively reweighted least squares with Tukey's bisquare (Holland & Welsch 1977); the weight of a look is
common to its bands and set by its worst band, so a look that was hazy in one band counts little in all.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

YEAR_DAYS = 365.25
INT16_NODATA = -32768


def harmonic_basis(days: NDArray[np.int64], n_coefs: int) -> NDArray[np.float32]:
    """Return h(t), shape (time, n_coefs), for day numbers; n_coefs is 1, 3 or 5."""
    angle = 2.0 * np.pi * np.asarray(days, dtype=np.float64) / YEAR_DAYS
    columns = [np.ones_like(angle)]
    for order in range(1, (n_coefs - 1) // 2 + 1):
        columns += [np.cos(order * angle), np.sin(order * angle)]
    return np.stack(columns, axis=1).astype(np.float32)


@njit(cache=True, nogil=True)
def _solve(gram, right, n, n_bands):  # type: ignore[no-untyped-def]
    """Solve gram @ beta = right in place by Cholesky, for every band; returns False where gram is singular."""
    for i in range(n):
        for j in range(i + 1):
            s = gram[i, j]
            for k in range(j):
                s -= gram[i, k] * gram[j, k]
            if i == j:
                if s <= 1e-9:
                    return False
                gram[i, i] = np.sqrt(s)
            else:
                gram[i, j] = s / gram[j, j]
    for b in range(n_bands):
        for i in range(n):
            s = right[b, i]
            for k in range(i):
                s -= gram[i, k] * right[b, k]
            right[b, i] = s / gram[i, i]
        for i in range(n - 1, -1, -1):
            s = right[b, i]
            for k in range(i + 1, n):
                s -= gram[k, i] * right[b, k]
            right[b, i] = s / gram[i, i]
    return True


@njit(cache=True, nogil=True)
def _median_abs(values, n, scratch):  # type: ignore[no-untyped-def]
    """Median of |values[:n]|, by bisection on the count (14 halvings of the range): no sort, no allocation."""
    top = 0.0
    for i in range(n):
        a = abs(values[i])
        scratch[i] = a
        top = max(top, a)
    low, high = 0.0, top
    half = (n + 1) // 2
    for _ in range(14):
        middle = 0.5 * (low + high)
        below = 0
        for i in range(n):
            if scratch[i] <= middle:
                below += 1
        if below >= half:
            high = middle
        else:
            low = middle
    return high


@njit(cache=True, nogil=True)
def _accumulate(series, basis, weights, picks, n, gram, right):  # type: ignore[no-untyped-def]
    """Weighted normal equations of one pixel, with a small ridge on the harmonics."""
    n_bands, n_coefs = series.shape[0], basis.shape[1]
    gram[:] = 0.0
    right[:] = 0.0
    for i in range(n):
        w = weights[i]
        if w <= 0.0:
            continue
        h = basis[picks[i]]
        for j in range(n_coefs):
            wh = w * h[j]
            for k in range(j + 1):
                gram[j, k] += wh * h[k]
            for b in range(n_bands):
                right[b, j] += wh * series[b, i]
    for j in range(1, n_coefs):
        gram[j, j] += 0.5
    gram[0, 0] += 1e-6


@njit(cache=True, nogil=True)
def _reweigh(series, basis, picks, n, beta, floor, c, residual, scratch, sigma, weights):  # type: ignore[no-untyped-def]
    """Residual scales of all bands, then each look's bisquare weight by its worst band."""
    n_bands, n_coefs = series.shape[0], basis.shape[1]
    for b in range(n_bands):
        for i in range(n):
            fitted = 0.0
            for j in range(n_coefs):
                fitted += basis[picks[i], j] * beta[b, j]
            residual[b, i] = series[b, i] - fitted
        sigma[b] = max(1.4826 * _median_abs(residual[b], n, scratch), floor)
    for i in range(n):
        worst = 0.0
        for b in range(n_bands):
            worst = max(worst, abs(residual[b, i]) / sigma[b])
        u = worst / c
        weights[i] = (1.0 - u * u) ** 2 if u < 1.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def fit_season(stack, basis, step, floor, c, reweights, min_looks):  # type: ignore[no-untyped-def]
    """Fit every pixel's season robustly.

    Parameters
    ----------
    stack : int16 (time, band, pixel)
        Looks in units of `step`; `INT16_NODATA` where not clear.
    basis : float32 (time, coef)
        `harmonic_basis` of the looks' days.
    step, floor : float
        Unit of the stack and smallest scale, both in the looks' unit.
    c : float
        Bisquare constant.
    reweights, min_looks : int
        Reweighting steps; pixels with fewer clear looks are left NaN.

    Returns
    -------
    beta : float32 (band, coef, pixel)
        NaN where there were too few looks.
    sigma : float32 (band, pixel)
        Scatter of a new look: robust residual scale (1.4826 MAD) times sqrt((n + p) / (n - p)) for n looks and p
        coefficients, what fitting took from the residuals and adds to a prediction (Seber & Lee 2003, sec. 5.2).
    """
    n_time, n_bands, n_px = stack.shape
    n_coefs = basis.shape[1]
    beta_out = np.full((n_bands, n_coefs, n_px), np.nan, dtype=np.float32)
    sigma_out = np.full((n_bands, n_px), np.nan, dtype=np.float32)
    series = np.empty((n_bands, n_time), dtype=np.float32)
    residual = np.empty((n_bands, n_time), dtype=np.float32)
    scratch = np.empty(n_time, dtype=np.float32)
    weights = np.empty(n_time, dtype=np.float32)
    picks = np.empty(n_time, dtype=np.int64)
    gram = np.empty((n_coefs, n_coefs), dtype=np.float64)
    beta = np.empty((n_bands, n_coefs), dtype=np.float64)
    sigma = np.empty(n_bands, dtype=np.float32)
    for p in range(n_px):
        n = 0
        for t in range(n_time):
            if stack[t, 0, p] != INT16_NODATA:
                for b in range(n_bands):
                    series[b, n] = stack[t, b, p] * step
                picks[n] = t
                weights[n] = 1.0
                n += 1
        if n < min_looks:
            continue
        solved = True
        for _ in range(reweights + 1):
            _accumulate(series, basis, weights, picks, n, gram, beta)
            solved = _solve(gram, beta, n_coefs, n_bands)
            if not solved:
                break
            _reweigh(series, basis, picks, n, beta, floor, c, residual, scratch, sigma, weights)
        if solved:
            inflation = np.sqrt((n + n_coefs) / max(n - n_coefs, 1))
            for b in range(n_bands):
                sigma_out[b, p] = sigma[b] * inflation
                for j in range(n_coefs):
                    beta_out[b, j, p] = beta[b, j]
    return beta_out, sigma_out
