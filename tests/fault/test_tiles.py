"""Several tiles: on workers of their own, and with one of them failing."""

import dataclasses
from pathlib import Path

import pytest

from kpgeo import flows, registry
from kpgeo.flows.watching import observing
from kpgeo.model.aoi import Aoi
from kpgeo.model.calendar import dekad_start
from kpgeo.model.grid import Grid
from kpgeo.model.run import RunVerdict
from kpgeo.options.compute import ComputeOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import StateHead, Workspace

_OBSERVE_TILE = observing.observe_tile


@pytest.fixture
def pipeline(small_world: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Return the small world's pipeline, its grid cut into four tiles."""
    grid_of = registry.grid_of

    def in_four(aoi: Aoi) -> Grid:
        return dataclasses.replace(grid_of(aoi), tile_px=64)

    monkeypatch.setattr(registry, "grid_of", in_four)
    return Pipeline.read(small_world / "pipeline.toml")


def _digest(pipeline: Pipeline, workspace: Path) -> str:
    (watch,) = flows.open_watches(pipeline)
    return Workspace(workspace).state(watch.aoi.id, watch.lineage, watch.grid).digest()


def _head(pipeline: Pipeline, workspace: Path) -> StateHead:
    (watch,) = flows.open_watches(pipeline)
    return Workspace(workspace).state(watch.aoi.id, watch.lineage, watch.grid).head()


def _lose_the_second_tile(task: observing.TileTask) -> observing.TileOutcome:
    if task.tile.name == "r0c1":
        raise ValueError("a bad day")
    return _OBSERVE_TILE(task)


@pytest.mark.long
def test_worker_processes_come_to_what_one_process_does(pipeline: Pipeline, tmp_path: Path) -> None:
    options = ComputeOptions(cluster="local", workers=2, memory_per_worker_gib=1.0)
    spread = pipeline.model_copy(update={"compute": options})
    report = flows.run_pipeline(spread, workspace=tmp_path / "spread")
    assert report.exit_code == 0
    assert report.results[0].tiles == 4
    flows.run_pipeline(pipeline, workspace=tmp_path / "alone", cluster="sync")
    assert _digest(pipeline, tmp_path / "spread") == _digest(pipeline, tmp_path / "alone")


@pytest.mark.fault(6)
@pytest.mark.long
def test_a_lost_tile_is_a_gap_and_is_taken_up_again(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tmp_path / "workspace"
    with monkeypatch.context() as patch:
        patch.setattr(observing, "observe_tile", _lose_the_second_tile)
        report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    (result,) = report.results
    assert result.verdict is RunVerdict.PARTIAL
    assert report.exit_code == 3
    assert [(gap.tile, gap.reason) for gap in result.gaps] == [("r0c1", "tile-lost: ValueError: a bad day")]
    (watch,) = flows.open_watches(pipeline)
    assert _head(pipeline, workspace).unfinished == {"r0c1": watch.first_dekad - 1}
    assert result.gaps[0].day == dekad_start(watch.first_dekad)

    report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    assert report.exit_code == 0
    assert not _head(pipeline, workspace).unfinished
    flows.run_pipeline(pipeline, workspace=tmp_path / "whole", cluster="sync")
    assert _digest(pipeline, workspace) == _digest(pipeline, tmp_path / "whole")
