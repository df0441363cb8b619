"""How many bytes a run will read: what files are worth a square metre, by what is known of them unopened."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import shapely
from pyproj import Transformer
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from kpgeo.flows.watching.effort import Effort
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.grid import Tile
from kpgeo.model.scene import Granule, Scene, Sensor

CLASSES = "look_class"
BY_SIZE, BY_RUNS, ASSUMED = "file sizes", "earlier runs", "assumed"
# Bytes a pixel of valid ground in the whole file, overviews included. Sentinel-2: medians over six items of Earth
# Search's sentinel-2-c1-l2a, as recorded in July 2025. Radar: 3.81 measured over OPERA RTC windows, which have no
# overviews, and a third more for them. Landsat: as Sentinel-2, background knowledge (B-M).
_BYTES_PER_PX = {Sensor.SENTINEL2: 1.9, Sensor.LANDSAT: 1.9, Sensor.SENTINEL1: 5.1}
_CLASS_BYTES_PER_PX = {Sensor.SENTINEL2: 0.15, Sensor.LANDSAT: 0.3}
_RES_M = {Sensor.SENTINEL2: 10.0, Sensor.LANDSAT: 30.0, Sensor.SENTINEL1: 10.0}
_COARSE_RES_M = {"swir16": 20.0, "swir22": 20.0, CLASSES: 20.0}
_NO_OVERVIEWS = 0.75  # 1 + 1/4 + 1/16 + ... = 4/3: what of a file is its full resolution
_BLOCK_PX = 512  # what GDAL's COG driver writes unless told otherwise; a block is read whole
_MEASURED_SPREAD = 0.25


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What crosses the disk or the network.

    Attributes
    ----------
    low_bytes, high_bytes : int
        Compressed: from each block once and no more than is needed, to whole blocks for every tile.
    decoded_bytes : int
        The same pixels as they are stored, unpacked.
    basis : mapping
        Share of the bytes by how their size is known: `file sizes`, `earlier runs`, `assumed`.
    """

    low_bytes: int = 0
    high_bytes: int = 0
    decoded_bytes: int = 0
    basis: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One file's share."""

    low: float
    high: float
    decoded: float
    is_sized: bool


def traffic_of(watch: Watch, scenes: Iterable[Scene], tile_reads: Mapping[str, int]) -> Traffic:
    """Reckon what reading scenes brings, without opening a file.

    A file is taken to be as large as the catalogue or the disk says, and valued by the share of its footprint that is
    read; where neither says, by what is assumed of its sensor.

    Parameters
    ----------
    tile_reads : mapping
        By scene id, how often it is read on a tile, over all tiles.
    """
    ground = _Ground(watch)
    parts = [part for scene in scenes for part in ground.parts(scene, tile_reads.get(scene.id, 0))]
    low, high = sum(part.low for part in parts), sum(part.high for part in parts)
    sized = sum(part.low for part in parts if part.is_sized) / low if low else 0.0
    shares = {BY_SIZE: sized, ASSUMED: 1.0 - sized} if low else {}
    return Traffic(
        low_bytes=round(low),
        high_bytes=round(high),
        decoded_bytes=round(sum(part.decoded for part in parts)),
        basis={name: share for name, share in shares.items() if share > 0.0},
    )


def as_measured(traffic: Traffic, read_px: int, before: Sequence[Effort]) -> Traffic:
    """Return the traffic as earlier runs of the workspace show it, where they counted what came; else as it is."""
    shown = Effort.total(before)
    if not shown.counted_px or not shown.read_bytes:
        return traffic
    about = shown.read_bytes / shown.counted_px * read_px
    return replace(
        traffic,
        low_bytes=round(about * (1.0 - _MEASURED_SPREAD)),
        high_bytes=round(about * (1.0 + _MEASURED_SPREAD)),
        basis={BY_RUNS: 1.0},
    )


class _Ground:
    """What of the ground is read, in metres of the grid's zone."""

    def __init__(self, watch: Watch) -> None:
        grid = watch.grid
        self._tiles = [_box_m(watch, tile) for tile in watch.tiles]
        self._union = shapely.union_all(self._tiles)
        self._to_zone = Transformer.from_crs(4326, grid.epsg, always_xy=True)
        self._tile_m = math.sqrt(float(self._union.area) / max(len(self._tiles), 1))

    def parts(self, scene: Scene, tile_reads: int) -> list[_Part]:
        """Return what each file of a scene adds, read `tile_reads` times on tiles."""
        found = []
        for granule in scene.granules if tile_reads else ():
            valid = self._valid(scene, granule)
            seen_m2 = float(shapely.intersection(valid, self._union).area)
            reached = int(shapely.intersects(self._tiles, valid).sum())
            if seen_m2 > 0.0:
                rounds = tile_reads / max(reached, 1)
                assets = granule.item["assets"]
                found += [
                    self._part(scene.sensor, band, asset, (seen_m2, float(valid.area)), (rounds, reached))
                    for band, asset in assets.items()
                ]
        return found

    def _part(
        self,
        sensor: Sensor,
        band: str,
        asset: Mapping[str, Any],
        areas_m2: tuple[float, float],
        reads: tuple[float, int],
    ) -> _Part:
        """Return what one file adds: `areas_m2` are those read and valid, `reads` the rounds and the tiles of each."""
        (seen_m2, valid_m2), (rounds, tiles) = areas_m2, reads
        res_m = _res_m(sensor, band, asset)
        seen_px, valid_px = seen_m2 / res_m**2, valid_m2 / res_m**2
        size = size_of(asset)
        assumed = _CLASS_BYTES_PER_PX.get(sensor, 0.3) if band == CLASSES else _BYTES_PER_PX[sensor]
        per_px = assumed if size is None else size / valid_px
        edge_px = self._tile_m / res_m
        blocks_px = min(seen_px * ((edge_px + _BLOCK_PX) / edge_px) ** 2, valid_px * tiles)
        return _Part(
            low=rounds * seen_px * per_px * _NO_OVERVIEWS,
            high=rounds * max(blocks_px, seen_px) * per_px,
            decoded=rounds * seen_px * _stored_bytes(sensor, band),
            is_sized=size is not None,
        )

    def _valid(self, scene: Scene, granule: Granule) -> BaseGeometry:
        """Return a granule's footprint in the zone: the scene's, within the granule's own bounding box."""
        bounds = granule.item.get("bbox")
        shape = scene.footprint
        if len(scene.granules) > 1 and bounds is not None:
            shape = shapely.intersection(shape, box(*bounds))
        to_zone: Any = self._to_zone.transform
        moved: BaseGeometry = shapely.transform(shape, to_zone, interleaved=False)
        return moved


def size_of(asset: Mapping[str, Any]) -> int | None:
    """Return the size of an asset's file (bytes): as the catalogue says, or as the disk does; None if neither."""
    given = asset.get("file:size")
    if isinstance(given, int) and given > 0:
        return given
    href = str(asset.get("href", ""))
    if href.startswith(("http://", "https://", "s3://")):
        return None
    try:
        return Path(href).stat().st_size or None
    except OSError:
        return None


def _res_m(sensor: Sensor, band: str, asset: Mapping[str, Any]) -> float:
    """Return a file's pixel size: as its item says, or as its sensor's is."""
    transform = asset.get("proj:transform")
    if isinstance(transform, list) and transform and isinstance(transform[0], int | float) and transform[0] >= 1.0:
        return float(transform[0])
    return _COARSE_RES_M.get(band, _RES_M[sensor]) if sensor is Sensor.SENTINEL2 else _RES_M[sensor]


def _stored_bytes(sensor: Sensor, band: str) -> int:
    """Return the bytes of one pixel as stored."""
    if sensor.is_radar:
        return 4
    return 1 if band == CLASSES and sensor is Sensor.SENTINEL2 else 2


def _box_m(watch: Watch, tile: Tile) -> BaseGeometry:
    return box(*watch.grid.tile_geobox(tile).boundingbox.bbox)
