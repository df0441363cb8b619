"""What checking costs a request, and how many requests a second get through when each takes 50 ms.

`python -m benchmarks.network` writes docs/benchmarks/network.md. The server is tests/wire/fault_server.py in a process
of its own, on the loopback device.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter

from benchmarks.common import machine, table, write_page
from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access, open_bytes, open_session, trusted_by

PART_BYTES = 32_768
STEP_BYTES = 65_536
PARTS = 320
DELAY_S = 0.05
IN_FLIGHT = (1, 8, 32, 64)


@contextlib.contextmanager
def serving(folder: Path, delay_s: float) -> Iterator[str]:
    """Serve a folder from another process, and give its address."""
    command = [sys.executable, "-m", "tests.wire.fault_server", str(folder), "--delay-s", str(delay_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.communicate(input="")


def spans(count: int) -> list[tuple[int, int]]:
    """Return parts far enough apart that none are joined, none of them at the file's beginning."""
    return [(begin, begin + PART_BYTES) for begin in range(2 * STEP_BYTES, (count + 2) * STEP_BYTES, STEP_BYTES)]


def access_to(url: str, in_flight: int) -> Access:
    options = WireOptions(cache_gib=0.0, in_flight=in_flight, coalesce_gap_kib=0)
    return Access(options=options, trusted_hosts=trusted_by([url]))


def overhead(folder: Path, rounds: int) -> list[tuple[str, float, float]]:
    """Return each way to get a part: its name, median CPU time a request (µs), and the ratio to plain requests."""
    parts = spans(100)
    with serving(folder, 0.0) as server:
        url = f"{server}/file.bin"
        plain, checked = requests.Session(), open_session(access_to(url, 1))
        bare = requests.Session()
        bare.trust_env = False
        source = open_bytes(url, access_to(url, 1))

        def with_session(session: requests.Session) -> Callable[[int, int], bytes]:
            return lambda begin, end: session.get(url, headers={"Range": f"bytes={begin}-{end - 1}"}).content

        sides = {
            "requests.Session.get": with_session(plain),
            "the same, without looking for proxies and passwords": with_session(bare),
            "wire session.get": with_session(checked),
            "ByteSource.read": source.read,
        }
        times: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, get in sides.items():
                begin = time.process_time()
                for part in parts:
                    assert len(get(*part)) == PART_BYTES
                times[name].append((time.process_time() - begin) / len(parts) * 1e6)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    base = medians["requests.Session.get"]
    return [(name, taken, taken / base) for name, taken in medians.items()]


def by_source(url: str, in_flight: int, count: int) -> float:
    """Return parts a second through `ByteSource.read_many`."""
    source = open_bytes(url, access_to(url, in_flight))
    dict(source.read_many(spans(in_flight)))  # connections are made before the clock runs
    begin = time.perf_counter()
    assert sum(len(content) for _, content in source.read_many(spans(count))) == count * PART_BYTES
    return count / (time.perf_counter() - begin)


def by_requests(url: str, in_flight: int, count: int) -> float:
    """Return parts a second by plain requests in as many threads."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=in_flight))

    def get(part: tuple[int, int]) -> int:
        return len(session.get(url, headers={"Range": f"bytes={part[0]}-{part[1] - 1}"}).content)

    with ThreadPoolExecutor(in_flight) as pool:
        sum(pool.map(get, spans(in_flight)))
        begin = time.perf_counter()
        assert sum(pool.map(get, spans(count))) == count * PART_BYTES
        return count / (time.perf_counter() - begin)


def throughput(folder: Path, rounds: int) -> list[tuple[int, float, float, float]]:
    """Return, by requests in flight, parts a second: by kpgeo and plain requests with the delay, by kpgeo without."""
    rows = []
    with serving(folder, DELAY_S) as slow, serving(folder, 0.0) as quick:
        for in_flight in IN_FLIGHT:
            count = min(PARTS, 40 * in_flight)
            sides: list[tuple[Callable[[str, int, int], float], str]] = [
                (by_source, slow), (by_requests, slow), (by_source, quick),
            ]  # fmt: skip
            rates: list[list[float]] = [[], [], []]
            for _ in range(rounds):
                for number, (get, server) in enumerate(sides):
                    rates[number].append(get(f"{server}/file.bin", in_flight, count))
            rows.append((in_flight, *(statistics.median(one) for one in rates)))
    return rows


def page(costs: list[tuple[str, float, float]], rates: list[tuple[int, float, float, float]]) -> str:
    cost_rows = [[name, f"{taken:.0f}", f"{ratio:.2f} ×"] for name, taken, ratio in costs]
    columns = (
        "in flight", "bound /s", "kpgeo /s", "requests in threads /s", "beside requests", "kpgeo without delay /s",
        "kept of that",
    )  # fmt: skip
    rate_rows = [
        [in_flight, f"{in_flight / DELAY_S:.0f}", f"{ours:.0f}", f"{theirs:.0f}", f"{ours / theirs:.2f} ×",
         f"{quick:.0f}", f"{ours / quick:.2f}"]
        for in_flight, ours, theirs, quick in rates
    ]  # fmt: skip
    told = machine().removesuffix(" Simulated worlds.")
    return f"""# Network

Every request kpgeo makes goes through one gateway, which looks names up itself, checks and pins addresses, gives each
`recv` what is left of the request's time, and checks which version of a file each part is of. This is what that costs,
and what many requests in flight gain when each takes {DELAY_S * 1000:.0f} ms.

## What checking costs

Parts of {PART_BYTES // 1024} KiB, one after the other over a connection that is kept, all sides in turn in one process;
CPU time of that process, which does not count waiting for the server or for a turn on a busy machine. As it comes,
requests looks into the environment for proxies and passwords each time; the gateway does not.

{table(("way", "CPU µs a request", "beside plain requests"), cost_rows)}
## Requests in flight

Parts of {PART_BYTES // 1024} KiB that are not joined; the server waits {DELAY_S * 1000:.0f} ms before each answer. The
bound is what that delay alone would allow. Without the delay, what is measured is the server (Python, one process) as
much as the client.

{table(columns, rate_rows)}
{told} Medians. `python -m benchmarks.network`.
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "file.bin").open("wb") as stream:
            stream.truncate((PARTS + 4) * STEP_BYTES)
        costs = overhead(folder, 3 * rounds)
        rates = throughput(folder, rounds)
    write_page("network", page(costs, rates))
    print(table(("way", "us", "ratio"), costs), table(("in flight", "ours", "requests", "quick"), rates))


if __name__ == "__main__":
    main()
