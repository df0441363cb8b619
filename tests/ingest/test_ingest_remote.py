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
from kpgeo.ingest.tokens import ACCESS_KEY, SECRET_KEY, sign_item
from kpgeo.model.errors import SceneReadError
from kpgeo.model.scene import Sensor
from kpgeo.options.ingest import IngestOptions
from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access, trusted_by
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
        self.server.handle_error = lambda *_: None  # clients that went away
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


def reading(archive, **more):
    """Return access that trusts the archive and its tokens, and waits briefly."""
    options = {"token_url": f"{archive.url}/token/{{collection}}", "token_hosts": ("127.0.0.1",)}
    options |= {"cache_gib": 0.0, "first_wait_s": 0.01, "request_attempts": 2, **more}
    return Access(options=WireOptions(**options), trusted_hosts=trusted_by([archive.url]))


def load(archive, *scenes, **more):
    return load_cube(scenes, window(), IngestOptions(), reading(archive, **more))


def test_files_are_read_over_http(archive):
    cube, gaps = load(archive, remote_scene(archive))
    assert gaps == ()
    np.testing.assert_allclose(cube["red"], 0.12, atol=1e-6)
    assert all(hit.endswith(".tif") for hit in archive.hits), "a side-car file was asked for"


def test_a_signed_catalogue_is_read_with_a_token_asked_for_once(archive):
    archive.needs_token = True
    scenes = [remote_scene(archive, sign=True, day=day) for day in (1, 2)]
    cube, gaps = load(archive, *scenes)
    assert gaps == ()
    assert cube.sizes["time"] == 2
    assert archive.tokens == 1
    assert "sig=" not in json.dumps(scenes[0].granules[0].item)
    assert CANARY not in repr(cube.attrs)


def test_without_signing_no_token_is_asked_for(archive):
    load(archive, remote_scene(archive, sign=False))
    assert archive.tokens == 0


def test_a_token_that_was_withdrawn_is_renewed(archive):
    archive.needs_token = True
    load(archive, remote_scene(archive, sign=True))
    archive.tokens += 1  # the archive now wants a newer token than it gave out
    cube, gaps = load(archive, remote_scene(archive, sign=True, name="two"), read_threads=1)
    assert gaps == ()
    assert cube.sizes["time"] == 1


def test_a_token_about_to_end_is_renewed(archive):
    archive.lifetime_s = 60.0
    item = remote_scene(archive, sign=True).granules[0].item
    access = reading(archive)
    first = sign_item(item, "127.0.0.1", access)["assets"]["red"]["href"]
    second = sign_item(item, "127.0.0.1", access)["assets"]["red"]["href"]
    assert first != second
    assert archive.tokens == 2


def test_tokens_go_to_the_providers_hosts_only(archive):
    item = remote_scene(archive, sign=True).granules[0].item
    item["assets"]["red"]["href"] = "http://evil.example.org/a.tif"
    signed = sign_item(item, "127.0.0.1", reading(archive))
    assert signed["assets"]["red"]["href"] == "http://evil.example.org/a.tif"
    assert CANARY in signed["assets"]["blue"]["href"]
    sneaky = reading(archive, token_hosts=(".example.org",))
    item["assets"]["red"]["href"] = "http://badexample.org/a.tif"
    assert sign_item(item, "127.0.0.1", sneaky) == item


def test_a_provider_without_tokens_is_a_gap(archive):
    scene = remote_scene(archive, sign=True)
    access = reading(archive)
    archive.missing["sentinel-2"] = 99
    with pytest.raises(SceneReadError, match="token-refused"):
        sign_item(scene.granules[0].item, "127.0.0.1", access)
    _, gaps = load_cube([scene], window(), IngestOptions(), access)
    assert gaps[0].reason == "token-refused: 127.0.0.1"


@pytest.mark.parametrize(("attempts", "scenes"), [(1, 0), (3, 1)])
def test_a_file_that_turns_up_late_is_read_by_another_attempt(archive, attempts, scenes):
    archive.missing["one_green.tif"] = 1
    cube, gaps = load(archive, remote_scene(archive), read_attempts=attempts)
    assert cube.sizes["time"] == scenes
    assert len(gaps) == 1 - scenes


def test_a_missing_file_is_a_gap_without_its_token(archive, caplog):
    archive.needs_token = True
    archive.missing["one_green.tif"] = 99
    caplog.set_level(logging.DEBUG)
    scenes = [remote_scene(archive, sign=True), remote_scene(archive, sign=True, day=2, name="two")]
    cube, gaps = load(archive, *scenes, read_attempts=2)
    assert cube["scene_id"].values.tolist() == [scenes[1].id]
    assert [gap.reason for gap in gaps] == ["unreadable: not-found: green: one"]
    assert CANARY not in caplog.text


@pytest.mark.fault(21)
def test_a_server_that_hangs_is_a_gap_in_time(archive):
    archive.hanging.add("one_green.tif")
    begin = time.monotonic()
    _, gaps = load(archive, remote_scene(archive), silence_s=0.3, read_attempts=10, scene_deadline_s=1.0)
    assert gaps[0].reason == "unreadable: timed-out: green: one"
    assert time.monotonic() - begin < 20.0


@pytest.mark.fault(41)
def test_a_private_archive_that_the_pipeline_does_not_name_is_not_asked(archive):
    _, gaps = load_cube([remote_scene(archive)], window(), IngestOptions(), Access())
    assert gaps[0].reason.startswith("unreadable: host-refused: ")
    assert archive.hits == []


@pytest.fixture
def keys(monkeypatch):
    monkeypatch.setenv(ACCESS_KEY, "AK")
    monkeypatch.setenv(SECRET_KEY, CANARY)


@pytest.mark.fault(43)
def test_objects_of_copernicus_are_signed_with_the_keys_of_the_environment(archive, keys):
    item = remote_scene(archive).granules[0].item
    item["assets"]["red"]["href"] = "s3://eodata/Sentinel-2/a b/R10m/T29.jp2"
    signed = sign_item(item, "stac.example.org", reading(archive))["assets"]["red"]["href"]
    assert signed.startswith("https://eodata.dataspace.copernicus.eu/eodata/Sentinel-2/a%20b/R10m/T29.jp2?X-Amz-Alg")
    assert "X-Amz-Credential=AK%2F" in signed
    assert "%2Fdefault%2Fs3%2Faws4_request" in signed
    assert CANARY not in signed
    assert item["assets"]["red"]["href"].startswith("s3://"), "the item itself was signed"


@pytest.mark.fault(43)
@pytest.mark.parametrize("href", ["s3://eodata/a.tif", "s3://other/a.tif"])
def test_without_keys_an_object_is_a_gap(archive, monkeypatch, href):
    monkeypatch.delenv(ACCESS_KEY, raising=False)
    scene = remote_scene(archive)
    scene.granules[0].item["assets"]["red"]["href"] = href
    _, gaps = load(archive, scene)
    assert gaps[0].reason.startswith("keys-missing")


@pytest.mark.fault(22, 43)
def test_a_scene_is_read_from_an_s3_service_and_no_key_is_told(archive, keys, caplog):
    caplog.set_level(logging.DEBUG)
    scene = remote_scene(archive)
    for band, asset in scene.granules[0].item["assets"].items():
        asset["href"] = f"s3://eodata/one_{band}.tif"
    cube, gaps = load(archive, scene, s3_url=archive.url)
    assert gaps == ()
    np.testing.assert_allclose(cube["red"], 0.12, atol=1e-6)
    assert all("X-Amz-Signature=" in hit for hit in archive.hits)
    signatures = {hit.partition("X-Amz-Signature=")[2] for hit in archive.hits}
    assert not any(signature in caplog.text for signature in signatures)
    assert CANARY not in caplog.text + str(archive.hits) + repr(cube.attrs)
