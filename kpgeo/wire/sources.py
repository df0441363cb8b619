"""One door to bytes, wherever they lie."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from kpgeo.wire.access import Access
from kpgeo.wire.local import open_local
from kpgeo.wire.remote import RemoteBytes, WholeNeeded, open_whole


@runtime_checkable
class ByteSource(Protocol):
    """The bytes of one file. Spans are half-open, and cut at the file's end. Threads may share a source.

    Attributes
    ----------
    size : int
        Bytes of the whole file.
    is_remote : bool
        Whether they come over the network (or from the cache of what did).
    """

    size: int
    is_remote: bool

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes of one span."""

    def read_many(self, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
        """Yield the number of each span and its bytes, as they arrive, in any order."""

    def close(self) -> None:
        """Give up what the source holds."""


def open_bytes(href: str, access: Access, *, is_again: bool = False) -> ByteSource:
    """Open a file for reading by parts.

    Parameters
    ----------
    href : str
        A path of this machine, or an http(s) address, signed where it needs to be.
    access : Access
    is_again : bool
        Reading it failed before: nothing remembered of it is relied on.

    Raises
    ------
    FetchError
        The file cannot be had; `fault` says why. Reading from the source raises it too.
    """
    if href.startswith(("http://", "https://")):
        try:
            return RemoteBytes(href, access, is_again=is_again)
        except WholeNeeded as need:
            return open_whole(href, access, need.version)
    return open_local(Path(href))
