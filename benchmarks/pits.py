"""Pits for real series: what they are made of, how they grow, and how a real look of a pixel changes with them.

A look x of a pixel becomes (1 - f) x + f (m w + r): f the share that is dug by then, m the ground of this pit, w how
wet and how lit it is that day (log-normal, 6 %), r the real residual of the look about the pixel's own season, so that
haze, shadow and missed cloud stay in the look whatever lies below. Radar is mixed in power, with the pit's own speckle.
Grounds are single bare pixels measured in a Sentinel-2 scene of Tanzania, each made brighter or darker by 20 % and
tinted by 8 % a band (standard deviations), so that none is a central value of the detector's classes; a quarter of the
pits hold water, of ranges that are background knowledge (B-M), as are the levels of radar.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray

from benchmarks.grounds import MINED_FRAC

FRACS = (0.3, 1.0)
RAMP_DAYS = (1.0, 45.0)
POND_SHARE = 0.25
BARE_NDVI = 0.2
SPECKLE_LOOKS = 6.0
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pit:
    """One pit: opens on a day, grows in a straight line over `ramp_days` to the share `frac` of its pixels.

    Attributes
    ----------
    ground : float64 (band,)
        Reflectance in blue, green, red, nir, swir16, swir22.
    gamma0_db : float64 (2,)
        vv and vh, dB.
    """

    day: int
    ramp_days: float
    frac: float
    is_pond: bool
    ground: Array
    gamma0_db: Array

    def share(self, days: NDArray[np.int64]) -> Array:
        """Return the share of the pixel that is dug on days."""
        return np.asarray(self.frac * np.clip((days - self.day) / self.ramp_days, 0.0, 1.0))

    @property
    def opened_day(self) -> int:
        """Return the day on which `MINED_FRAC` of the pixel is dug."""
        return int(np.ceil(self.day + self.ramp_days * min(MINED_FRAC / self.frac, 1.0)))


@dataclass(frozen=True, kw_only=True)
class Digger:
    """Draws pits. `soils` (n, band) are measured reflectances of bare ground."""

    soils: Array
    rng: np.random.Generator

    def dig(self, between: tuple[int, int]) -> Pit:
        """Draw a pit that opens between two days."""
        rng = self.rng
        is_pond = bool(rng.random() < POND_SHARE)
        level = (-18.0, -25.0) if is_pond else (-12.0, -20.0)
        return Pit(
            day=int(rng.integers(*between)),
            ramp_days=float(rng.uniform(*RAMP_DAYS)),
            frac=float(rng.uniform(*FRACS)),
            is_pond=is_pond,
            ground=self._water() if is_pond else self._soil(),
            gamma0_db=rng.normal(level, 2.5),
        )

    def _soil(self) -> Array:
        rng = self.rng
        picked = self.soils[rng.integers(len(self.soils))]
        return np.asarray(picked * np.exp(rng.normal(0.0, 0.2)) * np.exp(rng.normal(0.0, 0.08, size=6)))

    def _water(self) -> Array:
        rng = self.rng
        green = rng.uniform(0.04, 0.15)
        blue, red = green * rng.uniform(0.6, 0.95), green * rng.uniform(0.7, 1.3)
        infrared = rng.uniform(0.02, 0.15), rng.uniform(0.01, 0.05), rng.uniform(0.01, 0.04)
        return np.array([blue, green, red, *infrared])


def read_soils(folder: Path) -> Array:
    """Read the bare pixels of the Tanzanian scene, (n, band)."""
    with rasterio.open(folder / "s2_s1_dem_terramind_africa" / "38D_378R_2_3_S2L2A.tif") as source:
        bands = source.read().astype(np.float64)[[1, 2, 3, 7, 10, 11]] * 1e-4
    index = (bands[3] - bands[2]) / (bands[3] + bands[2])
    return np.asarray(bands[:, index <= BARE_NDVI].T)


def mix_optical(seen: Array, days: NDArray[np.int64], pit: Pit, rng: np.random.Generator) -> Array:
    """Return looks (look, band) of a pixel as they would have been with a pit; NaN stays NaN."""
    share = pit.share(days)[:, None]
    lit = np.exp(rng.normal(0.0, 0.06, size=(len(days), 1)))
    season = own_season(seen, days)
    return np.asarray(np.clip((1.0 - share) * seen + share * (pit.ground * lit + seen - season), 0.001, 1.1))


def own_season(seen: Array, days: NDArray[np.int64]) -> Array:
    """Return a pixel's own season on its looks' days: a yearly harmonic, fitted twice, then without outliers."""
    angle = 2.0 * np.pi * days / 365.25
    basis = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=1)
    known = np.isfinite(seen).any(axis=0)
    used = np.isfinite(seen[:, known]).all(axis=1)
    season = np.full(seen.shape, np.nan)
    for _ in range(2):
        coefs = np.linalg.lstsq(basis[used], seen[used][:, known], rcond=None)[0]
        season[:, known] = basis @ coefs
        left = np.abs(seen - season)[:, known]
        scale = 1.4826 * np.nanmedian(left, axis=0)
        used &= (left < 4.0 * np.maximum(scale, 0.005)).all(axis=1)
    return season


def mix_radar(seen_db: Array, days: NDArray[np.int64], pit: Pit, rng: np.random.Generator) -> Array:
    """Return looks (look, 2) of a pixel in dB as they would have been with a pit, mixed in power."""
    share = pit.share(days)[:, None]
    speckle = rng.gamma(SPECKLE_LOOKS, 1.0 / SPECKLE_LOOKS, size=seen_db.shape)
    power = (1.0 - share) * 10.0 ** (0.1 * seen_db) + share * 10.0 ** (0.1 * pit.gamma0_db) * speckle
    return np.asarray(10.0 * np.log10(power))
