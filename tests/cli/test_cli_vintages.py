"""Two vintages of one table, entered one after the other by the command: made ones, and the real export revised."""

import json

import openpyxl
import pytest
from typer.testing import CliRunner

from kpgeo.cli import app

HEADER = "Country Name,Year,Quarter,Trade Type,Production Type,Carat,US Value\n"


@pytest.fixture
def kpgeo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        last = result.stdout.splitlines()[-1]
        return result.output.replace(last, "").replace("\u00a0", " "), json.loads(last)

    return run


def test_a_later_vintage_is_a_row_of_its_own_a_finding_and_what_is_compared(kpgeo, tmp_path):
    """Angola 2020 by half-years, twice: the second half is revised, and then the value of the first."""
    rows = "Angola,2020,1,Production,,3900000.5,500000000\nAngola,2020,2,Production,,{},{}\n"
    for day, second, value in (
        ("2025-06-30", "4010000.25", "510000000"),
        ("2026-06-30", "4410000.25", "510000000"),
        ("2027-06-30", "4410000.25", "770000000"),
    ):
        (tmp_path / "t.csv").write_text(HEADER + rows.format(second, value), encoding="utf-8")
        kpgeo("declare", "import", "t.csv", "--source", "export", "--published-on", day)
    text, listed = kpgeo("declare", "list", "--participant", "Angola")
    second = [one for one in listed["declared"] if one["period"] == "2020H2"]
    assert [(one["as_published_on"], one["carats"], one["is_newest"]) for one in second] == [
        ("2025-06-30", 4_010_000.25, False),
        ("2026-06-30", 4_410_000.25, False),
        ("2027-06-30", 4_410_000.25, True),
    ]
    assert "newest" in text
    assert "earlier" in text
    text, found = kpgeo("declare", "check", "--participant", "AGO")
    revised = [one for one in found["findings"] if one["rule"] == "revised" and one["periods"] == ["2020H2"]]
    assert len({one["id"] for one in revised}) == 2
    assert "revised from 4,010,000.25 to 4,410,000.25 ct (10 %), as published on 30 June 2026" in revised[0][
        "finding"
    ].replace("\u00a0", " ")
    assert "for the same carats, as published on 30 June 2027" in revised[1]["finding"]
    text, said = kpgeo("compare", "--participant", "Angola", "--period", "2020")
    assert said["comparisons"][0]["declared_ct"] == pytest.approx(8_310_000.75)
    assert said["comparisons"][0]["declared_as_published_on"] == "2027-06-30"
    assert "(the whole participant; vintage of 30 June 2027)" in text


def test_the_real_export_and_a_later_vintage_of_it(kpgeo, shared, tmp_path):
    """Nothing of the export leaves the temporary folder: two of its cells are changed there, and a row is left out."""
    export = shared / "data" / "kp_statistics" / "Production of Diamonds - Updated.xlsx"
    if not export.exists():
        pytest.skip("the export is not beside this checkout")
    said = ("--source", "KP export", "--twice", "sum", "--formulas", "stored")
    text, first = kpgeo("declare", "import", str(export), *said, "--published-on", "2025-03-31")
    assert {one["rule"] for one in first["findings"]} == {"figure-and-none", "entered-twice"}
    assert "Only the table itself shows these" in text

    book = openpyxl.load_workbook(export)
    page = book.active
    places = {str(cell.value): cell.column for cell in page[1]}

    def row_of(country, year, half):
        return next(
            number
            for number in range(2, page.max_row + 1)
            if (page.cell(number, places["Country Name"]).value, page.cell(number, places["Year"]).value)
            == (country, year)
            and page.cell(number, places["Quarter"]).value == half
        )

    page.cell(row_of("Guinea", 2008, 1), places["Carat"]).value = 171_557.97
    page.cell(row_of("Ghana", 2012, 2), places["US Value"]).value = 99_999_999.0
    page.delete_rows(row_of("Sierra Leone", 2010, 1))
    book.save(tmp_path / "later.xlsx")
    _, second = kpgeo("declare", "import", "later.xlsx", *said, "--published-on", "2026-03-31")
    assert second["entered"] == first["entered"] - 1, "each figure has a row of the later vintage"

    _, found = kpgeo("declare", "check")
    later = {
        (one["iso3"], one["periods"][0])
        for one in found["findings"]
        if one["rule"] == "revised" and "2026" in one["finding"]
    }
    assert later == {("GIN", "2008H1"), ("GHA", "2012H2"), ("SLE", "2010H1")}
    (lost,) = [one for one in found["findings"] if one["iso3"] == "SLE" and one["numbers"].get("is_lost")]
    assert lost["question"] == "Was the figure withdrawn, or has a row been lost?"
    _, listed = kpgeo("declare", "list", "--participant", "Guinea")
    rows = [one for one in listed["declared"] if one["period"] == "2008H1"]
    assert [one["is_newest"] for one in rows] == [False, True]
    text, compared = kpgeo("compare", "--participant", "Guinea", "--period", "2008")
    assert compared["comparisons"][0]["declared_ct"] < 1_600_000, "the newest vintage is compared"
    assert "The figure was revised: 3,098,490" in text
    _, sierra = kpgeo("declare", "list", "--participant", "SLE")
    kept = [one for one in sierra["declared"] if one["period"] == "2010H1"]
    assert [(one["as_published_on"], one["is_newest"]) for one in kept] == [("2025-03-31", True)]
