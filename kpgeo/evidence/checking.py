"""Checking a bundle: whether it is, bit for bit, what was sealed, and where it differs if not.

Everything is checked against the manifest, and the manifest against its signature. A difference is named as closely as
can be: the line of a text file, the byte where one flipped bit explains it, the block of another file, the field of the
container. Nothing is unpacked to a disk, nothing is decompressed, no network is asked.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from kpgeo.evidence.alterations import CONTAINER, Alteration, at_byte, changed_file, flipped_byte, of_container
from kpgeo.evidence.container import (
    MAX_BYTES,
    Stored,
    is_good_name,
    read_by_directory,
    read_by_headers,
    segments_of,
)
from kpgeo.evidence.keys import PublicKey
from kpgeo.evidence.ledger_lines import check_ledger_lines
from kpgeo.evidence.statement import (
    MANIFEST,
    SIGNER,
    Envelope,
    NotAManifestError,
    digests_of,
    open_envelope,
    open_statement,
    pieces_of,
    pre_authentication,
    sha256,
)
from kpgeo.model.errors import BadInputError, IntegrityError

LEDGER = "ledger.jsonl"


class Sealed(StrEnum):
    """What a bundle's signature is worth here."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    UNSIGNED = "unsigned"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What checking a bundle came to.

    Attributes
    ----------
    alterations : tuple of Alteration
        Empty where it is intact.
    sealed : Sealed
        `BROKEN` wherever anything was altered: then the signature says nothing.
    fingerprint, signer : str
        Of the key it is signed with, and the name it is known by here; "" where there is none.
    sha256 : str
        Of the bundle itself.
    statement : mapping
        The manifest's statement; empty where it cannot be believed.
    files : mapping
        The bundle's files, by name; only where it is intact.
    """

    sha256: str
    alterations: tuple[Alteration, ...] = ()
    sealed: Sealed = Sealed.BROKEN
    fingerprint: str = ""
    signer: str = ""
    statement: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def is_intact(self) -> bool:
        """Say whether it is what was sealed."""
        return not self.alterations

    @property
    def predicate(self) -> Mapping[str, Any]:
        """Return what the manifest says beside the digests."""
        found: Mapping[str, Any] = self.statement.get("predicate", {})
        return found


def open_bundle(path: Path) -> bytes:
    """Return a bundle's bytes; no more than a bundle can have is read.

    Raises
    ------
    BadInputError
        There is no such file, or it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"The bundle cannot be read ({error.strerror}).", where=str(path)) from error


def verify_bundle(raw: bytes, trusted: Mapping[str, str] | None = None) -> Verification:
    """Check a bundle against its manifest and its signature.

    Parameters
    ----------
    raw : bytes
        The bundle.
    trusted : mapping of str to str
        Names of known signers by fingerprint.
    """
    digest = sha256(raw)
    if len(raw) > MAX_BYTES:
        what = f"It is larger than {MAX_BYTES // 2**20} MiB, and is not read."
        return Verification(sha256=digest, alterations=(Alteration(entry=CONTAINER, what=what),))
    best: _Reading | None = None
    for entries in (read_by_directory(raw), read_by_headers(raw)):
        reading = None if not entries else _Reading(raw, entries)
        if reading is not None and (best is None or len(reading.alterations) < len(best.alterations)):
            best = reading
        if best is not None and best.is_whole:
            break
    if best is None:
        what = "It is no evidence bundle, or its beginning and its end are both damaged."
        found = Alteration(entry=CONTAINER, what=what, first_byte=0, end_byte=max(len(raw), 1))
        return Verification(sha256=digest, alterations=(found,))
    return best.verdict(digest, trusted or {})


def read_bundle(raw: bytes, where: str) -> Verification:
    """Return an intact bundle.

    Raises
    ------
    IntegrityError
        Something was altered; the message names the file and line, or byte.
    """
    checked = verify_bundle(raw)
    if checked.is_intact:
        return checked
    first, more = checked.alterations[0], len(checked.alterations) - 1
    raise IntegrityError(
        f"{first.what}{f' ({more} more)' if more else ''}",
        where=f"{where}: {first.where}",
        remedy="Ask whoever gave it to you for another copy, and compare: kpgeo verify.",
    )


class _Reading:
    """A bundle read by one of its two layouts, and all that does not fit in it."""

    def __init__(self, raw: bytes, entries: Sequence[Stored]) -> None:
        self._raw = raw
        self._entries = entries
        self._files = {entry.name: entry for entry in entries}
        self._statement: dict[str, Any] = {}
        self._key: PublicKey | None = None
        self.alterations = tuple(self._all())

    @property
    def is_whole(self) -> bool:
        """Say whether the layout is not in doubt: the container is as it should be, and no file is missing."""
        return not any(one.entry == CONTAINER or one.entry not in self._files for one in self.alterations)

    def verdict(self, digest: str, trusted: Mapping[str, str]) -> Verification:
        """Return what this reading says of the bundle."""
        fingerprint = self._key.fingerprint if self._key is not None else ""
        if self.alterations:
            return Verification(sha256=digest, alterations=self.alterations)
        sealed = Sealed.UNSIGNED
        if fingerprint:
            sealed = Sealed.KNOWN if fingerprint in trusted else Sealed.UNKNOWN
        return Verification(
            sha256=digest,
            sealed=sealed,
            fingerprint=fingerprint,
            signer=trusted.get(fingerprint, ""),
            statement=self._statement,
            files={name: entry.content for name, entry in self._files.items()},
        )

    def _all(self) -> list[Alteration]:
        found = [*self._names(), *self._manifest(), *self._contents()]
        found += self._container({one.entry for one in found})
        if not found and LEDGER in self._files:
            for line, what in check_ledger_lines(self._files[LEDGER].content):
                found.append(Alteration(entry=LEDGER, what=what, lines=(line,)))
        return found

    def _names(self) -> Iterator[Alteration]:
        """Yield names that are there twice, or that could lead elsewhere."""
        seen: set[str] = set()
        for entry in self._entries:
            if not is_good_name(entry.name):
                shown = entry.name.encode("unicode_escape").decode("ascii")[:80]
                yield of_container(entry, f"An entry is named {shown!r}, which no bundle's file is.")
            elif entry.name in seen:
                yield of_container(entry, f"{entry.name} stands in it twice.")
            seen.add(entry.name)

    def _manifest(self) -> Iterator[Alteration]:
        """Yield what is wrong with the manifest and its signature, and keep the statement where nothing is."""
        entry = self._files.get(MANIFEST)
        if entry is None:
            yield Alteration(entry=MANIFEST, what="The manifest is missing.")
            return
        try:
            envelope = open_envelope(entry.content)
            statement = open_statement(envelope.payload)
        except NotAManifestError as error:
            yield self._torn(entry, f"The manifest was changed: {error}.")
            return
        if flipped_byte(entry) is not None:
            yield self._torn(entry, "The manifest was changed.")
            return
        self._statement = statement
        yield from self._signature(entry, envelope)

    def _torn(self, entry: Stored, what: str) -> Alteration:
        place = flipped_byte(entry)
        end = None if place is None else place + 1
        return Alteration(entry=MANIFEST, what=what, lines=(1,), first_byte=place, end_byte=end)

    def _signature(self, entry: Stored, envelope: Envelope) -> Iterator[Alteration]:
        """Yield why the signature does not hold."""
        signer = self._files.get(SIGNER)
        stated = digests_of(self._statement).get(SIGNER)
        if signer is None and stated is None:
            if envelope.signature:
                yield self._torn(entry, "It is signed, but the key of the signature is not in the bundle.")
            return
        if signer is None or sha256(signer.content) != stated:
            return  # the file is named where contents are checked
        try:
            key = PublicKey(signer.content)
            holds = key.is_plain and key.fingerprint == envelope.keyid
            holds = holds and key.is_signed(envelope.signature, pre_authentication(envelope.payload))
        except BadInputError:
            yield Alteration(entry=SIGNER, what="It holds no public key.")
            return
        if not holds:
            what = "The signature does not hold: the manifest was changed, or put in by somebody without the key."
            yield self._torn(entry, what)
            return
        self._key = key

    def _contents(self) -> Iterator[Alteration]:
        """Yield files that are missing, were put in, or were changed."""
        if not self._statement:
            yield from self._by_checksum()
            return
        stated = digests_of(self._statement)
        for name in sorted(stated.keys() - self._files.keys()):
            yield Alteration(entry=name, what="The file is missing.")
        for entry in self._entries:
            if entry.name == MANIFEST or not is_good_name(entry.name):
                continue
            if entry.name not in stated:
                yield Alteration(entry=entry.name, what="The file was put in: the manifest does not name it.")
            elif sha256(entry.content) != stated[entry.name]:
                yield changed_file(entry, stated[entry.name], list(pieces_of(self._statement, entry.name)))

    def _by_checksum(self) -> Iterator[Alteration]:
        """Yield files that do not fit the container's own checksums, where there is no manifest to go by."""
        for entry in self._entries:
            place = flipped_byte(entry)
            if entry.name != MANIFEST and place is not None:
                yield at_byte(entry, place)

    def _container(self, altered: set[str]) -> Iterator[Alteration]:
        """Yield the first byte of the container that does not follow from its entries."""
        place = 0
        for segment in segments_of([(entry.name, entry.content) for entry in self._entries]):
            end = place + len(segment.content)
            found = self._raw[place:end]
            is_named = segment.entry in altered and segment.field == "checksum"
            if found != segment.content and not is_named:
                pairs = zip(found, segment.content, strict=False)
                offset = next((number for number, (now, was) in enumerate(pairs) if now != was), len(found))
                of = f" of {segment.entry}" if segment.entry else ""
                what = f"The {segment.part}{of} was changed{f' ({segment.field})' if segment.field else ''}."
                yield Alteration(entry=CONTAINER, what=what, first_byte=place + offset, end_byte=place + offset + 1)
                return
            place = end
        if place < len(self._raw):
            yield Alteration(
                entry=CONTAINER, what="There is something after its end.", first_byte=place, end_byte=len(self._raw)
            )
        if not altered and [entry.name for entry in self._entries] != sorted(self._files):
            yield Alteration(entry=CONTAINER, what="Its entries are in another order.")


def require_alert(checked: Verification) -> Mapping[str, Any]:
    """Return what the manifest of an intact bundle says of its alert.

    Raises
    ------
    BadInputError
        It was altered, or is a bundle of something else: anybody may seal anything.
    """
    told = checked.predicate
    head = told.get("ledger_head")
    is_one = all(isinstance(told.get(name), str) for name in ("aoi", "alert", "dekad"))
    is_one = is_one and isinstance(told.get("code"), dict) and isinstance(head, dict)
    if not (is_one and isinstance(head, dict) and isinstance(head.get("seq"), int) and "digest" in head):
        raise BadInputError("It is no bundle of an alert.", where=checked.sha256[:12])
    return told


def as_json(checked: Verification) -> dict[str, Any]:
    """Return what a verification came to as plain JSON."""
    predicate = checked.predicate
    told = ("aoi", "alert", "site", "dekad", "release", "lineage", "code", "ledger_head")
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(
            {
                "is_intact": checked.is_intact,
                "sealed": str(checked.sealed),
                "fingerprint": checked.fingerprint or None,
                "signer": checked.signer or None,
                "sha256": checked.sha256,
                "alterations": [one.as_json() for one in checked.alterations],
                **{name: predicate.get(name) for name in told},
            }
        )
    )
