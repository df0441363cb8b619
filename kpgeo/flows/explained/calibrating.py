"""Calibrate: class spectra and radar signatures re-estimated from an analyst's labelled polygons."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kpgeo import detect, registry
from kpgeo.detect import ClassCalibration, Estimate, LabelledGround
from kpgeo.flows.explained.labelled import observe_labels
from kpgeo.flows.plans.planning import open_workspace
from kpgeo.flows.watching.watch import Progress, open_watches, silent
from kpgeo.model.errors import BadInputError
from kpgeo.model.run import Gap
from kpgeo.options.pipeline import Pipeline
from kpgeo.registry import Label
from kpgeo.store import refusal_as_integrity, write_atomic

_SURPRISE = 3.0  # sigmas from which a class is said to have moved far
_COMMENT = """\
Class library written by `kpgeo calibrate`: {labels} over {aois}.
Name it in a pipeline with [detect] classes = "{name}". Classes marked "calibrated" were re-estimated; the others are
those of {prior}.
"""


@dataclass(frozen=True, kw_only=True)
class CalibrationReport:
    """What calibrating came to.

    Attributes
    ----------
    out : Path
        The class library that was written.
    unseen : tuple of (label, reason)
        Polygons of which nothing could be read.
    """

    pipeline: str
    out: Path
    labels: int
    calibration: ClassCalibration
    unseen: tuple[tuple[str, str], ...]
    gaps: tuple[Gap, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0, or 3 where scenes could not be read or the labels do not tell the ground apart."""
        agreement = self.calibration.agreement
        return 3 if self.gaps or (agreement is not None and agreement.sigmas < _SURPRISE) else 0

    def rows(self) -> list[tuple[object, ...]]:
        """Return one row for each class and band that was estimated."""
        return [row for one in self.calibration.estimates for row in _rows(one)]

    def sentences(self) -> list[str]:
        """Say what moved far, which polygons were left out, and what could not be estimated."""
        return [
            *self._verdict(),
            *self._left_out(),
            *self._untouched(),
            f'Written: {self.out}. Use it with [detect] classes = "{self.out.name}" in the pipeline file.',
        ]

    def gap_sentences(self) -> list[str]:
        """Return what could not be searched or read."""
        return list(dict.fromkeys(f"{gap.aoi_id}: {gap.scene_id or 'search'}: {gap.reason}" for gap in self.gaps))

    def _verdict(self) -> list[str]:
        estimates, doubts = self.calibration.estimates, self.calibration.doubts
        seen = {doubt.id for doubt in doubts} | {name for one in estimates for name in one.polygons}
        misplaced = {doubt.id for doubt in doubts if doubt.looks_like}
        far = [one for one in estimates if one.moved >= _SURPRISE]
        lines = [
            f"{one.before.name} ({one.before.state.name.lower()}, {one.kind}): {one.moved:.1f} sigmas from the library."
            for one in far
        ]
        agreement = self.calibration.agreement
        if agreement is not None:
            lines.insert(0, _agreement_sentence(agreement))
        if len(misplaced) > 0.25 * max(len(seen), 1):
            lines.append(
                f"{len(misplaced)} of {len(seen)} polygons do not look like their label: check states, dates and "
                "places before this library is used."
            )
        return lines

    def _left_out(self) -> list[str]:
        left = [(f"{d.state.name.lower()}, {d.kind}: {d.reason}", d.id) for d in self.calibration.doubts]
        return [
            *(f"Left out, {why}: {names}." for why, names in _gathered(left)),
            *(f"Not seen, {why}: {names}." for why, names in _gathered((why, name) for name, why in self.unseen)),
        ]

    def _untouched(self) -> list[str]:
        rows = [(reason, f"{name} ({kind})") for kind, _, name, reason in self.calibration.untouched]
        return [f"Not estimated, {why}: {names}." for why, names in _gathered(rows)]

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {
            "pipeline": self.pipeline,
            "classes": str(self.out),
            "labels": self.labels,
            "estimates": [_content(one) for one in self.calibration.estimates],
            "agreement": None if self.calibration.agreement is None else asdict(self.calibration.agreement),
            "left_out": [
                {
                    "label": doubt.id,
                    "state": doubt.state.name.lower(),
                    "kind": doubt.kind,
                    "reason": doubt.reason,
                    "looks_like": doubt.looks_like or None,
                }
                for doubt in self.calibration.doubts
            ],
            "not_seen": [{"label": name, "reason": reason} for name, reason in self.unseen],
            "not_estimated": [
                {"kind": kind, "state": state, "class": name, "reason": reason}
                for kind, state, name, reason in self.calibration.untouched
            ],
            "gaps": self.gap_sentences(),
        }


def calibrate(
    pipeline: Pipeline, labels: Path, out: Path, *, workspace: Path | None = None, progress: Progress = silent
) -> CalibrationReport:
    """Re-estimate class spectra from labelled polygons, and write a class library.

    Radar is re-estimated where the workspace holds a baseline of the area; nothing in the workspace is changed.

    Raises
    ------
    BadInputError
        The labels cannot be used, or none of them could be seen; nothing is written.
    """
    prior = detect.prior_of(detect.library_of(pipeline.detect))
    known = registry.read_labels(labels)
    _check_classes(known, prior, labels)
    room = open_workspace(pipeline, workspace)
    watches = open_watches(pipeline)
    grounds: list[LabelledGround] = []
    gaps: list[Gap] = []
    for watch in watches:
        seen, missed = observe_labels(watch, known, room, progress)
        grounds += seen
        gaps += missed
    aois = ", ".join(watch.aoi.id for watch in watches)
    result = detect.calibrate_classes(prior, grounds, pipeline.calibrate, f"Labels {labels.name} over {aois}")
    seen_ids = {ground.id for ground in grounds}
    unseen = [(label.id, f"it holds no whole pixel of {aois}") for label in known if label.id not in seen_ids]
    if not result.estimates:
        why = [doubt.reason for doubt in result.doubts] + [reason for _, reason in unseen]
        raise BadInputError(
            f"No class could be estimated: {'; '.join(dict.fromkeys(why))[:300]}.",
            where=str(labels),
            remedy="Draw more or larger polygons, and give them the days on which the ground was so.",
        )
    prior_name = pipeline.detect.classes or "kpgeo"
    comment = _COMMENT.format(labels=labels.name, aois=aois, name=out.name, prior=prior_name)
    with refusal_as_integrity(out):
        write_atomic(out, detect.format_library(result.library, comment).encode("utf-8"))
    return CalibrationReport(
        pipeline=pipeline.name,
        out=out,
        labels=len(known),
        calibration=result,
        unseen=tuple(unseen),
        gaps=tuple(dict.fromkeys(gaps)),
    )


def _check_classes(labels: Sequence[Label], prior: detect.ClassLibrary, path: Path) -> None:
    """Refuse a class that the library does not have for the label's state."""
    for label in labels:
        names = sorted({entry.name for entry in prior.entries if entry.state is label.state})
        if label.class_name and label.class_name not in names:
            raise BadInputError(
                f"The library has no class of {label.state.name.lower()} called '{label.class_name}'.",
                where=f"{path}: {label.id}, property class",
                remedy=f"Write one of: {', '.join(names)}; or leave it out.",
            )


def _agreement_sentence(agreement: detect.Agreement) -> str:
    """Say whether labels tell the ground apart."""
    told = (
        f"of each polygon's nearest three in reflectance {agreement.shared_frac:.0%} bear its state; by lot it would "
        f"be {agreement.by_lot_frac:.0%} ({agreement.sigmas:+.1f} sigmas, {agreement.polygons} polygons)"
    )
    if agreement.sigmas >= _SURPRISE:
        return f"The labels agree with the ground: {told}."
    return (
        f"The labels do not tell the ground apart, and this library should not be used: {told}. Check states and dates."
    )


def _gathered(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return each reason once with all names it holds for."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for reason, name in pairs:
        by_reason[reason].append(name)
    return [(reason, ", ".join(names)) for reason, names in by_reason.items()]


def _rows(one: Estimate) -> list[tuple[object, ...]]:
    """Return one row a band: what was, what was seen, what is now."""
    digits = 3 if one.kind == "optical" else 1
    before, spread = one.before.moments
    after, after_spread = one.after.moments
    rows: list[tuple[object, ...]] = []
    for b, band in enumerate(detect.bands_of(one.kind)):
        named = (one.kind, one.before.state.name.lower(), one.before.name, len(one.polygons), one.looks)
        first = named if b == 0 else ("",) * len(named)
        seen = f"{one.observed[b]:.{digits}f} ± {_plain(one.observed_spread[b], digits)}"
        rows.append(
            (
                *first,
                band,
                f"{before[b]:.{digits}f} ± {spread[b]:.{digits}f}",
                seen,
                f"{after[b]:.{digits}f} ± {after_spread[b]:.{digits}f}",
                f"{one.sigmas[b]:+.1f}",
            )
        )
    return rows


def _plain(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"


def _content(one: Estimate) -> dict[str, Any]:
    """Return one estimate as plain JSON."""
    before, spread = one.before.moments
    after, after_spread = one.after.moments
    return {
        "kind": one.kind,
        "state": one.before.state.name.lower(),
        "class": one.before.name,
        "polygons": list(one.polygons),
        "looks": one.looks,
        "looks_counted": round(one.looks_counted, 1),
        "moved_sigmas": round(one.moved, 2),
        "bands": {
            band: {
                "before": [float(before[b]), float(spread[b])],
                "observed": [one.observed[b], one.observed_spread[b] if np.isfinite(one.observed_spread[b]) else None],
                "after": [float(after[b]), float(after_spread[b])],
                "after_error": one.after_error[b],
                "sigmas": one.sigmas[b],
            }
            for b, band in enumerate(detect.bands_of(one.kind))
        },
    }
