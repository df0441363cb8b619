"""The months of a site, from what a workspace holds."""

from typing import Any

from kpgeo import sites
from kpgeo.flows.watching.record import read_watched
from kpgeo.model.site import SiteMonth
from kpgeo.options.sites import SiteOptions
from kpgeo.store import Tables, Workspace


def months_of_site(site_id: str, room: Workspace, tables: Tables) -> tuple[SiteMonth, ...]:
    """Return the months of a site by the options of the last run that watched its AOI; none where there is no site."""
    history, _ = tables.site_history(site_id)
    return sites.months_of(history, site_options(room, history[-1].aoi_id)) if history else ()


def site_options(room: Workspace, aoi_id: str) -> SiteOptions:
    """Return the options sites were decided by when an AOI was last watched; the defaults where that is not known."""
    entry: dict[str, Any] = read_watched(room).get(aoi_id, {})
    return SiteOptions.model_validate(entry.get("pipeline", {}).get("sites", {}))
