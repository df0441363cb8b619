"""A new method runs beside the one that speaks: the difference is a report before anybody hears of it."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.model.errors import BadInputError
from kpgeo.model.ledger import EntryKind
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Tables, Workspace

pytestmark = pytest.mark.long


@contextmanager
def _tables(workspace: Path) -> Iterator[tuple[Workspace, Tables]]:
    room = Workspace(workspace)
    tables = room.tables()
    yield room, tables
    tables.close()


def _delivered(workspace: Path) -> set[str]:
    return {path.name for path in (workspace / "products" / "outbox").glob("*.json")}


@pytest.fixture(scope="module")
def beside(small_world: Path, watched: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Return a workspace in which a second method was run beside the first, its pipeline, and its lineage."""
    workspace = Path(shutil.copytree(watched, tmp_path_factory.mktemp("methods") / "workspace"))
    text = (small_world / "pipeline.toml").read_text(encoding="utf-8")
    other = small_world / "other.toml"
    other.write_text(f"{text}\n[detect]\njunk_frac = 0.12\n", encoding="utf-8")
    report = flows.run_pipeline(Pipeline.read(other), workspace=workspace, cluster="sync")
    assert report.exit_code == 0
    assert "nothing of it is announced" in " ".join(report.sentences())
    (watch,) = flows.open_watches(Pipeline.read(other))
    return workspace, other, watch.lineage


def test_nobody_hears_of_what_a_method_beside_finds(beside: tuple[Path, Path, str], watched: Path) -> None:
    workspace, _, lineage = beside
    assert _delivered(workspace) == _delivered(watched)
    with _tables(workspace) as (room, tables):
        (aoi_id,) = flows.read_watched(room)
        assert flows.read_watched(room)[aoi_id]["lineage"] != lineage
        assert tables.alerts(aoi_id, lineage), "the method beside finds nothing: this test tests nothing"
        assert tables.pending_outbox() == []
        with _tables(watched) as (_, before):
            assert tables.comparisons() == before.comparisons()
        assert [(one, speaks) for one, speaks, _ in flows.list_methods(tables, aoi_id) if speaks] != [(lineage, True)]


def test_the_difference_is_told_and_then_only_news_is_sent(beside: tuple[Path, Path, str], tmp_path: Path) -> None:
    source, other, lineage = beside
    workspace = Path(shutil.copytree(source, tmp_path / "workspace"))
    with _tables(workspace) as (room, tables):
        (aoi_id,) = flows.read_watched(room)
        report = flows.method_report(room, tables, aoi_id, lineage)
        found = report.difference
        assert found.after == lineage
        assert found.both
        assert {one.alert.id for _, one in found.both}.isdisjoint(one.alert.id for one in found.only_after)
        json.dumps(report.as_json(), allow_nan=False)
        with pytest.raises(BadInputError, match="a name and a reason"):
            flows.adopt_method(room, tables, aoi_id, lineage, by=" ", reason="better")
        entry = flows.adopt_method(room, tables, aoi_id, lineage, by="A. Analyst", reason="finds smaller pits")
        assert flows.adopt_method(room, tables, aoi_id, lineage, by="B", reason="again") == entry
        assert entry.body["difference"]["beside"] == lineage
        assert len(tables.ledger.entries(kind=EntryKind.METHOD)) == 2
        assert flows.read_watched(room)[aoi_id]["lineage"] == lineage
        news = {item.payload["alert"] for item in tables.pending_outbox()}
        assert news.isdisjoint(one.alert.id for _, one in found.both)
        assert news >= {one.alert.id for one in found.only_after}
        tables.ledger.verify()
    after = flows.run_pipeline(Pipeline.read(other), workspace=workspace, cluster="sync")
    assert "beside" not in " ".join(after.sentences())
    told = {
        json.loads((workspace / "products/outbox" / name).read_text())["alert"]["alert"]
        for name in _delivered(workspace) - _delivered(source)
    }
    assert told == news


def test_a_method_whose_pipeline_nobody_wrote_down_is_not_adopted(
    beside: tuple[Path, Path, str], tmp_path: Path
) -> None:
    """An older kpgeo kept the last pipeline alone: products would be of another method than the one that speaks."""
    source, _, lineage = beside
    workspace = Path(shutil.copytree(source, tmp_path / "workspace"))
    (workspace / "beside.json").unlink()
    with _tables(workspace) as (room, tables):
        (aoi_id,) = flows.read_watched(room)
        head = tables.ledger.head()
        with pytest.raises(BadInputError, match="Run its pipeline once more"):
            flows.adopt_method(room, tables, aoi_id, lineage, by="A. Analyst", reason="finds smaller pits")
        assert tables.ledger.head() == head


def test_the_method_that_spoke_goes_on_beside(
    beside: tuple[Path, Path, str], small_world: Path, tmp_path: Path, fingerprint_of: Callable[[Path, Path], object]
) -> None:
    source, _, lineage = beside
    workspace = Path(shutil.copytree(source, tmp_path / "workspace"))
    with _tables(workspace) as (room, tables):
        (aoi_id,) = flows.read_watched(room)
        flows.adopt_method(room, tables, aoi_id, lineage, by="A. Analyst", reason="finds smaller pits")
    old = flows.run_pipeline(Pipeline.read(small_world / "pipeline.toml"), workspace=workspace, cluster="sync")
    assert old.results[0].beside == lineage
    with _tables(workspace) as (_, tables):
        with pytest.raises(BadInputError, match="is no method beside"):
            flows.method_report(Workspace(workspace), tables, aoi_id, lineage)
        with pytest.raises(BadInputError, match="Beside it"):
            flows.method_report(Workspace(workspace), tables, aoi_id, "belief-9-00000000")
