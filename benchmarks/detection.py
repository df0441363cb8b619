"""How well kpgeo's detector and its peers find mined pixels and workings, how soon, and at how many false alarms."""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.belief_run import BeliefRun, run_belief
from benchmarks.cubes import Cube
from benchmarks.detection_page import write_detection_page
from benchmarks.measuring import Plan
from benchmarks.scoring import (
    HEADLINE_RATE,
    RATES,
    PixelSet,
    Trace,
    grounds_of,
    pixel_set,
    score_alarms,
    score_events,
    threshold_for,
    trace_of,
)
from benchmarks.settings import SETTINGS
from kpgeo import assess
from kpgeo.assess import PixelScore, Score
from kpgeo.options.detect import DetectOptions


@dataclass(frozen=True, kw_only=True)
class Belief:
    """kpgeo in the worlds of one setting."""

    setting: str
    runs: tuple[BeliefRun, ...]
    sets: tuple[PixelSet, ...]
    traces: tuple[Trace, ...]

    def score_at(self, threshold: float) -> PixelScore:
        """Score pixels at a threshold."""
        return score_alarms(self.sets, [trace.alarms(threshold) for trace in self.traces])


def run_setting(cubes: Sequence[Cube], options: DetectOptions | None = None, *, with_sites: bool = True) -> Belief:
    """Take kpgeo over worlds of one setting."""
    runs, sets, traces = [], [], []
    for cube in cubes:
        run = run_belief(cube, options, with_sites=with_sites)
        pixels = pixel_set(cube)
        traces.append(trace_of(run, pixels))
        runs.append(run)
        sets.append(pixels)
    return Belief(setting=cubes[0].name, runs=tuple(runs), sets=tuple(sets), traces=tuple(traces))


def tell(belief: Belief, name: str) -> None:
    """Print what kpgeo came to in one setting."""
    print(f"\n== {name}: {', '.join(one.world for one in belief.sets)}")
    mined = sum(len(one.event) for one in belief.sets)
    years = sum(len(one.ground) * one.truths.years for one in belief.sets)
    print(f"{mined} pixels became mined; {years:,.0f} pixel-years of never-mined ones")
    print("target FAR  threshold  achieved     PD  early  lag d  lag180  30 d  60 d")
    for rate in RATES:
        threshold = threshold_for(belief.traces, rate)
        print(f"{rate:10.0e}  {threshold:9.2f}  " + pixel_cells(belief.score_at(threshold)))
    for label, threshold in (("p > .5", 0.0), ("p > .9", 2.197)):
        print(f"{label:>10}  {threshold:9.2f}  " + pixel_cells(belief.score_at(threshold)))
    alarms = [trace.alarms(threshold_for(belief.traces, HEADLINE_RATE)) for trace in belief.traces]
    print(f"workings by pixels, FAR {HEADLINE_RATE:g}: " + event_cells(belief, alarms))
    print(
        "false pixels at it: "
        + ", ".join(
            f"{ground} {count} ({rate:.1e})"
            for ground, (count, rate) in grounds_of(belief.sets, alarms).items()
            if count
        )
    )
    _tell_calibration(belief)
    scores = [run.score for run in belief.runs if isinstance(run.score, Score)]
    if scores:
        print(assess.format_table(scores), end="")
        mapped, true = (sum(getattr(run, part) for run in belief.runs) for part in ("mapped_ha", "true_ha"))
        print(f"area of all sites at the end: mapped {mapped:.2f} ha, true {true:.2f} ha, ratio {mapped / true:.2f}")
    seconds = {key: sum(run.seconds[key] for run in belief.runs) for key in belief.runs[0].seconds}
    print("seconds: " + ", ".join(f"{key} {value:.1f}" for key, value in seconds.items()))


def pixel_cells(score: PixelScore) -> str:
    """Return the figures of a pixel score as columns."""
    lag = score.lag
    return (
        f"{score.false_rate:8.1e}  {score.found_frac:5.3f}  {score.early:5d}  {lag.median_days:5.0f}  "
        f"{lag.restricted_mean_days:6.1f}  {lag.share_30:4.2f}  {lag.share_60:4.2f}"
    )


def event_cells(belief: Belief, alarms: Sequence[object]) -> str:
    """Return workings found by size as words."""
    scored = score_events(belief.sets, list(alarms))  # type: ignore[arg-type]
    return "; ".join(
        f"{size} ha {one.found}/{one.total} in {one.lag.median_days:.0f} d" for size, one in scored.items() if one.total
    )


def _tell_calibration(belief: Belief) -> None:
    whole = assess.pool_reliability([run.calibration for run in belief.runs if run.calibration])
    claims = assess.pool_reliability([run.claims for run in belief.runs if run.claims])
    raw = assess.pool_reliability([run.raw for run in belief.runs if run.raw])
    print(
        f"calibration error: all pixels {whole.ece:.4f} (as filtered {raw.ece:.4f}), where p >= .05 {claims.ece:.3f}, "
        f"Brier {whole.brier:.4f}"
    )
    rows = zip(whole.counts, whole.mean_prob, whole.mined_share, strict=True)
    print("  p -> mined: " + "  ".join(f"{p:.2f}->{m:.2f} ({n})" for n, p, m in rows if n))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="run everything and write docs/benchmarks/detection.*")
    parser.add_argument("--quick", action="store_true", help="with --page: few and small worlds")
    parser.add_argument("--jobs", type=int, default=2, help="with --page: processes, two at most")
    parser.add_argument("--settings", default="standard,hard", help="comma between them; 'all' for every one")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--size", type=int, default=256, help="edge of a world, px")
    parser.add_argument("--years", type=float, nargs=2, default=[2.0, 2.0], help="of history, monitored")
    parser.add_argument("--density", type=float, default=4.0, help="density of workings, relative to the usual")
    parser.add_argument("--cache", type=Path, help="folder rendered cubes are kept in")
    parser.add_argument("--no-sites", action="store_true", help="pixels only")
    arguments = parser.parse_args()
    if arguments.page:
        write_detection_page(quick=arguments.quick, processes=arguments.jobs, cache=arguments.cache)
    else:
        _tell_settings(arguments)


def _tell_settings(arguments: argparse.Namespace) -> None:
    """Print what kpgeo comes to, setting by setting."""
    names = list(SETTINGS) if arguments.settings == "all" else arguments.settings.split(",")
    history, monitored = arguments.years
    plan = Plan(
        size_px=arguments.size, history_years=history, monitored_years=monitored, site_density=arguments.density
    )
    cache = arguments.cache or Path(tempfile.mkdtemp(prefix="kpgeo-bench-"))
    for name in names:
        begin = time.perf_counter()
        cubes = [plan.cube(SETTINGS[name], seed, cache) for seed in arguments.seeds]
        rendered = time.perf_counter() - begin
        tell(run_setting(cubes, with_sites=not arguments.no_sites), name)
        print(f"cubes rendered or opened in {rendered:.0f} s", flush=True)
    if arguments.cache is None:
        shutil.rmtree(cache)


if __name__ == "__main__":
    main()
