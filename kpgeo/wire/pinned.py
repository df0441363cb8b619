"""Connections that go to checked addresses only, and on which no wait is longer than allowed.

urllib3 has a time limit for each `recv`, which a server that sends a byte now and then never reaches. Here every
`recv`, of headers and of bodies, is given what is left of the request's time; the clock of a request is handed to the
connection through a context variable, because requests and urllib3 lie between.
"""

import http.client
import io
import socket
import time
from contextvars import ContextVar
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from kpgeo.wire.access import Access
from kpgeo.wire.addresses import find_addresses


class Clock:
    """The time of one request.

    Parameters
    ----------
    end : float
        When it is over (`time.monotonic` seconds).
    silence_s : float
        How long nothing may come.
    min_rate_bytes_s : float
        How much must come on average, once `silence_s` have gone by since the first byte.
    """

    def __init__(self, end: float, silence_s: float, min_rate_bytes_s: float) -> None:
        self.end = end
        self._silence_s = silence_s
        self._min_rate = min_rate_bytes_s
        self._begin: float | None = None
        self._bytes = 0

    def allowance_s(self) -> float:
        """Return how long may be waited for the next byte.

        Raises
        ------
        TimeoutError
            Not at all: the time is over, or the bytes come too slowly.
        """
        now = time.monotonic()
        if now >= self.end:
            raise TimeoutError("the time of the request is over")
        so_far_s = 0.0 if self._begin is None else now - self._begin
        if so_far_s > self._silence_s and self._bytes < self._min_rate * so_far_s:
            raise TimeoutError("the answer comes too slowly")
        return min(self._silence_s, self.end - now)

    def count(self, size: int) -> None:
        """Count bytes that came."""
        if self._begin is None:
            self._begin = time.monotonic()
        self._bytes += size


running: ContextVar[Clock | None] = ContextVar("running", default=None)


class _TimedIO(socket.SocketIO):
    """Reads a socket by a clock."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        super().__init__(sock, "r")
        self._timed = sock
        self._clock = clock

    def readinto(self, buffer: Any) -> int | None:
        self._timed.settimeout(self._clock.allowance_s())
        size = super().readinto(buffer)
        self._clock.count(size or 0)
        return size


class _TimedSocket:
    """What `http.client` makes a file of."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._clock = clock

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        self._sock._io_refs += 1  # type: ignore[attr-defined]  # noqa: SLF001 - as socket.makefile counts
        return io.BufferedReader(_TimedIO(self._sock, self._clock), buffer_size=65_536)


class _TimedAnswer(http.client.HTTPResponse):
    """An answer that is read by the clock of its request."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        clock = running.get()
        timed = clock is not None and isinstance(sock, socket.socket)
        super().__init__(_TimedSocket(sock, clock) if timed and clock else sock, *args, **kwargs)  # type: ignore[arg-type]


class _Pinned(HTTPConnection):
    """Connects to checked addresses. `access` is None for a connection to a proxy of the environment."""

    access: ClassVar[Access | None] = None
    response_class = _TimedAnswer

    def _new_conn(self) -> socket.socket:
        if self.access is None:
            return super()._new_conn()
        clock = running.get()
        limit_s = self.access.options.connect_timeout_s
        found = find_addresses(self.host, self.port, self.access, limit_s)
        fault: OSError = OSError("no address")
        for address in found:
            left_s = limit_s if clock is None else min(limit_s, clock.end - time.monotonic())
            sock = socket.socket(address.family, socket.SOCK_STREAM)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(max(left_s, 0.001))
                sock.connect(address.place)
            except OSError as error:
                sock.close()
                fault = error
            else:
                return sock
        if isinstance(fault, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from fault
        raise NewConnectionError(self, "no connection") from fault

    def request(self, *args: Any, **kwargs: Any) -> None:
        clock = running.get()
        if clock is not None and self.sock is not None:  # what the last answer left of its time does not bind this one
            self.sock.settimeout(clock.allowance_s())
        super().request(*args, **kwargs)


class _PinnedTls(_Pinned, HTTPSConnection):
    """The same with TLS: name and certificate are those of the name, whatever address is connected to."""


class PinnedAdapter(HTTPAdapter):
    """What a requests session sends through."""

    def __init__(self, access: Access) -> None:
        self._access = access
        super().__init__(pool_connections=32, pool_maxsize=access.options.in_flight, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, of connections that check."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._access)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pools for a proxy, of connections that keep time."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _pools(None)
        return manager


def _pools(access: Access | None) -> dict[str, type[HTTPConnectionPool]]:
    """Return pool classes whose connections go by an access. urllib3 gives its connections no argument of ours."""
    plain = type("Connection", (_Pinned,), {"access": access})
    secure = type("TlsConnection", (_PinnedTls,), {"access": access})
    return {
        "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
