"""What the inputs come to, before any words: sites in order, months seen and not seen, gaps in groups."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kpgeo.brief.inputs import BriefInputs
from kpgeo.model.alert import Alert, MachineState
from kpgeo.model.calendar import date_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.production import CapacityInterval, Comparison
from kpgeo.model.run import Coverage, Gap
from kpgeo.model.scene import Sensor
from kpgeo.model.site import Area, Site, SiteEvent, SiteEventKind, SiteMonth, SiteStatus, sum_areas

WHOLE_AOI = "*"
_STATE_ORDER = {
    MachineState.CONFIRMED: 0,
    MachineState.ONGOING: 0,
    MachineState.PROVISIONAL: 1,
    MachineState.FIRST: 2,
    MachineState.CANDIDATE: 3,
    MachineState.UNDETERMINED: 4,
    MachineState.FINISHED: 5,
    MachineState.EXPIRED: 6,
}
_STATUS_ORDER = {SiteStatus.ACTIVE: 0, SiteStatus.PAUSED: 1, SiteStatus.CLOSED: 2}


@dataclass(frozen=True, kw_only=True)
class SiteReading:
    """A site with its number in the brief (its rank), its alert, and what happened to it in the period.

    Attributes
    ----------
    grown : Area
        Area at the end less area before the period, not below zero; the ends are crossed, so the interval is wide.
    is_new : bool
        True where it was founded in the period.
    events : tuple of SiteEvent
        Within the period, by day.
    history : tuple of Site
        One row a dekad, oldest first, the current row last.
    months : tuple of SiteMonth
        Oldest first; empty where the inputs hold none.
    """

    number: int
    site: Site
    alert: Alert | None
    grown: Area
    is_new: bool
    events: tuple[SiteEvent, ...]
    history: tuple[Site, ...]
    months: tuple[SiteMonth, ...] = ()

    def has(self, kind: SiteEventKind) -> bool:
        """Say whether something of this kind happened in the period."""
        return any(event.kind is kind for event in self.events)


@dataclass(frozen=True, kw_only=True)
class MonthSeen:
    """How one month was seen.

    The four shares sum to 1: clear optical look, radar only, acquired but not clear, nothing acquired.
    """

    year: int
    month: int
    optical_frac: float
    radar_frac: float
    unclear_frac: float
    unacquired_frac: float
    scenes: int

    @property
    def seen_frac(self) -> float:
        """Return the share seen by any sensor."""
        return self.optical_frac + self.radar_frac


@dataclass(frozen=True, kw_only=True)
class GapGroup:
    """Gaps of one reason and sensor."""

    reason: str
    sensor: Sensor | None
    count: int
    tiles: int
    first_day: int
    last_day: int


def rank_sites(inputs: BriefInputs) -> tuple[SiteReading, ...]:
    """Return the sites in the order a mission should consider them.

    Open sites before closed ones; then by how far the alert on them is confirmed; then by what they grew in the period
    times the confidence that it is mining; then by area; then by id, so that the order is always the same.
    """
    alerts = _latest_alerts(inputs.alerts)
    readings = [_read_site(site, alerts.get(site.id), inputs) for site in inputs.sites if not site.merged_into]
    readings.sort(key=_rank)
    return tuple(
        SiteReading(
            number=number,
            site=reading.site,
            alert=reading.alert,
            grown=reading.grown,
            is_new=reading.is_new,
            events=reading.events,
            history=reading.history,
            months=reading.months,
        )
        for number, reading in enumerate(readings, start=1)
    )


def _rank(reading: SiteReading) -> tuple[bool, int, float, int, float, str]:
    site, alert = reading.site, reading.alert
    urgency = _STATE_ORDER[alert.state] if alert else len(_STATE_ORDER)
    growth = -reading.grown.ha * site.confidence
    return site.status is SiteStatus.CLOSED, urgency, growth, _STATUS_ORDER[site.status], -site.area.ha, site.id


def _latest_alerts(alerts: Sequence[Alert]) -> dict[str, Alert]:
    """Return the alert that matters for each site: the furthest one, then the latest."""
    chosen: dict[str, Alert] = {}
    for alert in sorted(alerts, key=lambda one: (-_STATE_ORDER[one.state], one.dekad, one.id)):
        chosen[alert.site_id] = alert
    return chosen


def _read_site(site: Site, alert: Alert | None, inputs: BriefInputs) -> SiteReading:
    rows = {row.dekad: row for row in inputs.site_history.get(site.id, ())}
    rows[site.dekad] = site
    history = tuple(rows[dekad] for dekad in sorted(rows) if dekad <= site.dekad)
    before = [row.area for row in history if dekad_end(row.dekad) <= inputs.start_day]
    events = [
        event
        for event in inputs.site_events
        if event.site_id == site.id and inputs.start_day <= event.day < inputs.end_day
    ]
    has_opened = any(event.kind is SiteEventKind.OPENED for event in events)
    is_new = not before and (has_opened or site.opened_day >= inputs.start_day)
    nothing = Area(ha=0.0, low_ha=0.0, high_ha=0.0)
    earlier = before[-1] if before else nothing if is_new else site.area
    return SiteReading(
        number=0,
        site=site,
        alert=alert,
        grown=_growth(earlier, site.area),
        is_new=is_new,
        events=tuple(sorted(events, key=lambda event: (event.day, event.id))),
        history=history,
        months=tuple(inputs.site_months.get(site.id, ())),
    )


def _growth(before: Area, after: Area) -> Area:
    """Return the area gained, with an interval as wide as if both were wrong in opposite ways."""
    if before is after:
        return Area(ha=0.0, low_ha=0.0, high_ha=0.0)
    return Area(
        ha=max(after.ha - before.ha, 0.0),
        low_ha=max(after.low_ha - before.high_ha, 0.0),
        high_ha=max(after.high_ha - before.low_ha, 0.0),
    )


def months_seen(coverage: Sequence[Coverage], start_day: int, end_day: int) -> tuple[MonthSeen, ...]:
    """Return how each month of a period was seen over the whole AOI.

    A dekad without a coverage row, or with no scene, counts as not acquired: silence is never "all quiet".
    """
    rows = {row.dekad: row for row in coverage if row.stratum_id == WHOLE_AOI}
    months: dict[tuple[int, int], list[int]] = defaultdict(list)
    for dekad in range(dekad_of(start_day), dekad_of(end_day - 1) + 1):
        date = date_of(dekad_start(dekad))
        months[date.year, date.month].append(dekad)
    return tuple(_month(key, [rows.get(dekad) for dekad in dekads]) for key, dekads in months.items())


def _month(key: tuple[int, int], rows: list[Coverage | None]) -> MonthSeen:
    flown = [row for row in rows if row is not None and row.scenes > 0]
    optical = sum(row.optical_frac for row in flown) / len(rows)
    seen = sum(max(row.look_frac, row.optical_frac) for row in flown) / len(rows)
    return MonthSeen(
        year=key[0],
        month=key[1],
        optical_frac=optical,
        radar_frac=seen - optical,
        unclear_frac=len(flown) / len(rows) - seen,
        unacquired_frac=1.0 - len(flown) / len(rows),
        scenes=sum(row.scenes for row in flown),
    )


def group_gaps(gaps: Sequence[Gap], start_day: int, end_day: int) -> tuple[GapGroup, ...]:
    """Return the gaps of a period by reason (the part before a colon) and sensor, most frequent first."""
    groups: dict[tuple[str, Sensor | None], list[Gap]] = defaultdict(list)
    for gap in gaps:
        if start_day <= gap.day < end_day:
            groups[gap.reason.split(":", 1)[0].strip(), gap.sensor].append(gap)
    found = [
        GapGroup(
            reason=reason,
            sensor=sensor,
            count=len(rows),
            tiles=len({row.tile for row in rows if row.tile}),
            first_day=min(row.day for row in rows),
            last_day=max(row.day for row in rows),
        )
        for (reason, sensor), rows in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: (-group.count, group.reason, group.sensor or "")))


def area_capacity_of(comparison: Comparison) -> CapacityInterval | None:
    """Return the capacity by newly dug area; None where there is none, or where it was only published."""
    return comparison.capacity if comparison.capacity and comparison.capacity.draws else None


def published_capacity_of(comparison: Comparison) -> CapacityInterval | None:
    """Return a capacity that somebody published and kpgeo did not draw."""
    return comparison.capacity if comparison.capacity and not comparison.capacity.draws else None


def new_area_of(comparison: Comparison) -> Area | None:
    """Return the newly dug area a comparison is about; None where it has no activity row.

    It is that of the strata, as in the comparison's sentences; land outside them counts only where there are none.
    """
    rows = [row for row in comparison.activities if row.stratum_id] or list(comparison.activities)
    return sum_areas([row.new_area for row in rows]) if rows else None
