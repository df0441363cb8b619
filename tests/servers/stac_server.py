"""A STAC API that is not ours: stac-fastapi with pgstac, on a PostgreSQL cluster of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.postgresql import Database, start_database
from tests.servers.programs import Program, find_program, free_port

Document = Mapping[str, Any]

_DATABASE = "stac"


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
class StacServer:
    """The two servers of a STAC API.

    Attributes
    ----------
    url : str
        The API's landing page.
    """

    url: str
    database: Database
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
    database = start_database(folder, _DATABASE)
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
