"""Which writer makes which format."""

from collections.abc import Callable
from pathlib import Path

from kpgeo.flows.exports import sheets
from kpgeo.flows.exports.qgis import embed_style
from kpgeo.flows.exports.sheets import ExportFormat, Sheet


def write_gpkg(sheet: Sheet, path: Path) -> None:
    """Write a GeoPackage that carries its style."""
    sheets.write_gpkg(sheet, path)
    embed_style(sheet, path, sheets.GEOMETRY_COLUMN)


def write_xlsx(sheet: Sheet, path: Path) -> None:
    """Write a workbook; what makes workbooks is loaded when one is made."""
    from kpgeo.flows.exports import workbooks  # noqa: PLC0415

    workbooks.write_xlsx(sheet, path)


WRITERS: dict[ExportFormat, Callable[[Sheet, Path], None]] = {
    ExportFormat.GEOJSON: sheets.write_geojson,
    ExportFormat.GPKG: write_gpkg,
    ExportFormat.GEOPARQUET: sheets.write_geoparquet,
    ExportFormat.KML: sheets.write_kml,
    ExportFormat.GPX: sheets.write_gpx,
    ExportFormat.CSV: sheets.write_csv,
    ExportFormat.XLSX: write_xlsx,
}
