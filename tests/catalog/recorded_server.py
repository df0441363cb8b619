"""A STAC API on the loopback device that answers with recorded pages, or misbehaves as it is told."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CORE = "https://api.stacspec.org/v1.0.0/core"
SEARCH = "https://api.stacspec.org/v1.0.0/item-search"

Page = dict[str, Any]
Answer = Callable[["RecordedServer", BaseHTTPRequestHandler, dict[str, Any]], bool]


class RecordedServer:
    """Serves the pages of one search in turn.

    Parameters
    ----------
    pages : sequence of dict
        FeatureCollections as recorded. Their `next` links are rewritten to this server and given a token by which the
        next page is asked for, as the original does in the body of its POST.
    misbehave : callable, optional
        Is offered each search first; returns True if it has answered.
    """

    def __init__(self, pages: Sequence[Page], misbehave: Answer | None = None) -> None:
        self.pages = list(pages)
        self.misbehave = misbehave
        self.asked: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._answerer())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def landing(self) -> Page:
        """Return the API's root."""
        links = [
            {"rel": "self", "type": "application/json", "href": self.url},
            {"rel": "root", "type": "application/json", "href": self.url},
            {"rel": "search", "type": "application/geo+json", "href": f"{self.url}/search", "method": "POST"},
        ]
        return {
            "type": "Catalog", "id": "recorded", "description": "recorded", "stac_version": "1.0.0",
            "conformsTo": [CORE, SEARCH], "links": links,
        }  # fmt: skip

    def page(self, asked: dict[str, Any]) -> Page:
        """Return the page asked for: that of the token, or the first, cut down to the collections asked for."""
        token = asked.get("next") or asked.get("token")
        number = next((i for i, page in enumerate(self.pages) if token and _token_of(page) == token), -1) + 1
        page = self.pages[number]
        wanted = asked.get("collections") or self._collections
        self._collections = wanted
        links = [
            {**link, "href": f"{self.url}/search"}
            for link in page.get("links", [])
            if link["rel"] == "next" and number + 1 < len(self.pages)
        ]
        features = [item for item in page["features"] if item.get("collection") in wanted]
        return {**page, "links": links, "features": features}

    def _answerer(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Answerer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                send_json(self, server.landing())

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = json.loads(self.rfile.read(length) or b"{}")
                server.asked.append(asked)
                if server.misbehave is None or not server.misbehave(server, self, asked):
                    send_json(self, server.page(asked))

            def log_message(self, *_: object) -> None:
                pass

        return Answerer

    _collections: Sequence[str] = ()


def _token_of(page: Page) -> str | None:
    for link in page.get("links", []):
        if link["rel"] == "next":
            return link["body"].get("next") or link["body"].get("token")
    return None


def send_json(answerer: BaseHTTPRequestHandler, content: Any, status: int = 200) -> None:
    """Answer with JSON."""
    send(answerer, json.dumps(content).encode(), "application/json", status)


def send(answerer: BaseHTTPRequestHandler, body: bytes, kind: str, status: int = 200, **headers: str) -> None:
    """Answer with bytes."""
    answerer.send_response(status)
    answerer.send_header("Content-Type", kind)
    answerer.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        answerer.send_header(name.replace("_", "-"), value)
    answerer.end_headers()
    answerer.wfile.write(body)


def drip(answerer: BaseHTTPRequestHandler, seconds: float) -> None:
    """Answer with a byte now and then."""
    answerer.send_response(200)
    answerer.send_header("Content-Type", "application/json")
    answerer.send_header("Content-Length", "1000000")
    answerer.end_headers()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            answerer.wfile.write(b" ")
            answerer.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)
