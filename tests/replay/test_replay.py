"""What was found is a function of the scenes: not of when they arrived, nor of how often kpgeo ran."""

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.model.run import RunVerdict
from kpgeo.store import Workspace
from tests.replay.arriving import catalog_of, copied, item_links, pipeline_of, run, stamp

Fingerprint = Callable[[Path, Path], tuple[str, str]]


def test_running_twice_changes_nothing(
    small_world: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    workspace = copied(watched, tmp_path)
    before = fingerprint_of(small_world, workspace)
    report = run(pipeline_of(small_world), workspace)
    assert [result.verdict for result in report.results] == [RunVerdict.NO_CHANGE]
    assert report.results[0].scenes_new == 0
    assert report.delivered == 0
    assert fingerprint_of(small_world, workspace) == before


def test_the_small_world_has_something_to_find(small_world: Path, watched: Path) -> None:
    (watch,) = flows.open_watches(pipeline_of(small_world))
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
    workspace = copied(fitted, tmp_path)
    for cut in cuts:
        run(pipeline_of(small_world), workspace, until=dt.date.fromisoformat(cut))
    run(pipeline_of(small_world), workspace)
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


@pytest.mark.fault(19)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)])
def test_any_order_of_arrival_equals_one_run(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint, seed: int
) -> None:
    workspace = copied(fitted, tmp_path)
    links = item_links(small_world)
    random.Random(seed).shuffle(links)
    for part in range(1, 4):
        arrived = links[: len(links) * part // 4]
        run(catalog_of(small_world, f"arrived-{seed}-{part}", arrived), workspace)
    last = run(pipeline_of(small_world), workspace)
    assert last.results[0].scenes_new > 0
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


@pytest.mark.fault(19)
def test_a_late_scene_rewinds_to_its_dekad_and_no_further(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    workspace = copied(fitted, tmp_path)
    links = item_links(small_world)
    late = next(link for link in sorted(links, key=lambda link: link[1]) if "20230415" <= stamp(link[1]) < "20230615")
    run(catalog_of(small_world, "without-late", [link for link in links if link != late]), workspace)
    report = run(pipeline_of(small_world), workspace)
    result = report.results[0]
    assert result.scenes_new == 1
    assert result.first_dekad is not None
    assert report.as_json()["aois"][0]["first_dekad"][:7] == f"{stamp(late[1])[:4]}-{stamp(late[1])[4:6]}"
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


@pytest.mark.fault(1)
@pytest.mark.fault(3)
def test_a_crash_between_the_two_commits_is_made_good(
    small_world: Path,
    fitted: Path,
    watched: Path,
    tmp_path: Path,
    fingerprint_of: Fingerprint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = copied(fitted, tmp_path)

    def crash(*args: object) -> None:
        raise RuntimeError("pulled the plug")

    with monkeypatch.context() as patch:
        patch.setattr("kpgeo.flows.watching.running.decide", crash)
        with pytest.raises(RuntimeError, match="plug"):
            run(pipeline_of(small_world), workspace)
    report = run(pipeline_of(small_world), workspace)
    assert report.results[0].scenes_new == 0
    assert report.results[0].verdict is RunVerdict.CHANGES
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)
