from itertools import pairwise

import numpy as np
import pytest

from kpgeo.model.calendar import date_of
from kpgeo.options.sim import SimOptions
from kpgeo.sim.climate import draw_climate
from kpgeo.sim.digging import CELL_HA, FINE, Ground, Phase, SitePlan, draw_digging
from kpgeo.sim.ground import draw_terrain
from kpgeo.sim.landscape import NEVER, draw_landscape
from kpgeo.sim.optical import bright_ground
from kpgeo.sim.planning import draw_diggings
from kpgeo.sim.spectra import Cover

START = 19_000


def _climate(years=5):
    return draw_climate(0, START - 100, START + 366 * years, 1.0)


def _plan(*phases, area_ha=0.4, growth_days=120.0):
    return SitePlan(
        id="w01",
        row=60,
        col=60,
        area_ha=area_ha,
        growth_days=growth_days,
        phases=tuple(Phase(start_day=s, end_day=e, state=state) for s, e, state in phases),
        low_ground=True,
        place="flat",
    )


def _digging(*phases, seed=0, **more):
    return draw_digging(seed, _plan(*phases, **more), np.ones((120, 120), dtype=bool))


@pytest.mark.parametrize("area_ha", [0.03, 0.1, 0.7, 4.5])
def test_a_working_digs_the_ground_it_was_given(area_ha):
    digging = _digging((START, START + 900, "active"), area_ha=area_ha)
    dug = (digging.born_day < NEVER).sum() * CELL_HA
    assert dug == pytest.approx(area_ha, abs=CELL_HA)
    assert digging.mined_frac(START + 200, _climate()).sum() * 0.01 == pytest.approx(area_ha, rel=0.02)


def test_a_working_is_made_of_pits_spoil_and_trodden_ground():
    digging = _digging((START, START + 900, "active"), area_ha=3.0)
    kinds = np.bincount(digging.kind[digging.born_day < NEVER], minlength=4) / (digging.born_day < NEVER).sum()
    assert kinds[Ground.UNTOUCHED] == 0
    assert kinds[Ground.PIT] > 0.1
    assert kinds[Ground.SPOIL] > 0.1
    assert kinds.sum() == pytest.approx(1.0)


def test_growth_takes_months_and_goes_outward():
    digging = _digging((START, START + 900, "active"), growth_days=120.0, area_ha=2.0)
    born = digging.born_day[digging.born_day < NEVER]
    assert born.min() == START
    assert 100 <= np.ptp(born) <= 120
    areas = [digging.mined_frac(START + lag, _climate()).sum() for lag in (0, 30, 60, 90, 125)]
    assert (np.diff(areas) > 0).all()


def test_nothing_is_dug_while_it_pauses():
    pause, again, end = START + 60, START + 260, START + 600
    digging = _digging(
        (START, pause, "active"), (pause, again, "paused"), (again, end, "active"), growth_days=150.0, area_ha=1.0
    )
    born = digging.born_day[digging.born_day < NEVER]
    assert not ((born >= pause) & (born < again)).any()
    assert (born >= again).any()
    worked_again = (digging.worked_until(again + 5) == again + 5) & (digging.born_day < pause)
    old = digging.born_day < pause
    assert 0.5 < worked_again.sum() / old.sum() < 0.8


def test_left_ground_comes_back_in_one_to_three_wet_seasons():
    stop = START + 150
    digging = _digging((START, stop, "active"), (stop, stop + 1400, "abandoned"), area_ha=1.5)
    climate = _climate()
    dug = digging.born_day < NEVER
    shares = [digging.regrown(stop + round(365.25 * years), climate)[dug].mean() for years in (0, 1, 2, 3)]
    assert shares[0] < 0.02
    assert 0.2 < shares[1] < 0.85
    assert shares[2] > shares[1]
    assert shares[3] > 0.8


def test_ponds_stand_where_pits_are_and_clear_when_left():
    stop = START + 200
    digging = _digging((START, stop, "active"), (stop, stop + 900, "abandoned"), area_ha=1.5)
    climate = _climate()
    turbid = [digging.cover_on(day, climate)[0][Cover.TURBID].sum() for day in (stop - 1, stop + 240)]
    clear = [digging.cover_on(day, climate)[0][Cover.CLEAR_WATER].sum() for day in (stop - 1, stop + 240)]
    assert turbid[0] > 10 * turbid[1]
    assert clear[1] > clear[0]


def test_covers_of_a_working_fill_the_dug_share():
    digging = _digging((START, START + 100, "active"), (START + 100, START + 900, "abandoned"), area_ha=0.8)
    for lag in (5, 99, 400, 800):
        cover, share = digging.cover_on(START + lag, _climate())
        assert cover.shape[1:] == share.shape
        assert (cover.sum(axis=0) <= share + 1e-5).all()
        assert cover.sum() > 0.85 * share.sum()


def test_nobody_digs_where_it_is_not_free():
    is_free = np.ones((120, 120), dtype=bool)
    is_free[:, 60:] = False
    digging = draw_digging(0, _plan((START, START + 500, "active"), area_ha=1.0), is_free)
    rows, _ = digging.window
    dug = (digging.born_day < NEVER).reshape(rows.stop - rows.start, FINE, -1, FINE).any(axis=(1, 3))
    assert not (dug & ~is_free[digging.window]).any()
    assert dug.any()


@pytest.mark.parametrize("seed", range(6))
def test_every_world_has_its_workings(seed):
    terrain = draw_terrain(SimOptions(seed=seed, size_px=128 if seed else 384))
    frame = terrain.frame
    assert len(terrain.diggings) in (range(8, 13) if seed == 0 else range(6, 8))
    new = [d for d in terrain.diggings if frame.monitor_day <= d.opened_day < frame.end_day]
    assert len(new) >= 4
    assert sum((d.born_day < frame.end_day).sum() * CELL_HA >= 0.1 for d in new) >= 2
    for digging in terrain.diggings:
        rows, cols = digging.window
        assert rows.start >= 0
        assert cols.start >= 0
        assert rows.stop <= frame.size
        assert cols.stop <= frame.size
        phases = digging.plan.phases
        assert all(a.end_day == b.start_day for a, b in pairwise(phases))
        assert all(p.start_day < p.end_day for p in phases)


def test_larger_worlds_hold_more_workings():
    options = [SimOptions(seed=2, size_px=size, site_density=3.0) for size in (192, 320)]
    counts = [len(draw_diggings(o, draw_landscape(o))) for o in options]
    assert counts[1] >= 2 * counts[0]


def test_digging_bares_the_ground(terrain):
    open_day, end = terrain.frame.monitor_day, terrain.frame.end_day - 1
    mined = (terrain.mined_frac(end) > 0.8) & (terrain.mined_frac(open_day) == 0)
    assert mined.sum() > 10
    then, now = (bright_ground(terrain, day) for day in (end - 366, end))
    ndvi_then, ndvi_now = ((b[3] - b[2]) / (b[3] + b[2]) for b in (then, now))
    assert ndvi_now[mined].mean() < ndvi_then[mined].mean() - 0.1
    assert date_of(end).month == 12
