"""Single fields of an item from outside: text, numbers, moments, footprints. What is not usable is refused or left out.

Values that are kept are plain and small: text is printable and cut, numbers are finite, lists are short. So whatever a
catalogue says, a scene can be stored and sent to a worker.
"""

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any

import shapely
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

MAX_TEXT = 120
MAX_VERTICES = 2_000
MAX_ASSETS = 1_000
_MAX_LIST = 16
_LEAP_SECOND = re.compile(r"^(.{10}[T ]\d{2}:\d{2}):60(?=\D|$)")
_YEARS = (1972, 2100)  # Landsat 1 flew from July 1972


class ItemError(ValueError):
    """An item that is not used. Its text is the reason in machine words."""


def text_of(value: object) -> str:
    """Return printable text of at most `MAX_TEXT` characters; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    return "".join(sign for sign in value[: 4 * MAX_TEXT] if sign.isprintable())[:MAX_TEXT]


def number_of(value: object) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def whole_of(value: object, lowest: int, highest: int) -> int | None:
    """Return a whole number within bounds (both included), or None."""
    number = number_of(value)
    return int(number) if number is not None and number == int(number) and lowest <= number <= highest else None


def plain_of(value: object) -> Any:
    """Return a value as it may be kept: text, a finite number, a Boolean, or a short list of these; else None."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, list | tuple):
        parts = [plain_of(part) for part in value[: _MAX_LIST + 1] if not isinstance(part, list | tuple)]
        return None if len(parts) != len(value) or any(part is None for part in parts) else parts
    return value if number_of(value) is not None and abs(float(value)) < 1e15 else None  # type: ignore[arg-type]


def item_id(item: Mapping[str, Any]) -> str:
    """Return an item's id, printable and cut to 120 characters."""
    return text_of(item.get("id")) or "?"


def moment_of(text: object) -> dt.datetime:
    """Return a moment with a time zone, in UTC. The leap second 23:59:60 counts as 23:59:59, so that its day is kept.

    Raises
    ------
    ItemError
        It is none, has no time zone, or lies outside the years of satellites.

    >>> moment_of("2016-12-31T23:59:60Z").isoformat()
    '2016-12-31T23:59:59+00:00'
    """
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise ItemError("datetime-malformed")
    try:
        moment = dt.datetime.fromisoformat(_LEAP_SECOND.sub(r"\1:59", text))
        if moment.tzinfo is None:
            raise ItemError("datetime-without-zone")
        moment = moment.astimezone(dt.UTC)
    except (OverflowError, ValueError) as error:
        raise error if isinstance(error, ItemError) else ItemError("datetime-malformed") from error
    if not _YEARS[0] <= moment.year < _YEARS[1]:
        raise ItemError("datetime-out-of-range")
    return moment


def acquired(item: Mapping[str, Any]) -> dt.datetime:
    """Return the item's `datetime`, or `start_datetime` where that is null, in UTC.

    Raises
    ------
    ItemError
        Neither is a moment with a time zone.
    """
    given = item.get("properties")
    properties = given if isinstance(given, Mapping) else {}
    return moment_of(properties.get("datetime") or properties.get("start_datetime"))


def compact_moment(text: str) -> dt.datetime:
    """Return the moment of `20240105T105431`, in UTC.

    Raises
    ------
    ItemError
        It is none.
    """
    return moment_of(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[9:11]}:{text[11:13]}:{text[13:15]}Z")


def cloud_frac_of(properties: Mapping[str, Any]) -> float | None:
    """Return the stated cloud cover, 0-1, or None."""
    percent = number_of(properties.get("eo:cloud_cover"))
    return percent / 100.0 if percent is not None and 0 <= percent <= 100 else None


def epsg_of(properties: Mapping[str, Any]) -> int | None:
    """Return the EPSG code of an item or asset, as the projection extension 1.x or 2.x writes it."""
    code = properties.get("proj:epsg")
    if code is None:
        digits = text_of(properties.get("proj:code")).removeprefix("EPSG:")
        code = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 8 else None
    return whole_of(code, 1024, 999_999)


def footprint_of(item: Mapping[str, Any]) -> BaseGeometry:
    """Return the item's geometry (EPSG:4326), made valid, or its bounding box where it has none.

    A bounding box whose west lies east of its east crosses the antimeridian, and becomes two boxes (RFC 7946, 5.2).

    Raises
    ------
    ItemError
        There is none, or it does not lie on Earth.
    """
    try:
        if isinstance(item.get("geometry"), Mapping):
            geometry = _valid(shape(item["geometry"]))
        else:
            geometry = _boxed(item["bbox"])
        west, south, east, north = geometry.bounds
    except (
        ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError,
        shapely.errors.ShapelyError,
    ) as error:  # fmt: skip
        raise ItemError("geometry-malformed") from error
    if geometry.area <= 0 or not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ItemError("geometry-out-of-range")
    return geometry


def _valid(geometry: BaseGeometry) -> BaseGeometry:
    """Return a valid flat geometry; of one with very many vertices the convex hull, which holds it."""
    flat = shapely.force_2d(geometry)
    return flat.convex_hull if shapely.get_num_coordinates(flat) > MAX_VERTICES else shapely.make_valid(flat)


def _boxed(given: Any) -> BaseGeometry:
    bounds = [number_of(value) for value in given]
    if len(bounds) not in (4, 6) or None in bounds:
        raise ValueError("no bounding box")
    half = len(bounds) // 2
    west, south, east, north = (float(bounds[place] or 0.0) for place in (0, 1, half, half + 1))
    if west <= east:
        return box(west, south, east, north)
    if not (-180 <= east <= west <= 180):
        raise ValueError("no bounding box")
    return shapely.union_all([box(west, south, 180.0, north), box(-180.0, south, east, north)])
