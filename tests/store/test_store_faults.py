"""Kill -9 while the state is written: the head is as it was or as it should be, and running again gives the same."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kpgeo.store import StateStore

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


def test_killed_in_the_very_first_commit(tmp_path, uninterrupted):
    store = StateStore(folder=tmp_path / "state", grid=killed_run.GRID)
    _run_and_die(store.folder, 10, 11, "move", 1)
    assert store.head().snapshot_id == ""
    assert store.snapshots() == []
    killed_run.write(store.folder, 10, 11)
    assert store.digest() == uninterrupted[1]
