"""Beliefs made calibrated: a rising, piecewise linear map from log-odds to log-odds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

MAX_LOG_ODDS = 16.0
"""Beliefs are held within this many nats of log-odds (1.1e-7 from 0 and 1): float32 tells no more from 1."""


def log_odds(prob: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ln(p / (1 - p)), held within `MAX_LOG_ODDS`; NaN stays NaN.

    >>> log_odds(np.array([0.0, 0.5, 1.0])).tolist()
    [-16.0, 0.0, 16.0]
    """
    wide = prob.astype(np.float64)
    with np.errstate(divide="ignore"):
        odds = np.log(wide) - np.log1p(-wide)
    held: NDArray[np.float64] = np.clip(odds, -MAX_LOG_ODDS, MAX_LOG_ODDS)
    return held


def calibrate_prob(
    mined_prob: NDArray[np.float32], knots: tuple[Sequence[float], Sequence[float]]
) -> NDArray[np.float32]:
    """Return calibrated probabilities from beliefs.

    Between knots the log-odds go along a straight line; beyond the outer knots the outer lines go on. One segment is
    the map of Platt (1999). A map that rises strictly keeps the order of beliefs: it changes what they say, not how
    they rank.

    Parameters
    ----------
    mined_prob : float32, any shape
        Belief in mining, 0–1. NaN stays NaN.
    knots : (log-odds believed, log-odds true)
        Two sequences of one length, both strictly rising; no knots at all is the identity, bit for bit, and one alone
        shifts.

    Returns
    -------
    float32, same shape
    """
    believed, true = (np.asarray(part, dtype=np.float64) for part in knots)
    if not len(believed):
        return mined_prob
    odds = log_odds(mined_prob)
    if len(believed) == 1:
        mapped = odds + (true[0] - believed[0])
    else:
        slopes = np.diff(true) / np.diff(believed)
        segment = np.clip(np.searchsorted(believed, odds, side="right") - 1, 0, len(slopes) - 1)
        mapped = true[segment] + slopes[segment] * (odds - believed[segment])
    calibrated: NDArray[np.float32] = expit(mapped).astype(np.float32)
    return calibrated
