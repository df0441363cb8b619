"""What lies around a site, and what it lies in: distances, permits, what was there before, what may be mined.

All of it follows from the site and the AOI's layers. Nothing of it is a detection, and what no layer tells is None or
`not-known`: never 0, never "far".
"""

from dataclasses import dataclass
from enum import StrEnum

from kpgeo.model.aoi import Confidence, Permit


class PermitStanding(StrEnum):
    """How a site lies to the permits that a register records. It says nothing of what is lawful."""

    INSIDE = "inside"
    PARTLY_INSIDE = "partly-inside"
    OUTSIDE = "outside"
    INSIDE_EXPIRED = "inside-expired"
    INSIDE_NOT_YET_VALID = "inside-not-yet-valid"
    NOT_KNOWN = "not-known"


class BaselineStanding(StrEnum):
    """Whether a site was worked before monitoring began."""

    NEW = "new"
    GROWN_SINCE = "grown-since"
    BEFORE_BASELINE = "before-baseline"


class MiningType(StrEnum):
    """What may be mined at a site, by where it lies. Images do not tell."""

    DIAMOND = "diamond"
    GOLD = "gold"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The nearest thing of a kind.

    Attributes
    ----------
    distance_m : float
        From the outline of the site, on the ellipsoid, rounded to what the outlines allow: to 10 m below 1 km, to 100 m
        below 10 km, else to 1 km. 0 where they touch.
    is_beyond : bool
        Nothing lies nearer than `distance_m`, as far as the layer reaches; how far the nearest is, is not known.
    name : str
        Of a settlement or permit; "" where it has none. Text from outside, checked when it was read.
    """

    distance_m: float
    is_beyond: bool = False
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class PermitShare:
    """A permit that holds some of a site: the share of the outline in it (0-1), and whether it is valid that day."""

    permit: Permit
    inside_frac: float
    is_valid: bool


@dataclass(frozen=True, kw_only=True)
class WorkedBefore:
    """What of a site was worked before monitoring began, as far as its state and the AOI know.

    Attributes
    ----------
    before_ha : float
        Its mined area less what was dug since.
    since_ha : float
        Newly disturbed since monitoring began, by the onset of its pixels.
    reasons : tuple of str
        Why it counts as worked before: `onset` (its pixels were dug then), `known-workings` (it lies on workings that
        the AOI names). Empty for a new one.
    """

    standing: BaselineStanding
    before_ha: float
    since_ha: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MinedGood:
    """What may be mined at a site, by where it lies.

    Attributes
    ----------
    reasons : tuple of str
        `stratum:<id>`, `gold-workings`, `permit-diamond:<id>`, `permit-gold:<id>`; those of both sides where they
        disagree, and none where nothing speaks for either.
    confidence : {"high", "medium", "low"} or None
        Of the weakest source among the reasons; None where the type is unknown.
    """

    type: MiningType
    reasons: tuple[str, ...] = ()
    confidence: Confidence | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """A site among what the AOI's layers know, as of a day.

    Attributes
    ----------
    drainage, road, border, settlement, permit : Nearest or None
        The nearest of each kind; None where the AOI has no such layer. `permit` is the nearest one valid that day, and
        None too where none is.
    permit_standing : PermitStanding
    permits : tuple of PermitShare
        Every recorded permit that holds some of the site, valid that day or not; the valid ones first.
    """

    site_id: str
    day: int
    drainage: Nearest | None
    road: Nearest | None
    border: Nearest | None
    settlement: Nearest | None
    permit: Nearest | None
    permit_standing: PermitStanding
    permits: tuple[PermitShare, ...]
    baseline: WorkedBefore
    mined_good: MinedGood

    @property
    def is_known(self) -> bool:
        """Say whether the AOI has any layer that tells something of what lies around."""
        nearest = (self.drainage, self.road, self.border, self.settlement, self.permit)
        return self.permit_standing is not PermitStanding.NOT_KNOWN or any(one is not None for one in nearest)
