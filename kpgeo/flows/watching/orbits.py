"""Which radar orbits a tile's baseline was learnt from: no look of another is held against it.

A slope, a village or a row of trees looks otherwise from the other side, and otherwise under another angle. So the
looks of one direction share a baseline, those of the other stand aside, and an orbit that the baseline never saw is no
news of the ground.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from shapely.geometry import box

from kpgeo import ingest
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.grid import Tile
from kpgeo.model.run import LEFT_OUT
from kpgeo.model.scene import Scene

HALO_PX = 8
Orbit = tuple[str, int | None]
Orbits = frozenset[Orbit] | None


def orbit_of(scene: Scene) -> Orbit:
    """Return the direction and number of a scene's orbit."""
    return scene.orbit_state, scene.relative_orbit


def known_orbits(watch: Watch, tile: Tile, learnt_from: Iterable[Scene]) -> Orbits:
    """Return the radar orbits a tile's baseline can be learnt from; None where all are mixed, by option.

    Of the scenes that reach the tile, the direction with most; of that, every orbit with enough. Where none has enough,
    that with most: a short history is learnt from all the same.
    """
    least = watch.pipeline.misfit.orbit_looks
    if not least:
        return None
    place = box(*ingest.reach_of(watch.grid.tile_geobox(tile, HALO_PX)))
    here = Counter(
        orbit_of(scene) for scene in learnt_from if scene.sensor.is_radar and scene.footprint.intersects(place)
    )
    directions = Counter[str]()
    for (direction, _), count in here.items():
        directions[direction] += count
    if not directions:
        return frozenset()
    main = min(directions, key=lambda direction: (-directions[direction], direction))
    of_main = {orbit: count for orbit, count in here.items() if orbit[0] == main}
    enough = frozenset(orbit for orbit, count in of_main.items() if count >= least)
    return enough or frozenset({min(of_main, key=lambda orbit: (-of_main[orbit], orbit[1] or 0))})


def stand_aside(scene: Scene, orbits: Orbits) -> str:
    """Return why a scene is not used for its orbit, in machine words; nothing where it is used.

    The other direction is left out by choice; an orbit that is new, or was too rarely there, is a gap.
    """
    if orbits is None or not scene.sensor.is_radar or orbit_of(scene) in orbits:
        return ""
    direction, number = orbit_of(scene)
    words = f"{direction or 'unnamed'} {'-' if number is None else number}"
    if any(known != direction for known, _ in orbits):
        return f"{LEFT_OUT}: radar orbit {words}"
    return f"orbit-unknown: {words}"


def divide(scenes: Sequence[Scene], orbits: Orbits) -> tuple[list[Scene], dict[str, str]]:
    """Return the scenes that are used, and by id why the others are not."""
    aside = {scene.id: reason for scene in scenes if (reason := stand_aside(scene, orbits))}
    return [scene for scene in scenes if scene.id not in aside], aside
