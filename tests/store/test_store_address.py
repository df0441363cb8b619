"""Where the tables of a workspace are: named, remembered, in its own file, or by the environment."""

import pytest

from kpgeo.model.errors import BadInputError
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace, address_of, has_tables, is_server
from kpgeo.store.address import VARIABLE, keep_address

URL = "postgresql://me:canary-77@db.example/kpgeo"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def test_by_default_it_is_a_file_of_the_workspace(folder):
    assert address_of(folder) == f"sqlite:///{folder / 'kpgeo.db'}"
    assert not is_server(address_of(folder))
    assert not has_tables(folder)


def test_the_environment_counts_for_new_workspaces_and_is_remembered_by_name(folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, URL)
    assert address_of(folder) == URL
    keep_address(folder)
    assert has_tables(folder)
    assert (folder / "database.txt").read_text(encoding="utf-8") == f"env:{VARIABLE}\n"
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(BadInputError, match="the environment holds no KPGEO_DATABASE_URL") as caught:
        address_of(folder)
    assert "canary" not in str(caught.value)
    assert not (folder / "kpgeo.db").exists(), "no empty tables in place of those that are elsewhere"


def test_a_file_that_is_there_counts_before_the_environment(folder, monkeypatch):
    (folder / "kpgeo.db").touch()
    monkeypatch.setenv(VARIABLE, URL)
    assert address_of(folder).startswith("sqlite")
    keep_address(folder)
    assert not (folder / "database.txt").exists()
    with pytest.raises(BadInputError, match="tables of its own"):
        address_of(folder, "env:KPGEO_DATABASE_URL")


def test_what_is_named_counts_first_and_no_password_is_written_down(folder, monkeypatch):
    monkeypatch.setenv("OTHER_URL", URL)
    assert address_of(folder, "env:OTHER_URL") == URL
    keep_address(folder, "env:OTHER_URL")
    assert address_of(folder) == URL
    keep_address(folder, URL)
    assert "canary" not in (folder / "database.txt").read_text(encoding="utf-8")
    keep_address(folder, "postgresql://db.example/kpgeo")
    assert address_of(folder) == "postgresql://db.example/kpgeo"


def test_a_workspace_goes_by_what_it_was_made_with(folder):
    made = Workspace(folder / "w", database_url=f"sqlite:///{folder / 'elsewhere.db'}")
    made.tables().close()
    assert has_tables(folder / "w")
    assert Workspace(folder / "w").address == made.address


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("env:KPGEO_DATABASE_URL", True),
        ("postgresql://db.example/kpgeo", True),
        ("postgres://me@db.example/kpgeo", True),
        (URL, False),
        ("postgresql://db.example/kpgeo?password=canary-77", False),
        ("env:NO SUCH", False),
        ("mysql://db.example/kpgeo", False),
        ("canary-77", False),
    ],
)
def test_a_pipeline_file_holds_no_password(folder, text, is_taken):
    path = folder / "p.toml"
    path.write_text(
        f'name = "p"\naois = ["civ-seguela"]\ndatabase = "{text}"\n[[catalog]]\nurl = "c.json"\n'
        'collections = { sentinel-2 = "s2" }\n[history]\nstart = 2023-01-01\nend = 2024-01-01\n',
        encoding="utf-8",
    )
    if is_taken:
        assert Pipeline.read(path).database == text
        return
    with pytest.raises(BadInputError, match="database") as caught:
        Pipeline.read(path)
    assert "canary" not in str(caught.value)
