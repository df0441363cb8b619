"""What was declared, in words: who, for when, how much, as of which vintage, and what an earlier vintage said."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from babel import Locale
from babel.core import get_global

from kpgeo.model.aoi import LANGUAGES
from kpgeo.model.production import Comparison, DeclaredFigure, DeclaredKind
from kpgeo.production.numerals import Numerals
from kpgeo.production.phrases import participant_names, phrases
from kpgeo.production.vintages import current_figures, sum_to_period


def say_declared(row: Comparison, iso3: str, place: str, numerals: Numerals) -> str:
    """Say what was declared for a comparison's period; `place` names the AOI of a figure that is for one."""
    figure, language = row.declared, numerals.language
    participant = participant_in(iso3, row.participant, numerals)
    if figure is None:
        return phrases()["declared-none"][language].format(participant=participant, period=row.period.label)
    return phrases()[f"declared-{figure.kind.value}"][language].format(
        participant=participant,
        span=figure.period.label,
        vintage=say_vintage(figure.as_published_on, numerals),
        carats=_carats(figure, numerals),
        place=place if figure.aoi_id else phrases()["place-participant"][language],
    )


def say_vintage(day: dt.date | None, numerals: Numerals) -> str:
    """Say of when a figure is."""
    if day is None:
        return phrases()["vintage-unknown"][numerals.language]
    return phrases()["vintage"][numerals.language].format(date=numerals.date(day))


def participant_in(iso3: str, english: str, numerals: Numerals) -> str:
    """Return a participant's name: its own in English, that of its country in the other languages."""
    if numerals.language == "en":
        return english
    own = participant_names().get(iso3, {}).get(numerals.language)
    codes = get_global("territory_aliases").get(iso3, ())
    names = Locale.parse(numerals.locale).territories
    return own or (names.get(codes[0]) if codes else None) or english


def with_revision(row: Comparison, figures: Iterable[DeclaredFigure]) -> Comparison:
    """Return a comparison that also says what an earlier vintage of its figure was, where that was another.

    Parameters
    ----------
    figures : iterable of DeclaredFigure
        Every vintage.
    """
    now = row.declared
    before = None if now is None else _figure_before(now, [figure for figure in figures if figure.iso3 == now.iso3])
    if now is None or before is None or (before.kind, before.carats) == (now.kind, now.carats):
        return row
    said = {code: _say_revision(before, Numerals(code)) for code in LANGUAGES}
    return replace(row, sentences={code: (*row.sentences.get(code, ()), said[code]) for code in LANGUAGES})


def _figure_before(now: DeclaredFigure, own: list[DeclaredFigure]) -> DeclaredFigure | None:
    """Return what the figure for the same place and period was before its newest vintage; None where there was none."""
    if now.as_published_on is None:
        return None
    known = current_figures(own, as_of=now.as_published_on - dt.timedelta(days=1))
    before = sum_to_period(known, now.period, iso3=now.iso3, aoi_id=now.aoi_id)
    return None if before is None or before.kind is DeclaredKind.MISSING else before


def _say_revision(before: DeclaredFigure, numerals: Numerals) -> str:
    vintage = say_vintage(before.as_published_on, numerals)
    key = "revised-figure" if before.kind is DeclaredKind.FIGURE else "revised-none"
    return phrases()[key][numerals.language].format(before=_carats(before, numerals), vintage=vintage)


def _carats(figure: DeclaredFigure, numerals: Numerals) -> str:
    carats = figure.carats or 0.0
    return numerals.number(carats, "#,##0" if carats % 1 == 0 else "#,##0.##")
