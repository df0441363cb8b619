"""What lies around a site: the layers of an AOI, laid out once in metres and searched for each site.

Strategy. Everything is projected into the AOI's UTM zone once, long lines are cut into short pieces, and each kind of
layer gets a tree. What is nearest is found in the plane; how far it is, is then measured on the ellipsoid between the
two nearest points, because a border may lie far outside the zone. Whether a site lies in a permit is asked with a
tolerance of a pixel: outlines of sites follow pixel edges, and registers draw permits by hand.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from kpgeo.model.aoi import Aoi, Layer, LayerKind, Permit
from kpgeo.model.geometry import distance_m
from kpgeo.model.site import Site
from kpgeo.model.surroundings import Nearest, PermitShare, PermitStanding, Surroundings
from kpgeo.sites.place import lon_lats_of, moved
from kpgeo.sites.standing import mined_good_of, worked_before_of

EDGE_M = 10.0
"""Outlines are good to a pixel: what lies within this of an edge lies on it."""

_EDGE_DEG = 0.02  # GeoJSON edges are straight in degrees; split here they stray less than 0.2 m once straight in UTM
_PIECE_VERTICES = 32
_MEET_M = 0.1
_POINTS = ("Point", "MultiPoint")


class Neighbourhood:
    """The layers of an AOI, laid out for searching.

    Parameters
    ----------
    aoi : Aoi
        Its layers are projected when they are first asked for.
    """

    def __init__(self, aoi: Aoi) -> None:
        self.aoi = aoi
        self._kinds: dict[LayerKind, Kind | None] = {}

    def kind(self, kind: LayerKind) -> "Kind | None":
        """Return a kind of layer laid out; None where the AOI has none."""
        if kind not in self._kinds:
            layers = self.aoi.layers_of(kind)
            self._kinds[kind] = Kind(layers, self.aoi.epsg) if layers else None
        return self._kinds[kind]

    def touches(self, kind: LayerKind, geometry_m: BaseGeometry) -> bool:
        """Say whether a geometry in metres shares ground with a kind of layer; False where the AOI has none."""
        laid = self.kind(kind)
        return laid is not None and laid.touches(geometry_m)

    @cached_property
    def permits(self) -> "Permits":
        """Return the recorded permits laid out."""
        layers = self.aoi.layers_of(LayerKind.PERMITS)
        return Permits([permit for layer in layers for permit in layer.permits], self.aoi.epsg)


class Kind:
    """All layers of one kind in metres, in pieces."""

    def __init__(self, layers: Sequence[Layer], epsg: int) -> None:
        pairs = [(part, name) for layer in layers for part, name in _parts_in_metres(layer, epsg)]
        self.names = [name for _, name in pairs]
        self.tree = shapely.STRtree([part for part, _ in pairs])
        self.reach_m = min(layer.reach_m for layer in layers)
        self.epsg = epsg

    def nearest(self, geometry_m: BaseGeometry) -> Nearest:
        """Return the nearest piece to a geometry in metres; of equals that with the first name."""
        found = _nearest_of(self.tree, geometry_m)
        if found is None:
            return Nearest(distance_m=self.reach_m, is_beyond=True)
        number = min(found, key=lambda one: (self.names[one], one))
        far_m = _true_distance_m(geometry_m, self.tree.geometries[number], self.epsg)
        return _as_nearest(far_m, self.reach_m, self.names[number])

    def touches(self, geometry_m: BaseGeometry) -> bool:
        """Say whether a geometry in metres shares more ground with a piece than outlines are wrong by."""
        for number in self.tree.query(geometry_m, predicate="intersects"):
            if _core(self.tree.geometries[number]).intersects(geometry_m):
                return True
        return False


class Permits:
    """Permits in metres."""

    def __init__(self, permits: Sequence[Permit], epsg: int) -> None:
        self.permits = tuple(permits)
        self.epsg = epsg
        self.shapes = [_in_metres(permit.geometry, epsg) for permit in permits]
        self.tree = shapely.STRtree(self.shapes)
        self._shape_of = {id(permit): shape for permit, shape in zip(self.permits, self.shapes, strict=True)}
        self._valid: tuple[int, list[int], shapely.STRtree] | None = None

    def shares(self, geometry_m: BaseGeometry, day: int) -> tuple[PermitShare, ...]:
        """Return the permits that hold some of a geometry in metres: those valid on the day first, then by id."""
        total = max(float(shapely.area(geometry_m)), 1e-9)
        found = []
        for number in self.tree.query(geometry_m, predicate="intersects"):
            permit, shape = self.permits[number], self.shapes[number]
            if _core(shape).intersects(geometry_m):
                share = min(float(shapely.area(shapely.intersection(shape, geometry_m))) / total, 1.0)
                found.append(PermitShare(permit=permit, inside_frac=round(share, 3), is_valid=permit.is_valid_on(day)))
        return tuple(sorted(found, key=lambda share: (not share.is_valid, share.permit.id, share.permit.starts_at_day)))

    def covers(self, geometry_m: BaseGeometry, permits: Sequence[Permit]) -> bool:
        """Say whether some of these permits together hold a geometry in metres, but for what outlines are wrong by."""
        shapes = [self._shape_of[id(permit)] for permit in permits]
        return bool(shapes) and bool(shapely.union_all(shapes).buffer(EDGE_M).covers(geometry_m))

    def nearest(self, geometry_m: BaseGeometry, day: int, reach_m: float) -> Nearest | None:
        """Return the nearest permit that is valid on a day; None where none is."""
        numbers, tree = self._valid_on(day)
        found = _nearest_of(tree, geometry_m)
        if found is None:
            return None
        number = min((numbers[one] for one in found), key=lambda one: self.permits[one].id)
        far_m = _true_distance_m(geometry_m, self.shapes[number], self.epsg)
        return _as_nearest(far_m, reach_m, self.permits[number].id)

    def _valid_on(self, day: int) -> tuple[list[int], shapely.STRtree]:
        """Return the permits valid on a day, and a tree of them; that of the last day asked for is kept."""
        if self._valid is None or self._valid[0] != day:
            numbers = [number for number, permit in enumerate(self.permits) if permit.is_valid_on(day)]
            self._valid = day, numbers, shapely.STRtree([self.shapes[number] for number in numbers])
        return self._valid[1], self._valid[2]


def describe_surroundings(
    site: Site, aoi: Aoi | Neighbourhood, day: int, baseline_end_day: int, *, least_ha: float = 0.05
) -> Surroundings:
    """Say what lies around a site as of a day.

    Parameters
    ----------
    site : Site
        As it stands in a dekad.
    aoi : Aoi or Neighbourhood
        Of more than one site, the neighbourhood of the AOI, which is laid out once.
    day : int
        The day that permits are held against.
    baseline_end_day : int
        First monitored day.
    least_ha : float
        Ground dug before or since counts from this area on; the minimum mapping unit.

    Returns
    -------
    Surroundings
        What no layer of the AOI tells is None or `not-known`. Nothing of it is a detection.
    """
    around = aoi if isinstance(aoi, Neighbourhood) else Neighbourhood(aoi)
    outline_m = moved(site.geometry, 4326, around.aoi.epsg)
    nearest = {kind: laid.nearest(outline_m) if (laid := around.kind(kind)) else None for kind in _MEASURED}
    shares = around.permits.shares(outline_m, day)
    has_register = bool(around.aoi.layers_of(LayerKind.PERMITS))
    reach_m = min((layer.reach_m for layer in around.aoi.layers_of(LayerKind.PERMITS)), default=0.0)
    is_known_working = around.touches(LayerKind.WORKINGS, outline_m)
    return Surroundings(
        site_id=site.id,
        day=day,
        drainage=nearest[LayerKind.DRAINAGE],
        road=nearest[LayerKind.ROAD],
        border=nearest[LayerKind.BORDER],
        settlement=nearest[LayerKind.SETTLEMENT],
        permit=around.permits.nearest(outline_m, day, reach_m),
        permit_standing=_standing(outline_m, shares, around.permits, day) if has_register else PermitStanding.NOT_KNOWN,
        permits=shares,
        baseline=worked_before_of(site, baseline_end_day, least_ha, is_known_working=is_known_working),
        mined_good=mined_good_of(
            site, around.aoi, shares, is_on_gold=around.touches(LayerKind.GOLD_WORKINGS, outline_m)
        ),
    )


_MEASURED = (LayerKind.DRAINAGE, LayerKind.ROAD, LayerKind.BORDER, LayerKind.SETTLEMENT)


def rounded_m(metres: float) -> float:
    """Return a distance as exactly as outlines allow: to 10 m below 1 km, to 100 m below 10 km, else to 1 km.

    >>> rounded_m(4.0), rounded_m(386.0), rounded_m(1_234.0), rounded_m(99_700.0)
    (0.0, 390.0, 1200.0, 100000.0)
    """
    step_m = 10.0 if metres < 995.0 else 100.0 if metres < 9_950.0 else 1_000.0
    return float(np.round(metres / step_m) * step_m)


def _standing(outline_m: BaseGeometry, shares: Sequence[PermitShare], permits: Permits, day: int) -> PermitStanding:
    """Return how an outline lies to the permits that hold some of it."""
    valid = [share.permit for share in shares if share.is_valid]
    if valid:
        return PermitStanding.INSIDE if permits.covers(outline_m, valid) else PermitStanding.PARTLY_INSIDE
    ended = [share.permit for share in shares if share.permit.has_ended_by(day)]
    if permits.covers(outline_m, ended):
        return PermitStanding.INSIDE_EXPIRED
    later = [share.permit for share in shares if not share.permit.has_ended_by(day)]
    return PermitStanding.INSIDE_NOT_YET_VALID if permits.covers(outline_m, later) else PermitStanding.OUTSIDE


def _as_nearest(far_m: float, reach_m: float, name: str) -> Nearest:
    if far_m > reach_m:
        return Nearest(distance_m=reach_m, is_beyond=True)
    return Nearest(distance_m=rounded_m(far_m), name=name)


def _nearest_of(tree: shapely.STRtree, geometry_m: BaseGeometry) -> list[int] | None:
    """Return the numbers of what lies nearest, all of them where several lie as near; None where there is nothing."""
    if not len(tree):
        return None
    return [int(number) for number in tree.query_nearest(geometry_m, all_matches=True)]


def _true_distance_m(one_m: BaseGeometry, other_m: BaseGeometry, epsg: int) -> float:
    """Return the distance on the ellipsoid between where two geometries come nearest; 0 where they meet."""
    line = shapely.shortest_line(one_m, other_m)
    if line.length < _MEET_M:
        return 0.0
    (lon_a, lat_a), (lon_b, lat_b) = lon_lats_of(shapely.get_coordinates(line), epsg).tolist()
    return distance_m(lon_a, lat_a, lon_b, lat_b)


def _parts_in_metres(layer: Layer, epsg: int) -> list[tuple[BaseGeometry, str]]:
    """Return the parts of a layer in metres, each with its name: points as discs of its radius, lines in pieces."""
    parts = shapely.get_parts(layer.geometry)
    names = layer.names or ("",) * len(parts)
    found: list[tuple[BaseGeometry, str]] = []
    for part, name in zip(parts, names, strict=True):
        shape = _in_metres(part, epsg)
        if shape.geom_type in _POINTS and layer.radius_m > 0.0:
            shape = shapely.buffer(shape, layer.radius_m)
        found += [(piece, name) for piece in _pieces(shape)]
    return found


def _pieces(shape: BaseGeometry) -> list[BaseGeometry]:
    """Return a line in pieces that share their ends, and anything else whole: a tree finds short pieces faster."""
    if shape.geom_type != "LineString":
        return [shape]
    xy = shapely.get_coordinates(shape)
    starts = range(0, len(xy) - 1, _PIECE_VERTICES)
    return [shapely.LineString(xy[start : start + _PIECE_VERTICES + 1]) for start in starts]


def _in_metres(geometry: BaseGeometry, epsg: int) -> BaseGeometry:
    return moved(shapely.segmentize(geometry, _EDGE_DEG), 4326, epsg)


def _core(shape: BaseGeometry) -> BaseGeometry:
    """Return a shape without its rim; the shape itself where it is no wider than its rim."""
    core = shapely.buffer(shape, -EDGE_M)
    return shape if core.is_empty else core
