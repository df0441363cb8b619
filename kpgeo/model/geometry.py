"""Areas and lengths on the ellipsoid: the one place where a geometry becomes hectares."""

from pyproj import Geod
from shapely import orient_polygons
from shapely.geometry.base import BaseGeometry

_WGS84 = Geod(ellps="WGS84")


def area_ha(geometry_4326: BaseGeometry) -> float:
    """Return the geodesic area of an EPSG:4326 geometry in hectares (Karney 2013, as in PROJ). Holes are subtracted."""
    if geometry_4326.is_empty:
        return 0.0
    parts = getattr(geometry_4326, "geoms", [geometry_4326])
    return sum(abs(_WGS84.geometry_area_perimeter(_oriented(part))[0]) for part in parts) / 10_000.0


def _oriented(polygon: BaseGeometry) -> BaseGeometry:
    """Wind the shell one way and the holes the other, which is what makes the geodesic area subtract holes."""
    return orient_polygons(polygon)


def distance_m(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Return the geodesic distance between two points in metres."""
    return float(_WGS84.inv(lon_a, lat_a, lon_b, lat_b)[2])
