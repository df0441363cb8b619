"""Export: change objects, sites and alerts as files other programs open.

All formats hold the same rows and columns (`columns_of`), EPSG:4326, one row a polygon; GPX holds points inside them.
A file holds exact places, so each says who may see it: `release` stands in every row and in the file's own metadata.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyogrio
import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from kpgeo.flows.exports.sheets import KP_ONLY, PUBLIC, Cell, ExportFormat, Row, Sheet
from kpgeo.flows.exports.writers import WRITERS
from kpgeo.flows.watching.unwatched import left_out_sentences
from kpgeo.model.alert import Alert, Evidence
from kpgeo.model.aoi import LANGUAGES, Aoi, Language, LeftOut
from kpgeo.model.calendar import date_of, dekad_label, month_label
from kpgeo.model.errors import BadInputError
from kpgeo.model.site import Area, ChangeObject, Site, SiteMonth
from kpgeo.model.surroundings import Nearest, PermitStanding, Surroundings
from kpgeo.store import write_atomic


class ExportKind(StrEnum):
    """What is exported."""

    CHANGES = "changes"
    SITES = "sites"
    SITE_MONTHS = "site-months"
    ALERTS = "alerts"


@dataclass(frozen=True, kw_only=True)
class ExportRow:
    """One thing to export, the AOI it lies in, for an alert its site, for a month of a site that month.

    `left_out` is what of the AOI is not watched, by choice; None where it is watched whole. `surroundings` are those of
    the site; None where they are not known.
    """

    aoi: Aoi
    item: ChangeObject | Site | Alert
    site: Site | None = None
    month: SiteMonth | None = None
    left_out: LeftOut | None = None
    surroundings: Surroundings | None = None


_COMMON: dict[str, type] = {
    "id": str,
    "aoi": str,
    "aoi_name": str,
    "release": str,
    "dekad": str,
    "first_seen": str,
    "last_seen": str,
    "area_ha": float,
    "area_low_ha": float,
    "area_high_ha": float,
    "confidence": float,
    "unwatched_frac": float,
}
# Empty where no layer of the AOI tells. A distance named in `at_least` is as far as its layer reaches.
_AROUND: dict[str, type] = {
    "permit": str,
    "permit_ids": str,
    "permit_m": float,
    "drainage_m": float,
    "road_m": float,
    "border_m": float,
    "settlement_m": float,
    "settlement": str,
    "at_least": str,
    "baseline": str,
    "before_ha": float,
    "since_ha": float,
    "mining_type": str,
    "mining_type_why": str,
}
_OWN: dict[ExportKind, dict[str, type]] = {
    ExportKind.CHANGES: {"stratum": str, "pond_frac": float, "look_frac": float},
    ExportKind.SITES: {
        "status": str,
        "stratum": str,
        "peak_area_ha": float,
        "hits": int,
        "looked_dekads": int,
        "merged_into": str,
        **_AROUND,
    },
    ExportKind.SITE_MONTHS: {
        "month": str,
        "activity": str,
        "new_area_ha": float,
        "new_area_low_ha": float,
        "new_area_high_ha": float,
        "looked_dekads": int,
        "dekads": int,
        "looks": float,
        "stratum": str,
    },
    ExportKind.ALERTS: {
        "site": str,
        "state": str,
        "question": str,
        "stratum": str,
        "hits": int,
        "looked_dekads": int,
        "gaps": str,
        **_AROUND,
    },
}
_PLACE: dict[str, type] = {"lon": float, "lat": float}
_ITEM = {
    ExportKind.CHANGES: ChangeObject,
    ExportKind.SITES: Site,
    ExportKind.SITE_MONTHS: Site,
    ExportKind.ALERTS: Alert,
}


def columns_of(kind: ExportKind) -> dict[str, type]:
    """Return the columns of an export and their types, in order. Dates are ISO texts; lon and lat a point inside."""
    return {**_COMMON, **_OWN[kind], **_PLACE}


def export_rows(
    kind: ExportKind | str,
    rows: Sequence[ExportRow],
    file_format: ExportFormat | str,
    out: Path,
    language: Language = "en",
) -> None:
    """Write change objects, sites or alerts to a file, whole or not at all.

    Parameters
    ----------
    kind : ExportKind
        `changes`, `sites`, `site-months` (one row a site and month) or `alerts`; all rows must be of it.
    rows : sequence of ExportRow
        In the order they are written. None at all makes a file with columns and no rows.
    file_format : ExportFormat
        `geojson`, `gpkg`, `geoparquet`, `kml`, `gpx`, `csv` or `xlsx`.
    out : Path
        The file; one that is there is replaced.
    language : {"en", "fr", "pt"}
        Of names and of what KML and GPX say in words. Columns and codes stay as they are.

    Raises
    ------
    BadInputError
        Unknown kind, format or language, a row of another kind, an alert without its site, or a file that cannot be
        written; whatever was at `out` is as it was.
    """
    try:
        wanted, shape = ExportKind(kind), ExportFormat(file_format)
    except ValueError as error:
        known = f"Kinds: {', '.join(ExportKind)}. Formats: {', '.join(ExportFormat)}."
        raise BadInputError(f"There is no export of {kind} as {file_format}.", remedy=known) from error
    if language not in LANGUAGES:
        raise BadInputError(f"There is no export in '{language}'.", remedy="Use en, fr or pt.")
    sheet = Sheet(
        kind=wanted,
        columns=columns_of(wanted),
        language=language,
        rows=[_row_of(wanted, row, language) for row in rows],
        geometries=[_polygons_of(row) for row in rows],
        left_out=" ".join(left_out_sentences({row.aoi.id: row.left_out for row in rows}.items())),
    )
    try:
        write_atomic(out, lambda path: WRITERS[shape](sheet, path))
    except (OSError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        reason = getattr(error, "strerror", None) or "the format's writer refused"
        raise BadInputError(
            f"The export cannot be written ({reason}).", where=str(out), remedy="Check folder, rights and space."
        ) from error


def _row_of(kind: ExportKind, row: ExportRow, language: Language) -> Row:
    """Return the cells of one row."""
    item = row.item
    if not isinstance(item, _ITEM[kind]) or (kind is ExportKind.SITE_MONTHS) != (row.month is not None):
        raise BadInputError(f"A {type(item).__name__} cannot stand among {kind}.", where="export")
    point = _polygons_of(row).representative_point()
    cells: Row = {
        "id": item.id,
        "aoi": row.aoi.id,
        "aoi_name": row.aoi.name(language),
        "release": PUBLIC if row.aoi.sensitivity == "public" else KP_ONLY,
        "dekad": dekad_label(item.dekad),
        "unwatched_frac": row.left_out.share_frac if row.left_out else 0.0,
        **_own_cells(item, row.site),
        **_around_cells(row.surroundings),
        **(_month_cells(row.month) if kind is ExportKind.SITE_MONTHS and row.month else {}),
        "lon": round(point.x, 6),
        "lat": round(point.y, 6),
    }
    return {name: _cell(cells[name], cell_type) for name, cell_type in columns_of(kind).items()}


def _own_cells(item: ChangeObject | Site | Alert, site: Site | None) -> Row:
    """Return the cells that differ by kind."""
    if isinstance(item, Alert):
        return {
            **_evidence_cells(item.evidence),
            "site": item.site_id,
            "state": item.state,
            "question": item.question,
            "stratum": site.stratum_id if site else "",
            "gaps": " ".join(item.gaps),
        }
    cells: Row = {
        "first_seen": _iso(item.first_day if isinstance(item, ChangeObject) else item.opened_day),
        "last_seen": _iso(item.last_day),
        "area_ha": item.area.ha,
        "area_low_ha": item.area.low_ha,
        "area_high_ha": item.area.high_ha,
        "confidence": item.confidence,
        "stratum": item.stratum_id,
        "pond_frac": item.pond_frac,
        "look_frac": item.look_frac,
    }
    if isinstance(item, Site):
        cells |= {"status": item.status, "peak_area_ha": item.peak_area_ha, "hits": item.hits}
        cells |= {"looked_dekads": item.looked_dekads, "merged_into": item.merged_into}
    return cells


def _around_cells(surroundings: Surroundings | None) -> Row:
    """Return the cells of what lies around a site."""
    if surroundings is None:
        return {**dict.fromkeys(_AROUND), "permit": str(PermitStanding.NOT_KNOWN)}
    nearest: dict[str, Nearest | None] = {
        name: getattr(surroundings, name) for name in ("permit", "drainage", "road", "border", "settlement")
    }
    settlement = nearest["settlement"]
    return {
        "permit": surroundings.permit_standing,
        "permit_ids": " ".join(share.permit.id for share in surroundings.permits),
        **{f"{name}_m": None if one is None else one.distance_m for name, one in nearest.items()},
        "settlement": "" if settlement is None else settlement.name,
        "at_least": " ".join(name for name, one in nearest.items() if one is not None and one.is_beyond),
        "baseline": surroundings.baseline.standing,
        "before_ha": surroundings.baseline.before_ha,
        "since_ha": surroundings.baseline.since_ha,
        "mining_type": surroundings.mined_good.type,
        "mining_type_why": " ".join(surroundings.mined_good.reasons),
    }


def _month_cells(month: SiteMonth) -> Row:
    """Return the cells of a month; `area_ha` is that at its end. An area that nobody could see stays empty."""
    return {
        **_area_cells("area", month.mined),
        **_area_cells("new_area", month.new),
        "month": month_label(month.month),
        "activity": month.activity,
        "looked_dekads": month.looked_dekads,
        "dekads": month.dekads,
        "looks": month.looks,
    }


def _area_cells(name: str, area: Area | None) -> Row:
    known = Area(ha=math.nan, low_ha=math.nan, high_ha=math.nan) if area is None else area
    return {f"{name}_ha": known.ha, f"{name}_low_ha": known.low_ha, f"{name}_high_ha": known.high_ha}


def _evidence_cells(evidence: Evidence) -> Row:
    return {
        "first_seen": _iso(evidence.first_day),
        "last_seen": _iso(evidence.last_day),
        "area_ha": evidence.area_ha,
        "area_low_ha": evidence.area_low_ha,
        "area_high_ha": evidence.area_high_ha,
        "confidence": evidence.confidence,
        "hits": evidence.hits,
        "looked_dekads": evidence.looked_dekads,
    }


def _polygons_of(row: ExportRow) -> MultiPolygon:
    """Return a row's geometry as a MultiPolygon, wound as RFC 7946 asks."""
    holder: object = row.site if isinstance(row.item, Alert) else row.item
    geometry: BaseGeometry | None = getattr(holder, "geometry", None)
    if geometry is None or geometry.is_empty:
        raise BadInputError(f"'{row.item.id}' has no place.", where="export", remedy="Give each alert with its site.")
    return shapely.orient_polygons(MultiPolygon(list(getattr(geometry, "geoms", [geometry]))))


def _iso(day: int) -> str:
    return date_of(day).isoformat()


def _cell(value: Cell, cell_type: type) -> Cell:
    """Return a value as its column's type, and nothing where a number is not one."""
    if value is None:
        return "" if cell_type is str else None
    if cell_type is str:
        return str(value)
    number = float(value)
    return int(number) if cell_type is int else number if math.isfinite(number) else None
