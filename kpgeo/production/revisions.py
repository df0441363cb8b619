"""What one figure says against another of the same thing: an earlier vintage, or the parts of its year."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

from kpgeo.model.calendar import day_of
from kpgeo.model.finding import Rule, Weight
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.options.checks import CheckOptions
from kpgeo.production.rules import Raised
from kpgeo.production.vintages import join_sectors

_FEW = 0.2  # share of the rows in its span that a table which was meant to be whole may lack


def revisions(own: Iterable[DeclaredFigure], options: CheckOptions) -> Iterator[Raised]:
    """Find figures of one participant that a later vintage says otherwise: carats, value, or whether there are any."""
    ordered = sorted(own, key=lambda one: (one.period, one.sector, str(one.as_published_on or "")))
    for _, run in groupby(ordered, key=lambda one: (one.period, one.sector)):
        for before, now in pairwise(run):
            numbers = _change(before, now, options)
            if numbers and now.as_published_on is not None and before.as_published_on != now.as_published_on:
                yield Raised(
                    rule=Rule.REVISED,
                    periods=(now.period.label,),
                    numbers={**numbers, "now_day": float(day_of(now.as_published_on))},
                    told_apart_by=(str(now.sector), now.as_published_on.isoformat()),
                )


def lost_rows(own: Iterable[DeclaredFigure]) -> Iterator[Raised]:
    """Find figures of one participant that a later vintage has no row for, while it has rows of the time around.

    Only rows of periods as long are held together, and only where the later vintage has most of those in its span: a
    letter about some periods leaves out nothing.
    """
    by_length: dict[tuple[str, str], list[DeclaredFigure]] = defaultdict(list)
    for figure in own:
        if figure.as_published_on is not None:
            by_length[figure.period.label[4:5], figure.sector].append(figure)
    for rows in by_length.values():
        newest = max(row.as_published_on or dt.date.min for row in rows)
        there = {row.period for row in rows if row.as_published_on == newest}
        begin, end = min(there).start_day, max(there).end_day
        inside = {row.period: row for row in rows if begin <= row.period.start_day and row.period.end_day <= end}
        gone = sorted(period for period, row in inside.items() if period not in there and row.carats is not None)
        if len(gone) > _FEW * len(inside):
            continue
        for period in gone:
            row = inside[period]
            numbers = {"before_ct": row.carats or 0.0, "now_day": float(day_of(newest)), "is_lost": 1.0}
            apart = (str(row.sector), newest.isoformat(), "lost")
            yield Raised(rule=Rule.REVISED, periods=(period.label,), numbers=numbers, told_apart_by=apart)


def _change(before: DeclaredFigure, now: DeclaredFigure, options: CheckOptions) -> dict[str, float]:
    """Return the numbers of a change that is worth asking about; none where there is no such change."""
    figure, missing = DeclaredKind.FIGURE, DeclaredKind.MISSING
    if before.kind is missing or (before.kind is not figure and now.kind is not figure):
        return {}  # what came in late was not revised
    carats = {"before_ct": before.carats or 0.0, "now_ct": now.carats or 0.0}
    if now.kind is not figure:
        return {**carats, "is_withdrawn" if now.kind is missing else "is_to_none": 1.0}
    if before.kind is not figure:
        return {**carats, "is_from_none": 1.0}
    if _share(carats["before_ct"], carats["now_ct"]) >= options.revision_frac:
        change = {"change_frac": carats["now_ct"] / carats["before_ct"] - 1.0} if carats["before_ct"] else {}
        return {**carats, **change, **({} if change else {"is_from_zero": 1.0})}
    values = before.value_usd, now.value_usd
    if values[0] is None or values[1] is None or _share(values[0], values[1]) < options.revision_frac:
        return {}
    return {"before_usd": values[0], "now_usd": values[1], "is_value": 1.0}


def _share(before: float, now: float) -> float:
    """Return by what share of the former two amounts differ; all of it where the former is 0."""
    return abs(now - before) / before if before else float(now != before)


def against_halves(current: Sequence[DeclaredFigure], options: CheckOptions) -> Iterator[Raised]:
    """Find years whose row says something else than their half-years together, or less than one of them."""
    by_year: dict[str, dict[str, DeclaredFigure]] = defaultdict(dict)
    for figure in join_sectors(figure for figure in current if not figure.aoi_id):
        if "Q" not in figure.period.label:
            by_year[figure.period.label[:4]][figure.period.label] = figure
    for year, rows in sorted(by_year.items()):
        whole = rows.pop(year, None)
        halves = [row for row in rows.values() if row.kind is not DeclaredKind.MISSING]
        if whole is None or whole.carats is None or not halves:
            continue
        total = sum(half.carats or 0.0 for half in halves)
        is_other = _share(whole.carats, total) >= options.revision_frac
        if is_other and (len(halves) == 2 or total > whole.carats):
            is_one_vintage = {whole.as_published_on} == {half.as_published_on for half in halves}
            yield Raised(
                rule=Rule.YEAR_AND_HALVES,
                periods=(year,),
                numbers={"declared_ct": whole.carats, "total_ct": total, "is_one_half": float(len(halves) == 1)},
                weight=Weight.QUESTION if is_one_vintage else Weight.NOTE,
            )
