"""Export parcels: where their stones are said to come from, held against the digging seen there."""

from dataclasses import dataclass, field
from enum import StrEnum

from kpgeo.model.calendar import Period
from kpgeo.model.production import Activity, CapacityInterval, NotAssessable


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """What is declared of an export parcel.

    Attributes
    ----------
    id : str
        The exporter's or the office's own name for it.
    stratum_id : str
        The part of the AOI the stones are said to come from; "" for the AOI as a whole.
    carats : float
        Weight of the parcel, ct.
    cumulative_ct : float
        Weight of all parcels declared for this origin and period so far, this one included, ct.
    """

    id: str
    aoi_id: str
    stratum_id: str
    period: Period
    carats: float
    cumulative_ct: float


class ParcelAnswer(StrEnum):
    """What the activity seen says of a parcel. Never that its papers are false."""

    EXPLAINED = "explained"
    ABOVE_CAPACITY = "above-capacity"
    NO_ACTIVITY_SEEN = "no-activity-seen"
    NOT_ASSESSABLE = "not-assessable"


@dataclass(frozen=True, kw_only=True)
class ParcelCheck:
    """A parcel held against the activity at its declared origin.

    Attributes
    ----------
    activity : Activity
        Of the origin, all its strata together.
    prob_parcel, prob_cumulative : float or None
        Probability that the capacity of the origin is below the parcel's weight, and below the cumulative weight; None
        without priors.
    reasons : tuple of NotAssessable
        Why it is not assessable; empty for any other answer.
    sentences : dict
        By language, what was seen, what was declared, the answer, and what is not known.
    """

    id: str
    parcel: Parcel
    participant: str
    answer: ParcelAnswer
    activity: Activity
    capacity: CapacityInterval | None
    labour: CapacityInterval | None
    prob_parcel: float | None
    prob_cumulative: float | None
    reasons: tuple[NotAssessable, ...] = ()
    sentences: dict[str, tuple[str, ...]] = field(default_factory=dict)
