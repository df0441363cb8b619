"""Small states with known content."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from kpgeo.model.grid import Grid, Tile
from kpgeo.model.state import DYNAMIC_LAYERS, STATIC_LAYERS, TileBaseline, TileState
from kpgeo.store import StateStore, Tables, Workspace


def _arrays(layers, tile: Tile, seed: int):
    rng = np.random.default_rng([seed, tile.row, tile.col])
    return {
        name: rng.integers(np.iinfo(spec.dtype).min, np.iinfo(spec.dtype).max, (*spec.lead, tile.height, tile.width),
                           dtype=spec.dtype, endpoint=True)
        for name, spec in layers.items()
    }  # fmt: skip


def _state(tile: Tile, seed: int) -> TileState:
    return TileState(**_arrays(DYNAMIC_LAYERS, tile, seed))


def _baseline(tile: Tile, seed: int) -> TileBaseline:
    return TileBaseline(**_arrays(STATIC_LAYERS, tile, seed))


def _run(store: StateStore, first: int, last: int, seed: int = 0) -> str:
    """Write every tile of a range of dekads; the state of a dekad depends on the dekad and the seed alone."""
    with store.begin(first, last) as writer:
        regions = []
        for tile in store.grid.tiles():
            region = writer.region()
            if writer.head.first_dekad is None:
                region.write_baseline(tile, _baseline(tile, 7))
            for dekad in range(first, last + 1):
                region.write_state(tile, dekad, _state(tile, dekad + 1000 * seed))
            regions.append(region)
        writer.merge(regions)
        return writer.commit(
            {"run": f"run-{seed}"},
            applied={dekad: (f"scene-{dekad}-{seed}",) for dekad in range(first, last + 1)},
            baseline_scenes=("scene-a", "scene-b"),
            aoi_version="v1",
        )


@pytest.fixture(scope="session")
def make_state() -> Callable[[Tile, int], TileState]:
    """Return a function (tile, seed) that makes a dynamic state over the whole range of every dtype."""
    return _state


@pytest.fixture(scope="session")
def make_baseline() -> Callable[[Tile, int], TileBaseline]:
    """Return a function (tile, seed) that makes a static state over the whole range of every dtype."""
    return _baseline


@pytest.fixture(scope="session")
def write_run() -> Callable[..., str]:
    """Return a function (store, first, last, seed=0) that writes and commits a run."""
    return _run


@pytest.fixture(scope="session")
def grid() -> Grid:
    """Return a grid of 2 x 3 tiles, those at the right and lower edge cut short."""
    return Grid(epsg=32630, left_m=0.0, top_m=10_000.0, width=150, height=100, tile_px=64)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def store(workspace: Workspace, grid: Grid) -> StateStore:
    return workspace.state("civ-seguela", "belief-1-abc", grid)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_tables(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Tables]]:
    """Return a function (name="kpgeo") that makes empty tables: of a file, and of a server where there is one.

    Of a server, tables of one name are made once and emptied after.
    """
    opened: dict[str, Tables] = {}

    def make(name: str = "kpgeo") -> Tables:
        if name in opened:
            opened[name].close()
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('tables') / name}.db"
        else:
            url = request.getfixturevalue("postgresql").new_database(name)
        opened[name] = Tables(url)
        return opened[name]

    yield make
    for one in opened.values():
        one.close()
