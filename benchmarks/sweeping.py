"""Would-be alerts: the sites of a watched world, raised again at every threshold, held against what was there.

The detector, outlining and linking run once. Only `raise_alerts` runs again, at each confidence and smallest area, and
what a site met on a day is asked of the truth once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kpgeo import alerts, assess, sites
from kpgeo.alerts import ANNOUNCED, AlertContext, standing
from kpgeo.assess import BeliefCounts, Met, Truth, Witness
from kpgeo.model.alert import Alert
from kpgeo.model.calendar import dekad_end
from kpgeo.model.operating import OperatingCurve
from kpgeo.model.run import Coverage
from kpgeo.model.site import Site, SiteStatus
from kpgeo.model.state import DekadFields
from kpgeo.options.alerts import AlertOptions
from kpgeo.options.assess import AssessOptions
from kpgeo.options.sites import SiteOptions
from kpgeo.sites import Place

SIZES = tuple(assess.SIZE_CLASSES)
_DAYS_A_MONTH = 365.25 / 12.0


@dataclass
class Watched:
    """A world as it was watched: the sites of each dekad, and the truth.

    Attributes
    ----------
    rows : list of (dekad, list of Site)
        In order.
    beliefs : list of BeliefCounts
        Of its pixels, as the filter gave them, at the end of each dekad; mixed pixels left out.
    """

    name: str
    truth: Truth
    place: Place
    rows: list[tuple[int, list[Site]]] = field(default_factory=list)
    beliefs: list[BeliefCounts] = field(default_factory=list)

    @property
    def until_day(self) -> int:
        """Return the day after the last dekad."""
        return dekad_end(self.rows[-1][0])

    @property
    def km2_months(self) -> float:
        """Return area times monitored time, as scores count it."""
        return self.truth.area_km2 * (self.until_day - self.truth.monitored_day) / _DAYS_A_MONTH

    @property
    def pixels(self) -> BeliefCounts:
        """Return its beliefs, all dekads together."""
        return assess.pool_counts(self.beliefs)

    @cached_property
    def met(self) -> dict[tuple[int, str], Met]:
        """Return what each site that might be announced met at the end of each dekad."""
        witness = Witness(self.truth, AssessOptions())
        new = {row.id for _, rows in self.rows for row in rows if row.opened_day > self.place.baseline_end_day}
        return {
            (dekad, row.id): witness.meet(row.geometry, dekad_end(dekad))
            for dekad, rows in self.rows
            for row in rows
            if row.id in new
        }

    @cached_property
    def sizes(self) -> dict[str, set[str]]:
        """Return the ids of the new true sites of each class of size."""
        outcomes = assess.score_run(self.truth, [], self.until_day, AssessOptions()).outcomes
        return {
            size: {one.site_id for one in outcomes if low <= one.area_ha < high}
            for size, (low, high) in assess.SIZE_CLASSES.items()
        }

    def site_beliefs(self, min_area_ha: float) -> BeliefCounts:
        """Count the confidence of new sites of an area, in dekads they were seen mined, against what they met."""
        seen = [
            (row.confidence, self.met[dekad, row.id].is_true)
            for dekad, rows in self.rows
            for row in rows
            if (dekad, row.id) in self.met
            and row.misses == 0
            and row.status is not SiteStatus.CLOSED
            and row.area.ha >= min_area_ha
        ]
        confidence, is_true = zip(*seen, strict=True) if seen else ((), ())
        return assess.count_beliefs(np.array(confidence, dtype=np.float64), np.array(is_true, dtype=np.bool_))

    def follow(self, fields: Iterable[DekadFields], options: SiteOptions) -> None:
        """Outline and link dekad by dekad."""
        before: list[Site] = []
        for now in fields:
            changes = sites.outline_changes(now, self.place, options)
            before, _ = sites.link_sites(before, changes, now, self.place, options)
            self.rows.append((now.dekad, before))


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What alerts came to in one world at one operating point: false ones by what they fell on, new sites found."""

    causes: Counter[str]
    found: frozenset[str]

    @property
    def false_alerts(self) -> int:
        """Return how many were false."""
        return sum(self.causes.values())


def tally(world: Watched, options: AlertOptions) -> Tally:
    """Raise alerts on a world's sites, and hold the announced ones against the truth as `assess.score_run` does."""
    alive = {row.id for _, rows in world.rows for row in rows if row.area.ha >= options.min_area_ha}
    standing_alerts: list[Alert] = []
    told: set[str] = set()
    causes: Counter[str] = Counter()
    found: set[str] = set()
    for dekad, rows in world.rows:
        mine = [row for row in rows if row.id in alive]
        standing_alerts, _ = alerts.raise_alerts(standing_alerts, mine, _context(world, dekad), options)
        for alert in standing_alerts:
            if standing(alert) not in ANNOUNCED:
                continue
            met = world.met[dekad, alert.site_id]
            found.update(met.new)
            if alert.id not in told and not met.is_true:
                causes[met.cause] += 1
            told.add(alert.id)
    return Tally(causes=causes, found=frozenset(found))


def _context(world: Watched, dekad: int) -> AlertContext:
    seen = Coverage(aoi_id=world.place.aoi_id, dekad=dekad, stratum_id="*", scenes=1, look_frac=1.0, optical_frac=1.0)
    return AlertContext(
        aoi_id=world.place.aoi_id,
        dekad=dekad,
        regimes=frozenset(),
        declared_known=True,
        scene_ids=(),
        sensors=(),
        coverage=seen,
        baseline_end_day=world.place.baseline_end_day,
    )


def sweep(
    worlds: Sequence[Watched], confidences: Sequence[float], areas_ha: Sequence[float], base: AlertOptions
) -> tuple[OperatingCurve, ...]:
    """Return a curve for each smallest area: at each confidence, false alerts and sites found, all worlds together."""
    curves = []
    for area in areas_ha:
        tallies = []
        for confidence in confidences:
            options = base.model_copy(update={"min_area_ha": area, "provisional_confidence": confidence})
            tallies.append([tally(world, options) for world in worlds])
        curves.append(
            OperatingCurve(
                min_area_ha=area,
                confidence=tuple(confidences),
                false_alerts=tuple(sum(one.false_alerts for one in row) for row in tallies),
                found={size: tuple(found_of(worlds, row, size) for row in tallies) for size in SIZES},
            )
        )
    return tuple(curves)


def found_of(worlds: Sequence[Watched], row: Sequence[Tally], size: str) -> int:
    """Return how many new sites of a class of size were found in all worlds."""
    return sum(len(one.found & world.sizes[size]) for world, one in zip(worlds, row, strict=True))


def totals(worlds: Sequence[Watched]) -> dict[str, int]:
    """Return how many new sites of each class of size there were."""
    return {size: sum(len(world.sizes[size]) for world in worlds) for size in SIZES}


def counts_of(mined_prob: NDArray[np.float32], mined_percent: NDArray[np.uint8], mined_frac: float) -> BeliefCounts:
    """Count the beliefs of pixels that are mined (at least `mined_frac` of them) or wholly unmined."""
    known = (mined_percent == 0) | (mined_percent >= 100 * mined_frac)
    return assess.count_beliefs(mined_prob[known], mined_percent[known] > 0)
