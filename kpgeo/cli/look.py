"""Commands that read what was decided: alerts and sites."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kpgeo import flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace, SomeAoi
from kpgeo.cli.console import say, show_json, show_table
from kpgeo.model.alert import Alert, AlertEvent, MachineState
from kpgeo.model.calendar import date_of, dekad_label, month_label
from kpgeo.model.errors import BadInputError
from kpgeo.model.site import Area, Site, SiteEvent, SiteMonth
from kpgeo.model.surroundings import PermitStanding, Surroundings
from kpgeo.store import Tables, Workspace, has_tables

_DEKAD = re.compile(r"\d{4}-\d{2}-D[123]")

_ENDED = (MachineState.FINISHED, MachineState.EXPIRED)


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    alerts = typer.Typer(no_args_is_help=True, help="What changed, how surely, on what evidence.")
    alerts.command("list")(alerts_list)
    alerts.command("show")(alerts_show)
    sites = typer.Typer(no_args_is_help=True, help="Where digging is, and how it developed.")
    sites.command("list")(sites_list)
    sites.command("show")(sites_show)
    app.add_typer(alerts, name="alerts")
    app.add_typer(sites, name="sites")


def say_what_is_left_out(room: Workspace, aoi_id: str | None) -> None:
    """Say what of the AOIs is not watched, by choice."""
    say(*flows.left_out_sentences(flows.left_out_of(room, aoi_id)))


@contextmanager
def opened(workspace: Path) -> Iterator[tuple[Workspace, Tables]]:
    """Open a workspace that a run has written, for reading."""
    if not has_tables(workspace):
        raise BadInputError(
            "There is no workspace here.", where=str(workspace), remedy="Run a pipeline, or name one with --workspace."
        )
    room = Workspace(workspace)
    tables = room.tables()
    try:
        yield room, tables
    finally:
        tables.close()


def watched(room: Workspace, aoi_id: str | None) -> list[tuple[str, str]]:
    """Return (AOI id, lineage) of what a workspace watches: one AOI, or all."""
    known = flows.read_watched(room)
    if aoi_id is not None and aoi_id not in known:
        remedy = f"Watched here: {', '.join(sorted(known)) or 'none'}."
        raise BadInputError(f"{aoi_id!r} is not watched here.", where=str(room.path), remedy=remedy)
    return [(name, str(entry["lineage"])) for name, entry in sorted(known.items()) if aoi_id in (None, name)]


def announcing_of(room: Workspace, aoi_id: str | None) -> dict[str, dict[str, Any]]:
    """Return, by AOI, from when on the last run announced sites and how many false alerts that stands for."""
    known = flows.read_watched(room)
    return {
        name: entry["announcing"]
        for name, entry in sorted(known.items())
        if aoi_id in (None, name) and entry.get("announcing")
    }


def alerts_list(
    workspace: HereWorkspace = HERE,
    aoi: SomeAoi = None,
    with_ended: Annotated[bool, typer.Option("--all", help="Finished and expired ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the alerts that stand."""
    with opened(workspace) as (room, tables):
        rows = [
            alert
            for aoi_id, lineage in watched(room, aoi)
            for alert in tables.alerts(aoi_id, lineage)
            if with_ended or alert.state not in _ENDED
        ]
        announcing = announcing_of(room, aoi)
        say_what_is_left_out(room, aoi)
    show_table(
        ("alert", "aoi", "site", "state", "area ha", "90 %", "conf", "since", "hits", "question"),
        (
            (
                alert.id,
                alert.aoi_id,
                alert.site_id,
                alert.state,
                f"{alert.evidence.area_ha:.2f}",
                f"{alert.evidence.area_low_ha:.2f}-{alert.evidence.area_high_ha:.2f}",
                f"{alert.evidence.confidence:.2f}",
                date_of(alert.evidence.first_day),
                f"{alert.evidence.hits}/{alert.evidence.looked_dekads}",
                alert.question,
            )
            for alert in rows
        ),
        empty="No alert stands. That is not the same as nothing happening: see coverage in the brief.",
    )
    say(*dict.fromkeys(known["statement"] for known in announcing.values()))
    if as_json:
        show_json({"alerts": [alert_content(alert) for alert in rows], "announcing": announcing})


def alerts_show(alert_id: str, workspace: HereWorkspace = HERE, as_json: AsJson = False) -> None:
    """Show one alert: what it rests on, its life, and what was not seen."""
    with opened(workspace) as (room, tables):
        history = tables.alert_history(alert_id)
        events = tables.alert_events(alert_id, with_superseded=True)
        live = {event.id for event in tables.alert_events(alert_id)}
        place = tables.site_history(history[-1].site_id)[0][-1:] if history else []
        around = flows.surroundings_of(room, place)
        announcing = announcing_of(room, history[-1].aoi_id if history else None)
        left_out = flows.left_out_of(room, history[-1].aoi_id) if history else {}
    if not history:
        raise BadInputError(f"There is no alert {alert_id!r}.", where=str(workspace), remedy="See: kpgeo alerts list.")
    alert = history[-1]
    seen = alert.evidence
    say(
        f"{alert.id}  {alert.aoi_id}  site {alert.site_id}{_at(place)}",
        f"State: {alert.state}, as of {dekad_label(alert.dekad)}, raised {dekad_label(alert.raised_dekad)}",
        f"Question: {alert.question}",
        f"Area: {seen.area_ha:.2f} ha ({seen.area_low_ha:.2f} to {seen.area_high_ha:.2f})",
        f"Confidence: {seen.confidence:.2f}; mined in {seen.hits} of {seen.looked_dekads} dekads looked at",
        f"Digging since {date_of(seen.first_day)}, last clear look {date_of(seen.last_day)}",
        f"Looked at by {', '.join(seen.sensors) or 'no sensor'} in {dekad_label(alert.dekad)}, "
        f"scenes {', '.join(seen.scene_ids) or 'none'}",
        f"Not seen: {say_gaps(alert.gaps)}",
        *(sentence for site in place for sentence in flows.surroundings_sentences(around.get(site.id))),
        *(known["statement"] for known in announcing.values()),
        *flows.left_out_sentences(left_out),
        "",
    )
    show_table(
        ("dekad", "from", "to", "reason", "holds"),
        ((dekad_label(e.dekad), e.before or "", e.after, e.reason, "yes" if e.id in live else "no") for e in events),
        empty="No event.",
    )
    if as_json:
        told = [event_content(event) for event in events]
        show_json(
            {
                "alert": alert_content(alert),
                "events": told,
                "surroundings": flows.surroundings_content(around.get(alert.site_id)),
                "announcing": announcing.get(alert.aoi_id),
            }
        )


def say_gaps(gaps: Sequence[str]) -> str:
    """Return the gaps of an alert in one line, each kind once with its first and last dekad."""
    dekads: dict[str, list[str]] = {}
    for gap in gaps:
        kind, _, rest = gap.rpartition(":")
        is_dated = bool(kind) and _DEKAD.fullmatch(rest) is not None
        dekads.setdefault(kind if is_dated else gap, []).extend([rest] if is_dated else [])
    spans = [f"{kind}{_span(sorted(labels))}" for kind, labels in dekads.items()]
    return "; ".join(spans) or "nothing to name"


def _span(labels: Sequence[str]) -> str:
    """Return where labels of dekads, sorted, begin and end, and how many they are."""
    if len(labels) < 2:
        return "".join(f" in {label}" for label in labels)
    return f" in {len(labels)} dekads from {labels[0]} to {labels[-1]}"


def _at(history: list[Site]) -> str:
    """Return where a site lies, as words to append."""
    if not history:
        return ""
    lon, lat = history[-1].lon_lat
    return f"  at {lat:.5f}, {lon:.5f}"


def sites_list(workspace: HereWorkspace = HERE, aoi: SomeAoi = None, as_json: AsJson = False) -> None:
    """List the sites as they stand."""
    with opened(workspace) as (room, tables):
        rows = [
            site
            for aoi_id, lineage in watched(room, aoi)
            for site in tables.sites(aoi_id, lineage)
            if not site.merged_into
        ]
        say_what_is_left_out(room, aoi)
        around = flows.surroundings_of(room, rows)
    show_table(
        ("site", "aoi", "status", "area ha", "90 %", "conf", "opened", "last look", "lat", "lon", "stratum", "permit"),
        (
            (
                site.id,
                site.aoi_id,
                site.status,
                f"{site.area.ha:.2f}",
                f"{site.area.low_ha:.2f}-{site.area.high_ha:.2f}",
                f"{site.confidence:.2f}",
                date_of(site.opened_day),
                date_of(site.last_day),
                f"{site.lon_lat[1]:.5f}",
                f"{site.lon_lat[0]:.5f}",
                site.stratum_id or "outside",
                around[site.id].permit_standing if site.id in around else PermitStanding.NOT_KNOWN,
            )
            for site in rows
        ),
        empty="No site is known.",
    )
    if as_json:
        show_json({"sites": [site_content(site, around.get(site.id)) for site in rows]})


def sites_show(site_id: str, workspace: HereWorkspace = HERE, as_json: AsJson = False) -> None:
    """Show one site: how it stands, what happened to it, how it grew month by month, and its area dekad by dekad."""
    with opened(workspace) as (room, tables):
        history, events = tables.site_history(site_id)
        months = flows.months_of_site(site_id, room, tables)
        around = flows.surroundings_of(room, history[-1:])
        left_out = flows.left_out_of(room, history[-1].aoi_id) if history else {}
    if not history:
        raise BadInputError(f"There is no site {site_id!r}.", where=str(workspace), remedy="See: kpgeo sites list.")
    site = history[-1]
    lon, lat = site.lon_lat
    say(
        f"{site.id}  {site.aoi_id}  {site.status}  at {lat:.5f}, {lon:.5f}",
        f"Area: {site.area.ha:.2f} ha ({site.area.low_ha:.2f} to {site.area.high_ha:.2f}), "
        f"at most {site.peak_area_ha:.2f} ha",
        f"Opened {date_of(site.opened_day)}, last growth {date_of(site.grown_day)}, last look {date_of(site.last_day)}",
        *flows.surroundings_sentences(around.get(site.id)),
        *flows.left_out_sentences(left_out),
        "",
    )
    show_table(
        ("dekad", "event", "day", "area ha", "other site"),
        ((dekad_label(e.dekad), e.kind, date_of(e.day), f"{e.area_ha:.2f}", e.other_id) for e in events),
        empty="Nothing has happened to it since monitoring began.",
    )
    _show_growth(months, history)
    if as_json:
        show_json(
            {
                "site": site_content(site, around.get(site.id)),
                "events": [site_event_content(event) for event in events],
                "months": [site_month_content(month) for month in months],
            }
        )


def _show_growth(months: Sequence[SiteMonth], history: Sequence[Site]) -> None:
    """Show how a site grew month by month, and its area dekad by dekad."""
    say("")
    show_table(
        ("month", "activity", "mined ha", "90 %", "newly disturbed ha", "90 %", "looked at", "clear looks"),
        (_month_row(month) for month in months),
        empty="",
    )
    say("")
    show_table(
        ("dekad", "status", "area ha", "90 %", "seen"),
        (
            (
                dekad_label(row.dekad),
                row.status,
                f"{row.area.ha:.2f}",
                f"{row.area.low_ha:.2f}-{row.area.high_ha:.2f}",
                f"{row.look_frac:.0%}",
            )
            for row in history
        ),
        empty="",
    )


def _month_row(month: SiteMonth) -> tuple[object, ...]:
    """Return a row of the table of months; a dash stands for what nobody could see."""
    mined, new = (
        ("-", "-") if area is None else (f"{area.ha:.2f}", f"{area.low_ha:.2f}-{area.high_ha:.2f}")
        for area in (month.mined, month.new)
    )
    looked = f"{month.looked_dekads} of {month.dekads} dekads" if month.dekads else "-"
    return month_label(month.month), month.activity, *mined, *new, looked, f"{month.looks:.1f}"


def alert_content(alert: Alert) -> dict[str, Any]:
    """Return an alert as plain JSON."""
    seen = alert.evidence
    return {
        "id": alert.id,
        "aoi": alert.aoi_id,
        "site": alert.site_id,
        "state": str(alert.state),
        "held_state": str(alert.held_state) if alert.held_state else None,
        "question": str(alert.question),
        "raised_dekad": dekad_label(alert.raised_dekad),
        "dekad": dekad_label(alert.dekad),
        "area_ha": seen.area_ha,
        "area_low_ha": seen.area_low_ha,
        "area_high_ha": seen.area_high_ha,
        "confidence": seen.confidence,
        "first_seen": date_of(seen.first_day).isoformat(),
        "last_seen": date_of(seen.last_day).isoformat(),
        "hits": seen.hits,
        "looked_dekads": seen.looked_dekads,
        "sensors": list(seen.sensors),
        "scene_ids": list(seen.scene_ids),
        "gaps": list(alert.gaps),
    }


def event_content(event: AlertEvent) -> dict[str, Any]:
    """Return an alert event as plain JSON."""
    before = str(event.before) if event.before else None
    return {
        "id": event.id,
        "dekad": dekad_label(event.dekad),
        "before": before,
        "after": str(event.after),
        "reason": event.reason,
    }


def site_content(site: Site, surroundings: Surroundings | None = None) -> dict[str, Any]:
    """Return a site as plain JSON; what lies around it is null where the file of its area cannot be read."""
    lon, lat = site.lon_lat
    return {
        "id": site.id,
        "aoi": site.aoi_id,
        "status": str(site.status),
        "dekad": dekad_label(site.dekad),
        "opened": date_of(site.opened_day).isoformat(),
        "last_seen": date_of(site.last_day).isoformat(),
        "area_ha": site.area.ha,
        "area_low_ha": site.area.low_ha,
        "area_high_ha": site.area.high_ha,
        "confidence": site.confidence,
        "stratum": site.stratum_id,
        "lon": lon,
        "lat": lat,
        "surroundings": flows.surroundings_content(surroundings),
    }


def site_month_content(month: SiteMonth) -> dict[str, Any]:
    """Return a month of a site as plain JSON; an area that nobody could see is null."""
    return {
        "month": month_label(month.month),
        "activity": str(month.activity),
        "mined": _area_content(month.mined),
        "newly_disturbed": _area_content(month.new),
        "looked_dekads": month.looked_dekads,
        "dekads": month.dekads,
        "clear_looks": month.looks,
    }


def _area_content(area: Area | None) -> dict[str, float] | None:
    return None if area is None else {"ha": area.ha, "low_ha": area.low_ha, "high_ha": area.high_ha}


def site_event_content(event: SiteEvent) -> dict[str, Any]:
    """Return a site event as plain JSON."""
    return {
        "id": event.id,
        "kind": str(event.kind),
        "dekad": dekad_label(event.dekad),
        "day": date_of(event.day).isoformat(),
        "area_ha": event.area_ha,
        "other": event.other_id,
    }
