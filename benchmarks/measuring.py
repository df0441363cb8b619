"""One world measured: kpgeo and, if asked, its peers. Worlds are measured in two processes at most."""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.belief_run import run_belief
from benchmarks.cubes import Cube, cube_of
from benchmarks.peers import NRT_BEST, NRT_FEW, NRT_FULL, Config, run_nrt, run_xccd, subset_of
from benchmarks.scoring import PixelSet, Trace, pixel_set, thinned, trace_of
from benchmarks.settings import SETTINGS, Setting
from kpgeo.assess import Reliability, Score

Peers = Literal["none", "few", "best", "full"]
_NRT_PLANS = {"few": NRT_FEW, "best": NRT_BEST, "full": NRT_FULL}
_NRT_PIXELS = {"few": (200, 600), "best": (800, 3000), "full": (1000, 4000)}
_XCCD_PIXELS = {"few": (20, 40), "full": (200, 700)}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How large and how long the worlds are: pixels, years of history and monitored, density of workings."""

    size_px: int = 256
    history_years: float = 2.0
    monitored_years: float = 2.0
    site_density: float = 4.0

    def cube(self, setting: Setting, seed: int, cache: Path) -> Cube:
        """Return the cube of one world."""
        years = (self.history_years, self.monitored_years)
        return cube_of(setting, setting.options(seed, self.size_px, years, self.site_density), cache)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A world to measure, and what it is for."""

    role: str
    setting: str
    seed: int
    plan: Plan
    peers: Peers = "none"
    with_sites: bool = True
    cache: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured in one world.

    Attributes
    ----------
    peer_sets : dict
        Pixels the peers ran on, by `nrt` and `pyxccd`.
    peer_alarms : dict
        First alarms by config, over the set of the config's package.
    """

    role: str
    setting: str
    world: str
    pixels: PixelSet
    trace: Trace
    calibration: Reliability | None
    claims: Reliability | None
    score: Score | None
    mapped_ha: float
    true_ha: float
    km2: float
    seconds: dict[str, float]
    peer_sets: dict[str, PixelSet] = field(default_factory=dict)
    peer_alarms: dict[Config, NDArray[np.int32]] = field(default_factory=dict)


def measure_job(job: Job) -> Result:
    """Render a world, measure it, and remove the cube unless there is a cache to keep it in."""
    folder = job.cache or Path(tempfile.mkdtemp(prefix="kpgeo-bench-"))
    begin = time.perf_counter()
    try:
        cube = job.plan.cube(SETTINGS[job.setting], job.seed, folder)
        rendered = time.perf_counter() - begin
        result = measure_cube(cube, job.role, job.setting, job.peers, with_sites=job.with_sites)
        result.seconds["render"] = rendered
        return result
    finally:
        if job.cache is None:
            shutil.rmtree(folder, ignore_errors=True)


def measure_cube(cube: Cube, role: str, setting: str, peers: Peers = "none", *, with_sites: bool = True) -> Result:
    """Measure kpgeo, and its peers if asked, on a cube."""
    run = run_belief(cube, with_sites=with_sites)
    pixels = pixel_set(cube)
    result = Result(
        role=role,
        setting=setting,
        world=cube.name,
        pixels=pixels,
        trace=trace_of(run, pixels),
        calibration=run.calibration,
        claims=run.claims,
        score=run.score,
        mapped_ha=run.mapped_ha,
        true_ha=run.true_ha,
        km2=cube.shape[0] * cube.shape[1] * cube.watch.grid.pixel_ha / 100.0,
        seconds=dict(run.seconds),
    )
    if peers != "none":
        _measure_peers(cube, result, peers)
    return result


def _measure_peers(cube: Cube, result: Result, peers: Peers) -> None:
    begin = time.perf_counter()
    some = thinned(result.pixels, *_NRT_PIXELS[peers])
    result.peer_sets["nrt"] = some
    result.peer_alarms.update(run_nrt(subset_of(cube, some), _NRT_PLANS[peers]))
    result.seconds["nrt"] = time.perf_counter() - begin
    if peers in _XCCD_PIXELS:
        begin = time.perf_counter()
        few = thinned(result.pixels, *_XCCD_PIXELS[peers])
        result.peer_sets["pyxccd"] = few
        result.peer_alarms.update(run_xccd(subset_of(cube, few)))
        result.seconds["pyxccd"] = time.perf_counter() - begin


def measure_all(jobs: Sequence[Job], processes: int, tell: Callable[[str], None]) -> list[Result]:
    """Measure worlds, in two processes at most; those that take longest should come first."""
    results = []
    with ProcessPoolExecutor(min(processes, 2), mp_context=get_context("spawn")) as pool:
        for job, result in zip(jobs, pool.map(measure_job, jobs), strict=True):
            spent = ", ".join(f"{key} {value:.0f}" for key, value in result.seconds.items() if value >= 1.0)
            tell(f"{job.role} {result.world}: {spent} s")
            results.append(result)
    return results
