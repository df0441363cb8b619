"""What lies over the ground: which departures from a season are veils, beside ground that changed, and an oracle."""

import numpy as np
import pytest
from scipy import ndimage

from kpgeo.kernels.clouds import CLOUD as CLOUD_MARK
from kpgeo.kernels.clouds import REACH_PX, SHADOW, SeasonOfDay, VeilRule, find_veils, is_alike
from kpgeo.model.state import decode_sigma, encode_sigma

RULE = VeilRule(rise=0.03, sigmas=3.0, lit=0.87)
SCALES = decode_sigma(np.arange(256, dtype=np.uint8))
# blue, green, red, nir, swir16, swir22
SAVANNA = np.array([0.05, 0.08, 0.08, 0.26, 0.24, 0.15], dtype=np.float32)
CLOUD = np.array([0.60, 0.59, 0.60, 0.62, 0.48, 0.40], dtype=np.float32)
SHADE = np.array([0.30, 0.36, 0.42, 0.50, 0.54, 0.56], dtype=np.float32)
SPOIL = np.array([0.10, 0.14, 0.20, 0.28, 0.38, 0.34], dtype=np.float32)
TURBID_POND = np.array([0.09, 0.12, 0.12, 0.07, 0.03, 0.02], dtype=np.float32)
CLEAR_POND = np.array([0.04, 0.05, 0.04, 0.03, 0.015, 0.01], dtype=np.float32)
SCAR = np.array([0.04, 0.05, 0.06, 0.10, 0.16, 0.16], dtype=np.float32)
STUBBLE = np.array([0.08, 0.12, 0.17, 0.26, 0.34, 0.27], dtype=np.float32)
SNOW = np.array([0.55, 0.56, 0.55, 0.50, 0.08, 0.07], dtype=np.float32)


def season_of(shape, ground=SAVANNA, scatter=0.008):
    """Return a season that never changes."""
    n_px = shape[0] * shape[1]
    beta = np.zeros((4, 5, n_px), dtype=np.int16)
    beta[:, 0] = np.rint(ground[[1, 2, 3, 5]] * 1e4)[:, None]
    sigma = np.broadcast_to(encode_sigma(np.float32([scatter] * 4))[:, None], (4, n_px)).copy()
    return SeasonOfDay(beta=beta, basis=np.float32([1e-4, 0, 0, 0, 0]), sigma=sigma, scales=SCALES)


def veiled_in(bands, season, rule=RULE):
    return find_veils(bands, season, rule) != 0


def scene(shape=(60, 60), seed=1):
    noise = np.random.default_rng(seed).normal(0.0, 0.004, (6, *shape)).astype(np.float32)
    return SAVANNA[:, None, None] + noise


def patch(bands, spectrum, share=1.0, edge=16):
    """Mix a spectrum into a square in the middle; return where it is."""
    here = np.zeros(bands.shape[1:], dtype=bool)
    row, col = (bands.shape[1] - edge) // 2, (bands.shape[2] - edge) // 2
    here[row : row + edge, col : col + edge] = True
    bands[:, here] += np.float32(share) * (spectrum[:, None] - bands[:, here])
    return here


@pytest.mark.fault(25)
@pytest.mark.parametrize("share", [0.15, 0.2, 0.5, 1.0])
def test_cloud_however_thin_is_found_and_nothing_beside_it(share):
    bands = scene()
    here = patch(bands, CLOUD, share)
    veiled = veiled_in(bands, season_of(here.shape), RULE)
    assert veiled[here].mean() > 0.9
    assert not veiled[~here].any()
    assert set(np.unique(find_veils(bands, season_of(here.shape), RULE))) == {0, CLOUD_MARK}


@pytest.mark.parametrize("strength", [0.4, 0.7, 1.0])
def test_shadow_is_found(strength):
    bands = scene()
    here = patch(bands, SAVANNA * (1.0 - SHADE * np.float32(strength)))
    veiled = veiled_in(bands, season_of(here.shape), RULE)
    assert veiled[here].mean() > 0.9
    assert not veiled[~here].any()
    assert set(np.unique(find_veils(bands, season_of(here.shape), RULE))) == {0, SHADOW}


def test_snow_is_found():
    bands = scene()
    here = patch(bands, SNOW)
    assert veiled_in(bands, season_of(here.shape), RULE)[here].all()


@pytest.mark.fault(25)
@pytest.mark.parametrize("ground", [SPOIL, TURBID_POND, SCAR, STUBBLE])
@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("edge", [3, 16])
def test_ground_that_changed_is_no_veil(ground, share, edge):
    bands = scene()
    patch(bands, ground, share, edge)
    assert veiled_in(bands, season_of(bands.shape[1:])).mean() < 0.001


@pytest.mark.parametrize(("share", "edge"), [(0.3, 5), (0.6, 5), (1.0, 5), (1.0, 16)])
def test_black_water_is_no_shadow(share, edge):
    bands = scene()
    patch(bands, CLEAR_POND, share, edge)
    assert veiled_in(bands, season_of(bands.shape[1:])).mean() < 0.001


def looked_at_twice(ground, share, *shares):
    """Return, of looks at a patch on different days, the pixels in it, and what is found there at first."""
    looks, veils = [], []
    for seed, of_look in enumerate((share, *shares), start=1):
        bands = scene(seed=seed)
        here = patch(bands, ground, of_look)
        bands[:, here] += np.random.default_rng(seed).normal(0.0, 0.003, (6, here.sum())).astype(np.float32)
        looks.append(bands[1:, here])
        veils.append(find_veils(bands, season_of(here.shape), RULE)[here])
    return looks, veils


def test_a_wide_field_of_half_flooded_pixels_is_taken_for_a_shadow_until_another_look_shows_it_as_it_was():
    looks, veils = looked_at_twice(CLEAR_POND, 0.5, 0.5)
    assert all((found == SHADOW).all() for found in veils)
    assert is_alike(*looks).mean() > 0.95


def test_a_cloud_is_another_on_another_day():
    looks, veils = looked_at_twice(CLOUD, 0.3, 0.4)
    assert all((found == CLOUD_MARK).all() for found in veils)
    assert not is_alike(*looks).any()


def test_a_pixel_alone_is_no_cloud():
    bands = scene()
    bands[:, 20, 20] = CLOUD
    assert not veiled_in(bands, season_of(bands.shape[1:]), RULE).any()


def test_a_pixel_hemmed_in_by_cloud_is_cloud():
    bands = scene()
    here = patch(bands, CLOUD, 0.6)
    bands[:, 30, 30] = SPOIL
    assert veiled_in(bands, season_of(here.shape))[here].all()


def test_a_pixel_that_nobody_stands_beside_speaks_for_itself():
    bands = CLOUD[:, None, None].copy()
    assert veiled_in(bands, season_of((1, 1)), RULE).all()


def test_what_is_not_seen_is_not_veiled_and_does_not_count():
    bands = scene()
    here = patch(bands, CLOUD, 0.5)
    bands[:, 28:33] = np.nan
    veiled = veiled_in(bands, season_of(here.shape), RULE)
    assert not veiled[28:33].any()
    seen = here.copy()
    seen[28:33] = False
    assert veiled[seen].all()
    bands[:] = np.nan
    assert not veiled_in(bands, season_of(here.shape), RULE).any()


def test_without_blue_there_are_only_shadows():
    bands = scene()
    here = patch(bands, CLOUD)
    bands[0] = np.nan
    assert not veiled_in(bands, season_of(here.shape), RULE).any()
    bands = scene()
    here = patch(bands, SAVANNA * (1.0 - SHADE))
    bands[0] = np.nan
    assert veiled_in(bands, season_of(here.shape), RULE)[here].mean() > 0.9


@pytest.mark.parametrize(
    ("rule", "spectrum", "share"),
    [
        (RULE._replace(rise=0.06), CLOUD, 0.08),
        (RULE._replace(sigmas=9.0), CLOUD, 0.08),
        (RULE._replace(lit=0.5), SAVANNA * (1.0 - SHADE), 0.8),
    ],
)
def test_each_number_of_the_rule_bears_on_it(rule, spectrum, share):
    bands = scene()
    here = patch(bands, spectrum, share)
    season = season_of(here.shape)
    assert veiled_in(bands, season, RULE)[here].mean() > 0.5
    assert not veiled_in(bands, season, rule).any()


def mottled(seed, shape=(70, 91)):
    """Return a scene of every kind of patch, with gaps, and a season that differs from pixel to pixel."""
    random = np.random.default_rng(seed)
    bands = scene(shape, seed)
    field = ndimage.gaussian_filter(random.normal(size=(4, *shape)), (0, 4, 4)) * 12
    for share, spectrum in zip(np.clip(field, 0, 1), (CLOUD, SAVANNA * (1 - SHADE), SPOIL, CLEAR_POND), strict=True):
        bands += share.astype(np.float32) * (spectrum[:, None, None] - bands)
    bands[:, random.random(shape) < 0.1] = np.nan
    season = season_of(shape)
    season.beta[:] += random.integers(-200, 200, season.beta.shape).astype(np.int16)
    season.sigma[:] = random.integers(60, 120, season.sigma.shape)
    return bands, season._replace(basis=np.float32([1e-4, 3e-5, -5e-5, 2e-5, 1e-5]))


def oracle(bands, season, rule):
    """Return what `find_veils` should, in plain numpy: counts by convolution, contact by dilation."""
    shape = bands.shape[1:]
    due = np.tensordot(season.basis, season.beta.astype(np.float32), axes=(0, 1)).reshape(4, *shape)
    scatter = season.scales[season.sigma].reshape(4, *shape)
    blue, green, _, nir, _, swir = bands
    up = bands[[1, 2, 3, 5]] - due
    nir_due, swir_due = np.maximum(due[2], 0.01), np.maximum(due[3], 0.01)
    white = (up[1] <= 1.25 * up[0] + 0.003) & (blue >= 0.76 * green) & (nir >= 0.75 * nir_due)
    white &= up[3] <= 1.4 * up[0] + 0.5 * scatter[3]
    fall = nir_due - nir
    dim = (fall >= 0) & (nir >= 0.15 * nir_due) & (up[0] <= 0.003)
    dim &= (swir_due - swir) / swir_due >= 0.5 * fall / nir_due
    kinds = (
        (white & (up[0] >= np.maximum(rule.rise, rule.sigmas * scatter[0])), white & (up[0] >= 0.012), 7, 0.4),
        (
            dim & (fall >= np.maximum(0.03, rule.sigmas * scatter[2])) & (nir <= rule.lit * nir_due),
            dim & (nir <= 0.95 * nir_due),
            9,
            0.5,
        ),
    )
    veiled = np.zeros(shape, dtype=bool)
    for strong, faint, edge, share in kinds:
        square = np.ones((edge, edge), dtype=int)
        count, seen = (ndimage.convolve(m.astype(int), square, mode="constant") for m in (strong, np.isfinite(nir)))
        core = (strong & (count >= share * seen - 1e-9)) | (np.isfinite(nir) & (count >= 0.75 * seen))
        veiled |= core | (ndimage.binary_dilation(core, structure=np.ones((5, 5))) & faint)
    return veiled


@pytest.mark.parametrize("seed", range(4))
def test_the_kernel_agrees_with_plain_numpy(seed):
    bands, season = mottled(seed)
    found, expected = veiled_in(bands, season, RULE), oracle(bands, season, RULE)
    assert 0.05 < expected.mean() < 0.9
    # a comparison may fall the other way where both sides round to the same
    assert (found != expected).mean() < 0.001


def test_a_window_equals_the_whole_beyond_the_reach_of_its_edges():
    bands, season = mottled(7)
    whole = veiled_in(bands, season, RULE)
    rows, cols = slice(10, 60), slice(15, 80)
    held = {"beta": season.beta.reshape(4, 5, 70, 91)[:, :, rows, cols].reshape(4, 5, -1)}
    held["sigma"] = season.sigma.reshape(4, 70, 91)[:, rows, cols].reshape(4, -1)
    part = veiled_in(bands[:, rows, cols], season._replace(**held), RULE)
    inner = slice(REACH_PX, -REACH_PX)
    np.testing.assert_array_equal(part[inner, inner], whole[rows, cols][inner, inner])
    assert (part != whole[rows, cols]).any()
