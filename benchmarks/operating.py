"""What an operating point costs: false alerts by the confidence asked for; the file that kpgeo carries.

Three sets of worlds, none in two of them: on the first the map of beliefs is fitted, on the second the curves are
measured, on the third what was asked for is held against what came.
"""

import argparse
import datetime as dt
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.common import DOCS, machine, table, write_page
from benchmarks.cubes import Cube, cube_of, looks_of
from benchmarks.grounds import MINED_FRAC
from benchmarks.settings import SETTINGS
from benchmarks.sweeping import SIZES, Watched, counts_of, found_of, sweep, tally, totals
from kpgeo import alerts, assess, detect
from kpgeo.assess import BeliefCounts, Reliability
from kpgeo.flows.watching.tiles import context_of
from kpgeo.kernels.calibrate import calibrate_prob
from kpgeo.kernels.counts import poisson_interval, resolvable_rate
from kpgeo.model.errors import BadInputError
from kpgeo.model.operating import BeliefMap, Calibration
from kpgeo.model.state import DekadFields
from kpgeo.options.alerts import AlertOptions
from kpgeo.options.base import StageOptions
from kpgeo.options.detect import DetectOptions
from kpgeo.options.features import FeatureOptions
from kpgeo.options.sites import SiteOptions

CONFIDENCES = tuple(round(0.20 + 0.025 * step, 3) for step in range(31))
AREAS_HA = (0.05, 0.1, 0.2, 0.5)
TARGETS = (10.0, 5.0, 3.0, 2.0, 1.0, 0.5)
CLAIMED = 0.05
GROUND = "simulated worlds"
_SITE_KNOTS = (-1.5, 0.0, 1.0, 2.0)
_SITE_PRIOR = 5.0


@dataclass(frozen=True, kw_only=True)
class About:
    """What worlds a calibration was made on."""

    settings: tuple[str, ...]
    belief_seeds: tuple[int, ...]
    seeds: tuple[int, ...]


def watch_cube(cube: Cube, belief_map: BeliefMap) -> Watched:
    """Watch a world: count what is believed of its pixels, and link its sites from beliefs calibrated by a map."""
    world = Watched(name=cube.name, truth=assess.read_truth(cube.folder), place=cube.watch.place)

    def calibrated() -> Iterator[DekadFields]:
        for number, fields in enumerate(believe(cube)):
            world.beliefs.append(counts_of(fields.mined_prob, cube.truth.mined_percent[number], MINED_FRAC))
            yield detect.calibrate_fields(fields, belief_map)

    world.follow(calibrated(), SiteOptions())
    return world


def believe(cube: Cube) -> Iterator[DekadFields]:
    """Yield what the filter believes at the end of each monitored dekad of a world, as it stands before any map."""
    options, dekads = DetectOptions(), cube.dekads()
    context = context_of(cube.watch, next(iter(cube.watch.grid.tiles())))
    history = detect.HistoryStack(shape=cube.shape)
    for seen in cube.looks:
        if seen.day < cube.monitor_day:
            history.add(cube.dataset(seen), seen.sensor)
    baseline = detect.fit_baseline(history, options)
    state = detect.start_state(baseline, history, context, dekads[0], options)
    for dekad in dekads:
        state = detect.fold_dekad(state, baseline, looks_of(cube, dekad, baseline), dekad, context, options)
        yield detect.decode_fields(dekad, state)


def calibrate(worlds: Sequence[Watched], belief_map: BeliefMap, about: About) -> Calibration:
    """Return the calibration that worlds give."""
    base = AlertOptions()
    stages: dict[str, StageOptions] = {"detect": DetectOptions(), "features": FeatureOptions(), "sites": SiteOptions()}
    return Calibration(
        detector=f"{detect.DETECTOR.name}-{detect.DETECTOR.version}",
        made=dt.datetime.now(dt.UTC).date().isoformat(),
        ground=GROUND,
        settings=about.settings,
        seeds=about.seeds,
        km2_months=round(sum(world.km2_months for world in worlds), 3),
        total=totals(worlds),
        provisional_hits=base.provisional_hits,
        options={name: options.digest() for name, options in stages.items()},
        curves=sweep(worlds, CONFIDENCES, AREAS_HA, base),
        belief=belief_map,
        belief_seeds=about.belief_seeds,
        site=_site_map(worlds),
    )


def _site_map(worlds: Sequence[Watched]) -> BeliefMap:
    """Return the map from a site's confidence to the share of such sites that are being dug, if any was seen."""
    counts = assess.pool_counts([world.site_beliefs(AREAS_HA[0]) for world in worlds])
    if not 0 < counts.so.sum() < counts.counts.sum():
        return BeliefMap()
    return assess.fit_belief_map(counts, _SITE_KNOTS, prior=_SITE_PRIOR)


def page(calibration: Calibration, fitted: BeliefMap, worlds: Sequence[Watched], held_out: Sequence[Watched]) -> str:
    """Return the page, and draw its picture.

    Parameters
    ----------
    fitted : BeliefMap
        The map that was fitted, whether or not the calibration carries it.
    """
    _draw(calibration, fitted, worlds)
    beliefs = _belief_table(fitted, calibration, worlds, held_out)
    return (
        "# Operating points and calibrated beliefs\n\n"
        f"Settings: {', '.join(calibration.settings)}. The map of beliefs was fitted on seeds "
        f"{_listed(calibration.belief_seeds) or 'none'}, the curves measured on seeds {_listed(calibration.seeds)}: "
        f"{calibration.km2_months:,.0f} km² months, in which no rate below "
        f"{resolvable_rate(calibration.km2_months) * 1000.0:.2g} per 1,000 km² and month can be vouched for.\n\n"
        "![False alerts and sites found by confidence; beliefs and confidences against the truth](operating.png)\n\n"
        f"## False alerts by the confidence asked for\n\n{_curve_table(calibration)}\n"
        "Rates are per 1,000 km² and month, with exact 95 % intervals. They take false alerts for independent of each "
        "other; those of one world are not wholly so.\n\n"
        f"## Asked for, and what came on worlds held out\n\n{_held_out_table(calibration, held_out)}\n"
        f"## Beliefs against the truth, on the worlds of the curves\n\n{beliefs}\n"
        f"Intervals: worlds drawn again with replacement, 1,000 times. {_map_sentence(calibration, fitted)}\n"
    )


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _curve_table(calibration: Calibration) -> str:
    exposure = calibration.km2_months / 1000.0
    columns = ["confidence", *(f"false, from {curve.min_area_ha:g} ha" for curve in calibration.curves)]
    columns += [f"found {size} ha" for size in SIZES]
    rows = []
    for place, confidence in enumerate(calibration.curves[0].confidence):
        if place % 2:
            continue
        cells = [f"{confidence:.2f}"]
        for curve in calibration.curves:
            count = curve.false_alerts[place]
            low, high = poisson_interval(count, exposure)
            cells.append(f"{count}: {count / exposure:.1f} [{low:.1f}–{high:.1f}]")
        found = calibration.curves[0].found
        cells += [f"{found[size][place]}/{calibration.total[size]}" for size in SIZES]
        rows.append(cells)
    return table(columns, rows)


def _held_out_table(calibration: Calibration, held_out: Sequence[Watched]) -> str:
    """Return, for each rate asked for, the confidence chosen and the rate that came."""
    if not held_out:
        return "No worlds were held out.\n"
    months = sum(world.km2_months for world in held_out)
    rows = [_held_out_row(calibration, held_out, asked, area) for asked in TARGETS for area in AREAS_HA[:2]]
    head = f"Worlds {', '.join(world.name for world in held_out)}: {months:,.0f} km² months.\n\n"
    return head + table(["asked", "from ha", "confidence", "came", "came over asked", "found"], rows)


def _held_out_row(calibration: Calibration, held_out: Sequence[Watched], asked: float, area: float) -> list[str]:
    try:
        confidence = alerts.confidence_for(calibration, asked, area)
    except BadInputError as error:
        return [f"{asked:g}", f"{area:g}", "refused", error.what.partition(": ")[2].rstrip("."), "", ""]
    options = AlertOptions(min_area_ha=area, provisional_confidence=confidence)
    tallies = [tally(world, options) for world in held_out]
    exposure = sum(world.km2_months for world in held_out) / 1000.0
    count = sum(one.false_alerts for one in tallies)
    low, high = poisson_interval(count, exposure)
    sizes = totals(held_out)
    found = [f"{found_of(held_out, tallies, size)}/{sizes[size]} ({size} ha)" for size in SIZES]
    came = f"{count}: {count / exposure:.1f} [{low:.1f}–{high:.1f}]"
    return [f"{asked:g}", f"{area:g}", f"{confidence:.3f}", came, f"{count / exposure / asked:.2f}", ", ".join(found)]


def _belief_table(
    fitted: BeliefMap, calibration: Calibration, worlds: Sequence[Watched], held_out: Sequence[Watched]
) -> str:
    pixels = [world.pixels for world in worlds]
    sites = [world.site_beliefs(AREAS_HA[0]) for world in worlds]
    others = [world.site_beliefs(AREAS_HA[0]) for world in held_out]
    rows = [
        _error_row("pixels, as believed", pixels, None, 0.0),
        _error_row("pixels, mapped", pixels if fitted.believed else [], fitted, 0.0),
        _error_row(f"pixels believed {CLAIMED:g} or more, as believed", pixels, None, CLAIMED),
        _error_row(f"pixels believed {CLAIMED:g} or more, mapped", pixels if fitted.believed else [], fitted, CLAIMED),
        _error_row("sites in dekads seen mined, their confidence", sites, None, 0.0),
        _error_row("sites of worlds held out, their confidence", others, None, 0.0),
        _error_row("sites of worlds held out, the share told with it", others, calibration.site, 0.0),
    ]
    return table(["what", "how many", "error of calibration", "95 %", "Brier"], [row for row in rows if row])


def _error_row(what: str, parts: Sequence[BeliefCounts], belief_map: BeliefMap | None, from_prob: float) -> list[str]:
    if not parts:
        return []
    try:
        whole = assess.mapped_reliability(assess.pool_counts(parts), belief_map, from_prob=from_prob)
        low, high = assess.bootstrap_error(parts, belief_map, from_prob=from_prob)
    except BadInputError:
        return []  # nothing was believed as much
    return [what, f"{whole.counts.sum():,}", f"{whole.ece:.4f}", f"{low:.4f}–{high:.4f}", f"{whole.brier:.4f}"]


def _map_sentence(calibration: Calibration, fitted: BeliefMap) -> str:
    if not calibration.belief_seeds:
        return "No map was fitted: kpgeo takes this version's beliefs as they are."
    sites = SiteOptions()
    thresholds = np.array([sites.seed_prob, sites.grow_prob], dtype=np.float32)
    seed, grow = calibrate_prob(thresholds, fitted.knots)
    said = "The map is shown for what it would do and not carried: kpgeo takes this version's beliefs as they are."
    if calibration.belief.believed:
        said = "The map is carried: kpgeo applies it before it outlines anything, and the curves were measured with it."
    return (
        f"{said} By the map, {sites.seed_prob:g} and {sites.grow_prob:g} as believed (`seed_prob` and `grow_prob`, as "
        f"they stand) are {seed:.2f} and {grow:.2f}."
    )


def _draw(calibration: Calibration, fitted: BeliefMap, worlds: Sequence[Watched]) -> None:
    figure, panels = plt.subplots(1, 4, figsize=(15, 3.6), layout="constrained")
    exposure = calibration.km2_months / 1000.0
    for curve, shade in zip(calibration.curves, ("#12395f", "#1f5f99", "#6fa1cf", "#b5cde5"), strict=False):
        bounds = [poisson_interval(count, exposure) for count in curve.false_alerts]
        rates = [count / exposure for count in curve.false_alerts]
        panels[0].plot(curve.confidence, rates, color=shade, label=f"from {curve.min_area_ha:g} ha")
        if curve is calibration.curves[0]:
            panels[0].fill_between(curve.confidence, *zip(*bounds, strict=True), color=shade, alpha=0.12, linewidth=0)
    panels[0].axhline(resolvable_rate(calibration.km2_months) * 1000.0, color="#999999", linestyle=":", label="least")
    panels[0].set(xlabel="confidence asked for", ylabel="false alerts per 1,000 km² and month", ylim=(0, None))
    panels[0].legend(frameon=False, fontsize=8)
    first = calibration.curves[0]
    rates = [count / exposure for count in first.false_alerts]
    for size, colour in zip(SIZES, ("#1f5f99", "#6fa1cf", "#c96f2e"), strict=False):
        if calibration.total[size]:
            share = [count / calibration.total[size] for count in first.found[size]]
            panels[1].plot(rates, share, marker=".", color=colour, label=f"{size} ha ({calibration.total[size]})")
    panels[1].set(xlabel="false alerts per 1,000 km² and month", ylabel="share of new sites found", ylim=(0, 1))
    panels[1].legend(frameon=False, fontsize=8)
    pixels = assess.pool_counts([world.pixels for world in worlds])
    _diagonal(panels[2], assess.mapped_reliability(pixels), "as believed", "#c96f2e")
    if fitted.believed:
        _diagonal(panels[2], assess.mapped_reliability(pixels, fitted), "mapped", "#1f5f99")
    panels[2].set(xlabel="belief that a pixel is mined", ylabel="share that is")
    sites = assess.pool_counts([world.site_beliefs(AREAS_HA[0]) for world in worlds])
    if sites.counts.any():
        _diagonal(panels[3], assess.mapped_reliability(sites), "confidence", "#c96f2e")
        _diagonal(panels[3], assess.mapped_reliability(sites, calibration.site), "share told with it", "#1f5f99")
    panels[3].set(xlabel="confidence of a site", ylabel="share that is being dug")
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    DOCS.mkdir(parents=True, exist_ok=True)
    figure.savefig(DOCS / "operating.png", dpi=110)
    plt.close(figure)


def _diagonal(axes: plt.Axes, found: Reliability, label: str, colour: str) -> None:
    """Draw one reliability diagram; a bin of fewer than 20 is left out."""
    known = found.counts >= 20
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=0.8)
    axes.plot(found.mean_prob[known], found.mined_share[known], marker="o", markersize=4, color=colour, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False, fontsize=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", default="standard", help="comma between them")
    parser.add_argument("--belief-seeds", type=int, nargs="+", default=list(range(1, 9)), help="for the map of beliefs")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(11, 41)), help="for the curves")
    parser.add_argument("--held-out", type=int, nargs="*", default=[], help="to hold what comes against what was asked")
    parser.add_argument("--size", type=int, default=384, help="edge of a world, px")
    parser.add_argument("--years", type=float, nargs=2, default=[2.0, 2.0], help="of history, monitored")
    parser.add_argument("--density", type=float, default=1.0, help="density of workings, relative to the usual")
    parser.add_argument("--cache", type=Path, help="folder rendered cubes are kept in")
    parser.add_argument("--identity", action="store_true", help="take beliefs as they are: carry no map")
    parser.add_argument("--write", action="store_true", help="put the calibration where the detector carries it")
    given = parser.parse_args()
    if len({*given.belief_seeds, *given.seeds, *given.held_out}) < len(
        [*given.belief_seeds, *given.seeds, *given.held_out]
    ):
        parser.error("a seed is named twice")
    about, words = machine(), " ".join(sys.argv[1:])
    cache = given.cache or Path(tempfile.mkdtemp(prefix="kpgeo-bench-"))

    def watched(seeds: Sequence[int], belief_map: BeliefMap) -> list[Watched]:
        worlds = []
        for name in given.settings.split(","):
            for seed in seeds:
                setting = SETTINGS[name]
                options = setting.options(seed, given.size, tuple(given.years), given.density)
                worlds.append(watch_cube(cube_of(setting, options, cache), belief_map))
                print(f"watched {worlds[-1].name}", flush=True)
        return worlds

    first = watched(given.belief_seeds, BeliefMap())
    fitted = assess.fit_belief_map(assess.pool_counts([world.pixels for world in first]))
    carried = BeliefMap() if given.identity else fitted
    worlds = watched(given.seeds, carried)
    named = About(
        settings=tuple(given.settings.split(",")), belief_seeds=tuple(given.belief_seeds), seeds=tuple(given.seeds)
    )
    calibration = calibrate(worlds, carried, named)
    text = page(calibration, fitted, worlds, watched(given.held_out, carried))
    write_page("operating", f"{text}\n{about} `python -m benchmarks.operating {words}`.\n")
    path = detect.calibration_path() if given.write else DOCS / "operating.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(detect.format_calibration(calibration), encoding="utf-8")
    print(f"wrote {path}")
    if given.cache is None:
        shutil.rmtree(cache)


if __name__ == "__main__":
    main()
