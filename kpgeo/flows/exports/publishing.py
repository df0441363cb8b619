"""Publish: the public twin of what is known, and the proof that it gives no place away before anybody sees it."""

import csv
import datetime as dt
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from kpgeo import alerts, sites
from kpgeo.alerts import Leak, Restricted
from kpgeo.flows.exports.public_page import PublicRelease, public_page
from kpgeo.flows.reviews.reviewing import read_reviews
from kpgeo.flows.watching.coverage import WHOLE
from kpgeo.flows.watching.record import read_watched
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.alert import Alert, MachineState
from kpgeo.model.aoi import LayerKind
from kpgeo.model.calendar import Period, day_of, dekad_end, dekad_start, month_end
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.ledger import MACHINE, Entry, EntryKind
from kpgeo.model.release import Cell, Seen, Working
from kpgeo.model.review import Review, ReviewState
from kpgeo.model.site import Site, sum_areas
from kpgeo.options.publish import PublishOptions
from kpgeo.store import Tables, Workspace, publish_folder

PAGE = "kpgeo-public.html"
_TOLD = frozenset({MachineState.CONFIRMED, MachineState.ONGOING, MachineState.FINISHED})
_TAKEN_BACK = frozenset({ReviewState.DISMISSED, ReviewState.DUPLICATE, ReviewState.WITHDRAWN})
_TENTHS = 10


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What was published: files and their SHA-256, and the half-years told."""

    files: dict[str, str]
    periods: tuple[Period, ...]
    cells: int


def publish(
    room: Workspace, tables: Tables, out: Path, options: PublishOptions, today: dt.date | None = None
) -> Publication:
    """Write the public twin of a workspace, whole or not at all.

    Workings are the sites of alerts that people published, or of those that the machine confirmed and nobody dismissed
    (`PublishOptions.basis`). Every file is looked through for restricted places before the folder appears
    (`find_leaks`).

    Parameters
    ----------
    out : Path
        A folder that is not there yet, or that holds an earlier public twin: then it is replaced.
    today : date, optional
        What the delay counts from; by the clock (UTC) unless given.

    Raises
    ------
    BadInputError
        Something else is at `out`.
    IntegrityError
        A file would give a place away; nothing was written.
    """
    if out.exists() and any(out.iterdir()) and not (out / PAGE).exists():
        raise BadInputError("There is something else here.", where=str(out), remedy="Name a new folder.")
    day = day_of(today or dt.datetime.now(dt.UTC).date())
    watches = [watch_of(room, aoi_id)[0] for aoi_id in sorted(read_watched(room))]
    release = _release(watches, tables, options, day)
    files = {
        PAGE: public_page(release),
        "cells.geojson": _geojson(release.cells),
        "cells.csv": _csv(release.cells),
        "seen.csv": _seen_csv(release.seen),
    }
    _require_no_leak(files, restricted_of(watches, tables))
    publish_folder(out, lambda folder: [(folder / name).write_bytes(content) for name, content in files.items()])
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    _note(tables, digests, release)
    return Publication(files=digests, periods=release.periods, cells=len(release.cells))


def restricted_of(watches: Sequence[Watch], tables: Tables) -> Restricted:
    """Return every place of a workspace that the public may not know: outlines of sites, known workings, ids."""
    places: list[NDArray[np.float64]] = [np.zeros((0, 2))]
    words: set[str] = set()
    for watch in watches:
        known = [site for lineage in tables.lineages(watch.aoi.id) for site in tables.sites(watch.aoi.id, lineage)]
        raised = [alert for lineage in tables.lineages(watch.aoi.id) for alert in tables.alerts(watch.aoi.id, lineage)]
        shapes = [site.geometry for site in known]
        shapes += [layer.geometry for layer in watch.aoi.layers_of(LayerKind.WORKINGS)]
        places += [shapely.get_coordinates(shape)[:, :2] for shape in shapes]
        places += [np.array([site.lon_lat, _founded_at(watch, site)]) for site in known]
        words |= {site.id for site in known} | {alert.id for alert in raised}
    every: NDArray[np.float64] = np.unique(np.concatenate(places).round(5), axis=0)
    return Restricted(lon_lat=every, words=tuple(sorted(words | {word.partition("-")[2] for word in words})))


def _release(watches: Sequence[Watch], tables: Tables, options: PublishOptions, today: int) -> PublicRelease:
    periods: set[Period] = set()
    workings: list[Working] = []
    seen: list[Seen] = []
    for watch in watches:
        commit = tables.last_commit(watch.aoi.id, watch.lineage)
        if commit is None:
            continue
        known = alerts.half_years(day_of(watch.pipeline.history.end), dekad_end(commit.last_dekad))
        told = alerts.told_periods(known, today, options)
        periods |= set(told)
        workings += _workings(watch, tables, options)
        seen += _seen(watch, tables, told)
    in_order = tuple(sorted(periods))
    return PublicRelease(
        aois=tuple(watch.aoi for watch in watches),
        periods=in_order,
        cells=tuple(alerts.generalise(workings, in_order, options)),
        seen=tuple(seen),
        cell_deg=options.cell_deg,
        few=options.few,
        basis=options.basis,
        delay_days=options.delay_days,
    )


def _workings(watch: Watch, tables: Tables, options: PublishOptions) -> list[Working]:
    """Return the sites that people may hear of, by half-year, exactly."""
    reviews = read_reviews(tables)
    told = {
        alert.site_id for alert in tables.alerts(watch.aoi.id, watch.lineage) if _may_be_told(alert, reviews, options)
    }
    found = []
    for site in tables.sites(watch.aoi.id, watch.lineage):
        if site.id in told:
            found += _of_site(watch, tables.site_history(site.id)[0], site)
    return found


def _may_be_told(alert: Alert, reviews: Mapping[str, Review], options: PublishOptions) -> bool:
    review = reviews.get(alert.id)
    if options.basis == "published":
        return review is not None and review.state is ReviewState.PUBLISHED
    return alerts.standing(alert) in _TOLD and not _is_taken_back(review, reviews)


def _is_taken_back(review: Review | None, reviews: Mapping[str, Review]) -> bool:
    """Say whether the last that people decided of an alert is that it does not stand; reopening it decides nothing."""
    while review is not None:
        if review.state in _TAKEN_BACK or review.verdict is not None:
            return review.state in _TAKEN_BACK or review.verdict in _TAKEN_BACK
        earlier = review.before or reviews.get(review.carried_from)
        review = earlier if earlier is not None and earlier.seq < review.seq else None
    return False


def _of_site(watch: Watch, history: Sequence[Site], site: Site) -> list[Working]:
    by_period = defaultdict(list)
    for month in sites.months_of(history, watch.pipeline.sites):
        if month.new is not None:
            by_period[Period.half_year_of(month_end(month.month) - 1)].append(month.new)
    lon, lat = _founded_at(watch, site)
    return [
        Working(aoi_id=site.aoi_id, period=period, site_id=site.id, lon=lon, lat=lat, new=sum_areas(areas))
        for period, areas in sorted(by_period.items())
    ]


def _founded_at(watch: Watch, site: Site) -> tuple[float, float]:
    """Return where a site began, degrees: it stays there as the site grows, so no release moves it to another cell."""
    grid = watch.grid
    east_m, north_m = grid.left_m + (site.seed_col + 0.5) * grid.res_m, grid.top_m - (site.seed_row + 0.5) * grid.res_m
    lon, lat = pyproj.Transformer.from_crs(grid.epsg, 4326, always_xy=True).transform(east_m, north_m)
    return float(lon), float(lat)


def _seen(watch: Watch, tables: Tables, periods: Sequence[Period]) -> list[Seen]:
    """Return how much of an AOI was seen in each half-year, in tenths."""
    rows = [row for row in tables.coverage(watch.aoi.id, watch.lineage) if row.stratum_id == WHOLE]
    found = []
    for period in periods:
        looked = [row.look_frac for row in rows if period.contains(dekad_start(row.dekad))]
        mean = sum(looked) / len(looked) if looked else 0.0
        found.append(Seen(aoi_id=watch.aoi.id, period=period, looked_frac=round(mean * _TENTHS) / _TENTHS))
    return found


def _require_no_leak(files: dict[str, bytes], restricted: Restricted) -> None:
    leaks: list[Leak] = [
        leak for name, content in files.items() for leak in alerts.find_leaks(name, content, restricted)
    ]
    if leaks:
        raise IntegrityError(
            f"A public file would give a place away in {len(leaks)} places: {leaks[0].file}, byte {leaks[0].offset} "
            f"({leaks[0].how}).",
            where="publish",
            remedy="Nothing was written. This is a fault in kpgeo: say which version wrote this.",
        )


def _note(tables: Tables, digests: dict[str, str], release: PublicRelease) -> None:
    """Put the publication into the ledger, once for the same files."""
    body: dict[str, Any] = {"files": digests, "periods": [period.label for period in release.periods]}
    known = tables.ledger.entries(kind=EntryKind.PUBLICATION)
    if not known or known[-1].body != body:
        aoi_ids = " ".join(aoi.id for aoi in release.aois)
        tables.ledger.append([Entry(kind=EntryKind.PUBLICATION, aoi_id="", subject=aoi_ids, actor=MACHINE, body=body)])


def _geojson(cells: Sequence[Cell]) -> bytes:
    """Return the cells as RFC 7946; corners are those of the fixed grid."""
    features = [
        {
            "type": "Feature",
            "properties": _cells_row(cell),
            "geometry": shapely.geometry.mapping(_square(cell)),
        }
        for cell in cells
    ]
    content = {"type": "FeatureCollection", "name": "cells", "release": "PUBLIC", "features": features}
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


def _square(cell: Cell) -> shapely.Polygon:
    east, north = round(cell.west + cell.size_deg, 6), round(cell.south + cell.size_deg, 6)
    return shapely.orient_polygons(shapely.box(cell.west, cell.south, east, north))


def _cells_row(cell: Cell) -> dict[str, str]:
    return {
        "release": "PUBLIC",
        "aoi": cell.aoi_id,
        "period": cell.period.label,
        "workings": str(cell.workings),
        "newly_dug": str(cell.newly_dug),
    }


def _csv(cells: Sequence[Cell]) -> bytes:
    rows = [{**_cells_row(cell), "west": cell.west, "south": cell.south, "size_deg": cell.size_deg} for cell in cells]
    return _table(["release", "aoi", "period", "workings", "newly_dug", "west", "south", "size_deg"], rows)


def _seen_csv(seen: Sequence[Seen]) -> bytes:
    rows = [
        {"release": "PUBLIC", "aoi": one.aoi_id, "period": one.period.label, "looked_frac": one.looked_frac}
        for one in seen
    ]
    return _table(["release", "aoi", "period", "looked_frac"], rows)


def _table(columns: list[str], rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
