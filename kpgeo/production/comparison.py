"""Holds declared production against activity and capacity, by rules written out in `docs/theory/production.md`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kpgeo.model.aoi import Aoi, RegimeKind
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import make_id
from kpgeo.model.production import (
    Activity,
    CapacityInterval,
    Comparison,
    DeclaredFigure,
    DeclaredKind,
    NotAssessable,
    Verdict,
)
from kpgeo.options.production import ProductionOptions
from kpgeo.production.capacity import draw_capacity
from kpgeo.production.ground import (
    coverage_of,
    is_explained_outside,
    is_off_season,
    outside_parts,
    parts_of,
    regimes_in,
)
from kpgeo.production.published_capacity import above_threshold
from kpgeo.production.sentences import Wording, write_sentences
from kpgeo.production.trend import Trend, diamond_area, outside_area, read_trend
from kpgeo.production.vintages import enclosing_periods, sum_to_period


@dataclass(frozen=True, kw_only=True)
class _Declared:
    """The figure that speaks of an AOI and period, and whether it speaks of exactly these.

    Where nothing was declared for more than this place and period, nothing was declared for them either.
    """

    figure: DeclaredFigure | None
    is_in_scope: bool

    @property
    def is_missing(self) -> bool:
        return self.figure is None or self.figure.kind is DeclaredKind.MISSING

    @property
    def is_nothing(self) -> bool:
        """Say whether nothing was declared: missing, "no production" or 0 ct."""
        return self.figure is None or not self.figure.carats


@dataclass(frozen=True, kw_only=True)
class _Capacity:
    """Capacity of the strata, the probability that it is below the declared figure, and if strata lack priors.

    `outside` is that of the digging outside the strata, kept apart; `is_explained_outside` says whether both together
    would explain the declared figure.
    """

    interval: CapacityInterval | None
    prob_above: float | None
    is_partial: bool
    labour: CapacityInterval | None = None
    outside: CapacityInterval | None = None
    is_explained_outside: bool = False


def compare_production(  # noqa: PLR0913 - the last is seldom given
    aoi: Aoi,
    period: Period,
    activities: Sequence[Activity],
    figures: Sequence[DeclaredFigure],
    previous: Sequence[Comparison],
    options: ProductionOptions,
    *,
    is_open: bool = False,
) -> Comparison:
    """Hold what was declared for a period against the digging seen in one AOI.

    Parameters
    ----------
    activities : sequence of Activity
        Of this AOI and period, one per stratum and one for the land outside.
    figures : sequence of DeclaredFigure
        Any vintages, participants and periods; the newest that speak of this AOI's participant are used.
    previous : sequence of Comparison
        Earlier comparisons of this AOI, in any order. Trends are read against the latest that is comparable.
    is_open : bool
        The activity was measured before the period had ended. Nothing is said of a figure then: there can be none yet.

    Raises
    ------
    BadInputError
        There is no activity, or activity of another AOI or period.
    """
    _require_own(aoi, period, activities)
    declared = _declared_for(aoi, period, figures, options)
    coverage_frac = coverage_of(aoi, activities)
    capacity = _capacity_of(aoi, activities, declared, options)
    trend = None
    if declared.is_in_scope and declared.figure is not None and not declared.is_nothing:
        trend = read_trend(aoi, period, activities, declared.figure, previous, options)
    verdict, reasons = _decide(aoi, period, activities, declared, _Seen(coverage_frac, capacity, trend), options)
    if is_open:
        verdict, reasons = Verdict.NOT_ASSESSABLE, (NotAssessable.PERIOD_OPEN,)
    row = Comparison(
        id=make_id("comparison", aoi.id, period.label),
        aoi_id=aoi.id,
        participant=aoi.participant,
        period=period,
        verdict=verdict,
        activities=tuple(activities),
        declared=declared.figure,
        capacity=capacity.interval,
        prob_above_capacity=capacity.prob_above,
        labour=capacity.labour,
        outside=capacity.outside,
        coverage_frac=coverage_frac,
        reasons=reasons,
    )
    wording = Wording(aoi=aoi, regimes=regimes_in(aoi, period), trend=trend, is_in_scope=declared.is_in_scope)
    return replace(row, sentences=write_sentences(row, wording, options))


@dataclass(frozen=True)
class _Seen:
    coverage_frac: float
    capacity: _Capacity
    trend: Trend | None


def _decide(
    aoi: Aoi,
    period: Period,
    activities: Sequence[Activity],
    declared: _Declared,
    seen: _Seen,
    options: ProductionOptions,
) -> tuple[Verdict, tuple[NotAssessable, ...]]:
    """Return the verdict and, where there is none, every reason why."""
    is_covered = seen.coverage_frac >= options.min_coverage_frac
    if declared.is_nothing:
        is_embargo = RegimeKind.EMBARGO in regimes_in(aoi, period)
        least = 0.0 if is_embargo else options.min_area_ha
        return _decide_nothing_declared(aoi, activities, declared, least, is_covered=is_covered)
    blockers = {
        NotAssessable.COVERAGE: not is_covered,
        NotAssessable.SCOPE: not declared.is_in_scope,
        NotAssessable.SEASON: is_off_season(aoi, period),
    }
    if any(blockers.values()):
        return Verdict.NOT_ASSESSABLE, tuple(reason for reason, holds in blockers.items() if holds)
    prob = seen.capacity.prob_above
    is_above = prob is not None and prob >= above_threshold(options)
    if is_above and not seen.capacity.is_partial and not seen.capacity.is_explained_outside:
        return Verdict.DECLARED_ABOVE_CAPACITY, ()
    if seen.trend is not None and seen.trend.verdict is not None:
        return seen.trend.verdict, ()
    if is_above or prob is None:
        is_whole = is_above and not seen.capacity.is_partial
        return Verdict.NOT_ASSESSABLE, (NotAssessable.COMMODITY if is_whole else NotAssessable.NO_PRIORS,)
    return Verdict.CONSISTENT, ()


def _decide_nothing_declared(
    aoi: Aoi, activities: Sequence[Activity], declared: _Declared, least_ha: float, *, is_covered: bool
) -> tuple[Verdict, tuple[NotAssessable, ...]]:
    """Decide where nothing was declared. Digging that was seen was seen, however little else was."""
    if _is_activity(diamond_area(aoi, activities).ha, least_ha):
        return Verdict.ACTIVITY_WITHOUT_DECLARATION, ()
    blockers = {
        NotAssessable.COVERAGE: not is_covered,
        NotAssessable.COMMODITY: _is_activity(outside_area(aoi, activities).ha, least_ha),
        NotAssessable.MISSING_SUBMISSION: declared.is_missing,
    }
    reasons = tuple(reason for reason, holds in blockers.items() if holds)
    return (Verdict.NOT_ASSESSABLE if reasons else Verdict.CONSISTENT), reasons


def _is_activity(ha: float, least_ha: float) -> bool:
    return ha > 0.0 and ha >= least_ha


def _declared_for(aoi: Aoi, period: Period, figures: Sequence[DeclaredFigure], options: ProductionOptions) -> _Declared:
    """Find the figure that speaks of the AOI: its own first, then its participant's, then that of a longer period."""
    covers = aoi.id in options.covers_participant
    missing = None
    for span in (period, *enclosing_periods(period)):
        for aoi_id in (aoi.id, ""):
            figure = sum_to_period(figures, span, iso3=aoi.iso3, aoi_id=aoi_id)
            if figure is not None and figure.kind is not DeclaredKind.MISSING:
                is_own = span == period and (aoi_id == aoi.id or covers)
                return _Declared(figure=figure, is_in_scope=is_own)
            missing = missing or figure
    return _Declared(figure=missing, is_in_scope=True)


def _capacity_of(
    aoi: Aoi, activities: Sequence[Activity], declared: _Declared, options: ProductionOptions
) -> _Capacity:
    parts, is_partial = parts_of(aoi, activities, options)
    if not parts:
        return _Capacity(interval=None, prob_above=None, is_partial=True)
    draws = draw_capacity(parts, options, (aoi.id,))
    beside = outside_parts(aoi, activities)
    outside = draw_capacity(beside, options, (aoi.id, "outside")) if beside else None
    prob, is_explained = None, False
    if declared.is_in_scope and not declared.is_nothing and declared.figure is not None:
        carats = declared.figure.carats or 0.0
        prob = draws.prob_below(carats)
        is_explained = is_explained_outside(aoi, activities, carats, options)
    return _Capacity(
        interval=draws.area_interval(),
        prob_above=prob,
        is_partial=is_partial,
        labour=draws.labour_interval(),
        outside=None if outside is None else outside.area_interval(),
        is_explained_outside=is_explained,
    )


def _require_own(aoi: Aoi, period: Period, activities: Sequence[Activity]) -> None:
    if not activities:
        raise BadInputError("There is no activity to compare.", where=aoi.id, remedy="Measure it first.")
    for activity in activities:
        if activity.aoi_id != aoi.id or activity.period != period:
            raise BadInputError(
                f"Activity of {activity.aoi_id} in {activity.period.label} is not of {aoi.id} in {period.label}.",
                where=aoi.id,
                remedy="Pass the activities of this AOI and period.",
            )
