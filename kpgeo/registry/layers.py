"""Layers of an AOI: what lies in and around it. In the file itself, or in a file of their own below it.

A layer file is read with the care an AOI file is: nothing in it is looked at but geometry, the names of settlements and
the fields of permits.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import shapely
from shapely.geometry.base import BaseGeometry

from kpgeo.model.aoi import SURROUNDING_KINDS, Layer, LayerKind, RiskRule, RiskSource, Sourced
from kpgeo.registry.fields import MAX_NAME, Fields
from kpgeo.registry.outline import Outline, count_positions
from kpgeo.registry.permits import PERMIT_FIELDS, read_permit
from kpgeo.registry.rules import MAX_FEATURES, MAX_VERTICES, MAX_WITHIN_M, Findings, clean
from kpgeo.registry.text import parse_json, read_bytes

LAYER_ROLES = tuple(kind.value for kind in LayerKind)
REACH_DEG = 0.1  # what lies farther from the boundary is cut off: about 11 km
WIDE_REACH_DEG = 1.0  # ... of roads, borders, settlements, permits and gold workings: about 110 km
DEFAULT_RADIUS_M = 100.0
_MAX_RADIUS_M = 2_000.0
_POLYGONS, _LINES, _POINTS = ("Polygon", "MultiPolygon"), ("LineString", "MultiLineString"), ("Point", "MultiPoint")
_TYPES = {
    LayerKind.DRAINAGE: _LINES,
    LayerKind.WORKINGS: (*_POLYGONS, *_POINTS),
    LayerKind.RISK_AREA: _POLYGONS,
    LayerKind.ROAD: _LINES,
    LayerKind.BORDER: _LINES,
    LayerKind.SETTLEMENT: (*_POLYGONS, *_POINTS),
    LayerKind.PERMITS: _POLYGONS,
    LayerKind.GOLD_WORKINGS: (*_POLYGONS, *_POINTS),
}
_WITH_RADIUS = (LayerKind.WORKINGS, LayerKind.GOLD_WORKINGS)
_LAYER_FIELDS = ("role", "source", "path")
_OWN_FIELDS: dict[LayerKind, tuple[str, ...]] = {
    **dict.fromkeys(_WITH_RADIUS, ("radius_m",)),
    LayerKind.SETTLEMENT: ("name",),
    LayerKind.PERMITS: PERMIT_FIELDS,
}
_METRES_PER_DEG = 110_574.0  # of latitude at the equator, where they are shortest


@dataclass(frozen=True)
class Drawn:
    """One feature of a layer: its geometry and the fields beside it."""

    geometry: BaseGeometry
    facts: Fields


@dataclass
class LayerReader:
    """Reads the layers of one AOI file.

    Attributes
    ----------
    folder : Path
        The AOI file's; a layer file lies in it or below it.
    bounds_4326 : tuple of float
        West, south, east, north of the boundary.
    digests : list of (LayerKind, str)
        Kind and SHA-256 of the layer files read, in order: they are part of the AOI's version.
    """

    found: Findings
    folder: Path
    bounds_4326: tuple[float, float, float, float]
    n_positions: int
    digests: list[tuple[LayerKind, str]] = field(default_factory=list)

    def read(self, feature: Fields) -> Layer | None:
        """Return the layer a feature describes, or None with a finding."""
        facts = Fields.of(feature.content.get("properties"), f"{feature.place}.properties", self.found)
        kind = LayerKind(str(facts.content.get("role")))
        has_path = "path" in facts.content
        facts.only(*_LAYER_FIELDS, *(() if has_path and kind not in _WITH_RADIUS else _OWN_FIELDS.get(kind, ())))
        source, radius_m = facts.sourced(), _radius_m(facts)
        if has_path:
            if feature.content.get("geometry") is not None:
                self.found.add("layer-path", "The layer has a path and a geometry of its own.", facts.at("path"))
                return None
            drawn = self._of_file(facts.text("path"), kind, facts.at("path"))
        else:
            geometry = _geometry(feature.content.get("geometry"), kind, feature.place, self.found)
            drawn = None if geometry is None else [Drawn(geometry, facts)]
        if drawn is None:
            return None
        return self._layer(kind, source, radius_m, drawn, feature.place)

    def _layer(
        self, kind: LayerKind, source: Sourced, radius_m: float, drawn: Sequence[Drawn], place: str
    ) -> Layer | None:
        """Return a layer of what was drawn, cut to what lies near; None with a finding where nothing does."""
        window = self._window(kind)
        if kind is LayerKind.PERMITS:
            read = [read_permit(one.facts, _ground_in(one.geometry, window), source) for one in drawn]
            permits = tuple(permit for permit in read if not permit.geometry.is_empty)
            parts, names = [permit.geometry for permit in permits], [""] * len(permits)
        else:
            permits = ()
            parts, names = _cut(drawn, window, kind)
        if not parts and (drawn or kind is not LayerKind.PERMITS):
            self.found.add("layer-elsewhere", "Nothing of the layer lies in or near the boundary.", place)
            return None
        return Layer(
            kind=kind,
            geometry=shapely.GeometryCollection(parts),
            source=source,
            radius_m=radius_m if kind in _WITH_RADIUS else 0.0,
            names=tuple(names) if kind is LayerKind.SETTLEMENT else (),
            permits=permits,
            reach_m=self._reach_m(window),
        )

    def _window(self, kind: LayerKind) -> tuple[float, float, float, float]:
        """Return the bounds that a layer is cut to."""
        west, south, east, north = self.bounds_4326
        if kind not in SURROUNDING_KINDS:
            return west - REACH_DEG, south - REACH_DEG, east + REACH_DEG, north + REACH_DEG
        wide = WIDE_REACH_DEG / max(math.cos(math.radians(max(abs(south), abs(north)) + WIDE_REACH_DEG)), 0.1)
        return west - wide, south - WIDE_REACH_DEG, east + wide, north + WIDE_REACH_DEG

    def _reach_m(self, window: tuple[float, float, float, float]) -> float:
        """Return how far from the boundary a window reaches at least, in whole kilometres as metres."""
        west, south, _, north = self.bounds_4326
        shrink = math.cos(math.radians(max(abs(window[1]), abs(window[3]))))
        narrowest_deg = min(south - window[1], window[3] - north, (west - window[0]) * shrink)
        return math.floor(narrowest_deg * _METRES_PER_DEG / 1_000.0) * 1_000.0

    def _of_file(self, text: str, kind: LayerKind, where: str) -> list[Drawn] | None:
        """Return what a layer file holds; None with a finding where it cannot be used."""
        path = self._path(text, where)
        if path is None:
            return None
        inner = replace(
            self.found, file=f"{self.found.file}: {where}: {clean(text)}", _seen=set()
        )  # one list of errors
        raw = read_bytes(path, inner)
        content = parse_json(raw, inner) if raw is not None else None
        if raw is None or content is None:
            return None
        self.digests.append((kind, hashlib.sha256(raw).hexdigest()))
        return self._of_collection(content, kind, inner)

    def _path(self, text: str, where: str) -> Path | None:
        """Return a layer's file inside the AOI's folder, or None with a finding."""
        parts = PurePosixPath(text).parts
        is_plain = bool(parts) and not any(part in ("/", "..", ".") or part.startswith(".") for part in parts)
        if not is_plain or "\\" in text or ":" in text or not text.lower().endswith((".geojson", ".json")):
            self.found.add("layer-path", f"'{clean(text)}' is no path of a GeoJSON file below the AOI's.", where)
            return None
        path = self.folder.joinpath(*parts)
        if not path.resolve().is_relative_to(self.folder.resolve()):
            self.found.add(
                "file-outside-folder", "The layer's file is a link that leads out of the AOI's folder.", where
            )
            return None
        return path

    def _of_collection(self, content: object, kind: LayerKind, inner: Findings) -> list[Drawn] | None:
        rows = content.get("features") if isinstance(content, dict) else None
        if not isinstance(content, dict) or content.get("type") != "FeatureCollection" or not isinstance(rows, list):
            inner.add("layer-geometry", "This is not a FeatureCollection.")
            return None
        if len(rows) > MAX_FEATURES:
            inner.add("features-too-many", f"The layer holds {len(rows):,} features.")
            return None
        check_crs(content.get("crs"), inner)
        geometries = [row.get("geometry") if isinstance(row, dict) else None for row in rows]
        self.n_positions += sum(
            count_positions(geometry.get("coordinates")) for geometry in geometries if isinstance(geometry, dict)
        )
        if self.n_positions > MAX_VERTICES:
            inner.add("vertices-too-many", f"With this layer there are {self.n_positions:,} positions.")
        if inner.has("vertices-too-many", "crs-member"):
            return None
        read = [_geometry(geometry, kind, f"features[{index}]", inner) for index, geometry in enumerate(geometries)]
        if any(geometry is None for geometry in read):
            return None
        return [
            Drawn(geometry, _facts_of_row(row, f"features[{index}].properties", inner))
            for index, (geometry, row) in enumerate(zip(read, rows, strict=True))
            if geometry is not None
        ]


def _facts_of_row(row: object, place: str, inner: Findings) -> Fields:
    """Return a cursor over the properties of a feature of a layer file, which may have none."""
    properties = row.get("properties") if isinstance(row, dict) else None
    return Fields(properties if isinstance(properties, dict) else {}, place, inner)


def _cut(
    drawn: Sequence[Drawn], window: tuple[float, float, float, float], kind: LayerKind
) -> tuple[list[BaseGeometry], list[str]]:
    """Return the parts of what was drawn that lie in a window, and the name of each."""
    parts: list[BaseGeometry] = []
    names: list[str] = []
    for one in drawn:
        name = one.facts.text("name", MAX_NAME) if kind is LayerKind.SETTLEMENT and _has_name(one) else ""
        inner = [part for part in shapely.get_parts(shapely.clip_by_rect(one.geometry, *window)) if not part.is_empty]
        parts += inner
        names += [name] * len(inner)
    return parts, names


def _ground_in(geometry: BaseGeometry, window: tuple[float, float, float, float]) -> BaseGeometry:
    """Return what of an area lies in a window: a MultiPolygon, empty where nothing does."""
    cut = shapely.get_parts(shapely.clip_by_rect(geometry, *window))
    return shapely.MultiPolygon([part for part in cut if part.geom_type == "Polygon" and not part.is_empty])


def _has_name(one: Drawn) -> bool:
    """Say whether a feature is given a name; layer files are full of null and blank ones."""
    name = one.facts.content.get("name")
    return name is not None and not (isinstance(name, str) and not name.strip())


def read_risk_rule(fields: Fields) -> RiskRule | None:
    """Return the rule that says where to keep watch, or None where the boundary's feature has none."""
    if fields.content.get("risk") is None:
        return None
    sub = fields.sub("risk")
    sub.only("within_m", "of", "source")
    within_m, of = sub.number("within_m"), sub.get("of")
    known = {source.value for source in RiskSource}
    if not 0.0 <= within_m <= MAX_WITHIN_M and "within_m" in sub.content:
        sub.found.add("risk-rule", f"{within_m:g} m is not from 0 to {MAX_WITHIN_M:,.0f} m.", sub.at("within_m"))
    is_list = isinstance(of, list) and bool(of) and all(isinstance(name, str) and name in known for name in of)
    names = [str(name) for name in of] if is_list and isinstance(of, list) else []
    if "of" in sub.content and (not names or len(set(names)) != len(names)):
        sub.found.add("risk-rule", "This is not a list of strata, drainage or workings, each once.", sub.at("of"))
    return RiskRule(within_m=within_m, of=tuple(map(RiskSource, names)), source=sub.sourced())


def check_risk(rule: RiskRule | None, layers: tuple[Layer, ...], *, has_strata: bool, found: Findings) -> None:
    """Record a rule that names what the file does not hold: it would leave the whole area unwatched."""
    held = {layer.kind.value for layer in layers} | ({RiskSource.STRATA.value} if has_strata else set())
    missing = [source.value for source in rule.of if source.value not in held] if rule else []
    if missing:
        where = "features[0].properties.risk.of"
        found.add("risk-rule", f"The rule names {', '.join(missing)}, of which the file holds none.", where)


def _radius_m(facts: Fields) -> float:
    if "radius_m" not in facts.content:
        return DEFAULT_RADIUS_M
    radius_m = facts.number("radius_m")
    if not 0.0 < radius_m <= _MAX_RADIUS_M:
        facts.found.add("layer-radius", f"{radius_m:g} m is no radius of a working.", facts.at("radius_m"))
    return radius_m


def _geometry(geometry: object, kind: LayerKind, place: str, found: Findings) -> BaseGeometry | None:
    """Return the geometry of a layer's feature as its kind asks for, or None with a finding."""
    given = str(geometry.get("type")) if isinstance(geometry, dict) else "nothing"
    if not isinstance(geometry, dict) or given not in _TYPES[kind]:
        what = f"{kind} is drawn as {', '.join(_TYPES[kind])}, not as {clean(given, 24)}."
        found.add("layer-geometry", what, f"{place}.geometry")
        return None
    outline = Outline(found, place)
    if given in _POLYGONS:
        return outline.read(geometry)
    return outline.read_lines(geometry) if given.endswith("LineString") else outline.read_points(geometry)


# Names GeoJSON writers give to longitude and latitude on WGS 84; anything else is another system.
_LON_LAT_NAMES = {
    "urn:ogc:def:crs:OGC:1.3:CRS84",
    "urn:ogc:def:crs:OGC::CRS84",
    "OGC:CRS84",
    "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
    "urn:ogc:def:crs:EPSG::4326",
    "EPSG:4326",
}


def check_crs(crs: object, found: Findings) -> None:
    """Refuse a `crs` member that names anything but longitude and latitude on WGS 84."""
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if name not in _LON_LAT_NAMES:
        found.add("crs-member", f"The file says its coordinates are in '{clean(str(name))}'.", "crs")
