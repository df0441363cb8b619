"""Commands of the ledger: is it as it was written, what stands in it, and a copy of it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace
from kpgeo.cli.console import say, show_json, show_table
from kpgeo.cli.look import opened
from kpgeo.model.ledger import Entry, EntryKind, canonical
from kpgeo.store import write_atomic

About = Annotated[str | None, typer.Option("--about", help="Only what is about this alert, AOI, bundle or delivery.")]
Kind = Annotated[EntryKind | None, typer.Option(help="Only entries of this kind.")]
_WORDS = 60


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    ledger = typer.Typer(no_args_is_help=True, help="What happened and who did it, in a chain that shows changes.")
    ledger.command("verify")(ledger_verify)
    ledger.command("show")(ledger_show)
    ledger.command("export")(ledger_export)
    app.add_typer(ledger, name="ledger")


def ledger_verify(
    workspace: HereWorkspace = HERE,
    head: Annotated[
        list[str] | None, typer.Option(help="A head written down elsewhere, as SEQ:DIGEST. Several may be.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that no entry was changed, taken out, put in or cut off; exit code 5 names the first that was."""
    with opened(workspace) as (room, tables):
        found = flows.verify_ledger(room, tables, head or ())
    say(*found.sentences())
    if as_json:
        heads = [{"seq": one.seq, "digest": one.digest, "where": one.where} for one in found.heads]
        show_json({"entries": found.entries, "digest": found.digest, "head": found.head, "heads": heads})


def ledger_show(
    workspace: HereWorkspace = HERE,
    about: About = None,
    kind: Kind = None,
    last: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show entries of the ledger, the oldest first."""
    with opened(workspace) as (_, tables):
        entries = tables.ledger.entries(subject=about, kind=kind)[-last:]
    show_table(
        ("entry", "when (UTC)", "kind", "about", "who", "what", "digest"),
        (
            (one.seq, f"{one.at:%Y-%m-%d %H:%M:%S}", one.kind, one.subject, one.actor, _short(one), one.digest[:12])
            for one in entries
        ),
        empty="No entry.",
    )
    if as_json:
        show_json({"entries": [flows.entry_content(entry) for entry in entries]})


def ledger_export(
    out: Annotated[Path, typer.Option(help="File the ledger is copied to, one JSON object a line.")],
    workspace: HereWorkspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Copy the whole ledger to a file, after checking it. Anybody can check the copy with SHA-256 alone."""
    with opened(workspace) as (room, tables):
        found = flows.verify_ledger(room, tables)
        entries = tables.ledger.entries()
    lines = "".join(canonical(flows.entry_content(entry)) + "\n" for entry in entries)
    write_atomic(out, lines.encode("ascii"))
    say(f"{len(entries)} entries are in {out}.", f"Head: {found.head}")
    if as_json:
        show_json({"entries": len(entries), "head": found.head, "out": str(out)})


def _short(entry: Entry) -> str:
    """Return the beginning of what an entry says."""
    told = {name: value for name, value in entry.body.items() if name not in {"alert", "evidence", "snapshot"}}
    text = json.dumps(told, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _WORDS else text[: _WORDS - 1] + "…"
