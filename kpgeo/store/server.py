"""Tables on a database server (PostgreSQL), to which several people and hosts write: turns, one run, lost connections.

Writers take turns, as those of a SQLite file do: a writing transaction waits for the one before it, so none fails
midway and none has to be tried again. A run holds a lock of its own on a connection of its own, which the server lets
go of when that connection ends; whatever a run writes is refused once its lock is lost.
"""

import datetime as dt
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from kpgeo.model.errors import BusyError, IntegrityError, KpgeoError, UpstreamError

BUSY_MS = 30_000
_POLL_S = 0.2
_KEY = 0x6B706765  # "kpge": tells kpgeo's locks from those of others in the same database
_TURN, _RUN = "turn", "run"
# Which tables of the database are meant: by their schema, so that several may lie side by side.
_OBJECT = "hashtext(current_schema() || ':' || :purpose)"
_ALIVE = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_SESSION = (
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
    "SET idle_session_timeout = 0",  # PostgreSQL 14 and later
)
_BUSY_STATES = frozenset({"55P03", "40P01", "40001"})  # lock not available, deadlock, serialisation failure
_OURS = (
    "l.locktype = 'advisory' AND l.granted AND l.classid::bigint = :key "  # noqa: S608 - of constants
    f"AND l.objid::bigint = {_OBJECT}::bit(32)::bigint "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_HELD = text(f"SELECT 1 FROM pg_locks l WHERE l.pid = :pid AND {_OURS}")  # noqa: S608 - of constants
_HOLDER = text(
    "SELECT a.application_name, a.backend_start FROM pg_locks l "  # noqa: S608 - of constants
    f"JOIN pg_stat_activity a ON a.pid = l.pid WHERE {_OURS}"
)


def is_server(url: str) -> bool:
    """Say whether an address is that of a PostgreSQL server; one that cannot be read is none."""
    try:
        return make_url(url).get_backend_name() in {"postgresql", "postgres"}
    except (SQLAlchemyError, ValueError):
        return False


def with_driver(url: URL) -> URL:
    """Return an address with kpgeo's driver where it names none; `postgres` is another word for `postgresql`."""
    backend, _, driver = url.drivername.partition("+")
    if backend not in {"postgresql", "postgres"}:
        return url
    return url.set(drivername=f"postgresql+{driver or 'psycopg'}")


def open_engine(url: URL) -> Engine:
    """Return an engine for the tables; a connection that died while it lay idle is opened anew."""
    arguments = {**_ALIVE, "application_name": "kpgeo"} if url.get_driver_name() == "psycopg" else {}
    return create_engine(url, connect_args=arguments, pool_pre_ping=True, pool_size=2, max_overflow=8)


def for_reading(connection: Connection) -> Connection:
    """Return a connection whose transactions see one moment of the tables, and change nothing."""
    return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def for_writing(connection: Connection) -> Connection:
    """Return a connection whose statements see what was committed when they began: a turn may have been waited for."""
    return connection.execution_options(isolation_level="READ COMMITTED")


def take_turn(connection: Connection, run_pid: int | None) -> None:
    """Wait, within a transaction, until nobody else writes; refuse where the session that held the run's lock is gone.

    Raises
    ------
    IntegrityError
        It is gone, so that another run may be writing.
    """
    connection.execute(text(f"SET LOCAL lock_timeout = {BUSY_MS:d}"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock(:key, {_OBJECT})"), {"key": _KEY, "purpose": _TURN})
    if run_pid is not None and not _is_held_by(connection, run_pid):
        raise IntegrityError(
            "The connection that held the tables for this run was lost, and with it the right to write.",
            where=name_of(connection.engine.url),
            remedy="Run again: what was committed before stands.",
        )


def error_of(error: DBAPIError, where: str) -> KpgeoError:
    """Return what a server refuses, in kpgeo's words."""
    state = getattr(error.orig, "sqlstate", None) or ""
    said = " ".join(str(error.orig).split())
    if state in _BUSY_STATES:
        return BusyError("The tables are being written to.", where=where, remedy="Try again when the other is done.")
    is_lost = error.connection_invalidated or state[:2] in {"08", "57"}
    if is_lost or (isinstance(error, OperationalError) and not state):
        remedy = "See that the server runs and can be reached, and that user and password are right; then run again."
        return UpstreamError(f"The database cannot be reached ({said}).", where=where, remedy=remedy)
    return IntegrityError(
        f"The tables refuse ({said}).", where=where, remedy="See that the server has room and that nobody changed them."
    )


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds the tables for a run, and since when; None where the server does not tell, as of another user's."""

    name: str
    since: dt.datetime | None

    def __str__(self) -> str:
        return self.name if self.since is None else f"{self.name} since {self.since:%Y-%m-%dT%H:%M:%SZ}"


class ServerLock:
    """The right to run on tables that several hosts share. It goes with its connection, whatever ends that.

    Parameters
    ----------
    url : str
    purpose : str
        What the right is to: `run`, or another of which one at a time is enough.
    wait_s : float
        Seconds to wait for the holder to finish before `BusyError`.

    Attributes
    ----------
    pid : int
        The server's number of the session that holds it; 0 before.
    """

    def __init__(self, url: str, *, purpose: str = _RUN, wait_s: float = 0.0) -> None:
        self._wait_s = wait_s
        self._given = {"key": _KEY, "purpose": purpose}
        self.pid = 0
        me = f"kpgeo: process {os.getpid()} on {socket.gethostname()}"[:63]
        arguments: dict[str, Any] = {**_ALIVE, "application_name": me}
        self._engine = create_engine(
            with_driver(make_url(url)), connect_args=arguments, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        try:
            self._connection = self._engine.connect()
            for statement in _SESSION:
                with suppress(DBAPIError):  # an older server, or one that leaves this to the system
                    self._connection.execute(text(statement))
            self._wait()
            self.pid = int(self._connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        except DBAPIError as error:
            self._close()
            raise error_of(error, name_of(self._engine.url)) from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _wait(self) -> None:
        deadline = time.monotonic() + self._wait_s
        assert self._connection is not None  # noqa: S101 - the caller has just opened it
        asked = text(f"SELECT pg_try_advisory_lock(:key, {_OBJECT})")
        while not self._connection.execute(asked, self._given).scalar_one():
            if time.monotonic() >= deadline:
                holder = _holder(self._connection, self._given)
                raise BusyError(
                    f"Another run is writing here: {holder or 'it has not named itself'}.",
                    where=name_of(self._engine.url),
                    remedy="Wait until it has finished, or end it; the lock goes with its connection.",
                )
            time.sleep(_POLL_S)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError):
                connection.close()
        self._engine.dispose()


def holder_of(url: str) -> Holder | None:
    """Return who holds the tables of a server for a run; None where nobody does.

    Raises
    ------
    UpstreamError
        The server cannot be reached.
    """
    engine = create_engine(with_driver(make_url(url)), connect_args=dict(_ALIVE), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return _holder(connection, {"key": _KEY, "purpose": _RUN})
    except DBAPIError as error:
        raise error_of(error, name_of(engine.url)) from error
    finally:
        engine.dispose()


def _holder(connection: Connection, given: dict[str, Any]) -> Holder | None:
    row = connection.execute(_HOLDER, given).first()
    if row is None:
        return None
    name = (row.application_name or "a process of another user").removeprefix("kpgeo: ")
    return Holder(name=name, since=row.backend_start and row.backend_start.astimezone(dt.UTC))


def schema_of(url: str) -> tuple[str | None, str]:
    """Return the schema of a server's tables (None where there are none), and what server it is. Nothing is changed.

    Raises
    ------
    UpstreamError
        The server cannot be reached.
    """
    engine = create_engine(with_driver(make_url(url)), connect_args=dict(_ALIVE), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
            version = connection.execute(text("SHOW server_version")).scalar_one()
            return revision, f"PostgreSQL {version}, {name_of(engine.url)}"
    except DBAPIError as error:
        raise error_of(error, name_of(engine.url)) from error
    finally:
        engine.dispose()


def _is_held_by(connection: Connection, pid: int) -> bool:
    return connection.execute(_HELD, {"key": _KEY, "purpose": _RUN, "pid": pid}).first() is not None


def name_of(url: URL) -> str:
    """Return what a database is called in messages: never a user or password."""
    return f"{url.database or 'database'} at {url.host or 'this machine'}"
