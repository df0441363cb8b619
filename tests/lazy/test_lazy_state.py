"""Two processes write one state through forks: the same as one process, also when one of them is killed."""

import os
from pathlib import Path

import numpy as np
import pytest

from kpgeo.lazy import map_tiles, open_cluster
from kpgeo.model.grid import Grid
from kpgeo.model.state import DYNAMIC_LAYERS, STATIC_LAYERS, TileBaseline, TileState
from kpgeo.options.compute import ComputeOptions
from kpgeo.store import StateStore

GRID = Grid(epsg=32630, left_m=0.0, top_m=1000.0, width=64, height=50, tile_px=32)


def _write(folder: Path, client, flag: Path | None = None) -> str:
    """Write two runs over all tiles, each tile on some worker; return the digest."""
    layers = {"dynamic": dict(DYNAMIC_LAYERS), "static": dict(STATIC_LAYERS)}

    def work(task, layers=layers, flag=flag and str(flag)):
        tile, region, dekads = task

        def arrays(part, seed):
            rng = np.random.default_rng([seed, tile.row, tile.col])
            return {
                name: rng.integers(0, 100, (*spec.lead, tile.height, tile.width)).astype(spec.dtype)
                for name, spec in layers[part].items()
            }

        if dekads[0] == 10:
            region.write_baseline(tile, TileBaseline(**arrays("static", 1)))
            before = 0
        else:
            before = int(region.read_state(tile, dekads[0] - 1).onset_day[0, 0])
        for dekad in dekads:
            region.write_state(tile, dekad, TileState(**arrays("dynamic", dekad + before)))
            if flag and tile.name == "r1c1" and not os.path.exists(flag):  # noqa: PTH110
                os.close(os.open(flag, os.O_CREAT))
                os._exit(9)
        return region

    store = StateStore(folder=folder, grid=GRID)
    for dekads in ((10, 11), (12, 13)):
        with store.begin(dekads[0], dekads[-1]) as writer:
            tasks = ((tile, writer.region(), dekads) for tile in GRID.tiles())
            regions = [region for _, region in map_tiles(client, work, tasks, in_flight=4)]
            assert len(regions) == 4
            writer.merge(regions)
            writer.commit({}, applied={dekad: (f"s{dekad}",) for dekad in dekads})
    assert np.count_nonzero(store.read_layer("onset_day", 13)) > 0
    return store.digest()


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> str:
    """Return the digest of the state written in this process."""
    with open_cluster(ComputeOptions(cluster="sync")) as client:
        return _write(tmp_path_factory.mktemp("alone") / "state", client)


@pytest.mark.fault(6)
@pytest.mark.parametrize("is_killed", [pytest.param(False, marks=pytest.mark.long), True])
def test_two_processes_write_the_same_state_as_one(tmp_path, alone, is_killed):
    flag = tmp_path / "flag"
    with open_cluster(ComputeOptions(cluster="local", workers=2)) as client:
        assert _write(tmp_path / "state", client, flag=flag if is_killed else None) == alone
    assert flag.exists() == is_killed


def test_threads_write_the_same_state_as_one(tmp_path, alone):
    with open_cluster(ComputeOptions(cluster="threads", workers=3)) as client:
        assert _write(tmp_path / "state", client) == alone
