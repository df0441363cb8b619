"""What is sent of a dekad's alerts: small records with counts, place, question and what could not be seen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from kpgeo.alerts.operating import Json, operating_content, true_share
from kpgeo.alerts.rules import LOOKED_AGAIN, AlertContext
from kpgeo.model.alert import Alert, AlertEvent, MachineState
from kpgeo.model.calendar import date_of, dekad_label
from kpgeo.model.ids import make_id
from kpgeo.model.site import Site

_SENT = frozenset({MachineState.PROVISIONAL, MachineState.CONFIRMED, MachineState.EXPIRED, MachineState.FINISHED})
_NEVER_SENT = frozenset({MachineState.CANDIDATE, MachineState.FIRST})


@dataclass(frozen=True, kw_only=True)
class OutboxEntry:
    """One thing to send.

    Attributes
    ----------
    id : str
        Hash of the event it tells of: sending is keyed by it, so that a repeated run sends nothing twice.
    kind : str
        `alert-<state>`.
    payload : dict
        Plain JSON: numbers, texts, lists. Dates are ISO; areas ha; longitude and latitude degrees.
    """

    id: str
    kind: str
    payload: dict[str, Json]


def outbox_entries(
    alerts: Sequence[Alert], events: Sequence[AlertEvent], context: AlertContext, sites: Sequence[Site] = ()
) -> list[OutboxEntry]:
    """Return what to send of a dekad: alerts that became provisional or confirmed, and sent ones that ended.

    An alert that only came back from `undetermined` is no news, and the end of one nobody was told of is none either.

    Parameters
    ----------
    alerts, events
        As `raise_alerts` returned them for the context's dekad.
    sites : sequence of Site, optional
        The dekad's sites; with them an entry carries longitude, latitude and stratum.
    """
    by_id = {alert.id: alert for alert in alerts}
    places = {site.id: site for site in sites}
    counts: dict[str, Json] = dict(sorted(Counter(str(alert.state) for alert in alerts).items()))
    return [
        OutboxEntry(
            id=make_id("outbox", event.id),
            kind=f"alert-{event.after}",
            payload=_payload(by_id[event.alert_id], event, places.get(event.evidence.site_id), context)
            | {"counts": counts},
        )
        for event in sorted(events, key=lambda event: event.id)
        if _is_news(event)
    ]


def _is_news(event: AlertEvent) -> bool:
    """Say whether an event is worth sending."""
    words = event.reason.split()
    if event.after not in _SENT or LOOKED_AGAIN in words:
        return False
    was_sent = event.before not in _NEVER_SENT and not any(f"held:{state}" in words for state in _NEVER_SENT)
    return was_sent or event.after in {MachineState.PROVISIONAL, MachineState.CONFIRMED}


def _payload(alert: Alert, event: AlertEvent, site: Site | None, context: AlertContext) -> dict[str, Json]:
    """Return one event as plain JSON."""
    evidence = event.evidence
    payload: dict[str, Json] = {
        "aoi": alert.aoi_id,
        "alert": alert.id,
        "site": alert.site_id,
        "dekad": dekad_label(event.dekad),
        "question": str(alert.question),
        "state": str(event.after),
        "before": str(event.before) if event.before else None,
        "reason": event.reason,
        "area_ha": round(evidence.area_ha, 3),
        "area_low_ha": round(evidence.area_low_ha, 3),
        "area_high_ha": round(evidence.area_high_ha, 3),
        "confidence": round(evidence.confidence, 3),
        "first_seen": date_of(evidence.first_day).isoformat(),
        "last_seen": date_of(evidence.last_day).isoformat(),
        "hits": evidence.hits,
        "looked_dekads": evidence.looked_dekads,
        "sensors": list(evidence.sensors),
        "gaps": list(alert.gaps),
        "aoi_look_frac": round(context.coverage.look_frac, 3),
    }
    if context.operating is not None:
        share = true_share(context.operating, evidence.confidence)
        payload["true_share"] = None if share is None else round(share, 3)
        payload["operating"] = operating_content(context.operating)
    if context.left_out is not None:
        payload["left_out"] = asdict(context.left_out)
    if site is not None:
        lon, lat = site.lon_lat
        payload |= {"lon": round(lon, 6), "lat": round(lat, 6), "stratum": site.stratum_id}
        payload["surroundings"] = context.surroundings.get(site.id)
    return payload
