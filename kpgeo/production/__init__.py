"""Declared figures, activity, capacity, comparison."""

from kpgeo.production.activity import ActivityInputs, measure_activity
from kpgeo.production.capacity import (
    CapacityPart,
    draw_capacity,
    sample_capacity,
    sample_total,
)
from kpgeo.production.cells import CaratUnit, NumberStyle, read_number
from kpgeo.production.checks import check_entries, check_production, response_table
from kpgeo.production.comparison import compare_production
from kpgeo.production.declared import read_declared
from kpgeo.production.declared_words import with_revision
from kpgeo.production.entry import Submission, TableReading, read_submission
from kpgeo.production.fields import KnownField, compare_unwatched, with_fields
from kpgeo.production.footprint import FootprintComparison, SizeTable, check_footprint, compare_footprints
from kpgeo.production.joining import Entry
from kpgeo.production.parcels import check_parcel
from kpgeo.production.participant import compare_participant
from kpgeo.production.participants import Participant, find_participant, participants
from kpgeo.production.published import published_figures
from kpgeo.production.published_capacity import (
    PublishedCapacityCheck,
    compare_with_published_capacity,
)
from kpgeo.production.questions import put_into_words
from kpgeo.production.sizes import SizeReading, read_sizes
from kpgeo.production.trade import check_trade
from kpgeo.production.vintages import current_figures, sum_to_period

__all__ = [
    "ActivityInputs",
    "CapacityPart",
    "CaratUnit",
    "Entry",
    "FootprintComparison",
    "KnownField",
    "NumberStyle",
    "Participant",
    "PublishedCapacityCheck",
    "SizeReading",
    "SizeTable",
    "Submission",
    "TableReading",
    "check_entries",
    "check_footprint",
    "check_parcel",
    "check_production",
    "check_trade",
    "compare_footprints",
    "compare_participant",
    "compare_production",
    "compare_unwatched",
    "compare_with_published_capacity",
    "current_figures",
    "draw_capacity",
    "find_participant",
    "measure_activity",
    "participants",
    "published_figures",
    "put_into_words",
    "read_declared",
    "read_number",
    "read_sizes",
    "read_submission",
    "response_table",
    "sample_capacity",
    "sample_total",
    "sum_to_period",
    "with_fields",
    "with_revision",
]
