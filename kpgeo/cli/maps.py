"""Maps for other programs: COGs with a static STAC catalogue."""

from pathlib import Path
from typing import Annotated

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace, SomeAoi, date
from kpgeo.cli.console import say, show_json
from kpgeo.cli.look import opened, watched
from kpgeo.model.calendar import day_of, dekad_of
from kpgeo.model.errors import BadInputError


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(maps)


def maps(
    out: Annotated[Path, typer.Option(help="Folder to write; one that an earlier call wrote is replaced.")],
    begin: Annotated[str | None, typer.Option("--from", help="First day (ISO); the last dekad by default.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day (ISO).")] = None,
    workspace: HereWorkspace = HERE,
    aoi: SomeAoi = None,
    as_json: AsJson = False,
) -> None:
    """Write what was found as maps (COG) with a static STAC catalogue, sites and alerts beside them."""
    first, last = date(begin, "--from"), date(end, "--to")
    if (first is None) != (last is None):
        raise BadInputError("A span of days has two ends.", where="--from, --to", remedy="Give both, or neither.")
    dekads = None if first is None or last is None else range(dekad_of(day_of(first)), dekad_of(day_of(last)) + 1)
    if dekads is not None and not dekads:
        raise BadInputError("The period ends before it begins.", where="--to", remedy="Name a later day.")
    with opened(workspace) as (room, tables):
        items = flows.write_catalogue(room, tables, [name for name, _ in watched(room, aoi)], out, dekads)
    say(f"{len(items)} dekads in {out / 'catalog.json'}.")
    if as_json:
        show_json({"items": items, "catalogue": str(out / "catalog.json")})
