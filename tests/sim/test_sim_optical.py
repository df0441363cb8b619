import datetime as dt

import numpy as np
import pytest

from kpgeo.model.scene import Sensor
from kpgeo.options.sim import SimOptions
from kpgeo.sim.acquiring import Acquisition, list_acquisitions, sun_position
from kpgeo.sim.ground import draw_terrain
from kpgeo.sim.landscape import frame_of
from kpgeo.sim.optical import (
    LANDSAT_OFFSET,
    LANDSAT_SCALE,
    bright_ground,
    draw_clouds,
    landsat_numbers,
    look_optical,
    quality_bits,
    scene_classes,
    sentinel2_numbers,
    to_30m,
)
from kpgeo.sim.sensors import landsat_corner
from kpgeo.sim.textures import rng_of

PLAIN = {"cloud": 0.0, "haze": 0.0, "noise": 0.0, "misregistration_px": 0.0}
USUAL_BITS = {21824, 21762, 21952, 22280, 23888, 24016, 54596, 22018}


def _pass(sensor, when=dt.datetime(2024, 8, 10, 10, 57, tzinfo=dt.UTC), **more):
    platform = {Sensor.SENTINEL2: "sentinel-2a", Sensor.LANDSAT: "landsat-8"}[sensor]
    return Acquisition(sensor=sensor, platform=platform, datetime=when, number=1, baseline="05.10", **more)


def _cloudy(terrain, sensor):
    """Find an acquisition with broken cloud."""
    taken = [a for a in list_acquisitions(terrain.options, terrain.frame) if a.sensor is sensor and not a.is_cut]
    return next((a, look) for a in taken if 0.25 < (look := look_optical(terrain, a)).cloud.mean() < 0.7)


@pytest.mark.parametrize("has_offset", [True, False])
def test_digital_numbers_decode_to_the_ground(has_offset):
    terrain = draw_terrain(SimOptions(seed=2, size_px=128, **PLAIN))
    look = look_optical(terrain, _pass(Sensor.SENTINEL2))
    fine, coarse = sentinel2_numbers(look, rng_of(0), terrain.options, has_offset=has_offset)
    back = (fine.astype(np.float64) - (1000 if has_offset else 0)) / 10_000
    np.testing.assert_allclose(back, look.reflectance[:4], atol=6e-5)
    assert coarse.shape == (2, 80, 80)
    truth = bright_ground(terrain, _pass(Sensor.SENTINEL2).day)
    assert np.abs(look.reflectance - truth).mean() < 0.012


def test_landsat_numbers_decode_to_the_mean_of_their_pixel():
    terrain = draw_terrain(SimOptions(seed=2, size_px=128, **PLAIN))
    _, offset, size = landsat_corner(terrain.frame)
    look = look_optical(terrain, _pass(Sensor.LANDSAT))
    numbers = landsat_numbers(look, rng_of(0), terrain.options, offset)
    back = numbers * LANDSAT_SCALE + LANDSAT_OFFSET
    np.testing.assert_allclose(back, to_30m(look.reflectance, offset), atol=2e-5)
    assert numbers.shape[1] in {size, size + 1}
    assert numbers.min() > 7000


@pytest.mark.parametrize("size_px", [128, 132, 384, 500, 1024])
def test_landsat_grid_lies_on_fifteen_metres(size_px):
    frame = frame_of(SimOptions(size_px=size_px))
    grid, ((left, top), offset, count) = frame.grid, landsat_corner(frame)
    assert left % 30 == top % 30 == 15
    assert all(part % 1 == 0.5 for part in offset)
    assert frame.left_m <= left < grid.left_m
    assert grid.left_m + grid.width * 10 < left + 30 * count <= frame.left_m + frame.extent_m
    assert grid.top_m < top <= frame.top_m
    assert frame.top_m - frame.extent_m <= top - 30 * count < grid.top_m - grid.height * 10


def test_averaging_keeps_a_plane():
    plane = np.add.outer(np.arange(30.0), np.zeros(30)).astype(np.float32)
    mean = to_30m(plane, (0.5, 2.5))
    np.testing.assert_allclose(mean[:, 0], np.arange(9) * 3 + 1.5, rtol=1e-5)


def test_scene_classes_are_valid_and_fallible(terrain):
    _, look = _cloudy(terrain, Sensor.SENTINEL2)
    scl = scene_classes(look, rng_of(0), terrain.options)
    assert set(np.unique(scl)) <= {2, 3, 4, 5, 6, 7, 8, 9, 10}
    thick = look.cloud.reshape(144, 2, 144, 2).mean(axis=(1, 3)) > 0.7
    thin = (look.cloud.reshape(144, 2, 144, 2).mean(axis=(1, 3)) > 0.1) & ~thick
    seen = np.isin(scl, (8, 9, 10))
    assert seen[thick].mean() > 0.99
    assert 0.4 < seen[thin].mean() < 0.95


def test_quality_bits_are_those_of_collection_two(terrain):
    _, look = _cloudy(terrain, Sensor.LANDSAT)
    bits = quality_bits(look, rng_of(0), terrain.options, landsat_corner(terrain.frame)[1])
    values, counts = np.unique(bits, return_counts=True)
    usual = sum(int(n) for value, n in zip(values, counts, strict=True) if int(value) in USUAL_BITS)
    assert usual > 0.8 * bits.size
    assert 21824 in values
    assert 22280 in values
    is_cloud, is_clear = (bits >> 3) & 1, (bits >> 6) & 1
    assert not (is_cloud & is_clear).any()
    assert (((bits >> 8) & 3)[is_cloud == 1] == 3).all()


def test_a_cut_scene_has_no_data_beyond_its_edge(terrain):
    taken = _pass(Sensor.SENTINEL2, is_cut=True)
    look = look_optical(terrain, taken)
    fine, _ = sentinel2_numbers(look, rng_of(0), terrain.options, has_offset=True)
    scl = scene_classes(look, rng_of(0), terrain.options)
    assert 0.02 < (~look.is_seen).mean() < 0.98
    assert (fine[:, ~look.is_seen] == 0).all()
    assert (fine[:, look.is_seen] > 0).all()
    assert (scl[~look.is_seen[::2, ::2]] == 0).all()


def test_the_rains_are_cloudier(terrain):
    def mean(month):
        covers = []
        for dom in range(1, 29):
            taken = _pass(Sensor.SENTINEL2, dt.datetime(2024, month, dom, 10, 57, tzinfo=dt.UTC))
            covers.append(draw_clouds(rng_of(1, dom), 96, taken, terrain.options)[0].mean())
        return np.mean(covers)

    assert mean(8) > mean(12) + 0.25


def test_shadows_fall_away_from_the_sun(terrain):
    taken, look = _cloudy(terrain, Sensor.SENTINEL2)
    azimuth = np.deg2rad(sun_position(taken.datetime)[0])
    best = max(
        range(10, 260, 3),
        key=lambda px: (
            np.roll(look.cloud, (round(px * np.cos(azimuth)), round(-px * np.sin(azimuth))), axis=(0, 1)) * look.shadow
        ).sum(),
    )
    moved = np.roll(look.cloud, (round(best * np.cos(azimuth)), round(-best * np.sin(azimuth))), axis=(0, 1))
    open_sky = look.cloud < 0.05
    assert np.corrcoef(moved[open_sky], look.shadow[open_sky])[0, 1] > 0.7
    dark = (look.shadow > 0.8) & open_sky
    assert dark.any()
    assert (look.reflectance[3][dark] < 0.65 * look.ground[3][dark]).all()


def test_the_sun_stands_where_it_should():
    azimuth, elevation = sun_position(dt.datetime(2024, 6, 21, 12, 26, tzinfo=dt.UTC))
    assert elevation == pytest.approx(90.0 - (23.45 - 8.2), abs=1.0)
    assert min(azimuth, 360.0 - azimuth) < 6.0
    morning = sun_position(dt.datetime(2024, 12, 21, 9, 0, tzinfo=dt.UTC))
    assert 90.0 < morning[0] < 180.0


def test_acquisitions_keep_their_rhythm_and_their_doubles():
    options = SimOptions(size_px=128, duplicate_frac=0.2, missing_frac=0.0)
    taken = list_acquisitions(options, frame_of(options))
    assert [a.datetime for a in taken] == sorted(a.datetime for a in taken)
    days = {s: [a.day for a in taken if a.sensor is s] for s in Sensor}
    assert set(np.diff(days[Sensor.SENTINEL2])) == {5}
    assert set(np.diff(days[Sensor.LANDSAT])) == {8}
    assert set(np.diff(days[Sensor.SENTINEL1])) == {12}
    assert 20 < sum(bool(a.again_baseline) for a in taken) < 70
    assert {a.baseline for a in taken if a.datetime < dt.datetime(2022, 1, 25, tzinfo=dt.UTC)} == {"03.01", ""}
    assert {a.baseline for a in taken if a.sensor is Sensor.SENTINEL2} == {"03.01", "05.09", "05.10"}


def test_landsat_9_does_not_fly_before_its_launch():
    options = SimOptions(size_px=128, start=dt.date(2020, 1, 1), history_years=1.0, monitored_years=0.5)
    taken = list_acquisitions(options, frame_of(options))
    assert {a.platform for a in taken if a.sensor is Sensor.LANDSAT} == {"landsat-8"}
