"""A sheet of rows as an Excel workbook: texts stay texts, whatever they begin with."""

from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from kpgeo.flows.exports.sheets import FORMULA, Cell, Sheet, printable

_WIDEST, _NARROWEST = 40, 9
_NUMBER = "0.####"


def write_xlsx(sheet: Sheet, path: Path) -> None:
    """Write rows as a workbook: one sheet of rows that can be filtered, one that says what the file is.

    A text that a spreadsheet could take for a formula is stored as a text and marked as one (`quotePrefix`), so that
    it stays one when the cell is edited.
    """
    book = Workbook()
    rows: Worksheet = book.active
    rows.title = str(sheet.kind)
    rows.freeze_panes = "B2"
    for column, name in enumerate(sheet.columns, start=1):
        _put(rows, 1, column, name)
        rows.cell(1, column).font, rows.cell(1, column).alignment = Font(bold=True), Alignment(wrap_text=True)
        rows.column_dimensions[get_column_letter(column)].width = _width(name, [row[name] for row in sheet.rows])
    for line, row in enumerate(sheet.rows, start=2):
        for column, value in enumerate(row.values(), start=1):
            _put(rows, line, column, value)
    rows.auto_filter.ref = rows.dimensions
    about: Worksheet = book.create_sheet("kpgeo")
    about.column_dimensions["A"].width = 100
    said = (sheet.title, f"{sheet.say('release')}: {sheet.release}", sheet.left_out)
    for line, text in enumerate(filter(None, said), start=1):
        _put(about, line, 1, text)
    book.properties.title, book.properties.keywords = sheet.title, sheet.release
    book.properties.creator = "kpgeo"
    book.save(path)


def _put(rows: Worksheet, line: int, column: int, value: Cell) -> None:
    cell = rows.cell(line, column, printable(value) if isinstance(value, str) else value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = value[:1] in FORMULA or value[:1] == "'"
    elif isinstance(value, float):
        cell.number_format = _NUMBER


def _width(name: str, cells: list[Cell]) -> int:
    longest = max([len(name), *(len(str(cell)) for cell in cells)])
    return min(max(longest + 2, _NARROWEST), _WIDEST)
