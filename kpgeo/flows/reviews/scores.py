"""What reviews say of the detector, and a sample of them to judge a second time without sight of the first verdict."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kpgeo import assess
from kpgeo.assess import Agreement, ReviewScore
from kpgeo.flows.reviews.reviewing import QueueFilter, ReviewRow, review_queue
from kpgeo.model.review import ReviewState, same_person
from kpgeo.store import Tables, Workspace

_JUDGED = (ReviewState.CONFIRMED, ReviewState.DISMISSED)


@dataclass(frozen=True, kw_only=True)
class ReviewReport:
    """What became of alerts in review, and how far two people agree on them."""

    scores: tuple[ReviewScore, ...]
    agreement: Agreement

    def rows(self) -> list[tuple[object, ...]]:
        """Return one row for each group, for a table."""
        return [
            (
                one.group,
                one.name,
                one.confirmed,
                one.dismissed,
                _share(one.confirmed_frac, one.interval),
                _share((one.confirmed + one.dug) / one.judged if one.judged else None, one.dug_interval),
                one.duplicates,
                one.waiting,
                ", ".join(f"{reason} {count}" for reason, count in one.reasons.items()),
            )
            for one in self.scores
        ]

    def sentences(self) -> list[str]:
        """Return what the numbers are and are not."""
        both = self.agreement
        lines = [
            "Shares are of what was judged, with 90 % intervals.",
            "What is judged is not drawn at random, the most urgent comes first: it is not the share of all alerts.",
        ]
        if not both.pairs:
            return [*lines, "Nobody gave a second verdict yet: kpgeo review sample, kpgeo review second."]
        kappa = "not defined" if both.kappa is None else f"{both.kappa:.2f}"
        share = f"{both.low_frac:.2f} to {both.high_frac:.2f}"
        return [*lines, f"Second verdicts: {both.agreed} of {both.pairs} agree ({share}); kappa {kappa}."]

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        both = self.agreement
        return {
            "groups": [_content(one) for one in self.scores],
            "agreement": {
                "pairs": both.pairs,
                "agreed": both.agreed,
                "agreed_90": [round(both.low_frac, 4), round(both.high_frac, 4)],
                "kappa": None if both.kappa is None else round(both.kappa, 4),
            },
        }


def score_reviews(room: Workspace, tables: Tables, aoi_id: str | None = None) -> ReviewReport:
    """Return what became of the alerts that people were to look at, judged and waiting."""
    rows = [row for row in review_queue(room, tables, QueueFilter(aoi_id=aoi_id, with_all=True)) if _counts(row)]
    scores = assess.score_reviews((row.review, row.review.seen or row.seen) for row in rows)
    return ReviewReport(scores=tuple(scores), agreement=assess.measure_agreement(row.review for row in rows))


def sample_reviews(
    room: Workspace, tables: Tables, *, size: int, seed: int, by: str, aoi_id: str | None = None
) -> Sequence[ReviewRow]:
    """Return judged alerts drawn at random, for a second verdict by somebody who gave none on them yet."""
    rows = [
        row
        for row in review_queue(room, tables, QueueFilter(aoi_id=aoi_id, with_all=True))
        if row.review.verdict in _JUDGED
        and not row.review.carried_to
        and not any(same_person(by, name) for name in (row.review.judged_by, *(one.by for one in row.review.seconds)))
    ]
    rows.sort(key=lambda row: row.review.alert_id)
    return random.Random(seed).sample(rows, min(size, len(rows)))  # noqa: S311 - a sample, no secret


def _counts(row: ReviewRow) -> bool:
    """Say whether an alert was put before people: candidates, and reviews that went on, were not."""
    return not row.review.carried_to and (row.review.is_touched or row.is_told)


def _share(share: float | None, interval: tuple[float, float]) -> str:
    return "" if share is None else f"{share:.2f} ({interval[0]:.2f}-{interval[1]:.2f})"


def _content(one: ReviewScore) -> dict[str, Any]:
    return {
        "group": one.group,
        "name": one.name,
        "confirmed": one.confirmed,
        "dismissed": one.dismissed,
        "confirmed_frac": None if one.confirmed_frac is None else round(one.confirmed_frac, 4),
        "confirmed_90": [round(bound, 4) for bound in one.interval],
        "dug": one.dug,
        "dug_90": [round(bound, 4) for bound in one.dug_interval],
        "duplicates": one.duplicates,
        "waiting": one.waiting,
        "reasons": dict(one.reasons),
    }
