"""How well kpgeo did where the truth is known, and how much was mined where only a sample of it is."""

from kpgeo.assess.belief_map import (
    BeliefCounts,
    bootstrap_error,
    count_beliefs,
    fit_belief_map,
    mapped_reliability,
    pool_counts,
)
from kpgeo.assess.calibration import Reliability, pool_reliability, reliability
from kpgeo.assess.estimators import AreaEstimate, estimate_area, wilson_interval
from kpgeo.assess.lag import Lag, lag_of
from kpgeo.assess.match import Met, Witness
from kpgeo.assess.pixels import (
    NO_ALARM,
    PixelScore,
    PixelTruths,
    first_alarm,
    hit_days,
    score_pixels,
    threshold_at_rate,
)
from kpgeo.assess.reviewed import Agreement, ReviewScore, measure_agreement, score_reviews
from kpgeo.assess.score import SIZE_CLASSES, Score, format_table, pool_scores, score_run
from kpgeo.assess.truth import Nuisance, TrueSite, Truth, read_truth
from kpgeo.kernels.counts import poisson_interval
from kpgeo.model.decision import DekadDecision

__all__ = [
    "NO_ALARM",
    "SIZE_CLASSES",
    "Agreement",
    "AreaEstimate",
    "BeliefCounts",
    "DekadDecision",
    "Lag",
    "Met",
    "Nuisance",
    "PixelScore",
    "PixelTruths",
    "Reliability",
    "ReviewScore",
    "Score",
    "TrueSite",
    "Truth",
    "Witness",
    "bootstrap_error",
    "count_beliefs",
    "estimate_area",
    "first_alarm",
    "fit_belief_map",
    "format_table",
    "hit_days",
    "lag_of",
    "mapped_reliability",
    "measure_agreement",
    "poisson_interval",
    "pool_counts",
    "pool_reliability",
    "pool_scores",
    "read_truth",
    "reliability",
    "score_pixels",
    "score_reviews",
    "score_run",
    "threshold_at_rate",
    "wilson_interval",
]
