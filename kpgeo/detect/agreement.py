"""Do labels agree with what the ground looks like? Two checks that need no library, only the labelled polygons.

Neighbours in reflectance: the share of a polygon's nearest polygons that bear its own state, against labels drawn by
lot (the nearest-neighbour coincidence statistic of Schilling 1986 and Henze 1988, by permutation).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NEIGHBOURS = 3
_DRAWS = 999
_FEWEST = 10
_MAD_TO_SD = 1.4826


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often polygons that look alike bear one state.

    Attributes
    ----------
    shared_frac : float
        Share of nearest polygons that bear the same state, 0-1.
    by_lot_frac : float
        What labels drawn by lot would give.
    sigmas : float
        How far the one lies above the other, in standard deviations of the draws.
    polygons : int
    """

    shared_frac: float
    by_lot_frac: float
    sigmas: float
    polygons: int


def measure_agreement(values: NDArray[np.float64], states: NDArray[np.int64]) -> Agreement | None:
    """Return how well labels agree with looks, or None with fewer than ten polygons or only one state.

    Parameters
    ----------
    values : float64 (polygon, band)
    states : int64 (polygon,)
    """
    if len(values) < _FEWEST or len(np.unique(states)) < 2:
        return None
    middle = np.median(values, axis=0)
    scale = np.maximum(_MAD_TO_SD * np.median(np.abs(values - middle), axis=0), 1e-3)
    apart = np.linalg.norm((values[:, None] - values[None]) / scale, axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1, kind="stable")[:, :_NEIGHBOURS]
    rng = np.random.default_rng(len(values))
    draws = np.array([_shared(nearest, rng.permutation(states)) for _ in range(_DRAWS)])
    shared, by_lot, spread = _shared(nearest, states), float(draws.mean()), float(draws.std())
    return Agreement(
        shared_frac=shared,
        by_lot_frac=by_lot,
        sigmas=(shared - by_lot) / max(spread, 1e-6),
        polygons=len(values),
    )


def _shared(nearest: NDArray[np.intp], states: NDArray[np.int64]) -> float:
    """Return the share of neighbours with the polygon's own state."""
    return float(np.mean(states[nearest] == states[:, None]))


def find_strangers(
    values: NDArray[np.float64], states: NDArray[np.int64], groups: NDArray[np.int64], nats: float
) -> list[tuple[int, int]]:
    """Return (polygon, state it is like) where the polygons of another state are clearly more like it than its own.

    Each group (class) of at least four other polygons is a normal law about their median, as wide as their robust
    scatter; a polygon's own law leaves it out. A polygon whose own state has no such group is not judged.

    Parameters
    ----------
    values : float64 (polygon, band)
    states, groups : int64 (polygon,)
        State, and the class within it.
    nats : float
        How much likelier another state must be.
    """
    found = []
    for i in range(len(values)):
        best: dict[int, float] = {}
        for group in np.unique(groups):
            is_in = (groups == group) & (np.arange(len(values)) != i)
            if is_in.sum() >= 4:
                state = int(states[is_in][0])
                best[state] = max(best.get(state, -np.inf), _log_density(values[i], values[is_in]))
        own = best.pop(int(states[i]), None)
        if own is not None and best:
            rival = max(best, key=lambda state: best[state])
            if best[rival] - own > nats:
                found.append((i, rival))
    return found


def _log_density(value: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return ln N(value; median, robust scatter) of others, bands taken as independent, but for a constant."""
    middle = np.median(others, axis=0)
    scale = np.maximum(_MAD_TO_SD * np.median(np.abs(others - middle), axis=0), 0.01)
    z = (value - middle) / scale
    return float(-0.5 * z @ z - np.log(scale).sum())
