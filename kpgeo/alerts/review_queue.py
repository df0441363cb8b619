"""Which alert to look at first, and which review goes on to which alert when the machine raises other ones."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shapely import Point

from kpgeo.alerts.method import near_pairs
from kpgeo.alerts.review import leads_to
from kpgeo.model.alert import Alert
from kpgeo.model.calendar import dekad_end
from kpgeo.model.review import Review, ReviewState
from kpgeo.model.site import Site

_LARGE_HA = 1.0  # a site of this size has half the weight of an endless one
_WAITING_DAYS = 30.0  # an alert that waited so long has twice the weight of a fresh one, three times at most
_MOST_WAITING = 3.0
_PERMIT_WEIGHTS = {True: 1.0, None: 0.75, False: 0.5}

_S = ReviewState
_GOES_FIRST = (
    _S.PUBLISHED, _S.WITHDRAWN, _S.AUDITED, _S.CONFIRMED, _S.DISMISSED, _S.DUPLICATE, _S.NEEDS_FIELD, _S.NEEDS_IMAGERY,
    _S.IN_REVIEW, _S.TRIAGED, _S.NEW,
)  # fmt: skip


def priority_of(alert: Alert, today: int, *, is_outside_permit: bool | None = None) -> float:
    """Return how urgent an alert is: confidence x size x time it has waited x place among recorded permits.

    Confidence is 0-1. A size of A ha weighs A / (A + 1 ha): a small new working is not nothing beside a large one. Time
    since it was raised weighs 1 + days / 30, and 3 at most, so that nothing waits for ever. Outside every recorded
    permit weighs 1, inside one 0.5; 0.75 where no layer tells. All four are choices, not measured.

    Parameters
    ----------
    today : int
        Day number.
    is_outside_permit : bool or None
        None where it is not known.
    """
    size = alert.evidence.area_ha / (alert.evidence.area_ha + _LARGE_HA)
    waited_days = max(today - dekad_end(alert.raised_dekad), 0)
    waiting = min(1.0 + waited_days / _WAITING_DAYS, _MOST_WAITING)
    return alert.evidence.confidence * size * waiting * _PERMIT_WEIGHTS[is_outside_permit]


@dataclass(frozen=True, kw_only=True)
class CarryRule:
    """When an alert is the successor of another.

    Attributes
    ----------
    epsg : int
        A projected system in metres: the AOI's UTM zone.
    within_m : float
        The place that was reviewed lies no farther than this from the outline of the site (m).
    gap_days : int
        The times of digging, from first day to last look, overlap or lie no farther apart than this.
    """

    epsg: int
    within_m: float
    gap_days: int


def match_reviews(
    reviews: Mapping[str, Review], raised: Sequence[tuple[Alert, Site]], rule: CarryRule
) -> list[tuple[Review, Alert]]:
    """Return which reviews of alerts that are raised no longer go on to which alert at the same place and time.

    A review goes to an alert that nobody reviewed yet; never over another review. Where several could go to one, the
    one that went furthest does (published before audited before confirmed, ...). Of several alerts at a place the one
    whose site holds the reviewed point comes first, then the larger.
    """
    ids = {alert.id for alert, _ in raised}
    left = [one for one in reviews.values() if one.seen is not None and not one.carried_to and one.alert_id not in ids]
    free = [(alert, site) for alert, site in raised if not _is_taken(reviews.get(alert.id))]
    points = [Point(one.seen.lon, one.seen.lat) for one in left if one.seen is not None]
    pairs = near_pairs(points, [site.geometry for _, site in free], rule.epsg, rule.within_m)
    near: dict[int, list[int]] = {}
    for one, other in pairs:
        near.setdefault(one, []).append(other)
    taken: set[int] = set()
    matched = []
    for index in sorted(near, key=lambda place: _weight(left[place])):
        review = left[index]
        fitting = [
            other
            for other in near[index]
            if other not in taken and _overlap(review, free[other][0], rule.gap_days)
            and not (review.duplicate_of and leads_to(review.duplicate_of, free[other][0].id, reviews))
        ]  # fmt: skip
        if fitting:
            best = min(fitting, key=lambda other: _distance_rank(points[index], *free[other]))
            taken.add(best)
            matched.append((review, free[best][0]))
    return matched


def no_longer_raised(reviews: Mapping[str, Review], raised: Collection[str]) -> list[Review]:
    """Return the reviews of alerts that the machine raises no longer, and that went on to no other."""
    return [one for one in reviews.values() if one.is_touched and not one.carried_to and one.alert_id not in raised]


def _is_taken(review: Review | None) -> bool:
    """Say whether an alert has a review of its own; one that went on to another alert may come back."""
    return review is not None and review.is_touched and not review.carried_to


def _weight(review: Review) -> tuple[int, int, str]:
    return (_GOES_FIRST.index(review.state), -review.seq, review.alert_id)


def _overlap(review: Review, alert: Alert, gap_days: int) -> bool:
    seen, now = review.seen, alert.evidence
    assert seen is not None  # noqa: S101 - only such reviews are matched
    return seen.first_day - gap_days <= now.last_day and now.first_day <= seen.last_day + gap_days


def _distance_rank(point: Point, alert: Alert, site: Site) -> tuple[bool, float, str]:
    is_beside = not math.isclose(site.geometry.distance(point), 0.0, abs_tol=1e-12)
    return (is_beside, -site.area.ha, alert.id)
