"""What lies over clear looks all the same: found by the season of their pixels."""

from itertools import combinations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from kpgeo.kernels.clouds import SeasonOfDay, VeilRule, find_veils, is_alike
from kpgeo.kernels.season import harmonic_basis
from kpgeo.model.scene import Sensor
from kpgeo.model.state import N_COEFS, REFLECTANCE_STEP, TileBaseline, decode_sigma
from kpgeo.options.features import FeatureOptions

_SCATTER_OF_CODE = decode_sigma(np.arange(256, dtype=np.uint8))


def drop_veiled(looks: xr.Dataset, sensor: Sensor, baseline: TileBaseline, options: FeatureOptions) -> xr.Dataset:
    """Blank what a quality layer missed: thin cloud, haze, smoke, snow and shadow, by the season of each pixel.

    Parameters
    ----------
    looks : xarray.Dataset, dims (time, y, x)
        Clear looks of one sensor, as `clear_looks` makes them, cropped to the tile. It is not changed.
    sensor : Sensor
        Theirs. Radar looks come back as they are.
    baseline : TileBaseline
        The season of the tile's pixels.
    options : FeatureOptions
        `history_test` off: looks come back as they are.

    Returns
    -------
    xarray.Dataset
        The same, NaN in all bands where something is found to lie over the ground. What two looks of different days
        show alike is ground, so those that are to be judged together (of one dekad) are given together. A pixel's
        result hangs on those up to `kernels.clouds.REACH_PX` around it, of the tile alone.
    """
    if sensor.is_radar or not options.history_test or not looks.sizes["time"]:
        return looks
    is_veiled = _find(looks, sensor, baseline, options)
    if not is_veiled.any():
        return looks
    return looks.assign({band: looks[band].copy(data=_blanked(looks[band], is_veiled)) for band in sensor.bands})


def _find(looks: xr.Dataset, sensor: Sensor, baseline: TileBaseline, options: FeatureOptions) -> NDArray[np.bool_]:
    """Return where each scene is veiled, (time, y, x)."""
    bands = [looks[band].to_numpy() for band in sensor.bands]
    days = looks["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
    bases = harmonic_basis(days, N_COEFS) * np.float32(REFLECTANCE_STEP)
    rule = VeilRule(rise=options.veil_rise, sigmas=options.veil_sigmas, lit=1.0 - options.shadow_frac)
    beta = baseline.beta_optical.reshape(*baseline.beta_optical.shape[:2], -1)
    sigma = baseline.sigma_optical.reshape(len(beta), -1)
    veils = np.empty(bands[0].shape, dtype=np.uint8)
    for scene, basis in enumerate(bases):
        season = SeasonOfDay(beta=beta, basis=basis, sigma=sigma, scales=_SCATTER_OF_CODE)
        veils[scene] = find_veils(np.stack([band[scene] for band in bands]), season, rule)
    is_veiled: NDArray[np.bool_] = veils != 0
    for one, other in combinations(range(len(days)), 2):
        both = (veils[one] == veils[other]) & (veils[one] != 0)
        if days[one] != days[other] and both.any():
            both[both] = is_alike(*(np.stack([band[scene][both] for band in bands[1:]]) for scene in (one, other)))
            is_veiled[one] &= ~both
            is_veiled[other] &= ~both
    return is_veiled


def _blanked(band: xr.DataArray, is_veiled: NDArray[np.bool_]) -> NDArray[np.float32]:
    values: NDArray[np.float32] = band.to_numpy().copy()
    values[is_veiled] = np.nan
    return values
