"""The public twin: what may be told, to anybody."""

from pathlib import Path
from typing import Annotated

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace, date, one_of
from kpgeo.cli.console import say, show_json
from kpgeo.cli.look import opened
from kpgeo.options.publish import PublishOptions


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(publish)


def publish(
    out: Annotated[Path, typer.Option(help="Folder to write; an earlier public twin there is replaced.")],
    delay_days: Annotated[int, typer.Option(min=90, max=3660, help="Days from a half-year's end on.")] = 180,
    cell_doublings: Annotated[int, typer.Option(min=0, max=6, help="Cells of 0.05 degrees, doubled so often.")] = 0,
    basis: Annotated[
        str, typer.Option(help="published: alerts that people published; confirmed: all the machine confirmed.")
    ] = "published",
    today: Annotated[str | None, typer.Option(help="Day the delay counts from (ISO); today by default.")] = None,
    *,
    workspace: HereWorkspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Write what the public may know: late, on a fixed grid, in classes; looked through for exact places first."""
    options = PublishOptions(
        basis=one_of(basis, ("published", "confirmed"), "--basis"),  # type: ignore[arg-type]
        delay_days=delay_days,
        cell_doublings=cell_doublings,
    )
    with opened(workspace) as (room, tables):
        made = flows.publish(room, tables, out, options, date(today, "--today"))
    told = ", ".join(period.label for period in made.periods) or "no half-year yet"
    say(f"Told: {told}; {made.cells} cells with workings. {out / flows.PUBLIC_PAGE}")
    say("Every file was looked through for exact places: none.")
    if as_json:
        show_json({"files": made.files, "periods": [period.label for period in made.periods], "cells": made.cells})
