import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.sim.radar import draw_speckle, trim_mantissa
from kpgeo.sim.textures import (
    block_mean,
    line_distance,
    ramp,
    rng_of,
    run_mean,
    shift_px,
    smooth_noise,
    voronoi_cells,
)


def test_streams_are_told_apart_by_name_and_repeat():
    first, again, other = (rng_of(1, *names).random() for names in (("a", 2), ("a", 2), ("a", 3)))
    assert first == again != other


@pytest.mark.parametrize("scale", [3.0, 20.0, 80.0])
def test_noise_has_unit_variance_and_its_own_length(scale):
    fields = [smooth_noise(rng_of(seed, "noise"), 256, scale) for seed in range(12)]
    assert np.std(fields) == pytest.approx(1.0, abs=0.15)
    near = np.mean([np.mean(f * np.roll(f, max(int(scale / 4), 1), axis=0)) for f in fields])
    far = np.mean([np.mean(f * np.roll(f, int(scale * 1.5) + 1, axis=0)) for f in fields])
    assert near > 0.6 * np.var(fields)
    assert abs(far) < 0.4 * np.var(fields)


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_a_whole_shift_is_a_roll(down, right):
    image = np.arange(49, dtype=np.float32).reshape(7, 7)
    assert np.array_equal(shift_px(image, down, right), np.roll(image, (down, right), axis=(0, 1)))


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_shift_keeps_the_sum(down, right):
    image = np.zeros((12, 12), dtype=np.float32)
    image[5, 6] = 1.0
    assert shift_px(image, down, right).sum() == pytest.approx(1.0, abs=1e-5)


def test_half_a_pixel_down_splits_a_point_in_two():
    image = np.zeros((4, 4), dtype=np.float32)
    image[1, 1] = 1.0
    assert shift_px(image, 0.5, 0.0)[:, 1].tolist() == [0.0, 0.5, 0.5, 0.0]


def test_landsat_pixels_cut_the_fine_ones_in_half():
    image = np.array([[6.0, 1.0, 2.0, 12.0, 0.0, 3.0, 4.0, 9.0]], dtype=np.float32)
    np.testing.assert_allclose(run_mean(image, 0.5, 3, 1), [[4.0, 11.0 / 3.0]], rtol=1e-6)
    np.testing.assert_allclose(run_mean(image.T, 1.0, 3, 0), [[5.0], [7.0 / 3.0]], rtol=1e-6)
    np.testing.assert_allclose(run_mean(image, 2.5, 3, 1), [[14.5 / 3.0]], rtol=1e-6)


def test_block_mean_by_hand():
    assert block_mean(np.arange(16, dtype=np.float32).reshape(4, 4), 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_ramp_ends():
    assert ramp(np.array([-1.0, 0.0, 1.0, 3.0]), 0.0, 2.0).tolist() == [0.0, 0.0, 0.5, 1.0]


def test_distance_to_a_vertical_line():
    points = np.stack([np.full(200, 25.0), np.linspace(0.0, 50.0, 200)], axis=1)
    distance, index = line_distance(points, 5, 10.0)
    np.testing.assert_allclose(distance[2], [20.0, 10.0, 0.0, 10.0, 20.0], atol=0.2)
    assert index[0, 2] < index[4, 2]


def test_cells_cover_the_square_and_differ_in_size():
    labels, seeds = voronoi_cells(rng_of(0, "cells"), 120, 12.0, 0.1)
    sizes = np.bincount(labels.ravel(), minlength=len(seeds))
    assert sizes.sum() == 120 * 120
    assert 90 < sizes[sizes > 0].mean() < 220
    assert sizes.max() > 2.0 * np.median(sizes[sizes > 0])


@pytest.mark.parametrize("looks", [1.0, 4.4, 20.0])
def test_speckle_has_its_looks_and_mean_one(looks):
    speckle = draw_speckle(rng_of(0, "speckle"), (2, 400, 400), looks)
    assert speckle.mean() == pytest.approx(1.0, abs=0.01)
    assert speckle.mean() ** 2 / speckle.var() == pytest.approx(looks, rel=0.04)
    assert speckle.min() >= 0.0
    here, beside = speckle[0] - 1, np.roll(speckle[0], 1, axis=1) - 1
    assert 0.1 < (here * beside).mean() / speckle[0].var() < 0.5


def test_trimmed_mantissas_stay_within_a_thousandth():
    power = rng_of(0, "power").gamma(2.0, 0.05, 1000).astype(np.float32)
    trimmed = trim_mantissa(power, 13)
    np.testing.assert_allclose(trimmed, power, rtol=1e-3)
    assert len(np.unique(trimmed)) < 1000
