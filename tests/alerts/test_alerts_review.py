"""No sequence of people's steps leads through a state the table does not allow, and nobody audits themselves."""

import datetime as dt
import itertools
from dataclasses import replace

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kpgeo.alerts import (
    JUDGED,
    LOCKED,
    OPEN,
    STEPS,
    carry_entry,
    entry_of,
    fold_reviews,
    may_follow,
    open_acts,
    refusal,
    repeated,
    require_step,
    require_unchanged,
    review_word,
    withdrawal_notice,
)
from kpgeo.model.alert import MachineState
from kpgeo.model.errors import ConflictError, IntegrityError, RuleError
from kpgeo.model.ledger import MACHINE, NO_DIGEST, Entry, EntryKind, chained, require_chain
from kpgeo.model.review import (
    AlertSeen,
    DismissalReason,
    FieldFinding,
    FieldState,
    Review,
    ReviewAct,
    ReviewState,
    ReviewStep,
    same_person,
)

S, A = ReviewState, ReviewAct
TODAY = dt.date(2026, 11, 22)
NOW = dt.datetime(2026, 11, 22, 6, 0, tzinfo=dt.UTC)
PEOPLE = ("Awa Koné", "Bakary T.", "Chantal")
SAID = {
    A.DISMISS: {"reason": DismissalReason.FIRE_SCAR},
    A.DUPLICATE: {"of": "alert-b"},
    A.WITHDRAW: {"text": "It is a quarry."},
    A.REOPEN: {"text": "A new image has come."},
    A.NOTE: {"text": "Seen from the road."},
    A.SECOND: {"verdict": S.CONFIRMED},
    A.FIELD: {"finding": FieldFinding(state=FieldState.CONFIRMED, on=dt.date(2026, 11, 1), visited_by="Moussa")},
}


def seen_as(alert_id="alert-a", **given):
    about = {
        "site_id": alert_id.replace("alert", "site"), "lineage": "belief-2-abc", "raised_dekad": 1960, "dekad": 1980,
        "state": "confirmed", "question": "which-sites-to-visit", "confidence": 0.9, "area_ha": 1.5, "area_low_ha": 1.0,
        "area_high_ha": 2.0, "first_day": 19700, "last_day": 19850, "hits": 4, "looked_dekads": 5, "lon": -6.6,
        "lat": 8.1, "stratum": "",
    }  # fmt: skip
    return AlertSeen(**(about | given))


def step(act, by=PEOPLE[0], **given):
    return ReviewStep(act=act, by=by, **(SAID.get(act, {}) | given))


class Book:
    """A ledger in memory: steps go in by the rules, reviews come out by the fold."""

    def __init__(self):
        self.entries = []

    @property
    def reviews(self):
        return fold_reviews(self.entries)

    def review(self, alert_id="alert-a"):
        return self.reviews.get(alert_id) or Review(alert_id=alert_id, aoi_id="civ-seguela")

    def take(self, act, by=PEOPLE[0], alert_id="alert-a", **given):
        review, wanted = self.review(alert_id), step(act, by, **given)
        require_unchanged(review, wanted, self.entries)
        require_step(review, wanted, self.reviews, TODAY)
        self.append(entry_of(review, wanted, seen_as(alert_id)))
        return self.review(alert_id)

    def append(self, entry):
        prev = self.entries[-1].digest if self.entries else NO_DIGEST
        self.entries.append(chained(entry, len(self.entries) + 1, NOW, prev))


ROUTES = {
    S.NEW: [],
    S.TRIAGED: [A.TRIAGE],
    S.IN_REVIEW: [A.TRIAGE, A.BEGIN],
    S.CONFIRMED: [A.TRIAGE, A.BEGIN, A.CONFIRM],
    S.DISMISSED: [A.TRIAGE, A.BEGIN, A.DISMISS],
    S.DUPLICATE: [A.TRIAGE, A.BEGIN, A.DUPLICATE],
    S.NEEDS_IMAGERY: [A.TRIAGE, A.BEGIN, A.NEED_IMAGERY],
    S.NEEDS_FIELD: [A.TRIAGE, A.BEGIN, A.NEED_FIELD],
    S.AUDITED: [A.TRIAGE, A.BEGIN, A.CONFIRM, A.AUDIT],
    S.PUBLISHED: [A.TRIAGE, A.BEGIN, A.CONFIRM, A.AUDIT, A.PUBLISH],
    S.WITHDRAWN: [A.TRIAGE, A.BEGIN, A.CONFIRM, A.AUDIT, A.PUBLISH, A.WITHDRAW],
}
WAY = {  # what the page on review promises, written a second time
    (S.NEW, A.TRIAGE): S.TRIAGED,
    (S.TRIAGED, A.BEGIN): S.IN_REVIEW,
    (S.NEEDS_IMAGERY, A.BEGIN): S.IN_REVIEW,
    (S.NEEDS_FIELD, A.BEGIN): S.IN_REVIEW,
    (S.IN_REVIEW, A.CONFIRM): S.CONFIRMED,
    (S.IN_REVIEW, A.DISMISS): S.DISMISSED,
    (S.IN_REVIEW, A.DUPLICATE): S.DUPLICATE,
    (S.IN_REVIEW, A.NEED_IMAGERY): S.NEEDS_IMAGERY,
    (S.IN_REVIEW, A.NEED_FIELD): S.NEEDS_FIELD,
    (S.CONFIRMED, A.AUDIT): S.AUDITED,
    (S.DISMISSED, A.AUDIT): S.AUDITED,
    (S.DUPLICATE, A.AUDIT): S.AUDITED,
    (S.AUDITED, A.PUBLISH): S.PUBLISHED,
    (S.PUBLISHED, A.WITHDRAW): S.WITHDRAWN,
    **{(state, A.REOPEN): S.IN_REVIEW for state in (S.CONFIRMED, S.DISMISSED, S.DUPLICATE, S.AUDITED, S.WITHDRAWN)},
}


def book_at(state):
    """A review in a state, led there by the first person; audited and published by the second."""
    book = Book()
    for act in ROUTES[state]:
        book.take(act, PEOPLE[1] if act in {A.AUDIT, A.PUBLISH} else PEOPLE[0])
    assert book.review().state is state
    return book


@pytest.mark.parametrize(("state", "act"), list(itertools.product(ReviewState, STEPS)))
def test_each_pair_of_state_and_step_is_allowed_or_refused_as_written(state, act):
    book = book_at(state)
    if (state, act) in WAY:
        assert book.take(act, PEOPLE[2]).state is WAY[state, act]
        assert may_follow(state, WAY[state, act])
        return
    before = list(book.entries)
    with pytest.raises(RuleError) as refused:
        book.take(act, PEOPLE[2])
    assert refused.value.rule == ("locked" if state in LOCKED else "illegal-step")
    assert book.entries == before


@pytest.mark.parametrize(
    ("state", "act", "remedy"),
    [
        (S.CONFIRMED, A.PUBLISH, "another person audit"),
        (S.DISMISSED, A.PUBLISH, "Reopen"),
        (S.PUBLISHED, A.REOPEN, "Withdraw"),
        (S.NEW, A.BEGIN, "Triage"),
        (S.NEW, A.CONFIRM, "Triage"),
        (S.TRIAGED, A.CONFIRM, "Begin"),
    ],
)
def test_a_refused_step_names_the_one_before_it(state, act, remedy):
    with pytest.raises(RuleError, match=remedy):
        book_at(state).take(act, PEOPLE[2])


def test_the_table_leads_nowhere_else():
    assert {(begin, act): end for act, (begins, end) in STEPS.items() for begin in begins} == WAY
    pairs = {(begin, end) for (begin, _), end in WAY.items()}
    for before, after in itertools.product(ReviewState, repeat=2):
        assert may_follow(before, after) == ((before, after) in pairs)
    assert set(ReviewState) == OPEN | JUDGED | LOCKED


@pytest.mark.parametrize("verdict", [A.CONFIRM, A.DISMISS, A.DUPLICATE])
def test_another_person_audits(verdict):
    book = book_at(S.IN_REVIEW)
    book.take(verdict, "Awa Koné")
    for spelling in ("Awa Koné", "awa koné", "AWA  KONE\u0301"):
        with pytest.raises(RuleError) as refused:
            book.take(A.AUDIT, spelling)
        assert refused.value.rule == "another-person"
    assert book.take(A.AUDIT, "Bakary T.").audited_by == "Bakary T."


def test_nobody_publishes_their_own_confirmation_and_only_confirmed_ones_are_published():
    book = book_at(S.AUDITED)
    with pytest.raises(RuleError) as refused:
        book.take(A.PUBLISH, PEOPLE[0])
    assert refused.value.rule == "another-person"
    assert book.take(A.PUBLISH, PEOPLE[1]).state is S.PUBLISHED
    dismissed = book_at(S.DISMISSED)
    dismissed.take(A.AUDIT, PEOPLE[1])
    with pytest.raises(RuleError) as refused:
        dismissed.take(A.PUBLISH, PEOPLE[1])
    assert refused.value.rule == "not-confirmed"


@pytest.mark.parametrize(
    ("state", "act", "given", "broken"),
    [
        (S.IN_REVIEW, A.DISMISS, {"reason": None}, "reason-missing"),
        (S.IN_REVIEW, A.DISMISS, {"reason": DismissalReason.OTHER}, "text-missing"),
        (S.PUBLISHED, A.WITHDRAW, {"text": ""}, "text-missing"),
        (S.CONFIRMED, A.REOPEN, {"text": ""}, "text-missing"),
        (S.NEW, A.NOTE, {"text": ""}, "text-missing"),
        (S.IN_REVIEW, A.DUPLICATE, {"of": ""}, "duplicate-missing"),
        (S.IN_REVIEW, A.DUPLICATE, {"of": "alert-a"}, "duplicate-cycle"),
        (S.NEW, A.FIELD, {"finding": None}, "finding-missing"),
        (S.NEW, A.FIELD, {"finding": FieldFinding(state=FieldState.NOT_FOUND)}, "visit-missing"),
        (
            S.NEW,
            A.FIELD,
            {"finding": FieldFinding(state=FieldState.CONFIRMED, on=dt.date(2026, 11, 23), visited_by="M")},
            "visit-in-future",
        ),
        (S.NEW, A.FIELD, {"finding": FieldFinding(state=FieldState.UNVISITED, photos=("../x.jpg",))}, "photo"),
        (S.NEW, A.UNDO, {}, "nothing-to-undo"),
        (S.NEW, A.SECOND, {}, "illegal-step"),
    ],
)
def test_what_a_step_lacks_is_named(state, act, given, broken):
    book = book_at(state)
    with pytest.raises(RuleError) as refused:
        book.take(act, PEOPLE[2], **given)
    assert refused.value.rule == broken


def test_undo_goes_back_ones_own_steps_until_they_are_audited():
    book = book_at(S.CONFIRMED)
    with pytest.raises(RuleError) as refused:
        book.take(A.UNDO, PEOPLE[1])
    assert refused.value.rule == "not-yours"
    book.take(A.NOTE, PEOPLE[1])
    undone = book.take(A.UNDO, PEOPLE[0])
    assert (undone.state, undone.verdict, undone.judged_by) == (S.IN_REVIEW, None, "")
    assert len(undone.notes) == 1, "what others noted stays"
    assert [book.take(A.UNDO).state for _ in range(2)] == [S.TRIAGED, S.NEW]
    with pytest.raises(RuleError) as refused:
        book.take(A.UNDO)
    assert refused.value.rule == "nothing-to-undo"
    for state in (S.AUDITED, S.PUBLISHED, S.WITHDRAWN):
        locked = book_at(state)
        with pytest.raises(RuleError) as refused:
            locked.take(A.UNDO, locked.review().moved_by)
        assert refused.value.rule == "locked"


def test_a_reopening_that_is_undone_is_locked_as_before():
    book = book_at(S.AUDITED)
    assert book.take(A.REOPEN, PEOPLE[2]).judged_by == ""
    review = book.take(A.UNDO, PEOPLE[2])
    assert (review.state, review.judged_by, review.audited_by) == (S.AUDITED, PEOPLE[0], PEOPLE[1])
    with pytest.raises(RuleError):
        book.take(A.UNDO, PEOPLE[1])


def test_duplicates_make_no_circle_not_even_by_undoing():
    book = Book()
    for alert_id in ("alert-a", "alert-b", "alert-c"):
        book.take(A.TRIAGE, alert_id=alert_id)
        book.take(A.BEGIN, alert_id=alert_id)
    book.take(A.DUPLICATE, alert_id="alert-a", of="alert-b")
    book.take(A.DUPLICATE, alert_id="alert-b", of="alert-c")
    with pytest.raises(RuleError) as refused:
        book.take(A.DUPLICATE, alert_id="alert-c", of="alert-a")
    assert refused.value.rule == "duplicate-cycle"
    book.take(A.REOPEN, alert_id="alert-a")
    book.take(A.DUPLICATE, alert_id="alert-c", of="alert-a")
    with pytest.raises(RuleError) as refused:
        book.take(A.UNDO, alert_id="alert-a")
    assert refused.value.rule == "duplicate-cycle"


def test_what_was_found_on_the_ground_overwrites_nothing():
    book = book_at(S.DISMISSED)
    found = FieldFinding(state=FieldState.CONFIRMED, on=dt.date(2026, 11, 1), visited_by="Moussa", photos=("a" * 64,))
    review = book.take(A.FIELD, PEOPLE[2], finding=found)
    assert (review.state, review.verdict, review.field_state) == (S.DISMISSED, S.DISMISSED, FieldState.CONFIRMED)
    assert review.findings == (replace(found, by=PEOPLE[2], at=NOW),)
    later = FieldFinding(state=FieldState.INACCESSIBLE, on=dt.date(2026, 11, 2), visited_by="Moussa")
    assert [one.state for one in book.take(A.FIELD, finding=later).findings] == [
        FieldState.CONFIRMED,
        FieldState.INACCESSIBLE,
    ]


def test_a_step_on_what_has_moved_on_names_who_stepped_in_between():
    book = book_at(S.IN_REVIEW)
    seq = book.review().seq
    book.take(A.CONFIRM, "Bakary T.", seen=seq)
    with pytest.raises(ConflictError, match=r"`confirm` by Bakary T. at 2026-11-22 06:00 UTC \(entry 3\)"):
        book.take(A.DISMISS, "Chantal", seen=seq)
    with pytest.raises(ConflictError, match="Entry 99 is not of this alert"):
        book.take(A.NOTE, "Chantal", seen=99)


def test_the_same_step_again_is_the_same_entry():
    book = book_at(S.IN_REVIEW)
    before, wanted = book.review(), step(A.DISMISS, seen=2)
    book.take(A.DISMISS, seen=2)
    first = book.entries[-1]
    assert repeated(book.entries, book.review(), wanted) == first
    assert repeated(book.entries, book.review(), replace(wanted, by="AWA KONÉ")) == first
    assert repeated(book.entries, book.review(), replace(wanted, seen=None)) == first
    book.take(A.NOTE, "Chantal")
    assert repeated(book.entries, book.review(), wanted) == first, "also when somebody noted something since"
    for other in (
        replace(wanted, by="Chantal"),
        replace(wanted, reason=DismissalReason.FLOOD),
        replace(wanted, seen=None),
        replace(wanted, seen=1),
    ):
        assert repeated(book.entries, book.review(), other) is None
    assert repeated(book.entries[:2], before, wanted) is None


def test_undo_is_never_taken_for_the_one_before():
    book = book_at(S.CONFIRMED)
    seq = book.review().seq
    book.take(A.UNDO)
    assert repeated(book.entries, book.review(), step(A.UNDO)) is None
    assert repeated(book.entries, book.review(), step(A.UNDO, seen=seq)) == book.entries[-1]


def test_a_second_verdict_is_anothers_and_moves_nothing():
    book = book_at(S.CONFIRMED)
    with pytest.raises(RuleError):
        book.take(A.SECOND, PEOPLE[0])
    review = book.take(A.SECOND, PEOPLE[1], verdict=S.DISMISSED, reason=DismissalReason.FARMING)
    assert (review.state, review.seconds[0].verdict) == (S.CONFIRMED, S.DISMISSED)
    with pytest.raises(RuleError):
        book.take(A.SECOND, PEOPLE[1])


def test_the_notice_of_a_withdrawal_is_one_and_says_why():
    book = book_at(S.PUBLISHED)
    notice = withdrawal_notice(book.review(), step(A.WITHDRAW), seen_as())
    assert notice == withdrawal_notice(book.review(), step(A.WITHDRAW), seen_as())
    assert (notice.kind, notice.payload["withdrawn"]) == ("alert-withdrawn", "It is a quarry.")
    assert {"aoi", "alert", "site", "dekad", "area_ha", "first_seen", "gaps"} <= notice.payload.keys()


@pytest.mark.parametrize(
    "body", [{}, {"act": "explode"}, {"act": "undo", "undoes": 7}, {"act": "dismiss", "reason": "x"}]
)
def test_an_entry_that_is_no_step_is_said(body):
    book = book_at(S.TRIAGED)
    book.append(Entry(kind=EntryKind.REVIEW, aoi_id="x", subject="alert-a", actor="Awa", body=body))
    with pytest.raises(IntegrityError, match="Entry 2 of the ledger is no step"):
        _ = book.reviews


def test_every_code_has_words_in_three_languages():
    for kind in (ReviewState, DismissalReason, FieldState):
        for language in ("en", "fr", "pt"):
            words = [review_word(code, language) for code in kind]
            assert all(words)
            assert len(set(words)) == len(words)


def test_steps_open_to_a_person_are_those_that_are_not_refused():
    review = book_at(S.CONFIRMED).review()
    mine, closed = open_acts(review, PEOPLE[0])
    assert set(mine) == {A.REOPEN, A.UNDO, A.NOTE, A.FIELD}
    assert closed[A.AUDIT].rule == "another-person"
    assert set(open_acts(review, PEOPLE[1])[0]) == {A.AUDIT, A.REOPEN, A.NOTE, A.FIELD, A.SECOND}


class AnyStepsByAnybody(RuleBasedStateMachine):
    """Three people and three alerts: whatever they try, the rules hold, and the ledger says all of it."""

    @initialize(state=st.sampled_from(ReviewState))
    def begin(self, state):
        self.book = book_at(state)
        self.published = {"alert-a"} & {"alert-a" if state in {S.PUBLISHED, S.WITHDRAWN} else ""}

    @rule(
        act=st.sampled_from(ReviewAct),
        by=st.sampled_from(PEOPLE),
        alert_id=st.sampled_from(("alert-a", "alert-b", "alert-c")),
        of=st.sampled_from(("alert-a", "alert-b", "alert-c")),
        behind=st.integers(0, 2),
    )
    def try_a_step(self, act, by, alert_id, of, behind):
        before, entries = self.book.review(alert_id), list(self.book.entries)
        seen = max(before.seq - behind, 0)
        given = {"of": of} if act is A.DUPLICATE else {}
        try:
            after = self.book.take(act, by, alert_id, seen=seen, **given)
        except (RuleError, ConflictError):
            assert self.book.entries == entries
            return
        assert seen == before.seq
        assert refusal(before, act, by) is None
        if act in STEPS:
            assert after.seq == len(self.book.entries)
            assert (before.state, act) in WAY or before.carried_to
            assert after.state is STEPS[act][1]
            event(f"{act} from {before.state}")
        elif act is A.UNDO:
            assert before.state not in LOCKED
            assert same_person(before.moved_by, by)
            assert (after.state, after.verdict) == (before.before.state, before.before.verdict)
        else:
            assert (after.state, after.verdict, after.judged_by) == (before.state, before.verdict, before.judged_by)
        if act is A.PUBLISH:
            self.published.add(alert_id)

    @rule(alert_id=st.sampled_from(("alert-a", "alert-b", "alert-c")), by=st.sampled_from(PEOPLE), draw=st.data())
    def take_an_open_step(self, alert_id, by, draw):
        act = draw.draw(st.sampled_from([act for act in open_acts(self.book.review(alert_id), by)[0] if act in STEPS or
                                         act in {A.UNDO, A.NOTE}] or [A.NOTE]))  # fmt: skip
        self.try_a_step(act, by, alert_id, "alert-b", 0)

    @rule(alert_id=st.sampled_from(("alert-a", "alert-b")), after=st.sampled_from(MachineState))
    def the_machine_says_something_else(self, alert_id, after):
        before = self.book.reviews
        body = {"id": "alert-event-1", "after": str(after)}
        self.book.append(
            Entry(kind=EntryKind.ALERT_EVENT, aoi_id="civ-seguela", subject=alert_id, actor=MACHINE, body=body)
        )
        assert self.book.reviews == before

    @rule(number=st.integers(1, 3))
    def a_review_goes_on_to_another_alert(self, number):
        source, goal = self.book.reviews.get("alert-a"), f"alert-new-{number}"
        if source is None or source.carried_to or goal in self.book.reviews:
            return
        self.book.append(carry_entry(source, goal, seen_as(goal)))
        carried = self.book.reviews[goal]
        assert (carried.state, carried.verdict, carried.judged_by) == (source.state, source.verdict, source.judged_by)
        assert self.book.reviews["alert-a"].carried_to == goal
        if carried.verdict is S.CONFIRMED and carried.state is S.CONFIRMED:
            assert refusal(carried, A.AUDIT, source.judged_by).rule == "another-person"
        assert refusal(carried, A.UNDO, source.moved_by) is not None
        if "alert-a" in self.published:
            self.published.add(goal)

    @invariant()
    def hold(self):
        for review in self.book.reviews.values():
            if review.state in LOCKED:
                assert review.audited_by
                assert not same_person(review.judged_by, review.audited_by)
            if review.state in {S.PUBLISHED, S.WITHDRAWN}:
                assert review.verdict is S.CONFIRMED
                assert review.alert_id in self.published
            if review.state in OPEN:
                assert (review.verdict, review.judged_by) == (None, "")
            assert bool(review.duplicate_of) == (review.verdict is S.DUPLICATE)
            self._is_no_circle(review)
        require_chain(self.book.entries)

    def _is_no_circle(self, review):
        known = set()
        while review is not None and review.duplicate_of:
            assert review.alert_id not in known
            known.add(review.alert_id)
            review = self.book.reviews.get(review.duplicate_of)


TestAnyStepsByAnybody = AnyStepsByAnybody.TestCase
TestAnyStepsByAnybody.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
