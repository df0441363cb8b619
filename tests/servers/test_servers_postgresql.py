"""The tables on a PostgreSQL server: the same as in a file, for many at once, whatever dies meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from kpgeo import cli, flows
from kpgeo.flows.doctor.room import place_findings
from kpgeo.model.errors import BadInputError, BusyError, IntegrityError, UpstreamError
from kpgeo.model.ledger import MACHINE, Entry, EntryKind
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Tables, Workspace, holder_of, known_schemas, schema, server
from kpgeo.store.database import MIGRATIONS
from kpgeo.store.ledger import _head, append_entries
from kpgeo.store.server import ServerLock, with_driver
from tests.servers.postgresql import PASSWORD, Cluster

_LATER = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("declared", sa.Column("checked_by", sa.Text(), nullable=True))
"""


@pytest.fixture
def url(postgresql: Cluster) -> str:
    """Return the address of empty tables."""
    return postgresql.new_database()


@pytest.fixture
def tables(url: str) -> Iterator[Tables]:
    with closing(Tables(url)) as opened:
        yield opened


def _entry(number: int) -> Entry:
    return Entry(kind=EntryKind.REVIEW, aoi_id="a", subject=f"alert-{number}", actor=MACHINE, body={"n": number})


def _older(tmp_path: Path, last: int, *, broken: bool = False) -> Path:
    """Return the migrations of a kpgeo that knew the first few."""
    folder = tmp_path / f"migrations-{last}-{broken}"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "versions").glob("v*.py"):
        if int(path.stem[1:5]) > last:
            path.unlink()
    return folder


def test_the_migrations_make_the_schema_from_each_released_one_on(postgresql: Cluster, tmp_path: Path) -> None:
    for last in range(1, len(known_schemas()) + 1):
        url = postgresql.empty_database("stepwise")
        Tables(url, migrations=_older(tmp_path, last)).close()
        assert postgresql.execute("stepwise", "SELECT version_num FROM alembic_version") == [(f"{last:04d}",)]
        Tables(url).close()
        engine = create_engine(with_driver(make_url(url)))
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.metadata) == []
        engine.dispose()


@pytest.mark.fault(9)
def test_a_migration_that_fails_leaves_the_tables_as_they_were(postgresql: Cluster, url: str, tmp_path: Path) -> None:
    folder = _older(tmp_path, 9999)
    (folder / "versions" / "v9999_later.py").write_text(
        _LATER.format(head=known_schemas()[0]) + '    op.add_column("nowhere", sa.Column("x", sa.Text()))\n',
        encoding="utf-8",
    )
    with pytest.raises(IntegrityError, match="nowhere"):
        Tables(url, migrations=folder)
    columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'checked_by'"
    assert postgresql.execute("kpgeo", columns) == [(0,)]
    Tables(url).close()


@pytest.mark.fault(9)
def test_a_newer_schema_and_a_database_of_someone_else_are_refused(postgresql: Cluster, tmp_path: Path) -> None:
    folder = _older(tmp_path, 9999)
    (folder / "versions" / "v9999_later.py").write_text(_LATER.format(head=known_schemas()[0]), encoding="utf-8")
    newer = postgresql.empty_database("newer")
    Tables(newer, migrations=folder).close()
    with pytest.raises(IntegrityError, match="newer"):
        Tables(newer)
    other = postgresql.empty_database("other")
    postgresql.execute("other", "CREATE TABLE orders (id int)")
    with pytest.raises(IntegrityError, match="not kpgeo's"):
        Tables(other)


def test_many_that_open_empty_tables_at_once_make_them_once(postgresql: Cluster) -> None:
    url, faults = postgresql.empty_database("rush"), []

    def make() -> None:
        try:
            Tables(url).close()
        except Exception as error:  # noqa: BLE001 - each is shown
            faults.append(error)

    _together([make] * 4)
    assert faults == []


def _together(tasks: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_that_write_at_once_take_turns_and_the_chain_is_whole(url: str) -> None:
    def write(first: int) -> Callable[[], None]:
        def task() -> None:
            with closing(Tables(url)) as own:
                for number in range(first, first + 10):
                    own.ledger.append([_entry(number), _entry(number + 100)])

        return task

    _together([write(first) for first in range(0, 40, 10)])
    with closing(Tables(url)) as tables:
        assert tables.ledger.verify()[0] == 80
        assert {entry.body["n"] for entry in tables.ledger.entries()} == {*range(40), *range(100, 140)}


def test_what_stands_in_the_ledger_is_not_changed_by_any_statement(postgresql: Cluster, tables: Tables) -> None:
    tables.ledger.append([_entry(0)])
    for statement in ("UPDATE ledger SET actor = 'x'", "DELETE FROM ledger", "TRUNCATE ledger"):
        with pytest.raises(Exception, match="append-only"):
            postgresql.execute("kpgeo", statement)
    assert tables.ledger.verify()[0] == 1


@pytest.mark.fault(9)
def test_a_writer_waits_for_another_and_then_gives_up(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BUSY_MS", 150)
    with tables._database.writing():
        with pytest.raises(BusyError, match="written to"):
            tables.ledger.append([_entry(0)])
        assert tables.ledger.entries() == [], "reading is not held up"
    tables.ledger.append([_entry(0)])


def test_who_reads_sees_one_moment(tables: Tables) -> None:
    with tables._database.reading() as connection:
        before = _head(connection)
        tables.ledger.append([_entry(0)])
        assert _head(connection) == before
    assert tables.ledger.head() != before


def test_who_reads_cannot_write(tables: Tables) -> None:
    with pytest.raises(IntegrityError, match="read-only"), tables._database.reading() as connection:
        connection.execute(text("DELETE FROM outbox"))


def _cut(postgresql: Cluster, name: str = "kpgeo") -> None:
    """End every connection to a database, as a server that is started anew does."""
    others = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    postgresql.execute("postgres", others)


@pytest.mark.fault(7)
def test_a_connection_that_died_idle_is_opened_anew_and_one_that_dies_at_work_is_said(
    postgresql: Cluster, tables: Tables
) -> None:
    tables.ledger.append([_entry(0)])
    _cut(postgresql)
    assert len(tables.ledger.entries()) == 1

    def append_and_cut() -> None:
        with tables._database.writing() as connection:
            append_entries(connection, [_entry(1)])
            _cut(postgresql)
            append_entries(connection, [_entry(2)])

    with pytest.raises(UpstreamError, match="cannot be reached") as caught:
        append_and_cut()
    assert PASSWORD not in str(caught.value)
    assert tables.ledger.verify()[0] == 1, "all of it or nothing"


@pytest.mark.fault(43)
@pytest.mark.parametrize("named", [{"port": "1"}, {"user": "nobody"}])
def test_a_server_that_is_not_there_or_knows_us_not_is_said_without_the_password(
    postgresql: Cluster, named: dict[str, str]
) -> None:
    wrong = postgresql.url("kpgeo", **named)
    for attempt in (lambda: Tables(wrong), lambda: holder_of(wrong), lambda: ServerLock(wrong).__enter__()):
        with pytest.raises(UpstreamError, match="cannot be reached") as caught:
            attempt()
        assert PASSWORD not in str(caught.value)


def _room(tmp_path: Path, url: str, name: str = "workspace") -> Workspace:
    return Workspace(tmp_path / name, database_url=url)


@pytest.mark.fault(4)
def test_two_hosts_with_folders_of_their_own_cannot_run_on_one_set_of_tables(tmp_path: Path, url: str) -> None:
    one, other = _room(tmp_path, url, "one"), _room(tmp_path, url, "other")
    with one.lock():
        assert one.is_held()
        assert other.is_held()
        with pytest.raises(BusyError, match=rf"process {os.getpid()} on .* since 20"), other.lock():
            pass
        with one.delivering(), pytest.raises(BusyError), other.delivering(wait_s=0.1):
            pass
    assert not other.is_held()
    with other.lock():
        pass


_HOLDER = """
import sys, time
from pathlib import Path
from kpgeo.store import Workspace

with Workspace(Path(sys.argv[1]), database_url="env:KPGEO_DATABASE_URL").lock():
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.fault(4)
def test_the_right_to_run_goes_with_a_killed_process(tmp_path: Path, url: str) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path / "theirs")],
        env={**os.environ, "KPGEO_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        ours = _room(tmp_path, url, "ours")
        with pytest.raises(BusyError, match=f"process {holder.pid} on "), ours.lock():
            pass
        os.kill(holder.pid, signal.SIGKILL)
    with ours.lock(wait_s=10.0):
        assert holder_of(url) is not None


@pytest.mark.fault(7)
def test_a_run_whose_lock_is_lost_writes_nothing_any_more(postgresql: Cluster, tmp_path: Path, url: str) -> None:
    room = _room(tmp_path, url)
    with room.lock(), closing(room.tables()) as tables:
        tables.ledger.append([_entry(0)])
        _cut(postgresql)  # and the server lets another run begin
        with _room(tmp_path, url, "other").lock(), pytest.raises(IntegrityError, match="the right to write"):
            tables.ledger.append([_entry(1)])
        assert len(tables.ledger.entries()) == 1
    with closing(room.tables()) as tables:
        tables.ledger.append([_entry(2)])


@pytest.fixture
def named(small_world: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a pipeline file that names its database by a variable of the environment."""
    monkeypatch.setenv("KPGEO_DATABASE_URL", url)
    path = small_world / "pipeline-postgresql.toml"
    text = (small_world / "pipeline.toml").read_text(encoding="utf-8")
    path.write_text(f'database = "env:KPGEO_DATABASE_URL"\n{text}', encoding="utf-8")
    yield path
    path.unlink()


@pytest.mark.fault(43)
def test_a_run_comes_to_the_same_as_in_a_file_and_the_password_shows_nowhere(
    named: Path, fitted: Path, watched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    pipeline = Pipeline.read(named)
    with pytest.raises(BadInputError, match="tables of its own"):
        flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    for path in workspace.glob("kpgeo.db*"):
        path.unlink()
    report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    assert report.exit_code == 0
    assert not (workspace / "kpgeo.db").exists()
    with closing(Workspace(watched).tables()) as file, closing(Workspace(workspace).tables()) as tables:
        assert tables.digest() == file.digest()
        assert tables.runs.runs(pipeline.name)[-1].exit_code == 0
    listed = CliRunner().invoke(cli.app, ["alerts", "list", "--workspace", str(workspace), "--json"])
    assert listed.exit_code == 0, listed.output
    in_file = CliRunner().invoke(cli.app, ["alerts", "list", "--workspace", str(watched), "--json"])
    assert _alerts(listed.stdout) == _alerts(in_file.stdout)
    (tables_found,) = place_findings(workspace, pipeline.database)
    assert (tables_found.state, "PostgreSQL" in tables_found.detail) == ("ok", True)
    kept = [path for path in workspace.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert kept == []
    assert PASSWORD not in caplog.text + listed.output + "".join(capfd.readouterr()) + tables_found.detail
    monkeypatch.delenv("KPGEO_DATABASE_URL")
    without = CliRunner().invoke(cli.app, ["alerts", "list", "--workspace", str(workspace)])
    assert without.exit_code == 2
    assert "holds no KPGEO_DATABASE_URL" in without.stderr
    (missing,) = place_findings(workspace, "")
    assert missing.state == "fail"


def _alerts(stdout: str) -> list[dict[str, object]]:
    content = json.loads(stdout.splitlines()[-1])
    assert content["alerts"]
    return list(content["alerts"])
