"""When satellites pass over the world, and how they stand towards the sun."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kpgeo.model.calendar import date_of, day_of
from kpgeo.model.scene import Sensor
from kpgeo.options.sim import SimOptions
from kpgeo.sim.landscape import Frame
from kpgeo.sim.textures import rng_of

S2_ORBIT, S1_ORBIT = 65, 147
LANDSAT_PATH, LANDSAT_ROW = 198, 54
_LATITUDE, _LONGITUDE = 8.2, -6.58
_LANDSAT9_DAY = day_of(dt.date(2021, 10, 31))
_OFFSET_DAY = day_of(dt.date(2022, 1, 25))
_EDGE_SHARE = 0.03


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """One pass of one satellite.

    Attributes
    ----------
    datetime : datetime
        Sensing time, UTC.
    is_cut : bool
        True where the frame's edge cuts through the area.
    baseline, again_baseline : str
        Sentinel-2 processing baseline; that of a second, reprocessed offer, "" where there is none.
    """

    sensor: Sensor
    platform: str
    datetime: dt.datetime
    number: int
    is_cut: bool = False
    baseline: str = ""
    again_baseline: str = ""

    @property
    def day(self) -> int:
        """Return the day number."""
        return day_of(self.datetime)


def list_acquisitions(options: SimOptions, frame: Frame) -> list[Acquisition]:
    """Return every acquisition of a world in the order of sensing time, those that were never made left out."""
    passes = [*_sentinel2(options, frame), *_landsat(frame), *_sentinel1(frame)]
    rng = rng_of(options.seed, "acquisitions")
    keeps = rng.random(len(passes)) >= options.missing_frac
    return sorted((p for p, keep in zip(passes, keeps, strict=True) if keep), key=lambda p: (p.datetime, p.sensor))


def _sentinel2(options: SimOptions, frame: Frame) -> Iterator[Acquisition]:
    rng = rng_of(options.seed, "sentinel-2")
    for number, day in enumerate(range(frame.start_day + 2, frame.end_day, 5)):
        twice, is_cut, second = rng.random() < options.duplicate_frac, rng.random() < _EDGE_SHARE, rng.integers(0, 40)
        is_old = day < _OFFSET_DAY
        yield Acquisition(
            sensor=Sensor.SENTINEL2,
            platform="sentinel-2a" if number % 2 == 0 else "sentinel-2b",
            datetime=_moment(day, 10, 57, int(second)),
            number=number,
            is_cut=is_cut,
            baseline="03.01" if is_old else "05.10" if number % 9 else "05.09",
            again_baseline=("05.10" if is_old else "05.11") if twice else "",
        )


def _landsat(frame: Frame) -> Iterator[Acquisition]:
    for number, day in enumerate(range(frame.start_day + 5, frame.end_day, 8)):
        is_nine = number % 2 == 1
        if is_nine and day < _LANDSAT9_DAY:
            continue
        yield Acquisition(
            sensor=Sensor.LANDSAT,
            platform="landsat-9" if is_nine else "landsat-8",
            datetime=_moment(day, 10, 42, 18 + number % 7),
            number=number,
        )


def _sentinel1(frame: Frame) -> Iterator[Acquisition]:
    for number, day in enumerate(range(frame.start_day + 3, frame.end_day, 12)):
        yield Acquisition(
            sensor=Sensor.SENTINEL1,
            platform="sentinel-1a",
            datetime=_moment(day, 18, 46, 30 + number % 3),
            number=number,
        )


def _moment(day: int, hour: int, minute: int, second: int) -> dt.datetime:
    return dt.datetime.combine(date_of(day), dt.time(hour, minute, second), tzinfo=dt.UTC)


def sun_position(moment: dt.datetime) -> tuple[float, float]:
    """Return the sun's azimuth and elevation (degrees) over the world; good to half a degree."""
    doy = moment.timetuple().tm_yday
    decl = np.deg2rad(23.45) * np.sin(2 * np.pi * (284 + doy) / 365.25)
    hour = moment.hour + moment.minute / 60 + _LONGITUDE / 15.0
    angle, lat = np.deg2rad(15.0 * (hour - 12.0)), np.deg2rad(_LATITUDE)
    height = np.arcsin(np.sin(lat) * np.sin(decl) + np.cos(lat) * np.cos(decl) * np.cos(angle))
    east, north = -np.cos(decl) * np.sin(angle), np.cos(lat) * np.sin(decl) - np.sin(lat) * np.cos(decl) * np.cos(angle)
    return float(np.rad2deg(np.arctan2(east, north)) % 360.0), float(np.rad2deg(height))
