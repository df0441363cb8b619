"""Declared production, activity seen, capacity, and what the one says about the other."""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from kpgeo.model.aoi import Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.site import Area


class DeclaredKind(StrEnum):
    """Zero, "no production" and missing are three different things."""

    FIGURE = "figure"
    NO_PRODUCTION = "no-production"
    MISSING = "missing"


class Sector(StrEnum):
    """Whose production a figure is: all of it, or that of one way of mining (stated apart from 2020 on)."""

    ALL = "all"
    ARTISANAL = "artisanal"
    INDUSTRIAL = "industrial"


class Flow(StrEnum):
    """What a trade figure counts: goods that came in, that went out, or that were held when the period ended."""

    IMPORT = "import"
    EXPORT = "export"
    STOCK = "stock"


@dataclass(frozen=True, kw_only=True)
class DeclaredFigure:
    """One declared production figure, of one vintage. A revision is a new row, never an overwrite.

    Attributes
    ----------
    participant : str
        Kimberley Process participant, canonical English name.
    aoi_id : str
        The AOI or field it is for; "" for the whole participant.
    carats : float or None
        ct; None unless `kind` is FIGURE.
    value_usd : float or None
        Absolute US$, None where not given.
    as_published_on : date or None
        The vintage; None where unknown.
    entered_by : str
        Who or what put it into kpgeo.
    """

    participant: str
    iso3: str
    period: Period
    kind: DeclaredKind
    carats: float | None
    value_usd: float | None
    as_published_on: dt.date | None
    source: Sourced
    aoi_id: str = ""
    entered_by: str = ""
    sector: Sector = Sector.ALL


@dataclass(frozen=True, kw_only=True)
class TradeFigure:
    """What a participant declared of its trade in rough diamonds in one period, with one partner or with all.

    Attributes
    ----------
    partner, partner_iso3 : str
        The other participant; both "" where the figure is for all partners together.
    carats : float
        ct.
    value_usd : float or None
        Absolute US$.
    certificates : int or None
        Kimberley Process certificates issued (exports) or received (imports).
    kind : DeclaredKind
        `no-production` stands for "no trade".
    """

    participant: str
    iso3: str
    flow: Flow
    period: Period
    kind: DeclaredKind
    carats: float | None
    value_usd: float | None
    certificates: int | None
    as_published_on: dt.date | None
    source: Sourced
    partner: str = ""
    partner_iso3: str = ""
    entered_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Digging seen in a period, in one stratum of one AOI ("" is the land outside every stratum).

    Attributes
    ----------
    new_area : Area
        Newly dug in the period.
    standing_area : Area
        Mined at the end of the period, whenever it was dug.
    coverage_frac : float
        Share of the stratum's pixel-dekads with at least one clear look, 0–1.
    sites : int
        Sites active in the period.
    """

    aoi_id: str
    stratum_id: str
    period: Period
    new_area: Area
    standing_area: Area
    coverage_frac: float
    sites: int


@dataclass(frozen=True, kw_only=True)
class CapacityInterval:
    """Carats that the new area could have yielded under the priors: 5 %, 50 %, 95 % quantiles.

    Attributes
    ----------
    spread_frac : dict
        Share of the variance of ln C due to each factor; sums to 1.
    draws : int
        How many draws.
    """

    low_ct: float
    median_ct: float
    high_ct: float
    spread_frac: dict[str, float]
    draws: int


class Verdict(StrEnum):
    """What a comparison says. Never "illegal"."""

    CONSISTENT = "consistent"
    DECLARED_ABOVE_CAPACITY = "declared-above-capacity"
    ACTIVITY_WITHOUT_DECLARATION = "activity-without-declaration"
    DECLARED_FALLS_ACTIVITY_GROWS = "declared-falls-activity-grows"
    DECLARED_GROWS_ACTIVITY_FALLS = "declared-grows-activity-falls"
    NOT_ASSESSABLE = "not-assessable"


class NotAssessable(StrEnum):
    """Why a comparison cannot be made."""

    COVERAGE = "coverage"
    SEASON = "season"
    COMMODITY = "commodity"
    MISSING_SUBMISSION = "missing-submission"
    NO_PRIORS = "no-priors"
    SCOPE = "scope"
    PERIOD_OPEN = "period-open"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Declared production held against activity, for one AOI and period.

    Attributes
    ----------
    capacity, labour : CapacityInterval or None
        Capacity of the strata by the area route, and by the labour route where all of them have its priors.
    outside : CapacityInterval or None
        Kept apart, and in no other number: what was dug outside the strata, were it all diamond ground as rich as the
        richest of them; None where nothing was.
    prob_above_capacity : float or None
        Probability, under the priors, that capacity is below the declared figure: by both routes, where there are two.
    reasons : tuple of NotAssessable
        Why it is not assessable; empty for any other verdict.
    sentences : dict
        By language, the sentences that say so, each made of numbers in this row.
    """

    id: str
    aoi_id: str
    participant: str
    period: Period
    verdict: Verdict
    activities: tuple[Activity, ...]
    declared: DeclaredFigure | None
    capacity: CapacityInterval | None
    prob_above_capacity: float | None
    coverage_frac: float
    reasons: tuple[NotAssessable, ...] = ()
    labour: CapacityInterval | None = None
    outside: CapacityInterval | None = None
    sentences: dict[str, tuple[str, ...]] = field(default_factory=dict)
