"""Static STAC catalogues over real imagery, so that it comes in by the same doors as anything else.

`build_s1_world` is Sentinel-1 (OPERA RTC-S1 bursts, California, 22 dates 2021–2025); `build_landsat_world` is Landsat
4, 5 and 7 (447 dates 1984–2013, Colorado, 5 × 5 pixels). Both write `catalog.json`, the files, `aoi.geojson` and
`pipeline.toml` into a folder. No mining is known at either place; `claim_stratum` says that there were a deposit all
the same, which is where the detector is most easily persuaded.
"""

import datetime as dt
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.warp import transform_geom
from shapely.geometry import box, mapping, shape

S1_WINDOWS = ("T137-292319-IW2", "T137-292321-IW2", "T137-292322-IW2", "T137-292325-IW1")
S1_HISTORY = ("2021-11-01", "2023-10-01")
LANDSAT_HISTORY = ("1999-07-01", "2004-01-01")

_S1_NAME = re.compile(r"_(\d{8}T\d{6})Z_\d{8}T\d{6}Z_S1([AB])_.*_(VV|VH)\.tif$")
_LANDSAT_NAME = re.compile(r"(L[TE][457])(\d{3})(\d{3})(\d{7})\w+_stack\.gtif$")
_BANDS = ("blue", "green", "red", "nir08", "swir16", "swir22")
# The class band of the stacks as QA_PIXEL bits: clear, water, shadow, snow, cloud.
_QA_BITS = {0: 64, 1: 192, 2: 16, 3: 32, 4: 8}

Item = dict[str, Any]


def build_s1_world(shared: Path, folder: Path, window: str) -> Path:
    """Write the world of one burst window and return its pipeline file."""
    dates: dict[str, dict[str, Path]] = {}
    platforms = {}
    for path in sorted((shared / "data" / "s1_rtc_dist_s1" / window).glob("*.tif")):
        match = _S1_NAME.search(path.name)
        assert match is not None, path.name
        dates.setdefault(match[1], {})[match[3].lower()] = path
        platforms[match[1]] = f"sentinel-1{match[2].lower()}"
    files = folder / "sentinel-1-rtc"
    files.mkdir(parents=True)
    items, bounds, epsg = [], (0.0, 0.0, 0.0, 0.0), 0
    for taken, paths in dates.items():
        moment = dt.datetime.strptime(taken, "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
        for name, path in paths.items():
            shutil.copyfile(path, files / f"{taken}_{name}.tif")
            with rasterio.open(path) as dataset:
                bounds, epsg = tuple(dataset.bounds), dataset.crs.to_epsg()
        properties = {
            "datetime": moment.isoformat(), "platform": platforms[taken], "sat:relative_orbit": 137,
            "sat:orbit_state": "descending", "proj:epsg": epsg, "sar:product_type": "RTC",
        }  # fmt: skip
        assets = {name: {"href": f"./{taken}_{name}.tif", "type": "image/tiff"} for name in paths}
        items.append(_item(f"{window}_{taken}", "sentinel-1-rtc", _degrees(bounds, epsg), properties, assets))
    _write_catalog(folder, "sentinel-1-rtc", items)
    _write_aoi(folder, "usa-" + window.lower(), "Burst window on the Californian coast", bounds, epsg)
    return _write_pipeline(folder, f"s1-{window.lower()}", {"sentinel-1": "sentinel-1-rtc"}, S1_HISTORY)


def build_landsat_world(shared: Path, folder: Path, history: tuple[str, str] = LANDSAT_HISTORY) -> Path:
    """Write the world of the Landsat stacks and return its pipeline file. Each stack becomes a Collection 2 item."""
    files = folder / "landsat-c2-l2"
    files.mkdir(parents=True)
    items, bounds, epsg = [], (0.0, 0.0, 0.0, 0.0), 0
    with tarfile.open(shared / "data" / "landsat_yatsm_stack" / "p035r032_testdata.tar.gz") as archive:
        for member in archive:
            match = _LANDSAT_NAME.search(member.name)
            stream = archive.extractfile(member) if match else None
            if match is None or stream is None:
                continue
            with rasterio.MemoryFile(io.BytesIO(stream.read())) as memory, memory.open() as stack:
                name, moment = _landsat_name(match)
                bounds, epsg = tuple(stack.bounds), stack.crs.to_epsg()
                assets = _write_landsat(files, name, stack)
            properties = {
                "datetime": moment.isoformat(), "platform": f"landsat-{match[1][2]}", "landsat:wrs_path": match[2],
                "landsat:wrs_row": match[3], "landsat:collection_category": "T1", "proj:epsg": epsg,
            }  # fmt: skip
            items.append(_item(name, "landsat-c2-l2", _degrees(bounds, epsg), properties, assets))
    _write_catalog(folder, "landsat-c2-l2", items)
    _write_aoi(folder, "usa-p035r032", "Five pixels of Landsat path 35 row 32", bounds, epsg)
    return _write_pipeline(folder, "landsat-p035r032", {"landsat": "landsat-c2-l2"}, history)


def write_place(folder: Path, name: str, bounds: Sequence[float], history: tuple[str, str]) -> None:
    """Write an AOI that covers bounds (m, UTM 30N), all of it a stratum, and a pipeline that watches it sceneless."""
    _write_aoi(folder, f"usa-{name}", "Real series on one grid", bounds, 32630)
    _write_pipeline(folder, name, {"landsat": "landsat-c2-l2"}, history)
    claim_stratum(folder)


def claim_stratum(folder: Path) -> None:
    """Draw a stratum over the whole AOI of a world, so that its prior is that of a known deposit."""
    path = folder / "aoi.geojson"
    document = json.loads(path.read_text())
    boundary = document["features"][0]
    kept = {name: boundary["properties"][name] for name in ("names", "source")}
    properties = {"role": "stratum", "id": "claimed", "deposit_type": "terrace", "priors": None, **kept}
    document["features"].append({"type": "Feature", "geometry": boundary["geometry"], "properties": properties})
    path.write_text(json.dumps(document))


def _landsat_name(match: re.Match[str]) -> tuple[str, dt.datetime]:
    day = dt.datetime.strptime(match[4], "%Y%j").replace(hour=17, minute=30, tzinfo=dt.UTC)
    return f"{match[1][:2]}0{match[1][2]}_L2SP_{match[2]}{match[3]}_{day:%Y%m%d}_20200901_02_T1", day


def _write_landsat(files: Path, name: str, stack: rasterio.DatasetReader) -> dict[str, Any]:
    """Write one file a band: reflectance x 10,000 becomes Collection 2 counts, Fmask classes become QA_PIXEL bits."""
    content = stack.read()
    qa_pixel = np.ones(content[7].shape, dtype=np.uint16)
    for code, bits in _QA_BITS.items():
        qa_pixel[content[7] == code] = bits
    layers = {"qa_pixel": qa_pixel}
    for band, values in zip(_BANDS, content[:6], strict=True):
        counts = np.clip(np.rint((values * 1e-4 + 0.2) / 2.75e-5), 1, 65535)
        layers[band] = np.where(values == -9999, 0, counts).astype(np.uint16)
    for band, values in layers.items():
        profile = {"crs": stack.crs, "transform": stack.transform, "nodata": 1 if band == "qa_pixel" else 0}
        rows, cols = values.shape
        with rasterio.open(
            files / f"{name}_{band}.tif",
            "w",
            driver="GTiff",
            dtype="uint16",
            count=1,
            height=rows,
            width=cols,
            **profile,
        ) as dataset:
            dataset.write(values, 1)
    return {band: {"href": f"./{name}_{band}.tif", "type": "image/tiff"} for band in layers}


def _degrees(bounds: Sequence[float], epsg: int) -> dict[str, Any]:
    """Return a box of a UTM zone as a GeoJSON polygon in degrees."""
    polygon: dict[str, Any] = transform_geom(f"EPSG:{epsg}", "EPSG:4326", mapping(box(*bounds)))
    return polygon


def _item(name: str, collection: str, geometry: dict[str, Any], properties: dict[str, Any], assets: Any) -> Item:
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": collection, "geometry": geometry,
        "bbox": list(shape(geometry).bounds), "properties": properties, "assets": assets, "links": [],
    }  # fmt: skip


def _write_catalog(folder: Path, collection: str, items: Iterable[Item]) -> None:
    links = []
    for item in items:
        (folder / collection / f"{item['id']}.json").write_text(json.dumps(item))
        links.append({"rel": "item", "href": f"./{item['id']}.json"})
    document = {"type": "Collection", "stac_version": "1.0.0", "id": collection, "links": links}
    (folder / collection / "collection.json").write_text(json.dumps(document))
    child = {"rel": "child", "href": f"./{collection}/collection.json"}
    root = {"type": "Catalog", "stac_version": "1.0.0", "id": folder.name, "description": "real", "links": [child]}
    (folder / "catalog.json").write_text(json.dumps(root))


def _write_aoi(folder: Path, name: str, words: str, bounds: Sequence[float], epsg: int) -> None:
    """Write the imagery's own extent as an area of interest."""
    source = {"source": "extent of the imagery", "confidence": "high", "mark": ""}
    properties = {
        "role": "boundary", "id": name, "names": {"en": words, "fr": words, "pt": words}, "iso3": "USA",
        "country": "United States of America", "participant": "United States of America", "deposit": "none known",
        "epsg": epsg, "source": source, "notes": "", "seasons": None, "regimes": [], "sensitivity": "public",
    }  # fmt: skip
    feature = {"type": "Feature", "geometry": _degrees(bounds, epsg), "properties": properties}
    document = {"type": "FeatureCollection", "kpgeo_aoi": 1, "features": [feature]}
    (folder / "aoi.geojson").write_text(json.dumps(document))


def _write_pipeline(folder: Path, name: str, collections: dict[str, str], history: tuple[str, str]) -> Path:
    pairs = ", ".join(f'{sensor} = "{collection}"' for sensor, collection in collections.items())
    path = folder / "pipeline.toml"
    path.write_text(
        f'name = "{name}"\naois = ["aoi.geojson"]\nworkspace = "workspace"\n\n'
        f'[[catalog]]\nurl = "catalog.json"\ncollections = {{ {pairs} }}\n\n'
        f"[history]\nstart = {history[0]}\nend = {history[1]}\n"
    )
    return path
