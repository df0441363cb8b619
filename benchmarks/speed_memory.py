"""Memory of a fit, measured in a process of its own: `python -m benchmarks.speed_memory kpgeo` prints JSON."""

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import psutil

from kpgeo import detect
from kpgeo.kernels.season import INT16_NODATA
from kpgeo.model.calendar import dekad_of
from kpgeo.model.scene import Sensor
from kpgeo.model.state import FILTER_BANDS
from kpgeo.options.detect import DetectOptions

TILE_PX = 512
N_OPTICAL, N_RADAR = 220, 80
_NRT_DATES, _NRT_PX = 150, 256
_BEGIN_DAY = 18_262
_MIB = 2.0**20


def in_fresh_process(side: str) -> dict[str, float]:
    """Measure one side in a process of its own; return its figures in MiB."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.speed_memory", side]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class _Peak:
    """The most memory a step held beyond what the process had when it began, MiB; looked at every 2 ms."""

    def __enter__(self) -> Self:
        self.process = psutil.Process()
        self.begin_mib = self.top_mib = self.process.memory_info().rss / _MIB
        self.is_over = threading.Event()
        self.watcher = threading.Thread(target=self._watch)
        self.watcher.start()
        return self

    def _watch(self) -> None:
        while not self.is_over.is_set():
            self.top_mib = max(self.top_mib, self.process.memory_info().rss / _MIB)
            time.sleep(0.002)

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.watcher.join()

    @property
    def extra_mib(self) -> float:
        """What was held on top, MiB."""
        return self.top_mib - self.begin_mib


def _history(edge_px: int, n_optical: int, n_radar: int) -> detect.HistoryStack:
    """Draw looks of four years straight in the history's own form."""
    rng = np.random.default_rng(0)
    history = detect.HistoryStack(shape=(edge_px, edge_px))
    for look in range(n_optical):
        pixels = rng.integers(1500, 2500, (len(FILTER_BANDS), edge_px, edge_px), dtype=np.int16)
        pixels[:, rng.random((edge_px, edge_px), dtype=np.float32) < 0.4] = INT16_NODATA
        day = _BEGIN_DAY + look * 1461 // n_optical
        history.optical.append((day, f"s2-{look}", Sensor.SENTINEL2, pixels))
    for look in range(n_radar):
        pixels = rng.integers(-1500, -1000, (2, edge_px, edge_px), dtype=np.int16)
        history.radar.append((_BEGIN_DAY + look * 1461 // n_radar, f"s1-{look}", Sensor.SENTINEL1, pixels))
    return history


def _measure_kpgeo() -> dict[str, float]:
    """Fit a whole tile, find the first belief, fold a dekad in."""
    options = DetectOptions()
    first_dekad = dekad_of(_BEGIN_DAY + 1461)
    small = detect.TileContext(in_stratum=np.zeros((16, 16), dtype=bool))
    compiled = _history(16, 60, 40)
    detect.start_state(detect.fit_baseline(compiled, options), compiled, small, first_dekad, options)
    resting_mib = psutil.Process().memory_info().rss / _MIB
    history = _history(TILE_PX, N_OPTICAL, N_RADAR)
    input_mib = sum(row[3].nbytes for row in (*history.optical, *history.radar)) / _MIB
    with _Peak() as fit:
        baseline = detect.fit_baseline(history, options)
    context = detect.TileContext(in_stratum=np.zeros(history.shape, dtype=bool))
    with _Peak() as start:
        detect.start_state(baseline, history, context, first_dekad, options)
    return {
        "resting": resting_mib,
        "input": input_mib,
        "fit_extra": fit.extra_mib,
        "start_extra": start.extra_mib,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        "dates": N_OPTICAL + N_RADAR,
    }


def _measure_nrt() -> dict[str, float]:
    """Fit one index with nrt's robust fit (few iterations: memory does not depend on them)."""
    import xarray as xr  # noqa: PLC0415
    from nrt.monitor.iqr import IQR  # noqa: PLC0415

    def index(dates: int, edge_px: int) -> xr.DataArray:
        values = np.random.default_rng(0).random((dates, edge_px, edge_px), dtype=np.float32)
        times = (_BEGIN_DAY + np.arange(dates) * 9).astype("datetime64[D]").astype("datetime64[ns]")
        edges = np.arange(edge_px, dtype=float)
        return xr.DataArray(values, dims=("time", "y", "x"), coords={"time": times, "y": edges, "x": edges})

    IQR(trend=False, harmonic_order=2).fit(index(40, 4), method="RIRLS", maxiter=2)
    values = index(_NRT_DATES, _NRT_PX)
    with _Peak() as fit:
        IQR(trend=False, harmonic_order=2).fit(values, method="RIRLS", maxiter=2)
    return {"input": values.nbytes / _MIB, "fit_extra": fit.extra_mib}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=("kpgeo", "nrt"))
    side = parser.parse_args().side
    print(json.dumps(_measure_kpgeo() if side == "kpgeo" else _measure_nrt()))


if __name__ == "__main__":
    main()
