"""A change of method: what another detector lineage would announce, before it is the one that speaks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kpgeo.alerts import MethodDifference, Placed, compare_methods, placed
from kpgeo.flows.reviews.reviewing import carry_reviews
from kpgeo.flows.watching.record import is_remembered, promote
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.model.calendar import date_of, dekad_label
from kpgeo.model.errors import BadInputError
from kpgeo.model.ledger import Entry, EntryKind
from kpgeo.model.review import read_person, read_text
from kpgeo.store import Tables, Workspace

_SAME_PLACE_M = 30.0
_DEKADS_PER_MONTH = 3.0
_KM2 = 1000.0


@dataclass(frozen=True, kw_only=True)
class MethodReport:
    """What differs between the lineage that speaks for an AOI and another, and how often each announces.

    Attributes
    ----------
    dekads : int
        Monitored dekads that both were decided for; the difference is as of the last of them.
    area_km2 : float
        Ground that is watched.
    """

    difference: MethodDifference
    dekads: int
    area_km2: float

    def rate(self, announced: int) -> float:
        """Return alerts per 1,000 km2 and month, true ones and false ones together; NaN of no time."""
        exposure = self.area_km2 / _KM2 * self.dekads / _DEKADS_PER_MONTH
        return announced / exposure if exposure > 0.0 else math.nan

    def rows(self) -> list[tuple[object, ...]]:
        """Return one row for each place that only one of the two announces, for a table."""
        found = self.difference
        told = [("only the one that speaks", one) for one in found.only_before]
        told += [("only the other", one) for one in found.only_after]
        return [_row(who, one) for who, one in told]

    def sentences(self) -> list[str]:
        """Return what differs in words."""
        found = self.difference
        before, after = _distinct(one for one, _ in found.both), _distinct(other for _, other in found.both)
        totals = (before + len(found.only_before), after + len(found.only_after))
        rates = tuple(self.rate(total) for total in totals)
        lines = [
            (
                f"{found.aoi_id}, as of the end of {dekad_label(found.dekad)}: {found.before} speaks, {found.after} "
                "is beside it."
            ),
            (
                f"Announced by both: {before} alerts of the one that speaks, on the places of {after} of the other. "
                f"Only by the one that speaks: {len(found.only_before)}. Only by the other: {len(found.only_after)}."
            ),
            (
                f"In all {totals[0]} and {totals[1]} alerts: {rates[0]:.2g} and {rates[1]:.2g} per 1,000 km2 and "
                "month, true and false together."
            ),
        ]
        if found.both:
            lines.append(
                f"On the same places the other dates the beginning {_shift(found.onset_shift_days)} and takes them for "
                f"{found.area_ratio:.2f} times as large (medians)."
            )
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        found = self.difference
        shift, ratio = found.onset_shift_days, found.area_ratio
        return {
            "aoi": found.aoi_id,
            "dekad": dekad_label(found.dekad),
            "speaks": found.before,
            "beside": found.after,
            "dekads": self.dekads,
            "area_km2": round(self.area_km2, 3),
            "both": [{"speaks": one.alert.id, "beside": other.alert.id} for one, other in found.both],
            "only_speaks": [_content(one) for one in found.only_before],
            "only_beside": [_content(one) for one in found.only_after],
            "onset_shift_days": None if math.isnan(shift) else shift,
            "area_ratio": None if math.isnan(ratio) else round(ratio, 4),
        }


def list_methods(tables: Tables, aoi_id: str) -> list[tuple[str, bool, str]]:
    """Return the lineages an AOI was decided in: each with whether it speaks, and the last dekad decided."""
    speaking = tables.methods.speaking(aoi_id)
    found = []
    for lineage in tables.lineages(aoi_id):
        commit = tables.last_commit(aoi_id, lineage)
        found.append((lineage, lineage == speaking, dekad_label(commit.last_dekad) if commit else ""))
    return found


def method_report(room: Workspace, tables: Tables, aoi_id: str, lineage: str) -> MethodReport:
    """Hold the announced alerts of another lineage against those of the one that speaks, as of the last common dekad.

    Raises
    ------
    BadInputError
        The AOI is not watched here, the lineage was never run over it, or it is the one that speaks.
    """
    watch, _ = watch_of(room, aoi_id)
    speaking = tables.methods.speaking(aoi_id)
    known = tables.lineages(aoi_id)
    if lineage not in known or lineage == speaking:
        others = ", ".join(one for one in known if one != speaking) or "none"
        raise BadInputError(
            f"{lineage!r} is no method beside the one that speaks.", where=aoi_id, remedy=f"Beside it: {others}."
        )
    commits = [tables.last_commit(aoi_id, one) for one in (speaking, lineage)]
    dekad = min(commit.last_dekad for commit in commits if commit is not None)
    before, after = (_placed(tables, aoi_id, one, dekad) for one in (speaking, lineage))
    return MethodReport(
        difference=compare_methods((speaking, lineage), before, after, epsg=watch.grid.epsg, within_m=_SAME_PLACE_M),
        dekads=max(dekad - watch.first_dekad + 1, 0),
        area_km2=float(watch.watched.sum()) * watch.grid.res_m**2 * 1e-6,
    )


def adopt_method(room: Workspace, tables: Tables, aoi_id: str, lineage: str, *, by: str, reason: str) -> Entry:
    """Let another lineage speak for an AOI, after the difference was told.

    What it found on places people know of is not announced again; what only it found is. The ledger keeps who said so,
    why, and what differed. Killed anywhere and done again, it comes to the same.

    Raises
    ------
    BadInputError
        As `method_report`, or nobody says who and why.
    """
    if not by.strip() or not reason.strip():
        raise BadInputError("A change of method needs a name and a reason.", where="method", remedy="--by, --reason.")
    by, reason = read_person(by), read_text(reason, "--reason")
    with room.lock():
        if tables.methods.speaking(aoi_id) == lineage:
            promote(room, aoi_id, lineage)
            carry_reviews(watch_of(room, aoi_id)[0], tables)
            return tables.ledger.entries(subject=aoi_id, kind=EntryKind.METHOD)[-1]
        report = method_report(room, tables, aoi_id, lineage)
        if not is_remembered(room, aoi_id, lineage):
            raise BadInputError(
                f"No pipeline is known that makes {lineage}.", where=aoi_id, remedy="Run its pipeline once more first."
            )
        known: dict[str, set[str]] = {}
        for one, other in report.difference.both:
            known.setdefault(other.alert.id, set()).add(one.alert.id)
        said = {"why": reason, "difference": report.as_json()}
        entry = tables.methods.adopt(aoi_id, lineage, by=by, known_alerts=known, said=said)
        promote(room, aoi_id, lineage)
        carry_reviews(watch_of(room, aoi_id)[0], tables)
        return entry


def _placed(tables: Tables, aoi_id: str, lineage: str, dekad: int) -> list[Placed]:
    alerts, sites = tables.alerts(aoi_id, lineage, dekad), tables.sites(aoi_id, lineage, dekad)
    return placed(alerts, sites, tables.methods.told_alerts(aoi_id, lineage))


def _distinct(alerts: Iterable[Placed]) -> int:
    return len({one.alert.id for one in alerts})


def _shift(days: float) -> str:
    return "on the same day" if days == 0.0 else f"{abs(days):.0f} days {'later' if days > 0.0 else 'earlier'}"


def _row(who: str, one: Placed) -> tuple[object, ...]:
    seen, (lon, lat) = one.alert.evidence, one.site.lon_lat
    place = (f"{lat:.5f}", f"{lon:.5f}")
    return (
        who,
        one.alert.id,
        one.alert.state,
        f"{seen.area_ha:.2f}",
        f"{seen.confidence:.2f}",
        *place,
        date_of(seen.first_day),
    )


def _content(one: Placed) -> dict[str, Any]:
    seen = one.alert.evidence
    return {
        "alert": one.alert.id,
        "site": one.site.id,
        "state": str(one.alert.state),
        "area_ha": seen.area_ha,
        "confidence": seen.confidence,
        "first_seen": date_of(seen.first_day).isoformat(),
    }
