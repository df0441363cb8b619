"""Sending what was put together: tried until it is taken or given up, and told of when it is given up."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from kpgeo.delivery import (
    Entry,
    Envelope,
    HookError,
    Wording,
    as_feed,
    as_html,
    as_letter,
    as_payload,
    compose_message,
    digest_of,
    inline_sources,
    is_over,
    is_quiet,
    next_attempt,
    post_hook,
    signature_headers,
)
from kpgeo.flows.telling.office import Office
from kpgeo.flows.telling.shots import read_shots
from kpgeo.model.aoi import LANGUAGES
from kpgeo.model.calendar import day_of, dekad_of
from kpgeo.model.decision import OutboxItem
from kpgeo.model.delivery import Delivery, DeliveryKind, DeliveryState
from kpgeo.model.errors import BadInputError, KpgeoError
from kpgeo.model.ids import make_id
from kpgeo.options.subscribers import Subscriber
from kpgeo.store import refusal_as_integrity, write_atomic
from kpgeo.wire import Access, MailError, MailRoute, redact, send_mail

GIVEN_UP = "alarm-delivery-given-up"
_FEEDS = "feeds"
_GONE = "The file of subscribers names this channel no longer."


@dataclass(kw_only=True)
class Sent:
    """What became of what waited.

    Attributes
    ----------
    failed : list of Delivery
        To be tried again.
    """

    sent: list[Delivery] = field(default_factory=list)
    failed: list[Delivery] = field(default_factory=list)
    given_up: list[Delivery] = field(default_factory=list)


def send_waiting(office: Office) -> Sent:
    """Send each delivery whose time has come, the oldest first.

    An attempt is counted before it is made. A server that does not answer is not asked for the next delivery in the
    same pass. What is sent and not yet noted when the process is killed is sent again, with the same id.
    """
    outcome, silent = Sent(), set[str]()
    for delivery in office.tables.deliveries.waiting(office.now):
        subscriber = office.subscribers.find(delivery.subscriber)
        if subscriber is None or delivery.channel not in subscriber.channels:
            _give_up(office, delivery, _GONE)
            outcome.given_up.append(delivery)
        elif not is_quiet(subscriber, delivery.channel, office.now) and _server(delivery) not in silent:
            _try(office, subscriber, delivery, outcome, silent)
    return outcome


def _try(office: Office, subscriber: Subscriber, delivery: Delivery, outcome: Sent, silent: set[str]) -> None:
    """Make one attempt at one delivery."""
    counted = office.tables.deliveries.begin_attempt(delivery, next_attempt(delivery, office.now, office.options))
    try:
        _TRANSPORTS[delivery.channel.partition(":")[0]](office, subscriber, counted)
    except KpgeoError as error:
        text = redact(f"{error.what} {error.remedy}".strip())
        if _is_of_server(error):
            silent.add(_server(delivery))
        if not getattr(error, "is_passing", True) or is_over(counted, office.now, office.options):
            _give_up(office, counted, text)
            outcome.given_up.append(counted)
            return
        asked_s = getattr(error, "wait_s", 0.0)
        again_at = next_attempt(delivery, office.now, office.options, asked_s)
        office.tables.deliveries.note_failed(counted, text, again_at)
        outcome.failed.append(counted)
    else:
        office.tables.deliveries.note_end(counted, DeliveryState.SENT, office.now)
        outcome.sent.append(counted)


def _give_up(office: Office, delivery: Delivery, why: str) -> None:
    """Give a delivery up, and put into the outbox that others are to hear of it. An alarm's end raises none."""
    if delivery.kind is not DeliveryKind.ALARM:
        said = {
            "subscriber": delivery.subscriber,
            "channel": delivery.channel.partition(":")[0],
            "delivery": delivery.id,
            "error": why,
        }
        payload = {
            **said,
            "alarm": make_id("alarm", delivery.id),
            "pipeline": office.pipeline.name,
            "raised_at": office.now.isoformat(timespec="seconds"),
            "ended_at": None,
            "sentences": {language: Wording(language).say("given-up", **said) for language in LANGUAGES},
        }
        item = OutboxItem(
            id=make_id("outbox", GIVEN_UP, delivery.id),
            aoi_id="",
            kind=GIVEN_UP,
            payload=payload,
            created_dekad=dekad_of(day_of(office.now.date())),
        )
        office.tables.deliveries.put_items([item])
    office.tables.deliveries.note_end(delivery, DeliveryState.GIVEN_UP, office.now, why)


def _send_email(office: Office, subscriber: Subscriber, delivery: Delivery) -> None:
    mail, folder = office.subscribers.mail, office.subscribers.folder
    if mail is None:
        raise BadInputError("There is no [mail] in the file of subscribers.", where=subscriber.id)
    route = MailRoute(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        limit_s=office.options.send_timeout_s,
        ca_file=office.pipeline.wire.ca_file,
        user="" if mail.user is None else mail.user.read(folder),
        password="" if mail.password is None else mail.password.read(folder),
    )
    recipient = delivery.channel.partition(":")[2]
    envelope = Envelope(
        sender=mail.sender,
        sender_name=mail.sender_name,
        recipient=recipient,
        domain=office.subscribers.domain,
        date=delivery.made_at,
        reply_to=mail.reply_to or "",
        unsubscribe=mail.unsubscribe or "",
    )
    digest = digest_of(delivery)
    pictures = read_shots(office.room.products, digest)
    send_mail(route, mail.sender, recipient, as_letter(compose_message(delivery, digest), pictures, envelope))


def _send_webhook(office: Office, subscriber: Subscriber, delivery: Delivery) -> None:
    hook = subscriber.hook(delivery.channel)
    assert hook is not None  # noqa: S101 - the channel is among the subscriber's
    digest = digest_of(delivery)
    body = as_payload(delivery, digest, compose_message(delivery, digest))
    secrets = [place.read(office.subscribers.folder) for place in hook.secrets]
    limit_s = office.options.send_timeout_s
    once = office.pipeline.wire.model_copy(
        update={
            "http_timeout_s": limit_s,
            "request_deadline_s": limit_s,
            "silence_s": min(limit_s, office.pipeline.wire.silence_s),
        }
    )
    post_hook(hook.url, body, signature_headers(delivery.id, body, secrets, _clock()), Access(options=once))


def _write_feed(office: Office, subscriber: Subscriber, delivery: Delivery) -> None:
    name, deliveries = delivery.channel.partition(":")[2], office.tables.deliveries
    told = [one for one in deliveries.deliveries(channel=delivery.channel) if one.state is not DeliveryState.GIVEN_UP]
    entries = [
        Entry(message=compose_message(one, digest_of(one)), made_at=one.made_at)
        for one in told[: office.options.feed_entries]
    ]
    title = Wording(subscriber.language).say("feed-title", pipeline=office.pipeline.name)
    path = office.room.products / _FEEDS / f"{name}.atom"
    with refusal_as_integrity(path):
        write_atomic(path, as_feed(name, title, office.subscribers.domain, entries))


def _write_folder(office: Office, _: Subscriber, delivery: Delivery) -> None:
    digest = digest_of(delivery)
    message = compose_message(delivery, digest)
    folder = office.room.products / delivery.channel.partition(":")[2]
    page = as_html(message, inline_sources(read_shots(office.room.products, digest)))
    with refusal_as_integrity(folder):
        write_atomic(folder / f"{delivery.id}.html", page.encode())
        write_atomic(folder / f"{delivery.id}.json", as_payload(delivery, digest, message) + b"\n")


_TRANSPORTS: dict[str, Callable[[Office, Subscriber, Delivery], None]] = {
    "email": _send_email,
    "webhook": _send_webhook,
    "atom": _write_feed,
    "folder": _write_folder,
}


def _server(delivery: Delivery) -> str:
    """Return what a delivery goes through: all e-mail goes through one server."""
    return "email" if delivery.channel.startswith("email:") else delivery.channel


def _is_of_server(error: KpgeoError) -> bool:
    if isinstance(error, MailError):
        return error.is_of_server
    return isinstance(error, HookError) and error.is_passing


def _clock() -> dt.datetime:
    """Return the real time, which receivers of webhooks hold against theirs, whatever a pass takes for now."""
    return dt.datetime.now(dt.UTC)
