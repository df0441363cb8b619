"""Stored numbers to physical ones: reflectance 0–1, linear gamma0.

Sentinel-2's counts carry +1000 since processing baseline 04.00 (25 January 2022), so that dark pixels may be negative.
Some providers take it off again, and what they say about that has been wrong in both directions. So every granule's
own counts are asked: where the darkest of them lie says whether the offset is in them. Where the claims of baseline,
flag and item agree, they hold unless the counts rule them out; where they disagree, the counts decide or the granule
is refused, because 1000 counts are 0.1 reflectance, as much as most of what kpgeo looks for.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OFFSET_BASELINE = 4.0
_S2_SCALE = 1e-4
_S2_OFFSET = -0.1
_LANDSAT_SCALE = 2.75e-5
_LANDSAT_OFFSET = -0.2
# Counts this far below what disputes an offset rule it out: no correction of the air makes land -0.05 dark.
_BEYOND_DOUBT_DN = 400
# With the offset, shade, water and leaves end between 900 and 1500 counts in every band; without it, only land with
# nothing darker than 0.1 anywhere would.
_LIFTED_DN = 1500
# Counts cut off at zero, of an offset taken off twice. Blue is never that dark over much of a granule.
_CUT_DN = 20
_CUT_FRAC = 0.1
_MIN_SAMPLE = 50
# Backscatter of land in C band: gamma0 of VV is -3 dB or less wherever a granule is not all city, and VH lies 4.2 dB or
# more below it. Amplitudes, its square roots, are larger and lie closer together.
_LOUD_POWER = 0.5
_LOUD_AMPLITUDE, _NEAR_RATIO = 0.2, 0.38
_SHORT_NAME = re.compile(r"^(?:S2([A-D])|L[COTEM]0?(\d))_")


class OffsetError(ValueError):
    """Nobody can say whether counts carry the offset, or they cannot be what is claimed. Its text says which."""


class UnitError(ValueError):
    """Nobody can say what unit backscatter is stored in. Its text is why."""


class Counts(Enum):
    """What a granule's counts say of the offset.

    DARK: far too low to carry it. DIM: too low for most land that carries it. LIFTED: the darkest lie where the offset
    puts them. BRIGHT: no dark ground is there to tell by. CUT: the offset was taken off more than once.
    """

    DARK = auto()
    DIM = auto()
    LIFTED = auto()
    BRIGHT = auto()
    CUT = auto()


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How counts become reflectance: `counts * scale + offset`. `basis` says in words what was decided from."""

    scale: float
    offset: float
    basis: str


class RadarUnit(Enum):
    """What backscatter is stored as. Linear gamma0 is what everything else works with."""

    POWER = "linear gamma0 as stored"
    DECIBEL = "gamma0 from dB"
    AMPLITUDE = "gamma0 from amplitude"

    @property
    def words(self) -> str:
        """Return what is done to the stored numbers."""
        return self.value

    def to_power(self, stored: NDArray[np.float32]) -> None:
        """Turn stored numbers into linear gamma0, in place; amplitudes below zero, which cannot be, become NaN."""
        if self is RadarUnit.DECIBEL:
            np.power(np.float32(10.0), stored / np.float32(10.0), out=stored)
        elif self is RadarUnit.AMPLITUDE:
            stored[stored < 0.0] = np.nan
            np.square(stored, out=stored)


_STATED_UNITS = {
    "db": RadarUnit.DECIBEL,
    "decibel": RadarUnit.DECIBEL,
    "amplitude": RadarUnit.AMPLITUDE,
    "power": RadarUnit.POWER,
    "linear": RadarUnit.POWER,
    "1": RadarUnit.POWER,
}


def radar_unit(stated: str, sample: Callable[[], Sequence[NDArray[np.float32]]]) -> RadarUnit:
    """Return the unit of a Sentinel-1 granule: as its item states, or linear gamma0 where the numbers can be that.

    Parameters
    ----------
    stated : str
        Unit of the raster description, "" if none.
    sample : callable
        Returns thin samples of the granule's vv and, if it has it, vh. Asked only where nothing is stated.

    Raises
    ------
    UnitError
        The unit is unknown; or none is stated, and the numbers are mostly negative (decibels?), far too large (counts?)
        or those of amplitudes.
    """
    if stated:
        unit = _STATED_UNITS.get(stated.strip().lower())
        if unit is None:
            raise UnitError(f"unit {stated[:20]!r}")
        return unit
    vv, *vh = sample()
    if vv.size < _MIN_SAMPLE:
        return RadarUnit.POWER
    if float(np.mean(vv < 0.0)) > 0.5:
        raise UnitError("vv")
    level = _level(vv)
    if level > _LOUD_POWER:
        raise UnitError("vv")
    if vh and level > _LOUD_AMPLITUDE and _level(vh[0]) > _NEAR_RATIO * level:
        raise UnitError("vv vh")
    return RadarUnit.POWER


def _level(sample: NDArray[np.float32]) -> float:
    """Return the median of what is above zero; 0 if nothing is."""
    seen = sample[sample > 0.0]
    return float(np.median(seen)) if seen.size else 0.0


def landsat_scaling(band: Mapping[str, Any]) -> Scaling:
    """Return the scaling of a Landsat Collection 2 band: as its item states, else USGS LSDS-1619 (0.0000275, −0.2)."""
    scale, offset = band.get("scale"), band.get("offset")
    if isinstance(scale, int | float) and isinstance(offset, int | float) and 0 < scale < 1:
        return Scaling(scale=float(scale), offset=float(offset), basis="item")
    return Scaling(scale=_LANDSAT_SCALE, offset=_LANDSAT_OFFSET, basis="collection-2")


def judge_counts(samples: Sequence[NDArray[np.float32]], dark_dn: float, dark_frac: float) -> Counts:
    """Say what thin samples of a granule's counts tell of the offset.

    Parameters
    ----------
    samples : sequence of float32 (n,)
        Valid counts of the whole granule: blue first, then bands in which some ground is always dark (swir22). Those of
        fewer than 50 counts say nothing.
    dark_dn : float
        Counts below this are too low to carry the offset.
    dark_frac : float
        Share of such counts that tells; the darkest share of the counts is what LIFTED goes by.
    """
    told = [counts for counts in samples if counts.size >= _MIN_SAMPLE]
    if not told:
        return Counts.BRIGHT
    if samples[0].size >= _MIN_SAMPLE and float(np.mean(samples[0] < _CUT_DN)) >= _CUT_FRAC:
        return Counts.CUT
    for verdict, below in ((Counts.DARK, dark_dn - _BEYOND_DOUBT_DN), (Counts.DIM, dark_dn)):
        if any(float(np.mean(counts < below)) >= dark_frac for counts in told):
            return verdict
    is_lifted = all(float(np.quantile(counts, dark_frac)) <= _LIFTED_DN for counts in told)
    return Counts.LIFTED if is_lifted and len(told) == len(samples) else Counts.BRIGHT


def sentinel2_scaling(
    baseline: str, properties: Mapping[str, Any], band: Mapping[str, Any], ask: Callable[[], Counts]
) -> Scaling:
    """Return the scaling of a Sentinel-2 L2A granule.

    Parameters
    ----------
    baseline : str
        Processing baseline such as `05.09`; "" if unknown.
    properties, band : mapping
        The item's properties, and the raster description of one of its bands.
    ask : callable
        Says what the granule's counts tell.

    Raises
    ------
    OffsetError
        `offset-ambiguous`: claims disagree, or there are none, and the counts do not decide. `offset-contradicted`:
        claims agree, and the counts cannot be so.
    """
    carries, basis, is_agreed = _claims(baseline, properties, band)
    counts = ask()
    if counts is Counts.CUT:
        raise OffsetError(f"offset-contradicted: {basis}; counts are cut off at zero")
    if counts is Counts.DARK or (counts is Counts.DIM and not (is_agreed and carries)):
        told = "; dark pixels show none" if carries or not is_agreed else ""
        return Scaling(scale=_S2_SCALE, offset=0.0, basis=f"{basis}{told}")
    if counts is Counts.LIFTED and not carries and is_agreed:
        raise OffsetError(f"offset-contradicted: {basis}; the darkest pixels lie where the offset puts them")
    if not is_agreed:
        if counts is Counts.LIFTED:
            return Scaling(scale=_S2_SCALE, offset=_S2_OFFSET, basis=f"{basis}; dark pixels show the offset")
        raise OffsetError(f"offset-ambiguous: {basis}")
    return Scaling(scale=_S2_SCALE, offset=_S2_OFFSET if carries else 0.0, basis=basis)


def _claims(baseline: str, properties: Mapping[str, Any], band: Mapping[str, Any]) -> tuple[bool, str, bool]:
    """Return whether counts are said to carry the offset, in words by whom, and whether all who say anything agree.

    A provider that says it took the offset off still states it in the item, so its flag goes before what is stated.
    """
    applied, stated = properties.get("earthsearch:boa_offset_applied"), band.get("offset")
    has_stated = isinstance(stated, int | float)
    states_offset = has_stated and abs(float(stated or 0.0)) > 1e-9
    if baseline:
        carries, basis = float(baseline) >= _OFFSET_BASELINE, f"baseline {baseline}"
    elif has_stated:
        carries, basis = states_offset, "item"
    else:
        return False, "baseline unknown", False
    if applied and carries:
        return carries, f"{basis}, provider says offset applied", False
    if not applied and has_stated and states_offset != carries:
        return carries, f"{basis}, item states offset {stated}", False
    return carries, basis if applied is None or not carries else f"{basis}, provider says offset kept", True


def platform_of(properties: Mapping[str, Any], item_id: str) -> str:
    """Return a granule's platform as `sentinel-2b` or `landsat-7`; "" where neither property nor id tells.

    Examples
    --------
    >>> platform_of({"platform": "LANDSAT_7"}, ""), platform_of({}, "S2C_29PQK_20250101_0_L2A")
    ('landsat-7', 'sentinel-2c')
    """
    named = str(properties.get("platform") or "").lower().replace("_", "-").replace(" ", "-")
    if named:
        return named
    match = _SHORT_NAME.match(item_id)
    if match is None:
        return ""
    return f"sentinel-2{match[1].lower()}" if match[1] else f"landsat-{match[2]}"
