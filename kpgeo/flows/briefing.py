"""The mission brief of one AOI and period, from what a workspace holds."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from kpgeo import __version__, brief, sites
from kpgeo.brief import BriefContent, BriefInputs, ChipPair, RunFacts
from kpgeo.flows.declared.statistics import statistics_of
from kpgeo.flows.exports.neighbours import describe_sites
from kpgeo.flows.pictures import backdrop, chip_pair
from kpgeo.flows.watching.deciding import Bench
from kpgeo.flows.watching.record import operating_of, read_watched
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.aoi import Language
from kpgeo.model.calendar import day_of, dekad_end, dekad_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import digest
from kpgeo.model.scene import Scene
from kpgeo.model.site import Site
from kpgeo.store import Tables, Workspace, refusal_as_integrity, write_atomic

BriefFormat = Literal["pdf", "html", "docx"]
_RENDER: dict[str, Callable[[BriefContent], bytes]] = {
    "pdf": brief.render_pdf,
    "html": brief.render_html,
    "docx": brief.render_docx,
}


def make_brief(  # noqa: PLR0913 - each is a word of the command
    workspace: Path,
    aoi_id: str,
    start: dt.date,
    end: dt.date,
    *,
    languages: Sequence[Language] = ("en",),
    formats: Sequence[BriefFormat] = ("pdf",),
    out: Path | None = None,
) -> list[Path]:
    """Write the brief of an AOI for a period, in each language and format.

    Parameters
    ----------
    start, end : date
        The period; `end` is not part of it.
    out : Path, optional
        The file to write, where there is one language and one format; by default files in the workspace's `briefs/`.

    Raises
    ------
    BadInputError
        The workspace has never watched the AOI, or knows nothing of the period.
    IntegrityError
        The disk refuses; a brief that was there is as it was.
    """
    room = Workspace(workspace)
    tables = room.tables()
    try:
        watch, run_id = watch_of(room, aoi_id)
        inputs = brief_inputs(watch, room, tables, start, end, run_id)
    finally:
        tables.close()
    written = []
    for language in languages:
        content = brief.compose_brief(inputs, language, watch.pipeline.brief)
        for name in formats:
            path = out or room.briefs / f"{aoi_id}_{start:%Y%m%d}_{end:%Y%m%d}_{language}.{name}"
            with refusal_as_integrity(path):
                write_atomic(path, _RENDER[name](content))
            written.append(path)
    return written


def brief_inputs(
    watch: Watch, room: Workspace, tables: Tables, start: dt.date, end: dt.date, run_id: str
) -> BriefInputs:
    """Gather all a brief says."""
    start_day, end_day = day_of(start), day_of(end)
    commit = tables.last_commit(watch.aoi.id, watch.lineage)
    if commit is None or start_day >= dekad_end(commit.last_dekad) or end_day <= day_of(watch.pipeline.history.end):
        raise BadInputError(
            "Nothing of this period has been decided.", where=watch.aoi.id, remedy="Run the pipeline over it first."
        )
    last = min(dekad_of(end_day - 1), commit.last_dekad)
    bench = Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
    scenes = sorted(bench.scenes.values(), key=lambda scene: scene.order)
    folded = [scene for dekad in bench.head.applied for scene in bench.folded(dekad)]
    history = _history(watch, tables, last)
    known = statistics_of(room.path, watch.aoi.iso3)
    inputs = BriefInputs(
        aoi=watch.aoi,
        grid=watch.grid,
        start_day=start_day,
        end_day=end_day,
        sites=tables.sites(watch.aoi.id, watch.lineage, last),
        site_history=history,
        site_months={site_id: sites.months_of(rows, watch.pipeline.sites) for site_id, rows in history.items()},
        site_events=tables.site_events(watch.aoi.id, watch.lineage, None, last),
        alerts=tables.alerts(watch.aoi.id, watch.lineage, last),
        coverage=tables.coverage(watch.aoi.id, watch.lineage, None, last),
        comparisons=tables.comparisons(watch.aoi.id),
        declared=[one for one in known.declared if one.aoi_id in ("", watch.aoi.id)],
        totals=[one for one in known.totals if one.aoi_id in ("", watch.aoi.id)],
        findings=known.findings,
        gaps=tables.gaps(watch.aoi.id, start_day, end_day),
        left_out=watch.left_out,
        backdrop=backdrop(watch, [scene for scene in scenes if scene.day < end_day]),
        run=replace(
            _facts_of(watch, folded, range(start_day, end_day)),
            run_id=run_id,
            snapshot_id=commit.snapshot_id,
            operating=operating_of(read_watched(room).get(watch.aoi.id, {})),
        ),
        simulated=watch.aoi.is_simulated,
    )
    return replace(inputs, chips=_chips(watch, inputs, scenes), surroundings=describe_sites(watch, inputs.sites))


def _facts_of(watch: Watch, folded: Sequence[Scene], days: range) -> RunFacts:
    """Return where a brief's numbers come from, of what the pipeline and the scenes folded in tell."""
    return RunFacts(
        lineage=watch.lineage,
        kpgeo_version=__version__,
        options_digest=digest(watch.pipeline.model_dump(mode="json"))[:12],
        scenes=Counter(scene.sensor for scene in folded if scene.day in days),
        last_scene=max((scene.datetime for scene in folded), default=None),
        min_site_ha=watch.pipeline.sites.min_area_ha,
    )


def _chips(watch: Watch, inputs: BriefInputs, scenes: Sequence[Any]) -> dict[str, ChipPair]:
    """Return before and after pictures of the sites a brief shows first."""
    options = watch.pipeline.brief
    ranked = brief.rank_sites(inputs)[: options.max_sites_with_chips]
    return {
        reading.site.id: chip_pair(
            watch, reading.site, scenes, until_day=inputs.end_day, margin_m=options.chip_margin_m
        )
        for reading in ranked
    }


def _history(watch: Watch, tables: Tables, last_dekad: int) -> dict[str, list[Site]]:
    """Return the rows of every site, dekad by dekad."""
    history: dict[str, list[Site]] = defaultdict(list)
    for dekad in range(watch.first_dekad, last_dekad + 1):
        for site in tables.sites(watch.aoi.id, watch.lineage, dekad):
            history[site.id].append(site)
    return dict(history)
