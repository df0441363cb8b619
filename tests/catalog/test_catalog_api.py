"""STAC APIs: recorded answers of real ones over the loopback device, and misbehaving ones."""

import datetime as dt
import gzip
import http.server
import json
import threading
import time

import pytest

from kpgeo.catalog import find_scenes
from kpgeo.model.errors import UpstreamError
from kpgeo.model.scene import Sensor
from kpgeo.options.pipeline import CatalogSource
from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access, trusted_by
from tests.catalog.items import make_aoi, sentinel2_item
from tests.catalog.recorded_server import RecordedServer, drip, send, send_json
from tests.catalog.test_catalog_static import write_catalog

S2 = {Sensor.SENTINEL2: "sentinel-2-l2a"}
JANUARY = (dt.date(2024, 1, 1), dt.date(2024, 2, 1))


@pytest.fixture
def recorded(shared):
    """Read the recorded answer of one search."""

    def read(name):
        path = shared / "data" / "stac_recorded" / name
        text = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
        return json.loads(text)["response"]

    return read


QUICK = WireOptions(
    connect_timeout_s=2.0, silence_s=1.0, http_timeout_s=2.0, request_attempts=3, first_wait_s=0.05, max_wait_s=0.2
)


def page(*items, next_token=None):
    """Return a page of hand-made items."""
    links = [{"rel": "next", "method": "POST", "href": "", "body": {"next": next_token}}] if next_token else []
    return {"type": "FeatureCollection", "features": list(items), "links": links}


def find(server, tmp_path, *, days=JANUARY, aoi=None, sources=None, **options):
    sources = sources or [CatalogSource(url=server.url, collections=S2, **options)]
    access = Access(options=QUICK, trusted_hosts=trusted_by(source.url for source in sources))
    return find_scenes(aoi or make_aoi(), sources, *days, tmp_path, access=access)


def test_earth_search_pages_give_one_scene_without_duplicates(recorded, tmp_path):
    pages = [recorded(f"earthsearch_v1_mixed_{number}.json") for number in (0, 1)]
    with RecordedServer(pages) as server:
        sources = [
            CatalogSource(url=server.url, collections={Sensor.SENTINEL2: "sentinel-2-c1-l2a"}),
            CatalogSource(url=server.url, collections=S2),
        ]
        days = (dt.date(2025, 7, 31), dt.date(2025, 8, 1))
        found = find(server, tmp_path, days=days, aoi=make_aoi((-41.0, -5.5, -37.0, -3.5)), sources=sources)
    (scene,) = found.scenes
    assert [granule.tile for granule in scene.granules] == ["24MUA", "24MUV", "24MVV", "24MWV", "24MXV"]
    assert {granule.collection for granule in scene.granules} == {"sentinel-2-c1-l2a"}
    assert scene.dropped == tuple(f"S2B_24M{square}_20250731_0_L2A" for square in ("UA", "UV", "VV", "WV", "XV"))
    assert scene.datetime == dt.datetime(2025, 7, 31, 13, 2, 49, tzinfo=dt.UTC)
    assert scene.relative_orbit == 95
    assert (found.items_seen, found.reasons["duplicate"], found.reasons["outside"]) == (12, 5, 2)
    assert found.gaps == ()
    assert len(server.asked) == 4


def test_a_search_asks_by_geometry_and_dates(tmp_path):
    with RecordedServer([page(sentinel2_item())]) as server:
        find(server, tmp_path)
    (asked,) = server.asked
    assert asked["collections"] == ["sentinel-2-l2a"]
    assert asked["intersects"]["type"] == "Polygon"
    assert asked["datetime"] == "2023-12-31T23:00:00Z/2024-02-01T01:00:00Z"
    assert "bbox" not in asked
    assert "query" not in asked


@pytest.mark.fault(18)
def test_a_pass_over_a_zone_edge_is_one_scene(recorded, tmp_path):
    with RecordedServer([recorded("pc_sentinel-2-l2a_0.json")]) as server:
        days = (dt.date(2019, 1, 1), dt.date(2019, 1, 2))
        found = find(server, tmp_path, days=days, aoi=make_aoi((168.2, 57.2, 168.3, 57.3)), sign=True)
    (scene,) = found.scenes
    assert [(granule.tile, granule.epsg) for granule in scene.granules] == [("58VFJ", 32658), ("59VLD", 32659)]
    assert scene.platform == "sentinel-2a"
    assert scene.relative_orbit == 116
    assert scene.granules[0].item["kpgeo:sign"] is True
    assert (found.items_seen, found.reasons["outside"]) == (33, 31)


def test_landsat_scenes_of_two_months(recorded, tmp_path):
    with RecordedServer([recorded("pc_landsat-8-c2-l2_250items.json.gz")]) as server:
        source = CatalogSource(url=server.url, collections={Sensor.LANDSAT: "landsat-8-c2-l2"})
        days = (dt.date(2020, 1, 1), dt.date(2020, 3, 1))
        found = find(server, tmp_path, days=days, aoi=make_aoi((-176.9, -44.9, -176.7, -44.7)), sources=[source])
    assert [(scene.relative_orbit, scene.datetime.strftime("%m%d")) for scene in found.scenes] == [
        (66, "0108"), (67, "0115"), (67, "0131"), (66, "0209"), (67, "0216"), (66, "0225")
    ]  # fmt: skip
    assert found.items_seen == 250
    assert found.reasons["cloudy"] == 1
    assert sorted(found.scenes[0].granules[0].item["assets"]) == sorted(
        ("blue", "green", "red", "nir", "swir16", "swir22", "look_class")
    )
    assert found.scenes[0].granules[0].item["assets"]["nir"]["href"].endswith("_SR_B5.TIF")


def test_pages_that_go_in_a_circle_are_noticed(tmp_path):
    pages = [page(sentinel2_item(), next_token="again")]
    with RecordedServer(pages, lambda _, answerer, __: _circle(server, answerer)) as server:
        with pytest.raises(UpstreamError, match="circle"):
            find(server, tmp_path)
        assert len(server.asked) < 10


def _circle(server, answerer):
    link = {"rel": "next", "method": "POST", "href": f"{server.url}/search", "body": {"next": "again"}}
    send_json(answerer, {**server.pages[0], "links": [link]})
    return True


@pytest.mark.fault(20)
def test_a_short_outage_is_waited_for(tmp_path):
    with RecordedServer([page(sentinel2_item())], _fails_first) as server:
        found = find(server, tmp_path)
    assert len(found.scenes) == 1
    assert len(server.asked) == 2


def _fails_first(server, answerer, _):
    if len(server.asked) == 1:
        send(answerer, b"busy", "text/plain", 503, Retry_After="0")
        return True
    return False


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    ("misbehave", "words"),
    [
        (lambda _, answerer, __: send(answerer, b"oops", "text/plain", 500) is None, "HTTP status 500"),
        (lambda _, answerer, __: send(answerer, b"no", "text/plain", 400) is None, "HTTP status 400"),
        (lambda _, answerer, __: send(answerer, b"<html>log in</html>", "text/html") is None, "not that of a STAC API"),
        (lambda _, answerer, __: send_json(answerer, {"features": [7]}) is None, "not that of a STAC API"),
        (lambda _, answerer, __: answerer.connection.close() or True, "cannot be reached"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_catalogue_that_answers_nonsense(tmp_path, misbehave, words):
    with (
        RecordedServer([page(sentinel2_item())], misbehave) as server,
        pytest.raises(UpstreamError, match=words) as caught,
    ):
        find(server, tmp_path)
    assert caught.value.exit_code == 4


@pytest.mark.fault(23)
def test_a_catalogue_that_cannot_be_reached(tmp_path):
    with RecordedServer([page(sentinel2_item())]) as server:
        url = server.url
    begin = time.monotonic()
    with pytest.raises(UpstreamError, match="cannot be reached"):
        find_scenes(
            make_aoi(),
            [CatalogSource(url=url, collections=S2)],
            *JANUARY,
            tmp_path,
            access=Access(options=QUICK, trusted_hosts=trusted_by([url])),
        )
    assert time.monotonic() - begin < 10.0


@pytest.mark.fault(21)
def test_a_server_that_hangs_ends_by_the_request_timeout(tmp_path):
    def hang(*_):
        time.sleep(4.0)
        return True

    begin = time.monotonic()
    with RecordedServer([page(sentinel2_item())], hang) as server, pytest.raises(UpstreamError):
        find(server, tmp_path)
    assert time.monotonic() - begin < 15.0


@pytest.mark.fault(21)
def test_a_server_that_drips_ends_by_the_deadline(tmp_path):
    def dripping(_, answerer, __):
        drip(answerer, 6.0)
        return True

    begin = time.monotonic()
    with (
        RecordedServer([page(sentinel2_item())], dripping) as server,
        pytest.raises(UpstreamError, match="longer than 1 s"),
    ):
        find(server, tmp_path, deadline_s=1.0)
    assert time.monotonic() - begin < 4.0


def test_a_catalogue_down_beside_one_that_answers_is_a_gap(tmp_path):
    def fail(_, answerer, __):
        send(answerer, b"SECRET-BODY", "text/plain", 500)
        return True

    with RecordedServer([page()], fail) as down, RecordedServer([page(sentinel2_item())]) as up:
        sources = [CatalogSource(url=one.url, collections=S2) for one in (down, up)]
        found = find(up, tmp_path, sources=sources)
    assert len(found.scenes) == 1
    (gap,) = found.gaps
    assert gap.sensor is Sensor.SENTINEL2
    assert gap.reason == "catalogue-failed: 127.0.0.1: sentinel-2-l2a: The catalogue answers with HTTP status 500."


def test_what_came_before_a_failure_is_kept(tmp_path):
    pages = [page(sentinel2_item(), next_token="two"), page(sentinel2_item(taken="20240110T105421"))]

    def fail_second(_, answerer, asked):
        if asked.get("next"):
            send(answerer, b"", "text/plain", 500)
            return True
        return False

    with (
        RecordedServer(pages, fail_second) as server,
        RecordedServer([page(sentinel2_item(taken="20240115T105421"))]) as up,
    ):
        found = find(up, tmp_path, sources=[CatalogSource(url=one.url, collections=S2) for one in (server, up)])
    assert [scene.datetime.day for scene in found.scenes] == [5, 15]
    assert len(found.gaps) == 1


@pytest.mark.fault(20)
def test_a_page_without_items_does_not_end_the_search(tmp_path):
    later = sentinel2_item(taken="20240110T105421")
    pages = [page(sentinel2_item(), next_token="two"), page(next_token="three"), page(later)]
    with RecordedServer(pages) as server:
        found = find(server, tmp_path)
    assert [scene.datetime.day for scene in found.scenes] == [5, 10]
    assert len(server.asked) == 3


@pytest.mark.fault(20)
def test_pages_without_items_have_an_end(tmp_path):
    pages = [page(next_token="again")]
    with RecordedServer(pages, lambda _, answerer, __: _circle(server, answerer)) as server:
        with pytest.raises(UpstreamError, match="not that of a STAC API"):
            find(server, tmp_path)
        assert len(server.asked) < 40


@pytest.mark.fault(20, 29)
def test_an_answer_nested_without_end_is_no_answer(tmp_path):
    def nested(_, answerer, __):
        send(answerer, b"[" * 200_000, "application/json")
        return True

    begin = time.monotonic()
    with RecordedServer([page(sentinel2_item())], nested) as server, pytest.raises(UpstreamError, match="not that of"):
        find(server, tmp_path)
    assert time.monotonic() - begin < 20.0


@pytest.mark.fault(41)
@pytest.mark.parametrize("href", ["file://{path}", "{path}", "ftp://example.org/a", "http://169.254.169.254/latest"])
def test_a_search_that_links_to_elsewhere_is_not_followed(tmp_path, href):
    (tmp_path / "next.json").write_text(json.dumps(page(sentinel2_item())))
    link = {"rel": "next", "href": href.format(path=tmp_path / "next.json")}
    first = {**page(sentinel2_item()), "links": [link]}
    with RecordedServer([first], lambda _, answerer, __: send_json(answerer, first) is None) as server:
        with pytest.raises(UpstreamError, match=r"not that of|host-refused"):
            find(server, tmp_path)
        assert len(server.asked) == 1


@pytest.mark.fault(41)
def test_a_catalogue_that_the_caller_does_not_trust_is_not_asked(tmp_path):
    with RecordedServer([page(sentinel2_item())]) as server:
        sources = [CatalogSource(url=server.url, collections=S2)]
        with pytest.raises(UpstreamError, match="host-refused"):
            find_scenes(make_aoi(), sources, *JANUARY, tmp_path, access=Access())
    assert server.asked == []


def test_a_static_catalogue_over_http(tmp_path):
    write_catalog(tmp_path, sentinel2_item())

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=str(tmp_path), **kwargs)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/catalog.json"
    found = find_scenes(
        make_aoi(),
        [CatalogSource(url=url, collections=S2)],
        *JANUARY,
        tmp_path,
        access=Access(options=QUICK, trusted_hosts=trusted_by([url])),
    )
    server.shutdown()
    server.server_close()
    assert len(found.scenes) == 1
    assert found.scenes[0].granules[0].provider == "127.0.0.1"
