"""What is known of the scenes of an AOI after a search: those found now, those found before, and those withdrawn.

A catalogue that answers to the end says what there is, and a scene that it no longer names is withdrawn. One that
breaks off, answers with nothing where it had much, or forgets many scenes at once says nothing of the kind: what was
known stays, and the gap that is left says why. A catalogue that stands in for one that is down gives what is missing;
it does not take the place of what was read already, which would fold the whole archive anew whenever a service is down.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kpgeo.catalog import Answer, Search
from kpgeo.flows.watching.scenes import Span
from kpgeo.model.run import Gap
from kpgeo.model.scene import Granule, Scene, Sensor

CATALOGUE_EMPTY = "catalogue-empty"
WITHDRAWAL_DOUBTED = "withdrawal-doubted"
_SAME_PASS_S = {Sensor.SENTINEL2: 600.0, Sensor.LANDSAT: 600.0, Sensor.SENTINEL1: 120.0}
# More than this at once is taken for a fault of the catalogue: agencies withdraw single products (B-M).
_MOST_WITHDRAWN_FRAC = 0.2
_FEW = 2
_ALTERNATIVES = 3


@dataclass(frozen=True, kw_only=True)
class Known:
    """The scenes an AOI has.

    Attributes
    ----------
    scenes : tuple of Scene
        In `Scene.order`.
    withdrawn : tuple of Scene
        Known before, and no longer there: to be folded out again.
    gaps : tuple of Gap
        Answers that are not believed.
    """

    scenes: tuple[Scene, ...]
    withdrawn: tuple[Scene, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, kw_only=True)
class Before:
    """What was known before a search.

    Attributes
    ----------
    scenes : mapping
        By id.
    applied_ids : frozenset of str
        Those that the state holds.
    kept_until_day : int
        Scenes before this day are not withdrawn: the first baseline was learnt from them, and is learnt once.
    """

    scenes: Mapping[str, Scene]
    applied_ids: frozenset[str]
    kept_until_day: int


def reconcile(aoi_id: str, before: Before, search: Search, span: Span) -> Known:
    """Return what is known after a search of a span of days. It does not depend on the order of anything."""
    known = dict(before.scenes)
    withdrawn: list[Scene] = []
    gaps: list[Gap] = []
    for sensor in Sensor:
        found = {scene.id: scene for scene in search.scenes if scene.sensor is sensor}
        asked = [
            scene
            for scene in before.scenes.values()
            if scene.sensor is sensor and span.since_day <= scene.day < span.until_day
        ]
        emptied = _emptied(search, sensor, asked)
        gaps += [_gap(aoi_id, span, sensor, f"{CATALOGUE_EMPTY}: {one.provider}: {one.collection}") for one in emptied]
        if emptied or not search.is_full(sensor):
            known |= _filled_in(found, asked, before)
            continue
        gone = [scene for scene in asked if scene.id not in found and scene.day >= before.kept_until_day]
        out, doubted = _withdrawn(gone, asked, list(found.values()), search)
        if doubted:
            reason = f"{WITHDRAWAL_DOUBTED}: {len(doubted)} of {len(asked)} scenes are no longer named"
            gaps.append(_gap(aoi_id, span, sensor, reason))
        withdrawn += out
        known |= found
    out_ids = {scene.id for scene in withdrawn}
    scenes = sorted((scene for scene in known.values() if scene.id not in out_ids), key=lambda scene: scene.order)
    return Known(scenes=tuple(scenes), withdrawn=_ordered(withdrawn), gaps=tuple(gaps))


def _emptied(search: Search, sensor: Sensor, asked: Sequence[Scene]) -> list[Answer]:
    """Return the full answers without a single item, of collections that scenes are known from: renamed, or broken."""
    homes = {(granule.provider, granule.collection) for scene in asked for granule in scene.granules}
    return [
        answer
        for answer in search.answers
        if answer.sensor is sensor
        and answer.is_full
        and answer.items == 0
        and ((answer.provider, answer.collection) in homes or (answer.provider, "") in homes)
    ]


def _filled_in(found: Mapping[str, Scene], asked: Sequence[Scene], before: Before) -> dict[str, Scene]:
    """Return what a search that is not whole adds to what is known.

    A scene in the state stays as it was read, and gains alternatives. A pass that is known under another id is not new.
    """
    added = {}
    for scene in found.values():
        old = before.scenes.get(scene.id)
        if old is None:
            if not any(_is_same_pass(scene, other) for other in asked):
                added[scene.id] = scene
        elif scene.id in before.applied_ids:
            added[scene.id] = replace(old, granules=_with_alternatives(old.granules, scene.granules))
        else:
            added[scene.id] = replace(scene, granules=_with_alternatives(scene.granules, old.granules))
    return added


def _with_alternatives(granules: Iterable[Granule], others: Sequence[Granule]) -> tuple[Granule, ...]:
    """Return granules, each with those of the same tile from elsewhere among its alternatives."""
    widened = []
    for granule in granules:
        here = {_copy_of(one) for one in (granule, *granule.alternatives)}
        more = [one for other in others if other.tile == granule.tile for one in (other, *other.alternatives)]
        fresh = [replace(one, alternatives=()) for one in more if granule.tile and _copy_of(one) not in here]
        widened.append(replace(granule, alternatives=(*granule.alternatives, *fresh)[:_ALTERNATIVES]))
    return tuple(widened)


def _copy_of(granule: Granule) -> tuple[str, str]:
    return granule.provider, granule.item_id


def _withdrawn(
    gone: Sequence[Scene], asked: Sequence[Scene], found: Sequence[Scene], search: Search
) -> tuple[list[Scene], list[Scene]]:
    """Return which scenes that were not found are withdrawn, and which are not let go of, because they are too many.

    One whose pass was found under another id is replaced. One whose items are there and refused is not gone.
    """
    refused = search.refused_ids
    missing = [scene for scene in gone if not any(granule.item_id in refused for granule in scene.granules)]
    replaced = [scene for scene in missing if any(_is_same_pass(scene, other) for other in found)]
    replaced_ids = {scene.id for scene in replaced}
    unnamed = [scene for scene in missing if scene.id not in replaced_ids]
    if found and len(unnamed) <= max(_FEW, _MOST_WITHDRAWN_FRAC * len(asked)):
        return missing, []
    return replaced, unnamed


def _is_same_pass(one: Scene, other: Scene) -> bool:
    """Say whether two scenes are of one pass of one satellite."""
    if (one.sensor, one.platform) != (other.sensor, other.platform):
        return False
    return abs((one.datetime - other.datetime).total_seconds()) <= _SAME_PASS_S[one.sensor]


def _ordered(scenes: Iterable[Scene]) -> tuple[Scene, ...]:
    return tuple(sorted(scenes, key=lambda scene: scene.order))


def _gap(aoi_id: str, span: Span, sensor: Sensor, reason: str) -> Gap:
    return Gap(aoi_id=aoi_id, day=span.since_day, sensor=sensor, scene_id="", reason=reason)
