"""Folders of files: items made of what names and headers say, and nothing guessed."""

import datetime as dt
import json
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import from_origin

from kpgeo.catalog import find_scenes
from kpgeo.catalog.fields import ItemError
from kpgeo.catalog.names import name_of
from kpgeo.model.errors import UpstreamError
from kpgeo.model.scene import Sensor
from kpgeo.options.catalog import CatalogSource
from tests.catalog.items import landsat_item, make_aoi, sentinel2_item
from tests.catalog.test_catalog_static import write_catalog

START, END = dt.date(2024, 1, 1), dt.date(2024, 2, 1)
SAFE = "S2A_MSIL2A_20240105T105431_N0510_R051_T29PQK_20240105T140000.SAFE"
LANDSAT = "LC09_L2SP_197054_20240105_20240112_02_T1"
SLICE = "S1A_IW_GRDH_1SDV_20240105T184900_20240105T184925_051900_0644AA_rtc"


def write_tif(path: Path, *, crs: str | None = "EPSG:32629", kind: str = "uint16") -> None:
    """Write a file of 4 by 4 pixels of 10 km around the AOI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = {"crs": crs, "transform": from_origin(740_000.0, 920_000.0, 10_000.0, 10_000.0)}
    with rasterio.open(path, "w", driver="GTiff", width=4, height=4, count=1, dtype=kind, **place) as out:
        out.write(np.ones((1, 4, 4), kind))


def write_sentinel2(root: Path, safe: str = SAFE, *, suffix: str = ".tif") -> None:
    tile, taken = safe.split("_")[5], safe.split("_")[2]
    for band, res in (("B02", 10), ("B03", 10), ("B04", 10), ("B08", 10), ("B11", 20), ("B12", 20), ("SCL", 20)):
        write_tif(root / safe / "IMG_DATA" / f"R{res}m" / f"{tile}_{taken}_{band}_{res}m{suffix}")
    write_tif(root / safe / "IMG_DATA" / "R20m" / f"{tile}_{taken}_B02_20m{suffix}")
    write_tif(root / safe / "IMG_DATA" / "R20m" / f"{tile}_{taken}_TCI_20m{suffix}")


def write_landsat(root: Path, product: str = LANDSAT) -> None:
    for band in (*(f"SR_B{number}" for number in range(2, 8)), "QA_PIXEL"):
        write_tif(root / f"{product}_{band}.TIF")


def search(root: Path, *more: CatalogSource, **source):
    sources = [CatalogSource(folder=root.name, **source), *more]
    return find_scenes(make_aoi(), sources, START, END, root.parent)


def reasons(found) -> list[str]:
    return [gap.reason.removeprefix("item-refused: ") for gap in found.gaps]


def test_three_sensors_by_their_makers_names(tmp_path):
    write_sentinel2(tmp_path)
    write_landsat(tmp_path / "landsat")
    for key in ("vv", "vh"):
        write_tif(tmp_path / SLICE / f"iw-{key}.rtc.tiff", kind="float32")
    found = search(tmp_path)
    assert reasons(found) == []
    landsat, sentinel2, sentinel1 = found.scenes
    assert (sentinel2.platform, sentinel2.datetime.isoformat()) == ("sentinel-2a", "2024-01-05T10:54:31+00:00")
    (granule,) = sentinel2.granules
    assert (granule.tile, granule.processing_baseline, granule.epsg) == ("29PQK", "05.10", 32629)
    assert granule.item["assets"]["blue"]["href"].endswith("_B02_10m.tif"), "the finest of each band"
    assert (landsat.platform, landsat.granules[0].tile, landsat.relative_orbit) == ("landsat-9", "197054", 197)
    assert landsat.granules[0].item["assets"]["nir"]["href"].endswith("_SR_B5.TIF")
    assert (sentinel1.platform, sentinel1.relative_orbit) == ("sentinel-1a", (51900 - 73) % 175 + 1)
    assert sorted(sentinel1.granules[0].item["assets"]) == ["vh", "vv"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("T29PQK_20240105T105431_B04_10m.tif", "name-without-platform"),
        (f"{SAFE}/T30PSQ_20240105T105431_B04_10m.tif", "name-contradicts-folder"),
        (f"{SAFE}/T29PQK_20240110T105431_B04_10m.tif", "name-contradicts-folder"),
        ("S2B_24MVV_20250731_0_L2A/B04.tif", "name-without-baseline"),
        ("S2A_MSIL1C_20240105T105431_N0510_R051_T29PQK_20240105T140000.SAFE/B04.jp2", "product-not-level-2a"),
        ("LC08_L1TP_088080_20200525_20200608_02_T1_B4.TIF", "product-not-level-2"),
        ("LC08_L2SP_088080_20200525_20200608_01_T1_SR_B4.TIF", "product-not-collection-2"),
        ("s1a-iw-grd-vv-20210809t173953-20210809t174018-039156-049f13-001.tiff", "not-terrain-corrected"),
        ("S1A_IW_GRDH_1SDV_20240105T184900_20240105T184925_051900_0644AA/vv.tif", "not-terrain-corrected"),
        ("S1A_IW_20240105T184900_DVP_RTC10_G_sauned_1A2B_VV.tif", "product-not-gamma0-power"),
        ("S2A_MSIL2A_20241305T105431_N0510_R051_T29PQK_20240105T140000_B04.tif", "datetime-malformed"),
        ("mosaic_2024.tif", "name-unknown"),
    ],
)
def test_what_a_name_does_not_tell_is_refused_by_it(tmp_path, name, reason):
    write_tif(tmp_path / name)
    found = search(tmp_path)
    assert found.scenes == ()
    assert reasons(found) == [f"{name}: {reason}"]


def test_bursts_of_one_pass_are_one_scene_and_two_makings_of_a_burst_are_one_look(tmp_path):
    for burst in ("292319-IW2", "292319-IW3", "292320-IW2"):
        for made in ("20240106T000000Z", "20240107T000000Z"):
            write_tif(tmp_path / f"OPERA_L2_RTC-S1_T137-{burst}_20240105T184900Z_{made}_S1A_30_v1.0_VV.tif")
    found = search(tmp_path)
    (scene,) = found.scenes
    assert [granule.tile for granule in scene.granules] == ["T137-292319-IW2", "T137-292319-IW3", "T137-292320-IW2"]
    assert (scene.relative_orbit, found.reasons["duplicate"]) == (137, 3)
    assert all("20240107" in granule.item_id for granule in scene.granules)
    assert all("20240106" in granule.alternatives[0].item_id for granule in scene.granules)


def test_decibels_in_a_name_are_told_to_the_reader():
    named = name_of(PurePosixPath("S1B_IW_20200105T184900_DVP_RTC20_G_gduned_1A2B_VV.tif"))
    assert (named.band, named.properties["unit"], named.properties["platform"]) == ("vv", "dB", "sentinel-1b")
    with pytest.raises(ItemError, match="name-unknown"):
        name_of(PurePosixPath("S1B_IW_20200105T184900_DVP_VV.tif"))


@pytest.mark.fault(18)
def test_a_landsat_name_tells_the_day_and_the_pass_is_counted_once_with_a_catalogue_that_knows_the_time(tmp_path):
    write_landsat(tmp_path)
    (alone,) = search(tmp_path).scenes
    assert alone.datetime.isoformat() == "2024-01-05T00:00:00+00:00", "the day's beginning, where nobody knows more"
    (tmp_path / f"{LANDSAT}_MTL.txt").write_text('  DATE_ACQUIRED = 2024-01-05\n SCENE_CENTER_TIME = "10:44:07.12Z"\n')
    (timed,) = search(tmp_path).scenes
    assert timed.datetime.isoformat() == "2024-01-05T10:44:07+00:00"
    (tmp_path / f"{LANDSAT}_MTL.txt").unlink()
    name = write_catalog(tmp_path, landsat_item(53), landsat_item(54, second=24), name="other.json")
    other = CatalogSource(url=f"{tmp_path.name}/{name}", collections={Sensor.LANDSAT: "landsat-c2-l2"})
    (both,) = search(tmp_path, other).scenes
    assert both.datetime.isoformat() == "2024-01-05T10:44:00+00:00"
    assert [granule.tile for granule in both.granules] == ["197053", "197054"]
    assert [len(granule.alternatives) for granule in both.granules] == [0, 1]


_PARTS = st.sampled_from(
    [SAFE, LANDSAT, SLICE, "S2A_MSIL2A_", "_N0510_R051_", "T29PQK_20240105T105431_B04_10m", "OPERA_L2_RTC-S1_T", "..",
     "S1A_IW_20240105T184900_DVP_RTC10_G_gpuned_1A2B", "_SR_B4", "_vv", "٢٠٢٤٠١٠٥T105431", "\x00", " ", "B04", "_rtc"]
)  # fmt: skip


@given(st.lists(st.lists(_PARTS | st.text(max_size=8), min_size=1, max_size=4).map("".join), min_size=1, max_size=3))
def test_any_name_is_told_or_refused(parts):
    try:
        named = name_of(PurePosixPath(*parts, "B04.tif"))
    except ItemError:
        return
    assert named.product in "/".join(parts)
    assert named.properties["platform"].startswith(("sentinel-", "landsat-"))
    dt.datetime.fromisoformat(named.properties["datetime"])


def test_an_item_beside_its_files_is_taken_at_its_word(tmp_path):
    item = sentinel2_item(cloud=12.0)
    home = tmp_path / "any name"
    for key, asset in item["assets"].items():
        asset["href"] = f"./{key}.tif"
        write_tif(home / f"{key}.tif")
    (home / "item.json").write_text(json.dumps(item))
    (home / "other.json").write_text('{"type": "Feature", "stac_version": "1.0.0", "assets": []}')
    found = search(tmp_path)
    assert reasons(found) == []
    (scene,) = found.scenes
    assert (scene.granules[0].item_id, scene.granules[0].cloud_frac) == (item["id"], 0.12)


def test_headers_that_say_nothing_are_refused(tmp_path):
    write_landsat(tmp_path)
    write_tif(tmp_path / f"{LANDSAT}_QA_PIXEL.TIF", crs=None)  # sorted first, so its header is the one that is read
    broken = "LC09_L2SP_197055_20240105_20240112_02_T1"
    write_landsat(tmp_path, broken)
    (tmp_path / f"{broken}_QA_PIXEL.TIF").write_bytes(b"II*\0 no more")
    found = search(tmp_path)
    assert found.scenes == ()
    assert reasons(found) == [f"{LANDSAT}: no-crs", f"{broken}: header-unreadable"]
    assert not any(answer.is_full for answer in found.answers), "behind the broken file there may be a scene"


def test_a_product_without_a_band_is_refused_by_it(tmp_path):
    write_landsat(tmp_path)
    (tmp_path / f"{LANDSAT}_SR_B6.TIF").unlink()
    assert reasons(search(tmp_path)) == [f"{LANDSAT}: assets-missing:swir16"]


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    write_landsat(tmp_path / "outside")
    inside = tmp_path / "inside"
    inside.mkdir()
    for path in (tmp_path / "outside").iterdir():
        (inside / path.name).symlink_to(path)
    assert reasons(search(inside)) == [f"{LANDSAT}: href-outside-catalogue"]


@pytest.mark.fault(39)
def test_a_vrt_named_tif_has_no_header_and_is_not_opened(tmp_path):
    write_landsat(tmp_path)
    for path in tmp_path.glob("*.TIF"):
        path.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"><SRS>EPSG:4326</SRS></VRTDataset>')
    assert reasons(search(tmp_path)) == [f"{LANDSAT}: header-unreadable"]


def test_sensors_by_sub_folder(tmp_path):
    write_sentinel2(tmp_path / "one")
    write_sentinel2(tmp_path / "two", SAFE.replace("20240105T105431", "20240110T105421"))
    assert len(search(tmp_path).scenes) == 2
    assert len(search(tmp_path, collections={"sentinel-2": "two"}).scenes) == 1
    assert search(tmp_path, collections={"landsat": "two"}).scenes == ()


def test_no_folder_is_a_fault(tmp_path):
    with pytest.raises(UpstreamError, match="not there"):
        search(tmp_path / "none")
