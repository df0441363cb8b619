"""What the libraries below raise, in the words of faults."""

import http.client
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3.exceptions

from kpgeo.wire.faults import Fault, FetchError

# The first kind that a chain of causes holds says what happened.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], Fault], ...] = (
    ((socket.gaierror, urllib3.exceptions.NameResolutionError), "dns-failed"),
    ((urllib3.exceptions.NewConnectionError, ConnectionRefusedError), "unreachable"),
    ((requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError), "timed-out"),
    ((http.client.IncompleteRead, urllib3.exceptions.IncompleteRead), "short-body"),
    ((ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected), "reset"),
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError), "reset"),
    ((ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError), "tls-failed"),
    ((requests.exceptions.ProxyError,), "unreachable"),
    ((http.client.HTTPException, urllib3.exceptions.HTTPError, requests.exceptions.ContentDecodingError), "reset"),
    ((requests.exceptions.ConnectionError, OSError), "unreachable"),
)


def fault_of(error: BaseException) -> Fault:
    """Return the fault that an error of requests, urllib3 or the system stands for."""
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, FetchError):
            return one.fault
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return "refused"
    for kinds, fault in _KINDS:
        if any(isinstance(one, kinds) for one in chain):
            return fault
    return "refused"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from, also where a library only keeps it as an argument or `reason`."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
