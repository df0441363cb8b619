"""Numbers, units and dates as people write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.model.errors import BadInputError
from kpgeo.production.cells import CaratUnit, NumberStyle, clean_cell, read_date, read_number

POINT, COMMA, UNSAID = NumberStyle(decimal="point"), NumberStyle(decimal="comma"), NumberStyle()


@pytest.mark.parametrize(
    ("text", "style", "value"),
    [
        ("1 234,5", COMMA, 1234.5),
        ("1\u00a0234,5", COMMA, 1234.5),
        ("1\u202f234\u202f567,25", COMMA, 1_234_567.25),
        ("1\u2009234,5", COMMA, 1234.5),
        ("1.234,5", COMMA, 1234.5),
        ("1’234,5", COMMA, 1234.5),
        ("1234,567", COMMA, 1234.567),
        ("1.234", COMMA, 1234.0),
        ("1.234", POINT, 1.234),
        ("1,234", POINT, 1234.0),
        ("1,234.5", POINT, 1234.5),
        ("1'234'567.5", POINT, 1_234_567.5),
        ("0", POINT, 0.0),
        ("0", UNSAID, 0.0),
        ("1234.5", UNSAID, 1234.5),
        ("  ", UNSAID, None),
        ("\u00a0", COMMA, None),
    ],
)
def test_numbers_are_read_as_their_country_writes_them(text, style, value):
    assert read_number(text, style, "cell") == value


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("1 234,5", UNSAID),
        ("1.234", UNSAID),
        ("1,234", UNSAID),
        ("1,5", UNSAID),
        ("1.234,5", POINT),
        ("1,234.5", COMMA),
        ("1 234.567,8", COMMA),
        ("1.23.456,0", COMMA),
        ("12.34,5", COMMA),
        ("1 23,5", COMMA),
        ("-5", POINT),
        ("(5)", POINT),
        ("−5", POINT),
        ("1e5", POINT),
        ("n/a", UNSAID),
        ("12 ct", POINT),
        ("NaN", POINT),
        ("٣", POINT),
        ("1 234 5", COMMA),
    ],
)
def test_what_may_be_read_in_two_ways_is_refused_and_says_where(text, style):
    with pytest.raises(BadInputError) as refusal:
        read_number(text, style, "figures.csv, row 7, column carats")
    assert "row 7" in refusal.value.where
    assert refusal.value.remedy


@given(st.integers(0, 10**11), st.integers(0, 99), st.sampled_from([" ", "\u00a0", "\u202f", ".", "'", ""]))
def test_any_grouping_of_a_comma_country_comes_back(whole, cents, group):
    text = f"{whole:,}".replace(",", group) + f",{cents:02d}"
    assert read_number(text, COMMA, "") == pytest.approx(whole + cents / 100, rel=1e-12)


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_number_or_is_refused(text):
    for style in (POINT, COMMA, UNSAID):
        try:
            value = read_number(text, style, "")
        except BadInputError:
            continue
        assert value is None or (math.isfinite(value) and value >= 0.0)


def test_units_are_carats():
    assert CaratUnit.G.carats == pytest.approx(5.0)
    assert CaratUnit.KG.carats == pytest.approx(5000.0)
    assert CaratUnit.KCT.carats == 1000.0


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|x", "-2+3a", "a\x00b", "a\u202eb", "x" * 501])
def test_no_cell_is_a_formula_or_hides_something(cell):
    with pytest.raises(BadInputError):
        clean_cell(cell, "row 2", is_number=False)


@pytest.mark.parametrize("text", ["03/04/2024", "2024-13-01", "2024-02-30", "45000", "1 Jan 2024"])
def test_dates_that_differ_from_country_to_country_are_refused(text):
    with pytest.raises(BadInputError):
        read_date(text, "row 2")
