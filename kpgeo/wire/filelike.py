"""A source as a file, for libraries that read files: GDAL then never touches the network itself."""

import io
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable

from kpgeo.wire.faults import FetchError
from kpgeo.wire.sources import ByteSource

_BLOCK_BYTES = 65_536
_KEPT_BLOCKS = 64


class ByteFile(io.RawIOBase):
    """A seekable file object, for reading only.

    Reads go in blocks of 64 KiB, of which the last 64 are kept.

    Parameters
    ----------
    source : ByteSource
    note : callable, optional
        Is told what fails; the read then returns nothing. Without it, the error is raised.

    Attributes
    ----------
    fault : FetchError or None
        What went wrong last.
    """

    def __init__(self, source: ByteSource, note: Callable[[FetchError], None] | None = None) -> None:
        super().__init__()
        self.fault: FetchError | None = None
        self._source = source
        self._note = note
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; beyond the end there is nothing to read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Return bytes from the position on.

        Raises
        ------
        FetchError
            They cannot be had.
        """
        begin = min(self._position, self._source.size)
        end = self._source.size if size is None or size < 0 else min(begin + size, self._source.size)
        try:
            content = self._from_blocks(begin, end)
        except FetchError as error:
            self.fault = error
            if self._note is None:
                raise
            self._note(error)
            return b""
        self._position = begin + len(content)
        return content

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read into a buffer, and return how much came."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def _from_blocks(self, begin: int, end: int) -> bytes:
        if end - begin > _BLOCK_BYTES * _KEPT_BLOCKS // 4:
            return self._source.read(begin, end)
        numbers = range(begin // _BLOCK_BYTES, -(-end // _BLOCK_BYTES))
        with self._lock:
            missing = [number for number in numbers if number not in self._blocks]
            spans = [(number * _BLOCK_BYTES, (number + 1) * _BLOCK_BYTES) for number in missing]
            for index, content in self._source.read_many(spans):
                self._blocks[missing[index]] = content
            joined = b"".join(self._blocks[number] for number in numbers)
            for number in numbers:
                self._blocks.move_to_end(number)
            while len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        first = numbers.start * _BLOCK_BYTES
        return joined[begin - first : end - first]


class Opener:
    """Opens one source for rasterio: `rasterio.open(opener.name, opener=opener, driver="GTiff")`.

    (`rasterio.open` of a file object reads the whole file first.) No file beside it is there, whatever is asked for.
    GDAL cannot carry an error of ours: it sees that nothing comes and raises one of its own; `fault` is then what
    happened. Open, read and close a dataset in one thread.

    Attributes
    ----------
    name : str
        A name no other file has.
    fault : FetchError or None
        What went wrong last.
    """

    def __init__(self, source: ByteSource, suffix: str) -> None:
        self._source = source
        self.name = f"/source/{uuid.uuid4().hex}{suffix}"
        self.fault: FetchError | None = None

    def __call__(self, path: str, mode: str = "rb") -> ByteFile:
        """Return the source as a file."""
        if not path.endswith(self.name) or "w" in mode or "+" in mode:
            raise FileNotFoundError(path)
        return ByteFile(self._source, self._note)

    def _note(self, fault: FetchError) -> None:
        self.fault = fault


def as_file(source: ByteSource) -> ByteFile:
    """Return a source as a seekable file object for reading. Closing the file does not close the source.

    For rasterio there is `opener_of`.
    """
    return ByteFile(source)


def opener_of(source: ByteSource, suffix: str = ".tif") -> Opener:
    """Return what opens a source for rasterio: GDAL then reads the parts it needs, through us."""
    return Opener(source, suffix)
