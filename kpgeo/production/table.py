"""Tables that strangers hand in, as text: CSV in its kinds, and workbooks (xlsx). Read, never computed."""

import csv
import datetime as dt
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpgeo.model.errors import BadInputError

MAX_BYTES = 10_000_000
MAX_ROWS = 50_000
MAX_COLUMNS = 100
MAX_UNPACKED_BYTES = 200_000_000
MAX_RATIO = 200
MAX_CELLS = 500_000
_CELL = re.compile(rb"<(?:\w+:)?c[ />]")
# What a damaged or forged workbook makes its readers raise: zip, XML and what they take for granted fail in many ways.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError,
)  # fmt: skip
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A header and rows of text.

    Attributes
    ----------
    header : tuple of str
        Headings as they stand; "" where a column has none.
    rows : tuple of (int, tuple of str)
        Row number as a spreadsheet counts it, and its cells, as many as the header has. Blank rows are left out.
    numeric : frozenset of (int, int)
        Row number and column position of the cells that a workbook holds as numbers: they have no decimal sign to
        mistake.
    formulas : mapping
        By row number and column position, the formulas of cells that were computed.
    notes : tuple of str
        What a reader should know of the file: rows hidden by a filter, further sheets.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    numeric: frozenset[tuple[int, int]] = frozenset()
    formulas: Mapping[tuple[int, int], str] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=())


def read_table(path: Path, sheet: str = "") -> Table:
    """Read the one table of a CSV file or of a sheet of a workbook.

    Parameters
    ----------
    sheet : str
        Name of the sheet; "" for the only one that holds rows.

    Raises
    ------
    BadInputError
        The file cannot be read, is of another kind (xls, xlsm, UTF-16), is too large, or does not say which sheet.
    """
    content = _bytes_of(path)
    if content.startswith(_OLE):
        raise BadInputError("This is an old workbook (xls).", where=str(path), remedy="Save it as xlsx or CSV (UTF-8).")
    if content.startswith(_ZIP):
        return _read_workbook(content, path, sheet)
    return _read_csv(content, path)


def _bytes_of(path: Path) -> bytes:
    where = str(path)
    if path.exists() and not path.is_file():
        raise BadInputError("The file cannot be read (not a regular file).", where=where, remedy="Name a CSV file.")
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"The file cannot be read ({error.strerror}).", where=where) from error
    if len(content) > MAX_BYTES:
        raise BadInputError(
            f"The file is larger than {MAX_BYTES // 1_000_000} MB.", where=where, remedy="Split it into several files."
        )
    return content


def _read_csv(content: bytes, path: Path) -> Table:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInputError("The file is UTF-16.", where=str(path), remedy="Save it as UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInputError(
            f"Byte 0x{content[error.start]:02x} is not UTF-8.",
            where=f"{path}, line {line}",
            remedy="Save it as UTF-8.",
        ) from error
    text = unicodedata.normalize("NFC", text)
    try:
        cells = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True))
    except csv.Error as error:
        raise BadInputError(
            f"The file is not well-formed CSV ({error}).", where=str(path), remedy="Check quotes and line ends."
        ) from error
    return _table(cells, path, is_padded=False)


def _delimiter(text: str) -> str:
    """Return what parts the headings: of comma, semicolon and tabulator the one that stands most often in line 1."""
    first = text.partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


def _read_workbook(content: bytes, path: Path, sheet: str) -> Table:
    import openpyxl  # noqa: PLC0415 - a fifth of a second of start-up, spared to every command that reads no workbook
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        _check_parts(content, path)
        values = openpyxl.load_workbook(io.BytesIO(content), data_only=True, keep_links=False)
        formulas = openpyxl.load_workbook(io.BytesIO(content), data_only=False, keep_links=False)
        return _table_of_sheet(values, formulas, path, sheet)
    except (InvalidFileException, *_UNREADABLE) as error:
        raise BadInputError(
            f"The workbook is damaged or cannot be read ({type(error).__name__}).",
            where=str(path),
            remedy="Save it anew, or as CSV (UTF-8).",
        ) from error


def _table_of_sheet(values: Any, formulas: Any, path: Path, sheet: str) -> Table:
    """Return the table of a sheet, from a workbook as it was stored and the same with its formulas."""
    name = _sheet_name(values, sheet, path)
    page = values[name]
    if page.max_row > MAX_ROWS + 1 or page.max_column > MAX_COLUMNS:
        raise BadInputError("The sheet is larger than a table of figures can be.", where=f"{path}, sheet {name}")
    if page.merged_cells.ranges:
        raise BadInputError(
            f"Cells {next(iter(page.merged_cells.ranges)).coord} are merged.",
            where=f"{path}, sheet {name}",
            remedy="Unmerge them, so that each row says all of itself.",
        )
    table = _table([[_text_of(cell) for cell in row] for row in page.iter_rows(values_only=True)], path, is_padded=True)
    return Table(
        header=table.header,
        rows=table.rows,
        numeric=frozenset((cell.row, cell.column - 1) for cell in _cells_of_type(page, "n")),
        formulas={(cell.row, cell.column - 1): str(cell.value) for cell in _cells_of_type(formulas[name], "f")},
        notes=_notes(values, name),
    )


def _cells_of_type(page: Any, kind: str) -> Iterator[Any]:
    return (cell for row in page.iter_rows() for cell in row if cell.data_type == kind)


def _check_parts(content: bytes, path: Path) -> None:
    """Refuse what a workbook of figures does not hold, before anything of it is unpacked as a whole."""
    where = str(path)
    bundle = zipfile.ZipFile(io.BytesIO(content))
    parts = bundle.infolist()
    names = {part.filename.lower() for part in parts}
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED_BYTES or unpacked > MAX_RATIO * len(content) or len(parts) > 1000:
        raise BadInputError(
            "The workbook unpacks to more than figures can take.", where=where, remedy="Save it as CSV."
        )
    if "xl/workbook.xml" not in names:
        raise BadInputError("This is a zip file, but no workbook.", where=where, remedy="Name an xlsx or CSV file.")
    types = b"".join(bundle.read(part) for part in parts if part.filename.lower() == "[content_types].xml")
    if b"macroenabled" in types.lower() or any("vbaproject" in name for name in names):
        raise BadInputError("The workbook holds macros.", where=where, remedy="Save it as xlsx, without macros.")
    if any(name.startswith("xl/externallinks/") for name in names):
        raise BadInputError(
            "The workbook takes figures from other files.", where=where, remedy="Paste them as values, then save."
        )
    cells = sum(_count_cells(bundle, part) for part in parts if part.filename.lower().startswith("xl/worksheets/"))
    if cells > MAX_CELLS:
        raise BadInputError(
            f"The workbook has more than {MAX_CELLS:,} cells.", where=where, remedy="Keep the sheet with the figures."
        )


def _count_cells(bundle: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    """Count the cells of a sheet as it is unpacked bit by bit: to read it takes a thousand times as much memory."""
    count, tail = 0, b""
    with bundle.open(part) as stream:
        while chunk := stream.read(1 << 20):
            text = tail + chunk
            cut = text.rfind(b"<")
            count += len(_CELL.findall(text[:cut])) if cut > 0 else 0
            tail = text[cut:] if cut >= 0 and len(text) - cut < (1 << 16) else b""
            if count > MAX_CELLS:
                break
    return count + len(_CELL.findall(tail))


def _sheet_name(book: Any, sheet: str, path: Path) -> str:
    if sheet:
        if sheet not in book.sheetnames:
            names = ", ".join(repr(name) for name in book.sheetnames)
            raise BadInputError(f"There is no sheet {sheet!r}.", where=str(path), remedy=f"There are {names}.")
        return sheet
    filled = [page.title for page in book.worksheets if page.max_row > 1]
    if len(filled) != 1:
        names = ", ".join(repr(name) for name in filled) or "none with rows"
        raise BadInputError(
            f"The workbook has {len(filled)} sheets with rows.", where=str(path), remedy=f"Name one (--sheet): {names}."
        )
    return str(filled[0])


def _notes(book: Any, name: str) -> tuple[str, ...]:
    hidden = sum(bool(size.hidden) for row, size in book[name].row_dimensions.items() if row > 1)
    notes = [f"{hidden:,} rows are hidden in the workbook; they were read too."] if hidden else []
    others = [page.title for page in book.worksheets if page.title != name]
    if others:
        notes.append(f"Only the sheet {name!r} was read, not {', '.join(map(repr, others))}.")
    return tuple(notes)


def _text_of(value: object) -> str:
    """Return what a cell holds, as text: numbers with a decimal point, days and moments in ISO."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(round(value, 6))
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return str(value)


def _table(cells: Sequence[Sequence[str]], path: Path, *, is_padded: bool) -> Table:
    """Split header from rows. A row of a CSV file must have as many cells as the header."""
    if not cells or not any(cell.strip() for cell in cells[0]):
        raise BadInputError("The table is empty.", where=str(path), remedy="Row 1 holds the headings.")
    header = tuple(unicodedata.normalize("NFC", cell).strip() for cell in cells[0])
    if len(header) > MAX_COLUMNS:
        raise BadInputError(
            f"The table has more than {MAX_COLUMNS} columns.", where=str(path), remedy="Keep those needed."
        )
    if len(cells) - 1 > MAX_ROWS:
        raise BadInputError(f"The file has more than {MAX_ROWS:,} rows.", where=str(path), remedy="Split it.")
    rows = []
    for number, row in enumerate(cells[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header) and not is_padded:
            raise BadInputError(
                f"The row has {len(row)} cells, the header {len(header)}.",
                where=f"{path}, row {number}",
                remedy="A comma inside a cell (1,234 or a name) must not be left unquoted.",
            )
        rows.append((number, tuple(row[: len(header)])))
    return Table(header=header, rows=tuple(rows))
