"""Which scenes a watch has, and which of them a run must fold in."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from kpgeo import catalog
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.calendar import date_of, day_of, dekad_of, dekad_start
from kpgeo.model.errors import UpstreamError
from kpgeo.model.ids import digest
from kpgeo.model.scene import Scene
from kpgeo.store import StateHead

CATALOGUE_FAILED = "catalogue-failed"


@dataclass(frozen=True, kw_only=True)
class Span:
    """Which days a run looks at. `until_day` is the day after the last one."""

    since_day: int
    until_day: int

    @property
    def last_dekad(self) -> int:
        """Return the dekad of the last day."""
        return dekad_of(self.until_day - 1)


@dataclass(frozen=True, kw_only=True)
class Refit:
    """A baseline to be learnt anew.

    Attributes
    ----------
    epoch : int
        Its position among the baselines of the state; the first one is 0.
    dekad : int
        The first dekad it holds for. It is learnt from the days before.
    since_day : int
        First day of what it is learnt from, which is as long as the history.
    believed_dekads : range
        The monitored dekads of it: what was believed then says which looks may be learnt.
    scenes : tuple of Scene
        In order.
    """

    epoch: int
    dekad: int
    since_day: int
    believed_dekads: range
    scenes: tuple[Scene, ...]

    @property
    def is_all_monitored(self) -> bool:
        """Say whether nothing of what it is learnt from lies before monitoring began."""
        return self.since_day >= dekad_start(self.believed_dekads.start)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What has to be folded into a state to bring it up to date. Every tile folds the same dekads.

    Attributes
    ----------
    first_dekad, last_dekad : int
        Dekads to fold, both included.
    by_dekad : tuple of (dekad, scenes)
        Every dekad from first to last, those without a scene too.
    history : tuple of Scene
        What the first baseline is learnt from.
    refits : tuple of Refit
        Baselines to be learnt anew on the way, in order.
    refit_dekads : tuple of int
        Where the epochs of the state begin once the work is done.
    is_first : bool
        No baseline has been fitted yet.
    unfinished : mapping
        Tiles an earlier run left behind, and the dekad to take them up from.
    learnt_from : tuple of Scene
        What the baseline was learnt from, or is to be, that holds where the work begins.
    has_news : bool
        Every tile has something to fold in; else only the unfinished ones have.
    """

    first_dekad: int
    last_dekad: int
    by_dekad: tuple[tuple[int, tuple[Scene, ...]], ...]
    history: tuple[Scene, ...]
    is_first: bool
    unfinished: Mapping[str, int]
    refits: tuple[Refit, ...] = ()
    refit_dekads: tuple[int, ...] = ()
    learnt_from: tuple[Scene, ...] = ()
    has_news: bool = True

    @property
    def epoch(self) -> int:
        """Return the epoch whose baseline holds where the work begins, before any refit of it."""
        return len(self.refit_dekads) - len(self.refits)

    @property
    def begins_with_refit(self) -> bool:
        """Say whether the first dekad is one that a baseline learnt anew holds for."""
        return bool(self.refits) and self.refits[0].dekad == self.first_dekad

    def is_for(self, tile: str) -> bool:
        """Say whether there is anything to do for a tile."""
        return self.has_news or tile in self.unfinished

    def needs_fit(self, tile: str, first_dekad: int) -> bool:
        """Say whether a tile has no baseline yet. `first_dekad` is the first that is monitored."""
        return self.is_first or self.unfinished.get(tile, first_dekad) < first_dekad

    def has_unfitted(self, first_dekad: int) -> bool:
        """Say whether any tile has no baseline yet."""
        return self.is_first or any(dekad < first_dekad for dekad in self.unfinished.values())


def find(watch: Watch, span: Span, *, is_first: bool) -> catalog.Search:
    """Search the pipeline's catalogues for the scenes of a span of days.

    Raises
    ------
    UpstreamError
        No catalogue answered; or none of those of a sensor did, and a baseline would have to be learnt without it.
    """
    pipeline = watch.pipeline
    start, end = date_of(span.since_day), date_of(span.until_day)
    search = catalog.find_scenes(
        watch.aoi, pipeline.catalog, start, end, folder=Path(pipeline.folder), access=watch.access
    )
    failed = [gap.reason for gap in search.gaps if gap.reason.startswith(CATALOGUE_FAILED)]
    sensors = {sensor for source in pipeline.catalog for sensor in source.collections}
    if is_first and failed and not all(search.is_stood_in_for(sensor) for sensor in sensors):
        raise UpstreamError(
            f"No baseline was learnt, because a catalogue did not answer ({failed[0]}).",
            where=watch.aoi.id,
            remedy="Run again when it does; what it would miss could not be made up for later.",
        )
    return search


def edition(scene: Scene) -> str:
    """Return the scene's id and a digest of the files it is read from, and of how those were made.

    A granule that arrives after its neighbour, or a reprocessed one that takes its place, makes another edition of the
    same scene, and the belief is folded again from there. Some providers reprocess a granule under the id it had.
    """
    read = [(granule.item_id, granule.processing_baseline) for granule in scene.granules]
    return f"{scene.id}.{digest(read)[:8]}"


def history_of(watch: Watch, scenes: Iterable[Scene], head: StateHead) -> tuple[Scene, ...]:
    """Return the scenes the first baseline is learnt from, in order; once it stands, those it was learnt from."""
    start, end = (day_of(date) for date in (watch.pipeline.history.start, watch.pipeline.history.end))
    learnt = {text.partition(".")[0] for text in head.baseline_scenes}
    chosen = (scene for scene in scenes if start <= scene.day < end and (not head.is_fitted or scene.id in learnt))
    return tuple(sorted(chosen, key=lambda scene: scene.order))


def monitored(watch: Watch, scenes: Iterable[Scene], head: StateHead, span: Span) -> list[Scene]:
    """Return the scenes to be folded in: those of the span, and those folded in before, wherever they lie."""
    begin = day_of(watch.pipeline.history.end)
    known = {text.partition(".")[0] for texts in head.applied.values() for text in texts}
    wanted = [
        scene
        for scene in scenes
        if scene.day >= begin and (scene.id in known or span.since_day <= scene.day < span.until_day)
    ]
    return sorted(wanted, key=lambda scene: scene.order)


def work_of(watch: Watch, head: StateHead, scenes: Sequence[Scene], span: Span) -> Work | None:
    """Return what has to be folded in, or None where the state is up to date.

    A scene that came late, in a new edition, or was never readable begins the work at its dekad, and so does one that
    was folded in and is no longer there. Every baseline that
    holds from a later dekad on is learnt anew: it was learnt from that scene, or from what was believed without it.
    """
    wanted = monitored(watch, scenes, head, span)
    is_first = head.last_dekad is None
    applied = {text for texts in head.applied.values() for text in texts}
    starts = [scene.dekad for scene in wanted if edition(scene) not in applied]
    starts += _dekads_without(scenes, head)
    last = max(span.last_dekad, watch.first_dekad - 1, head.last_dekad or 0)
    if is_first:
        starts.append(watch.first_dekad)
    elif last > (head.last_dekad or 0):
        starts.append((head.last_dekad or 0) + 1)
    has_news = bool(starts)
    starts += [*head.unfinished.values()]
    if not starts:
        return None
    first = max(min(starts), watch.first_dekad)
    of_dekad: dict[int, list[Scene]] = {dekad: [] for dekad in range(first, last + 1)}
    for scene in wanted:
        if scene.dekad in of_dekad:
            of_dekad[scene.dekad].append(scene)
    history = history_of(watch, scenes, head)
    epochs = watch.refit_dekads(last)
    due = {
        epoch: dekad
        for epoch, dekad in enumerate(epochs, start=1)
        if dekad > first or (dekad == first and epoch > len(head.refit_dekads))
    }
    stands = len(epochs) - len(due)
    return Work(
        first_dekad=first,
        last_dekad=last,
        by_dekad=tuple((dekad, tuple(now)) for dekad, now in of_dekad.items()),
        history=history,
        is_first=is_first,
        unfinished=head.unfinished,
        refits=tuple(_refit(watch, epoch, dekad, [*history, *wanted]) for epoch, dekad in due.items()),
        refit_dekads=epochs,
        learnt_from=_refit(watch, stands, epochs[stands - 1], [*history, *wanted]).scenes if stands else history,
        has_news=has_news,
    )


def _dekads_without(scenes: Iterable[Scene], head: StateHead) -> list[int]:
    """Return the dekads that hold a scene which was withdrawn."""
    known = {scene.id for scene in scenes}
    return [
        dekad for dekad, texts in head.applied.items() if any(text.partition(".")[0] not in known for text in texts)
    ]


def learnt_from(watch: Watch, head: StateHead, scenes: Iterable[Scene], dekad: int) -> tuple[Scene, ...]:
    """Return the scenes that the baseline was learnt from which holds for a dekad."""
    known = {text.partition(".")[0] for texts in head.applied.values() for text in texts}
    begin, listed = day_of(watch.pipeline.history.end), list(scenes)
    history, epochs = history_of(watch, listed, head), watch.refit_dekads(dekad)
    if not epochs:
        return history
    wanted = [scene for scene in listed if scene.day >= begin and scene.id in known]
    return _refit(watch, len(epochs), epochs[-1], [*history, *wanted]).scenes


def _refit(watch: Watch, epoch: int, dekad: int, scenes: Sequence[Scene]) -> Refit:
    """Return a refit: which of the scenes it is learnt from, and which dekads say what of them."""
    history = watch.pipeline.history
    until_day = dekad_start(dekad)
    since_day = until_day - (history.end - history.start).days
    return Refit(
        epoch=epoch,
        dekad=dekad,
        since_day=since_day,
        believed_dekads=range(max(dekad_of(since_day), watch.first_dekad), dekad),
        scenes=tuple(scene for scene in scenes if since_day <= scene.day < until_day),
    )


def spans_of(
    by_dekad: Sequence[tuple[int, tuple[Scene, ...]]], refits: Sequence[Refit]
) -> Iterator[tuple[Refit | None, Sequence[tuple[int, tuple[Scene, ...]]]]]:
    """Cut dekads where a refitted baseline begins to hold; yield each refit (None before the first) and its dekads."""
    if not by_dekad:
        return
    cuts = [*(refit.dekad - by_dekad[0][0] for refit in refits), len(by_dekad)]
    if cuts[0] > 0:
        yield None, by_dekad[: cuts[0]]
    for refit, (begin, end) in zip(refits, pairwise(cuts), strict=True):
        yield refit, by_dekad[begin:end]


def knows_history(head: StateHead, scene_ids: Iterable[str]) -> bool:
    """Say whether a baseline stands and the scenes it was learnt from are among those known: a refit reads them."""
    return head.is_fitted and {text.partition(".")[0] for text in head.baseline_scenes} <= set(scene_ids)


def span_of(
    watch: Watch, head: StateHead, since: dt.date | None, until: dt.date | None, *, is_history_known: bool = True
) -> Span:
    """Return the days to search: from the history's start, or once a baseline stands, from the start of monitoring."""
    is_first = head.last_dekad is None or not is_history_known
    begin = watch.pipeline.history.start if is_first else watch.pipeline.history.end
    first = day_of(begin) if since is None else day_of(since)
    end = day_of(dt.datetime.now(dt.UTC)) + 1 if until is None else day_of(until)
    return Span(since_day=first, until_day=max(end, first))


def closed_at_last_scene(span: Span, watch: Watch, scenes: Sequence[Scene]) -> Span:
    """Return the span, ended after the last scene where every catalogue is a file.

    A file ends with its last scene. Of a catalogue that is asked over the network, silence up to today is a finding.
    """
    if any(source.url.startswith(("http://", "https://")) for source in watch.pipeline.catalog):
        return span
    last = max((scene.day for scene in scenes), default=span.since_day)
    return Span(since_day=span.since_day, until_day=min(span.until_day, last + 1))
