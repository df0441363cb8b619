"""Ledger and reviews on PostgreSQL: what is changed is named, and of two people at once one is told of the other."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from kpgeo import flows
from kpgeo.model.errors import ConflictError, IntegrityError
from kpgeo.model.ledger import Entry, EntryKind, Head
from kpgeo.model.review import ReviewAct, ReviewState, ReviewStep
from kpgeo.store import Tables
from tests.flows.test_reviewing import alert_of, decide, lead, site_of
from tests.servers.postgresql import Cluster

SIZE = 5


@pytest.fixture
def tables(postgresql: Cluster) -> Iterator[Tables]:
    with closing(Tables(postgresql.new_database())) as opened:
        yield opened


@pytest.mark.fault(46)
def test_what_is_changed_in_postgresql_is_named(tables: Tables, postgresql: Cluster) -> None:
    def tamper(statement: str) -> None:
        postgresql.execute("kpgeo", f"SET session_replication_role = replica; {statement}")

    body = {"act": "note", "é": [1.5, None]}
    entries = tables.ledger.append(
        [Entry(kind=EntryKind.REVIEW, aoi_id="a", subject=f"s{n}", actor="Awa Koné", body=body) for n in range(SIZE)]
    )
    noted = [Head(seq=SIZE, digest=entries[-1].digest, where="run 1")]
    assert tables.ledger.verify(noted) == tables.ledger.head()
    for seq in range(1, SIZE + 1):
        tamper(f"UPDATE ledger SET actor = actor || '7' WHERE seq = {seq}")
        with pytest.raises(IntegrityError, match=f"Entry {seq} was changed"):
            tables.ledger.verify()
        tamper(f"UPDATE ledger SET actor = 'Awa Koné' WHERE seq = {seq}")
    tables.ledger.verify(noted)
    tamper(f"DELETE FROM ledger WHERE seq = {SIZE}")
    tables.ledger.verify()
    with pytest.raises(IntegrityError, match=f"Entries {SIZE} to {SIZE} of the ledger are missing"):
        tables.ledger.verify(noted)
    tamper("DELETE FROM ledger WHERE seq = 2")
    with pytest.raises(IntegrityError, match="Entry 2 of the ledger is missing"):
        tables.ledger.verify()


@pytest.mark.fault(47)
def test_of_two_people_at_once_on_postgresql_one_is_told_of_the_other(tables: Tables) -> None:
    site = site_of("a")
    (alert_id,) = decide(tables, [site])
    assert alert_id == alert_of(site).id
    lead(tables, alert_id, ReviewAct.TRIAGE, ReviewAct.BEGIN)
    seq = flows.review_of(tables, alert_id).review.seq
    gate, told = threading.Barrier(4), []

    def judge(by: str) -> None:
        gate.wait()
        try:
            told.append(flows.take_step(tables, alert_id, ReviewStep(act=ReviewAct.CONFIRM, by=by, seen=seq))[0].actor)
        except ConflictError as conflict:
            told.append(str(conflict))

    people = [threading.Thread(target=judge, args=(f"Analyst {letter}",)) for letter in "ABCD"]
    for one in people:
        one.start()
    for one in people:
        one.join()
    review = flows.review_of(tables, alert_id).review
    assert review.state is ReviewState.CONFIRMED
    assert sorted(one == review.judged_by for one in told) == [False, False, False, True]
    assert sum(f"by {review.judged_by} at" in one for one in told) == 3
    lead(tables, alert_id, ReviewAct.AUDIT, ReviewAct.PUBLISH, ReviewAct.WITHDRAW)
    assert [item.kind for item in tables.pending_outbox()] == ["alert-withdrawn"]
