"""How a site grew: what was newly disturbed in each month, and its months one by one.

Strategy. Every pixel of a site has a day digging began, back-dated; the mined areas of the pixels of one month are that
month's growth. A look can date a pixel into any month before it, so recent months are measured again whenever the site
is seen. After `settle_days` a month stands as it was measured last: ground that is grown over or filled in years later
was disturbed all the same.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from kpgeo.kernels.objects import Pixels
from kpgeo.model.calendar import dekad_end, month_end
from kpgeo.model.site import Area, Growth, Site, SiteActivity, SiteMonth, SiteStatus
from kpgeo.model.state import NO_DAY, DekadFields
from kpgeo.options.sites import SiteOptions
from kpgeo.sites.measure import area_of_part
from kpgeo.sites.place import Place

DEKADS_A_MONTH = 3


def measure_growth(
    before: tuple[Growth, ...], fields: DekadFields, place: Place, pixels: Pixels, options: SiteOptions
) -> tuple[Growth, ...]:
    """Return what was newly disturbed in each month, as known at the end of a dekad the site was looked at in.

    Parameters
    ----------
    before : tuple of Growth
        As known the dekad before. Months that ended `settle_days` ago or earlier are kept from it.
    pixels : Pixels
        All pixels of the site. Those dug by the first monitored day, and those without an onset, are of no month.
    """
    settled = tuple(row for row in before if _is_settled(row.month, fields.dekad, options))
    onset = fields.onset_day[pixels.index].astype(np.int64)
    is_dated = (onset != NO_DAY) & (onset > place.baseline_end_day)
    months = np.where(is_dated, _months_of(onset), -1)
    fresh = []
    for month in np.unique(months[is_dated]).tolist():
        if _is_settled(month, fields.dekad, options):
            continue
        area = area_of_part(fields, place, pixels, months == month, options)
        if area.ha > 0.0:
            fresh.append(Growth(month=month, area=area))
    return (*settled, *fresh)


def _months_of(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the months days fall in, counted from January 1970."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _is_settled(month: int, dekad: int, options: SiteOptions) -> bool:
    """Say whether a month is over for so long that it is not measured again."""
    return month_end(month) + options.settle_days <= dekad_end(dekad)


def months_of(history: Sequence[Site], options: SiteOptions) -> tuple[SiteMonth, ...]:
    """Return the months of a site, from that it opened in to that of its last row.

    Nothing is interpolated: a month in which nobody could look is `NOT_SEEN`, whatever the months around it say. What
    later looks date into such a month is given as its newly disturbed area, because they say when, not that all is
    known. A month that was looked at and shows nothing new has an area of 0, up to what is too small to map.

    Parameters
    ----------
    history : sequence of Site
        Rows of one site, one a dekad, in any order; those after it was merged into another are left out.
    """
    rows = sorted(history, key=lambda row: row.dekad)
    if not rows:
        return ()
    lived = [row for row in rows if not row.merged_into] + [row for row in rows if row.merged_into][:1]
    by_month = {month: list(some) for month, some in groupby(lived, key=lambda row: row.dekad // DEKADS_A_MONTH)}
    growth = {row.month: row.area for row in lived[-1].growth}
    founded = lived[0].dekad // DEKADS_A_MONTH
    first = min([founded, *growth])
    months = [_month_before(month, growth.get(month)) for month in range(first, founded)]
    return (*months, *(_month(month, some, growth.get(month), options) for month, some in by_month.items()))


def _month_before(month: int, new: Area | None) -> SiteMonth:
    """Return a month in which a site was dug and not yet found."""
    return SiteMonth(
        month=month,
        activity=SiteActivity.NOT_YET_KNOWN,
        mined=None,
        new=new,
        looked_dekads=0,
        dekads=0,
        looks=0.0,
    )


def _month(month: int, rows: Sequence[Site], new: Area | None, options: SiteOptions) -> SiteMonth:
    """Return a month of a known site from its rows, in order."""
    looked = [row for row in rows if row.look_frac >= options.min_look_frac]
    last = rows[-1]
    if looked and new is None:
        unseen_ha = options.min_area_ha * len(rows) / len(looked)
        new = Area(ha=0.0, low_ha=0.0, high_ha=unseen_ha)
    activity = SiteActivity.NOT_SEEN
    if last.merged_into:
        activity = SiteActivity.MERGED
    elif looked:
        activity = _activity(looked[-1], new, options)
    return SiteMonth(
        month=month,
        activity=activity,
        mined=looked[-1].area if looked else None,
        new=new,
        looked_dekads=len(looked),
        dekads=len(rows),
        looks=sum(row.looks for row in rows),
    )


def _activity(row: Site, new: Area | None, options: SiteOptions) -> SiteActivity:
    """Return what a site did in a month, from its last looked row and what was newly disturbed."""
    if row.status is SiteStatus.CLOSED:
        return SiteActivity.CLOSED
    if new is not None and new.ha >= options.grow_ha:
        return SiteActivity.GROWING
    return SiteActivity.PAUSED if row.status is SiteStatus.PAUSED else SiteActivity.STEADY
