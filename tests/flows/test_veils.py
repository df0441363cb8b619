"""What the season finds over the ground is blanked where looks are folded in, and nowhere else."""

from pathlib import Path

import numpy as np
import pytest

from kpgeo import flows
from kpgeo.flows.watching.tiles import TileReader
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace


def _seen(watch: flows.Watch, scenes: list, baseline: object) -> dict[str, np.ndarray]:
    """Return by scene where a tile is clearly seen."""
    (tile,) = watch.tiles
    seen = {}
    for dekad in sorted({scene.dekad for scene in scenes}):
        looks = TileReader(watch, tile).looks([scene for scene in scenes if scene.dekad == dekad], baseline)
        seen |= {look.scene_id: np.isfinite(look.pixels).all(axis=0) for look in looks}
    return seen


@pytest.mark.fault(25)
def test_looks_are_held_against_the_season_where_they_are_folded_in(small_world: Path, fitted: Path) -> None:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    off = pipeline.model_copy(update={"features": pipeline.features.model_copy(update={"history_test": False})})
    (watch,), (without,) = flows.open_watches(pipeline), flows.open_watches(off)
    (tile,) = watch.tiles
    baseline = Workspace(fitted).state(watch.aoi.id, watch.lineage, watch.grid).read_baseline(tile)
    found = flows.plan(pipeline, workspace=fitted).aois[0].scenes
    scenes = [scene for scene in found if not scene.sensor.is_radar and scene.dekad >= watch.first_dekad]
    with_test, untested = _seen(watch, scenes, baseline), _seen(without, scenes, baseline)
    assert with_test.keys() == untested.keys()
    assert not any((with_test[scene] & ~untested[scene]).any() for scene in untested)
    taken = {scene: int((untested[scene] & ~with_test[scene]).sum()) for scene in untested}
    assert sum(taken.values()) > 500
    assert sum(taken.values()) < 0.2 * sum(int(seen.sum()) for seen in untested.values())
    assert watch.lineage != without.lineage
