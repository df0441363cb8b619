"""Worlds as cubes of clear looks in memory, without files in between, and what truly was in every pixel.

Every acquisition goes through the simulator's own optics and the providers' number formats, is put onto the 10 m grid
as ingest would, and is cleaned by `features.clear_looks`. A cube lies in a folder as int16 arrays, which are read
through a memory map; the folder also holds the AOI, the pipeline file and the truth that flows and assess read.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from benchmarks.grounds import PixelTruth, pixel_truth
from benchmarks.settings import Setting
from kpgeo import detect, features, flows
from kpgeo.detect import Look
from kpgeo.flows import Watch
from kpgeo.ingest.quality import classes_of_qa_pixel, classes_of_scl
from kpgeo.model.calendar import dekad_of
from kpgeo.model.scene import OPTICAL_BANDS, RADAR_BANDS, LookClass, Sensor
from kpgeo.model.state import TileBaseline
from kpgeo.options.features import FeatureOptions
from kpgeo.options.pipeline import CatalogSource, Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.sim.acquiring import Acquisition, list_acquisitions
from kpgeo.sim.ground import Terrain, draw_terrain
from kpgeo.sim.landscape import MARGIN_PX
from kpgeo.sim.optical import (
    LANDSAT_OFFSET,
    LANDSAT_SCALE,
    S2_QUANTUM,
    landsat_numbers,
    look_optical,
    quality_bits,
    scene_classes,
    sentinel2_numbers,
)
from kpgeo.sim.radar import look_radar
from kpgeo.sim.sensors import has_offset, landsat_corner
from kpgeo.sim.textures import rng_of
from kpgeo.sim.world import write_papers

NODATA = -32768
STEPS = {False: 1e-4, True: 0.01}  # reflectance, dB: by whether a sensor is a radar
_VERSION = 2
_MAX_CLOUD_FRAC = float(CatalogSource.model_fields["max_cloud_frac"].default)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Which look a row of a cube is: `row` counts within the optical or the radar array."""

    sensor: Sensor
    day: int
    scene_id: str
    row: int


@dataclass(frozen=True, kw_only=True)
class Cube:
    """All clear looks of one world.

    Attributes
    ----------
    optical, radar : int16 (row, band, y, x)
        Reflectance in `OPTICAL_BANDS` / 1e-4 and dB in `RADAR_BANDS` / 0.01; `NODATA` where not clear. Only rows that a
        look names are filled.
    looks : tuple of Seen
        In the order of sensing.
    """

    name: str
    folder: Path
    optical: NDArray[np.int16]
    radar: NDArray[np.int16]
    looks: tuple[Seen, ...]
    monitor_day: int
    end_day: int
    truth: PixelTruth

    @property
    def years(self) -> float:
        """Return the monitored years."""
        return (self.end_day - self.monitor_day) / 365.25

    @property
    def shape(self) -> tuple[int, int]:
        """Return (height, width)."""
        return self.optical.shape[2], self.optical.shape[3]

    @cached_property
    def watch(self) -> Watch:
        """Return the world as flows watch it."""
        return flows.open_watches(Pipeline.read(self.folder / "pipeline.toml"))[0]

    def dekads(self) -> range:
        """Return the monitored dekads that have ended."""
        return range(dekad_of(self.monitor_day), dekad_of(self.end_day))

    def dataset(self, seen: Seen) -> xr.Dataset:
        """Return one look as `features.clear_looks` gives it, one time step."""
        is_radar = seen.sensor.is_radar
        raw = (self.radar if is_radar else self.optical)[seen.row]
        values = raw.astype(np.float32) * np.float32(STEPS[is_radar])
        values[raw == NODATA] = np.nan
        return _dataset(values, seen.sensor, seen.day, seen.scene_id)


def _dataset(values: NDArray[np.float32], sensor: Sensor, day: int, scene_id: str) -> xr.Dataset:
    time = np.array([np.datetime64(day, "D")]).astype("datetime64[ns]")
    layers = {band: (("time", "y", "x"), values[i][None]) for i, band in enumerate(sensor.bands)}
    coords = {"time": ("time", time), "scene_id": ("time", np.array([scene_id], dtype=object))}
    return xr.Dataset(layers, coords=coords)


def cube_of(setting: Setting, options: SimOptions, cache: Path) -> Cube:
    """Return the cube of a world, rendered into a folder of the cache where it is not there yet."""
    name = f"{setting.name}-{options.seed}"
    folder = cache / f"{name}-{options.digest()}-{'lean' if setting.is_lean else 'all'}-{_VERSION}"
    if not (folder / "looks.json").exists():
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _render_into(partial, setting, options)
        partial.rename(folder)
    return open_cube(folder, name)


def open_cube(folder: Path, name: str) -> Cube:
    """Open a rendered cube."""
    about = json.loads((folder / "looks.json").read_text())
    with np.load(folder / "truth.npz") as held:
        truth = PixelTruth(**{key: held[key] for key in held.files})
    looks = tuple(Seen(sensor=Sensor(s), day=d, scene_id=i, row=r) for s, d, i, r in about["looks"])
    return Cube(
        name=name,
        folder=folder,
        optical=np.load(folder / "optical.npy", mmap_mode="r"),
        radar=np.load(folder / "radar.npy", mmap_mode="r"),
        looks=looks,
        monitor_day=about["monitor_day"],
        end_day=about["end_day"],
        truth=truth,
    )


def _render_into(folder: Path, setting: Setting, options: SimOptions) -> None:
    """Render a world into a folder; `looks.json` is written last."""
    terrain = draw_terrain(options)
    frame = terrain.frame
    passes = [taken for taken in list_acquisitions(options, frame) if setting.keeps(taken)]
    counts = {is_radar: sum(p.sensor.is_radar == is_radar for p in passes) for is_radar in (False, True)}
    arrays = {
        is_radar: np.lib.format.open_memmap(
            folder / name, mode="w+", dtype=np.int16, shape=(counts[is_radar], len(bands), *frame.grid.shape)
        )
        for is_radar, name, bands in ((False, "optical.npy", OPTICAL_BANDS), (True, "radar.npy", RADAR_BANDS))
    }
    rows = {False: 0, True: 0}
    looks: list[tuple[str, int, str, int]] = []
    for taken, values in render(terrain, passes):
        is_radar = taken.sensor.is_radar
        coded = np.rint(values * np.float32(1.0 / STEPS[is_radar]))
        arrays[is_radar][rows[is_radar]] = np.where(np.isfinite(coded), np.clip(coded, -32767, 32767), NODATA)
        looks.append((str(taken.sensor), taken.day, f"{taken.platform}-{taken.day}", rows[is_radar]))
        rows[is_radar] += 1
    for array in arrays.values():
        array.flush()
    np.savez_compressed(folder / "truth.npz", **vars(pixel_truth(terrain)))
    write_papers(folder, terrain)
    about: dict[str, Any] = {"looks": looks, "monitor_day": frame.monitor_day, "end_day": frame.end_day}
    (folder / "looks.json").write_text(json.dumps(about))


def render(
    terrain: Terrain, passes: list[Acquisition], options: FeatureOptions | None = None
) -> Iterator[tuple[Acquisition, NDArray[np.float32]]]:
    """Yield each acquisition with its clear look on the AOI grid, float32 (band, y, x), NaN where not clear.

    As in a search, an acquisition whose provider calls more than the usual limit of it cloud is left out.
    """
    cleaning = options or FeatureOptions()
    for taken in passes:
        cube = _radar_cube(terrain, taken) if taken.sensor.is_radar else _optical_cube(terrain, taken)
        if cube.attrs.get("cloud_frac", 0.0) > _MAX_CLOUD_FRAC:
            continue
        clear = features.clear_looks(cube, taken.sensor, cleaning, MARGIN_PX)
        yield taken, np.concatenate([clear[band].to_numpy() for band in taken.sensor.bands])


def _radar_cube(terrain: Terrain, taken: Acquisition) -> xr.Dataset:
    return _dataset(look_radar(terrain, taken), taken.sensor, taken.day, "")


def _optical_cube(terrain: Terrain, taken: Acquisition) -> xr.Dataset:
    """Return an optical acquisition on the frame, as `ingest.load_cube` would."""
    look = look_optical(terrain, taken)
    options, size = terrain.options, terrain.frame.size
    if taken.sensor is Sensor.SENTINEL2:
        sequence, baseline = (1, taken.again_baseline) if taken.again_baseline else (0, taken.baseline)
        rng = rng_of(options.seed, "sample", taken.sensor, taken.day, sequence)
        fine, coarse = sentinel2_numbers(look, rng, options, has_offset=has_offset(baseline))
        scl = scene_classes(look, rng, options)
        classes = classes_of_scl(np.repeat(np.repeat(scl, 2, 0), 2, 1))
        cloud_frac = float(np.isin(scl, (8, 9, 10)).mean())
        counts = np.concatenate([_valid(fine), bilinear(_valid(coarse), 2, (0.0, 0.0), size)])
        values = counts * np.float32(S2_QUANTUM) - np.float32(0.1 if has_offset(baseline) else 0.0)
    else:
        _, offset, count = landsat_corner(terrain.frame)
        rng = rng_of(options.seed, "sample", taken.sensor, taken.day)
        numbers = landsat_numbers(look, rng, options, offset)[:, :count, :count]
        bits = quality_bits(look, rng, options, offset)[:count, :count]
        cloud_frac = round(float(((bits >> 3) & 1).mean()), 4)
        classes = classes_of_qa_pixel(_nearest(bits, 3, offset, size))
        values = bilinear(_valid(numbers), 3, offset, size) * np.float32(LANDSAT_SCALE) + np.float32(LANDSAT_OFFSET)
    classes[~np.isfinite(values).all(axis=0)] = LookClass.NOT_ACQUIRED
    cube = _dataset(values, taken.sensor, taken.day, "")
    return cube.assign(look_class=(("time", "y", "x"), classes[None])).assign_attrs(cloud_frac=cloud_frac)


def _valid(numbers: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return digital numbers as float32, NaN where they are 0 (not acquired)."""
    values = numbers.astype(np.float32)
    if (numbers == 0).any():
        values[numbers == 0] = np.nan
    return values


def _places(factor: int, offset_px: float, size: int) -> NDArray[np.float64]:
    """Return where the centres of fine pixels lie on a coarse axis, in coarse pixels from the first one's centre."""
    return (np.arange(size) + 0.5 - offset_px) / factor - 0.5


def bilinear(image: NDArray[np.float32], factor: int, offset_px: tuple[float, float], size: int) -> NDArray[np.float32]:
    """Bring a coarse image (..., y, x) that begins `offset_px` (down, right) into a fine one onto (..., size, size).

    Between the centres of coarse pixels by straight lines, as GDAL does; half a coarse pixel beyond the outermost
    centres their value holds, further out is NaN.
    """
    for axis, offset in ((-2, offset_px[0]), (-1, offset_px[1])):
        place, count = _places(factor, offset, size), image.shape[axis]
        low = np.floor(place).astype(np.int64)
        part = (place - low).astype(np.float32)
        first, second = np.clip(low, 0, count - 1), np.clip(low + 1, 0, count - 1)
        shape = [1] * image.ndim
        shape[axis] = size
        outside = (place < -0.5) | (place > count - 0.5)
        weight = np.where(outside, np.float32(np.nan), part).reshape(shape)
        image = np.take(image, first, axis=axis) * (1 - weight) + np.take(image, second, axis=axis) * weight
    return image


def _nearest(bits: NDArray[np.uint16], factor: int, offset_px: tuple[float, float], size: int) -> NDArray[np.float32]:
    """Bring coarse bits onto a fine grid; NaN beyond them."""
    rows, cols = (np.floor(_places(factor, offset, size) + 0.5).astype(np.int64) for offset in offset_px)
    inside = ((rows >= 0) & (rows < bits.shape[0]))[:, None] & ((cols >= 0) & (cols < bits.shape[1]))[None]
    taken = bits[np.clip(rows, 0, bits.shape[0] - 1)][:, np.clip(cols, 0, bits.shape[1] - 1)]
    return np.where(inside, taken.astype(np.float32), np.float32(np.nan))


def looks_of(cube: Cube, dekad: int, baseline: TileBaseline) -> list[Look]:
    """Return the looks of a dekad as flows make them: what was missed is found by the season of the pixels."""
    held = {
        sensor: [cube.dataset(one) for one in cube.looks if dekad_of(one.day) == dekad and one.sensor is sensor]
        for sensor in Sensor
    }
    options = cube.watch.pipeline.features
    return [
        look
        for sensor, parts in held.items()
        if parts
        for look in detect.split_looks(
            features.drop_veiled(xr.concat(parts, dim="time"), sensor, baseline, options), sensor
        )
    ]
