"""Why a file is not read."""

from typing import Literal

Fault = Literal[
    "open-failed",
    "read-failed",
    "truncated",
    "unknown-format",
    "broken-index",
    "broken-tile",
    "wrong-checksum",
    "no-crs",
    "too-large",
    "georeference-contradiction",
]


class FileError(Exception):
    """A file that cannot be read. `fault` says why, in machine words; `is_passing` whether trying again may help."""

    def __init__(self, fault: str, *, is_passing: bool = False) -> None:
        super().__init__(fault)
        self.fault = fault
        self.is_passing = is_passing
