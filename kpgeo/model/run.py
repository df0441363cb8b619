"""Runs: what was asked, what was looked at, what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kpgeo.model.scene import Scene, Sensor

# How the reason of a gap begins that is one by choice: a run is none the poorer for it.
LEFT_OUT = "left-out"


class RunVerdict(StrEnum):
    """Silence is never "all quiet": a run that saw nothing says so."""

    CHANGES = "changes"
    NO_CHANGE = "no-change"
    NOT_LOOKED = "not-looked"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Something that should have been looked at and was not. `tile` is "" for the whole AOI."""

    aoi_id: str
    day: int
    sensor: Sensor | None
    scene_id: str
    reason: str
    tile: str = ""

    @property
    def is_chosen(self) -> bool:
        """Say whether it was left out by choice, and not for want of anything."""
        return self.reason.startswith(LEFT_OUT)


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of an AOI, or of one of its strata, was seen in a dekad.

    Attributes
    ----------
    stratum_id : str
        "" for the land outside every stratum, "*" for the whole AOI.
    scenes : int
        Acquisitions folded in.
    look_frac : float
        Share of pixels with at least one clear look of any sensor, 0–1.
    optical_frac : float
        Share of pixels with at least one clear optical look, 0–1.
    """

    aoi_id: str
    dekad: int
    stratum_id: str
    scenes: int
    look_frac: float
    optical_frac: float


@dataclass(frozen=True, kw_only=True)
class RefitCount:
    """What became of the pixels of an AOI's grid when its baseline was learnt anew.

    Attributes
    ----------
    dekad : int
        The first dekad the new baseline holds for.
    scenes : int
        Acquisitions it was learnt from.
    px : mapping
        Pixels by what was done with them, in the words of `detect.Refit`, lower case: learnt anew or kept, and why.
    """

    dekad: int
    scenes: int
    px: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What one run over one AOI came to.

    Attributes
    ----------
    withdrawn : tuple of Scene
        Folded out again, because their catalogue no longer names them.
    beside : str
        The lineage that speaks for the AOI, where it is not this run's; "" where it is.
    """

    run_id: str
    aoi_id: str
    verdict: RunVerdict
    scenes_new: int
    tiles: int
    snapshot_id: str
    first_dekad: int | None
    last_dekad: int | None
    alerts_raised: int
    sites_active: int
    gaps: tuple[Gap, ...] = field(default=())
    seconds: float = 0.0
    refits: tuple[RefitCount, ...] = ()
    withdrawn: tuple[Scene, ...] = ()
    beside: str = ""
