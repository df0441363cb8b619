"""The templates of the filter: reflectance, and change of radar backscatter, that each land state leads one to expect.

The figures of the classes come from a class library (`library.py`), by default the one that comes with kpgeo.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kpgeo.detect.library import ClassLibrary, Kin, shipped_library
from kpgeo.kernels.belief import OpticalTemplates, RadarTemplates
from kpgeo.kernels.rows import VEILED
from kpgeo.model.state import LandState

# Correlation of residuals about the season, green red nir swir22: measured on 423 Landsat dates of 300 pixels in New
# England (the multi-band series of the YATSM test set), rounded. Radar: vv and vh on 22 dates of four OPERA RTC-S1
# windows (880,000 looks of 3 x 3 pixels), rounded. See docs/theory/class-spectra.md.
BAND_CORRELATION = np.array(
    [[1.0, 0.8, 0.3, 0.4], [0.8, 1.0, 0.1, 0.55], [0.3, 0.1, 1.0, 0.05], [0.4, 0.55, 0.05, 1.0]], dtype=np.float64
)
POLARISATION_CORRELATION = np.array([[1.0, 0.2], [0.2, 1.0]], dtype=np.float64)

OWN, BARE, WATER = int(Kin.OWN), int(Kin.BARE), int(Kin.WATER)
# The rains come a month early or late without anything having happened, and in some years a flood does not come at all:
# the ground then looks as it does well before or after (B-M).
SEASON_SHIFTS_DAYS = (0, -30, 30, -75, 75)
SEASON_SHIFT_SHARES = (0.35, 0.25, 0.25, 0.075, 0.075)
_S = LandState
# A look through thin cloud is mixed with white, one in shadow with black (B-M); each is so many of all clear looks.
VEIL_SPECTRA = ((0.42, 0.42, 0.45, 0.35), (0.015, 0.015, 0.02, 0.01))
VEIL_SPREADS = ((0.05, 0.05, 0.05, 0.08), (0.01, 0.01, 0.02, 0.02))
VEIL_FRACS = (0.25, 0.55)
VEIL_FRAC_SPREADS = (0.15, 0.2)
VEIL_SHARES = (0.015, 0.015)
_LEAST_REACH = 0.5
# How often a state looks bare, rather than like itself: fields are green in the months crops stand and bare in the
# others (B-M). What darkens land for weeks is fire or flood, and stays what it is: both have full weight.
_LOOKS_BARE = {_S.DUG: 1.0, _S.CLEARED: 1.0, _S.CROPPED: 1.0, _S.REGROWTH: 0.5}
_LOOKS_BARE_GREEN_MONTHS = {**_LOOKS_BARE, _S.CROPPED: 0.15, _S.REGROWTH: 0.15}
_LOOKS_WET = {_S.POND: 1.0, _S.BURNT: 1.0}


@lru_cache(maxsize=16)
def optical_templates(*, is_green: bool, library: ClassLibrary | None = None) -> OpticalTemplates:
    """Return the optical templates of a month, with crops standing or not (see `kernels.belief.update_optical`).

    The share of the pixel a spectrum covers has a normal prior with the mean of the class's shares and the spread of a
    uniform law between them; the spectrum's spread is taken at that mean.
    """
    spectra = (library or shipped_library()).optical
    state, kin = _ints(s.state for s in spectra), _ints(s.kin for s in spectra)
    frac = np.array([np.mean(s.fracs) for s in spectra])
    reach = np.array([max(s.fracs) - min(s.fracs) for s in spectra])
    frac_spread = np.maximum(reach, _LEAST_REACH) / np.sqrt(12.0)
    looks_bare = _LOOKS_BARE_GREEN_MONTHS if is_green else _LOOKS_BARE
    spread = np.concatenate([[s.spread for s in spectra], VEIL_SPREADS])
    mean_frac = np.concatenate([frac, VEIL_FRACS])
    return OpticalTemplates(
        state=np.concatenate([state, np.full(len(VEIL_FRACS), VEILED)]),
        kin=np.concatenate([kin, np.full(len(VEIL_FRACS), OWN)]),
        mean=np.concatenate([[s.mean for s in spectra], VEIL_SPECTRA]).astype(np.float32),
        var=np.square(mean_frac[:, None] * spread).astype(np.float32),
        frac=mean_frac.astype(np.float32),
        frac_var=np.square(np.concatenate([frac_spread, VEIL_FRAC_SPREADS])).astype(np.float32),
        share=np.concatenate([_shares(state, kin), VEIL_SHARES]).astype(np.float32),
        season_share=np.array(SEASON_SHIFT_SHARES, dtype=np.float32),
        weights=_kin_weights(state, kin, looks_bare),
    )


@lru_cache(maxsize=8)
def radar_templates(library: ClassLibrary | None = None) -> RadarTemplates:
    """Return the radar templates; a change c over a share f is mixed in power: 10 log10(1 - f + f 10^(c/10))."""
    entries = [(entry, f) for entry in (library or shipped_library()).radar for f in entry.fracs]
    state = _ints([_S.STABLE, *(entry.state for entry, _ in entries)])
    kin = _ints([OWN, *(entry.kin for entry, _ in entries)])
    frac = np.array([0.0, *(f for _, f in entries)], dtype=np.float32)
    change_db = np.array([(0.0, 0.0), *(entry.change_db for entry, _ in entries)])
    spread_db = np.array([(0.0, 0.0), *(entry.spread_db for entry, _ in entries)])
    mixed = 10.0 * np.log10(1.0 - frac[:, None] + frac[:, None] * 10.0 ** (change_db / 10.0))
    return RadarTemplates(
        state=state,
        kin=kin,
        mean=mixed.astype(np.float32),
        var=np.square(frac[:, None] * spread_db).astype(np.float32),
        frac=frac,
        share=_shares(state, kin),
        weights=_kin_weights(state, kin, _LOOKS_BARE),
    )


def _ints(values: Iterable[int]) -> NDArray[np.int64]:
    return np.array([int(value) for value in values], dtype=np.int64)


def _shares(state: NDArray[np.int64], kin: NDArray[np.int64]) -> NDArray[np.float32]:
    """Templates of one state and kin share equally."""
    counts = np.zeros((len(Kin), len(LandState)))
    np.add.at(counts, (kin, state), 1.0)
    shares: NDArray[np.float32] = (1.0 / counts[kin, state]).astype(np.float32)
    return shares


def _kin_weights(
    state: NDArray[np.int64], kin: NDArray[np.int64], looks_bare: dict[LandState, float]
) -> NDArray[np.float32]:
    """Return how often each state looks like each kin, (kin, state)."""
    weights = np.zeros((len(Kin), len(LandState)), dtype=np.float32)
    has_own = {_S.STABLE, *(LandState(s) for s in state[kin == OWN])}
    for of_state in LandState:
        weights[BARE, of_state] = looks_bare.get(of_state, 0.0)
        weights[WATER, of_state] = _LOOKS_WET.get(of_state, 0.0)
        weights[OWN, of_state] = max(1.0 - weights[BARE, of_state], 0.15) if of_state in has_own else 0.0
    return weights
