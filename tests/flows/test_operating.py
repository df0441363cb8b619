"""What a run announces from, and what that stands for, is on everything it leaves; a rate nobody measured stops it."""

import json
from pathlib import Path

import pytest

from benchmarks.sweeping import SIZES, Watched, tally
from kpgeo import assess, detect, flows
from kpgeo.flows.watching.record import operating_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.operating import BeliefMap, Calibration, OperatingCurve
from kpgeo.options.alerts import AlertOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.sim import World
from kpgeo.store import Workspace


def calibration(detector: str = "", **given: object) -> Calibration:
    about = {
        "detector": detector or f"{detect.DETECTOR.name}-{detect.DETECTOR.version}",
        "made": "2026-11-21",
        "ground": "simulated worlds",
        "settings": ("standard",),
        "seeds": (1,),
        "km2_months": 10_000.0,
        "total": {},
        "provisional_hits": 3,
        "options": {},
        "curves": (OperatingCurve(min_area_ha=0.02, confidence=(0.1, 0.9), false_alerts=(80, 0)),),
    }
    return Calibration(**(about | given))  # type: ignore[arg-type]


def carry(monkeypatch: pytest.MonkeyPatch, carried: Calibration | None) -> None:
    monkeypatch.setattr(detect, "carried_calibration", lambda: carried)


def asking(small_world: Path, rate: float | None) -> Pipeline:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    options = AlertOptions(min_area_ha=0.02, false_alerts_per_1000km2_month=rate)
    return pipeline.model_copy(update={"alerts": options})


def bench_of(pipeline: Pipeline, workspace: Path) -> flows.Bench:
    (watch,) = flows.open_watches(pipeline)
    room = Workspace(workspace)
    return flows.Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), room.tables())


def test_everything_a_run_leaves_says_what_its_threshold_stands_for(watched: Path) -> None:
    (aoi_id, entry), *_ = flows.read_watched(Workspace(watched)).items()
    statement = entry["announcing"]["statement"]
    assert statement.startswith("Announced from confidence 0.20 and 0.02 ha on")
    manifest = json.loads(max(watched.glob("runs/*/manifest.json")).read_text())
    assert manifest["operating"][aoi_id] == entry["announcing"]
    items = [json.loads(path.read_text()) for path in (watched / "products" / "outbox").glob("*.json")]
    assert {item["alert"]["operating"]["statement"] for item in items} == {statement}
    assert (watched / "products" / "outbox" / "digest.md").read_text().count(statement) == 1
    point = operating_of(entry)
    assert point is not None
    assert point.provisional_confidence == 0.2
    assert operating_of({}) is None


@pytest.mark.parametrize(("carried", "why"), [(None, "no calibration"), (calibration(), "rule of three")])
def test_a_rate_that_cannot_be_given_stops_a_run_before_it_begins(
    small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, carried: Calibration | None, why: str
) -> None:
    carry(monkeypatch, carried)
    with pytest.raises(BadInputError, match=why):
        flows.run_pipeline(asking(small_world, 0.1), workspace=tmp_path / "workspace", cluster="sync")
    assert not list(tmp_path.glob("workspace/runs/*"))
    assert not list(tmp_path.glob("workspace/watched.json"))


def test_the_calibration_of_another_version_stops_a_run(small_world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carry(monkeypatch, calibration("belief-0"))
    (watch,) = flows.open_watches(asking(small_world, None))
    with pytest.raises(BadInputError, match="belief-0"):
        _ = watch.operating


def test_everything_is_decided_again_when_the_operating_point_moves(
    small_world: Path, watched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = []
    mapped = calibration(belief=BeliefMap(believed=(0.0, 1.0), true=(0.0, 0.5)))
    for carried, rate in ((calibration(), 2.0), (calibration(), 4.0), (calibration(seeds=(2,)), 2.0), (mapped, 2.0)):
        carry(monkeypatch, carried)
        bench = bench_of(asking(small_world, rate), watched)
        digests.append(bench.inputs_digest)
        assert bench.inputs_digest == bench_of(asking(small_world, rate), watched).inputs_digest
        bench.tables.close()
    assert len(set(digests)) == len(digests)


def test_a_map_of_beliefs_is_applied_where_the_state_is_decoded(
    small_world: Path, watched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    carry(monkeypatch, None)
    plain = bench_of(pipeline, watched)
    dekad = plain.head.last_dekad
    assert dekad is not None
    as_believed = plain.fields(dekad).mined_prob
    carry(monkeypatch, calibration(belief=BeliefMap(believed=(0.0,), true=(-1.0,))))
    calibrated = bench_of(pipeline, watched).fields(dekad).mined_prob
    between = (as_believed > 1e-4) & (as_believed < 1.0 - 1e-4)
    assert between.any()
    assert (calibrated[between] < as_believed[between]).all()


def test_would_be_alerts_are_those_a_run_raises(small_world: Path, watched: Path) -> None:
    bench = bench_of(Pipeline.read(small_world / "pipeline.toml"), watched)
    key = bench.watch.aoi.id, bench.watch.lineage
    last = bench.head.last_dekad
    assert last is not None
    score = flows.score_watch(bench, World.at(small_world))
    world = Watched(name="small", truth=assess.read_truth(small_world), place=bench.watch.place)
    world.rows = [(dekad, bench.tables.sites(*key, dekad)) for dekad in range(bench.watch.first_dekad, last + 1)]
    found = tally(world, bench.watch.pipeline.alerts)
    assert score.announced > 0
    assert dict(found.causes) == score.causes()
    assert found.found == {one.site_id for one in score.outcomes if one.found_day is not None}
    assert world.km2_months == pytest.approx(score.km2_months)
    assert {size: len(world.sizes[size]) for size in SIZES} == {size: score.recall(size)[1] for size in SIZES}
    bench.tables.close()
