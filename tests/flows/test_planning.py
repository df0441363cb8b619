"""What a plan says is what the run then does; and the arithmetic of bytes and time, by hand."""

import dataclasses
import datetime as dt
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import shapely
from pyproj import Transformer

from kpgeo import flows, ingest, registry
from kpgeo.catalog import find_scenes
from kpgeo.flows.plans.forecasting import DEFAULT_PX_S, reckon, workers_of
from kpgeo.flows.plans.planned import duplicates_of, stand_ins_of
from kpgeo.flows.plans.traffic import Traffic, as_measured, size_of, traffic_of
from kpgeo.flows.watching.effort import Effort, Workload, efforts_before
from kpgeo.model.errors import BadInputError
from kpgeo.model.grid import Grid
from kpgeo.model.scene import Granule, LookClass, Scene, Sensor
from kpgeo.options.compute import ComputeOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace


@pytest.fixture(scope="module")
def patch():
    with pytest.MonkeyPatch.context() as patched:
        yield patched


@pytest.fixture(scope="module")
def ran(small_world: Path, tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch):
    """Plan and run a world of nine tiles, every third scene of which reaches only its west, and count what is read."""
    grid_of, load_cube = registry.grid_of, ingest.load_cube
    reads: Counter[str] = Counter()

    def search(*args, **named):
        found = find_scenes(*args, **named)
        scenes = tuple(_changed(number, one) for number, one in enumerate(found.scenes))
        return dataclasses.replace(found, scenes=scenes)

    def load(scenes, geobox, *rest):
        cube, gaps = load_cube(scenes, geobox, *rest)
        is_acquired = (cube["look_class"] != LookClass.NOT_ACQUIRED).any(("y", "x")).to_numpy()
        reads.update(str(name) for name in cube["scene_id"].to_numpy()[is_acquired])
        return cube, gaps

    patch.setattr(registry, "grid_of", lambda aoi: dataclasses.replace(grid_of(aoi), tile_px=48))
    patch.setattr("kpgeo.flows.watching.scenes.catalog.find_scenes", search)
    patch.setattr(ingest, "load_cube", load)
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    workspace = tmp_path_factory.mktemp("planned") / "workspace"
    until = dt.date(2023, 2, 1)
    plan = flows.plan(pipeline, workspace=workspace, until=until)
    assert not reads, "a plan reads nothing"
    report = flows.run_pipeline(pipeline, workspace=workspace, until=until, cluster="sync")
    return SimpleNamespace(plan=plan, report=report, reads=reads, workspace=workspace, pipeline=pipeline, until=until)


def _changed(number: int, scene: Scene) -> Scene:
    """Return every third scene as if it reached only the west, and every fourth of radar as if from another orbit."""
    if scene.sensor.is_radar and number % 4 == 0:
        scene = dataclasses.replace(scene, orbit_state="elsewhere", relative_orbit=999)
    return _western(scene) if number % 3 == 0 else scene


def _western(scene: Scene) -> Scene:
    """Return a scene as if it reached only the western half."""
    west, south, east, north = scene.footprint.bounds
    bounds = (west, south, (west + east) / 2.0, north)
    granules = tuple(
        dataclasses.replace(granule, item={**granule.item, "bbox": list(bounds)}) for granule in scene.granules
    )
    return dataclasses.replace(scene, granules=granules, footprint=shapely.box(*bounds))


def test_what_is_planned_is_what_is_run(ran: SimpleNamespace) -> None:
    (one,), (ahead,) = ran.plan.aois, ran.plan.forecasts
    (manifest,) = [json.loads(path.read_text()) for path in ran.workspace.glob("runs/*/manifest.json")]
    (aoi,) = manifest["aois"]
    assert aoi["tiles"] == len(ahead.tiles) == 9
    planned: Counter[str] = Counter()
    for tile in ahead.tiles:
        planned.update(tile.reads)
    assert planned == ran.reads, "each scene is read on as many tiles as planned"
    assert 0 < planned.total() < 9 * len(one.scenes), "some scenes do not reach every tile"
    strange = {scene.id for scene in one.scenes if scene.orbit_state == "elsewhere"}
    assert strange, "some look from another side"
    assert not strange & set(planned)
    done = Effort.of_json(aoi["effort"])
    assert done.work == ahead.workload
    assert done.work.reads == planned.total()
    folded = {scene["id"] for scene in aoi["scenes"]}
    assert folded == {scene.id for _, scenes in one.work.by_dekad for scene in scenes}
    assert min(done.read_s, done.learn_s, done.fold_s, done.decide_s) > 0.0


def test_a_plan_after_a_run_goes_by_its_rates(ran: SimpleNamespace) -> None:
    again = flows.plan(ran.pipeline, workspace=ran.workspace, until=ran.until)
    assert again.forecasts == (None,)
    assert again.sentences()[0].endswith("nothing to do, every scene found is folded in.")
    assert again.as_json()["aois"][0]["reads"] == 0
    later = flows.plan(ran.pipeline, workspace=ran.workspace, until=dt.date(2023, 3, 1))
    (ahead,) = later.forecasts
    assert (ahead.reckoning.runs, ahead.reckoning.assumed) == (1, ())
    (before,) = efforts_before(Workspace(ran.workspace))
    assert ahead.reckoning.worker_s == pytest.approx(
        ahead.workload.read_px * before.read_s / before.work.read_px
        + ahead.workload.fold_px * before.fold_s / before.work.fold_px
        + ahead.workload.decide_px * before.decide_s / before.work.decide_px
    )
    assert any("by 1 earlier run here" in line for line in later.sentences())


def test_a_preview_holds_tiles_and_footprints(ran: SimpleNamespace, tmp_path: Path) -> None:
    (ahead,) = ran.plan.forecasts
    ran.plan.write_preview(tmp_path / "maps" / "plan.geojson")
    features = json.loads((tmp_path / "maps" / "plan.geojson").read_text())["features"]
    tiles = {one["properties"]["tile"]: one for one in features if one["properties"]["kind"] == "tile"}
    assert {name: one["properties"]["reads"] for name, one in tiles.items()} == {
        one.tile.name: sum(one.reads.values()) for one in ahead.tiles
    }
    footprints = [one["properties"] for one in features if one["properties"]["kind"] == "footprint"]
    assert len(footprints) == len(ran.plan.aois[0].found)
    assert {3 * 3, 2 * 3} == {one["tiles"] for one in footprints if one["reads"]}, "the west is two columns of three"
    assert sum(one["reads"] for one in footprints) == ahead.workload.reads
    outlines = [shapely.geometry.shape(one["geometry"]) for one in tiles.values()]
    west, south, east, north = ran.plan.aois[0].watch.aoi.geometry.bounds
    assert shapely.union_all(outlines).bounds == pytest.approx((west, south, east, north), abs=2e-3)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="cannot be written"):
        ran.plan.write_preview(tmp_path / "file" / "plan.geojson")


def test_a_plan_says_what_it_leaves_unread(ran: SimpleNamespace) -> None:
    (aoi,) = ran.plan.as_json()["aois"]
    found = ran.plan.aois[0].found
    assert sum(map(len, aoi["unread"]["duplicates"].values())) == sum(len(scene.dropped) for scene in found) > 0
    assert aoi["unread"]["counts"]["duplicate"] == sum(len(scene.dropped) for scene in found)
    (one,) = ran.plan.aois
    told = dataclasses.replace(one, unread={"cloudy": 12, "refused": 3, "outside": 40})
    (line,) = [line for line in dataclasses.replace(ran.plan, aois=(told,)).sentences() if "left unread" in line]
    count = aoi["unread"]["counts"]["duplicate"]
    assert line == f"sim-0: left unread: {count} duplicates ({count} of another processing); 12 too cloudy; 3 refused."
    assert aoi["bytes"]["basis"] == {"file sizes": 1.0}
    assert 0 < aoi["bytes"]["low"] <= aoi["bytes"]["high"]


# --- by hand -----------------------------------------------------------------------------------------------------

_GRID = Grid(epsg=32629, left_m=800_000.0, top_m=900_000.0, width=512, height=512)


def _granule(name: str = "a", *, bbox: list[float] | None = None, **assets: dict[str, object]) -> Granule:
    return Granule(
        item={"bbox": bbox, "assets": assets},
        item_id=name,
        provider="one.example",
        collection="c",
        tile="29PQK",
        processing_baseline="05.09",
        epsg=32629,
        cloud_frac=0.0,
    )


def _scene(*granules: Granule, sensor: Sensor = Sensor.SENTINEL2, footprint=None, dropped=()) -> Scene:
    return Scene(
        sensor=sensor,
        platform="p",
        datetime=dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        relative_orbit=1,
        orbit_state="",
        granules=granules,
        footprint=footprint or shapely.box(-10, 0, 10, 10),
        dropped=dropped,
    )


def _square(edge_m: float) -> shapely.Polygon:
    """Return a square whose upper left corner is the grid's, in EPSG:4326."""
    shape = shapely.box(_GRID.left_m, _GRID.top_m - edge_m, _GRID.left_m + edge_m, _GRID.top_m)
    to_world = Transformer.from_crs(32629, 4326, always_xy=True).transform
    return shapely.transform(shape, to_world, interleaved=False)


def _traffic(sensor: Sensor, reads: int = 1, **assets: dict[str, object]) -> Traffic:
    scene = _scene(_granule(**assets), sensor=sensor, footprint=_square(10_240.0))
    watch = SimpleNamespace(grid=_GRID, tiles=tuple(_GRID.tiles()))
    return traffic_of(watch, [scene], {scene.id: reads})  # type: ignore[arg-type]


def test_bytes_by_the_size_of_the_file() -> None:
    """One tile of a file four times as large: a quarter of its full resolution, or all of it in whole blocks."""
    found = _traffic(Sensor.SENTINEL2, red={"href": "https://a.example/r.tif", "file:size": 4_000_000})
    assert found.low_bytes == pytest.approx(750_000, rel=1e-3)
    assert found.high_bytes == pytest.approx(4_000_000, rel=1e-3), "never more than the file"
    assert found.decoded_bytes == pytest.approx(512 * 512 * 2, rel=1e-3)
    assert found.basis == {"file sizes": 1.0}


@pytest.mark.parametrize(
    ("sensor", "band", "pixels", "per_px", "stored"),
    [
        (Sensor.SENTINEL2, "red", 512 * 512, 1.9, 2),
        (Sensor.SENTINEL2, "swir16", 256 * 256, 1.9, 2),
        (Sensor.SENTINEL2, "look_class", 256 * 256, 0.15, 1),
        (Sensor.LANDSAT, "red", 512 * 512 / 9, 1.9, 2),
        (Sensor.SENTINEL1, "vv", 512 * 512, 5.1, 4),
    ],
)
def test_bytes_as_assumed_each_band_at_its_own_resolution(
    sensor: Sensor, band: str, pixels: float, per_px: float, stored: int
) -> None:
    found = _traffic(sensor, 1, **{band: {"href": "https://a.example/x.tif"}})
    assert found.low_bytes == pytest.approx(pixels * per_px * 0.75, rel=1e-3)
    assert found.decoded_bytes == pytest.approx(pixels * stored, rel=1e-3)
    assert found.basis == {"assumed": 1.0}
    twice = _traffic(sensor, 2, **{band: {"href": "https://a.example/x.tif"}})
    assert twice.low_bytes == pytest.approx(2 * found.low_bytes, abs=2)


def test_what_an_item_says_of_its_pixels_and_files_counts(tmp_path: Path) -> None:
    coarse = _traffic(Sensor.SENTINEL2, nir={"href": "https://a.example/8A.tif", "proj:transform": [20.0, 0, 0]})
    assert coarse.decoded_bytes == pytest.approx(256 * 256 * 2, rel=1e-3)
    file = tmp_path / "r.tif"
    file.write_bytes(b"x" * 1234)
    assert size_of({"href": str(file)}) == 1234
    assert size_of({"href": str(tmp_path / "missing.tif")}) is None
    assert size_of({"href": str(file), "file:size": 99}) == 99
    assert size_of({"href": "https://a.example/r.tif", "file:size": "big"}) is None
    mixed = _traffic(Sensor.SENTINEL1, vv={"href": str(file)}, vh={"href": "https://a.example/vh.tif"})
    assert mixed.basis.keys() == {"file sizes", "assumed"}
    assert sum(mixed.basis.values()) == pytest.approx(1.0)


def test_a_scene_beside_the_tiles_brings_nothing() -> None:
    scene = _scene(_granule(red={"href": "https://a.example/r.tif"}), footprint=shapely.box(20, 20, 21, 21))
    watch = SimpleNamespace(grid=_GRID, tiles=tuple(_GRID.tiles()))
    assert traffic_of(watch, [scene], {scene.id: 1}) == Traffic()  # type: ignore[arg-type]
    assert traffic_of(watch, [scene], {}) == Traffic()  # type: ignore[arg-type]


def test_bytes_as_earlier_runs_counted_them() -> None:
    before = [Effort(work=Workload(read_px=10), read_bytes=100, counted_px=50), Effort(read_bytes=20, counted_px=10)]
    found = as_measured(Traffic(low_bytes=1, high_bytes=2, decoded_bytes=3), 1000, before)
    assert (found.low_bytes, found.high_bytes, found.decoded_bytes) == (1500, 2500, 3)
    assert found.basis == {"earlier runs": 1.0}
    nothing = Traffic(low_bytes=1)
    assert as_measured(nothing, 1000, [Effort(work=Workload(read_px=10))]) is nothing


_WORK = Workload(reads=4, read_px=40_000_000, learn_px=8_000_000, fold_px=2_000_000, decide_px=1_000_000)
_SHOWN = Effort(work=_WORK, read_s=4.0, learn_s=8.0, fold_s=1.0, decide_s=0.5)


def test_time_by_the_rates_of_an_earlier_run() -> None:
    once = reckon(_WORK, [_SHOWN], tiles=1, workers=1)
    assert once.worker_s == pytest.approx(13.5)
    assert (once.low_s, once.high_s) == (pytest.approx(13.5 * 0.8), pytest.approx(13.5 * 1.25))
    assert (once.runs, once.assumed, once.workers) == (1, (), 1)
    shared = reckon(_WORK.times(5), [_SHOWN], tiles=5, workers=2)
    assert shared.worker_s == pytest.approx(5 * 13.5)
    assert shared.low_s == pytest.approx((5 * 13.0 * 3 / 5 + 5 * 0.5) * 0.8), "five tiles in three rounds, one decides"
    assert reckon(_WORK, [_SHOWN], tiles=1, workers=8).workers == 1


def test_time_spans_what_several_runs_have_shown() -> None:
    slow = dataclasses.replace(_SHOWN, read_s=8.0)
    both = reckon(_WORK, [_SHOWN, slow], tiles=1, workers=1)
    assert both.low_s == pytest.approx(13.5 * 0.8)
    assert both.high_s == pytest.approx(17.5 * 1.25)
    assert both.worker_s == pytest.approx(9.5 + 6.0), "usual is all pixels by all seconds"
    short = Effort(work=Workload(reads=1, read_px=10), read_s=9.0)
    assert reckon(_WORK, [_SHOWN, short], tiles=1, workers=1) == reckon(_WORK, [_SHOWN], tiles=1, workers=1)


def test_time_without_any_run_is_said_to_be_assumed() -> None:
    first = reckon(_WORK, [], tiles=1, workers=1)
    usual = sum(getattr(_WORK, f"{step}_px") / rate for step, rate in DEFAULT_PX_S.items())
    assert first.worker_s == pytest.approx(usual)
    assert (first.low_s, first.high_s) == (pytest.approx(usual * 0.5), pytest.approx(usual * 2.5))
    assert (first.runs, first.assumed) == (0, ("read", "learn", "fold", "decide"))
    daily = dataclasses.replace(_SHOWN, work=dataclasses.replace(_WORK, learn_px=0), learn_s=0.0)
    assert reckon(_WORK, [daily], tiles=1, workers=1).assumed == ("learn",)
    assert reckon(Workload(fold_px=5), [], tiles=1, workers=1).assumed == ("fold",)


def test_a_network_counts_until_a_run_has_shown_how_fast_it_is() -> None:
    traffic = Traffic(low_bytes=100_000_000, high_bytes=400_000_000)
    local, remote = (reckon(_WORK, [], tiles=1, workers=1, traffic=one) for one in (None, traffic))
    assert remote.low_s == pytest.approx(local.low_s + 2.0)
    assert remote.high_s == pytest.approx(local.high_s + 200.0)
    assert reckon(_WORK, [_SHOWN], tiles=1, workers=1, traffic=traffic) == reckon(_WORK, [_SHOWN], tiles=1, workers=1)


def test_workers_as_the_pipeline_says() -> None:
    assert workers_of(ComputeOptions(cluster="sync", workers=8)) == 1
    assert workers_of(ComputeOptions(cluster="threads", workers=3)) == 3
    assert workers_of(ComputeOptions(cluster="tcp://127.0.0.1:8786")) == 1
    assert workers_of(ComputeOptions(cluster="tcp://127.0.0.1:8786", workers=40)) == 40


def test_duplicates_by_reason() -> None:
    elsewhere = dataclasses.replace(_granule("b"), provider="two.example")
    collection = dataclasses.replace(_granule("c"), collection="d")
    older = dataclasses.replace(_granule("d"), processing_baseline="02.12")
    twin = _granule("e")
    granule = dataclasses.replace(_granule("a"), alternatives=(elsewhere, collection, older, twin))
    scene = _scene(granule, _granule("z"), dropped=("b", "c", "d", "e", "f"))
    assert duplicates_of([scene]) == {
        "another catalogue": ["b", "c"],
        "another processing": ["d"],
        "repeated": ["e", "f"],
    }
    assert stand_ins_of([scene]) == 1


def test_efforts_of_broken_manifests_are_passed_by(tmp_path: Path) -> None:
    room = Workspace(tmp_path / "workspace")
    texts = ["{", "[]", '{"aois": [{}]}', '{"aois": [{"effort": {"work": {"colour": 3}}}]}']
    texts.append(json.dumps({"aois": [{"effort": _SHOWN.as_json()}, {"effort": _SHOWN.as_json()}]}))
    for number, text in enumerate(texts):
        (room.run_folder(f"run-{number}") / "manifest.json").write_text(text)
    assert efforts_before(room) == [_SHOWN + _SHOWN]
