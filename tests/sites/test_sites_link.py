"""Change objects to sites: one place one site, stable ids, a life told by events."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import from_wkb, to_wkb

from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import digest
from kpgeo.model.site import SiteStatus
from kpgeo.sites import link_sites, outline_changes

A = (slice(4, 8), slice(4, 8))  # 0.16 ha in the west
B = (slice(4, 8), slice(20, 24))  # 0.16 ha, 120 m to the east of A
BRIDGE = (slice(5, 7), slice(8, 20))


def _only(found):
    (site,) = found.sites
    return site


def test_a_new_working_opens_a_site(make, place, run):
    found = run(make.fields(place, 1, [(*A, 12)]))
    site = _only(found)
    assert found.events == [["opened"]]
    assert found.news[0].day == site.opened_day == make.start_day + 12
    assert (site.status, site.hits, site.looked_dekads, site.misses) == (SiteStatus.ACTIVE, 1, 1, 0)
    assert site.geometry.geom_type == "MultiPolygon"


def test_old_workings_found_a_site_without_an_event(make, place, run):
    old, at_start = make.fields(place, 0, [(*A, -190)]), make.fields(place, 0, [(*A, 0)])
    assert run(old).events == [[]]
    assert _only(run(old)).status is SiteStatus.PAUSED
    assert _only(run(old)).opened_day == make.start_day - 190
    assert run(at_start).events == [[]]
    undated = make.fields(place, 0, [(*A, 0)])
    undated.onset_day[:] = 0
    assert run(undated).events == [[]]
    assert _only(run(undated)).opened_day == make.start_day


def test_one_old_pixel_does_not_make_a_fresh_working_old(make, place, run):
    found = run(make.fields(place, 1, [(*A, 12), (4, 4, -100)]))
    assert found.events == [["opened"]]
    assert _only(found).opened_day == make.start_day + 12


def test_fifty_detections_in_one_pit_field_are_one_site(make, run):
    place = make.place(60, 120)
    pits = [(slice(r, r + 3), slice(c, c + 2), 12) for r in range(2, 42, 8) for c in range(4, 80, 8)]
    fields = make.fields(place, 1, pits)
    assert len(outline_changes(fields, place, make.options())) == 50
    site = _only(run(fields, at=place))
    assert site.area.ha == pytest.approx(50 * 0.06, rel=3e-3)


def test_places_farther_apart_than_the_join_are_two_sites(make, place, run):
    assert len(run(make.fields(place, 1, [(*A, 12), (*B, 13)])).sites) == 2


def test_the_id_survives_a_back_dated_onset_and_a_moved_seed(make, place, run):
    before = run(make.fields(place, 1, [(*A, 12)]))
    after = run(make.fields(place, 2, [(*A, 12), (6, 8, 7), (6, 7, 7)]), previous=before.sites)
    assert _only(after).id == _only(before).id
    assert (_only(after).seed_row, _only(after).seed_col) == (4, 4)
    assert _only(after).opened_day == make.start_day + 7
    assert _only(after).hits == 2


def test_growth_adds_up_until_it_counts(make, place, run):
    """0.02 ha, then 0.02 more: no news; 0.02 more: 0.06 ha since the last growth."""
    steps = [make.fields(place, 1, [(*A, 12)])]
    for step in (2, 3, 4):
        more = [(slice(4, 6), 6 + k, 10 * k + 3) for k in range(2, step + 1)]
        steps.append(make.fields(place, step, [(*A, 12), *more]))
    found = run(*steps)
    assert found.events == [["opened"], [], [], ["grew"]]
    assert _only(found).grown_day == make.start_day + 43


def test_ground_that_was_dug_before_but_seen_late_is_growth(make, place, run):
    """A wing of 0.08 ha, dug when the rest was, is believed two dekads later."""
    wing = (slice(4, 8), slice(8, 10), 11)
    found = run(
        make.fields(place, 1, [(*A, 12)]), make.fields(place, 2, [(*A, 12)]), make.fields(place, 3, [(*A, 12), wing])
    )
    assert found.events == [["opened"], [], ["grew"]]
    assert _only(found).grown_day == make.start_day + 12


def test_a_site_pauses_without_growth_and_resumes_with_it(make, place, run):
    idle = [make.fields(place, step, [(*A, 12)]) for step in range(1, 9)]
    sooner = make.options(pause_days=60)
    found = run(*idle, by=sooner)
    assert found.events == [["opened"], [], [], [], [], [], ["paused"], []]
    again = make.fields(place, 9, [(*A, 12), (slice(4, 8), slice(8, 10), 85)])
    more = run(again, previous=found.sites, by=sooner)
    assert more.events == [["grew", "resumed"]]
    assert _only(more).status is SiteStatus.ACTIVE
    assert _only(more).geometry.area > _only(found).geometry.area


def test_nothing_changes_where_nobody_looked(make, place, run):
    before = run(make.fields(place, 1, [(*A, 12)]))
    blind = [make.fields(place, step, [], looks=0) for step in range(2, 12)]
    after = run(*blind, previous=before.sites)
    assert after.events == [[]] * 10
    expected = replace(_only(before), dekad=make.first_dekad + 11, look_frac=0.0, looks=0.0)
    assert _only(after) == expected
    still = run(make.fields(place, 2, [(*A, 12)], looks=0), previous=before.sites)
    assert _only(still) == replace(_only(before), dekad=make.first_dekad + 2, look_frac=0.0, looks=0.0)


def test_nothing_is_founded_where_nobody_looked(make, place, run):
    assert run(make.fields(place, 1, [(*A, 12)], looks=0)).sites == []


def test_a_site_closes_after_looked_dekads_without_mining_and_keeps_its_extent(make, place, run, options):
    before = run(make.fields(place, 1, [(*A, 12)]))
    looks = [1, 0, 1, 1, 0, 1, 1]
    after = run(*(make.fields(place, 2 + n, [], looks=look) for n, look in enumerate(looks)), previous=before.sites)
    assert after.events == [[], [], [], [], [], ["closed"], []]
    site = _only(after)
    assert (site.status, site.misses, site.looked_dekads, site.hits) == (SiteStatus.CLOSED, 4, 5, 1)
    assert site.geometry == _only(before).geometry
    assert site.area.ha == 0.0
    assert site.peak_area_ha == _only(before).area.ha


def test_the_area_of_a_working_that_is_seen_no_more_fades_with_its_belief(make, place, run, options):
    """The filter goes on telling what share of the ground was mined; nobody believes it any more."""
    before = run(make.fields(place, 1, [(*A, 12)]))
    assert _only(before).area.ha == pytest.approx(0.16, rel=2e-3)
    for prob, expected_ha in ((0.6, 0.16), (0.4, 0.16 * 0.8), (0.01, 0.16 * 0.02)):  # held against grow_prob, 0.5
        after = run(make.fields(place, 2, [(*A, 12)], prob=prob), previous=before.sites)
        assert _only(after).misses == 1
        assert _only(after).area.ha == pytest.approx(expected_ha, rel=2e-3)
        assert _only(after).area.high_ha <= 0.1602
    gone = run(*(make.fields(place, step, [(*A, 12)], prob=0.01) for step in range(2, 6)), previous=before.sites)
    assert _only(gone).status is SiteStatus.CLOSED
    assert _only(gone).area.ha == pytest.approx(0.16 * 0.02, rel=2e-3)


def test_growth_is_measured_as_the_area_is(make, place, run):
    """0.06 ha dug anew is growth (0.05 ha), however doubtful the whole: 0.7 of it would be none."""
    loose = make.options(seed_prob=0.6, grow_ha=0.05)
    wing = (slice(4, 6), slice(8, 11), 25)
    steps = [make.fields(place, 1, [(*A, 12)], prob=0.7), make.fields(place, 3, [(*A, 12), wing], prob=0.7)]
    found = run(*steps, by=loose)
    assert found.events == [["opened"], ["grew"]]
    assert _only(found).grown_day == make.start_day + 25
    # the area alone would not have told: the wing comes as an equal share of the rest goes
    moved = make.fields(place, 3, [(slice(4, 8), slice(4, 6), 12), (slice(4, 6), slice(6, 8), 12), wing], prob=0.7)
    assert run(steps[0], moved, by=loose).events == [["opened"], ["grew"]]


def test_a_site_is_as_sure_as_its_change_objects_are(make, place, run):
    """A sure pit and a doubtful patch as large and half as mined, 30 m apart: by area, 0.16 ha of 0.95 and 0.08 of 0.9.

    Each is held against the days of its own pixels, not of all.
    """
    fields = make.fields(place, 1, [(*A, 2), (slice(4, 8), slice(11, 15), 19)])
    fields.mined_prob[4:8, 11:15], fields.mined_frac[4:8, 11:15] = 0.9, 0.5
    found = run(fields)
    assert _only(found).confidence == pytest.approx((0.95 * 0.16 + 0.9 * 0.08) / 0.24)
    at_once = run(fields, by=make.options(sudden_nats=2.0, sudden_days=10))
    shifted = [odds / (odds + np.e) for odds in (19.0, 9.0)]
    assert _only(at_once).confidence == pytest.approx((shifted[0] * 0.16 + shifted[1] * 0.08) / 0.24, rel=1e-5)


def test_a_hit_in_between_starts_the_misses_anew(make, place, run):
    steps = [[(*A, 12)], [], [], [], [(*A, 12)], [], [], []]
    found = run(*(make.fields(place, 1 + n, spots) for n, spots in enumerate(steps)))
    assert all("closed" not in news for news in found.events)
    assert _only(found).misses == 3


def test_a_closed_site_dug_again_is_the_same_site_with_fresh_counts(make, place, run):
    steps = [[(*A, 12)], [], [], [], [], [(*A, 62)]]
    found = run(*(make.fields(place, 1 + n, spots) for n, spots in enumerate(steps)))
    assert found.events[-2:] == [["closed"], ["grew", "resumed"]]
    site = _only(found)
    assert (site.hits, site.looked_dekads, site.misses, site.status) == (1, 1, 0, SiteStatus.ACTIVE)


def test_a_paused_site_keeps_the_extent_of_its_last_growth(make, place, run):
    sooner = make.options(pause_days=60)
    found = run(*(make.fields(place, step, [(*A, 12)]) for step in range(1, 9)), by=sooner)
    shrunk = run(make.fields(place, 9, [(slice(4, 7), slice(4, 8), 12)]), previous=found.sites, by=sooner)
    assert _only(shrunk).status is SiteStatus.PAUSED
    assert _only(shrunk).geometry == _only(found).geometry
    assert _only(shrunk).area.ha < _only(found).area.ha


def test_two_sites_that_grow_together_become_the_older_one(make, place, run):
    before = run(make.fields(place, 1, [(*A, 12), (*B, 11)]))
    older = min(before.sites, key=lambda site: site.opened_day)
    after = run(make.fields(place, 2, [(*A, 12), (*B, 11), (*BRIDGE, 22)]), previous=before.sites)
    assert after.events == [["merged", "grew"]] or after.events == [["grew", "merged"]]
    (kept,) = [site for site in after.sites if not site.merged_into]
    (gone,) = [site for site in after.sites if site.merged_into]
    assert kept.id == older.id == gone.merged_into
    assert gone.status is SiteStatus.CLOSED
    merged = next(event for event in after.news if event.kind == "merged")
    assert (merged.site_id, merged.other_id) == (gone.id, older.id)
    later = run(make.fields(place, 3, [(*A, 12), (*B, 11), (*BRIDGE, 22)]), previous=after.sites)
    assert {site.id for site in later.sites} == {kept.id, gone.id}
    assert later.events == [[]]


def test_sites_do_not_merge_unseen(make, place, run):
    before = run(make.fields(place, 1, [(*A, 12), (*B, 11)]))
    after = run(make.fields(place, 2, [(*A, 12), (*B, 11), (*BRIDGE, 22)], looks=0), previous=before.sites)
    assert not any(site.merged_into for site in after.sites)
    assert after.events == [[]]


def test_a_site_that_falls_apart_widely_splits_and_its_part_is_no_younger(make, run):
    place = make.place(20, 60)
    far = (slice(4, 7), slice(40, 44))
    link = (slice(5, 6), slice(8, 40))
    before = run(make.fields(place, 1, [(*A, 12), (*far, 19), (*link, 12)]), at=place)
    parent = _only(before)
    after = run(make.fields(place, 2, [(*A, 12), (*far, 19)]), at=place, previous=before.sites)
    assert after.events == [["split"]]
    (part,) = [site for site in after.sites if site.id != parent.id]
    assert after.news[0].other_id == parent.id
    assert part.opened_day == parent.opened_day
    again = run(make.fields(place, 3, [(*A, 12), (*far, 19)]), at=place, previous=after.sites)
    assert again.events == [[]]
    assert {site.id for site in again.sites} == {part.id, parent.id}


def test_a_site_that_falls_apart_a_little_stays_one(make, place, run):
    """The parts are 120 m apart: too far to join, too near to split."""
    before = run(make.fields(place, 1, [(*A, 12), (*B, 11), (*BRIDGE, 12)]))
    after = run(make.fields(place, 2, [(*A, 12), (*B, 11)]), previous=before.sites)
    assert after.events == [[]]
    assert _only(after).area.ha == pytest.approx(0.32, rel=2e-3)


def test_an_id_follows_from_the_place_and_not_from_what_else_is_known(make, place, run):
    alone = run(make.fields(place, 1), make.fields(place, 2, [(*A, 12)]))
    beside = run(make.fields(place, 1, [(*B, 3)]), make.fields(place, 2, [(*B, 3), (*A, 12)]))
    assert len(beside.sites) == 2
    assert _only(alone).id in {site.id for site in beside.sites}


def test_digging_beside_a_site_belongs_to_it(make, place, run):
    before = run(make.fields(place, 1, [(*A, 12)]))
    beside = (slice(4, 8), slice(12, 15))
    after = run(make.fields(place, 2, [(*beside, 22)]), previous=before.sites)
    assert _only(after).id == _only(before).id


def test_a_seed_that_founded_a_site_before_founds_another_under_a_new_id(make, place, run):
    """The site moves off its first pixel by steps; fresh digging dated like the first founds a site of its own."""
    steps = [(*A, 12)], [(*A, 12), (*BRIDGE, 12)], [(*BRIDGE, 12)], [(slice(5, 7), slice(17, 22), 12)]
    before = run(*(make.fields(place, 1 + n, spots) for n, spots in enumerate(steps)))
    after = run(make.fields(place, 5, [(slice(5, 7), slice(17, 22), 12), (*A, 12)]), previous=before.sites)
    assert len({site.id for site in after.sites}) == len(after.sites) == 2


def test_fields_of_another_grid_are_refused(make, place, options):
    with pytest.raises(BadInputError, match="shape"):
        link_sites([], [], make.fields(make.place(height=30), 0), place, options)


LINK_FIELDS = {
    "join_m": 130.0,
    "split_m": 100.0,
    "field_m": 400.0,
    "min_look_frac": 0.9,
    "opened_frac": 0.9,
    "grow_ha": 2.0,
    "pause_days": 15,
    "close_looks": 1,
}


@pytest.mark.parametrize(("name", "value"), LINK_FIELDS.items())
def test_every_option_changes_something(make, place, run, name, value):
    whole = [(*A, 12), (*B, 11), (*BRIDGE, 14)]
    lone = (slice(24, 27), slice(22, 25), 12)
    history = [make.fields(place, 1, [*whole, lone]), make.fields(place, 2, [*whole[:2], (25, slice(2, 12), 25)])]
    history.append(make.fields(place, 3, [(*A, 12), (slice(4, 8), slice(8, 12), 35)]))
    history[2].looks[:6] = 0
    assert getattr(make.options(), name) != value
    plain, moved = run(*history), run(*history, by=make.options(**{name: value}))
    assert (plain.rows, plain.events) != (moved.rows, moved.events)


def test_a_field_distance_that_is_not_used_leaves_the_digest_of_the_options_as_it_was(make):
    kept = {name: value for name, value in make.options().model_dump().items() if name != "field_m"}
    plain = make.options()
    assert plain.digest() == digest("SiteOptions", kept)[:12]
    assert make.options(field_m=150.0).digest() != plain.digest()


def _history(make, place, seed, length=6):
    """Random patches that come, grow and go, some dekads unseen."""
    rng = np.random.default_rng(seed)
    history = []
    for step in range(length):
        corners = rng.integers(0, 34, (rng.integers(0, 5), 2))
        spots = [(slice(r, r + 4), slice(c, c + 5), int(rng.integers(1, 10 * step + 10))) for r, c in corners]
        history.append(make.fields(place, step, spots, looks=int(rng.integers(0, 3))))
    return history


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_input_does_not_show(make, seed):
    place, options, shuffle = make.place(), make.options(), random.Random(seed)
    sites, mixed = [], []
    for fields in _history(make, place, seed):
        changes = outline_changes(fields, place, options)
        sites, events = link_sites(sites, changes, fields, place, options)
        shuffle.shuffle(mixed)
        mixed, others = link_sites(mixed, shuffle.sample(changes, len(changes)), fields, place, options)
        assert (mixed, others) == (sites, events)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_sites_keep_their_promises(make, seed):
    """Ids stay and are unique, no ground belongs to two open sites that were seen, counts move together."""
    place, options, sites = make.place(), make.options(), []
    for fields in _history(make, place, seed):
        before = {site.id: site for site in sites}
        sites, events = link_sites(sites, outline_changes(fields, place, options), fields, place, options)
        assert set(before) <= {site.id for site in sites}
        assert len({site.id for site in sites}) == len(sites)
        assert len({event.id for event in events}) == len(events)
        for site in sites:
            assert site.dekad == fields.dekad
            assert site.geometry.is_valid
            assert site.hits <= site.looked_dekads
            assert site.misses <= options.close_looks
            assert 0.0 <= site.area.low_ha <= site.area.ha <= site.area.high_ha
            if site.id in before and (fields.looks == 0).all():
                assert site == replace(before[site.id], dekad=site.dekad, look_frac=0.0, looks=0.0)


def test_sites_read_back_from_their_bytes_link_alike(make):
    """What a separate run reads back is equal and gives the same next step."""
    place, options = make.place(), make.options()
    sites, copied = [], []
    for fields in _history(make, place, 7):
        changes = outline_changes(fields, place, options)
        sites, _ = link_sites(sites, changes, fields, place, options)
        copied, _ = link_sites(copied, changes, fields, place, options)
        assert copied == sites
        copied = [replace(site, geometry=from_wkb(to_wkb(site.geometry))) for site in copied]
