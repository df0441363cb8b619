"""kpgeo's own detector over a cube, look by look, and its sites and alerts dekad by dekad, without a store."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from benchmarks.cubes import Cube, looks_of
from benchmarks.grounds import MINED_FRAC, NO_DAY
from kpgeo import assess, detect, flows
from kpgeo.assess import Reliability, Score
from kpgeo.detect import HistoryStack, Look
from kpgeo.flows.watching.deciding import decide_dekad
from kpgeo.flows.watching.tiles import context_of
from kpgeo.model.calendar import dekad_end, dekad_of, dekad_start
from kpgeo.model.decision import DekadDecision
from kpgeo.model.state import MINED, DekadFields, TileState
from kpgeo.options.assess import AssessOptions
from kpgeo.options.detect import DetectOptions

_FLOOR = 1e-9
CLAIMED = 0.05


@dataclass(kw_only=True)
class BeliefRun:
    """What kpgeo believed while a cube was monitored. The score of a pixel is its log-odds of being mined.

    Attributes
    ----------
    days : list of int
        Day of each monitored look.
    scores : float32 (look, pixel)
        Of the pixels in `picked`, after each look.
    picked : int64 (pixel,)
        Flat index of every pixel that is ever broken.
    start, peak : float32 (y, x)
        Score when monitoring began, and the highest from then on (the first included).
    calibration, claims, raw : Reliability
        Belief against truth at the ends of dekads, as the product tells it (with the calibration it carries): of all
        pixels, and of those with a belief of at least `CLAIMED`; and of all pixels before it is calibrated.
    score : Score or None
        Of sites and alerts, where they were asked for.
    """

    days: list[int] = field(default_factory=list)
    scores: Any = None
    picked: Any = None
    start: Any = None
    peak: Any = None
    peak_day: Any = None
    calibration: Reliability | None = None
    claims: Reliability | None = None
    raw: Reliability | None = None
    score: Score | None = None
    mapped_ha: float = 0.0
    true_ha: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)


class _MemoryBench(flows.Bench):
    """A bench whose state is the fields of one dekad at hand, their beliefs calibrated."""

    def __init__(self, cube: Cube) -> None:
        self.watch = cube.watch
        self.figures = ()  # type: ignore[misc]
        self.now: DekadFields | None = None
        self.now_folded: list[Any] = []

    def fields(self, dekad: int) -> DekadFields:
        assert self.now is not None
        assert self.now.dekad == dekad
        return self.now

    def folded(self, dekad: int) -> list[Any]:  # noqa: ARG002 (the signature of a bench)
        return self.now_folded


def log_odds(belief: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ln(p / (1 - p)) of mining from beliefs (state, y, x)."""
    mined = sum((belief[state] for state in MINED), np.zeros(belief.shape[1:], np.float32))
    mined = np.clip(mined, np.float32(_FLOOR), np.float32(1.0 - 1e-7))
    return np.asarray(np.log(mined) - np.log1p(-mined), dtype=np.float32)


def run_belief(cube: Cube, options: DetectOptions | None = None, *, with_sites: bool = True) -> BeliefRun:
    """Take kpgeo over a cube: the fit, then every monitored look in order, the baseline learnt anew when due."""
    run = BeliefRun()
    filter_run = _Filter(cube, options or cube.watch.pipeline.detect, run)
    watcher = _Watcher(cube, run)
    dekads = cube.dekads()
    watcher.begin(detect.decode_fields(dekads[0] - 1, filter_run.state))
    decider = _Decider(cube) if with_sites else None
    refits = set(cube.watch.refit_dekads(dekads[-1]))
    parts: list[tuple[Reliability, Reliability | None, Reliability]] = []
    for number, dekad in enumerate(dekads):
        if dekad in refits:
            filter_run.refit(dekad)
        with _clock(run, "read"):
            looks = looks_of(cube, dekad, filter_run.baseline)
        with _clock(run, "fold"):
            filter_run.fold(looks, dekad, watcher.on_look)
        with _clock(run, "decide"):
            raw = detect.decode_fields(dekad, filter_run.state)
            fields = detect.calibrate_fields(raw, cube.watch.belief_map)
            percent = cube.truth.mined_percent[number]
            parts.append((*calibration_of(fields.mined_prob, percent), calibration_of(raw.mined_prob, percent)[0]))
            if decider is not None:
                decider.step(fields, looks)
    watcher.finish()
    run.calibration = assess.pool_reliability([whole for whole, _, _ in parts])
    run.raw = assess.pool_reliability([raw for _, _, raw in parts])
    claims = [claimed for _, claimed, _ in parts if claimed is not None]
    run.claims = assess.pool_reliability(claims) if claims else None
    if decider is not None:
        run.score = decider.score()
        run.mapped_ha, run.true_ha = decider.areas()
    return run


@contextmanager
def _clock(run: BeliefRun, step: str) -> Iterator[None]:
    """Add the seconds a step takes to those of a run."""
    begin = time.perf_counter()
    yield
    run.seconds[step] = run.seconds.get(step, 0.0) + time.perf_counter() - begin


class _Filter:
    """The detector in one tile: baseline and state, moved on dekad by dekad."""

    def __init__(self, cube: Cube, options: DetectOptions, run: BeliefRun) -> None:
        self.cube, self.options, self.run = cube, options, run
        self.context = context_of(cube.watch, next(iter(cube.watch.grid.tiles())))
        history = cube.watch.pipeline.history
        self._window_days = (history.end - history.start).days
        self._states: deque[tuple[int, TileState]] = deque(maxlen=self._window_days // 10 + 1)
        with _clock(run, "read history"):
            stack = self._stack(0, cube.monitor_day, lambda looks: looks)
        with _clock(run, "fit"):
            self.baseline = detect.fit_baseline(stack, options)
        with _clock(run, "first belief"):
            self.state = detect.start_state(self.baseline, stack, self.context, cube.dekads()[0], options)

    def fold(self, looks: Sequence[Look], dekad: int, on_look: Callable[[Look, NDArray[np.float32]], None]) -> None:
        """Fold the looks of a dekad in."""
        self.state = detect.fold_dekad(self.state, self.baseline, looks, dekad, self.context, self.options, on_look)
        self._states.append((dekad, self.state))

    def refit(self, dekad: int) -> None:
        """Learn the season anew up to a dekad, as flows do."""
        since_day, first = dekad_start(dekad) - self._window_days, self.cube.dekads()[0]
        from_dekad = max(dekad_of(since_day), first)
        with _clock(self.run, "refit"):
            window = detect.RefitWindow.read(
                [(when, state) for when, state in self._states if when >= from_dekad],
                is_all_monitored=dekad_of(since_day) >= first,
            )
            stack = self._stack(since_day, dekad_start(dekad), window.learnable)
            self.baseline, _ = detect.refit_baseline(stack, window, self.baseline, self.options)

    def _stack(self, from_day: int, to_day: int, learnable: Callable[[xr.Dataset], xr.Dataset]) -> HistoryStack:
        stack = HistoryStack(shape=self.cube.shape)
        for seen in self.cube.looks:
            if from_day <= seen.day < to_day:
                stack.add(learnable(self.cube.dataset(seen)), seen.sensor)
        return stack


def calibration_of(
    mined_prob: NDArray[np.float32], mined_percent: NDArray[np.uint8]
) -> tuple[Reliability, Reliability | None]:
    """Compare beliefs with the truth of one day, for all pixels and for those that are claimed; mixed ones left out."""
    known = (mined_percent == 0) | (mined_percent >= 100 * MINED_FRAC)
    prob, mined = mined_prob[known], mined_percent[known] > 0
    claimed = prob >= CLAIMED
    whole = assess.reliability(np.clip(prob, 0.0, 1.0), mined)
    return whole, assess.reliability(np.clip(prob[claimed], 0.0, 1.0), mined[claimed]) if claimed.any() else None


class _Watcher:
    """Writes down scores while looks are folded in."""

    def __init__(self, cube: Cube, run: BeliefRun) -> None:
        self.run = run
        run.picked = np.flatnonzero(cube.truth.first_day.reshape(-1) < NO_DAY)
        self._rows: list[NDArray[np.float32]] = []

    def begin(self, fields: DekadFields) -> None:
        mined = np.clip(fields.mined_prob, np.float32(_FLOOR), np.float32(1.0 - 1e-7))
        self.run.start = np.asarray(np.log(mined) - np.log1p(-mined), dtype=np.float32)
        self.run.peak = self.run.start.copy()
        self.run.peak_day = np.zeros(self.run.start.shape, dtype=np.int32)

    def on_look(self, look: Look, belief: NDArray[np.float32]) -> None:
        score = log_odds(belief)
        higher = score > self.run.peak
        self.run.peak[higher] = score[higher]
        self.run.peak_day[higher] = look.day
        self.run.days.append(look.day)
        self._rows.append(score.reshape(-1)[self.run.picked])

    def finish(self) -> None:
        self.run.scores = np.stack(self._rows)


class _Decider:
    """Outlines, links and raises alerts dekad by dekad, by the product's own steps."""

    def __init__(self, cube: Cube) -> None:
        self.cube = cube
        self.bench = _MemoryBench(cube)
        self.decisions: list[DekadDecision] = []

    def step(self, fields: DekadFields, looks: Sequence[Look]) -> None:
        previous = self.decisions[-1] if self.decisions else DekadDecision(dekad=fields.dekad - 1)
        self.bench.now = fields
        self.bench.now_folded = [SimpleNamespace(id=look.scene_id, sensor=look.sensor) for look in looks]
        decision, _ = decide_dekad(self.bench, previous, fields.dekad)
        self.decisions.append(decision)

    def score(self) -> Score:
        truth = assess.read_truth(self.cube.folder)
        until_day = dekad_end(self.decisions[-1].dekad)
        return replace(assess.score_run(truth, self.decisions, until_day, AssessOptions()), name=self.cube.name)

    def areas(self) -> tuple[float, float]:
        """Return mapped and true mined area at the end: of all sites that are not closed, and of all workings."""
        mapped = sum(site.area.ha for site in self.decisions[-1].sites if str(site.status) != "closed")
        true = float(self.cube.truth.mined_percent[-1].sum()) / 100.0 * self.cube.watch.grid.pixel_ha
        return mapped, true
