"""What truly was in every pixel of a simulated world, when, and what else it might be taken for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from kpgeo.model.calendar import dekad_end, dekad_of
from kpgeo.sim.digging import FINE
from kpgeo.sim.ground import Terrain
from kpgeo.sim.landscape import NEVER

NO_DAY = 2**31 - 1
MINED_FRAC = 0.3
"""A pixel is mined where at least this share of it is; between 0 and this it is neither mined nor unmined."""
BESIDE_PX = 2
GROUNDS = ("savanna", "old field", "new field", "new road", "village", "river and bank", "old road", "gallery")


@dataclass(frozen=True, kw_only=True)
class PixelTruth:
    """Arrays (y, x) on the AOI grid, days as int32, `NO_DAY` for never.

    Attributes
    ----------
    first_day, opened_day : int32
        Day a pixel was first broken; day at least `MINED_FRAC` of it had been.
    event : int16
        Number of the working that broke it, -1 for none; `event_*` describe workings.
    is_never : bool
        More than `BESIDE_PX` pixels from any ground that is ever mined.
    ground : uint8
        What a never-mined pixel is, an index into `GROUNDS`.
    mined_percent : uint8 (dekad, y, x)
        Share that is open diggings or pond at the end of each monitored dekad.
    event_opened_day : int32 (working,)
    event_ha : float32 (working,)
        Ground it digs in all.
    """

    first_day: NDArray[np.int32]
    opened_day: NDArray[np.int32]
    event: NDArray[np.int16]
    is_never: NDArray[np.bool_]
    ground: NDArray[np.uint8]
    mined_percent: NDArray[np.uint8]
    event_opened_day: NDArray[np.int32]
    event_ha: NDArray[np.float32]

    def is_new(self, monitor_day: int, end_day: int) -> NDArray[np.bool_]:
        """Return the pixels that became mined while monitored and were whole when monitoring began."""
        return (self.first_day >= monitor_day) & (self.opened_day < end_day)


def pixel_truth(terrain: Terrain) -> PixelTruth:
    """Return the truth of a world's pixels."""
    frame = terrain.frame
    births = np.full((frame.size * FINE, frame.size * FINE), NEVER, dtype=np.float32)
    event = np.full((frame.size, frame.size), -1, dtype=np.int16)
    for number, digging in enumerate(terrain.diggings):
        rows, cols = digging.window
        fine = (slice(rows.start * FINE, rows.stop * FINE), slice(cols.start * FINE, cols.stop * FINE))
        births[fine] = np.minimum(births[fine], digging.born_day)
        touched = (digging.born_day < NEVER).reshape(rows.stop - rows.start, FINE, -1, FINE).any(axis=(1, 3))
        event[rows, cols][touched] = number
    cells = births.reshape(frame.size, FINE, frame.size, FINE).transpose(0, 2, 1, 3).reshape(*event.shape, -1)
    cells = np.sort(cells, axis=-1)
    needed = int(np.ceil(MINED_FRAC * FINE * FINE))
    first, opened = _days(cells[:, :, 0]), _days(cells[:, :, needed - 1])
    square = np.ones((2 * BESIDE_PX + 1, 2 * BESIDE_PX + 1), dtype=bool)
    inner = frame.inner
    ends = [dekad_end(d) - 1 for d in range(dekad_of(frame.monitor_day), dekad_of(frame.end_day))]
    percents = [np.rint(100.0 * terrain.mined_frac(day)[inner]).astype(np.uint8) for day in ends]
    return PixelTruth(
        first_day=first[inner],
        opened_day=opened[inner],
        event=event[inner],
        is_never=~binary_dilation(first < NO_DAY, structure=square)[inner],
        ground=_grounds(terrain)[inner],
        mined_percent=np.stack(percents),
        event_opened_day=np.array([digging.opened_day for digging in terrain.diggings], dtype=np.int32),
        event_ha=np.array([_dug_ha(terrain, n) for n in range(len(terrain.diggings))], dtype=np.float32),
    )


def _dug_ha(terrain: Terrain, number: int) -> float:
    """Return the ground a working broke by the end."""
    born = terrain.diggings[number].born_day
    return float((born < terrain.frame.end_day).sum() * 6.25e-4)


def _days(born: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.where(born < NEVER, born, 0).astype(np.int32) + np.where(born < NEVER, 0, NO_DAY).astype(np.int32)


def _grounds(terrain: Terrain) -> NDArray[np.uint8]:
    """Say what each pixel of the frame is besides workings; later entries overrule earlier ones."""
    land, plots, frame = terrain.land, terrain.plots, terrain.frame
    found = np.zeros((frame.size, frame.size), dtype=np.uint8)
    flat = found.reshape(-1)
    found[land.gallery_frac > 0.3] = GROUNDS.index("gallery")
    is_new = (plots.cleared_day >= frame.monitor_day - 180) & (plots.cleared_day < frame.end_day)
    flat[plots.pixels] = np.where(is_new[plots.plot], GROUNDS.index("new field"), GROUNDS.index("old field"))
    found[land.river_m - land.river_half_m < 25.0] = GROUNDS.index("river and bank")
    found[(land.village_day < NEVER)] = GROUNDS.index("village")
    track_day, track_frac = terrain._track_rasters  # noqa: SLF001
    for day, share in ((land.road_day, land.road_frac), (track_day, track_frac)):
        found[(share > 0) & (day < frame.monitor_day - 180)] = GROUNDS.index("old road")
        is_built = (share > 0) & (day >= frame.monitor_day - 180) & (day < frame.end_day)
        found[binary_dilation(is_built)] = GROUNDS.index("new road")
    return found
