"""Real series, watched: what the belief says where nobody mines.

`python -m benchmarks.real_series` runs the detector over every set of `benchmarks.real_sets`, writes the measured part
of docs/benchmarks/real-series.md between its two marks, and draws the figures. What stands outside the marks was
written by people who looked at them. Nothing of the imagery comes with kpgeo.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.common import DOCS, machine, table
from benchmarks.real_pictures import Pixel, draw_watched
from benchmarks.real_runs import Watched, watch
from benchmarks.real_sets import S1_WINDOWS, RealSet, read_all
from kpgeo.model.state import LandState
from kpgeo.options.sites import SiteOptions

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data"
_COLUMNS = (
    "set", "pixels seen", "monitored looks", "highest P(mined)", "log-odds", "on", "pixels ≥ grow", "≥ seed",
    "change objects", "alerts, sent",
)  # fmt: skip
_BELIEF_COLUMNS = ("set", *(state.name.lower() for state in LandState))


def main() -> None:
    """Measure, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=REFERENCE, help="folder that holds the imagery")
    folder = parser.parse_args().folder
    about = machine().removesuffix(" Simulated worlds.")
    plain, claimed, beliefs = [], [], []
    for real in read_all(folder):
        watched = watch(real)
        plain.append(row_of(watched))
        beliefs.append((real.name, *(f"{share:.3f}" for share in mean_belief(watched))))
        claimed.append(row_of(watch(real, in_stratum=True)))
        if real.name not in S1_WINDOWS[1:]:
            draw_watched(watched, pixels_of(watched), DOCS / f"real-series-{real.name}.png")
        print(plain[-1])
    text = "\n".join([
        "### Outside every stratum\n", table(_COLUMNS, plain), "### Claimed as a known deposit\n",
        table(_COLUMNS, claimed), "### What the belief says on average, outside every stratum\n",
        table(_BELIEF_COLUMNS, beliefs), about + "\n",
    ])  # fmt: skip
    rewrite(DOCS / "real-series.md", text, part="measured")


def rewrite(path: Path, text: str, *, part: str) -> None:
    """Replace what stands between the two marks of a part of a page."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")
    print(f"wrote {path}")


def row_of(watched: Watched) -> tuple[object, ...]:
    """Return a row of the table."""
    mined = watched.mined
    at = np.unravel_index(int(mined.argmax()), mined.shape)
    peak = mined.max(axis=0)
    highest = float(peak.max())
    options = SiteOptions()
    return (
        watched.real.name, int(seen(watched).sum()), len(watched.days), f"{highest:.3f}",
        f"{np.log(highest / max(1.0 - highest, 1e-9)):+.1f}", np.datetime64(int(watched.days[at[0]]), "D"),
        int((peak >= options.grow_prob).sum()), int((peak >= options.seed_prob).sum()), len(watched.changes),
        f"{len(watched.alerts)}, {'yes' if watched.was_sent else 'none'}",
    )  # fmt: skip


def seen(watched: Watched) -> np.ndarray:
    """Return which pixels were ever looked at, bool (y, x)."""
    return np.any([np.isfinite(look.pixels[0]) for look in watched.looks], axis=0)


def mean_belief(watched: Watched) -> np.ndarray:
    """Return the mean belief of every state over monitored looks and the pixels ever looked at."""
    return watched.belief[:, :, seen(watched)].mean(axis=(0, 2))


def pixels_of(watched: Watched) -> list[Pixel]:
    """Return the pixels to draw: the only one, or the likeliest mine, the likeliest nuisance and a typical one."""
    if seen(watched).sum() == 1:
        return [("", 0, 0)]
    return list(_three(watched))


def _three(watched: Watched) -> Iterator[Pixel]:
    peak = np.where(seen(watched), watched.mined.max(axis=0), np.nan)
    nuisance = watched.belief[:, LandState.BURNT : LandState.CLEARED + 1].sum(axis=1).mean(axis=0)
    odd = np.where(seen(watched), nuisance, np.nan)
    drawn: list[tuple[int, int]] = []
    for words, values, target in (
        ("highest P(mined)", peak, np.nanmax(peak)),
        ("most burnt, cropped or cleared", odd, np.nanmax(odd)),
        ("typical", peak, np.nanmedian(peak)),
    ):
        distance = np.abs(values - target)
        distance[tuple(np.array(drawn, dtype=int).reshape(-1, 2).T)] = np.nan
        row, col = (int(index) for index in np.unravel_index(int(np.nanargmin(distance)), values.shape))
        drawn.append((row, col))
        yield f"{words} (row {row}, column {col})", row, col


__all__ = ["RealSet", "main", "mean_belief", "pixels_of", "rewrite", "row_of", "seen"]

if __name__ == "__main__":
    main()
