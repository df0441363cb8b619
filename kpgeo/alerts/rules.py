"""The rules by which an alert steps from state to state, dekad by dekad.

An alert is about one site. A *look* is a dekad in which the site was looked at, a *hit* a look that saw it mined; both
are counted by the site. An alert takes at most one step a dekad. Where nobody could see the site it is `undetermined`
and keeps the state it had; that is not the same as "no change". Ground dug before monitoring began raises no alert.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kpgeo.alerts.transitions import ENDED, UNCONFIRMED, is_legal, standing
from kpgeo.model.alert import Alert, AlertEvent, Evidence, MachineState, Question
from kpgeo.model.aoi import LeftOut, RegimeKind
from kpgeo.model.calendar import dekad_end, dekad_label
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.ids import make_id
from kpgeo.model.operating import OperatingPoint
from kpgeo.model.run import Coverage
from kpgeo.model.site import Site, SiteStatus
from kpgeo.options.alerts import AlertOptions

NOT_LOOKED = "not-looked"
LOOKED_AGAIN = "looked-again"
DUG_BEFORE = "dug-before-monitoring"

_UNTOLD = frozenset({MachineState.CANDIDATE, MachineState.FIRST, MachineState.EXPIRED})
"""States that a site found to be older than monitoring is not announced from: later looks may date its digging back."""


@dataclass(frozen=True, kw_only=True)
class AlertContext:
    """What is known of an AOI in a dekad, besides its sites.

    Attributes
    ----------
    regimes : frozenset of RegimeKind
        Regulatory periods in force.
    declared_known : bool
        Whether the participant's declared figure for the period is at hand.
    scene_ids, sensors : tuple of str
        What was folded in during the dekad, and by which sensors.
    coverage : Coverage
        Of the whole AOI in the dekad.
    baseline_end_day : int
        First monitored day.
    operating : OperatingPoint or None
        How sure to be of a site to announce it, and what that stands for; None where the options alone say how sure.
    left_out : LeftOut or None
        What of the AOI is not watched, by choice; None where it is watched whole.
    surroundings : mapping
        What lies around sites, plain JSON by site id, for what is sent. No rule follows from it.
    """

    aoi_id: str
    dekad: int
    regimes: frozenset[RegimeKind]
    declared_known: bool
    scene_ids: tuple[str, ...]
    sensors: tuple[str, ...]
    coverage: Coverage
    baseline_end_day: int
    operating: OperatingPoint | None = None
    left_out: LeftOut | None = None
    surroundings: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def raise_alerts(
    previous: Sequence[Alert], sites: Sequence[Site], context: AlertContext, options: AlertOptions
) -> tuple[list[Alert], list[AlertEvent]]:
    """Step every alert of an AOI from the dekad before to the context's dekad, and raise those that are due.

    Parameters
    ----------
    previous : sequence of Alert
        Every alert as it stood at the end of the dekad before.
    sites : sequence of Site
        Every site as it stands at the end of this one.

    Returns
    -------
    alerts : list of Alert
        All of `previous` and the new ones, by id.
    events : list of AlertEvent
        One for each alert that changed state, by alert.

    Raises
    ------
    IntegrityError
        An alert's site is missing.
    BadInputError
        The options ask for a rate of false alerts, and the context holds no operating point that was chosen for it.
    """
    options = _settled(context, options)
    by_site = {alert.site_id: alert for alert in previous}
    missing = set(by_site) - {site.id for site in sites}
    if missing:
        raise IntegrityError(
            f"Alerts point to {len(missing)} sites that are not there, {min(missing)} among them.",
            where=f"{context.aoi_id}, {dekad_label(context.dekad)}",
            remedy="Decide again from the last dekad that has both.",
        )
    alerts: list[Alert] = []
    events: list[AlertEvent] = []
    for site in sites:
        before = by_site.get(site.id)
        if before is None and not _is_due(site, context, options):
            continue
        alert, event = _open(site, context, options) if before is None else _step(before, site, context, options)
        alerts.append(alert)
        events += [event] if event else []
    return sorted(alerts, key=lambda alert: alert.id), sorted(events, key=lambda event: event.alert_id)


def _settled(context: AlertContext, options: AlertOptions) -> AlertOptions:
    """Return the options with the confidences of the operating point."""
    point = context.operating
    if point is None:
        if options.is_decided:
            return options
        raise BadInputError(
            "A rate of false alerts is asked for, and no operating point was chosen for it.",
            where=context.aoi_id,
            remedy="Choose one with `choose_operating_point`, and give it in the context.",
        )
    settled = {
        "first_confidence": point.first_confidence,
        "provisional_confidence": point.provisional_confidence,
        "confirm_confidence": point.confirm_confidence,
    }
    return options.model_copy(update=settled)


def question_of(regimes: frozenset[RegimeKind]) -> Question:
    """Return the question an alert serves.

    Under an embargo, or a suspension that no compliant zone lifts for this AOI, no production may be declared, so any
    digging is activity where none is declared. Elsewhere an alert says which sites to visit.
    """
    is_outside_zone = RegimeKind.SUSPENSION in regimes and RegimeKind.COMPLIANT_ZONE not in regimes
    if RegimeKind.EMBARGO in regimes or is_outside_zone:
        return Question.ACTIVITY_WHERE_NONE_DECLARED
    return Question.WHICH_SITES_TO_VISIT


def _is_due(site: Site, context: AlertContext, options: AlertOptions) -> bool:
    """Say whether a site without an alert gets one: open, seen, large enough, and not there before monitoring began."""
    is_new = site.opened_day > context.baseline_end_day
    is_seen = site.hits > 0 and site.misses == 0
    return is_new and is_seen and site.status is not SiteStatus.CLOSED and site.area.ha >= options.min_area_ha


def _open(site: Site, context: AlertContext, options: AlertOptions) -> tuple[Alert, AlertEvent]:
    """Raise an alert on a site."""
    is_sure = site.confidence >= options.confidences()[0]
    state = MachineState.FIRST if is_sure else MachineState.CANDIDATE
    alert = Alert(
        id=make_id("alert", context.aoi_id, site.id),
        aoi_id=context.aoi_id,
        site_id=site.id,
        question=question_of(context.regimes),
        state=state,
        raised_dekad=context.dekad,
        dekad=context.dekad,
        evidence=_evidence(site, context),
        gaps=_gaps_now(site, context, options, was_looked_at=True),
    )
    return alert, _event(alert, None, "new-site")


def _step(before: Alert, site: Site, context: AlertContext, options: AlertOptions) -> tuple[Alert, AlertEvent | None]:
    """Step one alert."""
    was_looked_at = _was_looked_at(before, site)
    state, held, reason = _next_state(before, site, options, context, was_looked_at=was_looked_at)
    if not (state is before.state or is_legal(before.state, state, before.held_state)):
        raise IntegrityError(f"An alert may not step from {before.state} to {state}.", where=before.id)
    has_ended = state in ENDED and state is before.state
    now = () if has_ended else _gaps_now(site, context, options, was_looked_at=was_looked_at)
    alert = replace(
        before,
        question=before.question if has_ended else question_of(context.regimes),
        state=state,
        held_state=held,
        dekad=context.dekad,
        evidence=_evidence(site, context) if was_looked_at else before.evidence,
        misses=site.misses,
        gaps=_recent(before.gaps, context.dekad, options.gap_dekads) + now,
    )
    return alert, None if state is before.state else _event(alert, before, reason)


def _was_looked_at(before: Alert, site: Site) -> bool:
    """Say whether the site was looked at since the alert's last step: its counts moved."""
    counted = (before.evidence.hits, before.evidence.looked_dekads, before.misses)
    return counted != (site.hits, site.looked_dekads, site.misses)


def _next_state(
    before: Alert, site: Site, options: AlertOptions, context: AlertContext, *, was_looked_at: bool
) -> tuple[MachineState, MachineState | None, str]:
    """Return an alert's next state, the state it is held in (if undetermined) and the reason for the step."""
    now = standing(before)
    if site.merged_into and now not in ENDED:
        return MachineState.FINISHED, None, f"merged:{site.merged_into} held:{now}"
    if not was_looked_at:
        return (now, None, "") if now in ENDED else (MachineState.UNDETERMINED, now, NOT_LOOKED)
    if now in _UNTOLD and site.opened_day <= context.baseline_end_day:
        after, reason = MachineState.EXPIRED, "" if now is MachineState.EXPIRED else DUG_BEFORE
    else:
        after, reason = _verdict(now, before, site, options, context.dekad)
    if before.state is MachineState.UNDETERMINED:
        reason = f"{reason or LOOKED_AGAIN} held:{now}"
    return after, None, reason


def _verdict(
    now: MachineState, before: Alert, site: Site, options: AlertOptions, dekad: int
) -> tuple[MachineState, str]:
    """Return what a look makes of an alert in a state, and why. The order of the rules is the rule."""
    is_hit = site.misses == 0
    if site.status is SiteStatus.CLOSED:
        ended = MachineState.EXPIRED if now in UNCONFIRMED else MachineState.FINISHED
        return (now, "") if now in ENDED else (ended, "site-closed")
    if is_hit and _rises(now, site, options):
        return _NEXT[now], f"hits:{site.hits}/{site.looked_dekads}"
    if now in UNCONFIRMED and site.looked_dekads >= options.expire_looks:
        return MachineState.EXPIRED, f"unconfirmed-looks:{site.looked_dekads}"
    age_days = dekad_end(dekad) - dekad_end(before.raised_dekad)
    if now in UNCONFIRMED and age_days >= options.expire_days:
        return MachineState.EXPIRED, f"unconfirmed-days:{age_days}"
    return now, ""


_NEXT = {
    MachineState.CANDIDATE: MachineState.FIRST,
    MachineState.FIRST: MachineState.PROVISIONAL,
    MachineState.PROVISIONAL: MachineState.CONFIRMED,
    MachineState.CONFIRMED: MachineState.ONGOING,
    MachineState.FINISHED: MachineState.ONGOING,
    MachineState.EXPIRED: MachineState.CONFIRMED,
}


def _rises(now: MachineState, site: Site, options: AlertOptions) -> bool:
    """Say whether a hit carries an alert one state further."""
    first, provisional, confirm = options.confidences()
    needs = {
        MachineState.CANDIDATE: (1, first),
        MachineState.FIRST: (options.provisional_hits, provisional),
        MachineState.PROVISIONAL: (options.confirm_hits, confirm),
        MachineState.CONFIRMED: (options.ongoing_hits, 0.0),
        MachineState.FINISHED: (options.provisional_hits, provisional),
        MachineState.EXPIRED: (options.confirm_hits, confirm),
    }
    hits, confidence = needs.get(now, (site.hits + 1, 1.0))
    return site.hits >= hits and site.confidence >= confidence


def _evidence(site: Site, context: AlertContext) -> Evidence:
    """Return what an alert on a site rests on in this dekad."""
    return Evidence(
        site_id=site.id,
        area_ha=site.area.ha,
        area_low_ha=site.area.low_ha,
        area_high_ha=site.area.high_ha,
        confidence=site.confidence,
        first_day=site.opened_day,
        last_day=site.last_day,
        hits=site.hits,
        looked_dekads=site.looked_dekads,
        sensors=context.sensors,
        scene_ids=context.scene_ids,
    )


def _gaps_now(site: Site, context: AlertContext, options: AlertOptions, *, was_looked_at: bool) -> tuple[str, ...]:
    """Name what could not be seen of a site in the dekad, each with the dekad it is about."""
    label = dekad_label(context.dekad)
    found = {
        "no-look": not was_looked_at,
        "partial-look": was_looked_at and site.look_frac < options.partial_look_frac,
        "no-optical-look": context.coverage.optical_frac <= 0.0,
        "single-sensor": was_looked_at and len(context.sensors) == 1,
        "no-declared-figure": not context.declared_known,
    }
    return tuple(f"{gap}:{label}" for gap, is_so in found.items() if is_so)


def _recent(gaps: tuple[str, ...], dekad: int, keep: int) -> tuple[str, ...]:
    """Return the gaps of the last dekads before this one."""
    labels = {dekad_label(dekad - back) for back in range(1, keep)}
    return tuple(gap for gap in gaps if gap.partition(":")[2] in labels)


def _event(alert: Alert, before: Alert | None, reason: str) -> AlertEvent:
    """Return the event of an alert that has just changed state."""
    was = before.state if before else None
    return AlertEvent(
        id=make_id("alert-event", alert.id, alert.dekad, was, alert.state, repr(alert.evidence)),
        alert_id=alert.id,
        dekad=alert.dekad,
        before=was,
        after=alert.state,
        evidence=alert.evidence,
        reason=reason,
    )
