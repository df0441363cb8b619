"""What there is to export of an AOI, as it stands at the end of the last dekad decided."""

from kpgeo.flows.briefing import watch_of
from kpgeo.flows.export import ExportKind, ExportRow
from kpgeo.store import Tables, Workspace


def rows_of(kind: ExportKind, aoi_id: str, room: Workspace, tables: Tables) -> list[ExportRow]:
    """Return the change objects, sites or alerts of one AOI; sites that were merged into another are left out."""
    watch, _ = watch_of(room, aoi_id)
    key = (aoi_id, watch.lineage)
    if kind is ExportKind.CHANGES:
        return [ExportRow(aoi=watch.aoi, item=change) for change in tables.changes(*key)]
    sites = {site.id: site for site in tables.sites(*key)}
    if kind is ExportKind.SITES:
        return [ExportRow(aoi=watch.aoi, item=site) for site in sites.values() if not site.merged_into]
    return [ExportRow(aoi=watch.aoi, item=alert, site=sites[alert.site_id]) for alert in tables.alerts(*key)]
