"""Trends: how declared figure and newly dug area moved between two comparable periods.

Ratios over time need no priors: whatever is unknown but constant (grade, thickness, recovery) cancels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kpgeo.kernels.capacity import Z90, prob_ratio_above
from kpgeo.model.aoi import Aoi
from kpgeo.model.calendar import Period
from kpgeo.model.production import Activity, Comparison, DeclaredFigure, DeclaredKind, NotAssessable, Verdict
from kpgeo.model.site import Area, sum_areas
from kpgeo.options.production import ProductionOptions


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Two comparable periods side by side.

    Attributes
    ----------
    earlier : str
        Label of the earlier period.
    prob_grows, prob_falls : float
        Probability that newly dug area grew, or fell, by the trend factor or more.
    verdict : Verdict or None
        One of the two trend verdicts, or None where they do not part.
    """

    earlier: str
    declared_before_ct: float
    declared_now_ct: float
    area_before: Area
    area_now: Area
    prob_grows: float
    prob_falls: float
    verdict: Verdict | None


def read_trend(
    aoi: Aoi,
    period: Period,
    activities: Sequence[Activity],
    declared: DeclaredFigure,
    previous: Sequence[Comparison],
    options: ProductionOptions,
) -> Trend | None:
    """Return the trend against the latest comparable period, or None where there is none.

    Comparable: earlier, as long, of the same season (unless `same_season` is off), covered, with a figure of the same
    scope.
    """
    candidates = [row for row in previous if _is_comparable(row, aoi, period, declared, options)]
    if declared.kind is not DeclaredKind.FIGURE or not candidates:
        return None
    earlier = max(candidates, key=lambda row: row.period.start_day)
    before, now = diamond_area(aoi, earlier.activities), diamond_area(aoi, activities)
    if before.ha <= 0.0 and now.ha <= 0.0:
        return None
    before_ct = earlier.declared.carats if earlier.declared is not None else None
    trend = Trend(
        earlier=earlier.period.label,
        declared_before_ct=before_ct or 0.0,
        declared_now_ct=declared.carats or 0.0,
        area_before=before,
        area_now=now,
        prob_grows=_prob_growth(before, now, options.trend_factor),
        prob_falls=_prob_growth(now, before, options.trend_factor),
        verdict=None,
    )
    return replace(trend, verdict=_verdict(trend, options))


def diamond_area(aoi: Aoi, activities: Sequence[Activity]) -> Area:
    """Return the newly dug area inside the AOI's strata, or anywhere in the AOI where it has none."""
    return sum_areas([a.new_area for a in activities if a.stratum_id or not aoi.strata])


def outside_area(aoi: Aoi, activities: Sequence[Activity]) -> Area:
    """Return the newly dug area outside the AOI's strata; none where it has no strata."""
    return sum_areas([a.new_area for a in activities if not a.stratum_id and aoi.strata])


def _is_comparable(
    row: Comparison, aoi: Aoi, period: Period, declared: DeclaredFigure, options: ProductionOptions
) -> bool:
    season, kind = period.label[4:], period.label[4:5]
    is_alike = row.period.label[4:] == season if options.same_season else row.period.label[4:5] == kind
    return (
        is_alike
        and row.aoi_id == aoi.id
        and row.period.end_day <= period.start_day
        and row.coverage_frac >= options.min_coverage_frac
        and NotAssessable.PERIOD_OPEN not in row.reasons
        and row.declared is not None
        and row.declared.kind is DeclaredKind.FIGURE
        and row.declared.aoi_id == declared.aoi_id
        and row.declared.period == row.period
    )


def _prob_growth(before: Area, now: Area, factor: float) -> float:
    """Return the probability that `now` is at least `factor` times `before`, errors taken as independent.

    Part of the error is common to both periods and cancels; taking it as independent makes the call more cautious.
    Where nothing was seen before, the most that could have gone unseen stands in.
    """
    if now.ha <= 0.0:
        return 0.0
    floor = before.ha if before.ha > 0.0 else before.high_ha
    if floor <= 0.0:
        return 1.0
    sigma_before = _log_sd(before) if before.ha > 0.0 else 0.0
    return prob_ratio_above(now.ha / floor, math.hypot(_log_sd(now), sigma_before), factor)


def _log_sd(area: Area) -> float:
    low = max(area.low_ha, area.ha * 1e-3)
    return math.log(max(area.high_ha, low) / low) / (2.0 * Z90)


def _verdict(trend: Trend, options: ProductionOptions) -> Verdict | None:
    now, before, factor = trend.declared_now_ct, trend.declared_before_ct, options.trend_factor
    if now * factor <= before and before > 0.0 and trend.prob_grows >= options.prob_threshold:
        return Verdict.DECLARED_FALLS_ACTIVITY_GROWS
    if now >= before * factor and now > 0.0 and trend.prob_falls >= options.prob_threshold:
        return Verdict.DECLARED_GROWS_ACTIVITY_FALLS
    return None
