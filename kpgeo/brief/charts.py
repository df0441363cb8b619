"""How each month was seen, as a chart."""

from collections.abc import Sequence
from typing import Any

from matplotlib.patches import Patch

from kpgeo.brief import draw
from kpgeo.brief.reading import MonthSeen
from kpgeo.brief.words import Words

_MAX_MONTH_LABELS = 18


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
