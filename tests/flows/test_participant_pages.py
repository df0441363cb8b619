"""A participant's page from a workspace: its own comparisons, every vintage of its figures, and where kpgeo looked."""

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.flows.declared.statistics import statistics_of
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import DeclaredFigure, DeclaredKind, Sector
from kpgeo.store import Workspace

HALF = Period.parse("2023H1")


def revised(bench: flows.Bench, **changes: object) -> DeclaredFigure:
    known = next(figure for figure in bench.figures if figure.period == HALF)
    words = {"kind": DeclaredKind.FIGURE, "carats": 12_345.0, "as_published_on": dt.date(2030, 1, 1)}
    return dataclasses.replace(known, **(words | changes))  # type: ignore[arg-type]


def test_a_page_is_made_of_the_comparisons_and_of_every_vintage(bench: flows.Bench, workspace: Path) -> None:
    bench.tables.add_declared([revised(bench)])
    name = bench.watch.aoi.participant
    rows = flows.compare_participant(Workspace(workspace), [bench], name, [HALF])
    page = flows.participant_page(workspace, [bench], name, rows)
    assert page.inputs.comparisons == rows
    assert page.inputs.simulated
    assert [one for one in page.inputs.declared if one.period == HALF and one.carats == 12_345.0]
    assert len([one for one in page.inputs.declared if one.period == HALF]) == 2, "both vintages"
    [total] = [one for one in page.inputs.totals if one.period == HALF]
    assert total.carats == 12_345.0
    (field,) = page.inputs.fields
    assert field.is_watched
    assert field.coverage


def test_a_page_is_written_in_each_language_and_format(bench: flows.Bench, workspace: Path, tmp_path: Path) -> None:
    name = bench.watch.aoi.iso3
    rows = flows.compare_participant(Workspace(workspace), [bench], name, [HALF])
    page = flows.participant_page(workspace, [bench], name, rows)
    titles = {"en": "Declared and seen", "fr": "Déclaré et observé", "pt": "Declarado e observado"}
    for language, title in titles.items():
        written = page.write(language, tmp_path / f"{language}.html").read_text(encoding="utf-8")  # type: ignore[arg-type]
        assert title in written
        assert "://" not in written
    assert page.write("fr", tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert page.write("pt", tmp_path / "page.docx").stat().st_size > 10_000
    with pytest.raises(BadInputError, match="no format of a page"):
        page.write("en", tmp_path / "page.txt")


def test_a_participant_nobody_watches_has_its_shipped_figures(tmp_path: Path) -> None:
    rows = flows.compare_figures(tmp_path, "Guinea", [Period.parse("2008")])
    page = flows.participant_page(tmp_path, (), "Guinea", rows)
    assert [one.carats for one in page.inputs.totals if one.period.label == "2008"] == [3_098_490.0]
    assert not any(one.is_watched for one in page.inputs.fields)
    written = page.write("en", tmp_path / "guinea.html").read_text(encoding="utf-8")
    assert "3,098,490" in written
    assert "Published capacity" in written


def test_ways_of_mining_are_one_figure_of_a_period_not_compared(bench: flows.Bench, workspace: Path) -> None:
    later = Period.parse("2031H1")
    parts = [
        revised(bench, period=later, sector=Sector.ARTISANAL, carats=300.0),
        revised(bench, period=later, sector=Sector.INDUSTRIAL, carats=45.0),
    ]
    bench.tables.add_declared(parts)
    known = statistics_of(workspace, bench.watch.aoi.iso3)
    assert sorted(one.carats or 0.0 for one in known.declared if one.period == later) == [45.0, 300.0]
    assert [one.carats for one in known.totals if one.period == later] == [345.0]


def test_the_brief_knows_every_vintage_and_what_is_asked(
    bench: flows.Bench, workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = revised(bench, aoi_id="", carats=9_000.0, as_published_on=dt.date(2029, 1, 1))
    bench.tables.add_declared([first, revised(bench, aoi_id="")])
    seen = []

    def spy(inputs, language, options):  # type: ignore[no-untyped-def]
        seen.append(inputs)
        return compose(inputs, language, options)

    compose = flows.briefing.brief.compose_brief
    monkeypatch.setattr(flows.briefing.brief, "compose_brief", spy)
    aoi = bench.watch.aoi
    flows.make_brief(
        workspace, aoi.id, dt.date(2023, 1, 1), dt.date(2023, 7, 1), formats=("html",), out=tmp_path / "brief.html"
    )
    assert len([one for one in seen[0].declared if one.period == HALF]) == 3
    assert "revised" in {str(one.rule) for one in seen[0].findings}
    assert "9,000" in (tmp_path / "brief.html").read_text(encoding="utf-8")
