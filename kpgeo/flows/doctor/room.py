"""The workspace: can it be written, is it whole, has it room. Nothing in it is changed."""

import contextlib
import datetime as dt
import errno
import fcntl
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kpgeo.flows.doctor.finding import Finding, counted, failed, good, of_error, warned
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.calendar import day_of, dekad_of
from kpgeo.model.errors import KpgeoError
from kpgeo.model.state import DYNAMIC_LAYERS, STATIC_LAYERS
from kpgeo.store import StateHead, StateStore, address_of, holder_of, is_server, known_schemas, schema_of

_GIB = 2**30
_MARGIN_BYTES = _GIB  # tables, products, briefs
_MARGIN_FILES = 2_000
_DYNAMIC_BYTES_PX, _STATIC_BYTES_PX = 12, 58  # ARCHITECTURE.md, "State"
_SQLITE_LEAST = (3, 27, 0)
_CHECK_S = 60.0
_NETWORK_DISKS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ncpfs", "afs", "ceph", "glusterfs"}
)
_ACCENTED = "Séguéla"
_ERRNO_MENDS = {
    errno.ENOSPC: "Free some room on that disk, or name a workspace on another one with --workspace.",
    errno.EDQUOT: "Your share of that disk is used up: remove what you can spare, or ask for more.",
    errno.EROFS: "The disk is mounted for reading only: name a workspace on another one with --workspace.",
    errno.EACCES: "Name a folder you may write to with --workspace, or ask its owner to let you.",
    errno.EPERM: "Name a folder you may write to with --workspace, or ask its owner to let you.",
    errno.EIO: "The disk reports errors: copy what is on it to another one, and replace it.",
    errno.ENOTDIR: "A file is where a folder must be: name another folder with --workspace.",
    errno.EEXIST: "A file is where a folder must be: name another folder with --workspace.",
}
_ANY_DISK_MEND = "Name a workspace on a disk of this machine with --workspace."


def examine_workspace(workspace: Path, watches: list[Watch], database: str = "") -> Iterator[Finding]:
    """Check the disk a workspace lies on, its locks, its tables (where the pipeline names them) and its states."""
    here = existing(workspace)
    try:
        with tempfile.TemporaryDirectory(prefix=".kpgeo-doctor-", dir=here) as probe:
            yield from disk_findings(Path(probe), workspace)
            yield from lock_findings(Path(probe), disk_kind(here))
    except OSError as error:
        yield failed("workspace", _refusal(here, error), mend_of(error))
        return
    yield from room_findings(workspace, *wanted(workspace, watches))
    if workspace.is_dir():
        yield from holder_findings(workspace)
        yield from place_findings(workspace, database)
        yield from state_findings(workspace, watches)


def existing(path: Path) -> Path:
    """Return what there is of the way to a folder."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def disk_findings(probe: Path, workspace: Path) -> Iterator[Finding]:
    """Write, rename, and read back, as each of kpgeo's files is written; names with accents too."""
    one, other = probe / "one", probe / "other"
    token = secrets.token_bytes(4096)
    other.write_bytes(b"before")
    one.write_bytes(token)
    for path in (one, probe):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    one.replace(other)
    if other.read_bytes() != token or one.exists():
        yield failed("workspace", f"{workspace}: what is written there is not what is read", _ANY_DISK_MEND)
        return
    try:
        (probe / _ACCENTED).write_bytes(b"")
        is_kept = _ACCENTED in {path.name for path in probe.iterdir()}
    except (OSError, UnicodeEncodeError):
        is_kept = False
    if not is_kept:
        remedy = "Use a workspace on a disk that keeps names as they are (ext4, xfs, APFS, NTFS)."
        yield warned("workspace", f"{workspace}: the disk changes names with accents", remedy)
        return
    says = "can be written" if workspace.is_dir() else "does not exist yet; a run makes it"
    yield good("workspace", f"{workspace.absolute()} {says}")


def lock_findings(probe: Path, kind: str) -> Iterator[Finding]:
    """Say whether the file system keeps one writer out while another writes."""
    local = "Put the workspace on a disk of this machine, and copy it to the network when a run is over."
    descriptors = [os.open(probe / "lock", os.O_RDWR | os.O_CREAT) for _ in range(2)]
    try:
        fcntl.flock(descriptors[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(descriptors[1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield failed("locks", f"the disk ({kind}) lets two runs write at once", local)
        except BlockingIOError:
            if kind in _NETWORK_DISKS:
                yield warned("locks", f"kept, but over a network ({kind}) the tables are not safe", local)
            else:
                yield good("locks", "one writer at a time")
    except OSError as error:
        yield failed("locks", f"the disk ({kind}) knows no locks ({error.strerror})", local)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def disk_kind(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Return the kind of file system a folder lies on, as the system calls it; "" where it does not say."""
    try:
        lines = [line.split() for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return ""
    here = folder.resolve()
    found = [(line[1], line[2]) for line in lines if len(line) > 2 and here.is_relative_to(line[1])]
    return max(found, key=lambda one: len(one[0]), default=("", ""))[1]


def wanted(workspace: Path, watches: list[Watch]) -> tuple[int, int]:
    """Return the bytes and files that states grow by until today, at most, beside some room for all else."""
    size_bytes, files = _MARGIN_BYTES, _MARGIN_FILES
    today = dekad_of(day_of(dt.datetime.now(dt.UTC)))
    for watch in watches:
        head = _head(workspace, watch)
        done = head.last_dekad if head is not None and head.last_dekad is not None else watch.first_dekad - 1
        dekads = max(0, today - done)
        epochs = sum(dekad > done for dekad in watch.refit_dekads(today)) + (done < watch.first_dekad)
        px = sum(tile.height * tile.width for tile in watch.tiles)
        size_bytes += px * (dekads * _DYNAMIC_BYTES_PX + epochs * _STATIC_BYTES_PX)
        files += len(watch.tiles) * (dekads * len(DYNAMIC_LAYERS) + epochs * len(STATIC_LAYERS))
    return size_bytes, files


def room_findings(workspace: Path, want_bytes: int, want_files: int) -> Iterator[Finding]:
    """Hold what is free against what is wanted: bytes, and files (inodes)."""
    here = existing(workspace)
    free_bytes = shutil.disk_usage(here).free
    detail = f"{free_bytes / _GIB:.1f} GiB free, about {want_bytes / _GIB:.1f} wanted"
    remedy = _ERRNO_MENDS[errno.ENOSPC]
    if free_bytes < want_bytes:
        yield failed("room on the disk", detail, remedy)
    elif free_bytes < 1.5 * want_bytes:
        yield warned("room on the disk", detail, remedy)
    else:
        yield good("room on the disk", detail)
    status = os.statvfs(here)
    if status.f_files and status.f_favail < want_files:
        detail = f"the disk takes {status.f_favail:,} more files, about {want_files:,} are wanted"
        yield failed("files on the disk", detail, "Remove small files there you can spare, or use another disk.")


def holder_findings(workspace: Path) -> Iterator[Finding]:
    """Say who writes to a workspace now, and whether a run there ended abruptly."""
    path = workspace / ".lock"
    if not path.exists():
        yield good("runs", "none is on")
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        who = _holder(os.pread(descriptor, 4096, 0))
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        remedy = "Wait until it has ended, or end that process; the lock goes with it."
        yield warned("runs", f"one is writing here now: {who or 'it has not named itself'}", remedy)
    else:
        ended = f"none is on; the last ({who}) was cut short, and the next makes it good" if who else "none is on"
        yield good("runs", ended)
    finally:
        os.close(descriptor)


def place_findings(workspace: Path, database: str) -> Iterator[Finding]:
    """Check the tables where they are: in the workspace, or on a server, where another run may hold them too."""
    try:
        address = address_of(workspace, database)
        if not is_server(address):
            yield from table_findings(workspace / "kpgeo.db")
            return
        holder = holder_of(address)
        schema, server = schema_of(address)
    except KpgeoError as error:
        yield of_error("tables", error, "See that the server runs and that its address is right.")
        return
    if holder is not None:
        remedy = "Wait until it has ended, or end that process; the lock goes with its connection."
        yield warned("runs", f"one is writing to the tables now: {holder}", remedy)
    if schema is None:
        yield good("tables", f"{server}; none yet")
    elif schema not in known_schemas():
        yield _schema_finding("tables", {"alembic_version"}, schema)
    else:
        yield good("tables", f"{server}; schema {schema}")


def table_findings(path: Path) -> Iterator[Finding]:
    """Check the tables: SQLite's version, that the file is whole, and that this kpgeo knows its schema."""
    check = "tables"
    if sqlite3.sqlite_version_info < _SQLITE_LEAST:
        yield failed(
            check, f"SQLite {sqlite3.sqlite_version} is too old", "Install a newer Python, which brings its own."
        )
        return
    if not path.exists():
        yield good(check, f"SQLite {sqlite3.sqlite_version}; none yet")
        return
    restore = (
        f"Put a copy of {path.name} from before in its place; without one, move it away and run again: all is decided "
        "anew, but declared figures entered by hand are lost."
    )
    try:
        with contextlib.closing(_reading(path)) as connection:
            says = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
            names = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            asked = "SELECT version_num FROM alembic_version"
            schema = connection.execute(asked).fetchone() if "alembic_version" in names else None
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            yield warned(check, f"not read through in {_CHECK_S:g} s", "Ask again while nothing else is running.")
        elif "locked" in str(error):
            yield warned(check, "another process keeps them locked", "Ask again when it has ended.")
        else:
            yield failed(check, f"cannot be read ({error})", restore)
        return
    except sqlite3.DatabaseError as error:
        yield failed(check, f"cannot be read ({error})", restore)
        return
    if says != ["ok"]:
        yield failed(check, f"damaged ({says[0].splitlines()[0]})", restore)
    else:
        yield _schema_finding(check, names, None if schema is None else str(schema[0]))


def state_findings(workspace: Path, watches: list[Watch]) -> Iterator[Finding]:
    """Open the pixel state of each AOI."""
    for watch in watches:
        check = f"state of {watch.aoi.id}"
        try:
            head = _store(workspace, watch).head()
        except KpgeoError as error:
            yield of_error(check, error, "Restore the folder from a copy, or remove it to begin the history anew.")
            continue
        if head.last_dekad is None:
            yield good(check, "none yet; the first run learns the baseline")
        elif head.unfinished:
            remedy = "Run the pipeline again: it takes them up."
            yield warned(check, f"{counted(len(head.unfinished), 'tile')} could not be brought up to date", remedy)
        else:
            yield good(
                check, f"{counted(head.n_dekads, 'dekad')}, {counted(sum(map(len, head.applied.values())), 'scene')}"
            )


def mend_of(error: OSError) -> str:
    """Return the mend of what a disk refuses."""
    return _ERRNO_MENDS.get(error.errno or 0, _ANY_DISK_MEND)


def _refusal(folder: Path, error: OSError) -> str:
    return f"nothing can be written to {folder} ({error.strerror or type(error).__name__})"


def _schema_finding(check: str, names: set[str], schema: str | None) -> Finding:
    known = known_schemas()
    if schema is None:
        if not names:
            return good(check, "empty")
        return failed(check, "the database is not kpgeo's", "Name another workspace with --workspace.")
    if schema not in known:
        remedy = "Use the kpgeo that wrote them, or a later one."
        return failed(check, f"schema {schema} is newer than this kpgeo", remedy)
    if schema != known[0]:
        return good(check, f"whole; schema {schema}, which the next run brings up to date, keeping a copy")
    return good(check, f"whole; schema {schema}, SQLite {sqlite3.sqlite_version}")


def _reading(path: Path) -> sqlite3.Connection:
    """Open tables for reading only; a check that takes too long is interrupted.

    Where nobody has them open there is no log beside them, and SQLite is told so: it would else leave one behind.
    """
    is_at_rest = not path.with_name(f"{path.name}-wal").exists()
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_at_rest else ''}"
    connection = sqlite3.connect(address, uri=True, timeout=5.0)
    end = time.monotonic() + _CHECK_S
    connection.set_progress_handler(lambda: int(time.monotonic() > end), 100_000)
    return connection


def _holder(content: bytes) -> str:
    """Return who a lock file names; "" where it names nobody."""
    try:
        named = json.loads(content)
        return f"process {named['pid']} on {named['host']} since {named['since']}"
    except (ValueError, KeyError, TypeError):
        return ""


def _store(workspace: Path, watch: Watch) -> StateStore:
    return StateStore(folder=workspace / "state" / watch.aoi.id / watch.lineage, grid=watch.grid)


def _head(workspace: Path, watch: Watch) -> StateHead | None:
    with contextlib.suppress(KpgeoError):
        return _store(workspace, watch).head()
    return None
