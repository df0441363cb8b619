"""The checks of declared production, on series made for each rule, and on the real export."""

import datetime as dt
from collections import defaultdict

import pytest

from kpgeo.model.aoi import Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.finding import Rule, Weight
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.options.checks import CheckOptions
from kpgeo.production import TableReading, check_production, participants, read_submission, response_table

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
