"""Observe: fold every scene that is new into the pixel state, tile by tile, and commit what is done."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kpgeo import detect, lazy
from kpgeo.flows.watching.effort import NO_EFFORT, Effort
from kpgeo.flows.watching.orbits import Orbits, known_orbits
from kpgeo.flows.watching.scenes import Refit, Work, edition, spans_of
from kpgeo.flows.watching.tiles import TileReading, fit_tile, fold_tile, refit_tile
from kpgeo.flows.watching.watch import Progress, Watch, silent
from kpgeo.model.calendar import dekad_start
from kpgeo.model.errors import IntegrityError, UpstreamError
from kpgeo.model.grid import Tile
from kpgeo.model.run import Gap, RefitCount
from kpgeo.model.scene import Scene
from kpgeo.store import RegionWriter, StateStore, Writer


@dataclass(frozen=True, kw_only=True)
class TileTask:
    """One tile's share of a run: all a worker needs, and nothing a worker shares.

    Attributes
    ----------
    history : tuple of Scene or None
        What the first baseline is learnt from; None where it stands.
    epoch : int
        The epoch whose baseline holds where the work begins.
    orbits : tuple
        Radar orbits that the baseline knows which holds where the work begins, and that of each refit.
    """

    watch: Watch
    tile: Tile
    region: RegionWriter
    history: tuple[Scene, ...] | None
    by_dekad: tuple[tuple[int, tuple[Scene, ...]], ...]
    refits: tuple[Refit, ...] = ()
    epoch: int = 0
    orbits: tuple[Orbits, ...] = (None,)


@dataclass(frozen=True, kw_only=True)
class TileOutcome:
    """What a worker hands back: what it wrote, what it read, and what each refit did with the tile's pixels."""

    region: RegionWriter
    readings: tuple[TileReading, ...]
    refits: tuple[Counter[detect.Refit], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What observing one AOI came to.

    Attributes
    ----------
    scenes_new : int
        Scenes folded in that were not before.
    refits : tuple of RefitCount
        Baselines that were learnt anew.
    effort : Effort
        What the tiles that went well took.
    stand_ins : mapping
        By scene id, what was read in place of a granule that could not be, as `provider/item id`; every scene that was
        read is there, most with none.
    """

    snapshot_id: str
    first_dekad: int
    last_dekad: int
    scenes_new: int
    tiles: int
    gaps: tuple[Gap, ...] = ()
    refits: tuple[RefitCount, ...] = ()
    effort: Effort = NO_EFFORT
    stand_ins: Mapping[str, frozenset[str]] = field(default_factory=dict)


def observe(
    watch: Watch,
    state: StateStore,
    work: Work,
    workers: lazy.Client,
    metadata: Mapping[str, Any],
    progress: Progress = silent,
) -> Iterator[Observation]:
    """Bring the pixel state of an AOI up to date, and commit it, some tiles at a time.

    Where no baseline stands yet, it is learnt first; where one has stood its years, it is learnt anew. A scene that
    could be read in no tile is a gap, and is tried again by the next run; one that could be read in part is folded in,
    and the rest of it is a gap. A tile that failed is left as it was, and is taken up again by the next run; so are
    those that were not reached before the workers went.

    Yields
    ------
    Observation
        After each commit, what all of them came to; the last one is that of the whole.

    Raises
    ------
    KpgeoError
        Stored state contradicts itself, the workers have gone, or no tile at all could be brought up to date. What
        was committed before stays.
    """
    course = _Course(watch, work, workers, progress)
    before = {text for texts in state.head().applied.values() for text in texts}
    is_over = False
    while not is_over:
        with state.begin(_origin(watch, work), work.last_dekad, work.refit_dekads) as writer:
            course.take_part(writer)
            gaps, unread = _gaps_of(course.readings)
            applied = _applied(work, unread if work.has_news else frozenset())
            snapshot_id = writer.commit(
                metadata,
                applied=applied,
                baseline_scenes=tuple(edition(scene) for scene in work.history) if work.is_first else None,
                unfinished={tile.name: _resume(watch, work, tile) for tile in (*course.lost, *course.ahead)},
                aoi_version=watch.aoi.version,
            )
        is_over = not course.ahead
        folded = {text for texts in applied.values() for text in texts}
        yield Observation(
            snapshot_id=snapshot_id,
            first_dekad=work.first_dekad,
            last_dekad=work.last_dekad,
            scenes_new=len(folded - before),
            tiles=course.done,
            gaps=(*gaps, *course.lost.values(), *(_lost(watch, work, tile, "not reached") for tile in course.ahead)),
            refits=_refit_counts(work, course.refits),
            effort=Effort.total(reading.effort for reading in course.readings),
            stand_ins=_stand_ins_of(course.readings),
        )
        if course.gone is not None:
            raise course.gone


class _Course:
    """One AOI's tiles on their way: which are ahead, and what came of the others.

    Attributes
    ----------
    ahead : list of Tile
        Not yet brought up to date.
    done : int
        Tiles that went well.
    lost : dict
        Tiles that failed, each with the gap it leaves.
    gone : UpstreamError or None
        Why nothing more can be done.
    """

    def __init__(self, watch: Watch, work: Work, workers: lazy.Client, progress: Progress) -> None:
        self._watch, self._work, self._workers, self._progress = watch, work, workers, progress
        self.ahead = [tile for tile in watch.tiles if work.is_for(tile.name)]
        self._total = len(self.ahead)
        self.done = 0
        self.lost: dict[Tile, Gap] = {}
        self.readings: list[TileReading] = []
        self.refits: list[tuple[Counter[detect.Refit], ...]] = []
        self.gone: UpstreamError | None = None

    def take_part(self, writer: Writer) -> None:
        """Take as many tiles as one commit holds, and merge what went well."""
        options = self._watch.pipeline.compute
        tasks = (_task(self._watch, tile, self._work, writer.region()) for tile in self.ahead[: options.commit_tiles])
        regions: list[RegionWriter] = []
        errors: list[Exception] = []
        try:
            for task, answer in lazy.map_tiles(
                self._workers, observe_tile, tasks, in_flight=options.in_flight, retries=options.tile_retries
            ):
                self.ahead.remove(task.tile)
                if isinstance(answer, lazy.TileFailure):
                    errors.append(answer.error)
                    self.lost[task.tile] = _lost(self._watch, self._work, task.tile, answer.reason)
                else:
                    regions.append(answer.region)
                    self._keep(answer)
                self._progress(f"{self._watch.aoi.id}: observe", self._total - len(self.ahead), self._total)
        except UpstreamError as gone:
            if not regions:
                raise
            self.gone = gone
        _stop_where_nothing_holds(errors, is_any_left=bool(self.done))
        writer.merge(regions)

    def _keep(self, outcome: TileOutcome) -> None:
        self.done += 1
        self.readings += outcome.readings
        self.refits.append(outcome.refits)


def observe_tile(task: TileTask) -> TileOutcome:
    """Learn a tile's season if there is none, then fold its scenes in dekad by dekad and write each dekad.

    Where a refitted baseline begins to hold, it is learnt from what was believed up to there, and written first.
    """
    watch, tile, region = task.watch, task.tile, task.region
    readings: list[TileReading] = []
    refits: list[Counter[detect.Refit]] = []
    if task.history is not None:
        baseline, state, reading = fit_tile(watch, tile, task.history, task.orbits[0])
        region.write_baseline(tile, baseline)
        region.write_state(tile, watch.first_dekad - 1, state)
        readings.append(reading)
    else:
        baseline = region.read_baseline(tile, task.epoch)
        state = region.read_state(tile, task.by_dekad[0][0] - 1)
    for refit, by_dekad in spans_of(task.by_dekad, task.refits):
        orbits = task.orbits[0 if refit is None else 1 + task.refits.index(refit)]
        if refit is not None:
            states = ((dekad, region.read_state(tile, dekad)) for dekad in refit.believed_dekads)
            baseline, outcomes, reading = refit_tile(watch, tile, refit, baseline, states, orbits)
            region.write_baseline(tile, baseline, refit.epoch)
            readings.append(reading)
            refits.append(outcomes)
        for dekad, now, reading in fold_tile(watch, tile, baseline, state, by_dekad, orbits):
            region.write_state(tile, dekad, now)
            readings.append(reading)
            state = now
    return TileOutcome(region=region, readings=tuple(readings), refits=tuple(refits))


def _stop_where_nothing_holds(errors: Sequence[Exception], *, is_any_left: bool) -> None:
    """Raise the first error where stored state is broken, or where every tile was lost."""
    for error in errors:
        if isinstance(error, IntegrityError):
            raise error
    if errors and not is_any_left:
        raise errors[0]


def _lost(watch: Watch, work: Work, tile: Tile, reason: str) -> Gap:
    """Return the gap that a lost tile leaves."""
    day = dekad_start(work.first_dekad)
    return Gap(aoi_id=watch.aoi.id, day=day, sensor=None, scene_id="", reason=f"tile-lost: {reason}", tile=tile.name)


def _gaps_of(readings: Sequence[TileReading]) -> tuple[tuple[Gap, ...], frozenset[str]]:
    """Return the gaps of all tiles, and the scenes that could be read in none: they stay to be folded in."""
    gaps = tuple(dict.fromkeys(gap for reading in readings for gap in reading.gaps))
    read_ids = frozenset[str]().union(*(reading.read_ids for reading in readings))
    return gaps, frozenset(gap.scene_id for gap in gaps if gap.scene_id) - read_ids


def _stand_ins_of(readings: Sequence[TileReading]) -> dict[str, frozenset[str]]:
    """Return what was read in place of what, over all tiles."""
    found: dict[str, frozenset[str]] = {}
    for reading in readings:
        for scene_id in reading.read_ids:
            found[scene_id] = found.get(scene_id, frozenset()) | reading.stand_ins.get(scene_id, frozenset())
    return found


def _origin(watch: Watch, work: Work) -> int:
    """Return the first dekad that is written: at the very start, the one before monitoring holds the first belief."""
    return watch.first_dekad - 1 if work.is_first or work.has_unfitted(watch.first_dekad) else work.first_dekad


def _task(watch: Watch, tile: Tile, work: Work, region: RegionWriter) -> TileTask:
    """Return one tile's task."""
    return TileTask(
        watch=watch,
        tile=tile,
        region=region,
        history=work.history if work.needs_fit(tile.name, watch.first_dekad) else None,
        by_dekad=work.by_dekad,
        refits=work.refits,
        epoch=work.epoch,
        orbits=tuple(
            known_orbits(watch, tile, scenes) for scenes in (work.learnt_from, *(refit.scenes for refit in work.refits))
        ),
    )


def _resume(watch: Watch, work: Work, tile: Tile) -> int:
    """Return the dekad a lost tile is taken up from again.

    One without a baseline, from before monitoring began; one that lacks the baseline of the first dekad, from the dekad
    before, so that it is learnt.
    """
    if work.needs_fit(tile.name, watch.first_dekad):
        return watch.first_dekad - 1
    return work.first_dekad - work.begins_with_refit


def _refit_counts(work: Work, outcomes: Sequence[tuple[Counter[detect.Refit], ...]]) -> tuple[RefitCount, ...]:
    """Return what the refits did with the pixels of all tiles."""
    counts = []
    for position, refit in enumerate(work.refits):
        px = sum((refits[position] for refits in outcomes), Counter[detect.Refit]())
        counts.append(
            RefitCount(
                dekad=refit.dekad,
                scenes=len(refit.scenes),
                px={str(kind.name).lower(): px[kind] for kind in detect.Refit},
            )
        )
    return tuple(counts)


def _applied(work: Work, unread: frozenset[str]) -> dict[int, tuple[str, ...]]:
    """Return the editions folded in, by dekad."""
    return {
        dekad: tuple(edition(scene) for scene in scenes if scene.id not in unread) for dekad, scenes in work.by_dekad
    }
