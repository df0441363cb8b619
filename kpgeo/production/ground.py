"""What an AOI and its activity say before anything is compared: priors, coverage, regulatory periods, seasons."""

from collections.abc import Sequence

from kpgeo.model.aoi import Aoi, CapacityPriors, RegimeKind
from kpgeo.model.calendar import Period, date_of
from kpgeo.model.geometry import area_ha
from kpgeo.model.production import Activity
from kpgeo.options.production import ProductionOptions
from kpgeo.production.capacity import CapacityPart, mean_log_yield


def parts_of(aoi: Aoi, activities: Sequence[Activity], options: ProductionOptions) -> tuple[list[CapacityPart], bool]:
    """Return areas with their priors, and whether a stratum with activity has none.

    Land outside the strata is counted at the most generous priors of the AOI: capacity is a ceiling, and a figure is
    called above it only if it is so even then.
    """
    priors = {stratum.id: stratum.priors for stratum in aoi.strata}
    deposits = {stratum.id: str(stratum.deposit_type) for stratum in aoi.strata}
    known: list[CapacityPriors] = [chosen for chosen in priors.values() if chosen is not None]
    parts, is_partial = [], False
    for activity in activities:
        chosen = priors.get(activity.stratum_id)
        is_outside = activity.stratum_id not in priors
        if is_outside and known and options.count_outside and activity.new_area.ha > 0.0:
            chosen = max(known, key=mean_log_yield)
        if chosen is not None:
            parts.append(
                CapacityPart(
                    priors=chosen,
                    new_area=activity.new_area,
                    deposit=deposits.get(activity.stratum_id, ""),
                    standing_area=activity.standing_area,
                    years=(activity.period.end_day - activity.period.start_day) / 365.25,
                )
            )
        elif not is_outside and activity.new_area.ha >= options.min_area_ha:
            is_partial = True
    return parts, is_partial


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
