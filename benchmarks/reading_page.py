"""The page and the picture of how reading was measured."""

import argparse
import statistics
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt

from benchmarks.common import DOCS, table
from benchmarks.reading_files import EDGE_PX
from benchmarks.timing import FROM_FILE, LIMIT, ODC, OURS, RASTERIO, Times, ratio, spread


def _whole_rows(found: Mapping[tuple[str, int], dict[str, Times]], megabytes: float) -> list[tuple[object, ...]]:
    rows = []
    for (compression, threads), times in found.items():
        ours, limit, theirs = times[OURS], times[LIMIT], times[RASTERIO]
        rows.append(
            (
                compression, threads, *(f"{times[name].rate(megabytes):.0f}" for name in (LIMIT, OURS, RASTERIO)),
                f"**{ratio(ours.wall_s, limit.wall_s):.2f}** ({spread(ours.wall_s, limit.wall_s)})",
                f"{ratio(ours.cpu_s, limit.cpu_s):.2f}",
                f"{ratio(ours.cpu_s, times[FROM_FILE].cpu_s):.2f}", f"{ratio(theirs.wall_s, ours.wall_s):.2f}",
                f"{ratio(theirs.cpu_s, ours.cpu_s):.2f}",
            )
        )  # fmt: skip
    return rows


def _series_rows(found: Mapping[int, dict[str, Times]], layers: int, mpx: float) -> list[tuple[object, ...]]:
    return [
        (
            threads, *(f"{layers * mpx / statistics.median(times[name].wall_s):.0f}" for name in (OURS, RASTERIO, ODC)),
            *(f"{ratio(times[name].wall_s, times[OURS].wall_s):.1f}" for name in (RASTERIO, ODC)),
            f"{ratio(times[ODC].cpu_s, times[OURS].cpu_s):.1f}",
        )
        for threads, times in found.items()
    ]  # fmt: skip


def draw(
    whole: Mapping[tuple[str, int], dict[str, Times]],
    series: Mapping[int, dict[str, Times]],
    sizes: tuple[float, float],
    http: dict[str, Times],
) -> None:
    """Draw the throughput of all of them."""
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(11, 3.2), layout="constrained", width_ratios=(4, 2, 1.3)
    )
    colours = {LIMIT: "#b9b4a8", OURS: "#1f5f99", RASTERIO: "#c98b2b", ODC: "#7a8f3c"}
    for shift, name in enumerate((LIMIT, OURS, RASTERIO)):
        heights = [times[name].rate(sizes[0]) for times in whole.values()]
        left.bar(
            [place + 0.27 * (shift - 1) for place in range(len(whole))], heights, 0.25, color=colours[name], label=name
        )
    left.set_xticks(
        range(len(whole)), [f"{compression}\n{threads} thread{'s' * (threads > 1)}" for compression, threads in whole]
    )
    left.set_ylabel("MB/s decoded")
    left.set_title("whole COGs", loc="left", fontsize=10)
    for shift, name in enumerate((OURS, RASTERIO, ODC)):
        heights = [sizes[1] / statistics.median(times[name].wall_s) for times in series.values()]
        middle.bar(
            [place + 0.27 * (shift - 1) for place in range(len(series))], heights, 0.25, color=colours[name], label=name
        )
    middle.set_xticks(range(len(series)), [f"{threads} thread{'s' * (threads > 1)}" for threads in series])
    middle.set_ylabel("Mpx/s")
    middle.set_title("a window of a series", loc="left", fontsize=10)
    right.bar(
        ["without", "with"],
        [sizes[1] / statistics.median(http[name].wall_s) for name in ("without", "with")],
        0.5,
        color=colours[OURS],
    )
    right.set_ylabel("Mpx/s")
    right.set_title("http, 50 ms delay", loc="left", fontsize=10)
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in colours.values()]
    left.legend(handles, list(colours), frameon=False, fontsize=8, loc="upper right")
    DOCS.mkdir(parents=True, exist_ok=True)
    figure.savefig(DOCS / "reading.png", dpi=110)


def make_page(given: argparse.Namespace, about: str, found: tuple[Any, ...], sizes: tuple[float, int, float]) -> str:
    """Return the page."""
    whole, series, http, memory = found
    megabytes, layers, mpx = sizes
    near, far = http["without"], http["with"]
    kept = ratio(near.wall_s, far.wall_s)
    columns = ("compression", "threads", "limit MB/s", "kpgeo MB/s", "rasterio MB/s", "kpgeo time / limit (quartiles)",
               "CPU / limit", "CPU / limit from files", "rasterio time / kpgeo", "CPU")  # fmt: skip
    return (
        "# Reading\n\n"
        f"## Whole COGs\n\n{given.files} COGs of {EDGE_PX} × {EDGE_PX} uint16, tiles of 512, predictor 2, overviews, "
        f"{megabytes:.0f} MB decoded, in the page cache. The limit decompresses the tiles from memory, undoes the "
        "predictor (imagecodecs) and does nothing else: no file, no copy; from files, it also reads the tiles' bytes. "
        "kpgeo also reads the file and its index, and "
        "makes a float32 image of it with NaN where there is no data; rasterio reads uint16.\n\n"
        f"{table(columns, _whole_rows(whole, megabytes))}\n"
        "The aim is at most 1.15 times the limit. Other work on the machine moves the times by the clock; "
        "CPU seconds it moves little.\n\n"
        f"## A window of a series\n\n512 × 512 px of {given.dates} Sentinel-2 scenes, seven layers each (four at 10 m, "
        "two at 20 m interpolated bilinearly, the classes at 20 m), deflate; the window lies across tiles. kpgeo: "
        "`load_cube`, so with the arithmetic that makes reflectance and look classes of it; rasterio: each layer by "
        "WarpedVRT in threads; odc-stac: `load` with a pool.\n\n"
        + table(
            (
                "threads",
                "kpgeo Mpx/s",
                "rasterio Mpx/s",
                "odc-stac Mpx/s",
                "rasterio time / kpgeo",
                "odc-stac time / kpgeo",
                "odc-stac CPU / kpgeo",
            ),
            _series_rows(series, layers, mpx),
        )
        + "\n## Over http\n\nThe same window and series from a web server on the loopback device "
        "(`benchmarks/delayed_server.py`, one thread in a process of its own on the same cores), without the local "
        "cache, every file asked for anew in every round; with the delay, each request waits 50 ms.\n\n"
        + table(
            ("delay", "Mpx/s", "files a second", "s a round"),
            [
                (
                    name,
                    f"{layers * mpx / statistics.median(times.wall_s):.0f}",
                    f"{layers / statistics.median(times.wall_s):.0f}",
                    f"{statistics.median(times.wall_s):.2f}",
                )
                for name, times in (("none", near), ("50 ms", far))
            ],
        )
        + f"\nWith the delay, **{kept:.2f}** of the throughput without it ({spread(near.wall_s, far.wall_s)}); "
        f"the aim is 0.8. One after another, {layers} files with two requests each would wait "
        f"{layers * 2 * 0.05:.0f} s.\n\n"
        f"## Memory\n\nThe series onto 1024 × 1024 px, in a process of its own, two threads:\n\n"
        + table(
            ("loader", "result MiB", "peak above the start MiB", "peak / result"),
            [(who, f"{size:.0f}", f"{peak:.0f}", f"{peak / size:.2f}") for who, (size, peak) in memory.items()],
        )
        + "\nkpgeo's result is float32, odc-stac's uint16.\n\n![Throughput](reading.png)\n\n"
        f"{about} {given.rounds} rounds; medians. `python -m benchmarks.reading`.\n"
    )
