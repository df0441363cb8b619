"""Dry-season fires: which cell of savanna burns on which day, and how completely."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.model.calendar import date_of, day_of
from kpgeo.options.sim import SimOptions
from kpgeo.sim.landscape import NEVER, Landscape
from kpgeo.sim.textures import F32, rng_of, smooth_noise, voronoi_cells


@dataclass(frozen=True, kw_only=True)
class FireSeason:
    """Fires of one dry season (November to February); rasters (y, x) on the frame.

    Attributes
    ----------
    day : float32
        Day a pixel burnt, `NEVER` where it did not.
    completeness : float32
        Share of the straw that burnt, 0–1.
    fade_days : float32
        Days in which char fades to a third.
    """

    day: F32
    completeness: F32
    fade_days: F32


def season_of(day: int) -> int:
    """Return the year a fire season belongs to: the year of its November."""
    date = date_of(day)
    return date.year if date.month >= 11 else date.year - 1


def draw_fires(options: SimOptions, land: Landscape) -> dict[int, FireSeason]:
    """Draw the fires of every dry season of a world, by the year of its November."""
    frame = land.frame
    years = range(season_of(frame.start_day), season_of(frame.end_day) + 1)
    return {year: _draw_season(options, land, year) for year in years}


def _draw_season(options: SimOptions, land: Landscape, year: int) -> FireSeason:
    rng = rng_of(options.seed, "fires", year)
    size = land.frame.size
    labels, seeds = voronoi_cells(rng, size, rng.uniform(16.0, 30.0), 0.22)
    rate = options.burn_rate * float(np.exp(rng.normal(0.0, 0.15 * options.interannual)))
    first = day_of(date_of(land.frame.start_day).replace(year=year, month=11, day=5))
    region = _at_seeds(smooth_noise(rng, size, 60), seeds)
    when = first + np.clip(48.0 + 22.0 * region + rng.normal(0.0, 9.0, len(seeds)), 0.0, 112.0)
    burns = rng.random(len(seeds)) < min(rate, 0.97)
    fuel = land.herb_frac * (1 - land.gallery_frac) > 0.25 + 0.10 * smooth_noise(rng, size, 2.5)
    patchy = smooth_noise(rng, size, 1.5, 5) > -1.25
    burnt = burns[labels] & fuel & patchy
    spread = 2.5 * smooth_noise(rng, size, 8)
    complete = np.clip(_per_cell(rng, seeds, 0.55, 0.98)[labels] + 0.08 * smooth_noise(rng, size, 2), 0.2, 1.0)
    return FireSeason(
        day=np.where(burnt, np.rint(when[labels] + spread), NEVER).astype(np.float32),
        completeness=np.where(burnt, complete, 0.0).astype(np.float32),
        fade_days=_per_cell(rng, seeds, 16.0, 42.0)[labels].astype(np.float32),
    )


def _per_cell(rng: np.random.Generator, seeds: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return rng.uniform(low, high, len(seeds))


def _at_seeds(raster: F32, seeds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a raster's value at each seed, the nearest pixel for seeds outside."""
    index = np.clip(seeds.astype(int), 0, raster.shape[0] - 1)
    return np.asarray(raster[index[:, 0], index[:, 1]], dtype=np.float64)
