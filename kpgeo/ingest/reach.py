"""Which granules reach a window of the grid: said here once, so that a plan counts what a run then opens."""

from odc.geo.geobox import GeoBox
from rasterio.warp import transform_bounds

from kpgeo.model.scene import Granule

_MARGIN_PX = 2.0
_EVERYWHERE = (-180.0, -90.0, 180.0, 90.0)


def reach_of(geobox: GeoBox) -> tuple[float, float, float, float]:
    """Return west, south, east and north (degrees) of a window, with a margin of two pixels."""
    margin_m = _MARGIN_PX * abs(geobox.resolution.x)
    bounds = geobox.boundingbox.buffered(margin_m, margin_m)
    west, south, east, north = transform_bounds(str(geobox.crs), "EPSG:4326", *bounds.bbox)
    return float(west), float(south), float(east), float(north)


def reaches(granule: Granule, reach_4326: tuple[float, float, float, float]) -> bool:
    """Say whether a granule's bounding box meets the reach of a window; its files are opened only then."""
    west, south, east, north = reach_4326
    box = granule.item.get("bbox") or _EVERYWHERE
    return bool(box[0] <= east and box[2] >= west and box[1] <= north and box[3] >= south)
