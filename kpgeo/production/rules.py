"""Rules that look at one participant's series, whether of half-years or of years."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kpgeo.model.finding import Rule, Weight
from kpgeo.model.production import DeclaredKind
from kpgeo.options.checks import CheckOptions
from kpgeo.production.series import Point, Series

_MAD_TO_SIGMA = 1.4826  # Rousseeuw & Croux (1993): the median absolute deviation of a normal, as a standard deviation
_LEAST_CHANGES = 6
_COPIED_YEARS = 2


@dataclass(frozen=True, kw_only=True)
class Raised:
    """A finding before it is put into words.

    Attributes
    ----------
    told_apart_by : tuple of str
        What tells it from others of the same rule and periods.
    """

    rule: Rule
    periods: tuple[str, ...]
    numbers: dict[str, float]
    weight: Weight = Weight.QUESTION
    told_apart_by: tuple[str, ...] = ()


def jumps(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find changes against the year before that are larger than a factor and than the participant's usual ones.

    A half-year is held against the same half of the year before; a year against the year before or, where nothing is
    known of that, the one before it.
    """
    pairs = [
        (point, before)
        for point in series.points
        if point.carats > 0.0 and (before := _before(series, point)) is not None
    ]
    changes = [math.log(point.carats / before.carats) for point, before in pairs]
    usual = spread(changes) if len(changes) >= _LEAST_CHANGES else 0.0
    least = max(math.log(options.jump_factor), min(options.jump_sigmas * usual, math.log(20.0)))
    for (point, before), change in zip(pairs, changes, strict=True):
        if abs(change) >= least and max(point.carats, before.carats) >= options.jump_least_ct:
            numbers = {
                "before_ct": before.carats,
                "now_ct": point.carats,
                "factor": math.exp(abs(change)),
                "is_up": float(change > 0.0),
            }
            yield Raised(rule=Rule.JUMP, periods=labels([before, point]), numbers=numbers)


def _before(series: Series, point: Point) -> Point | None:
    """Return the point a point is held against, where carats were produced in it."""
    for back in (series.per_year,) if series.per_year > 1 else (1, 2):
        before = series.at(point.number - back)
        if before is not None and before.kind is not DeclaredKind.MISSING:
            return before if before.carats > 0.0 else None
    return None


def slips(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find prices that lie near a power of ten of those around them: a decimal point may have slipped."""
    for point in priced(series, options):
        around = prices_around(series, point, options)
        if len(around) < 3 or point.value_usd <= 0.0:
            continue
        decades = math.log10(point.price / statistics.median(around))
        power = round(decades)
        is_odd = not min(around) / 1.5 <= point.price <= max(around) * 1.5
        if power and abs(decades - power) <= options.slip_tolerance and is_odd:
            numbers = {
                "price_usd_per_ct": point.price,
                "around_usd_per_ct": statistics.median(around),
                "power": float(power),
                "value_usd": point.value_usd,
                "declared_ct": point.carats,
            }
            yield Raised(rule=Rule.DECIMAL_SLIP, periods=labels([point]), numbers=numbers)


def copies(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Find the same carats in two periods at most two years apart. Figures that kpgeo rounded are alike by that."""
    del options
    for point in series.points:
        for back in range(1, _COPIED_YEARS * series.per_year + 1):
            before = series.at(point.number - back)
            if before is None or not point.carats > 0.0 or point.is_rounded:
                continue
            if abs(point.carats - before.carats) < 0.005:
                is_value_too = abs(point.value_usd - before.value_usd) < 0.5
                numbers = {"declared_ct": point.carats, "is_value_too": float(is_value_too)}
                yield Raised(rule=Rule.COPIED_PERIOD, periods=labels([before, point]), numbers=numbers)
                break


def round_totals(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Figures that are whole thousands of carats: production is weighed, not estimated."""
    for point in series.points:
        if point.is_rounded:
            continue
        if point.carats >= options.round_to_ct and math.fmod(point.carats, options.round_to_ct) < 0.005:
            numbers = {"declared_ct": point.carats, "round_to_ct": options.round_to_ct}
            yield Raised(rule=Rule.ROUND_TOTAL, periods=labels([point]), numbers=numbers)


def whole_dollars(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Values that are the carats times whole US$, to the dollar: a price was put in, none was found."""
    for point in priced(series, options):
        price = round(point.price)
        if price and abs(point.value_usd - price * point.carats) <= max(1.0, 1e-6 * point.value_usd):
            numbers = {"price_usd_per_ct": float(price), "declared_ct": point.carats, "value_usd": point.value_usd}
            yield Raised(rule=Rule.WHOLE_DOLLAR_PRICE, periods=labels([point]), numbers=numbers)


def zero_values(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Carats without a value, and a value without carats."""
    del options
    for point in series.points:
        if point.carats > 0.0 and point.value_usd == 0.0:
            yield Raised(rule=Rule.ZERO_VALUE, periods=labels([point]), numbers={"declared_ct": point.carats})
        if point.carats == 0.0 and point.value_usd > 0.0:
            numbers = {"value_usd": point.value_usd}
            yield Raised(rule=Rule.VALUE_WITHOUT_CARATS, periods=labels([point]), numbers=numbers)


def unit_values(series: Series, options: CheckOptions) -> Iterator[Raised]:
    """Prices far from the participant's own of the years around."""
    for point in priced(series, options):
        around = prices_around(series, point, options)
        if len(around) < 3 or point.value_usd <= 0.0:
            continue
        middle = statistics.median(around)
        distance = math.log(point.price / middle)
        usual = spread([math.log(price) for price in around])
        if abs(distance) >= max(math.log(options.price_factor), options.price_sigmas * usual):
            yield odd_price(point, middle, is_region=False)


def odd_price(point: Point, middle: float, *, is_region: bool) -> Raised:
    """Return what is raised of a price that is far from the middle of others."""
    numbers = {
        "price_usd_per_ct": point.price,
        "around_usd_per_ct": middle,
        "factor": max(point.price / middle, middle / point.price),
        "declared_ct": point.carats,
        "is_region": float(is_region),
        "is_up": float(point.price > middle),
    }
    return Raised(rule=Rule.UNIT_VALUE, periods=labels([point]), numbers=numbers)


def priced(series: Series, options: CheckOptions) -> list[Point]:
    """Return the periods that have a price."""
    return [point for point in series.points if point.carats >= options.price_least_ct and not math.isnan(point.price)]


def prices_around(series: Series, point: Point, options: CheckOptions) -> list[float]:
    """Return the prices of other periods within some years of one."""
    reach = series.per_year * options.price_years
    return [
        other.price
        for other in priced(series, options)
        if other is not point and abs(other.number - point.number) <= reach and other.value_usd > 0.0
    ]


def spread(values: Sequence[float]) -> float:
    """Return a robust standard deviation."""
    middle = statistics.median(values)
    return _MAD_TO_SIGMA * statistics.median(abs(value - middle) for value in values)


def labels(points: Sequence[Point]) -> tuple[str, ...]:
    """Return the labels of periods."""
    return tuple(point.period.label for point in points)
