"""What an explanation is made of, and what may be read from a trace before anything is said or drawn."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from kpgeo.model.alert import Alert
from kpgeo.model.aoi import Aoi
from kpgeo.model.calendar import dekad_end, dekad_start
from kpgeo.model.run import Gap
from kpgeo.model.scene import LookClass, Sensor
from kpgeo.model.site import Site
from kpgeo.model.state import MINED, LandState
from kpgeo.model.trace import Beliefs, LookTrace, PixelTrace, mined_prob

TOP_LOOKS = 6
LEAST_NATS = 0.1
NOT_ACQUIRED = LookClass.NOT_ACQUIRED.name.lower()


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One pixel explained.

    Attributes
    ----------
    pixel_id : str
        Names the pixel without saying where it lies.
    lon, lat : float
        Its centre, degrees. For the JSON; no picture shows it.
    site, alert : Site, Alert or None
        What it was chosen for, as it stood when most surely mining.
    rank, of_pixels : int
        Its place among the site's pixels by belief in mining, and how many those are; 1 and 1 for a pixel picked by
        its place.
    history : (int, int)
        First day, and day after the last one, of the history the season was learnt from.
    history_scenes : mapping
        Scenes the season was learnt from, by sensor.
    refit_days : tuple of int
        Days within the time explained from which a season learnt anew holds.
    gaps : tuple of Gap
        What cannot be read now, though the run knew of it.
    """

    aoi: Aoi
    pixel_id: str
    lon: float
    lat: float
    trace: PixelTrace
    site: Site | None
    alert: Alert | None
    rank: int
    of_pixels: int
    history: tuple[int, int]
    history_scenes: Mapping[Sensor, int]
    detector: str
    lineage: str
    snapshot_id: str
    refit_days: tuple[int, ...] = ()
    gaps: tuple[Gap, ...] = ()
    is_simulated: bool = False

    @property
    def first_day(self) -> int:
        """Return the first day explained."""
        return dekad_start(self.trace.dekads[0].dekad)

    @property
    def end_day(self) -> int:
        """Return the day after the last one explained."""
        return dekad_end(self.trace.dekads[-1].dekad)

    @cached_property
    def top_looks(self) -> tuple[LookTrace, ...]:
        """Return the looks that moved the belief most, by time; their numbers are their places, from 1."""
        return self.trace.top_looks(TOP_LOOKS, LEAST_NATS)


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A time in which one state was the likeliest; `DUG` stands for mining. `peak` is its highest belief."""

    state: LandState
    first_day: int
    last_day: int
    peak: float


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What looks added to the log-odds of mining, nats, by kind of sensor."""

    optical_nats: float
    radar_nats: float


def course(trace: PixelTrace) -> Iterator[tuple[int, Beliefs]]:
    """Yield (day, belief) in the order of time: at the start, before and after each clear look, at each dekad's end."""
    yield dekad_start(trace.dekads[0].dekad), trace.dekads[0].start
    for dekad in trace.dekads:
        for look in dekad.looks:
            if look.is_clear:
                yield look.day, look.before
                yield look.day, look.after
        yield dekad_end(dekad.dekad), dekad.end


def likeliest(belief: Beliefs) -> tuple[LandState, float]:
    """Return the likeliest state and its belief; mining is one state, called `DUG`.

    >>> likeliest((0.3, 0.1, 0.0, 0.0, 0.25, 0.35, 0.0))[0].name
    'DUG'
    """
    chances = {state: belief[state] for state in LandState if state not in MINED}
    chances[LandState.DUG] = mined_prob(belief)
    state = max(chances, key=lambda one: (chances[one], -one))
    return state, chances[state]


def spells(trace: PixelTrace) -> tuple[Spell, ...]:
    """Return what was likeliest, spell by spell."""
    found: list[Spell] = []
    for day, belief in course(trace):
        state, chance = likeliest(belief)
        if found and found[-1].state is state:
            last = found.pop()
            found.append(
                Spell(state=state, first_day=last.first_day, last_day=day, peak=max(last.peak, chance)),
            )
        else:
            found.append(Spell(state=state, first_day=day, last_day=day, peak=chance))
    return tuple(found)


def reached(trace: PixelTrace) -> tuple[LookTrace, ...]:
    """Return the looks that reached the pixel, clear or not."""
    return tuple(look for look in trace.looks if look.unseen != NOT_ACQUIRED)


def clear_counts(trace: PixelTrace) -> Counter[Sensor]:
    """Return how many clear looks each sensor had."""
    return Counter(look.sensor for look in trace.looks if look.is_clear)


def blind_spans(explanation: Explanation, *, is_optical: bool) -> list[tuple[int, int]]:
    """Return the spans (day, day) between one clear look and the next, ends included, longest first."""
    clear = [look for look in explanation.trace.looks if look.is_clear and not (is_optical and look.sensor.is_radar)]
    days = [explanation.first_day, *(look.day for look in clear), explanation.end_day]
    return sorted(pairwise(days), key=lambda span: (span[0] - span[1], span[0]))


def weigh_evidence(trace: PixelTrace, since_day: int = 0) -> Evidence:
    """Return what the looks from a day on added to the log-odds of mining."""
    looks = [look for look in trace.looks if look.day >= since_day]
    return Evidence(
        optical_nats=math.fsum(look.move_nats for look in looks if not look.sensor.is_radar),
        radar_nats=math.fsum(look.move_nats for look in looks if look.sensor.is_radar),
    )


def turn_to_mining(trace: PixelTrace) -> LookTrace | None:
    """Return the first look that made mining likelier than not."""
    looks: Sequence[LookTrace] = trace.looks
    return next((look for look in looks if mined_prob(look.before) <= 0.5 < mined_prob(look.after)), None)


def surest(trace: PixelTrace) -> tuple[int, float]:
    """Return the day on which mining was believed most, and how much."""
    day, belief = max(course(trace), key=lambda point: mined_prob(point[1]))
    return day, mined_prob(belief)
