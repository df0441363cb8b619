"""Band-pass adjustment: one ground, one reflectance, whichever sensor looks.

Sensors of one band name do not see quite the same wavelengths. Published straight lines bring each platform's
reflectance to that of the Operational Land Imager, and from there to the one target, Sentinel-2A's instrument.
"""

from dataclasses import dataclass
from types import MappingProxyType

TARGET = "sentinel-2a"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line, `slope * x + offset`, in reflectance."""

    slope: float = 1.0
    offset: float = 0.0

    @property
    def inverse(self) -> "Line":
        """Return the line that undoes this one."""
        return Line(slope=1.0 / self.slope, offset=-self.offset / self.slope)

    def then(self, after: "Line") -> "Line":
        """Return the line that is this one, and `after` upon it.

        Examples
        --------
        >>> Line(slope=2.0, offset=1.0).then(Line(slope=3.0, offset=-1.0))
        Line(slope=6.0, offset=2.0)
        """
        return Line(slope=after.slope * self.slope, offset=after.slope * self.offset + after.offset)


def _lines(slopes: tuple[float, ...], offsets: tuple[float, ...]) -> dict[str, Line]:
    bands = ("blue", "green", "red", "nir", "swir16", "swir22")
    pairs = zip(bands, slopes, offsets, strict=True)
    return {band: Line(slope=slope, offset=offset) for band, slope, offset in pairs}


# MSI to OLI: Harmonized Landsat Sentinel-2, band-pass adjustment (Claverie et al. 2018,
# https://doi.org/10.1016/j.rse.2018.09.002; coefficients of version 2.0). HLS pairs OLI's near infrared with B8A and
# leaves B08, which is kpgeo's `nir`, as it is; so does kpgeo.
_MSI_TO_OLI = {
    "sentinel-2a": _lines(
        (0.9778, 1.0053, 0.9765, 1.0, 0.9987, 1.003), (-0.0040, -0.0009, 0.0009, 0.0, -0.0011, -0.0012)
    ),
    "sentinel-2b": _lines((0.9778, 1.0075, 0.9761, 1.0, 1.0, 0.9867), (-0.0040, -0.0008, 0.0010, 0.0, -0.0003, 0.0004)),
}
# ETM+ to OLI, surface reflectance: Roy et al. 2016, table 2, reduced major axis
# (https://doi.org/10.1016/j.rse.2015.12.024). Their least-squares lines are flattened by what differs between the two
# days and would lift water in the infrared by 0.03. Nobody published the same of TM, whose bands are much like ETM+'s.
_ETM_TO_OLI = _lines(
    (0.9785, 0.9542, 0.9825, 1.0073, 1.0171, 0.9949), (-0.0095, -0.0016, -0.0022, -0.0021, -0.0030, 0.0029)
)
_OLI = _lines((1.0,) * 6, (0.0,) * 6)
_TO_OLI = {
    **_MSI_TO_OLI,
    "landsat-4": _ETM_TO_OLI,
    "landsat-5": _ETM_TO_OLI,
    "landsat-7": _ETM_TO_OLI,
    "landsat-8": _OLI,
    "landsat-9": _OLI,
}
_NEUTRAL = MappingProxyType(_OLI)
_TO_TARGET = {
    platform: MappingProxyType(
        {band: line.then(_MSI_TO_OLI[TARGET][band].inverse) for band, line in lines.items()}
        if platform != TARGET
        else _OLI
    )
    for platform, lines in _TO_OLI.items()
}


def knows_band_pass(platform: str) -> bool:
    """Say whether lines were published for a platform (`sentinel-2b`, `landsat-8`)."""
    return platform in _TO_TARGET


def lines_to_target(platform: str) -> MappingProxyType[str, Line]:
    """Return by band what brings a platform's reflectance to the target's; of an unknown platform, nothing is moved.

    Examples
    --------
    >>> round(lines_to_target("landsat-8")["red"].slope, 4), lines_to_target("sentinel-2a")["red"]
    (1.0241, Line(slope=1.0, offset=0.0))
    """
    return _TO_TARGET.get(platform, _NEUTRAL)
