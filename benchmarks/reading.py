"""Reading against its yardsticks: the decode limit, bare rasterio, odc-stac; over http with and without delay.

Contenders take turns in one process, round by round, so that what else the machine does falls on all of them. Ratios
are medians of the rounds' own ratios.
"""

import argparse
import multiprocessing
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import odc.stac
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from benchmarks.common import machine, write_page
from benchmarks.delayed_server import serving
from benchmarks.reading_files import BANDS, EDGE_PX, grid, items_of, scenes_at, write_cogs, write_scenes
from benchmarks.reading_page import draw, make_page
from benchmarks.timing import FROM_FILE, LIMIT, ODC, OURS, RASTERIO, Times, race
from kpgeo import ingest
from kpgeo.ingest.frames import frame_of
from kpgeo.ingest.opening import Setting, Source
from kpgeo.ingest.raster import read_window
from kpgeo.ingest.tiff import read_index
from kpgeo.model.scene import Scene
from kpgeo.options.ingest import IngestOptions
from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access, trusted_by

_OPTIONS = IngestOptions()
_COARSE = ("swir16", "swir22")
_own = threading.local()


# Whole files.


def _places(path: Path) -> list[tuple[int, int]]:
    """Return offset and size of the tiles of a file's full image."""
    content = path.read_bytes()
    level = read_index(lambda begin, end: content[begin:end], len(content)).levels[0]
    return [(int(begin), int(size)) for begin, size in zip(level.offsets.ravel(), level.sizes.ravel(), strict=True)]


def _from_file(path: Path, places: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """Yield the compressed tiles of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for begin, size in places:
            yield os.pread(descriptor, size, begin)
    finally:
        os.close(descriptor)


def _decode(tiles: Iterable[bytes], decode: Callable[..., Any]) -> None:
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
    places = {path: _places(path) for path in paths}
    tiles = [list(_from_file(path, places[path])) for path in paths]
    return race(
        {
            LIMIT: _each(threads, lambda one: _decode(one, decode), tiles),
            FROM_FILE: _each(threads, lambda path: _decode(_from_file(path, places[path]), decode), paths),
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
    write_page("reading", make_page(given, about, (whole, series, http, memory), (megabytes, layers, mpx)))


if __name__ == "__main__":
    main()
