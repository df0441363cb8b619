"""Scenes of one sensor onto one grid: the cube."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from kpgeo.ingest.opening import Setting
from kpgeo.ingest.scenes import SceneLook, read_scenes
from kpgeo.model.errors import BadInputError
from kpgeo.model.run import Gap
from kpgeo.model.scene import LookClass, Scene, Sensor
from kpgeo.options.ingest import IngestOptions
from kpgeo.wire import Access


def load_cube(
    scenes: Sequence[Scene], geobox: GeoBox, options: IngestOptions, access: Access | None = None
) -> tuple[xr.Dataset, tuple[Gap, ...]]:
    """Read scenes of one sensor onto a grid.

    Parameters
    ----------
    scenes : sequence of Scene
        At least one, all of one sensor, in any order.
    geobox : GeoBox
        The grid, or a window of it; it may reach beyond what was acquired.
    options : IngestOptions
    access : Access, optional
        What the network may be used for; by default, public hosts and the default options.

    Returns
    -------
    cube : xarray.Dataset, dims (time, y, x), in memory
        `blue green red nir swir16 swir22` as float32 reflectance 0–1 (slightly negative over dark ground), or `vv vh`
        as float32 linear gamma0; NaN where not acquired. `look_class` uint8, `LookClass` codes. Coordinates `time` (UTC
        sensing time, datetime64[ns], in `Scene.order`) and `scene_id` along it. Attributes: `sensor`, `scene_ids`; by
        scene id `harmonisation`, the words on what was done to the stored numbers of each granule, and `granule_used`,
        `<provider>/<item id>` of what was read for each: another than the scene names where that could not be read.
        A scene that does not reach the window is there and NOT_ACQUIRED throughout, without a file of it being opened.
    gaps : tuple of Gap
        Scenes that could not be read, and are not in the cube; `aoi_id` and `tile` are "". The reason is one of
        `unreadable: <fault>: <asset>`, `offset-ambiguous`, `units-ambiguous`, `token-refused`, with the item's id.

    Raises
    ------
    BadInputError
        No scene, or scenes of more than one sensor.
    """
    sensors = {scene.sensor for scene in scenes}
    if len(sensors) != 1:
        raise BadInputError("A cube is made of scenes of one sensor, and of at least one.", where="ingest")
    sensor = sensors.pop()
    stack = _Stack(sensor, geobox, len(scenes))
    gaps = []
    setting = Setting(access=access or Access(), options=options)
    for read in read_scenes(sorted(scenes, key=lambda one: one.order), geobox, setting):
        if read.fault:
            scene = read.scene
            gaps.append(Gap(aoi_id="", day=scene.day, sensor=sensor, scene_id=scene.id, reason=read.fault))
        else:
            stack.add(read)
    return stack.cube(), tuple(gaps)


class _Stack:
    """The arrays of a cube while it is filled, scene by scene."""

    def __init__(self, sensor: Sensor, geobox: GeoBox, scenes: int) -> None:
        shape = (scenes, *geobox.shape)
        self._sensor = sensor
        self._geobox = geobox
        self._bands = {band: np.full(shape, np.nan, dtype=np.float32) for band in sensor.bands}
        self._classes: NDArray[np.uint8] = np.full(shape, LookClass.NOT_ACQUIRED, dtype=np.uint8)
        self._scenes: list[Scene] = []
        self._words: dict[str, str] = {}
        self._used: dict[str, tuple[str, ...]] = {}

    def add(self, read: SceneLook) -> None:
        """Mosaic the granules of a scene: of each pixel the first that was acquired counts, in all bands alike."""
        here = len(self._scenes)
        for look in read.looks:
            is_new = (self._classes[here] == LookClass.NOT_ACQUIRED) & (look.look_class != LookClass.NOT_ACQUIRED)
            np.copyto(self._classes[here], look.look_class, where=is_new)
            for band, values in self._bands.items():
                np.copyto(values[here], look.bands[band], where=is_new)
        self._scenes.append(read.scene)
        self._words[read.scene.id] = "; ".join(look.harmonisation for look in read.looks)
        self._used[read.scene.id] = read.used

    def cube(self) -> xr.Dataset:
        """Return what was filled, as a Dataset."""
        count = len(self._scenes)
        times = [np.datetime64(scene.datetime.replace(tzinfo=None), "ns") for scene in self._scenes]
        ids = [scene.id for scene in self._scenes]
        layers = {band: (("time", "y", "x"), values[:count]) for band, values in self._bands.items()}
        return xr.Dataset(
            {**layers, "look_class": (("time", "y", "x"), self._classes[:count])},
            coords={
                **xr_coords(self._geobox),
                "time": ("time", np.array(times, dtype="datetime64[ns]")),
                "scene_id": ("time", np.array(ids, dtype=object)),
            },
            attrs={
                "sensor": str(self._sensor),
                "scene_ids": tuple(ids),
                "harmonisation": self._words,
                "granule_used": self._used,
            },
        )
