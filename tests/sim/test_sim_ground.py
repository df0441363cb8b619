import numpy as np
import pytest

from kpgeo.model.calendar import date_of
from kpgeo.options.sim import SimOptions
from kpgeo.sim.ground import draw_terrain
from kpgeo.sim.landscape import NEVER, frame_of
from kpgeo.sim.optical import bright_ground
from kpgeo.sim.radar import mean_gamma0
from kpgeo.sim.spectra import Cover, draw_spectra


def _ndvi(bands):
    return (bands[3] - bands[2]) / (bands[3] + bands[2])


def _savanna(terrain):
    land = terrain.land
    wild = (land.gallery_frac < 0.05) & (land.river_m > 300) & (land.village_m > 400) & (land.road_frac == 0)
    farmed = np.zeros(wild.size, dtype=bool)
    farmed[terrain.plots.pixels] = True
    return wild & ~farmed.reshape(wild.shape)


@pytest.mark.parametrize("month", [1, 4, 6, 8, 9, 11, 12])
def test_the_shares_of_a_pixel_sum_to_one(terrain, day, month):
    mix = terrain.fractions(day(2024, month, 12))
    assert mix.dtype == np.float32
    assert mix.min() >= -1e-5
    np.testing.assert_allclose(mix.sum(axis=0), 1.0, atol=1e-4)


def test_reflectance_and_backscatter_are_physical(terrain, day):
    for month in (2, 8):
        bands = bright_ground(terrain, day(2023, month, 10))
        power = mean_gamma0(terrain, day(2023, month, 10))
        assert bands.min() > 0.0
        assert bands.max() < 0.8
        assert power.min() > 1e-4
        assert power.max() < 2.0
        assert (power[0] > power[1]).all()


def test_the_savanna_is_green_in_august_and_dry_in_february(terrain, day):
    wild = _savanna(terrain)
    wet, dry = (_ndvi(bright_ground(terrain, day(2024, m, 15)))[wild].mean() for m in (8, 2))
    assert wet > 0.55
    assert dry < 0.42
    gallery = terrain.land.gallery_frac > 0.8
    assert _ndvi(bright_ground(terrain, day(2024, 2, 15)))[gallery].mean() > dry + 0.15


def test_years_differ(terrain, day):
    wild = _savanna(terrain)
    greens = [_ndvi(bright_ground(terrain, day(year, 5, 5)))[wild].mean() for year in (2022, 2023, 2024)]
    assert np.ptp(greens) > 0.01


def test_fires_blacken_savanna_and_fade_within_weeks(terrain):
    fires = terrain.fires[2023]
    burnt = (fires.day < NEVER) & _savanna(terrain)
    share = burnt.sum() / _savanna(terrain).sum()
    assert 0.2 < share < 0.7
    when = int(np.median(fires.day[burnt]))
    here = burnt & (np.abs(fires.day - when) <= 2)
    before, fresh, late = (terrain.fractions(when + lag)[Cover.CHAR][here].mean() for lag in (-5, 3, 90))
    assert before < 0.01
    assert fresh > 0.3
    assert late < 0.2 * fresh
    assert date_of(when).month in {11, 12, 1, 2}


def test_no_fire_season_repeats_another(terrain):
    first, second = terrain.fires[2022].day < NEVER, terrain.fires[2023].day < NEVER
    both = (first & second).sum() / first.sum()
    assert both < 0.8


def test_the_flat_floods_only_at_high_water(terrain):
    days = range(terrain.frame.start_day, terrain.frame.end_day, 5)
    low, high = min(days, key=terrain.climate.river_on), max(days, key=terrain.climate.river_on)
    assert not terrain.flood_frac(low).any()
    assert date_of(low).month in {12, 1, 2, 3, 4}
    if terrain.climate.river_on(high) > 1.1:
        assert terrain.flood_frac(high).any()
    assert (terrain.flood_frac(high)[terrain.land.river_m > 1.3 * terrain.land.flat_half_m] == 0).all()


def test_sandbars_show_in_the_dry_season_only(terrain):
    days = range(terrain.frame.start_day, terrain.frame.end_day, 5)
    low, high = min(days, key=terrain.climate.river_on), max(days, key=terrain.climate.river_on)
    bed = terrain.land.river_m < 0.9 * terrain.land.river_half_m
    assert terrain.fractions(low)[Cover.SAND][bed].mean() > terrain.fractions(high)[Cover.SAND][bed].mean() + 0.1


def test_villages_grow_and_roads_lengthen(terrain):
    land, frame = terrain.land, terrain.frame
    built = [(land.village_day <= d).sum() for d in (frame.start_day, frame.end_day)]
    assert built[1] > built[0] > 0
    new = [road for road in land.roads if road.begin_day >= frame.start_day]
    assert new
    at_work = frame.monitor_day + 400
    laid = [((land.road_day <= d) & (land.road_frac > 0)).sum() for d in (frame.start_day, at_work)]
    assert laid[1] > laid[0]


def test_new_fields_are_cleared_while_the_world_runs(terrain):
    frame, cleared = terrain.frame, terrain.plots.cleared_day
    assert ((cleared > frame.start_day) & (cleared < frame.end_day)).sum() >= 5
    plot = int(np.flatnonzero((cleared > frame.monitor_day) & (cleared < frame.end_day - 60))[0])
    here = terrain.plots.pixels[terrain.plots.plot == plot]
    before, after = (terrain.fractions(int(cleared[plot]) + lag).reshape(12, -1)[:, here] for lag in (-3, 30))
    assert after[Cover.LATERITE].mean() > before[Cover.LATERITE].mean() + 0.15


def test_the_same_options_draw_the_same_world(day):
    options = SimOptions(seed=8, size_px=128)
    first, again = draw_terrain(options), draw_terrain(options)
    assert np.array_equal(first.fractions(day(2024, 7, 1)), again.fractions(day(2024, 7, 1)))


def test_worlds_differ_between_seeds():
    spectra = [draw_spectra(seed).optical for seed in range(20)]
    spread = np.std(np.log(spectra), axis=0)
    assert 0.05 < np.median(spread) < 0.2
    fires = [draw_terrain(SimOptions(seed=seed, size_px=128)).fires[2023].day < NEVER for seed in (1, 2)]
    assert not np.array_equal(*fires)


def test_the_frame_is_the_grid_with_a_margin():
    frame = frame_of(SimOptions(size_px=384))
    assert frame.size == 416
    assert frame.left_m == frame.grid.left_m - 160
    assert frame.left_m % 20 == frame.top_m % 20 == 0
    assert [date_of(d).isoformat() for d in (frame.start_day, frame.monitor_day, frame.end_day)] == [
        "2022-01-01",
        "2024-01-01",
        "2025-01-01",
    ]
