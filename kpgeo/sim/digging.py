"""Artisanal diamond workings: pits, spoil, trodden ground and ponds on a grid four times finer than the scenes.

A working is a patch of cells of 2.5 m, each with a kind and the day it is first dug. It grows outward from where
digging began. While it is active its ground is disturbed again and again; where and when it is left, herbs come back
over one to three wet seasons and ponds turn from brown to clear.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt

from kpgeo.sim.climate import Climate
from kpgeo.sim.landscape import NEVER
from kpgeo.sim.spectra import N_COVERS, Cover
from kpgeo.sim.textures import F32, block_mean, ramp, rng_of, smooth_noise

FINE = 4
CELL_M = 2.5
CELL_HA = CELL_M * CELL_M / 10_000.0


class Ground(IntEnum):
    """What a fine cell of a working is."""

    UNTOUCHED = 0
    SPOIL = 1
    PIT = 2
    TRODDEN = 3


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of a working's life; days half-open."""

    start_day: int
    end_day: int
    state: Literal["active", "paused", "abandoned"]


@dataclass(frozen=True, kw_only=True)
class SitePlan:
    """What is decided about a working before its cells are drawn.

    Attributes
    ----------
    row, col : int
        Pixel of the frame where digging begins.
    area_ha : float
        Ground it is to dig in all.
    growth_days : float
        Active days until all of it is dug.
    phases : tuple of Phase
        Its life, in order.
    low_ground : bool
        True where the water table is near, so that pits become ponds.
    """

    id: str
    row: int
    col: int
    area_ha: float
    growth_days: float
    phases: tuple[Phase, ...]
    low_ground: bool
    place: Literal["flat", "dyke", "outside"]


@dataclass(frozen=True, kw_only=True)
class Digging:
    """A working, drawn. Fine arrays are (4 n, 4 n), the window of n × n pixels begins at (row0, col0) of the frame.

    Attributes
    ----------
    kind : uint8 array
        `Ground` of each fine cell.
    born_day : float32 array
        Day it is first dug, `NEVER` where it is not.
    again_frac : float32 array
        Uniform draw of each cell: it is dug again in a later phase where the draw is below that phase's share.
    depth : float32 array
        Depth rank of pits, 0–1; deep ones hold water first.
    recovery_days : float32 array
        Growing days in which left ground recovers by two thirds.
    pale_frac : float
        Share of its spoil that is pale gravel; the rest looks like the laterite around it.
    """

    plan: SitePlan
    row0: int
    col0: int
    kind: NDArray[np.uint8]
    born_day: F32
    again_frac: F32 = field(repr=False)
    depth: F32 = field(repr=False)
    recovery_days: F32 = field(repr=False)
    pale_frac: float

    @property
    def window(self) -> tuple[slice, slice]:
        """Return the (y, x) slices of its window in the frame."""
        n = self.kind.shape[0] // FINE
        return slice(self.row0, self.row0 + n), slice(self.col0, self.col0 + n)

    @property
    def opened_day(self) -> int:
        """Return the day digging began."""
        return self.plan.phases[0].start_day

    def closed_day(self) -> int | None:
        """Return the day it was abandoned, None where it was not."""
        last = self.plan.phases[-1]
        return last.start_day if last.state == "abandoned" else None

    def worked_until(self, day: int) -> F32:
        """Return, for each fine cell, the last day up to `day` it was disturbed; minus `NEVER` where not yet dug."""
        last = np.full(self.kind.shape, -NEVER, dtype=np.float32)
        active = [phase for phase in self.plan.phases if phase.state == "active" and phase.start_day <= day]
        for number, phase in enumerate(active):
            is_worked = (self.born_day >= phase.start_day) | (self.again_frac < 0.65 if number else True)
            upto = np.float32(min(day, phase.end_day - 1))
            is_worked &= self.born_day <= upto
            last = np.where(is_worked, upto, last)
        return last

    def left_behind(self, day: int) -> F32:
        """Return the last day each cell was disturbed, parts behind a long active front included."""
        last = self.worked_until(day)
        lag = 420.0 + 260.0 * self.again_frac
        return np.where(last > 0, np.minimum(last, np.maximum(self.born_day + lag, last - 240.0)), last)

    def regrown(self, day: int, climate: Climate) -> F32:
        """Return the share of each fine cell that plants have taken back, 0–1."""
        last = self.left_behind(day)
        grown = climate.wet_days_on(float(day)) - climate.wet_days_on(np.maximum(last, 0.0))
        slower = np.where(self.kind == Ground.PIT, 1.7, 1.0)
        share = 1.0 - np.exp(-((np.maximum(grown, 0.0) / (self.recovery_days * slower)) ** 1.4))
        return np.where(last > 0, share, 0.0).astype(np.float32)

    def mined_fine(self, day: int, climate: Climate) -> F32:
        """Return the share of each fine cell that is open ground or pond, 0–1: what a detector should find."""
        is_dug = (self.born_day <= day) & (self.kind > 0)
        return np.where(is_dug, 1.0 - self.regrown(day, climate), 0.0).astype(np.float32)

    def mined_frac(self, day: int, climate: Climate) -> F32:
        """Return the mined share of each pixel of the window."""
        return block_mean(self.mined_fine(day, climate), FINE)

    def cover_on(self, day: int, climate: Climate) -> tuple[F32, F32]:
        """Return covers (cover, n, n) of the dug ground, already weighted by its share, and that share (n, n)."""
        is_dug = (self.born_day <= day) & (self.kind > 0)
        regrown = self.regrown(day, climate)
        bare = np.where(is_dug, 1.0 - regrown, 0.0)
        idle = day - self.worked_until(day)
        level = (0.42 if self.plan.low_ground else 0.10) + 0.50 * min(climate.river_on(day), 1.0)
        is_pit = self.kind == Ground.PIT
        pond = bare * (is_pit & (self.depth < level - np.where(idle < 3, 0.12, 0.0)))
        dry_pit = bare * is_pit - pond
        turbid = np.exp(-np.maximum(idle - 3.0, 0.0) / 70.0)
        spoil = bare * (self.kind == Ground.SPOIL)
        trodden = bare * (self.kind == Ground.TRODDEN)
        green = climate.greenness(day)
        plants = np.where(is_dug, regrown, 0.0)
        mix = np.zeros((N_COVERS, *self.kind.shape), dtype=np.float32)
        mix[Cover.SPOIL] = 0.92 * spoil + 0.35 * trodden + 0.15 * dry_pit
        mix[Cover.LATERITE] = 0.50 * trodden + 0.08 * spoil
        mix[Cover.CLAY] = 0.62 * dry_pit + 0.15 * trodden
        mix[Cover.SHADE] = 0.23 * dry_pit
        mix[Cover.TURBID] = pond * turbid
        mix[Cover.CLEAR_WATER] = pond * (1.0 - turbid)
        mix[Cover.GRASS] = plants * (0.10 + 0.80 * green)
        mix[Cover.STRAW] = plants * 0.75 * (1.0 - green)
        mix[Cover.SPOIL] += plants * (0.15 - 0.05 * green)
        red = (1.0 - self.pale_frac) * mix[Cover.SPOIL]
        mix[Cover.SPOIL] -= red
        mix[Cover.LATERITE] += red
        share = block_mean(is_dug.astype(np.float32), FINE)
        return block_mean(mix, FINE), share


def draw_digging(
    seed: int, plan: SitePlan, is_free: NDArray[np.bool_], cover: tuple[float, float] = (1.0, 1.0)
) -> Digging:
    """Draw the cells of a working.

    Parameters
    ----------
    seed : int
        The world.
    plan : SitePlan
        What it is to become.
    is_free : bool array (y, x) on the frame
        Where digging is possible: not in the river, not in a village.
    cover : tuple of float
        Least and largest share of a pixel that may be broken; each pixel has its own between them.
    """
    rng = rng_of(seed, "digging", plan.id)
    half_px = int(np.ceil(np.sqrt(plan.area_ha * 1.9 * 1e4 / np.pi) / 10.0 * 1.7)) + 2
    row0, col0 = plan.row - half_px, plan.col - half_px
    size = (2 * half_px + 1) * FINE
    rank = _spread(rng, size, plan)
    rows = np.clip(np.arange(size) // FINE + row0, 0, is_free.shape[0] - 1)
    cols = np.clip(np.arange(size) // FINE + col0, 0, is_free.shape[1] - 1)
    allowed = is_free[np.ix_(rows, cols)]
    if cover[0] < 1.0:
        allowed = allowed & _spared(rng_of(seed, "cover", plan.id), size, cover)
    kind, depth = _works(rng, size, rank, allowed, plan.area_ha)
    born = _births(rng, rank, kind, plan)
    recovery = np.clip(150.0 * np.exp(0.45 * smooth_noise(rng, size, 3, 14)), 50.0, 420.0)
    return Digging(
        plan=plan,
        row0=row0,
        col0=col0,
        kind=np.where(born < NEVER, kind, Ground.UNTOUCHED).astype(np.uint8),
        born_day=born,
        again_frac=rng.random((size, size), dtype=np.float32),
        depth=depth,
        recovery_days=recovery.astype(np.float32),
        pale_frac=float(rng.uniform(0.35, 1.0)),
    )


def _spared(rng: np.random.Generator, size: int, cover: tuple[float, float]) -> NDArray[np.bool_]:
    """Return the fine cells that may be dug where only a share of each pixel is: in clumps, drawn pixel by pixel."""
    blocks = size // FINE
    rank = smooth_noise(rng, size, 3).reshape(blocks, FINE, blocks, FINE).transpose(0, 2, 1, 3)
    order = rank.reshape(blocks, blocks, -1).argsort(axis=-1).argsort(axis=-1)
    most = np.rint(rng.uniform(*cover, (blocks, blocks)) * FINE * FINE)
    kept = (order < most[:, :, None]).reshape(blocks, blocks, FINE, FINE)
    return np.asarray(kept.transpose(0, 2, 1, 3).reshape(size, size))


def _spread(rng: np.random.Generator, size: int, plan: SitePlan) -> F32:
    """Return how late digging reaches each cell (m, distorted): outward from the start, faster along one direction."""
    rows, cols = (np.indices((size, size)) - size / 2 + 0.5) * CELL_M
    angle = rng.uniform(0, np.pi)
    stretch = rng.uniform(1.1, 2.2)
    drift = rng.uniform(0.0, 0.3) * np.sqrt(plan.area_ha * 1e4)
    along = (cols * np.cos(angle) + rows * np.sin(angle) - drift) / np.sqrt(stretch)
    across = (rows * np.cos(angle) - cols * np.sin(angle)) * np.sqrt(stretch)
    rough = 1.0 + 0.28 * smooth_noise(rng, size, 8, 20)
    return np.asarray(np.hypot(along, across) * np.clip(rough, 0.4, 1.9), dtype=np.float32)


def _works(
    rng: np.random.Generator, size: int, rank: F32, allowed: NDArray[np.bool_], area_ha: float
) -> tuple[NDArray[np.uint8], F32]:
    """Return the kind of each cell, and the depth rank of pits, so that the ground dug comes to `area_ha`."""
    centres = rng.random((size, size)) < rng.uniform(0.012, 0.024)
    radius = np.where(centres, rng.uniform(1.5, 6.0, (size, size)), 0.0)
    reach, (near_row, near_col) = distance_transform_edt(~centres, sampling=CELL_M, return_indices=True)
    own_radius = radius[near_row, near_col]
    is_pit = reach <= np.maximum(own_radius, 1.3)
    is_spoil = ~is_pit & (reach <= own_radius + rng.uniform(1.5, 4.5, (size, size)))
    is_trodden = ~is_pit & ~is_spoil & (smooth_noise(rng, size, 3, 8) > rng.uniform(-0.9, 0.3))
    kind = np.select([is_pit, is_spoil, is_trodden], [Ground.PIT, Ground.SPOIL, Ground.TRODDEN], Ground.UNTOUCHED)
    kind = np.where(allowed, kind, Ground.UNTOUCHED)
    order = np.argsort(np.where(kind > 0, rank, np.inf), axis=None, kind="stable")
    wanted = min(max(round(area_ha / CELL_HA), 8), int((kind > 0).sum()))
    is_kept = np.zeros(kind.size, dtype=bool)
    is_kept[order[:wanted]] = True
    depth = rng.random((size, size))[near_row, near_col]
    return np.where(is_kept.reshape(kind.shape), kind, Ground.UNTOUCHED).astype(np.uint8), depth.astype(np.float32)


def _births(rng: np.random.Generator, rank: F32, kind: NDArray[np.uint8], plan: SitePlan) -> F32:
    """Return the day each cell is first dug: the front moves on active days only."""
    is_dug = kind > 0
    order = np.full(kind.shape, np.inf)
    jittered = rank[is_dug] * rng.uniform(0.82, 1.18, int(is_dug.sum()))
    order[is_dug] = (np.argsort(np.argsort(jittered, kind="stable"), kind="stable") + 0.5) / max(int(is_dug.sum()), 1)
    active = np.concatenate([np.arange(p.start_day, p.end_day) for p in plan.phases if p.state == "active"])
    spent = order[is_dug] ** 1.15 * plan.growth_days
    born = np.full(kind.shape, NEVER, dtype=np.float32)
    reached = spent < len(active)
    days = np.full(len(spent), NEVER, dtype=np.float32)
    days[reached] = active[np.floor(spent[reached]).astype(int)]
    born[is_dug] = days
    return born


def outline_fine(digging: Digging) -> NDArray[np.bool_]:
    """Return the ground a working ever dug, closed over the gaps of a few metres between its pits (fine cells)."""
    is_dug = digging.born_day < NEVER
    return np.asarray(binary_dilation(is_dug, iterations=1))


def river_bank_free(river_m: F32, river_half_m: F32) -> NDArray[np.bool_]:
    """Return where digging leaves the river alone."""
    return np.asarray(ramp(river_m - river_half_m, 4.0, 5.0) > 0.5)
