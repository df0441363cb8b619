"""TIFFs of every make, and TIFFs that lie."""

import struct
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from kpgeo.ingest.frames import Frame
from kpgeo.ingest.opening import Setting, Source
from kpgeo.ingest.raster import read_window
from kpgeo.options.ingest import IngestOptions
from kpgeo.wire import Access

LEFT, TOP, SYSTEM = 500_000.0, 900_000.0, "EPSG:32629"
SETTING = Setting(access=Access(), options=IngestOptions())


def write_tiff(path: Path, values: np.ndarray, *, step=10.0, left=LEFT, top=TOP, nodata=0, **profile) -> Path:
    """Write (band, y, x) or (y, x) as a GeoTIFF."""
    values = values if values.ndim == 3 else values[None]
    with rasterio.open(
        path, "w", driver=profile.pop("driver", "GTiff"), width=values.shape[2], height=values.shape[1],
        count=values.shape[0], dtype=values.dtype, crs=profile.pop("crs", SYSTEM),
        transform=Affine(step, 0.0, left, 0.0, -step, top), nodata=nodata, **profile,
    ) as dataset:  # fmt: skip
        dataset.write(values)
    return path


def frame(height: int, width: int, *, step=10.0, left=LEFT, top=TOP, system=SYSTEM) -> Frame:
    return Frame(system=system, left=left, top=top, step_x=step, step_y=step, height=height, width=width)


def source(path: Path, **more) -> Source:
    return Source(**({"href": str(path), "name": str(path), "nodata": 0.0, "bbox_4326": None} | more))


def read(path: Path, target: Frame, setting: Setting = SETTING, **more) -> np.ndarray:
    return read_window(source(path, **more), target, setting)


def by_gdal(path: Path, target: Frame, nodata: float = 0.0) -> np.ndarray:
    """Return the window as rasterio reads it, pixel for pixel, NaN beyond the file and where it has no data."""
    out = np.full((target.height, target.width), np.nan, dtype=np.float32)
    with rasterio.open(path) as dataset:
        top = round((dataset.transform.f - target.top) / target.step_y)
        left = round((target.left - dataset.transform.c) / target.step_x)
        rows = slice(max(top, 0), min(top + target.height, dataset.height))
        cols = slice(max(left, 0), min(left + target.width, dataset.width))
        if rows.start < rows.stop and cols.start < cols.stop:
            counts = dataset.read(1, window=((rows.start, rows.stop), (cols.start, cols.stop)))
            nodata = dataset.nodata if dataset.nodata is not None else nodata
            here = np.where(counts == nodata, np.nan, counts)
            out[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left] = here
    return out


class Forged:
    """A TIFF whose directory is written by hand: little-endian, classic."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = bytearray(path.read_bytes())
        self.first = struct.unpack_from("<I", self.content, 4)[0]

    def entry(self, tag: int) -> int:
        """Return the offset of a tag's entry in the first directory."""
        (count,) = struct.unpack_from("<H", self.content, self.first)
        for number in range(count):
            begin = self.first + 2 + 12 * number
            if struct.unpack_from("<H", self.content, begin)[0] == tag:
                return begin
        raise KeyError(tag)

    def put(self, tag: int, value: int) -> "Forged":
        """Overwrite the one value of a tag."""
        struct.pack_into("<HII", self.content, self.entry(tag) + 2, 4, 1, value)
        return self

    def put_in_array(self, tag: int, number: int, value: int) -> "Forged":
        """Overwrite one of the values of a tag that has several."""
        begin = self.entry(tag)
        kind, count, place = struct.unpack_from("<HII", self.content, begin + 2)
        size = 2 if kind == 3 else 4
        place = begin + 8 if count * size <= 4 else place
        struct.pack_into("<H" if kind == 3 else "<I", self.content, place + size * number, value)
        return self

    def loop(self) -> "Forged":
        """Let the directory be followed by itself."""
        (count,) = struct.unpack_from("<H", self.content, self.first)
        struct.pack_into("<I", self.content, self.first + 2 + 12 * count, self.first)
        return self

    def save(self) -> Path:
        self.path.write_bytes(self.content)
        return self.path
