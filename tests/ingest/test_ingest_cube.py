"""The cube: what is read, onto which pixel, in which unit, and what becomes of scenes that cannot be read."""

import math
import time

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox
from odc.stac import load
from pystac import Asset, Item

from kpgeo.features import clear_looks
from kpgeo.ingest import load_cube
from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import OPTICAL_BANDS, LookClass, Sensor
from kpgeo.options.features import FeatureOptions
from kpgeo.options.ingest import IngestOptions
from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access
from tests.ingest.scene_files import SAVANNA, TOP, make_granule, make_scene, window, write_band

OPTIONS = IngestOptions()
S2, LANDSAT, S1 = Sensor.SENTINEL2, Sensor.LANDSAT, Sensor.SENTINEL1
DRY = {"blue": 9000, "green": 10000, "red": 11000, "nir": 16000, "swir16": 18000, "swir22": 15000, "look_class": 21824}


def test_a_sentinel2_scene_becomes_reflectance(tmp_path):
    scene = make_scene(S2, make_granule(tmp_path, S2, SAVANNA))
    cube, gaps = load_cube([scene], window(), OPTIONS)
    assert gaps == ()
    assert cube.sizes == {"time": 1, "y": 24, "x": 24}
    for band, value in zip(OPTICAL_BANDS, (0.06, 0.09, 0.12, 0.24, 0.29, 0.21), strict=True):
        assert cube[band].dtype == np.float32
        np.testing.assert_allclose(cube[band], value, atol=1e-6)
    assert cube["look_class"].dtype == np.uint8
    assert np.all(cube["look_class"] == LookClass.CLEAR)
    assert cube["time"].values[0] == np.datetime64("2024-01-01T10:30:00", "ns")
    assert cube["scene_id"].item() == scene.id
    assert "baseline 05.09" in cube.attrs["harmonisation"][scene.id]


def test_the_coordinates_are_pixel_centres_of_the_grid(tmp_path):
    cube, _ = load_cube([make_scene(S2, make_granule(tmp_path, S2, SAVANNA))], window(), OPTIONS)
    assert cube["x"].values[:2].tolist() == [500_005.0, 500_015.0]
    assert cube["y"].values[:2].tolist() == [TOP - 5.0, TOP - 15.0]


def test_pixels_keep_their_place(tmp_path):
    numbered = np.arange(1, 577, dtype=np.uint16).reshape(24, 24) + 1000
    coarse = np.arange(1, 145, dtype=np.uint16).reshape(12, 12) + 1000
    granule = make_granule(tmp_path, S2, {**SAVANNA, "red": numbered, "swir16": coarse})
    cube, _ = load_cube([make_scene(S2, granule)], window(), IngestOptions(resampling_coarser="nearest"))
    np.testing.assert_allclose(cube["red"].values[0] * 1e4, np.arange(1, 577).reshape(24, 24), atol=1e-2)
    np.testing.assert_allclose(
        cube["swir16"].values[0] * 1e4, np.kron(np.arange(1, 145).reshape(12, 12), np.ones((2, 2))), atol=1e-2
    )


def test_a_window_beyond_the_scene_is_not_acquired(tmp_path):
    scene = make_scene(S2, make_granule(tmp_path, S2, SAVANNA))
    cube, gaps = load_cube([scene], window().pad(4), OPTIONS)
    assert gaps == ()
    outside = cube["look_class"].values[0] == LookClass.NOT_ACQUIRED
    assert outside.sum() == 32 * 32 - 24 * 24
    assert np.isnan(cube["blue"].values[0][outside]).all()
    assert np.isfinite(cube["blue"].values[0][~outside]).all()


def test_a_scene_elsewhere_is_not_opened(tmp_path):
    granule = make_granule(tmp_path, S2, SAVANNA)
    for path in tmp_path.glob("*.tif"):
        path.unlink()
    cube, gaps = load_cube([make_scene(S2, granule)], window(left=900_000.0 - 100_000.0), OPTIONS)
    assert gaps == ()
    assert np.all(cube["look_class"] == LookClass.NOT_ACQUIRED)


@pytest.mark.fault(14)
def test_no_data_is_never_zero_reflectance(tmp_path):
    holed = np.full((24, 24), 1600, dtype=np.uint16)
    holed[3, 4] = 0
    cube, _ = load_cube([make_scene(S2, make_granule(tmp_path, S2, {**SAVANNA, "blue": holed}))], window(), OPTIONS)
    assert all(math.isnan(cube[band].values[0, 3, 4]) for band in OPTICAL_BANDS)
    assert cube["look_class"].values[0, 3, 4] == LookClass.NOT_ACQUIRED
    assert np.isnan(cube["red"].values).sum() == 1


@pytest.mark.fault(14)
def test_an_empty_file_is_not_acquired(tmp_path):
    nothing = dict.fromkeys(SAVANNA, 0)
    cube, gaps = load_cube([make_scene(S2, make_granule(tmp_path, S2, nothing))], window(), OPTIONS)
    assert gaps == ()
    assert np.isnan(cube["nir"]).all()
    assert np.all(cube["look_class"] == LookClass.NOT_ACQUIRED)


@pytest.mark.parametrize(
    ("scl", "expected"),
    [
        (0, LookClass.NOT_ACQUIRED), (1, LookClass.DEFECTIVE), (2, LookClass.CLEAR), (3, LookClass.SHADOW),
        (4, LookClass.CLEAR), (5, LookClass.CLEAR), (6, LookClass.WATER), (7, LookClass.CLEAR), (8, LookClass.CLOUD),
        (9, LookClass.CLOUD), (10, LookClass.HAZE), (11, LookClass.SNOW), (12, LookClass.DEFECTIVE),
    ],
)  # fmt: skip
def test_scene_classes(tmp_path, scl, expected):
    cube, _ = load_cube([make_scene(S2, make_granule(tmp_path, S2, {**SAVANNA, "look_class": scl}))], window(), OPTIONS)
    assert np.all(cube["look_class"] == expected)


@pytest.mark.parametrize(
    ("qa_pixel", "expected"),
    [
        (1, LookClass.NOT_ACQUIRED), (21824, LookClass.CLEAR), (21952, LookClass.WATER), (22280, LookClass.CLOUD),
        (23888, LookClass.SHADOW), (30048, LookClass.SNOW), (21826, LookClass.HAZE), (54596, LookClass.HAZE),
        (0b1000_1000, LookClass.CLOUD), (0b1001_0000, LookClass.SHADOW),
    ],
)  # fmt: skip
def test_qa_pixel_bits(tmp_path, qa_pixel, expected):
    values = {**DRY, "look_class": qa_pixel}
    cube, _ = load_cube([make_scene(LANDSAT, make_granule(tmp_path, LANDSAT, values))], window(), OPTIONS)
    assert np.all(cube["look_class"] == expected)


def test_a_landsat_scene_becomes_reflectance(tmp_path):
    cube, _ = load_cube([make_scene(LANDSAT, make_granule(tmp_path, LANDSAT, DRY))], window(), OPTIONS)
    np.testing.assert_allclose(cube["blue"], 9000 * 2.75e-5 - 0.2, atol=1e-6)
    np.testing.assert_allclose(cube["swir22"], 15000 * 2.75e-5 - 0.2, atol=1e-6)


def test_landsat_scaling_stated_by_the_item_wins(tmp_path):
    granule = make_granule(tmp_path, LANDSAT, {**DRY, "blue": 900}, raster={"scale": 1e-4, "offset": 0.0})
    cube, _ = load_cube([make_scene(LANDSAT, granule)], window(), OPTIONS)
    np.testing.assert_allclose(cube["blue"], 0.09, atol=1e-6)


def test_coarse_bands_are_interpolated_and_class_layers_are_not(tmp_path):
    steps = np.where(np.arange(8)[None, :] < 4, 9000, 18000) * np.ones((8, 1))
    bits = np.where(np.arange(8)[None, :] < 4, 21824, 22280) * np.ones((8, 1))
    granule = make_granule(tmp_path, LANDSAT, {**DRY, "nir": steps.astype("u2"), "look_class": bits.astype("u2")})
    smooth, _ = load_cube([make_scene(LANDSAT, granule)], window(), OPTIONS)
    rough, _ = load_cube([make_scene(LANDSAT, granule)], window(), IngestOptions(resampling_coarser="nearest"))
    assert len(np.unique(smooth["nir"])) > 2
    assert len(np.unique(rough["nir"])) == 2
    assert set(np.unique(smooth["look_class"])) == {LookClass.CLEAR, LookClass.CLOUD}


def test_radar_is_linear_and_zero_is_not_acquired(tmp_path):
    vv = np.full((24, 24), 0.1, dtype=np.float32)
    vv[0, 0], vv[0, 1] = 0.0, np.nan
    cube, _ = load_cube([make_scene(S1, make_granule(tmp_path, S1, {"vv": vv, "vh": 0.02}))], window(), OPTIONS)
    assert np.isnan(cube["vv"].values[0, 0, :2]).all()
    assert np.isnan(cube["vh"].values[0, 0, :2]).all()
    assert (cube["look_class"].values[0] == LookClass.CLEAR).sum() == 24 * 24 - 2
    np.testing.assert_allclose(cube["vv"].values[0, 1:], 0.1, rtol=1e-6)


def test_decibels_are_converted_where_the_item_says_so(tmp_path):
    granule = make_granule(tmp_path, S1, {"vv": -10.0, "vh": -20.0}, raster={"unit": "dB", "nodata": 0})
    cube, _ = load_cube([make_scene(S1, granule)], window(), OPTIONS)
    np.testing.assert_allclose(cube["vv"], 0.1, rtol=1e-5)
    np.testing.assert_allclose(cube["vh"], 0.01, rtol=1e-5)


def test_negative_backscatter_without_a_unit_is_refused(tmp_path):
    scene = make_scene(S1, make_granule(tmp_path, S1, {"vv": -10.0, "vh": -20.0}))
    cube, gaps = load_cube([scene], window(), OPTIONS)
    assert cube.sizes["time"] == 0
    assert [gap.reason for gap in gaps] == ["units-ambiguous: vv: one"]


def test_a_missing_cross_polarisation_stays_missing(tmp_path):
    cube, gaps = load_cube([make_scene(S1, make_granule(tmp_path, S1, {"vv": 0.1}))], window(), OPTIONS)
    assert gaps == ()
    assert np.isfinite(cube["vv"]).all()
    assert np.isnan(cube["vh"]).all()


def test_granules_are_mosaicked_and_a_pixel_counts_once(tmp_path):
    left = make_granule(tmp_path, S2, SAVANNA, size=16, name="a")
    right = make_granule(tmp_path, S2, {**SAVANNA, "red": 3000}, size=16, name="b", left=500_000.0 + 80.0)
    cube, _ = load_cube([make_scene(S2, left, right)], window(16, 24), OPTIONS)
    row = cube["red"].values[0, 5]
    np.testing.assert_allclose(row[:16], 0.12, atol=1e-6)
    np.testing.assert_allclose(row[16:], 0.20, atol=1e-6)
    assert cube.sizes["time"] == 1


@pytest.mark.fault(18)
def test_granules_of_two_zones_are_one_look(tmp_path):
    zone = 500_000.0 + 3 * 111_000.0
    here = make_granule(tmp_path, S2, SAVANNA, size=24, name="a", left=zone - 240.0)
    x, y = _to_zone(zone, TOP, 32630)
    there = make_granule(
        tmp_path,
        S2,
        {**SAVANNA, "red": 3000},
        size=60,
        name="b",
        left=round(x - 60, -1),
        top=round(y + 150, -1),
        epsg=32630,
    )
    cube, gaps = load_cube([make_scene(S2, here, there)], window(24, 48, left=zone - 240.0), OPTIONS)
    assert gaps == ()
    assert np.isfinite(cube["red"]).all()
    np.testing.assert_allclose(cube["red"].values[0, :, :24], 0.12, atol=1e-6)
    np.testing.assert_allclose(cube["red"].values[0, :, 24:], 0.20, atol=1e-6)


def _to_zone(x: float, y: float, epsg: int) -> tuple[float, float]:
    xs, ys = rasterio.warp.transform("EPSG:32629", f"EPSG:{epsg}", [x], [y])
    return xs[0], ys[0]


@pytest.mark.parametrize("epsg", [32629, 32630])
def test_tiles_equal_the_whole(tmp_path, epsg):
    random = np.random.default_rng(1)
    size = 96
    x, y = _to_zone(830_000.0, TOP, epsg)
    bands = {band: random.integers(1100, 6000, (size, size)).astype("u2") for band in ("blue", "green", "red", "nir")}
    bands |= {band: random.integers(1100, 6000, (size // 2,) * 2).astype("u2") for band in ("swir16", "swir22")}
    bands["look_class"] = random.integers(0, 12, (size // 2,) * 2).astype("u1")
    granule = make_granule(tmp_path, S2, bands, size=size, left=round(x, -1), top=round(y, -1), epsg=epsg)
    grid = window(80, 80, left=830_050.0, top=TOP - 60.0)
    whole, _ = load_cube([make_scene(S2, granule)], grid, OPTIONS)
    for rows in (slice(0, 37), slice(37, 80)):
        for cols in (slice(0, 50), slice(50, 80)):
            part, _ = load_cube([make_scene(S2, granule)], grid[rows, cols], OPTIONS)
            for band in (*OPTICAL_BANDS, "look_class"):
                # Onto another zone, positions are exact to a millionth of a pixel, not to the last bit.
                limit = 0.0 if epsg == 32629 or band == "look_class" else 1e-5
                np.testing.assert_allclose(
                    part[band], whole[band].isel(y=rows, x=cols), rtol=0, atol=limit, err_msg=band
                )


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_reading_equals_an_independent_reader(tmp_path):
    random = np.random.default_rng(2)
    granule = make_granule(tmp_path, S2, {**SAVANNA, "red": random.integers(1000, 9000, (24, 24)).astype("u2")})
    cube, _ = load_cube([make_scene(S2, granule)], window(20, 20, left=500_030.0), OPTIONS)
    scene = make_scene(S2, granule)
    item = Item("one", scene.footprint.__geo_interface__, list(scene.footprint.bounds), scene.datetime, {})
    item.add_asset("red", Asset(granule.item["assets"]["red"]["href"], media_type="image/tiff", roles=["data"]))
    theirs = load([item], bands=["red"], geobox=window(20, 20, left=500_030.0), dtype="uint16", nodata=0)
    np.testing.assert_allclose(cube["red"].values[0], theirs["red"].values[0] * 1e-4 - 0.1, atol=1e-6)


def test_scenes_come_in_order_of_sensing(tmp_path):
    granule = make_granule(tmp_path, S2, SAVANNA)
    days = (7, 2, 5)
    cube, _ = load_cube([make_scene(S2, granule, day=day) for day in days], window(), OPTIONS)
    assert [int(str(moment)[8:10]) for moment in cube["time"].values] == sorted(days)
    assert list(cube.attrs["scene_ids"]) == cube["scene_id"].values.tolist()


def test_scenes_of_two_sensors_are_refused(tmp_path):
    scenes = [
        make_scene(S2, make_granule(tmp_path, S2, SAVANNA)),
        make_scene(S1, make_granule(tmp_path, S1, {"vv": 0.1})),
    ]
    with pytest.raises(BadInputError, match="one sensor"):
        load_cube(scenes, window(), OPTIONS)
    with pytest.raises(BadInputError):
        load_cube([], window(), OPTIONS)


def _truncate(path, share):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


@pytest.mark.fault(12)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 0.97])
def test_a_truncated_file_is_a_gap_and_the_other_scenes_go_on(tmp_path, share):
    random = np.random.default_rng(3)
    noise = random.integers(1000, 9000, (24, 24)).astype("u2")
    broken = make_granule(tmp_path / "x", S2, {**SAVANNA, "green": noise}, name="broken")
    _truncate(tmp_path / "x" / "broken_green.tif", share)
    sound = make_granule(tmp_path, S2, SAVANNA)
    scenes = [make_scene(S2, sound, day=1), make_scene(S2, broken, day=2), make_scene(S2, sound, day=3)]
    cube, gaps = load_cube(scenes, window(), OPTIONS)
    assert cube["scene_id"].values.tolist() == [scenes[0].id, scenes[2].id]
    assert np.isfinite(cube["green"]).all()
    assert [(gap.scene_id, gap.day, gap.sensor) for gap in gaps] == [(scenes[1].id, scenes[1].day, S2)]
    assert gaps[0].reason.startswith("unreadable: ")
    assert gaps[0].reason == "unreadable: truncated: green: broken"


def test_a_missing_file_is_a_gap(tmp_path):
    granule = make_granule(tmp_path, S2, SAVANNA)
    (tmp_path / "one_nir.tif").unlink()
    cube, gaps = load_cube([make_scene(S2, granule)], window(), OPTIONS)
    assert cube.sizes["time"] == 0
    assert gaps[0].reason == "unreadable: not-found: nir: one"


@pytest.mark.fault(16)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_without_a_place_is_refused(tmp_path):
    granule = make_granule(tmp_path, S2, SAVANNA)
    path = tmp_path / "one_red.tif"
    with rasterio.open(path, "w", driver="GTiff", width=24, height=24, count=1, dtype="uint16") as one:
        one.write(np.full((24, 24), 2000, dtype="u2"), 1)
    _, gaps = load_cube([make_scene(S2, granule)], window(), OPTIONS)
    assert gaps[0].reason == "unreadable: no-crs: red: one"


@pytest.mark.fault(16)
def test_a_file_at_another_place_than_its_item_says_is_refused(tmp_path):
    granule = make_granule(tmp_path, S2, SAVANNA)
    write_band(tmp_path / "one_red.tif", np.full((24, 24), 2000, dtype="u2"), 10.0, left=500_000.0 + 5000.0)
    _, gaps = load_cube([make_scene(S2, granule)], window(), OPTIONS)
    assert gaps[0].reason == "unreadable: georeference-contradiction: red: one"


@pytest.mark.fault(39)
def test_another_format_under_a_tif_name_is_refused(tmp_path):
    canary = tmp_path / "canary.tif"
    write_band(canary, np.full((24, 24), 7777, dtype="u2"), 10.0)
    granule = make_granule(tmp_path, S2, SAVANNA)
    vrt = f"""<VRTDataset rasterXSize="24" rasterYSize="24"><SRS>EPSG:32629</SRS>
    <GeoTransform>500000, 10, 0, {TOP}, 0, -10</GeoTransform><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>
    <SourceFilename>{canary}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""
    (tmp_path / "one_red.tif").write_text(vrt)
    cube, gaps = load_cube([make_scene(S2, granule)], window(), OPTIONS)
    assert gaps[0].reason == "unreadable: unknown-format: red: one"
    assert cube.sizes["time"] == 0


@pytest.mark.fault(15)
def test_a_file_of_unbelievable_size_is_refused(tmp_path):
    scene = make_scene(S2, make_granule(tmp_path, S2, SAVANNA))
    _, gaps = load_cube([scene], window(), IngestOptions(max_file_pixels=100))
    assert gaps[0].reason.startswith("unreadable: too-large: ")


@pytest.mark.fault(15)
def test_a_file_in_huge_blocks_is_refused(tmp_path):
    granule = make_granule(tmp_path, S2, SAVANNA)
    with rasterio.open(
        tmp_path / "one_red.tif", "w", driver="GTiff", width=800, height=800, count=1, dtype="uint16",
        crs="EPSG:32629", transform=rasterio.Affine(0.3, 0, 500_000.0, 0, -0.3, TOP),
        tiled=True, blockxsize=800, blockysize=800,
    ) as one:  # fmt: skip
        one.write(np.full((800, 800), 2200, dtype="u2"), 1)
    _, gaps = load_cube([make_scene(S2, granule)], window(), IngestOptions(max_block_mb=1))
    assert gaps[0].reason == "unreadable: too-large: red: one"
    cube, gaps = load_cube([make_scene(S2, granule)], window(), OPTIONS)
    assert gaps == ()
    np.testing.assert_allclose(cube["red"], 0.12, atol=1e-6)


def test_local_files_are_not_tried_again(tmp_path):
    granule = make_granule(tmp_path, S2, SAVANNA)
    (tmp_path / "one_nir.tif").unlink()
    begin = time.monotonic()
    load_cube([make_scene(S2, granule)], window(), OPTIONS, Access(options=WireOptions(read_attempts=10)))
    assert time.monotonic() - begin < 2.0


def test_a_finer_file_is_averaged(tmp_path):
    chequered = (np.indices((24, 24)).sum(axis=0) % 2 * 2000 + 2000).astype("u2")
    granule = make_granule(tmp_path, S2, {**SAVANNA, "red": chequered})
    coarse = window(24, 24).zoom_out(3)
    averaged, _ = load_cube([make_scene(S2, granule)], coarse, OPTIONS)
    picked, _ = load_cube([make_scene(S2, granule)], coarse, IngestOptions(resampling_finer="nearest"))
    np.testing.assert_allclose(averaged["red"], 0.2, atol=0.012)
    assert np.abs(picked["red"].values - 0.2).min() > 0.05


def test_same_resolution_resampling_is_an_option(tmp_path):
    random = np.random.default_rng(4)
    granule = make_granule(tmp_path, S2, {**SAVANNA, "red": random.integers(1500, 9000, (24, 24)).astype("u2")})
    shifted: GeoBox = window(20, 20, left=500_024.0)
    picked, _ = load_cube([make_scene(S2, granule)], shifted, OPTIONS)
    mixed, _ = load_cube([make_scene(S2, granule)], shifted, IngestOptions(resampling_same="bilinear"))
    assert not np.allclose(picked["red"], mixed["red"])


@pytest.mark.fault(18)
def test_overlap_of_tiles_in_two_zones_counts_every_pixel_once(tmp_path):
    """The same ground in two tiles of one zone and in one of the next: one look a pixel, all from one granule."""
    zone = 500_000.0 + 3 * 111_000.0
    x, y = _to_zone(zone, TOP, 32630)
    other = {band: value + 300 if band != "look_class" else value for band, value in SAVANNA.items()}
    third = {band: value + 600 if band != "look_class" else value for band, value in SAVANNA.items()}
    near = make_granule(tmp_path, S2, SAVANNA, size=24, name="near", left=zone - 240.0)
    twin = make_granule(tmp_path, S2, other, size=40, name="twin", left=zone - 240.0)
    far = make_granule(tmp_path, S2, third, size=96, name="far", epsg=32630, left=x - 480.0, top=y + 200.0)
    cube, gaps = load_cube([make_scene(S2, far, twin, near)], window(24, 48, left=zone - 240.0), OPTIONS)
    assert gaps == ()
    assert cube.sizes["time"] == 1
    looks = clear_looks(cube, S2, FeatureOptions(), 0)
    counted = np.isfinite(looks["red"].to_numpy()).sum(axis=0)
    assert counted.max() == 1
    assert counted[:, :40].min() == 1
    red = cube["red"].to_numpy()[0]
    np.testing.assert_allclose(red[:, :24], 0.12, atol=1e-6)
    np.testing.assert_allclose(red[:, 24:40], 0.15, atol=1e-6)
    seen = red[:, 42:][np.isfinite(red[:, 42:])]
    assert seen.size
    np.testing.assert_allclose(seen, 0.18, atol=1e-6)


@pytest.mark.parametrize("platform", ["landsat-5", "landsat-7"])
def test_stripes_of_a_broken_scan_line_corrector_are_not_acquired(tmp_path, platform):
    """ETM+ since 31 May 2003: wedges of fill. What is beside a stripe keeps its own value, to the band-pass."""
    bits = np.full((8, 8), 5440, dtype=np.uint16)  # clear land of TM and ETM+: no cirrus band, no cirrus bits
    bits[3:5] = 1
    bands = {band: np.full((8, 8), 12_000, dtype=np.uint16) for band in LANDSAT.bands}
    for band in bands.values():
        band[3:5] = 0
    granule = make_granule(tmp_path, LANDSAT, {**bands, "look_class": bits}, properties={"platform": platform})
    cube, _ = load_cube([make_scene(LANDSAT, granule)], window(), IngestOptions(band_pass=False))
    is_stripe = cube["look_class"].to_numpy()[0] == LookClass.NOT_ACQUIRED
    assert is_stripe[9:15].all()
    assert not is_stripe[:8].any()
    assert not is_stripe[16:].any()
    for band in LANDSAT.bands:
        values = cube[band].to_numpy()[0]
        assert np.isnan(values[is_stripe]).all()
        np.testing.assert_allclose(values[~is_stripe], 12_000 * 2.75e-5 - 0.2, atol=1e-6)
