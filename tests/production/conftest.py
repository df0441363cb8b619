"""Small AOIs, priors and activities that the tests of the room share."""

import datetime as dt
from collections.abc import Callable

import pytest
from shapely.geometry import box

from kpgeo.model.aoi import (
    Aoi,
    CapacityPriors,
    DepositType,
    Prior,
    RegimeKind,
    RegulatoryPeriod,
    Seasons,
    Sourced,
    Stratum,
)
from kpgeo.model.calendar import Period, day_of
from kpgeo.model.production import Activity, DeclaredFigure, DeclaredKind
from kpgeo.model.site import Area

SOURCE = Sourced(source="test", confidence="low")


def _prior(family, low, high):
    return Prior(family=family, low=low, high=high, source=SOURCE)


@pytest.fixture(scope="session")
def flat_priors() -> CapacityPriors:
    """Priors of the handbook's worked example: an alluvial flat."""
    return CapacityPriors(
        worked_frac=_prior("beta", 4, 4),
        gravel_m=_prior("lognormal", 0.2, 1.0),
        grade_ct_per_m3=_prior("lognormal", 0.3, 1.9),
        recovery_frac=_prior("uniform", 0.6, 0.9),
    )


@pytest.fixture(scope="session")
def dyke_priors() -> CapacityPriors:
    return CapacityPriors(
        worked_frac=_prior("beta", 4, 4),
        gravel_m=_prior("lognormal", 0.5, 2.0),
        grade_ct_per_m3=_prior("lognormal", 2.0, 10.0),
        recovery_frac=_prior("uniform", 0.6, 0.9),
    )


@pytest.fixture(scope="session")
def make_aoi(flat_priors) -> Callable[..., Aoi]:
    """Make `civ-seguela` with one stratum `flat` (1° by 1°), under embargo from 2005-12-15 to 2014-04-29."""

    def make(*, priors=flat_priors, regimes=True, dry_months=None, strata=True, **changes) -> Aoi:
        square = box(-7, 8, -6, 9)
        flat = Stratum(
            id="flat",
            deposit_type=DepositType.ALLUVIAL_FLAT,
            geometry=square,
            names={"en": "flat"},
            source=SOURCE,
            priors=priors,
        )
        embargo = RegulatoryPeriod(
            kind=RegimeKind.EMBARGO,
            start_day=day_of(dt.date(2005, 12, 15)),
            end_day=day_of(dt.date(2014, 4, 29)),
            note={},
            source=SOURCE,
        )
        seasons = Seasons(dry_months=dry_months, burn_months=(1,), source=SOURCE) if dry_months else None
        fields = {
            "id": "civ-seguela",
            "names": {"en": "Séguéla"},
            "iso3": "CIV",
            "country": "Côte d'Ivoire",
            "participant": "Côte d'Ivoire",
            "deposit": "alluvial",
            "geometry": square,
            "epsg": 32629,
            "source": SOURCE,
            "strata": (flat,) if strata else (),
            "regimes": (embargo,) if regimes else (),
            "seasons": seasons,
        }
        return Aoi(**{**fields, **changes})

    return make


def _area(ha):
    return Area(ha=ha, low_ha=ha / 1.4, high_ha=ha * 1.4 if ha else 0.5)


@pytest.fixture(scope="session")
def make_activities() -> Callable[..., tuple[Activity, ...]]:
    def make(period: Period, *, flat=0.0, outside=0.0, coverage=0.8) -> tuple[Activity, ...]:
        return tuple(
            Activity(
                aoi_id="civ-seguela",
                stratum_id=stratum,
                period=period,
                new_area=_area(ha),
                standing_area=_area(ha),
                coverage_frac=coverage,
                sites=int(ha > 0),
            )
            for stratum, ha in (("flat", flat), ("", outside))
        )

    return make


@pytest.fixture(scope="session")
def make_figure() -> Callable[..., DeclaredFigure]:
    def make(label, carats=None, *, kind=None, aoi_id="civ-seguela", on=None, **changes) -> DeclaredFigure:
        kind = kind or (DeclaredKind.MISSING if carats is None else DeclaredKind.FIGURE)
        fields = {
            "participant": "Côte d'Ivoire",
            "iso3": "CIV",
            "period": Period.parse(label),
            "kind": kind,
            "carats": carats,
            "value_usd": None,
            "as_published_on": on,
            "source": SOURCE,
            "aoi_id": aoi_id,
        }
        return DeclaredFigure(**{**fields, **changes})

    return make
