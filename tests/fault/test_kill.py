"""Killed anywhere and run again, kpgeo comes to what it would have come to; and two runs do not write at once."""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpgeo import flows
from kpgeo.model.errors import BusyError
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace

Fingerprint = Callable[[Path, Path], tuple[str, str]]
_KILLS, _KILLS_IN_A_ROW = 50, 10
_UNTIL = "2023-03-01"  # two months of the world: a run of seconds


def _start(world: Path, workspace: Path) -> "subprocess.Popen[bytes]":
    """Start `kpgeo run` in a process group of its own."""
    command = [sys.executable, "-m", "kpgeo", "run", str(world / "pipeline.toml"), "--workspace", str(workspace)]
    return subprocess.Popen(
        [*command, "--cluster", "sync"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "NO_COLOR": "1"},
    )


def _kill(process: "subprocess.Popen[bytes]") -> bool:
    """Kill a run and its workers; True if it was still running. One that has just ended is no longer there to kill."""
    is_running = process.poll() is None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return is_running


def _run_to_end(world: Path, workspace: Path) -> float:
    begin = time.monotonic()
    with _start(world, workspace) as process:
        _, complaint = process.communicate(timeout=600)
    assert process.returncode == 0, complaint.decode()
    return time.monotonic() - begin


@pytest.mark.long
@pytest.mark.fault(1)
@pytest.mark.fault(7)
def test_killed_fifty_times_it_still_comes_to_the_same(
    small_world: Path, fitted: Path, tmp_path: Path, fingerprint_of: Fingerprint, warm: Any
) -> None:
    """Half the kills come at random moments, half at random steps of writing, several to a workspace."""
    uninterrupted = Path(shutil.copytree(fitted, tmp_path / "whole"))
    whole = warm.run(*_command(small_world, uninterrupted))
    assert whole.code == 0
    expected, delivered = fingerprint_of(small_world, uninterrupted), _delivered(uninterrupted)
    dice = random.Random(50)
    killed = workspaces = 0
    while killed < _KILLS:
        workspace = Path(shutil.copytree(fitted, tmp_path / f"try-{workspaces}"))
        workspaces += 1
        assert workspaces < _KILLS, "runs end before they can be killed: this test tests nothing"
        is_done = False
        for turn in range(_KILLS_IN_A_ROW):
            when = {"step": dice.randint(1, whole.steps)} if turn % 2 else {"seconds": dice.random() * whole.seconds}
            is_done = warm.run(*_command(small_world, workspace), **when).code == 0
            _require_whole_products(workspace)
            if is_done:
                break
            killed += 1
        assert is_done or warm.run(*_command(small_world, workspace)).code == 0
        assert fingerprint_of(small_world, workspace) == expected, f"workspace {workspaces}"
        assert _delivered(workspace) == delivered
        assert not list(workspace.rglob(".tmp-*"))
        assert all((run / "manifest.json").exists() for run in (workspace / "runs").iterdir())
        shutil.rmtree(workspace)


def _command(world: Path, workspace: Path) -> tuple[object, ...]:
    return ("run", world / "pipeline.toml", "--workspace", workspace, "--until", _UNTIL, "--cluster", "sync")


def _delivered(workspace: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workspace / "products" / "outbox").glob("[!.]*")}


def _require_whole_products(workspace: Path) -> None:
    """See that every product is whole, and stands in the tables: what nobody decided is not delivered."""
    connection = sqlite3.connect(workspace / "kpgeo.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    known = {row[0] for row in connection.execute("SELECT id FROM outbox")}
    connection.close()
    told = [json.loads(content)["id"] for name, content in _delivered(workspace).items() if name.endswith(".json")]
    assert len(told) == len(set(told))
    assert set(told) <= known
    for manifest in workspace.glob("runs/*/manifest.json"):
        json.loads(manifest.read_bytes())


@pytest.mark.long
@pytest.mark.fault(1)
def test_killed_while_learning_the_baseline_it_learns_it_again(
    small_world: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    workspace = tmp_path / "workspace"
    for pause_s in (1.5, 3.0, 5.0):
        with _start(small_world, workspace) as process:
            time.sleep(pause_s)
            _kill(process)
    _run_to_end(small_world, workspace)
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


@pytest.mark.fault(4)
def test_two_runs_at_once_are_one_too_many(small_world: Path, fitted: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    with Workspace(workspace).lock(), pytest.raises(BusyError, match=str(os.getpid())):
        flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")


@pytest.mark.fault(4)
def test_a_lock_whose_holder_was_killed_is_no_obstacle(small_world: Path, watched: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    (workspace / ".lock").write_text('{"pid": 1, "host": "gone", "since": "2020-01-01T00:00:00+00:00"}')
    report = flows.run_pipeline(Pipeline.read(small_world / "pipeline.toml"), workspace=workspace, cluster="sync")
    assert report.exit_code == 0
