"""Export parcels held against the digging seen at their declared origin."""

import dataclasses

import pytest

from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.parcel import Parcel, ParcelAnswer
from kpgeo.model.production import NotAssessable
from kpgeo.options.production import ProductionOptions
from kpgeo.production import check_parcel

OPTIONS = ProductionOptions()
YEAR = Period.parse("2016")


def parcel(carats, cumulative=None, stratum_id="", aoi_id="civ-seguela"):
    return Parcel(
        id="P-7",
        aoi_id=aoi_id,
        stratum_id=stratum_id,
        period=YEAR,
        carats=carats,
        cumulative_ct=carats if cumulative is None else cumulative,
    )


@pytest.fixture
def check(make_aoi, make_activities):
    def run(parcel, *, is_open=False, aoi=None, **seen):
        activities = make_activities(YEAR, **{"flat": 20.0, **seen})
        return check_parcel(aoi or make_aoi(), parcel, activities, OPTIONS, is_open=is_open)

    return run


def test_a_weight_that_the_ground_could_have_yielded_is_explained(check):
    found = check(parcel(2_000.0, 20_000.0))
    assert found.answer is ParcelAnswer.EXPLAINED
    assert found.prob_parcel < found.prob_cumulative < 0.95
    assert "does not confirm the origin" in " ".join(found.sentences["en"])


def test_weights_so_far_may_be_too_much_where_one_parcel_is_not(check):
    found = check(parcel(2_000.0, 400_000.0))
    assert found.answer is ParcelAnswer.ABOVE_CAPACITY
    assert found.prob_parcel < 0.05
    assert found.prob_cumulative > 0.95


def test_where_no_digging_was_seen_the_answer_says_so(check):
    found = check(parcel(60_000.0), flat=0.0)
    assert found.answer is ParcelAnswer.NO_ACTIVITY_SEEN
    assert "could have gone unseen" in " ".join(found.sentences["en"])


@pytest.mark.parametrize(
    ("said", "reason"),
    [({"coverage": 0.1}, NotAssessable.COVERAGE), ({"is_open": True}, NotAssessable.PERIOD_OPEN)],
)
def test_what_cannot_be_assessed_says_why(check, said, reason):
    found = check(parcel(900_000.0), **said)
    assert found.answer is ParcelAnswer.NOT_ASSESSABLE
    assert reason in found.reasons
    assert "Not assessable" in " ".join(found.sentences["en"])


def test_without_priors_there_is_activity_but_no_answer(check, make_aoi):
    found = check(parcel(10.0), aoi=make_aoi(priors=None))
    assert found.reasons == (NotAssessable.NO_PRIORS,)
    assert found.capacity is None
    assert found.activity.new_area.ha == pytest.approx(20.0)


def test_what_was_dug_outside_the_strata_is_no_part_of_what_a_parcel_is_held_against(check):
    whole, part = check(parcel(10.0), outside=30.0), check(parcel(10.0, stratum_id="flat"), outside=30.0)
    assert whole.activity.new_area.ha == part.activity.new_area.ha == pytest.approx(20.0)
    assert part.capacity == whole.capacity


def test_a_parcel_that_digging_outside_the_strata_would_explain_is_not_assessable(check):
    heavy = parcel(120_000.0)
    assert check(heavy).answer is ParcelAnswer.ABOVE_CAPACITY
    found = check(heavy, outside=80.0)
    assert (found.answer, found.reasons) == (ParcelAnswer.NOT_ASSESSABLE, (NotAssessable.COMMODITY,))
    assert "gold" in " ".join(found.sentences["en"])
    within = dataclasses.replace(heavy, stratum_id="flat")
    assert check(within, outside=80.0).answer is ParcelAnswer.ABOVE_CAPACITY


@pytest.mark.parametrize(
    "wrong", [parcel(0.0), parcel(10.0, 5.0), parcel(10.0, stratum_id="moon"), parcel(10.0, aoi_id="gin-x")]
)
def test_contradictions_are_refused(check, wrong):
    with pytest.raises(BadInputError):
        check(wrong)


def test_every_answer_is_said_in_three_languages(check):
    answers = [check(parcel(10.0)), check(parcel(9e5)), check(parcel(6e4), flat=0.0), check(parcel(1.0), coverage=0.1)]
    assert len({one.answer for one in answers}) == 4
    for found in answers:
        assert set(found.sentences) == {"en", "fr", "pt"}
        for lines in found.sentences.values():
            assert not any("{" in line for line in lines)
            assert "P-7" in lines[0]
