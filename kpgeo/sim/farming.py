"""Fields and orchards: plots with a crop calendar, shifting clearings, young cashew."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from kpgeo.model.calendar import date_of, day_of
from kpgeo.options.sim import SimOptions
from kpgeo.sim.climate import Climate
from kpgeo.sim.landscape import ALWAYS, NEVER, Landscape
from kpgeo.sim.spectra import N_COVERS, Cover
from kpgeo.sim.textures import F32, logistic, rng_of, smooth_noise, voronoi_cells


class PlotUse(IntEnum):
    """What a plot is used for."""

    FIELD = 1
    ORCHARD = 2


@dataclass(frozen=True, kw_only=True)
class Plots:
    """The plots of a world.

    Attributes
    ----------
    pixels : int64 array (n,)
        Flat index of each farmed pixel of the frame.
    plot : int32 array (n,)
        Its plot, an index into the arrays below, which are (plot,).
    use : uint8 array
        `PlotUse`.
    cleared_day, left_day : float64 array
        Day the plot was cleared and day it was given up.
    plough_doy, harvest_doy, vigour, keeps : float64 array
        Crop calendar (day of year), cover of the standing crop, share of trees left standing.
    fallow_phase : int64 array
        A field lies fallow in one of four years.
    """

    pixels: NDArray[np.int64]
    plot: NDArray[np.int32]
    use: NDArray[np.uint8]
    cleared_day: NDArray[np.float64]
    left_day: NDArray[np.float64]
    plough_doy: NDArray[np.float64]
    harvest_doy: NDArray[np.float64]
    vigour: NDArray[np.float64]
    keeps: NDArray[np.float64]
    fallow_phase: NDArray[np.int64]

    def cover_on(self, day: int, climate: Climate) -> tuple[F32, F32]:
        """Return what each plot is covered with on a day (plot, cover), and how much of it is farmed (plot,)."""
        mix = np.zeros((len(self.use), N_COVERS))
        is_orchard = self.use == PlotUse.ORCHARD
        mix[~is_orchard] = self._fields(day)[~is_orchard]
        mix[is_orchard] = self._orchards(day, climate)[is_orchard]
        age = day - self.cleared_day
        fresh = 0.30 * np.exp(-np.maximum(age, 0.0) / 18.0)[:, None]
        mix *= 1 - fresh
        mix[:, Cover.CHAR] += fresh[:, 0]
        share = np.where((age >= 0) & (day < self.left_day), 1.0 - self.keeps, 0.0)
        resting = (~is_orchard) & ((date_of(day).year + self.fallow_phase) % 4 == 0) & (age > 500)
        share = np.where(resting, 0.25 * share, share)
        return mix.astype(np.float32), share.astype(np.float32)

    def _fields(self, day: int) -> NDArray[np.float64]:
        """Annual crops: residue, ploughed soil, green crop, ripe crop, residue."""
        doy = float(date_of(day).timetuple().tm_yday)
        ploughed = logistic((doy - self.plough_doy) / 2.0).astype(np.float64)
        green = ploughed * logistic((doy - self.plough_doy - 42.0) / 9.0)
        ripe = logistic((doy - self.harvest_doy + 18.0) / 6.0)
        cut = logistic((doy - self.harvest_doy) / 2.0)
        residue = 0.42 * np.where(doy < self.plough_doy, 1.0 - 0.35 * doy / 150.0, 1.0)
        mix = np.zeros((len(self.use), N_COVERS))
        crop = self.vigour * green * (1 - cut)
        mix[:, Cover.GRASS] = crop * (1 - ripe)
        mix[:, Cover.STRAW] = crop * ripe + residue * np.where(ploughed > 0.5, cut, 1 - ploughed)
        mix[:, Cover.LATERITE] = 1.0 - mix.sum(axis=1)
        return mix

    def _orchards(self, day: int, climate: Climate) -> NDArray[np.float64]:
        """Cashew: rows of trees that close over some years, herbs and bare soil between them."""
        years = np.maximum(day - self.cleared_day, 0.0) / 365.0
        crowns = np.clip(0.72 * (1 - np.exp(-((years / 3.2) ** 1.5))), 0.0, 0.72)
        between = 1.0 - crowns
        herb = between * np.clip(0.15 + 0.35 * years, 0.0, 0.7)
        green = float(climate.greenness(day))
        mix = np.zeros((len(self.use), N_COVERS))
        mix[:, Cover.LEAF], mix[:, Cover.SHADE] = 0.85 * crowns, 0.15 * crowns
        mix[:, Cover.GRASS], mix[:, Cover.STRAW] = herb * green, herb * (1 - green) * 0.8
        mix[:, Cover.LATERITE] = 1.0 - mix.sum(axis=1)
        return mix


def draw_plots(options: SimOptions, land: Landscape) -> Plots:
    """Lay out fields and orchards, thickest around the villages, some of them new while the world runs."""
    rng = rng_of(options.seed, "plots")
    frame = land.frame
    labels, _ = voronoi_cells(rng, frame.size, rng.uniform(7.0, 10.0), 0.06)
    count = int(labels.max()) + 1
    means = [_cell_mean(labels, raster, count) for raster in (land.village_m, land.gallery_frac, land.river_m)]
    wild = (means[1] > 0.35) | (means[2] < 45.0)
    cluster = _cell_mean(labels, np.clip(smooth_noise(rng, frame.size, 35), 0.0, 2.0), count)
    chance = np.where(wild, 0.0, 0.02 + 0.22 * cluster + 0.60 * np.exp(-means[0] / 550.0))
    is_new = rng.random(count) < 0.16 * options.change_density
    is_farmed = rng.random(count) < chance
    use = np.where(rng.random(count) < 0.30, PlotUse.ORCHARD, PlotUse.FIELD)
    cleared = np.where(is_new, _clearing_days(rng, count, land), ALWAYS)
    is_old_orchard = (~is_new) & (use == PlotUse.ORCHARD)
    cleared = np.where(is_old_orchard, frame.start_day - rng.uniform(300.0, 6000.0, count), cleared)
    gives_up = (~is_new) & (use == PlotUse.FIELD) & (rng.random(count) < 0.08 * options.change_density)
    left = np.where(gives_up, _clearing_days(rng, count, land) + 300.0, NEVER)
    kept = np.flatnonzero(is_farmed)
    renumber = np.full(count, -1, dtype=np.int32)
    renumber[kept] = np.arange(len(kept))
    farmed = renumber[labels].ravel()
    pixels = np.flatnonzero(farmed >= 0)
    return Plots(
        pixels=pixels,
        plot=farmed[pixels],
        use=use[kept].astype(np.uint8),
        cleared_day=cleared[kept].astype(np.float64),
        left_day=left[kept].astype(np.float64),
        plough_doy=rng.uniform(118.0, 182.0, len(kept)),
        harvest_doy=rng.uniform(285.0, 335.0, len(kept)),
        vigour=rng.uniform(0.6, 0.92, len(kept)),
        keeps=rng.uniform(0.02, 0.18, len(kept)),
        fallow_phase=rng.integers(0, 4, len(kept)),
    )


def _clearing_days(rng: np.random.Generator, count: int, land: Landscape) -> NDArray[np.float64]:
    """Draw days on which plots are cleared: January to May of the years of the world."""
    years = np.arange(date_of(land.frame.start_day).year, date_of(land.frame.end_day - 1).year + 1)
    firsts = np.array([day_of(date_of(land.frame.start_day).replace(year=int(y), month=1, day=1)) for y in years])
    return rng.choice(firsts, count) + rng.uniform(10.0, 130.0, count)


def _cell_mean(labels: NDArray[np.int32], raster: F32, count: int) -> NDArray[np.float64]:
    """Return the mean of a raster in each cell."""
    total = np.bincount(labels.ravel(), raster.ravel(), minlength=count)
    return total / np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
