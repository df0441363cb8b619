"""Calibrate, as a user runs it: over a world with known ground, with labels that are right and labels that are not."""

import datetime as dt
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from shapely.geometry import mapping, shape
from typer.testing import CliRunner

from kpgeo import cli, flows
from kpgeo.detect import library_of, read_library
from kpgeo.model.calendar import date_of, day_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import OPTICAL_BANDS
from kpgeo.model.state import FILTER_BANDS
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.registry import find_label_pixels, read_labels
from kpgeo.sim.ground import Terrain, draw_terrain
from kpgeo.sim.optical import bright_ground

_BANDS = [OPTICAL_BANDS.index(band) for band in FILTER_BANDS]
_STATE_OF = {"burn": "burnt", "field": "cropped", "orchard": "cleared", "village": "cleared"}


@pytest.fixture(scope="module")
def terrain(small_world: Path) -> Terrain:
    """Return the ground of the small world."""
    paper = json.loads((small_world / "truth" / "world.json").read_text(encoding="utf-8"))
    return draw_terrain(SimOptions.model_validate(paper["options"]))


def _feature(geometry: Any, state: str, name: str, first: int, last: int) -> dict[str, Any]:
    days = {"from": date_of(first).isoformat(), "until": date_of(last).isoformat()}
    return {"type": "Feature", "properties": {"state": state, "name": name, **days}, "geometry": mapping(geometry)}


@pytest.fixture(scope="module")
def features(small_world: Path) -> list[dict[str, Any]]:
    """Return labels drawn from the truth: burns after they burnt, and fields while they are there."""
    rows = json.loads((small_world / "truth" / "nuisances.geojson").read_text(encoding="utf-8"))["features"]
    found = []
    for number, row in enumerate(rows):
        kind = row["properties"]["kind"]
        if kind not in _STATE_OF:
            continue
        first, last = (day_of(dt.date.fromisoformat(row["properties"][key])) for key in ("start", "end"))
        begin, end = (first + 10, first + 26) if kind == "burn" else (first, last)
        parts = sorted(getattr(shape(row["geometry"]), "geoms", [shape(row["geometry"])]), key=lambda g: -g.area)
        found += [
            _feature(part, _STATE_OF[kind], f"{kind} {number}.{i}", begin, max(end, begin + 1))
            for i, part in enumerate(parts[:2])
        ]
    return found


@pytest.fixture
def labels(features: list[dict[str, Any]], tmp_path: Path) -> Path:
    """Return the labels as a file."""
    return _write(tmp_path / "labels.geojson", features)


def _write(path: Path, features: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def _shuffled(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the features with their states dealt out anew."""
    states = np.random.default_rng(5).permutation([row["properties"]["state"] for row in features])
    pairs = zip(features, states, strict=True)
    return [{**row, "properties": {**row["properties"], "state": str(state)}} for row, state in pairs]


def _true_looks(terrain: Terrain, labels: Path, world: Path) -> dict[str, NDArray[np.float64]]:
    """Return what each label's ground truly reflects: medians over its pixels and days, without air or sensor."""
    (watch,) = flows.open_watches(Pipeline.read(world / "pipeline.toml"))
    ground: dict[int, NDArray[np.float32]] = {}
    found = {}
    for label in read_labels(labels):
        pixels = find_label_pixels(label, watch.grid)
        if not len(pixels):
            continue
        assert label.start_day is not None
        assert label.end_day is not None
        rows = []
        for day in np.linspace(label.start_day, label.end_day - 1, 5).astype(int):
            if day not in ground:
                ground[day] = bright_ground(terrain, int(day))[_BANDS][(slice(None), *terrain.frame.inner)]
            rows.append(np.median(ground[day][:, pixels[:, 0], pixels[:, 1]], axis=1))
        found[label.id] = np.median(rows, axis=0)
    return found


def _calibrate(*args: object) -> tuple[int, str, dict[str, Any]]:
    result = CliRunner().invoke(cli.app, ["calibrate", *(str(arg) for arg in args), "--json"])
    assert result.exit_code in (0, 3), result.stderr
    return result.exit_code, result.stdout, json.loads(result.stdout.rstrip().split("\n")[-1])


def test_estimates_come_to_what_the_ground_truly_reflects(
    small_world: Path, labels: Path, terrain: Terrain, tmp_path: Path
) -> None:
    out = tmp_path / "mine.toml"
    code, said, report = _calibrate(small_world / "pipeline.toml", labels, "--out", out, "--workspace", tmp_path / "w")
    assert code == 0, said
    assert report["agreement"]["sigmas"] > 3.0
    assert "The labels agree with the ground" in said
    true_looks = _true_looks(terrain, labels, small_world)
    checked = 0
    for one in report["estimates"]:
        truth = np.median([true_looks[name] for name in one["polygons"]], axis=0)
        for band, figures in one["bands"].items():
            b = FILTER_BANDS.index(band)
            before, after = (abs(figures[key][0] - truth[b]) for key in ("before", "after"))
            assert abs(figures["observed"][0] - truth[b]) < 0.015 + 2.0 * figures["after_error"], (one["class"], band)
            assert after <= before + 0.015, (one["class"], band)
            checked += 1
    assert checked >= 8
    library = read_library(out)
    named = {(one["state"], one["class"]): one for one in report["estimates"]}
    for entry in library.optical:
        one = named.get((entry.state.name.lower(), entry.name))
        if one is not None:
            assert entry.mean == pytest.approx([one["bands"][band]["after"][0] for band in FILTER_BANDS], abs=1e-4)
            assert entry.origin.n == len(one["polygons"])


def test_labels_dealt_out_anew_are_found_out(small_world: Path, features: list[dict[str, Any]], tmp_path: Path) -> None:
    labels = _write(tmp_path / "shuffled.geojson", _shuffled(features))
    out = tmp_path / "bad.toml"
    code, said, report = _calibrate(small_world / "pipeline.toml", labels, "--out", out, "--workspace", tmp_path / "w")
    assert code == 3
    assert "should not be used" in said
    assert report["agreement"]["sigmas"] < 3.0
    assert [row for row in report["left_out"] if row["looks_like"]]


def test_radar_and_season_are_told_where_a_baseline_stands(
    small_world: Path, fitted: Path, features: list[dict[str, Any]], tmp_path: Path
) -> None:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    begin = day_of(pipeline.history.end)
    fields = [row for row in features if row["properties"]["state"] != "burnt"]
    while_watched = [
        {**row, "properties": {**row["properties"], "from": date_of(begin).isoformat(), "until": None}}
        for row in fields
    ]
    workspace = tmp_path / "w"
    shutil.copytree(fitted, workspace)
    labels = _write(tmp_path / "l.geojson", while_watched)
    report = flows.calibrate(pipeline, labels, tmp_path / "mine.toml", workspace=workspace).as_json()
    radar = [one for one in report["estimates"] if one["kind"] == "radar"]
    assert radar
    for one in radar:
        assert abs(one["bands"]["vv"]["observed"][0]) < 4.0
        assert one["looks"] >= 2


def test_a_pipeline_goes_by_what_its_class_library_says(small_world: Path, labels: Path, tmp_path: Path) -> None:
    world = tmp_path / "world"
    world.mkdir()
    for name in ("aoi.geojson", "declared.csv"):
        shutil.copy(small_world / name, world / name)
    text = (small_world / "pipeline.toml").read_text(encoding="utf-8")
    text = text.replace('"catalog.json"', json.dumps(str(small_world / "catalog.json")))
    (world / "pipeline.toml").write_text(text, encoding="utf-8")
    plain = Pipeline.read(world / "pipeline.toml")
    flows.calibrate(plain, labels, world / "mine.toml", workspace=tmp_path / "w")

    def lineage(named: str) -> str:
        (world / "p.toml").write_text(f'{text}\n[detect]\nclasses = "{named}"\n', encoding="utf-8")
        pipeline = Pipeline.read(world / "p.toml")
        assert library_of(pipeline.detect) == read_library(world / named)
        return flows.open_watches(pipeline)[0].lineage

    own = lineage("mine.toml")
    assert own != flows.open_watches(plain)[0].lineage
    shutil.copy(world / "mine.toml", world / "copy.toml")
    assert lineage("copy.toml") == own
    other = re.sub(r"(?m)^n = .*$", "n = 77", (world / "mine.toml").read_text(encoding="utf-8"), count=1)
    (world / "copy.toml").write_text(other, encoding="utf-8")
    assert lineage("copy.toml") != own


@pytest.mark.parametrize(
    ("detect", "says"),
    [
        ('classes = "none.toml"', "cannot be read"),
        ('classes = "empty.toml"', "empty"),
        ('classes = "bad.toml"', "kpgeo_classes"),
        ('classes_text = "x"', "classes_text"),
        ("classes = 3", "classes"),
    ],
)
def test_a_class_library_that_cannot_be_used_stops_before_anything_is_read(
    detect: str, says: str, small_world: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.toml").write_text("\n", encoding="utf-8")
    (tmp_path / "bad.toml").write_text("optical = []\n", encoding="utf-8")
    shutil.copy(small_world / "aoi.geojson", tmp_path / "aoi.geojson")
    text = (small_world / "pipeline.toml").read_text(encoding="utf-8")
    (tmp_path / "p.toml").write_text(f"{text}\n[detect]\n{detect}\n", encoding="utf-8")
    with pytest.raises(BadInputError, match=says):
        flows.open_watches(Pipeline.read(tmp_path / "p.toml"))


def test_a_class_the_library_does_not_have_is_refused(
    small_world: Path, features: list[dict[str, Any]], tmp_path: Path
) -> None:
    named = [{**features[0], "properties": {**features[0]["properties"], "class": "kimberlite"}}]
    labels = _write(tmp_path / "l.geojson", named)
    with pytest.raises(BadInputError, match="no class of"):
        flows.calibrate(Pipeline.read(small_world / "pipeline.toml"), labels, tmp_path / "x.toml", workspace=tmp_path)
    assert not (tmp_path / "x.toml").exists()


def test_labels_elsewhere_come_to_nothing_and_write_nothing(small_world: Path, tmp_path: Path) -> None:
    ring = [[10.0, 10.0], [10.001, 10.0], [10.001, 10.001], [10.0, 10.001], [10.0, 10.0]]
    far = {"type": "Feature", "properties": {"state": "dug"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    labels = _write(tmp_path / "l.geojson", [far])
    with pytest.raises(BadInputError, match="no whole pixel"):
        flows.calibrate(Pipeline.read(small_world / "pipeline.toml"), labels, tmp_path / "x.toml", workspace=tmp_path)
    assert not (tmp_path / "x.toml").exists()
