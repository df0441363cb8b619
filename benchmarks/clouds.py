"""How well cloud and shadow are told from ground, before and after looks are held against the season of their pixels.

    python -m benchmarks.clouds [FOLDER] [--cache FOLDER]

writes docs/benchmarks/clouds.md and clouds.png. `FOLDER` holds the reference sets; by default it is `shared/data`
beside the repository.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.clouds_sets import (
    Row,
    belgian_lost,
    hand_masked_rows,
    new_england_rows,
    slovenia_index_rows,
    slovenia_rows,
)
from benchmarks.clouds_words import PAGE
from benchmarks.clouds_worlds import STAGES, WorldScore, measure_world
from benchmarks.common import DOCS, machine, table, write_page
from benchmarks.cubes import Cube
from benchmarks.detection import pixel_cells, run_setting
from benchmarks.measuring import Plan
from benchmarks.scoring import threshold_for
from benchmarks.speed_cube import draw_cube
from kpgeo import detect, features
from kpgeo.detect import HistoryStack, TileContext
from kpgeo.model.calendar import dekad_of
from kpgeo.model.scene import Sensor
from kpgeo.options.detect import DetectOptions
from kpgeo.options.features import FeatureOptions

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data"
WORLDS = (("standard", 1001), ("hard", 1002), ("haze", 1003))
_MEASURES = (
    "overall",
    "cloud found",
    "shadow found",
    "called cloud, not clear",
    "called shadow, not clear",
    "clear lost",
)
_RATES = (3e-3, 1e-3, 3e-4)
_PLAN = Plan(monitored_years=1.0)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=REFERENCE)
    parser.add_argument("--cache", type=Path, help="where worlds are kept; a temporary folder by default")
    asked = parser.parse_args(argv)
    began = machine()
    with tempfile.TemporaryDirectory() as scratch:
        cache = asked.cache or Path(scratch)
        cache.mkdir(parents=True, exist_ok=True)
        measured = [measure_world(setting, seed, _PLAN, cache) for setting, seed in WORLDS]
        real = [*hand_masked_rows(asked.folder), *slovenia_rows(asked.folder)]
        parts = {
            "real": set_table(real),
            "index": set_table(slovenia_index_rows(asked.folder)),
            "fmask": fmask_table(new_england_rows(asked.folder)),
            "worlds": world_table([score for _, score in measured]),
            "mined": mined_table([score for _, score in measured]),
            "detection": detection_table([cube for cube, _ in measured]),
            "belgium": belgium_words(asked.folder),
            "speed": speed_words(),
            "machine": began,
        }
    draw_picture(real, DOCS / "clouds.png")
    write_page("clouds", PAGE.format(**parts))


def set_table(rows: Iterator[Row] | Sequence[Row]) -> str:
    """Return the accuracy of masks on reference sets."""
    return table(["set", "mask", *_MEASURES], [[r.set_name, r.mask, *r.tally.cells(_MEASURES)] for r in rows])


def fmask_table(rows: Iterator[Row]) -> str:
    """Return the same against Fmask, which tells snow as well."""
    names = (*_MEASURES[:3], "snow found", *_MEASURES[3:])
    return table(["set", "mask", *names], [[r.set_name, r.mask, *r.tally.cells(names)] for r in rows])


def world_table(scores: Sequence[WorldScore]) -> str:
    """Return what each stage of screening comes to in each world."""
    rows = [[score.name, stage, *score.tallies[stage].cells(_MEASURES)] for score in scores for stage in STAGES]
    return table(["world", "mask", *_MEASURES], rows)


def mined_table(scores: Sequence[WorldScore]) -> str:
    """Return how many looks at clear, truly mined pixels each stage does not use."""
    rows = []
    for score in scores:
        for name, counted in (("dug or flooded", score.mined), ("opened in the last 60 days", score.fresh)):
            lost = [counted[stage][1] / max(counted[stage][0], 1) for stage in STAGES]
            more = f"{100 * (lost[2] - lost[1]):.2f}"
            rows.append([score.name, name, f"{counted[STAGES[0]][0]:,}", *(f"{100 * one:.2f}" for one in lost), more])
    return table(
        ["world", "clear pixels that are", "looks", *(f"lost, {stage}" for stage in STAGES), "by the test"], rows
    )


def detection_table(cubes: Sequence[Cube]) -> str:
    """Return what the detector comes to with looks as they are, and tested."""
    rows = []
    for cube in cubes:
        for name, is_on in (("before", False), ("after", True)):
            belief = run_setting([_with_test(cube, is_on=is_on)], with_sites=False)
            for rate in _RATES:
                cells = pixel_cells(belief.score_at(threshold_for(belief.traces, rate))).replace("nan", "–").split()
                rows.append([cube.name, name, f"{rate:g}", cells[1], cells[3], cells[4], cells[6]])
    return table(["world", "looks", "false pixels a year", "found", "median days", "mean to 180 d", "in 60 d"], rows)


def _with_test(cube: Cube, *, is_on: bool) -> Cube:
    """Return a cube whose pipeline holds looks against the season, or does not."""
    pipeline = cube.watch.pipeline
    options = pipeline.features.model_copy(update={"history_test": is_on})
    other = replace(cube)
    other.__dict__["watch"] = replace(cube.watch, pipeline=pipeline.model_copy(update={"features": options}))
    return other


def belgium_words(folder: Path) -> str:
    """Say what the test takes of looks at tilled fields."""
    looks, share = belgian_lost(folder)
    return f"{looks:,} looks at 351 pixels of Belgian fields after their first year: {100 * share:.2f} % taken"


def speed_words(size_px: int = 512) -> str:
    """Say what the test costs beside the fold, on a drawn tile."""
    cube = draw_cube(size_px, 90, 30)
    stack = HistoryStack(shape=cube.shape)
    stack.add(cube.optical_looks(range(cube.n_history)), Sensor.SENTINEL2)
    stack.add(
        cube.radar_looks([i for i, day in enumerate(cube.radar_days) if day < cube.monitor_day]), Sensor.SENTINEL1
    )
    options, rows = DetectOptions(), range(cube.n_history, len(cube.days))
    baseline = detect.fit_baseline(stack, options)
    context = TileContext(in_stratum=np.zeros(cube.shape, dtype=np.bool_))
    state = detect.start_state(baseline, stack, context, dekad_of(cube.monitor_day), options)
    groups: dict[int, list[int]] = {}
    for row in rows:
        groups.setdefault(dekad_of(int(cube.days[row])), []).append(row)
    spent = {"test": [], "fold": []}
    for dekad, group in sorted(groups.items()):
        looks = cube.optical_looks(group)
        begin = time.process_time()
        tested = features.drop_veiled(looks, Sensor.SENTINEL2, baseline, FeatureOptions(history_test=True))
        middle = time.process_time()
        detect.fold_dekad(state, baseline, detect.split_looks(tested, Sensor.SENTINEL2), dekad, context, options)
        spent["test"].append((middle - begin) / len(group))
        spent["fold"].append((time.process_time() - middle) / len(group))
    test, fold = (1e9 * float(np.median(spent[name][1:])) / size_px**2 for name in ("test", "fold"))
    return f"{test:.0f} ns a pixel and look, beside {fold:.0f} ns for folding it: {100 * test / fold:.0f} %"


def draw_picture(rows: Sequence[Row], path: Path) -> None:
    """Draw what each mask finds of cloud and of shadow on the reference sets, in percent."""
    names = ("cloud found", "shadow found")
    cells = [row.tally.cells(names) for row in rows]
    found = np.array([[float(text.split()[0]) if text[0].isdigit() else np.nan for text in line] for line in cells])
    figure, axis = plt.subplots(figsize=(9, 0.34 * len(rows) + 1.0), dpi=110, constrained_layout=True)
    places = np.arange(len(rows))
    for column, (name, colour) in enumerate(zip(names, ("#1f5f9e", "#8a8a8a"), strict=True)):
        axis.barh(places + 0.38 * column - 0.19, found[:, column], height=0.36, color=colour, label=name)
    axis.set_yticks(places, [f"{row.set_name}: {row.mask}" for row in rows], fontsize=8)
    axis.invert_yaxis()
    axis.set(xlim=(0, 100), xlabel="percent")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8, loc="upper right", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    main()
