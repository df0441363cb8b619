"""Files to read for the measurement of reading: COGs as archives hold them, and Sentinel-2 granules made of them."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pystac import Asset, Item
from rasterio.warp import transform_bounds
from scipy import ndimage
from shapely.geometry import box

from kpgeo.model.scene import OPTICAL_BANDS, Granule, Scene, Sensor

EDGE_PX = 2048
LEFT, TOP, SYSTEM = 500_000.0, 900_000.0, "EPSG:32629"
BANDS = (*OPTICAL_BANDS, "look_class")
_STEPS_M = {"swir16": 20.0, "swir22": 20.0, "look_class": 20.0}
_DIFFERENT = 5
_BOUNDS = (LEFT, TOP - 10.0 * EDGE_PX, LEFT + 10.0 * EDGE_PX, TOP)


def grid(edge_px: int, offset_px: int) -> GeoBox:
    """Return a square window at 10 m, so many pixels from the files' corner."""
    place = Affine(10.0, 0.0, LEFT + 10.0 * offset_px, 0.0, -10.0, TOP - 10.0 * offset_px)
    return GeoBox((edge_px, edge_px), place, SYSTEM)


def write_cogs(folder: Path, files: int, compression: str) -> list[Path]:
    """Write COGs of 2048 × 2048 uint16 in tiles of 512, predictor 2, with overviews; every fifth content is another."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{compression}_{number:03d}.tif" for number in range(files)]
    for number, path in enumerate(paths):
        if number < _DIFFERENT:
            _write(path, _ground(number, EDGE_PX), 10.0, compression)
        else:
            shutil.copyfile(paths[number % _DIFFERENT], path)
    return paths


def write_scenes(folder: Path, dates: int) -> list[Scene]:
    """Write Sentinel-2 granules as deflate COGs: four bands at 10 m, two and the classes at 20 m."""
    folder.mkdir(parents=True, exist_ok=True)
    for band in BANDS:
        step = _STEPS_M.get(band, 10.0)
        edge = round(EDGE_PX * 10.0 / step)
        values = _ground(len(band), edge) if band != "look_class" else np.full((edge, edge), 4, dtype=np.uint8)
        _write(folder / f"000_{band}.tif", values, step, "deflate")
        for date in range(1, dates):
            shutil.copyfile(folder / f"000_{band}.tif", folder / f"{date:03d}_{band}.tif")
    return scenes_at(str(folder), dates)


def scenes_at(place: str, dates: int) -> list[Scene]:
    """Return the scenes of these files, wherever they are served."""
    bbox = list(transform_bounds(SYSTEM, "EPSG:4326", *_BOUNDS))
    return [_scene(place, date, bbox) for date in range(dates)]


def items_of(scenes: list[Scene]) -> list[Item]:
    """Return the scenes as STAC items, for the loaders of others."""
    items = []
    for scene in scenes:
        granule = scene.granules[0]
        item = Item(granule.item_id, scene.footprint.__geo_interface__, granule.item["bbox"], scene.datetime, {})
        for band, asset in granule.item["assets"].items():
            item.add_asset(band, Asset(asset["href"], media_type="image/tiff", roles=["data"]))
        items.append(item)
    return items


def _scene(place: str, date: int, bbox: list[float]) -> Scene:
    assets = {band: {"href": f"{place}/{date:03d}_{band}.tif", "raster:bands": [{"nodata": 0}]} for band in BANDS}
    item: dict[str, Any] = {"id": f"one-{date}", "bbox": bbox, "properties": {}, "assets": assets}
    granule = Granule(
        item=item,
        item_id=f"one-{date}",
        provider="local",
        collection="sentinel-2",
        tile="29PQN",
        processing_baseline="05.09",
        epsg=32629,
        cloud_frac=None,
    )
    return Scene(
        sensor=Sensor.SENTINEL2,
        platform="sentinel-2a",
        datetime=dt.datetime(2024, 1, 1, 10, 30, tzinfo=dt.UTC) + dt.timedelta(days=5 * date),
        relative_orbit=1,
        orbit_state="descending",
        granules=(granule,),
        footprint=box(*bbox),
    )


def _ground(seed: int, edge_px: int) -> NDArray[np.uint16]:
    """Return counts with the texture of land: smooth over some pixels, noise on top."""
    random = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(random.standard_normal((edge_px, edge_px)), 6)
    counts = 2500 + 600 * smooth / smooth.std() + 60 * random.standard_normal((edge_px, edge_px))
    return np.clip(counts, 1, 9000).astype(np.uint16)


def _write(path: Path, values: NDArray[Any], step_m: float, compression: str) -> None:
    with rasterio.open(
        path, "w", driver="COG", width=values.shape[1], height=values.shape[0], count=1, dtype=values.dtype,
        crs=SYSTEM, transform=Affine(step_m, 0.0, LEFT, 0.0, -step_m, TOP), nodata=0, compress=compression,
        predictor=2, blocksize=512, overviews="AUTO",
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
