"""Shifts between a look and what is expected: found to a tenth of a pixel, and told from cloud, change and noise."""

import numpy as np
import pytest
from scipy.ndimage import fourier_shift, gaussian_filter

from kpgeo.kernels.shift import REACH_PX, measure_shift


def ground(size=256, seed=1, grain_px=1.5):
    """Return textured ground: reflectance with a spread of 0.03."""
    rng = np.random.default_rng(seed)
    rough = gaussian_filter(rng.standard_normal((size, size)), grain_px, mode="wrap")
    slow = gaussian_filter(rng.standard_normal((size, size)), 40, mode="wrap")
    return (0.15 + 0.03 * rough / rough.std() + 0.03 * slow / slow.std()).astype(np.float32)


def moved(image, down_px, right_px):
    """Move an image that has no edges, exactly."""
    return np.fft.ifft2(fourier_shift(np.fft.fft2(image), (down_px, right_px))).real.astype(np.float32)


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("down_px", "right_px"), [(0.0, 0.0), (0.3, 0.0), (0.0, -0.5), (0.7, 0.7), (-1.0, 1.7), (2.0, 0.0), (-3.0, 4.0)]
)
def test_shifts_are_found_to_a_tenth_of_a_pixel(down_px, right_px):
    expected = ground()
    look = moved(expected, down_px, right_px) + np.random.default_rng(2).normal(0, 0.01, expected.shape)
    found = measure_shift(look.astype(np.float32), expected, 0.004)
    assert found is not None
    assert np.hypot(found.down_px - down_px, found.right_px - right_px) < 0.12
    assert found.size_px == pytest.approx(np.hypot(down_px, right_px), abs=0.12)
    assert found.likeness > 0.7


@pytest.mark.fault(16)
def test_what_is_not_clear_does_not_pull():
    """Cloud that stands where it stood in what is expected must not hold the peak at zero."""
    expected = ground()
    look = moved(expected, 1.5, -2.5)
    rng = np.random.default_rng(4)
    hidden = gaussian_filter(rng.standard_normal(look.shape), 10, mode="wrap")
    look[hidden > np.quantile(hidden, 0.55)] = np.nan
    found = measure_shift(look, expected, 0.004)
    assert found is not None
    assert np.hypot(found.down_px - 1.5, found.right_px + 2.5) < 0.12


@pytest.mark.parametrize("change", ["burn", "haze", "gain", "season"])
def test_change_is_no_shift(change):
    expected = ground()
    look = expected.copy()
    if change == "burn":
        look[60:200, 30:160] *= 0.4
    elif change == "haze":
        look += np.linspace(0.0, 0.15, 256, dtype=np.float32)[None]
    elif change == "gain":
        look = look * np.float32(1.3) + np.float32(0.02)
    else:
        look += np.float32(0.5) * (ground(seed=9) - np.float32(0.15))
    found = measure_shift(look + np.float32(0.0), expected, 0.004)
    assert found is not None
    assert found.size_px < 0.25


def test_nothing_is_said_without_texture_clear_pixels_room_or_a_peak():
    expected = ground()
    flat = np.full_like(expected, 0.2)
    assert measure_shift(expected, flat, 0.004) is None
    assert measure_shift(expected, expected, 1.0) is None
    cloudy = expected.copy()
    cloudy[:, 16:] = np.nan
    assert measure_shift(cloudy, expected, 0.004) is None
    assert measure_shift(expected[:90, :90], expected[:90, :90], 0.004) is None
    assert measure_shift(moved(expected, REACH_PX, 0.0), expected, 0.004) is None


def test_another_ground_is_not_alike_or_not_sure():
    found = measure_shift(ground(seed=20), ground(), 0.004)
    assert found is None or found.likeness < 0.2


def test_neither_image_is_changed():
    expected, look = ground(), ground()
    look[:20] = np.nan
    before = expected.copy(), look.copy()
    measure_shift(look, expected, 0.004)
    np.testing.assert_array_equal(before[0], expected)
    np.testing.assert_array_equal(before[1], look)
