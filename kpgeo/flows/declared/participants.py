"""Compare a whole participant: its watched AOIs together, and how much of its known fields they are."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from kpgeo import production, registry
from kpgeo.flows.declared.comparing import activities_of, half_years, is_monitored, is_open
from kpgeo.flows.declared.figures import known_figures
from kpgeo.flows.watching.deciding import Bench
from kpgeo.model.calendar import Period, day_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.geometry import area_ha
from kpgeo.model.production import Comparison, DeclaredFigure
from kpgeo.production import KnownField
from kpgeo.store import Workspace


def compare_participant(
    room: Workspace, benches: Sequence[Bench], participant: str, periods: Sequence[Period] | None
) -> list[Comparison]:
    """Hold what a participant declared against the digging seen in all of its AOIs that are watched.

    For a period in which not all of them were watched, and where none is, see `compare_figures`. Nothing of this is put
    into the tables: it follows from what is there.

    Raises
    ------
    BadInputError
        Nobody is called so, or no period is named and nothing was declared of a participant nobody watches.
    """
    name, iso3 = name_participant(participant, benches)
    own = [bench for bench in benches if bench.watch.aoi.iso3 == iso3]
    known = [one for one in known_figures(room.path).production if one.iso3 == iso3]
    fields = fields_of(iso3, own)
    if not own:
        return _unwatched((name, iso3), periods, known, fields)
    wanted = sorted(set(periods) if periods is not None else set.intersection(*(set(half_years(b)) for b in own)))
    made: list[Comparison] = []
    for period in wanted:
        if not all(is_monitored(bench, period) for bench in own):
            made.append(production.compare_unwatched(name, iso3, period, known, fields))
            continue
        row = production.compare_participant(
            [bench.watch.aoi for bench in own],
            period,
            [activity for bench in own for activity in activities_of(bench, period)],
            own[0].figures,
            made,
            own[0].watch.pipeline.production,
            is_open=any(is_open(bench, period) for bench in own),
        )
        made.append(production.with_fields(row, fields))
    return [production.with_revision(row, known) for row in made]


def compare_figures(workspace: Path, participant: str, periods: Sequence[Period] | None) -> list[Comparison]:
    """Compare a participant where nothing is watched: its figures against a published capacity, where there is one.

    Without periods, every year of which a figure is known. There need not be a workspace.

    Raises
    ------
    BadInputError
        As `compare_participant`.
    """
    name, iso3 = name_participant(participant, ())
    known = [one for one in known_figures(workspace).production if one.iso3 == iso3]
    return _unwatched((name, iso3), periods, known, fields_of(iso3, ()))


def _unwatched(
    who: tuple[str, str],
    periods: Sequence[Period] | None,
    known: Sequence[DeclaredFigure],
    fields: Sequence[KnownField],
) -> list[Comparison]:
    years = {Period.parse(one.period.label[:4]) for one in known if not one.aoi_id}
    wanted = sorted(years if periods is None else set(periods))
    if not wanted:
        raise BadInputError(
            f"Nothing of {who[0]} is watched here, and no figure of it is known.",
            where="--participant",
            remedy="Name a period (--period), or enter its figures (kpgeo declare import).",
        )
    made = [production.compare_unwatched(*who, period, known, fields) for period in wanted]
    return [production.with_revision(row, known) for row in made]


def name_participant(participant: str, benches: Sequence[Bench]) -> tuple[str, str]:
    """Return name and code of whom a text stands for: a participant watched here, or any that kpgeo knows."""
    watched = {bench.watch.aoi.participant: bench.watch.aoi.iso3 for bench in benches}
    for name, iso3 in watched.items():
        if participant in (name, iso3):
            return name, iso3
    try:
        one = production.find_participant(participant, day_of(dt.datetime.now(dt.UTC)), "--participant")
    except BadInputError as error:
        remedy = f"{error.remedy} Watched here: {', '.join(sorted(watched)) or 'nobody'}."
        raise BadInputError(error.what, where=error.where, remedy=remedy) from error
    return one.name, one.iso3


def fields_of(iso3: str, benches: Sequence[Bench]) -> list[KnownField]:
    """Return the fields kpgeo knows of a participant, and those watched here that it does not come with."""
    watched = {bench.watch.aoi.id: bench.watch.aoi for bench in benches}
    known = {aoi.id: aoi for aoi in registry.list_aois() if aoi.iso3 == iso3} | watched
    return [
        KnownField(
            aoi_id=aoi.id,
            names=aoi.names,
            area_ha=area_ha(aoi.geometry),
            is_watched=aoi.id in watched,
            regimes=aoi.regimes,
        )
        for aoi in sorted(known.values(), key=lambda aoi: aoi.id)
    ]
