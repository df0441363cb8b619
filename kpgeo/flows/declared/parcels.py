"""A parcel check as a page, and as plain JSON."""

from pathlib import Path
from typing import Any

from kpgeo import brief
from kpgeo.flows.declared.pages import check_ending, write_page
from kpgeo.flows.watching.deciding import Bench
from kpgeo.model.aoi import Language
from kpgeo.model.calendar import date_of
from kpgeo.model.parcel import ParcelCheck
from kpgeo.model.production import CapacityInterval


def write_parcel_page(bench: Bench, check: ParcelCheck, language: Language, out: Path) -> Path:
    """Write a parcel check as a page: pdf, html or docx, by the file's ending."""
    check_ending(out)
    period = check.parcel.period
    gaps = bench.tables.gaps(bench.watch.aoi.id, period.start_day, period.end_day)
    content = brief.compose_parcel(check, bench.watch.aoi, gaps, language)
    return write_page(content, out)


def parcel_content(check: ParcelCheck) -> dict[str, Any]:
    """Return a parcel check as plain JSON."""
    parcel, activity = check.parcel, check.activity
    return {
        "id": check.id,
        "parcel": parcel.id,
        "aoi": parcel.aoi_id,
        "stratum": parcel.stratum_id or None,
        "participant": check.participant,
        "period": parcel.period.label,
        "until": date_of(parcel.period.end_day).isoformat(),
        "carats": parcel.carats,
        "cumulative_ct": parcel.cumulative_ct,
        "answer": str(check.answer),
        "reasons": [str(reason) for reason in check.reasons],
        "new_ha": [activity.new_area.low_ha, activity.new_area.ha, activity.new_area.high_ha],
        "coverage_frac": activity.coverage_frac,
        "sites": activity.sites,
        "capacity_ct": _interval(check.capacity),
        "labour_ct": _interval(check.labour),
        "prob_parcel": check.prob_parcel,
        "prob_cumulative": check.prob_cumulative,
        "sentences": {language: list(lines) for language, lines in check.sentences.items()},
    }


def _interval(interval: CapacityInterval | None) -> list[float] | None:
    return None if interval is None else [interval.low_ct, interval.median_ct, interval.high_ct]
