"""Capacity: how many carats a newly dug area could have yielded under the priors of its strata.

Two routes lead there. The area route is C = A_new * 10,000 * f * T * G * r; the labour route counts the people who
could dig on the standing diggings, P = A_standing * pits * miners * days * v * G. They share the grade.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.kernels.capacity import area_log_moments, area_log_sds, prior_log_moments, spread_shares
from kpgeo.model.aoi import CapacityPriors
from kpgeo.model.ids import digest
from kpgeo.model.production import CapacityInterval
from kpgeo.model.site import Area
from kpgeo.options.production import ProductionOptions
from kpgeo.production.yields import AREA_FACTORS, LABOUR_FACTORS, RouteDraws, YieldDraws, draw_yields

M2_PER_HA = 10_000.0
SPREAD_KEYS = ("new_area", *AREA_FACTORS)
LABOUR_KEYS = ("standing_area", *LABOUR_FACTORS)


@dataclass(frozen=True, kw_only=True)
class CapacityPart:
    """What was dug in one stratum, and the priors its carats follow.

    Attributes
    ----------
    deposit : str
        Strata of one deposit type share part of their grade's error; "" for none.
    standing_area : Area or None
        Diggings that stood open, for the labour route.
    years : float
        Length of the period.
    """

    priors: CapacityPriors
    new_area: Area
    deposit: str = ""
    standing_area: Area | None = None
    years: float = 1.0


@dataclass(frozen=True, kw_only=True)
class CapacityDraws:
    """Draws of the total capacity.

    Attributes
    ----------
    area_ct : float64 (draws,)
        By the area route.
    labour_ct : float64 (draws,) or None
        By the labour route, draw by draw with the same grades; None unless every part has its priors.
    """

    parts: tuple[CapacityPart, ...]
    yields: YieldDraws
    area_ct: NDArray[np.float64]
    labour_ct: NDArray[np.float64] | None

    def area_interval(self) -> CapacityInterval:
        """Return quantiles of the area route and the share of its spread by factor (`SPREAD_KEYS`)."""
        areas = [part.new_area for part in self.parts]
        shares = _shares(areas, self.yields, self.yields.area, AREA_FACTORS)
        return _interval(self.area_ct, dict(zip(SPREAD_KEYS, shares, strict=True)))

    def labour_interval(self) -> CapacityInterval | None:
        """Return quantiles of the labour route and the share of its spread by factor (`LABOUR_KEYS`)."""
        if self.labour_ct is None or self.yields.labour is None:
            return None
        areas = [part.standing_area or part.new_area for part in self.parts]
        shares = _shares(areas, self.yields, self.yields.labour, LABOUR_FACTORS)
        return _interval(self.labour_ct, dict(zip(LABOUR_KEYS, shares, strict=True)))

    def prob_below(self, carats: float) -> float:
        """Return the probability that capacity is below some carats: by both routes, where there are two."""
        routes = [route for route in (self.area_ct, self.labour_ct) if route is not None]
        return min(float(np.mean(route < carats)) for route in routes)


def _shares(areas: Sequence[Area], yields: YieldDraws, route: RouteDraws, names: tuple[str, ...]) -> list[float]:
    """Share the variance of ln C over area and factors, strata weighted by the middle of their carats."""
    covariance = np.zeros((1 + len(names), 1 + len(names)))
    middles = np.asarray([area_log_moments(a.ha, a.low_ha, a.high_ha)[0] for a in areas]) + route.log_mean
    is_some = np.isfinite(middles)
    if is_some.any():
        weights = np.where(is_some, np.exp(middles - middles[is_some].max()), 0.0)
        weights /= weights.sum()
        of_area = weights @ np.stack([_log_parts(area) for area in areas])
        covariance[0, 0] = of_area @ yields.area_covariance @ of_area
        covariance[1:, 1:] = np.einsum("s,sij->ij", weights**2, route.within, optimize=False)
        grade = 1 + names.index("grade_ct_per_m3")
        covariance[grade, grade] += weights @ route.grade @ weights
    return [float(share) for share in spread_shares(covariance)]


def _log_parts(area: Area) -> tuple[float, float, float]:
    """Return how much of each row of `YieldDraws.area_covariance` the logarithm of an area holds."""
    if area.ha <= 0.0:
        return (0.0, 0.0, 1.0)
    return (*area_log_sds(area.ha, area.low_ha, area.high_ha), 0.0)


def sample_capacity(
    priors: CapacityPriors, new_area: Area, options: ProductionOptions, seed_parts: tuple[object, ...] = ()
) -> CapacityInterval:
    """Return the capacity of one newly dug area: C = A * 10,000 * f * T * G * r.

    Parameters
    ----------
    seed_parts : tuple
        Ids that the draws depend on (the AOI): the same ids and options give the same draws everywhere.

    Raises
    ------
    BadInputError
        A prior is impossible (bounds reversed, a share above 1, nothing above 0).
    """
    return sample_total((CapacityPart(priors=priors, new_area=new_area),), options, seed_parts)


def sample_total(
    parts: Sequence[CapacityPart], options: ProductionOptions, seed_parts: tuple[object, ...] = ()
) -> CapacityInterval:
    """Return the capacity of several strata together, by the area route."""
    return draw_capacity(parts, options, seed_parts).area_interval()


def draw_capacity(
    parts: Sequence[CapacityPart], options: ProductionOptions, seed_parts: tuple[object, ...] = ()
) -> CapacityDraws:
    """Draw the total capacity of several strata.

    Area errors are drawn in step (one detector, one bias). What a hectare yields does not depend on the period, so the
    periods of one AOI share those draws: they are made once, and ratios between periods are not blurred by them.
    """
    seed = int(digest("capacity", options.seed, *seed_parts)[:15], 16)
    known = tuple((part.priors, part.deposit) for part in parts)
    yields = draw_yields(known, options.draws, seed, options.same_deposit_rho)
    labour = yields.labour
    area_ct = np.zeros(options.draws)
    labour_ct = None if labour is None else np.zeros(options.draws)
    for place, part in enumerate(parts):
        area_ct += _drawn(part.new_area, M2_PER_HA, yields) * yields.area.per_area[place]
        if labour is not None and labour_ct is not None:
            standing = part.standing_area or part.new_area
            labour_ct += _drawn(standing, part.years, yields) * labour.per_area[place]
    return CapacityDraws(parts=tuple(parts), yields=yields, area_ct=area_ct, labour_ct=labour_ct)


def _drawn(area: Area, factor: float, yields: YieldDraws) -> NDArray[np.float64]:
    """Return an area at the scores of the draws, times a factor: as `area_at_scores`, with what periods share."""
    if area.ha <= 0.0:
        return yields.unseen * (max(area.high_ha, 0.0) * factor)
    below, above = area_log_sds(area.ha, area.low_ha, area.high_ha)
    lower, upper = yields.halves
    drawn = lower * below
    drawn += upper * above
    np.exp(drawn, out=drawn)
    drawn *= area.ha * factor
    return drawn


def _interval(draws: NDArray[np.float64], spread: dict[str, float]) -> CapacityInterval:
    low, median, high = (float(q) for q in np.quantile(draws, [0.05, 0.50, 0.95]))
    return CapacityInterval(low_ct=low, median_ct=median, high_ct=high, spread_frac=spread, draws=int(draws.size))


def mean_log_yield(priors: CapacityPriors) -> float:
    """Return the mean of ln(f * T * G * r): how generous the priors are, per square metre."""
    chosen = [getattr(priors, name) for name in AREA_FACTORS]
    return math.fsum(prior_log_moments(prior.family, prior.low, prior.high)[0] for prior in chosen)
