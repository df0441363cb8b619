"""One writer at a time, by a lock the kernel lets go of when its process dies."""

import contextlib
import datetime as dt
import errno
import fcntl
import json
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from kpgeo.model.errors import BadInputError, BusyError
from kpgeo.store.files import refusal_as_integrity

_POLL_S = 0.05
_PROBE_S = 0.1  # who only looks whether it is held (`is_held`, the doctor) keeps it for an instant
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


class Lock:
    """An exclusive lock on a file (`flock`). The file names who holds it, and stays behind when nobody does.

    Who the file names does not matter to who may have the lock: the kernel knows who lives, on whichever host, and a
    process number that was given out anew, or a file that nobody could write a name into, misleads nobody.

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
        """Take the lock.

        Raises
        ------
        BusyError
            Another process holds it; the message names it.
        IntegrityError
            The disk refuses.
        BadInputError
            The file system knows no locks.
        """
        with refusal_as_integrity(self._path):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._wait_for(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        _name(descriptor, json.dumps(_self()))
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock; more than once does no harm."""
        if self._descriptor is not None:
            _name(self._descriptor, "")
            os.close(self._descriptor)
            self._descriptor = None

    def _wait_for(self, descriptor: int) -> None:
        deadline = time.monotonic() + max(self._wait_s, _PROBE_S)
        while not _try_lock(descriptor, self._path.parent):
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"Another run is writing here: {_holder(descriptor)}.",
                    where=str(self._path.parent),
                    remedy="Wait until it has finished, or end it; the lock goes with its process.",
                )
            time.sleep(_POLL_S)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Say whether a process holds the lock of a file now. Who asks for it at that very moment asks twice."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _try_lock(descriptor: int, folder: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise BadInputError(
            f"The file system knows no locks ({error.strerror}).",
            where=str(folder),
            remedy="Keep the workspace on a disk of this machine, or on a share that supports flock.",
        ) from error
    return True


def _name(descriptor: int, text: str) -> None:
    """Write who holds the lock into its file. On a disk that refuses, the lock holds without."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


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
