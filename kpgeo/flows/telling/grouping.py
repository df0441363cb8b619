"""Putting together what each subscriber is told: each thing once, nothing old, nothing that no longer holds."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from kpgeo.delivery import Digest, Layout, Shots, Told, content_of, is_due, is_quiet, rank_items
from kpgeo.flows.telling.office import Office
from kpgeo.flows.telling.shots import take_shots
from kpgeo.model.alert import MachineState
from kpgeo.model.calendar import dekad_end
from kpgeo.model.decision import OutboxItem
from kpgeo.model.delivery import Delivery, DeliveryKind, News, Subscription
from kpgeo.model.ids import make_id
from kpgeo.options.subscribers import Subscriber

OVERTURNED = "alert-overturned"
_NEW = {f"alert-{state}": state for state in (MachineState.PROVISIONAL, MachineState.CONFIRMED)}
_ALARM, _ALARM_OVER = "alarm-", "alarm-ended"
_WEEK = dt.timedelta(days=7)
_ALARM_AGE = dt.timedelta(days=3)


def group_news(office: Office) -> list[Delivery]:
    """Make the deliveries that are due of what no channel was told yet, and keep them before anything is sent.

    Returns
    -------
    list of Delivery
        Those that were made; killed before it returns and run again, the same are made, with the same ids.
    """
    put_overturned(office)
    made: list[Delivery] = []
    for grouped in _all_grouped(office):
        if grouped.is_changed:
            office.tables.deliveries.make(grouped.after, grouped.deliveries, grouped.settled)
        made += grouped.deliveries
    return made


def preview_news(office: Office) -> list["Grouped"]:
    """Return what `group_news` would make, by subscriber and channel, and keep nothing."""
    return list(_all_grouped(office))


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """What there is for one channel of a subscriber.

    Attributes
    ----------
    deliveries : tuple of Delivery
        Those that are due now.
    later : tuple of Told
        What waits for the subscriber's hour.
    after : Subscription
        What the channel knows afterwards.
    settled : frozenset of str
        Items that are old news, and are never told.
    """

    subscriber: Subscriber
    channel: str
    deliveries: tuple[Delivery, ...]
    later: tuple[Told, ...]
    after: Subscription
    settled: frozenset[str]
    is_changed: bool


@dataclass(kw_only=True)
class _Sieve:
    """What of the news is for one channel."""

    alerts: list[Told] = field(default_factory=list)
    alarms: list[Told] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)


def put_overturned(office: Office) -> None:
    """Put into the outbox that an alert somebody was told of is not upheld by later scenes, where none of it is."""
    news = office.tables.deliveries.news()
    told = office.tables.deliveries.told_items()
    heard = {str(one.payload.get("alert")) for one in news if one.id in told}
    standing = {one.payload.get("alert") for one in news if one.was_decided and not one.is_overturned}
    last: dict[str, News] = {}
    for one in news:
        if not one.is_overturned or one.is_beside or one.payload.get("alert") in standing:
            continue
        if one.id in told or not heard.isdisjoint(one.follows):
            last[str(one.payload.get("alert"))] = one
    office.tables.deliveries.put_items(
        OutboxItem(
            id=make_id("outbox", "overturned", one.id),
            aoi_id=one.aoi_id,
            kind=OVERTURNED,
            payload={**one.payload, "state": "overturned", "before": one.payload.get("state"), "true_share": None},
            created_dekad=one.dekad,
        )
        for one in last.values()
    )


def _all_grouped(office: Office) -> Iterable[Grouped]:
    news = sorted(office.tables.deliveries.news(), key=lambda one: (one.dekad, not one.was_decided, one.id))
    for subscriber in office.subscribers.subscriber:
        for channel in subscriber.channels:
            yield _group(office, subscriber, channel, news)


def _group(office: Office, subscriber: Subscriber, channel: str, news: Sequence[News]) -> Grouped:
    known = office.tables.deliveries.subscription(subscriber.id, channel)
    before = known or Subscription(
        subscriber=subscriber.id, channel=channel, since=office.now, asked_at=office.now, newest=dict(office.newest)
    )
    sieve = _sift(office, subscriber, before, news)
    is_told = not is_quiet(subscriber, channel, office.now)
    is_asked = is_told and is_due(subscriber, before.asked_at, office.now)
    deliveries = []
    if is_told and sieve.alarms:
        deliveries.append(_delivery(office, subscriber, before, DeliveryKind.ALARM, sieve.alarms))
    if is_asked and sieve.alerts:
        deliveries.append(_delivery(office, subscriber, before, DeliveryKind.ALERTS, sieve.alerts))
    elif is_asked and _is_silent(before, office.now) and (unseen := _unseen(office, subscriber)):
        deliveries.append(_delivery(office, subscriber, before, DeliveryKind.UNSEEN, (), unseen))
    after = replace(before, asked_at=office.now, newest={**before.newest, **office.newest}) if is_asked else before
    return Grouped(
        subscriber=subscriber,
        channel=channel,
        deliveries=tuple(deliveries),
        later=() if is_asked else tuple(sieve.alerts),
        after=after,
        settled=frozenset(sieve.settled),
        is_changed=known is None or is_asked or bool(deliveries or sieve.settled - before.items),
    )


def _sift(office: Office, subscriber: Subscriber, before: Subscription, news: Sequence[News]) -> _Sieve:
    """Take from the news, oldest first, what a channel is to be told, and what is old to it."""
    sieve = _Sieve()
    told = {_subject(one) for one in news if one.id in before.told}
    known = {(_subject(one), one.kind) for one in news if one.id in before.items and one.was_decided}
    aois = frozenset(subscriber.aois or office.watched)
    for one in news:
        if one.id in before.items or not one.holds or not (one.aoi_id in aois or _is_alarm(one)):
            continue
        if _subject(one) in office.dismissed and told.isdisjoint({_subject(one), *one.follows}):
            continue  # people say that it does not stand, before the channel heard of it: kept, it may be reopened
        if one.was_decided and (_is_old(office, before, one) or (_subject(one), one.kind) in known):
            sieve.settled.add(one.id)
        elif _is_alarm(one):
            if _is_alarm_for(office, subscriber, before, one, told):
                told.add(_subject(one))
                sieve.alarms.append(_told(one))
        elif _is_wanted(subscriber, one, is_told=not told.isdisjoint({_subject(one), *one.follows})):
            told.add(_subject(one))
            known.add((_subject(one), one.kind))
            sieve.alerts.append(_told(one))
    return sieve


def _is_old(office: Office, before: Subscription, one: News) -> bool:
    """Say whether a thing happened long before what the channel was told last, or before it came.

    What a method found while it was beside is no old news to a channel that was not asked since the method speaks.
    """
    if one.adopted_at is not None and before.asked_at <= one.adopted_at:
        return False
    newest = before.newest.get(one.aoi_id, office.newest.get(one.aoi_id))
    return newest is not None and dekad_end(one.dekad) <= dekad_end(newest) - office.options.old_news_days


def _is_wanted(subscriber: Subscriber, one: News, *, is_told: bool) -> bool:
    """Say whether a subscriber wants an item: what became of an alert he was told of he is always told."""
    state = _NEW.get(one.kind)
    if state is None:
        return is_told
    if subscriber.states and state not in subscriber.states:
        return False
    said = one.payload
    if subscriber.questions and said.get("question") not in {str(question) for question in subscriber.questions}:
        return is_told
    is_large = float(said.get("area_ha") or 0.0) >= subscriber.min_area_ha
    return is_told or (is_large and float(said.get("confidence") or 0.0) >= subscriber.min_confidence)


def _is_alarm_for(office: Office, subscriber: Subscriber, before: Subscription, one: News, told: set[str]) -> bool:
    said = one.payload
    if not subscriber.alarms or said.get("pipeline", office.pipeline.name) != office.pipeline.name:
        return False
    if one.aoi_id and subscriber.aois and one.aoi_id not in subscriber.aois:
        return False
    if (said.get("subscriber"), said.get("channel")) == (subscriber.id, before.channel.partition(":")[0]):
        return False  # it is about this very channel
    if one.kind == _ALARM_OVER:
        return _subject(one) in told
    return _moment_of(said.get("raised_at"), office.now) >= before.since - _ALARM_AGE


def _is_silent(before: Subscription, now: dt.datetime) -> bool:
    """Say whether a channel has heard nothing of the land for a week, by date: a run may begin some seconds sooner."""
    heard = [moment for kind, moment in before.last_made.items() if kind is not DeliveryKind.ALARM]
    return now.date() - max([before.since, *heard]).date() >= _WEEK


def _unseen(office: Office, subscriber: Subscriber) -> list[str]:
    return [aoi for aoi in subscriber.aois or office.watched if aoi in office.watched and office.is_unseen(aoi)]


def _delivery(
    office: Office,
    subscriber: Subscriber,
    before: Subscription,
    kind: DeliveryKind,
    items: Sequence[Told],
    unseen: Sequence[str] = (),
) -> Delivery:
    """Put one delivery together."""
    ids = [item.id for item in items] or [f"unseen-{aoi}-{office.now:%G-W%V}" for aoi in unseen]
    aois = [] if kind is DeliveryKind.ALARM else sorted(unseen or subscriber.aois or office.watched)
    digest = Digest(
        kind=kind,
        pipeline=office.pipeline.name,
        subscriber=subscriber.id,
        language=subscriber.language,
        frequency=subscriber.frequency,
        layout=Layout(
            top_sites=office.options.top_sites,
            listed_sites=office.options.listed_sites,
            page_url=office.options.page_url,
        ),
        items=tuple(items),
        seen=tuple(office.seen(aoi, before.newest.get(aoi)) for aoi in aois if aoi in office.watched),
        shots=_shots(office, items) if kind is DeliveryKind.ALERTS else {},
    )
    return Delivery(
        id=make_id("delivery", subscriber.id, before.channel, sorted(ids)),
        subscriber=subscriber.id,
        channel=before.channel,
        kind=kind,
        items=tuple(ids),
        body=content_of(digest),
        made_at=office.now,
        next_at=office.now,
    )


def _shots(office: Office, items: Sequence[Told]) -> dict[str, Shots]:
    shown = rank_items(items)[: office.options.picture_sites] if office.with_pictures else []
    taken = {str(item.payload.get("site")): take_shots(office, item) for item in shown}
    return {site: shots for site, shots in taken.items() if shots is not None}


def _is_alarm(one: News) -> bool:
    return one.kind.startswith(_ALARM)


def _subject(one: News) -> str:
    """Return the alert or the alarm an item is about."""
    return str(one.payload.get("alarm" if _is_alarm(one) else "alert", one.id))


def _told(one: News) -> Told:
    return Told(id=one.id, aoi=one.aoi_id, kind=one.kind, payload=one.payload)


def _moment_of(text: object, otherwise: dt.datetime) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return otherwise
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
