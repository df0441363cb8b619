"""Writes a run and, where asked, kills itself at a named point of it: a script, and a function for the test."""

import os
import signal
import sys
from pathlib import Path

import icechunk
import numpy as np

from kpgeo.model.grid import Grid
from kpgeo.model.state import DYNAMIC_LAYERS, STATIC_LAYERS, TileBaseline, TileState
from kpgeo.store import RegionWriter, StateStore

GRID = Grid(epsg=32630, left_m=0.0, top_m=100.0, width=10, height=7, tile_px=8)
_POINTS = {
    "layout": (icechunk.Repository, "create_branch", False),
    "write": (RegionWriter, "write_state", False),
    "merge": (icechunk.Session, "merge", False),
    "commit": (icechunk.Session, "commit", False),
    "fsync": (os, "fsync", False),
    "move": (icechunk.Repository, "reset_branch", False),
    "moved": (icechunk.Repository, "reset_branch", True),
    "drop": (icechunk.Repository, "delete_branch", False),
}


def _arm(point: str, turn: int) -> None:
    """Make the `turn`-th call of a function the last thing this process does."""
    owner, name, after = _POINTS[point]
    original, seen = getattr(owner, name), [0]

    def deadly(*args, **named):
        seen[0] += 1
        if seen[0] == turn and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **named)
        if seen[0] == turn and after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


def _arrays(layers, tile, seed):
    rng = np.random.default_rng([seed, tile.row, tile.col])
    return {n: rng.integers(0, 100, (*s.lead, tile.height, tile.width)).astype(s.dtype) for n, s in layers.items()}


def write(folder: Path, first: int, last: int) -> None:
    """Write and commit a run whose content follows from its dekads."""
    with StateStore(folder=folder, grid=GRID).begin(first, last) as run:
        regions = []
        for tile in GRID.tiles():
            region = run.region()
            if run.head.first_dekad is None:
                region.write_baseline(tile, TileBaseline(**_arrays(STATIC_LAYERS, tile, 1)))
            for dekad in range(first, last + 1):
                region.write_state(tile, dekad, TileState(**_arrays(DYNAMIC_LAYERS, tile, dekad)))
            regions.append(region)
        run.merge(regions)
        run.commit({}, applied={dekad: (f"s{dekad}",) for dekad in range(first, last + 1)})


if __name__ == "__main__":
    _arm(sys.argv[4], int(sys.argv[5]))
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
