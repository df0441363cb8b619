"""Peak memory of a worker, for an AOI and for one four times as large.

The larger AOI has four times the tiles of the same size; a worker that holds one tile at a time must not notice.
"""

import argparse
import multiprocessing
import resource
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks.common import DOCS, machine, table, world_at, write_page
from kpgeo import flows
from kpgeo.flows.plans.planning import plan_aoi
from kpgeo.flows.watching.observing import TileTask, observe_tile
from kpgeo.model.grid import TILE_PX, Grid
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.store import Workspace


def watch_whole(world: Path, workspace: Path, tile_px: int, answer: "multiprocessing.Queue[tuple[int, float]]") -> None:
    """Observe every tile of an AOI one after another, as one worker does, and answer with (tiles, peak MiB)."""
    pipeline = Pipeline.read(world / "pipeline.toml")
    (watch,) = flows.open_watches(pipeline)
    grid = Grid(**{**vars(watch.grid), "tile_px": tile_px})
    watch = flows.Watch(aoi=watch.aoi, pipeline=pipeline, grid=grid, lineage=watch.lineage)
    room = Workspace(workspace)
    state = room.state(watch.aoi.id, watch.lineage, watch.grid)
    work = plan_aoi(watch, state, room.tables()).work
    assert work is not None
    tiles = list(grid.tiles())
    with state.begin(watch.first_dekad - 1, work.last_dekad) as writer:
        for tile in tiles:
            region = writer.region()
            observe_tile(TileTask(watch=watch, tile=tile, region=region, history=work.history, by_dekad=work.by_dekad))
    answer.put((len(tiles), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0))


THIN = {"history_years": 1.0, "monitored_years": 0.5, "missing_frac": 0.5}
IN_USE = {"history_years": 2.0, "monitored_years": 0.5}


def measure(folder: Path, size_px: int, tile_px: int, scenes: dict[str, float]) -> tuple[int, float]:
    """Measure one AOI in a process of its own."""
    options = SimOptions(size_px=size_px, **scenes)
    world = world_at(folder / f"world-{size_px}", options)
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.Queue[tuple[int, float]] = context.Queue()
    worker = context.Process(target=watch_whole, args=(world.folder, folder / f"ws-{size_px}", tile_px, answer))
    worker.start()
    found = answer.get()
    worker.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=192, help="edge of the smaller AOI, px")
    parser.add_argument("--tile", type=int, default=192, help="edge of a tile, px")
    arguments = parser.parse_args()
    about = machine()
    with tempfile.TemporaryDirectory(prefix="kpgeo-bench-") as folder:
        sizes = (arguments.small, 2 * arguments.small)
        found = [(size, *measure(Path(folder), size, arguments.tile, THIN)) for size in sizes]
        in_use = measure(Path(folder), TILE_PX, TILE_PX, IN_USE)
    rows = [(f"{size} × {size} px", tiles, f"{mib:.0f}") for size, tiles, mib in found]
    ratio = found[1][2] / found[0][2]
    figure, axes = plt.subplots(figsize=(5, 2.2), layout="constrained")
    axes.barh([row[0] for row in rows], [mib for _, _, mib in found], color="#1f5f99")
    axes.set_xlabel("peak memory of the worker, MiB")
    axes.spines[["top", "right"]].set_visible(False)
    DOCS.mkdir(parents=True, exist_ok=True)
    figure.savefig(DOCS / "memory.png", dpi=110)
    text = (
        "# Memory\n\n"
        "One worker takes every tile of an AOI through baseline and monitoring, then of one four times as large.\n\n"
        f"{table(('AOI', 'tiles', 'peak MiB of the worker'), rows)}\n"
        f"Four times the area takes {ratio:.2f} times the memory. Tiles here are {arguments.tile} px wide, so that a "
        f"small world has several. In use they are {TILE_PX} px wide: one of those, with two years of history, takes "
        f"{in_use[1]:.0f} MiB.\n\n"
        "![Peak memory](memory.png)\n\n"
        f"{about} `python -m benchmarks.memory`.\n"
    )
    write_page("memory", text)


if __name__ == "__main__":
    main()
