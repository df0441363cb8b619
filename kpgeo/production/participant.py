"""Holds a participant's figure against several of its AOIs together."""

from collections.abc import Sequence
from dataclasses import replace

from shapely import union_all

from kpgeo.model.aoi import Aoi, Seasons
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import Activity, Comparison, DeclaredFigure
from kpgeo.options.production import JOIN, ProductionOptions
from kpgeo.production.comparison import compare_production


def compare_participant(  # noqa: PLR0913 - as compare_production
    aois: Sequence[Aoi],
    period: Period,
    activities: Sequence[Activity],
    figures: Sequence[DeclaredFigure],
    previous: Sequence[Comparison],
    options: ProductionOptions,
    *,
    is_open: bool = False,
) -> Comparison:
    """Hold what a participant declared for a period against the digging seen in several of its AOIs together.

    The rules are those of `compare_production`, over the strata of all AOIs. The total is in scope only if
    `covers_participant` lists these very AOIs, joined by `+`. The row's `aoi_id` is their ids, sorted and joined so;
    its activities keep the AOI each belongs to.

    Raises
    ------
    BadInputError
        There are no AOIs, one stands twice, they are of several participants, or an AOI has no activity of the period.
    """
    _require_one_participant(aois, activities)
    joined = _join(aois)
    renamed = [replace(a, aoi_id=joined.id, stratum_id=_stratum_id(a.aoi_id, a.stratum_id)) for a in activities]
    row = compare_production(joined, period, renamed, figures, previous, options, is_open=is_open)
    return replace(row, activities=tuple(activities))


def _join(aois: Sequence[Aoi]) -> Aoi:
    """Return the AOIs as one, their strata told apart by the AOI they lie in.

    Beside AOIs with strata, one without any is land outside every stratum: what is mined there is not known.
    """
    ordered: list[Aoi] = sorted(aois, key=lambda aoi: aoi.id)
    languages = {code for aoi in ordered for code in aoi.names}
    dry = sorted({month for aoi in ordered if aoi.seasons for month in aoi.seasons.dry_months})
    known = next((aoi.seasons for aoi in ordered if aoi.seasons is not None), None)
    return replace(
        ordered[0],
        id=JOIN.join(aoi.id for aoi in ordered),
        names={code: " + ".join(aoi.names.get(code) or aoi.name() for aoi in ordered) for code in languages},
        geometry=union_all([aoi.geometry for aoi in ordered]),
        strata=tuple(replace(stratum, id=_stratum_id(aoi.id, stratum.id)) for aoi in ordered for stratum in aoi.strata),
        regimes=tuple(
            replace(regime, strata=tuple(_stratum_id(aoi.id, one) for one in regime.strata))
            for aoi in ordered
            for regime in aoi.regimes
        ),
        seasons=Seasons(dry_months=tuple(dry), burn_months=(), source=known.source) if known else None,
        version=JOIN.join(aoi.version for aoi in ordered),
    )


def _stratum_id(aoi_id: str, stratum_id: str) -> str:
    return f"{aoi_id}/{stratum_id}" if stratum_id else ""


def _require_one_participant(aois: Sequence[Aoi], activities: Sequence[Activity]) -> None:
    ids = [aoi.id for aoi in aois]
    if not ids or len(set(ids)) != len(ids) or len({aoi.iso3 for aoi in aois}) != 1:
        raise BadInputError(
            "A participant is compared over one or more different AOIs of its own.",
            where=JOIN.join(ids),
            remedy="Pass each AOI of one participant once.",
        )
    absent = set(ids) - {activity.aoi_id for activity in activities}
    strange = {activity.aoi_id for activity in activities} - set(ids)
    if absent or strange:
        raise BadInputError(
            f"Activity is given for other AOIs ({_listed(strange)}) or lacks ({_listed(absent)}).",
            where=JOIN.join(ids),
            remedy="Pass the activities of these AOIs and this period.",
        )


def _listed(ids: set[str]) -> str:
    return ", ".join(sorted(ids)) or "none"
