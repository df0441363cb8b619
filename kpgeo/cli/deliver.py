"""Commands about delivery: what would be sent, what was, and what could not be."""

from pathlib import Path
from typing import Annotated

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AnyWorkspace, AsJson, HereWorkspace
from kpgeo.cli.console import note, say, show_json, show_table, stop
from kpgeo.cli.look import opened
from kpgeo.cli.run import PipelineFile
from kpgeo.model.delivery import Delivery, DeliveryState
from kpgeo.options.pipeline import Pipeline

_FAULTY = 3


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    deliver = typer.Typer(no_args_is_help=True, help="Who is told what: by e-mail, webhook, feed and folder.")
    deliver.command("check")(check)
    deliver.command("now")(now)
    deliver.command("list")(list_)
    deliver.command("retry")(retry)
    app.add_typer(deliver, name="deliver")


def check(
    pipeline: PipelineFile,
    workspace: AnyWorkspace = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write the messages to, as they would look.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what would be sent to whom now, and what is missing for it. Nothing is sent."""
    trials = flows.try_delivery(Pipeline.read(pipeline), workspace=workspace, out=out)
    show_table(
        ("subscriber", "channel", "language", "frequency", "now", "later", "old", "next", "missing"),
        ((one.subscriber, one.channel, one.language, one.frequency, len(one.messages), *_when(one)) for one in trials),
        empty="Nobody is told anything.",
    )
    say(*(f"{one.subscriber}, {one.channel}: {subject}" for one in trials for subject, _, _ in one.messages))
    if out is not None:
        say(f"The messages are in {out}.")
    if as_json:
        show_json({"channels": [_trial_content(one) for one in trials]})
    if any(one.faults for one in trials):
        stop(_FAULTY)


def _when(one: flows.Trial) -> tuple[object, ...]:
    """Return the cells of a trial that tell what is not sent now, and why."""
    next_at = f"{one.next_at:%Y-%m-%d %H:%M} UTC" if one.later else "-"
    return one.later, one.old, next_at, "; ".join(one.faults) or "-"


def _trial_content(one: flows.Trial) -> dict[str, object]:
    return {
        "subscriber": one.subscriber,
        "channel": one.channel,
        "subjects": [subject for subject, _, _ in one.messages],
        "later": one.later,
        "old": one.old,
        "next_at": one.next_at.isoformat(timespec="seconds"),
        "missing": list(one.faults),
    }


def now(pipeline: PipelineFile, workspace: AnyWorkspace = None, as_json: AsJson = False) -> None:
    """Deliver what waits, without a run: what is due is put together, what failed is tried again when its time came."""
    report = flows.deliver_now(Pipeline.read(pipeline), workspace=workspace)
    say(*(report.sentences() or ["Nothing was due."]))
    for line in report.fault_sentences():
        note(line)
    if as_json:
        show_json(report.as_json())
    if report.exit_code:
        stop(report.exit_code)


def list_(
    workspace: HereWorkspace = HERE,
    with_sent: Annotated[bool, typer.Option("--all", help="Those that were sent too, the newest 200.")] = False,
    as_json: AsJson = False,
) -> None:
    """List deliveries that wait or were given up: how often they were tried, and why they failed."""
    with opened(workspace) as (_, tables):
        found = tables.deliveries.deliveries(newest=200 if with_sent else None)
    shown = [one for one in found if with_sent or one.state is not DeliveryState.SENT]
    show_table(
        ("delivery", "subscriber", "channel", "what", "items", "state", "tries", "made", "next", "last error"),
        (_row(one) for one in shown),
        empty="No delivery waits, and none was given up." if not with_sent else "Nothing was ever delivered.",
    )
    if as_json:
        show_json({"deliveries": [flows.delivery_content(one) for one in shown]})


def retry(delivery_id: str, workspace: HereWorkspace = HERE, as_json: AsJson = False) -> None:
    """Let a delivery that was given up, or that waits, be tried again the next time kpgeo delivers."""
    with opened(workspace) as (_, tables):
        one = flows.retry_delivery(tables, delivery_id)
    say(f"{one.id} is tried again with the next run, or now with: kpgeo deliver now PIPELINE.")
    if as_json:
        show_json(flows.delivery_content(one))


def _row(one: Delivery) -> tuple[object, ...]:
    waits = one.state is DeliveryState.WAITING
    return (
        one.id,
        one.subscriber,
        one.channel,
        one.kind,
        len(one.items),
        one.state,
        one.attempts,
        f"{one.made_at:%Y-%m-%d %H:%M}",
        f"{one.next_at:%Y-%m-%d %H:%M}" if waits else "-",
        one.error or "-",
    )
