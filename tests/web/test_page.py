"""The analyst's page: true, read-only, closed to the rest of the world."""

import re
from pathlib import Path

import anyio
import httpx
import pytest
from fastapi import FastAPI

from kpgeo import flows
from kpgeo.store import Workspace
from kpgeo.web import make_app


class Client:
    """Asks the application, without a server or a socket between."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def ask(self, method: str, path: str, host: str = "127.0.0.1:8765") -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as client:
                return await client.request(method, path, headers={"host": host})

        return anyio.run(once)

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)


@pytest.fixture(scope="module")
def client(watched: Path) -> Client:
    entry = {
        "lineage": flows.read_watched(Workspace(watched))["sim-0"]["lineage"],
        "names": {"en": "<script>alert(1)</script>"},
        "participant": "A & B",
        "sensitivity": "kp-only",
    }
    return Client(make_app(watched, lambda: {"sim-0": entry}))


def test_overview_shows_alerts_sites_comparisons_and_coverage(client: Client) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "KP ONLY" in page.text
    assert "2023H1" in page.text
    assert re.search(r"2023-01-D1 to 2023-06-D[123]", page.text)
    alerts = re.findall(r'href="(/alerts/alert-[0-9a-f]{12})"', page.text)
    assert alerts
    shown = client.get(alerts[0])
    assert shown.status_code == 200
    site = re.search(r'href="(/sites/site-[0-9a-f]{12})"', shown.text)
    assert site
    assert client.get(site[1]).status_code == 200


def test_every_text_is_escaped_and_nothing_comes_from_elsewhere(client: Client) -> None:
    page = client.get("/")
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "A &amp; B" in page.text
    assert not re.search(r'(src|href)="(https?:)?//', page.text)
    assert " style=" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'self'")


def test_other_hosts_and_writing_are_refused(client: Client) -> None:
    assert client.ask("GET", "/", host="evil.example:8765").status_code == 421
    assert client.ask("GET", "/", host="127.0.0.1:9999").status_code == 421
    assert client.ask("POST", "/").status_code == 405
    assert client.ask("DELETE", "/alerts/alert-1").status_code == 405


@pytest.mark.parametrize(
    "path", ["/alerts/nope", "/sites/nope", "/briefs/nope.pdf", "/briefs/..%2fkpgeo.db", "/briefs/kpgeo.db", "/docs"]
)
def test_what_is_not_there_is_404(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


def test_style_is_served_from_here(client: Client) -> None:
    assert client.get("/static/style.css").status_code == 200
    assert client.get("/static/../app.py").status_code == 404
