"""The ledger's chain, entry by entry: whatever is changed, taken out, put in, moved or cut off is named."""

import json
import sqlite3
import threading
from contextlib import closing

import pytest

from kpgeo.model.decision import OutboxItem
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.ledger import MACHINE, NO_DIGEST, Entry, EntryKind, Head, canonical, digest_of, require_chain
from kpgeo.store import Conclusion, Tables

COLUMNS = ("seq", "at", "kind", "aoi_id", "subject", "actor", "body", "prev", "digest")
SIZE = 6


def _entry(number: int, kind: EntryKind = EntryKind.REVIEW) -> Entry:
    body = {"act": "note", "n": number, "é": [1.5, None, "x"], "empty": {}}
    return Entry(kind=kind, aoi_id="civ-seguela", subject=f"alert-{number % 2}", actor="Awa Koné", body=body)


@pytest.fixture
def tables(tmp_path):
    opened = Tables(f"sqlite:///{tmp_path / 'kpgeo.db'}")
    yield opened
    opened.close()


@pytest.fixture
def filled(tables):
    for number in range(SIZE):
        tables.ledger.append([_entry(number)])
    return tables


def _tamper(tables: Tables, *statements: str, drop: bool = True) -> None:
    """Change the file behind kpgeo's back, as somebody would who knows of the triggers."""
    with closing(sqlite3.connect(tables._database.name)) as connection:
        if drop:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_entries_come_back_as_they_were_in_their_order(tables):
    first = tables.ledger.append([_entry(0), _entry(1)])
    second = tables.ledger.append([_entry(2, EntryKind.EVIDENCE)])
    assert tables.ledger.append([]) == []
    assert tables.ledger.entries() == [*first, *second]
    assert [entry.seq for entry in tables.ledger.entries()] == [1, 2, 3]
    assert [entry.seq for entry in tables.ledger.entries(subject="alert-0")] == [1, 3]
    assert [entry.seq for entry in tables.ledger.entries(kind=EntryKind.EVIDENCE)] == [3]
    assert [entry.seq for entry in tables.ledger.entries(kind={EntryKind.EVIDENCE, EntryKind.REVIEW})] == [1, 2, 3]
    assert [entry.seq for entry in tables.ledger.entries(after_seq=2)] == [3]
    assert first[0].prev == NO_DIGEST
    assert second[0].prev == first[1].digest
    assert tables.ledger.head() == tables.ledger.verify() == (3, second[0].digest)


def test_an_empty_ledger_is_whole(tables):
    assert tables.ledger.verify() == tables.ledger.head() == (0, NO_DIGEST)


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": float("inf")}, {"x": {1, 2}}, {"x": object()}])
def test_what_is_no_plain_json_is_refused_and_nothing_is_kept(tables, body):
    entry = Entry(kind=EntryKind.REVIEW, aoi_id="", subject="a", actor="b", body=body)
    with pytest.raises(BadInputError):
        tables.ledger.append([_entry(0), entry])
    assert tables.ledger.head() == (0, NO_DIGEST)


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical({"b": 1, "a": "é"}) == canonical({"a": "é", "b": 1}) == '{"a":"\\u00e9","b":1}'


@pytest.mark.fault(46)
@pytest.mark.parametrize(
    "statement", ["UPDATE ledger SET actor = 'x' WHERE seq = 2", "DELETE FROM ledger WHERE seq = 2"]
)
def test_the_tables_refuse_to_change_the_ledger(filled, statement):
    with closing(sqlite3.connect(filled._database.name)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    assert filled.ledger.verify()[0] == SIZE


@pytest.mark.fault(46)
@pytest.mark.parametrize("column", [name for name in COLUMNS if name != "seq"])
@pytest.mark.parametrize("seq", range(1, SIZE + 1))
def test_whatever_is_changed_in_an_entry_is_named(filled, seq, column):
    _tamper(
        filled, f"UPDATE ledger SET {column} = replace({column}, substr({column}, -1), '7') || '7' WHERE seq = {seq}"
    )
    with pytest.raises(IntegrityError, match=rf"entry {seq}\b|entry {seq}:|Entry {seq}\b"):
        filled.ledger.verify()


@pytest.mark.fault(46)
@pytest.mark.parametrize("seq", range(1, SIZE + 1))
def test_an_entry_that_means_the_same_and_was_written_otherwise_is_named(filled, seq):
    entry = filled.ledger.entries()[seq - 1]
    spaced = json.dumps(dict(entry.body), ensure_ascii=False)
    assert json.loads(spaced) == dict(entry.body)
    _tamper(filled, f"UPDATE ledger SET body = '{spaced}' WHERE seq = {seq}")
    with pytest.raises(IntegrityError, match=f"Entry {seq} was changed"):
        filled.ledger.verify()


@pytest.mark.fault(46)
@pytest.mark.parametrize("seq", range(1, SIZE))
def test_an_entry_that_was_taken_out_is_named(filled, seq):
    _tamper(filled, f"DELETE FROM ledger WHERE seq = {seq}")
    with pytest.raises(IntegrityError, match=f"Entry {seq} of the ledger is missing"):
        filled.ledger.verify()
    _tamper(filled, f"UPDATE ledger SET seq = seq - 1 WHERE seq > {seq}")
    with pytest.raises(IntegrityError, match=f"Entry {seq} does not follow"):
        filled.ledger.verify()


@pytest.mark.fault(46)
@pytest.mark.parametrize("seq", range(1, SIZE))
def test_entries_that_changed_places_are_named(filled, seq):
    _tamper(
        filled,
        f"UPDATE ledger SET seq = -1 WHERE seq = {seq}",
        f"UPDATE ledger SET seq = {seq} WHERE seq = {seq + 1}",
        f"UPDATE ledger SET seq = {seq + 1} WHERE seq = -1",
    )
    with pytest.raises(IntegrityError, match=f"Entry {seq} does not follow"):
        filled.ledger.verify()


@pytest.mark.fault(46)
def test_an_entry_that_was_put_in_is_named(filled):
    _tamper(
        filled,
        "UPDATE ledger SET seq = -seq WHERE seq > 3",
        "UPDATE ledger SET seq = 1 - seq WHERE seq < 0",
        "INSERT INTO ledger SELECT 4, at, kind, aoi_id, subject, actor, body, digest, 'x' FROM ledger WHERE seq = 3",
    )
    with pytest.raises(IntegrityError, match="Entry 4 was changed"):
        filled.ledger.verify()


@pytest.mark.fault(46)
@pytest.mark.parametrize("left", range(SIZE))
def test_entries_cut_off_show_against_a_head_that_was_noted(filled, left):
    noted = [Head(seq=entry.seq, digest=entry.digest, where=f"run {entry.seq}") for entry in filled.ledger.entries()]
    assert filled.ledger.verify([Head(seq=0, digest=NO_DIGEST, where="run 0"), *noted])[0] == SIZE
    _tamper(filled, f"DELETE FROM ledger WHERE seq > {left}")
    assert filled.ledger.verify()[0] == left, "the chain alone cannot tell"
    with pytest.raises(
        IntegrityError, match=f"Entries {left + 1} to {SIZE} of the ledger are missing: run {SIZE} noted"
    ):
        filled.ledger.verify(noted)
    filled.ledger.append([_entry(9) for _ in range(SIZE)])
    filled.ledger.verify()
    with pytest.raises(
        IntegrityError, match=f"Entry {left + 1} of the ledger is not the one that run {left + 1} noted"
    ):
        filled.ledger.verify(noted)


@pytest.mark.fault(46)
def test_a_chain_that_was_written_anew_shows_against_a_head_that_was_noted(filled):
    noted = Head(seq=SIZE, digest=filled.ledger.head()[1], where="run 1")
    entries = filled.ledger.entries()
    _tamper(filled, "DELETE FROM ledger")
    forged = [
        Entry(kind=one.kind, aoi_id=one.aoi_id, subject=one.subject, actor="Eve", body=one.body) for one in entries
    ]
    filled.ledger.append(forged)
    assert filled.ledger.verify()[0] == SIZE
    with pytest.raises(IntegrityError, match=f"Entry {SIZE} of the ledger is not the one that run 1 noted"):
        filled.ledger.verify([noted])


@pytest.mark.parametrize("body", ["{", "[]", '{"x":NaN}', "[" * 5000, '"x"'])
def test_an_entry_that_cannot_be_read_is_named(filled, body):
    _tamper(filled, f"UPDATE ledger SET body = '{body}' WHERE seq = 3")
    with pytest.raises(IntegrityError, match="Entry 3 "):
        filled.ledger.verify()


def test_a_chain_is_held_against_itself_wherever_it_is_read_from(filled):
    entries = filled.ledger.entries()
    assert require_chain(entries[2:], prev=entries[1].digest, seq=2) == entries[-1].digest
    assert digest_of(entries[3]) == entries[3].digest
    with pytest.raises(IntegrityError, match="Entry 3 does not follow"):
        require_chain(entries[2:], prev=entries[0].digest, seq=2)


def test_what_is_concluded_is_kept_whole_or_not_at_all(filled):
    item = OutboxItem(id="outbox-1", aoi_id="civ-seguela", kind="alert-withdrawn", payload={"a": 1}, created_dekad=5)

    def refuse(entries):
        raise BadInputError("no")

    with pytest.raises(BadInputError):
        filled.ledger.conclude_reviews(refuse)
    assert filled.ledger.head()[0] == SIZE
    given = []

    def conclude(entries):
        given.extend(entries)
        return Conclusion(entries=(_entry(7),), outbox=(item,))

    (entry,) = filled.ledger.conclude_reviews(conclude)
    assert entry.seq == SIZE + 1
    assert given == filled.ledger.entries()[:SIZE]
    assert filled.pending_outbox() == [item]
    given.clear()
    filled.ledger.append([_entry(8, EntryKind.DELIVERY)])
    filled.ledger.conclude_reviews(conclude, ["alert-1"])
    assert filled.pending_outbox() == [item], "once"
    assert {(one.subject, one.kind) for one in given} == {("alert-1", EntryKind.REVIEW)}


def test_entries_of_a_review_come_with_those_of_the_reviews_it_names(tables):
    def entry(subject, kind=EntryKind.REVIEW, **body):
        return Entry(kind=kind, aoi_id="a", subject=subject, actor="b", body=body)

    given = [
        entry("old", act="triage"),
        entry("like", act="duplicate", of="old"),
        entry("new", EntryKind.REVIEW_CARRIED, **{"from": "old"}),
        entry("other", act="triage"),
        entry("newest", EntryKind.REVIEW_CARRIED, **{"from": "new"}),
        entry("newest", EntryKind.ALERT_EVENT),
    ]
    tables.ledger.append(given)
    for alert_id, wanted in (("old", {1, 3, 5}), ("newest", {1, 3, 5}), ("like", {1, 2, 3, 5}), ("other", {4})):
        assert {one.seq for one in tables.ledger.review_entries([alert_id])} == wanted
    assert [one.seq for one in tables.ledger.review_entries()] == [1, 2, 3, 4, 5]
    assert tables.ledger.review_entries(["nobody"]) == []


def test_many_writers_make_one_chain(tables):
    def write(number: int) -> None:
        for _ in range(5):
            tables.ledger.append([_entry(number), _entry(number)])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert tables.ledger.verify()[0] == 40
    entries = tables.ledger.entries()
    assert all(entries[place].actor == entries[place + 1].actor for place in range(0, 40, 2))


def test_a_machine_entry_is_of_the_machine(tables):
    entry = Entry(kind=EntryKind.ALERT_EVENT, aoi_id="a", subject="b", actor=MACHINE, body={})
    assert tables.ledger.append([entry])[0].actor == "kpgeo"
