"""The schedule: which runs there were, and which silence is an alarm."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DONE_CODES = frozenset({0, 3})
"""Exit codes of a run that was done, or done in part: the next run tries what could not be read again."""


@dataclass(frozen=True, kw_only=True)
class RunEntry:
    """One run, as the run book has it.

    Attributes
    ----------
    due_at : datetime or None
        The due moment it serves, and with it all before; None where it was asked for other days than the usual ones, or
        the pipeline has no schedule.
    ended_at : datetime or None
        None while it is under way. Of a run that was cut short: when that was noticed.
    exit_code : int or None
        None of a run under way, and of one that was cut short.
    verdicts : mapping
        By AOI id, in the words of `RunVerdict`.
    unanswered : tuple of str
        Catalogues that did not answer.
    """

    id: str
    pipeline: str
    host: str
    began_at: dt.datetime
    due_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    exit_code: int | None = None
    verdicts: Mapping[str, str] = field(default_factory=dict, hash=False)
    unanswered: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Say whether it was done, whole or in part."""
        return self.exit_code in DONE_CODES


class AlarmKind(StrEnum):
    """What the silence is that an alarm tells of."""

    MISSING = "missing"
    LATE = "late"
    BLIND = "blind"
    FAILED = "failed"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One silence, from when it was noticed until it was over.

    Attributes
    ----------
    id : str
        "" before it is raised.
    subject : str
        The AOI of one that is blind, the catalogue of one that does not answer, "" of the pipeline itself.
    since : datetime
        When the silence began.
    facts : mapping
        Plain JSON for the sentence: counts, an exit code.
    """

    kind: AlarmKind
    pipeline: str
    subject: str
    since: dt.datetime
    facts: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    id: str = ""
    raised_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
