"""The labour route, and factors that go together."""

import dataclasses
import math

import numpy as np
import pytest

from kpgeo.model.aoi import Correlation, LabourPriors, Prior, Sourced
from kpgeo.model.errors import BadInputError
from kpgeo.model.site import Area
from kpgeo.options.production import ProductionOptions
from kpgeo.production import CapacityPart, draw_capacity

OPTIONS = ProductionOptions()
SOURCE = Sourced(source="test", confidence="low")
NEW, STANDING = Area(ha=20.0, low_ha=14.0, high_ha=28.0), Area(ha=30.0, low_ha=21.0, high_ha=42.0)


def prior(low, high, family="uniform"):
    return Prior(family=family, low=low, high=high, source=SOURCE)


LABOUR = LabourPriors(
    pits_per_ha=prior(5, 20),
    miners_per_pit=prior(3, 10),
    days_per_year=prior(120, 240),
    m3_per_miner_day=prior(0.2, 0.8),
)


def part(priors, **said):
    return CapacityPart(priors=priors, **{"new_area": NEW, "standing_area": STANDING, "years": 0.5, **said})


def test_fixed_factors_give_the_product_of_the_labour_route(flat_priors):
    fixed = dataclasses.replace(
        flat_priors,
        grade_ct_per_m3=prior(2.0, 2.0),
        labour=LabourPriors(
            pits_per_ha=prior(10, 10),
            miners_per_pit=prior(5, 5),
            days_per_year=prior(200, 200),
            m3_per_miner_day=prior(0.5, 0.5),
        ),
    )
    area = Area(ha=3.0, low_ha=3.0, high_ha=3.0)
    interval = draw_capacity((part(fixed, standing_area=area),), OPTIONS).labour_interval()
    # 3 ha x 10 pits x 5 miners x 200 days x 0.5 m3 x 2 ct/m3 x half a year
    assert [interval.low_ct, interval.median_ct, interval.high_ct] == pytest.approx([15_000.0] * 3)


def test_the_routes_share_the_grade_and_nothing_else(flat_priors):
    sure = Area(ha=20.0, low_ha=20.0, high_ha=20.0)
    priors = dataclasses.replace(flat_priors, labour=LABOUR)
    one = part(priors, new_area=sure, standing_area=sure)
    draws = draw_capacity((one,), OPTIONS)
    routes = np.log([draws.area_ct, draws.labour_ct])
    grade = math.log(1.9 / 0.3) / (2 * 1.6448536)
    assert np.cov(routes)[0, 1] == pytest.approx(grade**2, abs=0.01), "what they share is the grade's error"
    spread = draws.labour_interval().spread_frac
    assert sum(spread.values()) == pytest.approx(1.0)
    assert max(spread, key=spread.get) == "grade_ct_per_m3"
    settled = dataclasses.replace(priors, grade_ct_per_m3=prior(0.8, 0.8))
    draws = draw_capacity((dataclasses.replace(one, priors=settled),), OPTIONS)
    assert abs(np.corrcoef(np.log([draws.area_ct, draws.labour_ct]))[0, 1]) < 0.02


def test_a_figure_lies_above_capacity_only_if_it_does_by_both_routes(flat_priors):
    draws = draw_capacity((part(dataclasses.replace(flat_priors, labour=LABOUR)),), OPTIONS)
    carats = float(np.median(draws.area_ct))
    assert draws.prob_below(carats) == min(0.5, float(np.mean(draws.labour_ct < carats)))


def test_without_labour_priors_in_every_part_there_is_one_route(flat_priors):
    one, none = part(dataclasses.replace(flat_priors, labour=LABOUR)), part(flat_priors)
    assert draw_capacity((one, none), OPTIONS).labour_interval() is None
    assert draw_capacity((none,), OPTIONS).labour_interval() is None


def test_gravel_that_is_thick_where_it_is_rich_widens_the_interval(flat_priors):
    def width(rho):
        said = (Correlation(first="gravel_m", second="grade_ct_per_m3", rho=rho, source=SOURCE),) if rho else ()
        interval = draw_capacity((part(dataclasses.replace(flat_priors, correlations=said)),), OPTIONS).area_interval()
        return interval.high_ct / interval.low_ct

    assert width(-0.7) < width(0.0) < width(0.7)


def test_correlations_that_contradict_each_other_are_refused(flat_priors):
    said = tuple(
        Correlation(first=a, second=b, rho=rho, source=SOURCE)
        for a, b, rho in (
            ("gravel_m", "grade_ct_per_m3", 0.9),
            ("gravel_m", "worked_frac", 0.9),
            ("worked_frac", "grade_ct_per_m3", -0.9),
        )
    )
    with pytest.raises(BadInputError, match="No factors go together"):
        draw_capacity((part(dataclasses.replace(flat_priors, correlations=said)),), OPTIONS)


def test_periods_of_one_area_share_what_a_hectare_yields(flat_priors):
    twice = [draw_capacity((part(flat_priors, years=years),), OPTIONS, ("civ-seguela",)) for years in (0.5, 1.0)]
    assert twice[0].yields is twice[1].yields
    assert np.array_equal(twice[0].area_ct, twice[1].area_ct)
