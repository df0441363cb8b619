"""What an AOI and its activity say before anything is compared: priors, coverage, regulatory periods, seasons."""

from collections.abc import Sequence

from kpgeo.model.aoi import Aoi, CapacityPriors, RegimeKind
from kpgeo.model.calendar import Period, date_of
from kpgeo.model.geometry import area_ha
from kpgeo.model.production import Activity
from kpgeo.options.production import ProductionOptions
from kpgeo.production.capacity import CapacityPart, draw_capacity, mean_log_yield
from kpgeo.production.published_capacity import above_threshold


def parts_of(aoi: Aoi, activities: Sequence[Activity], options: ProductionOptions) -> tuple[list[CapacityPart], bool]:
    """Return the areas of strata with their priors, and whether a stratum with activity has none.

    Land outside the strata is no part: what is mined there is not known, and it may be gold (`outside_parts`).
    """
    strata = {stratum.id: stratum for stratum in aoi.strata}
    parts, is_partial = [], False
    for activity in activities:
        stratum = strata.get(activity.stratum_id)
        if stratum is None:
            continue
        if stratum.priors is not None:
            parts.append(_part(activity, stratum.priors, str(stratum.deposit_type)))
        elif activity.new_area.ha >= options.min_area_ha:
            is_partial = True
    return parts, is_partial


def outside_parts(aoi: Aoi, activities: Sequence[Activity]) -> list[CapacityPart]:
    """Return what was dug outside the strata at the most generous priors of the AOI: the most it could have yielded.

    Nothing where nothing was dug there, or where the AOI has no priors.
    """
    known = [stratum.priors for stratum in aoi.strata if stratum.priors is not None]
    strata = {stratum.id for stratum in aoi.strata}
    outside = [one for one in activities if one.stratum_id not in strata and one.new_area.ha > 0.0]
    if not known:
        return []
    generous = max(known, key=mean_log_yield)
    return [_part(activity, generous, "") for activity in outside]


def is_explained_outside(aoi: Aoi, activities: Sequence[Activity], carats: float, options: ProductionOptions) -> bool:
    """Say whether strata and digging outside them together would explain a figure, were all of it diamond ground."""
    beside = outside_parts(aoi, activities)
    if not beside or not options.outside_may_explain:
        return False
    both = draw_capacity([*parts_of(aoi, activities, options)[0], *beside], options, (aoi.id, "both"))
    return both.prob_below(carats) < above_threshold(options)


def _part(activity: Activity, priors: CapacityPriors, deposit: str) -> CapacityPart:
    return CapacityPart(
        priors=priors,
        new_area=activity.new_area,
        deposit=deposit,
        standing_area=activity.standing_area,
        years=(activity.period.end_day - activity.period.start_day) / 365.25,
    )


def coverage_of(aoi: Aoi, activities: Sequence[Activity]) -> float:
    """Return the coverage of the strata, weighted by their areas; of the whole land where there are no strata."""
    land = {stratum.id: area_ha(stratum.geometry) for stratum in aoi.strata}
    weights = [land.get(activity.stratum_id, 0.0 if land else 1.0) for activity in activities]
    total = sum(weights)
    if total <= 0.0:
        return min(activity.coverage_frac for activity in activities)
    return sum(w * activity.coverage_frac for w, activity in zip(weights, activities, strict=True)) / total


def regimes_in(aoi: Aoi, period: Period) -> tuple[RegimeKind, ...]:
    """Return the kinds of regulatory periods in force on any day of the period."""
    kinds = {
        regime.kind
        for regime in aoi.regimes
        if regime.start_day < period.end_day and (regime.end_day is None or regime.end_day > period.start_day)
    }
    return tuple(kind for kind in RegimeKind if kind in kinds)


def zone_in(aoi: Aoi, period: Period) -> frozenset[str]:
    """Return the strata of the compliant zones that are drawn and in force on any day of a period."""
    return frozenset(
        stratum_id
        for regime in aoi.regimes
        if regime.start_day < period.end_day and (regime.end_day is None or regime.end_day > period.start_day)
        for stratum_id in regime.strata
    )


def is_off_season(aoi: Aoi, period: Period) -> bool:
    """Say whether no day of the period lies in the dry season, when pits are dug."""
    if aoi.seasons is None or not aoi.seasons.dry_months:
        return False
    first, last = date_of(period.start_day), date_of(period.end_day - 1)
    return not any(month in aoi.seasons.dry_months for month in range(first.month, last.month + 1))
