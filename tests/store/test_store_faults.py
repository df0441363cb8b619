"""Killed writers, locks of the dead, databases busy, old or broken: the store is as it was or as it should be."""

import contextlib
import dataclasses
import errno
import fcntl
import importlib.util
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kpgeo.model.aoi import Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.decision import Commit
from kpgeo.model.errors import BadInputError, BusyError, IntegrityError
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.store import StateStore, Tables, Workspace, database, write_atomic
from kpgeo.store.database import MIGRATIONS
from kpgeo.store.files import sweep_stale
from kpgeo.store.lock import Lock

_SCRIPT = Path(__file__).with_name("killed_run.py")
_spec = importlib.util.spec_from_file_location("killed_run", _SCRIPT)
killed_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(killed_run)


def _run_and_die(folder: Path, first: int, last: int, point: str, turn: int) -> None:
    command = [sys.executable, str(_SCRIPT), str(folder), str(first), str(last), point, str(turn)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr


def _n_files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[Path, str, str]:
    """Return a folder with the first run in it, the digest after that run, and the digest after the second."""
    folder = tmp_path_factory.mktemp("whole")
    killed_run.write(folder / "first", 10, 11)
    shutil.copytree(folder / "first", folder / "second")
    killed_run.write(folder / "second", 11, 13)
    digests = [StateStore(folder=folder / name, grid=killed_run.GRID).digest() for name in ("first", "second")]
    return folder / "first", *digests


@pytest.mark.fault(1)
@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("point", "turn", "is_new"),
    [
        pytest.param("layout", 1, False, marks=pytest.mark.long),
        ("write", 3, False),
        pytest.param("merge", 2, False, marks=pytest.mark.long),
        ("commit", 2, False),
        pytest.param("fsync", 4, False, marks=pytest.mark.long),
        pytest.param("move", 1, False, marks=pytest.mark.long),
        ("moved", 1, True),
        pytest.param("drop", 1, True, marks=pytest.mark.long),
    ],
)
def test_killed_at_any_point_and_run_again(tmp_path, uninterrupted, point, turn, is_new):
    first, *digests = uninterrupted
    shutil.copytree(first, tmp_path / "state")
    store = StateStore(folder=tmp_path / "state", grid=killed_run.GRID)
    files, head = _n_files(store.folder), store.head()
    _run_and_die(store.folder, 11, 13, point, turn)
    assert (store.head().snapshot_id != head.snapshot_id) == is_new
    assert store.digest() == digests[is_new]
    store.begin(11, 13).abandon()
    if not is_new:
        assert _n_files(store.folder) == files, "what the killed run wrote is gone"
    killed_run.write(store.folder, 11, 13)
    assert store.digest() == digests[1]


@pytest.mark.fault(1)
def test_killed_in_the_very_first_commit(tmp_path, uninterrupted):
    store = StateStore(folder=tmp_path / "state", grid=killed_run.GRID)
    _run_and_die(store.folder, 10, 11, "move", 1)
    assert store.head().snapshot_id == ""
    assert store.snapshots() == []
    killed_run.write(store.folder, 10, 11)
    assert store.digest() == uninterrupted[1]


_HOST = socket.gethostname().replace("-", "_")
_HOLDER = """
import sys, time
from pathlib import Path
from kpgeo.store.lock import Lock
Lock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def _another(code: str, *words: object) -> Iterator["subprocess.Popen[str]"]:
    """Run code in another process, from its first line of output until the block ends."""
    command = [sys.executable, "-c", code, *map(str, words)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.fault(4)
def test_a_lock_of_another_process_is_named_and_goes_with_it(workspace):
    with _another(_HOLDER, workspace.path / ".lock") as holder:
        with pytest.raises(BusyError, match=f"process {holder.pid} on ") as caught, workspace.lock():
            pass
        assert caught.value.exit_code == 2
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with workspace.lock():
            pass


@pytest.mark.fault(4)
def test_a_stale_lock_that_names_a_living_process_is_taken(workspace):
    """The number of the dead process was given out anew: who holds a lock is the kernel's to say."""
    stale = {"pid": os.getppid(), "host": socket.gethostname(), "since": "2020-01-01T00:00:00+00:00"}
    (workspace.path / ".lock").write_text(json.dumps(stale))
    with workspace.lock():
        assert json.loads((workspace.path / ".lock").read_text())["pid"] == os.getpid()


@pytest.mark.fault(4)
def test_a_lock_held_on_another_host_is_named_with_it(workspace):
    with workspace.lock():
        elsewhere = {"pid": 77, "host": "elsewhere", "since": "2024-01-01T00:00:00+00:00"}
        (workspace.path / ".lock").write_text(json.dumps(elsewhere))
        with pytest.raises(BusyError, match="process 77 on elsewhere since 2024"):
            Lock(workspace.path / ".lock").acquire()


@pytest.mark.fault(4)
def test_a_file_system_without_locks_is_said(workspace, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(BadInputError, match="knows no locks") as caught, workspace.lock():
        pass
    assert "disk of this machine" in caught.value.remedy


@pytest.mark.fault(1)
@pytest.mark.fault(4)
def test_what_a_dead_writer_left_is_swept_though_its_number_lives_again(tmp_path):
    left = tmp_path / f".tmp-{_HOST}-{os.getppid()}.1-abcdef00-map.tif"
    left.write_bytes(b"half")
    assert sweep_stale(tmp_path) == 1


@pytest.mark.fault(1)
@pytest.mark.parametrize("name", ["map.gpkg", "map [old].gpkg", "*.gpkg"])
def test_what_a_library_left_beside_a_file_is_swept_with_it(tmp_path, name):
    for side in ("", "-journal", ".tmp_rtree_x.db"):
        (tmp_path / f".tmp-{_HOST}-999999999.1-abcdef00-{name}{side}").write_bytes(b"half")
    (tmp_path / "mine.gpkg").write_bytes(b"mine")
    write_atomic(tmp_path / name, b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["mine.gpkg", name])


FIGURE = DeclaredFigure(
    participant="Ghana", iso3="GHA", period=Period.parse("2024"), kind=DeclaredKind.NO_PRODUCTION, carats=None,
    value_usd=None, as_published_on=None, source=Sourced(source="s", confidence="high"),
)  # fmt: skip
_REVISIONS = sorted(path.name for path in (MIGRATIONS / "versions").glob("v*.py"))


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "kpgeo.db"


def _released(folder: Path, last: str) -> Path:
    """Return the migrations as they were when a revision was the newest."""
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _REVISIONS[_REVISIONS.index(last) + 1 :]:
        (folder / "versions" / name).unlink()
    return folder


COMMIT = Commit(aoi_id="a", lineage="l", snapshot_id="s", first_dekad=1, last_dekad=2, scenes_digest="d")


def _begin_at(path: Path, migrations: Path) -> None:
    """Make the tables of an older kpgeo, with a row of a table that has been the same from the first."""
    Tables(_url(path), migrations=migrations).close()
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO commits (aoi_id, lineage, snapshot_id, first_dekad, last_dekad, scenes_digest) "
        "VALUES ('a', 'l', 's', 1, 2, 'd')"
    )
    connection.commit()
    connection.close()


@pytest.mark.fault(9)
@pytest.mark.parametrize("last", _REVISIONS[:-1])
def test_each_released_schema_is_brought_forward_and_a_copy_kept(tmp_path, path, last):
    older = _released(tmp_path / "older", last)
    _begin_at(path, older)
    assert Tables(_url(path)).last_commit("a", "l") == COMMIT
    (copy,) = path.parent.glob("kpgeo-before-*.db")
    assert Tables(_url(copy), migrations=older).last_commit("a", "l") == COMMIT
    with pytest.raises(IntegrityError, match="newer"):
        Tables(_url(path), migrations=older)


_KILLED_MIGRATION = """
import os, signal, sys
from kpgeo.store import Tables
from kpgeo.store.database import Database
upgrade = Database._upgrade
def deadly(self, connection):
    upgrade(self, connection)
    os.kill(os.getpid(), signal.SIGKILL)
Database._upgrade = deadly
Tables(sys.argv[1])
"""


@pytest.mark.fault(1)
@pytest.mark.fault(9)
def test_killed_while_the_schema_is_brought_forward(tmp_path, path):
    older = _released(tmp_path / "older", _REVISIONS[0])
    _begin_at(path, older)
    command = [sys.executable, "-c", _KILLED_MIGRATION, _url(path)]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == -9
    assert Tables(_url(path), migrations=older).last_commit("a", "l") == COMMIT, "the old schema stands"
    assert Tables(_url(path)).last_commit("a", "l") == COMMIT


_WRITER = """
import sqlite3, sys, time
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
other.execute("COMMIT")
"""


@pytest.mark.fault(9)
def test_another_process_that_writes_for_a_second_is_waited_for(path):
    tables = Tables(_url(path))
    with _another(_WRITER, path, 1.0):
        assert tables.add_declared([FIGURE]) == 1


@pytest.mark.fault(9)
def test_another_process_that_never_ends_writing_is_given_up(path, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_MS", 200)
    tables = Tables(_url(path))
    with _another(_WRITER, path, 600):
        begin = time.monotonic()
        with pytest.raises(BusyError, match="written to") as caught:
            tables.add_declared([FIGURE])
        assert time.monotonic() - begin < 30
        assert caught.value.exit_code == 2
        assert tables.declared() == [], "reading is not held up"
    assert tables.add_declared([FIGURE]) == 1


@pytest.mark.fault(9)
def test_a_damaged_page_stops_who_reads_it_and_is_not_written_over(path):
    tables = Tables(_url(path))
    tables.add_declared([FIGURE])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'declared'").fetchall()
    connection.close()
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(broken)
    another = dataclasses.replace(FIGURE, iso3="GIN", participant="Guinea")
    for use in (tables.declared, lambda: tables.add_declared([another])):
        with pytest.raises(IntegrityError, match="refuse") as caught:
            use()
        assert caught.value.exit_code == 5
    path.write_bytes(whole)
    assert Workspace(path.parent, database_url=_url(path)).tables().declared() == [FIGURE]
