"""Intervals of shares and counts, and areas estimated from a stratified sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kpgeo.model.errors import BadInputError


@dataclass(frozen=True, kw_only=True)
class AreaEstimate:
    """What a stratified random sample says of a map. Standard errors are of the estimate; arrays run over classes.

    Attributes
    ----------
    share, share_se : float64 (class,)
        Share of the total area that truly is of the class.
    users, users_se : float64 (class,)
        User's accuracy: share of what is mapped as the class that is of the class. NaN where nothing was sampled.
    producers, producers_se : float64 (class,)
        Producer's accuracy: share of the class that is mapped as the class. NaN where there is none of it.
    overall, overall_se : float
        Share of the area that is mapped right.
    """

    share: NDArray[np.float64]
    share_se: NDArray[np.float64]
    users: NDArray[np.float64]
    users_se: NDArray[np.float64]
    producers: NDArray[np.float64]
    producers_se: NDArray[np.float64]
    overall: float
    overall_se: float


def estimate_area(confusion: NDArray[np.int64], strata_weights: NDArray[np.float64]) -> AreaEstimate:
    """Estimate areas and accuracies from a sample stratified by map class (Olofsson et al. 2014).

    Olofsson, P., Foody, G. M., Herold, M., Stehman, S. V., Woodcock, C. E., Wulder, M. A. (2014): Good practices for
    estimating area and assessing accuracy of land change. Remote Sensing of Environment 148, 42-57. Equation numbers
    are theirs.

    Parameters
    ----------
    confusion : int (class, class)
        Sample counts n_ij: row i the map's class (the stratum), column j the reference's.
    strata_weights : float (class,)
        W_i, share of the total area mapped as class i; they sum to 1.

    Raises
    ------
    BadInputError
        The matrix is not square, a stratum has fewer than two samples, or the weights do not sum to 1.
    """
    n_ij, w_i = np.asarray(confusion, dtype=np.float64), np.asarray(strata_weights, dtype=np.float64)
    _check_sample(n_ij, w_i)
    n_i = n_ij.sum(axis=1)
    within = n_ij / n_i[:, None]
    p_ij = w_i[:, None] * within  # eq. 4
    p_i, p_j, right = p_ij.sum(axis=1), p_ij.sum(axis=0), np.diag(p_ij)
    spread = within * (1.0 - within) / (n_i - 1.0)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        users = np.where(p_i > 0.0, np.diag(within), np.nan)  # eq. 2
        producers = right / p_j  # eq. 3
        producers_se = _producers_se(producers, w_i, spread, p_j)
    return AreaEstimate(
        share=p_j,  # eq. 9
        share_se=np.sqrt((w_i[:, None] ** 2 * spread).sum(axis=0)),  # eq. 10
        users=users,
        users_se=np.sqrt(np.diag(spread)),  # eq. 6
        producers=producers,
        producers_se=producers_se,
        overall=float(right.sum()),  # eq. 1
        overall_se=float(np.sqrt((w_i**2 * np.diag(spread)).sum())),  # eq. 5
    )


def _check_sample(n_ij: NDArray[np.float64], w_i: NDArray[np.float64]) -> None:
    """Raise BadInputError where a sample cannot be estimated from."""
    if n_ij.ndim != 2 or n_ij.shape[0] != n_ij.shape[1] or w_i.shape != (n_ij.shape[0],):
        raise BadInputError("A confusion matrix is square, with one weight for each of its rows.")
    if (n_ij < 0).any() or (n_ij.sum(axis=1) < 2).any():
        raise BadInputError("Every stratum needs at least two samples.", remedy="Sample the stratum, or join it.")
    if (w_i < 0).any() or abs(w_i.sum() - 1.0) > 1e-6:
        raise BadInputError(f"Stratum weights sum to {w_i.sum():.6g}, not to 1.")


def _producers_se(
    producers: NDArray[np.float64],
    w_i: NDArray[np.float64],
    spread: NDArray[np.float64],
    p_j: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the standard errors of the producer's accuracies (eq. 7), with areas as shares of the total."""
    own = w_i**2 * (1.0 - producers) ** 2 * np.diag(spread)
    others = (w_i[:, None] ** 2 * spread).sum(axis=0) - w_i**2 * np.diag(spread)
    result: NDArray[np.float64] = np.sqrt(own + producers**2 * others) / p_j
    return result


def wilson_interval(hits: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share (Wilson 1927); (0, 1) where nothing was counted.

    >>> [round(bound, 4) for bound in wilson_interval(8, 10)]
    [0.4902, 0.9433]
    """
    if total == 0:
        return 0.0, 1.0
    z2 = float(stats.norm.ppf(0.5 + level / 2.0)) ** 2
    share = hits / total
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = np.sqrt(share * (1 - share) * z2 / total + z2**2 / (4 * total**2)) / (1 + z2 / total)
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)
