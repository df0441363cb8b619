"""What is seen of an analyst's labelled polygons, look by look. Reads scenes; writes nothing."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from kpgeo import detect, registry
from kpgeo.detect import LabelledGround, Look
from kpgeo.flows.watching.scenes import Span, find
from kpgeo.flows.watching.tiles import TileReader
from kpgeo.flows.watching.watch import Progress, Watch
from kpgeo.model.calendar import day_of
from kpgeo.model.grid import Tile
from kpgeo.model.run import Gap
from kpgeo.model.scene import Scene
from kpgeo.model.state import TileBaseline
from kpgeo.registry import Label
from kpgeo.store import Workspace

_BATCH = 6  # scenes held at a time


@dataclass
class _Notes:
    """What is being seen of one label: rows of medians, and their days."""

    label: Label
    pixels: NDArray[np.int64]
    optical: list[NDArray[np.float64]] = field(default_factory=list)
    optical_days: list[int] = field(default_factory=list)
    departure: list[NDArray[np.float64]] = field(default_factory=list)
    radar: list[NDArray[np.float64]] = field(default_factory=list)
    radar_days: list[int] = field(default_factory=list)
    sigma: NDArray[np.float64] = field(default_factory=lambda: np.full(4, np.nan))

    def ground(self) -> LabelledGround:
        """Return what was seen."""
        return LabelledGround(
            id=self.label.id,
            state=self.label.state,
            class_name=self.label.class_name,
            is_checked=self.label.is_checked,
            n_pixels=len(self.pixels),
            optical=np.array(self.optical).reshape(-1, 4),
            optical_days=np.array(self.optical_days, dtype=np.int64),
            departure=np.array(self.departure).reshape(-1, 4),
            season_sigma=self.sigma,
            radar_db=np.array(self.radar).reshape(-1, 2),
            radar_days=np.array(self.radar_days, dtype=np.int64),
        )


def observe_labels(
    watch: Watch, labels: Sequence[Label], room: Workspace, progress: Progress
) -> tuple[list[LabelledGround], list[Gap]]:
    """Look at the labels that lie in one AOI, tile by tile; a label that crosses tiles is looked at in one of them.

    Radar, and how a look departs from its season, are told where the workspace holds a baseline of the tile: of radar
    the looks since monitoring began, for before it the season was being learnt.
    """
    by_tile: dict[Tile, list[_Notes]] = defaultdict(list)
    for label in labels:
        pixels = registry.find_label_pixels(label, watch.grid)
        if len(pixels):
            tile = _tile_of(watch, pixels)
            inside = (pixels >= (tile.y0, tile.x0)) & (pixels < (tile.y0 + tile.height, tile.x0 + tile.width))
            by_tile[tile].append(_Notes(label, pixels[inside.all(axis=1)] - np.array([tile.y0, tile.x0])))
    if not by_tile:
        return [], []
    span = _span(watch, [note.label for notes in by_tile.values() for note in notes])
    search = find(watch, span, is_first=False)
    gaps = list(search.gaps)
    for done, (tile, notes) in enumerate(by_tile.items(), start=1):
        reader = TileReader(watch, tile)
        baseline = _baseline(watch, tile, room)
        wanted = [s for s in search.scenes if any(note.label.holds(s.day) for note in notes)]
        for look in _looks(reader, wanted):
            _note(look, notes, baseline, watch)
        gaps += reader.reading().gaps
        progress(f"{watch.aoi.id}: calibrate", done, len(by_tile))
    return [note.ground() for notes in by_tile.values() for note in notes], gaps


def _tile_of(watch: Watch, pixels: NDArray[np.int64]) -> Tile:
    """Return the tile that holds most of a label's pixels; the rest of it is left alone."""
    index = pixels // watch.grid.tile_px
    places, counts = np.unique(index, axis=0, return_counts=True)
    row, col = places[np.argmax(counts)]
    return next(tile for tile in watch.grid.tiles() if (tile.row, tile.col) == (row, col))


def _span(watch: Watch, labels: Sequence[Label]) -> Span:
    """Return the days the labels speak of; a label without a first or last day speaks of all the pipeline's."""
    begin = day_of(watch.pipeline.history.start)
    first = min(begin if label.start_day is None else label.start_day for label in labels)
    ends = [label.end_day for label in labels]
    last = None if None in ends else max(end for end in ends if end is not None)
    today = day_of(dt.datetime.now(dt.UTC)) + 1
    return Span(since_day=first, until_day=today if last is None else max(last, first + 1))


def _looks(reader: TileReader, scenes: Sequence[Scene]) -> Iterator[Look]:
    """Yield the clear looks of scenes, a few scenes at a time."""
    rest = iter(scenes)
    while now := list(islice(rest, _BATCH)):
        yield from reader.looks(now)


def _baseline(watch: Watch, tile: Tile, room: Workspace) -> TileBaseline | None:
    """Return a tile's baseline, or None where the workspace has none of this lineage."""
    state = room.state(watch.aoi.id, watch.lineage, watch.grid)
    head = state.head()
    if head.last_dekad is None or tile.name in head.unfinished:
        return None
    return state.read_baseline(tile)


def _note(look: Look, notes: Sequence[_Notes], baseline: TileBaseline | None, watch: Watch) -> None:
    """Write down what one look shows of each label."""
    monitored_day = day_of(watch.pipeline.history.end)
    if look.sensor.is_radar and (baseline is None or look.day < monitored_day):
        return
    change = None if baseline is None else detect.change_from_season(look, baseline)
    sigma = None if baseline is None else detect.season_sigma(baseline, is_radar=look.sensor.is_radar)
    for note in notes:
        rows, cols = _clear(look, note, watch.pipeline.calibrate.min_clear_frac)
        if not len(rows):
            continue
        departed = None if change is None else _median(change, rows, cols)
        if look.sensor.is_radar:
            note.radar += [departed] if departed is not None else []
            note.radar_days.append(look.day)
            continue
        note.optical.append(_median(look.pixels, rows, cols))
        note.optical_days.append(look.day)
        began = note.label.start_day
        if departed is not None and sigma is not None and began is not None and began >= monitored_day:
            note.departure.append(departed)
            note.sigma = _median(sigma, rows, cols)


def _clear(look: Look, note: _Notes, min_clear_frac: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of a label's clear pixels; none where too few are clear or the day is not the label's."""
    rows, cols = note.pixels.T
    is_clear = np.isfinite(look.pixels[0, rows, cols])
    if not note.label.holds(look.day) or is_clear.sum() < min_clear_frac * len(rows):
        is_clear[:] = False
    return rows[is_clear], cols[is_clear]


def _median(values: NDArray[np.float32], rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the median of each band over pixels."""
    return np.median(values[:, rows, cols], axis=1).astype(np.float64)
