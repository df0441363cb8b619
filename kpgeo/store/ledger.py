"""The ledger as a table: entries are appended in the transaction of what they tell of, and never changed."""

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, insert, select, text

from kpgeo.model.decision import OutboxItem
from kpgeo.model.errors import IntegrityError
from kpgeo.model.ledger import NO_DIGEST, Entry, EntryKind, Head, canonical, chained, require_chain
from kpgeo.model.review import REVIEW_KINDS, named_reviews
from kpgeo.store import rows, schema
from kpgeo.store.database import Database

_LOCK = "LOCK TABLE ledger IN EXCLUSIVE MODE"
_ANY_LINEAGE = ""  # of an outbox item that no lineage decided: deciding again does not withdraw it


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What follows from the ledger as it stands: entries to append, and what to send of them."""

    entries: tuple[Entry, ...] = ()
    outbox: tuple[OutboxItem, ...] = ()


class Ledger:
    """What happened, in order. Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append entries, all or none, and return them with their places, times and digests."""
        with self._database.writing() as connection:
            return append_entries(connection, entries)

    def conclude_reviews(
        self, conclusion: Callable[[Sequence[Entry]], Conclusion], alert_ids: Collection[str] | None = None
    ) -> list[Entry]:
        """Append what follows from the entries of reviews, while nobody else can append.

        `conclusion` is given what `review_entries` returns, and may refuse by raising: then nothing is kept. What it
        sends goes into the outbox in the same transaction, where its id is new.
        """
        with self._database.writing() as connection:
            _lock(connection)
            return _append_concluded(connection, conclusion(self._review_entries(connection, alert_ids)))

    def entries(
        self,
        *,
        subject: str | None = None,
        kind: EntryKind | Collection[EntryKind] | None = None,
        after_seq: int = 0,
    ) -> list[Entry]:
        """Return entries in their order: of one subject, of a kind or some, or all."""
        columns = schema.ledger.c
        query = select(schema.ledger).where(columns.seq > after_seq).order_by(columns.seq)
        if subject is not None:
            query = query.where(columns.subject == subject)
        if kind is not None:
            query = query.where(columns.kind.in_([kind] if isinstance(kind, EntryKind) else sorted(kind)))
        with self._database.reading() as connection:
            return [_entry_of(row, self._database.name) for row in _rows(connection, query)]

    def review_entries(self, alert_ids: Collection[str] | None = None) -> list[Entry]:
        """Return the entries of reviews, in their order: of all, or of some alerts and of the reviews that these name.

        A review names the one it was carried over from, the one it went on to, and the alert it is a duplicate of.
        """
        with self._database.reading() as connection:
            return self._review_entries(connection, alert_ids)

    def _review_entries(self, connection: Connection, alert_ids: Collection[str] | None) -> list[Entry]:
        columns = schema.ledger.c
        if alert_ids is None:
            return self._read(connection, columns.kind.in_(sorted(REVIEW_KINDS)))
        carried = self._read(connection, columns.kind == EntryKind.REVIEW_CARRIED)
        pairs = [{entry.subject, *named_reviews(entry)} for entry in carried]
        known: dict[int, Entry] = {}
        reached: set[str] = set()
        waiting = set(alert_ids)
        while waiting:
            reached |= waiting
            of_reviews = (columns.kind.in_(sorted(REVIEW_KINDS)), columns.subject.in_(sorted(waiting)))
            found = self._read(connection, *of_reviews)
            known |= {entry.seq: entry for entry in found}
            named = {name for entry in found for name in named_reviews(entry)}
            waiting = named.union(*(pair for pair in pairs if pair & reached)) - reached
        return [known[seq] for seq in sorted(known)]

    def _read(self, connection: Connection, *conditions: ColumnElement[bool]) -> list[Entry]:
        query = select(schema.ledger).where(*conditions).order_by(schema.ledger.c.seq)
        return [_entry_of(row, self._database.name) for row in _rows(connection, query)]

    def head(self) -> tuple[int, str]:
        """Return place and digest of the last entry; (0, `NO_DIGEST`) where there is none."""
        with self._database.reading() as connection:
            return _head(connection)

    def verify(self, heads: Iterable[Head] = ()) -> tuple[int, str]:
        """Check the whole chain, and return its head.

        Parameters
        ----------
        heads : iterable of Head
            Heads that were noted elsewhere (run manifests and evidence bundles note them): the chain has to hold them.
            Entries cut off at the end, or a chain written anew from some entry on, show only against these.

        Raises
        ------
        IntegrityError
            An entry was changed, taken out or put in; the message names it, and for a head where it was noted.
        """
        where = self._database.name
        wanted = _by_place(heads)
        prev, seq = NO_DIGEST, 0
        _require_heads(wanted.pop(0, ()), NO_DIGEST, where)
        with self._database.reading() as connection:
            for row in _rows(connection, select(schema.ledger).order_by(schema.ledger.c.seq)):
                entry = _entry_of(row, where)
                prev = require_chain([entry], prev=prev, seq=seq, where=where)
                _require_as_written(entry, row, where)
                seq = entry.seq
                _require_heads(wanted.pop(seq, ()), prev, where)
        if wanted:
            last = max(wanted)
            raise IntegrityError(
                f"Entries {seq + 1} to {last} of the ledger are missing: {wanted[last][0].where} noted entry {last}.",
                where=where,
            )
        return seq, prev


def _append_concluded(connection: Connection, concluded: Conclusion) -> list[Entry]:
    _put_outbox(connection, concluded.outbox)
    return append_entries(connection, concluded.entries)


def append_entries(connection: Connection, entries: Iterable[Entry]) -> list[Entry]:
    """Append entries within a writing transaction. One writer at a time: SQLite sees to it, others lock the table."""
    given = list(entries)
    if not given:
        return []
    _lock(connection)
    seq, prev = _head(connection)
    appended: list[Entry] = []
    for entry in given:
        placed = chained(entry, seq + 1, dt.datetime.now(dt.UTC), prev)
        appended.append(placed)
        seq, prev = placed.seq, placed.digest
    connection.execute(insert(schema.ledger), [_row_of(entry) for entry in appended])
    return appended


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    yield from connection.execute(query).mappings()


def _lock(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        connection.execute(text(_LOCK))


def _head(connection: Connection) -> tuple[int, str]:
    columns = schema.ledger.c
    last = connection.execute(select(columns.seq, columns.digest).order_by(columns.seq.desc()).limit(1)).first()
    return (0, NO_DIGEST) if last is None else (last.seq, last.digest)


def _put_outbox(connection: Connection, items: Sequence[OutboxItem]) -> None:
    table = schema.outbox
    known = set(connection.scalars(select(table.c.id).where(table.c.id.in_([item.id for item in items]))))
    new = [{**rows.row_of_outbox(item), "lineage": _ANY_LINEAGE} for item in items if item.id not in known]
    if new:
        connection.execute(insert(table), new)


def _by_place(heads: Iterable[Head]) -> dict[int, list[Head]]:
    found: dict[int, list[Head]] = {}
    for head in heads:
        found.setdefault(head.seq, []).append(head)
    return found


def _require_heads(heads: Iterable[Head], digest: str, where: str) -> None:
    for head in heads:
        if head.digest != digest:
            raise IntegrityError(
                f"Entry {head.seq} of the ledger is not the one that {head.where} noted: it, or one before it, was "
                "written anew.",
                where=f"{where}, entry {head.seq}",
            )


def _require_as_written(entry: Entry, row: Mapping[str, Any], where: str) -> None:
    """Refuse a row that means the same and is not what was written: spaces in its JSON, another way to write a time."""
    if _row_of(entry) != dict(row):
        raise IntegrityError(
            f"Entry {entry.seq} was changed after it was written.", where=f"{where}, entry {entry.seq}"
        )


def _row_of(entry: Entry) -> dict[str, Any]:
    assert entry.at is not None  # noqa: S101 - it has just been chained, or read
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(timespec="microseconds"),
        "kind": str(entry.kind),
        "aoi_id": entry.aoi_id,
        "subject": entry.subject,
        "actor": entry.actor,
        "body": canonical(entry.body),
        "prev": entry.prev,
        "digest": entry.digest,
    }


def _entry_of(row: Mapping[str, Any], where: str) -> Entry:
    try:
        return Entry(
            seq=row["seq"],
            at=dt.datetime.fromisoformat(row["at"]),
            kind=EntryKind(row["kind"]),
            aoi_id=row["aoi_id"],
            subject=row["subject"],
            actor=row["actor"],
            body=json.loads(row["body"], parse_constant=_no_number),
            prev=row["prev"],
            digest=row["digest"],
        )
    except (ValueError, RecursionError) as error:
        raise IntegrityError(
            f"Entry {row['seq']} of the ledger cannot be read: it was changed, or a later kpgeo wrote it.",
            where=f"{where}, entry {row['seq']}",
            remedy="Use the kpgeo that wrote it, or a later one; or restore the tables from a copy.",
        ) from error


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")
