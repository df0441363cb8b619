"""A whole run with secrets everywhere it may meet them: no byte of what it leaves or says holds one."""

import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kpgeo import cli
from kpgeo.model.errors import BadInputError
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Tables, Workspace
from tests.wire.fault_server import FaultServer

pytestmark = pytest.mark.fault(43)

CANARY = "CANARYSECRET"
_ENVIRONMENT = (
    "CDSE_S3_ACCESS_KEY", "CDSE_S3_SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PC_SDK_SUBSCRIPTION_KEY",
    "AZURE_STORAGE_SAS_TOKEN", "DATABASE_URL", "GDAL_HTTP_USERPWD", "GDAL_HTTP_HEADERS",
)  # fmt: skip


@pytest.fixture
def signed_world(small_world: Path, tmp_path: Path) -> Iterator[str]:
    """Serve a copy of the small world whose files are signed, and of which one file is missing; yield its address."""
    world = Path(shutil.copytree(small_world, tmp_path / "world"))
    for item in world.glob("*/*/*.json"):
        text = item.read_text(encoding="utf-8")
        item.write_text(re.sub(r'(\.tif)"', rf'\1?sv=2024&sig={CANARY}%2Fx&se=2030"', text), encoding="utf-8")
    next(path for path in sorted(world.glob("sentinel-2-l2a/*_202301*/B04.tif"))).unlink()
    with FaultServer(world) as server:
        yield server.url


def _pipeline(world: Path, folder: Path, url: str) -> Path:
    """Write the small world's pipeline anew, its catalogue at an address and its cache in a folder."""
    text = (world / "pipeline.toml").read_text(encoding="utf-8").replace('url = "catalog.json"', f'url = "{url}"')
    text = text.replace('"aoi.geojson"', f'"{world}/aoi.geojson"').replace('"declared.csv"', f'"{world}/declared.csv"')
    wire = f'\n[wire]\ncache_folder = "{folder}/cache"\nrequest_attempts = 1\nread_attempts = 1\n'
    path = folder / "pipeline.toml"
    path.write_text(text + wire, encoding="utf-8")
    return path


def _holders(folder: Path) -> list[str]:
    """Return the files below a folder whose name or content holds the canary."""
    canary = CANARY.encode()
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if canary in path.name.encode() or (path.is_file() and canary in path.read_bytes())
    ]


def test_no_secret_is_left_in_a_workspace_or_said(
    small_world: Path,
    fitted: Path,
    signed_world: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    workspace = shutil.copytree(fitted, folder / "workspace")
    pipeline = _pipeline(small_world, folder, f"{signed_world}/catalog.json")
    for name in _ENVIRONMENT:
        monkeypatch.setenv(name, f"{CANARY}-{name}")
    monkeypatch.setenv("KPGEO_DEBUG", "1")
    caplog.set_level(logging.DEBUG)
    said = []
    for words in (
        ("run", pipeline, "--until", "2023-03-01", "--cluster", "sync", "--json"),
        ("plan", pipeline, "--until", "2023-03-01", "--json"),
        ("export", "sites", "--format", "geojson", "--out", folder / "sites.geojson", "--json"),
        ("brief", "sim-0", "--from", "2023-01-01", "--to", "2023-03-01", "--format", "html", "--json"),
    ):
        done = CliRunner().invoke(cli.app, [str(word) for word in (*words, "--workspace", workspace)])
        said.append(done.stdout + done.stderr + str(done.exception or ""))
        assert done.exit_code in (0, 3), said[-1]
    assert "unreadable" in said[0], "the missing file is a gap that is told"
    assert json.loads((Path(workspace) / "watched.json").read_bytes())
    assert list((Path(workspace) / "briefs").iterdir())
    assert not [line for text in said for line in text.splitlines() if CANARY in line]
    assert CANARY not in caplog.text
    assert _holders(folder) == []


@pytest.mark.parametrize(
    "url",
    [
        f"https://me:{CANARY}@example.org/stac",
        f"https://{CANARY}@example.org/stac",
        f"https://example.org/stac?token={CANARY}",
        f"https://example.org/catalog.json?sv=1&SIG={CANARY}",
        f"http://example.org/stac?subscription-key={CANARY}",
        f"https://example.org:{CANARY}/stac?x=[",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(
    small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("KPGEO_DEBUG", "1")
    path = _pipeline(small_world, tmp_path, url)
    if "?x=[" in url:
        path.write_text(path.read_text().replace("collections =", "colections ="))
    with pytest.raises(BadInputError) as caught:
        Pipeline.read(path)
    cause: BaseException | None = caught.value
    while cause is not None:
        assert CANARY not in str(cause) + repr(cause)
        cause = cause.__cause__ or cause.__context__
    done = CliRunner().invoke(cli.app, ["run", str(path), "--workspace", str(tmp_path / "workspace"), "--json"])
    assert done.exit_code == 2
    assert CANARY not in done.stdout + done.stderr
    assert not (tmp_path / "workspace").exists()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{CANARY}@db.example.org:54x2/kpgeo",
        f"postgresql+nodriver://me:{CANARY}@db.example.org/kpgeo",
        f"nonsense:{CANARY}@",
        f"mysql9://me:{CANARY}@db.example.org/kpgeo",
    ],
)
def test_a_database_address_is_not_repeated(tmp_path: Path, url: str) -> None:
    for opened in (lambda: Tables(url), lambda: Workspace(tmp_path / "w", database_url=url).tables()):
        with pytest.raises(BadInputError, match="database URL") as caught:
            opened()
        assert CANARY not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
