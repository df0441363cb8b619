"""The baseline learnt anew: drift is followed, a mine is not."""

import datetime as dt

import numpy as np
import pytest
import xarray as xr

from kpgeo.detect import (
    HistoryStack,
    Look,
    Refit,
    RefitWindow,
    TileContext,
    decode_fields,
    fit_baseline,
    fold_dekad,
    refit_baseline,
    start_state,
)
from kpgeo.model.calendar import day_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.scene import Sensor
from kpgeo.model.state import N_STATES, LandState, TileBaseline, TileState, decode_belief, encode_belief
from kpgeo.options.detect import DetectOptions

SHAPE = (8, 12)
BEGIN, MONITOR = day_of(dt.date(2021, 1, 1)), day_of(dt.date(2023, 1, 1))
FIRST = dekad_of(MONITOR)
WINDOW_DAYS = MONITOR - BEGIN
OPTIONS = DetectOptions()
CONTEXT = TileContext(in_stratum=np.indices(SHAPE)[1] < 5)
MINE, ROAD = np.s_[:4, :4], np.s_[:4, 6:10]
MEAN, AMPLITUDE = np.array([0.08, 0.09, 0.26, 0.18]), np.array([-0.015, -0.03, 0.06, -0.05])
SPOIL, LATERITE = np.array([0.14, 0.22, 0.31, 0.35]), np.array([0.11, 0.19, 0.27, 0.33])
THICKENING_PER_YEAR = np.array([-0.012, -0.018, 0.02, -0.028])


def look(day, *, dug_since=None, road_since=None, drift=0.0):
    """Return a look at savanna that thickens, with a mine and a road opened on a day."""
    rng = np.random.default_rng(day)
    years = (day - BEGIN) / 365.25
    season = MEAN + AMPLITUDE * np.cos(2 * np.pi * (day - BEGIN - 220) / 365.25) + drift * years * THICKENING_PER_YEAR
    pixels = np.repeat(season, np.prod(SHAPE)).reshape(4, *SHAPE)
    for place, since, ground in ((MINE, dug_since, SPOIL), (ROAD, road_since, LATERITE)):
        if since is not None and day >= since:
            pixels[:, *place] = 0.15 * pixels[:, *place] + 0.85 * ground[:, None, None]
    pixels += rng.normal(0, 0.01, pixels.shape)
    return Look(sensor=Sensor.SENTINEL2, day=day, scene_id=f"s2-{day}", pixels=pixels.astype(np.float32))


def dataset(looks):
    pixels = np.stack([one.pixels for one in looks])
    times = np.array([one.day for one in looks], dtype="datetime64[D]").astype("datetime64[ns]")
    return xr.Dataset(
        {band: (("time", "y", "x"), pixels[:, i]) for i, band in enumerate(("green", "red", "nir", "swir22"))},
        coords={"time": times, "scene_id": ("time", [one.scene_id for one in looks])},
    )


def stack(looks, learnable=lambda cube: cube):
    history = HistoryStack(shape=SHAPE)
    history.add(learnable(dataset(looks)), Sensor.SENTINEL2)
    return history


def watch(years, *, refit_years=1, **land):
    """Fold years of looks in, with refits; return states by dekad, baselines by epoch, and what the refits did."""
    looks = {day: look(day, **land) for day in range(BEGIN, dekad_start(FIRST + 36 * years), 8)}
    history = stack([one for day, one in looks.items() if day < MONITOR])
    baselines, outcomes = [fit_baseline(history, OPTIONS)], []
    states = {FIRST - 1: start_state(baselines[0], history, CONTEXT, FIRST, OPTIONS)}
    for dekad in range(FIRST, FIRST + 36 * years):
        if refit_years and dekad > FIRST and (dekad - FIRST) % (36 * refit_years) == 0:
            since = dekad_start(dekad) - WINDOW_DAYS
            believed = range(max(dekad_of(since), FIRST), dekad)
            window = RefitWindow.read(((d, states[d]) for d in believed), is_all_monitored=since >= MONITOR)
            chosen = [one for day, one in looks.items() if since <= day < dekad_start(dekad)]
            baseline, counts = refit_baseline(stack(chosen, window.learnable), window, baselines[-1], OPTIONS)
            baselines.append(baseline)
            outcomes.append(counts)
        now = [looks[day] for day in range(dekad_start(dekad), dekad_end(dekad)) if day in looks]
        states[dekad] = fold_dekad(states[dekad - 1], baselines[-1], now, dekad, CONTEXT, OPTIONS)
    return states, baselines, outcomes


def not_stable(states, dekads):
    """Return the mean share of belief that is not on stable."""
    return np.mean([1.0 - decode_belief(states[dekad].belief[LandState.STABLE]).mean() for dekad in dekads])
