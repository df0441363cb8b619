"""Reviews on real tables: two people at once, the same click twice, alerts that go and come, withdrawals."""

import datetime as dt
import hashlib
import json
import multiprocessing
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from shapely.geometry import MultiPolygon, box

from kpgeo import flows
from kpgeo.flows.reviews.reviewing import carry_reviews
from kpgeo.model.alert import Alert, AlertEvent, Evidence, MachineState, Question
from kpgeo.model.decision import Commit, DekadDecision
from kpgeo.model.errors import BadInputError, ConflictError, IntegrityError, RuleError
from kpgeo.model.ids import make_id
from kpgeo.model.ledger import EntryKind
from kpgeo.model.review import DismissalReason, FieldFinding, FieldState, ReviewAct, ReviewState, ReviewStep
from kpgeo.model.site import Area, Site, SiteStatus
from kpgeo.options.sites import SiteOptions
from kpgeo.store import Tables, Workspace

AOI, LINEAGE, OTHER = "civ-seguela", "belief-2-abc", "belief-3-def"
FIRST = 1962
A, S = ReviewAct, ReviewState
AWA, BAKARY = "Awa Koné", "Bakary T."


def site_of(name, *, east_m=0.0, north_m=0.0, ha=1.0, first_day=19700, dekad=FIRST):
    """A square site of 100 m, so many metres east and north of a corner of the field."""
    lon, lat, degree_m = -6.6 + east_m / 110_000.0, 8.1 + north_m / 110_600.0, 0.0009
    return Site(
        id=make_id("site", name), aoi_id=AOI, dekad=dekad, status=SiteStatus.ACTIVE,
        geometry=MultiPolygon([box(lon, lat, lon + degree_m, lat + degree_m)]), opened_day=first_day,
        grown_day=first_day, last_day=first_day + 100, area=Area(ha=ha, low_ha=ha / 2, high_ha=ha * 2), peak_area_ha=ha,
        confidence=0.9, pond_frac=0.1, look_frac=1.0, elongation=1.5, hits=4, looked_dekads=5, seed_row=4, seed_col=5,
        stratum_id="",
    )  # fmt: skip


def alert_of(site, state=MachineState.CONFIRMED):
    evidence = Evidence(
        site_id=site.id, area_ha=site.area.ha, area_low_ha=site.area.low_ha, area_high_ha=site.area.high_ha,
        confidence=site.confidence, first_day=site.opened_day, last_day=site.last_day, hits=4, looked_dekads=5,
    )  # fmt: skip
    return Alert(
        id=make_id("alert", site.id), aoi_id=AOI, site_id=site.id, question=Question.WHICH_SITES_TO_VISIT, state=state,
        raised_dekad=site.dekad, dekad=site.dekad, evidence=evidence,
    )  # fmt: skip


def decide(tables, sites, *, lineage=LINEAGE, snapshot="SNAP", state=MachineState.CONFIRMED):
    """Put a decision with an alert on each site into the tables, in place of the one before."""
    raised = [alert_of(site, state) for site in sites]
    events = [
        AlertEvent(id=make_id("event", alert.id), alert_id=alert.id, dekad=FIRST, before=None,
                   after=MachineState.FIRST, evidence=alert.evidence)
        for alert in raised
    ]  # fmt: skip
    commit = Commit(
        aoi_id=AOI, lineage=lineage, snapshot_id=snapshot, first_dekad=FIRST, last_dekad=FIRST, scenes_digest="d"
    )
    decision = DekadDecision(dekad=FIRST, sites=tuple(sites), alerts=tuple(raised), alert_events=tuple(events))
    tables.replace_decisions(commit, [decision])
    return [alert.id for alert in raised]


def watch_of(lineage=LINEAGE):
    return SimpleNamespace(
        aoi=SimpleNamespace(id=AOI),
        lineage=lineage,
        grid=SimpleNamespace(epsg=32629),
        pipeline=SimpleNamespace(sites=SiteOptions(join_m=60.0, pause_days=180)),
    )


@pytest.fixture
def room(tmp_path):
    made = Workspace(tmp_path / "workspace")
    watched = {"lineage": LINEAGE, "reference": AOI, "run_id": "r", "folder": str(tmp_path), "pipeline": {}}
    (made.path / "watched.json").write_text(json.dumps({AOI: watched}))
    return made


@pytest.fixture
def tables(room):
    opened = room.tables()
    yield opened
    opened.close()


def take(tables, alert_id, act, by=AWA, **given):
    said = {"reason": DismissalReason.ROAD_QUARRY} if act is A.DISMISS else {}
    said |= {"text": "A quarry."} if act in {A.WITHDRAW, A.REOPEN, A.NOTE} else {}
    return flows.take_step(tables, alert_id, ReviewStep(act=act, by=by, **(said | given)))


def lead(tables, alert_id, *acts):
    for act in acts:
        take(tables, alert_id, act, BAKARY if act in {A.AUDIT, A.PUBLISH} else AWA)


TO_PUBLISHED = (A.TRIAGE, A.BEGIN, A.CONFIRM, A.AUDIT, A.PUBLISH)


def test_the_machine_and_people_do_not_overwrite_each_other(tables):
    (alert_id,) = decide(tables, [site_of("a")])
    lead(tables, alert_id, A.TRIAGE, A.BEGIN, A.DISMISS)
    alert, review = tables.alert_history(alert_id)[-1], flows.review_of(tables, alert_id).review
    assert (alert.state, review.state) == (MachineState.CONFIRMED, S.DISMISSED)
    decide(tables, [site_of("a", ha=3.0)], snapshot="NEXT", state=MachineState.ONGOING)
    row = flows.review_of(tables, alert_id)
    assert row.review == review, "deciding again leaves the review alone"
    assert (row.alert.state, row.seen.area_ha, row.review.seen.area_ha) == (MachineState.ONGOING, 3.0, 1.0)


def test_the_queue_is_in_the_order_of_urgency_and_can_be_narrowed(room, tables):
    large, small, doubtful = site_of("large", ha=5.0), site_of("small", east_m=5000, ha=0.2), site_of("x", east_m=9000)
    ids = decide(tables, [small, large])
    assert [row.review.alert_id for row in flows.review_queue(room, tables, flows.QueueFilter())] == ids[::-1]
    decide(tables, [small, large, doubtful], state=MachineState.CANDIDATE, snapshot="NEXT")
    assert flows.review_queue(room, tables, flows.QueueFilter()) == []
    assert len(flows.review_queue(room, tables, flows.QueueFilter(with_all=True))) == 3
    take(tables, ids[0], A.TRIAGE)
    take(tables, ids[1], A.TRIAGE, BAKARY)
    narrowed = {
        "touched": flows.QueueFilter(),
        "mine": flows.QueueFilter(mine="awa  KONÉ"),
        "state": flows.QueueFilter(state=S.TRIAGED),
        "none": flows.QueueFilter(state=S.CONFIRMED),
        "elsewhere": flows.QueueFilter(aoi_id="cod-kasai"),
    }
    found = {
        name: [row.review.alert_id for row in flows.review_queue(room, tables, one)] for name, one in narrowed.items()
    }
    assert found == {"touched": ids[::-1], "mine": ids[:1], "state": ids[::-1], "none": [], "elsewhere": []}


def test_what_is_finished_leaves_the_queue_and_is_listed_when_asked_for(room, tables):
    (alert_id,) = decide(tables, [site_of("a")])
    lead(tables, alert_id, *TO_PUBLISHED)
    assert flows.review_queue(room, tables, flows.QueueFilter()) == []
    (row,) = flows.review_queue(room, tables, flows.QueueFilter(state=S.PUBLISHED))
    assert flows.review_content(row)["state"] == "published"


@pytest.mark.fault(47)
def test_a_double_click_is_one_step(tables):
    (alert_id,) = decide(tables, [site_of("a")])
    lead(tables, alert_id, A.TRIAGE, A.BEGIN)
    seq = flows.review_of(tables, alert_id).review.seq
    first, is_new = take(tables, alert_id, A.CONFIRM, seen=seq)
    again, is_new_again = take(tables, alert_id, A.CONFIRM, seen=seq)
    assert (is_new, is_new_again, again) == (True, False, first)
    assert take(tables, alert_id, A.CONFIRM) == (first, False)
    take(tables, alert_id, A.NOTE, BAKARY)
    assert take(tables, alert_id, A.CONFIRM, seen=seq) == (first, False), "a second tab, a while later"


@pytest.mark.fault(47)
def test_the_back_button_does_not_judge_anew(tables):
    (alert_id,) = decide(tables, [site_of("a")])
    lead(tables, alert_id, A.TRIAGE, A.BEGIN)
    seq = flows.review_of(tables, alert_id).review.seq
    take(tables, alert_id, A.CONFIRM, seen=seq)
    with pytest.raises(ConflictError, match="`confirm` by Awa Koné"):
        take(tables, alert_id, A.DISMISS, seen=seq)


def test_a_step_on_an_alert_that_never_was_is_refused(tables):
    (alert_id,) = decide(tables, [site_of("a")])
    with pytest.raises(BadInputError, match="There is no alert"):
        take(tables, "alert-000000000000", A.TRIAGE)
    lead(tables, alert_id, A.TRIAGE, A.BEGIN)
    with pytest.raises(BadInputError, match="There is no alert"):
        take(tables, alert_id, A.DUPLICATE, of="alert-000000000000")
    with pytest.raises(RuleError, match="duplicate-cycle"):
        take(tables, alert_id, A.DUPLICATE, of=alert_id)


@pytest.mark.fault(47)
def test_of_two_people_at_once_one_is_told_of_the_other(tables):
    (alert_id,) = decide(tables, [site_of("a")])
    lead(tables, alert_id, A.TRIAGE, A.BEGIN)
    seq = flows.review_of(tables, alert_id).review.seq
    gate, told = threading.Barrier(6), []

    def judge(number):
        act = A.CONFIRM if number % 2 else A.DISMISS
        gate.wait()
        try:
            told.append(take(tables, alert_id, act, f"Analyst {chr(65 + number)}", seen=seq)[0].actor)
        except ConflictError as conflict:
            told.append(str(conflict))

    people = [threading.Thread(target=judge, args=(number,)) for number in range(6)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    winner = flows.review_of(tables, alert_id).review.judged_by
    assert sum(one == winner for one in told) == 1
    assert sum(f"by {winner} at" in one for one in told) == 5
    assert tables.ledger.verify()[0] == len(tables.ledger.entries())


def _judge(url, alert_id, by, seq, answers):
    tables = Tables(url)
    try:
        take(tables, alert_id, A.CONFIRM, by, seen=seq)
        answers.put((by, "done"))
    except ConflictError as conflict:
        answers.put((by, str(conflict)))
    finally:
        tables.close()


@pytest.mark.fault(47)
def test_of_two_processes_at_once_one_is_told_of_the_other(room, tables):
    (alert_id,) = decide(tables, [site_of("a")])
    lead(tables, alert_id, A.TRIAGE, A.BEGIN)
    seq = flows.review_of(tables, alert_id).review.seq
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    url = f"sqlite:///{room.path / 'kpgeo.db'}"
    judges = [context.Process(target=_judge, args=(url, alert_id, by, seq, answers)) for by in (AWA, BAKARY)]
    for one in judges:
        one.start()
    told = dict(answers.get(timeout=120) for _ in judges)
    for one in judges:
        one.join()
    winner = flows.review_of(tables, alert_id).review.judged_by
    (loser,) = {AWA, BAKARY} - {winner}
    assert told[winner] == "done"
    assert f"`confirm` by {winner}" in told[loser]


@pytest.mark.fault(47)
def test_a_withdrawal_is_told_and_no_later_run_takes_the_notice_back(tables):
    (alert_id,) = decide(tables, [site_of("a")])
    lead(tables, alert_id, *TO_PUBLISHED)
    assert tables.pending_outbox() == []
    with pytest.raises(RuleError, match="locked"):
        take(tables, alert_id, A.UNDO, BAKARY)
    take(tables, alert_id, A.WITHDRAW, BAKARY)
    (notice,) = tables.pending_outbox()
    assert (notice.kind, notice.payload["alert"], notice.payload["withdrawn"]) == (
        "alert-withdrawn", alert_id, "A quarry.",
    )  # fmt: skip
    take(tables, alert_id, A.WITHDRAW, BAKARY)
    decide(tables, [], snapshot="NEXT")
    assert tables.pending_outbox() == [notice]
    tables.mark_sent(notice.id)
    lead(tables, alert_id, A.REOPEN, A.CONFIRM, A.AUDIT, A.PUBLISH, A.WITHDRAW)
    assert [item.id for item in tables.pending_outbox()] not in ([], [notice.id]), "withdrawn twice is told twice"


def test_a_review_goes_on_to_the_alert_that_takes_the_place(room, tables):
    (old,) = decide(tables, [site_of("a")])
    lead(tables, old, A.TRIAGE, A.BEGIN, A.CONFIRM)
    assert carry_reviews(watch_of(), tables) == [], "nothing went"
    far, near = site_of("far", east_m=4000), site_of("b", east_m=20, north_m=-10)
    _, new = decide(tables, [far, near], snapshot="NEXT")
    (entry,) = carry_reviews(watch_of(), tables)
    assert (entry.kind, entry.subject, entry.body["from"]) == (EntryKind.REVIEW_CARRIED, new, old)
    review = flows.review_of(tables, new).review
    assert (review.state, review.judged_by, review.carried_from) == (S.CONFIRMED, AWA, old)
    with pytest.raises(RuleError, match="another-person"):
        take(tables, new, A.AUDIT, AWA)
    with pytest.raises(RuleError, match="carried"):
        take(tables, old, A.AUDIT, BAKARY)
    take(tables, new, A.AUDIT, BAKARY)
    assert carry_reviews(watch_of(), tables) == [], "once"
    assert [entry.subject for entry in flows.review_entries(tables, new)] == [old, old, old, new, new]
    listed = flows.review_queue(room, tables, flows.QueueFilter(state=S.AUDITED))
    assert [row.review.alert_id for row in listed] == [new]


def test_a_review_comes_back_with_its_alert(tables):
    (old,) = decide(tables, [site_of("a")])
    lead(tables, old, A.TRIAGE, A.BEGIN, A.CONFIRM)
    (new,) = decide(tables, [site_of("b", east_m=20)], snapshot="B")
    carry_reviews(watch_of(), tables)
    take(tables, new, A.AUDIT, BAKARY)
    decide(tables, [site_of("a")], snapshot="C")
    (entry,) = carry_reviews(watch_of(), tables)
    assert (entry.subject, entry.body["from"]) == (old, new)
    review = flows.review_of(tables, old).review
    assert (review.state, review.audited_by, review.carried_to) == (S.AUDITED, BAKARY, "")


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param([], id="nothing there"),
        pytest.param([site_of("b", east_m=400)], id="too far"),
        pytest.param([site_of("b", first_day=19700 + 400)], id="another time"),
    ],
)
def test_a_review_that_nothing_takes_over_says_so_and_stays(room, tables, instead):
    (old,) = decide(tables, [site_of("a")])
    lead(tables, old, A.TRIAGE, A.BEGIN, A.CONFIRM)
    decide(tables, instead, snapshot="NEXT")
    assert carry_reviews(watch_of(), tables) == []
    row = flows.review_queue(room, tables, flows.QueueFilter(state=S.CONFIRMED))[-1]
    assert (row.review.alert_id, row.alert, row.review.judged_by) == (old, None, AWA)
    assert flows.review_content(row)["is_raised"] is False
    assert flows.review_content(row)["lon"] == pytest.approx(-6.5996, abs=1e-3)
    take(tables, old, A.AUDIT, BAKARY)
    assert flows.review_of(tables, old).review.state is S.AUDITED


def test_nothing_is_carried_over_another_review_and_the_weightier_goes_first(tables):
    sites = [site_of("a"), site_of("b", east_m=130), site_of("c", north_m=3000)]
    published, dismissed, kept = decide(tables, sites)
    lead(tables, published, *TO_PUBLISHED)
    lead(tables, dismissed, A.TRIAGE, A.BEGIN, A.DISMISS)
    lead(tables, kept, A.TRIAGE)
    new, _ = decide(tables, [site_of("d", east_m=60), sites[2]], snapshot="NEXT")
    (entry,) = carry_reviews(watch_of(), tables)
    assert (entry.subject, entry.body["from"]) == (new, published)
    assert flows.review_of(tables, dismissed).review.state is S.DISMISSED
    again = decide(tables, [replace(sites[2], id=make_id("site", "e")), sites[2]], snapshot="LAST")
    assert [one.subject for one in carry_reviews(watch_of(), tables)] == []
    assert flows.review_of(tables, again[1]).review.state is S.TRIAGED


def test_a_duplicate_does_not_go_on_to_the_alert_it_is_a_duplicate_of(tables):
    one, other = site_of("a"), site_of("b", east_m=30)
    first, second = decide(tables, [one, other])
    lead(tables, first, A.TRIAGE, A.BEGIN)
    take(tables, first, A.DUPLICATE, of=second)
    decide(tables, [other], snapshot="NEXT")
    assert carry_reviews(watch_of(), tables) == []


def test_reviews_go_on_when_another_method_speaks_and_not_before(tables):
    (old,) = decide(tables, [site_of("a")])
    lead(tables, old, *TO_PUBLISHED)
    (new,) = decide(tables, [site_of("b", east_m=10)], lineage=OTHER)
    assert carry_reviews(watch_of(OTHER), tables) == []
    tables.methods.adopt(AOI, OTHER, by=BAKARY, known_alerts={new: [old]}, said={"why": "better"})
    (entry,) = carry_reviews(watch_of(OTHER), tables)
    assert entry.subject == new
    assert flows.review_of(tables, new).review.state is S.PUBLISHED


def test_a_field_finding_stands_beside_the_review(tables, tmp_path):
    (alert_id,) = decide(tables, [site_of("a")])
    photo = tmp_path / "pit.jpg"
    photo.write_bytes(b"a photograph")
    found = FieldFinding(
        state=FieldState.NOT_FOUND,
        on=dt.date(2026, 1, 5),
        visited_by="Moussa",
        photos=(flows.photo_digest(str(photo)),),
    )
    take(tables, alert_id, A.FIELD, finding=found)
    (entry,) = tables.ledger.entries(kind=EntryKind.FIELD_FINDING)
    assert entry.body["photos"] == [hashlib.sha256(b"a photograph").hexdigest()]
    assert flows.photo_digest("sha256:" + "AB" * 32) == "ab" * 32
    with pytest.raises(BadInputError):
        flows.photo_digest(str(tmp_path / "missing.jpg"))


def test_manifests_hold_where_the_ledger_ended(room, tables):
    decide(tables, [site_of("a")])
    seq, digest = tables.ledger.head()
    folder = room.run_folder("20260101T000000Z-abcdef")
    (folder / "manifest.json").write_text(json.dumps({"ledger": {"seq": seq, "digest": digest}}))
    (room.run_folder("20250101T000000Z-abcdef") / "manifest.json").write_text("{}")
    found = flows.verify_ledger(room, tables, [f"{seq}:{digest}"])
    assert (found.entries, len(found.heads), found.head) == (seq, 2, f"{seq}:{digest}")
    (folder / "manifest.json").write_text(json.dumps({"ledger": {"seq": seq + 2, "digest": digest}}))
    with pytest.raises(IntegrityError, match=f"Entries {seq + 1} to {seq + 2} .* run 20260101T000000Z-abcdef noted"):
        flows.verify_ledger(room, tables)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(IntegrityError, match="manifest cannot be read"):
        flows.verify_ledger(room, tables)


@pytest.mark.parametrize("head", ["", "3", "x:" + "0" * 64, "3:" + "g" * 64, "³:" + "0" * 64])
def test_what_is_no_head_is_refused(room, tables, head):
    with pytest.raises(BadInputError, match="is no head"):
        flows.verify_ledger(room, tables, [head])


def test_a_run_notes_where_the_ledger_ended(watched):
    room = Workspace(watched)
    tables = room.tables()
    try:
        found = flows.verify_ledger(room, tables)
        assert found.entries > 0
        assert found.entries in {head.seq for head in found.heads}
        queue = flows.review_queue(room, tables, flows.QueueFilter())
        assert queue == sorted(queue, key=lambda row: -row.priority)
        assert queue
    finally:
        tables.close()
