"""What really happened in a world: workings, nuisances, newly dug ground by half-year and stratum, true carats."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.features import rasterize, shapes
from rasterio.transform import from_origin
from scipy.ndimage import binary_closing
from shapely import make_valid, transform
from shapely.geometry import LineString, Polygon, box, mapping, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from kpgeo.model.calendar import Period, date_of
from kpgeo.sim.digging import CELL_HA, CELL_M, FINE, Digging, outline_fine
from kpgeo.sim.farming import PlotUse
from kpgeo.sim.ground import Terrain
from kpgeo.sim.landscape import EPSG, MARGIN_PX, NEVER, Frame
from kpgeo.sim.textures import rng_of

Feature = dict[str, Any]

FLAT, DYKE = "alluvial-flat", "dyke"
INSET_M = 2.0
_SCAR_DAYS = 70.0


@dataclass(frozen=True, kw_only=True)
class Factors:
    """True values of the capacity chain in one stratum: what a cubic metre of this world really holds."""

    worked_frac: float
    gravel_m: float
    grade_ct_per_m3: float
    recovery_frac: float

    @property
    def ct_per_ha(self) -> float:
        """Return carats won per hectare newly dug."""
        return 1e4 * self.worked_frac * self.gravel_m * self.grade_ct_per_m3 * self.recovery_frac


def boundary_utm(frame: Frame) -> Polygon:
    """Return the AOI's boundary: the grid's outline drawn in a little, so that the grid is found again from it."""
    grid = frame.grid
    right, bottom = grid.left_m + grid.width * grid.res_m, grid.top_m - grid.height * grid.res_m
    return box(grid.left_m + INSET_M, bottom + INSET_M, right - INSET_M, grid.top_m - INSET_M)


def strata_utm(terrain: Terrain) -> dict[str, BaseGeometry]:
    """Return the strata, first the flat along the river, then the corridor of the dyke; they do not overlap."""
    land = terrain.land
    inside = boundary_utm(land.frame)
    river = LineString(land.frame.to_utm(land.river_line)).simplify(3.0)
    flat = make_valid(river.buffer(land.flat_half_m + 10.0, quad_segs=4).simplify(4.0)).intersection(inside)
    line = LineString(land.frame.to_utm(land.dyke_line)).simplify(1.0)
    corridor = line.buffer(land.dyke_half_m, cap_style="flat").intersection(inside).difference(flat)
    return {FLAT: flat, DYKE: corridor}


def to_4326(geometry: BaseGeometry) -> BaseGeometry:
    """Return a UTM geometry in EPSG:4326, to 7 decimals (a centimetre)."""
    project = Transformer.from_crs(EPSG, 4326, always_xy=True).transform
    return transform(geometry, lambda xy: np.round(np.stack(project(xy[:, 0], xy[:, 1]), axis=1), 7))


def stratum_raster(terrain: Terrain) -> NDArray[np.uint8]:
    """Return the stratum of each pixel of the AOI grid: 1 flat, 2 dyke, 0 outside (pixel centre decides)."""
    frame = terrain.frame
    pairs = [
        (geometry, number + 1) for number, geometry in enumerate(strata_utm(terrain).values()) if geometry.area > 0
    ]
    transform_grid = from_origin(frame.grid.left_m, frame.grid.top_m, frame.grid.res_m, frame.grid.res_m)
    burnt: NDArray[np.uint8] = rasterize(pairs, out_shape=frame.grid.shape, transform=transform_grid, dtype="uint8")
    return burnt


def true_factors(seed: int) -> dict[str, Factors]:
    """Draw the true grade, thickness, worked share and recovery of each stratum, near the middle of the priors."""
    rng = rng_of(seed, "factors")
    spread = np.exp(rng.normal(0.0, 0.12, (2, 4)))
    middle = {FLAT: (0.5, 0.45, 0.75, 0.75), DYKE: (0.5, 1.2, 3.2, 0.75)}
    return {
        name: Factors(
            worked_frac=round(float(values[0] * spread[i, 0]), 3),
            gravel_m=round(float(values[1] * spread[i, 1]), 3),
            grade_ct_per_m3=round(float(values[2] * spread[i, 2]), 3),
            recovery_frac=round(float(min(values[3] * spread[i, 3], 0.9)), 3),
        )
        for i, (name, values) in enumerate(middle.items())
    }


def half_years(frame: Frame) -> list[Period]:
    """Return the half-years that lie wholly within the world."""
    first, found = Period.half_year_of(frame.start_day), []
    while first.end_day <= frame.end_day:
        if first.start_day >= frame.start_day:
            found.append(first)
        first = Period.half_year_of(first.end_day)
    return found


def dug_areas(terrain: Terrain, period: Period) -> dict[str, dict[str, float]]:
    """Return, by stratum ("" outside), hectares dug for the first time in a period, and dug again after a pause."""
    strata = stratum_raster(terrain)
    names = ("", FLAT, DYKE)
    areas = {name: {"new_ha": 0.0, "again_ha": 0.0} for name in names}
    for digging in terrain.diggings:
        places = np.kron(_window(strata, digging), np.ones((FINE, FINE), dtype=np.uint8))
        is_new = (digging.born_day >= period.start_day) & (digging.born_day < period.end_day)
        is_again = np.zeros_like(is_new)
        for phase in [p for p in digging.plan.phases[1:] if p.state == "active"]:
            if period.contains(phase.start_day):
                is_again |= (digging.born_day < phase.start_day) & (digging.again_frac < 0.65)
        for number, name in enumerate(names):
            here = places == number
            areas[name]["new_ha"] += float((is_new & here).sum() * CELL_HA)
            areas[name]["again_ha"] += float((is_again & here).sum() * CELL_HA)
    return {name: {key: round(value, 4) for key, value in row.items()} for name, row in areas.items()}


def _window(raster: NDArray[np.uint8], digging: Digging) -> NDArray[np.uint8]:
    """Cut a digging's window out of a raster on the AOI grid; 255 beyond it."""
    rows, cols = digging.window
    padded = np.pad(raster, MARGIN_PX, constant_values=255)
    return padded[rows, cols]


def site_features(terrain: Terrain) -> list[Feature]:
    """Return the workings as GeoJSON features, each with its life."""
    strata = {0: "", 1: FLAT, 2: DYKE}
    raster = stratum_raster(terrain)
    found = []
    for digging in terrain.diggings:
        places = np.kron(_window(raster, digging), np.ones((FINE, FINE), dtype=np.uint8))
        dug_in = places[digging.born_day < NEVER]
        in_aoi = dug_in[dug_in != 255]
        stratum = strata[int(np.bincount(in_aoi, minlength=3).argmax())] if len(in_aoi) else ""
        found.append(_feature(site_outline(terrain.frame, digging), _site_row(terrain, digging, stratum)))
    return found


def _site_row(terrain: Terrain, digging: Digging, stratum: str) -> Feature:
    closed = digging.closed_day()
    return {
        "id": digging.plan.id,
        "existed_before": digging.opened_day < terrain.frame.monitor_day,
        "opened": date_of(digging.opened_day).isoformat(),
        "closed": date_of(closed).isoformat() if closed is not None else None,
        "max_area_ha": round(float((digging.born_day < NEVER).sum() * CELL_HA), 4),
        "phases": [
            {"start": date_of(p.start_day).isoformat(), "end": date_of(p.end_day).isoformat(), "state": p.state}
            for p in digging.plan.phases
        ],
        "in_stratum": stratum or None,
    }


def site_outline(frame: Frame, digging: Digging) -> BaseGeometry:
    """Return the outline of all the ground a working ever dug, gaps of a few metres closed (UTM)."""
    is_inside = binary_closing(np.pad(outline_fine(digging), 3), iterations=2)[3:-3, 3:-3]
    left = frame.left_m + digging.col0 * frame.grid.res_m
    top = frame.top_m - digging.row0 * frame.grid.res_m
    return _outline(is_inside, left, top, CELL_M)


def _outline(is_inside: NDArray[np.bool_], left_m: float, top_m: float, res_m: float) -> BaseGeometry:
    grid = from_origin(left_m, top_m, res_m, res_m)
    parts = [shape(part) for part, _ in shapes(is_inside.astype(np.uint8), mask=is_inside, transform=grid)]
    return unary_union(parts) if parts else Polygon()


def _feature(geometry_utm: BaseGeometry, properties: Feature) -> Feature:
    return {"type": "Feature", "properties": properties, "geometry": mapping(to_4326(geometry_utm))}


def nuisance_features(terrain: Terrain) -> list[Feature]:
    """Return what is not mining: fires, new fields and orchards, village growth, new roads, floods and sandbars."""
    return [*_fires(terrain), *_clearings(terrain), *_building(terrain), *_river(terrain)]


def _inner(terrain: Terrain, raster: NDArray[np.bool_]) -> BaseGeometry:
    """Outline a raster on the frame within the AOI grid (UTM)."""
    grid = terrain.frame.grid
    return _outline(raster[terrain.frame.inner], grid.left_m, grid.top_m, grid.res_m)


def _row(kind: str, start_day: float, end_day: float) -> Feature:
    return {"kind": kind, "start": date_of(int(start_day)).isoformat(), "end": date_of(int(end_day)).isoformat()}


def _fires(terrain: Terrain) -> list[Feature]:
    """One feature for each third of a month of each fire season."""
    found, frame = [], terrain.frame
    for fires in terrain.fires.values():
        days = np.unique(np.floor(fires.day[fires.day < NEVER] / 10.0)) * 10.0
        for first in days:
            outline = _inner(terrain, (fires.day >= first) & (fires.day < first + 10.0))
            if not outline.is_empty and first < frame.end_day and first + _SCAR_DAYS > frame.start_day:
                found.append(_feature(outline.simplify(6.0), _row("burn", first, first + _SCAR_DAYS)))
    return found


def _clearings(terrain: Terrain) -> list[Feature]:
    plots, frame = terrain.plots, terrain.frame
    found = []
    canvas = np.full((frame.size, frame.size), -1, dtype=np.int32)
    canvas.ravel()[plots.pixels] = plots.plot
    for number in np.flatnonzero((plots.cleared_day >= frame.start_day) & (plots.cleared_day < frame.end_day)):
        outline = _inner(terrain, canvas == number)
        if not outline.is_empty:
            kind = "orchard" if plots.use[number] == PlotUse.ORCHARD else "field"
            found.append(_feature(outline, _row(kind, plots.cleared_day[number], frame.end_day)))
    return found


def _building(terrain: Terrain) -> list[Feature]:
    land, frame = terrain.land, terrain.frame
    found = []
    grown = _inner(terrain, (land.village_day >= frame.start_day) & (land.village_day < frame.end_day))
    if not grown.is_empty:
        found.append(_feature(grown, _row("village", frame.start_day, frame.end_day)))
    for road in (*land.roads, *terrain.tracks):
        if frame.start_day <= road.begin_day < frame.end_day:
            line = LineString(frame.to_utm(road.points_m)).simplify(1.0).buffer(road.width_m / 2, cap_style="flat")
            part = line.intersection(boundary_utm(frame))
            if not part.is_empty:
                found.append(_feature(part, _row("road", road.begin_day, frame.end_day)))
    return found


def _river(terrain: Terrain) -> list[Feature]:
    """Floods, by year, at their widest; and the sandbars of each dry season."""
    land, frame, found = terrain.land, terrain.frame, []
    for year in range(date_of(frame.start_day).year, date_of(frame.end_day - 1).year + 1):
        days = [d for d in range(frame.start_day, frame.end_day) if date_of(d).year == year]
        high = [d for d in days if terrain.flood_frac(d).any()]
        if high:
            widest = max(high, key=terrain.climate.river_on)
            outline = _inner(terrain, terrain.flood_frac(widest) > 0.3)
            if not outline.is_empty:
                found.append(_feature(outline, _row("flood", high[0], high[-1] + 1)))
        low = [d for d in days if terrain.climate.river_on(d) < 0.5 and date_of(d).month <= 5]
        if low:
            half = land.river_half_m * (0.35 + 0.75 * min(terrain.climate.river_on(d) for d in low))
            bars = _inner(terrain, (land.river_m < land.river_half_m) & (land.river_m > half))
            if not bars.is_empty:
                found.append(_feature(bars, _row("sandbar", low[0], low[-1] + 1)))
    return found


def month_ends(frame: Frame) -> list[tuple[str, int]]:
    """Return (`YYYY-MM`, last day) of every month that ends within the world."""
    days = range(frame.start_day, frame.end_day)
    return [(f"{date_of(day):%Y-%m}", day) for day in days if date_of(day + 1).day == 1]


def iso(day: int) -> str:
    """Return a day as an ISO date."""
    return dt.date.isoformat(date_of(day))
