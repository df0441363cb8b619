"""A Dask scheduler and its workers as separate processes on loopback, to be killed by tests."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import distributed

from tests.servers.programs import Program, free_port

_MEMORY = "1GiB"


@dataclass
class Machines:
    """A scheduler, and workers that their nannies start again when they die.

    Attributes
    ----------
    scheme : str
        `tcp` or `tls`.
    security : sequence of str
        Options of the command line that name certificates.
    """

    home: Path
    scheme: str = "tcp"
    security: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    scheduler: Program | None = None
    _workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def address(self) -> str:
        """Return the scheduler's address."""
        assert self.scheduler is not None
        return f"{self.scheme}://127.0.0.1:{self.scheduler.port}"

    @property
    def file(self) -> Path:
        """Return the scheduler's file."""
        return self.home / "scheduler.json"

    def start_scheduler(self) -> None:
        """Start the scheduler and wait for it."""
        port = free_port()
        self.scheduler = Program(
            command=[
                *(sys.executable, "-m", "dask", "scheduler", "--host", f"{self.scheme}://127.0.0.1"),
                *("--port", str(port), "--no-dashboard", "--scheduler-file", str(self.file), *self.security),
            ],
            port=port,
            log=self.home / "scheduler.log",
            environment={"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0", **self.environment},
        )
        self.scheduler.start()

    def start_worker(self, *options: str, environment: Mapping[str, str] | None = None) -> None:
        """Start a worker of one thread under its nanny."""
        name = f"worker-{len(self._workers)}"
        command = [
            *(sys.executable, "-m", "dask", "worker", self.address, "--host", f"{self.scheme}://127.0.0.1"),
            *("--nthreads", "1", "--memory-limit", _MEMORY, "--no-dashboard", "--name", name),
            *("--local-directory", str(self.home), *self.security, *options),
        ]
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment, **(environment or {})},
                start_new_session=True,
            )
        self._workers.append(process)

    def wait_for(self, count: int) -> None:
        """Wait until so many workers have come.

        Raises
        ------
        TimeoutError
            They have not in a minute.
        """
        with self.client() as client:
            client.wait_for_workers(count, timeout=60)

    def client(self, **named: Any) -> distributed.Client:
        """Connect to the scheduler."""
        return distributed.Client(self.address, timeout=15, **named)

    def worker_pids(self) -> list[int]:
        """Return the processes that do tasks."""
        with self.client() as client:
            return list(client.run(os.getpid).values())

    def stop(self) -> None:
        """End all of them at once."""
        for process in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._workers.clear()
        if self.scheduler is not None:
            self.scheduler.kill()
