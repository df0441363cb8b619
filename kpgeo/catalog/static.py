"""Walking a static catalogue: catalog.json, its collections, their items. A link is checked before it is followed."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Self
from urllib.parse import urlsplit

from kpgeo.catalog.hrefs import MAX_HREF, HrefError, Origin, resolve_href
from kpgeo.model.errors import UpstreamError
from kpgeo.wire import Access, FetchError, open_session

MAX_DOCUMENT_BYTES = 20_000_000
MAX_DOCUMENTS = 200_000

Item = Mapping[str, Any]


class _DocumentError(ValueError):
    """A document that cannot be read. Its text is the reason in machine words."""


def start_of(url: str, folder: Path, access: Access) -> Origin:
    """Return where a static catalogue begins: an http(s) address, or a path relative to `folder`."""
    buckets = access.options.s3_buckets
    if urlsplit(url).scheme in ("http", "https"):
        return Origin(document=url, root=None, host=(urlsplit(url).hostname or "").lower(), buckets=buckets)
    path = (folder / url).resolve()
    return Origin(document=str(path), root=path.parent, host="", buckets=buckets)


def walk_static(
    start: Origin, collection: str, access: Access, deadline_s: float, refuse: Callable[[str, str], None]
) -> Iterator[tuple[Item, Origin]]:
    """Yield the items of one collection of a static catalogue, each with where it was read.

    Parameters
    ----------
    start : Origin
        The catalog.json.
    collection : str
        Id of the collection, wherever in the tree it stands.
    access : Access
        How a catalogue over http is read.
    deadline_s : float
        Time allowed.
    refuse : callable
        Is told the name of an item's document that cannot be read, and why; the walk goes on.

    Raises
    ------
    UpstreamError
        The catalogue or a collection cannot be read, the collection is not there, or the deadline passed.
    """
    with _Walk(access, deadline_s) as walk:
        wanted = list(_find_collections(walk, start, collection))
        if not wanted:
            raise UpstreamError(f"The catalogue has no collection {collection!r}.", where=start.document)
        while wanted:
            document, origin = wanted.pop()
            yield from _linked(walk, document, origin, "item", refuse)
            wanted.extend(_linked(walk, document, origin, "child"))


class _Walk:
    """Reads documents, each once, until the deadline."""

    def __init__(self, access: Access, deadline_s: float) -> None:
        options = access.options
        within_s = min(options.request_deadline_s, deadline_s)
        self._deadline = time.monotonic() + deadline_s
        options = options.model_copy(update={"request_deadline_s": within_s})
        self._session = open_session(replace(access, options=options))
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def read(self, origin: Origin) -> Mapping[str, Any] | None:
        """Return a document, or None if it was read before (links that go in a circle)."""
        if origin.document in self._seen:
            return None
        self._seen.add(origin.document)
        if len(self._seen) > MAX_DOCUMENTS or time.monotonic() > self._deadline:
            raise UpstreamError("The catalogue is too large to walk in the time allowed.", where=origin.document)
        try:
            document = json.loads(self._read_bytes(origin))
        except (OSError, ValueError, RecursionError, FetchError) as error:
            raise _DocumentError("document-unreadable") from error
        if not isinstance(document, Mapping):
            raise _DocumentError("document-not-an-object")
        return document

    def _read_bytes(self, origin: Origin) -> bytes:
        if origin.root is not None:
            with Path(origin.document).open("rb") as stream:
                content = stream.read(MAX_DOCUMENT_BYTES + 1)
        else:
            answer = self._session.get(origin.document)
            if not answer.ok:
                raise ValueError("no document")
            content = answer.content
        if len(content) > MAX_DOCUMENT_BYTES:
            raise ValueError("document too large")
        return content


def _linked(
    walk: _Walk, document: Item, origin: Origin, rel: str, refuse: Callable[[str, str], None] | None = None
) -> Iterator[tuple[Item, Origin]]:
    """Yield the documents a document links to as `rel`. One that cannot be had is refused, or ends the walk."""
    links = document.get("links")
    for link in links if isinstance(links, list) else []:
        if not isinstance(link, Mapping) or link.get("rel") != rel:
            continue
        try:
            place = origin.beside(resolve_href(link.get("href"), origin))
            child = walk.read(place)
        except (HrefError, _DocumentError) as error:
            if refuse is None:
                raise UpstreamError(
                    f"A link of the catalogue leads nowhere ({error}).", where=origin.document
                ) from error
            refuse(PurePosixPath(str(link.get("href"))[:MAX_HREF]).name, str(error))
            continue
        if child is not None:
            yield child, place


def _find_collections(walk: _Walk, start: Origin, collection: str) -> Iterator[tuple[Item, Origin]]:
    """Yield the collections of that id, walking down through catalogues."""
    try:
        root = walk.read(start)
    except _DocumentError as error:
        raise UpstreamError("The catalogue cannot be read.", where=start.document) from error
    stack = [(root, start)] if root is not None else []
    while stack:
        document, origin = stack.pop()
        if document.get("id") == collection and document.get("type") == "Collection":
            yield document, origin
        else:
            stack.extend(_linked(walk, document, origin, "child"))
