"""Static catalogues: walking, refusing, and making scenes of what is there."""

import datetime as dt
import json
import pickle
from pathlib import Path

import pytest

from kpgeo.catalog import find_scenes
from kpgeo.model.errors import BadInputError, UpstreamError
from kpgeo.model.scene import Sensor
from kpgeo.options.pipeline import CatalogSource
from tests.catalog.items import landsat_item, make_aoi, sentinel1_item, sentinel2_item

START, END = dt.date(2024, 1, 1), dt.date(2024, 2, 1)
S2 = {Sensor.SENTINEL2: "sentinel-2-l2a"}
ALL = {**S2, Sensor.LANDSAT: "landsat-c2-l2", Sensor.SENTINEL1: "sentinel-1-rtc"}


def write_catalog(folder: Path, *items: dict, name: str = "catalog.json") -> str:
    """Write a catalogue of collections of items, and return the name of its root."""
    links = []
    for collection in dict.fromkeys(item["collection"] for item in items):
        home = folder / collection
        home.mkdir(parents=True, exist_ok=True)
        inner = []
        for number, item in enumerate(one for one in items if one["collection"] == collection):
            (home / f"{number}.json").write_text(json.dumps(item))
            inner.append({"rel": "item", "href": f"./{number}.json"})
        document = {"type": "Collection", "id": collection, "stac_version": "1.0.0", "links": inner}
        (home / "collection.json").write_text(json.dumps(document))
        links.append({"rel": "child", "href": f"./{collection}/collection.json"})
    (folder / name).write_text(json.dumps({"type": "Catalog", "id": "test", "stac_version": "1.0.0", "links": links}))
    return name


def search(folder: Path, *items: dict, collections=S2, aoi=None, **source):
    name = write_catalog(folder, *items)
    return find_scenes(
        aoi or make_aoi(), [CatalogSource(url=name, collections=collections, **source)], START, END, folder
    )


def test_scenes_of_three_sensors_in_order(tmp_path):
    found = search(tmp_path, sentinel2_item(), landsat_item(), sentinel1_item(), collections=ALL)
    assert [scene.sensor for scene in found.scenes] == [Sensor.LANDSAT, Sensor.SENTINEL2, Sensor.SENTINEL1]
    assert [scene.order for scene in found.scenes] == sorted(scene.order for scene in found.scenes)
    assert found.gaps == ()
    assert (found.items_seen, found.dropped) == (3, 0)


def test_a_scene_says_what_was_acquired(tmp_path):
    (scene,) = search(tmp_path, sentinel2_item()).scenes
    assert scene.platform == "sentinel-2a"
    assert scene.datetime == dt.datetime(2024, 1, 5, 10, 54, 31, tzinfo=dt.UTC)
    assert (scene.relative_orbit, scene.orbit_state) == (51, "descending")
    (granule,) = scene.granules
    assert (granule.tile, granule.processing_baseline, granule.epsg, granule.cloud_frac) == (
        "29PQK",
        "05.10",
        32629,
        0.1,
    )
    assert (granule.provider, granule.collection) == ("local", "sentinel-2-l2a")
    assert sorted(granule.item["assets"]) == sorted(("blue", "green", "red", "nir", "swir16", "swir22", "look_class"))
    assert granule.item["assets"]["nir"]["href"].endswith("/B08.tif")


def test_neighbouring_tiles_in_two_zones_are_one_scene(tmp_path):
    found = search(tmp_path, sentinel2_item("29PQK"), sentinel2_item("30PSQ"), sentinel2_item("29PQJ"))
    (scene,) = found.scenes
    assert [granule.tile for granule in scene.granules] == ["29PQJ", "29PQK", "30PSQ"]
    assert {granule.epsg for granule in scene.granules} == {32629, 32630}
    assert found.dropped == 0


def test_of_two_baselines_the_newest_is_read(tmp_path):
    old = sentinel2_item(baseline="02.12", made="20240105T140000")
    new = sentinel2_item(baseline="05.00", made="20240301T140000")
    older_but_made_later = sentinel2_item(baseline="04.00", made="20240401T140000")
    found = search(tmp_path, old, new, older_but_made_later)
    (scene,) = found.scenes
    assert [granule.item_id for granule in scene.granules] == [new["id"]]
    assert scene.dropped == tuple(sorted((old["id"], older_but_made_later["id"])))
    assert found.reasons["duplicate"] == found.dropped == 2


def test_a_scene_keeps_its_id_when_granules_come_and_go(tmp_path):
    (one,) = search(tmp_path / "a", sentinel2_item("29PQK")).scenes
    (other,) = search(tmp_path / "b", sentinel2_item("30PSQ", baseline="05.11"), sentinel2_item("29PQK")).scenes
    assert one.id == other.id


def test_two_halves_of_a_tile_from_two_datastrips_are_both_read(tmp_path):
    first = sentinel2_item(strip="20240105T105000", made="20240105T140000")
    second = sentinel2_item(strip="20240105T105430", made="20240105T140100")
    again = sentinel2_item(strip="20240105T105432", made="20240105T150000")
    (scene,) = search(tmp_path, first, second, again).scenes
    assert [granule.item_id for granule in scene.granules] == [first["id"], again["id"]]


def test_two_satellites_on_one_day_are_two_scenes(tmp_path):
    found = search(tmp_path, sentinel2_item(), sentinel2_item(unit="B"))
    assert [scene.platform for scene in found.scenes] == ["sentinel-2a", "sentinel-2b"]


def test_rows_of_a_landsat_path_are_one_scene(tmp_path):
    rows = [landsat_item(54, second=24), landsat_item(53, second=0)]
    again = landsat_item(54, second=24, tier="RT", processed="20240301")
    found = search(tmp_path, *rows, again, collections={Sensor.LANDSAT: "landsat-c2-l2"})
    (scene,) = found.scenes
    assert [granule.tile for granule in scene.granules] == ["197053", "197054"]
    assert scene.datetime.second == 0
    assert scene.relative_orbit == 197
    assert scene.dropped == (again["id"],)


def test_slices_of_a_radar_pass_are_one_scene(tmp_path):
    slices = [sentinel1_item("20240105T184900"), sentinel1_item("20240105T184925")]
    later = sentinel1_item("20240117T184900", orbit=52075)
    found = search(tmp_path, *slices, later, collections={Sensor.SENTINEL1: "sentinel-1-rtc"})
    assert [len(scene.granules) for scene in found.scenes] == [2, 1]


def test_radar_that_is_not_terrain_corrected_is_refused(tmp_path):
    found = search(tmp_path, sentinel1_item(**{"proj:epsg": 4326}), collections={Sensor.SENTINEL1: "sentinel-1-rtc"})
    assert found.scenes == ()
    assert found.gaps[0].reason.endswith(": not-terrain-corrected")


def test_cloudy_granules_are_not_read_and_unknown_cloud_is(tmp_path):
    items = [
        sentinel2_item("29PQJ", cloud=96.0), sentinel2_item("29PQK", cloud=95.0), sentinel2_item("30PSQ", cloud=None)
    ]  # fmt: skip
    found = search(tmp_path, *items)
    assert [granule.tile for granule in found.scenes[0].granules] == ["29PQK", "30PSQ"]
    assert found.reasons["cloudy"] == 1
    assert len(search(tmp_path, *items, max_cloud_frac=1.0).scenes[0].granules) == 3


def test_days_are_half_open(tmp_path):
    taken = ("20231231T105431", "20240101T000000", "20240131T235959", "20240201T002000")
    found = search(tmp_path, *(sentinel2_item(taken=one) for one in taken))
    assert [scene.datetime.strftime("%Y%m%dT%H%M%S") for scene in found.scenes] == [
        "20240101T000000",
        "20240131T235959",
    ]
    assert found.reasons["outside"] == 2


def test_a_datatake_counts_on_the_day_it_began(tmp_path):
    item = sentinel2_item(taken="20240131T235500", datetime="2024-02-01T00:03:00Z")
    assert [scene.day for scene in search(tmp_path, item).scenes] == [19753]


def test_items_elsewhere_are_outside(tmp_path):
    near_in_bbox = sentinel2_item(bounds=(-7.0, 7.9, -6.0, 8.9))
    near_in_bbox["geometry"] = {"type": "Polygon", "coordinates": [[[-7, 7.9], [-6.9, 7.9], [-7, 8.9], [-7, 7.9]]]}
    found = search(tmp_path, near_in_bbox)
    assert found.scenes == ()
    assert found.reasons["outside"] == 1


def test_the_result_does_not_depend_on_the_order_of_items(tmp_path):
    items = [sentinel2_item(tile, baseline=code, taken=taken) for tile in ("29PQK", "30PSQ")
             for code in ("04.00", "05.10") for taken in ("20240105T105431", "20240110T105421")]  # fmt: skip
    one = search(tmp_path / "a", *items)
    other = search(tmp_path / "b", *items[::-1])
    assert one.scenes == other.scenes
    assert [scene.granules for scene in one.scenes] == [scene.granules for scene in other.scenes]
    assert one.dropped == other.dropped == 4


def test_the_first_catalogue_that_has_a_granule_gives_it(tmp_path):
    theirs = sentinel2_item("29PQK", baseline="05.11", made="20240301T000000")
    only_theirs = sentinel2_item("30PSQ")
    ours = sentinel2_item("29PQK", baseline="04.00", collection="ours")
    write_catalog(tmp_path, ours, name="first.json")
    write_catalog(tmp_path, theirs, only_theirs, name="second.json")
    sources = [
        CatalogSource(url="first.json", collections={Sensor.SENTINEL2: "ours"}),
        CatalogSource(url="second.json", collections=S2),
    ]
    found = find_scenes(make_aoi(), sources, START, END, tmp_path)
    (scene,) = found.scenes
    assert [(granule.collection, granule.tile) for granule in scene.granules] == [
        ("ours", "29PQK"),
        ("sentinel-2-l2a", "30PSQ"),
    ]
    assert scene.dropped == (theirs["id"],)


def test_files_beside_the_catalogue_are_found_and_pickle_small(tmp_path):
    item = sentinel2_item()
    for key, asset in item["assets"].items():
        asset["href"] = f"../files/{key}.tif"
    (scene,) = search(tmp_path, item).scenes
    assert scene.granules[0].item["assets"]["blue"]["href"] == str(tmp_path.resolve() / "files" / "B02.tif")
    assert len(pickle.dumps(scene)) < 6000


@pytest.mark.parametrize(
    ("href", "reason"),
    [
        ("/etc/passwd", "href-outside-catalogue"),
        ("../../../secret.tif", "href-outside-catalogue"),
        ("file:///etc/passwd", "href-outside-catalogue"),
        ("/vsizip/a.zip/a.tif", "href-virtual-path"),
        ("/VSICURL/http://x/a.tif", "href-virtual-path"),
        ("s3://bucket/a.tif", "href-scheme"),
        ("ftp://example.org/a.tif", "href-scheme"),
        ("http://127.0.0.1/a.tif", "href-private-host"),
        ("http://169.254.169.254/latest/meta-data.tif", "href-private-host"),
        ("http://[::1]/a.tif", "href-private-host"),
        ("http://2130706433/a.tif", "href-private-host"),
        ("http://localhost:8000/a.tif", "href-private-host"),
        ("http://user:pass@example.org/a.tif", "href-malformed"),
        ("http://[bad/a.tif", "href-malformed"),
        ("a\nb.tif", "href-malformed"),
        ("", "href-malformed"),
        (7, "href-malformed"),
        ("x" * 3000, "href-malformed"),
    ],
)
def test_hrefs_that_are_not_followed(tmp_path, href, reason):
    bad = sentinel2_item()
    bad["assets"]["B04"]["href"] = href
    good = sentinel2_item(taken="20240110T105421")
    found = search(tmp_path, bad, good)
    assert len(found.scenes) == 1
    assert [gap.reason for gap in found.gaps] == [f"item-refused: {bad['id']}: {reason}"]
    assert found.gaps[0].day == 19727


def test_a_link_out_of_the_folder_is_not_followed_through_a_symlink(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "world").mkdir()
    (tmp_path / "outside" / "a.tif").write_bytes(b"")
    (tmp_path / "world" / "link").symlink_to(tmp_path / "outside")
    item = sentinel2_item()
    item["assets"]["B04"]["href"] = "../link/a.tif"
    assert search(tmp_path / "world", item).gaps[0].reason.endswith(": href-outside-catalogue")


def test_signatures_are_taken_off(tmp_path):
    item = sentinel2_item()
    item["assets"]["B04"]["href"] += "?se=2024&sig=CANARY"
    item["assets"]["B03"]["href"] += "?version=2"
    (scene,) = search(tmp_path, item).scenes
    assert "CANARY" not in json.dumps(scene.granules[0].item)
    assert scene.granules[0].item["assets"]["green"]["href"].endswith("?version=2")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda item: item.pop("properties"), "datetime-malformed"),
        (lambda item: item["properties"].update(datetime="yesterday"), "datetime-malformed"),
        (lambda item: item["properties"].update(datetime="2024-01-05T10:00:00"), "datetime-without-zone"),
        (lambda item: item["properties"].update(datetime="2024-01-05T23:59:61Z"), "datetime-malformed"),
        (lambda item: item["properties"].update(datetime="0001-01-01T00:00:00+23:59"), "datetime-malformed"),
        (lambda item: item["properties"].update(datetime="1901-01-01T00:00:00Z"), "datetime-out-of-range"),
        (lambda item: item["assets"].pop("B12"), "assets-missing:swir22"),
        (lambda item: item["assets"].pop("SCL"), "assets-missing:look_class"),
        (lambda item: item.update(assets=[]), "item-malformed"),
        (lambda item: item["geometry"].update(coordinates=[[["a"]]]), "geometry-malformed"),
        (lambda item: item["geometry"].update(coordinates=[]), "geometry-out-of-range"),
        (lambda item: item["geometry"].update(type="Point", coordinates=[-6.6, 8.2]), "geometry-out-of-range"),
        (lambda item: item.update(geometry=None, bbox=[900, -600, 901, -599]), "geometry-out-of-range"),
        (lambda item: item.update(geometry=None, bbox=None), "geometry-malformed"),
    ],
)
def test_items_that_are_not_used(tmp_path, change, reason):
    bad = sentinel2_item()
    change(bad)
    found = search(tmp_path, bad, sentinel2_item(taken="20240110T105421"))
    assert len(found.scenes) == 1
    assert [gap.reason for gap in found.gaps] == [f"item-refused: {bad['id']}: {reason}"]
    assert found.reasons["refused"] == 1


@pytest.mark.parametrize("content", ["", "<html></html>", "[1]", "[" * 100_000, '{"type": "Feature"}'])
def test_a_broken_item_does_not_hide_the_others(tmp_path, content):
    write_catalog(tmp_path, sentinel2_item(), sentinel2_item(taken="20240110T105421"))
    (tmp_path / "sentinel-2-l2a" / "0.json").write_text(content)
    found = find_scenes(make_aoi(), [CatalogSource(url="catalog.json", collections=S2)], START, END, tmp_path)
    assert len(found.scenes) == 1
    assert len(found.gaps) == 1


def test_links_in_a_circle_end(tmp_path):
    write_catalog(tmp_path, sentinel2_item())
    root = json.loads((tmp_path / "catalog.json").read_text())
    root["links"] += [{"rel": "child", "href": "catalog.json"}] * 2
    (tmp_path / "catalog.json").write_text(json.dumps(root))
    path = tmp_path / "sentinel-2-l2a" / "collection.json"
    inner = json.loads(path.read_text())
    inner["links"] += [{"rel": "child", "href": "collection.json"}, {"rel": "item", "href": "./0.json"}]
    path.write_text(json.dumps(inner))
    found = find_scenes(make_aoi(), [CatalogSource(url="catalog.json", collections=S2)], START, END, tmp_path)
    assert found.items_seen == 1


def test_one_catalogue_down_is_a_gap_and_all_down_an_error(tmp_path):
    write_catalog(tmp_path, sentinel2_item())
    down = CatalogSource(url="nowhere/catalog.json", collections=S2)
    up = CatalogSource(url="catalog.json", collections=S2)
    found = find_scenes(make_aoi(), [down, up], START, END, tmp_path)
    assert len(found.scenes) == 1
    assert found.gaps[0].reason.startswith("catalogue-failed: local: sentinel-2-l2a: ")
    with pytest.raises(UpstreamError) as caught:
        find_scenes(make_aoi(), [down], START, END, tmp_path)
    assert caught.value.exit_code == 4


def test_a_collection_that_is_not_there_is_a_gap(tmp_path):
    found = search(tmp_path, sentinel2_item(), collections={**S2, Sensor.LANDSAT: "renamed"})
    assert len(found.scenes) == 1
    assert [(gap.sensor, gap.reason) for gap in found.gaps] == [
        (Sensor.LANDSAT, "catalogue-failed: local: renamed: The catalogue has no collection 'renamed'.")
    ]


def test_no_catalogue_is_bad_input(tmp_path):
    with pytest.raises(BadInputError):
        find_scenes(make_aoi(), [], START, END, tmp_path)


def test_progress_is_told(tmp_path):
    write_catalog(tmp_path, sentinel2_item())
    lines: list[str] = []
    find_scenes(make_aoi(), [CatalogSource(url="catalog.json", collections=S2)], START, END, tmp_path, lines.append)
    assert lines == ["local: sentinel-2-l2a: 1 items"]
