"""Holds an export parcel against the digging seen at its declared origin."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kpgeo.model.aoi import Aoi
from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import make_id
from kpgeo.model.parcel import Parcel, ParcelAnswer, ParcelCheck
from kpgeo.model.production import Activity, NotAssessable
from kpgeo.model.site import sum_areas
from kpgeo.options.production import ProductionOptions
from kpgeo.production.capacity import draw_capacity
from kpgeo.production.ground import coverage_of, is_explained_outside, is_off_season, parts_of
from kpgeo.production.parcel_words import write_parcel
from kpgeo.production.published_capacity import above_threshold


@dataclass(frozen=True, kw_only=True)
class _Odds:
    """How sure it is that the origin could not have yielded the parcel, and all parcels so far.

    `is_explained_outside` says whether digging outside the strata would explain the latter, were it of diamonds.
    """

    parcel: float | None
    cumulative: float | None
    is_explained_outside: bool = False


def check_parcel(
    aoi: Aoi, parcel: Parcel, activities: Sequence[Activity], options: ProductionOptions, *, is_open: bool = False
) -> ParcelCheck:
    """Say whether the activity seen at a parcel's origin explains its weight, and the weight declared so far.

    Parameters
    ----------
    activities : sequence of Activity
        Of the AOI and the parcel's period, one per stratum and one for the land outside.
    is_open : bool
        The period had not ended when the activity was measured.

    Raises
    ------
    BadInputError
        The weights contradict each other, the AOI has no such stratum, or the activity is of another place or period.
    """
    here, origin = _origin_of(aoi, parcel, activities)
    parts, is_partial = parts_of(origin, here, options)
    draws = draw_capacity(parts, options, (aoi.id,)) if parts and not is_partial else None
    odds = _Odds(parcel=None, cumulative=None)
    if draws is not None:
        odds = _Odds(
            parcel=draws.prob_below(parcel.carats),
            cumulative=draws.prob_below(parcel.cumulative_ct),
            is_explained_outside=is_explained_outside(origin, here, parcel.cumulative_ct, options),
        )
    coverage_frac = coverage_of(origin, here)
    blockers = {
        NotAssessable.PERIOD_OPEN: is_open,
        NotAssessable.COVERAGE: coverage_frac < options.min_coverage_frac,
        NotAssessable.SEASON: is_off_season(aoi, parcel.period),
        NotAssessable.NO_PRIORS: draws is None,
        NotAssessable.COMMODITY: _is_above(odds, options) and odds.is_explained_outside,
    }
    reasons = tuple(reason for reason, holds in blockers.items() if holds)
    activity = _together(parcel, [one for one in here if one.stratum_id or not origin.strata], coverage_frac)
    check = ParcelCheck(
        id=make_id("parcel", parcel.aoi_id, parcel.stratum_id, parcel.period.label, parcel.id, parcel.cumulative_ct),
        parcel=parcel,
        participant=aoi.participant,
        answer=_answer(activity, odds, reasons, options),
        activity=activity,
        capacity=None if draws is None else draws.area_interval(),
        labour=None if draws is None else draws.labour_interval(),
        prob_parcel=odds.parcel,
        prob_cumulative=odds.cumulative,
        reasons=reasons,
    )
    return replace(check, sentences=write_parcel(check, aoi, options))


def _answer(
    activity: Activity, odds: _Odds, reasons: tuple[NotAssessable, ...], options: ProductionOptions
) -> ParcelAnswer:
    if reasons:
        return ParcelAnswer.NOT_ASSESSABLE
    if not _is_above(odds, options):
        return ParcelAnswer.EXPLAINED
    return ParcelAnswer.ABOVE_CAPACITY if activity.new_area.ha > 0.0 else ParcelAnswer.NO_ACTIVITY_SEEN


def _is_above(odds: _Odds, options: ProductionOptions) -> bool:
    return (odds.cumulative or 0.0) >= above_threshold(options)


def _origin_of(aoi: Aoi, parcel: Parcel, activities: Sequence[Activity]) -> tuple[list[Activity], Aoi]:
    """Return the activity of a parcel's origin, and the AOI with only the strata of it."""
    if not 0.0 < parcel.carats <= parcel.cumulative_ct:
        raise BadInputError(
            f"{parcel.carats:g} ct in the parcel and {parcel.cumulative_ct:g} ct so far contradict each other.",
            where=f"parcel {parcel.id}",
            remedy="The weight so far holds this parcel too.",
        )
    if parcel.aoi_id != aoi.id or any(one.aoi_id != aoi.id or one.period != parcel.period for one in activities):
        raise BadInputError("The activity is not of the parcel's origin and period.", where=f"parcel {parcel.id}")
    if not parcel.stratum_id:
        return list(activities), aoi
    strata = tuple(stratum for stratum in aoi.strata if stratum.id == parcel.stratum_id)
    if not strata:
        known = ", ".join(stratum.id for stratum in aoi.strata) or "none"
        raise BadInputError(
            f"{aoi.id} has no stratum {parcel.stratum_id!r}.", where=f"parcel {parcel.id}", remedy=f"It has {known}."
        )
    return [one for one in activities if one.stratum_id == parcel.stratum_id], replace(aoi, strata=strata)


def _together(parcel: Parcel, activities: Sequence[Activity], coverage_frac: float) -> Activity:
    return Activity(
        aoi_id=parcel.aoi_id,
        stratum_id=parcel.stratum_id,
        period=parcel.period,
        new_area=sum_areas([one.new_area for one in activities]),
        standing_area=sum_areas([one.standing_area for one in activities]),
        coverage_frac=coverage_frac,
        sites=sum(one.sites for one in activities),
    )
