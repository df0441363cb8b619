"""Provider-tolerant names: which asset of an item is which of kpgeo's bands.

Planetary Computer calls Sentinel-2's blue `B02`, Earth Search and stactools `blue`, the Copernicus Data Space
`B02_10m`; Landsat's comes as `blue`, as `SR_B2` (OLI) or `SR_B1` (TM, ETM+). An asset is looked for by key, then by
the common name its band description carries, then, for Landsat, by the band numbers of the instrument.
"""

from collections.abc import Mapping
from typing import Any

from kpgeo.model.scene import Sensor

CLASS_ASSET = "look_class"

_SENTINEL2_KEYS = {
    "blue": ("blue", "B02", "B02_10m"),
    "green": ("green", "B03", "B03_10m"),
    "red": ("red", "B04", "B04_10m"),
    "nir": ("nir", "B08", "B08_10m", "nir08", "B8A", "B8A_20m"),
    "swir16": ("swir16", "B11", "B11_20m"),
    "swir22": ("swir22", "B12", "B12_20m"),
    CLASS_ASSET: ("scl", "SCL", "SCL_20m"),
}
_LANDSAT_KEYS = {
    "blue": ("blue",),
    "green": ("green",),
    "red": ("red",),
    "nir": ("nir08", "nir"),
    "swir16": ("swir16",),
    "swir22": ("swir22",),
    CLASS_ASSET: ("qa_pixel", "QA_PIXEL"),
}
_SENTINEL1_KEYS: dict[str, tuple[str, ...]] = {
    "vv": ("vv", "VV", "gamma0_vv", "gamma0-vv"),
    "vh": ("vh", "VH", "gamma0_vh", "gamma0-vh"),
}
_KEYS: dict[Sensor, dict[str, tuple[str, ...]]] = {
    Sensor.SENTINEL2: _SENTINEL2_KEYS,
    Sensor.LANDSAT: _LANDSAT_KEYS,
    Sensor.SENTINEL1: _SENTINEL1_KEYS,
}
_OPTIONAL = frozenset({"vh"})
_OLI_NUMBERS = {"blue": 2, "green": 3, "red": 4, "nir": 5, "swir16": 6, "swir22": 7}
_TM_NUMBERS = {"blue": 1, "green": 2, "red": 3, "nir": 4, "swir16": 5, "swir22": 7}


def pick_assets(sensor: Sensor, platform: str, assets: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the assets kpgeo reads, by kpgeo's band name (`look_class` for the quality layer).

    Raises
    ------
    KeyError
        A band that is needed is not there; the error's argument is the band. `vh` may be missing.
    """
    found = {}
    for band, keys in _KEYS[sensor].items():
        asset = _by_key(keys, assets) or _by_common_name(keys, assets) or _by_number(sensor, platform, band, assets)
        if asset is not None:
            found[band] = asset
        elif band not in _OPTIONAL:
            raise KeyError(band)
    return found


def _by_key(keys: tuple[str, ...], assets: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for key in keys:
        asset = assets.get(key)
        if isinstance(asset, Mapping) and "href" in asset:
            return asset
    return None


def _by_common_name(keys: tuple[str, ...], assets: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the single-band asset whose band carries one of `keys` as its common name (eo 1.x, or STAC 1.1 bands)."""
    for asset in assets.values():
        if isinstance(asset, Mapping) and "href" in asset and _is_raster(asset):
            bands = asset.get("eo:bands") or asset.get("bands") or []
            if isinstance(bands, list) and len(bands) == 1 and isinstance(bands[0], Mapping):
                name = bands[0].get("common_name") or bands[0].get("eo:common_name")
                if name in keys:
                    return asset
    return None


def _is_raster(asset: Mapping[str, Any]) -> bool:
    roles = asset.get("roles")
    return str(asset.get("type", "image/")).startswith("image/") and not (
        isinstance(roles, list) and "overview" in roles
    )


def _by_number(sensor: Sensor, platform: str, band: str, assets: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if sensor is not Sensor.LANDSAT or band == CLASS_ASSET:
        return None
    numbers = _OLI_NUMBERS if platform in ("landsat-8", "landsat-9") else _TM_NUMBERS
    return _by_key((f"SR_B{numbers[band]}",), assets)
