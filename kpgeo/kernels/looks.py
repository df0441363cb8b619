"""What is clear in a look, and what a radar look is worth: margins, haze, plausible reflectance, multilooking.

Every result depends only on pixels within a stated radius, and its arithmetic runs in the same order wherever a window
is cut, so that a tile read with a halo at least that wide equals the same part of the whole, bit for bit.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Band = NDArray[np.float32]
Flag = NDArray[np.bool_]


def grow(is_bad: Flag, radius_px: int) -> Flag:
    """Grow flagged pixels by a disc.

    Parameters
    ----------
    is_bad : array of bool, (..., y, x)
    radius_px : int
        Radius of the disc; also how far the result reaches.

    Examples
    --------
    >>> grow(np.array([[False, False, True, False]]), 1).tolist()
    [[False, True, True, True]]
    """
    if radius_px == 0 or not is_bad.any():
        return is_bad.copy()
    span = np.arange(-radius_px, radius_px + 1)
    disc = span[:, None] ** 2 + span[None, :] ** 2 <= radius_px**2
    footprint = disc.reshape((1,) * (is_bad.ndim - 2) + disc.shape)
    grown: Flag = ndimage.binary_dilation(is_bad, structure=footprint)
    return grown


def is_hazy(blue: Band, red: Band, slope: float, limit: float) -> Flag:
    """Flag pixels whose blue lies above the clear-land line by more than a limit.

    Over clear land blue and red reflectance lie along a line; haze and thin cloud raise blue more than red and push
    pixels off it (haze optimised transformation, Zhang et al. 2002, https://doi.org/10.1016/S0034-4257(02)00034-2,
    eq. 1). Soil and spoil, however bright, are redder than they are blue and stay below the line. The line is fixed
    rather than fitted to the scene, because a fit would change with the window.

    Parameters
    ----------
    blue, red : array of float32
        Reflectance 0–1; NaN is not hazy.
    slope, limit : float
        Of the line, and in blue reflectance above it.
    """
    return blue - np.float32(slope) * red > np.float32(limit)


def is_plausible(bands: NDArray[np.float32], low: float, high: float) -> Flag:
    """Flag pixels all of whose bands (first axis) are finite and lie strictly between two reflectances."""
    inside: Flag = np.all((bands > np.float32(low)) & (bands < np.float32(high)), axis=0)
    return inside


def multilook(power: Band, edge_px: int) -> Band:
    """Average power over squares, of the valid pixels only.

    Parameters
    ----------
    power : array of float32, (..., y, x)
        Linear backscatter; NaN where not acquired, and so is the result there.
    edge_px : int
        Edge of the square, odd; the result reaches `edge_px // 2` pixels.

    Examples
    --------
    >>> multilook(np.array([[1, 3, np.nan]], dtype=np.float32), 3).tolist()
    [[2.0, 2.0, nan]]
    """
    is_valid = np.isfinite(power)
    total = _box_sum(np.where(is_valid, power, np.float32(0.0)), edge_px)
    count = _box_sum(is_valid.astype(np.float32), edge_px)
    return np.where(is_valid, total / np.maximum(count, np.float32(1.0)), np.float32(np.nan))


def _box_sum(values: Band, edge_px: int) -> Band:
    """Sum over squares, rows first; beyond the edge there is nothing. A running sum would drift with the window."""
    half = edge_px // 2
    for axis in (-2, -1):
        width = [(0, 0)] * values.ndim
        width[axis] = (half, half)
        padded = np.pad(values, width)
        size = values.shape[axis]
        parts = [np.take(padded, range(shift, shift + size), axis=axis) for shift in range(edge_px)]
        values = np.sum(parts, axis=0, dtype=np.float32)
    return values


def to_db(power: Band) -> Band:
    """Return linear power in decibels; NaN where it is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        level: Band = np.float32(10.0) * np.log10(np.where(power > 0.0, power, np.float32(np.nan)))
    return level
