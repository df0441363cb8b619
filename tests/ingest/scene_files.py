"""Small scenes as real files: what the reading tests read."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.geom import BoundingBox
from rasterio.warp import transform_bounds
from shapely.geometry import box

from kpgeo.model.scene import Granule, Scene, Sensor

LEFT, TOP, EPSG = 500_000.0, 900_000.0, 32629
NATIVE_M = {
    Sensor.SENTINEL2: {"swir16": 20.0, "swir22": 20.0, "look_class": 20.0},
    Sensor.LANDSAT: {},
    Sensor.SENTINEL1: {},
}
DEFAULT_M = {Sensor.SENTINEL2: 10.0, Sensor.LANDSAT: 30.0, Sensor.SENTINEL1: 10.0}


def window(rows: int = 24, cols: int = 24, *, left: float = LEFT, top: float = TOP, epsg: int = EPSG) -> GeoBox:
    """Return a 10 m grid."""
    bounds = BoundingBox(left, top - rows * 10.0, left + cols * 10.0, top, crs=f"EPSG:{epsg}")
    return GeoBox.from_bbox(bounds, shape=(rows, cols), tight=True)


def write_band(path: Path, values: np.ndarray, res_m: float, *, left=LEFT, top=TOP, epsg=EPSG, nodata=0, **profile):
    """Write one band as GeoTIFF and return its bounds in degrees."""
    path.parent.mkdir(parents=True, exist_ok=True)
    transform = Affine(res_m, 0.0, left, 0.0, -res_m, top)
    rows, cols = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=cols, height=rows, count=1, dtype=values.dtype, crs=f"EPSG:{epsg}",
        transform=transform, nodata=nodata, **profile,
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
        return transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)


def make_granule(
    folder: Path,
    sensor: Sensor,
    values: Mapping[str, np.ndarray | float],
    *,
    size: int = 24,
    name: str = "one",
    baseline: str = "05.09",
    properties: Mapping[str, object] | None = None,
    raster: Mapping[str, object] | None = None,
    left: float = LEFT,
    top: float = TOP,
    epsg: int = EPSG,
) -> Granule:
    """Write a granule of `size` 10 m pixels. A number fills a whole band; an array is written as it is."""
    bands = [*sensor.bands] + ([] if sensor.is_radar else ["look_class"])
    assets, bbox = {}, None
    for band in bands:
        if band not in values:
            continue
        res_m = NATIVE_M[sensor].get(band, DEFAULT_M[sensor])
        edge = int(np.ceil(size * 10.0 / res_m))
        content = values[band]
        dtype = np.float32 if sensor.is_radar else np.uint8 if res_m == 20.0 and band == "look_class" else np.uint16
        content = content if isinstance(content, np.ndarray) else np.full((edge, edge), content, dtype=dtype)
        path = folder / f"{name}_{band}.tif"
        bbox = write_band(path, content.astype(dtype), res_m, left=left, top=top, epsg=epsg)
        assets[band] = {"href": str(path), "raster:bands": [dict(raster or {})]}
    item = {
        "type": "Feature", "id": name, "collection": str(sensor), "bbox": list(bbox),
        "properties": dict(properties or {}), "assets": assets, "kpgeo:sign": False,
    }  # fmt: skip
    return Granule(
        item=item,
        item_id=name,
        provider="local",
        collection=str(sensor),
        tile=name,
        processing_baseline=baseline if sensor is Sensor.SENTINEL2 else "",
        epsg=epsg,
        cloud_frac=None,
    )


def make_scene(sensor: Sensor, *granules: Granule, day: int = 1, platform: str = "") -> Scene:
    """Return a scene of some granules, sensed at 10:30 UTC of a day of January 2024."""
    footprints = box(*granules[0].item["bbox"])
    for granule in granules[1:]:
        footprints = footprints.union(box(*granule.item["bbox"]))
    return Scene(
        sensor=sensor,
        platform=platform or f"{sensor}a",
        datetime=dt.datetime(2024, 1, 1, 10, 30, tzinfo=dt.UTC) + dt.timedelta(days=day - 1),
        relative_orbit=1,
        orbit_state="descending",
        granules=granules,
        footprint=footprints,
    )


SAVANNA = {"blue": 1600, "green": 1900, "red": 2200, "nir": 3400, "swir16": 3900, "swir22": 3100, "look_class": 4}
