"""A drawn savanna for timing: seasons, cloud, junk looks and a few breaks; quick to draw, not to be scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from kpgeo.kernels.season import INT16_NODATA, harmonic_basis
from kpgeo.model.scene import OPTICAL_BANDS, RADAR_BANDS, Sensor

BEGIN_DAY = 18_262  # 2020-01-01
SPAN_DAYS = 1461
_CLOUD_PX = 16
_LEVEL = {"blue": 500, "green": 800, "red": 900, "nir": 2600, "swir16": 2400, "swir22": 1700}
_AMPLITUDE = {"blue": 80, "green": 150, "red": 300, "nir": 600, "swir16": 450, "swir22": 500}


@dataclass(frozen=True, kw_only=True)
class TimingCube:
    """Looks of one tile.

    Attributes
    ----------
    days, radar_days : int64 (look,)
    optical : int16 (look, band, y, x)
        Reflectance / 1e-4 in `OPTICAL_BANDS`, cloud and all.
    is_clear : bool (look, y, x)
    radar : int16 (look, band, y, x)
        dB / 0.01 in `RADAR_BANDS`.
    n_history : int
        Looks of the optical history; monitoring begins on the day of the next one.
    """

    days: NDArray[np.int64]
    radar_days: NDArray[np.int64]
    optical: NDArray[np.int16]
    is_clear: NDArray[np.bool_]
    radar: NDArray[np.int16]
    n_history: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.optical.shape[2], self.optical.shape[3]

    @property
    def monitor_day(self) -> int:
        """First monitored day."""
        return int(self.days[self.n_history])

    def optical_looks(self, rows: Sequence[int]) -> xr.Dataset:
        """Return optical looks as `features.clear_looks` would."""
        pixels = self.optical[list(rows)].astype(np.float32) * np.float32(1e-4)
        pixels[np.broadcast_to(~self.is_clear[list(rows)][:, None], pixels.shape)] = np.nan
        return _dataset(pixels, OPTICAL_BANDS, self.days[list(rows)], Sensor.SENTINEL2)

    def radar_looks(self, rows: Sequence[int]) -> xr.Dataset:
        """Return radar looks as `features.clear_looks` would."""
        pixels = self.radar[list(rows)].astype(np.float32) * np.float32(0.01)
        return _dataset(pixels, RADAR_BANDS, self.radar_days[list(rows)], Sensor.SENTINEL1)

    def ndvi(self, looks: slice, size_px: int | None = None) -> NDArray[np.float32]:
        """Return an index, the one feature that peers are given: (look, y, x), NaN where not clear."""
        window = (looks, slice(0, size_px), slice(0, size_px))
        red, nir = (self.optical[:, OPTICAL_BANDS.index(band)][window].astype(np.float32) for band in ("red", "nir"))
        index = (nir - red) / np.maximum(nir + red, 1.0)
        index[~self.is_clear[window]] = np.nan
        return np.ascontiguousarray(index, dtype=np.float32)


def draw_cube(size_px: int, n_optical: int, n_radar: int, seed: int = 1) -> TimingCube:
    """Draw a tile of four years, of whose optical looks two thirds are history."""
    rng = np.random.default_rng(seed)
    days = BEGIN_DAY + np.sort(rng.choice(SPAN_DAYS, n_optical, replace=False))
    radar_days = BEGIN_DAY + np.sort(rng.choice(SPAN_DAYS, n_radar, replace=False))
    n_history = 2 * n_optical // 3
    is_clear = np.stack([_clear(rng, size_px, day) for day in days])
    optical = _optical(rng, days, is_clear, n_history)
    level = rng.normal(0, 150, (2, size_px, size_px)) + np.array([-1000, -1600])[:, None, None]
    radar = np.empty((n_radar, 2, size_px, size_px), dtype=np.int16)
    for look in range(n_radar):
        radar[look] = level + 120 * rng.standard_normal(level.shape, dtype=np.float32) + rng.normal(0, 60)
    return TimingCube(
        days=days, radar_days=radar_days, optical=optical, is_clear=is_clear, radar=radar, n_history=n_history
    )


def _clear(rng: np.random.Generator, size_px: int, day: int) -> NDArray[np.bool_]:
    """Clouds in blocks, fewer in the dry season."""
    cloud_frac = 0.42 - 0.22 * np.cos(2 * np.pi * (day - BEGIN_DAY) / 365.25)
    edge = -(-size_px // _CLOUD_PX)
    blocks = rng.random((edge, edge)) >= cloud_frac
    return np.kron(blocks, np.ones((_CLOUD_PX, _CLOUD_PX), dtype=bool))[:size_px, :size_px]


def _optical(
    rng: np.random.Generator, days: NDArray[np.int64], is_clear: NDArray[np.bool_], n_history: int
) -> NDArray[np.int16]:
    """Seasons of every pixel with noise, clouds, 4 % of junk looks, and in monitored time 2 % of ground laid bare."""
    shape = is_clear.shape[1:]
    land = rng.normal(1.0, 0.15, shape).astype(np.float32)
    phase = rng.normal(0.0, 0.3, shape).astype(np.float32)
    opened = np.where(rng.random(shape) < 0.02, rng.integers(n_history, len(days), shape), len(days))
    basis = harmonic_basis(days, 3)
    found = np.empty((len(days), len(OPTICAL_BANDS), *shape), dtype=np.int16)
    for look in range(len(days)):
        season = basis[look, 1] * np.cos(phase) + basis[look, 2] * np.sin(phase)
        bright = np.where(is_clear[look], 0, 3500) + np.where(rng.random(shape) < 0.04, 1500, 0)
        bright += np.where(opened <= look, 900, 0)
        for band, name in enumerate(OPTICAL_BANDS):
            sign = 1 if name == "nir" else -1
            noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(90)
            found[look, band] = np.clip(
                _LEVEL[name] * land - sign * _AMPLITUDE[name] * season + bright + noise, 1, 12_000
            )
    return found


def _dataset(pixels: NDArray[np.float32], bands: Sequence[str], days: NDArray[np.int64], sensor: Sensor) -> xr.Dataset:
    times = days.astype("datetime64[D]").astype("datetime64[ns]")
    return xr.Dataset(
        {band: (("time", "y", "x"), pixels[:, i]) for i, band in enumerate(bands)},
        coords={"time": times, "scene_id": ("time", [f"{sensor.value}-{day}" for day in days])},
    )


def int16_index(index: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return an index (look, y, x) as int16 (look, 1, pixel) in units of 1e-4."""
    flat = index.reshape(len(index), 1, -1)
    return np.where(np.isfinite(flat), np.rint(flat * 1e4), INT16_NODATA).astype(np.int16)
