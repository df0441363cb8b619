"""One writer at a time, by a lock the kernel lets go of when its process dies."""

import datetime as dt
import fcntl
import json
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from kpgeo.model.errors import BusyError

_POLL_S = 0.05


class Lock:
    """An exclusive lock on a file (`flock`). The file names who holds it, and stays behind when nobody does.

    Parameters
    ----------
    path : Path
        The lock file; its folder must exist.
    wait_s : float
        Seconds to wait for the holder to finish before `BusyError`.
    """

    def __init__(self, path: Path, *, wait_s: float = 0.0) -> None:
        self._path = path
        self._wait_s = wait_s
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise `BusyError` that names the holder."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + self._wait_s
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                holder = _holder(descriptor)
                os.close(descriptor)
                raise BusyError(
                    f"Another run is writing here: {holder}.",
                    where=str(self._path.parent),
                    remedy="Wait until it has finished, or end it; the lock goes with its process.",
                )
            time.sleep(_POLL_S)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(_self()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock; more than once does no harm."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _self() -> dict[str, str | int]:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": now}


def _holder(descriptor: int) -> str:
    """Return who holds the lock, as far as the file says."""
    try:
        named = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {named['pid']} on {named['host']} since {named['since']}"
    except (ValueError, KeyError, TypeError):
        return "a process that has not named itself"
