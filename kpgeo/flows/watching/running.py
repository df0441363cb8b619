"""Run: plan, observe, decide, compare and deliver one pipeline, and leave a record of it."""

import datetime as dt
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kpgeo import alerts, lazy
from kpgeo.flows.declared.comparing import are_compared, compare, import_declared
from kpgeo.flows.plans.planning import AoiPlan, open_workspace, plan_aoi
from kpgeo.flows.reviews.chain import ledger_head
from kpgeo.flows.reviews.reviewing import carry_reviews
from kpgeo.flows.schedule.book import booked, usual_due
from kpgeo.flows.sealed.bundles import make_due
from kpgeo.flows.telling.delivering import deliver
from kpgeo.flows.telling.office import read_subscribers, require_watched
from kpgeo.flows.telling.telling import PostReport, tell_subscribers
from kpgeo.flows.watching.coverage import WHOLE
from kpgeo.flows.watching.deciding import Bench, Decided, decide, first_undecided
from kpgeo.flows.watching.effort import deciding
from kpgeo.flows.watching.observing import Observation, observe
from kpgeo.flows.watching.record import RunRecord, remember
from kpgeo.flows.watching.reporting import RunReport, result_content
from kpgeo.flows.watching.watch import Progress, Watch, open_watches, silent
from kpgeo.model.calendar import day_of, dekad_start
from kpgeo.model.errors import BadInputError, KpgeoError
from kpgeo.model.run import Coverage, Gap, RunResult, RunVerdict
from kpgeo.model.site import SiteStatus
from kpgeo.options.compute import ComputeOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import StateStore, Tables, Workspace, refusal_as_integrity

_log = logging.getLogger(__name__)


def run_pipeline(
    pipeline: Pipeline,
    *,
    workspace: Path | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    cluster: str | None = None,
    progress: Progress = silent,
) -> RunReport:
    """Read every new acquisition over every AOI of a pipeline, decide what changed, compare, and deliver.

    Running again changes nothing where nothing new came; killed anywhere and run again, it comes to the same.

    Parameters
    ----------
    workspace : Path, optional
        Instead of the pipeline's own.
    since, until : date, optional
        Days to search, `until` not included. By default from the start of monitoring (at the first run, of the history)
        to today, or to the last scene where every catalogue is a file.
    cluster : str, optional
        Instead of the pipeline's `compute.cluster`.

    Raises
    ------
    BadInputError
        The cluster is none, an AOI breaks a rule, or a rate of false alerts is asked for that the calibration carried
        cannot give; nothing is written but that the run failed.
    BusyError
        Another run is writing to the workspace.
    IntegrityError
        The disk is full or refuses, or the tables contradict themselves; what was committed before stands.
    """
    due_at = usual_due(pipeline, since, until)
    asked = Asked(since=since, until=until, compute=compute_of(pipeline, cluster), due_at=due_at)
    with opened_to_write(open_workspace(pipeline, workspace)) as (room, tables):
        return run_held(pipeline, room, tables, asked, progress)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a run is asked for, as `run_pipeline` has it, and the due moment that it serves."""

    compute: ComputeOptions
    since: dt.date | None = None
    until: dt.date | None = None
    due_at: dt.datetime | None = None


@contextmanager
def opened_to_write(room: Workspace) -> Iterator[tuple[Workspace, Tables]]:
    """Hold a workspace, and open its tables.

    Raises
    ------
    BusyError
        Another run is writing to it.
    """
    with refusal_as_integrity(room.path), room.lock(), closing(room.tables()) as tables:
        yield room, tables


def run_held(pipeline: Pipeline, room: Workspace, tables: Tables, asked: Asked, progress: Progress) -> RunReport:
    """Run a pipeline in a workspace that is held, and write it into the run book."""
    begin = time.perf_counter()
    with booked(room, tables, pipeline, asked.due_at) as booking, ExitStack() as stack:
        subscribers = read_subscribers(pipeline)
        watches = open_watches(pipeline)
        require_watched(subscribers, [watch.aoi.id for watch in watches])
        operating = {watch.aoi.id: alerts.operating_content(watch.operating) for watch in watches}
        record = RunRecord.begin(room, pipeline)
        booking.begin(record.run_id)
        import_declared(pipeline, tables)
        remember(room, tables, watches, record.run_id)
        run = _Run(room, tables, record, asked.compute, stack, progress)
        results, errors, delivered, post = [], {}, 0, PostReport()
        try:
            for watch in watches:
                result, error = run.watch_one(watch, asked.since, asked.until)
                results.append(result)
                if error is not None:
                    errors[watch.aoi.id] = error
            delivered = deliver(room, tables, pipeline.deliver) if pipeline.deliver.enabled else 0
            post = tell_subscribers(pipeline, room, tables)
        finally:
            record.close(
                errors={aoi_id: str(error) for aoi_id, error in errors.items()},
                delivered=delivered,
                post=post.as_json(),
                operating=operating,
                ledger=ledger_head(tables),
            )
        bundles = make_due(room, tables, watches, progress)
        report = RunReport(
            run_id=record.run_id,
            workspace=room.path,
            results=tuple(results),
            errors=errors,
            delivered=delivered,
            post=post,
            bundles=len(bundles),
            seconds=time.perf_counter() - begin,
            left_out={watch.aoi.id: watch.left_out for watch in watches if watch.left_out is not None},
        )
        booking.end(report.exit_code, results)
    return report


class _Run:
    """One run under way. Workers are opened when the first AOI has something to observe."""

    def __init__(
        self,
        room: Workspace,
        tables: Tables,
        record: RunRecord,
        compute: ComputeOptions,
        stack: ExitStack,
        progress: Progress,
    ) -> None:
        self._room = room
        self._tables = tables
        self._record = record
        self._compute = compute
        self._stack = stack
        self._progress = progress
        self._workers: lazy.Client | None = None

    def watch_one(
        self, watch: Watch, since: dt.date | None, until: dt.date | None
    ) -> tuple[RunResult, KpgeoError | None]:
        """Take one AOI through all steps. What stops it is kept, so that other AOIs go on."""
        begin = time.perf_counter()
        try:
            result = self._steps(watch, since, until)
            error = None
        except KpgeoError as stopped:
            _log.info("%s: %s", watch.aoi.id, stopped)  # the report says it too
            result = self._result(watch, RunVerdict.FAILED, gaps=())
            error = stopped
        result = replace(result, seconds=time.perf_counter() - begin)
        state = self._room.state(watch.aoi.id, watch.lineage, watch.grid)
        scenes = [] if error or result.first_dekad is None else self._folded(watch, state, result.first_dekad)
        self._record.add_aoi(watch, result_content(result), scenes)
        return result, error

    def _steps(self, watch: Watch, since: dt.date | None, until: dt.date | None) -> RunResult:
        """Plan, observe, decide and compare one AOI."""
        aoi_id, record = watch.aoi.id, self._record
        state = self._room.state(aoi_id, watch.lineage, watch.grid)
        with record.step(aoi_id, "plan") as counts:
            planned = plan_aoi(watch, state, self._tables, since=since, until=until)
            self._tables.put_scenes(aoi_id, planned.scenes)
            self._tables.withdraw_scenes(aoi_id, [scene.id for scene in planned.withdrawn])
            counts.update(scenes=len(planned.scenes), withdrawn=len(planned.withdrawn), gaps=len(planned.gaps))
        observed = None
        if planned.work is not None:
            with record.step(aoi_id, "observe") as counts:
                observed = self._observe(watch, state, planned)
                counts.update(scenes_new=observed.scenes_new, tiles=observed.tiles, gaps=len(observed.gaps))
                counts.update(refits=len(observed.refits))
                record.add_effort(aoi_id, observed.effort)
                self._tables.note_used(aoi_id, observed.stand_ins)
        bench = Bench(watch, state, self._tables)
        first = first_undecided(bench)
        decided, has_news = None, False
        if first is not None:
            with record.step(aoi_id, "decide") as counts:
                known = self._known_events(watch, first)
                decided = decide(bench, first, self._progress)
                has_news = bool(_event_ids(decided) - known)
                counts.update(dekads=len(decided.decisions))
            record.add_effort(aoi_id, deciding(watch.grid, len(decided.decisions), record.seconds[aoi_id]["decide"]))
        carry_reviews(watch, self._tables)
        speaks = self._tables.methods.speaking(aoi_id) or watch.lineage
        if speaks == watch.lineage and (decided is not None or not are_compared(bench)):
            with record.step(aoi_id, "compare") as counts:
                counts.update(comparisons=len(compare(bench)))
        gaps = (*planned.gaps, *(observed.gaps if observed else ()))
        self._keep_gaps(watch, planned, gaps)
        before = self._seen_before(watch) if decided is None else None
        verdict = verdict_of(gaps, decided, has_news=has_news, before=before)
        result = self._result(watch, verdict, gaps, observed, decided)
        return replace(result, withdrawn=planned.withdrawn, beside="" if speaks == watch.lineage else speaks)

    def _observe(self, watch: Watch, state: StateStore, planned: AoiPlan) -> Observation:
        """Observe one AOI on the workers, and keep the gaps of each commit with it."""
        assert planned.work is not None  # noqa: S101 - the caller has just asked
        if self._workers is None:
            self._workers = self._stack.enter_context(lazy.open_cluster(self._compute))
            lazy.require_able(self._workers, self._room.path)
        metadata = {"run_id": self._record.run_id, "lineage": watch.lineage}
        for observed in observe(watch, state, planned.work, self._workers, metadata, self._progress):
            self._keep_gaps(watch, planned, (*planned.gaps, *observed.gaps))
        return observed

    def _keep_gaps(self, watch: Watch, planned: AoiPlan, gaps: Sequence[Gap]) -> None:
        """Keep the gaps of what was folded in, in place of those an earlier run found there."""
        since, elsewhere, work = None, [], planned.work
        if work is not None:
            since = day_of(watch.pipeline.history.start) if work.is_first else dekad_start(work.first_dekad)
            known = self._tables.gaps(watch.aoi.id, since)
            elsewhere = [gap for gap in known if gap.tile and not work.is_for(gap.tile)]
        self._tables.put_gaps(watch.aoi.id, [*gaps, *elsewhere], since_day=since)

    def _seen_before(self, watch: Watch) -> Sequence[Coverage]:
        """Return how much was seen in the dekads of the last decision."""
        commit = self._tables.last_commit(watch.aoi.id, watch.lineage)
        if commit is None:
            return ()
        return self._tables.coverage(watch.aoi.id, watch.lineage, commit.first_dekad, commit.last_dekad)

    def _known_events(self, watch: Watch, first_dekad: int) -> set[str]:
        """Return the ids of the site events the tables hold from a dekad on."""
        return {event.id for event in self._tables.site_events(watch.aoi.id, watch.lineage, first_dekad)}

    def _folded(self, watch: Watch, state: StateStore, first_dekad: int) -> list[Any]:
        """Return the scenes folded in from a dekad on."""
        bench = Bench(watch, state, self._tables)
        return [scene for dekad in bench.head.applied if dekad >= first_dekad for scene in bench.folded(dekad)]

    def _result(
        self,
        watch: Watch,
        verdict: RunVerdict,
        gaps: Sequence[Gap],
        observed: Observation | None = None,
        decided: Decided | None = None,
    ) -> RunResult:
        """Return what one AOI came to."""
        commit = self._tables.last_commit(watch.aoi.id, watch.lineage)
        sites = self._tables.sites(watch.aoi.id, watch.lineage)
        events = [event for one in decided.decisions for event in one.alert_events] if decided else []
        return RunResult(
            run_id=self._record.run_id,
            aoi_id=watch.aoi.id,
            verdict=verdict,
            scenes_new=observed.scenes_new if observed else 0,
            tiles=observed.tiles if observed else 0,
            snapshot_id=commit.snapshot_id if commit else "",
            first_dekad=decided.commit.first_dekad if decided else None,
            last_dekad=decided.commit.last_dekad if decided else None,
            alerts_raised=sum(event.before is None for event in events),
            sites_active=sum(site.status is SiteStatus.ACTIVE for site in sites),
            gaps=tuple(gaps),
            refits=observed.refits if observed else (),
        )


def verdict_of(
    gaps: Sequence[Gap], decided: Decided | None, *, has_news: bool, before: Sequence[Coverage] | None = None
) -> RunVerdict:
    """Return a run's verdict on one AOI. Silence is never "all quiet": where nothing was seen, it says so.

    Where this run decided nothing, what it found stands or falls with what was seen `before`, by the last decision
    (None: not asked).
    """
    if any(not gap.is_chosen for gap in gaps):
        return RunVerdict.PARTIAL
    if has_news:
        return RunVerdict.CHANGES
    coverage = before if decided is None else [row for one in decided.decisions for row in one.coverage]
    if coverage is None or any(row.look_frac > 0.0 for row in coverage if row.stratum_id == WHOLE):
        return RunVerdict.NO_CHANGE
    return RunVerdict.NOT_LOOKED


def _event_ids(decided: Decided) -> set[str]:
    return {event.id for one in decided.decisions for event in one.site_events}


def compute_of(pipeline: Pipeline, cluster: str | None) -> ComputeOptions:
    """Return the compute options, with another cluster where one is named."""
    options = pipeline.compute
    if cluster is None:
        is_file = options.cluster.endswith(".json")
        return options.model_copy(update={"cluster": str(pipeline.path(options.cluster))}) if is_file else options
    try:
        return ComputeOptions(**{**options.model_dump(), "cluster": cluster})
    except ValidationError as error:
        raise BadInputError(
            f"{cluster!r} is no cluster.",
            where="--cluster",
            remedy="Use local, threads, sync, a scheduler's address such as tcp://host:8786, or its file (.json).",
        ) from error
