"""What is timed: kpgeo and its peers on the same cube. Every side returns the CPU seconds its own work took."""

import datetime as dt
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from rasterio.transform import from_origin

from benchmarks.speed_cube import TimingCube, int16_index
from kpgeo import detect
from kpgeo.detect import filter as detect_filter
from kpgeo.kernels.season import FitRule, fit_season, harmonic_basis
from kpgeo.model.calendar import date_of, dekad_of
from kpgeo.model.scene import OPTICAL_BANDS, Sensor
from kpgeo.model.state import FILTER_BANDS, TileBaseline, TileState
from kpgeo.options.detect import DetectOptions

N_COEFS = 5
_KERNEL_ROOMS = ("kpgeo.kernels.",)


def seconds_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this process that a piece of work takes."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


@dataclass(kw_only=True)
class Belief:
    """kpgeo over a cube, by the doors of detect alone."""

    cube: TimingCube
    options: DetectOptions = field(default_factory=DetectOptions)
    history: detect.HistoryStack | None = None
    baseline: TileBaseline | None = None
    state: TileState | None = None

    @property
    def context(self) -> detect.TileContext:
        """Nothing is known of the land."""
        return detect.TileContext(in_stratum=np.zeros(self.cube.shape, dtype=bool))

    @property
    def first_dekad(self) -> int:
        """First monitored dekad."""
        return dekad_of(self.cube.monitor_day)

    def read_history(self, *, optical: bool = True, radar: bool = True) -> detect.HistoryStack:
        """Return the looks before monitoring."""
        history = detect.HistoryStack(shape=self.cube.shape)
        for row in range(self.cube.n_history if optical else 0):
            history.add(self.cube.optical_looks([row]), Sensor.SENTINEL2)
        for row in np.flatnonzero(self.cube.radar_days < self.cube.monitor_day) if radar else ():
            history.add(self.cube.radar_looks([row]), Sensor.SENTINEL1)
        return history

    def fit(self, history: detect.HistoryStack) -> float:
        """Fit the baseline."""
        return seconds_of(lambda: setattr(self, "baseline", detect.fit_baseline(history, self.options)))

    def start(self) -> float:
        """Find the first belief: the filter over the last year of the history."""
        assert self.baseline is not None
        assert self.history is not None
        parts = (self.baseline, self.history, self.context, self.first_dekad, self.options)
        return seconds_of(lambda: setattr(self, "state", detect.start_state(*parts)))

    def fold(self, *, optical: bool, radar: bool, dekads: int | None = None) -> tuple[float, int]:
        """Fold monitored looks in; return seconds, and how many looks there were."""
        assert self.state is not None
        assert self.baseline is not None
        state, spent, n_looks = self.state, 0.0, 0
        last = int(max(self.cube.days[-1], self.cube.radar_days[-1]))
        stop = dekad_of(last) + 1 if dekads is None else self.first_dekad + dekads
        for dekad in range(self.first_dekad, stop):
            looks = self._looks(dekad, optical=optical, radar=radar)
            if not looks:
                continue
            n_looks += len(looks)
            begin = time.process_time()
            state = detect.fold_dekad(state, self.baseline, looks, dekad, self.context, self.options)
            spent += time.process_time() - begin
        return spent, n_looks

    def _looks(self, dekad: int, *, optical: bool, radar: bool) -> list[detect.Look]:
        """Return the looks of a dekad in time order, those of the history's last days left out."""
        found: list[detect.Look] = []
        for is_wanted, days, read, sensor in (
            (optical, self.cube.days, self.cube.optical_looks, Sensor.SENTINEL2),
            (radar, self.cube.radar_days, self.cube.radar_looks, Sensor.SENTINEL1),
        ):
            rows = [i for i, day in enumerate(days) if dekad_of(int(day)) == dekad and day >= self.cube.monitor_day]
            found += detect.split_looks(read(rows), sensor) if is_wanted and rows else []
        return sorted(found, key=lambda look: look.day)


@contextmanager
def kernel_clock() -> Iterator[list[float]]:
    """Count the CPU seconds spent in compiled kernels that the filter calls; the list's sum is the answer."""
    spent: list[float] = []
    kept: dict[str, Any] = {}
    for name, value in list(vars(detect_filter).items()):
        room = getattr(getattr(value, "py_func", None), "__module__", "")
        if room.startswith(_KERNEL_ROOMS):
            kept[name] = value
            setattr(detect_filter, name, _timed(value, spent))
    try:
        yield spent
    finally:
        for name, value in kept.items():
            setattr(detect_filter, name, value)


def _timed(kernel: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def timed(*args: Any) -> Any:
        begin = time.process_time()
        found = kernel(*args)
        spent.append(time.process_time() - begin)
        return found

    return timed


def fit_one_index(cube: TimingCube, size_px: int) -> Callable[[], float]:
    """Return kpgeo's fit of one index alone, on the pixels that nrt is given."""
    index = int16_index(cube.ndvi(slice(0, cube.n_history), size_px))
    return _fit_alone(index, harmonic_basis(cube.days[: cube.n_history], N_COEFS), 1e-4, 0.01)


def fit_radar_alone(cube: TimingCube) -> Callable[[], float]:
    """Return kpgeo's fit of radar looks as they lie, without levelling."""
    looks = np.ascontiguousarray(cube.radar.reshape(*cube.radar.shape[:2], -1))
    return _fit_alone(looks, harmonic_basis(cube.radar_days, 3), 0.01, 0.7)


def _fit_alone(looks: Any, basis: Any, step: float, floor: float) -> Callable[[], float]:
    rule = FitRule(step=step, floor=floor, bisquare_c=4.685, reweights=5, min_looks=3 * basis.shape[1])
    return lambda: seconds_of(lambda: fit_season(looks, basis, rule))


def nrt_fit(cube: TimingCube, size_px: int, method: str, **named: object) -> Callable[[], float]:
    """Return one of nrt's fits of one index, five coefficients as kpgeo's."""
    from nrt.monitor.iqr import IQR  # noqa: PLC0415 (peers are an extra)

    values = _nrt_array(cube, slice(0, cube.n_history), size_px)

    def fit() -> float:
        model = IQR(trend=False, harmonic_order=2)
        regressors = model.build_design_matrix(values, trend=False, harmonic_order=2)
        return seconds_of(lambda: model._fit(regressors, dataarray=values, method=method, **named))  # noqa: SLF001

    return fit


def nrt_monitors(cube: TimingCube, n_dates: int) -> dict[str, Callable[[], float]]:
    """Return nrt's five monitors, fitted to the end of the history; each takes `n_dates` looks of one index."""
    from nrt.monitor.ccdc import CCDC  # noqa: PLC0415
    from nrt.monitor.cusum import CuSum  # noqa: PLC0415
    from nrt.monitor.ewma import EWMA  # noqa: PLC0415
    from nrt.monitor.iqr import IQR  # noqa: PLC0415
    from nrt.monitor.mosum import MoSum  # noqa: PLC0415

    history = _nrt_array(cube, slice(cube.n_history - 60, cube.n_history), None)
    looks = cube.ndvi(slice(cube.n_history, cube.n_history + n_dates)).astype(np.float64)
    dates = [dt.datetime.combine(date_of(int(day)), dt.time()) for day in cube.days[cube.n_history :][:n_dates]]
    sides: dict[str, Callable[[], float]] = {}
    for kind in (EWMA, CuSum, MoSum, IQR, CCDC):
        model = kind(trend=False, harmonic_order=2)
        extra = {"screen_outliers": None} if kind in {CCDC, EWMA} else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(history, method="OLS", **extra)
        sides[f"nrt {kind.__name__}"] = _monitoring(model, looks, dates)
    return sides


def _monitoring(model: Any, looks: Any, dates: Sequence[dt.datetime]) -> Callable[[], float]:
    def monitor() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return sum(
                seconds_of(lambda look=look, date=date: model.monitor(look, date))  # type: ignore[misc]
                for look, date in zip(looks, dates, strict=True)
            )

    return monitor


def _nrt_array(cube: TimingCube, rows: slice, size_px: int | None) -> xr.DataArray:
    values = cube.ndvi(rows, size_px)
    times = cube.days[rows].astype("datetime64[D]").astype("datetime64[ns]")
    edges = np.arange(values.shape[1], dtype=float)
    return xr.DataArray(values, dims=("time", "y", "x"), coords={"time": times, "y": edges, "x": edges})


@dataclass(kw_only=True)
class PerPixel:
    """COLD and S-CCD, which take one pixel at a time and six bands."""

    cube: TimingCube
    n_px: int

    def series(self, rows: slice) -> list[tuple[Any, ...]]:
        """Return (dates, six bands, quality) of pixels along the tile's diagonal; the bands are COLD's order."""
        edge = self.cube.shape[0]
        picks = np.linspace(0, edge - 1, self.n_px).astype(int)
        dates = np.ascontiguousarray(self.cube.days[rows] + 719_163, dtype=np.int64)
        return [
            (
                dates,
                *(np.ascontiguousarray(self.cube.optical[rows, band, p, p], dtype=np.int64) for band in range(6)),
                np.where(self.cube.is_clear[rows, p, p], 0, 4).astype(np.int64),
            )
            for p in picks
        ]

    def cold(self) -> float:
        """All looks by COLD."""
        from pyxccd import cold_detect  # noqa: PLC0415

        def detect_one(dates: Any, *rest: Any) -> None:
            *bands, quality = rest
            cold_detect(dates, *bands, np.zeros_like(dates), quality, b_c2=True)

        pixels = self.series(slice(None))
        return seconds_of(lambda: [detect_one(*one) for one in pixels])

    def sccd(self, rows: slice = slice(None)) -> tuple[float, list[Any]]:
        """Return the seconds S-CCD takes, and what it answers."""
        from pyxccd import sccd_detect  # noqa: PLC0415

        pixels = self.series(rows)
        answers: list[Any] = []
        spent = seconds_of(lambda: answers.extend(sccd_detect(*one) for one in pixels))
        return spent, answers

    def sccd_updates(self, packs: Sequence[Any], n_dates: int) -> float:
        """Return the seconds of `n_dates` updates of every pixel by one look each."""
        from pyxccd import sccd_update  # noqa: PLC0415

        begin = self.cube.n_history
        pixels = self.series(slice(begin, begin + n_dates))

        def update() -> None:
            for pack, one in zip(packs, pixels, strict=True):
                now = pack
                for k in range(n_dates):
                    now = sccd_update(now, *(part[k : k + 1] for part in one))

        return seconds_of(update)


def decoding(cube: TimingCube, rows: Sequence[int], compress: str, folder: Path) -> Callable[[], float]:
    """Write the filter's bands of some looks as tiled GeoTIFFs, a band a file; return how they are read whole."""
    height, width = cube.shape
    profile = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": 1,
        "dtype": "uint16",
        "crs": "EPSG:32629",
        "transform": from_origin(700_000, 900_000, 10, 10),
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": compress,
        "predictor": 2,
    }
    paths = []
    for row in rows:
        for band in FILTER_BANDS:
            path = Path(tempfile.mkstemp(suffix=".tif", dir=folder)[1])
            with rasterio.open(path, "w", **profile) as target:
                target.write(cube.optical[row, OPTICAL_BANDS.index(band)].astype(np.uint16), 1)
            paths.append(path)

    def read() -> None:
        for path in paths:
            with rasterio.open(path) as source:
                source.read(1)

    return lambda: seconds_of(read)
