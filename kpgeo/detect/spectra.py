"""What the land states look like: reflectance of optical templates and change of radar backscatter.

The figures are rounded central values and spreads for the Sentinel-2 bands green, red, nir, swir22, as spectral
libraries and field studies of tropical soils, turbid water, char and crops report them (ECOSTRESS library, Meerdink et
al. 2019; laterite and kaolinite soils, Baumgardner et al. 1985; burnt savanna, Trigg & Flasse 2000; inland turbid
water, Kutser 2004), read as background knowledge (B-M) and not measured over diamond fields. They are wide on purpose:
the pixel's own season carries the precision.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.model.state import LandState

# Correlation of residuals about the season, green red nir swir22: measured on 423 Landsat dates of 300 pixels in New
# England (the multi-band series of the YATSM test set), rounded. Radar: vv and vh (B-M).
BAND_CORRELATION = np.array(
    [[1.0, 0.8, 0.3, 0.4], [0.8, 1.0, 0.1, 0.55], [0.3, 0.1, 1.0, 0.05], [0.4, 0.55, 0.05, 1.0]], dtype=np.float64
)
POLARISATION_CORRELATION = np.array([[1.0, 0.4], [0.4, 1.0]], dtype=np.float64)

Bands = tuple[float, float, float, float]
Polarisations = tuple[float, float]
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


@dataclass(frozen=True)
class Spectrum:
    """One way a state looks.

    Attributes
    ----------
    mean, spread : reflectance in green, red, nir, swir22
    fracs : tuple of float
        Shares of a pixel it covers.
    kin : int
        BARE or WATER: what ground is made of says little about why it is bare, or wet. OWN: like nothing else.
    """

    state: LandState
    name: str
    mean: Bands
    spread: Bands
    fracs: tuple[float, ...]
    kin: int = 0


@dataclass(frozen=True)
class Backscatter:
    """One way a state changes gamma0 (vv, vh), in dB against the pixel's season, where it covers the whole pixel."""

    state: LandState
    name: str
    change_db: Polarisations
    spread_db: Polarisations
    fracs: tuple[float, ...]
    kin: int = 0


OWN, BARE, WATER = 0, 1, 2
# The rains come a month early or late without anything having happened, and in some years a flood does not come at all:
# the ground then looks as it does well before or after (B-M).
SEASON_SHIFTS_DAYS = (0, -30, 30, -75, 75)
SEASON_SHIFT_SHARES = (0.35, 0.25, 0.25, 0.075, 0.075)
_S = LandState
_PITS = (0.35, 0.65, 0.95)
_FIELD = (0.5, 1.0)
SPECTRA = (
    Spectrum(_S.DUG, "lateritic spoil", (0.13, 0.21, 0.30, 0.36), (0.03, 0.05, 0.06, 0.07), _PITS, kin=BARE),
    Spectrum(_S.DUG, "pale gravel", (0.19, 0.26, 0.35, 0.39), (0.05, 0.06, 0.06, 0.07), _PITS, kin=BARE),
    Spectrum(_S.DUG, "moist spoil", (0.09, 0.13, 0.19, 0.20), (0.02, 0.035, 0.05, 0.06), _PITS, kin=BARE),
    Spectrum(_S.POND, "turbid pond", (0.13, 0.16, 0.10, 0.03), (0.04, 0.05, 0.05, 0.02), _PITS, kin=WATER),
    Spectrum(_S.POND, "clear pond", (0.05, 0.045, 0.03, 0.015), (0.02, 0.02, 0.02, 0.01), _PITS, kin=WATER),
    Spectrum(_S.BURNT, "char", (0.045, 0.05, 0.07, 0.10), (0.012, 0.015, 0.025, 0.035), (0.4, 0.7, 1.0)),
    Spectrum(_S.BURNT, "fading burn", (0.07, 0.09, 0.14, 0.20), (0.02, 0.025, 0.04, 0.05), _FIELD),
    Spectrum(_S.BURNT, "flood water", (0.10, 0.10, 0.08, 0.03), (0.04, 0.05, 0.05, 0.03), _FIELD, kin=WATER),
    Spectrum(_S.CROPPED, "tilled soil", (0.09, 0.13, 0.21, 0.26), (0.02, 0.03, 0.04, 0.05), _FIELD, kin=BARE),
    Spectrum(_S.CROPPED, "dry residue", (0.11, 0.16, 0.27, 0.28), (0.02, 0.03, 0.04, 0.05), _FIELD, kin=BARE),
    Spectrum(_S.CROPPED, "green crop", (0.08, 0.06, 0.38, 0.13), (0.02, 0.02, 0.07, 0.04), _FIELD),
    Spectrum(_S.CLEARED, "laterite road", (0.11, 0.19, 0.28, 0.33), (0.03, 0.04, 0.05, 0.06), (0.4, 0.9), kin=BARE),
    Spectrum(_S.CLEARED, "settlement", (0.13, 0.17, 0.24, 0.26), (0.03, 0.04, 0.05, 0.06), (0.4, 0.9), kin=BARE),
    Spectrum(_S.CLEARED, "weedy ground", (0.10, 0.13, 0.27, 0.24), (0.02, 0.03, 0.05, 0.05), _FIELD, kin=BARE),
    Spectrum(_S.REGROWTH, "shrubs", (0.09, 0.09, 0.28, 0.18), (0.02, 0.03, 0.06, 0.05), _FIELD),
)
BACKSCATTER = (
    Backscatter(_S.DUG, "pits and spoil", (-1.0, -3.0), (2.0, 2.0), _PITS, kin=BARE),
    Backscatter(_S.POND, "open water", (-6.0, -7.0), (3.0, 3.0), _PITS, kin=WATER),
    Backscatter(_S.BURNT, "burnt", (-0.5, -1.0), (0.8, 0.8), (1.0,)),
    Backscatter(_S.BURNT, "flooded", (-4.0, -5.0), (3.0, 3.0), (1.0,), kin=WATER),
    Backscatter(_S.CROPPED, "field", (0.0, -0.5), (1.5, 1.5), (1.0,), kin=BARE),
    Backscatter(_S.CLEARED, "bare, smooth", (-1.0, -2.5), (1.5, 1.5), (0.4, 0.9), kin=BARE),
    Backscatter(_S.CLEARED, "built", (3.0, 2.5), (2.0, 2.0), (0.4, 0.9), kin=BARE),
    Backscatter(_S.REGROWTH, "shrubs", (-0.5, -1.0), (1.0, 1.0), (1.0,)),
)


# How often a state looks bare, rather than like itself: fields are green in the months crops stand and bare in the
# others (B-M). What darkens land for weeks is fire or flood, and stays what it is: both have full weight.
_LOOKS_BARE = {_S.DUG: 1.0, _S.CLEARED: 1.0, _S.CROPPED: 1.0}
_LOOKS_BARE_GREEN_MONTHS = {**_LOOKS_BARE, _S.CROPPED: 0.15}
_LOOKS_WET = {_S.POND: 1.0, _S.BURNT: 1.0}


def optical_templates(*, is_green: bool) -> Templates:
    """Return the optical templates of a month, with crops standing or not (see `kernels.belief.update_optical`)."""
    rows: list[_Row] = [
        (_S.STABLE, OWN, shift, 0.0, (0.0,) * 4, (0.0,) * 4) for shift in range(len(SEASON_SHIFTS_DAYS))
    ]
    rows += [(s.state, s.kin, 0, f, s.mean, s.spread) for s in SPECTRA for f in s.fracs]
    return _pack(rows, _LOOKS_BARE_GREEN_MONTHS if is_green else _LOOKS_BARE)


def radar_templates() -> Templates:
    """Return the radar templates; a change c over a share f is mixed in power: 10 log10(1 - f + f 10^(c/10))."""
    rows: list[_Row] = [(_S.STABLE, OWN, 0, 0.0, (0.0,) * 2, (0.0,) * 2)]
    for entry in BACKSCATTER:
        for f in entry.fracs:
            mixed = tuple(float(10.0 * np.log10(1.0 - f + f * 10.0 ** (c / 10.0))) for c in entry.change_db)
            rows.append((entry.state, entry.kin, 0, f, mixed, tuple(f * s for s in entry.spread_db)))
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
