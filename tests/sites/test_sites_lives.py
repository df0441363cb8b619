"""Linking over runs, on random lives: ids are stable, no site is lost, ground is not counted twice."""

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kpgeo.model.site import SiteEventKind, SiteStatus
from kpgeo.sites import link_sites, outline_changes

FIELDS = st.sampled_from([0.0, 150.0])
LIVES = st.integers(0, 100_000)


def _life(make, place, seed, length=7):
    """Random digging: places that open, spread, are joined by a trench, rest and are given up; some dekads unseen."""
    rng = np.random.default_rng(seed)
    spots, history = [], []
    for step in range(length):
        spots = [spot for spot in spots if rng.random() > 0.12]
        for row, col in rng.integers(0, 34, (rng.integers(0, 4), 2)):
            opened = (
                int(rng.integers(-30, 10 * step + 1)) if step < 2 else int(rng.integers(10 * step - 8, 10 * step + 9))
            )
            spots.append((slice(row, row + rng.integers(3, 6)), slice(col, col + rng.integers(3, 6)), opened))
        trench = [(20, slice(4, 34), 10 * step)] if rng.random() < 0.15 else []
        history.append(make.fields(place, step, [*spots, *trench], looks=int(rng.random() > 0.2)))
    return history


def _step(sites, fields, place, options):
    return link_sites(sites, outline_changes(fields, place, options), fields, place, options)


def _walk(history, place, options, sites=()):
    """Return the sites after each dekad, and all events."""
    sites, rows, events = list(sites), [], []
    for fields in history:
        sites, news = _step(sites, fields, place, options)
        rows.append(sites)
        events.append(news)
    return rows, events


@settings(max_examples=15, deadline=None)
@given(field_m=FIELDS, seed=LIVES, cut=st.integers(1, 6))
def test_a_run_split_in_two_gives_the_sites_of_one(make, field_m, seed, cut):
    """The second run starts from what the first one stored, in any order, and nothing else."""
    place, options = make.place(), make.options(field_m=field_m)
    history = _life(make, place, seed)
    whole, all_events = _walk(history, place, options)
    first, _ = _walk(history[:cut], place, options)
    stored = [replace(site, geometry=shapely.from_wkb(shapely.to_wkb(site.geometry))) for site in first[-1]]
    second, events = _walk(history[cut:], place, options, reversed(stored))
    assert second == whole[cut:]
    assert events == all_events[cut:]


@settings(max_examples=15, deadline=None)
@given(field_m=FIELDS, seed=LIVES, late=st.integers(1, 6))
def test_a_scene_that_arrives_late_leads_to_what_it_would_have_in_time(make, field_m, seed, late):
    """The first run had not seen the dekad; the second goes back to it, from the sites of the dekad before."""
    place, options = make.place(), make.options(field_m=field_m)
    history = _life(make, place, seed)
    blind = [replace(f, looks=np.zeros_like(f.looks)) if n == late else f for n, f in enumerate(history)]
    early, _ = _walk(blind, place, options)
    in_time, events = _walk(history, place, options)
    again, later = _walk(history[late:], place, options, early[late - 1])
    assert again == in_time[late:]
    assert later == events[late:]


@settings(max_examples=30, deadline=None)
@given(field_m=FIELDS, seed=LIVES)
def test_no_site_that_was_ever_there_is_lost(make, field_m, seed):
    """Each is found as itself or in the site it was merged into; and each event names sites that are there."""
    place, options = make.place(), make.options(field_m=field_m)
    rows, events = _walk(_life(make, place, seed), place, options)
    known: set[str] = set()
    for sites, news in zip(rows, events, strict=True):
        by_id = {site.id: site for site in sites}
        assert len(by_id) == len(sites)
        assert known <= set(by_id)
        known = set(by_id)
        for site in sites:
            end, steps = site, 0
            while end.merged_into:
                assert end.status is SiteStatus.CLOSED
                end, steps = by_id[end.merged_into], steps + 1
                assert steps <= len(sites), "merged in a ring"
        for event in news:
            assert event.site_id in by_id
            assert (event.other_id in by_id) == (event.kind in {SiteEventKind.SPLIT, SiteEventKind.MERGED})
            if event.kind is SiteEventKind.MERGED:
                assert by_id[event.site_id].merged_into == event.other_id
                assert not by_id[event.other_id].merged_into, "merged into one that stands"


@settings(max_examples=30, deadline=None)
@given(field_m=FIELDS, seed=LIVES)
def test_ground_is_held_once_and_areas_add_up(make, field_m, seed):
    """In a dekad that was seen whole, the sites seen mined hold each change object once, and all of them."""
    place, options = make.place(), make.options(field_m=field_m)
    sites = []
    for fields in _life(make, place, seed):
        changes = outline_changes(fields, place, options)
        sites, _ = link_sites(sites, changes, fields, place, options)
        if not fields.looks.all():
            continue
        hit = [
            site for site in sites if not site.merged_into and site.status is not SiteStatus.CLOSED and not site.misses
        ]
        assert sum(site.area.ha for site in hit) == pytest.approx(sum(change.area.ha for change in changes), abs=1e-6)
        active = [site.geometry for site in hit if site.status is SiteStatus.ACTIVE]
        shared = sum(shape.area for shape in active) - shapely.union_all(active).area if active else 0.0
        assert abs(shared) < 1e-11  # square degrees: some tenths of a square metre


@settings(max_examples=30, deadline=None)
@given(field_m=FIELDS, seed=LIVES)
def test_a_site_opens_once_at_most_and_grows_no_younger(make, field_m, seed):
    place, options = make.place(), make.options(field_m=field_m)
    rows, events = _walk(_life(make, place, seed), place, options)
    opened = [event.site_id for news in events for event in news if event.kind is SiteEventKind.OPENED]
    assert len(opened) == len(set(opened))
    days: dict[str, int] = {}
    for sites in rows:
        for site in sites:
            assert site.opened_day <= days.get(site.id, site.opened_day)
            days[site.id] = site.opened_day
    old = {event.site_id for news in events for event in news if event.kind is SiteEventKind.OPENED}
    for site in rows[0]:
        if site.opened_day <= place.baseline_end_day:
            assert site.id not in old


@settings(max_examples=15, deadline=None)
@given(seed=LIVES)
def test_what_is_dug_in_a_life_moves_with_its_place_and_not_with_its_lineage(make, seed):
    """Another lineage gives other ids, and the same sites."""
    place, options = make.place(), make.options()
    history = _life(make, place, seed, length=5)
    one, _ = _walk(history, place, options)
    other, _ = _walk(history, replace(place, lineage="belief-9-xyz"), options)
    assert {site.id for site in one[-1]}.isdisjoint(site.id for site in other[-1])

    def shown(sites):
        return sorted((site.seed_row, site.seed_col, site.opened_day, site.area.ha, site.status) for site in sites)

    assert shown(one[-1]) == shown(other[-1])
