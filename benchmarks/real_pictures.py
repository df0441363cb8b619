"""Pictures of real series: looks and season above, belief below."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.real_runs import Watched
from kpgeo.model.scene import RADAR_BANDS, Sensor
from kpgeo.model.state import FILTER_BANDS, LandState

mpl.use("Agg")
STATE_COLOURS = {
    LandState.STABLE: "#dfe8d8", LandState.REGROWTH: "#8fbf7f", LandState.CROPPED: "#e8c84a",
    LandState.CLEARED: "#b98f63", LandState.BURNT: "#4a4a4a", LandState.POND: "#2f74b5", LandState.DUG: "#d62f20",
}  # fmt: skip
_BAND_COLOURS = {"nir": "#7a2fa0", "swir22": "#c7761b", "vv": "#2f6f7a", "vh": "#c7761b"}
_MARKERS = {Sensor.SENTINEL2: "o", Sensor.LANDSAT: "^", Sensor.SENTINEL1: "o"}
_SENSOR_WORDS = {Sensor.SENTINEL2: "Sentinel-2", Sensor.LANDSAT: "Landsat", Sensor.SENTINEL1: "Sentinel-1"}
Pixel = tuple[str, int, int]


def draw_watched(watched: Watched, pixels: list[Pixel], path: Path) -> Path:
    """Draw pixels of one set side by side: (words, row, column) each."""
    bands = RADAR_BANDS if watched.looks[0].sensor.is_radar else ("nir", "swir22")
    width = 11.0 if len(pixels) == 1 else 4.6 * len(pixels)
    figure = Figure(figsize=(width, 6.6), layout="constrained")
    axes = figure.subplots(3, len(pixels), sharex=True, squeeze=False, height_ratios=(2, 2, 2.2))
    for column, (words, row, col) in enumerate(pixels):
        for axis, band in zip(axes[:2, column], bands, strict=True):
            _draw_band(axis, watched, band, row, col)
        _draw_belief(axes[2, column], watched, row, col)
        axes[0, column].set_title(words, fontsize=9)
        for axis in axes[:, column]:
            _mark_days(axis, watched)
        axes[2, column].tick_params(axis="x", labelrotation=30, labelsize=8)
    words_of = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels()), strict=True))
    words_of |= dict(zip(*reversed(axes[2, 0].get_legend_handles_labels()), strict=True))
    figure.legend(words_of.values(), words_of.keys(), loc="outside lower center", ncols=len(words_of), fontsize=7)
    figure.suptitle(watched.real.title, fontsize=11)
    figure.savefig(path, dpi=95)
    return path


def _draw_band(axis: Axes, watched: Watched, band: str, row: int, col: int) -> None:
    """Draw the looks of one band, and the season that was learnt with twice its scatter on both sides."""
    is_radar = band in RADAR_BANDS
    place = RADAR_BANDS.index(band) if is_radar else FILTER_BANDS.index(band)
    values = []
    for sensor, marker in _MARKERS.items():
        chosen = [look for look in watched.looks if look.sensor is sensor and np.isfinite(look.pixels[0, row, col])]
        if chosen:
            seen = np.array([look.pixels[place, row, col] for look in chosen])
            times = np.array([look.day for look in chosen], dtype="datetime64[D]")
            axis.plot(times, seen, marker, ms=2.6, mew=0, color=_BAND_COLOURS[band], label=_SENSOR_WORDS[sensor])
            values.append(seen)
    days = np.arange(watched.looks[0].day, watched.looks[-1].day, 5)
    season, sigma = watched.season(days, band, row, col)
    times = days.astype("datetime64[D]")
    axis.plot(times, season, color="#222222", lw=0.8, label="season learnt")
    axis.fill_between(times, season - 2 * sigma, season + 2 * sigma, color="#999999", alpha=0.25, lw=0)
    low, high = np.nanpercentile(np.concatenate([*values, season]), [0.5, 99.5])
    axis.set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))
    axis.set_ylabel(f"{band}, dB" if is_radar else band, fontsize=8)
    axis.tick_params(labelsize=8)


def _draw_belief(axis: Axes, watched: Watched, row: int, col: int) -> None:
    """Stack the belief after each look; it stands until the next."""
    edges = np.append(watched.days, watched.days[-1] + 15).astype("datetime64[D]")
    floor: NDArray[np.float64] = np.zeros(len(watched.days))
    for state, colour in STATE_COLOURS.items():
        top = floor + watched.belief[:, state, row, col]
        axis.stairs(top, edges, baseline=floor, fill=True, color=colour, label=state.name.lower(), lw=0)
        floor = top
    axis.set_ylim(0.0, 1.0)
    axis.set_ylabel("belief", fontsize=8)
    axis.tick_params(labelsize=8)


def _mark_days(axis: Axes, watched: Watched) -> None:
    """Mark where monitoring begins, and what others report."""
    axis.axvline(np.datetime64(watched.real.monitored_from), color="#555555", lw=0.8, ls=":")
    for day in watched.real.known.values():
        axis.axvline(np.datetime64(day), color="#d62f20", lw=0.9, ls="--")
