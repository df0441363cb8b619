"""Which scenes a watch has, and which of them a run must fold in."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kpgeo import catalog
from kpgeo.flows.watch import Watch
from kpgeo.model.calendar import date_of, day_of, dekad_of
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
class Work:
    """What has to be folded into a state to bring it up to date. Every tile folds the same dekads.

    Attributes
    ----------
    first_dekad, last_dekad : int
        Dekads to fold, both included.
    by_dekad : tuple of (dekad, scenes)
        Every dekad from first to last, those without a scene too.
    history : tuple of Scene
        What the baseline is learnt from.
    is_first : bool
        No baseline has been fitted yet.
    unfinished : mapping
        Tiles an earlier run left behind, and the dekad to take them up from.
    """

    first_dekad: int
    last_dekad: int
    by_dekad: tuple[tuple[int, tuple[Scene, ...]], ...]
    history: tuple[Scene, ...]
    is_first: bool
    unfinished: Mapping[str, int]

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
        No catalogue answered; or one did not, and a baseline would have to be learnt without its scenes.
    """
    pipeline = watch.pipeline
    start, end = date_of(span.since_day), date_of(span.until_day)
    search = catalog.find_scenes(watch.aoi, pipeline.catalog, start, end, folder=Path(pipeline.folder))
    failed = [gap.reason for gap in search.gaps if gap.reason.startswith(CATALOGUE_FAILED)]
    if is_first and failed:
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


def history_of(watch: Watch, scenes: Iterable[Scene]) -> tuple[Scene, ...]:
    """Return the scenes the baseline is learnt from, in order."""
    start, end = (day_of(date) for date in (watch.pipeline.history.start, watch.pipeline.history.end))
    return tuple(sorted((scene for scene in scenes if start <= scene.day < end), key=lambda scene: scene.order))


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

    A scene that came late, in a new edition, or was never readable begins the work at its dekad.
    """
    wanted = monitored(watch, scenes, head, span)
    is_first = head.last_dekad is None
    applied = {text for texts in head.applied.values() for text in texts}
    starts = [scene.dekad for scene in wanted if edition(scene) not in applied]
    starts += [*head.unfinished.values()]
    last = max(span.last_dekad, watch.first_dekad - 1, head.last_dekad or 0)
    if is_first:
        starts.append(watch.first_dekad)
    elif last > (head.last_dekad or 0):
        starts.append((head.last_dekad or 0) + 1)
    if not starts:
        return None
    first = max(min(starts), watch.first_dekad)
    of_dekad: dict[int, list[Scene]] = {dekad: [] for dekad in range(first, last + 1)}
    for scene in wanted:
        if scene.dekad in of_dekad:
            of_dekad[scene.dekad].append(scene)
    return Work(
        first_dekad=first,
        last_dekad=last,
        by_dekad=tuple((dekad, tuple(now)) for dekad, now in of_dekad.items()),
        history=history_of(watch, scenes),
        is_first=is_first,
        unfinished=head.unfinished,
    )


def span_of(watch: Watch, head: StateHead, since: dt.date | None, until: dt.date | None) -> Span:
    """Return the days to search: from the history's start, or once a baseline stands, from the start of monitoring."""
    begin = watch.pipeline.history.start if head.last_dekad is None else watch.pipeline.history.end
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
