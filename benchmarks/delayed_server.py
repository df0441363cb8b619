"""A web server of files by parts that waits before each answer: `python -m benchmarks.delayed_server FOLDER DELAY_S`.

One thread, so that it takes little of the cores it shares with what is measured. It prints its address and serves until
its standard input is closed.
"""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_RANGE = re.compile(rb"\r\nrange: bytes=(\d+)-(\d+)", re.IGNORECASE)


class Files:
    """The files of a folder, opened once."""

    def __init__(self, folder: Path, delay_s: float) -> None:
        self._delay_s = delay_s
        self._files = {f"/{path.name}".encode(): os.open(path, os.O_RDONLY) for path in folder.iterdir()}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after another."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(self._delay_s)
                descriptor = self._files.get(request.split(b" ", 2)[1])
                found = _RANGE.search(request)
                if descriptor is None or found is None:
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                size = os.fstat(descriptor).st_size
                begin, end = int(found[1]), min(int(found[2]) + 1, size)
                writer.write(
                    b'HTTP/1.1 206 Partial Content\r\nETag: "%d"\r\nContent-Range: bytes %d-%d/%d\r\n'
                    b"Content-Length: %d\r\n\r\n" % (size, begin, end - 1, size, end - begin)
                )
                writer.write(os.pread(descriptor, end - begin, begin))
                await writer.drain()
        writer.close()


@contextlib.contextmanager
def serving(folder: Path, delay_s: float) -> Iterator[str]:
    """Serve a folder from another process, and give the address."""
    command = [sys.executable, "-m", "benchmarks.delayed_server", str(folder), str(delay_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.wait(10)


async def _main(folder: Path, delay_s: float) -> None:
    server = await asyncio.start_server(Files(folder, delay_s).serve, "127.0.0.1", 0, limit=2**20)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)
        os._exit(0)  # without a word about connections that are still open


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), float(sys.argv[2])))
