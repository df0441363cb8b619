"""Real series of places without mines: nothing is raised, and what happened there is named."""

import datetime as dt
from functools import cache

import numpy as np
import pytest

from benchmarks import real_sets
from benchmarks.real_runs import watch
from kpgeo.model.state import LandState

_READERS = {
    "fire": real_sets.read_fire, "beetles": real_sets.read_beetles, "moths": real_sets.read_moths,
    "break": real_sets.read_breaks, "crop": real_sets.read_crop, "new-england": real_sets.read_new_england,
    "colorado": real_sets.read_colorado, "belgian-fields": real_sets.read_belgian_fields,
}  # fmt: skip
_FOLDERS = {
    "new-england": "landsat_yatsm_stack", "colorado": "landsat_yatsm_stack", "belgian-fields":
    "s2_multiband_sparse_fields",
}  # fmt: skip


@cache
def _watched(folder, name, *, in_stratum=False):
    if name in _READERS:
        return watch(_READERS[name](folder), in_stratum=in_stratum)
    return watch(real_sets.read_radar_window(folder, name), in_stratum=in_stratum)


@pytest.fixture
def watched(shared):
    """Return a function that watches a set by name, once a session; it skips where the imagery is not there."""

    def of(name, **claims):
        fallback = "hls_landsat_pixel_series" if name in _READERS else "s1_rtc_dist_s1"
        place = shared / "data" / _FOLDERS.get(name, fallback)
        if not place.is_dir():
            pytest.skip(f"the imagery {place.name} is not beside this checkout")
        return _watched(shared / "data", name, **claims)

    return of


def _mean_since(found, day, *states):
    chosen = found.days >= (day - dt.date(1970, 1, 1)).days
    return float(sum(found.belief[chosen, state].mean() for state in states))


def _mean_before(found, day, *states):
    chosen = found.days < (day - dt.date(1970, 1, 1)).days
    return float(sum(found.belief[chosen, state].mean() for state in states))


_WINDOWS = [
    real_sets.S1_WINDOWS[0],
    *(pytest.param(window, marks=pytest.mark.long) for window in real_sets.S1_WINDOWS[1:]),
]


@pytest.mark.parametrize("name", [*_READERS, *_WINDOWS])
def test_no_mining_is_raised_where_none_is(watched, name):
    found = watched(name)
    assert len(found.days) >= 10
    assert found.alerts == ()
    assert not found.was_sent
    assert found.mined.mean() < 0.05


@pytest.mark.parametrize("name", [name for name in _READERS if name != "belgian-fields"])
def test_nothing_is_outlined_in_forests_and_on_the_field(watched, name):
    found = watched(name)
    assert found.changes == (), "change objects of at least the minimum mapping unit"
    assert found.mined.max() < 0.6


@pytest.mark.parametrize("name", ["belgian-fields", *_WINDOWS])
def test_little_is_outlined_on_tilled_fields_and_by_radar_alone(watched, name):
    """Both are seen too briefly to know their season: docs/benchmarks/real-series.md says what is outlined, and why."""
    found = watched(name)
    is_seen = np.any([fields.looks > 0 for fields in found.fields], axis=0)
    outlined = sum(change.n_px for change in found.changes)
    assert outlined < 0.005 * is_seen.sum() * len(found.fields)


@pytest.mark.parametrize("name", [*_READERS, *_WINDOWS])
def test_nothing_is_sent_even_where_a_deposit_is_claimed(watched, name):
    assert not watched(name, in_stratum=True).was_sent


@pytest.mark.fault(25)
def test_the_fire_is_named_burnt_from_its_third_look_on(watched):
    found = watched("fire")
    fire = found.real.known["fire"]
    burnt = found.belief[:, LandState.BURNT, 0, 0]
    after = np.flatnonzero(found.days >= (fire - dt.date(1970, 1, 1)).days)
    assert len(after) > 30
    assert burnt[after[3:]].min() > 0.5
    assert burnt[after[3:]].mean() > 0.8
    assert _mean_before(found, fire, LandState.BURNT) < 0.05
    assert _mean_before(found, fire, LandState.STABLE) > 0.9
    assert found.mined.max() < 0.1


def test_a_field_is_stable_or_cropped_and_no_mine(watched):
    found = watched("crop")
    assert found.belief[:, [LandState.STABLE, LandState.CROPPED]].sum(axis=1).mean() > 0.75
    assert found.mined.mean() < 0.05
    assert found.mined.max() < 0.5


def test_leaves_eaten_for_a_summer_are_no_clearing(watched):
    found = watched("moths")
    assert found.belief[:, LandState.STABLE].mean() > 0.85
    assert found.belief[:, LandState.CLEARED].max() < 0.3
    assert found.mined.max() < 0.1


def test_trees_that_die_over_years_are_no_mine(watched):
    found = watched("beetles")
    assert found.belief[:, [LandState.CLEARED, LandState.DUG, LandState.POND]].sum(axis=1).max() < 0.5
    assert found.mined.max() < 0.2


def test_a_reported_break_is_seen_when_it_is_reported(watched):
    found = watched("break")
    when = found.real.known["break"]
    assert _mean_before(found, when, LandState.STABLE) > 0.9
    assert _mean_since(found, when + dt.timedelta(days=30), LandState.STABLE) < 0.3
    assert _mean_since(found, when + dt.timedelta(days=30), LandState.DUG, LandState.POND) < 0.25


def test_woodland_that_was_cut_is_named_cleared_or_regrowing(watched):
    """Column 191 of the row turns bright in swir22 in the winter before monitoring begins, and fades for years."""
    found = watched("new-england")
    cut = found.belief[:, [LandState.CLEARED, LandState.REGROWTH], 0, 191].sum(axis=1)
    assert cut.mean() > 0.7
    assert found.mined[:, 0, 191].mean() < 0.2


def test_most_of_a_row_of_woodland_stays_stable(watched):
    found = watched("new-england")
    assert found.belief[:, LandState.STABLE].mean() > 0.9
    assert (found.mined.max(axis=0) > 0.1).mean() < 0.15
