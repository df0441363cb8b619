"""The best of each peer: the threshold that finds most at a false-alarm rate, picked on the worlds that are scored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import Result
from benchmarks.peers import Config
from benchmarks.scoring import FOLLOW_DAYS, PixelSet, pool_alarms, pool_truths, resampled, score_alarms
from kpgeo.assess import NO_ALARM, PixelScore, PixelTruths

SLACK = 1.1
"""A peer's rate may exceed the wanted one by this factor: its grid of thresholds is coarse."""
_UNION = "nrt optical or radar"
_MOST = 12


@dataclass(frozen=True, kw_only=True)
class Point:
    """A peer at one threshold, over all worlds of a setting; `pixel_years` are of never-mined pixels."""

    config: Config
    false_rate: float
    pixel_years: float
    found_frac: float
    alarms: NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Best:
    """A peer at its best threshold.

    `reaches` is False where no threshold came down to the wanted rate, or the sample is too small to tell.
    """

    config: Config
    score: PixelScore
    intervals: dict[str, tuple[float, float]]
    reaches: bool


def points_of(results: Sequence[Result]) -> dict[str, list[Point]]:
    """Return every peer at every threshold, by family, unions of optical and radar left out."""
    found: dict[str, list[Point]] = {}
    for config in results[0].peer_alarms:
        if all(config in one.peer_alarms for one in results):
            sets, alarms = _alarms_of(results, config)
            found.setdefault(config.family, []).append(_point(config, pool_alarms(sets, alarms), pool_truths(sets)))
    return found


def _package(config: Config) -> str:
    return config.family.split(" ", 1)[0]


def _alarms_of(results: Sequence[Result], config: Config) -> tuple[list[PixelSet], list[NDArray[np.int32]]]:
    return [one.peer_sets[_package(config)] for one in results], [one.peer_alarms[config] for one in results]


def _point(config: Config, alarms: NDArray[np.int32], truths: PixelTruths) -> Point:
    mined = truths.is_mined
    alarm, first, opened = alarms[mined], truths.first_day[mined], truths.opened_day[mined]
    followed = opened + FOLLOW_DAYS <= truths.end_day
    is_found = (alarm >= first) & (alarm < truths.end_day)
    rate = float((alarms[~mined] < NO_ALARM).mean() / truths.years) if (~mined).any() else float("nan")
    return Point(
        config=config,
        false_rate=rate,
        pixel_years=float((~mined).sum() * truths.years),
        found_frac=float(is_found[followed].mean()) if followed.any() else float("nan"),
        alarms=alarms,
    )


def unions_of(results: Sequence[Result], points: dict[str, list[Point]], rate: float) -> list[Point]:
    """Return unions of an optical and a radar peer: an alarm of either is one."""
    every = [point for family in points.values() for point in family if _package(point.config) == "nrt"]
    optical = _promising([p for p in every if not p.config.family.endswith(("vh", "vv"))], rate)
    radar = _promising([p for p in every if p.config.family.endswith(("vh", "vv"))], rate)
    if not optical or not radar:
        return []
    truths = pool_truths([one.peer_sets["nrt"] for one in results])
    return [_point(_both(a.config, b.config), np.minimum(a.alarms, b.alarms), truths) for a in optical for b in radar]


def _both(one: Config, other: Config) -> Config:
    words = " or ".join(f"{c.family.removeprefix('nrt ')} {c.threshold}" for c in (one, other))
    return Config(family=_UNION, threshold=words)


def _promising(points: Sequence[Point], rate: float) -> list[Point]:
    """Return the points that find most within the rate, within half and a quarter of it."""
    chosen: dict[Config, Point] = {}
    for part in (1.0, 0.5, 0.25):
        within = [point for point in points if point.false_rate <= part * rate]
        for point in sorted(within, key=lambda p: -p.found_frac)[:_MOST]:
            chosen[point.config] = point
    return list(chosen.values())


def best_of(results: Sequence[Result], rate: float) -> dict[str, Best]:
    """Return every family of peers at its best threshold for a false-alarm rate, the union among them."""
    points = points_of(results)
    unions = unions_of(results, points, rate)
    found = {}
    for family, listed in [*points.items(), *([(_UNION, unions)] if unions else [])]:
        within = [point for point in listed if point.false_rate <= SLACK * rate]
        best = max(within, key=lambda p: p.found_frac) if within else min(listed, key=lambda p: p.false_rate)
        sets, alarms = _split(results, best)
        found[family] = Best(
            config=best.config,
            score=score_alarms(sets, alarms),
            intervals=resampled(sets, alarms),
            reaches=bool(within) and rate * best.pixel_years >= 1.0,
        )
    return found


def _split(results: Sequence[Result], point: Point) -> tuple[list[PixelSet], list[NDArray[np.int32]]]:
    """Return the alarms of a point world by world, in days as they were."""
    sets = [one.peer_sets[_package(point.config)] for one in results]
    ends = np.cumsum([len(one.index) for one in sets])[:-1]
    parts = np.split(point.alarms, ends)
    return sets, [
        np.where(part < NO_ALARM, part + one.truths.end_day, NO_ALARM).astype(np.int32)
        for part, one in zip(parts, sets, strict=True)
    ]


def frontier(points: Sequence[Point]) -> Iterator[tuple[float, float]]:
    """Yield (false-alarm rate, share found) of the thresholds no other of the family beats in both."""
    most = -1.0
    for point in sorted(points, key=lambda p: (p.false_rate, -p.found_frac)):
        if point.found_frac > most:
            most = point.found_frac
            yield point.false_rate, point.found_frac
