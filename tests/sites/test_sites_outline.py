"""Belief to change objects: small rasters, every number checkable by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kpgeo.model.errors import BadInputError
from kpgeo.model.geometry import area_ha
from kpgeo.model.state import NO_DAY
from kpgeo.sites import outline_changes

BLOCK = (slice(10, 15), slice(4, 9))


def test_a_square_of_pixels_is_one_object_with_checkable_numbers(make, place, options):
    (change,) = outline_changes(make.fields(place, 0, [(*BLOCK, 3)], frac=0.8), place, options)
    assert (change.seed_row, change.seed_col, change.n_px) == (10, 4, 25)
    assert change.area.ha == pytest.approx(0.25 * 0.8, rel=2e-3)  # UTM scale aside
    assert 0.0 < change.area.low_ha < change.area.ha < change.area.high_ha <= 0.2502
    # 20 px mined of 25, each give or take 0.15, correlated by 0.3: V = 0.7 * 25 * 0.15**2 + 0.3 * (25 * 0.15)**2
    # = 4.6125; spread = sqrt(ln(1 + V / 20**2)) = 0.10708; bounds 20 exp(-0.10708**2 / 2 -+ 1.645 * 0.10708)
    assert (change.area.low_ha, change.area.high_ha) == pytest.approx((0.16674, 0.23715), rel=2e-3)
    assert change.first_day == make.start_day + 3
    assert change.last_day == make.start_day + 7
    assert change.confidence == pytest.approx(0.95)
    assert change.elongation == pytest.approx(1.0)
    assert (change.pond_frac, change.look_frac, change.stratum_id) == (0.0, 1.0, "")


@pytest.mark.parametrize(("epsg", "left_m"), [(32629, 500_000.0), (32629, 760_000.0), (32736, 250_000.0)])
def test_areas_agree_with_the_geodesic(make, options, epsg, left_m):
    place = make.place(epsg=epsg, left_m=left_m)
    fields = make.fields(place, 0, [(slice(5, 35), slice(5, 35), 3)], prob=1.0)
    (change,) = outline_changes(fields, place, options)
    assert change.area.ha == pytest.approx(area_ha(change.geometry), rel=5e-5)
    assert abs(change.area.ha / 9.0 - 1.0) > 3e-4  # the plane of the projection would have been wrong by more


def test_growth_needs_a_seed_and_stops_at_the_lower_threshold(make, place, options):
    fields = make.fields(place, 0, [(*BLOCK, 3)], prob=0.6)
    assert outline_changes(fields, place, options) == []
    fields.mined_prob[12, 6] = 0.9
    fields.mined_prob[10, :5] = 0.49
    (change,) = outline_changes(fields, place, options)
    assert change.n_px == 24


def test_diagonal_neighbours_are_connected_and_their_outline_is_valid(make, place, options):
    fields = make.fields(place, 0, [(np.arange(8), np.arange(8), 3)])
    (change,) = outline_changes(fields, place, options)
    assert change.n_px == 8
    assert change.geometry.is_valid
    assert change.geometry.geom_type == "MultiPolygon"
    assert area_ha(change.geometry) == pytest.approx(0.08, rel=2e-3)


def test_objects_below_the_mapping_unit_are_left_out(make, place, options):
    """Three full pixels are 0.03 ha; twelve half ones 0.06 ha."""
    assert outline_changes(make.fields(place, 0, [(5, slice(5, 8), 3)]), place, options) == []
    half = make.fields(place, 0, [(slice(5, 8), slice(5, 9), 3)], frac=0.5)
    assert len(outline_changes(half, place, options)) == 1


def test_nothing_outside_the_aoi_is_outlined(make, place, options):
    fields = make.fields(place, 0, [(*BLOCK, 3)])
    inside = place.inside.copy()
    inside[:, :7] = False
    (change,) = outline_changes(fields, replace(place, inside=inside), options)
    assert change.n_px == 10


def test_the_seed_is_the_earliest_then_the_surest_then_the_upper_left_pixel(make, place, options):
    fields = make.fields(place, 0, [(*BLOCK, 5)])
    fields.mined_prob[13, 7] = 0.99
    (change,) = outline_changes(fields, place, options)
    assert (change.seed_row, change.seed_col) == (13, 7)
    fields.onset_day[14, 8] = make.start_day + 2
    fields.onset_day[11, 5] = NO_DAY
    (change,) = outline_changes(fields, place, options)
    assert (change.seed_row, change.seed_col, change.first_day) == (14, 8, make.start_day + 2)


def test_a_road_is_held_less_sure_than_a_pit_and_one_with_ponds_is_no_road(make, place, options):
    road = make.fields(place, 0, [(slice(8, 9), slice(2, 38), 3)])
    (change,) = outline_changes(road, place, options)
    assert change.elongation == pytest.approx(36.0)
    assert change.confidence == pytest.approx(0.95 * options.road_factor)
    road.pond_prob[8, 2:10] = 0.9
    (flooded,) = outline_changes(road, place, options)
    assert flooded.pond_frac == pytest.approx(8 * 0.9 / (36 * 0.95), rel=1e-5)
    assert flooded.confidence == pytest.approx(0.95)


def test_a_wide_trench_is_no_road(make, place, options):
    (change,) = outline_changes(make.fields(place, 0, [(slice(8, 12), slice(1, 39), 3)]), place, options)
    assert change.elongation > options.road_elongation
    assert change.confidence == pytest.approx(0.95)


def test_looks_and_strata_are_counted_by_pixel(make, place, options):
    fields = make.fields(place, 0, [(slice(0, 5), slice(16, 26), 3)])
    fields.looks[:, :21] = 0
    (change,) = outline_changes(fields, place, options)
    assert change.look_frac == pytest.approx(0.5)
    assert change.stratum_id == "east"  # six of ten columns


def test_fields_of_another_grid_are_refused(make, place, options):
    other = make.place(height=30)
    with pytest.raises(BadInputError, match="shape"):
        outline_changes(make.fields(other, 0), place, options)


def test_strata_of_another_grid_are_refused(make, place):
    with pytest.raises(BadInputError, match="stratum_index"):
        replace(place, stratum_index=np.zeros((2, 2), np.uint8))


def _sure_and_doubtful(make, place, scale=1.0, **given):
    """Five surest pixels, a fifth of the block, and twenty half as sure."""
    fields = make.fields(place, 0, [(*BLOCK, 3)], prob=0.45 * scale, **given)
    fields.mined_prob[10, 4:9] = 0.9 * scale
    return fields


def test_the_area_is_given_that_the_surest_tenth_is_mined(make, place):
    """Relative beliefs of 1 and 1/2: 5 + 20 / 2 = 15 px."""
    (change,) = outline_changes(_sure_and_doubtful(make, place), place, make.options(grow_prob=0.4))
    assert change.area.ha == pytest.approx(0.15, rel=2e-3)
    # a pixel's variance is 0.15**2, and 0.15**2 / 2 + 1 / 4 where in doubt; V = 0.7 * 5.3375 + 0.3 * 10.9725**2
    # = 39.855, spread sqrt(ln(1 + V / 15**2)) = 0.40384; above it is cut off at all 25 pixels
    assert change.area.low_ha == pytest.approx(0.071154, rel=2e-3)
    assert change.area.high_ha == pytest.approx(0.25, rel=2e-3)
    assert change.confidence == pytest.approx((5 * 0.9**2 + 20 * 0.45**2) / (5 * 0.9 + 20 * 0.45))


def test_doubt_of_the_whole_lowers_the_confidence_and_not_the_area(make, place):
    loose = make.options(seed_prob=0.6, grow_prob=0.3)
    (sure,) = outline_changes(_sure_and_doubtful(make, place), place, loose)
    (doubtful,) = outline_changes(_sure_and_doubtful(make, place, 0.75), place, loose)
    for name in ("ha", "low_ha", "high_ha"):
        assert getattr(doubtful.area, name) == pytest.approx(getattr(sure.area, name), rel=1e-6)
    assert doubtful.confidence == pytest.approx(0.75 * sure.confidence)


def test_a_single_pixel_surer_than_the_rest_does_not_lower_the_area(make, place, options):
    """Of 25 pixels, a tenth is two and a half: one alone is none of what the others are held against."""
    fields = make.fields(place, 0, [(*BLOCK, 3)], prob=0.5)
    fields.mined_prob[12, 6] = 0.95
    (change,) = outline_changes(fields, place, options)
    assert change.area.ha == pytest.approx(0.25, rel=2e-3)


def _opened(make, place, days):
    """Five rows of five pixels each, opened on these days after the start."""
    return make.fields(place, 6, [(10 + n, slice(4, 9), day) for n, day in enumerate(days)], prob=0.6)


@pytest.mark.parametrize(
    ("days", "share"),
    [
        ([20, 20, 20, 20, 20], 1.0),
        ([5, 20, 20, 20, 35], 1.0),  # fifteen days before or after the median are at once
        ([4, 20, 20, 20, 36], 0.6),
        ([1, 2, 20, 36, 37], 0.2),
        ([1, 2, 20, 20, 36], 0.4),
    ],
)
def test_opening_at_once_lowers_the_log_odds_and_bit_by_bit_raises_them(make, place, days, share):
    """By nats for each unit that the share opened at once is away from the one that says nothing: Bayes' rule."""
    by = make.options(seed_prob=0.5, sudden_nats=3.0, sudden_frac=0.5, sudden_days=15)
    (change,) = outline_changes(_opened(make, place, days), place, by)
    odds = 0.6 / 0.4 * np.exp(3.0 * (0.5 - share))
    assert change.confidence == pytest.approx(odds / (1.0 + odds), rel=1e-5)
    (plain,) = outline_changes(_opened(make, place, days), place, make.options(seed_prob=0.5))
    assert plain.confidence == pytest.approx(0.6)
    assert change.area == plain.area, "it is evidence of what was dug, not of how much"


def test_ground_without_a_date_says_nothing(make, place):
    by = make.options(seed_prob=0.5, sudden_nats=3.0)
    fields = _opened(make, place, [1, 1, 20, 39, 39])
    (dated,) = outline_changes(fields, place, by)
    fields.onset_day[12] = NO_DAY  # ten pixels on day 1, ten on day 39, their median in between: none at once
    (partly,) = outline_changes(fields, place, by)
    fields.onset_day[:] = NO_DAY
    (undated,) = outline_changes(fields, place, by)
    odds = 0.6 / 0.4 * np.exp(3.0 * np.array([0.5 - 0.2, 0.5, 0.0]))
    found = [dated.confidence, partly.confidence, undated.confidence]
    assert found == pytest.approx(list(odds / (1.0 + odds)), rel=1e-5)


@pytest.mark.parametrize(("n_px", "moves"), [(1, False), (2, False), (4, False), (5, True), (6, True)])
@pytest.mark.parametrize("apart_days", [0, 60])
def test_a_handful_of_dates_says_nothing(make, place, n_px, moves, apart_days):
    """Of two dates two months apart none is near their median, and one date always is."""
    spots = [(10 + n % 2, 4 + n // 2, 5 + apart_days * (n % 2)) for n in range(n_px)]
    fields = make.fields(place, 8, spots, prob=0.6)
    by = make.options(seed_prob=0.5, min_area_ha=0.0, sudden_nats=3.0)
    (change,) = outline_changes(fields, place, by)
    assert change.n_px == n_px
    assert (change.confidence != pytest.approx(0.6)) == moves


@pytest.mark.parametrize("prob", [0.5, 1.0])
def test_no_evidence_of_dates_makes_a_confidence_leave_its_bounds(make, place, prob):
    days = [(10 + n, slice(4, 9), 25 * n) for n in range(5)]
    for spots in (days, [(*BLOCK, 3)]):
        fields = make.fields(place, 12, spots, prob=prob)
        (change,) = outline_changes(fields, place, make.options(sudden_nats=20.0, seed_prob=0.5))
        assert 0.0 < change.confidence < 1.0


def test_a_road_cleared_in_a_day_is_held_less_sure_on_both_counts(make, place):
    road = make.fields(place, 0, [(slice(8, 9), slice(2, 38), 3)])
    (change,) = outline_changes(road, place, make.options(sudden_nats=2.0, sudden_frac=0.5, road_factor=0.3))
    odds = 0.95 / 0.05 * np.exp(-1.0)
    assert change.confidence == pytest.approx(odds / (1.0 + odds) * 0.3, rel=1e-5)


def test_what_an_outline_misses_widens_the_interval_and_leaves_the_area(make, place):
    """With nothing else uncertain the interval is that of exp(N(0, s))."""
    fields = make.fields(place, 0, [(*BLOCK, 3)], prob=1.0, frac=0.5)
    exact = make.options(frac_sd=0.0, outline_sd=0.0)
    (plain,) = outline_changes(fields, place, exact)
    (change,) = outline_changes(fields, place, make.options(frac_sd=0.0, outline_sd=0.4))
    assert change.area.ha == plain.area.ha
    assert plain.area.low_ha == pytest.approx(plain.area.high_ha)
    assert change.area.high_ha / change.area.low_ha == pytest.approx(np.exp(2 * 1.6448536 * 0.4))
    assert change.area.low_ha == pytest.approx(change.area.ha * np.exp(-1.6448536 * 0.4))


OUTLINE_FIELDS = {
    "seed_prob": 0.96,
    "grow_prob": 0.8,
    "min_area_ha": 5.0,
    "floor_frac": 0.2,
    "seen_frac": 0.4,
    "beyond_factor": 1.5,
    "frac_sd": 0.4,
    "area_correlation": 1.0,
    "outline_sd": 0.5,
    "sudden_days": 40,
    "sudden_frac": 0.9,
    "sudden_nats": 4.0,
    "road_elongation": 50.0,
    "road_width_px": 0.5,
    "road_pond_frac": 0.0,
    "road_factor": 0.9,
}


@pytest.mark.parametrize(("name", "value"), OUTLINE_FIELDS.items())
def test_every_option_changes_something(make, place, name, value):
    fields = make.fields(place, 0, [(slice(8, 9), slice(2, 38), 3), (20, 10, 3), (20, 11, 3)])
    fields.mined_prob[21, 5:15] = 0.7
    fields.mined_frac[21, 5:15] = fields.mined_frac[20, 10:12] = 0.5
    fields.pond_prob[8, 2] = 0.1
    fields.onset_day[8, 2:12] = make.start_day - 30
    given = {"sudden_nats": 2.0}
    assert getattr(make.options(**given), name) != value
    plain = outline_changes(fields, place, make.options(**given))
    assert len(plain) == 2
    assert outline_changes(fields, place, make.options(**(given | {name: value}))) != plain


def test_thresholds_that_do_not_nest_are_refused(make):
    with pytest.raises(ValueError, match="grow_prob"):
        make.options(seed_prob=0.4)
    with pytest.raises(ValueError, match="split_m"):
        make.options(join_m=200.0)
    with pytest.raises(ValueError, match="floor_frac"):
        make.options(floor_frac=0.4, seen_frac=0.4)


@pytest.mark.parametrize(("seen", "true"), [(0.1, 0.0), (0.3, 0.0), (0.45, 0.5), (0.6, 1.0), (0.9, 1.0)])
def test_seen_fractions_are_stretched_between_nothing_and_all(make, place, seen, true):
    fields = make.fields(place, 0, [(*BLOCK, 3)], frac=seen)
    given = make.options(floor_frac=0.3, seen_frac=0.6, beyond_factor=1.2, min_area_ha=0.01)
    (change,) = outline_changes(fields, place, given)
    assert change.area.ha == pytest.approx(change.n_px * 0.01 * true * 1.2, rel=2e-3)


@pytest.mark.parametrize(("name", "value"), [("sudden_days", 0), ("sudden_frac", 1.1), ("sudden_nats", -1.0)])
def test_evidence_of_dates_that_makes_no_sense_is_refused(make, name, value):
    with pytest.raises(ValueError, match=name):
        make.options(**{name: value})


@settings(max_examples=40, deadline=None)
@given(raster=hnp.arrays(np.uint8, (9, 9), elements=st.integers(0, 3)))
def test_outlines_are_valid_and_give_back_their_pixels(make, raster):
    """Any pattern: valid polygons, no pixel in two objects, area from outlines equals pixels, and the inverse holds."""
    place = make.place(9, 9)
    fields = make.fields(place, 0)
    fields.mined_prob[:] = np.array([0.0, 0.4, 0.6, 0.95], np.float32)[raster]
    fields.mined_frac[:] = 1.0
    fields.onset_day[:] = make.start_day + 1
    changes = outline_changes(fields, place, make.options(min_area_ha=0.0))
    covered = np.zeros((9, 9), int)
    for change in changes:
        assert change.geometry.is_valid
        pixels = place.pixels_of(change.geometry)
        assert len(pixels) == change.n_px
        covered[pixels.index] += 1
        assert area_ha(change.geometry) == pytest.approx(0.01 * change.n_px, rel=2e-3)
        assert fields.mined_prob[pixels.index].max() >= 0.9
        assert 0.0 <= change.area.low_ha <= change.area.ha <= change.area.high_ha <= 0.0101 * change.n_px
    assert covered.max() <= 1
    assert (covered[raster == 3] == 1).all()
    assert not covered[raster < 2].any()
