"""Runs that begin when they are due, the run book, and alarms that are raised once and ended once."""

import datetime as dt
import http.server
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from kpgeo import cli, flows
from kpgeo.flows.doctor.timetable import schedule_findings
from kpgeo.flows.schedule.alarm import alarm_item
from kpgeo.flows.schedule.book import Booking, heartbeat_file
from kpgeo.flows.schedule.silence import Sight, judge
from kpgeo.flows.schedule.slots import due_before, due_run
from kpgeo.flows.watching.running import opened_to_write
from kpgeo.model.calendar import day_of, dekad_of
from kpgeo.model.decision import Commit, DekadDecision, OutboxItem
from kpgeo.model.errors import BadInputError
from kpgeo.model.run import Coverage, Gap, RunResult, RunVerdict
from kpgeo.model.schedule import AlarmKind, RunEntry
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.schedule import ScheduleOptions
from kpgeo.store import Tables, Workspace

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
NOW = dt.datetime(2026, 3, 2, 4, 7, tzinfo=dt.UTC)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """Return a pipeline that is due every day, with a workspace of its own and a catalogue that is not there."""
    source = {"url": "nowhere/catalog.json", "collections": {"sentinel-2": "s2"}}
    return Pipeline.model_validate({
        "name": "northern", "aois": ["civ-seguela"], "catalog": [source], "folder": str(tmp_path),
        "history": {"start": dt.date(2023, 1, 1), "end": dt.date(2024, 1, 1)},
        "schedule": {"every": "day", "hour_utc": 4},
    })  # fmt: skip


@pytest.fixture
def room(pipeline: Pipeline) -> Workspace:
    return Workspace(pipeline.path(pipeline.workspace))


def _book(tables: Tables, began: dt.datetime, code: int | None = 0, **more) -> None:
    """Write a run of the pipeline that was done in half an hour, or that is under way."""
    options = ScheduleOptions(every="day", hour_utc=4)
    entry = RunEntry(
        id=f"run-{began:%Y%m%dT%H%M}", pipeline="northern", host="h", began_at=began, due_at=due_before(options, began)
    )
    tables.runs.begin(entry)
    if code is not None:
        done = {"ended_at": began + HOUR / 2, "exit_code": code, **more}
        tables.runs.end(RunEntry(**{**vars(entry), **done}))


def _items(room: Workspace) -> list[dict]:
    folder = room.products / "outbox"
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def test_a_run_that_is_not_done_is_an_alarm_once_and_its_end_is_told_once(pipeline: Pipeline, room: Workspace) -> None:
    with closing(room.tables()) as tables, time_machine.travel(NOW, tick=False) as clock:
        _book(tables, NOW)
        assert flows.check_schedule(pipeline).exit_code == 0
        clock.move_to(NOW + DAY + 6 * HOUR)
        assert [one.kind for one in flows.check_schedule(pipeline).raised] == [AlarmKind.LATE]
        for _ in range(3):
            clock.shift(HOUR)
            report = flows.check_schedule(pipeline)
            assert (report.exit_code, report.raised, report.over) == (3, (), ())
        clock.shift(2 * DAY)
        assert [one.kind for one in flows.check_schedule(pipeline).raised] == [AlarmKind.MISSING]
        _book(tables, NOW + 4 * DAY)
        clock.move_to(NOW + 4 * DAY + HOUR)
        report = flows.check_schedule(pipeline)
        assert {one.kind for one in report.over} == {AlarmKind.LATE, AlarmKind.MISSING}
        assert flows.check_schedule(pipeline).exit_code == 0
    told = Counter((one["kind"], one["alarm"]["kind"]) for one in _items(room))
    kinds = ("late", "missing")
    assert told == Counter(pair for kind in kinds for pair in ((f"alarm-{kind}", kind), ("alarm-ended", kind)))
    assert len({one["alarm"]["alarm"] for one in _items(room)}) == 2
    assert "is not done" in (room.products / "outbox" / "digest.md").read_text(encoding="utf-8")


def test_a_season_of_outages_raises_as_many_alarms_as_it_ends(pipeline: Pipeline, room: Workspace) -> None:
    dice = random.Random(7)
    with closing(room.tables()) as tables:

        def look(now: dt.datetime) -> list[RunEntry]:
            runs, standing = tables.runs.runs("northern"), tables.runs.alarms("northern")
            assert len({one.kind for one in standing}) == len(standing)
            kinds = frozenset(one.kind for one in standing)
            sight = Sight(pipeline="northern", runs=tuple(runs), is_held=False, standing=kinds)
            tables.runs.settle("northern", judge(pipeline.schedule, sight, now), now, alarm_item)
            return runs

        up_again = NOW
        for hours in range(0, 24 * 45, 6):
            now = NOW + hours * HOUR
            if dice.random() < 0.04:
                up_again = now + dice.randint(1, 120) * HOUR
            if due_run(pipeline.schedule, look(now), now).due_at is not None and now >= up_again:
                _book(tables, now, dice.choice([0, 0, 0, 3, 4, 5, None]))
        _book(tables, NOW + 46 * DAY)
        look(NOW + 46 * DAY + HOUR)
        alarms = tables.runs.alarms("northern", with_ended=True)
        told = Counter((one.payload["alarm"], one.payload["is_over"]) for one in tables.pending_outbox())
    kinds = Counter(one.kind for one in alarms)
    assert kinds[AlarmKind.LATE] >= 3
    assert kinds[AlarmKind.FAILED] >= 1
    assert all(one.ended_at is not None for one in alarms)
    assert set(told.values()) == {1}
    assert set(told) == {(one.id, is_over) for one in alarms for is_over in (False, True)}


@pytest.mark.fault(24)
def test_a_catalogue_gone_for_days_is_told_although_runs_are_done(pipeline: Pipeline, room: Workspace) -> None:
    with closing(room.tables()) as tables:
        for day in range(3):
            _book(tables, NOW + day * DAY, 3, unanswered=("a.example: s2",))
        with time_machine.travel(NOW + 2 * DAY + HOUR, tick=False):
            report = flows.check_schedule(pipeline)
    assert [(one.kind, one.subject) for one in report.standing] == [(AlarmKind.CATALOGUE, "a.example: s2")]


@pytest.mark.fault(50)
def test_an_area_that_nobody_saw_for_long_is_told_and_that_it_is_seen_again(
    pipeline: Pipeline, room: Workspace
) -> None:
    entry = {"lineage": "belief-2-abc", "pipeline": {"name": "northern"}, "reference": "civ-seguela"}
    left = {**entry, "reference": "no-longer-watched"}
    watched = {"civ-seguela": entry, "left": left, "other": {**entry, "pipeline": {"name": "another"}}}
    (room.path / "watched.json").write_text(json.dumps(watched), encoding="utf-8")

    def decided(day: dt.datetime, look_frac: float, aoi_id: str = "civ-seguela") -> None:
        dekad = dekad_of(day_of(day))
        seen = Coverage(aoi_id=aoi_id, dekad=dekad, stratum_id="*", scenes=1, look_frac=look_frac, optical_frac=0.0)
        commit = Commit(
            aoi_id=aoi_id, lineage="belief-2-abc", snapshot_id="S", first_dekad=dekad, last_dekad=dekad,
            scenes_digest="d",
        )  # fmt: skip
        tables.replace_decisions(commit, [DekadDecision(dekad=dekad, coverage=(seen,))])

    with closing(room.tables()) as tables:
        decided(NOW - 60 * DAY, 0.6)
        decided(NOW - 60 * DAY, 0.6, "left")
        decided(NOW - 60 * DAY, 0.6, "other")
        for days in (50, 40, 30, 20, 10, 0):
            decided(NOW - days * DAY, 0.004)
        _book(tables, NOW)
        with time_machine.travel(NOW + HOUR, tick=False):
            (blind,) = flows.check_schedule(pipeline).standing
            assert (blind.kind, blind.subject) == (AlarmKind.BLIND, "civ-seguela")
            assert blind.since == dt.datetime(2026, 1, 11, tzinfo=dt.UTC)
            decided(NOW - 50 * DAY, 0.5)  # a late scene: still blind, and it is the same alarm
            late = flows.check_schedule(pipeline)
            assert (late.raised, late.over) == ((), ())
            decided(NOW, 0.2)
            assert [one.id for one in flows.check_schedule(pipeline).over] == [blind.id]
    assert {one["aoi"] for one in _items(room)} == {"civ-seguela"}


def test_a_silence_told_of_twice_is_two_alarms(pipeline: Pipeline, room: Workspace) -> None:
    with closing(room.tables()) as tables, time_machine.travel(NOW, tick=False):
        flows.check_schedule(pipeline)
        for _ in range(2):
            tables.runs.settle("northern", [], NOW, _item)
            flows.check_schedule(pipeline)
        alarms = tables.runs.alarms("northern", with_ended=True)
    assert len({one.id for one in alarms}) == 3
    assert len({one.since for one in alarms}) == 1


def _item(alarm) -> OutboxItem:
    return OutboxItem(id=f"out-{alarm.id}-over", aoi_id="", kind="alarm-late", payload={"alarm": alarm.id,
                      "raised_at": "", "ended_at": "", "sentences": {"en": ""}}, created_dekad=0)  # fmt: skip


@pytest.fixture
def due(watched: Path, small_world: Path, tmp_path: Path) -> tuple[Pipeline, Path]:
    """Return a pipeline that is due every day, and a workspace that has all there is."""
    read = Pipeline.read(small_world / "pipeline.toml")
    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    return read.model_copy(update={"schedule": ScheduleOptions(every="day", hour_utc=4)}), workspace


def test_a_run_that_is_due_is_run_once(due: tuple[Pipeline, Path]) -> None:
    pipeline, workspace = due
    now = dt.datetime.now(dt.UTC).replace(hour=10)
    with time_machine.travel(now):
        ran = flows.run_if_due(pipeline, workspace=workspace, cluster="sync")
        assert isinstance(ran, tuple)
        again = flows.run_if_due(pipeline, workspace=workspace, cluster="sync")
        assert isinstance(again, flows.NotRun)
        assert again.not_before == (now + DAY).replace(hour=4, minute=0, second=0, microsecond=0)
        assert flows.check_schedule(pipeline, workspace=workspace).exit_code in {0, 3}
    room = Workspace(workspace)
    with closing(room.tables()) as tables:
        (entry,) = [run for run in tables.runs.runs(pipeline.name) if run.due_at is not None]
    assert entry.id == ran[1].run_id
    assert (entry.exit_code, set(entry.verdicts)) == (0, {"sim-0"})
    beat = json.loads(heartbeat_file(room, pipeline).read_text(encoding="utf-8"))
    assert beat["last_run"]["id"] == entry.id
    assert beat["due_at"] < beat["late_after"]


@pytest.mark.fault(4)
def test_of_two_that_ask_at_once_one_runs_and_the_other_is_told(due: tuple[Pipeline, Path]) -> None:
    pipeline, workspace = due
    with opened_to_write(Workspace(workspace)):
        other = flows.run_if_due(pipeline, workspace=workspace, cluster="sync")
        assert isinstance(other, flows.NotRun)
        assert "Another run is writing here: process" in other.sentence
        assert Workspace(workspace).is_held()
    assert not Workspace(workspace).is_held()


def test_a_run_that_breaks_is_written_down_as_failed(
    due: tuple[Pipeline, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, workspace = due
    broken = pipeline.model_copy(update={"aois": ("no-such-place",)})
    with pytest.raises(BadInputError):
        flows.run_if_due(broken, workspace=workspace, cluster="sync")
    monkeypatch.setattr("kpgeo.flows.watching.running.deliver", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        flows.run_if_due(pipeline, workspace=workspace, cluster="sync")
    with closing(Workspace(workspace).tables()) as tables:
        codes = [run.exit_code for run in tables.runs.runs(pipeline.name)]
    assert codes[-2:] == [2, 1]


_HOLDER = """
import sys, time
from pathlib import Path
from kpgeo.flows.schedule.alarm import alarm_item
from kpgeo.flows.watching.running import opened_to_write
from kpgeo.flows.schedule.book import booked, usual_due
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace

pipeline = Pipeline.model_validate_json(sys.stdin.read())
pipeline = pipeline.model_copy(update={"folder": sys.argv[1]})
with opened_to_write(Workspace(Path(sys.argv[1]) / "workspace")) as (room, tables):
    with booked(room, tables, pipeline, usual_due(pipeline, None, None)) as booking:
        booking.begin("killed-run")
        print("begun", flush=True)
        time.sleep(600)
"""


@pytest.mark.fault(4)
def test_a_run_that_was_killed_is_due_again_at_once(pipeline: Pipeline, room: Workspace) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, pipeline.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        holder.stdin.write(pipeline.model_dump_json())
        holder.stdin.close()
        assert holder.stdout.readline() == "begun\n"
        assert room.is_held()
        assert isinstance(flows.run_if_due(pipeline), flows.NotRun)
        os.kill(holder.pid, signal.SIGKILL)
    assert not room.is_held()
    with opened_to_write(room) as (_, tables):
        due = due_run(pipeline.schedule, tables.runs.runs("northern"), dt.datetime.now(dt.UTC))
        assert due.due_at is not None
        Booking(room, tables, pipeline, due.due_at).begin("next-run")
        killed, following = tables.runs.runs("northern")
    assert (killed.id, killed.exit_code) == ("killed-run", None)
    assert killed.ended_at == following.began_at, "noticed when the next one began"


def test_the_command_says_why_it_does_not_run(tmp_path: Path, small_world: Path, watched: Path) -> None:
    file = tmp_path / "p.toml"
    text = (small_world / "pipeline.toml").read_text(encoding="utf-8")
    file.write_text(text + '\n[schedule]\nevery = "dekad"\n', encoding="utf-8")
    workspace = tmp_path / "workspace"
    with closing(Workspace(workspace).tables()) as tables:
        now = dt.datetime.now(dt.UTC)
        at = due_before(ScheduleOptions(every="dekad"), now)
        entry = RunEntry(
            id="r", pipeline=Pipeline.read(file).name, host="h", began_at=now, due_at=at, ended_at=now, exit_code=0
        )
        tables.runs.end(entry)
    said = CliRunner().invoke(cli.app, ["run", str(file), "--workspace", str(workspace), "--if-due", "--json"])
    assert said.exit_code == 0
    assert said.stdout.startswith("Not due until ")
    assert json.loads(said.stdout.splitlines()[-1])["ran"] is False
    for arguments in (["--since", "2024-01-01"], ["--until", "2024-01-01"]):
        refused = CliRunner().invoke(cli.app, ["run", str(file), "--if-due", *arguments])
        assert refused.exit_code == 2
    checked = CliRunner().invoke(cli.app, ["schedule", "check", str(file), "--workspace", str(workspace), "--json"])
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout.splitlines()[-1])["alarms"] == []


class _Monitor(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def monitor() -> Iterator[tuple[str, list[str]]]:
    """Return the address of an outside monitor on loopback, and what it was asked."""
    _Monitor.asked = []
    server = http.server.HTTPServer(("127.0.0.1", 0), _Monitor)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/ping/4f1c-secret", _Monitor.asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_outside_monitor_hears_of_runs_that_were_done_and_of_no_others(
    pipeline: Pipeline, room: Workspace, monitor: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    url, asked = monitor
    monkeypatch.setenv("KPGEO_HEARTBEAT_URL", url)
    options = ScheduleOptions(every="day", heartbeat_url="env:KPGEO_HEARTBEAT_URL")
    heard = pipeline.model_copy(update={"schedule": options})
    gap = Gap(aoi_id="civ-seguela", day=1, sensor=None, scene_id="", reason="catalogue-failed: a.example: s2: gone")
    result = RunResult(
        run_id="r", aoi_id="civ-seguela", verdict=RunVerdict.PARTIAL, scenes_new=0, tiles=0, snapshot_id="",
        first_dekad=None, last_dekad=None, alerts_raised=0, sites_active=0, gaps=(gap, gap),
    )  # fmt: skip
    with closing(room.tables()) as tables:
        for code in (0, 3, 4, 5):
            booking = Booking(room, tables, heard, NOW)
            booking.begin(f"run-{code}")
            booking.end(code, [result])
        assert asked == ["/ping/4f1c-secret"] * 2
        monkeypatch.setenv("KPGEO_HEARTBEAT_URL", "http://127.0.0.1:1/4f1c-secret")
        deaf = heard.model_copy(update={"wire": heard.wire.model_copy(update={"request_attempts": 1})})
        Booking(room, tables, deaf, NOW).end(0)
        assert "not reached" in caplog.text
        assert all(run.unanswered == ("a.example: s2",) for run in tables.runs.runs("northern") if run.verdicts)
    kept = b"".join(path.read_bytes() for path in room.path.rglob("*") if path.is_file())
    assert b"4f1c-secret" not in kept
    assert "4f1c-secret" not in caplog.text


def test_the_doctor_says_how_the_schedule_stands(pipeline: Pipeline, room: Workspace) -> None:
    def said(given: Pipeline) -> tuple[str, str]:
        (one,) = schedule_findings(given, room.path)
        return one.state, one.detail

    with closing(room.tables()) as tables, time_machine.travel(NOW, tick=False) as clock:
        assert said(pipeline)[0] == "warn"
        booking = Booking(room, tables, pipeline, due_before(pipeline.schedule, NOW))
        booking.begin("a-run")
        booking.end(0)
        assert said(pipeline) == ("ok", "the next run is due on 2026-03-03 04:00 UTC")
        clock.move_to(NOW + DAY + 5 * HOUR)
        assert said(pipeline)[0] == "ok"
        clock.move_to(NOW + DAY + 6 * HOUR)
        assert "should have been done by 2026-03-03 10:00 UTC" in said(pipeline)[1]
        flows.check_schedule(pipeline)
        assert said(pipeline)[1].startswith("1 alarm standing")
        heartbeat_file(room, pipeline).write_bytes(b"[")
        assert said(pipeline)[0] == "fail"
    assert said(pipeline.model_copy(update={"schedule": ScheduleOptions()}))[0] == "ok"
