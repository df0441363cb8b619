"""How fast the fit and the filter are, beside nrt, COLD and S-CCD on the same cube in the same process."""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks import speed_sides as sides
from benchmarks.common import DOCS, machine, table, write_page
from benchmarks.speed_cube import TimingCube, draw_cube
from benchmarks.speed_memory import TILE_PX, in_fresh_process

N_OPTICAL, N_RADAR = 300, 100
_REPEATS = 5
_NRT_ROBUST_PX, _NRT_OLS_PX = 48, 192
_N_DATES = 20
_N_DECODED = 6
_COLD_PX, _SCCD_PX = 120, 60
_UPDATE_DEKADS = 9
_NAMES = {
    "fit": "Robust fit: million pixel-observations (pixel × look × feature) a second and core",
    "update": "Update by one acquisition: million pixel-dates a second and core",
    "whole": f"Fit and filter of {N_OPTICAL} dates: pixels a second and core",
}
_AIMS = {"fit": 70.0, "update": 30.0, "whole": 100_000.0}
_OURS, _THEIRS, _AIM = "#1f5f99", "#7d848c", "#c2571a"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How much a side did a second, by repeat; `scale` turns it into the unit of its group."""

    group: str
    name: str
    per_second: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the repeats."""
        return statistics.median(self.per_second)

    @property
    def best(self) -> float:
        """Rate of the quickest repeat."""
        return max(self.per_second)


@dataclass(frozen=True, kw_only=True)
class Side:
    """Something timed: `run` returns (amount done, CPU seconds)."""

    group: str
    name: str
    run: Callable[[], tuple[float, float]]
    repeats: int = _REPEATS


def in_turn(timed: Sequence[Side]) -> list[Rate]:
    """Run every side once to compile, then all of them in turn, as often as each wants."""
    for side in timed:
        side.run()
    rates: dict[str, list[float]] = {side.name: [] for side in timed}
    for turn in range(max(side.repeats for side in timed)):
        for side in timed:
            if turn < side.repeats:
                amount, seconds = side.run()
                rates[side.name].append(amount / seconds)
    return [Rate(group=side.group, name=side.name, per_second=tuple(rates[side.name])) for side in timed]


def fit_sides(cube: TimingCube, belief: sides.Belief) -> list[Side]:
    """Return the fits."""
    both = {"optical": belief.read_history(radar=False), "radar": belief.read_history(optical=False)}
    belief.history = sides.detect.HistoryStack(shape=cube.shape)
    belief.history.optical, belief.history.radar = both["optical"].optical, both["radar"].radar

    def ours(history: sides.detect.HistoryStack) -> Callable[[], tuple[float, float]]:
        amount = sum(row[3].size for row in (*history.optical, *history.radar)) / 1e6
        return lambda: (amount, belief.fit(history))

    def theirs(edge: int, run: Callable[[], float]) -> Callable[[], tuple[float, float]]:
        return lambda: (cube.n_history * edge**2 / 1e6, run())

    robust, plain = _NRT_ROBUST_PX, _NRT_OLS_PX
    return [
        Side(group="fit", name="kpgeo, reflectance", run=ours(both["optical"]), repeats=3),
        Side(group="fit", name="kpgeo, radar", run=lambda: (cube.radar.size / 1e6, sides.fit_radar_alone(cube)())),
        Side(group="fit", name="kpgeo, radar, levelled", run=ours(both["radar"]), repeats=3),
        Side(group="fit", name="kpgeo, one index alone", run=theirs(plain, sides.fit_one_index(cube, plain))),
        Side(group="fit", name="nrt OLS, not robust", run=theirs(plain, sides.nrt_fit(cube, plain, "OLS")), repeats=3),
        Side(
            group="fit", name="nrt RIRLS, 5 turns", run=theirs(robust, sides.nrt_fit(cube, robust, "RIRLS", maxiter=5))
        ),
        Side(group="fit", name="nrt RIRLS, as it comes", run=theirs(robust, sides.nrt_fit(cube, robust, "RIRLS"))),
    ]


def update_sides(cube: TimingCube, belief: sides.Belief, folder: Path) -> list[Side]:
    """Return the updates by one acquisition, and decoding of the same pixels."""
    mpx = cube.shape[0] * cube.shape[1] / 1e6

    def fold(*, optical: bool, radar: bool) -> Callable[[], tuple[float, float]]:
        def run() -> tuple[float, float]:
            spent, n_looks = belief.fold(optical=optical, radar=radar, dekads=_UPDATE_DEKADS)
            return n_looks * mpx, spent

        return run

    def kernels() -> tuple[float, float]:
        with sides.kernel_clock() as clock:
            _, n_looks = belief.fold(optical=True, radar=False, dekads=_UPDATE_DEKADS)
        return n_looks * mpx, sum(clock) or float("nan")

    def dates(run: Callable[[], float], amount: float) -> Callable[[], tuple[float, float]]:
        return lambda: (amount, run())

    timed = [
        Side(group="update", name="kpgeo, Sentinel-2 look", run=fold(optical=True, radar=False)),
        Side(group="update", name="kpgeo, Sentinel-1 look", run=fold(optical=False, radar=True)),
        Side(group="update", name="kpgeo, as they come", run=fold(optical=True, radar=True)),
        Side(group="update", name="kpgeo, Sentinel-2 look, compiled kernels alone", run=kernels),
    ]
    for name, run in sides.nrt_monitors(cube, _N_DATES).items():
        timed.append(Side(group="update", name=f"{name}, one index", run=dates(run, _N_DATES * mpx)))
    per_pixel = sides.PerPixel(cube=cube, n_px=_SCCD_PX)
    _, packs = per_pixel.sccd(slice(0, cube.n_history))
    update = dates(lambda: per_pixel.sccd_updates(packs, _N_DATES), _N_DATES * _SCCD_PX / 1e6)
    timed.append(Side(group="update", name="S-CCD's own update", run=update, repeats=3))
    rows = range(cube.n_history, cube.n_history + _N_DECODED)
    for compress in ("zstd", "deflate"):
        run = sides.decoding(cube, rows, compress, folder)
        timed.append(Side(group="update", name=f"decoding its bands, {compress}", run=dates(run, _N_DECODED * mpx)))
    return timed


def whole_sides(cube: TimingCube, belief: sides.Belief) -> list[Side]:
    """Return everything from looks to belief, and the retrospective detectors."""
    n_px = cube.shape[0] * cube.shape[1]
    optical = sides.detect.HistoryStack(shape=cube.shape)
    assert belief.history is not None
    optical.optical = belief.history.optical
    state = belief.state

    def ours() -> tuple[float, float]:
        fitted = belief.fit(optical)
        belief.state = state
        return n_px, fitted + belief.fold(optical=True, radar=False)[0]

    def with_warmup() -> tuple[float, float]:
        fitted = belief.fit(optical) + belief.start()
        spent = belief.fold(optical=True, radar=False)[0]
        belief.state = state
        return n_px, fitted + spent

    cold = sides.PerPixel(cube=cube, n_px=_COLD_PX)
    belief.history = optical
    return [
        Side(group="whole", name="kpgeo: fit, then filter what is monitored", run=ours, repeats=3),
        Side(group="whole", name="kpgeo, with the first belief from a year before", run=with_warmup, repeats=2),
        Side(group="whole", name="COLD", run=lambda: (_COLD_PX, cold.cold()), repeats=3),
        Side(group="whole", name="S-CCD", run=lambda: (_COLD_PX, cold.sccd()[0]), repeats=3),
    ]


def measure(size_px: int) -> list[Rate]:
    """Time everything on one tile."""
    cube = draw_cube(size_px, N_OPTICAL, N_RADAR)
    belief = sides.Belief(cube=cube)
    with tempfile.TemporaryDirectory(prefix="kpgeo-speed-") as folder:
        rates = in_turn(fit_sides(cube, belief))
        assert belief.history is not None
        belief.fit(belief.history)
        belief.start()
        rates += in_turn(update_sides(cube, belief, Path(folder)))
        rates += in_turn(whole_sides(cube, belief))
    return rates


def figures(rates: Sequence[Rate], memory: dict[str, dict[str, float]]) -> list[tuple[str, str, str, str, str]]:
    """Return the rows of the one table: what, aim, measured, best or named peer, ratio."""
    by_name = {rate.name: rate for rate in rates}

    def row(what: str, aim: str, ours: str, theirs: str, unit: str) -> tuple[str, str, str, str, str]:
        mine, peer = by_name[ours].median, by_name[theirs].median
        return what, aim, f"{_short(mine)} {unit}", f"{theirs}: {_short(peer)} {unit}", f"{_short(mine / peer)} ×"

    monitors = [name for name in by_name if name.startswith("nrt") and name.endswith("one index")]
    quickest = max(monitors, key=lambda name: by_name[name].median)
    fit, look, whole = "kpgeo, reflectance", "kpgeo, Sentinel-2 look", "kpgeo: fit, then filter what is monitored"
    robust, five, alone = "nrt RIRLS, as it comes", "nrt RIRLS, 5 turns", "kpgeo, one index alone"
    warm, kernels = "kpgeo, with the first belief from a year before", f"{look}, compiled kernels alone"
    ours, theirs = memory["kpgeo"], memory["nrt"]
    share, their_share = ours["fit_extra"] / ours["input"], theirs["fit_extra"] / theirs["input"]
    return [
        row("robust fit, four bands × five coefficients", "≥ 70 M px-obs/s", fit, robust, "M"),
        row("robust fit, radar, two bands × three", "≥ 70 M px-obs/s", "kpgeo, radar", robust, "M"),
        row("the same, passes levelled first", "", "kpgeo, radar, levelled", robust, "M"),
        row("robust fit, one index on both sides", "", alone, robust, "M"),
        row("the same, nrt stopped after 5 turns", "", alone, five, "M"),
        row("the same, against a fit that is not robust", "", alone, "nrt OLS, not robust", "M"),
        row("update by a Sentinel-2 look, all features and states", "≥ 30 M px-dates/s", look, quickest, "M"),
        row("the same, beside S-CCD's update", "≥ 30 M px-dates/s", look, "S-CCD's own update", "M"),
        row("update by a Sentinel-1 look", "≥ 30 M px-dates/s", "kpgeo, Sentinel-1 look", quickest, "M"),
        row("compiled kernels of a Sentinel-2 update alone", "", kernels, quickest, "M"),
        row("update beside decoding its bands (zstd)", "≥ 1 ×", look, "decoding its bands, zstd", "M"),
        row("update beside decoding its bands (deflate)", "≥ 1 ×", look, "decoding its bands, deflate", "M"),
        row(f"fit and filter of {N_OPTICAL} dates", "≥ 100,000 px/s", whole, "COLD", "px/s"),
        row("the same, beside S-CCD", "≥ 100,000 px/s", whole, "S-CCD", "px/s"),
        row("the same, with the first belief", "", warm, "COLD", "px/s"),
        (
            "extra memory while fitting, share of the input",
            "≤ 0.2",
            f"{share:.2f}",
            f"nrt RIRLS: {their_share:.1f}",
            f"1/{their_share / share:.0f}",
        ),
        (
            f"a {TILE_PX} × {TILE_PX} px tile with {ours['dates']:.0f} dates",
            "≤ 1024 MiB",
            f"{ours['peak']:.0f} MiB",
            "",
            "",
        ),
    ]


def _short(value: float) -> str:
    """Return three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def draw(rates: Sequence[Rate]) -> None:
    """Draw every rate as a point with the range of its repeats, a panel a group, on a logarithmic axis."""
    groups = [[rate for rate in rates if rate.group == group] for group in _NAMES]
    figure, panels = plt.subplots(
        len(groups), 1, figsize=(8.4, 7.6), height_ratios=[len(group) + 1 for group in groups], layout="constrained"
    )
    for axes, group in zip(panels, groups, strict=True):
        ranked = sorted(group, key=lambda rate: rate.median)
        _points(axes, ranked, _AIMS[group[0].group])
        axes.set_title(_NAMES[group[0].group], fontsize=9, loc="left")
    DOCS.mkdir(parents=True, exist_ok=True)
    figure.savefig(DOCS / "speed.png", dpi=110)
    plt.close(figure)


def _points(axes: Axes, ranked: Sequence[Rate], aim: float) -> None:
    """Draw the points of one panel and the line they are to reach."""
    for place, rate in enumerate(ranked):
        colour = _OURS if rate.name.startswith("kpgeo") else _THEIRS
        axes.plot([min(rate.per_second), rate.best], [place, place], color=colour, linewidth=4, alpha=0.4)
        axes.plot(rate.median, place, "o", color=colour, markersize=6)
        label = {"textcoords": "offset points", "xytext": (9, -3), "fontsize": 8, "color": colour}
        label["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        axes.annotate(_short(rate.median), (rate.best, place), **label)
    axes.set_yticks(range(len(ranked)), [rate.name for rate in ranked], fontsize=8)
    axes.set_ylim(-0.7, len(ranked) - 0.3)
    axes.set_xscale("log")
    axes.set_xlim(0.5 * ranked[0].median, 3.5 * max(ranked[-1].best, aim))
    axes.axvline(aim, color=_AIM, linewidth=1.2, zorder=0)
    axes.annotate("aim", (aim, -0.55), textcoords="offset points", xytext=(4, 0), fontsize=8, color=_AIM)
    axes.grid(axis="x", color="#e8eaed", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def page(rates: Sequence[Rate], memory: dict[str, dict[str, float]], size_px: int, about: str) -> str:
    """Return the page."""
    ours = memory["kpgeo"]
    aims = table(("what", "aim", "measured", "peer", "ratio"), figures(rates, memory))
    filtered = N_OPTICAL - 2 * N_OPTICAL // 3
    return (
        "# Speed\n\n"
        f"One drawn tile of {size_px} × {size_px} px, {N_OPTICAL} optical looks (two thirds of them history, some 40 % "
        f"of pixels under cloud) and {N_RADAR} radar passes over four years. All sides run on one core in one process, "
        "in turn; rates are amounts by CPU seconds, medians of two to five repeats (the quickest is in "
        "[speed.json](speed.json)). A pixel-observation is a pixel, look and feature, clear or not; a pixel-date a "
        "pixel and look, clear or not.\n\n"
        f"{aims}\n"
        "![Rates of kpgeo (blue) and its peers, medians and the range of repeats](speed.png)\n\n"
        "- kpgeo's fit of reflectance is `detect.fit_baseline`, copying and coding included, and so is the levelled "
        "one of radar; the others are its kernel alone, `one index` on the index nrt is given. It turns six times, nrt "
        "as it comes until it moves no more. Five coefficients on both sides.\n"
        "- kpgeo's update is `detect.fold_dekad` of four optical bands or two of radar over all land states, "
        "prediction, decoding and coding of the state included. nrt's monitors follow one index that was worked out "
        f"beforehand. S-CCD follows six bands, a pixel at a time ({_SCCD_PX} pixels, {_N_DATES} looks).\n"
        f"- Fit and filter: {N_OPTICAL - filtered} looks are fitted and {filtered} filtered; with the first belief, "
        f"the last year of the history is filtered too. COLD and S-CCD take all looks, six bands, of {_COLD_PX} "
        "pixels.\n"
        "- Decoding is rasterio on one thread reading the same bands of the same looks from local tiled GeoTIFFs "
        "(predictor 2, blocks of 512 px, page cache warm).\n"
        f"- Memory is measured in processes of their own. kpgeo's {TILE_PX} px tile: {ours['resting']:.0f} MiB with "
        f"everything imported and compiled, {ours['input']:.0f} MiB of looks, {ours['fit_extra']:.0f} MiB more while "
        f"fitting, {ours['start_extra']:.0f} MiB more while finding the first belief.\n\n"
        f"{about.replace(' Simulated worlds.', '')} `make bench-speed`.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=TILE_PX, help="edge of the tile, px")
    arguments = parser.parse_args()
    about = machine()
    memory = {side: in_fresh_process(side) for side in ("kpgeo", "nrt")}
    rates = measure(arguments.size)
    draw(rates)
    kept = {
        "rates": [{**vars(rate), "median": rate.median, "best": rate.best} for rate in rates],
        "memory_mib": memory,
    }
    (DOCS / "speed.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    text = page(rates, memory, arguments.size, about)
    write_page("speed", text)
    print(table(("what", "aim", "measured", "peer", "ratio"), figures(rates, memory)))


if __name__ == "__main__":
    main()
