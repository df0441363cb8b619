"""The ledger: what happened and who did it, in order, each entry chained to the one before."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from kpgeo.model.errors import BadInputError, IntegrityError

NO_DIGEST = "0" * 64
"""What the first entry names as the entry before it."""
MACHINE = "kpgeo"
"""The actor of what no person did."""


class EntryKind(StrEnum):
    """What an entry tells of."""

    ALERT_EVENT = "alert-event"
    ALERT_EVENT_SUPERSEDED = "alert-event-superseded"
    REVIEW = "review"
    REVIEW_CARRIED = "review-carried"
    FIELD_FINDING = "field-finding"
    EVIDENCE = "evidence"
    DELIVERY = "delivery"
    PUBLICATION = "publication"
    METHOD = "method"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the ledger.

    Attributes
    ----------
    kind : EntryKind
    aoi_id : str
        "" where it is of no one AOI.
    subject : str
        Id of what it is about: an alert, a site, a bundle, a delivery, a lineage.
    actor : str
        Who did it; `MACHINE` where no person did.
    body : dict
        Plain JSON: what happened. Numbers in it are finite.
    seq : int
        Its place, from 1 on; 0 before it is appended.
    at : datetime or None
        When it was appended, UTC.
    prev, digest : str
        Digest of the entry before, and of this one with it (`digest_of`).
    """

    kind: EntryKind
    aoi_id: str
    subject: str
    actor: str
    body: Mapping[str, Any] = field(hash=False)
    seq: int = 0
    at: dt.datetime | None = None
    prev: str = NO_DIGEST
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Head:
    """Where the ledger ended when somebody noted it: place and digest of its last entry, and where it was noted.

    With (0, `NO_DIGEST`) it was empty.
    """

    seq: int
    digest: str
    where: str = ""


def canonical(content: Any) -> str:
    """Return JSON that is the same for the same content: keys sorted, no spaces, ASCII, no NaN.

    Raises
    ------
    BadInputError
        A number is not finite, or something is no JSON.
    """
    try:
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"What is to be kept is no plain JSON ({error}).", where="ledger") from error


def digest_of(entry: Entry) -> str:
    """Return the SHA-256 of an entry's content and of the digest of the entry before."""
    at = "" if entry.at is None else entry.at.isoformat(timespec="microseconds")
    parts = [entry.prev, entry.seq, at, entry.kind, entry.aoi_id, entry.subject, entry.actor, entry.body]
    return hashlib.sha256(canonical(parts).encode("ascii")).hexdigest()


def chained(entry: Entry, seq: int, at: dt.datetime, prev: str) -> Entry:
    """Return an entry with its place, its time and its digest."""
    placed = replace(entry, seq=seq, at=at, prev=prev)
    return replace(placed, digest=digest_of(placed))


def require_chain(entries: Iterable[Entry], *, prev: str = NO_DIGEST, seq: int = 0, where: str = "ledger") -> str:
    """Return the digest of the last entry of an unbroken chain that follows the entry `seq` of digest `prev`.

    Raises
    ------
    IntegrityError
        An entry was changed, taken out or put in; the message names the first that does not fit.
    """
    for entry in entries:
        place = f"{where}, entry {entry.seq}"
        if entry.seq != seq + 1:
            raise IntegrityError(f"Entry {seq + 1} of the ledger is missing.", where=place)
        if entry.prev != prev:
            raise IntegrityError(f"Entry {entry.seq} does not follow the entry before it.", where=place)
        if digest_of(entry) != entry.digest:
            raise IntegrityError(f"Entry {entry.seq} was changed after it was written.", where=place)
        prev, seq = entry.digest, entry.seq
    return prev
