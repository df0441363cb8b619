"""A static STAC catalogue of what was found: maps as COGs, sites and alerts beside them. It needs no server."""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pystac
import shapely

from kpgeo import __version__
from kpgeo.detect import DETECTOR
from kpgeo.flows.exports.export import ExportKind, export_rows
from kpgeo.flows.exports.gathering import rows_of
from kpgeo.flows.exports.maps import LAYERS, MapLayer, map_of, write_cog
from kpgeo.flows.exports.sheets import KP_ONLY, PUBLIC, ExportFormat
from kpgeo.flows.watching.coverage import WHOLE
from kpgeo.flows.watching.deciding import Bench
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.model.calendar import date_of, dekad_end, dekad_label, dekad_start
from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import digest
from kpgeo.model.run import Coverage
from kpgeo.store import Tables, Workspace, publish_folder

_EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("projection/v2.0.0", "raster/v2.0.0", "file/v2.1.0", "processing/v1.2.0")
)
_ID = "kpgeo"
_NOTE = (
    "Imagery never decides alone. Where the looks are few, nothing found is not nothing there. Probabilities are of a "
    "detector, not of a person on the ground."
)


def write_catalogue(
    room: Workspace, tables: Tables, aoi_ids: Sequence[str], out: Path, dekads: Sequence[int] | None = None
) -> list[str]:
    """Write maps of AOIs as COGs with a static STAC catalogue, whole or not at all; return the items' ids.

    Parameters
    ----------
    dekads : sequence of int, optional
        Which; the last one decided of each AOI unless given.
    out : Path
        A folder that is not there yet, or that an earlier call wrote: then it is replaced.

    Raises
    ------
    BadInputError
        Something else is at `out`, or a dekad was not decided.
    """
    if out.exists() and not _is_ours(out):
        raise BadInputError(
            "There is something here that is no catalogue of kpgeo's.", where=str(out), remedy="Name a new folder."
        )
    made: list[str] = []

    def fill(folder: Path) -> None:
        catalogue = pystac.Catalog(id=_ID, description=f"What kpgeo found. {_NOTE}", title="kpgeo")
        for aoi_id in aoi_ids:
            catalogue.add_child(_collection(room, tables, aoi_id, folder, dekads))
        catalogue.normalize_hrefs(str(folder))
        made.extend(sorted(item.id for item in catalogue.get_items(recursive=True)))
        catalogue.save(pystac.CatalogType.SELF_CONTAINED, dest_href=str(folder))

    publish_folder(out, fill)
    return made


def _is_ours(folder: Path) -> bool:
    """Say whether a folder is empty or a catalogue that kpgeo wrote."""
    if not folder.is_dir():
        return False
    if not any(folder.iterdir()):
        return True
    try:
        return str(json.loads((folder / "catalog.json").read_bytes())["id"]) == _ID
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _collection(
    room: Workspace, tables: Tables, aoi_id: str, folder: Path, dekads: Sequence[int] | None
) -> pystac.Collection:
    """Return the collection of one AOI, its files written."""
    watch, _ = watch_of(room, aoi_id)
    bench = Bench(watch, room.state(aoi_id, watch.lineage, watch.grid), tables)
    commit = tables.last_commit(aoi_id, watch.lineage)
    if commit is None:
        raise BadInputError("Nothing was decided here yet.", where=aoi_id, remedy="Run the pipeline first.")
    wanted = [commit.last_dekad] if dekads is None else sorted(set(dekads))
    for dekad in wanted:
        if not watch.first_dekad <= dekad <= commit.last_dekad:
            raise BadInputError(f"{dekad_label(dekad)} was not decided.", where=aoi_id, remedy="Name another dekad.")
    items = [_item(bench, dekad, folder / aoi_id) for dekad in wanted]
    collection = pystac.Collection(
        id=aoi_id,
        title=watch.aoi.name("en"),
        description=f"Maps of what {watch.lineage} makes of {watch.aoi.name('en')}, by dekad. {_NOTE}",
        extent=pystac.Extent(
            pystac.SpatialExtent([list(watch.aoi.geometry.bounds)]),
            pystac.TemporalExtent([[_moment(dekad_start(wanted[0])), _moment(dekad_end(wanted[-1]))]]),
        ),
        license="other",
        extra_fields={"kpgeo:release": _release(bench), "kpgeo:aoi_version": watch.aoi.version},
    )
    collection.add_items(items)
    for kind in (ExportKind.SITES, ExportKind.ALERTS):
        for shape, media in ((ExportFormat.GEOPARQUET, pystac.MediaType.PARQUET), (ExportFormat.GEOJSON, None)):
            ending = "parquet" if shape is ExportFormat.GEOPARQUET else "geojson"
            path = folder / aoi_id / f"{kind}.{ending}"
            export_rows(kind, rows_of(kind, aoi_id, room, tables), shape, path)
            asset = pystac.Asset(
                href=f"./{path.name}",
                title=f"{kind} as they stand at the end of {dekad_label(commit.last_dekad)}",
                media_type=media or pystac.MediaType.GEOJSON,
                roles=["data"],
                extra_fields=_checked(path),
            )
            collection.add_asset(f"{kind}-{ending}", asset)
    return collection


def _item(bench: Bench, dekad: int, folder: Path) -> pystac.Item:
    """Return the item of one dekad, its maps written where the catalogue will name them."""
    watch, fields = bench.watch, bench.fields(dekad)
    item_id = f"{watch.aoi.id}-{dekad_label(dekad)}"
    place = folder / item_id
    place.mkdir(parents=True)
    grid, whole = watch.grid, watch.aoi.geometry
    item = pystac.Item(
        id=item_id,
        geometry=shapely.geometry.mapping(whole),
        bbox=list(whole.bounds),
        datetime=_moment(dekad_end(dekad)) - dt.timedelta(seconds=1),
        start_datetime=_moment(dekad_start(dekad)),
        end_datetime=_moment(dekad_end(dekad)) - dt.timedelta(seconds=1),
        properties=_properties(bench, dekad),
        stac_extensions=list(_EXTENSIONS),
    )
    for layer in LAYERS:
        path = place / f"{layer.name}.tif"
        tags = {"KPGEO_RELEASE": _release(bench), "KPGEO_AOI": watch.aoi.id, "KPGEO_DEKAD": dekad_label(dekad)}
        write_cog(map_of(layer, fields, watch.watched), grid, layer, path, tags)
        item.add_asset(layer.name, _asset(layer, path))
    return item


def _properties(bench: Bench, dekad: int) -> dict[str, Any]:
    """Return what made the maps of a dekad, and how much of the ground was seen."""
    watch, grid = bench.watch, bench.watch.grid
    whole: Coverage | None = next(
        (row for row in bench.tables.coverage(watch.aoi.id, watch.lineage, dekad, dekad) if row.stratum_id == WHOLE),
        None,
    )
    return {
        "proj:code": f"EPSG:{grid.epsg}",
        "proj:shape": [grid.height, grid.width],
        "proj:transform": [grid.res_m, 0.0, grid.left_m, 0.0, -grid.res_m, grid.top_m],
        "processing:software": {"kpgeo": __version__, DETECTOR.name: str(DETECTOR.version)},
        "processing:lineage": f"Scenes folded into a belief by pixel up to the end of {dekad_label(dekad)}.",
        "kpgeo:lineage": watch.lineage,
        "kpgeo:snapshot": bench.head.snapshot_id,
        "kpgeo:options": digest({name: value.digest() for name, value in _stages(bench)})[:16],
        "kpgeo:release": _release(bench),
        "kpgeo:scenes": [scene.id for scene in bench.folded(dekad)],
        "kpgeo:look_frac": None if whole is None else whole.look_frac,
        "kpgeo:optical_frac": None if whole is None else whole.optical_frac,
        "kpgeo:watched_frac": 1.0 - (watch.left_out.share_frac if watch.left_out else 0.0),
    }


def _stages(bench: Bench) -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in bench.watch.pipeline if hasattr(value, "digest"))


def _asset(layer: MapLayer, path: Path) -> pystac.Asset:
    nodata = "nan" if layer.nodata != layer.nodata else int(layer.nodata)
    return pystac.Asset(
        href=f"./{path.name}",
        title=layer.title,
        media_type=pystac.MediaType.COG,
        roles=["data"],
        extra_fields={
            "bands": [{"name": layer.name, "data_type": layer.dtype, "nodata": nodata, "unit": layer.unit}],
            **_checked(path),
        },
    )


def _checked(path: Path) -> dict[str, Any]:
    """Return size and checksum of a file, the latter as a multihash of SHA-256."""
    content = path.read_bytes()
    return {"file:size": len(content), "file:checksum": f"1220{hashlib.sha256(content).hexdigest()}"}


def _release(bench: Bench) -> str:
    return PUBLIC if bench.watch.aoi.sensitivity == "public" else KP_ONLY


def _moment(day: int) -> dt.datetime:
    return dt.datetime.combine(date_of(day), dt.time(), tzinfo=dt.UTC)
