"""Compare a whole participant: its watched AOIs together, and how much of its known fields they are."""

import datetime as dt
from collections.abc import Sequence

from kpgeo import production, registry
from kpgeo.flows.comparing import activities_of, half_years, is_open
from kpgeo.flows.deciding import Bench
from kpgeo.flows.figures import known_figures
from kpgeo.model.calendar import Period, day_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.geometry import area_ha
from kpgeo.model.production import Comparison
from kpgeo.production import KnownField
from kpgeo.store import Workspace


def compare_participant(
    room: Workspace, benches: Sequence[Bench], participant: str, periods: Sequence[Period] | None
) -> list[Comparison]:
    """Hold what a participant declared against the digging seen in all of its AOIs that are watched.

    Where none is watched, each period asked for is not assessable, and says which fields are not. Nothing of this is
    put into the tables: it follows from what is there.

    Raises
    ------
    BadInputError
        Nobody is called so, or no period is named of a participant nobody watches.
    """
    name, iso3 = name_participant(participant, benches)
    own = [bench for bench in benches if bench.watch.aoi.iso3 == iso3]
    fields = fields_of(iso3, own)
    if not own:
        if periods is None:
            raise BadInputError(
                f"Nothing of {name} is watched here.", where="--participant", remedy="Name a period (--period)."
            )
        figures = known_figures(room.path).production
        return [production.compare_unwatched(name, iso3, period, figures, fields) for period in periods]
    wanted = sorted(set(periods) if periods is not None else set.intersection(*(set(half_years(b)) for b in own)))
    made: list[Comparison] = []
    for period in wanted:
        row = production.compare_participant(
            [bench.watch.aoi for bench in own],
            period,
            [activity for bench in own for activity in activities_of(bench, period)],
            own[0].figures,
            made,
            own[0].watch.pipeline.production,
            is_open=any(is_open(bench, period) for bench in own),
        )
        made.append(row)
    return [production.with_fields(row, fields) for row in made]


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
        KnownField(aoi_id=aoi.id, names=aoi.names, area_ha=area_ha(aoi.geometry), is_watched=aoi.id in watched)
        for aoi in sorted(known.values(), key=lambda aoi: aoi.id)
    ]
