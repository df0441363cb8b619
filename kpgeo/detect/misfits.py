"""Looks that do not fit their ground: shifted ones, and ones whose counts were misread by a constant.

Neither is change. A shifted look turns every edge into change; a wrong offset turns the whole tile. Both are seen by
holding a look against what is expected of its day: the season of its pixels, or while there is none yet, the median of
the history's looks of that time of year. What is found not to fit is not folded in, and stands as a gap.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.history import HistoryStack, Look, Row
from kpgeo.kernels.season import INT16_NODATA, YEAR_DAYS, harmonic_basis
from kpgeo.kernels.shift import Shift, measure_shift
from kpgeo.model.scene import RADAR_BANDS, Sensor
from kpgeo.model.state import FILTER_BANDS, N_COEFS, N_RADAR_COEFS, RADAR_STEP_DB, REFLECTANCE_STEP, TileBaseline
from kpgeo.options.misfit import MisfitOptions

_log = logging.getLogger(__name__)
Image = NDArray[np.float32]
_OPTICAL_BAND, _RADAR_BAND = FILTER_BANDS.index("red"), RADAR_BANDS.index("vv")
_OPTICAL_TEXTURE, _RADAR_TEXTURE_DB = 0.004, 0.35
# A shift must be larger than the limit by this many of its standard errors, and gain more than chance does. Neighbours
# share their noise where radar is multilooked and Landsat interpolated: there, one pixel in nine counts.
_SURE_ERRORS = 1.0
_SURE_GAIN = 3.0
_ALIKE_PX = {Sensor.SENTINEL2: 1.0, Sensor.LANDSAT: 9.0, Sensor.SENTINEL1: 9.0}
_SAMPLE_STEP = 8
_MIN_SAMPLED = 200
_WRONG_OFFSET, _OFFSET_SPREAD = 0.1, 0.03
_SEASONS, _PER_SEASON, _MIN_PER_SEASON = 6, 12, 5


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a look should show: one band in full, and all bands thinly (every eighth row and column)."""

    image: Image
    sample: Image


def find_misfits(looks: Sequence[Look], baseline: TileBaseline, options: MisfitOptions) -> dict[str, str]:
    """Return which looks do not fit the season of their tile: scene ids, and why in machine words.

    `shifted: 1.4 px` (of the grid), or `offset-contradicted: +0.10`. A tile without texture, or without a season, says
    nothing; so does a look with too few clear pixels.
    """
    found = {}
    for look in looks:
        if reason := _judge(look, _season_of(look, baseline), options):
            found[look.scene_id] = reason
    return found


def find_history_misfits(history: HistoryStack, options: MisfitOptions) -> dict[str, str]:
    """Return which looks of a history do not fit the others of their time of year, as `find_misfits` does."""
    found = {}
    for rows, step in ((history.optical, REFLECTANCE_STEP), (history.radar, RADAR_STEP_DB)):
        is_radar = rows is history.radar
        seasons = [_median_of(rows, season, step, is_radar=is_radar) for season in range(1 if is_radar else _SEASONS)]
        for row in rows:
            expected = seasons[0 if is_radar else _season_index(row[0])]
            if expected is None:
                continue
            pixels = np.where(row[3] == INT16_NODATA, np.float32(np.nan), row[3] * np.float32(step))
            look = Look(sensor=row[2], day=row[0], scene_id=row[1], pixels=pixels)
            if reason := _judge(look, expected, options):
                found[look.scene_id] = reason
    return found


def shift_of(look: Look, baseline: TileBaseline) -> Shift | None:
    """Return how a look lies against the season of its tile; None where that cannot be told."""
    return _shift(look, _season_of(look, baseline))


def _judge(look: Look, expected: Expected, options: MisfitOptions) -> str:
    """Return why a look does not fit, or nothing."""
    if look.sensor is Sensor.SENTINEL2 and (offset := _offset(look, expected, options)):
        return f"offset-contradicted: {offset:+.2f}"
    shift = _shift(look, expected)
    if shift is not None:
        where = (look.scene_id, shift.down_px, shift.right_px, shift.error_px, shift.likeness)
        _log.debug("scene %s lies %.2f px down and %.2f px right of its ground, error %.2f, likeness %.2f", *where)
    if shift is None or shift.likeness < options.shift_likeness:
        return ""
    if shift.gain < _SURE_GAIN * (_ALIKE_PX[look.sensor] / shift.clear_px) ** 0.5:
        return ""
    is_landsat = look.sensor is Sensor.LANDSAT
    limit_px = options.shift_limit_landsat_px if is_landsat else options.shift_limit_px
    if shift.size_px - _SURE_ERRORS * shift.error_px <= limit_px:
        return ""
    return f"shifted: {shift.size_px:.1f} px"


def _shift(look: Look, expected: Expected) -> Shift | None:
    band, texture = (_RADAR_BAND, _RADAR_TEXTURE_DB) if look.sensor.is_radar else (_OPTICAL_BAND, _OPTICAL_TEXTURE)
    return measure_shift(look.pixels[band], expected.image, texture)


def _offset(look: Look, expected: Expected, options: MisfitOptions) -> float:
    """Return by how much a look is off, if all its bands are off by the same and by about one offset; else 0."""
    apart = look.pixels[:, ::_SAMPLE_STEP, ::_SAMPLE_STEP] - expected.sample
    seen = apart[:, np.isfinite(apart).all(axis=0)]
    if seen.shape[1] < _MIN_SAMPLED:
        return 0.0
    off = np.median(seen, axis=1)
    middle = float(off.mean())
    reach = _WRONG_OFFSET - options.offset_reflectance
    is_one_amount = float(np.ptp(off)) <= _OFFSET_SPREAD and abs(abs(middle) - _WRONG_OFFSET) <= reach
    return middle if is_one_amount else 0.0


def _season_of(look: Look, baseline: TileBaseline) -> Expected:
    """Return what the season of a tile expects of a look's day."""
    n_coefs, step, beta, band = (
        (N_RADAR_COEFS, RADAR_STEP_DB, baseline.beta_radar, _RADAR_BAND)
        if look.sensor.is_radar
        else (N_COEFS, REFLECTANCE_STEP, baseline.beta_optical, _OPTICAL_BAND)
    )
    basis = harmonic_basis(np.array([look.day]), n_coefs)[0] * np.float32(step)
    thin = beta[:, :, ::_SAMPLE_STEP, ::_SAMPLE_STEP].astype(np.float32)
    return Expected(
        image=np.tensordot(basis, beta[band].astype(np.float32), axes=(0, 0)),
        sample=np.tensordot(basis, thin, axes=(0, 1)),
    )


def _season_index(day: int) -> int:
    """Return which sixth of the year a day lies in."""
    return int((day % YEAR_DAYS) / YEAR_DAYS * _SEASONS) % _SEASONS


def _median_of(rows: Sequence[Row], season: int, step: float, *, is_radar: bool) -> Expected | None:
    """Return the median of the clearest looks of a time of year; of radar, of all the year. None where too few are."""
    of_season = [row for row in rows if is_radar or _season_index(row[0]) == season]
    if len(of_season) < _MIN_PER_SEASON:
        return None
    clear = [np.count_nonzero(row[3][0, ::_SAMPLE_STEP, ::_SAMPLE_STEP] != INT16_NODATA) for row in of_season]
    order = np.argsort(-np.array(clear), kind="stable")[:_PER_SEASON]
    chosen = [of_season[i][3] for i in np.sort(order)]
    band = _RADAR_BAND if is_radar else _OPTICAL_BAND
    image = _median(np.stack([pixels[band] for pixels in chosen])) * np.float32(step)
    sample = _median(np.stack([pixels[:, ::_SAMPLE_STEP, ::_SAMPLE_STEP] for pixels in chosen])) * np.float32(step)
    seen = image[np.isfinite(image)]
    if not seen.size:
        return None
    return Expected(image=np.where(np.isfinite(image), image, np.float32(np.mean(seen))), sample=sample)


def _median(stack: NDArray[np.int16]) -> Image:
    """Return the lower median along the first axis of what is seen; NaN where nothing is."""
    count = (stack != INT16_NODATA).sum(axis=0)
    ordered = np.sort(np.where(stack == INT16_NODATA, np.int16(32767), stack), axis=0)
    middle: Image = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0].astype(np.float32)
    middle[count == 0] = np.nan
    return middle
