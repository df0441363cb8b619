"""Plan: say what a run would read, and read no pixel."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpgeo.flows.scenes import Refit, Span, Work, closed_at_last_scene, edition, find, knows_history, span_of, work_of
from kpgeo.flows.unwatched import left_out_content, left_out_sentences
from kpgeo.flows.watch import Progress, Watch, open_watches, silent
from kpgeo.model.calendar import date_of, dekad_label
from kpgeo.model.run import Gap
from kpgeo.model.scene import Scene, Sensor
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import StateStore, Tables, Workspace

_MIB = 2**20
_BYTES_PER_SAMPLE = 2


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
    read_bytes : int
        Decoded size of the windows that would be read, an upper bound.
    """

    watch: Watch = field(repr=False)
    span: Span
    scenes: tuple[Scene, ...] = field(repr=False)
    counts: tuple[SceneCount, ...]
    gaps: tuple[Gap, ...]
    work: Work | None = field(repr=False)
    tiles: int
    read_bytes: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would do."""

    pipeline: str
    aois: tuple[AoiPlan, ...]

    def rows(self) -> list[tuple[object, ...]]:
        """Return one row for each AOI and sensor, for a table."""
        return [
            (
                one.watch.aoi.id,
                count.sensor,
                count.found,
                count.new,
                count.applied,
                count.dropped,
                date_of(count.first_day),
                date_of(count.last_day),
            )
            for one in self.aois
            for count in one.counts
        ]

    def sentences(self) -> list[str]:
        """Return one line for each AOI, and one for what of it is not watched, by choice."""
        left_out = left_out_sentences((one.watch.aoi.id, one.watch.left_out) for one in self.aois)
        return [*(_sentence(one) for one in self.aois), *left_out]

    def gap_sentences(self) -> list[str]:
        """Return what could not be searched or used."""
        return [f"{gap.aoi_id}: {gap.reason}" for one in self.aois for gap in one.gaps]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON."""
        return {
            "pipeline": self.pipeline,
            "aois": [
                {
                    "aoi": one.watch.aoi.id,
                    "lineage": one.watch.lineage,
                    "since": date_of(one.span.since_day).isoformat(),
                    "until": date_of(one.span.until_day).isoformat(),
                    "fits_baseline": one.work.is_first if one.work else False,
                    "first_dekad": dekad_label(one.work.first_dekad) if one.work else None,
                    "last_dekad": dekad_label(one.work.last_dekad) if one.work else None,
                    "refits": [_refit_content(refit) for refit in one.work.refits] if one.work else [],
                    "left_out": left_out_content(one.watch.left_out),
                    "tiles": one.tiles,
                    "read_bytes": one.read_bytes,
                    "scenes": {
                        str(count.sensor): {
                            "found": count.found,
                            "new": count.new,
                            "applied": count.applied,
                            "dropped": count.dropped,
                        }
                        for count in one.counts
                    },
                    "gaps": [gap.reason for gap in one.gaps],
                }
                for one in self.aois
            ],
        }


def plan(
    pipeline: Pipeline,
    *,
    workspace: Path | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    progress: Progress = silent,
) -> Plan:
    """Say what a run would read: scenes found, new and applied, duplicates dropped, tiles and bytes."""
    room = open_workspace(pipeline, workspace)
    tables = room.tables()
    watches = open_watches(pipeline)
    plans = []
    for number, watch in enumerate(watches, start=1):
        state = room.state(watch.aoi.id, watch.lineage, watch.grid)
        plans.append(plan_aoi(watch, state, tables, since=since, until=until))
        progress("search", number, len(watches))
    return Plan(pipeline=pipeline.name, aois=tuple(plans))


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
        counts=_counts(search.scenes, applied),
        gaps=search.gaps,
        work=work,
        tiles=len(watch.tiles),
        read_bytes=_read_bytes(watch, work),
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


def _read_bytes(watch: Watch, work: Work | None) -> int:
    """Return the decoded size of what would be read: every band and the quality layer of each scene, over the tiles."""
    if work is None:
        return 0
    scenes = [*(work.history if work.is_first else ()), *(scene for _, now in work.by_dekad for scene in now)]
    scenes += [scene for refit in work.refits for scene in refit.scenes]
    bands = sum(len(scene.sensor.bands) + 1 for scene in scenes)
    return bands * sum(tile.width * tile.height for tile in watch.tiles) * _BYTES_PER_SAMPLE


def _refit_content(refit: Refit) -> dict[str, Any]:
    """Return a refit as plain JSON."""
    return {
        "dekad": dekad_label(refit.dekad),
        "since": date_of(refit.since_day).isoformat(),
        "scenes": len(refit.scenes),
    }


def _sentence(one: AoiPlan) -> str:
    """Say in one line what a run would do for an AOI."""
    if one.work is None:
        return f"{one.watch.aoi.id}: nothing to do, every scene found is folded in."
    begin = "learn the baseline, then " if one.work.is_first else ""
    anew = "".join(
        f", learn the baseline anew for {dekad_label(refit.dekad)} from {len(refit.scenes)} scenes since "
        f"{date_of(refit.since_day)}"
        for refit in one.work.refits
    )
    dekads = f"{dekad_label(one.work.first_dekad)} to {dekad_label(one.work.last_dekad)}"
    reading = f"in {one.tiles} tiles, reading at most {one.read_bytes / _MIB:,.0f} MiB."
    return f"{one.watch.aoi.id}: {begin}fold {dekads}{anew}, {reading}"
