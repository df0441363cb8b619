"""The run book: which runs began and ended, and the alarms over those that did not."""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update

from kpgeo.model.decision import OutboxItem
from kpgeo.model.ids import make_id
from kpgeo.model.schedule import DONE_CODES, Alarm, AlarmKind, RunEntry
from kpgeo.store import rows, schema
from kpgeo.store.database import Database

_LOCK = "LOCK TABLE alarms IN EXCLUSIVE MODE"

ItemOf = Callable[[Alarm], OutboxItem]
"""Makes of an alarm, raised or over, what is to be delivered."""


class Runbook:
    """Runs and alarms. Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, entry: RunEntry) -> None:
        """Write that a run began. Whoever calls holds the workspace: other runs without an end were cut short."""
        columns = schema.runs.c
        cut_short = update(schema.runs).where(columns.ended_at.is_(None), columns.id != entry.id)
        with self._database.writing() as connection:
            connection.execute(cut_short.values(ended_at=rows.to_utc(entry.began_at)))
            connection.execute(insert(schema.runs), _row_of_run(entry))

    def end(self, entry: RunEntry) -> None:
        """Write how a run ended, whether its beginning was written or not."""
        row = _row_of_run(entry)
        put = update(schema.runs).where(schema.runs.c.id == entry.id)
        with self._database.writing() as connection:
            if connection.execute(put.values(**row)).rowcount == 0:
                connection.execute(insert(schema.runs), row)

    def runs(self, pipeline: str, *, newest: int = 400) -> list[RunEntry]:
        """Return the newest runs of a pipeline, and the one that last served a due moment, oldest first."""
        columns = schema.runs.c
        of_pipeline = select(schema.runs).where(columns.pipeline == pipeline)
        last = of_pipeline.order_by(columns.began_at.desc(), columns.id.desc()).limit(newest)
        served = of_pipeline.where(columns.exit_code.in_(sorted(DONE_CODES)), columns.due_at.is_not(None))
        with self._database.reading() as connection:
            found = {row["id"]: row for row in connection.execute(last).mappings()}
            for row in connection.execute(served.order_by(columns.due_at.desc()).limit(1)).mappings():
                found.setdefault(row["id"], row)
        return sorted(map(_run_of_row, found.values()), key=lambda run: (run.began_at, run.id))

    def alarms(self, pipeline: str, *, with_ended: bool = False) -> list[Alarm]:
        """Return the alarms of a pipeline that stand, in the order they were raised; with those that are over, all."""
        with self._database.reading() as connection:
            return _alarms(connection, pipeline, with_ended=with_ended)

    def settle(
        self, pipeline: str, holding: Sequence[Alarm], now: dt.datetime, item_of: ItemOf
    ) -> tuple[list[Alarm], list[Alarm]]:
        """Raise what holds and is not raised, end what no longer holds, and put each into the outbox, once.

        An alarm that stands is left alone while its silence lasts, whatever is found out about when it began.

        Returns
        -------
        list of Alarm, list of Alarm
            Those raised, and those that are over.
        """
        with self._database.writing() as connection:
            if connection.dialect.name != "sqlite":
                connection.execute(text(_LOCK))
            known = _alarms(connection, pipeline, with_ended=True)
            standing = {(one.kind, one.subject): one for one in known if one.ended_at is None}
            held = {(one.kind, one.subject) for one in holding}
            raised = [_raised(one, known, now) for one in holding if (one.kind, one.subject) not in standing]
            over = [replace(one, ended_at=now) for key, one in standing.items() if key not in held]
            for one in raised:
                connection.execute(insert(schema.alarms), _row_of_alarm(one))
            for one in over:
                put = update(schema.alarms).where(schema.alarms.c.id == one.id)
                connection.execute(put.values(ended_at=rows.to_utc(now)))
            for one in (*raised, *over):
                _put_item(connection, item_of(one))
        return raised, over


def _raised(alarm: Alarm, known: Sequence[Alarm], now: dt.datetime) -> Alarm:
    """Return an alarm with its id: of the same silence, told of anew after it was over, it is another one."""
    parts = (alarm.pipeline, alarm.kind, alarm.subject, rows.to_utc(alarm.since))
    same = sum((one.pipeline, one.kind, one.subject, rows.to_utc(one.since)) == parts for one in known)
    return replace(alarm, id=make_id("alarm", *parts, *([same] if same else [])), raised_at=now)


def _put_item(connection: Connection, item: OutboxItem) -> None:
    table = schema.outbox
    if connection.scalar(select(func.count()).select_from(table).where(table.c.id == item.id)) == 0:
        connection.execute(insert(table), {**rows.row_of_outbox(item), "lineage": ""})


def _alarms(connection: Connection, pipeline: str, *, with_ended: bool) -> list[Alarm]:
    columns = schema.alarms.c
    query = select(schema.alarms).where(columns.pipeline == pipeline).order_by(columns.raised_at, columns.id)
    if not with_ended:
        query = query.where(columns.ended_at.is_(None))
    return [_alarm_of_row(row) for row in connection.execute(query).mappings()]


def _row_of_run(entry: RunEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "pipeline": entry.pipeline,
        "host": entry.host,
        "began_at": rows.to_utc(entry.began_at),
        "due_at": rows.to_utc_or_none(entry.due_at),
        "ended_at": rows.to_utc_or_none(entry.ended_at),
        "exit_code": entry.exit_code,
        "verdicts": rows.to_json(dict(entry.verdicts)),
        "unanswered": rows.to_json(list(entry.unanswered)),
    }


def _run_of_row(row: Any) -> RunEntry:
    return RunEntry(
        id=row["id"],
        pipeline=row["pipeline"],
        host=row["host"],
        began_at=dt.datetime.fromisoformat(row["began_at"]),
        due_at=rows.from_utc_or_none(row["due_at"]),
        ended_at=rows.from_utc_or_none(row["ended_at"]),
        exit_code=row["exit_code"],
        verdicts=json.loads(row["verdicts"]),
        unanswered=tuple(json.loads(row["unanswered"])),
    )


def _row_of_alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "id": alarm.id,
        "pipeline": alarm.pipeline,
        "kind": str(alarm.kind),
        "subject": alarm.subject,
        "since": rows.to_utc(alarm.since),
        "facts": rows.to_json(dict(alarm.facts)),
        "raised_at": rows.to_utc_or_none(alarm.raised_at),
        "ended_at": rows.to_utc_or_none(alarm.ended_at),
    }


def _alarm_of_row(row: Any) -> Alarm:
    return Alarm(
        id=row["id"],
        pipeline=row["pipeline"],
        kind=AlarmKind(row["kind"]),
        subject=row["subject"],
        since=dt.datetime.fromisoformat(row["since"]),
        facts=json.loads(row["facts"]),
        raised_at=rows.from_utc_or_none(row["raised_at"]),
        ended_at=rows.from_utc_or_none(row["ended_at"]),
    )
