"""Where tasks run: processes on this machine, a scheduler by address, or this very process."""

import gc
import logging
import os
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import dask
import distributed
from dask.system import CPU_COUNT
from distributed.system import MEMORY_LIMIT

from kpgeo.lazy.remote import address_of
from kpgeo.model.errors import BadInputError, UpstreamError

_GIB = 2**30
_CONNECT_S = 15
NO_WORKER_S = 120.0
_ENVIRONMENT = ("GDAL_", "OGR_", "CPL_", "VSI_", "PROJ_")


class ClusterOptions(Protocol):
    """What `open_cluster` reads of `ComputeOptions`."""

    @property
    def cluster(self) -> str:
        """Return `local`, `threads`, `sync` or an address."""

    @property
    def workers(self) -> int:
        """Return how many workers; 0 is as many as fit."""

    @property
    def memory_per_worker_gib(self) -> float:
        """Return the memory a worker may use, GiB."""

    @property
    def allow_public_tcp(self) -> bool:
        """Return whether a scheduler at a public address may do without encryption."""


class InProcess(ThreadPoolExecutor):
    """Workers within this process: `threads` has several, `sync` one, which does the tasks in the order they come."""

    def __init__(self, n_workers: int) -> None:
        super().__init__(n_workers, thread_name_prefix="kpgeo")
        self.n_workers = n_workers


Client = distributed.Client | InProcess


class GdalEnvironment(distributed.WorkerPlugin):
    """Gives workers of a cluster started elsewhere this process's GDAL settings, where they have none of their own."""

    name = "kpgeo-gdal-environment"

    def __init__(self) -> None:
        self._settings = {name: value for name, value in os.environ.items() if name.startswith(_ENVIRONMENT)}

    def setup(self, worker: Any) -> None:
        """Set them, before the worker imports anything of GDAL for kpgeo."""
        del worker
        for name, value in self._settings.items():
            os.environ.setdefault(name, value)


@contextmanager
def open_cluster(options: ClusterOptions) -> Iterator[Client]:
    """Open what the work runs on, and close it at the end.

    Parameters
    ----------
    options : ComputeOptions
        `cluster`: `local` starts processes on this machine that listen on loopback only; an address, or the file that
        a scheduler wrote, connects to a scheduler that someone else runs; `threads` and `sync` stay in this process.

    Yields
    ------
    distributed.Client or InProcess
        For `map_tiles`.

    Raises
    ------
    UpstreamError
        The scheduler at the address does not answer, or has no worker within two minutes.
    BadInputError
        The scheduler is at a public address and without encryption, or its workers have no kpgeo.
    """
    if options.cluster == "sync":
        with InProcess(1) as executor:
            yield executor
    elif options.cluster == "threads":
        with InProcess(worker_count(options)) as executor:
            yield executor
    elif options.cluster == "local":
        with _local(options) as cluster, _connect(cluster) as client:
            yield client
    else:
        with _connect(address_of(options.cluster, allow_public=options.allow_public_tcp)) as client:
            _prepare(client)
            yield client


def cluster_versions(options: ClusterOptions) -> dict[str, Any]:
    """Return the versions of a cluster started elsewhere, without waiting for workers or changing anything there.

    Returns
    -------
    dict
        As `distributed.Client.get_versions` has them: of `client`, of `scheduler`, and of `workers` by address.

    Raises
    ------
    UpstreamError, BadInputError
        As `open_cluster`.
    """
    with _connect(address_of(options.cluster, allow_public=options.allow_public_tcp)) as client:
        versions: Any = client.get_versions()
        return dict(versions)


def worker_count(options: ClusterOptions) -> int:
    """Return how many workers a local cluster gets: as asked, or as many as cores and memory allow, one at least."""
    if options.workers:
        return options.workers
    by_memory = int(MEMORY_LIMIT / (options.memory_per_worker_gib * _GIB))
    return max(1, min(int(CPU_COUNT), by_memory))


def _local(options: ClusterOptions) -> AbstractContextManager[Any]:
    """Start workers of one thread each. GDAL's settings reach them through the environment they inherit.

    The scheduler gives a task up the first time its worker dies: which of the tasks on the worker was to blame is found
    out by `map_tiles`, which tries them again one by one.
    """
    settings = {
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.admin.tick.limit": "10s",
    }
    with dask.config.set(settings):
        start: Any = distributed.LocalCluster
        cluster: AbstractContextManager[Any] = start(
            n_workers=worker_count(options),
            threads_per_worker=1,
            processes=True,
            memory_limit=int(options.memory_per_worker_gib * _GIB),
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None would take port 8787, and warn where it is taken
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
    return cluster


def _prepare(client: distributed.Client) -> None:
    """Wait for a worker of a cluster started elsewhere, and lock GDAL down on those there are and those to come."""
    wait: Any = client.wait_for_workers
    try:
        wait(1, timeout=NO_WORKER_S)
    except TimeoutError as error:
        raise UpstreamError(
            f"The scheduler has had no worker for {NO_WORKER_S:.0f} s.",
            where="compute.cluster",
            remedy="Start workers with `dask worker`, and run again.",
        ) from error
    try:
        client.register_plugin(GdalEnvironment())
    except ImportError as error:
        raise BadInputError(
            f"The scheduler or a worker of it has no kpgeo ({error}).",
            where="compute.cluster",
            remedy="Install this version of kpgeo where the scheduler and its workers run.",
        ) from error


def _connect(scheduler: Any) -> distributed.Client:
    """Connect to a scheduler, by its address or its local cluster."""
    connect: Any = distributed.Client
    try:
        client: distributed.Client = connect(scheduler, timeout=_CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        _let_go_of_half_made(error)
        raise UpstreamError(
            f"The scheduler does not answer ({type(error).__name__}).",
            where=str(scheduler),
            remedy="Start it, or set compute.cluster to local.",
        ) from error
    except TypeError as error:  # what Dask makes of tls:// where it was given no certificates
        _let_go_of_half_made(error)
        raise BadInputError(
            "No certificates are given for the scheduler.",
            where=str(scheduler),
            remedy="Name them by DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__CLIENT__CERT and …__CLIENT__KEY.",
        ) from error
    return client


def _let_go_of_half_made(error: Exception) -> None:
    """Let a client that could not connect be closed here and now.

    It lives on in the error's frames, and closes when Python next collects garbage. In the middle of another client's
    start that would wait for a lock which that start holds, for ever.
    """
    traceback.clear_frames(error.__traceback__)
    gc.collect()
