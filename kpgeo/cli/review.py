"""Commands by which people review alerts: the queue, one alert, and every step."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from kpgeo import alerts, flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace, SomeAoi, date, language_of
from kpgeo.cli.console import say, show_json, show_table
from kpgeo.cli.look import opened
from kpgeo.cli.review_scores import review_sample, review_score, review_second
from kpgeo.model.calendar import date_of, dekad_label
from kpgeo.model.errors import BadInputError
from kpgeo.model.ledger import MACHINE, Entry
from kpgeo.model.review import (
    DismissalReason,
    FieldFinding,
    FieldState,
    ReviewAct,
    ReviewState,
    ReviewStep,
    read_person,
    read_text,
)

AlertId = Annotated[str, typer.Argument(help="The alert, as `kpgeo review list` names it.", show_default=False)]
By = Annotated[str, typer.Option("--by", envvar="KPGEO_ANALYST", help="Your name. kpgeo never guesses it.")]
Seen = Annotated[
    int | None,
    typer.Option(min=0, help="Entry you decided on (`seen` of list and show); refused where others stepped in since."),
]
Words = Annotated[str, typer.Option("--text", help="Reason, remark or note, in words.")]
Reason = Annotated[DismissalReason | None, typer.Option(help="Why; see: kpgeo review reasons.")]
Tongue = Annotated[str, typer.Option(help="en, fr or pt.")]
_SAYS = {
    ReviewAct.BEGIN: "Begin to look at an alert, or go on when images or field notes have come.",
    ReviewAct.CONFIRM: "Say that an alert is right. Another person audits it.",
    ReviewAct.AUDIT: "Agree, as a second person, with what the first one said. Where you do not agree, reopen it.",
    ReviewAct.PUBLISH: (
        "Publish an alert that was confirmed by one person and audited by another; not your own confirmation."
    ),
    ReviewAct.WITHDRAW: "Take back a published alert, with the reason. Who was told of it is told.",
    ReviewAct.REOPEN: "Look at a judged alert anew, with the reason. What was said before stays in the record.",
    ReviewAct.UNDO: "Undo your own last step, until it is audited. The record keeps both.",
    ReviewAct.NOTE: "Add a note. It changes nothing.",
}
_AS_ALERT = frozenset({"act", "seen", "alert", "undoes", "text"})

_ASIDE = {ReviewAct.NOTE: "note", ReviewAct.FIELD: "finding", ReviewAct.SECOND: "second verdict"}


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    review = typer.Typer(no_args_is_help=True, help="What people make of alerts: the queue, and every step.")
    for name, command in (
        ("list", review_list),
        ("show", review_show),
        ("triage", review_triage),
        ("begin", _step_by(ReviewAct.BEGIN)),
        ("confirm", _step_by(ReviewAct.CONFIRM)),
        ("dismiss", review_dismiss),
        ("duplicate", review_duplicate),
        ("needs", review_needs),
        ("audit", _step_by(ReviewAct.AUDIT)),
        ("publish", _step_by(ReviewAct.PUBLISH)),
        ("withdraw", _with_reason(ReviewAct.WITHDRAW)),
        ("reopen", _with_reason(ReviewAct.REOPEN)),
        ("undo", _step_by(ReviewAct.UNDO)),
        ("note", _with_reason(ReviewAct.NOTE)),
        ("field", review_field),
        ("reasons", review_reasons),
        ("score", review_score),
        ("sample", review_sample),
        ("second", review_second),
    ):
        review.command(name)(command)
    app.add_typer(review, name="review")


def review_list(
    *,
    workspace: HereWorkspace = HERE,
    aoi: SomeAoi = None,
    state: Annotated[ReviewState | None, typer.Option(help="Only those in this state.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those whose last step was yours.")] = False,
    with_all: Annotated[bool, typer.Option("--all", help="Finished reviews and doubtful alerts too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    by: By = "",
    language: Tongue = "en",
    as_json: AsJson = False,
) -> None:
    """List the alerts that wait for somebody, the most urgent first."""
    tongue = language_of(language)
    wanted = flows.QueueFilter(aoi_id=aoi, state=state, mine=read_person(by) if mine else "", with_all=with_all)
    with opened(workspace) as (room, tables):
        rows = flows.review_queue(room, tables, wanted)
    shown = rows[:limit]
    show_table(
        ("alert", "aoi", "review", "by", "machine", "area ha", "conf", "since", "urgency", "seen"),
        (
            (
                row.review.alert_id,
                row.review.aoi_id,
                alerts.review_word(row.review.state, tongue),
                row.review.moved_by,
                row.seen.state if row.alert is not None else flows.NO_LONGER_RAISED,
                f"{row.seen.area_ha:.2f}",
                f"{row.seen.confidence:.2f}",
                date_of(row.seen.first_day),
                f"{row.priority:.2f}",
                row.review.seq,
            )
            for row in shown
        ),
        empty="Nothing waits. That is not the same as nothing happening: see coverage in the brief.",
    )
    if len(rows) > limit:
        say(f"{len(rows) - limit} more; see --limit.")
    if as_json:
        show_json({"reviews": [flows.review_content(row) for row in shown], "in_all": len(rows)})


def review_show(
    alert: AlertId, workspace: HereWorkspace = HERE, by: By = "", language: Tongue = "en", as_json: AsJson = False
) -> None:
    """Show one alert's review: how it stands, who did what, and which steps are open to you."""
    tongue = language_of(language)
    with opened(workspace) as (_, tables):
        row = flows.review_of(tables, alert)
        entries = flows.review_entries(tables, alert)
    review, seen = row.review, row.seen
    machine = f"{seen.state}, as of {dekad_label(seen.dekad)}"
    if row.alert is None:
        machine = f"{flows.NO_LONGER_RAISED}; last it said {machine}"
    say(
        f"{review.alert_id}  {review.aoi_id}  site {seen.site_id}  at {seen.lat:.5f}, {seen.lon:.5f}",
        f"Machine: {machine}; {seen.area_ha:.2f} ha, confidence {seen.confidence:.2f}, since {date_of(seen.first_day)}",
        f"Review: {alerts.review_word(review.state, tongue)}{_about(row, tongue)}",
        f"Ground: {alerts.review_word(review.field_state, tongue)}",
        *(f"Note of {note.by}: {note.text}" for note in review.notes),
    )
    who = read_person(by) if by else ""
    open_to, refused = alerts.open_acts(review, who)
    say(f"Open{' to ' + who if who else ''}: {', '.join(open_to)}.  Decide on it with --seen {review.seq}.", "")
    show_table(
        ("entry", "when (UTC)", "who", "what", "words"),
        ((one.seq, f"{one.at:%Y-%m-%d %H:%M}", one.actor, _what(one), one.body.get("text", "")) for one in entries),
        empty="Nobody has looked at it yet.",
    )
    if as_json:
        told = [flows.entry_content(entry) for entry in entries]
        closed = {str(act): why.what for act, why in refused.items()}
        content = flows.review_content(row)
        show_json({"review": content, "open": [str(act) for act in open_to], "refused": closed, "entries": told})


def review_triage(
    alert: Annotated[list[str], typer.Argument(help="One alert or more.", show_default=False)],
    workspace: HereWorkspace = HERE,
    by: By = "",
    seen: Seen = None,
    text: Words = "",
    as_json: AsJson = False,
) -> None:
    """Take alerts into the work: somebody is to look at them closely."""
    if seen is not None and len(alert) > 1:
        raise BadInputError("One entry is of one alert.", where="--seen", remedy="Name one alert, or leave it out.")
    for one in alert:
        _take(workspace, one, _step(ReviewAct.TRIAGE, by, seen, text), as_json=as_json)


def review_dismiss(
    alert: AlertId,
    reason: Reason = None,
    *,
    workspace: HereWorkspace = HERE,
    by: By = "",
    seen: Seen = None,
    text: Words = "",
    as_json: AsJson = False,
) -> None:
    """Say that an alert is wrong, and why. Another person audits it."""
    _take(workspace, alert, _step(ReviewAct.DISMISS, by, seen, text, reason=reason), as_json=as_json)


def review_duplicate(
    alert: AlertId,
    of: Annotated[str, typer.Option(help="The alert that is to stay.", show_default=False)],
    *,
    workspace: HereWorkspace = HERE,
    by: By = "",
    seen: Seen = None,
    text: Words = "",
    as_json: AsJson = False,
) -> None:
    """Say that an alert tells of the same digging as another one."""
    _take(workspace, alert, _step(ReviewAct.DUPLICATE, by, seen, text, of=of.strip()), as_json=as_json)


def review_needs(
    alert: AlertId,
    what: Annotated[str, typer.Argument(help="imagery or field.", show_default=False)],
    *,
    workspace: HereWorkspace = HERE,
    by: By = "",
    seen: Seen = None,
    text: Words = "",
    as_json: AsJson = False,
) -> None:
    """Say that it cannot be told without better images, or without a visit."""
    acts = {"imagery": ReviewAct.NEED_IMAGERY, "field": ReviewAct.NEED_FIELD}
    if what not in acts:
        raise BadInputError(f"{what[:40]!r} cannot be needed.", where="review needs", remedy="Say imagery or field.")
    _take(workspace, alert, _step(acts[what], by, seen, text), as_json=as_json)


def review_field(
    alert: AlertId,
    found: Annotated[FieldState, typer.Argument(help="What was found.", show_default=False)],
    on: Annotated[str | None, typer.Option(help="Day of the visit (ISO).")] = None,
    visitor: Annotated[str, typer.Option(help="Who went there.")] = "",
    photo: Annotated[
        list[str] | None,
        typer.Option(help="Photograph: a file, whose SHA-256 is kept, or the SHA-256. Several may be."),
    ] = None,
    *,
    workspace: HereWorkspace = HERE,
    by: By = "",
    seen: Seen = None,
    text: Words = "",
    as_json: AsJson = False,
) -> None:
    """Write down what was found on the ground. It stands beside what the images showed, and overwrites nothing."""
    finding = FieldFinding(
        state=found,
        on=date(on, "--on"),
        visited_by=read_person(visitor, "--visitor") if visitor else "",
        photos=tuple(flows.photo_digest(one) for one in photo or ()),
        text=read_text(text),
    )
    _take(workspace, alert, _step(ReviewAct.FIELD, by, seen, "", finding=finding), as_json=as_json)


def review_reasons(language: Tongue = "en", as_json: AsJson = False) -> None:
    """List the reasons for dismissing an alert."""
    tongue = language_of(language)
    rows = [(str(reason), alerts.review_word(reason, tongue)) for reason in DismissalReason]
    show_table(("reason", "what it says"), rows, empty="")
    if as_json:
        show_json({"reasons": dict(rows)})


def _step(act: ReviewAct, by: str, seen: int | None, text: str, **said: Any) -> ReviewStep:
    """Return a step, its texts checked."""
    return ReviewStep(act=act, by=read_person(by), seen=seen, text=read_text(text), **said)


def _step_by(act: ReviewAct) -> Callable[..., None]:
    """Return the command of a step that needs no more than who takes it on which alert."""

    def take(
        alert: AlertId,
        workspace: HereWorkspace = HERE,
        by: By = "",
        seen: Seen = None,
        text: Words = "",
        as_json: AsJson = False,
    ) -> None:
        _take(workspace, alert, _step(act, by, seen, text), as_json=as_json)

    take.__doc__ = _SAYS[act]
    return take


def _with_reason(act: ReviewAct) -> Callable[..., None]:
    """Return the command of a step that is taken by its words: a reason, or a note."""

    def take(
        alert: AlertId,
        text: Words = "",
        workspace: HereWorkspace = HERE,
        by: By = "",
        seen: Seen = None,
        as_json: AsJson = False,
    ) -> None:
        _take(workspace, alert, _step(act, by, seen, text), as_json=as_json)

    take.__doc__ = _SAYS[act]
    return take


def _take(workspace: Path, alert: str, step: ReviewStep, *, as_json: bool) -> None:
    """Take a step, and say how the review stands."""
    with opened(workspace) as (_, tables):
        entry, is_new = flows.take_step(tables, alert, step)
        row = flows.review_of(tables, alert)
    done = f"entry {entry.seq}" if is_new else f"it was done before, by entry {entry.seq}"
    if step.act in _ASIDE:
        say(f"The {_ASIDE[step.act]} is noted ({done}). {alert} is {row.review.state}, as it was.")
    else:
        say(f"{alert} is {row.review.state} ({done}).")
    if as_json:
        show_json({"review": flows.review_content(row), "entry": flows.entry_content(entry), "is_new": is_new})


def _about(row: flows.ReviewRow, language: Any) -> str:
    """Return what more there is to say of a review's state."""
    review = row.review
    reason = "" if review.reason is None else f"because: {alerts.review_word(review.reason, language)}"
    verdict = (
        "" if review.verdict in (None, review.state) else f"verdict {alerts.review_word(review.verdict, language)}"
    )
    parts = (
        verdict,
        reason,
        review.text,
        f"duplicate of {review.duplicate_of}" if review.duplicate_of else "",
        f"judged by {review.judged_by}" if review.judged_by else "",
        f"audited by {review.audited_by}" if review.audited_by else "",
        f"carried over from {review.carried_from}" if review.carried_from else "",
        f"went on to {review.carried_to}" if review.carried_to else "",
    )
    return "".join(f"; {part}" for part in parts if part)


def _what(entry: Entry) -> str:
    """Return what an entry says, in short."""
    body = entry.body
    if entry.actor == MACHINE:
        return f"carried over from {body['from']} to {entry.subject}"
    told = [f"{name} {value}" for name, value in sorted(body.items()) if name not in _AS_ALERT and name != "photos"]
    photos = [f"{len(body['photos'])} photographs"] if "photos" in body else []
    undone = [f"entry {body['undoes']}"] if "undoes" in body else []
    return ", ".join([str(body["act"]), *told, *photos, *undone])
