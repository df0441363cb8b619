"""The state kpgeo keeps of every pixel, and the one catalogue of its layers.

Belief is stored as a negative logarithm (`BELIEF_STEP` nats a count), so that a belief of one in a million is still
told from one in ten; everything else is a scaled integer. 12 bytes a pixel carry the belief from one dekad to the next,
a 13th records how often the pixel was seen, and 58 are rewritten only at a refit.

A count of a sixteenth of a nat is coarse: rounded to nearest, a slow change would never leave its count. So the
rounding is dithered in time (Roberts 1962): the threshold of dekad d is the d-th number of van der Corput's sequence,
the same for every pixel, and what is lost in one dekad is given back in another.
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
BELIEF_STEP = 1.0 / 16.0
REFLECTANCE_STEP = 1e-4
RADAR_STEP_DB = 0.01
FRAC_STEP = 1.0 / 200.0
NO_DAY = 0
NO_AGE = 255


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
    "belief": Layer("uint8", (N_STATES,), "-ln(belief) / BELIEF_STEP, dithered, by LandState"),
    "onset_day": Layer("uint16", (), "day digging is expected to have begun, given that it goes on"),
    "mined_frac": Layer("uint8", (), "share of the pixel that is dug or pond / FRAC_STEP, as last seen mined"),
    "optical_age": Layer("uint8", (), "days from the last clear optical look to the dekad's end, at most NO_AGE"),
    "radar_age": Layer("uint8", (), "days from the last radar look to the dekad's end, at most NO_AGE"),
    "looks": Layer("uint8", (), "clear looks folded in since the start of the dekad, all sensors; not carried on"),
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

    belief: NDArray[np.uint8]
    onset_day: NDArray[np.uint16]
    mined_frac: NDArray[np.uint8]
    optical_age: NDArray[np.uint8]
    radar_age: NDArray[np.uint8]
    looks: NDArray[np.uint8]


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


def encode_belief(belief: NDArray[np.float32], dekad: int) -> NDArray[np.uint8]:
    """Code beliefs (0–1, states first) of the end of a dekad; below about 1e-7 they are raised to it."""
    counts = np.log(np.maximum(belief, 1e-30), dtype=np.float32) * np.float32(-1.0 / BELIEF_STEP)
    offsets = np.array([_dither(dekad, state) for state in range(len(counts))], dtype=np.float32)
    counts += offsets.reshape(-1, *(1,) * (counts.ndim - 1))
    coded: NDArray[np.uint8] = np.minimum(counts, 255.0).astype(np.uint8)
    return coded


def decode_belief(coded: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return beliefs (float32, 0–1) from their code, summing to 1 over the first axis.

    Where every state has the largest code, as in a tile that was never written, nothing is believed: all are near 0.
    """
    belief = np.take(_BELIEF_OF_CODE, coded)
    belief /= np.maximum(belief.sum(axis=0), np.float32(0.01))
    return belief


_BELIEF_OF_CODE = np.exp(np.arange(256) * -BELIEF_STEP).astype(np.float32)


def _dither(dekad: int, state: int) -> float:
    """Return the rounding offset of a dekad and state, 0–1: van der Corput's sequence, shifted for each state.

    Examples
    --------
    >>> [_dither(dekad, 0) for dekad in range(4)]
    [0.0, 0.5, 0.25, 0.75]
    """
    offset, scale = 0.0, 0.5
    while dekad > 0:
        dekad, digit = divmod(dekad, 2)
        offset, scale = offset + digit * scale, scale / 2
    return (offset + state * 0.6180339887498949) % 1.0


def age_of_day(last_day: NDArray[np.uint16], end_day: int) -> NDArray[np.uint8]:
    """Return days from last looks to the end of a dekad, `NO_AGE` where there was none or it is that long ago."""
    age = end_day - last_day.astype(np.int32)
    return np.where((last_day == NO_DAY) | (age > NO_AGE), NO_AGE, age).astype(np.uint8)


def day_of_age(age: NDArray[np.uint8], end_day: int) -> NDArray[np.uint16]:
    """Return the days of last looks from their ages at a day, `NO_DAY` where `NO_AGE` (inverse of `age_of_day`)."""
    return np.where(age == NO_AGE, NO_DAY, end_day - age.astype(np.int32)).astype(np.uint16)


def encode_sigma(sigma: NDArray[np.float32], *, scale: float = 1.0) -> NDArray[np.uint8]:
    """Code scales from 0.001 to 0.586 (times `scale`) in steps of 2.5 %; outside they are clipped."""
    code = np.rint(np.log(np.maximum(sigma / scale, 1e-6) / 1e-3) / 0.025)
    coded: NDArray[np.uint8] = np.clip(code, 0, 255).astype(np.uint8)
    return coded


def decode_sigma(code: NDArray[np.uint8], *, scale: float = 1.0) -> NDArray[np.float32]:
    """Return scales from their code (inverse of `encode_sigma`)."""
    sigma: NDArray[np.float32] = np.float32(scale * 1e-3) * np.exp(code.astype(np.float32) * np.float32(0.025))
    return sigma
