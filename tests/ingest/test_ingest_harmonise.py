"""Which offset is in the counts: the baseline decides, the pixels are asked where a provider disagrees."""

import numpy as np
import pytest

from kpgeo.ingest import load_cube
from kpgeo.model.scene import Sensor
from kpgeo.options.ingest import IngestOptions
from tests.ingest.scene_files import SAVANNA, make_granule, make_scene, window

S2 = Sensor.SENTINEL2
APPLIED, KEPT = {"earthsearch:boa_offset_applied": True}, {"earthsearch:boa_offset_applied": False}
OFFSET, NO_OFFSET = {"scale": 1e-4, "offset": -0.1}, {"scale": 1e-4, "offset": 0}
BRIGHT = {**SAVANNA, "blue": 2600, "swir22": 4100}


def with_dark(values, share):
    """Give a share of the blue pixels the count 300."""
    blue = np.full((24, 24), values["blue"], dtype=np.uint16)
    blue.ravel()[: round(share * blue.size)] = 300
    return {**values, "blue": blue}


def read(folder, values, **granule):
    cube, gaps = load_cube([make_scene(S2, make_granule(folder, S2, values, **granule))], window(), IngestOptions())
    return (float(cube["red"].values[0, 20, 20]) if cube.sizes["time"] else None), [gap.reason for gap in gaps], cube


# Red counts are 2200: 0.12 with the offset of −0.1, 0.22 without.
@pytest.mark.parametrize(
    ("baseline", "properties", "raster", "dark_share", "expected"),
    [
        ("05.09", {}, {}, 0.0, 0.12),
        ("04.00", {}, {}, 0.0, 0.12),
        ("03.01", {}, {}, 0.0, 0.22),
        ("02.12", {}, {}, 0.5, 0.22),
        ("05.09", {}, OFFSET, 0.0, 0.12),
        ("02.12", {}, NO_OFFSET, 0.0, 0.22),
        ("05.11", APPLIED, OFFSET, 0.1, 0.22),
        ("05.11", APPLIED, OFFSET, 0.0, None),
        ("05.11", KEPT, OFFSET, 0.0, 0.12),
        ("05.11", KEPT, OFFSET, 0.1, 0.22),
        ("05.09", {}, NO_OFFSET, 0.1, 0.22),
        ("05.09", {}, NO_OFFSET, 0.0, None),
        ("02.12", {}, OFFSET, 0.1, 0.22),
        ("02.12", {}, OFFSET, 0.0, None),
        ("02.12", APPLIED, OFFSET, 0.0, 0.22),
        ("", {}, OFFSET, 0.0, 0.12),
        ("", {}, NO_OFFSET, 0.0, 0.22),
        ("", {}, {}, 0.1, 0.22),
        ("", {}, {}, 0.0, None),
    ],
)
def test_offset(tmp_path, baseline, properties, raster, dark_share, expected):
    red, reasons, _ = read(
        tmp_path, with_dark(BRIGHT, dark_share), baseline=baseline, properties=properties, raster=raster
    )
    if expected is None:
        assert red is None
        assert reasons[0].startswith("offset-ambiguous: ")
        assert reasons[0].endswith(": one")
    else:
        assert reasons == []
        assert red == pytest.approx(expected, abs=1e-6)


def test_a_contradiction_is_on_record(tmp_path):
    _, _, cube = read(tmp_path, with_dark(BRIGHT, 0.1), baseline="05.11", properties=KEPT)
    (words,) = cube.attrs["harmonisation"].values()
    assert words == "one: counts * 0.0001 +0 (baseline 05.11, provider says offset kept; dark pixels show none)"


def test_dark_swir_is_proof_too(tmp_path):
    dark = {**BRIGHT, "swir22": 200}
    assert read(tmp_path, dark, baseline="05.11", properties=APPLIED)[0] == pytest.approx(0.22, abs=1e-6)


def test_what_proves_is_an_option(tmp_path):
    scene = make_scene(S2, make_granule(tmp_path, S2, with_dark(BRIGHT, 0.02), baseline="05.11", properties=APPLIED))
    assert load_cube([scene], window(), IngestOptions())[1] == ()
    other = make_scene(
        S2, make_granule(tmp_path / "b", S2, with_dark(BRIGHT, 0.02), baseline="05.11", properties=APPLIED)
    )
    assert len(load_cube([other], window(), IngestOptions(dark_frac=0.05))[1]) == 1
    third = make_scene(
        S2, make_granule(tmp_path / "c", S2, with_dark(BRIGHT, 0.02), baseline="05.11", properties=APPLIED)
    )
    assert len(load_cube([third], window(), IngestOptions(dark_dn=200))[1]) == 1


def test_all_tiles_of_a_granule_decide_alike(tmp_path):
    scene = make_scene(S2, make_granule(tmp_path, S2, with_dark(BRIGHT, 0.1), baseline="05.11", properties=APPLIED))
    for rows in (slice(0, 8), slice(16, 24)):
        cube, gaps = load_cube([scene], window()[rows, :], IngestOptions())
        assert gaps == ()
        np.testing.assert_allclose(cube["red"], 0.22, atol=1e-6)


def test_granules_of_mixed_baselines_agree_after_harmonising(tmp_path):
    before = {band: value - 1000 if band != "look_class" else value for band, value in SAVANNA.items()}
    old = make_granule(tmp_path, S2, before, size=16, name="a", baseline="03.01")
    new = make_granule(tmp_path, S2, SAVANNA, size=16, name="b", baseline="04.00", left=500_080.0)
    cube, _ = load_cube([make_scene(S2, old, new)], window(16, 24), IngestOptions())
    np.testing.assert_allclose(cube["red"], 0.12, atol=1e-6)


def test_dark_ground_may_be_negative(tmp_path):
    red, _, _ = read(tmp_path, {**SAVANNA, "red": 950})
    assert red == pytest.approx(-0.005, abs=1e-6)
