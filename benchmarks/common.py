"""What the measurements share: worlds, pages, pictures."""

import datetime as dt
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import psutil

from kpgeo import __version__
from kpgeo.detect import DETECTOR
from kpgeo.options.sim import SimOptions
from kpgeo.sim import World, write_world

mpl.use("Agg")

DOCS = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"


def world_at(folder: Path, options: SimOptions) -> World:
    """Return a world, written where it is not there yet."""
    return World.at(folder) if (folder / "catalog.json").exists() else write_world(folder, options)


def machine() -> str:
    """Say what a measurement was made with."""
    memory_gib = psutil.virtual_memory().total / 2**30
    detector = f"{DETECTOR.name} {DETECTOR.version}"
    return (
        f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} with kpgeo {__version__} (detector {detector}), Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, load {os.getloadavg()[0]:.1f} "
        "when it began. Simulated worlds."
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)]) + "\n"


def write_page(name: str, text: str) -> Path:
    """Write a page of docs/benchmarks."""
    DOCS.mkdir(parents=True, exist_ok=True)
    path = DOCS / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path}")
    return path
