"""Findings of the statistics: a rule, the numbers it went by, and the question that would go to the participant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Rule(StrEnum):
    """What is looked for in declared figures. None of them says that a figure is wrong."""

    MISSING_SUBMISSION = "missing-submission"
    FIGURE_AND_NONE = "figure-and-none"
    ENTERED_TWICE = "entered-twice"
    PARTIAL_YEAR = "partial-year"
    REVISED = "revised"
    YEAR_AND_HALVES = "year-and-halves"
    JUMP = "jump"
    STEP = "step"
    DECIMAL_SLIP = "decimal-slip"
    COPIED_PERIOD = "copied-period"
    ROUND_TOTAL = "round-total"
    WHOLE_DOLLAR_PRICE = "whole-dollar-price"
    SAME_PRICE = "same-price"
    ZERO_VALUE = "zero-value"
    VALUE_WITHOUT_CARATS = "value-without-carats"
    UNIT_VALUE = "unit-value"
    BALANCE = "balance"
    MIRROR_TRADE = "mirror-trade"
    MIRROR_VALUE = "mirror-value"
    MIRROR_CERTIFICATES = "mirror-certificates"
    EXPORT_UNIT_VALUE = "export-unit-value"
    FOOTPRINT = "footprint"


class Weight(StrEnum):
    """How much a finding asks for."""

    NOTE = "note"
    QUESTION = "question"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding.

    Attributes
    ----------
    periods : tuple of str
        Labels of the periods it is about, in order.
    partner_iso3 : str
        The other participant of trade; "" for production.
    numbers : mapping
        What the rule went by, by name; units stand in the names.
    sentences, questions : mapping
        By language, what was found, and what would be asked; both made of `numbers`.
    """

    id: str
    rule: Rule
    weight: Weight
    participant: str
    iso3: str
    periods: tuple[str, ...]
    numbers: Mapping[str, float]
    partner: str = ""
    partner_iso3: str = ""
    sentences: Mapping[str, str] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)
