"""A participant's figure against several AOIs together."""

import dataclasses
import itertools

import pytest

from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import NotAssessable, Verdict
from kpgeo.options.production import ProductionOptions
from kpgeo.production import compare_participant, compare_production, published_figures

BOTH = ProductionOptions(draws=4096, covers_participant=("civ-tortiya+civ-seguela",))
YEAR = Period.parse("2016")


@pytest.fixture
def two(make_aoi, make_activities):
    """Return two AOIs of one participant and activities of both in 2016: 20 ha and `tortiya` ha."""
    aois = (make_aoi(), make_aoi(id="civ-tortiya", names={"en": "Tortiya", "fr": "Tortiya"}))

    def make(*, seguela=20.0, tortiya=20.0, period=YEAR):
        other = [dataclasses.replace(a, aoi_id="civ-tortiya") for a in make_activities(period, flat=tortiya)]
        return aois, [*make_activities(period, flat=seguela), *other]

    return make


def test_two_aois_that_cover_the_participant_are_held_against_its_total(two):
    aois, activities = two()
    row = compare_participant(aois, YEAR, activities, published_figures(), (), BOTH)
    assert (row.verdict, row.aoi_id) == (Verdict.CONSISTENT, "civ-seguela+civ-tortiya")
    assert row.activities == tuple(activities)
    assert "Séguéla + Tortiya" in row.sentences["fr"][0]
    assert "40.0\u00a0ha" in row.sentences["en"][0]
    alone = compare_production(aois[0], YEAR, activities[:2], published_figures(), (), BOTH)
    assert (alone.verdict, alone.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.SCOPE,))
    # strata of one id in two AOIs are two strata
    assert row.capacity.median_ct > 1.9 * alone.capacity.median_ct


def test_aois_that_are_not_listed_together_are_out_of_scope(two):
    aois, activities = two()
    row = compare_participant(aois, YEAR, activities, published_figures(), (), ProductionOptions(draws=4096))
    assert row.reasons == (NotAssessable.SCOPE,)


def test_the_order_of_the_aois_does_not_matter(two):
    aois, activities = two(tortiya=5.0)
    rows = [
        dataclasses.replace(
            compare_participant(given, YEAR, acts, published_figures(), (), BOTH), activities=(), capacity=None
        )
        for given, acts in itertools.product((aois, aois[::-1]), (activities,))
    ]
    assert rows[0] == rows[1]


def test_digging_in_one_of_them_is_digging_of_the_participant(two):
    aois, activities = two(seguela=0.0, period=Period.parse("2012"))
    row = compare_participant(aois, Period.parse("2012"), activities, published_figures(), (), BOTH)
    assert row.verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION


def test_trends_are_read_over_the_joined_area(two, make_figure):
    rows = []
    for label, carats, ha in (("2014", 40_000.0, 4.0), ("2016", 20_000.0, 16.0)):
        period = Period.parse(label)
        aois, activities = two(seguela=ha, tortiya=ha, period=period)
        figures = [make_figure(label, carats, aoi_id="")]
        rows.append(compare_participant(aois, period, activities, figures, rows, BOTH))
    assert rows[-1].verdict is Verdict.DECLARED_FALLS_ACTIVITY_GROWS
    assert "8.0 to 32.0" in " ".join(rows[-1].sentences["en"])


def test_one_aoi_alone_says_what_the_aoi_says(two):
    aois, activities = two()
    options = ProductionOptions(draws=4096, covers_participant=("civ-seguela",))
    joined = compare_participant(aois[:1], YEAR, activities[:2], published_figures(), (), options)
    single = compare_production(aois[0], YEAR, activities[:2], published_figures(), (), options)
    assert joined == single


def test_what_does_not_belong_together_is_refused(two, make_aoi):
    aois, activities = two()
    for wrong in ((), (aois[0], aois[0]), (aois[0], make_aoi(id="gin-banankoro", iso3="GIN"))):
        with pytest.raises(BadInputError, match="of its own"):
            compare_participant(wrong, YEAR, activities, (), (), BOTH)
    for given in (activities[:2], [*activities, dataclasses.replace(activities[0], aoi_id="civ-bobi")]):
        with pytest.raises(BadInputError, match="Activity is given"):
            compare_participant(aois, YEAR, given, (), (), BOTH)
