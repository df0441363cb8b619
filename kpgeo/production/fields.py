"""How much of a participant's known fields is watched, and what can be said where none is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kpgeo.model.calendar import Period
from kpgeo.model.ids import make_id
from kpgeo.model.production import Comparison, DeclaredFigure, NotAssessable, Verdict
from kpgeo.production.numerals import LANGUAGES, Numerals
from kpgeo.production.phrases import phrases
from kpgeo.production.vintages import sum_to_period


@dataclass(frozen=True, kw_only=True)
class KnownField:
    """One of a participant's fields: its names by language, its area, and whether it is watched."""

    aoi_id: str
    names: dict[str, str]
    area_ha: float
    is_watched: bool


def with_fields(row: Comparison, fields: Sequence[KnownField]) -> Comparison:
    """Return a participant's comparison with a sentence that says how much of its known fields it speaks of."""
    said = {language: (_fields_in_words(row, fields, Numerals(language)),) for language in LANGUAGES}
    return replace(row, sentences={code: (*said[code], *row.sentences.get(code, ())) for code in said})


def compare_unwatched(
    participant: str, iso3: str, period: Period, figures: Sequence[DeclaredFigure], fields: Sequence[KnownField]
) -> Comparison:
    """Return the comparison of a participant none of whose fields is watched: not assessable, for want of coverage."""
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
        sentences={code: (phrases()["fields-unassessable"][code].format(period=period.label),) for code in LANGUAGES},
    )
    return with_fields(row, fields)


def _fields_in_words(row: Comparison, fields: Sequence[KnownField], numerals: Numerals) -> str:
    language = numerals.language
    if not fields:
        return phrases()["fields-unknown"][language].format(participant=row.participant)
    watched = [one for one in fields if one.is_watched]
    total = sum(one.area_ha for one in fields)
    missing = [one.names.get(language) or one.names.get("en") or one.aoi_id for one in fields if not one.is_watched]
    key = "fields-all" if not missing else "fields-some" if watched else "fields-none"
    return phrases()[key][language].format(
        participant=row.participant,
        watched=len(watched),
        known=len(fields),
        share=numerals.percent(sum(one.area_ha for one in watched) / total if total else 0.0),
        missing=", ".join(missing),
    )
