"""Charts: how each month was seen, and activity beside declared figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from kpgeo.brief import draw
from kpgeo.brief.reading import MonthSeen, new_area_of
from kpgeo.brief.words import Words
from kpgeo.model.calendar import Period
from kpgeo.model.production import CapacityInterval, Comparison, DeclaredFigure, DeclaredKind
from kpgeo.model.site import Area

_MAX_MONTH_LABELS = 18
_ROOMY = 6


def coverage_strip(months: Sequence[MonthSeen], words: Words, dpi: int) -> bytes:
    """Draw, month by month, the shares seen clearly, seen by radar only, acquired but not clear, and not acquired."""
    figure = draw.sheet(draw.TEXT_WIDTH_IN, 1.75)
    axes = draw.axes_at(figure, 0.42, 0.62, draw.TEXT_WIDTH_IN - 0.47, 0.95)
    draw.quiet(axes)
    layers = (
        ([month.optical_frac for month in months], _style(draw.BLUE, ""), words.say("clear optical look")),
        ([month.radar_frac for month in months], _style(draw.PALE, ""), words.say("radar only")),
        ([month.unclear_frac for month in months], _style("#efefef", "////"), words.say("acquired, not clear")),
        ([month.unacquired_frac for month in months], _style(draw.PAPER, ""), words.say("nothing acquired")),
    )
    base = [0.0] * len(months)
    for shares, style, _ in layers:
        axes.bar(range(len(months)), shares, bottom=base, width=0.86, linewidth=0.5, **style)
        base = [low + share for low, share in zip(base, shares, strict=True)]
    axes.set(xlim=(-0.6, len(months) - 0.4), ylim=(0, 1.0))
    every = -(-len(months) // _MAX_MONTH_LABELS)
    ticks = list(range(0, len(months), every))
    draw.label_ticks(axes, ticks, [_month_label(months, index, words) for index in ticks])
    draw.label_ticks(axes, [0, 0.5, 1.0], [words.percent(value) for value in (0.0, 0.5, 1.0)], on="y")
    entries = [(Patch(linewidth=0.5, **style), label) for _, style, label in layers]
    draw.legend_at(figure, (0.42, 0.02), entries, ncols=4, handlelength=1.4, columnspacing=1.6)
    return draw.picture_bytes(figure, dpi)


def _style(colour: str, hatch: str) -> dict[str, Any]:
    return {"facecolor": colour, "edgecolor": draw.SOFT, "hatch": hatch, "hatch_linewidth": 0.4}


def _month_label(months: Sequence[MonthSeen], index: int, words: Words) -> str:
    """Name a month; the year stands below its first month shown."""
    month = months[index]
    is_new_year = index == 0 or months[index - 1].year != month.year
    name = words.month(month.year, month.month, is_short=True)
    return f"{name}\n{month.year}" if is_new_year else name


@dataclass(frozen=True, kw_only=True)
class PeriodRow:
    """What is known of one reporting period: the activity seen, what was declared, what could have been dug."""

    period: Period
    new_area: Area | None
    declared: DeclaredFigure | None
    capacity: CapacityInterval | None


def period_rows(comparisons: Sequence[Comparison], declared: Sequence[DeclaredFigure]) -> list[PeriodRow]:
    """Return one row a period that has a comparison or a declared figure, in order of time.

    The figure shown is the one the comparison used; where there is none, the latest vintage, of the AOI before the
    participant.
    """
    latest: dict[Period, DeclaredFigure] = {}
    for figure in sorted(declared, key=lambda one: (bool(one.aoi_id), str(one.as_published_on or ""))):
        latest[figure.period] = figure
    compared = {comparison.period: comparison for comparison in comparisons}
    rows = []
    periods = {*latest, *compared}
    for period in sorted(period for period in periods if period in compared or not _holds_another(period, periods)):
        comparison = compared.get(period)
        used = comparison.declared if comparison is not None and comparison.declared else latest.get(period)
        rows.append(
            PeriodRow(
                period=period,
                new_area=new_area_of(comparison) if comparison else None,
                declared=used,
                capacity=comparison.capacity if comparison else None,
            )
        )
    return rows


def _holds_another(period: Period, periods: set[Period]) -> bool:
    """Say whether a period, such as a year, holds a shorter one of the set: the shorter ones are drawn instead."""
    return any(
        period != other and period.start_day <= other.start_day and other.end_day <= period.end_day for other in periods
    )


def activity_chart(rows: Sequence[PeriodRow], words: Words, dpi: int) -> bytes:
    """Draw newly dug area above, declared carats with the capacity interval below, on the same periods."""
    figure = draw.sheet(draw.TEXT_WIDTH_IN, 3.5)
    width = draw.TEXT_WIDTH_IN - 0.75
    above = draw.axes_at(figure, 0.7, 2.15, width, 1.1)
    below = draw.axes_at(figure, 0.7, 0.62, width, 1.1)
    for axes, title in (
        (above, words.say("Newly dug, ha (90 % interval)")),
        (below, words.say("Declared carats, and what the new area could have yielded (5–95 %)")),
    ):
        draw.quiet(axes)
        draw.put_in(axes, (0.0, 1.05), title, is_bold=True, va="bottom")
        axes.set_xlim(-0.6, max(len(rows), 3) - 0.4)
    _draw_new_area(above, rows, words)
    _draw_declared(below, rows, words)
    draw.label_ticks(above, range(len(rows)), [""] * len(rows))
    draw.label_ticks(below, range(len(rows)), [row.period.label for row in rows])
    entries: list[tuple[Artist, str]] = [
        (Patch(facecolor=draw.PALE, edgecolor=draw.INK, linewidth=0.6), words.say("declared")),
        (Line2D([], [], color=draw.ORANGE, lw=2.2), words.say("capacity interval, dot at the median")),
        (
            Patch(facecolor=draw.PAPER, edgecolor=draw.SOFT, hatch="////", linewidth=0.6, hatch_linewidth=0.4),
            words.say("figure missing"),
        ),
    ]
    draw.legend_at(figure, (0.7, 0.02), entries, ncols=3)
    return draw.picture_bytes(figure, dpi)


def _draw_new_area(axes: Axes, rows: Sequence[PeriodRow], words: Words) -> None:
    """Draw the newly dug area as points with intervals; a line joins neighbours."""
    absent = words.say("not measured") if len(rows) <= _ROOMY else "–"
    known = [(place, row.new_area) for place, row in enumerate(rows) if row.new_area is not None]
    places = [place for place, _ in known]
    top = max([area.high_ha for _, area in known] + [0.1]) * 1.22
    axes.plot(places, [area.ha for _, area in known], color=draw.BLUE, lw=0.9, zorder=2)
    for place, area in known:
        axes.plot([place, place], [area.low_ha, area.high_ha], color=draw.BLUE, lw=2.2, solid_capstyle="butt", zorder=3)
        axes.plot([place], [area.ha], marker="o", markersize=5, color=draw.PAPER, markeredgecolor=draw.BLUE, zorder=4)
        label = words.hectares(area.ha)
        draw.put(axes, (place, area.high_ha + top * 0.03), label, ha="center", va="bottom", has_halo=True, zorder=5)
    for place, row in enumerate(rows):
        if row.new_area is None:
            draw.put(axes, (place, top * 0.04), absent, ha="center", va="bottom", color=draw.SOFT)
    axes.set_ylim(0, top)
    _value_ticks(axes, top, words)


def _draw_declared(axes: Axes, rows: Sequence[PeriodRow], words: Words) -> None:
    """Draw declared carats as bars; zero, "no production" and missing look different."""
    values = [row.declared.carats or 0.0 for row in rows if row.declared]
    values += [row.capacity.high_ct for row in rows if row.capacity]
    top = max([*values, 1.0]) * 1.18
    for place, row in enumerate(rows):
        kind = row.declared.kind if row.declared else DeclaredKind.MISSING
        if kind is DeclaredKind.FIGURE and row.declared is not None:
            carats = row.declared.carats or 0.0
            axes.bar([place - 0.14], [carats], width=0.3, color=draw.PALE, edgecolor=draw.INK, linewidth=0.6)
            text = words.number(carats)
        elif kind is DeclaredKind.NO_PRODUCTION:
            axes.plot([place - 0.29, place + 0.01], [0, 0], color=draw.INK, lw=2.4, clip_on=False)
            text = draw.wrapped(words.say("no production"), 11)
        else:
            box = Rectangle((place - 0.29, 0), 0.3, top * 0.55, facecolor=draw.PAPER, edgecolor=draw.SOFT)
            box.set(hatch="////", linewidth=0.6)
            box.set_hatch_linewidth(0.4)
            axes.add_patch(box)
            carats, text = top * 0.55, words.say("missing")
        height = 0.0 if kind is DeclaredKind.NO_PRODUCTION else carats
        at, side = (place - 0.14, "center") if len(rows) <= _ROOMY else (place + 0.02, "right")
        draw.put(axes, (at, height + top * 0.02), text, ha=side, va="bottom", size=6.3, has_halo=True)
        if row.capacity is not None:
            at, span = place + 0.18, (row.capacity.low_ct, row.capacity.high_ct)
            axes.plot([at, at], span, color=draw.ORANGE, lw=2.2, solid_capstyle="butt", zorder=3)
            axes.plot([at], [row.capacity.median_ct], "o", color=draw.PAPER, mec=draw.ORANGE, markersize=5, zorder=4)
    axes.set_ylim(0, top)
    _value_ticks(axes, top, words)


def _value_ticks(axes: Axes, top: float, words: Words) -> None:
    """Put ticks at zero, and at half and whole of a round value."""
    step = draw.round_length(top * 1000.0) / 1000.0
    ticks = [0.0, step / 2, step]
    draw.label_ticks(axes, ticks, [words.trimmed(value) for value in ticks], on="y")
