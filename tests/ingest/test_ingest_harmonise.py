"""Which offset is in the counts: the baseline decides, the pixels are asked where a provider disagrees."""

import itertools

import numpy as np
import pytest

from kpgeo.ingest import load_cube
from kpgeo.ingest.harmonise import (
    Counts,
    OffsetError,
    RadarUnit,
    UnitError,
    judge_counts,
    landsat_scaling,
    platform_of,
    radar_unit,
    sentinel2_scaling,
)
from kpgeo.kernels.bandpass import lines_to_target
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


# What is said of a granule, by (baseline, flag, stated offset): with the offset, without it, or nobody knows.
SAID = {
    ("", None, None): "?", ("", None, 0): "without", ("", None, -0.1): "with",
    ("", True, None): "?", ("", True, 0): "without", ("", True, -0.1): "?",
    ("", False, None): "?", ("", False, 0): "without", ("", False, -0.1): "with",
    ("03.01", None, None): "without", ("03.01", None, 0): "without", ("03.01", None, -0.1): "?",
    ("03.01", True, None): "without", ("03.01", True, 0): "without", ("03.01", True, -0.1): "without",
    ("03.01", False, None): "without", ("03.01", False, 0): "without", ("03.01", False, -0.1): "?",
    ("04.00", None, None): "with", ("04.00", None, 0): "?", ("04.00", None, -0.1): "with",
    ("04.00", True, None): "?", ("04.00", True, 0): "?", ("04.00", True, -0.1): "?",
    ("04.00", False, None): "with", ("04.00", False, 0): "?", ("04.00", False, -0.1): "with",
}  # fmt: skip
# What comes of it, by what the counts show.
OUTCOME = {
    "with": {"DARK": 0.0, "DIM": -0.1, "LIFTED": -0.1, "BRIGHT": -0.1, "CUT": "offset-contradicted"},
    "without": {"DARK": 0.0, "DIM": 0.0, "LIFTED": "offset-contradicted", "BRIGHT": 0.0, "CUT": "offset-contradicted"},
    "?": {"DARK": 0.0, "DIM": 0.0, "LIFTED": -0.1, "BRIGHT": "offset-ambiguous", "CUT": "offset-contradicted"},
}


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("baseline", "flag", "stated", "counts"),
    list(itertools.product(("", "03.01", "04.00"), (None, True, False), (None, 0, -0.1), list(Counts))),
)
def test_every_combination_of_claims_and_counts(baseline, flag, stated, counts):
    properties = {} if flag is None else {"earthsearch:boa_offset_applied": flag}
    band = {} if stated is None else {"scale": 1e-4, "offset": stated}
    expected = OUTCOME[SAID[baseline, flag, stated]][counts.name]
    if isinstance(expected, str):
        with pytest.raises(OffsetError, match=f"^{expected}: "):
            sentinel2_scaling(baseline, properties, band, lambda: counts)
    else:
        scaling = sentinel2_scaling(baseline, properties, band, lambda: counts)
        assert (scaling.scale, scaling.offset) == (1e-4, expected)


def granule_counts(offset):
    """Return blue and swir22 of savanna with some shade and water, in counts."""
    rng = np.random.default_rng(5)
    blue = np.concatenate([rng.normal(600, 120, 900), rng.normal(250, 60, 60)])
    swir22 = np.concatenate([rng.normal(2200, 500, 900), rng.normal(120, 60, 60)])
    return [np.clip(band + offset, 1, None).astype(np.float32) for band in (blue, swir22)]


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, Counts.DARK), (1000, Counts.LIFTED), (-1000, Counts.CUT), (700, Counts.DIM), (2500, Counts.BRIGHT)],
)
def test_counts_show_where_the_offset_is(offset, expected):
    assert judge_counts(granule_counts(offset), 900, 0.005) is expected


def test_too_few_counts_say_nothing():
    assert judge_counts([np.full(49, 300.0, np.float32)], 900, 0.005) is Counts.BRIGHT
    assert judge_counts([np.full(49, 300.0, np.float32), np.full(60, 300.0, np.float32)], 900, 0.005) is Counts.DARK
    lifted = np.full(60, 1100.0, np.float32)
    assert judge_counts([lifted, lifted], 900, 0.005) is Counts.LIFTED
    assert judge_counts([lifted, lifted[:10]], 900, 0.005) is Counts.BRIGHT


@pytest.mark.fault(17)
@pytest.mark.parametrize("baseline", ["03.01", "05.10"])
@pytest.mark.parametrize("carried", [0, 1000])
def test_a_pair_of_one_ground_with_and_without_the_offset_is_equal_or_refused(tmp_path, baseline, carried):
    """The same ground twice, +1000 and not: whatever the baseline says, no reflectance is off by 0.1."""
    ground = {"blue": 600, "green": 900, "red": 1200, "nir": 2400, "swir16": 2900, "swir22": 2100, "look_class": 4}
    shade = np.full((24, 24), 600, dtype=np.uint16)
    shade[:2] = 150
    dark_swir = np.full((12, 12), 2100, dtype=np.uint16)
    dark_swir[0] = 60
    values = {band: value + carried if band != "look_class" else value for band, value in ground.items()}
    values |= {"blue": shade + np.uint16(carried), "swir22": dark_swir + np.uint16(carried)}
    red, reasons, _ = read(tmp_path, values, baseline=baseline)
    if baseline == "03.01" and carried:
        assert reasons[0].startswith("offset-contradicted: baseline 03.01")
    else:
        assert red == pytest.approx(0.12, abs=1e-6)


def test_platforms_by_name_and_by_id():
    assert platform_of({"platform": "Sentinel-2B"}, "x") == "sentinel-2b"
    assert platform_of({}, "LE07_L2SP_044033_20210329_20210424_02_T1_SR") == "landsat-7"
    assert platform_of({}, "LC09_L2SP_1") == "landsat-9"
    assert not platform_of({"platform": None}, "one")


@pytest.mark.parametrize("is_on", [True, False])
def test_band_pass_is_applied_to_every_band_by_platform(tmp_path, is_on):
    granule = make_granule(tmp_path, S2, SAVANNA, properties={"platform": "sentinel-2b"})
    cube, _ = load_cube([make_scene(S2, granule)], window(), IngestOptions(band_pass=is_on))
    lines = lines_to_target("sentinel-2b" if is_on else "")
    for band in S2.bands:
        value = (SAVANNA[band] - 1000) * 1e-4
        expected = lines[band].slope * value + lines[band].offset
        assert float(cube[band].values[0, 10, 10]) == pytest.approx(expected, abs=1e-6)
    (words,) = cube.attrs["harmonisation"].values()
    assert ("band-pass of sentinel-2b" in words) is is_on
    assert abs(lines["swir22"].slope - 1.0) > 0.01 or not is_on


def test_landsat_scaling_by_collection_and_by_item():
    assert (landsat_scaling({}).scale, landsat_scaling({}).offset) == (2.75e-5, -0.2)
    assert landsat_scaling({"scale": 1e-4, "offset": 0.0}).basis == "item"
    assert landsat_scaling({"scale": 10000, "offset": 0.0}).basis == "collection-2"


def speckled(db, seed=1):
    rng = np.random.default_rng(seed)
    return (10 ** (db / 10) * rng.gamma(4.4, 1 / 4.4, 4000)).astype(np.float32)


@pytest.mark.parametrize(("vv_db", "vh_db"), [(-6.5, -12.0), (-11.0, -17.5), (-14.0, -23.0), (-20.0, -27.0)])
def test_amplitudes_and_counts_do_not_pass_for_power(vv_db, vh_db):
    power = [speckled(vv_db), speckled(vh_db, 2)]
    assert radar_unit("", lambda: power) is RadarUnit.POWER
    decibels = [10 * np.log10(band) for band in power]
    with pytest.raises(UnitError, match="vv"):
        radar_unit("", lambda: decibels)
    if vv_db > -14:
        with pytest.raises(UnitError, match="vv"):
            radar_unit("", lambda: [np.sqrt(band) for band in power])
    with pytest.raises(UnitError, match="vv"):
        radar_unit("", lambda: [500 * np.sqrt(band) for band in power])


@pytest.mark.parametrize("stated", ["dB", "amplitude", "power", "linear"])
def test_a_stated_unit_is_believed_and_gives_one_number(stated):
    power = speckled(-11.0)
    stored = {"dB": 10 * np.log10(power), "amplitude": np.sqrt(power)}.get(stated, power).copy()
    radar_unit(stated, lambda: pytest.fail("asked")).to_power(stored)
    np.testing.assert_allclose(stored, power, rtol=1e-5)


def test_an_unknown_unit_is_refused():
    with pytest.raises(UnitError, match="furlong"):
        radar_unit("furlong", tuple)
