"""Real series as clear looks: pixels and small tiles of Landsat, Sentinel-2 and Sentinel-1 with known or no events.

The folders are named as in docs/benchmarks/real-series.md, which gives their origin and licence. Nothing of them comes
with kpgeo. Every reader takes the folder that holds them and goes through `features.clear_looks`, as any scene does;
cloud margins are off for pixels that are no neighbours.
"""

import datetime as dt
import io
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import xarray as xr
from numpy.typing import NDArray

from kpgeo.detect import HistoryStack, Look, TileContext, split_looks
from kpgeo.features import clear_looks
from kpgeo.model.calendar import dekad_of, dekad_start
from kpgeo.model.scene import LookClass, Sensor
from kpgeo.options.features import FeatureOptions

S1_WINDOWS = ("T137-292319-IW2", "T137-292321-IW2", "T137-292322-IW2", "T137-292325-IW1")
_EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
_EPOCH_1990 = dt.date(1990, 1, 1).toordinal() - _EPOCH_ORDINAL
_FMASK = {0: LookClass.CLEAR, 1: LookClass.WATER, 2: LookClass.SHADOW, 3: LookClass.SNOW, 4: LookClass.CLOUD}
_S1_NAME = re.compile(r"_(\d{8})T\d{6}Z_\d{8}T\d{6}Z_S1([AB])_.*_(VV|VH)\.tif$")
_STACK_NAME = re.compile(r"L[TE][457]\d{6}(\d{7})\w+_stack\.gtif$")
_BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
_DORMANT = (11, 12, 1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class RealSet:
    """Clear looks of one place.

    Attributes
    ----------
    cubes : dict of Sensor to xarray.Dataset (time, y, x)
        As `features.clear_looks` returns them; several to a sensor are kept apart by the key's text.
    history_from, monitored_from : datetime.date
        Looks between the two are history; those before are left out, as an operator would leave them out.
    px_area_ha : float
        Ground area of one pixel of this set.
    burn_months, dry_months : tuple of int
        The place's seasons, as an operator would write them into an AOI (B-M). Of a place without a dry season, the
        months in which leaves and crops are off.
    known : dict of str to datetime.date
        Events somebody else reports, by name.
    """

    name: str
    title: str
    cubes: dict[Sensor, xr.Dataset]
    monitored_from: dt.date
    px_area_ha: float
    history_from: dt.date = dt.date(1984, 1, 1)
    burn_months: tuple[int, ...] = ()
    dry_months: tuple[int, ...] = _DORMANT
    known: dict[str, dt.date] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Return height and width of the tile."""
        cube = next(iter(self.cubes.values()))
        return cube.sizes["y"], cube.sizes["x"]

    @property
    def first_dekad(self) -> int:
        """Return the dekad monitoring begins with."""
        return dekad_of(self.monitored_from.toordinal() - _EPOCH_ORDINAL)

    @property
    def history_from_day(self) -> int:
        """Return the day the history begins."""
        return self.history_from.toordinal() - _EPOCH_ORDINAL

    def between(self, begin_day: int, end_day: int) -> dict[Sensor, xr.Dataset]:
        """Return the clear looks from a day up to another."""
        begin, end = np.datetime64(begin_day, "D"), np.datetime64(end_day, "D")
        times = {sensor: cube["time"].to_numpy() for sensor, cube in self.cubes.items()}
        return {
            sensor: cube.isel(time=(times[sensor] >= begin) & (times[sensor] < end))
            for sensor, cube in self.cubes.items()
        }

    def history(self) -> HistoryStack:
        """Return the looks before monitoring begins."""
        stack = HistoryStack(shape=self.shape)
        for sensor, cube in self.between(self.history_from_day, dekad_start(self.first_dekad)).items():
            stack.add(cube, sensor)
        return stack

    def looks(self) -> list[Look]:
        """Return every look with a clear pixel since the history begins, in time order."""
        since = self.between(self.history_from_day, 100_000)
        found = [look for sensor, cube in since.items() for look in split_looks(cube, sensor)]
        return sorted((one for one in found if np.isfinite(one.pixels[0]).any()), key=lambda one: one.day)

    def context(self, *, in_stratum: bool = False) -> TileContext:
        """Return what the tile knows besides its looks."""
        return TileContext(
            in_stratum=np.full(self.shape, in_stratum), burn_months=self.burn_months, dry_months=self.dry_months
        )


def read_all(folder: Path) -> list[RealSet]:
    """Read every set the filter can run over."""
    return [
        read_fire(folder), read_beetles(folder), read_moths(folder), read_breaks(folder), read_crop(folder),
        read_new_england(folder), read_colorado(folder), read_belgian_fields(folder),
        *(read_radar_window(folder, window) for window in S1_WINDOWS),
    ]  # fmt: skip


def read_fire(folder: Path) -> RealSet:
    """Read a forest pixel in Sichuan that burnt in March 2024 (harmonised Landsat and Sentinel-2)."""
    table = _series_table(folder, "1_hls_sc.csv")
    cubes = {
        Sensor.SENTINEL2: _series_cube(table[table["sensor"] == 2]),
        Sensor.LANDSAT: _series_cube(table[table["sensor"] != 2]),
    }
    return RealSet(
        name="fire", title="Forest, Sichuan: fire of March 2024", cubes=cubes, monitored_from=dt.date(2021, 1, 1),
        px_area_ha=0.09, burn_months=(1, 2, 3, 4, 5), known={"fire": dt.date(2024, 3, 19)},
    )  # fmt: skip


def read_beetles(folder: Path) -> RealSet:
    """Read a conifer pixel in Colorado that bark beetles killed slowly from 2003 or so on (Landsat)."""
    cube = _series_cube(_series_table(folder, "2_mpb_co_landsat.csv"))
    return RealSet(
        name="beetles", title="Conifers, Colorado: bark beetles", cubes={Sensor.LANDSAT: cube},
        monitored_from=dt.date(2005, 1, 1), px_area_ha=0.09, burn_months=(6, 7, 8, 9),
        known={"outbreak peaks": dt.date(2007, 7, 1)},
    )  # fmt: skip


def read_moths(folder: Path) -> RealSet:
    """Read a deciduous pixel in Massachusetts that moths ate bare in the summers of 2016 and 2017 (Landsat)."""
    cube = _series_cube(_series_table(folder, "2_sm_ma_landsat.csv"))
    return RealSet(
        name="moths", title="Broadleaves, Massachusetts: spongy moth", cubes={Sensor.LANDSAT: cube},
        monitored_from=dt.date(2012, 1, 1), px_area_ha=0.09,
    )  # fmt: skip


def read_breaks(folder: Path) -> RealSet:
    """Read a pixel for which COLD's own tests expect a break in the summer of 2013 (Landsat)."""
    names = ["dates", *_BANDS[:4], "swir1", "swir2", "thermal", "qa", "sensor"]
    path = folder / "hls_landsat_pixel_series" / "spectral_336_3980_obs.csv"
    cube = _series_cube(pd.read_csv(path, header=None, names=names))
    return RealSet(
        name="break", title="Pixel 336/3980: break of 2013", cubes={Sensor.LANDSAT: cube},
        monitored_from=dt.date(2005, 1, 1), px_area_ha=0.09, known={"break": dt.date(2013, 6, 21)},
    )  # fmt: skip


def read_crop(folder: Path) -> RealSet:
    """Read a field in Henan under two crops a year (Sentinel-2, cloud flag of its QA60 band)."""
    table = pd.read_csv(folder / "hls_landsat_pixel_series" / "3_crop_sentinel2.csv")
    table = table.rename(
        columns={"B2": "blue", "B3": "green", "B4": "red", "B8": "nir", "B11": "swir1", "B12": "swir2"}
    )
    table["dates"] = [dt.datetime.strptime(t[:8], "%Y%m%d").toordinal() for t in table["Tile"]]  # noqa: DTZ007
    table["qa"] = np.where(table["QA60"] == 0, 0, 4)
    return RealSet(
        name="crop", title="Field, Henan: two crops a year", cubes={Sensor.SENTINEL2: _series_cube(table)},
        monitored_from=dt.date(2022, 1, 1), px_area_ha=0.01,
    )  # fmt: skip


def read_new_england(folder: Path) -> RealSet:
    """Read a row of 300 Landsat pixels of New England (path 13 row 30) with Fmask classes."""
    with np.load(folder / "landsat_yatsm_stack" / "p013r030_r50_n423_b8.npz") as stored:
        bands, dates = stored["Y"], stored["dates"]
    cube = _landsat_cube(bands[:, :, None, :], dates - _EPOCH_ORDINAL, margin_px=1)
    return RealSet(
        name="new-england", title="300 pixels in New England", cubes={Sensor.LANDSAT: cube},
        history_from=dt.date(1998, 1, 1), monitored_from=dt.date(2003, 1, 1), px_area_ha=0.09,
    )  # fmt: skip


def read_colorado(folder: Path) -> RealSet:
    """Read 5 × 5 Landsat pixels in the mountains of Colorado (path 35 row 32) with Fmask classes."""
    frames = []
    with tarfile.open(folder / "landsat_yatsm_stack" / "p035r032_testdata.tar.gz") as archive:
        for member in archive:
            match = _STACK_NAME.search(member.name)
            stream = archive.extractfile(member) if match else None
            if match is None or stream is None:
                continue
            day = dt.datetime.strptime(match[1], "%Y%j").toordinal() - _EPOCH_ORDINAL  # noqa: DTZ007
            with rasterio.MemoryFile(io.BytesIO(stream.read())) as memory, memory.open() as stack:
                frames.append((day, stack.read()))
    frames.sort(key=lambda frame: frame[0])
    bands = np.stack([frame for _, frame in frames], axis=1)
    cube = _landsat_cube(bands, np.array([day for day, _ in frames]), margin_px=0)
    return RealSet(
        name="colorado", title="25 pixels in Colorado", cubes={Sensor.LANDSAT: cube},
        history_from=dt.date(1999, 7, 1), monitored_from=dt.date(2004, 1, 1), px_area_ha=0.09,
    )  # fmt: skip


def read_belgian_fields(folder: Path) -> RealSet:
    """Read 351 pixels inside Belgian crop parcels (Sentinel-2, already screened, no blue band)."""
    path = folder / "s2_multiband_sparse_fields" / "s2.nc"
    stored = {"green": "B03", "red": "B04", "nir": "B08", "swir16": "B11", "swir22": "B12"}
    bands = {}
    for band, name in stored.items():
        values, days = _read_netcdf(path, name)
        bands[band] = np.where(values == 32767, np.nan, values * 1e-4)
    cube = _cube(bands, days)
    return RealSet(
        name="belgian-fields", title="351 pixels of Belgian fields", cubes={Sensor.SENTINEL2: cube},
        monitored_from=dt.date(2020, 9, 11), px_area_ha=0.01,
    )  # fmt: skip


def read_radar_window(folder: Path, window: str) -> RealSet:
    """Read a burst window on the Californian coast, 100 × 100 px of 30 m (Sentinel-1 RTC, one track)."""
    paths: dict[str, dict[str, Path]] = {}
    for path in sorted((folder / "s1_rtc_dist_s1" / window).glob("*.tif")):
        match = _S1_NAME.search(path.name)
        if match is not None:
            paths.setdefault(match[1], {})[match[3].lower()] = path
    days = np.array([np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}", "D").astype(int) for day in paths])
    bands = {band: np.stack([_read_layer(pair[band]) for pair in paths.values()]) for band in ("vv", "vh")}
    raw = _cube(bands, days).assign(look_class=(("time", "y", "x"), np.ones(bands["vv"].shape, np.uint8)))
    cube = clear_looks(raw, Sensor.SENTINEL1, FeatureOptions(multilook_px=1), 0)
    return RealSet(
        name=window, title=f"Radar window {window}", cubes={Sensor.SENTINEL1: cube},
        monitored_from=dt.date(2023, 10, 1), px_area_ha=0.09, dry_months=(5, 6, 7, 8, 9, 10),
    )  # fmt: skip


def _series_table(folder: Path, name: str) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_csv(folder / "hls_landsat_pixel_series" / name)
    return table


def _series_cube(table: pd.DataFrame) -> xr.Dataset:
    """Turn a table of one pixel (reflectance x 10,000, Fmask codes) into clear looks of a 1 × 1 tile."""
    table = table.sort_values("dates", kind="stable")
    stacked = np.stack([table[name].to_numpy() for name in (*_BANDS[:4], "swir1", "swir2", "qa")])
    days = table["dates"].to_numpy().astype(np.int64) - _EPOCH_ORDINAL
    return _optical_cube(stacked[:6, :, None, None], stacked[6, :, None, None], days, margin_px=0)


def _landsat_cube(bands: NDArray[np.int16], days: NDArray[np.int64], margin_px: int) -> xr.Dataset:
    """Turn stacks (band, time, y, x) of six reflectances, a thermal band and Fmask into clear looks."""
    return _optical_cube(bands[:6], bands[7], days, margin_px)


def _optical_cube(
    counts: NDArray[np.number], fmask: NDArray[np.number], days: NDArray[np.int64], margin_px: int
) -> xr.Dataset:
    classes = np.full(fmask.shape, LookClass.NOT_ACQUIRED, dtype=np.uint8)
    for code, look_class in _FMASK.items():
        classes[fmask == code] = look_class
    classes[(counts == -9999).any(axis=0)] = LookClass.NOT_ACQUIRED
    raw = _cube({band: values * 1e-4 for band, values in zip(_BANDS, counts, strict=True)}, days)
    raw = raw.assign(look_class=(("time", "y", "x"), classes))
    options = FeatureOptions(cloud_margin_px=margin_px, shadow_margin_px=margin_px)
    return clear_looks(raw, Sensor.LANDSAT, options, 0)


def _cube(bands: dict[str, NDArray[np.floating]], days: NDArray[np.int64] | Sequence[int]) -> xr.Dataset:
    times = np.asarray(days, dtype="datetime64[D]").astype("datetime64[ns]")
    names = [f"{day}-{i:03d}" for i, day in enumerate(times.astype("datetime64[D]").astype(str))]
    layers = {band: (("time", "y", "x"), values.astype(np.float32)) for band, values in bands.items()}
    return xr.Dataset(layers, coords={"time": times, "scene_id": ("time", names)})


def _read_netcdf(path: Path, name: str) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """Read a variable (time, y, x) and its days through GDAL, which is what is there to read HDF5 with."""
    with rasterio.open(f"netcdf:{path}:{name}") as dataset:
        since_1990 = dataset.tags()["NETCDF_DIM_t_VALUES"].strip("{}").split(",")
        return dataset.read().astype(np.float64), np.array(since_1990, dtype=np.int64) + _EPOCH_1990


def _read_layer(path: Path) -> NDArray[np.float32]:
    with rasterio.open(path) as dataset:
        layer: NDArray[np.float32] = dataset.read(1).astype(np.float32)
        return layer
