"""Tell the subscribers of a pipeline: put together what is due, keep it, send it, and say what came of it."""

import datetime as dt
import logging
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpgeo.delivery import as_html, as_text, compose_message, digest_of, inline_sources, next_slot
from kpgeo.flows.plans.planning import open_workspace
from kpgeo.flows.telling.delivering import deliver
from kpgeo.flows.telling.grouping import Grouped, group_news, preview_news
from kpgeo.flows.telling.office import Office, read_subscribers, require_watched
from kpgeo.flows.telling.sending import Sent, send_waiting
from kpgeo.flows.telling.shots import read_shots
from kpgeo.model.delivery import Delivery, DeliveryKind, DeliveryState
from kpgeo.model.errors import BadInputError, BusyError, KpgeoError
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.subscribers import Subscribers
from kpgeo.store import Tables, Workspace, write_atomic

_log = logging.getLogger(__name__)
_IN_PART = 3
_MOST_PASSES = 2


@dataclass(frozen=True, kw_only=True)
class PostReport:
    """What became of the deliveries of one pass.

    Attributes
    ----------
    made : int
        Deliveries put together now.
    sent, failed, given_up : tuple of Delivery
        Taken by the receiver, to be tried again, given up now.
    waiting : int
        Deliveries that wait still, those that failed among them.
    """

    made: int = 0
    sent: tuple[Delivery, ...] = ()
    failed: tuple[Delivery, ...] = ()
    given_up: tuple[Delivery, ...] = ()
    waiting: int = 0

    @property
    def exit_code(self) -> int:
        """Return 3 where one was given up: somebody was not told. One that is tried again is no fault yet."""
        return _IN_PART if self.given_up else 0

    def sentences(self) -> list[str]:
        """Say what was sent, and what waits."""
        told = [f"Sent: {_named(one)}." for one in self.sent]
        return told + ([f"{self.waiting} deliveries wait."] if self.waiting else [])

    def fault_sentences(self) -> list[str]:
        """Say what could not be sent, and why."""
        lines = [f"delivery tried again at {one.next_at:%Y-%m-%d %H:%M} UTC: {_named(one)}" for one in self.failed]
        return lines + [f"delivery given up: {_named(one)}; see: kpgeo deliver list" for one in self.given_up]

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON, without addresses: manifests and logs are passed on."""
        lists = {"sent": self.sent, "failed": self.failed, "given_up": self.given_up}
        return {
            "made": self.made,
            "waiting": self.waiting,
            **{name: [_unaddressed(one) for one in found] for name, found in lists.items()},
        }


def tell_subscribers(
    pipeline: Pipeline, room: Workspace, tables: Tables, *, now: dt.datetime | None = None
) -> PostReport:
    """Make the deliveries that are due, and send what waits.

    Two of these at once are one too many: the second waits for the first, and after two minutes leaves it all to it.
    The workspace need not be held: an alarm gets through while a run hangs.

    Parameters
    ----------
    now : datetime, optional
        Instead of the clock's time.

    Raises
    ------
    BadInputError
        The file of subscribers is none.
    """
    subscribers = read_subscribers(pipeline)
    if subscribers is None or not pipeline.deliver.enabled:
        return PostReport()
    try:
        with room.delivering():
            return _told(_office(pipeline, room, tables, subscribers, now))
    except BusyError:
        _log.info("another process is delivering")
        return PostReport(waiting=len(tables.deliveries.waiting()))


def deliver_now(pipeline: Pipeline, *, workspace: Path | None = None, now: dt.datetime | None = None) -> PostReport:
    """Deliver what waits in a workspace, to its folder and to the subscribers, without a run.

    Raises
    ------
    BadInputError
        As `tell_subscribers`.
    """
    room = open_workspace(pipeline, workspace)
    with closing(room.tables()) as tables:
        deliver(room, tables, pipeline.deliver)
        return tell_subscribers(pipeline, room, tables, now=now)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one channel would be told now.

    Attributes
    ----------
    messages : tuple of (str, str, str)
        Subject, text and HTML of what would be sent.
    later : int
        Items that wait for the subscriber's hour, at `next_at`.
    old : int
        Items that are old news to the channel, and are not sent.
    faults : tuple of str
        What would keep it from being sent.
    """

    subscriber: str
    channel: str
    language: str
    frequency: str
    messages: tuple[tuple[str, str, str], ...]
    later: int
    old: int
    next_at: dt.datetime
    faults: tuple[str, ...]


def try_delivery(
    pipeline: Pipeline, *, workspace: Path | None = None, now: dt.datetime | None = None, out: Path | None = None
) -> list[Trial]:
    """Return what would be sent to whom, without sending or keeping any of it, and what is missing for it.

    Parameters
    ----------
    out : Path, optional
        A folder for the messages as they would look.

    Raises
    ------
    BadInputError
        The pipeline names no subscribers, or their file is none.
    """
    subscribers = read_subscribers(pipeline)
    if subscribers is None:
        raise BadInputError(
            "The pipeline names no subscribers.", where=pipeline.name, remedy='Write subscribers = "…" under [deliver].'
        )
    room = open_workspace(pipeline, workspace)
    with closing(room.tables()) as tables:
        office = _office(pipeline, room, tables, subscribers, now)
        trials = [_trial(office, grouped) for grouped in preview_news(office)]
    for number, (one, (_, text, page)) in enumerate(
        (trial, message) for trial in trials for message in trial.messages if out is not None
    ):
        name = f"{number + 1:02d}-{one.subscriber}-{one.channel.partition(':')[0]}"
        write_atomic((out or Path()) / f"{name}.txt", text.encode())
        write_atomic((out or Path()) / f"{name}.html", page.encode())
    return trials


def retry_delivery(tables: Tables, delivery_id: str) -> Delivery:
    """Let a delivery be tried again from now on, as often as a new one.

    Raises
    ------
    BadInputError
        There is none, or it was sent.
    """
    return tables.deliveries.retry(delivery_id, dt.datetime.now(dt.UTC))


def delivery_content(one: Delivery) -> dict[str, Any]:
    """Return a delivery as plain JSON, without what it says."""
    return {
        "id": one.id,
        "subscriber": one.subscriber,
        "channel": one.channel,
        "kind": str(one.kind),
        "state": str(one.state),
        "items": len(one.items),
        "made_at": one.made_at.isoformat(timespec="seconds"),
        "next_at": one.next_at.isoformat(timespec="seconds") if one.state is DeliveryState.WAITING else None,
        "sent_at": None if one.sent_at is None else one.sent_at.isoformat(timespec="seconds"),
        "attempts": one.attempts,
        "error": one.error,
    }


def _unaddressed(one: Delivery) -> dict[str, Any]:
    return {**delivery_content(one), "channel": one.channel.partition(":")[0]}


def _told(office: Office) -> PostReport:
    """Group and send; where a delivery was given up, once more, for those who are to hear of that."""
    made, found = 0, Sent()
    for _ in range(_MOST_PASSES):
        made += len(group_news(office))
        outcome = send_waiting(office)
        for name in ("sent", "failed", "given_up"):
            getattr(found, name).extend(getattr(outcome, name))
        if not outcome.given_up:
            break
    stored = office.tables.deliveries
    return PostReport(
        made=made,
        sent=tuple(stored.delivery(one.id) for one in found.sent),
        failed=tuple(stored.delivery(one.id) for one in found.failed),
        given_up=tuple(stored.delivery(one.id) for one in found.given_up),
        waiting=len(stored.waiting()),
    )


def _office(
    pipeline: Pipeline, room: Workspace, tables: Tables, subscribers: Subscribers, now: dt.datetime | None
) -> Office:
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    office = Office(room=room, tables=tables, pipeline=pipeline, subscribers=subscribers, now=moment)
    if office.watched:
        require_watched(subscribers, office.watched)
    return office


def _trial(office: Office, grouped: Grouped) -> Trial:
    return Trial(
        subscriber=grouped.subscriber.id,
        channel=grouped.channel,
        language=grouped.subscriber.language,
        frequency=str(grouped.subscriber.frequency),
        messages=tuple(_shown(office, one) for one in grouped.deliveries),
        later=len(grouped.later),
        old=len(grouped.settled),
        next_at=next_slot(grouped.subscriber, office.now),
        faults=tuple(_faults(office, grouped)),
    )


def _shown(office: Office, delivery: Delivery) -> tuple[str, str, str]:
    digest = digest_of(delivery)
    message = compose_message(delivery, digest)
    pictures = inline_sources(read_shots(office.room.products, digest))
    return message.subject, as_text(message), as_html(message, pictures)


def _faults(office: Office, grouped: Grouped) -> list[str]:
    """Return which secrets are missing that a channel needs."""
    places = []
    if grouped.channel.startswith("email:") and office.subscribers.mail is not None:
        mail = office.subscribers.mail
        places = [place for place in (mail.user, mail.password) if place is not None]
    if (hook := grouped.subscriber.hook(grouped.channel)) is not None:
        places = list(hook.secrets)
    faults = []
    for place in places:
        try:
            place.read(office.subscribers.folder)
        except KpgeoError as error:
            faults.append(str(error))
    return faults


def _named(one: Delivery) -> str:
    what = {DeliveryKind.ALERTS: f"{len(one.items)} items", DeliveryKind.ALARM: "an alarm"}.get(one.kind, "not seen")
    why = f" ({one.error})" if one.error else ""
    return f"{one.id}, {what}, {one.subscriber}, {one.channel.partition(':')[0]}{why}"
