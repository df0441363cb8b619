"""Composing a bundle: its files, their checksums, the manifest, the seal."""

from collections.abc import Mapping
from typing import Any

from kpgeo.evidence.container import compose_container
from kpgeo.evidence.keys import SigningKey
from kpgeo.evidence.statement import CHECKSUMS, MANIFEST, SIGNER, make_statement, seal, sha256
from kpgeo.model.errors import BadInputError


def compose_bundle(files: Mapping[str, bytes], facts: Mapping[str, Any], key: SigningKey | None) -> bytes:
    """Return a bundle. The same files, facts and key give the same bytes.

    Parameters
    ----------
    files : mapping of str to bytes
        By name. The manifest, the checksums and the signer's public key are added.
    facts : mapping
        What the manifest says beside the digests: plain JSON, nothing that changes from one making to the next.
    key : SigningKey or None
        None leaves it unsigned.

    Raises
    ------
    BadInputError
        A name is not allowed, or is one of the bundle's own.
    """
    if own := sorted({MANIFEST, CHECKSUMS, SIGNER} & files.keys()):
        raise BadInputError(f"{own[0]} is a name of the bundle's own.")
    told = {**files, **({SIGNER: key.public.pem} if key is not None else {})}
    sums = "".join(f"{sha256(content)}  {name}\n" for name, content in sorted(told.items()))
    told[CHECKSUMS] = sums.encode("ascii")
    return compose_container({**told, MANIFEST: seal(make_statement(told, facts), key)})
