"""Which scenes a run must fold in: the arithmetic of late, new, re-edited and known scenes."""

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.flows.watching.scenes import (
    Span,
    closed_at_last_scene,
    edition,
    knows_history,
    monitored,
    span_of,
    spans_of,
    work_of,
)
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.calendar import day_of, dekad_of, dekad_start
from kpgeo.model.scene import Granule, Scene
from kpgeo.options.pipeline import CatalogSource, Pipeline
from kpgeo.store import StateHead, Workspace


@pytest.fixture(scope="module")
def watch(small_world: Path) -> Watch:
    (found,) = flows.open_watches(Pipeline.read(small_world / "pipeline.toml"))
    return found


@pytest.fixture(scope="module")
def scenes(watch: Watch, watched: Path) -> list[Scene]:
    tables = Workspace(watched).tables()
    try:
        return tables.scenes(watch.aoi.id)
    finally:
        tables.close()


def _head(watch: Watch, scenes: list[Scene], last_dekad: int) -> StateHead:
    """Return a header that says all scenes up to a dekad are folded in."""
    applied: dict[int, tuple[str, ...]] = {}
    for scene in scenes:
        if watch.first_dekad <= scene.dekad <= last_dekad:
            applied[scene.dekad] = (*applied.get(scene.dekad, ()), edition(scene))
    return StateHead(
        snapshot_id="S", is_fitted=True, first_dekad=watch.first_dekad - 1, last_dekad=last_dekad, applied=applied
    )


def _span(watch: Watch, until: str) -> Span:
    return Span(since_day=day_of(watch.pipeline.history.end), until_day=day_of(dt.date.fromisoformat(until)))


def test_the_first_run_learns_and_folds_everything(watch: Watch, scenes: list[Scene]) -> None:
    span = Span(since_day=day_of(watch.pipeline.history.start), until_day=day_of(dt.date(2023, 7, 1)))
    work = work_of(watch, StateHead(), scenes, span)
    assert work is not None
    assert work.is_first
    assert (work.first_dekad, work.last_dekad) == (watch.first_dekad, dekad_of(day_of(dt.date(2023, 6, 30))))
    assert [dekad for dekad, _ in work.by_dekad] == list(range(work.first_dekad, work.last_dekad + 1))
    assert len(work.history) + sum(len(now) for _, now in work.by_dekad) == len(scenes)
    assert max(scene.day for scene in work.history) < day_of(watch.pipeline.history.end)


def test_where_all_is_folded_in_there_is_no_work(watch: Watch, scenes: list[Scene]) -> None:
    head = _head(watch, scenes, dekad_of(day_of(dt.date(2023, 6, 30))))
    assert work_of(watch, head, scenes, _span(watch, "2023-07-01")) is None


def test_a_new_dekad_without_a_scene_is_work(watch: Watch, scenes: list[Scene]) -> None:
    head = _head(watch, scenes, dekad_of(day_of(dt.date(2023, 6, 30))))
    work = work_of(watch, head, scenes, _span(watch, "2023-07-08"))
    assert work is not None
    assert work.by_dekad == ((dekad_of(day_of(dt.date(2023, 7, 1))), ()),)


def test_a_late_scene_begins_the_work_at_its_dekad_and_ends_it_at_the_head(watch: Watch, scenes: list[Scene]) -> None:
    last = dekad_of(day_of(dt.date(2023, 6, 30)))
    late = next(scene for scene in scenes if scene.day > day_of(dt.date(2023, 3, 10)))
    head = _head(watch, [scene for scene in scenes if scene is not late], last)
    work = work_of(watch, head, scenes, _span(watch, "2023-04-01"))
    assert work is not None
    assert (work.first_dekad, work.last_dekad) == (late.dekad, last)
    folded = [scene for _, now in work.by_dekad for scene in now]
    assert late in folded
    assert folded == sorted(folded, key=lambda scene: scene.order)
    assert {scene.id for scene in folded} == {scene.id for scene in scenes if scene.dekad >= late.dekad}


def test_another_granule_of_a_known_scene_is_another_edition(watch: Watch, scenes: list[Scene]) -> None:
    last = dekad_of(day_of(dt.date(2023, 6, 30)))
    known = next(scene for scene in scenes if scene.day > day_of(dt.date(2023, 5, 1)))
    more = Granule(
        item={}, item_id="neighbour", provider="local", collection="c", tile="t", processing_baseline="", epsg=None,
        cloud_frac=None,
    )  # fmt: skip
    grown = dataclasses.replace(known, granules=(*known.granules, more))
    assert grown.id == known.id
    assert edition(grown) != edition(known)
    now = [grown if scene is known else scene for scene in scenes]
    work = work_of(watch, _head(watch, scenes, last), now, _span(watch, "2023-07-01"))
    assert work is not None
    assert work.first_dekad == known.dekad


def test_a_granule_reprocessed_under_its_old_id_is_another_edition(watch: Watch, scenes: list[Scene]) -> None:
    known = next(scene for scene in scenes if scene.sensor == "sentinel-2" and scene.day > day_of(dt.date(2023, 5, 1)))
    granules = tuple(dataclasses.replace(granule, processing_baseline="99.99") for granule in known.granules)
    again = dataclasses.replace(known, granules=granules)
    assert again.id == known.id
    now = [again if scene is known else scene for scene in scenes]
    head = _head(watch, scenes, dekad_of(day_of(dt.date(2023, 6, 30))))
    work = work_of(watch, head, now, _span(watch, "2023-07-01"))
    assert work is not None
    assert work.first_dekad == known.dekad


def test_an_unfinished_tile_is_taken_up_again(watch: Watch, scenes: list[Scene]) -> None:
    last = dekad_of(day_of(dt.date(2023, 6, 30)))
    head = dataclasses.replace(_head(watch, scenes, last), unfinished={"r0c0": last - 3, "r0c1": watch.first_dekad - 1})
    work = work_of(watch, head, scenes, _span(watch, "2023-07-01"))
    assert work is not None
    assert work.first_dekad == watch.first_dekad
    assert work.needs_fit("r0c1", watch.first_dekad)
    assert not work.needs_fit("r0c0", watch.first_dekad)


def test_since_leaves_out_what_was_never_folded_in(watch: Watch, scenes: list[Scene]) -> None:
    span = Span(since_day=day_of(dt.date(2023, 5, 1)), until_day=day_of(dt.date(2023, 7, 1)))
    chosen = monitored(watch, scenes, StateHead(), span)
    assert chosen
    assert min(scene.day for scene in chosen) >= span.since_day


def test_a_file_ends_with_its_last_scene_but_an_api_does_not(watch: Watch, scenes: list[Scene]) -> None:
    span = span_of(watch, StateHead(), None, None)
    assert span.since_day == day_of(watch.pipeline.history.start)
    assert span_of(watch, _head(watch, scenes, watch.first_dekad), None, None).since_day > span.since_day
    assert closed_at_last_scene(span, watch, scenes).until_day == scenes[-1].day + 1
    source = CatalogSource(url="https://stac.example/v1", collections=watch.pipeline.catalog[0].collections)
    live = dataclasses.replace(watch, pipeline=watch.pipeline.model_copy(update={"catalog": (source,)}))
    assert closed_at_last_scene(span, live, scenes) == span


def _refits(watch: Watch, scenes: list[Scene], head: StateHead, until: str, years: int = 1) -> list[tuple[int, int]]:
    """Return (epoch, dekads after the first) of the refits that are due."""
    history = watch.pipeline.history.model_copy(update={"refit_years": years})
    aged = dataclasses.replace(watch, pipeline=watch.pipeline.model_copy(update={"history": history}))
    work = work_of(aged, head, scenes, _span(watch, until))
    assert work is not None
    assert len(work.refit_dekads) == work.epoch + len(work.refits)
    return [(refit.epoch, refit.dekad - watch.first_dekad) for refit in work.refits]


def test_refits_are_due_where_they_fall_and_not_again(watch: Watch, scenes: list[Scene]) -> None:
    first = watch.first_dekad
    assert _refits(watch, scenes, StateHead(), "2025-06-01") == [(1, 36), (2, 72)]
    assert _refits(watch, scenes, StateHead(), "2025-06-01", years=2) == [(1, 72)]
    assert _refits(watch, scenes, StateHead(), "2025-06-01", years=0) == []
    assert _refits(watch, scenes, StateHead(), "2024-01-01") == [], "the day is not included"
    assert _refits(watch, scenes, StateHead(), "2024-01-02") == [(1, 36)]
    head = _head(watch, scenes, first + 36)
    assert _refits(watch, scenes, dataclasses.replace(head, last_dekad=first + 35), "2024-01-15") == [(1, 36)]
    begun = dataclasses.replace(head, refit_dekads=(first + 36,))
    assert _refits(watch, scenes, begun, "2024-01-15") == [], "the next dekad goes on with the baseline there is"
    again = dataclasses.replace(begun, unfinished={"r0c0": first + 36})
    assert _refits(watch, scenes, again, "2024-01-15") == [], "its first dekad is folded again from the same baseline"
    before = dataclasses.replace(begun, unfinished={"r0c0": first + 35})
    assert _refits(watch, scenes, before, "2024-01-15") == [(1, 36)]


def test_a_refit_reads_as_long_a_time_as_the_history(watch: Watch, scenes: list[Scene]) -> None:
    work = work_of(watch, StateHead(), scenes, _span(watch, "2025-06-01"))
    assert work is not None
    for refit in work.refits:
        until_day = dekad_start(refit.dekad)
        history = watch.pipeline.history
        assert until_day - refit.since_day == (history.end - history.start).days
        assert {s.id for s in refit.scenes} == {s.id for s in scenes if refit.since_day <= s.day < until_day}
        assert list(refit.scenes) == sorted(refit.scenes, key=lambda scene: scene.order)
        assert refit.believed_dekads.stop == refit.dekad
        assert refit.believed_dekads.start >= watch.first_dekad
    assert work.refits[1].is_all_monitored
    assert work.refits[1].believed_dekads.start == dekad_of(work.refits[1].since_day)


def test_a_window_that_reaches_into_the_history_reads_it_too(watch: Watch, scenes: list[Scene]) -> None:
    history = watch.pipeline.history.model_copy(update={"start": dt.date(2021, 1, 1)})
    longer = dataclasses.replace(watch, pipeline=watch.pipeline.model_copy(update={"history": history}))
    work = work_of(longer, StateHead(), scenes, _span(watch, "2024-06-01"))
    assert work is not None
    (refit,) = work.refits
    assert not refit.is_all_monitored
    assert refit.believed_dekads == range(watch.first_dekad, watch.first_dekad + 36)
    assert set(work.history) < set(refit.scenes)


def test_dekads_are_cut_where_a_refit_begins_to_hold(watch: Watch, scenes: list[Scene]) -> None:
    work = work_of(watch, StateHead(), scenes, _span(watch, "2025-06-01"))
    assert work is not None
    spans = list(spans_of(work.by_dekad, work.refits))
    assert [refit and refit.epoch for refit, _ in spans] == [None, 1, 2]
    assert [one for _, span in spans for one in span] == list(work.by_dekad)
    assert [span[0][0] for _, span in spans[1:]] == [refit.dekad for refit in work.refits]
    at_once = list(spans_of(work.by_dekad[36:], work.refits))
    assert [refit and refit.epoch for refit, _ in at_once] == [1, 2]
    assert list(spans_of((), ())) == []


def test_the_history_is_what_the_baseline_was_learnt_from(watch: Watch, scenes: list[Scene]) -> None:
    history = [scene for scene in scenes if scene.day < day_of(watch.pipeline.history.end)]
    learnt = tuple(edition(scene) for scene in history[1:])
    head = dataclasses.replace(_head(watch, scenes, watch.first_dekad + 5), baseline_scenes=learnt)
    work = work_of(watch, head, scenes, _span(watch, "2024-06-01"))
    assert work is not None
    assert list(work.history) == history[1:], "one that came after the baseline was learnt is no part of it"
    assert knows_history(head, [scene.id for scene in scenes])
    assert not knows_history(head, [scene.id for scene in history[2:]])
    assert not knows_history(StateHead(), [])
    span = span_of(watch, head, None, None, is_history_known=False)
    assert span.since_day == day_of(watch.pipeline.history.start)
