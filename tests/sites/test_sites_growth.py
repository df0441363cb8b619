"""What a site grew by, month by month."""

from dataclasses import replace

import numpy as np
import pytest

from kpgeo.model.calendar import dekad_start, month_label, month_of
from kpgeo.model.site import Area, Growth, SiteActivity, SiteStatus
from kpgeo.sites import months_of

A, B = (slice(10, 13), slice(10, 13)), (slice(10, 13), slice(13, 16))


def _only(found):
    (site,) = [site for site in found.sites if not site.merged_into]
    return site


def _by_label(site, history, options):
    assert site.id == history[-1].id
    return {month_label(row.month): row for row in months_of(history, options)}


def test_pixels_count_in_the_month_they_were_first_dug(make, place, run, options):
    """Nine pixels dug on 13 July and nine on 5 August, all seen on 20 August: 0.09 ha and 0.09 ha on this plane."""
    found = run(make.fields(place, 4, [(*A, 12), (*B, 35)]))
    site = _only(found)
    assert [month_label(row.month) for row in site.growth] == ["2024-07", "2024-08"]
    for row in site.growth:
        assert row.area.ha == pytest.approx(0.09, rel=0.003)
        assert row.area.low_ha < row.area.ha <= row.area.high_ha
    assert sum(row.area.ha for row in site.growth) == pytest.approx(site.area.ha)


def test_ground_dug_before_monitoring_is_of_no_month(make, place, run):
    found = run(make.fields(place, 1, [(*A, -40), (*B, 12)]))
    (row,) = _only(found).growth
    assert month_label(row.month) == "2024-07"
    assert row.area.ha == pytest.approx(0.09, rel=0.003)


def test_a_recent_month_is_measured_again_and_an_old_one_stands(make, place, run):
    first = run(make.fields(place, 1, [(*A, 12)]))
    later = run(make.fields(place, 6, [(*A, 12), (*B, 20)]), previous=first.sites)
    assert _only(later).growth[0].area.ha == pytest.approx(0.18, rel=0.003)
    settled = run(make.fields(place, 30, [(*A, 12)]), previous=later.sites)
    assert _only(settled).growth == _only(later).growth
    unsettled = run(make.fields(place, 30, [(*A, 12)]), previous=later.sites, by=make.options(settle_days=1000))
    assert _only(unsettled).growth[0].area.ha == pytest.approx(0.09, rel=0.003)


def test_growth_stands_where_nobody_looked(make, place, run):
    first = run(make.fields(place, 1, [(*A, 12)]))
    blind = run(make.fields(place, 2, [], looks=0), previous=first.sites)
    assert _only(blind).growth == _only(first).growth


def _history(make, place, run):
    """Found in August, grown in September, unseen in October, quiet in November."""
    spots = {step: [(*A, 12)] for step in range(3, 6)} | {step: [(*A, 12), (*B, 70)] for step in range(6, 15)}
    found = run(*(make.fields(place, step, spots[step], looks=0 if 9 <= step < 12 else 2) for step in sorted(spots)))
    return [rows[0] for rows in found.rows]


def test_months_say_what_was_seen_and_what_was_not(make, place, run, options):
    history = _history(make, place, run)
    months = _by_label(history[-1], history, options)
    assert list(months) == ["2024-07", "2024-08", "2024-09", "2024-10", "2024-11"]
    assert [row.activity for row in months.values()] == [
        SiteActivity.NOT_YET_KNOWN,
        SiteActivity.STEADY,
        SiteActivity.GROWING,
        SiteActivity.NOT_SEEN,
        SiteActivity.STEADY,
    ]
    assert [row.looked_dekads for row in months.values()] == [0, 3, 3, 0, 3]
    assert [row.looks for row in months.values()] == [0.0, 6.0, 6.0, 0.0, 6.0]
    assert months["2024-07"].new.ha == pytest.approx(0.09, rel=0.003)
    assert months["2024-07"].mined is None
    assert months["2024-09"].mined.ha == pytest.approx(0.18, rel=0.003)


def test_an_unseen_month_has_no_area_and_a_quiet_one_has_an_upper_bound(make, place, run, options):
    history = _history(make, place, run)
    months = _by_label(history[-1], history, options)
    assert months["2024-10"].mined is None
    assert months["2024-10"].new is None
    assert months["2024-11"].new == Area(ha=0.0, low_ha=0.0, high_ha=pytest.approx(options.min_area_ha))


def test_a_month_seen_in_part_leaves_more_unsaid(make, place, run, options):
    history = _history(make, place, run)
    thin = [replace(row, look_frac=0.0) if row.dekad % 3 else row for row in history]
    months = _by_label(thin[-1], thin, options)
    assert months["2024-11"].looked_dekads == 1
    assert months["2024-11"].new.high_ha == pytest.approx(3 * options.min_area_ha)


def test_what_later_looks_date_into_an_unseen_month_is_said_there(make, place, run, options):
    history = _history(make, place, run)
    dated = Growth(month=month_of(dekad_start(make.first_dekad + 10)), area=Area(ha=0.2, low_ha=0.1, high_ha=0.4))
    last = replace(history[-1], growth=(*history[-1].growth, dated))
    months = _by_label(last, [*history[:-1], last], options)
    assert months["2024-10"].activity is SiteActivity.NOT_SEEN
    assert months["2024-10"].new == dated.area


@pytest.mark.parametrize(("status", "activity"), [("paused", "paused"), ("closed", "closed")])
def test_a_site_at_rest_says_so(make, place, run, options, status, activity):
    history = _history(make, place, run)
    rested = [*history[:-1], replace(history[-1], status=SiteStatus(status))]
    assert months_of(rested, options)[-1].activity == activity


def test_a_merged_site_ends_in_the_month_it_was_merged(make, place, run, options):
    history = _history(make, place, run)
    merged = [replace(row, merged_into="site-other") if row.dekad >= make.first_dekad + 6 else row for row in history]
    months = _by_label(merged[-1], merged, options)
    assert list(months)[-1] == "2024-09"
    assert months["2024-09"].activity is SiteActivity.MERGED


def test_no_rows_no_months(options):
    assert months_of([], options) == ()


def test_parts_of_a_site_add_up(make, place, run):
    """Fractions and beliefs that differ: the months' areas still add up to the site's."""
    fields = make.fields(place, 4, [(*A, 12), (*B, 35)])
    rng = np.random.default_rng(5)
    frac = fields.mined_frac * rng.uniform(0.3, 1.0, fields.mined_frac.shape).astype(np.float32)
    site = _only(run(replace(fields, mined_frac=frac)))
    assert sum(row.area.ha for row in site.growth) == pytest.approx(site.area.ha, rel=1e-5)
