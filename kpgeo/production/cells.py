"""Cells that people typed: numbers, units, dates. What could be read in two ways is refused, never guessed."""

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError

MAX_CELL = 500
MAX_CARATS = 200e6
MAX_USD = 50e9
CARAT_G = 0.2
"""One metric carat is 0.2 g exactly (4th General Conference on Weights and Measures, 1907)."""

_SPACES = "\u0020\u00a0\u2009\u202f"
_FORMULA = ("=", "+", "-", "@")
_PLAIN = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?", re.ASCII)
_GROUPED = {
    "point": re.compile(
        rf"[0-9]{{1,3}}(?:(?P<group>[,'’{_SPACES}])[0-9]{{3}})(?:(?P=group)[0-9]{{3}})*(?:\.[0-9]{{1,6}})?"
    ),
    "comma": re.compile(
        rf"[0-9]{{1,3}}(?:(?P<group>[.'’{_SPACES}])[0-9]{{3}})(?:(?P=group)[0-9]{{3}})*(?:,[0-9]{{1,6}})?"
    ),
}
_BARE = {"point": _PLAIN, "comma": re.compile(r"[0-9]{1,12}(?:,[0-9]{1,6})?", re.ASCII)}
_AOI = re.compile(r"([a-z0-9][a-z0-9-]{0,62})?", re.ASCII)
_THREE_DIGITS = re.compile(r"[0-9]{1,3}[.,][0-9]{3}", re.ASCII)

DecimalSign = Literal["point", "comma"]


class CaratUnit(StrEnum):
    """In what weights are stated."""

    CT = "ct"
    KCT = "kct"
    G = "g"
    KG = "kg"

    @property
    def carats(self) -> float:
        """Return how many carats one is."""
        return {"ct": 1.0, "kct": 1000.0, "g": 1.0 / CARAT_G, "kg": 1000.0 / CARAT_G}[self.value]


@dataclass(frozen=True, kw_only=True)
class NumberStyle:
    """How a table writes its numbers.

    Attributes
    ----------
    decimal : {"point", "comma"} or None
        The sign before the decimals. None: nobody said, and only numbers that read alike everywhere are taken.
    """

    decimal: DecimalSign | None = None


def read_number(text: str, style: NumberStyle, where: str) -> float | None:
    r"""Return the number a cell holds, or None where it is blank.

    Groups of three may be parted by any one kind of space, by an apostrophe, or by whichever of point and comma is not
    the decimal sign; all groups by the same.

    Raises
    ------
    BadInputError
        The cell is no such number, is negative, or could be read in two ways.

    Examples
    --------
    >>> read_number("1\u202f234,5", NumberStyle(decimal="comma"), "")
    1234.5
    >>> read_number("1,234.5", NumberStyle(decimal="point"), "")
    1234.5
    """
    text = text.strip(_SPACES)
    if not text:
        return None
    if text[0] in "-−(" and any(sign.isdigit() for sign in text):
        raise BadInputError(f"{text!r} is negative.", where=where, remedy="Production and trade are 0 or more.")
    if style.decimal is None:
        return _read_plain(text, where)
    if not (_BARE[style.decimal].fullmatch(text) or _GROUPED[style.decimal].fullmatch(text)):
        raise BadInputError(
            f"{text!r} is not a number with a decimal {style.decimal}.",
            where=where,
            remedy="Correct the cell, or state the other decimal sign if the whole table uses it.",
        )
    decimal_sign = "." if style.decimal == "point" else ","
    whole, _, decimals = text.partition(decimal_sign)
    digits = "".join(sign for sign in whole if sign.isdigit())
    return float(f"{digits}.{decimals or '0'}")


def _read_plain(text: str, where: str) -> float:
    """Read a number that means the same in every country."""
    remedy = "State which sign stands before the decimals (--decimal point or --decimal comma)."
    if _THREE_DIGITS.fullmatch(text):
        raise BadInputError(
            f"{text!r} may be a number with three decimals or one in the thousands.", where=where, remedy=remedy
        )
    if _PLAIN.fullmatch(text):
        return float(text)
    if any(sign in ",.'’" or sign in _SPACES for sign in text) and not any(sign.isalpha() for sign in text):
        raise BadInputError(f"{text!r} has separators that differ from country to country.", where=where, remedy=remedy)
    raise BadInputError(
        f"{text[:40]!r} is not a number.",
        where=where,
        remedy="Leave the cell blank where there is no figure; words and units go elsewhere.",
    )


def clean_cell(cell: str, where: str, *, is_number: bool = False) -> str:
    """Return a cell without the spaces around it, in Unicode NFC.

    Raises
    ------
    BadInputError
        It holds what no honest cell does: a formula, control or invisible characters, a flood of text.
    """
    if len(cell) > MAX_CELL:
        raise BadInputError(f"The cell is longer than {MAX_CELL} characters.", where=where, remedy="Shorten it.")
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in cell):
        raise BadInputError("The cell holds a control character.", where=where, remedy="Retype the cell.")
    text = unicodedata.normalize("NFC", cell).strip(_SPACES)
    if text.startswith(_FORMULA) and not (is_number and text[1:2].isdigit()):
        raise BadInputError(
            f"{text[:40]!r} begins like a spreadsheet formula.", where=where, remedy="Write the value itself."
        )
    return text


def read_date(text: str, where: str) -> dt.date | None:
    """Return the ISO date a cell holds, or None where it is blank.

    Raises
    ------
    BadInputError
        `03/04/2024` and other forms that differ from country to country; a day that is not of the calendar.
    """
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]{4,15})?", text, re.ASCII):
        raise BadInputError(f"{text[:40]!r} is not an ISO date.", where=where, remedy="Write it as 2025-06-30.")
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError as error:
        raise BadInputError(f"{text!r} is not a day of the calendar.", where=where) from error


def read_period(text: str, where: str) -> Period:
    """Return the reporting period a cell holds.

    Raises
    ------
    BadInputError
        It is none.
    """
    try:
        return Period.parse(text)
    except BadInputError as error:
        raise BadInputError(error.what, where=where, remedy=error.remedy) from error


def read_aoi_id(text: str, where: str) -> str:
    """Return the AOI's id a cell holds; blank is the whole participant.

    Raises
    ------
    BadInputError
        It cannot be an id.
    """
    if not _AOI.fullmatch(text):
        raise BadInputError(
            f"{text[:60]!r} is not an AOI id.",
            where=where,
            remedy="Lower-case letters, digits, hyphens; blank for the whole participant.",
        )
    return text


def check_most(value: float, most: float, unit: str, where: str) -> float:
    """Return a number that is believable.

    Raises
    ------
    BadInputError
        It is more than the whole world produces.
    """
    if value > most:
        raise BadInputError(
            f"{value:,.0f} {unit} is more than the whole world produces.", where=where, remedy="Check the unit."
        )
    return value
