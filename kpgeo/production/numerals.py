"""Numbers and days as sentences write them, in the manner of their language."""

import datetime as dt
import math

from babel.dates import format_date
from babel.numbers import format_decimal

from kpgeo.model.aoi import LOCALES, Language
from kpgeo.production.phrases import phrases

_LEAST = 1e-4


class Numerals:
    """Writes numbers and days in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.locale = LOCALES[language]

    def date(self, date: dt.date) -> str:
        """Write a day."""
        written = format_date(date, format="long", locale=self.locale)
        return f"1er{written[1:]}" if self.language == "fr" and date.day == 1 else written

    def number(self, value: float, pattern: str) -> str:
        """Write a number after a pattern of Unicode CLDR."""
        return format_decimal(value, format=pattern, locale=self.locale)

    def ha(self, ha: float) -> str:
        """Write an area."""
        return self.number(ha, "#,##0.0" if ha >= 1.0 or ha == 0.0 else "#,##0.00")

    def carats(self, carats: float) -> str:
        """Write carats of a capacity, which is no sharper than two digits."""
        return self.number(round_to_two(carats), "#,##0")

    def odds(self, prob: float) -> str:
        """Write a probability; none of a model is 0 or 1."""
        return self.percent(min(max(prob, _LEAST), 1.0 - _LEAST))

    def percent(self, frac: float) -> str:
        """Write a share; close to 0 and 1 it is written as a bound, because no model is that sure."""
        if 0.0 < frac < 0.005:
            return phrases()["less-than-1"][self.language]
        if 0.995 <= frac < 1.0:
            return phrases()["more-than-99"][self.language]
        return f"{self.number(100.0 * frac, '0')}\u00a0%"


def round_to_two(value: float) -> float:
    """Round to two significant digits: the interval is no sharper than that.

    >>> round_to_two(96_400.0), round_to_two(5.4), round_to_two(0.0)
    (96000.0, 5.0, 0.0)
    """
    if value <= 0.0:
        return 0.0
    return round(value, min(1 - math.floor(math.log10(value)), 0))
