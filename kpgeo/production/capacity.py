"""Capacity: how many carats a newly dug area could have yielded under the priors of its strata."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.kernels.capacity import (
    Z90,
    area_log_moments,
    area_quantile,
    prior_log_moments,
    prior_quantile,
    prob_ratio_above,
    sobol_points,
    spread_shares,
)
from kpgeo.model.aoi import CapacityPriors, Prior
from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import digest
from kpgeo.model.production import CapacityInterval, Verdict
from kpgeo.model.site import Area
from kpgeo.options.production import ProductionOptions

M2_PER_HA = 10_000.0
FACTORS = ("worked_frac", "gravel_m", "grade_ct_per_m3", "recovery_frac")
SPREAD_KEYS = ("new_area", *FACTORS)


@dataclass(frozen=True, kw_only=True)
class CapacityPart:
    """The newly dug area of one stratum and the priors its carats follow."""

    priors: CapacityPriors
    new_area: Area


@dataclass(frozen=True, kw_only=True)
class PublishedCapacityCheck:
    """A declared figure held against a capacity range that somebody published.

    Attributes
    ----------
    verdict : Verdict
        `consistent` or `declared-above-capacity`.
    prob_above_capacity : float
        Probability that capacity is below the declared figure, with the range read as a lognormal's 90 % interval.
    ratio_low, ratio_high : float
        Declared figure over the upper and over the lower end of the range.
    """

    verdict: Verdict
    prob_above_capacity: float
    ratio_low: float
    ratio_high: float


def sample_capacity(
    priors: CapacityPriors, new_area: Area, options: ProductionOptions, seed_parts: tuple[object, ...] = ()
) -> CapacityInterval:
    """Return the capacity of one newly dug area: C = A * 10,000 * f * T * G * r.

    Parameters
    ----------
    seed_parts : tuple
        Ids that the draws depend on (AOI, stratum, period): the same ids and options give the same draws everywhere.

    Raises
    ------
    BadInputError
        A prior is impossible (bounds reversed, a share above 1, nothing above 0).
    """
    return sample_total((CapacityPart(priors=priors, new_area=new_area),), options, seed_parts)


def sample_total(
    parts: Sequence[CapacityPart], options: ProductionOptions, seed_parts: tuple[object, ...] = ()
) -> CapacityInterval:
    """Return the capacity of several strata together.

    Area errors are drawn in step (one detector, one bias), the other factors independently: a dyke and a flat share no
    gravel. `spread_frac` has the keys `SPREAD_KEYS`.
    """
    return interval_of(parts, draw_total(parts, options, seed_parts))


def draw_total(
    parts: Sequence[CapacityPart], options: ProductionOptions, seed_parts: tuple[object, ...] = ()
) -> NDArray[np.float64]:
    """Return draws of the total capacity in carats, (draws,) float64."""
    for part in parts:
        _require_possible(part.priors)
    seed = int(digest("capacity", options.seed, *seed_parts)[:15], 16)
    points = sobol_points(1 + len(FACTORS) * max(len(parts), 1), options.draws, seed)
    total = np.zeros(options.draws)
    for index, part in enumerate(parts):
        area = part.new_area
        carats = M2_PER_HA * area_quantile(area.ha, area.low_ha, area.high_ha, points[:, 0])
        for offset, name in enumerate(FACTORS, start=1 + index * len(FACTORS)):
            prior: Prior = getattr(part.priors, name)
            factor = prior_quantile(prior.family, prior.low, prior.high, points[:, offset])
            carats = carats * (np.minimum(factor, 1.0) if name.endswith("_frac") else factor)
        total += carats
    return total


def interval_of(parts: Sequence[CapacityPart], draws: NDArray[np.float64]) -> CapacityInterval:
    """Return the 5 %, 50 % and 95 % quantiles of the draws and the share of the spread by factor."""
    low, median, high = (float(q) for q in np.quantile(draws, [0.05, 0.50, 0.95]))
    return CapacityInterval(
        low_ct=low, median_ct=median, high_ct=high, spread_frac=_spread(parts), draws=int(draws.size)
    )


def mean_log_yield(priors: CapacityPriors) -> float:
    """Return the mean of ln(f * T * G * r): how generous the priors are, per square metre."""
    chosen = [getattr(priors, name) for name in FACTORS]
    return math.fsum(prior_log_moments(prior.family, prior.low, prior.high)[0] for prior in chosen)


def compare_with_published_capacity(
    declared_ct: float, low_ct: float, high_ct: float, options: ProductionOptions
) -> PublishedCapacityCheck:
    """Hold a declared figure against a published capacity range, such as 480,000–720,000 ct a year for Guinea.

    Raises
    ------
    BadInputError
        The range is empty or not positive, or the figure is negative.
    """
    if not (0.0 < low_ct <= high_ct and declared_ct >= 0.0 and math.isfinite(declared_ct + high_ct)):
        raise BadInputError(
            f"{low_ct} to {high_ct} ct is not a capacity range for {declared_ct} ct.",
            remedy="Give positive carats, the lower end first.",
        )
    sigma = math.log(high_ct / low_ct) / (2.0 * Z90)
    prob = prob_ratio_above(declared_ct / math.sqrt(low_ct * high_ct), sigma, 1.0)
    is_above = prob >= above_threshold(options)
    return PublishedCapacityCheck(
        verdict=Verdict.DECLARED_ABOVE_CAPACITY if is_above else Verdict.CONSISTENT,
        prob_above_capacity=prob,
        ratio_low=declared_ct / high_ct,
        ratio_high=declared_ct / low_ct,
    )


def above_threshold(options: ProductionOptions) -> float:
    """Return the probability from which a figure lies above the central interval (0.95 for 90 %)."""
    return 0.5 * (1.0 + options.interval)


def _spread(parts: Sequence[CapacityPart]) -> dict[str, float]:
    """Share the variance of ln C over the factors, strata weighted by the median of their carats."""
    if not parts:
        return dict(zip(SPREAD_KEYS, (1.0, 0.0, 0.0, 0.0, 0.0), strict=True))
    logs, area_sd, variances = [], [], []
    for part in parts:
        area_mean, area_variance = area_log_moments(part.new_area.ha, part.new_area.low_ha, part.new_area.high_ha)
        moments = [prior_log_moments(p.family, p.low, p.high) for p in (getattr(part.priors, n) for n in FACTORS)]
        logs.append(area_mean + math.fsum(mean for mean, _ in moments))
        area_sd.append(math.sqrt(area_variance))
        variances.append([variance for _, variance in moments])
    scale = np.asarray(logs)
    finite = np.isfinite(scale)
    weights = np.exp(scale - scale[finite].max()) if finite.any() else np.ones(len(parts))
    shares = spread_shares(weights / weights.sum(), np.asarray(area_sd), np.asarray(variances))
    return {key: float(share) for key, share in zip(SPREAD_KEYS, shares, strict=True)}


def _require_possible(priors: CapacityPriors) -> None:
    for name in FACTORS:
        prior: Prior = getattr(priors, name)
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
