"""Screens of cloud and shadow on real imagery with reference masks. Nothing of it comes with kpgeo."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from benchmarks.clouds_tally import CLEAR_TRUTH, CLOUD_TRUTH, LEFT_OUT, SHADOW_TRUTH, SNOW_TRUTH, Tally
from benchmarks.real_sets import read_belgian_fields
from kpgeo.kernels.clouds import CLOUD, SHADOW, SeasonOfDay, VeilRule, find_veils
from kpgeo.kernels.looks import is_hazy
from kpgeo.kernels.season import INT16_NODATA, FitRule, fit_season, harmonic_basis
from kpgeo.model.scene import Sensor
from kpgeo.model.state import N_COEFS, REFLECTANCE_STEP, decode_sigma, encode_sigma
from kpgeo.options.detect import DetectOptions
from kpgeo.options.features import FeatureOptions

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
_USED = [1, 2, 3, 5]
_SCALES = decode_sigma(np.arange(256, dtype=np.uint8))
_SLOVENIA_BANDS = [1, 2, 3, 7, 11, 12]
_EPOCH_ORDINAL = 719_163


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table: a set, a mask, and what it comes to."""

    set_name: str
    mask: str
    tally: Tally


def _rule() -> VeilRule:
    options = FeatureOptions()
    return VeilRule(rise=options.veil_rise, sigmas=options.veil_sigmas, lit=1.0 - options.shadow_frac)


def _flat(level: F32, scatter: tuple[float, float, float, float]) -> SeasonOfDay:
    """Return a season that stays at one level (6, y, x) and scatters alike everywhere, green red nir swir22."""
    n_px = level[0].size
    beta = np.zeros((4, N_COEFS, n_px), dtype=np.int16)
    beta[:, 0] = np.rint(level[_USED].reshape(4, -1) / REFLECTANCE_STEP)
    sigma = np.repeat(encode_sigma(np.float32(scatter))[:, None], n_px, axis=1)
    basis = np.float32([REFLECTANCE_STEP, 0, 0, 0, 0])
    return SeasonOfDay(beta=beta, basis=basis, sigma=sigma, scales=_SCALES)


def _haze(bands: F32) -> U8:
    """Return what the haze rule alone calls cloud in a single date."""
    options = FeatureOptions()
    return np.where(is_hazy(bands[0], bands[2], options.haze_slope, options.haze_limit), CLOUD, 0).astype(np.uint8)


def _both(first: U8, second: U8) -> U8:
    return np.where(first == 0, second, first).astype(np.uint8)


def degraded(truth: U8, missed_frac: float, seed: int) -> U8:
    """Return a reference as a provider's layer that misses cloud and shadow in patches, as the simulator's do."""
    random = np.random.default_rng(seed)
    called = np.where(truth == CLOUD_TRUTH, CLOUD, np.where(truth == SHADOW_TRUTH, SHADOW, 0)).astype(np.uint8)
    field = gaussian_filter(random.normal(size=truth.shape), 6)
    called[field < np.quantile(field, missed_frac)] = 0
    return called


def slovenia_rows(folder: Path) -> Iterator[Row]:
    """Score the five Sentinel-2 scenes of thirteen bands, each against the season the clear ones of the others make."""
    with np.load(folder / "s2_eolearn_cloudmask" / "s2_l1c_slovenia.npz") as held:
        scenes = held["reference_scenes_l1c_13bands"][..., _SLOVENIA_BANDS].astype(np.float32).transpose(0, 3, 1, 2)
        nir, red = scenes[:, 3], scenes[:, 2]
        index = (nir - red) / (nir + red)
        dates = [int(np.abs(held["ndvi"] - one).max(axis=(1, 2)).argmin()) for one in index]
        is_cloud = held["clm"][dates].astype(bool)
    scenes -= dark_path(scenes[~is_cloud.all(axis=(1, 2))])[None, :, None, None]
    names = ("haze rule, single date", "season", "provider missing a quarter", "the same, and the season")
    tallies = {name: Tally() for name in names}
    for i, bands in enumerate(scenes):
        history = [j for j in range(len(scenes)) if j != i and not is_cloud[j].any()]
        level = np.median(scenes[history], axis=0).astype(np.float32)
        season = find_veils(np.ascontiguousarray(bands), _flat(level, (0.01, 0.01, 0.03, 0.02)), _rule())
        truth = np.where(is_cloud[i], CLOUD_TRUTH, CLEAR_TRUTH).astype(np.uint8)
        provider = degraded(truth, 0.25, i)
        for name, called in zip(names, (_haze(bands), season, provider, _both(provider, season)), strict=True):
            tallies[name].add_tiles(truth, called, 25)
    yield from (Row(set_name="slovenia, 5 scenes", mask=name, tally=tally) for name, tally in tallies.items())


def slovenia_index_rows(folder: Path) -> Iterator[Row]:
    """Score what NDVI alone says on all 68 dates: what there is of a history there. It is not what kpgeo runs."""
    with np.load(folder / "s2_eolearn_cloudmask" / "s2_l1c_slovenia.npz") as held:
        index, is_cloud, prob = held["ndvi"], held["clm"].astype(bool), held["clp"] / 255.0
        days = held["timestamps"].astype("datetime64[D]").astype(np.int64)
    names = ("probability above 0.9", "the same, and NDVI 3 scatters below its season")
    tallies = {name: Tally() for name in names}
    stack = np.where(prob > 0.9, INT16_NODATA, np.rint(index * 1e4)).astype(np.int16).reshape(len(days), 1, -1)
    basis = harmonic_basis(days, 3)
    beta, sigma = fit_season(np.ascontiguousarray(stack), basis, _fit_rule(9))
    below = (np.einsum("tc,cp->tp", basis, beta[0]).reshape(index.shape) - index) / sigma[0].reshape(index.shape[1:])
    for scene in range(len(days)):
        strict = np.where(prob[scene] > 0.9, CLOUD, 0).astype(np.uint8)
        fallen = np.where(below[scene] > 3.0, CLOUD, 0).astype(np.uint8)
        truth = np.where(is_cloud[scene], CLOUD_TRUTH, CLEAR_TRUTH).astype(np.uint8)
        for name, called in zip(names, (strict, _both(strict, fallen)), strict=True):
            tallies[name].add(truth, called)
    yield from (Row(set_name="slovenia, NDVI of 68 dates", mask=name, tally=tally) for name, tally in tallies.items())


def _fit_rule(min_looks: int) -> FitRule:
    options = DetectOptions()
    return FitRule(
        step=REFLECTANCE_STEP,
        floor=options.sigma_floor,
        bisquare_c=options.bisquare_c,
        reweights=options.reweights,
        min_looks=min_looks,
    )


def dark_path(scenes: F32) -> F32:
    """Return what air adds to each band (scene, band, y, x): what is left of the darkest ground (Chavez 1988)."""
    darkest: F32 = np.percentile(scenes.transpose(1, 0, 2, 3).reshape(scenes.shape[1], -1), 0.1, axis=1)
    return darkest.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class HandMasked:
    """The scene with a mask by hand.

    Attributes
    ----------
    bands : float32 (6, y, x)
        Reflectance less what air adds to the darkest ground.
    truth : uint8 (y, x)
    """

    bands: F32
    truth: U8


def read_hand_masked(folder: Path) -> HandMasked:
    """Read the Sentinel-2 scene masked by hand (classes 0 shadow, 1 water, 3 land, 4 cloud)."""
    with np.load(folder / "s2_cloudmask_ukis" / "sentinel2.npz") as held:
        bands, classes = held["img"].transpose(2, 0, 1).astype(np.float32), held["msk"][..., 0]
    truth = np.select([classes == 0, classes == 4], [SHADOW_TRUTH, CLOUD_TRUTH], CLEAR_TRUTH).astype(np.uint8)
    bands -= dark_path(bands[None, :, :, :])[:, None, None]
    return HandMasked(bands=bands, truth=truth)


def made_season(scene: HandMasked, *, is_elsewhere: bool) -> SeasonOfDay:
    """Make a season for a scene without a history, from its own clear pixels.

    Under cloud and shadow it is that of the nearest clear pixel. Clear pixels have their own reflectance with the noise
    of a season, or, `is_elsewhere`, that of a clear pixel 300 m off: as if every field had changed its use.
    """
    is_clear = scene.truth == CLEAR_TRUTH
    rows, cols = distance_transform_edt(~is_clear, return_distances=False, return_indices=True)
    level = scene.bands[:, rows, cols]
    if is_elsewhere:
        moved, is_moved = np.roll(scene.bands, (17, 25), (1, 2)), np.roll(is_clear, (17, 25), (0, 1))
        level = np.where(is_clear & is_moved, moved, level)
    noise = np.float32([0.006, 0.006, 0.0075, 0.015, 0.012, 0.010])[:, None, None]
    level = level + noise * np.random.default_rng(1).standard_normal(level.shape, dtype=np.float32)
    return _flat(level.astype(np.float32), (0.012, 0.015, 0.03, 0.02))


def hand_masked_rows(folder: Path) -> Iterator[Row]:
    """Score the scene masked by hand."""
    scene = read_hand_masked(folder)
    own = find_veils(scene.bands, made_season(scene, is_elsewhere=False), _rule())
    elsewhere = find_veils(scene.bands, made_season(scene, is_elsewhere=True), _rule())
    quarter, half = degraded(scene.truth, 0.25, 1), degraded(scene.truth, 0.5, 2)
    haze = _haze(scene.bands)
    masks = {
        "haze rule, single date": haze,
        "season made of its own clear pixels": own,
        "season made of pixels 300 m off": elsewhere,
        "provider missing a quarter": quarter,
        "the same, and haze rule": _both(quarter, haze),
        "the same, and the season 300 m off": _both(_both(quarter, haze), elsewhere),
        "provider missing a half": half,
        "the same, and haze rule ": _both(half, haze),
        "the same, and the season 300 m off ": _both(_both(half, haze), elsewhere),
    }
    for name, called in masks.items():
        tally = Tally()
        tally.add_tiles(scene.truth, called, 64)
        yield Row(set_name="hand-masked scene", mask=name.strip(), tally=tally)


def new_england_rows(folder: Path) -> Iterator[Row]:
    """Score a row of 300 Landsat pixels in 2003-2014 by its seasons of 1998-2002, against Fmask."""
    with np.load(folder / "landsat_yatsm_stack" / "p013r030_r50_n423_b8.npz") as held:
        counts, fmask, days = held["Y"][:6], held["Y"][7], held["dates"].astype(np.int64) - _EPOCH_ORDINAL
    options = FeatureOptions()
    bands = (counts * np.float32(REFLECTANCE_STEP)).astype(np.float32)
    is_seen = ((bands > options.reflectance_low) & (bands < options.reflectance_high)).all(axis=0) & (fmask != 255)
    begin, middle = np.datetime64("1998-01-01", "D").astype(int), np.datetime64("2003-01-01", "D").astype(int)
    past, now = (days >= begin) & (days < middle), np.flatnonzero(days >= middle)
    stack = np.where((is_seen & (fmask <= 1))[None], counts[_USED], INT16_NODATA).astype(np.int16).transpose(1, 0, 2)
    beta, sigma = fit_season(np.ascontiguousarray(stack[past]), harmonic_basis(days[past], N_COEFS), _fit_rule(15))
    is_fitted = np.isfinite(sigma[0])
    coded = np.rint(np.nan_to_num(beta) / REFLECTANCE_STEP).astype(np.int16)
    scatter = encode_sigma(np.nan_to_num(sigma, nan=0.5))
    names = ("haze rule, single date", "season", "both")
    tallies = {name: Tally() for name in names}
    for scene in now:
        look = np.where(is_seen[scene] & is_fitted, bands[:, scene], np.nan)[:, None, :].astype(np.float32)
        basis = harmonic_basis(days[scene : scene + 1], N_COEFS)[0] * np.float32(REFLECTANCE_STEP)
        season = SeasonOfDay(beta=coded, basis=basis, sigma=scatter, scales=_SCALES)
        truth = np.select(
            [fmask[scene] == 4, fmask[scene] == 2, fmask[scene] == 3, fmask[scene] <= 1],
            [CLOUD_TRUTH, SHADOW_TRUTH, SNOW_TRUTH, CLEAR_TRUTH],
            LEFT_OUT,
        ).astype(np.uint8)[None]
        truth[:, ~(is_seen[scene] & is_fitted)] = LEFT_OUT
        haze, found = _haze(look), find_veils(look, season, _rule())
        for name, called in zip(names, (haze, found, _both(haze, found)), strict=True):
            tallies[name].add(truth, called)
    yield from (Row(set_name="new-england, 300 px", mask=name, tally=tally) for name, tally in tallies.items())


def belgian_lost(folder: Path) -> tuple[int, float]:
    """Return how many screened looks there are at Belgian fields after their first year, and what share is taken.

    They have no blue band, so only shadows can be taken; fields are tilled there, which must not be taken for any.
    """
    cube = read_belgian_fields(folder).cubes[Sensor.SENTINEL2]
    days = cube["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
    bands = np.stack([cube[band].to_numpy() for band in ("green", "red", "nir", "swir22")], axis=1)
    n_time, _, height, width = bands.shape
    stack = np.where(np.isfinite(bands).all(axis=1, keepdims=True), np.rint(bands * 1e4), INT16_NODATA)
    past = days < days[0] + 366
    coded = np.ascontiguousarray(stack.astype(np.int16).reshape(n_time, 4, -1)[past])
    beta, sigma = fit_season(coded, harmonic_basis(days[past], N_COEFS), _fit_rule(15))
    season = SeasonOfDay(
        beta=np.rint(np.nan_to_num(beta) / REFLECTANCE_STEP).astype(np.int16),
        basis=np.zeros(5, np.float32),
        sigma=encode_sigma(np.nan_to_num(sigma, nan=0.5)),
        scales=_SCALES,
    )
    is_fitted = np.isfinite(sigma[0]).reshape(height, width)
    seen = taken = 0
    for scene in np.flatnonzero(~past):
        look = np.full((6, height, width), np.nan, dtype=np.float32)
        look[_USED] = np.where(is_fitted, bands[scene], np.nan)
        basis = harmonic_basis(days[scene : scene + 1], N_COEFS)[0] * np.float32(REFLECTANCE_STEP)
        taken += int((find_veils(look, season._replace(basis=basis), _rule()) != 0).sum())
        seen += int(np.isfinite(look[3]).sum())
    return seen, taken / max(seen, 1)
