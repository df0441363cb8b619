"""Which addresses in a catalogue are followed.

An item comes from outside, and what reads its hrefs would as gladly read `/vsizip/`, `/etc/passwd` or a service on the
loopback device. So an href is followed only if it is http(s) to a public host (or to the catalogue's own host), an
object of a bucket whose service is known, or a file inside the folder of the local catalogue that names it. What a name
resolves to is looked at when it is read (`kpgeo.wire`).
"""

import socket
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit, urlunsplit

from kpgeo.options.wire import WireOptions
from kpgeo.wire import is_public, unsign

MAX_HREF = 2048
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
    buckets : tuple of str
        Buckets whose objects (`s3://...`) can be read.
    """

    document: str
    root: Path | None
    host: str
    buckets: tuple[str, ...] = WireOptions().s3_buckets

    def beside(self, document: str) -> "Origin":
        """Return the origin of another document of the same catalogue."""
        return replace(self, document=document)


def resolve_href(href: object, origin: Origin) -> str:
    """Return an href as an absolute URL or path, unsigned.

    Raises
    ------
    HrefError
        The href is not one to follow: another scheme or bucket, a GDAL virtual path, a file outside the catalogue's
        folder, a private address.
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
    if parts.scheme == "s3" and parts.netloc in origin.buckets and not parts.query:
        return f"s3://{parts.netloc}{parts.path}"
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
    return unsign(urlunsplit((scheme, parts.netloc, parts.path, parts.query, "")))


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
        return not is_public(host)
    except ValueError:
        pass
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return False
