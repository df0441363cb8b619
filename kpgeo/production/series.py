"""The declared production of one participant as a series of half-years, or of years."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kpgeo.model.calendar import Period
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.production.published import is_rounded
from kpgeo.production.vintages import join_sectors


@dataclass(frozen=True, kw_only=True)
class Point:
    """What was declared for one period of a series, all ways of mining together.

    Attributes
    ----------
    number : int
        Its place: half-years are counted from 1970H1, years are their own number.
    kind : DeclaredKind
        MISSING where no row speaks of it.
    carats, value_usd : float
        ct and US$; NaN where not given.
    is_stated : bool
        A row states it, as it stands. False: it is a year that two half-years were added up to.
    is_rounded : bool
        kpgeo ships the figure rounded: it says nothing that it is a round one.
    """

    number: int
    period: Period
    kind: DeclaredKind
    carats: float
    value_usd: float
    is_stated: bool = True
    is_rounded: bool = False

    @property
    def price(self) -> float:
        """Return US$ per carat; NaN where there is no quantity or no value."""
        return self.value_usd / self.carats if self.carats > 0.0 and self.value_usd >= 0.0 else math.nan


@dataclass(frozen=True, kw_only=True)
class Series:
    """One participant's periods, without gaps, from the first that it declared anything for.

    Attributes
    ----------
    per_year : int
        2 for half-years, 1 for years.
    """

    iso3: str
    participant: str
    points: tuple[Point, ...]
    per_year: int = 2

    def at(self, number: int) -> Point | None:
        """Return the point of a number, or None outside the series."""
        place = number - self.points[0].number
        return self.points[place] if 0 <= place < len(self.points) else None

    @property
    def is_producer(self) -> bool:
        """Say whether it ever declared production."""
        return any(point.carats > 0.0 for point in self.points)


def number_of(period: Period) -> int:
    """Return the half-year counted from 1970H1; of a longer or shorter period the one it begins in."""
    label = Period.half_year_of(period.start_day).label
    return 2 * (int(label[:4]) - 1970) + int(label[5]) - 1


def label_of(number: int) -> str:
    """Return the label of a half-year.

    >>> label_of(109)
    '2024H2'
    """
    return f"{1970 + number // 2}H{number % 2 + 1}"


def series_of(figures: Iterable[DeclaredFigure]) -> list[Series]:
    """Return one series of half-years of each participant, in order of code, from current figures.

    A series ends with the last half-year that anyone declared. Figures of years and of quarters, and of single AOIs,
    are left out.
    """
    by_iso3: dict[str, dict[int, DeclaredFigure]] = defaultdict(dict)
    for figure in _whole(figures):
        if "H" in figure.period.label:
            by_iso3[figure.iso3][number_of(figure.period)] = figure
    last = max((max(rows) for rows in by_iso3.values()), default=0)
    return [
        Series(
            iso3=iso3,
            participant=rows[max(rows)].participant,
            points=tuple(_half_of(number, rows.get(number)) for number in range(min(rows), last + 1)),
        )
        for iso3, rows in sorted(by_iso3.items())
    ]


def yearly_series_of(figures: Iterable[DeclaredFigure]) -> list[Series]:
    """Return one series of years of each participant, in order of code, from current figures.

    A year both halves of which are declared is their sum; any other is what a row of the year says.
    """
    by_iso3: dict[str, dict[str, DeclaredFigure]] = defaultdict(dict)
    for figure in _whole(figures):
        by_iso3[figure.iso3][figure.period.label] = figure
    every = []
    for iso3, rows in sorted(by_iso3.items()):
        years = {label[:4] for label in rows if "Q" not in label}
        found = {year: point for year in sorted(years) if (point := _year_of(year, rows)) is not None}
        if found:
            numbers = range(int(min(found)), int(max(found)) + 1)
            points = tuple(found.get(str(number)) or _nothing(number, str(number)) for number in numbers)
            name = rows[max(rows)].participant
            every.append(Series(iso3=iso3, participant=name, points=points, per_year=1))
    return every


def _whole(figures: Iterable[DeclaredFigure]) -> Iterator[DeclaredFigure]:
    """Yield the figures of participants as a whole, all ways of mining together."""
    return (figure for figure in join_sectors(figures) if not figure.aoi_id)


def _year_of(year: str, rows: Mapping[str, DeclaredFigure]) -> Point | None:
    """Return a year: the sum of its halves where both are declared, else what its own row says."""
    halves = [rows.get(f"{year}H1"), rows.get(f"{year}H2")]
    declared = [half for half in halves if half is not None and half.kind is not DeclaredKind.MISSING]
    if len(declared) == len(halves):
        points = [_point_of(int(year), half) for half in declared]
        is_figure = any(point.kind is DeclaredKind.FIGURE for point in points)
        produced = [point for point in points if point.kind is DeclaredKind.FIGURE]
        return Point(
            number=int(year),
            period=Period.parse(year),
            kind=DeclaredKind.FIGURE if is_figure else DeclaredKind.NO_PRODUCTION,
            carats=sum(point.carats for point in produced) if is_figure else math.nan,
            value_usd=sum(point.value_usd for point in produced) if is_figure else math.nan,
            is_stated=False,
        )
    own = rows.get(year)
    return None if own is None else _point_of(int(year), own)


def _half_of(number: int, row: DeclaredFigure | None) -> Point:
    return _nothing(number, label_of(number)) if row is None else _point_of(number, row)


def _nothing(number: int, label: str) -> Point:
    """Return a period of which no row speaks."""
    missing = DeclaredKind.MISSING
    return Point(number=number, period=Period.parse(label), kind=missing, carats=math.nan, value_usd=math.nan)


def _point_of(number: int, row: DeclaredFigure) -> Point:
    is_figure = row.kind is DeclaredKind.FIGURE
    return Point(
        number=number,
        period=row.period,
        kind=row.kind,
        carats=math.nan if row.carats is None or not is_figure else row.carats,
        value_usd=math.nan if row.value_usd is None or not is_figure else row.value_usd,
        is_rounded=is_rounded(row),
    )
