"""Plan one AOI: which scenes there are, and what of them is to be done. It reads no pixel."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kpgeo.flows.watching.known import Before, reconcile
from kpgeo.flows.watching.scenes import Span, Work, closed_at_last_scene, edition, find, knows_history, span_of, work_of
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.calendar import day_of
from kpgeo.model.run import Gap
from kpgeo.model.scene import Scene, Sensor
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import StateHead, StateStore, Tables, Workspace


@dataclass(frozen=True, kw_only=True)
class SceneCount:
    """Scenes of one sensor: found, not yet folded in, folded in before, and duplicates that are not read."""

    sensor: Sensor
    found: int
    new: int
    applied: int
    dropped: int
    first_day: int
    last_day: int


@dataclass(frozen=True, kw_only=True)
class AoiPlan:
    """What a run would do for one AOI.

    Attributes
    ----------
    scenes, found : tuple of Scene
        All that are known, and those of them that this search found.
    unread : mapping
        Granules the search found and no run reads, by reason: `duplicate`, `cloudy`, `refused`, `outside`.
    withdrawn : tuple of Scene
        Known before, and no longer in the catalogues: folded out again.
    """

    watch: Watch = field(repr=False)
    span: Span
    scenes: tuple[Scene, ...] = field(repr=False)
    found: tuple[Scene, ...] = field(repr=False)
    counts: tuple[SceneCount, ...]
    unread: Mapping[str, int]
    gaps: tuple[Gap, ...]
    work: Work | None = field(repr=False)
    withdrawn: tuple[Scene, ...] = field(default=(), repr=False)


def plan_aoi(
    watch: Watch, state: StateStore, tables: Tables, *, since: dt.date | None = None, until: dt.date | None = None
) -> AoiPlan:
    """Plan one AOI: the scenes it has, those just found among them, and what of them is still to be folded in."""
    head = state.head()
    stored = {scene.id: scene for scene in tables.scenes(watch.aoi.id)}
    span = span_of(watch, head, since, until, is_history_known=knows_history(head, stored))
    search = find(watch, span, is_first=head.last_dekad is None)
    before = Before(
        scenes=stored,
        applied_ids=frozenset(text.partition(".")[0] for texts in _editions(head) for text in texts),
        kept_until_day=day_of(watch.pipeline.history.end) if head.is_fitted else 0,
    )
    known = reconcile(watch.aoi.id, before, search, span)
    scenes = known.scenes
    if until is None:
        span = closed_at_last_scene(span, watch, scenes)
    work = work_of(watch, head, scenes, span)
    applied = {text for texts in _editions(head) for text in texts}
    return AoiPlan(
        watch=watch,
        span=span,
        scenes=scenes,
        found=search.scenes,
        counts=_counts(search.scenes, applied),
        unread=search.reasons,
        gaps=(*search.gaps, *known.gaps),
        work=work,
        withdrawn=known.withdrawn,
    )


def _editions(head: StateHead) -> list[tuple[str, ...]]:
    """Return the editions the state holds: those folded in, and those the first baseline was learnt from."""
    return [*head.applied.values(), head.baseline_scenes]


def withdrawn_sentences(aoi_id: str, scenes: Iterable[Scene]) -> list[str]:
    """Say which scenes are no longer in the catalogues, a line each."""
    return [
        f"{aoi_id}: withdrawn: {scene.platform} of {scene.datetime:%Y-%m-%d %H:%M} is no longer in its catalogue "
        "and is folded out again."
        for scene in scenes
    ]


def open_workspace(pipeline: Pipeline, workspace: Path | None) -> Workspace:
    """Open the workspace a pipeline writes to, or another one."""
    folder = pipeline.path(pipeline.workspace) if workspace is None else workspace
    return Workspace(folder, database_url=pipeline.database)


def _counts(scenes: tuple[Scene, ...], applied: set[str]) -> tuple[SceneCount, ...]:
    """Count the scenes of each sensor."""
    counts = []
    for sensor in Sensor:
        of_sensor = [scene for scene in scenes if scene.sensor is sensor]
        if of_sensor:
            is_applied = Counter(edition(scene) in applied for scene in of_sensor)
            counts.append(
                SceneCount(
                    sensor=sensor,
                    found=len(of_sensor),
                    new=is_applied[False],
                    applied=is_applied[True],
                    dropped=sum(len(scene.dropped) for scene in of_sensor),
                    first_day=of_sensor[0].day,
                    last_day=of_sensor[-1].day,
                )
            )
    return tuple(counts)
