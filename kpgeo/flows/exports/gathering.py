"""What there is to export of an AOI, as it stands at the end of the last dekad decided."""

from functools import partial

from kpgeo import sites
from kpgeo.flows.exports.export import ExportKind, ExportRow
from kpgeo.flows.exports.neighbours import describe_sites
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.store import Tables, Workspace


def rows_of(kind: ExportKind, aoi_id: str, room: Workspace, tables: Tables) -> list[ExportRow]:
    """Return the change objects, sites, months of sites or alerts of one AOI; merged sites are left out."""
    watch, _ = watch_of(room, aoi_id)
    key, of = (aoi_id, watch.lineage), partial(ExportRow, aoi=watch.aoi, left_out=watch.left_out)
    if kind is ExportKind.CHANGES:
        return [of(item=change) for change in tables.changes(*key)]
    known = {site.id: site for site in tables.sites(*key)}
    standing = [site for site in known.values() if not site.merged_into]
    if kind is ExportKind.SITES:
        around = describe_sites(watch, standing)
        return [of(item=site, surroundings=around[site.id]) for site in standing]
    if kind is ExportKind.SITE_MONTHS:
        histories = {site.id: tables.site_history(site.id)[0] for site in standing}
        return [
            of(item=site, month=month)
            for site in standing
            for month in sites.months_of(histories[site.id], watch.pipeline.sites)
        ]
    alerts = tables.alerts(*key)
    around = describe_sites(watch, [known[alert.site_id] for alert in alerts])
    return [of(item=alert, site=known[alert.site_id], surroundings=around[alert.site_id]) for alert in alerts]
