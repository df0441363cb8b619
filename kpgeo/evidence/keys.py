"""Keys: who signed a bundle, and whose signatures are known here. Ed25519 (RFC 8032), offline."""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from kpgeo.model.errors import BadInputError, IntegrityError

KEY_VARIABLE = "KPGEO_SIGNING_KEY"
TRUST_VARIABLE = "KPGEO_TRUSTED_KEYS"
_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class PublicKey:
    """The public half of a key, as PEM (SubjectPublicKeyInfo).

    Raises
    ------
    BadInputError
        It is no Ed25519 public key.
    """

    pem: bytes

    def __post_init__(self) -> None:
        self._key()

    def _key(self) -> Ed25519PublicKey:
        try:
            key = load_pem_public_key(self.pem)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise BadInputError("This is no public key in PEM.", remedy="kpgeo keys show prints one.") from error
        if not isinstance(key, Ed25519PublicKey):
            raise BadInputError("The key is of another kind.", remedy="kpgeo signs with Ed25519.")
        return key

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the key (DER), hexadecimal: what two people read to each other over the telephone."""
        der = self._key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()

    @property
    def is_plain(self) -> bool:
        """Say whether the PEM is written as kpgeo writes it, without anything around it."""
        return self.pem == _public_pem(self._key())

    def is_signed(self, signature: bytes, content: bytes) -> bool:
        """Say whether a signature is this key's under some bytes."""
        try:
            self._key().verify(signature, content)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key. It shows itself to nobody: neither its text nor its pickle holds it."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"SigningKey({self.public.fingerprint})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("A signing key does not leave the process it was read in.")

    @property
    def public(self) -> PublicKey:
        """Return the public half."""
        return PublicKey(_public_pem(self._key.public_key()))

    def sign(self, content: bytes) -> bytes:
        """Return the signature under some bytes, 64 bytes; the same bytes have the same signature."""
        return self._key.sign(content)


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def config_folder() -> Path:
    """Return the folder of what belongs to a person on this machine."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "kpgeo"


def key_path() -> Path:
    """Return where the signing key lies: `KPGEO_SIGNING_KEY`, or `signing-key.pem` in the person's own folder."""
    named = os.environ.get(KEY_VARIABLE)
    return Path(named) if named else config_folder() / "signing-key.pem"


def trust_path() -> Path:
    """Return where the known signers are listed: `KPGEO_TRUSTED_KEYS`, or `trusted-keys.json` beside the key."""
    named = os.environ.get(TRUST_VARIABLE)
    return Path(named) if named else config_folder() / "trusted-keys.json"


def make_key(path: Path) -> SigningKey:
    """Make a key and write it where nobody else may read it. A key that is there is never overwritten.

    Raises
    ------
    BadInputError
        There is a file already.
    """
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(beside, path)  # refuses where there is a file; a rename would replace it
    except FileExistsError as error:
        raise BadInputError(
            "There is a key already.", where=str(path), remedy="Use it, or name another file with --out."
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return SigningKey(key)


def read_key(path: Path | None = None) -> SigningKey | None:
    """Read the signing key; None where there is none and nobody named one.

    Raises
    ------
    BadInputError
        A file was named and is missing, holds no key, or others may read it.
    """
    place = key_path() if path is None else path
    is_named = path is not None or bool(os.environ.get(KEY_VARIABLE))
    try:
        with place.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read(_MAX_FILE_BYTES)
    except FileNotFoundError as error:
        if not is_named:
            return None
        raise BadInputError("There is no signing key.", where=str(place), remedy="kpgeo keys make.") from error
    except OSError as error:
        raise BadInputError(f"The signing key cannot be read ({error.strerror}).", where=str(place)) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadInputError(
            "Others on this machine may read the signing key.", where=str(place), remedy=f"chmod 600 {place}"
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInputError("The file holds no signing key.", where=str(place)) from None  # its text may be the key
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInputError("The signing key is of another kind.", where=str(place), remedy="kpgeo signs with Ed25519.")
    return SigningKey(key)


def read_trusted(path: Path | None = None) -> dict[str, str]:
    """Return who is known here, by fingerprint.

    Raises
    ------
    IntegrityError
        The list cannot be read: it is better to stop than to call a known signer unknown.
    """
    place = trust_path() if path is None else path
    if not place.exists():
        return {}
    try:
        listed = json.loads(place.read_text(encoding="utf-8"))
        return {_fingerprint(one["key"]): str(one["name"]) for one in listed["signers"]}
    except (OSError, ValueError, KeyError, TypeError, BadInputError) as error:
        raise IntegrityError(
            "The list of known signers cannot be read.",
            where=str(place),
            remedy="Restore it, or remove it and name the signers anew: kpgeo keys trust.",
        ) from error


def _fingerprint(pem: str) -> str:
    return PublicKey(pem.encode("ascii")).fingerprint


def list_trusted(known: Mapping[str, tuple[str, bytes]]) -> bytes:
    """Return the list of known signers as its file holds it, from name and PEM by fingerprint."""
    signers = [
        {"fingerprint": fingerprint, "name": name, "key": pem.decode("ascii")}
        for fingerprint, (name, pem) in sorted(known.items())
    ]
    return (json.dumps({"signers": signers}, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode("ascii")


def trust_key(public: PublicKey, name: str) -> Path:
    """Add a signer to the known ones, or give one another name; return the list's file."""
    place = trust_path()
    known: dict[str, tuple[str, bytes]] = {}
    if read_trusted(place):
        listed = json.loads(place.read_text(encoding="utf-8"))
        known = {_fingerprint(one["key"]): (str(one["name"]), one["key"].encode("ascii")) for one in listed["signers"]}
    known[public.fingerprint] = (name, public.pem)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    beside.write_bytes(list_trusted(known))
    beside.replace(place)
    return place
