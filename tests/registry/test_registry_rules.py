"""Every named rule has a file that breaks it, and nothing else breaks a valid file."""

import copy
import json
import math
import os
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpgeo.model.errors import BadInputError
from kpgeo.registry import check_aoi, list_aois, read_aoi
from kpgeo.registry import rules as rules_of_registry

Content = dict[str, Any]
Case = tuple[str, str, Callable[[Content], object]]

# Rules that are broken by a folder or by a path, not by what a file holds; each has a test further down.
BY_FOLDER = {
    "aoi-unknown",
    "file-extension",
    "file-unreadable",
    "file-outside-folder",
    "file-names-collide",
    "id-not-file-name",
    "id-claimed-twice",
}


def put(*path: object, value: object) -> Callable[[Content], object]:
    """Return a change that sets one value of the file."""

    def change(content: Content) -> object:
        spot: Any = content
        for key in path[:-1]:
            spot = spot[key]
        spot[path[-1]] = value
        return content

    return change


def drop(*path: object) -> Callable[[Content], object]:
    """Return a change that removes one value of the file."""

    def change(content: Content) -> object:
        spot: Any = content
        for key in path[:-1]:
            spot = spot[key]
        del spot[path[-1]]
        return content

    return change


PLOT: Content = {"type": "Polygon", "coordinates": [[[-6.64, 8.16], [-6.6, 8.16], [-6.6, 8.2], [-6.64, 8.16]]]}
FAR: Content = {"type": "Polygon", "coordinates": [[[1.0, 8.0], [1.1, 8.0], [1.1, 8.1], [1.0, 8.0]]]}
PERMIT: Content = {"id": "PE 12/7", "valid_from": "2020-01-01", "valid_until": "2025-01-01"}
RIVER: Content = {"type": "LineString", "coordinates": [[-6.68, 8.12], [-6.6, 8.2], [-6.52, 8.28]]}
PITS: Content = {"type": "MultiPoint", "coordinates": [[-6.6, 8.21], [-6.59, 8.2]]}
SMALL = [[-6.65, 8.15], [-6.6, 8.15], [-6.6, 8.2], [-6.65, 8.2], [-6.65, 8.15]]
TOLD = {"source": "made up for a test", "confidence": "low"}


def layer(role: str, geometry: Content | None, **properties: object) -> Callable[..., object]:
    """Return a change that adds a layer."""

    def change(content: Content, source: object = TOLD) -> object:
        told = {} if source is None else {"source": source}
        row = {"type": "Feature", "properties": {"role": role, **told, **properties}, "geometry": geometry}
        content["features"].append(row)
        return content

    return change


def both(*changes: Callable[[Content], object]) -> Callable[[Content], object]:
    """Return a change that makes several, one after the other."""

    def change(content: Content) -> object:
        for one in changes:
            one(content)
        return content

    return change


def risk(**rule: object) -> Callable[[Content], object]:
    """Return a change that says where to keep watch."""
    return boundary("risk", {"source": TOLD, **rule})


def boundary(key: str, value: object) -> Callable[[Content], object]:
    return put("features", 0, "properties", key, value=value)


def outline(*rings: object, kind: str = "Polygon", feature: int = 0) -> Callable[[Content], object]:
    return put("features", feature, "geometry", value={"type": kind, "coordinates": list(rings)})


def prior(factor: str, **changes: object) -> Callable[[Content], object]:
    def change(content: Content) -> object:
        content["features"][1]["properties"]["priors"][factor] |= changes
        return content

    return change


def labour(**high: float) -> Callable[[Content], object]:
    def change(content: Content) -> object:
        priors = content["features"][1]["properties"]["priors"]
        tops = {"pits_per_ha": 60.0, "miners_per_pit": 10.0, "days_per_year": 240.0, "m3_per_miner_day": 0.8, **high}
        priors["labour"] = {
            name: {**priors["recovery_frac"], "low": top / 2, "high": top} for name, top in tops.items()
        }
        return content

    return change


def correlation(**said: object) -> Callable[[Content], object]:
    def change(content: Content) -> object:
        priors = content["features"][1]["properties"]["priors"]
        source = priors["recovery_frac"]["source"]
        priors["correlations"] = [
            {"first": "gravel_m", "second": "grade_ct_per_m3", "rho": -0.3, "source": source, **said}
        ]
        return content

    return change


def regime(**changes: object) -> Callable[[Content], object]:
    def change(content: Content) -> object:
        content["features"][0]["properties"]["regimes"][0] |= changes
        return content

    return change


def text(old: str, new: str) -> Callable[[Content], object]:
    """Return a change of the written text."""

    def change(content: Content) -> object:
        raw = json.dumps(content, ensure_ascii=False)
        assert old in raw
        return raw.replace(old, new, 1).encode()

    return change


def box(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def circle(n: int) -> list[list[float]]:
    ring = [[-6.6 + 0.1 * math.cos(2 * math.pi * i / n), 8.2 + 0.1 * math.sin(2 * math.pi * i / n)] for i in range(n)]
    return [*ring, ring[0]]


def copies(n: int) -> Callable[[Content], object]:
    def change(content: Content) -> object:
        content["features"] += [copy.deepcopy(content["features"][1]) for _ in range(n)]
        return content

    return change


SQUARE = box(-6.7, 8.1, -6.5, 8.3)
HOLE = box(-6.65, 8.15, -6.55, 8.25)[::-1]
BOW_TIE = [[-6.7, 8.1], [-6.5, 8.3], [-6.5, 8.1], [-6.7, 8.3], [-6.7, 8.1]]
NFD = unicodedata.normalize("NFD", "Séguéla")

CASES: list[Case] = [
    ("file-too-large", "11 MB of blanks", lambda _: b" " * (11 * 1024 * 1024)),
    ("not-utf8", "UTF-16", lambda content: json.dumps(content).encode("utf-16")),
    ("not-utf8", "UTF-16 without a mark", lambda content: json.dumps(content).encode("utf-16-le")),
    ("not-utf8", "Latin-1", lambda content: json.dumps(content, ensure_ascii=False).encode("latin-1")),
    ("byte-order-mark", "UTF-8 with a mark", lambda content: b"\xef\xbb\xbf" + json.dumps(content).encode()),
    ("nesting-too-deep", "50,000 lists", lambda _: b"[" * 50_000 + b"]" * 50_000),
    ("nesting-too-deep", "50,000 objects", lambda _: b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    ("nesting-too-deep", "5 million opening brackets", lambda _: b"[" * 5_000_000),
    ("nesting-too-deep", "deep coordinates", text("[[[-6.7, 8.1]", "[" * 70 + "[[[-6.7, 8.1]")),
    ("not-json", "cut off", lambda content: json.dumps(content).encode()[:-1]),
    ("not-json", "empty", lambda _: b""),
    ("not-json", "control character in a text", text("Test field", "Test\nfield")),
    ("number-not-finite", "NaN", text("-6.7", "NaN")),
    ("number-not-finite", "Infinity", text("-6.7", "-Infinity")),
    ("number-not-finite", "1e400", text("-6.7", "1e400")),
    ("number-not-finite", "5,000 digits", text("32629", "9" * 5_000)),
    ("key-repeated", "two ids", text('"id": "civ-test"', '"id": "civ-test", "id": "civ-other"')),
    ("key-repeated", "two geometries", text('"type": "Polygon"', '"type": "Point", "type": "Polygon"')),
    ("not-an-aoi", "a list", lambda _: b"[]"),
    ("not-an-aoi", "a Feature", lambda content: content["features"][0]),
    ("not-an-aoi", "no version", drop("kpgeo_aoi")),
    ("not-an-aoi", "a later version", put("kpgeo_aoi", value=2)),
    ("not-an-aoi", "no features", drop("features")),
    ("field-missing", "no names", drop("features", 0, "properties", "names")),
    ("field-missing", "no English name", put("features", 0, "properties", "names", value={"fr": "Essai"})),
    ("field-missing", "no mark of confidence", drop("features", 0, "properties", "source", "confidence")),
    ("field-type", "a number for a name", put("features", 0, "properties", "names", "en", value=7)),
    ("field-type", "a blank name", put("features", 0, "properties", "names", "en", value="  ")),
    ("field-type", "properties are null", put("features", 1, "properties", "priors", value=[])),
    ("field-type", "a text for a bound", prior("gravel_m", low="0,2")),
    ("field-type", "regimes are an object", boundary("regimes", {})),
    ("field-unknown", "misspelt", boundary("sensitvity", "public")),
    ("field-unknown", "fifth factor", put("features", 1, "properties", "priors", "luck", value=1)),
    ("list-too-long", "a million regimes", boundary("regimes", [{}] * 1_000_000)),
    ("role-unknown", "region", put("features", 1, "properties", "role", value="region")),
    ("role-unknown", "none", drop("features", 1, "properties", "role")),
    ("boundary-missing", "stratum first", put("features", 0, "properties", "role", value="stratum")),
    ("boundary-missing", "no feature", put("features", value=[])),
    ("boundary-repeated", "two", put("features", 1, "properties", "role", value="boundary")),
    ("id-syntax", "out of the folder", boundary("id", "../../etc/passwd")),
    ("id-syntax", "absolute", boundary("id", "/etc/passwd")),
    ("id-syntax", "capital", boundary("id", "Civ-test")),
    ("id-syntax", "accent", boundary("id", "séguéla")),
    ("id-syntax", "other digits", boundary("id", "civ-١")),
    ("id-syntax", "double hyphen", boundary("id", "civ--test")),
    ("id-syntax", "65 characters", boundary("id", "a" * 65)),
    ("id-syntax", "of a stratum", put("features", 1, "properties", "id", value="a/b")),
    ("text-characters", "id with a line break", boundary("id", "civ-test\n")),
    ("id-reserved", "con", boundary("id", "con")),
    ("id-reserved", "lpt1", boundary("id", "lpt1")),
    ("stratum-id-repeated", "twice", put("features", 2, "properties", "id", value="dyke")),
    ("strata-too-many", "202", copies(200)),
    ("features-too-many", "a million numbers", put("features", value=[0] * 1_000_000)),
    ("layer-path", "up and away", layer("drainage", None, path="../rivers.geojson")),
    ("layer-path", "absolute", layer("drainage", None, path="/etc/rivers.geojson")),
    ("layer-path", "backwards", layer("drainage", None, path="..\\rivers.geojson")),
    ("layer-path", "a drive", layer("drainage", None, path="c:rivers.geojson")),
    ("layer-path", "hidden", layer("drainage", None, path="layers/.git/rivers.geojson")),
    ("layer-path", "no GeoJSON", layer("drainage", None, path="passwd")),
    ("layer-path", "and a geometry", layer("drainage", RIVER, path="rivers.geojson")),
    ("layer-radius", "nothing", layer("workings", PITS, radius_m=0)),
    ("layer-radius", "a district", layer("workings", PITS, radius_m=50_000)),
    ("layer-geometry", "a drainage area", layer("drainage", {"type": "Polygon", "coordinates": [SMALL]})),
    ("layer-geometry", "risk of a line", layer("risk-area", RIVER)),
    ("layer-geometry", "none", layer("workings", None)),
    ("layer-elsewhere", "another river", layer("drainage", {"type": "LineString", "coordinates": [[1, 1], [2, 2]]})),
    (
        "layer-elsewhere",
        "another country's road",
        layer("road", {"type": "LineString", "coordinates": [[1, 1], [2, 2]]}),
    ),
    ("layer-elsewhere", "another country's permit", layer("permits", FAR, **PERMIT)),
    ("layer-geometry", "a road area", layer("road", {"type": "Polygon", "coordinates": [SMALL]})),
    ("layer-geometry", "a border area", layer("border", {"type": "Polygon", "coordinates": [SMALL]})),
    ("layer-geometry", "a village as a line", layer("settlement", RIVER)),
    ("layer-geometry", "a permit as a point", layer("permits", PITS, **PERMIT)),
    ("layer-geometry", "gold as a line", layer("gold-workings", RIVER)),
    ("layer-radius", "a gold district", layer("gold-workings", PITS, radius_m=50_000)),
    ("field-unknown", "radius of a village", layer("settlement", PITS, radius_m=50)),
    ("field-unknown", "name of a road", layer("road", RIVER, name="N7")),
    ("text-characters", "name of a village", layer("settlement", PITS, name="Bobi\u202e")),
    ("text-length", "name of a village", layer("settlement", PITS, name="B" * 121)),
    ("text-characters", "holder", layer("permits", PLOT, **{**PERMIT, "holder": "A\nB"})),
    ("text-length", "id of a permit", layer("permits", PLOT, **{**PERMIT, "id": "P" * 65})),
    ("field-missing", "permit without an end", layer("permits", PLOT, id="P", valid_from=None)),
    ("field-missing", "permit without an id", layer("permits", PLOT, valid_from=None, valid_until=None)),
    ("field-type", "holder", layer("permits", PLOT, **{**PERMIT, "holder": 5})),
    ("permit-dates", "reversed", layer("permits", PLOT, **{**PERMIT, "valid_until": "2019-12-31"})),
    ("permit-dates", "of no day", layer("permits", PLOT, **{**PERMIT, "valid_until": "2020-01-01"})),
    ("permit-dates", "day first", layer("permits", PLOT, **{**PERMIT, "valid_until": "31/12/2025"})),
    ("permit-dates", "a number", layer("permits", PLOT, **{**PERMIT, "valid_from": 2020})),
    ("permit-repeated", "twice", both(layer("permits", PLOT, **PERMIT), layer("permits", PLOT, **PERMIT))),
    (
        "permit-repeated",
        "renewed too early",
        both(
            layer("permits", PLOT, **PERMIT),
            layer("permits", PLOT, id="PE 12/7", valid_from="2024-12-31", valid_until=None),
        ),
    ),
    ("commodity-unknown", "free text", layer("permits", PLOT, **{**PERMIT, "commodity": "diamant"})),
    ("line-too-short", "a point", layer("drainage", {"type": "LineString", "coordinates": [[-6.6, 8.2]] * 3})),
    ("coordinates-malformed", "line", layer("drainage", {"type": "LineString", "coordinates": [[-6.6, "x"], [1]]})),
    (
        "coordinates-in-metres",
        "line",
        layer("drainage", {"type": "LineString", "coordinates": [[7e5, 9e5], [7e5, 8e5]]}),
    ),
    ("geometry-empty", "no line", layer("drainage", {"type": "MultiLineString", "coordinates": []})),
    ("geometry-empty", "no point", layer("workings", {"type": "MultiPoint", "coordinates": []})),
    ("risk-rule", "too far", risk(within_m=1e6, of=["strata"])),
    ("risk-rule", "unknown", risk(within_m=100, of=["moon"])),
    ("risk-rule", "twice", risk(within_m=100, of=["strata", "strata"])),
    ("risk-rule", "of nothing", risk(within_m=100, of=[])),
    ("risk-rule", "not in the file", risk(within_m=100, of=["drainage"])),
    ("field-missing", "a layer without a source", lambda c: layer("drainage", RIVER)(c, source=None)),
    ("field-unknown", "radius of a river", layer("drainage", RIVER, radius_m=10)),
    ("text-characters", "right-to-left override", put("features", 0, "properties", "names", "en", value="a\u202eb")),
    ("text-characters", "NUL", put("features", 0, "properties", "names", "en", value="a\x00b")),
    ("text-characters", "escape", put("features", 0, "properties", "deposit", value="\x1b[31mred")),
    ("text-characters", "half a surrogate pair", text("Test field", "Test \\ud800 field")),
    ("text-characters", "zero width", put("features", 0, "properties", "names", "fr", value="a\u200bb")),
    ("text-not-nfc", "decomposed", put("features", 0, "properties", "names", "en", value=NFD)),
    ("text-length", "300 characters", put("features", 0, "properties", "names", "en", value="x" * 300)),
    ("country-code", "two letters", boundary("iso3", "CI")),
    ("country-code", "small letters", boundary("iso3", "civ")),
    ("country-name", "Ivory Coast", boundary("country", "Ivory Coast")),
    ("participant-name", "Cote D'ivoire", boundary("participant", "Cote D'ivoire")),
    ("confidence-unknown", "certain", put("features", 0, "properties", "source", "confidence", value="certain")),
    ("confidence-unknown", "a list", put("features", 0, "properties", "source", "confidence", value=["high"])),
    ("sensitivity-unknown", "secret", boundary("sensitivity", "secret")),
    ("deposit-type-unknown", "kimberlite", put("features", 1, "properties", "deposit_type", value="kimberlite")),
    ("prior-family", "normal", prior("gravel_m", family="normal")),
    ("prior-bounds", "reversed", prior("gravel_m", low=1.0, high=0.2)),
    ("prior-bounds", "equal", prior("gravel_m", low=0.2, high=0.2)),
    ("prior-bounds", "negative", prior("gravel_m", low=-0.2)),
    ("prior-bounds", "share above 1", prior("recovery_frac", high=1.2)),
    ("prior-bounds", "logarithm of 0", prior("grade_ct_per_m3", low=0.0)),
    ("prior-bounds", "beta shape 0", prior("worked_frac", low=0.0)),
    ("prior-bounds", "beta thickness", prior("gravel_m", family="beta", low=2.0, high=2.0)),
    ("prior-bounds", "labour days", labour(days_per_year=400.0)),
    ("correlation-factor", "unknown", correlation(first="depth_m")),
    ("correlation-bounds", "itself", correlation(first="grade_ct_per_m3")),
    ("correlation-bounds", "certain", correlation(rho=1.0)),
    ("regime-strata", "unknown", regime(kind="compliant-zone", strata=["moon"])),
    ("regime-strata", "embargo", regime(strata=["dyke"])),
    ("season-months", "13", put("features", 0, "properties", "seasons", "dry_months", value=[12, 13])),
    ("season-months", "0", put("features", 0, "properties", "seasons", "burn_months", value=[0])),
    ("season-months", "twice", put("features", 0, "properties", "seasons", "dry_months", value=[1, 1])),
    ("season-months", "true", put("features", 0, "properties", "seasons", "dry_months", value=[True])),
    ("season-months", "names", put("features", 0, "properties", "seasons", "dry_months", value=["May"])),
    ("regime-kind", "sanction", regime(kind="sanction")),
    ("regime-dates", "reversed", regime(start="2014-04-29", end="2005-12-15")),
    ("regime-dates", "empty", regime(start="2014-04-29", end="2014-04-29")),
    ("regime-dates", "30 February", regime(start="2014-02-30")),
    ("regime-dates", "day first", regime(start="15/12/2005")),
    ("regime-dates", "no start", regime(start=None)),
    ("epsg-zone", "two zones away", boundary("epsg", 32631)),
    ("epsg-zone", "south", boundary("epsg", 32729)),
    ("epsg-zone", "not UTM", boundary("epsg", 3857)),
    ("epsg-zone", "a text", boundary("epsg", "32629")),
    ("crs-member", "UTM", put("crs", value={"type": "name", "properties": {"name": "EPSG:32629"}})),
    ("crs-member", "unnamed", put("crs", value={"type": "link"})),
    ("geometry-empty", "null", put("features", 0, "geometry", value=None)),
    ("geometry-empty", "no rings", outline()),
    ("geometry-empty", "an empty ring", outline([])),
    ("geometry-empty", "of a stratum", put("features", 1, "geometry", value=None)),
    (
        "geometry-not-polygon",
        "point",
        put("features", 0, "geometry", value={"type": "Point", "coordinates": [-6.6, 8.2]}),
    ),
    (
        "geometry-not-polygon",
        "line",
        put("features", 0, "geometry", value={"type": "LineString", "coordinates": SQUARE}),
    ),
    (
        "geometry-mixed",
        "collection",
        put("features", 0, "geometry", value={"type": "GeometryCollection", "geometries": []}),
    ),
    ("coordinates-malformed", "ring for a polygon", put("features", 0, "geometry", "coordinates", value=SQUARE)),
    ("coordinates-malformed", "polygon for parts", outline(SQUARE, kind="MultiPolygon")),
    ("coordinates-malformed", "a text", outline([["-6.7", "8.1"], *SQUARE[1:]])),
    ("coordinates-malformed", "one number", outline([[-6.7], *SQUARE[1:]])),
    ("coordinates-malformed", "null", outline([None, *SQUARE[1:]])),
    ("coordinates-malformed", "true", outline([[True, 8.1], *SQUARE[1:]])),
    ("coordinates-malformed", "a number for the geometry", put("features", 0, "geometry", value=7)),
    ("position-not-2d", "height", outline([[*position, 320.0] for position in SQUARE])),
    ("position-not-2d", "height and measure", outline([[*position, 320.0, 1.0] for position in SQUARE])),
    ("vertices-too-many", "200,001", outline(circle(200_001))),
    ("coordinates-in-metres", "UTM", outline(box(753_000, 896_000, 775_000, 918_000))),
    ("coordinates-out-of-range", "900, -600", outline(box(899.0, -600.0, 900.0, -599.0))),
    ("coordinates-out-of-range", "beyond 180", outline(box(179.9, 8.0, 180.1, 8.2))),
    ("axes-swapped", "within range", outline([[lat, lon] for lon, lat in SQUARE[::-1]])),
    ("axes-swapped", "out of range", outline(box(8.0, 100.0, 8.2, 100.2))),
    ("crosses-antimeridian", "one ring", outline(box(-179.9, 8.0, 179.9, 8.2))),
    (
        "crosses-antimeridian",
        "two parts",
        outline([box(179.8, 8, 180, 8.2)], [box(-180, 8, -179.8, 8.2)], kind="MultiPolygon"),
    ),
    ("near-pole", "north", outline(box(-6.7, 84.5, -6.5, 84.6))),
    ("near-pole", "south", outline(box(-6.7, -80.6, -6.5, -80.5))),
    ("ring-unclosed", "open", outline(SQUARE[:-1])),
    ("ring-too-short", "there and back", outline([SQUARE[0], SQUARE[1], SQUARE[0]])),
    ("ring-too-short", "one place", outline([SQUARE[0]] * 5)),
    ("ring-reversed", "outer", outline(SQUARE[::-1])),
    ("ring-reversed", "hole", outline(SQUARE, HOLE[::-1])),
    ("ring-reversed", "of a stratum", outline(HOLE, feature=1)),
    ("vertex-repeated", "twice", outline([SQUARE[0], *SQUARE])),
    ("ring-self-intersects", "bow tie", outline(BOW_TIE)),
    ("ring-self-intersects", "flat", outline([[-6.7, 8.1], [-6.6, 8.1], [-6.5, 8.1], [-6.7, 8.1]])),
    ("hole-outside", "beside", outline(SQUARE, box(-6.4, 8.1, -6.3, 8.2)[::-1])),
    ("parts-overlap", "parts", outline([SQUARE], [box(-6.6, 8.2, -6.4, 8.4)], kind="MultiPolygon")),
    ("parts-overlap", "holes", outline(SQUARE, HOLE, box(-6.6, 8.2, -6.52, 8.28)[::-1])),
    ("area-out-of-range", "1 m2", outline(box(-6.6, 8.2, -6.59999, 8.20001))),
    ("area-out-of-range", "100,000 km2", outline(box(-8.0, 5.0, -4.0, 8.0))),
    (
        "extent-too-wide",
        "far apart",
        outline([box(-8.6, 8, -8.5, 8.1)], [box(-2.6, 8, -2.5, 8.1)], kind="MultiPolygon"),
    ),
    ("not-in-country", "in Ghana's east", outline(box(0.5, 6.0, 0.7, 6.2))),
    ("not-in-country", "wrong sign", outline(box(6.5, 8.1, 6.7, 8.3))),
    (
        "feature-repeated",
        "same outline",
        lambda c: outline(c["features"][1]["geometry"]["coordinates"][0], feature=2)(c),
    ),
    ("stratum-outside-boundary", "beside", outline(box(-6.4, 8.1, -6.3, 8.2), feature=1)),
    ("stratum-outside-boundary", "touching", outline(box(-6.5, 8.1, -6.4, 8.2), feature=1)),
]


def rules_broken(path: Path) -> set[str]:
    return {error.rule for error in check_aoi(path)}


@pytest.mark.parametrize(
    ("rule", "change"), [(r, c) for r, _, c in CASES], ids=[f"{r}: {name}" for r, name, _ in CASES]
)
def test_rule_is_named(valid, write, rule, change):
    path = write(change(valid))
    errors = check_aoi(path)
    assert rule in {error.rule for error in errors}
    for error in errors:
        assert error.where.startswith(str(path))
        assert error.what
        assert error.remedy == rules_of_registry.REMEDIES[error.rule]
        assert str(error).isprintable()
    with pytest.raises(BadInputError, match=rf"\[{errors[0].rule}\]"):
        read_aoi(path)


def test_every_rule_has_a_case():
    assert {rule for rule, _, _ in CASES} | BY_FOLDER == set(rules_of_registry.REMEDIES)


def test_valid_file_breaks_no_rule(valid, write):
    assert check_aoi(write(valid)) == []


def test_the_documentation_lists_every_rule_and_no_other():
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "areas-of-interest.md"
    section = page.read_text(encoding="utf-8").partition("## Rules")[2].partition("\n## ")[0]
    listed = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
    assert listed == set(rules_of_registry.REMEDIES)


def test_all_broken_rules_are_reported_at_once(valid, write):
    boundary("iso3", "civ")(valid)
    prior("gravel_m", low=3.0)(valid)
    outline(BOW_TIE, feature=2)(valid)
    path = write(valid)
    assert rules_broken(path) == {"country-code", "prior-bounds", "ring-self-intersects"}
    with pytest.raises(BadInputError, match="2 more rules are broken"):
        read_aoi(path)


def test_a_rule_broken_a_thousand_times_is_named_once(valid, write):
    outline([[*position, 1.0] for position in circle(1_000)])(valid)
    assert [error.rule for error in check_aoi(write(valid))] == ["position-not-2d"]


def comb(n: int, *, across: bool) -> list[list[float]]:
    """Return a comb of n teeth; two of them, one across the other, cross n * n times."""
    ring = [[0.0, 0.0], [1.0, 0.0]]
    for i in range(n):
        x, half = 1.0 - (i + 0.5) / n, 0.2 / n
        ring += [[x + half, 0.01], [x + half, 0.99], [x - half, 0.99], [x - half, 0.01]]
    ring = [[y, x] for x, y in ring[::-1]] if across else ring
    return [[-6.7 + 0.2 * x, 8.1 + 0.2 * y] for x, y in [*ring, ring[0]]]


def test_crossing_combs_cost_no_time(valid, write):
    outline(comb(5_000, across=False))(valid)
    outline(comb(5_000, across=True), feature=1)(valid)
    path = write(valid)
    start = time.perf_counter()
    assert rules_broken(path) <= {"stratum-outside-boundary"}
    assert time.perf_counter() - start < 20.0  # their overlay would take hours


def test_findings_are_bounded(valid, write):
    valid["features"][0]["properties"] |= {f"f{i}": i for i in range(5_000)}
    assert len(check_aoi(write(valid))) == rules_of_registry.MAX_FINDINGS


@pytest.mark.parametrize("name", ["../civ-test", "/etc/passwd", "civ-test.geojson/..", "C:\\x", "..", "a/b"])
def test_an_id_never_becomes_a_path(tmp_path, name):
    with pytest.raises(BadInputError, match="file-extension"):
        read_aoi(name, folder=tmp_path)


@pytest.mark.parametrize("name", ["CON", "", "a" * 65, "civ\x00test", "civ\ntest", "séguéla"])
def test_an_id_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(BadInputError, match="id-syntax") as caught:
        read_aoi(name, folder=tmp_path)
    assert str(caught.value).isprintable()


def test_reserved_id_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="id-reserved"):
        read_aoi("nul", folder=tmp_path)


def test_unknown_id_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="aoi-unknown"):
        read_aoi("civ-test", folder=tmp_path)


def test_path_without_suffix_is_refused(valid, write):
    with pytest.raises(BadInputError, match="file-extension"):
        read_aoi(write(valid, "aoi.txt"))


@pytest.mark.parametrize("make", ["folder", "missing", "pipe"])
def test_unreadable_file_is_refused(tmp_path, make):
    path = tmp_path / "aoi.geojson"
    if make == "folder":
        path.mkdir()
    elif make == "pipe":
        os.mkfifo(path)  # reading it would wait for ever
    assert rules_broken(path) == {"file-unreadable"}


def test_link_out_of_the_folder_is_refused(valid, write, tmp_path):
    outside = write(valid)
    folder = tmp_path / "aoi"
    folder.mkdir()
    (folder / "civ-test.geojson").symlink_to(outside)
    with pytest.raises(BadInputError, match="file-outside-folder"):
        read_aoi("civ-test", folder=folder)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (unicodedata.normalize("NFC", "Séguéla"), NFD),
        ("seguela", "Séguéla"),
        ("civ-test", "CIV-TEST"),
    ],
)
def test_file_names_that_collide_are_refused(valid, write, tmp_path, one, other):
    write(valid, f"{one}.geojson")
    write(valid, f"{other}.geojson")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system holds the two names for one")
    with pytest.raises(BadInputError, match="file-names-collide"):
        list_aois(tmp_path)


def test_two_files_claiming_one_id_are_refused(valid, write, tmp_path):
    write(valid, "civ-test.geojson")
    write(valid, "civ-other.geojson")
    with pytest.raises(BadInputError, match="id-claimed-twice"):
        list_aois(tmp_path)


def test_file_that_bears_another_id_is_refused(valid, write, tmp_path):
    write(valid, "civ-other.geojson")
    with pytest.raises(BadInputError, match="id-not-file-name"):
        read_aoi("civ-other", folder=tmp_path)
    with pytest.raises(BadInputError, match="id-not-file-name"):
        list_aois(tmp_path)
