"""What is not as it was sealed, named as closely as can be: the line of a text, the byte, the block, the container."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kpgeo.evidence.container import Stored, find_flipped_bit
from kpgeo.evidence.statement import BLOCK_BYTES, is_text, piece_digest, pieces, sha256

CONTAINER = "the container"
_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Alteration:
    """Something in a bundle that is not as it was sealed.

    Attributes
    ----------
    entry : str
        The file in the bundle, or `CONTAINER`.
    what : str
        What is wrong, a sentence.
    lines : tuple of int
        The lines concerned, from 1 on; empty where it is no text.
    first_byte, end_byte : int or None
        The bytes concerned, half-open, from 0 on: of the file, or of the bundle where `entry` is `CONTAINER`.
    """

    entry: str
    what: str
    lines: tuple[int, ...] = ()
    first_byte: int | None = None
    end_byte: int | None = None

    @property
    def where(self) -> str:
        """Say where it is: `ledger.jsonl, line 3`."""
        parts = [self.entry]
        if self.lines:
            shown = ", ".join(map(str, self.lines[:_MOST_NAMED])) + (" ..." if len(self.lines) > _MOST_NAMED else "")
            parts.append(f"line{'s' if len(self.lines) > 1 else ''} {shown}")
        if self.first_byte is not None and self.end_byte is not None:
            is_one = self.end_byte - self.first_byte == 1
            parts.append(f"byte {self.first_byte}" if is_one else f"bytes {self.first_byte} to {self.end_byte - 1}")
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        span = None if self.first_byte is None else [self.first_byte, self.end_byte]
        return {"entry": self.entry, "lines": list(self.lines), "bytes": span, "what": self.what}


def of_container(entry: Stored, what: str) -> Alteration:
    """Return what is wrong with an entry of the container itself."""
    return Alteration(
        entry=CONTAINER, what=what, first_byte=entry.begin_byte, end_byte=entry.begin_byte + max(len(entry.content), 1)
    )


def flipped_byte(entry: Stored) -> int | None:
    """Return the byte of an entry that one flipped bit explains; None where none does."""
    return find_flipped_bit(entry.content, entry.stated_crc)


def at_byte(entry: Stored, place: int) -> Alteration:
    """Return that one bit of an entry was changed."""
    lines = (entry.content[:place].count(b"\n") + 1,) if is_text(entry.name) else ()
    return Alteration(entry=entry.name, what="One bit was changed.", lines=lines, first_byte=place, end_byte=place + 1)


def changed_file(entry: Stored, stated: str, was: Sequence[str]) -> Alteration:
    """Return a changed file with the lines or bytes that were changed.

    Parameters
    ----------
    stated : str
        The digest that was sealed.
    was : sequence of str
        Digests of the pieces that were sealed.
    """
    place = flipped_byte(entry)
    if place is not None and _is_mended(entry.content, place, stated):
        return at_byte(entry, place)
    now = [piece_digest(piece) for piece in pieces(entry.name, entry.content)]
    if is_text(entry.name):
        return _changed_lines(entry.name, was, now)
    first, last = _span(was, now)
    end = min((len(now) - last) * BLOCK_BYTES, len(entry.content))
    return Alteration(
        entry=entry.name,
        what="The file was changed.",
        first_byte=first * BLOCK_BYTES,
        end_byte=max(end, first * BLOCK_BYTES + 1),
    )


def _is_mended(content: bytes, place: int, stated: str) -> bool:
    """Say whether flipping back one bit of a byte gives what was sealed."""
    head, byte, tail = content[:place], content[place], content[place + 1 :]
    return any(sha256(head + bytes([byte ^ (1 << bit)]) + tail) == stated for bit in range(8))


def _changed_lines(name: str, was: Sequence[str], now: Sequence[str]) -> Alteration:
    """Return which lines of a text are not those that were sealed."""
    if len(was) == len(now):
        lines = tuple(number for number, pair in enumerate(zip(was, now, strict=True), start=1) if pair[0] != pair[1])
        return Alteration(entry=name, what="The file was changed.", lines=lines)
    first, last = _span(was, now)
    difference = len(now) - len(was)
    count = abs(difference)
    what = f"{count} line{'s were' if count > 1 else ' was'} {'put in' if difference > 0 else 'taken out'}."
    lines = tuple(range(first + 1, max(len(now) - last, first + 1) + 1))
    return Alteration(entry=name, what=what, lines=lines)


def _span(was: Sequence[str], now: Sequence[str]) -> tuple[int, int]:
    """Return how many pieces are the same at the beginning, and how many of the others at the end."""
    first = next(
        (number for number, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now))
    )
    room = min(len(was), len(now)) - first
    last = next((number for number in range(room) if was[-1 - number] != now[-1 - number]), room)
    return first, last
