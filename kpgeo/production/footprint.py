"""Size-frequency tables of stones: whether what was exported looks like what was produced.

The profile of sizes (and of value) of a deposit is its footprint; the Kimberley Process compares that of production
with that of exports. The comparison here is by number of stones in classes of size, the only thing a table of sieve
classes holds without further assumptions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from kpgeo.model.errors import BadInputError
from kpgeo.model.finding import Finding, Rule, Weight
from kpgeo.model.ids import make_id
from kpgeo.options.checks import CheckOptions
from kpgeo.production.questions import put_into_words

_LEAST_EXPECTED = 5.0  # Cochran (1954): classes are joined until each is expected to hold as many


@dataclass(frozen=True, kw_only=True)
class SizeTable:
    """Stones by class of size.

    Attributes
    ----------
    edges_ct : tuple of float
        Lower edges of the classes, ct a stone, rising; the last class is open above.
    stones : tuple of int
        Stones in each class.
    """

    participant: str
    iso3: str
    period: str
    edges_ct: tuple[float, ...]
    stones: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class FootprintComparison:
    """How two size tables differ.

    Attributes
    ----------
    gap_frac, at_ct : float
        The largest difference of the shares of stones below a size, and that size (ct a stone).
    pvalue : float
        Chance of so great a difference if both were drawn from one population (chi-squared test of homogeneity).
    effect : float
        Cramér's V, 0 alike to 1 wholly different: with many stones a small difference is certain and may mean nothing.
    """

    gap_frac: float
    at_ct: float
    pvalue: float
    effect: float


def compare_footprints(produced: SizeTable, exported: SizeTable) -> FootprintComparison:
    """Hold the sizes of exported stones against those of produced ones.

    Raises
    ------
    BadInputError
        The tables have other classes, or hold no stones.
    """
    _require_alike(produced, exported)
    counts = np.array([produced.stones, exported.stones], dtype=np.float64)
    shares = np.cumsum(counts / counts.sum(axis=1, keepdims=True), axis=1)
    gaps = np.abs(shares[0] - shares[1])[:-1]
    worst = int(np.argmax(gaps)) if gaps.size else 0
    joined = _joined(counts)
    if joined.shape[1] < 2:
        return FootprintComparison(gap_frac=0.0, at_ct=produced.edges_ct[0], pvalue=1.0, effect=0.0)
    statistic, pvalue, _, _ = chi2_contingency(joined, correction=False)
    return FootprintComparison(
        gap_frac=float(gaps[worst]),
        at_ct=produced.edges_ct[worst + 1],
        pvalue=float(pvalue),
        effect=math.sqrt(float(statistic) / joined.sum()),
    )


def check_footprint(produced: SizeTable, exported: SizeTable, options: CheckOptions) -> list[Finding]:
    """Return a finding where the sizes of produced and exported stones differ by more than chance, or none."""
    compared = compare_footprints(produced, exported)
    if compared.pvalue >= options.footprint_pvalue or compared.effect < options.footprint_effect:
        return []
    finding = Finding(
        id=make_id("finding", Rule.FOOTPRINT, produced.iso3, produced.period),
        rule=Rule.FOOTPRINT,
        weight=Weight.QUESTION,
        participant=produced.participant,
        iso3=produced.iso3,
        periods=(produced.period,),
        numbers={
            "gap_frac": compared.gap_frac,
            "at_ct": compared.at_ct,
            "pvalue": compared.pvalue,
            "effect": compared.effect,
        },
    )
    return [put_into_words(finding)]


def _joined(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Join neighbouring classes until each is expected to hold enough stones in both tables."""
    shares = counts.sum(axis=1) / counts.sum()
    groups: list[NDArray[np.float64]] = []
    pending = np.zeros(2)
    for column in counts.T:
        pending = pending + column
        if (pending.sum() * shares).min() >= _LEAST_EXPECTED:
            groups.append(pending)
            pending = np.zeros(2)
    if pending.any():
        groups = [*groups[:-1], groups[-1] + pending] if groups else [pending]
    return np.array(groups).T


def _require_alike(one: SizeTable, other: SizeTable) -> None:
    for table in (one, other):
        edges: Sequence[float] = table.edges_ct
        is_rising = all(low < high for low, high in pairwise(edges))
        if len(edges) != len(table.stones) or not is_rising or sum(table.stones) <= 0 or min(table.stones) < 0:
            raise BadInputError(
                "A size table needs rising classes and a number of stones for each.",
                where=f"{table.participant} {table.period}",
                remedy="Give the lower edge of each class in carats a stone, and whole numbers of stones.",
            )
    if one.edges_ct != other.edges_ct or one.iso3 != other.iso3:
        raise BadInputError(
            "The two tables are not of the same classes and participant.",
            where=f"{one.participant} {one.period}",
            remedy="Sort both parcels with the same sieves, or join classes until they agree.",
        )
