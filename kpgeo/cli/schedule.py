"""Commands about the schedule: whether runs are done when they are due, and what a machine needs to begin them."""

from pathlib import Path
from typing import Annotated

import typer

from kpgeo import flows
from kpgeo.cli.choices import AnyWorkspace, AsJson
from kpgeo.cli.console import say, show_json, show_table, stop
from kpgeo.cli.run import PipelineFile
from kpgeo.options.pipeline import Pipeline

Form = Annotated[flows.TimerForm | None, typer.Option("--as", help="systemd, cron or kubernetes.", show_default=False)]
Program = Annotated[str, typer.Option(help="The kpgeo to run; this one by default.", show_default=False)]
At = Annotated[str, typer.Option(help="Where the pipeline file lies there; as here by default.", show_default=False)]
User = Annotated[str, typer.Option(help="Whom it runs as, for the whole machine; your own units by default.")]
Image = Annotated[str, typer.Option(help="The container image (kubernetes).", show_default=False)]
Cluster = Annotated[str, typer.Option(help="The Dask scheduler that runs use; the pipeline's own by default.")]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    schedule = typer.Typer(no_args_is_help=True, help="Runs that begin by themselves, and who notices when none does.")
    schedule.command("check")(check)
    schedule.command("show")(show)
    schedule.command("install")(install)
    app.add_typer(schedule, name="schedule")


def check(pipeline: PipelineFile, workspace: AnyWorkspace = None, as_json: AsJson = False) -> None:
    """Say whether runs are done when they are due, and raise an alarm, once, where they are not or see nothing."""
    report = flows.check_schedule(Pipeline.read(pipeline), workspace=workspace)
    show_table(
        ("run", "host", "due", "began", "ended", "exit", "verdicts"), report.rows(), empty="No run has ever begun."
    )
    say(*report.sentences())
    if as_json:
        show_json(report.as_json())
    if report.exit_code:
        stop(report.exit_code)


def show(
    pipeline: PipelineFile,
    *,
    form: Form = None,
    workspace: AnyWorkspace = None,
    program: Program = "",
    at: At = "",
    user: User = "",
    image: Image = "",
    cluster: Cluster = "",
) -> None:
    """Show when runs are due and, with --as, the files by which a machine begins them. Nothing is written."""
    read = Pipeline.read(pipeline)
    if form is None:
        say(*flows.schedule_sentences(read.schedule))
        return
    wished = {"program": program, "at": at, "user": user, "image": image, "cluster": cluster}
    machine = flows.machine_of(read, pipeline, workspace, **wished)
    for unit in flows.timer_files(machine, form):
        say(f"# {unit.name}", *unit.text.splitlines(), "")
    say(*(f"# {line}" for line in flows.enabling(machine, form, Path())))


def install(
    pipeline: PipelineFile,
    *,
    form: Annotated[flows.TimerForm, typer.Option("--as", help="systemd, cron or kubernetes.")],
    out: Annotated[Path, typer.Option(help="Folder the files are written to.", show_default=False)],
    workspace: AnyWorkspace = None,
    program: Program = "",
    at: At = "",
    user: User = "",
    image: Image = "",
    cluster: Cluster = "",
    as_json: AsJson = False,
) -> None:
    """Write the files by which a machine begins runs, and say how to enable them. Nothing is enabled."""
    read = Pipeline.read(pipeline)
    wished = {"program": program, "at": at, "user": user, "image": image, "cluster": cluster}
    machine = flows.machine_of(read, pipeline, workspace, **wished)
    written = flows.write_timers(machine, form, out)
    enabling = flows.enabling(machine, form, out)
    say(*(f"Wrote {path}" for path in written), "Enable them with:", *(f"  {line}" for line in enabling))
    if as_json:
        show_json({"files": [str(path) for path in written], "enable": enabling})
