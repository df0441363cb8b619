"""Explaining: what is told of a pixel is what the run did there, and what cannot be told is a sentence."""

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pytest
import shapely

from kpgeo import detect, flows
from kpgeo.flows import Bench, Subject, explain, explanation_content, parse_lon_lat
from kpgeo.flows.explained import explaining
from kpgeo.flows.explained.explained import ExplanationStyle, write_explanations
from kpgeo.model.calendar import date_of, dekad_end, dekad_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.state import DYNAMIC_LAYERS, LandState, TileState
from kpgeo.model.trace import mined_prob
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace


@pytest.fixture(scope="module")
def pipeline(small_world):
    return Pipeline.read(small_world / "pipeline.toml")


@pytest.fixture(scope="module")
def bench(pipeline, watched):
    (watch,) = flows.open_watches(pipeline)
    room = Workspace(watched)
    tables = room.tables()
    yield Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
    tables.close()


@pytest.fixture(scope="module")
def site(bench):
    return max(bench.tables.sites(bench.watch.aoi.id, bench.watch.lineage), key=lambda one: one.area.ha)


@pytest.fixture(scope="module")
def explained(pipeline, watched, site):
    return explain(pipeline, Subject(site_id=site.id, pixels=2), workspace=watched)


@pytest.fixture(scope="module")
def soon(bench):
    """Return a day by which two dekads have been watched."""
    return date_of(dekad_end(bench.watch.first_dekad + 1))


def fields_at(bench, dekad):
    layers = {name: bench.state.read_layer(name, dekad) for name in DYNAMIC_LAYERS}
    return detect.decode_fields(dekad, TileState(**layers))


def test_a_trace_is_what_the_state_holds_in_every_dekad(bench, explained):
    for one in explained:
        assert one.trace.apart == ()
        assert [row.dekad for row in one.trace.dekads] == list(
            range(bench.watch.first_dekad, bench.head.last_dekad + 1)
        )
        for row in one.trace.dekads[::4]:
            fields = fields_at(bench, row.dekad)
            here = (one.trace.row, one.trace.col)
            assert mined_prob(row.end) == pytest.approx(float(fields.mined_prob[here]), abs=1e-6)
            assert sum(look.is_clear for look in row.looks) == fields.looks[here]


def test_every_scene_folded_in_is_told_of_and_no_other(bench, explained):
    folded = [scene.id for row in explained[0].trace.dekads for scene in bench.folded(row.dekad)]
    assert sorted(look.scene_id for look in explained[0].trace.looks) == sorted(folded)
    unseen = [look for look in explained[0].trace.looks if not look.is_clear]
    assert unseen
    assert all(look.unseen for look in unseen)


def test_pixels_of_a_site_come_by_belief_in_mining(bench, explained, site):
    first, second = explained
    assert (first.rank, second.rank) == (1, 2)
    assert first.of_pixels == second.of_pixels > 2
    fields = fields_at(bench, first.site.dekad)
    inside = bench.watch.place.pixels_of(first.site.geometry)
    ranked = np.sort(fields.mined_prob[inside.rows, inside.cols])[::-1]
    found = [fields.mined_prob[one.trace.row, one.trace.col] for one in explained]
    assert found == ranked[:2].tolist()
    assert first.site.id == site.id
    history, _ = bench.tables.site_history(site.id)
    assert first.site.confidence == max(row.confidence for row in history)


def test_the_json_holds_all_and_is_marked(explained):
    content = json.loads(json.dumps(explanation_content(explained[0]), allow_nan=False))
    one = explained[0]
    assert content["schema"] == "kpgeo-explanation-1"
    assert content["release"] in {"KP ONLY", "PUBLIC"}
    assert set(content) == {
        "schema", "release", "is_simulated", "aoi", "pixel", "site", "alert", "detector", "lineage", "snapshot",
        "first_day", "end_day", "history", "start", "looks", "dekads", "not_seen", "is_as_stored", "sentences",
    }  # fmt: skip
    assert set(content["pixel"]) == {"id", "lon", "lat", "row", "col", "rank", "of_pixels"}
    assert set(content["start"]) == {"mined", *(state.name.lower() for state in LandState)}
    assert len(content["looks"]) == len(one.trace.looks)
    assert [look["number"] for look in content["looks"] if look["number"]] == list(range(1, len(one.top_looks) + 1))
    for look, traced in zip(content["looks"], one.trace.looks, strict=True):
        assert set(look) == {
            "day", "sensor", "scene", "is_clear", "unseen", "bands", "level_db", "before", "after", "move_nats",
            "gain_nats", "number",
        }  # fmt: skip
        assert tuple(look["bands"]) == traced.bands
        assert look["is_clear"] is (look["unseen"] is None)
        assert sum(look["after"][state.name.lower()] for state in LandState) == pytest.approx(1.0, abs=0.01)
    assert content["is_as_stored"] is True
    assert set(content["sentences"]) == {"en", "fr", "pt"}
    assert sum(content["history"]["scenes"].values()) > 10


def test_areas_that_are_not_public_are_marked_so(explained):
    aoi = replace(explained[0].aoi, sensitivity="kp-only")
    assert explanation_content(replace(explained[0], aoi=aoi))["release"] == "KP ONLY"
    assert explanation_content(replace(explained[0], aoi=replace(aoi, sensitivity="public")))["release"] == "PUBLIC"


def test_a_place_is_the_pixel_it_lies_in(pipeline, watched, bench, explained, soon):
    first = explained[0]
    lon_lat = (first.lon, first.lat)
    (again,) = explain(pipeline, Subject(lon_lat=lon_lat), workspace=watched, until=soon)
    assert again.pixel_id == first.pixel_id
    assert again.site is None
    assert again.trace.dekads == first.trace.dekads[:2]
    assert again.end_day == dekad_end(bench.watch.first_dekad + 1)


def test_an_alert_is_explained_by_its_site(pipeline, watched, bench):
    alert = bench.tables.alerts(bench.watch.aoi.id, bench.watch.lineage)[0]
    until = date_of(dekad_end(alert.raised_dekad))
    (one,) = explain(pipeline, Subject(alert_id=alert.id), workspace=watched, until=until)
    assert one.alert.id == alert.id
    assert one.site.id == alert.site_id
    assert one.site.dekad <= dekad_of((until - dt.date(1970, 1, 1)).days - 1)


def test_scenes_that_are_gone_spoil_their_own_dekad_and_it_is_said(
    pipeline, watched, bench, explained, soon, monkeypatch
):
    first = explained[0].trace.dekads[0]
    assert any(look.is_clear for look in first.looks)
    folded = Bench.folded
    monkeypatch.setattr(Bench, "folded", lambda self, dekad: [] if dekad == first.dekad else folded(self, dekad))
    (one,) = explain(pipeline, Subject(lon_lat=(explained[0].lon, explained[0].lat)), workspace=watched, until=soon)
    assert [dekad for dekad, _ in one.trace.apart] == [first.dekad]
    assert one.trace.dekads[1] == explained[0].trace.dekads[1]
    assert explanation_content(one)["is_as_stored"] is False
    assert explanation_content(one)["dekads"][0]["difference"] is not None


def test_files_say_what_they_are(explained, tmp_path):
    written = write_explanations(explained, tmp_path / "why.json", ExplanationStyle())
    assert [path.name for path in written] == ["why.json", "why-2.json"]
    assert json.loads(written[1].read_text())["pixel"]["rank"] == 2
    (picture,) = write_explanations(explained[:1], tmp_path / "why.png", ExplanationStyle(language="fr"))
    assert picture.read_bytes().startswith(b"\x89PNG")
    for number in (explained[0].lon, explained[0].lat):
        assert str(number).encode() not in picture.read_bytes()


def test_places_that_cannot_be_explained_are_refused(pipeline, watched, explained):
    first = explained[0]
    with pytest.raises(BadInputError, match="longitude first"):
        explain(pipeline, Subject(lon_lat=(first.lat, first.lon)), workspace=watched)
    with pytest.raises(BadInputError, match="no area this pipeline watches"):
        explain(pipeline, Subject(lon_lat=(first.lon + 1.0, first.lat)), workspace=watched)
    with pytest.raises(BadInputError, match="no site"):
        explain(pipeline, Subject(site_id="site-000000000000"), workspace=watched)
    with pytest.raises(BadInputError, match="no alert"):
        explain(pipeline, Subject(alert_id="alert-000000000000"), workspace=watched)


def test_ground_that_is_not_watched_is_not_explained(pipeline, watched, explained, monkeypatch):
    monkeypatch.setattr(flows.Watch, "watched_of", lambda _, tile: np.zeros((tile.height, tile.width), dtype=bool))
    with pytest.raises(BadInputError, match="not watched, by choice"):
        explain(pipeline, Subject(lon_lat=(explained[0].lon, explained[0].lat)), workspace=watched)


def test_times_that_cannot_be_explained_are_refused(pipeline, watched, fitted, tmp_path, explained, bench, site):
    lon_lat = (explained[0].lon, explained[0].lat)
    begin = date_of(dekad_end(bench.watch.first_dekad - 1))
    with pytest.raises(BadInputError, match="Monitoring begins"):
        explain(pipeline, Subject(lon_lat=lon_lat), workspace=watched, until=begin)
    with pytest.raises(BadInputError, match="no workspace"):
        explain(pipeline, Subject(lon_lat=lon_lat), workspace=tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="has watched"):
        explain(pipeline, Subject(lon_lat=lon_lat), workspace=fitted)
    assert not (tmp_path / "nowhere").exists()
    first = min(row.dekad for row in bench.tables.site_history(site.id)[0])
    if first > bench.watch.first_dekad:
        with pytest.raises(BadInputError, match="not known"):
            explain(pipeline, Subject(site_id=site.id), workspace=watched, until=date_of(dekad_end(first - 1)))


def test_a_site_too_thin_for_a_pixel_is_its_seed(bench, site):
    grid = bench.watch.grid
    corner = shapely.Point(grid.left_m + 10 * grid.res_m, grid.top_m - 10 * grid.res_m).buffer(1.0)
    thin = replace(site, geometry=bench.watch.place.to_degrees(corner))
    assert explaining._by_belief(bench, thin) == [(site.seed_row, site.seed_col)]


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "here,there", "200,0", "0,91", "nan,1"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(BadInputError):
        parse_lon_lat(text)
