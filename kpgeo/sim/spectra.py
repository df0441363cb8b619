"""What covers look like: reflectances of the optical bands and gamma0 of the radar, drawn anew for each world.

The central values are plausible ones for West African savanna, in the range of published field and library spectra;
each world moves them by a common factor and by factors of single bands. No detector may read them.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from kpgeo.sim.textures import F32, rng_of


class Cover(IntEnum):
    """What a share of a pixel may be covered with; the first axis of every fraction array."""

    GRASS = 0
    LEAF = 1
    STRAW = 2
    LATERITE = 3
    SPOIL = 4
    CLAY = 5
    CHAR = 6
    TURBID = 7
    CLEAR_WATER = 8
    ROOF = 9
    SAND = 10
    SHADE = 11


N_COVERS = len(Cover)
SOILS = (Cover.LATERITE, Cover.SPOIL, Cover.CLAY, Cover.SAND)

_OPTICAL = np.array(
    [
        # blue, green, red, nir, swir16, swir22
        [0.034, 0.066, 0.046, 0.330, 0.200, 0.100],  # green grass and crops
        [0.022, 0.042, 0.028, 0.285, 0.145, 0.062],  # leaves of trees
        [0.062, 0.092, 0.125, 0.230, 0.320, 0.215],  # straw
        [0.052, 0.082, 0.142, 0.235, 0.320, 0.260],  # laterite soil
        [0.115, 0.165, 0.228, 0.315, 0.400, 0.345],  # gravel and spoil
        [0.075, 0.112, 0.152, 0.205, 0.225, 0.165],  # moist clay of a pit
        [0.030, 0.035, 0.042, 0.062, 0.115, 0.120],  # char
        [0.088, 0.130, 0.150, 0.075, 0.020, 0.014],  # turbid water
        [0.030, 0.046, 0.032, 0.026, 0.012, 0.008],  # clear water
        [0.155, 0.180, 0.205, 0.270, 0.310, 0.275],  # roofs of tin and thatch
        [0.165, 0.225, 0.285, 0.360, 0.440, 0.395],  # river sand
        [0.008, 0.010, 0.008, 0.020, 0.014, 0.008],  # deep shade
    ],
    dtype=np.float64,
)
_RADAR_DB = np.array(
    [
        # vv, vh
        [-10.8, -16.8],
        [-7.2, -12.6],
        [-12.6, -19.4],
        [-12.8, -21.6],
        [-10.4, -19.4],
        [-14.0, -22.8],
        [-13.2, -21.6],
        [-19.5, -27.0],
        [-19.5, -27.0],
        [-3.5, -11.0],
        [-14.5, -23.5],
        [-11.0, -17.0],
    ],
    dtype=np.float64,
)
_WET_GAIN_DB = np.array([1.0, 0.3, 1.4, 3.0, 2.2, 1.5, 2.6, 0.0, 0.0, 0.5, 2.5, 0.5])


@dataclass(frozen=True, kw_only=True)
class Spectra:
    """The look of each cover in one world.

    Attributes
    ----------
    optical : float32 array (cover, 6)
        Reflectance, 0–1, in `OPTICAL_BANDS`.
    radar_db : float32 array (cover, 2)
        gamma0 in dB of `vv vh` over dry ground.
    wet_gain_db : float32 array (cover,)
        What soaked ground adds to it.
    """

    optical: F32
    radar_db: F32
    wet_gain_db: F32

    def reflectance(self, fractions: F32, wetness: F32 | float) -> F32:
        """Mix fractions (cover, y, x) into reflectance (6, y, x); soaked soil (wetness 1) is darker by three tenths."""
        soils = fractions[list(SOILS)].sum(axis=0)
        mixed: F32 = np.einsum("kb,kyx->byx", self.optical, fractions)
        mixed *= 1.0 - 0.3 * np.asarray(wetness, dtype=np.float32) * soils
        return mixed

    def gamma0(self, fractions: F32, wetness: F32) -> F32:
        """Mix fractions (cover, y, x) into linear gamma0 (2, y, x); `wetness` (y, x) is 0–1."""
        dry = 10.0 ** (self.radar_db / 10.0)
        wet = 10.0 ** ((self.radar_db + self.wet_gain_db[:, None]) / 10.0)
        low = np.einsum("kb,kyx->byx", dry.astype(np.float32), fractions)
        high = np.einsum("kb,kyx->byx", wet.astype(np.float32), fractions)
        mixed: F32 = low + (high - low) * wetness
        return mixed


def draw_spectra(seed: int, spread: float = 1.0) -> Spectra:
    """Draw the spectra of a world; `spread` scales how far they lie from the central values."""
    rng = rng_of(seed, "spectra")
    common = rng.normal(0.0, 0.09, (N_COVERS, 1))
    slope = rng.normal(0.0, 0.05, (N_COVERS, 1)) * np.linspace(-1.0, 1.0, 6)
    single = rng.normal(0.0, 0.035, _OPTICAL.shape)
    shift_db: NDArray[np.float64] = rng.normal(0.0, 0.5, (N_COVERS, 1)) + rng.normal(0.0, 0.25, _RADAR_DB.shape)
    return Spectra(
        optical=(_OPTICAL * np.exp(spread * (common + slope + single))).astype(np.float32),
        radar_db=(_RADAR_DB + spread * shift_db).astype(np.float32),
        wet_gain_db=(_WET_GAIN_DB * rng.uniform(0.8, 1.2)).astype(np.float32),
    )
