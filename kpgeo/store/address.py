"""Where the tables of a workspace are: in its own file, or on a server whose address a file must not hold."""

import os
import re
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from kpgeo.model.errors import BadInputError
from kpgeo.store.files import write_atomic

VARIABLE = "KPGEO_DATABASE_URL"
"""The environment variable that says where the tables of new workspaces are."""
FILE = "kpgeo.db"
_NAMED = "database.txt"
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")


def has_tables(folder: Path) -> bool:
    """Say whether a folder is a workspace with tables, in its own file or on a server."""
    return (folder / FILE).exists() or (folder / _NAMED).exists()


def address_of(folder: Path, named: str = "") -> str:
    """Return the address of a workspace's tables, as SQLAlchemy writes it.

    What the caller names counts first, then what the workspace was made with, then its own file, then the environment.

    Parameters
    ----------
    named : str
        An address, or `env:NAME` for one in an environment variable; "" where nothing is named.

    Raises
    ------
    BadInputError
        The environment does not hold the variable; or the workspace has a file of its own, and another place is named.
    """
    known, own = _kept(folder), f"sqlite:///{folder / FILE}"
    if named not in {"", own} and not known and (folder / FILE).exists():
        raise BadInputError(
            f"This workspace has tables of its own ({FILE}), and another database is named.",
            where=str(folder),
            remedy=f"Name another workspace; or move {FILE} away, so that all is decided anew.",
        )
    chosen = named or known
    if not chosen and os.environ.get(VARIABLE) and not (folder / FILE).exists():
        chosen = f"env:{VARIABLE}"
    return _resolved(chosen, folder) if chosen else own


def keep_address(folder: Path, named: str = "") -> None:
    """Write down, for whoever opens the workspace later, where its tables are; never a password."""
    known = _kept(folder)
    if not named and not known and os.environ.get(VARIABLE) and not (folder / FILE).exists():
        named = f"env:{VARIABLE}"
    if named and named != known and is_open(named):
        write_atomic(folder / _NAMED, f"{named}\n".encode())


def is_open(named: str) -> bool:
    """Say whether an address may be seen by everybody: it is a variable's name, or holds no password.

    >>> is_open("env:KPGEO_DATABASE_URL"), is_open("postgresql://h/kpgeo"), is_open("postgresql://me:pw@h/kpgeo")
    (True, True, False)
    """
    if _ENV.fullmatch(named):
        return True
    try:
        url = make_url(named)
    except (ArgumentError, ValueError):
        return False
    return not url.password and not any(re.search("pass|secret|key", name, re.IGNORECASE) for name in url.query)


def _kept(folder: Path) -> str:
    try:
        return (folder / _NAMED).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError("It cannot be read where the tables are.", where=str(folder / _NAMED)) from error


def _resolved(chosen: str, folder: Path) -> str:
    variable = _ENV.fullmatch(chosen)
    if variable is None:
        return chosen
    url = os.environ.get(variable[1], "")
    if not url:
        raise BadInputError(
            f"The tables are in a database, and the environment holds no {variable[1]}.",
            where=str(folder),
            remedy=f"Set {variable[1]} to its address, such as postgresql://user:password@host/name.",
        )
    return url
