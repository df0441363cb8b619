"""The container of a bundle: a ZIP file of which every byte follows from the names and contents of its entries.

Nothing is compressed, no entry has a date, names are sorted. So the bytes that a reader finds can be held against those
the writer would have put there, and whatever was changed in between has a place. A general reader of ZIP files looks
over much of what a person could change: a local header that says other than the directory, a second entry of the same
name, bytes between two entries or after the end. Here each of these is a difference.

The layout is read twice, from the directory at the end and from the headers in front of the entries, because either
may be what was damaged. Format: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kpgeo.model.errors import BadInputError

MAX_BYTES = 256 * 1024 * 1024
MAX_ENTRIES = 512
MAX_NAME = 120
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LOCAL_BYTES, _CENTRAL_BYTES, _END_BYTES = 30, 46, 22
_VERSION, _DATE = 20, 0x21  # 2.0; 1 January 1980, the first day a ZIP file can tell


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Some bytes of a container, and what they are.

    Attributes
    ----------
    entry : str
        The entry they belong to; "" for the end record.
    part : str
        `content`, `local header`, `directory` or `end record`.
    field : str
        Of a header: `checksum`, `size`, ...
    """

    entry: str
    part: str
    field: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An entry as it lies in a container: its bytes, where they begin, and the CRC-32 stated for them."""

    name: str
    content: bytes
    begin_byte: int
    stated_crc: int


def is_good_name(name: str) -> bool:
    """Say whether a name may stand in a bundle: plain letters and digits, no way out of the folder it is unpacked to.

    >>> is_good_name("chips/after.png"), is_good_name("../x"), is_good_name("/x"), is_good_name("a//b")
    (True, False, False, False)
    """
    return len(name) <= MAX_NAME and _NAME.fullmatch(name) is not None


def compose_container(files: Mapping[str, bytes]) -> bytes:
    """Return the container of some files; the same files give the same bytes.

    Raises
    ------
    BadInputError
        A name could not be unpacked safely everywhere, or there is too much.
    """
    for name in files:
        if not is_good_name(name):
            raise BadInputError(
                f"{name[:MAX_NAME]!r} cannot name a file of a bundle.",
                remedy="Use letters, digits, dots, hyphens and underscores.",
            )
    if len(files) > MAX_ENTRIES or sum(map(len, files.values())) > MAX_BYTES // 2:
        raise BadInputError(f"A bundle holds {MAX_ENTRIES} files and {MAX_BYTES // 2**21} MiB at most.")
    return b"".join(segment.content for segment in segments_of(sorted(files.items())))


def segments_of(entries: Sequence[tuple[str, bytes]]) -> Iterator[Segment]:
    """Yield the bytes of a container with these entries, in order, cut by what they are."""
    begin, directory = 0, []
    for name, content in entries:
        crc, size = zlib.crc32(content), len(content)
        head = list(_local_header(name, crc, size))
        yield from head
        yield Segment(entry=name, part="content", field="", content=content)
        directory += list(_directory_record(name, crc, size, begin))
        begin += sum(len(segment.content) for segment in head) + size
    yield from directory
    length = sum(len(segment.content) for segment in directory)
    count = len(entries)
    yield from _fields("", "end record", _END_FIELDS, (_END, 0, 0, count, count, length, begin, 0))


_SHARED = (
    ("version needed", "<H"), ("flags", "<H"), ("method", "<H"), ("time", "<H"), ("date", "<H"), ("checksum", "<L"),
    ("stored size", "<L"), ("size", "<L"), ("length of the name", "<H"), ("length of extra fields", "<H"),
)  # fmt: skip
_LOCAL_FIELDS = (("signature", "4s"), *_SHARED)
_CENTRAL_FIELDS = (
    ("signature", "4s"), ("version made by", "<H"), *_SHARED, ("length of the comment", "<H"), ("disk", "<H"),
    ("internal attributes", "<H"), ("external attributes", "<L"), ("offset", "<L"),
)  # fmt: skip
_END_FIELDS = (
    ("signature", "4s"), ("disk", "<H"), ("disk of the directory", "<H"), ("entries on the disk", "<H"),
    ("entries", "<H"), ("size of the directory", "<L"), ("offset of the directory", "<L"),
    ("length of the comment", "<H"),
)  # fmt: skip


def _local_header(name: str, crc: int, size: int) -> Iterator[Segment]:
    raw = name.encode("utf-8")
    yield from _fields(
        name, "local header", _LOCAL_FIELDS, (_LOCAL, _VERSION, 0, 0, 0, _DATE, crc, size, size, len(raw), 0)
    )
    yield Segment(entry=name, part="local header", field="name", content=raw)


def _directory_record(name: str, crc: int, size: int, begin: int) -> Iterator[Segment]:
    raw = name.encode("utf-8")
    shared = (_VERSION, _VERSION, 0, 0, 0, _DATE, crc, size, size, len(raw), 0)
    yield from _fields(name, "directory", _CENTRAL_FIELDS, (_CENTRAL, *shared, 0, 0, 0, 0, begin))
    yield Segment(entry=name, part="directory", field="name", content=raw)


def _fields(
    entry: str, part: str, fields: Sequence[tuple[str, str]], values: Sequence[bytes | int]
) -> Iterator[Segment]:
    for (field, layout), value in zip(fields, values, strict=True):
        yield Segment(entry=entry, part=part, field=field, content=struct.pack(layout, value))


def read_by_directory(raw: bytes) -> list[Stored] | None:
    """Return the entries that the directory at the end names; None where there is none that can be followed."""
    if len(raw) < _END_BYTES or raw[-_END_BYTES:][:4] != _END:
        return None
    count, length, begin = struct.unpack("<HLL", raw[-_END_BYTES + 10 : -2])
    if count > MAX_ENTRIES or begin + length + _END_BYTES != len(raw):
        return None
    found, place = [], begin
    for _ in range(count):
        if raw[place : place + 4] != _CENTRAL or place + _CENTRAL_BYTES > len(raw):
            return None
        crc, stored, _, name_bytes, extra_bytes, comment_bytes = struct.unpack("<LLLHHH", raw[place + 16 : place + 34])
        (offset,) = struct.unpack("<L", raw[place + 42 : place + 46])
        name = raw[place + _CENTRAL_BYTES : place + _CENTRAL_BYTES + name_bytes]
        first = offset + _LOCAL_BYTES + name_bytes
        if first + stored > begin:
            return None
        found.append(_stored(name, raw[first : first + stored], first, crc))
        place += _CENTRAL_BYTES + name_bytes + extra_bytes + comment_bytes
    return found if place == begin + length else None


def read_by_headers(raw: bytes) -> list[Stored]:
    """Return the entries as they follow each other from the beginning, as far as that can be followed."""
    found: list[Stored] = []
    place = 0
    while raw[place : place + 4] == _LOCAL and place + _LOCAL_BYTES <= len(raw) and len(found) <= MAX_ENTRIES:
        crc, stored, _, name_bytes, extra_bytes = struct.unpack("<LLLHH", raw[place + 14 : place + 30])
        name = raw[place + _LOCAL_BYTES : place + _LOCAL_BYTES + name_bytes]
        first = place + _LOCAL_BYTES + name_bytes + extra_bytes
        if first + stored > len(raw):
            break
        found.append(_stored(name, raw[first : first + stored], first, crc))
        place = first + stored
    return found


def _stored(name: bytes, content: bytes, begin_byte: int, crc: int) -> Stored:
    return Stored(name=name.decode("utf-8", "replace"), content=content, begin_byte=begin_byte, stated_crc=crc)


def find_flipped_bit(content: bytes, stated_crc: int) -> int | None:
    """Return the byte in which one flipped bit explains a CRC-32 that does not fit; None where none does.

    A CRC is linear: what a flipped bit does to it depends on the bit's distance from the end alone, and one byte
    earlier it is that of one zero byte more (Peterson & Brown 1961, section V). So the difference is taken back by one
    zero byte after the other, until it is what a bit of the last byte makes.
    """
    wanted = zlib.crc32(content) ^ stated_crc
    if wanted == 0:
        return None
    for place in range(len(content) - 1, -1, -1):
        if wanted in _LAST_BYTE:
            return place
        number = _BACK[wanted >> 24]
        wanted = ((wanted ^ _TABLE[number]) << 8) | number
    return None


def _crc_table() -> list[int]:
    table = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()
_BACK = {value >> 24: number for number, value in enumerate(_TABLE)}
_LAST_BYTE = frozenset(_TABLE[1 << bit] for bit in range(8))
