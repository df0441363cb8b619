"""How long it took, with what was never found counted as censored, so that missing does not look fast."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Lag:
    """Days from an event to its detection.

    Attributes
    ----------
    found, censored : int
        Events that were detected, and those that were not by the end.
    median_days : float
        Kaplan-Meier median; NaN where fewer than half were found.
    restricted_mean_days : float
        Mean of min(lag, horizon): the area under the Kaplan-Meier curve up to the horizon; NaN without events.
    share_30, share_60 : float
        Share found within 30 and 60 days (Kaplan-Meier); NaN without events.
    """

    found: int
    censored: int
    median_days: float
    restricted_mean_days: float
    share_30: float
    share_60: float

    def to_dict(self) -> dict[str, int | float | None]:
        """Return plain JSON; None stands for NaN."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


def lag_of(days: Sequence[float], is_found: Sequence[bool], horizon_days: float) -> Lag:
    """Summarise lags.

    Parameters
    ----------
    days : sequence of float
        Days from the event to its detection, or to the end where it was not detected. Detections before the event count
        as 0 days.
    is_found : sequence of bool
        Whether it was detected.
    """
    times = np.maximum(np.asarray(days, dtype=np.float64), 0.0)
    found = np.asarray(is_found, dtype=bool)
    if not len(times):
        return Lag(
            found=0, censored=0, median_days=np.nan, restricted_mean_days=np.nan, share_30=np.nan, share_60=np.nan
        )
    steps, surviving = survival(times, found)
    below = steps[surviving <= 0.5]
    return Lag(
        found=int(found.sum()),
        censored=int((~found).sum()),
        median_days=float(below[0]) if len(below) else np.nan,
        restricted_mean_days=_area_below(steps, surviving, horizon_days),
        share_30=1.0 - _value_at(steps, surviving, 30.0),
        share_60=1.0 - _value_at(steps, surviving, 60.0),
    )


def survival(
    times: NDArray[np.float64], is_found: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Kaplan-Meier curve: times at which something was found, and the share not found from then on.

    Kaplan and Meier (1958), eq. 2b: S(t) = product over t_i <= t of 1 - d_i / n_i.
    """
    steps = np.unique(times[is_found])
    at_risk = np.array([(times >= step).sum() for step in steps], dtype=np.float64)
    events = np.array([((times == step) & is_found).sum() for step in steps], dtype=np.float64)
    return steps, np.cumprod(1.0 - events / at_risk, dtype=np.float64)


def _value_at(steps: NDArray[np.float64], surviving: NDArray[np.float64], day: float) -> float:
    passed = int(np.searchsorted(steps, day, side="right"))
    return float(surviving[passed - 1]) if passed else 1.0


def _area_below(steps: NDArray[np.float64], surviving: NDArray[np.float64], horizon: float) -> float:
    """Return the area under a survival curve from 0 to a horizon."""
    inner = steps < horizon
    edges = np.concatenate([[0.0], steps[inner], [horizon]])
    heights = np.concatenate([[1.0], surviving[inner]])
    return float((np.diff(edges) * heights).sum())
