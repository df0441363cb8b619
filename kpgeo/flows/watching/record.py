"""What a run leaves behind: a log of one JSON line a step, and a manifest of what was looked at and what came of it."""

import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from kpgeo import __version__
from kpgeo.alerts import operating_content
from kpgeo.detect import DETECTOR
from kpgeo.flows.watching.effort import Effort
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.ids import digest
from kpgeo.model.operating import OperatingPoint
from kpgeo.model.run import Gap
from kpgeo.model.scene import Scene
from kpgeo.options.base import StageOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Tables, Workspace, write_atomic

MANIFEST = "manifest.json"
LOG = "log.jsonl"
WATCHED = "watched.json"
BESIDE = "beside.json"
_POINT = TypeAdapter(OperatingPoint)


@dataclass
class RunRecord:
    """The log and manifest of one run, while it runs.

    Attributes
    ----------
    run_id : str
        When it began (UTC) and a digest; sorts by time.
    """

    folder: Path
    run_id: str
    pipeline: Pipeline
    started_at: str
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    aois: list[dict[str, Any]] = field(default_factory=list)
    efforts: dict[str, Effort] = field(default_factory=dict)

    @classmethod
    def begin(cls, room: Workspace, pipeline: Pipeline) -> "RunRecord":
        """Make the folder of a new run."""
        close_interrupted(room)
        now = dt.datetime.now(dt.UTC)
        run_id = f"{now:%Y%m%dT%H%M%SZ}-{digest(pipeline.name, time.time_ns())[:6]}"
        started_at = now.isoformat(timespec="seconds")
        return cls(folder=room.run_folder(run_id), run_id=run_id, pipeline=pipeline, started_at=started_at)

    @contextmanager
    def step(self, aoi_id: str, name: str) -> Iterator[dict[str, Any]]:
        """Time a step. What the block puts into the mapping it is given goes into the step's line of the log."""
        counts: dict[str, Any] = {}
        begin = time.perf_counter()
        outcome = "failed"
        try:
            yield counts
            outcome = "done"
        finally:
            seconds = round(time.perf_counter() - begin, 3)
            self.seconds.setdefault(aoi_id, {})[name] = seconds
            at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
            self._append({"at": at, "aoi": aoi_id, "step": name, "outcome": outcome, "seconds": seconds, **counts})

    def add_effort(self, aoi_id: str, effort: Effort) -> None:
        """Keep what a part of the work on an AOI took, with what was kept before."""
        self.efforts[aoi_id] = self.efforts.get(aoi_id, Effort()) + effort

    def add_aoi(self, watch: Watch, result: dict[str, Any], scenes: list[Scene]) -> None:
        """Say what came of one AOI, and which scenes were folded in."""
        self.aois.append(
            {
                "aoi": watch.aoi.id,
                "aoi_version": watch.aoi.version,
                "lineage": watch.lineage,
                **result,
                "scenes": [_scene(scene) for scene in scenes],
                "seconds": self.seconds.get(watch.aoi.id, {}),
                "effort": self.efforts.get(watch.aoi.id, Effort()).as_json(),
            }
        )

    def close(self, **outcome: object) -> None:
        """Write the manifest."""
        stages = {name: value for name, value in self.pipeline if isinstance(value, StageOptions)}
        content = {
            "run_id": self.run_id,
            "pipeline": self.pipeline.name,
            "started_at": self.started_at,
            "finished_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "code": {"kpgeo": __version__, "detector": f"{DETECTOR.name}-{DETECTOR.version}"},
            "options": {name: options.digest() for name, options in sorted(stages.items())},
            "aois": self.aois,
            **outcome,
        }
        write_atomic(self.folder / MANIFEST, json_line(content))

    def _append(self, line: dict[str, Any]) -> None:
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line, sort_keys=True, default=str) + "\n")


def close_interrupted(room: Workspace) -> None:
    """Write the manifest of each run that was killed before it could; nobody else runs, for the workspace is locked."""
    for folder in sorted((room.path / "runs").iterdir()):
        if folder.is_dir() and not (folder / MANIFEST).exists():
            content = {"run_id": folder.name, "outcome": "interrupted", "code": {"kpgeo": __version__}, "aois": []}
            write_atomic(folder / MANIFEST, json_line(content))


def json_line(content: object) -> bytes:
    """Return JSON as one line of UTF-8: sorted keys, no spaces, no NaN; what is no JSON as its text."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str)
    return (text + "\n").encode()


def gap_content(gap: Gap) -> dict[str, Any]:
    """Return a gap as plain JSON."""
    sensor = None if gap.sensor is None else str(gap.sensor)
    return {"day": gap.day, "sensor": sensor, "scene": gap.scene_id, "tile": gap.tile, "reason": gap.reason}


def remember(room: Workspace, tables: Tables, watches: list[Watch], run_id: str) -> None:
    """Write down which pipeline watches which AOI, so that a workspace is enough to make a brief from.

    A pipeline whose lineage does not speak for the AOI is kept aside, until it does (`promote`).
    """
    watched, beside = read_watched(room), _read(room, BESIDE)
    for watch, reference in zip(watches, watches[0].pipeline.aois if watches else (), strict=True):
        is_beside = tables.methods.is_beside(watch.aoi.id, watch.lineage)
        kept = beside.setdefault(watch.aoi.id, {}) if is_beside else watched
        kept[watch.lineage if is_beside else watch.aoi.id] = _entry(watch, reference, run_id)
    write_atomic(room.path / WATCHED, json_line(watched))
    if beside:
        write_atomic(room.path / BESIDE, json_line(beside))


def promote(room: Workspace, aoi_id: str, lineage: str) -> None:
    """Let products be made of what another pipeline watches: its lineage speaks for the AOI now."""
    watched, beside = read_watched(room), _read(room, BESIDE)
    entry = beside.get(aoi_id, {}).pop(lineage, None)
    if entry is None:
        return
    if aoi_id in watched:
        beside[aoi_id][watched[aoi_id]["lineage"]] = watched[aoi_id]
    write_atomic(room.path / WATCHED, json_line({**watched, aoi_id: entry}))
    write_atomic(room.path / BESIDE, json_line(beside))


def is_remembered(room: Workspace, aoi_id: str, lineage: str) -> bool:
    """Say whether a pipeline is kept that makes a lineage of an AOI: without one no product can be made of it."""
    spoken = read_watched(room).get(aoi_id, {}).get("lineage")
    return lineage == spoken or lineage in _read(room, BESIDE).get(aoi_id, {})


def read_watched(room: Workspace) -> dict[str, Any]:
    """Return what `remember` wrote of what speaks, by AOI id; nothing before the first run."""
    return _read(room, WATCHED)


def _read(room: Workspace, name: str) -> dict[str, Any]:
    path = room.path / name
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _entry(watch: Watch, reference: str, run_id: str) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "reference": reference,
        "lineage": watch.lineage,
        "names": watch.aoi.names,
        "country": watch.aoi.country,
        "participant": watch.aoi.participant,
        "operating": asdict(watch.operating),
        "announcing": operating_content(watch.operating),
        "sensitivity": watch.aoi.sensitivity,
        "left_out": None if watch.left_out is None else asdict(watch.left_out),
        "folder": watch.pipeline.folder,
        "pipeline": watch.pipeline.model_dump(mode="json"),
    }


def operating_of(watched: Mapping[str, Any]) -> OperatingPoint | None:
    """Return the operating point of the last run that watched an AOI, from its entry; None where the run kept none."""
    kept = watched.get("operating")
    return None if kept is None else _POINT.validate_python(kept)


def _scene(scene: Scene) -> dict[str, Any]:
    items = [granule.item_id for granule in scene.granules]
    return {"id": scene.id, "sensor": str(scene.sensor), "datetime": scene.datetime.isoformat(), "items": items}
