"""Commands that give out comparisons, parcel checks, exports and briefs."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace, SomeAoi, date, language_of
from kpgeo.cli.console import say, show_json
from kpgeo.cli.declare import finding_content
from kpgeo.cli.look import opened, watched
from kpgeo.flows import ExportFormat, ExportKind
from kpgeo.model.aoi import Language
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.parcel import Parcel
from kpgeo.model.production import Activity, CapacityInterval, Comparison
from kpgeo.store import has_tables

_ENDINGS = {"pdf", "html", "docx"}


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(compare)
    app.command()(parcel)
    app.command()(export)
    app.command()(brief)


def compare(
    workspace: HereWorkspace = HERE,
    aoi: SomeAoi = None,
    participant: Annotated[str | None, typer.Option(help="All watched AOIs of this participant together.")] = None,
    period: Annotated[str | None, typer.Option(help="2024, 2024H1 or 2024Q3; every half-year by default.")] = None,
    *,
    language: Annotated[str, typer.Option(help="en, fr or pt.")] = "en",
    out: Annotated[
        Path | None, typer.Option(help="Also write the participant's page: pdf, html or docx by its ending.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold declared production against the digging seen."""
    periods, tongue = None if period is None else [Period.parse(period)], language_of(language)
    if out is not None:
        _require_page(out, participant)
    made: list[Comparison] = []
    if participant is not None and not has_tables(workspace):
        made = flows.compare_figures(workspace, participant, periods)
        if out is not None:
            flows.participant_page(workspace, (), participant, made).write(tongue, out)
        _show_comparisons(made, workspace, tongue, out=out, as_json=as_json)
        return
    with opened(workspace) as (room, tables), room.lock():
        benches = []
        for aoi_id, _ in watched(room, aoi):
            watch, _ = flows.watch_of(room, aoi_id)
            benches.append(flows.Bench(watch, room.state(aoi_id, watch.lineage, watch.grid), tables))
        if participant is None:
            for bench in benches:
                made += flows.compare(bench, periods)
        else:
            made += flows.compare_participant(room, benches, participant, periods)
            if out is not None:
                flows.participant_page(workspace, benches, participant, made).write(tongue, out)
    _show_comparisons(made, workspace, tongue, out=out, as_json=as_json)


def _show_comparisons(
    made: list[Comparison], workspace: Path, language: Language, *, out: Path | None = None, as_json: bool
) -> None:
    say(*_comparisons_in_words(made, language))
    asked = flows.questions_about(workspace, made)
    if asked:
        say("Of the figures themselves would be asked:")
        say(*(f"  {one.participant}: {one.sentences[language]} {one.questions[language]}" for one in asked))
    if out is not None:
        say(f"The page is in {out}.")
    if as_json:
        show_json(
            {
                "comparisons": [_comparison_content(one) for one in made],
                "questions": [finding_content(one, language) for one in asked],
                "out": str(out) if out else None,
            }
        )


def _require_page(out: Path, participant: str | None) -> None:
    """Refuse a page of nobody, or in a format there is none of, before anything is reckoned."""
    flows.check_ending(out)
    if participant is None:
        raise BadInputError("A page is of a participant.", where="--out", remedy="Name one with --participant.")


def _comparisons_in_words(made: list[Comparison], language: Language) -> list[str]:
    """Return a headline and sentences for each; a sentence that all of several share is said once, above them."""
    said = [one.sentences.get(language, ()) for one in made]
    shared = [line for line in said[0] if all(line in lines for lines in said)] if len(said) > 1 else []
    written = [*shared]
    for one, lines in zip(made, said, strict=True):
        reasons = f" ({', '.join(one.reasons)})" if one.reasons else ""
        written.append(f"{one.aoi_id or one.participant} {one.period.label}: {one.verdict}{reasons}")
        written += [f"  {line}" for line in lines if line not in shared]
    return written or ["There is nothing to compare."]


def parcel(
    origin: Annotated[str, typer.Argument(help="AOI, or AOI/stratum, the stones are said to come from.")],
    *,
    period: Annotated[str, typer.Option(help="2024, 2024H1 or 2024Q3.")],
    carats: Annotated[float, typer.Option(help="Weight of the parcel, ct.")],
    so_far: Annotated[
        float | None, typer.Option(help="Weight of all parcels of this origin and period, this one included, ct.")
    ] = None,
    name: Annotated[str, typer.Option(help="The parcel's own name.")] = "?",
    language: Annotated[str, typer.Option(help="en, fr or pt.")] = "en",
    out: Annotated[Path | None, typer.Option(help="Also write the page: pdf, html or docx by its ending.")] = None,
    workspace: HereWorkspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Hold an export parcel against the digging seen at its declared origin."""
    aoi_id, _, stratum_id = origin.partition("/")
    declared = Parcel(
        id=name,
        aoi_id=aoi_id,
        stratum_id=stratum_id,
        period=Period.parse(period),
        carats=carats,
        cumulative_ct=carats if so_far is None else so_far,
    )
    tongue = language_of(language)
    with opened(workspace) as (room, tables):
        watch, _ = flows.watch_of(room, aoi_id)
        bench = flows.Bench(watch, room.state(aoi_id, watch.lineage, watch.grid), tables)
        check = flows.check_parcel(bench, declared)
        if out is not None:
            flows.write_parcel_page(bench, check, tongue, out)
    say(f"{check.answer}", *(f"  {line}" for line in check.sentences[tongue]))
    if as_json:
        show_json(flows.parcel_content(check))


def export(
    kind: Annotated[ExportKind, typer.Argument(help="What.", show_default=False)],
    *,
    out: Annotated[Path, typer.Option(help="File to write.")],
    file_format: Annotated[ExportFormat, typer.Option("--format", help="As what.")] = ExportFormat.GEOJSON,
    workspace: HereWorkspace = HERE,
    aoi: SomeAoi = None,
    language: Annotated[str, typer.Option(help="en, fr or pt: of names and words.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Write change objects, sites or alerts, as they stand, to a file other programs open."""
    with opened(workspace) as (room, tables):
        rows = [row for aoi_id, _ in watched(room, aoi) for row in flows.rows_of(kind, aoi_id, room, tables)]
    flows.export_rows(kind, rows, file_format, out, language_of(language))
    say(f"{len(rows)} {kind} in {out}.")
    if as_json:
        show_json({"kind": str(kind), "format": str(file_format), "rows": len(rows), "out": str(out)})


def brief(
    aoi: Annotated[str, typer.Argument(help="AOI.", show_default=False)],
    *,
    begin: Annotated[str, typer.Option("--from", help="First day (ISO).")],
    end: Annotated[str, typer.Option("--to", help="Day after the last one (ISO).")],
    language: Annotated[str, typer.Option(help="en, fr or pt.")] = "en",
    file_format: Annotated[str, typer.Option("--format", help="pdf, html or docx.")] = "pdf",
    out: Annotated[Path | None, typer.Option(help="File; in the workspace's briefs/ by default.")] = None,
    workspace: HereWorkspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Write the mission brief of an AOI and period."""
    start_date, end_date = date(begin, "--from"), date(end, "--to")
    if start_date is None or end_date is None or start_date >= end_date:
        raise BadInputError("The period ends before it begins.", where="--to", remedy="Name a later day.")
    if file_format not in _ENDINGS:
        raise BadInputError(f"{file_format!r} is no format of a brief.", where="--format", remedy="pdf, html or docx.")
    with opened(workspace):
        (path,) = flows.make_brief(
            workspace,
            aoi,
            start_date,
            end_date,
            languages=[language_of(language)],
            formats=[file_format],  # type: ignore[list-item]
            out=out,
        )
    say(f"The brief is in {path}.")
    if as_json:
        show_json({"aoi": aoi, "language": language, "format": file_format, "out": str(path)})


def _comparison_content(one: Comparison) -> dict[str, Any]:
    """Return a comparison as plain JSON; land outside every stratum has no stratum, and is in no number but its own."""
    in_strata = [activity for activity in one.activities if activity.stratum_id] or one.activities
    return {
        "id": one.id,
        "aoi": one.aoi_id,
        "participant": one.participant,
        "period": one.period.label,
        "verdict": str(one.verdict),
        "reasons": [str(reason) for reason in one.reasons],
        "declared_ct": one.declared.carats if one.declared else None,
        "declared": None if one.declared is None else str(one.declared.kind),
        "declared_as_published_on": _day_of(one.declared.as_published_on) if one.declared else None,
        "capacity_ct": _interval(one.capacity),
        "labour_ct": _interval(one.labour),
        "outside_ct": _interval(one.outside),
        "prob_above_capacity": one.prob_above_capacity,
        "coverage_frac": one.coverage_frac,
        "new_ha": sum(activity.new_area.ha for activity in in_strata),
        "activities": [_activity_content(activity) for activity in one.activities],
        "sentences": {language: list(lines) for language, lines in one.sentences.items()},
    }


def _activity_content(one: Activity) -> dict[str, Any]:
    return {
        "aoi": one.aoi_id,
        "stratum": one.stratum_id or None,
        "new_ha": [one.new_area.low_ha, one.new_area.ha, one.new_area.high_ha],
        "standing_ha": [one.standing_area.low_ha, one.standing_area.ha, one.standing_area.high_ha],
        "coverage_frac": one.coverage_frac,
        "sites": one.sites,
    }


def _interval(interval: CapacityInterval | None) -> list[float] | None:
    return None if interval is None else [interval.low_ct, interval.median_ct, interval.high_ct]


def _day_of(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
