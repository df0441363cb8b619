"""Change objects and sites: where digging is, and how it developed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, kw_only=True)
class Area:
    """An area in hectares with its 90 % interval."""

    ha: float
    low_ha: float
    high_ha: float


def sum_areas(areas: Sequence[Area]) -> Area:
    """Add areas of one detector: their errors go together, so the ends of the intervals add up too."""
    return Area(
        ha=math.fsum(area.ha for area in areas),
        low_ha=math.fsum(area.low_ha for area in areas),
        high_ha=math.fsum(area.high_ha for area in areas),
    )


@dataclass(frozen=True, kw_only=True)
class ChangeObject:
    """A connected patch of mined pixels at the end of one dekad.

    Attributes
    ----------
    id : str
        Hash of AOI, detector lineage, dekad and seed pixel.
    geometry : shapely geometry
        Polygon or MultiPolygon, EPSG:4326, simplified to no more than half a pixel.
    first_day, last_day : int
        Earliest onset of its pixels; last clear look at it.
    area : Area
        Sum of mined fractions, with interval.
    confidence : float
        How surely the object is mining, 0–1: its pixels' belief, less where it opened at once or is shaped like a road.
    seed_row, seed_col : int
        Pixel of the earliest onset; ties go to the highest belief, then the upper left.
    pond_frac : float
        Share of the mined area that is water, 0–1.
    elongation : float
        Length over mean width (1 for a disc); roads are long.
    look_frac : float
        Share of its pixels seen clearly in the dekad, 0–1.
    stratum_id : str
        The stratum that holds most of it, or "" outside every stratum.
    """

    id: str
    dekad: int
    geometry: BaseGeometry
    first_day: int
    last_day: int
    area: Area
    confidence: float
    seed_row: int
    seed_col: int
    n_px: int
    pond_frac: float
    elongation: float
    look_frac: float
    stratum_id: str


class SiteStatus(StrEnum):
    """What a site is doing as of a dekad."""

    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"


class SiteEventKind(StrEnum):
    """What happened to a site."""

    OPENED = "opened"
    GREW = "grew"
    PAUSED = "paused"
    RESUMED = "resumed"
    SPLIT = "split"
    MERGED = "merged"
    CLOSED = "closed"


class SiteActivity(StrEnum):
    """What a site did in a month."""

    GROWING = "growing"
    STEADY = "steady"
    PAUSED = "paused"
    CLOSED = "closed"
    MERGED = "merged"
    NOT_SEEN = "not-seen"
    NOT_YET_KNOWN = "not-yet-known"


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Ground of a site that was newly disturbed in one month (counted from January 1970), by its pixels' onset."""

    month: int
    area: Area


@dataclass(frozen=True, kw_only=True)
class SiteMonth:
    """One month of a site's life.

    Attributes
    ----------
    month : int
        Counted from January 1970.
    activity : SiteActivity
        `NOT_SEEN` where nobody could look in the month, `NOT_YET_KNOWN` before the site was found.
    mined : Area or None
        Mined area at the month's end, as far as it had been seen; None where nobody could look, or did not know of it.
    new : Area or None
        Newly disturbed in the month, as known now. None where nobody could look and no later look dates anything there.
    looked_dekads, dekads : int
        Dekads of the month in which it was looked at, and those it has had since the site was found.
    looks : float
        Clear looks at its pixels in the month, mean over the pixels.
    """

    month: int
    activity: SiteActivity
    mined: Area | None
    new: Area | None
    looked_dekads: int
    dekads: int
    looks: float


@dataclass(frozen=True, kw_only=True)
class Site:
    """A working as it stands at the end of a dekad: change objects that belong to one place.

    Attributes
    ----------
    id : str
        Stable over runs: hash of AOI, lineage and the seed of the change object that founded it.
    dekad : int
        The dekad this row describes.
    opened_day : int
        First day of digging, back-dated.
    grown_day : int
        Day of the latest onset among its pixels: the last growth.
    last_day : int
        Last clear look at any of it.
    hits, looked_dekads : int
        Dekads in which it was seen mined, and dekads in which it was looked at at all, since it was founded or dug
        again after it had closed.
    misses : int
        Looked dekads in a row in which it was not seen mined.
    geometry : shapely geometry
        MultiPolygon, EPSG:4326; the largest extent is kept when a site closes.
    looks : float
        Clear looks at its pixels in the dekad, all sensors, mean over the pixels.
    growth : tuple of Growth
        What was newly disturbed in each month, as known in this dekad, in order; months without any are left out, and
        so is ground dug before monitoring began.
    """

    id: str
    aoi_id: str
    dekad: int
    status: SiteStatus
    geometry: BaseGeometry
    opened_day: int
    grown_day: int
    last_day: int
    area: Area
    peak_area_ha: float
    confidence: float
    pond_frac: float
    look_frac: float
    elongation: float
    hits: int
    looked_dekads: int
    seed_row: int
    seed_col: int
    stratum_id: str
    merged_into: str = ""
    misses: int = 0
    looks: float = 0.0
    growth: tuple[Growth, ...] = ()

    @property
    def lon_lat(self) -> tuple[float, float]:
        """Return a point inside the site, degrees."""
        point = self.geometry.representative_point()
        return point.x, point.y


@dataclass(frozen=True, kw_only=True)
class SiteEvent:
    """Something that happened to a site in a dekad.

    `area_ha` is the area after it, `other_id` the other site of a split or merge.
    """

    id: str
    site_id: str
    kind: SiteEventKind
    dekad: int
    day: int
    area_ha: float
    other_id: str = ""
