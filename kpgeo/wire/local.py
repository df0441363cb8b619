"""Bytes of a file on this machine."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from kpgeo.wire.faults import FetchError


class FileBytes:
    """An open file, read by position: any number of threads may read at once.

    Parameters
    ----------
    descriptor : int
        Belongs to this object from now on.
    size : int
        Bytes that may be read.
    name : str
        What errors call it.
    is_remote : bool
        Whether it is a copy of a file on another machine.
    """

    def __init__(self, descriptor: int, size: int, name: str, *, is_remote: bool = False) -> None:
        self._descriptor = descriptor
        self._name = name
        self.size = size
        self.is_remote = is_remote

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes of a half-open span, cut at the file's end."""
        end = min(end, self.size)
        parts = []
        while begin < end:
            part = os.pread(self._descriptor, end - begin, begin)
            if not part:
                raise FetchError("short-body", is_passing=False, where=self._name)
            parts.append(part)
            begin += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_many(self, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
        """Yield the number of each span and its bytes, in the order of the file."""
        for number in sorted(range(len(spans)), key=lambda one: spans[one]):
            yield number, self.read(*spans[number])

    def close(self) -> None:
        """Close the file. Once is enough, twice does no harm."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            self.close()


def open_local(path: Path) -> FileBytes:
    """Open a file of this machine.

    Raises
    ------
    FetchError
        `not-found`, `forbidden`, or `refused` for what is no file (a pipe, a device).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError as error:
        raise FetchError("forbidden", is_passing=False, where=path.name) from error
    except (OSError, ValueError) as error:
        raise FetchError("not-found", is_passing=False, where=path.name) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise FetchError("refused", is_passing=False, where=path.name)
    return FileBytes(descriptor, status.st_size, path.name)
