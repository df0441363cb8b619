"""A source as a file object, for libraries that read files: GDAL then never touches the network itself."""

import io
import threading
from collections import OrderedDict

from kpgeo.wire.faults import FetchError
from kpgeo.wire.sources import ByteSource

_BLOCK_BYTES = 65_536
_KEPT_BLOCKS = 64


class ByteFile(io.RawIOBase):
    """A seekable file object, for reading only.

    Reads go in blocks of 64 KiB, of which the last 64 are kept. What fails is kept as `fault`, because a library
    between may turn it into an error of its own.
    """

    def __init__(self, source: ByteSource) -> None:
        super().__init__()
        self.fault: FetchError | None = None
        self._source = source
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
            raise
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


def as_file(source: ByteSource) -> ByteFile:
    """Return a source as a seekable file object for reading, such as `rasterio.open` takes.

    Closing the file does not close the source.
    """
    return ByteFile(source)
