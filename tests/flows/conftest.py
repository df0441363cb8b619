"""A copy of the small world's workspace, and what is compared on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace


@pytest.fixture
def workspace(watched: Path, tmp_path: Path) -> Path:
    """Return a workspace of its own for a test."""
    return Path(shutil.copytree(watched, tmp_path / "workspace"))


@pytest.fixture
def bench(small_world: Path, workspace: Path) -> Iterator[flows.Bench]:
    """Return what the small world, watched to the end of June 2023, is compared on."""
    (watch,) = flows.open_watches(Pipeline.read(small_world / "pipeline.toml"))
    room = Workspace(workspace)
    tables = room.tables()
    yield flows.Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
    tables.close()
