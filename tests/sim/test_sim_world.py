import csv
import datetime as dt
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from pystac.validation import validate_dict
from shapely.geometry import shape

from kpgeo.model.aoi import DepositType, LayerKind
from kpgeo.model.errors import BadInputError
from kpgeo.model.geometry import area_ha
from kpgeo.model.scene import Sensor
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.registry import grid_of, rasterize_strata, read_aoi
from kpgeo.sim import World, write_world
from kpgeo.sim import world as world_module
from kpgeo.sim.acquiring import list_acquisitions
from kpgeo.sim.digging import CELL_HA
from kpgeo.sim.ground import draw_terrain
from kpgeo.sim.items import COLLECTIONS
from kpgeo.sim.optical import look_optical
from kpgeo.sim.papers import declared_rows
from kpgeo.sim.radar import look_radar
from kpgeo.sim.rasters import write_cog
from kpgeo.sim.truth import DYKE, FLAT, dug_areas, half_years, stratum_raster

BANDS = {
    Sensor.SENTINEL2: {"blue", "green", "red", "nir", "swir16", "swir22", "scl"},
    Sensor.LANDSAT: {"blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel"},
    Sensor.SENTINEL1: {"vv", "vh"},
}
FIELDS = {
    Sensor.SENTINEL2: {
        "s2:processing_baseline",
        "s2:product_uri",
        "grid:code",
        "created",
        "earthsearch:boa_offset_applied",
    },
    Sensor.LANDSAT: {"landsat:wrs_path", "landsat:wrs_row", "proj:shape", "proj:transform", "landsat:correction"},
    Sensor.SENTINEL1: {"sat:orbit_state", "sat:relative_orbit", "sat:absolute_orbit", "sar:polarizations", "proj:bbox"},
}
TINY = SimOptions(seed=7, size_px=128, history_years=1.0, monitored_years=0.5, missing_frac=0.9)


def _items(world: World, sensor: Sensor) -> list[dict]:
    """Return the items as they are written: pystac would rewrite them to a later STAC."""
    return [json.loads(path.read_text()) for path in sorted((world.folder / COLLECTIONS[sensor]).glob("*/*.json"))]


def _file(world: World, item: dict, name: str):
    return world.folder / item["collection"] / item["id"] / item["assets"][name]["href"]


def _time(item: dict) -> dt.datetime:
    return dt.datetime.fromisoformat(item["properties"]["datetime"])


def _digests(world: World) -> dict[str, str]:
    return {
        str(path.relative_to(world.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(world.folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    steps = []
    first = write_world(tmp_path / "a", TINY, lambda *step: steps.append(step))
    again = write_world(tmp_path / "b", TINY)
    assert len(_digests(first)) > 50
    assert _digests(first) == _digests(again)
    assert {step for step, _, _ in steps} == {"scenes", "truth"}
    assert all(0 <= done <= total for _, done, total in steps)


def test_the_catalogue_leads_to_every_scene(world, small):
    catalog = pystac.Catalog.from_file(str(world.catalog))
    items = list(catalog.get_items(recursive=True))
    taken = list_acquisitions(small.options, small.frame)
    assert len(items) == len(taken) + sum(bool(a.again_baseline) for a in taken)
    assert len({item.id for item in items}) == len(items)
    for item in items:
        assert item.get_root().id == "sim-3"
        assert item.collection_id == item.get_parent().id
        for asset in item.assets.values():
            assert asset.href.startswith("./")
            assert Path(asset.get_absolute_href()).is_file()


@pytest.mark.parametrize("sensor", list(Sensor))
def test_items_carry_what_providers_give(world, sensor):
    for item in _items(world, sensor):
        assert item["stac_version"] == "1.0.0"
        assert set(item["assets"]) == BANDS[sensor]
        assert FIELDS[sensor] | {"proj:epsg", "platform", "instruments", "created"} <= set(item["properties"])
        assert _time(item).tzinfo is not None
        assert shape(item["geometry"]).is_valid
        assert shape(item["geometry"]).bounds == tuple(item["bbox"])
        assert -7.0 < item["bbox"][0] < item["bbox"][2] < -6.0
        assert 8.0 < item["bbox"][1] < item["bbox"][3] < 8.5


def test_items_follow_the_core_schema(world):
    pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    for sensor in Sensor:
        for item in _items(world, sensor)[:4]:
            validate_dict(pystac.Item.from_dict(item).to_dict(), extensions=[])


@pytest.mark.parametrize("sensor", list(Sensor))
def test_rasters_are_what_their_items_say(world, sensor):
    for item in _items(world, sensor)[::9]:
        for name, asset in item["assets"].items():
            with rasterio.open(_file(world, item, name)) as source:
                place = {**item["properties"], **asset}
                band = asset["raster:bands"][0]
                assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
                assert source.crs.to_epsg() == item["properties"]["proj:epsg"] == 32629
                assert list(source.shape) == place["proj:shape"], name
                assert list(source.transform)[:6] == place["proj:transform"]
                assert source.dtypes[0] == band["data_type"]
                assert source.nodata == band["nodata"]
                assert source.res[0] == band["spatial_resolution"]


def test_wide_rasters_have_tiles_and_overviews(tmp_path):
    image = np.arange(600 * 600, dtype=np.uint32).reshape(600, 600).astype(np.uint16)
    write_cog(tmp_path / "wide.tif", image, (500_000.0, 900_000.0), 10.0, 0)
    with rasterio.open(tmp_path / "wide.tif") as source:
        assert source.block_shapes == [(256, 256)]
        assert source.overviews(1) == [2, 4]
        assert np.array_equal(source.read(1), image)


def test_sentinel2_pixels_decode_to_what_was_seen(world, small):
    passes = {a.day: a for a in list_acquisitions(small.options, small.frame) if a.sensor is Sensor.SENTINEL2}
    offsets = set()
    for item in sorted(_items(world, Sensor.SENTINEL2), key=_time)[:30:4]:
        taken = passes[(_time(item).date() - dt.date(1970, 1, 1)).days]
        band = item["assets"]["nir"]["raster:bands"][0]
        with rasterio.open(_file(world, item, "nir")) as source:
            numbers = source.read(1)
        seen = numbers > 0
        back = numbers * band["scale"] + band["offset"]
        truth = look_optical(small, taken).reflectance[3]
        assert np.abs(back - truth)[seen].mean() < 0.006
        offsets.add((float(item["properties"]["s2:processing_baseline"]) >= 4.0, band["offset"]))
    assert offsets == {(False, 0), (True, -0.1)}


def test_radar_pixels_are_what_was_seen(world, small):
    taken = next(a for a in list_acquisitions(small.options, small.frame) if a.sensor is Sensor.SENTINEL1)
    item = min(_items(world, Sensor.SENTINEL1), key=_time)
    with rasterio.open(_file(world, item, "vh")) as source:
        np.testing.assert_allclose(source.read(1), look_radar(small, taken)[1], rtol=1e-3)


def test_doubles_are_one_acquisition_with_two_baselines(world):
    items = _items(world, Sensor.SENTINEL2)
    doubles = [item for item in items if item["properties"]["s2:sequence"] == "1"]
    assert doubles
    for double in doubles:
        (twin,) = [item for item in items if _time(item) == _time(double) and item["id"] != double["id"]]
        one, two = twin["properties"], double["properties"]
        assert one["s2:processing_baseline"] < two["s2:processing_baseline"]
        assert one["created"] < two["created"]
        assert one["platform"] == two["platform"]


def test_the_aoi_file_names_roads_villages_a_border_and_two_permits(world, small):
    aoi = read_aoi(world.aoi)
    assert {layer.kind for layer in aoi.layers} == {
        LayerKind.ROAD, LayerKind.SETTLEMENT, LayerKind.BORDER, LayerKind.PERMITS,
    }  # fmt: skip
    first, second = (layer.permits[0] for layer in aoi.layers_of(LayerKind.PERMITS))
    days = small.frame.monitor_day, small.frame.end_day - 1
    assert [first.is_valid_on(day) for day in days] == [True, True]
    assert [second.is_valid_on(day) for day in days] == [True, False]
    assert {layer.source.mark for layer in aoi.layers} == {"(simulated)"}


def test_the_aoi_file_gives_back_the_grid_and_the_strata(world, small):
    aoi = read_aoi(world.aoi)
    assert aoi.id == "sim-3"
    assert grid_of(aoi) == small.frame.grid
    assert {s.id for s in aoi.strata} <= {FLAT, DYKE}
    assert aoi.strata[0].deposit_type is DepositType.ALLUVIAL_FLAT
    assert all(s.priors is not None for s in aoi.strata)
    assert not aoi.regimes
    assert aoi.source.mark == "(simulated)"
    assert np.array_equal(rasterize_strata(aoi, small.frame.grid) > 0, stratum_raster(small) > 0)


def test_the_pipeline_file_reads(world, small):
    pipeline = Pipeline.read(world.pipeline)
    assert pipeline.name == "sim"
    assert pipeline.path(pipeline.aois[0]).is_file()
    assert pipeline.path(pipeline.catalog[0].url) == world.catalog
    assert pipeline.catalog[0].collections == COLLECTIONS
    assert (pipeline.history.start, pipeline.history.end) == (dt.date(2022, 1, 1), dt.date(2023, 1, 1))
    assert pipeline.production.declared == ("declared.csv",)


def test_declared_figures_agree_with_the_truth(world, small):
    truth = json.loads((world.truth / "world.json").read_text())
    with world.declared.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    stories = {row["period"]: row for row in truth["declared"]}
    assert [stories[row["period"]]["story"] for row in rows] == ["fits", "exceeds", "silent"]
    dug = {row["period"]: row["strata"] for row in truth["half_years"]}
    middle = {FLAT: 1e4 * 0.5 * 0.6 * np.sqrt(0.3 * 1.9) * 0.75, DYKE: 1e4 * 0.5 * 1.25 * np.sqrt(10.0) * 0.75}
    for row, factor in zip(rows[:2], (1.0, 40.0), strict=True):
        carats = sum(middle[name] * dug[row["period"]][name]["new_ha"] for name in middle)
        assert float(row["carats"]) == pytest.approx(factor * max(carats, 25.0), rel=0.01)
        assert row["kind"] == "figure"
    assert (rows[2]["kind"], rows[2]["carats"]) == ("missing", "")
    assert sum(part["new_ha"] for part in dug[rows[2]["period"]].values()) > 0.1
    assert {row["aoi"] for row in rows} == {"sim-3"}
    assert [r["story"] for r in declared_rows(small)] == ["fits", "exceeds", "silent"]


def test_with_three_monitored_half_years_all_stories_are_monitored():
    terrain = draw_terrain(SimOptions(seed=3, size_px=128, monitored_years=1.5))
    rows = declared_rows(terrain)
    assert [row["period"].label for row in rows] == ["2024H1", "2024H2", "2025H1"]
    assert rows[0]["period"].start_day == terrain.frame.monitor_day


def test_ground_dug_by_stratum_sums_to_what_is_born(small):
    for period in half_years(small.frame):
        by_stratum = sum(part["new_ha"] for part in dug_areas(small, period).values())
        born = sum(
            ((d.born_day >= period.start_day) & (d.born_day < period.end_day)).sum() * CELL_HA for d in small.diggings
        )
        assert 0.9 * born <= by_stratum + 1e-3
        assert by_stratum <= born + 1e-3


def test_true_carats_follow_from_the_true_factors(world):
    truth = json.loads((world.truth / "world.json").read_text())
    for row in truth["half_years"]:
        carats = sum(row["strata"][name]["new_ha"] * truth["factors"][name]["ct_per_ha"] for name in (FLAT, DYKE))
        assert row["true_ct"] == pytest.approx(carats, rel=0.01, abs=0.5)
    low, high = 0.3, 1.9
    assert low < truth["factors"][FLAT]["grade_ct_per_m3"] < high


def test_monthly_truth_is_the_mined_share(world, small):
    months = sorted(world.truth.glob("mined_frac_*.tif"))
    assert [m.stem[-7:] for m in months[:2]] == ["2022-01", "2022-02"]
    assert len(months) == 18
    with rasterio.open(months[-1]) as source:
        percent = source.read(1)
        assert source.transform.c == small.frame.grid.left_m
        assert source.transform.f == small.frame.grid.top_m
    expected = small.mined_frac(small.frame.end_day - 1)[small.frame.inner]
    assert percent.shape == small.frame.grid.shape
    assert np.abs(percent / 100.0 - expected).max() <= 0.0051
    assert percent.max() <= 100


def test_sites_are_told_with_their_lives(world, small):
    sites = json.loads((world.truth / "sites.geojson").read_text())["features"]
    assert len(sites) == len(small.diggings)
    for feature, digging in zip(sites, small.diggings, strict=True):
        row, outline = feature["properties"], shape(feature["geometry"])
        assert outline.is_valid
        assert row["max_area_ha"] == pytest.approx((digging.born_day < 1e8).sum() * CELL_HA, abs=1e-3)
        assert row["max_area_ha"] <= area_ha(outline) * 1.01
        assert row["opened"] == row["phases"][0]["start"]
        assert row["existed_before"] == (row["opened"] < "2023-01-01")
        assert (row["closed"] is None) == (row["phases"][-1]["state"] != "abandoned")
        assert row["in_stratum"] in {FLAT, DYKE, None}
        assert {phase["state"] for phase in row["phases"]} <= {"active", "paused", "abandoned"}


def test_nuisances_are_told(world):
    features = json.loads((world.truth / "nuisances.geojson").read_text())["features"]
    kinds = {feature["properties"]["kind"] for feature in features}
    assert {"burn", "village", "road"} <= kinds <= {"burn", "field", "orchard", "village", "road", "flood", "sandbar"}
    for feature in features:
        row = feature["properties"]
        assert dt.date.fromisoformat(row["start"]) < dt.date.fromisoformat(row["end"])
        assert shape(feature["geometry"]).area > 0


def test_a_full_folder_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInputError, match="not empty"):
        write_world(tmp_path, TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(BadInputError):
        write_world(tmp_path / "mine", TINY)


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_broken_write_leaves_nothing(tmp_path, monkeypatch, failure):
    def fail(*_args):
        raise failure

    monkeypatch.setattr(world_module, "list_acquisitions", lambda *_: [])
    monkeypatch.setattr(world_module, "_write_truth", fail)
    with pytest.raises((KeyboardInterrupt, BadInputError)):
        write_world(tmp_path / "w", TINY)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_write_left_is_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(world_module, "_write_parts", lambda *_: None)
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    left = tmp_path / f".w.{gone.stdout.strip()}.partial"
    left.mkdir()
    (left / "half.tif").write_bytes(b"half")
    running = tmp_path / ".w.1.partial"
    running.mkdir()
    write_world(tmp_path / "w", TINY)
    assert not left.exists()
    assert running.exists()
