"""What is told to whom: workings by half-year as they are known, and as the public may know them."""

from dataclasses import dataclass
from enum import StrEnum

from kpgeo.model.calendar import Period
from kpgeo.model.site import Area


class Amount(StrEnum):
    """How many workings a cell holds, or how much ground was newly dug in it: coarse on purpose."""

    NONE = "none"
    FEW = "few"
    SOME = "some"
    MANY = "many"


@dataclass(frozen=True, kw_only=True)
class Working:
    """One site in one half-year, exactly: KP ONLY.

    Attributes
    ----------
    lon, lat : float
        A point inside it, degrees.
    new : Area
        Ground newly disturbed in the half-year.
    """

    aoi_id: str
    period: Period
    site_id: str
    lon: float
    lat: float
    new: Area


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the fixed grid in one half-year, as the public may know it.

    Attributes
    ----------
    west, south, size_deg : float
        Its lower left corner, a multiple of its size, and its size (degrees).
    workings, newly_dug : Amount
        Workings with new ground in the half-year, and how much ground that was.
    """

    aoi_id: str
    period: Period
    west: float
    south: float
    size_deg: float
    workings: Amount
    newly_dug: Amount


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How much of an AOI was seen in a half-year: clear looks as a mean share of ground and dekads, 0-1, in tenths."""

    aoi_id: str
    period: Period
    looked_frac: float
