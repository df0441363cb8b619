"""The cache of file parts: bounded, shared, and never in the way."""

import errno
import os
import subprocess
import sys
import tempfile
import time

import pytest

from kpgeo.options.wire import WireOptions
from kpgeo.wire import cache as rooms
from kpgeo.wire.cache import PartCache, cache_of, key_of
from kpgeo.wire.spans import join_spans

PART = bytes(range(250)) * 40  # 10 kB


def keep(folder, limit=200_000, free=0):
    return PartCache(folder, limit, free)


def used(folder):
    return sum(path.stat().st_size for path in folder.glob("??/*"))


def age(folder, key, seconds):
    """Let a part have been used so long ago."""
    path = folder / key.hex()[:2] / key.hex()[2:]
    os.utime(path, (time.time() - seconds,) * 2)


def test_what_was_put_is_there_and_nothing_else(tmp_path):
    cache = keep(tmp_path / "cache")
    cache.put(key_of("a", 1), PART)
    cache.put(key_of("empty"), b"")
    assert cache.get(key_of("a", 1)) == PART
    assert cache.get(key_of("empty")) == b""
    assert cache.get(key_of("a", 2)) is None
    assert cache.has(key_of("a", 1))
    assert keep(tmp_path / "cache").get(key_of("a", 1)) == PART
    assert oct((tmp_path / "cache").stat().st_mode)[-3:] == "700"


def test_keys_do_not_run_together():
    assert key_of("ab", "c") != key_of("a", "bc")


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    cache = keep(tmp_path)
    for number in range(15):
        cache.put(key_of(number), PART)
        age(tmp_path, key_of(number), 10_000 - number)
    cache.get(key_of(0))  # used again
    for number in range(15, 40):
        cache.put(key_of(number), PART)
    assert used(tmp_path) <= 200_000 * (1 + 1 / 32) + 2 * len(PART)
    assert cache.has(key_of(39))
    assert not cache.has(key_of(1))
    for number in range(1, 30):
        assert cache.get(key_of(number)) in (None, PART)


def test_a_part_used_again_outlives_older_ones(tmp_path):
    cache = keep(tmp_path)
    for number in range(19):
        cache.put(key_of(number), PART)
        age(tmp_path, key_of(number), 10_000 - number)
    cache.get(key_of(0))
    cache.put(key_of("new"), PART)
    cache.put(key_of("newer"), PART)
    cache.put(key_of("newest"), PART)
    assert cache.has(key_of(0))
    assert not cache.has(key_of(1))


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    (tmp_path / "new-old").write_bytes(b"x")
    (tmp_path / "new-fresh").write_bytes(b"x")
    os.utime(tmp_path / "new-old", (0, 0))
    keep(tmp_path).put(key_of("a"), PART)
    assert sorted(path.name for path in tmp_path.glob("new-*")) == ["new-fresh"]


@pytest.mark.fault(5)
def test_a_disk_with_little_left_is_not_filled(tmp_path, monkeypatch, caplog):
    cache = keep(tmp_path)
    cache.put(key_of("a"), PART)
    short = keep(tmp_path, free=2**80)
    for number in range(5):
        short.put(key_of(number), PART)
    assert used(tmp_path) == 0, "what is kept is given up before the disk is full"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no more parts of files are kept" in caplog.text


@pytest.mark.fault(5, 8)
def test_a_disk_that_is_full_turns_keeping_off_with_one_warning(tmp_path, monkeypatch, caplog):
    class Full:
        def __init__(self, **_):
            descriptor, self.name = tempfile.mkstemp(dir=tmp_path, prefix="new-")
            os.close(descriptor)

        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    cache = keep(tmp_path)
    cache.put(key_of("a"), PART)
    monkeypatch.setattr(rooms.tempfile, "NamedTemporaryFile", Full)
    for number in range(5):
        cache.put(key_of(number), PART)
    assert [record.getMessage() for record in caplog.records] == [
        "no more parts of files are kept: No space left on device"
    ]
    assert cache.get(key_of("a")) == PART
    assert list(tmp_path.glob("new-*")) == []


@pytest.mark.fault(5)
def test_a_place_that_cannot_be_a_folder_is_no_failure(tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"")
    cache = keep(tmp_path / "file")
    cache.put(key_of("a"), PART)
    assert cache.get(key_of("a")) is None
    with cache.writing(key_of("b")) as sink:
        sink.write(PART)
        assert not isinstance(sink.name, str), "it lies where the system puts such files"
    assert len(caplog.records) == 1


def test_a_large_part_is_checked_once_and_again_when_it_was_written_to(tmp_path, monkeypatch):
    cache = keep(tmp_path, limit=10_000_000)
    with cache.writing(key_of("a")) as sink:
        sink.write(PART * 100)
    sums = []
    monkeypatch.setattr(rooms, "_sum_of", lambda *given, real=rooms._sum_of: sums.append(1) or real(*given))
    for _ in range(3):
        descriptor = cache.open(key_of("a"))
        assert os.pread(descriptor, 10, 0) == PART[:10]
        assert cache.size_of(descriptor) == len(PART) * 100
        os.close(descriptor)
    assert len(sums) == 1
    (path,) = tmp_path.glob("??/*")
    with path.open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"\xff\xff")
    assert cache.open(key_of("a")) is None
    assert not cache.has(key_of("a"))


def test_a_part_whose_writing_failed_is_not_kept(tmp_path):
    cache = keep(tmp_path)
    with pytest.raises(TypeError), cache.writing(key_of("a")) as sink:
        sink.writelines([b"half", "no bytes"])
    assert not cache.has(key_of("a"))
    assert list(tmp_path.glob("new-*")) == []


_WORKER = """
import sys
from pathlib import Path
from kpgeo.wire.cache import PartCache, key_of
cache = PartCache(Path(sys.argv[1]), 300_000, 0)
part = bytes(range(250)) * 40
for turn in range(300):
    number = (turn * 7 + int(sys.argv[2])) % 60
    kept = cache.get(key_of(number))
    assert kept is None or kept == part
    if kept is None:
        cache.put(key_of(number), part)
"""


def test_processes_share_a_cache(tmp_path):
    workers = [
        subprocess.Popen([sys.executable, "-c", _WORKER, str(tmp_path), str(number)], stderr=subprocess.PIPE)
        for number in range(3)
    ]
    told = [worker.communicate(timeout=60)[1].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], told
    assert "damaged" not in "".join(told)
    assert 0 < used(tmp_path) <= 300_000 * (1 + 3 / 32) + 4 * len(PART)


def test_where_the_cache_lies(tmp_path, monkeypatch):
    assert cache_of(WireOptions(cache_gib=0.0)) is None
    monkeypatch.setenv("KPGEO_CACHE", str(tmp_path / "own"))
    one = cache_of(WireOptions())
    assert one is cache_of(WireOptions(in_flight=3))
    one.put(key_of("a"), PART)
    assert list((tmp_path / "own").glob("??/*"))
    monkeypatch.delenv("KPGEO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    cache_of(WireOptions()).put(key_of("a"), PART)
    assert list((tmp_path / "xdg" / "kpgeo" / "parts").glob("??/*"))
    cache_of(WireOptions(cache_folder=str(tmp_path / "named"))).put(key_of("a"), PART)
    assert list((tmp_path / "named").glob("??/*"))


OTHER = {
    "connect_timeout_s": 1.0, "silence_s": 1.0, "http_timeout_s": 1.0, "min_rate_bytes_s": 1.0, "request_attempts": 1,
    "request_deadline_s": 1.0, "first_wait_s": 1.0, "max_wait_s": 1.0, "max_redirects": 1, "max_document_mib": 1,
    "in_flight": 1, "coalesce_gap_kib": 1, "max_request_mib": 1, "whole_file_mib": 1, "identity_s": 1.0,
    "cache_gib": 1.0, "cache_folder": "x", "cache_free_gib": 1.0, "use_proxy": True, "ca_file": "x",
    "private_hosts": ("a",), "read_threads": 1, "read_attempts": 1, "scene_deadline_s": 1.0,
    "token_url": "https://a.org/{collection}", "token_hosts": ("a",), "s3_buckets": ("a",), "s3_url": "https://a.org",
    "s3_region": "a", "ahead_mb": 1, "s3_in_flight": 1,
}  # fmt: skip


@pytest.mark.parametrize("field", list(WireOptions.model_fields))
def test_every_option_counts_and_is_described(field):
    assert WireOptions(**{field: OTHER[field]}).digest() != WireOptions().digest()
    assert WireOptions.model_fields[field].description


def test_spans_are_joined_by_gap_and_size():
    spans = [(0, 10), (10, 20), (25, 30), (100, 400), (401, 402), (3, 4), (7, 7)]
    numbers = range(len(spans))
    joined = join_spans(spans, numbers, gap_bytes=5, limit_bytes=200)
    assert [(one.begin, one.end) for one in joined] == [(0, 30), (100, 400), (401, 402)]
    assert sorted(number for one in joined for number in one.numbers) == [0, 1, 2, 3, 4, 5]
    assert len(join_spans(spans, numbers, gap_bytes=0, limit_bytes=200)) == 4
    assert len(join_spans(spans, numbers, gap_bytes=10**6, limit_bytes=10**6)) == 1
