"""A cursor over the properties of one feature: reads a field, checks it, records what is wrong."""

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, cast

from kpgeo.model.aoi import LANGUAGES, Confidence, Sourced
from kpgeo.model.calendar import day_of
from kpgeo.registry.rules import Findings, clean

MAX_NAME = 120
MAX_TEXT = 2_000
MAX_ROWS = 100

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_MAX_ID = 64
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
# Control, format (direction marks, zero-width), surrogate, private, unassigned; line and paragraph separators.
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

Kind = TypeVar("Kind", bound=StrEnum)


def id_fault(text: str) -> tuple[str, str] | None:
    """Return (rule, what) where a text cannot be an id, else None.

    >>> id_fault("civ-seguela"), id_fault("../../etc")[0], id_fault("con")[0]
    (None, 'id-syntax', 'id-reserved')
    """
    if len(text) > _MAX_ID or _ID.fullmatch(text) is None:
        return "id-syntax", f"'{clean(text)}' is not an id."
    if text in _DEVICES:
        return "id-reserved", f"'{text}' cannot be an id."
    return None


def text_fault(text: str, longest: int) -> tuple[str, str] | None:
    """Return (rule, what) where a text cannot be shown safely, else None."""
    if len(text) > longest:
        return "text-length", f"The text has {len(text):,} characters; at most {longest:,} fit."
    odd = next((letter for letter in text if unicodedata.category(letter) in _REFUSED_CATEGORIES), None)
    if odd is not None:
        return "text-characters", f"The text holds U+{ord(odd):04X}."
    if not unicodedata.is_normalized("NFC", text):
        return "text-not-nfc", f"'{clean(text)}' is not in Unicode normal form C."
    return None


@dataclass(frozen=True)
class Fields:
    """One JSON object at a place in the file. What is missing or wrong is recorded, and a stand-in is returned."""

    content: dict[str, object]
    place: str
    found: Findings

    @classmethod
    def of(cls, value: object, place: str, found: Findings) -> "Fields":
        """Return a cursor over an object; what is not an object is recorded and read as an empty one."""
        if not isinstance(value, dict):
            found.add("field-type", "This is not an object.", place)
            value = {}
        return cls(value, place, found)

    def at(self, key: str) -> str:
        """Return the place of a field."""
        return f"{self.place}.{key}"

    def only(self, *known: str) -> None:
        """Record fields that are not known."""
        for key in self.content.keys() - set(known):
            self.found.add("field-unknown", f"'{clean(key)}' is not a field kpgeo knows.", self.at(clean(key)))

    def get(self, key: str) -> object:
        """Return a field's value; record it where it is missing."""
        if key not in self.content:
            self.found.add("field-missing", f"The field '{key}' is missing.", self.at(key))
        return self.content.get(key)

    def sub(self, key: str) -> "Fields":
        """Return a cursor over an object in a field."""
        value = self.get(key)
        return Fields.of({} if key not in self.content else value, self.at(key), self.found)

    def text(self, key: str, longest: int = MAX_TEXT, *, blank: bool = False) -> str:
        """Return a text field in normal form C, without control or direction characters."""
        value = self.get(key)
        if not isinstance(value, str) or not (blank or value.strip()):
            if key in self.content:
                self.found.add("field-type", "This is not a text, or it is blank.", self.at(key))
            return ""
        fault = text_fault(value, longest)
        if fault is not None:
            self.found.add(*fault, self.at(key))
            return ""
        return value

    def id(self, key: str = "id") -> str:
        """Return an id."""
        text = self.text(key)
        fault = id_fault(text) if text else None
        if fault is not None:
            self.found.add(*fault, self.at(key))
            return ""
        return text

    def names(self, key: str = "names", longest: int = MAX_NAME) -> dict[str, str]:
        """Return texts by language; English must be there, French and Portuguese may be."""
        sub = self.sub(key)
        sub.only(*LANGUAGES)
        return {
            language: sub.text(language, longest)
            for language in LANGUAGES
            if language == "en" or language in sub.content
        }

    def sourced(self, key: str = "source") -> Sourced:
        """Return where a fact comes from."""
        sub = self.sub(key)
        sub.only("source", "confidence", "mark")
        confidence = sub.one_of("confidence", ("high", "medium", "low"), "confidence-unknown")
        mark = sub.text("mark", MAX_NAME, blank=True) if "mark" in sub.content else ""
        return Sourced(source=sub.text("source"), confidence=cast("Confidence", confidence), mark=mark)

    def one_of(self, key: str, known: tuple[str, ...], rule: str) -> str:
        """Return a text that is one of `known`."""
        value = self.get(key)
        if value in known:
            return value
        if key in self.content:
            self.found.add(rule, f"'{clean(str(value))}' is not known.", self.at(key))
        return known[0]

    def kind(self, key: str, kinds: type[Kind], rule: str) -> Kind:
        """Return a member of an enumeration."""
        return kinds(self.one_of(key, tuple(member.value for member in kinds), rule))

    def number(self, key: str) -> float:
        """Return a number."""
        value = self.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            if key in self.content:
                self.found.add("field-type", "This is not a number.", self.at(key))
            return 0.0
        return float(value)

    def rows(self, key: str) -> list["Fields"]:
        """Return a cursor over each object of a list; the list may be left out."""
        value = self.content.get(key, [])
        if not isinstance(value, list):
            self.found.add("field-type", "This is not a list.", self.at(key))
            return []
        if len(value) > MAX_ROWS:
            self.found.add(
                "list-too-long", f"The list has {len(value):,} entries; at most {MAX_ROWS} fit.", self.at(key)
            )
            return []
        return [Fields.of(item, f"{self.at(key)}.{index}", self.found) for index, item in enumerate(value)]

    def day(self, key: str, *, may_be_open: bool = False, rule: str = "regime-dates") -> int | None:
        """Return the day number of an ISO date (YYYY-MM-DD), or None where it is null and may be."""
        value = self.get(key)
        if value is None and may_be_open:
            return None
        if isinstance(value, str) and _ISO_DATE.fullmatch(value):
            try:
                return day_of(dt.date.fromisoformat(value))
            except ValueError:
                pass
        if key in self.content:
            self.found.add(rule, f"'{clean(str(value))}' is not a date.", self.at(key))
        return None
