"""Tracing: folding one tile again from the stored state, and keeping what came to pass in some of its pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import xarray as xr

from kpgeo import detect
from kpgeo.detect import PixelTracer
from kpgeo.flows.watching.deciding import Bench
from kpgeo.flows.watching.orbits import known_orbits
from kpgeo.flows.watching.scenes import learnt_from
from kpgeo.flows.watching.tiles import HALO_PX, TileReader, context_of
from kpgeo.flows.watching.watch import Progress
from kpgeo.model.calendar import dekad_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.grid import Tile
from kpgeo.model.run import Gap
from kpgeo.model.scene import LookClass
from kpgeo.model.trace import DekadTrace, LookTrace, PixelTrace

Pixel = tuple[int, int]
_CLEAR = (LookClass.CLEAR, LookClass.WATER)


@dataclass(frozen=True, kw_only=True)
class Traced:
    """What one tile's reading came to."""

    traces: Mapping[Pixel, PixelTrace]
    gaps: tuple[Gap, ...]


def trace_tile(bench: Bench, tile: Tile, pixels: Sequence[Pixel], dekads: range, progress: Progress) -> Traced:
    """Trace pixels of one tile over some dekads.

    Every dekad is folded from the state stored before it, so that a scene which can no longer be read spoils its own
    dekad and no other.
    """
    watch, first = bench.watch, dekads.start
    within = tuple((row - tile.y0, col - tile.x0) for row, col in pixels)
    tracer = PixelTracer(context=context_of(watch, tile), options=watch.pipeline.detect, pixels=within)
    last = min(dekads.stop, bench.head.unfinished.get(tile.name, dekads.stop)) - 1
    if last < first:
        raise BadInputError("The last runs could not bring this place up to date.", remedy="Run the pipeline again.")
    rows: list[list[DekadTrace]] = [[] for _ in pixels]
    apart: list[list[tuple[int, float]]] = [[] for _ in pixels]
    gaps: list[Gap] = []
    state = bench.state.read_state(tile, first - 1)
    for dekad in range(first, last + 1):
        classes = _Classes(within)
        orbits = known_orbits(watch, tile, learnt_from(watch, bench.head, bench.scenes.values(), dekad))
        reader = TileReader(watch, tile, classes.note, orbits)
        baseline = bench.state.read_baseline(tile, dekad)
        looks = reader.looks(bench.folded(dekad), baseline)
        folded, traced = tracer.fold(state, baseline, looks, dekad)
        state = bench.state.read_state(tile, dekad)
        gaps += reader.reading().gaps
        for number, of_pixel in enumerate(traced):
            rows[number].append(replace(of_pixel, looks=classes.explain(of_pixel.looks, number)))
            difference = detect.distance(folded, state, within[number])
            apart[number] += [] if difference is None else [(dekad, difference)]
        progress(f"{watch.aoi.id}: explain {tile.name}", dekad - first + 1, last - first + 1)
    traces = {
        pixel: PixelTrace(row=pixel[0], col=pixel[1], dekads=tuple(rows[number]), apart=tuple(apart[number]))
        for number, pixel in enumerate(pixels)
    }
    return Traced(traces=traces, gaps=tuple(dict.fromkeys(gaps)))


def cut_trace(outcome: Traced, pixel: Pixel, dekads: range) -> Traced:
    """Return what was traced of one pixel in some dekads."""
    trace = outcome.traces[pixel]
    kept = replace(
        trace,
        dekads=tuple(one for one in trace.dekads if one.dekad in dekads),
        apart=tuple(one for one in trace.apart if one[0] in dekads),
    )
    gaps = tuple(gap for gap in outcome.gaps if dekad_of(gap.day) in dekads)
    return Traced(traces={pixel: kept}, gaps=gaps)


class _Classes:
    """Remembers what the quality layers of scenes say of some pixels of a tile."""

    def __init__(self, pixels: Sequence[Pixel]) -> None:
        self._pixels = pixels
        self._of: dict[tuple[str, int], LookClass] = {}

    def note(self, cube: xr.Dataset) -> None:
        """Take note of a cube, which has its halo still."""
        classes = cube["look_class"].to_numpy()
        for place, scene_id in enumerate(cube["scene_id"].to_numpy()):
            for number, (row, col) in enumerate(self._pixels):
                self._of[str(scene_id), number] = LookClass(int(classes[place, row + HALO_PX, col + HALO_PX]))

    def explain(self, looks: Sequence[LookTrace], number: int) -> tuple[LookTrace, ...]:
        """Return looks at a pixel with the reason why it was not clear."""
        return tuple(
            look if look.is_clear else replace(look, unseen=_reason(self._of[look.scene_id, number])) for look in looks
        )


def _reason(look_class: LookClass) -> str:
    return "margin" if look_class in _CLEAR else look_class.name.lower()
