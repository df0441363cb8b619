"""Writing a world: scenes as COGs with STAC items, the papers, and the truth."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import OPTICAL_BANDS, Sensor
from kpgeo.options.sim import SimOptions
from kpgeo.sim.acquiring import Acquisition, list_acquisitions
from kpgeo.sim.ground import Terrain, draw_terrain
from kpgeo.sim.items import COLLECTIONS, Item, catalog_of, collection_of
from kpgeo.sim.optical import (
    LANDSAT_OFFSET,
    LANDSAT_SCALE,
    S2_QUANTUM,
    landsat_numbers,
    look_optical,
    quality_bits,
    scene_classes,
    seen_by,
    sentinel2_numbers,
)
from kpgeo.sim.papers import aoi_id, aoi_paper, declared_csv, pipeline_toml, world_paper
from kpgeo.sim.radar import RADAR_NODATA, look_radar, trim_mantissa
from kpgeo.sim.rasters import write_cog
from kpgeo.sim.sensors import has_offset, landsat_corner, landsat_item, sentinel1_item, sentinel2_item
from kpgeo.sim.textures import rng_of
from kpgeo.sim.truth import month_ends, nuisance_features, site_features

Progress = Callable[[str, int, int], None]

_S2_FILES = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08"}
_TRIMMED_BITS = 13


@dataclass(frozen=True, kw_only=True)
class World:
    """Where the parts of a written world are."""

    folder: Path
    catalog: Path
    aoi: Path
    declared: Path
    pipeline: Path
    truth: Path

    @classmethod
    def at(cls, folder: Path) -> "World":
        """Return the paths of a world in a folder."""
        return cls(
            folder=folder,
            catalog=folder / "catalog.json",
            aoi=folder / "aoi.geojson",
            declared=folder / "declared.csv",
            pipeline=folder / "pipeline.toml",
            truth=folder / "truth",
        )


def write_world(folder: Path, options: SimOptions, progress: Progress | None = None) -> World:
    """Write a simulated world: scenes, AOI, declared production, a pipeline file that reads it all, and the truth.

    The same options write the same bytes. The world is written beside `folder` and moved there when it is whole, so an
    interrupted write leaves nothing at `folder`.

    Parameters
    ----------
    folder : Path
        Where the world goes; it must not exist, or be empty.
    options : SimOptions
        Which world.
    progress : callable, optional
        Called with a step's name, what is done and what there is to do.

    Raises
    ------
    BadInputError
        `folder` holds something already, or cannot be written.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError("The folder is not empty.", where=str(folder), remedy="Name a folder that does not exist.")
    _sweep(folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        _write_parts(partial, draw_terrain(options), progress or _silent)
        partial.replace(folder)
    except OSError as error:
        raise BadInputError(f"The world cannot be written ({error.strerror}).", where=str(folder)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return World.at(folder)


def _silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""


def _sweep(folder: Path) -> None:
    """Remove what a killed write of the same world left beside it."""
    for left in folder.parent.glob(f".{folder.name}.*.partial"):
        owner = left.name.rsplit(".", 2)[1]
        if owner.isdigit() and not _is_running(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write_parts(folder: Path, terrain: Terrain, progress: Progress) -> None:
    """Write everything into a folder that is there."""
    _write_scenes(folder, terrain, progress)
    write_papers(folder, terrain, progress)


def write_papers(folder: Path, terrain: Terrain, progress: Progress | None = None) -> None:
    """Write everything but the scenes into a folder that is there: AOI, declared figures, pipeline file and truth."""
    _write_json(folder / "aoi.geojson", aoi_paper(terrain))
    (folder / "declared.csv").write_text(declared_csv(terrain), encoding="utf-8")
    (folder / "pipeline.toml").write_text(pipeline_toml(terrain.frame), encoding="utf-8")
    _write_truth(folder / "truth", terrain, progress or _silent)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _write_scenes(folder: Path, terrain: Terrain, progress: Progress) -> None:
    items: dict[Sensor, list[Item]] = {sensor: [] for sensor in COLLECTIONS}
    passes = list_acquisitions(terrain.options, terrain.frame)
    for done, taken in enumerate(passes):
        progress("scenes", done, len(passes))
        write = {Sensor.SENTINEL2: _write_sentinel2, Sensor.LANDSAT: _write_landsat, Sensor.SENTINEL1: _write_sentinel1}
        items[taken.sensor] += write[taken.sensor](folder / COLLECTIONS[taken.sensor], terrain, taken)
    progress("scenes", len(passes), len(passes))
    for sensor, listed in items.items():
        (folder / COLLECTIONS[sensor]).mkdir(exist_ok=True)
        _write_json(folder / COLLECTIONS[sensor] / "collection.json", collection_of(sensor, terrain.frame, listed))
    _write_json(folder / "catalog.json", catalog_of(aoi_id(terrain.options.seed)))


def _write_sentinel2(folder: Path, terrain: Terrain, taken: Acquisition) -> list[Item]:
    """Write an acquisition, and its reprocessed double where there is one (a little different, as reprocessing is)."""
    frame, options = terrain.frame, terrain.options
    look = look_optical(terrain, taken)
    items = []
    for sequence, baseline in enumerate(b for b in (taken.baseline, taken.again_baseline) if b):
        rng = rng_of(options.seed, "sample", taken.sensor, taken.day, sequence)
        fine, coarse = sentinel2_numbers(look, rng, options, has_offset=has_offset(baseline))
        added = -0.1 if has_offset(baseline) else 0.0
        fine = seen_by(fine, taken.platform, OPTICAL_BANDS[:4], S2_QUANTUM, added)
        coarse = seen_by(coarse, taken.platform, OPTICAL_BANDS[4:], S2_QUANTUM, added)
        scl = scene_classes(look, rng, options)
        codes, counts = np.unique(scl, return_counts=True)
        shares = {int(code): 100.0 * float(count) / scl.size for code, count in zip(codes, counts, strict=True)}
        item = sentinel2_item(taken, frame, shares, sequence=sequence)
        home, corner = _home(folder, item), (frame.left_m, frame.top_m)
        for name, band in zip(_S2_FILES.values(), fine, strict=True):
            write_cog(home / f"{name}.tif", band, corner, 10.0, 0)
        for name, band in (("B11", coarse[0]), ("B12", coarse[1]), ("SCL", scl)):
            write_cog(home / f"{name}.tif", band, corner, 20.0, 0)
        items.append(item)
    return items


def _write_landsat(folder: Path, terrain: Terrain, taken: Acquisition) -> list[Item]:
    frame, options = terrain.frame, terrain.options
    corner, offset, size = landsat_corner(frame)
    look = look_optical(terrain, taken)
    rng = rng_of(options.seed, "sample", taken.sensor, taken.day)
    bands = landsat_numbers(look, rng, options, offset)[:, :size, :size]
    bands = seen_by(bands, taken.platform, OPTICAL_BANDS, LANDSAT_SCALE, LANDSAT_OFFSET)
    bits = quality_bits(look, rng, options, offset)[:size, :size]
    item = landsat_item(taken, frame, 100.0 * float(((bits >> 3) & 1).mean()))
    home = _home(folder, item)
    for name, band in zip(("B2", "B3", "B4", "B5", "B6", "B7"), bands, strict=True):
        write_cog(home / f"{item['id']}_SR_{name}.TIF", band, corner, 30.0, 0)
    write_cog(home / f"{item['id']}_QA_PIXEL.TIF", bits, corner, 30.0, 1)
    return [item]


def _write_sentinel1(folder: Path, terrain: Terrain, taken: Acquisition) -> list[Item]:
    frame = terrain.frame
    item = sentinel1_item(taken, frame)
    home = _home(folder, item)
    power = trim_mantissa(look_radar(terrain, taken), _TRIMMED_BITS)
    for key, band in zip(("vv", "vh"), power, strict=True):
        write_cog(home / f"iw-{key}.rtc.tiff", band, (frame.left_m, frame.top_m), 10.0, RADAR_NODATA)
    return [item]


def _home(folder: Path, item: Item) -> Path:
    """Make the folder of an item, with the item in it."""
    home = folder / str(item["id"])
    home.mkdir(parents=True)
    _write_json(home / f"{item['id']}.json", item)
    return home


def _write_truth(folder: Path, terrain: Terrain, progress: Progress) -> None:
    folder.mkdir()
    _write_json(folder / "world.json", world_paper(terrain))
    _write_json(folder / "sites.geojson", {"type": "FeatureCollection", "features": site_features(terrain)})
    _write_json(folder / "nuisances.geojson", {"type": "FeatureCollection", "features": nuisance_features(terrain)})
    months, grid = month_ends(terrain.frame), terrain.frame.grid
    for done, (label, day) in enumerate(months):
        progress("truth", done, len(months))
        percent: NDArray[np.uint8] = np.rint(100.0 * terrain.mined_frac(day)[terrain.frame.inner]).astype(np.uint8)
        write_cog(folder / f"mined_frac_{label}.tif", percent, (grid.left_m, grid.top_m), grid.res_m, None)
    progress("truth", len(months), len(months))
