"""Recorded items of five providers become one table of scenes, held against what was read from them by eye.

`tests/catalog/expected_scenes.csv` was written by hand from the items: the start of the datatake from Sentinel-2's
datatake ids, the earliest time of a pass from the times of its frames, orbits from properties or product names.
"""

import csv
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from kpgeo.catalog.acquisitions import make_scenes
from kpgeo.catalog.candidates import Candidate, ItemError, Provider, item_id, read_item
from kpgeo.catalog.hrefs import Origin
from kpgeo.model.scene import Scene, Sensor
from kpgeo.store import Workspace

EXPECTED = Path(__file__).resolve().parents[1] / "catalog" / "expected_scenes.csv"
S1, S2, LANDSAT = Sensor.SENTINEL1, Sensor.SENTINEL2, Sensor.LANDSAT
RECORDED = "stac_recorded"
# Which file is an answer of whom, in the order of search.
_SEARCHES = (
    ("earth-search", "earthsearch_v1_mixed_0.json"), ("earth-search", "earthsearch_v1_mixed_1.json"),
    ("planetary-computer", "pc_sentinel-2-l2a_0.json"), ("planetary-computer", "pc_landsat-c2-l2_0.json"),
    ("planetary-computer", "pc_landsat-8-c2-l2_250items.json.gz"),
    ("planetary-computer", "odc-stac/site1-20200606-tall-strip-africa.geojson"),
    ("planetary-computer", "odc-stac/site2-2020_jun_jul-35MNM.geojson"),
)  # fmt: skip
_SINGLE = (
    ("planetary-computer", S2, "odc-stac/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json"),
    ("planetary-computer", S2, "odc-stac/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531_raster_ext.json"),
    ("usgs", LANDSAT, "odc-stac/LC08_L2SP_028030_20200114_20200824_02_T1_SR.json"),
    ("usgs", LANDSAT, "odc-stac/LC08_L2SR_081119_20200101_20200823_02_T2.json"),
    ("usgs", LANDSAT, "odc-stac/LE07_L2SP_044033_20210329_20210424_02_T1_SR.json"),
    ("ga", LANDSAT, "odc-stac/ga_ls8c_ard_3-1-0_088080_2020-05-25_final.stac-item.json"),
    ("ga", LANDSAT, "odc-stac/only_crs_proj.json"),
    ("ga", LANDSAT, "odc-stac/lidar_dem.json"),
    ("esa", S2, "items/S2A_MSIL2A_20190212_N0212_expected_item.json"),
    ("esa", S2, "items/S2B_MSIL2A_20220413_N0400_expected_item.json"),
    ("esa", S2, "items/S2A_MSIL2A_20230821_N0509_expected_item.json"),
    ("indigo", S1, "items/S1A_20200103_17RMJ_ASC.json"),
    ("indigo", S1, "items/S1B_20161121_12SYJ_ASC.json"),
    ("esa", S1, "items/S1A_EW_GRDM_1SDH_20221130T014342_20221130T014446_046117_058549.json"),
    ("esa", S1, "items/S1A_IW_GRDH_1SDV_20210809T173953_20210809T174018_039156_049F13.json"),
    ("hls", LANDSAT, "items/HLS.L30.T19LDD.2022165T144027.v2.0.json"),
    ("hls", S2, "items/HLS.S30.T19LDD.2022166T144741.v2.0.json"),
)
_REFUSED = {
    # Radar that nobody corrected for terrain, twice as catalogues offer it, and a mode that is not for land.
    "S1A_IW_GRDH_1SSH_20250731T135702_20250731T135722_060328_077F7E": "not-terrain-corrected",
    "S1A_IW_GRDH_1SSH_20250731T135637_20250731T135702_060328_077F7E": "not-terrain-corrected",
    "S1A_IW_GRDH_1SSH_20250731T135608_20250731T135637_060328_077F7E": "not-terrain-corrected",
    "S1A_IW_GRDH_1SDV_20210809T173953_20210809T174018_039156_049F13": "not-terrain-corrected",
    "S1A_EW_GRDM_1SDH_20221130T014342_20221130T014446_046117_058549": "product-mode-ew",
    # Top of atmosphere.
    "S2B_20EPT_20250731_0_L1C": "product-not-level-2a",
    "S2B_24MUV_20250731_0_L1C": "product-not-level-2a",
    "S2B_24MVV_20250731_0_L1C": "product-not-level-2a",
    "S2B_24MWV_20250731_0_L1C": "product-not-level-2a",
    "S2B_24MXV_20250731_0_L1C": "product-not-level-2a",
    # A frame of Antarctica with assets under file names, and no time of day.
    "LC08_L2SR_081119_20200101_20200823_02_T2": "assets-missing:blue",
    # Australia's own processing of Collection 1; a yearly mosaic of three Landsats; an aeroplane.
    "2aa69fcf-aa55-4747-9d95-3652f9fe79b0": "product-not-collection-2",
    "3af1acae-0255-4762-b2b2-f26034cf3ce8": "platform-unknown",
    "lidar_id": "platform-unknown",
    # The harmonised product has another mask, and its numbers are adjusted already.
    "HLS.L30.T19LDD.2022165T144027.v2.0": "product-hls",
    "HLS.S30.T19LDD.2022166T144741.v2.0": "product-hls",
}


def _content(path: Path) -> dict:
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def _sensor_of(item: dict) -> Sensor:
    """Return the sensor by the collection, as a pipeline would have it."""
    name = item["collection"]
    return LANDSAT if name.startswith("landsat") else S1 if name.startswith("sentinel-1") else S2


def _items(folder: Path) -> Iterator[tuple[str, Sensor, dict]]:
    for provider, name in _SEARCHES:
        answer = _content(folder / name)
        answer = answer.get("response", answer)
        # In a pipeline every collection is a search of its own: Collection 1 of Sentinel-2 first.
        yield from ((provider, _sensor_of(item), item) for item in answer["features"])
    for provider, sensor, name in _SINGLE:
        yield provider, sensor, _content(folder / name)


def _read(folder: Path) -> tuple[list[Candidate], dict[str, str]]:
    """Read every recorded item: candidates, and why the others are refused."""
    order = {"earth-search": 0, "planetary-computer": 2, "usgs": 3, "esa": 4, "indigo": 5, "ga": 6, "hls": 7}
    candidates, refused = [], {}
    for provider, sensor, item in _items(folder):
        source = order[provider] + (item.get("collection") == "sentinel-2-l2a" and provider == "earth-search")
        home = Provider(source=source, name=provider, sign=False, max_cloud_frac=1.0)
        origin = Origin(document="https://stac.example.org/v1/items/item.json", root=None, host="stac.example.org")
        try:
            candidates.append(read_item(item, sensor, home, origin))
        except ItemError as error:
            refused[item_id(item)] = str(error)
    return candidates, refused


def _row(scene: Scene) -> dict[str, str]:
    """Return a scene as the expectation writes it."""
    return {
        "sensor": str(scene.sensor),
        "platform": scene.platform,
        "sensed_at": f"{scene.datetime:%Y-%m-%dT%H:%M:%S}",
        "orbit": str(scene.relative_orbit),
        "state": scene.orbit_state,
        "baseline": " ".join(sorted({granule.processing_baseline for granule in scene.granules})),
        "provider": " ".join(sorted({granule.provider for granule in scene.granules})),
        "granules": " ".join(granule.tile for granule in scene.granules),
        "alternatives": str(sum(len(granule.alternatives) for granule in scene.granules)),
        "dropped": str(len(scene.dropped)),
    }


@pytest.fixture(scope="module")
def recorded(shared: Path) -> tuple[list[Candidate], dict[str, str]]:
    return _read(shared / "data" / RECORDED)


@pytest.mark.fault(18)
def test_every_recorded_item_is_in_the_table_once_or_refused_by_name(recorded, tmp_path):
    candidates, refused = recorded
    scenes, duplicates, _ = make_scenes(candidates)
    tables = Workspace(tmp_path).tables()
    tables.put_scenes("everywhere", scenes)
    kept = tables.scenes("everywhere")
    tables.close()
    rows = [_row(scene) for scene in kept if not _is_of_the_chathams(scene)]
    with EXPECTED.open(newline="") as stream:
        assert rows == list(csv.DictReader(stream))
    assert refused == _REFUSED
    assert duplicates == 8
    assert len({scene.id for scene in kept}) == len(kept) == 275
    assert sum(len(scene.granules) for scene in kept) + duplicates == len(candidates)


def _is_of_the_chathams(scene: Scene) -> bool:
    """Say whether a scene is of the search over the Chatham Islands, whose 250 items are told by rule."""
    return scene.platform == "landsat-8" and scene.granules[0].tile in ("066091", "067091")


def test_the_chatham_islands_were_passed_once_on_each_day_of_250(recorded, shared):
    scenes, _, _ = make_scenes(recorded[0])
    found = [scene for scene in scenes if _is_of_the_chathams(scene)]
    told = []  # from the names of the products alone: LC08_L2SR_066091_20220318_02_T1
    for item in _content(shared / "data" / RECORDED / "pc_landsat-8-c2-l2_250items.json.gz")["response"]["features"]:
        _, _, frame, day, _, _ = item["id"].split("_")
        told.append((f"{day[:4]}-{day[4:6]}-{day[6:]}", frame, item["id"]))
    assert [
        (f"{scene.datetime:%Y-%m-%d}", granule.tile, granule.item_id) for scene in found for granule in scene.granules
    ] == sorted(told)
    assert all(scene.granules[0].provider == "planetary-computer" and not scene.dropped for scene in found)


@pytest.mark.fault(19)
def test_the_table_does_not_depend_on_the_order_of_the_items(recorded):
    candidates = list(recorded[0])
    before = make_scenes(candidates)
    random.Random(7).shuffle(candidates)
    after = make_scenes(candidates)
    assert after == before
    assert [scene.granules for scene in after[0]] == [scene.granules for scene in before[0]]


def test_the_second_catalogue_stands_in_where_the_first_is_silent(recorded):
    scenes, _, _ = make_scenes([one for one in recorded[0] if one.source != 0])
    rows = [_row(scene) for scene in scenes if scene.datetime.year == 2025 and scene.sensor is S2]
    assert [(row["granules"], row["alternatives"], row["dropped"]) for row in rows] == [
        ("24MUA 24MUV 24MVV 24MWV 24MXV", "0", "0"),
        ("20EPT", "0", "0"),
    ]
    both, _, _ = make_scenes(recorded[0])
    assert {scene.id for scene in scenes} == {scene.id for scene in both}, "the same acquisitions by the same ids"
