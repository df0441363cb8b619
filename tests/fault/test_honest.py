"""Silence is never "no change": a run that looked at nothing says so, and says so again."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from kpgeo import features, flows
from kpgeo.model.run import RunVerdict
from kpgeo.options.pipeline import Pipeline


@pytest.fixture
def pipeline(small_world: Path) -> Pipeline:
    return Pipeline.read(small_world / "pipeline.toml")


def _verdicts(pipeline: Pipeline, workspace: Path, **days: Any) -> list[tuple[RunVerdict, int]]:
    report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync", **days)
    return [(result.verdict, report.exit_code) for result in report.results]


@pytest.mark.fault(14)
def test_where_nothing_was_clear_nobody_looked(
    pipeline: Pipeline, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenes are there and can be read, but no pixel of them is clear."""
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    clear_looks = features.clear_looks

    def nothing(*given: Any, **named: Any) -> xr.Dataset:
        looks = clear_looks(*given, **named)
        return looks.assign(
            {
                name: band.where(False)
                for name, band in looks.data_vars.items()
                if np.issubdtype(band.dtype, np.floating)
            }
        )

    monkeypatch.setattr(features, "clear_looks", nothing)
    assert _verdicts(pipeline, workspace) == [(RunVerdict.NOT_LOOKED, 0)]
    assert _verdicts(pipeline, workspace) == [(RunVerdict.NOT_LOOKED, 0)], "nothing new makes it no better"


@pytest.mark.fault(24)
def test_a_catalogue_without_a_scene_is_not_all_quiet(small_world: Path, fitted: Path, tmp_path: Path) -> None:
    """Half a year of which the catalogue names no scene at all."""
    world = Path(shutil.copytree(small_world, tmp_path / "world"))
    for collection in world.glob("*/collection.json"):
        lines = collection.read_text(encoding="utf-8")
        collection.write_text(lines.replace('"rel": "item"', '"rel": "elsewhere"'), encoding="utf-8")
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    pipeline = Pipeline.read(world / "pipeline.toml")
    (first,) = _verdicts(pipeline, workspace)
    assert first[0] in {RunVerdict.NOT_LOOKED, RunVerdict.PARTIAL}
    import datetime as dt  # noqa: PLC0415

    (second,) = _verdicts(pipeline, workspace, until=dt.date(2023, 7, 1))
    assert second[0] in {RunVerdict.NOT_LOOKED, RunVerdict.PARTIAL}


def test_a_baseline_alone_is_no_look(pipeline: Pipeline, fitted: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    assert _verdicts(pipeline, workspace, until=pipeline.history.end) == [(RunVerdict.NOT_LOOKED, 0)]
