"""What a run came to: for the terminal, for programs, for the manifest."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpgeo.flows.plans.planning import withdrawn_sentences
from kpgeo.flows.telling.telling import PostReport
from kpgeo.flows.watching.record import gap_content
from kpgeo.flows.watching.unwatched import left_out_content, left_out_sentences
from kpgeo.model.aoi import LeftOut
from kpgeo.model.calendar import dekad_label
from kpgeo.model.errors import IntegrityError, KpgeoError
from kpgeo.model.run import RefitCount, RunResult, RunVerdict

_IN_PART = 3


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What a run came to.

    Attributes
    ----------
    errors : dict
        By AOI id, why it failed.
    delivered : int
        Items put into the outbox folder.
    post : PostReport
        What became of deliveries to subscribers.
    bundles : int
        Evidence bundles made of alerts that became confirmed.
    left_out : dict
        By AOI id, what of it is not watched, by choice.
    """

    run_id: str
    workspace: Path
    results: tuple[RunResult, ...]
    errors: dict[str, KpgeoError]
    delivered: int
    seconds: float
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    bundles: int = 0
    post: PostReport = field(default_factory=PostReport)

    @property
    def exit_code(self) -> int:
        """Return 0 done, 3 done in part, or the code of what stopped it."""
        codes = [error.exit_code for error in self.errors.values()]
        if any(isinstance(error, IntegrityError) for error in self.errors.values()):
            return IntegrityError.exit_code
        if codes and len(codes) == len(self.results):
            return codes[0]
        is_partial = any(result.verdict is RunVerdict.PARTIAL for result in self.results)
        return _IN_PART if codes or is_partial else self.post.exit_code

    def rows(self) -> list[tuple[object, ...]]:
        """Return one row for each AOI, for a table."""
        return [
            (
                result.aoi_id,
                result.verdict,
                result.scenes_new,
                _dekads(result),
                result.alerts_raised,
                result.sites_active,
                len(result.gaps),
                f"{result.seconds:.1f}",
            )
            for result in self.results
        ]

    def sentences(self) -> list[str]:
        """Say what was learnt anew, withdrawn, decided beside another method, or is not watched by choice."""
        refits = [_refit_sentence(result.aoi_id, refit) for result in self.results for refit in result.refits]
        gone = [line for result in self.results for line in withdrawn_sentences(result.aoi_id, result.withdrawn)]
        beside = [_beside_sentence(result) for result in self.results if result.beside]
        return [*refits, *gone, *beside, *left_out_sentences(self.left_out), *self.post.sentences()]

    def gap_sentences(self) -> list[str]:
        """Return why AOIs failed, what was not looked at, and who was not told: one line for each reason."""
        lines = [f"{aoi_id}: {error}" for aoi_id, error in self.errors.items()]
        for result in self.results:
            reasons = [gap.reason for gap in result.gaps]
            lines += [f"{result.aoi_id}: gap: {reason} ({reasons.count(reason)})" for reason in dict.fromkeys(reasons)]
        return [*lines, *self.post.fault_sentences()]

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {
            "run_id": self.run_id,
            "workspace": str(self.workspace),
            "exit_code": self.exit_code,
            "delivered": self.delivered,
            "bundles": self.bundles,
            "post": self.post.as_json(),
            "seconds": round(self.seconds, 3),
            "aois": [result_content(result) for result in self.results],
            "errors": {aoi_id: str(error) for aoi_id, error in self.errors.items()},
            "left_out": {aoi_id: left_out_content(one) for aoi_id, one in self.left_out.items()},
        }


def result_content(result: RunResult) -> dict[str, Any]:
    """Return one AOI's result as plain JSON."""
    return {
        "aoi": result.aoi_id,
        "verdict": str(result.verdict),
        "scenes_new": result.scenes_new,
        "tiles": result.tiles,
        "snapshot_id": result.snapshot_id,
        "first_dekad": None if result.first_dekad is None else dekad_label(result.first_dekad),
        "last_dekad": None if result.last_dekad is None else dekad_label(result.last_dekad),
        "alerts_raised": result.alerts_raised,
        "sites_active": result.sites_active,
        "beside": result.beside,
        "withdrawn": [scene.id for scene in result.withdrawn],
        "gaps": [gap_content(gap) for gap in result.gaps],
        "refits": [
            {"dekad": dekad_label(refit.dekad), "scenes": refit.scenes, "px": dict(refit.px)} for refit in result.refits
        ],
    }


def _refit_sentence(aoi_id: str, refit: RefitCount) -> str:
    """Say in one line what a refit did."""
    px = refit.px
    return (
        f"{aoi_id}: baseline learnt anew for {dekad_label(refit.dekad)} on, from {refit.scenes} scenes: "
        f"{px['learnt'] + px['learnt_cleared']:,} pixels changed, {px['learnt_cleared']:,} of them cleared for good; "
        f"kept as mined {px['kept_mined']:,}, as changed {px['kept_changed']:,}, for want of looks {px['kept_thin']:,}."
    )


def _beside_sentence(result: RunResult) -> str:
    """Say that nobody is told of what was decided, because another method speaks."""
    return (
        f"{result.aoi_id}: another method speaks ({result.beside}), and this one was run beside it: nothing of it is "
        f"announced. See what differs: kpgeo method list {result.aoi_id}."
    )


def _dekads(result: RunResult) -> str:
    if result.first_dekad is None or result.last_dekad is None:
        return "-"
    return f"{dekad_label(result.first_dekad)} to {dekad_label(result.last_dekad)}"
