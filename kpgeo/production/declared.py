"""Reads declared figures in kpgeo's own columns. Strict: what could be read in two ways is refused, never guessed."""

import datetime as dt
from pathlib import Path
from typing import cast

from kpgeo.model.aoi import Confidence, Sourced
from kpgeo.model.calendar import Period, day_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.production.cells import (
    MAX_CARATS,
    MAX_USD,
    NumberStyle,
    check_most,
    clean_cell,
    read_aoi_id,
    read_date,
    read_number,
    read_period,
)
from kpgeo.production.table import read_table

COLUMNS = (
    "participant",
    "iso3",
    "aoi",
    "period",
    "kind",
    "carats",
    "value_usd",
    "as_published_on",
    "source",
    "confidence",
    "entered_by",
)


def read_declared(path: Path) -> list[DeclaredFigure]:
    """Read a declared table (UTF-8 CSV) with the header `COLUMNS`, in any order, and plain decimal points.

    `kind` is `figure` (carats given, 0 allowed), `no-production` or `missing` (carats and value blank): zero, "no
    production" and missing are three different things. `aoi` is blank for the participant as a whole. A revision is a
    further row with another `as_published_on`.

    Raises
    ------
    BadInputError
        Anything else. The message names file, row and column and what to write instead. Nothing is returned in part.
    """
    rows = _rows_of(path)
    figures: list[DeclaredFigure] = []
    seen: dict[tuple[object, ...], int] = {}
    names: dict[str, str] = {}
    for line, cells in rows:
        figure = _figure_of(cells, f"{path}, row {line}")
        key = (figure.iso3, figure.aoi_id, figure.period.label, figure.as_published_on)
        if key in seen:
            raise BadInputError(
                f"The same participant, aoi, period and vintage stand in row {seen[key]} already.",
                where=f"{path}, row {line}",
                remedy="Keep one, or give a revision its own as_published_on.",
            )
        if names.setdefault(figure.iso3, figure.participant) != figure.participant:
            raise BadInputError(
                f"{figure.iso3} is {names[figure.iso3]!r} above and {figure.participant!r} here.",
                where=f"{path}, row {line}, column participant",
                remedy="Write one participant in one way.",
            )
        seen[key] = line
        figures.append(figure)
    return figures


def _rows_of(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (row number as a spreadsheet counts them, cells by column)."""
    table = read_table(path)
    _check_header(list(table.header), path)
    return [(number, dict(zip(table.header, cells, strict=True))) for number, cells in table.rows]


def _check_header(header: list[str], path: Path) -> None:
    where = f"{path}, row 1"
    remedy = f"The header is {','.join(COLUMNS)}."
    unknown = [name for name in header if name not in COLUMNS]
    absent = [name for name in COLUMNS if name not in header]
    if unknown:
        raise BadInputError(f"Unknown column {unknown[0][:60]!r}.", where=where, remedy=remedy)
    if absent:
        raise BadInputError(f"Column {absent[0]!r} is absent.", where=where, remedy=remedy)
    if len(set(header)) != len(header):
        raise BadInputError("A column stands twice.", where=where, remedy=remedy)


def _figure_of(cells: dict[str, str], where: str) -> DeclaredFigure:
    cells = {
        column: clean_cell(cell, f"{where}, column {column}", is_number=column in ("carats", "value_usd"))
        for column, cell in cells.items()
    }
    period = read_period(cells["period"], f"{where}, column period")
    kind = _one_of(cells["kind"], tuple(k.value for k in DeclaredKind), f"{where}, column kind")
    carats = _number(cells["carats"], MAX_CARATS, "ct", f"{where}, column carats")
    value_usd = _number(cells["value_usd"], MAX_USD, "US$", f"{where}, column value_usd")
    _check_kind(DeclaredKind(kind), carats, value_usd, where)
    confidence = _one_of(cells["confidence"], ("high", "medium", "low"), f"{where}, column confidence")
    return DeclaredFigure(
        participant=_required(cells["participant"], f"{where}, column participant"),
        iso3=_iso3(cells["iso3"], f"{where}, column iso3"),
        period=period,
        kind=DeclaredKind(kind),
        carats=carats,
        value_usd=value_usd,
        as_published_on=_vintage(cells["as_published_on"], period, f"{where}, column as_published_on"),
        source=Sourced(
            source=_required(cells["source"], f"{where}, column source"), confidence=cast("Confidence", confidence)
        ),
        aoi_id=read_aoi_id(cells["aoi"], f"{where}, column aoi"),
        entered_by=cells["entered_by"],
    )


def _check_kind(kind: DeclaredKind, carats: float | None, value_usd: float | None, where: str) -> None:
    if kind is DeclaredKind.FIGURE:
        if carats is None:
            raise BadInputError(
                "kind is figure, but carats is blank.",
                where=f"{where}, column carats",
                remedy="Write the carats (0 is a figure), or kind no-production or missing.",
            )
        if carats == 0.0 and value_usd:
            raise BadInputError(
                "0 ct with a value.", where=f"{where}, column value_usd", remedy="Check carats and value."
            )
    elif carats is not None or value_usd is not None:
        raise BadInputError(
            f"kind is {kind}, but carats or value_usd is given.",
            where=f"{where}, column kind",
            remedy="Write kind figure, or leave both blank.",
        )


def _number(text: str, most: float, unit: str, where: str) -> float | None:
    """Read a plain number, or None where blank. What differs from country to country is refused by name."""
    value = read_number(text, NumberStyle(), where)
    return None if value is None else check_most(value, most, unit, where)


def _vintage(text: str, period: Period, where: str) -> dt.date | None:
    date = read_date(text, where)
    if date is not None and day_of(date) < period.start_day:
        raise BadInputError(
            f"{text} lies before {period.label} begins: the figure cannot have been published then.",
            where=where,
            remedy="Check the period and the date.",
        )
    return date


def _one_of(text: str, choices: tuple[str, ...], where: str) -> str:
    if text not in choices:
        raise BadInputError(f"{text!r} is not one of {', '.join(choices)}.", where=where)
    return text


def _required(text: str, where: str) -> str:
    if not text:
        raise BadInputError("The cell is blank.", where=where, remedy="Fill it in.")
    return text


def _iso3(text: str, where: str) -> str:
    if not (len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()):
        raise BadInputError(f"{text!r} is not an ISO 3166 alpha-3 code.", where=where, remedy="Write CIV, GIN, ...")
    return text
