"""The AOI folder: which files it holds, and how an id becomes a path without leaving it."""

import unicodedata
from pathlib import Path

from kpgeo.model.errors import BadInputError
from kpgeo.registry.fields import id_fault
from kpgeo.registry.rules import Findings, clean

SUFFIXES = (".geojson", ".json")
_PACKAGE = Path(__file__).resolve().parents[1]


def aoi_folder() -> Path:
    """Return the folder of the AOIs that come with kpgeo: `kpgeo/_places/aoi` in a wheel, `aoi/` in a checkout.

    Raises
    ------
    BadInputError
        Neither is there.
    """
    for folder in (_PACKAGE / "_places" / "aoi", _PACKAGE.parent / "aoi"):
        if folder.is_dir():
            return folder
    raise BadInputError("The AOIs that come with kpgeo are missing.", remedy="Install kpgeo again.")


def is_path(text: str) -> bool:
    """Say whether a text names a file rather than an id: it ends like a GeoJSON file."""
    return text.lower().endswith(SUFFIXES)


def path_of_id(aoi_id: str, folder: Path, found: Findings) -> Path | None:
    """Return the file of an id inside `folder`, or None with a finding.

    The id's syntax leaves no way to write another folder; a link inside the folder that leads out of it is refused too.
    """
    fault = id_fault(aoi_id)
    if fault is not None:
        rule, what = fault
        looks_like_path = "/" in aoi_id or "\\" in aoi_id or "." in aoi_id
        found.add("file-extension" if looks_like_path else rule, what)
        return None
    path = folder / f"{aoi_id}.geojson"
    if not path.exists():
        found.add("aoi-unknown", f"There is no AOI '{aoi_id}' in {clean(str(folder), 200)}.")
        return None
    if not path.resolve().is_relative_to(folder.resolve()):
        found.add("file-outside-folder", "The file is a link that leads out of the AOI folder.")
        return None
    return path


def files_of(folder: Path, found: Findings) -> list[Path]:
    """Return the AOI files of a folder in the order of their names; names that collide are recorded.

    Two names collide when they differ only in case, accents or encoding, as `Séguéla` in normal forms C and D does:
    on another system the one file would replace the other.
    """
    paths = sorted(path for path in folder.iterdir() if is_path(path.name) and not path.name.startswith("."))
    plain: dict[str, Path] = {}
    for path in paths:
        slug = _slug(path.stem)
        if slug in plain:
            both = f"'{clean(plain[slug].name)}' and '{clean(path.name)}' are too much alike."
            found.add("file-names-collide", both, clean(path.name))
        plain.setdefault(slug, path)
    return paths


def _slug(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
