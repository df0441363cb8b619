"""What a bundle says of itself, to people, in three languages."""

import re
from collections.abc import Mapping
from importlib.resources import files

from kpgeo.model.aoi import LANGUAGES

_FIELD = re.compile(r"\{([a-z_]+)\}")


def write_readmes(values: Mapping[str, str]) -> dict[str, bytes]:
    """Return the pages that explain a bundle, by file name.

    Parameters
    ----------
    values : mapping of str to str
        `aoi`, `alert`, `dekad`, `release` (`KP ONLY` or `PUBLIC`). Values are never read as templates.
    """
    folder = files("kpgeo.evidence") / "pages"
    pages = {}
    for language in LANGUAGES:
        text = (folder / f"README.{language}.txt").read_text(encoding="utf-8")
        filled = _FIELD.sub(lambda match: values[match[1]], text)
        pages[f"README.{language}.txt"] = filled.encode("utf-8")
    return pages
