"""Choosing an operating point: how sure to be, from the false alerts somebody puts up with."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kpgeo.kernels.calibrate import calibrate_prob
from kpgeo.kernels.counts import fit_falling, poisson_interval, resolvable_rate
from kpgeo.model.errors import BadInputError
from kpgeo.model.operating import Calibration, FalseAlertRate, OperatingPoint
from kpgeo.options.alerts import AlertOptions

_KM2 = 1000.0
NO_CALIBRATION = "no-calibration"
OUTSIDE_CONFIDENCES = "outside-the-confidences-measured"
OUTSIDE_AREAS = "outside-the-areas-measured"
OTHER_HITS = "other-hits-than-calibrated"
OTHER_OPTIONS = "other-options-than-calibrated"

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def choose_operating_point(
    options: AlertOptions, calibration: Calibration | None, detector: str, digests: Mapping[str, str]
) -> OperatingPoint:
    """Return how sure to be of a site to announce it, and what rate of false alerts that stands for.

    Where the options give `provisional_confidence`, it stands, and the calibration only says what it costs. Where they
    ask for a rate, the confidence is the smallest that keeps to it: it finds most. Curves are made to fall (isotonic)
    and read along straight lines between what was measured; nothing is read beyond it.

    Parameters
    ----------
    calibration : Calibration or None
        What kpgeo carries for the detector.
    detector : str
        The detector in use, such as `belief-2`.
    digests : mapping of str to str
        Digest of the options in use, by stage; where one differs from the calibration's, the point says so.

    Raises
    ------
    BadInputError
        A rate is asked for and there is no calibration of this very detector, or it is beyond what was measured, or
        less than a measurement of this size can vouch for; or the confidences that result do not rise.
    """
    if calibration is not None and calibration.detector != detector:
        raise BadInputError(
            f"The calibration is of the detector {calibration.detector}, and {detector} is in use.",
            where="calibration",
            remedy="Calibrate this version: python -m benchmarks.operating.",
        )
    if options.is_decided:
        point = _point(options, *options.confidences())
        return _rated(point, calibration, options, digests)
    if calibration is None:
        raise BadInputError(
            f"The detector {detector} carries no calibration, so no rate of false alerts can be asked of it.",
            where="alerts.false_alerts_per_1000km2_month",
            remedy="Give alerts.provisional_confidence instead, or calibrate: python -m benchmarks.operating.",
        )
    needed = confidence_for(calibration, options.false_alerts_per_1000km2_month or 0.0, options.min_area_ha)
    point = _point(options, *options.confidences(needed))
    if not point.first_confidence <= point.provisional_confidence <= point.confirm_confidence:
        raise BadInputError(
            f"The rate asks for a provisional_confidence of {needed:.3f}, and first_confidence is "
            f"{point.first_confidence:.3f}, confirm_confidence {point.confirm_confidence:.3f}: they must not fall.",
            where="alerts",
            remedy="Leave first_confidence and confirm_confidence out.",
        )
    return _rated(point, calibration, options, digests)


def confidence_for(calibration: Calibration, per_1000km2_month: float, min_area_ha: float) -> float:
    """Return the smallest confidence that keeps to a rate of false alerts, for sites from an area on.

    Raises
    ------
    BadInputError
        The area or the rate lies outside what was measured, or the rate is less than can be resolved.
    """
    _require_area(calibration, min_area_ha)
    least = resolvable_rate(calibration.km2_months) * _KM2
    if per_1000km2_month < least:
        raise _no_rate(
            per_1000km2_month,
            f"{calibration.km2_months:,.0f} km2 months were measured; even no false alert in them vouches for no less "
            f"than {least:.2g} (rule of three)",
            f"Ask for {math.ceil(least * 100.0) / 100.0:g} or more.",
        )
    confidence, rates = _curve(calibration, min_area_ha)
    if per_1000km2_month < rates[-1]:
        raise _no_rate(
            per_1000km2_month,
            f"the highest confidence measured, {confidence[-1]:g}, still leaves {rates[-1]:.2g}",
            f"Ask for {math.ceil(rates[-1] * 100.0) / 100.0:g} or more, or for larger sites.",
        )
    if per_1000km2_month > rates[0]:
        raise _no_rate(
            per_1000km2_month,
            f"the lowest confidence measured, {confidence[0]:g}, leaves only {rates[0]:.2g}",
            f"Ask for {math.floor(rates[0] * 100.0) / 100.0:g} or less.",
        )
    after = int(np.argmax(rates <= per_1000km2_month))
    if after == 0:
        return float(confidence[0])
    span = rates[after - 1] - rates[after]
    share = (rates[after - 1] - per_1000km2_month) / span
    return float(confidence[after - 1] + share * (confidence[after] - confidence[after - 1]))


def rate_at(calibration: Calibration, confidence: float, min_area_ha: float) -> FalseAlertRate | None:
    """Return the false alerts a confidence and an area stand for; None outside what was measured.

    The interval reaches from the lower end at the next higher confidence measured (and the next larger area) to the
    upper end at the next lower one: false alerts fall with both, so it holds between them.
    """
    known = calibration.curves[0].confidence
    if not (_has_area(calibration, min_area_ha) and known[0] <= confidence <= known[-1]):
        return None
    _, rates = _curve(calibration, min_area_ha)
    exposure = calibration.km2_months / _KM2
    lower_area, upper_area, _ = _neighbours(calibration, min_area_ha)
    counts = _falling_counts(calibration)
    before = int(np.searchsorted(known, confidence, side="right")) - 1
    after = int(np.searchsorted(known, confidence, side="left"))
    return FalseAlertRate(
        per_1000km2_month=float(np.interp(confidence, known, rates)),
        low=poisson_interval(float(counts[upper_area, after]), exposure)[0],
        high=poisson_interval(float(counts[lower_area, before]), exposure)[1],
        km2_months=calibration.km2_months,
        ground=calibration.ground,
        calibration=f"{calibration.detector} of {calibration.made} ({calibration.digest})",
    )


def true_share(point: OperatingPoint, confidence: float) -> float | None:
    """Return which share of the sites of a confidence is being dug, where it was measured; None where it is not known.

    Confidence ranks; this is the frequency that goes with it, among sites seen mined, announced or not.
    """
    if not point.site.believed:
        return None
    return float(calibrate_prob(np.array([confidence], dtype=np.float32), point.site.knots)[0])


def operating_content(point: OperatingPoint) -> dict[str, Json]:
    """Return an operating point as plain JSON."""
    content: dict[str, Json] = {
        "announced_from_confidence": round(point.provisional_confidence, 4),
        "min_area_ha": point.min_area_ha,
        "asked_per_1000km2_month": point.asked_per_1000km2_month,
        "caveats": list(point.caveats),
        "statement": operating_sentence(point),
    }
    rate = point.rate
    if rate is None:
        return content | {"false_alerts_per_1000km2_month": None}
    return content | {
        "false_alerts_per_1000km2_month": round(rate.per_1000km2_month, 3),
        "false_alerts_low": round(rate.low, 3),
        "false_alerts_high": round(rate.high, 3),
        "measured_on": rate.ground,
        "measured_km2_months": round(rate.km2_months, 1),
        "calibration": rate.calibration,
    }


def operating_sentence(point: OperatingPoint) -> str:
    """Say in one sentence what an operating point stands for."""
    told = f"Announced from confidence {point.provisional_confidence:.2f} and {point.min_area_ha:g} ha on"
    but = f" Caution: {', '.join(point.caveats)}." if point.caveats else ""
    rate = point.rate
    if rate is None:
        return f"{told}; how many false alerts that stands for is not known.{but}"
    return (
        f"{told}: on {rate.ground} {rate.per_1000km2_month:.2g} false alerts per 1,000 km2 and month "
        f"({rate.low:.2g} to {rate.high:.2g}, {rate.km2_months:,.0f} km2 months, {rate.calibration}); that is no field "
        f"accuracy.{but}"
    )


def _point(options: AlertOptions, first: float, provisional: float, confirm: float) -> OperatingPoint:
    """Return a point of which nothing is known yet."""
    return OperatingPoint(
        first_confidence=first,
        provisional_confidence=provisional,
        confirm_confidence=confirm,
        min_area_ha=options.min_area_ha,
        asked_per_1000km2_month=options.false_alerts_per_1000km2_month,
    )


def _rated(
    point: OperatingPoint, calibration: Calibration | None, options: AlertOptions, digests: Mapping[str, str]
) -> OperatingPoint:
    """Return a point with what a calibration says of it, and what must be said with that."""
    if calibration is None:
        return replace(point, caveats=(NO_CALIBRATION,))
    rate = rate_at(calibration, point.provisional_confidence, point.min_area_ha)
    if rate is None:
        is_area = _has_area(calibration, point.min_area_ha)
        return replace(point, caveats=(OUTSIDE_CONFIDENCES if is_area else OUTSIDE_AREAS,))
    others = [stage for stage, known in sorted(calibration.options.items()) if digests.get(stage, known) != known]
    caveats = [f"{OTHER_OPTIONS}:{stage}" for stage in others]
    if options.provisional_hits != calibration.provisional_hits:
        caveats.insert(0, OTHER_HITS)
    return replace(point, rate=rate, site=calibration.site, caveats=tuple(caveats))


def _curve(calibration: Calibration, min_area_ha: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return confidences and falling rates for an area, between two measured ones by the logarithm of the area."""
    lower, upper, share = _neighbours(calibration, min_area_ha)
    counts = _falling_counts(calibration)
    rates = ((1.0 - share) * counts[lower] + share * counts[upper]) / (calibration.km2_months / _KM2)
    return np.array(calibration.curves[0].confidence), rates


def _falling_counts(calibration: Calibration) -> NDArray[np.float64]:
    """Return false alerts (area, confidence) that never rise with either: a smaller area leaves no fewer."""
    fitted = np.stack([fit_falling(curve.false_alerts) for curve in calibration.curves])
    falling: NDArray[np.float64] = np.maximum.accumulate(fitted[::-1], axis=0)[::-1]
    return falling


def _neighbours(calibration: Calibration, min_area_ha: float) -> tuple[int, int, float]:
    """Return the curves on either side of an area, and how far it lies from the first to the second."""
    areas = [curve.min_area_ha for curve in calibration.curves]
    lower = int(np.searchsorted(areas, min_area_ha, side="right")) - 1
    upper = int(np.searchsorted(areas, min_area_ha, side="left"))
    if lower == upper:
        return lower, upper, 0.0
    return lower, upper, math.log(min_area_ha / areas[lower]) / math.log(areas[upper] / areas[lower])


def _has_area(calibration: Calibration, min_area_ha: float) -> bool:
    return calibration.curves[0].min_area_ha <= min_area_ha <= calibration.curves[-1].min_area_ha


def _require_area(calibration: Calibration, min_area_ha: float) -> None:
    if not _has_area(calibration, min_area_ha):
        low, high = calibration.curves[0].min_area_ha, calibration.curves[-1].min_area_ha
        raise BadInputError(
            f"Rates were measured for smallest sites of {low:g} to {high:g} ha, not of {min_area_ha:g} ha.",
            where="alerts.min_area_ha",
            remedy=f"Use {low:g} to {high:g} ha, or give provisional_confidence instead of a rate.",
        )


def _no_rate(asked: float, why: str, remedy: str) -> BadInputError:
    return BadInputError(
        f"{asked:g} false alerts per 1,000 km2 and month cannot be asked for: {why}.",
        where="alerts.false_alerts_per_1000km2_month",
        remedy=remedy,
    )
