"""Commands about the installation: doctor and serve."""

import os
from pathlib import Path
from typing import Annotated

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace
from kpgeo.cli.console import note, say, show_json, show_table, stop
from kpgeo.cli.look import opened
from kpgeo.options.pipeline import Pipeline


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(doctor)
    app.command()(serve)


def doctor(
    pipeline: Annotated[Path | None, typer.Argument(help="Pipeline file whose catalogues are asked.")] = None,
    workspace: HereWorkspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Check that everything is there that a run needs."""
    findings = flows.examine(workspace, None if pipeline is None else Pipeline.read(pipeline))
    show_table(
        ("check", "state", "found", "remedy"),
        ((one.check, one.state, one.detail, one.remedy) for one in findings),
        empty="",
    )
    if as_json:
        show_json({"findings": [{"check": one.check, "state": one.state, "detail": one.detail} for one in findings]})
    failed = {one.check for one in findings if one.state == "fail"}
    if failed:
        note(f"Not in order: {', '.join(sorted(failed))}.")
        stop(4 if failed == {"catalogue"} else 2)


def serve(
    workspace: HereWorkspace = HERE,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8765,
) -> None:
    """Show a workspace as a page in a browser, on this machine only, for reading."""
    import uvicorn  # noqa: PLC0415 - only this command needs a server

    from kpgeo.web import make_app  # noqa: PLC0415

    with opened(workspace) as (room, _):
        say(f"http://127.0.0.1:{port}/  (stop with Ctrl-C)")
        level = "info" if os.environ.get("KPGEO_DEBUG") else "warning"
        page = make_app(room.path, lambda: flows.read_watched(room), port=port)
        uvicorn.run(page, host="127.0.0.1", port=port, log_level=level, server_header=False, access_log=False)
