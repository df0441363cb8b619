"""Which half-years are compared, with what, and when they are compared again."""

import dataclasses
import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kpgeo import flows, production
from kpgeo.flows.declared.comparing import are_compared, half_years
from kpgeo.model.calendar import Period, day_of, dekad_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.parcel import Parcel, ParcelAnswer
from kpgeo.model.production import Comparison, DeclaredKind, NotAssessable, Verdict
from kpgeo.options.pipeline import Pipeline


@pytest.mark.parametrize(
    ("begin", "last", "expected"),
    [
        ((2023, 7, 1), (2024, 1, 5), ["2023H2", "2024H1"]),
        ((2023, 10, 1), (2024, 7, 1), ["2024H1", "2024H2"]),
        ((2023, 7, 2), (2023, 12, 31), []),
        ((2023, 10, 1), None, []),
    ],
)
def test_a_half_year_that_had_begun_before_monitoring_is_not_compared(
    begin: tuple[int, int, int], last: tuple[int, int, int] | None, expected: list[str]
) -> None:
    history = SimpleNamespace(end=dt.date(*begin))
    head = SimpleNamespace(last_dekad=None if last is None else dekad_of(day_of(dt.date(*last))))
    bench = SimpleNamespace(watch=SimpleNamespace(pipeline=SimpleNamespace(history=history)), head=head)
    assert [period.label for period in half_years(bench)] == expected  # type: ignore[arg-type]


def test_a_period_that_is_asked_for_is_read_against_those_compared_before(
    bench: flows.Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    def spy(*given: Any, **named: Any) -> Comparison:
        seen.append({row.period.label for row in given[4]})
        return make(*given, **named)

    make = production.compare_production
    monkeypatch.setattr(production, "compare_production", spy)
    flows.compare(bench, [Period.parse("2023Q1")])
    flows.compare(bench, [Period.parse("2023Q2")])
    assert "2023Q1" in seen[1]
    labels = {row.period.label for row in bench.tables.comparisons(bench.watch.aoi.id)}
    assert labels == {"2023Q1", "2023Q2", "2023H1"}


def test_a_period_that_has_not_ended_is_measured_and_not_judged(bench: flows.Bench) -> None:
    (row,) = flows.compare(bench, [Period.parse("2023")])
    assert (row.verdict, row.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.PERIOD_OPEN,))
    assert row.activities
    (closed,) = flows.compare(bench, [Period.parse("2023H1")])
    assert NotAssessable.PERIOD_OPEN not in closed.reasons


def test_a_revised_figure_is_compared_at_the_next_run(small_world: Path, workspace: Path, bench: flows.Bench) -> None:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    known = next(figure for figure in bench.figures if figure.period.label == "2023H1")
    revised = dataclasses.replace(
        known, kind=DeclaredKind.FIGURE, carats=12_345.0, as_published_on=dt.date(2030, 1, 1), entered_by="test"
    )
    assert bench.tables.add_declared([revised]) == 1
    before = bench.tables.comparisons(bench.watch.aoi.id)
    report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    assert [str(result.verdict) for result in report.results] == ["no-change"], "no site has changed"
    after = {row.period.label: row for row in bench.tables.comparisons(bench.watch.aoi.id)}
    assert after["2023H1"].declared == revised
    assert after["2023H1"] not in before


def test_a_run_stopped_before_it_compared_leaves_no_comparison_behind(bench: flows.Bench) -> None:
    assert are_compared(bench)
    flows.decide(bench, bench.watch.first_dekad)
    assert bench.tables.comparisons(bench.watch.aoi.id) == []
    assert not are_compared(bench)


def test_a_parcel_is_held_against_its_origin_and_becomes_a_page(bench: flows.Bench, tmp_path: Path) -> None:
    stratum = bench.watch.aoi.strata[0].id
    parcel = Parcel(
        id="L-1 <b>=1+1", aoi_id=bench.watch.aoi.id, stratum_id=stratum, period=Period.parse("2023Q1"), carats=5.0,
        cumulative_ct=9e6,
    )  # fmt: skip
    check = flows.check_parcel(bench, parcel)
    assert check.answer is not ParcelAnswer.EXPLAINED
    assert check.prob_cumulative == pytest.approx(1.0)
    content = flows.parcel_content(check)
    assert content["answer"] == str(check.answer)
    for language in ("en", "fr", "pt"):
        for ending in ("html", "pdf", "docx"):
            path = flows.write_parcel_page(bench, check, language, tmp_path / f"page.{ending}")
            assert path.stat().st_size > 1000
    page = flows.write_parcel_page(bench, check, "fr", tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>=1+1" not in page
    assert "Contrôle du lot" in page
    with pytest.raises(BadInputError, match="no format"):
        flows.write_parcel_page(bench, check, "en", tmp_path / "page.txt")


def test_a_parcel_of_a_period_nobody_monitored_is_refused(bench: flows.Bench) -> None:
    parcel = Parcel(
        id="L-2", aoi_id=bench.watch.aoi.id, stratum_id="", period=Period.parse("2019H1"), carats=5.0, cumulative_ct=5.0
    )
    with pytest.raises(BadInputError, match="not a period that was monitored"):
        flows.check_parcel(bench, parcel)
