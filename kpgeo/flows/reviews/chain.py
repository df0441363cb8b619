"""The ledger and what was noted of it elsewhere: each run's manifest says where the ledger ended."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kpgeo.flows.watching.record import MANIFEST
from kpgeo.model.errors import BadInputError, IntegrityError, KpgeoError
from kpgeo.model.ledger import Entry, Head
from kpgeo.store import Tables, Workspace


@dataclass(frozen=True, kw_only=True)
class LedgerCheck:
    """What a check of the ledger came to: entries, digest of the last one, and the heads it was held against."""

    entries: int
    digest: str
    heads: tuple[Head, ...]

    def sentences(self) -> list[str]:
        """Return it in words."""
        noted = f"{len(self.heads)} notes of where it ended were held against it."
        if not self.heads:
            noted = "Nothing elsewhere says where it ended, so entries cut off at the end would not show."
        return [f"The ledger holds {self.entries} entries, and none was changed. {noted}", f"Head: {self.head}"]

    @property
    def head(self) -> str:
        """Return the head as `--head` reads it."""
        return f"{self.entries}:{self.digest}"


def ledger_head(tables: Tables) -> dict[str, Any] | None:
    """Return where the ledger ends, for a manifest; None where the tables cannot be read just now."""
    try:
        seq, digest = tables.ledger.head()
    except KpgeoError:  # a run that was stopped by its disk still leaves a manifest
        return None
    return {"seq": seq, "digest": digest}


def noted_heads(room: Workspace) -> list[Head]:
    """Return what the manifests of all runs say of where the ledger ended.

    Raises
    ------
    IntegrityError
        A manifest cannot be read.
    """
    found = []
    for path in sorted((room.path / "runs").glob(f"*/{MANIFEST}")):
        try:
            noted = json.loads(path.read_text(encoding="utf-8")).get("ledger")
            if noted is not None:
                found.append(Head(seq=int(noted["seq"]), digest=str(noted["digest"]), where=f"run {path.parent.name}"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                "The manifest cannot be read.", where=str(path), remedy="Restore it from a copy, or take it away."
            ) from error
    return found


def verify_ledger(room: Workspace, tables: Tables, heads: Iterable[str] = ()) -> LedgerCheck:
    """Check the chain of the ledger, against what the manifests of runs note of it and against given heads.

    Parameters
    ----------
    heads : iterable of str
        Heads that somebody wrote down, as `SEQ:DIGEST`.

    Raises
    ------
    BadInputError
        A head is not written so.
    IntegrityError
        An entry was changed, taken out or put in, or entries were cut off; the message names which.
    """
    known = (*noted_heads(room), *map(_parse_head, heads))
    entries, digest = tables.ledger.verify(known)
    return LedgerCheck(entries=entries, digest=digest, heads=known)


def entry_content(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain JSON, as it is chained."""
    return {
        "seq": entry.seq,
        "at": None if entry.at is None else entry.at.isoformat(timespec="microseconds"),
        "kind": str(entry.kind),
        "aoi": entry.aoi_id,
        "subject": entry.subject,
        "actor": entry.actor,
        "body": dict(entry.body),
        "prev": entry.prev,
        "digest": entry.digest,
    }


def _parse_head(text: str) -> Head:
    seq, _, digest = text.strip().partition(":")
    if not (seq.isascii() and seq.isdecimal() and len(digest) == 64 and set(digest) <= set("0123456789abcdef")):
        raise BadInputError(
            f"{text[:80]!r} is no head of a ledger.", where="--head", remedy="Write it as kpgeo ledger verify does."
        )
    return Head(seq=int(seq), digest=digest, where="--head")
