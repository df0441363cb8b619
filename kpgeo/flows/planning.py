"""Plan one AOI: which scenes there are, and what of them is to be done. It reads no pixel."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kpgeo.flows.scenes import Span, Work, closed_at_last_scene, edition, find, knows_history, span_of, work_of
from kpgeo.flows.watch import Watch
from kpgeo.model.run import Gap
from kpgeo.model.scene import Scene, Sensor
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import StateStore, Tables, Workspace


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
    """

    watch: Watch = field(repr=False)
    span: Span
    scenes: tuple[Scene, ...] = field(repr=False)
    found: tuple[Scene, ...] = field(repr=False)
    counts: tuple[SceneCount, ...]
    unread: Mapping[str, int]
    gaps: tuple[Gap, ...]
    work: Work | None = field(repr=False)


def plan_aoi(
    watch: Watch, state: StateStore, tables: Tables, *, since: dt.date | None = None, until: dt.date | None = None
) -> AoiPlan:
    """Plan one AOI: the scenes it has, those just found among them, and what of them is still to be folded in."""
    head = state.head()
    stored = {scene.id: scene for scene in tables.scenes(watch.aoi.id)}
    span = span_of(watch, head, since, until, is_history_known=knows_history(head, stored))
    search = find(watch, span, is_first=head.last_dekad is None)
    known = stored | {scene.id: scene for scene in search.scenes}
    scenes = sorted(known.values(), key=lambda scene: scene.order)
    if until is None:
        span = closed_at_last_scene(span, watch, scenes)
    work = work_of(watch, head, scenes, span)
    applied = {text for texts in [*head.applied.values(), head.baseline_scenes] for text in texts}
    return AoiPlan(
        watch=watch,
        span=span,
        scenes=tuple(scenes),
        found=search.scenes,
        counts=_counts(search.scenes, applied),
        unread=search.reasons,
        gaps=search.gaps,
        work=work,
    )


def open_workspace(pipeline: Pipeline, workspace: Path | None) -> Workspace:
    """Open the workspace a pipeline writes to, or another one."""
    return Workspace(pipeline.path(pipeline.workspace) if workspace is None else workspace)


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
