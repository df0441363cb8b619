"""Reading against its yardsticks: the decode limit, bare rasterio, odc-stac; over http with and without delay.

Contenders take turns in one process, round by round, so that what else the machine does falls on all of them. Ratios
are medians of the rounds' own ratios.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagecodecs
import matplotlib.pyplot as plt
import numpy as np
import odc.stac
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from benchmarks.common import DOCS, machine, table, write_page
from benchmarks.delayed_server import serving
from benchmarks.reading_files import BANDS, EDGE_PX, grid, items_of, scenes_at, write_cogs, write_scenes
from kpgeo import ingest
from kpgeo.ingest.frames import frame_of
from kpgeo.ingest.opening import Setting, Source
from kpgeo.ingest.raster import read_window
from kpgeo.ingest.tiff import read_index
from kpgeo.model.scene import Scene
from kpgeo.options.ingest import IngestOptions
from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access, trusted_by

LIMIT, OURS, RASTERIO, ODC = "decode limit", "kpgeo", "rasterio", "odc-stac"
_OPTIONS = IngestOptions()
_COARSE = ("swir16", "swir22")
_own = threading.local()


@dataclass
class Times:
    """Seconds of each round: by the clock, and of all cores."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def rate(self, megabytes: float) -> float:
        """Return the median throughput, MB/s."""
        return megabytes / statistics.median(self.wall_s)


def race(contenders: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, Times]:
    """Let contenders take turns; the first round does not count."""
    times = {name: Times() for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            begin, begin_cpu = time.perf_counter(), time.process_time()
            run()
            if number:
                times[name].wall_s.append(time.perf_counter() - begin)
                times[name].cpu_s.append(time.process_time() - begin_cpu)
    return times


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def spread(one: Sequence[float], other: Sequence[float]) -> str:
    """Return the quartiles of the rounds' ratios."""
    low, _, high = statistics.quantiles([a / b for a, b in zip(one, other, strict=True)], n=4)
    return f"{low:.2f}–{high:.2f}"


# Whole files.


def _stored_tiles(path: Path) -> list[bytes]:
    """Return the compressed tiles of a file's full image."""
    content = path.read_bytes()
    level = read_index(lambda begin, end: content[begin:end], len(content)).levels[0]
    places = zip(level.offsets.ravel(), level.sizes.ravel(), strict=True)
    return [content[int(begin) : int(begin + size)] for begin, size in places]


def _decode(tiles: Sequence[bytes], decode: Callable[..., Any]) -> None:
    """Decode tiles and undo their predictor, and do nothing else."""
    buffer = getattr(_own, "buffer", None)
    if buffer is None:
        buffer = _own.buffer = np.empty(512 * 512 * 2, dtype=np.uint8)
    counts = buffer.view(np.uint16).reshape(512, 512)
    for tile in tiles:
        decode(tile, out=buffer)
        imagecodecs.delta_decode(counts, axis=-1, out=counts)


def _read_counts(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as dataset:
        counts: NDArray[Any] = dataset.read(1)
        return counts


def _reader(geobox: GeoBox, access: Access | None = None) -> Callable[[str], NDArray[np.float32]]:
    """Return a function that reads a file as kpgeo does: float32, NaN where there is no data."""
    frame, setting = frame_of(geobox), Setting(access=access or Access(), options=_OPTIONS)

    def read(href: str) -> NDArray[np.float32]:
        return read_window(Source(href=href, name=href, nodata=0.0, bbox_4326=None), frame, setting)

    return read


def _each(threads: int, read: Callable[[Any], object], what: Sequence[Any]) -> Callable[[], None]:
    """Return a run over files in threads; what is read is let go."""

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(lambda one: read(one) is None, what):
                pass

    return run


def race_whole_files(paths: Sequence[Path], compression: str, threads: int, rounds: int) -> dict[str, Times]:
    """Read whole files."""
    decode = imagecodecs.zstd_decode if compression == "zstd" else imagecodecs.deflate_decode
    tiles = [_stored_tiles(path) for path in paths]
    return race(
        {
            LIMIT: _each(threads, lambda one: _decode(one, decode), tiles),
            OURS: _each(threads, _reader(grid(EDGE_PX, 0)), [str(path) for path in paths]),
            RASTERIO: _each(threads, _read_counts, paths),
        },
        rounds,
    )


# A window of a series of Sentinel-2 scenes: seven layers, three of them at 20 m.


def _by_rasterio(job: tuple[str, str], geobox: GeoBox) -> NDArray[np.float32]:
    """Read one layer onto the window, warped where it is coarser."""
    href, band = job
    with rasterio.open(href) as dataset:
        resampling = Resampling.bilinear if band in _COARSE else Resampling.nearest
        place = {"transform": geobox.transform, "height": geobox.shape[0], "width": geobox.shape[1]}
        empty = {"src_nodata": 0, "nodata": np.nan, "dtype": "float32"}
        with WarpedVRT(dataset, crs=str(geobox.crs), resampling=resampling, **place, **empty) as vrt:
            values: NDArray[np.float32] = vrt.read(1)
            return values


def load_by_odc(scenes: list[Scene], geobox: GeoBox, threads: int) -> object:
    """Load the series with odc-stac, in threads."""
    resampling = {band: "bilinear" if band in _COARSE else "nearest" for band in BANDS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return odc.stac.load(
            items_of(scenes), bands=list(BANDS), geobox=geobox, nodata=0, dtype="uint16", resampling=resampling,
            pool=threads, progress=None,
        )  # fmt: skip


def load_by_kpgeo(scenes: list[Scene], geobox: GeoBox, access: Access) -> object:
    """Load the series as a run does."""
    cube, gaps = ingest.load_cube(scenes, geobox, _OPTIONS, access)
    assert not gaps, gaps
    return cube


def race_series(scenes: list[Scene], geobox: GeoBox, threads: int, rounds: int) -> dict[str, Times]:
    """Load a window of a series."""
    jobs = [(asset["href"], band) for scene in scenes for band, asset in scene.granules[0].item["assets"].items()]
    access = Access(options=WireOptions(read_threads=threads))
    return race(
        {
            OURS: lambda: load_by_kpgeo(scenes, geobox, access) and None,
            RASTERIO: _each(threads, lambda job: _by_rasterio(job, geobox), jobs),
            ODC: lambda: load_by_odc(scenes, geobox, threads) and None,
        },
        rounds,
    )


# Over http.


def race_http(folder: Path, dates: int, geobox: GeoBox, rounds: int, delay_s: float) -> dict[str, Times]:
    """Load a window of a series over http, every file asked for anew, without delay and with."""
    options = WireOptions(cache_gib=0.0, identity_s=0.0)
    with serving(folder, 0.0) as near, serving(folder, delay_s) as far:

        def load_from(url: str) -> Callable[[], None]:
            scenes, access = scenes_at(url, dates), Access(options=options, trusted_hosts=trusted_by([url]))

            def run() -> None:
                load_by_kpgeo(scenes, geobox, access)

            return run

        return race({"without": load_from(near), "with": load_from(far)}, rounds)


# Memory.


def _peak(
    who: str, folder: str, dates: int, edge_px: int, answer: "multiprocessing.Queue[tuple[float, float]]"
) -> None:
    """Load a series once, and answer with (MiB of the result, MiB that the peak lies above what was there before)."""
    scenes, geobox = scenes_at(folder, dates), grid(edge_px, 0)
    access = Access(options=WireOptions(read_threads=2))
    small = grid(64, 0)
    (load_by_kpgeo(scenes[:1], small, access) if who == OURS else load_by_odc(scenes[:1], small, 2))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before = _peak_mib()
    found: Any = load_by_kpgeo(scenes, geobox, access) if who == OURS else load_by_odc(scenes, geobox, 2)
    answer.put((found.nbytes / 2**20, _peak_mib() - before))


def _peak_mib() -> float:
    """Return the peak memory of this process (Linux)."""
    (line,) = [one for one in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if "VmHWM" in one]
    return int(line.split()[1]) / 1024.0


def peak_memory(who: str, folder: Path, dates: int, edge_px: int) -> tuple[float, float]:
    """Measure one loader in a process of its own."""
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.Queue[tuple[float, float]] = context.Queue()
    worker = context.Process(target=_peak, args=(who, str(folder), dates, edge_px, answer))
    worker.start()
    found = answer.get()
    worker.join()
    return found


# The page.


def _whole_rows(found: Mapping[tuple[str, int], dict[str, Times]], megabytes: float) -> list[tuple[object, ...]]:
    rows = []
    for (compression, threads), times in found.items():
        ours, limit, theirs = times[OURS], times[LIMIT], times[RASTERIO]
        rows.append(
            (
                compression, threads, *(f"{times[name].rate(megabytes):.0f}" for name in (LIMIT, OURS, RASTERIO)),
                f"**{ratio(ours.wall_s, limit.wall_s):.2f}** ({spread(ours.wall_s, limit.wall_s)})",
                f"{ratio(ours.cpu_s, limit.cpu_s):.2f}", f"{ratio(theirs.wall_s, ours.wall_s):.2f}",
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=40, help="COGs of each compression")
    parser.add_argument("--dates", type=int, default=20, help="scenes of the series")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    about = machine().replace(" Simulated worlds.", "")
    window = grid(512, 700)
    layers = given.dates * len(BANDS)
    megabytes, mpx = given.files * EDGE_PX**2 * 2 / 1e6, window.shape[0] * window.shape[1] / 1e6
    with tempfile.TemporaryDirectory(prefix="kpgeo-bench-") as folder:
        whole = {}
        for compression in ("zstd", "deflate"):
            paths = write_cogs(Path(folder) / "cogs", given.files, compression)
            for threads in (1, os.cpu_count() or 2):
                whole[compression, threads] = race_whole_files(paths, compression, threads, given.rounds)
        scenes = write_scenes(Path(folder) / "series", given.dates)
        series = {threads: race_series(scenes, window, threads, given.rounds) for threads in (1, os.cpu_count() or 2)}
        http = race_http(Path(folder) / "series", given.dates, window, given.rounds, 0.05)
        memory = {who: peak_memory(who, Path(folder) / "series", given.dates, 1024) for who in (OURS, ODC)}
    draw(whole, series, (megabytes, layers * mpx), http)
    write_page("reading", _page(given, about, (whole, series, http, memory), (megabytes, layers, mpx)))


def _page(given: argparse.Namespace, about: str, found: tuple[Any, ...], sizes: tuple[float, int, float]) -> str:
    """Return the page."""
    whole, series, http, memory = found
    megabytes, layers, mpx = sizes
    near, far = http["without"], http["with"]
    kept = ratio(near.wall_s, far.wall_s)
    columns = ("compression", "threads", "limit MB/s", "kpgeo MB/s", "rasterio MB/s", "kpgeo time / limit (quartiles)",
               "CPU / limit", "rasterio time / kpgeo", "CPU")  # fmt: skip
    return (
        "# Reading\n\n"
        f"## Whole COGs\n\n{given.files} COGs of {EDGE_PX} × {EDGE_PX} uint16, tiles of 512, predictor 2, overviews, "
        f"{megabytes:.0f} MB decoded, in the page cache. The limit decompresses the tiles from memory, undoes the "
        "predictor (imagecodecs) and does nothing else: no file, no copy. kpgeo also reads the file and its index, and "
        "makes a float32 image of it with NaN where there is no data; rasterio reads uint16.\n\n"
        f"{table(columns, _whole_rows(whole, megabytes))}\n"
        "The aim is at most 1.15 times the limit.\n\n"
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


if __name__ == "__main__":
    main()
