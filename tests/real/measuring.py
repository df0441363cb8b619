"""A pipeline over real imagery, run from catalogue to alerts, and what came of it in numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpgeo import flows
from kpgeo.model.calendar import dekad_label
from kpgeo.model.production import Comparison
from kpgeo.model.run import Coverage
from kpgeo.model.state import DekadFields
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a run over one place came to.

    Attributes
    ----------
    history, folded : int
        Scenes the baseline was learnt from, and scenes folded in after it.
    changes : int
        Change objects, counted anew in every dekad.
    alerts : int
        Alerts of any state, candidates too.
    highest_belief : float
        Highest belief in mining of any pixel at the end of any dekad, and in `highest_dekad` when that was.
    seed_px : int
        Pixels that ever reached the belief a change object needs (`sites.seed_prob`).
    measured_px : int
        Pixels whose mined share was ever measured; without one, a change object has no area.
    """

    report: flows.RunReport
    pixels: int
    history: int
    folded: int
    changes: int
    sites: int
    alerts: int
    highest_belief: float
    highest_dekad: str
    seed_px: int
    measured_px: int
    coverage: tuple[Coverage, ...]
    comparisons: tuple[Comparison, ...]


def run_and_measure(path: Path) -> Found:
    """Run a pipeline with one AOI in this process and count what it found."""
    pipeline = Pipeline.read(path)
    report = flows.run_pipeline(pipeline, cluster="sync")
    (watch,) = flows.open_watches(pipeline)
    room = Workspace(report.workspace)
    tables = room.tables()
    try:
        bench = flows.Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
        peak, measured, when = np.zeros(watch.grid.shape, dtype=np.float32), np.zeros(watch.grid.shape, dtype=bool), 0
        for fields in looked_at(bench):
            when = fields.dekad if fields.mined_prob.max() > peak.max() else when
            peak = np.maximum(peak, fields.mined_prob)
            measured |= fields.mined_frac > 0.0
        of = (watch.aoi.id, watch.lineage)
        dekads = range(watch.first_dekad, (bench.head.last_dekad or 0) + 1)
        return Found(
            report=report,
            pixels=peak.size,
            history=len(bench.head.baseline_scenes),
            folded=sum(len(texts) for texts in bench.head.applied.values()),
            changes=sum(len(tables.changes(*of, dekad)) for dekad in dekads),
            sites=len({site.id for dekad in dekads for site in tables.sites(*of, dekad)}),
            alerts=len({alert.id for dekad in dekads for alert in tables.alerts(*of, dekad)}),
            highest_belief=float(peak.max()),
            highest_dekad=dekad_label(when),
            seed_px=int(np.count_nonzero(peak >= pipeline.sites.seed_prob)),
            measured_px=int(np.count_nonzero(measured)),
            coverage=tuple(row for row in tables.coverage(*of) if row.stratum_id == "*"),
            comparisons=tuple(tables.comparisons(watch.aoi.id)),
        )
    finally:
        tables.close()


def looked_at(bench: flows.Bench) -> Iterator[DekadFields]:
    """Yield the state at the end of every monitored dekad that a scene was folded into."""
    for dekad in sorted(bench.head.applied):
        if dekad >= bench.watch.first_dekad and bench.head.applied[dekad]:
            yield bench.fields(dekad)
