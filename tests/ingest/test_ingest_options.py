"""Options of reading: each one counts. What each changes is shown where it is used; here, that none is forgotten."""

import time

import numpy as np
import pytest

from kpgeo.ingest import load_cube
from kpgeo.model.scene import Sensor
from kpgeo.options.ingest import IngestOptions
from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access
from tests.ingest.scene_files import SAVANNA, make_granule, make_scene, window

OPTIONS = IngestOptions()
OTHER = {
    "resampling_same": "bilinear", "resampling_coarser": "nearest", "resampling_finer": "nearest", "dark_dn": 800,
    "dark_frac": 0.01, "band_pass": False, "overview_px": 2,
    "max_file_pixels": 10, "max_block_mb": 1,
}  # fmt: skip


@pytest.mark.parametrize("field", list(IngestOptions.model_fields))
def test_every_option_moves_the_digest_and_is_described(field):
    assert IngestOptions(**{field: OTHER[field]}).digest() != IngestOptions().digest()
    assert IngestOptions.model_fields[field].description


def test_the_number_of_threads_does_not_change_the_numbers(tmp_path, monkeypatch):
    granules = [make_granule(tmp_path, Sensor.SENTINEL2, SAVANNA, name=name) for name in "ab"]
    scenes = [make_scene(Sensor.SENTINEL2, granule, day=day) for day, granule in enumerate(granules, 1)]
    one, _ = load_cube(scenes, window(), OPTIONS, Access(options=WireOptions(read_threads=1)))
    many, _ = load_cube(scenes, window(), OPTIONS, Access(options=WireOptions(read_threads=8)))
    for band in one.data_vars:
        np.testing.assert_array_equal(one[band], many[band])


def test_no_attempt_begins_after_the_deadline(tmp_path):
    granule = make_granule(tmp_path, Sensor.SENTINEL2, SAVANNA)
    granule.item["assets"]["red"]["href"] = "http://127.0.0.1:9/red.tif"
    begin = time.monotonic()
    options = WireOptions(read_attempts=10, request_attempts=1, scene_deadline_s=0.6)
    access = Access(options=options, trusted_hosts=frozenset({"127.0.0.1"}))
    _, gaps = load_cube([make_scene(Sensor.SENTINEL2, granule)], window(), OPTIONS, access)
    assert gaps[0].reason == "unreadable: unreachable: red: one"
    assert time.monotonic() - begin < 12.0
