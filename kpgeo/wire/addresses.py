"""From a host's name to the addresses that may be connected to.

Names in catalogues are written by others, and a name may lead anywhere: to this machine, to a cloud's metadata
service, to another address each time it is asked for. So a name is looked up once for each connection, every address it
has must be public, and the connection is made to an address that was looked at, never to the name.
"""

import ipaddress
import queue
import socket
import threading
from typing import Any, NamedTuple

from kpgeo.wire.access import Access
from kpgeo.wire.faults import FetchError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Address(NamedTuple):
    """One address of a host, as `socket.connect` takes it."""

    family: int
    place: tuple[Any, ...]


def is_public(address: str) -> bool:
    """Say whether an IP address, written out, is one of the public internet.

    IPv4 within IPv6 (mapped, 6to4, Teredo, NAT64) is judged by the address within.

    >>> [is_public(one) for one in ("8.8.8.8", "127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "0.0.0.0")]
    [True, False, False, False, False, False]
    """
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address):
        inner = [one.ipv4_mapped, one.sixtofour, *(one.teredo or ())]
        if one in _NAT64:
            inner.append(ipaddress.IPv4Address(int(one) & 0xFFFFFFFF))
        if not all(is_public(str(part)) for part in inner if part is not None):
            return False
        if one.ipv4_mapped is not None:
            return True
    is_special = one.is_multicast or one.is_reserved or one.is_unspecified or one.is_loopback or one.is_link_local
    return one.is_global and not is_special


def find_addresses(host: str, port: int, access: Access, timeout_s: float) -> list[Address]:
    """Return the addresses of a host that may be connected to.

    Raises
    ------
    FetchError
        `host-refused` if one of them is not public and the host is not trusted; `dns-failed`; `timed-out`.
    """
    found = look_up(host, port, timeout_s)
    if not access.is_trusted(host, port) and not all(is_public(str(one.place[0])) for one in found):
        raise FetchError("host-refused", where=host)
    return found


def look_up(host: str, port: int, timeout_s: float) -> list[Address]:
    """Return the addresses of a name, looked up in a thread of its own: the system's resolver knows no deadline.

    Raises
    ------
    FetchError
        `dns-failed`; `timed-out`.
    """
    answers: queue.Queue[list[Address] | OSError | UnicodeError] = queue.Queue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answers.put(error)
        else:
            answers.put([Address(family, place) for family, _, _, _, place in found])

    if _is_written_out(host):
        ask()
    else:
        threading.Thread(target=ask, daemon=True, name="kpgeo-name").start()
    try:
        answer = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise FetchError("timed-out", where=host) from None
    if isinstance(answer, list) and answer:
        return answer
    is_passing = isinstance(answer, socket.gaierror) and answer.errno == socket.EAI_AGAIN
    raise FetchError("dns-failed", is_passing=is_passing, where=host)


def _is_written_out(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
