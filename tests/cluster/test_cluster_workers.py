"""Workers that somebody else started: locked down before GDAL is there, able to write, and expendable.

Functions sent to workers are defined inside the tests, so that they travel by value: a worker cannot import a test.
"""

import dataclasses
import os
import signal
import time
from pathlib import Path

import pytest

from kpgeo.lazy import TileFailure, map_tiles, open_cluster, remote, require_able
from kpgeo.lazy.remote import look_about
from kpgeo.model.errors import BadInputError
from kpgeo.options.compute import ComputeOptions
from tests.cluster.machines import Machines

_VRT = """<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename>{file}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
</VRTRasterBand></VRTDataset>"""


@pytest.mark.fault(39)
@pytest.mark.fault(40)
def test_gdal_is_locked_down_on_a_worker_before_it_is_imported(machines: Machines, tmp_path: Path) -> None:
    disguised = tmp_path / "scene.tif"
    disguised.write_text(_VRT.format(file="/etc/hostname"), encoding="ascii")

    def open_it(path: str) -> tuple[str | None, list[str], str]:
        import rasterio  # noqa: PLC0415 - on the worker

        try:
            with rasterio.open(path):
                said = "opened"
        except rasterio.errors.RasterioIOError as error:
            said = str(error)
        with rasterio.Env() as env:
            drivers = set(env.drivers())
        left = sorted(drivers & {"VRT", "WMS", "WCS", "HTTP", "STACIT"})
        return os.environ.get("GDAL_SKIP"), left, said

    with open_cluster(ComputeOptions(cluster=machines.address)) as client:
        answers = [answer for _, answer in map_tiles(client, open_it, [str(disguised)] * 4)]
    for skipped, wrong, said in answers:
        assert skipped == os.environ["GDAL_SKIP"]
        assert not wrong
        assert "not recognized" in said


def test_workers_that_see_the_workspace_are_taken(machines: Machines, tmp_path: Path) -> None:
    with open_cluster(ComputeOptions(cluster=machines.address)) as client:
        require_able(client, tmp_path)
    assert not list(tmp_path.iterdir()), "nothing is left of the probe"


@pytest.mark.parametrize(
    ("preload", "message"),
    [
        pytest.param("remote._try_folder = lambda *_: 'does not see the workspace'", "does not see", id="unseen"),
        pytest.param("os.environ['GDAL_SKIP'] = ''; import rasterio", r"Its GDAL opens .*VRT", id="open-gdal"),
    ],
)
def test_a_worker_that_cannot_do_the_work_is_named(preload: str, message: str, tmp_path: Path) -> None:
    machines = Machines(home=tmp_path)
    script = tmp_path / "preload.py"
    imported = "from kpgeo.lazy import remote" if "remote" in preload else "import os"
    script.write_text(f"{imported}\n{preload}\n", encoding="ascii")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    try:
        machines.start_scheduler()
        machines.start_worker("--preload", str(script), "--no-nanny")
        machines.wait_for(1)
        with (
            open_cluster(ComputeOptions(cluster=machines.address)) as client,
            pytest.raises(BadInputError, match=message) as refused,
        ):
            require_able(client, workspace)
    finally:
        machines.stop()
    assert os.uname().nodename in refused.value.where
    assert not list(workspace.iterdir())


def test_what_a_worker_sees_of_the_workspace_is_said(tmp_path: Path) -> None:
    (tmp_path / "driver").write_text("token", encoding="ascii")
    assert look_about(str(tmp_path), "token", ("VRT",)).fault == ""
    assert (tmp_path / "here").read_text(encoding="ascii") == "token"
    assert look_about(str(tmp_path), "other", ()).fault == "sees another folder of this name"
    assert look_about(str(tmp_path / "gone"), "token", ()).fault == "does not see the workspace"
    (tmp_path / "here").unlink()
    (tmp_path / "here").mkdir()
    assert look_about(str(tmp_path), "token", ()).fault.startswith("cannot write to the workspace (Is a directory")


def test_a_worker_of_another_version_or_folder_is_refused(tmp_path: Path) -> None:
    good = look_about(str(tmp_path), "", ())
    with pytest.raises(BadInputError, match="It has kpgeo 0"):
        remote._require(dataclasses.replace(good, version="0"), "w", tmp_path, is_back=True)
    with pytest.raises(BadInputError, match="writes to another folder"):
        remote._require(dataclasses.replace(good, fault=""), "w", tmp_path, is_back=False)


@pytest.mark.fault(6)
def test_a_task_that_crashes_its_worker_fails_alone(machines: Machines) -> None:
    def crash(n: int) -> int:
        if n == 2:
            os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(60)
        return n

    with open_cluster(ComputeOptions(cluster=machines.address)) as client:
        answers = dict(map_tiles(client, crash, range(6), retries=1))
    failure = answers.pop(2)
    assert answers == {n: n for n in (0, 1, 3, 4, 5)}
    assert isinstance(failure, TileFailure)
    assert failure.reason == "its worker died each of 2 times"
    machines.wait_for(2)


@pytest.mark.fault(6)
def test_a_task_that_eats_memory_is_ended_by_its_nanny(machines: Machines) -> None:
    def eat(n: int) -> int:
        hoard = [bytes(range(256)) * 4096 * 50 for _ in range(40)] if n == 1 else []
        time.sleep(60 if n == 1 else 0)
        return n + 0 * len(hoard)

    with open_cluster(ComputeOptions(cluster=machines.address)) as client:
        answers = dict(map_tiles(client, eat, range(4), retries=1))
    assert isinstance(answers[1], TileFailure)
    assert "died" in answers[1].reason
    assert [answers[n] for n in (0, 2, 3)] == [0, 2, 3]
    machines.wait_for(2)
