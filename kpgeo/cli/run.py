"""Commands that make or fill a workspace: demo, sim write, plan, run."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from kpgeo import flows
from kpgeo.cli.choices import AnyWorkspace, AsJson, date
from kpgeo.cli.console import note, progress, say, show_json, show_table, stop
from kpgeo.model.errors import BadInputError
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.sim import write_world

PipelineFile = Annotated[Path, typer.Argument(help="Pipeline file (TOML).", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(demo)
    app.command()(plan)
    app.command()(run)
    app.command()(calibrate)
    sim = typer.Typer(no_args_is_help=True, help="Worlds with known answers.")
    sim.command("write")(sim_write)
    app.add_typer(sim, name="sim")


def demo(
    workspace: Annotated[Path, typer.Option(help="Where the world, the runs and the briefs go.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Which world.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a whole world and watch it: scenes, runs, alerts, comparison, brief, and the score against the truth."""
    with progress() as bars:
        report = flows.demo(workspace, seed=seed, progress=bars)
    say(*report.sentences())
    if as_json:
        show_json(report.as_json())


def plan(
    pipeline: PipelineFile,
    workspace: AnyWorkspace = None,
    since: Annotated[str | None, typer.Option(help="First day to look at (ISO).")] = None,
    until: Annotated[str | None, typer.Option(help="Day after the last one (ISO).")] = None,
    preview: Annotated[Path | None, typer.Option(help="Write tiles and footprints to this GeoJSON file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a run would read and how long it would take, without reading a pixel."""
    with progress() as bars:
        found = flows.plan(
            Pipeline.read(pipeline),
            workspace=workspace,
            since=date(since, "--since"),
            until=date(until, "--until"),
            progress=bars,
        )
    show_table(
        ("aoi", "sensor", "scenes", "new", "applied", "dropped", "first", "last"),
        found.rows(),
        empty="No scene was found.",
    )
    say(*found.sentences())
    for gap in found.gap_sentences():
        note(gap)
    if preview is not None:
        found.write_preview(preview)
        say(f"Tiles and footprints are in {preview}.")
    if as_json:
        show_json(found.as_json())
    if found.gap_sentences():
        stop(3)


def run(
    pipeline: PipelineFile,
    *,
    workspace: AnyWorkspace = None,
    since: Annotated[str | None, typer.Option(help="First day to look at (ISO).")] = None,
    until: Annotated[str | None, typer.Option(help="Day after the last one (ISO).")] = None,
    cluster: Annotated[str | None, typer.Option(help="local, sync, or a Dask scheduler's address or file.")] = None,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Only if a run is due by [schedule] that none served.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read every new acquisition, decide what changed, compare, and deliver."""
    read, first, end = Pipeline.read(pipeline), date(since, "--since"), date(until, "--until")
    with progress() as bars:
        if if_due:
            report = _run_if_due(read, workspace, cluster, is_whole=first is None and end is None, bars=bars)
        else:
            report = flows.run_pipeline(
                read, workspace=workspace, since=first, until=end, cluster=cluster, progress=bars
            )
    if isinstance(report, flows.NotRun):
        say(report.sentence)
        if as_json:
            show_json(report.as_json())
        return
    show_table(
        ("aoi", "verdict", "new scenes", "dekads", "alerts raised", "sites active", "gaps", "seconds"),
        report.rows(),
        empty="The pipeline names no AOI.",
    )
    _tell(report, as_json=as_json)


def _run_if_due(
    pipeline: Pipeline, workspace: Path | None, cluster: str | None, *, is_whole: bool, bars: flows.Progress
) -> flows.RunReport | flows.NotRun:
    """Run a pipeline if a run is due, and say what it makes up for."""
    if not is_whole:
        remedy = "Leave --since and --until out: a run that is due takes up all that is new."
        raise BadInputError("A run that is due is asked for no days.", where="--if-due", remedy=remedy)
    found = flows.run_if_due(pipeline, workspace=workspace, cluster=cluster, progress=bars)
    if isinstance(found, flows.NotRun):
        return found
    due, report = found
    say(due.sentence)
    return report


def calibrate(
    pipeline: PipelineFile,
    labels: Annotated[Path, typer.Argument(help="Labelled polygons (GeoJSON).", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where the class library goes.")] = Path("classes.toml"),
    workspace: AnyWorkspace = None,
    as_json: AsJson = False,
) -> None:
    """Re-estimate what land states look like from labelled polygons, and say what changed."""
    with progress() as bars:
        report = flows.calibrate(Pipeline.read(pipeline), labels, out, workspace=workspace, progress=bars)
    show_table(
        ("kind", "state", "class", "polygons", "looks", "band", "before", "seen", "after", "sigmas"),
        report.rows(),
        empty="No class was estimated.",
    )
    _tell(report, as_json=as_json)


def _tell(report: flows.RunReport | flows.CalibrationReport, *, as_json: bool) -> None:
    """Say what a run's report says in words, and leave with its exit code if it has one."""
    say(*report.sentences())
    for line in report.gap_sentences():
        note(line)
    if as_json:
        show_json(report.as_json())
    if report.exit_code:
        stop(report.exit_code)


def sim_write(
    out: Annotated[Path, typer.Option(help="Folder the world is written to.")],
    seed: Annotated[int, typer.Option(min=0, help="Which world.")] = 0,
    size: Annotated[int | None, typer.Option(help="Edge in 10 m pixels.")] = None,
    years: Annotated[float | None, typer.Option(help="Years of scenes, history included.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a world as STAC items and COGs, with its truth beside them."""
    given = {"seed": seed, "size_px": size, **_spans(years)}
    try:
        options = SimOptions.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        field = {"size_px": "--size", "seed": "--seed"}.get(str(first["loc"][0]), "--years")
        raise BadInputError(f"{first['msg']}.", where=field) from error
    with progress() as bars:
        world = write_world(out, options, bars)
    say(f"A world is in {world.folder}.", f"Watch it with: kpgeo run {world.pipeline}")
    if as_json:
        show_json({"folder": str(world.folder), "options": options.model_dump(mode="json")})


def _spans(years: float | None) -> dict[str, float]:
    """Split the years of a world: two of history where half a year or more remains to be monitored, else one."""
    if years is None:
        return {}
    history = 2.0 if years >= 2.5 else 1.0
    return {"history_years": history, "monitored_years": years - history}
