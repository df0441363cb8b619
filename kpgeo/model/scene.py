"""Scenes: what a satellite acquired over an AOI at one moment, and the looks that come of it."""

import datetime as dt
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from shapely.geometry.base import BaseGeometry

from kpgeo.model.calendar import day_of, dekad_of
from kpgeo.model.ids import make_id

OPTICAL_BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
RADAR_BANDS = ("vv", "vh")


class Sensor(StrEnum):
    """The sensors kpgeo reads."""

    SENTINEL2 = "sentinel-2"
    LANDSAT = "landsat"
    SENTINEL1 = "sentinel-1"

    @property
    def is_radar(self) -> bool:
        """Say whether the sensor is a radar."""
        return self is Sensor.SENTINEL1

    @property
    def bands(self) -> tuple[str, ...]:
        """Return the bands a cube of this sensor has."""
        return RADAR_BANDS if self.is_radar else OPTICAL_BANDS


class LookClass(IntEnum):
    """What a provider's quality layer says of one pixel, in one vocabulary for all sensors (uint8)."""

    NOT_ACQUIRED = 0
    CLEAR = 1
    CLOUD = 2
    SHADOW = 3
    SNOW = 4
    HAZE = 5
    WATER = 6
    DEFECTIVE = 7


@dataclass(frozen=True, kw_only=True)
class Granule:
    """One file set of an acquisition: a Sentinel-2 or Sentinel-1 tile, a Landsat frame.

    Attributes
    ----------
    item : dict
        The STAC item, cut down to the assets kpgeo reads, hrefs unsigned.
    provider : str
        Host name of the catalogue, or `local`.
    tile : str
        MGRS tile, or Landsat path and row; empty where the provider names none.
    processing_baseline : str
        Sentinel-2 `05.09`; empty for other sensors.
    alternatives : tuple of Granule
        The same granule from elsewhere, best first: other catalogues' copies, other processings. One is read whole in
        its place if it cannot be read, harmonised by its own baseline. They have no alternatives themselves.
    """

    item: dict[str, Any] = field(repr=False, hash=False, compare=False)
    item_id: str
    provider: str
    collection: str
    tile: str
    processing_baseline: str
    epsg: int | None
    cloud_frac: float | None
    alternatives: "tuple[Granule, ...]" = field(default=(), repr=False, hash=False)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One acquisition over one AOI, unique by what was acquired: platform, sensing time, orbit.

    Its granules (neighbouring tiles of the same pass, in one or two UTM zones) are mosaicked, so a pixel counts once.

    Attributes
    ----------
    datetime : datetime
        Sensing time of the first granule, UTC.
    footprint : shapely geometry
        Union of the granules' footprints, EPSG:4326.
    dropped : tuple of str
        Item ids of duplicates (reprocessed, or offered by a later provider) that are not read.
    """

    sensor: Sensor
    platform: str
    datetime: dt.datetime
    relative_orbit: int | None
    orbit_state: str
    granules: tuple[Granule, ...]
    footprint: BaseGeometry = field(repr=False, hash=False, compare=False)
    dropped: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Return the scene's id, a hash of platform, sensing time to the second and orbit."""
        moment = self.datetime.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return make_id("scene", str(self.sensor), self.platform, moment, self.relative_orbit)

    @property
    def day(self) -> int:
        """Return the day number of the acquisition."""
        return day_of(self.datetime)

    @property
    def dekad(self) -> int:
        """Return the dekad of the acquisition."""
        return dekad_of(self.day)

    @property
    def order(self) -> tuple[dt.datetime, str]:
        """Return the key that puts scenes in the order they are folded into the belief."""
        return self.datetime, self.id
