"""The baseline learnt anew as years pass, without learning a mine as normal.

A refit learns from a window of days that ends where the new baseline begins. What is left out follows from what was
believed of the window's dekads: a look counts where its pixel was believed stable, and a pixel that was mined, or is
changed for good, keeps the baseline it has. Dekads before monitoring have no belief; their looks count.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from kpgeo.detect.baseline import fit_baseline
from kpgeo.detect.history import HistoryStack
from kpgeo.model.calendar import dekad_of
from kpgeo.model.state import MINED, LandState, TileBaseline, TileState, decode_belief
from kpgeo.options.detect import DetectOptions

_BELIEVED = 0.5
# A mine that has just been opened is suspected before it is believed; its first looks must not be learnt.
_SUSPECTED = 0.1
# A working is believed for years, a passing doubt for a dekad or two; who doubts is not kept from learning for years.
_LASTING_DEKADS = 3
# Workings grow at their edge, and the edge is believed last: what touches one is not learnt either.
_TOUCHING = np.ones((3, 3), dtype=bool)
_SETTLED = 0.9


class Refit(IntEnum):
    """What a refit did with a pixel.

    LEARNT: a new season. LEARNT_CLEARED: a new season of ground that was cleared, and nothing else, for the whole
    window. KEPT_MINED: the old season, because the ground, or a pixel that touches it, was believed mined for a month
    of the window, or because it is suspected at its end. KEPT_CHANGED: the old season, because it is believed cleared
    or regrowing at the end of the window. KEPT_THIN: the old season, for want of looks.
    """

    LEARNT = 0
    LEARNT_CLEARED = 1
    KEPT_MINED = 2
    KEPT_CHANGED = 3
    KEPT_THIN = 4


@dataclass(frozen=True, kw_only=True)
class RefitWindow:
    """What may be learnt of a tile's pixels at a refit.

    Attributes
    ----------
    outcome : uint8 (y, x)
        `Refit`, before looks are counted: KEPT_THIN does not occur.
    is_stable : dict of bool (y, x)
        By monitored dekad, where the looks of it count.
    """

    outcome: NDArray[np.uint8]
    is_stable: dict[int, NDArray[np.bool_]]

    @classmethod
    def read(cls, states: Iterable[tuple[int, TileState]], *, is_all_monitored: bool) -> "RefitWindow":
        """Judge what was believed at the end of each monitored dekad of a window, in order; one at least.

        Parameters
        ----------
        is_all_monitored : bool
            Whether the whole window was monitored: only then can ground be known to have been cleared all along.
        """
        is_stable: dict[int, NDArray[np.bool_]] = {}
        was_cleared = mined = lasting = np.zeros((), dtype=bool)
        mined_dekads = np.zeros((), dtype=np.int16)
        for dekad, state in states:
            belief = decode_belief(state.belief)
            mined = sum((belief[s] for s in MINED), np.zeros(belief.shape[1:], dtype=np.float32))
            lasting = belief[LandState.CLEARED] + belief[LandState.REGROWTH]
            is_cleared = belief[LandState.CLEARED] >= _SETTLED
            was_cleared = was_cleared & is_cleared if is_stable else is_cleared & is_all_monitored
            mined_dekads = mined_dekads + (mined >= _BELIEVED)
            is_stable[dekad] = belief[LandState.STABLE] >= _BELIEVED
        outcome = np.where(lasting >= _BELIEVED, Refit.KEPT_CHANGED, Refit.LEARNT).astype(np.uint8)
        outcome[was_cleared] = Refit.LEARNT_CLEARED
        is_working = binary_dilation(mined_dekads >= _LASTING_DEKADS, structure=_TOUCHING)
        outcome[is_working | (mined >= _SUSPECTED)] = Refit.KEPT_MINED
        return cls(outcome=outcome, is_stable=is_stable)

    def learnable(self, looks: xr.Dataset) -> xr.Dataset:
        """Return clear looks `(time, y, x)` without those that must not be learnt, which become NaN."""
        days = looks["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
        may_learn = (self.outcome == Refit.LEARNT) | (self.outcome == Refit.LEARNT_CLEARED)
        counts = np.repeat(may_learn[None], len(days), axis=0)
        for i, day in enumerate(days):
            if (is_stable := self.is_stable.get(dekad_of(int(day)))) is not None:
                counts[i] &= is_stable | (self.outcome == Refit.LEARNT_CLEARED)
        return looks.where(xr.DataArray(counts, dims=("time", "y", "x")))


def refit_baseline(
    history: HistoryStack, window: RefitWindow, previous: TileBaseline, options: DetectOptions
) -> tuple[TileBaseline, Counter[Refit]]:
    """Fit the season of every pixel anew, and count what was done with them.

    Parameters
    ----------
    history : HistoryStack
        The looks of the window, `RefitWindow.learnable`.
    previous : TileBaseline
        What holds until now, and goes on for pixels that keep it, bit for bit.

    Returns
    -------
    baseline : TileBaseline
    outcomes : Counter
        Pixels by `Refit`.
    """
    baseline = fit_baseline(history, options, previous)
    is_same = np.ones(history.shape, dtype=bool)
    for (_, new), (_, old) in zip(baseline.items(), previous.items(), strict=True):
        is_same &= (new == old).reshape(-1, *history.shape).all(axis=0)
    may_learn = (window.outcome == Refit.LEARNT) | (window.outcome == Refit.LEARNT_CLEARED)
    outcome = np.where(is_same & may_learn, np.uint8(Refit.KEPT_THIN), window.outcome)
    return baseline, Counter({kind: int((outcome == kind).sum()) for kind in Refit})
