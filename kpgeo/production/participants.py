"""Who takes part in the Kimberley Process, in the spellings that files use. The European Union is one participant."""

import csv
import datetime as dt
import difflib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from kpgeo.model.calendar import date_of, day_of
from kpgeo.model.errors import BadInputError

# "EUU" is kpgeo's code of the European Union, which has none in ISO 3166-1 (the World Bank's; B-M).
#
# Members whose trade and production are the European Union's, by the day they acceded (treaties of accession); those of
# before the Kimberley Process began, by its first day.
_KP_BEGAN = dt.date(2003, 1, 1)
_IN_2004, _IN_2007, _IN_2013 = dt.date(2004, 5, 1), dt.date(2007, 1, 1), dt.date(2013, 7, 1)
EU_SINCE = {
    **dict.fromkeys(
        ("AUT", "BEL", "DEU", "DNK", "ESP", "FIN", "FRA", "GRC", "IRL", "ITA", "LUX", "NLD", "PRT", "SWE"), _KP_BEGAN
    ),
    **dict.fromkeys(("CYP", "CZE", "EST", "HUN", "LTU", "LVA", "MLT", "POL", "SVK", "SVN"), _IN_2004),
    **dict.fromkeys(("BGR", "ROU"), _IN_2007),
    "HRV": _IN_2013,
}
_EU_NAMES = {
    "belgium": "BEL", "germany": "DEU", "france": "FRA", "italy": "ITA", "netherlands": "NLD", "portugal": "PRT",
    "ireland": "IRL", "spain": "ESP", "luxembourg": "LUX", "czech republic": "CZE", "czechia": "CZE", "austria": "AUT",
    "denmark": "DNK", "finland": "FIN", "greece": "GRC", "sweden": "SWE", "hungary": "HUN", "poland": "POL",
    "cyprus": "CYP", "estonia": "EST", "latvia": "LVA", "lithuania": "LTU", "malta": "MLT", "slovakia": "SVK",
    "bulgaria": "BGR",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Participant:
    """One participant: code, the Kimberley Process's English name, region of the world, other spellings."""

    iso3: str
    name: str
    region: str
    aliases: tuple[str, ...]


@cache
def participants() -> dict[str, Participant]:
    """Return the participants of past and present that kpgeo knows, by code."""
    text = files("kpgeo.production").joinpath("participants.csv").read_text(encoding="utf-8")
    return {
        row["iso3"]: Participant(
            iso3=row["iso3"],
            name=row["participant"],
            region=row["region"],
            aliases=tuple(filter(None, row["aliases"].split("|"))),
        )
        for row in csv.DictReader(text.splitlines())
    }


def find_participant(text: str, day: int, where: str) -> Participant:
    """Return the participant that a name or code stands for on a day.

    Raises
    ------
    BadInputError
        Nobody is called so, or it is a country whose figures of that day are the European Union's.
    """
    key = _plain(text)
    iso3 = _spellings().get(key)
    member = iso3 if iso3 in EU_SINCE else _EU_NAMES.get(key)
    if member is not None and day >= day_of(EU_SINCE[member]):
        raise BadInputError(
            f"{text!r} is not a participant on {date_of(day)}: it is part of the European Union, which is one.",
            where=where,
            remedy="Enter the European Union's own figure; trade between its members is none.",
        )
    if iso3 is None:
        near = difflib.get_close_matches(key, list(_spellings()), n=1, cutoff=0.8)
        hint = f" Is {participants()[_spellings()[near[0]]].name!r} meant?" if near else ""
        raise BadInputError(
            f"{text[:60]!r} is not a participant kpgeo knows.",
            where=where,
            remedy=f"Write the Kimberley Process's English name, or the ISO 3166 alpha-3 code.{hint}",
        )
    return participants()[iso3]


@cache
def _spellings() -> dict[str, str]:
    return {
        _plain(spelling): one.iso3 for one in participants().values() for spelling in (one.iso3, one.name, *one.aliases)
    }


def _plain(text: str) -> str:
    """Return a spelling without accents, capitals, and kinds of apostrophe.

    >>> _plain("Côte D’Ivoire")
    "cote d'ivoire"
    """
    bare = unicodedata.normalize("NFKD", text.replace("’", "'")).casefold()
    return " ".join("".join(sign for sign in bare if not unicodedata.combining(sign)).split())
