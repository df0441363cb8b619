"""Turns a comparison into sentences in English, French and Portuguese, every number of them taken from its row.

They say what was seen, what was declared, what the one says about the other, and what was not looked at. A figure
"is" or "is not explained under these priors"; kpgeo judges neither law nor intent, and never puts a number on what it
cannot see.
"""

from dataclasses import dataclass

from kpgeo.model.aoi import LANGUAGES, Aoi, Language, RegimeKind
from kpgeo.model.production import Comparison, DeclaredKind, NotAssessable, Verdict
from kpgeo.model.site import Area, sum_areas
from kpgeo.options.production import ProductionOptions
from kpgeo.production.declared_words import say_declared
from kpgeo.production.ground import zone_in
from kpgeo.production.numerals import Numerals
from kpgeo.production.phrases import factor_names, phrases
from kpgeo.production.trend import Trend, diamond_area, outside_area

_SHORT_DAYS = 300


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What the sentences need beside the row.

    Attributes
    ----------
    regimes : tuple of RegimeKind
        Regulatory periods in force during the period.
    is_in_scope : bool
        True where the declared figure is for this AOI and period, or stands for it.
    """

    aoi: Aoi
    regimes: tuple[RegimeKind, ...]
    trend: Trend | None
    is_in_scope: bool


def write_sentences(row: Comparison, wording: Wording, options: ProductionOptions) -> dict[str, tuple[str, ...]]:
    """Return the sentences of a comparison by language: activity, declaration, capacity, verdict, caveats."""
    return {language: _Writer(row, wording, options, language).sentences() for language in LANGUAGES}


class _Writer:
    """Writes one comparison in one language."""

    def __init__(self, row: Comparison, wording: Wording, options: ProductionOptions, language: Language) -> None:
        self._row = row
        self._wording = wording
        self._options = options
        self._language = language
        self._numerals = Numerals(language)

    def sentences(self) -> tuple[str, ...]:
        """Return the sentences in reading order."""
        aoi = self._wording.aoi
        return (
            *self._activity(),
            *(self._say(f"regime-{kind.value}") for kind in self._wording.regimes),
            *self._zone(),
            say_declared(self._row, aoi.iso3, aoi.name(self._language), self._numerals),
            *self._capacity(),
            *self._verdict(),
            *self._caveats(),
        )

    def _say(self, key: str, **words: str) -> str:
        return phrases()[key][self._language].format(period=self._row.period.label, **words)

    def _activity(self) -> list[str]:
        aoi, activities = self._wording.aoi, self._row.activities
        area = diamond_area(aoi, activities)
        words = {
            "aoi": aoi.name(self._language),
            "coverage": self._numerals.percent(self._row.coverage_frac),
            "sites": str(sum(activity.sites for activity in activities)),
            **self._area_words(area),
        }
        written = [self._say("activity-seen" if area.ha > 0.0 else "activity-none", **words)]
        outside = outside_area(aoi, activities)
        if outside.ha > 0.0:
            written.append(self._say("activity-outside", **self._area_words(outside)))
        return written

    def _zone(self) -> list[str]:
        """Say what was dug outside a compliant zone that is drawn."""
        zone = zone_in(self._wording.aoi, self._row.period)
        if not zone:
            return []
        outside = sum_areas([one.new_area for one in self._row.activities if one.stratum_id not in zone])
        return [self._say("zone-outside" if outside.ha > 0.0 else "zone-inside", **self._area_words(outside))]

    def _capacity(self) -> list[str]:
        capacity = self._row.capacity
        if capacity is None or capacity.high_ct <= 0.0:
            return []
        carried = sorted(capacity.spread_frac.items(), key=lambda item: -item[1])
        first, second = [item for item in carried if item[0] != "new_area"][:2]
        written = self._say(
            "capacity",
            low=self._numerals.carats(capacity.low_ct),
            median=self._numerals.carats(capacity.median_ct),
            high=self._numerals.carats(capacity.high_ct),
        )
        spread = self._say(
            "spread",
            first=factor_names()[first[0]][self._language],
            first_frac=self._numerals.percent(first[1]),
            second=factor_names()[second[0]][self._language],
            second_frac=self._numerals.percent(second[1]),
            area_frac=self._numerals.percent(capacity.spread_frac["new_area"]),
        )
        return [written, spread, *self._labour()]

    def _labour(self) -> list[str]:
        labour = self._row.labour
        if labour is None or labour.high_ct <= 0.0:
            return []
        first, share = max(labour.spread_frac.items(), key=lambda item: item[1])
        return [
            self._say(
                "labour",
                low=self._numerals.carats(labour.low_ct),
                median=self._numerals.carats(labour.median_ct),
                high=self._numerals.carats(labour.high_ct),
                first=factor_names()[first][self._language],
                first_frac=self._numerals.percent(share),
            )
        ]

    def _verdict(self) -> list[str]:
        row = self._row
        if row.verdict is Verdict.NOT_ASSESSABLE:
            return [self._reason(reason) for reason in row.reasons]
        if row.verdict is Verdict.CONSISTENT:
            return self._consistent()
        if row.verdict is Verdict.DECLARED_ABOVE_CAPACITY:
            return [self._say("above", prob=self._numerals.odds(row.prob_above_capacity or 0.0))]
        if row.verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION:
            is_missing = row.declared is None or row.declared.kind is DeclaredKind.MISSING
            return [self._say("without-figure" if is_missing else "without-production")]
        return self._trend(row.verdict)

    def _reason(self, reason: NotAssessable) -> str:
        outside, figure = self._row.outside, self._row.declared
        if reason is NotAssessable.COMMODITY and outside is not None and figure is not None and figure.carats:
            low, high = (self._numerals.carats(end) for end in (outside.low_ct, outside.high_ct))
            return self._say("reason-commodity-figure", low=low, high=high)
        return self._say(f"reason-{reason.value}", least=self._numerals.percent(self._options.min_coverage_frac))

    def _consistent(self) -> list[str]:
        row = self._row
        if row.declared is None or not row.declared.carats:
            return [self._say("consistent-none")]
        is_below = row.capacity is not None and row.declared.carats < row.capacity.low_ct
        return [self._say("consistent"), *([self._say("consistent-below")] if is_below else [])]

    def _trend(self, verdict: Verdict) -> list[str]:
        trend = self._wording.trend
        if trend is None:
            return []
        grows = verdict is Verdict.DECLARED_FALLS_ACTIVITY_GROWS
        words = {
            "earlier": trend.earlier,
            "declared_before": self._numerals.number(trend.declared_before_ct, "#,##0"),
            "declared_now": self._numerals.number(trend.declared_now_ct, "#,##0"),
            "area_before": self._numerals.ha(trend.area_before.ha),
            "area_now": self._numerals.ha(trend.area_now.ha),
            "factor": self._numerals.number(self._options.trend_factor, "#,##0.##"),
            "prob": self._numerals.odds(trend.prob_grows if grows else trend.prob_falls),
        }
        return [self._say(verdict.value, **words)]

    def _caveats(self) -> list[str]:
        row, written = self._row, []
        is_flag = row.verdict not in (Verdict.CONSISTENT, Verdict.NOT_ASSESSABLE)
        if row.verdict is Verdict.DECLARED_ABOVE_CAPACITY and row.period.end_day - row.period.start_day < _SHORT_DAYS:
            written.append(self._say("caveat-lag"))
        if row.declared is not None and row.declared.carats and not self._wording.is_in_scope:
            written.append(self._say("caveat-scope", aoi=self._wording.aoi.name(self._language)))
        if is_flag:
            written.append(self._say("caveat-alone"))
        return written

    def _area_words(self, area: Area) -> dict[str, str]:
        return {
            "ha": self._numerals.ha(area.ha),
            "low": self._numerals.ha(area.low_ha),
            "high": self._numerals.ha(area.high_ha),
        }
