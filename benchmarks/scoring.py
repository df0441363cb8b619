"""Alarms of many worlds put together and scored: per pixel, per working, with intervals from resampled worlds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.belief_run import BeliefRun
from benchmarks.cubes import Cube
from benchmarks.grounds import GROUNDS
from kpgeo.assess import (
    NO_ALARM,
    Lag,
    PixelScore,
    PixelTruths,
    first_alarm,
    hit_days,
    lag_of,
    score_pixels,
    threshold_at_rate,
)

RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
HEADLINE_RATE = 1e-3
FOLLOW_DAYS = 180
HORIZON_DAYS = 180.0
SIZES = {
    "< 0.05": (0.0, 0.05),
    "0.05-0.1": (0.05, 0.1),
    "0.1-0.2": (0.1, 0.2),
    "0.2-0.5": (0.2, 0.5),
    ">= 0.5": (0.5, 1e9),
}


@dataclass(frozen=True, kw_only=True)
class PixelSet:
    """The pixels of one world that are scored; `index` is flat, first those that became mined, then never-mined ones.

    Attributes
    ----------
    event : int64 (mined,)
        The working of each mined pixel, into `event_opened_day` and `event_ha`.
    ground : uint8 (never-mined,)
        Index into `GROUNDS`.
    """

    world: str
    index: NDArray[np.int64]
    truths: PixelTruths
    event: NDArray[np.int64]
    ground: NDArray[np.uint8]
    event_opened_day: NDArray[np.int32]
    event_ha: NDArray[np.float32]
    monitor_day: int


def pixel_set(cube: Cube, never_sample: int | None = None) -> PixelSet:
    """Return the scored pixels of a cube: all that became mined, and all never-mined ones or a sample of them."""
    truth = cube.truth
    mined = np.flatnonzero(truth.is_new(cube.monitor_day, cube.end_day))
    never = np.flatnonzero(truth.is_never)
    if never_sample is not None and never_sample < len(never):
        never = np.sort(np.random.default_rng(len(never)).choice(never, never_sample, replace=False))
    index = np.concatenate([mined, never])
    return PixelSet(
        world=cube.name,
        index=index,
        truths=PixelTruths(
            first_day=truth.first_day.reshape(-1)[index],
            opened_day=truth.opened_day.reshape(-1)[index],
            is_mined=np.arange(len(index)) < len(mined),
            end_day=cube.end_day,
            years=cube.years,
        ),
        event=truth.event.reshape(-1)[mined].astype(np.int64),
        ground=truth.ground.reshape(-1)[never],
        event_opened_day=truth.event_opened_day,
        event_ha=truth.event_ha,
        monitor_day=cube.monitor_day,
    )


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The scores of one method in one world, from which alarms at any threshold follow.

    Attributes
    ----------
    days : int32 (look,)
        The first entry is the day before monitoring began.
    scores : float32 (look, mined)
    peaks : float32 (never-mined,)
        Highest score of each.
    """

    pixels: PixelSet
    days: NDArray[np.int32]
    scores: NDArray[np.float32]
    peaks: NDArray[np.float32]

    def alarms(self, threshold: float) -> NDArray[np.int32]:
        """Return the first alarm of every pixel of the set; that of a never-mined pixel is dated to day 0."""
        mined = first_alarm(self.days, self.scores, threshold)
        never = np.where(self.peaks >= np.float32(threshold), 0, NO_ALARM).astype(np.int32)
        return np.concatenate([mined, never])


def trace_of(run: BeliefRun, pixels: PixelSet) -> Trace:
    """Return kpgeo's trace over a set of pixels."""
    mined = pixels.index[: len(pixels.event)]
    rows = np.searchsorted(run.picked, mined)
    start = run.start.reshape(-1)[mined]
    return Trace(
        pixels=pixels,
        days=np.array([pixels.monitor_day - 1, *run.days], dtype=np.int32),
        scores=np.concatenate([start[None], run.scores[:, rows]]),
        peaks=run.peak.reshape(-1)[pixels.index[len(pixels.event) :]],
    )


def threshold_for(traces: Sequence[Trace], rate: float) -> float:
    """Return the threshold that gives a false-alarm rate over several worlds."""
    peaks = np.concatenate([trace.peaks for trace in traces])
    return threshold_at_rate(peaks, sum(len(t.peaks) * t.pixels.truths.years for t in traces), rate)


def thinned(pixels: PixelSet, mined: int, never: int) -> PixelSet:
    """Return a random part of a set: at most so many mined and never-mined pixels."""
    rng = np.random.default_rng(pixels.index.size)
    count = len(pixels.event)
    parts = [
        np.arange(first, last) if last - first <= most else np.sort(rng.choice(np.arange(first, last), most, False))
        for first, last, most in ((0, count, mined), (count, len(pixels.index), never))
    ]
    rows, truths = np.concatenate(parts), pixels.truths
    return replace(
        pixels,
        index=pixels.index[rows],
        truths=replace(
            truths,
            first_day=truths.first_day[rows],
            opened_day=truths.opened_day[rows],
            is_mined=truths.is_mined[rows],
        ),
        event=pixels.event[parts[0]],
        ground=pixels.ground[parts[1] - count],
    )


def pool_truths(sets: Sequence[PixelSet]) -> PixelTruths:
    """Return the truths of several worlds as one, with days counted from the end of each (so they are below 0)."""
    truths = [one.truths for one in sets]
    never = [int((~one.is_mined).sum()) for one in truths]
    years = [one.years for one in truths]
    return PixelTruths(
        first_day=np.concatenate([one.first_day - one.end_day for one in truths]),
        opened_day=np.concatenate([one.opened_day - one.end_day for one in truths]),
        is_mined=np.concatenate([one.is_mined for one in truths]),
        end_day=0,
        years=float(np.average(years, weights=never)) if sum(never) else float(np.mean(years)),
    )


def pool_alarms(sets: Sequence[PixelSet], alarms: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Return the alarms of several worlds as one, counted as `pool_truths` does."""
    parts = [
        np.where(alarm < NO_ALARM, alarm - one.truths.end_day, NO_ALARM)
        for one, alarm in zip(sets, alarms, strict=True)
    ]
    return np.concatenate(parts).astype(np.int32)


def score_alarms(sets: Sequence[PixelSet], alarms: Sequence[NDArray[np.int32]]) -> PixelScore:
    """Score the alarms of several worlds, pixel by pixel."""
    return score_pixels(pool_alarms(sets, alarms), pool_truths(sets), FOLLOW_DAYS, HORIZON_DAYS)


def grounds_of(sets: Sequence[PixelSet], alarms: Sequence[NDArray[np.int32]]) -> dict[str, tuple[int, float]]:
    """Return, by what a never-mined pixel is, how many were alarmed falsely, and how many a pixel and year."""
    ground = np.concatenate([one.ground for one in sets])
    alarmed = np.concatenate([a[len(s.event) :] < NO_ALARM for s, a in zip(sets, alarms, strict=True)])
    years = sets[0].truths.years
    found = {}
    for number, name in enumerate(GROUNDS):
        here = ground == number
        if here.any():
            found[name] = int(alarmed[here].sum()), float(alarmed[here].mean() / years)
    return found


@dataclass(frozen=True, kw_only=True)
class EventScore:
    """Workings of one size, by pixels: a working is hit when a quarter of its pixels have been alarmed.

    `found` and `total` count those that opened at least `FOLLOW_DAYS` before the end; the lag is of all.
    """

    found: int
    total: int
    lag: Lag


def score_events(sets: Sequence[PixelSet], alarms: Sequence[NDArray[np.int32]]) -> dict[str, EventScore]:
    """Score workings that opened while monitored, by the ground they dug in all (ha)."""
    rows: list[tuple[float, int, bool, bool]] = []
    for one, alarm in zip(sets, alarms, strict=True):
        count = len(one.event)
        first, opened = one.truths.first_day[:count], one.truths.opened_day[:count]
        valid = np.where(alarm[:count] >= first, alarm[:count], NO_ALARM).astype(np.int32)
        hits = hit_days(valid, one.event, len(one.event_ha))
        for number in np.unique(one.event):
            if one.event_opened_day[number] < one.monitor_day:
                continue
            begin, end = int(opened[one.event == number].min()), one.truths.end_day
            is_found = bool(hits[number] < end)
            days = max((int(hits[number]) if is_found else end) - begin, 0)
            rows.append((float(one.event_ha[number]), days, is_found, begin + FOLLOW_DAYS <= end))
    return {
        size: _event_score([row for row in rows if low <= row[0] < high])
        for size, (low, high) in {"all": (0.0, 1e9), **SIZES}.items()
    }


def _event_score(rows: Sequence[tuple[float, int, bool, bool]]) -> EventScore:
    followed = [row for row in rows if row[3]]
    return EventScore(
        found=sum(row[2] for row in followed),
        total=len(followed),
        lag=lag_of([row[1] for row in rows], [row[2] for row in rows], HORIZON_DAYS),
    )


def resampled(
    sets: Sequence[PixelSet], alarms: Sequence[NDArray[np.int32]], draws: int = 200, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals of found share, false-alarm rate and median lag from resampled worlds.

    A block bootstrap: pixels of one world are not independent, so worlds are drawn with replacement, whole. With one
    world there is nothing to resample, and the intervals are empty.
    """
    if len(sets) < 2:
        return {}
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(draws):
        pick = rng.integers(0, len(sets), len(sets))
        score = score_alarms([sets[i] for i in pick], [alarms[i] for i in pick])
        rows.append((score.found_frac, score.false_rate, score.lag.median_days))
    found = {}
    for name, drawn in zip(("found_frac", "false_rate", "median_days"), np.array(rows).T, strict=True):
        known = drawn[np.isfinite(drawn)]
        low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
        found[name] = float(low), float(high)
    return found
