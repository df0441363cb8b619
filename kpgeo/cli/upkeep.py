"""Commands about the installation: doctor and serve."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AnyWorkspace, AsJson, HereWorkspace
from kpgeo.cli.console import clean, progress, say, show_json, stop
from kpgeo.cli.look import opened

_WIDE = 160  # columns where nobody reads on a terminal


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(doctor)
    app.command()(serve)


def doctor(
    pipeline: Annotated[Path | None, typer.Argument(help="Pipeline file: all it names is looked at too.")] = None,
    workspace: AnyWorkspace = None,
    as_json: AsJson = False,
) -> None:
    """Check that everything is there that a run needs, and say how to mend what is not. Nothing is changed."""
    with progress() as bars:
        findings = flows.examine(workspace, pipeline, progress=bars)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDE
    say(*(line for one in findings for line in _lines(one, width)), flows.summary_of(findings))
    code = flows.exit_code_of(findings)
    if as_json:
        show_json({"exit_code": code, "findings": [one.as_json() for one in findings]})
    if code:
        stop(code)


def _lines(one: flows.Finding, width: int) -> Iterator[str]:
    """Yield a finding, and its mend where it has one, as lines that fit."""
    yield from _wrapped(f"{one.state:4}  ", clean(f"{one.check}: {one.detail}"), width)
    if one.remedy:
        yield from _wrapped(f"{'':4}  -> ", clean(one.remedy), width)


def _wrapped(begin: str, text: str, width: int) -> list[str]:
    """Return a text in lines, those after the first set in as far as the first begins."""
    indent = " " * len(begin)
    return textwrap.wrap(text, width, initial_indent=begin, subsequent_indent=indent, break_on_hyphens=False)


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
