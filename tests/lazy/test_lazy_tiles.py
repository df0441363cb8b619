"""An answer for every task: in this process, on local workers, and when workers die.

Functions sent to workers are defined inside the tests, so that they travel by value: a worker cannot import a test.
"""

import functools
import os
import threading
import time

import distributed
import psutil
import pytest

from kpgeo.lazy import InProcess, TileFailure, map_tiles, open_cluster, worker_count
from kpgeo.lazy.cluster import GdalEnvironment
from kpgeo.model.errors import BadInputError, SceneReadError, UpstreamError
from kpgeo.options.compute import ComputeOptions


@pytest.fixture(scope="module")
def local():
    """Return two local workers."""
    with open_cluster(ComputeOptions(cluster="local", workers=2, memory_per_worker_gib=0.5)) as client:
        yield client


@pytest.fixture(params=["sync", "threads", "local"])
def client(request):
    """Return each kind of workers."""
    if request.param == "local":
        yield request.getfixturevalue("local")
    else:
        with open_cluster(ComputeOptions(cluster=request.param, workers=2)) as opened:
            yield opened


def test_every_task_has_its_answer(client):
    square = functools.partial(pow, exp=2)
    done = []
    answers = dict(map_tiles(client, square, range(12), on_done=done.append))
    assert answers == {n: n * n for n in range(12)}
    assert sorted(done) == list(range(12))


def test_no_task_no_answer(client):
    assert list(map_tiles(client, abs, [])) == []


def test_the_same_task_twice_is_done_twice(client):
    assert list(map_tiles(client, abs, [-3, -3])) == [(-3, 3), (-3, 3)]


def test_a_task_that_raises_fails_alone_and_is_not_tried_again(client, tmp_path):
    def work(n: int, log=str(tmp_path)) -> int:
        with open(f"{log}/{n}", "a") as stream:  # noqa: PTH123
            stream.write("x")
        if n == 3:
            raise SceneReadError("The file is cut short.", where="scene-3")
        return n

    answers = dict(map_tiles(client, work, range(6)))
    failure = answers.pop(3)
    assert answers == {n: n for n in (0, 1, 2, 4, 5)}
    assert isinstance(failure, TileFailure)
    assert isinstance(failure.error, SceneReadError)
    assert failure.error.where == "scene-3"
    assert failure.reason == "SceneReadError: scene-3: The file is cut short."
    assert (tmp_path / "3").read_text() == "x"


def test_an_error_without_words_has_a_reason():
    assert TileFailure(error=ValueError(), attempts=1).reason == "ValueError: no reason given"


def test_no_more_tasks_are_taken_than_may_be_in_flight(client):
    taken, answered = [], []

    def tasks():
        for n in range(20):
            taken.append(n)
            assert len(taken) - len(answered) <= 3
            yield n

    for task, _ in map_tiles(client, abs, tasks(), in_flight=3):
        answered.append(task)
    assert sorted(answered) == list(range(20))


def test_a_caller_that_stops_takes_no_more(client):
    taken = []

    def tasks():
        for n in range(100):
            taken.append(n)
            yield n

    answers = map_tiles(client, abs, tasks(), in_flight=2)
    next(answers)
    answers.close()
    assert len(taken) <= 4


def test_sync_does_tasks_in_order_one_at_a_time():
    with open_cluster(ComputeOptions(cluster="sync")) as client:
        names = [name for _, name in map_tiles(client, lambda _: threading.current_thread().name, range(5))]
        assert [task for task, _ in map_tiles(client, abs, range(9))] == list(range(9))
    assert len(set(names)) == 1


def test_threads_work_side_by_side():
    barrier = threading.Barrier(2, timeout=10)
    with open_cluster(ComputeOptions(cluster="threads", workers=2)) as client:
        answers = list(map_tiles(client, lambda n: barrier.wait() >= 0 and n, [1, 2]))
    assert sorted(answers) == [(1, 1), (2, 2)]


@pytest.mark.parametrize("named", [{"in_flight": -1}, {"retries": -1}])
def test_nonsense_is_refused(named):
    with InProcess(1) as client, pytest.raises(BadInputError, match="negative"):
        next(map_tiles(client, abs, [1], **named))


@pytest.mark.fault(6)
def test_a_worker_that_dies_once_changes_no_answer(local, tmp_path):
    def work(n: int, flag=str(tmp_path / "died")) -> int:
        if n == 3 and not os.path.exists(flag):  # noqa: PTH110
            os.close(os.open(flag, os.O_CREAT))
            os._exit(9)
        return n * n

    assert dict(map_tiles(local, work, range(8))) == {n: n * n for n in range(8)}
    assert (tmp_path / "died").exists()


@pytest.mark.fault(6)
def test_a_task_that_kills_its_worker_each_time_fails_alone(local, tmp_path):
    def work(n: int, log=str(tmp_path / "log")) -> int:
        time.sleep(0.02)
        if n == 3:
            with open(log, "a") as stream:  # noqa: PTH123
                stream.write("x")
            os._exit(9)
        return n

    answers = dict(map_tiles(local, work, range(8), in_flight=6, retries=2))
    failure = answers.pop(3)
    assert answers == {n: n for n in range(8) if n != 3}
    assert isinstance(failure, TileFailure)
    assert failure.attempts == 3
    assert failure.reason == "its worker died each of 3 times"
    assert (tmp_path / "log").read_text() == "xxx"


def test_without_retries_a_death_is_a_failure_at_once(local):
    def die(_: int) -> None:
        os._exit(9)

    ((_, failure),) = map_tiles(local, die, [1], retries=0)
    assert failure.attempts == 1


@pytest.mark.fault(6)
def test_a_task_that_eats_memory_ends_its_worker_and_not_the_run(local):
    def eat(n: int) -> int:
        hoard = [bytes(range(256)) * 4096 * 50 for _ in range(30)] if n == 1 else []
        time.sleep(3.0 if n == 1 else 0.0)
        return n + 0 * len(hoard)

    answers = dict(map_tiles(local, eat, range(4), retries=0))
    assert isinstance(answers[1], TileFailure)
    assert "died" in answers[1].reason


def test_gdal_settings_reach_local_workers(local):
    def settings(_: int) -> str | None:
        return os.environ.get("GDAL_SKIP")

    ((_, found),) = map_tiles(local, settings, [0])
    assert found == os.environ["GDAL_SKIP"]


@pytest.mark.fault(44)
def test_local_workers_listen_on_loopback_only(local):
    local.wait_for_workers(2, timeout=20)  # a worker that an earlier test killed is on its way back
    pids = [os.getpid(), *local.run(os.getpid).values()]
    open_sockets = [one for pid in pids for one in psutil.Process(pid).net_connections(kind="inet")]
    listening = [one.laddr for one in open_sockets if one.status == psutil.CONN_LISTEN]
    assert len(listening) >= 3
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert 8787 not in {address.port for address in listening}
    workers = local.scheduler_info()["workers"].values()
    assert [worker["nthreads"] for worker in workers] == [1, 1]
    assert [worker["memory_limit"] for worker in workers] == [2**29, 2**29]


def test_a_scheduler_by_address_gets_the_gdal_settings(local, monkeypatch):
    monkeypatch.setenv("GDAL_KPGEO_TEST", "yes")

    def setting(_: int) -> str | None:
        return os.environ.get("GDAL_KPGEO_TEST")

    with open_cluster(ComputeOptions(cluster=local.scheduler.address)) as client:
        assert isinstance(client, distributed.Client)
        assert list(map_tiles(client, setting, [0])) == [(0, "yes")]


def test_a_setting_the_worker_has_is_left_alone(monkeypatch):
    monkeypatch.setenv("GDAL_KPGEO_TEST", "mine")
    plugin = GdalEnvironment()
    monkeypatch.setenv("GDAL_KPGEO_TEST", "worker's")
    plugin.setup(None)
    assert os.environ["GDAL_KPGEO_TEST"] == "worker's"


@pytest.mark.fault(7)
def test_a_scheduler_that_does_not_answer_is_said(monkeypatch):
    monkeypatch.setattr("kpgeo.lazy.cluster._CONNECT_S", 1)
    with (
        pytest.raises(UpstreamError, match="does not answer"),
        open_cluster(ComputeOptions(cluster="tcp://127.0.0.1:9")),
    ):
        pass


def test_a_scheduler_without_workers_is_given_up(monkeypatch):
    monkeypatch.setattr("kpgeo.lazy.tiles.NO_WORKER_S", 0.5)
    monkeypatch.setattr("kpgeo.lazy.tiles._TICK_S", 0.1)
    with open_cluster(ComputeOptions(workers=1, memory_per_worker_gib=0.5)) as client:
        client.cluster.scale(0)
        deadline = time.monotonic() + 20
        while client.nthreads() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not client.nthreads()
        with pytest.raises(UpstreamError, match="no worker"):
            list(map_tiles(client, abs, [1], in_flight=1))


def test_each_compute_option_changes_something(monkeypatch):
    monkeypatch.setattr("kpgeo.lazy.cluster.CPU_COUNT", 8)
    monkeypatch.setattr("kpgeo.lazy.cluster.MEMORY_LIMIT", 10 * 2**30)
    assert worker_count(ComputeOptions()) == 5
    assert worker_count(ComputeOptions(memory_per_worker_gib=1.0)) == 8
    assert worker_count(ComputeOptions(memory_per_worker_gib=100.0)) == 1
    assert worker_count(ComputeOptions(workers=3)) == 3
    base = ComputeOptions().digest()
    for changed in ({"cluster": "sync"}, {"in_flight": 3}, {"tile_retries": 0}):
        assert ComputeOptions(**changed).digest() != base
    with (
        open_cluster(ComputeOptions(cluster="sync", workers=5)) as one,
        open_cluster(ComputeOptions(cluster="threads", workers=5)) as many,
    ):
        assert (one.n_workers, many.n_workers) == (1, 5)


@pytest.mark.parametrize("cluster", ["", "remote", "http://host:1", "tcp://a b", "file:///etc/passwd", "tcp://h\n"])
def test_a_cluster_that_is_none_is_refused(cluster):
    with pytest.raises(ValueError, match="cluster"):
        ComputeOptions(cluster=cluster)
