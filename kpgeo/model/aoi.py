"""Areas of interest: the places kpgeo watches, and what is known about them."""

import math
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, get_args

from shapely.geometry.base import BaseGeometry

Confidence = Literal["high", "medium", "low"]
Language = Literal["en", "fr", "pt"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
LOCALES: MappingProxyType[Language, str] = MappingProxyType({"en": "en_GB", "fr": "fr", "pt": "pt_PT"})
"""How Unicode CLDR names the manner in which numbers and days are written, by language."""
SIMULATED = "(simulated)"
"""The mark of what comes from a simulated world."""


class DepositType(StrEnum):
    """How the diamonds lie in a stratum."""

    DYKE = "dyke"
    PIPE = "pipe"
    ALLUVIAL_FLAT = "alluvial-flat"
    TERRACE = "terrace"
    ELUVIAL = "eluvial"
    PALEOPLACER = "paleoplacer"


class RegimeKind(StrEnum):
    """What a regulatory period does to the question that is asked."""

    EMBARGO = "embargo"
    SUSPENSION = "suspension"
    COMPLIANT_ZONE = "compliant-zone"


class LayerKind(StrEnum):
    """What a layer of an AOI shows."""

    DRAINAGE = "drainage"
    WORKINGS = "workings"
    RISK_AREA = "risk-area"
    ROAD = "road"
    BORDER = "border"
    SETTLEMENT = "settlement"
    PERMITS = "permits"
    GOLD_WORKINGS = "gold-workings"


SURROUNDING_KINDS = frozenset(
    {LayerKind.ROAD, LayerKind.BORDER, LayerKind.SETTLEMENT, LayerKind.PERMITS, LayerKind.GOLD_WORKINGS}
)
"""Layers that describe what lies around a site. No belief, site or alert follows from them."""


class Commodity(StrEnum):
    """What a permit is for."""

    DIAMOND = "diamond"
    GOLD = "gold"
    DIAMOND_AND_GOLD = "diamond-and-gold"
    OTHER = "other"


class RiskSource(StrEnum):
    """What ground at risk may be reckoned from."""

    STRATA = "strata"
    DRAINAGE = "drainage"
    WORKINGS = "workings"


@dataclass(frozen=True, kw_only=True)
class Sourced:
    """Where a fact comes from. `mark` is the handbook's mark, such as `[5]` or `(B-M)`; it travels with the fact."""

    source: str
    confidence: Confidence
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Prior:
    """A prior distribution of one factor of the capacity chain.

    Attributes
    ----------
    family : {"uniform", "loguniform", "beta", "lognormal"}
        `uniform` and `loguniform` run from `low` to `high`; `beta` has the shapes `low` and `high`; `lognormal` has its
        5 % and 95 % quantiles at `low` and `high`.
    low, high : float
        In the factor's unit: 1 (share, recovery), m (thickness), ct/m3 (grade).
    """

    family: Literal["uniform", "loguniform", "beta", "lognormal"]
    low: float
    high: float
    source: Sourced


@dataclass(frozen=True, kw_only=True)
class LabourPriors:
    """Priors of P = pits * miners * days * v * G for one stratum, the route over the people who dig.

    Attributes
    ----------
    pits_per_ha : Prior
        Pits worked at a time, on a hectare of standing diggings.
    miners_per_pit : Prior
    days_per_year : Prior
        Days on which gravel is won.
    m3_per_miner_day : Prior
        v, gravel that one miner wins in a day (m3).
    """

    pits_per_ha: Prior
    miners_per_pit: Prior
    days_per_year: Prior
    m3_per_miner_day: Prior


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """How two factors of one stratum go together: the correlation of their normal scores, -1 to 1."""

    first: str
    second: str
    rho: float
    source: Sourced


@dataclass(frozen=True, kw_only=True)
class CapacityPriors:
    """Priors of C = A_new * f * T * G * r for one stratum.

    Attributes
    ----------
    worked_frac : Prior
        f, share of the newly dug area where gravel was really taken (0–1).
    gravel_m : Prior
        T, thickness of the gravel, not of the pit (m).
    grade_ct_per_m3 : Prior
        G (ct/m3).
    recovery_frac : Prior
        r (0–1).
    labour : LabourPriors or None
        The second route to the same carats, where its factors are known.
    correlations : tuple of Correlation
        Factors of the first route that are not independent.
    """

    worked_frac: Prior
    gravel_m: Prior
    grade_ct_per_m3: Prior
    recovery_frac: Prior
    labour: LabourPriors | None = None
    correlations: tuple[Correlation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """A part of an AOI where one type of deposit is worked. `geometry` is EPSG:4326."""

    id: str
    deposit_type: DepositType
    geometry: BaseGeometry
    names: dict[str, str]
    source: Sourced
    priors: CapacityPriors | None = None


@dataclass(frozen=True, kw_only=True)
class Permit:
    """A recorded permit to explore or mine: what a register says, which is not all that may be true.

    Attributes
    ----------
    id : str
        As the register names it.
    geometry : shapely geometry
        MultiPolygon, EPSG:4326, cut off far from the boundary.
    holder : str
        "" where the register does not say, or it is not given.
    commodity : Commodity or None
        None where it is not given.
    valid_from_day, valid_until_day : int or None
        Half-open; None is open-ended.
    """

    id: str
    geometry: BaseGeometry
    source: Sourced
    holder: str = ""
    commodity: Commodity | None = None
    valid_from_day: int | None = None
    valid_until_day: int | None = None

    @property
    def starts_at_day(self) -> float:
        """Return the day it is valid from, to compare and sort by: minus infinity where it has no beginning."""
        return -math.inf if self.valid_from_day is None else float(self.valid_from_day)

    def is_valid_on(self, day: int) -> bool:
        """Say whether the permit is valid on a day, by its dates."""
        return not self.has_ended_by(day) and self.starts_at_day <= day

    def has_ended_by(self, day: int) -> bool:
        """Say whether the permit is valid no more on a day."""
        return self.valid_until_day is not None and self.valid_until_day <= day


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What lies in and around an AOI: drainage, known workings, ground at risk, roads, borders, settlements, permits.

    Attributes
    ----------
    geometry : GeometryCollection
        Lines (drainage, roads, borders), polygons and points (workings, gold workings, settlements) or polygons
        (ground at risk, permits), EPSG:4326, cut off near the boundary. A permit layer may be empty: a register that
        was asked and records none here.
    radius_m : float
        What a point stands for: the ground so far around it.
    names : tuple of str
        Of settlements: the name of each part of the geometry, "" where there is none.
    permits : tuple of Permit
        Of permits: each of them.
    reach_m : float
        What lies farther from the boundary than this may have been cut off.
    """

    kind: LayerKind
    geometry: BaseGeometry
    source: Sourced
    radius_m: float = 0.0
    names: tuple[str, ...] = ()
    permits: tuple[Permit, ...] = ()
    reach_m: float = math.inf


@dataclass(frozen=True, kw_only=True)
class RiskRule:
    """Where to keep watch: ground no farther than `within_m` from any of what `of` names."""

    within_m: float
    of: tuple[RiskSource, ...]
    source: Sourced


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Ground within a boundary that is not watched, by choice: its area, its share of the AOI, 0–1, and why."""

    area_ha: float
    share_frac: float
    why: str


@dataclass(frozen=True, kw_only=True)
class RegulatoryPeriod:
    """An embargo, suspension or compliant zone. Days are half-open; None is open-ended.

    Attributes
    ----------
    strata : tuple of str
        Of a compliant zone, the strata that make it up; empty where it is not drawn.
    """

    kind: RegimeKind
    start_day: int
    end_day: int | None
    note: dict[str, str]
    source: Sourced
    strata: tuple[str, ...] = ()

    def covers(self, day: int) -> bool:
        """Say whether the period is in force on a day."""
        return self.start_day <= day and (self.end_day is None or day < self.end_day)


@dataclass(frozen=True, kw_only=True)
class Seasons:
    """Months (1–12) of the dry and the burning season."""

    dry_months: tuple[int, ...]
    burn_months: tuple[int, ...]
    source: Sourced


@dataclass(frozen=True, kw_only=True)
class Aoi:
    """One area of interest.

    Attributes
    ----------
    id : str
        Lower-case ASCII letters, digits and hyphens; names every folder and row that belongs to the AOI.
    names : dict
        Name by language (en, fr, pt).
    iso3, country, participant : str
        ISO 3166 alpha-3 code, country name, Kimberley Process participant.
    deposit : str
        What is worked there, in words.
    geometry : shapely geometry
        Boundary, Polygon or MultiPolygon, EPSG:4326.
    epsg : int
        The UTM zone its grid lies in.
    source : Sourced
        Of the boundary.
    sensitivity : {"kp-only", "public"}
        Who may see exact places.
    layers : tuple of Layer
        Drainage, known workings, ground at risk, and what is known of the surroundings.
    risk : RiskRule or None
        With it, or with a layer of ground at risk, only that ground is watched.
    version : str
        Digest of the files the AOI was read from.
    ground_version : str
        Digest of what beliefs, sites and alerts follow from: all but the layers of `SURROUNDING_KINDS`. A permit that
        is added moves `version` and not this, so that no history begins anew for it.
    """

    id: str
    names: dict[str, str]
    iso3: str
    country: str
    participant: str
    deposit: str
    geometry: BaseGeometry
    epsg: int
    source: Sourced
    notes: str = ""
    strata: tuple[Stratum, ...] = ()
    regimes: tuple[RegulatoryPeriod, ...] = ()
    seasons: Seasons | None = None
    sensitivity: Literal["kp-only", "public"] = "kp-only"
    layers: tuple[Layer, ...] = ()
    risk: RiskRule | None = None
    version: str = ""
    ground_version: str = ""

    @property
    def is_simulated(self) -> bool:
        """Say whether this is an area of a simulated world."""
        return self.source.mark == SIMULATED

    @property
    def is_watched_in_part(self) -> bool:
        """Say whether ground within the boundary is left out on purpose."""
        return self.risk is not None or bool(self.layers_of(LayerKind.RISK_AREA))

    def layers_of(self, kind: LayerKind) -> tuple[Layer, ...]:
        """Return the layers of one kind."""
        return tuple(layer for layer in self.layers if layer.kind is kind)

    def name(self, language: Language = "en") -> str:
        """Return the AOI's name in a language, or in English where it has none."""
        return self.names.get(language) or self.names.get("en") or self.id

    def regimes_on(self, day: int) -> tuple[RegulatoryPeriod, ...]:
        """Return the regulatory periods in force on a day."""
        return tuple(regime for regime in self.regimes if regime.covers(day))
