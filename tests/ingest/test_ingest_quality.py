"""Landsat's quality bits and scaling, on a real scene of Landsat 8 and on the bits of each generation."""

import json

import numpy as np
import pytest
import rasterio

from kpgeo.ingest.harmonise import landsat_scaling
from kpgeo.ingest.quality import classes_of_qa_pixel
from kpgeo.model.scene import LookClass

NAME = "LC08_L2SP_008059_20191201_20200825_02_T1"


@pytest.fixture(scope="module")
def scene(shared):
    folder = shared / "data" / "landsat_stac_local_assets"
    if not folder.is_dir():
        pytest.skip("no Landsat scene among the reference material")
    with rasterio.open(folder / f"{NAME}_QA_PIXEL.TIF") as source:
        bits = source.read(1)
    about = json.loads((folder / f"{NAME}_MTL.json").read_text())["LANDSAT_METADATA_FILE"]
    return folder, bits, about


def test_real_clouds_are_as_many_as_the_provider_counted(scene):
    _, bits, about = scene
    classes = classes_of_qa_pixel(bits.astype(np.float32))
    acquired = classes != LookClass.NOT_ACQUIRED
    cloud = 100.0 * (classes == LookClass.CLOUD).sum() / acquired.sum()
    assert cloud == pytest.approx(float(about["IMAGE_ATTRIBUTES"]["CLOUD_COVER"]), abs=0.3)
    np.testing.assert_array_equal(~acquired, bits == 1)


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (1, LookClass.NOT_ACQUIRED),
        (21824, LookClass.CLEAR),
        (21952, LookClass.WATER),
        (21762, LookClass.HAZE),  # beside a cloud
        (22080, LookClass.CLEAR),  # cloud of medium confidence, beside none
        (22280, LookClass.CLOUD),
        (23888, LookClass.SHADOW),
        (24144, LookClass.SHADOW),
        (55052, LookClass.CLOUD),  # cirrus and cloud
        (54596, LookClass.HAZE),  # cirrus alone
        (30048, LookClass.SNOW),
        (5440, LookClass.CLEAR),  # TM and ETM+: no cirrus band
        (5504, LookClass.WATER),
        (5896, LookClass.CLOUD),
        (7440, LookClass.SHADOW),
        (13664, LookClass.SNOW),
        (5442, LookClass.HAZE),
    ],
)
def test_every_value_of_the_handbooks(bits, expected):
    assert classes_of_qa_pixel(np.array([bits], dtype=np.float32))[0] == expected


def test_real_values_all_have_a_class_by_their_bits(scene):
    _, bits, _ = scene
    for value in np.unique(bits).tolist():
        found = classes_of_qa_pixel(np.array([value], dtype=np.float32))[0]
        if value & 0b1:
            assert found == LookClass.NOT_ACQUIRED
        elif value & 0b1000:
            assert found == LookClass.CLOUD
        elif value & 0b10000:
            assert found == LookClass.SHADOW
        elif value & 0b110:
            assert found == LookClass.HAZE


def test_scaling_is_what_the_scene_itself_says(scene):
    _, _, about = scene
    stated = about["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"]
    scaling = landsat_scaling({})
    for number in (2, 3, 4, 5, 6, 7):
        assert scaling.scale == float(stated[f"REFLECTANCE_MULT_BAND_{number}"])
        assert scaling.offset == float(stated[f"REFLECTANCE_ADD_BAND_{number}"])


def test_real_reflectance_of_clear_ground_is_plausible(scene):
    folder, bits, _ = scene
    clear = classes_of_qa_pixel(bits.astype(np.float32)) == LookClass.CLEAR
    scaling = landsat_scaling({})
    medians = []
    for number in (2, 4, 5, 7):
        with rasterio.open(folder / f"{NAME}_SR_B{number}.TIF") as source:
            medians.append(float(np.median(source.read(1)[clear] * scaling.scale + scaling.offset)))
    blue, red, nir, swir22 = medians
    assert 0.0 < blue < red < swir22 < nir < 0.5
