"""Parts of files, kept on this machine: bounded, checked when read, shared by processes.

One part is one file: its bytes, then their checksum (BLAKE2b, keyed by what part of which version of which file it is).
So a flipped bit, a torn write and a part under another's name are all found when it is read back; it is dropped, and
fetched anew. Files appear by renaming, and nobody waits for anybody: two processes may write one part, and the last one
stays. What was not used for longest goes first.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO

from kpgeo.options.wire import WireOptions

_log = logging.getLogger(__name__)

_SUM_BYTES = 32
_CHUNK_BYTES = 1_048_576
_TOUCH_S = 60.0  # a part used again within this time is not marked as used again
_STALE_S = 3600.0
_SWEEP_SHARE = 1 / 32
_FULL_SHARE = 0.9


def key_of(*words: object) -> bytes:
    """Return the key of what the words name."""
    return hashlib.blake2b("\0".join(str(word) for word in words).encode(), digest_size=_SUM_BYTES).digest()


class PartCache:
    """A folder of parts.

    A disk that is full, or a folder that cannot be written, turns keeping off until the process ends, with one warning;
    what is there can still be read.

    Parameters
    ----------
    folder : Path
    limit_bytes : int
        What the folder may hold. Each process that writes may exceed it by 1/32 before it looks.
    free_bytes : int
        What the disk must have left.
    """

    def __init__(self, folder: Path, limit_bytes: int, free_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._free = free_bytes
        self._is_off = False
        self._sound: set[tuple[int, ...]] = set()  # large parts that this process has checked
        self._lock = threading.Lock()
        self._unswept = limit_bytes  # look at what is there before anything is added

    def has(self, key: bytes) -> bool:
        """Say whether a part is there; whether it is sound is seen when it is read."""
        return self._path(key).exists()

    def get(self, key: bytes) -> bytes | None:
        """Return a part, or None if it is not there or not what was kept."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        body, told = content[:-_SUM_BYTES], content[-_SUM_BYTES:]
        if len(told) < _SUM_BYTES or hashlib.blake2b(body, digest_size=_SUM_BYTES, key=key).digest() != told:
            self._drop(path)
            return None
        _touch(path)
        return body

    def open(self, key: bytes) -> int | None:
        """Return a file descriptor of a large part, checked; None as `get`. The checksum follows the bytes."""
        path = self._path(key)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        if _seal(descriptor) in self._sound:
            return descriptor
        size = os.fstat(descriptor).st_size - _SUM_BYTES
        told = os.pread(descriptor, _SUM_BYTES, max(size, 0))
        if size < 0 or _sum_of(descriptor, size, key) != told:
            os.close(descriptor)
            self._drop(path)
            return None
        _touch(path)
        self._sound.add(_seal(descriptor))
        return descriptor

    @staticmethod
    def size_of(descriptor: int) -> int:
        """Return the size of an opened part in bytes."""
        return os.fstat(descriptor).st_size - _SUM_BYTES

    def put(self, key: bytes, content: bytes) -> None:
        """Keep a part, if there is room."""
        if self._is_off:
            return
        try:
            with self.writing(key) as sink:
                sink.write(content)
        except OSError as error:
            self._stop(error)

    @contextlib.contextmanager
    def writing(self, key: bytes) -> Iterator[IO[bytes]]:
        """Give a file to write a part into; it is kept if nothing is raised.

        If nothing can be kept, the file lies in the system's own folder for such, and is gone when it is closed.
        """
        sink = self._sink()
        try:
            yield sink
            try:
                self._keep(key, sink)
            except OSError as error:
                self._stop(error)
        finally:
            sink.close()
            self._forget(sink)

    def _keep(self, key: bytes, sink: IO[bytes]) -> None:
        """Seal what was written and put it in its place."""
        if self._is_off or not isinstance(sink.name, str):
            return
        sink.flush()
        size = os.fstat(sink.fileno()).st_size
        sink.seek(0, os.SEEK_END)
        sink.write(_sum_of(sink.fileno(), size, key))
        sink.flush()
        path = self._path(key)
        path.parent.mkdir(exist_ok=True)
        Path(sink.name).rename(path)
        self._account(size)

    def _sink(self) -> IO[bytes]:
        if not self._is_off:
            try:
                self._make_room()
                if not self._is_off:
                    return tempfile.NamedTemporaryFile(dir=self._folder, prefix="new-", delete=False)
            except OSError as error:
                self._stop(error)
        return tempfile.TemporaryFile()

    @staticmethod
    def _forget(sink: IO[bytes]) -> None:
        if isinstance(sink.name, str):
            with contextlib.suppress(OSError):
                Path(sink.name).unlink(missing_ok=True)

    def _path(self, key: bytes) -> Path:
        name = key.hex()
        return self._folder / name[:2] / name[2:]

    def _drop(self, path: Path) -> None:
        _log.warning("a kept part of a file was damaged; it is fetched anew")
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)

    def _stop(self, error: OSError) -> None:
        with self._lock:
            if not self._is_off:
                self._is_off = True
                _log.warning("no more parts of files are kept: %s", error.strerror or type(error).__name__)

    def _account(self, size: int) -> None:
        with self._lock:
            self._unswept += size

    def _make_room(self) -> None:
        """Now and then, see what is there, and remove what was not used for longest."""
        with self._lock:
            if self._unswept < self._limit * _SWEEP_SHARE:
                return
            self._unswept = 0
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if shutil.disk_usage(self._folder).free < self._free:
            self._sweep(0.0)
            if shutil.disk_usage(self._folder).free < self._free:
                raise OSError(28, "too little space is left on the disk")
        self._sweep(self._limit)

    def _sweep(self, limit: float) -> None:
        """Remove parts until what is left is within a limit. One process at a time does it; the others go on."""
        with (self._folder / ".sweep").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return
            parts = list(_parts(self._folder))
            total = sum(size for _, size, _ in parts)
            if total <= limit:
                return
            for _, size, path in sorted(parts):
                with contextlib.suppress(OSError):
                    path.unlink()
                total -= size
                if total <= limit * _FULL_SHARE:
                    return


def _parts(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield when each part was last used, its size and its path; remove what a process left that was killed."""
    now = time.time()
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            with contextlib.suppress(OSError):
                for part in os.scandir(entry.path):
                    status = part.stat(follow_symlinks=False)
                    yield status.st_mtime, status.st_size, Path(part.path)
        elif entry.name.startswith("new-"):
            with contextlib.suppress(OSError):
                if now - entry.stat().st_mtime > _STALE_S:
                    Path(entry.path).unlink()


def _sum_of(descriptor: int, size: int, key: bytes) -> bytes:
    checksum = hashlib.blake2b(digest_size=_SUM_BYTES, key=key)
    place = 0
    while place < size:
        part = os.pread(descriptor, min(_CHUNK_BYTES, size - place), place)
        if not part:
            break
        checksum.update(part)
        place += len(part)
    return checksum.digest()


def _seal(descriptor: int) -> tuple[int, ...]:
    """Return what changes when a file is written to."""
    status = os.fstat(descriptor)
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _touch(path: Path) -> None:
    """Mark a part as used."""
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > _TOUCH_S:
            os.utime(path)


def cache_of(options: WireOptions) -> PartCache | None:
    """Return the cache the options ask for, the same for all of this process; None if they ask for none."""
    if options.cache_gib <= 0.0:
        return None
    return _cache(os.getpid(), _folder_of(options), options.cache_gib, options.cache_free_gib)


@lru_cache(maxsize=16)
def _cache(_pid: int, folder: Path, limit_gib: float, free_gib: float) -> PartCache:
    return PartCache(folder, int(limit_gib * 2**30), int(free_gib * 2**30))


def _folder_of(options: WireOptions) -> Path:
    if options.cache_folder:
        return Path(options.cache_folder).expanduser()
    if os.environ.get("KPGEO_CACHE"):
        return Path(os.environ["KPGEO_CACHE"])
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named.startswith("/") else Path("~/.cache").expanduser()
    return base / "kpgeo" / "parts"
