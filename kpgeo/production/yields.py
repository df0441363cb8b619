"""What a hectare yields: draws of the factors of both routes to the carats, for the strata of an AOI."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray
from scipy.special import ndtri

from kpgeo.kernels.capacity import (
    LEAST,
    area_at_scores,
    correlated_scores,
    log_covariance,
    prior_log_quantile,
    sobol_points,
)
from kpgeo.model.aoi import CapacityPriors, LabourPriors, Prior
from kpgeo.model.errors import BadInputError

AREA_FACTORS = ("worked_frac", "gravel_m", "grade_ct_per_m3", "recovery_frac")
LABOUR_FACTORS = ("pits_per_ha", "miners_per_pit", "days_per_year", "m3_per_miner_day", "grade_ct_per_m3")
_LABOUR_OWN = LABOUR_FACTORS[:-1]
_GRADE = AREA_FACTORS.index("grade_ct_per_m3")


@dataclass(frozen=True, kw_only=True)
class RouteDraws:
    """Draws of what a hectare yields by one route, and how they vary.

    Attributes
    ----------
    per_area : float64 (strata, draws)
        Carats that a unit of area yields: the product of the factors.
    log_mean : float64 (strata,)
        Mean of its logarithm.
    within : float64 (strata, factors, factors)
        Covariance of the logarithms of the factors of one stratum.
    grade : float64 (strata, strata)
        Covariance of the logarithms of the grades of strata of one deposit type; 0 for others and on the diagonal.
    """

    per_area: NDArray[np.float64]
    log_mean: NDArray[np.float64]
    within: NDArray[np.float64]
    grade: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class YieldDraws:
    """Draws of the factors of some strata.

    Attributes
    ----------
    area_scores : float64 (draws,)
        Normal scores at which areas are drawn: one for all strata and periods.
    area : RouteDraws
        f * T * G * r: carats a square metre of newly dug ground.
    labour : RouteDraws or None
        Carats that a hectare of standing diggings yields in a year; None unless all strata have priors.
    """

    area_scores: NDArray[np.float64]
    area: RouteDraws
    labour: RouteDraws | None

    @property
    def draws(self) -> int:
        """Return how many draws there are."""
        return int(self.area_scores.size)

    @cached_property
    def halves(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what of the scores lies below 0, and what above, float64 (draws,)."""
        return np.minimum(self.area_scores, 0.0), np.maximum(self.area_scores, 0.0)

    @cached_property
    def unseen(self) -> NDArray[np.float64]:
        """Return draws of an area of which nothing was seen and whose upper end is 1, float64 (draws,)."""
        return area_at_scores(0.0, 0.0, 1.0, self.area_scores)

    @cached_property
    def area_covariance(self) -> NDArray[np.float64]:
        """Return the covariance of what the logarithm of any area is made of, (3, 3): both halves, and ln `unseen`."""
        rows = np.stack([*self.halves, np.log(np.maximum(self.unseen, LEAST))])
        return log_covariance(rows, rows)


@lru_cache(maxsize=16)
def draw_yields(
    strata: tuple[tuple[CapacityPriors, str], ...], draws: int, seed: int, same_deposit_rho: float
) -> YieldDraws:
    """Draw the factors of strata, each given by its priors and its deposit type.

    Grades of strata of one deposit type share a part of their error; factors of one stratum go together as its priors
    say; all else is independent.

    Raises
    ------
    BadInputError
        A prior is impossible, or no factors go together as the correlations say.
    """
    for priors, _ in strata:
        _require_possible(priors)
    has_labour = bool(strata) and all(priors.labour is not None for priors, _ in strata)
    deposits = sorted({deposit for _, deposit in strata if deposit})
    width = len(AREA_FACTORS) + (len(_LABOUR_OWN) if has_labour else 0)
    points = sobol_points(1 + width * len(strata) + len(deposits), draws, seed)
    scores = ndtri(np.ascontiguousarray(points.T))
    shared = dict(zip(deposits, scores[1 + width * len(strata) :], strict=True))
    area, labour = [], []
    for place, (priors, deposit) in enumerate(strata):
        own = scores[1 + place * width : 1 + (place + 1) * width]
        logs = _area_logs(priors, own[: len(AREA_FACTORS)], shared.get(deposit), same_deposit_rho)
        area.append(np.stack(logs))
        if has_labour and priors.labour is not None:
            labour.append(np.stack([*_logs_of(priors.labour, _LABOUR_OWN, own[len(AREA_FACTORS) :]), logs[_GRADE]]))
    grade = _grade_covariance([rows[_GRADE] for rows in area], [deposit for _, deposit in strata])
    return YieldDraws(
        area_scores=scores[0],
        area=_route(area, grade, draws),
        labour=_route(labour, grade, draws) if has_labour else None,
    )


def _route(logs: Sequence[NDArray[np.float64]], grade: NDArray[np.float64], draws: int) -> RouteDraws:
    """Return a route, from the logarithms of each stratum's factors (factors, draws)."""
    if not logs:
        return RouteDraws(per_area=np.zeros((0, draws)), log_mean=np.zeros(0), within=np.zeros((0, 0, 0)), grade=grade)
    totals = [rows.sum(axis=0) for rows in logs]
    return RouteDraws(
        per_area=np.exp(np.stack(totals)),
        log_mean=np.asarray([float(total.mean()) for total in totals]),
        within=np.stack([log_covariance(rows, rows) for rows in logs]),
        grade=grade,
    )


def _grade_covariance(grades: Sequence[NDArray[np.float64]], deposits: Sequence[str]) -> NDArray[np.float64]:
    """Return the covariance of the logarithms of grades between strata of one deposit type, 0 elsewhere."""
    found = np.zeros((len(grades), len(grades)))
    for deposit in {one for one in deposits if one}:
        at = [place for place, one in enumerate(deposits) if one == deposit]
        if len(at) > 1:
            rows = np.stack([grades[place] for place in at])
            found[np.ix_(at, at)] = log_covariance(rows, rows)
    np.fill_diagonal(found, 0.0)
    return found


def _area_logs(
    priors: CapacityPriors, scores: NDArray[np.float64], shared: NDArray[np.float64] | None, rho: float
) -> list[NDArray[np.float64]]:
    """Return the logarithms of the factors of one stratum's area route, from scores (factors, draws)."""
    if priors.correlations:
        scores = _correlated(priors, scores.T).T
    if shared is not None and rho > 0.0:
        scores = scores.copy()
        scores[_GRADE] = math.sqrt(rho) * shared + math.sqrt(1.0 - rho) * scores[_GRADE]
    return _logs_of(priors, AREA_FACTORS, scores)


def _logs_of(
    priors: CapacityPriors | LabourPriors, names: tuple[str, ...], scores: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Return the logarithms of some factors at normal scores (factors, draws)."""
    return [_log_quantile(getattr(priors, name), name, own) for name, own in zip(names, scores, strict=True)]


def _correlated(priors: CapacityPriors, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix = np.eye(len(AREA_FACTORS))
    for one in priors.correlations:
        i, j = AREA_FACTORS.index(one.first), AREA_FACTORS.index(one.second)
        matrix[i, j] = matrix[j, i] = one.rho
    try:
        return correlated_scores(scores, matrix)
    except LinAlgError as error:
        raise BadInputError(
            "No factors go together as these correlations say.",
            where="priors.correlations",
            remedy="Correlations between three factors must agree with each other.",
        ) from error


def _log_quantile(prior: Prior, name: str, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    drawn = prior_log_quantile(prior.family, prior.low, prior.high, scores)
    return np.minimum(drawn, 0.0) if name.endswith("_frac") else drawn


def _require_possible(priors: CapacityPriors) -> None:
    for name in AREA_FACTORS:
        _require_prior(getattr(priors, name), name)
    for name in _LABOUR_OWN if priors.labour is not None else ():
        _require_prior(getattr(priors.labour, name), f"labour.{name}")


def _require_prior(prior: Prior, name: str) -> None:
    needs_positive = prior.family != "uniform"
    is_share = name.endswith("_frac")
    wrong = (
        not (math.isfinite(prior.low) and math.isfinite(prior.high))
        or prior.low < 0.0
        or prior.high <= 0.0
        or (needs_positive and prior.low <= 0.0)
        or (prior.family != "beta" and prior.low > prior.high)
        or (is_share and prior.family != "beta" and prior.high > 1.0)
    )
    if wrong:
        raise BadInputError(
            f"{prior.family} from {prior.low} to {prior.high} is not a prior of {name}.",
            where=f"priors.{name}",
            remedy="Give finite positive bounds, the lower first; shares lie within 0–1.",
        )
