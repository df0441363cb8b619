"""One window of one file, read onto the grid."""

import numpy as np
from numpy.typing import NDArray

from kpgeo.ingest.foreign import Pixels, warped
from kpgeo.ingest.frames import Frame, Part, lie_of
from kpgeo.ingest.opening import Setting, Source, opened
from kpgeo.kernels import placing
from kpgeo.options.ingest import IngestOptions

_FINER = 0.6
_COARSER = 1.5


def read_window(source: Source, target: Frame, setting: Setting) -> NDArray[np.float32]:
    """Read a file onto a grid.

    The result does not depend on how the grid is cut into windows.

    Returns
    -------
    array of float32, (y, x)
        The stored numbers, unscaled; NaN where the file has no data or does not reach.

    Raises
    ------
    FileError
        The file cannot be opened or read, or is refused.
    """
    with opened(source, setting) as pixels:
        return _onto(pixels, target, _resampling(pixels, source, target, setting.options), setting.options)


def sample_counts(source: Source, setting: Setting, edge_px: int = 256) -> NDArray[np.float32]:
    """Return a thin sample of a whole file's valid numbers (1-D, at most `edge_px`²), from its overviews if it has any.

    Raises
    ------
    FileError
        As `read_window`.
    """
    with opened(source, setting) as pixels:
        counts = pixels.sample(min(edge_px, pixels.height), min(edge_px, pixels.width))
    valid: NDArray[np.float32] = counts[np.isfinite(counts)]
    return valid


def _resampling(pixels: Pixels, source: Source, target: Frame, options: IngestOptions) -> str:
    """Return the resampling by how the file's pixels compare with the grid's; both are in metres."""
    if source.is_class:
        return "nearest"
    ratio = abs(pixels.transform.a) / target.step_x if pixels.transform is not None else 1.0
    if ratio > _COARSER:
        return options.resampling_coarser
    return options.resampling_finer if ratio < _FINER else options.resampling_same


def _onto(pixels: Pixels, target: Frame, resampling: str, options: IngestOptions) -> NDArray[np.float32]:
    """Read by copying where the pixels of file and grid are the same, by arithmetic along the axes or by warping."""
    frame = pixels.frame
    if frame is None or frame.system != target.system:
        return warped(pixels, target, resampling)
    lie = lie_of(frame, target)
    if lie.is_same:
        here = Part(top=lie.rows.start, left=lie.cols.start, height=target.height, width=target.width)
        return pixels.read(here)
    if resampling == "average" and lie.ratio is not None:
        return _averaged(pixels, target, options)
    part = lie.needed
    out = np.full((target.height, target.width), np.nan, dtype=np.float32)
    if part is None:
        return out
    rows, cols = lie.rows, lie.cols
    row_of = np.where(rows.holder < 0, -1, rows.holder - part.top)
    col_of = np.where(cols.holder < 0, -1, cols.holder - part.left)
    if resampling == "nearest":
        placing.pick(pixels.read(part), row_of, col_of, out)
    elif resampling == "bilinear" and frame.step_x >= target.step_x and frame.step_y >= target.step_y:
        by_row = (row_of, rows.first - part.top, rows.weight)
        by_col = (col_of, cols.first - part.left, cols.weight)
        placing.interpolate(pixels.read(part), by_row, by_col, out)
    else:
        return warped(pixels, target, resampling)
    return out


def _averaged(pixels: Pixels, target: Frame, options: IngestOptions) -> NDArray[np.float32]:
    """Average whole pixels, or those of an overview that leaves enough of them."""
    assert pixels.frame is not None  # noqa: S101 - `_onto` has looked
    overview, lie = -1, lie_of(pixels.frame, target)
    for number, (height, width) in enumerate(pixels.overviews):
        if pixels.height % height == 0 and pixels.width % width == 0:
            coarser = lie_of(pixels.frame.thinned(height, width), target)
            if coarser.ratio is not None and options.overview_px <= coarser.ratio < (lie.ratio or 0):
                overview, lie = number, coarser
    ratio = lie.ratio or 1
    out = np.empty((target.height, target.width), dtype=np.float32)
    part = Part(top=lie.rows.start, left=lie.cols.start, height=target.height * ratio, width=target.width * ratio)
    placing.average(pixels.read(part, overview), ratio, out)
    return out
