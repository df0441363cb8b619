"""Declared figures and trade from the tables that analysts hold: exports of the Kimberley Process, and typed ones.

A table is read by its headings. Those of the Kimberley Process's export are known; any other table is read by a map
from kpgeo's columns to its headings, and by what is said of the whole table (unit, decimal sign, currency, vintage).
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kpgeo.model.aoi import Confidence, Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import DeclaredFigure, DeclaredKind, Flow, Sector, TradeFigure
from kpgeo.production.cells import (
    MAX_CARATS,
    MAX_USD,
    CaratUnit,
    NumberStyle,
    check_most,
    clean_cell,
    read_aoi_id,
    read_date,
    read_number,
    read_period,
)
from kpgeo.production.joining import Entry, Twice, join_entries
from kpgeo.production.participants import find_participant
from kpgeo.production.table import Table, read_table

COLUMNS = (
    "participant", "period", "year", "half", "quarter", "kind", "sector", "flow", "partner", "carats", "value",
    "certificates", "aoi", "as_published_on", "recorded_on", "source", "confidence",
)  # fmt: skip
# Headings of the Kimberley Process's half-yearly production export (2025); of its trade tables the layout is not public
# and those headings are background knowledge (B-M).
KP_HEADINGS = {
    "country name": "participant", "year": "year", "quarter": "quarter", "trade type": "kind",
    "production type": "sector", "carat": "carats", "us value": "value", "created": "recorded_on",
    "partner": "partner", "partner country": "partner", "certificates": "certificates", "kpcs": "certificates",
}  # fmt: skip
_KP_NEEDS = {"country name", "year", "quarter", "trade type", "carat"}
_KINDS = {
    "production": (None, DeclaredKind.FIGURE), "figure": (None, DeclaredKind.FIGURE),
    "no production": (None, DeclaredKind.NO_PRODUCTION), "no-production": (None, DeclaredKind.NO_PRODUCTION),
    "missing": (None, DeclaredKind.MISSING),
    "import": (Flow.IMPORT, DeclaredKind.FIGURE), "imports": (Flow.IMPORT, DeclaredKind.FIGURE),
    "export": (Flow.EXPORT, DeclaredKind.FIGURE), "exports": (Flow.EXPORT, DeclaredKind.FIGURE),
    "stock": (Flow.STOCK, DeclaredKind.FIGURE),
    "no import": (Flow.IMPORT, DeclaredKind.NO_PRODUCTION), "no imports": (Flow.IMPORT, DeclaredKind.NO_PRODUCTION),
    "no export": (Flow.EXPORT, DeclaredKind.NO_PRODUCTION), "no exports": (Flow.EXPORT, DeclaredKind.NO_PRODUCTION),
}  # fmt: skip
_SECTORS = {
    "": Sector.ALL, "all": Sector.ALL, "production": Sector.ALL, "asm": Sector.ARTISANAL, "artisanal": Sector.ARTISANAL,
    "lsm": Sector.INDUSTRIAL, "industrial": Sector.INDUSTRIAL,
}  # fmt: skip
_STAMP = re.compile(r"([0-9]{2})([A-Z][a-z]{2})([0-9]{2}):[0-9:]{8}", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAX_CERTIFICATES = 10_000_000

Formulas = Literal["refuse", "stored"]


@dataclass(frozen=True, kw_only=True)
class TableReading:
    """What is said of a table as a whole.

    Attributes
    ----------
    columns : mapping
        kpgeo's columns (`COLUMNS`) to the table's headings; those of the Kimberley Process's export need none.
    fixed : mapping
        What stands for a column in every row (`participant`, `period`, `kind`, `flow`, `aoi`, ...).
    unit : CaratUnit
        Of the weights.
    usd_per_unit : float
        US$ for one unit of the currency the values are in, by `rate_source`; 1 for US$.
    twice : {"refuse", "sum", "latest"}
        What two rows of one key are: a fault, parts of one figure, or a figure and its revision (by `recorded_on`).
    formulas : {"refuse", "stored"}
        What becomes of figures that a workbook computes: a fault, or what was stored of them, each named in the notes.
    as_published_on : date or None
        The vintage of rows that name none.
    """

    source: str
    confidence: Confidence = "medium"
    sheet: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    style: NumberStyle = field(default_factory=NumberStyle)
    unit: CaratUnit = CaratUnit.CT
    currency: str = "USD"
    usd_per_unit: float = 1.0
    rate_source: str = ""
    twice: Twice = "refuse"
    formulas: Formulas = "refuse"
    as_published_on: dt.date | None = None
    entered_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What a table says.

    Attributes
    ----------
    figures, trades : tuple
        One of each key: rows that stood twice are joined as the reading says.
    entries : tuple of Entry
        Every row, in the table's order.
    notes : tuple of str
        What a reader should know: columns not read, rows hidden, keys that were joined.
    """

    figures: tuple[DeclaredFigure, ...]
    trades: tuple[TradeFigure, ...]
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()


def read_submission(path: Path, reading: TableReading) -> Submission:
    """Read declared production and trade from a CSV file or a workbook.

    Zero, "no production" and missing stay three different things. Nothing is returned in part.

    Raises
    ------
    BadInputError
        A cell, a heading or the file is not certain; the message says where, and what to say or write instead.
    """
    table = read_table(path, reading.sheet)
    reader = _RowReader(path, table, _positions(table, path, reading), reading)
    entries = tuple(reader.entries())
    joined, notes = join_entries(entries, path, reading.twice)
    return Submission(
        figures=tuple(one for one in joined if isinstance(one, DeclaredFigure)),
        trades=tuple(one for one in joined if isinstance(one, TradeFigure)),
        entries=entries,
        notes=(*table.notes, *reader.notes(), *notes),
    )


def _positions(table: Table, path: Path, reading: TableReading) -> dict[str, int]:
    """Return where each of kpgeo's columns stands in the table."""
    plain = [heading.casefold() for heading in table.header]
    where = f"{path}, row 1"
    known = ", ".join(COLUMNS)
    for column in (*reading.columns, *reading.fixed):
        if column not in COLUMNS:
            raise BadInputError(f"{column!r} is no column of kpgeo's.", where=where, remedy=f"There are {known}.")
    found: dict[str, int] = {}
    if set(plain) >= _KP_NEEDS:
        found = {KP_HEADINGS[name]: place for place, name in reversed(list(enumerate(plain))) if name in KP_HEADINGS}
    elif not reading.columns:
        found = {name: place for place, name in reversed(list(enumerate(plain))) if name in COLUMNS}
    for column, heading in reading.columns.items():
        places = [place for place, name in enumerate(plain) if name == heading.casefold()]
        if len(places) != 1:
            raise BadInputError(
                f"The heading {heading!r} stands {len(places)} times in the table.",
                where=where,
                remedy=f"Its headings are {', '.join(filter(None, table.header))}.",
            )
        found[column] = places[0]
    has = set(found) | set(reading.fixed)
    absent = [name for name in ("participant", "carats") if name not in has]
    if not ({"period"} & has or {"year", "half"} <= has or {"year", "quarter"} <= has or "year" in has):
        absent.append("period")
    if absent:
        raise BadInputError(
            f"No column of the table is known to be {' or '.join(absent)}.",
            where=where,
            remedy=f"Say which is (--column {absent[0]}=HEADING); its headings are "
            f"{', '.join(filter(None, table.header))}.",
        )
    return found


class _RowReader:
    """Reads the rows of one table."""

    def __init__(self, path: Path, table: Table, positions: Mapping[str, int], reading: TableReading) -> None:
        self._path = path
        self._table = table
        self._positions = positions
        self._reading = reading
        self._strange: dict[str, int] = defaultdict(int)
        self._computed: list[str] = []

    def entries(self) -> Iterator[Entry]:
        """Yield each row, read."""
        for number, cells in self._table.rows:
            where = f"{self._path}, row {number}"
            texts = {
                column: clean_cell(
                    cells[place], f"{where}, column {self._heading(place)}", is_number=column in _NUMBERS
                )
                for column, place in self._positions.items()
            }
            for column, place in self._positions.items():
                self._note_formula(number, place, column, texts[column])
            yield self._entry(number, {**texts, **self._reading.fixed}, where)

    def notes(self) -> tuple[str, ...]:
        """Return what was in the table and is not read."""
        used = set(self._positions.values())
        unread = [name for place, name in enumerate(self._table.header) if name and place not in used]
        notes = [f"Columns not read: {', '.join(unread)}."] if unread else []
        notes += [
            f"{count} cells of {column} hold no date and were left out." for column, count in self._strange.items()
        ]
        return (*notes, *self._computed)

    def _note_formula(self, number: int, place: int, column: str, text: str) -> None:
        """Refuse a cell that the workbook computes, or note it where what was stored of such cells is to be read."""
        formula = self._table.formulas.get((number, place))
        if not formula or column in self._reading.fixed:
            return
        if self._reading.formulas == "refuse":
            raise BadInputError(
                f"The cell is computed by a formula ({formula[:60]}).",
                where=f"{self._path}, row {number}, column {self._heading(place)}",
                remedy="Write what it comes to, or say that what is stored holds (--formulas stored).",
            )
        self._computed.append(f"Row {number}, {column}: computed in the table ({formula[:60]}); {text} was read.")

    def _heading(self, place: int) -> str:
        return self._table.header[place] or f"{place + 1}"

    def _entry(self, number: int, texts: dict[str, str], where: str) -> Entry:
        flow, kind = self._kind_of(texts, where)
        period = _period_of(texts, where, is_trade=flow is not None)
        participant = find_participant(texts["participant"], period.start_day, f"{where}, participant")
        carats, value, certificates = (self._number(texts, name, number, where) for name in _NUMBERS)
        common: dict[str, Any] = {
            "participant": participant.name,
            "iso3": participant.iso3,
            "period": period,
            "kind": kind,
            **self._amounts(kind, carats, value, where),
            "as_published_on": read_date(texts.get("as_published_on", ""), where) or self._reading.as_published_on,
            "source": self._source(texts),
            "entered_by": self._reading.entered_by,
        }
        figure: DeclaredFigure | TradeFigure
        if flow is None:
            figure = DeclaredFigure(
                **common, sector=_sector_of(texts, where), aoi_id=read_aoi_id(texts.get("aoi", ""), where)
            )
        else:
            partner, partner_iso3 = _partner_of(texts, period, where)
            figure = TradeFigure(
                **common,
                partner=partner,
                partner_iso3=partner_iso3,
                flow=flow,
                certificates=_count_of(certificates, where),
            )
        return Entry(row=number, recorded_on=self._recorded_on(texts.get("recorded_on", "")), figure=figure)

    def _kind_of(self, texts: Mapping[str, str], where: str) -> tuple[Flow | None, DeclaredKind]:
        text = texts.get("kind", "figure").casefold() or "figure"
        if text not in _KINDS:
            raise BadInputError(
                f"{text[:40]!r} is no kind of figure.",
                where=f"{where}, kind",
                remedy=f"kpgeo knows {', '.join(_KINDS)}.",
            )
        flow, kind = _KINDS[text]
        stated = texts.get("flow", "")
        if stated and stated not in tuple(Flow):
            raise BadInputError(f"{stated[:40]!r} is no flow.", where=where, remedy="Write import, export or stock.")
        return (Flow(stated) if stated else flow), kind

    def _number(self, texts: Mapping[str, str], column: str, number: int, where: str) -> float | None:
        text = texts.get(column, "")
        place = self._positions.get(column)
        cell = f"{where}, column {self._heading(place)}" if place is not None else f"{where}, {column}"
        is_typed = place is not None and (number, place) in self._table.numeric
        return read_number(text, NumberStyle(decimal="point") if is_typed else self._reading.style, cell)

    def _amounts(
        self, kind: DeclaredKind, carats: float | None, value: float | None, where: str
    ) -> dict[str, float | None]:
        """Return carats and US$. A row that says "no production" may write zeros, and no other figure."""
        if kind is not DeclaredKind.FIGURE:
            if carats or value:
                raise BadInputError(
                    f"The row says {kind}, and gives a figure.", where=where, remedy="Correct one or the other."
                )
            return {"carats": None, "value_usd": None}
        if carats is None:
            raise BadInputError(
                "The row gives no carats.",
                where=where,
                remedy="Write the carats (0 is a figure), or say no-production or missing.",
            )
        carats_ct = check_most(carats * self._reading.unit.carats, MAX_CARATS, "ct", where)
        usd = None if value is None else check_most(value * self._reading.usd_per_unit, MAX_USD, "US$", where)
        return {"carats": round(carats_ct, 4), "value_usd": None if usd is None else round(usd, 2)}

    def _source(self, texts: Mapping[str, str]) -> Sourced:
        reading = self._reading
        text = texts.get("source") or reading.source
        if reading.currency != "USD":
            text += f"; values in {reading.currency} at {reading.usd_per_unit:g} US$ ({reading.rate_source})"
        confidence = texts.get("confidence") or reading.confidence
        if confidence not in ("high", "medium", "low"):
            raise BadInputError(f"{confidence[:40]!r} is no confidence.", remedy="Write high, medium or low.")
        return Sourced(source=text, confidence=confidence)  # type: ignore[arg-type]

    def _recorded_on(self, text: str) -> dt.date | None:
        """Return the day a row was entered (`17Mar23:08:15:52`, or ISO); anything else is counted and left out."""
        if not text:
            return None
        try:
            if match := _STAMP.fullmatch(text):
                return dt.date(2000 + int(match[3]), _MONTHS.index(match[2]) + 1, int(match[1]))
            return read_date(text, "")
        except (BadInputError, ValueError):
            self._strange["recorded_on"] += 1
            return None


_NUMBERS = ("carats", "value", "certificates")


def _period_of(texts: Mapping[str, str], where: str, *, is_trade: bool) -> Period:
    """Return the period of a row. `Quarter` 1 and 2 of a production row are its halves, as in the export."""
    text = texts.get("period", "")
    if not text:
        year, half, quarter = (texts.get(name, "").removesuffix(".0") for name in ("year", "half", "quarter"))
        if quarter and not is_trade and quarter not in ("1", "2"):
            raise BadInputError(
                f"Production of quarter {quarter[:20]!r}: production is declared by half-year.",
                where=where,
                remedy="1 is the first half, 2 the second; write a period such as 2024Q3 if a quarter is meant.",
            )
        part = f"H{half}" if half else f"{'Q' if is_trade else 'H'}{quarter}" if quarter else ""
        text = f"{year}{part}"
    return read_period(text, f"{where}, period")


def _sector_of(texts: Mapping[str, str], where: str) -> Sector:
    text = texts.get("sector", "").casefold()
    if text not in _SECTORS:
        raise BadInputError(
            f"{text[:40]!r} is no kind of mining.",
            where=where,
            remedy="Write artisanal (ASM), industrial (LSM) or all.",
        )
    return _SECTORS[text]


def _partner_of(texts: Mapping[str, str], period: Period, where: str) -> tuple[str, str]:
    """Return the partner's name and code; both are "" where trade with all partners is meant."""
    text = texts.get("partner", "")
    if not text:
        return "", ""
    partner = find_participant(text, period.start_day, f"{where}, partner")
    return partner.name, partner.iso3


def _count_of(value: float | None, where: str) -> int | None:
    if value is None:
        return None
    if value != int(value) or value > _MAX_CERTIFICATES:
        raise BadInputError(f"{value:g} is no number of certificates.", where=where, remedy="Write a whole number.")
    return int(value)
