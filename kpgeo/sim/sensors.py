"""STAC items of each sensor, with the fields real providers give.

Sentinel-2 items are written as Earth Search writes them (assets `blue green red nir swir16 swir22 scl`), Landsat and
Sentinel-1 items as the Planetary Computer does.
"""

import datetime as dt

from kpgeo.model.scene import Sensor
from kpgeo.sim.acquiring import LANDSAT_PATH, LANDSAT_ROW, S1_ORBIT, S2_ORBIT, Acquisition
from kpgeo.sim.items import COG_TYPE, Item, item_of, place_fields, raster_band, stamp, sun_fields
from kpgeo.sim.landscape import EPSG, Frame
from kpgeo.sim.optical import LANDSAT_OFFSET, LANDSAT_SCALE, S2_QUANTUM
from kpgeo.sim.radar import RADAR_NODATA

MGRS = "29PQK"
_S2_BANDS = {
    "blue": ("B02", "Blue - 10m", 0.49, 0.098),
    "green": ("B03", "Green - 10m", 0.56, 0.045),
    "red": ("B04", "Red - 10m", 0.665, 0.038),
    "nir": ("B08", "NIR 1 - 10m", 0.842, 0.145),
    "swir16": ("B11", "SWIR 1.6μm - 20m", 1.61, 0.143),
    "swir22": ("B12", "SWIR 2.2μm - 20m", 2.19, 0.242),
}
_LANDSAT_BANDS = {
    "blue": ("B2", "Blue Band", 0.48, 0.06),
    "green": ("B3", "Green Band", 0.56, 0.06),
    "red": ("B4", "Red Band", 0.65, 0.04),
    "nir08": ("B5", "Near Infrared Band 0.8", 0.87, 0.03),
    "swir16": ("B6", "Short-wave Infrared Band 1.6", 1.61, 0.09),
    "swir22": ("B7", "Short-wave Infrared Band 2.2", 2.2, 0.19),
}
_S2_CLASSES = {
    "nodata_pixel": 0,
    "saturated_defective_pixel": 1,
    "dark_features": 2,
    "cloud_shadow": 3,
    "vegetation": 4,
    "not_vegetated": 5,
    "water": 6,
    "unclassified": 7,
    "medium_proba_clouds": 8,
    "high_proba_clouds": 9,
    "thin_cirrus": 10,
    "snow_ice": 11,
}
_SAR = {
    "sar:product_type": "RTC",
    "sar:instrument_mode": "IW",
    "sar:polarizations": ["VV", "VH"],
    "sar:frequency_band": "C",
    "sar:center_frequency": 5.405,
    "sar:observation_direction": "right",
    "sar:looks_range": 5,
    "sar:looks_azimuth": 1,
    "sar:looks_equivalent_number": 4.4,
    "sar:resolution_range": 20,
    "sar:resolution_azimuth": 22,
    "sar:pixel_spacing_range": 10,
    "sar:pixel_spacing_azimuth": 10,
}


def item_id(taken: Acquisition, sequence: int = 0) -> str:
    """Return the id a provider would give an acquisition; `sequence` 1 is its reprocessed double."""
    when = taken.datetime
    if taken.sensor is Sensor.SENTINEL2:
        return f"{_short(taken)}_{MGRS}_{when:%Y%m%d}_{sequence}_L2A"
    if taken.sensor is Sensor.LANDSAT:
        return f"{_short(taken)}_L2SP_{LANDSAT_PATH:03d}{LANDSAT_ROW:03d}_{when:%Y%m%d}_02_T1"
    stop = when + dt.timedelta(seconds=25)
    return f"S1A_IW_GRDH_1SDV_{when:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}_{_s1_orbit(taken):06d}_{taken.number:06X}_rtc"


def _short(taken: Acquisition) -> str:
    return {"sentinel-2a": "S2A", "sentinel-2b": "S2B", "landsat-8": "LC08", "landsat-9": "LC09"}[taken.platform]


def _s1_orbit(taken: Acquisition) -> int:
    return 41_000 + 175 * taken.number


def sentinel2_item(taken: Acquisition, frame: Frame, shares: dict[int, float], *, sequence: int) -> Item:
    """Return a Sentinel-2 item. `shares` is the percentage of each class; `sequence` 1 is the reprocessed double."""
    baseline = taken.again_baseline if sequence else taken.baseline
    made = taken.datetime + dt.timedelta(days=420 if sequence else 0, hours=9)
    name, when = item_id(taken, sequence), taken.datetime
    cloud = sum(shares.get(kind, 0.0) for kind in (8, 9, 10))
    properties: Item = {
        "datetime": stamp(when),
        "created": stamp(made + dt.timedelta(minutes=40)),
        "updated": stamp(made + dt.timedelta(minutes=40)),
        "platform": taken.platform,
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": round(cloud, 6),
        "proj:epsg": EPSG,
        "mgrs:utm_zone": 29,
        "mgrs:latitude_band": "P",
        "mgrs:grid_square": "QK",
        "grid:code": f"MGRS-{MGRS}",
        **sun_fields(taken),
        "sat:relative_orbit": S2_ORBIT,
        "sat:orbit_state": "descending",
        **_sentinel2_names(taken, baseline, made),
        **{f"s2:{name}_percentage": round(shares.get(code, 0.0), 6) for name, code in _S2_CLASSES.items()},
        "s2:generation_time": stamp(made),
        "s2:sequence": str(sequence),
        "earthsearch:boa_offset_applied": False,
    }
    return item_of(taken, frame, name, properties, _sentinel2_assets(frame, has_offset=has_offset(baseline)))


def _sentinel2_names(taken: Acquisition, baseline: str, made: dt.datetime) -> Item:
    """Return the names the ground segment gives product, tile and datatake."""
    when, code, orbit = taken.datetime, baseline.replace(".", ""), 34_000 + 71 * taken.number
    craft = _short(taken)
    return {
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": baseline,
        "s2:tile_id": f"{craft}_OPER_MSI_L2A_TL_2BPS_{made:%Y%m%dT%H%M%S}_A{orbit:06d}_T{MGRS}_N{baseline}",
        "s2:product_uri": (
            f"{craft}_MSIL2A_{when:%Y%m%dT%H%M%S}_N{code}_R{S2_ORBIT:03d}_T{MGRS}_{made:%Y%m%dT%H%M%S}.SAFE"
        ),
        "s2:datatake_id": f"G{craft}_{when:%Y%m%dT%H%M%S}_{orbit:06d}_N{baseline}",
        "s2:datatake_type": "INS-NOBS",
    }


def has_offset(baseline: str) -> bool:
    """Say whether digital numbers of a processing baseline carry the offset of 1000 (from 04.00 on)."""
    return float(baseline) >= 4.0


def _sentinel2_assets(frame: Frame, *, has_offset: bool) -> Item:
    assets: Item = {}
    offset = -0.1 if has_offset else 0
    for key, (band, title, centre, width) in _S2_BANDS.items():
        res_m = 10 if band in {"B02", "B03", "B04", "B08"} else 20
        assets[key] = {
            "href": f"./{band}.tif",
            "type": COG_TYPE,
            "title": title,
            "eo:bands": [{"name": band, "common_name": key, "center_wavelength": centre, "full_width_half_max": width}],
            **place_fields(frame, res_m),
            "raster:bands": raster_band(0, "uint16", res_m, S2_QUANTUM, offset),
            "roles": ["data", "reflectance"],
        }
    assets["scl"] = {
        "href": "./SCL.tif",
        "type": COG_TYPE,
        "title": "Scene classification map (SCL)",
        **place_fields(frame, 20),
        "raster:bands": raster_band(0, "uint8", 20),
        "roles": ["data"],
    }
    return assets


def landsat_corner(frame: Frame) -> tuple[tuple[float, float], tuple[float, float], int]:
    """Return where Landsat's grid begins inside the frame.

    Landsat pixel edges lie on 15 m + 30 m n, so they cut the 10 m pixels of Sentinel-2 in half.

    Returns
    -------
    corner_m : (easting, northing)
        Upper left corner.
    offset_px : (down, right)
        Its distance from the frame's corner, in 10 m pixels.
    size : int
        Number of 30 m pixels along an edge.
    """
    right_m, down_m = (15.0 - frame.left_m) % 30.0, (frame.top_m - 15.0) % 30.0
    size = int((frame.extent_m - max(right_m, down_m)) // 30.0)
    return (frame.left_m + right_m, frame.top_m - down_m), (down_m / 10.0, right_m / 10.0), size


def landsat_item(taken: Acquisition, frame: Frame, cloud_percent: float) -> Item:
    """Return a Landsat 8 or 9 Collection 2 Level-2 item."""
    corner, _, size = landsat_corner(frame)
    when, name = taken.datetime, item_id(taken)
    code = "8" if taken.platform == "landsat-8" else "9"
    properties: Item = {
        "datetime": stamp(when),
        "created": stamp(when + dt.timedelta(days=9)),
        "gsd": 30,
        "platform": taken.platform,
        "instruments": ["oli", "tirs"],
        "description": "Landsat Collection 2 Level-2",
        "sci:doi": "10.5066/P9OGBGM6",
        "eo:cloud_cover": round(cloud_percent, 2),
        **sun_fields(taken),
        "view:off_nadir": 0,
        "proj:epsg": EPSG,
        "proj:shape": [size, size],
        "proj:transform": [30.0, 0.0, corner[0], 0.0, -30.0, corner[1]],
        "landsat:wrs_type": "2",
        "landsat:wrs_path": f"{LANDSAT_PATH:03d}",
        "landsat:wrs_row": f"{LANDSAT_ROW:03d}",
        "landsat:scene_id": f"LC{code}{LANDSAT_PATH:03d}{LANDSAT_ROW:03d}0{when:%Y%j}LGN00",
        "landsat:correction": "L2SP",
        "landsat:collection_number": "02",
        "landsat:collection_category": "T1",
        "landsat:cloud_cover_land": round(cloud_percent, 2),
    }
    return item_of(taken, frame, name, properties, _landsat_assets(name))


def _landsat_assets(name: str) -> Item:
    assets: Item = {}
    for key, (band, title, centre, width) in _LANDSAT_BANDS.items():
        assets[key] = {
            "href": f"./{name}_SR_{band}.TIF",
            "type": COG_TYPE,
            "title": title,
            "eo:bands": [
                {
                    "name": f"OLI_{band}",
                    "common_name": key,
                    "center_wavelength": centre,
                    "full_width_half_max": width,
                }
            ],
            "raster:bands": raster_band(0, "uint16", 30, LANDSAT_SCALE, LANDSAT_OFFSET),
            "roles": ["data", "reflectance"],
        }
    assets["qa_pixel"] = {
        "href": f"./{name}_QA_PIXEL.TIF",
        "type": COG_TYPE,
        "title": "Pixel Quality Assessment Band",
        "raster:bands": raster_band(1, "uint16", 30),
        "roles": ["cloud", "cloud-shadow", "snow-ice", "water-mask"],
    }
    return assets


def sentinel1_item(taken: Acquisition, frame: Frame) -> Item:
    """Return a Sentinel-1 radiometrically terrain corrected item."""
    when, name = taken.datetime, item_id(taken)
    place = place_fields(frame, 10)
    properties: Item = {
        "datetime": stamp(when + dt.timedelta(seconds=12)),
        "start_datetime": stamp(when),
        "end_datetime": stamp(when + dt.timedelta(seconds=25)),
        "created": stamp(when + dt.timedelta(days=1)),
        "platform": "SENTINEL-1A",
        "constellation": "Sentinel-1",
        "instruments": ["c-sar"],
        "proj:epsg": EPSG,
        "proj:shape": place["proj:shape"],
        "proj:transform": place["proj:transform"],
        "proj:bbox": [frame.left_m, frame.top_m - frame.extent_m, frame.left_m + frame.extent_m, frame.top_m],
        "sat:orbit_state": "ascending",
        "sat:relative_orbit": S1_ORBIT,
        "sat:absolute_orbit": _s1_orbit(taken),
        "sat:platform_international_designator": "2014-016A",
        **_SAR,
        "s1:datatake_id": str(300_000 + taken.number),
        "s1:orbit_source": "RESORB",
        "s1:processing_level": "1",
        "s1:resolution": "high",
    }
    assets = {
        key: {
            "href": f"./iw-{key}.rtc.tiff",
            "type": COG_TYPE,
            "title": f"{key.upper()}: gamma naught, radiometrically terrain corrected",
            "raster:bands": raster_band(RADAR_NODATA, "float32", 10),
            "roles": ["data"],
        }
        for key in ("vv", "vh")
    }
    return item_of(taken, frame, name, properties, assets)
