"""Names of people are hostile text: two spellings of one person are one, and nobody signs as two."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.model.errors import RuleError
from kpgeo.model.review import NAME_LIMIT, TEXT_LIMIT, read_person, read_text, same_person


@pytest.mark.parametrize(
    "name", ["Awa Koné", "M. N'Dri-Brou", "a.kone@kp.example", "Нина", "李小龙", "Awa (WGM)", "A2"]
)
def test_names_people_have_are_kept(name):
    assert read_person(name) == name


def test_spaces_and_forms_are_settled_once():
    assert read_person("  Awa   Koné ") == "Awa Koné"
    assert read_person(unicodedata.normalize("NFD", "Koné")) == "Koné"


@pytest.mark.parametrize(
    "name",
    [
        *("", "   ", "...", "123", "Awa\n", "Awa\tK", "Awa\x1b[31m", "Awa\u202eenoK", "Awa\u200bK", "Awa\u00a0Koné"),
        *("Awa\u034f", "Awa\u3164", "Awa\ufe0f", "\u115f", "Awa\U000e0101", "<b>Awa</b>", "=Awa", "Awa|K", "Awa;K"),
        *("kpgeo", "KPGEO", "\uff4bpgeo", "\u0410wa", "Aw\u03b1", "x" * (NAME_LIMIT + 1), "Awa\udc80", "Awa\x00"),
    ],
)
def test_what_is_no_name_is_refused_by_rule(name):
    with pytest.raises(RuleError) as refused:
        read_person(name)
    assert refused.value.rule == "name"
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Awa Koné", "awa koné"),
        ("Awa Koné", "AWA  KONÉ"),
        ("Straße", "STRASSE"),
        ("Koné", "Kone\u0301"),
        ("Ａwa", "awa"),
    ],
)
def test_one_person_in_two_spellings_is_one(one, other):
    assert same_person(one, other)


def test_two_people_are_two():
    assert not same_person("Awa Koné", "Awa Kone")
    assert not same_person("Awa", "Bakary")


@given(st.text(max_size=100))
def test_a_name_that_is_kept_is_kept_the_second_time_and_shows_all_it_is(text):
    try:
        name = read_person(text)
    except RuleError:
        return
    assert read_person(name) == name
    assert all(unicodedata.category(char)[0] != "C" for char in name)
    assert same_person(name, text)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[2J", "a\u202eb", "a\u2028b", "a\u200bb", "x" * (TEXT_LIMIT + 1)])
def test_what_cannot_stand_in_a_text_is_refused(text):
    with pytest.raises(RuleError) as refused:
        read_text(text)
    assert refused.value.rule == "text"


def test_line_breaks_may_stand_in_a_text():
    assert read_text(" seen\r\nfrom the road ") == "seen\nfrom the road"
