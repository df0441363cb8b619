"""A scheduler and two workers as processes of their own, and a world of four tiles that is soon watched."""

import dataclasses
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kpgeo import flows, registry
from kpgeo.model.aoi import Aoi
from kpgeo.model.grid import Grid
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.sim import write_world
from kpgeo.store import StateHead, Workspace
from tests.cluster.machines import Machines
from tests.conftest import _EAGER

TILES = 4


@dataclass(frozen=True)
class Result:
    """What a run left behind: the digest of the pixel state, and what was decided from it."""

    state: str
    tables: str


@pytest.fixture(scope="session")
def thin_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a world of few scenes: a year of history and half a year to watch."""
    options = SimOptions(
        size_px=128, history_years=1.0, monitored_years=0.5, site_density=3.0, cloud=0.5, missing_frac=0.85
    )
    world = write_world(tmp_path_factory.mktemp("worlds") / "thin", options)
    with world.pipeline.open("a", encoding="utf-8") as stream:
        stream.write(_EAGER)
    return world.folder


@pytest.fixture
def pipeline(thin_world: Path, in_four_tiles: None) -> Pipeline:
    """Return the thin world's pipeline."""
    return Pipeline.read(thin_world / "pipeline.toml")


@pytest.fixture
def in_four_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut every grid into tiles of 64 pixels. A task carries its grid, so workers need not know."""
    cut_in_four(monkeypatch)


def cut_in_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut every grid into tiles of 64 pixels."""
    grid_of = registry.grid_of

    def in_four(aoi: Aoi) -> Grid:
        return dataclasses.replace(grid_of(aoi), tile_px=64)

    monkeypatch.setattr(registry, "grid_of", in_four)


@pytest.fixture(scope="session")
def learnt(thin_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that has learnt the baselines of the four tiles and watched nothing: copy it, do not write."""
    workspace = tmp_path_factory.mktemp("workspaces") / "learnt"
    with pytest.MonkeyPatch.context() as monkeypatch:
        cut_in_four(monkeypatch)
        pipeline = Pipeline.read(thin_world / "pipeline.toml")
        flows.run_pipeline(pipeline, workspace=workspace, until=pipeline.history.end, cluster="sync")
    return workspace


@pytest.fixture(scope="session")
def expected(thin_world: Path, learnt: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return what one process comes to."""
    workspace = tmp_path_factory.mktemp("workspaces") / "alone"
    shutil.copytree(learnt, workspace)
    with pytest.MonkeyPatch.context() as monkeypatch:
        cut_in_four(monkeypatch)
        pipeline = Pipeline.read(thin_world / "pipeline.toml")
        report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
        assert report.exit_code == 0
        assert report.results[0].alerts_raised > 0, "a world without alerts tests little"
        return result_of(pipeline, workspace)


@pytest.fixture
def workspace(learnt: Path, tmp_path: Path) -> Path:
    """Return a workspace of the test's own that has learnt the baselines."""
    return Path(shutil.copytree(learnt, tmp_path / "workspace"))


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Return a scheduler and two workers of a module's tests."""
    cluster = Machines(home=tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start_scheduler()
        cluster.start_worker()
        cluster.start_worker()
        cluster.wait_for(2)
        yield cluster
    finally:
        cluster.stop()


def result_of(pipeline: Pipeline, workspace: Path) -> Result:
    """Return what a workspace holds of a pipeline's one AOI."""
    (watch,) = flows.open_watches(pipeline)
    room = Workspace(workspace)
    tables = room.tables()
    try:
        return Result(state=room.state(watch.aoi.id, watch.lineage, watch.grid).digest(), tables=tables.digest())
    finally:
        tables.close()


def head_of(pipeline: Pipeline, workspace: Path) -> StateHead:
    """Return the header of the state of a pipeline's one AOI."""
    (watch,) = flows.open_watches(pipeline)
    return Workspace(workspace).state(watch.aoi.id, watch.lineage, watch.grid).head()
