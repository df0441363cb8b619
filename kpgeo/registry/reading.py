"""The doors that read and check AOI files."""

import hashlib
import itertools
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from kpgeo.model.aoi import SURROUNDING_KINDS, Aoi, LayerKind, RegimeKind, Stratum
from kpgeo.model.errors import RuleError
from kpgeo.model.geometry import area_ha
from kpgeo.model.grid import utm_epsg
from kpgeo.registry.countries import COUNTRIES
from kpgeo.registry.facts import read_facts, read_stratum
from kpgeo.registry.fields import Fields
from kpgeo.registry.layers import LAYER_ROLES, LayerReader, check_crs, check_risk, read_risk_rule
from kpgeo.registry.outline import Outline, count_positions
from kpgeo.registry.permits import check_permits
from kpgeo.registry.places import aoi_folder, files_of, is_path, path_of_id
from kpgeo.registry.rules import (
    MAX_AREA_KM2,
    MAX_EXTENT_DEG,
    MAX_FEATURES,
    MAX_STRATA,
    MAX_VERTICES,
    MIN_AREA_KM2,
    Findings,
    clean,
)
from kpgeo.registry.text import parse_json, read_bytes

_log = logging.getLogger(__name__)
_check_crs = check_crs

_COLLECTION_FIELDS = ("type", "kpgeo_aoi", "name", "crs", "bbox", "features", "xy_coordinate_resolution")
_FEATURE_FIELDS = ("type", "id", "bbox", "properties", "geometry")


def list_aois(folder: Path | None = None) -> tuple[Aoi, ...]:
    """Return the AOIs of a folder (those that come with kpgeo unless another is named), in the order of their ids.

    Raises
    ------
    RuleError
        A file breaks a rule, two files claim one id, or two file names collide.
    """
    place = folder or aoi_folder()
    found = Findings(file=str(place))
    paths = files_of(place, found)
    _raise_first(found.errors)
    aois = sorted((read_aoi(path) for path in paths), key=lambda aoi: aoi.id)
    for one, other in itertools.pairwise(aois):
        if one.id == other.id:
            found.add("id-claimed-twice", f"Two files claim the id '{one.id}'.")
    for path in paths:
        if path.stem not in {aoi.id for aoi in aois}:
            found.add("id-not-file-name", "The file does not bear the id of its AOI.", clean(path.name))
    _raise_first(found.errors)
    return tuple(aois)


def read_aoi(id_or_path: str | Path, *, folder: Path | None = None, consent: bool = False) -> Aoi:
    """Read one AOI.

    Parameters
    ----------
    id_or_path : str or Path
        An id in `folder`, or the path of a file that ends in .geojson or .json.
    folder : Path, optional
        Where ids are looked up; the AOIs that come with kpgeo unless given.
    consent : bool
        Repair what can be repaired without guessing (winding, closing, repeated positions, heights, a byte-order mark,
        rings that cross). The repairs are logged and written into `Aoi.notes`, and `Aoi.version` ends in `+repaired`.

    Returns
    -------
    Aoi
        `version` is the SHA-256 hex digest of the file's bytes.

    Raises
    ------
    RuleError
        The file breaks a rule; when it breaks several, the message counts the others.
    """
    aoi, found = _examine(id_or_path, folder, consent=consent)
    _raise_first(found.errors)
    if aoi is None:
        raise RuleError("The AOI cannot be read.", rule="file-unreadable", where=clean(str(id_or_path)))
    for repair in found.repairs:
        _log.warning("repaired %s: %s", aoi.id, repair)
    return aoi


def check_aoi(path: str | Path) -> list[RuleError]:
    """Return every rule an AOI file (or the AOI of an id) breaks; an empty list says it can be used."""
    return _examine(path, None, consent=False)[1].errors


def _raise_first(errors: list[RuleError]) -> None:
    if not errors:
        return
    first, others = errors[0], len(errors) - 1
    if others:
        more = f"{first.what} {others} more rule{'s are' if others > 1 else ' is'} broken: `kpgeo aoi check` lists all."
        raise RuleError(more, rule=first.rule, where=first.where, remedy=first.remedy)
    raise first


def _examine(id_or_path: str | Path, folder: Path | None, *, consent: bool) -> tuple[Aoi | None, Findings]:
    """Read a file as far as its faults allow. The AOI is None only where the file has no readable features."""
    text = str(id_or_path)
    found = Findings(file=text, consent=consent)
    path: Path | None = Path(text)
    if not is_path(text):
        path = path_of_id(text, folder or aoi_folder(), found)
    raw = read_bytes(path, found) if path is not None else None
    content = parse_json(raw, found) if raw is not None else None
    if raw is None or content is None:
        return None, found
    read = _aoi_of(content, found, path.parent if path is not None else Path())
    if read is None:
        return None, found
    aoi, layer_digests = read
    if not is_path(text) and aoi.id and aoi.id != text:
        found.add("id-not-file-name", f"The file calls itself '{clean(aoi.id)}'.", "features[0].id")
    version, ground_version = _version(raw, layer_digests), _ground_version(content, layer_digests)
    if found.repairs:
        notes = " ".join([aoi.notes, *(f"Repaired on reading: {repair}" for repair in found.repairs)]).strip()
        aoi, version, ground_version = replace(aoi, notes=notes), f"{version}+repaired", f"{ground_version}+repaired"
    return replace(aoi, version=version, ground_version=ground_version), found


def _version(raw: bytes, layer_digests: list[tuple[LayerKind, str]]) -> str:
    """Return the digest of a file's bytes and of its layer files."""
    version = hashlib.sha256(raw).hexdigest()
    if layer_digests:
        version = hashlib.sha256("\n".join([version, *(one for _, one in layer_digests)]).encode()).hexdigest()
    return version


def _ground_version(content: object, layer_digests: list[tuple[LayerKind, str]]) -> str:
    """Return a digest of a parsed file and its layer files without the layers of the surroundings.

    It is one of what the file says, not of its bytes, so that a feature can be left out of it.
    """
    around = {kind.value for kind in SURROUNDING_KINDS}
    features = content.get("features") if isinstance(content, dict) else None
    kept = [row for row in features or [] if not (isinstance(row, dict) and _role_in(row) in around)]
    facts = {**content, "features": kept} if isinstance(content, dict) else content
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    digests = [digest for kind, digest in layer_digests if kind not in SURROUNDING_KINDS]
    return hashlib.sha256("\n".join([text, *digests]).encode()).hexdigest()


def _aoi_of(content: object, found: Findings, folder: Path) -> tuple[Aoi, list[tuple[LayerKind, str]]] | None:
    """Return the AOI of a parsed file and the digests of its layer files; positions are counted before any geometry."""
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection" or content.get("kpgeo_aoi") != 1:
        found.add("not-an-aoi", "This is not a kpgeo AOI file.")
        return None
    collection = Fields(content, "file", found)
    collection.only(*_COLLECTION_FIELDS)
    check_crs(content.get("crs"), found)
    features = _as_list(content.get("features"), found)
    if len(features) > MAX_FEATURES:
        found.add("features-too-many", f"The file holds {len(features):,} features.")
        return None
    rows = [_feature(row, f"features[{index}]", found) for index, row in enumerate(features)]
    n_positions = sum(count_positions(_coordinates(row)) for row in rows)
    if n_positions > MAX_VERTICES:
        found.add("vertices-too-many", f"The file holds {n_positions:,} positions.")
    if found.has("vertices-too-many", "crs-member") or not _has_roles(rows, found):
        return None
    boundary = Outline(found, rows[0].place).read(rows[0].content.get("geometry"))
    aoi = read_facts(_facts(rows[0], found), boundary)
    strata = {row.place: _stratum(row, found) for row in rows if _role(row) == "stratum"}
    _check_zones(aoi, strata, found)
    if boundary is None:
        return replace(aoi, strata=tuple(strata.values())), []
    _check_place(aoi, found)
    _check_strata(boundary, strata, found)
    reader = LayerReader(found, folder, boundary.bounds, n_positions)
    read = [reader.read(row) for row in rows if _role(row) in LAYER_ROLES]
    layers = tuple(layer for layer in read if layer is not None)
    risk = read_risk_rule(_facts(rows[0], found))
    check_risk(risk, layers, has_strata=bool(strata), found=found)
    check_permits([permit for layer in layers for permit in layer.permits], found)
    return replace(aoi, strata=tuple(strata.values()), layers=layers, risk=risk), reader.digests


def _check_zones(aoi: Aoi, strata: Mapping[str, Stratum], found: Findings) -> None:
    """Check that strata a regulatory period names are there, and that it is a compliant zone that names them."""
    known = {stratum.id for stratum in strata.values()}
    for index, regime in enumerate(aoi.regimes):
        unknown = sorted(set(regime.strata) - known)
        place = f"features[0].properties.regimes.{index}.strata"
        if unknown:
            found.add("regime-strata", f"There is no stratum '{clean(unknown[0])}'.", place)
        elif regime.strata and regime.kind is not RegimeKind.COMPLIANT_ZONE:
            found.add("regime-strata", f"A period of {regime.kind} holds for the whole AOI.", place)


def _facts(row: Fields, found: Findings) -> Fields:
    """Return a cursor over the properties of a feature."""
    return Fields.of(row.content.get("properties"), f"{row.place}.properties", found)


def _stratum(row: Fields, found: Findings) -> Stratum:
    return read_stratum(_facts(row, found), Outline(found, row.place).read(row.content.get("geometry")))


def _role(row: Fields) -> object:
    return _role_in(row.content)


def _role_in(content: Mapping[str, object]) -> object:
    properties = content.get("properties")
    return properties.get("role") if isinstance(properties, dict) else None


def _as_list(value: object, found: Findings) -> list[object]:
    if isinstance(value, list):
        return value
    found.add("not-an-aoi", "The file has no list of features.")
    return []


def _feature(row: object, place: str, found: Findings) -> Fields:
    feature = Fields.of(row, place, found)
    feature.only(*_FEATURE_FIELDS)
    if feature.content.get("type") != "Feature":
        found.add("not-an-aoi", "This is not a Feature.", place)
    return feature


def _coordinates(row: Fields) -> object:
    geometry = row.content.get("geometry")
    return geometry.get("coordinates") if isinstance(geometry, dict) else None


def _has_roles(rows: list[Fields], found: Findings) -> bool:
    """Say whether the first feature is the boundary, and all others are strata, not too many, or layers."""
    roles = [_role(row) for row in rows]
    if not roles or roles[0] != "boundary":
        found.add("boundary-missing", "The first feature is not the boundary.", "features[0]")
    for index, role in enumerate(roles):
        if role == "boundary" and "boundary" in roles[:index]:
            found.add("boundary-repeated", "The file has more than one boundary.", f"features[{index}]")
        elif role not in ("boundary", "stratum", *LAYER_ROLES):
            found.add("role-unknown", f"The role is '{clean(str(role))}'.", f"features[{index}]")
    if roles.count("stratum") > MAX_STRATA:
        found.add("strata-too-many", f"The file holds {roles.count('stratum'):,} strata.")
    return not found.has("boundary-missing", "boundary-repeated", "role-unknown", "strata-too-many")


def _check_place(aoi: Aoi, found: Findings) -> None:
    """Check size, zone and country of a boundary that is a valid geometry."""
    where = "features[0].geometry"
    west, south, east, north = aoi.geometry.bounds
    if max(east - west, north - south) > MAX_EXTENT_DEG:
        found.add("extent-too-wide", f"The AOI spans {east - west:.3g} by {north - south:.3g} degrees.", where)
    area_km2 = area_ha(aoi.geometry) / 100.0
    if not MIN_AREA_KM2 <= area_km2 <= MAX_AREA_KM2:
        found.add("area-out-of-range", f"The boundary covers {area_km2:,.4g} km².", where)
    country = COUNTRIES.get(aoi.iso3)
    if country is not None and not country.is_near((west, south, east, north)):
        if country.is_near((south, west, north, east)):
            found.add("axes-swapped", f"With the axes exchanged it would lie in {country.name}.", where)
        else:
            found.add("not-in-country", f"The boundary does not lie in or near {country.name}.", where)
    elif not _is_zone_of(aoi.epsg, aoi.geometry):
        best = _zone_of(aoi.geometry)
        found.add("epsg-zone", f"EPSG:{aoi.epsg} does not suit; EPSG:{best} does.", "features[0].properties.epsg")


def _zone_of(geometry: BaseGeometry) -> int:
    west, south, east, north = geometry.bounds
    return utm_epsg((west + east) / 2.0, (south + north) / 2.0)


def _is_zone_of(epsg: int, geometry: BaseGeometry) -> bool:
    """Say whether a UTM zone is that of the geometry's centre or the one beside it, in its hemisphere."""
    best = _zone_of(geometry)
    if epsg // 100 not in (326, 327) or not 1 <= epsg % 100 <= 60:
        return False
    _, south, _, north = geometry.bounds
    is_hemisphere = epsg // 100 == best // 100 or south <= 0.0 <= north
    apart = abs(epsg % 100 - best % 100)
    return is_hemisphere and min(apart, 60 - apart) <= 1


def _check_strata(boundary: BaseGeometry, strata: dict[str, Stratum], found: Findings) -> None:
    """Check that strata lie in the boundary and that none is there twice.

    Only predicates that stop early are asked: the overlay of two long interleaved outlines takes hours.
    """
    ids: set[str] = set()
    outlines: set[bytes] = set()
    for where, stratum in strata.items():
        if stratum.id in ids:
            found.add("stratum-id-repeated", f"Another stratum is called '{stratum.id}'.", where)
        ids |= {stratum.id} - {""}
        if stratum.geometry.is_empty:
            continue
        if not boundary.intersects(stratum.geometry) or boundary.touches(stratum.geometry):
            found.add("stratum-outside-boundary", "The stratum does not meet the boundary.", where)
        outline = stratum.geometry.normalize().wkb
        if outline in outlines:
            found.add("feature-repeated", "Another stratum has the same outline.", where)
        outlines.add(outline)
