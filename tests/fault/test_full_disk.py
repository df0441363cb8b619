"""A disk that is full, broken or read-only is named, nothing is half-written, and a run again comes right."""

import errno
import io
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine.default import DefaultDialect

from kpgeo import flows
from kpgeo.model.errors import IntegrityError, KpgeoError
from kpgeo.options.pipeline import Pipeline

Fingerprint = Callable[[Path, Path], tuple[str, str]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts, or mounts anew, a disk in memory with options such as `size=8m`."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        words = ["mount", "-t", "tmpfs", "-o", f"remount,{options}" if mounted else options, "tmpfs", str(folder)]
        done = subprocess.run(words, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk in memory can be mounted here: {done.stderr.decode().strip()}")
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


def _bytes_below(folder: Path) -> int:
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*"))


def _require_whole(workspace: Path) -> None:
    """See that no file is half-written."""
    if (workspace / "kpgeo.db").exists():
        connection = sqlite3.connect(workspace / "kpgeo.db")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
    for path in (*workspace.glob("products/outbox/*.json"), *workspace.glob("runs/*/manifest.json")):
        json.loads(path.read_bytes())
    if (workspace / "watched.json").exists():
        json.loads((workspace / "watched.json").read_bytes())


@pytest.mark.fault(5)
@pytest.mark.parametrize("spare_kib", [8, pytest.param(300, marks=pytest.mark.long), 700])
def test_a_full_disk_stops_a_run_and_nothing_else(
    small_world: Path,
    fitted: Path,
    watched: Path,
    small_disk: Callable[[str], Path],
    fingerprint_of: Fingerprint,
    spare_kib: int,
) -> None:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    disk = small_disk("size=200m")
    workspace = Path(shutil.copytree(fitted, disk / "workspace"))
    small_disk(f"size={(_bytes_below(disk) // 1024) + 64 + spare_kib}k")
    try:
        report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
        assert report.exit_code == 5
        (error,) = report.errors.values()
    except IntegrityError as stopped:
        error = stopped
    assert "room" in error.remedy
    _require_whole(workspace)
    small_disk("size=200m")
    assert flows.run_pipeline(pipeline, workspace=workspace, cluster="sync").exit_code == 0
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


@pytest.mark.fault(5)
def test_a_disk_that_may_only_be_read_is_said(
    small_world: Path, watched: Path, small_disk: Callable[[str], Path]
) -> None:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    disk = small_disk("size=200m")
    workspace = Path(shutil.copytree(watched, disk / "workspace"))
    small_disk("ro")
    for place in (workspace, disk / "another"):
        with pytest.raises(KpgeoError, match="Read-only file system") as caught:
            flows.run_pipeline(pipeline, workspace=place, cluster="sync")
        assert "written to" in caught.value.remedy or "may write" in caught.value.remedy
    small_disk("rw")


@pytest.mark.fault(5)
@pytest.mark.parametrize("most_kib", [1, 8, pytest.param(40, marks=pytest.mark.long)])
def test_files_that_may_not_grow(
    small_world: Path,
    fitted: Path,
    watched: Path,
    tmp_path: Path,
    warm: Any,
    fingerprint_of: Fingerprint,
    most_kib: int,
) -> None:
    """A quota: the native code of the state and of the tables is refused, too, and each exit code is the right one."""
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    words = ("run", small_world / "pipeline.toml", "--workspace", workspace, "--cluster", "sync")
    end = warm.run(*words, most_bytes=most_kib * 1024)
    assert end.code == 5
    assert "room" in end.complaint
    assert "This is a fault in kpgeo" not in end.complaint
    _require_whole(workspace)
    assert warm.run(*words).code == 0
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


@pytest.fixture
def undecided(small_world: Path, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace whose state is up to date, and whose tables have not heard of it."""
    workspace = Path(shutil.copytree(fitted, tmp_path / "undecided"))

    def stop(*_: object) -> None:
        raise KpgeoError("Stopped before deciding.")

    with monkeypatch.context() as patch:
        patch.setattr("kpgeo.flows.watching.running.decide", stop)
        flows.run_pipeline(Pipeline.read(small_world / "pipeline.toml"), workspace=workspace, cluster="sync")
    return workspace


@contextmanager
def _refusing(turn: int, code: int) -> Iterator[Callable[[], int]]:
    """Let the `turn`-th step of writing be refused, once: opening to write, fsync, rename, commit of the tables."""
    count = 0

    def refuses() -> bool:
        nonlocal count
        count += 1
        return count == turn

    def around(original: Callable[..., Any], writes: Callable[..., bool], error: Exception) -> Callable[..., Any]:
        def called(*args: Any, **named: Any) -> Any:
            if writes(*args, **named) and refuses():
                raise error
            return original(*args, **named)

        return called

    def always(*_: Any, **__: Any) -> bool:
        return True

    refused = OSError(code, os.strerror(code))
    io_error = sqlite3.OperationalError("disk I/O error" if code == errno.EIO else "database or disk is full")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", around(os.fsync, always, refused))
        patch.setattr(os, "replace", around(os.replace, always, refused))
        patch.setattr(os, "open", around(os.open, lambda _, flags, *more, **named: bool(flags & os.O_CREAT), refused))
        patch.setattr(
            io, "open", around(io.open, lambda _, mode="r", *more, **named: bool(set(mode) & set("wax")), refused)
        )
        patch.setattr(os, "mkdir", around(os.mkdir, always, refused))
        patch.setattr(DefaultDialect, "do_commit", around(DefaultDialect.do_commit, always, io_error))
        yield lambda: count


@pytest.mark.long
@pytest.mark.fault(8)
def test_each_write_of_deciding_and_delivering_refused_once(
    small_world: Path, watched: Path, undecided: Path, fingerprint_of: Fingerprint
) -> None:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    turn, named = 0, 0
    while True:
        turn += 1
        with _refusing(turn, (errno.ENOSPC, errno.EIO)[turn % 2]) as steps:
            try:
                report = flows.run_pipeline(pipeline, workspace=undecided, cluster="sync")
                code = report.exit_code
            except KpgeoError as error:
                code = error.exit_code
        assert code in (0, 2, 5), f"step {turn}"
        named += code != 0
        _require_whole(undecided)
        assert not list(undecided.rglob(".tmp-*")), f"step {turn}"
        if steps() < turn:
            break
    assert named > 20
    assert flows.run_pipeline(pipeline, workspace=undecided, cluster="sync").exit_code == 0
    assert fingerprint_of(small_world, undecided) == fingerprint_of(small_world, watched)
    delivered = {path.name: path.read_bytes() for path in (watched / "products" / "outbox").iterdir()}
    assert {path.name: path.read_bytes() for path in (undecided / "products" / "outbox").iterdir()} == delivered
