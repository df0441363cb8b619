"""The overview map: boundary, strata, numbered sites, graticule, scale, north."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from pyproj import Proj, Transformer

from kpgeo.brief import draw
from kpgeo.brief.inputs import Backdrop, BriefInputs
from kpgeo.brief.reading import SiteReading
from kpgeo.brief.words import Words
from kpgeo.model.aoi import Stratum
from kpgeo.model.site import SiteStatus

LEGEND_IN = 1.75
_MAP_IN = draw.TEXT_WIDTH_IN - LEGEND_IN - 0.35
_STRATUM_LINES = ("-", "--", "-.", ":")
_STRATUM_HATCHES = ("////", "\\\\\\\\", "....", "||||", "xxxx", "----")
_STEPS_DEG = (1 / 60, 2 / 60, 5 / 60, 10 / 60, 15 / 60, 0.5, 1.0, 2.0)
_LOWEST_IN, _HIGHEST_IN = 2.6, 5.6
_LABEL_REACHES_IN, _LABEL_ROOM_IN = (0.2, 0.3, 0.42, 0.56), 0.19
_CORNER = 0.06
_CASING = withStroke(linewidth=2.6, foreground=draw.PAPER)
MARKS = {
    SiteStatus.ACTIVE: (draw.ORANGE, draw.PAPER, "-"),
    SiteStatus.PAUSED: (draw.PAPER, draw.INK, "-"),
    SiteStatus.CLOSED: (draw.FAINT, draw.INK, ":"),
}


def overview_map(inputs: BriefInputs, readings: Sequence[SiteReading], words: Words, dpi: int) -> bytes:
    """Draw the AOI with its strata and numbered sites.

    Parameters
    ----------
    readings : sequence of SiteReading
        The sites to show, in order of number.

    Returns
    -------
    bytes
        PNG, `draw.TEXT_WIDTH_IN` wide.
    """
    epsg = inputs.grid.epsg
    boundary = draw.projected(inputs.aoi.geometry, epsg)
    extent, height = _framed(boundary.bounds)
    figure = draw.sheet(draw.TEXT_WIDTH_IN, height + 0.3)
    axes = draw.axes_at(figure, 0.3, 0.22, _MAP_IN, height)
    draw.no_axes(axes)
    axes.set(xlim=extent[:2], ylim=extent[2:], aspect="auto")
    _draw_ground(axes, inputs.backdrop)
    _draw_strata(axes, inputs.aoi.strata, epsg)
    axes.add_patch(
        draw.outline_patch(boundary, fill=False, edgecolor=draw.INK, linewidth=1.3, path_effects=[_CASING], zorder=5)
    )
    _draw_sites(axes, readings, epsg)
    _draw_graticule(axes, epsg, words)
    draw.scale_bar(axes, axes.get_xlim()[1] - axes.get_xlim()[0])
    centre = inputs.aoi.geometry.centroid
    convergence = Proj(epsg).get_factors(centre.x, centre.y).meridian_convergence
    draw.north_arrow(axes, -convergence, words.letters[0])
    _draw_legend(figure, inputs, readings, words, height)
    return draw.picture_bytes(figure, dpi)


def _framed(bounds: tuple[float, float, float, float]) -> tuple[tuple[float, float, float, float], float]:
    """Return (left, right, bottom, top) around the bounds, at one scale, and the map's height in inches."""
    left, bottom, right, top = bounds
    margin = 1.06
    height = min(max(_MAP_IN * (top - bottom) / (right - left), _LOWEST_IN), _HIGHEST_IN)
    metres_per_in = max((right - left) / _MAP_IN, (top - bottom) / height) * margin
    half_x, half_y = metres_per_in * _MAP_IN / 2, metres_per_in * height / 2
    x, y = (left + right) / 2, (bottom + top) / 2
    return (x - half_x, x + half_x, y - half_y, y + half_y), height


def _draw_ground(axes: Axes, backdrop: Backdrop | None) -> None:
    """Lay the backdrop, lightened so that lines and numbers stand out."""
    axes.set_facecolor("#f4f2ec")
    if backdrop is None:
        return
    box = backdrop.geobox.boundingbox
    pale = 255.0 - 0.62 * (255.0 - backdrop.rgb.astype(np.float32))
    axes.imshow(
        pale.astype(np.uint8),
        extent=(box.left, box.right, box.bottom, box.top),
        interpolation="antialiased",
        aspect="auto",
        zorder=0,
    )


def _draw_strata(axes: Axes, strata: Sequence[Stratum], epsg: int) -> None:
    for number, stratum in enumerate(strata):
        patch = draw.outline_patch(draw.projected(stratum.geometry, epsg), zorder=3, **stratum_style(number))
        axes.add_patch(patch)


def stratum_style(number: int) -> dict[str, Any]:
    """Return how the stratum of a number is drawn: line and hatch tell it apart without colour."""
    return {
        "facecolor": "none",
        "edgecolor": draw.BLUE,
        "linewidth": 1.0,
        "linestyle": _STRATUM_LINES[number % len(_STRATUM_LINES)],
        "hatch": _STRATUM_HATCHES[number % len(_STRATUM_HATCHES)],
        "hatch_linewidth": 0.25,
    }


def _draw_sites(axes: Axes, readings: Sequence[SiteReading], epsg: int) -> None:
    """Outline the sites and number them beside; better-ranked numbers are placed first and lie on top."""
    to_metres = Transformer.from_crs(4326, epsg, always_xy=True)
    places = [to_metres.transform(*reading.site.lon_lat) for reading in readings]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    box = draw.inches_of(axes)
    inches = [((x - left) / (right - left) * box.width, (y - bottom) / (top - bottom) * box.height) for x, y in places]
    offsets = place_labels(inches, (box.width, box.height))
    for reading, place, (right_in, up_in) in zip(readings, places, offsets, strict=True):
        shape = draw.projected(reading.site.geometry, epsg)
        axes.add_patch(draw.outline_patch(shape, facecolor=draw.ORANGE, alpha=0.35, edgecolor="none", zorder=5.5))
        axes.add_patch(draw.outline_patch(shape, fill=False, edgecolor=draw.ORANGE, linewidth=1.0, zorder=6))
        _draw_number(axes, reading, place, (right_in * 72.0, up_in * 72.0))


def _draw_number(axes: Axes, reading: SiteReading, place: tuple[float, float], offset_pt: tuple[float, float]) -> None:
    """Write a site's number in a circle beside it, joined by a line."""
    face, ink, line = MARKS[reading.site.status]
    circle = {"boxstyle": "circle,pad=0.25", "facecolor": face, "edgecolor": draw.INK, "linestyle": line}
    label = axes.annotate(
        str(reading.number),
        xy=place,
        xytext=offset_pt,
        textcoords="offset points",
        parse_math=False,
        fontproperties=draw.font(6.0, is_bold=True),
        color=ink,
        ha="center",
        va="center",
        annotation_clip=True,
        arrowprops={"arrowstyle": "-", "color": draw.INK, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0},
        bbox={**circle, "linewidth": 0.8},
    )
    label.set_zorder(8 - 0.001 * reading.number)


def place_labels(points: Sequence[tuple[float, float]], size: tuple[float, float]) -> list[tuple[float, float]]:
    """Return where to write beside each point (inches), one after the other, as free of others as the map allows.

    Parameters
    ----------
    points : sequence of (x, y)
        Inches from the lower left corner of the map.
    size : (width, height)
        Of the map, inches.
    """
    angles = np.deg2rad([45, 135, 315, 225, 0, 90, 180, 270])
    steps = np.array([(r * np.cos(a), r * np.sin(a)) for r in _LABEL_REACHES_IN for a in angles])
    sites, taken = np.array(points).reshape(-1, 2), np.empty((0, 2))
    offsets = []
    for place in sites:
        spots = place + steps
        others = np.concatenate([taken, sites])
        room = np.hypot(*(spots[:, None] - others[None]).transpose(2, 0, 1)).min(axis=1)
        edge = np.minimum(spots, np.array(size) - spots).min(axis=1)
        room = np.where(edge < _LABEL_ROOM_IN / 2, -1.0, np.minimum(room, _LABEL_ROOM_IN))
        best = int(np.argmax(room))
        taken = np.concatenate([taken, spots[best : best + 1]])
        offsets.append((float(steps[best, 0]), float(steps[best, 1])))
    return offsets


def _draw_graticule(axes: Axes, epsg: int, words: Words) -> None:
    """Draw meridians and parallels where they run, and label them on the left and lower edge."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    to_degrees = Transformer.from_crs(epsg, 4326, always_xy=True)
    to_metres = Transformer.from_crs(4326, epsg, always_xy=True)
    edge_x, edge_y = np.linspace(left, right, 65), np.linspace(bottom, top, 65)
    lons = np.concatenate([to_degrees.transform(edge_x, np.full(65, y))[0] for y in (bottom, top)])
    lats = np.concatenate([to_degrees.transform(np.full(65, x), edge_y)[1] for x in (left, right)])
    step = next((s for s in _STEPS_DEG if max(np.ptp(lons), np.ptp(lats)) / s <= 5.5), 5.0)
    style: dict[str, Any] = {"color": draw.INK, "linewidth": 0.3, "alpha": 0.45, "zorder": 2}
    for lon in _multiples(lons, step):
        x, y = to_metres.transform(np.full(65, lon), np.linspace(lats.min() - step, lats.max() + step, 65))
        axes.add_line(Line2D(x, y, **style))
        at = float(np.interp(bottom, y, x))
        if left + _CORNER * (right - left) < at < right:
            text = _angle(lon, words.letters[2:])
            draw.put(axes, (at, bottom - 0.012 * (top - bottom)), text, size=6.0, ha="center", va="top")
    for lat in _multiples(lats, step):
        x, y = to_metres.transform(np.linspace(lons.min() - step, lons.max() + step, 65), np.full(65, lat))
        axes.add_line(Line2D(x, y, **style))
        at = float(np.interp(left, x, y))
        if bottom + _CORNER * (top - bottom) < at < top - _CORNER / 2 * (top - bottom):
            place = (left - 0.012 * (right - left), at)
            draw.put(axes, place, _angle(lat, words.letters[:2]), size=6.0, ha="right", va="center", rotation=90)


def _multiples(angles: np.ndarray, step: float) -> list[float]:
    """Return the multiples of a step within a range of angles."""
    first, last = math.ceil(angles.min() / step), math.floor(angles.max() / step)
    return [number * step for number in range(first, last + 1)]


def _angle(degrees: float, letters: str) -> str:
    """Write an angle in degrees and minutes."""
    minutes = round(abs(degrees) * 60)
    letter = letters[0] if degrees > 0 else letters[1] if degrees < 0 else ""
    return f"{minutes // 60}°{minutes % 60:02d}′ {letter}".rstrip()


def _draw_legend(
    figure: Figure, inputs: BriefInputs, readings: Sequence[SiteReading], words: Words, height: float
) -> None:
    """Say what the signs mean, and in which reference system the map is drawn."""
    entries: list[tuple[Artist, str]] = [
        (Line2D([], [], color=draw.INK, linewidth=1.3), words.say("Boundary of the area")),
    ]
    for number, stratum in enumerate(inputs.aoi.strata):
        name = stratum.names.get(words.language) or stratum.names.get("en") or stratum.id
        entries.append((Patch(**stratum_style(number)), draw.wrapped(words.name(name))))
    names = {
        SiteStatus.ACTIVE: words.say("Site, active"),
        SiteStatus.PAUSED: words.say("Site, paused"),
        SiteStatus.CLOSED: words.say("Site, closed"),
    }
    for status in SiteStatus:
        if any(reading.site.status is status for reading in readings):
            face = MARKS[status][0]
            sign = Line2D(
                [], [], marker="o", linestyle="", markersize=6.5, markerfacecolor=face, markeredgecolor=draw.INK
            )
            entries.append((sign, names[status]))
    if readings:
        entries.append((Patch(facecolor="none", edgecolor=draw.ORANGE, linewidth=1.0), words.say("Outline of a site")))
    draw.legend_at(
        figure,
        (draw.TEXT_WIDTH_IN - LEGEND_IN, height + 0.22),
        entries,
        loc="upper left",
        prop=draw.font(6.6),
        handlelength=2.0,
        labelspacing=0.75,
    )
    notes = [f"WGS 84 / UTM {inputs.grid.epsg % 100}{'N' if inputs.grid.epsg < 32700 else 'S'}"]
    notes += [f"EPSG:{inputs.grid.epsg}", backdrop_note(inputs.backdrop, words)]
    figure.text(
        1.0 - LEGEND_IN / draw.TEXT_WIDTH_IN,
        0.22 / (height + 0.3),
        draw.printable_lines(notes),
        parse_math=False,
        fontproperties=draw.font(6.0),
        color=draw.SOFT,
        va="bottom",
        linespacing=1.35,
    )


def backdrop_note(backdrop: Backdrop | None, words: Words) -> str:
    """Say what the map is drawn on."""
    if backdrop is None or backdrop.sensor is None:
        return words.say("No satellite backdrop") if backdrop is None else ""
    name = words.sensor(backdrop.sensor)
    when = words.short_date_of(backdrop.datetime) if backdrop.datetime else ""
    return words.say("Backdrop: {sensor} {date}", sensor=name, date=when).strip()
