"""Looks made in memory are those read from a written world's files."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.cubes import cube_of
from benchmarks.settings import SETTINGS
from kpgeo import catalog, flows
from kpgeo.flows.watching.tiles import TileReader
from kpgeo.model.calendar import date_of
from kpgeo.model.scene import Sensor
from kpgeo.options.pipeline import Pipeline
from kpgeo.sim import write_world

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Return, by sensor, the pixels of every look as read from files and as made in memory."""
    folder = tmp_path_factory.mktemp("worlds")
    options = SETTINGS["standard"].options(3, 128, (1.0, 0.5), 1.0)
    cube = cube_of(SETTINGS["standard"], options, folder)
    world = write_world(folder / "world", options)
    pipeline = Pipeline.read(world.pipeline)
    (watch,) = flows.open_watches(pipeline)
    span = date_of(cube.looks[0].day), date_of(cube.end_day)
    found = catalog.find_scenes(watch.aoi, pipeline.catalog, *span, folder=Path(pipeline.folder)).scenes
    looks = TileReader(watch, next(iter(watch.grid.tiles()))).looks(found)
    made = {(seen.sensor, seen.day): cube.dataset(seen) for seen in cube.looks}
    assert {(look.sensor, look.day) for look in looks} == set(made)
    bands = {True: ("vv", "vh"), False: ("green", "red", "nir", "swir22")}
    by_sensor = {sensor: [] for sensor in Sensor}
    for look in looks:
        dataset = made[look.sensor, look.day]
        stacked = np.stack([dataset[band].to_numpy()[0] for band in bands[look.sensor.is_radar]])
        by_sensor[look.sensor].append((look.pixels[: len(stacked)], stacked))
    return by_sensor


@pytest.mark.parametrize(
    ("sensor", "within"), [(Sensor.SENTINEL2, 1.1e-4), (Sensor.LANDSAT, 1.1e-4), (Sensor.SENTINEL1, 0.011)]
)
def test_looks_in_memory_are_those_of_files(pairs, sensor, within):
    differ = clear = 0
    worst = 0.0
    for read, made in pairs[sensor]:
        seen = np.isfinite(read[0]), np.isfinite(made[0])
        differ += int((seen[0] != seen[1]).sum())
        clear += int(seen[0].sum())
        both = seen[0] & seen[1]
        worst = max(worst, float(np.abs(read - made)[:, both].max(initial=0.0)))
    assert clear > 100_000
    assert differ < 2e-3 * clear
    assert worst < within, (clear, differ, worst)
