"""Hand-made STAC items in the shapes providers give them."""

from typing import Any

from shapely.geometry import box, mapping

from kpgeo.model.aoi import Aoi, Sourced

HOST = "https://files.example.org"
HERE = (-6.7, 8.1, -6.5, 8.3)


def make_aoi(bounds: tuple[float, float, float, float] = HERE) -> Aoi:
    """Return an AOI of a box."""
    return Aoi(
        id="test-aoi", names={"en": "Test"}, iso3="CIV", country="Côte d'Ivoire", participant="Côte d'Ivoire",
        deposit="dyke", geometry=box(*bounds), epsg=32629, source=Sourced(source="test", confidence="low"),
    )  # fmt: skip


def sentinel2_item(
    tile: str = "29PQK",
    taken: str = "20240105T105431",
    *,
    baseline: str = "05.10",
    made: str = "20240105T140000",
    strip: str | None = None,
    bounds: tuple[float, float, float, float] = (-7.0, 7.9, -6.0, 8.9),
    cloud: float | None = 10.0,
    collection: str = "sentinel-2-l2a",
    unit: str = "A",
    **properties: Any,
) -> dict[str, Any]:
    """Return an item as Planetary Computer writes it."""
    name = f"S2{unit}_MSIL2A_{taken}_R051_T{tile}_{made}"
    keys = ("B02", "B03", "B04", "B08", "B11", "B12", "SCL")
    code = baseline.replace(".", "")
    given: dict[str, Any] = {
        "datetime": _iso(taken),
        "platform": f"Sentinel-2{unit}",
        "s2:mgrs_tile": tile,
        "s2:datatake_id": f"GS2{unit}_{taken}_044700_N{baseline}",
        "s2:product_uri": f"S2{unit}_MSIL2A_{taken}_N{code}_R051_T{tile}_{made}.SAFE",
        "s2:processing_baseline": baseline,
        "s2:generation_time": _iso(made),
        "sat:relative_orbit": 51,
        "sat:orbit_state": "descending",
        "proj:epsg": 32600 + int(tile[:2]),
        "s2:datastrip_id": f"S2{unit}_OPER_MSI_L2A_DS_ESRI_{made}_S{strip or taken}_N{baseline}",
    }
    if cloud is not None:
        given["eo:cloud_cover"] = cloud
    given |= properties
    return _item(name, collection, bounds, given, {key: {"href": f"{HOST}/{name}/{key}.tif"} for key in keys})


def landsat_item(
    row: int = 54, day: str = "20240105", *, second: int = 0, tier: str = "T1", processed: str = "20240112", **more: Any
) -> dict[str, Any]:
    """Return an item as USGS writes it."""
    name = f"LC09_L2SP_1970{row}_{day}_{processed}_02_{tier}"
    keys = ("blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel")
    given = {
        "datetime": f"{_iso(day + 'T104400')[:-3]}{second:02d}Z", "platform": "landsat-9", "landsat:wrs_path": "197",
        "landsat:wrs_row": f"0{row}", "landsat:collection_category": tier, "proj:epsg": 32629, "eo:cloud_cover": 5.0,
    } | more  # fmt: skip
    bounds = (-7.5, 7.5, -5.5, 9.0)
    return _item(name, "landsat-c2-l2", bounds, given, {key: {"href": f"{HOST}/{name}_{key}.TIF"} for key in keys})


def sentinel1_item(at: str = "20240105T184900", *, orbit: int = 51900, **more: Any) -> dict[str, Any]:
    """Return an item as Planetary Computer writes it."""
    name = f"S1A_IW_GRDH_1SDV_{at}_rtc"
    given = {
        "datetime": _iso(at), "platform": "SENTINEL-1A", "sat:absolute_orbit": orbit, "sat:relative_orbit": 147,
        "sat:orbit_state": "ascending", "sar:product_type": "GRD", "proj:epsg": 32629,
    } | more  # fmt: skip
    assets = {key: {"href": f"{HOST}/{name}_{key}.rtc.tiff"} for key in ("vv", "vh")}
    return _item(name, "sentinel-1-rtc", (-7.5, 7.5, -5.5, 9.0), given, assets)


def _iso(compact: str) -> str:
    return (
        f"{compact[:4]}-{compact[4:6]}-{compact[6:8]}T{compact[9:11]}:{compact[11:13]}:{compact[13:15]}Z"
        if "T" in compact
        else compact
    )


def _item(name: str, collection: str, bounds: Any, properties: Any, assets: Any) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": collection, "bbox": list(bounds),
        "geometry": mapping(box(*bounds)), "properties": properties, "assets": assets, "links": [],
    }  # fmt: skip
