"""Clocks and calendars: set back between runs and within one, zones, leap days, ends of years and halves."""

import datetime as dt
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icechunk
import numpy as np
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from kpgeo import flows
from kpgeo.flows.watching.scenes import span_of
from kpgeo.model.calendar import (
    Period,
    date_of,
    day_of,
    dekad_end,
    dekad_label,
    dekad_of,
    dekad_start,
    month_end,
    month_of,
)
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.grid import Grid
from kpgeo.model.state import DYNAMIC_LAYERS, STATIC_LAYERS, Layer, TileBaseline, TileState
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import StateHead, StateStore
from kpgeo.store import files as store_files

pytestmark = pytest.mark.fault(10)

Fingerprint = Callable[[Path, Path], tuple[str, str]]
days = st.integers(day_of(dt.date(1972, 1, 1)), day_of(dt.date(2148, 1, 1)))
zones = st.sampled_from(
    ("Africa/Abidjan", "Africa/Casablanca", "America/New_York", "Pacific/Kiritimati", "Asia/Kolkata")
)
_FIRST, _LAST = dt.datetime(1972, 1, 2), dt.datetime(2099, 1, 1)  # noqa: DTZ001 - a zone is given to what lies between
_GRID = Grid(epsg=32630, left_m=0.0, top_m=100.0, width=8, height=8, tile_px=8)


@given(days)
def test_each_day_lies_in_one_dekad_one_month_and_one_half_year(day: int) -> None:
    dekad, month = dekad_of(day), month_of(day)
    assert dekad_start(dekad) <= day < dekad_end(dekad)
    assert dekad_end(dekad) - dekad_start(dekad) in {8, 9, 10, 11}
    assert dekad_of(dekad_end(dekad)) == dekad + 1
    assert dekad // 3 == month
    assert day < month_end(month) == dekad_start(3 * (month + 1))
    half = Period.half_year_of(day)
    assert half.contains(day)
    assert Period.half_year_of(half.end_day).start_day == half.end_day, "half-years join without hole or overlap"
    assert dekad_label(dekad).startswith(f"{date_of(day):%Y-%m}")


def test_the_leap_day_and_the_ends_of_years_and_halves() -> None:
    leap = dt.date(2024, 2, 29)
    assert dekad_label(dekad_of(day_of(leap))) == "2024-02-D3"
    assert dekad_end(dekad_of(day_of(leap))) == day_of(dt.date(2024, 3, 1))
    assert Period.parse("2024Q1").contains(day_of(leap))
    assert Period.half_year_of(day_of(dt.date(2024, 6, 30))).label == "2024H1"
    assert Period.half_year_of(day_of(dt.date(2024, 7, 1))).label == "2024H2"
    assert Period.half_year_of(day_of(dt.date(2024, 12, 31))).label == "2024H2"
    assert Period.half_year_of(day_of(dt.date(2025, 1, 1))).label == "2025H1"
    assert Period.parse("2100H1").end_day - Period.parse("2100H1").start_day == 181, "2100 is no leap year"
    with pytest.raises(BadInputError):
        Period.parse("2024H3")


@given(st.datetimes(_FIRST, _LAST), zones, st.integers(0, 1))
def test_a_moment_is_of_one_day_in_whatever_zone_it_is_written(moment: dt.datetime, zone: str, fold: int) -> None:
    """Also in the hour that summer time gives twice, or not at all."""
    local = moment.replace(tzinfo=ZoneInfo(zone), fold=fold)
    assert day_of(local) == day_of(local.astimezone(dt.UTC)) == local.timestamp() // 86_400


@pytest.fixture
def local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return a function that sets the zone of this process, as a badly set up server has it."""

    def use(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield use
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2023-12-31T23:59:59+00:00", "2023-12-31"),
        ("2024-01-01T00:00:00+00:00", "2024-01-01"),
        ("2024-02-29T12:00:00+00:00", "2024-02-29"),
        ("2024-03-10T02:30:00-05:00", "2024-03-10"),
        ("2024-06-30T23:30:00-05:00", "2024-07-01"),
    ],
)
def test_today_is_the_day_in_utc(
    small_world: Path, local_zone: Callable[[str], None], now: str, last: str, zone: str
) -> None:
    local_zone(zone)
    (watch,) = flows.open_watches(Pipeline.read(small_world / "pipeline.toml"))
    with time_machine.travel(dt.datetime.fromisoformat(now), tick=False):
        span = span_of(watch, StateHead(), None, None)
    assert date_of(span.until_day - 1).isoformat() == last


def test_what_is_found_does_not_depend_on_the_clock(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    """A run over the end of a leap day, years later, in another zone."""
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    with time_machine.travel(dt.datetime(2048, 2, 29, 23, 59, 59, tzinfo=ZoneInfo("Asia/Kolkata"))):
        report = flows.run_pipeline(Pipeline.read(small_world / "pipeline.toml"), workspace=workspace, cluster="sync")
    assert report.exit_code == 0
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)
    assert (workspace / "runs" / report.run_id / "manifest.json").exists()
    assert report.run_id.startswith("20480229T182959Z")


def test_a_clock_set_back_by_hours_is_said_and_nothing_is_lost(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Fingerprint
) -> None:
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(hours=30)):
        report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    assert report.exit_code == 5
    assert "The clock says" in str(report.errors["sim-0"])
    assert "Set the clock right" in report.errors["sim-0"].remedy
    assert flows.run_pipeline(pipeline, workspace=workspace, cluster="sync").exit_code == 0
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)


def _write(store: StateStore, dekad: int, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Write a run of one dekad, and do something when it has begun."""
    (tile,) = _GRID.tiles()

    def zeros(layers: Mapping[str, Layer]) -> dict[str, Any]:
        return {name: np.zeros((*layer.lead, 8, 8), dtype=layer.dtype) for name, layer in layers.items()}

    with store.begin(dekad, dekad) as writer:
        meanwhile()
        region = writer.region()
        if writer.head.first_dekad is None:
            region.write_baseline(tile, TileBaseline(**zeros(STATIC_LAYERS)))
        region.write_state(tile, dekad, TileState(**zeros(DYNAMIC_LAYERS)))
        writer.merge([region])
        writer.commit({}, applied={})


def test_a_clock_corrected_by_seconds_is_waited_for(tmp_path: Path) -> None:
    store = StateStore(folder=tmp_path / "state", grid=_GRID)
    _write(store, 10)
    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)):
        _write(store, 11)
    assert store.head().last_dekad == 11


def test_what_is_written_after_the_clock_was_set_back_is_synced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files then bear a time before the run began."""
    store = StateStore(folder=tmp_path / "state", grid=_GRID)
    synced: set[Path] = set()
    sync = store_files.fsync_path
    monkeypatch.setattr(store_files, "fsync_path", lambda path: (synced.add(Path(path)), sync(path)))
    ahead = time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(hours=5))
    ahead.start()
    try:
        _write(store, 10, meanwhile=ahead.stop)
    except BaseException:
        ahead.stop()
        raise
    assert {path for path in (store.folder / "chunks").rglob("*") if path.is_file()} <= synced
    assert {path for path in (store.folder / "snapshots").rglob("*") if path.is_file()} <= synced


def test_a_clock_that_is_not_that_of_the_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = StateStore(folder=tmp_path / "state", grid=_GRID)

    def drifted(*_: object, **__: object) -> None:
        raise icechunk.IcechunkError("snapshot timestamp is invalid, please verify if the machine clock has drifted")

    monkeypatch.setattr(icechunk.Session, "commit", drifted)
    with pytest.raises(IntegrityError, match="different times") as caught:
        _write(store, 10)
    assert "Set the clocks right" in caught.value.remedy
    monkeypatch.undo()
    _write(store, 10)
