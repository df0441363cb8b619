"""Words: complete catalogues, CLDR numbers and dates, and text that cannot steer its reader."""

import datetime as dt
import re
import string
import unicodedata
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.brief import words as words_module
from kpgeo.brief.words import NBSP, Words, plain
from kpgeo.model.calendar import day_of
from kpgeo.model.errors import BadInputError

ROOM = Path(words_module.__file__).parent
KEYWORDS = {"say": None, "noop": None, "say_many": (1, 2)}
NARROW = "\u202f"


def spoken():
    """Return every text the room says, as gettext sees it."""
    found = extract_from_dir(ROOM, method_map=[("**.py", "python")], keywords=KEYWORDS)
    return {
        tuple(message) if isinstance(message, list | tuple) else message for _, _, message, _, _ in found if message
    }


def catalogue(language):
    with (ROOM / "locale" / language / "LC_MESSAGES" / "kpgeo.po").open("rb") as stream:
        return read_po(stream, locale=language)


@pytest.mark.parametrize("language", ["fr", "pt"])
def test_no_text_is_missing_obsolete_or_fuzzy(language):
    entries = [message for message in catalogue(language) if message.id]
    ids = {tuple(message.id) if isinstance(message.id, list | tuple) else message.id for message in entries}
    assert ids == spoken()
    assert not catalogue(language).obsolete
    assert not [message.id for message in entries if message.fuzzy]
    for message in entries:
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(said), message.id


@pytest.mark.parametrize("language", ["fr", "pt"])
def test_translations_use_the_same_braces(language):
    def fields(text):
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    for message in catalogue(language):
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        for one, other in zip(ids, said, strict=True):
            if one:
                assert fields(one) == fields(other), one


def test_plural_rules_differ_between_french_and_portuguese():
    assert catalogue("fr").num_plurals == catalogue("pt").num_plurals == 2
    one, many = "{n} month little seen", "{n} months little seen"
    assert Words("en").say_many(one, many, 0) == "0 months little seen"
    assert Words("fr").say_many(one, many, 0) == "0 mois peu vu"
    assert Words("fr").say_many(one, many, 2) == "2 mois peu vus"
    assert Words("pt").say_many(one, many, 1) == "1 mês pouco visto"
    assert Words("pt").say_many(one, many, 0) == "0 meses pouco vistos"


def test_numbers_follow_the_language():
    assert Words("en").number(12345.6, 1) == "12,345.6"
    assert Words("fr").number(12345.6, 1) == f"12{NARROW}345,6"
    assert Words("pt").number(12345.6, 1) == f"12{NBSP}345,6"
    assert Words("fr").percent(0.25) == f"25{NARROW}%"
    assert Words("en").percent(0.25) == f"25{NBSP}%"
    assert Words("fr").area(0.5) == f"0,50{NBSP}ha"


def test_estimates_are_no_finer_than_they_are_known():
    words = Words("en")
    assert [words.rounded(value) for value in (0, 0.4, 3.14, 31.4, 314, 31_415)] == [
        "0",
        "0.4",
        "3.1",
        "31",
        "310",
        "31,000",
    ]
    assert [words.hectares(value) for value in (0, 0.123, 0.999, 12.34, 99.96, 1234.5)] == [
        "0",
        "0.12",
        "1.0",
        "12.3",
        "100",
        "1,234",
    ]
    assert words.trimmed(0.2) == "0.2"
    assert words.percent(0.999) == f"> 99{NBSP}%"
    assert words.percent(0.001) == f"< 1{NBSP}%"
    assert words.percent(1.0) == f"100{NBSP}%"
    assert words.percent(0.0) == f"0{NBSP}%"


def test_dates_follow_the_language():
    first, later = day_of(dt.date(2025, 3, 1)), day_of(dt.date(2025, 3, 21))
    assert Words("en").date(first) == f"1{NBSP}March{NBSP}2025"
    assert Words("fr").date(first) == f"1er{NBSP}mars{NBSP}2025"
    assert Words("fr").date(later) == f"21{NBSP}mars{NBSP}2025"
    assert Words("pt").date(first) == f"1{NBSP}de{NBSP}março{NBSP}de{NBSP}2025"
    assert Words("fr").short_date(first) == Words("pt").short_date(first) == "01/03/2025"
    moment = dt.datetime(2025, 3, 1, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert Words("fr").moment(moment) == f"28/02/2025 22:30{NBSP}UTC"


def test_months_of_a_season_pass_the_end_of_the_year():
    assert Words("en").months((1, 2, 3, 11, 12)) == "Nov–Mar"
    assert Words("en").months((4, 5, 6, 9, 10, 11)) == "Apr–Jun, Sept–Nov"
    assert Words("en").months((7,)) == "Jul"
    assert Words("en").months(()) == ""


def test_countries_are_named_in_the_language():
    assert Words("fr").country("CAF", "Central African Republic") == "République centrafricaine"
    assert Words("pt").country("CIV", "x") == "Costa do Marfim"
    assert Words("fr").country("XSM", "Simulated <land>") == "Simulated <land>"


def test_an_unknown_language_is_refused():
    with pytest.raises(BadInputError, match="Choose en, fr or pt"):
        Words("de")


def test_values_are_never_templates():
    assert (
        Words("en").say("{period}: {said}", period="{said}", said="{0} %s {x.__class__}")
        == "{said}: {0} %s {x.__class__}"
    )


@given(st.text(max_size=60))
def test_plain_text_has_no_control_and_keeps_its_meaning(text):
    shown = plain(text)
    assert not [char for char in shown if unicodedata.category(char).startswith("C")]
    assert "\n" not in shown
    assert plain(shown) == shown
    assert re.sub(r"\[U\+[0-9A-F]{4,6}\]", "", shown) == shown or any(
        unicodedata.category(char).startswith("C") or "[U+" in text for char in text
    )


def test_plain_text_is_cut_to_a_limit():
    assert plain("x" * 100, 10) == "x" * 9 + "…"
    assert len(Words("en").name("n" * 300)) == 90
