"""How well kpgeo did where the truth is known, and how much was mined where only a sample of it is."""

from kpgeo.assess.calibration import Reliability, reliability
from kpgeo.assess.estimators import AreaEstimate, estimate_area, poisson_interval, wilson_interval
from kpgeo.assess.score import Score, format_table, pool_scores, score_run
from kpgeo.assess.truth import Nuisance, TrueSite, Truth, read_truth
from kpgeo.model.decision import DekadDecision

__all__ = [
    "AreaEstimate",
    "DekadDecision",
    "Nuisance",
    "Reliability",
    "Score",
    "TrueSite",
    "Truth",
    "estimate_area",
    "format_table",
    "poisson_interval",
    "pool_scores",
    "read_truth",
    "reliability",
    "score_run",
    "wilson_interval",
]
