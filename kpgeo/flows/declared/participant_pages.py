"""A participant's page: its figures, its comparisons, what is asked of it, and where kpgeo looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kpgeo import brief
from kpgeo.brief import FieldFacts, ParticipantInputs
from kpgeo.flows.declared.pages import write_page
from kpgeo.flows.declared.participants import fields_of, name_participant
from kpgeo.flows.declared.statistics import statistics_of
from kpgeo.flows.watching.deciding import Bench
from kpgeo.model.aoi import Language
from kpgeo.model.production import Comparison
from kpgeo.options.brief import BriefOptions
from kpgeo.production import KnownField


@dataclass(frozen=True, kw_only=True)
class ParticipantPage:
    """All that a participant's page says, to be written in a language and a format."""

    inputs: ParticipantInputs
    options: BriefOptions

    def write(self, language: Language, out: Path) -> Path:
        """Write the page: pdf, html or docx, by the file's ending."""
        return write_page(brief.compose_participant(self.inputs, language, self.options), out)


def participant_page(
    workspace: Path, benches: Sequence[Bench], participant: str, rows: Sequence[Comparison]
) -> ParticipantPage:
    """Gather a participant's page from its comparisons and from what a workspace holds.

    Parameters
    ----------
    workspace : Path
        There need not be one: what comes with kpgeo is known everywhere.
    rows : sequence of Comparison
        What `compare_participant` made of the same benches, or `compare_figures` of none.
    """
    name, iso3 = name_participant(participant, benches)
    own = {bench.watch.aoi.id: bench for bench in benches if bench.watch.aoi.iso3 == iso3}
    known = statistics_of(workspace, iso3)
    inputs = ParticipantInputs(
        participant=name,
        iso3=iso3,
        aois=[own[aoi_id].watch.aoi for aoi_id in sorted(own)],
        comparisons=rows,
        declared=known.declared,
        totals=[one for one in known.totals if one.aoi_id in ("", *(own if len(own) == 1 else ()))],
        findings=known.findings,
        fields=[_field(one, own.get(one.aoi_id)) for one in fields_of(iso3, list(own.values()))],
        simulated=any(bench.watch.aoi.is_simulated for bench in own.values()),
    )
    options = next((bench.watch.pipeline.brief for bench in own.values()), BriefOptions())
    return ParticipantPage(inputs=inputs, options=options)


def _field(known: KnownField, bench: Bench | None) -> FieldFacts:
    if bench is None:
        return FieldFacts(names=known.names, area_ha=known.area_ha, is_watched=known.is_watched)
    watch = bench.watch
    return FieldFacts(
        names=known.names,
        area_ha=known.area_ha,
        is_watched=known.is_watched,
        coverage=bench.tables.coverage(watch.aoi.id, watch.lineage),
        left_out=watch.left_out,
    )
