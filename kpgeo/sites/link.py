"""Change objects to sites: which working each belongs to, dekad by dekad.

Strategy. Change objects closer than `join_m` form one *place of work*, a cluster. Clusters and the sites of the dekad
before are matched by overlap, and clusters that overlap no site by distance. A cluster that several sites overlap makes
them one, the oldest; a site that several clusters overlap keeps those within `split_m` of its largest and gives up the
rest as new sites. Everything is sorted before it is numbered, so the order of the input does not show. What was not
looked at is carried over as it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import rasterio

from kpgeo.model.calendar import dekad_of
from kpgeo.model.ids import make_id
from kpgeo.model.site import ChangeObject, Site, SiteEvent, SiteEventKind, SiteStatus
from kpgeo.model.state import DekadFields
from kpgeo.options.sites import SiteOptions
from kpgeo.sites.claims import Claims, Cluster, claim_clusters, clusters_of
from kpgeo.sites.life import Scenery, continue_site, event_of, found_site, miss_site
from kpgeo.sites.place import Place

_Step = tuple[Site, list[SiteEvent]]


def link_sites(
    previous: Sequence[Site],
    changes: Sequence[ChangeObject],
    fields: DekadFields,
    place: Place,
    options: SiteOptions,
) -> tuple[list[Site], list[SiteEvent]]:
    """Carry the sites of the dekad before over to the dekad of `fields`.

    Parameters
    ----------
    previous : sequence of Site
        Every site as it stood at the end of the dekad before, closed and merged ones included. Empty at the start.
    changes : sequence of ChangeObject
        What `outline_changes` found in `fields`.

    Returns
    -------
    sites : list of Site
        All of `previous`, and the newly founded ones, as of this dekad; by id.
    events : list of SiteEvent
        What happened, by site and kind.

    Raises
    ------
    BadInputError
        The fields are not on the place's grid.
    """
    place.require_same_grid(fields)
    scenery = Scenery(fields=fields, place=place, options=options)
    standing = sorted((site for site in previous if not site.merged_into), key=_seniority)
    claims = claim_clusters(standing, clusters_of(changes, place, options.join_m), place, options)
    steps: list[_Step] = [(replace(site, dekad=fields.dekad), []) for site in previous if site.merged_into]
    with rasterio.Env():  # one for all: opening GDAL's environment costs more than measuring a site
        steps += [_carry(site, claims, scenery) for site in standing]
        steps += _found(claims, {site.id: site for site in previous}, scenery)
    sites = sorted((site for site, _ in steps), key=lambda site: site.id)
    events = [event for _, news in steps for event in news]
    return sites, sorted(events, key=lambda event: (event.site_id, event.kind))


def _seniority(site: Site) -> tuple[bool, int, str]:
    """Return the key that puts the site first that keeps its id in a merger: open, then oldest."""
    return site.status is SiteStatus.CLOSED, site.opened_day, site.id


def _carry(site: Site, claims: Claims, scenery: Scenery) -> _Step:
    """Return a site of the dekad before as of this dekad."""
    if site.id in claims.swallowed:
        into = claims.swallowed[site.id]
        row = replace(site, dekad=scenery.fields.dekad, status=SiteStatus.CLOSED, merged_into=into)
        return row, [event_of(row, SiteEventKind.MERGED, other_id=into)]
    if site.id in claims.held:
        return replace(site, dekad=scenery.fields.dekad, look_frac=0.0, looks=0.0), []
    if site.id in claims.owned:
        return continue_site(site, _in_seed_order(claims.owned[site.id]), scenery)
    return miss_site(site, scenery)


def _found(claims: Claims, previous: dict[str, Site], scenery: Scenery) -> list[_Step]:
    """Found sites on the clusters nobody owns. A seed pixel that has founded a site before gets the dekad in its id."""
    place, taken = scenery.place, set(previous)
    steps = []
    for cluster, parent_id in claims.orphans:
        founder = min(cluster.changes, key=lambda change: (change.first_day, change.seed_row, change.seed_col))
        parts = (place.aoi_id, place.lineage, founder.seed_row, founder.seed_col, dekad_of(founder.first_day))
        site_id = make_id("site", *parts)
        if site_id in taken:
            site_id = make_id("site", *parts, scenery.fields.dekad)
        seed = (founder.seed_row, founder.seed_col)
        step = found_site(site_id, seed, cluster.changes, previous.get(parent_id), scenery)
        if step is not None:
            taken.add(site_id)
            steps.append(step)
    return steps


def _in_seed_order(clusters: Iterable[Cluster]) -> tuple[ChangeObject, ...]:
    """Return the change objects of clusters, by seed."""
    changes = [change for cluster in clusters for change in cluster.changes]
    return tuple(sorted(changes, key=lambda change: (change.seed_row, change.seed_col)))
