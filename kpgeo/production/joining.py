"""Rows of one key that stand in a table more than once: parts of one figure, or a figure and its revision."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kpgeo.model.errors import BadInputError
from kpgeo.model.production import DeclaredFigure, DeclaredKind, TradeFigure

Twice = Literal["refuse", "sum", "latest"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of a table. `row` is its number as a spreadsheet counts; `recorded_on` when it was entered there."""

    row: int
    recorded_on: dt.date | None
    figure: DeclaredFigure | TradeFigure


def join_entries(
    entries: Sequence[Entry], path: Path, twice: Twice
) -> tuple[list[DeclaredFigure | TradeFigure], tuple[str, ...]]:
    """Return one figure of each key, and what was joined."""
    by_key: dict[tuple[object, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        by_key[_key_of(entry.figure)].append(entry)
    doubled = [rows for rows in by_key.values() if len({_amounts_of(row.figure) for row in rows}) > 1]
    if doubled and twice == "refuse":
        places = "; ".join(_rows_in_words(rows) for rows in doubled[:12])
        raise BadInputError(
            f"{len(doubled)} figures stand in the table more than once, with different amounts: {places}.",
            where=str(path),
            remedy="Say what they are: parts of one figure (--twice sum) or figure and revision (--twice latest).",
        )
    joined = [_one_of(rows, twice, path) for rows in by_key.values()]
    notes = tuple(
        f"{_rows_in_words(rows)}: {'added up' if twice == 'sum' else 'the latest taken'}." for rows in doubled
    )
    return joined, notes


def _one_of(rows: Sequence[Entry], twice: Twice, path: Path) -> DeclaredFigure | TradeFigure:
    """Return what several rows of one key come to."""
    different = {_amounts_of(row.figure): row for row in rows}
    if len(different) == 1:
        return rows[0].figure
    if twice == "latest":
        if any(row.recorded_on is None for row in rows):
            raise BadInputError(
                f"{_rows_in_words(rows)}: no day of entry says which is the latest.",
                where=str(path),
                remedy="Take one out of the table.",
            )
        return max(rows, key=lambda row: (row.recorded_on or dt.date.min, row.row)).figure
    figures = [row.figure for row in rows if row.figure.kind is DeclaredKind.FIGURE]
    if not figures:
        raise BadInputError(
            f"{_rows_in_words(rows)}: the rows contradict each other, and none gives a figure.",
            where=str(path),
            remedy="Take one out of the table.",
        )
    values = [one.value_usd for one in figures]
    total = replace(
        figures[0],
        carats=round(sum(one.carats or 0.0 for one in figures), 4),
        value_usd=None if None in values else round(sum(value or 0.0 for value in values), 2),
    )
    if isinstance(total, DeclaredFigure):
        return total
    counts = [one.certificates for one in figures if isinstance(one, TradeFigure)]
    return replace(total, certificates=None if None in counts else sum(count or 0 for count in counts))


def _key_of(figure: DeclaredFigure | TradeFigure) -> tuple[object, ...]:
    common = (figure.iso3, figure.period.label, figure.as_published_on)
    if isinstance(figure, DeclaredFigure):
        return ("production", *common, figure.aoi_id, figure.sector)
    return (figure.flow, *common, figure.partner_iso3)


def _amounts_of(figure: DeclaredFigure | TradeFigure) -> tuple[object, ...]:
    count = figure.certificates if isinstance(figure, TradeFigure) else None
    return figure.kind, figure.carats, figure.value_usd, count


def _rows_in_words(rows: Sequence[Entry]) -> str:
    figure = rows[0].figure
    what = figure.sector if isinstance(figure, DeclaredFigure) else figure.flow
    numbers = " and ".join(f"{row.row}" + (f" (entered {row.recorded_on})" if row.recorded_on else "") for row in rows)
    return f"{figure.participant} {figure.period.label} ({what}) in rows {numbers}"
