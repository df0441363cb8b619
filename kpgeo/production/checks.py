"""Checks of declared production, as an analyst of the statistics would run them. Each finding is a question."""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from kpgeo.model.finding import Finding, Rule, Weight
from kpgeo.model.ids import make_id
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.options.checks import CheckOptions
from kpgeo.production.joining import Entry
from kpgeo.production.participants import participants
from kpgeo.production.questions import put_into_words
from kpgeo.production.series import Half, Series, label_of, series_of
from kpgeo.production.vintages import current_figures

_MAD_TO_SIGMA = 1.4826  # Rousseeuw & Croux (1993): the median absolute deviation of a normal, as a standard deviation
_LEAST_CHANGES = 6
_MOST_OF_IT = 0.7


@dataclass(frozen=True, kw_only=True)
class Raised:
    """A finding before it is put into words."""

    rule: Rule
    periods: tuple[str, ...]
    numbers: dict[str, float]
    weight: Weight = Weight.QUESTION


def check_production(
    figures: Iterable[DeclaredFigure], options: CheckOptions, entries: Sequence[Entry] = ()
) -> list[Finding]:
    """Check declared production, participant by participant, in order of code, rule and period.

    Parameters
    ----------
    figures : iterable of DeclaredFigure
        Every vintage; the current one is checked, and held against the others.
    entries : sequence of Entry
        Rows of a table as they stood in it: what was entered twice is seen there only.
    """
    known = list(figures)
    every = series_of(current_figures(known))
    regions = _region_prices(every, options)
    found: list[Finding] = []
    for series in every:
        rules: tuple[Callable[[Series, CheckOptions], Iterator[Raised]], ...] = (
            _missing, _partial_years, _jumps, _steps, _slips, _copies, _round_totals, _whole_dollars, _same_prices,
            _zero_values, _unit_values,
        )  # fmt: skip
        raised = [one for rule in rules for one in rule(series, options)]
        raised += _against_region(series, regions, options)
        raised += _revisions(series, known, options)
        raised += _entries(series, entries)
        found += [_finding(series, one) for one in _strongest(raised)]
    return sorted(found, key=lambda one: (one.iso3, one.periods[0], one.rule))


def response_table(figures: Iterable[DeclaredFigure]) -> tuple[tuple[str, ...], dict[str, tuple[DeclaredKind, ...]]]:
    """Return labels of half-years, and by participant's code what was submitted for each: a figure, none, or nothing.

    Before a participant's first submission nothing was due, and MISSING stands there too.
    """
    every = series_of(current_figures(figures))
    if not every:
        return (), {}
    first, last = min(s.halves[0].number for s in every), every[0].halves[-1].number
    numbers = range(first, last + 1)
    return tuple(map(label_of, numbers)), {
        series.iso3: tuple(half.kind if (half := series.at(n)) else DeclaredKind.MISSING for n in numbers)
        for series in every
    }


def _finding(series: Series, raised: Raised) -> Finding:
    finding = Finding(
        id=make_id("finding", raised.rule, series.iso3, *raised.periods),
        rule=raised.rule,
        weight=raised.weight,
        participant=series.participant,
        iso3=series.iso3,
        periods=raised.periods,
        numbers=raised.numbers,
    )
    return put_into_words(finding)


def _strongest(raised: Sequence[Raised]) -> list[Raised]:
    """Leave out what a more telling rule says of the same period: a slip is also an odd price, and often a jump."""
    slips = {label for one in raised if one.rule is Rule.DECIMAL_SLIP for label in one.periods}
    zeros = {label for one in raised if one.rule is Rule.ZERO_VALUE for label in one.periods}
    hidden = {Rule.UNIT_VALUE: slips | zeros}
    return [one for one in raised if not set(one.periods) <= hidden.get(one.rule, set())]


def _missing(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find runs of half-years without any row, after something was declared. The last may not be due yet."""
    del options
    for is_missing, run in groupby(series.halves, key=lambda half: half.kind is DeclaredKind.MISSING):
        halves = list(run)
        if is_missing:
            is_open = halves[-1] is series.halves[-1]
            numbers = {"halves": float(len(halves)), "is_to_the_end": float(is_open)}
            weight = Weight.QUESTION if series.is_producer and not (is_open and len(halves) == 1) else Weight.NOTE
            yield Raised(rule=Rule.MISSING_SUBMISSION, periods=_labels(halves), numbers=numbers, weight=weight)


def _partial_years(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Years of a producer with one half only: their total is no total."""
    del options
    for year, run in groupby(series.halves, key=lambda half: half.period.label[:4]):
        halves = list(run)
        declared = [half for half in halves if half.kind is not DeclaredKind.MISSING]
        if len(declared) == 1 and declared[0].carats > 0.0:
            numbers = {"year": float(year), "declared_ct": declared[0].carats}
            yield Raised(rule=Rule.PARTIAL_YEAR, periods=_labels(declared), numbers=numbers, weight=Weight.NOTE)


def _jumps(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find changes against the same half of the year before that are larger than a factor and than its usual ones."""
    pairs = [
        (half, before)
        for half in series.halves
        if (before := series.at(half.number - 2)) is not None and half.carats > 0.0 and before.carats > 0.0
    ]
    changes = [math.log(half.carats / before.carats) for half, before in pairs]
    usual = _spread(changes) if len(changes) >= _LEAST_CHANGES else 0.0
    least = max(math.log(options.jump_factor), min(options.jump_sigmas * usual, math.log(20.0)))
    for (half, before), change in zip(pairs, changes, strict=True):
        if abs(change) >= least and max(half.carats, before.carats) >= options.jump_least_ct:
            numbers = {
                "before_ct": before.carats,
                "now_ct": half.carats,
                "factor": math.exp(abs(change)),
                "is_up": float(change > 0.0),
            }
            yield Raised(rule=Rule.JUMP, periods=_labels([before, half]), numbers=numbers)


def _steps(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find yearly totals that came to a multiple within some years: each rise once, where it is steepest."""
    years = series.years()
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


def _slips(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find prices that lie near a power of ten of those around them: a decimal point may have slipped."""
    for half in _priced(series, options):
        around = _prices_around(series, half, options)
        if len(around) < 3 or half.value_usd <= 0.0:
            continue
        decades = math.log10(half.price / statistics.median(around))
        power = round(decades)
        is_odd = not min(around) / 1.5 <= half.price <= max(around) * 1.5
        if power and abs(decades - power) <= options.slip_tolerance and is_odd:
            numbers = {
                "price_usd_per_ct": half.price,
                "around_usd_per_ct": statistics.median(around),
                "power": float(power),
                "value_usd": half.value_usd,
                "declared_ct": half.carats,
            }
            yield Raised(rule=Rule.DECIMAL_SLIP, periods=_labels([half]), numbers=numbers)


def _copies(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find the same carats in two half-years at most two years apart."""
    del options
    for half in series.halves:
        for back in (1, 2, 3, 4):
            before = series.at(half.number - back)
            if before is not None and half.carats > 0.0 and abs(half.carats - before.carats) < 0.005:
                is_value_too = abs(half.value_usd - before.value_usd) < 0.5
                numbers = {"declared_ct": half.carats, "is_value_too": float(is_value_too)}
                yield Raised(rule=Rule.COPIED_PERIOD, periods=_labels([before, half]), numbers=numbers)
                break


def _round_totals(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Figures that are whole thousands of carats: production is weighed, not estimated."""
    for half in series.halves:
        if half.carats >= options.round_to_ct and math.fmod(half.carats, options.round_to_ct) < 0.005:
            numbers = {"declared_ct": half.carats, "round_to_ct": options.round_to_ct}
            yield Raised(rule=Rule.ROUND_TOTAL, periods=_labels([half]), numbers=numbers)


def _whole_dollars(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Values that are the carats times whole US$, to the dollar: a price was put in, none was found."""
    for half in _priced(series, options):
        price = round(half.price)
        if price and abs(half.value_usd - price * half.carats) <= max(1.0, 1e-6 * half.value_usd):
            numbers = {"price_usd_per_ct": float(price), "declared_ct": half.carats, "value_usd": half.value_usd}
            yield Raised(rule=Rule.WHOLE_DOLLAR_PRICE, periods=_labels([half]), numbers=numbers)


def _same_prices(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Two or more half-years running with one price to the cent."""
    priced = [half for half in _priced(series, options) if half.value_usd > 0.0]
    for price, run in groupby(priced, key=lambda half: round(half.price, 2)):
        halves = list(run)
        if len(halves) > 1:
            numbers = {"price_usd_per_ct": price, "halves": float(len(halves))}
            yield Raised(rule=Rule.SAME_PRICE, periods=_labels(halves), numbers=numbers)


def _zero_values(series: Series, options: CheckOptions) -> Iterator[Raised]:
    del options
    for half in series.halves:
        if half.carats > 0.0 and half.value_usd == 0.0:
            yield Raised(rule=Rule.ZERO_VALUE, periods=_labels([half]), numbers={"declared_ct": half.carats})
        if half.carats == 0.0 and half.value_usd > 0.0:
            numbers = {"value_usd": half.value_usd}
            yield Raised(rule=Rule.VALUE_WITHOUT_CARATS, periods=_labels([half]), numbers=numbers)


def _unit_values(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Prices far from the participant's own of the years around."""
    for half in _priced(series, options):
        around = _prices_around(series, half, options)
        if len(around) < 3 or half.value_usd <= 0.0:
            continue
        middle = statistics.median(around)
        distance = math.log(half.price / middle)
        usual = _spread([math.log(price) for price in around])
        if abs(distance) >= max(math.log(options.price_factor), options.price_sigmas * usual):
            yield _odd_price(half, middle, is_region=False)


def _against_region(series: Series, regions: dict[str, list[float]], options: CheckOptions) -> Iterator[Raised]:
    """Prices far from those of the participant's whole region: for those with too short a history of their own."""
    prices = regions.get(participants()[series.iso3].region, []) if series.iso3 in participants() else []
    for half in _priced(series, options):
        if len(prices) >= 10 and half.value_usd > 0.0 and len(_prices_around(series, half, options)) < 3:
            middle = statistics.median(prices)
            if abs(math.log(half.price / middle)) >= math.log(options.region_factor):
                yield _odd_price(half, middle, is_region=True)


def _odd_price(half: Half, middle: float, *, is_region: bool) -> Raised:
    numbers = {
        "price_usd_per_ct": half.price,
        "around_usd_per_ct": middle,
        "factor": max(half.price / middle, middle / half.price),
        "declared_ct": half.carats,
        "is_region": float(is_region),
        "is_up": float(half.price > middle),
    }
    return Raised(rule=Rule.UNIT_VALUE, periods=_labels([half]), numbers=numbers)


def _revisions(series: Series, figures: Sequence[DeclaredFigure], options: CheckOptions) -> Iterator[Raised]:
    """Figures whose current vintage differs from the one before it."""
    own = [one for one in figures if one.iso3 == series.iso3 and not one.aoi_id and one.kind is DeclaredKind.FIGURE]
    own.sort(key=lambda one: (one.period, one.sector, str(one.as_published_on or "")))
    for _, run in groupby(own, key=lambda one: (one.period, one.sector)):
        vintages = list(run)
        for before, now in pairwise(vintages):
            if before.as_published_on == now.as_published_on or not before.carats or now.carats is None:
                continue
            change = now.carats / before.carats - 1.0
            if abs(change) >= options.revision_frac:
                numbers = {"before_ct": before.carats, "now_ct": now.carats, "change_frac": change}
                yield Raised(rule=Rule.REVISED, periods=(now.period.label,), numbers=numbers)


def _entries(series: Series, entries: Sequence[Entry]) -> Iterator[Raised]:
    """Rows of one key that stood in a table more than once, or that say a figure and none at the same time."""
    own = [one.figure for one in entries if isinstance(one.figure, DeclaredFigure) and one.figure.iso3 == series.iso3]
    own.sort(key=lambda one: (one.period, one.sector))
    for period, run in groupby(own, key=lambda one: one.period):
        rows = list(run)
        kinds = {row.kind for row in rows}
        if {DeclaredKind.FIGURE, DeclaredKind.NO_PRODUCTION} <= kinds:
            numbers = {"declared_ct": sum(row.carats or 0.0 for row in rows)}
            yield Raised(rule=Rule.FIGURE_AND_NONE, periods=(period.label,), numbers=numbers)
        for _, same in groupby(rows, key=lambda row: row.sector):
            amounts = [row.carats for row in same if row.carats is not None]
            if len(amounts) > 1:
                numbers = {"rows": float(len(amounts)), "total_ct": sum(amounts), "first_ct": amounts[0]}
                yield Raised(rule=Rule.ENTERED_TWICE, periods=(period.label,), numbers=numbers)


def _region_prices(every: Sequence[Series], options: CheckOptions) -> dict[str, list[float]]:
    prices: dict[str, list[float]] = {}
    for series in every:
        if series.iso3 in participants():
            own = [half.price for half in _priced(series, options) if half.value_usd > 0.0]
            prices.setdefault(participants()[series.iso3].region, []).extend(own)
    return prices


def _priced(series: Series, options: CheckOptions) -> list[Half]:
    """Return the half-years that have a price."""
    return [half for half in series.halves if half.carats >= options.price_least_ct and not math.isnan(half.price)]


def _prices_around(series: Series, half: Half, options: CheckOptions) -> list[float]:
    """Return the prices of other half-years within some years of one."""
    reach = 2 * options.price_years
    return [
        other.price
        for other in _priced(series, options)
        if other is not half and abs(other.number - half.number) <= reach and other.value_usd > 0.0
    ]


def _spread(values: Sequence[float]) -> float:
    """Return a robust standard deviation."""
    middle = statistics.median(values)
    return _MAD_TO_SIGMA * statistics.median(abs(value - middle) for value in values)


def _labels(halves: Sequence[Half]) -> tuple[str, ...]:
    return tuple(half.period.label for half in halves)
