"""Vintages and sums of periods."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.model.calendar import Period
from kpgeo.model.production import DeclaredKind, Sector
from kpgeo.production import current_figures, published_figures, sum_to_period
from kpgeo.production.vintages import enclosing_periods, parts_of

OLD, NEW = dt.date(2023, 6, 30), dt.date(2025, 3, 31)
NONE = DeclaredKind.NO_PRODUCTION


def test_the_newest_vintage_is_current_whatever_the_order(make_figure):
    rows = [make_figure("2022", 1.0, on=NEW), make_figure("2022", 2.0, on=OLD), make_figure("2022", 3.0)]
    for figures in (rows, rows[::-1]):
        (current,) = current_figures(figures)
        assert current.carats == 1.0


def test_of_one_vintage_the_later_row_wins(make_figure):
    rows = [make_figure("2022", 1.0, on=NEW), make_figure("2022", 2.0, on=NEW)]
    assert [f.carats for f in current_figures(rows)] == [2.0]


def test_as_of_reads_what_was_known(make_figure):
    rows = [make_figure("2022", 1.0, on=NEW), make_figure("2022", 2.0, on=OLD)]
    assert [f.carats for f in current_figures(rows, as_of=dt.date(2024, 1, 1))] == [2.0]
    assert current_figures(rows, as_of=dt.date(2022, 1, 1)) == ()


def test_an_undated_figure_is_older_than_any_dated_one_and_not_known_before_its_period_ends(make_figure):
    rows = [make_figure("2022", 3.0), make_figure("2022", 1.0, on=NEW)]
    assert [f.carats for f in current_figures(rows, as_of=dt.date(2023, 1, 1))] == [3.0]
    assert current_figures(rows, as_of=dt.date(2022, 12, 31)) == ()


def test_spellings_of_a_participant_do_not_split_a_series(make_figure):
    rows = [make_figure("2022", 1.0, on=OLD), make_figure("2022", 2.0, on=NEW, participant="Cote D'ivoire")]
    assert [f.carats for f in current_figures(rows)] == [2.0]


def test_aois_and_periods_are_kept_apart(make_figure):
    rows = [make_figure("2022", 1.0), make_figure("2022", 2.0, aoi_id=""), make_figure("2022H1", 3.0)]
    assert len(current_figures(rows)) == 3


def _sum(figures, label="2024"):
    return sum_to_period(figures, Period.parse(label), iso3="CIV", aoi_id="civ-seguela")


def test_two_halves_make_a_year(make_figure):
    total = _sum(
        [make_figure("2024H1", 10.0, value_usd=5.0, on=OLD), make_figure("2024H2", 5.5, value_usd=1.0, on=NEW)]
    )
    assert (total.kind, total.carats, total.value_usd) == (DeclaredKind.FIGURE, 15.5, 6.0)
    assert (total.period.label, total.as_published_on) == ("2024", NEW)
    assert total.source.source.startswith("2024H1 + 2024H2")


def test_quarters_make_halves_and_years(make_figure):
    quarters = [make_figure(f"2024Q{n}", float(n)) for n in (1, 2, 3, 4)]
    assert _sum(quarters).carats == 10.0
    assert _sum(quarters, "2024H2").carats == 7.0


def test_a_missing_half_makes_missing_not_zero(make_figure):
    assert _sum([make_figure("2024H1", 10.0)]).kind is DeclaredKind.MISSING
    both = _sum([make_figure("2024H1", 10.0), make_figure("2024H2")])
    assert (both.kind, both.carats) == (DeclaredKind.MISSING, None)


def test_no_row_at_all_is_none(make_figure):
    assert _sum([]) is None
    assert _sum([make_figure("2023", 1.0), make_figure("2024", 1.0, aoi_id="")]) is None


def test_no_production_adds_nothing_and_twice_stays_no_production(make_figure):
    assert _sum([make_figure("2024H1", 10.0), make_figure("2024H2", kind=NONE)]).carats == 10.0
    assert _sum([make_figure("2024H1", kind=NONE), make_figure("2024H2", kind=NONE)]).kind is NONE


def test_a_row_of_the_period_itself_goes_before_the_sum(make_figure):
    assert _sum([make_figure("2024", 7.0), make_figure("2024H1", 1.0), make_figure("2024H2", 1.0)]).carats == 7.0


def test_a_value_is_summed_only_where_every_figure_has_one(make_figure):
    assert _sum([make_figure("2024H1", 10.0, value_usd=5.0), make_figure("2024H2", 5.0)]).value_usd is None


@given(st.integers(1970, 2100), st.sampled_from(["", "H1", "H2", "Q1", "Q2", "Q3", "Q4"]))
def test_parts_tile_their_period_and_enclosing_periods_hold_it(year, part):
    period = Period.parse(f"{year}{part}")
    parts = parts_of(period)
    if parts:
        assert (parts[0].start_day, parts[-1].end_day) == (period.start_day, period.end_day)
        assert parts[0].end_day == parts[1].start_day
        assert all(period in enclosing_periods(piece) for piece in parts)
    for longer in enclosing_periods(period):
        assert longer.start_day <= period.start_day < period.end_day <= longer.end_day


@pytest.mark.parametrize(
    ("iso3", "year", "then", "now"), [("COD", "2022", 9.9e6, 10.78e6), ("AGO", "2020", 7.73e6, 7.91e6)]
)
def test_shipped_revisions_can_be_read_as_of_then(iso3, year, then, now):
    rows = [f for f in published_figures() if f.iso3 == iso3 and f.period.label == year]
    assert [f.carats for f in current_figures(rows)] == [now]
    assert [f.carats for f in current_figures(rows, as_of=dt.date(2024, 1, 1))] == [then]


def test_ways_of_mining_are_one_figure_and_a_total_is_not_added_to_its_parts(make_figure):
    artisanal = make_figure("2022H1", 30.0, sector=Sector.ARTISANAL)
    industrial = make_figure("2022H1", 12.0, sector=Sector.INDUSTRIAL)
    total = make_figure("2022H1", 45.0)
    half = Period.parse("2022H1")

    def said(*rows):
        return sum_to_period(rows, half, iso3="CIV", aoi_id="civ-seguela")

    for rows in ((artisanal, industrial), (industrial, artisanal)):
        assert said(*rows).carats == 42.0
    assert said(artisanal).carats == 30.0
    assert said(artisanal, total, industrial).carats == 45.0
    missing = make_figure("2022H1", sector=Sector.INDUSTRIAL)
    assert said(artisanal, missing).kind is DeclaredKind.MISSING
    none = make_figure("2022H1", kind=DeclaredKind.NO_PRODUCTION, sector=Sector.INDUSTRIAL)
    assert said(artisanal, none).carats == 30.0


def test_parts_of_a_later_vintage_replace_the_row_of_their_period(make_figure):
    year = Period.parse("2016")

    def known(*figures):
        return sum_to_period([make_figure("2016", 100.0, on=OLD), *figures], year, iso3="CIV", aoi_id="civ-seguela")

    halves = make_figure("2016H1", 70.0, on=NEW), make_figure("2016H2", 50.0, on=NEW)
    assert known(*halves).carats == 120.0
    assert known(halves[0]).carats == 100.0, "one half alone says nothing of the year"
    assert known(halves[0], make_figure("2016H2", 50.0, on=OLD)).carats == 100.0
    assert known(halves[0], make_figure("2016H2", on=NEW)).carats == 100.0, "a missing half replaces nothing"
