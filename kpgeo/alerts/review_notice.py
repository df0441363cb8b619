"""What the machine said when a person took a step, and what is sent when a published alert is withdrawn."""

from kpgeo.alerts.outbox import OutboxEntry
from kpgeo.model.alert import Alert
from kpgeo.model.calendar import date_of, dekad_label
from kpgeo.model.ids import make_id
from kpgeo.model.review import AlertSeen, Review, ReviewStep
from kpgeo.model.site import Site

WITHDRAWN = "alert-withdrawn"


def alert_seen(alert: Alert, site: Site, lineage: str) -> AlertSeen:
    """Return what the machine says of an alert now."""
    lon, lat = site.lon_lat
    evidence = alert.evidence
    return AlertSeen(
        site_id=alert.site_id,
        lineage=lineage,
        raised_dekad=alert.raised_dekad,
        dekad=alert.dekad,
        state=str(alert.state),
        question=str(alert.question),
        confidence=round(evidence.confidence, 4),
        area_ha=round(evidence.area_ha, 4),
        area_low_ha=round(evidence.area_low_ha, 4),
        area_high_ha=round(evidence.area_high_ha, 4),
        first_day=evidence.first_day,
        last_day=evidence.last_day,
        hits=evidence.hits,
        looked_dekads=evidence.looked_dekads,
        lon=round(lon, 6),
        lat=round(lat, 6),
        stratum=site.stratum_id,
    )


def withdrawal_notice(review: Review, step: ReviewStep, seen: AlertSeen) -> OutboxEntry:
    """Return the notice that a published alert is withdrawn: who heard of it is to hear that it does not stand.

    Its id follows from the alert and the state it was withdrawn from, so that it is sent once. `withdrawn` is text
    somebody typed.
    """
    return OutboxEntry(
        id=make_id("outbox", review.alert_id, WITHDRAWN, review.seq),
        kind=WITHDRAWN,
        payload={
            "aoi": review.aoi_id,
            "alert": review.alert_id,
            "site": seen.site_id,
            "dekad": dekad_label(seen.dekad),
            "question": seen.question,
            "state": "withdrawn",
            "before": "published",
            "reason": "withdrawn-by-review",
            "withdrawn": step.text,
            "area_ha": seen.area_ha,
            "area_low_ha": seen.area_low_ha,
            "area_high_ha": seen.area_high_ha,
            "confidence": seen.confidence,
            "first_seen": date_of(seen.first_day).isoformat(),
            "last_seen": date_of(seen.last_day).isoformat(),
            "hits": seen.hits,
            "looked_dekads": seen.looked_dekads,
            "sensors": [],
            "gaps": [],
            "lon": seen.lon,
            "lat": seen.lat,
            "stratum": seen.stratum,
        },
    )
