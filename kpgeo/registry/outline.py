"""From GeoJSON coordinates to valid polygons: raw positions are checked first, and only then become geometry."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import shapely
from shapely.geometry import MultiLineString, MultiPoint, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from kpgeo.registry.rules import Findings, clean

Position = tuple[float, float]

_MAX_NORTH, _MAX_SOUTH = 84.0, -80.0
_METRES_FROM = 1_000.0


def count_positions(value: object) -> int:
    """Return how many innermost lists a nest of lists holds. Nesting is bounded when the text is parsed."""
    if not isinstance(value, list):
        return 0
    if not any(isinstance(item, list) for item in value):
        return 1
    return sum(count_positions(item) for item in value)


class _RefusedError(Exception):
    """The feature's geometry is refused; the finding is recorded already."""


@dataclass(frozen=True)
class Outline:
    """Reads the geometry member of one feature. `place` is the feature's place in the file."""

    found: Findings
    place: str

    def read(self, geometry: object) -> BaseGeometry | None:
        """Return a valid Polygon or MultiPolygon, wound as RFC 7946 asks, or None with at least one finding."""
        try:
            polygons = self._polygons(geometry)
            rings = [[self._ring(ring, f"{i}.{j}") for j, ring in enumerate(part)] for i, part in enumerate(polygons)]
            if not all(ring for part in rings for ring in part):
                return None
            self._require_degrees([position for part in rings for ring in part for position in ring])
            return self._valid(rings)
        except _RefusedError:
            return None

    def read_lines(self, geometry: dict[str, Any]) -> BaseGeometry | None:
        """Return a MultiLineString of a LineString or MultiLineString, or None with at least one finding."""
        given = geometry.get("coordinates")
        lines = given if geometry.get("type") == "MultiLineString" and isinstance(given, list) else [given]
        read = [self._line(line, f"{self.place}.coordinates.{index}") for index, line in enumerate(lines)]
        if not read:
            self.found.add("geometry-empty", "The geometry has no coordinates.", f"{self.place}.geometry")
        return MultiLineString(read) if read and all(read) and self._are_degrees(read) else None

    def _line(self, raw: object, where: str) -> list[Position]:
        """Return a line's positions, or an empty list with a finding."""
        positions = self._positions(raw, where)
        if positions is not None and len(set(positions)) < 2:
            self.found.add("line-too-short", "The line does not lead anywhere.", where)
            return []
        return positions or []

    def read_points(self, geometry: dict[str, Any]) -> BaseGeometry | None:
        """Return a MultiPoint of a Point or MultiPoint, or None with at least one finding."""
        coordinates = geometry.get("coordinates")
        points = coordinates if geometry.get("type") == "MultiPoint" else [coordinates]
        read = self._positions(points, f"{self.place}.coordinates")
        if read == []:
            self.found.add("geometry-empty", "The geometry has no coordinates.", f"{self.place}.geometry")
        return MultiPoint(read) if read and self._are_degrees([read]) else None

    def _are_degrees(self, parts: list[list[Position]]) -> bool:
        try:
            self._require_degrees([position for part in parts for position in part])
        except _RefusedError:
            return False
        return True

    def _polygons(self, geometry: object) -> list[list[Any]]:
        """Return the coordinates as a list of polygons (lists of rings), not yet looked into."""
        if geometry is None:
            self._refuse("geometry-empty", "The feature has no geometry.")
        if not isinstance(geometry, dict):
            self._refuse("coordinates-malformed", "The geometry is not an object.")
        kind, coordinates = geometry.get("type"), geometry.get("coordinates")
        if kind == "GeometryCollection":
            self._refuse("geometry-mixed", "The geometry is a GeometryCollection.")
        if kind not in ("Polygon", "MultiPolygon"):
            self._refuse("geometry-not-polygon", f"The geometry is a {clean(str(kind), 24)}.")
        if coordinates in (None, [], [[]], [[[]]]):
            self._refuse("geometry-empty", "The geometry has no coordinates.")
        polygons = [coordinates] if kind == "Polygon" else coordinates
        if not isinstance(polygons, list) or not all(isinstance(part, list) and part for part in polygons):
            self._refuse("coordinates-malformed", f"The coordinates are not those of a {kind}.")
        return polygons

    def _ring(self, raw: object, at: str) -> list[Position]:
        """Return a closed ring without repeated positions, or an empty list with a finding."""
        where = f"{self.place}.coordinates.{at}"
        positions = self._positions(raw, where)
        return [] if positions is None else self._closed(positions, where)

    def _positions(self, raw: object, where: str) -> list[Position] | None:
        """Return a list of positions, or None with a finding."""
        if not isinstance(raw, list):
            self.found.add("coordinates-malformed", "This is not a list of positions.", where)
            return None
        for index, position in enumerate(raw):
            if not isinstance(position, list) or len(position) < 2 or not all(_is_number(v) for v in position):
                self.found.add("coordinates-malformed", "This is not a position.", f"{where}.{index}")
                return None
            if len(position) > 2:
                dims = f"The position has {len(position)} values."
                self.found.refuse_or_repair("position-not-2d", dims, f"{where}.{index}")
        return [(float(position[0]), float(position[1])) for position in raw]

    def _closed(self, ring: list[Position], where: str) -> list[Position]:
        """Return the ring with its end at its beginning and every position different from the one before."""
        if len(ring) > 1 and ring[0] != ring[-1]:
            self.found.refuse_or_repair("ring-unclosed", "The ring does not end where it begins.", where)
            ring = [*ring, ring[0]]
        kept = [*ring[:1], *(b for a, b in itertools.pairwise(ring) if a != b)]
        if len(kept) < len(ring):
            repeated = f"{len(ring) - len(kept)} position(s) repeat the one before."
            self.found.refuse_or_repair("vertex-repeated", repeated, where)
        if len(kept) < 4:
            self.found.add("ring-too-short", f"The ring has only {max(len(kept) - 1, 0)} corner(s).", where)
            return []
        return kept

    def _require_degrees(self, positions: Sequence[Position]) -> None:
        """Refuse numbers that cannot be longitudes and latitudes of one place in one UTM zone."""
        lons, lats = ([position[axis] for position in positions] for axis in (0, 1))
        lon_far, lat_far = (max(abs(min(values)), abs(max(values))) for values in (lons, lats))
        if max(lon_far, lat_far) > _METRES_FROM:
            self._refuse("coordinates-in-metres", f"Values up to {max(lon_far, lat_far):,.0f} are not degrees.")
        if lon_far <= 90.0 < lat_far <= 180.0:
            self._refuse("axes-swapped", f"A latitude of {lat_far:g} would do as a longitude.")
        if lon_far > 180.0 or lat_far > 90.0:
            self._refuse("coordinates-out-of-range", f"Longitudes reach {lon_far:g} and latitudes {lat_far:g} degrees.")
        if max(lats) > _MAX_NORTH or min(lats) < _MAX_SOUTH:
            self._refuse("near-pole", f"Latitudes run from {min(lats):g} to {max(lats):g}.")
        if max(lons) - min(lons) > 180.0:
            self._refuse("crosses-antimeridian", "The longitudes span more than 180 degrees.")

    def _valid(self, rings: list[list[list[Position]]]) -> BaseGeometry | None:
        """Return the geometry if it is valid, or repaired where there is consent."""
        parts = [Polygon(part[0], part[1:]) for part in rings]
        geometry = parts[0] if len(parts) == 1 else MultiPolygon(parts)
        if geometry.is_valid:
            return self._wound(geometry)
        for index, part in enumerate(parts):
            self._name_fault(part, f"{self.place}.coordinates.{index}")
        if all(part.is_valid for part in parts):
            reason = shapely.is_valid_reason(geometry)
            self.found.refuse_or_repair("parts-overlap", f"Parts overlap ({reason}).", f"{self.place}.coordinates")
        if not self.found.consent:
            return None
        repaired = shapely.union_all([_ground(part) for part in parts])
        if repaired.is_empty or repaired.geom_type not in ("Polygon", "MultiPolygon"):
            self._refuse("geometry-empty", "Nothing with an area is left after the repair.")
        return shapely.orient_polygons(repaired)

    def _name_fault(self, part: Polygon, where: str) -> None:
        """Name the rule an invalid polygon breaks; the reason holds the place as GEOS gives it."""
        if part.is_valid:
            return
        reason = shapely.is_valid_reason(part)
        if reason.startswith("Hole lies outside shell"):
            self.found.refuse_or_repair("hole-outside", f"A hole lies outside its outer ring ({reason}).", where)
        elif not all(ring.is_simple for ring in (part.exterior, *part.interiors)):
            self.found.refuse_or_repair("ring-self-intersects", f"A ring crosses or touches itself ({reason}).", where)
        else:
            self.found.refuse_or_repair("parts-overlap", f"Rings overlap ({reason}).", where)

    def _wound(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return a valid geometry with outer rings counter-clockwise and holes clockwise."""
        for part in shapely.get_parts(geometry):
            if not part.exterior.is_ccw or any(hole.is_ccw for hole in part.interiors):
                self.found.refuse_or_repair("ring-reversed", "A ring is wound the wrong way.", f"{self.place}.geometry")
        return shapely.orient_polygons(geometry)

    def _refuse(self, rule: str, what: str) -> NoReturn:
        self.found.add(rule, what, f"{self.place}.geometry")
        raise _RefusedError


def _ground(part: Polygon) -> BaseGeometry:
    """Return what a polygon's outer ring holds less what its holes hold; a hole outside takes nothing away."""
    outer, *holes = (
        shapely.make_valid(Polygon(ring), method="structure", keep_collapsed=False)
        for ring in (part.exterior, *part.interiors)
    )
    return shapely.difference(outer, shapely.union_all(holes))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
