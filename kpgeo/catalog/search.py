"""Finding the scenes of an AOI over all catalogues of a pipeline."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import shapely

from kpgeo.catalog.acquisitions import make_scenes
from kpgeo.catalog.api import search_api
from kpgeo.catalog.candidates import Candidate, ItemError, Provider, acquired, item_id, read_item
from kpgeo.catalog.hrefs import Origin
from kpgeo.catalog.static import start_of, walk_static
from kpgeo.model.aoi import Aoi
from kpgeo.model.calendar import day_of
from kpgeo.model.errors import BadInputError, UpstreamError
from kpgeo.model.run import Gap
from kpgeo.model.scene import Scene, Sensor
from kpgeo.options.pipeline import CatalogSource

_log = logging.getLogger(__name__)
# A datatake begins before its tiles are sensed, so a tile of the last evening may be sensed after midnight.
_SLACK = dt.timedelta(hours=1)

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Search:
    """What was found.

    Attributes
    ----------
    scenes : tuple of Scene
        In `Scene.order`, each acquisition once.
    gaps : tuple of Gap
        Catalogues that did not answer and items that were refused.
    items_seen : int
        STAC items looked at, over all catalogues.
    dropped : int
        Items that are no granule of a scene: duplicates, too cloudy, refused, or outside AOI or dates.
    reasons : dict
        `dropped` by reason: `duplicate`, `cloudy`, `refused`, `outside`.
    """

    scenes: tuple[Scene, ...]
    gaps: tuple[Gap, ...]
    items_seen: int
    dropped: int
    reasons: Mapping[str, int] = field(default_factory=dict, compare=False)


def find_scenes(
    aoi: Aoi,
    sources: Sequence[CatalogSource],
    start: dt.date,
    end: dt.date,
    folder: Path,
    progress: Progress | None = None,
) -> Search:
    """Find what was acquired over an AOI from `start` to the day before `end`.

    Catalogues are searched in order, by geometry and never by tile name. The same acquisition is used once: the first
    catalogue that has a granule gives it, in its newest processing baseline; the ids of the others go to
    `Scene.dropped`.
    Hrefs are left unsigned.

    Parameters
    ----------
    aoi : Aoi
        Where.
    sources : sequence of CatalogSource
        STAC APIs, or static catalogues (an address or path that ends in `.json`).
    folder : Path
        What the path of a static catalogue is relative to.
    progress : callable, optional
        Is given one line of text for each collection searched.

    Raises
    ------
    UpstreamError
        No catalogue answered at all. If one did, the others become gaps.
    """
    if not sources:
        raise BadInputError("No catalogue to search.", where="catalog", remedy="Name one in the pipeline file.")
    hunt = _Hunt(aoi=aoi, start=start, end=end, folder=folder)
    for number, source in enumerate(sources):
        for sensor, collection in source.collections.items():
            hunt.search(number, source, sensor, collection)
            if progress is not None:
                progress(f"{provider_of(source)}: {collection}: {hunt.items_seen} items")
    return hunt.result()


def provider_of(source: CatalogSource) -> str:
    """Return the host of a catalogue, or `local`."""
    return (urlsplit(source.url).hostname or "local").lower()


class _Hunt:
    """One search under way: what was seen so far."""

    def __init__(self, aoi: Aoi, start: dt.date, end: dt.date, folder: Path) -> None:
        self._aoi = aoi
        self._days = (day_of(start), day_of(end))
        midnight = [dt.datetime.combine(date, dt.time(), dt.UTC) for date in (start, end)]
        self._interval = (midnight[0] - _SLACK, midnight[1] + _SLACK)
        self._folder = folder
        self._candidates: list[Candidate] = []
        self._gaps: list[Gap] = []
        self._faults: list[UpstreamError] = []
        self._answers = 0
        self._counts = {"duplicate": 0, "cloudy": 0, "refused": 0, "outside": 0}
        self.items_seen = 0

    def search(self, number: int, source: CatalogSource, sensor: Sensor, collection: str) -> None:
        """Search one collection of one catalogue; a fault is kept as a gap."""
        provider = Provider(
            source=number, name=provider_of(source), sign=source.sign, max_cloud_frac=source.max_cloud_frac
        )
        try:
            for item, origin in self._items(source, sensor, collection):
                self.items_seen += 1
                self._take(item, sensor, provider, origin)
        except UpstreamError as fault:
            _log.warning("catalogue %s: %s", provider.name, fault)
            self._faults.append(fault)
            self._gap(self._days[0], sensor, f"catalogue-failed: {provider.name}: {collection}: {fault.what}")
        else:
            self._answers += 1

    def _items(
        self, source: CatalogSource, sensor: Sensor, collection: str
    ) -> Iterator[tuple[Mapping[str, Any], Origin]]:
        if source.url.lower().endswith(".json"):
            start = start_of(source.url, self._folder)
            refuse = partial(self._refuse, self._days[0], sensor)
            yield from walk_static(start, collection, source.deadline_s, refuse)
            return
        origin = Origin(document=source.url, root=None, host=provider_of(source))
        for item in search_api(source.url, collection, self._aoi.geometry, self._interval, source.deadline_s):
            yield item, origin

    def _take(self, item: Mapping[str, Any], sensor: Sensor, provider: Provider, origin: Origin) -> None:
        """Keep an item as a candidate, count it out, or refuse it."""
        day = self._days[0]
        try:
            moment = acquired(item)
            day = day_of(moment)
            if not self._interval[0] <= moment <= self._interval[1]:
                self._counts["outside"] += 1
                return
            candidate = read_item(item, sensor, provider, origin)
        except ItemError as error:
            self._refuse(day, sensor, item_id(item), str(error))
            return
        if shapely.intersects(candidate.footprint, self._aoi.geometry):
            self._candidates.append(candidate)
        else:
            self._counts["outside"] += 1

    def _refuse(self, day: int, sensor: Sensor, item: str, reason: str) -> None:
        self._counts["refused"] += 1
        self._gap(day, sensor, f"item-refused: {item}: {reason}")

    def _gap(self, day: int, sensor: Sensor, reason: str) -> None:
        self._gaps.append(Gap(aoi_id=self._aoi.id, day=day, sensor=sensor, scene_id="", reason=reason))

    def result(self) -> Search:
        """Return the search's outcome."""
        if not self._answers and self._faults:
            raise self._faults[0]
        scenes, self._counts["duplicate"], self._counts["cloudy"] = make_scenes(self._candidates)
        inside = [scene for scene in scenes if self._days[0] <= scene.day < self._days[1]]
        self._counts["outside"] += sum(len(one.granules) for one in scenes) - sum(len(one.granules) for one in inside)
        return Search(
            scenes=tuple(inside),
            gaps=tuple(self._gaps),
            items_seen=self.items_seen,
            dropped=sum(self._counts.values()),
            reasons=dict(self._counts),
        )
