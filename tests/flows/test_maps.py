"""Maps as COGs with a static catalogue, opened by readers that had no part in writing them."""

import hashlib
import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pyogrio
import pystac
import pytest
import rasterio

from kpgeo import flows
from kpgeo.flows.exports.maps import LAYERS, map_of
from kpgeo.model.errors import BadInputError
from kpgeo.store import Tables, Workspace


@pytest.fixture(scope="module")
def catalogue(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the last two dekads of the small world."""
    out = tmp_path_factory.mktemp("maps") / "catalogue"
    room = Workspace(watched)
    with closing(room.tables()) as tables:
        aoi_id, last = _last(room, tables)
        items = flows.write_catalogue(room, tables, [aoi_id], out, [last - 1, last])
    assert len(items) == 2
    return out


def _last(room: Workspace, tables: Tables) -> tuple[str, int]:
    ((aoi_id, entry),) = flows.read_watched(room).items()
    commit = tables.last_commit(aoi_id, entry["lineage"])
    assert commit is not None
    return aoi_id, commit.last_dekad


def _items(catalogue: Path) -> list[pystac.Item]:
    return sorted(
        pystac.Catalog.from_file(str(catalogue / "catalog.json")).get_items(recursive=True), key=lambda i: i.id
    )


def test_the_catalogue_is_valid_and_whole(catalogue: Path) -> None:
    root = pystac.Catalog.from_file(str(catalogue / "catalog.json"))
    assert [child.id for child in root.get_children()] == [_items(catalogue)[0].collection_id]
    for item in _items(catalogue):
        assert set(item.assets) == {layer.name for layer in LAYERS}
        assert item.properties["kpgeo:scenes"] is not None
        assert 0.0 <= item.properties["kpgeo:look_frac"] <= 1.0
        for asset in item.get_assets().values():
            content = Path(asset.get_absolute_href() or "").read_bytes()
            assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
            assert asset.extra_fields["file:size"] == len(content)


def test_its_documents_hold_to_the_schema(catalogue: Path) -> None:
    """The core schemas ship with pystac; those of extensions lie on a server, so they are left out here."""
    for path in catalogue.rglob("*.json"):
        content = json.loads(path.read_bytes())
        pystac.validation.validate_dict({**content, "stac_extensions": []})


def test_maps_are_cogs_that_say_what_the_state_says(catalogue: Path, watched: Path) -> None:
    room = Workspace(watched)
    with closing(room.tables()) as tables:
        aoi_id, last = _last(room, tables)
        watch, _ = flows.watch_of(room, aoi_id)
        fields = flows.Bench(watch, room.state(aoi_id, watch.lineage, watch.grid), tables).fields(last)
    item = _items(catalogue)[-1]
    for layer in LAYERS:
        with rasterio.open(item.assets[layer.name].get_absolute_href()) as raster:
            assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert raster.crs.to_epsg() == watch.grid.epsg
            assert raster.shape == tuple(item.properties["proj:shape"])
            assert list(raster.transform)[:6] == item.properties["proj:transform"]
            assert raster.tags()["KPGEO_RELEASE"] == "PUBLIC"
            found = raster.read(1)
            np.testing.assert_array_equal(found, map_of(layer, fields, watch.watched))
            assert raster.nodata == layer.nodata or (np.isnan(raster.nodata) and np.isnan(layer.nodata))


def test_what_nobody_looked_at_has_no_value(watched: Path) -> None:
    room = Workspace(watched)
    with closing(room.tables()) as tables:
        aoi_id, last = _last(room, tables)
        watch, _ = flows.watch_of(room, aoi_id)
        fields = flows.Bench(watch, room.state(aoi_id, watch.lineage, watch.grid), tables).fields(last)
    fields.last_optical_day[:3] = fields.last_radar_day[:3] = 0
    outside = watch.watched.copy()
    outside[:, :2] = False
    by_name = {layer.name: map_of(layer, fields, outside) for layer in LAYERS}
    assert np.isnan(by_name["mined-probability"][:3]).all()
    assert np.isnan(by_name["mined-share"][:, :2]).all()
    assert (by_name["onset-day"][:3] == 0).all()
    assert (by_name["looks"][:, :2] == 255).all()
    assert np.isfinite(by_name["mined-probability"][3:, 2:]).all()


def test_sites_and_alerts_lie_beside_the_maps(catalogue: Path) -> None:
    (collection,) = pystac.Catalog.from_file(str(catalogue / "catalog.json")).get_children()
    assert isinstance(collection, pystac.Collection)
    for name in ("sites-geojson", "alerts-parquet"):
        asset = collection.assets[name]
        href = asset.get_absolute_href()
        assert asset.extra_fields["file:size"] == Path(href).stat().st_size
        if name.endswith("geojson"):
            assert len(pyogrio.read_dataframe(href)) > 0


def test_written_twice_it_is_the_same_and_nothing_else_goes(catalogue: Path, watched: Path, tmp_path: Path) -> None:
    room = Workspace(watched)
    out = tmp_path / "again"
    with closing(room.tables()) as tables:
        aoi_id, last = _last(room, tables)
        for _ in range(2):
            flows.write_catalogue(room, tables, [aoi_id], out, [last - 1, last])
        assert _files(out) == _files(catalogue)
        assert [path.name for path in tmp_path.iterdir()] == ["again"]
        with pytest.raises(BadInputError, match="was not decided"):
            flows.write_catalogue(room, tables, [aoi_id], out, [last + 1])
        assert _files(out) == _files(catalogue)
        (tmp_path / "letters").mkdir()
        (tmp_path / "letters" / "mine.txt").write_text("keep")
        with pytest.raises(BadInputError, match="no catalogue of kpgeo"):
            flows.write_catalogue(room, tables, [aoi_id], tmp_path / "letters")
    assert (tmp_path / "letters" / "mine.txt").read_text() == "keep"


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
