"""Decisions: what was made of one dekad of state, and the commit that names the state it was made of."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from kpgeo.model.alert import Alert, AlertEvent
from kpgeo.model.run import Coverage
from kpgeo.model.site import ChangeObject, Site, SiteEvent


@dataclass(frozen=True, kw_only=True)
class DekadDecision:
    """Everything decided at the end of one dekad of one AOI.

    Attributes
    ----------
    changes : tuple of ChangeObject
        Outlined in this dekad.
    sites, alerts : tuple
        As they stand at the end of the dekad; their `dekad` is this one.
    site_events, alert_events : tuple
        What happened in the dekad.
    """

    dekad: int
    changes: tuple[ChangeObject, ...] = ()
    sites: tuple[Site, ...] = ()
    site_events: tuple[SiteEvent, ...] = ()
    alerts: tuple[Alert, ...] = ()
    alert_events: tuple[AlertEvent, ...] = ()
    coverage: tuple[Coverage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Commit:
    """What the tables of one AOI and lineage were decided from.

    Attributes
    ----------
    snapshot_id : str
        The commit of the pixel state.
    first_dekad, last_dekad : int
        The dekads decided by the last run, both included.
    scenes_digest : str
        Digest of the scenes folded in so far, a dot, and a digest of what else decisions follow from: options of sites
        and alerts, and which figures are declared. When the second part moves, everything is decided again.
    """

    aoi_id: str
    lineage: str
    snapshot_id: str
    first_dekad: int
    last_dekad: int
    scenes_digest: str


@dataclass(frozen=True, kw_only=True)
class OutboxItem:
    """Something to deliver. `id` is a hash of what it says, so that a receiver can tell a repetition.

    Attributes
    ----------
    kind : str
        What it is, such as `alerts`.
    payload : dict
        JSON content.
    created_dekad : int
        The dekad whose decision made it.
    sent_at : datetime or None
        When it was delivered, UTC; None while it waits.
    """

    id: str
    aoi_id: str
    kind: str
    payload: dict[str, Any] = field(hash=False)
    created_dekad: int
    sent_at: dt.datetime | None = None
