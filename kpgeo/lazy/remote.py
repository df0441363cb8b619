"""Clusters that someone else started: where their scheduler is, and whether their workers can do kpgeo's work.

Dask's network protocol carries pickled code. Whoever can speak to a scheduler runs code on its workers, and a scheduler
can run code on whoever asks it for results. So a scheduler without encryption is used only where its address is one of
this machine or of a private network.
"""

import ipaddress
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import distributed

from kpgeo import __version__
from kpgeo.model.errors import BadInputError, UpstreamError

_ENCRYPTED = ("tls", "wss")
_FILE_WAIT_S = 15.0
_MAX_FILE_BYTES = 1_000_000
_TICK_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What one worker found when it looked about.

    Attributes
    ----------
    host : str
        Its machine's name.
    version : str
        Its kpgeo's.
    fault : str
        Why it cannot work in the workspace; "" where it can.
    open_drivers : tuple of str
        GDAL drivers it has that must not be there.
    """

    host: str
    version: str
    fault: str
    open_drivers: tuple[str, ...]


def address_of(cluster: str, *, allow_public: bool = False) -> str:
    """Return the address of a scheduler that is named by its address or by the file it wrote.

    Raises
    ------
    BadInputError
        The file holds no address; or the scheduler is at a public address, without encryption.
    UpstreamError
        The file does not come, or the scheduler's name is not known.
    """
    address = _read_address(Path(cluster)) if cluster.endswith(".json") else cluster
    parts = urlsplit(address)
    if parts.scheme in _ENCRYPTED or allow_public:
        return address
    if not all(_is_near(one) for one in _resolve(parts.hostname or "", address)):
        raise BadInputError(
            "The scheduler is at a public address, and without encryption.",
            where=address,
            remedy="Use tls://, a tunnel to it, or set compute.allow_public_tcp where a firewall keeps others out.",
        )
    return address


def require_able(client: object, folder: Path) -> None:
    """See that every worker of a cluster started elsewhere can write to a workspace, and is this kpgeo, locked down.

    Workers of this process and of its own local cluster see what it sees.

    Parameters
    ----------
    client : distributed.Client or InProcess
        What `open_cluster` yielded.
    folder : Path
        The workspace, absolute.

    Raises
    ------
    BadInputError
        A worker cannot; the message names its machine.
    """
    if not isinstance(client, distributed.Client) or client.cluster is not None:
        return
    probe = folder / f".probe-{secrets.token_hex(8)}"
    token = secrets.token_hex(16)
    probe.mkdir()
    try:
        (probe / "driver").write_text(token, encoding="ascii")
        run: Any = client.run
        skipped = tuple(os.environ.get("GDAL_SKIP", "").split())
        glances: Mapping[str, Glance] = run(look_about, str(probe), token, skipped)
        written = {path.name for path in probe.iterdir()}
    finally:
        shutil.rmtree(probe, ignore_errors=True)
    for address, glance in sorted(glances.items()):
        _require(glance, f"worker {glance.host} ({address})", folder, is_back=_name_of(address) in written)


def look_about(probe: str, token: str, skipped: tuple[str, ...], dask_worker: Any = None) -> Glance:
    """Look about on a worker: can it read the driver's probe and write beside it, and what does its GDAL open."""
    from rasterio.env import Env  # noqa: PLC0415 - not before GDAL's settings are there

    with Env() as env:
        open_drivers = sorted(set(skipped) & set(env.drivers()))
    return Glance(
        host=socket.gethostname(),
        version=__version__,
        fault=_try_folder(Path(probe), token, _name_of(dask_worker.address if dask_worker else "here")),
        open_drivers=tuple(open_drivers),
    )


def _try_folder(probe: Path, token: str, name: str) -> str:
    """Return why a folder of the driver's cannot be worked in, or ""."""
    try:
        if (probe / "driver").read_text(encoding="ascii") != token:
            return "sees another folder of this name"
        (probe / name).write_text(token, encoding="ascii")
    except FileNotFoundError:
        return "does not see the workspace"
    except OSError as error:
        return f"cannot write to the workspace ({error.strerror}, user id {os.getuid()})"
    return ""


def _require(glance: Glance, where: str, folder: Path, *, is_back: bool) -> None:
    """Refuse a worker that cannot do kpgeo's work."""
    if glance.version != __version__:
        raise BadInputError(
            f"It has kpgeo {glance.version}, not {__version__}.", where=where, remedy="Install the same everywhere."
        )
    fault = glance.fault or ("" if is_back else "writes to another folder of this name")
    if fault:
        raise BadInputError(
            f"It {fault}: {folder}.",
            where=where,
            remedy="Put the workspace on a file system that every worker has at the same path, writable for it.",
        )
    if glance.open_drivers:
        raise BadInputError(
            f"Its GDAL opens {', '.join(glance.open_drivers)}, which can read other files and hosts.",
            where=where,
            remedy="Let its workers import nothing of GDAL before kpgeo, and leave GDAL_SKIP alone there.",
        )


def _name_of(address: str) -> str:
    """Return a worker's address as a file name."""
    return "".join(sign if sign.isalnum() else "-" for sign in address)


def _read_address(path: Path) -> str:
    """Return the address in the file a scheduler wrote, waiting for it to come."""
    deadline = time.monotonic() + _FILE_WAIT_S
    while not path.is_file():
        if time.monotonic() > deadline:
            raise UpstreamError(
                f"The scheduler file has not come in {_FILE_WAIT_S:.0f} s.",
                where=str(path),
                remedy="Start the scheduler with `dask scheduler --scheduler-file`.",
            )
        time.sleep(_TICK_S)
    try:
        with path.open("rb") as stream:
            address = json.loads(stream.read(_MAX_FILE_BYTES))["address"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInputError("It is not the file of a scheduler.", where=str(path)) from error
    if not isinstance(address, str) or urlsplit(address).scheme not in ("tcp", "tls", "ucx", "ws", "wss"):
        raise BadInputError("It holds no address of a scheduler.", where=str(path))
    return address


def _resolve(host: str, address: str) -> list[str]:
    """Return the addresses a host has."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError as error:
        raise UpstreamError("The scheduler's host is not known.", where=address, remedy="Is it right?") from error


def _is_near(address: str) -> bool:
    """Say whether an address is of this machine or of a private network.

    >>> [_is_near(one) for one in ("127.0.0.1", "10.0.0.7", "fe80::1%eth0", "100.64.0.1", "8.8.8.8")]
    [True, True, True, True, False]
    """
    return not ipaddress.ip_address(address.partition("%")[0]).is_global
