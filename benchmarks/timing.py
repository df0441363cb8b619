"""Contenders take turns, round by round, so that what else the machine does falls on all of them."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

LIMIT, FROM_FILE, OURS, RASTERIO, ODC = "decode limit", "limit, from files", "kpgeo", "rasterio", "odc-stac"


@dataclass
class Times:
    """Seconds of each round: by the clock, and of all cores."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def rate(self, megabytes: float) -> float:
        """Return the median throughput, MB/s."""
        return megabytes / statistics.median(self.wall_s)


def race(contenders: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, Times]:
    """Let contenders take turns; the first round does not count."""
    times = {name: Times() for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            begin, begin_cpu = time.perf_counter(), time.process_time()
            run()
            if number:
                times[name].wall_s.append(time.perf_counter() - begin)
                times[name].cpu_s.append(time.process_time() - begin_cpu)
    return times


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def spread(one: Sequence[float], other: Sequence[float]) -> str:
    """Return the quartiles of the rounds' ratios."""
    low, _, high = statistics.quantiles([a / b for a, b in zip(one, other, strict=True)], n=4)
    return f"{low:.2f}–{high:.2f}"
