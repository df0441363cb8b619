"""Alerts: what changed, how surely, on what evidence, and what was not seen."""

from dataclasses import dataclass, field
from enum import StrEnum


class Question(StrEnum):
    """The question of the Working Group an alert serves."""

    ACTIVITY_WHERE_NONE_DECLARED = "activity-where-none-declared"
    DECLARED_OUTPUT_PLAUSIBLE = "declared-output-plausible"
    WHICH_SITES_TO_VISIT = "which-sites-to-visit"


class MachineState(StrEnum):
    """What the machine makes of a site, dekad by dekad. Human review is kept apart."""

    CANDIDATE = "candidate"
    FIRST = "first"
    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    ONGOING = "ongoing"
    FINISHED = "finished"
    EXPIRED = "expired"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What an alert rests on.

    Attributes
    ----------
    site_id : str
        The site it is about.
    hits, looked_dekads : int
        Dekads seen mined out of dekads looked at.
    sensors : tuple of str
        Sensors that looked at the site in the dekad.
    scene_ids : tuple of str
        The scenes folded in during the dekad.
    """

    site_id: str
    area_ha: float
    area_low_ha: float
    area_high_ha: float
    confidence: float
    first_day: int
    last_day: int
    hits: int
    looked_dekads: int
    sensors: tuple[str, ...] = ()
    scene_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AlertEvent:
    """A step in an alert's life, append-only. `id` is a hash of alert, dekad, states and evidence."""

    id: str
    alert_id: str
    dekad: int
    before: MachineState | None
    after: MachineState
    evidence: Evidence
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert on one site, as it stands at the end of a dekad: the fold of its events.

    Attributes
    ----------
    id : str
        Hash of AOI and site: one site, one alert.
    raised_dekad : int
        The dekad of its first event.
    misses : int
        Valid looks in a row without a hit.
    gaps : tuple of str
        What was not seen, in machine words (`no-clear-optical-look:2024-08-D1`, `single-sensor`, ...).
    """

    id: str
    aoi_id: str
    site_id: str
    question: Question
    state: MachineState
    raised_dekad: int
    dekad: int
    evidence: Evidence
    misses: int = 0
    held_state: MachineState | None = None
    gaps: tuple[str, ...] = field(default=())
