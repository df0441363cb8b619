"""How far looks lie from their ground, and which of those moved on purpose are found: simulated worlds and real series.

    python -m benchmarks.registration ../shared

The folder is that in whose `data` the real imagery lies (docs/benchmarks/registration.md gives its origin); without it,
only the simulated worlds are measured. Nothing of it comes with kpgeo.
"""

import argparse
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import rasterio
from numpy.typing import NDArray
from scipy.ndimage import shift as moved
from scipy.ndimage import zoom

from benchmarks.common import DOCS, machine, table, write_page
from benchmarks.cubes import Cube
from benchmarks.measuring import Plan
from benchmarks.settings import SETTINGS
from kpgeo import detect
from kpgeo.detect import HistoryStack, Look, find_history_misfits, find_misfits, shift_of
from kpgeo.kernels.looks import multilook, to_db
from kpgeo.kernels.shift import measure_shift
from kpgeo.model.scene import Sensor
from kpgeo.model.state import TileBaseline
from kpgeo.options.detect import DetectOptions
from kpgeo.options.misfit import MisfitOptions

INJECTED_PX = (0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
_OPTIONS = MisfitOptions()
_SHARE = 0.4


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One look, as it came (`injected_px` 0) or moved: what was measured of it, NaN where nothing could be."""

    source: str
    injected_px: float
    error_px: float
    size_px: float
    is_refused: bool


def move(look: Look, down_px: float, right_px: float) -> Look:
    """Return a look moved between pixels (cubic spline); what was not clear, or touches it, is not clear."""
    is_hidden = ~np.isfinite(look.pixels[0])
    spread = moved(is_hidden.astype(np.float32), (down_px, right_px), order=1, mode="nearest") > 0.05
    bands = []
    for band in look.pixels:
        filled = np.where(is_hidden, np.nanmedian(band), band)
        bands.append(np.where(spread, np.nan, moved(filled, (down_px, right_px), order=3, mode="nearest")))
    return replace(look, pixels=np.stack(bands).astype(np.float32))


def try_look(source: str, look: Look, baseline: TileBaseline, rng: np.random.Generator) -> Iterator[Trial]:
    """Yield the trials of one look: as it came, and for some looks moved by each amount in a random direction."""
    own = shift_of(look, baseline)
    refused = find_misfits([look], baseline, _OPTIONS)
    yield Trial(
        source=source,
        injected_px=0.0,
        error_px=np.nan,
        size_px=np.nan if own is None else own.size_px,
        is_refused=bool(refused),
    )
    if own is None or rng.random() > _SHARE:
        return
    for amount in INJECTED_PX:
        angle = rng.uniform(0.0, 2.0 * np.pi)
        down, right = amount * np.sin(angle), amount * np.cos(angle)
        after = move(look, down, right)
        found = shift_of(after, baseline)
        error = (
            np.nan
            if found is None
            else np.hypot(found.down_px - own.down_px - down, found.right_px - own.right_px - right)
        )
        yield Trial(
            source=source,
            injected_px=amount,
            error_px=float(error),
            size_px=np.nan if found is None else found.size_px,
            is_refused=bool(find_misfits([after], baseline, _OPTIONS)),
        )


def try_world(cube: Cube, rng: np.random.Generator) -> tuple[list[Trial], int, int, dict[str, float]]:
    """Return the trials of monitored looks; of the history, how many there are and how many do not fit; and seconds."""
    history = HistoryStack(shape=cube.shape)
    for seen in cube.looks:
        if seen.day < cube.monitor_day:
            history.add(cube.dataset(seen), seen.sensor)
    refused = find_history_misfits(history, _OPTIONS)
    baseline = detect.fit_baseline(history, DetectOptions())
    trials: list[Trial] = []
    spent: dict[str, float] = defaultdict(float)
    for seen in cube.looks:
        if seen.day >= cube.monitor_day:
            (look,) = detect.split_looks(cube.dataset(seen), seen.sensor)
            begin = time.process_time()
            find_misfits([look], baseline, _OPTIONS)
            spent[str(seen.sensor)] += time.process_time() - begin
            trials += try_look(str(seen.sensor), look, baseline, rng)
    return trials, len(history.optical) + len(history.radar), len(refused), spent


def try_radar_windows(data: Path, rng: np.random.Generator) -> list[Trial]:
    """Return the trials of real Sentinel-1 windows, each pass held against a baseline of all passes."""
    trials: list[Trial] = []
    for window in sorted(path for path in (data / "s1_rtc_dist_s1").iterdir() if path.is_dir()):
        looks = []
        for path in sorted(window.glob("*VV*.tif")):
            with rasterio.open(path) as source:
                power = zoom(source.read(1).astype(np.float32), 3, order=1)
            match = re.search(r"_(\d{4})(\d{2})(\d{2})T", path.name)
            assert match is not None
            day = int(np.datetime64("-".join(match.groups()), "D").astype(np.int64))
            level = to_db(multilook(power, 3))
            looks.append(Look(sensor=Sensor.SENTINEL1, day=day, scene_id=path.name, pixels=np.stack([level, level])))
        baseline = _baseline_of(looks)
        for look in looks:
            trials += try_look("sentinel-1, real", look, baseline, rng)
    return trials


def _baseline_of(looks: Sequence[Look]) -> TileBaseline:
    history = HistoryStack(shape=looks[0].pixels.shape[1:])
    for look in looks:
        coded = np.rint(np.clip(look.pixels / 0.01, -32_000, 32_000)).astype(np.int16)
        history.radar.append((look.day, look.scene_id, look.sensor, coded))
    return detect.fit_baseline(history, DetectOptions())


def early_sentinel2(data: Path) -> list[float]:
    """Return how far real Sentinel-2 looks of 2015-2017 lie from each other (px), by NDVI of clear pixels."""
    with np.load(data / "s2_eolearn_cloudmask" / "s2_l1c_slovenia.npz") as held:
        ndvi = np.where((held["clm"] > 0) | ~held["is_valid"], np.nan, held["ndvi"]).astype(np.float32)
        months = np.array([int(text[5:7]) for text in held["timestamps"]])
    is_clear = np.isfinite(ndvi).mean(axis=(1, 2)) > 0.6
    sizes = []
    for number in np.flatnonzero(is_clear):
        apart = np.abs(months - months[number])
        near = is_clear & (np.minimum(apart, 12 - apart) <= 1)
        near[number] = False
        if near.sum() >= 4:
            seen = ndvi[near]
            usual = np.nanmedian(np.where(np.isfinite(seen).any(axis=0), seen, 0.0), axis=0).astype(np.float32)
            found = measure_shift(ndvi[number], usual, 0.0)
            if found is not None and found.likeness >= _OPTIONS.shift_likeness:
                sizes.append(found.size_px)
    return sizes


def rows_of(trials: Sequence[Trial]) -> list[tuple[str, ...]]:
    """Return one row for each source and amount."""
    groups: dict[tuple[str, float], list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[trial.source, trial.injected_px].append(trial)
    rows = []
    for (source, amount), group in sorted(groups.items()):
        measured = [one for one in group if np.isfinite(one.size_px)]
        errors = [one.error_px for one in measured if np.isfinite(one.error_px)]
        sizes = [one.size_px for one in measured]
        refused = sum(one.is_refused for one in group)
        rows.append(
            (
                source,
                "as it came" if amount == 0 else f"{amount:g} px",
                str(len(group)),
                f"{len(measured) / len(group):.2f}",
                f"{np.median(sizes):.2f}, {np.quantile(sizes, 0.99):.2f}" if sizes else "-",
                f"{np.median(errors):.2f}, {np.quantile(errors, 0.95):.2f}" if errors else "-",
                f"{refused} ({refused / max(len(measured), 1):.1%})",
            )
        )
    return rows


def draw(trials: Sequence[Trial], early_px: Sequence[float]) -> None:
    """Draw how far looks lie as they come, and which share of those moved is refused."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    colours = dict(
        zip(sorted({one.source for one in trials}), ("#b5541b", "#1f5f99", "#6aa6d6", "#3f8f4f"), strict=False)
    )
    for source, colour in colours.items():
        sizes = np.sort([one.size_px for one in trials if one.source == source and one.injected_px == 0])
        sizes = sizes[np.isfinite(sizes)]
        left.plot(sizes, np.arange(1, len(sizes) + 1) / len(sizes), color=colour, label=source)
        shares = [_refused_share(trials, source, amount) for amount in INJECTED_PX]
        right.plot(INJECTED_PX, shares, "o-", color=colour, ms=3)
    if early_px:
        left.plot(np.sort(early_px), np.arange(1, len(early_px) + 1) / len(early_px), "k--", label="sentinel-2, real")
    left.set(xlabel="distance from the ground as it came (px of 10 m)", ylabel="share of looks", xlim=(0, 2.5))
    right.set(xlabel="moved by (px of 10 m)", ylabel="share refused", ylim=(-0.02, 1.02))
    left.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    DOCS.mkdir(parents=True, exist_ok=True)
    figure.savefig(DOCS / "registration.png", dpi=110)


def _refused_share(trials: Sequence[Trial], source: str, amount: float) -> float:
    group = [one.is_refused for one in trials if one.source == source and one.injected_px == amount]
    return float(np.mean(group)) if group else np.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path, nargs="?", help="folder in whose `data` real imagery lies")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8], help="worlds; below 100")
    parser.add_argument("--cache", type=Path, help="folder rendered cubes are kept in")
    arguments = parser.parse_args()
    about = machine()
    rng: np.random.Generator = np.random.default_rng(0)
    trials: list[Trial] = []
    looks = refused = 0
    spent: dict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory(prefix="kpgeo-bench-") as name:
        for seed in arguments.seeds:
            cube = Plan(monitored_years=1.0).cube(SETTINGS["standard"], seed, arguments.cache or Path(name))
            found, count, misfits, seconds = try_world(cube, rng)
            trials += found
            looks, refused = looks + count, refused + misfits
            for sensor, value in seconds.items():
                spent[sensor] += value
    early: list[float] = []
    if arguments.shared is not None:
        trials += try_radar_windows(arguments.shared / "data", rng)
        early = early_sentinel2(arguments.shared / "data")
    draw(trials, early)
    write_page("registration", page(trials, early, (looks, refused), spent, about))


def page(
    trials: Sequence[Trial],
    early: Sequence[float],
    history: tuple[int, int],
    spent: dict[str, float],
    about: str,
) -> str:
    """Return the page."""
    counts: dict[str, int] = defaultdict(int)
    for one in trials:
        counts[one.source] += one.injected_px == 0
    cost = ", ".join(f"{1e3 * seconds / counts[sensor]:.1f} ms a {sensor} look" for sensor, seconds in spent.items())
    columns = (
        "looks",
        "moved by",
        "n",
        "measured",
        "distance (px): median, 99 %",
        "error (px): median, 95 %",
        "refused",
    )
    early_words = ""
    if early:
        sizes: NDArray[np.float64] = np.array(early)
        early_words = (
            f"- {len(sizes)} clear looks of Sentinel-2 over Slovenia, 2015–2017, as they came: median distance "
            f"{np.median(sizes):.2f} px, {np.mean(sizes > 0.5):.0%} beyond half a pixel, {np.mean(sizes > 1.0):.0%} "
            f"beyond one (largest {sizes.max():.2f}).\n"
        )
    return (
        "# Looks that lie beside their ground\n\n"
        "Looks are held against the season of their tile as a run does, as they came and moved on purpose in a random "
        "direction. Distances are in pixels of 10 m; a look moved on purpose keeps what it was off by itself. Refused: "
        "not folded in, and a gap.\n\n"
        f"{table(columns, rows_of(trials))}\n"
        f"- Histories of the simulated worlds, held against themselves: {history[1]} of {history[0]} looks refused.\n"
        f"{early_words}"
        f"- It takes {cost}, in a tile of 256 × 256 px.\n\n"
        "![How far looks lie as they come, and which share of those moved is refused](registration.png)\n\n"
        "Simulated looks lie off by a normal error of 0.25 px (Landsat: 0.55 px) in each direction. Real Sentinel-1: "
        "four windows of 22 passes at 30 m, brought onto 10 m. Not every look can be measured: under a third of a "
        "block clear, or ground without texture, says nothing, and the look is used.\n\n"
        "Imagery: OPERA RTC-S1 (github.com/opera-adt/dist-s1, Apache-2.0), contains modified Copernicus Sentinel data; "
        "Sentinel-2 of github.com/sentinel-hub/eo-learn (MIT), contains modified Copernicus Sentinel data.\n\n"
        f"{about} `python -m benchmarks.registration ../shared`.\n"
    )


if __name__ == "__main__":
    main()
