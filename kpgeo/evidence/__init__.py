"""Evidence bundles: what an alert rests on, in one file that can be checked by anybody, anywhere, without a network."""

from kpgeo.evidence.alterations import Alteration
from kpgeo.evidence.bundle import compose_bundle
from kpgeo.evidence.checking import (
    Sealed,
    Verification,
    as_json,
    open_bundle,
    read_bundle,
    require_alert,
    verify_bundle,
)
from kpgeo.evidence.keys import (
    PublicKey,
    SigningKey,
    key_path,
    make_key,
    read_key,
    read_trusted,
    trust_key,
    trust_path,
)
from kpgeo.evidence.ledger_lines import read_ledger_line, write_ledger_lines
from kpgeo.evidence.readme import write_readmes

__all__ = [
    "Alteration",
    "PublicKey",
    "Sealed",
    "SigningKey",
    "Verification",
    "as_json",
    "compose_bundle",
    "key_path",
    "make_key",
    "open_bundle",
    "read_bundle",
    "read_key",
    "read_ledger_line",
    "read_trusted",
    "require_alert",
    "trust_key",
    "trust_path",
    "verify_bundle",
    "write_ledger_lines",
    "write_readmes",
]
