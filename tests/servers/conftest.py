"""A world served by programs that are not ours: its items by stac-fastapi on pgstac, its files by nginx."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers import stac_server, web_server
from tests.servers.stac_server import StacServer
from tests.servers.web_server import WebServer


@dataclass(frozen=True)
class ServedWorld:
    """A world as its API and its web server show it.

    Attributes
    ----------
    folder : Path
        The world as it lies on disk.
    pipeline : Path
        A pipeline file that watches it through the servers.
    """

    folder: Path
    pipeline: Path
    stac: StacServer
    web: WebServer


@pytest.fixture(scope="session")
def served(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    """Serve the small world, or skip where the programs are not there."""
    if lacking := ", ".join(filter(None, (stac_server.missing_parts(), web_server.missing_parts()))):
        pytest.skip(f"not installed here: {lacking} (`.ci/run` installs them)")
    home = tmp_path_factory.mktemp("servers")
    web = WebServer(small_world, home)
    web.program.start()
    try:
        collections, items = read_world(small_world, web.url)
        stac = stac_server.start_server(home, collections, items)
        try:
            yield ServedWorld(small_world, _pipeline_of(small_world, stac.url), stac, web)
        finally:
            stac.stop()
    finally:
        web.program.stop()


def read_world(folder: Path, web_url: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the collections and items of a world, without links, their hrefs on the web server."""
    collections, items = [], []
    for path in sorted(folder.glob("*/collection.json")):
        collections.append({**json.loads(path.read_text(encoding="utf-8")), "links": []})
        for document in sorted(path.parent.glob("*/*.json")):
            item = json.loads(document.read_text(encoding="utf-8"))
            base = f"{web_url}/{document.parent.relative_to(folder).as_posix()}/"
            for asset in item["assets"].values():
                asset["href"] = base + asset["href"].removeprefix("./")
            items.append({**item, "links": []})
    return collections, items


# Both servers are of this machine; what fails is given up soon; nothing is kept from one run to the next.
_WIRE = """
[wire]
private_hosts = ["127.0.0.1"]
request_attempts = 3
first_wait_s = 0.2
read_attempts = 1
cache_gib = 0.0
"""


def _pipeline_of(folder: Path, api_url: str) -> Path:
    """Write the world's pipeline with the API in place of its static catalogue, beside it."""
    text = (folder / "pipeline.toml").read_text(encoding="utf-8")
    assert 'url = "catalog.json"' in text
    path = folder / "pipeline-served.toml"
    path.write_text(text.replace('url = "catalog.json"', f'url = "{api_url}"') + _WIRE, encoding="utf-8")
    return path
