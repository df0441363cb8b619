"""The rules of review: every step people may take, who may take it, and what it needs.

The machine has no step here, and people have none among the machine's: `transitions` is its table, this is theirs.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from kpgeo.model.errors import ConflictError, RuleError
from kpgeo.model.ledger import Entry
from kpgeo.model.review import (
    DismissalReason,
    FieldFinding,
    FieldState,
    Review,
    ReviewAct,
    ReviewState,
    ReviewStep,
    same_person,
)

_S, _A = ReviewState, ReviewAct
_SHA256 = re.compile(r"[0-9a-f]{64}")

JUDGED = frozenset({_S.CONFIRMED, _S.DISMISSED, _S.DUPLICATE})
"""Verdicts. Each waits for another person to audit it."""
LOCKED = frozenset({_S.AUDITED, _S.PUBLISHED, _S.WITHDRAWN})
"""States that nothing is undone from. They are left by publishing, withdrawing and reopening alone."""
OPEN = frozenset({_S.NEW, _S.TRIAGED, _S.IN_REVIEW, _S.NEEDS_IMAGERY, _S.NEEDS_FIELD})
"""States without a verdict."""

STEPS: MappingProxyType[ReviewAct, tuple[frozenset[ReviewState], ReviewState]] = MappingProxyType(
    {
        _A.TRIAGE: (frozenset({_S.NEW}), _S.TRIAGED),
        _A.BEGIN: (frozenset({_S.TRIAGED, _S.NEEDS_IMAGERY, _S.NEEDS_FIELD}), _S.IN_REVIEW),
        _A.CONFIRM: (frozenset({_S.IN_REVIEW}), _S.CONFIRMED),
        _A.DISMISS: (frozenset({_S.IN_REVIEW}), _S.DISMISSED),
        _A.DUPLICATE: (frozenset({_S.IN_REVIEW}), _S.DUPLICATE),
        _A.NEED_IMAGERY: (frozenset({_S.IN_REVIEW}), _S.NEEDS_IMAGERY),
        _A.NEED_FIELD: (frozenset({_S.IN_REVIEW}), _S.NEEDS_FIELD),
        _A.AUDIT: (JUDGED, _S.AUDITED),
        _A.PUBLISH: (frozenset({_S.AUDITED}), _S.PUBLISHED),
        _A.WITHDRAW: (frozenset({_S.PUBLISHED}), _S.WITHDRAWN),
        _A.REOPEN: (JUDGED | {_S.AUDITED, _S.WITHDRAWN}, _S.IN_REVIEW),
    }
)
"""Steps that move a review: from which states, and to which. `undo` goes back one; the others move nothing."""

ASIDE = frozenset({_A.NOTE, _A.FIELD, _A.SECOND})
"""Steps that move nothing."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a step may not be taken: a rule's name, a sentence, and what to do instead."""

    rule: str
    what: str
    remedy: str = ""


def may_follow(before: ReviewState, after: ReviewState) -> bool:
    """Say whether some step leads from one state to the other."""
    return any(before in begins and after is end for begins, end in STEPS.values())


def refusal(review: Review, act: ReviewAct, by: str) -> Refusal | None:
    """Return why a person may not take a step now, whatever else it says; None where it is open to them."""
    if act in {_A.NOTE, _A.FIELD}:
        return None
    if review.carried_to and act is not _A.REOPEN:
        what = f"This review went on to {review.carried_to}."
        return Refusal(rule="carried", what=what, remedy="Take the step there.")
    if act in {_A.UNDO, _A.SECOND}:
        return _no_undo(review, by) if act is _A.UNDO else _no_second(review, by)
    return _no_step(review, act) or _not_theirs(review, act, by)


def open_acts(review: Review, by: str) -> tuple[list[ReviewAct], dict[ReviewAct, Refusal]]:
    """Return the steps that are open to a person, and why the others are not."""
    refused = {act: why for act in ReviewAct if (why := refusal(review, act, by)) is not None}
    return [act for act in ReviewAct if act not in refused], refused


def require_step(review: Review, step: ReviewStep, reviews: Mapping[str, Review], today: dt.date) -> None:
    """Refuse a step that the rules do not allow.

    Parameters
    ----------
    reviews : mapping
        Every review by the id of its alert, for the chain of duplicates.
    today : date
        Nobody visited a place later.

    Raises
    ------
    RuleError
        Its `rule` is one of those of docs/how-to/review-alerts.md.
    """
    why = refusal(review, step.act, step.by) or _lacks(step, today)
    if why is None:
        would_be = review.before.duplicate_of if step.act is _A.UNDO and review.before else step.of
        if would_be and leads_to(would_be, review.alert_id, reviews):
            what = f"{would_be} is itself, or by others, a duplicate of this alert."
            why = Refusal(rule="duplicate-cycle", what=what, remedy="Name the alert that is to stay.")
    if why is not None:
        raise RuleError(why.what, rule=why.rule, where=review.alert_id, remedy=why.remedy)


def require_unchanged(review: Review, step: ReviewStep, entries: Sequence[Entry]) -> None:
    """Refuse a step that was decided on a review that has moved on since.

    Parameters
    ----------
    entries : sequence of Entry
        Those of the review's alert, in their order.

    Raises
    ------
    ConflictError
        It names who did what in between.
    """
    if step.seen is None or step.seen == review.seq:
        return
    since = [entry for entry in entries if entry.subject == review.alert_id and entry.seq > step.seen]
    told = "; ".join(f"{_done(entry)} by {entry.actor} at {_time(entry)} (entry {entry.seq})" for entry in since)
    raise ConflictError(
        f"Somebody stepped in between: {told}." if since else f"Entry {step.seen} is not of this alert.",
        where=review.alert_id,
        remedy=f"Look at it again, and take your step on entry {review.seq}.",
    )


def leads_to(start: str, goal: str, reviews: Mapping[str, Review]) -> bool:
    """Say whether an alert is another one, or a duplicate of it, by however many others."""
    known: set[str] = set()
    current = start
    while current and current not in known:
        if current == goal:
            return True
        known.add(current)
        review = reviews.get(current)
        current = "" if review is None else review.carried_to or review.duplicate_of
    return False


def _no_step(review: Review, act: ReviewAct) -> Refusal | None:
    """Return why a step does not lead on from a state."""
    begins, _ = STEPS[act]
    if review.state in begins or (act is _A.REOPEN and review.carried_to):
        if act is _A.PUBLISH and review.verdict is not _S.CONFIRMED:
            return Refusal(rule="not-confirmed", what=f"It was {review.verdict}; only what is confirmed is published.")
        return None
    what = f"It is {review.state}; `{act}` follows on {' or '.join(sorted(begins))}."
    rule = "locked" if review.state in LOCKED else "illegal-step"
    return Refusal(rule=rule, what=what, remedy=_step_before(review.state, act))


def _step_before(state: ReviewState, act: ReviewAct) -> str:
    """Return the step that leads on to one that is refused in a state; empty where there is none."""
    if state is _S.PUBLISHED:
        return "Withdraw it first, with the reason: people were told."
    if state is _S.CONFIRMED and act is _A.PUBLISH:
        return "Let another person audit it first."
    if state in JUDGED | LOCKED:
        return "Reopen it, with a reason."
    begins, _ = STEPS[act]
    if state is _S.NEW and begins & {_S.TRIAGED, _S.IN_REVIEW}:
        return "Triage it first: kpgeo review triage, then begin."
    return "Begin first: kpgeo review begin." if state is _S.TRIAGED and _S.IN_REVIEW in begins else ""


def _not_theirs(review: Review, act: ReviewAct, by: str) -> Refusal | None:
    """Return why a step is not for whoever gave the verdict."""
    if act not in {_A.AUDIT, _A.PUBLISH} or not same_person(by, review.judged_by):
        return None
    what = f"{review.judged_by} gave the verdict, and may neither audit nor publish it."
    return Refusal(rule="another-person", what=what, remedy="Ask another person.")


def _no_undo(review: Review, by: str) -> Refusal | None:
    """Return why somebody may not undo the last step."""
    if review.state in LOCKED:
        return Refusal(rule="locked", what=f"It is {review.state}; nothing is undone any more.", remedy="Reopen it.")
    if review.before is None:
        return Refusal(rule="nothing-to-undo", what="There is no step to undo.")
    if not same_person(by, review.moved_by):
        return Refusal(
            rule="not-yours",
            what=f"The last step was {review.moved_by}'s; each person undoes their own.",
            remedy="Reopen it, with a reason." if review.state in JUDGED else "Ask them to undo it.",
        )
    return None


def _no_second(review: Review, by: str) -> Refusal | None:
    """Return why somebody may not give a blind second verdict."""
    if review.verdict not in {_S.CONFIRMED, _S.DISMISSED}:
        return Refusal(rule="illegal-step", what="There is no first verdict to hold a second against.")
    if any(same_person(by, name) for name in (review.judged_by, *(one.by for one in review.seconds))):
        return Refusal(rule="another-person", what="You gave a verdict on it before.", remedy="Ask another person.")
    return None


def _lacks(step: ReviewStep, today: dt.date) -> Refusal | None:
    """Return what a step lacks to be understood later."""
    is_dismissal = step.act is _A.DISMISS or (step.act is _A.SECOND and step.verdict is _S.DISMISSED)
    is_wordless = not step.text
    if is_dismissal and step.reason is None:
        return Refusal(rule="reason-missing", what="A dismissal needs a reason.", remedy="See: kpgeo review reasons.")
    if is_dismissal and is_wordless and step.reason is DismissalReason.OTHER:
        return Refusal(rule="text-missing", what="The reason `other` needs words.", remedy="Add --text.")
    if step.act in {_A.WITHDRAW, _A.REOPEN, _A.NOTE} and is_wordless:
        return Refusal(rule="text-missing", what=f"`{step.act}` needs words.", remedy="Add --text.")
    if step.act is _A.DUPLICATE and not step.of:
        return Refusal(rule="duplicate-missing", what="Nobody says which alert it is a duplicate of.")
    if step.act is _A.SECOND and step.verdict not in {_S.CONFIRMED, _S.DISMISSED}:
        return Refusal(rule="verdict-missing", what="A second verdict is confirmed or dismissed.")
    return _finding_lacks(step.finding, today) if step.act is _A.FIELD else None


def _finding_lacks(finding: FieldFinding | None, today: dt.date) -> Refusal | None:
    """Return what a field finding lacks."""
    if finding is None:
        return Refusal(rule="finding-missing", what="Nobody says what was found.")
    if finding.state is not FieldState.UNVISITED and (finding.on is None or not finding.visited_by):
        return Refusal(rule="visit-missing", what="A visit has a day and a person.", remedy="Add --on and --visitor.")
    if finding.on is not None and finding.on > today:
        return Refusal(rule="visit-in-future", what=f"{finding.on} is still to come.")
    if any(not _SHA256.fullmatch(photo) for photo in finding.photos):
        return Refusal(rule="photo", what="A photograph is kept by its SHA-256, 64 hexadecimal digits.")
    return None


def _done(entry: Entry) -> str:
    return f"`{entry.body.get('act', 'carried')}`"


def _time(entry: Entry) -> str:
    return "" if entry.at is None else f"{entry.at:%Y-%m-%d %H:%M} UTC"
