"""One window of one file, read onto the grid.

Files come from outside. They are opened as GeoTIFF or JPEG 2000 and as nothing else, and are looked over before any
pixel is read: a coordinate system, a place that agrees with the item's, a size that is believable.
"""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.converters import rio_geobox
from odc.geo.geobox import GeoBox
from odc.geo.overlap import ReprojectInfo, compute_reproject_roi
from odc.geo.roi import roi_is_empty
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from kpgeo.options.ingest import IngestOptions

_FINER = 0.6
_COARSER = 1.5
# GDAL interpolates positions along a row to within this error; its default of 0.125 would make a pixel depend on where
# the window it is read with begins.
_TOLERANCE_PX = 1e-6
_SECRET = re.compile(r"(\?|&)(?:[^\s'\"<>]*)(?:sig|signature|token)=[^\s'\"<>]*", re.IGNORECASE)
# CPLE_BaseError is what escapes from rasterio unwrapped.
_FAULTS = (RasterioError, CPLE_BaseError, OSError, ValueError, MemoryError)

Fault = Literal["open-failed", "read-failed", "no-crs", "too-large", "georeference-contradiction"]


class FileError(Exception):
    """A file that cannot be read. `fault` says why, in machine words; `is_passing` whether trying again may help."""

    def __init__(self, fault: Fault, *, is_passing: bool = False) -> None:
        super().__init__(fault)
        self.fault = fault
        self.is_passing = is_passing


class _NoTokens(logging.Filter):
    """Keeps read tokens, which are part of a signed URL, out of what rasterio logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if _SECRET.search(text):
            record.msg, record.args = _SECRET.sub(r"\1...", text), ()
        return True


for _name in ("rasterio._env", "rasterio._io", "rasterio._base", "rasterio._err", "rasterio._warp"):
    logging.getLogger(_name).addFilter(_NoTokens())


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file and what its item says of it.

    Attributes
    ----------
    href : str
        Path or URL, signed where it needs to be.
    nodata : float or None
        Value that means "not acquired", where the file itself names none.
    bbox_4326 : sequence of float, or None
        West, south, east, north of the item.
    is_class : bool
        A layer of classes or bits, never interpolated.
    is_again : bool
        Reading it failed before.
    """

    href: str
    nodata: float | None
    bbox_4326: Sequence[float] | None
    is_class: bool = False
    is_again: bool = False

    @property
    def is_remote(self) -> bool:
        """Say whether the file is read over http."""
        return self.href.startswith(("http://", "https://"))


def read_window(source: Source, geobox: GeoBox, options: IngestOptions) -> NDArray[np.float32]:
    """Read a file onto a grid.

    The result does not depend on how the grid is cut into windows.

    Returns
    -------
    array of float32, (y, x)
        The stored numbers, unscaled; NaN where the file has no data or does not reach.

    Raises
    ------
    FileError
        The file cannot be opened or read, or is refused.
    """
    with _environment(source, options), _opened(source) as dataset:
        _check(dataset, source, options)
        try:
            overlap = compute_reproject_roi(rio_geobox(dataset), geobox, ttol=1e-3)
            if roi_is_empty(overlap.roi_dst) or roi_is_empty(overlap.roi_src):
                return np.full(geobox.shape, np.nan, dtype=np.float32)
            return _read(dataset, source, geobox, overlap, options)
        except _FAULTS as error:
            raise FileError("read-failed", is_passing=source.is_remote) from error


def sample_counts(source: Source, options: IngestOptions, edge_px: int = 256) -> NDArray[np.float32]:
    """Return a thin sample of a whole file's valid numbers (1-D, at most `edge_px`²), from its overviews if it has any.

    Raises
    ------
    FileError
        As `read_window`.
    """
    with _environment(source, options), _opened(source) as dataset:
        _check(dataset, source, options)
        shape = (min(edge_px, dataset.height), min(edge_px, dataset.width))
        try:
            counts = dataset.read(1, out_shape=shape, resampling=Resampling.nearest).astype(np.float32)
        except _FAULTS as error:
            raise FileError("read-failed", is_passing=source.is_remote) from error
        nodata = _nodata(dataset, source)
        valid: NDArray[np.float32] = counts[np.isfinite(counts) & (counts != nodata)]
        return valid


def _environment(source: Source, options: IngestOptions) -> rasterio.Env:
    """Return GDAL settings for one file. What GDAL remembers of one that failed before is dropped."""
    settings = {"GDAL_HTTP_TIMEOUT": str(options.http_timeout_s)}
    if source.is_remote and source.is_again:
        settings["CPL_VSIL_CURL_NON_CACHED"] = f"/vsicurl/{source.href}"
    return rasterio.Env(**settings)


def _opened(source: Source) -> rasterio.DatasetReader:
    path = urlsplit(source.href).path if source.is_remote else source.href
    driver = "JP2OpenJPEG" if path.lower().endswith(".jp2") else "GTiff"
    try:
        return rasterio.open(f"/vsicurl/{source.href}" if source.is_remote else source.href, driver=driver)
    except _FAULTS as error:
        raise FileError("open-failed", is_passing=source.is_remote) from error


def _check(dataset: rasterio.DatasetReader, source: Source, options: IngestOptions) -> None:
    """Refuse a file without a place on Earth, at another place than its item says, or of unbelievable size."""
    if dataset.crs is None or dataset.transform.is_identity:
        raise FileError("no-crs")
    rows, cols = dataset.block_shapes[0]
    block_bytes = rows * cols * np.dtype(dataset.dtypes[0]).itemsize
    if dataset.width * dataset.height > options.max_file_pixels or block_bytes > options.max_block_mb * 1_000_000:
        raise FileError("too-large")
    if source.bbox_4326 is not None:
        try:
            bounds = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
        except _FAULTS as error:
            raise FileError("georeference-contradiction") from error
        if not _agree(bounds, source.bbox_4326):
            raise FileError("georeference-contradiction")


def _agree(one: Sequence[float], other: Sequence[float]) -> bool:
    """Say whether two boxes overlap by at least half of the smaller one."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width > 0 and height > 0 and width * height >= 0.5 * smaller


def _nodata(dataset: rasterio.DatasetReader, source: Source) -> float:
    given = dataset.nodata if dataset.nodata is not None else source.nodata
    return math.nan if given is None else float(given)


def _read(
    dataset: rasterio.DatasetReader,
    source: Source,
    geobox: GeoBox,
    overlap: ReprojectInfo,
    options: IngestOptions,
) -> NDArray[np.float32]:
    """Read by copying where the pixels of file and grid are the same, by warping elsewhere."""
    out = np.full(geobox.shape, np.nan, dtype=np.float32)
    nodata = _nodata(dataset, source)
    if overlap.paste_ok and overlap.read_shrink == 1:
        counts = dataset.read(1, window=Window.from_slices(*overlap.roi_src))
        rows, cols = overlap.roi_dst
        out[rows.start : rows.stop, cols.start : cols.stop] = np.where(counts == nodata, np.nan, counts)
        return out
    with WarpedVRT(
        dataset,
        crs=str(geobox.crs),
        transform=geobox.transform,
        height=geobox.shape[0],
        width=geobox.shape[1],
        resampling=_resampling(dataset, source, geobox, options),
        src_nodata=nodata,
        nodata=math.nan,
        dtype="float32",
        tolerance=_TOLERANCE_PX,
    ) as warped:
        warped.read(1, out=out)
    return out


def _resampling(dataset: rasterio.DatasetReader, source: Source, geobox: GeoBox, options: IngestOptions) -> Resampling:
    """Return the resampling by how the file's pixels compare with the grid's; both are in metres."""
    ratio = abs(dataset.transform.a) / abs(geobox.transform.a)
    if source.is_class:
        return Resampling.nearest
    if ratio > _COARSER:
        return Resampling[options.resampling_coarser]
    return Resampling[options.resampling_finer if ratio < _FINER else options.resampling_same]
