"""A web server on the loopback device that serves files by parts and fails as it is told.

It is a real HTTP/1.1 server: connections are kept, `Range`, `If-Match` and HEAD are understood, each connection has its
thread. What it serves is put there, or lies in a folder:

    with FaultServer(folder) as server:
        server.put("/a.tif", content)                       # served with a strong ETag
        server.script("/a.tif", status(503), busy(2, retry_after="0"), hang(3.0))
        ...
        open_bytes(server.url + "/a.tif", server.access())

A script is a list of steps for one path; each request of that path takes the next one. When the steps are used up, the
file is served as it should be. `times=ALWAYS` makes a step stay. The steps:

| step | what the server does |
| --- | --- |
| `status(code, ...)` | answers with a status, and headers if given |
| `busy(times, retry_after=...)` | 429 with Retry-After (seconds or an HTTP date) |
| `hang(seconds)` | says nothing for so long, then closes the connection |
| `drip(interval_s, size)` | announces a body and sends a byte of it now and then |
| `drip_headers(interval_s)` | sends a byte of the headers now and then, for ever |
| `reset(after)` | sends so many bytes of the body, then resets the connection (RST) |
| `short(missing)` | sends the body without its last bytes, then closes |
| `wrong_range(shift)` | answers 206 with another part than was asked for |
| `no_ranges()` | answers 200 with the whole file, whatever was asked for |
| `redirect(to, code)` | redirects; `to` may be any text (`file:///etc/passwd`, a private address, itself) |
| `html()` | answers 200 with a web page, as a captive portal does |
| `replace(content)` | puts a new version of the file in place, then serves that |
| `serve()` | serves as it should be (to let some requests pass) |

`server.needs = "sig=2"` makes every file answer 403 unless the query contains that text. `server.delay_s` is slept
before each answer. `server.hits` are the requests that came, in order (`Hit`). `server.connections` counts connections.

By itself, for measurements in another process: `python -m tests.wire.fault_server FOLDER --delay-s 0.05` prints the
address and serves until its standard input is closed.
"""

import argparse
import contextlib
import hashlib
import http.server
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access, trusted_by

ALWAYS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One request: its path without the query, and what came with it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""

    @property
    def range(self) -> str:
        """Return the part asked for, such as `0-99`; "" for the whole."""
        return self.headers.get("range", "").removeprefix("bytes=")


@dataclass(frozen=True)
class Step:
    """What is done with one request, and with how many that follow it. `act` gets the answerer and the file."""

    act: Callable[["Answerer", bytes], None]
    times: int = 1


class FaultServer:
    """See the module.

    Parameters
    ----------
    folder : Path, optional
        Files not put there otherwise are looked for in it.
    tls : ssl.SSLContext, optional
        Serve https.
    """

    def __init__(self, folder: Path | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.folder = folder
        self.files: dict[str, bytes] = {}
        self.etags: dict[str, str | None] = {}
        self.scripts: dict[str, list[Step]] = {}
        self.hits: list[Hit] = []
        self.connections = 0
        self.delay_s = 0.0
        self.needs = ""
        self._read: dict[str, tuple[tuple[int, int], bytes]] = {}
        self._named: dict[str, tuple[bytes, str]] = {}
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._server = _Threads(("127.0.0.1", 0), Answerer)
        self._server.owner = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def put(self, path: str, content: bytes, etag: str | None = "") -> str:
        """Put a file there and return its address. Its ETag is made from its content; None is none."""
        self.files[path] = content
        self.etags[path] = _named(content) if etag == "" else etag
        return self.url + path

    def script(self, path: str, *steps: Step) -> None:
        """Say what is done with the next requests of a path."""
        self.scripts[path] = list(steps)

    def access(self, **options: Any) -> Access:
        """Return access that trusts this server, waits briefly and keeps nothing, unless options say otherwise."""
        quick: dict[str, Any] = {
            "connect_timeout_s": 1.0, "silence_s": 0.5, "http_timeout_s": 2.0, "request_deadline_s": 4.0,
            "first_wait_s": 0.01, "max_wait_s": 0.3, "request_attempts": 3, "cache_gib": 0.0,
        }  # fmt: skip
        return Access(options=WireOptions(**{**quick, **options}), trusted_hosts=trusted_by([self.url]))

    def hits_of(self, path: str) -> list[Hit]:
        """Return the requests of one path."""
        return [hit for hit in self.hits if hit.path == path]

    def step_of(self, path: str) -> Step | None:
        """Take the next step of a path's script."""
        with self.lock:
            steps = self.scripts.get(path)
            if not steps:
                return None
            step = steps.pop(0)
            if step.times > 1:
                steps.insert(0, Step(step.act, step.times - 1))
            return step

    def content_of(self, path: str) -> bytes | None:
        """Return what lies at a path."""
        if path in self.files:
            return self.files[path]
        if self.folder is None:
            return None
        place = (self.folder / path.lstrip("/")).resolve()
        if not place.is_relative_to(self.folder.resolve()) or not place.is_file():
            return None
        status = place.stat()
        version = (status.st_mtime_ns, status.st_size)
        if path not in self._read or self._read[path][0] != version:
            self._read[path] = (version, place.read_bytes())
        return self._read[path][1]

    def etag_of(self, path: str, content: bytes) -> str | None:
        """Return the version of a file, made from its content if none was given."""
        if path in self.files:
            return self.etags[path]
        if self._named.get(path, (None, ""))[0] is not content:
            self._named[path] = (content, _named(content))
        return self._named[path][1]


class _Threads(http.server.ThreadingHTTPServer):
    owner: FaultServer
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away, which is what many tests are about."""


class Answerer(http.server.BaseHTTPRequestHandler):
    """Answers for a FaultServer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Threads

    def setup(self) -> None:
        super().setup()
        self.server.owner.connections += 1

    def do_GET(self) -> None:
        owner = self.server.owner
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner.hits.append(Hit(method=self.command, path=path, query=query, headers=headers, body=body))
        if owner.delay_s:
            time.sleep(owner.delay_s)
        step = owner.step_of(path)
        content = owner.content_of(path)
        with contextlib.suppress(OSError):
            if step is not None:
                step.act(self, content or b"")
            elif owner.needs and owner.needs not in query:
                self.answer(403)
            elif content is None:
                self.answer(404)
            else:
                self.serve(content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def answer(self, code: int, body: bytes = b"", *, announced: int | None = None, **headers: str) -> None:
        """Answer, in one packet where it fits."""
        lines = [f"HTTP/1.1 {code} {HTTPStatus(code).phrase}"]
        lines.append(f"Content-Length: {len(body) if announced is None else announced}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self.wfile.write(head if self.command == "HEAD" else head + body)

    def serve(self, content: bytes, shift: int = 0) -> None:
        """Answer with a file or the part of it that was asked for."""
        etag = self.etag(content)
        wanted = self.headers.get("If-Match")
        if wanted is not None and etag is not None and wanted != etag:
            self.answer(412)
            return
        extra = {} if etag is None else {"ETag": etag}
        given = self.headers.get("Range")
        if given is None:
            self.answer(200, content, Accept_Ranges="bytes", Content_Type="image/tiff", **extra)
            return
        first, _, last = given.removeprefix("bytes=").partition("-")
        begin = int(first) if first else len(content) - int(last)
        end = min(int(last) + 1 if last and first else len(content), len(content))
        if begin >= len(content):
            self.answer(416, Content_Range=f"bytes */{len(content)}")
            return
        begin, end = begin + shift, end + shift
        extent = f"bytes {begin}-{end - 1}/{len(content)}"
        self.answer(206, content[begin:end], Content_Range=extent, Content_Type="image/tiff", **extra)

    def etag(self, content: bytes) -> str | None:
        """Return the version of the file asked for."""
        return self.server.owner.etag_of(self.path.partition("?")[0], content)

    def part(self, content: bytes) -> tuple[int, int, dict[str, str]]:
        """Return begin and end of the part asked for, and the headers that say so."""
        first, _, last = (self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last or len(content)) + 1, len(content))
        etag = self.etag(content)
        extent = {"Content_Range": f"bytes {begin}-{end - 1}/{len(content)}"}
        return begin, end, extent if etag is None else {**extent, "ETag": etag}

    def hang_up(self, *, with_reset: bool = False) -> None:
        """Close the connection, by RST if wished."""
        self.close_connection = True
        if with_reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def pause(self, seconds: float) -> bool:
        """Wait; return False if the server closes meanwhile."""
        return not self.server.owner.closing.wait(seconds)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _named(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def status(code: int, times: int = 1, body: bytes = b"", **headers: str) -> Step:
    """Answer with a status."""
    return Step(lambda answerer, _: answerer.answer(code, body, **headers), times)


def busy(times: int = 1, retry_after: str = "0") -> Step:
    """Answer 429."""
    return status(429, times, Retry_After=retry_after)


def html(times: int = ALWAYS) -> Step:
    """Answer with a web page."""
    return status(200, times, b"<!doctype html><html>Please log in</html>", Content_Type="text/html; charset=utf-8")


def redirect(to: str, code: int = 302, times: int = ALWAYS) -> Step:
    """Redirect."""
    return status(code, times, Location=to)


def serve(times: int = 1) -> Step:
    """Serve as it should be."""
    return Step(lambda answerer, content: answerer.serve(content), times)


def wrong_range(shift: int = 1, times: int = ALWAYS) -> Step:
    """Answer with another part than was asked for."""
    return Step(lambda answerer, content: answerer.serve(content, shift), times)


def no_ranges(times: int = ALWAYS) -> Step:
    """Answer with the whole file."""

    def act(answerer: Answerer, content: bytes) -> None:
        etag = answerer.etag(content)
        answerer.answer(200, content, Content_Type="image/tiff", **({} if etag is None else {"ETag": etag}))

    return Step(act, times)


def hang(seconds: float, times: int = 1) -> Step:
    """Say nothing, then close."""

    def act(answerer: Answerer, _: bytes) -> None:
        answerer.pause(seconds)
        answerer.hang_up()

    return Step(act, times)


def drip(interval_s: float = 0.2, size: int = 1_000_000, times: int = ALWAYS) -> Step:
    """Send a byte of the body now and then."""

    def act(answerer: Answerer, _: bytes) -> None:
        answerer.hang_up()
        answerer.answer(206, announced=size, Content_Range=f"bytes 0-{size - 1}/{size}")
        while answerer.pause(interval_s):
            answerer.wfile.write(b" ")

    return Step(act, times)


def drip_headers(interval_s: float = 0.2, times: int = ALWAYS) -> Step:
    """Send a byte of the headers now and then."""

    def act(answerer: Answerer, _: bytes) -> None:
        answerer.hang_up()
        answerer.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while answerer.pause(interval_s):
            answerer.wfile.write(b"x")

    return Step(act, times)


def reset(after: int = 10, times: int = 1) -> Step:
    """Reset the connection in the middle of the body."""

    def act(answerer: Answerer, content: bytes) -> None:
        begin, end, extra = answerer.part(content)
        answerer.answer(206, content[begin : begin + after], announced=end - begin, **extra)
        answerer.pause(0.05)
        answerer.hang_up(with_reset=True)

    return Step(act, times)


def short(missing: int = 10, times: int = 1) -> Step:
    """Send less than announced."""

    def act(answerer: Answerer, content: bytes) -> None:
        begin, end, extra = answerer.part(content)
        answerer.hang_up()
        answerer.answer(206, content[begin : end - missing], announced=end - begin, **extra)

    return Step(act, times)


def replace(content: bytes) -> Step:
    """Put a new version in place, then serve it."""

    def act(answerer: Answerer, _: bytes) -> None:
        answerer.server.owner.put(answerer.path.partition("?")[0], content)
        answerer.serve(content)

    return Step(act)


def main() -> None:
    """Serve a folder until standard input is closed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delay-s", type=float, default=0.0)
    given = parser.parse_args()
    with FaultServer(given.folder) as server:
        server.delay_s = given.delay_s
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
