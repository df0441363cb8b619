"""Declared figures against known digging: how often the capacity interval holds the truth, and verdicts are right.

Worlds are watched as a run watches them, and their activity is measured by half-year. What the ground truly yielded is
drawn: the truly dug area of each stratum, times factors from the priors that the area itself carries. So the priors are
right here by construction, and what is put to the test is the measured area, its interval, and the rules.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.common import machine, table, write_page
from benchmarks.cubes import Cube, cube_of
from benchmarks.operating import believe
from benchmarks.settings import SETTINGS
from benchmarks.sweeping import Watched
from kpgeo import assess, production
from kpgeo.model.aoi import Sourced
from kpgeo.model.calendar import Period, dekad_end, dekad_of
from kpgeo.model.production import Activity, DeclaredFigure, DeclaredKind, Verdict
from kpgeo.model.run import Coverage
from kpgeo.model.site import Area
from kpgeo.model.state import DekadFields
from kpgeo.options.production import ProductionOptions
from kpgeo.options.sites import SiteOptions
from kpgeo.production import ActivityInputs, CapacityPart, draw_capacity

HINDSIGHT_DEKADS = 9
LEAST_HA = 0.1
OPTIONS = ProductionOptions()
STRATA_ONLY = ProductionOptions(count_outside=False)
SOURCE = Sourced(source="drawn", confidence="high")
INTERVALS = {
    "area measured in the strata": STRATA_ONLY,
    "the same, and digging outside at the most generous priors (the default)": OPTIONS,
    "area as it was": None,
}
HONEST, TENFOLD, SILENT = "true, or up to two fifths less", "ten times the truth", "nothing, while digging goes on"


@dataclass(frozen=True, kw_only=True)
class Half:
    """One half-year of one world: the activity measured, and the area truly dug, by stratum id ("" outside)."""

    cube: Cube
    period: Period
    activities: tuple[Activity, ...]
    true_ha: dict[str, float]


def halves_of(cube: Cube) -> Iterator[Half]:
    """Watch a world, and yield its half-years."""
    world = Watched(name=cube.name, truth=assess.read_truth(cube.folder), place=cube.watch.place)
    held: dict[int, DekadFields] = {}

    def kept() -> Iterator[DekadFields]:
        for fields in believe(cube):
            held[fields.dekad] = fields
            yield fields

    world.follow(kept(), SiteOptions())
    rows = dict(world.rows)
    last = max(held)
    day = cube.monitor_day
    while True:
        period = Period.half_year_of(day)
        if period.end_day > dekad_end(last):
            return
        if period.start_day >= cube.monitor_day:
            seen_at = min(dekad_of(period.end_day - 1) + HINDSIGHT_DEKADS, last)
            yield _half(cube, period, held[seen_at], [one for one in rows[seen_at] if not one.merged_into])
        day = period.end_day


def _half(cube: Cube, period: Period, fields: DekadFields, sites: Sequence[object]) -> Half:
    place = cube.watch.place
    in_site = np.zeros(cube.shape, dtype=np.bool_)
    for site in sites:
        in_site[place.pixels_of(site.geometry).index] = True  # type: ignore[attr-defined]
    inside, pixel_ha = cube.watch.inside, 0.01
    dekads = range(dekad_of(period.start_day), dekad_of(period.end_day - 1) + 1)
    coverage = [
        Coverage(aoi_id=place.aoi_id, dekad=one, stratum_id="*", scenes=1, look_frac=1.0, optical_frac=1.0)
        for one in dekads
    ]
    inputs = ActivityInputs(
        aoi_id=place.aoi_id, fields=fields, strata_ids=place.strata_ids, stratum_index=place.stratum_index,
        inside=inside, in_site=in_site, pixel_ha=pixel_ha, coverage=coverage,
    )  # fmt: skip
    ends = cube.truth.mined_percent[min(dekads[-1], cube.dekads()[-1]) - cube.dekads()[0]]
    is_new = (cube.truth.first_day >= period.start_day) & (cube.truth.first_day < period.end_day) & inside
    true_ha = {
        stratum: float(ends[is_new & (place.stratum_index == index)].sum()) / 100.0 * pixel_ha
        for index, stratum in [*enumerate(place.strata_ids, start=1), (0, "")]
    }
    return Half(
        cube=cube,
        period=period,
        activities=production.measure_activity(inputs, period, OPTIONS),
        true_ha=true_ha,
    )


def draw(half: Half, seed: int) -> float:
    """Return the carats that the strata's truly dug ground yielded, with factors of one draw of the priors."""
    parts = [
        CapacityPart(
            priors=stratum.priors,
            new_area=Area(ha=ha, low_ha=ha, high_ha=ha),
            deposit=str(stratum.deposit_type),
        )
        for stratum in half.cube.watch.aoi.strata
        if stratum.priors is not None and (ha := half.true_ha[stratum.id]) > 0.0
    ]
    draws = draw_capacity(parts, ProductionOptions(draws=1024), ("truth", seed))
    return float(draws.area_ct[seed % 1024])


def verdict_of(half: Half, carats: float | None) -> Verdict:
    """Return what is said of a declared figure; None is a missing one."""
    aoi = half.cube.watch.aoi
    figure = DeclaredFigure(
        participant=aoi.participant, iso3=aoi.iso3, period=half.period, aoi_id=aoi.id, carats=carats, value_usd=None,
        kind=DeclaredKind.MISSING if carats is None else DeclaredKind.FIGURE, as_published_on=None, source=SOURCE,
    )  # fmt: skip
    return production.compare_production(aoi, half.period, half.activities, [figure], (), OPTIONS).verdict


def interval_of(half: Half, options: ProductionOptions | None) -> tuple[float, float]:
    """Return the 90 % interval of the capacity, from the area measured, or (None) from the area as it truly was."""
    aoi = half.cube.watch.aoi
    if options is not None:
        row = production.compare_production(aoi, half.period, half.activities, [], (), options)
        return (row.capacity.low_ct, row.capacity.high_ct) if row.capacity else (0.0, 0.0)
    parts = [
        CapacityPart(priors=one.priors, new_area=Area(ha=ha, low_ha=ha, high_ha=ha), deposit=str(one.deposit_type))
        for one in aoi.strata
        if one.priors is not None and (ha := half.true_ha[one.id]) > 0.0
    ]
    capacity = draw_capacity(parts, OPTIONS, (aoi.id,)).area_interval()
    return capacity.low_ct, capacity.high_ct


def score(halves: Sequence[Half], draws: int) -> str:
    """Return the page's tables."""
    usable = [one for one in halves if sum(ha for key, ha in one.true_ha.items() if key) >= LEAST_HA]
    rng = np.random.default_rng(7)
    held: Counter[str] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    for seed in range(draws):
        half = usable[int(rng.integers(len(usable)))]
        truth = draw(half, seed)
        for name, options in INTERVALS.items():
            low, high = interval_of(half, options)
            held[name] += low <= truth <= high
            held[f"{name}, truth above"] += truth > high
        for name, carats in ((HONEST, truth * rng.uniform(0.6, 1.0)), (TENFOLD, 10.0 * truth), (SILENT, None)):
            right[name, str(verdict_of(half, carats))] += 1
    ratios = [
        sum(one.new_area.ha for one in half.activities if one.stratum_id)
        / sum(ha for key, ha in half.true_ha.items() if key)
        for half in usable
    ]
    inside = table(
        ("interval from", "holds the truth", "truth above it"),
        [(n, f"{held[n] / draws:.3f}", f"{held[f'{n}, truth above'] / draws:.3f}") for n in INTERVALS],
    )
    verdicts = table(
        ("declared", "verdict", "of draws"),
        [(name, verdict, f"{count / draws:.3f}") for (name, verdict), count in sorted(right.items())],
    )
    worlds = len({one.cube.name for one in halves})
    return (
        f"{len(usable)} half-years of {worlds} worlds in which at least {LEAST_HA} ha were newly dug in the strata, "
        f"{draws} draws. Measured over true area: median {np.median(ratios):.2f}, "
        f"quartiles {np.quantile(ratios, 0.25):.2f} to {np.quantile(ratios, 0.75):.2f}.\n\n"
        f"## The 90 % interval\n\n{inside}\nThe aim is 0.88 to 0.92.\n\n## Verdicts\n\n{verdicts}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[41, 42, 43, 44, 45, 46])
    parser.add_argument("--size", type=int, default=384, help="edge of a world, px")
    parser.add_argument("--draws", type=int, default=200)
    given = parser.parse_args()
    about, cache = machine(), Path(tempfile.mkdtemp(prefix="kpgeo-bench-"))
    halves: list[Half] = []
    for seed in given.seeds:
        setting = SETTINGS["standard"]
        options = setting.options(seed, given.size, (2.0, 2.0), 4.0)
        halves += list(halves_of(cube_of(setting, options, cache)))
        print(f"watched {seed}: {len(halves)} half-years", flush=True)
    intro = (
        "# Declared figures against known digging\n\n"
        "Worlds of the simulator, watched as a run watches them; four times the usual density of workings. What the "
        "strata yielded is drawn from the priors their area carries and the area truly dug, so the priors are right "
        "by construction: tested are the measured area, its interval, and the rules.\n\n"
    )
    words = "".join(f" {word}" for word in sys.argv[1:])
    write_page("declaring", f"{intro}{score(halves, given.draws)}\n{about} `python -m benchmarks.declaring{words}`.\n")
    shutil.rmtree(cache)


if __name__ == "__main__":
    main()
