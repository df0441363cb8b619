"""Options that several commands share, and how their text becomes values."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from kpgeo.model.aoi import LANGUAGES, Language
from kpgeo.model.errors import BadInputError

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout's last line.")]
AnyWorkspace = Annotated[
    Path | None, typer.Option("--workspace", envvar="KPGEO_WORKSPACE", help="Workspace; the pipeline's own by default.")
]
HereWorkspace = Annotated[
    Path, typer.Option("--workspace", envvar="KPGEO_WORKSPACE", help="Workspace that a run has written.")
]
SomeAoi = Annotated[str | None, typer.Option("--aoi", help="Only this AOI.")]

HERE = Path("workspace")


def date(text: str | None, option: str) -> dt.date | None:
    """Read an ISO date.

    Raises
    ------
    BadInputError
        The text is not a date.
    """
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInputError(f"{text!r} is not a date.", where=option, remedy="Write it as 2024-08-31.") from error


def language_of(text: str) -> Language:
    """Read a language kpgeo speaks.

    Raises
    ------
    BadInputError
        For any other.
    """
    for language in LANGUAGES:
        if text == language:
            return language
    raise BadInputError(f"kpgeo does not speak {text!r}.", where="--language", remedy="Use en, fr or pt.")


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """Read options of the form name=value.

    Raises
    ------
    BadInputError
        One has another form.
    """
    found = {}
    for text in texts or []:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise BadInputError(f"{text!r} is not name=value.", where=option, remedy="Write carats=Weight.")
        found[name.strip()] = value.strip()
    return found


def one_of(text: str, choices: tuple[str, ...], option: str) -> str:
    """Read an option that is one of some words.

    Raises
    ------
    BadInputError
        It is another.
    """
    if text not in choices:
        raise BadInputError(f"{text!r} is not one of {', '.join(choices)}.", where=option)
    return text
