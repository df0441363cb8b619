"""Which silence is an alarm: runs that are missing, late or fail again and again, catalogues gone, nothing seen."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kpgeo.flows.schedule.slots import credible, due_before, due_between, last_served, say_moment
from kpgeo.model.schedule import Alarm, AlarmKind, RunEntry
from kpgeo.options.schedule import ScheduleOptions


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is known of a pipeline's runs, and of what they saw.

    Attributes
    ----------
    runs : tuple of RunEntry
        Oldest first.
    is_held : bool
        Somebody holds the workspace, so a run without an end is under way and was not cut short.
    standing : frozenset of AlarmKind
        Kinds of the alarms over the pipeline's runs that were raised and are not over.
    seen_until : mapping
        By AOI id, the end of the last time of which something was seen, or the beginning of what was decided.
    """

    pipeline: str
    runs: tuple[RunEntry, ...]
    is_held: bool
    standing: frozenset[AlarmKind] = frozenset()
    seen_until: Mapping[str, dt.datetime] = field(default_factory=dict)

    @property
    def under_way(self) -> RunEntry | None:
        """Return the run that is under way, if one is."""
        last = self.runs[-1] if self.runs else None
        return last if last is not None and last.ended_at is None and self.is_held else None


def judge(options: ScheduleOptions, sight: Sight, now: dt.datetime) -> list[Alarm]:
    """Return the alarms that hold now, none of them raised yet."""
    sight = replace(sight, runs=tuple(credible(sight.runs, now)))
    return [
        *_missing_and_late(options, sight, now),
        *_failed(options, sight),
        *_unanswered(options, sight),
        *_blind(options, sight, now),
    ]


def _missing_and_late(options: ScheduleOptions, sight: Sight, now: dt.datetime) -> list[Alarm]:
    owed = _owed(options, sight, now)
    if not sight.runs:
        return [_alarm(AlarmKind.MISSING, sight, "", owed[0], due=len(owed), done="")]
    run = sight.under_way
    done = "" if (served := last_served(sight.runs, now)) is None else say_moment(served)
    under_way = "" if run is None else say_moment(run.began_at)
    found = []
    if owed and now - owed[0] > dt.timedelta(hours=options.grace_h):
        found.append(_alarm(AlarmKind.LATE, sight, "", owed[0], under_way=under_way, done=done))
    if len(owed) >= options.missing_runs:
        found.append(_alarm(AlarmKind.MISSING, sight, "", owed[0], due=len(owed), done=done))
    if run is not None and now - run.began_at < dt.timedelta(hours=options.long_run_h):
        return [one for one in found if one.kind in sight.standing]  # neither raised nor over until it is known
    return found


def _owed(options: ScheduleOptions, sight: Sight, now: dt.datetime) -> list[dt.datetime]:
    """Return the due moments that no finished run has served, from the first run on."""
    served = last_served(sight.runs, now)
    if served is not None:
        return due_between(options, served, now)
    begin = sight.runs[0].began_at if sight.runs else now
    return due_between(options, due_before(options, begin) - dt.timedelta(seconds=1), now)


def _failed(options: ScheduleOptions, sight: Sight) -> list[Alarm]:
    """Return the alarm that the last runs, as many as the options say, all failed or were cut short."""
    ended = [run for run in sight.runs if run is not sight.under_way]
    failed = _last_of(ended, [not run.is_done for run in ended])
    if len(failed) < options.failed_runs:
        return []
    code = failed[-1].exit_code
    said = "" if code is None else code
    return [_alarm(AlarmKind.FAILED, sight, "", failed[0].began_at, runs=len(failed), code=said)]


def _unanswered(options: ScheduleOptions, sight: Sight) -> list[Alarm]:
    """Return an alarm for each catalogue that did not answer the last runs that were done."""
    done = [run for run in sight.runs if run.is_done]
    found = []
    for catalogue in done[-1].unanswered if done else ():
        silent = _last_of(done, [catalogue in run.unanswered for run in done])
        if len(silent) >= options.failed_runs:
            since = silent[0].began_at
            found.append(_alarm(AlarmKind.CATALOGUE, sight, catalogue, since, runs=len(silent)))
    return found


def _blind(options: ScheduleOptions, sight: Sight, now: dt.datetime) -> list[Alarm]:
    """Return an alarm for each AOI of which nothing was seen for longer than the options allow."""
    found = []
    for aoi_id, until in sorted(sight.seen_until.items()):
        if now - until > dt.timedelta(days=options.blind_days):
            found.append(_alarm(AlarmKind.BLIND, sight, aoi_id, until, days=(now - until).days))
    return found


def _last_of(runs: Sequence[RunEntry], is_so: Sequence[bool]) -> list[RunEntry]:
    """Return the unbroken row of runs at the end that something is so of."""
    count = next((number for number, so in enumerate(reversed(is_so)) if not so), len(is_so))
    return list(runs[len(runs) - count :])


def _alarm(kind: AlarmKind, sight: Sight, subject: str, since: dt.datetime, **facts: str | int) -> Alarm:
    return Alarm(kind=kind, pipeline=sight.pipeline, subject=subject, since=since, facts=facts)
