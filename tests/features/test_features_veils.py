"""Veils found by the season: what of a dataset of clear looks is blanked, and what is left alone."""

import numpy as np
import pytest
import xarray as xr

from kpgeo.features import drop_veiled
from kpgeo.model.scene import OPTICAL_BANDS, Sensor
from kpgeo.model.state import TileBaseline, encode_sigma
from kpgeo.options.features import FeatureOptions

ON = FeatureOptions(history_test=True)
SAVANNA = np.array([0.05, 0.08, 0.08, 0.26, 0.24, 0.15], dtype=np.float32)
SHAPE = (40, 30)


def baseline_of(shape=SHAPE, swing=0.0):
    """Return a season with a yearly wave of near infrared about savanna."""
    beta = np.zeros((4, 5, *shape), dtype=np.int16)
    beta[:, 0] = np.rint(SAVANNA[[1, 2, 3, 5]] * 1e4)[:, None, None]
    beta[2, 1] = round(swing * 1e4)
    sigma = np.full((4, *shape), encode_sigma(np.float32([0.008]))[0], dtype=np.uint8)
    radar = np.zeros((2, 3, *shape), dtype=np.int16)
    return TileBaseline(
        beta_optical=beta, sigma_optical=sigma, beta_radar=radar, sigma_radar=np.zeros((2, *shape), dtype=np.uint8)
    )


def looks_of(days=(10, 20, 30), shape=SHAPE, bands=OPTICAL_BANDS):
    values = np.random.default_rng(3).normal(0.0, 0.003, (6, len(days), *shape)).astype(np.float32)
    values += SAVANNA[:, None, None, None]
    times = np.array(days, dtype="datetime64[D]").astype("datetime64[ns]")
    layers = {band: (("time", "y", "x"), values[i]) for i, band in enumerate(bands)}
    return xr.Dataset(layers, coords={"time": times, "scene_id": ("time", [str(day) for day in days])})


def cloud(looks, scene, share=0.3):
    for band in OPTICAL_BANDS:
        looks[band].values[scene, 10:25, 5:20] += np.float32(share) * (0.5 - looks[band].values[scene, 10:25, 5:20])


def test_a_veil_is_blanked_in_all_bands_of_its_scene_alone():
    looks = looks_of()
    cloud(looks, 1)
    found = drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), ON)
    for band in OPTICAL_BANDS:
        is_blank = np.isnan(found[band].values)
        assert is_blank[1, 10:25, 5:20].all()
        assert is_blank.sum() == 15 * 15
        np.testing.assert_array_equal(found[band].values[~is_blank], looks[band].values[~is_blank])
    assert found["scene_id"].values.tolist() == looks["scene_id"].values.tolist()


def test_looks_are_not_changed_and_come_back_where_nothing_is_found():
    looks = looks_of()
    assert drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), ON) is looks
    cloud(looks, 1)
    before = looks.copy(deep=True)
    drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), ON)
    xr.testing.assert_identical(looks, before)


def test_the_test_can_be_left_out():
    looks = looks_of()
    cloud(looks, 1)
    assert drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), FeatureOptions(history_test=False)) is looks


def test_radar_is_left_alone():
    looks = xr.Dataset({band: (("time", "y", "x"), np.zeros((1, *SHAPE), np.float32)) for band in ("vv", "vh")})
    assert drop_veiled(looks, Sensor.SENTINEL1, baseline_of(), ON) is looks


def test_the_season_of_the_day_is_what_counts():
    looks = looks_of(days=(0, 182))
    looks["nir"].values[:] += np.float32(0.12)
    looks["nir"].values[1] -= np.float32(0.12)
    for band in OPTICAL_BANDS:
        looks[band].values[1] *= np.float32(0.8)
    green = drop_veiled(looks, Sensor.SENTINEL2, baseline_of(swing=0.12), ON)
    assert not np.isnan(green["nir"].values).any()
    flat = drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), ON)
    assert np.isnan(flat["nir"].values[1]).all()


def test_scenes_with_different_veils_do_not_bear_on_each_other():
    looks = looks_of()
    cloud(looks, 0, 0.15)
    cloud(looks, 2)
    whole = drop_veiled(looks, Sensor.LANDSAT, baseline_of(), ON)
    for scene in range(3):
        alone = drop_veiled(looks.isel(time=[scene]), Sensor.LANDSAT, baseline_of(), ON)
        for band in OPTICAL_BANDS:
            np.testing.assert_array_equal(alone[band].values[0], whole[band].values[scene])


@pytest.mark.parametrize(("days", "is_kept"), [((10, 15), True), ((10, 10), False)])
def test_what_looks_of_two_days_show_alike_is_ground(days, is_kept):
    looks = looks_of(days)
    for band in OPTICAL_BANDS:
        looks[band].values[:, 10:25, 5:20] *= np.float32(0.6)
    here = np.isnan(drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), ON)["nir"].values)[:, 10:25, 5:20]
    assert here.mean() < 0.05 if is_kept else here.mean() > 0.95
    one = drop_veiled(looks.isel(time=[0]), Sensor.SENTINEL2, baseline_of(), ON)
    assert np.isnan(one["nir"].values)[:, 10:25, 5:20].mean() > 0.95


def test_nothing_to_judge():
    looks = looks_of().isel(time=[])
    assert drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), ON).sizes["time"] == 0


@pytest.mark.parametrize("changed", [{"veil_rise": 0.2}, {"veil_sigmas": 18.0}])
def test_options_of_clouds_bear_on_what_is_found(changed):
    looks = looks_of()
    cloud(looks, 1, 0.2)
    assert np.isnan(drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), ON)["red"].values).any()
    options = ON.model_copy(update=changed)
    assert not np.isnan(drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), options)["red"].values).any()


def test_the_option_of_shadows_bears_on_what_is_found():
    looks = looks_of()
    for band in OPTICAL_BANDS:
        looks[band].values[1, 10:25, 5:20] *= np.float32(0.7)
    assert np.isnan(drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), ON)["red"].values).sum() > 150
    options = ON.model_copy(update={"shadow_frac": 0.4})
    assert not np.isnan(drop_veiled(looks, Sensor.SENTINEL2, baseline_of(), options)["red"].values).any()
