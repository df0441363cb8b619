"""Searching a STAC API: bounded in time and pages, with polite retries.

Two time limits apply. Each request has its own (both of the client and of its I/O: given to one alone it is not used
for every request). The whole search has a deadline, which also ends a server that keeps sending a byte now and then:
the search runs in a daemon thread, and what has come by the deadline is all there is.
"""

import datetime as dt
import logging
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pystac
import requests
from pystac_client import Client
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry
from urllib3 import BaseHTTPResponse, Retry

from kpgeo.catalog.candidates import item_id
from kpgeo.model.errors import UpstreamError

_log = logging.getLogger(__name__)

REQUEST_TIMEOUT_S = (10.0, 60.0)
RETRIES = 4
MAX_WAIT_S = 30.0
PAGE_SIZE = 100
MAX_VERTICES = 200
# What pystac-client, requests and a body that is JSON of an unexpected shape raise.
_FAULTS = (
    APIError, pystac.STACError, requests.RequestException,
    NotImplementedError, ValueError, KeyError, TypeError, AttributeError,
)  # fmt: skip

Item = Mapping[str, Any]


class _PatientRetry(Retry):
    """Retries with jitter that heed Retry-After, but never wait longer than `MAX_WAIT_S`."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        after = super().get_retry_after(response)
        return None if after is None else min(after, MAX_WAIT_S)


def search_api(
    url: str, collection: str, geometry: BaseGeometry, interval: tuple[dt.datetime, dt.datetime], deadline_s: float
) -> Iterator[Item]:
    """Yield the items of one collection that touch a geometry (EPSG:4326) within a closed interval.

    Raises
    ------
    UpstreamError
        The API cannot be reached, answers nonsense, pages in a circle, or is not done by the deadline. Items yielded
        before stay good.
    """
    pages: queue.Queue[list[Item] | Exception | None] = queue.Queue()
    worker = threading.Thread(target=_fill, args=(pages, url, collection, geometry, interval), daemon=True)
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
        if not fresh:
            raise UpstreamError("The pages of the search go round in a circle.", where=url)
        seen.update(item_id(item) for item in fresh)
        yield from fresh


def _fill(
    pages: "queue.Queue[list[Item] | Exception | None]",
    url: str,
    collection: str,
    geometry: BaseGeometry,
    interval: tuple[dt.datetime, dt.datetime],
) -> None:
    """Put pages into the queue, then None; or the fault that ended the search."""
    retry = _PatientRetry(
        total=RETRIES,
        backoff_factor=0.5,
        backoff_jitter=0.5,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=None,  # a search is a question, also when it is a POST
        raise_on_status=False,
    )
    shape = geometry if _vertices(geometry) <= MAX_VERTICES else geometry.convex_hull
    try:
        io = StacApiIO(timeout=REQUEST_TIMEOUT_S, max_retries=retry)
        client = Client.open(url, timeout=REQUEST_TIMEOUT_S, stac_io=io)
        found = client.search(
            collections=[collection], intersects=mapping(shape), datetime=list(interval), limit=PAGE_SIZE
        )
        for page in found.pages_as_dicts():
            pages.put(_items(page))
    except _FAULTS as fault:
        pages.put(fault)
    else:
        pages.put(None)


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
    status = getattr(fault, "status_code", None)
    if status:
        return f"The catalogue answers with HTTP status {status}."
    if isinstance(fault, ValueError | KeyError | TypeError | AttributeError | pystac.STACError | NotImplementedError):
        return "The catalogue's answer is not that of a STAC API."
    _log.debug("search failed", exc_info=fault)
    return "The catalogue cannot be reached."
