"""Commands that hold reviews against the detector and against each other: score, sample, second."""

from typing import Annotated

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace, SomeAoi
from kpgeo.cli.console import say, show_json, show_table
from kpgeo.cli.look import opened
from kpgeo.model.calendar import date_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.review import DismissalReason, ReviewAct, ReviewState, ReviewStep, read_person, read_text

By = Annotated[str, typer.Option("--by", envvar="KPGEO_ANALYST", help="Your name. kpgeo never guesses it.")]
_VERDICTS = {str(state): state for state in (ReviewState.CONFIRMED, ReviewState.DISMISSED)}


def review_score(workspace: HereWorkspace = HERE, aoi: SomeAoi = None, as_json: AsJson = False) -> None:
    """Say which share of the alerts that were judged was confirmed, by reason, area, method and half-year."""
    with opened(workspace) as (room, tables):
        report = flows.score_reviews(room, tables, aoi)
    show_table(
        ("by", "which", "confirmed", "dismissed", "share (90 %)", "digging (90 %)", "duplicates", "waiting", "reasons"),
        report.rows(),
        empty="",
    )
    say(*report.sentences())
    if as_json:
        show_json(report.as_json())


def review_sample(
    workspace: HereWorkspace = HERE,
    aoi: SomeAoi = None,
    *,
    size: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Which sample.")] = 0,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Draw judged alerts for you to judge a second time. What the first person said is not shown."""
    with opened(workspace) as (room, tables):
        rows = flows.sample_reviews(room, tables, size=size, seed=seed, by=read_person(by), aoi_id=aoi)
    shown = [
        {"alert": row.review.alert_id, "aoi": row.review.aoi_id, "site": row.seen.site_id, "lat": row.seen.lat,
         "lon": row.seen.lon, "since": date_of(row.seen.first_day).isoformat()}
        for row in rows
    ]  # fmt: skip
    show_table(
        ("alert", "aoi", "site", "lat", "lon", "since"),
        (tuple(one.values()) for one in shown),
        empty="There is nothing that somebody else judged and you did not.",
    )
    if as_json:
        show_json({"sample": shown})


def review_second(
    alert: Annotated[str, typer.Argument(help="The alert.", show_default=False)],
    verdict: Annotated[str, typer.Argument(help="confirmed or dismissed.", show_default=False)],
    reason: Annotated[DismissalReason | None, typer.Option(help="Why it is dismissed.")] = None,
    *,
    workspace: HereWorkspace = HERE,
    by: By = "",
    text: Annotated[str, typer.Option("--text", help="In words.")] = "",
    as_json: AsJson = False,
) -> None:
    """Give a second verdict on a judged alert, before you look at the first. It changes nothing but the agreement."""
    if verdict not in _VERDICTS:
        raise BadInputError(f"{verdict[:40]!r} is no verdict.", where="review second", remedy="confirmed or dismissed.")
    step = ReviewStep(
        act=ReviewAct.SECOND, by=read_person(by), verdict=_VERDICTS[verdict], reason=reason, text=read_text(text)
    )
    with opened(workspace) as (_, tables):
        entry, is_new = flows.take_step(tables, alert, step)
    say(f"Your verdict on {alert} is entry {entry.seq}{'' if is_new else ', given before'}.")
    if as_json:
        show_json({"entry": flows.entry_content(entry), "is_new": is_new})
