"""From what is believed to what is so: beliefs counted against the truth, and a rising map fitted to the counts.

Beliefs are counted in narrow bins of log-odds. Counts add up over dekads and worlds, so a map can be fitted to, and a
diagram drawn of, any number of pixels, and worlds can be drawn again with replacement to say how sure either is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kpgeo.assess.calibration import Reliability
from kpgeo.kernels.calibrate import MAX_LOG_ODDS, calibrate_prob, log_odds
from kpgeo.model.errors import BadInputError
from kpgeo.model.operating import BeliefMap

_STEP = 0.1
_N_BINS = round(2 * MAX_LOG_ODDS / _STEP) + 1
_CENTRES = np.linspace(-MAX_LOG_ODDS, MAX_LOG_ODDS, _N_BINS)
KNOTS = (-9.0, -6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 7.0)
SLOPES = (0.1, 2.0)
"""Bounds on how much the calibrated log-odds rise with those believed."""
PRIOR = 200.0
"""How many pixels' worth of evidence draws each slope towards 1."""


@dataclass(frozen=True, kw_only=True)
class BeliefCounts:
    """How many were believed how much, and how many of them were so.

    Attributes
    ----------
    counts, so : int64 (bin,)
        By log-odds of the belief, in bins of 0.1 nats around -16 to 16: all, and those that were so.
    """

    counts: NDArray[np.int64]
    so: NDArray[np.int64]


def count_beliefs(belief: NDArray[np.floating], is_so: NDArray[np.bool_]) -> BeliefCounts:
    """Count beliefs (0–1, any shape, NaN left out) against what is so (bool, same shape).

    Raises
    ------
    BadInputError
        The shapes differ, or a belief lies outside 0–1.
    """
    if belief.shape != is_so.shape:
        raise BadInputError(f"Beliefs have the shape {belief.shape}, the truth {is_so.shape}.")
    known = np.isfinite(belief)
    given, so = belief[known], is_so[known]
    if len(given) and (given.min() < 0.0 or given.max() > 1.0):
        raise BadInputError("Beliefs are from 0 to 1.")
    place = np.rint((log_odds(given) + MAX_LOG_ODDS) / _STEP).astype(np.int64)
    return BeliefCounts(
        counts=np.bincount(place, minlength=_N_BINS).astype(np.int64),
        so=np.bincount(place[so], minlength=_N_BINS).astype(np.int64),
    )


def pool_counts(parts: Sequence[BeliefCounts]) -> BeliefCounts:
    """Add counts up."""
    zero = np.zeros(_N_BINS, dtype=np.int64)
    return BeliefCounts(
        counts=sum((part.counts for part in parts), zero), so=sum((part.so for part in parts), zero.copy())
    )


def fit_belief_map(counts: BeliefCounts, knots: Sequence[float] = KNOTS, *, prior: float = PRIOR) -> BeliefMap:
    """Fit the rising map from believed to true log-odds that makes the truth most likely.

    Platt's method (1999: Probabilistic outputs for support vector machines, in: Advances in Large Margin Classifiers,
    61-74) fits one straight line in log-odds by maximum likelihood; here the line may bend at the knots. Each slope is
    held within `SLOPES`, so the map rises strictly and no belief becomes surer than twice its log-odds. Slopes are
    drawn towards 1 as if by `prior` pixels, which matters only where hardly any were believed that much. The
    likelihood is concave in the parameters, so there is one best map.

    Parameters
    ----------
    knots : sequence of float
        Log-odds believed at which the map may bend, rising; two of them make one straight line.
    prior : float
        At least 0.

    Raises
    ------
    BadInputError
        Nothing, or everything, that was counted is so.
    """
    n, so = counts.counts.astype(np.float64), counts.so.astype(np.float64)
    if not 0.0 < so.sum() < n.sum():
        raise BadInputError("A map needs beliefs of what is so and of what is not.", where="belief map")
    believed = np.asarray(knots, dtype=np.float64)
    design = _design(believed)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = design @ parameters
        bends = parameters[1:] - 1.0
        value = float((n * np.logaddexp(0.0, odds) - so * odds).sum() + prior * (bends**2).sum())
        slope = design.T @ (n / (1.0 + np.exp(-odds)) - so)
        slope[1:] += 2.0 * prior * bends
        scale = so.sum()
        return value / scale, slope / scale

    first = np.concatenate([[believed[0]], np.ones(len(believed) - 1)])
    bounds = [(-2.0 * MAX_LOG_ODDS, 2.0 * MAX_LOG_ODDS), *[SLOPES] * (len(believed) - 1)]
    found = minimize(
        loss, first, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-13, "gtol": 1e-9}
    ).x
    true = found[0] + np.concatenate([[0.0], np.cumsum(found[1:] * np.diff(believed))])
    return BeliefMap(
        believed=tuple(round(float(knot), 4) for knot in believed), true=tuple(round(float(value), 4) for value in true)
    )


def _design(believed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (bin, 1 + segment): what each bin's log-odds take of the first knot's value and of each slope."""
    rows = [np.ones(_N_BINS)]
    last = len(believed) - 2
    for place in range(len(believed) - 1):
        low = -np.inf if place == 0 else 0.0
        high = np.inf if place == last else believed[place + 1] - believed[place]
        rows.append(np.clip(_CENTRES - believed[place], low, high))
    return np.stack(rows, axis=1)


def mapped_reliability(
    counts: BeliefCounts, belief_map: BeliefMap | None = None, *, from_prob: float = 0.0, n_bins: int = 10
) -> Reliability:
    """Return the reliability diagram of counted beliefs after a map, from a belief (as mapped) on.

    Beliefs stand for the middle of their bin of log-odds, which moves none by more than 0.0125.

    Raises
    ------
    BadInputError
        Nothing was believed as much as `from_prob`.
    """
    knots = ((), ()) if belief_map is None else belief_map.knots
    prob = calibrate_prob((1.0 / (1.0 + np.exp(-_CENTRES))).astype(np.float32), knots).astype(np.float64)
    kept = (counts.counts > 0) & (prob >= from_prob)
    if not kept.any():
        raise BadInputError(f"Nothing was believed as much as {from_prob:g}.", where="reliability")
    prob, n, so = prob[kept], counts.counts[kept], counts.so[kept]
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    place = np.minimum(np.searchsorted(edges, prob, side="right") - 1, n_bins - 1)
    total, mined, expected = (np.bincount(place, weights=w, minlength=n_bins) for w in (n, so, prob * n))
    with np.errstate(invalid="ignore"):
        mean_prob, share = expected / total, mined / total
    squares = so * (1.0 - prob) ** 2 + (n - so) * prob**2
    return Reliability(
        edges=edges,
        counts=total.astype(np.int64),
        mean_prob=mean_prob,
        mined_share=share,
        ece=float((np.nan_to_num(np.abs(mean_prob - share)) * total).sum() / total.sum()),
        brier=float(squares.sum() / n.sum()),
    )


def bootstrap_error(
    parts: Sequence[BeliefCounts],
    belief_map: BeliefMap | None = None,
    *,
    from_prob: float = 0.0,
    draws: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the interval of the expected calibration error, by drawing whole worlds again with replacement.

    Pixels of one world share its haze, its spectra and its diggers, so worlds are what is drawn (block bootstrap, Efron
    and Tibshirani 1993, An Introduction to the Bootstrap, 8.5-8.6). The draws are the same each time.

    Parameters
    ----------
    parts : sequence of BeliefCounts
        One for each world.
    """
    rng = np.random.default_rng(20_240_101)
    errors = []
    for _ in range(draws):
        drawn = pool_counts([parts[number] for number in rng.integers(0, len(parts), len(parts))])
        errors.append(mapped_reliability(drawn, belief_map, from_prob=from_prob).ece)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(errors, [tail, 1.0 - tail])
    return float(low), float(high)
