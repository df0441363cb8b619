"""Writing the pixel state: one commit a run, all or nothing.

Icechunk forks a session only where nothing is uncommitted, and its local storage neither fsyncs nor bears two processes
that commit at once. So a writer holds a lock beside the repository, lays out the longer arrays on a branch of its own
(`draft`), hands forks of that branch to the workers, commits their work there, fsyncs what was written, and only then
moves `main` to it: one rename. Killed anywhere before that rename, `main` is as it was, and the next writer clears the
draft away.
"""

import datetime as dt
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import icechunk
import numpy as np
import zarr

from kpgeo.model.calendar import dekad_label
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.grid import Grid, Tile
from kpgeo.model.state import DYNAMIC_LAYERS, STATIC_LAYERS, TileBaseline, TileState
from kpgeo.store.clock import wait_until_past
from kpgeo.store.files import fsync_since
from kpgeo.store.layout import DRAFT, FORMAT, MAIN, array_of, create_arrays, grid_attributes, grow, open_repository
from kpgeo.store.lock import Lock
from kpgeo.store.reading import (
    StateHead,
    broken_as_integrity,
    read_head,
    read_tile_baseline,
    read_tile_state,
    unwritable_as_integrity,
)

_CLOCK_SLACK_S = 2.0


class RegionWriter:
    """What a worker writes tiles through. Pickle it to the worker; what the worker returns goes to `Writer.merge`.

    Make one for each task (`Writer.region`): a region that two workers wrote to comes back as two halves.
    """

    def __init__(self, fork: icechunk.ForkSession, folder: Path, grid: Grid, first_dekad: int) -> None:
        self.fork = fork
        self._folder = folder
        self._grid = grid
        self._first_dekad = first_dekad

    def write_baseline(self, tile: Tile, baseline: TileBaseline, epoch: int = 0) -> None:
        """Write a tile's static state of an epoch.

        Raises
        ------
        BadInputError
            An array has not the layer's shape or dtype.
        """
        for name, array in baseline.items():
            _require_layer(name, array, tile)
        with unwritable_as_integrity(self._folder):
            group = self._group("r+")
            for name, array in baseline.items():
                array_of(group, name)[(epoch, ..., *tile.window)] = array

    def write_state(self, tile: Tile, dekad: int, state: TileState) -> None:
        """Write a tile's dynamic state as it stands at the end of a dekad; errors as `write_baseline`."""
        index = self._index(dekad)
        for name, array in state.items():
            _require_layer(name, array, tile)
        with unwritable_as_integrity(self._folder):
            group = self._group("r+")
            for name, array in state.items():
                array_of(group, name)[(index, ..., *tile.window)] = array

    def read_baseline(self, tile: Tile, epoch: int = 0) -> TileBaseline:
        """Return a tile's static state of an epoch: as the run found it, or as written here since."""
        with broken_as_integrity(self._folder):
            return read_tile_baseline(self._group("r"), tile, epoch)

    def read_state(self, tile: Tile, dekad: int) -> TileState:
        """Return a tile's dynamic state at the end of a dekad: as the run found it, or as written here since."""
        with broken_as_integrity(self._folder):
            return read_tile_state(self._group("r"), tile, self._index(dekad), dekad_label(dekad))

    def _group(self, mode: Literal["r", "r+"]) -> zarr.Group:
        return zarr.open_group(self.fork.store, mode=mode)

    def _index(self, dekad: int) -> int:
        if dekad < self._first_dekad:
            raise BadInputError(f"{dekad_label(dekad)} is before the state begins.", where=str(self._folder))
        return dekad - self._first_dekad


def writer_lock(folder: Path) -> Lock:
    """Return the lock of whoever writes to the state in a folder."""
    return Lock(folder.with_name(f".{folder.name}.lock"))


class Writer:
    """The driver's side of a run's one commit: `with store.begin(…) as writer`. Left without `commit`, nothing changes.

    Attributes
    ----------
    head : StateHead
        The header the run builds on.
    first_dekad, last_dekad : int
        The dekads the run writes, both included.
    refit_dekads : tuple of int
        Where the epochs of the baseline begin once the run is committed.
    """

    def __init__(
        self, folder: Path, grid: Grid, first_dekad: int, last_dekad: int, refit_dekads: tuple[int, ...] | None = None
    ) -> None:
        self._folder, self._grid = folder, grid
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._lock = writer_lock(folder)
        self._lock.acquire()
        try:
            self.head = read_head(folder, grid)
            self.first_dekad, self.last_dekad = first_dekad, last_dekad
            self._origin = _require_range(self.head, first_dekad, last_dekad, folder)
            self.refit_dekads = self.head.refit_dekads if refit_dekads is None else refit_dekads
            _require_epochs(self.head, self.refit_dekads, range(self._origin + 1, last_dekad + 1), folder)
            self._started = time.time()
            with unwritable_as_integrity(folder):
                self._repo = open_repository(folder, create=True)
                self._base = self._repo.lookup_branch(MAIN)
                self._wait_for_clock(MAIN)
                self._open_draft()
                self._session = self._repo.writable_session(DRAFT)
        except BaseException:
            self._lock.release()
            raise
        self._forks: dict[int, icechunk.ForkSession] = {}
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def region(self) -> RegionWriter:
        """Return what one task writes through; each call makes a new one."""
        self._require_open()
        self._look_at_clock()
        return RegionWriter(self._session.fork(), self._folder, self._grid, self._origin)

    def merge(self, regions: Iterable[RegionWriter]) -> None:
        """Take what workers wrote into the commit. The same region given twice counts once."""
        self._require_open()
        self._look_at_clock()
        self._forks.update({id(region.fork): region.fork for region in regions})

    def commit(
        self,
        metadata: Mapping[str, Any],
        *,
        applied: Mapping[int, tuple[str, ...]],
        is_fitted: bool = True,
        baseline_scenes: tuple[str, ...] | None = None,
        unfinished: Mapping[str, int] | None = None,
        aoi_version: str | None = None,
    ) -> str:
        """Make everything merged the newest state, durably and in one step.

        Parameters
        ----------
        metadata : mapping
            What the commit says of its run (run id, options digest, code version); JSON values.
        applied : mapping
            Ids of the scenes folded in, by dekad of the run; replaces those of every dekad from `first_dekad` on.
        baseline_scenes, aoi_version
            None keeps what the header says.
        unfinished : mapping, optional
            Tiles left behind, with the dekad they must be taken up from again; None or {} is none.

        Returns
        -------
        str
            The commit's id.
        """
        self._require_open()
        if outside := [dekad for dekad in applied if not self.first_dekad <= dekad <= self.last_dekad]:
            raise BadInputError(f"Scenes of {dekad_label(outside[0])} are not of this run.", where="commit")
        kept = {dekad: ids for dekad, ids in self.head.applied.items() if dekad < self.first_dekad}
        head = StateHead(
            is_fitted=is_fitted,
            first_dekad=self._origin,
            last_dekad=self.last_dekad,
            applied={**kept, **applied},
            baseline_scenes=self.head.baseline_scenes if baseline_scenes is None else baseline_scenes,
            refit_dekads=self.refit_dekads,
            unfinished=dict(unfinished or {}),
            aoi_version=self.head.aoi_version if aoi_version is None else aoi_version,
        )
        return self._move_main(head, metadata)

    def abandon(self) -> None:
        """Give up what was not committed and let go of the lock; after `commit` this does nothing."""
        if self._is_open:
            self._is_open = False
            try:
                self._drop_draft()
            finally:
                self._lock.release()

    def _move_main(self, head: StateHead, metadata: Mapping[str, Any]) -> str:
        """Commit on the draft, fsync, move `main` there, fsync again."""
        with unwritable_as_integrity(self._folder):
            snapshot_id = self._commit_draft(head, metadata)
            self._look_at_clock()
            fsync_since(self._folder, self._started - _CLOCK_SLACK_S)
        try:
            self._repo.reset_branch(MAIN, snapshot_id, from_snapshot_id=self._base)
        except icechunk.IcechunkError as error:
            raise IntegrityError(
                "The state was changed by something other than this run.",
                where=str(self._folder),
                remedy="Nothing of this run was kept; run again.",
            ) from error
        fsync_since(self._folder / "refs", self._started - _CLOCK_SLACK_S)
        self._repo.delete_branch(DRAFT)
        self._is_open = False
        self._lock.release()
        return snapshot_id

    def _commit_draft(self, head: StateHead, metadata: Mapping[str, Any]) -> str:
        self._wait_for_clock(DRAFT)
        for fork in self._forks.values():
            self._session.merge(fork)
        group = zarr.open_group(self._session.store, mode="r+")
        attributes: dict[str, Any] = group.attrs.asdict()
        count = attributes.get("commits", 0) + 1  # Icechunk refuses a commit that changes nothing
        group.update_attributes({**head.to_attributes(), "commits": count})
        span = {"first_dekad": self.first_dekad, "last_dekad": self.last_dekad}
        message = f"dekads {self.first_dekad} to {self.last_dekad}"
        return str(self._session.commit(message, metadata={**metadata, **span, "kpgeo": "run"}))

    def _wait_for_clock(self, branch: str) -> None:
        """See that what is committed on a branch now will be later than its newest commit."""
        newest = self._repo.lookup_snapshot(self._repo.lookup_branch(branch))
        wait_until_past(newest.written_at, self._folder)

    def _look_at_clock(self) -> None:
        """Note where the clock was set back: what was written since bears an earlier time, and is fsynced all the same.

        Seen between tasks, so that a clock which is set right again while the run goes on is seen too.
        """
        self._started = min(self._started, time.time())

    def _open_draft(self) -> None:
        """Point a fresh draft at `main`, and lay out on it the arrays, dekads and epochs the run needs."""
        if DRAFT in self._repo.list_branches():
            self._drop_draft()
        self._repo.create_branch(DRAFT, self._base)
        session = self._repo.writable_session(DRAFT)
        if self.head.first_dekad is None:
            group = zarr.create_group(session.store, attributes=self._first_attributes())
            create_arrays(group, self._grid)
        else:
            group = zarr.open_group(session.store, mode="r+")
        grow(group, self.last_dekad - self._origin + 1, len(self.refit_dekads) + 1)
        if session.has_uncommitted_changes:
            session.commit(f"layout to dekad {self.last_dekad}", metadata={"kpgeo": "layout"})

    def _first_attributes(self) -> dict[str, Any]:
        head = StateHead(first_dekad=self._origin, last_dekad=self._origin - 1)
        return {"format": FORMAT, "grid": grid_attributes(self._grid), **head.to_attributes()}

    def _drop_draft(self) -> None:
        """Remove the draft and every file that only it used."""
        self._repo.delete_branch(DRAFT)
        self._repo.garbage_collect(dt.datetime.now(dt.UTC))

    def _require_open(self) -> None:
        if not self._is_open:
            raise BadInputError("The writer was committed or abandoned before.", where=str(self._folder))


def _require_range(head: StateHead, first: int, last: int, folder: Path) -> int:
    """Return where the dekad axis begins; refuse a range that would leave a hole, or stale dekads, in the state."""
    if head.first_dekad is None or head.last_dekad is None:
        if last < first - 1:
            raise BadInputError("The last dekad is before the first.", where=str(folder))
        return first
    if not head.first_dekad <= first <= head.last_dekad + 1:
        held = f"{dekad_label(head.first_dekad)} to {dekad_label(head.last_dekad)}"
        raise BadInputError(f"{dekad_label(first)} does not join the state, which holds {held}.", where=str(folder))
    if last < max(head.last_dekad, first - 1):
        raise BadInputError(
            f"Writing up to {dekad_label(last)} would leave {dekad_label(head.last_dekad)} as it was before.",
            where=str(folder),
            remedy="Write to the end of the state.",
        )
    return head.first_dekad


def _require_epochs(head: StateHead, refit_dekads: tuple[int, ...], held: range, folder: Path) -> None:
    """Refuse epochs that are not those of the state and later ones, in order, within the dekads it will hold."""
    known = len(head.refit_dekads)
    if refit_dekads[:known] != head.refit_dekads:
        raise BadInputError("The epochs of a state cannot be moved.", where=str(folder))
    if list(refit_dekads) != sorted(set(refit_dekads)) or any(dekad not in held for dekad in refit_dekads):
        raise BadInputError("Epochs begin one after another, within the dekads of the state.", where=str(folder))


def _require_layer(name: str, array: np.ndarray[Any, Any], tile: Tile) -> None:
    layer = (DYNAMIC_LAYERS | STATIC_LAYERS)[name]
    shape = (*layer.lead, tile.height, tile.width)
    if array.shape != shape or array.dtype != np.dtype(layer.dtype):
        raise BadInputError(
            f"Layer {name!r} is {array.dtype} {array.shape}; tile {tile.name} needs {layer.dtype} {shape}.",
            where="state",
        )
