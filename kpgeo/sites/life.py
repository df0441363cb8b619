"""One site's step from dekad to dekad: founded, continued, or not seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapely.geometry import MultiPolygon

from kpgeo.kernels.objects import Pixels
from kpgeo.model.calendar import dekad_end, dekad_start
from kpgeo.model.ids import make_id
from kpgeo.model.site import ChangeObject, Site, SiteEvent, SiteEventKind, SiteStatus
from kpgeo.model.state import DekadFields
from kpgeo.options.sites import SiteOptions
from kpgeo.sites.growth import measure_growth
from kpgeo.sites.measure import area_of, dug_since, measure, opening_day
from kpgeo.sites.place import Place, polygons_of


@dataclass(frozen=True, kw_only=True)
class Scenery:
    """What every site of a dekad is decided against."""

    fields: DekadFields
    place: Place
    options: SiteOptions

    def look_frac(self, pixels: Pixels) -> float:
        """Return the share of pixels with a clear look in the dekad, 0–1."""
        return float((self.fields.looks[pixels.index] > 0).mean()) if len(pixels) else 0.0

    def looks(self, pixels: Pixels) -> float:
        """Return the clear looks in the dekad, mean over pixels."""
        return float(self.fields.looks[pixels.index].mean()) if len(pixels) else 0.0

    def was_looked_at(self, look_frac: float) -> bool:
        """Say whether a share of clear pixels is a look."""
        return look_frac >= self.options.min_look_frac


def found_site(
    site_id: str, seed: tuple[int, int], changes: Sequence[ChangeObject], parent: Site | None, scenery: Scenery
) -> tuple[Site, list[SiteEvent]] | None:
    """Found a site on change objects; None where nobody looked, because then nothing is new.

    A part split off from another site is no younger than that site. Ground dug before monitoring began founds a site
    without an event.
    """
    fields, place, options = scenery.fields, scenery.place, scenery.options
    geometry = _outline(changes)
    pixels = place.pixels_of(geometry)
    found = measure(fields, place, pixels, options)
    if not scenery.was_looked_at(found.look_frac):
        return None
    opened = opening_day(fields, pixels, options.opened_frac)
    if parent is not None:
        opened = min(opened, parent.opened_day)
    is_old = opened <= place.baseline_end_day
    site = Site(
        id=site_id,
        aoi_id=place.aoi_id,
        dekad=fields.dekad,
        status=SiteStatus.ACTIVE,
        geometry=geometry,
        opened_day=opened or place.baseline_end_day or dekad_start(fields.dekad),
        grown_day=max(found.last_onset_day, opened),
        last_day=found.last_day,
        area=found.area,
        peak_area_ha=found.area.ha,
        confidence=_confidence(changes),
        pond_frac=found.pond_frac,
        look_frac=found.look_frac,
        elongation=found.elongation,
        hits=1,
        looked_dekads=1,
        seed_row=seed[0],
        seed_col=seed[1],
        stratum_id=place.stratum_of(pixels),
        looks=found.looks,
        growth=measure_growth((), fields, place, pixels, options),
    )
    if _is_idle(site, scenery):
        site = replace(site, status=SiteStatus.PAUSED)
    if parent is not None:
        return site, [event_of(site, SiteEventKind.SPLIT, other_id=parent.id)]
    return site, [] if is_old else [event_of(site, SiteEventKind.OPENED, day=site.opened_day)]


def continue_site(site: Site, changes: Sequence[ChangeObject], scenery: Scenery) -> tuple[Site, list[SiteEvent]]:
    """Carry on a site that change objects were found for; as it was where nobody looked."""
    fields, place, options = scenery.fields, scenery.place, scenery.options
    geometry = _outline(changes)
    pixels = place.pixels_of(geometry)
    found = measure(fields, place, pixels, options)
    if not scenery.was_looked_at(found.look_frac):
        return _held(site, scenery, pixels), []
    was_closed = site.status is SiteStatus.CLOSED
    fresh_ha = dug_since(fields, place, pixels, site.grown_day, options)
    has_grown = max(fresh_ha, found.area.ha - site.peak_area_ha) >= options.grow_ha
    row = replace(
        site,
        dekad=fields.dekad,
        opened_day=min(site.opened_day, opening_day(fields, pixels, options.opened_frac) or site.opened_day),
        grown_day=max(site.grown_day, found.last_onset_day) if has_grown else site.grown_day,
        last_day=max(site.last_day, found.last_day),
        area=found.area,
        peak_area_ha=max(site.peak_area_ha, found.area.ha),
        confidence=_confidence(changes),
        pond_frac=found.pond_frac,
        look_frac=found.look_frac,
        elongation=found.elongation,
        hits=1 if was_closed else site.hits + 1,
        looked_dekads=1 if was_closed else site.looked_dekads + 1,
        stratum_id=place.stratum_of(pixels),
        misses=0,
        looks=found.looks,
        growth=measure_growth(site.growth, fields, place, pixels, options),
    )
    row, events = _step_status(site, row, scenery, has_grown=has_grown)
    if row.status is SiteStatus.ACTIVE:
        row = replace(row, geometry=geometry)
    return row, events


def _step_status(before: Site, row: Site, scenery: Scenery, *, has_grown: bool) -> tuple[Site, list[SiteEvent]]:
    """Set the status of a site that was seen, and tell what happened."""
    events = [event_of(row, SiteEventKind.GREW, day=row.grown_day)] if has_grown else []
    status = SiteStatus.PAUSED if _is_idle(row, scenery) else SiteStatus.ACTIVE
    row = replace(row, status=status)
    if before.status is SiteStatus.CLOSED or (before.status is SiteStatus.PAUSED and status is SiteStatus.ACTIVE):
        events.append(event_of(row, SiteEventKind.RESUMED))
    elif before.status is SiteStatus.ACTIVE and status is SiteStatus.PAUSED:
        events.append(event_of(row, SiteEventKind.PAUSED))
    return row, events


def miss_site(site: Site, scenery: Scenery) -> tuple[Site, list[SiteEvent]]:
    """Carry on a site no change object was found for: a miss where it was looked at, as it was where not."""
    fields, place, options = scenery.fields, scenery.place, scenery.options
    pixels = place.pixels_of(site.geometry)
    look_frac = scenery.look_frac(pixels)
    if site.status is SiteStatus.CLOSED or not scenery.was_looked_at(look_frac):
        return _held(site, scenery, pixels), []
    last_looks = max(int(fields.last_optical_day[pixels.index].max()), int(fields.last_radar_day[pixels.index].max()))
    row = replace(
        site,
        dekad=fields.dekad,
        area=area_of(fields, place, pixels, options),
        last_day=max(site.last_day, last_looks),
        look_frac=look_frac,
        looked_dekads=site.looked_dekads + 1,
        misses=site.misses + 1,
        looks=scenery.looks(pixels),
        growth=measure_growth(site.growth, fields, place, pixels, options),
    )
    if row.misses >= options.close_looks:
        row = replace(row, status=SiteStatus.CLOSED)
        return row, [event_of(row, SiteEventKind.CLOSED)]
    if row.status is SiteStatus.ACTIVE and _is_idle(row, scenery):
        row = replace(row, status=SiteStatus.PAUSED)
        return row, [event_of(row, SiteEventKind.PAUSED)]
    return row, []


def event_of(site: Site, kind: SiteEventKind, *, day: int | None = None, other_id: str = "") -> SiteEvent:
    """Return an event of a site in the dekad of its row; its day is the dekad's last one unless given."""
    return SiteEvent(
        id=make_id("event", site.id, str(kind), site.dekad, other_id),
        site_id=site.id,
        kind=kind,
        dekad=site.dekad,
        day=dekad_end(site.dekad) - 1 if day is None else day,
        area_ha=site.area.ha,
        other_id=other_id,
    )


def _held(site: Site, scenery: Scenery, pixels: Pixels) -> Site:
    """Return a site as it was, closed or not seen well enough to say whether anything happened, and how it was seen."""
    return replace(site, dekad=scenery.fields.dekad, look_frac=scenery.look_frac(pixels), looks=scenery.looks(pixels))


def _is_idle(site: Site, scenery: Scenery) -> bool:
    """Say whether a site has not grown for so long that it is at rest."""
    return dekad_end(site.dekad) - site.grown_day > scenery.options.pause_days


def _outline(changes: Sequence[ChangeObject]) -> MultiPolygon:
    """Return the outlines of change objects as one MultiPolygon, EPSG:4326."""
    return MultiPolygon([part for change in changes for part in polygons_of(change.geometry)])


def _confidence(changes: Sequence[ChangeObject]) -> float:
    """Return the mean confidence of change objects, by area."""
    total = sum(change.area.ha for change in changes)
    if total <= 0.0:
        return max(change.confidence for change in changes)
    return min(sum(change.confidence * change.area.ha for change in changes) / total, 1.0)
