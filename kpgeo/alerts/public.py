"""What the public may know: late, on a fixed grid, in coarse classes, and nothing that leads to a place."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.release import Amount, Cell, Working
from kpgeo.options.publish import PublishOptions

_MANY = 4
_FEW_HA, _SOME_HA = 5.0, 20.0


def told_periods(periods: Iterable[Period], today: int, options: PublishOptions) -> list[Period]:
    """Return the half-years that may be told on a day: those that ended `delay_days` ago or earlier."""
    return sorted({period for period in periods if period.end_day + options.delay_days <= today})


def half_years(first_day: int, last_day: int) -> list[Period]:
    """Return the half-years that lie wholly in a span of days, the last day not included."""
    found, day = [], first_day
    while day < last_day:
        period = Period.half_year_of(day)
        if first_day <= period.start_day and period.end_day <= last_day:
            found.append(period)
        day = period.end_day
    return found


def generalise(workings: Sequence[Working], periods: Sequence[Period], options: PublishOptions) -> list[Cell]:
    """Return the cells of the fixed grid that hold workings, by AOI, period and place.

    The grid is the same for every AOI and every release: a cell's corners are multiples of its size. Jitter would let
    the mean of several releases come close to a place, and a grid of the AOI's own would give its edges away. A cell
    tells classes: how many workings (none, fewer than `few`, fewer than four times that, more) and how much ground
    (none, less than 5 ha, less than 20 ha, more).

    Raises
    ------
    BadInputError
        A working lies nowhere on Earth.
    """
    size = options.cell_deg
    held: dict[tuple[str, Period, int, int], list[Working]] = defaultdict(list)
    wanted = set(periods)
    for working in workings:
        if not (-180.0 <= working.lon <= 180.0 and -90.0 <= working.lat <= 90.0):
            raise BadInputError("A working lies nowhere on Earth.", where=working.site_id)
        if working.period in wanted:
            column, row = math.floor(working.lon / size), math.floor(working.lat / size)
            held[working.aoi_id, working.period, column, row].append(working)
    return [
        Cell(
            aoi_id=aoi_id,
            period=period,
            west=round(column * size, 6),
            south=round(row * size, 6),
            size_deg=size,
            workings=_count_class(sum(one.new.ha > 0.0 for one in some), options.few),
            newly_dug=_area_class(math.fsum(one.new.ha for one in some)),
        )
        for (aoi_id, period, column, row), some in sorted(held.items(), key=lambda item: item[0])
    ]


def _count_class(count: int, few: int) -> Amount:
    if count == 0:
        return Amount.NONE
    return Amount.FEW if count < few else Amount.SOME if count < _MANY * few else Amount.MANY


def _area_class(area_ha: float) -> Amount:
    if area_ha <= 0.0:
        return Amount.NONE
    return Amount.FEW if area_ha < _FEW_HA else Amount.SOME if area_ha < _SOME_HA else Amount.MANY
