"""The baseline of a tile: every pixel's season and scatter, and the first belief."""

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.history import HistoryStack
from kpgeo.kernels.season import INT16_NODATA, fit_season, harmonic_basis
from kpgeo.model.scene import Sensor
from kpgeo.model.state import (
    FILTER_BANDS,
    N_COEFS,
    N_RADAR_COEFS,
    RADAR_STEP_DB,
    REFLECTANCE_STEP,
    TileBaseline,
    decode_sigma,
    encode_sigma,
)
from kpgeo.options.detect import DetectOptions

_ROWS = 64
RADAR_SIGMA_SCALE = 100.0
_Rows = list[tuple[int, str, Sensor, NDArray[np.int16]]]
_Season = tuple[NDArray[np.float32], NDArray[np.float32]]


def fit_baseline(history: HistoryStack, options: DetectOptions, previous: TileBaseline | None = None) -> TileBaseline:
    """Fit the season of every pixel of a tile.

    Sentinel-2 and Landsat share one optical baseline; radar passes are levelled to each other by their tile median
    before the fit. A pixel with too few clear looks takes the tile's median season with twice its scatter; a tile
    without any history of a kind takes a flat season with the widest scatter the code holds, so that it says nothing.

    At a refit both keep, bit for bit, what they had in the `previous` baseline.
    """
    optical, radar = (None, None) if previous is None else _decode(previous)
    beta, sigma = _fit(history.optical, len(FILTER_BANDS), N_COEFS, REFLECTANCE_STEP, history.shape, options)
    beta, sigma = _fill(beta, sigma, REFLECTANCE_STEP, optical)
    levelled = _level(history.radar, history.shape, options, radar)
    beta_db, sigma_db = _fit(levelled, 2, N_RADAR_COEFS, RADAR_STEP_DB, history.shape, options)
    beta_db, sigma_db = _fill(beta_db, sigma_db, RADAR_STEP_DB, radar)
    return TileBaseline(
        beta_optical=_code(beta, REFLECTANCE_STEP),
        sigma_optical=encode_sigma(sigma),
        beta_radar=_code(beta_db, RADAR_STEP_DB),
        sigma_radar=encode_sigma(sigma_db, scale=RADAR_SIGMA_SCALE),
    )


def _fit(
    rows: _Rows, n_bands: int, n_coefs: int, step: float, shape: tuple[int, int], options: DetectOptions
) -> _Season:
    """Fit in strips of rows, so that no copy of the whole history is made; NaN where looks are too few."""
    height, width = shape
    beta = np.full((n_bands, n_coefs, height, width), np.nan, dtype=np.float32)
    sigma = np.full((n_bands, height, width), np.nan, dtype=np.float32)
    floor = options.sigma_floor_db if step == RADAR_STEP_DB else options.sigma_floor
    basis = harmonic_basis(np.array([row[0] for row in rows], dtype=np.int64), n_coefs)
    for top in range(0, height if rows else 0, _ROWS):
        strip = slice(top, min(top + _ROWS, height))
        stack = np.stack([pixels[:, strip].reshape(n_bands, -1) for _, _, _, pixels in rows])
        args = (step, floor, options.bisquare_c, options.reweights, round(options.min_looks_per_coef * n_coefs))
        fitted, scatter = fit_season(stack, basis, *args)
        beta[:, :, strip] = fitted.reshape(n_bands, n_coefs, -1, width)
        sigma[:, strip] = scatter.reshape(n_bands, -1, width)
    return beta, sigma


def _fill(beta: NDArray[np.float32], sigma: NDArray[np.float32], step: float, previous: _Season | None) -> _Season:
    """Give pixels without a fit what they had before, or else the tile's median season and twice its scatter."""
    thin = ~np.isfinite(sigma[0])
    if previous is not None:
        beta[:, :, thin] = previous[0][:, :, thin]
        sigma[:, thin] = previous[1][:, thin]
        return beta, sigma
    if thin.all():
        widest = 0.5 * (RADAR_SIGMA_SCALE if step == RADAR_STEP_DB else 1.0)
        return np.zeros_like(beta), np.full_like(sigma, widest)
    if thin.any():
        beta[:, :, thin] = np.median(beta[:, :, ~thin], axis=2)[:, :, None]
        sigma[:, thin] = 2.0 * np.median(sigma[:, ~thin], axis=1)[:, None]
    return beta, sigma


def _level(rows: _Rows, shape: tuple[int, int], options: DetectOptions, previous: _Season | None) -> _Rows:
    """Take each radar pass's median residual out: rain wets a whole tile, a mine does not."""
    if not rows:
        return rows
    beta, _ = _fill(*_fit(rows, 2, N_RADAR_COEFS, RADAR_STEP_DB, shape, options), RADAR_STEP_DB, previous)
    levelled = []
    for day, scene_id, sensor, pixels in rows:
        season = np.tensordot(harmonic_basis(np.array([day]), N_RADAR_COEFS)[0], beta, axes=(0, 1))
        level = median_level(np.where(pixels == INT16_NODATA, np.nan, pixels * np.float32(RADAR_STEP_DB)) - season)
        moved = pixels - np.rint(level / RADAR_STEP_DB).astype(np.int16)[:, None, None]
        levelled.append((day, scene_id, sensor, np.where(pixels == INT16_NODATA, pixels, moved)))
    return levelled


def median_level(residual: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median of each band of a residual (band, y, x) over a regular sample of its pixels; 0 without any."""
    sample = residual[:, ::2, ::2].reshape(len(residual), -1)
    sample = sample[:, np.isfinite(sample).all(axis=0)]
    if not sample.size:
        return np.zeros(len(residual), dtype=np.float32)
    return np.median(sample, axis=1).astype(np.float32)


def _code(beta: NDArray[np.float32], step: float) -> NDArray[np.int16]:
    """Scale coefficients to int16."""
    coded: NDArray[np.int16] = np.clip(np.rint(beta / step), -32767, 32767).astype(np.int16)
    return coded


def _decode(baseline: TileBaseline) -> tuple[_Season, _Season]:
    """Return the optical and the radar season of a baseline."""
    optical = baseline.beta_optical * np.float32(REFLECTANCE_STEP), decode_sigma(baseline.sigma_optical)
    radar = (
        baseline.beta_radar * np.float32(RADAR_STEP_DB),
        decode_sigma(baseline.sigma_radar, scale=RADAR_SIGMA_SCALE),
    )
    return optical, radar
