"""What a search says of scenes known before: which are new, which are gone, and when an answer is not believed."""

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from kpgeo.catalog import Answer, Search
from kpgeo.flows.watching.known import Before, reconcile
from kpgeo.flows.watching.scenes import Span
from kpgeo.model.scene import Granule, Scene, Sensor

S2, S1 = Sensor.SENTINEL2, Sensor.SENTINEL1
FIRST = 19_700
SPAN = Span(since_day=FIRST, until_day=FIRST + 400)


def granule(item: str, provider: str = "one.example", tile: str = "29PQK") -> Granule:
    return Granule(
        item={"assets": {}}, item_id=item, provider=provider, collection="l2a", tile=tile, processing_baseline="05.10",
        epsg=32629, cloud_frac=None,
    )  # fmt: skip


def scene(number: int, *granules: Granule, sensor: Sensor = S2, seconds: int = 0) -> Scene:
    moment = dt.datetime.fromtimestamp((FIRST + 5 * number) * 86_400 + 39_000 + seconds, dt.UTC)
    return Scene(
        sensor=sensor, platform="sentinel-2a", datetime=moment, relative_orbit=51, orbit_state="",
        granules=granules or (granule(f"item-{number}"),), footprint=box(0, 0, 1, 1),
    )  # fmt: skip


def searched(*scenes: Scene, is_full: bool = True, items: int | None = None, refused=(), sensor: Sensor = S2) -> Search:
    answer = Answer(
        source=0, sensor=sensor, provider="one.example", collection="l2a", is_full=is_full,
        items=len(scenes) if items is None else items,
    )  # fmt: skip
    return Search(
        scenes=scenes, gaps=(), items_seen=len(scenes), dropped=0, answers=(answer,), refused_ids=frozenset(refused)
    )


def before(*scenes: Scene, applied: bool = True, kept_until: int = 0) -> Before:
    by_id = {one.id: one for one in scenes}
    return Before(
        scenes=by_id, applied_ids=frozenset(by_id) if applied else frozenset(), kept_until_day=FIRST + kept_until
    )


MANY = [scene(number) for number in range(20)]


@pytest.mark.fault(19)
def test_a_scene_that_a_full_answer_leaves_out_is_withdrawn():
    known = reconcile("aoi", before(*MANY), searched(*MANY[1:]), SPAN)
    assert known.withdrawn == (MANY[0],)
    assert known.scenes == tuple(MANY[1:])
    assert known.gaps == ()


@pytest.mark.fault(19)
@pytest.mark.parametrize("is_applied", [True, False])
def test_an_answer_that_broke_off_withdraws_nothing(is_applied):
    found = searched(*MANY[:3], is_full=False)
    known = reconcile("aoi", before(*MANY, applied=is_applied), found, SPAN)
    assert (known.withdrawn, known.scenes, known.gaps) == ((), tuple(MANY), ())


@pytest.mark.fault(19)
def test_what_was_not_searched_is_not_withdrawn():
    late = Span(since_day=FIRST + 50, until_day=FIRST + 60)
    known = reconcile("aoi", before(*MANY), searched(MANY[10]), late)
    assert known.withdrawn == (MANY[11],), "of day 55; those of the days before and after were not asked for"
    assert reconcile("aoi", before(*MANY), searched(items=9, sensor=S1), SPAN).withdrawn == (), "another sensor"
    assert reconcile("aoi", before(*MANY, kept_until=100), searched(*MANY[1:]), SPAN).withdrawn == (), "history"


@pytest.mark.fault(24)
def test_a_collection_that_is_suddenly_empty_is_a_gap_and_withdraws_nothing():
    known = reconcile("aoi", before(*MANY), searched(items=0), SPAN)
    assert (known.withdrawn, known.scenes) == ((), tuple(MANY))
    assert [gap.reason for gap in known.gaps] == ["catalogue-empty: one.example: l2a"]
    assert reconcile("aoi", before(), searched(items=0), SPAN).gaps == (), "where nothing was, nothing is missed"


@pytest.mark.fault(24)
def test_a_catalogue_that_forgets_much_at_once_is_not_believed():
    known = reconcile("aoi", before(*MANY), searched(*MANY[5:]), SPAN)
    assert (known.withdrawn, known.scenes) == ((), tuple(MANY))
    assert [gap.reason for gap in known.gaps] == ["withdrawal-doubted: 5 of 20 scenes are no longer named"]
    assert reconcile("aoi", before(*MANY), searched(*MANY[4:]), SPAN).withdrawn == tuple(MANY[:4]), (
        "a fifth is believed"
    )


@pytest.mark.fault(24)
def test_items_that_are_there_and_cannot_be_used_are_not_gone():
    known = reconcile("aoi", before(*MANY), searched(*MANY[1:], refused=["item-0"]), SPAN)
    assert (known.withdrawn, known.scenes) == ((), tuple(MANY))


@pytest.mark.fault(18)
def test_a_pass_under_another_id_is_replaced_and_never_counted_twice():
    moved = [scene(number, seconds=300) for number in range(20)]
    assert not {one.id for one in moved} & {one.id for one in MANY}
    known = reconcile("aoi", before(*MANY), searched(*moved), SPAN)
    assert (known.withdrawn, known.scenes, known.gaps) == (tuple(MANY), tuple(moved), ())
    held = reconcile("aoi", before(*MANY), searched(*moved, is_full=False), SPAN)
    assert (held.withdrawn, held.scenes) == ((), tuple(MANY)), "but not on the word of half an answer"


@pytest.mark.fault(24)
def test_a_stand_in_does_not_take_over_what_was_read_and_gives_alternatives_and_what_is_new():
    theirs = [scene(number, granule(f"their-{number}", "two.example")) for number in range(21)]
    known = reconcile("aoi", before(*MANY), searched(*theirs, is_full=False), SPAN)
    assert [one.granules[0].item_id for one in known.scenes] == [*(f"item-{n}" for n in range(20)), "their-20"]
    assert known.scenes[3].granules[0].alternatives == (granule("their-3", "two.example"),)
    again = reconcile("aoi", before(*known.scenes), searched(*theirs, is_full=False), SPAN)
    assert again == known, "days later nothing is added a second time"
    unread = reconcile("aoi", before(*MANY, applied=False), searched(*theirs, is_full=False), SPAN)
    assert unread.scenes[3].granules[0].item_id == "their-3", "what was never read is tried where there is an answer"
    assert unread.scenes[3].granules[0].alternatives == (granule("item-3"),)


@pytest.mark.fault(19)
@given(
    here=st.sets(st.integers(0, 19)),
    there=st.sets(st.integers(0, 24), min_size=1),
    is_full=st.booleans(),
    seed=st.integers(0, 99),
)
def test_no_scene_is_both_known_and_withdrawn_and_the_order_says_nothing(here, there, is_full, seed):
    old, new = [scene(number) for number in here], [scene(number) for number in there]
    known = reconcile("aoi", before(*old), searched(*new, is_full=is_full), SPAN)
    assert not set(known.scenes) & set(known.withdrawn)
    assert set(known.scenes) | set(known.withdrawn) == {*old, *new}
    assert list(known.scenes) == sorted(known.scenes, key=lambda one: one.order)
    if not is_full:
        assert known.withdrawn == ()
    for some in (old, new):
        random.Random(seed).shuffle(some)
    assert reconcile("aoi", before(*old), searched(*new, is_full=is_full), SPAN) == known
