"""The one gateway to the network. Whatever kpgeo asks of another machine goes through here."""

from kpgeo.wire.access import Access, trusted_by
from kpgeo.wire.addresses import is_public
from kpgeo.wire.faults import Fault, FetchError
from kpgeo.wire.filelike import ByteFile, Opener, as_file, opener_of
from kpgeo.wire.mail import MailError, MailRoute, send_mail
from kpgeo.wire.secrecy import redact, silence_secrets, unsign
from kpgeo.wire.session import CheckedSession, open_session, shared_session
from kpgeo.wire.signing import S3Key, presign
from kpgeo.wire.sources import ByteSource, open_bytes

__all__ = [
    "Access",
    "ByteFile",
    "ByteSource",
    "CheckedSession",
    "Fault",
    "FetchError",
    "MailError",
    "MailRoute",
    "Opener",
    "S3Key",
    "as_file",
    "is_public",
    "open_bytes",
    "open_session",
    "opener_of",
    "presign",
    "redact",
    "send_mail",
    "shared_session",
    "silence_secrets",
    "trusted_by",
    "unsign",
]
