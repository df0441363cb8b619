"""Clear looks: what of a cube may be believed."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from kpgeo.kernels.looks import grow, is_hazy, is_plausible, multilook, to_db
from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import LookClass, Sensor
from kpgeo.options.features import FeatureOptions


def clear_looks(cube: xr.Dataset, sensor: Sensor, options: FeatureOptions, crop_px: int) -> xr.Dataset:
    """Keep what was clearly seen, and crop the halo.

    Optical: a pixel is NaN in all bands unless its class is CLEAR or WATER, it lies outside the margins of clouds and
    shadows, is not hazy, and is plausible in every band. Radar: averaged over squares in power, then in dB; NaN where
    not acquired.

    Parameters
    ----------
    cube : xarray.Dataset, dims (time, y, x)
        As `load_cube` makes it.
    sensor : Sensor
        Its sensor.
    options : FeatureOptions
    crop_px : int
        Width of the halo to cut off on each side. With a halo at least as wide as the widest margin, the result is the
        same for a tile as for the whole.

    Returns
    -------
    xarray.Dataset
        The bands of the cube, float32, over the inner window; coordinates and attributes kept. The cube is not changed.

    Raises
    ------
    BadInputError
        The halo is narrower than a margin, or wider than the cube.
    """
    reach = options.multilook_px // 2 if sensor.is_radar else max(options.cloud_margin_px, options.shadow_margin_px)
    if crop_px and reach > crop_px:
        raise BadInputError(
            f"A margin of {reach} px reaches beyond the halo of {crop_px} px.", where="features", remedy="Narrow it."
        )
    if 2 * crop_px >= min(cube.sizes["y"], cube.sizes["x"]):
        raise BadInputError(f"The cube is no larger than its halo of {crop_px} px.", where="features")
    stack = {str(band): cube[band].data for band in sensor.bands}
    looks = _radar(stack, options) if sensor.is_radar else _optical(stack, cube["look_class"].data, options)
    found = cube[list(sensor.bands)].copy(data=looks)
    inner = slice(crop_px, -crop_px or None)
    return found.isel(y=inner, x=inner)


def _radar(stack: dict[str, NDArray[np.float32]], options: FeatureOptions) -> dict[str, NDArray[np.float32]]:
    return {band: to_db(multilook(power, options.multilook_px)) for band, power in stack.items()}


def _optical(
    stack: dict[str, NDArray[np.float32]], look_class: NDArray[np.uint8], options: FeatureOptions
) -> dict[str, NDArray[np.float32]]:
    """Blank what is not clear, scene by scene, so that no more than one scene's flags are held at a time."""
    looks = {band: np.full_like(values, np.nan) for band, values in stack.items()}
    for scene, classes in enumerate(look_class):
        is_clear = (classes == LookClass.CLEAR) | (classes == LookClass.WATER)
        is_clear &= ~grow(classes == LookClass.CLOUD, options.cloud_margin_px)
        is_clear &= ~grow(classes == LookClass.SHADOW, options.shadow_margin_px)
        is_clear &= ~is_hazy(stack["blue"][scene], stack["red"][scene], options.haze_slope, options.haze_limit)
        bands = np.stack([values[scene] for values in stack.values()])
        is_clear &= is_plausible(bands, options.reflectance_low, options.reflectance_high)
        for band, values in stack.items():
            np.copyto(looks[band][scene], values[scene], where=is_clear)
    return looks
