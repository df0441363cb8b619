"""A run whose scenes come from stac-fastapi and whose files come from nginx is the run from the folder."""

import datetime as dt
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

import pytest

from kpgeo import flows
from kpgeo.model.calendar import date_of
from kpgeo.model.run import Gap, RunVerdict
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace
from tests.servers.conftest import ServedWorld

Decided = tuple[str, object]


@pytest.fixture
def workspace(fitted: Path, tmp_path: Path) -> Path:
    """Return a workspace that has learnt the baseline and watched nothing yet."""
    return Path(shutil.copytree(fitted, tmp_path / "workspace"))


@pytest.fixture(scope="session")
def until(small_world: Path, watched: Path) -> dt.date:
    """Return the day after the world's last scene: a catalogue on the network is otherwise asked up to today."""
    (watch,) = flows.open_watches(Pipeline.read(small_world / "pipeline.toml"))
    tables = Workspace(watched).tables()
    try:
        return date_of(max(scene.day for scene in tables.scenes(watch.aoi.id)) + 1)
    finally:
        tables.close()


def _decided(world: Path, workspace: Path) -> Decided:
    """Return the digest of the pixel state, and all that was decided from it."""
    (watch,) = flows.open_watches(Pipeline.read(world / "pipeline.toml"))
    key = (watch.aoi.id, watch.lineage)
    room = Workspace(workspace)
    tables = room.tables()
    try:
        rows = tables.sites(*key), tables.site_events(*key), tables.alerts(*key), tables.coverage(*key)
    finally:
        tables.close()
    return room.state(*key, watch.grid).digest(), rows


def _run(served: ServedWorld, workspace: Path, until: dt.date) -> flows.RunReport:
    return flows.run_pipeline(Pipeline.read(served.pipeline), workspace=workspace, until=until, cluster="sync")


@pytest.mark.long
def test_a_whole_run_over_both_servers_is_the_run_from_the_folder(
    served: ServedWorld, watched: Path, tmp_path: Path, until: dt.date
) -> None:
    before = len(served.web.requests())
    report = _run(served, tmp_path / "workspace", until)
    assert report.exit_code == 0, report.gap_sentences()
    assert _decided(served.folder, tmp_path / "workspace") == _decided(served.folder, watched)
    answered = [status for method, status in served.web.requests()[before:] if method == "GET"]
    assert len(answered) > 100
    assert set(answered) == {206}, "files are read by ranges"


@pytest.mark.long
@pytest.mark.fault(21)
def test_a_web_server_that_comes_back_is_waited_for(
    served: ServedWorld, workspace: Path, watched: Path, until: dt.date
) -> None:
    with _Crash(served, after_requests=20, is_back_after_s=0.3) as crash:
        code = _run_apart(served, workspace, until)
    assert crash.has_happened
    if code:  # some files were asked for in vain: they are named, and the next run has them
        assert code == 3
        assert {gap.reason.partition(":")[0] for gap in _gaps(served, workspace)} == {"unreadable"}
        assert _run_apart(served, workspace, until) == 0
    assert _decided(served.folder, workspace) == _decided(served.folder, watched)


@pytest.mark.long
@pytest.mark.fault(22)
def test_a_web_server_that_stays_away_leaves_named_gaps(
    served: ServedWorld, workspace: Path, watched: Path, until: dt.date
) -> None:
    with _Crash(served, after_requests=20, is_back_after_s=None) as crash:
        code = _run_apart(served, workspace, until)
    assert crash.has_happened
    assert code == 3
    gaps = _gaps(served, workspace)
    assert gaps
    assert all(gap.reason.startswith("unreadable: ") and gap.scene_id for gap in gaps)
    assert _decided(served.folder, workspace) != _decided(served.folder, watched)

    assert _run_apart(served, workspace, until) == 0
    assert not _gaps(served, workspace)
    assert _decided(served.folder, workspace) == _decided(served.folder, watched)


@pytest.mark.fault(24)
def test_a_database_that_is_down_fails_the_run_and_the_next_one_makes_it_good(
    served: ServedWorld, workspace: Path, watched: Path, until: dt.date
) -> None:
    head = _head(served, workspace)
    served.stac.database.program.stop()
    try:
        report = _run(served, workspace, until)
    finally:
        served.stac.database.program.start()
    assert report.exit_code == 4
    assert [result.verdict for result in report.results] == [RunVerdict.FAILED]
    assert "catalogue" in report.gap_sentences()[0].lower()
    assert _head(served, workspace) == head, "nothing was committed"

    assert _run(served, workspace, until).exit_code == 0
    assert _decided(served.folder, workspace) == _decided(served.folder, watched)


def _run_apart(served: ServedWorld, workspace: Path, until: dt.date) -> int:
    """Do `kpgeo run` in a process of its own, which remembers no file that was read before; return its exit code."""
    command = [sys.executable, "-m", "kpgeo", "run", str(served.pipeline), "--workspace", str(workspace)]
    done = subprocess.run(
        [*command, "--until", until.isoformat(), "--cluster", "sync"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "NO_COLOR": "1", "XDG_CACHE_HOME": str(workspace / "cache")},
        timeout=300,
        check=False,
    )
    return done.returncode


def _gaps(served: ServedWorld, workspace: Path) -> list[Gap]:
    (watch,) = flows.open_watches(Pipeline.read(served.pipeline))
    tables = Workspace(workspace).tables()
    try:
        return tables.gaps(watch.aoi.id)
    finally:
        tables.close()


def _head(served: ServedWorld, workspace: Path) -> str:
    (watch,) = flows.open_watches(Pipeline.read(served.pipeline))
    return Workspace(workspace).state(watch.aoi.id, watch.lineage, watch.grid).head().snapshot_id


class _Crash:
    """Kills the web server once it has answered so many requests, and starts it again after a while or at the end."""

    def __init__(self, served: ServedWorld, *, after_requests: int, is_back_after_s: float | None) -> None:
        self.has_happened = False
        self._web = served.web
        self._at = len(served.web.requests()) + after_requests
        self._pause_s = is_back_after_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._wait_and_kill)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _wait_and_kill(self) -> None:
        while len(self._web.requests()) < self._at:
            if self._is_over.wait(0.02):
                return
        self._web.program.kill()
        self.has_happened = True
        self._is_over.wait(self._pause_s)
        self._web.program.start()
