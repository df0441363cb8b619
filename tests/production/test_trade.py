"""The checks of declared trade, and of sizes of stones."""

import math

import numpy as np
import pytest

from kpgeo.model.aoi import Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.finding import Rule
from kpgeo.model.production import DeclaredFigure, DeclaredKind, Flow, TradeFigure
from kpgeo.options.checks import CheckOptions
from kpgeo.production import SizeTable, check_footprint, check_trade, compare_footprints, participants

OPTIONS = CheckOptions()
SOURCE = Sourced(source="test", confidence="high")


def produced(period, carats, price=100.0, iso3="CIV"):
    return DeclaredFigure(
        participant=participants()[iso3].name, iso3=iso3, period=Period.parse(period), kind=DeclaredKind.FIGURE,
        carats=carats, value_usd=carats * price, as_published_on=None, source=SOURCE,
    )  # fmt: skip


def traded(iso3, flow, period, carats, price=100.0, partner="", certificates=None):
    return TradeFigure(
        participant=participants()[iso3].name, iso3=iso3, flow=flow, period=Period.parse(period),
        kind=DeclaredKind.FIGURE, carats=carats, value_usd=carats * price, certificates=certificates,
        as_published_on=None, source=SOURCE, partner_iso3=partner,
        partner=participants()[partner].name if partner else "",
    )  # fmt: skip


def found(figures, trades):
    return {one.rule: one for one in check_trade(figures, trades, OPTIONS)}


def test_exports_beyond_all_that_came_in_are_asked_about():
    exports = [traded("CIV", Flow.EXPORT, q, 4000.0) for q in ("2015Q1", "2015Q2", "2015Q3", "2015Q4")]
    figures = [produced("2015H1", 4600.0), produced("2015H2", 4649.0)]
    one, _ = check_trade(figures, exports, OPTIONS)
    assert (one.rule, one.periods) == (Rule.BALANCE, ("2015H1",))
    assert one.numbers["excess_ct"] == pytest.approx(3400.0)
    stock = traded("CIV", Flow.STOCK, "2014H2", 10_000.0)
    assert Rule.BALANCE not in found([produced("2014H2", 1.0), *figures], [stock, *exports])


def test_a_half_with_one_declared_quarter_is_not_balanced():
    exports = [traded("CIV", Flow.EXPORT, "2015Q1", 40_000.0)]
    assert Rule.BALANCE not in found([produced("2015H1", 4600.0)], exports)


def mirror(sent, come, **said):
    quarters = [f"{2020 + i // 4}Q{i % 4 + 1}" for i in range(len(sent))]
    out = [traded("CIV", Flow.EXPORT, q, c, partner="ARE", **said) for q, c in zip(quarters, sent, strict=True)]
    back = [traded("ARE", Flow.IMPORT, q, c, partner="CIV", **said) for q, c in zip(quarters, come, strict=True)]
    return [*out, *back]


def test_the_same_stones_one_quarter_later_are_no_difference():
    sent = [1000.0, 3000.0, 2000.0, 5000.0, 1000.0]
    assert not found([], mirror(sent, [0.0, *sent[:-1]]))


def test_stones_that_never_left_are_asked_about():
    one = found([], mirror([1000.0, 1000.0, 1000.0, 1000.0], [3000.0, 2500.0, 3000.0, 2800.0]))[Rule.MIRROR_TRADE]
    assert (one.iso3, one.partner_iso3) == ("CIV", "ARE")
    assert one.numbers["imported_ct"] == pytest.approx(11_300.0)


def test_values_of_goods_whose_carats_agree_are_held_together():
    def rows(import_price):
        quarters = [f"2020Q{q}" for q in (1, 2, 3, 4)]
        out = [traded("CIV", Flow.EXPORT, q, 1000.0, price=100.0, partner="ARE") for q in quarters]
        return [*out, *(traded("ARE", Flow.IMPORT, q, 1000.0, price=import_price, partner="CIV") for q in quarters)]

    one = found([], rows(310.0))[Rule.MIRROR_VALUE]
    assert (one.numbers["exported_usd"], one.numbers["imported_usd"]) == (400_000.0, 1_240_000.0)
    assert "400,000 US$ exported" in one.sentences["en"].replace("\u00a0", " ")
    assert not found([], rows(115.0)), "freight, insurance and another valuation"


def test_where_one_side_says_nothing_there_is_no_difference():
    only = [one for one in mirror([1000.0] * 4, [9000.0] * 4) if one.flow is Flow.EXPORT]
    assert not found([], only)


def test_certificates_are_counted_too():
    rows = [
        *(traded("CIV", Flow.EXPORT, f"2020Q{q}", 1000.0, partner="ARE", certificates=10) for q in (1, 2, 3, 4)),
        *(
            traded("ARE", Flow.IMPORT, f"2020Q{q}", 1000.0, partner="CIV", certificates=n)
            for q, n in ((1, 10), (2, 2), (3, 3), (4, 4))
        ),
    ]
    one = found([], rows)[Rule.MIRROR_CERTIFICATES]
    assert (one.numbers["issued"], one.numbers["received"]) == (40.0, 19.0)


def test_prices_of_exports_stand_in_weakly_for_a_footprint():
    exports = [traded("CIV", Flow.EXPORT, q, 1000.0, price=410.0) for q in ("2016Q1", "2016Q2")]
    one = found([produced("2016H1", 2000.0, price=50.0)], exports)[Rule.EXPORT_UNIT_VALUE]
    assert one.numbers["factor"] == pytest.approx(8.2)
    assert "weak" in one.questions["en"]
    alike = [traded("CIV", Flow.EXPORT, q, 1000.0, price=80.0) for q in ("2016Q1", "2016Q2")]
    assert not found([produced("2016H1", 2000.0, price=50.0)], alike)


EDGES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0)


def sizes(stones, edges=EDGES):
    return SizeTable(participant="Ghana", iso3="GHA", period="2024H1", edges_ct=edges, stones=tuple(stones))


def test_two_parcels_of_one_population_are_alike_and_of_two_are_not():
    rng = np.random.default_rng(5)
    small, large = rng.lognormal(-1.6, 0.8, 4000), rng.lognormal(-0.9, 0.8, 4000)

    def table(weights):
        return sizes(np.histogram(weights, bins=[*EDGES, math.inf])[0])

    assert not check_footprint(table(small[:2000]), table(small[2000:]), OPTIONS)
    (finding,) = check_footprint(table(small), table(large), OPTIONS)
    assert finding.numbers["gap_frac"] > 0.2
    compared = compare_footprints(table(small), table(large))
    assert compared.at_ct in EDGES
    assert 0.1 < compared.effect <= 1.0


def test_chance_is_what_the_test_says_it_is():
    rng = np.random.default_rng(8)
    shares = np.array([0.3, 0.3, 0.2, 0.1, 0.07, 0.03])
    below = [
        compare_footprints(sizes(rng.multinomial(500, shares)), sizes(rng.multinomial(700, shares))).pvalue < 0.05
        for _ in range(400)
    ]
    assert 0.025 <= np.mean(below) <= 0.085


@pytest.mark.parametrize(
    ("stones", "edges"), [((1, 2), (0.0, 0.1, 0.2)), ((1, 2), (0.2, 0.1)), ((0, 0), (0.0, 0.1)), ((-1, 5), (0.0, 0.1))]
)
def test_a_table_of_sizes_that_is_none_is_refused(stones, edges):
    with pytest.raises(BadInputError):
        compare_footprints(sizes(stones, edges), sizes(stones, edges))
