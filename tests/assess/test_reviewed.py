"""Shares of verdicts and agreement against numbers worked out by hand."""

import pytest

from kpgeo.assess import measure_agreement, score_reviews, wilson_interval
from kpgeo.model.review import AlertSeen, DismissalReason, Review, ReviewState, SecondVerdict

S, R = ReviewState, DismissalReason


def _seen(raised_dekad=1962, lineage="belief-2-abc"):
    return AlertSeen(
        site_id="site-a", lineage=lineage, raised_dekad=raised_dekad, dekad=1980, state="confirmed", question="q",
        confidence=0.9, area_ha=1.0, area_low_ha=0.5, area_high_ha=2.0, first_day=19700, last_day=19850, hits=4,
        looked_dekads=5, lon=-6.6, lat=8.1, stratum="",
    )  # fmt: skip


def _row(number, verdict=None, reason=None, *, aoi_id="civ-seguela", carried_to="", seconds=(), **given):
    state = verdict or S.NEW
    review = Review(
        alert_id=f"alert-{number}", aoi_id=aoi_id, state=state, verdict=verdict, reason=reason, carried_to=carried_to,
        seconds=tuple(SecondVerdict(by="B", verdict=one, reason=None) for one in seconds),
    )  # fmt: skip
    return review, _seen(**given)


ROWS = [
    *[_row(n, S.CONFIRMED) for n in range(6)],
    _row(6, S.DISMISSED, R.FARMING),
    _row(7, S.DISMISSED, R.FARMING, raised_dekad=1990),
    _row(8, S.DISMISSED, R.GOLD, aoi_id="civ-tortiya", lineage="belief-3-def"),
    _row(9, S.DUPLICATE),
    *[_row(n) for n in (10, 11)],
    _row(12, S.CONFIRMED, carried_to="alert-0"),
]


def test_shares_are_those_counted_by_hand():
    scores = {(one.group, one.name): one for one in score_reviews(ROWS)}
    whole = scores["all", "all"]
    assert (whole.confirmed, whole.dismissed, whole.duplicates, whole.waiting, whole.dug) == (6, 3, 1, 2, 1)
    assert whole.confirmed_frac == pytest.approx(6 / 9)
    assert whole.interval == wilson_interval(6, 9, 0.9)
    assert whole.dug_interval == wilson_interval(7, 9, 0.9)
    assert whole.reasons == {"farming": 2, "gold-not-diamond": 1}
    assert list(whole.reasons) == ["farming", "gold-not-diamond"]
    assert scores["aoi", "civ-tortiya"].confirmed_frac == 0.0
    assert scores["lineage", "belief-3-def"].judged == 1
    assert {name for group, name in scores if group == "period"} == {"2024H2", "2025H1"}
    for group in ("aoi", "lineage", "period"):
        of_group = [one for (kind, _), one in scores.items() if kind == group]
        assert sum(one.judged + one.duplicates + one.waiting for one in of_group) == 12


def test_where_nothing_was_judged_no_share_is_told():
    (whole, *_) = score_reviews([_row(1)])
    assert (whole.confirmed_frac, whole.interval) == (None, (0.0, 1.0))
    assert score_reviews([])[0].judged == 0


def test_kappa_is_that_of_a_worked_table():
    yes, no = S.CONFIRMED, S.DISMISSED
    pairs = [(yes, yes)] * 20 + [(yes, no)] * 5 + [(no, yes)] * 10 + [(no, no)] * 15
    found = measure_agreement(_row(n, first, seconds=(second,))[0] for n, (first, second) in enumerate(pairs))
    assert (found.pairs, found.agreed) == (50, 35)
    assert found.kappa == pytest.approx((0.7 - 0.5) / 0.5)
    assert (found.low_frac, found.high_frac) == wilson_interval(35, 50, 0.9)


def test_kappa_is_not_defined_of_nothing_and_of_one_answer_throughout():
    assert measure_agreement([]).kappa is None
    assert measure_agreement([_row(1, S.CONFIRMED, seconds=(S.CONFIRMED,))[0]]).kappa is None
