"""Schema versions, transactions and broken files."""

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from kpgeo.model.aoi import Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError, BusyError, IntegrityError
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.store import Tables, Workspace, database, schema
from kpgeo.store.database import MIGRATIONS

_LATER = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("declared", sa.Column("checked_by", sa.Text(), nullable=True))
"""
FIGURE = DeclaredFigure(
    participant="Ghana", iso3="GHA", period=Period.parse("2024"), kind=DeclaredKind.NO_PRODUCTION, carats=None,
    value_usd=None, as_published_on=None, source=Sourced(source="s", confidence="high"),
)  # fmt: skip


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "kpgeo.db"


@pytest.fixture
def later(tmp_path) -> Path:
    """Return the migrations of a later kpgeo: the shipped ones and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    head = max((folder / "versions").glob("v*.py")).stem[1:5]
    (folder / "versions" / "v9999_later.py").write_text(_LATER.format(head=head))
    return folder


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def _beside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("kpgeo-before-*.db"))


def test_the_migrations_make_the_schema(path):
    Tables(_url(path)).close()
    engine = create_engine(_url(path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()
    strict = sqlite3.connect(path)
    tables = strict.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    assert {name for name, is_strict in tables if is_strict} == set(schema.metadata.tables)
    assert strict.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    strict.close()


@pytest.mark.fault(9)
def test_an_older_schema_is_brought_forward_and_a_copy_kept(path, later):
    Tables(_url(path)).add_declared([FIGURE])
    newer = Tables(_url(path), migrations=later)
    assert newer.declared() == [FIGURE]
    (copy,) = _beside(path)
    assert Tables(_url(copy)).declared() == [FIGURE]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT participant, checked_by FROM declared").fetchall() == [("Ghana", None)]
    connection.close()
    Tables(_url(path), migrations=later)
    assert _beside(path) == [copy], "nothing to do, no copy"


@pytest.mark.fault(9)
def test_a_migration_that_fails_leaves_the_tables_as_they_were(path, later):
    Tables(_url(path)).add_declared([FIGURE])
    revision = later / "versions" / "v9999_later.py"
    revision.write_text(revision.read_text() + '    op.add_column("nowhere", sa.Column("x", sa.Text()))\n')
    with pytest.raises(IntegrityError, match="nowhere"):
        Tables(_url(path), migrations=later)
    assert Tables(_url(path)).declared() == [FIGURE]
    connection = sqlite3.connect(path)
    assert "checked_by" not in [row[1] for row in connection.execute("PRAGMA table_info(declared)")]
    connection.close()


@pytest.mark.fault(9)
def test_a_newer_schema_is_refused(path, later):
    Tables(_url(path), migrations=later)
    before = path.read_bytes()
    with pytest.raises(IntegrityError, match="newer"):
        Tables(_url(path))
    assert path.read_bytes() == before


def test_a_database_of_someone_else_is_refused(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    with pytest.raises(IntegrityError, match="not kpgeo's"):
        Tables(_url(path))


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to be looked at" * 40, b"SQLite format 3\x00"]
)
def test_a_file_that_is_no_database_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="refuse"):
        Tables(_url(path))


@pytest.mark.fault(9)
def test_a_damaged_page_is_said(path):
    tables = Tables(_url(path))
    tables.add_declared([FIGURE])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'declared'").fetchall()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="refuse"):
        tables.declared()


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(IntegrityError, match="unable to open"):
        Tables(_url(tmp_path / "nowhere" / "kpgeo.db"))


@pytest.mark.parametrize("url", ["", "nonsense", "oracle9://x", "postgresql+nodriver://x/y"])
def test_a_url_that_cannot_be_used_is_refused(url):
    with pytest.raises(BadInputError, match="URL"):
        Tables(url)


def test_a_workspace_may_name_another_database(tmp_path, path):
    workspace = Workspace(tmp_path / "workspace", database_url=_url(path))
    workspace.tables().add_declared([FIGURE])
    assert Tables(_url(path)).declared() == [FIGURE]
    assert not (workspace.path / "kpgeo.db").exists()


@pytest.mark.fault(9)
def test_a_writer_waits_for_another_and_then_gives_up(path, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_MS", 100)
    tables = Tables(_url(path))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError, match="written to"):
        tables.add_declared([FIGURE])
    assert tables.declared() == [], "reading is not held up"
    monkeypatch.setattr(database, "_BUSY_MS", 10_000)
    threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
    assert tables.add_declared([FIGURE]) == 1
    other.close()


def test_many_threads_add_without_losing_or_doubling(path):
    tables = Tables(_url(path))
    counts: list[int] = []

    def add(n: int) -> None:
        own = DeclaredFigure(**{**FIGURE.__dict__, "iso3": f"X{n:02d}"})
        counts.append(tables.add_declared([FIGURE, own]))

    threads = [threading.Thread(target=add, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == len(tables.declared()) == 9
