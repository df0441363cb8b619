"""What each page shows, as plain values for its template."""

from collections.abc import Mapping, Sequence
from math import cos, log10, radians
from typing import Any

from shapely.geometry.base import BaseGeometry

from kpgeo.model.alert import Alert, MachineState
from kpgeo.model.run import Coverage
from kpgeo.model.site import Site
from kpgeo.store import Tables

_WHOLE = "*"
_ENDED = (MachineState.FINISHED, MachineState.EXPIRED)
_ORDER = (
    MachineState.CONFIRMED,
    MachineState.ONGOING,
    MachineState.PROVISIONAL,
    MachineState.FIRST,
    MachineState.CANDIDATE,
    MachineState.UNDETERMINED,
)
_MAP_PX = 460.0
_DEGREE_M = 111_195.0  # of latitude, on a sphere of the Earth's mean radius: for a picture, not for an area
_BAR_PX = 9
_BAR_HEIGHT_PX = 60


def overview(tables: Tables, watched: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each AOI with its alerts that stand, its sites on a map, its comparisons and its coverage."""
    return [_aoi(tables, aoi_id, entry) for aoi_id, entry in sorted(watched.items())]


def alert(tables: Tables, alert_id: str) -> dict[str, Any] | None:
    """Return one alert with its events, those that later scenes overturned among them."""
    history = tables.alert_history(alert_id)
    if not history:
        return None
    live = {event.id for event in tables.alert_events(alert_id)}
    events = [(event, event.id in live) for event in tables.alert_events(alert_id, with_superseded=True)]
    sites, _ = tables.site_history(history[-1].site_id)
    return {"alert": history[-1], "events": events, "site": sites[-1] if sites else None, "shape": _shape_of(sites)}


def site(tables: Tables, site_id: str) -> dict[str, Any] | None:
    """Return one site with its life and its area dekad by dekad."""
    history, events = tables.site_history(site_id)
    if not history:
        return None
    peak = max(row.area.high_ha for row in history) or 1.0
    bars = [
        {
            "x": number * _BAR_PX,
            "y": round(_BAR_HEIGHT_PX * (1.0 - row.area.ha / peak), 1),
            "height": round(_BAR_HEIGHT_PX * row.area.ha / peak, 1),
            "row": row,
        }
        for number, row in enumerate(history)
    ]
    return {
        "site": history[-1],
        "events": events,
        "bars": bars,
        "width": len(bars) * _BAR_PX,
        "peak": peak,
        "shape": _shape_of(history),
    }


def _aoi(tables: Tables, aoi_id: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    lineage = str(entry["lineage"])
    commit = tables.last_commit(aoi_id, lineage)
    sites = [row for row in tables.sites(aoi_id, lineage) if not row.merged_into]
    standing = [row for row in tables.alerts(aoi_id, lineage) if row.state not in _ENDED]
    coverage = [row for row in tables.coverage(aoi_id, lineage) if row.stratum_id == _WHOLE]
    return {
        "id": aoi_id,
        "name": entry["names"].get("en", aoi_id),
        "participant": entry["participant"],
        "is_confidential": entry["sensitivity"] == "kp-only",
        "commit": commit,
        "alerts": sorted(standing, key=_urgency),
        "announcing": entry.get("announcing", {}).get("statement", ""),
        "sites": sites,
        "map": _map_of(sites, {row.site_id for row in standing}),
        "comparisons": tables.comparisons(aoi_id),
        "coverage": _coverage_bars(coverage),
        "coverage_width": len(coverage) * _BAR_PX,
    }


def _urgency(row: Alert) -> tuple[int, float, str]:
    return _ORDER.index(row.state), -row.evidence.area_ha, row.id


def _coverage_bars(rows: Sequence[Coverage]) -> list[dict[str, Any]]:
    """Return one bar a dekad: the share of the AOI seen at all, and that seen by an optical sensor."""
    return [
        {
            "x": number * _BAR_PX,
            "any": round(_BAR_HEIGHT_PX * row.look_frac, 1),
            "optical": round(_BAR_HEIGHT_PX * row.optical_frac, 1),
            "row": row,
        }
        for number, row in enumerate(rows)
    ]


def _map_of(sites: Sequence[Site], alerted: set[str]) -> dict[str, Any] | None:
    """Return the sites as paths on a plain map, north up, equal scale at the middle latitude."""
    if not sites:
        return None
    boxes = [row.geometry.bounds for row in sites]
    left, right = min(box[0] for box in boxes), max(box[2] for box in boxes)
    bottom, top = min(box[1] for box in boxes), max(box[3] for box in boxes)
    frame = _Frame(left, bottom, right, top)
    return {
        "width": round(frame.width),
        "height": round(frame.height),
        "scale_m": frame.scale_m,
        "scale_px": round(frame.scale_m * frame.px_per_m, 1),
        "sites": [
            {
                "site": row,
                "path": frame.path(row.geometry),
                "x": frame.xy(*row.lon_lat)[0],
                "y": frame.xy(*row.lon_lat)[1],
                "is_alerted": row.id in alerted,
            }
            for row in sites
        ],
    }


def _shape_of(history: Sequence[Site]) -> dict[str, Any] | None:
    """Return the outline of a site as it stands, as a path in a square."""
    if not history or history[-1].geometry.is_empty:
        return None
    frame = _Frame(*history[-1].geometry.bounds)
    return {"width": round(frame.width), "height": round(frame.height), "path": frame.path(history[-1].geometry)}


class _Frame:
    """Longitude and latitude to pixels of a picture."""

    def __init__(self, left: float, bottom: float, right: float, top: float) -> None:
        self._squeeze = cos(radians((bottom + top) / 2.0))
        margin = 0.06 * max((right - left) * self._squeeze, top - bottom, 1e-4)
        self._left, self._top = left - margin / self._squeeze, top + margin
        width, height = (right - left) * self._squeeze + 2 * margin, top - bottom + 2 * margin
        self._scale = _MAP_PX / max(width, height)
        self.width, self.height = width * self._scale, height * self._scale

    @property
    def px_per_m(self) -> float:
        """Return how many pixels a metre on the ground is."""
        return self._scale / _DEGREE_M

    @property
    def scale_m(self) -> int:
        """Return a round length that is about a quarter of the picture's width."""
        quarter = max(self.width / 4.0 / self.px_per_m, 1.0)
        unit = 10 ** int(log10(quarter))
        return int(unit * max(step for step in (1, 2, 5) if step * unit <= quarter))

    def xy(self, lon: float, lat: float) -> tuple[float, float]:
        """Return a point's pixel."""
        x = (lon - self._left) * self._squeeze * self._scale
        return round(x, 1), round((self._top - lat) * self._scale, 1)

    def path(self, geometry: BaseGeometry) -> str:
        """Return a polygon's outlines as the data of an SVG path."""
        parts = getattr(geometry, "geoms", [geometry])
        rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
        return " ".join("M" + "L".join("{},{}".format(*self.xy(*xy[:2])) for xy in ring.coords) + "Z" for ring in rings)
