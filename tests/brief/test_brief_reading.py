"""What the inputs come to: ranks, growth, months, gaps."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.brief.declared_chart import period_rows
from kpgeo.brief.reading import group_gaps, months_seen, new_area_of, rank_sites
from kpgeo.model.calendar import Period, day_of, dekad_of
from kpgeo.model.run import Coverage
from kpgeo.model.site import Area, SiteStatus, sum_areas

JAN, MAR = day_of(dt.date(2025, 1, 1)), day_of(dt.date(2025, 3, 1))


def row(dekad, look, optical, scenes=1, stratum="*"):
    return Coverage(aoi_id="a", dekad=dekad, stratum_id=stratum, scenes=scenes, look_frac=look, optical_frac=optical)


def test_confirmed_sites_lead_and_closed_ones_end(inputs):
    readings = rank_sites(inputs)
    assert [reading.number for reading in readings] == [1, 2, 3, 4, 5, 6]
    assert readings[0].site.id == inputs.sites[0].id
    assert readings[2].site.id == inputs.sites[5].id, "a first sign ranks before a site without an alert"
    assert readings[-1].site.status is SiteStatus.CLOSED


def test_rank_does_not_depend_on_the_order_of_rows(inputs):
    turned = replace(
        inputs,
        sites=list(reversed(inputs.sites)),
        alerts=list(reversed(inputs.alerts)),
        site_events=list(reversed(inputs.site_events)),
        site_history={key: list(reversed(rows)) for key, rows in inputs.site_history.items()},
    )
    assert rank_sites(turned) == rank_sites(inputs)


def test_growth_starts_at_the_last_row_before_the_period(inputs):
    by_id = {reading.site.id: reading for reading in rank_sites(inputs)}
    opened, grown = by_id[inputs.sites[0].id], by_id[inputs.sites[1].id]
    assert opened.is_new
    assert opened.grown == inputs.sites[0].area
    before = [one for one in inputs.site_history[inputs.sites[1].id] if one.dekad < dekad_of(inputs.start_day)][-1]
    assert not grown.is_new
    assert grown.grown.ha == pytest.approx(inputs.sites[1].area.ha - before.area.ha)
    assert grown.grown.low_ha == pytest.approx(inputs.sites[1].area.low_ha - before.area.high_ha)


def test_a_site_that_only_opened_earlier_did_not_grow(world):
    site = world.site("a", 752_000, 902_000, 100, opened_day=world.start - 100)
    [reading] = rank_sites(world.inputs(sites=[site], site_history={}, site_events=()))
    assert reading.grown.high_ha == 0.0
    assert not reading.is_new


def test_merged_sites_are_not_ranked(world):
    site = world.site("a", 752_000, 902_000, 100, merged_into="site-b", status=SiteStatus.CLOSED)
    assert rank_sites(world.inputs(sites=[site])) == ()


def test_months_by_hand():
    first = dekad_of(JAN)
    rows = [
        row(first, 0.9, 0.6),
        row(first + 1, 0.0, 0.0, scenes=0),
        row(first + 3, 0.5, 0.5),
        row(first, 1, 1, stratum=""),
    ]
    january, february = months_seen(rows, JAN, MAR)
    assert january.optical_frac == pytest.approx(0.2)
    assert january.radar_frac == pytest.approx(0.1)
    assert january.unacquired_frac == pytest.approx(2 / 3), "no scene, and no row, are both not acquired"
    assert january.unclear_frac == pytest.approx(0.1 / 3)
    assert february.seen_frac == pytest.approx(0.5 / 3)
    assert january.scenes == 1


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3)), max_size=6))
def test_shares_of_a_month_sum_to_one(values):
    rows = [row(dekad_of(JAN) + n, max(a, b), min(a, b), c) for n, (a, b, c) in enumerate(values)]
    for month in months_seen(rows, JAN, MAR):
        shares = (month.optical_frac, month.radar_frac, month.unclear_frac, month.unacquired_frac)
        assert sum(shares) == pytest.approx(1.0)
        assert min(shares) >= -1e-12


def test_a_month_nobody_looked_at_is_not_quiet():
    [january] = months_seen([], JAN, JAN + 31)
    assert january.unacquired_frac == 1.0
    assert january.seen_frac == 0.0


def test_gaps_are_grouped_by_reason_within_the_period(inputs):
    outside = replace(inputs.gaps[0], day=inputs.end_day)
    groups = group_gaps([*inputs.gaps, outside], inputs.start_day, inputs.end_day)
    assert [(group.reason, group.count, group.tiles) for group in groups] == [
        ("unreadable", 5, 2),
        ("catalogue-failed", 1, 0),
    ]


def test_sums_of_areas_add_ends(inputs):
    assert sum_areas([Area(ha=2, low_ha=1, high_ha=4), Area(ha=3, low_ha=2, high_ha=5)]) == Area(
        ha=5, low_ha=3, high_ha=9
    )
    assert new_area_of(replace(inputs.comparisons[0], activities=())) is None


def test_a_year_gives_way_to_its_halves(inputs):
    year = replace(inputs.declared[0], period=Period.parse("2023"))
    lone = replace(inputs.declared[0], period=Period.parse("2022"))
    rows = period_rows(inputs.comparisons, [year, lone, *inputs.declared])
    assert [row.period.label for row in rows] == ["2022", "2023H2", "2024H1", "2024H2", "2025H1", "2025H2"]
    assert rows[1].new_area is None
    assert rows[4].declared.carats == 41_250.0


def test_the_latest_vintage_is_drawn(inputs):
    first = replace(inputs.declared[0], as_published_on=dt.date(2024, 1, 1), carats=1.0)
    later = replace(inputs.declared[0], as_published_on=dt.date(2024, 7, 1), carats=2.0)
    own = replace(first, aoi_id="civ-seguela", carats=3.0)
    assert period_rows([], [later, first])[0].declared.carats == 2.0
    assert period_rows([], [own, later])[0].declared.carats == 3.0, "the area before the participant"
