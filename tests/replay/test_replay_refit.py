"""A baseline learnt anew is a function of the scenes too: late scenes, cuts, crashes and lost tiles change nothing."""

import dataclasses
import datetime as dt
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kpgeo import flows, registry
from kpgeo.flows.watching import observing
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.aoi import Aoi
from kpgeo.model.calendar import dekad_label
from kpgeo.model.grid import Grid
from kpgeo.model.run import RunVerdict
from kpgeo.options.sim import SimOptions
from kpgeo.sim import write_world
from kpgeo.store import RegionWriter, StateStore, Workspace
from tests.replay.arriving import catalog_of, copied, item_links, pipeline_of, run, stamp

Fingerprint = Callable[[Path, Path], tuple[str, str]]
REFIT = "2024-01-D1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a world of 128 × 128 px with a year of history, a year and a half to watch, and few scenes."""
    folder = tmp_path_factory.mktemp("worlds") / "ageing"
    options = SimOptions(
        size_px=128, history_years=1.0, monitored_years=1.5, site_density=3.0, cloud=0.5, missing_frac=0.7
    )
    made = write_world(folder, options)
    with made.pipeline.open("a", encoding="utf-8") as stream:
        stream.write("\n[detect]\nmin_looks_per_coef = 1.5\n")
    return made.folder


@pytest.fixture(scope="module")
def autumn(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that has watched the world until a month before the refit: copy it, do not write."""
    workspace = tmp_path_factory.mktemp("workspaces") / "autumn"
    report = run(pipeline_of(world), workspace, until=dt.date(2023, 12, 1))
    assert not report.sentences()
    return workspace


@pytest.fixture(scope="module")
def aged(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that has watched the whole world in one run: read it, do not write to it."""
    workspace = tmp_path_factory.mktemp("workspaces") / "aged"
    report = run(pipeline_of(world), workspace)
    assert [dekad_label(refit.dekad) for refit in report.results[0].refits] == [REFIT]
    return workspace


def _state(world: Path, workspace: Path) -> tuple[Watch, StateStore]:
    (watch,) = flows.open_watches(pipeline_of(world))
    return watch, Workspace(workspace).state(watch.aoi.id, watch.lineage, watch.grid)


def _late_link(world: Path, since: str, until: str) -> tuple[str, str]:
    return next(one for one in sorted(item_links(world), key=lambda link: link[1]) if since <= stamp(one[1]) < until)


def test_a_refit_is_recorded_where_runs_are(world: Path, aged: Path) -> None:
    watch, state = _state(world, aged)
    (manifest,) = (json.loads(path.read_text()) for path in aged.glob("runs/*/manifest.json"))
    (refit,) = manifest["aois"][0]["refits"]
    assert refit["dekad"] == REFIT
    assert refit["scenes"] > 20
    assert sum(refit["px"].values()) == watch.grid.width * watch.grid.height
    assert refit["px"]["learnt"] > 0.3 * watch.grid.width * watch.grid.height
    assert refit["px"]["kept_mined"] > 50, "what is worked keeps its baseline"
    (begins,) = state.head().refit_dekads
    assert dekad_label(begins) == REFIT
    tile = next(watch.grid.tiles())
    assert not state.read_baseline(tile, begins - 1).equals(state.read_baseline(tile, begins))


def test_a_plan_says_that_a_refit_is_due_and_what_it_reads(world: Path, autumn: Path, tmp_path: Path) -> None:
    pipeline = pipeline_of(world)
    due = flows.plan(pipeline, workspace=autumn)
    assert f"learn the baseline anew for {REFIT} from" in " ".join(due.sentences())
    (refit,) = due.as_json()["aois"][0]["refits"]
    assert refit["since"] == "2023-01-01"
    early = flows.plan(pipeline, workspace=autumn, until=dt.date(2023, 12, 25))
    assert not early.as_json()["aois"][0]["refits"]
    read = [plan.as_json()["aois"][0]["bytes"]["decoded"] for plan in (early, due)]
    assert 0 < read[0] < read[1] / 2
    never = pipeline.model_copy(update={"history": pipeline.history.model_copy(update={"refit_years": 0})})
    whole = flows.plan(never, workspace=tmp_path / "never")
    assert not whole.as_json()["aois"][0]["refits"]
    assert whole.aois[0].watch.lineage != due.aois[0].watch.lineage


@pytest.mark.parametrize(
    "cuts",
    [
        ["2024-01-04"],  # the refit's first dekad is open: it is folded again, from the same baseline
        pytest.param(["2023-12-25", "2024-01-01", "2024-01-02", "2024-02-01"], marks=pytest.mark.long),
    ],
)
def test_any_cut_about_a_refit_equals_one_run(
    world: Path, autumn: Path, aged: Path, tmp_path: Path, fingerprint_of: Fingerprint, cuts: list[str]
) -> None:
    workspace = copied(autumn, tmp_path)
    for cut in cuts:
        run(pipeline_of(world), workspace, until=dt.date.fromisoformat(cut))
    run(pipeline_of(world), workspace)
    assert fingerprint_of(world, workspace) == fingerprint_of(world, aged)


@pytest.mark.parametrize(
    ("since", "until", "n_refits"),
    [("20230801", "20231101", 1), pytest.param("20240111", "20240601", 0, marks=pytest.mark.long)],
)
def test_a_late_scene_makes_those_refits_anew_that_learnt_from_it(
    world: Path,
    autumn: Path,
    aged: Path,
    tmp_path: Path,
    fingerprint_of: Fingerprint,
    since: str,
    until: str,
    n_refits: int,
) -> None:
    late = _late_link(world, since, until)
    rest = catalog_of(world, f"without-{since}", [link for link in item_links(world) if link != late])
    workspace = tmp_path / "workspace"
    if n_refits:
        run(rest, workspace, until=dt.date(2024, 1, 21))
    else:
        shutil.copytree(autumn, workspace)
        run(rest, workspace)
    before = _state(world, workspace)[1].head()
    assert len(before.refit_dekads) == 1
    report = run(pipeline_of(world), workspace)
    assert len(report.results[0].refits) == n_refits
    assert fingerprint_of(world, workspace) == fingerprint_of(world, aged)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_arrival_equals_one_run(
    world: Path, aged: Path, tmp_path: Path, fingerprint_of: Fingerprint, seed: int
) -> None:
    workspace = tmp_path / "workspace"
    links = item_links(world)
    history = [link for link in links if stamp(link[1]) < "20230101"]
    watched = [link for link in links if link not in history]
    random.Random(seed).shuffle(watched)
    for part in range(1, 4):
        arrived = history + watched[: len(watched) * part // 4]
        run(catalog_of(world, f"arrived-{seed}-{part}", arrived), workspace)
    run(pipeline_of(world), workspace)
    assert fingerprint_of(world, workspace) == fingerprint_of(world, aged)


@pytest.mark.long
def test_a_crash_after_a_refit_was_written_leaves_nothing_of_it(
    world: Path,
    autumn: Path,
    aged: Path,
    tmp_path: Path,
    fingerprint_of: Fingerprint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = copied(autumn, tmp_path)
    before = _state(world, workspace)[1].head()
    write_baseline = RegionWriter.write_baseline

    def crash(*args: object) -> None:
        write_baseline(*args)  # type: ignore[arg-type]
        raise RuntimeError("pulled the plug")

    with monkeypatch.context() as patch:
        patch.setattr(RegionWriter, "write_baseline", crash)
        with pytest.raises(RuntimeError, match="plug"):
            run(pipeline_of(world), workspace)
    assert _state(world, workspace)[1].head() == before
    run(pipeline_of(world), workspace)
    assert fingerprint_of(world, workspace) == fingerprint_of(world, aged)


@pytest.mark.long
@pytest.mark.parametrize("cut", ["2023-12-11", "2024-01-01"], ids=["before the refit", "at the refit"])
def test_a_tile_lost_at_a_refit_is_given_its_baseline_by_the_next_run(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    grid_of, observe_tile = registry.grid_of, observing.observe_tile

    def in_four(aoi: Aoi) -> Grid:
        return dataclasses.replace(grid_of(aoi), tile_px=64)

    def lose_the_second(task: observing.TileTask) -> observing.TileOutcome:
        if task.tile.name == "r0c1":
            raise ValueError("a bad day")
        return observe_tile(task)

    monkeypatch.setattr(registry, "grid_of", in_four)
    pipeline = pipeline_of(world)
    run(pipeline, tmp_path / "whole", until=dt.date(2024, 1, 21))
    run(pipeline, tmp_path / "lossy", until=dt.date.fromisoformat(cut))
    with monkeypatch.context() as patch:
        patch.setattr(observing, "observe_tile", lose_the_second)
        report = run(pipeline, tmp_path / "lossy", until=dt.date(2024, 1, 11))
    assert report.results[0].verdict is RunVerdict.PARTIAL
    assert sum(report.results[0].refits[0].px.values()) == 3 * 64 * 64
    report = run(pipeline, tmp_path / "lossy", until=dt.date(2024, 1, 21))
    assert report.exit_code == 0
    assert _state(world, tmp_path / "lossy")[1].digest() == _state(world, tmp_path / "whole")[1].digest()


@pytest.mark.long
def test_a_history_that_the_tables_lost_is_searched_again(
    world: Path, autumn: Path, aged: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    workspace = copied(autumn, tmp_path)
    for path in workspace.glob("kpgeo.db*"):
        path.unlink()
    run(pipeline_of(world), workspace)
    assert fingerprint_of(world, workspace) == fingerprint_of(world, aged)
