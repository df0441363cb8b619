"""Band-pass lines: the published numbers, their inverses, and that the simulator writes what ingest reads."""

import numpy as np
import pytest

from kpgeo.kernels.bandpass import TARGET, Line, knows_band_pass, lines_to_target
from kpgeo.model.scene import OPTICAL_BANDS
from kpgeo.sim.optical import seen_by


def test_lines_undo_and_follow_each_other():
    line = Line(slope=1.25, offset=-0.02)
    both = line.then(line.inverse)
    assert both.slope == pytest.approx(1.0)
    assert both.offset == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("platform", "band", "own", "target"),
    [
        # OLI red 0.2 is S2A red x with 0.9765 x + 0.0009 = 0.2, and so on, worked out by hand from the tables.
        ("landsat-8", "red", 0.2, 0.2038914),
        ("landsat-9", "blue", 0.1, 0.1063612),
        ("sentinel-2b", "swir22", 0.3, 0.2967198),
        ("sentinel-2b", "nir", 0.3, 0.3),
        ("landsat-7", "green", 0.1, 0.0942206),
        ("landsat-5", "nir", 0.3, 0.30009),
        ("sentinel-2c", "swir22", 0.3, 0.3),
        (TARGET, "blue", 0.3, 0.3),
    ],
)
def test_published_lines_to_the_target(platform, band, own, target):
    line = lines_to_target(platform)[band]
    assert line.slope * own + line.offset == pytest.approx(target, abs=1e-6)


def test_platforms_without_published_lines_are_known_as_such():
    assert knows_band_pass("landsat-5")
    assert not knows_band_pass("sentinel-2c")


@pytest.mark.parametrize("platform", ["sentinel-2b", "landsat-8", "landsat-7", TARGET])
@pytest.mark.parametrize(("scale", "offset"), [(1e-4, -0.1), (1e-4, 0.0), (2.75e-5, -0.2)])
def test_the_simulator_writes_what_ingest_brings_back(platform, scale, offset):
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.01, 0.6, (6, 20, 20))
    numbers = np.rint((truth - offset) / scale).astype(np.uint16)
    numbers[:, 0, 0] = 0
    own = seen_by(numbers, platform, OPTICAL_BANDS, scale, offset)
    assert (own[:, 0, 0] == 0).all()
    for band, before, after in zip(OPTICAL_BANDS, numbers, own, strict=True):
        line = lines_to_target(platform)[band]
        back = line.slope * (scale * after[1:] + offset) + line.offset
        np.testing.assert_allclose(back, scale * before[1:] + offset, atol=0.51 * scale * line.slope + 1e-9)
    assert (own == numbers).all() == (platform == TARGET)
