"""How a look departs from the season of its pixels."""

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.baseline import RADAR_SIGMA_SCALE, median_level
from kpgeo.detect.history import Look
from kpgeo.kernels.season import harmonic_basis
from kpgeo.model.scene import Sensor
from kpgeo.model.state import N_COEFS, N_RADAR_COEFS, RADAR_STEP_DB, REFLECTANCE_STEP, TileBaseline, decode_sigma


def change_from_season(look: Look, baseline: TileBaseline) -> NDArray[np.float32]:
    """Return a look less what its pixels' season expects of the day, float32 (band, y, x); NaN where not clear.

    Reflectance, or dB less the level of the whole tile (soil moisture), as the filter weighs them.
    """
    if look.sensor is not Sensor.SENTINEL1:
        basis = harmonic_basis(np.array([look.day]), N_COEFS)[0] * np.float32(REFLECTANCE_STEP)
        season = np.tensordot(basis, baseline.beta_optical.astype(np.float32), axes=(0, 1))
        return np.asarray(look.pixels - season, dtype=np.float32)
    basis = harmonic_basis(np.array([look.day]), N_RADAR_COEFS)[0] * np.float32(RADAR_STEP_DB)
    change = look.pixels - np.tensordot(basis, baseline.beta_radar.astype(np.float32), axes=(0, 1))
    return np.asarray(change - median_level(change)[:, None, None], dtype=np.float32)


def season_sigma(baseline: TileBaseline, *, is_radar: bool) -> NDArray[np.float32]:
    """Return the scatter of pixels about their season, float32 (band, y, x): reflectance, or dB."""
    if is_radar:
        return decode_sigma(baseline.sigma_radar, scale=RADAR_SIGMA_SCALE)
    return decode_sigma(baseline.sigma_optical)
