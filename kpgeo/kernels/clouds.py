"""What lies between a look and its ground: cloud, haze, smoke, snow and shadow, by the season of its pixels.

Strategy. A quality layer judges a pixel by one day's colours, and so misses what is thin. The pixel's own season says
what the ground would look like. A veil adds light that is about as blue as it is red, no more of it in the short-wave
infrared than in the visible, and takes none from the near infrared; so MACCS looks for a rise in blue that red does not
far exceed (Hagolle et al. 2010), and Tmask for one in green (Zhu & Woodcock 2014). A shadow darkens the short-wave
infrared along with the near infrared, brightens nothing, and leaves some of both. What is dug shows itself otherwise:
spoil rises more in red and most in the short-wave infrared; water takes nearly all of the near infrared, or leaves
green brighter; char takes near infrared and leaves short-wave infrared. Clouds and shadows are patches, noise is not: a
pixel is veiled where enough of the seen pixels around it say the same, or where it says it faintly and touches such
ground. And no veil stays: what another look shows as it was is ground.

Everything is counted in integers but the judgement of single pixels, so results do not depend on how a window is cut,
beyond the `REACH_PX` pixels along a cut.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kpgeo.kernels.lanes import FAST

SEEN, CLOUD, FAINT_CLOUD, SHADOW, FAINT_SHADOW = 1, 2, 4, 8, 16

# Of each kind: its marks, half the edge of the square it is counted in, and the least percentage there.
_KINDS = ((CLOUD, FAINT_CLOUD, 3, 40), (SHADOW, FAINT_SHADOW, 4, 50))
# A pixel is what this percentage of the seen ones around it are, whatever it says itself: bright cores of clouds.
_HEMMED_IN = 75
_TOUCH_PX = 2
REACH_PX = 4 + _TOUCH_PX

_BLOCK = 512
_F = np.float32
# What light from between looks like (module docstring). Measured over simulated and real clouds and over ground that is
# dug: docs/theory/clear-looks.md gives the quantiles each number lies between.
_RED_RISE, _RED_SLACK = _F(1.25), _F(0.003)
_SWIR_RISE, _SWIR_SLACK_SIGMAS = _F(1.4), _F(0.5)
_NIR_KEPT = _F(0.75)
_BLUE_OF_GREEN = _F(0.76)
_FAINT_RISE = _F(0.012)
# What a shadow leaves: near infrared between these shares of the season's, short-wave infrared down by at least
# half the share near infrared is down by, and no more green than there was.
_LEAST_LIT, _FAINT_LIT = _F(0.15), _F(0.95)
_SWIR_FALL = _F(0.5)
_GREEN_SLACK = _F(0.003)
_LEAST_FALL = _F(0.03)
_DARKEST = _F(0.01)
_ZERO = _F(0.0)
# How far two looks at the same ground lie apart at most: reflectance, and a share of it (B-M).
_ALIKE, _ALIKE_SHARE = _F(0.01), _F(0.08)


class VeilRule(NamedTuple):
    """How far a look must depart from its season.

    rise : green reflectance above the season; sigmas : the same, and near infrared below it, in the pixel's own
    scatter; lit : share of the season's near infrared that a shadow leaves at most.
    """

    rise: float
    sigmas: float
    lit: float


class SeasonOfDay(NamedTuple):
    """What the pixels' season is made of, green red nir swir22.

    beta : int16 (4, 5, pixel), harmonic coefficients in steps; basis : float32 (5,), h(t) of the day times the step;
    sigma : uint8 (4, pixel), coded; scales : float32 (256,), the scatter each code stands for.
    """

    beta: NDArray[np.int16]
    basis: NDArray[np.float32]
    sigma: NDArray[np.uint8]
    scales: NDArray[np.float32]


def find_veils(bands: NDArray[np.float32], season: SeasonOfDay, rule: VeilRule) -> NDArray[np.uint8]:
    """Mark the pixels of one look that something lies over.

    Parameters
    ----------
    bands : float32 (6, y, x)
        Reflectance in blue, green, red, nir, swir16, swir22; NaN where not clear. Without blue only shadows are found.
    season : SeasonOfDay
        Of the same pixels, in row order.
    rule : VeilRule

    Returns
    -------
    uint8 (y, x)
        `CLOUD` (haze, smoke and snow are called so too), `SHADOW`, or 0 where nothing is found or nothing was seen.
    """
    shape = (bands.shape[1], bands.shape[2])
    marks = np.empty(shape[0] * shape[1], dtype=np.uint8)
    limits = np.array([rule.rise, rule.sigmas, rule.lit], dtype=np.float32)
    flat = np.ascontiguousarray(bands).reshape(len(bands), -1)
    found = _mark(flat, season.beta, season.basis, season.sigma, season.scales, limits, marks)
    veils = np.zeros(shape, dtype=np.uint8)
    for strong, faint, half_px, percent in _KINDS:
        if found & strong:
            core = np.empty(shape, dtype=np.bool_)
            _enough(marks.reshape(shape), strong, half_px, percent, core)
            _join(marks.reshape(shape), strong, faint, core, veils)
    return veils


def is_alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say where two looks show the same: those of different days that do so show ground, for no veil stays as it was.

    Parameters
    ----------
    one, other : float32 (band, pixel)
        Reflectance, in bands but blue.

    Examples
    --------
    >>> is_alike(np.float32([[0.30, 0.30]]), np.float32([[0.32, 0.35]])).tolist()
    [True, False]
    """
    alike: NDArray[np.bool_] = np.all(np.abs(one - other) <= _ALIKE + _ALIKE_SHARE * np.maximum(one, other), axis=0)
    return alike


@njit(cache=True, nogil=True, fastmath=FAST)
def _expect(beta, basis, start, n, row):  # type: ignore[no-untyped-def]
    """Reflectance the season leads one to expect of a block of pixels in one band."""
    h0, h1, h2, h3, h4 = basis[0], basis[1], basis[2], basis[3], basis[4]
    c0, c1, c2 = beta[0, start : start + n], beta[1, start : start + n], beta[2, start : start + n]
    c3, c4 = beta[3, start : start + n], beta[4, start : start + n]
    for i in range(n):
        row[i] = h0 * c0[i] + h1 * c1[i] + h2 * c2[i] + h3 * c3[i] + h4 * c4[i]


@njit(cache=True, nogil=True)
def _scatter(sigma, scales, start, n, row):  # type: ignore[no-untyped-def]
    for i in range(n):
        row[i] = scales[sigma[start + i]]


@njit(cache=True, nogil=True)
def _judge(blue, green, red, nir, swir, season, scatter, limits, marks):  # type: ignore[no-untyped-def]
    """Judge a block of pixels; a comparison with NaN is False."""
    rise, sigmas, lit = limits[0], limits[1], limits[2]
    for i in range(marks.size):
        green_up, red_up, swir_up = green[i] - season[0, i], red[i] - season[1, i], swir[i] - season[3, i]
        nir_due, swir_due = max(season[2, i], _DARKEST), max(season[3, i], _DARKEST)
        is_white = (red_up <= _RED_RISE * green_up + _RED_SLACK) & (blue[i] >= _BLUE_OF_GREEN * green[i])
        is_white &= swir_up <= _SWIR_RISE * green_up + _SWIR_SLACK_SIGMAS * scatter[2, i]
        is_white &= nir[i] >= _NIR_KEPT * nir_due
        is_cloud = is_white & (green_up >= max(rise, sigmas * scatter[0, i]))
        is_faint_cloud = is_white & (green_up >= _FAINT_RISE)
        fall = nir_due - nir[i]
        is_dim = (fall >= _ZERO) & (nir[i] >= _LEAST_LIT * nir_due) & (green_up <= _GREEN_SLACK)
        is_dim &= (swir_due - swir[i]) * nir_due >= _SWIR_FALL * fall * swir_due
        is_shadow = is_dim & (fall >= max(_LEAST_FALL, sigmas * scatter[1, i])) & (nir[i] <= lit * nir_due)
        is_faint_shadow = is_dim & (nir[i] <= _FAINT_LIT * nir_due)
        marks[i] = (
            np.uint8(nir[i] == nir[i])
            | (np.uint8(is_cloud) << np.uint8(1))
            | (np.uint8(is_faint_cloud) << np.uint8(2))
            | (np.uint8(is_shadow) << np.uint8(3))
            | (np.uint8(is_faint_shadow) << np.uint8(4))
        )


@njit(cache=True, nogil=True)
def _is_any_seen(nir):  # type: ignore[no-untyped-def]
    for i in range(nir.size):  # noqa: SIM110 (numba leaves a loop sooner than it runs a generator)
        if nir[i] == nir[i]:
            return True
    return False


@njit(cache=True, nogil=True)
def _mark(bands, beta, basis, sigma, scales, limits, marks):  # type: ignore[no-untyped-def]
    """Mark every pixel, block by block; return all marks that occur."""
    n_px = marks.size
    season = np.empty((4, _BLOCK), dtype=np.float32)
    scatter = np.empty((3, _BLOCK), dtype=np.float32)
    found = np.uint8(0)
    for start in range(0, n_px, _BLOCK):
        n = min(_BLOCK, n_px - start)
        if not _is_any_seen(bands[3, start : start + n]):
            marks[start : start + n] = 0
            continue
        for band in range(4):
            _expect(beta[band], basis, start, n, season[band])
        _scatter(sigma[0], scales, start, n, scatter[0])
        _scatter(sigma[2], scales, start, n, scatter[1])
        _scatter(sigma[3], scales, start, n, scatter[2])
        px = slice(start, start + n)
        _judge(bands[0, px], bands[1, px], bands[2, px], bands[3, px], bands[5, px], season, scatter, limits, marks[px])
        for i in range(n):
            found |= marks[start + i]
    return found


@njit(cache=True, nogil=True)
def _enough(marks, bit, half, percent, core):  # type: ignore[no-untyped-def]
    """Say where a mark stands among at least a percentage of the seen pixels of a square, or is hemmed in by such.

    Both counts go in one number, the marks in its upper half: a column's roll down the rows, then columns are added.
    """
    height, width = marks.shape
    columns = np.zeros(width + 2 * half, dtype=np.int32)
    square = np.empty(width, dtype=np.int32)
    for y in range(-half, height):
        gain, loss = y + half, y - half - 1
        if gain < height:
            _count(marks[gain], bit, np.int32(1), columns[half : half + width])
        if loss >= 0:
            _count(marks[loss], bit, np.int32(-1), columns[half : half + width])
        if y >= 0:
            square[:] = 0
            for shift in range(2 * half + 1):
                part = columns[shift : shift + width]
                for x in range(width):
                    square[x] += part[x]
            row, out = marks[y], core[y]
            for x in range(width):
                strong, seen = (square[x] >> 16) * 100, square[x] & 0xFFFF
                is_core = (strong >= percent * seen) & ((row[x] & bit) != 0)
                out[x] = is_core | ((strong >= _HEMMED_IN * seen) & ((row[x] & SEEN) != 0))


@njit(cache=True, nogil=True)
def _count(row, bit, sign, columns):  # type: ignore[no-untyped-def]
    """Add a row of marks to the counts of columns, or take it off."""
    for x in range(row.size):
        both = np.int32(row[x] & SEEN) + (np.int32((row[x] & bit) != 0) << 16)
        columns[x] += sign * both


@njit(cache=True, nogil=True)
def _join(marks, kind, faint, core, veils):  # type: ignore[no-untyped-def]
    """Mark a kind's cores, and the faint marks within a square of `_TOUCH_PX` around them."""
    height, width = marks.shape
    touched = np.zeros(width + 2 * _TOUCH_PX, dtype=np.bool_)
    for y in range(height):
        touched[:] = False
        rows = touched[_TOUCH_PX : _TOUCH_PX + width]
        for other in range(max(0, y - _TOUCH_PX), min(height, y + _TOUCH_PX + 1)):
            near = core[other]
            for x in range(width):
                rows[x] |= near[x]
        out, row, own = veils[y], marks[y], core[y]
        for x in range(width):
            out[x] = kind if own[x] else out[x]
        for shift in range(2 * _TOUCH_PX + 1):
            part = touched[shift : shift + width]
            for x in range(width):
                out[x] = kind if part[x] & ((row[x] & faint) != 0) else out[x]
