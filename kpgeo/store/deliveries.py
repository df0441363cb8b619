"""Deliveries as a table: put together once, tried until they are sent or given up, and never made of one item twice."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from kpgeo.model.alert import MachineState
from kpgeo.model.decision import OutboxItem
from kpgeo.model.delivery import Delivery, DeliveryKind, DeliveryState, News, Subscription
from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import make_id
from kpgeo.model.ledger import MACHINE, Entry, EntryKind
from kpgeo.store import rows, schema
from kpgeo.store.database import Database
from kpgeo.store.ledger import append_entries
from kpgeo.store.methods import Adoptions, lineages_beside, read_adoptions

_DECIDED = frozenset(f"alert-{state}" for state in MachineState)
_Row = Mapping[Any, Any]


class Deliveries:
    """What was put together for whom, and what became of it. Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_items(self, items: Iterable[OutboxItem]) -> int:
        """Put items into the outbox that no decision made (alarms, reviews), each id once; return how many were new."""
        table = schema.outbox
        given = {item.id: {**rows.row_of_outbox(item), "lineage": ""} for item in items}
        with self._database.writing() as connection:
            known = set(connection.scalars(select(table.c.id).where(table.c.id.in_(list(given)))))
            new = [row for item_id, row in given.items() if item_id not in known]
            if new:
                connection.execute(insert(table), new)
        return len(new)

    def news(self) -> list[News]:
        """Return every item of the outbox, oldest dekad first, with whether what it tells still holds."""
        columns = schema.outbox.c
        query = select(schema.outbox).order_by(columns.created_dekad, columns.id)
        with self._database.reading() as connection:
            found = list(connection.execute(query).mappings())
            beside = lineages_beside(connection, {(row["aoi_id"], row["lineage"]) for row in found if row["lineage"]})
            live, adoptions = _live_items(connection), read_adoptions(connection)
        return [_news_of(row, live, beside, adoptions) for row in found]

    def subscription(self, subscriber: str, channel: str) -> Subscription | None:
        """Return what a subscriber knows by a channel; None where the channel was never met."""
        table, made = schema.subscriptions, schema.deliveries
        asked = select(table).where(table.c.subscriber == subscriber, table.c.channel == channel)
        given = select(made.c["kind"], made.c["items"], made.c["made_at"]).where(
            made.c.subscriber == subscriber, made.c.channel == channel
        )
        with self._database.reading() as connection:
            row = connection.execute(asked).mappings().first()
            deliveries = list(connection.execute(given).mappings())
        if row is None:
            return None
        told = frozenset(item for one in deliveries for item in json.loads(one["items"]))
        last: dict[DeliveryKind, dt.datetime] = {}
        for one in deliveries:
            kind, moment = DeliveryKind(one["kind"]), dt.datetime.fromisoformat(one["made_at"])
            last[kind] = max(moment, last.get(kind, moment))
        return Subscription(
            subscriber=subscriber,
            channel=channel,
            since=dt.datetime.fromisoformat(row["since"]),
            asked_at=dt.datetime.fromisoformat(row["asked_at"]),
            items=told | frozenset(json.loads(row["settled"])),
            told=told,
            newest=json.loads(row["newest"]),
            last_made=last,
        )

    def make(self, after: Subscription, deliveries: Sequence[Delivery], settled: Iterable[str] = ()) -> int:
        """Keep deliveries of one subscriber and channel, and what it knows after them, in one transaction.

        A delivery whose id is there is left as it is. `settled` are items that are old news: they are never told.

        Returns
        -------
        int
            How many deliveries were new.
        """
        table = schema.deliveries
        given = {one.id: row_of_delivery(one) for one in deliveries}
        with self._database.writing() as connection:
            known = set(connection.scalars(select(table.c.id).where(table.c.id.in_(list(given)))))
            new = [row for delivery_id, row in given.items() if delivery_id not in known]
            if new:
                connection.execute(insert(table), new)
            _put_subscription(connection, after, settled)
        return len(new)

    def waiting(self, until: dt.datetime | None = None) -> list[Delivery]:
        """Return deliveries that wait, the oldest first; with `until`, those to be tried by then."""
        columns = schema.deliveries.c
        query = select(schema.deliveries).where(columns.state == DeliveryState.WAITING)
        found = self._read(query.order_by(columns.made_at, columns.id))
        return [one for one in found if until is None or one.next_at <= until]

    def deliveries(self, *, newest: int | None = None, channel: str | None = None) -> list[Delivery]:
        """Return deliveries, the newest first: all, or so many, or those of one channel."""
        columns = schema.deliveries.c
        query = select(schema.deliveries).order_by(columns.made_at.desc(), columns.id)
        if channel is not None:
            query = query.where(columns.channel == channel)
        return self._read(query if newest is None else query.limit(newest))

    def told_items(self) -> frozenset[str]:
        """Return the items that anybody was told, or is to be told."""
        with self._database.reading() as connection:
            return frozenset(
                item for text in connection.scalars(select(schema.deliveries.c["items"])) for item in json.loads(text)
            )

    def begin_attempt(self, delivery: Delivery, next_at: dt.datetime) -> Delivery:
        """Count an attempt before it is made, so that one that kills its process comes to an end too."""
        self._change(delivery.id, attempts=delivery.attempts + 1, next_at=rows.to_utc(next_at))
        return self.delivery(delivery.id)

    def note_failed(self, delivery: Delivery, error: str, next_at: dt.datetime | None = None) -> None:
        """Note why an attempt failed, and when it is tried again where that is not as it was planned."""
        self._change(delivery.id, error=error[:1000], next_at=rows.to_utc(next_at or delivery.next_at))

    def note_end(self, delivery: Delivery, state: DeliveryState, now: dt.datetime, error: str = "") -> None:
        """Note that a delivery was sent or given up; the ledger keeps it, without the receiver's address."""
        said = {"subscriber": delivery.subscriber, "channel": delivery.channel.partition(":")[0], "state": state}
        entry = Entry(
            kind=EntryKind.DELIVERY,
            aoi_id="",
            subject=delivery.id,
            actor=MACHINE,
            body={**said, "kind": delivery.kind, "items": list(delivery.items), "attempts": delivery.attempts},
        )
        sent_at = rows.to_utc(now) if state is DeliveryState.SENT else None
        columns = schema.deliveries.c
        put = update(schema.deliveries).where(columns.id == delivery.id, columns.state == DeliveryState.WAITING)
        with self._database.writing() as connection:
            done = connection.execute(put.values(state=state, sent_at=sent_at, error=error[:1000]))
            if done.rowcount:
                append_entries(connection, [entry])

    def retry(self, delivery_id: str, now: dt.datetime) -> Delivery:
        """Let a delivery that was given up, or that waits, be tried again from now on.

        Raises
        ------
        BadInputError
            There is none, or it was sent: it is not sent twice.
        """
        delivery = self.delivery(delivery_id)
        if delivery.state is DeliveryState.SENT:
            raise BadInputError("It was sent, and is not sent twice.", where=delivery_id)
        self._change(delivery_id, state=DeliveryState.WAITING, attempts=0, next_at=rows.to_utc(now), error="")
        return self.delivery(delivery_id)

    def delivery(self, delivery_id: str) -> Delivery:
        """Return one delivery.

        Raises
        ------
        BadInputError
            There is none.
        """
        found = self._read(select(schema.deliveries).where(schema.deliveries.c.id == delivery_id))
        if not found:
            raise BadInputError("There is no such delivery.", where=delivery_id[:80], remedy="See: kpgeo deliver list.")
        return found[0]

    def _change(self, delivery_id: str, **values: object) -> None:
        put = update(schema.deliveries).where(schema.deliveries.c.id == delivery_id)
        with self._database.writing() as connection:
            connection.execute(put.values(**values))

    def _read(self, query: Any) -> list[Delivery]:
        with self._database.reading() as connection:
            return [delivery_of_row(row) for row in connection.execute(query).mappings()]


def row_of_delivery(one: Delivery) -> dict[str, Any]:
    """Return the row of a delivery."""
    return {
        "id": one.id,
        "subscriber": one.subscriber,
        "channel": one.channel,
        "kind": one.kind,
        "items": rows.to_json(one.items),
        "body": rows.to_json(one.body),
        "state": one.state,
        "made_at": rows.to_utc(one.made_at),
        "next_at": rows.to_utc(one.next_at),
        "error": one.error,
        "attempts": one.attempts,
        "sent_at": rows.to_utc_or_none(one.sent_at),
    }


def delivery_of_row(row: _Row) -> Delivery:
    """Rebuild a delivery."""
    return Delivery(
        **{name: row[name] for name in ("id", "subscriber", "channel", "attempts", "error")},
        kind=DeliveryKind(row["kind"]),
        items=tuple(json.loads(row["items"])),
        body=json.loads(row["body"]),
        state=DeliveryState(row["state"]),
        made_at=dt.datetime.fromisoformat(row["made_at"]),
        next_at=dt.datetime.fromisoformat(row["next_at"]),
        sent_at=rows.from_utc_or_none(row["sent_at"]),
    )


def _put_subscription(connection: Connection, after: Subscription, settled: Iterable[str]) -> None:
    table = schema.subscriptions
    same = (table.c.subscriber == after.subscriber, table.c.channel == after.channel)
    before = connection.scalar(select(table.c.settled).where(*same))
    known = frozenset(settled) | frozenset(json.loads(before or "[]"))
    said = {"newest": rows.to_json(after.newest), "settled": rows.to_json(sorted(known))}
    values = {**said, "asked_at": rows.to_utc(after.asked_at)}
    if before is not None:
        connection.execute(update(table).where(*same).values(**values))
        return
    key = {"subscriber": after.subscriber, "channel": after.channel, "since": rows.to_utc(after.since)}
    connection.execute(insert(table), {**key, **values})


def _live_items(connection: Connection) -> frozenset[str]:
    """Return the ids of items whose events hold."""
    events = schema.alert_events.c
    return frozenset(
        make_id("outbox", event_id)
        for event_id in connection.scalars(select(events.id).where(events.superseded_by.is_(None)))
    )


def _news_of(row: _Row, live: frozenset[str], beside: Iterable[tuple[str, str]], adoptions: Adoptions) -> News:
    was_decided = row["kind"] in _DECIDED and bool(row["lineage"])
    payload = json.loads(row["payload"])
    return News(
        id=row["id"],
        aoi_id=row["aoi_id"],
        kind=row["kind"],
        payload=payload,
        dekad=row["created_dekad"],
        was_decided=was_decided,
        is_overturned=was_decided and row["id"] not in live,
        is_beside=was_decided and (row["aoi_id"], row["lineage"]) in beside,
        adopted_at=adoptions.at.get((row["aoi_id"], row["lineage"])),
        follows=adoptions.before.get(str(payload.get("alert")), frozenset()),
    )
