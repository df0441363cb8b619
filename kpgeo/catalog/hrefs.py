"""Which addresses in a catalogue are followed.

An item comes from outside, and its hrefs are opened by GDAL, which would as gladly read `/vsizip/`, `/etc/passwd` or a
service on the loopback device. So an href is followed only if it is http(s) to a public host (or to the catalogue's own
host), or a file inside the folder of the local catalogue that names it.
"""

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

MAX_HREF = 2048
_SIGNATURES = frozenset({"sig", "signature", "x-amz-signature", "x-amz-security-token", "x-goog-signature", "token"})
_PRIVATE_NAMES = ("localhost", ".localhost", ".local", ".internal")


class HrefError(ValueError):
    """An href that is not followed. Its text is the reason in machine words."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a catalogue document was read.

    Attributes
    ----------
    document : str
        The document's own address: a URL, or an absolute path.
    root : Path or None
        Folder of a local catalogue; None for one read over http.
    host : str
        Host of a catalogue read over http; "" for a local one.
    """

    document: str
    root: Path | None
    host: str

    def beside(self, document: str) -> "Origin":
        """Return the origin of another document of the same catalogue."""
        return Origin(document=document, root=self.root, host=self.host)


def resolve_href(href: object, origin: Origin) -> str:
    """Return an href as an absolute URL or path, unsigned.

    Raises
    ------
    HrefError
        The href is not one to follow: another scheme, a GDAL virtual path, a file outside the catalogue's folder, a
        private address.
    """
    if not isinstance(href, str) or not href or len(href) > MAX_HREF or any(ord(sign) < 32 for sign in href):
        raise HrefError("href-malformed")
    if "/vsi" in href.lower():
        raise HrefError("href-virtual-path")
    try:
        parts = urlsplit(href if origin.root is not None else urljoin(origin.document, href))
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise HrefError("href-malformed") from error
    if parts.scheme in ("http", "https"):
        return _public_url(parts.scheme, host, urlunsplit(parts), origin)
    if origin.root is not None and parts.scheme in ("", "file"):
        return _inner_path(href.removeprefix("file://"), origin.document, origin.root)
    raise HrefError("href-scheme")


def _public_url(scheme: str, host: str, url: str, origin: Origin) -> str:
    """Return a URL without signature, or refuse it for its host."""
    parts = urlsplit(url)
    if not host or parts.username is not None or parts.password is not None:
        raise HrefError("href-malformed")
    if host != origin.host and is_private_host(host):
        raise HrefError("href-private-host")
    is_signed = any(name.lower() in _SIGNATURES for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit((scheme, parts.netloc, parts.path, "" if is_signed else parts.query, ""))


def _inner_path(href: str, document: str, root: Path) -> str:
    """Return the absolute path of a file, or refuse it for lying outside the catalogue's folder."""
    path = (Path(document).parent / href).resolve()
    if not path.is_relative_to(root):
        raise HrefError("href-outside-catalogue")
    return str(path)


def is_private_host(host: str) -> bool:
    """Say whether a host is named private, or written as an address that is not public. No name is looked up.

    >>> [is_private_host(host) for host in ("127.0.0.1", "2130706433", "0x7f.1", "169.254.169.254", "example.org")]
    [True, True, True, True, False]
    """
    if host.endswith(_PRIVATE_NAMES):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        pass
    try:
        return not ipaddress.ip_address(socket.inet_aton(host)).is_global
    except OSError:
        return False
