"""How well kpgeo did where the truth is known, and how much was mined where only a sample of it is."""

from kpgeo.assess.calibration import Reliability, pool_reliability, reliability
from kpgeo.assess.estimators import AreaEstimate, estimate_area, wilson_interval
from kpgeo.assess.lag import Lag, lag_of
from kpgeo.assess.pixels import (
    NO_ALARM,
    PixelScore,
    PixelTruths,
    first_alarm,
    hit_days,
    score_pixels,
    threshold_at_rate,
)
from kpgeo.assess.score import Score, format_table, pool_scores, score_run
from kpgeo.assess.truth import Nuisance, TrueSite, Truth, read_truth
from kpgeo.kernels.counts import poisson_interval
from kpgeo.model.decision import DekadDecision

__all__ = [
    "NO_ALARM",
    "AreaEstimate",
    "DekadDecision",
    "Lag",
    "Nuisance",
    "PixelScore",
    "PixelTruths",
    "Reliability",
    "Score",
    "TrueSite",
    "Truth",
    "estimate_area",
    "first_alarm",
    "format_table",
    "hit_days",
    "lag_of",
    "poisson_interval",
    "pool_reliability",
    "pool_scores",
    "read_truth",
    "reliability",
    "score_pixels",
    "score_run",
    "threshold_at_rate",
    "wilson_interval",
]
