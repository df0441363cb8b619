"""Bytes of a file on this machine."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from kpgeo.wire.faults import FetchError


class LocalBytes:
    """A file on this machine, read by position: any number of threads may read at once.

    Raises
    ------
    FetchError
        `not-found`, `forbidden`, or `refused` for what is no file (a pipe, a device).
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except PermissionError as error:
            raise FetchError("forbidden", is_passing=False, where=self._name) from error
        except OSError as error:
            raise FetchError("not-found", is_passing=False, where=self._name) from error
        status = os.fstat(self._descriptor)
        self.size = status.st_size
        self.is_remote = False
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise FetchError("refused", is_passing=False, where=self._name)

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
