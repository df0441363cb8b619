"""A digest of what the tables say, so that two workspaces can be compared."""

import hashlib
from typing import Any

from sqlalchemy import Connection, select

from kpgeo.store import schema

# What depends on the clock or on the course of runs, not on what is known.
_LEFT_OUT = {
    "scenes": {"used", "withdrawn_at"},
    "commits": {"snapshot_id", "first_dekad"},
    "alert_events": {"seq", "snapshot_id", "superseded_by"},
    "declared": {"seq", "entered_at"},
    "trade": {"seq", "entered_at"},
    "outbox": {"sent_at"},
}

# What tells of the course of runs throughout.
_COURSE = frozenset({"ledger", "deliveries", "subscriptions", "runs", "alarms"})


def fingerprint(connection: Connection, *, with_history: bool) -> str:
    """See `Tables.digest`."""
    sha = hashlib.sha256()
    for name, table in sorted(schema.metadata.tables.items()):
        if name in _COURSE or (name == "outbox" and not with_history):
            continue
        columns = [column for column in table.columns if column.name not in _LEFT_OUT.get(name, ())]
        query = select(*columns)
        if name == "alert_events" and not with_history:
            query = query.where(table.c.superseded_by.is_(None))
        if name == "scenes":
            query = query.where(table.c.withdrawn_at == "")
        lines = sorted(_line(row) for row in connection.execute(query))
        sha.update(f"{name} {len(lines)}\n".encode())
        sha.update("\n".join(lines).encode())
    return sha.hexdigest()


def _line(row: Any) -> str:
    return repr([value.hex() if isinstance(value, bytes) else value for value in row])
