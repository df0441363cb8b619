"""The phrases of a comparison in three languages, read from `phrases.toml` beside this module."""

import tomllib
from functools import cache
from importlib.resources import files


@cache
def phrases() -> dict[str, dict[str, str]]:
    """Return the phrases by key and language; their fields are filled with `str.format`."""
    return _table("phrases")


@cache
def factor_names() -> dict[str, dict[str, str]]:
    """Return the names of the capacity chain's factors by factor and language."""
    return _table("factors")


@cache
def participant_names() -> dict[str, dict[str, str]]:
    """Return names of participants that differ from the country's in Unicode CLDR, by ISO 3166 alpha-3 code."""
    return _table("participants")


def _table(name: str) -> dict[str, dict[str, str]]:
    content = tomllib.loads(files("kpgeo.production").joinpath("phrases.toml").read_text(encoding="utf-8"))
    table: dict[str, dict[str, str]] = content[name]
    return table
