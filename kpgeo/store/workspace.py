"""A workspace: the folder that holds everything kpgeo has found out."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kpgeo.model.errors import BadInputError
from kpgeo.model.grid import Grid
from kpgeo.store.address import address_of, keep_address
from kpgeo.store.files import refusal_as_integrity, sweep_stale
from kpgeo.store.lock import Lock, is_held
from kpgeo.store.server import ServerLock, holder_of, is_server
from kpgeo.store.state import StateStore
from kpgeo.store.tables import Tables

FOLDERS = ("state", "products", "evidence", "runs", "briefs")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Workspace:
    """The folder of one or more pipelines: pixel state, tables, products, evidence, runs, briefs.

    Parameters
    ----------
    path : Path
        Made where missing. What interrupted writes left behind is swept away.
    database_url : str, optional
        Where the tables are, as SQLAlchemy writes it, or `env:NAME` for the variable that says so. Unless given, where
        they were when the workspace was made: `kpgeo.db` in it, unless KPGEO_DATABASE_URL said otherwise.

    Raises
    ------
    BadInputError
        The folder cannot be made.
    """

    def __init__(self, path: Path, *, database_url: str = "") -> None:
        self.path = path.resolve()
        self._named = database_url
        self._run_pid: int | None = None
        try:
            for name in FOLDERS:
                (self.path / name).mkdir(parents=True, exist_ok=True)
                if name != "state":
                    sweep_stale(self.path / name, deep=True)
            sweep_stale(self.path)
        except OSError as error:
            raise BadInputError(
                f"The workspace cannot be made ({error.strerror}).",
                where=str(self.path),
                remedy="Name a folder you may write to.",
            ) from error

    @contextmanager
    def lock(self, wait_s: float = 0.0) -> Iterator[None]:
        """Hold the workspace for one run.

        Raises
        ------
        BusyError
            Another process holds it still after `wait_s` seconds, or another host its tables; the message names it.
        UpstreamError
            The server of its tables cannot be reached.
        """
        with Lock(self.path / ".lock", wait_s=wait_s):
            if not self._is_on_server:
                yield
                return
            with ServerLock(self.address, wait_s=wait_s) as held:
                self._run_pid = held.pid
                try:
                    yield
                finally:
                    self._run_pid = None

    def is_held(self) -> bool:
        """Say whether a process holds the workspace now, on this host or on another that shares its tables."""
        return is_held(self.path / ".lock") or (self._is_on_server and holder_of(self.address) is not None)

    @contextmanager
    def delivering(self, wait_s: float = 120.0) -> Iterator[None]:
        """Hold what is sent from the workspace, so that two processes never send one thing; runs are not kept out.

        Raises
        ------
        BusyError
            Another process is delivering still after `wait_s` seconds.
        """
        with Lock(self.path / ".lock-delivery", wait_s=wait_s):
            if not self._is_on_server:
                yield
                return
            with ServerLock(self.address, purpose="delivery", wait_s=wait_s):
                yield

    def state(self, aoi_id: str, lineage: str, grid: Grid) -> StateStore:
        """Return the pixel state of an AOI and detector lineage. Nothing is made until it is first written."""
        return StateStore(folder=self.inside("state", aoi_id, lineage), grid=grid)

    @property
    def address(self) -> str:
        """Return where the tables are, as SQLAlchemy writes it. It may hold a password.

        Raises
        ------
        BadInputError
            As `store.address.address_of`.
        """
        return address_of(self.path, self._named)

    def tables(self) -> Tables:
        """Open the tables, bringing an older schema up to date (of a file, a copy is kept beside it).

        Where the workspace is held, they are written to only as long as it is.
        """
        opened = Tables(self.address, run_pid=self._run_pid)
        keep_address(self.path, self._named)
        return opened

    @property
    def _is_on_server(self) -> bool:
        return is_server(self.address)

    def inside(self, *names: str) -> Path:
        """Return a path in the workspace, made of plain names.

        Raises
        ------
        BadInputError
            A name could lead elsewhere: it is empty, begins with a dot, or holds more than letters, digits and `._-`.
        """
        for name in names:
            if not _NAME.fullmatch(name):
                raise BadInputError(
                    f"{name[:80]!r} cannot name a file or folder.",
                    where=str(self.path),
                    remedy="Use letters, digits, dots, hyphens and underscores.",
                )
        place = self.path.joinpath(*names)
        if not place.resolve().is_relative_to(self.path):
            raise BadInputError(f"{'/'.join(names)!r} leads out of the workspace.", where=str(self.path))
        return place

    @property
    def products(self) -> Path:
        """Return the folder of exports and deliveries."""
        return self.path / "products"

    @property
    def evidence(self) -> Path:
        """Return the folder of evidence chips."""
        return self.path / "evidence"

    @property
    def briefs(self) -> Path:
        """Return the folder of briefs."""
        return self.path / "briefs"

    def run_folder(self, run_id: str) -> Path:
        """Return the folder of one run's manifest and log, made where missing."""
        folder = self.inside("runs", run_id)
        with refusal_as_integrity(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder
