"""Operating points: how sure kpgeo must be to announce, and how many false alerts that was measured to cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import digest


@dataclass(frozen=True, kw_only=True)
class OperatingCurve:
    """False alerts and sites found by the confidence that is asked for, at one smallest site size.

    Attributes
    ----------
    min_area_ha : float
        Alerts were raised on sites from this area on.
    confidence : tuple of float
        Thresholds tried, rising, 0–1.
    false_alerts : tuple of int
        At each: announced alerts that met no digging.
    found : dict of str to tuple of int
        At each, by class of true size (`>=0.1` ha, ...): new sites found.
    """

    min_area_ha: float
    confidence: tuple[float, ...]
    false_alerts: tuple[int, ...]
    found: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"curve of {self.min_area_ha} ha"
        rows = [self.false_alerts, *self.found.values()]
        _require(len(self.confidence) >= 2 and _rises(self.confidence), "confidences do not rise", where)
        _require(self.confidence[0] >= 0.0 and self.confidence[-1] <= 1.0, "a confidence is not from 0 to 1", where)
        _require(all(len(row) == len(self.confidence) for row in rows), "rows differ in length", where)
        _require(all(count >= 0 for row in rows for count in row), "a count is negative", where)


@dataclass(frozen=True, kw_only=True)
class BeliefMap:
    """A rising map from what the filter believes to what is so: knots in log-odds, none for no map at all.

    Attributes
    ----------
    believed, true : tuple of float
        Log-odds, both strictly rising; between them straight lines.
    """

    believed: tuple[float, ...] = ()
    true: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _require(len(self.believed) == len(self.true), "knots believed and true differ in number", "belief map")
        _require(_rises(self.believed) and _rises(self.true), "knots do not rise", "belief map")

    @property
    def knots(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return what `kernels.calibrate.calibrate_prob` takes."""
        return self.believed, self.true


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What was measured of one version of the detector where the truth is known, and is carried with it.

    Attributes
    ----------
    detector : str
        Name and version, such as `belief-2`.
    made : str
        ISO date.
    ground : str
        What it was measured on, such as `simulated worlds`; said wherever a rate is.
    settings : tuple of str
        Settings of those worlds.
    seeds : tuple of int
    km2_months : float
        Area times monitored time behind the curves.
    total : dict of str to int
        New sites there were, by class of true size.
    provisional_hits : int
        Hits an alert needed before it was announced.
    options : dict of str to str
        Digest of each stage's options that move the rate.
    curves : tuple of OperatingCurve
        By rising minimum area.
    belief : BeliefMap
        From belief to calibrated belief; made on other worlds than the curves.
    belief_seeds : tuple of int
        The worlds it was made on.
    site : BeliefMap
        From the confidence of a site seen mined to the share of such sites that are being dug, on the worlds of the
        curves.
    """

    detector: str
    made: str
    ground: str
    settings: tuple[str, ...]
    seeds: tuple[int, ...]
    km2_months: float
    total: dict[str, int]
    provisional_hits: int
    options: dict[str, str]
    curves: tuple[OperatingCurve, ...]
    belief: BeliefMap = field(default_factory=BeliefMap)
    belief_seeds: tuple[int, ...] = ()
    site: BeliefMap = field(default_factory=BeliefMap)

    def __post_init__(self) -> None:
        areas = [curve.min_area_ha for curve in self.curves]
        _require(bool(areas) and _rises((0.0, *areas)), "areas of the curves do not rise from above 0", self.detector)
        _require(len({curve.confidence for curve in self.curves}) == 1, "curves differ in confidences", self.detector)
        _require(0.0 < self.km2_months < math.inf, "km2_months is not above 0", self.detector)
        named = all(set(curve.found) == set(self.total) for curve in self.curves)
        _require(named, "classes of size differ", self.detector)
        fits = all(max(row) <= self.total[size] for curve in self.curves for size, row in curve.found.items())
        _require(fits, "more sites are found than there are", self.detector)

    @property
    def digest(self) -> str:
        """Return 12 hex digits that change when anything measured changes."""
        return digest("calibration", {name: repr(value) for name, value in vars(self).items()})[:12]


@dataclass(frozen=True, kw_only=True)
class FalseAlertRate:
    """How many false alerts an operating point stands for, where it was measured.

    Attributes
    ----------
    per_1000km2_month, low, high : float
        False alerts per 1,000 km2 and month with their 95 % interval.
    km2_months : float
        What it was measured on.
    ground : str
        Where: `simulated worlds` is no field accuracy.
    calibration : str
        Detector, date and digest of the calibration.
    """

    per_1000km2_month: float
    low: float
    high: float
    km2_months: float
    ground: str
    calibration: str


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """How sure kpgeo must be of a site, and of which size, to announce it, and what that stands for.

    Attributes
    ----------
    first_confidence, provisional_confidence, confirm_confidence : float
        0–1; an alert is announced from `provisional_confidence` on.
    min_area_ha : float
        Smallest site an alert is raised on.
    asked_per_1000km2_month : float or None
        The rate that was asked for; None where thresholds were given.
    rate : FalseAlertRate or None
        What the point stands for; None where no calibration can say.
    site : BeliefMap
        From a site's confidence to the share of such sites that are being dug; no knots where that is not known.
    caveats : tuple of str
        Why the rate is not known, or in which way the calibration was made with other options.
    """

    first_confidence: float
    provisional_confidence: float
    confirm_confidence: float
    min_area_ha: float
    asked_per_1000km2_month: float | None = None
    rate: FalseAlertRate | None = None
    site: BeliefMap = field(default_factory=BeliefMap)
    caveats: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Return 12 hex digits that change when thresholds, or what is said of them, change."""
        return digest("operating-point", repr(self))[:12]


def _rises(values: Sequence[float]) -> bool:
    """Say whether finite values rise strictly."""
    return all(map(math.isfinite, values)) and all(before < after for before, after in pairwise(values))


def _require(is_so: bool, what: str, where: str) -> None:  # noqa: FBT001
    """Raise BadInputError where a calibration contradicts itself."""
    if not is_so:
        raise BadInputError(
            f"The calibration contradicts itself: {what}.", where=where, remedy="Make it anew; do not edit it."
        )
