"""A plan in words and as JSON: what a run would read and leave unread, how much that is, and how long it takes."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpgeo.flows.doctor.finding import counted
from kpgeo.flows.plans.forecasting import Forecast, Reckoning, forecast
from kpgeo.flows.plans.planning import AoiPlan, SceneCount, open_workspace, plan_aoi, withdrawn_sentences
from kpgeo.flows.plans.preview import preview_of
from kpgeo.flows.plans.traffic import ASSUMED, BY_RUNS, BY_SIZE, Traffic
from kpgeo.flows.watching.effort import efforts_before
from kpgeo.flows.watching.record import json_line
from kpgeo.flows.watching.scenes import Refit
from kpgeo.flows.watching.unwatched import left_out_content, left_out_sentences
from kpgeo.flows.watching.watch import Progress, open_watches, silent
from kpgeo.model.calendar import date_of, dekad_label
from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import Scene
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import write_atomic

ELSEWHERE, REPROCESSED, REPEATED = "another catalogue", "another processing", "repeated"
_UNREAD_WORDS = {"cloudy": "too cloudy", "refused": "refused"}
_BASIS_WORDS = {
    BY_SIZE: "by the sizes of the files",
    BY_RUNS: "as in earlier runs here",
    ASSUMED: "by usual sizes, as the catalogue gives none",
}
_UNITS = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would do, and what it will take: a forecast for each AOI where there is something to do."""

    pipeline: str
    aois: tuple[AoiPlan, ...]
    forecasts: tuple[Forecast | None, ...]

    def rows(self) -> list[tuple[object, ...]]:
        """Return one row for each AOI and sensor, for a table."""
        return [
            (
                one.watch.aoi.id,
                count.sensor,
                count.found,
                count.new,
                count.applied,
                count.dropped,
                date_of(count.first_day),
                date_of(count.last_day),
            )
            for one in self.aois
            for count in one.counts
        ]

    def sentences(self) -> list[str]:
        """Return for each AOI what is done, read and left unread, and how long it takes; and what is not watched."""
        lines = [f"{one.watch.aoi.id}: {line}" for one, ahead in self._pairs() for line in _sentences(one, ahead)]
        aheads = [ahead for ahead in self.forecasts if ahead is not None]
        if len(aheads) > 1:
            low, high = sum(one.reckoning.low_s for one in aheads), sum(one.reckoning.high_s for one in aheads)
            lines.append(f"All areas, one after the other: about {_span_of(low, high)}.")
        lines += [line for one in self.aois for line in withdrawn_sentences(one.watch.aoi.id, one.withdrawn)]
        return [*lines, *left_out_sentences((one.watch.aoi.id, one.watch.left_out) for one in self.aois)]

    def gap_sentences(self) -> list[str]:
        """Return what could not be searched or used."""
        return [f"{gap.aoi_id}: {gap.reason}" for one in self.aois for gap in one.gaps]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON."""
        return {"pipeline": self.pipeline, "aois": [_content(one, ahead) for one, ahead in self._pairs()]}

    def write_preview(self, path: Path) -> None:
        """Write tiles and footprints as GeoJSON, each with how often it is read.

        Raises
        ------
        BadInputError
            The file cannot be written.
        """
        content = preview_of((one.watch, ahead, one.found) for one, ahead in self._pairs())
        try:
            write_atomic(path, json_line(content))
        except OSError as error:
            remedy = "Name a file in a folder you may write to."
            raise BadInputError(f"It cannot be written ({error.strerror}).", where=str(path), remedy=remedy) from error

    def _pairs(self) -> list[tuple[AoiPlan, Forecast | None]]:
        return list(zip(self.aois, self.forecasts, strict=True))


def plan(
    pipeline: Pipeline,
    *,
    workspace: Path | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    progress: Progress = silent,
) -> Plan:
    """Say what a run would do: scenes found and left unread, tiles, bytes and time. No file is opened for it."""
    room = open_workspace(pipeline, workspace)
    tables = room.tables()
    before = efforts_before(room)
    watches = open_watches(pipeline)
    plans: list[AoiPlan] = []
    forecasts: list[Forecast | None] = []
    try:
        for number, watch in enumerate(watches, start=1):
            state = room.state(watch.aoi.id, watch.lineage, watch.grid)
            one = plan_aoi(watch, state, tables, since=since, until=until)
            plans.append(one)
            forecasts.append(None if one.work is None else forecast(watch, one.work, before))
            progress("search", number, len(watches))
    finally:
        tables.close()
    return Plan(pipeline=pipeline.name, aois=tuple(plans), forecasts=tuple(forecasts))


def duplicates_of(scenes: Iterable[Scene]) -> dict[str, list[str]]:
    """Return the ids of what was dropped as a duplicate, by why: where it is from and how it was processed."""
    found: dict[str, list[str]] = {ELSEWHERE: [], REPROCESSED: [], REPEATED: []}
    for scene in scenes:
        reasons = {}
        for granule in scene.granules:
            for other in granule.alternatives:
                is_here = (other.provider, other.collection) == (granule.provider, granule.collection)
                is_same = other.processing_baseline == granule.processing_baseline
                reasons[other.item_id] = ELSEWHERE if not is_here else REPEATED if is_same else REPROCESSED
        for item_id in sorted({*scene.dropped, *reasons}):
            found[reasons.get(item_id, REPEATED)].append(item_id)
    return found


def stand_ins_of(scenes: Iterable[Scene]) -> int:
    """Return how many granules have another that is read in their place if they cannot be."""
    return sum(bool(granule.alternatives) for scene in scenes for granule in scene.granules)


def _sentences(one: AoiPlan, ahead: Forecast | None) -> list[str]:
    """Say what is done, what is left unread, how much is read and how long it takes."""
    return [_doing(one, ahead), *_unread(one), *([] if ahead is None else [_reading(ahead), _taking(ahead.reckoning)])]


def _doing(one: AoiPlan, ahead: Forecast | None) -> str:
    if one.work is None or ahead is None:
        return "nothing to do, every scene found is folded in."
    begin = "learn the baseline, then " if one.work.is_first else ""
    anew = "".join(
        f", learn the baseline anew for {dekad_label(refit.dekad)} from {len(refit.scenes)} scenes since "
        f"{date_of(refit.since_day)}"
        for refit in one.work.refits
    )
    dekads = f"{dekad_label(one.work.first_dekad)} to {dekad_label(one.work.last_dekad)}"
    return f"{begin}fold {dekads}{anew}, in {counted(len(ahead.tiles), 'tile')}."


def _unread(one: AoiPlan) -> list[str]:
    """Say what the search found and no run reads."""
    parts = []
    duplicates = duplicates_of(one.found)
    total = sum(map(len, duplicates.values()))
    if total:
        why = ", ".join(f"{len(ids)} {_from(reason)}" for reason, ids in duplicates.items() if ids)
        parts.append(f"{counted(total, 'duplicate')} ({why})")
    parts += [f"{one.unread[name]} {words}" for name, words in _UNREAD_WORDS.items() if one.unread.get(name)]
    lines = [f"left unread: {'; '.join(parts)}."] if parts else []
    stand_ins = stand_ins_of(one.found)
    return [*lines, f"{counted(stand_ins, 'granule')} can be read elsewhere if need be."] if stand_ins else lines


def _reading(ahead: Forecast) -> str:
    traffic = ahead.traffic
    basis = " and ".join(_BASIS_WORDS[name] for name in traffic.basis)
    volume = _range(_size(traffic.low_bytes), _size(traffic.high_bytes))
    reads = counted(ahead.workload.reads, "read")
    return f"{reads} of a scene on a tile: about {volume} ({basis}), {_size(traffic.decoded_bytes)} unpacked."


def _taking(reckoning: Reckoning) -> str:
    span = _span_of(reckoning.low_s, reckoning.high_s)
    with_whom = counted(reckoning.workers, "worker")
    return f"about {span} with {with_whom}, {_rates_words(reckoning)}."


def _rates_words(reckoning: Reckoning) -> str:
    if not reckoning.runs:
        return "by rates from the benchmark machine, as nothing was run here yet"
    words = f"by {counted(reckoning.runs, 'earlier run')} here"
    if reckoning.assumed:
        steps = " and ".join(reckoning.assumed)
        words += f"; how fast it can {steps} is from the benchmark machine"
    return words


def _content(one: AoiPlan, ahead: Forecast | None) -> dict[str, Any]:
    """Return the plan of one AOI as plain JSON."""
    work = one.work
    return {
        "aoi": one.watch.aoi.id,
        "lineage": one.watch.lineage,
        "since": date_of(one.span.since_day).isoformat(),
        "until": date_of(one.span.until_day).isoformat(),
        "fits_baseline": work.is_first if work else False,
        "first_dekad": dekad_label(work.first_dekad) if work else None,
        "last_dekad": dekad_label(work.last_dekad) if work else None,
        "refits": [_refit_content(refit) for refit in work.refits] if work else [],
        "left_out": left_out_content(one.watch.left_out),
        "tiles": len(one.watch.tiles),
        "scenes": {str(count.sensor): _count_content(count) for count in one.counts},
        "unread": {
            "counts": dict(one.unread),
            "duplicates": duplicates_of(one.found),
            "stand_ins": stand_ins_of(one.found),
        },
        "reads": ahead.workload.reads if ahead else 0,
        "bytes": _traffic_content(ahead.traffic if ahead else Traffic()),
        "time": None if ahead is None else _time_content(ahead.reckoning),
        "gaps": [gap.reason for gap in one.gaps],
    }


def _count_content(count: SceneCount) -> dict[str, int]:
    return {"found": count.found, "new": count.new, "applied": count.applied, "dropped": count.dropped}


def _traffic_content(traffic: Traffic) -> dict[str, Any]:
    return {
        "low": traffic.low_bytes,
        "high": traffic.high_bytes,
        "decoded": traffic.decoded_bytes,
        "basis": {name: round(share, 3) for name, share in traffic.basis.items()},
    }


def _time_content(reckoning: Reckoning) -> dict[str, Any]:
    return {
        "low_s": round(reckoning.low_s, 1),
        "high_s": round(reckoning.high_s, 1),
        "worker_s": round(reckoning.worker_s, 1),
        "workers": reckoning.workers,
        "earlier_runs": reckoning.runs,
        "assumed": list(reckoning.assumed),
    }


def _refit_content(refit: Refit) -> dict[str, Any]:
    """Return a refit as plain JSON."""
    return {
        "dekad": dekad_label(refit.dekad),
        "since": date_of(refit.since_day).isoformat(),
        "scenes": len(refit.scenes),
    }


def _from(reason: str) -> str:
    return {ELSEWHERE: "from another catalogue", REPROCESSED: "of another processing"}.get(reason, reason)


def _size(size_bytes: float) -> str:
    """Return a size to two digits.

    >>> [_size(size) for size in (0, 900, 1.55 * 2**20, 18.4 * 2**30, 700 * 2**30)]
    ['0 bytes', '900 bytes', '1.6 MiB', '18 GiB', '700 GiB']
    """
    for unit, name in _UNITS:
        if size_bytes >= unit:
            return f"{_rounded(size_bytes / unit)} {name}"
    return f"{size_bytes:.0f} bytes"


def _span_of(low_s: float, high_s: float) -> str:
    """Return a range of time in a unit that suits it.

    >>> _span_of(0.3, 0.8), _span_of(70.0, 250.0), _span_of(5_000.0, 30_000.0), _span_of(200_000, 400_000)
    ('a second', '1.2 to 4.2 min', '1.4 to 8.3 h', '2.3 to 4.6 days')
    """
    if high_s <= 1.0:
        return "a second"
    unit, name = next(
        ((unit, name) for unit, name in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")) if high_s >= 2.0 * unit),
        (1.0, "s"),
    )
    return _range(f"{_rounded(low_s / unit)} {name}", f"{_rounded(high_s / unit)} {name}")


def _rounded(value: float) -> str:
    """Return a number to two digits that count."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")


def _range(low: str, high: str) -> str:
    """Return `low to high`, the unit once where both have the same.

    >>> _range("3 GiB", "12 GiB"), _range("900 MiB", "1.2 GiB"), _range("2 h", "2 h")
    ('3 to 12 GiB', '900 MiB to 1.2 GiB', '2 h')
    """
    if low == high:
        return low
    number, _, unit = low.partition(" ")
    return f"{number} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"
