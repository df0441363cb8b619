"""A STAC API that is not ours: stac-fastapi with pgstac, on a PostgreSQL cluster of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.programs import Program, find_program, free_port

Document = Mapping[str, Any]

_USER = "postgres"
_DATABASE = "stac"
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
    """Return what a STAC server lacks on this machine, or ""."""
    lacking = [name for name in ("initdb", "postgres") if find_program(name) is None]
    if not lacking and not _has_postgis():
        lacking.append("postgis")
    for name in ("asyncpg", "psycopg", "pypgstac", "stac_fastapi.pgstac"):
        try:
            __import__(name)
        except ImportError:
            lacking.append(name)
    return ", ".join(lacking)


def _has_postgis() -> bool:
    program = find_program("pg_config")
    if program is None:
        return bool(list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")))
    folder = subprocess.run([program, "--sharedir"], capture_output=True, text=True, check=False).stdout.strip()
    return (Path(folder) / "extension" / "postgis.control").is_file()


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


@dataclass(frozen=True)
class StacServer:
    """The two servers of a STAC API.

    Attributes
    ----------
    url : str
        The API's landing page.
    """

    url: str
    database: "Database"
    api: Program

    def stop(self) -> None:
        """End both, and leave nothing behind."""
        self.api.kill()
        self.database.remove()


def start_server(
    folder: Path, collections: Iterable[Mapping[str, Any]], items: Iterable[Mapping[str, Any]]
) -> StacServer:
    """Make a database cluster, fill it, and serve it.

    Parameters
    ----------
    folder : Path
        For logs and what is loaded.
    """
    database = _start_database(folder)
    try:
        _fill(folder, database.environment, collections, items)
        port = free_port()
        api = Program(
            command=[
                *(sys.executable, "-m", "uvicorn", "--factory", "stac_fastapi.pgstac.app:create_app"),
                *("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"),
            ],
            port=port,
            log=folder / "api.log",
            environment={**database.environment, "DB_MAX_CONN_SIZE": "4"},
        )
        api.start()
    except BaseException:
        database.remove()
        raise
    return StacServer(url=f"http://127.0.0.1:{port}", database=database, api=api)


def _start_database(folder: Path) -> Database:
    """Make and start a cluster; PostgreSQL refuses to be root, so as root it gets a folder of its own user."""
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
            "PGDATABASE": _DATABASE,
        },
    )


def _fill(
    folder: Path,
    environment: Mapping[str, str],
    collections: Iterable[Document],
    items: Iterable[Document],
) -> None:
    """Make the database, bring pgstac's schema into it, load what it is to serve."""
    _run(environment, [_program("createdb"), "--template=template0", _DATABASE])
    pypgstac = [sys.executable, "-m", "pypgstac.pypgstac"]
    _run(environment, [*pypgstac, "migrate"])
    for kind, documents in (("collections", collections), ("items", items)):
        path = folder / f"{kind}.ndjson"
        path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
        _run(environment, [*pypgstac, "load", kind, str(path), "--method", "insert"])


def _program(name: str) -> str:
    program = find_program(name)
    assert program is not None, name
    return program


def _run(environment: Mapping[str, str], command: list[str]) -> None:
    """Run a command to its end; a failure carries what it said."""
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
