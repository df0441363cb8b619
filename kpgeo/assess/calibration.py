"""Whether beliefs are what they say: of pixels at 0.8, eight in ten are mined."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.model.errors import BadInputError


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """A reliability diagram and its sums.

    Attributes
    ----------
    edges : float64 (bin + 1,)
        Bin edges, 0–1; a bin holds its lower edge, the last one both.
    counts : int64 (bin,)
    mean_prob, mined_share : float64 (bin,)
        Mean belief and share of truly mined pixels; NaN in empty bins.
    ece : float
        Expected calibration error: mean of |mean_prob - mined_share| over pixels (Naeini et al. 2015).
    brier : float
        Mean squared error of the belief (Brier 1950).
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    mean_prob: NDArray[np.float64]
    mined_share: NDArray[np.float64]
    ece: float
    brier: float


def reliability(mined_prob: NDArray[np.float32], is_mined: NDArray[np.bool_], n_bins: int = 10) -> Reliability:
    """Compare beliefs with the truth, pixel by pixel.

    Parameters
    ----------
    mined_prob : float32
        Belief in mining, 0–1; pixels where it is NaN are left out.
    is_mined : bool, same shape
        What was there.

    Raises
    ------
    BadInputError
        The shapes differ, no pixel is left, or a belief lies outside 0–1.
    """
    if mined_prob.shape != is_mined.shape:
        raise BadInputError(f"Beliefs have the shape {mined_prob.shape}, the truth {is_mined.shape}.")
    known = np.isfinite(mined_prob)
    prob, mined = mined_prob[known].astype(np.float64), is_mined[known].astype(np.float64)
    if not len(prob) or prob.min() < 0.0 or prob.max() > 1.0:
        raise BadInputError("Calibration needs at least one belief, and beliefs from 0 to 1.")
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    place = np.minimum(np.searchsorted(edges, prob, side="right") - 1, n_bins - 1)
    counts = np.bincount(place, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        mean_prob = np.bincount(place, weights=prob, minlength=n_bins) / counts
        mined_share = np.bincount(place, weights=mined, minlength=n_bins) / counts
    gaps = np.nan_to_num(np.abs(mean_prob - mined_share))
    return Reliability(
        edges=edges,
        counts=counts.astype(np.int64),
        mean_prob=mean_prob,
        mined_share=mined_share,
        ece=float((gaps * counts).sum() / counts.sum()),
        brier=float(np.mean((prob - mined) ** 2)),
    )


def pool_reliability(parts: Sequence[Reliability]) -> Reliability:
    """Return several reliability diagrams of the same bins as one.

    Raises
    ------
    BadInputError
        There is none, or their bins differ.
    """
    if not parts or any(not np.array_equal(part.edges, parts[0].edges) for part in parts):
        raise BadInputError("Diagrams are pooled where there is at least one and all have the same bins.")
    counts = np.sum([part.counts for part in parts], axis=0)
    with np.errstate(invalid="ignore"):
        mean_prob = np.sum([np.nan_to_num(part.mean_prob) * part.counts for part in parts], axis=0) / counts
        mined_share = np.sum([np.nan_to_num(part.mined_share) * part.counts for part in parts], axis=0) / counts
    gaps = np.nan_to_num(np.abs(mean_prob - mined_share))
    sizes = [part.counts.sum() for part in parts]
    return Reliability(
        edges=parts[0].edges,
        counts=counts,
        mean_prob=mean_prob,
        mined_share=mined_share,
        ece=float((gaps * counts).sum() / counts.sum()),
        brier=float(np.average([part.brier for part in parts], weights=sizes)),
    )
