"""The tables: rows come back as they were, and deciding again ends where deciding once would have."""

import datetime as dt
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import Point, box
from sqlalchemy import insert, text

from kpgeo.model.alert import Alert, AlertEvent, Evidence, MachineState, Question
from kpgeo.model.aoi import Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.decision import Commit, DekadDecision, OutboxItem
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.ids import make_id
from kpgeo.model.ledger import EntryKind
from kpgeo.model.production import (
    Activity,
    CapacityInterval,
    Comparison,
    DeclaredFigure,
    DeclaredKind,
    NotAssessable,
    Verdict,
)
from kpgeo.model.run import Coverage, Gap
from kpgeo.model.scene import Granule, Scene, Sensor
from kpgeo.model.site import Area, ChangeObject, Site, SiteEvent, SiteEventKind, SiteStatus
from kpgeo.store import Tables, rows, schema

AOI, LINEAGE = "civ-seguela", "belief-1-abc"
PRESS = Sourced(source="press", confidence="low", mark="[5]")
finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
numbers = st.integers(-(2**40), 2**40)


@pytest.fixture
def tables(new_tables):
    return new_tables()


def _site(dekad: int, name: str, *, aoi_id: str = AOI, ha: float = 1.25) -> Site:
    return Site(
        id=make_id("site", name), aoi_id=aoi_id, dekad=dekad, status=SiteStatus.ACTIVE, geometry=box(0, 0, 0.1, 1 / 3),
        opened_day=dekad * 10, grown_day=dekad * 10, last_day=dekad * 10 + 3, area=Area(ha=ha, low_ha=1.0, high_ha=2.0),
        peak_area_ha=ha, confidence=0.9, pond_frac=0.1, look_frac=1.0, elongation=1.5, hits=2, looked_dekads=3,
        seed_row=4, seed_col=5, stratum_id="",
    )  # fmt: skip


def _evidence(name: str, version: int) -> Evidence:
    return Evidence(
        site_id=make_id("site", name), area_ha=1 / 3, area_low_ha=0.1, area_high_ha=0.7, confidence=0.8 + version / 100,
        first_day=100, last_day=200, hits=2, looked_dekads=3, sensors=("sentinel-2",), scene_ids=("a", "b"),
    )  # fmt: skip


def _event(dekad: int, name: str, version: int) -> AlertEvent:
    return AlertEvent(
        id=make_id("event", dekad, name, version), alert_id=make_id("alert", name), dekad=dekad, before=None,
        after=MachineState.FIRST, evidence=_evidence(name, version), reason=f"version {version}",
    )  # fmt: skip


def _decision(dekad: int, version: int) -> DekadDecision:
    """Return what a version of the scenes makes of a dekad: `version` sites, the last of which raises an alert."""
    names = [f"s{n}" for n in range(version)]
    change = ChangeObject(
        id=make_id("change", dekad, version), dekad=dekad, geometry=Point(0.1, 0.2).buffer(0.01), first_day=1,
        last_day=2, area=Area(ha=0.1, low_ha=0.0, high_ha=0.2), confidence=0.5, seed_row=1, seed_col=2, n_px=10,
        pond_frac=0.0, elongation=1.0, look_frac=0.3, stratum_id="terrace",
    )  # fmt: skip
    event = SiteEvent(
        id=make_id("site-event", dekad, version), site_id=make_id("site", "s0"), kind=SiteEventKind.GREW, dekad=dekad,
        day=dekad * 10, area_ha=2.0,
    )  # fmt: skip
    alert = Alert(
        id=make_id("alert", "s0"), aoi_id=AOI, site_id=make_id("site", "s0"), question=Question.WHICH_SITES_TO_VISIT,
        state=MachineState.FIRST, raised_dekad=dekad, dekad=dekad, evidence=_evidence("s0", version),
        gaps=("single-sensor",), held_state=MachineState.CANDIDATE if version > 1 else None,
    )  # fmt: skip
    coverage = Coverage(aoi_id=AOI, dekad=dekad, stratum_id="*", scenes=version, look_frac=0.5, optical_frac=0.25)
    return DekadDecision(
        dekad=dekad,
        changes=(change,) if version else (),
        sites=tuple(_site(dekad, name) for name in reversed(names)),
        site_events=(event,) if version else (),
        alerts=(alert,) if version else (),
        alert_events=tuple(_event(dekad, name, version) for name in names[-1:]),
        coverage=(coverage,),
    )


def _commit(first: int, last: int, snapshot: str = "SNAP") -> Commit:
    return Commit(
        aoi_id=AOI, lineage=LINEAGE, snapshot_id=snapshot, first_dekad=first, last_dekad=last, scenes_digest="d"
    )


def _item(dekad: int, version: int) -> OutboxItem:
    return OutboxItem(
        id=make_id("out", dekad, version), aoi_id=AOI, kind="alerts", payload={"n": version, "é": [1.5, None]},
        created_dekad=dekad,
    )  # fmt: skip


def _raw(tables: Tables, query: str) -> list:
    with tables._database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_decisions_come_back_as_they_were_in_the_order_given(tables):
    decisions = [_decision(dekad, version) for dekad, version in ((10, 2), (11, 0), (12, 3))]
    tables.replace_decisions(_commit(10, 12), decisions)
    for decision in decisions:
        assert tables.sites(AOI, LINEAGE, decision.dekad) == list(decision.sites)
        assert tables.alerts(AOI, LINEAGE, decision.dekad) == list(decision.alerts)
        assert tables.changes(AOI, LINEAGE, decision.dekad) == list(decision.changes)
    assert tables.sites(AOI, LINEAGE) == list(decisions[2].sites)
    assert tables.changes(AOI, LINEAGE) == list(decisions[2].changes)
    assert tables.coverage(AOI, LINEAGE, 11, 12) == [*decisions[1].coverage, *decisions[2].coverage]
    assert tables.site_events(AOI, LINEAGE) == [*decisions[0].site_events, *decisions[2].site_events]
    assert tables.last_commit(AOI, LINEAGE) == _commit(10, 12)
    assert tables.lineages(AOI) == [LINEAGE]
    assert tables.sites(AOI, "another") == []
    assert tables.last_commit("another", LINEAGE) is None
    lived, happened = tables.site_history(make_id("site", "s0"))
    assert [site.dekad for site in lived] == [10, 12]
    assert [event.dekad for event in happened] == [10, 12]
    assert [alert.dekad for alert in tables.alert_history(make_id("alert", "s0"))] == [10, 12]


def test_the_last_dekad_without_sites_has_none(tables):
    tables.replace_decisions(_commit(10, 11), [_decision(10, 2), _decision(11, 0)])
    assert tables.sites(AOI, LINEAGE) == []


def test_an_overturned_alert_event_is_superseded_and_never_deleted(tables):
    alert = make_id("alert", "s0")
    tables.replace_decisions(_commit(10, 11, "A"), [_decision(10, 1), _decision(11, 1)])
    tables.replace_decisions(_commit(11, 11, "B"), [_decision(11, 0)])
    assert tables.alert_events(alert) == [_event(10, "s0", 1)]
    assert tables.alert_events(alert, with_superseded=True) == [_event(10, "s0", 1), _event(11, "s0", 1)]
    log = "SELECT dekad, snapshot_id, superseded_by FROM alert_events ORDER BY seq"
    assert _raw(tables, log) == [(10, "A", None), (11, "A", "B")]
    tables.replace_decisions(_commit(11, 11, "C"), [_decision(11, 1)])
    assert tables.alert_events(alert) == [_event(10, "s0", 1), _event(11, "s0", 1)]
    assert _raw(tables, log) == [(10, "A", None), (11, "A", "B"), (11, "C", None)]


def test_deciding_the_same_again_changes_nothing(tables):
    decisions = [_decision(10, 2), _decision(11, 1)]
    tables.replace_decisions(_commit(10, 11, "A"), decisions, [_item(11, 1)])
    before, log = tables.digest(with_history=True), _raw(tables, "SELECT * FROM alert_events")
    tables.replace_decisions(_commit(10, 11, "B"), decisions, [_item(11, 1)])
    assert tables.digest(with_history=True) == before
    assert _raw(tables, "SELECT * FROM alert_events") == log


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(10, 13), st.lists(st.integers(0, 3), min_size=4, max_size=4)), max_size=5))
def test_any_sequence_of_decisions_ends_where_one_would_have(new_tables, steps):
    often, once = new_tables("often"), new_tables("once")
    truth = dict.fromkeys(range(10, 14), 1)
    n_events, sent = 0, set()
    for turn, (first, versions) in enumerate([(10, [1, 1, 1, 1]), *steps]):
        truth |= {dekad: versions[dekad - 10] for dekad in range(first, 14)}
        decisions = [_decision(dekad, truth[dekad]) for dekad in range(first, 14)]
        items = [_item(dekad, truth[dekad]) for dekad in range(first, 14) if truth[dekad]]
        often.replace_decisions(_commit(first, 13, f"S{turn}"), decisions, items)
        assert not sent & {item.id for item in often.pending_outbox()}, "nothing is sent twice"
        for item in often.pending_outbox()[:1]:
            often.mark_sent(item.id)
            sent.add(item.id)
        ((count,),) = _raw(often, "SELECT count(*) FROM alert_events")
        assert count >= n_events, "events are never deleted"
        n_events = count
    once.replace_decisions(_commit(10, 13, "S"), [_decision(dekad, truth[dekad]) for dekad in range(10, 14)])
    assert often.digest() == once.digest()
    wanted = {_item(dekad, version).id for dekad, version in truth.items() if version} - sent
    assert {item.id for item in often.pending_outbox()} == wanted
    live = _raw(often, "SELECT id FROM alert_events WHERE superseded_by IS NULL")
    assert len(live) == len(set(live)) == sum(len(_decision(dekad, v).alert_events) for dekad, v in truth.items())


def test_another_aoi_or_lineage_is_left_alone(tables):
    tables.replace_decisions(_commit(10, 10), [_decision(10, 2)], [_item(10, 2)])
    other = Commit(aoi_id=AOI, lineage="belief-2", snapshot_id="S", first_dekad=5, last_dekad=10, scenes_digest="d")
    tables.replace_decisions(other, [])
    assert tables.sites(AOI, LINEAGE, 10) == list(_decision(10, 2).sites)
    assert tables.alert_events(make_id("alert", "s1")) == [_event(10, "s1", 2)]
    assert tables.pending_outbox() == [_item(10, 2)]
    assert tables.lineages(AOI) == [LINEAGE, "belief-2"]


def test_outbox_items_are_put_once_and_withdrawn_only_while_nobody_heard_of_them(tables):
    first, second = _item(10, 1), _item(10, 2)
    tables.replace_decisions(_commit(10, 10, "A"), [_decision(10, 1)], [first])
    assert tables.pending_outbox() == [first]
    tables.replace_decisions(_commit(10, 10, "B"), [_decision(10, 2)], [second])
    assert tables.pending_outbox() == [second]
    tables.mark_sent(second.id)
    assert tables.pending_outbox() == []
    sent = _raw(tables, "SELECT sent_at FROM outbox")
    tables.mark_sent(second.id)
    assert _raw(tables, "SELECT sent_at FROM outbox") == sent, "the first time counts"
    tables.replace_decisions(_commit(10, 10, "C"), [_decision(10, 2)], [second])
    assert tables.pending_outbox() == []
    tables.replace_decisions(_commit(10, 10, "D"), [_decision(10, 1)], [first])
    assert tables.pending_outbox() == [first]
    assert _raw(tables, "SELECT count(*) FROM outbox") == [(2,)]


def test_a_refused_decision_changes_nothing(tables):
    tables.replace_decisions(_commit(10, 10, "A"), [_decision(10, 1)])
    before = tables.digest(with_history=True)
    bad = [
        (_commit(10, 10), [_decision(11, 1)], []),
        (_commit(10, 11), [_decision(11, 1), _decision(10, 1)], []),
        (_commit(10, 11), [_decision(10, 1), _decision(10, 2)], []),
        (_commit(10, 10), [DekadDecision(dekad=10, sites=(_site(11, "s0"),))], []),
        (_commit(10, 10), [DekadDecision(dekad=10, sites=(_site(10, "s0", aoi_id="other"),))], []),
        (_commit(10, 10), [], [_item(11, 1)]),
    ]
    for commit, decisions, outbox in bad:
        with pytest.raises(BadInputError):
            tables.replace_decisions(commit, decisions, outbox)
    twice = DekadDecision(dekad=10, sites=(_site(10, "s0"), _site(10, "s0")))
    unreal = DekadDecision(dekad=10, sites=(_site(10, "s0", ha=math.nan),))
    for decision in (twice, unreal):
        with pytest.raises(IntegrityError, match="refuse"):
            tables.replace_decisions(_commit(10, 10, "B"), [decision])
    assert tables.digest(with_history=True) == before
    assert tables.last_commit(AOI, LINEAGE).snapshot_id == "A"


def _scene(day: int, seconds: int = 0, *, platform: str = "sentinel-2a", granules: int = 1) -> Scene:
    moment = dt.datetime(1970, 1, 1, 10, 30, 15, 123456, tzinfo=dt.UTC) + dt.timedelta(days=day, seconds=seconds)
    items = tuple(
        Granule(
            item={"id": f"item-{n}", "assets": {"red": {"href": "https://example.org/é.tif", "n": [1, 2.5, None]}}},
            item_id=f"item-{n}", provider="local", collection="c", tile="29NQJ", processing_baseline="05.09",
            epsg=32629, cloud_frac=None if n else 0.1,
        )
        for n in range(granules)
    )  # fmt: skip
    return Scene(
        sensor=Sensor.SENTINEL2, platform=platform, datetime=moment, relative_orbit=80, orbit_state="descending",
        granules=items, footprint=box(-7, 8, -6 + 1 / 3, 9), dropped=("old",),
    )  # fmt: skip


def test_scenes_are_rebuilt_in_order_and_replaced_by_id(tables):
    late, early, twin = _scene(30), _scene(10), _scene(10, platform="sentinel-2b")
    tables.put_scenes(AOI, [late, early, twin, early])
    assert tables.scenes(AOI) == sorted([early, twin, late], key=lambda scene: scene.order)
    found = tables.scenes(AOI, 30, 31)
    assert found == [late]
    assert found[0].id == late.id
    assert found[0].footprint.equals_exact(late.footprint, 0.0)
    assert found[0].granules[0].item == late.granules[0].item
    assert tables.scenes(AOI, 11, 30) == tables.scenes("other") == []
    tables.put_scenes(AOI, [_scene(30, granules=2)])
    assert [len(scene.granules) for scene in tables.scenes(AOI)] == [1, 1, 2]


def test_many_scenes_are_put(tables):
    tables.put_scenes(AOI, (_scene(day) for day in range(1200)))
    tables.put_scenes(AOI, (_scene(day) for day in range(1200)))
    assert [scene.day for scene in tables.scenes(AOI)] == list(range(1200))
    tables.put_scenes(AOI, [])


def test_gaps_are_kept_once_and_replaced_from_a_day_on(tables):
    whole = Gap(aoi_id=AOI, day=10, sensor=None, scene_id="", reason="catalogue silent")
    tile = Gap(aoi_id=AOI, day=20, sensor=Sensor.SENTINEL1, scene_id="s", reason="broken", tile="r0c0")
    tables.put_gaps(AOI, [whole, tile, tile])
    tables.put_gaps(AOI, [tile])
    assert tables.gaps(AOI) == [whole, tile]
    assert tables.gaps(AOI, 11, 21) == [tile]
    assert tables.gaps(AOI, 11, 20) == []
    healed = Gap(aoi_id=AOI, day=25, sensor=Sensor.LANDSAT, scene_id="t", reason="late")
    tables.put_gaps(AOI, [healed], since_day=11)
    assert tables.gaps(AOI) == [whole, healed]
    with pytest.raises(BadInputError, match="another AOI"):
        tables.put_gaps("other", [whole])


def _figure(carats: float | None, vintage: dt.date | None, **named) -> DeclaredFigure:
    kind = DeclaredKind.MISSING if carats is None else DeclaredKind.FIGURE
    return DeclaredFigure(
        participant="Côte d'Ivoire", iso3="CIV", period=Period.parse("2024H1"), kind=kind, carats=carats,
        value_usd=None, as_published_on=vintage, source=PRESS, **named,
    )  # fmt: skip


def test_declared_figures_are_added_and_never_overwritten(tables):
    first = _figure(1000, dt.date(2024, 8, 1), entered_by="a")
    revised = _figure(1200.5, dt.date(2025, 2, 1), entered_by="a", aoi_id=AOI)
    assert tables.add_declared([first, first]) == 1
    assert tables.add_declared([first, revised, _figure(None, None)]) == 2
    assert tables.add_declared([_figure(1000.0, dt.date(2024, 8, 1), entered_by="b")]) == 0
    assert tables.declared() == [first, revised, _figure(None, None)]
    assert tables.declared(aoi_id=AOI) == [revised]
    assert tables.declared(participant="Ghana") == []
    assert len(tables.declared(participant="Côte d'Ivoire")) == 3


def _comparison(period: str, verdict: Verdict, **named) -> Comparison:
    area = Area(ha=np.float64(1 / 3), low_ha=0.0, high_ha=1.0)
    activity = Activity(
        aoi_id=AOI, stratum_id="", period=Period.parse(period), new_area=area, standing_area=area, coverage_frac=0.5,
        sites=3,
    )  # fmt: skip
    return Comparison(
        id=make_id("comparison", AOI, period, verdict.value), aoi_id=AOI, participant="Côte d'Ivoire",
        period=Period.parse(period), verdict=verdict, activities=(activity,), prob_above_capacity=None,
        coverage_frac=0.5, sentences={"fr": ("Voilà.",), "en": ("So it is.", "Yes.")}, **named,
    )  # fmt: skip


def test_comparisons_are_replaced_by_subject(tables):
    capacity = CapacityInterval(
        low_ct=1.0, median_ct=2.0, high_ct=3.0, spread_frac={"grade": np.float32(0.5), "area": 0.5}, draws=100
    )
    first = _comparison("2024H1", Verdict.NOT_ASSESSABLE, declared=None, capacity=None,
                        reasons=(NotAssessable.SEASON, NotAssessable.COVERAGE))  # fmt: skip
    other = _comparison("2023", Verdict.CONSISTENT, declared=_figure(7, None, entered_by="x"), capacity=capacity)
    tables.put_comparisons([first, other])
    assert tables.comparisons() == [other, first]
    renewed = _comparison("2024H1", Verdict.CONSISTENT, declared=None, capacity=None)
    tables.put_comparisons([renewed])
    assert tables.comparisons(aoi_id=AOI, participant="Côte d'Ivoire") == [other, renewed]
    assert tables.comparisons(participant="Ghana") == tables.comparisons(aoi_id="x") == []


def test_new_decisions_take_the_comparisons_made_of_the_old_ones_away(tables):
    tables.put_comparisons([_comparison("2024H1", Verdict.CONSISTENT, declared=None, capacity=None)])
    tables.replace_decisions(_commit(10, 10, "A"), [_decision(10, 1)])
    assert tables.comparisons(AOI) == []


def test_digest_leaves_out_the_clock_and_the_course_of_runs(new_tables, tables):
    other = new_tables("other")
    tables.add_declared([_figure(5, None)])
    tables.replace_decisions(_commit(10, 10, "A"), [_decision(10, 3)], [_item(10, 3)])
    tables.replace_decisions(_commit(10, 11, "B"), [_decision(10, 1), _decision(11, 2)])
    other.replace_decisions(_commit(10, 10, "C"), [_decision(10, 1)])
    other.replace_decisions(_commit(11, 11, "D"), [_decision(11, 2)])
    assert tables.digest() != other.digest()
    other.add_declared([_figure(5, None)])
    assert tables.digest() == other.digest()
    assert tables.digest(with_history=True) != other.digest(with_history=True)


@settings(max_examples=60, deadline=None)
@given(st.builds(
    Site, id=words, aoi_id=words, dekad=numbers, status=st.sampled_from(SiteStatus), opened_day=numbers,
    geometry=st.builds(lambda x, y: box(x, y, x + 0.1, y + 1 / 3), st.floats(-180, 179), st.floats(-90, 89)),
    grown_day=numbers, last_day=numbers, area=st.builds(Area, ha=finite, low_ha=finite, high_ha=finite),
    peak_area_ha=finite, confidence=finite, pond_frac=finite, look_frac=finite, elongation=finite, hits=numbers,
    looked_dekads=numbers, seed_row=numbers, seed_col=numbers, stratum_id=words, merged_into=words,
))  # fmt: skip
def test_any_site_survives_its_row(site):
    row = {**rows.row_of_site(site), "aoi_id": site.aoi_id}
    assert rows.site_of_row(row) == site
    assert all(type(value) in (str, int, float, bytes) for value in row.values())


@settings(max_examples=60, deadline=None)
@given(st.builds(
    AlertEvent, id=words, alert_id=words, dekad=numbers, before=st.none() | st.sampled_from(MachineState),
    after=st.sampled_from(MachineState), reason=words,
    evidence=st.builds(
        Evidence, site_id=words, area_ha=finite, area_low_ha=finite, area_high_ha=finite, confidence=finite,
        first_day=numbers, last_day=numbers, hits=numbers, looked_dekads=numbers,
        sensors=st.lists(words).map(tuple), scene_ids=st.lists(words).map(tuple),
    ),
))  # fmt: skip
def test_any_alert_event_survives_its_row(event):
    assert rows.alert_event_of_row(rows.row_of_alert_event(event)) == event


def test_numpy_scalars_left_in_a_noun_are_kept_as_numbers(tables):
    site = _site(10, "s0", ha=np.float32(0.5))
    object.__setattr__(site, "hits", np.int64(7))
    tables.replace_decisions(_commit(10, 10), [DekadDecision(dekad=10, sites=(site,))])
    (found,) = tables.sites(AOI, LINEAGE)
    assert (type(found.hits), found.hits, found.area.ha) == (int, 7, 0.5)


def test_of_several_lineages_of_an_older_workspace_the_one_decided_last_speaks(tables):
    """An older kpgeo kept no ledger: what was decided last is what people heard of, whichever is run next."""
    for lineage, last in (("belief-1-a", 9), ("belief-2-b", 11)):
        commit = Commit(aoi_id=AOI, lineage=lineage, snapshot_id="S", first_dekad=5, last_dekad=last, scenes_digest="d")
        with tables._database.writing() as connection:
            connection.execute(insert(schema.commits), asdict(commit))
    assert tables.methods.speaking(AOI) == "belief-2-b"
    assert not tables.methods.is_beside(AOI, "belief-2-b")
    assert tables.methods.is_beside(AOI, "belief-1-a")
    assert tables.methods.is_beside(AOI, "belief-3-c"), "a new one is run beside"
    latest = Commit(aoi_id=AOI, lineage="belief-2-b", snapshot_id="T", first_dekad=5, last_dekad=12, scenes_digest="d")
    tables.replace_decisions(latest, [])
    (entry,) = tables.ledger.entries(kind=EntryKind.METHOD)
    assert entry.body["speaks"] == "belief-2-b"
