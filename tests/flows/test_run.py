"""One run from end to end: what it leaves behind, and that each step says what it did."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from kpgeo import flows
from kpgeo.flows.watching.coverage import measure_coverage
from kpgeo.flows.watching.running import verdict_of
from kpgeo.model.calendar import dekad_start
from kpgeo.model.decision import Commit, DekadDecision
from kpgeo.model.errors import BadInputError
from kpgeo.model.run import Coverage, Gap, RunVerdict
from kpgeo.model.state import NO_DAY, DekadFields
from kpgeo.options.deliver import DeliverOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace


def test_a_run_leaves_a_manifest_and_a_log(watched: Path) -> None:
    manifests = [json.loads(path.read_text()) for path in sorted(watched.glob("runs/*/manifest.json"))]
    assert len(manifests) == 2, "one run learnt the baseline, one watched"
    (aoi,) = manifests[-1]["aois"]
    assert aoi["verdict"] == "changes"
    assert len(aoi["scenes"]) == aoi["scenes_new"] > 10
    assert all(scene["items"] for scene in aoi["scenes"])
    assert set(aoi["seconds"]) == {"plan", "observe", "decide", "compare"}
    assert {"ingest", "features", "detect", "sites", "alerts"} <= set(manifests[-1]["options"])
    log = [json.loads(line) for path in watched.glob("runs/*/log.jsonl") for line in path.read_text().splitlines()]
    assert {line["step"] for line in log} == {"plan", "observe", "decide", "compare"}
    assert all(line["outcome"] == "done" and line["seconds"] >= 0 for line in log)


def test_what_was_delivered_is_what_waited(watched: Path) -> None:
    folder = watched / "products" / "outbox"
    items = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    assert items
    digest = (folder / "digest.md").read_text()
    assert digest.count("\n- **") == len(items)
    tables = Workspace(watched).tables()
    assert not tables.pending_outbox()
    tables.close()


@pytest.mark.fault(3)
def test_delivery_killed_before_it_was_noted_sends_the_same_thing(watched: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    room = Workspace(workspace)
    tables = room.tables()
    before = {path.name: path.read_bytes() for path in (workspace / "products" / "outbox").iterdir()}

    class Forgetful:
        def pending_outbox(self) -> list[object]:
            return list(self.items)

        def mark_sent(self, item_id: str) -> None:
            self.marked.append(item_id)

        def __init__(self) -> None:
            from kpgeo.model.decision import OutboxItem  # noqa: PLC0415

            self.marked: list[str] = []
            self.items = [
                OutboxItem(id=one["id"], aoi_id=one["aoi"], kind=one["kind"], payload=one["alert"], created_dekad=1)
                for one in (json.loads(text) for name, text in before.items() if name.endswith(".json"))
            ]

    forgetful = Forgetful()
    assert flows.deliver(room, forgetful, DeliverOptions()) == len(forgetful.items)  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in (workspace / "products" / "outbox").iterdir()} == before
    assert len(forgetful.marked) == len(forgetful.items)
    tables.close()


@pytest.mark.parametrize("field", ["enabled", "with_digest", "folder"])
def test_each_delivery_option_changes_something(
    small_world: Path, fitted: Path, tmp_path: Path, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if field == "enabled":
        calls: list[object] = []
        monkeypatch.setattr("kpgeo.flows.watching.running.deliver", lambda *args: calls.append(args) or 0)
        pipeline = Pipeline.read(small_world / "pipeline.toml")
        pipeline = pipeline.model_copy(update={"deliver": DeliverOptions(enabled=False)})
        workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
        flows.run_pipeline(pipeline, workspace=workspace, until=pipeline.history.end, cluster="sync")
        assert not calls
        return
    room = Workspace(tmp_path / "workspace")
    payload = {
        "dekad": "2023-01-D1", "site": "site-1", "area_ha": 1.0, "area_low_ha": 0.5, "area_high_ha": 2.0, "gaps": [],
        "confidence": 0.9, "first_seen": "2023-01-01", "hits": 2, "looked_dekads": 3, "question": "which-sites",
    }  # fmt: skip

    class One:
        def pending_outbox(self) -> list[object]:
            from kpgeo.model.decision import OutboxItem  # noqa: PLC0415

            return [OutboxItem(id="outbox-1", aoi_id="a", kind="alert-confirmed", payload=payload, created_dekad=1)]

        def mark_sent(self, item_id: str) -> None:
            """Note nothing."""

    options = DeliverOptions(with_digest=False) if field == "with_digest" else DeliverOptions(folder="elsewhere")
    flows.deliver(room, One(), options)  # type: ignore[arg-type]
    digest = room.products / options.folder / "digest.md"
    assert digest.exists() == (field != "with_digest")
    assert (room.products / options.folder / "outbox-1.json").exists()


def _fields(dekad: int, looks: list[list[int]], optical_day: int) -> DekadFields:
    shape = (len(looks), len(looks[0]))
    zeros = np.zeros(shape, dtype=np.float32)
    days = np.zeros(shape, dtype=np.uint16)
    optical = days.copy()
    optical[0, 0] = optical_day
    return DekadFields(
        dekad=dekad,
        mined_prob=zeros,
        pond_prob=zeros,
        regrowth_prob=zeros,
        cleared_prob=zeros,
        mined_frac=zeros,
        onset_day=days,
        last_optical_day=optical,
        last_radar_day=days,
        looks=np.array(looks, dtype=np.uint8),
    )


class _SmallWatch:
    """Two by two pixels: the upper left in a stratum, the lower right outside the AOI."""

    inside = watched = np.array([[True, True], [True, False]])
    stratum_index = np.array([[1, 0], [0, 0]], dtype=np.uint8)

    class aoi:  # noqa: N801
        id = "a"

        class _Stratum:
            id = "flat"

        strata = (_Stratum(),)


def test_coverage_by_hand() -> None:
    dekad = 1900
    rows = measure_coverage(_SmallWatch(), _fields(dekad, [[1, 2], [0, 9]], dekad_start(dekad)), 3)  # type: ignore[arg-type]
    seen = {row.stratum_id: (row.look_frac, row.optical_frac, row.scenes) for row in rows}
    assert seen == {"*": (2 / 3, 1 / 3, 3), "": (0.5, 0.0, 3), "flat": (1.0, 1.0, 3)}
    rows = measure_coverage(_SmallWatch(), _fields(dekad, [[1, 0], [0, 0]], dekad_start(dekad) - 1), 0)  # type: ignore[arg-type]
    assert rows[0].optical_frac == 0.0, "the look before the dekad does not count"
    rows = measure_coverage(_SmallWatch(), _fields(dekad, [[0, 0], [0, 0]], NO_DAY), 0)  # type: ignore[arg-type]
    assert rows[0].look_frac == 0.0


def _decided(look_frac: float) -> flows.Decided:
    coverage = Coverage(aoi_id="a", dekad=5, stratum_id="*", scenes=1, look_frac=look_frac, optical_frac=0.0)
    commit = Commit(aoi_id="a", lineage="l", snapshot_id="s", first_dekad=5, last_dekad=5, scenes_digest="d")
    return flows.Decided(commit=commit, decisions=(DekadDecision(dekad=5, coverage=(coverage,)),))


def test_every_verdict() -> None:
    gap = Gap(aoi_id="a", day=1, sensor=None, scene_id="s", reason="unreadable")
    assert verdict_of([gap], _decided(1.0), has_news=True) is RunVerdict.PARTIAL
    assert verdict_of([], _decided(1.0), has_news=True) is RunVerdict.CHANGES
    assert verdict_of([], _decided(0.0), has_news=False) is RunVerdict.NOT_LOOKED
    assert verdict_of([], _decided(0.1), has_news=False) is RunVerdict.NO_CHANGE
    assert verdict_of([], None, has_news=False) is RunVerdict.NO_CHANGE


def test_declared_files_that_are_not_there_are_named(small_world: Path, tmp_path: Path) -> None:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    options = pipeline.production.model_copy(update={"declared": ("nowhere/*.csv",)})
    pipeline = pipeline.model_copy(update={"production": options})
    with pytest.raises(BadInputError, match="nowhere"):
        flows.run_pipeline(pipeline, workspace=tmp_path / "workspace", cluster="sync")


def test_a_brief_is_made_from_the_workspace_alone(watched: Path, tmp_path: Path) -> None:
    import datetime as dt  # noqa: PLC0415

    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    period = (dt.date(2023, 1, 1), dt.date(2023, 7, 1))
    (path,) = flows.make_brief(workspace, "sim-0", *period, formats=("html",))
    text = path.read_text(encoding="utf-8")
    assert path.parent == workspace / "briefs"
    assert "SIMULATED WORLD" in text
    assert text.count("data:image/png") >= 3
    with pytest.raises(BadInputError, match="period"):
        flows.make_brief(workspace, "sim-0", dt.date(2030, 1, 1), dt.date(2030, 7, 1))
    with pytest.raises(BadInputError, match="No run here"):
        flows.make_brief(workspace, "elsewhere", *period)


def test_the_pipelines_that_come_with_kpgeo_are_valid() -> None:
    folder = Path(__file__).resolve().parents[2] / "pipelines"
    found = {path.stem: Pipeline.read(path) for path in folder.glob("*.toml")}
    assert {"demo", "northern-cote-divoire"} <= set(found)
    assert found["demo"].path(found["demo"].workspace).resolve() == folder.parent / "demo" / "workspace"


def test_the_demo_pipeline_is_the_one_its_world_comes_with(small_world: Path) -> None:
    folder = Path(__file__).resolve().parents[2] / "pipelines"
    shipped = Pipeline.read(folder / "demo.toml")
    made = Pipeline.read(small_world / "pipeline.toml")
    assert shipped.catalog[0].collections == made.catalog[0].collections
    assert shipped.history.start == made.history.start
    assert shipped.name == made.name
