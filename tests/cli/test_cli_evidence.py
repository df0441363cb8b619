"""Commands of evidence: exit codes, and what they say."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kpgeo.cli import app
from kpgeo.evidence import compose_bundle, read_key

_FACTS = {
    "alert": "alert-0123456789ab",
    "aoi": "sim-0",
    "state": "confirmed",
    "dekad": "2024-05-D1",
    "release": "KP ONLY",
}


@pytest.fixture(autouse=True)
def _own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("KPGEO_SIGNING_KEY", "KPGEO_TRUSTED_KEYS", "KPGEO_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def _run(*words: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, list(words))
    return answer.exit_code, answer.output


def _last(output: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(output.splitlines()[-1])
    return found


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a signed bundle."""
    assert _run("keys", "make")[0] == 0
    path = tmp_path / "a.kpe.zip"
    path.write_bytes(compose_bundle({"looks.csv": b"day\n2024-05-01\n2024-05-06\n"}, _FACTS, read_key()))
    return path


def test_a_signer_becomes_known(bundle: Path, tmp_path: Path) -> None:
    code, output = _run("verify", str(bundle), "--json")
    assert code == 0
    assert "Intact; signer not known: fingerprint " in output
    assert _last(output)["sealed"] == "unknown"
    assert _run("verify", str(bundle), "--require-known")[0] == 5
    key = read_key()
    assert key is not None
    (tmp_path / "public.pem").write_bytes(key.public.pem)
    assert _run("keys", "trust", str(tmp_path / "public.pem"), "--name", "Secretariat")[0] == 0
    code, output = _run("verify", str(bundle), "--require-known")
    assert code == 0
    assert "signed by Secretariat" in output
    assert "KP ONLY: alert alert-0123456789ab in sim-0, confirmed at the end of 2024-05-D1." in output
    assert "Secretariat" in _run("keys", "show")[1]


@pytest.mark.fault(46)
def test_an_altered_bundle_ends_with_five_and_names_the_line(bundle: Path) -> None:
    bundle.write_bytes(bundle.read_bytes().replace(b"2024-05-06", b"2024-05-26"))
    code, output = _run("verify", str(bundle), "--json")
    assert code == 5
    assert "looks.csv, line 3" in output
    told = _last(output)
    assert told["is_intact"] is False
    assert [one["entry"] for one in told["alterations"]] == ["looks.csv"]  # type: ignore[attr-defined]


def test_an_unsigned_bundle_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.kpe.zip"
    path.write_bytes(compose_bundle({"looks.csv": b"day\n"}, _FACTS, None))
    code, output = _run("verify", str(path))
    assert code == 0
    assert "not signed" in output
    assert _run("verify", str(path), "--require-known")[0] == 5


def test_what_cannot_be_verified(bundle: Path, tmp_path: Path) -> None:
    assert _run("verify", str(tmp_path / "missing.kpe.zip"))[0] == 2
    assert _run("verify", str(bundle), "--recompute")[0] == 2
    assert _run("verify", str(bundle), "pipeline.toml")[0] == 2
    assert _run("verify", str(bundle), "--workspace", str(tmp_path / "none"))[0] == 2
    assert _run("evidence", "make", "alert-1", "--workspace", str(tmp_path / "none"))[0] == 2
    assert _run("evidence", "make", "alert-1", "--dekad", "2024-05")[0] == 2


def test_a_key_is_made_once_and_its_secret_is_not_shown(bundle: Path) -> None:
    code, output = _run("keys", "make")
    assert code == 2
    assert "There is a key already" in output
    assert "PRIVATE" not in _run("keys", "show", "--json")[1]
