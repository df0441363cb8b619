"""What a map and a register would show around a world's workings: roads, settlements, a border, permits.

It is drawn from what the world is made of, and draws nothing at random: no pixel and no truth depends on it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from shapely.geometry import LineString, Point, box, mapping
from shapely.geometry.base import BaseGeometry

from kpgeo.sim.digging import Digging
from kpgeo.sim.ground import Terrain
from kpgeo.sim.truth import boundary_utm, iso, to_4326

Feature = dict[str, Any]

_BORDER_KM = 4.0  # east of the area
_MARGIN_M = 5_000.0
_HALF_M = 350.0  # half the edge of a permit
_EXPIRES_FRAC = 0.4  # of the monitored time


def around_features(terrain: Terrain, source: Mapping[str, str]) -> list[Feature]:
    """Return the layers of a world's AOI file: roads older than the monitored time, villages, a border, two permits.

    One permit is valid throughout, the other ends while the world is monitored.
    """
    return [*_roads(terrain, source), *_villages(terrain, source), _border(terrain, source), *_permits(terrain, source)]


def _feature(role: str, geometry: BaseGeometry, source: Mapping[str, str], **properties: object) -> Feature:
    row = {"role": role, "source": dict(source), **properties}
    return {"type": "Feature", "properties": row, "geometry": mapping(to_4326(geometry))}


def _roads(terrain: Terrain, source: Mapping[str, str]) -> list[Feature]:
    """Return the roads that were there before monitoring began, as a map of that time would show them."""
    frame, inside = terrain.frame, boundary_utm(terrain.frame)
    lines = [
        LineString(frame.to_utm(road.points_m)).simplify(5.0).intersection(inside)
        for road in terrain.land.roads
        if road.begin_day < frame.start_day
    ]
    return [_feature("road", line, source) for line in lines if line.length > 0.0]


def _villages(terrain: Terrain, source: Mapping[str, str]) -> list[Feature]:
    frame = terrain.frame
    places = frame.to_utm(np.array([[village.x_m, village.y_m] for village in terrain.land.villages]))
    return [
        _feature("settlement", Point(place), source, name=f"Simulated village {number}")
        for number, place in enumerate(places, start=1)
    ]


def _border(terrain: Terrain, source: Mapping[str, str]) -> Feature:
    _, south, east, north = boundary_utm(terrain.frame).bounds
    at_m = east + 1_000.0 * _BORDER_KM
    return _feature("border", LineString([(at_m, south - _MARGIN_M), (at_m, north + _MARGIN_M)]), source)


def _permits(terrain: Terrain, source: Mapping[str, str]) -> list[Feature]:
    """Return two permits, each a square around one of the two largest workings that open while monitored."""
    frame = terrain.frame
    begin = frame.start_day
    ends = (None, iso(frame.monitor_day + round(_EXPIRES_FRAC * frame.watched_days)))
    return [
        _feature(
            "permits",
            _square(terrain, digging),
            source,
            id=f"SIM {number}",
            holder=f"Simulated holder {number}",
            commodity="diamond",
            valid_from=iso(begin),
            valid_until=end,
        )
        for number, (digging, end) in enumerate(zip(_largest_new(terrain), ends, strict=False), start=1)
    ]


def _largest_new(terrain: Terrain) -> list[Digging]:
    new = [digging for digging in terrain.diggings if digging.opened_day >= terrain.frame.monitor_day]
    return sorted(new, key=lambda digging: (-digging.plan.area_ha, digging.plan.id))


def _square(terrain: Terrain, digging: Digging) -> BaseGeometry:
    res_m = terrain.frame.grid.res_m
    middle = terrain.frame.to_utm(np.array([[(digging.plan.col + 0.5) * res_m, (digging.plan.row + 0.5) * res_m]]))
    east, north = (round(float(value), -1) for value in middle[0])
    return box(east - _HALF_M, north - _HALF_M, east + _HALF_M, north + _HALF_M)
