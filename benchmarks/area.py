"""How much ground kpgeo maps as mined, against what a simulated world holds: by world, month and size of working."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.common import DOCS, machine, table, write_page
from benchmarks.cubes import Cube, cube_of
from benchmarks.operating import believe
from benchmarks.settings import SETTINGS
from benchmarks.sweeping import Watched
from kpgeo import assess
from kpgeo.kernels.objects import Z90
from kpgeo.model.calendar import month_label
from kpgeo.model.site import Site, SiteStatus
from kpgeo.model.state import DekadFields
from kpgeo.options.sites import SiteOptions

_REACH_PX = 3
_LAST_OF_MONTH = 2
_SIZES = ((0.0, 0.1), (0.1, 0.3), (0.3, 1.0), (1.0, np.inf))
_EIGHT = np.ones((3, 3), dtype=bool)
_FIT_MONTHS = 4
_HELD = 0.9


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Ground no farther apart than 30 m that is mined, or mapped as mined, at the end of a month. Areas in ha.

    `seen` and `true` are the fractions of its mapped pixels, as kpgeo saw them and as they are.
    """

    world: str
    month: int
    true_ha: float
    mapped_ha: float
    low_ha: float
    high_ha: float
    true_within_ha: float
    seen: NDArray[np.float32]
    true: NDArray[np.float32]

    @property
    def is_found(self) -> bool:
        """Say whether true ground was mapped at all."""
        return self.true_ha > 0.0 and self.mapped_ha > 0.0


def patches_of(cube: Cube) -> list[Patch]:
    """Watch a world, and measure it month by month."""
    world = Watched(name=cube.name, truth=assess.read_truth(cube.folder), place=cube.watch.place)
    ends: dict[int, DekadFields] = {}

    def kept() -> Iterator[DekadFields]:
        for fields in believe(cube):
            if fields.dekad % 3 == _LAST_OF_MONTH:
                ends[fields.dekad] = fields
            yield fields

    world.follow(kept(), SiteOptions())
    return [patch for dekad, rows in world.rows if dekad in ends for patch in _patches(cube, ends[dekad], rows)]


def _patches(cube: Cube, fields: DekadFields, sites: Sequence[Site]) -> list[Patch]:
    """Return the patches of one month: sites and true ground within reach of one another are one patch."""
    place, pixel_ha = cube.watch.place, cube.watch.grid.pixel_ha
    percent = cube.truth.mined_percent[fields.dekad - cube.dekads()[0]]
    true = np.where(cube.watch.inside, percent, 0).astype(np.float32) / np.float32(100.0)
    owner = np.zeros(true.shape, dtype=np.int32)
    rows = [site for site in sites if not site.merged_into and site.status is not SiteStatus.CLOSED]
    for number, site in enumerate(rows, start=1):
        owner[place.pixels_of(site.geometry).index] = number
    near = ndimage.binary_dilation((true > 0) | (owner > 0), _EIGHT, iterations=(_REACH_PX + 1) // 2)
    labels, count = ndimage.label(near, _EIGHT)
    found = []
    for label in range(1, count + 1):
        is_here = labels == label
        is_mapped = is_here & (owner > 0)
        here = [rows[number - 1] for number in np.unique(owner[is_mapped])]
        found.append(
            Patch(
                world=cube.name.replace("standard-", "seed "),
                month=fields.dekad // 3,
                true_ha=float(true[is_here].sum()) * pixel_ha,
                mapped_ha=sum(site.area.ha for site in here),
                low_ha=sum(site.area.low_ha for site in here),
                high_ha=sum(site.area.high_ha for site in here),
                true_within_ha=float(true[is_mapped].sum()) * pixel_ha,
                seen=fields.mined_frac[is_mapped],
                true=true[is_mapped],
            )
        )
    return found


def fitted(patches: Sequence[Patch], used: SiteOptions) -> dict[str, float]:
    """Return the site options that these patches, mapped with the options `used`, speak for.

    `floor_frac` and `seen_frac` are where the mean true fraction of mapped pixels, by seen fraction, meets 0 and 1:
    the line through twenty groups of equal size, weighted alike. `beyond_factor` then makes the found patches add up,
    and `outline_sd` lets nine in ten intervals of those of 0.1 ha and more hold the truth.
    """
    found = [patch for patch in patches if patch.is_found]
    seen, true = np.concatenate([p.seen for p in found]), np.concatenate([p.true for p in found])
    groups = np.array_split(np.argsort(seen, kind="stable"), 20)
    x, y = (np.array([values[group].mean() for group in groups]) for values in (seen, true))
    slope, level = np.polyfit(x, y, 1)
    floor = float(np.clip(-level / slope, 0.0, 0.49)) if slope > 0 else 0.0
    full = float(np.clip((1.0 - level) / slope, max(floor + 0.05, 0.21), 1.0)) if slope > 0 else 1.0
    mapped = [_mapped_by(patch, used, floor, full) for patch in found]
    beyond = sum(p.true_ha for p in found) / max(sum(mapped), 1e-9)
    large = [(p, ha * beyond) for p, ha in zip(found, mapped, strict=True) if p.true_ha >= _SIZES[0][1]]
    return {
        "floor_frac": round(floor, 2),
        "seen_frac": round(full, 2),
        "beyond_factor": round(beyond, 2),
        "outline_sd": round(_outline_sd(large), 2),
    }


def _left_out(patches: Sequence[Patch], used: SiteOptions) -> list[float]:
    """Return mapped over true area of the found patches of each world, by what the other worlds speak for."""
    ratios = []
    for world in sorted({patch.world for patch in patches}):
        others = [patch for patch in patches if patch.world != world]
        mine = [patch for patch in patches if patch.world == world and patch.is_found]
        if not mine or not any(patch.is_found for patch in others):
            continue
        fit = fitted(others, used)
        mapped = sum(_mapped_by(patch, used, fit["floor_frac"], fit["seen_frac"]) for patch in mine)
        ratios.append(mapped * fit["beyond_factor"] / sum(patch.true_ha for patch in mine))
    return ratios


def _mapped_by(patch: Patch, used: SiteOptions, floor: float, full: float) -> float:
    """Return what a patch would be mapped as (ha) with other ends of the stretch and no factor beyond its outline."""
    before = np.clip((patch.seen - used.floor_frac) / (used.seen_frac - used.floor_frac), 0.0, 1.0).sum()
    after = np.clip((patch.seen - floor) / (full - floor), 0.0, 1.0).sum()
    return patch.mapped_ha / used.beyond_factor * float(after) / max(float(before), 1e-9)


def _outline_sd(sized: Sequence[tuple[Patch, float]]) -> float:
    """Return the smallest scatter of outlines (log) with which nine in ten intervals hold the truth.

    Each patch is taken as one site of the area it is given; its own interval is left out, being small beside that.
    """
    off = np.array([np.log(patch.true_ha / max(ha, 1e-3)) for patch, ha in sized])
    for outline_sd in np.arange(0.0, 2.0, 0.05):
        if (np.abs(off) <= Z90 * outline_sd).mean() >= _HELD:
            break
    return float(outline_sd)


def _row(name: str, patches: Sequence[Patch]) -> list[Any]:
    """Return a row of the table: areas, ratios and how often the interval holds the truth."""
    found = [patch for patch in patches if patch.is_found]
    true_ha, found_ha = (sum(patch.true_ha for patch in some) for some in (patches, found))
    mapped_ha = sum(patch.mapped_ha for patch in found)
    false_ha = sum(patch.mapped_ha for patch in patches if patch.true_ha == 0.0)
    within_ha = sum(patch.true_within_ha for patch in found)
    holds = sum(patch.low_ha <= patch.true_ha <= patch.high_ha for patch in found)
    return [
        name,
        f"{true_ha:.2f}",
        f"{found_ha:.2f}",
        f"{within_ha:.2f}",
        f"{mapped_ha:.2f}",
        f"{false_ha:.2f}",
        _ratio(mapped_ha, found_ha),
        _ratio(mapped_ha + false_ha, true_ha),
        f"{holds}/{len(found)}",
    ]


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}" if other > 0.0 else "-"


_COLUMNS = (
    "what",
    "true ha",
    "of found",
    "in outlines",
    "mapped ha",
    "false ha",
    "mapped / found",
    "all / true",
    "interval holds",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[301, 302, 303, 304, 305])
    parser.add_argument("--size", type=int, default=384, help="edge of a world, px")
    parser.add_argument("--density", type=float, default=1.0, help="density of workings, relative to the usual")
    parser.add_argument("--cache", type=Path, help="folder rendered cubes are kept in")
    parser.add_argument("--fit", action="store_true", help="only say which site options these worlds speak for")
    arguments = parser.parse_args()
    about = machine()
    patches: list[Patch] = []
    with tempfile.TemporaryDirectory(prefix="kpgeo-bench-") as scratch:
        cache, setting = arguments.cache or Path(scratch), SETTINGS["standard"]
        for seed in arguments.seeds:
            options = setting.options(seed, arguments.size, (2.0, 2.0), arguments.density)
            patches += patches_of(cube_of(setting, options, cache))
            print(f"watched {seed}", flush=True)
    last = max(patch.month for patch in patches)
    late = [patch for patch in patches if patch.month > last - _FIT_MONTHS]
    worlds, months = sorted({p.world for p in patches}), sorted({p.month for p in patches})
    by_world = [_row(name, [p for p in late if p.world == name]) for name in worlds]
    by_month = [_row(month_label(month), [p for p in patches if p.month == month]) for month in months]
    by_size = [_row(_size_name(*size), [p for p in late if size[0] <= p.true_ha < size[1]]) for size in _SIZES]
    text = "\n".join(
        [
            "By world, last four months, each month added:\n",
            table(_COLUMNS, [*by_world, _row("all", late)]),
            "By month:\n",
            table(_COLUMNS, by_month),
            "By true size of the patch, last four months:\n",
            table(_COLUMNS, by_size),
        ]
    )
    print(text)
    print("site options these worlds speak for:", fitted(late, SiteOptions()))
    if not arguments.fit:
        _draw(late)
        _write(text, about, late, arguments)


def _size_name(low_ha: float, high_ha: float) -> str:
    return f"{low_ha:g} ha and more" if high_ha == np.inf else f"{low_ha:g} to {high_ha:g} ha"


def _write(text: str, about: str, patches: Sequence[Patch], given: argparse.Namespace) -> None:
    """Write the page."""
    listed, words = ", ".join(map(str, given.seeds)), "".join(f" {word}" for word in sys.argv[1:])
    density = "the usual" if given.density == 1.0 else f"{given.density:g} times the usual"
    used = SiteOptions()
    fit = ", ".join(f"`{name} = {value}`" for name, value in fitted(patches, used).items())
    held = ", ".join(f"{ratio:.2f}" for ratio in _left_out(patches, used))
    write_page(
        "area",
        "# Mapped and true area\n\n"
        f"Worlds of {given.size} × {given.size} px, seeds {listed}, {density} density of workings, two years "
        "monitored. True ground and sites no farther apart than "
        "about 30 m are one patch; *found* patches hold both. *In outlines* is the true ground within the outlines of "
        "sites; *mapped* is the area of sites that are not closed, *false* that of those that meet no true ground. "
        "*Interval holds*: of the found patches, those whose true area lies in the 90 % interval of the sites.\n\n"
        f"{text}\n![Mapped and true area of found patches](area.png)\n\n"
        f"These worlds speak for the site options {fit}. Left out in turn, each world is mapped as {held} of what it "
        "is, by what the others speak for.\n\n"
        "Simulated worlds only.\n\n"
        f"{about} `python -m benchmarks.area{words}`.\n",
    )


def _draw(patches: Sequence[Patch]) -> None:
    """Draw mapped area against true area of found patches."""
    found = [patch for patch in patches if patch.is_found]
    figure, axes = plt.subplots(figsize=(4.2, 4.0), layout="constrained")
    true, mapped = [p.true_ha for p in found], [p.mapped_ha for p in found]
    low = [p.mapped_ha - p.low_ha for p in found]
    high = [p.high_ha - p.mapped_ha for p in found]
    axes.errorbar(true, mapped, yerr=[low, high], fmt="o", markersize=3, lw=0.6, color="#1f5f99", alpha=0.6)
    ends = [0.02, max([*true, *mapped, 1.0]) * 1.3]
    axes.plot(ends, ends, color="#666666", lw=0.8)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="true area, ha", ylabel="mapped area, ha")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(DOCS / "area.png", dpi=110)


if __name__ == "__main__":
    main()
