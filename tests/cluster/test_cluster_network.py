"""Who may be spoken to, and who listens: Dask's network protocol carries code."""

import ast
import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dask
import psutil
import pytest

from kpgeo.lazy import Client, map_tiles, open_cluster
from kpgeo.lazy.remote import address_of
from kpgeo.model.errors import BadInputError, UpstreamError
from kpgeo.options.compute import ComputeOptions
from tests.cluster.machines import Machines

_PACKAGE = Path(__file__).resolve().parents[2] / "kpgeo"


@pytest.mark.fault(44)
@pytest.mark.parametrize("address", ["tcp://8.8.8.8:8786", "ws://8.8.8.8:8786", "tcp://[2001:4860:4860::8888]:8786"])
def test_a_public_scheduler_without_encryption_is_refused(address: str) -> None:
    with pytest.raises(BadInputError, match="public address") as refused, open_cluster(ComputeOptions(cluster=address)):
        pass
    assert "tls://" in refused.value.remedy
    assert address_of(address, allow_public=True) == address


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://10.1.2.3:8786", "tcp://192.168.0.9:8786", "tls://8.8.8.8:8786"],
)
def test_near_or_encrypted_schedulers_are_spoken_to(address: str) -> None:
    assert address_of(address) == address


def test_a_scheduler_whose_name_nobody_knows_is_said() -> None:
    with pytest.raises(UpstreamError, match="host is not known"):
        address_of("tcp://scheduler.invalid:8786")


@pytest.mark.fault(44)
def test_a_scheduler_file_is_held_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(json.dumps({"address": "tcp://8.8.8.8:8786"}), encoding="ascii")
    with pytest.raises(BadInputError, match="public address"):
        address_of(str(path))
    path.write_text(json.dumps({"address": "tcp://127.0.0.1:8786"}), encoding="ascii")
    assert address_of(str(path)) == "tcp://127.0.0.1:8786"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"address": 7}', '{"address": "file:///etc/passwd"}', "[" * 9999])
def test_a_file_that_is_not_a_schedulers_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(content, encoding="ascii")
    with pytest.raises(BadInputError, match=r"file of a scheduler|no address"):
        address_of(str(path))


def test_a_scheduler_file_that_does_not_come_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpgeo.lazy.remote._FILE_WAIT_S", 0.1)
    with pytest.raises(UpstreamError, match="has not come"):
        address_of(str(tmp_path / "scheduler.json"))


@pytest.mark.fault(44)
def test_whoever_uses_a_cluster_opens_no_port(machines: Machines) -> None:
    before = _listening()
    with open_cluster(ComputeOptions(cluster=str(machines.file))) as client:
        assert list(map_tiles(client, abs, [-1])) == [(-1, 1)]
        assert _listening() == before


def _listening() -> set[tuple[str, int]]:
    connections = psutil.Process().net_connections(kind="inet")
    return {tuple(one.laddr) for one in connections if one.status == psutil.CONN_LISTEN}


@pytest.mark.fault(44)
def test_an_encrypted_cluster_is_used_and_a_stranger_is_not_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {name: str(path) for name, path in _make_certificates(tmp_path).items()}
    machines = Machines(home=tmp_path, scheme="tls", environment=environment)
    try:
        machines.start_scheduler()
        machines.start_worker()
        monkeypatch.setattr("kpgeo.lazy.cluster._CONNECT_S", 3)
        with pytest.raises(BadInputError, match="No certificates"), _opened_with({}, machines.address):
            pass
        (tmp_path / "stranger").mkdir()
        stranger = {name: str(path) for name, path in _make_certificates(tmp_path / "stranger").items()}
        with pytest.raises(UpstreamError, match="does not answer"), _opened_with(stranger, machines.address):
            pass
        with _opened_with(environment, machines.address) as client:
            assert sorted(map_tiles(client, abs, [-2, -1])) == [(-2, 2), (-1, 1)]
    finally:
        machines.stop()


@contextlib.contextmanager
def _opened_with(environment: dict[str, str], address: str) -> Iterator[Client]:
    """Open a cluster with Dask's configuration as an environment would give it."""
    named = {name.removeprefix("DASK_").lower().replace("__", "."): value for name, value in environment.items()}
    with dask.config.set(named), open_cluster(ComputeOptions(cluster=address)) as one:
        yield one


def _make_certificates(folder: Path) -> dict[str, Path]:
    """Make a key and a certificate that is its own authority; return them as Dask's environment names them."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    parts = {f"{tls}CA_FILE": certificate}
    for role in ("CLIENT", "SCHEDULER", "WORKER"):
        parts |= {f"{tls}{role}__KEY": key, f"{tls}{role}__CERT": certificate}
    return parts


_CARRIERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "torch"}
_CALLS = {"read_pickle", "to_pickle", "unsafe_load", "load_pickle", "literal_load"}


@pytest.mark.fault(44)
def test_nothing_is_read_that_could_run_as_code() -> None:
    """Dask does it between processes of one run; kpgeo itself never, whoever a file is from."""
    paths = sorted(_PACKAGE.rglob("*.py"))
    assert len(paths) > 100
    wrong = {str(path): _dangerous(ast.parse(path.read_text(encoding="utf-8"))) for path in paths}
    assert not {path: found for path, found in wrong.items() if found}


def test_what_is_dangerous_is_seen() -> None:
    lines = ["import joblib", "from torch import load", "np.load(x, allow_pickle=True)", "pd.read_pickle(x)", "eval(x)"]
    assert all(len(_dangerous(ast.parse(line))) == 1 for line in (*lines, "yaml.load(x)"))
    assert not _dangerous(ast.parse("np.load(x, allow_pickle=False)\nmodel.eval()\njson.load(x)"))


def _dangerous(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in _CARRIERS]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _CARRIERS:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            found += _dangerous_call(node)
    return found


def _dangerous_call(call: ast.Call) -> list[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = getattr(call.func.value, "id", "") if isinstance(call.func, ast.Attribute) else ""
    is_open = any(word.arg == "allow_pickle" and getattr(word.value, "value", None) for word in call.keywords)
    is_evil = name in _CALLS or (not owner and name in ("eval", "exec")) or (owner, name) == ("yaml", "load")
    return [f"line {call.lineno}: {name}"] if is_open or is_evil else []
