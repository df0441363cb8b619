"""A run over a scheduler and two workers as separate processes, some of which are killed in the middle."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.model.run import Gap, RunVerdict
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace
from tests.cluster.conftest import TILES, Result, head_of, result_of
from tests.cluster.machines import Machines
from tests.servers.programs import wait_until

_POISON = Path(__file__).with_name("poison.py")


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the traps that the workers of `trapped` look at."""
    return tmp_path_factory.mktemp("traps")


@pytest.fixture(scope="module")
def trapped(traps: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Return a scheduler and two workers that step into traps."""
    cluster = Machines(home=tmp_path_factory.mktemp("trapped"))
    try:
        _start(cluster, traps)
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(autouse=True)
def _no_trap_yet(traps: Path) -> None:
    for path in traps.iterdir():
        path.unlink()


def _start(cluster: Machines, traps: Path) -> None:
    cluster.environment = {
        "KPGEO_TEST_TRAPS": str(traps),
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    }
    cluster.start_scheduler()
    for _ in range(2):
        cluster.start_worker("--preload", str(_POISON))
    cluster.wait_for(2)


def _run(pipeline: Pipeline, workspace: Path, cluster: Machines, progress=None) -> flows.RunReport:
    named = {} if progress is None else {"progress": progress}
    compute = pipeline.compute.model_copy(update={"tile_retries": 1})
    patient = pipeline.model_copy(update={"compute": compute})
    return flows.run_pipeline(patient, workspace=workspace, cluster=cluster.address, **named)


def _begun(traps: Path) -> list[str]:
    path = traps / "begun"
    return path.read_text(encoding="ascii").split() if path.exists() else []


@contextlib.contextmanager
def _when(path: Path, act) -> Iterator[None]:
    """Do something, once, as soon as a file is there."""
    thread = threading.Thread(target=lambda: (wait_until(path.exists, str(path)), act()), daemon=True)
    thread.start()
    yield
    thread.join()


def test_two_machines_come_to_what_one_process_does_though_a_worker_is_killed(
    pipeline: Pipeline, workspace: Path, trapped: Machines, traps: Path, expected: Result
) -> None:
    (traps / "wait-r0c1").touch()
    killed = []

    def kill() -> None:
        pid = int((traps / "waiting-r0c1").read_text(encoding="ascii"))
        killed.append(pid)
        os.kill(pid, signal.SIGKILL)
        (traps / "wait-r0c1").unlink()

    with _when(traps / "waiting-r0c1", kill):
        report = _run(pipeline, workspace, trapped)
    assert killed
    assert report.exit_code == 0, report.gap_sentences()
    assert report.results[0].tiles == TILES
    assert _begun(traps).count("r0c1") == 2
    assert len(_begun(traps)) <= TILES + 2, "the tile, and one that waited behind it"
    assert result_of(pipeline, workspace) == expected


@pytest.mark.long
@pytest.mark.fault(6)
def test_a_tile_that_always_kills_its_worker_is_a_gap_by_name(
    pipeline: Pipeline, workspace: Path, trapped: Machines, traps: Path, expected: Result
) -> None:
    (traps / "always-r0c1").touch()
    report = _run(pipeline, workspace, trapped)
    (result,) = report.results
    assert (report.exit_code, result.verdict) == (3, RunVerdict.PARTIAL)
    assert [(gap.tile, gap.reason) for gap in result.gaps] == [("r0c1", "tile-lost: its worker died each of 2 times")]
    assert list(head_of(pipeline, workspace).unfinished) == ["r0c1"]

    (traps / "always-r0c1").unlink()
    trapped.wait_for(2)
    report = _run(pipeline, workspace, trapped)
    assert report.exit_code == 0, report.gap_sentences()
    assert result_of(pipeline, workspace) == expected


@pytest.mark.long
@pytest.mark.fault(7)
def test_a_scheduler_that_dies_stops_the_run_and_the_next_one_continues(
    pipeline: Pipeline, workspace: Path, traps: Path, expected: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpgeo.lazy.cluster._CONNECT_S", 5)
    home = tmp_path / "cluster"
    home.mkdir()
    cluster = Machines(home=home)
    (traps / "wait-r1c1").touch()

    def kill_near_the_end(_: str, done: int, total: int) -> None:
        if done == total - 1 and cluster.scheduler is not None:
            cluster.scheduler.kill()

    try:
        _start(cluster, traps)
        report = _run(pipeline, workspace, cluster, kill_near_the_end)
    finally:
        cluster.stop()
    assert report.exit_code == 4
    assert [result.verdict for result in report.results] == [RunVerdict.FAILED]
    assert "The scheduler has gone" in report.gap_sentences()[0]
    assert "Run again" in report.gap_sentences()[0]
    assert list(head_of(pipeline, workspace).unfinished) == ["r1c1"], "what was done is committed"
    assert [gap.reason for gap in _gaps(pipeline, workspace)] == ["tile-lost: not reached"]

    report, counts = _run_counting(pipeline, workspace)
    assert report.exit_code == 0, report.gap_sentences()
    assert counts == [(1, 1)], "the other tiles are not done again"
    assert not _gaps(pipeline, workspace)
    assert result_of(pipeline, workspace) == expected


_DRIVER = """
import dataclasses, os, signal, sys
from pathlib import Path
from kpgeo import flows, registry
from kpgeo.options.pipeline import Pipeline

grid_of = registry.grid_of
registry.grid_of = lambda aoi: dataclasses.replace(grid_of(aoi), tile_px=64)

def die(step, done, total):
    if step.endswith("observe") and done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

pipeline = Pipeline.read(Path(sys.argv[1]))
compute = pipeline.compute.model_copy(update={"commit_tiles": 1})
pipeline = pipeline.model_copy(update={"compute": compute})
flows.run_pipeline(pipeline, workspace=Path(sys.argv[2]), cluster="sync", progress=die)
"""


@pytest.mark.fault(7)
def test_a_driver_that_is_killed_is_gone_on_with_from_its_last_commit(
    pipeline: Pipeline, workspace: Path, expected: Result
) -> None:
    command = [sys.executable, "-c", _DRIVER, str(Path(pipeline.folder) / "pipeline.toml"), str(workspace)]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert list(head_of(pipeline, workspace).unfinished) == ["r1c0", "r1c1"]

    report, counts = _run_counting(pipeline, workspace)
    assert report.exit_code == 0, report.gap_sentences()
    assert counts == [(1, 2), (2, 2)]
    assert result_of(pipeline, workspace) == expected


def test_how_many_tiles_a_commit_holds_changes_nothing_else(
    pipeline: Pipeline, workspace: Path, expected: Result
) -> None:
    compute = pipeline.compute.model_copy(update={"commit_tiles": 3})
    report = flows.run_pipeline(pipeline.model_copy(update={"compute": compute}), workspace=workspace, cluster="sync")
    assert (report.exit_code, report.results[0].tiles) == (0, TILES)
    (watch,) = flows.open_watches(pipeline)
    snapshots = Workspace(workspace).state(watch.aoi.id, watch.lineage, watch.grid).snapshots()
    assert len(snapshots) == 3, "the baseline's, and two of this run"
    assert result_of(pipeline, workspace) == expected


def _run_counting(pipeline: Pipeline, workspace: Path) -> tuple[flows.RunReport, list[tuple[int, int]]]:
    """Run in this process; return the report, and each tile's count of what was done and what there was to do."""
    counts: list[tuple[int, int]] = []

    def count(step: str, done: int, total: int) -> None:
        if step.endswith("observe"):
            counts.append((done, total))

    return flows.run_pipeline(pipeline, workspace=workspace, cluster="sync", progress=count), counts


def _gaps(pipeline: Pipeline, workspace: Path) -> list[Gap]:
    (watch,) = flows.open_watches(pipeline)
    tables = Workspace(workspace).tables()
    try:
        return tables.gaps(watch.aoi.id)
    finally:
        tables.close()
