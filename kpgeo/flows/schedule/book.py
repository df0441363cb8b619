"""A run's entry in the run book, from its beginning to its end, and the heartbeat that others watch."""

import datetime as dt
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from kpgeo.flows.schedule.slots import due_after, due_before, last_served, write_moment
from kpgeo.flows.watching.record import json_line
from kpgeo.model.errors import IntegrityError, KpgeoError
from kpgeo.model.ids import digest
from kpgeo.model.run import RunResult
from kpgeo.model.schedule import RunEntry
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Tables, Workspace, write_atomic
from kpgeo.wire import Access, FetchError, open_session, trusted_by

_log = logging.getLogger(__name__)
_UNEXPECTED = 1
_UNANSWERED = "catalogue-failed: "


class Booking:
    """One run's entry while the run is under way."""

    def __init__(self, room: Workspace, tables: Tables, pipeline: Pipeline, due_at: dt.datetime | None) -> None:
        self._room = room
        self._tables = tables
        self._pipeline = pipeline
        now = dt.datetime.now(dt.UTC)
        self._entry = RunEntry(
            id=f"{now:%Y%m%dT%H%M%SZ}-{digest(pipeline.name, now)[:6]}",
            pipeline=pipeline.name,
            host=socket.gethostname(),
            began_at=now,
            due_at=due_at,
        )

    def begin(self, run_id: str) -> None:
        """Write that the run began, under the id that its record has."""
        self._entry = replace(self._entry, id=run_id)
        self._tables.runs.begin(self._entry)
        self._beat()

    def end(self, exit_code: int, results: Sequence[RunResult] = ()) -> None:
        """Write how the run ended, and ask the outside monitor's address where it was done."""
        self._entry = replace(
            self._entry,
            ended_at=dt.datetime.now(dt.UTC),
            exit_code=exit_code,
            verdicts={result.aoi_id: str(result.verdict) for result in results},
            unanswered=_unanswered(results),
        )
        self._tables.runs.end(self._entry)
        self._beat()
        if self._entry.is_done:
            _ask_monitor(self._pipeline)

    def _beat(self) -> None:
        write_heartbeat(self._room, self._tables, self._pipeline)


@contextmanager
def booked(room: Workspace, tables: Tables, pipeline: Pipeline, due_at: dt.datetime | None) -> Iterator[Booking]:
    """Keep a run's entry: one that ends by an error is written down with the error's exit code."""
    booking = Booking(room, tables, pipeline, due_at)
    try:
        yield booking
    except BaseException as error:
        code = error.exit_code if isinstance(error, KpgeoError) else _UNEXPECTED
        with suppress(KpgeoError, OSError):  # what stopped the run is what is told
            booking.end(IntegrityError.exit_code if isinstance(error, OSError) else code)
        raise


def usual_due(pipeline: Pipeline, since: dt.date | None, until: dt.date | None) -> dt.datetime | None:
    """Return the due moment that a run begun now serves; None where it has none, or is asked for other days."""
    if pipeline.schedule.every == "never" or since is not None or until is not None:
        return None
    return due_before(pipeline.schedule, dt.datetime.now(dt.UTC))


def heartbeat_file(room: Workspace, pipeline: Pipeline) -> Path:
    """Return the file that says when a pipeline last ran and when it is due: `heartbeat-<pipeline>.json`."""
    return room.inside(f"heartbeat-{pipeline.name}.json")


def write_heartbeat(room: Workspace, tables: Tables, pipeline: Pipeline) -> None:
    """Write the heartbeat anew: whatever watches it needs no more than this file and a clock."""
    write_atomic(heartbeat_file(room, pipeline), json_line(heartbeat_content(tables, pipeline)))


def heartbeat_content(tables: Tables, pipeline: Pipeline) -> dict[str, Any]:
    """Return what the heartbeat says: the last run, what it served, when silence becomes a fault, alarms that stand."""
    options, now = pipeline.schedule, dt.datetime.now(dt.UTC)
    runs = tables.runs.runs(pipeline.name)
    content: dict[str, Any] = {
        "pipeline": pipeline.name,
        "written_at": write_moment(now),
        "last_run": run_content(runs[-1]) if runs else None,
        "last_done_at": write_moment(max((run.ended_at for run in runs if run.is_done and run.ended_at), default=None)),
        "alarms": [one.id for one in tables.runs.alarms(pipeline.name)],
    }
    if options.every != "never":
        served = last_served(runs, now)
        due = due_before(options, now) if served is None else due_after(options, served)
        content["served"] = write_moment(served)
        content["due_at"] = write_moment(due)
        content["late_after"] = write_moment(due + dt.timedelta(hours=options.grace_h))
    return content


def run_content(run: RunEntry) -> dict[str, Any]:
    """Return a run's entry as plain JSON."""
    return {
        "id": run.id,
        "host": run.host,
        "due_at": write_moment(run.due_at),
        "began_at": write_moment(run.began_at),
        "ended_at": write_moment(run.ended_at),
        "exit_code": run.exit_code,
        "verdicts": dict(run.verdicts),
        "unanswered": list(run.unanswered),
    }


def _unanswered(results: Sequence[RunResult]) -> tuple[str, ...]:
    """Return the catalogues that did not answer, by host and collection, as the gaps name them."""
    reasons = [
        gap.reason.removeprefix(_UNANSWERED) for one in results for gap in one.gaps if _is_unanswered(gap.reason)
    ]
    return tuple(sorted({": ".join(reason.split(": ")[:2]) for reason in reasons}))


def _is_unanswered(reason: str) -> bool:
    return reason.startswith(_UNANSWERED)


def _ask_monitor(pipeline: Pipeline) -> None:
    """Ask the address of an outside monitor, which misses it when no run is done. The address is a secret of a kind."""
    name = pipeline.schedule.heartbeat_url.removeprefix("env:")
    url = os.environ.get(name, "") if name else ""
    if name and not url:
        _log.warning("heartbeat: the environment holds no %s", name)
    if not url:
        return
    access = Access(options=pipeline.wire, trusted_hosts=trusted_by([url]))
    try:
        with open_session(access) as session:
            answer = session.get(url)
        if not answer.ok:
            _log.warning("heartbeat: the monitor answered %s", answer.status_code)
    except (FetchError, ValueError, OSError) as error:
        _log.warning("heartbeat: the monitor was not reached (%s)", type(error).__name__)
