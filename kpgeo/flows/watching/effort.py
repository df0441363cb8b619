"""What work there is and what it took, counted alike before a run (planned) and after it (measured)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from kpgeo import ingest
from kpgeo.model.grid import Grid, Tile
from kpgeo.model.scene import Scene
from kpgeo.store import Workspace

_RUNS_LOOKED_AT = 50
_MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """How much there is to do, or was done, over all tiles.

    Attributes
    ----------
    reads : int
        Tile-scene reads: a scene that reaches a tile counts once for each time it is read there.
    read_px : int
        Pixels of the grid read, each band and the quality layer for itself, without the halo.
    learn_px : int
        Pixels × scenes that baselines are learnt from.
    fold_px : int
        Pixels × scenes folded into the belief, and each dekad once more for its prediction.
    decide_px : int
        Pixels × dekads that are decided.
    """

    reads: int = 0
    read_px: int = 0
    learn_px: int = 0
    fold_px: int = 0
    decide_px: int = 0

    def __add__(self, other: "Workload") -> "Workload":
        return Workload(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})

    def times(self, count: int) -> "Workload":
        """Return the workload of as many alike."""
        return Workload(**{one.name: getattr(self, one.name) * count for one in fields(self)})


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What some work took.

    Attributes
    ----------
    work : Workload
        What was done.
    read_s, learn_s, fold_s, decide_s : float
        Seconds it took, summed over workers (deciding is done by one).
    read_bytes : int
        Bytes that came over disk or network for it; 0 where they were not counted.
    counted_px : int
        The part of `work.read_px` whose bytes were counted.
    """

    work: Workload = Workload()
    read_s: float = 0.0
    learn_s: float = 0.0
    fold_s: float = 0.0
    decide_s: float = 0.0
    read_bytes: int = 0
    counted_px: int = 0

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})

    @classmethod
    def total(cls, efforts: Iterable["Effort"]) -> "Effort":
        """Return what several efforts come to."""
        return sum(efforts, cls())

    def as_json(self) -> dict[str, Any]:
        """Return the effort as plain JSON."""
        content = asdict(self)
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in content.items()}

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote.

        Raises
        ------
        TypeError, ValueError
            It is something else.
        """
        work = Workload(**{name: int(value) for name, value in dict(content["work"]).items()})
        return cls(
            work=work,
            read_s=float(content["read_s"]),
            learn_s=float(content["learn_s"]),
            fold_s=float(content["fold_s"]),
            decide_s=float(content["decide_s"]),
            read_bytes=int(content.get("read_bytes", 0)),
            counted_px=int(content.get("counted_px", 0)),
        )


NO_EFFORT = Effort()


def reached(scenes: Iterable[Scene], reach_4326: tuple[float, float, float, float]) -> list[Scene]:
    """Return the scenes a file of which is opened for a window of that reach."""
    return [scene for scene in scenes if any(ingest.reaches(granule, reach_4326) for granule in scene.granules)]


def learning(scenes: Sequence[Scene], tile: Tile) -> Workload:
    """Return the work of learning a tile's baseline from the scenes that reach it."""
    px = tile.height * tile.width
    return Workload(reads=len(scenes), read_px=_layers(scenes) * px, learn_px=len(scenes) * px)


def folding(scenes: Sequence[Scene], tile: Tile) -> Workload:
    """Return the work of folding one dekad's scenes that reach a tile."""
    px = tile.height * tile.width
    return Workload(reads=len(scenes), read_px=_layers(scenes) * px, fold_px=(len(scenes) + 1) * px)


def deciding(grid: Grid, dekads: int, decide_s: float = 0.0) -> Effort:
    """Return what deciding so many dekads of a whole grid took, or is to take."""
    return Effort(work=Workload(decide_px=dekads * grid.height * grid.width), decide_s=decide_s)


def _layers(scenes: Iterable[Scene]) -> int:
    """Return how many bands and quality layers scenes have, counted once where granules overlap."""
    return sum(max(len(granule.item["assets"]) for granule in scene.granules) for scene in scenes)


def efforts_before(room: Workspace) -> list[Effort]:
    """Return what the last runs of a workspace took, the newest last; those that did not count it are left out."""
    found = []
    for path in sorted((room.path / "runs").glob(f"*/{_MANIFEST}"))[-_RUNS_LOOKED_AT:]:
        effort = _effort_of(path)
        if effort.work.reads:
            found.append(effort)
    return found


def _effort_of(path: Path) -> Effort:
    """Return what one run took, over all its AOIs."""
    try:
        aois = json.loads(path.read_text(encoding="utf-8"))["aois"]
        return Effort.total(Effort.of_json(aoi["effort"]) for aoi in aois if aoi.get("effort"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Effort()
