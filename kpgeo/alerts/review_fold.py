"""Reviews and the ledger: a step as an entry, and entries folded into reviews."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from kpgeo.alerts.review import ASIDE, STEPS
from kpgeo.model.errors import IntegrityError
from kpgeo.model.ledger import MACHINE, Entry, EntryKind
from kpgeo.model.review import (
    REVIEW_KINDS,
    AlertSeen,
    DismissalReason,
    FieldFinding,
    FieldState,
    Review,
    ReviewAct,
    ReviewNote,
    ReviewState,
    ReviewStep,
    SecondVerdict,
    same_person,
)

_JUDGING = {ReviewAct.CONFIRM, ReviewAct.DISMISS, ReviewAct.DUPLICATE}


def entry_of(review: Review, step: ReviewStep, seen: AlertSeen | None) -> Entry:
    """Return what the ledger is told of a step on a review as it stands.

    Parameters
    ----------
    seen : AlertSeen or None
        What the machine says now; None where it raises the alert no longer.
    """
    body: dict[str, Any] = {"act": str(step.act), "seen": review.seq} | _content(step)
    if step.act is ReviewAct.UNDO:
        body["undoes"] = review.moved_seq
    if seen is not None:
        body["alert"] = asdict(seen)
    kind = EntryKind.FIELD_FINDING if step.act is ReviewAct.FIELD else EntryKind.REVIEW
    return Entry(kind=kind, aoi_id=review.aoi_id, subject=review.alert_id, actor=step.by, body=body)


def carry_entry(review: Review, alert_id: str, seen: AlertSeen) -> Entry:
    """Return the entry by which a review goes on to the alert that took the place of its own."""
    body = {"from": review.alert_id, "seen": review.seq, "alert": asdict(seen)}
    return Entry(kind=EntryKind.REVIEW_CARRIED, aoi_id=review.aoi_id, subject=alert_id, actor=MACHINE, body=body)


def repeated(entries: Sequence[Entry], review: Review, step: ReviewStep) -> Entry | None:
    """Return the entry of the same step by the same person on the same state of things, where it was taken before.

    A step that names no `seen` is the same as the last one, if that says the same; an undo never is.
    """
    wanted = {"act": str(step.act)} | _content(step)
    for entry in reversed([one for one in entries if one.subject == review.alert_id]):
        told = {name: value for name, value in entry.body.items() if name not in _CIRCUMSTANCE}
        is_same = told == wanted and same_person(entry.actor, step.by)
        if step.seen is None:
            return entry if is_same and step.act is not ReviewAct.UNDO else None
        if is_same and entry.body.get("seen") == step.seen:
            return entry
    return None


_CIRCUMSTANCE = frozenset({"seen", "undoes", "alert"})


def fold_reviews(entries: Iterable[Entry]) -> dict[str, Review]:
    """Return every review that entries tell of, by alert id. Entries of other kinds are passed over.

    Parameters
    ----------
    entries : iterable of Entry
        In the order of the ledger: of all reviews, or of some and of those they name (`Ledger.review_entries`).

    Raises
    ------
    IntegrityError
        An entry cannot be understood, or goes on from a step that is not there.
    """
    reviews: dict[str, Review] = {}
    for entry in entries:
        if entry.kind not in REVIEW_KINDS:
            continue
        known = reviews.get(entry.subject) or Review(alert_id=entry.subject, aoi_id=entry.aoi_id)
        try:
            if entry.kind is EntryKind.REVIEW_CARRIED:
                source = reviews[entry.body["from"]]
                reviews[source.alert_id] = replace(source, carried_to=entry.subject)
                reviews[entry.subject] = _carried(source, entry)
            else:
                reviews[entry.subject] = _stepped(known, entry)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise IntegrityError(
                f"Entry {entry.seq} of the ledger is no step of a review.",
                where=entry.subject,
                remedy="Use the kpgeo that wrote it, or a later one; kpgeo ledger verify says whether it was changed.",
            ) from error
    return reviews


def _stepped(review: Review, entry: Entry) -> Review:
    """Return a review after an entry."""
    body = entry.body
    act = ReviewAct(body["act"])
    seen = AlertSeen(**body["alert"]) if "alert" in body else review.seen
    if act in ASIDE:
        return _aside(replace(review, seq=entry.seq, seen=seen), act, entry)
    if act is ReviewAct.UNDO:
        return _undone(review, entry)
    is_judging = act in _JUDGING
    after = STEPS[act][1]
    kept = replace(
        review,
        state=after,
        seq=entry.seq,
        text=body.get("text", ""),
        seen=seen,
        act=act,
        moved_by=entry.actor,
        moved_at=entry.at,
        moved_seq=entry.seq,
        before=review,
    )
    if is_judging:
        reason = DismissalReason(body["reason"]) if "reason" in body else None
        return replace(kept, verdict=after, judged_by=entry.actor, reason=reason, duplicate_of=body.get("of", ""))
    if act is ReviewAct.AUDIT:
        return replace(kept, audited_by=entry.actor, text=body.get("text", "") or review.text)
    if act is ReviewAct.REOPEN:
        fresh = replace(kept, verdict=None, judged_by="", audited_by="", reason=None, duplicate_of="", seconds=())
        return replace(fresh, carried_to="")
    return kept


def _aside(review: Review, act: ReviewAct, entry: Entry) -> Review:
    """Return a review with a note, a field finding or a blind verdict added."""
    body = entry.body
    if act is ReviewAct.NOTE:
        return replace(review, notes=(*review.notes, ReviewNote(by=entry.actor, at=entry.at, text=body["text"])))
    if act is ReviewAct.FIELD:
        return replace(review, findings=(*review.findings, _finding(body, entry)))
    reason = DismissalReason(body["reason"]) if "reason" in body else None
    second = SecondVerdict(by=entry.actor, verdict=ReviewState(body["verdict"]), reason=reason)
    return replace(review, seconds=(*review.seconds, second))


def _undone(review: Review, entry: Entry) -> Review:
    """Return a review as it stood before its last step; what was noted or found since stays."""
    if review.before is None or entry.body["undoes"] != review.moved_seq:
        raise ValueError(f"entry {entry.seq} undoes what was not the last step")
    kept = {"notes": review.notes, "findings": review.findings, "carried_from": review.carried_from}
    return replace(review.before, seq=entry.seq, **kept)  # type: ignore[arg-type]


def _carried(source: Review, entry: Entry) -> Review:
    """Return the review of an alert that takes over another's: all of it, and no step of before can be undone."""
    return replace(
        source,
        alert_id=entry.subject,
        seq=entry.seq,
        seen=AlertSeen(**entry.body["alert"]),
        carried_from=source.alert_id,
        carried_to="",
        before=None,
    )


def _finding(body: Mapping[str, Any], entry: Entry) -> FieldFinding:
    return FieldFinding(
        state=FieldState(body["state"]),
        on=dt.date.fromisoformat(body["on"]) if "on" in body else None,
        visited_by=body.get("visited_by", ""),
        photos=tuple(body.get("photos", ())),
        text=body.get("text", ""),
        by=entry.actor,
        at=entry.at,
    )


def _content(step: ReviewStep) -> dict[str, Any]:
    """Return what a step says as plain JSON, without what it does not say."""
    said: dict[str, Any] = {"text": step.text, "of": step.of}
    said["reason"] = "" if step.reason is None else str(step.reason)
    said["verdict"] = "" if step.verdict is None else str(step.verdict)
    if step.finding is not None:
        found = step.finding
        said |= {"state": str(found.state), "on": "" if found.on is None else found.on.isoformat()}
        said |= {"visited_by": found.visited_by, "photos": list(found.photos), "text": found.text}
    return {name: value for name, value in said.items() if value}
