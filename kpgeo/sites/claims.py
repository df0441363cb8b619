"""Which site of the dekad before owns which cluster of change objects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry.base import BaseGeometry

from kpgeo.model.site import ChangeObject, Site, SiteStatus
from kpgeo.options.sites import SiteOptions
from kpgeo.sites.place import Place

_SHARED_M2 = 1.0  # less common ground than this is the rounding of coordinates


@dataclass(frozen=True, eq=False)
class Cluster:
    """Change objects of one place of work, in seed order, and their union in metres."""

    changes: tuple[ChangeObject, ...]
    geometry_m: BaseGeometry

    @property
    def first_day(self) -> int:
        """Return the earliest onset of its change objects."""
        return min(change.first_day for change in self.changes)

    @property
    def look_frac(self) -> float:
        """Return the share of its pixels seen clearly in the dekad, 0–1."""
        seen = sum(change.look_frac * change.n_px for change in self.changes)
        return seen / sum(change.n_px for change in self.changes)


@dataclass(frozen=True, eq=False)
class Claims:
    """Who owns what.

    Attributes
    ----------
    owned : dict
        Clusters by the id of the site that owns them, its main one first.
    swallowed : dict
        Sites that have grown together with an older one, and that one's id.
    held : set of str
        Sites that seem to have grown together with an older one, where nobody looked.
    orphans : list of (Cluster, str)
        Clusters nobody owns, each with the id of the site it has come off, or "".
    """

    owned: dict[str, list[Cluster]]
    swallowed: dict[str, str]
    held: set[str]
    orphans: list[tuple[Cluster, str]]


def clusters_of(changes: Sequence[ChangeObject], place: Place, join_m: float) -> list[Cluster]:
    """Group change objects no farther apart than `join_m` (single linkage), sorted by seed."""
    ordered = sorted(changes, key=lambda change: (change.seed_row, change.seed_col))
    shapes = [place.to_metres(change.geometry) for change in ordered]
    groups: dict[int, list[int]] = {}
    for number, group in enumerate(_components(shapes, join_m)):
        groups.setdefault(group, []).append(number)
    return [
        Cluster(tuple(ordered[i] for i in members), shapely.union_all([shapes[i] for i in members]))
        for members in groups.values()
    ]


def claim_clusters(rows: Sequence[Site], clusters: Sequence[Cluster], place: Place, options: SiteOptions) -> Claims:
    """Decide which site owns which cluster. `rows` come in order of seniority, which decides who swallows whom."""
    outlines = {site.id: place.to_metres(site.geometry) for site in rows}
    overlaps = _overlaps(outlines, clusters)
    owner, swallowed, held = _main_claims(rows, overlaps, clusters, options.min_look_frac)
    owned = {site_id: [clusters[number]] for number, site_id in owner.items()}
    standing = {
        site.id: outlines[site.id]
        for site in rows
        if site.id not in swallowed and site.id not in held and site.status is not SiteStatus.CLOSED
    }
    young = {site.id: standing[site.id] for site in rows if site.id in standing and _is_young(site.opened_day, place)}
    orphans: list[tuple[Cluster, str]] = []
    parts: dict[str, list[Cluster]] = {}
    for number, cluster in enumerate(clusters):
        if number in owner:
            continue
        parent = next((site.id for site in rows if (site.id, number) in overlaps), "")
        parent = swallowed.get(parent, parent)
        neighbour = "" if parent else _nearest(standing, cluster, options.join_m)
        if not parent and not neighbour and options.field_m > 0.0 and _is_young(cluster.first_day, place):
            neighbour = _nearest(young, cluster, options.field_m)
        if neighbour:
            owned.setdefault(neighbour, []).append(cluster)
        elif parent in owned:
            parts.setdefault(parent, []).append(cluster)
        else:
            orphans.append((cluster, parent))
    for parent, some in parts.items():
        is_kept = _stay(owned[parent][0], some, options)
        owned[parent] += [part for part, stays in zip(some, is_kept, strict=True) if stays]
        orphans += [(part, parent) for part, stays in zip(some, is_kept, strict=True) if not stays]
    return Claims(owned, swallowed, held, _founders(orphans, place, options.field_m))


def _is_young(first_day: int, place: Place) -> bool:
    """Say whether digging began while monitored."""
    return first_day > place.baseline_end_day


def _stay(main: Cluster, parts: Sequence[Cluster], options: SiteOptions) -> list[bool]:
    """Say which parts of a site stay with its main cluster: those near it, and in a field those near these too."""
    if options.field_m <= 0.0:
        return [_gap_m(main, part) <= options.split_m for part in parts]
    shapes = [main.geometry_m, *(part.geometry_m for part in parts)]
    groups = _components(shapes, max(options.field_m, options.split_m))
    return [group == groups[0] for group in groups[1:]]


def _founders(orphans: Sequence[tuple[Cluster, str]], place: Place, field_m: float) -> list[tuple[Cluster, str]]:
    """Return the clusters to found sites on: new ones of one field are one, wherever in it they were first seen."""
    new = [cluster for cluster, parent in orphans if not parent and _is_young(cluster.first_day, place)]
    if field_m <= 0.0 or len(new) < 2:
        return list(orphans)
    groups: dict[int, list[Cluster]] = {}
    for cluster, group in zip(new, _components([one.geometry_m for one in new], field_m), strict=True):
        groups.setdefault(group, []).append(cluster)
    joined = [
        Cluster(
            tuple(change for one in some for change in one.changes),
            shapely.union_all([one.geometry_m for one in some]),
        )
        for some in groups.values()
    ]
    return [*((cluster, "") for cluster in joined), *(pair for pair in orphans if pair[0] not in new)]


def _components(shapes: list[BaseGeometry], reach_m: float) -> list[int]:
    """Return, for each shape, the number of its connected component; shapes within reach are connected."""
    if not shapes:
        return []
    pairs = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=reach_m)
    graph = coo_array((np.ones(pairs.shape[1], dtype=bool), (pairs[0], pairs[1])), shape=(len(shapes), len(shapes)))
    return [int(label) for label in connected_components(graph, directed=False)[1]]


def _overlaps(outlines: dict[str, BaseGeometry], clusters: Sequence[Cluster]) -> dict[tuple[str, int], float]:
    """Return the common area (m2) of each site and cluster that share ground."""
    tree = shapely.STRtree([cluster.geometry_m for cluster in clusters])
    found = {}
    for site_id, outline in outlines.items():
        for number in sorted(int(n) for n in tree.query(outline, predicate="intersects")):
            common = float(shapely.area(shapely.intersection(outline, clusters[number].geometry_m)))
            if common > _SHARED_M2:
                found[site_id, number] = common
    return found


def _main_claims(
    rows: Sequence[Site], overlaps: dict[tuple[str, int], float], clusters: Sequence[Cluster], min_look_frac: float
) -> tuple[dict[int, str], dict[str, str], set[str]]:
    """Give each site the cluster it shares most ground with. Return owners by cluster, swallowed and held sites."""
    best: dict[str, tuple[float, int]] = {}
    for (site_id, number), common in overlaps.items():
        best[site_id] = min(best.get(site_id, (0.0, 0)), (-round(common, 1), number))
    owner: dict[int, str] = {}
    swallowed: dict[str, str] = {}
    held: set[str] = set()
    for site in rows:
        if site.id not in best:
            continue
        number = best[site.id][1]
        if number not in owner:
            owner[number] = site.id
        elif clusters[number].look_frac >= min_look_frac:
            swallowed[site.id] = owner[number]
        else:
            held.add(site.id)
    return owner, swallowed, held


def _nearest(outlines: dict[str, BaseGeometry], cluster: Cluster, reach_m: float) -> str:
    """Return the id of the nearest site within reach, the most senior of equals, or ""."""
    gaps = [
        (round(float(shapely.distance(outline, cluster.geometry_m)), 2), rank, site_id)
        for rank, (site_id, outline) in enumerate(outlines.items())
    ]
    gap, _, site_id = min(gaps, default=(np.inf, 0, ""))
    return site_id if gap <= reach_m else ""


def _gap_m(one: Cluster, other: Cluster) -> float:
    return float(shapely.distance(one.geometry_m, other.geometry_m))
