"""Pictures of a site for messages: taken once, kept in the workspace, named by what they show."""

import datetime as dt
import logging
from pathlib import Path

from kpgeo.brief import Chip
from kpgeo.delivery import Digest, Shot, Shots, Told, draw_thumbnail
from kpgeo.flows.pictures import chip_pair
from kpgeo.flows.telling.office import Office
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.calendar import dekad_end
from kpgeo.model.errors import KpgeoError
from kpgeo.model.ids import make_id
from kpgeo.model.site import Site
from kpgeo.store import write_atomic

_log = logging.getLogger(__name__)
_FOLDER = "pictures"
_SENSORS = {"sentinel-2": "Sentinel-2", "landsat": "Landsat", "sentinel-1": "Sentinel-1"}


def take_shots(office: Office, item: Told) -> Shots | None:
    """Return a site before and after; None where there is no picture of it at all.

    That the ground cannot be read now is no reason not to tell of it: the message goes without pictures.
    """
    watch, newest = office.watch(item.aoi) if item.aoi in office.watched else None, office.newest.get(item.aoi)
    history = office.tables.site_history(str(item.payload.get("site", "")))[0] if watch is not None else []
    if watch is None or newest is None or not history:
        return None
    site = history[-1]
    scenes = sorted(office.tables.scenes(item.aoi), key=lambda scene: scene.order)
    try:
        pair = chip_pair(watch, site, scenes, until_day=dekad_end(newest), margin_m=watch.pipeline.brief.chip_margin_m)
    except (KpgeoError, OSError) as error:
        _log.info("%s: no picture (%s)", site.id, error)
        return None
    before, after = (_shot(office, watch, site, chip) for chip in (pair.before, pair.after))
    return Shots(before=before, after=after) if before or after else None


def read_shots(folder: Path, digest: Digest) -> dict[str, bytes]:
    """Return the pictures of a digest that are there, by name, from the products of a workspace."""
    named = [shot.name for shots in digest.shots.values() for shot in (shots.before, shots.after) if shot is not None]
    paths = {name: folder / _FOLDER / Path(name).name for name in named}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


def _shot(office: Office, watch: Watch, site: Site, chip: Chip | None) -> Shot | None:
    if chip is None:
        return None
    name = f"{make_id('picture', site.id, site.dekad, chip.scene_id, office.options.picture_kb)}.jpg"
    path = office.room.products / _FOLDER / name
    if not path.exists():
        content = draw_thumbnail(chip.rgb, _rings(watch, site, chip), office.options.picture_kb * 1000)
        if not content:
            return None
        write_atomic(path, content)
    day = chip.datetime.astimezone(dt.UTC).date()
    return Shot(name=name, day=day, sensor=_SENSORS.get(str(chip.sensor), str(chip.sensor)))


def _rings(watch: Watch, site: Site, chip: Chip) -> list[list[tuple[float, float]]]:
    """Return the outline of a site in shares of its chip."""
    shape, box = watch.place.to_metres(site.geometry), chip.geobox.boundingbox
    wide, high = box.right - box.left, box.top - box.bottom
    parts = [part for part in getattr(shape, "geoms", [shape]) if part.geom_type == "Polygon"]
    return [
        [((x - box.left) / wide, (box.top - y) / high) for x, y, *_ in ring.coords]
        for part in parts
        for ring in (part.exterior, *part.interiors)
    ]
