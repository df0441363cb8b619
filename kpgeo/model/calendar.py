"""Days, dekads and reporting periods.

A *day* counts from 1970-01-01 (UTC). A *dekad* is the third of a month used in agrometeorology (days 1–10, 11–20,
21–end); it is kpgeo's step of decision: pixel state is kept as it stood at the end of each dekad, and sites and alerts
are decided dekad by dekad. That makes them a function of the scenes alone, whatever order the scenes arrived in. A
*period* is what declared production is reported for: a year, a half-year or a quarter. All ranges are half-open.
"""

import datetime as dt
import re
from dataclasses import dataclass

from kpgeo.model.errors import BadInputError

_EPOCH = dt.date(1970, 1, 1)
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
_MOMENT = re.compile(
    rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?:[Tt ]({_CLOCK})(Z|z|[+-][0-9]{{2}}:?[0-9]{{2}})?)?", re.ASCII
)
_DEKAD = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])-D([123])", re.ASCII)
_PERIOD = re.compile(r"^([0-9]{4})(?:(H)([12])|(Q)([1-4]))?$")


def day_of(moment: dt.date | dt.datetime) -> int:
    """Return days since 1970-01-01. A datetime must be timezone-aware; it is read in UTC.

    >>> day_of(dt.date(1970, 1, 2))
    1
    """
    if isinstance(moment, dt.datetime):
        if moment.tzinfo is None:
            raise BadInputError("A datetime without a time zone is ambiguous.", remedy="Give it in UTC.")
        moment = moment.astimezone(dt.UTC).date()
    return (moment - _EPOCH).days


def date_in_utc(text: str) -> dt.date:
    """Return the date a text names, in UTC: that of a date, or of a moment that says its zone.

    Midnight without a zone is what programs make of a date: it is taken for that.

    Raises
    ------
    BadInputError
        The text is no ISO date or moment, no day of the calendar, or a moment of the day without its zone.

    >>> date_in_utc("2024-03-01").isoformat(), date_in_utc("2024-02-28T23:30:00-05:00").isoformat()
    ('2024-03-01', '2024-02-29')
    """
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise BadInputError(f"{text[:40]!r} is not an ISO date.", remedy="Write it as 2024-08-31.")
    day, clock, zone = match.groups(default="")
    try:
        date = dt.date.fromisoformat(day)
        moment = dt.datetime.fromisoformat(f"{day}T{clock.replace(':60', ':59') or '00:00'}{zone}")
        if zone:
            return moment.astimezone(dt.UTC).date()
    except (ValueError, OverflowError) as error:
        raise BadInputError(f"{text[:40]!r} is not a day of the calendar.", remedy="Correct it.") from error
    if moment.time() != dt.time():
        raise BadInputError(f"{text[:40]!r} is a moment without a time zone.", remedy="Write the date alone, or Z.")
    return date


def date_of(day: int) -> dt.date:
    """Return the date of a day number.

    >>> date_of(0).isoformat()
    '1970-01-01'
    """
    return _EPOCH + dt.timedelta(days=int(day))


def dekad_of(day: int) -> int:
    """Return the dekad a day falls in, counted from that of 1970-01-01 (36 a year).

    >>> dekad_of(day_of(dt.date(1970, 1, 11))), dekad_of(day_of(dt.date(1971, 1, 31)))
    (1, 38)
    """
    date = date_of(day)
    return (date.year - 1970) * 36 + (date.month - 1) * 3 + min((date.day - 1) // 10, 2)


def dekad_start(dekad: int) -> int:
    """Return the first day of a dekad.

    >>> date_of(dekad_start(38)).isoformat()
    '1971-01-21'
    """
    year, third = divmod(dekad, 36)
    month, part = divmod(third, 3)
    return day_of(dt.date(1970 + year, month + 1, 1 + 10 * part))


def dekad_end(dekad: int) -> int:
    """Return the day after a dekad's last day."""
    return dekad_start(dekad + 1)


def dekad_label(dekad: int) -> str:
    """Return `YYYY-MM-Dn`, n from 1 to 3.

    >>> dekad_label(38)
    '1971-01-D3'
    """
    date = date_of(dekad_start(dekad))
    return f"{date:%Y-%m}-D{dekad % 3 + 1}"


def parse_dekad(text: str) -> int:
    """Read what `dekad_label` writes.

    Raises
    ------
    BadInputError
        It names no dekad.

    >>> parse_dekad("1971-01-D3")
    38
    """
    match = _DEKAD.fullmatch(text.strip())
    if match is None:
        raise BadInputError(f"{text[:80]!r} names no dekad.", remedy="Write it as 2024-08-D1, D2 or D3.")
    return (int(match[1]) - 1970) * 36 + (int(match[2]) - 1) * 3 + int(match[3]) - 1


def month_of(day: int) -> int:
    """Return the month a day falls in, counted from January 1970; a dekad's month is `dekad // 3`.

    >>> month_of(day_of(dt.date(1971, 2, 28)))
    13
    """
    date = date_of(day)
    return (date.year - 1970) * 12 + date.month - 1


def month_end(month: int) -> int:
    """Return the day after a month's last day."""
    return dekad_start(3 * (month + 1))


def month_label(month: int) -> str:
    """Return `YYYY-MM`.

    >>> month_label(13)
    '1971-02'
    """
    return f"{1970 + month // 12}-{month % 12 + 1:02d}"


@dataclass(frozen=True, order=True)
class Period:
    """A reporting period: `2024`, `2024H1` or `2024Q3`.

    Attributes
    ----------
    start_day, end_day : int
        First day, and the day after the last one.
    label : str
        The period as the Kimberley Process writes it.
    """

    start_day: int
    end_day: int
    label: str

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read `2024`, `2024H1` or `2024Q3`; anything else is refused.

        >>> Period.parse("2024H1").end_day == day_of(dt.date(2024, 7, 1))
        True
        """
        match = _PERIOD.match(text.strip())
        if match is None:
            raise BadInputError(f"{text!r} is not a reporting period.", remedy="Write 2024, 2024H1 or 2024Q3.")
        year = int(match[1])
        if not 1900 <= year <= 2148:
            raise BadInputError(f"The year of {text!r} is out of range.", remedy="Give a year from 1900 to 2148.")
        months, number = (6, int(match[3])) if match[2] else (3, int(match[5])) if match[4] else (12, 1)
        first = (number - 1) * months + 1
        start = dt.date(year, first, 1)
        end = dt.date(year + (first + months > 12), (first + months - 1) % 12 + 1, 1)
        return cls(start_day=day_of(start), end_day=day_of(end), label=text.strip())

    @classmethod
    def half_year_of(cls, day: int) -> "Period":
        """Return the half-year a day falls in.

        >>> Period.half_year_of(day_of(dt.date(2024, 7, 1))).label
        '2024H2'
        """
        date = date_of(day)
        return cls.parse(f"{date.year}H{1 if date.month <= 6 else 2}")

    def contains(self, day: int) -> bool:
        """Say whether a day falls in the period."""
        return self.start_day <= day < self.end_day
