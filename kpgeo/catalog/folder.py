"""A folder of GeoTIFFs or JPEG 2000s as a catalogue: items made of what the names and headers of the files say.

A STAC item that lies beside its files is taken at its word. Of the other files, those of one product become one item by
the names their makers give them (`catalog.names`); where it lies is read from the header of one of them. What cannot be
told is refused by its name.
"""

import json
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import transform_geom
from shapely.geometry import box, mapping

from kpgeo.catalog.fields import ItemError, text_of
from kpgeo.catalog.hrefs import HrefError, Origin, resolve_href
from kpgeo.catalog.identity import platform_of
from kpgeo.catalog.names import Named, name_of
from kpgeo.model.errors import UpstreamError
from kpgeo.model.scene import Sensor

MAX_FILES = 500_000
MAX_JSON_BYTES = 5_000_000
_DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".jp2": "JP2OpenJPEG"}
_CENTRE_TIME = re.compile(r'SCENE_CENTER_TIME"?\s*(?:=|:|>)\s*"?(\d\d:\d\d:\d\d)')
_FAULTS = (RasterioError, CPLE_BaseError, OSError, ValueError)

Item = Mapping[str, Any]
Refuse = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True)
class FolderItem:
    """An item of a folder: of which sensor, and in which part of the folder it lies (relative, with slashes)."""

    sensor: Sensor
    item: Item
    origin: Origin
    place: str


@dataclass(frozen=True, kw_only=True)
class _File:
    path: Path
    named: Named


def walk_folder(root: Path, deadline_s: float, refuse: Refuse) -> Iterator[FolderItem]:
    """Yield the items of a folder, in the order of their names.

    Parameters
    ----------
    root : Path
        The folder. Links that lead out of it are not followed.
    refuse : callable
        Is told the path (relative to the folder) of a file that cannot be identified, and why; the walk goes on.

    Raises
    ------
    UpstreamError
        There is no such folder, it holds too many files, or the deadline passed.
    """
    root = root.resolve()
    if not root.is_dir():
        raise UpstreamError("The folder is not there.", where=str(root))
    images, documents = _files(root, time.monotonic() + deadline_s)
    claimed: set[Path] = set()
    for path in documents:
        found = _own_item(path, root)
        if found is not None:
            claimed |= found[1]
            yield found[0]
    products: dict[tuple[str, str], list[_File]] = {}
    for path in images:
        if path.resolve() in claimed:
            continue
        place = PurePosixPath(path.relative_to(root).as_posix())
        try:
            named = name_of(place)
        except ItemError as error:
            refuse(text_of(str(place)), str(error))
            continue
        if named.band:
            products.setdefault((named.sensor, named.product), []).append(_File(path=path, named=named))
    for (_, product), files in sorted(products.items()):
        try:
            yield _item(root, files)
        except ItemError as error:
            refuse(text_of(product), str(error))


def _files(root: Path, deadline: float) -> tuple[list[Path], list[Path]]:
    """Return the images and the JSON documents under a folder, sorted."""
    images: list[Path] = []
    documents: list[Path] = []
    for folder, _, names in os.walk(root):
        if time.monotonic() > deadline or len(images) > MAX_FILES:
            raise UpstreamError("The folder is too large to walk in the time allowed.", where=str(root))
        for name in names:
            suffix = Path(name).suffix.lower()
            if suffix in _DRIVERS:
                images.append(Path(folder) / name)
            elif suffix == ".json":
                documents.append(Path(folder) / name)
    return sorted(images), sorted(documents)


def _own_item(path: Path, root: Path) -> tuple[FolderItem, set[Path]] | None:
    """Return a STAC item that lies beside its files, and these files; None for any other document."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return None
        item = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(item, dict) or item.get("type") != "Feature" or "stac_version" not in item:
        return None
    origin = Origin(document=str(path), root=root, host="")
    files = _inner_files(item, origin)
    sensor = _sensor_of(item)
    if not files or sensor is None:
        return None
    return FolderItem(sensor=sensor, item=item, origin=origin, place=path.relative_to(root).as_posix()), files


def _inner_files(item: Item, origin: Origin) -> set[Path]:
    """Return the files of the folder that an item's assets are."""
    assets = item.get("assets")
    found = set()
    for asset in assets.values() if isinstance(assets, Mapping) else ():
        href = asset.get("href") if isinstance(asset, Mapping) else None
        try:
            path = Path(resolve_href(href, origin))
        except HrefError:
            continue
        if path.is_absolute() and path.is_file():
            found.add(path)
    return found


def _sensor_of(item: Item) -> Sensor | None:
    properties = item.get("properties")
    for sensor in Sensor:
        try:
            platform_of(sensor, item, properties if isinstance(properties, Mapping) else {})
        except ItemError:
            continue
        return sensor
    return None


def _item(root: Path, files: list[_File]) -> FolderItem:
    """Make an item of the files of one product: of each band the finest."""
    finest: dict[str, _File] = {}
    for file in sorted(files, key=lambda one: (one.named.res_m, one.path)):
        finest.setdefault(file.named.band, file)
    named, first = files[0].named, next(iter(finest.values()))
    epsg, geometry = _place_of(first.path)
    unit = named.properties.get("unit")
    assets = {
        band: {"href": str(file.path), **({"raster:bands": [{"unit": unit}]} if unit else {})}
        for band, file in sorted(finest.items())
    }
    time_of_day = _centre_time(first.path, named) if named.is_day_only else None
    properties = {**named.properties, "proj:epsg": epsg}
    if time_of_day is not None:
        properties["datetime"] = f"{properties['datetime'][:10]}T{time_of_day}Z"
    item = {
        "type": "Feature", "id": named.product, "collection": "", "geometry": geometry, "properties": properties,
        "assets": assets, "kpgeo:day_only": named.is_day_only and time_of_day is None,
    }  # fmt: skip
    place = first.path.relative_to(root).as_posix()
    return FolderItem(
        sensor=named.sensor, item=item, origin=Origin(document=str(first.path), root=root, host=""), place=place
    )


def _place_of(path: Path) -> tuple[int | None, dict[str, Any]]:
    """Return a file's EPSG code and outline (EPSG:4326) from its header. No pixel is read."""
    try:
        with _quietly(), rasterio.open(path, driver=_DRIVERS[path.suffix.lower()]) as dataset:
            crs = None if dataset.transform.is_identity else dataset.crs
            outline = None if crs is None else transform_geom(crs, "EPSG:4326", mapping(box(*dataset.bounds)))
            epsg = None if crs is None else crs.to_epsg()
    except _FAULTS as error:
        raise ItemError("header-unreadable") from error
    if outline is None:
        raise ItemError("no-crs")
    return epsg, outline


def _quietly() -> "warnings.catch_warnings[None]":
    """Return a context without the warning that a file has no place; it is refused for that."""
    return warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning)


def _centre_time(path: Path, named: Named) -> str | None:
    """Return the time of day a Landsat scene was taken at, from the metadata file beside it; None without one."""
    for suffix in ("_MTL.txt", "_MTL.json", "_MTL.xml"):
        beside = path.parent / f"{named.product}{suffix}"
        try:
            with beside.open("rb") as stream:
                match = _CENTRE_TIME.search(stream.read(200_000).decode("utf-8", "replace"))
        except OSError:
            continue
        if match:
            return match[1]
    return None
