"""An explanation as files: a picture, or JSON with everything the picture shows and where the pixel lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpgeo import brief
from kpgeo.brief import Explanation
from kpgeo.flows.exports.sheets import KP_ONLY, PUBLIC
from kpgeo.flows.plans.planning import open_workspace
from kpgeo.flows.watching.record import json_line
from kpgeo.model.aoi import LANGUAGES, Language
from kpgeo.model.calendar import date_of, dekad_label
from kpgeo.model.scene import RADAR_BANDS
from kpgeo.model.state import FILTER_BANDS, NO_DAY, LandState
from kpgeo.model.trace import Beliefs, DekadTrace, LookTrace, mined_prob
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import refusal_as_integrity, write_atomic

SCHEMA = "kpgeo-explanation-1"
_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class ExplanationStyle:
    """How explanations are drawn: in which language, and which optical bands get a panel."""

    language: Language = "en"
    bands: tuple[str, ...] = brief.EXPLAINED_BANDS


def write_explanations(explanations: Sequence[Explanation], out: Path, style: ExplanationStyle) -> list[Path]:
    """Write explanations as what the file's ending says: png, svg, pdf or json.

    The first goes to `out`; further ones get their rank before the ending: `why.png`, `why-2.png`.
    """
    written = []
    for place, one in enumerate(explanations, start=1):
        path = out if place == 1 else out.with_name(f"{out.stem}-{place}{out.suffix}")
        suffix = out.suffix.lower().removeprefix(".")
        with refusal_as_integrity(path):
            if suffix == "json":
                write_atomic(path, json_line(explanation_content(one)))
            else:
                write_atomic(path, brief.draw_explanation(one, style.language, suffix, bands=style.bands))  # type: ignore[arg-type]
        written.append(path)
    return written


def evidence_file(pipeline: Pipeline, workspace: Path | None, explanation: Explanation, suffix: str) -> Path:
    """Return where an explanation goes when nobody says: the workspace's folder of evidence, by what it explains."""
    room = open_workspace(pipeline, workspace)
    subject = explanation.alert or explanation.site
    name = (
        f"{explanation.aoi.id}_{subject.id if subject else explanation.pixel_id}_{_date(explanation.end_day)}.{suffix}"
    )
    return room.inside("evidence", name)


def explanation_content(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as plain JSON; `docs/reference/explanation.md` says what each field holds."""
    trace = explanation.trace
    top = explanation.top_looks
    return {
        "schema": SCHEMA,
        "release": PUBLIC if explanation.aoi.sensitivity == "public" else KP_ONLY,
        "is_simulated": explanation.is_simulated,
        "aoi": explanation.aoi.id,
        "pixel": {
            "id": explanation.pixel_id,
            "lon": explanation.lon,
            "lat": explanation.lat,
            "row": trace.row,
            "col": trace.col,
            "rank": explanation.rank,
            "of_pixels": explanation.of_pixels,
        },
        "site": explanation.site.id if explanation.site else None,
        "alert": explanation.alert.id if explanation.alert else None,
        "detector": explanation.detector,
        "lineage": explanation.lineage,
        "snapshot": explanation.snapshot_id,
        "first_day": _date(explanation.first_day),
        "end_day": _date(explanation.end_day),
        "history": {
            "first_day": _date(explanation.history[0]),
            "end_day": _date(explanation.history[1]),
            "scenes": {str(sensor): count for sensor, count in explanation.history_scenes.items()},
            "refits": [_date(day) for day in explanation.refit_days],
        },
        "start": _belief(trace.dekads[0].start),
        "looks": [_look(look, top.index(look) + 1 if look in top else None) for look in trace.looks],
        "dekads": [_dekad(dekad, dict(trace.apart).get(dekad.dekad)) for dekad in trace.dekads],
        "not_seen": _not_seen(explanation),
        "is_as_stored": not trace.apart,
        "sentences": {language: list(brief.say_explanation(explanation, language)) for language in LANGUAGES},
    }


def _look(look: LookTrace, number: int | None) -> dict[str, Any]:
    """Return one look."""
    return {
        "day": _date(look.day),
        "sensor": str(look.sensor),
        "scene": look.scene_id,
        "is_clear": look.is_clear,
        "unseen": look.unseen or None,
        "bands": {
            band: {
                "seen": _round(look.seen[place]) if look.is_clear else None,
                "expected": _round(look.expected[place]),
                "scatter": _round(look.scatter[place]),
                "departure": _round(look.departures[place]) if look.is_clear else None,
            }
            for place, band in enumerate(look.bands)
        },
        "level_db": dict(zip(RADAR_BANDS, map(_round, look.level_db), strict=True)) if look.level_db else None,
        "before": _belief(look.before),
        "after": _belief(look.after),
        "move_nats": _round(look.move_nats),
        "gain_nats": _round(look.gain_nats),
        "number": number,
    }


def _dekad(dekad: DekadTrace, difference: float | None) -> dict[str, Any]:
    """Return one dekad: the belief at its end, and the season in its middle."""
    season = dict(zip(FILTER_BANDS, zip(dekad.optical, dekad.optical_scatter, strict=True), strict=True))
    season |= dict(zip(RADAR_BANDS, zip(dekad.radar, dekad.radar_scatter, strict=True), strict=True))
    return {
        "dekad": dekad_label(dekad.dekad),
        "belief": _belief(dekad.end),
        "onset": None if dekad.onset_day == NO_DAY else _date(dekad.onset_day),
        "mined_frac": _round(dekad.mined_frac),
        "season": {
            band: {"expected": _round(mean), "scatter": _round(scatter)} for band, (mean, scatter) in season.items()
        },
        "difference": None if difference is None else _round(difference),
    }


def _not_seen(explanation: Explanation) -> dict[str, Any]:
    """Return what was not seen."""
    unclear: dict[str, int] = {}
    for look in explanation.trace.looks:
        if look.unseen:
            unclear[look.unseen] = unclear.get(look.unseen, 0) + 1
    return {
        "unclear": unclear,
        "longest_blind": [_date(day) for day in brief.blind_spans(explanation, is_optical=False)[0]],
        "longest_blind_optical": [_date(day) for day in brief.blind_spans(explanation, is_optical=True)[0]],
        "unreadable": [
            {"day": _date(gap.day), "scene": gap.scene_id, "reason": gap.reason} for gap in explanation.gaps
        ],
    }


def _belief(belief: Beliefs) -> dict[str, float]:
    """Return a belief by the names of its states, with that in mining."""
    named = {state.name.lower(): _round(prob) for state, prob in zip(LandState, belief, strict=True)}
    return {"mined": _round(mined_prob(belief)), **named}


def _date(day: int) -> str:
    return date_of(day).isoformat()


def _round(value: float) -> float:
    """Round to the digits a float32 holds."""
    return float(f"{value:.{_DIGITS}g}")
