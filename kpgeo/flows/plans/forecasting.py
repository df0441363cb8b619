"""How much work a run will be, tile by tile, and how long that takes: by earlier runs of the workspace where there are.

What is counted here is what `kpgeo.flows.watching.tiles` does, step by step; a test holds the two together.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kpgeo import ingest, lazy
from kpgeo.flows.plans.traffic import Traffic, as_measured, traffic_of
from kpgeo.flows.watching.effort import Effort, Workload, deciding, folding, learning, reached
from kpgeo.flows.watching.orbits import Orbits, divide, known_orbits
from kpgeo.flows.watching.scenes import Work, spans_of
from kpgeo.flows.watching.tiles import HALO_PX
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.grid import Tile
from kpgeo.model.scene import Scene
from kpgeo.options.compute import ComputeOptions

STEPS = ("read", "learn", "fold", "decide")
# Pixels a second of one worker, as `Workload` counts them: one run of 512 px × 192 scenes of a simulated world from a
# local disk, kpgeo 0.1.0 (belief 2), 2 cores, 2026-11-22. docs/how-to/run-a-pipeline.md says how to measure again.
DEFAULT_PX_S = {"read": 19.0e6, "learn": 1.1e6, "fold": 9.3e6, "decide": 2.2e6}
_DEFAULT_SPREAD = (0.5, 2.5)  # the share of that time another machine may need (B-M)
_MEASURED_SPREAD = (0.8, 1.25)
_LEAST_PX = 10_000  # a run that did less says nothing of its rate
_NET_BYTES_S = (50e6, 2e6)  # a fast and a slow line, where no run has shown what it is (B-M)
_IN_THIS_PROCESS = "sync"


@dataclass(frozen=True, kw_only=True)
class TileWork:
    """One tile's share: how much there is to do, and by scene id how often each is read there."""

    tile: Tile
    workload: Workload
    reads: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Reckoning:
    """How long a run takes.

    Attributes
    ----------
    low_s, high_s : float
        From begin to end, with `workers` at work (s).
    worker_s : float
        Seconds of work, summed over workers.
    workers : int
        How many have something to do: no more than there are tiles; of a cluster started elsewhere 1, unless the
        pipeline says how many it has.
    runs : int
        Earlier runs whose rates were used; 0 is the benchmark machine's.
    assumed : tuple of str
        Steps that no earlier run has done, reckoned by the benchmark machine's rates.
    """

    low_s: float
    high_s: float
    worker_s: float
    workers: int
    runs: int
    assumed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a run over one AOI will be: work by tile, bytes, time."""

    tiles: tuple[TileWork, ...] = field(repr=False)
    workload: Workload
    traffic: Traffic
    reckoning: Reckoning


def forecast(watch: Watch, work: Work, before: Sequence[Effort]) -> Forecast:
    """Reckon what work on an AOI will be, without opening a file.

    Parameters
    ----------
    before : sequence of Effort
        What earlier runs of the workspace took.
    """
    tiles = tuple(_tile_work(watch, work, tile) for tile in watch.tiles if work.is_for(tile.name))
    dekads = work.last_dekad - work.first_dekad + 1
    workload = sum((one.workload for one in tiles), deciding(watch.grid, dekads).work)
    reads: Counter[str] = Counter()
    for one in tiles:
        reads.update(one.reads)
    traffic = as_measured(traffic_of(watch, _scenes_of(work).values(), reads), workload.read_px, before)
    is_remote = any(source.url.startswith(("http://", "https://")) for source in watch.pipeline.catalog)
    reckoning = reckon(
        workload, before, tiles=len(tiles), workers=workers_of(watch.pipeline.compute),
        traffic=traffic if is_remote else None,
    )  # fmt: skip
    return Forecast(tiles=tiles, workload=workload, traffic=traffic, reckoning=reckoning)


def reckon(
    workload: Workload, before: Sequence[Effort], *, tiles: int, workers: int, traffic: Traffic | None = None
) -> Reckoning:
    """Reckon how long a workload takes: pixels by rate, for each step, shared by the workers tile by tile.

    Parameters
    ----------
    traffic : Traffic, optional
        What must come over a network. Counted for itself only where no earlier run has shown how fast reading is.
    """
    rates = {step: _rates(before, step) for step in STEPS if getattr(workload, f"{step}_px")}
    assumed = tuple(step for step, rate in rates.items() if not rate.runs)
    is_waiting = traffic is not None and "read" in assumed
    low, high = (0, 0) if traffic is None or not is_waiting else (traffic.low_bytes, traffic.high_bytes)
    net_s = (low / _NET_BYTES_S[0], low / math.sqrt(_NET_BYTES_S[0] * _NET_BYTES_S[1]), high / _NET_BYTES_S[1])
    fast, usual, slow = (
        {
            step: getattr(workload, f"{step}_px") / rate.px_s[number] + (net_s[number] if step == "read" else 0.0)
            for step, rate in rates.items()
        }
        for number in range(3)
    )
    return Reckoning(
        low_s=_elapsed(fast, tiles, workers),
        high_s=_elapsed(slow, tiles, workers),
        worker_s=sum(usual.values()),
        workers=max(1, min(workers, tiles)),
        runs=max((rate.runs for rate in rates.values()), default=0),
        assumed=assumed,
    )


def workers_of(compute: ComputeOptions) -> int:
    """Return how many workers a run will have, as far as the pipeline says."""
    if compute.cluster == _IN_THIS_PROCESS:
        return 1
    if compute.cluster in ("local", "threads"):
        return lazy.worker_count(compute)
    return max(1, compute.workers)


def _tile_work(watch: Watch, work: Work, tile: Tile) -> TileWork:
    """Return one tile's share, as `observe_tile` will do it."""
    reach = ingest.reach_of(watch.grid.tile_geobox(tile, HALO_PX))
    near = {scene.id for scene in reached(_scenes_of(work).values(), reach)}

    def here(scenes: Sequence[Scene], orbits: Orbits) -> list[Scene]:
        return [scene for scene in divide(scenes, orbits)[0] if scene.id in near]

    learnt_from = (work.learnt_from, *(refit.scenes for refit in work.refits))
    first, *later = (known_orbits(watch, tile, scenes) for scenes in learnt_from)
    known: dict[int | None, Orbits] = {None: first}
    known.update({refit.epoch: orbits for refit, orbits in zip(work.refits, later, strict=True)})
    learnt = [here(refit.scenes, known[refit.epoch]) for refit in work.refits]
    if work.needs_fit(tile.name, watch.first_dekad):
        learnt.insert(0, here(work.history, first))
    folded = [
        here(scenes, known[None if refit is None else refit.epoch])
        for refit, by_dekad in spans_of(work.by_dekad, work.refits)
        for _, scenes in by_dekad
    ]
    loads = [*(learning(scenes, tile) for scenes in learnt), *(folding(scenes, tile) for scenes in folded)]
    reads = Counter(scene.id for scenes in (*learnt, *folded) for scene in scenes)
    return TileWork(tile=tile, workload=sum(loads, Workload()), reads=reads)


def _scenes_of(work: Work) -> dict[str, Scene]:
    """Return every scene of some work, once, by id."""
    parts = [work.history, *(refit.scenes for refit in work.refits), *(scenes for _, scenes in work.by_dekad)]
    return {scene.id: scene for scenes in parts for scene in scenes}


@dataclass(frozen=True, kw_only=True)
class _Rate:
    """Fastest, usual and slowest rate of a step (px/s of one worker), and how many runs have shown it."""

    px_s: tuple[float, float, float]
    runs: int


def _rates(before: Sequence[Effort], step: str) -> _Rate:
    """Return the rates of a step as earlier runs have shown them, or those of the benchmark machine."""
    shown = [
        (px, seconds)
        for px, seconds in ((getattr(one.work, f"{step}_px"), getattr(one, f"{step}_s")) for one in before)
        if px >= _LEAST_PX and seconds > 0.0
    ]
    if not shown:
        usual = DEFAULT_PX_S[step]
        return _Rate(px_s=(usual / _DEFAULT_SPREAD[0], usual, usual / _DEFAULT_SPREAD[1]), runs=0)
    usual = sum(px for px, _ in shown) / sum(seconds for _, seconds in shown)
    rates = [px / seconds for px, seconds in shown]
    return _Rate(px_s=(max(rates) / _MEASURED_SPREAD[0], usual, min(rates) / _MEASURED_SPREAD[1]), runs=len(shown))


def _elapsed(seconds: Mapping[str, float], tiles: int, workers: int) -> float:
    """Return the time that passes: tiles go in rounds of one a worker, deciding is done by one."""
    rounds = math.ceil(tiles / workers) / tiles if tiles else 0.0
    return sum(value for step, value in seconds.items() if step != "decide") * rounds + seconds.get("decide", 0.0)
