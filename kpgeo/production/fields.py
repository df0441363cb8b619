"""How much of a participant's known fields is watched, and what can be said where none is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kpgeo.model.aoi import LANGUAGES, Language, RegimeKind, RegulatoryPeriod
from kpgeo.model.calendar import Period
from kpgeo.model.ids import make_id
from kpgeo.model.production import CapacityInterval, Comparison, DeclaredFigure, NotAssessable, Verdict
from kpgeo.options.production import ProductionOptions
from kpgeo.production.declared_words import participant_in, say_declared
from kpgeo.production.numerals import Numerals
from kpgeo.production.participants import participants
from kpgeo.production.phrases import phrases
from kpgeo.production.published_capacity import (
    PublishedCapacity,
    PublishedCapacityCheck,
    compare_with_published_capacity,
    published_capacities,
)
from kpgeo.production.vintages import sum_to_period


@dataclass(frozen=True, kw_only=True)
class KnownField:
    """One of a participant's fields: names by language, area, whether it is watched, its regulatory periods."""

    aoi_id: str
    names: dict[str, str]
    area_ha: float
    is_watched: bool
    regimes: tuple[RegulatoryPeriod, ...] = ()


def with_fields(row: Comparison, fields: Sequence[KnownField]) -> Comparison:
    """Return a participant's comparison with a sentence that says how much of its known fields it speaks of."""
    said = {language: (_fields_in_words(row, fields, Numerals(language)),) for language in LANGUAGES}
    return replace(row, sentences={code: (*said[code], *row.sentences.get(code, ())) for code in said})


def compare_unwatched(
    participant: str, iso3: str, period: Period, figures: Sequence[DeclaredFigure], fields: Sequence[KnownField]
) -> Comparison:
    """Return the comparison of a participant for a period in which none of its fields was watched.

    Its figure is held against the capacity that somebody published, where there is one; a figure for part of a year
    against that of the whole year. A figure that is not above it, or of a participant without one, is not assessable,
    for want of coverage.
    """
    declared = sum_to_period(figures, period, iso3=iso3)
    row = Comparison(
        id=make_id("comparison", iso3, period.label),
        aoi_id="",
        participant=participant,
        period=period,
        verdict=Verdict.NOT_ASSESSABLE,
        activities=(),
        declared=declared,
        capacity=None,
        prob_above_capacity=None,
        coverage_frac=0.0,
        reasons=(NotAssessable.COVERAGE,),
    )
    known = published_capacities().get(iso3)
    check = None
    if known is not None and declared is not None and declared.carats:
        check = compare_with_published_capacity(declared.carats, known.low_ct, known.high_ct, ProductionOptions())
        row = _against_published(row, known, check)
    regimes = _regimes_in(fields, period)
    written: dict[str, tuple[str, ...]] = {
        code: (
            *(phrases()[f"regime-{kind.value}"][code] for kind in regimes),
            say_declared(row, iso3, "", Numerals(code)),
            *(_published_in_words(row, known, check, Numerals(code)) if known and check else ()),
            _unwatched_in_words(row, fields, code),
        )
        for code in LANGUAGES
    }
    return with_fields(replace(row, sentences=written), fields)


def _regimes_in(fields: Sequence[KnownField], period: Period) -> tuple[RegimeKind, ...]:
    """Return the kinds of regulatory periods of any field that were in force on any day of a period."""
    every = [regime for one in fields for regime in one.regimes]
    kinds = {
        one.kind
        for one in every
        if one.start_day < period.end_day and (one.end_day is None or one.end_day > period.start_day)
    }
    return tuple(kind for kind in RegimeKind if kind in kinds)


def _against_published(row: Comparison, known: PublishedCapacity, check: PublishedCapacityCheck) -> Comparison:
    """Return a comparison with the published range for capacity; its verdict stands only where the figure is above."""
    is_above = check.verdict is Verdict.DECLARED_ABOVE_CAPACITY
    middle = math.sqrt(known.low_ct * known.high_ct)
    return replace(
        row,
        verdict=check.verdict if is_above else row.verdict,
        reasons=() if is_above else row.reasons,
        capacity=CapacityInterval(
            low_ct=known.low_ct, median_ct=middle, high_ct=known.high_ct, spread_frac={}, draws=0
        ),
        prob_above_capacity=check.prob_above_capacity,
    )


def _published_in_words(
    row: Comparison, known: PublishedCapacity, check: PublishedCapacityCheck, numerals: Numerals
) -> tuple[str, ...]:
    words = {
        "low": numerals.carats(known.low_ct),
        "high": numerals.carats(known.high_ct),
        "source": f"{known.source.source} {known.source.mark}".strip(),
        "prob": numerals.odds(check.prob_above_capacity),
        "ratio_low": numerals.number(check.ratio_low, "#,##0.0"),
        "ratio_high": numerals.number(check.ratio_high, "#,##0.0"),
    }
    key = "published-above" if row.verdict is Verdict.DECLARED_ABOVE_CAPACITY else "published-not-above"
    return tuple(phrases()[one][numerals.language].format(**words) for one in ("published-capacity", key))


def _unwatched_in_words(row: Comparison, fields: Sequence[KnownField], language: Language) -> str:
    is_watched = any(one.is_watched for one in fields)
    if row.verdict is Verdict.NOT_ASSESSABLE:
        key = "fields-unmonitored" if is_watched else "fields-unassessable"
    else:
        key = "fields-not-looked-at"
    return phrases()[key][language].format(period=row.period.label)


def _fields_in_words(row: Comparison, fields: Sequence[KnownField], numerals: Numerals) -> str:
    language = numerals.language
    code = next((one.iso3 for one in participants().values() if one.name == row.participant), "")
    participant = participant_in(code, row.participant, numerals)
    if not fields:
        return phrases()["fields-unknown"][language].format(participant=participant)
    watched = [one for one in fields if one.is_watched]
    total = sum(one.area_ha for one in fields)
    missing = [one.names.get(language) or one.names.get("en") or one.aoi_id for one in fields if not one.is_watched]
    key = "fields-all" if not missing else "fields-some" if watched else "fields-none"
    return phrases()[key][language].format(
        participant=participant,
        watched=len(watched),
        known=len(fields),
        share=numerals.percent(sum(one.area_ha for one in watched) / total if total else 0.0),
        missing="; ".join(missing),
    )
