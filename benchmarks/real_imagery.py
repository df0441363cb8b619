"""Real imagery without known mining, from catalogue to alerts: what is believed, outlined and announced there.

Needs the folders `s1_rtc_dist_s1` and `landsat_yatsm_stack` of reference imagery; docs/benchmarks/real-imagery.md gives
their origin. Nothing of them comes with kpgeo.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.common import machine, table
from tests.real.build_catalogs import S1_WINDOWS, build_landsat_world, build_s1_world, claim_stratum
from tests.real.measuring import Found, run_and_measure

_COLUMNS = (
    "place", "pixels", "history", "folded in", "dekads looked at", "highest belief", "when", "px ≥ seed", "px measured",
    "change objects", "sites", "alerts",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path, help="folder in whose `data` the imagery lies")
    parser.add_argument("--stratum", action="store_true", help="say that the whole place were a known deposit")
    arguments = parser.parse_args()
    about = machine().removesuffix(" Simulated worlds.")
    rows = []
    for place in (*S1_WINDOWS, "landsat"):
        with tempfile.TemporaryDirectory(prefix="kpgeo-bench-") as name:
            folder = Path(name)
            if place == "landsat":
                path = build_landsat_world(arguments.shared, folder)
            else:
                path = build_s1_world(arguments.shared, folder, place)
            if arguments.stratum:
                claim_stratum(folder)
            rows.append(row_of(place, run_and_measure(path)))
    print(table(_COLUMNS, rows))
    print(about)


def row_of(place: str, found: Found) -> tuple[object, ...]:
    """Return a row of the table."""
    looked = sum(row.look_frac > 0.0 for row in found.coverage)
    return (
        place, found.pixels, found.history, found.folded, f"{looked} of {len(found.coverage)}",
        f"{found.highest_belief:.2f}", found.highest_dekad, found.seed_px, found.measured_px, found.changes,
        found.sites, found.alerts,
    )  # fmt: skip


if __name__ == "__main__":
    main()
