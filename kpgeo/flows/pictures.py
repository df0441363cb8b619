"""Pictures of the ground for a brief: a site before and after, and the AOI as it lay lately."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.geom import BoundingBox

from kpgeo import ingest
from kpgeo.brief import Backdrop, Chip, ChipPair, stretch_alike
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.scene import LookClass, Scene, Sensor
from kpgeo.model.site import Site

_SHOWN = ("red", "green", "blue")
_BATCH = 4
_MOST_TRIED = 24
_CLEAR_ENOUGH = 0.97
_MIN_HALF_M = 320.0
_BACKDROP_PX = 700
_BACKDROP_SCENES = 10


@dataclass(frozen=True, kw_only=True)
class _View:
    """One scene as it shows a window: reflectance (y, x, 3), NaN where not acquired, and the share that is clear."""

    scene: Scene
    picture: NDArray[np.float32]
    clear_frac: float
    is_clear: NDArray[np.bool_]


def chip_pair(watch: Watch, site: Site, scenes: Sequence[Scene], *, until_day: int, margin_m: float) -> ChipPair:
    """Return the last clear picture of a site before it opened, and the latest clear one, stretched alike.

    Sentinel-2 is preferred; Landsat is taken where it has the only clear picture.
    """
    geobox = _window(watch, site, margin_m)
    before = _last_clear(watch, [scene for scene in scenes if scene.day < site.opened_day], geobox)
    after = _last_clear(watch, [scene for scene in scenes if site.opened_day < scene.day < until_day], geobox)
    pictures = stretch_alike([before.picture if before else None, after.picture if after else None])
    chips = [_chip(view, rgb, geobox) for view, rgb in zip((before, after), pictures, strict=True)]
    return ChipPair(before=chips[0], after=chips[1])


def backdrop(watch: Watch, scenes: Sequence[Scene]) -> Backdrop | None:
    """Return the median of the latest clear Sentinel-2 looks at the whole AOI, coarse; None where there is no look."""
    optical = [scene for scene in scenes if scene.sensor is Sensor.SENTINEL2][-_BACKDROP_SCENES:]
    if not optical:
        return None
    zoom = max(1.0, max(watch.grid.shape) / _BACKDROP_PX)
    geobox = watch.grid.geobox.zoom_out(zoom) if zoom > 1.0 else watch.grid.geobox
    views = list(_views(watch, optical, geobox))
    if not views:
        return None
    stack = np.stack([np.where(view.is_clear[..., None], view.picture, np.nan) for view in views])
    is_seen = np.isfinite(stack).any(axis=0)
    median = np.full(stack.shape[1:], np.nan, dtype=np.float32)
    median[is_seen] = np.nanmedian(stack[:, is_seen], axis=0)
    (rgb,) = stretch_alike([median])
    return (
        None
        if rgb is None
        else Backdrop(rgb=rgb, geobox=geobox, sensor=Sensor.SENTINEL2, datetime=optical[-1].datetime)
    )


def _window(watch: Watch, site: Site, margin_m: float) -> GeoBox:
    """Return a square window around a site on the pixels of its AOI's grid."""
    grid = watch.grid
    left, bottom, right, top = watch.place.to_metres(site.geometry).bounds
    half = max((right - left) / 2 + margin_m, (top - bottom) / 2 + margin_m, _MIN_HALF_M)
    half = math.ceil(half / grid.res_m) * grid.res_m
    x, y = (round(value / grid.res_m) * grid.res_m for value in ((left + right) / 2, (bottom + top) / 2))
    box = BoundingBox(x - half, y - half, x + half, y + half, crs=f"EPSG:{grid.epsg}")
    return GeoBox.from_bbox(box, resolution=grid.res_m, tight=True)


def _last_clear(watch: Watch, scenes: Sequence[Scene], geobox: GeoBox) -> _View | None:
    """Return the latest clear view of a window, or the clearest of those tried."""
    best: _View | None = None
    for sensor in (Sensor.SENTINEL2, Sensor.LANDSAT):
        newest_first = [scene for scene in reversed(scenes) if scene.sensor is sensor][:_MOST_TRIED]
        for begin in range(0, len(newest_first), _BATCH):
            for view in sorted(
                _views(watch, newest_first[begin : begin + _BATCH], geobox),
                key=lambda view: view.scene.order,
                reverse=True,
            ):
                if view.clear_frac >= _CLEAR_ENOUGH:
                    return view
                if best is None or view.clear_frac > best.clear_frac:
                    best = view
    return best if best is not None and best.clear_frac > 0.0 else None


def _views(watch: Watch, scenes: Sequence[Scene], geobox: GeoBox) -> Iterator[_View]:
    """Yield how scenes of one sensor show a window; scenes that cannot be read are left out."""
    cube, _ = ingest.load_cube(scenes, geobox, watch.pipeline.ingest, watch.access)
    by_id = {scene.id: scene for scene in scenes}
    for number, scene_id in enumerate(cube["scene_id"].to_numpy()):
        yield _view(by_id[str(scene_id)], cube.isel(time=number))


def _view(scene: Scene, look: xr.Dataset) -> _View:
    """Return one scene's view from its look `(y, x)`."""
    classes = look["look_class"].to_numpy()
    is_clear = np.isin(classes, (LookClass.CLEAR, LookClass.WATER))
    picture = np.stack([look[band].to_numpy() for band in _SHOWN], axis=-1)
    return _View(scene=scene, picture=picture, clear_frac=float(is_clear.mean()), is_clear=is_clear)


def _chip(view: _View | None, rgb: NDArray[np.uint8] | None, geobox: GeoBox) -> Chip | None:
    """Return a view as a chip."""
    if view is None or rgb is None:
        return None
    return Chip(
        rgb=rgb,
        geobox=geobox,
        datetime=view.scene.datetime,
        sensor=view.scene.sensor,
        scene_id=view.scene.id,
        cloud_frac=1.0 - view.clear_frac,
    )
