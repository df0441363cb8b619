"""Killed while a file is written for people: the file that was there stays, whole, and nothing is left beside it."""

import ast
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

from kpgeo.store import Workspace

_EXPORT_STEPS = 6  # before and after: fsync of the file, rename, fsync of the folder
_OLD = b"what was there before"


@pytest.fixture(scope="module")
def workspace(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(watched, tmp_path_factory.mktemp("killed") / "workspace"))


def _words(kind: str, workspace: Path, out: Path) -> tuple[object, ...]:
    if kind in ("pdf", "html", "docx"):
        days = ("--from", "2023-01-01", "--to", "2023-07-01")
        return ("brief", "sim-0", *days, "--format", kind, "--out", out, "--workspace", workspace)
    return ("export", "sites", "--format", kind, "--out", out, "--workspace", workspace)


def _is_whole(kind: str, out: Path) -> bool:
    content = out.read_bytes()
    if kind == "pdf":
        return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    if kind == "gpkg":
        return len(gpd.read_file(out, layer="sites")) > 0
    if kind == "geoparquet":
        return len(gpd.read_parquet(out)) > 0
    return bool(json.loads(content)["features"])


@pytest.mark.fault(1)
@pytest.mark.fault(2)
@pytest.mark.parametrize(
    "kind",
    [
        "gpkg",
        pytest.param("geoparquet", marks=pytest.mark.long),
        "geojson",
        pytest.param("pdf", marks=pytest.mark.long),
    ],
)
def test_killed_at_each_step_of_a_file(workspace: Path, tmp_path: Path, warm: Any, kind: str) -> None:
    out = tmp_path / f"out.{kind}"
    whole = warm.run(*_words(kind, workspace, out))
    assert whole.code == 0
    assert _is_whole(kind, out)
    for step in range(whole.steps - _EXPORT_STEPS + 1, whole.steps + 1, 3 if kind == "pdf" else 1):
        out.write_bytes(_OLD)
        assert warm.run(*_words(kind, workspace, out), step=step).code == -signal.SIGKILL
        assert out.read_bytes() == _OLD or _is_whole(kind, out), f"step {step}"
    assert warm.run(*_words(kind, workspace, out)).code == 0
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.fault(1)
@pytest.mark.fault(2)
def test_killed_in_the_middle_of_a_geopackage(workspace: Path, tmp_path: Path, warm: Any) -> None:
    """GDAL puts a journal beside a GeoPackage: it goes when the next file of that name is written."""
    out = tmp_path / "out.gpkg"
    out.write_bytes(_OLD)
    beside = tmp_path / ".tmp-localhost-1.1-abcd-out.gpkg"
    whole = warm.run(*_words("gpkg", workspace, tmp_path / "other.gpkg"))
    for share in (0.5, 0.7, 0.8, 0.9, 0.95):
        end = warm.run(*_words("gpkg", workspace, out), seconds=whole.seconds * share)
        assert end.code in (0, -signal.SIGKILL)
        assert out.read_bytes() == _OLD or _is_whole("gpkg", out)
    assert not beside.exists()
    assert warm.run(*_words("gpkg", workspace, out)).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.gpkg", "out.gpkg"]


@pytest.mark.fault(2)
def test_every_file_is_written_by_one_door() -> None:
    """Nothing in kpgeo opens a file for writing but the writers that `write_atomic` hands a path to."""
    package = Path(__file__).resolve().parents[2] / "kpgeo"
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if _writes(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert "store/files.py" in found
    assert found - set(_WRITERS) == set(), "write through kpgeo.store.write_atomic, or say here why not"


_WRITERS = {
    "store/files.py": "the door itself",
    "flows/exports/sheets.py": "writes where the door says",
    "flows/exports/maps.py": "writes into a folder that appears whole, by the door of folders",
    "flows/exports/publishing.py": "as the maps",
    "flows/sealed/recompute.py": "a workspace of its own, removed afterwards",
    "evidence/keys.py": "a key nobody else may read, linked or renamed into its place when it is whole",
    "flows/watching/record.py": "the log of a run, a line at a time; the manifest goes through the door",
    "brief/pdf.py": "a folder of its own that Typst reads, removed afterwards",
    "flows/doctor/room.py": "probes of the disk, removed afterwards",
    "lazy/remote.py": "probes of what workers see, removed afterwards",
    "wire/cache.py": "an empty file that says when the cache was swept",
    "sim/rasters.py": "a simulated world is made anew, not mended",
    "sim/world.py": "as the rasters",
}


def _writes(tree: ast.AST) -> set[str]:
    """Return the names of calls that write a file: of paths, of `open` with a mode that writes, of libraries."""
    return {name for node in ast.walk(tree) if isinstance(node, ast.Call) and (name := _name_of(node))}


def _name_of(call: ast.Call) -> str:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in {"write_text", "write_bytes", "to_file", "to_parquet", "to_csv", "imwrite", "touch"}:
        return name
    modes = [
        one.value
        for one in (*call.args, *(word.value for word in call.keywords))
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    if name in {"open", "fdopen"} and any(
        mode and set(mode) <= set("rwxab+t") and set(mode) & set("wxa+") for mode in modes
    ):
        return name
    return ""


@pytest.mark.fault(3)
def test_killed_between_the_decision_and_its_delivery(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, warm: Any
) -> None:
    """Killed at every step of delivering, each thing is told once, by the same name."""
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    words = ("run", small_world / "pipeline.toml", "--workspace", workspace, "--cluster", "sync")
    expected = {path.name: path.read_bytes() for path in (watched / "products" / "outbox").iterdir()}
    whole = warm.run(*words[:3], shutil.copytree(workspace, tmp_path / "whole"), *words[4:])
    seen: dict[str, set[bytes]] = {}
    step = whole.steps
    killed = 0
    for back in (60, 45, 30, 22, 15, 8, 3):
        end = warm.run(*words, step=step - back)
        killed += end.code == -signal.SIGKILL
        for path in (workspace / "products" / "outbox").glob("[!.]*.json"):
            seen.setdefault(path.name, set()).add(path.read_bytes())
        step = whole.steps if end.code else end.steps
        if end.code == 0:
            break
    assert killed
    assert warm.run(*words).code == 0
    assert {path.name: path.read_bytes() for path in (workspace / "products" / "outbox").iterdir()} == expected
    assert all(len(contents) == 1 and expected[name] in contents for name, contents in seen.items())
    tables = Workspace(workspace).tables()
    assert tables.pending_outbox() == []
    tables.close()
