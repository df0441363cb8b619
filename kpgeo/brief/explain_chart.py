"""The picture of an explanation: one A4 page, one axis of time, legible in black and white, and without a place."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kpgeo.brief import draw
from kpgeo.brief.explain_words import head_of, label_of, say_explanation, say_look, signed
from kpgeo.brief.explanation import Explanation, blind_spans, course, reached
from kpgeo.brief.vocabulary import BAND, LAND_STATE
from kpgeo.brief.words import Words
from kpgeo.model.aoi import Language
from kpgeo.model.calendar import date_of, day_of, dekad_end, dekad_start
from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import Sensor
from kpgeo.model.state import FILTER_BANDS, LandState
from kpgeo.model.trace import LookTrace

PictureFormat = Literal["png", "svg", "pdf"]
EXPLAINED_BANDS = ("red", "nir", "swir22")
_PAGE_IN = (8.27, 11.69)
_LEFT_IN, _WIDTH_IN, _TOP_IN = 0.95, 6.75, 10.62
_BLIND_DAYS = 10
_MAX_MONTH_LABELS = 19
_CHARS_PER_IN = 18.8
_LINE_IN = 0.134
# From the bottom up: what is mined lies lowest and is dark; what is as usual is paper.
_STACK: tuple[tuple[LandState, dict[str, Any]], ...] = (
    (LandState.DUG, {"facecolor": draw.INK, "edgecolor": draw.INK}),
    (LandState.POND, {"facecolor": draw.BLUE, "edgecolor": draw.PAPER, "hatch": "oo"}),
    (LandState.REGROWTH, {"facecolor": "#c9cfc4", "edgecolor": draw.SOFT, "hatch": "||||"}),
    (LandState.CLEARED, {"facecolor": "#b4b4b4", "edgecolor": draw.PAPER, "hatch": "xxx"}),
    (LandState.CROPPED, {"facecolor": "#ececec", "edgecolor": draw.SOFT, "hatch": "...."}),
    (LandState.BURNT, {"facecolor": "#f3d3bf", "edgecolor": draw.ORANGE, "hatch": "\\\\\\\\"}),
    (LandState.STABLE, {"facecolor": draw.PAPER, "edgecolor": draw.PAPER}),
)
_SOLID: dict[str, Any] = {"facecolor": draw.INK}
_HATCHED: dict[str, Any] = {"facecolor": draw.PAPER, "hatch": "/////"}
_LEGEND: dict[str, Any] = {"loc": "lower right", "handlelength": 1.3, "handletextpad": 0.4, "borderpad": 0.0}
_MARK: dict[Sensor, dict[str, Any]] = {
    Sensor.SENTINEL2: {"marker": "o", "markerfacecolor": draw.INK, "markersize": 3.0},
    Sensor.LANDSAT: {"marker": "s", "markerfacecolor": draw.PAPER, "markersize": 3.2},
    Sensor.SENTINEL1: {"marker": "^", "markerfacecolor": draw.INK, "markersize": 3.2},
}


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    """The page while it is drawn, and the words it is drawn in."""

    figure: Figure
    explanation: Explanation
    words: Words

    def panel(self, top_in: float, height_in: float, title: str) -> Axes:
        """Return the axes of one panel, `top_in` from the page's lower edge, with its title and the axis of time."""
        axes = draw.axes_at(self.figure, _LEFT_IN, top_in - height_in, _WIDTH_IN, height_in)
        draw.quiet(axes)
        axes.set_xlim(self.explanation.first_day, self.explanation.end_day)
        draw.put_in(axes, (0.0, 1.0 + 0.035 / height_in), title, size=6.6, is_bold=True, va="bottom")
        for first, last in self.blind():
            axes.axvspan(first, last, facecolor="#f3f3f3", edgecolor="none", zorder=0)
        for look in self.explanation.top_looks:
            axes.axvline(look.day, color=draw.SOFT, lw=0.5, ls=(0, (1, 2)), zorder=1)
        self.months(axes, is_labelled=False)
        return axes

    def blind(self) -> list[tuple[int, int]]:
        """Return the spans without a clear look that are long enough to be shown."""
        return [span for span in blind_spans(self.explanation, is_optical=False) if span[1] - span[0] > _BLIND_DAYS]

    def months(self, axes: Axes, *, is_labelled: bool) -> None:
        """Put ticks at the beginnings of months."""
        first, end = date_of(self.explanation.first_day), self.explanation.end_day
        count = (date_of(end).year - first.year) * 12 + date_of(end).month - first.month + 1
        every = next(step for step in (1, 2, 3, 6, 12, 24) if count / step <= _MAX_MONTH_LABELS or step == 24)
        months = [(first.year + (first.month - 1 + i) // 12, (first.month - 1 + i) % 12 + 1) for i in range(count)]
        shown = [one for one in months if (one[1] - 1) % every == 0]
        starts = [(one, day_of(first.replace(year=one[0], month=one[1], day=1))) for one in shown]
        ticks = [(one, day) for one, day in starts if self.explanation.first_day <= day <= end - 5]
        labels, year = [], 0
        for (of_year, month), _ in ticks:
            name = self.words.month(of_year, month, is_short=True)
            labels.append(name if of_year == year else f"{name}\n{of_year}")
            year = of_year
        draw.label_ticks(axes, [day for _, day in ticks], labels if is_labelled else [""] * len(ticks))

    def side(self, look: LookTrace) -> Literal["center", "left", "right"]:
        """Return on which side of its day a look's number stands, so that neighbours do not meet."""
        near = (self.explanation.end_day - self.explanation.first_day) / 60.0
        others = [other.day - look.day for other in self.explanation.top_looks if other is not look]
        has_before, has_after = any(-near < gap <= 0 for gap in others), any(0 <= gap < near for gap in others)
        return "center" if has_before == has_after else "left" if has_before else "right"

    def storey(self, look: LookTrace) -> int:
        """Return 0, or 1 for every other one of looks whose numbers would meet if they stood side by side."""
        near = (self.explanation.end_day - self.explanation.first_day) / 60.0
        storey, last_day = 0, None
        for other in self.explanation.top_looks:
            storey = 1 - storey if last_day is not None and other.day - last_day < near else 0
            last_day = other.day
            if other is look:
                break
        return storey

    def number(self, look: LookTrace) -> str:
        """Return the number of a look that moved the belief, or nothing."""
        top = self.explanation.top_looks
        return str(top.index(look) + 1) if look in top else ""


def draw_explanation(
    explanation: Explanation,
    language: Language,
    picture_format: PictureFormat = "png",
    *,
    bands: Sequence[str] = EXPLAINED_BANDS,
    dpi: int = 200,
) -> bytes:
    """Draw an explanation.

    Parameters
    ----------
    bands : sequence of str
        Which of `FILTER_BANDS` get a panel; one to four, each once.
    dpi : int
        Resolution of a PNG.

    Returns
    -------
    bytes
        A file that holds no place, no date and no name of a program beside the picture itself; equal for equal input.

    Raises
    ------
    BadInputError
        A band the filter does not use, or none at all.
    """
    check_bands(bands)
    words = Words(language)
    sheet = _Sheet(figure=draw.sheet(*_PAGE_IN), explanation=explanation, words=words)
    _write_head(sheet)
    top = _draw_strip(sheet, _TOP_IN)
    height = 0.82 if len(bands) <= 3 else 0.6
    for band in bands:
        top = _draw_band(sheet, top, height, band)
    top = _draw_radar(sheet, top)
    top = _draw_belief(sheet, top)
    top = _draw_evidence(sheet, top)
    _write_foot(sheet, top)
    return _bytes_of(sheet.figure, picture_format, dpi)


def check_bands(bands: Sequence[str]) -> None:
    """Refuse bands that cannot be drawn: none at all, one twice, or one the filter does not use."""
    if not bands or len(set(bands)) != len(bands) or not set(bands) <= set(FILTER_BANDS):
        raise BadInputError(
            f"{','.join(bands)!r} are not bands to draw.", where="bands", remedy=f"Choose of {', '.join(FILTER_BANDS)}."
        )


def _write_head(sheet: _Sheet) -> None:
    """Write title, who may read it, and which pixel it is."""
    title, below = head_of(sheet.explanation, sheet.words)
    axes = draw.axes_at(sheet.figure, 0.5, 10.9, _PAGE_IN[0] - 1.0, 0.5)
    axes.set_axis_off()
    draw.put_in(axes, (1.0, 1.0), label_of(sheet.explanation, sheet.words), is_bold=True, ha="right", va="bottom")
    draw.put_in(axes, (0.0, 0.72), title, size=10.5, is_bold=True, va="center")
    draw.put_in(axes, (0.0, 0.28), below, size=7.2, color=draw.SOFT, va="center")


def _draw_strip(sheet: _Sheet, top: float) -> float:
    """Draw which looks there were, by sensor: clear or not, and the spans without any."""
    words = sheet.words
    height = 0.68
    axes = sheet.panel(top, height, words.say("Looks (filled or open mark: clear; cross: acquired, not clear)"))
    rows = {sensor: 3 - place for place, sensor in enumerate(Sensor)}
    looks = reached(sheet.explanation.trace)
    for sensor, row in rows.items():
        clear, unclear = (
            [look.day for look in looks if look.sensor is sensor and look.is_clear is is_clear]
            for is_clear in (True, False)
        )
        axes.plot(clear, [row] * len(clear), ls="", mec=draw.INK, mew=0.6, zorder=3, **_MARK[sensor])
        axes.plot(unclear, [row] * len(unclear), ls="", marker="x", color=draw.SOFT, ms=2.6, mew=0.5, zorder=2)
    for first, last in sheet.blind():
        axes.broken_barh(
            [(first, last - first)], (-0.28, 0.56), facecolor=draw.PAPER, edgecolor=draw.SOFT, hatch="////"
        )
    axes.set_ylim(-0.6, 5.4)
    names = [words.sensor(sensor) for sensor in rows]
    draw.label_ticks(axes, [*rows.values(), 0], [*names, words.say("none clear")], on="y")
    axes.tick_params(axis="y", length=0)
    for look in sheet.explanation.top_looks:
        text = {"is_bold": True, "ha": sheet.side(look), "va": "center", "has_halo": True}
        draw.put(axes, (look.day, 4.1 + 0.85 * sheet.storey(look)), sheet.number(look), size=6.6, **text)
    return top - height - 0.24


def _draw_band(sheet: _Sheet, top: float, height: float, band: str) -> float:
    """Draw one band's clear optical looks on the season and its scatter."""
    index = FILTER_BANDS.index(band)
    dekads = sheet.explanation.trace.dekads
    title = sheet.words.say("{band}, reflectance; the season and two scatters", band=sheet.words.say(BAND[band]))
    axes = sheet.panel(top, height, title)
    days = [(dekad_start(one.dekad) + dekad_end(one.dekad)) / 2 for one in dekads]
    season = np.array([one.optical[index] for one in dekads])
    scatter = np.array([one.optical_scatter[index] for one in dekads])
    axes.fill_between(
        days, season - 2 * scatter, season + 2 * scatter, facecolor=draw.FAINT, edgecolor="none", zorder=1
    )
    axes.plot(days, season, color=draw.SOFT, lw=0.9, zorder=2)
    looks = [look for look in sheet.explanation.trace.looks if look.is_clear and not look.sensor.is_radar]
    for sensor in (Sensor.SENTINEL2, Sensor.LANDSAT):
        mine = [look for look in looks if look.sensor is sensor]
        at, seen = [look.day for look in mine], [look.seen[index] for look in mine]
        axes.plot(at, seen, ls="", mec=draw.INK, mew=0.6, zorder=4, **_MARK[sensor])
    _ring(sheet, axes, {look: look.seen[index] for look in looks})
    values = [look.seen[index] for look in looks] + [*(season - 2 * scatter), *(season + 2 * scatter)]
    _fit_y(sheet, axes, values)
    return top - height - 0.21


def _draw_radar(sheet: _Sheet, top: float) -> float:
    """Draw what radar saw beside the season, both polarisations."""
    words, height = sheet.words, 0.82
    dekads = sheet.explanation.trace.dekads
    title = words.say("radar less season and tile level, dB (VV filled, grey band; VH open, dashes: two scatters)")
    axes = sheet.panel(top, height, title)
    days = [(dekad_start(one.dekad) + dekad_end(one.dekad)) / 2 for one in dekads]
    vv, vh = (np.array([2 * one.radar_scatter[index] for one in dekads]) for index in (0, 1))
    axes.fill_between(days, -vv, vv, facecolor=draw.FAINT, edgecolor="none", zorder=1)
    axes.plot(days, vh, days, -vh, color=draw.SOFT, lw=0.6, ls="--", zorder=2)
    axes.axhline(0.0, color=draw.SOFT, lw=0.9, zorder=2)
    looks = [look for look in sheet.explanation.trace.looks if look.is_clear and look.sensor.is_radar]
    values = [*vh, *-vh, *vv, *-vv]
    for index, mark, fill in ((0, "^", draw.INK), (1, "v", draw.PAPER)):
        residual = [look.seen[index] - look.expected[index] for look in looks]
        at = [look.day for look in looks]
        axes.plot(at, residual, mark, mfc=fill, mec=draw.INK, mew=0.6, ms=2.8, zorder=4)
        values += residual
    _ring(sheet, axes, {look: look.seen[1] - look.expected[1] for look in looks})
    _fit_y(sheet, axes, values)
    return top - height - 0.21


def _draw_belief(sheet: _Sheet, top: float) -> float:
    """Draw the belief in every state, stacked; mining lies lowest and dark."""
    words, height = sheet.words, 1.2
    axes = sheet.panel(top, height, words.say("belief"))
    days, beliefs = zip(*course(sheet.explanation.trace), strict=True)
    base = np.zeros(len(days))
    entries: list[tuple[Artist, str]] = []
    for state, style in _STACK:
        height_of = base + np.array([belief[state] for belief in beliefs])
        axes.fill_between(days, base, height_of, linewidth=0.0, zorder=2, hatch_linewidth=0.4, **style)
        axes.plot(days, height_of, color=draw.INK, lw=0.35, zorder=3)
        edge = {**style, "edgecolor": draw.SOFT if state is LandState.STABLE else style["edgecolor"]}
        entries.append((Patch(linewidth=0.5, hatch_linewidth=0.4, **edge), words.say(LAND_STATE[state])))
        base = height_of
    axes.set_ylim(0.0, 1.0)
    draw.label_ticks(axes, [0, 0.5, 1.0], [words.percent(value) for value in (0.0, 0.5, 1.0)], on="y")
    place = (_LEFT_IN + _WIDTH_IN, top + 0.03)
    draw.legend_at(sheet.figure, place, entries, ncols=7, columnspacing=1.0, prop=draw.font(6.2), **_LEGEND)
    return top - height - 0.24


def _draw_evidence(sheet: _Sheet, top: float) -> float:
    """Draw what each look added to the log-odds of mining."""
    words, height = sheet.words, 0.95
    title = words.say("evidence for mining (up) or against it (down), nats a look")
    axes = sheet.panel(top, height, title)
    width = (sheet.explanation.end_day - sheet.explanation.first_day) / 260.0
    looks = [look for look in sheet.explanation.trace.looks if look.is_clear]
    for is_radar, fill in ((False, _SOLID), (True, _HATCHED)):
        mine = [look for look in looks if look.sensor.is_radar is is_radar]
        at, moves = [look.day for look in mine], [look.move_nats for look in mine]
        axes.bar(at, moves, width=width, edgecolor=draw.INK, linewidth=0.4, zorder=3, **fill)
    most = max([abs(look.move_nats) for look in looks] + [1.0]) * 1.25
    axes.axhline(0.0, color=draw.SOFT, lw=0.6, zorder=2)
    axes.set_ylim(-most, most)
    for look in sheet.explanation.top_looks:
        side = 1 if look.move_nats >= 0 else -1
        draw.put(
            axes, (look.day, look.move_nats + side * most * 0.03), sheet.number(look), size=6.6, is_bold=True,
            ha=sheet.side(look), va="bottom" if side > 0 else "top", has_halo=True, zorder=6,
        )  # fmt: skip
    step = 1.0 if most < 2.5 else 2.0 if most < 6.0 else 5.0
    draw.label_ticks(axes, [-step, 0.0, step], [signed(-step, words, 0), "0", signed(step, words, 0)], on="y")
    sheet.months(axes, is_labelled=True)
    entries: list[tuple[Artist, str]] = [
        (Patch(edgecolor=draw.INK, linewidth=0.4, **_SOLID), words.say("optical")),
        (Patch(edgecolor=draw.INK, linewidth=0.4, **_HATCHED), words.say("radar")),
        (Line2D([], [], color=draw.SOFT, lw=0.6, ls=(0, (1, 2))), words.say("moved the belief most (numbered)")),
    ]
    place = (_LEFT_IN + _WIDTH_IN, top + 0.03)
    draw.legend_at(sheet.figure, place, entries, ncols=3, columnspacing=1.2, prop=draw.font(6.2), **_LEGEND)
    return top - height - 0.5


def _write_foot(sheet: _Sheet, top: float) -> None:
    """Write the looks that moved the belief, and the caption in words."""
    words, left, width = sheet.words, 0.5, _PAGE_IN[0] - 1.0
    axes = draw.axes_at(sheet.figure, left, 0.3, width, top - 0.3)
    axes.set_axis_off()
    axes.set(xlim=(0.0, width), ylim=(0.3 - top, 0.0))
    y = 0.0
    heads = (
        words.say("look"),
        words.say("date"),
        words.say("sensor"),
        words.say("nats"),
        words.say("seen, in scatters"),
    )
    for text, place in zip(heads, _COLUMNS, strict=True):
        draw.put(axes, (place, y), text, size=6.6, is_bold=True, va="top")
    for look in sheet.explanation.top_looks:
        y -= _LINE_IN
        cells = (
            sheet.number(look),
            words.short_date(look.day),
            words.sensor(look.sensor),
            signed(look.move_nats, words),
            say_look(look, words),
        )
        for text, place in zip(cells, _COLUMNS, strict=True):
            draw.put(axes, (place, y), text, size=6.6, va="top")
    if not sheet.explanation.top_looks:
        y -= _LINE_IN
        draw.put(axes, (0.0, y), words.say("No look moved the belief to speak of."), size=6.6, va="top")
    caption = " ".join(say_explanation(sheet.explanation, words.language))
    draw.put(
        axes, (0.0, y - 2.0 * _LINE_IN), draw.wrapped(caption, int(width * _CHARS_PER_IN)), va="top", linespacing=1.3
    )


_COLUMNS = (0.0, 0.4, 1.25, 2.1, 2.6)


def _ring(sheet: _Sheet, axes: Axes, values: Mapping[LookTrace, float]) -> None:
    """Ring the looks that moved the belief most."""
    ringed = [look for look in sheet.explanation.top_looks if look in values]
    style: dict[str, Any] = {"mfc": "none", "mec": draw.ORANGE, "mew": 0.9, "ms": 7.0, "zorder": 5}
    axes.plot([look.day for look in ringed], [values[look] for look in ringed], "o", **style)


def _fit_y(sheet: _Sheet, axes: Axes, values: Sequence[float]) -> None:
    """Take in every value, with three round ticks."""
    low, high = float(min(values)), float(max(values))
    room = 0.08 * max(high - low, 1e-6)
    axes.set_ylim(low - room, high + room)
    step = draw.round_length((high - low) / 2 * 1000.0) / 1000.0
    first = np.ceil(low / step) * step
    ticks = [float(tick) for tick in np.arange(first, high + step / 2, step) if tick <= high + room]
    draw.label_ticks(axes, ticks, [sheet.words.trimmed(round(tick, 4)).replace("-", "−") for tick in ticks], on="y")


def _bytes_of(figure: Figure, picture_format: PictureFormat, dpi: int) -> bytes:
    """Return the file of a figure, without metadata and the same each time."""
    if picture_format == "png":
        return draw.picture_bytes(figure, dpi)
    nothing: dict[PictureFormat, dict[str, None]] = {
        "svg": dict.fromkeys(("Creator", "Date", "Format", "Type")),
        "pdf": dict.fromkeys(("Creator", "Producer", "CreationDate")),
    }
    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "kpgeo", "svg.fonttype": "path", "pdf.fonttype": 42}):
        figure.savefig(stream, format=picture_format, metadata=nothing[picture_format])
    return stream.getvalue()
