"""Every state has its site here, and no sequence of looks leads through a step the table does not allow."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, box

from kpgeo.alerts import ANNOUNCED, TRANSITIONS, AlertContext, is_legal, outbox_entries, raise_alerts, standing
from kpgeo.model.alert import MachineState, Question
from kpgeo.model.aoi import LeftOut, RegimeKind
from kpgeo.model.calendar import dekad_end, dekad_start
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.operating import FalseAlertRate, OperatingPoint
from kpgeo.model.run import Coverage
from kpgeo.model.site import Area, Site, SiteStatus
from kpgeo.options.alerts import AlertOptions

FIRST = 1962  # 2024-07-D1
S = MachineState
GIVEN = {
    "first_confidence": 0.6,
    "provisional_hits": 2,
    "provisional_confidence": 0.7,
    "confirm_hits": 4,
    "confirm_confidence": 0.8,
}  # the sites and counts of these tests are made for these; the defaults may move
OPTIONS = AlertOptions(**GIVEN)


def context(step, **given):
    look = given.pop("look_frac", 1.0)
    optical = given.pop("optical_frac", look)
    about = {
        "aoi_id": "test-place",
        "dekad": FIRST + step,
        "regimes": frozenset(),
        "declared_known": True,
        "scene_ids": (f"scene-{step}",),
        "sensors": ("sentinel-1", "sentinel-2"),
        "coverage": Coverage(
            aoi_id="test-place", dekad=FIRST + step, stratum_id="*", scenes=1, look_frac=look, optical_frac=optical
        ),
        "baseline_end_day": dekad_start(FIRST),
    }
    return AlertContext(**(about | given))


def site(step, **given):
    """A site of 0.2 ha, surely mined, opened five days after monitoring began, as seen `step` dekads in."""
    hits = given.get("hits", step)
    about = {
        "id": "site-a",
        "aoi_id": "test-place",
        "dekad": FIRST + step,
        "status": SiteStatus.ACTIVE,
        "geometry": MultiPolygon([box(-6.60, 8.10, -6.59, 8.11)]),
        "opened_day": dekad_start(FIRST) + 5,
        "grown_day": dekad_start(FIRST) + 5,
        "last_day": dekad_end(FIRST + step) - 2,
        "area": Area(ha=0.2, low_ha=0.15, high_ha=0.27),
        "peak_area_ha": 0.2,
        "confidence": 0.95,
        "pond_frac": 0.0,
        "look_frac": 1.0,
        "elongation": 1.2,
        "hits": hits,
        "looked_dekads": hits,
        "seed_row": 3,
        "seed_col": 4,
        "stratum_id": "",
    }
    return Site(**(about | given))


def replay(rows, options=OPTIONS, contexts=None):
    """Step through rows of one site; gives the states passed, the events and the alert."""
    alerts, states, events = [], [], []
    for step, row in enumerate(rows, start=1):
        now = contexts[step - 1] if contexts else context(step)
        alerts, news = raise_alerts(alerts, [row] if row else [], now, options)
        states.append(alerts[0].state if alerts else None)
        events += news
    return SimpleNamespace(states=states, events=events, alert=alerts[0] if alerts else None)


def unseen(row, step):
    """The same site a dekad on, when nobody could look."""
    return replace(row, dekad=FIRST + step, look_frac=0.0)


def test_a_working_that_lasts_goes_through_the_states_one_by_one():
    found = replay([site(step) for step in range(1, 10)])
    assert found.states == [S.FIRST, *[S.PROVISIONAL] * 2, *[S.CONFIRMED] * 4, *[S.ONGOING] * 2]
    assert [event.after for event in found.events] == [S.FIRST, S.PROVISIONAL, S.CONFIRMED, S.ONGOING]
    assert found.events[1].reason == "hits:2/2"
    assert found.alert.raised_dekad == FIRST + 1
    assert found.alert.evidence.scene_ids == ("scene-9",)


def test_a_doubtful_working_is_a_candidate_until_it_is_surer():
    found = replay([site(1, confidence=0.5), site(2, confidence=0.55), site(3, confidence=0.65), site(4)])
    assert found.states == [S.CANDIDATE, S.CANDIDATE, S.FIRST, S.PROVISIONAL]


def test_a_provisional_alert_stays_so_while_in_doubt():
    found = replay([site(1), *(site(step, confidence=0.75) for step in range(2, 8))])
    assert found.states[1:] == [S.PROVISIONAL] * 6


@pytest.mark.fault(25)
def test_no_look_holds_the_state_and_a_look_gives_it_back():
    rows = [
        site(1),
        site(2),
        unseen(site(2), 3),
        unseen(site(2), 4),
        replace(site(5, hits=2), looked_dekads=3, misses=1),
    ]
    found = replay(rows, contexts=[context(n, look_frac=float(n not in {3, 4})) for n in range(1, 6)])
    assert found.states == [S.FIRST, S.PROVISIONAL, S.UNDETERMINED, S.UNDETERMINED, S.PROVISIONAL]
    assert [event.after for event in found.events[2:]] == [S.UNDETERMINED, S.PROVISIONAL]
    assert found.events[-1].reason == "looked-again held:provisional"
    assert found.alert.held_state is None
    assert found.alert.misses == 1
    assert [gap for gap in found.alert.gaps if gap.startswith("no-look")] == [
        "no-look:2024-08-D1",
        "no-look:2024-08-D2",
    ]


def test_an_unseen_alert_keeps_its_evidence_and_names_the_gap():
    alerts, _ = raise_alerts([], [site(1)], context(1), OPTIONS)
    after, _ = raise_alerts(alerts, [unseen(site(1), 2)], context(2, look_frac=0.0), OPTIONS)
    assert after[0].evidence == alerts[0].evidence
    assert after[0].held_state is S.FIRST
    assert standing(after[0]) is S.FIRST
    assert after[0].gaps == ("no-look:2024-07-D3", "no-optical-look:2024-07-D3")


def test_a_hit_after_the_dark_goes_on_from_where_it_was():
    found = replay([site(1), unseen(site(1), 2), site(3, hits=2)])
    assert found.states == [S.FIRST, S.UNDETERMINED, S.PROVISIONAL]
    assert found.events[-1].reason == "hits:2/2 held:first"


def test_hits_are_counted_over_looks_not_dekads():
    found = replay([site(1), *(unseen(site(1), step) for step in range(2, 8)), site(8, hits=2)])
    assert found.states[-1] is S.PROVISIONAL
    assert found.alert.evidence.looked_dekads == 2


def test_an_unconfirmed_alert_expires_after_many_looks():
    options = AlertOptions(**GIVEN, expire_looks=5)
    rows = [site(1), *(site(n, hits=1, looked_dekads=n, misses=n - 1) for n in range(2, 7))]
    found = replay(rows, options)
    assert found.states == [S.FIRST] * 4 + [S.EXPIRED] * 2
    assert found.events[-1].reason == "unconfirmed-looks:5"


def test_an_unconfirmed_alert_expires_after_many_days():
    options = AlertOptions(**GIVEN, expire_days=40)
    rows = [site(1), *(site(n, hits=1, looked_dekads=n, misses=n - 1) for n in range(2, 7))]
    found = replay(rows, options)
    assert found.states == [S.FIRST] * 4 + [S.EXPIRED] * 2  # 40 days lie between the ends of 2024-07-D2 and 2024-08-D3
    assert found.events[-1].reason.startswith("unconfirmed-days:")


def test_a_confirmed_alert_does_not_expire():
    rows = [site(n) for n in range(1, 5)] + [site(n, hits=4, looked_dekads=n, misses=n - 4) for n in range(5, 40)]
    assert replay(rows).states[-1] is S.CONFIRMED


@pytest.mark.parametrize(("hits", "end"), [(1, S.EXPIRED), (2, S.EXPIRED), (4, S.FINISHED), (8, S.FINISHED)])
def test_closing_ends_a_confirmed_alert_and_expires_an_unconfirmed_one(hits, end):
    rows = [site(n) for n in range(1, hits + 1)]
    closed = replace(site(hits), looked_dekads=hits + 4, misses=4, status=SiteStatus.CLOSED)
    found = replay([*rows, closed, closed])
    assert found.states[-2:] == [end, end]
    assert found.events[-1].reason == "site-closed"


def test_a_finished_alert_goes_on_when_the_site_is_dug_again():
    closed = replace(site(4), looked_dekads=8, misses=4, status=SiteStatus.CLOSED)
    found = replay([*(site(n) for n in range(1, 5)), closed, site(6, hits=1), site(7, hits=2)])
    assert found.states[-3:] == [S.FINISHED, S.FINISHED, S.ONGOING]


def test_an_expired_alert_is_confirmed_late_or_never():
    closed = replace(site(1), looked_dekads=5, misses=4, status=SiteStatus.CLOSED)
    found = replay([site(1), closed, *(site(2 + n, hits=n) for n in range(1, 5))])
    assert found.states == [S.FIRST, S.EXPIRED, S.EXPIRED, S.EXPIRED, S.EXPIRED, S.CONFIRMED]


def test_the_alert_of_a_swallowed_site_is_finished():
    merged = replace(site(2), hits=1, looked_dekads=1, status=SiteStatus.CLOSED, merged_into="site-b")
    found = replay([site(1), merged, merged])
    assert found.states == [S.FIRST, S.FINISHED, S.FINISHED]
    assert found.events[-1].reason == "merged:site-b held:first"


@pytest.mark.parametrize("opened", [0, -1, -400])
def test_old_workings_are_never_announced(opened):
    found = replay([site(n, opened_day=dekad_start(FIRST) + opened) for n in range(1, 12)])
    assert found.states == [None] * 11
    assert found.events == []


def test_what_is_too_small_closed_missed_or_unseen_raises_nothing():
    small = Area(ha=0.02, low_ha=0.01, high_ha=0.03)
    for row in (
        site(1, area=small),
        site(1, status=SiteStatus.CLOSED),
        site(1, misses=1, looked_dekads=2),
        site(1, hits=0),
    ):
        assert replay([row]).alert is None


def test_one_site_has_one_alert_whatever_the_regime():
    embargo = frozenset({RegimeKind.EMBARGO})
    found = replay([site(1), site(2)], contexts=[context(1), context(2, regimes=embargo)])
    assert found.alert.question is Question.ACTIVITY_WHERE_NONE_DECLARED
    assert len({event.alert_id for event in found.events}) == 1


@pytest.mark.parametrize(
    ("kinds", "question"),
    [
        ([], Question.WHICH_SITES_TO_VISIT),
        ([RegimeKind.EMBARGO], Question.ACTIVITY_WHERE_NONE_DECLARED),
        ([RegimeKind.SUSPENSION], Question.ACTIVITY_WHERE_NONE_DECLARED),
        ([RegimeKind.SUSPENSION, RegimeKind.COMPLIANT_ZONE], Question.WHICH_SITES_TO_VISIT),
        ([RegimeKind.COMPLIANT_ZONE], Question.WHICH_SITES_TO_VISIT),
        ([RegimeKind.EMBARGO, RegimeKind.COMPLIANT_ZONE], Question.ACTIVITY_WHERE_NONE_DECLARED),
    ],
)
def test_the_question_follows_from_the_regime(kinds, question):
    assert replay([site(1)], contexts=[context(1, regimes=frozenset(kinds))]).alert.question is question


def test_gaps_say_what_was_not_seen_and_are_forgotten_in_time():
    options = AlertOptions(**GIVEN, gap_dekads=3)
    now = context(1, sensors=("sentinel-1",), optical_frac=0.0, declared_known=False)
    alerts, _ = raise_alerts([], [site(1, look_frac=0.3)], now, options)
    assert alerts[0].gaps == (
        "partial-look:2024-07-D2",
        "no-optical-look:2024-07-D2",
        "single-sensor:2024-07-D2",
        "no-declared-figure:2024-07-D2",
    )
    for step in (2, 3):
        alerts, _ = raise_alerts(alerts, [site(step)], context(step), options)
        assert len(alerts[0].gaps) == 4
    alerts, _ = raise_alerts(alerts, [site(4)], context(4), options)
    assert alerts[0].gaps == ()


def test_alerts_without_their_site_are_refused():
    alerts, _ = raise_alerts([], [site(1)], context(1), OPTIONS)
    with pytest.raises(IntegrityError, match="site-a"):
        raise_alerts(alerts, [], context(2), OPTIONS)


def test_deciding_twice_gives_the_same_ids():
    first, again = (raise_alerts([], [site(1)], context(1), OPTIONS) for _ in range(2))
    assert first == again


OPTION_ROWS = [
    site(1, confidence=0.65), site(2, confidence=0.75), site(3, confidence=0.75, look_frac=0.4),
    *(site(n, confidence=0.85) for n in range(4, 9)), site(9, hits=8, looked_dekads=9, misses=1),
]  # fmt: skip


MOVED = {
    "min_area_ha": 0.3,
    "first_confidence": 0.7,
    "provisional_hits": 3,
    "provisional_confidence": 0.8,
    "confirm_hits": 5,
    "confirm_confidence": 0.9,
    "ongoing_hits": 20,
    "expire_looks": 3,
    "expire_days": 20,
    "partial_look_frac": 0.3,
    "gap_dekads": 2,
}


def test_no_option_is_left_out():
    told_elsewhere = {"false_alerts_per_1000km2_month"}  # test_alerts_operating
    assert set(MOVED) | told_elsewhere == set(AlertOptions.model_fields)


def test_the_operating_point_of_the_context_says_how_sure_to_be():
    asked = AlertOptions(false_alerts_per_1000km2_month=1.0, provisional_hits=2, confirm_hits=4)
    with pytest.raises(BadInputError, match="no operating point"):
        raise_alerts([], [site(1)], context(1), asked)
    rows = [site(n, confidence=0.75) for n in range(1, 6)]
    for provisional, states in ((0.7, [S.FIRST] + [S.PROVISIONAL] * 4), (0.8, [S.FIRST] * 5)):
        point = OperatingPoint(
            first_confidence=0.5, provisional_confidence=provisional, confirm_confidence=0.9, min_area_ha=0.05
        )
        found = replay(rows, asked, contexts=[context(n, operating=point) for n in range(1, 6)])
        assert found.states == states


def test_what_is_sent_says_what_its_threshold_stands_for():
    rate = FalseAlertRate(
        per_1000km2_month=1.5, low=0.5, high=3.5, km2_months=900.0, ground="simulated worlds", calibration="belief-1"
    )
    point = OperatingPoint(
        first_confidence=0.6, provisional_confidence=0.7, confirm_confidence=0.8, min_area_ha=0.05, rate=rate
    )
    alerts = []
    for step in (1, 2):
        now = context(step, operating=point)
        alerts, events = raise_alerts(alerts, [site(step)], now, OPTIONS)
    (entry,) = outbox_entries(alerts, events, now)
    assert entry.payload["operating"]["false_alerts_per_1000km2_month"] == 1.5
    assert entry.payload["operating"]["measured_on"] == "simulated worlds"
    assert entry.payload["true_share"] is None
    (plain,) = outbox_entries(alerts, events, replace(now, operating=None))
    assert plain.id == entry.id  # what a threshold stands for makes no news of an alert


def test_what_is_sent_says_what_of_the_aoi_nobody_watches():
    alerts, part = [], LeftOut(area_ha=120.0, share_frac=0.3, why="ground at risk as drawn")
    for step in (1, 2):
        alerts, events = raise_alerts(alerts, [site(step)], context(step), OPTIONS)
    (whole,) = outbox_entries(alerts, events, context(2))
    (entry,) = outbox_entries(alerts, events, context(2, left_out=part))
    assert entry.payload["left_out"] == {"area_ha": 120.0, "share_frac": 0.3, "why": "ground at risk as drawn"}
    assert "left_out" not in whole.payload
    assert whole.id == entry.id


@pytest.mark.parametrize(("name", "value"), MOVED.items())
def test_every_option_changes_something(name, value):
    assert getattr(OPTIONS, name) != value
    plain, moved = replay(OPTION_ROWS), replay(OPTION_ROWS, AlertOptions(**(GIVEN | {name: value})))
    assert (plain.states, plain.alert) != (moved.states, moved.alert)


def test_options_whose_steps_fall_are_refused():
    with pytest.raises(ValueError, match="confirm_hits"):
        AlertOptions(**(GIVEN | {"provisional_hits": 5}))
    with pytest.raises(ValueError, match="confirm_confidence"):
        AlertOptions(**(GIVEN | {"first_confidence": 0.9}))


def test_every_state_has_its_row_in_the_table():
    assert set(TRANSITIONS) == {None, *MachineState}
    assert not is_legal(None, S.PROVISIONAL)
    assert not is_legal(S.CANDIDATE, S.CONFIRMED)
    assert not is_legal(S.UNDETERMINED, S.ONGOING, S.FIRST)
    assert not is_legal(S.UNDETERMINED, S.FIRST)
    assert is_legal(S.UNDETERMINED, S.FIRST, S.FIRST)
    assert is_legal(S.UNDETERMINED, S.CONFIRMED, S.PROVISIONAL)


LOOK = st.sampled_from(["hit", "hit", "hit", "doubt", "miss", "miss", "dark", "dark"])


def _walk(looks):
    """A site's rows under a sequence of looks, as linking would count them; it closes after four misses in a row."""
    hits, looked, misses, confidence, rows = 0, 0, 0, 0.95, []
    for step, look in enumerate(looks, start=1):
        seen = look != "dark"
        if look in {"hit", "doubt"}:
            if misses >= 4:
                hits = looked = 0
            hits, looked, misses, confidence = hits + 1, looked + 1, 0, 0.95 if look == "hit" else 0.4
        elif look == "miss" and hits and misses < 4:
            looked, misses = looked + 1, misses + 1
        status = SiteStatus.CLOSED if misses >= 4 else SiteStatus.ACTIVE
        counts = {"hits": hits, "looked_dekads": looked, "misses": misses}
        row = site(step, status=status, confidence=confidence, look_frac=float(seen), **counts)
        rows.append(row if hits else None)
    return rows


@settings(max_examples=300, deadline=None)
@given(
    looks=st.lists(LOOK, min_size=1, max_size=40),
    options=st.sampled_from([OPTIONS, AlertOptions(**GIVEN, expire_looks=3), AlertOptions()]),
)
def test_no_sequence_of_looks_leads_through_an_illegal_step(looks, options):
    alerts, held = [], None
    for step, row in enumerate(_walk(looks), start=1):
        before = alerts
        alerts, events = raise_alerts(alerts, [row] if row else [], context(step), options)
        held = before[0].held_state if before else None
        was = before[0].state if before else None
        now = alerts[0].state if alerts else None
        assert len(events) == (was is not now)
        if events:
            assert events[0].before is was
            assert events[0].after is now
            assert is_legal(was, now, held)
        if alerts:
            assert (alerts[0].held_state is not None) == (now is S.UNDETERMINED)
            assert alerts[0].held_state not in {S.FINISHED, S.EXPIRED, S.UNDETERMINED}
            if looks[step - 1] == "dark" and was is not None:
                assert standing(alerts[0]) is standing(before[0])
            if standing(alerts[0]) in ANNOUNCED:
                assert alerts[0].evidence.hits >= min(options.provisional_hits, row.hits)


def test_what_is_sent_and_what_is_not():
    rows = [site(1), site(2), unseen(site(2), 3), site(4, hits=2, looked_dekads=3, misses=1), site(5, hits=4)]
    alerts, sent = [], []
    for step, row in enumerate(rows, start=1):
        alerts, events = raise_alerts(alerts, [row], context(step), OPTIONS)
        entries = outbox_entries(alerts, events, context(step), [row])
        assert entries == outbox_entries(alerts, events, context(step), [row])
        sent += entries
    assert [entry.kind for entry in sent] == ["alert-provisional", "alert-confirmed"]
    assert len({entry.id for entry in sent}) == 2
    payload = sent[0].payload
    assert payload["question"] == "which-sites-to-visit"
    assert payload["counts"] == {"provisional": 1}
    assert payload["first_seen"] == "2024-07-06"
    assert payload["dekad"] == "2024-07-D3"
    assert payload["lon"] == pytest.approx(-6.595)
    assert "no-look:2024-08-D1" in sent[1].payload["gaps"]


def test_the_end_of_an_alert_is_sent_only_to_those_who_were_told():
    closed = replace(site(2), looked_dekads=6, misses=4, status=SiteStatus.CLOSED)
    for rows, kinds in (
        ([site(1), site(2), closed], ["alert-provisional", "alert-expired"]),
        ([site(1), replace(closed, hits=1)], []),
        ([site(1), unseen(site(1), 2), replace(closed, hits=1)], []),
        ([site(1), site(2), unseen(site(2), 3), closed], ["alert-provisional", "alert-expired"]),
    ):
        alerts, sent = [], []
        for step, row in enumerate(rows, start=1):
            alerts, events = raise_alerts(alerts, [row], context(step), OPTIONS)
            sent += [entry.kind for entry in outbox_entries(alerts, events, context(step))]
        assert sent == kinds
