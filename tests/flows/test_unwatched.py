"""A pipeline over an AOI that is watched in part: what is left out has no belief, no site, and a name."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from kpgeo import flows, registry
from kpgeo.flows import ExportKind
from kpgeo.flows.watching.coverage import measure_coverage
from kpgeo.flows.watching.priors import opening_boost_of
from kpgeo.flows.watching.tiles import TileReader
from kpgeo.model.aoi import LeftOut
from kpgeo.model.decision import OutboxItem
from kpgeo.model.errors import BadInputError
from kpgeo.model.state import DekadFields
from kpgeo.options.deliver import DeliverOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.prior import PriorOptions
from kpgeo.store import Workspace

TOLD = {"source": "made up for a test", "confidence": "low"}


@pytest.fixture
def world(small_world: Path, tmp_path: Path) -> Path:
    """Return the small world's papers, to be changed, over its own catalogue."""
    shutil.copy(small_world / "aoi.geojson", tmp_path)
    shutil.copy(small_world / "declared.csv", tmp_path)
    text = (small_world / "pipeline.toml").read_text()
    (tmp_path / "pipeline.toml").write_text(text.replace('"catalog.json"', f'"{small_world / "catalog.json"}"'))
    return tmp_path


def _watch(world: Path, *features: dict, **boundary: object) -> flows.Watch:
    """Return the watch of a world whose AOI file was added to."""
    path = world / "aoi.geojson"
    content = json.loads(path.read_text())
    content["features"] += features
    content["features"][0]["properties"] |= boundary
    path.write_text(json.dumps(content))
    (watch,) = flows.open_watches(Pipeline.read(world / "pipeline.toml"))
    return watch


def _eastern_half(world: Path) -> dict:
    """Return a feature of ground at risk: the eastern half of the AOI."""
    west, south, east, north = registry.read_aoi(world / "aoi.geojson").geometry.bounds
    middle = (west + east) / 2
    ring = [[middle, south], [east, south], [east, north], [middle, north], [middle, south]]
    return {
        "type": "Feature",
        "properties": {"role": "risk-area", "source": TOLD},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def _river(world: Path) -> dict:
    west, south, _, north = registry.read_aoi(world / "aoi.geojson").geometry.bounds
    return {
        "type": "Feature",
        "properties": {"role": "drainage", "source": TOLD},
        "geometry": {"type": "LineString", "coordinates": [[west, south], [west, north]]},
    }


def _fields(watch: flows.Watch, looks: np.ndarray) -> DekadFields:
    zeros = np.zeros(watch.grid.shape, np.float32)
    days = np.zeros(watch.grid.shape, np.uint16)
    return DekadFields(
        dekad=watch.first_dekad,
        mined_prob=zeros,
        pond_prob=zeros,
        regrowth_prob=zeros,
        cleared_prob=zeros,
        mined_frac=zeros,
        onset_day=days,
        last_optical_day=days,
        last_radar_day=days,
        looks=looks.astype(np.uint8),
    )


def test_an_aoi_without_ground_at_risk_is_watched_whole(world: Path) -> None:
    watch = _watch(world)
    np.testing.assert_array_equal(watch.watched, watch.inside)
    assert watch.left_out is None
    assert watch.tiles == tuple(watch.grid.tiles())


def test_half_an_aoi_is_left_out_and_named(world: Path) -> None:
    watch = _watch(world, _eastern_half(world))
    assert isinstance(watch.left_out, LeftOut)
    assert watch.left_out.share_frac == pytest.approx(0.5, abs=0.02)
    assert watch.left_out.area_ha == pytest.approx(watch.left_out.share_frac * watch.inside.sum() * 0.01, rel=1e-2)
    assert "ground at risk as drawn" in watch.left_out.why
    np.testing.assert_array_equal(watch.place.inside, watch.watched)
    found = flows.plan(Pipeline.read(world / "pipeline.toml"), workspace=world / "workspace")
    assert any("not watched, by choice" in sentence for sentence in found.sentences())
    assert found.as_json()["aois"][0]["left_out"]["share_frac"] == watch.left_out.share_frac


def test_pixels_left_out_are_not_looked_at(world: Path) -> None:
    watch = _watch(world, _eastern_half(world))
    (tile,) = watch.tiles
    scenes = flows.plan(watch.pipeline, workspace=world / "workspace").aois[0].scenes[:12]
    looks = TileReader(watch, tile).looks(scenes)
    seen = np.any([np.isfinite(look.pixels).any(axis=0) for look in looks], axis=0)
    assert seen[watch.watched_of(tile)].any()
    assert not seen[~watch.watched_of(tile)].any()


def test_tiles_left_out_whole_are_not_read(world: Path) -> None:
    watch = _watch(world, _eastern_half(world))
    half = watch.grid.width // 2
    cut = flows.Watch(
        aoi=watch.aoi,
        pipeline=watch.pipeline,
        grid=type(watch.grid)(
            epsg=watch.grid.epsg,
            left_m=watch.grid.left_m,
            top_m=watch.grid.top_m,
            width=watch.grid.width,
            height=watch.grid.height,
            tile_px=half - 2,
        ),
        lineage=watch.lineage,
    )
    assert {tile.col for tile in cut.grid.tiles()} == {0, 1, 2}
    assert {tile.col for tile in cut.tiles} == {1, 2}


def test_ground_at_risk_that_holds_no_pixel_is_refused(world: Path) -> None:
    west, south, east, north = registry.read_aoi(world / "aoi.geojson").geometry.bounds
    area = _eastern_half(world)
    beyond = [[east + 0.01, south], [east + 0.02, south], [east + 0.02, north], [east + 0.01, north]]
    area["geometry"]["coordinates"] = [[*beyond, beyond[0]]]
    assert west < east
    with pytest.raises(BadInputError, match="No pixel"):
        _ = _watch(world, area).tiles


def test_coverage_is_that_of_watched_ground_but_of_strata_whole(world: Path) -> None:
    watch = _watch(world, _eastern_half(world))
    rows = {row.stratum_id: row for row in measure_coverage(watch, _fields(watch, watch.watched), 3)}
    assert rows["*"].look_frac == rows[""].look_frac == 1.0
    for number, stratum in enumerate(watch.aoi.strata, start=1):
        where = watch.inside & (watch.stratum_index == number)
        assert rows[stratum.id].look_frac == pytest.approx((where & watch.watched).sum() / where.sum())


def test_without_layers_the_prior_is_that_of_strata(world: Path) -> None:
    watch = _watch(world)
    (tile,) = watch.tiles
    boost = opening_boost_of(watch, tile, PriorOptions())
    in_stratum = watch.stratum_index_of(tile) > 0
    assert boost.dtype == np.float32
    assert set(np.unique(boost[in_stratum])) == {watch.pipeline.detect.stratum_boost}
    assert set(np.unique(boost[~in_stratum])) == {1.0}


def test_drainage_raises_the_rate_outside_strata_and_fades(world: Path) -> None:
    watch = _watch(world, _river(world))
    (tile,) = watch.tiles
    options = PriorOptions(drainage_boost=9.0, drainage_m=200.0)
    boost = opening_boost_of(watch, tile, options)
    in_stratum = watch.stratum_index_of(tile) > 0
    far_m = registry.rasterize_drainage_distance(watch.aoi, watch.grid, tile)
    for distance_m, factor in ((0.0, 9.0), (200.0, 3.0), (400.0, 3.0**0.5), (1200.0, 1.0)):
        here = boost[~in_stratum & (far_m == distance_m)]
        assert len(here)
        np.testing.assert_allclose(here, factor, rtol=1e-5)
    assert set(np.unique(boost[in_stratum])) == {watch.pipeline.detect.stratum_boost}


def test_known_workings_multiply_up_to_a_bound(world: Path) -> None:
    west, south, east, north = registry.read_aoi(world / "aoi.geojson").geometry.bounds
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    pits = {
        "type": "Feature",
        "properties": {"role": "workings", "source": TOLD},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    watch = _watch(world, pits)
    (tile,) = watch.tiles
    in_stratum = watch.stratum_index_of(tile) > 0
    inner = np.zeros_like(in_stratum)
    inner[2:-2, 2:-2] = True
    most = 2.5 * watch.pipeline.detect.stratum_boost
    boost = opening_boost_of(watch, tile, PriorOptions(workings_boost=4.0, most=most))
    assert set(np.unique(boost[inner & ~in_stratum])) == {4.0}
    assert set(np.unique(boost[inner & in_stratum])) == {most}
    low = opening_boost_of(watch, tile, PriorOptions(workings_boost=4.0, most=2.0))
    assert set(np.unique(low[inner & in_stratum])) == {watch.pipeline.detect.stratum_boost}, "no bound lowers a stratum"


def test_the_digest_says_once_what_nobody_watches_as_the_newest_item_has_it(tmp_path: Path) -> None:
    room = Workspace(tmp_path / "workspace")
    items = [_item(0, None, aoi_id="whole"), _item(1, 0.3), _item(2, 0.25), _item(3, 0.25)]

    class Waiting:
        def pending_outbox(self) -> list[OutboxItem]:
            return items

        def mark_sent(self, item_id: str) -> None:
            """Note nothing."""

    flows.deliver(room, Waiting(), DeliverOptions())  # type: ignore[arg-type]
    digest = (room.products / "outbox" / "digest.md").read_text()
    assert digest.count("part: 100 ha (25% of the area) are not watched, by choice: far from water.") == 1
    assert digest.count("by choice") == 1


def _item(step: int, share_frac: float | None, aoi_id: str = "part") -> OutboxItem:
    payload = {
        "dekad": f"2023-01-D{step}", "site": "site-1", "area_ha": 1.0, "area_low_ha": 0.5, "area_high_ha": 2.0,
        "gaps": [], "confidence": 0.9, "first_seen": "2023-01-01", "hits": 2, "looked_dekads": 3,
        "question": "which-sites",
    }  # fmt: skip
    if share_frac is not None:
        payload["left_out"] = {"area_ha": 100.0, "share_frac": share_frac, "why": "far from water"}
    return OutboxItem(id=f"outbox-{step}", aoi_id=aoi_id, kind="alert-confirmed", payload=payload, created_dekad=step)


@pytest.mark.long
def test_a_run_finds_nothing_where_nothing_is_watched(world: Path) -> None:
    watch = _watch(world, _eastern_half(world))
    workspace = world / "workspace"
    report = flows.run_pipeline(watch.pipeline, workspace=workspace, cluster="sync")
    assert any("not watched, by choice" in line for line in report.sentences())
    room = Workspace(workspace)
    tables = room.tables()
    bench = flows.Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
    fields = bench.fields(bench.head.last_dekad)
    assert not fields.looks[~watch.watched].any()
    assert fields.looks[watch.watched].any()
    for site in tables.sites(watch.aoi.id, watch.lineage):
        assert watch.watched[watch.place.pixels_of(site.geometry).index].all()
    assert set(flows.left_out_of(room)) == {watch.aoi.id}
    rows = flows.rows_of(ExportKind.SITES, watch.aoi.id, room, tables)
    assert all(row.left_out == watch.left_out for row in rows)
    flows.export_rows("sites", rows, "geojson", world / "sites.geojson")
    assert "not watched, by choice" in json.loads((world / "sites.geojson").read_text()).get("left_out", "") or not rows
    tables.close()
