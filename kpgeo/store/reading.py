"""Reading a state at one commit: its header and its tiles."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import icechunk
import numpy as np
import zarr
from zarr.core.sync import sync

from kpgeo.model.calendar import dekad_label
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.grid import Grid, Tile
from kpgeo.model.state import DYNAMIC_LAYERS, STATIC_LAYERS, TileBaseline, TileState
from kpgeo.store.layout import MAIN, WITNESS, array_of, first_line, open_repository, require_same_grid

_BROKEN = (icechunk.IcechunkError, RuntimeError, ValueError, KeyError, OSError)


@dataclass(frozen=True, kw_only=True)
class StateHead:
    """The header of a state: what holds for the whole AOI at one commit.

    Attributes
    ----------
    snapshot_id : str
        The commit; "" before the first.
    is_fitted : bool
        Whether the baseline has been fitted.
    first_dekad, last_dekad : int or None
        First and last dekad of the state, both included. None before the first commit; `last_dekad` is one less than
        `first_dekad` where only a baseline is there.
    applied : dict
        Ids of the scenes folded in, in order, by dekad.
    baseline_scenes : tuple of str
        Ids of the scenes the first baseline was learnt from.
    refit_dekads : tuple of int
        Dekads at which a refitted baseline begins to hold, in order: the k-th begins epoch k, counted from 1. Epoch 0
        is that of the first baseline.
    unfinished : dict
        Tiles (by name) that could not be brought up to date, with the dekad they must be taken up from again.
    aoi_version : str
        `Aoi.version` at the commit.
    """

    snapshot_id: str = ""
    is_fitted: bool = False
    first_dekad: int | None = None
    last_dekad: int | None = None
    applied: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    baseline_scenes: tuple[str, ...] = ()
    refit_dekads: tuple[int, ...] = ()
    unfinished: Mapping[str, int] = field(default_factory=dict)
    aoi_version: str = ""

    @property
    def n_dekads(self) -> int:
        """Return how many dekads the state holds."""
        return 0 if self.first_dekad is None or self.last_dekad is None else self.last_dekad - self.first_dekad + 1

    def index(self, dekad: int) -> int:
        """Return the position of a dekad along the dekad axis; `BadInputError` where the state does not hold it."""
        if self.first_dekad is None or not 0 <= dekad - self.first_dekad < self.n_dekads:
            raise BadInputError(f"The state does not hold {dekad_label(dekad)}.", where="state")
        return dekad - self.first_dekad

    def epoch_of(self, dekad: int) -> int:
        """Return the epoch whose baseline holds for a dekad, as a position along the epoch axis."""
        return bisect_right(self.refit_dekads, dekad)

    def to_attributes(self) -> dict[str, Any]:
        """Return the header as JSON-ready group attributes."""
        return {
            "is_fitted": self.is_fitted,
            "first_dekad": self.first_dekad,
            "last_dekad": self.last_dekad,
            "applied": {str(dekad): list(ids) for dekad, ids in sorted(self.applied.items())},
            "baseline_scenes": list(self.baseline_scenes),
            "refit_dekads": list(self.refit_dekads),
            "unfinished": dict(sorted(self.unfinished.items())),
            "aoi_version": self.aoi_version,
        }

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any], snapshot_id: str) -> "StateHead":
        """Rebuild a header from group attributes."""
        return cls(
            snapshot_id=snapshot_id,
            is_fitted=bool(attributes["is_fitted"]),
            first_dekad=attributes["first_dekad"],
            last_dekad=attributes["last_dekad"],
            applied={int(dekad): tuple(ids) for dekad, ids in attributes["applied"].items()},
            baseline_scenes=tuple(attributes["baseline_scenes"]),
            refit_dekads=tuple(attributes["refit_dekads"]),
            unfinished=dict(attributes["unfinished"]),
            aoi_version=attributes["aoi_version"],
        )


def is_begun(folder: Path) -> bool:
    """Say whether a state has a first commit: a repository is born with an empty snapshot that has no parent."""
    if not (folder / "refs" / f"branch.{MAIN}").is_dir():
        return False
    with broken_as_integrity(folder):
        repo = open_repository(folder)
        return repo.lookup_snapshot(repo.lookup_branch(MAIN)).parent_id is not None


def read_head(folder: Path, grid: Grid, snapshot_id: str = "") -> StateHead:
    """Return the header of a commit ("" is the newest); an empty one before the first."""
    if not is_begun(folder):
        return StateHead()
    with opened(folder, grid, snapshot_id) as (_, head):
        return head


@contextmanager
def opened(folder: Path, grid: Grid, snapshot_id: str = "") -> Iterator[tuple[zarr.Group, StateHead]]:
    """Open the arrays and the header of a commit ("" is the newest) for reading.

    Raises
    ------
    BadInputError
        There is no such commit.
    IntegrityError
        A file is broken, or the state was written on another grid.
    """
    if not is_begun(folder):
        raise BadInputError("There is no state yet.", where=str(folder), remedy="Run the pipeline first.")
    repo = open_repository(folder)
    with broken_as_integrity(folder):
        session = _session(repo, folder, snapshot_id)
        group = zarr.open_group(session.store, mode="r")
        attributes = group.attrs.asdict()
        require_same_grid(attributes, grid, str(folder))
        yield group, StateHead.from_attributes(attributes, session.snapshot_id)


def _session(repo: icechunk.Repository, folder: Path, snapshot_id: str) -> icechunk.Session:
    if not snapshot_id:
        return repo.readonly_session(MAIN)
    try:
        return repo.readonly_session(snapshot_id=snapshot_id)
    except (icechunk.IcechunkError, ValueError) as error:
        raise BadInputError(f"{snapshot_id!r} is not a commit.", where=str(folder)) from error


@contextmanager
def broken_as_integrity(folder: Path) -> Iterator[None]:
    """Turn what Icechunk, Zarr and the codecs raise over a broken file into `IntegrityError`."""
    try:
        yield
    except _BROKEN as error:
        raise IntegrityError(
            f"The state cannot be read ({first_line(error)}).",
            where=str(folder),
            remedy="Restore the folder from a copy, or remove it to begin the history anew.",
        ) from error


@contextmanager
def unwritable_as_integrity(folder: Path) -> Iterator[None]:
    """Turn what Icechunk and Zarr raise where the disk refuses, or the clocks disagree, into `IntegrityError`."""
    try:
        yield
    except _BROKEN as error:
        if "clock" in str(error):
            raise IntegrityError(
                f"The state cannot be written: this machine and its disk tell different times ({first_line(error)}).",
                where=str(folder),
                remedy="Set the clocks right; nothing of this run was kept, so run again.",
            ) from error
        raise IntegrityError(
            f"The state cannot be written ({first_line(error)}).",
            where=str(folder),
            remedy="See that the disk has room and may be written to; nothing of this run was kept.",
        ) from error


def has_chunk(group: zarr.Group, name: str, lead: tuple[int, ...], tile: Tile) -> bool:
    """Say whether a tile's chunk of a layer was ever written. `lead` is the position along its dekad or epoch axis."""
    n_lead = len((DYNAMIC_LAYERS | STATIC_LAYERS)[name].lead)
    key = "/".join(str(part) for part in (name, "c", *lead, *(0,) * n_lead, tile.row, tile.col))
    return bool(sync(group.store.exists(key)))


def read_tile_state(group: zarr.Group, tile: Tile, index: int, label: str) -> TileState:
    """Read a tile's dynamic state at a position of the dekad axis."""
    if not has_chunk(group, WITNESS["dynamic"], (index,), tile):
        raise IntegrityError(f"Tile {tile.name} has no state for {label}.", where="state")
    arrays = {name: np.asarray(array_of(group, name)[(index, ..., *tile.window)]) for name in DYNAMIC_LAYERS}
    return TileState(**arrays)


def read_tile_baseline(group: zarr.Group, tile: Tile, epoch: int) -> TileBaseline:
    """Read a tile's static state at a position of the epoch axis."""
    if not has_chunk(group, WITNESS["static"], (epoch,), tile):
        raise IntegrityError(f"Tile {tile.name} has no baseline of epoch {epoch}.", where="state")
    arrays = {name: np.asarray(array_of(group, name)[(epoch, ..., *tile.window)]) for name in STATIC_LAYERS}
    return TileBaseline(**arrays)
