"""Declared figures against known digging: how often area and capacity intervals hold the truth, and verdicts are right.

Worlds are watched as a run watches them, and their activity is measured by half-year. What the ground truly yielded is
drawn: the truly dug area of each stratum, times factors from the priors that the area itself carries. So the priors are
right here by construction, and what is put to the test is the measured area, its interval, and the rules.

Newly dug is what was broken for the first time in the half-year, in cells of 2.5 m: also beside what was broken before,
within a pixel that a working had touched already.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import machine, table, write_page
from benchmarks.cubes import Cube, cube_of
from benchmarks.operating import believe
from benchmarks.settings import SETTINGS
from benchmarks.sweeping import Watched
from kpgeo import assess, production
from kpgeo.model.aoi import CapacityPriors, LabourPriors, Prior, Sourced
from kpgeo.model.calendar import Period, dekad_end, dekad_of
from kpgeo.model.production import Activity, Comparison, DeclaredFigure, DeclaredKind, Verdict
from kpgeo.model.run import Coverage
from kpgeo.model.site import Area
from kpgeo.model.state import DekadFields
from kpgeo.options.production import ProductionOptions
from kpgeo.options.sim import SimOptions
from kpgeo.options.sites import SiteOptions
from kpgeo.production import ActivityInputs, CapacityPart, draw_capacity
from kpgeo.production.activity import was_dug
from kpgeo.production.yields import draw_yields
from kpgeo.sim.digging import CELL_HA, FINE
from kpgeo.sim.ground import draw_terrain
from kpgeo.sim.landscape import NEVER

HINDSIGHT_DEKADS = 9
LEAST_HA = 0.1
PIXEL_HA = 0.01
OPTIONS = ProductionOptions()
SOURCE = Sourced(source="drawn", confidence="high")
REPORTED, KNOWN = "as kpgeo reports it: from the area measured in the strata", "from the area as it was"
HONEST, TENFOLD, SILENT = "true, or up to two fifths less", "ten times the truth", "nothing, while digging goes on"
STRATA, PERIODS, SEEDS = 30, 40, 20


@dataclass(frozen=True, kw_only=True)
class Half:
    """One half-year of one world.

    Attributes
    ----------
    activities : tuple of Activity
        As kpgeo measures them, one a stratum and one for the land outside (id "").
    true_ha : dict
        Truly newly dug, by stratum id.
    shares : dict
        In the strata, ha: of what is measured as newly dug, by what it is; of what is, by what became of it.
    reported : Comparison
        Without a declared figure.
    known : tuple of float
        The 90 % interval of the capacity of the area as it was.
    yielded_ct : float64 (draws,)
        Carats that the strata's truly dug ground yielded, by draws of the priors.
    """

    cube: Cube
    period: Period
    activities: tuple[Activity, ...]
    true_ha: dict[str, float]
    shares: dict[str, float]
    reported: Comparison
    known: tuple[float, float]
    yielded_ct: NDArray[np.float64]


def born_in(options: SimOptions) -> Callable[[int, int], NDArray[np.float32]]:
    """Return a function that gives the ha of each pixel (y, x) that are first dug in half-open days."""
    terrain = draw_terrain(options)
    frame = terrain.frame
    born = np.full((frame.size * FINE, frame.size * FINE), NEVER, dtype=np.float32)
    for digging in terrain.diggings:
        rows, cols = digging.window
        fine = (slice(rows.start * FINE, rows.stop * FINE), slice(cols.start * FINE, cols.stop * FINE))
        born[fine] = np.minimum(born[fine], digging.born_day)
    cells = born.reshape(frame.size, FINE, frame.size, FINE).transpose(0, 2, 1, 3).reshape(frame.size, frame.size, -1)
    inner = cells[frame.inner]
    return lambda begin, end: (((inner >= begin) & (inner < end)).sum(axis=-1) * CELL_HA).astype(np.float32)


def halves_of(cube: Cube, options: SimOptions) -> Iterator[Half]:
    """Watch a world, and yield its half-years."""
    world = Watched(name=cube.name, truth=assess.read_truth(cube.folder), place=cube.watch.place)
    held: dict[int, DekadFields] = {}

    def kept() -> Iterator[DekadFields]:
        for fields in believe(cube):
            held[fields.dekad] = fields
            yield fields

    world.follow(kept(), SiteOptions())
    rows, born = dict(world.rows), born_in(options)
    last, day = max(held), cube.monitor_day
    while True:
        period = Period.half_year_of(day)
        if period.end_day > dekad_end(last):
            return
        if period.start_day >= cube.monitor_day:
            seen_at = min(dekad_of(period.end_day - 1) + HINDSIGHT_DEKADS, last)
            in_site = np.zeros(cube.shape, dtype=np.bool_)
            for site in rows[seen_at]:
                if not site.merged_into:
                    in_site[cube.watch.place.pixels_of(site.geometry).index] = True
            yield _half(cube, period, held[seen_at], in_site, born)
        day = period.end_day


def _half(
    cube: Cube,
    period: Period,
    fields: DekadFields,
    in_site: NDArray[np.bool_],
    born: Callable[[int, int], NDArray[np.float32]],
) -> Half:
    aoi, place, inside = cube.watch.aoi, cube.watch.place, cube.watch.inside
    dekads = range(dekad_of(period.start_day), dekad_of(period.end_day - 1) + 1)
    coverage = [
        Coverage(aoi_id=place.aoi_id, dekad=one, stratum_id="*", scenes=1, look_frac=1.0, optical_frac=1.0)
        for one in dekads
    ]
    inputs = ActivityInputs(
        aoi_id=place.aoi_id, fields=fields, strata_ids=place.strata_ids, stratum_index=place.stratum_index,
        inside=inside, in_site=in_site, pixel_ha=PIXEL_HA, coverage=coverage,
    )  # fmt: skip
    activities = production.measure_activity(inputs, period, OPTIONS)
    new_ha = born(period.start_day, period.end_day)
    true_ha = {
        stratum: float(new_ha[inside & (place.stratum_index == index)].sum())
        for index, stratum in [*enumerate(place.strata_ids, start=1), (0, "")]
    }
    parts = [
        CapacityPart(priors=one.priors, new_area=Area(ha=ha, low_ha=ha, high_ha=ha), deposit=str(one.deposit_type))
        for one in aoi.strata
        if one.priors is not None and (ha := true_ha[one.id]) > 0.0
    ]
    known = draw_capacity(parts, OPTIONS, (aoi.id,)).area_interval()
    return Half(
        cube=cube,
        period=period,
        activities=activities,
        true_ha=true_ha,
        shares=_shares(inputs, period, new_ha, born(0, period.start_day)),
        reported=_compare(aoi, period, activities, []),
        known=(known.low_ct, known.high_ct),
        yielded_ct=draw_capacity(parts, OPTIONS, ("truth", cube.name, period.label)).area_ct,
    )


def _shares(
    inputs: ActivityInputs, period: Period, new_ha: NDArray[np.float32], before_ha: NDArray[np.float32]
) -> dict[str, float]:
    """Return where measured and true area of the strata meet and where they do not, ha."""
    in_strata = inputs.inside & (inputs.stratum_index > 0)
    onset = inputs.fields.onset_day.astype(np.int64)
    is_dated = in_strata & inputs.in_site & (onset > 0)
    is_new = is_dated & (onset >= period.start_day) & (onset < period.end_day)
    measured = np.where(is_new, was_dug(inputs.fields) * PIXEL_HA, 0.0)
    whole = np.maximum(new_ha + before_ha, 1e-9)
    return {
        "measured: newly dug": float((measured * new_ha / whole)[is_new].sum()),
        "measured: dug before": float((measured * before_ha / whole)[is_new].sum()),
        "measured: other ground": float(measured[is_new & (new_ha + before_ha <= 0.0)].sum()),
        "true: in pixels dated to the half-year": float(new_ha[is_new].sum()),
        "true: in pixels of sites dated otherwise": float(new_ha[is_dated & ~is_new].sum()),
        "true: missed": float(new_ha[in_strata & ~is_dated].sum()),
    }


def _compare(aoi: object, period: Period, activities: Sequence[Activity], figures: list[DeclaredFigure]) -> Comparison:
    return production.compare_production(aoi, period, activities, figures, (), OPTIONS)  # type: ignore[arg-type]


def verdict_of(half: Half, carats: float | None) -> str:
    """Return what is said of a declared figure; None is a missing one."""
    aoi = half.cube.watch.aoi
    figure = DeclaredFigure(
        participant=aoi.participant, iso3=aoi.iso3, period=half.period, aoi_id=aoi.id, carats=carats, value_usd=None,
        kind=DeclaredKind.MISSING if carats is None else DeclaredKind.FIGURE, as_published_on=None, source=SOURCE,
    )  # fmt: skip
    row = _compare(aoi, half.period, half.activities, [figure])
    why = ", ".join(row.reasons)
    return f"{row.verdict}: {why}" if row.verdict is Verdict.NOT_ASSESSABLE else str(row.verdict)


def in_strata(half: Half) -> float:
    """Return the ha newly dug in the strata."""
    return sum(ha for stratum, ha in half.true_ha.items() if stratum)


def score(halves: Sequence[Half], draws: int) -> str:
    """Return the tables of one kind of worlds."""
    usable = [half for half in halves if in_strata(half) >= LEAST_HA and half.reported.capacity is not None]
    rng = np.random.default_rng(7)
    held: Counter[str] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    for _ in range(draws):
        half = usable[int(rng.integers(len(usable)))]
        truth = float(rng.choice(half.yielded_ct))
        capacity = half.reported.capacity
        ends = {REPORTED: (capacity.low_ct, capacity.high_ct) if capacity else (0.0, 0.0), KNOWN: half.known}
        for name, (low, high) in ends.items():
            held[name] += low <= truth <= high
            held[f"{name}, above"] += truth > high
        for name, carats in ((HONEST, truth * rng.uniform(0.6, 1.0)), (TENFOLD, 10.0 * truth), (SILENT, None)):
            right[name, verdict_of(half, carats)] += 1
    sd = np.sqrt(0.9 * 0.1 / draws)
    inside = table(
        ("90 % interval of capacity", "holds the truth", "truth above it", "truth below it"),
        [
            (
                name,
                f"{held[name] / draws:.3f}",
                f"{held[f'{name}, above'] / draws:.3f}",
                f"{1.0 - (held[name] + held[f'{name}, above']) / draws:.3f}",
            )
            for name in (REPORTED, KNOWN)
        ],
    )
    verdicts = table(
        ("declared", "verdict", "of draws"),
        [(name, verdict, f"{count / draws:.3f}") for (name, verdict), count in sorted(right.items())],
    )
    worlds = len({half.cube.name for half in halves})
    return (
        f"{len(usable)} half-years of {worlds} worlds in which at least {LEAST_HA} ha were newly dug in the strata, "
        f"{draws} draws: a share of 0.9 among as many is known to {sd:.3f}, and less well than that, for the draws of "
        f"one half-year share its area.\n\n{inside}\n{_areas(halves)}\n{_why(halves)}\n{verdicts}\n"
    )


def _areas(halves: Sequence[Half]) -> str:
    """Return how measured areas lie to true ones."""
    rows = []
    sums = [(in_strata(half), _sum([one.new_area for one in half.activities if one.stratum_id])) for half in halves]
    strata = [(half.true_ha[one.stratum_id], one.new_area) for half in halves for one in half.activities]
    is_outside = [one.stratum_id == "" for half in halves for one in half.activities]
    for name, pairs in (
        ("strata together", sums),
        ("each stratum", [pair for pair, outside in zip(strata, is_outside, strict=True) if not outside]),
        ("outside the strata", [pair for pair, outside in zip(strata, is_outside, strict=True) if outside]),
    ):
        known = [(true, area) for true, area in pairs if true >= LEAST_HA and area.ha > 0.0]
        ratios = np.log([area.ha / true for true, area in known])
        rows.append(
            (
                name,
                len(pairs),
                f"{sum(area.ha for _, area in pairs) / sum(true for true, _ in pairs):.2f}",
                f"{np.exp(np.median(ratios)):.2f}",
                f"{np.exp(np.quantile(ratios, 0.25)):.2f} to {np.exp(np.quantile(ratios, 0.75)):.2f}",
                f"{np.mean([area.low_ha <= true <= area.high_ha for true, area in pairs]):.2f}",
                f"{np.mean([true > area.high_ha for true, area in pairs]):.2f}",
            )
        )
    columns = ("newly dug area", "cases", "all / true", "median", "quartiles", "90 % interval holds it", "true above")
    return table(columns, rows)


def _why(halves: Sequence[Half]) -> str:
    """Return what measured and true area are made of."""
    rows = []
    for kind in ("measured", "true"):
        names = [name for name in halves[0].shares if name.startswith(kind)]
        amounts = {name: sum(half.shares[name] for half in halves) for name in names}
        rows += [(name, f"{ha:.1f}", f"{ha / sum(amounts.values()):.2f}") for name, ha in amounts.items()]
    return table(("in the strata, all half-years", "ha", "share"), rows)


def _sum(areas: Sequence[Area]) -> Area:
    return Area(
        ha=sum(one.ha for one in areas),
        low_ha=sum(one.low_ha for one in areas),
        high_ha=sum(one.high_ha for one in areas),
    )


def sampling() -> str:
    """Return how exact and how fast the draws are: many strata over many periods, both routes."""
    parts = [_part(number) for number in range(STRATA)]
    rows = []
    for power in (10, 12, 13, 14, 16):
        options = ProductionOptions(draws=2**power)
        ends = {}
        for name, some in (("one stratum", parts[:1]), (f"{STRATA} strata", parts)):
            totals = [draw_capacity(some, options, ("seed", seed)) for seed in range(SEEDS)]
            quantiles = np.array([np.quantile(one.area_ct, [0.05, 0.5, 0.95]) for one in totals])
            figure = float(quantiles[:, 2].mean())
            probs = np.array([np.mean(one.area_ct < figure) for one in totals])
            spread = quantiles.std(axis=0, ddof=1) / quantiles.mean(axis=0)
            ends[name] = (*(f"{100.0 * one:.2f} %" for one in spread), f"{probs.std(ddof=1):.4f}")
        draw_yields.cache_clear()
        begun = time.process_time()
        for period in range(PERIODS):
            total = draw_capacity([_part(number, 1.0 + 0.05 * period) for number in range(STRATA)], options, ("time",))
            total.area_interval()
            total.labour_interval()
        spent = time.process_time() - begun
        rows += [
            (f"{2**power:,}", name, *cells, f"{spent:.2f} s" if name != "one stratum" else "")
            for name, cells in ends.items()
        ]
    columns = (
        "draws",
        "of",
        "5 %",
        "50 %",
        "95 %",
        "a probability of 0.95",
        f"CPU time, {PERIODS} periods, both routes",
    )
    return table(columns, rows)


def _part(number: int, scale: float = 1.0) -> CapacityPart:
    """Return a stratum of the worked example of `docs/theory/production.md`, somewhat unlike the others."""
    ha, tilt = scale * (2.0 + number % 7), 1.0 + 0.01 * number

    def prior(family: str, low: float, high: float) -> Prior:
        return Prior(family=family, low=low, high=high, source=SOURCE)  # type: ignore[arg-type]

    priors = CapacityPriors(
        worked_frac=prior("beta", 4.0 * tilt, 4.0),
        gravel_m=prior("lognormal", 0.2 * tilt, 1.0 * tilt),
        grade_ct_per_m3=prior("lognormal", 0.3 * tilt, 1.9 * tilt),
        recovery_frac=prior("uniform", 0.6, 0.9),
        labour=LabourPriors(
            pits_per_ha=prior("lognormal", 2.0 * tilt, 20.0),
            miners_per_pit=prior("lognormal", 3.0, 8.0 * tilt),
            days_per_year=prior("uniform", 100.0, 250.0),
            m3_per_miner_day=prior("lognormal", 0.2, 1.0 * tilt),
        ),
    )
    area = Area(ha=ha, low_ha=ha / 1.6, high_ha=ha * 1.7)
    deposit = ("alluvial-flat", "terrace", "dyke")[number % 3]
    return CapacityPart(priors=priors, new_area=area, deposit=deposit, standing_area=area, years=0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dense", type=int, nargs="+", default=[41, 42, 43, 44, 45, 46], help="four times the workings"
    )
    parser.add_argument("--usual", type=int, nargs="*", default=[47, 48, 49, 50], help="the usual density of workings")
    parser.add_argument("--size", type=int, default=384, help="edge of a world, px")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--cache", type=Path, help="folder rendered cubes are kept in")
    given = parser.parse_args()
    about, cache = machine(), given.cache or Path(tempfile.mkdtemp(prefix="kpgeo-bench-"))
    timed = sampling()
    print(timed, flush=True)
    sections = []
    for title, density, seeds in (
        ("Four times the usual density of workings", 4.0, given.dense),
        ("The usual density of workings", 1.0, given.usual),
    ):
        halves: list[Half] = []
        for seed in seeds:
            options = SETTINGS["standard"].options(seed, given.size, (2.0, 2.0), density)
            halves += list(halves_of(cube_of(SETTINGS["standard"], options, cache), options))
            print(f"watched {seed}: {len(halves)} half-years", flush=True)
        if halves:
            sections.append(f"## {title}\n\nSeeds {', '.join(map(str, seeds))}. {score(halves, given.draws)}")
    words = "".join(f" {word}" for word in sys.argv[1:])
    write_page("declaring", _page(sections, timed, f"{about} `python -m benchmarks.declaring{words}`."))
    if given.cache is None:
        shutil.rmtree(cache)


def _page(sections: Sequence[str], timed: str, about: str) -> str:
    return (
        "# Declared figures against known digging\n\n"
        "Worlds of the simulator, watched as a run watches them. What the strata yielded is drawn from priors of their "
        "area and from the area truly dug, so the priors are right by construction: tested are the measured area, "
        "its interval, and the rules. The options were set on other worlds (seeds 51 to 73). The aim is that the 90 % "
        "interval holds the truth in 0.88 to 0.92 of draws.\n\n"
        "Newly dug is what was broken for the first time in the half-year, in cells of 2.5 m, whether or not its pixel "
        "had been touched before.\n\n"
        "A figure between the truth and two fifths below it counts as an honest one: capacity is a ceiling. Digging of "
        "which less than `min_area_ha` is seen is not told where nothing is declared; a figure is not held to be above "
        "capacity where what could have gone unseen, or digging outside the strata, would explain it.\n\n"
        + "\n".join(sections)
        + f"\n## The draws\n\nScatter over {SEEDS} seeds, relative.\n\n{timed}\n{about}\n"
    )


if __name__ == "__main__":
    main()
