"""The land before anyone digs: river, gallery forest, savanna, dyke, villages and roads. Pure functions of a seed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kpgeo.model.calendar import date_of, day_of
from kpgeo.model.grid import Grid
from kpgeo.options.sim import SimOptions
from kpgeo.sim.textures import F32, line_distance, ramp, rng_of, smooth_noise

EPSG = 32629
MARGIN_PX = 16
_CENTRE_EAST_M, _CENTRE_NORTH_M = 766_000.0, 907_000.0
_STEP_M = 4.0
NEVER = np.float32(1e9)
ALWAYS = np.float32(-1e9)

Points = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The raster scenes are made on: the AOI grid and a margin around it.

    Attributes
    ----------
    grid : Grid
        The grid of the AOI.
    start_day, monitor_day, end_day : int
        First day of the history, first monitored day, day after the last.
    """

    grid: Grid
    start_day: int
    monitor_day: int
    end_day: int

    @property
    def size(self) -> int:
        """Return the edge in pixels."""
        return self.grid.width + 2 * MARGIN_PX

    @property
    def history_days(self) -> int:
        """Return the days before monitoring begins."""
        return self.monitor_day - self.start_day

    @property
    def watched_days(self) -> int:
        """Return the days that are monitored."""
        return self.end_day - self.monitor_day

    @property
    def extent_m(self) -> float:
        """Return the edge in metres."""
        return self.size * self.grid.res_m

    @property
    def left_m(self) -> float:
        """Return the easting of the left edge."""
        return self.grid.left_m - MARGIN_PX * self.grid.res_m

    @property
    def top_m(self) -> float:
        """Return the northing of the upper edge."""
        return self.grid.top_m + MARGIN_PX * self.grid.res_m

    @property
    def inner(self) -> tuple[slice, slice]:
        """Return the (y, x) slices of the AOI grid in a frame."""
        inside = slice(MARGIN_PX, MARGIN_PX + self.grid.width)
        return inside, inside

    def to_utm(self, points_m: Points) -> Points:
        """Return points (n, 2) of the frame, x right and y down in metres, as easting and northing."""
        return np.stack([self.left_m + points_m[:, 0], self.top_m - points_m[:, 1]], axis=1)


def frame_of(options: SimOptions) -> Frame:
    """Return the frame a set of options asks for, centred near 8.2° N 6.6° W, north of Séguéla."""
    half_m = options.size_px * 5.0
    grid = Grid(
        epsg=EPSG,
        left_m=_CENTRE_EAST_M - half_m,
        top_m=_CENTRE_NORTH_M + half_m,
        width=options.size_px,
        height=options.size_px,
    )
    start = options.start
    return Frame(
        grid=grid,
        start_day=day_of(start),
        monitor_day=_years_after(day_of(start), options.history_years),
        end_day=_years_after(day_of(start), options.history_years + options.monitored_years),
    )


def _years_after(day: int, years: float) -> int:
    """Return the day some half-years later."""
    date = date_of(day)
    months = date.month - 1 + round(years * 12)
    first = date.replace(year=date.year + months // 12, month=months % 12 + 1, day=1)
    return day_of(first) + min(date.day, 28) - 1


@dataclass(frozen=True, kw_only=True)
class Village:
    """A village: place in the frame (m), radius when the world begins, and how fast the radius grows (m a year)."""

    x_m: float
    y_m: float
    radius_m: float
    growth_m: float


@dataclass(frozen=True, kw_only=True)
class Road:
    """A laterite road: densely sampled line (n, 2) in the frame, width, day work began, metres built a day."""

    points_m: Points
    width_m: float
    begin_day: float
    pace_m: float


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """Everything about the land that does not move. Rasters are float32 (y, x) on the frame.

    Attributes
    ----------
    river_m, river_half_m : array
        Distance to the river's middle; half the width between its banks there.
    height_m : array
        Height above the bank, for floods.
    creek_m, dyke_m : array
        Distance to the nearest creek and to the dyke.
    tree_frac, gallery_frac, herb_frac : array
        Share of savanna trees, of gallery forest, and of herbs between them.
    begin_shift, end_shift : array
        Days by which a pixel greens and dries later than the mean.
    vis_gain, ir_gain : array
        Texture of the ground: factors on the visible and the infrared bands.
    village_day, road_day, road_frac, compound : array
        Day a pixel was built on; day and share of road; density of houses.
    """

    frame: Frame
    river_line: Points
    flat_half_m: float
    dyke_line: Points
    dyke_half_m: float
    villages: tuple[Village, ...]
    roads: tuple[Road, ...]
    river_m: F32
    river_half_m: F32
    height_m: F32
    creek_m: F32
    dyke_m: F32
    tree_frac: F32
    gallery_frac: F32
    herb_frac: F32
    begin_shift: F32
    end_shift: F32
    vis_gain: F32
    ir_gain: F32
    village_day: F32
    compound: F32
    road_day: F32
    road_frac: F32

    @cached_property
    def village_m(self) -> F32:
        """Return the distance of each pixel to the nearest village (m)."""
        size = self.frame.size
        rows, cols = (np.indices((size, size)) + 0.5) * self.frame.grid.res_m
        parts = [np.hypot(rows - v.y_m, cols - v.x_m) for v in self.villages]
        return np.asarray(np.min(parts, axis=0), dtype=np.float32)


def draw_landscape(options: SimOptions) -> Landscape:
    """Draw the land of a world."""
    frame = frame_of(options)
    seed, size = options.seed, frame.size
    rng = rng_of(seed, "landscape")
    river_line = _meander(rng, frame)
    river_m, _ = line_distance(river_line, size, frame.grid.res_m)
    width = smooth_noise(rng, size, 60)
    half = np.clip(10.0 + 2.0 * width, 6.0, 15.0).astype(np.float32)
    creek_m = _creeks(rng, frame, river_line)
    dyke_line = _dyke(rng, frame)
    dyke_m, _ = line_distance(dyke_line, size, frame.grid.res_m)
    villages = _villages(rng, frame, river_m)
    roads = _roads(rng, frame, villages, options)
    road_day, road_frac = road_rasters(frame, roads)
    flat_half_m = float(rng.uniform(150.0, 230.0))
    return Landscape(
        frame=frame,
        river_line=river_line,
        flat_half_m=flat_half_m,
        dyke_line=dyke_line,
        dyke_half_m=90.0,
        villages=villages,
        roads=roads,
        river_m=river_m,
        river_half_m=half,
        height_m=_heights(rng, river_m - half, flat_half_m),
        creek_m=creek_m,
        dyke_m=dyke_m,
        **_vegetation(rng, river_m - half, creek_m, flat_half_m),
        village_day=_village_days(rng, frame, villages),
        compound=np.clip(0.62 + 0.22 * smooth_noise(rng, size, 1.6, 5), 0.0, 0.95),
        road_day=road_day,
        road_frac=road_frac,
    )


def _meander(rng: np.random.Generator, frame: Frame) -> Points:
    """Return the line of the river: meanders upon bends, at a random bearing through the middle of the frame."""
    length = 1.5 * frame.extent_m
    along = np.arange(-length / 2, length / 2, _STEP_M)
    across = np.full_like(along, rng.uniform(-0.14, 0.14) * frame.extent_m)
    for low_m, high_m, share in ((450.0, 700.0, 0.085), (1300.0, 2000.0, 0.075), (4500.0, 7000.0, 0.05)):
        wave_m = rng.uniform(low_m, high_m)
        size_m = share * wave_m * rng.uniform(0.7, 1.3)
        across += size_m * np.sin(2 * np.pi * along / wave_m + rng.uniform(0, 2 * np.pi))
    return _turned(along, across, rng.uniform(0, np.pi), frame)


def _turned(along: Points, across: Points, bearing: float, frame: Frame) -> Points:
    """Turn a line given along and across a bearing into frame coordinates."""
    x = along * np.cos(bearing) - across * np.sin(bearing)
    y = along * np.sin(bearing) + across * np.cos(bearing)
    return np.stack([x, y], axis=1) + frame.extent_m / 2


def wiggled(rng: np.random.Generator, start: Points, end: Points, bend: float) -> Points:
    """Return a densely sampled line between two points that sways by a share `bend` of its length."""
    length = float(np.hypot(*(end - start)))
    t = np.linspace(0.0, 1.0, max(int(length / _STEP_M), 2))
    sway = np.zeros_like(t)
    for order in (1, 2, 3, 5, 8):
        sway += rng.normal(0.0, bend * length / order**1.3) * np.sin(np.pi * order * t)
    normal = np.array([-(end - start)[1], (end - start)[0]]) / max(length, 1.0)
    line: Points = start + t[:, None] * (end - start) + sway[:, None] * normal
    return line


def _creeks(rng: np.random.Generator, frame: Frame, river_line: Points) -> F32:
    """Return the distance to the nearest creek; creeks come down from the edge of the frame to the river."""
    lines = []
    for _ in range(max(2, round(frame.extent_m / 2500.0))):
        mouth = river_line[rng.integers(len(river_line) // 5, 4 * len(river_line) // 5)]
        angle = rng.uniform(0, 2 * np.pi)
        spring = mouth + rng.uniform(0.3, 0.55) * frame.extent_m * np.array([np.cos(angle), np.sin(angle)])
        lines.append(wiggled(rng, mouth, spring, 0.07))
    return line_distance(np.concatenate(lines), frame.size, frame.grid.res_m)[0]


def _dyke(rng: np.random.Generator, frame: Frame) -> Points:
    """Return the dyke: a nearly straight line that runs a little west of north, as those of Séguéla do."""
    bearing = np.deg2rad(rng.uniform(75.0, 115.0))
    length = rng.uniform(0.55, 0.8) * frame.extent_m
    along = np.arange(-length / 2, length / 2, _STEP_M)
    line = _turned(along, 12.0 * np.sin(along / 700.0), bearing, frame)
    return line + rng.uniform(-0.28, 0.28, 2) * frame.extent_m


def _heights(rng: np.random.Generator, bank_m: F32, flat_half_m: float) -> F32:
    """Return the height above the bank: a flat with old channels beside the river, then slopes."""
    swales = 0.55 * smooth_noise(rng, bank_m.shape[0], 6, 18)
    rise = 0.7 * ramp(bank_m, 0.0, flat_half_m) + np.maximum(bank_m - flat_half_m, 0.0) * 0.02
    return np.asarray(np.maximum(0.25 + rise + swales, 0.02), dtype=np.float32)


def _vegetation(rng: np.random.Generator, bank_m: F32, creek_m: F32, flat_half_m: float) -> dict[str, F32]:
    """Return trees, gallery forest, herbs, shifts of the season and ground texture."""
    size = bank_m.shape[0]
    woods = (
        0.75 * smooth_noise(rng, size, 45, 110) + 0.55 * smooth_noise(rng, size, 9) + 0.45 * smooth_noise(rng, size, 3)
    )
    crowns = smooth_noise(rng, size, 1.3)
    belt = 38.0 + 20.0 * smooth_noise(rng, size, 12, 40)
    gallery = 0.92 * (1 - ramp(bank_m, belt - 14.0, belt + 14.0)) * ramp(bank_m, -3.0, 6.0)
    gallery = np.maximum(gallery, 0.85 * (1 - ramp(creek_m, 14.0, 32.0)) * ramp(woods, -1.2, 0.2))
    crust = ramp(smooth_noise(rng, size, 4, 12, 40), 1.45, 2.0)
    moist = 1 - ramp(np.minimum(bank_m, creek_m * 1.6), 20.0, flat_half_m)
    herb = np.clip(0.84 + 0.07 * smooth_noise(rng, size, 2, 8, 20) - 0.55 * crust, 0.15, 0.97)
    return {
        "tree_frac": np.clip(0.24 + 0.17 * woods + 0.09 * crowns, 0.02, 0.80).astype(np.float32),
        "gallery_frac": gallery.astype(np.float32),
        "herb_frac": herb.astype(np.float32),
        "begin_shift": (5.0 * smooth_noise(rng, size, 25) + 4.0 * crust - 6.0 * moist).astype(np.float32),
        "end_shift": (6.0 * smooth_noise(rng, size, 25) - 14.0 * crust + 30.0 * moist).astype(np.float32),
        "vis_gain": np.exp(0.045 * crowns + 0.07 * smooth_noise(rng, size, 5, 40)).astype(np.float32),
        "ir_gain": np.exp(0.03 * crowns + 0.045 * smooth_noise(rng, size, 5, 40)).astype(np.float32),
    }


def _villages(rng: np.random.Generator, frame: Frame, river_m: F32) -> tuple[Village, ...]:
    """Place villages away from the river and from each other."""
    wanted = max(1, round(frame.extent_m**2 / 9e6 * rng.uniform(0.8, 1.3)))
    found: list[Village] = []
    for _ in range(400):
        x_m, y_m = rng.uniform(0.12, 0.88, 2) * frame.extent_m
        apart = min((np.hypot(v.x_m - x_m, v.y_m - y_m) for v in found), default=1e9)
        res_m = frame.grid.res_m
        if river_m[int(y_m / res_m), int(x_m / res_m)] > 420.0 and apart > 1200.0:
            radius = float(np.exp(rng.uniform(np.log(70.0), np.log(200.0))))
            found.append(Village(x_m=x_m, y_m=y_m, radius_m=radius, growth_m=float(rng.uniform(4.0, 14.0))))
        if len(found) == wanted:
            break
    if not found:
        row, col = np.unravel_index(int(np.argmax(river_m)), river_m.shape)
        found.append(Village(x_m=col * 10.0, y_m=row * 10.0, radius_m=90.0, growth_m=8.0))
    return tuple(found)


def _village_days(rng: np.random.Generator, frame: Frame, villages: tuple[Village, ...]) -> F32:
    """Return the day each pixel is built on, `NEVER` where it is not within the world's life."""
    size = frame.size
    rows, cols = (np.indices((size, size)) + 0.5) * frame.grid.res_m
    edge = 1.0 + 0.30 * smooth_noise(rng, size, 6, 14)
    built = np.full((size, size), NEVER, dtype=np.float32)
    for village in villages:
        distance = np.hypot(rows - village.y_m, cols - village.x_m) / np.clip(edge, 0.4, 1.8)
        age = frame.start_day + (distance - village.radius_m) / village.growth_m * 365.0
        built = np.minimum(built, np.where(age < frame.end_day, age, NEVER))
    return built.astype(np.float32)


def _roads(
    rng: np.random.Generator, frame: Frame, villages: tuple[Village, ...], options: SimOptions
) -> tuple[Road, ...]:
    """Lay a main road through the first village, tracks to the others, and new roads while the world runs."""
    edge = frame.extent_m
    hub = np.array([villages[0].x_m, villages[0].y_m])
    ends = [np.array([0.0, rng.uniform(0.1, 0.9) * edge]), np.array([edge, rng.uniform(0.1, 0.9) * edge])]
    old = float(ALWAYS)
    roads = [Road(points_m=wiggled(rng, hub, end, 0.03), width_m=8.0, begin_day=old, pace_m=1.0) for end in ends]
    for village in villages[1:]:
        place = np.array([village.x_m, village.y_m])
        roads.append(Road(points_m=wiggled(rng, hub, place, 0.04), width_m=5.0, begin_day=old, pace_m=1.0))
    life = (options.history_years + options.monitored_years) * 365.0
    for part in range(max(1, round(frame.extent_m / 3000.0))):
        start = rng.uniform(0.15, 0.85, 2) * edge
        angle = rng.uniform(0, 2 * np.pi)
        end = start + rng.uniform(0.25, 0.5) * edge * np.array([np.cos(angle), np.sin(angle)])
        begin = frame.monitor_day + rng.uniform(20, 200) if part == 0 else frame.start_day + rng.uniform(100, life)
        line = wiggled(rng, start, np.clip(end, 0.02 * edge, 0.98 * edge), 0.03)
        roads.append(Road(points_m=line, width_m=9.0, begin_day=float(begin), pace_m=float(rng.uniform(15.0, 60.0))))
    return tuple(roads)


def road_rasters(frame: Frame, roads: tuple[Road, ...]) -> tuple[F32, F32]:
    """Return the day each pixel became road and the share of it that is road."""
    size, res_m = frame.size, frame.grid.res_m
    day, share = np.full((size, size), NEVER, dtype=np.float32), np.zeros((size, size), dtype=np.float32)
    for road in roads:
        distance, index = line_distance(road.points_m, size, res_m)
        reach = np.clip((road.width_m + res_m) / 2 - distance, 0.0, min(road.width_m, res_m)) / res_m
        built = road.begin_day + index * (_STEP_M / road.pace_m)
        better = (reach > 0) & ((built < day) | (share == 0))
        day[better], share[better] = built[better], reach[better]
    return day, share
