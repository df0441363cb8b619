"""Rows to nouns and back. Every float, day and vertex comes back bit for bit."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from shapely import from_wkb, to_wkb
from shapely.geometry.base import BaseGeometry

from kpgeo.model.alert import Alert, AlertEvent, Evidence, MachineState, Question
from kpgeo.model.aoi import Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.decision import Commit, OutboxItem
from kpgeo.model.ids import digest
from kpgeo.model.production import (
    Activity,
    CapacityInterval,
    Comparison,
    DeclaredFigure,
    DeclaredKind,
    Flow,
    NotAssessable,
    Sector,
    TradeFigure,
    Verdict,
)
from kpgeo.model.run import Coverage, Gap
from kpgeo.model.scene import Granule, Scene, Sensor
from kpgeo.model.site import Area, ChangeObject, Growth, Site, SiteEvent, SiteEventKind, SiteStatus

Row = Mapping[Any, Any]
_SITE_PLAIN = (
    "id", "dekad", "opened_day", "grown_day", "last_day", "peak_area_ha", "confidence", "pond_frac", "look_frac",
    "elongation", "hits", "looked_dekads", "seed_row", "seed_col", "stratum_id", "merged_into",
    "misses", "looks",
)  # fmt: skip
_CHANGE_PLAIN = (
    "id", "dekad", "first_day", "last_day", "confidence", "seed_row", "seed_col", "n_px", "pond_frac", "elongation",
    "look_frac", "stratum_id",
)  # fmt: skip


def to_json(content: object) -> str:
    """Return canonical JSON: sorted keys, no spaces; NaN and infinities are refused."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_from_numpy
    )


def to_utc(moment: dt.datetime) -> str:
    """Return a moment in UTC to the microsecond, always of the same length, so that texts sort as moments do."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def to_utc_or_none(moment: dt.datetime | None) -> str | None:
    """Return a moment as `to_utc` does; None of none."""
    return None if moment is None else to_utc(moment)


def from_utc_or_none(text: str | None) -> dt.datetime | None:
    """Read a moment that `to_utc_or_none` wrote."""
    return None if text is None else dt.datetime.fromisoformat(text)


def _from_numpy(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be kept in a table")


def _pick(thing: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Return attributes as plain Python values: numpy scalars that a stage left in a noun become int and float."""
    return {name: _plain(getattr(thing, name)) for name in names}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _area_columns(area: Area) -> dict[str, float]:
    return {"area_ha": float(area.ha), "area_low_ha": float(area.low_ha), "area_high_ha": float(area.high_ha)}


def _area(row: Row) -> Area:
    return Area(ha=row["area_ha"], low_ha=row["area_low_ha"], high_ha=row["area_high_ha"])


def _geometry(content: bytes) -> BaseGeometry:
    geometry: BaseGeometry = from_wkb(content)
    return geometry


def row_of_scene(aoi_id: str, scene: Scene) -> dict[str, Any]:
    """Return the row of a scene."""
    return {
        "aoi_id": aoi_id,
        "id": scene.id,
        "sensor": scene.sensor.value,
        "platform": scene.platform,
        "sensed_at": scene.datetime.astimezone(dt.UTC).isoformat(),
        "day": scene.day,
        "relative_orbit": scene.relative_orbit,
        "orbit_state": scene.orbit_state,
        "granules": to_json([_granule_content(granule) for granule in scene.granules]),
        "footprint": to_wkb(scene.footprint),
        "dropped": to_json(scene.dropped),
    }


def scene_of_row(row: Row) -> Scene:
    """Rebuild a scene."""
    return Scene(
        sensor=Sensor(row["sensor"]),
        platform=row["platform"],
        datetime=dt.datetime.fromisoformat(row["sensed_at"]),
        relative_orbit=row["relative_orbit"],
        orbit_state=row["orbit_state"],
        granules=tuple(_granule(content) for content in json.loads(row["granules"])),
        footprint=_geometry(row["footprint"]),
        dropped=tuple(json.loads(row["dropped"])),
    )


def _granule_content(granule: Granule) -> dict[str, Any]:
    """Return a granule as plain values; one without alternatives as it was kept before there were any."""
    content = {spec.name: getattr(granule, spec.name) for spec in fields(granule) if spec.name != "alternatives"}
    others = [_granule_content(other) for other in granule.alternatives]
    return content | ({"alternatives": others} if others else {})


def _granule(content: Mapping[str, Any]) -> Granule:
    others = tuple(_granule(other) for other in content.get("alternatives", ()))
    return Granule(**{**content, "alternatives": others})


def row_of_gap(gap: Gap) -> dict[str, Any]:
    """Return the row of a gap; a gap of no one sensor has the sensor ""."""
    sensor = "" if gap.sensor is None else gap.sensor.value
    return {**_pick(gap, ("aoi_id", "day", "scene_id", "reason", "tile")), "sensor": sensor}


def gap_of_row(row: Row) -> Gap:
    """Rebuild a gap."""
    sensor = Sensor(row["sensor"]) if row["sensor"] else None
    return Gap(**{name: row[name] for name in ("aoi_id", "day", "scene_id", "reason", "tile")}, sensor=sensor)


def row_of_coverage(coverage: Coverage) -> dict[str, Any]:
    """Return the row of a coverage, without AOI and lineage."""
    return _pick(coverage, ("dekad", "stratum_id", "scenes", "look_frac", "optical_frac"))


def coverage_of_row(row: Row) -> Coverage:
    """Rebuild a coverage."""
    return Coverage(**{spec.name: row[spec.name] for spec in fields(Coverage)})


def row_of_change(change: ChangeObject) -> dict[str, Any]:
    """Return the row of a change object, without AOI and lineage."""
    return {**_pick(change, _CHANGE_PLAIN), "geometry": to_wkb(change.geometry), **_area_columns(change.area)}


def change_of_row(row: Row) -> ChangeObject:
    """Rebuild a change object."""
    return ChangeObject(
        **{name: row[name] for name in _CHANGE_PLAIN}, geometry=_geometry(row["geometry"]), area=_area(row)
    )


def row_of_site(site: Site) -> dict[str, Any]:
    """Return the row of a site, without AOI and lineage."""
    plain = {**_pick(site, _SITE_PLAIN), "status": site.status.value, "geometry": to_wkb(site.geometry)}
    growth = [[row.month, row.area.ha, row.area.low_ha, row.area.high_ha] for row in site.growth]
    return {**plain, **_area_columns(site.area), "growth": to_json(growth)}


def site_of_row(row: Row) -> Site:
    """Rebuild a site."""
    return Site(
        **{name: row[name] for name in _SITE_PLAIN},
        aoi_id=row["aoi_id"],
        status=SiteStatus(row["status"]),
        geometry=_geometry(row["geometry"]),
        area=_area(row),
        growth=tuple(
            Growth(month=month, area=Area(ha=ha, low_ha=low_ha, high_ha=high_ha))
            for month, ha, low_ha, high_ha in json.loads(row["growth"])
        ),
    )


def row_of_site_event(event: SiteEvent) -> dict[str, Any]:
    """Return the row of a site event, without AOI and lineage."""
    return {**_pick(event, ("id", "site_id", "dekad", "day", "area_ha", "other_id")), "kind": event.kind.value}


def site_event_of_row(row: Row) -> SiteEvent:
    """Rebuild a site event."""
    plain = {name: row[name] for name in ("id", "site_id", "dekad", "day", "area_ha", "other_id")}
    return SiteEvent(**plain, kind=SiteEventKind(row["kind"]))


def _evidence_text(evidence: Evidence) -> str:
    return to_json({name: _plain(value) for name, value in asdict(evidence).items()})


def _evidence(text: str) -> Evidence:
    content: dict[str, Any] = json.loads(text)
    content |= {name: tuple(content[name]) for name in ("sensors", "scene_ids")}
    return Evidence(**content)


def row_of_alert(alert: Alert) -> dict[str, Any]:
    """Return the row of an alert, without AOI and lineage."""
    return {
        **_pick(alert, ("id", "site_id", "raised_dekad", "dekad", "misses")),
        "question": alert.question.value,
        "state": alert.state.value,
        "held_state": None if alert.held_state is None else alert.held_state.value,
        "evidence": _evidence_text(alert.evidence),
        "gaps": to_json(alert.gaps),
    }


def alert_of_row(row: Row) -> Alert:
    """Rebuild an alert."""
    return Alert(
        **{name: row[name] for name in ("id", "aoi_id", "site_id", "raised_dekad", "dekad", "misses")},
        question=Question(row["question"]),
        state=MachineState(row["state"]),
        held_state=None if row["held_state"] is None else MachineState(row["held_state"]),
        evidence=_evidence(row["evidence"]),
        gaps=tuple(json.loads(row["gaps"])),
    )


def row_of_alert_event(event: AlertEvent) -> dict[str, Any]:
    """Return the row of an alert event, without AOI, lineage and snapshot."""
    return {
        **_pick(event, ("id", "alert_id", "dekad", "reason")),
        "before": None if event.before is None else event.before.value,
        "after": event.after.value,
        "evidence": _evidence_text(event.evidence),
    }


def alert_event_of_row(row: Row) -> AlertEvent:
    """Rebuild an alert event."""
    return AlertEvent(
        **{name: row[name] for name in ("id", "alert_id", "dekad", "reason")},
        before=None if row["before"] is None else MachineState(row["before"]),
        after=MachineState(row["after"]),
        evidence=_evidence(row["evidence"]),
    )


def commit_of_row(row: Row) -> Commit:
    """Rebuild a commit."""
    return Commit(**{spec.name: row[spec.name] for spec in fields(Commit)})


def row_of_outbox(item: OutboxItem) -> dict[str, Any]:
    """Return the row of an outbox item, without its lineage."""
    sent_at = None if item.sent_at is None else item.sent_at.astimezone(dt.UTC).isoformat()
    plain = _pick(item, ("id", "aoi_id", "kind", "created_dekad"))
    return {**plain, "payload": to_json(item.payload), "sent_at": sent_at}


def outbox_of_row(row: Row) -> OutboxItem:
    """Rebuild an outbox item."""
    return OutboxItem(
        **{name: row[name] for name in ("id", "aoi_id", "kind", "created_dekad")},
        payload=json.loads(row["payload"]),
        sent_at=None if row["sent_at"] is None else dt.datetime.fromisoformat(row["sent_at"]),
    )


def row_of_declared(figure: DeclaredFigure) -> dict[str, Any]:
    """Return the row of a declared figure, without the time it was entered.

    Its content digest leaves out who entered it: the same figure of the same vintage is one row, whoever imports it.
    """
    content = {
        **_pick(figure, ("participant", "iso3", "aoi_id", "carats", "value_usd")),
        "period": figure.period.label,
        "kind": figure.kind.value,
        "as_published_on": None if figure.as_published_on is None else figure.as_published_on.isoformat(),
        **asdict(figure.source),
    }
    content |= {name: None if content[name] is None else float(content[name]) for name in ("carats", "value_usd")}
    sector = {} if figure.sector is Sector.ALL else {"sector": figure.sector.value}
    key = digest("declared", content, *sector.values())
    return {**content, "sector": figure.sector.value, "content_digest": key, "entered_by": figure.entered_by}


def declared_of_row(row: Row) -> DeclaredFigure:
    """Rebuild a declared figure."""
    vintage = row["as_published_on"]
    return DeclaredFigure(
        **{name: row[name] for name in ("participant", "iso3", "aoi_id", "carats", "value_usd", "entered_by")},
        period=Period.parse(row["period"]),
        kind=DeclaredKind(row["kind"]),
        as_published_on=None if vintage is None else dt.date.fromisoformat(vintage),
        source=Sourced(source=row["source"], confidence=row["confidence"], mark=row["mark"]),
        sector=Sector(row.get("sector", Sector.ALL.value)),
    )


def row_of_trade(figure: TradeFigure) -> dict[str, Any]:
    """Return the row of a trade figure, without the time it was entered; its digest as that of a declared one."""
    content = {
        **_pick(figure, ("participant", "iso3", "partner", "partner_iso3", "carats", "value_usd", "certificates")),
        "flow": figure.flow.value,
        "period": figure.period.label,
        "kind": figure.kind.value,
        "as_published_on": None if figure.as_published_on is None else figure.as_published_on.isoformat(),
        **asdict(figure.source),
    }
    content |= {name: None if content[name] is None else float(content[name]) for name in ("carats", "value_usd")}
    return {**content, "content_digest": digest("trade", content), "entered_by": figure.entered_by}


def trade_of_row(row: Row) -> TradeFigure:
    """Rebuild a trade figure."""
    vintage = row["as_published_on"]
    plain = ("participant", "iso3", "partner", "partner_iso3", "carats", "value_usd", "certificates", "entered_by")
    return TradeFigure(
        **{name: row[name] for name in plain},
        flow=Flow(row["flow"]),
        period=Period.parse(row["period"]),
        kind=DeclaredKind(row["kind"]),
        as_published_on=None if vintage is None else dt.date.fromisoformat(vintage),
        source=Sourced(source=row["source"], confidence=row["confidence"], mark=row["mark"]),
    )


def row_of_comparison(comparison: Comparison) -> dict[str, Any]:
    """Return the row of a comparison."""
    declared = comparison.declared
    return {
        **_pick(comparison, ("id", "aoi_id", "participant", "prob_above_capacity", "coverage_frac")),
        "period": comparison.period.label,
        "verdict": comparison.verdict.value,
        "activities": to_json([_activity_content(activity) for activity in comparison.activities]),
        "declared": None if declared is None else to_json(row_of_declared(declared)),
        "capacity": None if comparison.capacity is None else to_json(_capacity_content(comparison)),
        "reasons": to_json([reason.value for reason in comparison.reasons]),
        "sentences": to_json(comparison.sentences),
    }


def comparison_of_row(row: Row) -> Comparison:
    """Rebuild a comparison."""
    capacity, labour, outside = _capacities(row["capacity"])
    return Comparison(
        **{name: row[name] for name in ("id", "aoi_id", "participant", "prob_above_capacity", "coverage_frac")},
        period=Period.parse(row["period"]),
        verdict=Verdict(row["verdict"]),
        activities=tuple(_activity(content) for content in json.loads(row["activities"])),
        declared=None if row["declared"] is None else declared_of_row(json.loads(row["declared"])),
        capacity=capacity,
        labour=labour,
        outside=outside,
        reasons=tuple(NotAssessable(reason) for reason in json.loads(row["reasons"])),
        sentences={language: tuple(lines) for language, lines in json.loads(row["sentences"]).items()},
    )


_BESIDE = ("labour", "outside")


def _capacity_content(comparison: Comparison) -> dict[str, Any]:
    """Return the capacity by the area route, with that of the labour route and that kept apart inside it."""
    beside = {name: getattr(comparison, name) for name in _BESIDE}
    return {
        **(asdict(comparison.capacity) if comparison.capacity else {}),
        **{name: asdict(interval) for name, interval in beside.items() if interval is not None},
    }


def _capacities(text: str | None) -> tuple[CapacityInterval | None, ...]:
    """Return the capacity by the area route, by the labour route, and of what is kept apart."""
    content = {} if text is None else json.loads(text)
    beside = [content.pop(name, None) for name in _BESIDE]
    return tuple(CapacityInterval(**one) if one else None for one in (content, *beside))


def _activity_content(activity: Activity) -> dict[str, Any]:
    return {**asdict(activity), "period": activity.period.label}


def _activity(content: dict[str, Any]) -> Activity:
    areas = {name: Area(**content.pop(name)) for name in ("new_area", "standing_area")}
    return Activity(**{**content, **areas, "period": Period.parse(content["period"])})
