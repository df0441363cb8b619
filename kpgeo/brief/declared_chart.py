"""Activity over time, above declared carats beside the capacity intervals: one figure, told apart without colour.

Filled bars are declared, lines with marks are intervals, hatching is what is not known. Each of them differs from the
others in shape, so that a black and white print says the same.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon, Rectangle

from kpgeo.brief import draw
from kpgeo.brief.reading import area_capacity_of, new_area_of, published_capacity_of
from kpgeo.brief.vocabulary import SHORT_VERDICT
from kpgeo.brief.words import Words
from kpgeo.model.calendar import Period
from kpgeo.model.production import CapacityInterval, Comparison, DeclaredFigure, DeclaredKind, NotAssessable
from kpgeo.model.site import Area

_ROOMY = 7
_BAR = 0.3
_SMALL_PT = 6.3
_LEGEND_COLUMNS = 2
_ABOVE_ENDS, _ABOVE_BARS = 2.5, 1.5
"""A bar is cut above so many times the highest end of an interval, and the middle one of the other bars."""
_LETTERS_A_ROW = 112
_LETTER_FRAC = 0.034  # of the panel's height that a letter of an upright number takes
_DECLARED_FACE = "#9fb9c6"
_SEEN_FACE = "#5c7480"
_BAR_AT = -0.2


@dataclass(frozen=True, kw_only=True)
class _Line:
    """How an interval is drawn: where beside the bar, and by which line and mark it is told from the others."""

    at: float
    colour: str
    style: Any
    marker: str


_BY_AREA = _Line(at=0.1, colour=draw.ORANGE, style="solid", marker="o")
_BY_LABOUR = _Line(at=0.3, colour=draw.INK, style=(0, (1.6, 0.9)), marker="s")
_PUBLISHED = _Line(at=0.1, colour=draw.INK, style=(0, (0.5, 0.5)), marker="^")


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """The upper end of the axis, and the height at which bars are cut, ct."""

    top: float
    limit: float


@dataclass(frozen=True, kw_only=True)
class PeriodRow:
    """One reporting period: its comparison, if one was made, and the figure that speaks of it, if one is known."""

    period: Period
    comparison: Comparison | None
    declared: DeclaredFigure | None

    @property
    def new_area(self) -> Area | None:
        """Return the newly dug area; None where it was not measured."""
        return new_area_of(self.comparison) if self.comparison else None

    @property
    def coverage_frac(self) -> float:
        """Return the share of ground and time that was seen, 0–1."""
        return self.comparison.coverage_frac if self.comparison else 0.0

    @property
    def is_looked_at(self) -> bool:
        """Say whether enough was seen for the activity to be shown without reserve."""
        one = self.comparison
        return one is not None and self.coverage_frac > 0.0 and NotAssessable.COVERAGE not in one.reasons

    @property
    def capacity(self) -> CapacityInterval | None:
        """Return the capacity by newly dug area."""
        return area_capacity_of(self.comparison) if self.comparison else None

    @property
    def published(self) -> CapacityInterval | None:
        """Return a capacity that was published."""
        return published_capacity_of(self.comparison) if self.comparison else None

    @property
    def labour(self) -> CapacityInterval | None:
        """Return the capacity by people at work."""
        return self.comparison.labour if self.comparison else None

    @property
    def is_for_more(self) -> bool:
        """Say whether the declared figure speaks of more than the ground or the period it stands beside."""
        one = self.comparison
        is_longer = self.declared is not None and self.declared.period != self.period
        return is_longer or (one is not None and NotAssessable.SCOPE in one.reasons)


def period_rows(comparisons: Sequence[Comparison], declared: Sequence[DeclaredFigure]) -> list[PeriodRow]:
    """Return one row a period that has a comparison or a declared figure, in order of time.

    The figure shown is the one the comparison used; where there is none, the latest vintage, of the AOI before the
    participant.
    """
    latest: dict[Period, DeclaredFigure] = {}
    for figure in sorted(declared, key=lambda one: (bool(one.aoi_id), str(one.as_published_on or ""))):
        latest[figure.period] = figure
    compared = {comparison.period: comparison for comparison in comparisons}
    periods = {*latest, *compared}
    lone = {one for one in latest if not _holds_another(one, periods) and not _lies_in_another(one, compared)}
    rows = []
    for period in sorted({*compared, *lone}):
        comparison = compared.get(period)
        used = comparison.declared if comparison is not None and comparison.declared else latest.get(period)
        rows.append(PeriodRow(period=period, comparison=comparison, declared=used))
    return rows


def _holds_another(period: Period, periods: set[Period]) -> bool:
    """Say whether a period, such as a year, holds a shorter one of the set: the shorter ones are drawn instead."""
    return any(
        period != other and period.start_day <= other.start_day and other.end_day <= period.end_day for other in periods
    )


def _lies_in_another(period: Period, compared: Iterable[Period]) -> bool:
    """Say whether a period is part of one that was compared as a whole."""
    return any(
        period != other and other.start_day <= period.start_day and period.end_day <= other.end_day
        for other in compared
    )


def declared_chart(rows: Sequence[PeriodRow], words: Words, dpi: int) -> bytes:
    """Draw newly dug area, how much was seen, and declared carats beside what could have been dug, period by period."""
    is_roomy, entries = len(rows) <= _ROOMY, _entries(rows, words)
    letters = _LETTERS_A_ROW // max(len(rows), 3) if is_roomy else 0
    low = 0.16 * -(-len(entries) // _LEGEND_COLUMNS) + (0.58 if is_roomy else 0.28)
    high = 1.35 if is_roomy else 1.75
    figure = draw.sheet(draw.TEXT_WIDTH_IN, low + high + 2.03)
    width = draw.TEXT_WIDTH_IN - 0.75
    below = draw.axes_at(figure, 0.7, low, width, high)
    seen = draw.axes_at(figure, 0.7, low + high + 0.37, width, 0.16)
    above = draw.axes_at(figure, 0.7, low + high + 0.67, width, 1.05)
    for axes, title in (
        (above, words.say("Activity: newly dug, ha (90 % interval), and the share of ground and time seen")),
        (below, words.say("Declared carats beside the capacity (5–95 %), ct")),
    ):
        draw.quiet(axes)
        draw.put_in(axes, (0.0, 1.05), title, is_bold=True, va="bottom")
    for axes in (above, seen, below):
        axes.set_xlim(-0.6, max(len(rows), 3) - 0.4)
    _draw_new_area(above, rows, words)
    _draw_seen(seen, rows, words)
    _draw_declared(below, rows, words)
    draw.label_ticks(above, range(len(rows)), [""] * len(rows))
    draw.label_ticks(below, range(len(rows)), [_period_label(row, words, letters) for row in rows])
    draw.legend_at(figure, (0.7, 0.02), entries, ncols=_LEGEND_COLUMNS, handlelength=2.2, columnspacing=2.0)
    return draw.picture_bytes(figure, dpi)


def _period_label(row: PeriodRow, words: Words, letters: int) -> str:
    """Name a period and, where there is room for so many letters, what the comparison says of it."""
    if not letters:
        return row.period.label
    verdict = row.comparison.verdict if row.comparison else None
    said = words.say(SHORT_VERDICT[verdict]) if verdict else words.say("not compared")
    return f"{row.period.label}\n{draw.wrapped(said, letters)}"


def _entries(rows: Sequence[PeriodRow], words: Words) -> list[tuple[Artist, str]]:
    """Return the legend: only what is in the figure."""
    entries: list[tuple[Artist, str]] = [(_bar((0.0, 0.0), 0.0, is_for_more=False), words.say("declared"))]
    if any(row.is_for_more and row.declared and row.declared.carats for row in rows):
        entries.append(
            (_bar((0.0, 0.0), 0.0, is_for_more=True), words.say("declared for a larger place or longer time"))
        )
    if any(row.declared is None or row.declared.kind is DeclaredKind.MISSING for row in rows):
        entries.append((_missing((0.0, 0.0), 0.0), words.say("no figure known (missing)")))
    if any(row.capacity for row in rows):
        entries.append((_line(_BY_AREA), words.say("capacity by newly dug area")))
    if any(row.labour for row in rows):
        entries.append((_line(_BY_LABOUR), words.say("capacity by people at work")))
    if any(row.published for row in rows):
        entries.append((_line(_PUBLISHED), words.say("published capacity")))
    if any(not row.is_looked_at or row.coverage_frac < 1.0 for row in rows):
        entries.append((_unseen((0.0, 0.0), 0.0, 0.0), words.say("not seen")))
    return entries


def _bar(corner: tuple[float, float], height: float, *, is_for_more: bool) -> Patch:
    bar = Rectangle(corner, _BAR, height, facecolor=draw.PAPER if is_for_more else _DECLARED_FACE)
    bar.set(edgecolor=draw.INK, linewidth=0.7, hatch="......" if is_for_more else "")
    bar.set_hatch_linewidth(0.4)
    return bar


def _missing(corner: tuple[float, float], height: float) -> Patch:
    box = Rectangle(corner, _BAR, height, facecolor=draw.PAPER, edgecolor=draw.INK, linestyle=(0, (2, 1.5)))
    box.set(linewidth=0.7, hatch="xxxx")
    box.set_hatch_linewidth(0.25)
    return box


def _unseen(corner: tuple[float, float], width: float, height: float) -> Patch:
    box = Rectangle(corner, width, height, facecolor=draw.PAPER, edgecolor=draw.SOFT, linewidth=0.5)
    box.set(hatch="/////", zorder=1)
    box.set_hatch_linewidth(0.5)
    return box


def _line(line: _Line) -> Line2D:
    drawn = Line2D([], [], color=line.colour, lw=2.2, marker=line.marker, markersize=5, mfc=draw.PAPER)
    drawn.set_linestyle(line.style)
    drawn.set_dash_capstyle("butt")
    drawn.set_solid_capstyle("butt")
    return drawn


def _draw_new_area(axes: Axes, rows: Sequence[PeriodRow], words: Words) -> None:
    """Draw the newly dug area as points with intervals; a line joins neighbours that were both seen."""
    top = max([row.new_area.high_ha for row in rows if row.new_area and row.is_looked_at] + [0.1]) * 1.25
    size = draw.BASE_PT if len(rows) <= 2 * _ROOMY else _SMALL_PT - 1.0
    for place, row in enumerate(rows):
        if not row.is_looked_at:
            axes.add_patch(_unseen((place - 0.43, 0.0), 0.86, top))
            if len(rows) <= _ROOMY:
                text = words.say("not looked at") if row.coverage_frac == 0.0 else words.say("too little seen")
                draw.put(axes, (place, top * 0.5), draw.wrapped(text, 12), ha="center", va="center", has_halo=True)
            continue
        area = row.new_area
        if area is None:
            continue
        before = rows[place - 1] if place else None
        if before is not None and before.is_looked_at and before.new_area is not None:
            axes.plot([place - 1, place], [before.new_area.ha, area.ha], color=draw.SOFT, lw=0.8, zorder=2)
        axes.plot(
            [place, place], [area.low_ha, area.high_ha], color=draw.INK, lw=1.2, marker="_", markersize=6, zorder=3
        )
        axes.plot([place], [area.ha], marker="o", markersize=4.5, color=draw.INK, zorder=4)
        label = words.hectares(area.ha)
        draw.put(axes, (place + 0.06, area.ha), label, ha="left", va="bottom", size=size, has_halo=True, zorder=5)
    axes.set_ylim(0, top)
    if any(row.is_looked_at for row in rows):
        _value_ticks(axes, top, words)
    else:
        draw.label_ticks(axes, [], [], on="y")


def _draw_seen(axes: Axes, rows: Sequence[PeriodRow], words: Words) -> None:
    """Draw how much of ground and time was seen: filled is seen, hatched is not."""
    draw.quiet(axes, keep=())
    for place, row in enumerate(rows):
        axes.add_patch(_unseen((place - 0.43, 0.0), 0.86, 1.0))
        seen = Rectangle((place - 0.43, 0.0), 0.86 * row.coverage_frac, 1.0, facecolor=_SEEN_FACE, edgecolor=draw.SOFT)
        seen.set(linewidth=0.5, zorder=2)
        axes.add_patch(seen)
        if len(rows) <= 2 * _ROOMY:
            share = words.percent(row.coverage_frac)
            draw.put(axes, (place, 0.46), share, ha="center", va="center", size=_SMALL_PT, has_halo=True, zorder=3)
    draw.label_ticks(axes, [], [])
    draw.label_ticks(axes, [0.5], [words.say("seen")], on="y")
    axes.tick_params(length=0)
    axes.set_ylim(-0.1, 1.1)


def _draw_declared(axes: Axes, rows: Sequence[PeriodRow], words: Words) -> None:
    """Draw declared carats as bars, capacities beside them; zero, "no production" and missing look different."""
    is_roomy, limit = len(rows) <= _ROOMY, _limit_of(rows)
    bars, ends = _bars_of(rows), _ends_of(rows)
    letters = 0 if is_roomy else len(words.number(max([*bars, *ends], default=0.0)))
    top = max([*(min(bar, limit) for bar in bars), *ends, 1.0]) / (0.86 - _LETTER_FRAC * letters)
    for place, row in enumerate(rows):
        height, text = _draw_figure(axes, place + _BAR_AT, row, _Scale(top=top, limit=limit), words)
        is_wide = is_roomy and not text[0].isdigit()
        at = (place + (_BAR_AT + _BAR / 2 if is_wide else _BAR_AT), height + top * 0.025)
        style = {"ha": "right" if is_wide else "center", "rotation": 0 if is_roomy else 90, "has_halo": True}
        draw.put(axes, at, text, va="bottom", size=_SMALL_PT, zorder=6, **style)
        for line, interval in ((_BY_AREA, row.capacity), (_BY_LABOUR, row.labour), (_PUBLISHED, row.published)):
            if interval is not None:
                _draw_interval(axes, place + line.at, interval, line)
    axes.set_ylim(0, top)
    _value_ticks(axes, top, words)


def _bars_of(rows: Sequence[PeriodRow]) -> list[float]:
    return sorted(row.declared.carats for row in rows if row.declared and row.declared.carats)


def _ends_of(rows: Sequence[PeriodRow]) -> list[float]:
    return [one.high_ct for row in rows for one in (row.capacity, row.labour, row.published) if one]


def _limit_of(rows: Sequence[PeriodRow]) -> float:
    """Return the carats above which a bar is cut, so that intervals and ordinary bars beside it stay readable."""
    bars, ends = _bars_of(rows), _ends_of(rows)
    if not bars or not ends:
        return math.inf
    others = bars[:-1]
    middle = others[(len(others) - 1) // 2] if others else 0.0
    return max(_ABOVE_ENDS * max(ends), _ABOVE_BARS * middle)


def _draw_figure(axes: Axes, at: float, row: PeriodRow, scale: _Scale, words: Words) -> tuple[float, str]:
    """Draw what was declared for a period, and return how high it stands and what to write above it."""
    kind, top = row.declared.kind if row.declared else DeclaredKind.MISSING, scale.top
    corner = (at - _BAR / 2, 0.0)
    if kind is DeclaredKind.MISSING:
        axes.add_patch(_missing(corner, top * 0.16))
        return top * 0.16, words.say("missing")
    carats = (row.declared.carats if row.declared else None) or 0.0
    if carats > 0.0:
        height = min(carats, scale.limit)
        axes.add_patch(_bar(corner, height, is_for_more=row.is_for_more))
        if height < carats:
            _break(axes, corner[0], 0.8 * height, top)
        return height, words.number(carats)
    if kind is DeclaredKind.FIGURE:
        axes.plot([at], [0.0], marker="D", markersize=5, color=draw.PAPER, mec=draw.INK, clip_on=False, zorder=5)
        return top * 0.03, words.number(0.0)
    axes.plot([at - _BAR / 2, at + _BAR / 2], [0.0, 0.0], color=draw.INK, lw=3.0, clip_on=False, zorder=5)
    text = words.say("no production")
    return 0.0, draw.wrapped(text, 11) if axes.get_xlim()[1] <= _ROOMY else text


def _break(axes: Axes, left: float, height: float, top: float) -> None:
    """Cut a bar visibly: it is higher than it is drawn."""
    rise, gap, over = 0.03 * top, 0.035 * top, 0.05
    low = [(left - over, height), (left + _BAR + over, height + rise)]
    high = [(x, y + gap) for x, y in low]
    axes.add_patch(Polygon([*low, *reversed(high)], closed=True, facecolor=draw.PAPER, edgecolor="none", zorder=2))
    for ends in (low, high):
        axes.plot([x for x, _ in ends], [y for _, y in ends], color=draw.INK, lw=0.8, zorder=3)


def _draw_interval(axes: Axes, at: float, interval: CapacityInterval, line: _Line) -> None:
    """Draw an interval as a line between two ends, with a mark at the median."""
    ends = [interval.low_ct, interval.high_ct]
    span = _line(line)
    span.set(data=([at, at], ends), marker="", zorder=3)
    axes.add_line(span)
    axes.plot([at, at], ends, linestyle="", marker="_", markersize=6, color=line.colour, zorder=3)
    marker, median = line.marker, interval.median_ct
    axes.plot([at], [median], marker=marker, markersize=5, color=draw.PAPER, mec=line.colour, zorder=4)


def _value_ticks(axes: Axes, top: float, words: Words) -> None:
    """Put ticks at zero and at multiples of a round value, two to four of them."""
    step = draw.round_length(top * 500.0) / 1000.0
    ticks = [step * count for count in range(int(top / step) + 1)]
    draw.label_ticks(axes, ticks, [words.trimmed(value) for value in ticks], on="y")
