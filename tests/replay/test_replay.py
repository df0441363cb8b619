"""What was found is a function of the scenes: not of when they arrived, nor of how often kpgeo ran."""

import datetime as dt
import json
import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.model.run import RunVerdict
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace

Fingerprint = Callable[[Path, Path], tuple[str, str]]


def _pipeline(world: Path) -> Pipeline:
    return Pipeline.read(world / "pipeline.toml")


def _copy(fitted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fitted, tmp_path / "workspace"))


def _run(pipeline: Pipeline, workspace: Path, until: dt.date | None = None) -> flows.RunReport:
    return flows.run_pipeline(pipeline, workspace=workspace, until=until, cluster="sync")


def _item_links(world: Path) -> list[tuple[str, str]]:
    """Return (collection, href) of every monitored item."""
    found = []
    for collection in sorted(path.parent.name for path in world.glob("*/collection.json")):
        content = json.loads((world / collection / "collection.json").read_text())
        found += [(collection, link["href"]) for link in content["links"] if link["rel"] == "item"]
    return found


def _catalog_of(world: Path, name: str, chosen: Iterable[tuple[str, str]]) -> Pipeline:
    """Write a catalogue beside the world's own that holds some of its items, and return a pipeline that reads it."""
    wanted = set(chosen)
    root = json.loads((world / "catalog.json").read_text())
    for link in root["links"]:
        if link["rel"] == "child":
            collection = Path(link["href"]).parts[-2]
            content = json.loads((world / collection / "collection.json").read_text())
            content["links"] = [
                one for one in content["links"] if one["rel"] != "item" or (collection, one["href"]) in wanted
            ]
            (world / collection / f"{name}.json").write_text(json.dumps(content))
            link["href"] = link["href"].replace("collection.json", f"{name}.json")
    (world / f"{name}.json").write_text(json.dumps(root))
    pipeline = _pipeline(world)
    return pipeline.model_copy(update={"catalog": (pipeline.catalog[0].model_copy(update={"url": f"{name}.json"}),)})


def test_running_twice_changes_nothing(
    small_world: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    workspace = _copy(watched, tmp_path)
    before = fingerprint_of(small_world, workspace)
    report = _run(_pipeline(small_world), workspace)
    assert [result.verdict for result in report.results] == [RunVerdict.NO_CHANGE]
    assert report.results[0].scenes_new == 0
    assert report.delivered == 0
    assert fingerprint_of(small_world, workspace) == before


def test_the_small_world_has_something_to_find(small_world: Path, watched: Path) -> None:
    (watch,) = flows.open_watches(_pipeline(small_world))
    tables = Workspace(watched).tables()
    assert len(tables.sites(watch.aoi.id, watch.lineage)) > 3
    assert len(tables.alerts(watch.aoi.id, watch.lineage)) >= 3
    assert len(tables.site_events(watch.aoi.id, watch.lineage)) > 6
    tables.close()


@pytest.mark.parametrize(
    "cuts",
    [
        ["2023-02-01", "2023-04-15"],  # at the end of a dekad, and in the middle of one
        pytest.param(["2023-01-04", "2023-01-05", "2023-06-27"], marks=pytest.mark.long),
    ],
)
def test_any_cut_equals_one_run(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint, cuts: list[str]
) -> None:
    workspace = _copy(fitted, tmp_path)
    for cut in cuts:
        _run(_pipeline(small_world), workspace, until=dt.date.fromisoformat(cut))
    _run(_pipeline(small_world), workspace)
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)])
def test_any_order_of_arrival_equals_one_run(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint, seed: int
) -> None:
    workspace = _copy(fitted, tmp_path)
    links = _item_links(small_world)
    random.Random(seed).shuffle(links)
    for part in range(1, 4):
        arrived = links[: len(links) * part // 4]
        _run(_catalog_of(small_world, f"arrived-{seed}-{part}", arrived), workspace)
    last = _run(_pipeline(small_world), workspace)
    assert last.results[0].scenes_new > 0
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


def test_a_late_scene_rewinds_to_its_dekad_and_no_further(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    workspace = _copy(fitted, tmp_path)
    links = _item_links(small_world)
    late = next(link for link in sorted(links, key=lambda link: link[1]) if "20230415" <= _stamp(link[1]) < "20230615")
    _run(_catalog_of(small_world, "without-late", [link for link in links if link != late]), workspace)
    report = _run(_pipeline(small_world), workspace)
    result = report.results[0]
    assert result.scenes_new == 1
    assert result.first_dekad is not None
    assert report.as_json()["aois"][0]["first_dekad"][:7] == f"{_stamp(late[1])[:4]}-{_stamp(late[1])[4:6]}"
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


def _stamp(href: str) -> str:
    """Return the first eight digits in a row of an item's href that are a date."""
    parts = href.replace("T", "_").replace("/", "_").split("_")
    return next(part for part in parts if len(part) == 8 and part.isdigit())


def test_a_crash_between_the_two_commits_is_made_good(
    small_world: Path,
    fitted: Path,
    watched: Path,
    tmp_path: Path,
    fingerprint_of: Fingerprint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = _copy(fitted, tmp_path)

    def crash(*args: object) -> None:
        raise RuntimeError("pulled the plug")

    with monkeypatch.context() as patch:
        patch.setattr("kpgeo.flows.running.decide", crash)
        with pytest.raises(RuntimeError, match="plug"):
            _run(_pipeline(small_world), workspace)
    report = _run(_pipeline(small_world), workspace)
    assert report.results[0].scenes_new == 0
    assert report.results[0].verdict is RunVerdict.CHANGES
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)
