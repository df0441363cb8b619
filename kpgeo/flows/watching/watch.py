"""What a pipeline watches: its AOIs, each with its grid, lineage and place."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kpgeo import alerts, detect, registry
from kpgeo.model.aoi import Aoi, LeftOut
from kpgeo.model.calendar import day_of, dekad_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.grid import Grid, Tile
from kpgeo.model.operating import BeliefMap, OperatingPoint
from kpgeo.options.pipeline import Pipeline
from kpgeo.sites import Place
from kpgeo.wire import Access, trusted_by

_DEKADS_PER_YEAR = 36

Progress = Callable[[str, int, int], None]
"""Called with a step, what is done of it, and what there is to do in all."""


def silent(step: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """One AOI as one pipeline watches it.

    Attributes
    ----------
    lineage : str
        Detector, version and digest of everything that moves its numbers.
    """

    aoi: Aoi
    pipeline: Pipeline
    grid: Grid
    lineage: str

    def __getstate__(self) -> dict[str, object]:
        """Leave the rasters behind when a watch is sent to a worker: a worker makes those of its own tile."""
        return {spec.name: getattr(self, spec.name) for spec in fields(self)}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take the fields up again."""
        self.__dict__.update(state)

    @property
    def access(self) -> Access:
        """Return what reading over the network goes by: the pipeline's options, and the hosts it names itself."""
        named = trusted_by(source.url for source in self.pipeline.catalog)
        return Access(options=self.pipeline.wire, trusted_hosts=named)

    @property
    def first_dekad(self) -> int:
        """Return the first dekad that is monitored."""
        return dekad_of(day_of(self.pipeline.history.end))

    def refit_dekads(self, last_dekad: int) -> tuple[int, ...]:
        """Return the dekads, up to and with the last one, from which on a baseline learnt anew holds."""
        step = _DEKADS_PER_YEAR * self.pipeline.history.refit_years
        return tuple(range(self.first_dekad + step, last_dekad + 1, step)) if step else ()

    @cached_property
    def stratum_index(self) -> NDArray[np.uint8]:
        """Return 0 outside every stratum and i + 1 in the i-th, (y, x)."""
        return registry.rasterize_strata(self.aoi, self.grid)

    def stratum_index_of(self, tile: Tile) -> NDArray[np.uint8]:
        """Return the stratum index of one tile, without that of the whole grid."""
        return registry.rasterize_strata(self.aoi, self.grid, tile)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Return where the grid lies inside the AOI, (y, x)."""
        return registry.rasterize_inside(self.aoi, self.grid)

    @cached_property
    def watched(self) -> NDArray[np.bool_]:
        """Return which pixels are watched, (y, x): those inside the AOI, or of them those at risk."""
        return registry.rasterize_watched(self.aoi, self.grid)

    def watched_of(self, tile: Tile) -> NDArray[np.bool_]:
        """Return which pixels of one tile are watched, without those of the whole grid."""
        return registry.rasterize_watched(self.aoi, self.grid, tile)

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """Return the tiles to read: all, or where the AOI is watched in part those with a watched pixel.

        Raises
        ------
        BadInputError
            No pixel of the AOI is watched.
        """
        tiles = tuple(self.grid.tiles())
        if self.aoi.is_watched_in_part:
            tiles = tuple(tile for tile in tiles if self.watched[tile.window].any())
        if not tiles:
            remedy = "Draw the ground at risk inside the boundary, or widen the rule."
            raise BadInputError("No pixel of the AOI is watched.", where=self.aoi.id, remedy=remedy)
        return tiles

    @cached_property
    def left_out(self) -> LeftOut | None:
        """Return what of the AOI is not watched, by choice; None where it is watched whole."""
        return registry.measure_left_out(self.aoi, self.grid)

    @cached_property
    def place(self) -> Place:
        """Return what outlining and linking need to know of the AOI."""
        return Place(
            aoi_id=self.aoi.id,
            lineage=self.lineage,
            grid=self.grid,
            strata_ids=tuple(stratum.id for stratum in self.aoi.strata),
            stratum_index=self.stratum_index,
            inside=self.watched,
            baseline_end_day=day_of(self.pipeline.history.end),
        )

    @property
    def belief_map(self) -> BeliefMap:
        """Return how the detector's beliefs are calibrated; a map without knots where they are taken as they are."""
        calibration = detect.carried_calibration()
        return BeliefMap() if calibration is None else calibration.belief

    @cached_property
    def operating(self) -> OperatingPoint:
        """Return how sure to be of a site to announce it, and what that stands for by the carried calibration.

        Raises
        ------
        BadInputError
            The pipeline asks for a rate of false alerts that the calibration cannot give.
        """
        pipeline = self.pipeline
        stages = {"features": pipeline.features, "detect": pipeline.detect, "sites": pipeline.sites}
        return alerts.choose_operating_point(
            pipeline.alerts,
            detect.carried_calibration(),
            f"{detect.DETECTOR.name}-{detect.DETECTOR.version}",
            {name: options.digest() for name, options in stages.items()},
        )


def open_watches(pipeline: Pipeline) -> list[Watch]:
    """Read the AOIs of a pipeline. An AOI named by a path is relative to the pipeline file."""
    return [open_watch(pipeline, reference) for reference in pipeline.aois]


def open_watch(pipeline: Pipeline, reference: str) -> Watch:
    """Read one AOI by its id, or by the path of its file."""
    is_path = "/" in reference or reference.endswith((".geojson", ".json"))
    aoi = registry.read_aoi(pipeline.path(reference) if is_path else reference)
    history = (pipeline.history.start.isoformat(), pipeline.history.end.isoformat(), str(pipeline.history.refit_years))
    stages = (pipeline.ingest, pipeline.features, pipeline.misfit, pipeline.detect, pipeline.prior)
    lineage = detect.lineage_of(aoi.ground_version, history, *stages)
    return Watch(aoi=aoi, pipeline=pipeline, grid=registry.grid_of(aoi), lineage=lineage)
