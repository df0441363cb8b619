"""Real imagery from catalogue to alerts, comparisons and brief, where no mining is known."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from kpgeo import flows
from kpgeo.model.calendar import date_of
from kpgeo.model.production import Verdict
from kpgeo.model.run import RunVerdict
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace
from tests.real.build_catalogs import S1_WINDOWS, build_landsat_world, build_s1_world, claim_stratum
from tests.real.measuring import Found, looked_at, run_and_measure


def _is_quiet(found: Found) -> None:
    """Check what every one of these runs must come to."""
    (result,) = found.report.results
    assert found.report.exit_code == 0
    assert result.verdict is RunVerdict.NO_CHANGE
    assert result.gaps == ()
    assert result.scenes_new == found.folded
    assert (result.alerts_raised, result.sites_active) == (0, 0)
    assert (found.changes, found.sites, found.alerts, found.report.delivered) == (0, 0, 0, 0)
    assert not list((found.report.workspace / "products").rglob("*.json"))
    assert found.comparisons
    assert {one.verdict for one in found.comparisons} == {Verdict.NOT_ASSESSABLE}
    assert all(one.capacity is None for one in found.comparisons)


def _writes_a_brief(found: Found, start: dt.date, end: dt.date) -> None:
    aoi_id = found.report.results[0].aoi_id
    written = flows.make_brief(found.report.workspace, aoi_id, start, end, formats=("html", "pdf"))
    html, pdf = (path.read_bytes() for path in written)
    assert b"No site was found. That is not the same as no digging" in html
    assert pdf.startswith(b"%PDF-")


def _runs_again_without_change(path: Path) -> None:
    workspace = Pipeline.read(path).path("workspace")
    tables = Workspace(workspace).tables()
    before = tables.digest()
    again = flows.run_pipeline(Pipeline.read(path), cluster="sync")
    assert [(one.verdict, one.scenes_new) for one in again.results] == [(RunVerdict.NO_CHANGE, 0)]
    assert tables.digest() == before
    tables.close()


@pytest.mark.parametrize(
    "window", [S1_WINDOWS[0], *(pytest.param(name, marks=pytest.mark.long) for name in S1_WINDOWS[1:])]
)
def test_nothing_is_announced_in_a_radar_window(shared, tmp_path, window):
    path = build_s1_world(shared, tmp_path, window)
    found = run_and_measure(path)
    _is_quiet(found)
    assert (found.history, found.folded) == (12, 10)
    assert [row.look_frac for row in found.coverage if row.scenes] == [1.0] * 10
    assert all(row.look_frac == 0.0 for row in found.coverage if not row.scenes)
    assert all(row.optical_frac == 0.0 for row in found.coverage)
    assert len(found.coverage) == 46
    assert found.seed_px == 0
    assert found.highest_belief < 0.5, "radar alone is not believed outside a deposit"
    assert [one.period.label for one in found.comparisons] == ["2024H1", "2024H2", "2025H1"]
    _writes_a_brief(found, dt.date(2023, 10, 1), dt.date(2025, 1, 1))
    _runs_again_without_change(path)


@pytest.mark.long
def test_nothing_is_announced_on_nine_years_of_landsat(shared, tmp_path):
    path = build_landsat_world(shared, tmp_path)
    found = run_and_measure(path)
    _is_quiet(found)
    assert (found.history, found.folded) == (102, 195)
    # four more dekads had a look that the quality layer calls clear and the season of its own pixels does not
    assert sum(row.optical_frac > 0.0 for row in found.coverage) == 111
    assert found.seed_px == 0
    assert found.highest_belief < Pipeline.read(path).sites.seed_prob
    assert len(found.comparisons) == 19
    _writes_a_brief(found, dt.date(2012, 1, 1), dt.date(2013, 1, 1))
    _runs_again_without_change(path)


@pytest.mark.xfail(
    strict=True,
    reason="radar alone takes fresh spoil for a burn or a flood (docs/theory/belief-filter.md, known limits)",
)
@pytest.mark.long
def test_a_pit_pressed_into_real_radar_is_outlined_in_a_stratum_and_dated_since_the_last_quiet_year(shared, tmp_path):
    """It is dug on 10 October 2023. Nobody looked from January to September, and one radar look says little."""
    path = build_s1_world(shared, tmp_path, S1_WINDOWS[3])
    claim_stratum(tmp_path)
    _dig(tmp_path / "sentinel-1-rtc", slice(48, 53), since="20231010")
    found = run_and_measure(path)
    (watch,) = flows.open_watches(Pipeline.read(path))
    room = Workspace(found.report.workspace)
    tables = room.tables()
    bench = flows.Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
    before, *_, after = looked_at(bench)
    sites = tables.sites(watch.aoi.id, watch.lineage, bench.head.last_dekad)
    tables.close()
    pit = (slice(147, 156), slice(147, 156))
    assert before.mined_prob[pit].mean() < 2.0 * before.mined_prob.mean()
    assert after.mined_prob[pit].mean() > 2.5 * after.mined_prob.mean()
    here = [site for site in sites if 144 <= site.seed_row < 159 and 144 <= site.seed_col < 159]
    assert here
    largest = max(here, key=lambda site: site.area.ha)
    assert dt.date(2023, 1, 1) <= date_of(largest.opened_day) <= dt.date(2024, 1, 1)
    is_old = largest.opened_day < watch.place.baseline_end_day
    assert not is_old or found.report.delivered == 0, "ground dug before monitoring began raises no alert"


@pytest.mark.long
def test_radar_alone_outlines_what_is_not_there_in_a_claimed_stratum_and_sends_nothing(shared, tmp_path):
    """None of what it outlines is a mine: docs/benchmarks/real-imagery.md says what was looked at."""
    path = build_s1_world(shared, tmp_path, S1_WINDOWS[1])
    claim_stratum(tmp_path)
    found = run_and_measure(path)
    (result,) = found.report.results
    assert result.verdict in {RunVerdict.CHANGES, RunVerdict.NO_CHANGE}
    assert found.seed_px < 0.05 * found.pixels, "the whole window is claimed as a deposit, and only radar looks at it"
    assert found.alerts <= 2
    assert (result.alerts_raised, found.report.delivered) == (found.alerts, 0)
    assert {one.verdict for one in found.comparisons} == {Verdict.NOT_ASSESSABLE}


def _dig(folder: Path, where: slice, since: str) -> None:
    """Lower the backscatter of a square by what pits and spoil do to it, from a day on."""
    for path in folder.glob("*.tif"):
        if path.name[:8] >= since:
            with rasterio.open(path, "r+") as dataset:
                content = dataset.read(1)
                content[where, where] *= 10.0 ** (-0.3 if path.stem.endswith("vh") else -0.1)
                dataset.write(content.astype(np.float32), 1)


def test_a_claimed_stratum_is_a_stratum(shared, tmp_path):
    build_s1_world(shared, tmp_path, S1_WINDOWS[0])
    claim_stratum(tmp_path)
    content = json.loads((tmp_path / "aoi.geojson").read_text())
    assert [feature["properties"]["role"] for feature in content["features"]] == ["boundary", "stratum"]
    (watch,) = flows.open_watches(Pipeline.read(tmp_path / "pipeline.toml"))
    assert (watch.stratum_index[watch.inside] == 1).all()
