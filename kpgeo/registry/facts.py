"""What is known about a place: from checked fields to the nouns of `kpgeo.model.aoi`."""

from dataclasses import replace
from typing import Literal, cast

from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from kpgeo.model.aoi import (
    Aoi,
    CapacityPriors,
    Correlation,
    DepositType,
    LabourPriors,
    Prior,
    RegimeKind,
    RegulatoryPeriod,
    Seasons,
    Stratum,
)
from kpgeo.registry.countries import COUNTRIES
from kpgeo.registry.fields import MAX_NAME, Fields
from kpgeo.registry.rules import clean

_BOUNDARY_FIELDS = (
    "role", "id", "names", "iso3", "country", "participant", "deposit", "epsg", "source", "notes", "seasons", "regimes",
    "sensitivity", "risk",
)  # fmt: skip
_FAMILIES = ("uniform", "loguniform", "beta", "lognormal")
# factor of the capacity chain -> the largest value it can take; shares end at 1
_FACTORS = {"worked_frac": 1.0, "gravel_m": 100.0, "grade_ct_per_m3": 1_000.0, "recovery_frac": 1.0}
# ... and of the labour route
_LABOUR = {"pits_per_ha": 10_000.0, "miners_per_pit": 1_000.0, "days_per_year": 366.0, "m3_per_miner_day": 100.0}
_NOWHERE = Polygon()


def read_facts(fields: Fields, geometry: BaseGeometry | None) -> Aoi:
    """Return the AOI a boundary feature describes, without strata; stand-ins take the place of what is wrong."""
    fields.only(*_BOUNDARY_FIELDS)
    iso3, country, participant = _country_of(fields)
    epsg = fields.get("epsg")
    sensitivity = "kp-only"
    if "sensitivity" in fields.content:
        sensitivity = fields.one_of("sensitivity", ("kp-only", "public"), "sensitivity-unknown")
    return Aoi(
        id=fields.id(),
        names=fields.names(),
        iso3=iso3,
        country=country,
        participant=participant,
        deposit=fields.text("deposit"),
        geometry=geometry or _NOWHERE,
        epsg=epsg if isinstance(epsg, int) and not isinstance(epsg, bool) else 0,
        source=fields.sourced(),
        notes=fields.text("notes", blank=True) if "notes" in fields.content else "",
        regimes=tuple(_regime(row) for row in fields.rows("regimes")),
        seasons=_seasons(fields),
        sensitivity=cast("Literal['kp-only', 'public']", sensitivity),
    )


def read_stratum(fields: Fields, geometry: BaseGeometry | None) -> Stratum:
    """Return the stratum a feature describes."""
    fields.only("role", "id", "deposit_type", "names", "source", "priors")
    stratum = Stratum(
        id=fields.id(),
        deposit_type=fields.kind("deposit_type", DepositType, "deposit-type-unknown"),
        geometry=geometry or _NOWHERE,
        names=fields.names(),
        source=fields.sourced(),
    )
    if fields.content.get("priors") is None:
        return stratum
    factors = fields.sub("priors")
    factors.only(*_FACTORS, "labour", "correlations")
    priors = {factor: _prior(factors.sub(factor), top) for factor, top in _FACTORS.items()}
    labour = None
    if factors.content.get("labour") is not None:
        people = factors.sub("labour")
        people.only(*_LABOUR)
        labour = LabourPriors(**{factor: _prior(people.sub(factor), top) for factor, top in _LABOUR.items()})
    correlations = tuple(_correlation(row) for row in factors.rows("correlations"))
    return replace(stratum, priors=CapacityPriors(**priors, labour=labour, correlations=correlations))


def _correlation(fields: Fields) -> Correlation:
    """Return how two factors of the area route go together."""
    fields.only("first", "second", "rho", "source")
    first, second = (fields.one_of(name, tuple(_FACTORS), "correlation-factor") for name in ("first", "second"))
    rho = fields.number("rho")
    if first == second or not -1.0 < rho < 1.0:
        fields.found.add(
            "correlation-bounds", "A correlation is between two different factors, above -1 and below 1.", fields.place
        )
    return Correlation(first=first, second=second, rho=rho, source=fields.sourced())


def _country_of(fields: Fields) -> tuple[str, str, str]:
    """Return code, country and participant, spelt so that declared figures are found."""
    iso3 = fields.text("iso3")
    country, participant = fields.text("country", MAX_NAME), fields.text("participant", MAX_NAME)
    if iso3 and not (len(iso3) == 3 and iso3.isascii() and iso3.isalpha() and iso3.isupper()):
        fields.found.add("country-code", f"'{clean(iso3)}' is not a country code.", fields.at("iso3"))
    known = COUNTRIES.get(iso3)
    if known is not None and country and country != known.name:
        fields.found.add("country-name", f"{iso3} is written '{known.name}'.", fields.at("country"))
    if known is not None and participant and participant != known.participant:
        fields.found.add("participant-name", f"{iso3} is written '{known.participant}'.", fields.at("participant"))
    return iso3, country, participant


def _prior(fields: Fields, top: float) -> Prior:
    """Return the prior of one factor; `top` is the largest value the factor can take."""
    fields.only("family", "low", "high", "source")
    family = fields.one_of("family", _FAMILIES, "prior-family")
    low, high = fields.number("low"), fields.number("high")
    if family == "beta":
        is_possible = 0.0 < low <= 1_000.0 and 0.0 < high <= 1_000.0
        wanted = "two shapes above 0"
        if top != 1.0:
            is_possible, wanted = False, "another family: beta is for shares"
    else:
        least = 0.0 if family == "uniform" else 1e-12
        is_possible = least <= low < high <= top
        wanted = f"low < high, both {'0 or more' if family == 'uniform' else 'above 0'} and at most {top:g}"
    if not is_possible and {"low", "high"} <= fields.content.keys():
        fields.found.add("prior-bounds", f"{family} from {low:g} to {high:g}; this asks for {wanted}.", fields.place)
    return Prior(
        family=cast("Literal['uniform', 'loguniform', 'beta', 'lognormal']", family),
        low=low,
        high=high,
        source=fields.sourced(),
    )


def _regime(fields: Fields) -> RegulatoryPeriod:
    """Return one regulatory period."""
    fields.only("kind", "start", "end", "note", "source", "strata")
    start, end = fields.day("start"), fields.day("end", may_be_open=True)
    if start is not None and end is not None and end <= start:
        fields.found.add("regime-dates", "The period ends before it starts.", fields.place)
    return RegulatoryPeriod(
        kind=fields.kind("kind", RegimeKind, "regime-kind"),
        start_day=start or 0,
        end_day=end,
        note=fields.names("note", 1_000),
        source=fields.sourced(),
        strata=_zone(fields),
    )


def _zone(fields: Fields) -> tuple[str, ...]:
    """Return the ids of the strata a compliant zone is made of."""
    listed = fields.content.get("strata", [])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        fields.found.add("field-type", "This is not a list of ids of strata.", fields.at("strata"))
        return ()
    return tuple(listed)


def _seasons(fields: Fields) -> Seasons | None:
    """Return the seasons, or None where the file gives none."""
    if fields.content.get("seasons") is None:
        return None
    sub = fields.sub("seasons")
    sub.only("dry_months", "burn_months", "source")
    return Seasons(dry_months=_months(sub, "dry_months"), burn_months=_months(sub, "burn_months"), source=sub.sourced())


def _months(fields: Fields, key: str) -> tuple[int, ...]:
    value = fields.get(key)
    is_list = isinstance(value, list) and all(type(month) is int and 1 <= month <= 12 for month in value)
    months = tuple(cast("list[int]", value)) if is_list else ()
    if key in fields.content and (not is_list or len(set(months)) != len(months)):
        fields.found.add("season-months", "These are not months, each once.", fields.at(key))
    return months
