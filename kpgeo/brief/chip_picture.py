"""One chip by itself: a picture without words, so that it is the same in every language."""

import datetime as dt

from shapely.geometry.base import BaseGeometry

from kpgeo.brief import draw
from kpgeo.brief.chips import outlined, square_around
from kpgeo.brief.inputs import Chip, ChipPair
from kpgeo.model.scene import Sensor

_CHIP_IN = 4.0
_LINE_IN = 0.26
_DPI = 150
_NAMES = {Sensor.SENTINEL2: "Sentinel-2", Sensor.LANDSAT: "Landsat", Sensor.SENTINEL1: "Sentinel-1"}


def draw_chips(pair: ChipPair, geometry: BaseGeometry, *, epsg: int, margin_m: float, mark: str) -> dict[str, bytes]:
    """Draw the chips of a pair as pictures of the same ground, each with date (UTC), sensor, scale, north and a mark.

    Parameters
    ----------
    geometry : shapely geometry
        The site, EPSG:4326; its outline is drawn.
    mark : str
        Who may see it, such as `KP ONLY`; "" where everybody may.

    Returns
    -------
    dict of str to bytes
        PNG by `before` and `after`; without the one that was not found.
    """
    shape = draw.projected(geometry, epsg)
    chips = {name: chip for name, chip in (("before", pair.before), ("after", pair.after)) if chip is not None}
    window = square_around(shape, margin_m, list(chips.values()))
    return {name: _draw_chip(chip, shape, window, mark) for name, chip in chips.items()}


def _draw_chip(chip: Chip, shape: BaseGeometry, window: tuple[float, float, float, float], mark: str) -> bytes:
    figure = draw.sheet(_CHIP_IN, _CHIP_IN + 2 * _LINE_IN)
    axes = draw.axes_at(figure, 0.0, _LINE_IN, _CHIP_IN, _CHIP_IN)
    draw.no_axes(axes)
    axes.set(xlim=window[:2], ylim=window[2:])
    axes.set_aspect("equal")
    box = chip.geobox.boundingbox
    axes.imshow(chip.rgb, extent=(box.left, box.right, box.bottom, box.top), interpolation="nearest", zorder=1)
    axes.add_patch(outlined(shape))
    moment = chip.datetime.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    draw.put_in(axes, (0.01, 1.015), moment, is_bold=True, va="bottom", size=9.0)
    draw.put_in(axes, (0.99, 1.015), _NAMES[chip.sensor], ha="right", va="bottom", size=9.0)
    draw.put_in(axes, (0.01, -0.015), mark, is_bold=True, va="top", size=9.0)
    draw.put_in(axes, (0.99, -0.015), chip.scene_id, ha="right", va="top", size=7.0)
    draw.scale_bar(axes, window[1] - window[0])
    draw.north_arrow(axes, 0.0, "N")
    return draw.picture_bytes(figure, _DPI)
