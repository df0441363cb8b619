"""Scenes that are withdrawn, come back, or come from another catalogue: what is believed follows from what is there."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from kpgeo.model.run import RunVerdict
from kpgeo.options.pipeline import CatalogSource, Pipeline
from kpgeo.store import Workspace
from tests.replay.arriving import catalog_of, copied, item_links, pipeline_of, run, stamp

pytestmark = pytest.mark.fault(19)

Fingerprint = Callable[[Path, Path], tuple[str, str]]
Links = list[tuple[str, str]]


def _watched_links(world: Path) -> Links:
    """Return what can be withdrawn: links of monitored scenes, in order, without the last ones."""
    found = [link for link in item_links(world) if "20230101" <= stamp(link[1]) < "20230601"]
    return sorted(found, key=lambda link: (stamp(link[1]), link))


def _without(world: Path, name: str, gone: Links) -> Pipeline:
    return catalog_of(world, name, [link for link in item_links(world) if link not in gone])


def test_a_withdrawn_scene_is_folded_out_and_folded_in_when_it_is_back(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    links = _watched_links(small_world)
    gone = [links[len(links) // 2], links[2 * len(links) // 3]]
    pipeline = _without(small_world, "withdrawn", gone)
    workspace, never = copied(watched, tmp_path / "one"), copied(fitted, tmp_path / "other")
    run(pipeline, never)

    report = run(pipeline, workspace)
    (result,) = report.results
    assert len(result.withdrawn) == 2
    assert [line.split()[1] for line in report.sentences() if "is no longer in its catalogue" in line] == [
        "withdrawn:"
    ] * 2
    first = min(stamp(href) for _, href in gone)
    assert report.as_json()["aois"][0]["first_dekad"][:7] == f"{first[:4]}-{first[4:6]}", "no farther back"
    assert result.gaps == ()
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, never)

    again = run(pipeline, workspace)
    assert [(one.verdict, one.withdrawn) for one in again.results] == [(RunVerdict.NO_CHANGE, ())]
    run(pipeline_of(small_world), workspace)
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


def test_a_run_killed_after_a_withdrawal_was_noted_folds_it_out_the_next_time(
    small_world: Path,
    fitted: Path,
    watched: Path,
    tmp_path: Path,
    fingerprint_of: Fingerprint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = _without(small_world, "withdrawn-killed", _watched_links(small_world)[-1:])
    workspace, never = copied(watched, tmp_path / "one"), copied(fitted, tmp_path / "other")
    run(pipeline, never)

    def die(*args: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("kpgeo.flows.watching.running.observe", die)
        with pytest.raises(RuntimeError, match="killed"):
            run(pipeline, workspace)
    run(pipeline, workspace)
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, never)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_arrival_and_withdrawal_comes_to_the_same(
    small_world: Path, fitted: Path, tmp_path: Path, fingerprint_of: Fingerprint, seed: int
) -> None:
    rng = random.Random(seed)
    fickle = rng.sample(_watched_links(small_world), 6)
    missing = fickle[:2]
    workspace, never = copied(fitted, tmp_path / "one"), copied(fitted, tmp_path / "other")
    for step in range(3):
        away = rng.sample(fickle, rng.randint(0, 2))
        run(_without(small_world, f"fickle-{seed}-{step}", away), workspace)
    final = _without(small_world, f"final-{seed}", missing)
    run(final, workspace)
    run(final, never)
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, never)


@pytest.mark.fault(24)
def test_while_a_catalogue_is_down_the_second_steps_in_and_nothing_is_called_quiet(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    pipeline = pipeline_of(small_world)
    (source,) = pipeline.catalog
    renamed = {sensor: f"{name}-v2" for sensor, name in source.collections.items()}
    down = CatalogSource(url=source.url, collections=renamed)
    both = pipeline.model_copy(update={"catalog": (down, source)})
    workspace = copied(fitted, tmp_path)
    report = run(both, workspace)
    assert report.exit_code == 3
    (result,) = report.results
    assert result.verdict is RunVerdict.PARTIAL
    assert {gap.reason.split(": ")[0] for gap in result.gaps} == {"catalogue-failed"}
    assert len(result.gaps) == 3
    assert fingerprint_of(small_world, workspace)[1] == fingerprint_of(small_world, watched)[1]
    again = run(both, workspace)
    assert [one.verdict for one in again.results] == [RunVerdict.PARTIAL], "days later it is still down"
    assert (again.results[0].scenes_new, again.results[0].withdrawn) == (0, ())

    tables = Workspace(workspace).tables()
    assert len(tables.gaps(result.aoi_id)) == 3, "the same gap is kept once"
    tables.close()


@pytest.mark.fault(24)
def test_a_catalogue_that_is_down_withdraws_nothing(
    small_world: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    links = _watched_links(small_world)
    kept = [link for link in item_links(small_world) if link not in links[:2]]
    pipeline = catalog_of(small_world, "second-only", kept)
    down = CatalogSource(
        url="catalog.json", collections={"sentinel-2": "gone", "landsat": "gone", "sentinel-1": "gone"}
    )
    workspace = copied(watched, tmp_path)
    report = run(pipeline.model_copy(update={"catalog": (down, *pipeline.catalog)}), workspace)
    assert report.results[0].withdrawn == ()
    assert report.results[0].scenes_new == 0
    assert fingerprint_of(small_world, workspace)[1] == fingerprint_of(small_world, watched)[1]
