"""A look less its season is nothing where the look is the season."""

import numpy as np

from kpgeo.detect import Look, change_from_season, season_sigma
from kpgeo.kernels.season import harmonic_basis
from kpgeo.model.scene import Sensor
from kpgeo.model.state import (
    N_COEFS,
    N_RADAR_COEFS,
    RADAR_STEP_DB,
    REFLECTANCE_STEP,
    TileBaseline,
    encode_sigma,
)

SHAPE = (6, 5)
DAY = 19_800


def _baseline() -> TileBaseline:
    rng = np.random.default_rng(1)
    return TileBaseline(
        beta_optical=rng.integers(-500, 2000, (4, N_COEFS, *SHAPE)).astype(np.int16),
        sigma_optical=encode_sigma(np.full((4, *SHAPE), 0.02, dtype=np.float32)),
        beta_radar=rng.integers(-2000, -500, (2, N_RADAR_COEFS, *SHAPE)).astype(np.int16),
        sigma_radar=encode_sigma(np.full((2, *SHAPE), 1.0, dtype=np.float32), scale=100.0),
    )


def test_an_optical_look_departs_by_what_was_added() -> None:
    baseline = _baseline()
    basis = harmonic_basis(np.array([DAY]), N_COEFS)[0].astype(np.float64)
    season = np.einsum("k,bkyx->byx", basis, baseline.beta_optical.astype(np.float64)) * REFLECTANCE_STEP
    pixels = (season + 0.05).astype(np.float32)
    pixels[:, 0, 0] = np.nan
    change = change_from_season(Look(sensor=Sensor.SENTINEL2, day=DAY, scene_id="a", pixels=pixels), baseline)
    assert np.isnan(change[:, 0, 0]).all()
    assert np.allclose(change[:, 1:], 0.05, atol=1e-5)


def test_a_radar_look_is_levelled_so_that_rain_does_not_count() -> None:
    baseline = _baseline()
    basis = harmonic_basis(np.array([DAY]), N_RADAR_COEFS)[0].astype(np.float64)
    season = np.einsum("k,bkyx->byx", basis, baseline.beta_radar.astype(np.float64)) * RADAR_STEP_DB
    pixels = (season + 2.0).astype(np.float32)
    pixels[:, 3, 3] -= 7.0
    change = change_from_season(Look(sensor=Sensor.SENTINEL1, day=DAY, scene_id="a", pixels=pixels), baseline)
    assert np.allclose(change[:, 3, 3], -7.0, atol=1e-3)
    assert np.allclose(change[:, :3], 0.0, atol=1e-3)


def test_the_scatter_is_decoded() -> None:
    assert np.allclose(season_sigma(_baseline(), is_radar=False), 0.02, rtol=0.02)
    assert np.allclose(season_sigma(_baseline(), is_radar=True), 1.0, rtol=0.02)
