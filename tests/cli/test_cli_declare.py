"""The commands of declared figures, as an analyst types them."""

import json

import pytest
from typer.testing import CliRunner

from kpgeo.cli import app
from kpgeo.store import Workspace

HEADER = "Country Name,Year,Quarter,Trade Type,Production Type,Carat,US Value\n"
ROWS = (
    "Ghana,2023,1,Production,ASM,102000,5100000\n"
    "Ghana,2023,2,Production,ASM,101000,5039900\n"
    "Ghana,2022,1,No Production,,0,0\n"
)


@pytest.fixture
def kpgeo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Workspace(tmp_path / "ws").tables().close()

    def run(*words, code=0):
        result = CliRunner().invoke(app, [*words, "--workspace", str(tmp_path / "ws")], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return run


def test_an_export_is_entered_once_listed_and_checked(kpgeo, tmp_path):
    (tmp_path / "export.csv").write_text(HEADER + ROWS, encoding="utf-8")
    entry = ("declare", "import", "export.csv", "--source", "KP export", "--published-on", "2025-03-31", "--json")
    first = json.loads(kpgeo(*entry).stdout.splitlines()[-1])
    assert (first["entered"], first["known"]) == (3, 0)
    assert json.loads(kpgeo(*entry).stdout.splitlines()[-1])["entered"] == 0
    listed = json.loads(kpgeo("declare", "list", "--participant", "GHA", "--json").stdout.splitlines()[-1])["declared"]
    assert {(one["period"], one["sector"]) for one in listed} >= {("2023H1", "artisanal"), ("2022H1", "all")}
    found = json.loads(
        kpgeo("declare", "check", "--participant", "Ghana", "--language", "fr", "--json").stdout.splitlines()[-1]
    )["findings"]
    assert {"round-total", "whole-dollar-price"} <= {one["rule"] for one in found}
    assert any("chiffre rond" in one["finding"] for one in found)
    table = json.loads(kpgeo("declare", "responses", "--since", "2022", "--json").stdout.splitlines()[-1])
    assert table["periods"] == ["2022H1", "2022H2", "2023H1", "2023H2"]
    assert table["responses"]["GHA"] == ["no-production", "missing", "figure", "figure"]


def test_a_typed_table_with_its_own_headings_units_and_signs(kpgeo, tmp_path):
    (tmp_path / "t.csv").write_text("Pays;Semestre;Poids;Valeur\nGuinée;2024H1;1.234,5;60.000.000\n", encoding="utf-8")
    kpgeo(
        "declare", "import", "t.csv", "--source", "letter", "--unit", "g", "--decimal", "comma", "--currency", "XOF",
        "--rate", "0.00165", "--rate-source", "central bank", "--column", "participant=Pays", "--column",
        "period=Semestre", "--column", "carats=Poids", "--column", "value=Valeur", "--set", "aoi=gin-banankoro",
    )  # fmt: skip
    listed = json.loads(kpgeo("declare", "list", "--participant", "GIN", "--json").stdout.splitlines()[-1])["declared"]
    (own,) = [one for one in listed if one["aoi"]]
    assert own["carats"] == pytest.approx(6172.5)
    assert own["value_usd"] == pytest.approx(99_000.0)


def test_trade_is_entered_and_held_against_production(kpgeo, tmp_path):
    rows = "Ghana,2023,1,Export,,250000,1\nGhana,2023,2,Export,,90000,1\n"
    (tmp_path / "export.csv").write_text(HEADER + ROWS + rows, encoding="utf-8")
    result = json.loads(kpgeo("declare", "import", "export.csv", "--source", "s", "--json").stdout.splitlines()[-1])
    assert result["entered_trade"] == 2
    found = json.loads(kpgeo("declare", "check", "--participant", "GHA", "--json").stdout.splitlines()[-1])["findings"]
    assert "balance" in {one["rule"] for one in found}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("export.csv",), "source"),
        (("export.csv", "--source", "s", "--currency", "XOF"), "rate"),
        (("export.csv", "--source", "s", "--decimal", "dot"), "point, comma"),
        (("export.csv", "--source", "s", "--column", "carats"), "name=value"),
        (("none.csv", "--source", "s"), "cannot be read"),
    ],
)
def test_what_is_not_said_is_asked_for(kpgeo, tmp_path, words, says):
    (tmp_path / "export.csv").write_text(HEADER + ROWS, encoding="utf-8")
    assert says in kpgeo("declare", "import", *words, code=2).output


def test_what_only_the_table_shows_is_said_at_import_and_kept(kpgeo, tmp_path):
    doubled = "Guinea,2006,2,Production,,473862,1\nGuinea,2006,2,No Production,,0,0\nGhana,2023,2,Production,ASM,7,1\n"
    (tmp_path / "export.csv").write_text(HEADER + ROWS + doubled, encoding="utf-8")
    entry = ("declare", "import", "export.csv", "--source", "KP export", "--twice", "sum", "--language", "pt", "--json")
    result = kpgeo(*entry)
    assert "Qual dos dois é válido?" in result.stdout
    said = {one["rule"] for one in json.loads(result.stdout.splitlines()[-1])["findings"]}
    assert said == {"figure-and-none", "entered-twice"}
    kpgeo(*entry)
    (record,) = (tmp_path / "ws" / "imports").iterdir()
    check = json.loads(kpgeo("declare", "check", "--json").stdout.splitlines()[-1])
    assert [(one["rule"], one["iso3"]) for one in check["findings"] if one["rule"] in said] == [
        ("entered-twice", "GHA"), ("figure-and-none", "GIN")
    ]  # fmt: skip
    assert any("added up" in line for line in check["imports"][0]["notes"])
    record.write_text("{", encoding="utf-8")
    assert record.name in kpgeo("declare", "check", code=2).output


def test_figures_can_be_entered_before_anything_is_watched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export.csv").write_text(HEADER + ROWS, encoding="utf-8")
    result = CliRunner().invoke(app, ["declare", "import", "export.csv", "--source", "s"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "A new workspace is made" in result.output
    listed = CliRunner().invoke(app, ["declare", "list", "--participant", "ghana", "--json"], catch_exceptions=False)
    assert len(json.loads(listed.stdout.splitlines()[-1])["declared"]) == 13


def test_a_participant_is_known_by_any_usual_spelling_and_a_strange_one_is_refused(kpgeo):
    listed = json.loads(kpgeo("declare", "list", "--participant", "cote d'ivoire", "--json").stdout.splitlines()[-1])
    assert {one["iso3"] for one in listed["declared"]} == {"CIV"}
    assert "not a participant" in kpgeo("declare", "check", "--participant", "Atlantis", code=2).output


SIZES = "participant,period,size,stones\nGhana,2024H1,0,{}\nGhana,2024H1,0.1,{}\nGhana,2024H1,0.5,{}\n"


def test_exported_stones_are_held_against_produced_ones(kpgeo, tmp_path):
    (tmp_path / "produced.csv").write_text(SIZES.format(3000, 900, 40), encoding="utf-8")
    (tmp_path / "alike.csv").write_text(SIZES.format(1490, 455, 22), encoding="utf-8")
    other = SIZES.format(700, 900, 300) + "Guinea,2024H1,0,5\n"
    (tmp_path / "other.csv").write_text(other, encoding="utf-8")
    alike = kpgeo("declare", "footprint", "produced.csv", "alike.csv", "--json")
    (one,) = json.loads(alike.stdout.splitlines()[-1])["compared"]
    assert not one["is_asked"]
    result = kpgeo("declare", "footprint", "produced.csv", "other.csv", "--keep", "--language", "fr", "--json")
    said = json.loads(result.stdout.splitlines()[-1])
    assert said["compared"][0]["is_asked"]
    assert said["compared"][0]["at_ct"] == 0.1
    assert said["not_compared"] == ["Guinea 2024H1"]
    assert "D’où viennent les pierres" in result.stdout
    found = json.loads(kpgeo("declare", "check", "--participant", "GHA", "--json").stdout.splitlines()[-1])["findings"]
    assert "footprint" in {one["rule"] for one in found}
