"""What optical sensors see: haze, clouds and their shadows, misregistration, noise, and fallible quality layers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.special import ndtri

from kpgeo.kernels.bandpass import Line, lines_to_target
from kpgeo.model.scene import Sensor
from kpgeo.options.sim import SimOptions
from kpgeo.sim.acquiring import Acquisition, sun_position
from kpgeo.sim.climate import mean_cloud_cover, mean_haze
from kpgeo.sim.ground import Terrain
from kpgeo.sim.textures import F32, block_mean, blur3, ramp, rng_of, run_mean, shift_px, smooth_noise

LANDSAT_SCALE, LANDSAT_OFFSET = 2.75e-5, -0.2
S2_QUANTUM = 1e-4

_HAZE_BAND = np.array([1.0, 0.80, 0.62, 0.38, 0.16, 0.10], dtype=np.float32)
_HAZE_LIGHT = np.array([0.30, 0.32, 0.34, 0.36, 0.36, 0.34], dtype=np.float32)
_SHADOW_BAND = np.array([0.38, 0.46, 0.54, 0.64, 0.68, 0.70], dtype=np.float32)
_CLOUD_BAND = np.array([1.0, 0.99, 0.98, 1.0, 0.80, 0.64], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class OpticalLook:
    """One optical acquisition before it is sampled; arrays on the frame at 10 m.

    Attributes
    ----------
    reflectance : float32 array (6, y, x)
        Surface reflectance as the provider would deliver it, clouds and all; no noise yet.
    ground : float32 array (6, y, x)
        The same without clouds and shadows.
    cloud, shadow : float32 array (y, x)
        Opacity of cloud and of shadow, 0–1.
    is_seen : bool array (y, x)
        False beyond the edge of the acquisition.
    """

    reflectance: F32
    ground: F32
    cloud: F32
    shadow: F32
    is_seen: NDArray[np.bool_]


def look_optical(terrain: Terrain, taken: Acquisition) -> OpticalLook:
    """Look at a world from an optical satellite."""
    options = terrain.options
    rng = rng_of(options.seed, "look", taken.sensor, taken.day)
    ground = bright_ground(terrain, taken.day)
    ground *= _gains(rng, options, taken)[:, None, None]
    sigma = options.misregistration_px * (2.2 if taken.sensor is Sensor.LANDSAT else 1.0)
    ground = blur3(shift_px(ground, *rng.normal(0.0, sigma, 2)), 0.07)
    ground = _haze(rng, ground, mean_haze(taken.day) * options.haze)
    cloud, shadow = draw_clouds(rng, terrain.frame.size, taken, options)
    tone = float(rng.uniform(0.40, 0.75)) * (0.72 + 0.28 * cloud + 0.07 * smooth_noise(rng, terrain.frame.size, 3, 9))
    seen = ground * (1.0 - shadow * _SHADOW_BAND[:, None, None])
    seen += (tone * _CLOUD_BAND[:, None, None] - seen) * cloud
    return OpticalLook(
        reflectance=seen.astype(np.float32, copy=False),
        ground=ground,
        cloud=cloud,
        shadow=shadow,
        is_seen=_seen(rng, terrain.frame.size, is_cut=taken.is_cut),
    )


def bright_ground(terrain: Terrain, day: int) -> F32:
    """Return the true reflectance of the ground on a day: (6, y, x), before any sensor or air."""
    land = terrain.land
    bands = terrain.spectra.reflectance(terrain.fractions(day), terrain.wetness(day))
    bands[:3] *= land.vis_gain
    bands[3:] *= land.ir_gain
    return bands


def _gains(rng: np.random.Generator, options: SimOptions, taken: Acquisition) -> F32:
    """Return the residual calibration of a scene, and the standing difference between sensors, by band."""
    scene = np.exp(rng.normal(0.0, 0.012) + rng.normal(0.0, 0.007, 6))
    if taken.sensor is Sensor.LANDSAT:
        scene = scene * np.exp(rng_of(options.seed, "oli").normal(0.0, 0.02, 6))
    return scene.astype(np.float32)


def _haze(rng: np.random.Generator, ground: F32, depth: float) -> F32:
    """Veil the ground with what atmospheric correction leaves of dust and smoke."""
    left = 0.55 * depth * rng.gamma(1.5, 1.0 / 1.5) + rng.normal(0.0, 0.006)
    veil = left * (1.0 + 0.25 * smooth_noise(rng, ground.shape[-1], 60, 200))
    veil = np.clip(veil, -0.02, 0.6) * _HAZE_BAND[:, None, None]
    return np.asarray(ground + (_HAZE_LIGHT[:, None, None] - ground) * veil, dtype=np.float32)


def draw_clouds(rng: np.random.Generator, size: int, taken: Acquisition, options: SimOptions) -> tuple[F32, F32]:
    """Return opacity of cloud and of its shadow (y, x): cumulus of the rains, sheets and thin cirrus of any season."""
    mean = float(np.clip(mean_cloud_cover(taken.day) * options.cloud, 0.0, 0.97))
    cover = float(rng.beta(0.9 * mean + 1e-3, 0.9 * (1.0 - mean) + 1e-3)) if mean > 0 else 0.0
    scales = (3.0, 9.0, 18.0, 40.0) if rng.random() < 0.6 else (5.0, 22.0, 80.0, 200.0)
    field = smooth_noise(rng, size, *scales)
    edge = float(ndtri(np.clip(1.0 - cover, 1e-4, 1.0 - 1e-4)))
    opacity = ramp(field, edge - 0.15, edge + 0.75) ** 0.8 if cover > 0.01 else np.zeros_like(field)
    if rng.random() < 0.30 * min(options.cloud, 1.0) * (0.4 + mean):
        thin = rng.uniform(0.08, 0.35) * ramp(smooth_noise(rng, size, 40, 120), -0.6, 0.9)
        opacity = np.maximum(opacity, thin)
    azimuth, elevation = np.deg2rad(sun_position(taken.datetime))
    throw_px = rng.uniform(500.0, 2600.0) / np.tan(elevation) / 10.0
    down, right = round(throw_px * np.cos(azimuth)), round(-throw_px * np.sin(azimuth))
    shadow = np.roll(ramp(opacity, 0.05, 0.75), (down, right), axis=(0, 1)) * (1.0 - opacity)
    return opacity.astype(np.float32), shadow.astype(np.float32)


def _seen(rng: np.random.Generator, size: int, *, is_cut: bool) -> NDArray[np.bool_]:
    """Return where the acquisition reaches; a cut one ends at a slanting line."""
    if not is_cut:
        return np.ones((size, size), dtype=bool)
    rows, cols = np.indices((size, size)) / size
    line = cols + 0.2 * rows - rng.uniform(0.25, 0.9)
    return np.asarray(line < 0 if rng.random() < 0.5 else line > 0)


def add_noise(rng: np.random.Generator, bands: F32, options: SimOptions) -> F32:
    """Add sensor noise that grows with the signal."""
    sigma = options.noise * (0.0012 + 0.008 * np.abs(bands))
    return np.asarray(bands + sigma * rng.standard_normal(bands.shape, dtype=np.float32), dtype=np.float32)


def sentinel2_numbers(
    look: OpticalLook, rng: np.random.Generator, options: SimOptions, *, has_offset: bool
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return the digital numbers of blue, green, red, nir (4, y, x) at 10 m, and of swir16, swir22 at 20 m.

    Reflectance is (DN − 1000) / 10000 from baseline 04.00 on (`has_offset`), DN / 10000 before; 0 is no data.
    """
    offset = 1000.0 if has_offset else 0.0
    parts = []
    for bands, seen in (
        (look.reflectance[:4], look.is_seen),
        (block_mean(look.reflectance[4:], 2), look.is_seen[::2, ::2]),
    ):
        numbers = np.rint(add_noise(rng, bands, options) / S2_QUANTUM + offset)
        parts.append(np.where(seen, np.clip(numbers, 1, 65535), 0).astype(np.uint16))
    return parts[0], parts[1]


def landsat_numbers(
    look: OpticalLook, rng: np.random.Generator, options: SimOptions, offset_px: tuple[float, float]
) -> NDArray[np.uint16]:
    """Return Collection 2 digital numbers (6, y, x) at 30 m: reflectance is 2.75e-5 DN − 0.2; 0 is no data."""
    bands = add_noise(rng, to_30m(look.reflectance, offset_px), options)
    seen = to_30m(look.is_seen.astype(np.float32), offset_px) > 0.99
    numbers = np.rint((bands - LANDSAT_OFFSET) / LANDSAT_SCALE)
    return np.where(seen, np.clip(numbers, 1, 65535), 0).astype(np.uint16)


def seen_by(
    numbers: NDArray[np.uint16], platform: str, bands: Sequence[str], scale: float, offset: float
) -> NDArray[np.uint16]:
    """Return digital numbers (band, y, x) as a platform's own band-pass would have them.

    The world's reflectance is that of the target band-pass. A platform of another one is given what, brought to the
    target, is that reflectance again, to within half a number; what is left between sensors is in `look_optical`.

    Parameters
    ----------
    numbers : uint16 array (band, y, x)
        Of the target's band-pass; 0 is no data and stays so.
    scale, offset : float
        Reflectance is `scale * number + offset`.
    """
    seen = numbers.copy()
    lines = lines_to_target(platform)
    for band, layer in zip(bands, seen, strict=True):
        if (line := lines[band]) != Line():
            own = line.inverse
            exact = own.slope * layer.astype(np.float64) + (own.slope * offset + own.offset - offset) / scale
            layer[:] = np.where(layer == 0, 0, np.clip(np.rint(exact), 1, 65535))
    return seen


def to_30m(image: F32, offset_px: tuple[float, float]) -> F32:
    """Average 10 m pixels into Landsat pixels that begin `offset_px` (down, right) from the frame's corner."""
    return run_mean(run_mean(image, offset_px[0], 3, -2), offset_px[1], 3, -1)


def _judge(rng: np.random.Generator, cloud: F32, shadow: F32, options: SimOptions) -> tuple[F32, F32]:
    """Return cloud and shadow as the quality layer sees them: thin cloud and shadow are missed in patches."""
    size = cloud.shape[0]
    missed = float(ndtri(np.clip(options.missed_cloud_frac, 1e-6, 1 - 1e-6)))
    blind = smooth_noise(rng, size, 3, 9) < missed
    blind_shadow = smooth_noise(rng, size, 3, 9) < missed
    thick = cloud > 0.6
    return np.where(blind & ~thick, 0.0, cloud).astype(np.float32), np.where(blind_shadow, 0.0, shadow).astype(
        np.float32
    )


def _bright_errors(rng: np.random.Generator, ground: F32, options: SimOptions) -> NDArray[np.bool_]:
    """Return where bright bare ground is called cloud."""
    fooled = smooth_noise(rng, ground.shape[-1], 2, 6) < ndtri(np.clip(options.false_cloud_frac, 1e-6, 1 - 1e-6))
    return np.asarray((ground[:3].mean(axis=0) > 0.14) & (_ndvi(ground) < 0.30) & fooled)


def _ndvi(ground: F32) -> F32:
    return np.asarray((ground[3] - ground[2]) / np.maximum(ground[3] + ground[2], 0.01))


def _is_water(ground: F32) -> NDArray[np.bool_]:
    return np.asarray((ground[1] > ground[4] * 1.25) & (ground[3] < 0.15))


def scene_classes(look: OpticalLook, rng: np.random.Generator, options: SimOptions) -> NDArray[np.uint8]:
    """Return the Sentinel-2 scene classification (SCL codes) at 20 m, with the errors it makes in practice."""
    ground = block_mean(look.ground, 2)
    cloud, shadow = _judge(rng, block_mean(look.cloud, 2), block_mean(look.shadow, 2), options)
    scl = np.where(_ndvi(ground) > 0.33, 4, 5)
    is_dark = (ground[3] < 0.11) & (ground[1] < 0.09)
    scl = np.where(is_dark, np.where(smooth_noise(rng, scl.shape[0], 3) > 0.9, 3, 2), scl)
    scl = np.where(_is_water(ground), 6, scl)
    scl = np.where(rng.random(scl.shape) < 0.004, 7, scl)
    scl = np.where(shadow > 0.30, 3, scl)
    scl = np.where(_bright_errors(rng, ground, options), 8, scl)
    scl = np.where(cloud > 0.07, np.where(cloud > 0.6, 9, np.where(cloud > 0.28, 8, 10)), scl)
    return np.where(look.is_seen[::2, ::2], scl, 0).astype(np.uint8)


def quality_bits(
    look: OpticalLook, rng: np.random.Generator, options: SimOptions, offset_px: tuple[float, float]
) -> NDArray[np.uint16]:
    """Return Landsat Collection 2 QA_PIXEL at 30 m: cloud, its dilation, cirrus, shadow, water and confidences."""
    ground = to_30m(look.ground, offset_px)
    cloud, shadow = _judge(rng, to_30m(look.cloud, offset_px), to_30m(look.shadow, offset_px), options)
    is_cloud = (cloud > 0.22) | _bright_errors(rng, ground, options)
    is_cirrus = (cloud > 0.06) & ~is_cloud
    is_dilated = np.asarray(binary_dilation(is_cloud, iterations=2)) & ~is_cloud
    is_shadow = (shadow > 0.30) & ~is_cloud
    bits = np.where(is_cloud, 3 << 8, np.where(is_dilated & (cloud > 0.03), 2 << 8, 1 << 8))
    bits = bits | (is_dilated << 1) | (is_cirrus << 2) | (is_cloud << 3) | (is_shadow << 4)
    bits = bits | (np.where(is_cloud | is_dilated, 0, 1) << 6) | ((_is_water(ground) & ~is_cloud) << 7)
    bits = bits | np.where(is_shadow, 3 << 10, 1 << 10) | (1 << 12) | np.where(is_cirrus, 3 << 14, 1 << 14)
    seen = to_30m(look.is_seen.astype(np.float32), offset_px) > 0.99
    return np.where(seen, bits, 1).astype(np.uint16)
