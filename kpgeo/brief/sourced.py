"""Where a fact comes from, and what a stratum is called, in one language."""

from kpgeo.brief.vocabulary import CONFIDENCE
from kpgeo.brief.words import Words, plain
from kpgeo.model.aoi import Sourced, Stratum

_SOURCE_LIMIT = 200


def source_in_words(sourced: Sourced, words: Words) -> str:
    """Write where a fact comes from, with its mark and confidence."""
    said = words.say(CONFIDENCE[sourced.confidence])
    mark = f" {words.name(sourced.mark)}" if sourced.mark else ""
    return f"{plain(sourced.source, _SOURCE_LIMIT)}{mark}; {said}"


def stratum_in_words(stratum: Stratum, words: Words) -> str:
    """Name a stratum in the language, else in English, else by its id."""
    return words.name(stratum.names.get(words.language) or stratum.names.get("en") or stratum.id)
