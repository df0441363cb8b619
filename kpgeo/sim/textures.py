"""Random fields and small raster operations the world is made of. numpy and scipy only; all arrays are (y, x)."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from kpgeo.model.ids import digest

F32 = NDArray[np.float32]
Real = NDArray[np.floating[Any]] | np.floating[Any] | float

_SPLINE_POWER = 151.0 / 315.0


def rng_of(seed: int, *names: object) -> np.random.Generator:
    """Return a random generator of its own for a named part of the world.

    Each part has its own stream, so a change to one part leaves the others as they were.
    """
    return np.random.default_rng(int(digest("sim", seed, *names)[:16], 16))


@lru_cache(maxsize=64)
def _spline_taps(size: int, knots: int) -> tuple[tuple[NDArray[np.int64], F32], ...]:
    """Return the four (knot, weight) pairs of arrays (size,) of a cubic B-spline on a periodic lattice."""
    place = (np.arange(size) + 0.5) * knots / size
    base = np.floor(place).astype(np.int64)
    t = place - base
    parts = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    return tuple(((base + i - 1) % knots, (part / 6.0).astype(np.float32)) for i, part in enumerate(parts))


def _spline(lattice: F32, size: int) -> F32:
    """Interpolate a periodic lattice to (size, size). No BLAS, so the bits do not depend on threads."""
    taps = _spline_taps(size, lattice.shape[0])
    rows, field = np.zeros((size, lattice.shape[1]), dtype=np.float32), np.zeros((size, size), dtype=np.float32)
    for knot, weight in taps:
        rows += lattice[knot] * weight[:, None]
    part = np.empty_like(field)
    for knot, weight in taps:
        np.take(rows, knot, axis=1, out=part, mode="clip")
        part *= weight
        field += part
    return field


def smooth_noise(rng: np.random.Generator, size: int, *scales_px: float) -> F32:
    """Return a periodic Gaussian field of zero mean and about unit variance.

    Parameters
    ----------
    rng : Generator
        Source of the field.
    size : int
        Edge of the field in pixels.
    *scales_px : float
        Correlation lengths of its octaves, in pixels; each octave weighs the square root of its length.

    Returns
    -------
    float32 array (size, size)
    """
    total = np.zeros((size, size), dtype=np.float32)
    power = 0.0
    for scale in scales_px:
        knots = max(round(size / scale), 4)
        lattice = rng.standard_normal((knots, knots), dtype=np.float32)
        gain = np.float32(np.sqrt(scale) / _SPLINE_POWER)
        total += gain * _spline(lattice, size)
        power += scale
    return total / np.float32(np.sqrt(power))


def ramp(value: Real, low: Real, high: Real) -> F32:
    """Return 0 below `low`, 1 above `high`, and a straight line between (float32)."""
    share = (np.asarray(value, dtype=np.float32) - low) / (high - low)
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float32)


def logistic(value: Real) -> F32:
    """Return 1 / (1 + exp(-value)) as float32, without overflow."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * np.asarray(value, dtype=np.float32)), dtype=np.float32)


def voronoi_cells(
    rng: np.random.Generator, size: int, cell_px: float, ragged: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Divide a square into irregular cells.

    Parameters
    ----------
    rng : Generator
        Source of the cells.
    size : int
        Edge of the square in pixels.
    cell_px : float
        Mean edge of a cell; cells differ in size by a factor of several.
    ragged : float
        How far edges wander from straight lines, as a share of `cell_px`.

    Returns
    -------
    labels : int32 array (size, size)
        Cell of each pixel.
    seeds_px : float64 array (n, 2)
        Row and column of each cell's seed; seeds may lie a little outside the square.
    """
    reach = size + 2.0 * cell_px
    seeds = rng.uniform(-cell_px, size + cell_px, (int((reach / cell_px) ** 2), 2))
    sway = [ragged * cell_px * smooth_noise(rng, size, max(cell_px / 6.0, 2.0), cell_px / 2.0) for _ in range(2)]
    rows, cols = np.indices((size, size)) + 0.5 + np.stack(sway)
    labels = cKDTree(seeds).query(np.stack([rows.ravel(), cols.ravel()], axis=1))[1].astype(np.int32)
    return labels.reshape(size, size), seeds


def line_distance(points_m: NDArray[np.float64], size: int, res_m: float) -> tuple[F32, NDArray[np.int32]]:
    """Return each pixel's distance (m) to a densely sampled line, and the index of the nearest point.

    `points_m` is (n, 2): x to the right and y down, in metres from the upper left corner.
    """
    rows, cols = (np.indices((size, size)).reshape(2, -1) + 0.5) * res_m
    distance, index = cKDTree(points_m).query(np.stack([cols, rows], axis=1))
    shape = (size, size)
    return np.float32(distance).reshape(shape), np.int32(index).reshape(shape)


def shift_px(image: F32, down_px: float, right_px: float) -> F32:
    """Shift the last two axes by a fraction of a pixel, bilinearly; what leaves one edge enters the other."""
    for axis, amount in ((-2, down_px), (-1, right_px)):
        whole = int(np.floor(amount))
        part = np.float32(amount - whole)
        moved = np.roll(image, whole, axis=axis) if whole else image
        image = moved * (1 - part) + np.roll(moved, 1, axis=axis) * part if part else moved
    return image


def blur3(image: F32, side: float) -> F32:
    """Blur the last two axes with the kernel (side, 1 - 2 side, side); edges wrap."""
    for axis in (-2, -1):
        both = np.roll(image, 1, axis=axis) + np.roll(image, -1, axis=axis)
        image = image * np.float32(1 - 2 * side) + both * np.float32(side)
    return image


def block_mean(image: F32, factor: int) -> F32:
    """Return means over blocks of `factor` × `factor` pixels of the last two axes."""
    *lead, height, width = image.shape
    blocks = image.reshape(*lead, height // factor, factor, width // factor, factor)
    parts = (sum(blocks[..., row, :, col] for col in range(factor)) for row in range(factor))
    return np.asarray(sum(parts) / np.float32(factor * factor), dtype=np.float32)


def run_mean(image: F32, offset_px: float, factor: int, axis: int) -> F32:
    """Average along an axis over runs `factor` pixels long that begin at `offset_px`, pixels cut by an edge in part."""
    image = np.moveaxis(image, axis, -1)
    first, cut = int(offset_px), np.float32(offset_px % 1.0)
    count = int((image.shape[-1] - offset_px) // factor)
    stop = first + factor * count
    total = image[..., first:stop:factor] * (1 - cut)
    for step in range(1, factor):
        total = total + image[..., first + step : stop : factor]
    if cut:
        total = total + image[..., first + factor : stop + 1 : factor] * cut
    return np.moveaxis(np.asarray(total / np.float32(factor), dtype=np.float32), -1, axis)
