"""Putting a run's decisions in place of earlier ones, within a transaction that someone else opens."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from kpgeo.model.calendar import dekad_label
from kpgeo.model.decision import Commit, DekadDecision, OutboxItem
from kpgeo.model.errors import BadInputError
from kpgeo.model.ledger import MACHINE, Entry, EntryKind
from kpgeo.store import rows, schema
from kpgeo.store.ledger import append_entries
from kpgeo.store.methods import speak_first

_Key = dict[str, str]


def replace_decisions(
    connection: Connection, commit: Commit, decisions: Sequence[DekadDecision], outbox: Sequence[OutboxItem]
) -> None:
    """See `Tables.replace_decisions`."""
    _require_consistent(commit, decisions, outbox)
    key = {"aoi_id": commit.aoi_id, "lineage": commit.lineage}
    speaking = speak_first(connection, commit.aoi_id, commit.lineage)
    _put_commit(connection, key, commit)
    for table, given in _derived_rows(decisions):
        connection.execute(delete(table).where(*_from(table, key, commit.first_dekad)))
        _insert(connection, table, [{**key, **row} for row in given])
    if speaking == commit.lineage:
        compared = schema.comparisons
        connection.execute(delete(compared).where(compared.c.aoi_id == commit.aoi_id))
    _put_alert_events(connection, key, commit, decisions)
    _put_outbox(connection, key, commit, outbox)


def _derived_rows(decisions: Sequence[DekadDecision]) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    yield schema.change_objects, _ranked(decisions, lambda one: map(rows.row_of_change, one.changes))
    yield schema.sites, _ranked(decisions, lambda one: map(rows.row_of_site, one.sites))
    yield schema.site_events, _ranked(decisions, lambda one: map(rows.row_of_site_event, one.site_events))
    yield schema.alerts, _ranked(decisions, lambda one: map(rows.row_of_alert, one.alerts))
    yield schema.coverage, _ranked(decisions, lambda one: map(rows.row_of_coverage, one.coverage))


def _ranked(
    decisions: Sequence[DekadDecision], rows_of: Callable[[DekadDecision], Iterable[dict[str, Any]]]
) -> list[dict[str, Any]]:
    return [{**row, "rank": rank} for one in decisions for rank, row in enumerate(rows_of(one))]


def _put_commit(connection: Connection, key: _Key, commit: Commit) -> None:
    table = schema.commits
    values = {
        "snapshot_id": commit.snapshot_id,
        "first_dekad": commit.first_dekad,
        "last_dekad": commit.last_dekad,
        "scenes_digest": commit.scenes_digest,
    }
    put = update(table).where(table.c.aoi_id == key["aoi_id"], table.c.lineage == key["lineage"])
    if connection.execute(put.values(**values)).rowcount == 0:
        connection.execute(insert(table), {**key, **values})


def _put_alert_events(connection: Connection, key: _Key, commit: Commit, decisions: Sequence[DekadDecision]) -> None:
    table = schema.alert_events
    given = {row["id"]: row for row in _ranked(decisions, lambda one: map(rows.row_of_alert_event, one.alert_events))}
    live = select(table).where(*_from(table, key, commit.first_dekad), table.c.superseded_by.is_(None))
    known = {row["id"]: row for row in connection.execute(live).mappings()}
    overturned = [row for event_id, row in known.items() if event_id not in given]
    for row in overturned:
        connection.execute(update(table).where(table.c.seq == row["seq"]).values(superseded_by=commit.snapshot_id))
    for event_id in known.keys() & given.keys():
        if known[event_id]["rank"] != given[event_id]["rank"]:
            moved = update(table).where(table.c.seq == known[event_id]["seq"])
            connection.execute(moved.values(rank=given[event_id]["rank"]))
    new = [row for event_id, row in given.items() if event_id not in known]
    _insert(connection, table, [{**key, **row, "snapshot_id": commit.snapshot_id} for row in new])
    told = [_entry(EntryKind.ALERT_EVENT_SUPERSEDED, key, commit, row) for row in overturned]
    told += [_entry(EntryKind.ALERT_EVENT, key, commit, row) for row in new]
    append_entries(connection, told)


def _entry(kind: EntryKind, key: _Key, commit: Commit, row: Mapping[Any, Any]) -> Entry:
    """Return what the ledger says of an alert event that came to hold, or that holds no longer."""
    body = {name: row[name] for name in ("id", "dekad", "before", "after", "reason")}
    return Entry(
        kind=kind,
        aoi_id=commit.aoi_id,
        subject=row["alert_id"],
        actor=MACHINE,
        body={
            **body,
            "lineage": key["lineage"],
            "evidence": json.loads(row["evidence"]),
            "snapshot": commit.snapshot_id,
        },
    )


def _put_outbox(connection: Connection, key: _Key, commit: Commit, outbox: Sequence[OutboxItem]) -> None:
    table = schema.outbox
    given = {item.id: rows.row_of_outbox(item) for item in outbox}
    of_run = (
        table.c.aoi_id == key["aoi_id"],
        table.c.lineage == key["lineage"],
        table.c.created_dekad >= commit.first_dekad,
        table.c.sent_at.is_(None),
    )
    for item_id in set(connection.scalars(select(table.c.id).where(*of_run))) - given.keys():
        connection.execute(delete(table).where(table.c.id == item_id))
    known = set(connection.scalars(select(table.c.id).where(table.c.id.in_(list(given)))))
    _insert(connection, table, [{**row, **key} for item_id, row in given.items() if item_id not in known])


def _insert(connection: Connection, table: Table, given: list[dict[str, Any]]) -> None:
    if given:
        connection.execute(insert(table), given)


def _from(table: Table, key: _Key, first_dekad: int) -> tuple[Any, ...]:
    columns = table.c
    return (
        columns.aoi_id == key["aoi_id"],
        columns.lineage == key["lineage"],
        columns.dekad >= first_dekad,
    )


def _require_consistent(commit: Commit, decisions: Sequence[DekadDecision], outbox: Sequence[OutboxItem]) -> None:
    """Refuse what would leave rows of dekads that the commit does not speak of."""
    dekads = [one.dekad for one in decisions]
    if dekads != sorted(set(dekads)):
        raise BadInputError("Decisions must be in the order of their dekads, one a dekad.", where=commit.aoi_id)
    made = [*dekads, *(item.created_dekad for item in outbox)]
    if outside := [dekad for dekad in made if not commit.first_dekad <= dekad <= commit.last_dekad]:
        raise BadInputError(f"{dekad_label(outside[0])} is not of this commit.", where=commit.aoi_id)
    for one in decisions:
        parts = (one.changes, one.sites, one.site_events, one.alerts, one.alert_events, one.coverage)
        if any(thing.dekad != one.dekad for part in parts for thing in part):
            raise BadInputError(
                f"The decision of {dekad_label(one.dekad)} holds rows of another dekad.", where=commit.aoi_id
            )
    strangers = [thing.aoi_id for one in decisions for part in (one.sites, one.alerts, one.coverage) for thing in part]
    if any(aoi_id != commit.aoi_id for aoi_id in [*strangers, *(item.aoi_id for item in outbox)]):
        raise BadInputError("A decision holds rows of another AOI.", where=commit.aoi_id)
