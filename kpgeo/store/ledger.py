"""The ledger as a table: entries are appended in the transaction of what they tell of, and never changed."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, insert, select, text

from kpgeo.model.ledger import NO_DIGEST, Entry, EntryKind, canonical, chained, require_chain
from kpgeo.store import schema
from kpgeo.store.database import Database

_LOCK = "LOCK TABLE ledger IN EXCLUSIVE MODE"


class Ledger:
    """What happened, in order. Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append entries, all or none, and return them with their places, times and digests."""
        with self._database.writing() as connection:
            return append_entries(connection, entries)

    def entries(self, *, subject: str | None = None, kind: EntryKind | None = None, after_seq: int = 0) -> list[Entry]:
        """Return entries in their order: of one subject or kind, or all."""
        columns = schema.ledger.c
        query = select(schema.ledger).where(columns.seq > after_seq).order_by(columns.seq)
        if subject is not None:
            query = query.where(columns.subject == subject)
        if kind is not None:
            query = query.where(columns.kind == kind)
        return self._read(query)

    def head(self) -> tuple[int, str]:
        """Return place and digest of the last entry; (0, `NO_DIGEST`) where there is none."""
        with self._database.reading() as connection:
            return _head(connection)

    def verify(self) -> tuple[int, str]:
        """Check the whole chain, and return its head.

        Raises
        ------
        IntegrityError
            An entry was changed, taken out or put in; the message names it. Entries cut off at the end show only
            against a head that was noted elsewhere (run manifests and evidence bundles note it).
        """
        entries = self.entries()
        digest = require_chain(entries, where=self._database.name)
        return len(entries), digest

    def _read(self, query: Select[Any]) -> list[Entry]:
        with self._database.reading() as connection:
            return [_entry_of(row) for row in connection.execute(query).mappings()]


def append_entries(connection: Connection, entries: Iterable[Entry]) -> list[Entry]:
    """Append entries within a writing transaction. One writer at a time: SQLite sees to it, others lock the table."""
    given = list(entries)
    if not given:
        return []
    if connection.dialect.name != "sqlite":
        connection.execute(text(_LOCK))
    seq, prev = _head(connection)
    appended: list[Entry] = []
    for entry in given:
        placed = chained(entry, seq + 1, dt.datetime.now(dt.UTC), prev)
        appended.append(placed)
        seq, prev = placed.seq, placed.digest
    connection.execute(insert(schema.ledger), [_row_of(entry) for entry in appended])
    return appended


def _head(connection: Connection) -> tuple[int, str]:
    columns = schema.ledger.c
    last = connection.execute(select(columns.seq, columns.digest).order_by(columns.seq.desc()).limit(1)).first()
    return (0, NO_DIGEST) if last is None else (last.seq, last.digest)


def _row_of(entry: Entry) -> dict[str, Any]:
    assert entry.at is not None  # noqa: S101 - it has just been chained
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(timespec="microseconds"),
        "kind": entry.kind,
        "aoi_id": entry.aoi_id,
        "subject": entry.subject,
        "actor": entry.actor,
        "body": canonical(entry.body),
        "prev": entry.prev,
        "digest": entry.digest,
    }


def _entry_of(row: Any) -> Entry:
    return Entry(
        seq=row["seq"],
        at=dt.datetime.fromisoformat(row["at"]),
        kind=EntryKind(row["kind"]),
        aoi_id=row["aoi_id"],
        subject=row["subject"],
        actor=row["actor"],
        body=json.loads(row["body"]),
        prev=row["prev"],
        digest=row["digest"],
    )
