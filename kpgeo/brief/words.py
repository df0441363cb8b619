"""Language: gettext catalogues, numbers, dates, and the cleaning of text that somebody else wrote."""

import datetime as dt
import io
import unicodedata
from functools import cache
from importlib import resources
from typing import Any

from babel import Locale
from babel.core import get_global
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import NullTranslations, Translations

from kpgeo.model.aoi import LANGUAGES, LOCALES, Language
from kpgeo.model.calendar import date_of, day_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import Sensor
from kpgeo.model.site import Area

NBSP = "\u00a0"
_LETTERS = {"en": "NSEW", "fr": "NSEO", "pt": "NSEO"}
_SHORT_DATE = {"en": "d MMM y", "fr": "dd/MM/y", "pt": "dd/MM/y"}
_NAME_LIMIT = 90


def noop(text: str) -> str:
    """Mark a text for translation where it stands; it is translated where it is used."""
    return text


COUNTRIES = {
    "CIV": noop("Côte d’Ivoire"),
    "COD": noop("Democratic Republic of the Congo"),
    "COG": noop("Republic of the Congo"),
    "EUU": noop("European Union"),
}


def plain(text: str, limit: int | None = None) -> str:
    """Return untrusted text as one line that cannot steer whoever shows it.

    Line breaks become spaces; control characters, direction marks and other invisible characters become their code
    point in brackets, so that they are seen instead of obeyed. Longer texts than `limit` are cut with an ellipsis.

    Examples
    --------
    >>> plain("a" + chr(0x202E) + "b" + chr(10) + "c")
    'a[U+202E]b c'
    """
    shown = "".join(_shown(char) for char in unicodedata.normalize("NFC", text))
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def _shown(char: str) -> str:
    """Return a character as it may be printed."""
    if char in "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029":
        return " "
    return f"[U+{ord(char):04X}]" if unicodedata.category(char).startswith("C") else char


@cache
def _catalogue(language: Language) -> NullTranslations:
    """Read a catalogue. English is the language of the keys and needs none."""
    if language == "en":
        return NullTranslations()
    place = resources.files("kpgeo.brief") / "locale" / language / "LC_MESSAGES" / "kpgeo.po"
    with place.open("rb") as stream:
        catalogue = read_po(stream, locale=language, domain="kpgeo")
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled, domain="kpgeo")


class Words:
    """Says things in one language.

    Parameters
    ----------
    language : {"en", "fr", "pt"}

    Raises
    ------
    BadInputError
        For any other language.
    """

    def __init__(self, language: Language) -> None:
        if language not in LANGUAGES:
            raise BadInputError(f"There is no brief in {language!r}.", remedy="Choose en, fr or pt.")
        self.language = language
        self._locale = LOCALES[language]
        self._catalogue = _catalogue(language)
        self.letters = _LETTERS[language]
        self._percent_gap = "\u202f" if language == "fr" else NBSP

    def say(self, text: str, **values: Any) -> str:
        """Translate a text and put values into its braces. Values are never read as templates."""
        said = str(self._catalogue.gettext(text)).replace(" %", f"{self._percent_gap}%")
        return said.format(**values) if values else said

    def say_many(self, one: str, many: str, n: int, **values: Any) -> str:
        """Translate a text that counts something; `{n}` in it is the number."""
        return str(self._catalogue.ngettext(one, many, n)).format(n=self.number(n), **values)

    def number(self, value: float, decimals: int = 0) -> str:
        """Write a number with a fixed number of decimals."""
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return str(format_decimal(value + 0.0, format=pattern, locale=self._locale))

    def rounded(self, value: float, digits: int = 2) -> str:
        """Write an estimate with about `digits` significant digits; whole thousands keep their zeros."""
        size = len(f"{abs(value):.0f}") if abs(value) >= 1.0 else 0
        return self.trimmed(round(value, digits - size) if size > digits else value, max(digits - size, 0))

    def trimmed(self, value: float, decimals: int = 3) -> str:
        """Write a number without zeros at its end."""
        return str(format_decimal(value + 0.0, format="#,##0." + "#" * decimals, locale=self._locale))

    def hectares(self, ha: float) -> str:
        """Write hectares without the unit, no finer than they are known."""
        return self.number(ha, 0 if ha == 0.0 or ha >= 99.95 else 1 if ha >= 0.995 else 2)

    def percent(self, frac: float) -> str:
        """Write a fraction in percent, without claiming a full hundred or a bare zero that is not one."""
        shown = 0.99 if 0.995 <= frac < 1.0 else 0.01 if 0.0 < frac < 0.005 else frac
        text = str(format_percent(shown, format=f"#,##0{self._percent_gap}%", locale=self._locale))
        return ("> " if shown < frac else "< " if shown > frac and shown == 0.01 else "") + text

    def area(self, ha: float) -> str:
        """Write hectares with the unit."""
        return f"{self.hectares(ha)}{NBSP}ha"

    def span(self, area: Area) -> str:
        """Write an area with its interval, as tables do: `12.4 (9.8–15.9)`."""
        return f"{self.hectares(area.ha)} ({self.between(self.hectares(area.low_ha), self.hectares(area.high_ha))})"

    def span_in_words(self, area: Area) -> str:
        """Write an area with its interval, as sentences do."""
        return self.say(
            "{area} (90 % interval {interval})",
            area=self.area(area.ha),
            interval=self.between(self.hectares(area.low_ha), self.area(area.high_ha)),
        )

    def between(self, low: str, high: str) -> str:
        """Write a range."""
        return low if low == high else f"{low}–{high}"

    def date(self, day: int) -> str:
        """Write a day number as a date, in full."""
        moment = date_of(day)
        text = str(format_date(moment, "d MMMM y", locale=self._locale))
        text = text.replace("1 ", "1er ", 1) if self.language == "fr" and moment.day == 1 else text
        if self.language == "pt":
            text = str(format_date(moment, "long", locale=self._locale))
        return text.replace(" ", NBSP)

    def short_date(self, day: int) -> str:
        """Write a day number as a date, for tables."""
        return str(format_date(date_of(day), _SHORT_DATE[self.language], locale=self._locale)).replace(" ", NBSP)

    def moment(self, moment: dt.datetime) -> str:
        """Write a time of acquisition, UTC, to the minute."""
        utc = moment.astimezone(dt.UTC)
        clock = str(format_datetime(utc, "HH:mm", locale=self._locale))
        return f"{self.short_date_of(moment)} {clock}{NBSP}UTC"

    def short_date_of(self, moment: dt.date) -> str:
        """Write a date, or the date of a time (UTC), for tables."""
        return self.short_date(day_of(moment))

    def sensor(self, sensor: Sensor) -> str:
        """Name a sensor."""
        return {Sensor.SENTINEL2: "Sentinel-2", Sensor.LANDSAT: "Landsat", Sensor.SENTINEL1: "Sentinel-1"}[sensor]

    def month(self, year: int, month: int, *, is_short: bool = False) -> str:
        """Name a month, with its year unless short."""
        pattern = "LLL" if is_short else "LLLL y"
        return str(format_date(dt.date(year, month, 1), pattern, locale=self._locale))

    def name(self, text: str) -> str:
        """Return a name somebody gave, cleaned and cut to a length a line can hold."""
        return plain(text, _NAME_LIMIT)

    def months(self, months: tuple[int, ...]) -> str:
        """Name months of the year, runs of them as ranges that may pass the end of the year."""
        chosen = sorted(set(months))
        runs: list[list[int]] = []
        for month in chosen:
            if runs and month == runs[-1][-1] + 1:
                runs[-1].append(month)
            else:
                runs.append([month])
        if len(runs) > 1 and runs[0][0] == 1 and runs[-1][-1] == 12:
            runs[0] = runs.pop() + runs[0]
        names = [[self.month(2001, month, is_short=True) for month in (run[0], run[-1])] for run in runs]
        return self.listed([self.between(first, last) for first, last in names])

    def listed(self, items: list[str]) -> str:
        """Join texts as a list."""
        return ", ".join(items)

    def country(self, iso3: str, otherwise: str) -> str:
        """Name a country by its ISO 3166 alpha-3 code; `otherwise` is returned for codes CLDR does not know."""
        if iso3 in COUNTRIES:
            return self.say(COUNTRIES[iso3])
        codes = get_global("territory_aliases").get(iso3, [])
        known = Locale.parse(self._locale).territories
        return str(known[codes[0]]) if codes and codes[0] in known else self.name(otherwise)
