"""Ledger and reviews on PostgreSQL: the same chain, the same refusals, two people at once."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from kpgeo import flows
from kpgeo.model.errors import ConflictError, IntegrityError
from kpgeo.model.ledger import Entry, EntryKind, Head
from kpgeo.model.review import ReviewAct, ReviewState, ReviewStep
from kpgeo.store import Tables
from tests.flows.test_reviewing import alert_of, decide, site_of
from tests.servers import stac_server
from tests.servers.programs import find_program, wait_until

SIZE = 5


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start a PostgreSQL cluster of our own, or skip where the programs are not there."""
    if lacking := [name for name in ("initdb", "postgres") if find_program(name) is None]:
        pytest.skip(f"not installed here: {', '.join(lacking)} (`.ci/run` installs them)")
    database = stac_server._start_database(tmp_path_factory.mktemp("postgres"))
    try:
        wait_until(lambda: _is_ready(database.environment), "postgres")
        yield database.environment
    finally:
        database.remove()


def _is_ready(cluster: dict[str, str]) -> bool:
    """Say whether it takes connections: it listens before it does."""
    try:
        psycopg.connect(_place(cluster, "postgres")).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def url(cluster: dict[str, str], request: pytest.FixtureRequest) -> str:
    name = f"kpgeo_{abs(hash(request.node.name)) % 10**9}"
    with psycopg.connect(_place(cluster, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return _place(cluster, name).replace("postgresql://", "postgresql+psycopg://")


def _place(cluster: dict[str, str], name: str) -> str:
    user, host, port = (cluster[key] for key in ("PGUSER", "PGHOST", "PGPORT"))
    return f"postgresql://{user}@{host}:{port}/{name}"


@pytest.fixture
def tables(url: str) -> Iterator[Tables]:
    opened = Tables(url)
    yield opened
    opened.close()


def _tamper(url: str, statement: str, *, with_triggers: bool = False) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        if not with_triggers:
            connection.execute("ALTER TABLE ledger DISABLE TRIGGER ALL")
        connection.execute(statement)


def _fill(tables: Tables) -> list[Entry]:
    body = {"act": "note", "é": [1.5, None]}
    return tables.ledger.append(
        [Entry(kind=EntryKind.REVIEW, aoi_id="a", subject=f"s{n}", actor="Awa Koné", body=body) for n in range(SIZE)]
    )


@pytest.mark.fault(46)
@pytest.mark.parametrize("statement", ["UPDATE ledger SET actor = 'x'", "DELETE FROM ledger", "TRUNCATE ledger"])
def test_postgresql_refuses_to_change_the_ledger(tables: Tables, url: str, statement: str) -> None:
    _fill(tables)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        _tamper(url, statement, with_triggers=True)
    assert tables.ledger.verify()[0] == SIZE


@pytest.mark.fault(46)
def test_what_is_changed_in_postgresql_is_named(tables: Tables, url: str) -> None:
    entries = _fill(tables)
    noted = [Head(seq=SIZE, digest=entries[-1].digest, where="run 1")]
    assert tables.ledger.verify(noted) == tables.ledger.head()
    for seq in range(1, SIZE + 1):
        _tamper(url, f"UPDATE ledger SET actor = actor || '7' WHERE seq = {seq}")
        with pytest.raises(IntegrityError, match=f"Entry {seq} was changed"):
            tables.ledger.verify()
        _tamper(url, f"UPDATE ledger SET actor = 'Awa Koné' WHERE seq = {seq}")
    tables.ledger.verify(noted)
    _tamper(url, f"DELETE FROM ledger WHERE seq = {SIZE}")
    with pytest.raises(IntegrityError, match=f"Entries {SIZE} to {SIZE} of the ledger are missing"):
        tables.ledger.verify(noted)
    _tamper(url, "DELETE FROM ledger WHERE seq = 2")
    with pytest.raises(IntegrityError, match="Entry 2 of the ledger is missing"):
        tables.ledger.verify()


def test_many_writers_make_one_chain_in_postgresql(tables: Tables) -> None:
    writers = [threading.Thread(target=lambda: [_fill(tables) for _ in range(4)]) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert tables.ledger.verify()[0] == 4 * 4 * SIZE


@pytest.mark.fault(47)
def test_of_two_people_at_once_on_postgresql_one_is_told_of_the_other(tables: Tables) -> None:
    site = site_of("a")
    (alert_id,) = decide(tables, [site])
    assert alert_id == alert_of(site).id
    for act in (ReviewAct.TRIAGE, ReviewAct.BEGIN):
        flows.take_step(tables, alert_id, ReviewStep(act=act, by="Awa Koné"))
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
