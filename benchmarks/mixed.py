"""Pits mixed into real stable series, in the shape of the accuracy cubes: real noise and real gaps, known truth.

Optical pixels of different years are laid out on one grid, three pixels apart, their days moved by whole years, so that
no two are neighbours; radar windows stay what they are. `pits.py` says how a pit changes a look.
"""

import datetime as dt
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from benchmarks import real_sets
from benchmarks.cubes import NODATA, STEPS, Cube, open_cube
from benchmarks.grounds import BESIDE_PX, NO_DAY, PixelTruth
from benchmarks.pits import Digger, Pit, mix_optical, mix_radar, read_soils
from benchmarks.real_sets import RealSet
from kpgeo.detect import fit_baseline
from kpgeo.kernels.season import harmonic_basis
from kpgeo.model.calendar import date_of, dekad_end, dekad_of
from kpgeo.model.scene import OPTICAL_BANDS, RADAR_BANDS, Sensor
from kpgeo.model.state import FILTER_BANDS, N_COEFS, REFLECTANCE_STEP, decode_sigma
from kpgeo.options.detect import DetectOptions
from tests.real.build_catalogs import write_place

_APART_PX = 3
_ONE_YEAR = 2023
_VERSION = 3
_Place = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One kind of real series with pits; several cubes where they cannot share a grid.

    Attributes
    ----------
    pits : tuple of dict
        For each cube, arrays by pit, in the order of `PixelTruth.event`: `frac` it comes to, `ramp_days`, `is_pond`.
    """

    name: str
    about: str
    cubes: tuple[Cube, ...]
    pits: tuple[dict[str, NDArray[np.float64]], ...] = field(repr=False)


@dataclass(kw_only=True)
class _Canvas:
    """A cube in the making: looks by sensor and day, int16 (band, y, x), and what is dug where."""

    shape: tuple[int, int]
    monitor_day: int
    end_day: int
    looks: dict[tuple[Sensor, int], NDArray[np.int16]] = field(default_factory=dict)
    pits: list[Pit] = field(default_factory=list)
    is_pixel: NDArray[np.bool_] = field(init=False)
    event: NDArray[np.int16] = field(init=False)

    def __post_init__(self) -> None:
        self.is_pixel = np.zeros(self.shape, dtype=np.bool_)
        self.event = np.full(self.shape, -1, dtype=np.int16)

    def put(self, sensor: Sensor, day: int, at: _Place, values: NDArray[np.floating]) -> None:
        """Write values (band, pixel) of a look; NaN is not clear."""
        shape = (len(sensor.bands), *self.shape)
        layer = self.looks.setdefault((sensor, day), np.full(shape, NODATA, dtype=np.int16))
        coded = np.rint(values / STEPS[sensor.is_radar])
        layer[:, at[0], at[1]] = np.where(np.isfinite(coded), np.clip(coded, -32767, 32767), NODATA)


def mixed_cubes(seed: int, folder: Path, cache: Path) -> list[Sample]:
    """Return the samples of one seed.

    Parameters
    ----------
    seed : int
        Of the pits; the series are what they are.
    folder : Path
        Holds the imagery (see `real_sets`).
    cache : Path
        Where cubes are kept; they are written where they are not there yet.
    """
    makers: dict[str, tuple[str, Callable[[Digger, Path], list[_Canvas]]]] = {
        "mixed-landsat": ("steady woodland of New England, 2003-2012, Landsat alone", _landsat),
        "mixed-forest": ("one forest pixel in Sichuan, 2018-2023, Sentinel-2 and Landsat", _forest),
        "mixed-fields": ("Belgian fields, tilled and harvested, Sentinel-2, one year of history", _fields),
        "mixed-radar": ("four Californian windows, Sentinel-1 alone, 12 looks of history, 10 monitored", _radar),
    }
    samples = []
    for name, (about, make) in makers.items():
        home = cache / f"{name}-{seed}-{_VERSION}"
        if not home.exists():
            partial = home.with_name(home.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            digger = Digger(soils=read_soils(folder), rng=np.random.default_rng([seed, 7]))
            for number, canvas in enumerate(make(digger, folder)):
                _write(canvas, partial / str(number), f"{name}-{number}")
            partial.rename(home)
        samples.append(_open(home, name, about))
    return samples


def _open(home: Path, name: str, about: str) -> Sample:
    parts = sorted(home.iterdir(), key=lambda part: int(part.name))
    pits = []
    for part in parts:
        with np.load(part / "pits.npz") as held:
            pits.append({key: held[key] for key in held.files})
    cubes = tuple(open_cube(part, f"{name}-{part.name}") for part in parts)
    return Sample(name=name, about=about, cubes=cubes, pits=tuple(pits))


def _landsat(digger: Digger, folder: Path) -> list[_Canvas]:
    row = real_sets.read_new_england(folder)
    windows = [_window(row, year, history_years=5, years=2) for year in (2003, 2005, 2007, 2009, 2011)]
    return [_lay_out(windows, [_steady(one) for one in windows], digger, pit_share=0.4)]


def _forest(digger: Digger, folder: Path) -> list[_Canvas]:
    pixel = real_sets.read_fire(folder)
    windows = [_window(pixel, year, history_years=3, years=2) for year in (2018, 2020, 2022)]
    return [_lay_out(windows, [np.zeros(150, dtype=np.int64)] * 3, digger, pit_share=0.98)]


def _fields(digger: Digger, folder: Path) -> list[_Canvas]:
    fields = real_sets.read_belgian_fields(folder)
    red = fields.cubes[Sensor.SENTINEL2]["red"].to_numpy()
    enough = np.flatnonzero((np.isfinite(red).sum(axis=0) >= 20).reshape(-1))
    return [_lay_out([fields], [enough], digger, pit_share=0.4)]


def _radar(digger: Digger, folder: Path) -> list[_Canvas]:
    """Dig squares of 2 × 2 px, ten pixels apart, into each window; they open while looks are frequent."""
    canvases = []
    for window in real_sets.S1_WINDOWS:
        real = real_sets.read_radar_window(folder, window)
        begin = _day(real.monitored_from)
        canvas = _Canvas(shape=real.shape, monitor_day=begin, end_day=real.looks()[-1].day + 1)
        canvas.is_pixel[:] = True
        (cube,) = real.cubes.values()
        seen = np.stack([cube[band].to_numpy() for band in RADAR_BANDS], axis=1).astype(np.float64)
        days = cube["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
        corners = np.stack(np.meshgrid(np.arange(4, 96, 10), np.arange(4, 96, 10), indexing="ij")).reshape(2, -1).T
        for row, col in corners:
            pit = digger.dig((begin, begin + 75))
            for y, x in ((row, col), (row, col + 1), (row + 1, col), (row + 1, col + 1)):
                canvas.event[y, x] = len(canvas.pits)
                seen[:, :, y, x] = mix_radar(seen[:, :, y, x], days, pit, digger.rng)
            canvas.pits.append(pit)
        everywhere = np.indices(real.shape).reshape(2, -1)
        for day, look in zip(days, seen, strict=True):
            canvas.put(Sensor.SENTINEL1, int(day), (everywhere[0], everywhere[1]), look.reshape(2, -1))
        canvases.append(canvas)
    return canvases


def _window(real: RealSet, year: int, *, history_years: int, years: int) -> RealSet:
    """Return a set as it was around New Year: its history and its monitored years alone."""
    first, begin, last = (dt.date(number, 1, 1) for number in (year - history_years, year, year + years))
    cubes = {
        sensor: cube.sel(time=slice(np.datetime64(first), np.datetime64(last) - np.timedelta64(1, "D")))
        for sensor, cube in real.cubes.items()
    }
    return replace(real, cubes=cubes, history_from=first, monitored_from=begin)


def _steady(real: RealSet) -> NDArray[np.int64]:
    """Return the flat index of pixels no band of which strays by 1.5 scatters in the median of a monitored year."""
    baseline = fit_baseline(real.history(), DetectOptions())
    (cube,) = real.cubes.values()
    is_history = cube["time"].to_numpy() < np.datetime64(real.monitored_from)
    monitored = cube.isel(time=~is_history)
    days = monitored["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
    season = np.tensordot(
        harmonic_basis(days, N_COEFS), baseline.beta_optical * np.float32(REFLECTANCE_STEP), axes=(1, 1)
    )
    seen = np.stack([monitored[band].to_numpy() for band in FILTER_BANDS], axis=1)
    strayed = (seen - season) / decode_sigma(baseline.sigma_optical)
    years = monitored["time"].dt.year.to_numpy()
    medians = np.stack([np.nanmedian(strayed[years == year], axis=0) for year in np.unique(years)])
    looks = np.isfinite(cube["red"].to_numpy()[is_history]).sum(axis=0)
    return np.flatnonzero(((np.abs(medians) < 1.5).all(axis=(0, 1)) & (looks >= 15)).reshape(-1))


def _lay_out(
    windows: Sequence[RealSet], chosen: Sequence[NDArray[np.int64]], digger: Digger, *, pit_share: float
) -> _Canvas:
    """Lay pixels of all windows out on one grid, and dig a share of them."""
    count = sum(len(one) for one in chosen)
    edge = int(np.ceil(np.sqrt(count)))
    moves = [_day(one.monitored_from.replace(year=_ONE_YEAR)) - _day(one.monitored_from) for one in windows]
    begin = _day(windows[0].monitored_from) + moves[0]
    end = max(one.looks()[-1].day + move for one, move in zip(windows, moves, strict=True)) + 1
    canvas = _Canvas(shape=(edge * _APART_PX, edge * _APART_PX), monitor_day=begin, end_day=end)
    rows, cols = np.arange(count) // edge * _APART_PX, np.arange(count) % edge * _APART_PX
    canvas.is_pixel[rows, cols] = True
    used = 0
    for real, move, index in zip(windows, moves, chosen, strict=True):
        part = slice(used, used + len(index))
        used += len(index)
        _lay_window(canvas, (real, move, index), (rows[part], cols[part]), digger, pit_share)
    return canvas


def _lay_window(
    canvas: _Canvas,
    source: tuple[RealSet, int, NDArray[np.int64]],
    at: _Place,
    digger: Digger,
    pit_share: float,
) -> None:
    """Lay the chosen pixels of one window out at places of the canvas."""
    real, move, index = source
    followed = (canvas.monitor_day, max(canvas.end_day - 150, canvas.monitor_day + 60))
    dug = {place: digger.dig(followed) for place in range(len(index)) if digger.rng.random() < pit_share}
    for place, pit in dug.items():
        canvas.event[at[0][place], at[1][place]] = len(canvas.pits)
        canvas.pits.append(pit)
    for sensor, cube in real.cubes.items():
        days = cube["time"].to_numpy().astype("datetime64[D]").astype(np.int64) + move
        unknown = np.full((len(days), *real.shape), np.nan)
        bands = [cube[band].to_numpy() if band in cube else unknown for band in OPTICAL_BANDS]
        seen = np.stack([band.reshape(len(days), -1)[:, index] for band in bands], axis=1).astype(np.float64)
        for place, pit in dug.items():
            seen[:, :, place] = mix_optical(seen[:, :, place], days, pit, digger.rng)
        for day, look in zip(days, seen, strict=True):
            if np.isfinite(look).any():
                canvas.put(sensor, int(day), at, look)


def _day(date: dt.date) -> int:
    return date.toordinal() - dt.date(1970, 1, 1).toordinal()


def _write(canvas: _Canvas, folder: Path, name: str) -> None:
    """Write a canvas as a cube's folder."""
    folder.mkdir(parents=True)
    looks: list[tuple[str, int, str, int]] = []
    for is_radar, file, bands in ((False, "optical.npy", OPTICAL_BANDS), (True, "radar.npy", RADAR_BANDS)):
        keys = sorted((key for key in canvas.looks if key[0].is_radar == is_radar), key=lambda key: (key[1], key[0]))
        shape = (len(keys), len(bands), *canvas.shape)
        np.save(folder / file, np.stack([canvas.looks[key] for key in keys]) if keys else np.zeros(shape, np.int16))
        looks += [(str(sensor), day, f"{sensor}-{day}", row) for row, (sensor, day) in enumerate(keys)]
    looks.sort(key=lambda look: (look[1], look[2]))
    np.savez_compressed(folder / "truth.npz", **vars(_truth(canvas)))
    columns = {key: np.array([getattr(pit, key) for pit in canvas.pits], float) for key in ("frac", "ramp_days")}
    np.savez(folder / "pits.npz", is_pond=np.array([pit.is_pond for pit in canvas.pits], float), **columns)
    height, width = canvas.shape
    bounds = (500_000.0, 1_000_000.0 - 10.0 * height, 500_000.0 + 10.0 * width, 1_000_000.0)
    history = (date_of(int(looks[0][1])).isoformat(), date_of(canvas.monitor_day).isoformat())
    write_place(folder, name, bounds, history)
    about = {"looks": looks, "monitor_day": canvas.monitor_day, "end_day": canvas.end_day}
    (folder / "looks.json").write_text(json.dumps(about))


def _truth(canvas: _Canvas) -> PixelTruth:
    """Return what truly is in every pixel of a canvas."""
    first, opened = (np.full(canvas.shape, NO_DAY, dtype=np.int32) for _ in range(2))
    ends = [dekad_end(d) - 1 for d in range(dekad_of(canvas.monitor_day), dekad_of(canvas.end_day))]
    percent = np.zeros((len(ends), *canvas.shape), dtype=np.uint8)
    for number, pit in enumerate(canvas.pits):
        here = canvas.event == number
        first[here], opened[here] = pit.day, pit.opened_day
        percent[:, here] = np.rint(100.0 * pit.share(np.array(ends)))[:, None]
    square = np.ones((2 * BESIDE_PX + 1, 2 * BESIDE_PX + 1), dtype=bool)
    sizes = np.bincount(canvas.event[canvas.event >= 0], minlength=len(canvas.pits))
    return PixelTruth(
        first_day=first,
        opened_day=opened,
        event=canvas.event,
        is_never=canvas.is_pixel & ~binary_dilation(canvas.event >= 0, structure=square),
        ground=np.zeros(canvas.shape, dtype=np.uint8),
        mined_percent=percent,
        event_opened_day=np.array([pit.day for pit in canvas.pits], dtype=np.int32),
        event_ha=np.array([pit.frac * size * 0.01 for pit, size in zip(canvas.pits, sizes, strict=True)], np.float32),
    )
