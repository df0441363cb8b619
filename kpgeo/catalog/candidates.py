"""STAC items read as candidates: one granule each, with what is needed to tell which acquisition it belongs to.

An item is untrusted: every field is checked here, once, and what is not usable is refused with a reason in machine
words.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from kpgeo.catalog.assets import pick_assets
from kpgeo.catalog.hrefs import HrefError, Origin, resolve_href
from kpgeo.model.scene import Granule, Sensor

_DATATAKE = re.compile(r"^GS2[A-D]_(\d{8}T\d{6})_")
_PRODUCT = re.compile(r"^S2[A-D]_MSIL2A_(\d{8}T\d{6})_(?:N(\d{2})(\d{2})_)?R(\d{3})_T(\d{2}[A-Z]{3})_")
_DATASTRIP = re.compile(r"_S(\d{8}T\d{6})")
_ID_STRIP = re.compile(r"_T(\d{2}[A-Z]{3})_(\d{8}T\d{6})_L2A$")
_MGRS = re.compile(r"^(?:MGRS-)?(\d{1,2}[A-Z]{3})$")
_LANDSAT_ID = re.compile(r"^L[COTEM](\d{2})_L2S[PR]_(\d{6})_(\d{8})_(?:(\d{8})_)?02_(RT|T1|T2)")
_KEPT_PROPERTIES = (
    "datetime", "platform", "proj:epsg", "proj:code", "s2:processing_baseline", "earthsearch:boa_offset_applied",
    "landsat:collection_category", "sat:orbit_state", "sat:relative_orbit",
)  # fmt: skip
_KEPT_FIELDS = ("proj:epsg", "proj:code", "proj:shape", "proj:transform", "raster:bands", "nodata", "unit")
_KEPT_BAND_FIELDS = ("nodata", "scale", "offset", "unit", "data_type")


class ItemError(ValueError):
    """An item that is not used. Its text is the reason in machine words."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One item, read and checked.

    Attributes
    ----------
    moment : datetime
        When the acquisition began: of Sentinel-2 the start of the datatake, which all its tiles share; else the item's.
    is_shared_moment : bool
        Whether `moment` is one that all granules of the acquisition share.
    strip : datetime or None
        Start of the Sentinel-2 datastrip: one tile may come in two parts from two datastrips.
    source : int
        Place of the catalogue in the order of search.
    preference : tuple
        Among granules of the same place, the greatest is read.
    is_cloudy : bool
        Whether the granule is cloudier than its source's limit. One without a stated cloud cover is not.
    """

    sensor: Sensor
    platform: str
    moment: dt.datetime
    is_shared_moment: bool
    strip: dt.datetime | None
    relative_orbit: int | None
    orbit_state: str
    source: int
    preference: tuple[Any, ...]
    is_cloudy: bool
    granule: Granule
    footprint: BaseGeometry = field(repr=False, hash=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """The catalogue an item came from: its place in the order of search, its host, and what the pipeline says of it."""

    source: int
    name: str
    sign: bool
    max_cloud_frac: float


def read_item(item: Mapping[str, Any], sensor: Sensor, provider: Provider, origin: Origin) -> Candidate:
    """Read one STAC item.

    Raises
    ------
    ItemError
        The item cannot be used; the text says why (`assets-missing:blue`, `href-private-host`, ...).
    """
    properties = item.get("properties")
    if not isinstance(properties, Mapping) or not isinstance(item.get("assets"), Mapping):
        raise ItemError("item-malformed")
    platform = _platform(item, properties)
    epsg = epsg_of(properties)
    if sensor is Sensor.SENTINEL1 and properties.get("sar:product_type") == "GRD" and epsg in (None, 4326):
        raise ItemError("not-terrain-corrected")
    moment, is_shared = _moment(sensor, item, properties)
    cloud_frac = _cloud_frac(properties)
    granule = Granule(
        item=_pruned(item, sensor, platform, provider, origin),
        item_id=item_id(item),
        provider=provider.name,
        collection=_text(item.get("collection")),
        tile=_tile(sensor, item, properties),
        processing_baseline=_baseline(sensor, properties),
        epsg=epsg,
        cloud_frac=cloud_frac,
    )
    return Candidate(
        sensor=sensor,
        platform=platform,
        moment=moment,
        is_shared_moment=is_shared,
        strip=_strip(item, properties) if sensor is Sensor.SENTINEL2 else None,
        relative_orbit=_relative_orbit(sensor, item, properties),
        orbit_state=_text(properties.get("sat:orbit_state")) or ("descending" if sensor is Sensor.LANDSAT else ""),
        source=provider.source,
        preference=_preference(sensor, item, properties, provider.source),
        is_cloudy=cloud_frac is not None and cloud_frac > provider.max_cloud_frac,
        granule=granule,
        footprint=_footprint(item),
    )


def item_id(item: Mapping[str, Any]) -> str:
    """Return an item's id, printable and cut to 120 characters."""
    return _text(item.get("id")) or "?"


def acquired(item: Mapping[str, Any]) -> dt.datetime:
    """Return the item's `datetime`, or `start_datetime` where that is null, in UTC.

    Raises
    ------
    ItemError
        Neither is a moment with a time zone.
    """
    properties = item.get("properties") or {}
    text = properties.get("datetime") or properties.get("start_datetime")
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ItemError("datetime-malformed") from error
    if moment.tzinfo is None:
        raise ItemError("datetime-without-zone")
    return moment.astimezone(dt.UTC)


def epsg_of(properties: Mapping[str, Any]) -> int | None:
    """Return the EPSG code of an item or asset, as the projection extension 1.x or 2.x writes it."""
    code = properties.get("proj:epsg") or str(properties.get("proj:code") or "").removeprefix("EPSG:")
    try:
        return int(code)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    return "".join(sign for sign in value if sign.isprintable())[:120] if isinstance(value, str) else ""


def _compact_time(text: str) -> dt.datetime:
    try:
        return dt.datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise ItemError("datetime-malformed") from error


def _cloud_frac(properties: Mapping[str, Any]) -> float | None:
    percent = properties.get("eo:cloud_cover")
    return percent / 100.0 if isinstance(percent, int | float) and 0 <= percent <= 100 else None


def _platform(item: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    """Return `sentinel-2a`, `landsat-8`, ... from the spellings in use (`Sentinel-2A`, `LANDSAT_8`, or an id)."""
    name = _text(properties.get("platform")).lower().replace("_", "-").replace(" ", "-")
    if not name and (match := _LANDSAT_ID.match(item_id(item))):
        name = f"landsat-{int(match[1])}"
    if not name and item_id(item)[:2] in ("S1", "S2"):
        name = f"sentinel-{item_id(item)[1:3].lower()}"
    return name


def _product_match(item: Mapping[str, Any], properties: Mapping[str, Any]) -> re.Match[str] | None:
    return _PRODUCT.match(_text(properties.get("s2:product_uri"))) or _PRODUCT.match(item_id(item))


def _moment(sensor: Sensor, item: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[dt.datetime, bool]:
    if sensor is Sensor.SENTINEL2:
        datatake = _DATATAKE.match(_text(properties.get("s2:datatake_id"))) or _product_match(item, properties)
        if datatake is not None:
            return _compact_time(datatake[1]), True
    return acquired(item).replace(microsecond=0), False


def _strip(item: Mapping[str, Any], properties: Mapping[str, Any]) -> dt.datetime | None:
    if match := _DATASTRIP.search(_text(properties.get("s2:datastrip_id"))):
        return _compact_time(match[1])
    if match := _ID_STRIP.search(item_id(item)):
        return _compact_time(match[2])
    return None


def _tile(sensor: Sensor, item: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    if sensor is Sensor.LANDSAT:
        path, row = properties.get("landsat:wrs_path"), properties.get("landsat:wrs_row")
        match = _LANDSAT_ID.match(item_id(item))
        return f"{path!s:0>3}{row!s:0>3}"[:6] if path and row else match[2] if match else ""
    for key in ("s2:mgrs_tile", "grid:code", "sentinel:mgrs"):
        if match := _MGRS.match(_text(properties.get(key))):
            return match[1].zfill(5)
    product = _product_match(item, properties) if sensor is Sensor.SENTINEL2 else None
    return product[5] if product else ""


def _baseline(sensor: Sensor, properties: Mapping[str, Any]) -> str:
    if sensor is not Sensor.SENTINEL2:
        return ""
    given = _text(properties.get("s2:processing_baseline"))
    if re.fullmatch(r"\d{2}\.\d{2}", given):
        return given
    match = _PRODUCT.match(_text(properties.get("s2:product_uri")))
    return f"{match[2]}.{match[3]}" if match and match[2] else ""


def _relative_orbit(sensor: Sensor, item: Mapping[str, Any], properties: Mapping[str, Any]) -> int | None:
    if sensor is Sensor.LANDSAT:
        tile = _tile(sensor, item, properties)
        return int(tile[:3]) if tile.isdigit() else None
    orbit = properties.get("sat:relative_orbit")
    if isinstance(orbit, int):
        return orbit
    match = _product_match(item, properties) if sensor is Sensor.SENTINEL2 else None
    return int(match[4]) if match else None


def _preference(sensor: Sensor, item: Mapping[str, Any], properties: Mapping[str, Any], source: int) -> tuple[Any, ...]:
    """Rank granules of the same place: first catalogue, then newest baseline (or best tier), then newest production."""
    made = _text(properties.get("s2:generation_time")) or _text(properties.get("created"))
    if sensor is Sensor.LANDSAT:
        match = _LANDSAT_ID.match(item_id(item))
        tier = _text(properties.get("landsat:collection_category")) or (match[5] if match else "")
        return (-source, {"T1": 2, "T2": 1}.get(tier, 0), (match[4] if match else None) or made, item_id(item))
    return (-source, _baseline(sensor, properties), made, item_id(item))


def _footprint(item: Mapping[str, Any]) -> BaseGeometry:
    """Return the item's geometry (EPSG:4326), made valid, or its bounding box where it has none."""
    try:
        if isinstance(item.get("geometry"), Mapping):
            geometry = shapely.make_valid(shapely.force_2d(shape(item["geometry"])))
        else:
            bounds = [float(value) for value in item["bbox"]]
            half = len(bounds) // 2
            geometry = box(bounds[0], bounds[1], bounds[half], bounds[half + 1])
        west, south, east, north = geometry.bounds
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
        raise ItemError("geometry-malformed") from error
    if geometry.area <= 0 or not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ItemError("geometry-out-of-range")
    return geometry


def _pruned(
    item: Mapping[str, Any], sensor: Sensor, platform: str, provider: Provider, origin: Origin
) -> dict[str, Any]:
    """Return a small copy of an item: the assets kpgeo reads under kpgeo's names, hrefs absolute and unsigned."""
    try:
        picked = pick_assets(sensor, platform, item["assets"])
    except KeyError as error:
        raise ItemError(f"assets-missing:{error.args[0]}") from error
    assets = {}
    for band, asset in picked.items():
        try:
            href = resolve_href(asset["href"], origin)
        except HrefError as error:
            raise ItemError(str(error)) from error
        assets[band] = {"href": href, **{name: asset[name] for name in _KEPT_FIELDS if name in asset}}
        assets[band]["raster:bands"] = _raster_bands(asset)
    properties = item["properties"]
    return {
        "type": "Feature",
        "id": item_id(item),
        "collection": _text(item.get("collection")),
        "bbox": list(_footprint(item).bounds),
        "properties": {name: properties[name] for name in _KEPT_PROPERTIES if name in properties},
        "assets": assets,
        "kpgeo:sign": provider.sign,
    }


def _raster_bands(asset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the raster description of an asset's first band, from raster 1.x or from STAC 1.1 `bands`."""
    bands = asset.get("raster:bands") or asset.get("bands") or [{}]
    first = bands[0] if isinstance(bands, list) and bands and isinstance(bands[0], Mapping) else {}
    found = {
        name: first.get(name, first.get(f"raster:{name}", asset.get(f"raster:{name}"))) for name in _KEPT_BAND_FIELDS
    }
    found["nodata"] = first.get("nodata", asset.get("nodata"))
    found["unit"] = first.get("unit", asset.get("unit"))
    return [{name: value for name, value in found.items() if isinstance(value, int | float | str)}]
