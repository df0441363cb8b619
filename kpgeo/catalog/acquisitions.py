"""Candidates become scenes: granules of one pass together, each place of it once.

The same acquisition reaches a catalogue many times over: as neighbouring tiles (in one UTM zone or two), as tiles
reprocessed with a newer baseline, under other ids in another collection, and from a second provider. What was acquired
decides: a platform passes over an AOI once within some minutes, so candidates of one platform that lie close in time
are one scene. Within it, of the granules of one tile the best is read. The others are its alternatives: they hold the
same pixels, and one of them stands in where the best cannot be read.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import shapely

from kpgeo.catalog.candidates import Candidate
from kpgeo.model.scene import Granule, Scene, Sensor

# A pass lasts less than this over any AOI, and the same satellite comes back no sooner than an orbit (98 min) later.
_PASS_SECONDS = {Sensor.SENTINEL2: 600, Sensor.LANDSAT: 600, Sensor.SENTINEL1: 120}
_SAME_STRIP = dt.timedelta(seconds=10)
_SAME_SLICE = dt.timedelta(seconds=5)
MAX_ALTERNATIVES = 3


def make_scenes(candidates: Iterable[Candidate]) -> tuple[list[Scene], int, int]:
    """Return the scenes in `Scene.order`, the number of duplicates dropped, and of granules too cloudy to read.

    The scenes do not depend on the order of the candidates.
    """
    scenes, duplicates, cloudy = [], 0, 0
    for members in _passes(_timed(candidates)):
        kept, dropped = _choose(members)
        clear = [one for one in kept if not one.is_cloudy]
        duplicates += len(dropped)
        cloudy += len(kept) - len(clear)
        if clear:
            scenes.append(_scene(members, clear, dropped))
    return sorted(scenes, key=lambda scene: scene.order), duplicates, cloudy


def _timed(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Give candidates whose names tell the day only the moment of the same pass, where another candidate knows it.

    A satellite passes over a path once a day, so platform, path and day are the acquisition. Where nobody knows more,
    it counts from the day's beginning.
    """
    given = list(candidates)
    moments: dict[tuple[object, ...], dt.datetime] = {}
    for one in given:
        if not one.is_day_only:
            known = moments.get(_path_and_day(one))
            moments[_path_and_day(one)] = one.moment if known is None else min(known, one.moment)
    return [
        replace(one, moment=moments.get(_path_and_day(one), one.moment)) if one.is_day_only else one for one in given
    ]


def _path_and_day(one: Candidate) -> tuple[object, ...]:
    return one.sensor, one.platform, one.relative_orbit, one.moment.date()


def _passes(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """Yield the candidates of each pass: same sensor and platform, each close in time to the one before."""
    ordered = sorted(
        candidates, key=lambda one: (one.sensor, one.platform, one.moment, one.granule.item_id, one.content)
    )
    for (sensor, _), group in groupby(ordered, key=lambda one: (one.sensor, one.platform)):
        members: list[Candidate] = []
        for one in group:
            if members and (one.moment - members[-1].moment).total_seconds() > _PASS_SECONDS[sensor]:
                yield members
                members = []
            members.append(one)
        yield members


def _choose(members: list[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Return the granules to read, best first, and the duplicates. Radar granules are all of one provider."""
    ranked = sorted(members, key=lambda one: (one.preference, one.content), reverse=True)
    kept: list[Candidate] = []
    dropped: list[Candidate] = []
    for one in ranked:
        is_foreign = one.sensor is Sensor.SENTINEL1 and bool(kept) and one.source != kept[0].source
        is_double = is_foreign or any(_is_same_place(one, other) for other in kept)
        (dropped if is_double else kept).append(one)
    return kept, dropped


def _with_alternatives(kept: Candidate, dropped: Sequence[Candidate]) -> Granule:
    """Return a kept granule with those that hold the same pixels, best first: the same processing before another.

    An item named twice is no other copy: what cannot be read once cannot be read again.
    """
    same = [one for one in dropped if _is_same_place(one, kept) and _files_of(one) != _files_of(kept)]
    baseline = kept.granule.processing_baseline
    ranked = sorted(same, key=lambda one: (one.preference, one.content), reverse=True)
    ranked.sort(key=lambda one: one.granule.processing_baseline != baseline)
    return replace(kept.granule, alternatives=tuple(one.granule for one in ranked[:MAX_ALTERNATIVES]))


def _files_of(one: Candidate) -> list[str]:
    return sorted(asset["href"] for asset in one.granule.item["assets"].values())


def _is_same_place(one: Candidate, other: Candidate) -> bool:
    """Say whether two granules of one pass hold the same pixels."""
    if one.granule.tile != other.granule.tile:
        return False
    if one.sensor is Sensor.SENTINEL1:
        return bool(one.granule.tile) or abs(one.moment - other.moment) <= _SAME_SLICE
    if not one.granule.tile:
        return one.granule.item_id == other.granule.item_id
    return one.strip is None or other.strip is None or abs(one.strip - other.strip) <= _SAME_STRIP


def _scene(members: list[Candidate], kept: list[Candidate], dropped: list[Candidate]) -> Scene:
    """Build a scene. Its moment is that of the whole pass, so that it does not change with what is kept."""
    shared = sorted(one.moment for one in members if one.is_shared_moment)
    ordered = sorted(kept, key=lambda one: (one.granule.tile, one.granule.item_id, one.content))
    return Scene(
        sensor=kept[0].sensor,
        platform=kept[0].platform,
        datetime=shared[0] if shared else min(one.moment for one in members),
        relative_orbit=next((one.relative_orbit for one in members if one.relative_orbit is not None), None),
        orbit_state=next((one.orbit_state for one in members if one.orbit_state), ""),
        granules=tuple(_with_alternatives(one, dropped) for one in ordered),
        footprint=shapely.union_all([one.footprint for one in ordered]),
        dropped=tuple(sorted({one.granule.item_id for one in dropped})),
    )
