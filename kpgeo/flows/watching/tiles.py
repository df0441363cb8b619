"""What is done to one tile: learn its season, fold scenes into its belief. Runs on a worker and opens its own files."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import xarray as xr

from kpgeo import detect, features, ingest, registry
from kpgeo.detect import HistoryStack, Look, RefitWindow, TileContext
from kpgeo.flows.watching.effort import NO_EFFORT, Effort, folding, learning, reached
from kpgeo.flows.watching.orbits import Orbits, divide
from kpgeo.flows.watching.priors import opening_boost_of
from kpgeo.flows.watching.scenes import Refit
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.aoi import LayerKind
from kpgeo.model.grid import Tile
from kpgeo.model.run import Gap
from kpgeo.model.scene import LookClass, Scene, Sensor
from kpgeo.model.state import TileBaseline, TileState

HALO_PX = 8
_BATCH = 6  # scenes of one sensor held at a time while a baseline is fitted


@dataclass(frozen=True, kw_only=True)
class TileReading:
    """What became of the scenes of one tile.

    Attributes
    ----------
    tile : str
    read_ids : frozenset of str
        Scenes whose pixels could be read, if only in part.
    gaps : tuple of Gap
        What could not be read.
    effort : Effort
        What reading and using them took.
    stand_ins : mapping
        By scene id, what was read in place of a granule that could not be, as `provider/item id`.
    """

    tile: str
    read_ids: frozenset[str]
    gaps: tuple[Gap, ...]
    effort: Effort = NO_EFFORT
    stand_ins: Mapping[str, frozenset[str]] = field(default_factory=dict)


class TileReader:
    """Reads the clear looks of one tile, and remembers what could not be read.

    `on_cube` is called with each cube, halo and all, before what is not clear in it is blanked.
    """

    def __init__(
        self,
        watch: Watch,
        tile: Tile,
        on_cube: Callable[[xr.Dataset], None] | None = None,
        orbits: Orbits = None,
    ) -> None:
        self.watch = watch
        self.tile = tile
        self._orbits = orbits
        self._tells = True
        self._on_cube = on_cube
        self._geobox = watch.grid.tile_geobox(tile, HALO_PX)
        self._reach = ingest.reach_of(self._geobox)
        self._read_ids: set[str] = set()
        self._gaps: list[Gap] = []
        self._reached: list[Scene] = []
        self._stand_ins: dict[str, frozenset[str]] = {}
        self._begin_s = time.perf_counter()
        self._read_s = 0.0

    def reading(self, *, is_fold: bool = False) -> TileReading:
        """Return what became of the scenes so far, and what it took to read them and to fold or learn from them."""
        else_s = time.perf_counter() - self._begin_s - self._read_s
        effort = (
            Effort(work=folding(self._reached, self.tile), read_s=self._read_s, fold_s=else_s)
            if is_fold
            else Effort(work=learning(self._reached, self.tile), read_s=self._read_s, learn_s=else_s)
        )
        gaps = tuple(self._gaps)
        return TileReading(
            tile=self.tile.name,
            read_ids=frozenset(self._read_ids),
            gaps=gaps,
            effort=effort,
            stand_ins=dict(self._stand_ins),
        )

    def looks(self, scenes: Sequence[Scene], baseline: TileBaseline | None = None) -> list[Look]:
        """Return the clear looks of scenes of any sensor; a scene that cannot be read becomes a gap.

        Where the tile's baseline is given, looks that do not fit it become gaps too, and what a quality layer missed is
        found by it and blanked.
        """
        options = self.watch.pipeline.features
        looks: list[Look] = []
        used = self._divide(scenes)
        for sensor in Sensor:
            for cube in self._cubes(used, sensor, batch=len(scenes)):
                if baseline is None:
                    looks += detect.split_looks(cube, sensor)
                elif (fitting := self._fitting(cube, scenes, baseline)).sizes["time"]:
                    looks += detect.split_looks(features.drop_veiled(fitting, sensor, baseline, options), sensor)
        return looks

    def history(
        self,
        scenes: Sequence[Scene],
        learnable: Callable[[xr.Dataset], xr.Dataset] | None = None,
        previous: TileBaseline | None = None,
    ) -> HistoryStack:
        """Return the looks a baseline is learnt from, or what is `learnable` of them, read a few at a time.

        Those that do not fit are left out: by the `previous` baseline, or by the other looks where there is none. At a
        refit, which has a previous baseline, they are gaps already, from when they were to be folded in.
        """
        self._tells = previous is None
        stack = HistoryStack(shape=(self.tile.height, self.tile.width))
        used = self._divide(scenes)
        for sensor in Sensor:
            for cube in self._cubes(used, sensor, batch=_BATCH):
                fitting = cube if previous is None else self._fitting(cube, scenes, previous)
                if fitting.sizes["time"]:
                    stack.add(fitting if learnable is None else learnable(fitting), sensor)
        if previous is not None:
            return stack
        misfits = detect.find_history_misfits(stack, self.watch.pipeline.misfit)
        self._set_aside([scene for scene in scenes if scene.id in misfits], misfits)
        return stack.without(misfits)

    def _divide(self, scenes: Sequence[Scene]) -> list[Scene]:
        """Return the scenes whose orbit the baseline knows; the others become gaps."""
        used, aside = divide(scenes, self._orbits)
        self._set_aside([scene for scene in scenes if scene.id in aside], aside, tile="")
        return used

    def _fitting(self, cube: xr.Dataset, scenes: Sequence[Scene], baseline: TileBaseline) -> xr.Dataset:
        """Return clear looks of one sensor without the scenes that do not fit the season of the tile."""
        sensor = Sensor(cube.attrs["sensor"])
        misfits = detect.find_misfits(detect.split_looks(cube, sensor), baseline, self.watch.pipeline.misfit)
        if not misfits:
            return cube
        self._set_aside([scene for scene in scenes if scene.id in misfits], misfits)
        ids = [str(scene_id) for scene_id in cube["scene_id"].to_numpy()]
        return cube.isel(time=[number for number, scene_id in enumerate(ids) if scene_id not in misfits])

    def _set_aside(self, scenes: Iterable[Scene], reasons: Mapping[str, str], tile: str | None = None) -> None:
        """Record scenes that are not used. They count as read, so that no run tries them again."""
        name, aoi_id = self.tile.name if tile is None else tile, self.watch.aoi.id
        for scene in scenes:
            self._read_ids.add(scene.id)
            reason = reasons[scene.id]
            gap = Gap(aoi_id=aoi_id, day=scene.day, sensor=scene.sensor, scene_id=scene.id, reason=reason, tile=name)
            if self._tells and gap not in self._gaps:
                self._gaps.append(gap)

    def _cubes(self, scenes: Sequence[Scene], sensor: Sensor, *, batch: int) -> Iterator[xr.Dataset]:
        """Yield clear looks `(time, y, x)` of one sensor, `batch` scenes at a time."""
        of_sensor = iter([scene for scene in scenes if scene.sensor is sensor])
        while now := list(islice(of_sensor, batch)):
            begin_s = time.perf_counter()
            cube, gaps = ingest.load_cube(now, self._geobox, self.watch.pipeline.ingest, self.watch.access)
            self._read_s += time.perf_counter() - begin_s
            self._reached += reached(now, self._reach)
            self._gaps += [_located(gap, self.watch, self.tile) for gap in gaps]
            self._stand_ins |= _stand_ins(now, cube.attrs["granule_used"])
            is_acquired = (cube["look_class"] != LookClass.NOT_ACQUIRED).any(("y", "x"))
            self._read_ids.update(str(scene_id) for scene_id in cube["scene_id"].to_numpy()[is_acquired.to_numpy()])
            if self._on_cube is not None:
                self._on_cube(cube)
            if cube.sizes["time"]:
                looks = features.clear_looks(cube, sensor, self.watch.pipeline.features, HALO_PX)
                yield self._only_watched(looks) if self.watch.aoi.is_watched_in_part else looks

    def _only_watched(self, looks: xr.Dataset) -> xr.Dataset:
        """Return clear looks with what is not watched blanked: it gets no belief of its own."""
        is_watched = xr.DataArray(self.watch.watched_of(self.tile), dims=("y", "x"))
        bands = [name for name, band in looks.data_vars.items() if {"y", "x"} <= set(band.dims)]
        return looks.assign({name: looks[name].where(is_watched) for name in bands})


def _stand_ins(scenes: Sequence[Scene], used: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Return by scene id the granules read that are not the ones the scene names first."""
    found = {}
    for scene in scenes:
        named = {f"{granule.provider}/{granule.item_id}" for granule in scene.granules}
        if others := frozenset(used.get(scene.id, ())) - named:
            found[scene.id] = others
    return found


def fit_tile(
    watch: Watch, tile: Tile, scenes: Sequence[Scene], orbits: Orbits = None
) -> tuple[TileBaseline, TileState, TileReading]:
    """Learn a tile's season from its history, and the belief monitoring starts from."""
    reader = TileReader(watch, tile, orbits=orbits)
    history = reader.history(scenes)
    options = watch.pipeline.detect
    context = context_of(watch, tile)
    if watch.aoi.layers_of(LayerKind.WORKINGS):
        context = replace(context, is_working=registry.rasterize_workings(watch.aoi, watch.grid, tile))
    fitted = detect.fit_baseline(history, options)
    baseline, start = detect.start_tile(fitted, history, context, watch.first_dekad, options)
    return baseline, start, reader.reading(is_fold=False)


def refit_tile(
    watch: Watch,
    tile: Tile,
    refit: Refit,
    previous: TileBaseline,
    states: Iterable[tuple[int, TileState]],
    orbits: Orbits = None,
) -> tuple[TileBaseline, Counter[detect.Refit], TileReading]:
    """Learn a tile's season anew, from looks at ground that was stable; count what was done with its pixels.

    Parameters
    ----------
    previous : TileBaseline
        What holds until the refit.
    states : iterable of (dekad, TileState)
        As of the end of each of `refit.believed_dekads`.
    """
    window = RefitWindow.read(states, is_all_monitored=refit.is_all_monitored)
    reader = TileReader(watch, tile, orbits=orbits)
    history = reader.history(refit.scenes, window.learnable, previous)
    baseline, outcomes = detect.refit_baseline(history, window, previous, watch.pipeline.detect)
    return baseline, outcomes, reader.reading(is_fold=False)


def fold_tile(
    watch: Watch,
    tile: Tile,
    baseline: TileBaseline,
    state: TileState,
    scenes_by_dekad: Sequence[tuple[int, Sequence[Scene]]],
    orbits: Orbits = None,
) -> Iterator[tuple[int, TileState, TileReading]]:
    """Yield the state of a tile at the end of each dekad, in order, from that before the first one."""
    context = context_of(watch, tile)
    for dekad, scenes in scenes_by_dekad:
        reader = TileReader(watch, tile, orbits=orbits)
        looks = reader.looks(scenes, baseline)
        state = detect.fold_dekad(state, baseline, looks, dekad, context, watch.pipeline.detect)
        yield dekad, state, reader.reading(is_fold=True)


def context_of(watch: Watch, tile: Tile) -> TileContext:
    """Return what a tile knows besides its looks."""
    in_stratum = watch.stratum_index_of(tile) > 0
    boost = opening_boost_of(watch, tile, watch.pipeline.prior) if watch.aoi.layers else None
    if watch.aoi.seasons is None:
        return TileContext(in_stratum=in_stratum, opening_boost=boost)
    return TileContext(
        in_stratum=in_stratum,
        opening_boost=boost,
        burn_months=watch.aoi.seasons.burn_months,
        dry_months=watch.aoi.seasons.dry_months,
    )


def _located(gap: Gap, watch: Watch, tile: Tile) -> Gap:
    """Write AOI and tile into a gap that was found while reading one tile."""
    return Gap(
        aoi_id=watch.aoi.id,
        day=gap.day,
        sensor=gap.sensor,
        scene_id=gap.scene_id,
        reason=gap.reason,
        tile=tile.name,
    )
