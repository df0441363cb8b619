"""What a hectare yields: draws of the factors of both routes to the carats, for the strata of an AOI."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from kpgeo.kernels.capacity import correlated_scores, prior_quantile, sobol_points
from kpgeo.model.aoi import CapacityPriors, Prior
from kpgeo.model.errors import BadInputError

AREA_FACTORS = ("worked_frac", "gravel_m", "grade_ct_per_m3", "recovery_frac")
LABOUR_FACTORS = ("pits_per_ha", "miners_per_pit", "days_per_year", "m3_per_miner_day", "grade_ct_per_m3")
_LABOUR_OWN = LABOUR_FACTORS[:-1]
_GRADE = AREA_FACTORS.index("grade_ct_per_m3")


@dataclass(frozen=True, kw_only=True)
class YieldDraws:
    """Draws of the factors of some strata.

    Attributes
    ----------
    area_scores : float64 (draws,)
        Normal scores at which areas are drawn: one for all strata and periods.
    factors : tuple of dict of float64 (draws,)
        Of each stratum, its factors by name.
    area_ct_per_m2 : float64 (strata, draws)
        f * T * G * r, carats a square metre of newly dug ground.
    labour_ct_per_ha_year : float64 (strata, draws) or None
        Carats that a hectare of standing diggings yields in a year by the labour route; None unless all have priors.
    """

    area_scores: NDArray[np.float64]
    factors: tuple[dict[str, NDArray[np.float64]], ...]
    area_ct_per_m2: NDArray[np.float64]
    labour_ct_per_ha_year: NDArray[np.float64] | None

    @property
    def draws(self) -> int:
        """Return how many draws there are."""
        return int(self.area_scores.size)

    def log_scores(self, stratum: int, names: tuple[str, ...]) -> NDArray[np.float64]:
        """Return the logarithms of some factors of a stratum, float64 (factors, draws)."""
        return np.log(np.maximum(np.stack([self.factors[stratum][name] for name in names]), 1e-12))


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
    shared = {deposit: ndtri(points[:, 1 + width * len(strata) + i]) for i, deposit in enumerate(deposits)}
    factors = []
    for place, (priors, deposit) in enumerate(strata):
        own = points[:, 1 + place * width : 1 + (place + 1) * width]
        factors.append(_factors_of(priors, own, shared.get(deposit), same_deposit_rho))
    area = [_product(one, AREA_FACTORS) for one in factors]
    labour = [_product(one, LABOUR_FACTORS) for one in factors] if has_labour else None
    return YieldDraws(
        area_scores=ndtri(points[:, 0]),
        factors=tuple(factors),
        area_ct_per_m2=np.stack(area) if area else np.zeros((0, draws)),
        labour_ct_per_ha_year=None if labour is None else np.stack(labour),
    )


def _product(factors: dict[str, NDArray[np.float64]], names: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the product of some factors, float64 (draws,)."""
    product = np.ones_like(factors[names[0]])
    for name in names:
        product = product * factors[name]
    return product


def _factors_of(
    priors: CapacityPriors, points: NDArray[np.float64], shared: NDArray[np.float64] | None, rho: float
) -> dict[str, NDArray[np.float64]]:
    """Return the draws of one stratum's factors."""
    scores = ndtri(points[:, : len(AREA_FACTORS)])
    if priors.correlations:
        scores = _correlated(priors, scores)
    if shared is not None and rho > 0.0:
        scores[:, _GRADE] = math.sqrt(rho) * shared + math.sqrt(1.0 - rho) * scores[:, _GRADE]
    found = {
        name: _quantile(getattr(priors, name), name, ndtr(scores[:, place])) for place, name in enumerate(AREA_FACTORS)
    }
    if priors.labour is not None and points.shape[1] > len(AREA_FACTORS):
        for place, name in enumerate(_LABOUR_OWN, start=len(AREA_FACTORS)):
            found[name] = _quantile(getattr(priors.labour, name), name, points[:, place])
    return found


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


def _quantile(prior: Prior, name: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
    drawn = prior_quantile(prior.family, prior.low, prior.high, points)
    return np.minimum(drawn, 1.0) if name.endswith("_frac") else drawn


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
