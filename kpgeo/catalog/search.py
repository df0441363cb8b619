"""Finding the scenes of an AOI over all catalogues of a pipeline."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import shapely

from kpgeo.catalog.acquisitions import make_scenes
from kpgeo.catalog.api import search_api
from kpgeo.catalog.candidates import Candidate, ItemError, Provider, acquired, item_id, read_item
from kpgeo.catalog.folder import walk_folder
from kpgeo.catalog.hrefs import Origin
from kpgeo.catalog.static import start_of, walk_static
from kpgeo.model.aoi import Aoi
from kpgeo.model.calendar import day_of
from kpgeo.model.errors import BadInputError, UpstreamError
from kpgeo.model.run import Gap
from kpgeo.model.scene import Scene, Sensor
from kpgeo.options.catalog import WHOLE_FOLDER, CatalogSource
from kpgeo.wire import Access, trusted_by

_log = logging.getLogger(__name__)
# A datatake begins before its tiles are sensed, so a tile of the last evening may be sensed after midnight.
_SLACK = dt.timedelta(hours=1)
# What says nothing of the item behind it, so that the item may be there all the same.
_UNREADABLE = frozenset({"document-unreadable", "document-not-an-object", "header-unreadable"})

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one catalogue said of one sensor.

    Attributes
    ----------
    source : int
        Place of the catalogue in the order of search.
    provider, collection : str
        Its host (or `local`), and what of it was searched.
    items : int
        Items it named.
    is_full : bool
        It answered to the end. Of an answer that broke off, what is missing may be there all the same.
    """

    source: int
    sensor: Sensor
    provider: str
    collection: str
    items: int
    is_full: bool


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
    answers : tuple of Answer
        One for each collection searched, in order.
    refused_ids : frozenset of str
        Items that are there and cannot be used.
    """

    scenes: tuple[Scene, ...]
    gaps: tuple[Gap, ...]
    items_seen: int
    dropped: int
    reasons: Mapping[str, int] = field(default_factory=dict, compare=False)
    answers: tuple[Answer, ...] = field(default=(), compare=False)
    refused_ids: frozenset[str] = field(default=frozenset(), compare=False)

    def is_full(self, sensor: Sensor) -> bool:
        """Say whether every catalogue of a sensor answered to the end."""
        of_sensor = [answer for answer in self.answers if answer.sensor is sensor]
        return bool(of_sensor) and all(answer.is_full for answer in of_sensor)

    def is_stood_in_for(self, sensor: Sensor) -> bool:
        """Say whether at least one catalogue of a sensor answered to the end."""
        return any(answer.is_full for answer in self.answers if answer.sensor is sensor)


def find_scenes(  # noqa: PLR0913 - where, whom, when, and how to ask: each is asked for by its name
    aoi: Aoi,
    sources: Sequence[CatalogSource],
    start: dt.date,
    end: dt.date,
    folder: Path,
    progress: Progress | None = None,
    *,
    access: Access | None = None,
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
    access : Access, optional
        How catalogues are asked; by default with default options, and with trust in the hosts of the sources.

    Raises
    ------
    UpstreamError
        No catalogue answered at all. If one did, the others become gaps.
    """
    if not sources:
        raise BadInputError("No catalogue to search.", where="catalog", remedy="Name one in the pipeline file.")
    access = access or Access(trusted_hosts=trusted_by(source.url for source in sources))
    hunt = _Hunt(aoi, (start, end), folder, access)
    for number, source in enumerate(sources):
        if source.folder:
            hunt.search_folder(number, source)
            if progress is not None:
                progress(f"{source.folder}: {hunt.items_seen} items")
            continue
        for sensor, collection in source.collections.items():
            hunt.search(number, source, sensor, collection)
            if progress is not None:
                progress(f"{source.host}: {collection}: {hunt.items_seen} items")
    return hunt.result()


class _Hunt:
    """One search under way: what was seen so far."""

    def __init__(self, aoi: Aoi, dates: tuple[dt.date, dt.date], folder: Path, access: Access) -> None:
        self._aoi = aoi
        self._access = access
        self._days = (day_of(dates[0]), day_of(dates[1]))
        midnight = [dt.datetime.combine(date, dt.time(), dt.UTC) for date in dates]
        self._interval = (midnight[0] - _SLACK, midnight[1] + _SLACK)
        self._folder = folder
        self._candidates: list[Candidate] = []
        self._gaps: list[Gap] = []
        self._faults: list[UpstreamError] = []
        self._answers: list[Answer] = []
        self._refused_ids: set[str] = set()
        self._heard = 0
        self._is_whole = True  # of the catalogue that is being read
        self._counts = {"duplicate": 0, "cloudy": 0, "refused": 0, "outside": 0}
        self.items_seen = 0

    def search(self, number: int, source: CatalogSource, sensor: Sensor, collection: str) -> None:
        """Search one collection of one catalogue; a fault is kept as a gap."""
        provider, before, self._is_whole = _provider(number, source), self.items_seen, True
        try:
            for item, origin in self._items(source, sensor, collection):
                self.items_seen += 1
                self._take(item, sensor, provider, origin)
        except UpstreamError as fault:
            self._fail(provider, sensor, collection, fault)
        else:
            self._heard += 1
        self._answer(provider, sensor, collection, self.items_seen - before)

    def search_folder(self, number: int, source: CatalogSource) -> None:
        """Search a folder of files, once for all sensors; a fault is kept as a gap."""
        provider, self._is_whole = _provider(number, source), True
        root = (self._folder / source.folder).resolve()
        seen = dict.fromkeys(source.collections, 0)
        try:
            for found in walk_folder(root, source.deadline_s, partial(self._refuse_document, None)):
                within = source.collections.get(found.sensor)
                if within is not None and (within == WHOLE_FOLDER or PurePosixPath(found.place).is_relative_to(within)):
                    self.items_seen += 1
                    seen[found.sensor] += 1
                    self._take(found.item, found.sensor, provider, found.origin)
        except UpstreamError as fault:
            self._fail(provider, None, source.folder, fault)
        else:
            self._heard += 1
        for sensor, collection in source.collections.items():
            self._answer(provider, sensor, collection, seen[sensor])

    def _fail(self, provider: Provider, sensor: Sensor | None, collection: str, fault: UpstreamError) -> None:
        _log.warning("catalogue %s: %s", provider.name, fault)
        self._is_whole = False
        self._faults.append(fault)
        self._gap(self._days[0], sensor, f"catalogue-failed: {provider.name}: {collection}: {fault.what}")

    def _answer(self, provider: Provider, sensor: Sensor, collection: str, items: int) -> None:
        self._answers.append(
            Answer(
                source=provider.source,
                sensor=sensor,
                provider=provider.name,
                collection=collection,
                items=items,
                is_full=self._is_whole,
            )
        )

    def _items(
        self, source: CatalogSource, sensor: Sensor, collection: str
    ) -> Iterator[tuple[Mapping[str, Any], Origin]]:
        if source.is_static:
            start = start_of(source.url, self._folder, self._access)
            refuse = partial(self._refuse_document, sensor)
            yield from walk_static(start, collection, self._access, source.deadline_s, refuse)
            return
        origin = Origin(document=source.url, root=None, host=source.host, buckets=self._access.options.s3_buckets)
        where, when = self._aoi.geometry, self._interval
        for item in search_api(source.url, collection, where, when, self._access, source.deadline_s):
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
            self._refused_ids.add(item_id(item))
            self._refuse(day, sensor, item_id(item), str(error))
            return
        if shapely.intersects(candidate.footprint, self._aoi.geometry):
            self._candidates.append(candidate)
        else:
            self._counts["outside"] += 1

    def _refuse_document(self, sensor: Sensor | None, name: str, reason: str) -> None:
        """Refuse a document or file: nobody knows which items were in it."""
        if reason in _UNREADABLE:
            self._is_whole = False
        self._refuse(self._days[0], sensor, name, reason)

    def _refuse(self, day: int, sensor: Sensor | None, item: str, reason: str) -> None:
        self._counts["refused"] += 1
        self._gap(day, sensor, f"item-refused: {item}: {reason}")

    def _gap(self, day: int, sensor: Sensor | None, reason: str) -> None:
        self._gaps.append(Gap(aoi_id=self._aoi.id, day=day, sensor=sensor, scene_id="", reason=reason))

    def result(self) -> Search:
        """Return the search's outcome."""
        if self._faults and not self._heard:
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
            answers=tuple(self._answers),
            refused_ids=frozenset(self._refused_ids),
        )


def _provider(number: int, source: CatalogSource) -> Provider:
    return Provider(source=number, name=source.host, sign=source.sign, max_cloud_frac=source.max_cloud_frac)
