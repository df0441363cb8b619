"""The picture of the evaluation: found against false alarms, found against time, calibration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.choosing import frontier, points_of, unions_of
from benchmarks.scoring import HEADLINE_RATE, RATES, score_alarms, threshold_for

mpl.use("Agg")

_OWN = "#b3261e"
_GROUPS = {
    "nrt optical or radar": "#111111",
    "nrt IQR": "#1f5f99",
    "nrt CCDC": "#2f8f83",
    "nrt EWMA": "#7d5ba6",
    "nrt CuSum": "#b08d3c",
    "nrt MoSum": "#8a8a8a",
    "pyxccd COLD": "#d2691e",
    "pyxccd S-CCD": "#4b7f2c",
}
_RATES = np.geomspace(3e-5, 0.1, 22)


def draw_detection(reports: Sequence[Any], path: Path) -> None:
    """Draw the standard and the hard setting side by side, then calibration over all settings."""
    figure, axes = plt.subplots(2, 3, figsize=(14, 8), layout="constrained")
    for row, report in enumerate(reports[:2]):
        _found(axes[row, 0], report)
        _time(axes[row, 1], report)
    _reliability(axes[0, 2], reports)
    _achieved(axes[1, 2], reports)
    for one in axes.flat:
        one.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _group(family: str) -> str:
    return next((name for name in _GROUPS if family.startswith(name)), family)


def _found(axes: plt.Axes, report: Any) -> None:
    """Draw the share found against the false-alarm rate: a line for each group of peers, and kpgeo."""
    points: dict[str, list[Any]] = {}
    if report.peers:
        families = points_of(report.results)
        for family, listed in families.items():
            points.setdefault(_group(family), []).extend(listed)
        points["nrt optical or radar"] = [p for r in (1e-3, 3e-3, 1e-2) for p in unions_of(report.results, families, r)]
    for name, listed in points.items():
        line = [(max(rate, 1.0 / listed[0].pixel_years), found) for rate, found in frontier(listed)]
        if line:
            colour = _GROUPS.get(name, "#555555")
            axes.step(*zip(*line, strict=True), "o-", where="post", ms=3, lw=1, color=colour, label=name)
    traces, sets = [one.trace for one in report.results], [one.pixels for one in report.results]
    own = []
    for rate in _RATES:
        level = threshold_for(traces, rate)
        own.append(score_alarms(sets, [trace.alarms(level) for trace in traces]).found_frac)
    axes.plot(_RATES, own, color=_OWN, lw=2.5, label="kpgeo")
    axes.axvline(HEADLINE_RATE, color="#bbbbbb", lw=0.8, zorder=0)
    axes.set(xscale="log", xlim=(3e-5, 0.2), ylim=(0, 1.02), ylabel="share of mined pixels found")
    axes.set(xlabel="false alarms a never-mined pixel and year", title=f"{report.name}: found against false alarms")
    axes.legend(fontsize=7, loc="upper left", frameon=False)


def _time(axes: plt.Axes, report: Any) -> None:
    """Draw mean time against the share found, at the headline rate; hollow where a peer does not come down to it."""
    placed = {}
    for family, best in report.peers.items():
        group, now = _group(family), placed.get(_group(family))
        if now is None or (best.reaches, best.score.found_frac) > (now.reaches, now.score.found_frac):
            placed[group] = best
    for name, best in placed.items():
        colour, score = _GROUPS.get(name, "#555555"), best.score
        label = name if best.reaches else f"{name}, at {score.false_rate:.0e}"
        face = colour if best.reaches else "white"
        days = score.lag.restricted_mean_days
        axes.plot(days, score.found_frac, "o", ms=7, color=colour, markerfacecolor=face, label=label)
    own = report.own
    axes.plot(own.lag.restricted_mean_days, own.found_frac, "*", ms=15, color=_OWN, label="kpgeo")
    axes.set(xlim=(0, 185), ylim=(0, 1.02), ylabel="share found", title=f"{report.name}: at {HEADLINE_RATE:g} a year")
    axes.set_xlabel("mean days to detection, up to 180 (never = 180)")
    axes.legend(fontsize=7, loc="lower left", frameon=False)


def _reliability(axes: plt.Axes, reports: Sequence[Any]) -> None:
    """Draw the reliability diagram of every setting."""
    axes.plot([0, 1], [0, 1], color="#bbbbbb", lw=0.8)
    for number, report in enumerate(reports):
        found = report.calibration
        seen = found.counts >= 30
        colour = _OWN if number == 0 else plt.get_cmap("viridis")(number / max(len(reports), 2))
        label = f"{report.name} ({found.ece:.3f})"
        axes.plot(
            found.mean_prob[seen],
            found.mined_share[seen],
            "o-",
            ms=3,
            lw=2 if number == 0 else 1,
            color=colour,
            label=label,
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="belief in mining", ylabel="share that is mined")
    axes.set_title("kpgeo's calibration (error over all pixels)")
    axes.legend(fontsize=7, loc="upper left", frameon=False)


def _achieved(axes: plt.Axes, reports: Sequence[Any]) -> None:
    """Draw achieved against target false-alarm rates, thresholds fixed on tuning worlds."""
    axes.fill_between([5e-5, 2e-2], [1.5e-5, 6e-3], [7.5e-5, 3e-2], color="#eeeeee", label="0.3 to 1.5 times")
    for number, report in enumerate(reports):
        colour = _OWN if number == 0 else plt.get_cmap("viridis")(number / max(len(reports), 2))
        rates = [max(report.fixed[rate].false_rate, 1e-5) for rate in RATES]
        axes.plot(RATES, rates, "o-", ms=3, lw=2 if number == 0 else 1, color=colour, label=report.name)
    axes.set(xscale="log", yscale="log", xlabel="target false-alarm rate", ylabel="achieved")
    axes.set_title("thresholds fixed on tuning worlds")
    axes.legend(fontsize=7, loc="upper left", frameon=False)
