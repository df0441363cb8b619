"""Scenes read one after another, some of them ahead, so that neither the network nor the cores wait for each other."""

import logging
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from odc.geo.geobox import GeoBox

from kpgeo.ingest.frames import frame_of
from kpgeo.ingest.granules import GranuleLook, Reading, read_granule
from kpgeo.ingest.opening import Setting
from kpgeo.ingest.reach import reach_of, reaches
from kpgeo.model.errors import SceneReadError
from kpgeo.model.scene import Granule, Scene

_log = logging.getLogger(__name__)
_REMOTE = ("http://", "https://", "s3://")


@dataclass(frozen=True, kw_only=True)
class SceneLook:
    """What was read of a scene.

    Attributes
    ----------
    looks : tuple of GranuleLook
        Of each granule that reaches the window, in the order in which they count.
    used : tuple of str
        `<provider>/<item id>` of what was read for each.
    fault : str
        Why it could not be read, with the ids of its items; "" if it could.
    """

    scene: Scene
    looks: tuple[GranuleLook, ...] = ()
    used: tuple[str, ...] = ()
    fault: str = ""


def read_scenes(scenes: Sequence[Scene], geobox: GeoBox, setting: Setting) -> Iterator[SceneLook]:
    """Yield what is read of scenes of one sensor onto a window, in the order given.

    Scenes ahead of the one that is yielded are under way already: as many as it takes to keep `read_threads` files, or
    over http as many files as requests may be in flight, and no more than `ahead_mb` hold.
    """
    wire, reach = setting.access.options, reach_of(geobox)
    is_remote = any(asset["href"].startswith(_REMOTE) for scene in scenes for asset in _assets(scene))
    files = max(wire.read_threads, wire.in_flight) if is_remote else wire.read_threads
    ahead = _ahead(scenes[0], files, geobox, setting)
    with ThreadPoolExecutor(files) as pool, ThreadPoolExecutor(ahead) as desk:
        reading = Reading(sensor=scenes[0].sensor, frame=frame_of(geobox), setting=setting, pool=pool, deadline=0.0)
        under_way: deque[Future[SceneLook]] = deque()
        try:
            for scene in scenes:
                under_way.append(desk.submit(_read_scene, scene, reading, reach))
                if len(under_way) > ahead:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for one in under_way:
                one.cancel()
            _give_up(pool)


def _assets(scene: Scene) -> Iterator[dict[str, str]]:
    for granule in scene.granules:
        for one in (granule, *granule.alternatives):
            yield from one.item["assets"].values()


def _ahead(scene: Scene, files: int, geobox: GeoBox, setting: Setting) -> int:
    """Return how many scenes may be under way at the same time."""
    layers = len(scene.sensor.bands) + 1
    scene_mb = 4 * layers * math.prod(geobox.shape) / 1e6
    return max(1, min(1 + math.ceil(files / layers), int(setting.access.options.ahead_mb / scene_mb)))


def _give_up(pool: Executor) -> None:
    """Let no file be begun that is no longer wanted."""
    pool.shutdown(wait=False, cancel_futures=True)


def _read_scene(scene: Scene, reading: Reading, reach: tuple[float, float, float, float]) -> SceneLook:
    """Read the granules of a scene that reach the window; first those on the window's own UTM zone."""
    reading = replace(reading, deadline=time.monotonic() + reading.setting.access.options.scene_deadline_s)
    granules = sorted(
        (granule for granule in scene.granules if reaches(granule, reach)),
        key=lambda one: (f"EPSG:{one.epsg}" != reading.frame.system, one.tile, one.item_id),
    )
    try:
        found = [_read_or_replace(granule, reading) for granule in granules]
    except SceneReadError as error:
        _log.warning("scene %s: %s: %s", scene.id, error.where, error.what)
        return SceneLook(scene=scene, fault=f"{error.what}: {error.where}")
    used = tuple(f"{one.provider}/{one.item_id}" for _, one in found)
    return SceneLook(scene=scene, looks=tuple(look for look, _ in found), used=used)


def _read_or_replace(granule: Granule, reading: Reading) -> tuple[GranuleLook, Granule]:
    """Read a granule, or the first of its alternatives that can be read, and return which it was.

    Raises
    ------
    SceneReadError
        None can be read. It says what was wrong with the first.
    """
    try:
        return read_granule(granule, reading), granule
    except SceneReadError as error:
        first = error
    for other in granule.alternatives:
        try:
            look = read_granule(other, reading)
        except SceneReadError as error:
            _log.warning("granule %s of %s: %s", error.where, other.provider, error.what)
        else:
            _log.warning("%s of %s in place of %s of %s: %s", other.item_id, other.provider, granule.item_id,
                         granule.provider, first.what)  # fmt: skip
            words = f"{look.harmonisation}, in place of {granule.item_id} of {granule.provider} ({first.what})"
            return replace(look, harmonisation=words), other
    raise first
