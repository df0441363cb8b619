"""The baseline of a tile: what it keeps still, fills, levels and holds in memory."""

import tracemalloc

import numpy as np
import pytest
import xarray as xr

from kpgeo.detect import HistoryStack, fit_baseline
from kpgeo.kernels.season import INT16_NODATA
from kpgeo.model.scene import RADAR_BANDS, Sensor
from kpgeo.model.state import FILTER_BANDS, N_COEFS, N_RADAR_COEFS, RADAR_STEP_DB, TileBaseline, decode_sigma
from kpgeo.options.detect import DetectOptions

SHAPE = (10, 14)
BEGIN = 19_000
OPTIONS = DetectOptions()


def optical_history(shape=SHAPE, n_looks=90, seed=3):
    rng = np.random.default_rng(seed)
    history = HistoryStack(shape=shape)
    level = rng.integers(800, 3000, (len(FILTER_BANDS), *shape))
    for look in range(n_looks):
        pixels = (level + rng.normal(0, 100, level.shape)).astype(np.int16)
        pixels[:, rng.random(shape) < 0.3] = INT16_NODATA
        history.optical.append((BEGIN + 9 * look, f"s2-{look}", Sensor.SENTINEL2, pixels))
    return history


def radar_history(*, rain_db=0.0, seed=4, n_looks=60):
    rng = np.random.default_rng(seed)
    history = HistoryStack(shape=SHAPE)
    level = rng.uniform(-18, -9, (2, *SHAPE))
    for look in range(n_looks):
        wet = np.round(rng.normal(0, 1, (2, 1, 1)), 2) * rain_db
        pixels = np.rint((level + rng.normal(0, 0.5, level.shape) + wet) / RADAR_STEP_DB).astype(np.int16)
        history.radar.append((BEGIN + 12 * look, f"s1-{look}", Sensor.SENTINEL1, pixels))
    return history


def test_a_pixel_is_fitted_alike_in_any_tile():
    history = optical_history(shape=(70, 90))
    whole = fit_baseline(history, OPTIONS)
    corner = HistoryStack(shape=(33, 31))
    corner.optical = [(*row[:3], np.ascontiguousarray(row[3][:, 37:, 59:])) for row in history.optical]
    part = fit_baseline(corner, OPTIONS)
    np.testing.assert_array_equal(part.beta_optical, whole.beta_optical[..., 37:, 59:])
    np.testing.assert_array_equal(part.sigma_optical, whole.sigma_optical[..., 37:, 59:])


def test_thin_pixels_take_the_median_season_and_twice_the_scatter():
    history = optical_history()
    for row in history.optical[10:]:
        row[3][:, 2, 5] = INT16_NODATA
    baseline = fit_baseline(history, OPTIONS)
    others = np.ones(SHAPE, dtype=bool)
    others[2, 5] = False
    expected = np.median(baseline.beta_optical[:, :, others], axis=2)
    np.testing.assert_allclose(baseline.beta_optical[:, :, 2, 5], expected, atol=1)
    sigma = decode_sigma(baseline.sigma_optical)
    np.testing.assert_allclose(sigma[:, 2, 5], 2 * np.median(sigma[:, others], axis=1), rtol=0.03)


def test_nothing_seen_says_nothing():
    baseline = fit_baseline(HistoryStack(shape=SHAPE), OPTIONS)
    assert not baseline.beta_optical.any()
    assert not baseline.beta_radar.any()
    assert (decode_sigma(baseline.sigma_optical) > 0.4).all()
    assert (decode_sigma(baseline.sigma_radar, scale=100.0) > 40).all()


def test_rain_over_the_whole_tile_is_taken_out():
    dry, wet = (fit_baseline(radar_history(rain_db=rain), OPTIONS) for rain in (0.0, 3.0))
    np.testing.assert_allclose(wet.beta_radar[:, 0] / 100.0, dry.beta_radar[:, 0] / 100.0, atol=0.6)
    scatter = decode_sigma(wet.sigma_radar, scale=100.0)
    assert np.median(scatter) < 1.1  # 0.5 dB of noise, held at the floor of 0.7; with the rain in it, about 3 dB
    assert len(wet.beta_radar) == len(RADAR_BANDS)


def test_levelling_leaves_the_history_as_it_was():
    history = radar_history(rain_db=3.0)
    history.radar[7][3][:, 1:3] = INT16_NODATA
    before = [row[3].copy() for row in history.radar]
    first, second = fit_baseline(history, OPTIONS), fit_baseline(history, OPTIONS)
    assert all(np.array_equal(kept, row[3]) for kept, row in zip(before, history.radar, strict=True))
    assert first.equals(second)


def test_a_refit_keeps_what_thin_pixels_had():
    history = optical_history()
    for row in history.optical[10:]:
        row[3][:, 2, 5] = INT16_NODATA
    rng = np.random.default_rng(9)
    previous = TileBaseline(
        beta_optical=rng.integers(-500, 500, (len(FILTER_BANDS), N_COEFS, *SHAPE)).astype(np.int16),
        sigma_optical=rng.integers(90, 120, (len(FILTER_BANDS), *SHAPE)).astype(np.uint8),
        beta_radar=rng.integers(-500, 500, (2, N_RADAR_COEFS, *SHAPE)).astype(np.int16),
        sigma_radar=rng.integers(90, 120, (2, *SHAPE)).astype(np.uint8),
    )
    baseline = fit_baseline(history, OPTIONS, previous)
    np.testing.assert_array_equal(baseline.beta_optical[..., 2, 5], previous.beta_optical[..., 2, 5])
    np.testing.assert_array_equal(baseline.sigma_radar, previous.sigma_radar)
    assert not np.array_equal(baseline.beta_optical, previous.beta_optical)


@pytest.mark.parametrize("n_looks", [60, 240])
def test_fitting_takes_a_few_bytes_a_pixel_whatever_the_history(n_looks):
    shape = (256, 128)
    history = HistoryStack(shape=shape)
    pixels = np.random.default_rng(0).integers(900, 1200, (len(FILTER_BANDS), *shape)).astype(np.int16)
    history.optical = [(BEGIN + look, f"s2-{look}", Sensor.SENTINEL2, pixels) for look in range(n_looks)]
    fit_baseline(optical_history(shape=(4, 4)), OPTIONS)
    tracemalloc.start()
    try:
        fit_baseline(history, OPTIONS)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    strips = 2 * 4096 * n_looks * len(FILTER_BANDS) * 2  # two strips' looks
    assert peak_bytes < 260 * shape[0] * shape[1] + strips


def test_history_gives_back_what_it_was_given_in_time_order():
    rng = np.random.default_rng(2)
    pixels = rng.uniform(0.02, 0.5, (3, len(FILTER_BANDS), *SHAPE)).astype(np.float32)
    pixels[1, :, 0] = np.nan
    times = np.array([BEGIN + 20, BEGIN, BEGIN + 5], dtype="datetime64[D]").astype("datetime64[ns]")
    looks = xr.Dataset(
        {band: (("time", "y", "x"), pixels[:, i]) for i, band in enumerate(FILTER_BANDS)},
        coords={"time": times, "scene_id": ("time", ["c", "a", "b"])},
    )
    history = HistoryStack(shape=SHAPE)
    history.add(looks, Sensor.SENTINEL2)
    assert [look.scene_id for look in history.looks_between(0, BEGIN + 21)] == ["a", "b", "c"]
    assert [look.scene_id for look in history.looks_between(BEGIN + 5, BEGIN + 21)] == ["b", "c"]
    assert [look.scene_id for look in history.looks_between(BEGIN, BEGIN + 20)] == ["a", "b"]
    (unwrapped,) = history.looks_between(BEGIN, BEGIN + 1)
    np.testing.assert_allclose(unwrapped.pixels, pixels[1], atol=5.1e-5)
