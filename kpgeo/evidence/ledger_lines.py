"""Entries of the ledger as lines of a bundle, and whether each still is what it was chained as."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from typing import Any

from kpgeo.model.ledger import Entry, EntryKind, canonical, digest_of

_FIELDS = ("seq", "at", "kind", "aoi_id", "subject", "actor", "body", "prev", "digest")


def write_ledger_lines(entries: Iterable[Entry]) -> bytes:
    """Return entries as JSON, one a line, in their order."""
    return "".join(canonical(_content(entry)) + "\n" for entry in entries).encode("ascii")


def _content(entry: Entry) -> dict[str, Any]:
    assert entry.at is not None  # noqa: S101 - it was read from the ledger
    return {name: getattr(entry, name) for name in _FIELDS} | {"at": entry.at.isoformat(timespec="microseconds")}


def read_ledger_line(line: bytes) -> Entry:
    """Read one line.

    Raises
    ------
    ValueError
        It is no entry of the ledger.
    """
    content = json.loads(line)
    if not isinstance(content, dict) or set(content) != set(_FIELDS) or not isinstance(content["body"], dict):
        raise ValueError("It is no entry of the ledger.")
    at = dt.datetime.fromisoformat(content["at"])
    return Entry(**{**content, "at": at, "kind": EntryKind(content["kind"])})


def check_ledger_lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Yield (line, what is wrong) of lines that are not what the ledger chained, or that do not follow each other."""
    before: Entry | None = None
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            entry = read_ledger_line(line)
            fits = digest_of(entry) == entry.digest
        except (ValueError, TypeError, RecursionError, KeyError, AttributeError):
            yield number, "The line is no entry of the ledger."
            return
        if not fits:
            yield number, f"Entry {entry.seq} of the ledger was changed after it was written."
        if before is not None and entry.seq <= before.seq:
            yield number, f"Entry {entry.seq} of the ledger is not after entry {before.seq}."
        elif before is not None and entry.seq == before.seq + 1 and entry.prev != before.digest:
            yield number, f"Entry {entry.seq} of the ledger does not follow the entry before it."
        before = entry
