"""Bytes of files: of this machine, of another, whole and by parts, and what can go wrong with each."""

import logging
import os
import pickle
import random
import threading

import numpy as np
import pytest
import rasterio

from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access, ByteSource, FetchError, as_file, open_bytes, opener_of, trusted_by
from tests.wire import fault_server as faults
from tests.wire.fault_server import ALWAYS, FaultServer

CANARY = "CANARYSECRET"
CONTENT = random.Random(1).randbytes(300_000)


@pytest.fixture
def server():
    with FaultServer() as server:
        server.put("/a.tif", CONTENT)
        yield server


def opened(server, path="/a.tif", *, is_again=False, **options):
    return open_bytes(server.url + path, server.access(**options), is_again=is_again)


def fault_of(call):
    """Return the fault a call ends in, and whether it passes."""
    with pytest.raises(FetchError) as caught:
        call()
    return caught.value.fault, caught.value.is_passing


def check_many(source, content, spans):
    """Check that each span comes once, and right."""
    found = dict(source.read_many(spans))
    assert sorted(found) == list(range(len(spans)))
    for number, (begin, end) in enumerate(spans):
        assert found[number] == content[begin:end]


SPANS = [
    (0, 10),
    (200_000, 200_100),
    (5, 5),
    (299_990, 400_000),
    (70_000, 170_000),
    (100_000, 100_001),
    (500_000, 600_000),
]


@pytest.mark.parametrize("options", [{}, {"in_flight": 1}, {"coalesce_gap_kib": 0}, {"cache_gib": 1.0}])
def test_parts_over_the_network(server, tmp_path, options):
    source = opened(server, cache_folder=str(tmp_path), **options)
    assert isinstance(source, ByteSource)
    assert (source.size, source.is_remote) == (300_000, True)
    assert source.read(100_000, 100_010) == CONTENT[100_000:100_010]
    check_many(source, CONTENT, SPANS)
    check_many(source, CONTENT, [])
    source.close()


def test_parts_of_a_file_of_this_machine(tmp_path):
    (tmp_path / "a.tif").write_bytes(CONTENT)
    source = open_bytes(str(tmp_path / "a.tif"), Access())
    assert isinstance(source, ByteSource)
    assert (source.size, source.is_remote) == (300_000, False)
    check_many(source, CONTENT, SPANS)
    source.close()
    source.close()


@pytest.mark.parametrize(("name", "fault"), [("none.tif", "not-found"), ("", "refused"), ("pipe", "refused")])
def test_what_is_no_file_of_this_machine(tmp_path, name, fault):
    os.mkfifo(tmp_path / "pipe")
    assert fault_of(lambda: open_bytes(str(tmp_path / name), Access())) == (fault, False)


@pytest.mark.fault(12)
def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    (tmp_path / "a.tif").write_bytes(CONTENT)
    source = open_bytes(str(tmp_path / "a.tif"), Access())
    os.truncate(tmp_path / "a.tif", 1000)
    assert fault_of(lambda: source.read(0, 2000))[0] == "short-body"


def test_parts_that_lie_close_are_asked_for_together(server):
    source = opened(server, coalesce_gap_kib=1, max_request_mib=1)
    spans = [(begin, begin + 900) for begin in range(100_000, 110_000, 1000)] + [(200_000, 200_100)]
    check_many(source, CONTENT, spans)
    assert sorted(hit.range for hit in server.hits) == ["0-65535", "100000-109899", "200000-200099"]


def test_the_beginning_of_a_file_is_asked_for_once(server):
    source = opened(server)
    assert source.read(0, 65_536) == CONTENT[:65_536]
    assert len(server.hits) == 1


@pytest.mark.parametrize("is_s3", [False, True])
def test_many_requests_are_under_way_at_once_and_no_more(server, is_s3):
    lock, here, most = threading.Lock(), [0], [0]

    def act(answerer, content):
        with lock:
            here[0] += 1
            most[0] = max(most[0], here[0])
        answerer.pause(0.05)
        with lock:
            here[0] -= 1
        answerer.serve(content)

    limits = {"s3_url": server.url, "s3_in_flight": 2} if is_s3 else {}
    source = opened(server, coalesce_gap_kib=0, in_flight=6, **limits)
    server.script("/a.tif", faults.Step(act, ALWAYS))
    check_many(source, CONTENT, [(begin, begin + 100) for begin in range(70_000, 270_000, 10_000)])
    assert most[0] == (2 if is_s3 else 6)


def test_parts_come_as_they_arrive(server):
    source = opened(server, coalesce_gap_kib=0)

    def act(answerer, content):
        if answerer.headers["Range"].startswith("bytes=100000"):
            answerer.pause(0.3)
        answerer.serve(content)

    server.script("/a.tif", faults.Step(act, ALWAYS))
    order = [number for number, _ in source.read_many([(100_000, 100_010), (200_000, 200_010)])]
    assert order == [1, 0]


def test_giving_up_early_leaves_nothing_behind(server):
    source = opened(server, coalesce_gap_kib=0, in_flight=2)
    arrivals = source.read_many([(begin, begin + 10) for begin in range(70_000, 270_000, 1000)])
    next(arrivals)
    arrivals.close()
    assert len(server.hits) < 20
    assert source.read(80_000, 80_010) == CONTENT[80_000:80_010]


def test_threads_may_share_a_source(server):
    source = opened(server, coalesce_gap_kib=0)
    faults_seen = []

    def read():
        try:
            check_many(source, CONTENT, [(begin, begin + 50) for begin in range(70_000, 90_000, 1000)])
        except AssertionError as error:
            faults_seen.append(error)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults_seen == []


@pytest.mark.parametrize("content", [b"", b"x", CONTENT[:65_536], CONTENT[:65_537]])
def test_files_of_odd_sizes(server, content):
    server.put("/odd.tif", content)
    source = opened(server, "/odd.tif")
    assert source.size == len(content)
    assert source.read(0, 100_000) == content


@pytest.mark.fault(21)
@pytest.mark.parametrize("is_kept", [True, False])
def test_a_server_without_parts_gives_the_whole_file_once(server, tmp_path, is_kept):
    server.script("/a.tif", faults.no_ranges())
    options = {"cache_gib": 1.0 if is_kept else 0.0, "cache_folder": str(tmp_path)}
    for _ in range(2):
        source = opened(server, **options)
        assert (source.size, source.is_remote) == (300_000, True)
        check_many(source, CONTENT, SPANS)
        source.close()
    assert [hit.range for hit in server.hits] == ["0-65535", "", "0-65535"] + [""] * (not is_kept)


@pytest.mark.fault(21)
def test_a_large_file_without_parts_is_refused(server):
    server.script("/a.tif", faults.no_ranges())
    assert fault_of(lambda: opened(server, whole_file_mib=0)) == ("no-ranges", False)
    assert len(server.hits) == 1


@pytest.mark.fault(21)
def test_a_whole_file_that_breaks_off_is_begun_anew(server):
    server.script("/a.tif", faults.no_ranges(1), faults.Step(_breaking, 1), faults.no_ranges())
    assert opened(server).read(0, 300_000) == CONTENT


def _breaking(answerer, content):
    answerer.hang_up()
    answerer.answer(200, content[:1000], announced=len(content))


@pytest.mark.fault(13)
def test_a_file_replaced_while_it_is_read_is_noticed(server):
    source = opened(server)
    source.read(100_000, 100_010)
    server.put("/a.tif", CONTENT[::-1])
    assert fault_of(lambda: source.read(200_000, 200_010)) == ("changed-while-read", True)
    assert opened(server).read(200_000, 200_010) == CONTENT[::-1][200_000:200_010]


@pytest.mark.fault(13)
@pytest.mark.parametrize("etags", [('W/"1"', 'W/"2"'), (None, '"2"'), ('"1"', None)])
def test_a_new_version_is_noticed_by_its_name_where_the_server_does_not_check(server, etags):
    server.put("/b.tif", CONTENT, etag=etags[0])
    source = opened(server, "/b.tif")
    server.put("/b.tif", CONTENT[::-1], etag=etags[1])
    assert fault_of(lambda: source.read(200_000, 200_010))[0] == "changed-while-read"


@pytest.mark.fault(13)
def test_a_new_size_is_noticed_without_any_name(server):
    server.put("/b.tif", CONTENT, etag=None)
    source = opened(server, "/b.tif")
    server.put("/b.tif", CONTENT[:-1], etag=None)
    assert fault_of(lambda: source.read(200_000, 200_010))[0] == "changed-while-read"


@pytest.mark.fault(21)
@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (faults.wrong_range(), "wrong-range"),
        (faults.html(), "captive-portal"),
        (faults.status(403, ALWAYS), "forbidden"),
        (faults.status(404, ALWAYS), "not-found"),
        (faults.status(410, ALWAYS), "not-found"),
        (faults.status(500, ALWAYS), "server-error"),
        (faults.status(503, ALWAYS), "busy"),
        (faults.busy(ALWAYS), "busy"),
        (faults.short(3, ALWAYS), "short-body"),
        (faults.reset(3, ALWAYS), "reset"),
        (faults.status(206, ALWAYS, b"x"), "wrong-range"),
        (faults.no_ranges(), "no-ranges"),
    ],
)
def test_what_goes_wrong_has_a_name_in_opening_and_in_reading(server, step, fault):
    source = opened(server)
    server.script("/a.tif", step)
    assert fault_of(lambda: source.read(200_000, 200_010))[0] == fault
    assert fault_of(lambda: list(source.read_many([(100_000, 100_010), (280_000, 280_010)])))[0] == fault
    if fault != "no-ranges":
        server.script("/a.tif", step)
        assert fault_of(lambda: opened(server, is_again=True))[0] == fault


@pytest.mark.fault(21)
@pytest.mark.parametrize(
    "step", [faults.short(3), faults.reset(3), faults.status(502), faults.busy(), faults.hang(9.0)]
)
def test_what_passes_is_tried_again_without_a_word(server, step):
    source = opened(server)
    server.script("/a.tif", step)
    assert source.read(200_000, 200_010) == CONTENT[200_000:200_010]


_MISHAPS = (
    faults.short(3), faults.reset(3), faults.status(503), faults.busy(), faults.status(404), faults.wrong_range(1, 1),
    faults.html(1), faults.status(500), faults.status(206, 1, b"xx"), faults.hang(0.3), faults.serve(), faults.serve(),
    faults.serve(), faults.replace(CONTENT[::-1]), faults.redirect("http://127.0.0.1:1/", times=1),
    faults.no_ranges(1),
)  # fmt: skip


@pytest.mark.fault(12, 13, 21)
@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_what_is_read_is_right_or_nothing(server, tmp_path, seed):
    """Any order of mishaps, with a cache: bytes are those of one version, or a fault is raised."""
    chance = random.Random(seed)
    server.script("/a.tif", *(chance.choice(_MISHAPS) for _ in range(20)))
    for attempt in range(8):
        begins = [chance.randrange(0, 299_000) for _ in range(5)]
        spans = [(begin, begin + chance.randrange(1, 2000)) for begin in begins]
        try:
            source = opened(
                server, is_again=attempt > 0, silence_s=0.2, request_attempts=2, cache_gib=1.0, coalesce_gap_kib=0,
                cache_folder=str(tmp_path),
            )  # fmt: skip
            found = dict(source.read_many(spans))
        except FetchError:
            continue
        assert any(
            all(found[number] == version[slice(*span)] for number, span in enumerate(spans))
            for version in (CONTENT, CONTENT[::-1])
        )
    server.scripts.clear()
    assert opened(server, is_again=True).read(0, 300_000) == server.files["/a.tif"]


@pytest.mark.fault(22)
def test_a_file_that_was_missing_is_there_as_soon_as_it_is(server):
    server.script("/a.tif", faults.status(404))
    assert fault_of(lambda: opened(server)) == ("not-found", True)
    assert opened(server).read(0, 10) == CONTENT[:10]


@pytest.mark.fault(22)
def test_a_signature_that_ends_midway_is_a_fault_that_passes_with_a_new_one(server):
    server.needs = "sig=1"
    source = opened(server, "/a.tif?sig=1")
    server.needs = "sig=2"
    assert fault_of(lambda: source.read(200_000, 200_010)) == ("forbidden", True)
    again = opened(server, "/a.tif?sig=2", is_again=True)
    assert again.read(200_000, 200_010) == CONTENT[200_000:200_010]


@pytest.mark.fault(13)
def test_a_kept_part_is_not_asked_for_again_whatever_its_signature(server, tmp_path):
    options = {"cache_gib": 1.0, "cache_folder": str(tmp_path)}
    opened(server, "/a.tif?sig=1", **options).read(200_000, 200_010)
    before = len(server.hits)
    source = opened(server, "/a.tif?sig=2", **options)
    assert source.read(200_000, 200_010) == CONTENT[200_000:200_010]
    assert source.read(0, 10) == CONTENT[:10]
    assert len(server.hits) == before
    opened(server, "/a.tif?sig=2", is_again=True, **options).read(200_000, 200_010)
    assert [hit.range for hit in server.hits[before:]] == ["0-65535"]


def test_files_told_apart_by_their_query_stay_apart(server, tmp_path):
    options = {"cache_gib": 1.0, "cache_folder": str(tmp_path)}

    def act(answerer, _):
        answerer.serve(CONTENT if "file=a" in answerer.path else CONTENT[::-1])

    server.script("/q", faults.Step(act, ALWAYS))
    server.etags["/q"] = '"same"'
    server.files["/q"] = b""
    for name, content in (("a", CONTENT), ("b", CONTENT[::-1])):
        source = opened(server, f"/q?file={name}&sig=1", **options)
        assert source.read(100_000, 100_010) == content[100_000:100_010]


@pytest.mark.fault(13)
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "swap"])
def test_a_damaged_part_is_found_and_fetched_anew(server, tmp_path, caplog, damage):
    options = {"cache_gib": 1.0, "cache_folder": str(tmp_path), "coalesce_gap_kib": 0}
    spans = [(100_000, 100_500), (200_000, 200_500), (250_000, 250_500)]
    check_many(opened(server, **options), CONTENT, spans)
    kept = sorted(path for path in tmp_path.glob("??/*") if path.stat().st_size == 532)
    assert len(kept) == 3
    content = bytearray(kept[0].read_bytes())
    if damage == "flip":
        content[250] ^= 4
    if damage == "swap":
        content = kept[1].read_bytes()
    kept[0].write_bytes(content[:100] if damage == "cut" else b"" if damage == "empty" else content)
    before = len(server.hits)
    check_many(opened(server, **options), CONTENT, spans)
    assert len(server.hits) == before + 1
    assert "damaged" in caplog.text
    check_many(opened(server, **options), CONTENT, spans)
    assert len(server.hits) == before + 1


@pytest.mark.fault(13)
def test_a_damaged_whole_file_is_found_and_fetched_anew(server, tmp_path):
    server.script("/a.tif", faults.no_ranges())
    options = {"cache_gib": 1.0, "cache_folder": str(tmp_path)}
    opened(server, **options).close()
    (kept,) = tmp_path.glob("??/*")
    content = bytearray(kept.read_bytes())
    content[1000] ^= 1
    kept.write_bytes(content)
    assert opened(server, **options).read(0, 300_000) == CONTENT


def test_what_a_server_does_not_name_is_not_kept(server, tmp_path):
    server.put("/b.tif", CONTENT, etag=None)
    opened(server, "/b.tif", cache_gib=1.0, cache_folder=str(tmp_path)).read(100_000, 100_010)
    assert list(tmp_path.glob("??/*")) == []


@pytest.fixture
def raster(tmp_path):
    """Write a tiled raster, and return its pixels and its path."""
    pixels = np.random.default_rng(1).integers(0, 60_000, (512, 768), dtype=np.uint16)
    place = rasterio.transform.from_origin(0, 0, 10, 10)
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=768, height=512, count=1, dtype="uint16", crs="EPSG:32630",
        transform=place, tiled=True, blockxsize=256, blockysize=256,
    ) as target:  # fmt: skip
        target.write(pixels, 1)
    return pixels, tmp_path / "a.tif"


@pytest.mark.fault(39)
def test_gdal_reads_the_parts_it_needs_through_us(server, raster):
    pixels, path = raster
    server.put("/b.tif", path.read_bytes())
    opener = opener_of(opened(server, "/b.tif"))
    with rasterio.open(opener.name, opener=opener, driver="GTiff") as dataset:
        np.testing.assert_array_equal(dataset.read(1, window=((300, 310), (600, 610))), pixels[300:310, 600:610])
        parts = [hit.range.split("-") for hit in server.hits]
        assert sum(int(end) + 1 - int(begin) for begin, end in parts) < path.stat().st_size / 2
        np.testing.assert_array_equal(dataset.read(1), pixels)
    assert {hit.path for hit in server.hits} == {"/b.tif"}
    assert opener.fault is None


@pytest.mark.fault(14, 22)
def test_a_fault_below_gdal_is_an_error_and_never_zeros(server, raster):
    server.put("/b.tif", raster[1].read_bytes())
    opener = opener_of(opened(server, "/b.tif"))
    with rasterio.open(opener.name, opener=opener, driver="GTiff") as dataset:
        server.script("/b.tif", faults.status(404, ALWAYS))
        with pytest.raises(rasterio.errors.RasterioIOError):
            dataset.read(1)
    assert opener.fault is not None
    assert opener.fault.fault == "not-found"


@pytest.mark.fault(39)
def test_an_opener_opens_its_own_file_only(server):
    opener = opener_of(opened(server))
    assert opener(opener.name).read(10) == CONTENT[:10]
    for path, mode in [(f"{opener.name}.ovr", "rb"), ("/etc/passwd", "rb"), (opener.name, "r+b"), (opener.name, "wb")]:
        with pytest.raises(FileNotFoundError):
            opener(path, mode)


def test_a_source_as_a_file(server):
    file = as_file(opened(server))
    assert file.readable()
    assert file.seekable()
    assert file.read(10) == CONTENT[:10]
    assert file.seek(-5, 2) == 299_995
    assert file.read() == CONTENT[-5:]
    assert file.read(5) == b""
    assert file.seek(100_000) == file.tell() == 100_000
    assert file.read(150_000) == CONTENT[100_000:250_000]
    file.seek(10)
    assert file.seek(5, 1) == 15
    buffer = bytearray(4)
    assert file.readinto(buffer) == 4
    assert bytes(buffer) == CONTENT[15:19]
    with pytest.raises(ValueError, match="before"):
        file.seek(-1)
    assert not file.writable()


def test_access_and_faults_travel():
    access = Access(options=WireOptions(in_flight=3), trusted_hosts=trusted_by(["http://10.0.0.1:8080/a"]))
    assert pickle.loads(pickle.dumps(access)) == access
    assert hash(access) == hash(pickle.loads(pickle.dumps(access)))
    fault = pickle.loads(pickle.dumps(FetchError("busy", is_passing=False, where="a.org")))
    assert (fault.fault, fault.is_passing, fault.where) == ("busy", False, "a.org")


@pytest.mark.fault(41)
def test_a_private_host_is_not_read_from(server):
    access = Access(options=server.access().options)
    assert fault_of(lambda: open_bytes(f"{server.url}/a.tif", access)) == ("host-refused", False)
    assert server.connections == 0


@pytest.mark.fault(43)
def test_no_secret_is_in_faults_logs_and_the_cache(server, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    path = f"/a.tif?sv=1&sig={CANARY}"
    source = opened(server, path, cache_gib=1.0, cache_folder=str(tmp_path))
    source.read(100_000, 100_010)
    server.script("/a.tif", faults.status(403, ALWAYS))
    with pytest.raises(FetchError) as caught:
        source.read(200_000, 200_010)
    assert caught.value.where == "127.0.0.1/a.tif"
    kept = b"".join(one.read_bytes() + one.name.encode() for one in tmp_path.rglob("*") if one.is_file())
    assert kept
    assert CANARY.encode() not in kept
    assert CANARY not in f"{caught.value!r}{caught.value}{caplog.text}"
