"""Exports, opened again by readers that had no part in writing them."""

import csv
import json
import math
import os
import sqlite3
import xml.etree.ElementTree as ET
import zipfile
from contextlib import closing
from dataclasses import replace

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from kpgeo.flows.exports.export import ExportKind, ExportRow, columns_of, export_rows
from kpgeo.flows.exports.sheets import ExportFormat
from kpgeo.model.alert import Alert, Evidence, MachineState, Question
from kpgeo.model.aoi import Aoi, Sourced
from kpgeo.model.errors import BadInputError
from kpgeo.model.site import Area, ChangeObject, Site, SiteActivity, SiteMonth, SiteStatus

GPX = "{http://www.topografix.com/GPX/1/1}"
KML = "{http://www.opengis.net/kml/2.2}"
OWN = "{urn:kpgeo:export:1}"
XLSX = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

# A horseshoe: its centroid lies outside it, so a waypoint there would be wrong.
HORSESHOE = shapely.box(-6.60, 8.15, -6.57, 8.18).difference(shapely.box(-6.595, 8.155, -6.575, 8.18))
RING = shapely.Polygon(
    shapely.box(-6.55, 8.1, -6.54, 8.11).exterior, [shapely.box(-6.548, 8.102, -6.542, 8.108).exterior]
)
TWO = shapely.MultiPolygon([RING, shapely.box(-6.53, 8.1, -6.52, 8.11)])

AOI = Aoi(
    id="civ-seguela",
    names={"en": "Séguéla diamond field", "fr": "Champ diamantifère de Séguéla"},
    iso3="CIV",
    country="Côte d'Ivoire",
    participant="Côte d'Ivoire",
    deposit="dykes",
    geometry=shapely.box(-6.75, 8.0, -6.45, 8.35),
    epsg=32629,
    source=Sourced(source="made up for a test", confidence="low"),
)
OPEN_AOI = replace(AOI, id="zwe-open", sensitivity="public")

CHANGE = ChangeObject(
    id="change-000000000001",
    dekad=1978,
    geometry=HORSESHOE,
    first_day=20_000,
    last_day=20_050,
    area=Area(ha=1.25, low_ha=1.0, high_ha=1.5),
    confidence=0.9,
    seed_row=3,
    seed_col=4,
    n_px=130,
    pond_frac=0.25,
    elongation=2.0,
    look_frac=1.0,
    stratum_id="dyke-corridor",
)
SITE = Site(
    id="site-000000000001",
    aoi_id="civ-seguela",
    dekad=1978,
    status=SiteStatus.ACTIVE,
    geometry=TWO,
    opened_day=19_990,
    grown_day=20_040,
    last_day=20_050,
    area=Area(ha=2.5, low_ha=2.0, high_ha=3.0),
    peak_area_ha=2.75,
    confidence=0.95,
    pond_frac=0.1,
    look_frac=0.9,
    elongation=1.5,
    hits=5,
    looked_dekads=7,
    seed_row=3,
    seed_col=4,
    stratum_id="",
)
ALERT = Alert(
    id="alert-000000000001",
    aoi_id="civ-seguela",
    site_id=SITE.id,
    question=Question.ACTIVITY_WHERE_NONE_DECLARED,
    state=MachineState.CONFIRMED,
    raised_dekad=1976,
    dekad=1978,
    evidence=Evidence(
        site_id=SITE.id,
        area_ha=2.5,
        area_low_ha=2.0,
        area_high_ha=3.0,
        confidence=0.95,
        first_day=19_990,
        last_day=20_050,
        hits=5,
        looked_dekads=7,
    ),
    gaps=("no-clear-optical-look:2024-08-D1", "single-sensor"),
)
MONTH = SiteMonth(
    month=658,
    activity=SiteActivity.GROWING,
    mined=Area(ha=2.5, low_ha=2.0, high_ha=3.0),
    new=Area(ha=0.5, low_ha=0.25, high_ha=1.0),
    looked_dekads=2,
    dekads=3,
    looks=4.5,
)
UNSEEN = replace(MONTH, month=659, activity=SiteActivity.NOT_SEEN, mined=None, new=None, looked_dekads=0, looks=0.0)
ROWS = {
    "changes": [ExportRow(aoi=AOI, item=CHANGE)],
    "sites": [
        ExportRow(aoi=AOI, item=SITE),
        ExportRow(aoi=OPEN_AOI, item=replace(SITE, id="site-2", geometry=HORSESHOE)),
    ],
    "site-months": [ExportRow(aoi=AOI, item=SITE, month=MONTH), ExportRow(aoi=AOI, item=SITE, month=UNSEEN)],
    "alerts": [ExportRow(aoi=AOI, item=ALERT, site=SITE)],
}
SUFFIX = {
    "geojson": "geojson",
    "gpkg": "gpkg",
    "geoparquet": "parquet",
    "kml": "kml",
    "gpx": "gpx",
    "csv": "csv",
    "xlsx": "xlsx",
}
REQUIRED = {"id", "aoi", "first_seen", "last_seen", "area_ha", "area_low_ha", "area_high_ha", "confidence", "release"}
PAYLOADS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "＝cmd",
    "<script>alert(1)</script>",
    '"><b>&amp;',
    "]]>",
    "a\x00\x0bb",
]


@pytest.fixture
def write(tmp_path):
    """Return a function that exports rows and gives the file."""

    def _write(kind, file_format, rows=None, language="en"):
        out = tmp_path / "sub" / f"{kind}.{SUFFIX[file_format]}"
        export_rows(kind, ROWS[kind] if rows is None else rows, file_format, out, language)
        return out

    return _write


def read_rows(path, file_format):
    """Return the rows of a file as texts, by a reader that did not write it."""
    if file_format == "csv":
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    if file_format == "geojson":
        return [feature["properties"] for feature in json.loads(path.read_text(encoding="utf-8"))["features"]]
    if file_format == "kml":
        marks = ET.parse(path).getroot().iter(f"{KML}Placemark")
        return [{d.get("name"): d.findtext(f"{KML}value") for d in mark.iter(f"{KML}Data")} for mark in marks]
    if file_format == "gpx":
        points = ET.parse(path).getroot().iter(f"{GPX}wpt")
        return [{e.tag.removeprefix(OWN): e.text or "" for e in point.find(f"{GPX}extensions")} for point in points]
    if file_format == "geoparquet":
        return pq.read_table(path).drop_columns(["geometry", "bbox"]).to_pylist()
    if file_format == "xlsx":
        return _cells_of(path)
    return pyogrio.read_dataframe(path, layer=_layer_of(path)).drop(columns="geometry").to_dict("records")


def _cells_of(path):
    """Return the rows of a workbook, read from its XML by nothing but the standard library."""
    with zipfile.ZipFile(path) as book:
        lines = ET.fromstring(book.read("xl/worksheets/sheet1.xml")).iter(f"{XLSX}row")
        table = [{_column(cell): _value(cell) for cell in line} for line in lines]
    head, *rows = table
    return [{name: row.get(column, "") for column, name in head.items()} for row in rows]


def _column(cell):
    return cell.get("r").rstrip("0123456789")


def _value(cell):
    assert cell.find(f"{XLSX}f") is None, "a formula"
    if cell.get("t") == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{XLSX}t"))
    assert cell.get("t") == "n"
    return cell.findtext(f"{XLSX}v") or ""


def _layer_of(path):
    """Return the layer of the rows: a GeoPackage holds its style beside them."""
    return path.stem if path.suffix == ".gpkg" else 0


def geometries_of(path, file_format):
    if file_format == "csv":
        return [shapely.from_wkt(row["wkt"]) for row in read_rows(path, file_format)]
    if file_format == "geoparquet":
        return list(shapely.from_wkb(pq.read_table(path).column("geometry").to_pylist()))
    return list(pyogrio.read_dataframe(path, layer=_layer_of(path)).geometry)


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("file_format", SUFFIX)
def test_cells_come_back(write, kind, file_format):
    rows = read_rows(write(kind, file_format), file_format)
    assert len(rows) == len(ROWS[kind])
    first = rows[0]
    assert {*first} >= REQUIRED
    assert list(columns_of(ExportKind(kind))) == [name for name in first if name != "wkt"]
    item = ROWS[kind][0].item
    assert first["id"] == item.id
    assert first["aoi"] == "civ-seguela"
    assert first["aoi_name"] == "Séguéla diamond field"
    assert first["release"] == "KP ONLY"
    assert first["dekad"] == "2024-12-D2"
    assert first["first_seen"] == ("2024-10-04" if kind == "changes" else "2024-09-24")
    assert first["last_seen"] == "2024-11-23"
    areas = (1.25, 1.0, 1.5) if kind == "changes" else (2.5, 2.0, 3.0)
    assert tuple(float(first[name]) for name in ("area_ha", "area_low_ha", "area_high_ha")) == areas
    assert float(first["confidence"]) == item.confidence if kind != "alerts" else 0.95
    if kind == "sites":
        assert [row["status"] for row in rows] == ["active", "active"]
        assert [row["release"] for row in rows] == ["KP ONLY", "PUBLIC"]
        assert int(first["hits"]) == 5
    if kind == "site-months":
        assert [(row["month"], row["activity"]) for row in rows] == [("2024-11", "growing"), ("2024-12", "not-seen")]
        assert float(first["new_area_ha"]) == 0.5
        assert int(first["looked_dekads"]) == 2
        unseen = rows[1]["area_ha"]
        assert unseen in ("", None) or math.isnan(unseen), "what nobody saw is not 0 ha"
    if kind == "alerts":
        assert (first["state"], first["question"]) == ("confirmed", "activity-where-none-declared")
        assert first["site"] == SITE.id
        assert first["gaps"] == "no-clear-optical-look:2024-08-D1 single-sensor"


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("file_format", ["geojson", "gpkg", "geoparquet", "kml", "csv"])
def test_polygons_come_back(write, kind, file_format):
    read = geometries_of(write(kind, file_format), file_format)
    given = [(row.site or row.item).geometry for row in ROWS[kind]]
    for got, wanted in zip(read, given, strict=True):
        assert got.is_valid
        assert got.symmetric_difference(wanted).area < 1e-9


@pytest.mark.parametrize("file_format", ["geojson", "gpkg", "kml", "gpx"])
def test_gdal_finds_longitude_latitude(write, file_format):
    found = pyogrio.read_info(write("sites", file_format), layer=0, force_total_bounds=True)
    assert found["crs"] == "EPSG:4326"
    west, south, east, north = found["total_bounds"]
    assert -6.61 < west < east < -6.51
    assert 8.09 < south < north < 8.19


def test_geoparquet_says_where_it_is(write):
    path = write("sites", "geoparquet")
    geo = json.loads(pq.read_schema(path).metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    column = geo["columns"]["geometry"]
    assert (column["encoding"], column["crs"]["id"]) == ("WKB", {"authority": "EPSG", "code": 4326})
    assert "covering" in column


def test_geojson_follows_rfc_7946(write):
    content = json.loads(write("sites", "geojson").read_text(encoding="utf-8"))
    assert "crs" not in content
    for feature in content["features"]:
        for part in shapely.geometry.shape(feature["geometry"]).geoms:
            assert part.exterior.is_ccw
            assert not any(hole.is_ccw for hole in part.interiors)


def test_waypoints_lie_inside_their_sites(write):
    points = [(float(p.get("lon")), float(p.get("lat"))) for p in ET.parse(write("sites", "gpx")).iter(f"{GPX}wpt")]
    assert TWO.contains(shapely.Point(points[0]))
    assert HORSESHOE.contains(shapely.Point(points[1]))
    assert not HORSESHOE.contains(HORSESHOE.centroid)


def _release_of(path, file_format):
    if file_format == "geojson":
        return json.loads(path.read_text(encoding="utf-8"))["release"]
    if file_format == "gpkg":
        return pyogrio.read_info(path, layer=_layer_of(path))["layer_metadata"]["release"]
    if file_format == "geoparquet":
        return pq.read_schema(path).metadata[b"release"].decode()
    if file_format == "kml":
        return ET.parse(path).find(f"{KML}Document/{KML}ExtendedData/{KML}Data/{KML}value").text
    return ET.parse(path).find(f"{GPX}metadata/{GPX}keywords").text


@pytest.mark.parametrize("file_format", ["geojson", "gpkg", "geoparquet", "kml", "gpx"])
def test_the_file_says_who_may_see_it(write, file_format):
    assert _release_of(write("sites", file_format), file_format) == "KP ONLY"  # one row of two is
    assert _release_of(write("sites", file_format, ROWS["sites"][1:]), file_format) == "PUBLIC"
    assert _release_of(write("sites", file_format, []), file_format) == "KP ONLY"


@pytest.mark.parametrize("file_format", ["kml", "gpx"])
def test_titles_begin_with_the_release(write, file_format):
    root = ET.parse(write("sites", file_format)).getroot()
    place = f"{KML}Document/{KML}name" if file_format == "kml" else f"{GPX}metadata/{GPX}name"
    assert root.findtext(place).startswith("KP ONLY")


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("file_format", SUFFIX)
def test_nothing_to_export_is_an_empty_table(write, kind, file_format):
    path = write(kind, file_format, [])
    assert read_rows(path, file_format) == []
    if file_format in ("gpkg", "geoparquet"):
        names = (
            pq.read_schema(path).names
            if file_format == "geoparquet"
            else list(pyogrio.read_info(path, layer=_layer_of(path))["fields"])
        )
        assert {*names} >= set(columns_of(ExportKind(kind)))


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("file_format", SUFFIX)
def test_texts_of_strangers_stay_texts(write, file_format, payload):
    aoi = replace(AOI, names={"en": payload})
    if "\x00" in payload and file_format in ("gpkg", "geoparquet"):
        pytest.skip("a binary format holds any text")
    (row,) = read_rows(write("sites", file_format, [ExportRow(aoi=aoi, item=SITE)]), file_format)
    if file_format == "csv":
        assert row["aoi_name"] == (f"'{payload}" if payload[0] in "=+-@\t＝" else payload)
        assert not any(cell.startswith(("=", "+", "@")) for cell in row.values())
        assert float(row["lon"]) < 0  # a number keeps its minus sign
    elif file_format in ("kml", "gpx", "xlsx"):
        assert row["aoi_name"] == payload.replace("\x00", "\ufffd").replace("\x0b", "\ufffd")
    else:
        assert row["aoi_name"] == payload


@pytest.mark.fault(35)
@pytest.mark.parametrize("payload", [text for text in PAYLOADS if text[0] in "=+-@\t＝"])
def test_a_formula_in_a_workbook_stays_a_text_when_it_is_edited(write, payload):
    path = write("sites", "xlsx", [ExportRow(aoi=replace(AOI, names={"en": payload}), item=SITE)])
    sheet = openpyxl.load_workbook(path)["sites"]
    (cell,) = (cell for cell in sheet[2] if cell.value == payload)
    assert (cell.data_type, bool(cell.quotePrefix)) == ("s", True)


def test_gdal_reads_a_workbook(write):
    rows = pyogrio.read_dataframe(write("sites", "xlsx"), layer="sites", read_geometry=False).to_dict("records")
    assert [row["id"] for row in rows] == [SITE.id, "site-2"]
    assert rows[0]["area_ha"] == 2.5
    about = pyogrio.read_dataframe(write("sites", "xlsx"), layer="kpgeo", read_geometry=False)
    assert "KP ONLY" in about.to_string()


@pytest.mark.parametrize("kind", ROWS)
def test_a_geopackage_brings_its_style(write, kind):
    path = write(kind, "gpkg")
    with closing(sqlite3.connect(path)) as connection:
        ((name, geometry, qml, is_default),) = connection.execute(
            "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles"
        )
        columns = {row[1]: row[2] for row in connection.execute(f"PRAGMA table_info('{name}')")}
        listed = dict(connection.execute("SELECT table_name, data_type FROM gpkg_contents"))
        kinds = (
            {row[0] for row in connection.execute("SELECT DISTINCT status FROM sites")} if kind == "sites" else set()
        )
    root = ET.fromstring(qml)
    renderer = root.find("renderer-v2")
    assert (name, is_default, columns[geometry]) == (kind, 1, "MULTIPOLYGON")
    assert listed == {kind: "features", "layer_styles": "attributes"}
    assert renderer.get("attr") in columns
    categories = {category.get("value"): category.get("symbol") for category in root.iter("category")}
    assert set(categories.values()) <= {symbol.get("name") for symbol in root.iter("symbol")}
    assert kinds <= set(categories)


@pytest.mark.parametrize(
    ("kind", "states"), [("alerts", MachineState), ("sites", SiteStatus), ("site-months", SiteActivity)]
)
def test_every_state_has_a_colour_of_its_own(write, kind, states):
    with closing(sqlite3.connect(write(kind, "gpkg"))) as connection:
        (qml,) = connection.execute("SELECT styleQML FROM layer_styles").fetchone()
    root = ET.fromstring(qml)
    assert {str(state) for state in states} | {""} == {category.get("value") for category in root.iter("category")}
    looks = [tuple(prop.get("v") for prop in layer.iter("prop")) for layer in root.iter("layer")]
    assert len(set(looks)) == len(looks)


def test_a_balloon_runs_no_script(write):
    aoi = replace(AOI, names={"en": "<script>alert(1)</script>"})
    root = ET.parse(write("sites", "kml", [ExportRow(aoi=aoi, item=SITE)])).getroot()
    assert root.findtext(f".//{KML}BalloonStyle/{KML}text") == "$[description]"
    said = root.findtext(f".//{KML}description")
    assert "<script" not in said
    assert "&lt;script&gt;" in said


@pytest.mark.parametrize(
    ("language", "name", "words"),
    [
        ("en", "Séguéla diamond field", "Area (ha): 2.5"),
        ("fr", "Champ diamantifère de Séguéla", "Superficie (ha): 2.5"),
        ("pt", "Séguéla diamond field", "Área (ha): 2.5"),  # the AOI has no Portuguese name
    ],
)
def test_languages(write, language, name, words):
    row = read_rows(write("sites", "geojson", language=language), "geojson")[0]
    assert row["aoi_name"] == name
    assert row["status"] == "active"
    root = ET.parse(write("sites", "gpx", language=language)).getroot()
    assert words in root.findtext(f".//{GPX}wpt/{GPX}desc")


@pytest.mark.parametrize("file_format", SUFFIX)
def test_numbers_of_any_make_are_written(write, file_format):
    site = replace(SITE, area=Area(ha=np.float32(2.5), low_ha=math.nan, high_ha=math.inf), hits=np.int64(5))
    (row,) = read_rows(write("sites", file_format, [ExportRow(aoi=AOI, item=site)]), file_format)
    assert float(row["area_ha"]) == 2.5
    low = row["area_low_ha"]
    assert low in (None, "") or math.isnan(low)
    assert int(row["hits"]) == 5


@pytest.mark.parametrize("file_format", SUFFIX)
def test_a_second_export_replaces_the_first(write, file_format):
    write("sites", file_format)
    path = write("sites", file_format, ROWS["sites"][:1])
    assert len(read_rows(path, file_format)) == 1
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("file_format", ["geojson", "csv", "kml", "gpx"])
def test_the_same_rows_give_the_same_bytes(write, file_format):
    assert write("sites", file_format).read_bytes() == write("sites", file_format).read_bytes()


@pytest.mark.parametrize("file_format", SUFFIX)
def test_a_refused_export_leaves_what_was_there(write, file_format):
    path = write("sites", file_format)
    before = path.read_bytes()
    rows = [*ROWS["sites"], ExportRow(aoi=AOI, item=CHANGE)]
    with pytest.raises(BadInputError, match="ChangeObject cannot stand among sites"):
        write("sites", file_format, rows)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("file_format", SUFFIX)
def test_a_place_that_cannot_be_written_is_named(tmp_path, file_format):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInputError, match="cannot be written"):
        export_rows("sites", ROWS["sites"], file_format, tmp_path / "file" / "sites.out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_rights_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(BadInputError, match="cannot be written"):
        export_rows("sites", ROWS["sites"], "gpkg", tmp_path / "sites.gpkg")


@pytest.mark.parametrize(
    ("kind", "file_format", "language"),
    [("pits", "csv", "en"), ("sites", "shp", "en"), ("sites", "csv", "de")],
)
def test_unknown_wishes_are_refused(tmp_path, kind, file_format, language):
    with pytest.raises(BadInputError):
        export_rows(kind, [], file_format, tmp_path / "out", language)
    assert not list(tmp_path.iterdir())


def test_an_alert_needs_its_site(tmp_path):
    with pytest.raises(BadInputError, match="has no place"):
        export_rows("alerts", [ExportRow(aoi=AOI, item=ALERT)], "csv", tmp_path / "alerts.csv")


def test_a_month_of_a_site_needs_its_month_and_nothing_else_has_one(tmp_path):
    with pytest.raises(BadInputError, match="cannot stand among"):
        export_rows("site-months", [ExportRow(aoi=AOI, item=SITE)], "csv", tmp_path / "months.csv")
    with pytest.raises(BadInputError, match="cannot stand among"):
        export_rows("sites", [ExportRow(aoi=AOI, item=SITE, month=MONTH)], "csv", tmp_path / "sites.csv")


def test_every_format_is_tested():
    assert set(SUFFIX) == {str(one) for one in ExportFormat}
