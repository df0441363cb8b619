"""STAC items, collections and the catalogue of a world (STAC 1.0): what is common to the three sensors."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import numpy as np
from pyproj import Transformer
from shapely.geometry import Polygon, mapping

from kpgeo.model.scene import Sensor
from kpgeo.sim.acquiring import Acquisition, sun_position
from kpgeo.sim.landscape import EPSG, Frame

Item = dict[str, Any]

STAC_VERSION = "1.0.0"
COLLECTIONS = {
    Sensor.SENTINEL2: "sentinel-2-l2a",
    Sensor.LANDSAT: "landsat-c2-l2",
    Sensor.SENTINEL1: "sentinel-1-rtc",
}
COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
_TITLES = {
    Sensor.SENTINEL2: "Simulated Sentinel-2 Level-2A",
    Sensor.LANDSAT: "Simulated Landsat Collection 2 Level-2",
    Sensor.SENTINEL1: "Simulated Sentinel-1 radiometrically terrain corrected",
}
_SCHEMAS = "https://stac-extensions.github.io/"


def corners_4326(frame: Frame) -> Polygon:
    """Return the frame's outline in EPSG:4326, counter-clockwise, to 7 decimals."""
    edge = frame.extent_m
    x = frame.left_m + np.array([0.0, edge, edge, 0.0])
    y = frame.top_m - np.array([edge, edge, 0.0, 0.0])
    lon, lat = Transformer.from_crs(EPSG, 4326, always_xy=True).transform(x, y)
    return Polygon(np.round(np.stack([lon, lat], axis=1), 7).tolist())


def item_of(taken: Acquisition, frame: Frame, name: str, properties: Item, assets: Item) -> Item:
    """Put an item together; links are relative."""
    outline = corners_4326(frame)
    collection = COLLECTIONS[taken.sensor]
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [_SCHEMAS + part + "/schema.json" for part in _extensions(taken.sensor)],
        "id": name,
        "geometry": mapping(outline),
        "bbox": list(outline.bounds),
        "properties": properties,
        "links": [
            {"rel": "root", "href": "../../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "type": "application/json"},
            {"rel": "collection", "href": "../collection.json", "type": "application/json"},
        ],
        "assets": assets,
        "collection": collection,
    }


def _extensions(sensor: Sensor) -> tuple[str, ...]:
    common = ("projection/v1.1.0", "raster/v1.1.0")
    if sensor is Sensor.SENTINEL2:
        return (*common, "eo/v1.1.0", "grid/v1.1.0", "mgrs/v1.0.0", "sentinel-2/v1.0.0", "view/v1.0.0")
    if sensor is Sensor.LANDSAT:
        return (*common, "eo/v1.0.0", "view/v1.0.0", "classification/v1.0.0")
    return (*common, "sar/v1.0.0", "sat/v1.0.0")


def stamp(moment: dt.datetime) -> str:
    """Return a moment as STAC writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sun_fields(taken: Acquisition) -> Item:
    """Return where the sun stood."""
    azimuth, elevation = sun_position(taken.datetime)
    return {"view:sun_azimuth": round(azimuth, 6), "view:sun_elevation": round(elevation, 6)}


def raster_band(
    nodata: float, kind: str, res_m: float, scale: float | None = None, offset: float | None = None
) -> list[Item]:
    """Return the raster extension's entry of a band."""
    band: Item = {"nodata": nodata, "data_type": kind, "spatial_resolution": res_m}
    if scale is not None:
        band |= {"scale": scale, "offset": offset}
    return [band]


def place_fields(frame: Frame, res_m: float) -> Item:
    """Return shape and transform of a raster that covers the frame."""
    size = round(frame.extent_m / res_m)
    return {
        "gsd": int(res_m),
        "proj:shape": [size, size],
        "proj:transform": [res_m, 0, frame.left_m, 0, -res_m, frame.top_m],
    }


def collection_of(sensor: Sensor, frame: Frame, items: Iterable[Item]) -> Item:
    """Return the collection of one sensor's items, with links to them."""
    listed = sorted(items, key=lambda item: (item["properties"]["datetime"], item["id"]))
    days = [item["properties"]["datetime"] for item in listed]
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": COLLECTIONS[sensor],
        "title": _TITLES[sensor],
        "description": f"{_TITLES[sensor]} of a world with known answers. Not real imagery.",
        "license": "proprietary",
        "extent": {
            "spatial": {"bbox": [list(corners_4326(frame).bounds)]},
            "temporal": {"interval": [[days[0] if days else None, days[-1] if days else None]]},
        },
        "links": [
            {"rel": "root", "href": "../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../catalog.json", "type": "application/json"},
            *(
                {"rel": "item", "href": f"./{item['id']}/{item['id']}.json", "type": "application/geo+json"}
                for item in listed
            ),
        ],
    }


def catalog_of(name: str) -> Item:
    """Return the root catalogue, with links to the three collections."""
    return {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": name,
        "title": "A simulated world",
        "description": "Scenes of a simulated world with known answers. Not real imagery.",
        "links": [
            {"rel": "root", "href": "./catalog.json", "type": "application/json"},
            *(
                {"rel": "child", "href": f"./{folder}/collection.json", "type": "application/json"}
                for folder in COLLECTIONS.values()
            ),
        ],
    }
