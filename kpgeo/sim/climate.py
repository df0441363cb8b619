"""Weather and seasons of northern Côte d'Ivoire: rain, soil wetness, river level, green-up, cloud and haze."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.model.calendar import date_of
from kpgeo.sim.textures import F32, logistic, rng_of

# By month, January first: chance of a rainy day, mean cloud cover at the time of overpass, depth of dust haze.
_RAIN_PROB = (0.01, 0.03, 0.12, 0.25, 0.35, 0.42, 0.45, 0.58, 0.60, 0.38, 0.06, 0.01)
_CLOUD_COVER = (0.16, 0.20, 0.32, 0.42, 0.48, 0.56, 0.68, 0.76, 0.68, 0.48, 0.24, 0.15)
_HAZE = (0.11, 0.09, 0.05, 0.02, 0.012, 0.01, 0.01, 0.01, 0.012, 0.015, 0.03, 0.08)
_SPIN_UP_DAYS = 500


@dataclass(frozen=True, kw_only=True)
class Season:
    """One year's green season: day of year it begins and ends, and its vigour (about 1)."""

    begin: float
    end: float
    vigour: float


@dataclass(frozen=True, kw_only=True)
class Climate:
    """Daily weather from `first_day` on.

    Attributes
    ----------
    wetness : float32 array (day,)
        Wetness of the upper soil, 0 dry to 1 soaked.
    river : float32 array (day,)
        River level: about 0.1 in March, 1 when it reaches its banks.
    wet_days : float32 array (day,)
        Growing days so far: days when plants could take over bare ground.
    seasons : dict
        The green season by year.
    """

    seed: int
    first_day: int
    wetness: F32
    river: F32
    wet_days: F32
    seasons: dict[int, Season]

    def wetness_on(self, day: int) -> float:
        """Return the soil wetness of a day."""
        return float(self.wetness[day - self.first_day])

    def river_on(self, day: int) -> float:
        """Return the river level of a day."""
        return float(self.river[day - self.first_day])

    def wet_days_on(self, day: NDArray[np.generic] | float) -> F32:
        """Return the growing days counted until each of some days; days outside are clipped."""
        index = np.clip(np.asarray(day, dtype=np.float64) - self.first_day, 0, len(self.wet_days) - 1)
        return self.wet_days[index.astype(np.int64)]

    def greenness(self, day: int, begin_shift: F32 | float = 0.0, end_shift: F32 | float = 0.0) -> F32:
        """Return how green the herb layer is (0–1), with shifts of the season in days (scalars or (y, x))."""
        date = date_of(day)
        season = self.seasons[date.year]
        doy = float(date.timetuple().tm_yday)
        rise = logistic((doy - season.begin - begin_shift) / np.float32(11.0))
        fall = logistic((season.end + end_shift - doy) / np.float32(14.0))
        return np.asarray(np.clip(0.03 + 0.95 * season.vigour * rise * fall, 0.0, 1.0), dtype=np.float32)

    def leafiness(self, day: int) -> float:
        """Return how leafy savanna trees are (0–1): leaves fall from December and flush before the rains."""
        doy = float(date_of(day).timetuple().tm_yday)
        rise = float(logistic((doy - 62.0) / 9.0))
        fall = float(logistic((342.0 - doy) / 12.0))
        return 0.5 + 0.5 * rise * fall


def monthly(values: tuple[float, ...], day: int) -> float:
    """Interpolate monthly values, meant for mid-month, to a day."""
    place = (date_of(day).timetuple().tm_yday - 15.0) / 365.25 * 12.0
    low = int(np.floor(place))
    part = place - low
    return values[low % 12] * (1 - part) + values[(low + 1) % 12] * part


def mean_cloud_cover(day: int) -> float:
    """Return the mean cloud cover (0–1) of a day of the year."""
    return monthly(_CLOUD_COVER, day)


def mean_haze(day: int) -> float:
    """Return the mean haze (share of the signal that is dust light in the blue) of a day of the year."""
    return monthly(_HAZE, day)


def draw_climate(seed: int, start_day: int, end_day: int, interannual: float) -> Climate:
    """Draw the weather of a world. `interannual` scales how much years differ (1 usual, 0 every year the same)."""
    rng = rng_of(seed, "climate")
    first = start_day - _SPIN_UP_DAYS
    days = range(first, end_day + 40)
    years = range(date_of(first).year, date_of(end_day + 40).year + 1)
    seasons = {
        year: Season(
            begin=112.0 + 10.0 * interannual * rng.standard_normal(),
            end=313.0 + 9.0 * interannual * rng.standard_normal(),
            vigour=float(np.clip(1.0 + 0.06 * interannual * rng.standard_normal(), 0.75, 1.15)),
        )
        for year in years
    }
    abundance = {year: float(np.exp(0.18 * interannual * rng.standard_normal())) for year in years}
    draws, amounts = rng.random(len(days)), rng.gamma(0.8, 15.0, len(days))
    wetness, river, grown = np.zeros((3, len(days)), dtype=np.float32)
    store = stage = count = 0.0
    for i, day in enumerate(days):
        year = date_of(day).year
        rain_mm = amounts[i] * abundance[year] if draws[i] < monthly(_RAIN_PROB, day) else 0.0
        store = 0.80 * store + rain_mm
        stage += (rain_mm - stage) / 28.0
        doy = date_of(day).timetuple().tm_yday
        count += seasons[year].begin < doy < seasons[year].end
        wetness[i], river[i], grown[i] = 1.0 - np.exp(-store / 30.0), 0.06 + stage / 7.0, count
    return Climate(seed=seed, first_day=first, wetness=wetness, river=river, wet_days=grown, seasons=seasons)
