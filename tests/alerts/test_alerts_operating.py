"""A rate asked for gives the confidence that keeps to it; what was not measured is refused; what is stated is owned."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kpgeo.alerts import (
    choose_operating_point,
    confidence_for,
    operating_content,
    operating_sentence,
    rate_at,
    true_share,
)
from kpgeo.kernels.counts import poisson_interval
from kpgeo.model.errors import BadInputError
from kpgeo.model.operating import BeliefMap, Calibration, OperatingCurve
from kpgeo.options.alerts import CONFIRM, FIRST, PROVISIONAL, AlertOptions

CONFIDENCE = (0.2, 0.4, 0.6, 0.8)
DIGESTS = {"detect": "aaa", "sites": "bbb"}


def curve(area, counts):
    return OperatingCurve(
        min_area_ha=area, confidence=CONFIDENCE, false_alerts=tuple(counts), found={">=0.1": (9, 8, 6, 2)}
    )


def calibration(**given_):
    about = {
        "detector": "belief-1",
        "made": "2026-11-21",
        "ground": "simulated worlds",
        "settings": ("standard",),
        "seeds": (1, 2),
        "km2_months": 10_000.0,
        "total": {">=0.1": 10},
        "provisional_hits": AlertOptions().provisional_hits,
        "options": DIGESTS,
        "curves": (curve(0.05, (80, 40, 20, 0)), curve(0.2, (40, 20, 10, 0))),
        "site": BeliefMap(believed=(-2.0, 2.0), true=(-3.0, 3.0)),
    }
    return Calibration(**(about | given_))


CALIBRATION = calibration()


def choose(options, known=CALIBRATION, **digests):
    return choose_operating_point(options, known, "belief-1", DIGESTS | digests)


def asking(rate, **given_):
    return AlertOptions(false_alerts_per_1000km2_month=rate, **given_)


@pytest.mark.parametrize(("asked", "confidence"), [(8.0, 0.2), (6.0, 0.3), (4.0, 0.4), (3.0, 0.5), (1.0, 0.7)])
def test_a_rate_gives_the_smallest_confidence_that_keeps_to_it(asked, confidence):
    assert confidence_for(CALIBRATION, asked, 0.05) == pytest.approx(confidence)  # 80 in 10,000 km2 months are 8


def test_between_areas_the_logarithm_counts():
    assert confidence_for(CALIBRATION, 3.0, 0.1) == pytest.approx(0.4)  # half way from 4 to 2
    assert confidence_for(CALIBRATION, 3.0, 0.2) == pytest.approx(0.3)


def test_the_point_says_what_was_asked_what_it_stands_for_and_from_what():
    point = choose(asking(2.0))
    assert point.provisional_confidence == pytest.approx(0.6)
    assert point.first_confidence == FIRST
    assert point.confirm_confidence == CONFIRM
    assert point.rate.per_1000km2_month == pytest.approx(2.0)
    assert (point.rate.low, point.rate.high) == pytest.approx(poisson_interval(20, 10.0))
    assert point.caveats == ()
    content, said = operating_content(point), operating_sentence(point)
    assert content["asked_per_1000km2_month"] == 2.0
    assert content["measured_on"] == "simulated worlds"
    assert content["calibration"].startswith("belief-1 of 2026-11-21 (")
    assert content["statement"] == said
    for words in ("0.60", "0.05 ha", "on simulated worlds 2 false", "1.2 to 3.1", "10,000 km2", "no field accuracy"):
        assert words in said


def test_a_high_confidence_takes_the_later_one_along_and_a_low_one_the_earlier():
    sure = replace(curve(0.05, (80, 40, 20, 0)), confidence=(0.2, 0.4, 0.6, 0.99))
    high, low = choose(asking(0.5), calibration(curves=(sure,))), choose(asking(7.0))
    assert high.confirm_confidence == high.provisional_confidence > CONFIRM
    assert low.first_confidence == low.provisional_confidence < FIRST


def test_confidences_that_are_given_win_and_are_owned_to():
    point = choose(asking(2.0, provisional_confidence=0.7))
    assert point.provisional_confidence == 0.7
    assert point.rate.per_1000km2_month == pytest.approx(1.0)
    assert point.asked_per_1000km2_month == 2.0
    by_default = np.interp(PROVISIONAL, CONFIDENCE, (8.0, 4.0, 2.0, 0.0))
    assert choose(AlertOptions()).rate.per_1000km2_month == pytest.approx(by_default)


@pytest.mark.parametrize(
    ("asked", "area", "why"),
    [
        (0.29, 0.05, "rule of three"),  # 3 in 10,000 km2 months
        (8.1, 0.05, "lowest confidence measured, 0.2, leaves only 8"),
        (2.0, 0.04, "smallest sites of 0.05 to 0.2 ha"),
        (2.0, 0.3, "smallest sites of 0.05 to 0.2 ha"),
        (2.0, 0.0, "smallest sites of 0.05 to 0.2 ha"),
    ],
)
def test_nothing_is_read_beyond_what_was_measured(asked, area, why):
    with pytest.raises(BadInputError, match=why) as refused:
        choose(asking(asked, min_area_ha=area))
    assert refused.value.where.startswith("alerts.")
    assert refused.value.remedy


def test_a_rate_below_what_the_highest_confidence_leaves_is_refused():
    leaky = calibration(curves=(curve(0.05, (80, 40, 20, 10)),))
    with pytest.raises(BadInputError, match=r"highest confidence measured, 0\.8, still leaves 1"):
        choose(asking(0.9), leaky)
    assert choose(asking(1.0), leaky).provisional_confidence == pytest.approx(0.8)


def test_a_given_confidence_beyond_what_was_measured_has_no_rate():
    for options, caveat in (
        (AlertOptions(provisional_confidence=0.9, confirm_confidence=0.95), "outside-the-confidences-measured"),
        (AlertOptions(min_area_ha=0.01), "outside-the-areas-measured"),
    ):
        point = choose(options)
        assert point.rate is None
        assert point.caveats == (caveat,)
        assert "not known" in operating_sentence(point)
        assert operating_content(point)["false_alerts_per_1000km2_month"] is None


def test_no_calibration_refuses_a_rate_and_flags_a_confidence():
    with pytest.raises(BadInputError, match="carries no calibration"):
        choose(asking(2.0), None)
    point = choose(AlertOptions(), None)
    assert point.provisional_confidence == PROVISIONAL
    assert point.caveats == ("no-calibration",)
    assert true_share(point, 0.8) is None


def test_the_calibration_of_another_version_is_refused():
    with pytest.raises(BadInputError, match="belief-2"):
        choose(AlertOptions(), calibration(detector="belief-2"))


def test_other_options_than_calibrated_are_named_with_the_rate():
    hits = AlertOptions().provisional_hits + 1
    point = choose(asking(2.0, provisional_hits=hits), sites="changed")
    assert point.rate is not None
    assert point.caveats == ("other-hits-than-calibrated", "other-options-than-calibrated:sites")
    assert "Caution: other-hits-than-calibrated" in operating_sentence(point)


def test_first_confidence_above_what_the_rate_gives_is_refused():
    with pytest.raises(BadInputError, match="must not fall"):
        choose(asking(4.0, first_confidence=0.5))


def test_options_that_contradict_themselves_are_refused():
    with pytest.raises(ValueError, match="confirm_confidence"):
        AlertOptions(provisional_confidence=0.8, confirm_confidence=0.7)
    with pytest.raises(ValueError, match="greater than 0"):
        asking(0.0)


def test_the_share_told_with_a_confidence_follows_the_map():
    point = choose(AlertOptions())
    assert true_share(point, 0.5) == pytest.approx(0.5)
    assert true_share(point, 0.8) == pytest.approx(1.0 / (1.0 + 0.25**1.5), abs=1e-5)


def test_digests_move_with_what_is_asked_and_with_what_was_measured():
    assert asking(1.0).digest() != asking(2.0).digest() != AlertOptions().digest()
    again = calibration(curves=(curve(0.05, (81, 40, 20, 0)), curve(0.2, (40, 20, 10, 0))))
    assert again.digest != CALIBRATION.digest == calibration().digest
    points = [choose(asking(2.0)), choose(asking(2.1)), choose(asking(2.0), again)]
    assert len({point.digest for point in points}) == 3
    assert choose(asking(2.0)).digest == points[0].digest


COUNTS = st.lists(st.integers(0, 100), min_size=4, max_size=4)


@settings(deadline=None)
@given(small=COUNTS, large=COUNTS, area=st.floats(0.05, 0.2), rates=st.tuples(st.floats(0.3, 10), st.floats(0.3, 10)))
def test_more_false_alerts_never_ask_for_more_confidence(small, large, area, rates):
    known = calibration(curves=(curve(0.05, small), curve(0.2, large)))
    low, high = sorted(rates)
    found = []
    for rate in (low, high):
        try:
            found.append(confidence_for(known, rate, area))
        except BadInputError:
            assume(False)
    assert found[0] >= found[1] - 1e-12
    for rate, confidence in zip((low, high), found, strict=True):
        stated = rate_at(known, confidence, area)
        assert stated.per_1000km2_month <= rate * (1 + 1e-9) + 1e-12
        assert stated.low <= stated.per_1000km2_month <= stated.high


@settings(deadline=None)
@given(small=COUNTS, large=COUNTS, at=st.floats(0.2, 0.8))
def test_rates_fall_with_confidence_and_with_area(small, large, at):
    known = calibration(curves=(curve(0.05, small), curve(0.2, large)))
    for area in (0.05, 0.08, 0.2):
        rates = [rate_at(known, confidence, area).per_1000km2_month for confidence in np.linspace(0.2, 0.8, 13)]
        assert (np.diff(rates) <= 1e-9).all()
    by_area = [rate_at(known, at, area).per_1000km2_month for area in (0.05, 0.08, 0.13, 0.2)]
    assert (np.diff(by_area) <= 1e-9).all()


def test_a_calibration_that_contradicts_itself_is_refused():
    for wrong in (
        {"curves": ()},
        {"curves": (curve(0.2, (1, 1, 1, 1)), curve(0.05, (1, 1, 1, 1)))},
        {"curves": (curve(0.0, (1, 1, 1, 1)),)},
        {"km2_months": 0.0},
        {"total": {">=0.1": 5}},
        {"total": {}},
        {"curves": (CALIBRATION.curves[0], replace(CALIBRATION.curves[1], confidence=(0.1, 0.2, 0.3, 0.4)))},
    ):
        with pytest.raises(BadInputError, match="contradicts itself"):
            calibration(**wrong)
    for counts, confidence in (((1, 2), CONFIDENCE), ((-1, 2, 3, 4), CONFIDENCE), ((1, 1), (0.5, 0.4)), ((1,), (0.5,))):
        with pytest.raises(BadInputError, match="contradicts itself"):
            OperatingCurve(min_area_ha=0.1, confidence=confidence, false_alerts=counts)
    with pytest.raises(BadInputError, match="contradicts itself"):
        BeliefMap(believed=(0.0, 1.0), true=(1.0, 0.0))
