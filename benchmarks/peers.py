"""The published detectors on the same looks: nrt's five monitors, COLD and S-CCD.

Each is given every chance: a grid of thresholds of which the best is picked on the very worlds that are scored, fits
with and without robust weights, several indices, alarms of the wrong sign struck out where the method knows a sign
(and, in nrt, the pixel set free again, which nrt itself would not do). Pixels are a subset: those that became mined and
a random sample of never-mined ones.
"""

import copy
import datetime as dt
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from benchmarks.cubes import NODATA, STEPS, Cube, Seen
from benchmarks.scoring import PixelSet
from kpgeo.assess import NO_ALARM
from kpgeo.model.calendar import date_of
from kpgeo.model.scene import OPTICAL_BANDS

Alarms = NDArray[np.int32]
_INDEX_SIGN = {"ndvi": -1, "ndmi": -1, "nbr": -1, "red": 1, "vh": -1, "vv": -1}
_HARMONICS = 2


@dataclass(frozen=True, kw_only=True)
class Config:
    """One method with everything set.

    Attributes
    ----------
    family : str
        What is compared: method, fit and index. The best threshold of a family is its best.
    threshold : str
        The rest, for the page.
    """

    family: str
    threshold: str


@dataclass(frozen=True, kw_only=True)
class Subset:
    """The looks of one cube over a set of pixels.

    Attributes
    ----------
    optical, radar : float32 (look, band, pixel)
        Reflectance and dB; NaN where not clear. `optical_seen`, `radar_seen` say which look a row is.
    """

    cube: Cube
    pixels: PixelSet
    optical: NDArray[np.float32]
    radar: NDArray[np.float32]
    optical_seen: tuple[Seen, ...]
    radar_seen: tuple[Seen, ...]

    def index(self, name: str) -> tuple[NDArray[np.float32], tuple[Seen, ...]]:
        """Return an index by look and pixel, and the looks."""
        if name in {"vv", "vh"}:
            return self.radar[:, ("vv", "vh").index(name)], self.radar_seen
        band = {key: self.optical[:, i] for i, key in enumerate(OPTICAL_BANDS)}
        if name == "red":
            return band["red"], self.optical_seen
        other = {"ndvi": "red", "ndmi": "swir16", "nbr": "swir22"}[name]
        nir, low = band["nir"], band[other]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.clip((nir - low) / np.maximum(nir + low, 1e-3), -1.0, 1.0), self.optical_seen


def subset_of(cube: Cube, pixels: PixelSet) -> Subset:
    """Return the looks of a cube over a set of pixels."""
    picked = {}
    seen = {r: tuple(one for one in cube.looks if one.sensor.is_radar == r) for r in (False, True)}
    for is_radar, array in ((False, cube.optical), (True, cube.radar)):
        raw = np.empty((len(seen[is_radar]), array.shape[1], len(pixels.index)), dtype=np.int16)
        for place, one in enumerate(seen[is_radar]):
            raw[place] = array[one.row].reshape(array.shape[1], -1)[:, pixels.index]
        values = raw.astype(np.float32) * np.float32(STEPS[is_radar])
        values[raw == NODATA] = np.nan
        values[:, :, ~np.isfinite(values).all(axis=1).any(axis=0)] = np.nan
        picked[is_radar] = values
    return Subset(
        cube=cube,
        pixels=pixels,
        optical=picked[False],
        radar=picked[True],
        optical_seen=seen[False],
        radar_seen=seen[True],
    )


@dataclass(frozen=True, kw_only=True)
class NrtPlan:
    """What of nrt is run: (monitor, fit, index), and the thresholds of each monitor."""

    families: tuple[tuple[str, str, str], ...]


_OPTICAL_FAMILIES = tuple(
    (monitor, fit, index)
    for monitor in ("IQR", "CCDC", "EWMA")
    for fit in ("OLS", "RIRLS")
    for index in ("ndvi", "nbr", "red")
)
_SUM_FAMILIES = (
    ("CuSum", "ROC", "ndvi"),
    ("CuSum", "RIRLS", "ndvi"),
    ("MoSum", "ROC", "ndvi"),
    ("MoSum", "RIRLS", "ndvi"),
    ("MoSum", "RIRLS", "nbr"),
)
_RADAR_FAMILIES = (("IQR", "RIRLS", "vh"), ("CCDC", "RIRLS", "vh"), ("EWMA", "RIRLS", "vh"), ("IQR", "OLS", "vh"))
NRT_FULL = NrtPlan(families=(*_OPTICAL_FAMILIES, *_SUM_FAMILIES, *_RADAR_FAMILIES))
NRT_BEST = NrtPlan(
    families=(
        *(("IQR", "RIRLS", index) for index in ("ndvi", "red", "vh")),
        *(("CCDC", "RIRLS", index) for index in ("ndvi", "red")),
        *(("IQR", "OLS", index) for index in ("ndvi", "red")),
        ("CCDC", "OLS", "red"),
    )
)
NRT_FEW = NrtPlan(
    families=(("IQR", "OLS", "ndvi"), ("CCDC", "OLS", "red"), ("EWMA", "OLS", "ndvi"), ("IQR", "OLS", "vh"))
)
_GRIDS: dict[str, tuple[tuple[float, float], ...]] = {
    "IQR": tuple((s, b) for s in (1.5, 2.0, 2.5, 3.5, 5.0, 7.0) for b in (3, 4, 5)),
    "CCDC": tuple((s, b) for s in (2.0, 3.0, 4.0, 5.0, 7.0) for b in (3, 4, 6)),
    "EWMA": tuple((s, gate) for s in (3.0, 5.0, 8.0, 12.0, 18.0, 27.0) for gate in (10.0, np.inf)),
    "CuSum": tuple((k, 0.0) for k in (1.0, 2.0, 4.0, 8.0, 16.0)),
    "MoSum": tuple((k, 0.0) for k in (1.0, 2.0, 3.0, 5.0, 8.0, 12.0)),
}


def run_nrt(subset: Subset, plan: NrtPlan) -> Iterator[tuple[Config, Alarms]]:
    """Yield the first alarms of every setting of nrt's monitors over a subset."""
    for monitor, fit, index in plan.families:
        values, seen = subset.index(index)
        if not _has_history(values, seen, subset.cube.monitor_day):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            base = _fitted(monitor, fit, values, seen, subset.cube.monitor_day)
            yield from _monitored(base, (monitor, fit, index), values, seen, subset.cube.monitor_day)


def _has_history(values: NDArray[np.float32], seen: Sequence[Seen], monitor_day: int) -> bool:
    """Say whether there are looks enough for any of nrt's fits."""
    rows = [i for i, one in enumerate(seen) if one.day < monitor_day]
    return len(rows) > 0 and float(np.isfinite(values[rows]).sum(axis=0).mean()) >= 2 * (2 * _HARMONICS + 1)


def _fitted(monitor: str, fit: str, values: NDArray[np.float32], seen: Sequence[Seen], monitor_day: int) -> Any:
    """Fit one of nrt's monitors to the history."""
    from nrt.monitor.ccdc import CCDC  # noqa: PLC0415 (peers are an extra)
    from nrt.monitor.cusum import CuSum  # noqa: PLC0415
    from nrt.monitor.ewma import EWMA  # noqa: PLC0415
    from nrt.monitor.iqr import IQR  # noqa: PLC0415
    from nrt.monitor.mosum import MoSum  # noqa: PLC0415

    rows = [i for i, one in enumerate(seen) if one.day < monitor_day and np.isfinite(values[i]).any()]
    times = np.array([np.datetime64(seen[i].day, "D") for i in rows]).astype("datetime64[ns]")
    stack = np.ascontiguousarray(values[rows][:, None, :], dtype=np.float64)
    array = xr.DataArray(
        stack, dims=("time", "y", "x"), coords={"time": times, "y": [0.0], "x": np.arange(stack.shape[2], dtype=float)}
    )
    order = 1 if np.isfinite(stack).all(axis=0).mean() > 0.9 and len(rows) < 80 else _HARMONICS
    kinds = {"IQR": IQR, "CCDC": CCDC, "EWMA": EWMA, "CuSum": CuSum, "MoSum": MoSum}
    model = kinds[monitor](trend=False, harmonic_order=order)
    extra = {"screen_outliers": None} if monitor == "CCDC" or (monitor == "EWMA" and fit == "RIRLS") else {}
    if monitor == "EWMA":
        model.sensitivity = np.inf
    model.fit(array, method=fit, **({"maxiter": 12} if fit == "RIRLS" else {}), **extra)
    return model


def _monitored(
    base: Any, family: tuple[str, str, str], values: NDArray[np.float32], seen: Sequence[Seen], monitor_day: int
) -> Iterator[tuple[Config, Alarms]]:
    """Take every threshold of a fitted monitor through the monitored looks.

    nrt's images have one row here, a pixel after the other; every threshold gets a row of its own, so that one call to
    nrt's `monitor` serves the whole grid. Each row is what nrt would have done alone.
    """
    monitor, fit, index = family
    grid = _GRIDS[monitor]
    model = _widened(base, len(grid))
    first = np.array([one for one, _ in grid])[:, None]
    second = np.array([two for _, two in grid])[:, None]
    if monitor in {"IQR", "CCDC"}:
        model.sensitivity, model.boundary = first, second
    elif monitor == "EWMA":
        model.boundary = first * model.sigma * np.sqrt(model.lambda_ / (2 - model.lambda_))
        model.mask[model.process > model.boundary] = 2
        model.threshold = second
    else:
        model.critval = model.critval * first
    alarms = _first_alarms(model, _INDEX_SIGN[index], values, seen, monitor_day)
    for row, (one, two) in zip(alarms, grid, strict=True):
        yield Config(family=f"nrt {monitor} {fit} {index}", threshold=_words(monitor, one, two)), row


def _widened(base: Any, rows: int) -> Any:
    """Return a model of one row of pixels as one of several equal rows."""
    model = copy.copy(base)
    for name, value in vars(base).items():
        if isinstance(value, np.ndarray) and value.ndim >= 2 and value.shape[-2] == 1:
            setattr(model, name, np.ascontiguousarray(np.repeat(value, rows, axis=-2)))
    return model


def _words(monitor: str, one: float, two: float) -> str:
    """Say which threshold it is."""
    if monitor in {"IQR", "CCDC"}:
        return f"s={one:g} b={two:g}"
    if monitor == "EWMA":
        return f"s={one:g}" + ("" if np.isfinite(two) else ", no outlier gate")
    return f"critval x {one:g}"


def _first_alarms(model: Any, sign: int, values: NDArray[np.float32], seen: Sequence[Seen], monitor_day: int) -> Alarms:
    """Return the first alarm of the right sign of each row and pixel; the wrong sign sets a pixel free again."""
    found = np.full(model.mask.shape, NO_ALARM, dtype=np.int32)
    for i, one in enumerate(seen):
        if one.day < monitor_day or not np.isfinite(values[i]).any():
            continue
        date = dt.datetime.combine(date_of(one.day), dt.time())
        array = np.ascontiguousarray(values[i][None, :], dtype=np.float64)
        before = model.mask == 3
        model.monitor(array, date)
        new = (model.mask == 3) & ~before
        if not new.any():
            continue
        right = np.sign(array - model.predict(date)) == sign
        found[new & right] = one.day
        freed = new & ~right
        model.mask[freed] = 1
        if type(model).__name__ != "MoSum":
            process = model.process.copy()
            process[freed] = 0
            model.process = process
    return found


_XCCD_GRID = ((0.99, 6), (0.9999, 3), (0.9999, 6), (0.999999, 6), (0.99999999, 8))
_FEWEST_LOOKS = 12
_XCCD_SIGNS = ("any", "nir down", "red up")


def run_xccd(subset: Subset) -> Iterator[tuple[Config, Alarms]]:
    """Yield the first alarms of COLD and S-CCD over a grid; an alarm is dated to the look that confirmed it."""
    for method in ("COLD", "S-CCD"):
        for p, conse in _XCCD_GRID:
            found = _xccd_alarms(subset, method, p, conse)
            for sign in _XCCD_SIGNS:
                yield Config(family=f"pyxccd {method}", threshold=f"p={p} conse={conse}, {sign}"), found[sign]


def _xccd_alarms(subset: Subset, method: str, p: float, conse: int) -> dict[str, Alarms]:
    days = np.array([one.day for one in subset.optical_seen], dtype=np.int64)
    ordinals = days + 719_163
    count = subset.optical.shape[2]
    found = {sign: np.full(count, NO_ALARM, dtype=np.int32) for sign in _XCCD_SIGNS}
    scaled = np.rint(subset.optical * 10_000.0)
    for pixel in range(count):
        clear = np.isfinite(scaled[:, 0, pixel])
        _, once = np.unique(days[clear], return_index=True)
        dates = np.ascontiguousarray(ordinals[clear][once])
        bands = np.ascontiguousarray(scaled[clear][once, :, pixel].T.astype(np.int64))
        for day, red, nir in _breaks(method, dates, bands, p, conse):
            if day < subset.cube.monitor_day:
                continue
            for sign, holds in (("any", True), ("nir down", nir < 0), ("red up", red > 0)):
                if holds:
                    found[sign][pixel] = min(found[sign][pixel], day)
    return found


def _breaks(
    method: str, dates: NDArray[np.int64], bands: NDArray[np.int64], p: float, conse: int
) -> Iterator[tuple[int, float, float]]:
    """Yield the breaks of one pixel: day of the confirming look, change of red and of near infrared."""
    import pyxccd  # noqa: PLC0415 (peers are an extra)

    if len(dates) < _FEWEST_LOOKS:
        return
    clear = np.zeros(len(dates), dtype=np.int64)
    try:
        if method == "COLD":
            rows = pyxccd.cold_detect(dates, *bands, np.zeros_like(clear), clear, p_cg=p, conse=conse)
            rows = [row for row in rows if row["change_prob"] == 100]
        else:
            rows = pyxccd.sccd_detect(dates, *bands, clear, p_cg=p, conse=conse).rec_cg
    except RuntimeError:  # too few observations
        return
    for row in rows:
        if row["t_break"] > 0:
            at = min(int(np.searchsorted(dates, row["t_break"])) + conse - 1, len(dates) - 1)
            yield int(dates[at] - 719_163), float(row["magnitude"][2]), float(row["magnitude"][3])
