"""`kpgeo compare` as an analyst types it, with nothing but kpgeo installed: no workspace, no imagery."""

import json

import pytest
from typer.testing import CliRunner

from kpgeo.cli import app


@pytest.fixture
def compare(tmp_path, monkeypatch):
    """Run `kpgeo compare` in an empty folder; return what it prints, and its JSON."""
    monkeypatch.chdir(tmp_path)

    def run(*words, code=0):
        result = CliRunner().invoke(app, ["compare", *words, "--json"], catch_exceptions=False)
        assert result.exit_code == code, result.output
        text = result.output.replace("\u00a0", " ")
        if code:
            return text, {}
        last = result.stdout.splitlines()[-1]
        return text.replace(last, ""), json.loads(last)

    return run


def test_guinea_2008_is_above_its_published_capacity_with_its_probability(compare, tmp_path):
    text, said = compare("--participant", "Guinea", "--period", "2008")
    (row,) = said["comparisons"]
    assert (row["verdict"], row["reasons"]) == ("declared-above-capacity", [])
    assert row["declared_ct"] == 3_098_490
    assert row["capacity_ct"][::2] == [480_000, 720_000]
    assert row["prob_above_capacity"] > 0.999
    assert "4.3 to 6.5 times as much and is not explained by it" in text
    assert "2012-5256" in text
    assert "What changed: new areas" in text, "the rise of 2006 to 2008 is a question too"
    assert list(tmp_path.iterdir()) == [], "nothing is made by asking"


def test_other_years_of_guinea_are_not_above_it_and_not_thereby_confirmed(compare):
    text, said = compare("--participant", "GIN")
    verdicts = {row["period"]: row["verdict"] for row in said["comparisons"]}
    assert verdicts.pop("2008") == "declared-above-capacity"
    assert set(verdicts.values()) == {"not-assessable"}
    assert len(verdicts) == 9
    assert text.count("None of the 4 fields") == 1, "what holds for all is said once"
    assert "that confirms nothing" in text


def test_ghana_2020_to_2023_is_a_question_to_the_participant(compare):
    text, said = compare("--participant", "Ghana", "--period", "2023")
    (row,) = said["comparisons"]
    assert (row["verdict"], row["reasons"]) == ("not-assessable", ["coverage"])
    (step,) = [one for one in said["questions"] if one["rule"] == "step"]
    assert step["periods"] == ["2020", "2023"]
    assert "26,461 to 203,000 ct" in step["finding"]
    assert step["question"].startswith("What changed: new areas, more miners")
    assert step["question"] in text


def test_a_participant_nobody_watches_is_not_assessable_and_says_why(compare):
    text, said = compare("--participant", "Liberia", "--period", "2020")
    assert said["comparisons"][0]["reasons"] == ["coverage"]
    assert "not-assessable (coverage)" in text
    assert "nothing of the participant’s ground was looked at" in text
    assert "Liberia declared 58,762 ct for 2020" in text
    nothing, _ = compare("--participant", "Namibia", "--period", "2020")
    assert "kpgeo holds no figure declared by Namibia" in nothing


def test_cote_d_ivoire_under_embargo_says_the_embargo_though_nothing_is_watched(compare):
    text, said = compare("--participant", "cote d'ivoire", "--period", "2008", "--language", "fr")
    assert said["comparisons"][0]["verdict"] == "not-assessable"
    assert "Un embargo était en vigueur" in text
    assert "le chiffre pour 2008" in text


def test_a_revised_figure_says_what_it_was_before(compare):
    text, _ = compare("--participant", "COD", "--period", "2016")
    assert "15,560,000 ct for 2016" in text
    assert "The figure was revised: 23,210,000 ct were declared before (vintage not known)." in text


def test_who_is_unknown_or_has_no_figure_is_refused_with_a_way_on(compare):
    assert "not a participant" in compare("--participant", "Atlantis", code=2)[0]
    assert "Name a period" in compare("--participant", "Namibia", code=2)[0]
    assert "There is no workspace here" in compare(code=2)[0]


def test_the_page_of_a_participant_needs_no_workspace(compare, tmp_path):
    _, said = compare("--participant", "Guinea", "--period", "2008", "--out", "guinea.html")
    assert said["out"] == "guinea.html"
    assert "2012-5256" in (tmp_path / "guinea.html").read_text(encoding="utf-8")


def test_a_page_of_nobody_or_in_no_format_is_refused_before_anything_is_reckoned(compare, tmp_path):
    assert "A page is of a participant." in compare("--out", "page.html", code=2)[0]
    assert "no format of a page" in compare("--participant", "Guinea", "--out", "page.odt", code=2)[0]
    assert list(tmp_path.iterdir()) == []
