"""Capacity: the worked example, published ranges, seeds, impossible priors."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpgeo.model.aoi import Prior
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import Verdict
from kpgeo.model.site import Area
from kpgeo.options.production import ProductionOptions
from kpgeo.production import (
    CapacityPart,
    compare_with_published_capacity,
    published_figures,
    sample_capacity,
    sample_total,
)
from kpgeo.production.capacity import draw_capacity

OPTIONS = ProductionOptions()
TWENTY = Area(ha=20.0, low_ha=20.0 / 1.4, high_ha=20.0 * 1.4)


def _with(priors, **families):
    changed = {
        name: dataclasses.replace(getattr(priors, name), family=family, low=low, high=high)
        for name, (family, low, high) in families.items()
    }
    return dataclasses.replace(priors, **changed)


def test_worked_example_is_reproduced(flat_priors):
    """20 ha a year: 5,500 / 23,600 / 96,400 ct; shares grade 41 %, thickness 31 %, f 20 %, area 6 %."""
    capacity = sample_capacity(flat_priors, TWENTY, OPTIONS, ("worked-example",))
    assert capacity.low_ct == pytest.approx(5_500, rel=0.02)
    assert capacity.median_ct == pytest.approx(23_600, rel=0.02)
    assert capacity.high_ct == pytest.approx(96_400, rel=0.02)
    shares = {
        "grade_ct_per_m3": 0.41,
        "gravel_m": 0.31,
        "worked_frac": 0.20,
        "new_area": 0.06,
        "recovery_frac": 0.02,
    }
    assert capacity.spread_frac == pytest.approx(shares, abs=0.006)
    assert sum(capacity.spread_frac.values()) == pytest.approx(1.0)
    assert capacity.draws == OPTIONS.draws


def test_other_families_do_not_reproduce_it(flat_priors):
    """Bounds as the ends of a uniform or log-uniform prior give another interval: families matter."""
    flat = _with(flat_priors, gravel_m=("uniform", 0.2, 1.0), grade_ct_per_m3=("uniform", 0.3, 1.9))
    assert sample_capacity(flat, TWENTY, OPTIONS).median_ct > 35_000
    logs = _with(flat_priors, gravel_m=("loguniform", 0.2, 1.0), grade_ct_per_m3=("loguniform", 0.3, 1.9))
    assert sample_capacity(logs, TWENTY, OPTIONS).low_ct > 5_700


def test_draws_agree_with_plain_sampling(flat_priors):
    rng = np.random.default_rng(1)
    n, log5, log_g = 1_000_000, np.log(5.0) / 3.28971, np.log(1.9 / 0.3) / 3.28971
    plain = (
        2e5
        * np.exp(np.log(1.4) / 1.644854 * rng.standard_normal(n))
        * rng.beta(4, 4, n)
        * np.sqrt(0.2)
        * np.exp(log5 * rng.standard_normal(n))
        * np.sqrt(0.3 * 1.9)
        * np.exp(log_g * rng.standard_normal(n))
        * rng.uniform(0.6, 0.9, n)
    )
    draws = draw_capacity((CapacityPart(priors=flat_priors, new_area=TWENTY),), OPTIONS, ()).area_ct
    at = [0.05, 0.25, 0.5, 0.75, 0.95]
    assert np.quantile(draws, at) == pytest.approx(np.quantile(plain, at), rel=0.015)


def test_default_draws_repeat_to_a_percent(flat_priors):
    rows = [sample_capacity(flat_priors, TWENTY, OPTIONS, (seed,)) for seed in range(12)]
    quantiles = np.array([[row.low_ct, row.median_ct, row.high_ct] for row in rows])
    assert (quantiles.std(axis=0) / quantiles.mean(axis=0)).max() < 0.01


def test_same_ids_give_the_same_draws_and_others_do_not(flat_priors):
    first = sample_capacity(flat_priors, TWENTY, OPTIONS, ("civ-seguela", "2024H1"))
    assert first == sample_capacity(flat_priors, TWENTY, OPTIONS, ("civ-seguela", "2024H1"))
    assert first != sample_capacity(flat_priors, TWENTY, OPTIONS, ("civ-seguela", "2024H2"))


def test_fixed_factors_give_the_product(flat_priors):
    fixed = _with(
        flat_priors,
        worked_frac=("uniform", 0.5, 0.5),
        gravel_m=("loguniform", 0.5, 0.5),
        grade_ct_per_m3=("lognormal", 2.0, 2.0),
        recovery_frac=("uniform", 0.8, 0.8),
    )
    capacity = sample_capacity(fixed, Area(ha=3.0, low_ha=3.0, high_ha=3.0), OPTIONS)
    # 3 ha x 10,000 m2 x 0.5 x 0.5 m x 2 ct/m3 x 0.8
    assert [capacity.low_ct, capacity.median_ct, capacity.high_ct] == pytest.approx([12_000.0] * 3)
    assert sum(capacity.spread_frac.values()) == pytest.approx(1.0)


def test_total_adds_strata_and_spread_follows_the_bigger(flat_priors, dyke_priors):
    flat = CapacityPart(priors=flat_priors, new_area=TWENTY)
    dyke = CapacityPart(priors=dyke_priors, new_area=Area(ha=0.01, low_ha=0.008, high_ha=0.013))
    alone = sample_total((flat,), OPTIONS)
    both = sample_total((flat, dyke), OPTIONS)
    assert both.median_ct == pytest.approx(alone.median_ct, rel=0.03)
    assert both.spread_frac == pytest.approx(alone.spread_frac, abs=0.01)
    twice = sample_total((flat, flat), OPTIONS)
    # independent priors narrow the interval of the sum; in-step areas do not
    assert twice.high_ct / twice.low_ct < 0.7 * alone.high_ct / alone.low_ct
    assert twice.spread_frac["new_area"] > alone.spread_frac["new_area"]


def test_grades_that_are_one_unknown_carry_more_of_a_totals_spread(flat_priors):
    part = CapacityPart(priors=flat_priors, new_area=TWENTY, deposit="alluvial-flat")
    apart, shared = (
        sample_total((part, part), ProductionOptions(same_deposit_rho=rho)).spread_frac for rho in (0.0, 1.0)
    )
    alone = sample_total((part,), OPTIONS).spread_frac["grade_ct_per_m3"]
    assert apart["grade_ct_per_m3"] < alone < shared["grade_ct_per_m3"]
    # two strata of one unknown grade: its variance in full, of all else that is independent the half
    variance = {"grade": 0.3148, "others": 0.2394 + 0.1507 + 0.0136, "area": 0.0418}
    expected = variance["grade"] / (variance["grade"] + variance["others"] / 2 + variance["area"])
    assert shared["grade_ct_per_m3"] == pytest.approx(expected, abs=0.01)


def test_no_area_yields_nothing(flat_priors):
    nothing = sample_capacity(flat_priors, Area(ha=0.0, low_ha=0.0, high_ha=0.0), OPTIONS)
    assert nothing.high_ct == 0.0
    assert sample_total((), OPTIONS).high_ct == 0.0
    assert sum(nothing.spread_frac.values()) == pytest.approx(1.0)


def test_what_could_have_gone_unseen_counts(flat_priors):
    unseen = sample_capacity(flat_priors, Area(ha=0.0, low_ha=0.0, high_ha=1.0), OPTIONS)
    assert 0.0 < unseen.high_ct < sample_capacity(flat_priors, TWENTY, OPTIONS).median_ct


@settings(max_examples=40, deadline=None)
@given(ha=st.floats(0.1, 500.0), spread=st.floats(1.0, 3.0), factor=st.floats(1.01, 10.0))
def test_quantiles_are_ordered_and_scale_with_area(flat_priors, ha, spread, factor):
    few = ProductionOptions(draws=1024)
    base = sample_capacity(flat_priors, Area(ha=ha, low_ha=ha / spread, high_ha=ha * spread), few)
    assert 0.0 < base.low_ct <= base.median_ct <= base.high_ct
    more = Area(ha=ha * factor, low_ha=ha * factor / spread, high_ha=ha * factor * spread)
    assert sample_capacity(flat_priors, more, few).median_ct == pytest.approx(base.median_ct * factor)


@pytest.mark.parametrize(
    ("name", "family", "low", "high"),
    [
        ("gravel_m", "uniform", 1.0, 0.2),
        ("gravel_m", "loguniform", 0.0, 1.0),
        ("grade_ct_per_m3", "lognormal", -1.0, 2.0),
        ("grade_ct_per_m3", "uniform", 0.0, float("inf")),
        ("recovery_frac", "uniform", 0.6, 1.2),
        ("recovery_frac", "lognormal", 0.6, 1.2),
        ("worked_frac", "beta", 0.0, 4.0),
    ],
)
def test_impossible_priors_are_refused_by_name(flat_priors, name, family, low, high):
    wrong = dataclasses.replace(
        flat_priors, **{name: Prior(family=family, low=low, high=high, source=flat_priors.gravel_m.source)}
    )
    with pytest.raises(BadInputError, match=name):
        sample_capacity(wrong, TWENTY, OPTIONS)


def test_a_share_is_never_drawn_above_one(flat_priors):
    wide = _with(flat_priors, recovery_frac=("lognormal", 0.5, 1.0), grade_ct_per_m3=("uniform", 1.0, 1.0))
    wide = _with(wide, gravel_m=("uniform", 1.0, 1.0), worked_frac=("uniform", 1.0, 1.0))
    draws = draw_capacity((CapacityPart(priors=wide, new_area=Area(ha=1, low_ha=1, high_ha=1)),), OPTIONS, ()).area_ct
    assert draws.max() == pytest.approx(10_000.0)


def test_guinea_2008_is_above_its_published_capacity():
    """Positive control: 3.10 Mct against 480,000–720,000 ct a year is 4.3 to 6.5 times the range."""
    declared = next(f for f in published_figures() if f.iso3 == "GIN" and f.period.label == "2008")
    check = compare_with_published_capacity(declared.carats, 480_000, 720_000, OPTIONS)
    assert check.verdict is Verdict.DECLARED_ABOVE_CAPACITY
    assert check.prob_above_capacity > 0.999
    assert (check.ratio_low, check.ratio_high) == pytest.approx((4.3, 6.46), abs=0.01)


@pytest.mark.parametrize("year", ["2010", "2012", "2014", "2016", "2018", "2020", "2022", "2023"])
def test_guinea_in_other_years_is_not(year):
    declared = next(f for f in published_figures() if f.iso3 == "GIN" and f.period.label == year)
    check = compare_with_published_capacity(declared.carats, 480_000, 720_000, OPTIONS)
    assert check.verdict is Verdict.CONSISTENT


@pytest.mark.parametrize(("declared", "low", "high"), [(1.0, 0.0, 5.0), (1.0, 5.0, 2.0), (-1.0, 1.0, 2.0)])
def test_a_range_that_is_none_is_refused(declared, low, high):
    with pytest.raises(BadInputError, match="range"):
        compare_with_published_capacity(declared, low, high, OPTIONS)
