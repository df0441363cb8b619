"""Clear looks: which pixels stay, and that tiles with a halo equal the whole."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from kpgeo.features import clear_looks
from kpgeo.kernels.looks import grow, is_hazy, multilook, to_db
from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import LookClass, Sensor
from kpgeo.options.features import HALO_PX, FeatureOptions

S2, S1 = Sensor.SENTINEL2, Sensor.SENTINEL1
SOIL = {"blue": 0.08, "green": 0.11, "red": 0.16, "nir": 0.25, "swir16": 0.33, "swir22": 0.28}
NO_MARGINS = FeatureOptions(cloud_margin_px=0, shadow_margin_px=0)


def optical(shape=(1, 21, 21), **bands):
    """Return a clear cube of soil."""
    layers = {band: np.full(shape, value, dtype=np.float32) for band, value in {**SOIL, **bands}.items()}
    layers["look_class"] = np.full(shape, LookClass.CLEAR, dtype=np.uint8)
    return xr.Dataset(
        {name: (("time", "y", "x"), values) for name, values in layers.items()},
        coords={"time": np.arange(shape[0]).astype("datetime64[D]").astype("datetime64[ns]")},
        attrs={"sensor": "sentinel-2"},
    )


def radar(vv, vh=None):
    vh = vv if vh is None else vh
    classes = np.where(np.isfinite(vv), LookClass.CLEAR, LookClass.NOT_ACQUIRED).astype(np.uint8)
    layers = {"vv": vv, "vh": vh, "look_class": classes}
    return xr.Dataset({name: (("time", "y", "x"), values) for name, values in layers.items()})


def seen(looks):
    return np.isfinite(looks["red"].values)


def test_clear_ground_is_kept_as_it_is():
    cube = optical()
    looks = clear_looks(cube, S2, FeatureOptions(), 0)
    for band, value in SOIL.items():
        assert looks[band].dtype == np.float32
        np.testing.assert_array_equal(looks[band], np.float32(value))
    assert set(looks.data_vars) == set(SOIL)
    assert looks.attrs == {"sensor": "sentinel-2"}


@pytest.mark.parametrize("look_class", list(LookClass))
def test_only_clear_and_water_are_seen(look_class):
    cube = optical()
    cube["look_class"].values[:] = look_class
    is_seen = look_class in (LookClass.CLEAR, LookClass.WATER)
    assert seen(clear_looks(cube, S2, FeatureOptions(), 0)).all() == is_seen
    assert seen(clear_looks(cube, S2, FeatureOptions(), 0)).any() == is_seen


def test_a_look_that_is_not_clear_is_blank_in_all_bands():
    cube = optical()
    cube["look_class"].values[0, 5, 5] = LookClass.SNOW
    looks = clear_looks(cube, S2, FeatureOptions(), 0)
    for band in SOIL:
        assert np.isnan(looks[band].values).sum() == 1


@pytest.mark.parametrize(
    ("look_class", "options", "blank"),
    [
        (LookClass.CLOUD, FeatureOptions(cloud_margin_px=0), 1),
        (LookClass.CLOUD, FeatureOptions(cloud_margin_px=1), 5),
        (LookClass.CLOUD, FeatureOptions(cloud_margin_px=2), 13),
        (LookClass.CLOUD, FeatureOptions(), 29),
        (LookClass.SHADOW, FeatureOptions(), 13),
        (LookClass.SHADOW, FeatureOptions(shadow_margin_px=1), 5),
        (LookClass.HAZE, FeatureOptions(), 1),
    ],
)
def test_margins(look_class, options, blank):
    cube = optical()
    cube["look_class"].values[0, 10, 10] = look_class
    assert (~seen(clear_looks(cube, S2, options, 0))).sum() == blank


def test_margins_stay_within_their_scene():
    cube = optical((3, 21, 21))
    cube["look_class"].values[1, 10, 10] = LookClass.CLOUD
    assert (~seen(clear_looks(cube, S2, FeatureOptions(), 0))).sum(axis=(1, 2)).tolist() == [0, 29, 0]


@pytest.mark.parametrize(
    ("blue", "red", "hazy"),
    [(0.03, 0.04, False), (0.08, 0.16, False), (0.25, 0.35, False), (0.40, 0.40, True), (0.20, 0.18, True)],
)
def test_haze_is_bluer_than_any_ground(blue, red, hazy):
    assert seen(clear_looks(optical(blue=blue, red=red), S2, NO_MARGINS, 0)).any() != hazy


def test_the_haze_line_is_an_option():
    cube = optical(blue=0.14, red=0.12)
    assert seen(clear_looks(cube, S2, FeatureOptions(haze_limit=0.06), 0)).all()
    assert not seen(clear_looks(cube, S2, FeatureOptions(), 0)).any()
    assert seen(clear_looks(cube, S2, FeatureOptions(haze_slope=1.0), 0)).all()


@pytest.mark.parametrize(
    ("band", "value", "kept"),
    [
        ("swir22", -0.01, True),
        ("swir22", -0.02, False),
        ("nir", 1.19, True),
        ("nir", 1.2, False),
        ("green", np.nan, False),
    ],
)
def test_reflectance_that_cannot_be_is_blank(band, value, kept):
    assert seen(clear_looks(optical(**{band: value}), S2, FeatureOptions(), 0)).all() == kept


def test_the_plausible_range_is_an_option():
    assert seen(clear_looks(optical(swir22=-0.05), S2, FeatureOptions(reflectance_low=-0.1), 0)).all()
    assert not seen(clear_looks(optical(nir=0.6), S2, FeatureOptions(reflectance_high=0.5), 0)).any()


def test_the_cube_is_not_changed():
    cube = optical()
    cube["look_class"].values[0, 10, 10] = LookClass.CLOUD
    before = cube.copy(deep=True)
    clear_looks(cube, S2, FeatureOptions(), 3)
    xr.testing.assert_identical(cube, before)


def test_radar_is_averaged_in_power_and_given_in_decibels():
    power = np.full((1, 3, 3), 0.1, dtype=np.float32)
    power[0, 1, 1] = 0.9
    looks = clear_looks(radar(power), S1, FeatureOptions(), 0)
    assert looks["vv"].values[0, 1, 1] == pytest.approx(10 * np.log10((8 * 0.1 + 0.9) / 9), abs=1e-5)
    assert looks["vv"].values[0, 0, 0] == pytest.approx(10 * np.log10((3 * 0.1 + 0.9) / 4), abs=1e-5)
    single = clear_looks(radar(power), S1, FeatureOptions(multilook_px=1), 0)
    assert single["vv"].values[0, 1, 1] == pytest.approx(10 * np.log10(0.9), abs=1e-5)


def test_radar_without_data_stays_without():
    power = np.full((1, 5, 5), 0.1, dtype=np.float32)
    power[0, 2, 2] = np.nan
    looks = clear_looks(radar(power), S1, FeatureOptions(), 0)
    assert np.isnan(looks["vv"].values[0, 2, 2])
    np.testing.assert_allclose(looks["vv"].values[0, 1], -10.0, atol=1e-5)


def test_speckle_goes_down_by_three():
    random = np.random.default_rng(1)
    power = random.exponential(0.1, (1, 300, 300)).astype(np.float32)
    out = multilook(power, 3)[0, 1:-1, 1:-1]
    assert out.std() == pytest.approx(0.1 / 3.0, rel=0.05)
    assert out.mean() == pytest.approx(0.1, rel=0.02)


def test_the_halo_is_cropped_and_coordinates_with_it():
    cube = optical().assign_coords(y=np.arange(21.0)[::-1], x=np.arange(21.0))
    looks = clear_looks(cube, S2, FeatureOptions(), 4)
    assert looks.sizes == {"time": 1, "y": 13, "x": 13}
    assert looks["x"].values[[0, -1]].tolist() == [4.0, 16.0]
    assert looks["y"].values[[0, -1]].tolist() == [16.0, 4.0]


def test_a_margin_wider_than_the_halo_is_refused():
    with pytest.raises(BadInputError, match="beyond the halo"):
        clear_looks(optical(), S2, FeatureOptions(cloud_margin_px=5), 4)
    with pytest.raises(BadInputError, match="no larger than its halo"):
        clear_looks(optical(), S2, FeatureOptions(), 11)
    with pytest.raises(ValueError, match="less than or equal to 8"):
        FeatureOptions(cloud_margin_px=9)


def random_cube(sensor, seed, size):
    """Return a cube of noise with every class in it."""
    random = np.random.default_rng(seed)
    if sensor.is_radar:
        power = random.exponential(0.1, (2, size, size)).astype(np.float32)
        power[random.random(power.shape) < 0.05] = np.nan
        return radar(power)
    cube = optical((2, size, size))
    for band in SOIL:
        cube[band].values[:] += random.normal(0, 0.05, cube[band].shape).astype(np.float32)
    odd = random.random((2, size, size)) < 0.01
    cube["look_class"].values[odd] = random.integers(0, 8, odd.sum())
    return cube


@pytest.mark.parametrize("sensor", [S2, S1])
@pytest.mark.parametrize(
    "options", [FeatureOptions(), FeatureOptions(cloud_margin_px=8, shadow_margin_px=8, multilook_px=7)]
)
def test_tiles_with_a_halo_equal_the_whole(sensor, options):
    size, tile = 96 + 2 * HALO_PX, 32
    cube = random_cube(sensor, 5, size)
    whole = clear_looks(cube, sensor, options, HALO_PX)
    for y0 in range(0, 96, tile):
        for x0 in range(0, 96, tile):
            part = cube.isel(y=slice(y0, y0 + tile + 2 * HALO_PX), x=slice(x0, x0 + tile + 2 * HALO_PX))
            looks = clear_looks(part, sensor, options, HALO_PX)
            inner = whole.isel(y=slice(y0, y0 + tile), x=slice(x0, x0 + tile))
            for band in sensor.bands:
                np.testing.assert_array_equal(looks[band], inner[band])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    radius=st.integers(0, 8),
    rows=st.integers(1, 30),
    cols=st.integers(1, 30),
)
def test_growing_is_all_within_the_radius(seed, radius, rows, cols):
    is_bad = np.random.default_rng(seed).random((rows, cols)) < 0.05
    far = ndimage.distance_transform_edt(~is_bad) if is_bad.any() else np.full((rows, cols), np.inf)
    np.testing.assert_array_equal(grow(is_bad, radius), far <= radius)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), edge=st.sampled_from([1, 3, 5, 7]))
def test_multilooking_is_the_mean_of_the_valid(seed, edge):
    random = np.random.default_rng(seed)
    power = random.exponential(1.0, (12, 9)).astype(np.float32)
    power[random.random(power.shape) < 0.2] = np.nan
    out, half = multilook(power, edge), edge // 2
    for y, x in zip(*np.nonzero(np.isfinite(power)), strict=True):
        square = power[max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1]
        assert out[y, x] == pytest.approx(np.nanmean(square), rel=1e-5)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(power))


def test_decibels():
    np.testing.assert_allclose(to_db(np.array([1.0, 0.1, 100.0], dtype=np.float32)), [0.0, -10.0, 20.0], atol=1e-5)
    assert np.isnan(to_db(np.array([0.0, -1.0, np.nan], dtype=np.float32))).all()


def test_missing_pixels_are_not_hazy():
    nothing = np.full((2, 2), np.nan, dtype=np.float32)
    assert not is_hazy(nothing, nothing, 0.75, 0.05).any()


@pytest.mark.parametrize("field", list(FeatureOptions.model_fields))
def test_every_option_moves_the_digest_and_is_described(field):
    changed = {
        "multilook_px": 5,
        "cloud_margin_px": 1,
        "shadow_margin_px": 1,
        "history_test": not FeatureOptions().history_test,
    }.get(field)
    if changed is None:
        changed = getattr(FeatureOptions(), field) * 0.9
    assert FeatureOptions(**{field: changed}).digest() != FeatureOptions().digest()
    assert FeatureOptions.model_fields[field].description
