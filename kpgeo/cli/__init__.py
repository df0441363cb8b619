"""The command line: nouns and verbs, results on stdout, progress on stderr, exit codes that mean something.

0 done, 2 bad input or usage, 3 done in part, 4 upstream unreachable, 5 integrity.
"""

import io
import sys

import typer

from kpgeo import __version__
from kpgeo.cli.console import TopFrame, say
from kpgeo.cli.declare import add_to as add_declare
from kpgeo.cli.deliver import add_to as add_deliver
from kpgeo.cli.evidence import add_to as add_evidence
from kpgeo.cli.explain import add_to as add_explain
from kpgeo.cli.ledger import add_to as add_ledger
from kpgeo.cli.look import add_to as add_look
from kpgeo.cli.maps import add_to as add_maps
from kpgeo.cli.method import add_to as add_method
from kpgeo.cli.places import add_to as add_places
from kpgeo.cli.produce import add_to as add_produce
from kpgeo.cli.publish import add_to as add_publish
from kpgeo.cli.review import add_to as add_review
from kpgeo.cli.run import add_to as add_run
from kpgeo.cli.schedule import add_to as add_schedule
from kpgeo.cli.upkeep import add_to as add_upkeep

__all__ = ["app", "main"]

app = typer.Typer(
    cls=TopFrame,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Satellite monitoring of diamond mining for the Kimberley Process.",
)


def _version(is_asked: bool) -> None:
    if is_asked:
        say(f"kpgeo {__version__}")
        raise typer.Exit(0)


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Satellite monitoring of diamond mining for the Kimberley Process."""


for _add in (
    add_run,
    add_places,
    add_look,
    add_explain,
    add_evidence,
    add_declare,
    add_produce,
    add_maps,
    add_publish,
    add_method,
    add_review,
    add_ledger,
    add_deliver,
    add_schedule,
    add_upkeep,
):
    _add(app)


def main() -> None:
    """Run the command line. What a terminal has no sign for is shown as `?`; it is no reason to stop."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()
