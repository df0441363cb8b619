"""The checks of declared production, on series made for each rule, and on the real export."""

import datetime as dt
from collections import defaultdict

import pytest

from kpgeo.model.aoi import Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.finding import Rule, Weight
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.options.checks import CheckOptions
from kpgeo.production import (
    TableReading,
    check_production,
    participants,
    published_figures,
    read_submission,
    response_table,
)

OPTIONS = CheckOptions()
SOURCE = Sourced(source="test", confidence="high")


def figure(period, carats, price=100.0, iso3="GHA", on=dt.date(2025, 1, 1)):
    kind = DeclaredKind.FIGURE if carats is not None else DeclaredKind.NO_PRODUCTION
    return DeclaredFigure(
        participant=participants()[iso3].name,
        iso3=iso3,
        period=Period.parse(period),
        kind=kind,
        carats=carats,
        value_usd=None if carats is None or price is None else round(carats * price, 2),
        as_published_on=on,
        source=SOURCE,
    )


def steady(n=12, carats=50_123.4, **said):
    """Half-years of quiet, unround production at prices that move a little."""
    labels = [f"{2005 + i // 2}H{i % 2 + 1}" for i in range(n)]
    return [
        figure(label, carats * (1 + 0.03 * (i % 3)) + i * 0.37, 100.13 + 1.7 * (i % 4), **said)
        for i, label in enumerate(labels)
    ]


def rules_of(figures):
    return {(one.rule, one.periods) for one in check_production(figures, OPTIONS)}


def test_a_quiet_series_raises_no_question():
    assert check_production(steady(), OPTIONS) == []


@pytest.mark.parametrize(
    ("change", "rule", "periods"),
    [
        ({"2007H1": (None, None)}, None, None),
        ({"2008H2": (50_123.4 * 4.1, 101.3)}, Rule.JUMP, ("2007H2", "2008H2")),
        ({"2008H2": (50_123.4, 1013.1)}, Rule.DECIMAL_SLIP, ("2008H2",)),
        ({"2008H2": (50_123.4, 9.97)}, Rule.DECIMAL_SLIP, ("2008H2",)),
        ({"2008H2": (51_000.0, 101.37)}, Rule.ROUND_TOTAL, ("2008H2",)),
        ({"2008H2": (50_123.4, 107.0)}, Rule.WHOLE_DOLLAR_PRICE, ("2008H2",)),
        ({"2008H2": (50_123.4, 0.0)}, Rule.ZERO_VALUE, ("2008H2",)),
        ({"2008H2": (50_123.4, 31.41)}, Rule.UNIT_VALUE, ("2008H2",)),
    ],
)
def test_each_rule_finds_what_it_is_for_and_nothing_where_it_is_not(change, rule, periods):
    figures = [
        figure(one.period.label, *change[one.period.label]) if one.period.label in change else one for one in steady()
    ]
    found = rules_of(figures)
    if rule is None:
        assert not found
    else:
        assert (rule, periods) in found


def test_copied_halves_missing_halves_and_steps():
    figures = steady()
    copied = [*figures[:5], figure("2007H2", figures[4].carats, 103.1), *figures[6:]]
    assert (Rule.COPIED_PERIOD, ("2007H1", "2007H2")) in rules_of(copied)
    gone = [one for one in figures if one.period.label not in ("2007H1", "2007H2")]
    assert (Rule.MISSING_SUBMISSION, ("2007H1", "2007H2")) in rules_of(gone)
    grown = [figure(one.period.label, one.carats * (1 if i < 6 else 9), 100.13 + i) for i, one in enumerate(figures)]
    assert (Rule.STEP, ("2007", "2008")) in rules_of(grown)


def test_no_production_is_no_missing_submission():
    figures = [one if i < 8 else figure(one.period.label, None) for i, one in enumerate(steady())]
    assert not {rule for rule, _ in rules_of(figures)} & {Rule.MISSING_SUBMISSION, Rule.JUMP}


def test_the_last_half_year_may_not_be_due_yet():
    figures = [*steady(12), *steady(11, iso3="GIN")]
    (one,) = [f for f in check_production(figures, OPTIONS) if f.rule is Rule.MISSING_SUBMISSION]
    assert (one.iso3, one.weight) == ("GIN", Weight.NOTE)


def test_a_revision_is_a_finding_and_the_newest_vintage_is_what_is_checked():
    figures = steady()
    figures.append(figure("2008H1", figures[6].carats * 0.8, 104.4, on=dt.date(2026, 1, 1)))
    (found,) = check_production(figures, OPTIONS)
    assert found.rule is Rule.REVISED
    assert found.numbers["change_frac"] == pytest.approx(-0.2)


def test_findings_speak_three_languages_with_their_own_numbers():
    figures = [figure(one.period.label, 102_000.0, 50.0) if i == 9 else one for i, one in enumerate(steady())]
    for finding in check_production(figures, OPTIONS):
        assert set(finding.sentences) == set(finding.questions) == {"en", "fr", "pt"}
        for language in ("en", "fr", "pt"):
            assert "{" not in finding.sentences[language] + finding.questions[language]
    (round_one,) = [f for f in check_production(figures, OPTIONS) if f.rule is Rule.ROUND_TOTAL]
    assert "102,000" in round_one.sentences["en"]
    assert "102\u202f000" in round_one.sentences["fr"]


def test_the_order_of_figures_does_not_matter():
    figures = steady() + steady(10, iso3="GIN")
    assert check_production(figures, OPTIONS) == check_production(figures[::-1], OPTIONS)


def test_the_response_table_tells_a_figure_from_none_and_from_nothing():
    figures = [*steady(4), figure("2007H1", None), *steady(6, iso3="GIN")]
    labels, table = response_table(figures)
    assert labels == ("2005H1", "2005H2", "2006H1", "2006H2", "2007H1", "2007H2")
    assert [str(kind) for kind in table["GHA"]] == ["figure"] * 4 + ["no-production", "missing"]


# The catalogue of quirks of the real export, from the handbook: which rule has to find each.
QUIRKS = [
    ("LBR", Rule.DECIMAL_SLIP, "2014H1"),
    ("LBR", Rule.SAME_PRICE, "2013H1"),
    ("ZWE", Rule.SAME_PRICE, "2015H1"),
    ("CHN", Rule.WHOLE_DOLLAR_PRICE, "2017H2"),
    ("GIN", Rule.WHOLE_DOLLAR_PRICE, "2008H1"),
    ("CIV", Rule.WHOLE_DOLLAR_PRICE, "2016H1"),
    ("CIV", Rule.WHOLE_DOLLAR_PRICE, "2017H1"),
    ("VEN", Rule.COPIED_PERIOD, "2008H2"),
    ("BRA", Rule.COPIED_PERIOD, "2005H2"),
    ("COG", Rule.ROUND_TOTAL, "2009H1"),
    ("GHA", Rule.ROUND_TOTAL, "2023H1"),
    ("GHA", Rule.ROUND_TOTAL, "2023H2"),
    ("CIV", Rule.MISSING_SUBMISSION, "2009H1"),
    ("CAF", Rule.MISSING_SUBMISSION, "2014H1"),
    ("GIN", Rule.FIGURE_AND_NONE, "2006H2"),
    ("CAF", Rule.ZERO_VALUE, "2003H1"),
    ("CAF", Rule.UNIT_VALUE, "2018H2"),
    ("CIV", Rule.UNIT_VALUE, "2017H2"),
    ("ZWE", Rule.JUMP, "2010H1"),
    ("ZWE", Rule.STEP, "2010"),
    ("COG", Rule.STEP, "2010"),
    ("COG", Rule.UNIT_VALUE, "2010H2"),
    ("GHA", Rule.STEP, "2024"),
    ("GIN", Rule.STEP, "2008"),
    ("ZAF", Rule.UNIT_VALUE, "2014H2"),
    ("COD", Rule.ENTERED_TWICE, "2022H1"),
    ("ZAF", Rule.PARTIAL_YEAR, "2024H1"),
    ("IND", Rule.UNIT_VALUE, "2003H1"),
]


@pytest.fixture(scope="module")
def real_findings(shared):
    path = shared / "data" / "kp_statistics" / "Production of Diamonds - Updated.xlsx"
    reading = TableReading(source="export", twice="sum", formulas="stored", as_published_on=dt.date(2025, 3, 31))
    found = read_submission(path, reading)
    assert len(found.entries) == 1529
    by_key = defaultdict(set)
    for one in check_production(found.figures, OPTIONS, found.entries):
        for label in one.periods:
            by_key[one.iso3, one.rule].add(label)
    return by_key


@pytest.mark.parametrize(("iso3", "rule", "period"), QUIRKS)
def test_every_known_quirk_of_the_real_export_is_found(real_findings, iso3, rule, period):
    assert period in real_findings[iso3, rule]


def test_the_csv_of_the_same_figures_says_the_same(shared):
    folder = shared / "data" / "kp_statistics"
    columns = {
        "participant": "country", "year": "year", "half": "half", "kind": "trade_type", "sector": "production_type",
        "carats": "carat", "value": "usd",
    }  # fmt: skip
    said = {"source": "export", "twice": "sum", "as_published_on": dt.date(2025, 3, 31)}
    from_xlsx = read_submission(
        folder / "Production of Diamonds - Updated.xlsx", TableReading(**said, formulas="stored")
    )
    from_csv = read_submission(
        folder / "kp_production_halfyear_2003_2024_tidy.csv", TableReading(**said, columns=columns)
    )
    assert {f.carats for f in from_csv.figures} == {f.carats for f in from_xlsx.figures}
    assert len(from_csv.figures) == len(from_xlsx.figures)
    world_2019 = sum(f.carats or 0 for f in from_xlsx.figures if f.period.label.startswith("2019"))
    assert world_2019 == pytest.approx(138.1e6, rel=0.005)


def yearly(*carats, first=2008, **said):
    """Years that rows state, at prices that move a little."""
    return [figure(str(first + i), ct, 100.13 + 1.7 * (i % 4), **said) for i, ct in enumerate(carats)]


@pytest.mark.parametrize(
    ("carats", "rule", "periods"),
    [
        ((50_123.4, 51_007.1, 49_311.9), None, None),
        ((50_123.4, 210_007.1, 199_311.9), Rule.JUMP, ("2008", "2009")),
        ((10_123.4, 20_007.1, 40_311.9, 80_001.3), Rule.STEP, ("2008", "2011")),
        ((50_123.4, 51_000.0, 49_311.9), Rule.ROUND_TOTAL, ("2009",)),
        ((50_123.4, 51_007.1, 50_123.4), Rule.COPIED_PERIOD, ("2008", "2010")),
    ],
)
def test_years_are_checked_as_half_years_are(carats, rule, periods):
    found = rules_of(yearly(*carats))
    assert not found if rule is None else (rule, periods) in found


def test_prices_of_years_are_held_against_those_around():
    odd = [*yearly(50_123.4, 51_007.1, 49_311.9, 52_300.7), figure("2012", 50_777.7, 1012.7)]
    assert (Rule.DECIMAL_SLIP, ("2012",)) in rules_of(odd)
    odd[-1] = figure("2012", 50_777.7, 31.41)
    assert (Rule.UNIT_VALUE, ("2012",)) in rules_of(odd)


def test_a_year_that_nothing_is_known_of_is_stepped_over_once():
    biennial = [figure("2006", 474_862.3), figure("2008", 60_490.1), figure("2012", 600_001.7)]
    found = rules_of(biennial)
    assert (Rule.JUMP, ("2006", "2008")) in found
    assert (Rule.JUMP, ("2008", "2012")) not in found


def test_a_year_both_halves_of_which_are_known_is_not_asked_about_twice():
    round_half = [figure("2008H1", 102_000.0), figure("2008H2", 101_000.0)]
    assert rules_of([*round_half, figure("2008", 203_000.0)]) == rules_of(round_half)


def test_a_year_that_says_something_else_than_its_halves_is_asked_about():
    def asked(*rows):
        return [one for one in check_production(rows, OPTIONS) if one.rule is Rule.YEAR_AND_HALVES]

    halves = [figure("2008H1", 50_123.4), figure("2008H2", 51_007.1)]
    assert not asked(*halves, figure("2008", 101_130.5))
    (found,) = asked(*halves, figure("2008", 151_130.5))
    assert found.weight is Weight.QUESTION
    assert "151,130.5 ct, its two halves add up to 101,130.5 ct" in found.sentences["en"]
    (later,) = asked(*halves, figure("2008", 151_130.5, on=dt.date(2026, 1, 1)))
    assert later.weight is Weight.NOTE, "other vintages may differ by a revision"
    (alone,) = asked(halves[0], figure("2008", 40_130.5))
    assert "one half of it alone" in alone.sentences["en"]
    assert not asked(halves[0], figure("2008", 101_130.5))


@pytest.mark.parametrize(
    ("before", "now", "says"),
    [
        (
            (50_123.4, 100.0),
            (40_123.4, 100.0),
            "revised from 50,123.4 to 40,123.4 ct (-20\u00a0%), as published on 2 January",
        ),
        ((50_123.4, 100.0), (50_123.4, 42.0), "The value for 2008H1 was revised from 5,012,340 to 2,105,183 US$"),
        ((None, None), (812.5, 100.0), "“no production” was declared, and then"),
        ((812.5, 100.0), (None, None), "and then, as published on 2 January 2026, “no production”"),
        ((0.0, None), (812.5, 100.0), "revised from 0 to 812.5 ct"),
        ((50_123.4, 100.0), (50_124.4, 100.0), None),
    ],
)
def test_every_kind_of_revision_is_found(before, now, says):
    figures = [figure("2008H1", *before), figure("2008H1", *now, on=dt.date(2026, 1, 2))]
    found = [one for one in check_production(figures, OPTIONS) if one.rule is Rule.REVISED]
    assert len(found) == (says is not None)
    for one in found:
        assert says in one.sentences["en"]
        assert set(one.sentences) == {"en", "fr", "pt"}


def test_each_revision_of_several_is_a_finding_of_its_own():
    figures = [figure("2008H1", 1000.7 * (i + 1), on=dt.date(2020 + i, 1, 1)) for i in range(3)]
    found = [one for one in check_production(figures, OPTIONS) if one.rule is Rule.REVISED]
    assert len({one.id for one in found}) == 2


def test_the_figures_that_kpgeo_ships_are_checked_too():
    found = {(one.iso3, one.rule, one.periods) for one in check_production(published_figures(), OPTIONS)}
    assert ("GHA", Rule.STEP, ("2020", "2023")) in found
    assert ("GIN", Rule.STEP, ("2006", "2008")) in found
    assert ("GHA", Rule.ROUND_TOTAL, ("2023",)) in found
    assert not [one for one in found if one[1] is Rule.ROUND_TOTAL and one[0] in ("AGO", "RUS")], "kpgeo rounded those"


def test_a_row_that_a_later_vintage_lost_is_asked_about_and_one_it_does_not_speak_of_is_not():
    first = steady(6)
    later = [figure(one.period.label, one.carats, 101.3, on=dt.date(2026, 1, 1)) for one in first if one != first[2]]

    def lost(figures):
        return [one.periods for one in check_production(figures, OPTIONS) if "is_lost" in one.numbers]

    assert lost([*first, *later]) == [("2006H1",)]
    assert lost([*first, *later[3:]]) == [], "a vintage of later periods alone leaves out nothing"
    assert lost([*first, figure("2006", 101_130.5, on=dt.date(2026, 1, 1))]) == [], "a year is no half-year"
