"""Screens of cloud and shadow in simulated worlds, where what lay over every pixel is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from benchmarks.clouds_tally import CLEAR_TRUTH, CLOUD_TRUTH, LEFT_OUT, SHADOW_TRUTH, Tally
from benchmarks.cubes import Cube, _optical_cube
from benchmarks.measuring import Plan
from benchmarks.settings import SETTINGS
from kpgeo import detect, features
from kpgeo.detect import HistoryStack
from kpgeo.kernels.clouds import CLOUD, SHADOW, SeasonOfDay, VeilRule, find_veils
from kpgeo.kernels.season import harmonic_basis
from kpgeo.model.calendar import dekad_of
from kpgeo.model.scene import OPTICAL_BANDS, LookClass
from kpgeo.model.state import N_COEFS, REFLECTANCE_STEP, TileBaseline, decode_sigma
from kpgeo.options.detect import DetectOptions
from kpgeo.options.features import FeatureOptions
from kpgeo.sim.acquiring import Acquisition, list_acquisitions
from kpgeo.sim.ground import Terrain, draw_terrain
from kpgeo.sim.landscape import MARGIN_PX
from kpgeo.sim.optical import bright_ground, look_optical

STAGES = ("provider", "margins and haze rule", "season")
_CLOUDY, _SHADED, _HAZY = 0.10, 0.20, 0.10
_FREE, _LIT, _SEE_THROUGH = 0.03, 0.05, 0.05
_HAZE_LIGHT = 0.30
_INNER = slice(MARGIN_PX, -MARGIN_PX)


@dataclass(kw_only=True)
class WorldScore:
    """What the stages of screening made of one world.

    Attributes
    ----------
    tallies : dict of Tally
        By stage; a scene is a block.
    mined_clear, mined_lost : dict of int
        Looks at clear, truly dug or flooded pixels, by stage: all (of the first), and how many are not used.
    """

    name: str
    tallies: dict[str, Tally] = field(default_factory=lambda: {stage: Tally() for stage in STAGES})
    mined: dict[str, NDArray[np.int64]] = field(
        default_factory=lambda: {stage: np.zeros(2, dtype=np.int64) for stage in STAGES}
    )
    fresh: dict[str, NDArray[np.int64]] = field(
        default_factory=lambda: {stage: np.zeros(2, dtype=np.int64) for stage in STAGES}
    )


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """One scene on the AOI grid: what truly lay over it, the provider's classes, and clear looks before the test."""

    taken: Acquisition
    truth: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    clear: xr.Dataset


def measure_world(setting: str, seed: int, plan: Plan, cache: Path) -> tuple[Cube, WorldScore]:
    """Screen the monitored scenes of a world."""
    cube = plan.cube(SETTINGS[setting], seed, cache)
    options = SETTINGS[setting].options(
        seed, plan.size_px, (plan.history_years, plan.monitored_years), plan.site_density
    )
    terrain = draw_terrain(options)
    baseline = fit_history(cube)
    rows = {one.scene_id for one in cube.looks if not one.sensor.is_radar and one.day >= cube.monitor_day}
    passes = [
        one
        for one in list_acquisitions(options, terrain.frame)
        if not one.sensor.is_radar and f"{one.platform}-{one.day}" in rows
    ]
    score = WorldScore(name=f"{setting}-{seed}")
    for group in _by_dekad(passes):
        seen = [_look(terrain, taken) for taken in group]
        _count(score, cube, seen, baseline)
    return cube, score


def fit_history(cube: Cube) -> TileBaseline:
    """Return the baseline of a cube's history."""
    stack = HistoryStack(shape=cube.shape)
    for one in cube.looks:
        if one.day < cube.monitor_day:
            stack.add(cube.dataset(one), one.sensor)
    return detect.fit_baseline(stack, DetectOptions())


def _by_dekad(passes: Sequence[Acquisition]) -> Iterator[list[Acquisition]]:
    """Yield the passes that flows would read together: of one sensor and dekad."""
    groups: dict[tuple[int, str], list[Acquisition]] = {}
    for one in passes:
        groups.setdefault((dekad_of(one.day), str(one.sensor)), []).append(one)
    yield from groups.values()


def _look(terrain: Terrain, taken: Acquisition) -> _Seen:
    cube = _optical_cube(terrain, taken)
    cube = cube.assign_coords(scene_id=("time", np.array([f"{taken.platform}-{taken.day}"], dtype=object)))
    return _Seen(
        taken=taken,
        truth=_truth(terrain, taken),
        classes=cube["look_class"].to_numpy()[0, _INNER, _INNER],
        clear=features.clear_looks(cube, taken.sensor, FeatureOptions(), MARGIN_PX),
    )


def _truth(terrain: Terrain, taken: Acquisition) -> NDArray[np.uint8]:
    """Say what lay over each pixel: cloud or haze of a tenth, a fifth of shadow, next to nothing, or in between."""
    look = look_optical(terrain, taken)
    ground = bright_ground(terrain, taken.day)[0]
    haze = uniform_filter((look.ground[0] - ground) / (_HAZE_LIGHT - ground), 15)
    truth = np.full(ground.shape, LEFT_OUT, dtype=np.uint8)
    truth[(look.cloud < _FREE) & (look.shadow < _LIT) & (haze < _SEE_THROUGH)] = CLEAR_TRUTH
    truth[look.shadow >= _SHADED] = SHADOW_TRUTH
    truth[(look.cloud >= _CLOUDY) | (haze >= _HAZY)] = CLOUD_TRUTH
    truth[~look.is_seen] = LEFT_OUT
    return truth[_INNER, _INNER]


def _count(score: WorldScore, cube: Cube, seen: Sequence[_Seen], baseline: TileBaseline) -> None:
    """Add the scenes of one sensor and dekad to a score."""
    sensor, options = seen[0].taken.sensor, FeatureOptions(history_test=True)
    together = xr.concat([one.clear for one in seen], dim="time")
    kept = features.drop_veiled(together, sensor, baseline, options)["nir"].to_numpy()
    for place, one in enumerate(seen):
        first = _provider_calls(one.classes)
        second = _with_margins(first, np.isfinite(one.clear["nir"].to_numpy()[0]))
        veils = veils_of(one.clear, one.taken.day, baseline, options)
        third = np.where((second == 0) & ~np.isfinite(kept[place]), veils, second).astype(np.uint8)
        is_mined = cube.truth.opened_day <= one.taken.day
        is_fresh = is_mined & (cube.truth.opened_day > one.taken.day - 60)
        is_clear = one.truth == CLEAR_TRUTH
        for stage, called in zip(STAGES, (first, second, third), strict=True):
            score.tallies[stage].add(one.truth, called)
            for total, where in ((score.mined, is_mined & is_clear), (score.fresh, is_fresh & is_clear)):
                total[stage] += np.array([where.sum(), (where & (called != 0)).sum()])


def _provider_calls(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what the provider's quality layer calls cloud and shadow."""
    called = np.zeros(classes.shape, dtype=np.uint8)
    called[np.isin(classes, (LookClass.CLOUD, LookClass.HAZE, LookClass.SNOW, LookClass.DEFECTIVE))] = CLOUD
    called[classes == LookClass.SHADOW] = SHADOW
    return called


def _with_margins(called: NDArray[np.uint8], is_kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Add what margins and the haze rule take besides: shadow next to shadow, otherwise cloud."""
    beside = uniform_filter((called == SHADOW).astype(np.float32), 5) > uniform_filter(
        (called == CLOUD).astype(np.float32), 5
    )
    return np.where((called == 0) & ~is_kept, np.where(beside, SHADOW, CLOUD), called).astype(np.uint8)


def veils_of(clear: xr.Dataset, day: int, baseline: TileBaseline, options: FeatureOptions) -> NDArray[np.uint8]:
    """Return what the kernel marks in one clear look."""
    basis = harmonic_basis(np.array([day]), N_COEFS)[0] * np.float32(REFLECTANCE_STEP)
    season = SeasonOfDay(
        beta=baseline.beta_optical.reshape(4, N_COEFS, -1),
        basis=basis,
        sigma=baseline.sigma_optical.reshape(4, -1),
        scales=decode_sigma(np.arange(256, dtype=np.uint8)),
    )
    rule = VeilRule(rise=options.veil_rise, sigmas=options.veil_sigmas, lit=1.0 - options.shadow_frac)
    return find_veils(np.stack([clear[band].to_numpy()[0] for band in OPTICAL_BANDS]), season, rule)
