"""What the name of a file says: which product it is of, and which band. Makers' own names only, and nothing is guessed.

| files | what has to be in the name, or in that of a folder above |
|---|---|
| Sentinel-2 L2A | `S2A_MSIL2A_20240105T105421_N0510_R051_T30PUB_20240105T140000`, and `B04`, `B8A_20m`, `SCL`, ... |
| Landsat Collection 2 Level-2 | `LC09_L2SP_197054_20240105_20240112_02_T1`, and `SR_B4`, `QA_PIXEL` |
| Sentinel-1 RTC, by slice | `S1A_IW_GRDH_1SDV_20240105T184900_20240105T184925_051900_0644AA_rtc`, and `vv`, `vh` |
| Sentinel-1 RTC, OPERA burst | `OPERA_L2_RTC-S1_T137-292319-IW2_20240105T...Z_..._S1A_30_v1.0`, and `VV`, `VH` |
| Sentinel-1 RTC, HyP3 | `S1A_IW_20240105T184900_DVP_RTC10_G_gpuned_1A2B`: gamma0 (`g`) as power (`p`) or dB (`d`) |
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from kpgeo.catalog.fields import ItemError, compact_moment, moment_of
from kpgeo.model.scene import Sensor

Match = re.Match[str]

_S2_BAND = re.compile(r"(?:^|_)(B02|B03|B04|B08|B8A|B11|B12|SCL)(?:_(\d\d)m)?$", re.IGNORECASE)
_S2_FILE = re.compile(r"(?:^|[^0-9A-Z])T(\d{2}[A-Z]{3})_(\d{8}T\d{6})_")
_LANDSAT_BAND = re.compile(r"(?:^|_)(SR_B[1-7]|QA_PIXEL)$", re.IGNORECASE)
_RADAR_BAND = re.compile(r"(?:^|[_-])(vv|vh)(?:\.rtc)?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a file's name says.

    Attributes
    ----------
    product : str
        The maker's name of the product it is a file of.
    band : str
        The maker's name of the band; "" for a file that kpgeo does not read.
    res_m : int
        Pixel size in the name (m), 0 where there is none.
    properties : mapping
        As a STAC item would have them.
    """

    sensor: Sensor
    product: str
    band: str
    res_m: int
    properties: Mapping[str, Any] = field(hash=False)

    @property
    def is_day_only(self) -> bool:
        """Say whether the name tells the day of the acquisition, and not the time."""
        return self.sensor is Sensor.LANDSAT


def name_of(path: PurePosixPath) -> Named:
    """Return what a file's name, and those of the folders above, say.

    Parameters
    ----------
    path : PurePosixPath
        Relative to the folder that is searched.

    Raises
    ------
    ItemError
        Nobody can say what was acquired when, or it is no product that kpgeo reads; the text is the reason.
    """
    stem = path.name[: -len(path.suffix)] if path.suffix else path.name
    for part in (stem, *reversed(path.parent.parts)):
        for pattern, read in _READERS:
            if match := pattern.search(part):
                named = read(match)
                _agree(named, stem)
                return _with_band(named, stem)
    for pattern, reason in _REFUSED:
        if any(pattern.search(part) for part in (stem, *path.parent.parts)):
            raise ItemError(reason)
    raise ItemError("name-unknown")


def _with_band(named: Named, stem: str) -> Named:
    pattern = {Sensor.SENTINEL2: _S2_BAND, Sensor.LANDSAT: _LANDSAT_BAND, Sensor.SENTINEL1: _RADAR_BAND}[named.sensor]
    match = pattern.search(stem)
    if match is None:
        return named
    band = match[1].lower() if named.sensor is Sensor.SENTINEL1 else match[1].upper()
    res_m = int(match[2]) if named.sensor is Sensor.SENTINEL2 and match[2] else 0
    return Named(
        sensor=named.sensor, product=named.product, band=band, res_m=res_m, properties=named.properties
    )  # fmt: skip


def _agree(named: Named, stem: str) -> None:
    """Refuse a Sentinel-2 file whose own name contradicts the product it lies in."""
    match = _S2_FILE.search(stem) if named.sensor is Sensor.SENTINEL2 else None
    if match and not (f"_T{match[1]}_" in named.product and f"_{match[2]}_" in named.product):
        raise ItemError("name-contradicts-folder")


def _sentinel2(match: Match) -> Named:
    taken = compact_moment(match[2])
    properties = {
        "datetime": taken.isoformat(), "platform": f"sentinel-2{match[1].lower()}",
        "s2:product_uri": f"{match[0]}.SAFE", "s2:generation_time": compact_moment(match[3]).isoformat(),
    }  # fmt: skip
    return Named(sensor=Sensor.SENTINEL2, product=match[0], band="", res_m=0, properties=properties)


def _landsat(match: Match) -> Named:
    day = match[3]
    midnight = moment_of(f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00Z")
    properties = {"datetime": midnight.isoformat(), "platform": f"landsat-{int(match[1])}"}
    return Named(sensor=Sensor.LANDSAT, product=match[0], band="", res_m=0, properties=properties)


def _slice(match: Match) -> Named:
    begin, end = compact_moment(match[2]), compact_moment(match[3])
    properties = {
        "datetime": (begin + (end - begin) / 2).isoformat(), "platform": f"sentinel-1{match[1].lower()}",
        "sat:absolute_orbit": int(match[4]), "sar:product_type": "RTC", "sar:instrument_mode": "IW",
    }  # fmt: skip
    return Named(sensor=Sensor.SENTINEL1, product=match[0], band="", res_m=0, properties=properties)


def _burst(match: Match) -> Named:
    properties = {
        "datetime": compact_moment(match[3]).isoformat(), "platform": f"sentinel-1{match[5].lower()}",
        "sat:relative_orbit": int(match[2]), "sar:product_type": "RTC", "created": match[4],
    }  # fmt: skip
    return Named(sensor=Sensor.SENTINEL1, product=match[0], band="", res_m=0, properties=properties)


def _hyp3(match: Match) -> Named:
    if match[3] != "g" or match[4] not in ("p", "d"):
        raise ItemError("product-not-gamma0-power")
    properties = {
        "datetime": compact_moment(match[2]).isoformat(), "platform": f"sentinel-1{match[1].lower()}",
        "sar:product_type": "RTC", "unit": "dB" if match[4] == "d" else "",
    }  # fmt: skip
    return Named(sensor=Sensor.SENTINEL1, product=match[0], band="", res_m=0, properties=properties)


_READERS: tuple[tuple[re.Pattern[str], Callable[[Match], Named]], ...] = (
    (re.compile(r"S2([A-D])_MSIL2A_(\d{8}T\d{6})_N\d{4}_R\d{3}_T\d{2}[A-Z]{3}_(\d{8}T\d{6})"), _sentinel2),
    (re.compile(r"L[COTEM](0[4-9])_L2S[PR]_(\d{6})_(\d{8})_(?:\d{8}_)?02_(?:RT|T1|T2)"), _landsat),
    (
        re.compile(
            r"S1([A-D])_IW_GRD[HM]_1S[SD][VH]_(\d{8}T\d{6})_(\d{8}T\d{6})_(\d{6})_[0-9A-F]{6}(?:_[0-9A-F]{4})?_rtc"
        ),
        _slice,
    ),
    (
        re.compile(r"OPERA_L2_RTC-S1_(T(\d{3})-\d{6}-IW\d)_(\d{8}T\d{6})Z_(\d{8}T\d{6})Z_S1([A-D])_\d+_v\d+(?:\.\d+)*"),
        _burst,
    ),
    (re.compile(r"S1([A-D])_IW_(\d{8}T\d{6})_[SD][VH][PRO]_RTC\d\d_G_([gs])([pad])[uw][nf][ec][dm]_\w{4}"), _hyp3),
)
_REFUSED = (
    (re.compile(r"S2[A-D]_MSIL1C_"), "product-not-level-2a"),
    (re.compile(r"L[COTEM]\d\d_L1"), "product-not-level-2"),
    (re.compile(r"L[COTEM]\d\d_L2S[PR]_.*_01_"), "product-not-collection-2"),
    (re.compile(r"S1[A-D]_(?:IW|EW|SM)_(?:GRD|SLC)|s1[a-d]-(?:iw|ew)\d?-(?:grd|slc)"), "not-terrain-corrected"),
    (_S2_FILE, "name-without-platform"),
    (re.compile(r"S2[A-D]_\d{1,2}[A-Z]{3}_\d{8}_\d+_L2A"), "name-without-baseline"),
)
