"""The AOIs that come with kpgeo: complete, sourced, and where they say they are."""

import csv
import json
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import shapely

from kpgeo.model.aoi import Aoi, DepositType, RegimeKind, Sourced
from kpgeo.model.calendar import date_of, day_of
from kpgeo.model.geometry import area_ha, distance_m
from kpgeo.registry import aoi_folder, check_aoi, list_aois, read_aoi
from kpgeo.registry.countries import COUNTRIES

AOIS = {aoi.id: aoi for aoi in list_aois()}
MARK = re.compile(r"(\[\d+\]|\(B-[HML]\))( (\[\d+\]|\(B-[HML]\)))*")
WEAKEST = {"(B-L)": {"low"}, "(B-M)": {"low", "medium"}}


def sourced_of(value: object) -> list[Sourced]:
    """Return every source inside a noun."""
    if isinstance(value, Sourced):
        return [value]
    if isinstance(value, tuple):
        return [source for item in value for source in sourced_of(item)]
    if is_dataclass(value):
        return [source for spec in fields(value) for source in sourced_of(getattr(value, spec.name))]
    return []


def test_there_are_29_and_each_is_sound():
    paths = sorted(aoi_folder().glob("*.geojson"))
    assert len(paths) == 29
    assert sorted(path.stem for path in paths) == list(AOIS)
    assert {path.name: check_aoi(path) for path in paths if check_aoi(path)} == {}


@pytest.mark.parametrize("aoi", AOIS.values(), ids=list(AOIS))
def test_each_is_complete(aoi: Aoi):
    assert set(aoi.names) == {"en", "fr", "pt"}
    assert aoi.iso3 in COUNTRIES
    assert aoi.participant == COUNTRIES[aoi.iso3].participant
    assert aoi.seasons is not None
    assert aoi.sensitivity == "kp-only"
    assert re.fullmatch(r"[0-9a-f]{64}", aoi.version)
    for regime in aoi.regimes:
        assert set(regime.note) == {"en", "fr", "pt"}
    for stratum in aoi.strata:
        assert set(stratum.names) == {"en", "fr", "pt"}
        assert stratum.geometry.within(aoi.geometry)


@pytest.mark.parametrize("aoi", AOIS.values(), ids=list(AOIS))
def test_every_fact_bears_a_mark_no_stronger_than_its_source(aoi: Aoi):
    sources = sourced_of(aoi)
    assert len(sources) >= 2
    for source in sources:
        assert MARK.fullmatch(source.mark), source
        for mark, allowed in WEAKEST.items():
            if mark in source.mark:
                assert source.confidence in allowed, source


def test_marks_are_listed_in_the_documentation():
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "areas-of-interest.md").read_text("utf-8")
    listed = set(re.findall(r"^\| (\[\d+\]) \|", page, re.MULTILINE))
    used = {mark for aoi in AOIS.values() for source in sourced_of(aoi) for mark in re.findall(r"\[\d+\]", source.mark)}
    assert listed == used


def test_they_match_the_candidates(shared):
    with (shared / "aoi_candidates.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert set(rows) == set(AOIS)
    for aoi_id, row in rows.items():
        aoi = AOIS[aoi_id]
        box = [float(row[key]) for key in ("lon_min", "lat_min", "lon_max", "lat_max")]
        assert aoi.geometry.equals(shapely.box(*box))
        assert (aoi.epsg, aoi.iso3, aoi.country) == (int(row["utm_epsg"]), row["iso3"], row["country"])
        assert (aoi.deposit, aoi.notes, aoi.source.confidence) == (row["deposit_type"], row["notes"], row["confidence"])
        assert area_ha(aoi.geometry) / 100.0 == pytest.approx(float(row["bbox_area_km2"]), rel=0.01)


def test_they_lie_in_their_countries(shared):
    path = shared / "data" / "vectors_context" / "ne50m_countries_subset.geojson"
    borders = {
        f["properties"]["ADM0_A3"]: shapely.geometry.shape(f["geometry"])
        for f in json.loads(path.read_text())["features"]
    }
    checked = [aoi for aoi in AOIS.values() if aoi.iso3 in borders]
    assert len(checked) > 20
    for aoi in checked:
        assert borders[aoi.iso3].intersection(aoi.geometry).area > 0.5 * aoi.geometry.area, aoi.id
    for iso3, border in borders.items():
        if iso3 in COUNTRIES:
            assert COUNTRIES[iso3].is_near(border.bounds), iso3


def test_tortiya_and_seguela_lie_in_their_sub_prefectures(shared):
    path = shared / "data" / "vectors_context" / "civ_admin3_with_mining.geojson"
    places = {
        f["properties"]["name"]: shapely.geometry.shape(f["geometry"]) for f in json.loads(path.read_text())["features"]
    }
    assert places["Bobi-Diarabana"].intersects(AOIS["civ-seguela"].strata[0].geometry)
    assert places["Tortiya"].intersects(AOIS["civ-tortiya"].strata[0].geometry)


@pytest.mark.parametrize("aoi_id", ["civ-seguela", "civ-tortiya"])
def test_the_embargo_covers_the_ivorian_fields(aoi_id):
    (embargo,) = AOIS[aoi_id].regimes
    assert embargo.kind is RegimeKind.EMBARGO
    for date, is_covered in [((2005, 12, 14), 0), ((2005, 12, 15), 1), ((2014, 4, 28), 1), ((2014, 4, 29), 0)]:
        day = day_of(date_of(0).replace(year=date[0], month=date[1], day=date[2]))
        assert embargo.covers(day) == bool(is_covered)
        assert AOIS[aoi_id].regimes_on(day) == ((embargo,) if is_covered else ())


def test_zones_of_the_central_african_republic():
    kinds = {aoi_id: [regime.kind for regime in aoi.regimes] for aoi_id, aoi in AOIS.items() if aoi.iso3 == "CAF"}
    both, only = [RegimeKind.SUSPENSION, RegimeKind.COMPLIANT_ZONE], [RegimeKind.SUSPENSION]
    zones = dict.fromkeys(("caf-berberati", "caf-boda", "caf-carnot", "caf-nola"), both)
    assert kinds == {**zones, "caf-bria-kotto": only, "caf-sam-ouandja": only}
    starts = {aoi_id: date_of(AOIS[aoi_id].regimes[1].start_day).isoformat()[:7] for aoi_id in zones}
    assert starts == {"caf-berberati": "2016-01", **dict.fromkeys(("caf-boda", "caf-carnot", "caf-nola"), "2016-09")}
    ends = {regime.end_day for aoi in AOIS.values() if aoi.iso3 == "CAF" for regime in aoi.regimes}
    assert [date_of(day).isoformat() for day in ends if day is not None] == ["2024-11-15"]


def test_strata_of_the_ivorian_fields():
    seguela, tortiya = AOIS["civ-seguela"].strata, AOIS["civ-tortiya"].strata
    assert [s.deposit_type for s in seguela] == [DepositType.DYKE, DepositType.ALLUVIAL_FLAT]
    assert [s.deposit_type for s in tortiya] == [DepositType.PALEOPLACER, DepositType.ALLUVIAL_FLAT]
    for stratum, lon, lat in [(seguela[0], -6.58, 8.17), (tortiya[0], -5.690, 8.769)]:
        centre = stratum.geometry.centroid
        assert distance_m(centre.x, centre.y, lon, lat) < 50.0
    for stratum in (*seguela, *tortiya):
        assert stratum.priors is not None
        assert stratum.source.confidence == "low"
        assert "not known" in stratum.source.source
    flats = seguela[1].priors
    assert flats is not None
    assert (flats.grade_ct_per_m3.low, flats.grade_ct_per_m3.high) == (0.3, 1.9)
    assert (flats.worked_frac.family, flats.worked_frac.low, flats.worked_frac.high) == ("beta", 4.0, 4.0)
    assert area_ha(tortiya[0].geometry) / 100.0 == pytest.approx(30.0, rel=0.02)


def test_season_months_match_the_hemisphere():
    for aoi in AOIS.values():
        assert aoi.seasons is not None
        is_south = aoi.geometry.centroid.y < -3.0
        assert (7 in aoi.seasons.dry_months) == is_south or aoi.id == "cod-kisangani"


def test_read_by_id_is_read_by_path():
    assert read_aoi("civ-tortiya") == read_aoi(aoi_folder() / "civ-tortiya.geojson")
