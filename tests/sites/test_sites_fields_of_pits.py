"""Fifty detections in one pit field are one site and one alert; old workings are never announced as new."""

import random
from dataclasses import replace

import numpy as np
import pytest

from kpgeo.alerts import AlertContext, outbox_entries, raise_alerts
from kpgeo.model.run import Coverage
from kpgeo.options.alerts import AlertOptions
from kpgeo.sites import link_sites, outline_changes

PROMPT = AlertOptions(first_confidence=0.6, provisional_confidence=0.7, confirm_confidence=0.8)
OLD = (slice(4, 9), slice(4, 9))


class Telling:
    """Decides a row of dekads, and keeps what happened and what was sent."""

    def __init__(self, place, options):
        self.place, self.options = place, options
        self.sites, self.alerts, self.events, self.sent = [], [], [], []

    def tell(self, *many):
        for fields in many:
            changes = outline_changes(fields, self.place, self.options)
            self.sites, news = link_sites(self.sites, changes, fields, self.place, self.options)
            self.events += news
            context = _context(self.place, fields)
            self.alerts, steps = raise_alerts(self.alerts, self.sites, context, PROMPT)
            self.sent += outbox_entries(self.alerts, steps, context, self.sites)
        return self

    def kinds(self):
        return [str(event.kind) for event in self.events]

    def announced(self):
        return [entry.kind for entry in self.sent]


def _context(place, fields):
    coverage = Coverage(
        aoi_id=place.aoi_id, dekad=fields.dekad, stratum_id="*", scenes=1, look_frac=1.0, optical_frac=1.0
    )
    return AlertContext(
        aoi_id=place.aoi_id, dekad=fields.dekad, regimes=frozenset(), declared_known=True, scene_ids=("s",),
        sensors=("sentinel-1", "sentinel-2"), coverage=coverage, baseline_end_day=place.baseline_end_day,
    )  # fmt: skip


def _history(make, place, pits, dekads=26):
    """The fields of some months: each pit is there from its dekad on, dug in the first days of it."""
    return [
        make.fields(place, step, [(slice(r, r + 3), slice(c, c + 2), 10 * s + 2) for r, c, s in pits if s <= step])
        for step in range(1, dekads)
    ]


def _from_pit_to_pit(seed):
    """Fifty pits, each opened some 30 to 50 m from one that is there: as diggers follow the gravel."""
    rng = random.Random(seed)
    pits = [(60, 60, 1)]
    while len(pits) < 50:
        row, col, _ = rng.choice(pits)
        there = row + rng.randint(-5, 5), col + rng.randint(-5, 5)
        if all(abs(there[0] - r) > 3 or abs(there[1] - c) > 2 for r, c, _ in pits):
            pits.append((*there, 1 + len(pits) * 20 // 50))
    return pits


@pytest.mark.parametrize("seed", range(4))
def test_fifty_pits_opened_one_beside_the_other_over_months_are_one_site_and_one_alert(make, seed):
    place = make.place(120, 120)
    found = Telling(place, make.options()).tell(*_history(make, place, _from_pit_to_pit(seed)))
    assert len(outline_changes(_history(make, place, _from_pit_to_pit(seed))[-1], place, make.options())) > 5
    assert found.kinds().count("opened") == 1
    assert len(found.sites) == len(found.alerts) == 1
    assert found.announced() == ["alert-provisional", "alert-confirmed"]
    assert found.sites[0].area.ha == pytest.approx(50 * 0.06, rel=5e-3)


@pytest.mark.parametrize("seed", range(4))
def test_fifty_pits_anywhere_in_a_field_are_one_site_and_one_alert_with_a_field_distance(make, seed):
    """Sixteen hectares, pits in no order: without the option they begin as several sites and grow together."""
    rng = np.random.default_rng(seed)
    pits = [(*(rng.integers(10, 47, 2).tolist()), 1 + 20 * n // 50) for n in range(50)]
    place = make.place(120, 120)
    history = _history(make, place, pits)
    found = Telling(place, make.options(field_m=250.0)).tell(*history)
    assert found.kinds().count("opened") == 1
    assert len(found.sites) == len(found.alerts) == 1
    assert found.announced() == ["alert-provisional", "alert-confirmed"]
    apart = Telling(place, make.options()).tell(*history)
    assert apart.kinds().count("opened") > 1
    assert sum(not site.merged_into for site in apart.sites) == 1


def test_a_field_that_is_first_seen_whole_is_one_site(make):
    place = make.place(120, 120)
    pits = [(r, c, 1) for r in (10, 30, 50) for c in (10, 30, 50)]  # 170 m apart
    history = _history(make, place, pits, dekads=4)
    assert len(Telling(place, make.options(field_m=200.0)).tell(*history).sites) == 1
    assert len(Telling(place, make.options()).tell(*history).sites) == 9


def test_digging_near_an_old_working_is_not_hidden_in_it_by_a_field_distance(make, place):
    """120 m from ground dug before monitoring: it is new, and announced, whatever the distance of fields."""
    new = (slice(4, 9), slice(22, 27))
    steps = [make.fields(place, step, [(*OLD, -100), (*new, 12)]) for step in range(1, 6)]
    found = Telling(place, make.options(field_m=250.0)).tell(make.fields(place, 0, [(*OLD, -100)]), *steps)
    assert found.kinds().count("opened") == 1
    assert found.announced() == ["alert-provisional", "alert-confirmed"]


def test_an_old_working_that_grows_is_not_announced(make, place, options):
    wing = (slice(4, 9), slice(9, 14))
    steps = [make.fields(place, step, [(*OLD, -100), (*wing, 25)]) for step in range(3, 12)]
    found = Telling(place, options).tell(make.fields(place, 0, [(*OLD, -100)]), *steps)
    assert found.kinds() == ["grew"]
    assert (found.alerts, found.sent) == ([], [])


def test_an_old_working_seen_late_is_not_announced(make, place, options):
    """Clouds hid it for three months; its onset lies before monitoring all the same."""
    blind = [make.fields(place, step, [], looks=0) for step in range(9)]
    found = Telling(place, options).tell(*blind, *(make.fields(place, step, [(*OLD, -5)]) for step in range(9, 14)))
    assert "opened" not in found.kinds()
    assert (len(found.sites), found.alerts, found.sent) == (1, [], [])


def test_an_old_working_that_closes_and_is_dug_again_is_not_announced(make, place, options):
    quiet = [make.fields(place, step) for step in range(1, 7)]
    again = [make.fields(place, step, [(*OLD, 65)]) for step in range(8, 16)]
    found = Telling(place, options).tell(make.fields(place, 0, [(*OLD, -100)]), *quiet, *again)
    assert found.kinds() == ["paused", "closed", "grew", "resumed"]
    assert "opened" not in found.kinds()
    assert (found.alerts, found.sent) == ([], [])


def test_ground_a_refit_dates_anew_stays_as_old_as_it_was(make, place, options):
    """After a refit the same pixels may bear a later onset, or none for a while."""
    undated = make.fields(place, 6, [(*OLD, -100)])
    undated.onset_day[:] = 0
    later = [make.fields(place, step, [(*OLD, 62)]) for step in range(7, 14)]
    found = Telling(place, options).tell(make.fields(place, 0, [(*OLD, -100)]), undated, *later)
    assert "opened" not in found.kinds()
    assert found.sites[0].opened_day == make.start_day - 100
    assert (found.alerts, found.sent) == ([], [])


def test_digging_that_a_late_look_dates_back_before_monitoring_is_not_announced(make, place, options):
    """It looked new in the first dekad, and was a first detection; then its onset moved back."""
    found = Telling(place, options).tell(make.fields(place, 1, [(*OLD, 3)]))
    assert [str(alert.state) for alert in found.alerts] == ["first"]
    found.tell(*(make.fields(place, step, [(*OLD, -20)]) for step in range(2, 12)))
    assert [str(alert.state) for alert in found.alerts] == ["expired"]
    assert found.sent == []


def test_a_late_scene_decided_again_from_its_dekad_gives_what_one_run_would(make, place, options):
    """The run goes back to the dekad of the late scene: no trace of the site that seemed to open stays."""
    before = Telling(place, options).tell(make.fields(place, 1), make.fields(place, 2))
    kept = list(before.sites), list(before.alerts)
    seemed = [make.fields(place, step, [(*OLD, 32)]) for step in range(4, 7)]
    assert before.tell(*seemed).announced() == ["alert-provisional"]
    truly = [make.fields(place, step, [(*OLD, -32)]) for step in range(3, 7)]
    again = Telling(place, options)
    again.sites, again.alerts = kept
    calm = Telling(place, options).tell(make.fields(place, 1), make.fields(place, 2), *truly)
    again.tell(*truly)
    assert (again.sites, again.alerts) == (calm.sites, calm.alerts)
    assert (again.alerts, again.sent) == ([], [])


def test_a_new_lineage_that_begins_later_knows_the_workings_of_the_old_one_as_old(make, place, options):
    """A site announced under one lineage lies before the monitored time of the next: other ids, and no alert."""
    spots = [(*OLD, 12)]
    first = Telling(place, options).tell(*(make.fields(place, step, spots) for step in range(1, 6)))
    assert first.announced() == ["alert-provisional", "alert-confirmed"]
    moved = replace(place, lineage="belief-1-def", baseline_end_day=make.start_day + 60)
    second = Telling(moved, options).tell(*(make.fields(place, step, spots) for step in range(6, 14)))
    assert {site.id for site in first.sites}.isdisjoint(site.id for site in second.sites)
    assert "opened" not in second.kinds()
    assert (len(second.sites), second.alerts, second.sent) == (1, [], [])


def test_a_new_working_is_announced_under_a_new_lineage_too(make, place, options):
    moved = replace(place, lineage="belief-1-def", baseline_end_day=make.start_day + 60)
    steps = [make.fields(place, step, [(*OLD, 72)]) for step in range(7, 12)]
    assert Telling(moved, options).tell(*steps).announced() == ["alert-provisional", "alert-confirmed"]
