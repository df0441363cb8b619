"""Workings that were there before monitoring began.

A season fitted to a pit is the season of a pit: to it the pit is what the pixel always was, and it would be watched as
stable ground for ever. Where the area names known workings (its layer `workings`), ground in them that stays bare while
everything around it is green is therefore taken for dug: it begins with that belief, dated before monitoring, so that
it is never announced as new; and it is held against the season of the green ground around it, so that regrowth, rest
and digging anew can be told. Elsewhere ground that is always bare is a road, a village or rock as easily as a pit, and
keeps its own season.
"""

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.filter import TileContext, green_months, start_state
from kpgeo.detect.history import HistoryStack
from kpgeo.kernels.season import MONTH_DAYS, harmonic_basis
from kpgeo.model.state import (
    FILTER_BANDS,
    N_COEFS,
    REFLECTANCE_STEP,
    TileBaseline,
    TileState,
    decode_sigma,
    encode_sigma,
)
from kpgeo.options.detect import DetectOptions

_GREEN_INDEX = 0.3
_MID_MONTH = 15
_RED, _NIR = FILTER_BANDS.index("red"), FILTER_BANDS.index("nir")


def start_tile(
    baseline: TileBaseline, history: HistoryStack, context: TileContext, first_dekad: int, options: DetectOptions
) -> tuple[TileBaseline, TileState]:
    """Return the baseline a tile is watched by, and its state as of the end of the dekad before `first_dekad`."""
    standing = find_standing(baseline, context, options)
    if not standing.any():
        return baseline, start_state(baseline, history, context, first_dekad, options)
    lent = lend_season(baseline, standing)
    return lent, start_state(lent, history, context, first_dekad, options, standing=standing)


def find_standing(baseline: TileBaseline, context: TileContext, options: DetectOptions) -> NDArray[np.bool_]:
    """Return which pixels of known workings stay bare while the tile is green: bool (y, x).

    Bare is a vegetation index, at its highest of the green months, below `standing_green_frac` times the tile's median
    (what is green by its own right: the tile's index must itself be at least 0.3).
    """
    if context.is_working is None or not context.is_working.any():
        return np.zeros(context.in_stratum.shape, dtype=np.bool_)
    days = np.array(
        [_MID_MONTH + round(MONTH_DAYS * (month - 1)) for month in green_months(context.dry_months)], dtype=np.int64
    )
    basis = harmonic_basis(days, N_COEFS) * np.float32(REFLECTANCE_STEP)
    red = np.tensordot(basis, baseline.beta_optical[_RED].astype(np.float32), axes=(1, 0))
    nir = np.tensordot(basis, baseline.beta_optical[_NIR].astype(np.float32), axes=(1, 0))
    greenest = ((nir - red) / np.maximum(nir + red, np.float32(1e-3))).max(axis=0)
    usual = float(np.median(greenest))
    is_bare: NDArray[np.bool_] = greenest < options.standing_green_frac * usual
    return is_bare & context.is_working if usual >= _GREEN_INDEX else np.zeros_like(is_bare)


def lend_season(baseline: TileBaseline, standing: NDArray[np.bool_]) -> TileBaseline:
    """Return a baseline in which some pixels have the median season of the others.

    Their scatter is the median scatter of the others and how far the others' yearly means lie apart, together: what
    grew there is not known. Radar keeps its own season, for its change says little of what was there before.
    """
    if standing.all():
        return baseline
    beta, sigma = baseline.beta_optical.copy(), decode_sigma(baseline.sigma_optical)
    for band in range(len(FILTER_BANDS)):
        for plane in beta[band]:
            plane[standing] = np.rint(np.median(plane[~standing]))
        means = baseline.beta_optical[band, 0][~standing].astype(np.float64) * REFLECTANCE_STEP
        apart = 1.4826 * float(np.median(np.abs(means - np.median(means))))
        sigma[band][standing] = np.hypot(float(np.median(sigma[band][~standing])), apart)
    return TileBaseline(
        beta_optical=beta,
        sigma_optical=encode_sigma(sigma),
        beta_radar=baseline.beta_radar,
        sigma_radar=baseline.sigma_radar,
    )
