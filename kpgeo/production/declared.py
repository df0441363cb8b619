"""Reads declared figures from CSV. Strict: what could be read in two ways is refused, never guessed."""

import csv
import datetime as dt
import io
import re
import unicodedata
from pathlib import Path
from typing import cast

from kpgeo.model.aoi import Confidence, Sourced
from kpgeo.model.calendar import Period, day_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import DeclaredFigure, DeclaredKind

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
MAX_BYTES = 5_000_000
MAX_ROWS = 50_000
MAX_CELL = 500
MAX_CARATS = 200e6
MAX_USD = 50e9

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)
_THREE_DECIMALS = re.compile(r"[0-9]{1,3}\.[0-9]{3}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_AOI = re.compile(r"([a-z0-9][a-z0-9-]{0,62})?", re.ASCII)
_FORMULA = ("=", "+", "-", "@")


def read_declared(path: Path) -> list[DeclaredFigure]:
    """Read a declared CSV file: UTF-8, commas, the header `COLUMNS` (in any order), numbers with a plain decimal point.

    `kind` is `figure` (carats given, 0 allowed), `no-production` or `missing` (carats and value blank): zero, "no
    production" and missing are three different things. `aoi` is blank for the participant as a whole. A revision is a
    further row with another `as_published_on`.

    Raises
    ------
    BadInputError
        Anything else. The message names file, row and column and what to write instead. Nothing is returned in part.
    """
    rows = _rows_of(_text_of(path), path)
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


def _text_of(path: Path) -> str:
    """Return the decoded text, after the checks that need no parsing."""
    where = str(path)
    if path.exists() and not path.is_file():
        raise BadInputError("The file cannot be read (not a regular file).", where=where, remedy="Name a CSV file.")
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"The file cannot be read ({error.strerror}).", where=where) from error
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise BadInputError(
            "This is a spreadsheet workbook; kpgeo does not read xlsx or xls.",
            where=where,
            remedy="Save it as CSV (UTF-8, comma).",
        )
    if len(content) > MAX_BYTES:
        raise BadInputError(
            f"The file is larger than {MAX_BYTES // 1_000_000} MB.", where=where, remedy="Split it into several files."
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInputError("The file is UTF-16.", where=where, remedy="Save it as UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInputError(
            f"Byte 0x{content[error.start]:02x} is not UTF-8.",
            where=f"{where}, line {line}",
            remedy="Save it as UTF-8.",
        ) from error
    return unicodedata.normalize("NFC", text)


def _rows_of(text: str, path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (row number as a spreadsheet counts them, cells by column), blank rows left out."""
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BadInputError(
            f"The file is not well-formed CSV ({error}).", where=str(path), remedy="Check quotes and line ends."
        ) from error
    if not table or not any(table[0]):
        raise BadInputError("The file is empty.", where=str(path), remedy=f"Begin with {','.join(COLUMNS)}.")
    header = [cell.strip() for cell in table[0]]
    _check_header(header, path)
    if len(table) - 1 > MAX_ROWS:
        raise BadInputError(f"The file has more than {MAX_ROWS} rows.", where=str(path), remedy="Split it.")
    rows = []
    for number, cells in enumerate(table[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise BadInputError(
                f"The row has {len(cells)} cells, the header {len(header)}.",
                where=f"{path}, row {number}",
                remedy="A comma inside a cell (1,234 or a name) must not be left unquoted; numbers take none.",
            )
        rows.append((number, dict(zip(header, cells, strict=True))))
    return rows


def _check_header(header: list[str], path: Path) -> None:
    where = f"{path}, row 1"
    remedy = f"The header is {','.join(COLUMNS)}."
    if len(header) == 1 and header[0].count(";") > 1:
        raise BadInputError("The columns are parted by semicolons.", where=where, remedy="Save it with commas.")
    unknown = [name for name in header if name not in COLUMNS]
    absent = [name for name in COLUMNS if name not in header]
    if unknown:
        raise BadInputError(f"Unknown column {unknown[0][:60]!r}.", where=where, remedy=remedy)
    if absent:
        raise BadInputError(f"Column {absent[0]!r} is absent.", where=where, remedy=remedy)
    if len(set(header)) != len(header):
        raise BadInputError("A column stands twice.", where=where, remedy=remedy)


def _figure_of(cells: dict[str, str], where: str) -> DeclaredFigure:
    for column, cell in cells.items():
        _check_cell(cell, column, f"{where}, column {column}")
    cells = {column: cell.strip(" ") for column, cell in cells.items()}
    period = _period(cells["period"], f"{where}, column period")
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
        aoi_id=_aoi(cells["aoi"], f"{where}, column aoi"),
        entered_by=cells["entered_by"],
    )


def _check_cell(cell: str, column: str, where: str) -> None:
    """Refuse what no honest cell holds: control characters, formulas, floods."""
    if len(cell) > MAX_CELL:
        raise BadInputError(f"The cell is longer than {MAX_CELL} characters.", where=where, remedy="Shorten it.")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in cell):
        raise BadInputError("The cell holds a control character.", where=where, remedy="Retype the cell.")
    if cell.lstrip().startswith(_FORMULA) and not (
        column in ("carats", "value_usd") and _NUMBER.fullmatch(cell.strip()[1:])
    ):
        raise BadInputError(
            f"{cell[:40]!r} begins like a spreadsheet formula.", where=where, remedy="Write the value itself."
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
    """Read a plain number, or None where blank. Every other way of writing one is refused by name."""
    if text == "":
        return None
    plain = "Write digits and at most a decimal point with two decimals, such as 1234.5."
    if text.startswith("-"):
        raise BadInputError(f"{text!r} is negative.", where=where, remedy="Production is 0 or more.")
    if _THREE_DECIMALS.fullmatch(text):
        raise BadInputError(
            f"{text!r} may be a number with three decimals or one with a thousands point.",
            where=where,
            remedy=f"{plain} {text.replace('.', '')} if that is meant.",
        )
    if any(char.isspace() or char in ",.'’_" for char in text) and not _NUMBER.fullmatch(text):
        raise BadInputError(f"{text!r} has separators that differ from country to country.", where=where, remedy=plain)
    if not _NUMBER.fullmatch(text):
        raise BadInputError(f"{text!r} is not a plain number.", where=where, remedy=plain)
    value = float(text)
    if value > most:
        raise BadInputError(
            f"{text} {unit} is more than the whole world produces.",
            where=where,
            remedy=f"Check the unit; it is {unit}.",
        )
    return value


def _period(text: str, where: str) -> Period:
    try:
        return Period.parse(text)
    except BadInputError as error:
        raise BadInputError(error.what, where=where, remedy=error.remedy) from error


def _vintage(text: str, period: Period, where: str) -> dt.date | None:
    if text == "":
        return None
    remedy = "Write it as 2025-06-30, or leave it blank where unknown."
    if not _DATE.fullmatch(text):
        raise BadInputError(f"{text!r} is not an ISO date.", where=where, remedy=remedy)
    try:
        date = dt.date.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"{text!r} is not a day of the calendar.", where=where, remedy=remedy) from error
    if day_of(date) < period.start_day:
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


def _aoi(text: str, where: str) -> str:
    if not _AOI.fullmatch(text):
        raise BadInputError(
            f"{text!r} is not an AOI id.",
            where=where,
            remedy="Lower-case letters, digits, hyphens; blank for the whole participant.",
        )
    return text
