"""The manifest of a bundle: an in-toto statement about its files, in a DSSE envelope.

The statement says of each file its SHA-256, and of each line of a text file or block of another file the beginning of
its own, so that whoever finds a difference can say where it lies. in-toto Attestation Framework, Statement v1;
DSSE v1.0.2, protocol.md: the signature is under PAE(type, body) = "DSSEv1" SP len(type) SP type SP len(body) SP body.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kpgeo.evidence.keys import SigningKey
from kpgeo.model.errors import BadInputError
from kpgeo.model.ledger import canonical

MANIFEST = "manifest.dsse.json"
SIGNER = "signer.pem"
CHECKSUMS = "SHA256SUMS"
FORMAT = "kpgeo-evidence-1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:kpgeo:evidence-bundle:v1"
BLOCK_BYTES = 4096
PIECE_DIGITS = 16  # of the SHA-256 of a line or block: it says where, the whole file's says whether
_TEXTS = (".json", ".jsonl", ".geojson", ".csv", ".txt", ".md", ".pem", ".toml")
_ENVELOPE = {"payload", "payloadType", "signatures"}


class NotAManifestError(Exception):
    """What should be a manifest is none; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A manifest as it was read, not yet believed.

    Attributes
    ----------
    payload : bytes
        The statement's bytes: what is signed.
    keyid : str
        Fingerprint of the signer's key, as the envelope says; "" where nobody signed.
    """

    payload: bytes
    keyid: str = ""
    signature: bytes = b""


def is_text(name: str) -> bool:
    """Say whether a file is told of line by line."""
    return name == CHECKSUMS or name.endswith(_TEXTS)


def pieces(name: str, content: bytes) -> list[bytes]:
    r"""Return a text file's lines, each with its line end, or another file's blocks.

    >>> pieces("a.txt", b"one\ntwo")
    [b'one\n', b'two']
    """
    if is_text(name):
        cut = content.split(b"\n")
        return [line + b"\n" for line in cut[:-1]] + ([cut[-1]] if cut[-1] else [])
    return [content[begin : begin + BLOCK_BYTES] for begin in range(0, len(content), BLOCK_BYTES)]


def sha256(content: bytes) -> str:
    """Return a SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def piece_digest(piece: bytes) -> str:
    """Return the first digits of the SHA-256 of a line or block."""
    return sha256(piece)[:PIECE_DIGITS]


def make_statement(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> bytes:
    """Return the statement about some files, canonical JSON.

    Parameters
    ----------
    facts : mapping
        What else the manifest says: plain JSON. It has no say over the fields of the format.
    """
    subjects = [{"name": name, "digest": {"sha256": sha256(content)}} for name, content in sorted(files.items())]
    told = {name: [piece_digest(piece) for piece in pieces(name, content)] for name, content in sorted(files.items())}
    predicate = {
        **facts,
        "format": FORMAT,
        "block_bytes": BLOCK_BYTES,
        "piece_digits": PIECE_DIGITS,
        "sizes": {name: len(content) for name, content in files.items()},
        "lines": {name: digests for name, digests in told.items() if is_text(name)},
        "blocks": {name: digests for name, digests in told.items() if not is_text(name)},
    }
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": subjects,
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }
    return canonical(statement).encode("ascii")


def seal(statement: bytes, key: SigningKey | None) -> bytes:
    """Return a statement in its envelope, signed where there is a key."""
    signatures = []
    if key is not None:
        signed = base64.b64encode(key.sign(pre_authentication(statement))).decode("ascii")
        signatures = [{"keyid": key.public.fingerprint, "sig": signed}]
    return _written({
        "payload": base64.b64encode(statement).decode("ascii"),
        "payloadType": PAYLOAD_TYPE,
        "signatures": signatures,
    })  # fmt: skip


def _written(envelope: Mapping[str, Any]) -> bytes:
    return (canonical(envelope) + "\n").encode("ascii")


def pre_authentication(payload: bytes) -> bytes:
    """Return the bytes that are signed for a payload: its type and length are part of them.

    >>> pre_authentication(b"{}")
    b'DSSEv1 28 application/vnd.in-toto+json 2 {}'
    """
    kind = PAYLOAD_TYPE.encode("ascii")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def open_envelope(content: bytes) -> Envelope:
    """Read an envelope. Only the one way in which kpgeo writes it is read, so that two never mean the same.

    Raises
    ------
    NotAManifestError
    """
    envelope = _parsed(content)
    if not isinstance(envelope, dict) or set(envelope) != _ENVELOPE or envelope["payloadType"] != PAYLOAD_TYPE:
        raise NotAManifestError("it is not the envelope of an in-toto statement")
    signatures = envelope["signatures"]
    if not isinstance(signatures, list) or len(signatures) > 1:
        raise NotAManifestError("it does not have one signature or none")
    try:
        if _written(envelope) != content:
            raise NotAManifestError("it is not written as kpgeo writes it")
        payload = _decoded(envelope["payload"])
        if not signatures:
            return Envelope(payload=payload)
        if set(signatures[0]) != {"keyid", "sig"}:
            raise NotAManifestError("its signature has other fields than it should")
        return Envelope(payload=payload, keyid=str(signatures[0]["keyid"]), signature=_decoded(signatures[0]["sig"]))
    except (TypeError, BadInputError) as error:
        raise NotAManifestError("it is not the envelope of an in-toto statement") from error


def _decoded(text: Any) -> bytes:
    if not isinstance(text, str):
        raise NotAManifestError("what should be Base64 is no text")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotAManifestError("what should be Base64 is not") from error
    if base64.b64encode(content).decode("ascii") != text:
        raise NotAManifestError("its Base64 is not written as kpgeo writes it")
    return content


def open_statement(payload: bytes) -> dict[str, Any]:
    """Read a statement, and check that it has what its format asks for.

    Raises
    ------
    NotAManifestError
    """
    statement = _parsed(payload)
    try:
        is_written = canonical(statement).encode("ascii") == payload
        predicate, subjects = statement["predicate"], statement["subject"]
        named = {str(one["name"]): str(one["digest"]["sha256"]) for one in subjects}
        told = {**predicate["lines"], **predicate["blocks"]}
        fits = named.keys() == told.keys() == predicate["sizes"].keys() and len(named) == len(subjects)
        fits = fits and all(_is_digests(digests) for digests in told.values())
    except (TypeError, KeyError, AttributeError, BadInputError) as error:
        raise NotAManifestError("its statement lacks what the format asks for") from error
    if statement.get("_type") != STATEMENT_TYPE or statement.get("predicateType") != PREDICATE_TYPE:
        raise NotAManifestError("its statement is of another kind")
    cut = (predicate.get("block_bytes"), predicate.get("piece_digits"))
    if predicate.get("format") != FORMAT or cut != (BLOCK_BYTES, PIECE_DIGITS):
        raise NotAManifestError(f"its format is not {FORMAT}, which this kpgeo reads")
    if not (is_written and fits):
        raise NotAManifestError("its statement contradicts itself")
    return dict(statement)


def _is_digests(digests: Any) -> bool:
    return isinstance(digests, list) and all(isinstance(one, str) for one in digests)


def digests_of(statement: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file, by name."""
    return {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}


def pieces_of(statement: Mapping[str, Any], name: str) -> Sequence[str]:
    """Return the digest of each line or block of a file."""
    predicate = statement["predicate"]
    digests: Sequence[str] = predicate["lines"].get(name) or predicate["blocks"].get(name) or ()
    return digests


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode("ascii"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotAManifestError("it is no JSON") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _no_constant(text: str) -> Any:
    raise ValueError(text)
