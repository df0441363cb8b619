"""Which detector lineage speaks for an AOI. Others are decided beside it, and nobody is told of what they find."""

import datetime as dt
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from kpgeo.model.alert import MachineState
from kpgeo.model.errors import BadInputError
from kpgeo.model.ledger import MACHINE, Entry, EntryKind
from kpgeo.store import schema
from kpgeo.store.database import Database
from kpgeo.store.ledger import append_entries
from kpgeo.store.settling import settle_items

_TOLD = (MachineState.PROVISIONAL, MachineState.CONFIRMED)


class Methods:
    """Which lineage speaks, and the step from one to another. Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def speaking(self, aoi_id: str) -> str:
        """Return the lineage that speaks for an AOI; "" before the first decision."""
        with self._database.reading() as connection:
            return _resolve(connection, aoi_id, "")

    def is_beside(self, aoi_id: str, lineage: str) -> bool:
        """Say whether another lineage speaks for an AOI."""
        with self._database.reading() as connection:
            return _resolve(connection, aoi_id, lineage) != lineage

    def told_alerts(self, aoi_id: str, lineage: str) -> frozenset[str]:
        """Return the alerts of a lineage that were, or that would have been, announced at some time and still hold."""
        events = schema.alert_events.c
        query = select(events.alert_id).where(
            events.aoi_id == aoi_id,
            events.lineage == lineage,
            events.superseded_by.is_(None),
            events.after.in_(_TOLD),
        )
        with self._database.reading() as connection:
            return frozenset(connection.scalars(query))

    def adopt(
        self,
        aoi_id: str,
        lineage: str,
        *,
        by: str,
        known_alerts: Mapping[str, Collection[str]],
        said: Mapping[str, Any],
    ) -> Entry:
        """Let a lineage speak for an AOI from now on.

        Parameters
        ----------
        known_alerts : mapping
            By alert of the lineage, those at its place that were announced before: whoever was told of one of these is
            not told again of what waits of it, and hears what becomes of it.
        said : mapping
            Plain JSON that the ledger keeps with the step: why, and what differs.

        Raises
        ------
        BadInputError
            The lineage was never decided, or speaks already.
        """
        with self._database.writing() as connection:
            before = _resolve(connection, aoi_id, lineage)
            if lineage == before and _said(connection, aoi_id):
                raise BadInputError(f"{lineage} speaks for {aoi_id} already.", where="method")
            if not _is_decided(connection, aoi_id, lineage):
                raise BadInputError(
                    f"{lineage} was never run over {aoi_id}.", where="method", remedy="Run its pipeline beside first."
                )
            _settle(connection, aoi_id, lineage, known_alerts)
            known = {alert_id: sorted(others) for alert_id, others in known_alerts.items()}
            body = {**said, "before": before, "known": known}
            return append_entries(connection, [_entry(aoi_id, lineage, by, body)])[0]


@dataclass(frozen=True, kw_only=True)
class Adoptions:
    """Which lineages people let speak, and which of their alerts are of places that were told of before.

    Attributes
    ----------
    at : dict
        By AOI and lineage, when the lineage was adopted last.
    before : dict
        By alert, those at its place that were announced before, by whichever lineage.
    """

    at: dict[tuple[str, str], dt.datetime]
    before: dict[str, frozenset[str]]


def read_adoptions(connection: Connection) -> Adoptions:
    """Return what the ledger says of changes of method."""
    columns = schema.ledger.c
    query = select(columns.at, columns.subject, columns.actor, columns.body).where(columns.kind == EntryKind.METHOD)
    at: dict[tuple[str, str], dt.datetime] = {}
    before: dict[str, frozenset[str]] = {}
    for row in connection.execute(query.where(columns.actor != MACHINE).order_by(columns.seq)):
        said = json.loads(row.body)
        at[row.subject, str(said["speaks"])] = dt.datetime.fromisoformat(row.at)
        for alert_id, others in said.get("known", {}).items():
            earlier = [before.get(other, frozenset()) for other in others]
            before[alert_id] = before.get(alert_id, frozenset()).union(others, *earlier) - {alert_id}
    return Adoptions(at=at, before=before)


def speak_first(connection: Connection, aoi_id: str, lineage: str) -> str:
    """Return the lineage that speaks for an AOI; where the ledger names none yet, it does from now on.

    To be asked before the commit of the lineage is put: that one is decided now is no reason that it speaks.
    """
    speaking = _resolve(connection, aoi_id, lineage)
    if not _said(connection, aoi_id):
        append_entries(connection, [_entry(aoi_id, speaking, MACHINE, {"before": "", "why": "first-decided"})])
    return speaking


def lineages_beside(connection: Connection, lineages: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return, of pairs of AOI and lineage, those for whose AOI another lineage speaks; "" is beside none."""
    return {pair for pair in lineages if pair[1] and _resolve(connection, *pair) != pair[1]}


def _resolve(connection: Connection, aoi_id: str, lineage: str) -> str:
    """Return the lineage that speaks: as the ledger says, or else the one that was decided last, or else the given."""
    said = _said(connection, aoi_id)
    if said:
        return said
    commits = schema.commits.c
    decided = select(commits.lineage).where(commits.aoi_id == aoi_id)
    latest = decided.order_by(commits.last_dekad.desc(), commits.lineage != lineage, commits.lineage).limit(1)
    return connection.scalar(latest) or lineage


def _said(connection: Connection, aoi_id: str) -> str:
    """Return the lineage that the ledger says speaks for an AOI; "" where it names none."""
    columns = schema.ledger.c
    query = select(columns.body).where(columns.subject == aoi_id, columns.kind == EntryKind.METHOD)
    body = connection.scalar(query.order_by(columns.seq.desc()).limit(1))
    return "" if body is None else str(json.loads(body)["speaks"])


def _entry(aoi_id: str, lineage: str, actor: str, said: Mapping[str, Any]) -> Entry:
    body = {**said, "speaks": lineage}
    return Entry(kind=EntryKind.METHOD, aoi_id=aoi_id, subject=aoi_id, actor=actor, body=body)


def _is_decided(connection: Connection, aoi_id: str, lineage: str) -> bool:
    commits = schema.commits.c
    query = select(commits.snapshot_id).where(commits.aoi_id == aoi_id, commits.lineage == lineage)
    return connection.scalar(query) is not None


def _settle(connection: Connection, aoi_id: str, lineage: str, known_alerts: Mapping[str, Collection[str]]) -> None:
    """Mark what waits of alerts as sent where the folder has others of their place; channels each for themselves."""
    table = schema.outbox
    items = select(table.c.id, table.c.lineage, table.c.payload, table.c.sent_at).where(table.c.aoi_id == aoi_id)
    found = [(row, json.loads(row.payload).get("alert")) for row in connection.execute(items)]
    sent = {alert_id for row, alert_id in found if row.sent_at is not None}
    known = {
        row.id: known_alerts[alert_id]
        for row, alert_id in found
        if row.lineage == lineage and row.sent_at is None and alert_id in known_alerts
    }
    now = dt.datetime.now(dt.UTC).isoformat()
    for item_id in [item_id for item_id, others in known.items() if not sent.isdisjoint(others)]:
        connection.execute(update(table).where(table.c.id == item_id).values(sent_at=now))
    settle_items(connection, known)
