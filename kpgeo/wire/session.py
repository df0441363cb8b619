"""A requests session that checks where it goes, keeps time, and tries again with growing pauses.

Redirects are followed here and not by requests: each target is checked as the first address was, and what only the
first host was to see (authorisation, cookies, a body) stays with it. Times, attempts and sizes come from the options;
what a caller of the session asks for in their place (`timeout`, `verify`) is not heeded.
"""

import contextlib
import email.utils
import os
import random
import threading
import time
from collections.abc import Mapping
from contextvars import Token
from http.cookiejar import DefaultCookiePolicy
from typing import IO, Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies

import requests

from kpgeo.wire.access import PORTS, Access
from kpgeo.wire.addresses import is_public
from kpgeo.wire.failures import fault_of
from kpgeo.wire.faults import FetchError
from kpgeo.wire.pinned import Clock, PinnedAdapter, running
from kpgeo.wire.secrecy import silence_secrets

_PASSING_STATUS = frozenset({429, 500, 502, 503, 504})
_AGAIN = frozenset({"unreachable", "reset", "timed-out", "short-body", "dns-failed"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What another host may be told of a request that was redirected to it.
_HARMLESS = frozenset({
    "accept", "accept-encoding", "user-agent", "range", "if-match", "if-none-match", "connection", "content-type",
    "content-length",
})  # fmt: skip
_CHUNK_BYTES = 262_144


class CheckedSession(requests.Session):
    """A session for one access. Threads may share it."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        silence_secrets()
        self.access = access
        self.trust_env = False  # no passwords from .netrc; proxies only where the options say so
        if access.options.use_proxy:
            self.proxies = dict(getproxies())
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in PORTS:
            self.mount(f"{scheme}://", PinnedAdapter(access))
        self._s3_host = urlsplit(access.options.s3_url).netloc
        self._s3_turns = threading.Semaphore(access.options.s3_in_flight)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request, and again where that may help; follow redirects; read the body unless `stream` is set.

        Returns the last answer, whatever its status.

        Raises
        ------
        FetchError
            There is none, or it was not read whole.
        """
        limit_bytes = self.access.options.max_document_mib * 2**20
        return self._patiently(request, limit_bytes, is_streamed=bool(kwargs.get("stream")), sink=None)

    def fetch(
        self, url: str, headers: Mapping[str, str], limit_bytes: int, *, sink: IO[bytes] | None = None
    ) -> requests.Response:
        """Get a file or a part of one, as it is stored. Only an answer of status 200 goes into a `sink`, if given.

        Raises
        ------
        FetchError
            As `send`; also `too-large`.
        """
        request = requests.PreparedRequest()
        try:
            request.prepare(method="GET", url=url, headers={"Accept-Encoding": "identity", **headers})
        except (requests.RequestException, ValueError):
            raise FetchError("refused") from None
        is_s3 = urlsplit(url).netloc == self._s3_host
        with self._s3_turns if is_s3 else contextlib.nullcontext():
            return self._patiently(request, limit_bytes, is_streamed=False, sink=sink)

    def _patiently(
        self, request: requests.PreparedRequest, limit_bytes: int, *, is_streamed: bool, sink: IO[bytes] | None
    ) -> requests.Response:
        options = self.access.options
        end = time.monotonic() + options.request_deadline_s
        for attempt in range(1, options.request_attempts + 1):
            answer, fault = None, None
            if sink is not None:
                sink.seek(0)
                sink.truncate()
            try:
                answer = self._once(request, end, limit_bytes, is_streamed=is_streamed, sink=sink)
                if answer.status_code not in _PASSING_STATUS:
                    return answer
            except FetchError as error:
                fault = error
            wait_s = _pause_s(attempt, answer, self.access)
            is_last = attempt == options.request_attempts or time.monotonic() + wait_s >= end
            if fault is not None and (is_last or fault.fault not in _AGAIN or not fault.is_passing):
                raise fault
            if answer is not None:
                if is_last:
                    return answer
                answer.close()
            time.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    def _once(
        self,
        request: requests.PreparedRequest,
        end: float,
        limit_bytes: int,
        *,
        is_streamed: bool,
        sink: IO[bytes] | None,
    ) -> requests.Response:
        """Send a request once, through its redirects, and read the body."""
        options = self.access.options
        end = min(end, time.monotonic() + options.http_timeout_s)
        token: Token[Clock | None] = running.set(Clock(end, options.silence_s, options.min_rate_bytes_s))
        host = urlsplit(request.url or "").hostname or ""
        try:
            answer = self._through_redirects(request)
            if not is_streamed:
                with answer:
                    _read(answer, limit_bytes, sink)
        except FetchError as error:
            raise _placed(error, host) from None
        except (requests.RequestException, OSError, ValueError) as error:
            raise FetchError(fault_of(error), where=host) from None
        finally:
            running.reset(token)
        return answer

    def _through_redirects(self, request: requests.PreparedRequest) -> requests.Response:
        for _ in range(self.access.options.max_redirects + 1):
            answer = self._ask(request)
            if answer.status_code not in _REDIRECTS or "location" not in answer.headers:
                return answer
            answer.close()
            request = _redirected(request, answer)
        raise FetchError("redirect-loop")

    def _ask(self, request: requests.PreparedRequest) -> requests.Response:
        """Send a request once, to one host."""
        options = self.access.options
        parts = urlsplit(request.url or "")
        if self.proxies and parts.hostname and not self.access.is_trusted(parts.hostname, _port(parts)):
            _check_name(parts.hostname)
        return super().send(
            request,
            stream=True,
            allow_redirects=False,
            timeout=(options.connect_timeout_s, options.silence_s),
            verify=options.ca_file or True,
            cert=None,
            proxies=self.proxies,
        )

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that there is none: redirects are followed in `_once`."""


def open_session(access: Access) -> CheckedSession:
    """Return a session that goes to public hosts and trusted ones only, and never waits without end.

    It is a `requests.Session`: libraries that take one can be given it.
    """
    return CheckedSession(access)


_shared: dict[tuple[int, Access], CheckedSession] = {}
_lock = threading.Lock()


def shared_session(access: Access) -> CheckedSession:
    """Return the session of this process for an access, so that connections are used again."""
    key = (os.getpid(), access)
    with _lock:
        if key not in _shared:
            _shared[key] = CheckedSession(access)
        return _shared[key]


def _redirected(request: requests.PreparedRequest, answer: requests.Response) -> requests.PreparedRequest:
    """Return the request that a redirect asks for, less what another host may not see.

    Raises
    ------
    FetchError
        `redirect-refused`: it leads to another scheme, out of TLS, or names a user.
    """
    here = urlsplit(request.url or "")
    target = urljoin(request.url or "", answer.headers["location"].encode("latin-1").decode("utf-8", "replace"))
    there = urlsplit(target)
    if there.scheme not in PORTS or not there.hostname or "@" in there.netloc or len(target) > 8192:
        raise FetchError("redirect-refused")
    if (here.scheme, there.scheme) == ("https", "http"):
        raise FetchError("redirect-refused")
    following = request.copy()
    is_asked_anew = answer.status_code == 303 or (answer.status_code in (301, 302) and request.method == "POST")
    if is_asked_anew and request.method != "HEAD":
        following.method = "GET"
        following.body = None
        for name in ("Content-Length", "Content-Type", "Transfer-Encoding"):
            following.headers.pop(name, None)
    is_same_host = here.hostname == there.hostname and (here.scheme != there.scheme or _port(here) == _port(there))
    if not is_same_host:
        if following.body:
            raise FetchError("redirect-refused")
        for name in [name for name in following.headers if name.lower() not in _HARMLESS]:
            del following.headers[name]
    following.prepare_url(target, None)
    return following


def _read(answer: requests.Response, limit_bytes: int, sink: IO[bytes] | None) -> None:
    """Read a body of bounded size, into memory or, if it is the file asked for, into a sink.

    Of an answer that is no success, what is too much is left. A whole file where a part was asked for is not read.
    """
    is_success = answer.status_code in (200, 206)
    is_unasked = answer.status_code == 200 and sink is None and "Range" in answer.request.headers
    announced = answer.headers.get("content-length", "")
    if is_success and not is_unasked and announced.isdigit() and int(announced) > limit_bytes:
        raise FetchError("too-large")
    parts, size = [], 0
    for part in () if is_unasked else answer.iter_content(_CHUNK_BYTES):
        size += len(part)
        if size > limit_bytes and not is_success:
            break
        if size > limit_bytes:
            raise FetchError("too-large")
        if sink is None or not is_success:
            parts.append(part)
        else:
            _pour(part, sink)
    answer._content = b"".join(parts)  # noqa: SLF001 - as requests does where it reads the body itself


def _pour(part: bytes, sink: IO[bytes]) -> None:
    try:
        sink.write(part)
    except OSError:
        raise FetchError("disk-full", is_passing=False) from None


def _pause_s(attempt: int, answer: requests.Response | None, access: Access) -> float:
    """Return how long to wait before the next attempt: doubling, with jitter, and at least what the server asks for."""
    options = access.options
    growing = options.first_wait_s * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
    asked = 0.0 if answer is None else _retry_after_s(answer.headers.get("retry-after", ""))
    return min(max(growing, asked), options.max_wait_s)


def _retry_after_s(text: str) -> float:
    """Return what a Retry-After header asks for in seconds; 0 where it cannot be read.

    >>> _retry_after_s("7"), _retry_after_s("soon"), _retry_after_s("Mon, 01 Jan 1990 00:00:00 GMT")
    (7.0, 0.0, 0.0)
    """
    if text.strip().isdigit():
        return float(text)
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _port(parts: Any) -> int:
    return int(parts.port or PORTS.get(parts.scheme, 0))


def _check_name(host: str) -> None:
    """Refuse an address written out that is not public. Names are the proxy's to resolve."""
    try:
        is_fine = is_public(host)
    except ValueError:
        is_fine = (
            not host.lower().endswith(("localhost", ".local", ".internal")) and not host.replace(".", "").isdigit()
        )
    if not is_fine:
        raise FetchError("host-refused")


def _placed(error: FetchError, host: str) -> FetchError:
    """Return an error that says which host it is about."""
    return error if error.where else FetchError(error.fault, is_passing=error.is_passing, where=host)
