"""Decide: outline, link and raise alerts dekad by dekad, from the dekad before and the state at the end of this one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kpgeo import alerts, detect, production, sites
from kpgeo.alerts import AlertContext
from kpgeo.flows.exports.neighbours import describe_sites, surroundings_payload
from kpgeo.flows.watching.coverage import WHOLE, measure_coverage
from kpgeo.flows.watching.watch import Progress, Watch, silent
from kpgeo.model.alert import AlertEvent
from kpgeo.model.calendar import Period, day_of, dekad_end
from kpgeo.model.decision import Commit, DekadDecision, OutboxItem
from kpgeo.model.errors import IntegrityError
from kpgeo.model.ids import digest
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.model.run import Coverage
from kpgeo.model.scene import Scene
from kpgeo.model.site import Site
from kpgeo.model.state import DYNAMIC_LAYERS, DekadFields, TileState
from kpgeo.store import StateHead, StateStore, Tables


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What was decided: the commit the tables now name, and the decision of every dekad that was decided again."""

    commit: Commit
    decisions: tuple[DekadDecision, ...]


class Bench:
    """All that a decision about one AOI is made of: its watch, its state at the head, its tables."""

    def __init__(self, watch: Watch, state: StateStore, tables: Tables) -> None:
        self.watch = watch
        self.tables = tables
        self.head: StateHead = state.head()
        self.state = state.at(self.head.snapshot_id) if self.head.snapshot_id else state

    @cached_property
    def scenes(self) -> dict[str, Scene]:
        """Return the AOI's scenes by id."""
        return {scene.id: scene for scene in self.tables.scenes(self.watch.aoi.id)}

    @cached_property
    def figures(self) -> tuple[DeclaredFigure, ...]:
        """Return what the AOI's participant declared, published or entered: the newest vintage of each period."""
        known = [*production.published_figures(), *self.tables.declared()]
        return production.current_figures(figure for figure in known if figure.iso3 == self.watch.aoi.iso3)

    @cached_property
    def inputs_digest(self) -> str:
        """Return a digest of what is decided and compared from besides the state; when it moves, all is done again."""
        pipeline = self.watch.pipeline
        known = sorted(
            (figure.aoi_id, figure.period.label, figure.kind, figure.carats or 0.0, str(figure.as_published_on))
            for figure in self.figures
        )
        stages = (pipeline.sites, pipeline.alerts, pipeline.production)
        moves = (self.watch.operating.digest, self.watch.belief_map.knots)
        return digest([stage.digest() for stage in stages], moves, known)[:12]

    @cached_property
    def neighbourhood(self) -> sites.Neighbourhood:
        """Return the layers of the AOI, laid out once."""
        return sites.Neighbourhood(self.watch.aoi)

    def folded(self, dekad: int) -> list[Scene]:
        """Return the scenes folded in during a dekad, in order."""
        ids = [text.partition(".")[0] for text in self.head.applied.get(dekad, ())]
        return [self.scenes[scene_id] for scene_id in ids if scene_id in self.scenes]

    def fields(self, dekad: int) -> DekadFields:
        """Return the whole AOI's state at the end of a dekad, decoded, its beliefs calibrated."""
        layers = {name: self.state.read_layer(name, dekad) for name in DYNAMIC_LAYERS}
        fields = detect.decode_fields(dekad, TileState(**layers))  # type: ignore[arg-type]
        return detect.calibrate_fields(fields, self.watch.belief_map)


def first_undecided(bench: Bench) -> int | None:
    """Return the dekad to decide from, or None where the tables follow from the head of the state.

    After a run, and after a crash between the commit of the state and that of the tables, it is the earliest dekad of
    all commits since the one the tables name. Where what else decisions follow from has moved, it is the first one.
    """
    head, first = bench.head, bench.watch.first_dekad
    if head.last_dekad is None or head.last_dekad < first:
        return None
    commit = bench.tables.last_commit(bench.watch.aoi.id, bench.watch.lineage)
    if commit is None or commit.scenes_digest.partition(".")[2] != bench.inputs_digest:
        return first
    if commit.snapshot_id == head.snapshot_id:
        return None
    snapshots = bench.state.snapshots()
    ids = [snapshot.id for snapshot in snapshots]
    if commit.snapshot_id not in ids:
        return first
    since = snapshots[ids.index(commit.snapshot_id) + 1 :]
    return max(first, min(int(snapshot.metadata["first_dekad"]) for snapshot in since))


def decide(bench: Bench, first_dekad: int, progress: Progress = silent) -> Decided:
    """Decide every dekad from `first_dekad` to the end of the state, and put it into the tables in one transaction."""
    watch, head = bench.watch, bench.head
    if head.last_dekad is None:
        raise IntegrityError("There is no state to decide from.", where=watch.aoi.id, remedy="Run the pipeline first.")
    decisions: list[DekadDecision] = []
    outbox: list[OutboxItem] = []
    previous = _before(bench, first_dekad)
    for dekad in range(first_dekad, head.last_dekad + 1):
        previous, news = decide_dekad(bench, previous, dekad)
        decisions.append(previous)
        outbox += news
        progress(f"{watch.aoi.id}: decide", dekad - first_dekad + 1, head.last_dekad - first_dekad + 1)
    commit = Commit(
        aoi_id=watch.aoi.id,
        lineage=watch.lineage,
        snapshot_id=head.snapshot_id,
        first_dekad=first_dekad,
        last_dekad=head.last_dekad,
        scenes_digest=f"{digest(sorted(head.applied.items()))[:12]}.{bench.inputs_digest}",
    )
    bench.tables.replace_decisions(commit, decisions, outbox)
    return Decided(commit=commit, decisions=tuple(decisions))


def decide_dekad(bench: Bench, previous: DekadDecision, dekad: int) -> tuple[DekadDecision, list[OutboxItem]]:
    """Decide one dekad from the decision of the dekad before and the state at its end; also what there is to send."""
    watch = bench.watch
    options = watch.pipeline
    fields = bench.fields(dekad)
    folded = bench.folded(dekad)
    coverage = measure_coverage(watch, fields, len(folded))
    changes = sites.outline_changes(fields, watch.place, options.sites)
    linked, site_events = sites.link_sites(previous.sites, changes, fields, watch.place, options.sites)
    context = _context(bench, dekad, folded, coverage)
    raised, alert_events = alerts.raise_alerts(previous.alerts, linked, context, options.alerts)
    decision = DekadDecision(
        dekad=dekad,
        changes=tuple(changes),
        sites=tuple(linked),
        site_events=tuple(site_events),
        alerts=tuple(raised),
        alert_events=tuple(alert_events),
        coverage=coverage,
    )
    context = _with_surroundings(context, bench, linked, alert_events)
    news = [
        OutboxItem(id=entry.id, aoi_id=watch.aoi.id, kind=entry.kind, payload=dict(entry.payload), created_dekad=dekad)
        for entry in alerts.outbox_entries(raised, alert_events, context, linked)
    ]
    return decision, news


def _before(bench: Bench, dekad: int) -> DekadDecision:
    """Return the decision of the dekad before, as the tables hold it; an empty one where monitoring begins."""
    aoi_id, lineage, before = bench.watch.aoi.id, bench.watch.lineage, dekad - 1
    if before < bench.watch.first_dekad:
        return DekadDecision(dekad=before)
    return DekadDecision(
        dekad=before,
        sites=tuple(bench.tables.sites(aoi_id, lineage, before)),
        alerts=tuple(bench.tables.alerts(aoi_id, lineage, before)),
    )


def _context(bench: Bench, dekad: int, folded: Sequence[Scene], coverage: Sequence[Coverage]) -> AlertContext:
    """Return what is known of an AOI in a dekad, besides its sites."""
    watch = bench.watch
    last_day = dekad_end(dekad) - 1
    return AlertContext(
        aoi_id=watch.aoi.id,
        dekad=dekad,
        regimes=frozenset(regime.kind for regime in watch.aoi.regimes_on(last_day)),
        declared_known=_is_declared(bench, Period.half_year_of(last_day)),
        scene_ids=tuple(scene.id for scene in folded),
        sensors=tuple(sorted({str(scene.sensor) for scene in folded})),
        coverage=next(row for row in coverage if row.stratum_id == WHOLE),
        baseline_end_day=day_of(watch.pipeline.history.end),
        operating=watch.operating,
        left_out=watch.left_out,
    )


def _with_surroundings(
    context: AlertContext, bench: Bench, linked: Sequence[Site], events: Sequence[AlertEvent]
) -> AlertContext:
    """Return the context with what lies around the sites that something happened to."""
    told = {event.evidence.site_id for event in events}
    around = describe_sites(bench.watch, [site for site in linked if site.id in told], bench.neighbourhood)
    return replace(context, surroundings=surroundings_payload(around))


def _is_declared(bench: Bench, period: Period) -> bool:
    """Say whether a declared figure speaks of the AOI, or of its whole participant, in a period."""
    iso3 = bench.watch.aoi.iso3
    found = [
        production.sum_to_period(bench.figures, period, iso3=iso3, aoi_id=aoi_id) for aoi_id in (bench.watch.aoi.id, "")
    ]
    return any(figure is not None and figure.kind is not DeclaredKind.MISSING for figure in found)
