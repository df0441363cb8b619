"""Tables of strangers: whatever they hold, figures come out that are certain, or a plain refusal that says where."""

import contextlib
import datetime as dt
import io
import math
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from kpgeo.model.errors import BadInputError
from kpgeo.options.checks import CheckOptions
from kpgeo.production import NumberStyle, TableReading, check_trade, read_declared, read_submission
from kpgeo.production.cells import MAX_CARATS, MAX_USD

pytestmark = [pytest.mark.fault(33), pytest.mark.fault(34)]
HEADER = ("participant", "period", "kind", "carats", "value", "as_published_on")
GOOD = ("Guinea", "2008H1", "production", 1_715_579.67, 30_880_434.06, "2025-03-31")
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_NUMERALS = st.one_of(
    st.floats(min_value=0, max_value=1e9).map(lambda x: f"{x:.2f}"),
    st.floats(min_value=0, max_value=1e9).map(lambda x: f"{x:,.2f}"),
    st.floats(min_value=0, max_value=1e9).map(lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,"))),
    st.floats(min_value=0, max_value=1e9).map(lambda x: f"{x:,.1f}".translate(str.maketrans(",.", "\u202f,"))),
    st.sampled_from(
        ["", "0", "n/a", "-5", "1e5", "1.234", "12 ct", "=1+1", "NaN", "inf", "٣", "１２", "1_000", "0x10"]
    ),
)
_NAMES = st.sampled_from(
    ["Guinea", "GIN", "Côte d’Ivoire", "Belgium", "=cmd|' /C calc'!A0", "A\x00B", "\u202eGuinea", ""]
)
_LABELS = st.sampled_from(["2008H1", "2008", "2008Q3", "2008H3", "1st half 2008", "2008-01-01", "٢٠٠٨", ""])
_KINDS = st.sampled_from(["production", "no production", "missing", "export", "", "zero"])
_ROWS = st.lists(st.tuples(_NAMES, _LABELS, _KINDS, _NUMERALS, _NUMERALS, st.just("")), min_size=1, max_size=4)
_STYLES = st.sampled_from([None, "point", "comma"])


def csv_of(path, rows, header=HEADER):
    lines = [",".join('"' + str(cell).replace('"', '""') + '"' for cell in row) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def workbook_of(path, rows, header=HEADER, epoch=None):
    book = openpyxl.Workbook()
    if epoch is not None:
        book.epoch = epoch
    for row in (header, *rows):
        book.active.append(row)
    book.save(path)
    return path


def read(path, **said):
    return read_submission(path, TableReading(source="test", **said))


def certain(found):
    """Require what holds of every figure that is let in."""
    for one in (*found.figures, *found.trades):
        assert len(one.iso3) == 3
        assert (one.carats is not None) == (one.kind.value == "figure")
        assert one.carats is None or (math.isfinite(one.carats) and 0.0 <= one.carats <= MAX_CARATS)
        assert one.value_usd is None or (math.isfinite(one.value_usd) and 0.0 <= one.value_usd <= MAX_USD)


@QUICK
@given(rows=_ROWS, style=_STYLES)
def test_tables_of_mixed_locales_are_certain_or_refused_with_their_place(tmp_path, rows, style):
    path = csv_of(tmp_path / "t.csv", rows)
    try:
        found = read(path, style=NumberStyle(decimal=style), twice="sum")
    except BadInputError as error:
        said = str(error)
    else:
        certain(found)
        said = "t.csv"
        typed = "".join(cell for row in rows for cell in row[3:5])
        assert style is not None or not set(typed) & {",", "\u202f"}, "nobody said which sign stands before decimals"
    assert "t.csv" in said


@QUICK
@given(content=st.binary(max_size=400))
def test_bytes_that_are_no_table_are_refused(tmp_path, content):
    path = tmp_path / "t.csv"
    for head in (b"", b"participant,period,carats\n", b"PK\x03\x04", b"\xff\xfe"):
        path.write_bytes(head + content)
        for reader in (read, read_declared):
            with contextlib.suppress(BadInputError):
                reader(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=12),
    part=st.integers(0, 30),
)
def test_a_damaged_workbook_is_refused_or_says_the_same(tmp_path, flips, part):
    """Bytes are changed in the zip itself, and inside one of its parts, which is then packed again."""
    good = workbook_of(tmp_path / "good.xlsx", [GOOD]).read_bytes()
    outside = bytearray(good)
    for place, value in flips:
        outside[place % len(outside)] = value
    with zipfile.ZipFile(io.BytesIO(good)) as source:
        parts = {name: bytearray(source.read(name)) for name in source.namelist()}
    chosen = parts[sorted(parts)[part % len(parts)]]
    for place, value in flips:
        chosen[place % len(chosen)] = value
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as bundle:
        for name, content in parts.items():
            bundle.writestr(name, bytes(content))
    for content in (bytes(outside), inside.getvalue()):
        (tmp_path / "t.xlsx").write_bytes(content)
        with contextlib.suppress(BadInputError):
            certain(read(tmp_path / "t.xlsx", formulas="stored"))


_CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20), st.dates(dt.date(1905, 1, 1)), st.times(),
    st.sampled_from(["=1/0", "=3249143/100", "#REF!", '=WEBSERVICE("http://x")']),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(*[_CELLS] * len(HEADER)), min_size=1, max_size=3), place=st.integers(0, 5), cell=_CELLS)
def test_whatever_a_cell_of_a_workbook_holds(tmp_path, rows, place, cell):
    almost = list(GOOD)
    almost[place] = cell
    for given_rows in (rows, [tuple(almost)]):
        path = workbook_of(tmp_path / "t.xlsx", given_rows)
        with contextlib.suppress(BadInputError):
            certain(read(path))


@pytest.mark.parametrize("epoch", [None, CALENDAR_MAC_1904])
def test_days_are_read_by_the_calendar_of_their_workbook(tmp_path, epoch):
    path = workbook_of(tmp_path / "t.xlsx", [(*GOOD[:5], dt.date(2025, 3, 31))], epoch=epoch)
    (figure,) = read(path).figures
    assert figure.as_published_on == dt.date(2025, 3, 31)


@pytest.mark.parametrize(
    ("place", "cell", "says"),
    [
        (3, dt.date(2008, 5, 1), "not a number|differ from country"),  # 1.5 that a spreadsheet took for a day
        (1, dt.date(2008, 1, 1), "period"),
        (3, True, "not a number"),
        (3, "#REF!", "not a number"),
        (3, -4, "negative"),
        (3, "=3249143/100", "formula"),
        (3, 3e8, "whole world"),
        (5, "31/03/2025", "ISO date"),
        (0, "=HYPERLINK(1)", "formula"),
        (1, '="2008H"&1', "formula"),
        (0, "Gui\u202enea", "control character"),
        (0, "G" * 501, "longer than"),
    ],
)
def test_cells_that_are_something_else_are_named(tmp_path, place, cell, says):
    row = [*GOOD]
    row[place] = cell
    with pytest.raises(BadInputError, match=says) as refused:
        read(workbook_of(tmp_path / "t.xlsx", [row]))
    assert "row 2" in str(refused.value)


def test_workbooks_with_macros_are_refused_by_what_they_are_and_not_by_their_name(tmp_path):
    good = workbook_of(tmp_path / "good.xlsx", [GOOD])
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(tmp_path / "t.xlsx", "w") as bundle:
        for name in source.namelist():
            kind = b"spreadsheetml.sheet.main+xml"
            bundle.writestr(name, source.read(name).replace(kind, b"sheet.macroEnabled.main+xml"))
    with pytest.raises(BadInputError, match="macros"):
        read(tmp_path / "t.xlsx")


def test_an_encrypted_part_is_no_crash(tmp_path):
    content = bytearray(workbook_of(tmp_path / "good.xlsx", [GOOD]).read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = content.find(mark)
        while place >= 0:
            content[place + offset] |= 1
            place = content.find(mark, place + 4)
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(BadInputError, match="cannot be read"):
        read(tmp_path / "t.xlsx")


def test_a_sheet_of_millions_of_cells_is_counted_before_it_is_read(tmp_path):
    good = workbook_of(tmp_path / "good.xlsx", [GOOD])
    row = b"<row>" + b"<c><v>7</v></c>" * 40 + b"</row>"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content.replace(b"</sheetData>", row * 13_000 + b"</sheetData>")
            bundle.writestr(name, content)
        bundle.writestr("xl/media/noise.bin", bytes(range(256)) * 200, zipfile.ZIP_STORED)
    with pytest.raises(BadInputError, match="500,000 cells"):
        read(tmp_path / "t.xlsx")


def test_a_sheet_that_claims_its_last_row_is_the_last_there_can_be(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active["A1048576"] = "Guinea"
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(BadInputError, match="larger than a table"):
        read(tmp_path / "t.xlsx")


def test_rows_and_columns_without_end_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("participant,period,carats\n" + "Guinea,2008H1,1\n" * 60_000)
    with pytest.raises(BadInputError, match="50,000 rows"):
        read(path)
    path.write_text("participant,period,carats" + ",x" * 200 + "\n")
    with pytest.raises(BadInputError, match="100 columns"):
        read(path)
    path.write_bytes(b"a" * 10_000_001)
    with pytest.raises(BadInputError, match="larger than 10 MB"):
        read(path)


def test_a_row_of_the_half_year_is_not_added_to_its_quarters(tmp_path):
    """Trade of the half beside that of its quarters: an overlap, not a sum."""
    rows = [
        ("Ghana", "2023H1", "production", "100000.5", "5000001", ""),
        *(("Ghana", label, "export", carats, "1", "") for label, carats in (
            ("2023H1", "100000.5"), ("2023Q1", "50000.5"), ("2023Q2", "50000"), ("2023", "250000"),
        )),
    ]  # fmt: skip
    found = read(csv_of(tmp_path / "t.csv", rows))
    assert "balance" not in {one.rule for one in check_trade(found.figures, found.trades, CheckOptions())}
