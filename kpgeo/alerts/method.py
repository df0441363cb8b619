"""Two methods, one place: what the alerts of one detector lineage and those of another say of the same ground."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from kpgeo.alerts.transitions import ANNOUNCED, standing
from kpgeo.model.alert import Alert
from kpgeo.model.site import Site


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An alert with the site it is about, and whether people were, or would have been, told of it."""

    alert: Alert
    site: Site
    is_announced: bool


@dataclass(frozen=True, kw_only=True)
class MethodDifference:
    """What becomes of the announced alerts of an AOI when another method speaks, both as of one dekad.

    Attributes
    ----------
    before, after : str
        The lineages.
    both : tuple of (Placed, Placed)
        Announced by both at one place, in the order of the first.
    only_before : tuple of Placed
        Announced by the one that speaks, with nothing announced there by the other.
    only_after : tuple of Placed
        The reverse: what people would hear of anew.
    """

    aoi_id: str
    dekad: int
    before: str
    after: str
    both: tuple[tuple[Placed, Placed], ...]
    only_before: tuple[Placed, ...]
    only_after: tuple[Placed, ...]

    @property
    def onset_shift_days(self) -> float:
        """Return by how many days later (negative: earlier) the other dates the beginning, median; NaN of none."""
        return _median(after.alert.evidence.first_day - before.alert.evidence.first_day for before, after in self.both)

    @property
    def area_ratio(self) -> float:
        """Return how large the other takes the same places for, median; NaN of none."""
        pairs = ((one.alert.evidence.area_ha, other.alert.evidence.area_ha) for one, other in self.both)
        return _median(after / before for before, after in pairs if before > 0.0)


def placed(alerts: Sequence[Alert], sites: Sequence[Site], told_ids: Iterable[str] = ()) -> list[Placed]:
    """Return alerts with their sites.

    Parameters
    ----------
    told_ids : iterable of str
        Alerts that were announced at some time. One that stands announced counts as told without being named.
    """
    by_id = {site.id: site for site in sites}
    told = set(told_ids)
    return [
        Placed(alert=alert, site=by_id[alert.site_id], is_announced=standing(alert) in ANNOUNCED or alert.id in told)
        for alert in alerts
        if alert.site_id in by_id
    ]


def compare_methods(
    lineages: tuple[str, str], before: Sequence[Placed], after: Sequence[Placed], *, epsg: int, within_m: float
) -> MethodDifference:
    """Return what differs between the announced alerts of two lineages of one AOI, as of the same dekad.

    Places are the same where their outlines lie no farther apart than `within_m`. An alert may have several partners:
    what one method takes for one site another may take for two.

    Parameters
    ----------
    lineages : (str, str)
        The one that speaks, and the other.
    epsg : int
        A projected system in metres: the AOI's UTM zone.
    within_m : float
        At most so far apart are two outlines of one place (m).
    """
    told = [one for one in before if one.is_announced]
    other = [one for one in after if one.is_announced]
    pairs = near_pairs([one.site.geometry for one in told], [one.site.geometry for one in other], epsg, within_m)
    met_before, met_after = {first for first, _ in pairs}, {second for _, second in pairs}
    any_alert = next(iter([*before, *after]), None)
    return MethodDifference(
        aoi_id=any_alert.alert.aoi_id if any_alert else "",
        dekad=max((one.alert.dekad for one in [*before, *after]), default=0),
        before=lineages[0],
        after=lineages[1],
        both=tuple((told[first], other[second]) for first, second in pairs),
        only_before=tuple(one for index, one in enumerate(told) if index not in met_before),
        only_after=tuple(one for index, one in enumerate(other) if index not in met_after),
    )


def near_pairs(
    first: Sequence[BaseGeometry], second: Sequence[BaseGeometry], epsg: int, within_m: float
) -> list[tuple[int, int]]:
    """Return which of two sets of geometries (EPSG:4326) lie within a distance of each other, as sorted index pairs."""
    if not first or not second:
        return []
    to_metres = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)

    def project(lon_lat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to_metres.transform(lon_lat[:, 0], lon_lat[:, 1]))

    ours, theirs = (shapely.transform(np.array(list(shapes), dtype=object), project) for shapes in (first, second))
    found = shapely.STRtree(theirs).query(ours, predicate="dwithin", distance=within_m)
    return sorted((int(one), int(other)) for one, other in found.T)


def _median(values: Iterable[float]) -> float:
    known = list(values)
    return float(np.median(known)) if known else float("nan")
