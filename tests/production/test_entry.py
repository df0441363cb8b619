"""Tables as analysts hold them: the Kimberley Process's export, workbooks, typed tables."""

import datetime as dt
import zipfile

import openpyxl
import pytest

from kpgeo.model.errors import BadInputError
from kpgeo.model.production import DeclaredKind, Flow, Sector
from kpgeo.production import CaratUnit, NumberStyle, TableReading, read_submission

HEADER = (
    "Country Name", "Year", "Quarter", "Trade Type", "Production Type", "Carat", "US Value", "Public", "Created",
)  # fmt: skip
READING = TableReading(source="export", as_published_on=dt.date(2025, 3, 31), entered_by="analyst")


def write_csv(path, rows, header=HEADER, delimiter=","):
    lines = [delimiter.join(str(cell) for cell in row) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_xlsx(path, rows, header=HEADER):
    book = openpyxl.Workbook()
    for row in (header, *rows):
        book.active.append(row)
    book.save(path)
    return path


def read(path, **said):
    return read_submission(path, TableReading(**{**vars(READING), **said}))


GUINEA = ("Guinea", 2008, 1, "Production", "Production", 1715579.67, 30880434.06, "Public", "29Aug08:10:15:13")


@pytest.mark.parametrize("write", [write_csv, write_xlsx])
def test_the_export_is_read_by_its_headings(tmp_path, write):
    rows = [
        GUINEA,
        ("Cote D'ivoire", 2022, 2, "Production", "ASM", 1904, 100000, "Public", ""),
        ("Armenia", 2003, 1, "No Production", "", 0, 0, "Public", ""),
    ]
    found = read(write(tmp_path / f"table.{'csv' if write is write_csv else 'xlsx'}", rows))
    guinea, ivory, armenia = found.figures
    assert (guinea.iso3, guinea.period.label, guinea.carats, guinea.value_usd) == (
        "GIN",
        "2008H1",
        1715579.67,
        30880434.06,
    )
    assert (ivory.participant, ivory.sector) == ("Côte d'Ivoire", Sector.ARTISANAL)
    assert (armenia.kind, armenia.carats) == (DeclaredKind.NO_PRODUCTION, None)
    assert {one.as_published_on for one in found.figures} == {dt.date(2025, 3, 31)}
    assert found.entries[0].recorded_on == dt.date(2008, 8, 29)
    assert any("Public" in note for note in found.notes)


def test_zero_none_and_missing_are_three_things(tmp_path):
    header = ("participant", "period", "kind", "carats")
    rows = [
        ("Ghana", "2020H1", "figure", 0),
        ("Ghana", "2020H2", "no-production", ""),
        ("Ghana", "2021H1", "missing", ""),
    ]
    kinds = [(one.kind, one.carats) for one in read(write_csv(tmp_path / "t.csv", rows, header)).figures]
    assert kinds == [(DeclaredKind.FIGURE, 0.0), (DeclaredKind.NO_PRODUCTION, None), (DeclaredKind.MISSING, None)]


def test_a_typed_table_is_read_by_a_map(tmp_path):
    header = ("Pays", "Semestre", "Poids (g)", "Valeur (FCFA)")
    path = write_csv(tmp_path / "t.csv", [("Guinée", "2024H1", "1.234,5", "60.000.000")], header, ";")
    found = read(
        path,
        columns={"participant": "Pays", "period": "Semestre", "carats": "Poids (g)", "value": "Valeur (FCFA)"},
        style=NumberStyle(decimal="comma"),
        unit=CaratUnit.G,
        currency="XOF",
        usd_per_unit=0.00165,
        rate_source="central bank, 30 June 2024",
    )
    (figure,) = found.figures
    assert figure.carats == pytest.approx(6172.5)
    assert figure.value_usd == pytest.approx(99_000.0)
    assert "XOF" in figure.source.source
    assert "central bank" in figure.source.source


def test_trade_is_read_by_quarter_and_partner(tmp_path):
    header = (*HEADER[:7], "Partner", "Certificates")
    rows = [
        ("Sierra Leone", 2023, 3, "Export", "", 100000, 2e7, "United Arab Emirates", 12),
        ("Sierra Leone", 2023, 3, "Import", "", 0, 0, "", 0),
        ("Sierra Leone", 2023, 4, "No Imports", "", 0, 0, "", 0),
    ]
    export, total, none = read(write_xlsx(tmp_path / "t.xlsx", rows, header)).trades
    assert (export.flow, export.period.label, export.partner_iso3, export.certificates) == (
        Flow.EXPORT,
        "2023Q3",
        "ARE",
        12,
    )
    assert (total.partner_iso3, total.carats) == ("", 0.0)
    assert none.kind is DeclaredKind.NO_PRODUCTION


def test_rows_that_stand_twice_are_asked_about(tmp_path):
    early = (
        "Congo, Democratic Republic of",
        2022,
        1,
        "Production",
        "LSM",
        1761189.74,
        11799971.26,
        "Public",
        "17Mar23:08:17:24",
    )
    late = (
        "Congo, Democratic Republic of",
        2022,
        1,
        "Production",
        "LSM",
        871287.39,
        11762379.77,
        "Public",
        "07Sep23:07:47:07",
    )
    path = write_xlsx(tmp_path / "t.xlsx", [early, late, GUINEA, GUINEA])
    with pytest.raises(BadInputError, match=r"rows 2 .*2023-03-17.* and 3") as refusal:
        read(path)
    assert "--twice" in refusal.value.remedy
    assert read(path, twice="sum").figures[0].carats == pytest.approx(2632477.13)
    assert read(path, twice="latest").figures[0].carats == pytest.approx(871287.39)
    assert len(read(path, twice="sum").figures) == 2, "a row that stands twice alike is one"


def test_the_latest_is_not_guessed_where_no_day_says_it(tmp_path):
    rows = [("Indonesia", 2007, 1, "Production", "Production", amount, amount * 9, "Public", "") for amount in (10, 20)]
    with pytest.raises(BadInputError, match="no day of entry"):
        read(write_csv(tmp_path / "t.csv", rows), twice="latest")


def test_a_figure_that_a_workbook_computes_is_asked_about(tmp_path):
    path = write_xlsx(tmp_path / "t.xlsx", [(*GUINEA[:6], "=3249143/100", "Public", "")])
    with pytest.raises(BadInputError, match="3249143/100"):
        read(path)
    stored = read(path, formulas="stored")
    assert any("3249143/100" in note for note in stored.notes)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("Belgium", 2020, 1, "Production", "Production", 1, 1, "", ""), "European Union"),
        (("Guines", 2020, 1, "Production", "Production", 1, 1, "", ""), "Guinea"),
        (("Guinea", 2020, 3, "Production", "Production", 1, 1, "", ""), "half"),
        (("Guinea", 2020, 1, "No Production", "", 5, 0, "", ""), "gives a figure"),
        (("Guinea", 2020, 1, "Production", "Production", "", 9, "", ""), "no carats"),
        (("Guinea", 2020, 1, "Barter", "", 5, 0, "", ""), "no kind"),
        (("Guinea", 2020, 1, "Production", "MSM", 5, 0, "", ""), "no kind of mining"),
        (("Guinea", 2020, 1, "Production", "", 3e8, 0, "", ""), "world"),
        (("Guinea", 20, 1, "Production", "", 3, 0, "", ""), "period"),
        (("=HYPERLINK(1)", 2020, 1, "Production", "", 3, 0, "", ""), "formula"),
    ],
)
def test_a_doubtful_row_is_refused_whole_with_its_place(tmp_path, row, words):
    with pytest.raises(BadInputError) as refusal:
        read(write_csv(tmp_path / "t.csv", [GUINEA, row]))
    assert words in str(refusal.value)
    assert "row 3" in str(refusal.value)


def test_the_european_union_takes_the_place_of_its_members_when_they_accede(tmp_path):
    rows = [("Croatia", year, half, "No Production", "", 0, 0, "", "") for year, half in ((2012, 1), (2013, 1))]
    assert [one.iso3 for one in read(write_csv(tmp_path / "t.csv", rows)).figures] == ["HRV", "HRV"]
    with pytest.raises(BadInputError, match="European Union"):
        read(write_csv(tmp_path / "u.csv", [("Croatia", 2013, 2, "No Production", "", 0, 0, "", "")]))


def test_a_table_without_known_headings_says_which_are_wanted(tmp_path):
    with pytest.raises(BadInputError, match="participant") as refusal:
        read(write_csv(tmp_path / "t.csv", [("x", 1)], ("land", "weight")))
    assert "land, weight" in refusal.value.remedy


@pytest.mark.fault(30)
def test_workbooks_that_are_traps_are_refused_before_they_are_unpacked(tmp_path):
    good = write_xlsx(tmp_path / "good.xlsx", [GUINEA])
    for name, inner, words in (
        ("xl/vbaProject.bin", b"MZ", "macros"),
        ("xl/externalLinks/externalLink1.xml", b"<x/>", "other files"),
        ("xl/media/bomb.bin", b"\0" * 60_000_000, "unpacks"),
    ):
        path = tmp_path / f"{words.split()[0]}.xlsx"
        path.write_bytes(good.read_bytes())
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr(name, inner)
        with pytest.raises(BadInputError, match=words):
            read(path)
    plain = tmp_path / "plain.xlsx"
    with zipfile.ZipFile(plain, "w") as bundle:
        bundle.writestr("a.txt", "x")
    with pytest.raises(BadInputError, match="no workbook"):
        read(plain)


def test_an_entity_bomb_in_a_workbook_does_not_go_off(tmp_path):
    good, path = write_xlsx(tmp_path / "good.xlsx", [GUINEA]), tmp_path / "bomb.xlsx"
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as bundle:
        for part in source.namelist():
            bundle.writestr(part, bomb if part == "xl/workbook.xml" else source.read(part))
    with pytest.raises(BadInputError):
        read(path)


def test_merged_cells_and_several_sheets_are_asked_about(tmp_path):
    book = openpyxl.Workbook()
    for row in (HEADER, GUINEA, GUINEA):
        book.active.append(row)
    other = book.create_sheet("other")
    other.append(("a",))
    other.append((1,))
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(BadInputError, match="2 sheets"):
        read(tmp_path / "t.xlsx")
    assert len(read(tmp_path / "t.xlsx", sheet="Sheet").figures) == 1
    book["Sheet"].merge_cells("A2:A3")
    book.save(tmp_path / "m.xlsx")
    with pytest.raises(BadInputError, match="merged"):
        read(tmp_path / "m.xlsx", sheet="Sheet")


def test_rows_that_a_filter_hides_are_read_and_said(tmp_path):
    book = openpyxl.Workbook()
    for row in (HEADER, GUINEA):
        book.active.append(row)
    book.active.row_dimensions[2].hidden = True
    book.save(tmp_path / "t.xlsx")
    found = read(tmp_path / "t.xlsx")
    assert len(found.figures) == 1
    assert any("hidden" in note for note in found.notes)


def test_parts_of_one_trade_are_added_with_their_certificates(tmp_path):
    header = (*HEADER[:7], "Partner", "Certificates")
    rows = [
        ("Sierra Leone", 2023, 3, "Export", "", 100, 2000, "Israel", 2),
        ("Sierra Leone", 2023, 3, "Export", "", 50, 900, "Israel", 1),
    ]
    (trade,) = read(write_csv(tmp_path / "t.csv", rows, header), twice="sum").trades
    assert (trade.carats, trade.value_usd, trade.certificates) == (150.0, 2900.0, 3)


def test_rows_that_contradict_each_other_without_a_figure_are_refused(tmp_path):
    header = ("participant", "period", "kind", "carats")
    rows = [("Ghana", "2020H2", "no-production", ""), ("Ghana", "2020H2", "missing", "")]
    with pytest.raises(BadInputError, match="contradict"):
        read(write_csv(tmp_path / "t.csv", rows, header), twice="sum")
