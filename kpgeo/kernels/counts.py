"""Counts of rare things: exact intervals of their rate, and curves that may only fall."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def poisson_interval(count: float, exposure: float, level: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a rate, count / exposure (Garwood 1936).

    Garwood, F. (1936): Fiducial limits for the Poisson distribution. Biometrika 28, 437-442.

    >>> [round(bound, 3) for bound in poisson_interval(3, 1.0)]
    [0.619, 8.767]
    """
    tail = (1.0 - level) / 2.0
    low = float(stats.chi2.ppf(tail, 2 * count)) / 2.0 if count else 0.0
    high = float(stats.chi2.ppf(1.0 - tail, 2 * count + 2)) / 2.0
    return low / exposure, high / exposure


def resolvable_rate(exposure: float, level: float = 0.95) -> float:
    """Return the upper bound of a rate where nothing was counted: -ln(1 - level) / exposure, the rule of three.

    No measurement of this exposure can vouch for less (Hanley and Lippman-Hand 1983, JAMA 249, 1743-1745).

    >>> round(resolvable_rate(1000.0) * 1000.0, 2)
    3.0
    """
    return float(-np.log1p(-level)) / exposure


def fit_falling(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sequence that never rises and is closest to `values` in squares, all of equal weight.

    Pool adjacent violators: Ayer, Brunk, Ewing, Reid and Silverman (1955), Annals of Mathematical Statistics 26,
    641-647.

    Parameters
    ----------
    values : float (n,)
        No NaN.

    Returns
    -------
    float64 (n,)

    Examples
    --------
    >>> fit_falling([5, 2, 3, 1]).tolist()
    [5.0, 2.5, 2.5, 1.0]
    """
    sums: list[float] = []
    sizes: list[int] = []
    for value in values:
        sums.append(float(value))
        sizes.append(1)
        while len(sums) > 1 and sums[-1] * sizes[-2] > sums[-2] * sizes[-1]:
            sums[-2:] = [sums[-2] + sums[-1]]
            sizes[-2:] = [sizes[-2] + sizes[-1]]
    return np.repeat(np.array(sums, dtype=np.float64) / np.array(sizes), sizes)
