"""From bytes to JSON values, for files that strangers wrote.

Every limit is checked before the step it protects: size before reading, nesting before parsing (a parser that recurses
can be made to overflow its stack), number of positions before geometry.
"""

import json
import math
import re
import stat
from collections import Counter
from pathlib import Path
from typing import NoReturn

import numpy as np

from kpgeo.registry.rules import MAX_BYTES, MAX_DEPTH, Findings, clean

_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


class _BrokenRuleError(ValueError):
    """Carries a rule's name out of the parser's hooks."""

    def __init__(self, rule: str, what: str) -> None:
        self.rule = rule
        self.what = what
        super().__init__(rule, what)


def read_bytes(path: Path, found: Findings) -> bytes | None:
    """Return a file's bytes, or None with a finding. Only plain files up to `MAX_BYTES` are read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            found.add("file-unreadable", "This is not a plain file.")
            return None
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a possible file name"
        found.add("file-unreadable", f"The file cannot be read ({reason}).")
        return None
    if len(raw) > MAX_BYTES:
        found.add("file-too-large", f"The file is larger than {MAX_BYTES:,} bytes.")
        return None
    return raw


def parse_json(raw: bytes, found: Findings) -> object | None:
    """Return the JSON value of `raw`, or None with a finding.

    Refused are byte-order marks, other encodings, nesting deeper than `MAX_DEPTH`, repeated keys, NaN, Infinity and
    numbers that do not fit a float.
    """
    if raw.startswith(_BOM):
        found.refuse_or_repair("byte-order-mark", "The file begins with a byte-order mark.")
        raw = raw.removeprefix(_BOM)
    if raw.startswith(_MARKS) or b"\x00" in raw:
        found.add("not-utf8", "The file looks like UTF-16 or like binary content.")
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        found.add("not-utf8", f"The file is not UTF-8 (byte {error.start}).")
        return None
    depth = nesting_depth(raw)
    if depth > MAX_DEPTH:
        found.add("nesting-too-deep", f"The file nests {depth:,} levels deep.")
        return None
    try:
        value: object = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_small, object_pairs_hook=_unique
        )
    except _BrokenRuleError as error:
        found.add(error.rule, error.what)
    except json.JSONDecodeError as error:
        found.add("not-json", f"Line {error.lineno}, column {error.colno}: {error.msg}.")
    else:
        return value
    return None


def nesting_depth(raw: bytes) -> int:
    """Return how deep brackets and braces nest outside strings, without recursion.

    Escapes are cut out first, so that every quote left opens or closes a string.

    >>> nesting_depth(b'{"a": [1, "[[[[ ]]", [2]]}')
    3
    """
    marks = np.frombuffer(_ESCAPE.sub(b"", raw), dtype=np.uint8)
    is_outside = np.cumsum(marks == ord('"')) % 2 == 0
    marks = marks[is_outside]
    step = np.isin(marks, (ord("["), ord("{"))).astype(np.int8) - np.isin(marks, (ord("]"), ord("}"))).astype(np.int8)
    return int(np.cumsum(step, dtype=np.int32).max(initial=0))


def _refuse_constant(name: str) -> NoReturn:
    raise _BrokenRuleError("number-not-finite", f"{name} is not a number JSON knows.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _BrokenRuleError("number-not-finite", f"{clean(text, 24)} does not fit a floating-point number.")
    return value


def _small(text: str) -> int:
    if len(text) > 18:
        raise _BrokenRuleError("number-not-finite", f"{clean(text, 24)} is too long a whole number.")
    return int(text)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise _BrokenRuleError("key-repeated", f"The key '{clean(twice)}' stands twice in one object.")
    return content
