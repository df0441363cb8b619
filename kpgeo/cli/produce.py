"""Commands that take in declared figures and give out comparisons, exports and briefs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kpgeo import flows, production
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace, SomeAoi, date
from kpgeo.cli.console import say, show_json, show_table
from kpgeo.cli.look import opened, watched
from kpgeo.flows import ExportFormat, ExportKind
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import Comparison, DeclaredFigure

_ENDINGS = {"pdf", "html", "docx"}
_LANGUAGES = {"en", "fr", "pt"}


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    declare = typer.Typer(no_args_is_help=True, help="Declared production.")
    declare.command("import")(declare_import)
    declare.command("list")(declare_list)
    app.add_typer(declare, name="declare")
    app.command()(compare)
    app.command()(export)
    app.command()(brief)


def declare_import(
    file: Annotated[Path, typer.Argument(help="Declared figures (CSV).", show_default=False)],
    workspace: HereWorkspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Enter declared figures. A revision is a new vintage; nothing is overwritten."""
    figures = production.read_declared(file)
    with opened(workspace) as (room, tables), room.lock():
        added = tables.add_declared(figures)
    say(f"{added} figures entered, {len(figures) - added} were known.")
    if as_json:
        show_json({"entered": added, "known": len(figures) - added})


def declare_list(
    workspace: HereWorkspace = HERE,
    participant: Annotated[str | None, typer.Option(help="Only this participant.")] = None,
    as_json: AsJson = False,
) -> None:
    """List declared figures: those that come with kpgeo, and those entered; every vintage."""
    figures = [*production.published_figures()]
    if (workspace / "kpgeo.db").exists():
        with opened(workspace) as (_, tables):
            figures += tables.declared()
    rows = [one for one in figures if participant in (None, one.participant, one.iso3)]
    show_table(
        ("participant", "aoi", "period", "kind", "carats", "usd", "as published", "source"),
        (
            (
                one.participant,
                one.aoi_id,
                one.period.label,
                one.kind,
                "" if one.carats is None else f"{one.carats:,.2f}",
                "" if one.value_usd is None else f"{one.value_usd:,.0f}",
                one.as_published_on or "",
                f"{one.source.source} {one.source.mark}",
            )
            for one in rows
        ),
        empty="No declared figure is known.",
    )
    if as_json:
        show_json({"declared": [_figure_content(one) for one in rows]})


def compare(
    workspace: HereWorkspace = HERE,
    aoi: SomeAoi = None,
    participant: Annotated[str | None, typer.Option(help="Only this participant's AOIs.")] = None,
    period: Annotated[str | None, typer.Option(help="2024, 2024H1 or 2024Q3; every half-year by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hold declared production against the digging seen."""
    periods = None if period is None else [Period.parse(period)]
    made: list[Comparison] = []
    with opened(workspace) as (room, tables), room.lock():
        known = [flows.watch_of(room, aoi_id)[0] for aoi_id, _ in watched(room, aoi)]
        wanted = [one for one in known if participant in (None, one.aoi.participant, one.aoi.iso3)]
        if known and not wanted:
            names = ", ".join(sorted({one.aoi.participant for one in known}))
            raise BadInputError(
                f"No AOI of {participant!r} is watched here.", where="--participant", remedy=f"Watched here: {names}."
            )
        for watch in wanted:
            bench = flows.Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
            made += flows.compare(bench, periods)
    for one in made:
        say(f"{one.aoi_id} {one.period.label}: {one.verdict}", *(f"  {line}" for line in one.sentences.get("en", ())))
    if not made:
        say("There is nothing to compare.")
    if as_json:
        show_json({"comparisons": [_comparison_content(one) for one in made]})


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
    flows.export_rows(kind, rows, file_format, out, _language(language))  # type: ignore[arg-type]
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
            languages=[_language(language)],  # type: ignore[list-item]
            formats=[file_format],  # type: ignore[list-item]
            out=out,
        )
    say(f"The brief is in {path}.")
    if as_json:
        show_json({"aoi": aoi, "language": language, "format": file_format, "out": str(path)})


def _language(text: str) -> str:
    """Return a language kpgeo speaks."""
    if text not in _LANGUAGES:
        raise BadInputError(f"kpgeo does not speak {text!r}.", where="--language", remedy="Use en, fr or pt.")
    return text


def _figure_content(one: DeclaredFigure) -> dict[str, Any]:
    return {
        "participant": one.participant,
        "iso3": one.iso3,
        "aoi": one.aoi_id,
        "period": one.period.label,
        "kind": str(one.kind),
        "carats": one.carats,
        "value_usd": one.value_usd,
        "as_published_on": one.as_published_on.isoformat() if one.as_published_on else None,
        "source": one.source.source,
    }


def _comparison_content(one: Comparison) -> dict[str, Any]:
    capacity = one.capacity
    return {
        "id": one.id,
        "aoi": one.aoi_id,
        "participant": one.participant,
        "period": one.period.label,
        "verdict": str(one.verdict),
        "reasons": [str(reason) for reason in one.reasons],
        "declared_ct": one.declared.carats if one.declared else None,
        "capacity_ct": [capacity.low_ct, capacity.median_ct, capacity.high_ct] if capacity else None,
        "prob_above_capacity": one.prob_above_capacity,
        "coverage_frac": one.coverage_frac,
        "new_ha": sum(activity.new_area.ha for activity in one.activities),
        "sentences": {language: list(lines) for language, lines in one.sentences.items()},
    }
