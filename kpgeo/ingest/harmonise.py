"""Stored numbers to physical ones: reflectance 0–1, linear gamma0.

Sentinel-2's counts carry +1000 since processing baseline 04.00 (25 January 2022), so that dark pixels may be negative.
Some providers take it off again, and what they say about that has been wrong in both directions. The baseline decides;
where a provider claims otherwise, the pixels are asked: a land scene that holds counts well below 1000 cannot have the
offset in it. A claim that the pixels do not bear out is refused rather than guessed at, because 1000 counts are 0.1
reflectance, as much as most of what kpgeo looks for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_OFFSET_BASELINE = 4.0
_S2_SCALE = 1e-4
_S2_OFFSET = -0.1
_LANDSAT_SCALE = 2.75e-5
_LANDSAT_OFFSET = -0.2


class OffsetError(ValueError):
    """Nobody can say whether counts carry the offset. Its text is what is claimed."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How counts become reflectance: `counts * scale + offset`. `basis` says in words what was decided from."""

    scale: float
    offset: float
    basis: str


def landsat_scaling(band: Mapping[str, Any]) -> Scaling:
    """Return the scaling of a Landsat Collection 2 band: as its item states, else USGS LSDS-1619 (0.0000275, −0.2)."""
    scale, offset = band.get("scale"), band.get("offset")
    if isinstance(scale, int | float) and isinstance(offset, int | float) and 0 < scale < 1:
        return Scaling(scale=float(scale), offset=float(offset), basis="item")
    return Scaling(scale=_LANDSAT_SCALE, offset=_LANDSAT_OFFSET, basis="collection-2")


def sentinel2_scaling(
    baseline: str, properties: Mapping[str, Any], band: Mapping[str, Any], is_dark: Callable[[], bool]
) -> Scaling:
    """Return the scaling of a Sentinel-2 L2A granule.

    Parameters
    ----------
    baseline : str
        Processing baseline such as `05.09`; "" if unknown.
    properties, band : mapping
        The item's properties, and the raster description of one of its bands.
    is_dark : callable
        Says whether the granule holds counts too low to carry the offset. Asked only where claims disagree.

    Raises
    ------
    OffsetError
        Claims disagree and the pixels do not decide.
    """
    applied = properties.get("earthsearch:boa_offset_applied")
    stated = band.get("offset")
    has_stated = isinstance(stated, int | float)
    states_offset = has_stated and abs(float(stated or 0.0)) > 1e-9
    if baseline:
        carries = float(baseline) >= _OFFSET_BASELINE
        basis = f"baseline {baseline}"
    elif has_stated:
        carries, basis = states_offset, "item"
    else:
        return _by_pixels(is_dark, "baseline unknown")
    if carries and applied:
        return _by_pixels(is_dark, f"{basis}, provider says offset applied")
    if applied is None and has_stated and states_offset != carries:
        return _by_pixels(is_dark, f"{basis}, item states offset {stated}")
    if carries and applied is not None and is_dark():
        return Scaling(scale=_S2_SCALE, offset=0.0, basis=f"{basis}, provider says offset kept; dark pixels show none")
    return Scaling(scale=_S2_SCALE, offset=_S2_OFFSET if carries else 0.0, basis=basis)


def _by_pixels(is_dark: Callable[[], bool], claims: str) -> Scaling:
    """Decide by the pixels that there is no offset, or refuse: bright pixels alone prove nothing."""
    if is_dark():
        return Scaling(scale=_S2_SCALE, offset=0.0, basis=f"{claims}; dark pixels show none")
    raise OffsetError(claims)
