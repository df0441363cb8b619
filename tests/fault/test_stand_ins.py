"""A granule that cannot be read is read from the next catalogue that has it, and the table of scenes says so."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kpgeo.model.run import RunVerdict
from kpgeo.options.pipeline import CatalogSource, Pipeline
from kpgeo.store import Workspace
from tests.replay.arriving import copied, run

Fingerprint = Callable[[Path, Path], tuple[str, str]]


@pytest.mark.fault(12)
@pytest.mark.fault(24)
def test_a_truncated_granule_is_read_from_the_second_catalogue(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    world = Path(shutil.copytree(small_world, tmp_path / "world"))
    shutil.copytree(small_world / "sentinel-2-l2a", world / "mirror" / "sentinel-2-l2a")
    scene = next(path for path in sorted(world.glob("sentinel-2-l2a/*_202303*")) if list(path.glob("*.tif")))
    for file in scene.glob("*.tif"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    _write_mirror(small_world, world / "mirror")
    pipeline = Pipeline.read(world / "pipeline.toml")
    mirror = CatalogSource(url="mirror/catalog.json", collections={"sentinel-2": "sentinel-2-l2a"})
    both = pipeline.model_copy(update={"catalog": (*pipeline.catalog, mirror)})
    workspace = copied(fitted, tmp_path)
    report = run(both, workspace)
    (result,) = report.results
    assert (result.verdict, result.gaps) == (RunVerdict.CHANGES, ())
    assert fingerprint_of(small_world, workspace)[1] == fingerprint_of(small_world, watched)[1], "the same pixels"
    tables = Workspace(workspace).tables()
    used = tables.used(result.aoi_id)
    scenes = {one.id: one for one in tables.scenes(result.aoi_id)}
    tables.close()
    ((scene_id, granules),) = used.items()
    assert scenes[scene_id].granules[0].item_id == scene.name
    assert granules == (f"local/{scene.name}-mirror",)


def _write_mirror(world: Path, mirror: Path) -> None:
    """Make the copied collection a catalogue of its own, with ids of its own."""
    root = json.loads((world / "catalog.json").read_text())
    root["links"] = [link for link in root["links"] if link["rel"] != "child" or "sentinel-2" in link["href"]]
    (mirror / "catalog.json").write_text(json.dumps(root))
    for path in mirror.glob("sentinel-2-l2a/*/*.json"):
        item = json.loads(path.read_text())
        path.write_text(json.dumps({**item, "id": f"{item['id']}-mirror"}))
