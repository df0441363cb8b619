"""Identifiers: an id is a hash of what defines a thing, so making it twice makes it once."""

import hashlib
import json


def make_id(kind: str, *parts: object) -> str:
    """Return `<kind>-<12 hex digits>`, the same for the same parts on every machine.

    Examples
    --------
    >>> make_id("site", "civ-seguela", 19723)
    'site-d9052623a61b'
    """
    return f"{kind}-{digest(kind, *parts)[:12]}"


def digest(*parts: object) -> str:
    """Return the SHA-256 hex digest of the canonical JSON of `parts`."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
