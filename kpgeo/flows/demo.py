"""The demonstration: a world with a known answer, watched from its first scene to a brief, and held against it."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpgeo import assess, sim
from kpgeo.alerts import operating_content, operating_sentence
from kpgeo.assess import Score
from kpgeo.flows.briefing import make_brief
from kpgeo.flows.plans.planning import open_workspace
from kpgeo.flows.watching.deciding import Bench
from kpgeo.flows.watching.record import json_line
from kpgeo.flows.watching.reporting import RunReport
from kpgeo.flows.watching.running import run_pipeline
from kpgeo.flows.watching.watch import Progress, Watch, open_watches, silent
from kpgeo.model.alert import Alert, MachineState
from kpgeo.model.calendar import date_of, dekad_end
from kpgeo.model.errors import IntegrityError
from kpgeo.model.operating import OperatingPoint
from kpgeo.model.production import Comparison
from kpgeo.model.site import Site
from kpgeo.options.assess import AssessOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.sim import SimOptions
from kpgeo.store import Tables, write_atomic

SCORE = "score.json"
_TOLD = (MachineState.PROVISIONAL, MachineState.CONFIRMED, MachineState.ONGOING)
_MONTHS_CAUGHT_UP = 3
_SIZE_PX = 384  # 15 km2: a few minutes on two slow cores, scenes and all
_MONITORED_YEARS = 1.5  # so that all three declared half-years are watched: one fits, one exceeds, one is silent


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """What the demonstration found, where it lies, and how well it did."""

    folder: Path
    runs: tuple[RunReport, ...]
    alerts: tuple[tuple[Alert, Site], ...]
    comparisons: tuple[Comparison, ...]
    briefs: tuple[Path, ...]
    score: Score
    digest: Path
    operating: OperatingPoint

    def sentences(self) -> list[str]:
        """Return what to tell whoever watches."""
        return [
            *_found(self.alerts),
            f"  {operating_sentence(self.operating)}",
            "",
            *(line for one in self.comparisons for line in _compared(one)),
            "",
            "Held against the truth of the simulated world:",
            *assess.format_table([self.score]).rstrip().split("\n"),
            "Simulated worlds only: this says nothing yet about real mines.",
            "",
            f"Alerts as they were delivered: {self.digest}",
            *(f"Brief: {path}" for path in self.briefs),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {
            "workspace": str(self.folder),
            "runs": [run.as_json() for run in self.runs],
            "alerts": [alert.id for alert, _ in self.alerts],
            "comparisons": {one.period.label: str(one.verdict) for one in self.comparisons},
            "operating": operating_content(self.operating),
            "briefs": [str(path) for path in self.briefs],
            "score": self.score.to_dict(),
        }


def demo(workspace: Path, *, seed: int = 0, progress: Progress = silent) -> DemoReport:
    """Write a simulated world, watch it, compare, brief in English and French, and score it against the truth.

    It is watched as a schedule would: once up to the last three months, then month by month. Running it again in the
    same workspace finds the world already there, and nothing new in it.
    """
    world = _world(workspace, seed, progress)
    pipeline = Pipeline.read(world.pipeline)
    (watch,) = open_watches(pipeline)
    room = workspace / "workspace"
    runs = [
        run_pipeline(pipeline, workspace=room, until=until, cluster="threads", progress=progress)
        for until in _visits(watch, world)
    ]
    opened = open_workspace(pipeline, room)
    tables = opened.tables()
    try:
        bench = Bench(watch, opened.state(watch.aoi.id, watch.lineage, watch.grid), tables)
        score = score_watch(bench, world)
        write_atomic(opened.products / SCORE, json_line(score.to_dict()))
        end = date_of(dekad_end(bench.head.last_dekad or 0))
        briefs = make_brief(
            room,
            watch.aoi.id,
            pipeline.history.end,
            end,
            languages=("en", "fr"),
            formats=("pdf", "html"),
        )
        return DemoReport(
            folder=workspace,
            runs=tuple(runs),
            alerts=_told(watch, tables),
            comparisons=tuple(tables.comparisons(watch.aoi.id)),
            briefs=tuple(briefs),
            score=score,
            digest=opened.products / pipeline.deliver.folder / "digest.md",
            operating=watch.operating,
        )
    finally:
        tables.close()


def score_watch(bench: Bench, world: sim.World) -> Score:
    """Score what was decided about a simulated world against its truth."""
    watch, last = bench.watch, bench.head.last_dekad
    if last is None:
        raise IntegrityError("Nothing was decided.", where=watch.aoi.id, remedy="Run the pipeline first.")
    history = [
        assess.DekadDecision(
            dekad=dekad,
            alerts=tuple(bench.tables.alerts(watch.aoi.id, watch.lineage, dekad)),
            sites=tuple(bench.tables.sites(watch.aoi.id, watch.lineage, dekad)),
        )
        for dekad in range(watch.first_dekad, last + 1)
    ]
    return assess.score_run(assess.read_truth(world.folder), history, dekad_end(last), AssessOptions())


def _world(workspace: Path, seed: int, progress: Progress) -> sim.World:
    """Return the world of a workspace, written where it is not there yet."""
    folder = workspace / "world"
    if (folder / "catalog.json").exists():
        return sim.World.at(folder)
    return sim.write_world(folder, SimOptions(seed=seed, size_px=_SIZE_PX, monitored_years=_MONITORED_YEARS), progress)


def _visits(watch: Watch, world: sim.World) -> list[dt.date | None]:
    """Return the days a schedule would have run on: the first of the last months, then the end."""
    facts = json.loads((world.truth / "world.json").read_text(encoding="utf-8"))
    end = dt.date.fromisoformat(facts["monitored"]["end"])
    firsts = sorted(
        first
        for months_back in range(1, _MONTHS_CAUGHT_UP + 1)
        if (first := _months_before(end, months_back)) > watch.pipeline.history.end
    )
    return [*firsts, None]


def _months_before(date: dt.date, months: int) -> dt.date:
    """Return the first of the month so many months before a date's."""
    number = date.year * 12 + date.month - 1 - months
    return dt.date(number // 12, number % 12 + 1, 1)


def _told(watch: Watch, tables: Tables) -> tuple[tuple[Alert, Site], ...]:
    """Return the alerts that stand and were announced, largest first, each with its site."""
    sites = {site.id: site for site in tables.sites(watch.aoi.id, watch.lineage)}
    standing = [
        alert
        for alert in tables.alerts(watch.aoi.id, watch.lineage)
        if alert.state in _TOLD or alert.held_state in _TOLD
    ]
    standing.sort(key=lambda alert: (-alert.evidence.area_ha, alert.id))
    return tuple((alert, sites[alert.site_id]) for alert in standing)


def _found(alerts: Sequence[tuple[Alert, Site]]) -> list[str]:
    """Say which new workings stand."""
    lines = [f"{len(alerts)} new workings stand at the end:"]
    for alert, site in alerts:
        lon, lat = site.lon_lat
        seen = alert.evidence
        lines.append(
            f"  {alert.id}  {alert.state:12}  {seen.area_ha:5.2f} ha ({seen.area_low_ha:.2f} to "
            f"{seen.area_high_ha:.2f})  since {date_of(seen.first_day)}  at {lat:.4f}, {lon:.4f}  "
            f"confidence {seen.confidence:.2f}"
        )
    return lines


def _compared(comparison: Comparison) -> list[str]:
    """Say what a comparison came to."""
    sentences = comparison.sentences.get("en", ())
    return [f"{comparison.period.label}: {comparison.verdict}", *(f"  {sentence}" for sentence in sentences)]
