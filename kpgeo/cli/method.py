"""Commands of a change of method: which detector lineages there are, what differs, which one speaks."""

from typing import Annotated

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace
from kpgeo.cli.console import say, show_json, show_table
from kpgeo.cli.look import opened

AoiId = Annotated[str, typer.Argument(help="The area's id.", show_default=False)]
Lineage = Annotated[str, typer.Argument(help="As `kpgeo method list` names it.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    method = typer.Typer(no_args_is_help=True, help="A new detector beside the old one, before it speaks.")
    method.command("list")(method_list)
    method.command("compare")(method_compare)
    method.command("adopt")(method_adopt)
    app.add_typer(method, name="method")


def method_list(aoi: AoiId, workspace: HereWorkspace = HERE, as_json: AsJson = False) -> None:
    """List the methods an area was watched by, and which of them speaks."""
    with opened(workspace) as (_, tables):
        rows = flows.list_methods(tables, aoi)
    show_table(
        ("lineage", "speaks", "decided until"),
        ((lineage, "yes" if speaks else "no, beside", until) for lineage, speaks, until in rows),
        empty="Nothing was decided yet.",
    )
    if as_json:
        show_json({"methods": [{"lineage": one, "speaks": speaks, "until": until} for one, speaks, until in rows]})


def method_compare(aoi: AoiId, lineage: Lineage, workspace: HereWorkspace = HERE, as_json: AsJson = False) -> None:
    """Say what another method would announce, and what it would not, against the one that speaks."""
    with opened(workspace) as (room, tables):
        report = flows.method_report(room, tables, aoi, lineage)
    say(*report.sentences(), "")
    show_table(
        ("announced by", "alert", "state", "area ha", "conf", "lat", "lon", "since"),
        report.rows(),
        empty="Each place that one of them announces is announced by the other too.",
    )
    if as_json:
        show_json(report.as_json())


def method_adopt(
    aoi: AoiId,
    lineage: Lineage,
    by: Annotated[str, typer.Option(envvar="KPGEO_ANALYST", help="Who decides this.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    workspace: HereWorkspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Let another method speak from now on. Places people know of are not announced again."""
    with opened(workspace) as (room, tables):
        entry = flows.adopt_method(room, tables, aoi, lineage, by=by, reason=reason)
    say(f"{lineage} speaks for {aoi} from now on. Entry {entry.seq} of the ledger says so.")
    if as_json:
        show_json({"aoi": aoi, "speaks": lineage, "entry": entry.seq, "by": entry.actor})
