"""One granule, read onto the grid: its bands in physical units and its look classes."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from kpgeo.ingest.harmonise import OffsetError, Scaling, landsat_scaling, sentinel2_scaling
from kpgeo.ingest.quality import classes_of_qa_pixel, classes_of_scl
from kpgeo.ingest.raster import FileError, Source, read_window, sample_counts
from kpgeo.ingest.tokens import sign_item
from kpgeo.model.errors import SceneReadError
from kpgeo.model.scene import Granule, LookClass, Sensor
from kpgeo.options.ingest import IngestOptions

_CLASSES = "look_class"
_DARK_BANDS = ("blue", "swir22")
_MIN_SAMPLE = 50
_FIRST_WAIT_S = 0.5

Layer = NDArray[np.float32]
Read = TypeVar("Read")

# Share of dark counts by the files it was taken from, so that every tile of a granule decides alike and asks once.
_dark_fracs: dict[tuple[str, ...], float] = {}


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
    geobox: GeoBox
    options: IngestOptions
    pool: Executor
    deadline: float


def read_granule(granule: Granule, reading: Reading) -> GranuleLook:
    """Read one granule.

    Raises
    ------
    SceneReadError
        A file cannot be read within the attempts allowed, or it is not certain what its numbers mean.
    """

    def read(source: Source) -> Layer:
        return read_window(source, reading.geobox, reading.options)

    jobs = {name: reading.pool.submit(_patiently, granule, name, reading, read) for name in granule.item["assets"]}
    try:
        layers = {name: job.result() for name, job in jobs.items()}
    finally:
        for job in jobs.values():
            job.cancel()
    return _radar_look(granule, layers) if reading.sensor.is_radar else _optical_look(granule, layers, reading)


def _optical_look(granule: Granule, layers: dict[str, Layer], reading: Reading) -> GranuleLook:
    """Scale counts to reflectance; a pixel that lacks a band was not acquired."""
    scaling = _scaling(granule, reading)
    is_sentinel2 = reading.sensor is Sensor.SENTINEL2
    look_class = (classes_of_scl if is_sentinel2 else classes_of_qa_pixel)(layers.pop(_CLASSES))
    for layer in layers.values():
        look_class[np.isnan(layer)] = LookClass.NOT_ACQUIRED
    is_missing = look_class == LookClass.NOT_ACQUIRED
    for layer in layers.values():
        np.multiply(layer, np.float32(scaling.scale), out=layer)
        np.add(layer, np.float32(scaling.offset), out=layer)
        layer[is_missing] = np.nan
    words = f"counts * {scaling.scale:g} {scaling.offset:+g} ({scaling.basis})"
    return GranuleLook(bands=layers, look_class=look_class, harmonisation=f"{granule.item_id}: {words}")


def _radar_look(granule: Granule, layers: dict[str, Layer]) -> GranuleLook:
    """Return linear gamma0. Zero and below is the filling of an image's corners, not backscatter."""
    unit = str(granule.item["assets"]["vv"]["raster:bands"][0].get("unit", "")).lower()
    words = "linear gamma0 as stored"
    for name, layer in layers.items():
        if unit == "db":
            np.power(np.float32(10.0), layer / np.float32(10.0), out=layer)
            words = "gamma0 from dB"
        elif np.mean(layer[np.isfinite(layer)] < 0.0, dtype=np.float64) > 0.5 if np.isfinite(layer).any() else False:
            raise SceneReadError(f"units-ambiguous: {name}", where=granule.item_id)
        layer[~(layer > 0.0)] = np.nan
    is_missing = np.isnan(layers["vv"])
    layers.setdefault("vh", np.full_like(layers["vv"], np.nan))[is_missing] = np.nan
    look_class = np.where(is_missing, LookClass.NOT_ACQUIRED, LookClass.CLEAR).astype(np.uint8)
    return GranuleLook(bands=layers, look_class=look_class, harmonisation=f"{granule.item_id}: {words}")


def _patiently(granule: Granule, asset: str, reading: Reading, read: Callable[[Source], Read]) -> Read:
    """Read one file of a granule; over http, try again with growing pauses until the deadline."""
    wait, tries = _FIRST_WAIT_S, 0
    while True:
        tries += 1
        try:
            return read(_source(granule, asset, reading, is_again=tries > 1))
        except FileError as error:
            is_last = tries >= reading.options.read_attempts or time.monotonic() + wait > reading.deadline
            if is_last or not error.is_passing:
                raise SceneReadError(f"unreadable: {error.fault}: {asset}", where=granule.item_id) from error
        time.sleep(wait)
        wait *= 2.0


def _source(granule: Granule, asset: str, reading: Reading, *, is_again: bool) -> Source:
    """Return one file of a granule, signed if need be; after a failure with a new token."""
    signed = sign_item(granule.item, granule.provider, reading.options, renew=is_again)
    description: Mapping[str, Any] = signed["assets"][asset]
    nodata = description["raster:bands"][0].get("nodata")
    is_class = asset == _CLASSES
    if not isinstance(nodata, int | float):
        nodata = 1 if is_class and reading.sensor is Sensor.LANDSAT else 0
    return Source(
        href=description["href"],
        nodata=float(nodata),
        bbox_4326=granule.item.get("bbox"),
        is_class=is_class,
        is_again=is_again,
    )


def _scaling(granule: Granule, reading: Reading) -> Scaling:
    """Return how a granule's counts become reflectance."""
    band = granule.item["assets"]["blue"]["raster:bands"][0]
    if reading.sensor is Sensor.LANDSAT:
        return landsat_scaling(band)

    def is_dark() -> bool:
        return _dark_frac(granule, reading) >= reading.options.dark_frac

    try:
        return sentinel2_scaling(granule.processing_baseline, granule.item["properties"], band, is_dark)
    except OffsetError as error:
        raise SceneReadError(f"offset-ambiguous: {error}", where=granule.item_id) from error


def _dark_frac(granule: Granule, reading: Reading) -> float:
    """Return the share of a whole granule's counts that are too low to carry the offset; 0 where there are too few."""
    files = tuple(granule.item["assets"][band]["href"] for band in _DARK_BANDS)

    def sample(source: Source) -> Layer:
        return sample_counts(source, reading.options)

    if files not in _dark_fracs:
        fracs = [0.0]
        for band in _DARK_BANDS:
            counts = _patiently(granule, band, reading, sample)
            if counts.size >= _MIN_SAMPLE:
                fracs.append(float(np.mean(counts < reading.options.dark_dn)))
        _dark_fracs[files] = max(fracs)
    return _dark_fracs[files]
