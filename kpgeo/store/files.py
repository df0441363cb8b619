"""Files that are whole or absent: write beside, fsync, rename, fsync the folder."""

import contextlib
import errno
import glob
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kpgeo.model.errors import IntegrityError

_PREFIX = ".tmp-"
_OLD_S = 86_400.0
_REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR}
)
_being_written: set[str] = set()


def write_atomic(path: Path, content: bytes | Callable[[Path], object]) -> None:
    """Write a file so that it is either there whole or not there at all, whenever the machine stops.

    Parameters
    ----------
    path : Path
        The file to make or to replace; its folder is made where missing.
    content : bytes or callable
        The bytes, or a function that writes the file at the path it is given. That path lies in the same folder and
        ends with the same name, so libraries that look at the ending find it.

    Raises
    ------
    OSError
        The disk refuses; nothing is left beside the file, which is as it was before, or new and whole where no more
        than the wait for the folder failed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep_stale(path.parent, name=path.name)
    beside = path.with_name(f"{_PREFIX}{_host()}-{_writer(os.getpid())}-{secrets.token_hex(4)}-{path.name}")
    _being_written.add(beside.name)
    try:
        if isinstance(content, bytes):
            beside.write_bytes(content)
        else:
            content(beside)
        fsync_path(beside)
        beside.replace(path)
        fsync_path(path.parent)
    finally:
        _remove_beginning_with(beside)
        _being_written.discard(beside.name)


def publish_folder(folder: Path, fill: Callable[[Path], object]) -> None:
    """Make a folder whole or not at all, in place of one that is there.

    Parameters
    ----------
    fill : callable
        Writes the files into the folder it is given, which lies beside.

    Raises
    ------
    OSError
        The disk refuses; what was there is as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    began = time.time() - 1.0
    name = f"{_PREFIX}{_host()}-{_writer(os.getpid())}-{secrets.token_hex(4)}"
    beside, before = (folder.with_name(f"{name}-{part}-{folder.name}") for part in ("new", "old"))
    _being_written.update((beside.name, before.name))
    try:
        beside.mkdir()
        fill(beside)
        fsync_since(beside, began)
        if folder.exists():
            folder.rename(before)
        beside.rename(folder)
        fsync_path(folder.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(before, ignore_errors=True)
        elif before.exists():
            before.rename(folder)
        _being_written.difference_update((beside.name, before.name))


@contextlib.contextmanager
def refusal_as_integrity(place: Path) -> Iterator[None]:
    """Turn what the system raises where the disk is full, broken or not to be written to into `IntegrityError`.

    Other errors pass as they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise IntegrityError(
            f"The disk refuses ({error.strerror}).",
            where=str(error.filename or place),
            remedy="See that it has room and may be written to; no file was left half-written, so run again.",
        ) from error


def fsync_path(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_since(folder: Path, moment: float) -> None:
    """Fsync everything below a folder that changed at or after a moment (seconds since 1970)."""
    for here, _, names in os.walk(folder):
        files = [Path(here, name) for name in names]
        changed = [file for file in files if _changed_since(file, moment)]
        for file in changed:
            fsync_path(file)
        if changed or _changed_since(Path(here), moment):
            fsync_path(Path(here))


def sweep_stale(folder: Path, *, name: str = "", deep: bool = False) -> int:
    """Remove what an interrupted `write_atomic` left behind, and return how many files that was.

    A file is left alone while the process that writes it lives, or may live on another host (then for a day). What a
    library put beside it, such as a journal, goes with it.
    """
    pattern = f"{_PREFIX}*{glob.escape(name)}*" if name else f"{_PREFIX}*"
    swept = 0
    for file in _matches(folder, pattern, deep=deep):
        if _is_stale(file):
            _remove(file)
            swept += 1
    return swept


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _matches(folder: Path, pattern: str, *, deep: bool) -> Iterator[Path]:
    if folder.is_dir():
        yield from list(folder.rglob(pattern) if deep else folder.glob(pattern))


def _is_stale(file: Path) -> bool:
    try:
        age_s = time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return False
    host, _, rest = file.name.removeprefix(_PREFIX).partition("-")
    writer, _, _ = rest.partition("-")
    pid, _, started = writer.partition(".")
    if host != _host() or not pid.isdecimal():
        return age_s > _OLD_S
    if int(pid) == os.getpid():
        return not any(file.name.startswith(name) for name in _being_written)
    is_another = bool(started) and writer != _writer(int(pid))  # the number of a dead process was given out anew
    return is_another or not _lives(int(pid)) or age_s > _OLD_S


def _writer(pid: int) -> str:
    """Return a process's number and when it started, in ticks since boot; the number alone where nobody says."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return f"{pid}.{int(status.rpartition(')')[2].split()[19])}"
    except (OSError, ValueError, IndexError):
        return str(pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    """Return the host's name without the hyphens that separate the parts of a name."""
    return socket.gethostname().replace("-", "_").replace("/", "_") or "localhost"


def _changed_since(path: Path, moment: float) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime >= moment
    return False


def _remove_beginning_with(beside: Path) -> None:
    """Remove a temporary file and the side files a library may have put next to it."""
    with contextlib.suppress(OSError):  # a disk that refuses even that has said so before; the next start sweeps
        for file in beside.parent.glob(f"{glob.escape(beside.name)}*"):
            file.unlink(missing_ok=True)
