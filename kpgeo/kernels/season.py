"""The season of a pixel: harmonic basis and robust fit.

A look on day t is modelled as x_b(t) = h(t) . beta_b + noise, h = (1, cos wt, sin wt, cos 2wt, sin 2wt),
w = 2 pi / 365.25 (Zhu & Woodcock 2014, eq. 1, without trend: a trend would learn a slowly growing mine as normal). The
fit is iteratively reweighted least squares with Tukey's bisquare (Holland & Welsch 1977); the weight of a look is
common to its bands and set by its worst band, so a look that was hazy in one band counts little in all.

How it is made fast: `LANES` pixels are fitted side by side, and every inner loop runs over them, with a trip count
that is known when it is compiled, over at most three flat arrays; that is what the compiler turns into vector
instructions. `DATES` dates are added to a sum in one go, so that sums are read and written seldom. The looks of a block
stay int16, and so do its absolute residuals (in units of `step`), whose median is then exact and found bit by bit. The
looks' weights live for `DATES` dates only. A last block that is not full is filled up with pixels never seen: how
pixels are grouped does not change their fit.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

YEAR_DAYS = 365.25
MONTH_DAYS = YEAR_DAYS / 12.0
INT16_NODATA = -32768
LANES = 256
DATES = 8
_MAX_COEFS = 5
_ABSENT = 32767
_TOP_BIT = 12
_MAD_TO_SIGMA = np.float32(1.4826)
_RIDGE = np.float32(0.5)
_LEVEL_RIDGE = np.float32(1e-6)
_LEAST_PIVOT = np.float32(1e-3)
_LEAST_WEIGHT = np.float32(1e-2)
_MAX_ABS = np.float32(_ABSENT - 1)
_HALF = np.float32(0.5)
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_BASE_SCALE = np.float32(1.0 / 255.0)
_FAST = {"contract", "nsz", "arcp"}


@dataclass(frozen=True, kw_only=True)
class FitRule:
    """How a season is fitted.

    Attributes
    ----------
    step : float
        Unit of the int16 looks, in the looks' own unit.
    floor : float
        Smallest residual scale, in the looks' own unit; many times `step`, in which residuals are counted.
    bisquare_c : float
        Tukey's constant, in robust scales.
    reweights : int
        Reweighting steps after the first, unweighted fit.
    min_looks : int
        Pixels with fewer clear looks are left NaN.
    """

    step: float
    floor: float
    bisquare_c: float
    reweights: int
    min_looks: int


def harmonic_basis(days: NDArray[np.int64], n_coefs: int) -> NDArray[np.float32]:
    """Return h(t), shape (time, n_coefs), for day numbers; n_coefs is 1, 3 or 5."""
    angle = 2.0 * np.pi * np.asarray(days, dtype=np.float64) / YEAR_DAYS
    columns = [np.ones_like(angle)]
    for order in range(1, (n_coefs - 1) // 2 + 1):
        columns += [np.cos(order * angle), np.sin(order * angle)]
    return np.stack(columns, axis=1).astype(np.float32)


def fit_season(
    stack: NDArray[np.int16],
    basis: NDArray[np.float32],
    rule: FitRule,
    base_weight: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit every pixel's season robustly.

    Parameters
    ----------
    stack : int16 (time, band, pixel)
        Looks in units of `rule.step`; a look is clear where none of its bands is `INT16_NODATA`.
    basis : float32 (time, coef)
        `harmonic_basis` of the looks' days; at most five coefficients.
    rule : FitRule
    base_weight : uint8 (time, pixel), optional
        What a look may weigh at most, 255 for all and 0 for nothing at all: a refit leaves out the looks of the time
        in which a pixel was mined or burnt. Looks count by it towards `min_looks` and the inflation of sigma, and fully
        (unless 0) towards the median of the residuals.

    Returns
    -------
    beta : float32 (band, coef, pixel)
        NaN where there were too few looks, or where no look kept any weight.
    sigma : float32 (band, pixel)
        Scatter of a new look: robust residual scale (1.4826 MAD) times sqrt((n + p) / (n - p)) for n looks and p
        coefficients, what fitting took from the residuals and adds to a prediction (Seber & Lee 2003, sec. 5.2).
        NaN as beta.

    Notes
    -----
    A ridge of half a look on the harmonics keeps a pixel that was only seen in one season finite. The median of
    absolute residuals is taken no higher than 2**13 - 1 steps. Apart from the result, memory is 5 bytes a look and band
    for each of `LANES` pixels.
    """
    stack = np.ascontiguousarray(stack)
    n_time, n_bands, n_px = stack.shape
    groups = -(-n_time // DATES)
    rows = np.zeros((groups * DATES, _MAX_COEFS), dtype=np.float32)
    rows[:n_time, : basis.shape[1]] = basis
    beta = np.empty((n_bands, basis.shape[1], n_px), dtype=np.float32)
    sigma = np.empty((n_bands, n_px), dtype=np.float32)
    weights = np.empty((0, 0), dtype=np.uint8) if base_weight is None else np.ascontiguousarray(base_weight)
    constants = np.array([rule.step, rule.floor / rule.step, rule.bisquare_c, rule.min_looks], dtype=np.float32)
    products, columns = _by_dates(rows, basis.shape[1])
    _fit_blocks(stack, weights, rows, columns, products, constants, rule.reweights, beta, sigma)
    return beta, sigma


def _by_dates(rows: NDArray[np.float32], n_coefs: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what weights, and weighted looks, are multiplied with: (group, pair or coef, date)."""
    first, second = np.tril_indices(n_coefs)
    pairs = (rows[:, first] * rows[:, second]).reshape(-1, DATES, len(first))
    columns = rows[:, :n_coefs].reshape(-1, DATES, n_coefs)
    return np.ascontiguousarray(pairs.transpose(0, 2, 1)), np.ascontiguousarray(columns.transpose(0, 2, 1))


@njit(cache=True, nogil=True, fastmath=_FAST)
def _add_dates(total, rows, factors):  # type: ignore[no-untyped-def]
    """Add `DATES` rows to a row: total += sum of factors[k] * rows[k]."""
    f0, f1, f2, f3 = factors[0], factors[1], factors[2], factors[3]
    f4, f5, f6, f7 = factors[4], factors[5], factors[6], factors[7]
    for i in range(LANES):
        first = f0 * rows[i] + f1 * rows[LANES + i] + f2 * rows[2 * LANES + i] + f3 * rows[3 * LANES + i]
        second = f4 * rows[4 * LANES + i] + f5 * rows[5 * LANES + i] + f6 * rows[6 * LANES + i]
        total[i] += first + (second + f7 * rows[7 * LANES + i])


@njit(cache=True, nogil=True, fastmath=_FAST)
def _add_sums(totals, rows, factors):  # type: ignore[no-untyped-def]
    """`_add_dates` for every row of totals, each with its own factors."""
    for row in range(totals.shape[0]):
        _add_dates(totals[row], rows, factors[row])


@njit(cache=True, nogil=True)
def _load_block(stack, base_weight, start, looks, base, n_looks, weight_sum):  # type: ignore[no-untyped-def]
    """Copy the looks of a block, `INT16_NODATA` in all bands where not clear or left out; count them."""
    n_time, n_bands, n_px = stack.shape
    width = min(LANES, n_px - start)
    n_looks[:] = 0
    weight_sum[:] = 0
    looks[:] = INT16_NODATA
    base[:] = 0
    for t in range(n_time):
        lanes = slice(t * LANES, t * LANES + width)
        clear = base[lanes]
        if base_weight.size:
            clear[:] = base_weight[t, start : start + width]
        else:
            clear[:] = 255
        for b in range(n_bands):
            row = stack[t, b, start : start + width]
            for i in range(width):
                clear[i] = 0 if row[i] == INT16_NODATA else clear[i]
        for b in range(n_bands):
            row, target = stack[t, b, start : start + width], looks[b, lanes]
            for i in range(width):
                target[i] = row[i] if clear[i] != 0 else np.int16(INT16_NODATA)
        for i in range(width):
            n_looks[i] += np.int16(clear[i] != 0)
            weight_sum[i] += np.int32(clear[i])


@njit(cache=True, nogil=True, fastmath=_FAST)
def _base_weights(base, weights):  # type: ignore[no-untyped-def]
    """Weights of `DATES` dates before any residual is known."""
    for i in range(DATES * LANES):
        weights[i] = np.float32(base[i]) * _BASE_SCALE


@njit(cache=True, nogil=True, fastmath=_FAST)
def _worst_band(residual, scale, weights):  # type: ignore[no-untyped-def]
    """Raise weights (here still |u|) of `DATES` dates to |residual| * scale where that is more."""
    for k in range(0, DATES * LANES, LANES):
        for i in range(LANES):
            u = np.float32(residual[k + i]) * scale[i]
            weights[k + i] = max(weights[k + i], u)


@njit(cache=True, nogil=True, fastmath=_FAST)
def _bisquare(base, weights):  # type: ignore[no-untyped-def]
    """Turn the worst |u| of `DATES` dates into Tukey's weight, times the base weight."""
    for i in range(DATES * LANES):
        rest = _ONE - weights[i] * weights[i]
        rest = max(_ZERO, rest)
        weights[i] = rest * rest * (np.float32(base[i]) * _BASE_SCALE)


@njit(cache=True, nogil=True, fastmath=_FAST)
def _weigh(looks, weights, weighted):  # type: ignore[no-untyped-def]
    """Multiply looks of one band and `DATES` dates with their weights."""
    for i in range(DATES * LANES):
        weighted[i] = np.float32(looks[i]) * weights[i]


@njit(cache=True, nogil=True)
def _accumulate(looks, base, residual, scale, columns, products, first, weights, weighted, gram, right):  # type: ignore[no-untyped-def]
    """Weighted normal equations of a block: gram (pair, lane), right (band, coef, lane); ridge on the diagonal."""
    n_bands, n_coefs = right.shape[0], right.shape[1]
    gram[:] = 0.0
    right[:] = 0.0
    for group in range(products.shape[0]):
        dates = slice(group * DATES * LANES, (group + 1) * DATES * LANES)
        if first:
            _base_weights(base[dates], weights)
        else:
            weights[:] = 0.0
            for b in range(n_bands):
                _worst_band(residual[b, dates], scale[b], weights)
            _bisquare(base[dates], weights)
        _add_sums(gram, weights, products[group])
        for b in range(n_bands):
            _weigh(looks[b, dates], weights, weighted)
            _add_sums(right[b], weighted, columns[group])
    gram[0] += _LEVEL_RIDGE
    for j in range(1, n_coefs):
        gram[j * (j + 1) // 2 + j] += _RIDGE


@njit(cache=True, nogil=True, fastmath=_FAST)
def _subtract_product(total, a, b):  # type: ignore[no-untyped-def]
    for i in range(LANES):
        total[i] -= a[i] * b[i]


@njit(cache=True, nogil=True, fastmath=_FAST)
def _scale_by(total, a):  # type: ignore[no-untyped-def]
    for i in range(LANES):
        total[i] *= a[i]


@njit(cache=True, nogil=True, fastmath=_FAST)
def _inverse_root(pivot):  # type: ignore[no-untyped-def]
    """1 / sqrt(pivot), of a pivot that rounding has not taken below `_LEAST_PIVOT`."""
    for i in range(LANES):
        held = max(_LEAST_PIVOT, pivot[i])
        pivot[i] = _ONE / np.sqrt(held)


@njit(cache=True, nogil=True)
def _solve(gram, right):  # type: ignore[no-untyped-def]
    """Solve all lanes' normal equations in place: Cholesky of the packed gram; its diagonal ends as 1 / L[j, j]."""
    n_bands, n_coefs = right.shape[0], right.shape[1]
    for i in range(n_coefs):
        row = i * (i + 1) // 2
        for j in range(i + 1):
            other = j * (j + 1) // 2
            for k in range(j):
                _subtract_product(gram[row + j], gram[row + k], gram[other + k])
            if i == j:
                _inverse_root(gram[row + i])
            else:
                _scale_by(gram[row + j], gram[other + j])
    for b in range(n_bands):
        for i in range(n_coefs):
            row = i * (i + 1) // 2
            for k in range(i):
                _subtract_product(right[b, i], gram[row + k], right[b, k])
            _scale_by(right[b, i], gram[row + i])
        for i in range(n_coefs - 1, -1, -1):
            for k in range(i + 1, n_coefs):
                _subtract_product(right[b, i], gram[k * (k + 1) // 2 + i], right[b, k])
            _scale_by(right[b, i], gram[i * (i + 1) // 2 + i])


@njit(cache=True, nogil=True, fastmath=_FAST)
def _residual_row(looks, h, beta, residual):  # type: ignore[no-untyped-def]
    """|look - h . beta| of one date and band, rounded to steps; `_ABSENT` where there is no look."""
    h0, h1, h2, h3, h4 = h[0], h[1], h[2], h[3], h[4]
    for i in range(LANES):
        fitted = h0 * beta[i] + h1 * beta[LANES + i] + h2 * beta[2 * LANES + i]
        fitted += h3 * beta[3 * LANES + i] + h4 * beta[4 * LANES + i]
        size = abs(np.float32(looks[i]) - fitted)
        size = min(_MAX_ABS, size)
        residual[i] = np.int16(_ABSENT) if looks[i] == INT16_NODATA else np.int16(size + _HALF)


@njit(cache=True, nogil=True)
def _count_below(residual, trial, count):  # type: ignore[no-untyped-def]
    """How many of the residuals (date, lane) of one band are below the trial, added to count; eight dates at a time."""
    for i in range(LANES):
        low = trial[i]
        first = np.int16(residual[i] < low) + np.int16(residual[LANES + i] < low)
        first += np.int16(residual[2 * LANES + i] < low) + np.int16(residual[3 * LANES + i] < low)
        second = np.int16(residual[4 * LANES + i] < low) + np.int16(residual[5 * LANES + i] < low)
        second += np.int16(residual[6 * LANES + i] < low) + np.int16(residual[7 * LANES + i] < low)
        count[i] += np.int16(first + second)


@njit(cache=True, nogil=True)
def _median(residual, half, median, trial, count):  # type: ignore[no-untyped-def]
    """Find the half-th smallest residual of a band, from its top bit down: the most that fewer than half are below."""
    median[:] = 0
    for bit in range(_TOP_BIT, -1, -1):
        for i in range(LANES):
            trial[i] = median[i] + np.int16(1 << bit)
        count[:] = 0
        for first in range(0, residual.size, DATES * LANES):
            _count_below(residual[first : first + DATES * LANES], trial, count)
        for i in range(LANES):
            median[i] = trial[i] if count[i] < half[i] else median[i]


@njit(cache=True, nogil=True)
def _fit_blocks(stack, base_weight, rows, columns, products, constants, reweights, beta_out, sigma_out):  # type: ignore[no-untyped-def]
    """Fit block by block; see `fit_season`."""
    n_bands, n_coefs, n_px = beta_out.shape
    n_dates = rows.shape[0]
    step, floor, c, min_looks = constants
    looks = np.empty((n_bands, n_dates * LANES), dtype=np.int16)
    residual = np.empty((n_bands, n_dates * LANES), dtype=np.int16)
    base = np.empty(n_dates * LANES, dtype=np.uint8)
    n_looks = np.empty(LANES, dtype=np.int16)
    half = np.empty(LANES, dtype=np.int16)
    weight_sum = np.empty(LANES, dtype=np.int32)
    weights = np.empty(DATES * LANES, dtype=np.float32)
    weighted = np.empty(DATES * LANES, dtype=np.float32)
    gram = np.empty((n_coefs * (n_coefs + 1) // 2, LANES), dtype=np.float32)
    right = np.empty((n_bands, n_coefs, LANES), dtype=np.float32)
    beta = np.zeros((n_bands, _MAX_COEFS * LANES), dtype=np.float32)
    median = np.empty(LANES, dtype=np.int16)
    trial = np.empty(LANES, dtype=np.int16)
    count = np.empty(LANES, dtype=np.int16)
    kept = np.empty(LANES, dtype=np.float32)
    scale = np.empty((n_bands, LANES), dtype=np.float32)
    sigma = np.empty((n_bands, LANES), dtype=np.float32)
    for start in range(0, n_px, LANES):
        _load_block(stack, base_weight, start, looks, base, n_looks, weight_sum)
        for i in range(LANES):
            half[i] = (n_looks[i] + 1) // 2
        for turn in range(reweights + 1):
            _accumulate(looks, base, residual, scale, columns, products, turn == 0, weights, weighted, gram, right)
            kept[:] = gram[0]
            _solve(gram, right)
            for b in range(n_bands):
                beta[b, : n_coefs * LANES] = right[b].reshape(-1)
                for t in range(n_dates):
                    row = slice(t * LANES, (t + 1) * LANES)
                    _residual_row(looks[b, row], rows[t], beta[b], residual[b, row])
                _median(residual[b], half, median, trial, count)
                for i in range(LANES):
                    spread = np.float32(median[i]) * _MAD_TO_SIGMA
                    sigma[b, i] = max(floor, spread)
                    scale[b, i] = _ONE / (sigma[b, i] * c)
        for i in range(min(LANES, n_px - start)):
            n = weight_sum[i] / 255.0
            is_fitted = n >= min_looks and n > 0 and kept[i] > _LEAST_WEIGHT
            inflation = np.sqrt((n + n_coefs) / max(n - n_coefs, 1.0))
            for b in range(n_bands):
                sigma_out[b, start + i] = step * sigma[b, i] * inflation if is_fitted else np.nan
                for j in range(n_coefs):
                    beta_out[b, j, start + i] = step * right[b, j, i] if is_fitted else np.nan
