"""Small pictures for messages: a chip of the ground with the site drawn around, no larger than a message can carry."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_SIZES_PX = (300, 240, 200, 150, 110, 80)
_QUALITIES = (82, 72, 62, 50, 40, 30)
_CASING, _LINE = (28, 28, 28), (255, 255, 255)
Ring = Sequence[tuple[float, float]]


def draw_thumbnail(rgb: NDArray[np.uint8], rings: Sequence[Ring], limit_bytes: int) -> bytes:
    """Return a chip as a square JPEG of at most `limit_bytes`, without any metadata.

    Parameters
    ----------
    rgb : uint8 (y, x, 3)
    rings : sequence of rings
        Outlines to draw, as (x, y) in shares of the chip's width and height, 0-1 from its upper left corner.

    Returns
    -------
    bytes
        b"" where not even the smallest fits.
    """
    for size_px in _SIZES_PX:
        picture = _drawn(rgb, rings, size_px)
        for quality in _QUALITIES:
            stream = io.BytesIO()
            picture.save(stream, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
            if stream.tell() <= limit_bytes:
                return stream.getvalue()
    return b""


def _drawn(rgb: NDArray[np.uint8], rings: Sequence[Ring], size_px: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(rgb)).resize((size_px, size_px), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for colour, width in ((_CASING, 4), (_LINE, 2)):
        for ring in rings:
            pen.line([(x * size_px, y * size_px) for x, y in ring], fill=colour, width=width, joint="curve")
    return picture
