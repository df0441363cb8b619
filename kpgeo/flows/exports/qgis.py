"""How QGIS draws an export: a style that lies in the GeoPackage itself, so that it opens as it should look."""

import sqlite3
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

from kpgeo.flows.exports.sheets import Sheet

# Column that decides the colour, and for each code its colour, which differs in lightness too, for grey prints and
# eyes that tell no red from green (after Okabe and Ito 2008), and its line style.
_BY_KIND: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "alerts": (
        "state",
        {
            "candidate": ("#f0e442", "dot"),
            "first": ("#f0e442", "dash"),
            "provisional": ("#e69f00", "solid"),
            "confirmed": ("#d55e00", "solid"),
            "ongoing": ("#a0295a", "solid"),
            "finished": ("#56b4e9", "dash"),
            "expired": ("#bbbbbb", "dot"),
            "undetermined": ("#777777", "dash dot"),
        },
    ),
    "sites": (
        "status",
        {"active": ("#d55e00", "solid"), "paused": ("#e69f00", "dash"), "closed": ("#56b4e9", "dot")},
    ),
    "site-months": (
        "activity",
        {
            "growing": ("#d55e00", "solid"),
            "steady": ("#e69f00", "solid"),
            "paused": ("#f0e442", "dash"),
            "closed": ("#56b4e9", "dot"),
            "merged": ("#0072b2", "dot"),
            "not-seen": ("#777777", "dash dot"),
            "not-yet-known": ("#bbbbbb", "dot"),
        },
    ),
    "changes": ("release", {}),
}
_OTHER = ("#000000", "solid")
_TABLE = """CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
    f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
    useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
    update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""


def embed_style(sheet: Sheet, path: Path, geometry_column: str) -> None:
    """Put the style of a sheet into a GeoPackage, where QGIS looks for it (table `layer_styles`)."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(_TABLE)
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES (?, 'attributes', ?)",
            ("layer_styles", "layer_styles"),
        )
        connection.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,"
            " styleQML, styleSLD, useAsDefault, description, owner, update_time)"
            " VALUES ('', '', ?, ?, 'kpgeo', ?, '', 1, ?, '', '1970-01-01T00:00:00.000Z')",
            (str(sheet.kind), geometry_column, qml_of(sheet), sheet.title),
        )


def qml_of(sheet: Sheet) -> str:
    """Return the style of a sheet as QGIS writes it (QML): outlines by state, names from a scale of 1:50,000 on."""
    column, codes = _BY_KIND[str(sheet.kind)]
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology|Labeling|MapTips", labelsEnabled="1")
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=column, enableorderby="0")
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for index, (code, (colour, line)) in enumerate([*codes.items(), ("", _OTHER)]):
        label = code or sheet.title
        ET.SubElement(categories, "category", symbol=str(index), value=code, label=label, render="true")
        _add_symbol(symbols, str(index), colour, line)
    _add_labels(root)
    ET.SubElement(root, "layerGeometryType").text = "2"
    return '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">\n' + ET.tostring(root, encoding="unicode")


def _add_symbol(symbols: ET.Element, name: str, colour: str, line: str) -> None:
    """Add a fill that lets the picture below through, and an outline."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    options = {
        "color": f"{red},{green},{blue},40",
        "style": "solid",
        "outline_color": f"{red},{green},{blue},255",
        "outline_style": line,
        "outline_width": "0.6",
        "outline_width_unit": "MM",
        "joinstyle": "round",
    }
    symbol = ET.SubElement(symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
    for key, value in options.items():
        ET.SubElement(layer, "prop", k=key, v=value)


def _add_labels(root: ET.Element) -> None:
    """Add names outside the outlines, on a white rim, where the map is large enough to read them."""
    settings = ET.SubElement(ET.SubElement(root, "labeling", type="simple"), "settings", calloutType="simple")
    style = ET.SubElement(
        settings,
        "text-style",
        fieldName="id",
        isExpression="0",
        fontSize="8",
        fontSizeUnit="Point",
        textColor="0,0,0,255",
    )
    ET.SubElement(
        style, "text-buffer", bufferDraw="1", bufferSize="0.8", bufferSizeUnits="MM", bufferColor="255,255,255,255"
    )
    ET.SubElement(settings, "placement", placement="8", dist="1", distUnits="MM")
    ET.SubElement(settings, "rendering", drawLabels="1", scaleVisibility="1", scaleMin="1", scaleMax="50000")
