"""The baseline of a tile: every pixel's season and scatter, and the first belief."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.history import HistoryStack, Row
from kpgeo.kernels.season import INT16_NODATA, FitRule, fit_season, harmonic_basis
from kpgeo.model.scene import RADAR_BANDS
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

RADAR_SIGMA_SCALE = 100.0
_STRIP_PX = 4096
_SAMPLE_EDGE_PX = 128
_SCATTER_LOOKS = 36.0
_FARTHEST = 30_000  # steps from zero that levelled looks keep, so that taking a level off stays within int16
_Season = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How one kind of look is fitted; `widest` is the scatter that says nothing, in the looks' unit."""

    n_bands: int
    n_coefs: int
    widest: float
    rule: FitRule


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """The looks of one kind, and what each pass lies off by: int16 (look, band) in steps."""

    rows: Sequence[Row]
    basis: NDArray[np.float32]
    levels: NDArray[np.int16]


def fit_baseline(history: HistoryStack, options: DetectOptions, previous: TileBaseline | None = None) -> TileBaseline:
    """Fit the season of every pixel of a tile.

    Sentinel-2 and Landsat share one optical baseline; radar passes are levelled to each other by their tile median
    before the fit. A pixel with too few clear looks takes the tile's median season with twice its scatter; a tile
    without any history of a kind takes a flat season with the widest scatter the code holds, so that it says nothing.

    At a refit both keep, bit for bit, what they had in the `previous` baseline.

    The history is read strip by strip and never copied whole: what it takes besides is about 200 bytes a pixel,
    whatever the number of looks.
    """
    optical, radar = (None, None) if previous is None else _decode(previous)
    kind = _optical_kind(options)
    season = _fill(*_fit(_keep(history.optical, kind), kind, history.shape), kind, optical)
    kind_db = _radar_kind(options)
    beta_db, sigma_db = _fit(_level(history, kind_db, radar), kind_db, history.shape)
    season_db = _fill(beta_db, _towards_median(sigma_db, len(history.radar)), kind_db, radar)
    return TileBaseline(
        beta_optical=_code(season[0], REFLECTANCE_STEP),
        sigma_optical=encode_sigma(season[1]),
        beta_radar=_code(season_db[0], RADAR_STEP_DB),
        sigma_radar=encode_sigma(season_db[1], scale=RADAR_SIGMA_SCALE),
    )


def _optical_kind(options: DetectOptions) -> _Kind:
    """Return how reflectance is fitted."""
    rule = FitRule(
        step=REFLECTANCE_STEP,
        floor=options.sigma_floor,
        bisquare_c=options.bisquare_c,
        reweights=options.reweights,
        min_looks=round(options.min_looks_per_coef * N_COEFS),
    )
    return _Kind(n_bands=len(FILTER_BANDS), n_coefs=N_COEFS, widest=0.5, rule=rule)


def _radar_kind(options: DetectOptions) -> _Kind:
    """Return how backscatter in dB is fitted."""
    rule = FitRule(
        step=RADAR_STEP_DB,
        floor=options.sigma_floor_db,
        bisquare_c=options.bisquare_c,
        reweights=options.reweights,
        min_looks=round(options.min_looks_per_coef * N_RADAR_COEFS),
    )
    return _Kind(n_bands=len(RADAR_BANDS), n_coefs=N_RADAR_COEFS, widest=0.5 * RADAR_SIGMA_SCALE, rule=rule)


def _keep(rows: Sequence[Row], kind: _Kind) -> _Kept:
    """Put looks beside their basis, off by nothing."""
    days = np.array([row[0] for row in rows], dtype=np.int64)
    levels = np.zeros((len(rows), kind.n_bands), dtype=np.int16)
    return _Kept(rows=rows, basis=harmonic_basis(days, kind.n_coefs), levels=levels)


def _fit(kept: _Kept, kind: _Kind, shape: tuple[int, int], every: int = 1) -> _Season:
    """Fit every pixel, or each `every`-th row and column, strip by strip; NaN where looks are too few."""
    height, width = (-(-edge // every) for edge in shape)
    beta = np.full((kind.n_bands, kind.n_coefs, height, width), np.nan, dtype=np.float32)
    sigma = np.full((kind.n_bands, height, width), np.nan, dtype=np.float32)
    for strip, stack in _strips(kept, kind, (height, width), every):
        fitted, scatter = fit_season(stack, kept.basis, kind.rule)
        beta[:, :, strip] = fitted.reshape(kind.n_bands, kind.n_coefs, -1, width)
        sigma[:, strip] = scatter.reshape(kind.n_bands, -1, width)
    return beta, sigma


def _strips(kept: _Kept, kind: _Kind, shape: tuple[int, int], every: int) -> Iterator[tuple[slice, NDArray[np.int16]]]:
    """Yield strips of rows as int16 (look, band, pixel), levelled; the array yielded is one and the same."""
    height, width = shape
    rows_each = max(1, min(height, _STRIP_PX // width))
    held = np.empty((len(kept.rows), kind.n_bands, rows_each, width), dtype=np.int16)
    for top in range(0, height if len(kept.rows) else 0, rows_each):
        strip = slice(top, min(top + rows_each, height))
        stack = held[:, :, : strip.stop - strip.start]
        for look, (_, _, _, pixels) in enumerate(kept.rows):
            part = pixels[:, strip.start * every : strip.stop * every : every, ::every]
            _put(stack[look], part, kept.levels[look])
        yield strip, np.ascontiguousarray(stack).reshape(len(kept.rows), kind.n_bands, -1)


def _put(target: NDArray[np.int16], pixels: NDArray[np.int16], levels: NDArray[np.int16]) -> None:
    """Copy a look's pixels with a level taken off each band, without leaving int16."""
    if not levels.any():
        target[:] = pixels
        return
    np.clip(pixels, -_FARTHEST, _FARTHEST, out=target)
    target -= levels[:, None, None]
    target[pixels == INT16_NODATA] = INT16_NODATA


def _fill(beta: NDArray[np.float32], sigma: NDArray[np.float32], kind: _Kind, previous: _Season | None) -> _Season:
    """Give pixels without a fit what they had before, or else the tile's median season and twice its scatter."""
    thin = ~np.isfinite(sigma[0])
    if previous is not None:
        beta[:, :, thin] = previous[0][:, :, thin]
        sigma[:, thin] = previous[1][:, thin]
        return beta, sigma
    if thin.all():
        return np.zeros_like(beta), np.full_like(sigma, kind.widest)
    if thin.any():
        for plane in beta.reshape(-1, *thin.shape):
            plane[thin] = np.median(plane[~thin])
        sigma[:, thin] = 2.0 * np.median(sigma[:, ~thin], axis=1)[:, None]
    return beta, sigma


def _towards_median(sigma: NDArray[np.float32], looks: int) -> NDArray[np.float32]:
    """Draw the scatter of pixels towards that of the tile, the more the fewer looks it was measured on.

    Speckle is much the same everywhere, while a scale from a dozen looks is off by a fifth and more: drawn in so, the
    residuals of four real windows keep no heavy tails (`_SCATTER_LOOKS` is what fits them best).
    """
    if not np.isfinite(sigma).any():
        return sigma
    own = looks / (looks + _SCATTER_LOOKS)
    tile = np.nanmedian(sigma.reshape(len(sigma), -1), axis=1)[:, None, None]
    drawn: NDArray[np.float32] = np.sqrt(own * sigma**2 + (1.0 - own) * tile**2).astype(np.float32)
    return drawn


def _level(history: HistoryStack, kind: _Kind, previous: _Season | None) -> _Kept:
    """Find each radar pass's median residual: rain wets a whole tile, a mine does not.

    It is measured over a regular sample of the pixels, so only those are fitted for it.
    """
    kept = _keep(history.radar, kind)
    if not kept.rows:
        return kept
    every = _sample_step(history.shape)
    sampled = None if previous is None else (previous[0][..., ::every, ::every], previous[1][:, ::every, ::every])
    beta, _ = _fill(*_fit(kept, kind, history.shape, every), kind, sampled)
    for look, (_, _, _, pixels) in enumerate(kept.rows):
        season = np.tensordot(kept.basis[look], beta, axes=(0, 1))
        part = pixels[:, ::every, ::every]
        residual = np.where(part == INT16_NODATA, np.nan, part * np.float32(kind.rule.step)) - season
        level = np.rint(_median_of(residual) / kind.rule.step)
        kept.levels[look] = np.clip(level, _FARTHEST - 32_767, 32_767 - _FARTHEST)
    return kept


def median_level(residual: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median of each band of a residual (band, y, x) over a regular sample of its pixels; 0 without any."""
    every = _sample_step((residual.shape[1], residual.shape[2]))
    return _median_of(residual[:, ::every, ::every])


def _sample_step(shape: tuple[int, int]) -> int:
    """Return which rows and columns a tile's level is measured on: some 128 x 128 px, and all of a small tile.

    With a scatter of 1 dB that knows the level to about 0.01 dB.
    """
    return max(1, min(shape) // _SAMPLE_EDGE_PX)


def _median_of(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median of each band over the pixels seen in all; 0 without any."""
    seen = sample[:, np.isfinite(sample).all(axis=0)]
    if not seen.size:
        return np.zeros(len(sample), dtype=np.float32)
    return np.median(seen, axis=1).astype(np.float32)


def _code(beta: NDArray[np.float32], step: float) -> NDArray[np.int16]:
    """Scale coefficients to int16, plane by plane: no copy of the whole in floating point."""
    coded = np.empty(beta.shape, dtype=np.int16)
    for plane, target in zip(beta.reshape(-1, *beta.shape[2:]), coded.reshape(-1, *beta.shape[2:]), strict=True):
        target[:] = np.clip(np.rint(plane / step), -32767, 32767)
    return coded


def _decode(baseline: TileBaseline) -> tuple[_Season, _Season]:
    """Return the optical and the radar season of a baseline."""
    optical = baseline.beta_optical * np.float32(REFLECTANCE_STEP), decode_sigma(baseline.sigma_optical)
    radar = (
        baseline.beta_radar * np.float32(RADAR_STEP_DB),
        decode_sigma(baseline.sigma_radar, scale=RADAR_SIGMA_SCALE),
    )
    return optical, radar
