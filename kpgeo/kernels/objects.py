"""Connected objects in a belief raster: growing them from seeds, their area with its error, their shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_EIGHT = np.ones((3, 3), dtype=bool)
Z90 = 1.6448536269514722  # 95 % quantile of the normal distribution: a two-sided 90 % interval


@dataclass(frozen=True)
class Pixels:
    """The pixels of one object: rows and columns (intp, same length) in raster order."""

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]

    @property
    def index(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the (y, x) index of the pixels in a raster."""
        return self.rows, self.cols

    def __len__(self) -> int:
        return len(self.rows)


def grow_objects(
    prob: NDArray[np.float32], inside: NDArray[np.bool_], *, seed_prob: float, grow_prob: float
) -> list[Pixels]:
    """Return 8-connected patches of `prob >= grow_prob` that hold a pixel of `prob >= seed_prob`.

    Parameters
    ----------
    prob : float32 (y, x)
        0–1; NaN belongs to no object.
    inside : bool (y, x)
        Where objects may lie.

    Returns
    -------
    list of Pixels
        In raster order of each object's first pixel.
    """
    labels, count = ndimage.label((prob >= grow_prob) & inside, structure=_EIGHT)
    has_seed = np.zeros(count + 1, dtype=bool)
    has_seed[labels[(prob >= seed_prob) & inside]] = True
    has_seed[0] = False
    rows, cols = np.nonzero(has_seed[labels])
    mine = labels[rows, cols]
    order = np.argsort(mine, kind="stable")
    starts = np.flatnonzero(np.diff(mine[order])) + 1
    groups = [group for group in np.split(order, starts) if len(group)]
    groups.sort(key=lambda group: int(group[0]))
    return [Pixels(rows[group], cols[group]) for group in groups]


def area_moments(
    prob: NDArray[np.float32], frac: NDArray[np.float32], *, frac_sd: float, correlation: float
) -> tuple[float, float]:
    r"""Return mean and variance of an object's mined area, in pixels.

    Pixel *i* is mined (:math:`M_i`) with probability :math:`p_i`, and then :math:`f_i + \epsilon_i` of it is, with
    :math:`\epsilon_i` of standard deviation :math:`\sigma`. Then (law of total variance)

    .. math:: E = \sum p_i f_i, \quad s_i^2 = p_i \sigma^2 + p_i (1 - p_i) f_i^2,

    and with one correlation :math:`\rho` between any two pixels of the object

    .. math:: V = (1 - \rho) \sum s_i^2 + \rho \Big(\sum s_i\Big)^2 .
    """
    p, f = prob.astype(np.float64), frac.astype(np.float64)
    own = p * frac_sd**2 + p * (1.0 - p) * f**2
    variance = (1.0 - correlation) * own.sum() + correlation * np.sqrt(own).sum() ** 2
    return float((p * f).sum()), float(variance)


def lognormal_interval(mean: float, variance: float, upper: float, *, common_sd: float = 0.0) -> tuple[float, float]:
    r"""Return the 90 % interval of a log-normal variable of given mean and variance, cut off at `upper`.

    :math:`s^2 = \ln(1 + V / E^2)`, bounds :math:`E \exp(-s^2/2 \pm 1.645 s)`. It never reaches below 0 and, cut or not,
    holds the mean. An independent log-normal error of median 1 and log standard deviation `common_sd` widens it to
    :math:`E \exp(-s^2/2 \pm 1.645 \sqrt{s^2 + s_c^2})`.
    """
    if mean <= 0.0:
        return 0.0, 0.0
    spread = np.log1p(variance / mean**2)
    scale = float(np.sqrt(spread + common_sd**2))
    low = mean * np.exp(-spread / 2.0 - Z90 * scale)
    high = mean * np.exp(-spread / 2.0 + Z90 * scale)
    return float(low), float(max(min(high, upper), mean))


def length_and_width(pixels: Pixels) -> tuple[float, float]:
    r"""Return an object's length and mean width, in pixels.

    The length is that of the bar with the same larger second moment, :math:`L = \sqrt{12 \lambda_1}`, a pixel being a
    square and not a point (1/12 is added to each moment); the mean width is :math:`n / L`. A straight road of *k*
    pixels has length *k* and width 1; a disc has :math:`L / W = 3 / \pi`.
    """
    y = pixels.rows - pixels.rows.mean()
    x = pixels.cols - pixels.cols.mean()
    yy, xx, xy = (y * y).mean() + 1 / 12, (x * x).mean() + 1 / 12, (x * y).mean()
    larger = (yy + xx) / 2.0 + np.hypot((yy - xx) / 2.0, xy)
    length = float(np.sqrt(12.0 * larger))
    return length, len(pixels) / length
