"""What the land states look like: reflectance of optical templates and change of radar backscatter.

The figures are rounded central values and spreads for the Sentinel-2 bands green, red, nir, swir22, as spectral
libraries and field studies of tropical soils, turbid water, char and crops report them (ECOSTRESS library, Meerdink et
al. 2019; laterite and kaolinite soils, Baumgardner et al. 1985; burnt savanna, Trigg & Flasse 2000; inland turbid
water, Kutser 2004), read as background knowledge (B-M) and not measured over diamond fields. They are wide on
purpose: the pixel's own season carries the precision.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpgeo.model.state import LandState

Templates = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
_Row = tuple[LandState, float, tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """One way a state looks: reflectance (green, red, nir, swir22), spread, and the shares of a pixel it covers."""

    state: LandState
    name: str
    mean: tuple[float, float, float, float]
    spread: tuple[float, float, float, float]
    fracs: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Backscatter:
    """One way a state changes gamma0 (vv, vh), in dB against the pixel's season, over the whole pixel."""

    state: LandState
    name: str
    change_db: tuple[float, float]
    spread_db: tuple[float, float]
    fracs: tuple[float, ...]


# Correlation of residuals about the season, green red nir swir22: measured on 423 Landsat dates of 300 pixels in New
# England (the multi-band series of the YATSM test set), rounded. Radar: vv and vh (B-M).
BAND_CORRELATION = np.array(
    [[1.0, 0.8, 0.3, 0.4], [0.8, 1.0, 0.1, 0.55], [0.3, 0.1, 1.0, 0.05], [0.4, 0.55, 0.05, 1.0]], dtype=np.float64
)
POLARISATION_CORRELATION = np.array([[1.0, 0.4], [0.4, 1.0]], dtype=np.float64)

_MINED = (0.25, 0.5, 0.85)
_S = LandState
SPECTRA = (
    Spectrum(
        state=_S.DUG,
        name="lateritic spoil",
        mean=(0.13, 0.21, 0.30, 0.36),
        spread=(0.03, 0.05, 0.06, 0.07),
        fracs=_MINED,
    ),
    Spectrum(
        state=_S.DUG, name="pale gravel", mean=(0.22, 0.29, 0.37, 0.42), spread=(0.05, 0.06, 0.06, 0.07), fracs=_MINED
    ),
    Spectrum(
        state=_S.DUG, name="moist spoil", mean=(0.09, 0.13, 0.19, 0.20), spread=(0.02, 0.035, 0.05, 0.06), fracs=_MINED
    ),
    Spectrum(
        state=_S.POND, name="turbid pond", mean=(0.13, 0.16, 0.10, 0.03), spread=(0.04, 0.05, 0.05, 0.02), fracs=_MINED
    ),
    Spectrum(
        state=_S.POND, name="clear pond", mean=(0.05, 0.045, 0.03, 0.015), spread=(0.02, 0.02, 0.02, 0.01), fracs=_MINED
    ),
    Spectrum(
        state=_S.BURNT,
        name="char",
        mean=(0.045, 0.05, 0.07, 0.10),
        spread=(0.012, 0.015, 0.025, 0.035),
        fracs=(0.4, 0.7, 1.0),
    ),
    Spectrum(
        state=_S.BURNT,
        name="fading burn",
        mean=(0.07, 0.09, 0.14, 0.20),
        spread=(0.02, 0.025, 0.04, 0.05),
        fracs=(0.5, 1.0),
    ),
    Spectrum(
        state=_S.CROPPED,
        name="tilled soil",
        mean=(0.09, 0.13, 0.21, 0.26),
        spread=(0.02, 0.03, 0.04, 0.05),
        fracs=(0.5, 1.0),
    ),
    Spectrum(
        state=_S.CROPPED,
        name="green crop",
        mean=(0.08, 0.06, 0.38, 0.13),
        spread=(0.02, 0.02, 0.07, 0.04),
        fracs=(0.5, 1.0),
    ),
    Spectrum(
        state=_S.CROPPED,
        name="dry residue",
        mean=(0.11, 0.16, 0.27, 0.28),
        spread=(0.02, 0.03, 0.04, 0.05),
        fracs=(0.5, 1.0),
    ),
    Spectrum(
        state=_S.CLEARED,
        name="laterite road",
        mean=(0.11, 0.19, 0.28, 0.33),
        spread=(0.03, 0.04, 0.05, 0.06),
        fracs=(0.4, 0.9),
    ),
    Spectrum(
        state=_S.CLEARED,
        name="settlement",
        mean=(0.13, 0.17, 0.24, 0.26),
        spread=(0.03, 0.04, 0.05, 0.06),
        fracs=(0.4, 0.9),
    ),
    Spectrum(
        state=_S.CLEARED,
        name="weedy ground",
        mean=(0.10, 0.13, 0.27, 0.24),
        spread=(0.02, 0.03, 0.05, 0.05),
        fracs=(0.5, 1.0),
    ),
    Spectrum(
        state=_S.REGROWTH,
        name="shrubs",
        mean=(0.09, 0.09, 0.28, 0.18),
        spread=(0.02, 0.03, 0.06, 0.05),
        fracs=(0.5, 1.0),
    ),
)
BACKSCATTER = (
    Backscatter(state=_S.DUG, name="pits and spoil", change_db=(-1.0, -3.0), spread_db=(2.0, 2.0), fracs=_MINED),
    Backscatter(state=_S.POND, name="open water", change_db=(-6.0, -7.0), spread_db=(3.0, 3.0), fracs=_MINED),
    Backscatter(state=_S.BURNT, name="burnt", change_db=(-0.5, -1.0), spread_db=(0.8, 0.8), fracs=(1.0,)),
    Backscatter(state=_S.CROPPED, name="field", change_db=(0.0, -0.5), spread_db=(1.5, 1.5), fracs=(1.0,)),
    Backscatter(state=_S.CLEARED, name="bare, smooth", change_db=(-1.0, -2.5), spread_db=(1.5, 1.5), fracs=(0.4, 0.9)),
    Backscatter(state=_S.CLEARED, name="built", change_db=(3.0, 2.5), spread_db=(2.0, 2.0), fracs=(0.4, 0.9)),
    Backscatter(state=_S.REGROWTH, name="shrubs", change_db=(-0.5, -1.0), spread_db=(1.0, 1.0), fracs=(1.0,)),
)


def optical_templates() -> Templates:
    """Return the optical templates: state, frac, mean, variance, weight (see `kernels.belief.update_optical`)."""
    rows: list[_Row] = [(_S.STABLE, 0.0, (0.0,) * 4, (0.0,) * 4)]
    rows += [(s.state, f, s.mean, s.spread) for s in SPECTRA for f in s.fracs]
    return _pack(rows)


def radar_templates() -> Templates:
    """Return the radar templates; a change c over a share f is mixed in power: 10 log10(1 - f + f 10^(c/10))."""
    rows: list[_Row] = [(_S.STABLE, 0.0, (0.0,) * 2, (0.0,) * 2)]
    for entry in BACKSCATTER:
        for f in entry.fracs:
            mixed = tuple(float(10.0 * np.log10(1.0 - f + f * 10.0 ** (c / 10.0))) for c in entry.change_db)
            rows.append((entry.state, f, mixed, tuple(f * s for s in entry.spread_db)))
    return _pack(rows)


def _pack(rows: list[_Row]) -> Templates:
    """Turn rows into arrays; weights are equal within a state."""
    state = np.array([row[0] for row in rows], dtype=np.int64)
    counts = np.bincount(state, minlength=len(LandState))
    return (
        state,
        np.array([row[1] for row in rows], dtype=np.float32),
        np.array([row[2] for row in rows], dtype=np.float32),
        np.array([row[3] for row in rows], dtype=np.float32) ** 2,
        (1.0 / counts[state]).astype(np.float32),
    )
