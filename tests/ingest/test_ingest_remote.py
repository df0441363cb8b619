"""Files over http: signed, retried, given up in time, and never telling their token."""

import dataclasses
import datetime as dt
import http.server
import json
import logging
import threading
import time

import numpy as np
import pytest

from kpgeo.ingest import load_cube
from kpgeo.ingest.tokens import sign_item
from kpgeo.model.errors import SceneReadError
from kpgeo.model.scene import Sensor
from kpgeo.options.ingest import IngestOptions
from tests.ingest.scene_files import SAVANNA, make_granule, make_scene, window

S2 = Sensor.SENTINEL2
CANARY = "CANARYTOKEN"


class Archive:
    """Serves a folder with byte ranges, tokens at /token/<collection>, and misbehaves as told."""

    def __init__(self, folder):
        self.folder = folder
        self.hits: list[str] = []
        self.tokens = 0
        self.lifetime_s = 3600.0
        self.needs_token = False
        self.missing: dict[str, int] = {}
        self.hanging: set[str] = set()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answerer)
        self.server.archive = self
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def token(self):
        self.tokens += 1
        end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.lifetime_s)
        return json.dumps({"token": f"sv=1&sig={CANARY}{self.tokens}", "msft:expiry": end.isoformat()}).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Answerer(http.server.BaseHTTPRequestHandler):
    """Answers for an archive."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        archive = self.server.archive
        path, _, query = self.path.partition("?")
        name = path.rsplit("/", 1)[1]
        archive.hits.append(self.path)
        if name in archive.hanging:
            time.sleep(3.0)
        if archive.missing.get(name, 0) > 0:
            archive.missing[name] -= 1
            self._answer(404, b"")
        elif path.startswith("/token/"):
            self._answer(200, archive.token())
        elif archive.needs_token and f"sig={CANARY}{archive.tokens}" not in query:
            self._answer(403, b"")
        else:
            self._answer_file((archive.folder / name).read_bytes())

    def _answer_file(self, content):
        given = self.headers.get("Range")
        if given is None:
            self._answer(200, content)
            return
        first, _, last = given.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last or len(content)), len(content) - 1) + 1
        self._answer(206, content[start:stop], f"bytes {start}-{stop - 1}/{len(content)}")

    def _answer(self, status, body, extent=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        if extent:
            self.send_header("Content-Range", extent)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path)
    yield archive
    archive.close()


def remote_scene(archive, *, sign=False, day=1, name="one"):
    """Return a scene whose files are read over http."""
    granule = make_granule(archive.folder, S2, SAVANNA, name=name)
    assets = {
        band: {**asset, "href": f"{archive.url}/{name}_{band}.tif"} for band, asset in granule.item["assets"].items()
    }
    item = {**granule.item, "assets": assets, "kpgeo:sign": sign}
    return make_scene(S2, dataclasses.replace(granule, item=item, provider="127.0.0.1"), day=day)


def signing(archive, **more):
    return IngestOptions(token_url=f"{archive.url}/token/{{collection}}", token_hosts=("127.0.0.1",), **more)


def test_files_are_read_over_http(archive):
    cube, gaps = load_cube([remote_scene(archive)], window(), IngestOptions())
    assert gaps == ()
    np.testing.assert_allclose(cube["red"], 0.12, atol=1e-6)
    assert all(hit.endswith(".tif") for hit in archive.hits), "a side-car file was asked for"


def test_a_signed_catalogue_is_read_with_a_token_asked_for_once(archive):
    archive.needs_token = True
    scenes = [remote_scene(archive, sign=True, day=day) for day in (1, 2)]
    cube, gaps = load_cube(scenes, window(), signing(archive))
    assert gaps == ()
    assert cube.sizes["time"] == 2
    assert archive.tokens == 1
    assert "sig=" not in json.dumps(scenes[0].granules[0].item)
    assert CANARY not in repr(cube.attrs)


def test_without_signing_no_token_is_asked_for(archive):
    load_cube([remote_scene(archive, sign=False)], window(), signing(archive))
    assert archive.tokens == 0


def test_a_token_that_was_withdrawn_is_renewed(archive):
    archive.needs_token = True
    load_cube([remote_scene(archive, sign=True)], window(), signing(archive))
    archive.tokens += 1  # the archive now wants a newer token than it gave out
    cube, gaps = load_cube([remote_scene(archive, sign=True, name="two")], window(), signing(archive, read_threads=1))
    assert gaps == ()
    assert cube.sizes["time"] == 1


def test_a_token_about_to_end_is_renewed(archive):
    archive.lifetime_s = 60.0
    item = remote_scene(archive, sign=True).granules[0].item
    options = signing(archive)
    first = sign_item(item, "127.0.0.1", options)["assets"]["red"]["href"]
    second = sign_item(item, "127.0.0.1", options)["assets"]["red"]["href"]
    assert first != second
    assert archive.tokens == 2


def test_tokens_go_to_the_providers_hosts_only(archive):
    item = remote_scene(archive, sign=True).granules[0].item
    item["assets"]["red"]["href"] = "http://evil.example.org/a.tif"
    signed = sign_item(item, "127.0.0.1", signing(archive))
    assert signed["assets"]["red"]["href"] == "http://evil.example.org/a.tif"
    assert CANARY in signed["assets"]["blue"]["href"]
    sneaky = IngestOptions(token_url=f"{archive.url}/token/{{collection}}", token_hosts=(".example.org",))
    item["assets"]["red"]["href"] = "http://badexample.org/a.tif"
    assert sign_item(item, "127.0.0.1", sneaky) == item


def test_a_provider_without_tokens_is_a_gap(archive):
    scene = remote_scene(archive, sign=True)
    options = signing(archive)
    archive.missing["sentinel-2"] = 99
    with pytest.raises(SceneReadError, match="token-refused"):
        sign_item(scene.granules[0].item, "127.0.0.1", options)
    _, gaps = load_cube([scene], window(), options)
    assert gaps[0].reason == "token-refused: 127.0.0.1"


@pytest.mark.parametrize(("attempts", "scenes"), [(1, 0), (3, 1)])
def test_a_file_that_turns_up_late_is_read_by_another_attempt(archive, attempts, scenes):
    archive.missing["one_green.tif"] = 1
    cube, gaps = load_cube([remote_scene(archive)], window(), IngestOptions(read_attempts=attempts))
    assert cube.sizes["time"] == scenes
    assert len(gaps) == 1 - scenes


def test_a_missing_file_is_a_gap_without_its_token(archive, caplog):
    archive.needs_token = True
    archive.missing["one_green.tif"] = 99
    caplog.set_level(logging.DEBUG)
    scenes = [remote_scene(archive, sign=True), remote_scene(archive, sign=True, day=2, name="two")]
    cube, gaps = load_cube(scenes, window(), signing(archive, read_attempts=2))
    assert cube["scene_id"].values.tolist() == [scenes[1].id]
    assert [gap.reason for gap in gaps] == ["unreadable: open-failed: green: one"]
    assert CANARY not in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_that_hangs_is_a_gap_in_time(archive, monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "0")
    archive.hanging.add("one_green.tif")
    begin = time.monotonic()
    options = IngestOptions(http_timeout_s=1, read_attempts=10, scene_deadline_s=1.0)
    _, gaps = load_cube([remote_scene(archive)], window(), options)
    assert gaps[0].reason == "unreadable: open-failed: green: one"
    assert time.monotonic() - begin < 20.0
