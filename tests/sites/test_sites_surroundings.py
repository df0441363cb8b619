"""What lies around a site: distances by hand, permits and their dates, what was there before, what may be mined."""

import math
from dataclasses import replace

import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st

from kpgeo.model.aoi import Aoi, Commodity, DepositType, Layer, LayerKind, Permit, Sourced, Stratum
from kpgeo.model.geometry import distance_m
from kpgeo.model.site import Area, Growth, Site, SiteStatus
from kpgeo.model.surroundings import BaselineStanding, MiningType, PermitStanding
from kpgeo.sites import Neighbourhood, describe_surroundings
from kpgeo.sites.surroundings import rounded_m

HIGH, LOW = Sourced(source="made up", confidence="high"), Sourced(source="made up", confidence="low")
X, Y = 766_000.0, 907_000.0  # UTM 29 N; the site's corner
BASELINE_END, DAY = 19_000, 19_500


@pytest.fixture(scope="module")
def lay(make):
    """Turn a geometry given in metres right and up of the site's corner into degrees."""
    place = make.place()
    return lambda shape: place.to_degrees(_moved(shape))


def _moved(shape):
    return shapely.affinity.translate(shape, X, Y)


@pytest.fixture(scope="module")
def site(lay):
    """A site of 100 by 100 m."""
    return Site(
        id="s1", aoi_id="a", dekad=1920, status=SiteStatus.ACTIVE,
        geometry=shapely.MultiPolygon([lay(shapely.box(0, 0, 100, 100))]),
        opened_day=BASELINE_END + 100, grown_day=BASELINE_END + 200, last_day=DAY,
        area=Area(ha=0.8, low_ha=0.6, high_ha=1),
        peak_area_ha=0.8, confidence=0.9, pond_frac=0.0, look_frac=1.0, elongation=1.0, hits=3, looked_dekads=3,
        seed_row=1, seed_col=1, stratum_id="",
        growth=(Growth(month=628, area=Area(ha=0.8, low_ha=0.5, high_ha=1)),),
    )  # fmt: skip


@pytest.fixture(scope="module")
def aoi(lay):
    boundary = lay(shapely.box(-5_000, -5_000, 5_000, 5_000))
    dyke = Stratum(
        id="dyke", deposit_type=DepositType.DYKE, geometry=lay(shapely.box(-90, -90, 90, 90)), names={}, source=LOW
    )
    return Aoi(
        id="a", names={"en": "A"}, iso3="XSM", country="", participant="", deposit="", geometry=boundary, epsg=32629,
        source=HIGH, strata=(dyke,),
    )  # fmt: skip


def _layer(kind, *shapes, **more):
    return Layer(kind=kind, geometry=shapely.GeometryCollection(list(shapes)), source=HIGH, **more)


def _permits(lay, *rows):
    permits = tuple(
        Permit(id=name, geometry=lay(shape), source=HIGH, valid_from_day=first, valid_until_day=end, **more)
        for name, shape, first, end, more in rows
    )
    return _layer(LayerKind.PERMITS, *(permit.geometry for permit in permits), permits=permits)


def _around(site, aoi, *layers, day=DAY):
    return describe_surroundings(site, replace(aoi, layers=layers), day, BASELINE_END)


WHOLE = shapely.box(-50, -50, 150, 150)


def test_what_no_layer_tells_is_not_known(site, aoi):
    found = _around(site, aoi)
    assert (found.drainage, found.road, found.border, found.settlement, found.permit) == (None,) * 5
    assert found.permit_standing is PermitStanding.NOT_KNOWN
    assert (found.mined_good.type, found.mined_good.reasons, found.mined_good.confidence) == (
        MiningType.UNKNOWN, (), None,
    )  # fmt: skip


def test_distances_by_hand(site, aoi, lay):
    """A river through the site, a road 386 m east of it, a border 12.34 km west, a village 1.3 km north."""
    found = _around(
        site, aoi,
        _layer(LayerKind.DRAINAGE, lay(shapely.LineString([(50, -900), (50, 900)]))),
        _layer(LayerKind.ROAD, lay(shapely.LineString([(486, -3_000), (486, 3_000)]))),
        _layer(LayerKind.BORDER, lay(shapely.LineString([(-12_340, -9_000), (-12_340, 9_000)]))),
        _layer(LayerKind.SETTLEMENT, *(lay(shapely.Point(50, y)) for y in (1_400, 9_000)), names=("Bobi", "Far")),
    )  # fmt: skip
    assert found.drainage.distance_m == 0.0
    assert found.road.distance_m == 390.0
    assert found.border.distance_m == 12_000.0
    assert (found.settlement.distance_m, found.settlement.name) == (1_300.0, "Bobi")


def test_what_lies_beyond_a_layers_reach_is_not_called_its_distance(site, aoi, lay):
    road = lay(shapely.LineString([(30_000, 0), (30_000, 10)]))
    found = _around(site, aoi, _layer(LayerKind.ROAD, road, reach_m=11_000.0))
    assert (found.road.distance_m, found.road.is_beyond, found.road.name) == (11_000.0, True, "")


@settings(max_examples=60, deadline=None)
@given(east_m=st.floats(-90_000, 90_000), north_m=st.floats(-90_000, 90_000))
def test_distances_to_a_point_are_those_on_the_ellipsoid(site, aoi, lay, east_m, north_m):
    """Against the geodesic to the densely drawn rim of the site; the plane errs by up to 0.1 % so far out."""
    point = lay(shapely.Point(east_m, north_m))
    found = _around(site, aoi, _layer(LayerKind.SETTLEMENT, point, names=("P",))).settlement
    if 0.0 <= east_m <= 100.0 and 0.0 <= north_m <= 100.0:
        assert found.distance_m == 0.0
        return
    rim = shapely.get_coordinates(lay(shapely.segmentize(shapely.box(0, 0, 100, 100), 1.0)))
    truth = min(distance_m(x, y, point.x, point.y) for x, y in rim)
    step = 10.0 if truth < 994 else 100.0 if truth < 9_940 else 1_000.0
    assert abs(found.distance_m - truth) <= step / 2 + 1.0 + 2e-6 * truth


@pytest.mark.parametrize(("metres", "shown"), [(0, 0), (4.9, 0), (996, 1_000), (1_049, 1_000), (9_970, 10_000)])
def test_distances_are_rounded_to_what_outlines_allow(metres, shown):
    assert rounded_m(metres) == shown


PERIOD = (DAY - 400, DAY + 10)


@pytest.mark.parametrize(
    ("day", "standing"),
    [
        (PERIOD[0] - 1, PermitStanding.INSIDE_NOT_YET_VALID),
        (PERIOD[0], PermitStanding.INSIDE),
        (PERIOD[1] - 1, PermitStanding.INSIDE),
        (PERIOD[1], PermitStanding.INSIDE_EXPIRED),
    ],
)
def test_a_permit_holds_from_its_first_day_to_the_day_before_its_end(site, aoi, lay, day, standing):
    found = _around(site, aoi, _permits(lay, ("P1", WHOLE, *PERIOD, {"holder": "H"})), day=day)
    assert found.permit_standing is standing
    (share,) = found.permits
    assert (share.permit.id, share.inside_frac) == ("P1", 1.0)
    assert share.is_valid == (standing is PermitStanding.INSIDE)
    assert (found.permit is None) == (standing is not PermitStanding.INSIDE)


def test_open_ends_hold_for_ever(site, aoi, lay):
    layer = _permits(lay, ("P1", WHOLE, None, None, {}))
    assert {_around(site, aoi, layer, day=day).permit_standing for day in (0, DAY, 60_000)} == {PermitStanding.INSIDE}


@pytest.mark.parametrize(
    ("shape", "standing", "share"),
    [
        (shapely.box(-50, -50, 50, 150), PermitStanding.PARTLY_INSIDE, 0.5),
        (shapely.box(-50, -50, 93, 150), PermitStanding.INSIDE, 0.93),  # 7 m beyond the edge: less than a pixel
        (shapely.box(-50, -50, 85, 150), PermitStanding.PARTLY_INSIDE, 0.85),
        (shapely.box(-50, -50, 7, 150), PermitStanding.OUTSIDE, None),
        (shapely.box(300, 300, 400, 400), PermitStanding.OUTSIDE, None),
        (WHOLE.difference(shapely.box(20, 20, 60, 60)), PermitStanding.PARTLY_INSIDE, 0.84),
    ],
)
def test_outlines_are_held_against_permits_to_a_pixel(site, aoi, lay, shape, standing, share):
    found = _around(site, aoi, _permits(lay, ("P1", shape, None, None, {})))
    assert found.permit_standing is standing
    assert [one.inside_frac for one in found.permits] == ([] if share is None else [pytest.approx(share, abs=2e-3)])
    assert found.permit is not None


def test_two_permits_that_adjoin_hold_a_site_together(site, aoi, lay):
    halves = [("P1", shapely.box(-50, -50, 50, 150)), ("P2", shapely.box(50.4, -50, 150, 150))]
    layer = _permits(lay, *((name, shape, None, None, {}) for name, shape in halves))
    assert _around(site, aoi, layer).permit_standing is PermitStanding.INSIDE


def test_a_valid_permit_goes_before_one_that_has_ended(site, aoi, lay):
    half = shapely.box(-50, -50, 50, 150)
    layer = _permits(lay, ("A", WHOLE, None, DAY, {}), ("B", half, DAY, None, {}))
    found = _around(site, aoi, layer)
    assert found.permit_standing is PermitStanding.PARTLY_INSIDE
    assert [(one.permit.id, one.is_valid) for one in found.permits] == [("B", True), ("A", False)]


def test_a_register_without_a_permit_here_is_not_unknown(site, aoi, lay):
    found = _around(site, aoi, _permits(lay))
    assert (found.permit_standing, found.permit) == (PermitStanding.OUTSIDE, None)


def test_the_nearest_permit_is_one_that_is_valid_that_day(site, aoi, lay):
    near, far = shapely.box(300, 0, 400, 100), shapely.box(1_100, 0, 1_200, 100)
    layer = _permits(lay, ("near", near, None, DAY, {}), ("far", far, None, None, {}))
    before, after = (_around(site, aoi, layer, day=day).permit for day in (DAY - 1, DAY))
    assert (before.name, before.distance_m, after.name, after.distance_m) == ("near", 200.0, "far", 1_000.0)


def test_a_new_site_is_new(site, aoi):
    found = _around(site, aoi).baseline
    assert (found.standing, found.before_ha, found.since_ha, found.reasons) == (BaselineStanding.NEW, 0.0, 0.8, ())


@pytest.mark.parametrize(
    ("since_ha", "standing"), [(0.0, BaselineStanding.BEFORE_BASELINE), (0.3, BaselineStanding.GROWN_SINCE)]
)
def test_what_was_dug_before_is_told_from_what_was_dug_since(site, aoi, since_ha, standing):
    growth = (Growth(month=628, area=Area(ha=since_ha, low_ha=0, high_ha=1)),) if since_ha else ()
    old = replace(site, opened_day=BASELINE_END, growth=growth)
    found = _around(old, aoi).baseline
    assert (found.standing, found.reasons) == (standing, ("onset",))
    assert (found.before_ha, found.since_ha) == (pytest.approx(0.8 - since_ha), since_ha)


def test_known_workings_were_there_before(site, aoi, lay):
    on = _layer(LayerKind.WORKINGS, lay(shapely.Point(150, 50)), radius_m=100.0)
    beside = _layer(LayerKind.WORKINGS, lay(shapely.Point(250, 50)), radius_m=100.0)
    found = _around(site, aoi, on).baseline
    assert (found.standing, found.reasons) == (BaselineStanding.GROWN_SINCE, ("known-workings",))
    assert _around(site, aoi, beside).baseline.standing is BaselineStanding.NEW


def test_what_is_mined_follows_from_where_a_site_lies(site, aoi, lay):
    in_dyke = replace(site, stratum_id="dyke")
    gold = _layer(LayerKind.GOLD_WORKINGS, lay(shapely.box(0, 0, 60, 60)))
    permit = _permits(lay, ("G", WHOLE, None, 5, {"commodity": Commodity.GOLD}))
    both = _permits(lay, ("B", WHOLE, None, None, {"commodity": Commodity.DIAMOND_AND_GOLD}))
    other = _permits(lay, ("O", WHOLE, None, None, {"commodity": Commodity.OTHER}))

    def told(*given):
        good = _around(*given).mined_good
        return good.type, good.reasons, good.confidence

    assert told(in_dyke, aoi) == (MiningType.DIAMOND, ("stratum:dyke",), "low")
    assert told(site, aoi, gold) == (MiningType.GOLD, ("gold-workings",), "high")
    assert told(site, aoi, permit) == (MiningType.GOLD, ("permit-gold:G",), "high")
    assert told(in_dyke, aoi, gold, permit) == (
        MiningType.UNKNOWN, ("stratum:dyke", "gold-workings", "permit-gold:G"), None,
    )  # fmt: skip
    assert told(site, aoi, both) == (MiningType.UNKNOWN, ("permit-diamond:B", "permit-gold:B"), None)
    assert told(in_dyke, aoi, other) == (MiningType.DIAMOND, ("stratum:dyke",), "low")


def test_many_sites_against_one_neighbourhood_equal_each_alone(site, aoi, lay):
    """A winding road of many vertices is searched in pieces; nothing of it may be lost."""
    wave = [(10.0 * n, 700 + 300 * math.sin(n / 7)) for n in range(-400, 400)]
    road, whole = lay(shapely.LineString(wave)), _moved(shapely.LineString(wave))
    layers = (_layer(LayerKind.ROAD, road), _permits(lay, ("P1", shapely.box(0, 0, 900, 900), None, DAY, {})))
    known = replace(aoi, layers=layers)
    around = Neighbourhood(known)
    for step in range(-10, 10):
        box = shapely.box(150 * step, 0, 150 * step + 60, 60)
        moved = replace(site, id=f"s{step}", geometry=shapely.MultiPolygon([lay(box)]))
        found = describe_surroundings(moved, around, DAY, BASELINE_END)
        assert found == describe_surroundings(moved, known, DAY, BASELINE_END)
        truth = shapely.distance(_moved(box), whole)
        assert abs(found.road.distance_m - truth) <= 5.0 + 1e-3 * truth
