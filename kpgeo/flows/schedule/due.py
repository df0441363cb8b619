"""Run a pipeline where a run is due, and see to it that nobody takes silence for quiet."""

import datetime as dt
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpgeo.flows.plans.planning import open_workspace
from kpgeo.flows.schedule.alarm import alarm_content, alarm_item, say_alarm
from kpgeo.flows.schedule.book import run_content, write_heartbeat
from kpgeo.flows.schedule.silence import Sight, judge
from kpgeo.flows.schedule.slots import Due, due_after, due_run, require_schedule, say_moment
from kpgeo.flows.telling.delivering import deliver
from kpgeo.flows.telling.telling import tell_subscribers
from kpgeo.flows.watching.coverage import WHOLE
from kpgeo.flows.watching.record import read_watched
from kpgeo.flows.watching.reporting import RunReport
from kpgeo.flows.watching.running import Asked, compute_of, opened_to_write, run_held
from kpgeo.flows.watching.watch import Progress, silent
from kpgeo.model.calendar import date_of, day_of, dekad_end, dekad_start
from kpgeo.model.errors import BusyError
from kpgeo.model.schedule import Alarm, RunEntry
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.schedule import ScheduleOptions
from kpgeo.store import Tables, Workspace

_ALARMED = 3
_SHOWN_RUNS, _SHOWN_DUE = 10, 5


@dataclass(frozen=True, kw_only=True)
class NotRun:
    """Why no run was begun. That is no fault: the exit code is 0."""

    sentence: str
    not_before: dt.datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        until = None if self.not_before is None else self.not_before.isoformat(timespec="seconds")
        return {"ran": False, "reason": self.sentence, "not_due_until": until, "exit_code": 0}


def run_if_due(
    pipeline: Pipeline, *, workspace: Path | None = None, cluster: str | None = None, progress: Progress = silent
) -> tuple[Due, RunReport] | NotRun:
    """Run a pipeline if a run is due that none has served. Asked and begun while the workspace is held.

    Of several that ask at once, on any hosts, one runs; the others are told so.

    Raises
    ------
    BadInputError
        The pipeline has no schedule; or as `run_pipeline`.
    """
    require_schedule(pipeline.schedule)
    compute = compute_of(pipeline, cluster)
    try:
        with opened_to_write(open_workspace(pipeline, workspace)) as (room, tables):
            now = dt.datetime.now(dt.UTC)
            due = due_run(pipeline.schedule, tables.runs.runs(pipeline.name), now)
            if due.due_at is None:
                write_heartbeat(room, tables, pipeline)
                return NotRun(sentence=due.sentence, not_before=due.not_before)
            return due, run_held(pipeline, room, tables, Asked(compute=compute, due_at=due.due_at), progress)
    except BusyError as busy:
        return NotRun(sentence=f"Not run: {busy.what}")


@dataclass(frozen=True, kw_only=True)
class ScheduleReport:
    """How a pipeline's schedule stands.

    Attributes
    ----------
    standing, raised, over : tuple of Alarm
        Alarms that stand, those of them raised just now, and those that are over just now.
    runs : tuple of RunEntry
        The newest, oldest first.
    next_due_at : datetime
        The next due moment.
    """

    pipeline: str
    standing: tuple[Alarm, ...]
    raised: tuple[Alarm, ...]
    over: tuple[Alarm, ...]
    runs: tuple[RunEntry, ...]
    next_due_at: dt.datetime

    @property
    def exit_code(self) -> int:
        """Return 0 where all is well, 3 where an alarm stands."""
        return _ALARMED if self.standing else 0

    def sentences(self) -> list[str]:
        """Return a line for each alarm, or that all is well, and when the next run is due."""
        lines = [f"ALARM {one.kind}: {say_alarm(one)}" for one in self.standing]
        lines += [say_alarm(one) for one in self.over]
        well = [] if self.standing else [f"{self.pipeline}: runs are done when they are due."]
        return [*lines, *well, f"The next run is due on {say_moment(self.next_due_at)}."]

    def rows(self) -> list[tuple[object, ...]]:
        """Return one row for each run, newest first, for a table."""
        return [
            (
                run.id,
                run.host,
                "-" if run.due_at is None else say_moment(run.due_at),
                say_moment(run.began_at),
                "-" if run.ended_at is None else say_moment(run.ended_at),
                "-" if run.exit_code is None else run.exit_code,
                ", ".join(f"{aoi_id} {verdict}" for aoi_id, verdict in sorted(run.verdicts.items())),
            )
            for run in reversed(self.runs)
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {
            "pipeline": self.pipeline,
            "exit_code": self.exit_code,
            "next_due_at": self.next_due_at.isoformat(timespec="seconds"),
            "alarms": [alarm_content(one) for one in self.standing],
            "over": [alarm_content(one) for one in self.over],
            "runs": [run_content(run) for run in self.runs],
        }


def check_schedule(pipeline: Pipeline, *, workspace: Path | None = None) -> ScheduleReport:
    """Raise an alarm for each silence that began, once, say of each that it is over, once, and deliver both.

    It runs beside runs and without them, by a timer of its own: it writes no more than alarms and the heartbeat.

    Raises
    ------
    BadInputError
        The pipeline has no schedule.
    """
    require_schedule(pipeline.schedule)
    room = open_workspace(pipeline, workspace)
    with closing(room.tables()) as tables:
        now = dt.datetime.now(dt.UTC)
        sight = _sight(pipeline, room, tables, now)
        holding = judge(pipeline.schedule, sight, now)
        raised, over = tables.runs.settle(pipeline.name, holding, now, alarm_item)
        write_heartbeat(room, tables, pipeline)
        if pipeline.deliver.enabled:
            deliver(room, tables, pipeline.deliver)
        tell_subscribers(pipeline, room, tables)
        return ScheduleReport(
            pipeline=pipeline.name,
            standing=tuple(tables.runs.alarms(pipeline.name)),
            raised=tuple(raised),
            over=tuple(over),
            runs=tuple(tables.runs.runs(pipeline.name)[-_SHOWN_RUNS:]),
            next_due_at=due_after(pipeline.schedule, now),
        )


def upcoming(options: ScheduleOptions) -> list[dt.datetime]:
    """Return the next due moments."""
    found: list[dt.datetime] = []
    while len(found) < _SHOWN_DUE:
        found.append(due_after(options, found[-1] if found else dt.datetime.now(dt.UTC)))
    return found


def _sight(pipeline: Pipeline, room: Workspace, tables: Tables, now: dt.datetime) -> Sight:
    return Sight(
        pipeline=pipeline.name,
        runs=tuple(tables.runs.runs(pipeline.name)),
        is_held=room.is_held(),
        standing=frozenset(one.kind for one in tables.runs.alarms(pipeline.name)),
        seen_until=_seen_until(pipeline, room, tables, now),
    )


def _seen_until(pipeline: Pipeline, room: Workspace, tables: Tables, now: dt.datetime) -> dict[str, dt.datetime]:
    """Return, by AOI, the end of the last dekad of which something was seen, or else where decisions begin."""
    found = {}
    for aoi_id, entry in read_watched(room).items():
        if entry["pipeline"]["name"] != pipeline.name or entry["reference"] not in pipeline.aois:
            continue
        rows = [row for row in tables.coverage(aoi_id, entry["lineage"]) if row.stratum_id == WHOLE]
        if rows:
            seen = [row.dekad for row in rows if row.look_frac > pipeline.schedule.blind_frac]
            found[aoi_id] = _moment_of(_seen_day(rows[0].dekad, seen, day_of(now)))
    return found


def _seen_day(first_dekad: int, seen: Sequence[int], today: int) -> int:
    """Return the day until which something was seen. Which day of a dekad it was is not known: its end counts."""
    return min(dekad_end(max(seen)), today) if seen else dekad_start(first_dekad)


def _moment_of(day: int) -> dt.datetime:
    return dt.datetime.combine(date_of(day), dt.time(), dt.UTC)
