"""Explain: what the detector saw and came to believe in one pixel, by doing again what the run did there."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyproj import Transformer

from kpgeo import detect, registry
from kpgeo.brief import Explanation
from kpgeo.flows.explained.tracing import Pixel, Traced, cut_trace, trace_tile
from kpgeo.flows.plans.planning import open_workspace
from kpgeo.flows.watching.deciding import Bench
from kpgeo.flows.watching.watch import Progress, Watch, open_watches, silent
from kpgeo.model.alert import Alert
from kpgeo.model.calendar import date_of, day_of, dekad_of, dekad_start
from kpgeo.model.errors import BadInputError
from kpgeo.model.grid import Tile
from kpgeo.model.ids import make_id
from kpgeo.model.scene import Sensor
from kpgeo.model.site import Site
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Tables, has_tables


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is to be explained: one of a site, an alert and a place.

    Attributes
    ----------
    lon_lat : (float, float), optional
        Degrees.
    pixels : int
        How many pixels of a site or an alert, from the one most surely mined on.
    """

    site_id: str = ""
    alert_id: str = ""
    lon_lat: tuple[float, float] | None = None
    pixels: int = 1


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """The pixels to explain, in order, and what they stand for."""

    pixels: tuple[Pixel, ...]
    of_pixels: int
    site: Site | None = None
    alert: Alert | None = None


def explain(
    pipeline: Pipeline,
    subject: Subject,
    *,
    workspace: Path | None = None,
    until: dt.date | None = None,
    progress: Progress = silent,
) -> list[Explanation]:
    """Explain a site, an alert or a place: one explanation a pixel.

    The scenes the run folded in are read again, the whole tile of a pixel is folded again from the belief that is
    stored, and the outcome is held against the state, dekad by dekad.

    Parameters
    ----------
    until : date, optional
        Day after the last one. The whole dekad of the day before it is explained; the state has no finer end.

    Raises
    ------
    BadInputError
        There is no workspace or no run, the site or alert is not known, or the place lies in no AOI of the pipeline.
    """
    watches = open_watches(pipeline)
    folder = pipeline.path(pipeline.workspace) if workspace is None else workspace
    if not has_tables(folder):
        raise BadInputError("There is no workspace here.", where=str(folder), remedy="Run the pipeline first.")
    room = open_workspace(pipeline, workspace)
    tables = room.tables()
    try:
        watch = _watch_for(watches, subject, tables)
        bench = Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
        last = _last_dekad(bench, until)
        chosen = _choose(bench, subject, last)
        return list(_explained(bench, chosen, range(watch.first_dekad, last + 1), progress))
    finally:
        tables.close()


def parse_lon_lat(text: str) -> tuple[float, float]:
    """Read "LON,LAT" in degrees.

    >>> parse_lon_lat("-6.67, 7.96")
    (-6.67, 7.96)
    """
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BadInputError(
            f"{text!r} is not a place.", where="--at", remedy='Write "LON,LAT": "-6.67,7.96".'
        ) from error
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
        raise BadInputError(
            f"{text!r} lies off the globe.", where="--at", remedy='Write degrees, longitude first: "LON,LAT".'
        )
    return lon, lat


def _watch_for(watches: Sequence[Watch], subject: Subject, tables: Tables) -> Watch:
    """Return the AOI a subject lies in."""
    if subject.lon_lat is not None:
        return _watch_at(watches, subject.lon_lat)
    if subject.alert_id:
        alerts = tables.alert_history(subject.alert_id)
        if not alerts:
            raise BadInputError(f"There is no alert {subject.alert_id!r}.", remedy="See: kpgeo alerts list.")
        aoi_id = alerts[-1].aoi_id
    else:
        sites, _ = tables.site_history(subject.site_id)
        if not sites:
            raise BadInputError(f"There is no site {subject.site_id!r}.", remedy="See: kpgeo sites list.")
        aoi_id = sites[-1].aoi_id
    found = next((watch for watch in watches if watch.aoi.id == aoi_id), None)
    if found is None:
        known = ", ".join(watch.aoi.id for watch in watches)
        raise BadInputError(f"It lies in {aoi_id}, which this pipeline does not watch.", remedy=f"Watched: {known}.")
    return found


def _watch_at(watches: Sequence[Watch], lon_lat: tuple[float, float]) -> Watch:
    """Return the AOI a place lies in, the first of them where AOIs overlap."""
    for watch in watches:
        if _pixel_at(watch, lon_lat) is not None:
            return watch
    known = ", ".join(watch.aoi.id for watch in watches)
    swapped = next((watch.aoi.id for watch in watches if _pixel_at(watch, lon_lat[::-1]) is not None), None)
    remedy = f"Write longitude first: the other way round it lies in {swapped}." if swapped else f"Watched: {known}."
    raise BadInputError("The place lies in no area this pipeline watches.", where="--at", remedy=remedy)


def _pixel_at(watch: Watch, lon_lat: tuple[float, float]) -> Pixel | None:
    """Return the pixel a place lies in; None where that is not inside the AOI."""
    if abs(lon_lat[1]) > 90.0:
        return None
    grid = watch.grid
    east_m, north_m = Transformer.from_crs(4326, grid.epsg, always_xy=True).transform(*lon_lat)
    if not (np.isfinite(east_m) and np.isfinite(north_m)):
        return None
    row, col = int((grid.top_m - north_m) // grid.res_m), int((east_m - grid.left_m) // grid.res_m)
    if not (0 <= row < grid.height and 0 <= col < grid.width):
        return None
    tile = _tile_of(watch, (row, col))
    inside = registry.rasterize_inside(watch.aoi, grid, tile)
    return (row, col) if inside[row - tile.y0, col - tile.x0] else None


def _last_dekad(bench: Bench, until: dt.date | None) -> int:
    """Return the last dekad to explain."""
    head, watch = bench.head, bench.watch
    if head.last_dekad is None or head.last_dekad < watch.first_dekad:
        raise BadInputError(
            f"No run of this pipeline, as it is now, has watched {watch.aoi.id} yet.",
            where=watch.lineage,
            remedy="Run it first: kpgeo run.",
        )
    if until is None:
        return head.last_dekad
    last = min(dekad_of(day_of(until) - 1), head.last_dekad)
    if last < watch.first_dekad:
        begin = date_of(dekad_start(watch.first_dekad))
        raise BadInputError(f"Monitoring begins on {begin}.", where="--until", remedy="Name a later day.")
    return last


def _choose(bench: Bench, subject: Subject, last: int) -> _Chosen:
    """Return the pixels to explain."""
    if subject.lon_lat is not None:
        pixel = _pixel_at(bench.watch, subject.lon_lat)
        if pixel is None:
            raise BadInputError("The place lies outside the area.", where="--at")
        tile = _tile_of(bench.watch, pixel)
        if not bench.watch.watched_of(tile)[pixel[0] - tile.y0, pixel[1] - tile.x0]:
            raise BadInputError("The place lies on ground that is not watched, by choice.", where=bench.watch.aoi.id)
        return _Chosen(pixels=(pixel,), of_pixels=1)
    alert = None
    if subject.alert_id:
        lived = [one for one in bench.tables.alert_history(subject.alert_id) if one.dekad <= last]
        alert = lived[-1] if lived else None
    site_id = alert.site_id if alert else subject.site_id
    rows = [row for row in _known_sites(bench, site_id) if row.dekad <= last]
    if not rows:
        name = f"The site {site_id!r}" if site_id else f"The alert {subject.alert_id!r}"
        raise BadInputError(
            f"{name} was not known to this pipeline's detector by then.",
            where=bench.watch.lineage,
            remedy="Name a later day, or see: kpgeo sites list.",
        )
    site = max(rows, key=lambda row: (row.confidence, row.dekad))
    ranked = _by_belief(bench, site)
    return _Chosen(pixels=tuple(ranked[: subject.pixels]), of_pixels=len(ranked), site=site, alert=alert)


def _known_sites(bench: Bench, site_id: str) -> list[Site]:
    """Return every dekad of a site in the lineage of the watch; none where another lineage found it."""
    rows, _ = bench.tables.site_history(site_id)
    watch = bench.watch
    if not rows or site_id not in {
        row.id for row in bench.tables.sites(watch.aoi.id, watch.lineage, max(row.dekad for row in rows))
    }:
        return []
    return rows


def _by_belief(bench: Bench, site: Site) -> list[Pixel]:
    """Return the pixels of a site, from the one most surely mined on, as of its row's dekad."""
    inside = bench.watch.place.pixels_of(site.geometry)
    pixels = list(zip(inside.rows.tolist(), inside.cols.tolist(), strict=True)) or [(site.seed_row, site.seed_col)]
    chances: dict[Pixel, float] = {}
    for tile, within in _by_tile(bench.watch, pixels).items():
        fields = detect.decode_fields(site.dekad, bench.state.read_state(tile, site.dekad))
        for row, col in within:
            chances[row, col] = float(fields.mined_prob[row - tile.y0, col - tile.x0])
    return sorted(pixels, key=lambda pixel: (-chances[pixel], pixel))


def _tile_of(watch: Watch, pixel: Pixel) -> Tile:
    return next(iter(_by_tile(watch, [pixel])))


def _by_tile(watch: Watch, pixels: Sequence[Pixel]) -> dict[Tile, list[Pixel]]:
    """Group pixels of the grid by tile."""
    edge = watch.grid.tile_px
    tiles = {(tile.row, tile.col): tile for tile in watch.grid.tiles()}
    found: dict[Tile, list[Pixel]] = {}
    for row, col in pixels:
        found.setdefault(tiles[row // edge, col // edge], []).append((row, col))
    return found


def explain_alerts(bench: Bench, wanted: Mapping[str, range], progress: Progress = silent) -> dict[str, Explanation]:
    """Explain the surest pixel of each of some alerts, over the dekads wanted of it; a tile is read once for all.

    Parameters
    ----------
    wanted : mapping of str to range
        By alert id, the dekads to explain; all are monitored and decided.
    """
    chosen = {alert_id: _choose(bench, Subject(alert_id=alert_id), dekads[-1]) for alert_id, dekads in wanted.items()}
    explained: dict[str, Explanation] = {}
    tile_of = {alert_id: _tile_of(bench.watch, one.pixels[0]) for alert_id, one in chosen.items()}
    for tile in dict.fromkeys(tile_of.values()):
        of_tile = [alert_id for alert_id in wanted if tile_of[alert_id] == tile]
        span = range(min(wanted[one].start for one in of_tile), max(wanted[one].stop for one in of_tile))
        pixels = tuple(dict.fromkeys(chosen[one].pixels[0] for one in of_tile))
        outcome = trace_tile(bench, tile, pixels, span, progress)
        for one in of_tile:
            cut = cut_trace(outcome, chosen[one].pixels[0], wanted[one])
            explained[one] = _explanation(bench, chosen[one], 1, cut)
    return {alert_id: explained[alert_id] for alert_id in wanted}


def _explained(bench: Bench, chosen: _Chosen, dekads: range, progress: Progress) -> Iterator[Explanation]:
    """Yield one explanation a pixel, in the order they were chosen."""
    traced = {
        pixel: outcome
        for tile, pixels in _by_tile(bench.watch, chosen.pixels).items()
        for outcome in (trace_tile(bench, tile, pixels, dekads, progress),)
        for pixel in pixels
    }
    for rank, pixel in enumerate(chosen.pixels, start=1):
        yield _explanation(bench, chosen, rank, traced[pixel])


def _explanation(bench: Bench, chosen: _Chosen, rank: int, traced: Traced) -> Explanation:
    """Return the explanation of a chosen pixel."""
    watch, pixel = bench.watch, chosen.pixels[rank - 1]
    history = watch.pipeline.history
    lon, lat = _centre(watch, pixel)
    trace = traced.traces[pixel]
    return Explanation(
        aoi=watch.aoi,
        pixel_id=make_id("pixel", watch.aoi.id, *pixel),
        lon=lon,
        lat=lat,
        trace=trace,
        site=chosen.site,
        alert=chosen.alert,
        rank=rank,
        of_pixels=chosen.of_pixels,
        history=(day_of(history.start), day_of(history.end)),
        history_scenes=_history_scenes(bench),
        detector=f"{detect.DETECTOR.name}-{detect.DETECTOR.version}",
        lineage=watch.lineage,
        snapshot_id=bench.head.snapshot_id,
        refit_days=_refit_days(bench, trace.dekads[-1].dekad),
        gaps=traced.gaps,
        is_simulated=watch.aoi.is_simulated,
    )


def _refit_days(bench: Bench, last: int) -> tuple[int, ...]:
    return tuple(dekad_start(dekad) for dekad in bench.head.refit_dekads if dekad <= last)


def _history_scenes(bench: Bench) -> dict[Sensor, int]:
    """Return how many scenes of each sensor the season was learnt from."""
    ids = [text.partition(".")[0] for text in bench.head.baseline_scenes]
    counts = Counter(bench.scenes[scene_id].sensor for scene_id in ids if scene_id in bench.scenes)
    return {sensor: counts[sensor] for sensor in Sensor}


def _centre(watch: Watch, pixel: Pixel) -> tuple[float, float]:
    """Return a pixel's centre, degrees."""
    grid = watch.grid
    east_m, north_m = grid.left_m + (pixel[1] + 0.5) * grid.res_m, grid.top_m - (pixel[0] + 0.5) * grid.res_m
    lon, lat = Transformer.from_crs(grid.epsg, 4326, always_xy=True).transform(east_m, north_m)
    return round(lon, 6), round(lat, 6)
