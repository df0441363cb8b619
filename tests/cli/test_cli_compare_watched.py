"""`kpgeo compare` and `kpgeo parcel` over ground that was watched, under embargo, suspension and a compliant zone.

The small world is watched once for all tests; a regulatory period, a name and a stratum change what is asked of it and
not what was seen, so that each test rewrites the AOI file and nothing else.
"""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kpgeo.cli import app

TOLD = {"source": "made up for a test", "confidence": "low"}
CIV = {"iso3": "CIV", "country": "Côte d'Ivoire", "participant": "Côte d'Ivoire"}


@pytest.fixture
def ground(small_world, watched, tmp_path):
    """Return a function that changes the AOI's boundary, and one that runs kpgeo on what was seen there."""
    for name in ("aoi.geojson", "declared.csv", "pipeline.toml"):
        shutil.copy(small_world / name, tmp_path)
    workspace = Path(shutil.copytree(watched, tmp_path / "ws"))
    known = workspace / "watched.json"
    known.write_text(known.read_text().replace(str(small_world), str(tmp_path)))

    def change(*, kept_strata=("alluvial-flat", "dyke"), **boundary):
        path = tmp_path / "aoi.geojson"
        content = json.loads(path.read_text())
        content["features"][0]["properties"] |= boundary
        content["features"] = [
            one
            for one in content["features"]
            if one["properties"]["role"] != "stratum" or one["properties"]["id"] in kept_strata
        ]
        path.write_text(json.dumps(content))

    def run(*words, code=0):
        result = CliRunner().invoke(app, [*words, "--workspace", str(workspace), "--json"], catch_exceptions=False)
        assert result.exit_code == code, result.output
        text = result.output.replace("\u00a0", " ")
        if code:
            return text, {}
        last = result.stdout.splitlines()[-1]
        return text.replace(last, ""), json.loads(last)

    return change, run


def regime(kind, **more):
    return {"kind": kind, "start": "2022-06-01", "end": None, "note": {"en": kind}, "source": TOLD, **more}


def test_digging_under_an_embargo_is_activity_without_declaration(ground):
    """Nothing was declared, as of Côte d'Ivoire from 2006 to 2013."""
    change, run = ground
    change(regimes=[regime("embargo")])
    for words in (("--participant", "XSM"), ()):
        text, said = run("compare", "--period", "2023H1", *words)
        (row,) = said["comparisons"]
        assert (row["verdict"], row["declared"]) == ("activity-without-declaration", "missing")
        assert row["new_ha"] > 0.0
        assert "An embargo was in force in the period: digging of any size is a question" in text
        assert "New digging was seen in a period for which no declared figure is at hand" in text
        assert "illegal" not in text


def test_no_production_declared_under_an_embargo_is_no_declaration_of_the_digging(ground, tmp_path):
    change, run = ground
    change(**CIV, regimes=[regime("embargo")])
    (tmp_path / "t.csv").write_text("participant,period,kind,carats\nCIV,2023H1,no production,\n")
    run("declare", "import", str(tmp_path / "t.csv"), "--source", "letter", "--published-on", "2023-09-01")
    text, said = run("compare", "--participant", "Cote d'Ivoire", "--period", "2023H1")
    assert said["comparisons"][0]["verdict"] == "activity-without-declaration"
    assert "1 of the 4 fields of Côte d'Ivoire that kpgeo knows are watched" in text
    assert "no carats were declared" in text


def test_a_period_before_monitoring_is_answered_from_the_figures(ground):
    change, run = ground
    change(**CIV)
    text, said = run("compare", "--participant", "CIV", "--period", "2016")
    (row,) = said["comparisons"]
    assert (row["reasons"], row["declared_ct"], row["activities"]) == (["coverage"], 20_235, [])
    assert "the watched fields were not watched in that period" in text
    text, said = run("compare", "--participant", "Guinea", "--period", "2008")
    assert said["comparisons"][0]["verdict"] == "declared-above-capacity"
    assert said["comparisons"][0]["prob_above_capacity"] > 0.999


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("suspension", "nothing may be exported, and what becomes of what is dug"),
        ("embargo", "An embargo was in force"),
    ],
)
def test_a_regulatory_period_changes_what_is_asked(ground, kind, says):
    change, run = ground
    change(regimes=[regime(kind)])
    assert says in run("compare", "--period", "2023H1")[0]
    change(regimes=[regime(kind, end="2023-01-01")])
    assert says not in run("compare", "--period", "2023H1")[0]


def test_digging_outside_a_compliant_zone_is_said_with_its_interval(ground):
    change, run = ground
    change(regimes=[regime("compliant-zone", strata=["dyke"])])
    text, _ = run("compare", "--period", "2023H1")
    assert "exports may come from the zone only" in text
    assert "Outside the compliant zone" in text
    french, _ = run("compare", "--period", "2023H1", "--language", "fr")
    assert "Hors de la zone conforme" in french


def test_digging_outside_every_stratum_is_kept_apart(ground):
    change, run = ground
    change(kept_strata=("dyke",))
    text, said = run("compare", "--period", "2023H1")
    assert "Outside the known deposits a further" in text
    assert "it may be gold" in text
    outside = next(one for one in said["comparisons"][0]["activities"] if not one["stratum"])
    assert outside["new_ha"][1] > 0.0


def test_a_revision_is_used_and_said(ground, tmp_path):
    _, run = ground
    header = "participant,iso3,aoi,period,kind,carats,value_usd,as_published_on,source,confidence,entered_by\n"
    for carats, day in ((812, "2023-09-01"), (950, "2024-09-01")):
        row = f"Simulated participant,XSM,sim-0,2023H1,figure,{carats},,{day},letter,high,test\n"
        (tmp_path / "figures.csv").write_text(header + row)
        run("declare", "import", str(tmp_path / "figures.csv"))
    text, said = run("compare", "--period", "2023H1")
    assert said["comparisons"][0]["declared_ct"] == 950
    assert "The figure was revised: 812 ct were declared before (vintage of 1 September 2023)." in text
    _, listed = run("declare", "list", "--participant", "XSM")
    assert {
        (one["carats"], one["as_published_on"], one["is_newest"])
        for one in listed["declared"]
        if one["period"] == "2023H1" and one["carats"]
    } == {(812, "2023-09-01", False), (950, "2024-09-01", True)}
    checked, _ = run("declare", "check", "--participant", "XSM")
    assert "2023H1" not in checked, "a figure of an area is no figure of its participant"
