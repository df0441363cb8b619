"""Checks of declared production, as an analyst of the statistics would run them. Each finding is a question."""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from kpgeo.model.finding import Finding, Rule, Weight
from kpgeo.model.ids import make_id
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.options.checks import CheckOptions
from kpgeo.production.joining import Entry
from kpgeo.production.participants import participants
from kpgeo.production.questions import put_into_words
from kpgeo.production.revisions import against_halves, lost_rows, revisions
from kpgeo.production.rules import (
    Raised,
    copies,
    jumps,
    labels,
    odd_price,
    priced,
    prices_around,
    round_totals,
    slips,
    unit_values,
    whole_dollars,
    zero_values,
)
from kpgeo.production.series import Series, label_of, series_of, yearly_series_of
from kpgeo.production.vintages import current_figures

_MOST_OF_IT = 0.7
_Rules = tuple[Callable[[Series, CheckOptions], Iterator[Raised]], ...]


def check_production(
    figures: Iterable[DeclaredFigure], options: CheckOptions, entries: Sequence[Entry] = ()
) -> list[Finding]:
    """Check declared production, participant by participant, in order of code, period and rule.

    Half-years are checked as half-years, and years as years: a year both halves of which are declared is not asked
    about again, but for steps between years and for a row of the year that says something else than its halves.

    Parameters
    ----------
    figures : iterable of DeclaredFigure
        Every vintage; the current one is checked, and held against the others.
    entries : sequence of Entry
        Rows of a table as they stood in it: what was entered twice is seen there only.
    """
    known = [figure for figure in figures if not figure.aoi_id]
    current = current_figures(known)
    halves = {series.iso3: series for series in series_of(current)}
    years = {series.iso3: series for series in yearly_series_of(current)}
    regions = _region_prices([*halves.values(), *years.values()], options)
    found: list[Finding] = []
    for iso3 in sorted({figure.iso3 for figure in known}):
        own = [figure for figure in known if figure.iso3 == iso3]
        raised = [*_of_halves(halves[iso3], regions, options)] if iso3 in halves else []
        raised += [*_of_years(years[iso3], regions, options)] if iso3 in years else []
        raised += [*revisions(own, options), *lost_rows(own)]
        raised += against_halves([figure for figure in current if figure.iso3 == iso3], options)
        found += [_finding(own[-1].participant, iso3, one) for one in _strongest(raised)]
    return _in_order([*found, *check_entries(entries)])


def check_entries(entries: Sequence[Entry]) -> list[Finding]:
    """Return what only the rows of a table can tell: a figure that stood twice, a figure beside "no production"."""
    by_iso3: dict[str, list[DeclaredFigure]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry.figure, DeclaredFigure):
            by_iso3[entry.figure.iso3].append(entry.figure)
    return _in_order(_finding(own[0].participant, iso3, one) for iso3, own in by_iso3.items() for one in _entries(own))


def response_table(figures: Iterable[DeclaredFigure]) -> tuple[tuple[str, ...], dict[str, tuple[DeclaredKind, ...]]]:
    """Return labels of half-years, and by participant's code what was submitted for each: a figure, none, or nothing.

    Before a participant's first submission nothing was due, and MISSING stands there too.
    """
    every = series_of(current_figures(figures))
    if not every:
        return (), {}
    first, last = min(s.points[0].number for s in every), every[0].points[-1].number
    numbers = range(first, last + 1)
    return tuple(map(label_of, numbers)), {
        series.iso3: tuple(half.kind if (half := series.at(n)) else DeclaredKind.MISSING for n in numbers)
        for series in every
    }


def _of_halves(series: Series, regions: Mapping[str, Sequence[float]], options: CheckOptions) -> Iterator[Raised]:
    rules: _Rules = (
        _missing, _partial_years, jumps, slips, copies, round_totals, whole_dollars, _same_prices, zero_values,
        unit_values,
    )  # fmt: skip
    for rule in rules:
        yield from rule(series, options)
    yield from _against_region(series, regions, options)


def _of_years(series: Series, regions: Mapping[str, Sequence[float]], options: CheckOptions) -> Iterator[Raised]:
    """Check years; what is found of years that are sums of half-years only was found in those."""
    rules: _Rules = (jumps, slips, copies, round_totals, whole_dollars, zero_values, unit_values)
    stated = {point.period.label for point in series.points if point.is_stated}
    raised = [one for rule in rules for one in rule(series, options)]
    raised += _against_region(series, regions, options)
    yield from (one for one in raised if stated.intersection(one.periods))
    yield from _steps(series, options)


def _finding(participant: str, iso3: str, raised: Raised) -> Finding:
    finding = Finding(
        id=make_id("finding", raised.rule, iso3, *raised.periods, *raised.told_apart_by),
        rule=raised.rule,
        weight=raised.weight,
        participant=participant,
        iso3=iso3,
        periods=raised.periods,
        numbers=raised.numbers,
    )
    return put_into_words(finding)


def _in_order(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda one: (one.iso3, one.periods[0], one.rule, one.id))


def _strongest(raised: Sequence[Raised]) -> list[Raised]:
    """Leave out what a more telling rule says of the same period: a slip is also an odd price, a step also a jump."""
    slipped = {label for one in raised if one.rule is Rule.DECIMAL_SLIP for label in one.periods}
    zeros = {label for one in raised if one.rule is Rule.ZERO_VALUE for label in one.periods}
    stepped = {label for one in raised if one.rule is Rule.STEP for label in one.periods}
    hidden = {Rule.UNIT_VALUE: slipped | zeros, Rule.JUMP: stepped}
    return [one for one in raised if not set(one.periods) <= hidden.get(one.rule, set())]


def _missing(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find runs of half-years without any row, after something was declared. The last may not be due yet."""
    del options
    for is_missing, run in groupby(series.points, key=lambda half: half.kind is DeclaredKind.MISSING):
        halves = list(run)
        if is_missing:
            is_open = halves[-1] is series.points[-1]
            numbers = {"halves": float(len(halves)), "is_to_the_end": float(is_open)}
            weight = Weight.QUESTION if series.is_producer and not (is_open and len(halves) == 1) else Weight.NOTE
            yield Raised(rule=Rule.MISSING_SUBMISSION, periods=labels(halves), numbers=numbers, weight=weight)


def _partial_years(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Years of a producer with one half only: their total is no total."""
    del options
    for year, run in groupby(series.points, key=lambda half: half.period.label[:4]):
        declared = [half for half in run if half.kind is not DeclaredKind.MISSING]
        if len(declared) == 1 and declared[0].carats > 0.0:
            numbers = {"year": float(year), "declared_ct": declared[0].carats}
            yield Raised(rule=Rule.PARTIAL_YEAR, periods=labels(declared), numbers=numbers, weight=Weight.NOTE)


def _steps(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find yearly totals that came to a multiple within some years: each rise once, where it is steepest."""
    declared = [point for point in series.points if point.kind is not DeclaredKind.MISSING]
    years = {point.number: 0.0 if math.isnan(point.carats) else point.carats for point in declared}
    taken = -1
    for start, low in years.items():
        later = {year: total for year, total in years.items() if start < year <= start + options.step_years}
        most = max(later.values(), default=0.0)
        is_step = low > 0.0 and most >= max(options.step_factor * low, options.step_least_ct)
        last = min((year for year, total in later.items() if total >= _MOST_OF_IT * most), default=start)
        is_lowest = all(total >= low for year, total in later.items() if year <= last)
        if start <= taken or not is_step or not is_lowest:
            continue
        first = max(year for year, total in years.items() if start <= year < last and total <= low / _MOST_OF_IT)
        taken = last
        numbers = {"before_ct": years[first], "now_ct": years[last], "factor": years[last] / years[first]}
        yield Raised(rule=Rule.STEP, periods=(str(first), str(last)), numbers=numbers)


def _same_prices(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Two or more half-years running with one price to the cent."""
    valued = [half for half in priced(series, options) if half.value_usd > 0.0]
    for price, run in groupby(valued, key=lambda half: round(half.price, 2)):
        halves = list(run)
        if len(halves) > 1:
            numbers = {"price_usd_per_ct": price, "halves": float(len(halves))}
            yield Raised(rule=Rule.SAME_PRICE, periods=labels(halves), numbers=numbers)


def _against_region(series: Series, regions: Mapping[str, Sequence[float]], options: CheckOptions) -> Iterator[Raised]:
    """Prices far from those of the participant's whole region: for those with too short a history of their own."""
    prices = regions.get(participants()[series.iso3].region, []) if series.iso3 in participants() else []
    for point in priced(series, options):
        if len(prices) >= 10 and point.value_usd > 0.0 and len(prices_around(series, point, options)) < 3:
            middle = statistics.median(prices)
            if abs(math.log(point.price / middle)) >= math.log(options.region_factor):
                yield odd_price(point, middle, is_region=True)


def _entries(own: Iterable[DeclaredFigure]) -> Iterator[Raised]:
    """Rows of one key that stood in a table more than once, or that say a figure and none at the same time."""
    ordered = sorted(own, key=lambda one: (one.aoi_id, one.period, one.sector))
    for (aoi_id, period), run in groupby(ordered, key=lambda one: (one.aoi_id, one.period)):
        rows = list(run)
        kinds = {row.kind for row in rows}
        if {DeclaredKind.FIGURE, DeclaredKind.NO_PRODUCTION} <= kinds:
            numbers = {"declared_ct": sum(row.carats or 0.0 for row in rows)}
            yield Raised(
                rule=Rule.FIGURE_AND_NONE,
                periods=(period.label,),
                numbers=numbers,
                told_apart_by=tuple(filter(None, [aoi_id])),
            )
        for sector, same in groupby(rows, key=lambda row: row.sector):
            amounts = [row.carats for row in same if row.carats is not None]
            if len(amounts) > 1:
                numbers = {"rows": float(len(amounts)), "total_ct": sum(amounts), "first_ct": amounts[0]}
                apart = (str(sector), aoi_id)
                yield Raised(rule=Rule.ENTERED_TWICE, periods=(period.label,), numbers=numbers, told_apart_by=apart)


def _region_prices(every: Sequence[Series], options: CheckOptions) -> dict[str, list[float]]:
    """Return by region the prices that rows state; a year that was added up is not counted again."""
    prices: dict[str, list[float]] = defaultdict(list)
    for series in every:
        if series.iso3 in participants():
            own = [point.price for point in priced(series, options) if point.value_usd > 0.0 and point.is_stated]
            prices[participants()[series.iso3].region].extend(own)
    return prices
