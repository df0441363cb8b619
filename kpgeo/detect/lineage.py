"""The detector's name, version and lineage."""

from dataclasses import dataclass

from kpgeo.detect.library import library_of
from kpgeo.model.ids import digest
from kpgeo.options.base import StageOptions
from kpgeo.options.detect import DetectOptions


@dataclass(frozen=True, kw_only=True)
class Detector:
    """A detector is a value with a name and a version. When its numbers move, the version moves."""

    name: str
    version: str


DETECTOR = Detector(name="belief", version="2")


def lineage_of(aoi_version: str, history: tuple[str, ...], *options: StageOptions) -> str:
    """Return `belief-2-<8 hex>`: the digest of everything that moves the detector's numbers.

    Parameters
    ----------
    aoi_version : str
        Version of the AOI: its boundary sets the grid and its strata the prior.
    history : tuple of str
        First day and end of the history, ISO, and how often it is learnt anew.
    *options : StageOptions
        Options of ingest, features and detect. What the class library in use says is part of the lineage.

    Raises
    ------
    BadInputError
        The class library that the options name is refused.
    """
    libraries = [library_of(option).digest() for option in options if isinstance(option, DetectOptions)]
    digests = [option.digest() for option in options]
    key = digest(DETECTOR.name, DETECTOR.version, aoi_version, history, digests, libraries)
    return f"{DETECTOR.name}-{DETECTOR.version}-{key[:8]}"
