"""Worlds the tests of sim share."""

import datetime as dt

import pytest

from kpgeo.model.calendar import day_of
from kpgeo.options.sim import SimOptions
from kpgeo.sim import World, write_world
from kpgeo.sim.ground import Terrain, draw_terrain

SMALL = SimOptions(seed=3, size_px=128, history_years=1.0, monitored_years=0.5, duplicate_frac=0.1)


@pytest.fixture(scope="session")
def terrain() -> Terrain:
    return draw_terrain(SimOptions(seed=1, size_px=256))


@pytest.fixture(scope="session")
def small() -> Terrain:
    return draw_terrain(SMALL)


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    return write_world(tmp_path_factory.mktemp("sim") / "world", SMALL)


@pytest.fixture(scope="session")
def day():
    """Return a function from year, month and day of month to a day number."""
    return lambda year, month, dom: day_of(dt.date(year, month, dom))
