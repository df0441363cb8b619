"""Review: people's steps on alerts, the queue they work through, and reviews that go on to other alerts."""

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpgeo import alerts
from kpgeo.alerts import CarryRule
from kpgeo.flows.exports.around import surroundings_of
from kpgeo.flows.watching.record import read_watched
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.alert import Alert
from kpgeo.model.calendar import day_of
from kpgeo.model.decision import OutboxItem
from kpgeo.model.errors import BadInputError
from kpgeo.model.ledger import Entry
from kpgeo.model.review import AlertSeen, FieldFinding, Review, ReviewAct, ReviewState, ReviewStep, same_person
from kpgeo.model.site import Site
from kpgeo.model.surroundings import PermitStanding
from kpgeo.store import Conclusion, Tables, Workspace

NO_LONGER_RAISED = "no longer raised by the machine"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OUTSIDE = {  # not in a permit that is valid that day, or in part; None where no layer tells
    PermitStanding.INSIDE: False,
    PermitStanding.PARTLY_INSIDE: True,
    PermitStanding.OUTSIDE: True,
    PermitStanding.INSIDE_EXPIRED: True,
    PermitStanding.INSIDE_NOT_YET_VALID: True,
}


@dataclass(frozen=True, kw_only=True)
class ReviewRow:
    """An alert in the queue.

    Attributes
    ----------
    alert : Alert or None
        As it stands; None where the machine raises it no longer.
    seen : AlertSeen
        What the machine says of it, or last said.
    priority : float
        See `alerts.priority_of`; 0 where it is raised no longer.
    is_told : bool
        The machine is, or at some time was, sure enough of it to announce it: people are to look at it, ended or not.
    """

    review: Review
    alert: Alert | None
    seen: AlertSeen
    priority: float
    is_told: bool = False


@dataclass(frozen=True, kw_only=True)
class QueueFilter:
    """Which alerts to list.

    Attributes
    ----------
    aoi_id : str or None
        Of one AOI.
    state : ReviewState or None
        In this state; None lists what is not locked yet.
    mine : str
        Those whose last step was this person's; "" for anybody's.
    with_all : bool
        Locked ones too, and those the machine is not sure enough of to announce.
    """

    aoi_id: str | None = None
    state: ReviewState | None = None
    mine: str = ""
    with_all: bool = False


@dataclass(frozen=True, kw_only=True)
class _Raised:
    """An alert as it stands in the lineage that speaks, or that decided it last."""

    alert: Alert
    site: Site
    lineage: str
    is_told: bool

    @property
    def seen(self) -> AlertSeen:
        return alerts.alert_seen(self.alert, self.site, self.lineage)


def review_queue(room: Workspace, tables: Tables, wanted: QueueFilter) -> list[ReviewRow]:
    """Return the alerts that wait for somebody, the most urgent first; those no longer raised come last."""
    reviews = read_reviews(tables)
    raised = {one.alert.id: one for one in _raised(room, tables, wanted.aoi_id)}
    around = surroundings_of(room, [one.site for one in raised.values()])
    today = day_of(dt.datetime.now(dt.UTC).date())
    rows = []
    for alert_id, one in raised.items():
        review = reviews.get(alert_id) or Review(alert_id=alert_id, aoi_id=one.alert.aoi_id)
        known = around.get(one.site.id)
        is_outside = None if known is None else _OUTSIDE.get(known.permit_standing)
        priority = alerts.priority_of(one.alert, today, is_outside_permit=is_outside)
        row = ReviewRow(review=review, alert=one.alert, seen=one.seen, priority=priority, is_told=one.is_told)
        if wanted.with_all or row.is_told or review.is_touched:
            rows.append(row)
    rows += [
        ReviewRow(review=review, alert=None, seen=review.seen, priority=0.0)
        for review in alerts.no_longer_raised(reviews, raised.keys())
        if review.seen is not None and wanted.aoi_id in (None, review.aoi_id)
    ]
    listed = [row for row in rows if _is_wanted(row.review, wanted)]
    return sorted(listed, key=lambda row: (row.alert is None, -row.priority, row.review.alert_id))


def read_reviews(tables: Tables) -> dict[str, Review]:
    """Return every review, by the id of its alert."""
    return alerts.fold_reviews(tables.ledger.review_entries())


def review_of(tables: Tables, alert_id: str) -> ReviewRow:
    """Return one alert with its review.

    Raises
    ------
    BadInputError
        There is no such alert, and never was a review of it.
    """
    review = alerts.fold_reviews(tables.ledger.review_entries([alert_id])).get(alert_id)
    standing = tables.standing_alert(alert_id)
    if standing is not None:
        lineage, alert, site = standing
        known = review or Review(alert_id=alert_id, aoi_id=alert.aoi_id)
        priority = alerts.priority_of(alert, day_of(dt.datetime.now(dt.UTC).date()))
        return ReviewRow(review=known, alert=alert, seen=alerts.alert_seen(alert, site, lineage), priority=priority)
    if review is None or review.seen is None:
        raise BadInputError(
            f"There is no alert {alert_id[:80]!r}.", where="review", remedy="See: kpgeo review list --all."
        )
    return ReviewRow(review=review, alert=None, seen=review.seen, priority=0.0)


def review_entries(tables: Tables, alert_id: str) -> list[Entry]:
    """Return what the ledger holds of an alert's review, and of those it was carried over from, in order."""
    entries = tables.ledger.review_entries([alert_id])
    wanted, size = {alert_id}, 0
    while len(wanted) > size:
        size = len(wanted)
        wanted |= {str(entry.body["from"]) for entry in entries if entry.subject in wanted and "from" in entry.body}
    return [entry for entry in entries if entry.subject in wanted]


def take_step(tables: Tables, alert_id: str, step: ReviewStep) -> tuple[Entry, bool]:
    """Take a step on an alert's review, and return its entry, and whether it is a new one.

    The same step by the same person on the same state of things is taken once. The state is read, the rules are held
    against it, and the entry is appended, in one transaction that nobody else writes in.

    Raises
    ------
    BadInputError
        There is no such alert.
    ConflictError
        Somebody stepped in between.
    RuleError
        The rules do not allow it; its `rule` names which one.
    """
    row = review_of(tables, alert_id)
    if step.act is ReviewAct.DUPLICATE:
        review_of(tables, step.of)
    today = dt.datetime.now(dt.UTC).date()
    earlier: list[Entry] = []

    def conclude(entries: Sequence[Entry]) -> Conclusion:
        reviews = alerts.fold_reviews(entries)
        review = reviews.get(alert_id) or row.review
        if (done := alerts.repeated(entries, review, step)) is not None:
            earlier.append(done)
            return Conclusion()
        alerts.require_unchanged(review, step, entries)
        alerts.require_step(review, step, reviews, today)
        notices = (_notice(review, step, row.seen),) if step.act is ReviewAct.WITHDRAW else ()
        seen = row.seen if row.alert is not None else None
        return Conclusion(entries=(alerts.entry_of(review, step, seen),), outbox=notices)

    appended = tables.ledger.conclude_reviews(conclude, {alert_id, step.of} - {""})
    return (earlier[0], False) if earlier else (appended[0], True)


def carry_reviews(watch: Watch, tables: Tables) -> list[Entry]:
    """Carry reviews of alerts that are raised no longer over to the alerts at the same place and time.

    A late scene, other options or another method may make an alert vanish and raise one beside it, with another id.
    What people made of the first holds for the second. Nothing is carried over another review, and nothing twice: done
    again, it changes nothing. Where a method is run beside the one that speaks, nothing is carried to its alerts.

    Returns
    -------
    list of Entry
        What was appended.
    """
    aoi_id, lineage = watch.aoi.id, watch.lineage
    if tables.methods.is_beside(aoi_id, lineage):
        return []
    raised = {one.alert.id: one for one in _of_lineage(tables, aoi_id, lineage)}
    options = watch.pipeline.sites
    rule = CarryRule(epsg=watch.grid.epsg, within_m=options.join_m, gap_days=options.pause_days)

    def conclude(entries: Sequence[Entry]) -> Conclusion:
        reviews = {key: one for key, one in alerts.fold_reviews(entries).items() if one.aoi_id == aoi_id}
        pairs = alerts.match_reviews(reviews, [(one.alert, one.site) for one in raised.values()], rule)
        return Conclusion(
            entries=tuple(alerts.carry_entry(review, alert.id, raised[alert.id].seen) for review, alert in pairs)
        )

    return tables.ledger.conclude_reviews(conclude)


def review_content(row: ReviewRow) -> dict[str, Any]:
    """Return a review as plain JSON. Names and texts in it were typed by people."""
    review, seen = row.review, row.seen
    return {
        "alert": review.alert_id,
        "aoi": review.aoi_id,
        "state": str(review.state),
        "seen": review.seq,
        "verdict": None if review.verdict is None else str(review.verdict),
        "reason": None if review.reason is None else str(review.reason),
        "text": review.text,
        "duplicate_of": review.duplicate_of or None,
        "judged_by": review.judged_by or None,
        "audited_by": review.audited_by or None,
        "moved_by": review.moved_by or None,
        "moved_at": None if review.moved_at is None else review.moved_at.isoformat(timespec="seconds"),
        "field": str(review.field_state),
        "findings": [_finding_content(one) for one in review.findings],
        "notes": [{"by": note.by, "at": str(note.at), "text": note.text} for note in review.notes],
        "carried_from": review.carried_from or None,
        "carried_to": review.carried_to or None,
        "is_raised": row.alert is not None,
        "machine_state": seen.state,
        "lineage": seen.lineage,
        "site": seen.site_id,
        "area_ha": seen.area_ha,
        "confidence": seen.confidence,
        "lon": seen.lon,
        "lat": seen.lat,
        "priority": round(row.priority, 4),
    }


def _finding_content(finding: FieldFinding) -> dict[str, Any]:
    return {
        "state": str(finding.state),
        "on": None if finding.on is None else finding.on.isoformat(),
        "visited_by": finding.visited_by or None,
        "photos": list(finding.photos),
        "text": finding.text,
        "by": finding.by,
    }


def _notice(review: Review, step: ReviewStep, seen: AlertSeen) -> OutboxItem:
    entry = alerts.withdrawal_notice(review, step, seen)
    return OutboxItem(
        id=entry.id, aoi_id=review.aoi_id, kind=entry.kind, payload=dict(entry.payload), created_dekad=seen.dekad
    )


def _is_wanted(review: Review, wanted: QueueFilter) -> bool:
    if wanted.mine and not same_person(review.moved_by, wanted.mine):
        return False
    if wanted.state is not None:
        return review.state is wanted.state and (wanted.with_all or not review.carried_to)
    return wanted.with_all or (review.state not in alerts.LOCKED and not review.carried_to)


def _raised(room: Workspace, tables: Tables, aoi_id: str | None) -> Iterator[_Raised]:
    """Yield the alerts of the lineages that speak."""
    for name in sorted(read_watched(room)):
        if aoi_id in (None, name):
            yield from _of_lineage(tables, name, tables.methods.speaking(name))


def _of_lineage(tables: Tables, aoi_id: str, lineage: str) -> Iterator[_Raised]:
    sites = {site.id: site for site in tables.sites(aoi_id, lineage)}
    told = tables.methods.told_alerts(aoi_id, lineage)
    for alert in tables.alerts(aoi_id, lineage):
        is_told = alert.id in told or alerts.standing(alert) in alerts.ANNOUNCED
        yield _Raised(alert=alert, site=sites[alert.site_id], lineage=lineage, is_told=is_told)


def photo_digest(text: str) -> str:
    """Return the SHA-256 of a photograph, given as a file or as the digest itself.

    Raises
    ------
    BadInputError
        It is neither.
    """
    given = text.strip().removeprefix("sha256:").lower()
    if _SHA256.fullmatch(given):
        return given
    try:
        with Path(text).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise BadInputError(
            "The photograph cannot be read.", where=text[:200], remedy="Name a file, or its SHA-256 in 64 digits."
        ) from error
