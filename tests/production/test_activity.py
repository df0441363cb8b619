"""Activity measured on rasters small enough to check by hand."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.kernels.capacity import Z90
from kpgeo.model.calendar import Period, dekad_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.run import Coverage
from kpgeo.model.state import DekadFields
from kpgeo.options.production import ProductionOptions
from kpgeo.production import ActivityInputs, measure_activity
from kpgeo.production.activity import area_with_interval, mean_coverage

OPTIONS = ProductionOptions(seen_frac=1.0, fraction_bias_sd=0.15)
PERIOD = Period.parse("2024H1")
BEFORE, DURING, AFTER = PERIOD.start_day - 1, PERIOD.start_day, PERIOD.end_day
FIRST, LAST = dekad_of(PERIOD.start_day), dekad_of(PERIOD.end_day - 1)


def _fields(onset, frac=None, prob=None, dekad=LAST):
    onset = np.asarray(onset, dtype=np.uint16)
    frac = np.full(onset.shape, 1.0) if frac is None else np.asarray(frac)
    prob = np.full(onset.shape, 0.9) if prob is None else np.asarray(prob)
    blank = np.zeros(onset.shape, dtype=np.float32)
    days = np.zeros(onset.shape, dtype=np.uint16)
    return DekadFields(
        dekad=dekad,
        mined_prob=prob.astype(np.float32),
        pond_prob=blank,
        regrowth_prob=blank,
        cleared_prob=blank,
        mined_frac=frac.astype(np.float32),
        onset_day=onset,
        last_optical_day=days,
        last_radar_day=days,
        looks=days.astype(np.uint8),
    )


def _inputs(onset, *, index=None, inside=None, in_site=None, coverage=(), counts=None, **fields):
    content = _fields(onset, **fields)
    shape = content.onset_day.shape
    return ActivityInputs(
        aoi_id="civ-seguela",
        fields=content,
        strata_ids=("flat", "dyke"),
        stratum_index=np.ones(shape, np.uint8) if index is None else np.asarray(index, np.uint8),
        inside=np.ones(shape, bool) if inside is None else np.asarray(inside, bool),
        in_site=np.ones(shape, bool) if in_site is None else np.asarray(in_site, bool),
        pixel_ha=0.01,
        coverage=coverage,
        site_counts=counts or {},
    )


def _looks(frac, stratum="flat", dekads=range(FIRST, LAST + 1)):
    return [
        Coverage(aoi_id="civ-seguela", dekad=d, stratum_id=stratum, scenes=1, look_frac=frac, optical_frac=frac)
        for d in dekads
    ]


def test_new_area_is_the_sum_of_fractions_of_onsets_in_the_period():
    onset = [[BEFORE, DURING, AFTER - 1], [AFTER, 0, DURING]]
    frac = [[0.9, 0.5, 0.25], [0.9, 0.9, 1.0]]
    flat, dyke, outside = measure_activity(_inputs(onset, frac=frac), PERIOD, OPTIONS)
    assert flat.new_area.ha == pytest.approx(0.0175)
    # standing: those and the one dug before; not the one dug after
    assert flat.standing_area.ha == pytest.approx(0.0265)
    assert dyke.new_area.ha == outside.new_area.ha == 0.0
    assert [a.stratum_id for a in (flat, dyke, outside)] == ["flat", "dyke", ""]


def test_strata_and_the_land_outside_are_kept_apart():
    index, counts = [[1, 2, 0]], {"dyke": 2, "": 1}
    flat, dyke, outside = measure_activity(
        _inputs([[DURING] * 3], frac=[[0.2, 0.4, 0.6]], index=index, counts=counts), PERIOD, OPTIONS
    )
    assert [a.new_area.ha for a in (flat, dyke, outside)] == pytest.approx([0.002, 0.004, 0.006])
    assert [a.sites for a in (flat, dyke, outside)] == [0, 2, 1]


def test_only_pixels_of_sites_inside_the_boundary_count():
    inputs = _inputs([[DURING] * 3], in_site=[[True, False, True]], inside=[[True, True, False]])
    assert measure_activity(inputs, PERIOD, OPTIONS)[0].new_area.ha == pytest.approx(0.01)


def test_what_grew_over_again_is_new_area_but_not_standing():
    inputs = _inputs([[DURING, DURING]], prob=[[0.9, 0.1]])
    flat = measure_activity(inputs, PERIOD, OPTIONS)[0]
    assert flat.new_area.ha == pytest.approx(0.02)
    assert flat.standing_area.ha == pytest.approx(0.01)


def test_a_fraction_that_is_not_a_number_counts_as_none():
    assert measure_activity(_inputs([[DURING, DURING]], frac=[[np.nan, 1.0]]), PERIOD, OPTIONS)[
        0
    ].new_area.ha == pytest.approx(0.01)


def test_two_half_years_add_up_to_the_year():
    rng = np.random.default_rng(3)
    year, halves = Period.parse("2024"), [Period.parse("2024H1"), Period.parse("2024H2")]
    onset = rng.integers(year.start_day - 50, year.end_day + 50, (20, 20))
    inputs = _inputs(onset, frac=rng.random((20, 20)), dekad=dekad_of(year.end_day))
    parts = [measure_activity(inputs, half, OPTIONS)[0].new_area.ha for half in halves]
    assert sum(parts) == pytest.approx(measure_activity(inputs, year, OPTIONS)[0].new_area.ha)


def test_where_nothing_is_seen_the_interval_says_what_could_be_there():
    clear = measure_activity(_inputs(np.zeros((100, 100)), coverage=_looks(1.0)), PERIOD, OPTIONS)[0].new_area
    dim = measure_activity(_inputs(np.zeros((100, 100)), coverage=_looks(0.25)), PERIOD, OPTIONS)[0].new_area
    dark = measure_activity(_inputs(np.zeros((100, 100))), PERIOD, OPTIONS)[0].new_area
    assert (clear.low_ha, clear.ha, clear.high_ha) == (0.0, 0.0, pytest.approx(0.5))
    assert dim.high_ha == pytest.approx(2.0)
    assert dark.high_ha == pytest.approx(100.0)  # all of the land


def test_a_large_area_is_known_to_a_factor_of_the_common_error_and_one_working_hardly_at_all():
    large = area_with_interval(200_000.0, 200_000, 0.01, OPTIONS)
    assert large.high_ha / large.ha == pytest.approx(math.exp(Z90 * OPTIONS.fraction_bias_sd), abs=0.01)
    assert large.ha / large.low_ha == pytest.approx(large.high_ha / large.ha)
    one = area_with_interval(100.0 * OPTIONS.working_ha, 50, 0.01, OPTIONS)
    assert one.high_ha / one.ha > 3.5


def test_the_interval_is_the_written_formula():
    sigma = math.sqrt(math.log1p(4 * 0.04 * 4 / 2.0**2 + OPTIONS.working_ha / 0.02) + OPTIONS.fraction_bias_sd**2)
    area = area_with_interval(2.0, 4, 0.01, OPTIONS)
    assert area.high_ha == pytest.approx(0.02 * math.exp(Z90 * sigma))


def test_the_interval_covers_nine_draws_in_ten():
    """Draw errors by the model behind it: correlated fractions, a common bias, workings missed or mistaken."""
    rng = np.random.default_rng(5)
    side, truth, hits, draws = 12, 0.6, 0, 4000
    true_ha = truth * side**2 * 0.01
    y, x = np.mgrid[:side, :side].reshape(2, -1)
    correlation = np.exp(-np.hypot(y[:, None] - y, x[:, None] - x) / OPTIONS.correlation_px)
    root = np.linalg.cholesky(correlation)
    for _ in range(draws):
        frac = truth + OPTIONS.fraction_sd * (root @ rng.standard_normal(side**2))
        common = rng.normal(0, math.sqrt(OPTIONS.fraction_bias_sd**2 + math.log1p(OPTIONS.working_ha / true_ha)))
        area = area_with_interval(float(frac.sum() * math.exp(common)), side**2, 0.01, OPTIONS)
        hits += area.low_ha <= true_ha <= area.high_ha
    assert 0.87 <= hits / draws <= 0.95


@given(st.floats(0.01, 1e4), st.integers(1, 10**6))
def test_the_interval_holds_its_area(sum_frac, n_px):
    area = area_with_interval(sum_frac, n_px, 0.01, OPTIONS)
    assert 0.0 < area.low_ha < area.ha < area.high_ha < math.inf


def test_coverage_is_the_mean_over_all_dekads_of_the_period():
    assert mean_coverage(_looks(0.6), "flat", PERIOD) == pytest.approx(0.6)
    # dekads without a row were not looked at; dekads of other periods do not count
    half = _looks(0.6, dekads=range(FIRST - 9, FIRST + 9))
    assert mean_coverage(half, "flat", PERIOD) == pytest.approx(0.3)
    assert mean_coverage([], "flat", PERIOD) == 0.0


def test_coverage_falls_back_on_the_whole_aoi():
    rows = _looks(0.8, "*") + _looks(0.2, "flat", [FIRST])
    assert mean_coverage(rows, "dyke", PERIOD) == pytest.approx(0.8)
    assert mean_coverage(rows, "flat", PERIOD) == pytest.approx((17 * 0.8 + 0.2) / 18)


def test_coverage_goes_with_its_stratum():
    rows = _looks(0.6, "flat") + _looks(0.1, "dyke") + _looks(0.9, "")
    frac = [a.coverage_frac for a in measure_activity(_inputs([[0]], coverage=rows), PERIOD, OPTIONS)]
    assert frac == pytest.approx([0.6, 0.1, 0.9])


def test_arrays_that_do_not_fit_and_state_that_ends_too_early_are_refused():
    inputs = _inputs([[DURING, 0]])
    with pytest.raises(BadInputError, match="in_site"):
        measure_activity(dataclasses.replace(inputs, in_site=np.ones((2, 2), bool)), PERIOD, OPTIONS)
    with pytest.raises(BadInputError, match="before 2024H1"):
        measure_activity(_inputs([[0]], dekad=FIRST - 1), PERIOD, OPTIONS)


def test_inputs_are_not_changed():
    inputs = _inputs([[DURING, BEFORE]])
    before = inputs.fields.mined_frac.copy()
    measure_activity(inputs, PERIOD, OPTIONS)
    assert np.array_equal(before, inputs.fields.mined_frac)
