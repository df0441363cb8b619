"""The templates of the filter: reflectance, and change of radar backscatter, that each land state leads one to expect.

The figures of the classes come from a class library (`library.py`), by default the one that comes with kpgeo.
"""

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.library import ClassLibrary, Kin, shipped_library
from kpgeo.model.state import LandState

# Correlation of residuals about the season, green red nir swir22: measured on 423 Landsat dates of 300 pixels in New
# England (the multi-band series of the YATSM test set), rounded. Radar: vv and vh (B-M).
BAND_CORRELATION = np.array(
    [[1.0, 0.8, 0.3, 0.4], [0.8, 1.0, 0.1, 0.55], [0.3, 0.1, 1.0, 0.05], [0.4, 0.55, 0.05, 1.0]], dtype=np.float64
)
POLARISATION_CORRELATION = np.array([[1.0, 0.4], [0.4, 1.0]], dtype=np.float64)

Templates = tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float64],
]
_Row = tuple[LandState, int, int, float, tuple[float, ...], tuple[float, ...]]


OWN, BARE, WATER = int(Kin.OWN), int(Kin.BARE), int(Kin.WATER)
# The rains come a month early or late without anything having happened, and in some years a flood does not come at all:
# the ground then looks as it does well before or after (B-M).
SEASON_SHIFTS_DAYS = (0, -30, 30, -75, 75)
SEASON_SHIFT_SHARES = (0.35, 0.25, 0.25, 0.075, 0.075)
_S = LandState
# How often a state looks bare, rather than like itself: fields are green in the months crops stand and bare in the
# others (B-M). What darkens land for weeks is fire or flood, and stays what it is: both have full weight.
_LOOKS_BARE = {_S.DUG: 1.0, _S.CLEARED: 1.0, _S.CROPPED: 1.0}
_LOOKS_BARE_GREEN_MONTHS = {**_LOOKS_BARE, _S.CROPPED: 0.15}
_LOOKS_WET = {_S.POND: 1.0, _S.BURNT: 1.0}


def optical_templates(*, is_green: bool, library: ClassLibrary | None = None) -> Templates:
    """Return the optical templates of a month, with crops standing or not (see `kernels.belief.update_optical`)."""
    spectra = (library or shipped_library()).optical
    rows: list[_Row] = [
        (_S.STABLE, OWN, shift, 0.0, (0.0,) * 4, (0.0,) * 4) for shift in range(len(SEASON_SHIFTS_DAYS))
    ]
    rows += [(s.state, int(s.kin), 0, f, s.mean, s.spread) for s in spectra for f in s.fracs]
    return _pack(rows, _LOOKS_BARE_GREEN_MONTHS if is_green else _LOOKS_BARE)


def radar_templates(library: ClassLibrary | None = None) -> Templates:
    """Return the radar templates; a change c over a share f is mixed in power: 10 log10(1 - f + f 10^(c/10))."""
    rows: list[_Row] = [(_S.STABLE, OWN, 0, 0.0, (0.0,) * 2, (0.0,) * 2)]
    for entry in (library or shipped_library()).radar:
        for f in entry.fracs:
            mixed = tuple(float(10.0 * np.log10(1.0 - f + f * 10.0 ** (c / 10.0))) for c in entry.change_db)
            rows.append((entry.state, int(entry.kin), 0, f, mixed, tuple(f * s for s in entry.spread_db)))
    return _pack(rows, {_S.DUG: 1.0, _S.CLEARED: 1.0, _S.CROPPED: 1.0})


def _pack(rows: list[_Row], looks_bare: dict[LandState, float]) -> Templates:
    """Turn rows into arrays; templates of one state and kin share equally, but for the seasons of `STABLE`."""
    state = np.array([row[0] for row in rows], dtype=np.int64)
    kin = np.array([row[1] for row in rows], dtype=np.int64)
    counts = np.zeros((3, len(LandState)))
    np.add.at(counts, (kin, state), 1.0)
    weights = np.zeros_like(counts)
    for of_state in LandState:
        weights[BARE, of_state] = looks_bare.get(of_state, 0.0)
        weights[WATER, of_state] = _LOOKS_WET.get(of_state, 0.0)
        is_own = counts[OWN, of_state] > 0
        weights[OWN, of_state] = max(1.0 - weights[BARE, of_state], 0.15) if is_own else 0.0
    share = 1.0 / counts[kin, state]
    is_season = (state == _S.STABLE) & (counts[OWN, _S.STABLE] > 1)
    share[is_season] = SEASON_SHIFT_SHARES[: int(is_season.sum())]
    return (
        state,
        kin,
        np.array([row[2] for row in rows], dtype=np.int64),
        np.array([row[3] for row in rows], dtype=np.float32),
        np.array([row[4] for row in rows], dtype=np.float32),
        np.array([row[5] for row in rows], dtype=np.float32) ** 2,
        share.astype(np.float32),
        weights,
    )
