"""What every picture of a brief shares: one look, safe text, PNG bytes that are the same each time."""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.legend import Legend
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from kpgeo.brief.words import plain
from kpgeo.model.errors import IntegrityError

INK = "#1c1c1c"
SOFT = "#6b6b6b"
FAINT = "#d4d4d4"
PAPER = "#ffffff"
BLUE = "#0b4f6c"
PALE = "#8fb8cc"
ORANGE = "#d1601f"
FONT_FOLDER = Path(mpl.get_data_path()) / "fonts" / "ttf"
TEXT_WIDTH_IN = 6.69
BASE_PT = 7.0
_HALO = withStroke(linewidth=2.0, foreground=PAPER)


@cache
def _shown_codes() -> frozenset[int]:
    """Return the code points DejaVu Sans can show; the font comes with matplotlib."""
    return frozenset(FT2Font(str(FONT_FOLDER / "DejaVuSans.ttf")).get_charmap())


def printable(text: str) -> str:
    """Return text in which characters that the shipped fonts cannot show stand as code points."""
    codes = _shown_codes()
    return "".join(char if ord(char) in codes else f"[U+{ord(char):04X}]" for char in plain(text))


def printable_lines(lines: Sequence[str]) -> str:
    """Join lines, each made printable."""
    return "\n".join(printable(line) for line in lines if line)


def wrapped(text: str, width: int = 24) -> str:
    """Break a label at blanks into lines of a width; a word that is longer is cut hard."""
    lines: list[str] = [""]
    for word in text.split(" "):
        for piece in [word[start : start + width] for start in range(0, max(len(word), 1), width)]:
            if len(lines[-1]) + len(piece) + 1 > width and lines[-1]:
                lines.append(piece)
            else:
                lines[-1] = f"{lines[-1]} {piece}".strip()
    return "\n".join(lines)


def font(size: float = BASE_PT, *, is_bold: bool = False) -> FontProperties:
    """Return the one typeface of pictures."""
    return FontProperties(family=["DejaVu Sans"], size=size, weight="bold" if is_bold else "normal")


def sheet(width_in: float, height_in: float) -> Figure:
    """Return an empty figure of the given size in inches, with its own canvas: no global state."""
    figure = Figure(figsize=(width_in, height_in), facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def axes_at(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Return axes at a place given in inches from the lower left corner."""
    full_width, full_height = figure.get_size_inches()
    return figure.add_axes((left / full_width, bottom / full_height, width / full_width, height / full_height))


def put(axes: Axes, place: tuple[float, float], text: str, *, size: float = BASE_PT, **style: Any) -> Text:
    """Write a text at a place in data coordinates; it is never read as mathematics."""
    style.setdefault("color", INK)
    is_bold = style.pop("is_bold", False)
    if style.pop("has_halo", False):
        style["path_effects"] = [_HALO]
    shown = printable_lines(text.split("\n"))
    return axes.text(*place, shown, parse_math=False, fontproperties=font(size, is_bold=is_bold), **style)


def put_in(axes: Axes, place: tuple[float, float], text: str, **style: Any) -> Text:
    """Write a text at a place in axes coordinates (0–1)."""
    return put(axes, place, text, transform=axes.transAxes, **style)


def label_ticks(axes: Axes, ticks: Sequence[float], labels: Sequence[str], *, on: str = "x") -> None:
    """Put labelled ticks on an axis."""
    axis = axes.xaxis if on == "x" else axes.yaxis
    axis.set_ticks(list(ticks))
    axis.set_ticklabels(
        [printable_lines(label.split("\n")) for label in labels], parse_math=False, fontproperties=font(), color=INK
    )


def quiet(axes: Axes, *, keep: Sequence[str] = ("left", "bottom")) -> None:
    """Take away what is not needed around a chart."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)
        spine.set_color(SOFT)
        spine.set_linewidth(0.6)
    axes.tick_params(length=2.5, width=0.6, color=SOFT, labelsize=BASE_PT)


def no_axes(axes: Axes) -> None:
    """Hide ticks and keep a thin frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(INK)
        spine.set_linewidth(0.6)


def projected(geometry: BaseGeometry, epsg: int) -> BaseGeometry:
    """Return an EPSG:4326 geometry in a UTM zone."""
    transformer = Transformer.from_crs(4326, epsg, always_xy=True)
    return shapely.transform(geometry, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def outline_patch(geometry: BaseGeometry, **style: Any) -> PathPatch:
    """Return polygons, holes too, as one patch."""
    rings = [
        np.asarray(ring.coords)[:, :2]
        for part in getattr(geometry, "geoms", [geometry])
        if part.geom_type == "Polygon"
        for ring in (part.exterior, *part.interiors)
    ]
    paths = [Outline(ring, closed=True) for ring in rings if len(ring)]
    return PathPatch(Outline.make_compound_path(*paths) if paths else Outline(np.zeros((1, 2))), **style)


def legend_at(
    figure: Figure, place: tuple[float, float], entries: Sequence[tuple[Artist, str]], **style: Any
) -> Legend:
    """Draw a legend at a place given in inches from the lower left corner."""
    width, height = figure.get_size_inches()
    legend = figure.legend(
        [handle for handle, _ in entries],
        [printable_lines(label.split("\n")) for _, label in entries],
        bbox_to_anchor=(place[0] / width, place[1] / height),
        frameon=False,
        borderaxespad=0.0,
        **{"loc": "lower left", "prop": font(), **style},
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return legend


def scale_bar(axes: Axes, width_m: float, *, target_frac: float = 0.25) -> None:
    """Draw a scale bar of a round length on a light panel at the lower left of axes in metres."""
    length = round_length(width_m * target_frac)
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    box = inches_of(axes)
    bar = length / width_m
    left, base = 0.14 / box.width, 0.11 / box.height
    _panel(axes, (0.06 / box.width, 0.05 / box.height), (bar + 0.16 / box.width, 0.30 / box.height))
    for part, colour in ((0, INK), (1, PAPER)):
        half = Rectangle((left + part * bar / 2, base), bar / 2, 0.05 / box.height, transform=axes.transAxes)
        half.set(facecolor=colour, edgecolor=INK, linewidth=0.6, zorder=9)
        axes.add_patch(half)
    text = put_in(axes, (left + bar / 2, base + 0.08 / box.height), label, size=6.3, ha="center", va="bottom")
    text.set_zorder(9)


def inches_of(axes: Axes) -> Bbox:
    """Return the place of axes on the sheet, in inches."""
    figure = axes.get_figure(root=True)
    if figure is None:
        raise IntegrityError("The axes were taken off their figure.", where="picture of a brief")
    return axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())


def _panel(axes: Axes, corner: tuple[float, float], size: tuple[float, float]) -> None:
    """Lay a light panel (axes coordinates) under signs that must be read on any ground."""
    panel = Rectangle(corner, *size, transform=axes.transAxes)
    panel.set(facecolor=PAPER, edgecolor="none", alpha=0.82, zorder=8.5)
    axes.add_patch(panel)


def round_length(metres: float) -> float:
    """Return the longest of 1, 2, 5 x 10^n that is not longer than a length."""
    power = 10.0 ** np.floor(np.log10(max(metres, 1.0)))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= metres or step == 1.0))


def north_arrow(axes: Axes, angle_deg: float, letter: str) -> None:
    """Draw an arrow to true north at the upper right; `angle_deg` is the turn from grid north, clockwise."""
    box = inches_of(axes)
    unit = np.array([0.2 / box.width, 0.2 / box.height])
    turn = np.deg2rad(angle_deg)
    rotate = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    shape = np.array([[0.0, 0.55], [0.26, -0.45], [0.0, -0.22], [-0.26, -0.45]]) @ rotate.T
    centre = np.array([1.0, 1.0]) - unit * [0.85, 0.95]
    _panel(axes, tuple(centre - unit * [0.5, 1.35]), tuple(unit * [1.0, 2.05]))
    arrow = Polygon(centre + shape * unit, closed=True, transform=axes.transAxes)
    arrow.set(facecolor=INK, edgecolor="none", zorder=9)
    axes.add_patch(arrow)
    place = tuple(centre - unit * [0.0, 0.55])
    put_in(axes, place, letter, ha="center", va="top", is_bold=True, size=6.3).set_zorder(9)


def picture_bytes(figure: Figure, dpi: int) -> bytes:
    """Return a figure as PNG (RGB) that holds nothing but pixels and their size: no date, no software, no place."""
    figure.set_dpi(dpi)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="png", dpi=(dpi, dpi))
    return stream.getvalue()
