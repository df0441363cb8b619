"""What delivering to subscribers is done with: who they are, where things lie, and what time it is."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kpgeo.delivery import SeenAoi, SeenSpan
from kpgeo.flows.reviews.reviewing import read_reviews
from kpgeo.flows.watching.coverage import WHOLE
from kpgeo.flows.watching.record import read_watched
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.calendar import date_of, day_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.errors import BadInputError, KpgeoError
from kpgeo.model.review import ReviewState
from kpgeo.options.deliver import DeliverOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.subscribers import Subscribers
from kpgeo.store import Tables, Workspace

_FOLDERS = frozenset({"feeds", "pictures"})
_SHOWN_DEKADS = 2
_MOST_DEKADS = 36


def read_subscribers(pipeline: Pipeline) -> Subscribers | None:
    """Return who a pipeline tells; None where it names no file of subscribers.

    Raises
    ------
    BadInputError
        The file is none, or breaks a rule.
    """
    named = pipeline.deliver.subscribers
    if not named:
        return None
    subscribers = Subscribers.read(pipeline.path(named))
    taken = {pipeline.deliver.folder, *_FOLDERS}
    if clash := [one.id for one in subscribers.subscriber if one.folder in taken]:
        raise BadInputError(
            f"{clash[0]}: this folder is used by kpgeo itself.", where=named, remedy="Name another one."
        )
    return subscribers


def require_watched(subscribers: Subscribers | None, aoi_ids: Iterable[str]) -> None:
    """Refuse a subscriber to an AOI that the pipeline does not watch: he would wait for ever.

    Raises
    ------
    BadInputError
        One is named that is not among `aoi_ids`.
    """
    known = sorted(aoi_ids)
    for one in subscribers.subscriber if subscribers else ():
        if strange := [aoi for aoi in one.aois if aoi not in known]:
            raise BadInputError(
                f"{one.id}: the pipeline does not watch {strange[0]!r}.",
                where="subscribers",
                remedy=f"It watches {', '.join(known)}.",
            )


@dataclass(frozen=True, kw_only=True)
class Office:
    """Everything one pass of delivery goes by.

    Attributes
    ----------
    now : datetime
        UTC; a parameter, so that weeks can be tried in a second.
    with_pictures : bool
        Whether the ground is read for pictures.
    """

    room: Workspace
    tables: Tables
    pipeline: Pipeline
    subscribers: Subscribers
    now: dt.datetime
    with_pictures: bool = True
    _watches: dict[str, Watch | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def options(self) -> DeliverOptions:
        """Return the options of delivery."""
        return self.pipeline.deliver

    @cached_property
    def watched(self) -> dict[str, Any]:
        """Return what is known of each AOI of the pipeline, as the last run wrote it down."""
        known = read_watched(self.room)
        name = self.pipeline.name
        return {aoi: one for aoi, one in sorted(known.items()) if one.get("pipeline", {}).get("name", name) == name}

    @cached_property
    def newest(self) -> dict[str, int]:
        """Return the newest dekad that was decided, by AOI."""
        commits = {aoi: self.tables.last_commit(aoi, self.lineage(aoi)) for aoi in self.watched}
        return {aoi: commit.last_dekad for aoi, commit in commits.items() if commit is not None}

    @cached_property
    def dismissed(self) -> frozenset[str]:
        """Return the alerts of which people say that they do not stand, or are another's."""
        kinds = (ReviewState.DISMISSED, ReviewState.DUPLICATE)
        return frozenset(
            alert_id
            for alert_id, review in read_reviews(self.tables).items()
            if review.state in kinds or review.verdict in kinds
        )

    def lineage(self, aoi: str) -> str:
        """Return the lineage that speaks for an AOI."""
        return self.tables.methods.speaking(aoi) or str(self.watched[aoi]["lineage"])

    def watch(self, aoi: str) -> Watch | None:
        """Return an AOI as the last run watched it; None where its file is no longer there or has changed."""
        if aoi not in self._watches:
            try:
                self._watches[aoi] = watch_of(self.room, aoi)[0]
            except (KpgeoError, OSError):
                self._watches[aoi] = None
        return self._watches[aoi]

    def seen(self, aoi: str, since_dekad: int | None) -> SeenAoi:
        """Return what was seen of an AOI after a dekad, and at least in the two that were decided last."""
        entry, watch, spans = self.watched[aoi], self.watch(aoi), self._spans(aoi, since_dekad)
        start = day_of(spans[0].start) if spans else day_of(self.now.date())
        gaps = [gap for gap in self.tables.gaps(aoi, start, day_of(self.now.date()) + 1) if not gap.is_chosen]
        return SeenAoi(
            aoi=aoi,
            names=dict(entry.get("names") or {}),
            strata={} if watch is None else {one.id: dict(one.names) for one in watch.aoi.strata},
            spans=tuple(spans),
            faults=dict(sorted(Counter(gap.reason.partition(":")[0] for gap in gaps).items())),
            left_out=entry.get("left_out"),
            operating=entry.get("announcing"),
        )

    def is_unseen(self, aoi: str) -> bool:
        """Say whether little or nothing was seen of an AOI in the two dekads that ended last."""
        last = dekad_of(day_of(self.now.date())) - 1
        rows = self._coverage(aoi, last - _SHOWN_DEKADS + 1, last)
        return max((row[0] for row in rows.values()), default=0.0) < self.options.unseen_frac

    def _spans(self, aoi: str, since_dekad: int | None) -> list[SeenSpan]:
        newest = self.newest.get(aoi)
        if newest is None:
            return []
        today = day_of(self.now.date())
        first = newest - _SHOWN_DEKADS + 1 if since_dekad is None else min(since_dekad, newest - _SHOWN_DEKADS) + 1
        last = max(dekad_of(today), newest)
        first = max(first, min(newest, last) - _MOST_DEKADS)
        seen = self._coverage(aoi, first, last)
        ended = [dekad for dekad in range(first, last + 1) if dekad in seen or dekad_end(dekad) <= today]
        return [_span(dekad, seen.get(dekad)) for dekad in ended]

    def _coverage(self, aoi: str, first: int, last: int) -> dict[int, tuple[float, float]]:
        rows = self.tables.coverage(aoi, self.lineage(aoi), first, last)
        return {row.dekad: (row.look_frac, row.optical_frac) for row in rows if row.stratum_id == WHOLE}


def _span(dekad: int, seen: tuple[float, float] | None) -> SeenSpan:
    start, end = date_of(dekad_start(dekad)), date_of(dekad_end(dekad) - 1)
    look, optical = seen or (None, None)
    return SeenSpan(start=start, end=end, look_frac=look, optical_frac=optical)
