"""Alarms held against the truth pixel by pixel: how many mined pixels are found, how soon, at how many false alarms."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kpgeo.assess.lag import Lag, lag_of

NO_ALARM = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class PixelTruths:
    """What is true of the pixels that are scored; arrays (pixel,), days as int32.

    Attributes
    ----------
    first_day, opened_day : int32
        Day a mined pixel was first broken, and day it counted as mined. Unused where `is_mined` is False.
    is_mined : bool
        It became mined while monitored. The others were never mined.
    end_day : int
        Day after the last monitored one.
    years : float
        Monitored years.
    """

    first_day: NDArray[np.int32]
    opened_day: NDArray[np.int32]
    is_mined: NDArray[np.bool_]
    end_day: int
    years: float


@dataclass(frozen=True, kw_only=True)
class PixelScore:
    """What alarms are worth, pixel by pixel.

    Attributes
    ----------
    false_rate : float
        Never-mined pixels that were alarmed, a pixel and year.
    false_alarms : int
    pixel_years : float
        Of never-mined pixels.
    found_frac : float
        Share of mined pixels that were found, of those that opened at least the follow-up before the end. An alarm
        before a pixel was first broken is not a detection.
    early : int
        Mined pixels alarmed before they were broken.
    followed : int
        Mined pixels that opened at least the follow-up before the end.
    lag : Lag
        From the day a pixel counted as mined, of all mined pixels; those not found, and those alarmed too early, are
        censored at the end.
    """

    false_rate: float
    false_alarms: int
    pixel_years: float
    found_frac: float
    early: int
    followed: int
    lag: Lag

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON; None stands for what cannot be said."""
        plain = {name: value for name, value in asdict(self).items() if name != "lag"}
        told = {name: value if np.isfinite(value) else None for name, value in plain.items()}
        return told | {"lag": self.lag.to_dict()}


def threshold_at_rate(peaks: NDArray[np.float32], pixel_years: float, rate: float) -> float:
    """Return the smallest threshold that at most `rate` never-mined pixels a pixel and year reach or pass.

    Parameters
    ----------
    peaks : float32 (pixel,)
        Highest score of each never-mined pixel while it was monitored.
    pixel_years : float
        Over which they were monitored, summed.

    Examples
    --------
    >>> float(threshold_at_rate(np.array([0.0, 1.0, 2.0, 3.0], dtype=np.float32), 4.0, 0.5)) > 1.0
    True
    """
    allowed = int(np.floor(rate * pixel_years + 1e-9))
    if allowed >= len(peaks):
        return float(np.min(peaks, initial=0.0))
    highest = np.partition(peaks, len(peaks) - allowed - 1)[len(peaks) - allowed - 1]
    return float(np.nextafter(np.float32(highest), np.float32(np.inf)))


def first_alarm(days: NDArray[np.int32], scores: NDArray[np.float32], threshold: float) -> NDArray[np.int32]:
    """Return the day on which each pixel's score first reached a threshold, `NO_ALARM` where it never did.

    Parameters
    ----------
    days : int32 (look,)
        In time order.
    scores : float32 (look, pixel)
        NaN never reaches anything.
    """
    reached = scores >= np.float32(threshold)
    where = reached.argmax(axis=0)
    return np.where(reached.any(axis=0), days[where], NO_ALARM).astype(np.int32)


def score_pixels(
    alarm_day: NDArray[np.int32], truths: PixelTruths, follow_days: int = 180, horizon_days: float = 180.0
) -> PixelScore:
    """Score the first alarm of every pixel (`NO_ALARM` where there was none) against the truth."""
    mined = truths.is_mined
    alarms = alarm_day[~mined]
    false_alarms, pixel_years = int((alarms < NO_ALARM).sum()), float(len(alarms) * truths.years)
    alarm, first, opened = alarm_day[mined], truths.first_day[mined], truths.opened_day[mined]
    is_early = alarm < first
    is_found = (alarm < truths.end_day) & ~is_early
    is_followed = opened + follow_days <= truths.end_day
    days = np.where(is_found, alarm, truths.end_day) - opened
    return PixelScore(
        false_rate=false_alarms / pixel_years if pixel_years else float("nan"),
        false_alarms=false_alarms,
        pixel_years=pixel_years,
        found_frac=float(is_found[is_followed].mean()) if is_followed.any() else float("nan"),
        early=int(is_early.sum()),
        followed=int(is_followed.sum()),
        lag=lag_of(days.tolist(), is_found.tolist(), horizon_days),
    )


def hit_days(
    alarm_day: NDArray[np.int32], event: NDArray[np.int64], count: int, share: float = 0.25
) -> NDArray[np.int32]:
    """Return the day on which at least a share of each event's pixels had been alarmed, `NO_ALARM` where never.

    Parameters
    ----------
    alarm_day : int32 (pixel,)
        First alarm of each mined pixel; an alarm that does not count must be `NO_ALARM`.
    event : int (pixel,)
        The event each belongs to, 0 to `count` - 1.
    """
    found = np.full(count, NO_ALARM, dtype=np.int32)
    for number in range(count):
        days = np.sort(alarm_day[event == number])
        if len(days):
            found[number] = days[max(int(np.ceil(share * len(days))), 1) - 1]
    return found
