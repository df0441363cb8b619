"""Each option changes the world it should change."""

import datetime as dt
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from kpgeo.model.scene import Sensor
from kpgeo.options.sim import SimOptions
from kpgeo.sim.acquiring import Acquisition, list_acquisitions
from kpgeo.sim.burning import draw_fires
from kpgeo.sim.climate import draw_climate
from kpgeo.sim.farming import draw_plots
from kpgeo.sim.ground import Terrain, draw_terrain
from kpgeo.sim.landscape import NEVER, draw_landscape, frame_of
from kpgeo.sim.optical import look_optical, scene_classes, sentinel2_numbers
from kpgeo.sim.planning import draw_diggings
from kpgeo.sim.radar import look_radar, mean_gamma0
from kpgeo.sim.spectra import draw_spectra
from kpgeo.sim.textures import block_mean, rng_of

BASE = SimOptions(seed=4, size_px=128)


@pytest.fixture(scope="module")
def terrain() -> Terrain:
    return draw_terrain(BASE)


def _with(terrain: Terrain, **changes) -> Terrain:
    """Return the same ground seen under other options (which only move the sensors)."""
    changed = BASE.model_copy(update=changes)
    return replace(terrain, options=changed)


def _pass(month=1, sensor=Sensor.SENTINEL2, dom=13):
    moment = dt.datetime(2024, month, dom, 10, 57, tzinfo=dt.UTC)
    return Acquisition(sensor=sensor, platform="sentinel-2a", datetime=moment, number=1, baseline="05.10")


def _passes(**changes):
    options = BASE.model_copy(update=changes)
    return list_acquisitions(options, frame_of(options))


def test_seed():
    assert not np.array_equal(draw_spectra(1).optical, draw_spectra(2).optical)


def test_size_px():
    assert frame_of(SimOptions(size_px=200)).grid.shape == (200, 200)


def test_start():
    assert _passes(start=dt.date(2023, 1, 1))[0].datetime.year == 2023


def test_history_years():
    frame = frame_of(SimOptions(history_years=1.5))
    assert frame.monitor_day - frame.start_day == 365 + 181


def test_monitored_years():
    frame = frame_of(SimOptions(monitored_years=1.5))
    assert frame.end_day - frame.monitor_day == 366 + 181


def test_site_density():
    wide = SimOptions(size_px=256)
    land = draw_landscape(wide)
    counts = [len(draw_diggings(wide.model_copy(update={"site_density": d}), land)) for d in (0.2, 4.0)]
    assert counts[0] == 6
    assert counts[1] > 12


def test_change_density():
    land = draw_landscape(BASE)
    new = []
    for density in (0.0, 1.0, 4.0):
        plots = draw_plots(BASE.model_copy(update={"change_density": density}), land)
        new.append(int((plots.cleared_day >= land.frame.start_day).sum()))
    assert new[0] == 0
    assert new[1] < new[2]


def test_burn_rate():
    land = draw_landscape(BASE)
    shares = []
    for rate in (0.0, 0.3, 0.9):
        fires = draw_fires(BASE.model_copy(update={"burn_rate": rate}), land)[2023]
        shares.append(float((fires.day < NEVER).mean()))
    assert shares[0] == 0.0
    assert shares[1] < shares[2] - 0.2


def test_interannual():
    spreads = []
    for amount in (0.0, 1.0, 3.0):
        seasons = draw_climate(0, 18_000, 21_000, amount).seasons.values()
        spreads.append(np.std([season.begin for season in seasons]))
    assert spreads[0] == 0.0
    assert spreads[1] < spreads[2]


def test_cloud(terrain):
    covers = []
    for amount in (0.0, 1.0, 1.3):
        seen = _with(terrain, cloud=amount)
        covers.append(np.mean([look_optical(seen, _pass(8, dom=d)).cloud.mean() for d in range(1, 25, 2)]))
    assert covers[0] == 0.0
    assert covers[1] < covers[2]


def test_haze(terrain):
    blues = [look_optical(_with(terrain, haze=amount), _pass()).ground[0].mean() for amount in (0.0, 1.0, 3.0)]
    assert blues[0] < blues[1] < blues[2]


def test_missed_cloud_frac(terrain):
    taken = next(
        a for a in (_pass(6, dom=d) for d in range(1, 29)) if 0.2 < look_optical(terrain, a).cloud.mean() < 0.8
    )
    look = look_optical(terrain, taken)
    clear = []
    for share in (0.0, 0.25, 1.0):
        scl = scene_classes(look, rng_of(0), BASE.model_copy(update={"missed_cloud_frac": share}))
        clear.append(float(np.isin(scl, (4, 5, 6)).mean()))
    assert clear[0] < clear[1] < clear[2]


def test_false_cloud_frac(terrain):
    pale = replace(terrain.spectra, optical=1.4 * terrain.spectra.optical)
    look = look_optical(replace(_with(terrain, cloud=0.0), spectra=pale), _pass(12))
    bright = look.ground[:3].mean(axis=0).reshape(80, 2, 80, 2).mean(axis=(1, 3)) > 0.15
    assert bright.sum() > 20
    called = []
    for share in (0.0, 0.15, 1.0):
        scl = scene_classes(look, rng_of(0), BASE.model_copy(update={"false_cloud_frac": share}))
        called.append(float((scl == 8)[bright].mean()))
    assert called[0] == 0.0
    assert called[0] <= called[1] < called[2]


def test_misregistration_px(terrain):
    still, shaken = (
        look_optical(_with(terrain, misregistration_px=s, cloud=0.0, haze=0.0), _pass()).ground for s in (0.0, 1.5)
    )
    assert np.abs(still - shaken).mean() > 1e-3


def test_noise(terrain):
    look = look_optical(terrain, _pass())
    rough = []
    for amount in (0.0, 1.0, 5.0):
        options = BASE.model_copy(update={"noise": amount})
        numbers = sentinel2_numbers(look, rng_of(0), options, has_offset=True)[0].astype(float)
        rough.append(np.abs(numbers - (1e4 * look.reflectance[:4] + 1000)).mean())
    assert rough[0] < 0.5 < rough[1] < rough[2]


def test_speckle_looks(terrain):
    truth = mean_gamma0(terrain, _pass().day)
    taken = _pass(sensor=Sensor.SENTINEL1)
    spread = [
        float(np.std(np.log(look_radar(_with(terrain, speckle_looks=looks, misregistration_px=0.0), taken) / truth)))
        for looks in (2.0, 4.4, 1000.0)
    ]
    assert spread[0] > spread[1] > spread[2]


def test_duplicate_frac():
    counts = [sum(bool(a.again_baseline) for a in _passes(duplicate_frac=share)) for share in (0.0, 0.1, 0.5)]
    assert counts[0] == 0
    assert counts[1] < counts[2]


def test_missing_frac():
    counts = [len(_passes(missing_frac=share)) for share in (0.0, 0.02, 0.5)]
    assert counts[0] > counts[1] > counts[2]


def _sizes(land, **changes):
    diggings = draw_diggings(BASE.model_copy(update={"site_density": 4.0, **changes}), land)
    return [digging.plan.area_ha for digging in diggings]


def test_site_min_ha():
    land = draw_landscape(BASE)
    assert min(_sizes(land)) < 0.2 <= min(_sizes(land, site_min_ha=0.2))


def test_site_max_ha():
    land = draw_landscape(BASE)
    assert max(_sizes(land)) > 0.3 >= max(_sizes(land, site_max_ha=0.3))


def _covers(land, low, high):
    changes = {"covered_low_frac": low, "covered_high_frac": high, "site_min_ha": 0.5}
    diggings = draw_diggings(BASE.model_copy(update=changes), land)
    dug = [block_mean((digging.born_day < NEVER).astype(np.float32), 4).ravel() for digging in diggings]
    return np.concatenate(dug)


def test_covered_high_frac():
    land = draw_landscape(BASE)
    assert _covers(land, 1.0, 1.0).max() == 1.0
    assert 0.6 < _covers(land, 0.4, 0.75).max() <= 0.75


def test_covered_low_frac():
    land = draw_landscape(BASE)
    assert (_covers(land, 0.4, 0.75) > 0.6).any()
    assert not (_covers(land, 0.7, 0.75) > 0.75).any()
    assert np.sum(_covers(land, 0.7, 0.75) > 0.5) > np.sum(_covers(land, 0.4, 0.75) > 0.5)


def test_spectral_spread():
    usual, same, wide = draw_spectra(1), draw_spectra(1, 0.0), draw_spectra(1, 2.0)
    assert np.allclose(np.log(wide.optical / same.optical), 2.0 * np.log(usual.optical / same.optical), atol=1e-4)


def test_options_that_came_later_leave_the_papers_of_a_world_as_they_were():
    assert BASE.recorded().keys() == SimOptions.model_fields.keys() - {
        "site_min_ha",
        "site_max_ha",
        "covered_low_frac",
        "covered_high_frac",
        "spectral_spread",
    }
    assert "site_max_ha" in BASE.model_copy(update={"site_max_ha": 0.3}).recorded()
    assert BASE.digest() != BASE.model_copy(update={"site_max_ha": 0.3}).digest()


def test_every_field_has_its_test():
    assert {f"test_{name}" for name in SimOptions.model_fields} <= set(globals())


@pytest.mark.parametrize(
    "bad",
    [
        {"size_px": 130},
        {"seed": -1},
        {"burn_rate": 1.5},
        {"history_years": 0.5},
        {"sed": 1},
        {"site_max_ha": 0.03},
        {"covered_low_frac": 0.5, "covered_high_frac": 0.4},
    ],
)
def test_nonsense_is_refused(bad):
    with pytest.raises(ValidationError):
        SimOptions(**bad)


def test_options_print_as_toml():
    text = BASE.to_toml("sim")
    assert tomllib.loads(text)["sim"] == {**BASE.model_dump(), "start": BASE.start}
