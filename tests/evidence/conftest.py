"""A small bundle, and a key."""

from pathlib import Path

import pytest

from kpgeo.evidence import SigningKey, compose_bundle, make_key


@pytest.fixture(autouse=True)
def _own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the keys of whoever runs the tests out of them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("KPGEO_SIGNING_KEY", "KPGEO_TRUSTED_KEYS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return make_key(tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture(scope="session")
def small_files() -> dict[str, bytes]:
    return {
        "alert.json": b'{\n "area_ha": 1.5,\n "state": "confirmed"\n}\n',
        "looks.csv": b"day,sensor\n2024-05-01,sentinel-2\n2024-05-06,sentinel-2\n2024-05-07,sentinel-1\n",
        "chips/after.png": bytes(range(256)) * 2,
        "empty.json": b"",
    }


@pytest.fixture(scope="session")
def small_bundle(small_files: dict[str, bytes], key: SigningKey) -> bytes:
    return compose_bundle(small_files, {"alert": "alert-0123456789ab", "release": "KP ONLY"}, key)
