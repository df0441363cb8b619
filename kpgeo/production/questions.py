"""Findings in words, in three languages: what was found, and what would be asked. Every number is the finding's own."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files

from babel.numbers import format_decimal

from kpgeo.model.aoi import LANGUAGES, LOCALES, Language
from kpgeo.model.calendar import date_of
from kpgeo.model.finding import Finding
from kpgeo.production.numerals import Numerals

_COUNTS = frozenset({"halves", "rows", "issued", "received"})


def put_into_words(finding: Finding) -> Finding:
    """Return a finding with its sentences and questions."""
    phrase = _phrases()[_key_of(finding)]
    words = {language: _words_of(finding, language) for language in LANGUAGES}
    return replace(
        finding,
        sentences={language: phrase["says"][language].format(**words[language]) for language in LANGUAGES},
        questions={language: phrase["asks"][language].format(**words[language]) for language in LANGUAGES},
    )


def _key_of(finding: Finding) -> str:
    """Return the phrase of a rule, or of a variant of it that one of its numbers calls for."""
    for name, value in finding.numbers.items():
        key = f"{finding.rule}-{name.removeprefix('is_')}"
        if name.startswith("is_") and value and key in _phrases():
            return key
    return str(finding.rule)


def _words_of(finding: Finding, language: Language) -> dict[str, str]:
    words = {name: in_words(name, value, language) for name, value in finding.numbers.items()}
    return words | {
        "participant": finding.participant,
        "partner": finding.partner,
        "period": finding.periods[-1],
        "first": finding.periods[0],
        "last": finding.periods[-1],
    }


def in_words(name: str, value: float, language: Language) -> str:
    """Write a number as its name says it is: a share, a year, a day, a price, carats."""
    if name.endswith("_day"):
        return Numerals(language).date(date_of(int(value)))
    is_share = name.endswith("_frac")
    written = format_decimal(
        100.0 * value if is_share else value, format=_pattern(name, value), locale=LOCALES[language]
    )
    return f"{written}\u00a0%" if is_share else written


def _pattern(name: str, value: float) -> str:
    if name in _COUNTS or name.endswith("year"):
        return "0"
    if name == "pvalue":
        return "0.####"
    if name.endswith("_usd") or (name == "factor" and value >= 10.0):
        return "#,##0"
    if name.endswith("_frac"):
        return "#,##0.#"
    return "#,##0.0" if name == "factor" else "#,##0.00" if name.endswith("_per_ct") else "#,##0.##"


@cache
def _phrases() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads(files("kpgeo.production").joinpath("questions.toml").read_text(encoding="utf-8"))
