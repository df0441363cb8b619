"""Seconds of one core a tile and acquisition takes, and what they go to: reading, cleaning, folding."""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from benchmarks.common import DOCS, machine, table, world_at, write_page
from kpgeo import detect, features, flows, ingest
from kpgeo.flows.plans.planning import plan_aoi
from kpgeo.flows.watching import tiles as tile_steps
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.store import Workspace

_STEPS = {
    "read and warp": (ingest, "load_cube"),
    "clear looks": (features, "clear_looks"),
    "hold looks against the season": (detect, "find_misfits"),
    "hold a history against itself": (detect, "find_history_misfits"),
    "fit baseline": (detect, "fit_baseline"),
    "first belief": (detect, "start_state"),
    "fold dekads": (detect, "fold_dekad"),
}


class Clock:
    """Times calls of a function, in seconds of this process and its threads."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = defaultdict(float)

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with a stopwatch around it."""

        def timed(*args: Any, **named: Any) -> Any:
            begin = time.process_time()
            try:
                return function(*args, **named)
            finally:
                self.cpu_s[name] += time.process_time() - begin

        return timed


def measure(world: Path) -> tuple[dict[str, float], int, int, float]:
    """Take one tile through fit and monitoring; return CPU s by step, scenes of history, monitored ones, and Mpx."""
    pipeline = Pipeline.read(world / "pipeline.toml")
    (watch,) = flows.open_watches(pipeline)
    (tile,) = watch.grid.tiles()
    with tempfile.TemporaryDirectory() as folder:
        room = Workspace(Path(folder))
        found = plan_aoi(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), room.tables()).work
    assert found is not None
    tile_steps.fit_tile(watch, tile, found.history[:20])  # compiles
    clock = Clock()
    originals = {name: getattr(module, function) for name, (module, function) in _STEPS.items()}
    try:
        for name, (module, function) in _STEPS.items():
            setattr(module, function, clock.wrap(name, originals[name]))
        baseline, state, _ = tile_steps.fit_tile(watch, tile, found.history)
        for _ in tile_steps.fold_tile(watch, tile, baseline, state, found.by_dekad):
            pass
    finally:
        for name, (module, function) in _STEPS.items():
            setattr(module, function, originals[name])
    monitored = sum(len(scenes) for _, scenes in found.by_dekad)
    return dict(clock.cpu_s), len(found.history), monitored, tile.height * tile.width / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512, help="edge of the tile, px")
    arguments = parser.parse_args()
    about = machine()
    options = SimOptions(size_px=arguments.size, history_years=1.0, monitored_years=0.5)
    with tempfile.TemporaryDirectory(prefix="kpgeo-bench-") as folder:
        cpu_s, history, monitored, mpx = measure(world_at(Path(folder) / "world", options).folder)
    whole = sum(cpu_s.values())
    rows = [(name, f"{cpu_s[name]:.1f}", f"{cpu_s[name] / whole:.0%}") for name in _STEPS]
    scenes = history + monitored
    figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
    axes.barh([row[0] for row in rows][::-1], [cpu_s[name] for name in _STEPS][::-1], color="#1f5f99")
    axes.set_xlabel("seconds of one core")
    axes.spines[["top", "right"]].set_visible(False)
    DOCS.mkdir(parents=True, exist_ok=True)
    figure.savefig(DOCS / "throughput.png", dpi=110)
    decoding = cpu_s["read and warp"]
    text = (
        "# Throughput\n\n"
        f"One tile of {arguments.size} × {arguments.size} px, {history} scenes of history and {monitored} monitored "
        "ones, from files on the local disk.\n\n"
        f"{table(('step', 'CPU s', 'share'), rows)}\n"
        f"- {whole / scenes:.2f} CPU s a tile and acquisition, all steps; {whole / scenes / mpx:.2f} CPU s a megapixel "
        "and acquisition.\n"
        f"- Reading and warping takes {decoding / whole:.0%} of it.\n"
        f"- Folding takes {1e9 * cpu_s['fold dekads'] / monitored / (mpx * 1e6):.0f} ns a pixel and monitored "
        "acquisition, predictions included.\n\n"
        "![Where the time goes](throughput.png)\n\n"
        f"{about} `python -m benchmarks.throughput`.\n"
    )
    write_page("throughput", text)


if __name__ == "__main__":
    main()
