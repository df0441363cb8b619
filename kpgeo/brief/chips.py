"""One site in one picture: before, after, and its area over time."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.patheffects import withStroke
from shapely.geometry.base import BaseGeometry

from kpgeo.brief import draw
from kpgeo.brief.inputs import Chip, ChipPair
from kpgeo.brief.reading import SiteReading
from kpgeo.brief.words import NBSP, Words
from kpgeo.model.calendar import date_of, dekad_end, month_end
from kpgeo.model.site import Area, SiteActivity

_CHIP_IN = 2.0
_GAP_IN = 0.12
_MIN_HALF_M = 200.0
_HEAD_IN = 0.22
_FOOT_IN = 0.32
_CASING = withStroke(linewidth=2.2, foreground=draw.INK)


def site_picture(reading: SiteReading, pair: ChipPair, words: Words, *, epsg: int, margin_m: float, dpi: int) -> bytes:
    """Draw a site before and after on the same ground, and the area month by month.

    Returns
    -------
    bytes
        PNG, `draw.TEXT_WIDTH_IN` wide.
    """
    figure = draw.sheet(draw.TEXT_WIDTH_IN, _CHIP_IN + _HEAD_IN + _FOOT_IN)
    shape = draw.projected(reading.site.geometry, epsg)
    window = square_around(shape, margin_m, [chip for chip in (pair.before, pair.after) if chip])
    for number, (chip, title) in enumerate(
        ((pair.before, words.say("Before")), (pair.after, words.say("After"))),
    ):
        axes = draw.axes_at(figure, number * (_CHIP_IN + _GAP_IN), _FOOT_IN, _CHIP_IN, _CHIP_IN)
        _draw_chip(axes, chip, title, window, words)
        if chip is None:
            continue
        axes.add_patch(outlined(shape))
    left = 2 * (_CHIP_IN + _GAP_IN) + 0.42
    axes = draw.axes_at(figure, left, _FOOT_IN, draw.TEXT_WIDTH_IN - left - 0.05, _CHIP_IN)
    _draw_area(axes, area_by_month(reading), words)
    return draw.picture_bytes(figure, dpi)


def outlined(shape: BaseGeometry) -> PathPatch:
    """Return a site's outline (metres) as it is drawn on chips: light, with a dark casing."""
    style = {"fill": False, "edgecolor": draw.PAPER, "linewidth": 1.1, "path_effects": [_CASING], "zorder": 4}
    return draw.outline_patch(shape, **style)


def square_around(shape: BaseGeometry, margin_m: float, chips: Sequence[Chip]) -> tuple[float, float, float, float]:
    """Return left, right, bottom, top of a square around the site, no larger than the ground the chips show."""
    left, bottom, right, top = shape.bounds
    x, y = (left + right) / 2, (bottom + top) / 2
    half = max((right - left) / 2 + margin_m, (top - bottom) / 2 + margin_m, _MIN_HALF_M)
    boxes = [chip.geobox.boundingbox for chip in chips]
    reach = [min(x - box.left, box.right - x, y - box.bottom, box.top - y) for box in boxes]
    half = min([half, *(value for value in reach if value > 0.3 * half)])
    return x - half, x + half, y - half, y + half


def _draw_chip(
    axes: Axes, chip: Chip | None, title: str, window: tuple[float, float, float, float], words: Words
) -> None:
    """Draw one chip with what it is above it and the scene below, or say that there is none."""
    draw.no_axes(axes)
    axes.set(xlim=window[:2], ylim=window[2:])
    axes.set_aspect("equal")
    if chip is None:
        axes.add_patch(
            Rectangle((0, 0), 1, 1, transform=axes.transAxes, facecolor="#f2f2f2", edgecolor=draw.FAINT, hatch="///")
        )
        words_shown = words.say("No clear image").replace(" ", NBSP)
        draw.put_in(
            axes, (0.5, 0.5), words_shown, ha="center", va="center", bbox={"facecolor": draw.PAPER, "edgecolor": "none"}
        )
        draw.put_in(axes, (0.0, 1.02), title, is_bold=True, va="bottom")
        return
    box = chip.geobox.boundingbox
    extent = (box.left, box.right, box.bottom, box.top)
    axes.imshow(chip.rgb, extent=extent, interpolation="nearest", zorder=1)
    draw.put_in(axes, (0.0, 1.02), title, is_bold=True, va="bottom")
    draw.put_in(axes, (1.0, 1.02), words.moment(chip.datetime), ha="right", va="bottom")
    cloud = ""
    if chip.cloud_frac is not None:
        cloud = words.say("not clear: {share}", share=words.percent(chip.cloud_frac))
    draw.put_in(axes, (0.0, -0.02), words.sensor(chip.sensor), va="top", color=draw.SOFT, size=6.2)
    draw.put_in(axes, (1.0, -0.02), cloud, ha="right", va="top", color=draw.SOFT, size=6.2)
    draw.scale_bar(axes, window[1] - window[0])
    draw.north_arrow(axes, 0.0, words.letters[0])


def area_by_month(reading: SiteReading) -> list[tuple[int, Area | None]]:
    """Return the last day of each month a site was known in, and its area then; None where nobody could see."""
    if reading.months:
        known = [month for month in reading.months if month.activity is not SiteActivity.NOT_YET_KNOWN]
        return [(month_end(month.month) - 1, month.mined) for month in known]
    last = {row.dekad // 3: row for row in reading.history}
    return [(dekad_end(row.dekad) - 1, row.area) for row in last.values()]


def _draw_area(axes: Axes, by_month: Sequence[tuple[int, Area | None]], words: Words) -> None:
    """Draw the site's area with its interval, month by month; the line breaks where nobody could see."""
    draw.quiet(axes)
    draw.put_in(axes, (-0.16, 1.02), words.say("Area, ha (90 % interval)"), is_bold=True, va="bottom")
    days = [day for day, _ in by_month]
    nothing = Area(ha=np.nan, low_ha=np.nan, high_ha=np.nan)
    areas = [nothing if area is None else area for _, area in by_month]
    axes.fill_between(days, [area.low_ha for area in areas], [area.high_ha for area in areas], color=draw.PALE, lw=0)
    axes.plot(days, [area.ha for area in areas], color=draw.BLUE, lw=1.4, marker="o", markersize=2.6)
    for day in [day for day, area in by_month if area is None]:
        axes.axvspan(day - 15, day + 15, facecolor="#f2f2f2", edgecolor=draw.FAINT, hatch="///", lw=0, zorder=0)
    axes.set_ylim(0, max([area.high_ha for _, area in by_month if area is not None] + [0.1]) * 1.12)
    draw.label_ticks(axes, *_month_ticks(days, words))
    top = draw.round_length(axes.get_ylim()[1] * 100) / 100
    draw.label_ticks(axes, [0, top / 2, top], [words.trimmed(value) for value in (0, top / 2, top)], on="y")


def _month_ticks(days: Sequence[int], words: Words) -> tuple[list[int], list[str]]:
    """Return ticks at the first, middle and last day, labelled with month and year."""
    chosen = sorted({0, len(days) // 2, len(days) - 1} if len(days) > 4 else {0, len(days) - 1})
    dates = [date_of(days[index]) for index in chosen]
    labels = [f"{words.month(date.year, date.month, is_short=True)}\n{date.year}" for date in dates]
    return [days[index] for index in chosen], labels
