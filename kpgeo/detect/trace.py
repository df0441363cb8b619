"""Traces: the filter folded over a whole tile, and what it did to some of its pixels written down look by look.

The tile is folded as a whole, because no pixel is believed alone: a radar look is levelled by the median of its tile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.baseline import RADAR_SIGMA_SCALE, median_level
from kpgeo.detect.filter import TileContext, decode_fields, fold_dekad
from kpgeo.detect.history import Look
from kpgeo.kernels.season import harmonic_basis
from kpgeo.model.calendar import dekad_end, dekad_start
from kpgeo.model.scene import Sensor
from kpgeo.model.state import (
    N_COEFS,
    N_RADAR_COEFS,
    RADAR_STEP_DB,
    REFLECTANCE_STEP,
    TileBaseline,
    TileState,
    decode_belief,
    decode_sigma,
)
from kpgeo.model.trace import Beliefs, DekadTrace, LookTrace
from kpgeo.options.detect import DetectOptions

_BLANK = ""  # sorts before every scene id

Pixel = tuple[int, int]
"""Row and column in a tile."""


@dataclass(frozen=True, kw_only=True)
class PixelTracer:
    """Folds a tile as `fold_dekad` does, and writes down what some of its pixels saw and came to believe.

    Attributes
    ----------
    pixels : tuple of (row, column)
        In the tile.
    """

    context: TileContext
    options: DetectOptions
    pixels: tuple[Pixel, ...]

    def fold(
        self, state: TileState, baseline: TileBaseline, looks: Sequence[Look], dekad: int
    ) -> tuple[TileState, tuple[DekadTrace, ...]]:
        """Return the tile's state at the end of a dekad, and the dekad of each of the pixels.

        A look without a clear pixel moves no belief but brings it to its day. A blank one is put before the looks of
        each day, so that `LookTrace.before` is what passing time made of the belief, and what lies between it and
        `after` is the look's own. The state is the one `fold_dekad` returns without them, bit for bit.
        """
        rows, cols = (np.array(axis) for axis in zip(*self.pixels, strict=True))
        steps: list[tuple[Look, NDArray[np.float32]]] = []

        def on_look(look: Look, belief: NDArray[np.float32]) -> None:
            steps.append((look, belief[:, rows, cols]))

        blanks = [_blank(look) for look in {look.day: look for look in looks}.values()]
        folded = fold_dekad(state, baseline, [*looks, *blanks], dekad, self.context, self.options, on_look)
        traced = [self._looks(steps, baseline, number) for number in range(len(self.pixels))]
        return folded, tuple(
            self._dekad(state, folded, baseline, dekad, pixel, of_pixel)
            for pixel, of_pixel in zip(self.pixels, traced, strict=True)
        )

    def _looks(
        self, steps: Sequence[tuple[Look, NDArray[np.float32]]], baseline: TileBaseline, number: int
    ) -> tuple[LookTrace, ...]:
        """Return the looks at one pixel."""
        found = []
        before: Beliefs = ()
        for look, belief in steps:
            after = _beliefs(belief[:, number])
            if look.scene_id != _BLANK:
                found.append(self._look(look, baseline, self.pixels[number], (before, after)))
            before = after
        return tuple(found)

    def _look(self, look: Look, baseline: TileBaseline, pixel: Pixel, beliefs: tuple[Beliefs, Beliefs]) -> LookTrace:
        """Return one look at one pixel."""
        expected, scatter = _season(baseline, look.day, pixel, is_radar=look.sensor.is_radar)
        if look.sensor is Sensor.LANDSAT:
            scatter = scatter * np.float32(self.options.landsat_sigma_factor)
        level = _level(look, baseline) if look.sensor.is_radar else np.zeros(len(expected), dtype=np.float32)
        seen = look.pixels[(slice(None), *pixel)] - level
        return LookTrace(
            day=look.day,
            sensor=look.sensor,
            scene_id=look.scene_id,
            seen=_floats(seen) if np.isfinite(seen).all() else (),
            expected=_floats(expected),
            scatter=_floats(scatter),
            level_db=_floats(level) if look.sensor.is_radar else (),
            before=beliefs[0],
            after=beliefs[1],
        )

    def _dekad(
        self,
        state: TileState,
        folded: TileState,
        baseline: TileBaseline,
        dekad: int,
        pixel: Pixel,
        looks: tuple[LookTrace, ...],
    ) -> DekadTrace:
        """Return one dekad of one pixel."""
        middle = (dekad_start(dekad) + dekad_end(dekad)) // 2
        optical, optical_scatter = _season(baseline, middle, pixel, is_radar=False)
        radar, radar_scatter = _season(baseline, middle, pixel, is_radar=True)
        fields = decode_fields(dekad, cut(folded, pixel))
        return DekadTrace(
            dekad=dekad,
            start=belief_at(state, pixel),
            end=belief_at(folded, pixel),
            looks=looks,
            onset_day=int(fields.onset_day[0, 0]),
            mined_frac=float(fields.mined_frac[0, 0]),
            optical=_floats(optical),
            optical_scatter=_floats(optical_scatter),
            radar=_floats(radar),
            radar_scatter=_floats(radar_scatter),
        )


def cut(state: TileState, pixel: Pixel) -> TileState:
    """Return the state of one pixel, as a tile of 1 × 1."""
    row, col = pixel
    return TileState(**{name: array[..., row : row + 1, col : col + 1] for name, array in state.items()})  # type: ignore[arg-type]


def belief_at(state: TileState, pixel: Pixel) -> Beliefs:
    """Return the belief in one pixel."""
    return _beliefs(decode_belief(cut(state, pixel).belief)[:, 0, 0])


def distance(one: TileState, other: TileState, pixel: Pixel) -> float | None:
    """Return by how much two beliefs in a pixel differ most, 0–1; None where all stored of it is equal, bit for bit."""
    if cut(one, pixel).equals(cut(other, pixel)):
        return None
    return max(abs(a - b) for a, b in zip(belief_at(one, pixel), belief_at(other, pixel), strict=True))


def _blank(look: Look) -> Look:
    """Return a look of the same day in which nothing was clear."""
    return replace(look, scene_id=_BLANK, pixels=np.full_like(look.pixels, np.nan))


def _season(
    baseline: TileBaseline, day: int, pixel: Pixel, *, is_radar: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what the season has in one pixel on a day, and its scatter, by band; reflectance or dB."""
    row, col = pixel
    if is_radar:
        basis = harmonic_basis(np.array([day]), N_RADAR_COEFS)[0] * np.float32(RADAR_STEP_DB)
        beta, code, scale = baseline.beta_radar, baseline.sigma_radar, RADAR_SIGMA_SCALE
    else:
        basis = harmonic_basis(np.array([day]), N_COEFS)[0] * np.float32(REFLECTANCE_STEP)
        beta, code, scale = baseline.beta_optical, baseline.sigma_optical, 1.0
    return beta[..., row, col].astype(np.float32) @ basis, decode_sigma(code[..., row, col], scale=scale)


def _level(look: Look, baseline: TileBaseline) -> NDArray[np.float32]:
    """Return what the filter takes from a radar look for its whole tile, dB."""
    basis = harmonic_basis(np.array([look.day]), N_RADAR_COEFS)[0]
    season = np.tensordot(basis * np.float32(RADAR_STEP_DB), baseline.beta_radar.astype(np.float32), axes=(0, 1))
    return median_level(look.pixels - season)


def _beliefs(column: NDArray[np.float32]) -> Beliefs:
    return _floats(column)


def _floats(values: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
