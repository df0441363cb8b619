"""Fixtures every room's tests share."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from kpgeo import flows
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.sim import write_world
from kpgeo.store import Workspace
from tests.servers import postgresql as cluster_of
from tests.servers.postgresql import Cluster

# A machine that decides whether work lands draws the same examples every time; people draw new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# Low thresholds: a small world watched for half a year is to have many sites, alerts and events, true or not. Runs make
# no evidence by themselves: most tests have no use for it, and scenes would be read twice for it.
_EAGER = """
[sites]
seed_prob = 0.3
grow_prob = 0.15
min_area_ha = 0.02

[alerts]
min_area_ha = 0.02
first_confidence = 0.2
provisional_confidence = 0.2
confirm_confidence = 0.3

[evidence]
at_confirmation = false
"""


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep parts of files that tests read over the network out of the cache of whoever runs them."""
    os.environ["KPGEO_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference material beside the repository, or skip the test where there is none."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the reference material is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a PostgreSQL server of these tests' own, or skip the test where there is none."""
    if lacking := cluster_of.missing_parts():
        pytest.skip(f"not installed here: {lacking} (`.ci/run` installs it)")
    cluster = Cluster.start(tmp_path_factory.mktemp("postgresql"))
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a world of 128 × 128 px with a year of history, half a year to watch, and few scenes."""

    folder = tmp_path_factory.mktemp("worlds") / "small"
    options = SimOptions(
        size_px=128,
        history_years=1.0,
        monitored_years=0.5,
        site_density=3.0,
        cloud=0.5,
        missing_frac=0.65,
        duplicate_frac=0.1,
    )
    world = write_world(folder, options)
    with world.pipeline.open("a", encoding="utf-8") as stream:
        stream.write(_EAGER)
    return world.folder


@pytest.fixture(scope="session")
def fitted(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that has learnt the small world's baseline and watched nothing yet: copy it, do not write."""

    workspace = tmp_path_factory.mktemp("workspaces") / "fitted"
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    flows.run_pipeline(pipeline, workspace=workspace, until=pipeline.history.end, cluster="sync")
    return workspace


@pytest.fixture(scope="session")
def watched(small_world: Path, fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that has watched the whole small world in one run: read it, do not write to it."""

    workspace = tmp_path_factory.mktemp("workspaces") / "watched"
    shutil.copytree(fitted, workspace)
    flows.run_pipeline(Pipeline.read(small_world / "pipeline.toml"), workspace=workspace, cluster="sync")
    return workspace


@pytest.fixture(scope="session")
def fingerprint_of() -> Callable[[Path, Path], tuple[str, str]]:
    """Return a function that gives the digests of a workspace's tables and pixel state for the world it watches."""

    def of(world: Path, workspace: Path) -> tuple[str, str]:
        (watch,) = flows.open_watches(Pipeline.read(world / "pipeline.toml"))
        room = Workspace(workspace)
        tables = room.tables()
        state = room.state(watch.aoi.id, watch.lineage, watch.grid)
        try:
            return tables.digest(), state.digest()
        finally:
            tables.close()

    return of
