"""Searching a STAC API: bounded in time and pages, with polite retries.

Each request has its own times, of `wire`. The whole search has a deadline, which also ends what no other limit ends:
the search runs in a daemon thread, and what has come by the deadline is all there is.
"""

import datetime as dt
import logging
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pystac
from pystac_client import Client
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from kpgeo.catalog.candidates import item_id
from kpgeo.model.errors import UpstreamError
from kpgeo.wire import Access, CheckedSession, FetchError, open_session

_log = logging.getLogger(__name__)

PAGE_SIZE = 100
MAX_EMPTY_PAGES = 20
MAX_VERTICES = 200
# What pystac-client raises, and a body that is JSON of an unexpected shape.
_FAULTS = (
    APIError, FetchError, pystac.STACError,
    NotImplementedError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
)  # fmt: skip

Item = Mapping[str, Any]


class _CheckedIO(StacApiIO):
    """Reads an API through a session of ours, and no file of this machine, whatever a link says.

    A page without items does not end the search while it links to a next one: some APIs count before they filter.
    """

    def __init__(self, session: CheckedSession) -> None:
        super().__init__(max_retries=None)
        self.session = session

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
        href = source.href if isinstance(source, pystac.Link) else str(source)
        if urlsplit(href).scheme not in ("http", "https"):
            raise ValueError("a link that is no web address")
        return str(super().read_text(source, *args, **kwargs))

    def get_pages(
        self, url: str, method: str | None = None, parameters: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        page, empty = self.read_json(url, method=method, parameters=parameters), 0
        while True:
            if page["features"]:
                yield page
            empty = 0 if page["features"] else empty + 1
            following = next((link for link in page.get("links", []) if link["rel"] == "next"), None)
            if following is None:
                return
            if empty > MAX_EMPTY_PAGES:
                raise APIError("pages without items, again and again")
            page = self.read_json(pystac.Link.from_dict(following), parameters=parameters)


def search_api(
    url: str,
    collection: str,
    geometry: BaseGeometry,
    interval: tuple[dt.datetime, dt.datetime],
    access: Access,
    deadline_s: float,
) -> Iterator[Item]:
    """Yield the items of one collection that touch a geometry (EPSG:4326) within a closed interval.

    Raises
    ------
    UpstreamError
        The API cannot be reached, answers nonsense, pages in a circle, or is not done by the deadline. Items yielded
        before stay good.
    """
    pages: queue.Queue[list[Item] | Exception | None] = queue.Queue()
    within_s = min(access.options.request_deadline_s, deadline_s)
    access = replace(access, options=access.options.model_copy(update={"request_deadline_s": within_s}))
    question = _Question(url=url, collection=collection, geometry=geometry, interval=interval)
    worker = threading.Thread(target=_fill, args=(pages, question, access), daemon=True)
    end = time.monotonic() + deadline_s
    worker.start()
    seen: set[str] = set()
    while True:
        try:
            page = pages.get(timeout=max(end - time.monotonic(), 0.001))
        except queue.Empty:
            raise UpstreamError(f"The search took longer than {deadline_s:g} s.", where=url) from None
        if page is None:
            return
        if isinstance(page, Exception):
            raise UpstreamError(_in_words(page), where=url) from page
        fresh = [item for item in page if item_id(item) not in seen]
        if page and not fresh:
            raise UpstreamError("The pages of the search go round in a circle.", where=url)
        seen.update(item_id(item) for item in fresh)
        yield from fresh


@dataclass(frozen=True, kw_only=True)
class _Question:
    url: str
    collection: str
    geometry: BaseGeometry
    interval: tuple[dt.datetime, dt.datetime]


def _fill(pages: "queue.Queue[list[Item] | Exception | None]", question: _Question, access: Access) -> None:
    """Put pages into the queue, then None; or the fault that ended the search."""
    shape = question.geometry if _vertices(question.geometry) <= MAX_VERTICES else question.geometry.convex_hull
    try:
        with open_session(access) as session:
            client = Client.open(question.url, stac_io=_CheckedIO(session))
            found = client.search(
                collections=[question.collection],
                intersects=mapping(shape),
                datetime=list(question.interval),
                limit=PAGE_SIZE,
            )
            is_empty = True
            for page in found.pages_as_dicts():
                pages.put(_items(page))
                is_empty = False
            if is_empty:
                _require_collection(client, question.collection)
    except _FAULTS as fault:
        pages.put(fault)
    else:
        pages.put(None)


class _NoCollectionError(ValueError):
    """The API has no collection of the name that was searched: many answer such a search with an empty page."""


def _require_collection(client: Client, collection: str) -> None:
    """See that a collection in which nothing was found is there, where the API can be asked for collections."""
    if not client.conforms_to("COLLECTIONS"):
        return
    if client.get_collection(collection) is None:  # pystac-client's answer to HTTP status 404
        raise _NoCollectionError(collection)


def _items(page: Mapping[str, Any]) -> list[Item]:
    """Return the items of a page.

    Raises
    ------
    TypeError
        They are not items.
    """
    items = list(page["features"])
    if not all(isinstance(item, Mapping) for item in items):
        raise TypeError("features that are no objects")
    return items


def _vertices(geometry: BaseGeometry) -> int:
    return sum(len(part.exterior.coords) for part in getattr(geometry, "geoms", [geometry]))


def _in_words(fault: Exception) -> str:
    """Say what a fault of the client means, without repeating what the server sent."""
    if isinstance(fault, _NoCollectionError):
        return f"The catalogue has no collection {str(fault)!r}."
    status = getattr(fault, "status_code", None)
    if status:
        return f"The catalogue answers with HTTP status {status}."
    lost = fault if isinstance(fault, FetchError) else fault.__context__  # pystac-client wraps what a session raises
    if isinstance(lost, FetchError):
        return f"The catalogue cannot be reached ({lost.fault})."
    _log.debug("search failed", exc_info=fault)
    return "The catalogue's answer is not that of a STAC API."
