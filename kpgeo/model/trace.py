"""A trace: what one pixel showed, look by look, and what the detector came to believe of it."""

import math
from dataclasses import dataclass

from kpgeo.model.scene import RADAR_BANDS, Sensor
from kpgeo.model.state import FILTER_BANDS, MINED, LandState

_LEAST = 1e-12  # smaller beliefs are taken for this one, so that their logarithms are finite

Beliefs = tuple[float, ...]
"""Probabilities, 0–1, in the order of `LandState`."""


def mined_prob(belief: Beliefs) -> float:
    """Return the belief that a pixel is dug or pond.

    >>> mined_prob((0.2, 0.0, 0.0, 0.0, 0.5, 0.25, 0.05))
    0.75
    """
    return math.fsum(belief[state] for state in MINED)


def mined_log_odds(belief: Beliefs) -> float:
    """Return the log-odds of mining (nats): 0 is as likely as not, 2.2 is nine to one.

    The rest is added up by itself, because 1 - p of a p near 1 has no digits left.

    >>> round(mined_log_odds((0.1, 0.0, 0.0, 0.0, 0.9, 0.0, 0.0)), 3)
    2.197
    """
    rest = math.fsum(prob for state, prob in zip(LandState, belief, strict=True) if state not in MINED)
    return math.log(max(mined_prob(belief), _LEAST)) - math.log(max(rest, _LEAST))


@dataclass(frozen=True, kw_only=True)
class LookTrace:
    """One acquisition of one pixel, and what it did to the belief.

    Attributes
    ----------
    seen : tuple of float
        Reflectance in `FILTER_BANDS`, or vv and vh in dB less `level_db`; empty where the pixel was not clear.
    expected, scatter : tuple of float
        What the season has there on the day, and the scatter the detector grants a look of this sensor; same units.
    level_db : tuple of float
        What was taken from a radar look for its whole tile (soil moisture); empty for optical looks.
    before, after : Beliefs
        The belief as passing time brought it to the day, and as the look left it.
    unseen : str
        Why the pixel was not clear, as a `LookClass` name in lower case, or `margin` where its own class was clear but
        a cloud was near, or the look hazy or implausible; empty where it was clear.
    """

    day: int
    sensor: Sensor
    scene_id: str
    seen: tuple[float, ...]
    expected: tuple[float, ...]
    scatter: tuple[float, ...]
    level_db: tuple[float, ...]
    before: Beliefs
    after: Beliefs
    unseen: str = ""

    @property
    def bands(self) -> tuple[str, ...]:
        """Return the names of the bands, in order."""
        return RADAR_BANDS if self.sensor.is_radar else FILTER_BANDS

    @property
    def is_clear(self) -> bool:
        """Say whether the pixel was clearly seen."""
        return bool(self.seen)

    @property
    def move_nats(self) -> float:
        """Return what the look added to the log-odds of mining; 0 where it was not clear."""
        return mined_log_odds(self.after) - mined_log_odds(self.before) if self.is_clear else 0.0

    @property
    def gain_nats(self) -> float:
        """Return how far the look moved the belief in all states: sum of after ln(after / before), never negative.

        The log-odds of mining swing widely where mining is all but ruled out, and nothing hangs on it there; this does
        not (Kullback & Leibler 1951, eq. 2.4).
        """
        moved = ((max(q, _LEAST), max(p, _LEAST)) for p, q in zip(self.before, self.after, strict=True))
        return max(math.fsum(q * math.log(q / p) for q, p in moved), 0.0) if self.is_clear else 0.0

    @property
    def departures(self) -> tuple[float, ...]:
        """Return what was seen less what was expected, in scatters, by band; empty where it was not clear."""
        if not self.is_clear:
            return ()
        return tuple((x - m) / s for x, m, s in zip(self.seen, self.expected, self.scatter, strict=True))


@dataclass(frozen=True, kw_only=True)
class DekadTrace:
    """One dekad of one pixel.

    Attributes
    ----------
    start, end : Beliefs
        The belief at the end of the dekad before and at the end of this one, as the state codes them.
    onset_day : int
        Day digging began, as known at the end of the dekad; `NO_DAY` where never.
    mined_frac : float
        Share of the pixel that is mined, 0–1, as last seen mined.
    optical, optical_scatter : tuple of float
        The season in `FILTER_BANDS` in the middle of the dekad, and its scatter; reflectance.
    radar, radar_scatter : tuple of float
        The same of vv and vh, dB.
    """

    dekad: int
    start: Beliefs
    end: Beliefs
    looks: tuple[LookTrace, ...]
    onset_day: int
    mined_frac: float
    optical: tuple[float, ...]
    optical_scatter: tuple[float, ...]
    radar: tuple[float, ...]
    radar_scatter: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class PixelTrace:
    """All that was watched of one pixel, in the order of time.

    Attributes
    ----------
    row, col : int
        The pixel in its grid.
    dekads : tuple of DekadTrace
        Without a hole between them; at least one.
    apart : tuple of (int, float)
        Dekads in which the belief folded again is not, bit for bit, the one the state holds, and by how much the two
        differ most (0–1). Empty where all are the same.
    """

    row: int
    col: int
    dekads: tuple[DekadTrace, ...]
    apart: tuple[tuple[int, float], ...] = ()

    @property
    def looks(self) -> tuple[LookTrace, ...]:
        """Return the looks of all dekads."""
        return tuple(look for dekad in self.dekads for look in dekad.looks)

    def top_looks(self, count: int, least_nats: float = 0.0) -> tuple[LookTrace, ...]:
        """Return the clear looks that moved the belief most (`gain_nats`), and by `least_nats` at least, by time."""
        moved = [look for look in self.looks if look.is_clear and look.gain_nats >= least_nats]
        strongest = sorted(moved, key=lambda look: (-look.gain_nats, look.day, look.scene_id))[:count]
        return tuple(sorted(strongest, key=lambda look: (look.day, look.scene_id)))
