"""STAC items read as candidates: one granule each, with what is needed to tell which acquisition it belongs to.

An item is untrusted: every field is checked here, once, and what is not usable is refused with a reason in machine
words.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shapely.geometry.base import BaseGeometry

from kpgeo.catalog.assets import pick_assets
from kpgeo.catalog.fields import (
    MAX_ASSETS,
    ItemError,
    acquired,
    cloud_frac_of,
    epsg_of,
    footprint_of,
    item_id,
    plain_of,
    text_of,
)
from kpgeo.catalog.hrefs import HrefError, Origin, resolve_href
from kpgeo.catalog.identity import (
    baseline_of,
    moment_of_acquisition,
    platform_of,
    preference_of,
    refuse_product,
    relative_orbit_of,
    strip_of,
    tile_of,
)
from kpgeo.model.ids import digest
from kpgeo.model.scene import Granule, Sensor

__all__ = ["Candidate", "ItemError", "Provider", "acquired", "epsg_of", "item_id", "read_item"]

_KEPT_PROPERTIES = (
    "datetime", "platform", "proj:epsg", "proj:code", "s2:processing_baseline", "earthsearch:boa_offset_applied",
    "landsat:collection_category", "sat:orbit_state", "sat:relative_orbit",
)  # fmt: skip
_KEPT_FIELDS = (
    "proj:epsg", "proj:code", "proj:shape", "proj:transform", "nodata", "unit", "file:size", "file:checksum",
)  # fmt: skip
_KEPT_BAND_FIELDS = ("nodata", "scale", "offset", "unit", "data_type")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One item, read and checked.

    Attributes
    ----------
    moment : datetime
        When the acquisition began: of Sentinel-2 the start of the datatake, which all its tiles share; else the item's.
    is_shared_moment : bool
        Whether `moment` is one that all granules of the acquisition share.
    is_day_only : bool
        Only the day of `moment` is known.
    strip : datetime or None
        Start of the Sentinel-2 datastrip: one tile may come in two parts from two datastrips.
    source : int
        Place of the catalogue in the order of search.
    preference : tuple
        Among granules of the same place, the greatest is read.
    content : str
        A digest of all that was read, so that no two candidates that differ are of the same rank.
    is_cloudy : bool
        Whether the granule is cloudier than its source's limit. One without a stated cloud cover is not.
    """

    sensor: Sensor
    platform: str
    moment: dt.datetime
    is_shared_moment: bool
    is_day_only: bool
    strip: dt.datetime | None
    relative_orbit: int | None
    orbit_state: str
    source: int
    preference: tuple[Any, ...]
    content: str
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
    if len(item["assets"]) > MAX_ASSETS:
        raise ItemError("item-too-large")
    refuse_product(sensor, item, properties)
    platform = platform_of(sensor, item, properties)
    moment, is_shared = moment_of_acquisition(sensor, item, properties)
    cloud_frac = cloud_frac_of(properties)
    footprint = footprint_of(item)
    granule = Granule(
        item=_pruned(item, _pick(sensor, platform, item), provider, origin, footprint),
        item_id=item_id(item),
        provider=provider.name,
        collection=text_of(item.get("collection")),
        tile=tile_of(sensor, item, properties),
        processing_baseline=baseline_of(sensor, item, properties),
        epsg=epsg_of(properties),
        cloud_frac=cloud_frac,
    )
    orbit = relative_orbit_of(sensor, item, properties, platform)
    state = text_of(properties.get("sat:orbit_state")).lower()
    return Candidate(
        sensor=sensor,
        platform=platform,
        moment=moment,
        is_shared_moment=is_shared,
        is_day_only=origin.root is not None and item.get("kpgeo:day_only") is True,
        strip=strip_of(item, properties) if sensor is Sensor.SENTINEL2 else None,
        relative_orbit=orbit,
        orbit_state=state or ("descending" if sensor is Sensor.LANDSAT else ""),
        source=provider.source,
        preference=preference_of(sensor, item, properties, provider.source),
        content=digest(granule.item, granule.tile, granule.processing_baseline, cloud_frac, str(moment), orbit, state),
        is_cloudy=cloud_frac is not None and cloud_frac > provider.max_cloud_frac,
        granule=granule,
        footprint=footprint,
    )


def _pick(sensor: Sensor, platform: str, item: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the assets kpgeo reads, by its names.

    Raises
    ------
    ItemError
        A band that is needed is not there.
    """
    try:
        return pick_assets(sensor, platform, item["assets"])
    except KeyError as error:
        raise ItemError(f"assets-missing:{error.args[0]}") from error


def _pruned(
    item: Mapping[str, Any],
    picked: Mapping[str, Mapping[str, Any]],
    provider: Provider,
    origin: Origin,
    footprint: BaseGeometry,
) -> dict[str, Any]:
    """Return a small copy of an item: the assets kpgeo reads under kpgeo's names, hrefs absolute and unsigned."""
    assets = {}
    for band, asset in picked.items():
        try:
            href = resolve_href(asset["href"], origin)
            href.encode()
        except (HrefError, UnicodeEncodeError) as error:
            raise ItemError(str(error) if isinstance(error, HrefError) else "href-malformed") from error
        assets[band] = {"href": href, **_plain_fields(asset, _KEPT_FIELDS), "raster:bands": _raster_bands(asset)}
    return {
        "type": "Feature",
        "id": item_id(item),
        "collection": text_of(item.get("collection")),
        "bbox": list(footprint.bounds),
        "properties": _plain_fields(item["properties"], _KEPT_PROPERTIES),
        "assets": assets,
        "kpgeo:sign": provider.sign,
    }


def _plain_fields(fields: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the named fields that are there and may be kept."""
    found = {name: plain_of(fields[name]) for name in names if name in fields}
    return {name: value for name, value in found.items() if value is not None}


def _raster_bands(asset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the raster description of an asset's first band, from raster 1.x or from STAC 1.1 `bands`."""
    bands = asset.get("raster:bands") or asset.get("bands") or [{}]
    first = bands[0] if isinstance(bands, list) and bands and isinstance(bands[0], Mapping) else {}
    found = {
        name: first.get(name, first.get(f"raster:{name}", asset.get(f"raster:{name}"))) for name in _KEPT_BAND_FIELDS
    }
    found["nodata"] = first.get("nodata", asset.get("nodata"))
    found["unit"] = first.get("unit", asset.get("unit"))
    kept = {name: plain_of(value) for name, value in found.items()}
    return [{name: value for name, value in kept.items() if isinstance(value, int | float | str)}]
