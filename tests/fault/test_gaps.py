"""What cannot be read is a gap, never silence: other scenes go on, and the next run tries again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.model.errors import UpstreamError
from kpgeo.model.run import RunVerdict
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace

Fingerprint = Callable[[Path, Path], tuple[str, str]]


@pytest.fixture
def broken(small_world: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Return a copy of the small world in which one file of a scene of March 2023 is cut short, and that file."""
    world = Path(shutil.copytree(small_world, tmp_path / "world"))
    scene = next(path for path in sorted(world.glob("sentinel-2-l2a/*_202303*")) if list(path.glob("*.tif")))
    file = next(path for path in sorted(scene.glob("*.tif")) if "B04" in path.name or "red" in path.name)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return world, file


@pytest.mark.fault(12)
def test_an_unreadable_scene_is_a_gap_and_is_tried_again(
    small_world: Path,
    fitted: Path,
    watched: Path,
    broken: tuple[Path, Path],
    tmp_path: Path,
    fingerprint_of: Fingerprint,
) -> None:
    world, file = broken
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    pipeline = Pipeline.read(world / "pipeline.toml")
    report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    (result,) = report.results
    assert result.verdict is RunVerdict.PARTIAL
    assert report.exit_code == 3
    assert [gap.reason.partition(":")[0] for gap in result.gaps] == ["unreadable"]
    assert result.gaps[0].aoi_id == result.aoi_id
    assert result.gaps[0].tile == "r0c0"
    tables = Workspace(workspace).tables()
    assert len(tables.gaps(result.aoi_id)) == 1
    tables.close()

    shutil.copy(small_world / file.relative_to(world), file)
    report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    assert report.results[0].scenes_new == 1
    assert report.exit_code == 0
    # The tables name the files of the copy, so what was decided is compared, not the whole of them.
    assert fingerprint_of(small_world, workspace)[1] == fingerprint_of(small_world, watched)[1]
    assert _decided(workspace, pipeline) == _decided(watched, pipeline)


def _decided(workspace: Path, pipeline: Pipeline) -> tuple[object, ...]:
    (watch,) = flows.open_watches(pipeline)
    key = (watch.aoi.id, watch.lineage)
    tables = Workspace(workspace).tables()
    try:
        return tables.sites(*key), tables.site_events(*key), tables.alerts(*key), tables.coverage(*key)
    finally:
        tables.close()


@pytest.mark.fault(24)
def test_an_aoi_that_fails_says_so_and_nothing_is_committed(
    small_world: Path, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    pipeline = Pipeline.read(small_world / "pipeline.toml")

    def no_answer(*args: object, **named: object) -> None:
        raise UpstreamError("No catalogue answered.", where="catalog")

    monkeypatch.setattr("kpgeo.flows.watching.scenes.catalog.find_scenes", no_answer)
    report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    assert [result.verdict for result in report.results] == [RunVerdict.FAILED]
    assert report.exit_code == 4
    assert report.rows()[0][1] == "failed"
    assert "No catalogue answered" in report.gap_sentences()[0]


@pytest.mark.fault(6)
def test_where_every_tile_is_lost_nothing_is_committed(
    small_world: Path, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    pipeline = Pipeline.read(small_world / "pipeline.toml")

    def burst(task: object) -> None:
        raise MemoryError("too big")

    with monkeypatch.context() as patch:
        patch.setattr("kpgeo.flows.watching.observing.observe_tile", burst)
        with pytest.raises(MemoryError):
            flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    (watch,) = flows.open_watches(pipeline)
    head = Workspace(workspace).state(watch.aoi.id, watch.lineage, watch.grid).head()
    assert head.last_dekad == watch.first_dekad - 1
    assert not head.applied
