"""The house as ARCHITECTURE.md draws it: who imports whom, how big pieces are, what may not be in a shipped page."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "kpgeo"

STAGES = {
    "registry", "catalog", "ingest", "features", "detect", "sites", "production", "alerts", "brief", "assess", "sim",
    "evidence", "delivery",
}  # fmt: skip
BELOW_STAGES = {"model", "options", "kernels", "lazy", "wire"}
MAY_IMPORT = {
    "model": set(),
    "options": {"model"},
    "kernels": {"model"},
    "lazy": {"model", "options"},
    "wire": {"model", "options"},
    "store": {"model"},
    **dict.fromkeys(STAGES, BELOW_STAGES),
    "flows": STAGES | BELOW_STAGES | {"store"},
    "web": {"model", "store", "alerts", "brief"},
    "cli": STAGES | BELOW_STAGES | {"store", "flows", "web"},
    "__main__": {"cli"},
}
OPEN_ROOMS = {"model", "options", "kernels"}  # offer their modules; every other room has one door, its package


def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "_places" not in path.parts)


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(tree: ast.Module, path: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides which room it reaches into"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = _room(path)
    if room == "__init__":
        return
    wrong = []
    for name in _imports(ast.parse(path.read_text(encoding="utf-8")), path):
        parts = name.split(".")
        if parts[0] != "kpgeo" or len(parts) == 1 or parts[1].startswith("__"):
            continue
        other = parts[1]
        if other == room:
            continue
        is_submodule = len(parts) > 2 and ((PACKAGE / other / f"{parts[2]}.py").exists())
        if other not in MAY_IMPORT[room]:
            wrong.append(f"{room} may not import {name}")
        elif is_submodule and other not in OPEN_ROOMS:
            wrong.append(f"{name} reaches past the door of {other}")
    assert not wrong, "; ".join(wrong)


def test_every_room_is_on_the_map() -> None:
    rooms = {_room(path) for path in _modules()} - {"__init__"}
    assert rooms <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_pieces_are_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 450, "a module this long holds two subjects"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            doc = node.body[0] if ast.get_docstring(node) is not None else None
            begin = (doc.end_lineno or node.lineno) + 1 if doc else node.lineno
            lines = (node.end_lineno or node.lineno) - begin + 1
            assert lines <= 60, f"{node.name} is {lines} lines without its docstring"


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_does_not_print(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def test_shipped_pages_name_no_network_address() -> None:
    pages = [path for path in PACKAGE.rglob("*") if path.suffix in {".html", ".js", ".css", ".j2", ".svg", ".typ"}]
    namespaces = re.compile(r"https?://www\.w3\.org/\S+")
    for page in pages:
        text = namespaces.sub("", page.read_text(encoding="utf-8"))
        assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", text), page


def test_readme_commands_are_make_targets() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    commands = re.findall(r"^\s*make ([a-z-]+)", readme, flags=re.MULTILINE)
    assert {"demo", "test"} <= set(commands)
    assert set(commands) <= targets


def test_ci_runs_the_readme_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.startswith("#!/usr/bin/env bash")
    assert "set -euo pipefail" in script
    assert re.search(r"^make test$", script, flags=re.MULTILINE)


def test_constraints_are_names_and_versions_only() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line), line


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = project["dependencies"] + project["optional-dependencies"]["dev"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in lines if "==" in line}
    wanted = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=]", name)[0]).lower() for name in named}
    assert wanted <= pinned
