"""How kpgeo finds pits that were mixed into real series: by share of the pixel, by ground, and what breaks first.

`python -m benchmarks.mixed_series` writes the second measured part of docs/benchmarks/real-series.md.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from benchmarks.belief_run import run_belief
from benchmarks.common import DOCS, machine, table
from benchmarks.mixed import Sample, mixed_cubes
from benchmarks.real_series import REFERENCE, rewrite
from benchmarks.scoring import FOLLOW_DAYS, HORIZON_DAYS, Trace, pixel_set, threshold_for, trace_of
from kpgeo.assess import NO_ALARM, lag_of
from kpgeo.options.detect import DetectOptions

RATE = 1e-3
BORROWED = {"mixed-forest": "mixed-landsat"}
"""Samples without never-mined pixels enough to choose a threshold on take that of another."""
_COLUMNS = ("series", "pits", "threshold", "found", "before", "median lag, d", "in 30 d", "in 60 d", "at p > 0.5")


@dataclass(frozen=True, kw_only=True)
class Dug:
    """Every mined pixel of a sample, all seeds and cubes in a row.

    Attributes
    ----------
    first, opened, end, strayed : int64 (pixel,)
        Days: first broken, mined, end of watching.
    frac : float64 (pixel,)
        Share it comes to.
    is_pond : bool (pixel,)
    """

    traces: tuple[Trace, ...]
    first: NDArray[np.int64]
    opened: NDArray[np.int64]
    end: NDArray[np.int64]
    frac: NDArray[np.float64]
    is_pond: NDArray[np.bool_]

    def alarms(self, threshold: float) -> NDArray[np.int64]:
        """Return the first alarm of every pixel."""
        return np.concatenate([t.alarms(threshold)[: len(t.pixels.event)] for t in self.traces]).astype(np.int64)


def run_sample(samples: Sequence[Sample], options: DetectOptions | None = None) -> Dug:
    """Take kpgeo over a sample of every seed."""
    traces, parts = [], []
    for sample in samples:
        for cube, pits in zip(sample.cubes, sample.pits, strict=True):
            run = run_belief(cube, options, with_sites=False)
            pixels = pixel_set(cube)
            traces.append(trace_of(run, pixels))
            dug = len(pixels.event)
            first, opened = (
                days[:dug].astype(np.int64) for days in (pixels.truths.first_day, pixels.truths.opened_day)
            )
            end = np.full(dug, cube.end_day)
            parts.append((first, opened, end, pits["frac"][pixels.event], pits["is_pond"][pixels.event] > 0))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    first, opened, end, frac, is_pond = joined
    return Dug(traces=tuple(traces), first=first, opened=opened, end=end, frac=frac, is_pond=is_pond)


def cells_of(dug: Dug, threshold: float, chosen: NDArray[np.bool_]) -> tuple[object, ...]:
    """Return pits, threshold, found, alarmed before, median lag, within 30 and 60 days, found at even odds."""
    alarm, even = dug.alarms(threshold)[chosen], dug.alarms(0.0)[chosen]
    first, opened, end = dug.first[chosen], dug.opened[chosen], dug.end[chosen]
    follow = min(FOLLOW_DAYS, 150 if (end - first).max() < 260 else FOLLOW_DAYS)
    followed = opened + follow <= end
    found = (alarm >= first) & (alarm < NO_ALARM)
    days = np.where(found, np.maximum(alarm - opened, 0), end - opened)
    lag = lag_of(days.tolist(), found.tolist(), HORIZON_DAYS)
    share = float(found[followed].mean()) if followed.any() else float("nan")
    at_even = float(((even >= first) & (even < NO_ALARM))[followed].mean()) if followed.any() else float("nan")
    return (
        int(chosen.sum()), f"{threshold:.1f}", f"{share:.2f}", int((alarm < first).sum()), f"{lag.median_days:.0f}",
        f"{lag.share_30:.2f}", f"{lag.share_60:.2f}", f"{at_even:.2f}",
    )  # fmt: skip


def parts_of(dug: Dug) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the parts of a sample that are told apart."""
    yield "all", np.ones(len(dug.frac), dtype=np.bool_)
    for low, high in ((0.3, 0.45), (0.45, 0.6), (0.6, 0.8), (0.8, 1.0)):
        yield f"soil, {low:.0%}-{high:.0%} of the pixel", (dug.frac >= low) & (dug.frac < high) & ~dug.is_pond
    for low, high in ((0.3, 0.6), (0.6, 1.0)):
        yield f"water, {low:.0%}-{high:.0%}", (dug.frac >= low) & (dug.frac < high) & dug.is_pond


def rows_of(name: str, dug: Dug, threshold: float) -> list[tuple[object, ...]]:
    """Return the rows of one sample."""
    return [
        (f"{name}: {part}", *cells_of(dug, threshold, chosen)) for part, chosen in parts_of(dug) if chosen.sum() >= 5
    ]


def measure(
    seeds: Sequence[int], folder: Path, cache: Path, options: DetectOptions | None = None,
    progress: Callable[[str], None] = print,
) -> str:  # fmt: skip
    """Return the measured part of the page."""
    per_seed = [mixed_cubes(seed, folder, cache) for seed in seeds]
    rows, thresholds, notes = [], {}, []
    for samples in zip(*per_seed, strict=True):
        name = samples[0].name
        dug = run_sample(samples, options)
        never = sum(len(t.peaks) * t.pixels.truths.years for t in dug.traces)
        thresholds[name] = thresholds[BORROWED[name]] if name in BORROWED else threshold_for(dug.traces, RATE)
        rows += rows_of(name, dug, thresholds[name])
        notes.append(f"* `{name}`: {samples[0].about}; {never:,.0f} pixel-years of never-mined pixels (each seed's).")
        progress(name)
    return table(_COLUMNS, rows) + "\n" + "\n".join(notes) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=REFERENCE, help="folder that holds the imagery")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cache", type=Path, help="folder cubes are kept in")
    arguments = parser.parse_args()
    about = machine().removesuffix(" Simulated worlds.")
    with tempfile.TemporaryDirectory(prefix="kpgeo-bench-") as name:
        text = measure(arguments.seeds, arguments.folder, arguments.cache or Path(name))
    rewrite(DOCS / "real-series.md", f"{text}\n{about}\n", part="mixed")


if __name__ == "__main__":
    main()
