"""A run over a scheduler and two workers as separate processes, some of which are killed in the middle."""

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.model.run import RunVerdict
from kpgeo.options.pipeline import Pipeline
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


@pytest.mark.fault(7)
def test_a_scheduler_that_dies_stops_the_run_and_the_next_one_continues(
    pipeline: Pipeline, workspace: Path, traps: Path, expected: Result, tmp_path: Path
) -> None:
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

    shutil.rmtree(home)
    home.mkdir()
    for path in traps.iterdir():
        path.unlink()
    cluster = Machines(home=home)
    try:
        _start(cluster, traps)
        report = _run(pipeline, workspace, cluster)
    finally:
        cluster.stop()
    assert report.exit_code == 0, report.gap_sentences()
    assert result_of(pipeline, workspace) == expected
