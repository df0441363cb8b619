"""How well kpgeo finds what a simulated world holds, over several seeds it was not tuned on."""

import argparse
import dataclasses
import json
import shutil
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks.common import DOCS, machine, world_at, write_page
from kpgeo import assess, flows
from kpgeo.assess import Score
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.store import Workspace


def score_of(folder: Path, options: SimOptions) -> Score:
    """Write a world, watch it, and score what was found."""
    world = world_at(folder / "world", options)
    pipeline = Pipeline.read(world.pipeline)
    flows.run_pipeline(pipeline, workspace=folder / "workspace", cluster="threads")
    (watch,) = flows.open_watches(pipeline)
    room = Workspace(folder / "workspace")
    tables = room.tables()
    bench = flows.Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
    score = flows.score_watch(bench, world)
    tables.close()
    return dataclasses.replace(score, name=f"seed {options.seed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[301, 302, 303, 304, 305])
    parser.add_argument("--size", type=int, default=384, help="edge of a world, px")
    parser.add_argument("--keep", type=Path, help="folder to keep worlds and workspaces in")
    arguments = parser.parse_args()
    about = machine()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="kpgeo-bench-"))
    scores = []
    for seed in arguments.seeds:
        scores.append(score_of(folder / f"seed-{seed}", SimOptions(seed=seed, size_px=arguments.size)))
        print(assess.format_table(scores[-1:]), end="", flush=True)
    if arguments.keep is None:
        shutil.rmtree(folder)
    pooled = assess.pool_scores(scores)
    _draw(pooled)
    text = (
        "# Accuracy on simulated worlds\n\n"
        f"Worlds of {arguments.size} × {arguments.size} px, two years of history and one watched, seeds "
        f"{', '.join(str(seed) for seed in arguments.seeds)}. An alert counts from the dekad it is provisional in; a "
        "true site is found when such an alert stands on it. Intervals are 95 %.\n\n"
        f"```\n{assess.format_table(scores)}```\n\n"
        "![Share of sites found by days since opening](accuracy.png)\n\n"
        "Simulated worlds only. They rank versions of kpgeo under one stated model of the world; they are not field "
        "accuracies.\n\n"
        f"{about} `python -m benchmarks.accuracy --seeds {' '.join(str(seed) for seed in arguments.seeds)}`.\n"
    )
    write_page("accuracy", text)
    (DOCS / "accuracy.json").write_text(json.dumps(pooled.to_dict(), indent=1, sort_keys=True) + "\n")


def _draw(pooled: Score) -> None:
    """Draw the share of sites found by days since they opened."""
    days = sorted(one.found_day - one.opened_day for one in pooled.outcomes if one.found_day is not None)
    figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
    total = max(len(pooled.outcomes), 1)
    axes.step([0, *days], [number / total for number in range(len(days) + 1)], where="post", color="#1f5f99")
    axes.set(xlabel="days since opening", ylabel="share of new sites found", ylim=(0, 1), xlim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    DOCS.mkdir(parents=True, exist_ok=True)
    figure.savefig(DOCS / "accuracy.png", dpi=110)


if __name__ == "__main__":
    main()
