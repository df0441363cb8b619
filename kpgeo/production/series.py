"""The declared production of one participant as a series of half-years."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from kpgeo.model.calendar import Period
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.production.vintages import join_sectors


@dataclass(frozen=True, kw_only=True)
class Half:
    """What was declared for one half-year, all ways of mining together.

    Attributes
    ----------
    kind : DeclaredKind
        MISSING where no row speaks of it.
    carats, value_usd : float
        ct and US$; NaN where not given.
    """

    period: Period
    kind: DeclaredKind
    carats: float
    value_usd: float

    @property
    def number(self) -> int:
        """Return the half-year counted from 1970H1."""
        return number_of(self.period)

    @property
    def price(self) -> float:
        """Return US$ per carat; NaN where there is no quantity or no value."""
        return self.value_usd / self.carats if self.carats > 0.0 and self.value_usd >= 0.0 else math.nan


@dataclass(frozen=True, kw_only=True)
class Series:
    """One participant's half-years, from the first that it declared anything for to the last that anyone did."""

    iso3: str
    participant: str
    halves: tuple[Half, ...]

    def at(self, number: int) -> Half | None:
        """Return the half-year of a number, or None outside the series."""
        place = number - self.halves[0].number
        return self.halves[place] if 0 <= place < len(self.halves) else None

    @property
    def is_producer(self) -> bool:
        """Say whether it ever declared production."""
        return any(half.carats > 0.0 for half in self.halves)

    def years(self) -> dict[int, float]:
        """Return carats by year, of years both halves of which are declared."""
        found: dict[int, list[float]] = defaultdict(list)
        for half in self.halves:
            if half.kind is not DeclaredKind.MISSING:
                found[int(half.period.label[:4])].append(0.0 if math.isnan(half.carats) else half.carats)
        return {year: sum(parts) for year, parts in sorted(found.items()) if len(parts) == 2}


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
    """Return one series of each participant, in order of code, from current figures for participants as a whole.

    Figures of years and of quarters, and of single AOIs, are left out.
    """
    by_iso3: dict[str, dict[int, DeclaredFigure]] = defaultdict(dict)
    for figure in join_sectors(figures):
        if "H" in figure.period.label and not figure.aoi_id:
            by_iso3[figure.iso3][number_of(figure.period)] = figure
    last = max((max(rows) for rows in by_iso3.values()), default=0)
    return [
        Series(
            iso3=iso3,
            participant=rows[max(rows)].participant,
            halves=tuple(_half_of(number, rows.get(number)) for number in range(min(rows), last + 1)),
        )
        for iso3, rows in sorted(by_iso3.items())
    ]


def _half_of(number: int, row: DeclaredFigure | None) -> Half:
    is_figure = row is not None and row.kind is DeclaredKind.FIGURE
    return Half(
        period=Period.parse(label_of(number)),
        kind=DeclaredKind.MISSING if row is None else row.kind,
        carats=math.nan if row is None or row.carats is None or not is_figure else row.carats,
        value_usd=math.nan if row is None or row.value_usd is None or not is_figure else row.value_usd,
    )
