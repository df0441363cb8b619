"""Declared figures, activity, capacity, comparison."""

from kpgeo.production.activity import ActivityInputs, measure_activity
from kpgeo.production.capacity import (
    CapacityPart,
    PublishedCapacityCheck,
    compare_with_published_capacity,
    sample_capacity,
    sample_total,
)
from kpgeo.production.comparison import compare_production
from kpgeo.production.declared import read_declared
from kpgeo.production.participant import compare_participant
from kpgeo.production.published import published_figures
from kpgeo.production.vintages import current_figures, sum_to_period

__all__ = [
    "ActivityInputs",
    "CapacityPart",
    "PublishedCapacityCheck",
    "compare_participant",
    "compare_production",
    "compare_with_published_capacity",
    "current_figures",
    "measure_activity",
    "published_figures",
    "read_declared",
    "sample_capacity",
    "sample_total",
    "sum_to_period",
]
