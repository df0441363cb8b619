"""A sheet of rows as files that other programs open: one writer a format."""

import csv
import html
import io
import json
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

from kpgeo.model.aoi import LANGUAGES, Language

KP_ONLY, PUBLIC = "KP ONLY", "PUBLIC"
GEOMETRY_COLUMN = "geom"

Cell = str | float | int | None
Row = dict[str, Cell]


class ExportFormat(StrEnum):
    """As what."""

    GEOJSON = "geojson"
    GPKG = "gpkg"
    GEOPARQUET = "geoparquet"
    KML = "kml"
    GPX = "gpx"
    CSV = "csv"
    XLSX = "xlsx"


# Words people read in KML and GPX: English, French, Portuguese. Columns and codes are the same in every language.
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
FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_GPX = "http://www.topografix.com/GPX/1/1"
_OWN_NAMESPACE = "urn:kpgeo:export:1"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Rows ready to be written: what they are, in which language, their columns, cells and polygons."""

    kind: str
    columns: dict[str, type]
    language: Language
    rows: list[Row]
    geometries: list[MultiPolygon]
    left_out: str = ""

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
        return _LABELS[label][LANGUAGES.index(self.language)]

    def lines(self, row: Row) -> list[str]:
        """Return a row in words."""
        return [f"{self.say(label)}: {_plain(row[label])}" for label in _SPOKEN if label in row]


def _plain(cell: Cell) -> str:
    return "" if cell is None else f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def write_geojson(sheet: Sheet, path: Path) -> None:
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


def _frame(sheet: Sheet) -> gpd.GeoDataFrame:
    """Return the rows as a frame whose columns keep their types though they are empty."""
    dtypes = {str: "object", float: "float64", int: "int64"}
    columns = {
        name: pd.Series([row[name] for row in sheet.rows], dtype=dtypes[kind]) for name, kind in sheet.columns.items()
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(sheet.geometries, crs="EPSG:4326"))


def write_gpkg(sheet: Sheet, path: Path) -> None:
    """GeoPackage. The release stands with the layer: readers answer the dataset's own metadata with a side-car file."""
    pyogrio.write_dataframe(
        _frame(sheet),
        path,
        layer=str(sheet.kind),
        driver="GPKG",
        geometry_type="MultiPolygon",
        layer_options={"GEOMETRY_NAME": GEOMETRY_COLUMN},
        layer_metadata={
            "release": sheet.release,
            "DESCRIPTION": sheet.title,
            **({"left_out": sheet.left_out} if sheet.left_out else {}),
        },
    )


def write_geoparquet(sheet: Sheet, path: Path) -> None:
    """GeoParquet 1.1 with a bounding box by row, so that readers can skip what they do not ask for."""
    _frame(sheet).to_parquet(path, index=False, schema_version="1.1.0", write_covering_bbox=True)
    table = pq.read_table(path)
    said = {b"release": sheet.release.encode(), b"title": sheet.title.encode()}
    said |= {b"left_out": sheet.left_out.encode()} if sheet.left_out else {}
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, **said}), path)


def write_csv(sheet: Sheet, path: Path) -> None:
    """UTF-8, comma, polygons as well-known text in the last column; texts that look like formulas are quoted."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*sheet.columns, "wkt"])
    for row, geometry in zip(sheet.rows, sheet.geometries, strict=True):
        writer.writerow([*(_unformula(cell) for cell in row.values()), shapely.to_wkt(geometry, rounding_precision=7)])
    path.write_bytes(text.getvalue().encode("utf-8"))


def _unformula(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in FORMULA else cell


def write_kml(sheet: Sheet, path: Path) -> None:
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


def write_gpx(sheet: Sheet, path: Path) -> None:
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
    ET.SubElement(parent, tag).text = printable(text)


def printable(text: str) -> str:
    """Return a text with U+FFFD for each character that XML, and so a workbook, cannot hold."""
    return "".join(letter if _is_xml(ord(letter)) else "\ufffd" for letter in text)


def _is_xml(code: int) -> bool:
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _write_xml(root: ET.Element, path: Path) -> None:
    ET.indent(root, " ")
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
