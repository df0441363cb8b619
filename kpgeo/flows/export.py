"""Export: change objects, sites and alerts as files other programs open.

All formats hold the same rows and columns (`columns_of`), EPSG:4326, one row a polygon; GPX holds points inside them.
A file holds exact places, so each says who may see it: `release` stands in every row and in the file's own metadata.
"""

import csv
import html
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from kpgeo.flows.unwatched import left_out_sentences
from kpgeo.model.alert import Alert, Evidence
from kpgeo.model.aoi import Aoi, Language, LeftOut
from kpgeo.model.calendar import date_of, dekad_label, month_label
from kpgeo.model.errors import BadInputError
from kpgeo.model.site import Area, ChangeObject, Site, SiteMonth
from kpgeo.store import write_atomic

KP_ONLY, PUBLIC = "KP ONLY", "PUBLIC"

Cell = str | float | int | None
Row = dict[str, Cell]


class ExportKind(StrEnum):
    """What is exported."""

    CHANGES = "changes"
    SITES = "sites"
    SITE_MONTHS = "site-months"
    ALERTS = "alerts"


class ExportFormat(StrEnum):
    """As what."""

    GEOJSON = "geojson"
    GPKG = "gpkg"
    GEOPARQUET = "geoparquet"
    KML = "kml"
    GPX = "gpx"
    CSV = "csv"


@dataclass(frozen=True, kw_only=True)
class ExportRow:
    """One thing to export, the AOI it lies in, for an alert its site, for a month of a site that month.

    `left_out` is what of the AOI is not watched, by choice; None where it is watched whole.
    """

    aoi: Aoi
    item: ChangeObject | Site | Alert
    site: Site | None = None
    month: SiteMonth | None = None
    left_out: LeftOut | None = None


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
_OWN: dict[ExportKind, dict[str, type]] = {
    ExportKind.CHANGES: {"stratum": str, "pond_frac": float, "look_frac": float},
    ExportKind.SITES: {
        "status": str,
        "stratum": str,
        "peak_area_ha": float,
        "hits": int,
        "looked_dekads": int,
        "merged_into": str,
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
    },
}
_PLACE: dict[str, type] = {"lon": float, "lat": float}
_ITEM = {
    ExportKind.CHANGES: ChangeObject,
    ExportKind.SITES: Site,
    ExportKind.SITE_MONTHS: Site,
    ExportKind.ALERTS: Alert,
}

# Words people read in KML and GPX: English, French, Portuguese. Columns and codes are the same in every language.
_LANGUAGES: tuple[Language, ...] = ("en", "fr", "pt")
_LABELS = {
    "changes": ("Change objects", "Objets de changement", "Objetos de mudança"),
    "sites": ("Sites", "Sites", "Locais"),
    "site-months": ("Sites by month", "Sites par mois", "Locais por mês"),
    "alerts": ("Alerts", "Alertes", "Alertas"),
    "month": ("Month", "Mois", "Mês"),
    "activity": ("Activity", "Activité", "Atividade"),
    "new_area_ha": ("Newly disturbed (ha)", "Nouvellement perturbé (ha)", "Recentemente perturbado (ha)"),
    "first_seen": ("First seen", "Première observation", "Primeira observação"),
    "last_seen": ("Last seen", "Dernière observation", "Última observação"),
    "area_ha": ("Area (ha)", "Superficie (ha)", "Área (ha)"),
    "confidence": ("Confidence", "Confiance", "Confiança"),
    "status": ("Status", "Statut", "Situação"),
    "state": ("State", "État", "Estado"),
    "question": ("Question", "Question", "Questão"),
    "release": ("Release", "Diffusion", "Divulgação"),
}
_SPOKEN = (
    "month",
    "activity",
    "new_area_ha",
    "status",
    "state",
    "question",
    "first_seen",
    "last_seen",
    "area_ha",
    "confidence",
    "release",
)
# What a spreadsheet takes for the beginning of a formula, in narrow and in full width.
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_GPX = "http://www.topografix.com/GPX/1/1"
_OWN_NAMESPACE = "urn:kpgeo:export:1"


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    """Rows ready to be written: what they are, in which language, their cells and their polygons."""

    kind: ExportKind
    language: Language
    rows: list[Row]
    geometries: list[MultiPolygon]
    left_out: str = ""

    @property
    def columns(self) -> dict[str, type]:
        return columns_of(self.kind)

    @property
    def release(self) -> str:
        """Return the narrowest release of any row; a file without rows is taken for a confidential one."""
        return PUBLIC if self.rows and all(row["release"] == PUBLIC for row in self.rows) else KP_ONLY

    @property
    def title(self) -> str:
        """Return the file's title: the release comes first."""
        return f"{self.release} – kpgeo – {self.say(self.kind)}"

    def say(self, label: str) -> str:
        """Return a label in the sheet's language."""
        return _LABELS[label][_LANGUAGES.index(self.language)]

    def lines(self, row: Row) -> list[str]:
        """Return a row in words."""
        return [f"{self.say(label)}: {_plain(row[label])}" for label in _SPOKEN if label in row]


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
        `geojson`, `gpkg`, `geoparquet`, `kml`, `gpx` or `csv`.
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
    if language not in _LANGUAGES:
        raise BadInputError(f"There is no export in '{language}'.", remedy="Use en, fr or pt.")
    sheet = _Sheet(
        kind=wanted,
        language=language,
        rows=[_row_of(wanted, row, language) for row in rows],
        geometries=[_polygons_of(row) for row in rows],
        left_out=" ".join(left_out_sentences({row.aoi.id: row.left_out for row in rows}.items())),
    )
    try:
        write_atomic(out, lambda path: _WRITERS[shape](sheet, path))
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
    if cell_type is str or value is None:
        return "" if value is None else str(value)
    number = float(value)
    return int(number) if cell_type is int else number if math.isfinite(number) else None


def _plain(cell: Cell) -> str:
    return "" if cell is None else f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _write_geojson(sheet: _Sheet, path: Path) -> None:
    """RFC 7946, one feature a line. `title` and `release` are foreign members, which readers pass over."""
    head = {"type": "FeatureCollection", "name": sheet.kind, "title": sheet.title, "release": sheet.release}
    head |= {"left_out": sheet.left_out} if sheet.left_out else {}
    features = [
        {"type": "Feature", "id": row["id"], "properties": row, "geometry": shapely.geometry.mapping(geometry)}
        for row, geometry in zip(sheet.rows, sheet.geometries, strict=True)
    ]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, allow_nan=False) for feature in features)
    text = json.dumps(head, ensure_ascii=False).removesuffix("}")
    path.write_text(f'{text}, "features": [\n{lines}\n]}}\n', encoding="utf-8")


def _frame(sheet: _Sheet) -> gpd.GeoDataFrame:
    """Return the rows as a frame whose columns keep their types though they are empty."""
    dtypes = {str: "object", float: "float64", int: "int64"}
    columns = {
        name: pd.Series([row[name] for row in sheet.rows], dtype=dtypes[kind]) for name, kind in sheet.columns.items()
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(sheet.geometries, crs="EPSG:4326"))


def _write_gpkg(sheet: _Sheet, path: Path) -> None:
    """GeoPackage. The release stands with the layer: readers answer the dataset's own metadata with a side-car file."""
    pyogrio.write_dataframe(
        _frame(sheet),
        path,
        layer=str(sheet.kind),
        driver="GPKG",
        geometry_type="MultiPolygon",
        layer_metadata={
            "release": sheet.release,
            "DESCRIPTION": sheet.title,
            **({"left_out": sheet.left_out} if sheet.left_out else {}),
        },
    )


def _write_geoparquet(sheet: _Sheet, path: Path) -> None:
    """GeoParquet 1.1 with a bounding box by row, so that readers can skip what they do not ask for."""
    _frame(sheet).to_parquet(path, index=False, schema_version="1.1.0", write_covering_bbox=True)
    table = pq.read_table(path)
    said = {b"release": sheet.release.encode(), b"title": sheet.title.encode()}
    said |= {b"left_out": sheet.left_out.encode()} if sheet.left_out else {}
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, **said}), path)


def _write_csv(sheet: _Sheet, path: Path) -> None:
    """UTF-8, comma, polygons as well-known text in the last column; texts that look like formulas are quoted."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*sheet.columns, "wkt"])
    for row, geometry in zip(sheet.rows, sheet.geometries, strict=True):
        writer.writerow([*(_unformula(cell) for cell in row.values()), shapely.to_wkt(geometry, rounding_precision=7)])
    path.write_bytes(text.getvalue().encode("utf-8"))


def _unformula(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA else cell


def _write_kml(sheet: _Sheet, path: Path) -> None:
    """KML 2.2. Balloons show the description alone, which is escaped once as HTML and once as XML."""
    root = ET.Element("kml", xmlns="http://www.opengis.net/kml/2.2")
    document = ET.SubElement(root, "Document", id=str(sheet.kind))
    _leaf(document, "name", sheet.title)
    style = ET.SubElement(document, "Style", id="site")
    _leaf(ET.SubElement(style, "BalloonStyle"), "text", "$[description]")
    _leaf(ET.SubElement(style, "PolyStyle"), "fill", "0")
    _leaf(ET.SubElement(ET.SubElement(document, "ExtendedData"), "Data", name="release"), "value", sheet.release)
    for row, geometry in zip(sheet.rows, sheet.geometries, strict=True):
        mark = ET.SubElement(document, "Placemark")
        _leaf(mark, "name", f"{row['release']} {row['id']}")
        words = [str(row["aoi_name"]), str(row["id"]), *sheet.lines(row)]
        _leaf(mark, "description", "<br/>".join(html.escape(word) for word in words))
        span = ET.SubElement(mark, "TimeSpan")
        _leaf(span, "begin", str(row["first_seen"]))
        _leaf(span, "end", str(row["last_seen"]))
        _leaf(mark, "styleUrl", "#site")
        extended = ET.SubElement(mark, "ExtendedData")
        for name, cell in row.items():
            _leaf(ET.SubElement(extended, "Data", name=name), "value", "" if cell is None else str(cell))
        _add_polygons(mark, geometry)
    _write_xml(root, path)


def _add_polygons(mark: ET.Element, geometry: MultiPolygon) -> None:
    """Add polygons to a KML placemark."""
    parts = ET.SubElement(mark, "MultiGeometry")
    for part in geometry.geoms:
        polygon = ET.SubElement(parts, "Polygon")
        sides = [("outerBoundaryIs", part.exterior), *(("innerBoundaryIs", ring) for ring in part.interiors)]
        for side, ring in sides:
            line = ET.SubElement(ET.SubElement(polygon, side), "LinearRing")
            _leaf(line, "coordinates", " ".join(f"{lon:.7f},{lat:.7f}" for lon, lat in ring.coords))


def _write_gpx(sheet: _Sheet, path: Path) -> None:
    """GPX 1.1: a waypoint at a point inside each polygon; all columns stand in its extensions."""
    root = ET.Element("gpx", {"version": "1.1", "creator": "kpgeo", "xmlns": _GPX, "xmlns:kpgeo": _OWN_NAMESPACE})
    about = ET.SubElement(root, "metadata")
    _leaf(about, "name", sheet.title)
    _leaf(about, "desc", f"{sheet.say('release')}: {sheet.release}")
    _leaf(about, "keywords", sheet.release)
    for row in sheet.rows:
        point = ET.SubElement(root, "wpt", lat=f"{row['lat']:.6f}", lon=f"{row['lon']:.6f}")
        _leaf(point, "name", str(row["id"]))
        _leaf(point, "cmt", f"{row['release']}. {row['aoi_name']}")
        _leaf(point, "desc", "; ".join(sheet.lines(row)))
        _leaf(point, "type", str(sheet.kind))
        extensions = ET.SubElement(point, "extensions")
        for name, cell in row.items():
            _leaf(extensions, f"kpgeo:{name}", "" if cell is None else str(cell))
    _write_xml(root, path)


def _leaf(parent: ET.Element, tag: str, text: str) -> None:
    """Add an element with a text; characters XML cannot hold become U+FFFD."""
    ET.SubElement(parent, tag).text = "".join(letter if _is_xml(ord(letter)) else "\ufffd" for letter in text)


def _is_xml(code: int) -> bool:
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _write_xml(root: ET.Element, path: Path) -> None:
    ET.indent(root, " ")
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


_WRITERS: dict[ExportFormat, Callable[[_Sheet, Path], None]] = {
    ExportFormat.GEOJSON: _write_geojson,
    ExportFormat.GPKG: _write_gpkg,
    ExportFormat.GEOPARQUET: _write_geoparquet,
    ExportFormat.KML: _write_kml,
    ExportFormat.GPX: _write_gpx,
    ExportFormat.CSV: _write_csv,
}
