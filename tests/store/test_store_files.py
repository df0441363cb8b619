"""Files, locks, workspaces: whole or absent, one at a time, never outside."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpgeo.model.errors import BadInputError, BusyError
from kpgeo.store import Workspace, write_atomic
from kpgeo.store.files import sweep_stale
from kpgeo.store.lock import Lock


def _run(code: str, *args: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "deep" / "file.bin"
    write_atomic(path, b"one")
    write_atomic(path, lambda beside: beside.write_bytes(b"two"))
    assert path.read_bytes() == b"two"
    assert _names(path.parent) == ["file.bin"]


def test_a_writer_is_given_a_path_with_the_same_ending_in_the_same_folder(tmp_path):
    seen = []

    def write(beside: Path) -> None:
        seen.append(beside)
        beside.write_bytes(b"x")
        beside.with_name(beside.name + ".aux.xml").write_bytes(b"left by a library")

    write_atomic(tmp_path / "map.tif", write)
    assert seen[0].suffix == ".tif"
    assert seen[0].parent == tmp_path
    assert _names(tmp_path) == ["map.tif"]


@pytest.mark.fault(2)
def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.bin"
    write_atomic(path, b"old")

    def write(beside: Path) -> None:
        beside.write_bytes(b"half")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write_atomic(path, write)
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == ["file.bin"]


@pytest.mark.fault(5)
@pytest.mark.fault(8)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "file.bin"
    write_atomic(path, b"old")

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, refuse)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == ["file.bin"]


_KILLED_WRITE = """
import os, signal, sys
from pathlib import Path
from kpgeo.store.files import write_atomic
def write(beside):
    beside.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
write_atomic(Path(sys.argv[1]), write)
"""


@pytest.mark.fault(1)
def test_what_a_killed_write_left_is_swept_when_the_workspace_is_opened(tmp_path):
    path = tmp_path / "workspace" / "products" / "deep" / "map.tif"
    write_atomic(path, b"old")
    assert _run(_KILLED_WRITE, path).returncode == -9
    assert path.read_bytes() == b"old"
    assert len(_names(path.parent)) == 2
    Workspace(tmp_path / "workspace")
    assert _names(path.parent) == ["map.tif"]


@pytest.mark.fault(1)
def test_what_a_killed_write_left_is_swept_by_the_next_write_of_the_same_file(tmp_path):
    path = tmp_path / "map.tif"
    assert _run(_KILLED_WRITE, path).returncode == -9
    write_atomic(path, b"new")
    assert _names(tmp_path) == ["map.tif"]


@pytest.mark.fault(1)
def test_a_file_being_written_is_not_swept(tmp_path):
    inner = []

    def write(beside: Path) -> None:
        beside.write_bytes(b"half")
        inner.append(sweep_stale(tmp_path))

    write_atomic(tmp_path / "file.bin", write)
    assert inner == [0]
    other = tmp_path / f".tmp-{os.uname().nodename.replace('-', '_')}-1-abcdef00-file.bin"  # process 1 lives
    other.write_bytes(b"half")
    assert sweep_stale(tmp_path) == 0
    elsewhere = tmp_path / ".tmp-another_host-999999-abcdef00-file.bin"
    elsewhere.write_bytes(b"half")
    assert sweep_stale(tmp_path) == 0
    two_days_ago = time.time() - 2 * 86_400
    os.utime(elsewhere, (two_days_ago, two_days_ago))
    assert sweep_stale(tmp_path) == 1


@pytest.mark.fault(4)
def test_a_lock_names_its_holder_and_is_free_afterwards(workspace):
    with workspace.lock():
        with pytest.raises(BusyError, match=f"process {os.getpid()} on ") as caught, workspace.lock():
            pass
        assert "Wait until it has finished" in str(caught.value)
        assert json.loads((workspace.path / ".lock").read_text())["pid"] == os.getpid()
    with workspace.lock():
        pass


def test_a_lock_is_released_by_an_error(workspace):
    with pytest.raises(ZeroDivisionError), workspace.lock():
        raise ZeroDivisionError
    with workspace.lock():
        pass


def test_waiting_for_a_lock(tmp_path):
    first = Lock(tmp_path / ".lock")
    first.acquire()
    threading.Timer(0.3, first.release).start()
    with Lock(tmp_path / ".lock", wait_s=10.0):
        pass


@pytest.mark.fault(4)
def test_a_lock_that_does_not_name_its_holder_still_holds(tmp_path):
    with Lock(tmp_path / ".lock"):
        (tmp_path / ".lock").write_text("[]")
        with pytest.raises(BusyError, match="not named itself"):
            Lock(tmp_path / ".lock").acquire()


@pytest.mark.fault(4)
def test_a_killed_process_holds_no_lock(workspace):
    code = "import os, signal, sys; from kpgeo.store.lock import Lock; from pathlib import Path\n"
    code += "Lock(Path(sys.argv[1])).acquire(); os.kill(os.getpid(), signal.SIGKILL)"
    assert _run(code, workspace.path / ".lock").returncode == -9
    assert json.loads((workspace.path / ".lock").read_text())["pid"] != os.getpid()
    with workspace.lock():
        pass


def test_a_workspace_has_its_folders(workspace):
    assert {path.name for path in workspace.path.iterdir()} == {"state", "products", "evidence", "runs", "briefs"}
    assert workspace.run_folder("run-1").is_dir()
    for folder in (workspace.products, workspace.evidence, workspace.briefs):
        assert folder.is_dir()


def test_a_workspace_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BadInputError, match="cannot be made"):
        Workspace(tmp_path / "file")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", "a\\b", "a\n", "a b", "~", "é", ".hidden", "a" * 101]
)
def test_a_name_that_could_lead_elsewhere_is_refused(workspace, grid, name):
    with pytest.raises(BadInputError, match="cannot name"):
        workspace.state(name, "lineage", grid)
    with pytest.raises(BadInputError, match="cannot name"):
        workspace.state("aoi", name, grid)
    with pytest.raises(BadInputError, match="cannot name"):
        workspace.run_folder(name)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30))
def test_any_name_is_refused_or_stays_inside(workspace, name):
    try:
        place = workspace.inside("state", name)
    except BadInputError:
        return
    assert place.resolve().parent == workspace.path / "state"


def test_a_link_out_of_the_workspace_is_refused(workspace, tmp_path):
    (workspace.path / "state" / "aoi").symlink_to(tmp_path)
    with pytest.raises(BadInputError, match="out of the workspace"):
        workspace.inside("state", "aoi", "lineage")
