"""One granule, read onto the grid: its bands in physical units and its look classes."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kpgeo.ingest.faults import FileError
from kpgeo.ingest.frames import Frame
from kpgeo.ingest.harmonise import (
    Counts,
    OffsetError,
    RadarUnit,
    Scaling,
    UnitError,
    judge_counts,
    landsat_scaling,
    platform_of,
    radar_unit,
    sentinel2_scaling,
)
from kpgeo.ingest.opening import Setting, Source
from kpgeo.ingest.quality import classes_of_qa_pixel, classes_of_scl
from kpgeo.ingest.raster import read_window, sample_counts
from kpgeo.ingest.tokens import sign_item
from kpgeo.kernels.bandpass import Line, knows_band_pass, lines_to_target
from kpgeo.model.errors import SceneReadError
from kpgeo.model.scene import Granule, LookClass, Sensor
from kpgeo.options.ingest import IngestOptions

_CLASSES = "look_class"
_DARK_BANDS = ("blue", "swir22")
_FIRST_WAIT_S = 0.5

Layer = NDArray[np.float32]
Read = TypeVar("Read")

# What thin samples of files told, so that every tile of a granule decides alike and asks once in a process.
_counts_told: dict[tuple[object, ...], Counts] = {}
_units_told: dict[str, RadarUnit] = {}


@dataclass(frozen=True, kw_only=True)
class GranuleLook:
    """What one granule shows of a window.

    Attributes
    ----------
    bands : dict of float32 (y, x)
        Reflectance 0–1 or linear gamma0; NaN where not acquired, in all bands alike (but for a `vh` that is not there).
    look_class : uint8 (y, x)
        `LookClass` codes.
    harmonisation : str
        What was done to the stored numbers, and why.
    """

    bands: Mapping[str, Layer]
    look_class: NDArray[np.uint8]
    harmonisation: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is read onto which grid, by whom, and until when an attempt may begin (`time.monotonic` seconds)."""

    sensor: Sensor
    frame: Frame
    setting: Setting
    pool: Executor
    deadline: float

    @property
    def options(self) -> IngestOptions:
        """Return the options of reading."""
        return self.setting.options


def read_granule(granule: Granule, reading: Reading) -> GranuleLook:
    """Read one granule.

    Raises
    ------
    SceneReadError
        A file cannot be read within the attempts allowed, or it is not certain what its numbers mean.
    """

    def read(source: Source) -> Layer:
        return read_window(source, reading.frame, reading.setting)

    jobs = {name: reading.pool.submit(_patiently, granule, name, reading, read) for name in granule.item["assets"]}
    try:
        layers = {name: job.result() for name, job in jobs.items()}
    finally:
        for job in jobs.values():
            job.cancel()
    return (_radar_look if reading.sensor.is_radar else _optical_look)(granule, layers, reading)


def _optical_look(granule: Granule, layers: dict[str, Layer], reading: Reading) -> GranuleLook:
    """Scale counts to reflectance; a pixel that lacks a band was not acquired."""
    scaling = _scaling(granule, reading)
    is_sentinel2 = reading.sensor is Sensor.SENTINEL2
    look_class = (classes_of_scl if is_sentinel2 else classes_of_qa_pixel)(layers.pop(_CLASSES))
    for layer in layers.values():
        look_class[np.isnan(layer)] = LookClass.NOT_ACQUIRED
    is_missing = look_class == LookClass.NOT_ACQUIRED
    platform = platform_of(granule.item["properties"], granule.item_id)
    lines = lines_to_target(platform if reading.options.band_pass else "")
    for band, layer in layers.items():
        line = Line(slope=scaling.scale, offset=scaling.offset).then(lines[band])
        np.multiply(layer, np.float32(line.slope), out=layer)
        np.add(layer, np.float32(line.offset), out=layer)
        layer[is_missing] = np.nan
    words = f"counts * {scaling.scale:g} {scaling.offset:+g} ({scaling.basis})"
    if reading.options.band_pass and knows_band_pass(platform):
        words += f", band-pass of {platform}"
    return GranuleLook(bands=layers, look_class=look_class, harmonisation=f"{granule.item_id}: {words}")


def _radar_look(granule: Granule, layers: dict[str, Layer], reading: Reading) -> GranuleLook:
    """Return linear gamma0. Zero and below is the filling of an image's corners, not backscatter."""
    unit = _unit(granule, reading)
    for layer in layers.values():
        unit.to_power(layer)
        layer[~(layer > 0.0)] = np.nan
    is_missing = np.isnan(layers["vv"])
    layers.setdefault("vh", np.full_like(layers["vv"], np.nan))[is_missing] = np.nan
    look_class = np.where(is_missing, LookClass.NOT_ACQUIRED, LookClass.CLEAR).astype(np.uint8)
    return GranuleLook(bands=layers, look_class=look_class, harmonisation=f"{granule.item_id}: {unit.words}")


def _patiently(granule: Granule, asset: str, reading: Reading, read: Callable[[Source], Read]) -> Read:
    """Read one file of a granule; over http, try again with growing pauses until the deadline."""
    wait, tries = _FIRST_WAIT_S, 0
    while True:
        tries += 1
        try:
            return read(_source(granule, asset, reading, is_again=tries > 1))
        except FileError as error:
            attempts = reading.setting.access.options.read_attempts
            is_last = tries >= attempts or time.monotonic() + wait > reading.deadline
            if is_last or not error.is_passing:
                raise SceneReadError(f"unreadable: {error.fault}: {asset}", where=granule.item_id) from error
        time.sleep(wait)
        wait *= 2.0


def _source(granule: Granule, asset: str, reading: Reading, *, is_again: bool) -> Source:
    """Return one file of a granule, signed if need be; after a failure with a new token."""
    signed = sign_item(granule.item, granule.provider, reading.setting.access, renew=is_again)
    description: Mapping[str, Any] = signed["assets"][asset]
    nodata = description["raster:bands"][0].get("nodata")
    is_class = asset == _CLASSES
    if not isinstance(nodata, int | float):
        nodata = 1 if is_class and reading.sensor is Sensor.LANDSAT else 0
    return Source(
        href=description["href"],
        name=granule.item["assets"][asset]["href"],
        nodata=float(nodata),
        bbox_4326=granule.item.get("bbox"),
        checksum=str(description.get("file:checksum") or ""),
        is_class=is_class,
        is_again=is_again,
    )


def _scaling(granule: Granule, reading: Reading) -> Scaling:
    """Return how a granule's counts become reflectance."""
    band = granule.item["assets"]["blue"]["raster:bands"][0]
    if reading.sensor is Sensor.LANDSAT:
        return landsat_scaling(band)

    options, href = reading.options, granule.item["assets"]["blue"]["href"]

    def ask() -> Counts:
        key = (href, options.dark_dn, options.dark_frac)
        if key not in _counts_told:
            samples = _samples(granule, _DARK_BANDS, reading)
            _counts_told[key] = judge_counts(samples, options.dark_dn, options.dark_frac)
        return _counts_told[key]

    try:
        return sentinel2_scaling(granule.processing_baseline, granule.item["properties"], band, ask)
    except OffsetError as error:
        raise SceneReadError(str(error), where=granule.item_id) from error


def _unit(granule: Granule, reading: Reading) -> RadarUnit:
    """Return what a granule's backscatter is stored as."""
    assets = granule.item["assets"]
    stated, href = str(assets["vv"]["raster:bands"][0].get("unit") or ""), assets["vv"]["href"]
    bands = [band for band in ("vv", "vh") if band in assets]
    try:
        if stated or href not in _units_told:
            unit = radar_unit(stated, lambda: _samples(granule, bands, reading))
            return unit if stated else _units_told.setdefault(href, unit)
    except UnitError as error:
        raise SceneReadError(f"units-ambiguous: {error}", where=granule.item_id) from error
    return _units_told[href]


def _samples(granule: Granule, bands: Sequence[str], reading: Reading) -> list[NDArray[np.float32]]:
    """Return thin samples (1-D) of whole files of a granule."""

    def sample(source: Source) -> Layer:
        return sample_counts(source, reading.setting)

    return [_patiently(granule, band, reading, sample) for band in bands]
