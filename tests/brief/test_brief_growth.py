"""Sites month by month in a brief: what is said of months nobody saw."""

from dataclasses import replace

import pytest

from kpgeo.brief import compose_brief
from kpgeo.brief.chips import area_by_month
from kpgeo.brief.content import Heading, Picture, Table
from kpgeo.brief.reading import rank_sites
from kpgeo.model.calendar import month_of
from kpgeo.model.site import Area, SiteActivity, SiteMonth
from kpgeo.options.brief import BriefOptions

MINED, NEW = Area(ha=1.5, low_ha=1.0, high_ha=2.25), Area(ha=0.25, low_ha=0.12, high_ha=0.5)


def _months(first):
    seen = SiteMonth(
        month=first,
        activity=SiteActivity.GROWING,
        mined=MINED,
        new=NEW,
        looked_dekads=2,
        dekads=3,
        looks=4.4,
    )
    unseen = replace(seen, month=first + 1, activity=SiteActivity.NOT_SEEN, mined=None, new=None, looked_dekads=0)
    quiet = Area(ha=0.0, low_ha=0.0, high_ha=0.05)
    return (
        replace(seen, month=first - 1, activity=SiteActivity.NOT_YET_KNOWN, mined=None, dekads=0, looked_dekads=0),
        seen,
        replace(unseen, looks=0.0),
        replace(seen, month=first + 2, activity=SiteActivity.STEADY, new=quiet, looked_dekads=3),
    )


@pytest.fixture(scope="module")
def known(inputs):
    """The small world, the months of its first site known from March on, and of its second only before the period."""
    first, second = (reading.site.id for reading in rank_sites(inputs)[:2])
    start = month_of(inputs.start_day)
    return replace(inputs, site_months={first: _months(start + 2), second: _months(start - 8)})


def _tables(content, caption):
    return [block for block in content.blocks if isinstance(block, Table) and caption in block.caption]


def test_a_site_has_a_table_of_the_months_of_the_period(known):
    content = compose_brief(known, "en", BriefOptions())
    (table,) = _tables(content, "month by month")
    assert [row[0] for row in table.rows] == ["February 2025", "March 2025", "April 2025", "May 2025"]
    assert [row[1] for row in table.rows] == ["not yet known", "growing", "not seen", "no growth mapped"]
    assert table.rows[1][2:] == ("1.5 (1.0–2.2)", "0.25 (0.12–0.50)", "2 of 3", "4.4")
    assert table.rows[2][2:] == ("–", "–", "0 of 3", "0.0")
    assert table.rows[3][3] == "0 (0–0.05)"


def test_the_smallest_site_that_is_kept_is_said(known):
    content = compose_brief(known, "en", BriefOptions())
    at = next(i for i, block in enumerate(content.blocks) if isinstance(block, Heading) and block.key == "growth")
    assert "A site is kept from 0.1" in content.blocks[at + 1].text.replace("\u00a0", " ")


def test_without_months_there_is_no_such_section(inputs):
    content = compose_brief(inputs, "fr", BriefOptions())
    assert not [block for block in content.blocks if isinstance(block, Heading) and block.key == "growth"]


def test_a_month_nobody_saw_breaks_the_line(known):
    reading = rank_sites(known)[0]
    assert [area for _, area in area_by_month(reading)] == [MINED, None, MINED]
    content = compose_brief(known, "en", BriefOptions())
    pictures = [block for block in content.blocks if isinstance(block, Picture) and "Area in hectares" in block.alt]
    assert "April 2025 not seen" in pictures[0].alt


def test_an_area_without_months_is_drawn_from_its_history(inputs):
    reading = rank_sites(inputs)[0]
    assert reading.months == ()
    areas = area_by_month(reading)
    assert len(areas) == len({row.dekad // 3 for row in reading.history})
    assert None not in [area for _, area in areas]
