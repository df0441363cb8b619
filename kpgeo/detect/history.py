"""The looks a baseline is learnt from, kept small."""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from kpgeo.kernels.season import INT16_NODATA
from kpgeo.model.scene import RADAR_BANDS, Sensor
from kpgeo.model.state import FILTER_BANDS, RADAR_STEP_DB, REFLECTANCE_STEP

Row = tuple[int, str, Sensor, NDArray[np.int16]]


@dataclass(kw_only=True)
class Look:
    """One acquisition over one tile, clear where not NaN.

    Attributes
    ----------
    pixels : float32 (band, y, x)
        Reflectance in `FILTER_BANDS`, or vv and vh in dB.
    """

    sensor: Sensor
    day: int
    scene_id: str
    pixels: NDArray[np.float32]


@dataclass(kw_only=True)
class HistoryStack:
    """History looks of one tile as int16, a quarter of the cube they came from.

    Attributes
    ----------
    shape : (int, int)
        Tile height and width.
    """

    shape: tuple[int, int]
    optical: list[Row] = field(default_factory=list)
    radar: list[Row] = field(default_factory=list)

    def add(self, looks: xr.Dataset, sensor: Sensor) -> None:
        """Keep the looks of one sensor (from `features.clear_looks`); a look without a clear pixel is dropped."""
        for look in split_looks(looks, sensor):
            if np.isfinite(look.pixels[0]).any():
                step = RADAR_STEP_DB if sensor.is_radar else REFLECTANCE_STEP
                rows = self.radar if sensor.is_radar else self.optical
                rows.append((look.day, look.scene_id, sensor, _to_int16(look.pixels, step)))

    def without(self, scene_ids: Collection[str]) -> "HistoryStack":
        """Return the stack without the looks of some scenes."""
        if not scene_ids:
            return self
        kept = ([row for row in rows if row[1] not in scene_ids] for rows in (self.optical, self.radar))
        optical, radar = kept
        return HistoryStack(shape=self.shape, optical=optical, radar=radar)

    def looks_between(self, begin_day: int, end_day: int) -> list[Look]:
        """Return the looks of the days from `begin_day` to before `end_day`, in time order, decoded."""
        rows = [(*row, REFLECTANCE_STEP) for row in self.optical] + [(*row, RADAR_STEP_DB) for row in self.radar]
        return [
            Look(sensor=sensor, day=when, scene_id=scene_id, pixels=_from_int16(pixels, step))
            for when, scene_id, sensor, pixels, step in sorted(rows, key=lambda row: (row[0], row[1]))
            if begin_day <= when < end_day
        ]


def split_looks(looks: xr.Dataset, sensor: Sensor) -> list[Look]:
    """Split a dataset of clear looks `(time, y, x)` into one `Look` an acquisition, in the bands the filter uses."""
    bands = RADAR_BANDS if sensor.is_radar else FILTER_BANDS
    days = looks["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
    stacked = np.stack([looks[band].to_numpy() for band in bands], axis=1).astype(np.float32, copy=False)
    unseen = ~np.isfinite(stacked).all(axis=1, keepdims=True)
    stacked[np.broadcast_to(unseen, stacked.shape)] = np.nan
    return [
        Look(sensor=sensor, day=int(day), scene_id=str(scene_id), pixels=stacked[i])
        for i, (day, scene_id) in enumerate(zip(days, looks["scene_id"].to_numpy(), strict=True))
    ]


def _to_int16(pixels: NDArray[np.float32], step: float) -> NDArray[np.int16]:
    """Scale to int16; NaN becomes `INT16_NODATA`."""
    scaled = np.clip(np.rint(pixels / step), -32767, 32767)
    return np.where(np.isfinite(scaled), scaled, INT16_NODATA).astype(np.int16)


def _from_int16(pixels: NDArray[np.int16], step: float) -> NDArray[np.float32]:
    """Undo `_to_int16`."""
    scaled = pixels.astype(np.float32) * np.float32(step)
    scaled[pixels == INT16_NODATA] = np.nan
    return scaled
