"""What Sentinel-1 sees: terrain-corrected gamma0 with speckle, soil moisture and a floor of noise."""

import numpy as np

from kpgeo.sim.acquiring import Acquisition
from kpgeo.sim.ground import Terrain
from kpgeo.sim.textures import F32, blur3, rng_of, shift_px, smooth_noise

RADAR_NODATA = -32768.0
_SIDE = 0.14
_NOISE_FLOOR = np.array([10 ** (-2.6), 10 ** (-3.1)], dtype=np.float32)


def look_radar(terrain: Terrain, taken: Acquisition) -> F32:
    """Return linear gamma0 of `vv vh` (2, y, x), float32, speckled."""
    options = terrain.options
    rng = rng_of(options.seed, "look", taken.sensor, taken.day)
    power = mean_gamma0(terrain, taken.day)
    power *= np.float32(10 ** (rng.normal(0.0, 0.2) / 10))
    power = blur3(shift_px(power, *rng.normal(0.0, options.misregistration_px, 2)), 0.10)
    return (power + _NOISE_FLOOR[:, None, None]) * draw_speckle(rng, power.shape, options.speckle_looks)


def mean_gamma0(terrain: Terrain, day: int) -> F32:
    """Return the gamma0 of the ground on a day without speckle: (2, y, x)."""
    size = terrain.frame.size
    rough = smooth_noise(rng_of(terrain.options.seed, "roughness"), size, 2, 10, 40)
    texture = (10.0 ** (0.06 * rough)).astype(np.float32)
    return terrain.spectra.gamma0(terrain.fractions(day), terrain.wetness(day)) * texture


def draw_speckle(rng: np.random.Generator, shape: tuple[int, ...], looks: float) -> F32:
    """Draw multiplicative speckle of mean 1 and a given equivalent number of looks, slightly correlated in space."""
    axis_power = (1 - 2 * _SIDE) ** 2 + 2 * _SIDE**2
    own_looks = looks * axis_power**2
    raw = rng.standard_gamma(own_looks, shape, dtype=np.float32) / np.float32(own_looks)
    return blur3(raw, _SIDE)


def trim_mantissa(power: F32, bits: int) -> F32:
    """Round away the last bits of a float32's mantissa (23 long): far below speckle, and it packs better."""
    raw = np.ascontiguousarray(power, dtype=np.float32).view(np.uint32)
    half, keep = np.uint32(1 << (bits - 1)), np.uint32(0xFFFFFFFF ^ ((1 << bits) - 1))
    return ((raw + half) & keep).view(np.float32)
