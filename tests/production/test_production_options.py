"""Every field of the options changes something, and nonsense is refused."""

import dataclasses

import numpy as np
import pytest
from pydantic import ValidationError

from kpgeo.model.calendar import Period, dekad_of
from kpgeo.model.production import DeclaredKind, NotAssessable, Verdict
from kpgeo.model.site import Area
from kpgeo.model.state import DekadFields
from kpgeo.options.production import ProductionOptions
from kpgeo.production import (
    CapacityPart,
    compare_production,
    compare_with_published_capacity,
    sample_capacity,
    sample_total,
)
from kpgeo.production.activity import ActivityInputs, measure_activity
from kpgeo.production.phrases import phrases

YEAR = Period.parse("2016")


@pytest.fixture
def verdict_of(make_aoi, make_activities, make_figure):
    def run(options, *, carats=20_235.0, aoi_id="civ-seguela", previous=(), **activity):
        figures = [make_figure("2016", carats, aoi_id=aoi_id)]
        return compare_production(
            make_aoi(), YEAR, make_activities(YEAR, **{"flat": 20.0, **activity}), figures, previous, options
        ).verdict

    return run


def test_a_test_stands_for_every_field():
    tested = {name.removeprefix("test_field_") for name in globals() if name.startswith("test_field_")}
    assert tested == set(ProductionOptions.model_fields)


def test_field_declared():
    assert ProductionOptions(declared=("declared/*.csv",)).digest() != ProductionOptions().digest()
    assert 'declared = ["declared/*.csv"]' in ProductionOptions(declared=("declared/*.csv",)).to_toml("production")


def test_field_covers_participant(verdict_of):
    covering = ProductionOptions(covers_participant=("civ-seguela",))
    assert verdict_of(ProductionOptions(), aoi_id="") is Verdict.NOT_ASSESSABLE
    assert verdict_of(covering, aoi_id="") is Verdict.CONSISTENT
    joined = ProductionOptions(covers_participant=("civ-tortiya + civ-seguela",))
    assert joined.covers_participant == ("civ-seguela+civ-tortiya",)
    assert verdict_of(joined, aoi_id="") is Verdict.NOT_ASSESSABLE


@pytest.fixture
def sampled(flat_priors, make_activities):
    area = make_activities(YEAR, flat=20.0)[0].new_area
    return lambda **fields: sample_capacity(flat_priors, area, ProductionOptions(**fields))


def test_field_draws(sampled):
    assert sampled(draws=1024).draws == 1024
    with pytest.raises(ValidationError, match="power of two"):
        ProductionOptions(draws=5000)


def test_field_same_deposit_rho(flat_priors):
    part = CapacityPart(priors=flat_priors, new_area=Area(ha=20.0, low_ha=20.0, high_ha=20.0), deposit="alluvial-flat")
    ratios = []
    for rho in (0.0, 0.5, 1.0):
        total = sample_total((part, part), ProductionOptions(same_deposit_rho=rho))
        ratios.append(total.high_ct / total.low_ct)
    assert ratios == sorted(ratios)
    assert ratios[2] > 1.2 * ratios[0]


def test_field_seed(sampled):
    assert sampled(seed=1).low_ct != sampled(seed=2).low_ct


def test_field_interval():
    def verdict(interval):
        return compare_with_published_capacity(760_000, 480_000, 720_000, ProductionOptions(interval=interval)).verdict

    assert (verdict(0.90), verdict(0.99)) == (Verdict.DECLARED_ABOVE_CAPACITY, Verdict.CONSISTENT)


@pytest.fixture
def trend_of(verdict_of, make_aoi, make_activities, make_figure):
    def run(**fields):
        earlier = Period.parse(fields.pop("earlier", "2015"))
        options = ProductionOptions(**fields)
        figure = make_figure(earlier.label, 40_000.0)
        before = compare_production(make_aoi(), earlier, make_activities(earlier, flat=8.0), [figure], (), options)
        return verdict_of(options, previous=[before])

    return run


def test_field_prob_threshold(trend_of):
    assert trend_of(prob_threshold=0.90) is Verdict.DECLARED_FALLS_ACTIVITY_GROWS
    assert trend_of(prob_threshold=0.999) is Verdict.CONSISTENT


def test_field_trend_factor(trend_of):
    assert trend_of(trend_factor=2.4) is Verdict.CONSISTENT


def test_field_same_season(make_aoi, make_activities, make_figure):
    def verdict(same_season):
        options = ProductionOptions(same_season=same_season)
        rows = []
        for label, carats, flat in (("2016H1", 40_000.0, 8.0), ("2016H2", 20_000.0, 30.0)):
            period = Period.parse(label)
            activities = make_activities(period, flat=flat)
            rows.append(compare_production(make_aoi(), period, activities, [make_figure(label, carats)], rows, options))
        return rows[-1].verdict

    assert (verdict(True), verdict(False)) == (Verdict.CONSISTENT, Verdict.DECLARED_FALLS_ACTIVITY_GROWS)


def test_field_min_coverage_frac(verdict_of):
    assert verdict_of(ProductionOptions(min_coverage_frac=0.9)) is Verdict.NOT_ASSESSABLE
    assert verdict_of(ProductionOptions(min_coverage_frac=0.5)) is Verdict.CONSISTENT


def test_field_min_area_ha(make_aoi, make_activities, make_figure):
    def row(least):
        figures = [make_figure("2016", kind=DeclaredKind.NO_PRODUCTION)]
        activities = make_activities(YEAR, flat=1.0)
        return compare_production(make_aoi(), YEAR, activities, figures, (), ProductionOptions(min_area_ha=least))

    assert row(0.5).verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION
    assert row(2.0).verdict is Verdict.CONSISTENT


def test_field_outside_may_explain(verdict_of):
    given = {"carats": 150_000.0, "outside": 80.0}
    assert verdict_of(ProductionOptions(outside_may_explain=True), **given) is Verdict.NOT_ASSESSABLE
    assert verdict_of(ProductionOptions(outside_may_explain=False), **given) is Verdict.DECLARED_ABOVE_CAPACITY


@pytest.fixture
def one_pixel():
    real, day = np.full((1, 1), 0.7, np.float32), np.full((1, 1), YEAR.start_day, np.uint16)
    fields = DekadFields(
        dekad=dekad_of(YEAR.end_day),
        mined_prob=real,
        pond_prob=real,
        regrowth_prob=real,
        cleared_prob=real,
        mined_frac=real,
        onset_day=day,
        last_optical_day=day,
        last_radar_day=day,
        looks=day.astype(np.uint8),
    )
    yes = np.ones((1, 1), bool)
    return ActivityInputs(
        aoi_id="civ-seguela",
        fields=fields,
        strata_ids=(),
        stratum_index=np.zeros((1, 1), np.uint8),
        inside=yes,
        in_site=yes,
        pixel_ha=0.01,
    )


def _width(inputs, **fields):
    area = measure_activity(inputs, YEAR, ProductionOptions(min_area_ha=1e-9, **fields))[-1].new_area
    return area.high_ha / area.low_ha


def test_field_area_bias_sd(one_pixel):
    assert _width(one_pixel, area_bias_sd=0.3) > _width(one_pixel, area_bias_sd=0.0)


def test_field_outside_working_ha(one_pixel):
    assert _width(one_pixel, outside_working_ha=0.3) > _width(one_pixel, outside_working_ha=0.0)


def test_field_working_ha(one_pixel):
    inputs = dataclasses.replace(one_pixel, strata_ids=("flat",), stratum_index=np.ones((1, 1), np.uint8))
    stated, moved = (
        measure_activity(inputs, YEAR, ProductionOptions(working_ha=one))[0].new_area.low_ha for one in (0.1, 0.5)
    )
    assert moved < stated


@pytest.mark.parametrize(
    "fields",
    [
        {"interval": 1.0},
        {"prob_threshold": 0.2},
        {"trend_factor": 1.0},
        {"min_area_ha": 0.0},
        {"min_coverage_frac": 1.1},
        {"draws": 512},
        {"seed": -1},
        {"fraction_sd": float("nan")},
        {"unknown": 1},
    ],
)
def test_nonsense_is_refused(fields):
    with pytest.raises(ValidationError):
        ProductionOptions(**fields)


def test_options_are_frozen():
    with pytest.raises(ValidationError):
        ProductionOptions().seed = 3


def test_reasons_have_phrases_for_each_of_them():
    assert {f"reason-{reason.value}" for reason in NotAssessable} <= set(phrases())
