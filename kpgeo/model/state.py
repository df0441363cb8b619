"""The state kpgeo keeps of every pixel, and the one catalogue of its layers.

Belief is stored as a negative logarithm (`BELIEF_STEP` nats a count), so that a belief of one in a million is still
told from one in ten million; everything else is a scaled integer. 22 bytes a pixel change with each acquisition and 58
are rewritten only at a refit: 80 in all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

FILTER_BANDS = ("green", "red", "nir", "swir22")
N_COEFS = 5
N_RADAR_COEFS = 3
BELIEF_STEP = 1.0 / 2048.0
REFLECTANCE_STEP = 1e-4
RADAR_STEP_DB = 0.01
FRAC_STEP = 1.0 / 200.0
MIN_BELIEF = 1e-12
NO_DAY = 0


class LandState(IntEnum):
    """What a pixel of land may be. Mining is DUG or POND."""

    STABLE = 0
    BURNT = 1
    CROPPED = 2
    CLEARED = 3
    DUG = 4
    POND = 5
    REGROWTH = 6


MINED = (LandState.DUG, LandState.POND)
N_STATES = len(LandState)


@dataclass(frozen=True)
class Layer:
    """How one layer of the pixel state is stored: dtype, leading shape, meaning."""

    dtype: str
    lead: tuple[int, ...]
    meaning: str

    @property
    def bytes_per_px(self) -> int:
        """Return the bytes this layer takes for one pixel."""
        return int(np.dtype(self.dtype).itemsize * np.prod(self.lead, dtype=int))


DYNAMIC_LAYERS = {
    "belief": Layer("uint16", (N_STATES,), "-ln(belief) / BELIEF_STEP, by LandState"),
    "onset_day": Layer("uint16", (), "day digging began, back-dated; NO_DAY where never"),
    "mined_frac": Layer("uint8", (), "share of the pixel that is dug or pond / FRAC_STEP, as last seen mined"),
    "looks": Layer("uint8", (), "clear looks folded in since the start of the dekad, all sensors"),
    "last_optical_day": Layer("uint16", (), "day of the last clear optical look; NO_DAY where none"),
    "last_radar_day": Layer("uint16", (), "day of the last radar look; NO_DAY where none"),
}
STATIC_LAYERS = {
    "beta_optical": Layer("int16", (len(FILTER_BANDS), N_COEFS), "harmonic coefficients / REFLECTANCE_STEP"),
    "sigma_optical": Layer("uint8", (len(FILTER_BANDS),), "robust residual scale, coded by encode_sigma"),
    "beta_radar": Layer("int16", (2, N_RADAR_COEFS), "harmonic coefficients of vv, vh in dB / RADAR_STEP_DB"),
    "sigma_radar": Layer("uint8", (2,), "robust residual scale in dB, coded by encode_sigma(scale=100)"),
}


class _Arrays:
    """A bundle of named arrays of one tile; shared by the two parts of the state."""

    def items(self) -> Iterator[tuple[str, NDArray[np.generic]]]:
        """Yield (layer name, array)."""
        for spec in fields(self):  # type: ignore[arg-type]
            yield spec.name, getattr(self, spec.name)

    def copy(self) -> Self:
        """Return a deep copy."""
        return type(self)(**{name: array.copy() for name, array in self.items()})

    def equals(self, other: Self) -> bool:
        """Say whether every array is equal, bit for bit."""
        theirs = dict(other.items())
        return all(np.array_equal(array, theirs[name]) for name, array in self.items())


@dataclass(frozen=True, kw_only=True)
class TileState(_Arrays):
    """Dynamic state of one tile: `DYNAMIC_LAYERS`, each array `lead + (y, x)`."""

    belief: NDArray[np.uint16]
    onset_day: NDArray[np.uint16]
    mined_frac: NDArray[np.uint8]
    looks: NDArray[np.uint8]
    last_optical_day: NDArray[np.uint16]
    last_radar_day: NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True)
class TileBaseline(_Arrays):
    """Static state of one tile: `STATIC_LAYERS`, each array `lead + (y, x)`."""

    beta_optical: NDArray[np.int16]
    sigma_optical: NDArray[np.uint8]
    beta_radar: NDArray[np.int16]
    sigma_radar: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class DekadFields:
    """What sites are made of: the state of a whole AOI at the end of a dekad, decoded. All arrays are (y, x).

    Attributes
    ----------
    mined_prob : float32
        P(dug) + P(pond), 0–1.
    pond_prob, regrowth_prob, cleared_prob : float32
        Single beliefs, 0–1.
    mined_frac : float32
        Share of the pixel, 0–1, as last seen mined.
    onset_day, last_optical_day, last_radar_day : uint16
        Day numbers, `NO_DAY` where none.
    looks : uint8
        Clear looks within the dekad; 0 means nobody could see.
    """

    dekad: int
    mined_prob: NDArray[np.float32]
    pond_prob: NDArray[np.float32]
    regrowth_prob: NDArray[np.float32]
    cleared_prob: NDArray[np.float32]
    mined_frac: NDArray[np.float32]
    onset_day: NDArray[np.uint16]
    last_optical_day: NDArray[np.uint16]
    last_radar_day: NDArray[np.uint16]
    looks: NDArray[np.uint8]


def encode_belief(belief: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Code beliefs (0–1) as uint16 negative logarithms. Beliefs below `MIN_BELIEF` are raised to it."""
    logs = -np.log(np.maximum(belief, MIN_BELIEF), dtype=np.float32) / np.float32(BELIEF_STEP)
    return np.minimum(np.rint(logs), 65535.0).astype(np.uint16)


def decode_belief(coded: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return beliefs (float32, 0–1) from their code."""
    belief: NDArray[np.float32] = np.exp(coded.astype(np.float32) * np.float32(-BELIEF_STEP))
    return belief


def encode_sigma(sigma: NDArray[np.float32], *, scale: float = 1.0) -> NDArray[np.uint8]:
    """Code scales from 0.001 to 0.586 (times `scale`) in steps of 2.5 %; outside they are clipped."""
    code = np.rint(np.log(np.maximum(sigma / scale, 1e-6) / 1e-3) / 0.025)
    coded: NDArray[np.uint8] = np.clip(code, 0, 255).astype(np.uint8)
    return coded


def decode_sigma(code: NDArray[np.uint8], *, scale: float = 1.0) -> NDArray[np.float32]:
    """Return scales from their code (inverse of `encode_sigma`)."""
    sigma: NDArray[np.float32] = np.float32(scale * 1e-3) * np.exp(code.astype(np.float32) * np.float32(0.025))
    return sigma
