"""Turns a comparison into sentences in English, French and Portuguese, every number of them taken from its row.

They say what was seen, what was declared, what the one says about the other, and what was not looked at. A figure
"is" or "is not explained under these priors"; kpgeo judges neither law nor intent, and never puts a number on what it
cannot see.
"""

import datetime as dt
import math
from dataclasses import dataclass

from babel import Locale
from babel.core import get_global
from babel.dates import format_date
from babel.numbers import format_decimal

from kpgeo.model.aoi import Aoi, Language, RegimeKind
from kpgeo.model.production import Comparison, DeclaredFigure, DeclaredKind, Verdict
from kpgeo.model.site import Area
from kpgeo.options.production import ProductionOptions
from kpgeo.production.phrases import factor_names, participant_names, phrases
from kpgeo.production.trend import Trend, diamond_area, outside_area

LANGUAGES: tuple[Language, ...] = ("en", "fr", "pt")
_LOCALES = {"en": "en_GB", "fr": "fr", "pt": "pt_PT"}
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
        self._locale = _LOCALES[language]

    def sentences(self) -> tuple[str, ...]:
        """Return the sentences in reading order."""
        return (
            *self._activity(),
            *(self._say(f"regime-{kind.value}") for kind in self._wording.regimes),
            self._declared(),
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
            "coverage": self._percent(self._row.coverage_frac),
            "sites": str(sum(activity.sites for activity in activities)),
            **self._area_words(area),
        }
        written = [self._say("activity-seen" if area.ha > 0.0 else "activity-none", **words)]
        outside = outside_area(aoi, activities)
        if outside.ha > 0.0:
            written.append(self._say("activity-outside", **self._area_words(outside)))
        return written

    def _declared(self) -> str:
        figure = self._row.declared
        if figure is None:
            return self._say("declared-none", participant=self._participant())
        words = {
            "participant": self._participant(),
            "span": figure.period.label,
            "vintage": self._vintage(figure),
            "carats": self._number(figure.carats or 0.0, "#,##0" if (figure.carats or 0.0) % 1 == 0 else "#,##0.##"),
            "place": self._wording.aoi.name(self._language) if figure.aoi_id else self._say("place-participant"),
        }
        return self._say(f"declared-{figure.kind.value}", **words)

    def _capacity(self) -> list[str]:
        capacity = self._row.capacity
        if capacity is None or capacity.high_ct <= 0.0:
            return []
        carried = sorted(capacity.spread_frac.items(), key=lambda item: -item[1])
        first, second = [item for item in carried if item[0] != "new_area"][:2]
        written = self._say(
            "capacity",
            low=self._carats(capacity.low_ct),
            median=self._carats(capacity.median_ct),
            high=self._carats(capacity.high_ct),
        )
        spread = self._say(
            "spread",
            first=factor_names()[first[0]][self._language],
            first_frac=self._percent(first[1]),
            second=factor_names()[second[0]][self._language],
            second_frac=self._percent(second[1]),
            area_frac=self._percent(capacity.spread_frac["new_area"]),
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
                low=self._carats(labour.low_ct),
                median=self._carats(labour.median_ct),
                high=self._carats(labour.high_ct),
                first=factor_names()[first][self._language],
                first_frac=self._percent(share),
            )
        ]

    def _verdict(self) -> list[str]:
        row = self._row
        if row.verdict is Verdict.NOT_ASSESSABLE:
            least = self._percent(self._options.min_coverage_frac)
            return [self._say(f"reason-{reason.value}", least=least) for reason in row.reasons]
        if row.verdict is Verdict.CONSISTENT:
            return self._consistent()
        if row.verdict is Verdict.DECLARED_ABOVE_CAPACITY:
            return [self._say("above", prob=self._percent(row.prob_above_capacity or 0.0))]
        if row.verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION:
            is_missing = row.declared is None or row.declared.kind is DeclaredKind.MISSING
            return [self._say("without-figure" if is_missing else "without-production")]
        return self._trend(row.verdict)

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
            "declared_before": self._number(trend.declared_before_ct, "#,##0"),
            "declared_now": self._number(trend.declared_now_ct, "#,##0"),
            "area_before": self._ha(trend.area_before.ha),
            "area_now": self._ha(trend.area_now.ha),
            "factor": self._number(self._options.trend_factor, "#,##0.##"),
            "prob": self._percent(trend.prob_grows if grows else trend.prob_falls),
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

    def _participant(self) -> str:
        """Return the participant's name: its own in English, that of its country in the other languages."""
        if self._language == "en":
            return self._row.participant
        own = participant_names().get(self._wording.aoi.iso3, {}).get(self._language)
        codes = get_global("territory_aliases").get(self._wording.aoi.iso3, ())
        names = Locale.parse(self._locale).territories
        return own or (names.get(codes[0]) if codes else None) or self._row.participant

    def _area_words(self, area: Area) -> dict[str, str]:
        return {"ha": self._ha(area.ha), "low": self._ha(area.low_ha), "high": self._ha(area.high_ha)}

    def _vintage(self, figure: DeclaredFigure) -> str:
        if figure.as_published_on is None:
            return self._say("vintage-unknown")
        return self._say("vintage", date=self._date(figure.as_published_on))

    def _date(self, date: dt.date) -> str:
        written = format_date(date, format="long", locale=self._locale)
        return f"1er{written[1:]}" if self._language == "fr" and date.day == 1 else written

    def _number(self, value: float, pattern: str) -> str:
        return format_decimal(value, format=pattern, locale=self._locale)

    def _ha(self, ha: float) -> str:
        return self._number(ha, "#,##0.0" if ha >= 1.0 or ha == 0.0 else "#,##0.00")

    def _carats(self, carats: float) -> str:
        return self._number(_round_to_two(carats), "#,##0")

    def _percent(self, frac: float) -> str:
        """Write a share; close to 0 and 1 it is written as a bound, because no model is that sure."""
        if 0.0 < frac < 0.005:
            return self._say("less-than-1")
        if 0.995 <= frac < 1.0:
            return self._say("more-than-99")
        return f"{self._number(100.0 * frac, '0')}\u00a0%"


def _round_to_two(value: float) -> float:
    """Round to two significant digits: the interval is no sharper than that.

    >>> _round_to_two(96_400.0), _round_to_two(5.4), _round_to_two(0.0)
    (96000.0, 5.0, 0.0)
    """
    if value <= 0.0:
        return 0.0
    return round(value, min(1 - math.floor(math.log10(value)), 0))
