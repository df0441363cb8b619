"""What was acquired, as an item tells it: platform, moment, orbit, tile or frame, processing.

Ids are the providers' own and say nothing that can be compared. What was acquired is read from properties where there
are any, and from the names that the agencies give their products.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from kpgeo.catalog.fields import ItemError, acquired, compact_moment, epsg_of, item_id, text_of, whole_of
from kpgeo.model.scene import Sensor

Fields = Mapping[str, Any]

_DATATAKE = re.compile(r"^GS2[A-D]_(\d{8}T\d{6})_")
_PRODUCT = re.compile(r"^S2[A-D]_MSIL2A_(\d{8}T\d{6})_(?:N(\d{2})(\d{2})_)?R(\d{3})_T(\d{2}[A-Z]{3})_")
_DATASTRIP = re.compile(r"_S(\d{8}T\d{6})")
_ID_STRIP = re.compile(r"_T(\d{2}[A-Z]{3})_(\d{8}T\d{6})_L2A$")
_MGRS = re.compile(r"^(?:MGRS-)?T?(\d{1,2}[C-X][A-Z]{2})$")
_LANDSAT_ID = re.compile(r"^L[COTEM](\d{2})_L2S[PR]_(\d{6})_(\d{8})_(?:(\d{8})_)?02_(RT|T1|T2)")
_BURST = re.compile(r"^OPERA_L2_RTC-S1_(T\d{3}-\d{6}-IW\d)_")
_PLATFORMS = {
    Sensor.SENTINEL2: re.compile(r"(?:sentinel-?|s)(2[a-d])"),
    Sensor.LANDSAT: re.compile(r"landsat-?([4-9])"),
    Sensor.SENTINEL1: re.compile(r"(?:sentinel-?|s)(1[a-d])"),
}
_STEMS = {Sensor.SENTINEL2: "sentinel-", Sensor.LANDSAT: "landsat-", Sensor.SENTINEL1: "sentinel-"}
_ORBITS = {Sensor.SENTINEL2: 143, Sensor.LANDSAT: 233, Sensor.SENTINEL1: 175}  # of one repeat cycle
# The relative orbit of Sentinel-1 is (absolute - shift) mod 175 + 1; the recorded items of 1A and 1B agree.
_ORBIT_SHIFT = {"sentinel-1a": 73, "sentinel-1b": 27}


def refuse_product(sensor: Sensor, item: Fields, properties: Fields) -> None:
    """Refuse what is of the sensor, but not the product kpgeo reads.

    Raises
    ------
    ItemError
        Its text is the reason: another level, collection, mode or maker.
    """
    if properties.get("hls:product") or item_id(item).startswith("HLS."):
        raise ItemError("product-hls")
    if sensor is Sensor.SENTINEL2:
        kind = text_of(properties.get("s2:product_type")) or text_of(properties.get("product:type"))
        names = (item_id(item), text_of(properties.get("s2:product_uri")))
        if (kind and kind != "S2MSI2A") or any("_MSIL1C_" in name or name.endswith("_L1C") for name in names):
            raise ItemError("product-not-level-2a")
    elif sensor is Sensor.LANDSAT:
        _refuse_landsat(item, properties)
    else:
        mode = text_of(properties.get("sar:instrument_mode"))
        if mode not in ("", "IW"):
            raise ItemError(f"product-mode-{mode.lower()}")
        kind = text_of(properties.get("sar:product_type"))
        if kind == "SLC" or (kind == "GRD" and epsg_of(properties) in (None, 4326)):
            raise ItemError("not-terrain-corrected")


def _refuse_landsat(item: Fields, properties: Fields) -> None:
    number = properties.get("landsat:collection_number")
    if number is not None and str(number)[:8].lstrip("0") != "2":
        raise ItemError("product-not-collection-2")
    level = text_of(properties.get("landsat:correction")) or text_of(properties.get("landsat:processing_level"))
    if (level and not level.startswith("L2S")) or re.match(r"^L[COTEM]\d{2}_L1", item_id(item)):
        raise ItemError("product-not-level-2")


def platform_of(sensor: Sensor, item: Fields, properties: Fields) -> str:
    """Return `sentinel-2a`, `landsat-8`, ... from the spellings in use (`Sentinel-2A`, `LANDSAT_8`, or an id).

    Raises
    ------
    ItemError
        It is none of the sensor's.
    """
    given = text_of(properties.get("platform")) or text_of(properties.get("eo:platform"))
    name = given.lower().replace("_", "-").replace(" ", "-")
    if not name and (match := _LANDSAT_ID.match(item_id(item))):
        name = f"landsat-{int(match[1])}"
    if not name and item_id(item)[:2] in ("S1", "S2"):
        name = item_id(item)[:3].lower()
    known = _PLATFORMS[sensor].fullmatch(name)
    if known is None:
        raise ItemError("platform-unknown")
    return _STEMS[sensor] + known[1]


def _product_match(item: Fields, properties: Fields) -> re.Match[str] | None:
    return _PRODUCT.match(text_of(properties.get("s2:product_uri"))) or _PRODUCT.match(item_id(item))


def moment_of_acquisition(sensor: Sensor, item: Fields, properties: Fields) -> tuple[dt.datetime, bool]:
    """Return when the acquisition began, and whether that is a moment all its granules share (Sentinel-2 datatake)."""
    if sensor is Sensor.SENTINEL2:
        named = text_of(properties.get("s2:datatake_id")) or text_of(properties.get("eopf:datatake_id"))
        datatake = _DATATAKE.match(named) or _product_match(item, properties)
        if datatake is not None:
            return compact_moment(datatake[1]), True
    return acquired(item).replace(microsecond=0), False


def strip_of(item: Fields, properties: Fields) -> dt.datetime | None:
    """Return the start of a Sentinel-2 datastrip."""
    named = text_of(properties.get("s2:datastrip_id")) or text_of(properties.get("eopf:datastrip_id"))
    if match := _DATASTRIP.search(named):
        return compact_moment(match[1])
    if match := _ID_STRIP.search(item_id(item)):
        return compact_moment(match[2])
    return None


def tile_of(sensor: Sensor, item: Fields, properties: Fields) -> str:
    """Return the MGRS tile, the Landsat path and row, or the Sentinel-1 burst; "" where there is none."""
    if sensor is Sensor.LANDSAT:
        path, row = (text_of(str(properties.get(f"landsat:wrs_{part}") or "")) for part in ("path", "row"))
        match = _LANDSAT_ID.match(item_id(item))
        if path.isascii() and path.isdigit() and row.isascii() and row.isdigit() and len(path) <= 3 and len(row) <= 3:
            return f"{path:0>3}{row:0>3}"
        return match[2] if match else ""
    for key in ("s2:mgrs_tile", "grid:code", "sentinel:mgrs"):
        if match := _MGRS.match(text_of(properties.get(key))):
            return match[1].zfill(5)
    if sensor is Sensor.SENTINEL1:
        burst = _BURST.match(item_id(item))
        return burst[1] if burst else ""
    product = _product_match(item, properties)
    return product[5] if product else ""


def baseline_of(sensor: Sensor, item: Fields, properties: Fields) -> str:
    """Return the Sentinel-2 processing baseline (`05.09`), "" where nobody says."""
    if sensor is not Sensor.SENTINEL2:
        return ""
    for key in ("s2:processing_baseline", "processing:version"):
        given = text_of(properties.get(key))
        if re.fullmatch(r"\d{2}\.\d{2}", given, re.ASCII):
            return given
    match = _product_match(item, properties)
    return f"{match[2]}.{match[3]}" if match and match[2] else ""


def relative_orbit_of(sensor: Sensor, item: Fields, properties: Fields, platform: str) -> int | None:
    """Return the relative orbit, or the Landsat path."""
    if sensor is Sensor.LANDSAT:
        tile = tile_of(sensor, item, properties)
        return whole_of(int(tile[:3]), 1, _ORBITS[sensor]) if tile else None
    orbit = whole_of(properties.get("sat:relative_orbit"), 1, _ORBITS[sensor])
    if orbit is not None:
        return orbit
    if sensor is Sensor.SENTINEL2:
        match = _product_match(item, properties)
        return whole_of(int(match[4]), 1, _ORBITS[sensor]) if match else None
    absolute = whole_of(properties.get("sat:absolute_orbit"), 1, 1_000_000)
    shift = _ORBIT_SHIFT.get(platform)
    return None if absolute is None or shift is None else (absolute - shift) % 175 + 1


def preference_of(sensor: Sensor, item: Fields, properties: Fields, source: int) -> tuple[Any, ...]:
    """Rank granules of the same place: a known baseline, first catalogue, newest baseline or best tier, newest product.

    Whether the offset of 04.00 is in a granule without a baseline is uncertain; it never takes the place of one with.
    """
    made = text_of(properties.get("s2:generation_time")) or text_of(properties.get("created"))
    if sensor is Sensor.LANDSAT:
        match = _LANDSAT_ID.match(item_id(item))
        tier = text_of(properties.get("landsat:collection_category")) or (match[5] if match else "")
        return (True, -source, {"T1": 2, "T2": 1}.get(tier, 0), (match[4] if match else None) or made, item_id(item))
    baseline = baseline_of(sensor, item, properties)
    is_certain = bool(baseline) or sensor is not Sensor.SENTINEL2
    return (is_certain, -source, baseline, made, item_id(item))
