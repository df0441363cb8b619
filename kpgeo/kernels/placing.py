"""Stored numbers onto a grid: undoing a predictor, copying, picking, interpolating, averaging.

All write float32 and NaN for "no data". Rows and columns of the source are given by arrays of positions, one for each
row and column of the target, so that any grid along the same axes is served, whatever its pixel size and origin.
The arithmetic of `interpolate` and `average` is that of GDAL's warper (`GWKBilinearResample4Sample`,
`GWKAverageOrModeThread`, GDAL 3.10), in its order and its precision, so that both give the same bits.
"""

import numpy as np
from numba import njit

_NAN = np.float32(np.nan)
# Below this sum of weights GDAL holds a pixel for empty.
_LEAST_WEIGHT = 0.00001


@njit(cache=True, nogil=True, error_model="numpy")
def place(tile, nodata, out, at):  # type: ignore[no-untyped-def]
    """Copy a part of a tile to a part of `out`; what equals `nodata` becomes NaN.

    `at` is the first row and column in the tile, the first row and column in `out`, and how many rows and columns.
    """
    tile_row, tile_col, out_row, out_col, rows, cols = at
    for y in range(rows):
        line = tile[tile_row + y, tile_col : tile_col + cols]
        here = out[out_row + y, out_col : out_col + cols]
        for x in range(cols):
            value = np.float32(line[x])
            here[x] = _NAN if value == nodata else value


@njit(cache=True, nogil=True, error_model="numpy")
def place_sums(tile, nodata, out, at):  # type: ignore[no-untyped-def]
    """Undo horizontal differencing (TIFF predictor 2) of whole numbers in place, and copy as `place` does.

    Four rows go together: a sum waits for the one before it, and four chains wait less than one; the rows are still in
    the nearest cache when they are copied. Sums wrap around, as the differences did.
    """
    tile_row, tile_col, out_row, out_col, rows, cols = at
    wrap = tile.dtype.type
    n = tile_col + cols
    for begin in range(0, rows, 4):
        end = min(begin + 4, rows)
        if end - begin == 4:
            top = tile_row + begin
            a, b, c, d = tile[top, :n], tile[top + 1, :n], tile[top + 2, :n], tile[top + 3, :n]
            sum_a, sum_b, sum_c, sum_d = a[0], b[0], c[0], d[0]
            for x in range(1, n):
                sum_a = wrap(sum_a + a[x])
                a[x] = sum_a
                sum_b = wrap(sum_b + b[x])
                b[x] = sum_b
                sum_c = wrap(sum_c + c[x])
                c[x] = sum_c
                sum_d = wrap(sum_d + d[x])
                d[x] = sum_d
        else:
            for y in range(begin, end):
                a = tile[tile_row + y, :n]
                total = a[0]
                for x in range(1, n):
                    total = wrap(total + a[x])
                    a[x] = total
        for y in range(begin, end):
            line = tile[tile_row + y, tile_col:n]
            here = out[out_row + y, out_col : out_col + cols]
            for x in range(cols):
                value = np.float32(line[x])
                here[x] = _NAN if value == nodata else value


@njit(cache=True, nogil=True, error_model="numpy")
def pick(source, row_of, col_of, out):  # type: ignore[no-untyped-def]
    """Write the source pixel that holds the centre of each target pixel. A position of -1 is outside."""
    for y in range(out.shape[0]):
        here = out[y]
        if row_of[y] < 0:
            here[:] = _NAN
            continue
        line = source[row_of[y]]
        for x in range(out.shape[1]):
            here[x] = _NAN if col_of[x] < 0 else line[col_of[x]]


@njit(cache=True, nogil=True, error_model="numpy")
def interpolate(source, rows, cols, out):  # type: ignore[no-untyped-def]
    """Interpolate bilinearly between the centres of source pixels; those without data are left out.

    `rows` and `cols` are, for each row or column of `out`: the source pixel that holds its centre (-1 outside), the
    first of the two it lies between, and that one's weight. Where the pixel that holds the centre has no data, neither
    has the target.
    """
    row_of, first_row, row_weight = rows
    col_of, first_col, col_weight = cols
    height, width = source.shape
    for y in range(out.shape[0]):
        here = out[y]
        if row_of[y] < 0:
            here[:] = _NAN
            continue
        top, top_weight = first_row[y], row_weight[y]
        for x in range(out.shape[1]):
            if col_of[x] < 0 or np.isnan(source[row_of[y], col_of[x]]):
                here[x] = _NAN
                continue
            left, left_weight = first_col[x], col_weight[x]
            total, weights = 0.0, 0.0
            for i in range(2):
                for j in range(2):
                    if top + i < height and left + j < width and not np.isnan(source[top + i, left + j]):
                        weight = (1.0 - left_weight if j else left_weight) * (1.0 - top_weight if i else top_weight)
                        total += source[top + i, left + j] * weight
                        weights += weight
            here[x] = _NAN if weights < _LEAST_WEIGHT else np.float32(total / weights if weights != 1.0 else total)


@njit(cache=True, nogil=True, error_model="numpy")
def average(source, ratio, out):  # type: ignore[no-untyped-def]
    """Average the valid ones of `ratio` × `ratio` source pixels into each target pixel, which they cover exactly."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total, valid = 0.0, 0.0
            for i in range(y * ratio, (y + 1) * ratio):
                for j in range(x * ratio, (x + 1) * ratio):
                    value = source[i, j]
                    if not np.isnan(value):
                        total += value
                        valid += 1.0
            out[y, x] = np.float32(total / valid) if valid > 0.0 else _NAN
