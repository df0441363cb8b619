"""A run held against the truth: sites found and missed, false alerts and what they fell on, lag, area."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kpgeo.assess.estimators import wilson_interval
from kpgeo.assess.lag import Lag, lag_of
from kpgeo.assess.match import FalseAlert, SiteOutcome, area_pairs, judge_announced, outcomes_of
from kpgeo.assess.truth import Truth
from kpgeo.kernels.counts import poisson_interval
from kpgeo.model.calendar import dekad_end
from kpgeo.model.decision import DekadDecision
from kpgeo.options.assess import AssessOptions

SIZE_CLASSES = {">=0.1": (0.1, np.inf), ">=0.05": (0.05, np.inf), "0.03-0.1": (0.03, 0.1)}
"""Classes of mined area at the end of the run, ha: from, below."""
HEADLINE = ">=0.1"
_DAYS_A_MONTH = 365.25 / 12.0


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one run, or several pooled, came to.

    Attributes
    ----------
    outcomes : tuple of SiteOutcome
        Every site that opened while monitored.
    false_alerts : tuple of FalseAlert
        Announced alerts that met neither such a site nor an old working that was being dug.
    on_old_workings : int
        Announced alerts on old workings that were being dug.
    km2_months : float
        Monitored area times time, summed over runs.
    mapped_ha, true_ha : float
        Area of the found sites at the end, as mapped and in truth.
    horizon_days : int
        Of the restricted mean lag.
    """

    name: str
    outcomes: tuple[SiteOutcome, ...]
    false_alerts: tuple[FalseAlert, ...]
    announced: int
    on_old_workings: int
    km2_months: float
    mapped_ha: float
    true_ha: float
    horizon_days: int

    def recall(self, size: str = HEADLINE) -> tuple[int, int]:
        """Return how many sites of a size class were found, and how many there were."""
        mine = self._of_size(size)
        return sum(outcome.found_day is not None for outcome in mine), len(mine)

    def false_rate(self) -> tuple[float, float, float]:
        """Return false alerts per 1,000 km2 and month, with their 95 % interval."""
        count, exposure = len(self.false_alerts), self.km2_months / 1000.0
        return count / exposure, *poisson_interval(count, exposure)

    def causes(self) -> dict[str, int]:
        """Return false alerts by what they fell on."""
        return dict(sorted(Counter(alert.cause for alert in self.false_alerts).items()))

    def lag(self, size: str = HEADLINE) -> Lag:
        """Return the days from the opening of a site to the end of the dekad its alert was first provisional in."""
        mine = self._of_size(size)
        days = [(outcome.found_day or outcome.until_day) - outcome.opened_day for outcome in mine]
        return lag_of(days, [outcome.found_day is not None for outcome in mine], self.horizon_days)

    def lag_from_disturbed(self, size: str = HEADLINE) -> Lag:
        """Return the days from the day a site had reached the reportable size."""
        mine = [outcome for outcome in self._of_size(size) if outcome.disturbed_day is not None]
        days = [(outcome.found_day or outcome.until_day) - (outcome.disturbed_day or 0) for outcome in mine]
        return lag_of(days, [outcome.found_day is not None for outcome in mine], self.horizon_days)

    @property
    def area_ratio(self) -> float:
        """Return mapped over true area of the found sites; NaN where none was found."""
        return self.mapped_ha / self.true_ha if self.true_ha > 0.0 else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON: every figure with its count and interval. None stands for what cannot be said."""
        rate, low, high = self.false_rate()
        ratio = self.area_ratio
        return {
            "name": self.name,
            "recall": {size: self._recall_dict(size) for size in SIZE_CLASSES},
            "announced": self.announced,
            "on_old_workings": self.on_old_workings,
            "false_alerts": {
                "count": len(self.false_alerts),
                "km2_months": self.km2_months,
                "per_1000km2_month": rate,
                "low": low,
                "high": high,
                "by_cause": self.causes(),
            },
            "lag": self.lag().to_dict(),
            "lag_from_disturbed": self.lag_from_disturbed().to_dict(),
            "area": {
                "mapped_ha": self.mapped_ha,
                "true_ha": self.true_ha,
                "ratio": ratio if np.isfinite(ratio) else None,
            },
        }

    def _of_size(self, size: str) -> list[SiteOutcome]:
        low, high = SIZE_CLASSES[size]
        return [outcome for outcome in self.outcomes if low <= outcome.area_ha < high]

    def _recall_dict(self, size: str) -> dict[str, float | int | None]:
        found, total = self.recall(size)
        low, high = wilson_interval(found, total)
        return {"found": found, "total": total, "share": found / total if total else None, "low": low, "high": high}


def score_run(truth: Truth, history: Sequence[DekadDecision], until_day: int, options: AssessOptions) -> Score:
    """Score a run against the truth.

    A site that opened while monitored is found on the day after the first dekad in which an announced alert
    (provisional or further) stands on a site that meets it. An announced alert is false if, when first announced, its
    site met neither such a site that was open by then nor an old working that was being dug.

    Parameters
    ----------
    history : sequence of DekadDecision
        Alerts and sites as they stood at the end of each dekad.
    until_day : int
        Score what was known before this day.
    """
    known = sorted((step for step in history if dekad_end(step.dekad) <= until_day), key=lambda step: step.dekad)
    outcomes = outcomes_of(truth, known, until_day, options)
    judged = judge_announced(truth, known, options)
    mapped_ha, true_ha = area_pairs(truth, known, until_day, options)
    months = max(until_day - truth.monitored_day, 1) / _DAYS_A_MONTH
    return Score(
        name=truth.name,
        outcomes=tuple(outcomes),
        false_alerts=judged.wrong,
        announced=judged.count,
        on_old_workings=judged.on_old_workings,
        km2_months=truth.area_km2 * months,
        mapped_ha=mapped_ha,
        true_ha=true_ha,
        horizon_days=options.horizon_days,
    )


def pool_scores(scores: Sequence[Score], name: str = "pooled") -> Score:
    """Return several runs as one."""
    return Score(
        name=name,
        outcomes=tuple(outcome for score in scores for outcome in score.outcomes),
        false_alerts=tuple(alert for score in scores for alert in score.false_alerts),
        announced=sum(score.announced for score in scores),
        on_old_workings=sum(score.on_old_workings for score in scores),
        km2_months=sum(score.km2_months for score in scores),
        mapped_ha=sum(score.mapped_ha for score in scores),
        true_ha=sum(score.true_ha for score in scores),
        horizon_days=min(score.horizon_days for score in scores),
    )


_COLUMNS = (
    "world",
    ">=0.1 ha",
    ">=0.05 ha",
    "0.03-0.1 ha",
    "old",
    "false",
    "/1000km2/month",
    "lag d",
    "in 60 d",
    "lag* d",
    "area",
)


def format_table(scores: Sequence[Score]) -> str:
    """Return a plain-text table: a row for each score and one for all of them pooled, and what false alerts fell on.

    Recall is found/total with its Wilson interval; `lag` is the Kaplan-Meier median from opening, `lag*` from the day
    the site had reached the reportable size; `old` counts announced alerts on old workings that were being dug, which
    `false` leaves out; `area` is mapped over true. A dash stands for what cannot be said.
    """
    pooled = [pool_scores(scores)] if len(scores) > 1 else []
    rows = [_COLUMNS, *(_cells(score) for score in [*scores, *pooled])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    causes = (pooled or list(scores))[0].causes() if scores else {}
    if causes:
        lines.append("false alerts fell on: " + ", ".join(f"{cause} {count}" for cause, count in causes.items()))
    return "\n".join(lines) + "\n"


def _cells(score: Score) -> tuple[str, ...]:
    """Return one row of the table."""
    rate, low, high = score.false_rate()
    lag = score.lag()
    return (
        score.name,
        *(_share(*score.recall(size)) for size in SIZE_CLASSES),
        str(score.on_old_workings),
        str(len(score.false_alerts)),
        f"{rate:.1f} [{low:.1f}-{high:.1f}]",
        _number(lag.median_days, "{:.0f}"),
        _number(lag.share_60, "{:.0%}"),
        _number(score.lag_from_disturbed().median_days, "{:.0f}"),
        _number(score.area_ratio, "{:.2f}"),
    )


def _share(found: int, total: int) -> str:
    low, high = wilson_interval(found, total)
    return f"{found}/{total} [{low:.2f}-{high:.2f}]" if total else "-"


def _number(value: float, pattern: str) -> str:
    return pattern.format(value) if np.isfinite(value) else "-"
