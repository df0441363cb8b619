"""Compare: what was declared for each half-year, held against the digging seen in it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kpgeo import production
from kpgeo.flows.watching.deciding import Bench
from kpgeo.model.calendar import Period, day_of, dekad_end, dekad_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.geometry import area_ha
from kpgeo.model.parcel import Parcel, ParcelCheck
from kpgeo.model.production import Activity, Comparison
from kpgeo.model.site import Site
from kpgeo.options.pipeline import Pipeline
from kpgeo.production import ActivityInputs
from kpgeo.store import Tables

_HINDSIGHT_DEKADS = 9
"""Digging of a period's last weeks is recognised in the quarter after it, and its onset dated back into the period."""


def import_declared(pipeline: Pipeline, tables: Tables) -> int:
    """Enter the declared figures the pipeline names into the tables, and return how many were new.

    Raises
    ------
    BadInputError
        A name matches no file, or a file breaks a rule.
    """
    figures = [
        figure
        for pattern in pipeline.production.declared
        for path in _matches(pipeline, pattern)
        for figure in production.read_declared(path)
    ]
    return tables.add_declared(figures)


def compare(bench: Bench, periods: Sequence[Period] | None = None) -> list[Comparison]:
    """Compare every half-year monitored from its start (or the given periods), and put that into the tables.

    Trends of given periods are read against earlier comparisons that the tables hold. A period that ends after the
    state does is measured so far, and not assessable.
    """
    watch, options = bench.watch, bench.watch.pipeline.production
    wanted = sorted(half_years(bench) if periods is None else set(periods))
    earlier = [] if periods is None else bench.tables.comparisons(watch.aoi.id)
    known = {row.period: row for row in earlier}
    vintages = [*production.published_figures(), *bench.tables.declared()]
    for period in wanted:
        row = production.compare_production(
            watch.aoi,
            period,
            activities_of(bench, period),
            bench.figures,
            list(known.values()),
            options,
            is_open=is_open(bench, period),
        )
        known[period] = production.with_revision(row, vintages)
    made = [known[period] for period in wanted]
    bench.tables.put_comparisons(made)
    return made


def check_parcel(bench: Bench, parcel: Parcel) -> ParcelCheck:
    """Hold an export parcel against the digging seen at its declared origin in its period."""
    activities = activities_of(bench, parcel.period)
    options = bench.watch.pipeline.production
    return production.check_parcel(bench.watch.aoi, parcel, activities, options, is_open=is_open(bench, parcel.period))


def activities_of(bench: Bench, period: Period) -> tuple[Activity, ...]:
    """Return the digging seen in a period, for each stratum and the land outside."""
    return production.measure_activity(_inputs(bench, period), period, bench.watch.pipeline.production)


def is_open(bench: Bench, period: Period) -> bool:
    """Say whether a period ends after the state does."""
    return period.end_day > _end_day(bench)


def are_compared(bench: Bench) -> bool:
    """Say whether the tables hold a comparison of every half-year. New decisions take those made before away."""
    made = {row.period for row in bench.tables.comparisons(bench.watch.aoi.id)}
    return made.issuperset(half_years(bench))


def is_monitored(bench: Bench, period: Period) -> bool:
    """Say whether a period begins after the history and before the end of the state."""
    last, begin = bench.head.last_dekad, day_of(bench.watch.pipeline.history.end)
    return last is not None and begin <= period.start_day and dekad_of(period.start_day) <= last


def half_years(bench: Bench) -> list[Period]:
    """Return the half-years from the start of monitoring to the end of the state, in order.

    One that had begun before monitoring did is left out: a figure of six months is not held against the digging of two.
    """
    if bench.head.last_dekad is None:
        return []
    begin, end = day_of(bench.watch.pipeline.history.end), _end_day(bench)
    periods = []
    day = begin
    while day < end:
        period = Period.half_year_of(day)
        if period.start_day >= begin:
            periods.append(period)
        day = period.end_day
    return periods


def _end_day(bench: Bench) -> int:
    """Return the day after the last one of the state."""
    last = bench.head.last_dekad
    return dekad_end(last) if last is not None else day_of(bench.watch.pipeline.history.end)


def _inputs(bench: Bench, period: Period) -> ActivityInputs:
    """Return what activity is measured on: state and sites a quarter after the period, or at the end of the state."""
    watch, tables = bench.watch, bench.tables
    last = bench.head.last_dekad
    if last is None or not is_monitored(bench, period):
        raise BadInputError(
            f"{period.label} is not a period that was monitored.",
            where=watch.aoi.id,
            remedy="Name a period after the history and before the end of the last run.",
        )
    dekad = min(dekad_of(period.end_day - 1) + _HINDSIGHT_DEKADS, last)
    sites = [site for site in tables.sites(watch.aoi.id, watch.lineage, dekad) if not site.merged_into]
    active = [site for site in sites if site.opened_day < period.end_day and site.grown_day >= period.start_day]
    return ActivityInputs(
        aoi_id=watch.aoi.id,
        fields=bench.fields(dekad),
        strata_ids=watch.place.strata_ids,
        stratum_index=watch.stratum_index,
        inside=watch.inside,
        in_site=_in_site(bench, sites),
        pixel_ha=area_ha(watch.aoi.geometry) / max(int(np.count_nonzero(watch.inside)), 1),
        coverage=tables.coverage(watch.aoi.id, watch.lineage, dekad_of(period.start_day), dekad_of(period.end_day - 1)),
        site_counts=Counter(site.stratum_id for site in active),
    )


def _in_site(bench: Bench, sites: Sequence[Site]) -> NDArray[np.bool_]:
    """Return where a pixel belongs to a site, (y, x)."""
    in_site = np.zeros(bench.watch.grid.shape, dtype=np.bool_)
    for site in sites:
        in_site[bench.watch.place.pixels_of(site.geometry).index] = True
    return in_site


def _matches(pipeline: Pipeline, pattern: str) -> list[Path]:
    """Return the files a path or glob names, relative to the pipeline file."""
    whole = pipeline.path(pattern)
    found = sorted(whole.parent.glob(whole.name))
    if not found:
        raise BadInputError(
            "No declared file has this name.",
            where=f"production.declared: {pattern}",
            remedy="Correct the path; it is relative to the pipeline file.",
        )
    return found
