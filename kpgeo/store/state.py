"""The pixel state of one AOI and lineage: reading it, as it is or as it was, and beginning a run's commit."""

import datetime as dt
import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from kpgeo.model.calendar import dekad_label
from kpgeo.model.errors import BadInputError
from kpgeo.model.grid import Grid, Tile
from kpgeo.model.state import DYNAMIC_LAYERS, STATIC_LAYERS, TileBaseline, TileState
from kpgeo.store.layout import MAIN, WITNESS, array_of, open_repository
from kpgeo.store.reading import (
    StateHead,
    broken_as_integrity,
    has_chunk,
    is_begun,
    opened,
    read_head,
    read_tile_baseline,
    read_tile_state,
)
from kpgeo.store.writer import Writer, writer_lock


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One commit of a state: its id, when it was written (ISO, UTC) and the metadata its run gave it."""

    id: str
    written_at: str
    metadata: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PixelHistory:
    """Every dekad of one pixel, for explaining an alert.

    Attributes
    ----------
    dekads : tuple of int
        The dekads, in order.
    dynamic : dict
        By name of `DYNAMIC_LAYERS`, the coded values, shape `(dekad, *lead)`.
    refit_dekads : tuple of int
        `StateHead.refit_dekads`: which epoch holds for which dekad.
    static : dict
        By name of `STATIC_LAYERS`, the coded values, shape `(epoch, *lead)`.
    """

    dekads: tuple[int, ...]
    refit_dekads: tuple[int, ...]
    dynamic: dict[str, NDArray[np.generic]]
    static: dict[str, NDArray[np.generic]]


@dataclass(frozen=True, kw_only=True)
class StateStore:
    """The pixel state of one AOI and lineage. It may be pickled and sent to a worker, where it reads the same commit.

    Attributes
    ----------
    folder : Path
        The Icechunk repository; made by the first `begin`, so that reading never writes.
    at_snapshot : str
        The commit to read; "" reads the newest.
    """

    folder: Path
    grid: Grid
    at_snapshot: str = ""

    def head(self) -> StateHead:
        """Return the header of the commit that is read; an empty one before the first commit."""
        return read_head(self.folder, self.grid, self.at_snapshot)

    def begin(self, first_dekad: int, last_dekad: int, refit_dekads: tuple[int, ...] | None = None) -> Writer:
        """Begin a run's one commit, of the dekads from `first_dekad` to `last_dekad`, both included.

        For a baseline alone, `last_dekad` is `first_dekad - 1`. The range must join the state and reach its end.

        Parameters
        ----------
        refit_dekads : tuple of int, optional
            Every dekad up to `last_dekad` at which a refitted baseline begins to hold: those of the state, and what
            the run adds to them. None adds nothing.

        Raises
        ------
        BusyError
            Another run is writing to this state.
        BadInputError
            The range leaves a hole, or dekads that would be stale; or the epochs are not those of the state.
        IntegrityError
            The state is broken or was written on another grid.
        """
        if self.at_snapshot:
            raise BadInputError("A state as it was at a commit can only be read.", where=str(self.folder))
        return Writer(self.folder, self.grid, first_dekad, last_dekad, refit_dekads)

    def at(self, snapshot_id: str) -> "StateStore":
        """Return the state as it was at a commit, for reading."""
        return replace(self, at_snapshot=snapshot_id)

    def snapshots(self) -> list[Snapshot]:
        """Return the commits, oldest first."""
        if not is_begun(self.folder):
            return []
        repo = open_repository(self.folder)
        found = [
            Snapshot(id=info.id, written_at=info.written_at.isoformat(), metadata=dict(info.metadata))
            for info in repo.ancestry(branch=MAIN)
            if info.metadata.get("kpgeo") == "run"
        ]
        return found[::-1]

    def has_state(self, tile: Tile, dekad: int) -> bool:
        """Say whether a tile was written for a dekad."""
        with self._opened() as (group, head):
            return has_chunk(group, WITNESS["dynamic"], (head.index(dekad),), tile)

    def read_state(self, tile: Tile, dekad: int) -> TileState:
        """Return a tile's dynamic state at the end of a dekad; `IntegrityError` where it was never written."""
        with self._opened() as (group, head):
            return read_tile_state(group, tile, head.index(dekad), dekad_label(dekad))

    def read_baseline(self, tile: Tile, dekad: int | None = None) -> TileBaseline:
        """Return the static state of a tile that holds for a dekad (None is the newest).

        Raises
        ------
        IntegrityError
            It was never written.
        """
        with self._opened() as (group, head):
            return read_tile_baseline(group, tile, _epoch(head, dekad))

    def read_layer(self, name: str, dekad: int | None = None) -> NDArray[np.generic]:
        """Return one layer of the whole AOI, `(*lead, y, x)`, as of a dekad; None is the newest of a static layer.

        Tiles that were never written read as the fill value: nothing believed, no day, no look.
        """
        with self._opened() as (group, head):
            if name in STATIC_LAYERS:
                return np.asarray(array_of(group, name)[_epoch(head, dekad)])
            if name not in DYNAMIC_LAYERS or dekad is None:
                raise BadInputError(f"{name!r} is not a layer of the state, or needs a dekad.", where="state")
            return np.asarray(array_of(group, name)[head.index(dekad)])

    def read_pixel(self, row: int, col: int) -> PixelHistory:
        """Return every dekad of one pixel, by its row and column in the grid."""
        if not (0 <= row < self.grid.height and 0 <= col < self.grid.width):
            raise BadInputError(f"Pixel ({row}, {col}) lies outside the grid.", where=str(self.folder))
        with self._opened() as (group, head):
            n = head.n_dekads
            dynamic = {name: np.asarray(array_of(group, name)[:n, ..., row, col]) for name in DYNAMIC_LAYERS}
            static = {name: np.asarray(array_of(group, name)[..., row, col]) for name in STATIC_LAYERS}
            first = head.first_dekad or 0
            return PixelHistory(
                dekads=tuple(range(first, first + n)),
                refit_dekads=head.refit_dekads,
                dynamic=dynamic,
                static=static,
            )

    def forget(self, before: dt.datetime) -> int:
        """Give up the commits from before a moment (UTC-aware), all but the newest, and return the bytes that frees.

        The state is not changed by it: only what later runs have replaced can no longer be read.

        Raises
        ------
        BusyError
            Another run is writing to this state.
        """
        if not is_begun(self.folder):
            return 0
        with writer_lock(self.folder), broken_as_integrity(self.folder):
            repo = open_repository(self.folder)
            repo.expire_snapshots(older_than=before)
            return int(repo.garbage_collect(before).bytes_deleted)

    def digest(self, first_dekad: int | None = None, last_dekad: int | None = None) -> str:
        """Return the SHA-256 of the dynamic arrays and scenes applied of a range of dekads, and of their baselines.

        Both ends are included; None is open. Baselines are those of every epoch up to the last dekad. Two states with
        the same digest hold the same pixels, whatever runs made them.
        """
        sha = hashlib.sha256()
        with self._opened() as (group, head):
            first = head.first_dekad if first_dekad is None else first_dekad
            last = head.last_dekad if last_dekad is None else last_dekad
            dekads = range(first or 0, (last or 0) + 1) if head.n_dekads else range(0)
            applied = [[dekad, *head.applied.get(dekad, ())] for dekad in dekads]
            epochs = head.epoch_of(last or 0) + 1
            known = (head.is_fitted, head.baseline_scenes, head.refit_dekads[: epochs - 1], applied)
            sha.update(repr(known).encode())
            for tile in self.grid.tiles():
                for name in STATIC_LAYERS:
                    _feed(sha, name, array_of(group, name)[(slice(epochs), ..., *tile.window)])
                for dekad in dekads:
                    for name in DYNAMIC_LAYERS:
                        _feed(sha, name, array_of(group, name)[(head.index(dekad), ..., *tile.window)])
        return sha.hexdigest()

    def _opened(self) -> AbstractContextManager[tuple[zarr.Group, StateHead]]:
        return opened(self.folder, self.grid, self.at_snapshot)


def _epoch(head: StateHead, dekad: int | None) -> int:
    """Return the epoch that holds for a dekad, or the newest."""
    return len(head.refit_dekads) if dekad is None else head.epoch_of(dekad)


def _feed(sha: Any, name: str, array: Any) -> None:
    values = np.ascontiguousarray(array)
    sha.update(f"{name}{values.dtype.str}{values.shape}".encode())
    sha.update(values.data)
