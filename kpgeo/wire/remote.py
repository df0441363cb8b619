"""Bytes of a file on another machine, by parts.

Which version of a file is read is settled when it is opened: its size and its ETag (or the time it was last changed).
Every part says which version it is of; one of another version ends the reading, because two versions in one raster
would be a place that never was.
"""

import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

import requests

from kpgeo.wire.access import Access
from kpgeo.wire.cache import cache_of, key_of
from kpgeo.wire.faults import Fault, FetchError
from kpgeo.wire.local import FileBytes
from kpgeo.wire.secrecy import unsign
from kpgeo.wire.session import shared_session
from kpgeo.wire.spans import Errand, Span, join_spans

FIRST_BYTES = 65_536
_WAITING_BYTES = 64 * 2**20  # what may have come and not been taken, for each `read_many` under way
_EXTENT = re.compile(r"^bytes (\d+)-(\d+)/(\d+)$")
_EMPTY = re.compile(r"^bytes \*/0$")
_STATUS: dict[int, Fault] = {
    401: "forbidden", 403: "forbidden", 404: "not-found", 410: "not-found", 412: "changed-while-read",
    416: "changed-while-read", 429: "busy", 503: "busy",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Version:
    """Which version of a file it is.

    Attributes
    ----------
    size : int
        Bytes.
    etag : str
        "" where the server names none.
    changed : str
        When it was last changed, as the server writes it; "" where it does not.
    """

    size: int
    etag: str
    changed: str

    @property
    def name(self) -> str:
        """Return what tells this version from others, "" where nothing but the size does."""
        return self.etag or self.changed

    @property
    def is_strong(self) -> bool:
        """Say whether the server can be asked for this version and no other."""
        return self.etag.startswith('"')


class WholeNeeded(Exception):  # noqa: N818 - no error, a way on
    """The server gives no parts. `version` is the whole file's; its size is -1 if the server does not say."""

    def __init__(self, version: Version) -> None:
        super().__init__(version)
        self.version = version


class RemoteBytes:
    """A file on another machine that is read by parts.

    Parameters
    ----------
    url : str
        http(s), signed where it needs to be.
    access : Access
    is_again : bool
        Do not rely on what is remembered of the file.

    Raises
    ------
    FetchError
        The file cannot be had.
    WholeNeeded
        The server gives no parts of files.
    """

    is_remote = True

    def __init__(self, url: str, access: Access, *, is_again: bool) -> None:
        self._url = url
        self._place = unsign(url)
        self._access = access
        self._cache = cache_of(access.options)
        self._head = b""
        known = None if is_again else _remembered(self._place, access.options.identity_s)
        if known is None:
            known, self._head = self._open()
            _remember(self._place, known)
        self.version = known
        self.size = known.size
        self._keep_head()

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes of a span."""
        ((_, content),) = self.read_many([(begin, end)])
        return content

    def read_many(self, spans: Sequence[Span]) -> Iterator[tuple[int, bytes]]:
        """Yield the number of each span and its bytes, as they arrive. Spans that lie close together come together."""
        cut = [(begin, max(min(end, self.size), begin)) for begin, end in spans]
        wanted, here, begun = [], [], []
        for number, (begin, end) in enumerate(cut):
            if begin >= end or end <= len(self._head):
                begun.append(number)
            elif self._cache is not None and self._cache.has(self._key(begin, end)):
                here.append(number)
            else:
                wanted.append(number)
        flight = _Flight(self, self._errands(cut, wanted))
        try:
            if begun or here or len(wanted) > 1:
                flight.depart()
            for number in begun:
                yield number, self._head[slice(*cut[number])]
            for number in here:
                kept = self._cache.get(self._key(*cut[number])) if self._cache is not None else None
                if kept is None or len(kept) != cut[number][1] - cut[number][0]:
                    flight.add(Errand(*cut[number], (number,)))
                else:
                    yield number, kept
            for errand, content in flight.arrivals():
                for number in errand.numbers:
                    begin, end = cut[number]
                    yield number, content[begin - errand.begin : end - errand.begin]
        finally:
            flight.cancel()

    def close(self) -> None:
        """Forget the beginning of the file. Connections are shared, and stay."""
        self._head = b""

    def _keep_head(self) -> None:
        """Keep the beginning of the file, or take it from where it was kept."""
        if self._cache is None or not self.version.name:
            return
        key = self._key(0, min(FIRST_BYTES, self.size))
        if self._head:
            self._cache.put(key, self._head)
        else:
            self._head = self._cache.get(key) or b""

    def fetch(self, errand: Errand, spans: Sequence[Span]) -> bytes:
        """Fetch what an errand asks for, and keep the spans in it."""
        content = self._get(errand.begin, errand.end)
        if self._cache is not None and self.version.name:
            for begin, end in spans:
                self._cache.put(self._key(begin, end), content[begin - errand.begin : end - errand.begin])
        return content

    def _errands(self, spans: Sequence[Span], numbers: Sequence[int]) -> "list[tuple[Errand, list[Span]]]":
        options = self._access.options
        joined = join_spans(spans, numbers, options.coalesce_gap_kib * 1024, options.max_request_mib * 2**20)
        return [(errand, [spans[number] for number in errand.numbers]) for errand in joined]

    def _key(self, begin: int, end: int) -> bytes:
        return key_of(self._place, self.version.name, self.size, begin, end)

    def _open(self) -> tuple[Version, bytes]:
        """Ask for the beginning of the file, which says what file it is."""
        answer = shared_session(self._access).fetch(self._url, _range(0, FIRST_BYTES), FIRST_BYTES)
        if answer.status_code == 416 and _EMPTY.match(answer.headers.get("content-range", "")):
            return _version(answer, 0), b""
        self._check_status(answer)
        begin, end, size = self._extent(answer)
        if begin != 0 or end != min(FIRST_BYTES, size) or len(answer.content) != end:
            raise self._error("wrong-range")
        return _version(answer, size), answer.content

    def _get(self, begin: int, end: int) -> bytes:
        """Return a part, of this version and no other."""
        headers = _range(begin, end)
        if self.version.is_strong:
            headers["If-Match"] = self.version.etag
        answer = shared_session(self._access).fetch(self._url, headers, end - begin)
        try:
            self._check_status(answer)
        except WholeNeeded:
            raise self._error("no-ranges") from None
        first, last, size = self._extent(answer)
        if _version(answer, size) != self.version:
            _forget(self._place)
            raise self._error("changed-while-read")
        if (first, last) != (begin, end):
            raise self._error("wrong-range")
        if len(answer.content) != end - begin:
            raise self._error("short-body")
        return answer.content

    def _check_status(self, answer: requests.Response) -> None:
        code = answer.status_code
        if code == 206:
            return
        _forget(self._place)
        if code == 200:
            if "html" in answer.headers.get("content-type", "").lower():
                raise self._error("captive-portal")
            told = answer.headers.get("content-length", "")
            raise WholeNeeded(_version(answer, int(told) if told.isdigit() else -1))
        raise self._error(_fault_of_status(code))

    def _extent(self, answer: requests.Response) -> tuple[int, int, int]:
        found = _EXTENT.match(answer.headers.get("content-range", ""))
        if found is None:
            raise self._error("wrong-range")
        first, last, size = (int(one) for one in found.groups())
        return first, last + 1, size

    def _error(self, fault: Fault) -> FetchError:
        return FetchError(fault, where=name_of(self._url))


def open_whole(url: str, access: Access, version: Version) -> FileBytes:
    """Fetch a whole file, into the cache if there is one, and open it.

    Raises
    ------
    FetchError
        `no-ranges` if it is too large for that; what else can go wrong.
    """
    limit_bytes = access.options.whole_file_mib * 2**20
    if version.size > limit_bytes:
        raise FetchError("no-ranges", where=name_of(url))
    cache = cache_of(access.options) if version.name else None
    if cache is None:
        with tempfile.TemporaryFile() as sink:
            return _poured(url, access, version, sink)
    key = key_of(unsign(url), version.name, version.size, "whole")
    descriptor = cache.open(key)
    if descriptor is not None:
        size = version.size if version.size >= 0 else cache.size_of(descriptor)
        return FileBytes(descriptor, size, name_of(url), is_remote=True)
    with cache.writing(key) as kept:
        return _poured(url, access, version, kept)


def _poured(url: str, access: Access, version: Version, sink: IO[bytes]) -> FileBytes:
    """Fetch a whole file into a sink, and open that."""
    try:
        answer = shared_session(access).fetch(url, {}, access.options.whole_file_mib * 2**20, sink=sink)
    except FetchError as error:
        fault: Fault = "no-ranges" if error.fault == "too-large" else error.fault
        raise FetchError(fault, is_passing=error.is_passing, where=name_of(url)) from None
    if answer.status_code != 200:
        raise FetchError(_fault_of_status(answer.status_code), where=name_of(url))
    sink.flush()
    size = os.fstat(sink.fileno()).st_size
    if _version(answer, version.size) != version or version.size not in (-1, size):
        raise FetchError("changed-while-read", where=name_of(url))
    return FileBytes(os.dup(sink.fileno()), size, name_of(url), is_remote=True)


def name_of(url: str) -> str:
    """Return what errors call a file: its host and path."""
    parts = urlsplit(unsign(url))
    return f"{parts.hostname}{parts.path}"


def _fault_of_status(code: int) -> Fault:
    return _STATUS.get(code, "server-error" if code >= 500 else "refused")


class _Flight:
    """Errands under way, so many at a time that neither the server nor the memory has too many."""

    def __init__(self, source: RemoteBytes, errands: "list[tuple[Errand, list[Span]]]") -> None:
        self._source = source
        self._waiting = errands[::-1]
        self._under_way: dict[Future[bytes], Errand] = {}

    def add(self, errand: Errand) -> None:
        """Put an errand first."""
        self._waiting.append((errand, [(errand.begin, errand.end)]))

    def depart(self) -> None:
        """Send what may be sent."""
        access = self._source._access  # noqa: SLF001 - of one module
        while self._waiting and len(self._under_way) < access.options.in_flight:
            size = sum(one.end - one.begin for one in self._under_way.values())
            errand, spans = self._waiting[-1]
            if self._under_way and size + errand.end - errand.begin > _WAITING_BYTES:
                return
            self._waiting.pop()
            self._under_way[_pool(access.options.in_flight).submit(self._source.fetch, errand, spans)] = errand

    def arrivals(self) -> Iterator[tuple[Errand, bytes]]:
        """Yield errands and what they brought, as they arrive."""
        if len(self._waiting) == 1 and not self._under_way:  # alone, it needs no thread
            errand, spans = self._waiting.pop()
            yield errand, self._source.fetch(errand, spans)
            return
        self.depart()
        while self._under_way:
            done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
            for job in done:
                errand = self._under_way.pop(job)
                content = job.result()
                self.depart()
                yield errand, content

    def cancel(self) -> None:
        """Give up what has not begun."""
        self._waiting.clear()
        for job in self._under_way:
            job.cancel()


_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}
_versions: dict[str, tuple[Version, float]] = {}
_MAX_VERSIONS = 20_000
_lock = threading.Lock()


def _pool(threads: int) -> ThreadPoolExecutor:
    """Return the threads of this process that wait for answers. All sources share them."""
    key = (os.getpid(), threads)
    with _lock:
        if key not in _pools:
            _pools[key] = ThreadPoolExecutor(threads, thread_name_prefix="kpgeo-wire")
        return _pools[key]


def _remembered(place: str, identity_s: float) -> Version | None:
    with _lock:
        version, since = _versions.get(place, (None, 0.0))
    return version if time.monotonic() - since < identity_s else None


def _remember(place: str, version: Version) -> None:
    with _lock:
        if len(_versions) >= _MAX_VERSIONS:
            _versions.clear()
        _versions[place] = (version, time.monotonic())


def _forget(place: str) -> None:
    with _lock:
        _versions.pop(place, None)


def _version(answer: requests.Response, size: int) -> Version:
    return Version(size=size, etag=answer.headers.get("etag", ""), changed=answer.headers.get("last-modified", ""))


def _range(begin: int, end: int) -> dict[str, str]:
    return {"Range": f"bytes={begin}-{end - 1}"}
