"""What the network may be used for: the options, and the hosts that are trusted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kpgeo.options.wire import WireOptions

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Access:
    """What reading over the network goes by. It holds no connection and no secret, and travels to workers.

    Attributes
    ----------
    options : WireOptions
    trusted_hosts : frozenset of str
        `host:port`, or `host` for every port: what the pipeline file itself names. These alone, and
        `WireOptions.private_hosts`, may have private or loopback addresses.
    """

    options: WireOptions = field(default_factory=WireOptions)
    trusted_hosts: frozenset[str] = frozenset()

    def is_trusted(self, host: str, port: int) -> bool:
        """Say whether a host may have a private address.

        >>> one = Access(trusted_hosts=frozenset({"10.0.0.5:8080", "archive.lan"}))
        >>> one.is_trusted("10.0.0.5", 8080), one.is_trusted("10.0.0.5", 22), one.is_trusted("Archive.lan.", 443)
        (True, False, True)
        """
        name = host.lower().rstrip(".").strip("[]")
        names = {name, f"{name}:{port}"}
        return any(trusted.lower() in names for trusted in (*self.trusted_hosts, *self.options.private_hosts))


def trusted_by(urls: Iterable[str]) -> frozenset[str]:
    """Return what naming these addresses says may be trusted: the host and port of each that is http(s).

    >>> sorted(trusted_by(["http://10.0.0.5:8080/stac", "https://[::1]/stac", "worlds/catalog.json"]))
    ['10.0.0.5:8080', '::1:443']
    """
    parts = [urlsplit(url) for url in urls]
    return frozenset(
        f"{(one.hostname or '').rstrip('.')}:{one.port or PORTS[one.scheme]}"
        for one in parts
        if one.scheme in PORTS and one.hostname
    )
