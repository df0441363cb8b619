"""Looks that do not fit their ground: shifted, or misread by an offset. Normal ones are never called so."""

import numpy as np
import pytest
from scipy.ndimage import fourier_shift, gaussian_filter

from kpgeo.detect import HistoryStack, Look, find_history_misfits, find_misfits, shift_of
from kpgeo.kernels.season import INT16_NODATA
from kpgeo.model.scene import Sensor
from kpgeo.model.state import (
    FILTER_BANDS,
    N_COEFS,
    N_RADAR_COEFS,
    RADAR_STEP_DB,
    REFLECTANCE_STEP,
    TileBaseline,
    encode_sigma,
)
from kpgeo.options.misfit import MisfitOptions

SIZE = 200
LEVELS = np.array([0.09, 0.10, 0.27, 0.20], dtype=np.float32)


@pytest.fixture(scope="module")
def land():
    """Return ground in the bands of the filter, and in dB: textured, each band on its own level."""
    rng = np.random.default_rng(3)
    rough = gaussian_filter(rng.standard_normal((SIZE, SIZE)), 1.5, mode="wrap")
    rough = (rough / rough.std()).astype(np.float32)
    optical = LEVELS[:, None, None] * (1.0 + 0.15 * rough)
    radar = np.stack([-11.0 + 1.5 * rough, -17.0 + 1.5 * rough]).astype(np.float32)
    return optical.astype(np.float32), radar


@pytest.fixture(scope="module")
def baseline(land):
    optical, radar = land
    beta = np.zeros((len(FILTER_BANDS), N_COEFS, SIZE, SIZE), dtype=np.int16)
    beta[:, 0] = np.rint(optical / REFLECTANCE_STEP)
    beta_db = np.zeros((2, N_RADAR_COEFS, SIZE, SIZE), dtype=np.int16)
    beta_db[:, 0] = np.rint(radar / RADAR_STEP_DB)
    return TileBaseline(
        beta_optical=beta,
        sigma_optical=encode_sigma(np.full((4, SIZE, SIZE), 0.02, dtype=np.float32)),
        beta_radar=beta_db,
        sigma_radar=encode_sigma(np.full((2, SIZE, SIZE), 1.0, dtype=np.float32), scale=100.0),
    )


def look_at(land, sensor, *, shift=(0.0, 0.0), added=0.0, seed=1, day=19_500, scene_id="a"):
    """Return a look, moved and with something added to every band, with noise and a hole of cloud."""
    rng = np.random.default_rng(seed)
    bands = land[1] if sensor.is_radar else land[0]
    noise = 1.2 if sensor.is_radar else 0.012
    moved = np.stack([np.fft.ifft2(fourier_shift(np.fft.fft2(band), shift)).real for band in bands])
    pixels = (moved + added + rng.normal(0.0, noise, moved.shape)).astype(np.float32)
    if not sensor.is_radar:
        pixels[:, 20:90, 100:160] = np.nan
    return Look(sensor=sensor, day=day, scene_id=scene_id, pixels=pixels)


@pytest.mark.fault(16)
@pytest.mark.parametrize("sensor", list(Sensor))
@pytest.mark.parametrize(
    ("shift", "is_used"), [((0.0, 0.0), True), ((0.5, 0.3), True), ((2.0, -1.4), False), ((0.0, 5.0), False)]
)
def test_shifted_looks_are_named(land, baseline, sensor, shift, is_used):
    look = look_at(land, sensor, shift=shift)
    found = find_misfits([look], baseline, MisfitOptions())
    if is_used:
        assert found == {}
    else:
        size_px = float(found["a"].removeprefix("shifted: ").removesuffix(" px"))
        assert size_px == pytest.approx(np.hypot(*shift), abs=0.15)


def test_how_far_is_too_far_is_an_option(land, baseline):
    look = look_at(land, Sensor.SENTINEL2, shift=(0.8, 0.0))
    assert find_misfits([look], baseline, MisfitOptions()) == {}
    assert find_misfits([look], baseline, MisfitOptions(shift_limit_px=0.5))
    far = look_at(land, Sensor.LANDSAT, shift=(1.6, 0.0))
    assert find_misfits([far], baseline, MisfitOptions(shift_limit_px=0.5)) == {}
    assert find_misfits([far], baseline, MisfitOptions(shift_limit_landsat_px=1.0))
    assert find_misfits([far], baseline, MisfitOptions(shift_limit_landsat_px=1.0, shift_likeness=1.0)) == {}


@pytest.mark.fault(17)
@pytest.mark.parametrize("added", [0.1, -0.1, 0.085, -0.115])
def test_an_offset_in_all_bands_at_once_is_refused(land, baseline, added):
    found = find_misfits([look_at(land, Sensor.SENTINEL2, added=added)], baseline, MisfitOptions())
    assert found["a"].startswith("offset-contradicted: ")
    assert float(found["a"].split(": ")[1]) == pytest.approx(added, abs=0.01)
    assert find_misfits([look_at(land, Sensor.LANDSAT, added=added)], baseline, MisfitOptions()) == {}


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    "added",
    [
        0.02,
        0.25,
        np.array([0.10, 0.08, 0.04, 0.01]),  # haze
        np.array([0.09, 0.13, 0.06, 0.16]),  # bare gravel everywhere
        np.array([-0.03, -0.05, -0.20, -0.08]),  # a burnt tile
    ],
)
def test_what_the_ground_and_the_air_do_is_no_offset(land, baseline, added):
    look = look_at(land, Sensor.SENTINEL2, added=np.reshape(added, (-1, 1, 1)))
    assert find_misfits([look], baseline, MisfitOptions()) == {}


def test_how_near_to_an_offset_is_an_option(land, baseline):
    look = look_at(land, Sensor.SENTINEL2, added=0.075)
    assert find_misfits([look], baseline, MisfitOptions())
    assert find_misfits([look], baseline, MisfitOptions(offset_reflectance=0.09)) == {}


def test_a_tile_without_a_season_says_nothing(land, baseline):
    flat = TileBaseline(
        beta_optical=np.zeros_like(baseline.beta_optical),
        sigma_optical=baseline.sigma_optical,
        beta_radar=np.zeros_like(baseline.beta_radar),
        sigma_radar=baseline.sigma_radar,
    )
    for sensor in Sensor:
        look = look_at(land, sensor, shift=(3.0, 0.0))
        assert shift_of(look, flat) is None
        assert find_misfits([look], flat, MisfitOptions()) == {}


def stack_of(looks):
    stack = HistoryStack(shape=(SIZE, SIZE))
    for look in looks:
        step = RADAR_STEP_DB if look.sensor.is_radar else REFLECTANCE_STEP
        coded = np.where(np.isfinite(look.pixels), np.rint(look.pixels / step), INT16_NODATA).astype(np.int16)
        rows = stack.radar if look.sensor.is_radar else stack.optical
        rows.append((look.day, look.scene_id, look.sensor, coded))
    return stack


@pytest.mark.fault(16)
@pytest.mark.fault(17)
def test_a_history_is_held_against_itself(land):
    looks = [
        look_at(land, sensor, seed=number, day=19_500 + number, scene_id=f"{sensor}-{number}")
        for sensor in (Sensor.SENTINEL2, Sensor.SENTINEL1)
        for number in range(8)
    ]
    looks += [
        look_at(land, Sensor.SENTINEL2, shift=(0.0, 2.5), seed=20, day=19_505, scene_id="far"),
        look_at(land, Sensor.SENTINEL2, added=0.1, seed=21, day=19_505, scene_id="offset"),
        look_at(land, Sensor.SENTINEL1, shift=(3.0, 0.0), seed=22, day=19_505, scene_id="far-radar"),
    ]
    stack = stack_of(looks)
    found = find_history_misfits(stack, MisfitOptions())
    assert set(found) == {"far", "offset", "far-radar"}
    left = stack.without(found)
    assert [len(left.optical), len(left.radar)] == [8, 8]
    assert [len(stack.optical), len(stack.radar)] == [10, 9]
    assert find_history_misfits(left, MisfitOptions()) == {}


def test_a_history_of_few_looks_says_nothing(land):
    looks = [look_at(land, Sensor.SENTINEL2, seed=n, day=19_500 + n, scene_id=str(n)) for n in range(3)]
    looks.append(look_at(land, Sensor.SENTINEL2, shift=(3.0, 0.0), day=19_505, scene_id="far"))
    assert find_history_misfits(stack_of(looks), MisfitOptions()) == {}


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("shift_limit_px", 2.0),
        ("shift_limit_landsat_px", 3.0),
        ("shift_likeness", 0.5),
        ("offset_reflectance", 0.05),
        ("orbit_looks", 0),
    ],
)
def test_every_option_moves_the_digest_and_is_described(field, other):
    assert set(MisfitOptions.model_fields) == {
        "shift_limit_px", "shift_limit_landsat_px", "shift_likeness", "offset_reflectance", "orbit_looks",
    }  # fmt: skip
    assert MisfitOptions(**{field: other}).digest() != MisfitOptions().digest()
    assert MisfitOptions.model_fields[field].description
