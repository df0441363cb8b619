"""What kpgeo runs on besides software: memory, disk for temporary files, clock, proxies."""

import datetime as dt
import os
import tempfile
import time
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kpgeo import lazy
from kpgeo.flows.doctor.finding import Case, Finding, failed, good, warned
from kpgeo.options.compute import ComputeOptions

_GIB = 2**30
_TMP_BYTES = _GIB
_TILE_BYTES = 1.2 * _GIB  # 912 MiB for a tile with 300 dates (docs/benchmarks/speed.md), and some room
_SYNC, _THREADS, _LOCAL = "sync", "threads", "local"
_BUILT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # no clock that is right says less
_JUMP_S = 2.0
_SKEW_S = 180.0
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def examine_machine(case: Case) -> Iterator[Finding]:
    """Check memory, temporary files, time zone and proxies."""
    compute = ComputeOptions() if case.pipeline is None else case.pipeline.compute
    yield memory_finding(compute, machine_memory_bytes())
    yield temporary_finding(case.environ)
    yield from proxy_findings(case)


def memory_finding(compute: ComputeOptions, memory_bytes: int) -> Finding:
    """Hold the workers' memory against the machine's."""
    total = f"{memory_bytes / _GIB:.1f} GiB"
    if compute.cluster in (_SYNC, _THREADS):
        workers, wanted = 1, _TILE_BYTES
    elif compute.cluster == _LOCAL:
        workers = lazy.worker_count(compute)
        wanted = workers * compute.memory_per_worker_gib * _GIB
    else:
        return good("memory", f"{total} here; the work is done elsewhere")
    if wanted > memory_bytes:
        fitting = int(memory_bytes / (compute.memory_per_worker_gib * _GIB))
        fix = f"Write workers = {fitting} under [compute]" if fitting else "Use a machine with 4 GiB of memory or more"
        return warned("memory", f"{workers} workers may use {wanted / _GIB:.1f} GiB of {total}", f"{fix}.")
    if compute.cluster == _LOCAL and compute.memory_per_worker_gib * _GIB < _TILE_BYTES:
        detail = f"a worker may use {compute.memory_per_worker_gib:g} GiB, and a tile needs about 1"
        return warned("memory", detail, "Write memory_per_worker_gib = 2 under [compute].")
    return good("memory", f"{workers} at work, {wanted / _GIB:.1f} of {total}")


def machine_memory_bytes(limits: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Return the memory there is, or what of it the container allows."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(total, int(limits.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return total


def temporary_finding(environ: Mapping[str, str]) -> Finding:
    """Say whether temporary files can be written."""
    named = environ.get("TMPDIR", "")
    check, fix = "temporary files", "Set TMPDIR to a folder with 1 GiB of room that you may write to."
    try:
        folder = Path(named or tempfile.gettempdir())
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"kpgeo")
            file.flush()
        status = os.statvfs(folder)
    except OSError as error:
        return failed(check, f"nothing can be written to {named or 'any folder'} ({error.strerror})", fix)
    free_bytes = status.f_bavail * status.f_frsize
    detail = f"{free_bytes / _GIB:.1f} GiB free in {folder}"
    return good(check, detail) if free_bytes >= _TMP_BYTES else warned(check, detail, fix)


def proxy_findings(case: Case) -> Iterator[Finding]:
    """Say whether the environment names a proxy that the pipeline does not use, or the other way round."""
    named = [name for name in _PROXIES if case.environ.get(name)]
    is_used = case.pipeline is not None and case.pipeline.wire.use_proxy
    is_asked = case.pipeline is not None and any(source.is_remote for source in case.pipeline.catalog)
    if named and not is_used and is_asked:
        remedy = "If there is no direct way to the internet, write use_proxy = true under [wire] in the pipeline file."
        yield warned("proxy", f"{named[0]} names {_host_of(case.environ[named[0]])}, and kpgeo goes past it", remedy)
    elif is_used and not named:
        remedy = "Set HTTPS_PROXY to the proxy's address, or write use_proxy = false under [wire]."
        yield failed("proxy", "the pipeline wants a proxy, and the environment names none", remedy)
    elif is_used:
        yield good("proxy", _host_of(case.environ[named[0]]))


@dataclass(frozen=True, kw_only=True)
class ClockWatch:
    """The clock when looking began, to see whether it jumped since."""

    wall_s: float
    steady_s: float

    @classmethod
    def begin(cls) -> "ClockWatch":
        """Look at the clock."""
        return cls(wall_s=time.time(), steady_s=time.monotonic())

    @property
    def jump_s(self) -> float:
        """Return by how much the clock was set since."""
        return (time.time() - self.wall_s) - (time.monotonic() - self.steady_s)


def clock_findings(watch: ClockWatch, skews_s: Mapping[str, float], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Hold the clock against itself, against what catalogues say it is, and its zone against those there are.

    Parameters
    ----------
    skews_s : mapping
        By host, how many seconds this machine's clock is ahead.
    """
    set_clock = "Set the clock by the network: sudo timedatectl set-ntp true."
    now = dt.datetime.now(dt.UTC)
    says = f"{now:%Y-%m-%d %H:%M} UTC"
    host, skew_s = min(skews_s.items(), key=lambda one: abs(one[1]), default=("", 0.0))
    if now < _BUILT:
        yield failed("clock", f"it says {says}, which is past", set_clock)
    elif abs(watch.jump_s) > _JUMP_S:
        yield warned("clock", f"it was set by {watch.jump_s:+.0f} s just now", set_clock)
    elif abs(skew_s) > _SKEW_S:
        yield warned("clock", f"{abs(skew_s) / 60:.0f} min {'ahead of' if skew_s > 0 else 'behind'} {host}", set_clock)
    else:
        yield good(
            "clock", f"{says}, as {host} has it" if host else f"{says}; no catalogue was there to compare it with"
        )
    zone = environ.get("TZ", "")
    if zone and not zone.startswith(":") and not _is_zone(zone):
        remedy = "Unset TZ, or set it to a zone such as Africa/Abidjan."
        yield warned("time zone", f"there is no zone {zone}, so local times would be wrong", remedy)


def _is_zone(name: str) -> bool:
    if any(sign.isdigit() for sign in name) and "/" not in name:
        return True  # as POSIX writes it: UTC0, CET-1CEST
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _host_of(url: str) -> str:
    """Return the host of a proxy's address, without the password it may hold."""
    parts = urlsplit(url if "://" in url else f"//{url}")
    return parts.hostname or "a proxy"
