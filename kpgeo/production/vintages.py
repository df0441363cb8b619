"""Vintages of declared figures: which one is current, and what the parts of a period add up to."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from kpgeo.model.aoi import Confidence, Sourced
from kpgeo.model.calendar import Period, day_of
from kpgeo.model.production import DeclaredFigure, DeclaredKind, Sector

_CONFIDENCES: tuple[Confidence, ...] = ("low", "medium", "high")


def current_figures(figures: Iterable[DeclaredFigure], as_of: dt.date | None = None) -> tuple[DeclaredFigure, ...]:
    """Return the newest vintage for each participant, AOI, period and sector, in order of these.

    Participants are told apart by `iso3`, so that spellings of one name do not split a series. An undated vintage is
    taken for older than every dated one. Of two rows of one vintage the later in `figures` wins.

    Parameters
    ----------
    as_of : date, optional
        Leave out what was published after this day, and undated figures of periods not over by then.
    """
    newest: dict[tuple[str, str, str, str], DeclaredFigure] = {}
    for figure in figures:
        if as_of is not None and not _was_known(figure, as_of):
            continue
        key = (figure.iso3 or figure.participant, figure.aoi_id, figure.period.label, figure.sector)
        held = newest.get(key)
        if held is None or _vintage(held) <= _vintage(figure):
            newest[key] = figure
    return tuple(newest[key] for key in sorted(newest))


def sum_to_period(
    figures: Sequence[DeclaredFigure], period: Period, *, iso3: str, aoi_id: str = ""
) -> DeclaredFigure | None:
    """Return the figure for a period: its own row where there is one, else the sum of its halves or quarters.

    Where all parts are of a later vintage than the row, the row is out of date and the parts are added.

    A missing part makes the sum missing, not smaller. Parts that all say "no production" add up to "no production";
    next to a figure, "no production" adds nothing. None where no row speaks of the period at all.
    """
    whole = join_sectors(current_figures(figures))
    rows = {f.period.label: f for f in whole if f.iso3 == iso3 and f.aoi_id == aoi_id}
    return _resolve(rows, period)


def join_sectors(figures: Iterable[DeclaredFigure]) -> tuple[DeclaredFigure, ...]:
    """Return one current figure for each participant, AOI and period: its total, else its ways of mining together.

    A total and its parts are not added: the total counts. As of other parts, a missing one makes the sum missing.
    """
    rows: dict[tuple[str, str, str], list[DeclaredFigure]] = defaultdict(list)
    for figure in figures:
        rows[figure.iso3 or figure.participant, figure.aoi_id, figure.period.label].append(figure)
    return tuple(_whole_of(rows[key]) for key in sorted(rows))


def _whole_of(rows: Sequence[DeclaredFigure]) -> DeclaredFigure:
    whole = [row for row in rows if row.sector is Sector.ALL]
    parts = [row for row in rows if row.sector is not Sector.ALL]
    if not parts or any(row.kind is DeclaredKind.FIGURE for row in whole):
        return whole[-1]
    return parts[0] if len(parts) == 1 else replace(_add(parts, parts[0].period, is_whole=True), sector=Sector.ALL)


def parts_of(period: Period) -> tuple[Period, ...]:
    """Return the halves of a year or the quarters of a half-year; a quarter has no parts."""
    year, _, half = period.label.partition("H")
    if "Q" in period.label:
        return ()
    if half:
        first = 2 * int(half) - 1
        return Period.parse(f"{year}Q{first}"), Period.parse(f"{year}Q{first + 1}")
    return Period.parse(f"{year}H1"), Period.parse(f"{year}H2")


def enclosing_periods(period: Period) -> tuple[Period, ...]:
    """Return the longer periods that hold a period, the shortest first."""
    year = period.label[:4]
    if "Q" in period.label:
        half = (int(period.label[-1]) + 1) // 2
        return Period.parse(f"{year}H{half}"), Period.parse(year)
    return (Period.parse(year),) if "H" in period.label else ()


def _resolve(rows: dict[str, DeclaredFigure], period: Period) -> DeclaredFigure | None:
    own, parts = rows.get(period.label), parts_of(period)
    found = [_resolve(rows, part) for part in parts]
    known = [figure for figure in found if figure is not None]
    is_whole = len(known) == len(parts)
    if own is not None and not (parts and is_whole and all(_replaces(part, own) for part in known)):
        return own
    return _add(known, period, is_whole=is_whole) if known else None


def _replaces(part: DeclaredFigure, own: DeclaredFigure) -> bool:
    """Say whether a part of a period is known as of a later vintage than the period's own row."""
    return part.kind is not DeclaredKind.MISSING and _vintage(part) > _vintage(own)


def _add(parts: Sequence[DeclaredFigure], period: Period, *, is_whole: bool) -> DeclaredFigure:
    kinds = {part.kind for part in parts}
    values = [part.value_usd for part in parts if part.kind is DeclaredKind.FIGURE]
    dates = [part.as_published_on for part in parts if part.as_published_on is not None]
    if not is_whole or DeclaredKind.MISSING in kinds:
        kind = DeclaredKind.MISSING
    else:
        kind = DeclaredKind.FIGURE if DeclaredKind.FIGURE in kinds else DeclaredKind.NO_PRODUCTION
    is_figure = kind is DeclaredKind.FIGURE
    labels = " + ".join(_part_in_words(part) for part in parts)
    return DeclaredFigure(
        participant=parts[0].participant,
        iso3=parts[0].iso3,
        period=period,
        kind=kind,
        carats=sum(part.carats or 0.0 for part in parts) if is_figure else None,
        value_usd=sum(v for v in values if v is not None) if is_figure and None not in values else None,
        as_published_on=max(dates) if dates else None,
        source=Sourced(
            source=f"{labels}: " + "; ".join(dict.fromkeys(part.source.source for part in parts)),
            confidence=min((part.source.confidence for part in parts), key=_CONFIDENCES.index),
            mark=" ".join(dict.fromkeys(part.source.mark for part in parts if part.source.mark)),
        ),
        aoi_id=parts[0].aoi_id,
        entered_by="kpgeo",
    )


def _part_in_words(figure: DeclaredFigure) -> str:
    label = figure.period.label
    return label if figure.sector is Sector.ALL else f"{label} ({figure.sector})"


def _vintage(figure: DeclaredFigure) -> dt.date:
    return figure.as_published_on or dt.date.min


def _was_known(figure: DeclaredFigure, as_of: dt.date) -> bool:
    if figure.as_published_on is not None:
        return figure.as_published_on <= as_of
    return figure.period.end_day <= day_of(as_of)
