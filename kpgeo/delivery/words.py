"""Words and numbers of messages in one language, and the cleaning of what others wrote."""

import datetime as dt
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from babel.dates import format_date
from babel.numbers import format_decimal

from kpgeo.model.aoi import LOCALES, Language

_LINE_LIMIT = 300
_OTHER = "other"
_BREAKS = re.compile(r"[ \t\n\r\x0b\x0c\x1c-\x1f\x85\u2028\u2029]+")
_FRENCH_GAPS = re.compile(r" (?=[:;?!»])|(?<=«) ")


@cache
def phrases() -> dict[str, dict[str, dict[str, str]]]:
    """Return all that messages say, by table, key and language."""
    content: dict[str, dict[str, dict[str, str]]] = tomllib.loads(
        files("kpgeo.delivery").joinpath("phrases.toml").read_text(encoding="utf-8")
    )
    return content


def plain(text: object, limit: int = _LINE_LIMIT) -> str:
    r"""Return untrusted text as one line that cannot steer a header, a terminal or a reader.

    Line breaks become spaces; control characters, direction marks and other invisible ones go.

    >>> plain("Bobi\r\nBcc: all@example.org\x1b[31m\u202eX")
    'Bobi Bcc: all@example.org[31mX'
    """
    spaced = _BREAKS.sub(" ", unicodedata.normalize("NFC", str(text))).strip()
    shown = "".join(char for char in spaced if not unicodedata.category(char).startswith("C"))
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


class Wording:
    """Says things in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def say(self, key: str, **values: object) -> str:
        """Return a phrase with values in its braces. Values are cleaned, and never read as templates."""
        phrase = self._spaced(phrases()["phrases"][key][self.language])
        return phrase.format(**{name: plain(one) for name, one in values.items()})

    def named(self, table: str, key: str) -> str:
        """Return the word for a value of a closed vocabulary; of one that is not known, the word for others."""
        known = phrases()[table]
        word = known.get(key) or known.get(_OTHER) or {self.language: plain(key)}
        return self._spaced(word[self.language])

    def name(self, names: Mapping[str, str], otherwise: str) -> str:
        """Return a name somebody gave, in this language or the first there is."""
        return plain(names.get(self.language) or next(iter(names.values()), "") or otherwise, 60)

    def number(self, value: float, decimals: int = 0) -> str:
        """Write a number."""
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return str(format_decimal(value + 0.0, format=pattern, locale=LOCALES[self.language]))

    def ha(self, ha: float) -> str:
        """Write hectares, no finer than they are known."""
        return self.number(ha, 0 if ha >= 99.95 else 1 if ha >= 0.995 else 2)

    def percent(self, frac: float) -> str:
        """Write a share, without claiming a full hundred or a bare zero that is not one."""
        if 0.0 < frac < 0.005:
            return self.say("less-than-1")
        if 0.995 <= frac < 1.0:
            return self.say("more-than-99")
        return f"{self.number(100.0 * frac)}\u00a0%"

    def date(self, day: dt.date | str) -> str:
        """Write a date; of a text that is none, the text."""
        try:
            moment = day if isinstance(day, dt.date) else dt.date.fromisoformat(day[:10])
        except ValueError:
            return plain(day, 40)
        return str(format_date(moment, "d MMM y", locale=LOCALES[self.language])).replace(" ", "\u00a0")

    def _spaced(self, phrase: str) -> str:
        """Return a phrase in which French signs do not begin a line."""
        return _FRENCH_GAPS.sub("\u00a0", phrase) if self.language == "fr" else phrase

    def listed(self, parts: list[str]) -> str:
        """Join texts."""
        return ", ".join(parts)
