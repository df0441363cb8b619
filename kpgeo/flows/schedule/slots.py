"""When a run is due: the moments of a schedule, and which of them no finished run has served.

A due moment is the beginning of a period, in UTC. A run serves the latest one at its beginning and with it all before:
the state follows from the scenes, so one run makes up for any number of missed ones.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kpgeo.model.errors import BadInputError
from kpgeo.model.schedule import RunEntry
from kpgeo.options.schedule import ScheduleOptions

_DEKAD_BEGINS = frozenset({1, 11, 21})
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = dt.timedelta(days=1)
_HOUR = dt.timedelta(hours=1)
_AHEAD = dt.timedelta(hours=1)
"""A run that began so much after now was written down by a clock that was wrong, and says nothing."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """Whether a run is to begin.

    Attributes
    ----------
    due_at : datetime or None
        The due moment to serve; None where no run is to begin.
    missed : int
        Due moments before it that no run has served.
    not_before : datetime or None
        Where no run is to begin: when one is, at the earliest.
    reason : str
        Why not.
    """

    due_at: dt.datetime | None = None
    missed: int = 0
    not_before: dt.datetime | None = None
    reason: str = ""

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        if self.due_at is None:
            until = "" if self.not_before is None else f"Not due until {say_moment(self.not_before)}"
            return f"{until}: {self.reason}."
        also = f", and makes up for {self.missed} before it" if self.missed else ""
        return f"Due since {say_moment(self.due_at)}{also}."


def say_moment(moment: dt.datetime) -> str:
    """Return a moment for people, to the minute.

    >>> say_moment(dt.datetime(2026, 2, 28, 23, 30, tzinfo=dt.UTC))
    '2026-02-28 23:30 UTC'
    """
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def write_moment(moment: dt.datetime | None) -> str | None:
    """Return a moment for programs: ISO 8601 in UTC, to the second; None of none."""
    return None if moment is None else moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def due_before(options: ScheduleOptions, moment: dt.datetime) -> dt.datetime:
    """Return the latest due moment that is not after a moment.

    >>> options = ScheduleOptions(every="dekad", hour_utc=4)
    >>> say_moment(due_before(options, dt.datetime(2028, 3, 1, 3, 59, tzinfo=dt.UTC)))
    '2028-02-21 04:00 UTC'
    """
    slot = _at_hour(options, moment)
    while slot > moment or not _is_due_day(options, slot):
        slot -= _DAY
    return slot


def due_after(options: ScheduleOptions, moment: dt.datetime) -> dt.datetime:
    """Return the earliest due moment after a moment."""
    slot = _at_hour(options, moment)
    while slot <= moment or not _is_due_day(options, slot):
        slot += _DAY
    return slot


def due_between(options: ScheduleOptions, after: dt.datetime, until: dt.datetime) -> list[dt.datetime]:
    """Return the due moments after one moment, up to and with another."""
    found = []
    slot = due_after(options, after)
    while slot <= until:
        found.append(slot)
        slot = due_after(options, slot)
    return found


def credible(runs: Sequence[RunEntry], now: dt.datetime) -> list[RunEntry]:
    """Return the runs that began before now, or so little after it that the clock was corrected in between."""
    return [run for run in runs if run.began_at <= now + _AHEAD]


def last_served(runs: Sequence[RunEntry], now: dt.datetime) -> dt.datetime | None:
    """Return the latest due moment that a finished run has served."""
    served = [run.due_at for run in credible(runs, now) if run.is_done and run.due_at is not None]
    return max(served, default=None)


def due_run(options: ScheduleOptions, runs: Sequence[RunEntry], now: dt.datetime) -> Due:
    """Say whether a run is to begin now. Whoever asks holds the workspace: no run is under way.

    Parameters
    ----------
    runs : sequence of RunEntry
        Those of the pipeline.

    Raises
    ------
    BadInputError
        The pipeline has no schedule.
    """
    require_schedule(options)
    slot, served = due_before(options, now), last_served(runs, now)
    if served is not None and slot <= served:
        return Due(not_before=due_after(options, max(served, now)), reason="the last run that was due is done")
    known = credible(runs, now)
    if not options.catch_up and known and now - slot > dt.timedelta(hours=options.grace_h):
        return Due(not_before=due_after(options, now), reason="the one that was missed is not made up for (catch_up)")
    tries = sorted(run.began_at for run in known if run.due_at == slot and run.began_at > now - _HOUR)
    if len(tries) >= options.tries_per_hour:
        again = tries[-options.tries_per_hour] + _HOUR
        return Due(not_before=again, reason=f"it was begun {len(tries)} times within an hour, and none was done")
    owed = [slot] if served is None else due_between(options, served, now)
    return Due(due_at=slot, missed=len(owed) - 1)


def require_schedule(options: ScheduleOptions) -> None:
    """Refuse a pipeline that has no schedule.

    Raises
    ------
    BadInputError
        Its runs are never due.
    """
    if options.every == "never":
        remedy = 'Write [schedule] and every = "day" (or "week", "dekad") into the pipeline file.'
        raise BadInputError("The pipeline has no schedule.", where="schedule.every", remedy=remedy)


def _at_hour(options: ScheduleOptions, moment: dt.datetime) -> dt.datetime:
    """Return the hour of the schedule on a moment's day."""
    return dt.datetime.combine(moment.astimezone(dt.UTC).date(), dt.time(options.hour_utc), dt.UTC)


def _is_due_day(options: ScheduleOptions, slot: dt.datetime) -> bool:
    if options.every == "dekad":
        return slot.day in _DEKAD_BEGINS
    return options.every != "week" or slot.weekday() == _WEEKDAYS.index(options.weekday)
