"""Reading declared figures: what is accepted, and that everything doubtful is refused with its place."""

import csv
import datetime as dt
import io
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.production import read_declared
from kpgeo.production.cells import MAX_CELL
from kpgeo.production.declared import COLUMNS
from kpgeo.production.table import MAX_BYTES, MAX_ROWS

GOOD = {
    "participant": "Côte d'Ivoire",
    "iso3": "CIV",
    "aoi": "civ-seguela",
    "period": "2024H1",
    "kind": "figure",
    "carats": "1234.5",
    "value_usd": "200000",
    "as_published_on": "2025-06-30",
    "source": "annual report",
    "confidence": "high",
    "entered_by": "analyst",
}


def _csv(*rows, columns=COLUMNS):
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows([{**GOOD, **row} for row in rows])
    return stream.getvalue()


@pytest.fixture
def read(tmp_path):
    def read_text(content):
        path = tmp_path / "declared.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_declared(path)

    return read_text


def test_a_row_is_read_into_a_figure(read):
    (figure,) = read(_csv({}))
    assert isinstance(figure, DeclaredFigure)
    assert figure.participant == "Côte d'Ivoire"
    assert figure.period == Period.parse("2024H1")
    assert (figure.carats, figure.value_usd) == (1234.5, 200_000.0)
    assert figure.as_published_on == dt.date(2025, 6, 30)
    assert (figure.source.source, figure.source.confidence) == ("annual report", "high")
    assert (figure.aoi_id, figure.entered_by) == ("civ-seguela", "analyst")


def test_zero_no_production_and_missing_are_three_things(read):
    zero, none, missing = read(
        _csv(
            {"carats": "0", "value_usd": ""},
            {"period": "2023H1", "kind": "no-production", "carats": "", "value_usd": ""},
            {"period": "2022H1", "kind": "missing", "carats": "", "value_usd": ""},
        )
    )
    assert (zero.kind, zero.carats) == (DeclaredKind.FIGURE, 0.0)
    assert (none.kind, none.carats) == (DeclaredKind.NO_PRODUCTION, None)
    assert (missing.kind, missing.carats) == (DeclaredKind.MISSING, None)


def test_bom_crlf_blank_lines_and_column_order_are_accepted(read):
    text = _csv({}, columns=COLUMNS[::-1]).replace("\n", "\r\n") + "\r\n,,,,,,,,,,\r\n"
    assert len(read(b"\xef\xbb\xbf" + text.encode())) == 1


def test_a_header_alone_holds_no_figures(read):
    assert read(",".join(COLUMNS)) == []


def test_decomposed_accents_are_composed(read):
    (figure,) = read(_csv({"participant": "Co\u0302te d'Ivoire"}))
    assert figure.participant == "Côte d'Ivoire"


@pytest.mark.parametrize(
    "carats",
    [
        "1 234,5",
        "1.234,5",
        "1,234.5",
        "1,234",
        "1234,5",
        "1\u00a0234.5",
        "1\u202f234,5",
        "1'234.5",
        "1’234",
        "1_234",
        "1.234.567",
        "1.234",
        "1e5",
        "0x10",
        "n/a",
        "-",
        "-5",
        "+5",
        "nan",
        "inf",
        "١٢٣",
        ".5",
        "5.",
        "1234 ct",
        "999999999",
        "1234567890123",
    ],
)
def test_numbers_that_could_be_read_otherwise_are_refused_with_row_column_and_remedy(read, carats):
    with pytest.raises(BadInputError) as caught:
        read(_csv({"period": "2023H1"}, {"carats": carats}))
    assert "row 3" in caught.value.where
    assert "carats" in caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("carats", "says"),
    [
        ("1.234", "three decimals"),
        ("1 234,5", "differ from country to country"),
        ("-5", "negative"),
        ("n/a", "is not a number"),
        ("999999999", "whole world"),
    ],
)
def test_a_refused_number_is_told_why(read, carats, says):
    with pytest.raises(BadInputError, match=says):
        read(_csv({"carats": carats}))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"period": "2024-H1"}, "period"),
        ({"period": "2024H3"}, "period"),
        ({"period": "1850"}, "period"),
        ({"kind": "none"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"kind": "missing"}, "kind"),
        ({"kind": "no-production", "carats": "0"}, "kind"),
        ({"kind": "missing", "carats": ""}, "kind"),
        ({"carats": ""}, "carats"),
        ({"carats": "0"}, "value_usd"),
        ({"value_usd": "60000000000"}, "value_usd"),
        ({"as_published_on": "30/06/2025"}, "as_published_on"),
        ({"as_published_on": "2025-02-30"}, "as_published_on"),
        ({"as_published_on": "2023-12-31"}, "as_published_on"),
        ({"as_published_on": "45838"}, "as_published_on"),
        ({"iso3": "ci"}, "iso3"),
        ({"iso3": "civ"}, "iso3"),
        ({"aoi": "../etc"}, "aoi"),
        ({"aoi": "Seguela"}, "aoi"),
        ({"confidence": "sure"}, "confidence"),
        ({"source": ""}, "source"),
        ({"participant": " "}, "participant"),
        ({"participant": "=HYPERLINK(1)"}, "participant"),
        ({"source": "@SUM(A1)"}, "source"),
        ({"source": "  +1+1"}, "source"),
        ({"entered_by": "-2+3"}, "entered_by"),
        ({"source": "a\x07b"}, "source"),
        ({"source": "a\u202eb"}, "source"),
        ({"source": "two\nlines"}, "source"),
        ({"source": "x" * (MAX_CELL + 1)}, "source"),
    ],
)
def test_cells_that_break_a_rule_are_refused_by_column(read, change, where):
    with pytest.raises(BadInputError) as caught:
        read(_csv(change))
    assert caught.value.where.endswith(f"row 2, column {where}")


def test_duplicates_are_refused_and_revisions_are_not(read):
    with pytest.raises(BadInputError, match="row 2 already"):
        read(_csv({}, {"carats": "99"}))
    assert len(read(_csv({}, {"carats": "99", "as_published_on": "2026-06-30"}))) == 2
    assert len(read(_csv({}, {"aoi": ""}))) == 2


def test_one_code_has_one_name(read):
    with pytest.raises(BadInputError, match="one way"):
        read(_csv({}, {"participant": "Cote D'ivoire", "period": "2023H1"}))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"PK\x03\x04rest", "damaged"),
        (b"\xd0\xcf\x11\xe0rest", "xls"),
        ("participant".encode("utf-16"), "UTF-16"),
        (b"x" * (MAX_BYTES + 1), "10 MB"),
        (",".join(COLUMNS[:-1]).encode(), "'entered_by' is absent"),
        ((",".join(COLUMNS) + ",notes").encode(), "Unknown column 'notes'"),
        ((",".join(COLUMNS) + ",iso3").encode(), "twice"),
        ((",".join(COLUMNS) + '\n"open').encode(), "well-formed"),
        ((",".join(COLUMNS) + "\na,b").encode(), "2 cells"),
        ((",".join(COLUMNS) + "\n" + ",".join(["x"] * 12)).encode(), "12 cells"),
    ],
)
def test_files_that_are_not_the_format_are_refused(read, content, says):
    with pytest.raises(BadInputError, match=says) as caught:
        read(content)
    assert "declared.csv" in caught.value.where
    assert caught.value.remedy


def test_latin1_is_named_with_byte_and_line(read):
    with pytest.raises(BadInputError, match="0xf4 is not UTF-8") as caught:
        read(_csv({}).encode("latin-1"))
    assert "line 2" in caught.value.where


def test_too_many_rows_are_refused(read):
    with pytest.raises(BadInputError, match="more than"):
        read(",".join(COLUMNS) + "\n" + "\n" * (MAX_ROWS + 1))


def test_a_file_that_is_not_there_or_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "absent.csv", tmp_path, tmp_path / "pipe.csv"):
        with pytest.raises(BadInputError, match="cannot be read"):
            read_declared(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_give_figures_or_a_named_refusal(read, content):
    places = []
    for prefix in (b"", (",".join(COLUMNS) + "\n").encode()):
        try:
            assert all(isinstance(figure, DeclaredFigure) for figure in read(prefix + content))
        except BadInputError as error:
            places.append(error.where)
    assert all("declared.csv" in place for place in places)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cell=st.text(alphabet="0123456789 .,'-+eE\u00a0\u202f", max_size=12))
def test_a_number_is_read_as_written_or_not_at_all(read, cell):
    try:
        (figure,) = read(_csv({"carats": cell, "value_usd": ""}))
    except BadInputError:
        return
    plain = cell.strip(" \u00a0\u202f")
    assert plain.replace(".", "", 1).isdigit()
    assert figure.carats == float(plain)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hundredths=st.integers(0, 19_999_999_999),
    year=st.integers(1970, 2100),
    part=st.sampled_from(["", "H1", "H2", "Q1", "Q4"]),
)
def test_every_well_formed_row_survives_the_round_trip(read, hundredths, year, part):
    text = f"{hundredths // 100}.{hundredths % 100:02d}"
    (figure,) = read(_csv({"carats": text, "value_usd": "", "period": f"{year}{part}", "as_published_on": ""}))
    assert figure.carats == float(text)
    assert figure.period.label == f"{year}{part}"
