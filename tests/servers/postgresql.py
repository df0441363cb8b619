"""A PostgreSQL cluster of its own: a folder, a server on loopback, and how programs find it."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from kpgeo.store import Tables
from tests.servers.programs import Program, find_program, free_port, wait_until

PASSWORD = "canary-9f31"  # the server asks for none; it must show nowhere
_USER = "postgres"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # it lives as long as the tests do
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "autovacuum": "off",
    "jit": "off",
}


def missing_parts() -> str:
    """Return what a cluster lacks on this machine, or ""."""
    return ", ".join(name for name in ("initdb", "postgres") if find_program(name) is None)


@dataclass(frozen=True)
class Database:
    """A PostgreSQL cluster: its server, its folder, and the environment by which programs find it."""

    program: Program
    home: Path
    environment: dict[str, str]

    def remove(self) -> None:
        """End it and delete it."""
        self.program.stop()
        shutil.rmtree(self.home, ignore_errors=True)


def start_database(folder: Path, name: str) -> Database:
    """Make and start a cluster; PostgreSQL refuses to be root, so as root it gets a folder of its own user.

    Parameters
    ----------
    folder : Path
        For its log.
    name : str
        The database that programs are told of; it is not made.
    """
    user = _USER if os.geteuid() == 0 else ""
    home = Path(tempfile.mkdtemp(prefix="kpgeo-postgres-"))
    if user:
        shutil.chown(home, user, user)
    initdb, postgres = find_program("initdb"), find_program("postgres")
    assert initdb is not None
    assert postgres is not None
    cluster = home / "cluster"
    subprocess.run(
        [initdb, "-D", str(cluster), "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True,
        capture_output=True,
        user=user or None,
        cwd=home,
    )
    port = free_port()
    settings = [f"{name}={value}" for name, value in _SETTINGS.items()]
    program = Program(
        command=[postgres, "-D", str(cluster), "-p", str(port), *(part for one in settings for part in ("-c", one))],
        port=port,
        log=folder / "postgres.log",
        user=user,
        stop_signal=signal.SIGINT,  # "fast": ends those who are connected
    )
    program.start()
    return Database(
        program=program,
        home=home,
        environment={
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": _USER,
            "PGPASSWORD": "unused",
            "PGDATABASE": name,
        },
    )


_EMPTY = """
DO $$ DECLARE one text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('TRUNCATE %I RESTART IDENTITY CASCADE', one);
  END LOOP;
END $$
"""


@dataclass
class Cluster:
    """A cluster for kpgeo's tables, sorted as people sort and not by bytes."""

    database: Database
    _made: set[str] = field(default_factory=set)

    @classmethod
    def start(cls, folder: Path) -> "Cluster":
        """Start it, and wait until it lets one in."""
        cluster = cls(start_database(folder, "postgres"))
        wait_until(cluster.is_ready, "PostgreSQL")
        return cluster

    def is_ready(self) -> bool:
        """Say whether it lets one in."""
        with contextlib.suppress(psycopg.OperationalError):
            return self.execute("postgres", "SELECT 1") == [(1,)]
        return False

    def stop(self) -> None:
        """End the server without delay, and delete all."""
        self.database.program.kill()
        self.database.remove()

    def url(self, name: str, **named: str) -> str:
        """Return the address of a database, as people write it; `password`, `user`, `port` in place of its own."""
        found = self.database.environment
        user, port = named.get("user", found["PGUSER"]), named.get("port", found["PGPORT"])
        return f"postgresql://{user}:{named.get('password', PASSWORD)}@{found['PGHOST']}:{port}/{name}"

    def empty_database(self, name: str) -> str:
        """Make a database without a table, in place of one of this name, and return its address."""
        self.execute("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        locale = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8' TEMPLATE template0"
        self.execute("postgres", f"CREATE DATABASE {name} {locale}")
        return self.url(name)

    def new_database(self, name: str = "kpgeo") -> str:
        """Return the address of a database with kpgeo's tables, all empty; it is made once and emptied after."""
        if name in self._made:
            self.execute(name, _EMPTY)
            return self.url(name)
        url = self.empty_database(name)
        Tables(url).close()
        self._made.add(name)
        return url

    def execute(self, name: str, statement: str) -> list[tuple[object, ...]]:
        """Execute one statement in a database, as its superuser and behind kpgeo's back."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
