"""The ground on a day: how much of each pixel is covered with what. Everything sensors see is made from this."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kpgeo.model.calendar import date_of, day_of
from kpgeo.options.sim import SimOptions
from kpgeo.sim.burning import FireSeason, draw_fires, season_of
from kpgeo.sim.climate import Climate, draw_climate
from kpgeo.sim.digging import Digging
from kpgeo.sim.farming import Plots, draw_plots
from kpgeo.sim.landscape import Frame, Landscape, Road, draw_landscape, road_rasters
from kpgeo.sim.planning import draw_diggings, draw_tracks
from kpgeo.sim.spectra import N_COVERS, Cover, Spectra, draw_spectra
from kpgeo.sim.textures import F32, logistic, ramp, rng_of, smooth_noise


@dataclass(frozen=True, kw_only=True)
class Terrain:
    """A world without its sensors: land, weather, farming, fires, diggings, spectra."""

    options: SimOptions
    land: Landscape
    climate: Climate
    plots: Plots
    fires: dict[int, FireSeason]
    diggings: tuple[Digging, ...]
    tracks: tuple[Road, ...]
    spectra: Spectra

    @property
    def frame(self) -> Frame:
        """Return the raster scenes are made on."""
        return self.land.frame

    @cached_property
    def _track_rasters(self) -> tuple[F32, F32]:
        return road_rasters(self.frame, self.tracks)

    def fractions(self, day: int) -> F32:
        """Return the share of each pixel that each cover has on a day: (cover, y, x), each pixel sums to 1."""
        mix = self._savanna(day)
        self._burn(mix, day)
        _overlay(mix, self._gallery(day), self.land.gallery_frac)
        self._farm(mix, day)
        self._settle(mix, day)
        self._water(mix, day)
        self._dig(mix, day)
        mix /= np.maximum(mix.sum(axis=0), 1e-6)
        return mix

    def mined_frac(self, day: int) -> F32:
        """Return the share of each pixel that is open diggings or pond at the end of a day."""
        mined = np.zeros((self.frame.size, self.frame.size), dtype=np.float32)
        for digging in self.diggings:
            mined[digging.window] += digging.mined_frac(day, self.climate)
        return np.asarray(np.clip(mined, 0.0, 1.0))

    def wetness(self, day: int) -> F32:
        """Return the wetness of the soil (y, x), 0–1: the day's rain, patchy as showers are."""
        mean = self.climate.wetness_on(day)
        patch = smooth_noise(rng_of(self.options.seed, "showers", day), self.frame.size, 60, 160)
        return np.asarray(np.clip(mean * (1.0 + 0.25 * patch), 0.0, 1.0), dtype=np.float32)

    def vigour(self, year: int) -> F32:
        """Return how well plants do in a year, by pixel, about 1."""
        field = smooth_noise(rng_of(self.options.seed, "vigour", year), self.frame.size, 15, 50)
        return (1.0 + 0.05 * self.options.interannual * field).astype(np.float32)

    def _savanna(self, day: int) -> F32:
        land, leafy = self.land, self.climate.leafiness(day)
        green = self.climate.greenness(day, land.begin_shift, land.end_shift)
        herb = (1.0 - land.tree_frac) * np.clip(land.herb_frac * self.vigour(season_of(day)), 0.0, 0.97)
        standing = 0.95 - 0.30 * self._dryness(day)
        mix = np.zeros((N_COVERS, *green.shape), dtype=np.float32)
        mix[Cover.LEAF] = land.tree_frac * 0.82 * leafy
        mix[Cover.SHADE] = land.tree_frac * 0.14
        mix[Cover.GRASS] = herb * green
        mix[Cover.STRAW] = herb * (1.0 - green) * standing + land.tree_frac * 0.5 * (1.0 - leafy)
        mix[Cover.LATERITE] = np.clip(1.0 - mix.sum(axis=0), 0.0, 1.0)
        return mix

    def _dryness(self, day: int) -> float:
        """Return how far the dry season has gone: 0 in November to 1 in April, 0 in the rains."""
        months = (day - self._november(day)) / 30.4
        return float(np.clip(months / 5.0, 0.0, 1.0)) if months < 6.5 else 0.0

    def _november(self, day: int) -> int:
        year = season_of(day)
        return day_of(date_of(day).replace(year=year, month=11, day=1))

    def _burn(self, mix: F32, day: int) -> None:
        fires = self.fires.get(season_of(day))
        if fires is None:
            return
        since = day - fires.day
        burnt = np.where(since >= 0, fires.completeness, 0.0).astype(np.float32)
        if not burnt.any():
            return
        age = np.maximum(since, 0.0)
        char = np.exp(-age / fires.fade_days)
        fuel = mix[Cover.STRAW] * burnt
        flush = fuel * 0.16 * logistic((age - 18.0) / 4.0)
        mix[Cover.STRAW] -= fuel
        soot = 0.9 * (fuel - flush) * char + 0.6 * mix[Cover.LATERITE] * burnt * char
        mix[Cover.GRASS] += flush
        mix[Cover.CHAR] += soot
        mix[Cover.LATERITE] += fuel - flush - soot
        scorched = mix[Cover.LEAF] * burnt * 0.30 * np.exp(-age / 45.0)
        mix[Cover.LEAF] -= scorched
        mix[Cover.STRAW] += scorched

    def _gallery(self, day: int) -> F32:
        leafy = 0.78 + 0.22 * (self.climate.leafiness(day) - 0.5) * 2.0
        mix = np.zeros(N_COVERS, dtype=np.float32)
        mix[Cover.LEAF], mix[Cover.SHADE] = 0.80 * leafy, 0.17
        mix[Cover.STRAW] = 1.0 - mix.sum()
        return mix

    def _farm(self, mix: F32, day: int) -> None:
        plots = self.plots
        cover, share = plots.cover_on(day, self.climate)
        flat = mix.reshape(N_COVERS, -1)
        weight = share[plots.plot]
        flat[:, plots.pixels] = flat[:, plots.pixels] * (1.0 - weight) + (cover * share[:, None]).T[:, plots.plot]

    def _settle(self, mix: F32, day: int) -> None:
        land = self.land
        green = float(self.climate.greenness(day))
        house = np.zeros(N_COVERS, dtype=np.float32)
        house[Cover.ROOF], house[Cover.LATERITE], house[Cover.LEAF] = 0.36, 0.46, 0.10
        house[Cover.GRASS], house[Cover.STRAW] = 0.08 * green, 0.08 * (1 - green)
        _overlay(mix, house, np.where(land.village_day <= day, land.compound, 0.0).astype(np.float32))
        track = np.zeros(N_COVERS, dtype=np.float32)
        track[Cover.LATERITE], track[Cover.SPOIL], track[Cover.STRAW] = 0.80, 0.15, 0.05
        _overlay(mix, track, np.where(land.road_day <= day, land.road_frac, 0.0).astype(np.float32))
        track_day, track_frac = self._track_rasters
        _overlay(mix, track, np.where(track_day <= day, 0.8 * track_frac, 0.0).astype(np.float32))

    def _water(self, mix: F32, day: int) -> None:
        land, level = self.land, self.climate.river_on(day)
        bed = np.zeros(N_COVERS, dtype=np.float32)
        bed[Cover.SAND], bed[Cover.CLAY], bed[Cover.STRAW] = 0.62, 0.28, 0.10
        water = np.zeros(N_COVERS, dtype=np.float32)
        water[Cover.TURBID] = min(0.30 + 0.55 * level, 0.95)
        water[Cover.CLEAR_WATER] = 1.0 - water[Cover.TURBID]
        _overlay(mix, bed, ramp(land.river_half_m - land.river_m, -5.0, 5.0))
        wet_half = land.river_half_m * np.float32(min(0.35 + 0.75 * level, 1.0))
        channel = ramp(wet_half - land.river_m, -5.0, 5.0)
        creek = 0.22 * (1 - ramp(land.creek_m, 2.0, 9.0)) * min(level, 1.0)
        _overlay(mix, water, np.maximum(np.maximum(channel, creek), self.flood_frac(day)))

    def flood_frac(self, day: int) -> F32:
        """Return the share of each pixel under flood water, seen through the trees that stand in it."""
        above = 0.9 * (self.climate.river_on(day) - 0.80)
        if above <= 0:
            return np.zeros_like(self.land.height_m)
        depth = ramp(above - self.land.height_m, -0.03, 0.06)
        near = 1 - ramp(self.land.river_m, 60.0, 1.2 * self.land.flat_half_m)
        return np.asarray(0.9 * depth * near * (1.0 - 0.8 * self.land.gallery_frac), dtype=np.float32)

    def _dig(self, mix: F32, day: int) -> None:
        for digging in self.diggings:
            if day < digging.opened_day:
                continue
            cover, share = digging.cover_on(day, self.climate)
            rows, cols = digging.window
            part = mix[:, rows, cols]
            mix[:, rows, cols] = part * (1.0 - share) + cover


def _overlay(mix: F32, cover: F32, share: F32) -> None:
    """Put one mixture of covers (cover,) over a share (y, x) of each pixel, in place."""
    keep = 1.0 - share
    for kind, part in enumerate(cover):
        mix[kind] *= keep
        if part:
            mix[kind] += part * share


def draw_terrain(options: SimOptions) -> Terrain:
    """Draw a world: the same options give the same world."""
    land = draw_landscape(options)
    frame = land.frame
    diggings = draw_diggings(options, land)
    return Terrain(
        options=options,
        land=land,
        climate=draw_climate(options.seed, frame.start_day - 900, frame.end_day, options.interannual),
        plots=draw_plots(options, land),
        fires=draw_fires(options, land),
        diggings=diggings,
        tracks=draw_tracks(options, land, diggings),
        spectra=draw_spectra(options.seed, options.spectral_spread),
    )
