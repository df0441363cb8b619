"""Every fault the doctor can see is put there, and the mend it names is read."""

import base64
import datetime as dt
import errno
import fcntl
import importlib.metadata
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import rasterio

from kpgeo import flows
from kpgeo.flows.doctor import addressees, exit_code_of, machine, papers, room, software, summary_of
from kpgeo.flows.doctor.finding import Case, Finding, failed, good, warned, within
from kpgeo.model.errors import BadInputError, UpstreamError
from kpgeo.options.compute import ComputeOptions
from kpgeo.options.pipeline import CatalogSource, Pipeline
from kpgeo.options.wire import WireOptions
from kpgeo.store import StateHead

Faults = list[Finding]


def _faults(findings: Iterable[Finding]) -> Faults:
    return [one for one in findings if one.state != "ok"]


def _only(findings: Iterable[Finding], state: str, detail: str, remedy: str) -> None:
    """Require one fault, of that state, and a mend in one sentence."""
    (one,) = _faults(findings)
    assert one.state == state, one
    assert detail in one.detail, one
    assert remedy in one.remedy, one
    assert one.remedy.rstrip().endswith((".", "'", "on")), "a sentence, or a command to type"


def _case(tmp_path: Path, pipeline: object = None, **environ: str) -> Case:
    return Case(workspace=tmp_path, pipeline=pipeline, environ=environ)  # type: ignore[arg-type]


# --- software ----------------------------------------------------------------------------------------------------


def _version_of(name: str) -> str:
    versions = {"alpha": "1.5", "beta": "0.9"}
    if name not in versions:
        raise importlib.metadata.PackageNotFoundError(name)
    return versions[name]


def _packages(*requirements: str) -> Iterable[Finding]:
    return software.package_findings(requirements, _version_of)


_BUNDLED = "/env/lib/python3.11/site-packages/rasterio.libs/libgdal-1a2b.so.36"
_SYSTEM = "/usr/lib/libgdal.so.32"
_DRIVERS = {"GTiff", "COG", "JP2OpenJPEG", "GeoJSON"}


@pytest.mark.parametrize(
    ("look", "state", "detail", "remedy"),
    [
        (lambda: [software.python_finding("3.10.4")], "fail", "Python 3.10.4", "Install Python 3.11"),
        (lambda: _packages("gamma>=2"), "fail", "not installed", "pip install --upgrade 'gamma>=2'"),
        (lambda: _packages("alpha>=2"), "fail", "1.5; kpgeo needs >=2", "pip install --upgrade 'alpha>=2'"),
        (lambda: _packages("alpha>=1,<1.4"), "fail", "1.5", "pip install --upgrade 'alpha<1.4,>=1'"),
        (_packages, "warn", "not installed", "pip install"),
        (lambda: software.gdal_findings([_BUNDLED], ["osgeo"]), "warn", "osgeo", "environment of its own"),
        (lambda: software.gdal_findings([_BUNDLED, _SYSTEM], []), "warn", "libgdal.so.32", "environment of its own"),
        (lambda: software.driver_findings({"COG"}), "fail", "cannot read GTiff", "--force-reinstall rasterio"),
        (lambda: software.driver_findings({*_DRIVERS, "VRT", "WMS"}), "fail", "opens VRT, WMS", "unset"),
        (lambda: software.driver_findings({*_DRIVERS, "OGR_VRT"}), "fail", "opens OGR_VRT", "OGR_SKIP"),
        (lambda: software.proj_findings({"PROJ_LIB": "/opt/other"}), "warn", "PROJ_LIB", "Unset PROJ_LIB"),
        (lambda: software.proj_findings({"PROJ_NETWORK": "ON"}), "warn", "internet", "Unset PROJ_NETWORK"),
        (lambda: software.encoding_findings("ascii", "utf-8"), "warn", "ascii", "PYTHONUTF8=1"),
        (lambda: software.encoding_findings("utf-8", "ISO-8859-1"), "warn", "ISO-8859-1", "PYTHONUTF8=1"),
    ],
)  # fmt: skip
def test_faults_of_the_software(look: Callable[[], Iterable[Finding]], state: str, detail: str, remedy: str) -> None:
    _only(look(), state, detail, remedy)


def test_software_as_it_should_be() -> None:
    wanted = ["alpha>=1.4", "beta<1", "gamma>=1; extra == 'dev'", "gamma; python_version < '3'", "!broken"]
    assert not _faults(software.package_findings(wanted, _version_of))
    assert not _faults(software.gdal_findings([_BUNDLED, _BUNDLED.replace("rasterio", "pyogrio")], ["rasterio"]))
    assert not _faults(software.gdal_findings(["/conda/lib/libgdal.so.36"], [])), "the one GDAL of a conda environment"
    assert not _faults(software.driver_findings(_DRIVERS))
    assert not _faults(software.proj_findings({}))
    assert not _faults(software.encoding_findings("utf-8", "UTF-8"))


def test_a_proj_that_is_broken_or_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bool:
        raise rasterio.errors.CRSError("no database")

    monkeypatch.setattr(software, "_turns_rightly", broken)
    _only(software.proj_findings({"PROJ_DATA": "/opt"}), "fail", "no database", "Unset PROJ_DATA")
    monkeypatch.setattr(software, "_turns_rightly", lambda: False)
    _only(software.proj_findings({}), "fail", "another place", "Unset PROJ_DATA")


def test_compiled_code_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("")
    found = software.compiled_finding({"NUMBA_CACHE_DIR": str(file / "cache")}, tmp_path)
    _only([found], "fail", "nothing can be kept", "Set NUMBA_CACHE_DIR")
    assert software.compiled_finding({"NUMBA_CACHE_DIR": str(tmp_path / "new" / "cache")}, tmp_path).state == "ok"
    monkeypatch.setattr(Path, "home", lambda: file)
    assert software.compiled_finding({}, file).state == "fail"
    assert software.compiled_finding({}, tmp_path).state == "ok"


def test_jpeg_2000_only_matters_to_who_reads_it(tmp_path: Path) -> None:
    reads = SimpleNamespace(catalog=(SimpleNamespace(provider="copernicus"),))
    other = SimpleNamespace(catalog=(SimpleNamespace(provider="earth-search"),))
    _only(software.jpeg2000_findings({"GTiff"}, _case(tmp_path, reads)), "fail", "Copernicus", "reinstall rasterio")
    assert not list(software.jpeg2000_findings({"GTiff"}, _case(tmp_path, other)))
    assert not list(software.jpeg2000_findings(_DRIVERS, _case(tmp_path, reads)))


# --- machine -----------------------------------------------------------------------------------------------------

_GIB = 2**30


@pytest.mark.parametrize(
    ("compute", "memory_gib", "state", "detail", "remedy"),
    [
        (ComputeOptions(workers=8), 8, "warn", "8 workers may use 16.0 GiB of 8.0", "workers = 4 under [compute]"),
        (ComputeOptions(workers=1), 1, "warn", "1 workers", "a machine with 4 GiB"),
        (ComputeOptions(workers=1, memory_per_worker_gib=0.5), 8, "warn", "0.5 GiB", "memory_per_worker_gib = 2"),
        (ComputeOptions(cluster="sync"), 1, "warn", "1.2 GiB of 1.0", "a machine with 4 GiB"),
    ],
)
def test_faults_of_memory(compute: ComputeOptions, memory_gib: int, state: str, detail: str, remedy: str) -> None:
    _only([machine.memory_finding(compute, memory_gib * _GIB)], state, detail, remedy)


def test_memory_as_it_should_be(tmp_path: Path) -> None:
    assert machine.memory_finding(ComputeOptions(workers=2), 8 * _GIB).state == "ok"
    assert machine.memory_finding(ComputeOptions(cluster="tcp://127.0.0.1:1", workers=99), _GIB).state == "ok"
    limit = tmp_path / "memory.max"
    limit.write_text("123456\n")
    assert machine.machine_memory_bytes(limit) == 123456
    limit.write_text("max\n")
    assert machine.machine_memory_bytes(limit) > _GIB


def test_temporary_files_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine.temporary_finding({"TMPDIR": str(tmp_path / "missing")})
    _only([found], "fail", "missing", "Set TMPDIR")
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=4096))
    _only([machine.temporary_finding({"TMPDIR": str(tmp_path)})], "warn", "0.0 GiB", "1 GiB of room")


def _asking(*, use_proxy: bool) -> object:
    source = CatalogSource(url="https://one.example/v1", collections={"sentinel-2": "c"})
    return SimpleNamespace(catalog=(source,), wire=WireOptions(use_proxy=use_proxy))


def test_faults_of_proxies(tmp_path: Path) -> None:
    proxy = {"HTTPS_PROXY": "http://me:secret@proxy.example:3128"}
    past = list(machine.proxy_findings(_case(tmp_path, _asking(use_proxy=False), **proxy)))
    _only(past, "warn", "proxy.example", "use_proxy = true")
    none = list(machine.proxy_findings(_case(tmp_path, _asking(use_proxy=True))))
    _only(none, "fail", "names none", "Set HTTPS_PROXY")
    used = list(machine.proxy_findings(_case(tmp_path, _asking(use_proxy=True), **proxy)))
    assert [one.state for one in used] == ["ok"]
    assert not list(machine.proxy_findings(_case(tmp_path, None, **proxy))), "nothing is asked of the network"
    assert "secret" not in str([*past, *used])


def _clock(offset_s: float = 0.0) -> machine.ClockWatch:
    return machine.ClockWatch(wall_s=time.time() - offset_s, steady_s=time.monotonic())


@pytest.mark.fault(10)
@pytest.mark.parametrize(
    ("look", "state", "detail", "remedy"),
    [
        (lambda: machine.clock_findings(_clock(60.0), {}, {}), "warn", "set by +60 s", "set-ntp true"),
        (lambda: machine.clock_findings(_clock(), {"a.org": 600.0}, {}), "warn", "10 min ahead of a.org", "set-ntp"),
        (lambda: machine.clock_findings(_clock(), {"a.org": -3600.0}, {}), "warn", "60 min behind a.org", "set-ntp"),
        (lambda: machine.clock_findings(_clock(), {}, {"TZ": "Mars/Phobos"}), "warn", "Mars/Phobos", "Unset TZ"),
    ],
)  # fmt: skip
def test_faults_of_the_clock(look: Callable[[], Iterable[Finding]], state: str, detail: str, remedy: str) -> None:
    _only(look(), state, detail, remedy)


@pytest.mark.fault(10)
def test_a_clock_that_is_years_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_BUILT", dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    _only(machine.clock_findings(_clock(), {}, {}), "fail", "which is past", "set-ntp true")


def test_a_clock_as_it_should_be() -> None:
    for skews_s, environ in (
        ({}, {}),
        ({"a": 100.0}, {"TZ": "Africa/Abidjan"}),
        ({"a": 9e9, "b": 1.0}, {"TZ": "UTC0"}),
    ):
        assert not _faults(machine.clock_findings(_clock(), skews_s, environ))


# --- workspace ---------------------------------------------------------------------------------------------------


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some room"),
        (errno.EDQUOT, "share of that disk"),
        (errno.EROFS, "reading only"),
        (errno.EACCES, "you may write to"),
        (errno.EIO, "reports errors"),
        (errno.ESTALE, "a disk of this machine"),
    ],
)
def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str) -> None:
    def refuse(*args: object, **named: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(room.os, "fsync", refuse)
    _only(room.examine_workspace(tmp_path / "workspace", []), "fail", os.strerror(number), remedy)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_a_file_where_the_workspace_is_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    _only(
        room.examine_workspace(tmp_path / "file" / "workspace", []), "fail", "nothing can be written", "another folder"
    )


def test_a_disk_that_does_not_keep_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda self, other: other)
        _only(room.disk_findings(tmp_path, tmp_path), "fail", "not what is read", "a disk of this machine")
    monkeypatch.setattr(room, "_ACCENTED", "no/such")
    _only(room.disk_findings(tmp_path, tmp_path), "warn", "accents", "keeps names")


@pytest.mark.fault(4)
def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _faults(room.lock_findings(tmp_path, "ext4"))
    _only(room.lock_findings(tmp_path, "nfs4"), "warn", "over a network (nfs4)", "a disk of this machine")
    monkeypatch.setattr(fcntl, "flock", lambda *args: None)
    _only(room.lock_findings(tmp_path, "nfs"), "fail", "two runs write at once", "a disk of this machine")

    def refuse(*args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    _only(room.lock_findings(tmp_path, "nfs"), "fail", "knows no locks", "a disk of this machine")


def test_the_kind_of_a_disk(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nhost:/x {tmp_path} nfs4 rw 0 0\nhost:/y {tmp_path}x cifs rw 0 0\nshort\n")
    assert room.disk_kind(tmp_path / "sub", mounts) == "nfs4"
    assert room.disk_kind(Path("/"), mounts) == "ext4"
    assert room.disk_kind(tmp_path, tmp_path / "missing") == ""


@pytest.mark.fault(5)
def test_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10 * _GIB))
    assert not _faults(room.room_findings(tmp_path, 6 * _GIB, 10))
    _only(room.room_findings(tmp_path, 20 * _GIB, 10), "fail", "10.0 GiB free, about 20.0 wanted", "Free some room")
    _only(room.room_findings(tmp_path, 9 * _GIB, 10), "warn", "about 9.0 wanted", "Free some room")
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_files=1000, f_favail=5))
    _only(room.room_findings(tmp_path, _GIB, 10), "fail", "5 more files", "Remove small files")
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_files=0, f_favail=0))
    assert not _faults(room.room_findings(tmp_path, _GIB, 10)), "a disk that does not count files"


def test_room_is_wanted_for_every_dekad_to_come(small_world: Path, watched: Path, tmp_path: Path) -> None:
    watches, _ = papers.read_watches(Pipeline.read(small_world / "pipeline.toml"))
    first_bytes, first_files = room.wanted(tmp_path, watches)
    then_bytes, then_files = room.wanted(watched, watches)
    base_bytes, base_files = room.wanted(tmp_path, [])
    px, done = 128 * 128, 18  # half a year is decided
    assert first_bytes - then_bytes == px * (done * 12 + 58)
    assert then_bytes - base_bytes > px * 36 * 3 * 12, "years to come since"
    assert first_files > then_files > base_files


@pytest.mark.fault(4)
def test_a_run_that_is_on_and_one_that_was_cut_short(tmp_path: Path) -> None:
    assert not _faults(room.holder_findings(tmp_path))
    lock = tmp_path / ".lock"
    lock.write_text(json.dumps({"pid": 7, "host": "there", "since": "2026-01-01T00:00:00+00:00"}))
    (cut,) = room.holder_findings(tmp_path)
    assert cut.state == "ok"
    assert "process 7 on there" in cut.detail
    assert "cut short" in cut.detail
    descriptor = os.open(lock, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        _only(room.holder_findings(tmp_path), "warn", "process 7 on there", "Wait until it has ended")
    finally:
        os.close(descriptor)
    lock.write_text("")
    assert not _faults(room.holder_findings(tmp_path))


def _broken_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)


def _with(statement: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()

    return change


@pytest.mark.fault(9)
@pytest.mark.parametrize(
    ("spoil", "detail", "remedy"),
    [
        (_broken_page, "", "Put a copy of kpgeo.db from before"),
        (lambda path: path.write_bytes(b"not a database at all" * 400), "cannot be read", "Put a copy"),
        (_with("UPDATE alembic_version SET version_num = '9999'"), "9999 is newer", "the kpgeo that wrote them"),
        (_with("DROP TABLE alembic_version"), "not kpgeo's", "another workspace"),
    ],
)
def test_faults_of_the_tables(
    watched: Path, tmp_path: Path, spoil: Callable[[Path], None], detail: str, remedy: str
) -> None:
    path = Path(shutil.copy(watched / "kpgeo.db", tmp_path / "kpgeo.db"))
    assert not _faults(room.table_findings(path))
    spoil(path)
    _only(room.table_findings(path), "fail", detail, remedy)


@pytest.mark.fault(9)
def test_tables_that_are_old_locked_or_not_there(
    watched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not _faults(room.table_findings(tmp_path / "kpgeo.db"))
    path = Path(shutil.copy(watched / "kpgeo.db", tmp_path / "kpgeo.db"))
    _with("UPDATE alembic_version SET version_num = '0001'")(path)
    (old,) = room.table_findings(path)
    assert old.state == "ok"
    assert "next run brings up to date" in old.detail
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "sqlite_version_info", (3, 20, 0))
        _only(room.table_findings(path), "fail", "too old", "a newer Python")

    def locked(_: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(room, "_reading", locked)
    _only(room.table_findings(path), "warn", "locked", "Ask again")


@pytest.mark.fault(9)
def test_faults_of_the_pixel_state(
    small_world: Path, watched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (watch,), _ = papers.read_watches(Pipeline.read(small_world / "pipeline.toml"))
    assert not _faults(room.state_findings(watched, [watch]))
    assert not _faults(room.state_findings(tmp_path / "none", [watch]))
    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    for path in (workspace / "state").rglob("*"):
        if path.is_file() and "snapshots" in path.parts:
            path.write_bytes(b"")
    (broken,) = room.state_findings(workspace, [watch])
    assert broken.state == "fail"
    assert "Restore the folder" in broken.remedy
    head = StateHead(first_dekad=1, last_dekad=3, unfinished={"r0c0": 2})
    monkeypatch.setattr(room, "_store", lambda *_: SimpleNamespace(head=lambda: head))
    _only(room.state_findings(workspace, [watch]), "warn", "1 tile could not", "Run the pipeline again")


# --- papers ------------------------------------------------------------------------------------------------------

_FILE = """
name = "p"
aois = ["civ-seguela"{aois}]
[[catalog]]
{catalog}
[history]
start = 2023-01-01
end = 2024-01-01
{rest}
"""
_HERE = 'url = "here/catalog.json"\ncollections = { sentinel-2 = "s2" }'


def _written(tmp_path: Path, aois: str = "", catalog: str = _HERE, rest: str = "") -> Path:
    path = tmp_path / "pipeline.toml"
    path.write_text(_FILE.format(aois=aois, catalog=catalog, rest=rest))
    return path


@pytest.mark.parametrize(
    ("change", "detail", "remedy"),
    [
        (lambda path: path.unlink(), "cannot be read", "Correct what is named there"),
        (lambda path: path.write_text("name = "), "not TOML", "Correct what is named there"),
        (
            lambda path: path.write_text(path.read_text().replace("end =", "ende =")),
            "history.end",
            "Correct what is named",
        ),
    ],
)
def test_faults_of_the_pipeline_file(
    tmp_path: Path, change: Callable[[Path], object], detail: str, remedy: str
) -> None:
    path = _written(tmp_path)
    assert papers.read_pipeline(path)[1].state == "ok"
    change(path)
    pipeline, found = papers.read_pipeline(path)
    assert pipeline is None
    _only([found], "fail", detail, remedy)


def test_faults_of_what_a_pipeline_names(tmp_path: Path) -> None:
    pipeline = Pipeline.read(_written(tmp_path, aois=', "xyz"', rest='[production]\ndeclared = ["d/*.csv", "e.csv"]'))
    watches, found = papers.read_watches(pipeline)
    assert [watch.aoi.id for watch in watches] == ["civ-seguela"]
    _only(found, "fail", "no AOI 'xyz'", "kpgeo aoi list")
    assert [one.detail for one in _faults(papers.file_findings(pipeline))] == ["no file d/*.csv", "no file e.csv"]
    assert all("correct `declared`" in one.remedy for one in _faults(papers.file_findings(pipeline)))
    (tmp_path / "d").mkdir()
    for name in ("d/one.csv", "e.csv"):
        (tmp_path / name).write_text("")
    assert not _faults(papers.file_findings(pipeline))
    elsewhere = Pipeline.read(_written(tmp_path, catalog='folder = "scenes"'))
    _only(papers.file_findings(elsewhere), "fail", "no folder scenes", "Correct `folder`")


_MAIL = """[mail]
host = "127.0.0.1"
sender = "kpgeo@example.org"
user = { env = "KP_MAIL_USER" }
password = { file = "password" }
"""
_HOOK = """[[subscriber]]
id = "a"
aois = ["civ-seguela"]
[[subscriber.webhook]]
url = "https://example.org/hook"
secrets = [{ env = "KP_HOOK" }]
"""


def test_faults_of_subscribers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline.read(_written(tmp_path, rest='[deliver]\nsubscribers = "subscribers.toml"'))
    watches, _ = papers.read_watches(pipeline)

    def look() -> Faults:
        return _faults(addressees.subscriber_findings(pipeline, watches))

    _only(look(), "fail", "cannot be read", "Correct what is named there")
    file = tmp_path / "subscribers.toml"
    file.write_text(_MAIL + _HOOK.replace("civ-seguela", "elsewhere"))
    _only(look(), "fail", "does not watch 'elsewhere'", "It watches civ-seguela.")
    file.write_text(_MAIL + _HOOK)
    assert [one.detail.partition(":")[0] for one in look()] == ["mail", "mail", "a"]
    assert {one.state for one in look()} == {"warn"}
    monkeypatch.setenv("KP_MAIL_USER", "kpgeo")
    (tmp_path / "password").write_text("canary-of-a-password")
    monkeypatch.setenv("KP_HOOK", "canary-of-a-key")
    (found,) = look()
    assert (found.state, found.detail.partition(":")[0]) == ("warn", "a")
    assert "canary" not in f"{found.detail} {found.remedy}"
    monkeypatch.setenv("KP_HOOK", f"whsec_{base64.b64encode(bytes(24)).decode()}")
    assert not look()
    assert not list(addressees.subscriber_findings(Pipeline.read(_written(tmp_path)), watches))


def _versions(python: str = "3.11.7.final.0", **packages: str) -> dict[str, object]:
    same = {"python": "3.11.7.final.0", **dict.fromkeys(("dask", "distributed", "cloudpickle", "msgpack"), "1.0")}
    return {"packages": {**same, "python": python, **packages}}


@pytest.mark.parametrize(
    ("workers", "state", "detail", "remedy"),
    [
        ({}, "fail", "has no workers", "Start the scheduler and its workers"),
        (
            {"a": _versions(), "b": _versions(dask="0.9")},
            "fail",
            "worker 2 has dask 0.9, here 1.0",
            "the same versions",
        ),
        (
            {"a": _versions(python="3.12.1.final.0")},
            "fail",
            "worker 1 has python 3.12.1, here 3.11.7",
            "the same versions",
        ),
        ({"a": None}, "fail", "worker 1 has python None", "the same versions"),
    ],
)
def test_faults_of_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: dict, state: str, detail: str, remedy: str
) -> None:
    told = {"client": _versions(), "scheduler": _versions(), "workers": workers}
    monkeypatch.setattr(papers.lazy, "cluster_versions", lambda _: told)
    pipeline = Pipeline.read(_written(tmp_path, rest='[compute]\ncluster = "tcp://127.0.0.1:8786"'))
    _only(papers.cluster_findings(pipeline, tmp_path / "none"), state, detail, remedy)


@pytest.mark.fault(7)
def test_a_cluster_that_is_not_there_or_cannot_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline.read(_written(tmp_path, rest='[compute]\ncluster = "tcp://127.0.0.1:8786"'))
    assert not list(papers.cluster_findings(Pipeline.read(_written(tmp_path)), tmp_path))

    def asked(workspace: Path) -> list[Finding]:
        return within(10.0, "cluster", lambda: papers.cluster_findings(pipeline, workspace), is_upstream=True)

    def gone(_: object) -> None:
        raise UpstreamError("The scheduler does not answer.", where="tcp://127.0.0.1:8786", remedy="Start it.")

    monkeypatch.setattr(papers.lazy, "cluster_versions", gone)
    (found,) = asked(tmp_path)
    assert found.is_upstream
    _only([found], "fail", "does not answer", "Start it")

    @contextmanager
    def there(_: object):
        yield None

    def unable(*args: object) -> None:
        raise BadInputError("It does not see the workspace.", where="worker a", remedy="Put the workspace elsewhere.")

    told = {"client": _versions(), "scheduler": _versions(), "workers": {"a": _versions()}}
    monkeypatch.setattr(papers.lazy, "cluster_versions", lambda _: told)
    monkeypatch.setattr(papers.lazy, "open_cluster", there)
    monkeypatch.setattr(papers.lazy, "require_able", unable)
    _only(asked(tmp_path), "fail", "does not see", "Put the workspace elsewhere")
    assert [one.state for one in asked(tmp_path / "none")] == ["ok"]
    monkeypatch.setattr(papers.lazy, "require_able", lambda *args: None)
    assert asked(tmp_path)[0].detail.endswith("1 worker like this machine, which see the workspace")


# --- all together ------------------------------------------------------------------------------------------------


def test_a_check_that_hangs_breaks_or_refuses_hides_no_other() -> None:
    def hang() -> Iterable[Finding]:
        yield good("a", "seen")
        time.sleep(30.0)

    first, hung = within(0.2, "disk", hang)
    assert first.detail == "seen"
    _only([hung], "fail", "no answer within 0.2 s", "Try again later")

    def refuse() -> Iterable[Finding]:
        yield good("a", "seen")
        raise UpstreamError("It is down.", where="one.example")

    _, refused = within(5.0, "service", refuse)
    assert refused.is_upstream
    _only([refused], "fail", "one.example: It is down.", "Mend what is named there")

    def burst() -> Iterable[Finding]:
        yield good("a", "seen")
        raise ZeroDivisionError("by nothing")

    _only(within(5.0, "sums", burst), "warn", "ZeroDivisionError", "KPGEO_DEBUG=1")


def test_a_fault_is_named_with_its_mend_and_only_a_fault() -> None:
    with pytest.raises(ValueError, match="mend"):
        Finding(check="a", state="fail", detail="b")
    with pytest.raises(ValueError, match="mend"):
        Finding(check="a", state="ok", detail="b", remedy="c.")


def test_exit_codes_and_summaries() -> None:
    well, warning = good("a", "b"), warned("a", "b", "c.")
    here, above = failed("a", "b", "c."), failed("a", "b", "c.", is_upstream=True)
    assert [exit_code_of(one) for one in ([well], [well, warning], [above, warning], [here, above])] == [0, 3, 4, 2]
    assert summary_of([well]) == "Ready to run."
    assert summary_of([warning]) == "Ready to run, with 1 warning."
    assert summary_of([here, above, warning]) == "Not ready: 2 things to mend, and 1 warning."


def test_a_workspace_is_looked_at_and_left_alone(small_world: Path, watched: Path) -> None:
    def state() -> dict[str, float]:
        return {str(path): path.stat().st_mtime for path in watched.rglob("*")}

    before = state()
    found = flows.examine(watched, small_world / "pipeline.toml")
    assert state() == before
    assert not [one for one in found if one.state == "fail"]
    checks = {one.check.partition(":")[0] for one in found}
    assert {"pipeline", "python", "packages", "locks", "tables", "state of sim-0", "clock"} <= checks
    assert {"sentinel-1", "sentinel-2", "landsat"} <= {one.check.rpartition(" ")[2] for one in found}


def test_a_pipeline_brings_its_own_workspace(small_world: Path, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text('workspace = "mine"\n' + (small_world / "pipeline.toml").read_text().replace("workspace = ", "#"))
    told = [one.detail for one in flows.examine(None, path) if one.check == "workspace"]
    assert told == [f"{tmp_path / 'mine'} does not exist yet; a run makes it"]
    assert not (tmp_path / "mine").exists()
