"""Declared figures held against a capacity that somebody published."""

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

from kpgeo.kernels.capacity import Z90, prob_ratio_above
from kpgeo.model.aoi import Confidence, Sourced
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import Verdict
from kpgeo.options.production import ProductionOptions


@dataclass(frozen=True, kw_only=True)
class PublishedCapacity:
    """The capacity of a participant that somebody published.

    Attributes
    ----------
    low_ct, high_ct : float
        The range, ct a year.
    published_in : int
        The year: people and equipment change, and capacity with them.
    """

    iso3: str
    low_ct: float
    high_ct: float
    published_in: int
    source: Sourced


@cache
def published_capacities() -> dict[str, PublishedCapacity]:
    """Return the published capacities that kpgeo ships, by participant's code."""
    text = files("kpgeo.production").joinpath("published_capacity.csv").read_text(encoding="utf-8")
    return {
        row["iso3"]: PublishedCapacity(
            iso3=row["iso3"],
            low_ct=float(row["low_ct_per_year"]),
            high_ct=float(row["high_ct_per_year"]),
            published_in=int(row["published_in"]),
            source=Sourced(source=row["source"], confidence=cast("Confidence", row["confidence"]), mark=row["mark"]),
        )
        for row in csv.DictReader(text.splitlines())
    }


@dataclass(frozen=True, kw_only=True)
class PublishedCapacityCheck:
    """A declared figure held against a capacity range that somebody published.

    Attributes
    ----------
    verdict : Verdict
        `consistent` or `declared-above-capacity`.
    prob_above_capacity : float
        Probability that capacity is below the declared figure, with the range read as a lognormal's 90 % interval.
    ratio_low, ratio_high : float
        Declared figure over the upper and over the lower end of the range.
    """

    verdict: Verdict
    prob_above_capacity: float
    ratio_low: float
    ratio_high: float


def compare_with_published_capacity(
    declared_ct: float, low_ct: float, high_ct: float, options: ProductionOptions
) -> PublishedCapacityCheck:
    """Hold a declared figure against a published capacity range, such as 480,000–720,000 ct a year for Guinea.

    Raises
    ------
    BadInputError
        The range is empty or not positive, or the figure is negative.
    """
    if not (0.0 < low_ct <= high_ct and declared_ct >= 0.0 and math.isfinite(declared_ct + high_ct)):
        raise BadInputError(
            f"{low_ct} to {high_ct} ct is not a capacity range for {declared_ct} ct.",
            remedy="Give positive carats, the lower end first.",
        )
    sigma = math.log(high_ct / low_ct) / (2.0 * Z90)
    prob = prob_ratio_above(declared_ct / math.sqrt(low_ct * high_ct), sigma, 1.0)
    is_above = prob >= above_threshold(options)
    return PublishedCapacityCheck(
        verdict=Verdict.DECLARED_ABOVE_CAPACITY if is_above else Verdict.CONSISTENT,
        prob_above_capacity=prob,
        ratio_low=declared_ct / high_ct,
        ratio_high=declared_ct / low_ct,
    )


def above_threshold(options: ProductionOptions) -> float:
    """Return the probability from which a figure lies above the central interval (0.95 for 90 %)."""
    return 0.5 * (1.0 + options.interval)
