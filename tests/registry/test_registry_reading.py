"""What a valid file becomes, what consent repairs, and that no file whatever raises anything but a named rule."""

import copy
import hashlib
import json
import logging
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpgeo.model.aoi import DepositType, RegimeKind
from kpgeo.model.calendar import date_of
from kpgeo.model.errors import RuleError
from kpgeo.model.geometry import area_ha
from kpgeo.registry import check_aoi, list_aois, read_aoi
from kpgeo.registry.text import nesting_depth

SQUARE = [[-6.7, 8.1], [-6.5, 8.1], [-6.5, 8.3], [-6.7, 8.3], [-6.7, 8.1]]


def test_read_fields(valid, write, tmp_path):
    path = write(valid)
    aoi = read_aoi(path)
    assert (aoi.id, aoi.iso3, aoi.country, aoi.epsg) == ("civ-test", "CIV", "Côte d'Ivoire", 32629)
    assert aoi.name("fr") == "Champ d'essai"
    assert aoi.version == hashlib.sha256(path.read_bytes()).hexdigest()
    assert aoi.geometry.equals(shapely.box(-6.7, 8.1, -6.5, 8.3))
    assert aoi.sensitivity == "kp-only"
    assert aoi.seasons is not None
    assert aoi.seasons.burn_months == (12, 1, 2)
    (regime,) = aoi.regimes
    assert regime.kind is RegimeKind.EMBARGO
    assert regime.end_day is not None
    assert [date_of(day).isoformat() for day in (regime.start_day, regime.end_day)] == ["2005-12-15", "2014-04-29"]
    dyke, flats = aoi.strata
    assert (dyke.deposit_type, flats.deposit_type) == (DepositType.DYKE, DepositType.ALLUVIAL_FLAT)
    assert dyke.priors is not None
    assert (dyke.priors.worked_frac.family, dyke.priors.grade_ct_per_m3.high) == ("beta", 1.9)
    assert dyke.priors.gravel_m.source.mark == "(B-L)"
    assert flats.priors is None
    assert read_aoi("civ-test", folder=tmp_path) == aoi
    assert [a.id for a in list_aois(tmp_path)] == ["civ-test"]


def test_what_may_be_left_out(valid, write):
    boundary = valid["features"][0]["properties"]
    for key in ("notes", "seasons", "regimes", "sensitivity"):
        del boundary[key]
    boundary["names"] = {"en": "Test"}
    boundary["iso3"], boundary["country"], boundary["participant"] = "XYZ", "Nowhere", "Nowhere"
    valid["features"] = valid["features"][:1]
    valid["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    aoi = read_aoi(write(valid))
    assert (aoi.strata, aoi.regimes, aoi.seasons, aoi.sensitivity) == ((), (), None, "kp-only")


def test_open_regime_and_neighbour_zone(valid, write):
    valid["features"][0]["properties"]["regimes"][0]["end"] = None
    valid["features"][0]["properties"]["epsg"] = 32630
    aoi = read_aoi(write(valid))
    assert aoi.regimes[0].end_day is None
    assert aoi.epsg == 32630


def test_a_byte_changed_is_another_version(valid, write):
    first = read_aoi(write(valid)).version
    valid["features"][0]["properties"]["notes"] = "seen"
    assert read_aoi(write(valid)).version != first


def _flawed(flaw: str, valid: dict[str, Any]) -> object:
    geometry = valid["features"][0]["geometry"]
    changed = {
        "ring-reversed": [SQUARE[::-1]],
        "ring-unclosed": [SQUARE[:-1]],
        "vertex-repeated": [[SQUARE[0], *SQUARE]],
        "position-not-2d": [[[*position, 300.0] for position in SQUARE]],
        "hole-outside": [SQUARE, [[-6.4, 8.1], [-6.4, 8.2], [-6.3, 8.2], [-6.3, 8.1], [-6.4, 8.1]]],
    }
    if flaw == "byte-order-mark":
        return b"\xef\xbb\xbf" + json.dumps(valid).encode()
    geometry["coordinates"] = changed[flaw]
    return valid


@pytest.mark.parametrize(
    "flaw",
    ["ring-reversed", "ring-unclosed", "vertex-repeated", "position-not-2d", "hole-outside", "byte-order-mark"],
)
def test_consent_repairs_and_records(valid, write, caplog, flaw):
    whole = read_aoi(write(valid))
    path = write(_flawed(flaw, valid))
    with pytest.raises(RuleError) as caught:
        read_aoi(path)
    assert caught.value.rule == flaw
    with caplog.at_level(logging.WARNING):
        repaired = read_aoi(path, consent=True)
    assert repaired.geometry.equals(whole.geometry)
    assert repaired.geometry.exterior.is_ccw
    assert f"Repaired on reading: {flaw}" in repaired.notes
    assert repaired.version == hashlib.sha256(path.read_bytes()).hexdigest() + "+repaired"
    assert flaw in caplog.text


def test_consent_repairs_a_bow_tie_into_both_lobes(valid, write):
    ring = [[-6.7, 8.1], [-6.5, 8.3], [-6.5, 8.1], [-6.7, 8.3], [-6.7, 8.1]]
    valid["features"][0]["geometry"]["coordinates"] = [ring]
    valid["features"] = valid["features"][:1]
    aoi = read_aoi(write(valid), consent=True)
    assert aoi.geometry.is_valid
    assert area_ha(aoi.geometry) == pytest.approx(area_ha(shapely.box(-6.7, 8.1, -6.5, 8.3)) / 2, rel=1e-3)
    assert "ring-self-intersects" in aoi.notes


def test_consent_does_not_invent(valid, write):
    valid["features"][0]["geometry"] = None
    with pytest.raises(RuleError, match="geometry-empty"):
        read_aoi(write(valid), consent=True)


def test_a_repair_that_leaves_nothing_is_refused(valid, write):
    flat = [[-6.7, 8.1], [-6.6, 8.1], [-6.5, 8.1], [-6.7, 8.1]]
    valid["features"][0]["geometry"]["coordinates"] = [flat]
    with pytest.raises(RuleError, match="geometry-empty"):
        read_aoi(write(valid), consent=True)


def test_names_of_strangers_do_not_reach_a_terminal(valid, write):
    valid["features"][0]["properties"]["\x1b[2Jowned\n"] = 1
    (error,) = check_aoi(write(valid))
    assert str(error).isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=6), children, max_size=4),
    max_leaves=12,
)


def _spots(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    spots = [path] if path else []
    if isinstance(value, dict):
        return spots + [spot for key, item in value.items() for spot in _spots(item, (*path, key))]
    if isinstance(value, list):
        return spots + [spot for index, item in enumerate(value) for spot in _spots(item, (*path, index))]
    return spots


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.data(), junk=JSON)
def test_junk_anywhere_gives_rules_and_nothing_else(valid, write, choice, junk):
    content = copy.deepcopy(valid)
    path = choice.draw(st.sampled_from(_spots(content)))
    spot: Any = content
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = junk
    for error in check_aoi(write(json.dumps(content).encode())):
        assert error.rule
        assert str(error).isprintable()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=300))
def test_any_bytes_give_rules_and_nothing_else(write, raw):
    assert all(error.rule for error in check_aoi(write(raw)))


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


@given(JSON)
def test_nesting_depth_is_that_of_the_value(value):
    assert nesting_depth(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == _depth(value)


@pytest.mark.parametrize(
    ("raw", "depth"),
    [(b"", 0), (b"7", 0), (b'"[[["', 0), (b'["\\"[[", []]', 2), (b'["\\\\", [[]]]', 3), (b"]]][", 0), (b"[][[]]", 2)],
)
def test_nesting_depth_by_hand(raw, depth):
    assert nesting_depth(raw) == max(depth, 0)
