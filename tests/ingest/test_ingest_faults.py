"""Whole scenes of files that fail: what stands in, what becomes a gap, and what is never taken for a look."""

import dataclasses
import logging

import numpy as np
import pytest
import rasterio

from kpgeo.ingest import load_cube
from kpgeo.model.scene import OPTICAL_BANDS, LookClass, Sensor
from kpgeo.options.ingest import IngestOptions
from tests.ingest.scene_files import LEFT, SAVANNA, TOP, make_granule, make_scene, window
from tests.wire.fault_server import ALWAYS, FaultServer, busy, drip, hang, html, no_ranges, reset, short, status

S2 = Sensor.SENTINEL2
OPTIONS = IngestOptions()


def with_alternatives(granule, *others):
    return dataclasses.replace(granule, alternatives=others)


def served(granule, server, provider="127.0.0.1"):
    """Return a granule whose files are read from a server."""
    assets = {
        band: {**asset, "href": f"{server.url}/{asset['href'].rsplit('/', 1)[1]}"}
        for band, asset in granule.item["assets"].items()
    }
    return dataclasses.replace(granule, item={**granule.item, "assets": assets}, provider=provider)


def truncate(path, share):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


@pytest.mark.fault(12)
def test_the_next_provider_stands_in_for_a_broken_file(tmp_path, caplog):
    broken = make_granule(tmp_path / "a", S2, SAVANNA, name="first")
    truncate(tmp_path / "a" / "first_red.tif", 0.5)
    # Another processing of the same granule, without the offset in its counts: harmonised by its own baseline.
    older = {band: value if band == "look_class" else value - 1000 for band, value in SAVANNA.items()}
    other = dataclasses.replace(
        make_granule(tmp_path / "b", S2, older, name="second", baseline="02.14"), provider="other.org"
    )
    scene = make_scene(S2, with_alternatives(broken, other))
    cube, gaps = load_cube([scene], window(), OPTIONS)
    assert gaps == ()
    np.testing.assert_allclose(cube["red"], 0.12, atol=1e-6)
    assert cube.attrs["granule_used"] == {scene.id: ("other.org/second",)}
    words = cube.attrs["harmonisation"][scene.id]
    assert words.startswith("second: ")
    assert words.endswith("in place of first of local (unreadable: truncated: red)")
    assert "second of other.org in place of first of local" in caplog.text


def test_what_can_be_read_is_not_replaced(tmp_path):
    sound = make_granule(tmp_path / "a", S2, SAVANNA, name="first")
    other = make_granule(tmp_path / "b", S2, {**SAVANNA, "red": 9000}, name="second")
    scene = make_scene(S2, with_alternatives(sound, other))
    cube, _ = load_cube([scene], window(), OPTIONS)
    np.testing.assert_allclose(cube["red"], 0.12, atol=1e-6)
    assert cube.attrs["granule_used"] == {scene.id: ("local/first",)}


def test_where_all_fail_the_first_ones_fault_is_the_gap(tmp_path, caplog):
    one, two, three = (make_granule(tmp_path / name, S2, SAVANNA, name=name) for name in "abc")
    truncate(tmp_path / "a" / "a_nir.tif", 0.5)
    (tmp_path / "b" / "b_red.tif").unlink()
    (tmp_path / "c" / "c_blue.tif").write_text("<html>")
    caplog.set_level(logging.WARNING)
    cube, gaps = load_cube([make_scene(S2, with_alternatives(one, two, three))], window(), OPTIONS)
    assert cube.sizes["time"] == 0
    assert [gap.reason for gap in gaps] == ["unreadable: truncated: nir: a"]
    assert "granule b of local: unreadable: not-found: red" in caplog.text
    assert "granule c of local: unreadable: unknown-format: blue" in caplog.text


@pytest.mark.fault(14)
def test_a_band_of_tiles_that_are_not_stored_is_a_scene_not_looked_at(tmp_path):
    granule = make_granule(tmp_path, S2, SAVANNA)
    with rasterio.open(
        tmp_path / "one_red.tif", "w", driver="GTiff", width=24, height=24, count=1, dtype="uint16", crs="EPSG:32629",
        transform=rasterio.Affine(10, 0, LEFT, 0, -10, TOP), tiled=True, blockxsize=16, blockysize=16, SPARSE_OK="TRUE",
    ):  # fmt: skip
        pass
    cube, gaps = load_cube([make_scene(S2, granule)], window(), OPTIONS)
    assert gaps == ()
    assert np.all(cube["look_class"] == LookClass.NOT_ACQUIRED)
    assert all(np.isnan(cube[band]).all() for band in OPTICAL_BANDS)


@pytest.fixture
def server(tmp_path):
    with FaultServer(tmp_path) as server:
        yield server


@pytest.mark.fault(20)
@pytest.mark.fault(21)
@pytest.mark.parametrize(
    "step",
    [status(503), busy(2), hang(0.8), reset(100), short(50), no_ranges(ALWAYS), html(1), status(404), status(500, 2)],
    ids=["503", "429", "hang", "reset", "short", "no-ranges", "html", "404", "500"],
)
def test_faults_that_pass_are_outlasted(tmp_path, server, step):
    scene = make_scene(S2, served(make_granule(tmp_path, S2, SAVANNA), server))
    server.script("/one_nir.tif", step)
    cube, gaps = load_cube([scene], window(), OPTIONS, server.access())
    assert gaps == ()
    np.testing.assert_allclose(cube["nir"], 0.24, atol=1e-6)


@pytest.mark.fault(21)
@pytest.mark.parametrize(
    ("step", "fault"),
    [(status(404, ALWAYS), "not-found"), (drip(0.05, 600), "timed-out"), (html(ALWAYS), "captive-portal")],
    ids=["404", "slow-loris", "captive-portal"],
)
def test_faults_that_stay_are_a_gap_and_the_other_scenes_go_on(tmp_path, server, step, fault):
    failing = make_scene(S2, served(make_granule(tmp_path, S2, SAVANNA, name="one"), server), day=1)
    sound = make_scene(S2, served(make_granule(tmp_path, S2, SAVANNA, name="two"), server), day=2)
    server.script("/one_nir.tif", step)
    access = server.access(read_attempts=2, http_timeout_s=0.5, silence_s=0.4, request_deadline_s=1.0)
    cube, gaps = load_cube([failing, sound], window(), OPTIONS, access)
    assert [gap.reason for gap in gaps] == [f"unreadable: {fault}: nir: one"]
    assert cube["scene_id"].values.tolist() == [sound.id]


@pytest.mark.fault(12)
@pytest.mark.fault(13)
def test_a_file_broken_on_the_server_is_a_gap_or_replaced(tmp_path, server):
    first = make_granule(tmp_path, S2, SAVANNA, name="one")
    truncate(tmp_path / "one_nir.tif", 0.7)
    other = make_granule(tmp_path / "b", S2, SAVANNA, name="two")
    access = server.access(read_attempts=2)
    _, gaps = load_cube([make_scene(S2, served(first, server))], window(), OPTIONS, access)
    assert [gap.reason for gap in gaps] == ["unreadable: truncated: nir: one"]
    cube, gaps = load_cube([make_scene(S2, with_alternatives(served(first, server), other))], window(), OPTIONS, access)
    assert gaps == ()
    np.testing.assert_allclose(cube["nir"], 0.24, atol=1e-6)


@pytest.mark.fault(22)
def test_a_file_that_was_broken_and_is_mended_is_read_anew(tmp_path, server):
    scene = make_scene(S2, served(make_granule(tmp_path, S2, SAVANNA), server))
    sound = (tmp_path / "one_nir.tif").read_bytes()
    server.put("/one_nir.tif", sound[: len(sound) // 2])
    access = server.access(read_attempts=1, cache_gib=0.1, cache_folder=str(tmp_path / "cache"))
    _, gaps = load_cube([scene], window(), OPTIONS, access)
    assert len(gaps) == 1
    server.put("/one_nir.tif", sound)
    access = server.access(read_attempts=2, cache_gib=0.1, cache_folder=str(tmp_path / "cache"))
    cube, gaps = load_cube([scene], window(), OPTIONS, access)
    assert gaps == ()
    np.testing.assert_allclose(cube["nir"], 0.24, atol=1e-6)


def test_remote_files_of_another_make_are_read_by_gdal_through_us(tmp_path, server):
    granule = make_granule(tmp_path, S2, SAVANNA)
    with rasterio.open(tmp_path / "one_red.tif", "r") as dataset:
        values, profile = dataset.read(), dataset.profile
    with rasterio.open(tmp_path / "one_red.tif", "w", **{**profile, "compress": "packbits"}) as dataset:
        dataset.write(values)
    scene = make_scene(S2, served(granule, server))
    cube, gaps = load_cube([scene], window(), OPTIONS, server.access())
    assert gaps == ()
    np.testing.assert_allclose(cube["red"], 0.12, atol=1e-6)


def test_only_what_the_window_needs_is_read(tmp_path, server):
    random = np.random.default_rng(1)
    granule = make_granule(tmp_path, S2, {**SAVANNA, "look_class": 4}, size=600)
    path = tmp_path / "one_nir.tif"
    with rasterio.open(path) as dataset:
        profile = {**dataset.profile, "tiled": True, "blockxsize": 64, "blockysize": 64}
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(random.integers(1100, 60_000, (600, 600)).astype("uint16"), 1)
    load_cube([make_scene(S2, served(granule, server))], window(), OPTIONS, server.access(coalesce_gap_kib=0))
    asked = [hit.range.removeprefix("bytes=").split("-") for hit in server.hits_of("/one_nir.tif")]
    assert len(asked) <= 2
    assert sum(int(last) - int(first) + 1 for first, last in asked) < 0.15 * path.stat().st_size


def test_scenes_ahead_do_not_change_the_order_nor_outlive_the_reading(tmp_path):
    granules = [make_granule(tmp_path, S2, {**SAVANNA, "red": 1500 + 10 * day}, name=f"g{day}") for day in range(1, 13)]
    truncate(tmp_path / "g5_red.tif", 0.5)
    scenes = [make_scene(S2, granule, day=day) for day, granule in enumerate(granules, 1)]
    cube, gaps = load_cube(scenes, window(), OPTIONS)
    assert [gap.day for gap in gaps] == [scenes[4].day]
    days = [day for day in range(1, 13) if day != 5]
    np.testing.assert_allclose(cube["red"].values[:, 0, 0], [0.05 + 0.001 * day for day in days], atol=1e-6)
