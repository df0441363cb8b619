"""Looks that do not fit in a tile's reading: shifted files, misread offsets, orbits nobody learnt. All are gaps."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from kpgeo import catalog, flows
from kpgeo.flows.watching.orbits import divide, known_orbits, stand_aside
from kpgeo.flows.watching.running import verdict_of
from kpgeo.flows.watching.tiles import TileReader, fold_tile
from kpgeo.model.run import Gap, RunVerdict
from kpgeo.model.scene import Scene, Sensor
from kpgeo.model.state import TileBaseline
from kpgeo.options.misfit import MisfitOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace


@pytest.fixture(scope="module")
def watch(small_world: Path) -> flows.Watch:
    (watch,) = flows.open_watches(Pipeline.read(small_world / "pipeline.toml"))
    return watch


@pytest.fixture(scope="module")
def scenes(watch: flows.Watch) -> Sequence[Scene]:
    pipeline = watch.pipeline
    begin = pipeline.history.end
    return catalog.find_scenes(
        watch.aoi, pipeline.catalog, begin, begin.replace(year=begin.year + 1), folder=Path(pipeline.folder)
    ).scenes


@pytest.fixture(scope="module")
def baseline(watch: flows.Watch, fitted: Path) -> TileBaseline:
    state = Workspace(fitted).state(watch.aoi.id, watch.lineage, watch.grid)
    return state.read_baseline(watch.tiles[0], watch.first_dekad)


def clear_scene(watch: flows.Watch, scenes: Sequence[Scene], baseline: TileBaseline, sensor: Sensor) -> Scene:
    """Return the clearest scene of a sensor, which fits."""
    seen = {}
    for scene in scenes:
        if scene.sensor is sensor:
            for look in TileReader(watch, watch.tiles[0]).looks([scene], baseline):
                seen[scene] = np.isfinite(look.pixels[0]).mean()
    return max(seen, key=lambda scene: seen[scene])


def altered(scene: Scene, folder: Path, *, right_px: float = 0.0, added: int = 0) -> Scene:
    """Return a scene with its files copied: lying elsewhere by some pixels of 10 m, or with something added."""
    granules = []
    for granule in scene.granules:
        item = copy.deepcopy(granule.item)
        for name, asset in item["assets"].items():
            path = folder / f"{name}.tif"
            with rasterio.open(asset["href"]) as source:
                profile, counts = source.profile, source.read()
            profile |= {"driver": "GTiff", "transform": Affine.translation(10.0 * right_px, 0.0) * profile["transform"]}
            is_added = added and name != "look_class"
            with rasterio.open(path, "w", **profile) as target:
                target.write(np.where(counts == 0, 0, counts + added).astype(counts.dtype) if is_added else counts)
            asset["href"] = str(path)
        granules.append(replace(granule, item=item))
    return replace(scene, granules=tuple(granules))


@pytest.mark.fault(16)
@pytest.mark.parametrize("sensor", list(Sensor))
def test_a_scene_that_lies_elsewhere_is_not_folded_in(watch, scenes, baseline, sensor, tmp_path):
    scene = clear_scene(watch, scenes, baseline, sensor)
    reader = TileReader(watch, watch.tiles[0])
    assert reader.looks([altered(scene, tmp_path, right_px=5.0)], baseline) == []
    reading = reader.reading()
    (gap,) = reading.gaps
    assert (gap.scene_id, gap.tile, gap.sensor) == (scene.id, watch.tiles[0].name, sensor)
    size_px = float(gap.reason.removeprefix("shifted: ").removesuffix(" px"))
    assert size_px == pytest.approx(5.0, abs=1.2)  # and what it was off by itself
    assert scene.id in reading.read_ids  # it is not tried again and again


@pytest.mark.fault(16)
def test_scenes_as_they_come_are_folded_in(watch, scenes, baseline):
    reader = TileReader(watch, watch.tiles[0])
    looks = reader.looks(scenes, baseline)
    assert len(looks) == len(scenes) > 20
    assert reader.reading().gaps == ()


@pytest.mark.fault(17)
def test_an_offset_that_claims_and_counts_let_pass_is_seen_by_the_season(watch, scenes, baseline, tmp_path):
    scene = clear_scene(watch, scenes, baseline, Sensor.SENTINEL2)
    reader = TileReader(watch, watch.tiles[0])
    assert reader.looks([altered(scene, tmp_path, added=1000)], baseline) == []
    (gap,) = reader.reading().gaps
    assert gap.reason.startswith("offset-contradicted: +0.")


def radar(scenes: Sequence[Scene], count: int, orbit: int, direction: str) -> list[Scene]:
    """Return radar scenes of some orbit, alike but for their days."""
    one = next(scene for scene in scenes if scene.sensor is Sensor.SENTINEL1)
    step = replace(one, relative_orbit=orbit, orbit_state=direction)
    return [replace(step, datetime=one.datetime.replace(day=1 + number, hour=orbit % 24)) for number in range(count)]


@pytest.mark.fault(25)
def test_one_direction_has_a_baseline_and_rare_orbits_have_none(watch, scenes):
    tile = watch.tiles[0]
    learnt = [
        *radar(scenes, 12, 147, "ascending"),
        *radar(scenes, 7, 45, "ascending"),
        *radar(scenes, 2, 118, "ascending"),
        *radar(scenes, 15, 8, "descending"),
    ]
    orbits = known_orbits(watch, tile, learnt)
    assert orbits == {("ascending", 147), ("ascending", 45)}
    assert known_orbits(watch, tile, radar(scenes, 3, 118, "ascending")) == {("ascending", 118)}
    assert known_orbits(watch, tile, []) == frozenset()
    mixed = watch.pipeline.model_copy(update={"misfit": MisfitOptions(orbit_looks=0)})
    assert known_orbits(replace(watch, pipeline=mixed), tile, learnt) is None
    for scene, reason in (
        (learnt[0], ""),
        (learnt[-1], "left-out: radar orbit descending 8"),
        (radar(scenes, 1, 118, "ascending")[0], "orbit-unknown: ascending 118"),
    ):
        assert stand_aside(scene, orbits) == reason
        assert not stand_aside(scene, None)
    used, aside = divide([*learnt, *(scene for scene in scenes if not scene.sensor.is_radar)], orbits)
    assert len(aside) == 17
    assert len(used) == 19 + sum(not scene.sensor.is_radar for scene in scenes)


@pytest.mark.fault(25)
def test_a_new_orbit_changes_no_belief_and_is_a_gap(watch, scenes, fitted):
    """Every radar scene of a dekad comes from an orbit nobody learnt: the state is as if there had been none."""
    tile = watch.tiles[0]
    state = Workspace(fitted).state(watch.aoi.id, watch.lineage, watch.grid)
    season, before = state.read_baseline(tile, watch.first_dekad), state.read_state(tile, watch.first_dekad - 1)
    passes = [scene for scene in scenes if scene.sensor is Sensor.SENTINEL1][:2]
    dekad = passes[0].dekad
    orbits = frozenset({(passes[0].orbit_state, passes[0].relative_orbit)})

    def folded(now: Sequence[Scene]):
        ((_, after, reading),) = fold_tile(watch, tile, season, before, [(dekad, now)], orbits)
        return after, reading

    nothing, _ = folded([])
    known, reading = folded(passes[:1])
    assert reading.gaps == ()
    assert not np.array_equal(known.belief, nothing.belief)
    strange = replace(passes[0], relative_orbit=45)
    after, reading = folded([strange])
    for (_, one), (_, other) in zip(after.items(), nothing.items(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [gap.reason for gap in reading.gaps] == ["orbit-unknown: ascending 45"]
    assert reading.read_ids == {strange.id}


def test_what_is_left_out_by_choice_does_not_make_a_run_partial():
    def gap(reason: str) -> Gap:
        return Gap(aoi_id="a", day=1, sensor=Sensor.SENTINEL1, scene_id="s", reason=reason)

    assert verdict_of([gap("left-out: radar orbit descending 8")], None, has_news=False) is RunVerdict.NO_CHANGE
    assert verdict_of([gap("orbit-unknown: ascending 45")], None, has_news=False) is RunVerdict.PARTIAL
