"""Killed anywhere and run again, kpgeo comes to what it would have come to; and two runs do not write at once."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.model.errors import BusyError
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace

Fingerprint = Callable[[Path, Path], tuple[str, str]]
_TRIES = 20


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
def test_killed_at_random_moments_it_still_comes_to_the_same(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    expected = fingerprint_of(small_world, watched)
    whole_s = _run_to_end(small_world, Path(shutil.copytree(fitted, tmp_path / "timed")))
    dice = random.Random(20)
    killed = 0
    for number in range(_TRIES):
        workspace = Path(shutil.copytree(fitted, tmp_path / f"try-{number}"))
        with _start(small_world, workspace) as process:
            time.sleep(dice.uniform(0.1, 1.0) * whole_s)
            killed += _kill(process)
        _run_to_end(small_world, workspace)
        assert fingerprint_of(small_world, workspace) == expected, f"try {number}"
        assert not list(workspace.glob("products/**/.tmp-*"))
        shutil.rmtree(workspace)
    assert killed >= _TRIES // 2, "most runs ended before they could be killed: this test tests nothing"


@pytest.mark.long
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


def test_two_runs_at_once_are_one_too_many(small_world: Path, fitted: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    with Workspace(workspace).lock(), pytest.raises(BusyError, match=str(os.getpid())):
        flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")


def test_a_lock_whose_holder_was_killed_is_no_obstacle(small_world: Path, watched: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    (workspace / ".lock").write_text('{"pid": 1, "host": "gone", "since": "2020-01-01T00:00:00+00:00"}')
    report = flows.run_pipeline(Pipeline.read(small_world / "pipeline.toml"), workspace=workspace, cluster="sync")
    assert report.exit_code == 0
