"""The connection to the tables: transactions, schema versions, and errors in kpgeo's words."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, StatementError
from sqlalchemy.pool import NullPool

from kpgeo.model.errors import BadInputError, BusyError, IntegrityError, KpgeoError
from kpgeo.store import server
from kpgeo.store.files import write_atomic

MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MS = 30_000
_URL = "Write it as sqlite:///path or driver://user:password@host/name, with a driver that is installed."


def known_schemas() -> tuple[str, ...]:
    """Return the schemas of the tables that this kpgeo knows, the newest first."""
    return tuple(script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions())


class Database:
    """A database with kpgeo's schema, brought up to date when opened.

    Parameters
    ----------
    url : str
        As SQLAlchemy writes it, `sqlite:///path` or another.
    migrations : Path
        The Alembic folder; the package's own unless a test says otherwise.
    run_pid : int, optional
        The session on a server that holds the right to run: nothing is written once it is gone.

    Raises
    ------
    IntegrityError
        The schema is newer than this kpgeo, or is not kpgeo's, or the file is no database.
    BusyError
        Another process has kept it locked for half a minute.
    UpstreamError
        The server cannot be reached.
    """

    def __init__(self, url: str, *, migrations: Path = MIGRATIONS, run_pid: int | None = None) -> None:
        self._engine = _engine(url)
        self._run_pid = run_pid
        self.name = str(self._engine.url.database) if self._is_file else server.name_of(self._engine.url)
        self._script = ScriptDirectory(str(migrations))
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the tables."""
        with self._in_our_words(), self._engine.connect() as connection:
            reader = connection if self._is_file else server.for_reading(connection)
            with reader.begin():
                yield reader

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection whose changes are kept together at the end, or not at all."""
        with self._in_our_words(), self._engine.connect() as connection:
            given = connection if self._is_file else server.for_writing(connection)
            writer = given.execution_options(kpgeo_writes=True)
            with writer.begin():
                if not self._is_file:
                    server.take_turn(writer, self._run_pid)
                yield writer

    @property
    def _is_file(self) -> bool:
        """Say whether the tables are a SQLite file, and no server's."""
        return self._engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Close what connections are open."""
        self._engine.dispose()

    def _bring_up_to_date(self) -> None:
        head = self._script.get_current_head()
        with self.reading() as connection:
            if _revision(connection) == head:
                return
        with self.writing() as connection:
            revision = _revision(connection)  # another process may have been here in between
            if revision == head:
                return
            self._require_known(connection, revision)
            if revision is not None:  # what is copied is what is there now: nobody else writes while this does
                self._back_up(revision)
            self._upgrade(connection)

    def _require_known(self, connection: Connection, revision: str | None) -> None:
        known = {script.revision for script in self._script.walk_revisions()}
        if revision is not None and revision not in known:
            raise IntegrityError(
                f"The tables have schema {revision!r}, which this kpgeo does not know: it is newer.",
                where=self.name,
                remedy="Use the kpgeo that wrote them, or a later one.",
            )
        if revision is None and (tables := inspect(connection).get_table_names()):
            raise IntegrityError(
                f"The database holds tables that are not kpgeo's ({', '.join(sorted(tables)[:3])}).",
                where=self.name,
                remedy="Name another workspace or database.",
            )

    def _back_up(self, revision: str) -> None:
        """Copy a SQLite file as it stands before a migration. Other databases have backups of their own."""
        if not self._is_file:
            return
        now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S")
        source = Path(self.name)
        with closing(sqlite3.connect(source)) as connection:
            copy = source.with_name(f"{source.stem}-before-{revision}-{now}.db")
            write_atomic(copy, lambda beside: connection.execute("VACUUM INTO ?", (str(beside),)))

    def _upgrade(self, connection: Connection) -> None:
        script = self._script
        options: dict[str, Any] = {
            "transactional_ddl": True,
            "fn": lambda revision, _: script._upgrade_revs("head", revision),  # noqa: SLF001 - as Alembic's manual has it
        }
        context = MigrationContext.configure(connection, opts=options)
        with Operations.context(context):
            context.run_migrations()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except KpgeoError:
            raise
        except DBAPIError as error:
            if not self._is_file:
                raise server.error_of(error, self.name) from error
            text = str(error.orig)
            if isinstance(error, OperationalError) and ("locked" in text or "busy" in text):
                raise BusyError(
                    "The tables are being written to.", where=self.name, remedy="Try again when the other run is done."
                ) from error
            raise IntegrityError(
                f"The tables refuse ({text}).",
                where=self.name,
                remedy="See that the disk has room and that the file was not changed or cut short.",
            ) from error
        except StatementError as error:  # refused on the way to the database, as NaN is
            if isinstance(error.orig, KpgeoError):
                raise error.orig from error
            raise


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return server.open_engine(server.with_driver(parsed))
        # A connection for each transaction: nothing is shared between threads, nothing left open.
        engine = create_engine(parsed, poolclass=NullPool)
    except (ArgumentError, ValueError):  # neither repeated nor chained: the URL holds a password
        raise BadInputError("The database URL cannot be read.", where="database_url", remedy=_URL) from None
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise BadInputError(f"The database URL cannot be used ({error}).", where="database_url", remedy=_URL) from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Set what SQLite keeps per connection. `synchronous=FULL`: what a commit says stays said when the power goes."""
    connection.isolation_level = None  # SQLAlchemy's BEGIN is sent by `_begin_sqlite`, not guessed by the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the start of a writing transaction, so that two writers queue and neither fails midway."""
    writes = connection.get_execution_options().get("kpgeo_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
