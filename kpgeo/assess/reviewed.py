"""What people's verdicts say of the detector, by reason, area, method and time; and how well people agree."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kpgeo.assess.estimators import wilson_interval
from kpgeo.model.calendar import Period, dekad_start
from kpgeo.model.review import AlertSeen, DismissalReason, Review, ReviewState

_LEVEL = 0.9
_DUG = frozenset({DismissalReason.GOLD, DismissalReason.OLD_CHANGE})


@dataclass(frozen=True, kw_only=True)
class ReviewScore:
    """What became of the alerts of a group.

    Attributes
    ----------
    group, name : str
        `all`, `aoi`, `lineage` or `period` (half-year the alert was raised in), and which.
    confirmed, dismissed : int
        Alerts with that verdict.
    reasons : mapping
        Dismissed alerts by reason, the most frequent first.
    duplicates, waiting : int
        Counted in no share: told once already; and without a verdict yet.
    dug : int
        Dismissed ones that are digging all the same: for gold, or from before.
    """

    group: str
    name: str
    confirmed: int
    dismissed: int
    reasons: Mapping[str, int]
    duplicates: int
    waiting: int
    dug: int

    @property
    def judged(self) -> int:
        """Return how many were confirmed or dismissed."""
        return self.confirmed + self.dismissed

    @property
    def confirmed_frac(self) -> float | None:
        """Return the share confirmed, 0-1; None where nothing was judged."""
        return self.confirmed / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 90 % interval of the share confirmed (Wilson 1927); (0, 1) where nothing was judged."""
        return wilson_interval(self.confirmed, self.judged, _LEVEL)

    @property
    def dug_interval(self) -> tuple[float, float]:
        """Return the 90 % interval of the share that is digging of any kind and time."""
        return wilson_interval(self.confirmed + self.dug, self.judged, _LEVEL)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How well second verdicts, given without sight of the first, agree with the first.

    Attributes
    ----------
    pairs, agreed : int
    low_frac, high_frac : float
        90 % interval of the share agreed (Wilson 1927).
    kappa : float or None
        Agreement beyond chance (Cohen 1960, eq. 1); None where it is not defined: no pairs, or one answer throughout.
    """

    pairs: int
    agreed: int
    low_frac: float
    high_frac: float
    kappa: float | None


def score_reviews(rows: Iterable[tuple[Review, AlertSeen]]) -> list[ReviewScore]:
    """Return what became of alerts: all of them, by AOI, by detector lineage, by half-year they were raised in."""
    known = [row for row in rows if not row[0].carried_to]
    scores = [_score("all", "all", known)]
    scores += _by("aoi", known, lambda review, _: review.aoi_id)
    scores += _by("lineage", known, lambda _, seen: seen.lineage)
    scores += _by("period", known, lambda _, seen: Period.half_year_of(dekad_start(seen.raised_dekad)).label)
    return scores


def measure_agreement(reviews: Iterable[Review]) -> Agreement:
    """Return how first verdicts and blind second ones agree, over all pairs.

    Kappa is $(p_o - p_e) / (1 - p_e)$, with $p_o$ the share agreed and $p_e$ the share that would agree by chance, from
    how often first and second said confirmed (Cohen 1960, eq. 1).
    """
    pairs = [
        (review.verdict is ReviewState.CONFIRMED, second.verdict is ReviewState.CONFIRMED)
        for review in reviews
        if not review.carried_to
        for second in review.seconds
    ]
    agreed = sum(first == second for first, second in pairs)
    low, high = wilson_interval(agreed, len(pairs), _LEVEL)
    return Agreement(pairs=len(pairs), agreed=agreed, low_frac=low, high_frac=high, kappa=_kappa(pairs))


def _kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    if not pairs:
        return None
    count = len(pairs)
    observed = sum(first == second for first, second in pairs) / count
    ones, others = (sum(pair[side] for pair in pairs) / count for side in (0, 1))
    chance = ones * others + (1.0 - ones) * (1.0 - others)
    return None if chance >= 1.0 else (observed - chance) / (1.0 - chance)


def _by(
    group: str, rows: Sequence[tuple[Review, AlertSeen]], name_of: Callable[[Review, AlertSeen], str]
) -> list[ReviewScore]:
    names = sorted({name_of(*row) for row in rows})
    return [_score(group, name, [row for row in rows if name_of(*row) == name]) for name in names]


def _score(group: str, name: str, rows: Sequence[tuple[Review, AlertSeen]]) -> ReviewScore:
    verdicts = Counter(review.verdict for review, _ in rows)
    reasons = Counter(
        review.reason for review, _ in rows if review.verdict is ReviewState.DISMISSED and review.reason is not None
    )
    return ReviewScore(
        group=group,
        name=name,
        confirmed=verdicts[ReviewState.CONFIRMED],
        dismissed=verdicts[ReviewState.DISMISSED],
        reasons={str(reason): count for reason, count in reasons.most_common()},
        duplicates=verdicts[ReviewState.DUPLICATE],
        waiting=verdicts[None],
        dug=sum(count for reason, count in reasons.items() if reason in _DUG),
    )
