"""Counting what a screen of cloud and shadow finds, misses and takes by mistake, with intervals over blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kpgeo.kernels.clouds import CLOUD, SHADOW

CLEAR_TRUTH, CLOUD_TRUTH, SHADOW_TRUTH, SNOW_TRUTH, LEFT_OUT = 0, 1, 2, 3, 255
_TRUTHS, _CALLS = 4, 3
_CALL_OF = {0: 0, CLOUD: 1, SHADOW: 2}
_RESAMPLES = 1000


@dataclass(kw_only=True)
class Tally:
    """Pixels by block, truth (clear, cloud, shadow, snow) and call (clear, cloud, shadow).

    Blocks are what is drawn again for intervals: pixels of one scene, or of one corner of it, err together.
    """

    blocks: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, truth: NDArray[np.uint8], called: NDArray[np.uint8]) -> None:
        """Count one block; `called` is 0, `CLOUD` or `SHADOW`, and truth may be `LEFT_OUT`."""
        calls = np.zeros(called.shape, dtype=np.int64)
        for code, call in _CALL_OF.items():
            calls[called == code] = call
        known = truth != LEFT_OUT
        cells = np.bincount(truth[known].astype(np.int64) * _CALLS + calls[known], minlength=_TRUTHS * _CALLS)
        self.blocks.append(cells.reshape(_TRUTHS, _CALLS))

    def add_tiles(self, truth: NDArray[np.uint8], called: NDArray[np.uint8], edge_px: int) -> None:
        """Count an image in squares, each a block."""
        for top in range(0, truth.shape[0], edge_px):
            for left in range(0, truth.shape[1], edge_px):
                square = (slice(top, top + edge_px), slice(left, left + edge_px))
                self.add(truth[square], called[square])

    def cells(self, names: Sequence[str]) -> list[str]:
        """Return measures with their 95 % intervals as text."""
        stack = np.stack(self.blocks)
        random = np.random.default_rng(5)
        draws = random.integers(0, len(stack), (_RESAMPLES, len(stack)))
        pooled = np.concatenate([stack.sum(axis=0)[None], stack[draws].sum(axis=1)])
        return [_told(_MEASURES[name](pooled)) for name in names]


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _right(c: NDArray[np.int64]) -> NDArray[np.float64]:
    return _share(c[:, CLEAR_TRUTH, 0] + c[:, 1:, 1:].sum(axis=(1, 2)), c.sum(axis=(1, 2)))


_MEASURES = {
    "overall": _right,
    "cloud found": lambda c: _share(c[:, CLOUD_TRUTH, 1:].sum(axis=1), c[:, CLOUD_TRUTH].sum(axis=1)),
    "shadow found": lambda c: _share(c[:, SHADOW_TRUTH, 1:].sum(axis=1), c[:, SHADOW_TRUTH].sum(axis=1)),
    "snow found": lambda c: _share(c[:, SNOW_TRUTH, 1:].sum(axis=1), c[:, SNOW_TRUTH].sum(axis=1)),
    "called cloud, not clear": lambda c: _share(c[:, 1:, 1].sum(axis=1), c[:, :, 1].sum(axis=1)),
    "called shadow, not clear": lambda c: _share(c[:, 1:, 2].sum(axis=1), c[:, :, 2].sum(axis=1)),
    "clear lost": lambda c: _share(c[:, CLEAR_TRUTH, 1:].sum(axis=1), c[:, CLEAR_TRUTH].sum(axis=1)),
}


def _told(values: NDArray[np.float64]) -> str:
    """Say the first value and the range the middle 95 % of the others lie in, in percent."""
    if np.isnan(values[0]):
        return "–"
    low, high = np.nanpercentile(values[1:], [2.5, 97.5]) * 100
    return f"{values[0] * 100:.1f} ({low:.1f}–{high:.1f})"
