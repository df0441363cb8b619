"""A plan on a map: tiles and footprints, each with how often it is read."""

from collections.abc import Iterable, Sequence
from typing import Any

import shapely
from pyproj import Transformer
from shapely.geometry import mapping

from kpgeo.flows.plans.forecasting import Forecast, TileWork
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.grid import Tile
from kpgeo.model.scene import Scene

_DECIMALS = 5  # about a metre


def preview_of(parts: Iterable[tuple[Watch, Forecast | None, Sequence[Scene]]]) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection (EPSG:4326): a feature a tile, and one a scene that was found.

    Properties of a tile: `kind` (`tile`), `aoi`, `tile`, `scenes`, `reads`. Of a footprint: `kind` (`footprint`),
    `aoi`, `scene`, `sensor`, `platform`, `datetime`, `tiles`, `reads`. Where there is nothing to do, all counts are 0.
    """
    features: list[dict[str, Any]] = []
    for watch, ahead, scenes in parts:
        tiles = () if ahead is None else ahead.tiles
        reads = {one.tile.name: one for one in tiles}
        features += [_tile(watch, tile, reads.get(tile.name)) for tile in watch.tiles]
        features += [_footprint(watch, scene, tiles) for scene in scenes]
    return {"type": "FeatureCollection", "features": features}


def _tile(watch: Watch, tile: Tile, work: TileWork | None) -> dict[str, Any]:
    to_world: Any = Transformer.from_crs(watch.grid.epsg, 4326, always_xy=True).transform
    outline = shapely.transform(
        shapely.box(*watch.grid.tile_geobox(tile).boundingbox.bbox), to_world, interleaved=False
    )
    reads = {} if work is None else work.reads
    counts = {"scenes": len(reads), "reads": sum(reads.values())}
    return _feature(outline, {"kind": "tile", "aoi": watch.aoi.id, "tile": tile.name, **counts})


def _footprint(watch: Watch, scene: Scene, tiles: Sequence[TileWork]) -> dict[str, Any]:
    reads = [one.reads[scene.id] for one in tiles if scene.id in one.reads]
    properties = {
        "kind": "footprint",
        "aoi": watch.aoi.id,
        "scene": scene.id,
        "sensor": str(scene.sensor),
        "platform": scene.platform,
        "datetime": scene.datetime.isoformat(),
        "tiles": len(reads),
        "reads": sum(reads),
    }
    return _feature(scene.footprint, properties)


def _feature(shape: Any, properties: dict[str, Any]) -> dict[str, Any]:
    rounded = shapely.transform(shape, lambda coordinates: coordinates.round(_DECIMALS))
    return {"type": "Feature", "geometry": mapping(rounded), "properties": properties}
