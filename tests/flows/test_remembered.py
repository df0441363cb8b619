"""A workspace that an older or a newer kpgeo wrote is still read."""

import json
import shutil
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.model.errors import BadInputError
from kpgeo.store import Workspace


def _with(watched: Path, tmp_path: Path, **options: object) -> tuple[Workspace, str]:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    content = json.loads(shutil.copy(watched / "watched.json", workspace / "watched.json").read_bytes())
    ((aoi_id, entry),) = content.items()
    entry["pipeline"]["production"] |= options
    (workspace / "watched.json").write_text(json.dumps(content), encoding="utf-8")
    return Workspace(workspace), aoi_id


def test_options_that_are_no_more_are_passed_over(watched: Path, tmp_path: Path) -> None:
    room, aoi_id = _with(watched, tmp_path, of_another_time=True)
    before, _ = flows.watch_of(Workspace(watched), aoi_id)
    after, _ = flows.watch_of(room, aoi_id)
    assert after.pipeline == before.pipeline
    assert after.lineage == before.lineage


def test_what_cannot_be_read_is_said_in_words(watched: Path, tmp_path: Path) -> None:
    room, aoi_id = _with(watched, tmp_path, of_another_time=True, draws="many")
    with pytest.raises(BadInputError, match=r"production.draws.*Run the pipeline once more"):
        flows.watch_of(room, aoi_id)
