"""Where and when diamond workings are opened, paused, resumed and abandoned."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kpgeo.options.sim import SimOptions
from kpgeo.sim.digging import Digging, Phase, SitePlan, draw_digging, river_bank_free
from kpgeo.sim.landscape import Frame, Landscape, Road, wiggled
from kpgeo.sim.textures import rng_of

_SITES_PER_PX = 10.0 / 384.0**2
_MAX_NEW_HA, _FIRST_HA = 3.0, 0.18
_RIM_PX = 36

Story = Literal["standing", "finished", "late-history", "resumed", "new"]


@dataclass(frozen=True)
class _Life:
    """First day, phases and growth of one working."""

    phases: tuple[Phase, ...]
    growth_days: float


def draw_diggings(options: SimOptions, land: Landscape) -> tuple[Digging, ...]:
    """Plan and draw the workings of a world.

    About 10 on 15 km2 at the usual density. At least four are opened while the world is monitored, the first three of
    them of at least a tenth of a hectare; about a third of all stands already or is finished by then.
    """
    rng = rng_of(options.seed, "sites")
    frame = land.frame
    usual = _SITES_PER_PX * options.size_px**2 * options.site_density
    count = max(6, round(usual * rng.uniform(0.85, 1.2)))
    stories = _stories(rng, count)
    is_free = river_bank_free(land.river_m, land.river_half_m) & (land.village_day > frame.end_day)
    places = _places(rng, land, is_free, count)
    cover = (options.covered_low_frac, options.covered_high_frac)
    found = []
    for number, (story, (row, col, place)) in enumerate(zip(stories, places, strict=False)):
        area_ha = _area_ha(rng, story, number, options)
        life = _life(rng, story, frame, area_ha)
        plan = SitePlan(
            id=f"w{number + 1:02d}",
            row=row,
            col=col,
            area_ha=area_ha,
            growth_days=life.growth_days,
            phases=life.phases,
            low_ground=place == "flat",
            place=place,
        )
        found.append(draw_digging(options.seed, plan, is_free, cover))
    return tuple(found)


def _stories(rng: np.random.Generator, count: int) -> list[Story]:
    """Deal out lives: the first four and near half of the others are new while the world is monitored."""
    rest: list[Story] = ["standing", "resumed", "finished", "late-history", "new", "new", "new", "standing"]
    dealt = [rest[i % len(rest)] for i in range(count - 4)]
    order = rng.permutation(len(dealt))
    first: list[Story] = ["new"] * 4
    return first + [dealt[i] for i in order]


def _area_ha(rng: np.random.Generator, story: Story, number: int, options: SimOptions) -> float:
    """Draw the ground a working digs in all: log-uniform, and wide enough for the first three."""
    wide = min(_FIRST_HA, 0.6 * options.site_max_ha)
    low = max(wide, options.site_min_ha) if number < 3 else options.site_min_ha
    high = options.site_max_ha if story in {"standing", "resumed"} else min(_MAX_NEW_HA, options.site_max_ha)
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _life(rng: np.random.Generator, story: Story, frame: Frame, area_ha: float) -> _Life:
    """Draw the phases of a working's life."""
    growth = float(rng.uniform(40.0, 90.0) + 85.0 * np.sqrt(area_ha) * rng.uniform(0.8, 1.5))
    return _LIVES[story](rng, frame, growth)


def _standing(rng: np.random.Generator, frame: Frame, growth: float) -> _Life:
    """Be there before the world begins, and go on slowly all through it, whatever `growth` says."""
    start = int(frame.start_day - rng.uniform(100, 900))
    growth = float(frame.end_day - start) * rng.uniform(0.8, 1.1)
    return _Life(_chain((start, "active"), end=frame.end_day), growth)


def _finished(rng: np.random.Generator, frame: Frame, growth: float) -> _Life:
    """Be abandoned during the history."""
    start = int(frame.start_day - rng.uniform(-60, 500))
    stop = int(frame.monitor_day - rng.uniform(0.15, 0.55) * frame.history_days)
    return _Life(_chain((start, "active"), (stop, "abandoned"), end=frame.end_day), growth)


def _late_history(rng: np.random.Generator, frame: Frame, growth: float) -> _Life:
    """Open in the second half of the history and go on, or be abandoned while the world is monitored."""
    start = int(frame.monitor_day - rng.uniform(0.12, 0.5) * frame.history_days)
    stop = int(frame.monitor_day + rng.uniform(0.15, 0.8) * frame.watched_days)
    if rng.random() < 0.5:
        return _Life(_chain((start, "active"), (stop, "abandoned"), end=frame.end_day), 1.3 * growth)
    return _Life(_chain((start, "active"), end=frame.end_day), 2.0 * growth)


def _resumed(rng: np.random.Generator, frame: Frame, growth: float) -> _Life:
    """Pause during the history and be taken up again while the world is monitored; `growth` is too short for it."""
    start = int(frame.start_day + rng.uniform(-300, 0.25 * frame.history_days))
    pause = int(frame.monitor_day - rng.uniform(0.25, 0.5) * frame.history_days)
    again = int(frame.monitor_day + rng.uniform(0.08, 0.5) * frame.watched_days)
    chain = _chain((start, "active"), (pause, "paused"), (again, "active"), end=frame.end_day)
    return _Life(chain, max(growth, float(pause - start) * rng.uniform(1.2, 1.6)))


def _new(rng: np.random.Generator, frame: Frame, growth: float) -> _Life:
    """Open while the world is monitored; one in four is abandoned again when it is dug out."""
    start = int(frame.monitor_day + rng.uniform(0.04, 0.62) * frame.watched_days)
    if rng.random() < 0.25 and frame.end_day - start > growth + 60:
        stop = int(start + growth + rng.uniform(0, 40))
        return _Life(_chain((start, "active"), (stop, "abandoned"), end=frame.end_day), growth)
    return _Life(_chain((start, "active"), end=frame.end_day), growth)


_LIVES = {
    "standing": _standing,
    "finished": _finished,
    "late-history": _late_history,
    "resumed": _resumed,
    "new": _new,
}


def _chain(*steps: tuple[int, Literal["active", "paused", "abandoned"]], end: int) -> tuple[Phase, ...]:
    """Make phases that follow each other, the last until `end`."""
    stops = [start for start, _ in steps[1:]] + [end]
    return tuple(
        Phase(start_day=start, end_day=stop, state=state) for (start, state), stop in zip(steps, stops, strict=True)
    )


def _places(
    rng: np.random.Generator, land: Landscape, is_free: NDArray[np.bool_], count: int
) -> list[tuple[int, int, Literal["flat", "dyke", "outside"]]]:
    """Choose where to dig: mostly the flat, a quarter along the dyke, few elsewhere, well apart from each other."""
    bank_m = land.river_m - land.river_half_m
    edge = np.zeros_like(is_free)
    edge[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX] = True
    open_ground = is_free & edge & (land.village_m > 160.0) & (land.road_frac == 0)
    zones: dict[Literal["flat", "dyke", "outside"], NDArray[np.bool_]] = {
        "flat": open_ground & (bank_m > 25.0) & (bank_m < land.flat_half_m - 20.0),
        "dyke": open_ground & (land.dyke_m < 40.0) & (bank_m > land.flat_half_m + 60.0),
        "outside": open_ground & (land.dyke_m > 200.0) & (bank_m > land.flat_half_m + 80.0),
    }
    found: list[tuple[int, int, Literal["flat", "dyke", "outside"]]] = []
    spacing = 24.0
    for number in range(count):
        draw = rng.random()
        wish: Literal["flat", "dyke", "outside"] = (
            "flat" if draw < 0.6 or number < 2 else "dyke" if draw < 0.85 else "outside"
        )
        candidates = np.argwhere(zones[wish])
        if not len(candidates):
            wish, candidates = "outside", np.argwhere(open_ground)
        picks = candidates[rng.integers(0, len(candidates), 60)]
        gaps = [min((np.hypot(r - a, c - b) for a, b, _ in found), default=1e9) for r, c in picks]
        best = int(np.argmax(np.array(gaps) > spacing)) if max(gaps) > spacing else int(np.argmax(gaps))
        found.append((int(picks[best][0]), int(picks[best][1]), wish))
    return found


def draw_tracks(options: SimOptions, land: Landscape, diggings: tuple[Digging, ...]) -> tuple[Road, ...]:
    """Draw the track to each working, from up to half a kilometre away on the side of the nearest village."""
    rng = rng_of(options.seed, "tracks")
    found = []
    for digging in diggings:
        site = np.array([digging.plan.col + 0.5, digging.plan.row + 0.5]) * land.frame.grid.res_m
        near = min(land.villages, key=lambda v: np.hypot(v.x_m - site[0], v.y_m - site[1]))
        way = np.array([near.x_m, near.y_m]) - site
        start = site + way * min(1.0, rng.uniform(150.0, 500.0) / float(np.hypot(*way)))
        line = wiggled(rng, start, site, 0.05)
        begin = float(digging.opened_day - rng.uniform(5.0, 25.0))
        found.append(Road(points_m=line, width_m=float(rng.uniform(2.0, 4.0)), begin_day=begin, pace_m=60.0))
    return tuple(found)
