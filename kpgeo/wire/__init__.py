"""The one gateway to the network. Whatever kpgeo asks of another machine goes through here."""

from kpgeo.wire.access import Access, trusted_by
from kpgeo.wire.faults import Fault, FetchError
from kpgeo.wire.filelike import ByteFile, as_file
from kpgeo.wire.session import open_session
from kpgeo.wire.sources import ByteSource, open_bytes

__all__ = [
    "Access",
    "ByteFile",
    "ByteSource",
    "Fault",
    "FetchError",
    "as_file",
    "open_bytes",
    "open_session",
    "trusted_by",
]
