"""Layers of an AOI: drainage, known workings, ground at risk. In the file itself, or in a file of their own below it.

A layer file is read with the care an AOI file is: nothing in it but geometry is looked at.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import shapely
from shapely.geometry.base import BaseGeometry

from kpgeo.model.aoi import Layer, LayerKind, RiskRule, RiskSource
from kpgeo.registry.fields import Fields
from kpgeo.registry.outline import Outline, count_positions
from kpgeo.registry.rules import MAX_FEATURES, MAX_VERTICES, MAX_WITHIN_M, Findings, clean
from kpgeo.registry.text import parse_json, read_bytes

LAYER_ROLES = tuple(kind.value for kind in LayerKind)
REACH_DEG = 0.1  # what lies farther from the boundary is cut off: about 11 km
DEFAULT_RADIUS_M = 100.0
_MAX_RADIUS_M = 2_000.0
_POLYGONS = ("Polygon", "MultiPolygon")
_TYPES = {
    LayerKind.DRAINAGE: ("LineString", "MultiLineString"),
    LayerKind.WORKINGS: (*_POLYGONS, "Point", "MultiPoint"),
    LayerKind.RISK_AREA: _POLYGONS,
}


@dataclass
class LayerReader:
    """Reads the layers of one AOI file.

    Attributes
    ----------
    folder : Path
        The AOI file's; a layer file lies in it or below it.
    bounds_4326 : tuple of float
        West, south, east, north of the boundary.
    digests : list of str
        SHA-256 of the layer files read, in order: they are part of the AOI's version.
    n_positions : int
        Positions read so far, those of the AOI file included.
    """

    found: Findings
    folder: Path
    bounds_4326: tuple[float, float, float, float]
    n_positions: int
    digests: list[str] = field(default_factory=list)

    def read(self, feature: Fields) -> Layer | None:
        """Return the layer a feature describes, or None with a finding."""
        facts = Fields.of(feature.content.get("properties"), f"{feature.place}.properties", self.found)
        kind = LayerKind(str(facts.content.get("role")))
        facts.only("role", "source", "path", *(("radius_m",) if kind is LayerKind.WORKINGS else ()))
        source, radius_m = facts.sourced(), _radius_m(facts)
        if "path" in facts.content:
            if feature.content.get("geometry") is not None:
                self.found.add("layer-path", "The layer has a path and a geometry of its own.", facts.at("path"))
                return None
            parts = self._of_file(facts.text("path"), kind, facts.at("path"))
        else:
            parts = [_geometry(feature.content.get("geometry"), kind, feature.place, self.found)]
        near = self._near([part for part in parts if part is not None], feature.place)
        return None if near is None else Layer(kind=kind, geometry=near, source=source, radius_m=radius_m)

    def _of_file(self, text: str, kind: LayerKind, where: str) -> list[BaseGeometry | None]:
        """Return the geometries of a layer file; none with a finding where it cannot be used."""
        path = self._path(text, where)
        if path is None:
            return []
        inner = Findings(file=f"{self.found.file}: {where}: {clean(text)}", consent=self.found.consent)
        raw = read_bytes(path, inner)
        content = parse_json(raw, inner) if raw is not None else None
        geometries: list[BaseGeometry | None] = []
        if raw is not None and content is not None:
            self.digests.append(hashlib.sha256(raw).hexdigest())
            geometries = self._of_collection(content, kind, inner)
        self.found.errors += inner.errors
        self.found.repairs += inner.repairs
        return geometries

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

    def _of_collection(self, content: object, kind: LayerKind, inner: Findings) -> list[BaseGeometry | None]:
        rows = content.get("features") if isinstance(content, dict) else None
        if not isinstance(content, dict) or content.get("type") != "FeatureCollection" or not isinstance(rows, list):
            inner.add("layer-geometry", "This is not a FeatureCollection.")
            return []
        if len(rows) > MAX_FEATURES:
            inner.add("features-too-many", f"The layer holds {len(rows):,} features.")
            return []
        check_crs(content.get("crs"), inner)
        geometries = [row.get("geometry") if isinstance(row, dict) else None for row in rows]
        self.n_positions += sum(
            count_positions(geometry.get("coordinates")) for geometry in geometries if isinstance(geometry, dict)
        )
        if self.n_positions > MAX_VERTICES:
            inner.add("vertices-too-many", f"With this layer there are {self.n_positions:,} positions.")
        if inner.has("vertices-too-many", "crs-member"):
            return []
        return [_geometry(geometry, kind, f"features[{index}]", inner) for index, geometry in enumerate(geometries)]

    def _near(self, parts: list[BaseGeometry], place: str) -> BaseGeometry | None:
        """Return what of a layer lies in or near the boundary; None with a finding where nothing does."""
        if not parts:
            return None
        west, south, east, north = self.bounds_4326
        window = (west - REACH_DEG, south - REACH_DEG, east + REACH_DEG, north + REACH_DEG)
        cut = [shapely.clip_by_rect(part, *window) for part in parts]
        near = [inner for part in cut for inner in shapely.get_parts(part) if not inner.is_empty]
        if not near:
            self.found.add("layer-elsewhere", "Nothing of the layer lies in or near the boundary.", place)
            return None
        return shapely.GeometryCollection(near)


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
