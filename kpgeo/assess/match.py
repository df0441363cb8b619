"""Which alert met which true site, and what the others fell on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from kpgeo.assess.truth import Nuisance, TrueSite, Truth
from kpgeo.model.alert import Alert, MachineState
from kpgeo.model.calendar import dekad_end
from kpgeo.model.decision import DekadDecision
from kpgeo.model.grid import utm_epsg
from kpgeo.model.site import SiteStatus
from kpgeo.options.assess import AssessOptions

_ANNOUNCED = frozenset({MachineState.PROVISIONAL, MachineState.CONFIRMED, MachineState.ONGOING})


@dataclass(frozen=True, kw_only=True)
class SiteOutcome:
    """What became of one site that opened while monitored.

    Attributes
    ----------
    area_ha : float
        Largest true mined area up to the end of the run.
    disturbed_day : int or None
        Day it had reached the reportable size.
    found_day : int or None
        First day on which an announced alert stood on it.
    until_day : int
        End of the run.
    """

    site_id: str
    area_ha: float
    opened_day: int
    disturbed_day: int | None
    found_day: int | None
    until_day: int
    alert_id: str = ""


@dataclass(frozen=True, kw_only=True)
class FalseAlert:
    """An announced alert that met no site, the day it was announced, and what it fell on."""

    alert_id: str
    day: int
    cause: str


@dataclass(frozen=True, kw_only=True)
class Announced:
    """What the announced alerts were worth.

    Attributes
    ----------
    count : int
        All of them, each once.
    on_old_workings : int
        Those on old workings that were being dug.
    wrong : tuple of FalseAlert
        Those that are false. The rest met new sites.
    """

    count: int
    on_old_workings: int
    wrong: tuple[FalseAlert, ...]


@dataclass(frozen=True, kw_only=True)
class Met:
    """What a mapped site met on a day.

    Attributes
    ----------
    new : tuple of str
        Ids of the sites that opened while monitored and were open by then.
    is_old : bool
        Whether it met none of those, but an old working that was being dug, or had been until `nuisance_days` before.
    cause : str
        What it fell on where it met neither; "" where it did.
    """

    new: tuple[str, ...]
    is_old: bool
    cause: str

    @property
    def is_true(self) -> bool:
        """Say whether the ground was being dug, newly or again."""
        return bool(self.new) or self.is_old


class Witness:
    """One who knows the truth and can be asked what a mapped site met."""

    def __init__(self, truth: Truth, options: AssessOptions) -> None:
        self._options = options
        self._sites = _Ground(truth.sites, options.reach_m)
        self._nuisances = _Ground(truth.nuisances, options.reach_m)
        self._new = {site.id for site in new_sites(truth)}

    def meet(self, geometry: BaseGeometry, day: int) -> Met:
        """Say what a geometry (EPSG:4326) met on a day."""
        met = self._sites.met(geometry)
        new = tuple(site.id for site in met if site.id in self._new and site.opened_day < day)
        if new:
            return Met(new=new, is_old=False, cause="")
        if any(site.id not in self._new and site.was_dug(day, self._options.nuisance_days) for site in met):
            return Met(new=(), is_old=True, cause="")
        cause = _cause_among(met, self._new) or _nuisance_at(self._nuisances, geometry, day, self._options)
        return Met(new=(), is_old=False, cause=cause or "nothing")


def outcomes_of(
    truth: Truth, history: Sequence[DekadDecision], until_day: int, options: AssessOptions
) -> list[SiteOutcome]:
    """Return what became of every site that opened while monitored and before the end."""
    new = [site for site in new_sites(truth) if site.opened_day < until_day]
    ground = _Ground(new, options.reach_m)
    found: dict[str, tuple[int, str]] = {}
    for step in history:
        for alert, geometry in _announced(step):
            for site in ground.met(geometry):
                if site.opened_day < dekad_end(step.dekad):
                    found.setdefault(site.id, (dekad_end(step.dekad), alert.id))
    return [_outcome(site, found.get(site.id), until_day, options) for site in new]


def judge_announced(truth: Truth, history: Sequence[DekadDecision], options: AssessOptions) -> Announced:
    """Judge each alert on the day it was first announced.

    One that met a new site that was open is right. One that met an old working which was being dug, or had been until
    at most `nuisance_days` before, is right about the ground, if not about its age, and is counted apart. Any other is
    false.
    """
    witness = Witness(truth, options)
    seen: set[str] = set()
    wrong = []
    on_old_workings = 0
    for step in history:
        for alert, geometry in _announced(step):
            if alert.id in seen:
                continue
            seen.add(alert.id)
            met = witness.meet(geometry, dekad_end(step.dekad))
            on_old_workings += met.is_old
            if not met.is_true:
                wrong.append(FalseAlert(alert_id=alert.id, day=dekad_end(step.dekad), cause=met.cause))
    return Announced(count=len(seen), on_old_workings=on_old_workings, wrong=tuple(wrong))


def area_pairs(
    truth: Truth, history: Sequence[DekadDecision], until_day: int, options: AssessOptions
) -> tuple[float, float]:
    """Return mapped and true area (ha) at the end, over places where announced sites met new sites and no old ones."""
    if not history:
        return 0.0, 0.0
    ground = _Ground(truth.sites, options.reach_m)
    new = {site.id for site in new_sites(truth)}
    rows = {site.id: site for site in history[-1].sites}
    mapped = 0.0
    true: dict[str, float] = {}
    for alert, geometry in _announced(history[-1]):
        met = ground.met(geometry)
        if not met or any(site.id not in new for site in met) or rows[alert.site_id].status is SiteStatus.CLOSED:
            continue
        mapped += rows[alert.site_id].area.ha
        true |= {site.id: site.mined_ha(until_day) for site in met}
    return mapped, sum(true.values())


def new_sites(truth: Truth) -> list[TrueSite]:
    """Return the sites that opened while monitored."""
    return [site for site in truth.sites if not site.existed_before and site.opened_day >= truth.monitored_day]


def _outcome(site: TrueSite, found: tuple[int, str] | None, until_day: int, options: AssessOptions) -> SiteOutcome:
    ends = [end for end, _ in site.mined if end <= until_day]
    return SiteOutcome(
        site_id=site.id,
        area_ha=max(site.mined_ha(day) for day in [until_day, *ends]) if site.mined else site.max_area_ha,
        opened_day=site.opened_day,
        disturbed_day=site.disturbed_day(options.disturbed_ha),
        found_day=found[0] if found else None,
        until_day=until_day,
        alert_id=found[1] if found else "",
    )


def _announced(step: DekadDecision) -> Iterator[tuple[Alert, BaseGeometry]]:
    """Yield the announced alerts of a dekad with the outline of their site."""
    rows = {site.id: site for site in step.sites}
    for alert in sorted(step.alerts, key=lambda alert: alert.id):
        if (alert.held_state or alert.state) in _ANNOUNCED:
            yield alert, rows[alert.site_id].geometry


def _cause_among(met: Sequence[TrueSite], new: set[str]) -> str:
    """Return the cause of an alert that met true sites, none of them a new one that was open."""
    if not met:
        return ""
    return "existing-site" if any(site.id not in new for site in met) else "not-yet-open"


def _nuisance_at(ground: "_Ground[Nuisance]", geometry: BaseGeometry, day: int, options: AssessOptions) -> str:
    """Return the kind of nuisance that an alert fell on: the one it shares most ground with."""
    active = [
        (-round(ground.common_m2(geometry, nuisance), 1), nuisance.kind)
        for nuisance in ground.met(geometry)
        if nuisance.start_day < day and (nuisance.end_day is None or day <= nuisance.end_day + options.nuisance_days)
    ]
    return min(active)[1] if active else ""


class _Placed(Protocol):
    @property
    def geometry(self) -> BaseGeometry: ...


_Item = TypeVar("_Item", bound=_Placed)


class _Ground(Generic[_Item]):
    """True things on a plane of metres, to be met by mapped ones."""

    def __init__(self, items: Sequence[_Item], reach_m: float) -> None:
        self._items = items
        self._reach_m = reach_m
        if items:
            left, bottom, right, top = shapely.total_bounds([item.geometry for item in items])
            epsg = utm_epsg((left + right) / 2.0, (bottom + top) / 2.0)
            self._transformer = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
        self._shapes = [self._metres(item.geometry) for item in items]
        self._tree = shapely.STRtree(self._shapes)

    def met(self, geometry_4326: BaseGeometry) -> list[_Item]:
        """Return the items within reach of a geometry, in their order."""
        if not self._items:
            return []
        found = self._tree.query(self._metres(geometry_4326), predicate="dwithin", distance=self._reach_m)
        return [self._items[number] for number in sorted(int(n) for n in found)]

    def common_m2(self, geometry_4326: BaseGeometry, item: _Item) -> float:
        """Return the area that a geometry and an item share, in m2 on the plane of their UTM zone."""
        return float(shapely.area(shapely.intersection(self._metres(geometry_4326), self._metres(item.geometry))))

    def _metres(self, geometry: BaseGeometry) -> BaseGeometry:
        def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(self._transformer.transform(xy[:, 0], xy[:, 1]))

        moved: BaseGeometry = shapely.transform(geometry, move)
        return moved if moved.is_valid else shapely.make_valid(moved)
